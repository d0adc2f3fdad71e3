"""The simulator: the same bytes for the same scenario, misbehaviour at its rate, and a truth that the log agrees with."""

import json
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plain_marts import plain_marts
from scale import AT_CI, at_ci

from assay.errors import ConfigurationError, StorageError
from assay.events.simulator import Scenario, Simulation, Truth, log_files, read_scenario, scenario_log, simulate
from assay.settings import Settings

SAMPLE = Path(__file__).parents[2] / "samples" / "livestream.toml"
SCENARIO = read_scenario(SAMPLE)
DAYS = 5
SMALL = SCENARIO.scaled(events=10_000, days=DAYS)
SEEDS = range(6) if AT_CI else range(1)
MARTS = [name for name in Truth.__dataclass_fields__ if name != "quarantined"]
DESTROYING = {
    "malformed_json": "malformed_json",
    "missing_fields": "missing_field",
    "null_fields": "null_field",
    "wrong_types": "wrong_type",
    "unknown_types": "unknown_event_type",
    "unknown_versions": "unknown_schema_version",
    "bad_event_times": "bad_event_time",
    "bad_event_ids": "bad_event_id",
}


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    """Every misbehaviour on, and often enough to be met by ten thousand events."""
    return simulate(often(SMALL))


def often(scenario: Scenario) -> Scenario:
    for name in DESTROYING:
        scenario = with_knobs(scenario, name, rate=0.005)
    return with_knobs(scenario, "clocks", slightly_ahead_rate=0.1, far_ahead_rate=0.1, behind_rate=0.1)


def with_knobs(scenario: Scenario, name: str, **knobs: object) -> Scenario:
    changed = getattr(scenario.misbehaviours, name).model_copy(update=knobs)
    return scenario.model_copy(update={"misbehaviours": scenario.misbehaviours.model_copy(update={name: changed})})


def alone(name: str, **knobs: object) -> Simulation:
    """The small scenario with one misbehaviour."""
    return simulate(with_knobs(SMALL.behaving(but=(name,)), name, **knobs))


def events_in(log: pa.Table) -> list[dict[str, Any]]:
    return [json.loads(text) for text in log.column("event").to_pylist()]


def assert_truth_is_what_the_log_says(simulation: Simulation, until: date | None, **settings: Any) -> None:
    truth, plain = simulation.truth(until, **settings), plain_marts(simulation.log, until, **settings)
    assert dict(truth.quarantined) == plain.quarantined
    for name in MARTS:
        told: pa.Table = getattr(truth, name)
        keys = [(column, "ascending") for column in told.column_names]
        read = pa.Table.from_pylist(plain.marts[name], schema=told.schema)
        assert told.sort_by(keys).equals(read.sort_by(keys)), f"{name} until {until}"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_truth_is_what_a_slow_reader_makes_of_the_log(seed: int, simulation: Simulation) -> None:
    if seed:
        simulation = simulate(often(SMALL.scaled(events=10_000, seed=seed)))
    for until in [*simulation.scenario.arrival_days[::2], None]:
        assert_truth_is_what_the_log_says(simulation, until)
    assert_truth_is_what_the_log_says(simulation, None, event_skew_seconds=20.0, invoice_time_zone="Pacific/Auckland")


def test_the_truth_before_anything_arrived_is_empty(simulation: Simulation) -> None:
    assert_truth_is_what_the_log_says(simulation, SMALL.start - timedelta(days=1))


def test_every_mart_has_rows_and_every_reason_is_met(simulation: Simulation) -> None:
    truth = simulation.truth()
    assert all(getattr(truth, name).num_rows for name in MARTS)
    assert set(truth.quarantined) == {*DESTROYING.values(), "clock_skew"}
    assert {True, False} == set(truth.impression_labels.column("is_disputed").to_pylist())
    assert sum(truth.impressions_daily.column("late_impressions").to_pylist()) > 0


def test_late_arrivals_change_days_that_were_already_told(simulation: Simulation) -> None:
    def first_day(until: date) -> list[dict[str, Any]]:
        rows = simulation.truth(until).impressions_daily.to_pylist()
        return [row for row in rows if row["event_day"] == SMALL.start + timedelta(days=1)]

    early, late = (first_day(SMALL.start + timedelta(days=number)) for number in (1, 4))
    assert sum(row["impressions"] for row in late) > sum(row["impressions"] for row in early) > 0


def test_the_same_scenario_gives_the_same_bytes_and_another_seed_gives_others(simulation: Simulation) -> None:
    assert simulate(often(SMALL)).log.equals(simulation.log)
    other = simulate(often(SMALL.scaled(events=10_000, seed=SMALL.seed + 1))).log
    assert not set(other.column("event").to_pylist()) & set(simulation.log.column("event").to_pylist())


def test_the_log_stands_in_the_order_of_arrival_with_contiguous_offsets(simulation: Simulation) -> None:
    places = simulation.log.drop_columns(["event"]).to_pylist()
    order = [(place["available_at"], place["log_partition"], place["offset"]) for place in places]
    assert order == sorted(order)
    offsets: dict[str, list[int]] = {}
    for place in places:
        offsets.setdefault(place["log_partition"], []).append(place["offset"])
    assert sorted(offsets) == [f"livestream-{number}" for number in range(4)]
    assert all(found == list(range(len(found))) for found in offsets.values())
    assert {place["available_at"].astimezone(UTC).date() for place in places} == set(SMALL.arrival_days)


def test_without_misbehaviour_every_event_stands_in_the_log_once_as_it_happened() -> None:
    simulation = simulate(SMALL.behaving())
    events, truth = events_in(simulation.log), simulation.truth()
    assert not truth.quarantined
    assert len(events) == truth.events.num_rows
    told = {row["event_id"]: (row["event_type"], row["event_ts"]) for row in truth.events.to_pylist()}
    assert told == {
        event["event_id"]: (event["event_type"], datetime.fromisoformat(event["event_ts"])) for event in events
    }
    assert {event["schema_version"] for event in events} == {1}
    shares = Counter(event["event_type"] for event in events)
    assert 0.7 < shares["viewer_heartbeat"] / len(events) < 0.8
    assert len(shares) == 8


@pytest.mark.parametrize(("name", "reason"), DESTROYING.items())
def test_what_destroys_events_does_so_at_its_rate_and_by_no_other_reason(name: str, reason: str) -> None:
    simulation = alone(name, rate=0.05)
    quarantined = simulation.truth().quarantined
    assert list(quarantined) == [reason]
    assert 0.035 < quarantined[reason] / simulation.log.num_rows < 0.065


def test_retries_come_twice_some_of_them_elsewhere_with_the_same_text() -> None:
    simulation = alone("retries")
    places: dict[str, list[str]] = {}
    for record in simulation.log.to_pylist():
        places.setdefault(record["event"], []).append(record["log_partition"])
    doubled = [found for found in places.values() if len(found) > 1]
    assert 0.17 < len(doubled) / len(places) < 0.21  # of 20%, those that came before the end
    assert 0.15 < sum(len(set(found)) > 1 for found in doubled) / len(doubled) < 0.35
    assert simulation.truth().events.num_rows == len(places)


def test_late_events_arrive_up_to_three_days_after_they_happened() -> None:
    delays = _delays(alone("late", rate=0.2))
    late = [delay for delay in delays if delay > timedelta(seconds=5)]
    assert 0.13 < len(late) / len(delays) < 0.21
    assert timedelta(days=1) < max(late) <= timedelta(days=3, seconds=1)


def _delays(simulation: Simulation) -> list[timedelta]:
    return [
        record["available_at"] - datetime.fromisoformat(event["event_ts"])
        for record, event in zip(simulation.log.to_pylist(), events_in(simulation.log), strict=True)
        if event["event_type"] not in ("creator_updated", "impression_disputed")
    ]


def test_events_overtake_each_other_only_where_disorder_is_on() -> None:
    def overtaken(simulation: Simulation) -> int:
        times = [event["event_ts"] for event in events_in(simulation.log) if event["event_type"] == "viewer_heartbeat"]
        return sum(after < before for before, after in pairwise(times))

    assert overtaken(simulate(SMALL.behaving())) == 0
    assert overtaken(alone("disorder")) > 500


def test_clocks_run_ahead_within_and_beyond_the_tolerance_and_behind() -> None:
    simulation = alone("clocks", slightly_ahead_rate=0.2, far_ahead_rate=0.2, behind_rate=0.2)
    delays = _delays(simulation)
    far = sum(delay < timedelta(seconds=-300) for delay in delays)
    assert 0 < far == simulation.truth().quarantined["clock_skew"]
    assert sum(timedelta(seconds=-300) <= delay < timedelta(0) for delay in delays) > 0
    assert sum(delay > timedelta(seconds=1) for delay in delays) > 0
    truth = simulation.truth(event_skew_seconds=60 * 86_400)
    assert not truth.quarantined
    assert max(truth.events.column("event_day").to_pylist()) <= SMALL.arrival_days[-1]


def test_producers_take_up_the_new_versions_in_mid_stream() -> None:
    simulation = simulate(SMALL.behaving(but=("renamed_field", "changed_type")))
    events = events_in(simulation.log)
    for event_type, old, new in (
        ("viewer_heartbeat", "bitrate_kbps", "video_kbps"),
        ("ad_impression", "price_micros", "price"),
    ):
        found = [event for event in events if event["event_type"] == event_type]
        changed = [event for event in found if event["schema_version"] == 2]
        assert all(
            (old in event, new in event) == (event["schema_version"] == 1, event["schema_version"] == 2)
            for event in found
        )
        assert 0.05 < len(changed) / len(found) < 0.6
        assert min(event["event_ts"] for event in changed) > min(event["event_ts"] for event in found)
        last_day = [event for event in found if event["event_ts"] > f"{SMALL.arrival_days[-1]}"]
        assert {event["schema_version"] for event in last_day} == {1, 2}


def test_extra_fields_are_in_the_text_and_destroy_nothing() -> None:
    simulation = alone("extra_fields", rate=0.1)
    assert 0.08 < sum("client" in event for event in events_in(simulation.log)) / simulation.log.num_rows < 0.12
    assert not simulation.truth().quarantined


def test_bots_click_what_no_person_clicks_and_are_disputed() -> None:
    def top_share(simulation: Simulation) -> float:
        clicks = Counter(event["viewer_id"] for event in events_in(simulation.log) if event["event_type"] == "ad_click")
        return max(clicks.values()) / clicks.total()

    knobs = {"rate": 0.1}
    assert top_share(alone("bot_ring", **knobs)) > 0.2
    labels = [
        sum(one.truth().impression_labels.column("is_disputed").to_pylist())
        for one in (simulate(SMALL.behaving()), alone("bot_ring", **knobs))
    ]
    assert labels[1] > 1.3 * labels[0]


def test_creators_are_corrected_late_and_twice_in_one_moment_and_some_are_closed() -> None:
    scenario = SCENARIO.scaled(events=8_000).behaving()
    busy = scenario.creators.model_copy(update={"count": 40, "updates_per_week": 6.0, "deactivation_rate": 0.3})
    simulation = simulate(scenario.model_copy(update={"creators": busy}))
    updates = [
        (json.loads(record["event"]), record["available_at"])
        for record in simulation.log.to_pylist()
        if '"creator_updated"' in record["event"]
    ]
    waits = [arrived - datetime.fromisoformat(event["event_ts"]) for event, arrived in updates]
    assert 0.1 < sum(wait > timedelta(days=1) for wait in waits) / len(waits) < 0.4
    moments = Counter((event["creator_id"], event["event_ts"]) for event, _ in updates)
    assert sum(count == 2 for count in moments.values()) > 5
    current = [row for row in simulation.truth().dim_creators.to_pylist() if row["is_current"]]
    assert len(current) == 40
    assert {row["is_active"] for row in current} == {True, False}
    assert_truth_is_what_the_log_says(simulation, None)


def test_a_dispute_comes_one_to_three_days_after_its_impression() -> None:
    labels = simulate(SMALL.behaving()).truth().impression_labels.to_pylist()
    waits = [row["disputed_at"] - row["label_ts"] for row in labels if row["is_disputed"]]
    assert waits
    assert all(timedelta(days=1) <= wait <= timedelta(days=3, seconds=1) for wait in waits)
    assert max(row["event_day"] for row in labels) == SMALL.arrival_days[-4]


def test_the_log_is_written_once_a_file_per_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _settings(tmp_path, SAMPLE.read_text().replace("840_000", "10_000").replace("days = 14", "days = 3"))
    folder = scenario_log(settings)
    assert folder.parent == settings.event_log_path
    days = sorted(path.name for path in folder.iterdir())
    assert days == ["2026-11-01.parquet", "2026-11-02.parquet", "2026-11-03.parquet"]
    simulation = simulate(read_scenario(str(settings.events)))
    written = [pq.read_table(folder / day) for day in days]
    assert pa.concat_tables(written).equals(simulation.log)
    for day, rows in zip(simulation.scenario.arrival_days, written, strict=True):
        assert {moment.astimezone(UTC).date() for moment in rows.column("available_at").to_pylist()} == {day}
    monkeypatch.setattr(log_files, "simulate", lambda _: pytest.fail("simulated again"))
    assert scenario_log(settings) == folder


def test_another_scenario_gets_another_folder_and_a_broken_write_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SAMPLE.read_text().replace("840_000", "2_000").replace("days = 14", "days = 2")
    first = scenario_log(_settings(tmp_path, text))
    other = _settings(tmp_path, text.replace("seed = 5", "seed = 6"))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(log_files.pq, "write_table", fail)
        with pytest.raises(StorageError, match=r"Input/output error. Nothing of it was left.*`assay doctor`"):
            scenario_log(other)
    assert list(other.event_log_path.iterdir()) == [first]
    assert scenario_log(other) != first


def _settings(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "mine.toml").write_text(text)
    return Settings(home=tmp_path / "home", events=str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("seed = 5", "sead = 5"), "`seed` does not fit: Field required"),
        (("watch_minutes = 8.0", "watch_minutes = 8.0\nspeed = 2"), "`viewers.speed` is not a knob"),
        (("rate = 0.02\n", "rate = 2\n"), "`misbehaviours.late.rate` does not fit"),
        (
            ("price_micros = [4_000, 45_000]", "price_micros = [5, 4]"),
            "`campaigns.price_micros` does not fit: .*lower one first",
        ),
        (("free = 1 ", "free = 12 "), "`campaigns.free` must be below"),
        (("start = 2026-11-01", "start = "), "is not TOML"),
    ],
)
def test_a_scenario_that_does_not_fit_is_refused_with_its_place(
    tmp_path: Path, change: tuple[str, str], problem: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SAMPLE.read_text().replace(*change, 1))
    with pytest.raises(ConfigurationError, match=problem) as refused:
        read_scenario(path)
    assert (
        f"Nothing was simulated. Every knob is explained in `samples/livestream.toml`; correct the file with `$EDITOR {path}`"
        in str(refused.value)
    )


def test_a_scenario_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"mine.toml` cannot be read: No such file.*`export ASSAY_EVENTS="):
        read_scenario(tmp_path / "mine.toml")
    with pytest.raises(ConfigurationError, match="`ASSAY_EVENTS` is empty"):
        scenario_log(Settings(home=tmp_path, events=None))


@at_ci("a million records")
def test_the_sample_is_a_million_records_in_seconds() -> None:
    began = time.process_time()
    simulation = simulate(SCENARIO)
    assert 950_000 < simulation.log.num_rows < 1_050_000
    assert simulation.truth().events.num_rows > 780_000
    assert time.process_time() - began < 15  # 3.2 s seen


@at_ci("some ten seconds")
def test_the_truth_of_a_fortnight_is_what_a_slow_reader_makes_of_it() -> None:
    assert_truth_is_what_the_log_says(simulate(SCENARIO.scaled(events=150_000)), None)

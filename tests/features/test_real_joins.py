"""Real data of other projects through our timelines and our event path; skipped without ASSAY_SHARED_DATA."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from feature_lakes import PROJECT, build_marts, find_nothing
from real_logs import WIKI_DAY, chronon, real, wikiticker

from assay.dbt import manifest_of
from assay.events.bronze import land_events
from assay.events.silver import EVENTS, QUARANTINED_EVENTS, TypingReport, type_events
from assay.features import Timeline, point_in_time_join
from assay.model_tables import model_tables
from assay.settings import Settings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

CREDIT = ("credit_card_due", "mortgage_due", "missed_payments_1y")
ZIPCODE = ("city", "state", "location_type", "tax_returns_filed", "population", "total_wages")


def feature_log(rows: pa.Table) -> pa.Table:
    """Feast's source as a log: its `created_timestamp` is when a row became known; there are no tombstones."""
    count = rows.num_rows
    rows = rows.append_column("seq", pa.array([0] * count)).append_column("is_deleted", pa.array([False] * count))
    return rows.rename_columns(
        [
            {"event_timestamp": "event_ts", "created_timestamp": "available_at"}.get(name, name)
            for name in rows.column_names
        ]
    )


def test_feasts_training_set_is_reproduced() -> None:
    """`my_training_ds`: zipcode features (ttl 3,650 days) and credit history (9,000 days) at each loan's time.

    Of the credit history only a sample of 1,000 of 28,633 persons is there, one row each; labels of others get nulls.
    """
    folder = real("feast_examples")
    labels, expected = pq.read_table(folder / "loan_table.parquet"), pq.read_table(folder / "my_training_ds.parquet")
    credit = pyarrow.csv.read_csv(folder / "credit_history_sample.csv")
    for name in ("event_timestamp", "created_timestamp"):
        moments = pc.assume_timezone(credit[name].cast(pa.timestamp("us")), "UTC")
        credit = credit.set_column(credit.column_names.index(name), name, moments)
    timelines = {
        "zipcode": Timeline.compile(
            feature_log(pq.read_table(folder / "zipcode_table.parquet")),
            entity="zipcode",
            values=ZIPCODE,
            ttl=timedelta(days=3650),
        ),
        "credit": Timeline.compile(feature_log(credit), entity="dob_ssn", values=CREDIT, ttl=timedelta(days=9000)),
    }
    joined = point_in_time_join(labels, timelines, label_time="event_timestamp").sort_by("loan_id")
    expected = expected.sort_by("loan_id")
    assert joined.num_rows == expected.num_rows == 28_638
    assert joined.select(labels.column_names).equals(expected.select(labels.column_names))
    cells = Counter(
        (view, "equal" if one == other else "absent" if one is None else "differs")
        for view, names in (("zipcode", ZIPCODE), ("credit", CREDIT))
        for name in names
        for one, other in zip(joined[f"{view}__{name}"].to_pylist(), expected[name].to_pylist(), strict=True)
    )
    sampled = set(credit["dob_ssn"].to_pylist())
    of_sampled = sum(one in sampled for one in labels["dob_ssn"].to_pylist())
    assert cells == {
        ("zipcode", "equal"): 28_638 * len(ZIPCODE),
        ("credit", "equal"): of_sampled * len(CREDIT),
        ("credit", "absent"): (28_638 - of_sampled) * len(CREDIT),
    }
    assert of_sampled == 1000


def workspace_of(tmp_path: Path, first_day: date, **choices: float) -> Workspace:
    settings = Settings(
        _env_file=None,
        home=tmp_path / "home",
        events=str(tmp_path / "events"),
        first_day=first_day,
        **choices,  # pyright: ignore[reportArgumentType]
    )
    return Workspace(settings, Run("run", datetime(2026, 11, 14, tzinfo=UTC)))


def taken_in(workspace: Workspace, days: list[date]) -> list[TypingReport]:
    with engine() as connection:
        for day in days:
            land_events(workspace, day)
        found = [type_events(workspace, connection, day) for day in days]
    return [one for one in found if one]


def marts_of(workspace: Workspace) -> dict[str, pa.Table]:
    """What dbt makes of the events: every mart by its name, as it is published."""
    build_marts(workspace)
    models = model_tables(manifest_of(PROJECT, workspace.settings.home), tag="events")
    return {name: workspace.lake.read(model.table) for name, model in models.items()}


@pytest.fixture
def _content_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty days of a few rows each are not about values, and Great Expectations takes .25 s a batch."""
    monkeypatch.setattr("assay.quality.outcomes.validate", find_nothing)


@pytest.mark.usefixtures("_content_judge")
def test_chronons_dirty_dates_end_in_quarantine(tmp_path: Path) -> None:
    """A `ds` is the day on which a row is said to have arrived; of 1,200 rows 240 happened on that day.

    491 happened after it: no clock explains that. 469 happened before it: late, which nobody can tell from wrong.
    """
    assert chronon(tmp_path / "events") == {"purchases": 500, "returns": 500, "checkouts": 200}
    workspace = workspace_of(tmp_path, date(2023, 11, 1), max_quarantined_ratio=1.0)
    reports = taken_in(workspace, [date(2023, 11, 1) + timedelta(days=number) for number in range(30)])
    assert sum(one.taken for one in reports) == 1200
    assert sum((Counter(one.reasons) for one in reports), Counter()) == {"clock_skew": 491}
    assert (sum(one.emitted for one in reports), sum(one.late for one in reports)) == (709, 469)
    events = workspace.lake.read(EVENTS)
    assert events.filter(pc.less(events["event_day"], events["day"])).num_rows == 469
    assert events.filter(pc.greater(events["event_day"], events["day"])).num_rows == 0


@pytest.mark.usefixtures("_content_judge")
def test_chronons_dates_within_the_tolerance_are_clamped(tmp_path: Path) -> None:
    """With a tolerance of a day the 35 rows of the day after their `ds` are borne: they happened when it ended."""
    chronon(tmp_path / "events")
    workspace = workspace_of(
        tmp_path, date(2023, 11, 1), max_quarantined_ratio=1.0, event_skew_seconds=timedelta(days=1).total_seconds()
    )
    reports = taken_in(workspace, [date(2023, 11, 1) + timedelta(days=number) for number in range(30)])
    assert sum((Counter(one.reasons) for one in reports), Counter()) == {"clock_skew": 456}
    events = marts_of(workspace)["silver/events_deduplicated"]
    clamped = events.filter(pc.greater(events["raw_event_ts"], events["event_ts"]))
    assert (events.num_rows, clamped.num_rows) == (744, 35)
    assert clamped["event_ts"].equals(clamped["available_at"])


def test_wikiticker_through_the_marts(tmp_path: Path) -> None:
    """16,467 edits and 45 of which only the date was shifted, merged in the order of the stream.

    41 are ahead of their arrival, by 1 to 50 days: quarantined. 4 are behind it: late events of the days before. None is
    so little ahead that it is clamped.
    """
    assert wikiticker(tmp_path / "events") == 16_467 + 45
    workspace = workspace_of(tmp_path, WIKI_DAY - timedelta(days=7))
    (report,) = taken_in(workspace, [WIKI_DAY])
    assert (report.taken, report.emitted, report.quarantined, report.late) == (16_512, 16_471, 41, 4)
    assert report.reasons == {"clock_skew": 41}
    assert report.held_back_by == ()
    held_back = workspace.lake.read(QUARANTINED_EVENTS)["event_id"].to_pylist()
    assert sorted(held_back) == [f"edit-{number:05}" for number in range(4, 45)]

    marts = marts_of(workspace)
    events = marts["silver/events_deduplicated"]
    assert events.num_rows == 16_471
    assert events["event_ts"].equals(events["raw_event_ts"])
    late = {WIKI_DAY - timedelta(days=number): 1 for number in range(1, 5)}
    assert Counter(events["event_day"].to_pylist()) == {WIKI_DAY: 16_467, **late}

    sessions = marts["silver/viewer_sessions"]
    heartbeats = events.filter(pc.equal(events["event_type"], "viewer_heartbeat"))
    assert sum(sessions["heartbeats"].to_pylist()) == heartbeats.num_rows
    assert sessions.num_rows == len(sessions_by_hand(heartbeats))
    top = marts["gold/top_streams_by_category"].to_pylist()
    pages = Counter(
        stream
        for stream, day in zip(*(heartbeats[name].to_pylist() for name in ("stream_id", "event_day")), strict=True)
        if day == WIKI_DAY
    )
    (most, *_) = sorted(pages.items(), key=lambda pair: (-pair[1], pair[0]))
    first = next(row for row in top if (row["event_day"], row["rank"]) == (WIKI_DAY, 1))
    assert (first["stream_id"], first["viewer_minutes"]) == (most[0], pytest.approx(most[1] / 6))

    engagement = marts["features/viewer_engagement"]
    assert engagement.num_rows > 0
    assert pc.all(pc.less_equal(engagement["event_ts"], engagement["available_at"])).as_py()


def sessions_by_hand(heartbeats: pa.Table) -> list[tuple[str, str]]:
    """One entry per session: a viewer on a page, until a gap of more than a minute."""
    found: list[tuple[str, str]] = []
    last: dict[tuple[str, str], datetime] = {}
    for row in heartbeats.sort_by("event_ts").select(["viewer_id", "stream_id", "event_ts"]).to_pylist():
        key = (row["viewer_id"], row["stream_id"])
        if key not in last or row["event_ts"] - last[key] > timedelta(seconds=60):
            found.append(key)
        last[key] = row["event_ts"]
    return found

"""What arrived on a day: lines and tables of a user's folder, the simulator's log, and what cannot be told."""

import gzip
import json
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_runs import day, heartbeat, impression, put

from assay.errors import ConfigurationError, SourceError
from assay.events.arrivals import EventSource, arrival_days, event_source, read_arrivals
from assay.events.contracts import MAX_EVENT_BYTES
from assay.settings import Settings

END_OF_DAY = datetime.combine(day(1), time.max, UTC)


def settings_of(events: Path | str | None, home: Path | None = None) -> Settings:
    values: dict[str, Any] = {"events": None if events is None else str(events)} | ({"home": home} if home else {})
    return Settings(_env_file=None, **values)


def arrived(folder: Path, number: int = 1) -> list[dict[str, Any]]:
    return read_arrivals(settings_of(folder), day(number)).to_pylist()


def test_a_folder_of_days_is_a_source_whose_files_are_log_partitions(tmp_path: Path) -> None:
    put(tmp_path / "2026-11-01", {"a.jsonl": [heartbeat(1), heartbeat(2)], "b.jsonl.gz": [heartbeat(3)]})
    put(tmp_path / "2026-11-02" / "eu", {"a.jsonl": [heartbeat(4)]})
    put(tmp_path / "20261103", {"a.jsonl": [heartbeat(5)]})
    put(tmp_path / "2026-11-01", {".hidden": ["x"], "_SUCCESS": []})
    assert arrival_days(settings_of(tmp_path)) == [day(1), day(2)]
    rows = arrived(tmp_path)
    assert [(row["log_partition"], row["offset"], json.loads(row["event"])) for row in rows] == [
        ("a", 1, heartbeat(1)),
        ("a", 2, heartbeat(2)),
        ("b", 1, heartbeat(3)),
    ]
    assert {row["available_at"] for row in rows} == {END_OF_DAY}, "known at the end of its day and no sooner"
    assert {(row["source"], row["day"]) for row in rows} == {(event_source(settings_of(tmp_path)).name, day(1))}  # pyright: ignore[reportOptionalMemberAccess]
    assert [row["log_partition"] for row in arrived(tmp_path, 2)] == ["eu/a"]
    assert arrived(tmp_path, 7) == []


def test_a_record_arrived_when_it_says_if_that_is_on_its_day(tmp_path: Path) -> None:
    claims = {
        "2026-11-01T12:00:00.5Z": datetime(2026, 11, 1, 12, 0, 0, 500_000, UTC),
        "2026-11-02T01:00:00+02:00": datetime(2026, 11, 1, 23, tzinfo=UTC),
        "2026-11-02T00:00:00Z": END_OF_DAY,
        "2026-10-31T23:59:59Z": END_OF_DAY,
        "soon": END_OF_DAY,
        "infinity": END_OF_DAY,
        17: END_OF_DAY,
        None: END_OF_DAY,
    }
    lines = [heartbeat(number, available_at=claim) for number, claim in enumerate(claims)]
    put(tmp_path / "2026-11-01", {"a.jsonl": lines})
    found = {row["offset"]: row["available_at"] for row in arrived(tmp_path)}
    assert found == dict(enumerate(claims.values(), start=1))


def test_no_line_stops_the_others(tmp_path: Path) -> None:
    long = json.dumps(heartbeat(9, title="x" * 3 * MAX_EVENT_BYTES))
    lines = [b"\xef\xbb\xbf" + json.dumps(heartbeat(1)).encode(), "", "  ", b"\xff\xfe broken \xc3", "{", long]
    lines += ["null", "[" * 100_000, json.dumps(heartbeat(2)) + "\r"]
    put(tmp_path / "2026-11-01", {"a.jsonl": lines})
    rows = {row["offset"]: row["event"] for row in arrived(tmp_path)}
    assert sorted(rows) == [1, 4, 5, 6, 7, 8, 9], "blank lines are no records, and keep their numbers"
    assert json.loads(rows[1]) == heartbeat(1)
    assert rows[9] == json.dumps(heartbeat(2))
    assert rows[4] == "\ufffd\ufffd broken \ufffd"
    assert rows[6] == long[: MAX_EVENT_BYTES + 1], "cut, and still longer than any contract lets through"
    assert rows[8] == "[" * 100_000


def test_lines_across_the_blocks_of_a_large_file_stay_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [json.dumps(heartbeat(number, title="é" * (number % 50))) for number in range(200)]
    put(tmp_path / "2026-11-01", {"a.jsonl": lines})
    for block in (1, 7, 64, 1_000):
        monkeypatch.setattr("assay.events.log_files._CHUNK_BYTES", block)
        assert [row["event"] for row in arrived(tmp_path)] == lines


def test_a_gzipped_line_beyond_all_measure_costs_little_memory(tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-01"
    folder.mkdir()
    with gzip.open(folder / "a.jsonl.gz", "wb") as file:
        for _ in range(200):
            file.write(b"0" * 2**20)
        file.write(b"\n" + json.dumps(heartbeat(1)).encode())
    bomb, sound = arrived(tmp_path)
    assert len(bomb["event"]) == MAX_EVENT_BYTES + 1
    assert json.loads(sound["event"]) == heartbeat(1)


def test_parquet_holds_texts_or_a_column_per_field(tmp_path: Path) -> None:
    folder = tmp_path / "2026-11-01"
    folder.mkdir()
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    texts = {
        "event": [json.dumps(heartbeat(1)), None],
        "available_at": [noon, None],
        "log_partition": ["p", "q"],
        "offset": [70, 70],
    }
    pq.write_table(pa.table(texts), folder / "texts.parquet")
    flat = {
        "event_id": ["e1", "e2"],
        "event_type": ["viewer_heartbeat", "ad_impression"],
        "schema_version": [1, 2],
        "event_ts": pa.array([noon.replace(tzinfo=None)] * 2, pa.timestamp("ms")),
        "bitrate_kbps": pa.array([3_000.0, None]),  # as pandas writes whole numbers with gaps
        "share": pa.array([0.5, None]),
        "price": [None, "0.1"],
    }
    pq.write_table(pa.table(flat), folder / "flat.parquet")
    rows = {(row["log_partition"], row["offset"]): row for row in arrived(tmp_path)}
    assert sorted(rows) == [("flat", 0), ("flat", 1), ("p", 70), ("q", 70)]
    assert (rows["p", 70]["available_at"], rows["q", 70]["available_at"]) == (noon, END_OF_DAY)
    assert (json.loads(rows["p", 70]["event"]), rows["q", 70]["event"]) == (heartbeat(1), "")
    times = "2026-11-01T12:00:00.000000Z"
    first = {"event_id": "e1", "event_type": "viewer_heartbeat", "schema_version": 1, "event_ts": times}
    assert json.loads(rows["flat", 0]["event"]) == {**first, "bitrate_kbps": 3_000, "share": 0.5}
    second = {"event_id": "e2", "event_type": "ad_impression", "schema_version": 2, "event_ts": times, "price": "0.1"}
    assert json.loads(rows["flat", 1]["event"]) == second


def test_globs_days_and_other_filesystems(tmp_path: Path) -> None:
    put(tmp_path / "2026-11-01" / "live", {"a.jsonl": [heartbeat(1)], "notes.txt": ["x"]})
    found = read_arrivals(settings_of(f"{tmp_path}/{{day}}/live/*.jsonl"), day(1))
    assert found["log_partition"].to_pylist() == ["a"]
    remote = f"memory://{tmp_path.name}/logs"
    fsspec.filesystem("memory").pipe(f"/{tmp_path.name}/logs/2026-11-01/b.jsonl", json.dumps(impression(1)).encode())
    assert arrival_days(settings_of(remote)) == [day(1)]
    assert read_arrivals(settings_of(remote), day(1))["log_partition"].to_pylist() == ["b"]


def test_what_cannot_be_told_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot be listed.*`assay doctor --settings`"):
        arrival_days(settings_of(tmp_path / "missing"))
    folder = tmp_path / "2026-11-01"
    for name, content, message in (
        ("readme.txt", b"x", r"is no log: .*`\.jsonl\.gz`.*Move it elsewhere"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 1_000)[:20], "cannot be read"),
        ("a.jsonl.gz", b"no gzip", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
    ):
        put(folder, {"whole.jsonl": [heartbeat(1)]})
        (folder / name).write_bytes(content)
        with pytest.raises(SourceError, match=message):
            arrived(tmp_path)
        (folder / name).unlink()
    put(folder, {"whole.jsonl.gz": [heartbeat(1)]})
    with pytest.raises(SourceError, match=r"1 places .* offset 1 of log partition `whole`.*Rename one"):
        arrived(tmp_path)
    for place in (f"{tmp_path}/*.jsonl", f"{tmp_path}/x{{day}}", f"{tmp_path}/{{day}}/{{day}}"):
        with pytest.raises(ConfigurationError):
            event_source(settings_of(place))


def test_switched_off_there_is_no_source_and_no_day(tmp_path: Path) -> None:
    off = settings_of(None)
    assert (event_source(off), arrival_days(off), read_arrivals(off, day(1)).num_rows) == (None, [], 0)


def test_the_same_place_has_the_same_name_and_two_places_never_share_one(tmp_path: Path) -> None:
    places = [tmp_path / "a" / "log", tmp_path / "b" / "log"]
    names = {source.name for place in places if (source := event_source(settings_of(place)))}
    assert len(names) == 2
    assert event_source(settings_of(places[0])) == event_source(settings_of(f"file://{places[0]}"))
    assert event_source(settings_of("samples/Live Stream.toml")) == EventSource(
        "live-stream", "scenario", "samples/Live Stream.toml"
    )

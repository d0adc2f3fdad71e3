"""bronze/events: the log as it came, growing and never shrinking, whichever day is run how often."""

import shutil
from pathlib import Path

import pytest
from event_runs import EventRuns, day, heartbeat

from assay.errors import SourceError
from assay.events.bronze import land_events
from assay.events.conservation import LOG
from assay.quality.verdicts import VERDICTS


def test_a_day_lands_whole_and_again_changes_nothing(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    lines = [heartbeat(1), heartbeat(1), "no JSON", b"\xff"]
    runs.put(1, {"a.jsonl": lines, "b.jsonl": [heartbeat(2)]})
    report = runs.land(1)
    assert (report.records, report.added, report.log_partitions, report.changed) == (5, 5, 2, True)
    assert report.size_bytes == sum(len(row["event"].encode()) for row in runs.read(LOG))
    assert [row["event"] for row in runs.read(LOG, offset=[3, 4])] == ["no JSON", "\ufffd"]
    before = runs.versions(LOG, VERDICTS)
    again = runs.land(1)
    assert (again.records, again.added, again.altered, again.changed) == (5, 0, 0, False)
    assert runs.versions(LOG, VERDICTS) == before


def test_a_log_that_grows_is_taken_in_and_a_mended_line_counts_as_altered(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1), "no JSON"]})
    runs.land(1)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2), heartbeat(3)]})
    report = runs.land(1)
    assert (report.records, report.added, report.altered, report.changed) == (3, 1, 1, True)


def test_a_log_that_shrank_is_refused_and_what_was_stored_stands(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1), heartbeat(2)], "b.jsonl": [heartbeat(3)]})
    runs.land(1)
    stored = runs.read(LOG)
    runs.put(1, {"a.jsonl": [heartbeat(1)]})
    with pytest.raises(SourceError, match=r"lacks 1 records.*`a 2`.*what was stored stands.*`ls -la .*2026-11-01`"):
        runs.land(1)
    for file in (runs.log / "2026-11-01").iterdir():
        file.unlink()
    with pytest.raises(SourceError, match="lacks 3 records"):
        runs.land(1)
    assert runs.read(LOG) == stored


def test_a_day_whose_log_is_gone_keeps_what_is_stored(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    runs.put(1, {"a.jsonl": [heartbeat(1)]})
    runs.put(2, {"a.jsonl": [heartbeat(2)]})
    runs.land(1)
    shutil.rmtree(runs.log / "2026-11-01")
    before = runs.versions(LOG)
    report = runs.land(1)
    assert (report.was_read, report.records, report.changed) == (False, 1, False)
    assert runs.versions(LOG) == before
    assert runs.land(3).records == 0, "a day that never had a log"


def test_two_sources_in_one_lake_do_not_meet(tmp_path: Path) -> None:
    runs = EventRuns.at(tmp_path)
    other = EventRuns.at(tmp_path, events=str(tmp_path / "other"))
    runs.put(1, {"a.jsonl": [heartbeat(1)]})
    other.put(1, {"a.jsonl": [heartbeat(2), heartbeat(3)]})
    runs.land(1)
    other.land(1)
    assert sorted(len(runs.read(LOG, source=source)) for source in {row["source"] for row in runs.read(LOG)}) == [1, 2]


def test_switched_off_nothing_lands(tmp_path: Path) -> None:
    assert land_events(EventRuns.at(tmp_path, events=None).workspace(), day(1)) is None

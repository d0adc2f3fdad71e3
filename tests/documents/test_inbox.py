"""Which days of an inbox are ready: those whose files changed since they were taken in, and were still since the last look."""

import os
from datetime import date, timedelta
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from document_runs import day, put

from assay.documents.inbox import Look, Watched, fingerprints, look, ranges
from assay.errors import SourceError
from assay.settings import SourceSettings

TODAY = day(10)


@pytest.fixture
def dated(inbox: Path) -> SourceSettings:
    return SourceSettings(name="docs", uri=f"{inbox}/{{day}}")


@pytest.fixture
def live(inbox: Path) -> SourceSettings:
    inbox.mkdir()
    return SourceSettings(name="live", uri=str(inbox))


def looks(source: SourceSettings, watched: Watched, number: int = 1, today: date = TODAY) -> list[Look]:
    """Several looks, each remembering the one before; through JSON, as a cursor is kept."""
    found = []
    for _ in range(number):
        found.append(look([source], watched, today, days_back=3))
        watched = Watched.from_json(found[-1].watched.to_json())
    return found


def test_a_day_is_ready_when_it_has_been_still_for_a_look_and_once_only(dated: SourceSettings, inbox: Path) -> None:
    put(inbox / str(TODAY), {"a.md": "one"})
    first, second, third = looks(dated, Watched(), 3)
    assert (first.ready, second.ready, third.ready) == ((), (TODAY,), ())


def test_files_that_are_still_being_copied_are_left_for_the_next_look(dated: SourceSettings, inbox: Path) -> None:
    put(inbox / str(TODAY), {"a.md": "one"})
    [first] = looks(dated, Watched())
    put(inbox / str(TODAY), {"b.md": "two"})
    [second] = looks(dated, first.watched)
    [third] = looks(dated, second.watched)
    assert (second.ready, third.ready) == ((), (TODAY,))


def test_an_edit_of_equal_size_and_a_removed_file_make_their_day_ready_again(
    dated: SourceSettings, inbox: Path
) -> None:
    put(inbox / str(TODAY), {"a.md": "one", "b.md": "one"})
    put(inbox / str(day(9)), {"a.md": "one"})
    taken_in = looks(dated, Watched(), 2)[-1]
    assert taken_in.ready == (day(9), TODAY)
    put(inbox / str(day(9)), {"a.md": "two"})
    os.utime(inbox / str(day(9)) / "a.md", (1, 1))
    assert looks(dated, taken_in.watched, 2)[-1].ready == (day(9),)
    (inbox / str(TODAY) / "b.md").unlink()
    assert looks(dated, taken_in.watched, 2)[-1].ready == (day(9), TODAY)


def test_days_before_the_window_and_of_the_future_are_not_looked_at(dated: SourceSettings, inbox: Path) -> None:
    for number in (6, 7, 11):
        put(inbox / str(day(number)), {"a.md": "one"})
    assert looks(dated, Watched(), 2)[-1].ready == (day(7),)


def test_a_live_folder_is_ready_when_it_changed_and_not_because_a_day_began(live: SourceSettings, inbox: Path) -> None:
    put(inbox, {"a.md": "one"})
    taken_in = looks(live, Watched(), 2)[-1]
    assert taken_in.ready == (TODAY,)
    tomorrow = TODAY + timedelta(days=1)
    assert looks(live, taken_in.watched, 2, tomorrow)[-1].ready == ()
    put(inbox, {"b.md": "two"})
    assert looks(live, taken_in.watched, 2, tomorrow)[-1].ready == (tomorrow,)


def test_a_folder_that_is_away_says_so_and_is_taken_in_no_second_time_when_it_is_back(
    live: SourceSettings, inbox: Path
) -> None:
    put(inbox, {"a.md": "one"})
    taken_in = looks(live, Watched(), 2)[-1]
    inbox.rename(inbox.with_name("away"))
    [away] = looks(live, taken_in.watched)
    assert away.ready == ()
    assert "cannot be listed" in away.problems[0]
    inbox.with_name("away").rename(inbox)
    assert [one.ready for one in looks(live, away.watched, 2)] == [(), ()]


def test_a_folder_that_is_away_at_the_second_look_is_ready_when_it_has_been_back_for_a_look(
    live: SourceSettings, inbox: Path
) -> None:
    put(inbox, {"a.md": "one"})
    [first] = looks(live, Watched())
    inbox.rename(inbox.with_name("away"))
    [away] = looks(live, first.watched)
    inbox.with_name("away").rename(inbox)
    back = looks(live, away.watched, 2)
    assert (away.ready, [one.ready for one in back]) == ((), [(TODAY,), ()])


def test_a_table_of_snapshots_is_ready_for_the_days_it_holds(tmp_path: Path) -> None:
    table = tmp_path / "guides.parquet"
    rows = {"path": ["a.md", "a.md"], "snapshot_date": [str(day(8)), str(TODAY)], "text": ["one", "two"]}
    pq.write_table(pa.table(rows), table)
    source = SourceSettings(name="guides", uri=str(table))
    assert looks(source, Watched(), 2)[-1].ready == (day(8), TODAY)


def test_a_place_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be listed"):
        fingerprints(SourceSettings(name="docs", uri=str(tmp_path / "nowhere")), TODAY, days_back=3)


def test_a_bucket_is_looked_at_like_a_folder() -> None:
    bucket = fsspec.filesystem("memory")
    bucket.pipe_file("/inbox-of-test/2026-11-10/a.md", b"one")
    source = SourceSettings(name="bucket", uri="memory://inbox-of-test/{day}")
    taken_in = looks(source, Watched(), 2)[-1]
    assert taken_in.ready == (TODAY,)
    bucket.pipe_file("/inbox-of-test/2026-11-10/a.md", b"longer")
    assert looks(source, taken_in.watched, 2)[-1].ready == (TODAY,)


def test_days_become_the_fewest_ranges() -> None:
    assert ranges([]) == []
    assert ranges(map(day, (5, 1, 2, 3, 7))) == [(day(1), day(3)), (day(5), day(5)), (day(7), day(7))]

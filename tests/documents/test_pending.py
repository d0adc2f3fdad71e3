"""Days that a killed run left unfinished are taken along by the next run, whatever day that is for."""

from pathlib import Path

import pytest
from document_runs import Pipeline, day, put

from assay.documents.bronze import land_manifest, write_feed
from assay.documents.pending import pending_days
from assay.documents.silver import parse_day
from assay.documents.state import STATE
from assay.warehouse import engine


def standing(pipeline: Pipeline) -> dict[str, tuple[bool, str | None]]:
    return {row["document_id"]: (row["is_deleted"], row["title"]) for row in pipeline.read(STATE)}


@pytest.mark.parametrize("stopped_after", ["manifest", "feed"])
def test_the_run_of_another_day_finishes_what_a_killed_run_began(
    pipeline: Pipeline, inbox: Path, stopped_after: str
) -> None:
    put(inbox / "2026-11-01", {"edited.md": "# Old\n\nwords", "deleted.md": "# Gone\n\nwords"})
    put(inbox / "2026-11-02", {"edited.md": "# New\n\nwords", "added.md": "# Added\n\nwords"})
    put(inbox / "2026-11-03", {"edited.md": "# New\n\nwords", "added.md": "# Added\n\nwords"})
    pipeline.run(day(1), through="state")
    (source,) = pipeline.settings.active_sources
    land_manifest(pipeline.workspace(day(2)), source, day(2))
    if stopped_after == "feed":
        with engine() as connection:
            write_feed(pipeline.workspace(day(2)), connection, source, day(2))
    assert day(2) in pending_days(pipeline.workspace(), "docs")

    pipeline.run(day(3), through="state")

    assert standing(pipeline) == {
        "docs:added.md": (False, "Added"),
        "docs:deleted.md": (True, None),
        "docs:edited.md": (False, "New"),
    }
    assert not pending_days(pipeline.workspace(), "docs")


def test_a_mark_that_came_after_the_feed_was_derived_stays(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# First\n\nwords"})
    (source,) = pipeline.settings.active_sources
    workspace = pipeline.workspace(day(1))
    land_manifest(workspace, source, day(1))
    with engine() as connection:
        write_feed(workspace, connection, source, day(1))
    put(inbox / "2026-11-01", {"a.md": "# Second\n\nwords"})
    land_manifest(workspace, source, day(1))  # another run, killed before it derived anything
    parse_day(workspace, "docs", day(1))
    assert pending_days(workspace, "docs") == {day(1)}

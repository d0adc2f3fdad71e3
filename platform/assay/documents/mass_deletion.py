"""The guard against mass deletion: a snapshot that lacks most of what is known is taken for a place that is not mounted."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from assay.documents.known_files import files_seen, known_after, known_files
from assay.errors import MassDeletion
from assay.settings import SourceSettings
from assay.tables import ManifestRow
from assay.workspace import Workspace

# A folder of a handful is rearranged by hand, and half of it is a file or two: fewer deletions than this are never refused.
LEAST_DELETIONS = 5


def refuse_mass_deletion(
    workspace: Workspace,
    source: SourceSettings,
    day: date,
    rows: Sequence[ManifestRow],
    observed: Sequence[date],
    *,
    as_of: bool,
) -> None:
    """Look at a manifest before it is written: what it would take away from the files known on that day.

    Known is what stands for the day now, so that an observation that was accepted once is accepted again. `rows` are
    those of the files; `observed` the days with a stored manifest.
    Raises MassDeletion when there is no file at all, or when more than `max_deleted_ratio` of the known files are gone.
    A file that is found under another path is not gone.
    """
    known = known_files(workspace.lake, source, [one for one in observed if one <= day])
    if not rows:
        if not _stands_empty(workspace, source, observed, day):
            raise MassDeletion(
                f"Source `{source.name}`: `{source.uri}` holds no file on {day}; {len(known)} are known. Taken for a folder "
                f"that is not mounted: {_way_on(workspace, source, day, as_of)}"
            )
        return
    if source.mode == "arrivals":
        return
    seen = {row.path: row.content_hash for row in rows}
    now = known_after(known, seen)
    gone = [content for path, content in known.items() if path not in now]
    appeared = [content for path, content in seen.items() if path not in known]
    moved = (Counter(one for one in gone if one) & Counter(one for one in appeared if one)).total()
    deleted = len(gone) - moved
    limit = workspace.settings.max_deleted_ratio
    if deleted >= LEAST_DELETIONS and deleted > limit * len(known):
        raise MassDeletion(
            f"Source `{source.name}`: of {len(known)} files known on {day}, `{source.uri}` lacks {deleted} "
            f"({deleted / len(known):.0%}, {moved} moved ones not counted); {limit:.0%} is the most that is taken for meant "
            f"(`ASSAY_MAX_DELETED_RATIO`). Taken for a folder that is not mounted or half copied: "
            f"{_way_on(workspace, source, day, as_of)}"
        )


def _stands_empty(workspace: Workspace, source: SourceSettings, observed: Sequence[date], day: date) -> bool:
    """Whether it was accepted already that the source holds nothing: by its newest manifest up to that day."""
    until = [one for one in observed if one <= day]
    return bool(until) and not files_seen(workspace.lake, source, until[-1])


def _way_on(workspace: Workspace, source: SourceSettings, day: date, as_of: bool) -> str:
    on_day = f" --as-of {day}" if as_of else ""
    command = f"assay ingest {source.uri}{on_day}" if workspace.settings.documents else "assay demo"
    return (
        "no manifest was written and nothing was deleted; what the source held before goes on serving. If they were meant "
        f"to go, run `{command} --allow-mass-delete`, or launch the run with `allow_mass_delete: true` in the configuration "
        "of `bronze/manifests`."
    )

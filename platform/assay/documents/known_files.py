"""What a source is known to hold: its stored manifests folded file by file, in plain Python.

The feed's query finds the same by itself; what is counted here guards it and checks it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from assay.lake import Lake
from assay.schema import table_of
from assay.settings import SourceSettings
from assay.tables import ManifestRow

MANIFESTS = table_of(ManifestRow)


def known_files(lake: Lake, source: SourceSettings, days: Sequence[date]) -> dict[str, str | None]:
    """Path -> content hash of every file that a source was known to hold after the last of its observed `days`.

    The hash is None for a file that could not be read when it was last seen.
    """
    manifests: list[Mapping[str, str | None]] = []
    for day in reversed(days):
        manifests.append(files_seen(lake, source, day))
        if not any(path.endswith("/") for path in manifests[-1]):
            break  # every folder could be entered: nothing before this day matters
    known: dict[str, str | None] = {}
    for seen in reversed(manifests):
        known = known_after(known, seen)
    return known


def files_seen(lake: Lake, source: SourceSettings, day: date) -> dict[str, str | None]:
    """Path -> content hash as the manifest of a day has it, without the row of an observation without files."""
    where = {"source": source.name, "day": day, "status": ("observed", "refused")}
    rows = lake.read(MANIFESTS, where=where, columns=["path", "content_hash"])
    return dict(zip(rows["path"].to_pylist(), rows["content_hash"].to_pylist(), strict=True))


def known_after(before: Mapping[str, str | None], seen: Mapping[str, str | None]) -> dict[str, str | None]:
    """What is known of a source that held `before` when these paths are seen; a folder's path ends with `/`.

    What lies in a folder that could not be entered is there as before.
    """
    closed = closed_folders(seen)
    kept = {path: content for path, content in before.items() if path.startswith(closed)}
    return kept | {path: content for path, content in seen.items() if not path.endswith("/")}


def closed_folders(seen: Iterable[str]) -> tuple[str, ...]:
    """The folders that could not be entered."""
    return tuple(path for path in seen if path.endswith("/"))

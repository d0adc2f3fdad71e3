"""What a source holds on a day: every file, read in full or refused with a reason."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path, PurePosixPath

from fsspec.utils import glob_translate

from assay.documents.listings import LocalFolder, Observed, RemoteFolder, SnapshotTable, folder_names, table_days
from assay.errors import DocumentRejected, SourceError
from assay.settings import PathRule, SourceSettings

DAY_PLACEHOLDER = "{day}"
_WILDCARD = re.compile(r"[*?\[]")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


def is_live(source: SourceSettings) -> bool:
    """Whether the source shows only its present state; the others hold their past days too."""
    return DAY_PLACEHOLDER not in source.uri and not _is_table(source.uri)


def observe(source: SourceSettings, day: date, *, max_file_bytes: int) -> Iterator[Observed] | None:
    """Every file of `source` on `day`, one at a time; None when a dated source holds nothing for that day.

    Raises SourceError when the place of a live source does not exist.
    """
    listing, pattern = _listing(source, day)
    if not listing.exists():
        if not is_live(source):
            return None
        raise SourceError(
            f"Source `{source.name}`: `{source.uri}` does not exist or cannot be entered. Nothing of it was written; what it "
            f"held before goes on serving. Check the place with `ls -la {source.uri}`, then run this again."
        )
    wanted = re.compile(glob_translate(pattern)).match if pattern else None
    return (_safe(file) for file in listing.observe(max_file_bytes) if wanted is None or wanted(file.path))


def available_days(source: SourceSettings, today: date) -> list[date]:
    """The days that a source can show: the folders of its days, the days of its table, or today for a live one."""
    if _is_table(source.uri):
        return table_days(Path(source.uri))
    if is_live(source):
        return [today]
    return sorted(day for name in folder_names(source.uri.partition(DAY_PLACEHOLDER)[0]) if (day := _day(name)))


def rule_for(source: SourceSettings, path: str) -> PathRule:
    """The first rule whose pattern matches `path`; the default tenant and `public` without one."""
    return next((rule for rule in source.rules if re.match(glob_translate(rule.pattern), path)), PathRule(pattern="**"))


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _listing(source: SourceSettings, day: date) -> tuple[LocalFolder | RemoteFolder | SnapshotTable, str | None]:
    uri = source.uri.replace(DAY_PLACEHOLDER, day.isoformat())
    if _is_table(uri):
        return SnapshotTable(Path(uri), day), None
    root, pattern = _split_glob(uri)
    return (RemoteFolder(root) if "://" in root else LocalFolder(Path(root))), pattern


def _is_table(uri: str) -> bool:
    return uri.endswith(".parquet") and not _WILDCARD.search(uri)


def _split_glob(uri: str) -> tuple[str, str | None]:
    """`docs/**/*.md` as the folder before the first wildcard and the pattern below it."""
    found = _WILDCARD.search(uri)
    if not found:
        return uri, None
    cut = uri.rfind("/", 0, found.start())
    return (uri[:cut] or "/", uri[cut + 1 :]) if cut >= 0 else (".", uri)


def _safe(file: Observed) -> Observed:
    """The file, refused if its path could lead out of the source or break a log line."""
    parts = PurePosixPath(file.path).parts
    hostile = (
        not parts
        or file.path.startswith("/")
        or ".." in parts
        or "\\" in file.path
        or _CONTROL_CHARACTER.search(file.path)
    )
    if file.rejection or not hostile:
        return file
    refusal = DocumentRejected("hostile_path", "the path is absolute or holds `..`, a backslash or a control character")
    printable = _CONTROL_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", file.path)
    return Observed(
        printable or "(no name)", _CONTROL_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", file.uri), None, refusal
    )

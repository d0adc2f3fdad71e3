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
_DRIVE = re.compile(r"[A-Za-z]:/")
_WILDCARD = re.compile(r"[*?\[]")
# Control characters, halves of surrogate pairs, and the backslash, by which the others are written.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\\\\]")
# Begins with a backslash, which every other path has doubled: no file is called so.
_NO_NAME = "\\(no name)"


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
    return (
        _safe(file)
        for file in listing.observe(max_file_bytes)
        if wanted is None or wanted(file.path) or file.path.endswith("/")
    )


def available_days(source: SourceSettings, today: date) -> list[date]:
    """The days that a source can show: the folders of its days, the days of its table, or today for a live one."""
    if _is_table(source.uri):
        return table_days(Path(source.uri))
    if is_live(source):
        return [today]
    return sorted(day for name in folder_names(source.uri.partition(DAY_PLACEHOLDER)[0]) if (day := _day(name)))


def place_of(source: SourceSettings, day: date) -> str:
    """The folder, URI or table file in which a source shows a day; of a glob the folder before its first wildcard."""
    uri = source.uri.replace(DAY_PLACEHOLDER, day.isoformat())
    root = uri if _is_table(uri) else _split_glob(uri)[0]
    return root if "://" in root else str(Path(root).expanduser().resolve())


def rule_for(source: SourceSettings, path: str) -> PathRule:
    """The first rule whose pattern matches `path`; the default tenant and `public` without one."""
    return next((rule for rule in source.rules if re.match(glob_translate(rule.pattern), path)), PathRule(pattern="**"))


def _day(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None  # `20261101` is a day too, but not the folder that is looked for


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
    unprintable = _UNPRINTABLE.search(file.path)
    absolute = file.path.startswith("/") or _DRIVE.match(file.path)
    if not unprintable and parts and ".." not in parts and not absolute:
        return file
    refusal = file.rejection or DocumentRejected(
        "hostile_path", "the path is absolute or holds `..`, a backslash or a control character"
    )
    return Observed(_printable(file.path) or _NO_NAME, _printable(file.uri), None, refusal)


def _printable(name: str) -> str:
    """A name in which nothing breaks a line or an encoder; two different names never read the same."""
    return _UNPRINTABLE.sub(lambda found: _escape(ord(found[0])), name)


def _escape(code: int) -> str:
    if code == ord("\\"):
        return "\\\\"
    byte = code - 0xDC00 if code >= 0xDC80 else code  # how Python holds a byte of a file name that is not UTF-8
    return f"\\x{byte:02x}" if byte < 0x100 else f"\\u{code:04x}"

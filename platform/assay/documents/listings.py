"""The places documents come from: a local folder, any fsspec URI, a Parquet table of snapshots."""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import fsspec
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset as ds

from assay.errors import DocumentRejected, SourceError

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# A file that changes under the reader is read this often before it is refused.
READ_ATTEMPTS = 3
SNAPSHOT_COLUMNS = ("path", "snapshot_date", "text")


@dataclass(frozen=True)
class Observed:
    """One file of a source: its bytes, or why it was refused. `path` is relative to the source, with `/`.

    A folder that could not be entered stands for what lies in it; its path ends with `/`.
    """

    path: str
    uri: str
    data: bytes | None
    rejection: DocumentRejected | None = None


class LocalFolder:
    """Files under a folder. Names that begin with a dot are not part of it; links are followed only inside it."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root.expanduser()))

    def exists(self) -> bool:
        return self._root.is_dir() and os.access(self._root, os.R_OK | os.X_OK)

    def observe(self, max_file_bytes: int) -> Iterator[Observed]:
        folders = [self._root]  # a list and no recursion: folders can be nested deeper than Python calls
        while folders:
            folder = folders.pop()
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError as error:
                if folder == self._root:
                    raise _not_listed(str(folder), error) from error
                refusal = DocumentRejected("unreadable", f"folder cannot be entered: {error.strerror}")
                yield Observed(f"{self._relative(folder)}/", folder.as_uri(), None, refusal)
                continue
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False) and _is_text(entry.name):
                    folders.append(Path(entry.path))
                elif file := self._file(entry, max_file_bytes):
                    yield file

    def _file(self, entry: os.DirEntry[str], max_file_bytes: int) -> Observed | None:
        path = Path(entry.path)
        if not _is_text(entry.name):
            return self._refused(path, DocumentRejected("hostile_path", "the name is not valid UTF-8"))
        if entry.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(self._root):
            return self._refused(path, DocumentRejected("hostile_path", "a link that leaves the source's folder"))
        try:
            is_folder = entry.is_dir()
        except OSError as error:  # a link that leads to itself
            return self._refused(path, DocumentRejected("unreadable", f"cannot be read: {error.strerror}"))
        if is_folder:
            return None  # a link to a folder of the same source: its files are observed where they are
        return self._read(path, max_file_bytes)

    def _read(self, path: Path, max_file_bytes: int) -> Observed:
        try:
            for _ in range(READ_ATTEMPTS):
                before = os.stat(path)
                if not stat.S_ISREG(before.st_mode):
                    return self._refused(path, DocumentRejected("unreadable", "not a regular file"))
                if before.st_size > max_file_bytes:
                    return self._refused(path, _too_large(before.st_size, max_file_bytes))
                data = path.read_bytes()
                after = os.stat(path)
                if _identity(before) == _identity(after) and len(data) == after.st_size:
                    return Observed(self._relative(path), path.as_uri(), data)
        except OSError as error:
            return self._refused(path, DocumentRejected("unreadable", f"cannot be read: {error.strerror}"))
        return self._refused(path, _changing())

    def _refused(self, path: Path, rejection: DocumentRejected) -> Observed:
        return Observed(self._relative(path), path.as_uri(), None, rejection)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


class RemoteFolder:
    """Files under an fsspec URI (`s3://`, `gs://`, `memory://`, ...); credentials are fsspec's own."""

    def __init__(self, uri: str) -> None:
        self._uri = uri.rstrip("/")

    def exists(self) -> bool:
        filesystem, root = _opened(self._uri)
        with _listing(self._uri):
            return bool(filesystem.isdir(root))

    def observe(self, max_file_bytes: int) -> Iterator[Observed]:
        filesystem, root = _opened(self._uri)
        with _listing(self._uri):
            found = cast(dict[str, dict[str, Any]], filesystem.find(root, detail=True, on_error="raise"))
        for name, details in sorted(found.items()):
            path = name.removeprefix(root).lstrip("/")
            if not any(part.startswith(".") and part != ".." for part in path.split("/")):
                yield self._read(filesystem, name, path, details, max_file_bytes)

    def _read(self, filesystem: Any, name: str, path: str, details: dict[str, Any], max_file_bytes: int) -> Observed:
        uri = f"{self._uri}/{path}"
        try:
            for _ in range(READ_ATTEMPTS):
                if (details.get("size") or 0) > max_file_bytes:
                    return Observed(path, uri, None, _too_large(details["size"], max_file_bytes))
                data = cast(bytes, filesystem.cat_file(name))
                filesystem.invalidate_cache()
                after = cast(dict[str, Any], filesystem.info(name))
                if after.get("size") == len(data) and after.get("ETag") == details.get("ETag"):
                    return Observed(path, uri, data)
                details = after
        except OSError as error:
            return Observed(path, uri, None, DocumentRejected("unreadable", f"cannot be read: {error}"))
        return Observed(path, uri, None, _changing())


class SnapshotTable:
    """A day of a Parquet table with the columns `path`, `snapshot_date` and `text`."""

    def __init__(self, file: Path, day: date) -> None:
        self._file, self._day = file, day

    def exists(self) -> bool:
        return self._day in table_days(self._file)

    def observe(self, max_file_bytes: int) -> Iterator[Observed]:
        # Of a time only its day counts, as in `table_days`.
        dates: Any = ds.field("snapshot_date").cast("string")
        wanted = pc.utf8_slice_codeunits(dates, 0, 10) == self._day.isoformat()
        rows = ds.dataset(self._file).to_table(columns=["path", "text"], filter=wanted).sort_by("path")
        if len(rows["path"].unique()) < rows.num_rows:
            raise SourceError(
                f"`{self._file}` holds a path twice on {self._day}. Nothing of it was written. "
                "Keep one row per path and day, then run this again."
            )
        for path, text in zip(rows["path"].to_pylist(), rows["text"].to_pylist(), strict=True):
            uri = f"{self._file.absolute().as_uri()}#{path}"
            data = None if text is None else text.encode()
            if data is None:
                yield Observed(path, uri, None, DocumentRejected("unreadable", "the text is null"))
            elif len(data) > max_file_bytes:
                yield Observed(path, uri, None, _too_large(len(data), max_file_bytes))
            else:
                yield Observed(path, uri, data)


def table_days(file: Path) -> list[date]:
    """The days of a Parquet table of snapshots, in order. Raises SourceError for a file that is none."""
    try:
        table = ds.dataset(file)
        missing = [name for name in SNAPSHOT_COLUMNS if name not in table.schema.names]
        if missing:
            raise SourceError(
                f"`{file}` has no column {missing}. Nothing of it was written. "
                f"A table of snapshots has {list(SNAPSHOT_COLUMNS)}; rename its columns, then run this again."
            )
        days = table.to_table(columns=["snapshot_date"])["snapshot_date"].unique().to_pylist()
        return sorted(date.fromisoformat(str(day)[:10]) for day in days)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise SourceError(
            f"`{file}` cannot be read as a table of snapshots: {error}. Nothing of it was written. "
            f"Check it with `ls -la {file}`, then run this again."
        ) from error


def folder_names(uri: str) -> list[str]:
    """The names of the folders directly under a folder or URI; none where it does not exist."""
    filesystem, root = _opened(uri or ".")
    with _listing(uri):
        filesystem.invalidate_cache()
        if not filesystem.isdir(root):
            return []
        found = cast(list[dict[str, Any]], filesystem.ls(root, detail=True))
    # Not "directory" alone: what links to one is of another type.
    return [str(one["name"]).rstrip("/").rpartition("/")[2] for one in found if one["type"] != "file"]


def entries_under(uri: str) -> dict[str, dict[str, Any]]:
    """Every file under a folder or URI, or the file itself, by name, with what its protocol tells without reading it.

    Raises SourceError where the place is not there or cannot be listed.
    """
    filesystem, root = _opened(uri)
    with _listing(uri):
        filesystem.invalidate_cache()
        if not filesystem.exists(root):
            raise FileNotFoundError(root)
        return cast(dict[str, dict[str, Any]], filesystem.find(root, detail=True, on_error="raise"))


def _opened(uri: str) -> tuple[Any, str]:
    """The filesystem of a URI and the path in it."""
    try:
        filesystem, root = cast(tuple[Any, str], fsspec.url_to_fs(uri))
    except (ImportError, ValueError) as error:
        raise SourceError(
            f"`{uri}` cannot be opened: {error}. Nothing of it was written. "
            "Install what its protocol needs, for S3 `pip install s3fs`, then run this again."
        ) from error
    return filesystem, root.rstrip("/")


@contextmanager
def _listing(place: str) -> Generator[None]:
    try:
        yield
    except Exception as error:  # every protocol raises its own, for credentials and networks alike
        raise _not_listed(place, error) from error


def _not_listed(place: str, error: Exception) -> SourceError:
    """Taken for an empty place, one that cannot be listed would delete everything."""
    return SourceError(
        f"`{place}` cannot be listed: {error}. Nothing of it was written; what it held before goes on serving. "
        "Mend the place or its credentials, see its settings with `assay doctor --settings`, then run this again."
    )


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _too_large(size_bytes: int, max_file_bytes: int) -> DocumentRejected:
    return DocumentRejected("too_large", f"{size_bytes:,} bytes; `ASSAY_MAX_FILE_BYTES` allows {max_file_bytes:,}")


def _changing() -> DocumentRejected:
    return DocumentRejected(
        "changed_while_read", f"it changed during each of {READ_ATTEMPTS} readings; the next run reads it again"
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

"""What no search may find any more: `releases/deny_list.json`, and what it takes away from a version of a table.

A deletion or a narrowed permission waits for no release: searches leave it out of the one that serves, and of every
older one that a rollback brings back.
"""

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.durable_files import FileStamp, file_stamp, replace_file, stamp_of, write_error
from assay.errors import StorageError
from assay.retrieval import filters

DENY_LIST_FILE = "deny_list.json"


@dataclass(frozen=True)
class Denial:
    """A document of which a release holds more than may be found.

    `gone_through`: chunks up to this document version are deleted; None when nothing was. `allowed_principals`: who may
    find the document now, nobody after a deletion. `denied_at`: ISO 8601, UTC.
    """

    document_id: str
    gone_through: int | None
    allowed_principals: tuple[str, ...]
    denied_at: str

    def takes_away(self, version: int, principals: Collection[str]) -> bool:
        """Whether somebody among `principals`, whom a row of this version lets in, may not find it any more."""
        is_gone = self.gone_through is not None and version <= self.gone_through
        return is_gone or not set(principals) <= set(self.allowed_principals)


def denials_stamp(releases_path: Path) -> FileStamp | None:
    """The stamp of the list as it is now, None when there is none."""
    return file_stamp(releases_path / DENY_LIST_FILE)


def read_denials(releases_path: Path) -> tuple[tuple[Denial, ...], FileStamp | None]:
    """The list, by document id, with the stamp of the very file it was read from; empty before the first denial.

    Raises StorageError for a list that cannot be read: a search without it could show what was deleted.
    """
    path = releases_path / DENY_LIST_FILE
    try:
        with path.open(encoding="utf-8") as file:
            return _denials(json.load(file)), stamp_of(os.fstat(file.fileno()))
    except FileNotFoundError:
        return (), None
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The deny-list {path} cannot be read: {error}. Nothing is searched without it, for what was deleted would be "
            "found; tables and releases are untouched. Leave it there and run `assay demo` or `assay ingest DIR`: the "
            "list is computed anew from the feed."
        ) from error


def write_denials(releases_path: Path, denials: Iterable[Denial]) -> None:
    """Replace the list atomically; searches follow with their next query. Raises DiskFull or StorageError."""
    path = releases_path / DENY_LIST_FILE
    documents = {
        one.document_id: {
            "gone_through": one.gone_through,
            "allowed_principals": list(one.allowed_principals),
            "denied_at": one.denied_at,
        }
        for one in denials
    }
    try:
        replace_file(path, json.dumps({"documents": documents}, ensure_ascii=False, sort_keys=True) + "\n")
    except OSError as error:
        raise write_error(
            f"The deny-list {path} was not written: {error}. The list before stands, so what was deleted since is still "
            "found. Free the disk or mend the folder, then run `assay ingest` again.",
            error,
        ) from error


def denials_within(table: Any, denials: Sequence[Denial]) -> tuple[Denial, ...]:
    """Those of `denials` that take something away from this version of a table.

    Asked once per release and list, so that a search carries the few that concern its release, not all.
    """
    if not denials:
        return ()
    columns = ["document_id", "document_version", "allowed_principals"]
    wanted = filters.one_of("document_id", [one.document_id for one in denials])
    by_id = {one.document_id: one for one in denials}
    found = {
        row["document_id"]
        for row in table.search().where(wanted).select(columns).to_arrow().to_pylist()
        if by_id[row["document_id"]].takes_away(row["document_version"], row["allowed_principals"])
    }
    return tuple(one for one in denials if one.document_id in found)


def without_denied(where: str, denials: Iterable[Denial], principals: Sequence[str]) -> str:
    """A prefilter narrowed to what `principals` may find now."""
    hidden: list[str] = []
    gone: dict[int, list[str]] = {}
    for one in denials:
        if not set(one.allowed_principals) & set(principals):
            hidden.append(one.document_id)
        elif one.gone_through is not None:
            gone.setdefault(one.gone_through, []).append(one.document_id)
    return filters.excluding(where, hidden, gone)


def _denials(record: Any) -> tuple[Denial, ...]:
    if not isinstance(record, Mapping) or set(record) != {"documents"} or not isinstance(record["documents"], Mapping):
        raise ValueError("it does not hold exactly `documents`")
    return tuple(_denial(document_id, entry) for document_id, entry in sorted(record["documents"].items()))


def _denial(document_id: str, entry: Any) -> Denial:
    if not isinstance(entry, Mapping) or set(entry) != {"gone_through", "allowed_principals", "denied_at"}:
        raise ValueError(f"the entry of {document_id!a} is {entry!r}")
    gone_through, principals, denied_at = (entry[name] for name in ("gone_through", "allowed_principals", "denied_at"))
    if not (gone_through is None or type(gone_through) is int):
        raise ValueError(f"`gone_through` of {document_id!a} is {gone_through!r}")
    if not isinstance(principals, list) or not all(isinstance(each, str) for each in principals):
        raise ValueError(f"`allowed_principals` of {document_id!a} is {principals!r}")
    if not isinstance(denied_at, str):
        raise ValueError(f"`denied_at` of {document_id!a} is {denied_at!r}")
    return Denial(document_id, gone_through, tuple(principals), denied_at)

"""What serves: one small file that says which version of which table answers searches, by which configuration.

It is replaced atomically, so a reader sees the old release or the new one, and a rollback is one more replacement.
`history.jsonl` beside it keeps a line per act. `heads/` holds such a file for every live configuration: its newest version
that passed the fast gate, which is what a promotion or a rollback makes serve.
"""

import dataclasses
import itertools
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from assay.durable_files import FileStamp, append_line, file_stamp, replace_file, stamp_of, write_error
from assay.errors import NotReady, StorageError
from assay.settings import Settings

POINTER_FILE = "serving.json"
HISTORY_FILE = "history.jsonl"
HEADS_FOLDER = "heads"
# Beside them: the pointer by which the gate asks a candidate.
CANDIDATE_FOLDER = "candidate"
# How many of the last acts keep their version whole, so that what served yesterday can be searched beside what serves.
RETAINED_RELEASES = 5

ActName = Literal["publish", "promote", "rollback"]
_Said = TypeVar("_Said")


@dataclass(frozen=True)
class ServingPointer:
    """A release: the LanceDB `table` at `version`, and the `configuration` (the id of its manifest) that answers from it.

    `release_id`: `configuration@version`. `fingerprint`: of the embedding model named `model`. `chunker`: as in
    `gold/chunks`. `published_at`: when it passed the fast gate, ISO 8601, UTC; `run_id`: in which run, so that an answer
    can be followed back to what made it. A table that was dropped and built again counts its versions from one again, so
    two pointers are the same release only when all their fields are equal.
    """

    release_id: str
    table: str
    version: int
    model: str
    fingerprint: str
    chunker: str
    configuration: str
    published_at: str
    run_id: str = ""


@dataclass(frozen=True)
class Act:
    """What made a release serve: a data change of the serving configuration, a promotion or a rollback, and when (UTC)."""

    act: ActName
    at: datetime
    pointer: ServingPointer


def serving_lock(settings: Settings) -> Path:
    """The lock that whoever moves the serving pointer or a head holds."""
    return settings.locks_path / "serving.lock"


def read_pointer(folder: Path) -> ServingPointer | None:
    """The release that the pointer in `folder` names, None where there is none.

    Raises StorageError for a pointer that cannot be read.
    """
    stamped = read_stamped_pointer(folder)
    return stamped[0] if stamped else None


def read_stamped_pointer(folder: Path) -> tuple[ServingPointer, FileStamp] | None:
    """The release with the stamp of the very file it was read from."""
    return _read(folder / POINTER_FILE, _pointer)


def pointer_stamp(folder: Path) -> FileStamp | None:
    """The stamp of the pointer as it is now, None when there is none."""
    return file_stamp(folder / POINTER_FILE)


def flip(releases_path: Path, pointer: ServingPointer, act: ActName) -> None:
    """Make `pointer` the serving release. The caller holds `serving_lock`. Raises DiskFull or StorageError: see there.

    The history is written after the flip: a line for what never served would be offered to a rollback. A flip that was
    killed in between is given its line by the next one.
    """
    complete_history(releases_path)
    line = _act_line(Act(act, datetime.now(UTC), pointer))
    _replace(releases_path / POINTER_FILE, line, f"Release {pointer.release_id} was not made to serve")
    complete_history(releases_path)


def write_pointer(folder: Path, pointer: ServingPointer) -> None:
    """Replace the pointer in `folder` atomically, without a line in a history: how a candidate is asked."""
    what = f"Release {pointer.release_id} was not noted in {folder}"
    _replace(folder / POINTER_FILE, _line(dataclasses.asdict(pointer)), what)


def complete_history(releases_path: Path) -> None:
    """Give the serving release its line in the history, which a flip that was killed did not live to write.

    Without it a rollback would pass over that release once the next one serves. The caller holds `serving_lock`.
    Raises DiskFull or StorageError.
    """
    acts = _acts_to_now(releases_path)
    if acts == read_acts(releases_path):
        return
    serving = acts[-1]
    try:
        append_line(releases_path / HISTORY_FILE, _act_line(serving))
    except OSError as error:
        raise _publication_error(
            f"Release {serving.pointer.release_id} serves, but its history was not written", error
        ) from error


def read_acts(releases_path: Path) -> list[Act]:
    """Everything that ever served and how it came to, oldest first. A line that a crash cut short is left out."""
    path = releases_path / HISTORY_FILE
    if not path.exists():
        return []
    acts: list[Act] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            acts.append(_act(json.loads(line)))
        except (ValueError, TypeError):
            continue
    return acts


def read_history(releases_path: Path) -> list[ServingPointer]:
    """The release of every act, oldest first."""
    return [one.pointer for one in read_acts(releases_path)]


def write_head(releases_path: Path, pointer: ServingPointer) -> None:
    """Make `pointer` the newest release of its configuration; what serves does not move. Raises as `write_pointer`."""
    write_pointer(_head_folder(releases_path, pointer.configuration), pointer)


def read_head(releases_path: Path, configuration_id: str) -> ServingPointer | None:
    """The newest version of a configuration that passed the fast gate; None where none did, or where it cannot be kept
    up to date any more and so must not serve again."""
    return read_pointer(_head_folder(releases_path, configuration_id))


def drop_head(releases_path: Path, configuration_id: str) -> None:
    """Forget the head of a configuration that is not kept up to date: a rollback to it would show what was."""
    shutil.rmtree(_head_folder(releases_path, configuration_id), ignore_errors=True)


def heads(releases_path: Path) -> list[ServingPointer]:
    """The head of every configuration that has one, by configuration."""
    folders = sorted((releases_path / HEADS_FOLDER).glob("*"))
    return [pointer for folder in folders if (pointer := read_pointer(folder)) is not None]


def replaced_configurations(releases_path: Path) -> dict[str, datetime]:
    """When each configuration that served before was replaced (UTC), the last replaced first; not the serving one.

    The first of them is the one that a rollback goes back to.
    """
    acts = _acts_to_now(releases_path)
    replaced: dict[str, datetime] = {}
    for before, after in itertools.pairwise(acts):
        if before.pointer.configuration != after.pointer.configuration:
            replaced.pop(before.pointer.configuration, None)  # so that the last replaced stands last
            replaced[before.pointer.configuration] = after.at
    serving = read_pointer(releases_path)
    if serving is not None:
        replaced.pop(serving.configuration, None)
    return dict(reversed(replaced.items()))


def _acts_to_now(releases_path: Path) -> list[Act]:
    """Every act, that of the pointer last where a flip was killed before its line."""
    acts, found = read_acts(releases_path), _read(releases_path / POINTER_FILE, _act)
    return acts if found is None or acts[-1:] == [found[0]] else [*acts, found[0]]


def retained_configurations(releases_path: Path, retention: timedelta) -> list[str]:
    """Configurations that served before and were replaced less than `retention` ago, the last replaced first."""
    since = datetime.now(UTC) - retention
    return [one for one, replaced_at in replaced_configurations(releases_path).items() if replaced_at > since]


def retained_releases(releases_path: Path) -> list[ServingPointer]:
    """The releases that serve or could serve again: the last acts, what serves, and every head."""
    serving = read_pointer(releases_path)  # asked too, should the history lack it
    found = [*read_history(releases_path)[-RETAINED_RELEASES:], *([serving] if serving else []), *heads(releases_path)]
    return list(dict.fromkeys(found))


def find_release(releases_path: Path, release_id: str) -> ServingPointer:
    """A retained release by its id, the newest of that id. Raises NotReady, naming those that there are."""
    retained = retained_releases(releases_path)
    found = [one for one in retained if one.release_id == release_id]
    if not found:
        there = ", ".join(f"`{one}`" for one in dict.fromkeys(one.release_id for one in retained)) or "none"
        raise NotReady(
            f"There is no release `{release_id}`; there are {there}. Nothing was searched. Leave out `--release` for the one "
            "that serves, or see `assay release list`."
        )
    return max(found, key=lambda one: one.published_at)


def guarded_releases(releases_path: Path) -> list[ServingPointer]:
    """Whose versions stay, and what the deny-list must cover: the retained releases and the candidate of the gate."""
    candidate = read_pointer(releases_path / CANDIDATE_FOLDER)
    return list(dict.fromkeys([*retained_releases(releases_path), *([candidate] if candidate else [])]))


def _head_folder(releases_path: Path, configuration_id: str) -> Path:
    return releases_path / HEADS_FOLDER / configuration_id


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, sort_keys=True) + "\n"


def _act_line(act: Act) -> str:
    return _line({"act": act.act, "at": act.at.isoformat(timespec="microseconds"), **dataclasses.asdict(act.pointer)})


def _replace(path: Path, text: str, what: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        raise _publication_error(what, error) from error


def _read(path: Path, parse: Callable[[Any], _Said]) -> tuple[_Said, FileStamp] | None:
    """What a pointer file says, with the stamp of the very file it was read from."""
    try:
        with path.open(encoding="utf-8") as file:
            return parse(json.load(file)), stamp_of(os.fstat(file.fileno()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The pointer {path} cannot be read: {error}. The tables are untouched, but nothing can be served by it. {_mend(path)}"
        ) from error


def _mend(path: Path) -> str:
    """How a pointer that cannot be read is put right: what serves stands in its history, all others are made by a run."""
    history = path.parent / HISTORY_FILE
    if history.exists():
        return (
            f"Put it back with `tail -n 1 {history} > {path}`: the last line of its history is what served. Do not delete it: "
            "the next run would promote what the settings name, as if nothing had served before."
        )
    return (
        f"Move it aside with `mv {path} {path}.broken`, then run `assay demo` or `assay ingest DIR`: where the newest version "
        "passes the gates, it is written anew."
    )


def _pointer(record: Any) -> ServingPointer:
    fields = {field.name: field.type for field in dataclasses.fields(ServingPointer)}
    if not isinstance(record, Mapping) or set(record) - {"act", "at"} != set(fields):
        raise ValueError(f"it does not hold exactly {', '.join(fields)}")
    for name, expected in fields.items():
        if type(record[name]) is not expected:
            raise ValueError(f"`{name}` is {record[name]!r}")
    return ServingPointer(**{name: record[name] for name in fields})


def _act(record: Any) -> Act:
    pointer = _pointer(record)
    if record.get("act") not in get_args(ActName):
        raise ValueError(f"`act` is {record.get('act')!r}")
    at = datetime.fromisoformat(str(record.get("at")))
    if at.tzinfo is None:
        raise ValueError(f"`at` is {record['at']!r}, without a time zone")
    return Act(record["act"], at, pointer)


def _publication_error(what: str, error: OSError) -> StorageError:
    return write_error(
        f"{what}: {error}. What served before, or this release itself, serves. Free the disk or mend the folder, then run the same command again.",
        error,
    )

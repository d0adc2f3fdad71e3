"""One score of one item, as any system may write it, and reading a file of them.

A line is `{"item_id", "cluster", "metric", "score", "status", "slices"}`; higher scores are better. An item that could not
be scored says so in its status and is never left out: what is missing cannot be counted.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from assay.errors import ConfigurationError, SourceError

Status = Literal[
    "OK",
    "ERROR",
    "ERROR(parse)",
    "ERROR(timeout)",
    "ERROR(rate)",
    "ERROR(refused)",
    "NOT_APPLICABLE",
    "NOT_APPLICABLE(no_claims)",
    "NOT_APPLICABLE(abstained)",
    "SKIPPED",
]
STATUSES: tuple[str, ...] = get_args(Status)

# Squares of greater ones, and sums of these, are no numbers any more.
LARGEST_SCORE = 1e100
REQUIRED = ("item_id", "metric", "score", "status")
FIELDS = ("item_id", "cluster", "metric", "score", "status", "slices")
_AGAIN = "Nothing was compared. Correct it and run `assay eval compare CANDIDATE.jsonl BASELINE.jsonl` again."


@dataclass(frozen=True)
class ItemScore:
    """What one item scored under one metric. `score` counts only where `status` is OK.

    `cluster`: what items have in common that makes them alike, usually their source document; None: nothing.
    `slices`: the groups of items that are looked at on their own, such as `es` or `tenant:umbra`.
    """

    item_id: str
    cluster: str | None
    metric: str
    score: float | None
    status: Status = "OK"
    slices: Sequence[str] = ()


def checked(scores: Iterable[ItemScore]) -> list[ItemScore]:
    """The scores as given. Raises ConfigurationError for what no verdict can rest on."""
    found = list(scores)
    seen: set[tuple[str, str]] = set()
    groups: dict[str, tuple[str | None, frozenset[str]]] = {}
    for one in found:
        if problem := _problem(one, seen, groups):
            raise ConfigurationError(f"Item `{one.item_id}` cannot be used: {problem}. {_AGAIN}")
    return found


def read_item_scores(path: Path) -> list[ItemScore]:
    """The scores of a JSONL file, in its order.

    `cluster` and `slices` may be missing: the item is then a cluster of its own, in no slice. An object for `slices`,
    `{"tenant": "umbra"}`, is read as `tenant:umbra`.
    Raises ConfigurationError naming the line that is no score, comes twice or contradicts another, and for a file that is
    missing or holds none; SourceError for one that cannot be read.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no file `{path}`. {_AGAIN}")
    found: list[ItemScore] = []
    seen: set[tuple[str, str]] = set()
    groups: dict[str, tuple[str | None, frozenset[str]]] = {}
    for number, line in _lines(path):
        try:
            one = _parsed(line)
            problem = _problem(one, seen, groups)
        # UnicodeDecodeError and JSONDecodeError are ValueErrors; a whole number may be too great for a float.
        except (ValueError, OverflowError, RecursionError) as error:
            raise _bad_line(path, number, str(error)) from error
        if problem:
            raise _bad_line(path, number, problem)
        found.append(one)
    if not found:
        raise ConfigurationError(f"`{path}` holds no score. {_AGAIN}")
    return found


def _problem(
    one: ItemScore, seen: set[tuple[str, str]], groups: dict[str, tuple[str | None, frozenset[str]]]
) -> str | None:
    if one.status not in STATUSES:
        return f"there is no status `{one.status}`; {', '.join(STATUSES)} are"
    if one.status == "OK" and (one.score is None or not math.isfinite(one.score)):
        return f"its status is OK, and its score under `{one.metric}` is {one.score}, which is no number"
    if one.status == "OK" and one.score is not None and abs(one.score) > LARGEST_SCORE:
        return f"its score under `{one.metric}` is {one.score}; none lies beyond {LARGEST_SCORE:g}"
    if (one.item_id, one.metric) in seen:
        return f"item `{one.item_id}` has a score under `{one.metric}` already"
    seen.add((one.item_id, one.metric))
    group = (one.cluster, frozenset(one.slices))
    if groups.setdefault(one.item_id, group) != group:
        return f"item `{one.item_id}` lay in another cluster or in other slices before"
    return None


def _parsed(line: bytes) -> ItemScore:
    record: Any = json.loads(line.decode("utf-8-sig"), parse_constant=_no_constant)
    if not isinstance(record, dict):
        raise ValueError("it is no JSON object")
    record = cast(dict[str, Any], record)
    missing = [name for name in REQUIRED if name not in record]
    unknown = [name for name in record if name not in FIELDS]
    if missing or unknown:
        raise ValueError(f"fields missing: {missing}, unknown: {unknown}; a line holds {', '.join(FIELDS)}")
    score = record["score"]
    if score is not None and not isinstance(score, int | float):
        raise ValueError(f"`score` is {score!r}, which is no number")
    slices: Any = record.get("slices") or []
    if isinstance(slices, dict):
        slices = [f"{name}:{value}" for name, value in cast(dict[str, Any], slices).items()]
    if not isinstance(slices, list) or not all(
        isinstance(name, str) and name and _is_text(name) for name in cast(list[Any], slices)
    ):
        raise ValueError("`slices` is no list of names")
    cluster = record.get("cluster")
    return ItemScore(
        item_id=_name(record, "item_id"),
        cluster=None if cluster is None else _name(record, "cluster"),
        metric=_name(record, "metric"),
        score=None if score is None else float(score),
        status=record["status"],
        slices=tuple(cast(list[str], slices)),
    )


def _name(record: dict[str, Any], field: str) -> str:
    """A text, or a whole number as text, for many systems number their items."""
    found = record[field]
    if (
        isinstance(found, bool)
        or not isinstance(found, str | int)
        or not str(found).strip()
        or not _is_text(str(found))
    ):
        raise ValueError(f"`{field}` is {found!r}, which is no name")
    return str(found)


def _is_text(name: str) -> bool:
    r"""Whether it can be written; JSON can hold half of a character, `\ud800`."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number; a score that could not be had is null, with a status that says why")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their 1-based numbers."""
    try:
        with path.open("rb") as file:
            yield from ((number, line) for number, line in enumerate(file, start=1) if line.strip())
    except OSError as error:
        raise SourceError(
            f"`{path}` cannot be read: {error.strerror}. Nothing was compared. Look at it with `ls -l {path}`."
        ) from error


def _bad_line(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(f"Line {number} of `{path}` cannot be used: {problem}. {_AGAIN}")

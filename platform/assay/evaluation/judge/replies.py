"""A judge's reply as data: one JSON object in the shape that was asked for, or ERROR(parse). Nothing is guessed."""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from assay.errors import JudgeError

# Many models set JSON into a fence whatever they are told.
_FENCED = re.compile(r"\A```(?:json)?\s*\n(.*)\n```\Z", re.S)


def object_in(reply: str) -> dict[str, Any]:
    """The one JSON object that the reply is, with or without a fence. Raises JudgeError(parse)."""
    text = reply.strip()
    fenced = _FENCED.match(text)
    try:
        found = json.loads(fenced[1] if fenced else text, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:  # JSONDecodeError is a ValueError
        raise JudgeError("parse", f"the reply is no JSON object: {error}") from error
    if not isinstance(found, dict):
        raise JudgeError("parse", "the reply is JSON, and no object")
    return cast(dict[str, Any], found)


def texts_in(reply: str, field: str) -> list[str]:
    """The list of texts under `field`; it may be empty. Raises JudgeError(parse)."""
    found = _list_in(reply, field)
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise JudgeError("parse", f"`{field}` holds something that is no text")
    return cast(list[str], found)


def verdict_in(reply: str) -> int:
    """The one verdict of the reply. Raises JudgeError(parse)."""
    return bit_of(object_in(reply), "verdict")


def verdicts_in(reply: str, count: int) -> list[int]:
    """A verdict for each of `count` statements, in their order. Raises JudgeError(parse) for one missing or doubled."""
    return [bit_of(one, "verdict") for one in indexed_in(reply, "verdicts", count)]


def indexed_in(reply: str, field: str, count: int) -> Sequence[dict[str, Any]]:
    """The objects under `field` in the order of their `index`, which must be 1 to `count`, each once."""
    found = _list_in(reply, field)
    if not all(isinstance(one, dict) for one in found):
        raise JudgeError("parse", f"`{field}` holds something that is no object")
    objects = cast(list[dict[str, Any]], found)
    indexes = [one.get("index") for one in objects]
    if any(isinstance(index, bool) or not isinstance(index, int) for index in indexes):
        raise JudgeError("parse", f"`{field}` holds an entry without an index")
    if sorted(cast(list[int], indexes)) != list(range(1, count + 1)):
        raise JudgeError("parse", f"`{field}` is about {indexes}, and must be about 1 to {count}, each once")
    return sorted(objects, key=lambda one: one["index"])


def bit_of(one: dict[str, Any], field: str) -> int:
    """0 or 1 under `field`. Raises JudgeError(parse)."""
    found = one.get(field)
    if not isinstance(found, int) or found not in (0, 1):  # a bool is an int
        raise JudgeError("parse", f"`{field}` is {found!r}, and must be 0 or 1")
    return int(found)


def _list_in(reply: str, field: str) -> list[Any]:
    found = object_in(reply).get(field)
    if not isinstance(found, list):
        raise JudgeError("parse", f"the reply has no list `{field}`")
    return cast(list[Any], found)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two values under one name are two verdicts on one thing, of which Python would keep the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found

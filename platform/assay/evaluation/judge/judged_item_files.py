"""Judged items as JSONL: what was asked, answered and cited, to be judged or labelled later."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assay.durable_files import replace_file, write_error
from assay.errors import ConfigurationError
from assay.evaluation.judge.interface import JudgedItem

_ITEMS: TypeAdapter[JudgedItem] = TypeAdapter(JudgedItem)


def write_judged_items(path: Path, items: Iterable[JudgedItem]) -> None:
    """A line for each item; the file is replaced as a whole. Raises StorageError."""
    try:
        replace_file(path, "".join(f"{_ITEMS.dump_json(item).decode()}\n" for item in items))
    except OSError as error:
        raise write_error(
            f"`{path}` could not be written: {error.strerror}. What stood there stands. Make room and run the same command "
            f"again; `df -h {path.parent}` shows how much there is.",
            error,
        ) from error


def read_judged_items(path: Path) -> list[JudgedItem]:
    """The items of a file, in its order. Raises ConfigurationError naming the line that is no item or comes twice."""
    found: dict[str, JudgedItem] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"`{path}` cannot be read as judged items: {error}. Nothing was done. Look at it with `ls -l {path}`."
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record: Any = json.loads(line)
            item = _ITEMS.validate_python(record)
        except (ValueError, RecursionError) as error:  # JSONDecodeError and ValidationError are ValueErrors
            problem = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise _bad_line(path, number, problem) from error
        if item.item_id in found:
            raise _bad_line(path, number, f"item `{item.item_id}` stands there already")
        found[item.item_id] = item
    return list(found.values())


def _bad_line(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"Line {number} of `{path}` cannot be used: {problem}. Nothing was done. A line is a JSON object with the fields "
        f"{', '.join(JudgedItem.__dataclass_fields__)}. Look at it with `sed -n {number}p {path}`."
    )

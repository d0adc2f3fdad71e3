"""What a day of a stage was made of when it was made last: a day of which nothing has changed since is not made again.

Reading and typing a day of 70,000 records costs 2 CPU seconds, and a schedule runs the last days again every night.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from assay import events, quality
from assay.durable_files import replace_file, write_error
from assay.workspace import Workspace

Report = TypeVar("Report")


@dataclass(frozen=True)
class DayMemory:
    """Where a stage keeps what it knows of a source and day."""

    workspace: Workspace
    stage: str
    source: str
    day: date

    def recall(self, made_of: str, report: Callable[..., Report]) -> Report | None:
        """The report of the last run, read by `report(**fields)`, where the day was made of the very same."""
        try:
            known: Mapping[str, Any] = json.loads(self._path.read_text(encoding="utf-8"))
            return report(**known["report"]) if known["made_of"] == made_of else None
        except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
            return None

    def keep(self, made_of: str, report: Any) -> None:
        """Note a report, its `source` and `day` aside; the caller holds the day's lock. Raises StorageError."""
        fields = {name: value for name, value in asdict(report).items() if name not in ("source", "day")}
        try:
            replace_file(self._path, json.dumps({"made_of": made_of, "report": fields}, sort_keys=True))
        except OSError as error:
            raise write_error(
                f"What {self.day} of `{self.stage}` was made of could not be noted in `{self._path}`: {error.strerror}. "
                "The day was written and stands. See the place with `df -h`, then run this again.",
                error,
            ) from error

    @property
    def _path(self) -> Path:
        folder = self.workspace.settings.home / "built_from" / self.stage.replace("/", ".") / self.source
        return folder / f"{self.day}.json"


def fingerprint(*parts: object) -> str:
    """The sha256 over what a day is made of, part by part."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode()).hexdigest()


@cache
def code_fingerprint() -> str:
    """The sha256 over the code that lands, types and judges: a day that was made by other code is made again."""
    folders = [Path(str(package.__file__)).parent for package in (events, quality)]
    files = sorted(file for folder in folders for file in folder.iterdir() if file.suffix in {".py", ".sql"})
    return fingerprint([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])

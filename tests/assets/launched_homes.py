"""A home in which runs are launched from the tests' own process."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from assets.launch import launch


@dataclass(frozen=True)
class LaunchedHome:
    """`ASSAY_HOME` and `DAGSTER_HOME` of this process name it while its fixture lives."""

    home: Path

    def launch(self, day: date, *, as_of: bool = False) -> dict[str, Any]:
        return launch(day, day, as_of=as_of)

    def dagster(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.get()

"""What every stage works with: the settings, the lake, and the run it works for."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from assay.lake import Lake
from assay.settings import Settings


@dataclass(frozen=True)
class Run:
    """Which run writes, and when it began: the provenance columns of its rows."""

    run_id: str
    started_at: datetime

    @property
    def today(self) -> date:
        return self.started_at.astimezone(UTC).date()


@dataclass(frozen=True)
class Workspace:
    """Settings, lake and run, handed to every stage."""

    settings: Settings
    run: Run

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.settings.lake_path)

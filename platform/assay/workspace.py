"""What every stage works with: the settings, the lake, and the run it works for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from assay.lake import Lake, LakeAt
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

    def at(self, versions: Mapping[str, int | None]) -> "Workspace":
        """The same workspace over the lake as it was at these versions of its tables, for reading."""
        fixed = Workspace(self.settings, self.run)
        vars(fixed)["lake"] = LakeAt(self.settings.lake_path, versions)  # in place of the cached property
        return fixed

    def under(self, settings: Settings) -> "Workspace":
        """The same lake and run under other knobs, such as those of a release's configuration."""
        other = Workspace(settings, self.run)
        vars(other)["lake"] = self.lake
        return other

"""Start the Dagster jobs for a range of days in a process of their own, and read what came of them.

The command line knows no Dagster: it starts `python -m assets.launch` and reads its result.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from assay.errors import AssayError, ConfigurationError
from assay.settings import Settings

EXIT_CHECK_FAILED = 1


@dataclass(frozen=True)
class PipelineResult:
    """What a run of one job did."""

    run_id: str
    success: bool
    stages: dict[str, dict[str, dict[str, Any]]]
    checks: list[dict[str, Any]]
    errors: list[str]
    seconds: dict[str, float]

    def number(self, stage: str, name: str) -> int:
        """A stage's count, added up over the days; what stands after the run is told of its last day alone."""
        return sum(int(day.get(name, 0)) for day in self.stages.get(stage, {}).values())

    def standing(self, stage: str) -> int:
        """The rows that stand of a table after the run."""
        return max((int(day.get("dagster/row_count", 0)) for day in self.stages.get(stage, {}).values()), default=0)

    @property
    def failed_checks(self) -> list[dict[str, Any]]:
        """Failed checks, warnings left out."""
        return [check for check in self.checks if not check["passed"] and check["severity"] == "ERROR"]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Failed checks that stop nothing."""
        return [check for check in self.checks if not check["passed"] and check["severity"] != "ERROR"]

    @property
    def changed_no_event(self) -> bool:
        """Whether the logs brought nothing, and every mart stayed as it was."""
        marts = [day["unchanged"] for days in self.stages.values() for day in days.values() if "unchanged" in day]
        return all(marts) and not self.number("bronze/events", "added")

    @property
    def changed_no_document(self) -> bool:
        """Whether no document's standing changed, the index stayed as it was, and so did the release."""
        counts = [self.number("silver/document_state", name) for name in ("added", "changed", "moved", "deleted")]
        replaced = self.number("gold/embeddings", "documents_replaced")
        released = self.number("release/serving", "published") + self.number("release/promotion", "promoted")
        return not any(counts) and not replaced and not released


@dataclass(frozen=True)
class Results:
    """What the jobs did; `events` is None where that job was not run: it was not asked for, or no log holds a day."""

    documents: PipelineResult
    events: PipelineResult | None


def run_pipeline(
    settings: Settings,
    first_day: date,
    last_day: date,
    *,
    as_of: bool = False,
    allow_mass_delete: bool = False,
    retry_quarantined: bool = False,
    with_events: bool = False,
) -> Results:
    """Run the documents job and its checks for the days in one run; its progress bars go to standard error.

    `with_events`: then the events job for every day of the log, in the same process, for its imports take seconds.
    Raises AssayError when the run could not be started or died; what it had committed stands.
    """
    prepare_dagster_home(settings)
    environment = {**os.environ, "DAGSTER_HOME": str(settings.dagster_home), "ASSAY_HOME": str(settings.home)}
    if settings.documents:
        environment["ASSAY_DOCUMENTS"] = settings.documents
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [
            sys.executable, "-W", "ignore", "-m", "assets.launch",
            "--first-day", first_day.isoformat(), "--last-day", last_day.isoformat(), "--result", str(result),
            *(["--as-of"] if as_of else []),
            *(["--allow-mass-delete"] if allow_mass_delete else []),
            *(["--retry-quarantined"] if retry_quarantined else []),
            *(["--with-events"] if with_events else []),
        ]  # fmt: skip
        finished = subprocess.run(command, env=environment, check=False)  # noqa: S603  our own module
        if not result.exists():
            raise AssayError(
                f"The run ended with {finished.returncode} before it could tell its result. What it had committed stands. "
                "Read the messages above, look with `assay doctor`, then run the same command again: it goes on from there."
            )
        told = json.loads(result.read_text())
        events = PipelineResult(**told["events"]) if told["events"] else None
        return Results(PipelineResult(**told["documents"]), events)


def prepare_dagster_home(settings: Settings) -> None:
    """Give the Dagster home its configuration: the checkout's `dagster.yaml`.

    Raises ConfigurationError outside of a checkout.
    """
    configuration = Path("dagster.yaml")
    if not configuration.exists():
        raise ConfigurationError(
            "There is no `dagster.yaml` here. Nothing was run. Run `assay` from the checkout's top folder: `cd CHECKOUT`."
        )
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(configuration, settings.dagster_home / "dagster.yaml")


def show_problems(console: Console, result: PipelineResult) -> None:
    """Failed checks and errors, each with what it saw."""
    for check in [*result.failed_checks, *result.warnings]:
        word = "[red]check failed[/]" if check in result.failed_checks else "[yellow]warning[/]"
        console.print(f"{word} {check['asset']}: [bold]{check['name']}[/]")
        for name, seen in check["seen"].items():
            for line in seen if isinstance(seen, list) else [seen]:
                console.print(f"  {name}: {line}", markup=False, soft_wrap=True)
    for error in result.errors:
        console.print(error, markup=False, soft_wrap=True)

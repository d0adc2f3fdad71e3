"""Start the Dagster job for a range of days in a process of its own, and read what came of it.

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
from rich.table import Table

from assay.errors import AssayError, ConfigurationError
from assay.settings import Settings

EXIT_CHECK_FAILED = 1


@dataclass(frozen=True)
class PipelineResult:
    """What a run of the documents job did."""

    run_id: str
    success: bool
    stages: dict[str, dict[str, dict[str, Any]]]
    checks: list[dict[str, Any]]
    errors: list[str]
    seconds: dict[str, float]

    def number(self, stage: str, name: str) -> int:
        """A stage's count, added up over the days; what stands after the run is told of its last day alone."""
        return sum(int(day.get(name, 0)) for day in self.stages.get(stage, {}).values())

    @property
    def failed_checks(self) -> list[dict[str, Any]]:
        """Failed checks, warnings left out."""
        return [check for check in self.checks if not check["passed"] and check["severity"] == "ERROR"]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """Failed checks that stop nothing."""
        return [check for check in self.checks if not check["passed"] and check["severity"] != "ERROR"]

    @property
    def changed_nothing(self) -> bool:
        """Whether no document's standing changed, the index stayed as it was, and so did the release."""
        counts = [self.number("silver/document_state", name) for name in ("added", "changed", "moved", "deleted")]
        replaced = self.number("gold/embeddings", "documents_replaced")
        return not any(counts) and not replaced and not self.number("release/serving", "published")


def run_pipeline(
    settings: Settings,
    first_day: date,
    last_day: date,
    *,
    as_of: bool = False,
    allow_mass_delete: bool = False,
    retry_quarantined: bool = False,
) -> PipelineResult:
    """Run the documents job and its checks for the days in one run; its progress bars go to standard error.

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
        ]  # fmt: skip
        finished = subprocess.run(command, env=environment, check=False)  # noqa: S603  our own module
        if not result.exists():
            raise AssayError(
                f"The run ended with {finished.returncode} before it could tell its result. What it had committed stands. "
                "Read the messages above, look with `assay doctor`, then run the same command again: it goes on from there."
            )
        return PipelineResult(**json.loads(result.read_text()))


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


def show_stages(console: Console, result: PipelineResult) -> None:
    """What each stage did, a row per stage."""
    table = Table("stage", "what it did", "seconds", title=None, header_style="bold")
    number = result.number
    rows = (
        ("bronze/manifests", "bronze__manifests", "{files} files observed, {refused} refused"),
        (
            "bronze/documents",
            "bronze__documents",
            "feed: {added} added, {edited} edited, {repermitted} re-permitted, {moved} moved, {deleted} deleted",
        ),
        (
            "silver/documents",
            "silver_documents",
            "{emitted} texts ({parsed} parsed now, {reused} known), {quarantined} quarantined",
        ),
        (
            "silver/document_state",
            "silver__document_state",
            "{added} added, {changed} changed, {moved} moved, {deleted} deleted; {current} stand, {tombstones} tombstones",
        ),
        (
            "silver/duplicates",
            "silver_duplicates",
            "{exact} exact and {near} near duplicates hidden; {signed} texts signed, {compared} pairs compared",
        ),
        ("release/deny_list", "release__deny_list", "{denied} documents denied to searches, {narrowed} narrowed"),
        ("gold/chunks", "gold__chunks", "{chunks} chunks; {chunked} documents chunked, {kept} kept, {removed} removed"),
        (
            "gold/embeddings",
            "gold__embeddings",
            "{embedded} embedded, {reused} reused; {inserted} in, {updated} updated, {deleted} out",
        ),
        ("release/serving", "release__serving", "{canaries_answered} of {canaries} canary questions answered"),
    )
    for stage, step, text in rows:
        if stage in result.stages:
            names = [part.partition("}")[0] for part in text.split("{")[1:]]
            told = text.format(**{name: number(stage, name) for name in names})
        else:
            told = "[red]did not run[/]"
        table.add_row(stage, told, f"{result.seconds.get(step, 0):.1f}")
    console.print(table)


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

"""Backfills through GraphQL against a real daemon: one by itself, then two of them beside a schedule and searches."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
from dagster_processes import Dagster, DagsterRun, dagster_processes
from every_minute import TICKED_DAY, TRIGGER
from generated_days import SECTIONS, GeneratedDays, text_of
from search_loop import SearchLoop

from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.lake import Lake
from assay.retrieval import read_pointer
from assay.retrieval.engine import open_table
from assay.settings import Settings, SourceSettings
from assets.automation import documents_job
from assets.definitions import defs

KEYS = sorted(key.to_user_string() for key in documents_job.selection.resolve(defs.resolve_asset_graph()))


@dataclass(frozen=True)
class Scene:
    """A home with a source of generated days, and Dagster over it."""

    settings: Settings
    generated: GeneratedDays
    folder: Path

    @classmethod
    def at(cls, folder: Path, generated: GeneratedDays) -> "Scene":
        generated.write(folder / "inbox")
        source = SourceSettings(name="generated", uri=f"{folder}/inbox/{{day}}")
        settings = Settings(
            _env_file=None, home=folder / "home", sources=(source,), canaries=None, first_day=min(generated.days)
        )
        return cls(settings, generated, folder)

    def dagster(self):
        """Web server and daemon over this home, with a schedule that ticks every minute for the first day."""
        return dagster_processes(
            self.settings,
            self.folder / "dagster.log",
            module="every_minute",
            ASSAY_SOURCES=f"[{self.settings.sources[0].model_dump_json()}]",
            ASSAY_CANARIES="",
            ASSAY_FIRST_DAY=self.settings.first_day.isoformat(),
            **{TICKED_DAY: self.settings.first_day.isoformat()},
        )

    def edited(self) -> "Scene":
        """The same home, a tenth of the documents of every day in another edition."""
        return Scene(self.settings, self.generated.edit(self.folder / "inbox"), self.folder)

    def problems(self) -> list[str]:
        """Where the home differs from its source: files observed, texts, chunks and vectors, row by row."""
        lake, found = Lake(self.settings.lake_path), []
        manifests = lake.read(MANIFESTS, where={"status": "observed"}, columns=["day", "path"]).to_pylist()
        observed = sorted((row["day"], row["path"]) for row in manifests)
        there = sorted((day, f"{name}.md") for day, names in self.generated.days.items() for name in names)
        if observed != there:
            found.append(f"{len(observed)} files were observed, {len(there)} are there")
        wanted = {f"generated:{name}.md": text_of(name, edition) for name, edition in self.generated.last.items()}
        state = lake.read(STATE, where={"is_deleted": False}).to_pylist()
        texts = {row["text_hash"]: row["text"] for row in lake.read(DOCUMENTS).to_pylist()}
        if {row["document_id"]: texts.get(row["text_hash"]) for row in state} != wanted:
            found.append("the standing texts are not those of the last day")
        chunks = {row["chunk_id"]: row["text"] for row in lake.read(CHUNKS).to_pylist()}
        if len(chunks) < SECTIONS * len(wanted):
            found.append(f"{len(chunks)} chunks stand of {len(wanted)} documents")
        pointer = read_pointer(self.settings.releases_path)
        if pointer is None:
            return [*found, "nothing serves"]
        rows = open_table(self.settings.vectors_path, pointer.table, pointer.version).to_arrow()
        served = dict(zip(rows["chunk_id"].to_pylist(), rows["text"].to_pylist(), strict=True))
        if rows.num_rows != len(served) or served != chunks:
            found.append(f"{rows.num_rows} vectors serve, {len(chunks)} chunks stand")
        return found


@dataclass(frozen=True)
class Backfilled:
    """The runs of a backfill, and where their seconds went.

    `total_seconds`: from the first run's start to the last one's end. The others are summed up over the runs: `run_seconds`
    from start to end, `asset_seconds` inside the steps of assets, the import of libraries included, `check_seconds` inside
    those of checks.
    """

    runs: list[DagsterRun]
    days: int
    total_seconds: float
    run_seconds: float
    asset_seconds: float
    check_seconds: float
    waited_seconds: float

    @property
    def ranges(self) -> list[tuple[str, str]]:
        names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        return sorted((run.tags[names[0]], run.tags[names[1]]) for run in self.runs)

    @property
    def dagster_share(self) -> float:
        """What of the runs' seconds passed outside of the assets' steps: checks, events, waiting for a pool."""
        return 1 - self.asset_seconds / self.run_seconds


def backfill(scene: Scene, dagster: Dagster, days: Sequence[date], *, timeout_seconds: float) -> Backfilled:
    """Backfill every asset of the documents job for these days, and wait for its runs."""
    asked = time.time()
    launched = dagster.backfill(KEYS, [day.isoformat() for day in days])
    runs = dagster.wait_for([launched], timeout_seconds=timeout_seconds)
    return measured(scene.settings, runs, len(days), asked)


def measured(settings: Settings, runs: Sequence[DagsterRun], days: int, asked: float) -> Backfilled:
    """Where the seconds of these runs went; `asked`: when they were asked for, in seconds since 1970."""
    starts, ends = [run.start or 0 for run in runs], [run.end or 0 for run in runs]
    seconds = {True: 0.0, False: 0.0}
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for step in (step for run in runs for step in instance.get_run_step_stats(run.run_id)):
            is_check = step.step_key.endswith(("_expectations", "_invariants"))
            seconds[is_check] += (step.end_time or 0) - (step.start_time or 0)
    return Backfilled(
        list(runs),
        days,
        max(ends) - min(starts),
        sum(ends) - sum(starts),
        seconds[False],
        seconds[True],
        min(starts) - asked,
    )


def beside_each_other(
    scene: Scene, dagster: Dagster, parts: Sequence[Sequence[date]], *, timeout_seconds: float
) -> tuple[list[DagsterRun], SearchLoop]:
    """A backfill of each part at once, a schedule that ticks, and searches until all of their runs have ended.

    The days were edited before, so that every stage of every run has something to write.
    """
    with SearchLoop(scene.settings, scene.generated.lasting) as searches:
        dagster.start_schedule("every_minute")
        launched = [dagster.backfill(KEYS, [day.isoformat() for day in part]) for part in parts]
        runs = dagster.wait_for(launched, timeout_seconds=timeout_seconds)
        ticked = dagster.wait_for_trigger(TRIGGER, timeout_seconds=timeout_seconds)
    return [*runs, *ticked], searches

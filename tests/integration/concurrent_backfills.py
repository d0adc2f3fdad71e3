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
from assets.definitions import defs, documents_job

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

    `stage_seconds`: inside Assay's own functions, the import of their libraries included. `total_seconds`: from the first
    run's start to the last one's end. `dagster_share`: what of that was spent outside of Assay's functions.
    """

    runs: list[DagsterRun]
    days: int
    stage_seconds: float
    total_seconds: float
    waited_seconds: float

    @property
    def ranges(self) -> list[tuple[str, str]]:
        names = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
        return sorted((run.tags[names[0]], run.tags[names[1]]) for run in self.runs)

    @property
    def dagster_share(self) -> float:
        return 1 - self.stage_seconds / self.total_seconds


def backfill(scene: Scene, dagster: Dagster, days: Sequence[date], *, timeout_seconds: float) -> Backfilled:
    """Backfill every asset of the documents job for these days, and wait for its runs."""
    asked = time.time()
    launched = dagster.backfill(KEYS, [day.isoformat() for day in days])
    runs = dagster.wait_for([launched], timeout_seconds=timeout_seconds)
    starts, ends = [run.start or 0 for run in runs], [run.end or 0 for run in runs]
    return Backfilled(
        runs, len(days), stage_seconds(scene.settings, runs), max(ends) - min(starts), min(starts) - asked
    )


def stage_seconds(settings: Settings, runs: Sequence[DagsterRun]) -> float:
    """The seconds that the stages of these runs say they took, all days and assets together."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        return sum(
            float(made.metadata["seconds"].value)
            for run in runs
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
            if (made := entry.asset_materialization) and "seconds" in made.metadata
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

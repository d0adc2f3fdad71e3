"""Four real snapshots of a documentation repository as four partitions: one backfill, any order, any repetition.

    PYTHONPATH=tests python tests/integration/soak_snapshots.py [--report docs/soak.md] [--cache vectors.sqlite]

Needs the corpus `powershell_docs_history` under ASSAY_SHARED_DATA; ends with 2 without it. `--cache` begins with the vectors
of a home that has them: what is in there is reused, and the rest is embedded. Exits 1 where a claim is broken.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq
from concurrent_backfills import KEYS
from dagster_processes import CHECKOUT, dagster_processes
from soak_report import machine, write_section

from assay.cli.launching import prepare_dagster_home
from assay.dbt import manifest_of
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.state import STATE
from assay.lake import Lake
from assay.model_tables import lake_tables
from assay.quality.outcomes import OUTCOMES
from assay.retrieval import read_pointer
from assay.retrieval.engine import open_table
from assay.rows import content_hash
from assay.settings import Settings, SourceSettings

TABLES = lake_tables(manifest_of(CHECKOUT / "dbt_project", CHECKOUT / ".assay"))
INGESTION_DAILY = TABLES["gold/ingestion_daily"]
HEADING = "## Four snapshots of a real repository"
TIMEOUT_SECONDS = 5400
MAX_NEW_SHARE = 0.015


@dataclass(frozen=True)
class Corpus:
    """The snapshots: the table, and how many files each day has."""

    table: Path
    files: Mapping[date, int]

    @property
    def days(self) -> list[date]:
        return sorted(self.files)

    def home(self, folder: Path) -> Settings:
        source = SourceSettings(name="powershell", uri=str(self.table))
        return Settings(_env_file=None, home=folder, sources=(source,), canaries=None, first_day=self.days[0])


def corpus() -> Corpus | None:
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or CHECKOUT.parent / "shared" / "data")
    table = (root / "dev" if (root / "dev").is_dir() else root) / "powershell_docs_history" / "snapshots.parquet"
    if not table.exists():
        return None
    days = [date.fromisoformat(str(one)[:10]) for one in pq.read_table(table, columns=["snapshot_date"])[0].to_pylist()]
    return Corpus(table, {day: days.count(day) for day in set(days)})


def environment(settings: Settings) -> dict[str, str]:
    return {
        "ASSAY_SOURCES": f"[{settings.sources[0].model_dump_json()}]",
        "ASSAY_CANARIES": "",
        "ASSAY_FIRST_DAY": settings.first_day.isoformat(),
        "ASSAY_HOME": str(settings.home),
        "DAGSTER_HOME": str(settings.dagster_home),
    }


def run_day(settings: Settings, day: date) -> None:
    """One day through every stage, as the command line launches it."""
    import subprocess

    prepare_dagster_home(settings)
    command = [
        sys.executable, "-W", "ignore", "-m", "assets.launch", "--first-day", str(day), "--last-day", str(day),
        "--result", str(settings.home / "result.json"),
    ]  # fmt: skip
    ended = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **environment(settings)}, check=False)
    if ended.returncode:
        raise SystemExit(f"The run of {day} ended with {ended.returncode}: see {settings.home / 'result.json'}.")


def contents(settings: Settings) -> dict[str, str]:
    """What every table says, and every vector that serves, as hashes."""
    lake = Lake(settings.lake_path)
    pointer = read_pointer(settings.releases_path)
    assert pointer is not None
    rows = open_table(settings.vectors_path, pointer.table, pointer.version).to_arrow().drop_columns(["vector"])
    hashes = {name: lake.content_hash(table) for name, table in TABLES.items()}
    return {**hashes, "gold/embeddings": content_hash(rows)}


def embedded_by_day(settings: Settings) -> dict[date, tuple[int, int]]:
    """Texts that gold/embeddings computed, and chunks that it wrote, for each day, by what the runs themselves told."""
    found: dict[date, tuple[int, int]] = {}
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION):
                made = entry.asset_materialization
                if made and made.asset_key.path[-1] == "embeddings" and made.partition and "embedded" in made.metadata:
                    day = date.fromisoformat(made.partition)
                    numbers = [int(made.metadata[name].value) for name in ("embedded", "reused")]
                    before = found.get(day, (0, 0))
                    found[day] = (before[0] + numbers[0], before[1] + sum(numbers))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=Path("docs/soak.md"))
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    found = corpus()
    if found is None:
        print("no data: set ASSAY_SHARED_DATA", file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="assay-snapshots-"))
    settings, began = found.home(folder / "in-order"), time.monotonic()
    if given.cache:
        settings.vector_cache_path.parent.mkdir(parents=True)
        shutil.copyfile(given.cache, settings.vector_cache_path)
    with dagster_processes(settings, folder / "dagster.log", **environment(settings)) as dagster:
        launched = dagster.backfill(KEYS, [day.isoformat() for day in found.days])
        runs = dagster.wait_for([launched], timeout_seconds=TIMEOUT_SECONDS)
    backfill_seconds = time.monotonic() - began
    problems = [] if {run.status for run in runs} == {"SUCCESS"} else [f"runs ended {[run.status for run in runs]}"]
    problems += counted(settings, found)
    first = contents(settings)
    order = random.Random(4).sample(found.days, len(found.days))
    problems += repeated(settings, order, first)
    late = found.home(folder / "late")
    late.vector_cache_path.parent.mkdir(parents=True)
    shutil.copyfile(settings.vector_cache_path, late.vector_cache_path)
    late_order = [found.days[0], found.days[2], found.days[1], found.days[3]]
    for day in late_order:
        run_day(late, day)
    other = contents(late)
    # Outcomes of the present-state tables tell of the last batch that was judged, which is another one.
    differing = sorted(name for name in first if first[name] != other[name] and name != OUTCOMES.name)
    problems += [f"out of order, {', '.join(differing)} differ"] if differing else []
    section = report(settings, found, runs, backfill_seconds, order, late_order, len(first), problems)
    write_section(given.report, HEADING, section)
    print(section)
    return 1 if problems else 0


def counted(settings: Settings, found: Corpus) -> list[str]:
    """Whether the tables hold as many files, documents and vectors as the snapshots say."""
    lake, problems = Lake(settings.lake_path), []
    observed = lake.read(MANIFESTS, where={"status": "observed"}, columns=["day"])["day"].to_pylist()
    if {day: observed.count(day) for day in found.files} != dict(found.files):
        problems.append("the manifests do not hold the snapshots' files")
    standing = lake.read(STATE, where={"is_deleted": False}).num_rows
    if standing != found.files[found.days[-1]]:
        problems.append(f"{standing} documents stand")
    pointer = read_pointer(settings.releases_path)
    vectors = open_table(settings.vectors_path, pointer.table, pointer.version).count_rows() if pointer else 0
    if vectors != (chunks := lake.read(CHUNKS, columns=["chunk_id"]).num_rows):
        problems.append(f"{vectors} vectors, {chunks} chunks")
    new = lake.read(INGESTION_DAILY, where={"day": found.days[-1]})["embedded"].to_pylist()[0]
    embedded = embedded_by_day(settings).get(found.days[-1], (0, 0))[0]
    if max(new, embedded) > MAX_NEW_SHARE * chunks:
        problems.append(f"the last step brought {new} new texts and embedded {embedded}, of {chunks} chunks")
    return problems


def repeated(settings: Settings, order: Sequence[date], first: Mapping[str, str]) -> list[str]:
    problems = []
    for day in order:
        run_day(settings, day)
        now = contents(settings)
        if changed := sorted(name for name in first if first[name] != now[name]):
            problems.append(f"{day} again changed {', '.join(changed)}")
    return problems


def report(settings, found, runs, seconds, order, late_order, tables, problems) -> str:
    lake, told = Lake(settings.lake_path), embedded_by_day(settings)
    chunks = lake.read(CHUNKS, columns=["chunk_id"]).num_rows
    days = {row["day"]: row for row in lake.read(INGESTION_DAILY).to_pylist()}
    rows = "\n".join(
        f"| {day} | {found.files[day]} | {days[day]['added']} | {days[day]['changed']} | {days[day]['deleted']} "
        f"| {told.get(day, (0, 0))[0]} | {told.get(day, (0, 0))[1]} | {days[day]['embedded']} "
        f"| {days[day]['embedded'] / chunks:.2%} |"
        for day in found.days
    )
    return f"""{HEADING}

`PYTHONPATH=tests python tests/integration/soak_snapshots.py`, {machine("dagster", "deltalake", "lancedb", "duckdb")}.

One backfill of the four days through GraphQL: {len(runs)} runs (no two days are neighbours), {seconds:.0f} s. {chunks} chunks stand at the end, as many
vectors serve. A text counts as new when no earlier day had brought it; shares are of all chunks.

| day | files | added | changed | deleted | texts embedded by the runs | chunks written | new texts of the day | share of all chunks |
|---|---|---|---|---|---|---|---|---|
{rows}

Then each day was run once more, in the order {", ".join(str(day) for day in order)}; after each run the content hashes of all {tables}
tables were compared. At last a second home was filled in the order {", ".join(str(day) for day in late_order)}.
**{"No table differed" if not problems else "; ".join(problems)}** (in the second home `quality/outcomes` is left out: for the present-state
tables it tells of the last batch that was judged).
"""


if __name__ == "__main__":
    sys.exit(main())

"""Estimate a migration, then do it, and compare: texts and tokens embedded, seconds, CPU seconds and money.

    .venv/bin/python benchmarks/migration.py [--documents N] [--repeats N]

Documents of the newest snapshot of `powershell_docs_history` are loaded with the bundled model in fp32. Then, each time with
the vector cache and the tables as they were after that: the same model in bf16, and other chunkers, which find in the cache
whatever they cut alike. Claims: texts, cached texts, tokens and money are exactly what was estimated, the CPU seconds within
10% in the median, and going back embeds nothing.
Documents come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 on a broken claim, 2 without data.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from chunk_offsets import data_folder
from ingest import machine

from assay.documents.bronze import land_manifest, write_feed
from assay.documents.duplicates import write_duplicates
from assay.documents.gold import chunk_current
from assay.documents.silver import parse_day
from assay.documents.state import write_state
from assay.embeddings import encoding, tokenizer_of
from assay.releases.migration_estimate import MigrationEstimate, estimate
from assay.retrieval.configurations import configured_release, embedder_of
from assay.retrieval.reconcile import reconcile_index
from assay.settings import Settings, SourceSettings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

DAY = date(2026, 11, 1)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)  # a live folder is observed for the day of the run alone
USD_PER_MILLION_TOKENS = 0.02
TOLERATED_RATIO = 0.1
MIGRATIONS: Mapping[str, dict[str, Any]] = {
    "bf16": {"embedding_precision": "bf16"},
    "structure, 150 tokens": {"chunk_size_tokens": 150},
    "recursive, 200 tokens": {"chunk_strategy": "recursive"},
}


@dataclass(frozen=True)
class Actual:
    """What a migration took: `texts` and `tokens` given to the model, `reused` chunks, and the seconds of the stage."""

    texts: int
    reused: int
    tokens: int
    seconds: float
    cpu_seconds: float


class Counter:
    """Counts what the model is given, beside the real encoder."""

    def __init__(self) -> None:
        self.texts = self.tokens = 0
        self._encode = encoding.encode

    @contextmanager
    def counting(self) -> Iterator["Counter"]:
        encoding.encode = self._counted
        try:
            yield self
        finally:
            encoding.encode = self._encode

    def _counted(self, model: Any, texts: Any, **options: Any) -> Any:
        tokenizer = tokenizer_of(model)
        self.texts += len(texts)
        self.tokens += sum(min(tokenizer.count(text), tokenizer.max_content_tokens) for text in texts)
        return self._encode(model, texts, **options)


def load(settings: Settings, texts: Mapping[str, str]) -> None:
    """The documents, through to vectors, by the settings as they are."""
    workspace, [source] = workspace_of(settings), settings.active_sources
    for path, text in texts.items():
        file = Path(source.uri) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    land_manifest(workspace, source, DAY)
    with engine() as connection:
        write_feed(workspace, connection, source, DAY)
        parse_day(workspace, source.name, DAY)
        write_state(workspace, connection, DAY)
        write_duplicates(workspace, DAY)
    build(settings, settings)


def build(base: Settings, settings: Settings) -> Actual:
    """The chunks and the table of `settings` beside those of `base`, as the assets build them."""
    configuration = configured_release(settings)
    embedder = embedder_of(configuration, base)
    began, cpu = time.perf_counter(), time.process_time()
    with engine() as connection:
        chunk_current(workspace_of(base), connection, DAY, [base, settings])
    with Counter().counting() as counted:
        report = reconcile_index(workspace_of(base).under(settings), embedder)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
    assert counted.texts == report.embedded
    return Actual(report.embedded, report.reused, counted.tokens, seconds, cpu_seconds)


def workspace_of(settings: Settings) -> Workspace:
    return Workspace(settings, Run("benchmark", NOON))


def as_it_was(settings: Settings, kept: Path) -> None:
    """The cache and the tables as after the load, whatever was migrated since."""
    for name in ("caches", "vectors"):
        shutil.rmtree(settings.home / name)
        shutil.copytree(kept / name, settings.home / name)
    with engine() as connection:
        chunk_current(workspace_of(settings), connection, DAY)


def compared(name: str, guess: MigrationEstimate, actual: Actual) -> tuple[str, list[str]]:
    """A line of the table, and the claims that it breaks; time is judged over all repeats."""
    usd = actual.tokens * USD_PER_MILLION_TOKENS / 1e6
    counted = {
        "texts": (guess.to_embed, actual.texts),
        "cached": (guess.cached, actual.reused),
        "tokens": (guess.tokens, actual.tokens),
        "money": (guess.usd, usd),
    }
    cells = [f"{one:,} / {other:,}" for what, (one, other) in counted.items() if what != "money"]
    times = [
        f"{one:.1f} / {other:.1f} ({one / other:.2f})"
        for one, other in ((guess.seconds, actual.seconds), (guess.cpu_seconds, actual.cpu_seconds))
    ]
    line = f"| {' | '.join([name, *cells, f'{guess.usd:.5f} / {usd:.5f}', *times])} |"
    broken = [f"{name}: {what} {one} estimated, {other} seen" for what, (one, other) in counted.items() if one != other]
    return line, broken


def main() -> int:
    parser = argparse.ArgumentParser(description="Estimate migrations, then do them.")
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    data = data_folder()
    snapshots = data / "powershell_docs_history" / "snapshots.parquet" if data else None
    if snapshots is None or not snapshots.exists():
        print("no data: set ASSAY_SHARED_DATA", file=sys.stderr)
        return 2
    rows = pq.read_table(snapshots, columns=["path", "snapshot_date", "text"])
    newest = rows.filter(pc.equal(rows["snapshot_date"], pc.max(rows["snapshot_date"]))).sort_by("path").to_pylist()
    step = max(len(newest) // arguments.documents, 1)
    texts = {row["path"]: row["text"] for row in newest[::step][: arguments.documents]}
    print(machine(), f"{len(texts)} documents, {sum(map(len, texts.values())):,} characters", sep=", ")
    broken: list[str] = []
    with tempfile.TemporaryDirectory(prefix="assay-migration-") as folder:
        inbox, kept = Path(folder) / "inbox", Path(folder) / "kept"
        settings = Settings(
            _env_file=None,
            home=Path(folder) / "home",
            sources=(SourceSettings(name="powershell", uri=str(inbox)),),
            embedding_usd_per_million_tokens=USD_PER_MILLION_TOKENS,
        )
        load(settings, texts)
        for name in ("caches", "vectors"):
            shutil.copytree(settings.home / name, kept / name)
        print(
            "estimated / actual", "| to | texts | cached | tokens | USD | seconds | CPU seconds |", sep="\n", flush=True
        )
        print("|---|---|---|---|---|---|---|")
        for name, knobs in MIGRATIONS.items():
            other, ratios = settings.model_copy(update=knobs), list[float]()
            for _ in range(arguments.repeats):
                as_it_was(settings, kept)
                guess = estimate(workspace_of(settings), configured_release(other))
                actual = build(settings, other)
                line, wrong = compared(name, guess, actual)
                ratios.append(guess.cpu_seconds / actual.cpu_seconds)
                broken += wrong
                print(line, flush=True)
            if abs(statistics.median(ratios) - 1) > TOLERATED_RATIO:
                broken.append(f"{name}: CPU seconds estimated / seen {statistics.median(ratios):.2f} in the median")
            if back := build(settings, settings).texts:
                broken.append(f"{name}: going back embedded {back} texts")
    print(f"\n{len(broken)} claims broken", *broken, sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())

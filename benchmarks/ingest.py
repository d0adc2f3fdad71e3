"""Load, update and kill Assay and its peers over the same documents with the same model; count texts and seconds.

    python3.11 -m venv .venv-peers && .venv-peers/bin/pip install -r benchmarks/peers.txt
    .venv/bin/python benchmarks/ingest.py [--paths N] [--only NAME ...]

First load, two updates and a run where nothing changed, each in a process of its own; then the second update killed
with SIGKILL at two points, and run again. After each step the store's chunks are compared with those of the day.
Claims: Assay embeds no text twice and none where nothing changed; every step ends with the day's documents; after a kill
no document that a search finds is lost, doubled or incomplete, the next run mends the rest, and what the kill cost is at
most a commit of the vector cache.
Documents come from `ASSAY_SHARED_DATA` (default `../shared/data`). Exits 1 on a broken claim, 2 without data or peers.
"""

import argparse
import importlib.metadata
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from chunk_offsets import data_folder
from ingest_systems.corpus import write_corpus
from ingest_systems.lineage import STEPS, Kill, Lineage, Step, SystemCommand

from assay.embeddings.models import BUNDLED_MODEL, resolve_model

CHECKOUT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = CHECKOUT / ".venv-peers" / "bin" / "python"
PEERS = ("langchain-core", "langchain-classic", "langchain-chroma", "llama-index-core", "chromadb", "torch")
# Stages of Assay that the peers have no counterpart for.
UNMATCHED_STAGES = ("quality", "gate")
# The vector cache commits so many texts at a time; a kill may cost the ones since the last commit.
MAX_TEXTS_AGAIN_AFTER_KILL = 512
# LangChain's default, and a batch for everything up to some 250 documents: Chroma takes 5,461 chunks in one call.
LANGCHAIN_DEFAULT_BATCH, LANGCHAIN_LARGEST_BATCH = 100, 5000

SYSTEMS = {
    "assay": SystemCommand("Assay", "assay_stages", Path(sys.executable)),
    "langchain": SystemCommand("LangChain", "langchain_index", PEERS_PYTHON, LANGCHAIN_DEFAULT_BATCH),
    "langchain-tuned": SystemCommand("LangChain, one batch", "langchain_index", PEERS_PYTHON, LANGCHAIN_LARGEST_BATCH),
    "llamaindex": SystemCommand("LlamaIndex", "llamaindex_pipeline", PEERS_PYTHON),
}


def peer_versions() -> dict[str, str] | None:
    """Versions in the peers' environment; None where it or one of them is missing."""
    script = f"import importlib.metadata as m; print(*[m.version(n) for n in {PEERS!r}])"
    if not PEERS_PYTHON.exists():
        return None
    found = subprocess.run([PEERS_PYTHON, "-c", script], capture_output=True, text=True, check=False)
    return dict(zip(PEERS, found.stdout.split(), strict=True)) if found.returncode == 0 else None


def machine() -> str:
    cpu = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if "model name" in line]
    return f"{len(names)} cores, {names[0]}, Python {platform.python_version()}"


def step_table(steps: Sequence[Step]) -> str:
    rows = ["| step | system | CPU s | of Assay's | wall s | texts | again | k tokens | current | wrong |"]
    rows.append("|---|---|---|---|---|---|---|---|---|---|")
    for name in STEPS:
        found = [step for step in steps if step.name == name]
        base = next((step.cpu_seconds for step in found if step.system == "Assay"), None)
        for step in found:
            ratio = f"{step.cpu_seconds / base:.2f}" if base else ""
            rows.append(
                f"| {name} | {step.system} | {step.cpu_seconds:.1f} | {ratio} | {step.wall_seconds:.1f} | {step.texts:,} "
                f"| {step.again:,} | {step.tokens / 1000:,.0f} | {step.verdict.current} | {step.verdict.wrong} |"
            )
            own = sum(step.seconds[stage][1] for stage in UNMATCHED_STAGES if stage in step.seconds)
            if base and own:
                left = step.cpu_seconds - own
                rows.append(f"| | ... without quality and gate | {left:.1f} | {left / base:.2f} | | | | | | |")
    return "\n".join(rows)


def kill_table(kills: Sequence[Kill]) -> str:
    rows = [
        "| killed after | system | current | stale | missing | old and new | incomplete | wrong after a re-run | embedded again |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for kill in sorted(kills, key=lambda kill: kill.point):
        left = kill.left
        rows.append(
            f"| {kill.point} | {kill.system} | {left.current} | {left.stale} | {left.missing} | {left.mixed} "
            f"| {left.incomplete} | {kill.mended.wrong} | {kill.again:,} |"
        )
    return "\n".join(rows)


def stage_table(steps: Sequence[Step]) -> str:
    """CPU seconds of Assay's stages; `quality` is inside the others, the gate's questions are not among the texts."""
    names = [name for step in steps for name in step.seconds]
    names = list(dict.fromkeys(names))
    rows = ["| step | " + " | ".join(names) + " | questions |", "|---|" + "---|" * (len(names) + 1)]
    for step in steps:
        cells = [f"{step.seconds[name][1]:.1f}" if name in step.seconds else "-" for name in names]
        rows.append(f"| {step.name} | {' | '.join(cells)} | {step.questions} |")
    return "\n".join(rows)


def broken_claims(steps: Sequence[Step], kills: Sequence[Kill]) -> list[str]:
    """What Assay's steps and kills say against its claims."""
    broken = [f"{step.name}: {step.again} texts embedded twice" for step in steps if step.again]
    broken += [f"{step.name}: {step.texts} texts embedded" for step in steps if step.name == STEPS[-1] and step.texts]
    broken += [f"{step.name}: {asdict(step.verdict)}" for step in steps if step.verdict.wrong]
    broken += [f"killed after {kill.point}: {asdict(kill.left)}" for kill in kills if kill.left.broken]
    broken += [f"run after {kill.point}: {asdict(kill.mended)}" for kill in kills if kill.mended.wrong]
    costly = [kill for kill in kills if kill.again > MAX_TEXTS_AGAIN_AFTER_KILL]
    broken += [f"killed after {kill.point}: {kill.again} texts embedded again" for kill in costly]
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description="Ingest the same documents with Assay and its peers.")
    parser.add_argument("--paths", type=int, default=400)
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    arguments = parser.parse_args()
    data, versions = data_folder(), peer_versions()
    snapshots = data / "powershell_docs_history" / "snapshots.parquet" if data else None
    if snapshots is None or not snapshots.exists():
        print("no data: set ASSAY_SHARED_DATA", file=sys.stderr)
        return 2
    if versions is None and arguments.only != ["assay"]:
        print(
            "no peers: python3.11 -m venv .venv-peers && .venv-peers/bin/pip install -r benchmarks/peers.txt",
            file=sys.stderr,
        )
        return 2
    model = resolve_model(BUNDLED_MODEL).folder
    found: list[Step | Kill] = []
    with tempfile.TemporaryDirectory(prefix="assay-ingest-") as folder:
        corpus = write_corpus(snapshots, arguments.paths, Path(folder) / "corpus")
        if not all(corpus.edited):
            parser.error(f"--paths {arguments.paths} holds no document that update 1 or 2 edits; take more")
        print(machine(), *(f"{name} {version}" for name, version in (versions or {}).items()), sep=", ")
        print(f"sentence-transformers {importlib.metadata.version('sentence-transformers')}, {BUNDLED_MODEL}")
        print(f"{corpus.documents} documents, {corpus.characters:,} characters, edited {corpus.edited}", flush=True)
        for name in arguments.only:
            for one in Lineage(SYSTEMS[name], corpus, model, Path(folder) / name).run():
                found.append(one)
                print(one.summary, flush=True)
    steps = [one for one in found if isinstance(one, Step)]
    kills = [one for one in found if isinstance(one, Kill)]
    own_steps = [step for step in steps if step.system == "Assay"]
    broken = broken_claims(own_steps, [kill for kill in kills if kill.system == "Assay"])
    print("", step_table(steps), kill_table(kills), stage_table(own_steps), sep="\n\n")
    print(f"\n{len(broken)} claims broken", *broken, sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())

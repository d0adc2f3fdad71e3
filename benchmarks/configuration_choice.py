"""Put the choice of chunker and fusion through the gate: each alternative against the default, and the default against it.

    make demo
    .venv/bin/python benchmarks/configuration_choice.py [--home .assay]

Over the documents of a home in which the demo ran, copied to a scratch folder: a table for each chunker, the golden questions
asked of each configuration by the searcher and the answerer that would serve, the scores compared under the gate's policy.
Printed are the means, what the gate says of the alternative in the place of the default, and of the default in its place.
Exits 1 when the gate passes an alternative and would not pass the default in its place, 2 without a home.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ingest import machine

from assay.answering import open_answerer
from assay.documents.gold import chunk_current
from assay.embeddings import Embedder
from assay.evaluation import GateDecision, GatePolicy, ItemScore, compare, read_policy
from assay.evaluation.current_documents import unavailable_documents
from assay.evaluation.gate import SMOKE_POLICY_FILE
from assay.evaluation.golden_set import GoldenSet, golden_set_for
from assay.evaluation.release_evaluation import ReleaseEvaluation, asker, evaluate_release
from assay.retrieval import Searcher, ServingPointer
from assay.retrieval.configurations import configured_release, embedder_of, write_manifest
from assay.retrieval.reconcile import maintain_index, open_index, reconcile_index
from assay.settings import Settings, load_settings
from assay.warehouse import engine
from assay.workspace import Run, Workspace

DEFAULT = "structure, hybrid"
CONFIGURATIONS: Mapping[str, dict[str, Any]] = {
    DEFAULT: {"chunk_strategy": "structure", "search_mode": "hybrid"},
    "recursive, hybrid": {"chunk_strategy": "recursive", "search_mode": "hybrid"},
    "fixed, hybrid": {"chunk_strategy": "fixed", "search_mode": "hybrid"},
    "structure, dense": {"chunk_strategy": "structure", "search_mode": "dense"},
    "structure, lexical": {"chunk_strategy": "structure", "search_mode": "lexical"},
}
SHOWN = ("passages/ndcg@10", "passages/recall@5", "squad-1.1/token_f1", "abstention/right")
COPIED = ("lake", "caches", "built_from")


def measured(workspace: Workspace, golden: GoldenSet, scorer: Embedder) -> ReleaseEvaluation:
    """The golden questions asked of the configuration that the workspace's settings name, its table built first."""
    settings, configuration = workspace.settings, configured_release(workspace.settings)
    embedder = embedder_of(configuration, settings)
    reconcile_index(workspace, embedder)
    maintain_index(workspace, embedder)
    index = open_index(workspace, embedder)  # what a run releases: the table after its texts were indexed
    pointer = ServingPointer(
        release_id=f"{configuration.configuration_id}@{index.version}",
        table=index.name,
        version=index.version,
        model=configuration.model,
        fingerprint=configuration.fingerprint,
        chunker=configuration.chunker,
        configuration=configuration.configuration_id,
        published_at=workspace.run.started_at.isoformat(),
        run_id=workspace.run.run_id,
    )
    write_manifest(settings.releases_path, configuration)
    # All at once, for a batch is quicker than its texts, and so that no search pays for the model's time.
    embedder.embed([one.question for one in golden.questions], kind="query")
    ask = asker(Searcher.open(settings, pointer), open_answerer(settings, embedder), configuration, embedder)
    return evaluate_release(golden, ask, embedder=scorer, unavailable=unavailable_documents(workspace))


def means(scores: Sequence[ItemScore]) -> dict[str, float]:
    """Metric -> mean over the questions that it applies to."""
    values: dict[str, list[float]] = {}
    for one in scores:
        if one.score is not None:
            values.setdefault(one.metric, []).append(one.score)
    return {metric: sum(each) / len(each) for metric, each in values.items()}


def said(decision: GateDecision) -> str:
    """The verdict with the rule that decided it, and every metric on which it fell."""
    fallen = sorted({row.metric for row in decision.metrics if row.verdict in ("FAIL", "INCONCLUSIVE")})
    return decision.verdict + (f" ({', '.join(fallen)})" if fallen else "")


def line(name: str, found: ReleaseEvaluation, default: ReleaseEvaluation, policy: GatePolicy) -> tuple[str, bool]:
    """A row of the table, and whether the gate prefers this configuration to the default."""
    of = means(found.scores)
    cells = [f"{of[metric]:.3f}" if metric in of else "-" for metric in SHOWN]
    cells.append(f"{found.operations.p95_ms:.0f}" if found.operations.p95_ms is not None else "-")
    if found is default:
        return f"| {' | '.join([name, *cells, '', ''])} |", False
    instead, kept = compare(found.scores, default.scores, policy), compare(default.scores, found.scores, policy)
    row = f"| {' | '.join([name, *cells, said(instead), said(kept)])} |"
    return row, instead.verdict == "PASS" and kept.verdict == "FAIL"


def main() -> int:
    parser = argparse.ArgumentParser(description="Put the choice of chunker and fusion through the gate.")
    parser.add_argument("--home", type=Path, default=None, help="A home in which `make demo` ran.")
    arguments = parser.parse_args()
    settings = load_settings()
    home = (arguments.home or settings.home).resolve()
    if not (home / "lake").is_dir():
        print(f"no documents in {home}: run `make demo` first", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="assay-choice-") as scratch:
        for name in COPIED:
            if (home / name).is_dir():
                shutil.copytree(home / name, Path(scratch) / name)
        base = settings.model_copy(update={"home": Path(scratch)})
        every = {name: base.model_copy(update=knobs) for name, knobs in CONFIGURATIONS.items()}
        workspace = Workspace(every[DEFAULT], Run("benchmark", datetime.now(UTC)))
        chunk(workspace, list(every.values()))
        golden, warnings = golden_set_for(workspace)
        policy = policy_of(base, golden)
        print(machine(), f"{len(golden.questions)} questions of `{golden.name}`, policy `{policy.name}`", sep=", ")
        print(*(f"warning: {one}" for one in warnings), sep="\n")
        scorer = Embedder.open(workspace.settings)
        print(f"| configuration | {' | '.join(SHOWN)} | p95 ms | instead of the default | the default instead |")
        print("|---" * (len(SHOWN) + 4) + "|", flush=True)
        preferred: list[str] = []
        default = measured(workspace, golden, scorer)
        for name, one in every.items():
            found = default if name == DEFAULT else measured(workspace.under(one), golden, scorer)
            row, is_preferred = line(name, found, default, policy)
            preferred += [name] if is_preferred else []
            print(row, flush=True)
    print(f"\n{len(preferred)} configurations that the gate prefers to the default", *preferred, sep="\n")
    return 1 if preferred else 0


def chunk(workspace: Workspace, live: list[Settings]) -> None:
    with engine() as connection:
        chunk_current(workspace, connection, workspace.run.today, live)


def policy_of(settings: Settings, golden: GoldenSet) -> GatePolicy:
    if golden.is_smoke:
        return read_policy(SMOKE_POLICY_FILE)
    return read_policy(settings.gate_policy) if settings.gate_policy else GatePolicy()


if __name__ == "__main__":
    raise SystemExit(main())

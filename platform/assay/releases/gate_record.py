"""The gate's record of a release: the verdict, what it rests on, and what stood beside it. It is what a promotion asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from assay.evaluation.gate import GateDecision, GatePolicy, Operations
from assay.releases.measured_release import EVALUATIONS_FOLDER, evaluation_folder, write_text
from assay.releases.shadow import Shadow
from assay.retrieval import ServingPointer
from assay.retrieval.configurations import ReleaseConfiguration

DECISION_FILE = "decision.json"
SCORES_FILE = "scores.jsonl"
BASELINE_SCORES_FILE = "baseline_scores.jsonl"
HTML_REPORT_FILE = "report.html"
MARKDOWN_REPORT_FILE = "report.md"


@dataclass(frozen=True)
class GateRecord:
    """A verdict on `candidate` against `baseline`, None where nothing was compared: nothing served, or `unanswering` did,
    a release that cannot be asked for want of its model.

    `inputs`: a hash of all that the verdict rests on; while it stays the same nothing is judged anew. `evaluation_set`: hash
    of the golden set named `golden`. `is_smoke`: its questions were made from headings. `layers`: what each of the four
    layers said, in words. `run_id`: of the Dagster run, or `assay` for the command line. `decided_at`: ISO 8601, UTC.
    """

    candidate: ServingPointer
    baseline: ServingPointer | None
    configuration: ReleaseConfiguration
    inputs: str
    evaluation_set: str
    golden: str
    is_smoke: bool
    policy: GatePolicy
    decision: GateDecision
    layers: Mapping[int, str]
    shadow: Shadow | None
    candidate_operations: Operations
    baseline_operations: Operations | None
    run_id: str
    decided_at: str
    warnings: tuple[str, ...] = field(default=())
    unanswering: ServingPointer | None = None

    @property
    def served(self) -> ServingPointer | None:
        """What served when it was judged, whether it could be asked or not."""
        return self.baseline or self.unanswering

    @property
    def passed(self) -> bool:
        return self.decision.verdict == "PASS"

    def to_json(self) -> str:
        return _RECORD.dump_json(self, indent=2).decode() + "\n"


_RECORD = TypeAdapter(GateRecord)


def write_record(releases_path: Path, record: GateRecord) -> Path:
    """Keep the record; it replaces an earlier one of the same release. Raises DiskFull or StorageError."""
    path = evaluation_folder(releases_path, record.candidate.release_id) / DECISION_FILE
    write_text(path, record.to_json())
    return path


def read_record(releases_path: Path, release_id: str) -> GateRecord | None:
    """The record of a release; None where it was never judged, or by a version of this code that wrote another form."""
    return _read(evaluation_folder(releases_path, release_id) / DECISION_FILE)


def newest_record(releases_path: Path, configuration_id: str) -> GateRecord | None:
    """The last verdict on a configuration, at whichever version of its table; None where it was never judged."""
    found = [
        record
        for path in (releases_path / EVALUATIONS_FOLDER).glob(f"*/{DECISION_FILE}")
        if re.fullmatch(rf"{re.escape(configuration_id)}@\d+", path.parent.name) and (record := _read(path)) is not None
    ]
    return max(found, key=lambda record: record.decided_at, default=None)


def _read(path: Path) -> GateRecord | None:
    try:
        record = _RECORD.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    decision = record.decision
    # As the gate gives them: a JSON list is read back as a list.
    return replace(
        record, decision=replace(decision, findings=tuple(decision.findings), metrics=list(decision.metrics))
    )

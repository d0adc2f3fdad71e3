"""What the gate's record beside a file of scores says of it: on which evaluation set it was measured, and by which policy."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from assay.errors import NotReady
from assay.evaluation.gate.evidence import Provenance
from assay.evaluation.gate.policy import Budgets, GatePolicy

RECORD_FILE = "decision.json"


class _MeasuredOn(BaseModel):
    evaluation_set: str


class _JudgedBy(BaseModel):
    policy: GatePolicy


def recorded_provenance(scores: Path) -> Provenance | None:
    """The evaluation set that the record beside a file of scores names; None where there is no such record.

    Of the judge the record says nothing: what one scored advises, as without labels.
    """
    try:
        return Provenance(_MeasuredOn.model_validate_json(_beside(scores).read_bytes()).evaluation_set)
    except (OSError, ValidationError):
        return None


def recorded_policy(scores: Path) -> GatePolicy:
    """The policy that a release was judged by, without its budgets: files of scores know nothing of times.

    Raises NotReady where there is no record, or one of another version.
    """
    path = _beside(scores)
    try:
        policy = _JudgedBy.model_validate_json(path.read_bytes()).policy
    except (OSError, ValidationError) as error:
        why = (
            error.strerror if isinstance(error, OSError) else f"{error.error_count()} fields are not as they should be"
        )
        raise NotReady(
            f"The record of the gate, `{path}`, cannot be read: {why}. Nothing was compared. Judge the release again with "
            "`assay release gate`, and take the record along with its scores."
        ) from error
    return policy.model_copy(update={"budgets": Budgets()})


def _beside(scores: Path) -> Path:
    return scores.parent / RECORD_FILE

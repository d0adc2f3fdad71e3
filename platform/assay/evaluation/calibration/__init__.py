"""Layer 4: people label a sample, and the judge decides only where it agrees with them."""

from assay.evaluation.calibration.calibration import Calibration, calibrated
from assay.evaluation.calibration.evidence_files import read_judge_evidence, write_judge_evidence
from assay.evaluation.calibration.sampling import PooledAnswer, draw, pool

__all__ = [
    "Calibration",
    "PooledAnswer",
    "calibrated",
    "draw",
    "pool",
    "read_judge_evidence",
    "write_judge_evidence",
]

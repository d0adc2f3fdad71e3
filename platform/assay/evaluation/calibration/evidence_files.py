"""What human labels showed of a judge, kept under `<home>/evaluation/calibration/` by judge and prompt hash."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from assay.durable_files import replace_file, write_error
from assay.errors import ConfigurationError
from assay.evaluation.gate import JudgeEvidence

CALIBRATION_FOLDER = "calibration"
_EVIDENCE: TypeAdapter[JudgeEvidence] = TypeAdapter(JudgeEvidence)


def read_judge_evidence(evaluation_path: Path, judge: str, judge_prompt: str) -> JudgeEvidence | None:
    """What the last calibration of this very judge and prompt showed; None where there was none.

    `evaluation_path` is `Settings.evaluation_path`. Raises ConfigurationError for a file that cannot be read.
    """
    path = evidence_path(evaluation_path, judge, judge_prompt)
    try:
        found = _EVIDENCE.validate_python(json.loads(path.read_text(encoding="utf-8"))["evidence"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:  # ValidationError is a ValueError
        raise ConfigurationError(
            f"The calibration in `{path}` cannot be read: {type(error).__name__}. The labels stand. Take it away with "
            f"`rm {path}` and run `assay eval calibrate` again."
        ) from error
    return found if (found.judge, found.judge_prompt) == (judge, judge_prompt) else None


def write_judge_evidence(evaluation_path: Path, evidence: JudgeEvidence, report: dict[str, Any]) -> Path:
    """Keep it, with the report that it is a part of, in the place of what stood for this judge and prompt."""
    path = evidence_path(evaluation_path, evidence.judge, evidence.judge_prompt)
    try:
        # NaN, which no rate of a judge that never said yes is without, is in Python's JSON on both sides.
        replace_file(path, json.dumps({"evidence": asdict(evidence), "report": report}, ensure_ascii=False, indent=1))
    except OSError as error:
        raise write_error(
            f"`{path}` could not be written: {error.strerror}. The labels stand. Make room and run `assay eval calibrate` "
            "again.",
            error,
        ) from error
    return path


def evidence_path(evaluation_path: Path, judge: str, judge_prompt: str) -> Path:
    """Its file, named by a hash, for an endpoint's address is no file name."""
    name = hashlib.sha256(f"{judge}\0{judge_prompt}".encode()).hexdigest()[:16]
    return evaluation_path / CALIBRATION_FOLDER / f"{name}.json"

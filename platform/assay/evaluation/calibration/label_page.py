"""The same sheet as one HTML page that works without a network: a key for each label, and the sheet as CSV at the end."""

import json
from collections.abc import Sequence
from pathlib import Path

from assay.evaluation.calibration.sample_files import Sample
from assay.evaluation.calibration.sampling import PooledAnswer

_TEMPLATE = Path(__file__).with_name("label_page.html")
_DATA = "@@DATA@@"
# What could end the script element or be read as a line's end by an old parser; JSON may write any character so.
_ESCAPES = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


def sheet_page(sample: Sample, answers: Sequence[PooledAnswer], sheet: str) -> str:
    """A page for one annotator. The texts are data to it: it shows them as text, whatever they hold."""
    data = {
        "sample": sample.sample_id,
        "sheet": sheet,
        "answers": [
            {"id": one.label_id, "question": one.question, "answer": one.answer, "passages": one.contexts}
            for one in answers
        ],
    }
    text = json.dumps(data, ensure_ascii=False).translate(_ESCAPES)
    return _TEMPLATE.read_text(encoding="utf-8").replace(_DATA, text.encode("utf-8", "backslashreplace").decode())

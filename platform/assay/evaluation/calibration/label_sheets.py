"""Sheets for people to label, as CSV, and reading them back: every line is looked at, and one that is wrong is named."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast, get_args

from assay.errors import ConfigurationError
from assay.evaluation.calibration.sample_files import Label, LabelName, Sample
from assay.evaluation.calibration.sampling import PooledAnswer

COLUMNS = ("sample", "label_id", "question", "answer", "passages", "label", "annotator", "note")
_READ = ("sample", "label_id", "label", "annotator")
LABELS: tuple[LabelName, ...] = get_args(LabelName)
# Long forms that people write into a spreadsheet.
_SPELLINGS: Mapping[str, LabelName] = {"y": "y", "yes": "y", "n": "n", "no": "n", "u": "u", "unsure": "u"}
# A spreadsheet would run a cell that begins so as a formula. Where it divides by semicolons or tabs, or takes an end of line
# for that of a row, a cell begins behind one.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[^\S\r\n]*[=+@-])")


@dataclass(frozen=True)
class Sheet:
    """What was read of one file: its sample and its labels. `blank`: lines that nobody labelled yet."""

    sample_id: str
    labels: tuple[Label, ...]
    blank: int


def sheets_of(sample: Sample) -> dict[int, list[PooledAnswer]]:
    """The answers of each annotator, in an order of its own that tells nothing."""
    numbers = sorted({number for one in sample.drawn for number in one.annotators})
    return {number: [one for one in sample.drawn if number in one.annotators] for number in numbers}


def sheet_csv(sample: Sample, answers: Sequence[PooledAnswer]) -> str:
    """A line for each answer, in the order of ids that are hashes: neither arm nor stratum shows."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    rows.writerow(COLUMNS)
    for one in answers:
        passages = "\n\n".join(f"[{number}] {passage}" for number, passage in enumerate(one.contexts, start=1))
        cells = (one.question, one.answer, passages)
        rows.writerow([sample.sample_id, one.label_id, *map(_inert, cells), "", "", ""])
    return text.getvalue()


def read_sheet(path: Path, samples: Mapping[str, Sample], now: datetime) -> Sheet:
    """The labels of a filled sheet. A line without a label is one that nobody has looked at yet.

    Raises ConfigurationError naming the line whose label, sample or answer is not known, which names nobody, or which
    labels an answer a second time. Nothing of a file with such a line is used.
    """
    found: dict[tuple[str, str], Label] = {}
    sample_ids: set[str] = set()
    blank = 0
    for number, row in _rows(path):
        sample_id, label_id, said, annotator = (row[name].strip() for name in _READ)
        sample = samples.get(sample_id)
        if sample is None:
            raise _bad_line(path, number, f"there is no sample `{sample_id}`")
        if label_id not in {one.label_id for one in sample.drawn}:
            raise _bad_line(path, number, f"no answer `{label_id}` was drawn into the sample `{sample_id}`")
        sample_ids.add(sample_id)
        if not said:
            blank += 1
            continue
        label = _SPELLINGS.get(said.lower())
        if label is None:
            raise _bad_line(path, number, f"there is no label `{said}`; {', '.join(LABELS)} are (yes, no, unsure)")
        if not annotator:
            raise _bad_line(path, number, "it does not say who labelled it, in `annotator`")
        if (label_id, annotator) in found:
            raise _bad_line(path, number, f"`{annotator}` labelled `{label_id}` in a line before it")
        note = (row.get("note") or "").strip()
        found[label_id, annotator] = Label(label_id, label, annotator, note, now.isoformat(timespec="seconds"))
    if len(sample_ids) != 1:
        raise ConfigurationError(
            f"`{path}` holds lines of {len(sample_ids)} samples, and must hold those of one. Nothing of it was taken in. "
            "Export it again with `assay eval labels export --out DIR`."
        )
    return Sheet(sample_ids.pop(), tuple(found.values()), blank)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows with the number of their last line. Some spreadsheets divide by semicolons."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"`{path}` cannot be read: {error}. Nothing of it was taken in. Save it as CSV in UTF-8 and run "
            f"`assay eval labels import {path}` again."
        ) from error
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in header and "," not in header else ","
    )
    try:
        missing = [name for name in _READ if name not in (reader.fieldnames or ())]
        if missing:
            raise _bad_line(path, 1, f"the columns {', '.join(missing)} are missing")
        for row in reader:
            cells = cast(dict[str | None, str | None], row)
            if None in cells or any(cells[name] is None for name in _READ):
                raise _bad_line(path, reader.line_num, "it has more or fewer cells than the header")
            yield reader.line_num, cast(dict[str, str], row)
    except csv.Error as error:
        raise _bad_line(path, max(reader.line_num, 1), str(error)) from error


def _inert(text: str) -> str:
    return _FORMULA.sub(r"\1'", text)


def _bad_line(path: Path, number: int, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"Line {number} of `{path}` cannot be used: {problem}. Nothing of the file was taken in. Correct it and run "
        f"`assay eval labels import {path}` again."
    )

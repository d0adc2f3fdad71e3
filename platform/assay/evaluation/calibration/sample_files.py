"""A sample and its labels on disk: `<home>/evaluation/calibration/samples/<sample id>/`.

`pool.jsonl` holds every answer, with who labels it; `labels.jsonl` a line for each label that came in, the last of an
annotator on an answer being the one that counts. What was said before stays to be looked at.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from assay.durable_files import append_line, replace_file, write_error
from assay.errors import ConfigurationError, NotReady
from assay.evaluation.calibration.evidence_files import CALIBRATION_FOLDER
from assay.evaluation.calibration.sampling import PooledAnswer

SAMPLES_FOLDER = "samples"
LabelName = Literal["y", "n", "u"]
_POOL, _LABELS = "pool.jsonl", "labels.jsonl"
_ID_DIGITS = 10
_ID_LETTER = "s"  # so that no spreadsheet takes it for a number


@dataclass(frozen=True)
class Sample:
    """`sample_id` is a hash of what was drawn from and how, so that the same export is the same sample."""

    sample_id: str
    answers: tuple[PooledAnswer, ...]

    @property
    def drawn(self) -> tuple[PooledAnswer, ...]:
        return tuple(one for one in self.answers if one.annotators)


@dataclass(frozen=True)
class Label:
    """What `annotator` says of an answer: `y`es, `n`o or `u`nsure, and when it came in."""

    label_id: str
    label: LabelName
    annotator: str
    note: str
    at: str


_POOLED: TypeAdapter[PooledAnswer] = TypeAdapter(PooledAnswer)
_LABEL: TypeAdapter[Label] = TypeAdapter(Label)


def sample_of(answers: Sequence[PooledAnswer]) -> Sample:
    text = "\n".join(_POOLED.dump_json(one).decode() for one in answers)
    return Sample(_ID_LETTER + hashlib.sha256(text.encode()).hexdigest()[:_ID_DIGITS], tuple(answers))


def write_sample(evaluation_path: Path, sample: Sample) -> None:
    """Keep what was drawn; a sample that is there already stays, with its labels, and is the newest. Raises StorageError."""
    path = _folder(evaluation_path, sample.sample_id) / _POOL
    if path.exists():
        path.touch()
        return
    try:
        replace_file(path, "".join(f"{_POOLED.dump_json(one).decode()}\n" for one in sample.answers))
    except OSError as error:
        raise _not_written(path, error) from error


def read_sample(evaluation_path: Path, sample_id: str | None = None) -> Sample:
    """The sample of this id, or the one that was exported last.

    Raises NotReady where there is none, ConfigurationError where there is none of this id or it cannot be read.
    """
    folder = evaluation_path / CALIBRATION_FOLDER / SAMPLES_FOLDER
    known = sorted(folder.glob(f"*/{_POOL}"), key=lambda path: path.stat().st_mtime_ns)
    if not known:
        raise NotReady(
            "No sample was drawn yet, so there is nothing to label. Nothing was done. Run `assay eval labels export "
            "--out DIR` first."
        )
    if sample_id is None:
        sample_id = known[-1].parent.name
    path = folder / sample_id / _POOL
    if path not in known:
        raise ConfigurationError(
            f"There is no sample `{sample_id}`; {', '.join(f'`{one.parent.name}`' for one in known)} are there. Nothing was "
            "done. Name one of them, or take the newest by naming none: `assay eval calibrate`."
        )
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return Sample(sample_id, tuple(_POOLED.validate_json(line) for line in lines if line))
    except (OSError, ValueError) as error:  # ValidationError is a ValueError
        raise ConfigurationError(
            f"The sample `{path}` cannot be read: {type(error).__name__}. Nothing was done; its labels stand. Take it away with "
            f"`rm {path}`, and the same `assay eval labels export --out DIR` as before makes it again."
        ) from error


def read_samples(evaluation_path: Path) -> dict[str, Sample]:
    """Every sample that was exported, by its id. Raises NotReady where there is none."""
    newest = read_sample(evaluation_path)
    folders = _folder(evaluation_path, newest.sample_id).parent.glob(f"*/{_POOL}")
    names = {path.parent.name for path in folders} - {newest.sample_id}
    return {newest.sample_id: newest} | {name: read_sample(evaluation_path, name) for name in sorted(names)}


def add_labels(evaluation_path: Path, sample_id: str, labels: Iterable[Label]) -> None:
    """Write them behind those that are there. Raises StorageError."""
    path = _folder(evaluation_path, sample_id) / _LABELS
    text = "".join(f"{_LABEL.dump_json(one).decode()}\n" for one in labels)
    if not text:
        return
    try:
        append_line(path, text)
    except OSError as error:
        raise _not_written(path, error) from error


def read_labels(evaluation_path: Path, sample_id: str) -> dict[str, dict[str, Label]]:
    """The labels that count: label id -> annotator -> label, annotators in the order in which they came."""
    path = _folder(evaluation_path, sample_id) / _LABELS
    found: dict[str, dict[str, Label]] = {}
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            one = _LABEL.validate_json(line)
        except ValueError:  # a line that a crash cut short was never reported as taken in
            continue
        found.setdefault(one.label_id, {})[one.annotator] = one
    return found


def _folder(evaluation_path: Path, sample_id: str) -> Path:
    return evaluation_path / CALIBRATION_FOLDER / SAMPLES_FOLDER / sample_id


def _not_written(path: Path, error: OSError) -> Exception:
    return write_error(
        f"`{path}` could not be written: {error.strerror}. The labels that were taken in before stand. Make room and run the "
        f"same command again; `df -h {path.parent}` shows how much there is.",
        error,
    )

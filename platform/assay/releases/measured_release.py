"""What asking one release every golden question gave: its scores, its answers, and what a search took.

Kept beside the release's gate record, so that a release is asked again only when something differs on which it depends.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from assay.durable_files import replace_file, write_error
from assay.errors import ConfigurationError
from assay.evaluation.gate import ItemScore, Operations, Provenance, read_item_scores
from assay.evaluation.judge import JudgedItem, read_judged_items, write_judged_items

EVALUATIONS_FOLDER = "evaluations"
MEASURED_SCORES_FILE = "measured_scores.jsonl"
JUDGED_ITEMS_FILE = "judged_items.jsonl"
MEASURED_FILE = "measured.json"


@dataclass(frozen=True)
class FoundPlace:
    """Where a hit stands: characters of a document's silver text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True)
class AnsweredQuestion:
    """A golden question as a release answered it. `found`: the places of its first hits, the best first."""

    item_id: str
    question: str
    answer: str
    abstained: bool
    search_ms: float
    found: tuple[FoundPlace, ...]


@dataclass(frozen=True)
class MeasuredRelease:
    """One arm of a comparison. `key`: a hash of everything it depends on; a release with the same key measures the same.

    `items`: the answers as a judge is shown them, or a person who labels.
    """

    release_id: str
    key: str
    provenance: Provenance
    operations: Operations
    answered: tuple[AnsweredQuestion, ...]
    scores: tuple[ItemScore, ...] = ()
    items: tuple[JudgedItem, ...] = ()


_MEASURED = TypeAdapter(MeasuredRelease)


def evaluation_folder(releases_path: Path, release_id: str) -> Path:
    """Where everything lies that is known of a release's quality."""
    return releases_path / EVALUATIONS_FOLDER / release_id


def key_of(parts: object) -> str:
    """A hash of plain values; the same values give the same key in every process."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def write_measured(releases_path: Path, measured: MeasuredRelease) -> None:
    """Keep what was measured; the scores are a file of their own, and so is what a judge or a person is shown."""
    folder = evaluation_folder(releases_path, measured.release_id)
    write_text(folder / MEASURED_SCORES_FILE, score_lines(measured.scores))
    write_judged_items(folder / JUDGED_ITEMS_FILE, measured.items)
    # The file with the key comes last: it is what says that those beside it are whole.
    write_text(folder / MEASURED_FILE, _MEASURED.dump_json(replace(measured, scores=(), items=())).decode() + "\n")


def read_measured(releases_path: Path, release_id: str, key: str) -> MeasuredRelease | None:
    """What was measured of the release under this key; None where there is nothing, or not of this key."""
    folder = evaluation_folder(releases_path, release_id)
    try:
        found = _MEASURED.validate_json((folder / MEASURED_FILE).read_bytes())
        scores = tuple(read_item_scores(folder / MEASURED_SCORES_FILE))
        items = tuple(read_judged_items(folder / JUDGED_ITEMS_FILE))
    except (FileNotFoundError, ValidationError, ConfigurationError):  # cut short, or of another version of this code
        return None
    return replace(found, scores=scores, items=items) if found.key == key else None


def score_lines(scores: Iterable[ItemScore]) -> str:
    """Item scores as JSONL, a line each."""
    return "".join(json.dumps(asdict(one), ensure_ascii=False, allow_nan=False) + "\n" for one in scores)


def write_text(path: Path, text: str) -> None:
    """Replace one file of an evaluation. Raises DiskFull or StorageError: what serves is untouched."""
    try:
        replace_file(path, text)
    except OSError as error:
        raise write_error(
            f"`{path}` was not written: {error.strerror}. What serves goes on serving; nothing was promoted. Free the disk or "
            "mend the folder, then run `assay release gate` again.",
            error,
        ) from error


def places_of(measured: MeasuredRelease) -> dict[str, Sequence[FoundPlace]]:
    """Item id -> the places that were found for it."""
    return {one.item_id: one.found for one in measured.answered}

"""Asking one release every golden question, through the searcher and the answerer that would serve it."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from assay.answering import open_answerer
from assay.embeddings import Embedder
from assay.evaluation.current_documents import unavailable_documents
from assay.evaluation.gate import ItemScore
from assay.evaluation.golden_scores import Asked, judged_item
from assay.evaluation.golden_set import GoldenSet
from assay.evaluation.judge import Judge, open_judge
from assay.evaluation.release_evaluation import asker, evaluate_release
from assay.releases.measured_release import (
    AnsweredQuestion,
    FoundPlace,
    MeasuredRelease,
    key_of,
    read_measured,
    write_measured,
)
from assay.retrieval import Searcher, ServingPointer
from assay.retrieval.configurations import ReleaseConfiguration, embedder_of
from assay.retrieval.denials import DENY_LIST_FILE
from assay.workspace import Workspace

# What a measurement depends on beside its inputs: a changed metric, answerer, search or embedding measures something else,
# and so do other recognizers of personal data, which is a rule of layer 1, and other blocks, of which quotes are made.
_MEASURING_PACKAGES = ("answering", "documents/chunking", "documents/pii", "embeddings", "evaluation", "retrieval")


@dataclass(frozen=True)
class Measurement:
    """What both arms of a comparison are asked, and with what their answers are scored.

    `unavailable`: documents that nobody could read here for want of OCR; questions on them are not asked of either arm.
    """

    workspace: Workspace
    golden: GoldenSet
    unavailable: tuple[str, ...]
    scorer: Embedder
    judge: Judge | None

    @classmethod
    def of(cls, workspace: Workspace, golden: GoldenSet) -> "Measurement":
        settings = workspace.settings
        return cls(workspace, golden, unavailable_documents(workspace), Embedder.open(settings), open_judge(settings))

    def key_for(self, pointer: ServingPointer) -> str:
        """A hash of all that the measurement of this release depends on."""
        return key_of({
            # All of it: a table that was dropped and built again counts its versions from one again.
            "release": asdict(pointer),
            "evaluation_set": self.golden.sha256,
            "unavailable": self.unavailable,
            "denied": _file_hash(self.workspace.settings.releases_path / DENY_LIST_FILE),
            "scorer": self.scorer.model.fingerprint,
            "judge": [self.judge.identity, self.judge.prompt_hash] if self.judge else None,
            "code": _code_hash(),
        })  # fmt: skip

    def measured(self, pointer: ServingPointer, configuration: ReleaseConfiguration) -> MeasuredRelease:
        """The release's scores and answers: those kept, where nothing differs on which they depend, else asked now.

        An item that ended in an error, such as a judge that was away, is asked again.
        """
        releases_path, key = self.workspace.settings.releases_path, self.key_for(pointer)
        known = read_measured(releases_path, pointer.release_id, key)
        if known is not None and not has_errors(known):
            return known
        measured = self._ask(pointer, configuration, key)
        write_measured(releases_path, measured)
        return measured

    def _ask(self, pointer: ServingPointer, configuration: ReleaseConfiguration, key: str) -> MeasuredRelease:
        settings = configuration.settings(self.workspace.settings)
        embedder = embedder_of(configuration, settings)
        # All at once, for a batch is quicker than its texts; and so that neither arm's searches pay for the model's time.
        embedder.embed([one.question for one in self.golden.questions], kind="query")
        searcher = Searcher.open(settings, pointer)
        ask = asker(searcher, open_answerer(settings, embedder, configuration), configuration, embedder)
        found = evaluate_release(self.golden, ask, judge=self.judge, embedder=self.scorer, unavailable=self.unavailable)
        return MeasuredRelease(
            release_id=pointer.release_id,
            key=key,
            provenance=found.provenance,
            operations=found.operations,
            answered=tuple(_answered(one) for one in found.asked),
            scores=without_undue(found.scores),
            items=tuple(judged_item(one) for one in found.asked),
        )


def without_undue(scores: Sequence[ItemScore]) -> tuple[ItemScore, ...]:
    """The scores, with a metric SKIPPED as a whole where the questions have nothing for it: smoke questions have no
    reference answer. An abstention is no such thing: it was due an answer."""
    due = {one.metric for one in scores if one.status != "NOT_APPLICABLE"}
    return tuple(one if one.metric in due else replace(one, status="SKIPPED") for one in scores)


def has_errors(measured: MeasuredRelease) -> bool:
    """Whether an item has no score for a reason that may have passed."""
    return any(one.status.startswith("ERROR") for one in measured.scores)


def _answered(asked: Asked) -> AnsweredQuestion:
    return AnsweredQuestion(
        item_id=asked.question.id,
        question=asked.question.question,
        answer=asked.answer.text,
        abstained=asked.answer.abstained,
        search_ms=asked.search_ms,
        found=tuple(FoundPlace(hit.document_id, hit.start, hit.end) for hit in asked.hits),
    )


def _file_hash(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


@cache
def _code_hash() -> str:
    return files_hash(measuring_files())


def measuring_files() -> list[Path]:
    """The code that decides what a release is measured to be, in order."""
    here = Path(__file__)
    packages = (here.parents[1] / name for name in _MEASURING_PACKAGES)
    return [here, *sorted(path for package in packages for path in package.rglob("*.py"))]


def files_hash(paths: Collection[Path]) -> str:
    """One hash of several files' bytes."""
    return key_of([hashlib.sha256(path.read_bytes()).hexdigest() for path in paths])

"""The questions that a release is judged by: the file of golden questions where it is about what the home holds, else a
smoke set made from headings. Their passages are where they stand in today's texts."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from assay.documents.gold import CHUNKS
from assay.errors import ConfigurationError
from assay.evaluation.current_documents import Corpus, namespace_of, unavailable_documents
from assay.evaluation.golden_question_files import read_golden_questions
from assay.evaluation.golden_questions import GoldenPassage, GoldenPlace, GoldenQuestion, document_ids
from assay.evaluation.golden_spans import LocatedQuestions, locate
from assay.evaluation.heading_questions import CHUNK_COLUMNS, heading_questions
from assay.settings import Settings
from assay.workspace import Workspace

__all__ = ["GoldenPassage", "GoldenPlace", "GoldenQuestion", "GoldenSet", "golden_set_for", "located_questions"]


@dataclass(frozen=True)
class GoldenSet:
    """Questions with their passages in today's texts.

    `name`: the file, or `smoke`. `sha256`: over the questions and their places, so that two arms with the same were asked
    the same. `corpus`: the documents they were located in; without it the rules that need documents are skipped.
    """

    name: str
    questions: tuple[GoldenQuestion, ...]
    sha256: str
    is_smoke: bool
    corpus: Corpus | None = field(default=None, compare=False, repr=False)


def golden_set_for(workspace: Workspace) -> tuple[GoldenSet, tuple[str, ...]]:
    """The questions for the documents of this home, and what a person should know of them: passages that moved or vanished.

    Raises ConfigurationError for a file of golden questions that cannot be used, or that was named and is not there.
    """
    path = golden_file(workspace.settings)
    corpus = Corpus(workspace)
    if path is not None and applies(questions := read_golden_questions(path), workspace):
        found = located_questions(workspace, questions)
        return GoldenSet(str(path), found.questions, sha256_of(found.questions), False, corpus), found.warnings
    smoke = heading_questions(workspace.lake.read(CHUNKS, columns=CHUNK_COLUMNS))
    return GoldenSet("smoke", smoke, sha256_of(smoke), True, corpus), (_why_smoke(workspace.settings, len(smoke)),)


def located_questions(workspace: Workspace, questions: Sequence[GoldenQuestion]) -> LocatedQuestions:
    """The questions with their places in the texts that are current."""
    documents = Corpus(workspace).documents(document_ids(questions))
    texts = {document_id: document.text for document_id, document in documents.items()}
    return locate(questions, texts, unavailable_documents(workspace))


def golden_file(settings: Settings) -> Path | None:
    """The file of golden questions, None where there is none: nobody named one, or the sample's went with the sample.

    Raises ConfigurationError where another one was named and is not there: by a slip of the pen a release would be judged
    by questions that prove little.
    """
    path = settings.golden_questions
    if path is None or path.exists():
        return path
    if path == Settings.model_fields["golden_questions"].default:
        return None
    raise ConfigurationError(
        f"There is no file `{path}`, which `ASSAY_GOLDEN_QUESTIONS` names. Nothing was judged or promoted; what serves goes on "
        "serving. Correct the path, then run `assay release gate`; with `export ASSAY_GOLDEN_QUESTIONS=` questions are made "
        "from headings."
    )


def applies(questions: Sequence[GoldenQuestion], workspace: Workspace) -> bool:
    """Whether any document of the questions is of a namespace with documents that are current here.

    What the home holds decides, for that is what a release answers from, and not the sources that this process would take
    in: `assay ingest DIR` and the `assay release promote` after it are asked the same. Before the first document, those do.
    """
    settings = workspace.settings
    namespaces = Corpus(workspace).namespaces() or {
        namespace_of(one.document_id("")) for one in settings.active_sources
    }
    return any(namespace_of(document_id) in namespaces for document_id in document_ids(questions))


def sha256_of(questions: Sequence[GoldenQuestion]) -> str:
    """Over all that decides a score: texts, askers, passages and where they stand."""
    said = json.dumps([asdict(one) for one in questions], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _why_smoke(settings: Settings, count: int) -> str:
    path = settings.golden_questions
    if path is None:
        why = "`ASSAY_GOLDEN_QUESTIONS` is empty"
    elif not path.exists():
        why = f"there is no file `{path}`"
    else:
        why = f"`{path}` asks about none of the documents here"
    return (
        f"SMOKE: {why}, so {count} questions were made from headings; they show that documents are found by their own "
        "headings and nothing more. Draft questions of your own with `assay eval draft --out FILE`."
    )

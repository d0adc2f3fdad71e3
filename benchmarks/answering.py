"""The extractive answerer on golden questions: what each floor costs in answers, and saves in wrong ones.

    make demo && python benchmarks/answering.py

Asks the release that serves in `ASSAY_HOME` (default `.assay`) every golden question, as the people of the question and from
its own passages, and answers from the same scored quotes at every floor. An answer is right where a quote covers half of a
place that answers, or lies to half in it. Exits 2 where nothing serves, or the questions are about other documents.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.answering.answer import Answer
from assay.answering.extractive import ScoredPart, quoted_answer, scored_parts
from assay.evaluation.golden_set import GoldenQuestion, golden_set_for
from assay.evaluation.text_overlap import token_f1
from assay.retrieval import Hit, Searcher, read_pointer
from assay.retrieval.configurations import embedder_of, read_manifest
from assay.settings import load_settings
from assay.workspace import Run, Workspace

FLOORS = (0.0, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)


@dataclass(frozen=True)
class Scored:
    """A question with what was found for it, every quote scored."""

    question: GoldenQuestion
    hits: Sequence[Hit]
    parts: Sequence[ScoredPart]

    def answer(self, floor: float) -> Answer:
        return quoted_answer(self.question.question, self.parts, passages=len(self.hits), floor=floor)


def is_right(scored: Scored, answer: Answer) -> bool:
    """For a question without an answer, that there is none; else that a quote stands where the answer does."""
    if not scored.question.answerable:
        return answer.abstained
    return any(_overlaps(scored, answer))


def _overlaps(scored: Scored, answer: Answer) -> Iterator[bool]:
    documents = {hit.chunk_id: {place.document_id for place in hit.places} for hit in scored.hits}
    for one in answer.citations:
        for place in (place for passage in scored.question.passages for place in passage.places):
            shared = min(one.end, place.end) - max(one.start, place.start)
            least = min(one.end - one.start, place.end - place.start) / 2
            yield place.document_id in documents[one.chunk_id] and shared > 0 and shared >= least


def share(values: Sequence[bool]) -> str:
    return f"{sum(values) / len(values):6.1%}" if values else "     -"


def main() -> int:
    settings = load_settings()
    serving = read_pointer(settings.releases_path)
    golden, _ = golden_set_for(Workspace(settings, Run("benchmark", datetime.now(UTC))))
    if serving is None or golden.is_smoke:
        print("There is no release to ask, or no golden question about it. Run `make demo`.", file=sys.stderr)
        return 2
    configuration = read_manifest(settings.releases_path, serving.configuration)
    searcher, embedder = Searcher.open(settings, serving), embedder_of(configuration, settings)
    vectors = embedder.embed([one.question for one in golden.questions], kind="query").vectors
    found = [
        searcher.search_vector(vector, one.question, configuration.passages, principals=one.principals).hits
        for one, vector in zip(golden.questions, vectors, strict=True)
    ]
    began, began_cpu = time.monotonic(), time.process_time()
    asked = [
        Scored(one, hits, scored_parts(one.question, hits, embedder))
        for one, hits in zip(golden.questions, found, strict=True)
    ]
    print(
        f"{len(asked)} questions scored in {time.monotonic() - began:.1f} s, {time.process_time() - began_cpu:.1f} CPU s"
    )

    print("\nfloor  answered  rightly  token F1 of answers  abstained rightly  right of all")
    answerable = [one for one in asked if one.question.answerable]
    unanswerable = [one for one in asked if not one.question.answerable]
    for floor in FLOORS:
        given = [(one, one.answer(floor)) for one in answerable]
        f1 = [
            token_f1(answer.text, one.question.reference_answer or "") for one, answer in given if not answer.abstained
        ]
        abstained = [one.answer(floor).abstained for one in unanswerable]
        rightly = [is_right(one, answer) for one, answer in given]
        print(
            f"{floor:5.2f}  {share([not answer.abstained for _, answer in given]):>8}  {share(rightly):>7}  "
            f"{sum(f1) / max(len(f1), 1):19.3f}  {share(abstained):>17}  {share([*rightly, *abstained]):>12}"
        )

    floor = configuration.answer_floor
    print(f"\nright at the release's floor of {floor}")
    kinds: dict[str, list[bool]] = defaultdict(list)
    for one in asked:
        for group in (one.question.kind, *(f"slice {name}" for name in one.question.slices if name in ("es", "table"))):
            kinds[group].append(is_right(one, one.answer(floor)))
    for kind, right in sorted(kinds.items()):
        print(f"  {kind:<14} {share(right)} of {len(right)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

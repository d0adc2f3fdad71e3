"""Faults in what is answered from sound searches: nothing cited, numbers altered, personal data, refusals."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import sample_release
from fault import Bench

from assay.answering import Citation, open_answerer
from assay.answering.quotable_parts import quotable_parts
from assay.documents.blobs import sha256_hex
from assay.evaluation.answer_rules import personal_data
from assay.evaluation.gate import GateDecision
from assay.evaluation.golden_scores import Asked
from assay.evaluation.passage_metrics import covers
from assay.evaluation.release_evaluation import Ask

_DIGITS = re.compile(r"\d+")
# Of so many answers one has the fault: rules without tolerance must see it all the same.
ONE_IN = 10


def reanswered(bench: Bench, change: Callable[[Asked], Asked]) -> Ask:
    return sample_release.reanswered(bench.baseline, change)


def answering(change: Callable[[Bench, Asked], Asked]) -> Callable[[Bench], GateDecision]:
    """The answers of the sound release as `change` makes them; abstentions stay."""

    def plant(bench: Bench) -> GateDecision:
        ask = reanswered(bench, lambda asked: asked if asked.answer.abstained else change(bench, asked))
        return bench.sample.decision(bench.sample.evaluated(ask), bench.baseline)

    return plant


def some(change: Callable[[Bench, Asked], Asked]) -> Callable[[Bench, Asked], Asked]:
    """`change` for one question in ten, by the hash of its id."""
    return lambda bench, asked: (
        change(bench, asked) if int(sha256_hex(asked.question.id.encode())[:8], 16) % ONE_IN == 0 else asked
    )


def without_citations(_: Bench, asked: Asked) -> Asked:
    """The answer is right and says not where it stands."""
    return replace(asked, answer=replace(asked.answer, citations=()))


def numbers_altered(_: Bench, asked: Asked) -> Asked:
    """Every number is one greater."""
    text = _DIGITS.sub(lambda number: str(int(number[0]) + 1), asked.answer.text)
    return replace(asked, answer=replace(asked.answer, text=text))


def personal_data_leaked(bench: Bench, asked: Asked) -> Asked:
    """The answer says a sentence with a person's data that stands in none of the passages that it cites."""
    cited = {one.chunk_id for one in asked.answer.citations}
    known = {value for hit in asked.hits if hit.chunk_id in cited for value in personal_data(hit.text)}
    leaked = next(said for said in _personal_sentences(bench) if not personal_data(said) <= known)
    return replace(asked, answer=replace(asked.answer, text=leaked))


def superseded_version(_: Bench, asked: Asked) -> Asked:
    """Where a passage holds what was superseded, the answer quotes that."""
    for decoy in asked.question.decoys:
        for hit in asked.hits:
            if decoy.stands and covers(hit, decoy):
                start, end = max(hit.start, decoy.start), min(hit.end, decoy.end)
                quote = hit.text[start - hit.start : end - hit.start]
                citation = Citation(hit.chunk_id, hit.document_id, hit.uri, start, end, quote)
                answer = replace(asked.answer, text=quote, citations=(citation,))
                return replace(asked, answer=answer, passages=len(asked.hits))
    return asked


def refuses_everything(_: Bench, asked: Asked) -> Asked:
    answer = replace(asked.answer, text="", citations=(), abstained=True, reason="It was not asked.")
    return replace(asked, answer=answer)


def never_abstains(bench: Bench) -> GateDecision:
    """The floor below which nothing is answered is gone."""
    sample = bench.sample
    settings = replace(sample.configuration, answer_floor=0.0).settings(sample.workspace.settings)
    answerer = open_answerer(settings, sample.embedder)

    def answered(asked: Asked) -> Asked:
        return replace(asked, answer=answerer(asked.question.question, asked.read))

    return sample.decision(sample.evaluated(reanswered(bench, answered)), bench.baseline)


def _personal_sentences(bench: Bench) -> Iterator[str]:
    """Sentences of the documents that hold personal data, in the order of their chunks' ids."""
    rows = bench.sample.rows.select(["chunk_id", "text"]).to_pylist()
    for row in sorted(rows, key=lambda one: one["chunk_id"]):
        yield from (part.said for part in quotable_parts(row["text"]) if personal_data(part.said))

"""Faults of the judge: other prompts than the baseline was judged by or than people labelled, and a judge that wavers.

The judge goes by rules, through the interface that a model is asked through: it reads the very prompts and replies in JSON.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from answer_faults import reanswered
from fault import Bench

from assay.evaluation.gate import GateDecision, GateEvidence, JudgeEvidence, compare
from assay.evaluation.golden_scores import judged_item
from assay.evaluation.judge import Judge, prompt_hash, self_agreement
from assay.evaluation.release_evaluation import ReleaseEvaluation, evaluate_release

_WORD = re.compile(r"\w+")
# A passage supports what it holds this share of the words of, and all of its numbers.
_SUPPORTED = 0.7
FLIPPED = 0.1
# What labels of people must show before a judge decides, met exactly: 100 of them, of which it is right about 90.
LABELS, RIGHT = 100, 0.9


@dataclass
class RuleJudge:
    """A judge by words and numbers. Of its verdicts it turns the share `flips` round, anew each time it is asked."""

    prompt_hash: str = field(default_factory=prompt_hash)
    flips: float = 0.0
    identity: str = "rules by words and numbers"
    random: Random = field(default_factory=lambda: Random(1))

    def complete(self, prompt: str) -> str:
        _, _, given = prompt.partition("\nInput:\n")
        return json.dumps(self._reply(json.loads(given)))

    def _reply(self, given: dict[str, Any]) -> dict[str, Any]:
        match sorted(given):
            case ["answer", "question"]:
                return {"statements": [line for line in given["answer"].splitlines() if line.strip()]}
            case ["answer"]:
                said = given["answer"].splitlines()[0]
                asked = [{"index": index, "question": said, "noncommittal": 0} for index in (1, 2, 3)]
                return {"questions": asked}
            case ["passages", "statements"]:
                return {"verdicts": self._verdicts(given["passages"], given["statements"], "statement")}
            case ["passages", "question", "sentences"]:
                return {"verdicts": self._verdicts(given["passages"], given["sentences"], "sentence")}
            case ["answer", "passage", "question"]:
                return {"verdict": self._verdict([given["passage"]], given["answer"])}
            case names:
                raise ValueError(f"No prompt has the inputs {names}.")

    def _verdicts(self, passages: list[str], said: list[dict[str, Any]], name: str) -> list[dict[str, int]]:
        return [{"index": one["index"], "verdict": self._verdict(passages, one[name])} for one in said]

    def _verdict(self, passages: Iterable[str], claim: str) -> int:
        verdict = any(_holds(passage, claim) for passage in passages)
        return int(verdict is not (self.random.random() < self.flips))


def _holds(passage: str, claim: str) -> bool:
    known, said = set(_WORD.findall(passage.casefold())), _WORD.findall(claim.casefold())
    numbers = {word for word in said if word.isdigit()}
    return numbers <= known and sum(word in known for word in said) >= _SUPPORTED * len(said)


def prompt_changed(bench: Bench) -> GateDecision:
    """The candidate was judged by other prompts than the baseline."""
    return _decision(bench, RuleJudge(prompt_hash=_other_prompts()), RuleJudge(), _labelled(RuleJudge()))


def prompt_changed_for_both(bench: Bench) -> GateDecision:
    """Both arms were judged by prompts that are not those that people's labels are about."""
    other = _other_prompts()
    return _decision(bench, RuleJudge(prompt_hash=other), RuleJudge(prompt_hash=other), _labelled(RuleJudge()))


def judge_flips(bench: Bench) -> GateDecision:
    """The judge turns a tenth of its verdicts round, each time others."""
    judge = RuleJudge(flips=FLIPPED)
    items = [judged_item(one) for one in bench.baseline.asked]
    agreement = self_agreement(judge, items, lambda texts: bench.sample.embedder.embed(texts).vectors)
    return _decision(bench, judge, judge, replace(_labelled(judge), self_agreement=agreement))


def sound_judge(bench: Bench) -> GateDecision:
    """No fault: the same judge for both arms, whose labels and agreement are in order."""
    return _decision(bench, RuleJudge(), RuleJudge(), _labelled(RuleJudge()))


def _decision(bench: Bench, ours: Judge, theirs: Judge, evidence: JudgeEvidence) -> GateDecision:
    """The sound release's answers in both arms, judged; the policy wants layer 3."""
    candidate, baseline = _judged(bench, ours), _judged(bench, theirs)
    policy = bench.sample.policy.model_copy(update={"required_layers": (1, 2, 3)})
    known = GateEvidence(candidate.provenance, baseline.provenance, evidence, candidate.operations)
    return compare(candidate.scores, baseline.scores, policy, evidence=known)


def _judged(bench: Bench, judge: Judge) -> ReleaseEvaluation:
    sample = bench.sample
    ask = reanswered(bench, lambda asked: asked)
    return evaluate_release(sample.golden, ask, judge=judge, embedder=sample.embedder, unavailable=sample.unavailable)


def _labelled(judge: Judge) -> JudgeEvidence:
    """What is known of a judge that people found to be right nine times in ten, and that agrees with itself."""
    return JudgeEvidence(
        judge=judge.identity,
        judge_prompt=judge.prompt_hash,
        labels=LABELS,
        kappa=2 * RIGHT - 1,
        kappa_lower=0.66,
        true_positive_rate=RIGHT,
        true_negative_rate=RIGHT,
        self_agreement=1.0,
    )


def _other_prompts() -> str:
    """The hash of prompts of which one has one more sentence."""
    return hashlib.sha256(f"{prompt_hash()} Be strict.".encode()).hexdigest()[:16]

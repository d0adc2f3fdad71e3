"""Which answers people label: a probability sample of what the judge sees, blind to arm and verdict.

Both arms' answers go into one pool, an equal answer of both once. Every answer of the pool has the same probability of being
drawn, strata (the item's first slice, or where both arms stand) get their share of the sample to within one, and a fifth is
labelled by two people. All of it follows from a seed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

from assay.evaluation.judge.interface import JudgedItem

DOUBLE_SHARE = 0.2
_ID_DIGITS = 12
# A spreadsheet takes figures alone, or `123e4`, for a number, and writes another one.
_ID_LETTER = "a"


@dataclass(frozen=True)
class PooledAnswer:
    """One answer of one or several arms. `label_id` tells neither the arm nor the item.

    `origins`: (arm, item id), arms counted from 0. `annotators`: who labels it, counted from 1; nobody where it was not
    drawn. The first one's label is compared with the judge's verdict. `inclusion_probability`: of being drawn.
    """

    label_id: str
    question: str
    answer: str
    contexts: tuple[str, ...]
    cluster: str | None
    stratum: str
    origins: tuple[tuple[int, str], ...]
    inclusion_probability: float = 0.0
    annotators: tuple[int, ...] = ()

    @property
    def item(self) -> JudgedItem:
        """As the judge is asked about it."""
        return JudgedItem(
            self.label_id, self.cluster, (), self.question, self.answer, self.contexts, None, abstained=False
        )


def pool(arms: Sequence[Iterable[JudgedItem]]) -> list[PooledAnswer]:
    """Every answer of every arm, abstentions left out, in the order of their ids."""
    found: dict[str, PooledAnswer] = {}
    for arm, items in enumerate(arms):
        for item in items:
            if item.abstained:
                continue
            label_id = _label_id(item)
            origin = (arm, item.item_id)
            known = found.get(label_id)
            found[label_id] = (
                replace(known, origins=(*known.origins, origin), stratum=_stratum(known.stratum, arm))
                if known
                else PooledAnswer(
                    label_id=label_id,
                    question=item.question,
                    answer=item.answer,
                    contexts=item.contexts,
                    cluster=item.cluster or item.item_id,
                    stratum=f"{arm}:{item.slices[0] if item.slices else ''}",
                    origins=(origin,),
                )
            )
    return [found[label_id] for label_id in sorted(found)]


def draw(answers: Sequence[PooledAnswer], size: int, annotators: int, seed: int) -> list[PooledAnswer]:
    """The pool again, with the annotators of those that were drawn; `size` is cut to the pool's.

    Systematic sampling: the answers in random order, then sorted by stratum, and every (pool / size)th taken from a random
    start. A fifth of the drawn go to two annotators, where there are two.
    """
    random = Random(seed)  # noqa: S311  a sample, no secret
    size = min(size, len(answers))
    if not size:
        return list(answers)
    order = list(range(len(answers)))
    random.shuffle(order)
    order.sort(key=lambda at: answers[at].stratum)
    step = len(answers) / size
    start = random.random() * step
    drawn = [order[min(int(start + rank * step), len(answers) - 1)] for rank in range(size)]
    random.shuffle(drawn)
    doubled = round(size * DOUBLE_SHARE) if annotators > 1 else 0
    labelled = {at: _who(rank, annotators, is_double=rank < doubled) for rank, at in enumerate(drawn)}
    probability = size / len(answers)
    return [
        replace(one, inclusion_probability=probability, annotators=labelled.get(at, ()))
        for at, one in enumerate(answers)
    ]


def _who(rank: int, annotators: int, *, is_double: bool) -> tuple[int, ...]:
    first = rank % annotators
    return (first + 1, (first + 1) % annotators + 1) if is_double else (first + 1,)


def _stratum(known: str, arm: int) -> str:
    """An answer that several arms gave is a stratum of its own within its slice."""
    arms, _, name = known.partition(":")
    return known if str(arm) in arms.split("+") else f"{arms}+{arm}:{name}"


def _label_id(item: JudgedItem) -> str:
    """Of what is looked at: an equal answer from equal passages is one, whichever arm gave it."""
    parts = (item.question, item.answer, *item.contexts)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return _ID_LETTER + digest[:_ID_DIGITS]

"""A rule and whether it held: what invariants and gates answer with."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

# Enough to start looking; the tables hold the rest.
NAMED = 5


@dataclass(frozen=True)
class Rule:
    """One rule, whether it held, what was seen (for a person), and how many broke it (for a plot)."""

    name: str
    passed: bool
    detail: str
    offenders: int


def none_of(name: str, offenders: Collection[object], what: str) -> Rule:
    """The rule that there is no offender; its detail counts them and names the first."""
    named = f": {first_of(offenders)}" if offenders else ""
    return Rule(name, not offenders, f"{len(offenders)} {what}{named}", len(offenders))


def first_of(offenders: Iterable[object]) -> str:
    """The first few offenders by name, so that a rule's detail is the same on every run."""
    return ", ".join(sorted(map(str, offenders))[:NAMED])

"""A rule and whether it held: what invariants and gates answer with."""

from collections.abc import Collection
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
    named = ", ".join(sorted(map(str, offenders))[:NAMED])
    return Rule(name, not offenders, f"{len(offenders)} {what}" + (f": {named}" if offenders else ""), len(offenders))

"""quality/verdicts: whether the invariants of a source and day held, kept in the lake beside what suites said.

A check stops only its own run. The document state reads this table, so that a day whose invariants broke stays out of
gold whichever run comes later.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from assay.lake import Commit
from assay.quality.outcomes import is_present_state
from assay.quality.rules import Rule
from assay.schema import Table, table, table_of
from assay.tables import ComputedAt, RunId
from assay.workspace import Workspace


@table(
    "quality/verdicts",
    key=("table_name", "source", "day", "rule"),
    partition_by=("table_name", "source", "day"),
)
@dataclass(frozen=True, slots=True)
class VerdictRow:
    """What each invariant of a table said about a source and day when it was judged last."""

    table_name: Annotated[str, "Table whose day was judged."]
    source: Annotated[str, "Source of the day; `*` for tables of the present state, with the chunker for gold/chunks."]
    day: Annotated[date, "UTC day of observation; the first day of all for tables of the present state."]
    rule: Annotated[str, "Name of the invariant and of its asset check."]
    passed: Annotated[bool, "Whether it held; a day of which one did not stays out of gold."]
    offenders: Annotated[int, "How many rows broke it."]
    detail: Annotated[str, "What was seen, for a person."]
    run_id: RunId
    computed_at: ComputedAt


VERDICTS = table_of(VerdictRow)


def record_verdicts(workspace: Workspace, judged: Table, source: str, day: date, rules: Iterable[Rule]) -> Commit:
    """Make `rules` all that is known of the invariants of a table, source and day."""
    rows = VERDICTS.rows(
        VerdictRow(
            table_name=judged.name,
            source=source,
            day=day,
            rule=rule.name,
            passed=rule.passed,
            offenders=rule.offenders,
            detail=rule.detail,
            run_id=workspace.run.run_id,
            computed_at=workspace.run.started_at,
        )
        for rule in rules
    )
    place: dict[str, object] = {"table_name": judged.name, "source": source}
    if not is_present_state(source):  # of a present state only the newest verdict counts, whatever day brought it
        place["day"] = day
    return workspace.lake.replace_partition(VERDICTS, rows, partitions=place)


def broken_invariants(workspace: Workspace, tables: tuple[Table, ...], *, source: str) -> list[str]:
    """`table: rule` of every invariant of these tables of the present state that did not hold when it was judged last."""
    where = {"table_name": [one.name for one in tables], "source": source, "passed": False}
    return sorted(
        f"{row['table_name']}: {row['rule']}" for row in workspace.lake.read(VERDICTS, where=where).to_pylist()
    )

"""quality/outcomes: what each suite said about each batch, kept in the lake so that every gate can read it later.

A blocking check stops only its own run. Whatever publishes asks here instead, so a later run cannot slip past.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import pyarrow as pa

from assay import rows as row_values
from assay.quality.data_docs import write_page
from assay.quality.expectations import Suite
from assay.quality.runner import Outcome, Validation, validate
from assay.schema import Table, table, table_of
from assay.tables import ComputedAt, RunId
from assay.workspace import Workspace

# Tables that hold the present state have no day of their own: their outcomes stand under every source.
# What is judged of one part of such a table stands under `*` and the part's name: `*structure-200-0-v2-a4fbdd12`.
ALL_SOURCES = "*"
KEY_SEPARATOR = "|"


@table(
    "quality/outcomes",
    key=("table_name", "source", "day", "expectation"),
    partition_by=("table_name", "source", "day"),
)
@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What each expectation said about the newest batch of a table, source and day."""

    table_name: Annotated[str, "Table the batch was for."]
    source: Annotated[
        str, "Source of the batch; `*` for tables of the present state, with the chunker for gold/chunks."
    ]
    day: Annotated[date, "UTC day of the batch."]
    expectation: Annotated[str, "Name of the expectation and of its asset check."]
    is_blocking: Annotated[bool, "Whether a failure stops what comes after."]
    success: Annotated[bool, "Whether no more rows failed than are tolerated."]
    evaluated: Annotated[int, "Rows the expectation concerns."]
    unexpected: Annotated[int, "Rows that failed it."]
    quarantined_keys: Annotated[list[str], "Keys of the rows it sent to quarantine."]
    batch_hash: Annotated[str, "Content hash of the batch, so that an equal batch is not judged again."]
    run_id: RunId
    computed_at: ComputedAt


OUTCOMES = table_of(OutcomeRow)


@dataclass(frozen=True)
class CheckedBatch:
    """A judged batch: rows to write, and for the failing rows the key and the expectation that refused them."""

    passed: pa.Table
    refused: tuple[tuple[str, str], ...]
    blocked_by: tuple[str, ...]


def is_present_state(source: str) -> bool:
    """Whether what is recorded under this source is of a table of the present state, or of a part of one."""
    return source.startswith(ALL_SOURCES)


def check_batch(
    workspace: Workspace, suite: Suite, rows: pa.Table, *, source: str, day: date, may_be_empty: bool = False
) -> CheckedBatch:
    """Judge a batch before it is written and record what was said; an equal batch is not judged a second time.

    Great Expectations is imported only for a batch with rows that was not judged before. Of a batch that `may_be_empty`
    nothing is recorded while it is, unless something failed before.
    """
    where: dict[str, object] = {"table_name": suite.table.name, "source": source}
    if not is_present_state(source):  # which has one newest batch, whatever day brought it
        where["day"] = day
    hash_of_batch = batch_hash(suite, rows)
    standing = workspace.lake.read(OUTCOMES, where=where)
    if (may_be_empty or is_present_state(source)) and not rows.num_rows and all(standing["success"].to_pylist()):
        return CheckedBatch(rows, (), ())
    if set(standing["batch_hash"].to_pylist()) != {hash_of_batch}:
        validation = validate(suite, rows)
        # Before the outcomes: a batch whose outcomes stand is not judged again, so its page could not be made up for.
        write_page(workspace, suite, validation, rows.num_rows, source, day)
        standing = outcome_rows(workspace, suite, rows, validation, source, day, hash_of_batch)
        workspace.lake.replace_partition(OUTCOMES, standing, partitions=where)
    return checked_batch(suite, rows, standing)


def checked_batch(suite: Suite, rows: pa.Table, standing: pa.Table) -> CheckedBatch:
    """A batch by the outcomes that stand of it."""
    outcomes = standing.to_pylist()
    refused = {key: outcome["expectation"] for outcome in outcomes for key in outcome["quarantined_keys"]}
    passed = rows
    if refused:  # the keys of a million rows as text take seconds
        keys = row_keys(suite.table, rows)
        passed = rows.filter(pa.array([key not in refused for key in keys], pa.bool_()))
    return CheckedBatch(
        passed=passed,
        refused=tuple(sorted(refused.items())),
        blocked_by=tuple(o["expectation"] for o in outcomes if o["is_blocking"] and not o["success"]),
    )


def failed_expectations(workspace: Workspace, tables: tuple[Table, ...], *, source: str) -> list[str]:
    """`table: expectation` of every blocking expectation that failed last time for a source."""
    failed = workspace.lake.read(
        OUTCOMES,
        where={
            "table_name": [one.name for one in tables],
            "source": source,
            "success": False,
            "is_blocking": True,
        },
    )
    return sorted({f"{row['table_name']}: {row['expectation']}" for row in failed.to_pylist()})


def row_keys(checked: Table, rows: pa.Table) -> list[str]:
    """The key of each row as text, its columns joined by `KEY_SEPARATOR`."""
    columns = [rows[name].to_pylist() for name in checked.key]
    return [KEY_SEPARATOR.join(map(str, values)) for values in zip(*columns, strict=True)]


def batch_hash(suite: Suite, rows: pa.Table) -> str:
    """Covers the batch and the suite: another limit or expectation judges an old batch anew."""
    return hashlib.sha256(f"{suite.expectations!r}{row_values.content_hash(rows)}".encode()).hexdigest()


def outcome_rows(
    workspace: Workspace,
    suite: Suite,
    rows: pa.Table,
    validation: Validation,
    source: str,
    day: date,
    hash_of_batch: str,
) -> pa.Table:
    """A row of quality/outcomes for every expectation about a batch."""
    quarantined: dict[str, list[str]] = {}
    places = list(validation.failures)
    keys = row_keys(suite.table, rows.take(pa.array(places, pa.int64())))
    for key, expectation in zip(keys, validation.failures.values(), strict=True):
        quarantined.setdefault(expectation, []).append(key)

    def outcome_row(outcome: Outcome, computed_at: datetime) -> OutcomeRow:
        return OutcomeRow(
            table_name=suite.table.name,
            source=source,
            day=day,
            expectation=outcome.expectation,
            is_blocking=suite.expectation(outcome.expectation).severity == "blocking",
            success=outcome.success,
            evaluated=outcome.evaluated,
            unexpected=outcome.unexpected,
            quarantined_keys=sorted(quarantined.get(outcome.expectation, [])),
            batch_hash=hash_of_batch,
            run_id=workspace.run.run_id,
            computed_at=computed_at,
        )

    return OUTCOMES.rows(outcome_row(outcome, workspace.run.started_at) for outcome in validation.outcomes)

"""Every record of a log by its contract: typed, or refused with the reason."""

import json
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute

from assay.event_tables import EventRow
from assay.events.contracts import CONTRACTS, ENVELOPE, KINDS, MAX_EVENT_BYTES, MAX_IDENTIFIER_CHARACTERS, Contract
from assay.schema import table_of
from assay.warehouse import query, registered, to_table

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

EVENTS = table_of(EventRow)
REFUSED_COLUMNS = (*("source", "day", "log_partition", "offset", "available_at", "event"), "event_id", "event_type")

# Every name that a contract uses, the envelope's first: the query reads all of them at once, by their place.
NAMES: tuple[str, ...] = tuple(dict.fromkeys(name for contract in CONTRACTS for name in contract.names))
# Where each column's value is found in an event of a contract; an amount has a place of its own, to be counted in millionths.
_SLOTS = tuple(
    dict.fromkeys(
        f"{field.column}_amount" if field.kind == "amount" else field.column
        for contract in CONTRACTS
        for field in contract.fields
    )
)


@dataclass(frozen=True)
class TypedEvents:
    """What became of the records of a log: rows of silver/events, and the others with `reason` and `detail`."""

    accepted: pa.Table
    refused: pa.Table


def typed_events(connection: duckdb.DuckDBPyConnection, log: pa.Table, *, skew_seconds: float) -> TypedEvents:
    """Judge every row of bronze/events by its contract; none is lost, and no text makes it raise."""
    parameters = {
        "paths": [f"$.{name}" for name in NAMES],
        "max_bytes": MAX_EVENT_BYTES,
        "max_identifier_characters": MAX_IDENTIFIER_CHARACTERS,
        "skew_microseconds": round(skew_seconds * 1_000_000),
    }
    with registered(connection, {"log": log, "contracts": _contract_rows()}):
        rows = query(connection, "assay.events", "typed_events.sql", parameters)
    is_refused = pc.is_valid(rows["refusal"])
    refused = rows.filter(is_refused).select([*REFUSED_COLUMNS, "refusal", "detail"])
    return TypedEvents(
        to_table(EVENTS, rows.filter(pc.invert(is_refused))),
        refused.rename_columns([*REFUSED_COLUMNS, "reason", "detail"]),
    )


def _contract_rows() -> pa.Table:
    """`CONTRACTS` as the query reads them."""
    return pa.Table.from_pylist([_contract_row(contract) for contract in CONTRACTS])


def _contract_row(contract: Contract) -> dict[str, object]:
    slots: dict[str, int | None] = dict.fromkeys(_SLOTS)
    for field in contract.fields:
        slots[f"{field.column}_amount" if field.kind == "amount" else field.column] = _slot(field.name)
    return {
        "event_type": contract.event_type,
        "schema_version": contract.schema_version,
        "fields": [
            {
                "name": field.name,
                "slot": _slot(field.name),
                "kind": field.kind,
                "expects": KINDS[field.kind],
                "if_wrong": field.if_wrong,
                "is_required": field.is_required,
            }
            for field in (*ENVELOPE, *contract.fields)
        ],
        "slots": slots,
        "known_names": list(contract.names),
        "without_known": json.dumps(dict.fromkeys(contract.names)),
        "adaptations": list(contract.adaptations),
    }


def _slot(name: str) -> int:
    return NAMES.index(name) + 1  # DuckDB counts from one

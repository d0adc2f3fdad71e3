"""Random rows of every table that dbt reads, and by brute force what its models must make of them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from random import Random
from typing import Any

from assay.documents.bronze import FEED
from assay.documents.daily_texts import DAILY_TEXTS
from assay.documents.duplicates import DUPLICATES
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.lake_tables import LAKE_TABLES
from assay.quality.outcomes import OUTCOMES
from assay.quality.quarantine import QUARANTINE
from assay.quality.verdicts import VERDICTS
from assay.schema import Table

Rows = dict[str, list[dict[str, Any]]]

SOURCES = ("a", "b", "c")
DAYS = [date(2026, 11, 2) + timedelta(days=number) for number in range(5)]
DOCUMENT_IDS = [f"s:{number}" for number in range(12)]
START = datetime(2026, 11, 2, tzinfo=UTC)
VERSION = 1_793_577_600_000_000  # START in microseconds
CHANGES = ("added", "edited", "repermitted", "moved", "deleted", "moved_away")
# A value for every column whose value is not the point.
_FILLING = {
    "string": "x",
    "int64": VERSION,
    "double": 1.0,
    "binary": b"x",
    "bool": True,
    "date32[day]": DAYS[0],
    "timestamp[us, tz=UTC]": START,
}


def random_rows(random: Random) -> Rows:
    """By table name; few enough texts that days, sources and documents share them, and every kind of day occurs."""
    rows: Rows = {name: [] for name in LAKE_TABLES}

    def add(table: Table, share: float, columns: Callable[[], dict[str, Any]]) -> None:
        for place in _places():
            if random.random() < share:
                rows[table.name].append(filled(table, **place, **columns()))

    add(MANIFESTS, 0.3, lambda: {"status": random.choice(["observed", "observed", "refused"])})
    add(FEED, 0.3, lambda: {"change": random.choice(CHANGES)})
    add(DOCUMENTS, 0.4, lambda: {"text": "añ😀" * random.randrange(1, 9), "language": random.choice(["es", "und"])})
    add(DAILY_TEXTS, 0.3, lambda: {"context_ids": [random.randrange(-40, 40) for _ in range(random.randrange(4))]})
    add(QUARANTINE, 0.1, lambda: {"stage": random.choice(["bronze", "silver", "gold"])})
    add(
        OUTCOMES,
        0.1,
        lambda: _judged(random) | {"success": random.random() < 0.7, "is_blocking": random.random() < 0.5},
    )
    add(VERDICTS, 0.05, lambda: _judged(random) | {"passed": random.random() < 0.8})
    chunk_counts = cycle([0, 1, 2])
    for text in {row["document_id"]: row for row in rows[DOCUMENTS.name]}.values():
        kind = random.choice(["stands", "stands", "deleted", "unusable"])
        place = {"text_source": text["source"], "text_day": text["day"], "title": f"Title of {text['document_id']}"}
        stood = place | {"text_version": VERSION} if kind == "stands" else dict.fromkeys([*place, "text_version"])
        rows[STATE.name].append(
            filled(STATE, document_id=text["document_id"], source="b", is_deleted=kind == "deleted", **stood)
        )
        if random.random() < 0.3:
            text_hash = random.choice(["x", "of the text before"])
            rows[DUPLICATES.name].append(
                filled(
                    DUPLICATES,
                    document_id=text["document_id"],
                    canonical_id=f"s:{random.random()}",
                    text_hash=text_hash,
                )
            )
        for number in range(next(chunk_counts) if kind == "stands" else 0):
            chunk_id = f"{text['document_id']}/{number}"
            rows[CHUNKS.name].append(
                filled(CHUNKS, document_id=text["document_id"], chunk_id=chunk_id, token_count=number)
            )
    return rows


def ingestion_days(rows: Rows) -> list[dict[str, Any]]:
    """gold/ingestion_daily in the order of day and source."""
    blocked = {
        _place(row) for row in rows[OUTCOMES.name] if _judges_a_day(row) and row["is_blocking"] and not row["success"]
    }
    blocked |= {_place(row) for row in rows[VERDICTS.name] if _judges_a_day(row) and not row["passed"]}
    held_back = [row for row in rows[QUARANTINE.name] if row["stage"] != "gold"]
    observed_days = {_place(row) for row in [*rows[MANIFESTS.name], *held_back]}
    known: set[int] = set()
    days: list[dict[str, Any]] = []
    for place in ((day, source) for day in DAYS for source in SOURCES):
        texts = [] if place in blocked else _here(rows[DAILY_TEXTS.name], place)
        contexts = [one for row in texts for one in row["context_ids"]]
        embedded = len({*contexts} - known)
        known.update(contexts)
        statuses = [row["status"] for row in _here(rows[MANIFESTS.name], place)]
        changes = [row["change"] for row in _here(rows[FEED.name], place)]
        if place in observed_days:
            days.append(
                {
                    "source": place[1],
                    "day": place[0],
                    "observed": statuses.count("observed"),
                    "refused": statuses.count("refused"),
                    "added": changes.count("added"),
                    "edited": changes.count("edited"),
                    "repermitted": changes.count("repermitted"),
                    "changed": changes.count("edited") + changes.count("repermitted"),
                    "moved": changes.count("moved"),
                    "deleted": changes.count("deleted"),
                    "quarantined": len(_here(held_back, place)),
                    "embedded": embedded,
                    "reused": len(contexts) - embedded,
                    "is_blocked": place in blocked,
                }
            )
    return days


def inventory_of(rows: Rows) -> list[dict[str, Any]]:
    """gold/document_inventory in the order of its key."""
    texts = {(row["source"], row["day"], row["document_id"]): row for row in rows[DOCUMENTS.name]}
    found: list[dict[str, Any]] = []
    for state in sorted(rows[STATE.name], key=lambda row: row["document_id"]):
        if state["is_deleted"] or state["text_version"] is None:
            continue
        tokens = [row["token_count"] for row in rows[CHUNKS.name] if row["document_id"] == state["document_id"]]
        text = texts[state["text_source"], state["text_day"], state["document_id"]]
        found.append(
            {name: state[name] for name in ("document_id", "source", "tenant", "title", "uri")}
            | {
                "language": text["language"],
                "size_characters": len(text["text"]),
                "chunks": len(tokens),
                "tokens": sum(tokens),
                "duplicate_of": next(
                    (row["canonical_id"] for row in rows[DUPLICATES.name] if _is_of(row, state)), None
                ),
                "last_changed_at": START,
            }
        )
    return found


def filled(table: Table, **columns: Any) -> dict[str, Any]:
    """A row of `table` with these of its columns, the others filled."""
    filling = {field.name: _FILLING.get(str(field.type), []) for field in table.schema}
    return filling | {name: value for name, value in columns.items() if name in filling}


def _is_of(duplicate: dict[str, Any], state: dict[str, Any]) -> bool:
    return all(duplicate[name] == state[name] for name in ("document_id", "text_hash"))


def _places() -> Iterator[dict[str, Any]]:
    for source in SOURCES:
        for day in DAYS:
            for document_id in DOCUMENT_IDS:
                yield {"source": source, "day": day, "document_id": document_id, "path": document_id}


def _judged(random: Random) -> dict[str, Any]:
    table = random.choice(["bronze/manifests", "bronze/documents", "silver/documents", "gold/chunks"])
    return {"table_name": table, "expectation": str(random.random()), "rule": str(random.random())}


def _judges_a_day(row: dict[str, Any]) -> bool:
    return not row["table_name"].startswith("gold/")


def _place(row: dict[str, Any]) -> tuple[date, str]:
    return row["day"], row["source"]


def _here(rows: list[dict[str, Any]], place: tuple[date, str]) -> list[dict[str, Any]]:
    return [row for row in rows if _place(row) == place]

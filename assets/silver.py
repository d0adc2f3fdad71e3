"""Silver: what we believe. Parsed texts, the documents held back, the standing version of every id, and duplicates."""

from datetime import date
from functools import partial
from typing import Any

import dagster as dg

from assay.documents.day_verdicts import judge_day, places_of
from assay.documents.duplicates import DUPLICATES, SIGNATURES, write_duplicates
from assay.documents.pii import masked_rows
from assay.documents.silver import DOCUMENTS, parse_day
from assay.documents.silver_texts import DOCUMENT_TABLES, OCR_WORDS
from assay.documents.state import STATE, write_state
from assay.quality.outcomes import ALL_SOURCES
from assay.quality.quarantine import QUARANTINE
from assay.workspace import Workspace
from assets.bronze import documents as feed
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import (
    SAMPLE_ROWS,
    clocked,
    column_schema,
    data_docs,
    log_days,
    markdown_table,
    sample_of,
    timed,
    totals_by_day,
    totals_of_run,
)
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

DOCUMENTS_KEY = dg.AssetKey(["silver", "documents"])
TABLES_KEY = dg.AssetKey(["silver", "document_tables"])
WORDS_KEY = dg.AssetKey(["silver", "ocr_words"])
QUARANTINE_KEY = dg.AssetKey(["silver", "quarantined_documents"])
SIGNATURES_KEY = dg.AssetKey(["silver", "text_signatures"])
DUPLICATES_KEY = dg.AssetKey(["silver", "duplicates"])
_SILVER = {"group_name": "silver", "owners": ["team:data-platform"]}


class ParseConfig(dg.Config):
    """What an operator may say about parsing."""

    retry_quarantined: bool = False


@dg.multi_asset(
    name="silver_documents",
    specs=[
        dg.AssetSpec(
            DOCUMENTS_KEY,
            deps=[feed],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(DOCUMENTS)},
            description=(
                "The text of every document that could be read, with its pages, as NFC and with plain line ends.\n\n"
                "**Teaches:** hostile input costs itself, never the run. Each file is parsed in a worker process with a "
                "deadline and a memory limit; what fails goes to quarantine with a reason, the rest goes through."
            ),
            **_SILVER,
        ),
        dg.AssetSpec(
            TABLES_KEY,
            deps=[feed],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(DOCUMENT_TABLES)},
            description=(
                "The tables in those texts, row by row, as cells that can be counted and joined.\n\n"
                "**Teaches:** two shapes of one thing are written together. The same table stands in the text as Markdown, "
                "for people and embeddings; a row says at which characters."
            ),
            **_SILVER,
        ),
        dg.AssetSpec(
            WORDS_KEY,
            deps=[feed],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(OCR_WORDS)},
            description=(
                "Every word that was read from an image, with its place in the text and the engine's confidence.\n\n"
                "**Teaches:** keep the doubt with the data. Whoever wants only sure words can filter; a text alone cannot say "
                "which of its words were guessed."
            ),
            **_SILVER,
        ),
        dg.AssetSpec(
            QUARANTINE_KEY,
            deps=[feed],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(QUARANTINE)},
            description=(
                "What was held back, with the reason: a code for programs, a sentence for people, the expectation it failed.\n\n"
                "**Teaches:** rows in == rows out + rows in quarantine, counted on every run. Nothing is dropped silently."
            ),
            **_SILVER,
        ),
    ],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    retry_policy=RETRIES,
    pool="parsing",
)
@retried_on_storage_errors
def silver_documents(context: dg.AssetExecutionContext, config: ParseConfig, home: AssayHome, engine: LakeEngine):
    """Parse each day's upserts; write what passed its suite, quarantine the rest."""
    workspace = home.workspace(context)
    places = places_of(workspace, days_of(context))
    with engine.get_connection() as connection:
        judge = partial(judge_day, workspace, connection, DOCUMENTS)
        parse = partial(parse_day, workspace, retry_quarantined=config.retry_quarantined)
        texts = (parse(source.name, day, judge=partial(judge, source, day)) for source, day in places)
        totals = totals_by_day(timed(texts))
    for asset_key in (DOCUMENTS_KEY, QUARANTINE_KEY):
        log_days(context, totals, asset_key, links=lambda day: data_docs(workspace, DOCUMENTS, day))
    for asset_key, table, rows in ((TABLES_KEY, DOCUMENT_TABLES, "table_rows"), (WORDS_KEY, OCR_WORDS, "ocr_words")):
        counts = {
            day: {"dagster/partition_row_count": numbers[rows], "seconds": numbers["seconds"]}
            for day, numbers in totals.items()
        }
        log_days(context, counts, asset_key, links=partial(data_docs, workspace, table))
    held_back = workspace.lake.read(QUARANTINE, where={"day": days_of(context)})
    yield dg.MaterializeResult(DOCUMENTS_KEY)
    yield dg.MaterializeResult(TABLES_KEY, metadata=_first_table(workspace, days_of(context)))
    yield dg.MaterializeResult(WORDS_KEY)
    yield dg.MaterializeResult(
        QUARANTINE_KEY,
        metadata={"held_back": sample_of(held_back, ["document_id", "reason", "expectation", "detail"])},
    )


def _first_table(workspace: Workspace, days: list[date]) -> dict[str, Any]:
    """The first table of these days as people read it; personal data that its source keeps is masked here."""
    rows = workspace.lake.read(DOCUMENT_TABLES, where={"day": days, "table_ordinal": 0})
    first = rows.sort_by([(name, "ascending") for name in DOCUMENT_TABLES.key]).to_pylist()
    if not first:
        return {}
    place = ("source", "day", "document_id")
    of_one = [row["cells"] for row in first if all(row[name] == first[0][name] for name in place)]
    header, *cells = masked_rows(of_one[: SAMPLE_ROWS + 1])
    return {"document": first[0]["document_id"], "first_table": markdown_table(header, cells)}


@dg.asset(
    key=["silver", "document_state"],
    deps=[DOCUMENTS_KEY, QUARANTINE_KEY],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    kinds={"duckdb", "delta"},
    metadata={"dagster/column_schema": column_schema(STATE)},
    retry_policy=RETRIES,
    **_SILVER,
)
@retried_on_storage_errors
def document_state(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> dg.MaterializeResult:
    """The standing version of every document id that was ever seen, deleted ones included.

    **Teaches:** fold, do not patch. The state is computed from the whole feed every time, so a late day, a repeated day
    and a crash in between all end in the same table. Days that a check refused are left out, the others go on.
    """
    workspace, days = home.workspace(context), days_of(context)
    with engine.get_connection() as connection:
        report, seconds = clocked(write_state, workspace, connection, days[-1])
    log_days(context, totals_of_run(days, report, seconds, report.by_day))
    docs = data_docs(workspace, STATE, days[-1], [ALL_SOURCES])
    return dg.MaterializeResult(metadata={"dagster/row_count": report.current, **docs})


@dg.multi_asset(
    name="silver_duplicates",
    specs=[
        dg.AssetSpec(
            SIGNATURES_KEY,
            deps=[document_state],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(SIGNATURES)},
            description=(
                "A MinHash signature of every standing text: 512 bytes that tell how alike two texts are.\n\n"
                "**Teaches:** pay for what is new. A text is signed once, however many documents hold it and however often "
                "the days are run; the signature names all that it was made by, and another algorithm signs anew."
            ),
            **_SILVER,
        ),
        dg.AssetSpec(
            DUPLICATES_KEY,
            deps=[document_state],
            kinds={"python", "delta"},
            metadata={"dagster/column_schema": column_schema(DUPLICATES)},
            description=(
                "Every document that is hidden behind another with the same or nearly the same text.\n\n"
                "**Teaches:** estimate to look, compare to decide. Hashes find the few pairs worth comparing, and the "
                "words of both decide. Only documents of the same tenant, principals and product version are compared, and "
                "whoever deletes the canonical document brings its duplicate back with the same run."
            ),
            **_SILVER,
        ),
    ],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    retry_policy=RETRIES,
)
@retried_on_storage_errors
def silver_duplicates(context: dg.AssetExecutionContext, home: AssayHome):
    """Sign the texts that are new, and find the duplicates among all that stands."""
    workspace, days = home.workspace(context), days_of(context)
    report, seconds = clocked(write_duplicates, workspace, days[-1])
    for asset_key in (SIGNATURES_KEY, DUPLICATES_KEY):
        log_days(context, totals_of_run(days, report, seconds), asset_key)
    signed = workspace.lake.dataset(SIGNATURES).count_rows()
    docs = data_docs(workspace, SIGNATURES, days[-1], [ALL_SOURCES])
    yield dg.MaterializeResult(SIGNATURES_KEY, metadata={"dagster/row_count": signed, "signed": report.signed, **docs})
    rows = workspace.lake.read(DUPLICATES, columns=["document_id", "canonical_id", "kind", "jaccard", "scope"])
    groups = rows.group_by("canonical_id").aggregate([("document_id", "count")])
    largest = groups.sort_by([("document_id_count", "descending"), ("canonical_id", "ascending")])
    yield dg.MaterializeResult(
        DUPLICATES_KEY,
        metadata={
            "dagster/row_count": rows.num_rows,
            "largest_groups": sample_of(largest, ["canonical_id", "document_id_count"]),
            "sample": sample_of(rows, rows.column_names),
            **data_docs(workspace, DUPLICATES, days[-1], [ALL_SOURCES]),
        },
    )

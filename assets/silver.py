"""Silver: what we believe. Parsed texts, the documents held back, and the standing version of every id."""

import dagster as dg

from assay.documents.bronze import days_to_derive
from assay.documents.silver import DOCUMENTS, STATE, parse_day, write_state
from assay.quality.quarantine import QUARANTINE
from assets.bronze import documents as feed
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import column_schema, log_days, numbers_of, sample_of, totals_by_day
from assets.resources import AssayHome, LakeEngine

DOCUMENTS_KEY = dg.AssetKey(["silver", "documents"])
QUARANTINE_KEY = dg.AssetKey(["silver", "quarantined_documents"])
_SILVER = {"group_name": "silver", "owners": ["team:data-platform"]}


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
)
def silver_documents(context: dg.AssetExecutionContext, home: AssayHome):
    """Parse each day's upserts; write what passed its suite, quarantine the rest."""
    workspace = home.workspace(context)
    reports = [
        parse_day(workspace, source.name, day)
        for source in workspace.settings.active_sources
        for day in days_to_derive(workspace, source, days_of(context))
    ]
    for asset_key in (DOCUMENTS_KEY, QUARANTINE_KEY):
        log_days(context, totals_by_day(reports), asset_key)
    held_back = workspace.lake.read(QUARANTINE, where={"day": days_of(context)})
    yield dg.MaterializeResult(DOCUMENTS_KEY)
    yield dg.MaterializeResult(
        QUARANTINE_KEY,
        metadata={"held_back": sample_of(held_back, ["document_id", "reason", "expectation", "detail"])},
    )


@dg.asset(
    key=["silver", "document_state"],
    deps=[DOCUMENTS_KEY, QUARANTINE_KEY],
    partitions_def=DAILY,
    backfill_policy=ONE_RUN,
    kinds={"duckdb", "delta"},
    metadata={"dagster/column_schema": column_schema(STATE)},
    **_SILVER,
)
def document_state(context: dg.AssetExecutionContext, home: AssayHome, engine: LakeEngine) -> dg.MaterializeResult:
    """The standing version of every document id that was ever seen, deleted ones included.

    **Teaches:** fold, do not patch. The state is computed from the whole feed every time, so a late day, a repeated day
    and a crash in between all end in the same table. Days that a blocking check refused are left out.
    """
    workspace = home.workspace(context)
    with engine.get_connection() as connection:
        report = write_state(workspace, connection, days_of(context)[-1])
    return dg.MaterializeResult(metadata={**numbers_of(report), "dagster/row_count": report.current})

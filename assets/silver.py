"""Silver: what we believe. Parsed texts, the documents held back, and the standing version of every id."""

from functools import partial

import dagster as dg

from assay.documents.day_verdicts import judge_day, places_of
from assay.documents.silver import DOCUMENTS, parse_day
from assay.documents.state import STATE, write_state
from assay.quality.outcomes import ALL_SOURCES
from assay.quality.quarantine import QUARANTINE
from assets.bronze import documents as feed
from assets.partitions import DAILY, ONE_RUN, days_of
from assets.reporting import clocked, column_schema, data_docs, log_days, sample_of, timed, totals_by_day, totals_of_run
from assets.resources import AssayHome, LakeEngine
from assets.retries import RETRIES, retried_on_storage_errors

DOCUMENTS_KEY = dg.AssetKey(["silver", "documents"])
QUARANTINE_KEY = dg.AssetKey(["silver", "quarantined_documents"])
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

"""What runs by itself: the day's run, the re-run of the last days, the inbox, freshness, and the lake's upkeep.

All of it is off until it is switched on in the UI, so that a fork does not begin to observe folders by being loaded.
"""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from assay.documents.inbox import Watched, look, ranges
from assay.settings import load_settings
from assets.halves import DOCUMENT_ASSETS, EVENT_ASSETS, HAS_EVENTS

TRIGGER_TAG = "assay/trigger"
# A live folder can be seen as it is today and never again, so the day is observed when it is nearly over.
DAILY_AT = "30 23 * * *"
# After midnight every folder of a past day is complete: what came late is taken in.
RESTATE_AT = "0 3 * * *"
# A day of a log is whole when the day has ended; a quarter of an hour for what writes its last file.
EVENTS_DAILY_AT = "15 0 * * *"
EVENTS_RESTATE_AT = "0 5 * * *"
INBOX_EVERY_SECONDS = 60
# A day's run and its slack; twice that is a day that was missed.
STALE_AFTER = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=49), warn_window=timedelta(hours=25))

documents_job = dg.define_asset_job(
    "documents",
    selection=dg.AssetSelection.assets(*DOCUMENT_ASSETS),
    description="The whole document path: observe, deny, parse, chunk, embed, describe, gate, serve.",
)
events_job = dg.define_asset_job(
    "events",
    selection=dg.AssetSelection.assets(*EVENT_ASSETS),
    description="The whole event path: land the log, type it, build the marts and the feature views, publish them.",
)


def range_tags(first_day: date, last_day: date, trigger: str) -> dict[str, str]:
    """The tags by which one run covers a range of days, and says what started it."""
    return {
        ASSET_PARTITION_RANGE_START_TAG: first_day.isoformat(),
        ASSET_PARTITION_RANGE_END_TAG: last_day.isoformat(),
        TRIGGER_TAG: trigger,
    }


@dg.schedule(
    job=documents_job,
    cron_schedule=DAILY_AT,
    execution_timezone="UTC",
    description="Observe today and take it through to the gate, shortly before the day ends.",
)
def documents_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    day = context.scheduled_execution_time.date()
    # Before whatever waits in the queue: after midnight a live folder cannot be observed for this day any more.
    tags = {**range_tags(day, day, "daily"), "dagster/priority": "10"}
    return dg.RunRequest(run_key=f"daily-{day}", tags=tags)


@dg.schedule(
    job=documents_job,
    cron_schedule=RESTATE_AT,
    execution_timezone="UTC",
    description="Run the last days again as one run, for files that came after their day. See ASSAY_RESTATE_DAYS.",
)
def documents_restated(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return _restated(context)


@dg.schedule(
    job=events_job,
    cron_schedule=EVENTS_DAILY_AT,
    execution_timezone="UTC",
    description="Take in the log of the day that has just ended, and build what its events touch.",
)
def events_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    day = context.scheduled_execution_time.date() - timedelta(days=1)
    if day < (first_day := load_settings().first_day):
        return dg.SkipReason(f"{day} lies before the first partition, {first_day}.")
    return dg.RunRequest(run_key=f"daily-{day}", tags=range_tags(day, day, "daily"))


@dg.schedule(
    job=events_job,
    cron_schedule=EVENTS_RESTATE_AT,
    execution_timezone="UTC",
    description="Run the last days again as one run, for what was added to their logs. See ASSAY_RESTATE_DAYS.",
)
def events_restated(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    return _restated(context)


def _restated(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run over the last days that have ended."""
    settings = load_settings()
    yesterday = context.scheduled_execution_time.date() - timedelta(days=1)
    first_day = max(settings.first_day, yesterday - timedelta(days=settings.restate_days - 1))
    if first_day > yesterday:
        return dg.SkipReason(f"No day before today has been since the first partition, {settings.first_day}.")
    return dg.RunRequest(run_key=f"restated-{yesterday}", tags=range_tags(first_day, yesterday, "restated"))


@dg.sensor(
    job=documents_job,
    minimum_interval_seconds=INBOX_EVERY_SECONDS,
    description="Take in a day whose files changed and have been still for a minute. Past days: ASSAY_RESTATE_DAYS.",
)
def inbox(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    settings, today = load_settings(), datetime.now(UTC).date()
    watched = Watched.from_json(context.cursor)
    found = look(settings.active_sources, watched, today, days_back=settings.restate_days)
    for problem in found.problems:
        context.log.warning(problem)
    # Without a run key: a file that is moved away and back looks as it did before, and Dagster asks no key twice.
    requests = [
        dg.RunRequest(tags=range_tags(first, last, "inbox"))
        for first, last in ranges(day for day in found.ready if day >= settings.first_day)
    ]
    skipped = None if requests else dg.SkipReason("; ".join(found.problems) or "Nothing changed since the last look.")
    return dg.SensorResult(run_requests=requests, skip_reason=skipped, cursor=found.watched.to_json())


JOBS = [documents_job, *([events_job] if HAS_EVENTS else [])]
SCHEDULES = [documents_daily, documents_restated, *([events_daily, events_restated] if HAS_EVENTS else [])]
SENSORS = [
    inbox,
    dg.AutomationConditionSensorDefinition(
        "upkeep",
        target=dg.AssetSelection.groups("lake"),
        description="Runs the lake's upkeep when its condition holds.",
    ),
]

"""The project's definitions with a schedule that ticks every minute, so that a test sees a real tick of the daemon."""

import os
from datetime import date

import dagster as dg

from assets import definitions as project
from assets.automation import TRIGGER_TAG, documents_job, range_tags

TICKED_DAY = "TICKED_DAY"
TRIGGER = "every minute"


@dg.schedule(job=documents_job, cron_schedule="* * * * *", execution_timezone="UTC")
def every_minute(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """The run that `documents_daily` asks for, for the day that the test names; one tick is enough."""
    if context.instance.get_runs(dg.RunsFilter(tags={TRIGGER_TAG: TRIGGER})):
        return dg.SkipReason("It has ticked.")
    day = date.fromisoformat(os.environ[TICKED_DAY])
    return dg.RunRequest(tags=range_tags(day, day, TRIGGER))


defs = dg.Definitions.merge(project.defs, dg.Definitions(schedules=[every_minute]))

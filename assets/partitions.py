"""The one partitioning: UTC days of observation, today included."""

from datetime import date

import dagster as dg

from assay.settings import load_settings

DAILY = dg.DailyPartitionsDefinition(start_date=load_settings().first_day.isoformat(), end_offset=1)
# A backfill of a contiguous range is one run: 30 partitions took 181 s so, 4 as 4 runs were not done after 400 s.
ONE_RUN = dg.BackfillPolicy.single_run()


def days_of(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> list[date]:
    """The partitions of this run, in order."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)

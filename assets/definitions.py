"""Everything Dagster loads: assets, checks, what runs by itself, resources."""

import dagster as dg

from assets import bronze, gold, maintenance, marts, quality, releases, silver
from assets.automation import SCHEDULES, SENSORS, STALE_AFTER, documents_job
from assets.checks import STATE_CHECKS
from assets.day_checks import DAY_CHECKS
from assets.resources import RESOURCES

DOCUMENTS = dg.load_assets_from_modules([bronze, silver, quality, gold, marts, releases])
UPKEEP = dg.load_assets_from_modules([maintenance])

defs = dg.Definitions(
    assets=[
        *dg.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=STALE_AFTER), DOCUMENTS),
        *UPKEEP,
    ],
    asset_checks=[*DAY_CHECKS, *STATE_CHECKS],
    jobs=[documents_job],
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources=RESOURCES,
    # Steps share a process: heavy libraries are imported once, and four partitions run as one run, not four.
    executor=dg.in_process_executor,
)

"""Everything Dagster loads: assets, checks, what runs by itself, resources."""

import dagster as dg

from assets import maintenance
from assets.automation import JOBS, SCHEDULES, SENSORS, STALE_AFTER
from assets.halves import ASSET_CHECKS, DOCUMENT_ASSETS, EVENT_ASSETS
from assets.resources import RESOURCES

OF_DAYS = [*DOCUMENT_ASSETS, *EVENT_ASSETS]
UPKEEP = dg.load_assets_from_modules([maintenance])

defs = dg.Definitions(
    assets=[
        *dg.map_asset_specs(lambda spec: spec.replace_attributes(freshness_policy=STALE_AFTER), OF_DAYS),
        *UPKEEP,
    ],
    asset_checks=ASSET_CHECKS,
    jobs=JOBS,
    schedules=SCHEDULES,
    sensors=SENSORS,
    resources=RESOURCES,
    # Steps share a process: heavy libraries are imported once, and four partitions run as one run, not four.
    executor=dg.in_process_executor,
)

"""Everything Dagster loads: assets, checks, the job that runs them all, resources."""

import dagster as dg

from assets import bronze, gold, releases, silver
from assets.checks import CHECKS
from assets.resources import RESOURCES

documents_job = dg.define_asset_job(
    "documents",
    selection=dg.AssetSelection.all(),
    description="The whole document path: observe, parse, chunk, embed, gate, serve.",
)

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([bronze, silver, gold, releases]),
    asset_checks=CHECKS,
    jobs=[documents_job],
    resources=RESOURCES,
    # Steps share a process: heavy libraries are imported once, and four partitions run as one run, not four.
    executor=dg.in_process_executor,
)

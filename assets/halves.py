"""The two halves of the platform. Neither knows of the other; `ASSAY_EVENTS=` (empty) switches the second one off."""

import dagster as dg

from assay.settings import load_settings
from assets import bronze, events, features, gold, marts, quality, releases, silver
from assets.checks import STATE_CHECKS
from assets.day_checks import DAY_CHECKS
from assets.drift_checks import DRIFT_CHECKS
from assets.event_checks import EVENT_CHECKS
from assets.features import FEATURE_CHECKS

HAS_EVENTS = load_settings().events is not None

DOCUMENT_ASSETS = [*dg.load_assets_from_modules([bronze, silver, quality, gold, releases]), marts.document_marts]
EVENT_ASSETS = [*dg.load_assets_from_modules([events, features]), marts.event_marts] if HAS_EVENTS else []
ASSET_CHECKS = [*DAY_CHECKS, *STATE_CHECKS, *DRIFT_CHECKS, *([*EVENT_CHECKS, *FEATURE_CHECKS] if HAS_EVENTS else [])]

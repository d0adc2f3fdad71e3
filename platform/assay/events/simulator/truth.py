"""What must come out of the log, from what the simulator did: no record is parsed, no model's SQL is run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from assay.events.simulator.accepted import Accepted, accepted
from assay.events.simulator.arrays import Numbers
from assay.events.simulator.clocks import Writing
from assay.events.simulator.damage import DEFECTS, NO_DEFECT
from assay.events.simulator.delivery import Records
from assay.events.simulator.event_types import EVENT_TYPES
from assay.events.simulator.history import History
from assay.events.simulator.scenario import SECOND
from assay.events.simulator.true_billing import (
    billable_impressions,
    expected_invoice,
    impression_labels,
    impressions_daily,
)
from assay.events.simulator.true_creators import dim_creators
from assay.events.simulator.true_viewing import top_streams_by_category, viewer_sessions

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Truth:
    """The marts after some arrivals, with the columns of the models of the same names; rows in no order that matters.

    `events` is silver.events_deduplicated by event_id, event_type, event_ts (clamped) and event_day; `quarantined`
    counts the records of each reason.
    """

    events: pa.Table
    quarantined: Mapping[str, int]
    viewer_sessions: pa.Table
    dim_creators: pa.Table
    top_streams_by_category: pa.Table
    impressions_daily: pa.Table
    billable_impressions: pa.Table
    expected_invoice: pa.Table
    impression_labels: pa.Table


def truth(
    history: History,
    writing: Writing,
    records: Records,
    *,
    until: date | None,
    event_skew_seconds: float,
    invoice_time_zone: str,
) -> Truth:
    """Every mart after the arrivals up to and with `until`."""
    last_day = np.iinfo(np.int64).max if until is None else (until - _EPOCH).days
    arrived = records.arrival_day <= last_day
    whole = arrived & (records.defect == NO_DEFECT)
    skew = writing.event_ts[records.event] - records.available_at
    too_far_ahead = whole & (skew > round(event_skew_seconds * SECOND))
    facts = accepted(history, writing, records, whole & ~too_far_ahead)
    billable = billable_impressions(facts, invoice_time_zone)
    return Truth(
        events=_events(facts),
        quarantined=_quarantined(records.defect[arrived], int(too_far_ahead.sum())),
        viewer_sessions=viewer_sessions(facts),
        dim_creators=dim_creators(facts),
        top_streams_by_category=top_streams_by_category(facts),
        impressions_daily=impressions_daily(facts),
        billable_impressions=billable,
        expected_invoice=expected_invoice(billable),
        impression_labels=impression_labels(facts),
    )


def _events(facts: Accepted) -> pa.Table:
    return pa.table(
        {
            "event_id": facts.history.event_ids.take(pa.array(facts.event)),
            "event_type": pa.array(EVENT_TYPES).take(pa.array(facts.column("kind"))),
            "event_ts": facts.times(facts.event_ts),
            "event_day": facts.dates(facts.event_day),
        }
    )


def _quarantined(defect: Numbers, too_far_ahead: int) -> dict[str, int]:
    counts = np.bincount(defect, minlength=len(DEFECTS)).tolist()
    found = {**dict(zip(DEFECTS[1:], counts[1:], strict=True)), "clock_skew": too_far_ahead}
    return {reason: count for reason, count in sorted(found.items()) if count}

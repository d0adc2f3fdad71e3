"""The true counts of the ads, the true bill and the true labels."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.events.simulator.accepted import Accepted
from assay.events.simulator.arrays import Numbers
from assay.events.simulator.event_types import AD_CLICK, AD_IMPRESSION, IMPRESSION_DISPUTED
from assay.schema import TIMESTAMP

LABELS_ARRIVE_WITHIN = timedelta(days=3)


def impressions_daily(facts: Accepted) -> pa.Table:
    """Impressions and clicks, each by its own event day."""
    shown, clicked = facts.of(AD_IMPRESSION), facts.of(AD_CLICK)
    nothing = np.zeros(len(clicked.event), np.int64)
    parts = [
        _counted(shown, np.ones_like(shown.event), np.zeros_like(shown.event), shown.column("amount")),
        _counted(clicked, nothing, nothing + 1, nothing),
    ]
    sums = ["impressions", "clicks", "late_impressions", "amount_micros"]
    keys = ["event_day", "campaign_id", "creator_id"]
    totals = pa.concat_tables(parts).group_by(keys).aggregate([(name, "sum") for name in sums])
    return totals.rename_columns({f"{name}_sum": name for name in sums}).select([*keys, *sums])


def _counted(facts: Accepted, impressions: Numbers, clicks: Numbers, amount: Numbers) -> pa.Table:
    people = facts.history.people
    is_late = (facts.arrival_day > facts.event_day).astype(np.int64)
    return pa.table(
        {
            "event_day": facts.dates(facts.event_day),
            "campaign_id": facts.labels("campaign", people.campaign_ids),
            "creator_id": facts.labels("creator", people.creator_ids),
            "impressions": impressions,
            "clicks": clicks,
            "late_impressions": is_late * impressions,
            "amount_micros": amount,
        }
    )


def billable_impressions(facts: Accepted, time_zone: str) -> pa.Table:
    """Every impression that costs something, in the invoice period of its moment in `time_zone`."""
    shown = facts.of(AD_IMPRESSION)
    shown = shown.where(shown.column("amount") > 0)
    people = facts.history.people
    event_ts = facts.times(shown.event_ts)
    return pa.table(
        {
            "impression_id": facts.history.event_ids.take(pa.array(shown.event)),
            "campaign_id": shown.labels("campaign", people.campaign_ids),
            "creator_id": shown.labels("creator", people.creator_ids),
            "viewer_id": shown.labels("viewer", people.viewer_ids),
            "event_ts": event_ts,
            "event_day": facts.dates(shown.event_day),
            "invoice_period": _month(event_ts, time_zone),
            "price_micros": shown.column("amount"),
        }
    )


def _month(event_ts: pa.Array, time_zone: str) -> pa.Array:
    local = event_ts.cast(pa.timestamp("us", time_zone))
    return pc.call_function("strftime", [local], pc.StrftimeOptions("%Y-%m"))


def expected_invoice(billable: pa.Table) -> pa.Table:
    """The bill: a line per period and campaign."""
    keys = ["invoice_period", "campaign_id"]
    lines = billable.group_by(keys).aggregate([("price_micros", "count"), ("price_micros", "sum")])
    names = {"price_micros_count": "impressions", "price_micros_sum": "amount_micros"}
    return lines.rename_columns(names).select([*keys, *names.values()])


def impression_labels(facts: Accepted) -> pa.Table:
    """Which impressions were disputed, of those old enough for a dispute to have arrived."""
    shown, disputed = facts.of(AD_IMPRESSION), facts.of(IMPRESSION_DISPUTED)
    newest = int(facts.event_day.max(initial=0))
    shown = shown.where(shown.event_day <= newest - LABELS_ARRIVE_WITHIN.days)
    people = facts.history.people
    disputed_at = np.full(len(facts.history.events), -1, np.int64)
    disputed_at[disputed.column("impression")] = disputed.available_at
    found = disputed_at[shown.event]
    return pa.table(
        {
            "impression_id": facts.history.event_ids.take(pa.array(shown.event)),
            "viewer_id": shown.labels("viewer", people.viewer_ids),
            "creator_id": shown.labels("creator", people.creator_ids),
            "campaign_id": shown.labels("campaign", people.campaign_ids),
            "label_ts": facts.times(shown.event_ts),
            "event_day": facts.dates(shown.event_day),
            "is_disputed": pa.array(found >= 0),
            "disputed_at": pa.array(found, mask=found < 0).cast(TIMESTAMP),
        }
    )

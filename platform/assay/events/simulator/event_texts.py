"""The events as text: JSON by the version that each producer knows, with its damage."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assay.events.simulator.advertising import DISPUTE_REASONS
from assay.events.simulator.arrays import NOBODY, Flags, Numbers
from assay.events.simulator.clocks import Writing
from assay.events.simulator.damage import MALFORMED, cut_off, damaged
from assay.events.simulator.delivery import Records
from assay.events.simulator.event_types import AD_IMPRESSION, EVENT_TYPES, VIEWER_HEARTBEAT
from assay.events.simulator.history import History
from assay.events.simulator.people import DEVICES
from assay.events.simulator.scenario import NewVersion, Scenario
from assay.warehouse import engine, query


def event_texts(scenario: Scenario, history: History, writing: Writing, defect: Numbers) -> pa.StringArray:
    """The text of every event, before it is sent."""
    with engine({"events": _columns(scenario, history, writing)}) as connection:
        texts = query(connection, "assay.events.simulator", "event_texts.sql").column("event").combine_chunks()
    extra = _extra_fields(scenario, len(history.events))
    hit = np.flatnonzero((defect != 0) | extra)
    altered = [
        damaged(text, int(defect[number]), bool(extra[number]), number)
        for number, text in zip(hit.tolist(), texts.take(pa.array(hit)).to_pylist(), strict=True)
    ]
    return _replaced(texts, hit, altered)


def record_texts(texts: pa.StringArray, log: Records) -> pa.StringArray:
    """The text of every record: its event's, or what is left of it."""
    found = texts.take(pa.array(log.event))
    cut = np.flatnonzero(log.defect == MALFORMED)
    return _replaced(found, cut, [cut_off(text) for text in found.take(pa.array(cut)).to_pylist()])


def _columns(scenario: Scenario, history: History, writing: Writing) -> pa.Table:
    events, people, streams, profiles = history.events, history.people, history.streams, history.profiles
    category = np.where(events.profile != NOBODY, events.profile + len(streams.ids), events.stream)
    return pa.table(
        {
            "event_id": history.event_ids,
            "event_type": _labels(events.kind, EVENT_TYPES).cast(pa.string()),
            "schema_version": pa.array(_versions(scenario, history, writing)),
            "event_ts": pa.array(writing.event_ts).cast(pa.timestamp("us")),
            "viewer_id": _labels(events.viewer, people.viewer_ids),
            "creator_id": _labels(events.creator, people.creator_ids),
            "stream_id": _labels(events.stream, streams.ids),
            "campaign_id": _labels(events.campaign, people.campaign_ids),
            "impression_id": history.event_ids.take(_indexes(events.impression)),
            "amount": pa.array(events.amount),
            "device": _labels(np.where(events.viewer != NOBODY, people.device[events.viewer], NOBODY), DEVICES),
            "title": _labels(events.stream, streams.titles),
            "category": _labels(category, [*streams.categories, *(profile.category for profile in profiles)]),
            "display_name": _labels(events.profile, [profile.display_name for profile in profiles]),
            "tier": _labels(events.profile, [profile.tier for profile in profiles]),
            "country": _labels(events.profile, [profile.country for profile in profiles]),
            "is_active": pa.array([profile.is_active for profile in profiles]).take(_indexes(events.profile)),
            "reason": _labels(events.reason, DISPUTE_REASONS),
        }
    )


def _labels(indexes: Numbers, labels: Sequence[str]) -> pa.StringArray:
    return pa.array(labels, pa.string()).take(_indexes(indexes))


def _indexes(indexes: Numbers) -> pa.Int64Array:
    return pa.array(indexes, mask=indexes == NOBODY)


def _versions(scenario: Scenario, history: History, writing: Writing) -> Numbers:
    """2 from the moment on at which the producer took up the new version."""
    knobs = scenario.misbehaviours
    versions = np.ones(len(history.events), np.int64)
    for kind, change in ((VIEWER_HEARTBEAT, knobs.renamed_field), (AD_IMPRESSION, knobs.changed_type)):
        versions[(history.events.kind == kind) & _takes_part(scenario, change, kind, history, writing)] = 2
    return versions


def _takes_part(scenario: Scenario, change: NewVersion, kind: int, history: History, writing: Writing) -> Flags:
    updated = scenario.random(f"version {kind}").random(int(writing.producer.max()) + 1) < change.rate
    moment = scenario.start_us + round(change.after * (scenario.end_us - scenario.start_us))
    return updated[writing.producer] & (history.events.at >= moment) & change.on


def _extra_fields(scenario: Scenario, count: int) -> Flags:
    knob = scenario.misbehaviours.extra_fields
    return (scenario.random("extra fields").random(count) < knob.rate) & knob.on


def _replaced(texts: pa.StringArray, places: Numbers, others: list[str]) -> pa.StringArray:
    mask = np.zeros(len(texts), np.bool_)
    mask[places] = True
    return pc.call_function("replace_with_mask", [texts, pa.array(mask), pa.array(others, pa.string())])

"""Ads that are shown, clicked and, days later, disputed: what a model of disputes may learn, and what it must not see."""

import numpy as np

from assay.events.simulator.arrays import Events, events_of, numbers
from assay.events.simulator.event_types import AD_CLICK, AD_IMPRESSION, IMPRESSION_DISPUTED
from assay.events.simulator.people import People
from assay.events.simulator.scenario import DAY, SECOND, Scenario

DISPUTE_REASONS = ("not_viewable", "automated_traffic", "wrong_audience")


def impressions(scenario: Scenario, people: People, beats: Events) -> Events:
    """Within ten seconds of a heartbeat; a campaign's price varies by a tenth."""
    random = scenario.random("impressions")
    source = np.flatnonzero(random.random(len(beats)) < scenario.viewers.impressions_per_heartbeat)
    weight = people.campaign_weight / people.campaign_weight.sum()
    campaign = random.choice(len(weight), len(source), p=weight)
    return events_of(
        AD_IMPRESSION,
        beats.at[source] + random.integers(0, 10 * SECOND, len(source)),
        viewer=beats.viewer[source],
        stream=beats.stream[source],
        creator=beats.creator[source],
        campaign=campaign,
        amount=numbers(people.price_micros[campaign] * random.uniform(0.9, 1.1, len(source))),
    )


def clicks(scenario: Scenario, people: People, shown: Events) -> Events:
    """Seconds after the impression. Impressions must be the first of all events: a place in `shown` is an event number."""
    random = scenario.random("clicks")
    source = np.flatnonzero(random.random(len(shown)) < people.click_rate[shown.viewer])
    return events_of(
        AD_CLICK,
        shown.at[source] + random.integers(SECOND, 8 * SECOND, len(source)),
        viewer=shown.viewer[source],
        stream=shown.stream[source],
        creator=shown.creator[source],
        campaign=shown.campaign[source],
        impression=source,
    )


def disputes(scenario: Scenario, people: People, shown: Events) -> Events:
    """Days after the impression: most are of bots and of viewers who began to make a habit of it."""
    random = scenario.random("disputes")
    knobs = scenario.disputes
    habit = shown.at >= people.disputes_from[shown.viewer]
    rate = np.where(habit, people.dispute_rate[shown.viewer], knobs.base_rate)
    source = np.flatnonzero(random.random(len(shown)) < rate)
    reason = random.integers(0, len(DISPUTE_REASONS), len(source))
    return events_of(
        IMPRESSION_DISPUTED,
        shown.at[source] + numbers(random.uniform(*knobs.delay_days, len(source)) * DAY),
        campaign=shown.campaign[source],
        impression=source,
        reason=np.where(people.is_bot[shown.viewer[source]], 1, reason),
    )

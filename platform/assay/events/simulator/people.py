"""Who takes part: creators, viewers with their habits, and campaigns with their prices."""

from dataclasses import dataclass

import numpy as np

from assay.events.simulator.arrays import Flags, Floats, Numbers, log_uniform, numbers
from assay.events.simulator.scenario import Scenario

DEVICES = ("phone", "tablet", "desktop", "tv")
_FAVOURITES = 3  # creators per viewer


@dataclass(frozen=True)
class People:
    """A column per habit; creators, viewers and campaigns are known by their index."""

    creator_ids: list[str]
    viewer_ids: list[str]
    campaign_ids: list[str]
    popularity: Floats
    activity: Floats
    chats: Floats
    favourites: Numbers
    device: Numbers
    is_bot: Flags
    click_rate: Floats
    dispute_rate: Floats
    disputes_from: Numbers
    campaign_weight: Floats
    price_micros: Numbers


def people(scenario: Scenario) -> People:
    """Popularity and activity have long tails: a few creators have most viewers, a few viewers watch all day."""
    random = scenario.random("people")
    creators, viewers, campaigns = scenario.creators.count, scenario.viewers.count, scenario.campaigns.count
    ranks = random.permutation(viewers)
    is_disputer = ranks < _of(scenario.disputes.disputer_rate, viewers)
    ring = scenario.misbehaviours.bot_ring
    is_bot = (ranks >= viewers - _of(ring.rate, viewers)) & ring.on
    disputes = scenario.disputes
    dispute_rate = np.where(is_disputer, disputes.disputer_dispute_rate, disputes.base_rate)
    began = random.integers(scenario.start_us, scenario.start_us + (scenario.end_us - scenario.start_us) // 2, viewers)
    prices = numbers(log_uniform(random, scenario.campaigns.price_micros, campaigns))
    prices[campaigns - scenario.campaigns.free :] = 0
    return People(
        creator_ids=[f"c{number:03d}" for number in range(creators)],
        viewer_ids=[f"v{number:05d}" for number in range(viewers)],
        campaign_ids=[f"campaign-{number:02d}" for number in range(campaigns)],
        popularity=random.permutation(1.0 / np.arange(1, creators + 1) ** 0.8),
        activity=random.lognormal(0.0, 1.1, viewers),
        chats=random.lognormal(-0.5, 1.0, viewers),
        favourites=random.integers(0, creators, (viewers, _FAVOURITES)),
        device=random.choice(len(DEVICES), viewers, p=[0.45, 0.1, 0.3, 0.15]),
        is_bot=is_bot,
        click_rate=np.where(
            is_bot, ring.click_rate, scenario.viewers.click_rate * random.lognormal(-0.3, 0.8, viewers)
        ),
        dispute_rate=np.where(is_bot, ring.dispute_rate, dispute_rate),
        disputes_from=np.where(is_disputer & ~is_bot, began, scenario.start_us),
        campaign_weight=random.lognormal(0.0, 0.6, campaigns),
        price_micros=prices,
    )


def _of(rate: float, count: int) -> int:
    """So many of `count`, and at least one: a small scenario has its disputer and its bot too."""
    return max(1, round(rate * count)) if rate else 0

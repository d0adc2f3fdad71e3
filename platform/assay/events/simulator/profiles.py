"""How the creators' profiles change: corrections that come late, two changes of one moment, closed accounts."""

from dataclasses import dataclass, replace

import numpy as np

from assay.events.simulator.arrays import Events, events_of, numbers
from assay.events.simulator.event_types import CREATOR_UPDATED
from assay.events.simulator.people import People
from assay.events.simulator.scenario import DAY, SECOND, Scenario

TIERS = ("basic", "affiliate", "partner")
_FIRST_NAMES = ("Ada", "Björn", "Chloé", "Dmitri", "Emeka", "Fatima", "Grażyna", "Hiro", "Ines", "João", "Kaya", "Lê")
_LAST_NAMES = ("plays", "cooks", "sings", "codes", 'paints "live"', "talks", "rides", "bakes", "builds")


@dataclass(frozen=True)
class Profile:
    """A creator as one update describes it, whole. `held_back` is how long the update waits before it is sent."""

    creator: int
    at: int
    held_back: int
    display_name: str
    category: str
    tier: str
    country: str
    is_active: bool


def profiles(scenario: Scenario, people: People) -> list[Profile]:
    """Every update of every creator, the first of each at the scenario's start."""
    random = scenario.random("profiles")
    return [profile for creator in range(len(people.creator_ids)) for profile in _career(scenario, random, creator)]


def _career(scenario: Scenario, random: np.random.Generator, creator: int) -> list[Profile]:
    knobs = scenario.creators
    name = f"{_FIRST_NAMES[creator % len(_FIRST_NAMES)]} {_LAST_NAMES[creator // len(_FIRST_NAMES) % len(_LAST_NAMES)]}"
    current = Profile(
        creator=creator,
        at=scenario.start_us + int(random.integers(SECOND, 600 * SECOND)),
        held_back=0,
        display_name=name,
        category=str(random.choice(knobs.categories)),
        tier=str(random.choice(TIERS, p=[0.5, 0.3, 0.2])),
        country=str(random.choice(knobs.countries)),
        is_active=True,
    )
    career = [current]
    count = int(random.poisson(knobs.updates_per_week * scenario.days / 7))
    for at in sorted(random.integers(scenario.start_us + DAY // 24, scenario.end_us, count).tolist()):
        late = random.random() < knobs.late_correction_rate
        held_back = int(random.integers(DAY, 3 * DAY)) if late else 0
        unchanged = random.random() < knobs.unchanged_rate
        current = replace(current if unchanged else _changed(scenario, random, current), at=at, held_back=held_back)
        career.append(current)
        if random.random() < knobs.same_moment_rate:
            current = replace(
                _changed(scenario, random, current), held_back=held_back + int(random.integers(SECOND, DAY))
            )
            career.append(current)
    if random.random() < knobs.deactivation_rate:
        closed_at = int(random.integers((scenario.start_us + scenario.end_us) // 2, scenario.end_us))
        career = [profile for profile in career if profile.at < closed_at]
        career.append(replace(career[-1], at=closed_at, held_back=0, is_active=False))
    return career


def _changed(scenario: Scenario, random: np.random.Generator, profile: Profile) -> Profile:
    knobs = scenario.creators
    field = str(random.choice(["display_name", "category", "tier", "country"], p=[0.3, 0.3, 0.25, 0.15]))
    values = {
        "display_name": [profile.display_name.removesuffix(" ✓"), f"{profile.display_name.removesuffix(' ✓')} ✓"],
        "category": knobs.categories,
        "tier": TIERS,
        "country": knobs.countries,
    }[field]
    others = [value for value in values if value != getattr(profile, field)]
    return replace(profile, **{field: str(random.choice(others))})


def creator_updates(updates: list[Profile]) -> Events:
    """An event per update."""
    return events_of(
        CREATOR_UPDATED,
        numbers([update.at for update in updates]),
        creator=numbers([update.creator for update in updates]),
        profile=np.arange(len(updates)),
        held_back=numbers([update.held_back for update in updates]),
    )

"""Drift is what ranges cannot see, and small samples are no drift."""

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import ks_2samp
from view_days import DAY, day_of, view_of

from assay.event_tables import FeatureDriftRow
from assay.features.distribution_distances import kolmogorov_smirnov, population_stability_index
from assay.features.drift import FEATURE_DRIFT, first_rows, measure, reference_day, unusual_days


@pytest.mark.parametrize("seed", range(20))
def test_the_distance_is_scipys(seed: int) -> None:
    random = np.random.default_rng(seed)
    one = np.round(random.lognormal(size=random.integers(1, 300)), random.integers(0, 3))  # with ties
    other = np.round(random.lognormal(seed % 3 * 0.3, size=random.integers(1, 300)), 1)
    assert kolmogorov_smirnov(one, other) == pytest.approx(ks_2samp(one, other).statistic, abs=1e-12)


def test_the_index_is_its_formula() -> None:
    reference = np.arange(1.0, 101.0)
    assert population_stability_index(reference, reference) == 0
    # Nine deciles empty and one full: 9 (.0001 - .1) ln(.0001 / .1) + (1 - .1) ln(1 / .1).
    zeros = np.zeros(50)
    assert population_stability_index(zeros, reference) == pytest.approx(
        9 * (1e-4 - 0.1) * np.log(1e-4 / 0.1) + 0.9 * np.log(10), rel=1e-9
    )
    halves = np.concatenate([np.zeros(90), np.ones(10)])  # all deciles are 0: two bins
    assert population_stability_index(np.concatenate([np.zeros(45), np.ones(55)]), halves) == pytest.approx(
        (0.45 - 0.9) * np.log(0.45 / 0.9) + (0.55 - 0.1) * np.log(0.55 / 0.1), rel=1e-9
    )


def drifted(today: pa.Table, before: pa.Table) -> bool:
    rows = measure(view_of("creator_activity"), DAY, first_rows(today), DAY - timedelta(1), first_rows(before))
    return bool(unusual_days(FEATURE_DRIFT.rows(rows)))


@pytest.mark.parametrize("entities", [12, 60, 1_000])
def test_days_of_the_same_entities_do_not_warn(entities: int) -> None:
    days = [day_of(DAY + timedelta(n), entities=entities) for n in range(4)]
    assert not any(drifted(today, before) for before, today in pairwise(days))


@pytest.mark.parametrize("entities", [60, 1_000])
@pytest.mark.parametrize("fault", ["doubled", "zeroed", "half of the entities gone"])
def test_a_planted_fault_warns(entities: int, fault: str) -> None:
    before, today = day_of(DAY - timedelta(1), entities=entities), day_of(DAY, entities=entities)
    if fault == "half of the entities gone":
        faulty = today.filter(pa.array([int(name[1:]) % 2 == 0 for name in today["creator_id"].to_pylist()]))
    else:
        values = today["viewer_minutes_7d"].to_numpy() * (2 if fault == "doubled" else 0)
        place = today.column_names.index("viewer_minutes_7d")
        faulty = today.set_column(place, "viewer_minutes_7d", pa.array(values))
    assert drifted(faulty, before)


def test_a_zeroed_value_of_a_dozen_entities_warns_and_of_a_handful_nobody_can_tell() -> None:
    for entities, warns in ((12, True), (9, False)):
        before, today = day_of(DAY - timedelta(1), entities=entities), day_of(DAY, entities=entities)
        place = today.column_names.index("viewer_minutes_7d")
        zeros = pa.array([0.0] * today.num_rows)
        assert drifted(today.set_column(place, "viewer_minutes_7d", zeros), before) is warns


def test_corrections_and_tombstones_are_no_part_of_a_distribution() -> None:
    today = day_of(DAY, entities=20)
    corrections = today.set_column(today.column_names.index("seq"), today.field("seq"), pa.array([1] * today.num_rows))
    assert first_rows(pa.concat_tables([today, corrections])).num_rows == today.num_rows


def test_the_reference_is_the_last_good_day_once_windows_are_full() -> None:
    view = view_of("creator_activity")  # windows of 7 days
    days = [DAY + timedelta(n) for n in range(20)]

    def reference(number: int, *unusual: int) -> int | None:
        found = reference_day(view, days[number], days, [days[one] for one in unusual])
        return None if found is None else days.index(found)

    assert [reference(number) for number in range(10)] == [None] * 8 + [7, 8]
    assert reference(12, 11) == 10
    assert reference(12, 11, 10, 9) == 8
    assert reference(16, *range(9, 16)) == 15, "what lasted a week is what is usual"
    late = [days[0], *days[5:]]
    assert reference_day(view, days[13], [one for one in late if one != days[12]], []) == days[11]


def test_no_measure_is_given_while_nothing_is_known() -> None:
    rows = measure(view_of("creator_activity"), DAY, day_of(DAY, entities=20), None, None)
    assert {row.value for row in rows} == {
        value.name for value in view_of("creator_activity").values if value.has_drift
    }  # fmt: skip
    assert all(isinstance(row, FeatureDriftRow) and row.psi is row.ks is row.reference_day is None for row in rows)
    assert unusual_days(FEATURE_DRIFT.rows(rows)) == set()
    assert date(2026, 11, 1) not in unusual_days(FEATURE_DRIFT.empty())

"""Two models of the same labels, one trained on what was known at the time and one on what is known now, compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from assay.errors import NotReady
from assay.features.dispute_model import Columns, alone, score, train
from assay.features.roc_auc import Booleans, Estimate, Floats, Integers, estimates

# The split lies behind this share of the labels: a model is asked about what comes after it was made.
TRAINED_SHARE = 0.6
# A feature is said to leak when by itself it has this much more AUC than its honest value: chance stays well below it.
LEAKS_FROM = 0.1
# A dispute takes up to three days: of the labels of the last days before the split nobody knew the truth at the split.
LABEL_DELAY = timedelta(days=3)


@dataclass(frozen=True)
class FeatureNote:
    """What one feature by itself tells of the truth, as an AUC on the tested labels: its honest and its naive value.

    `differs` is the share of these labels for which the two values differ.
    """

    name: str
    point_in_time: float
    leaky: float
    differs: float

    @property
    def leaks(self) -> bool:
        return self.leaky - self.point_in_time >= LEAKS_FROM


@dataclass(frozen=True)
class Comparison:
    """The AUCs of both models on the tested labels, and of the leaky one where it is given honest values.

    The last is what production would see of it; `gap` is what it promises beyond that.
    """

    labels: int
    disputed: int
    trained_on: int
    tested_on: int
    tested_from: datetime
    point_in_time: Estimate
    leaky: Estimate
    leaky_when_served: Estimate
    gap: Estimate
    features: tuple[FeatureNote, ...]

    @property
    def leaking(self) -> tuple[str, ...]:
        return tuple(note.name for note in self.features if note.leaks)


def compare(
    honest: pa.Table, leaky: pa.Table, features: Sequence[str], *, truth: str, label_time: str, cluster: str
) -> Comparison:
    """Train a model on each of two tables of the same labels, in the order of their time, and measure both.

    Trained on the labels that were old enough at the split, tested on those after it. `features` are columns of both tables,
    `truth` is boolean; rows of one `cluster` are resampled together. Raises NotReady where either part of the labels is all
    of one kind.
    """
    disputed = honest[truth].to_numpy(zero_copy_only=False).astype(np.bool_)
    trained, first = _split(honest[label_time].cast(pa.int64()).to_numpy())
    if any(len(np.unique(part)) < 2 for part in (disputed[:trained], disputed[first:])):
        raise NotReady(
            f"{len(disputed)} labels are there, {int(disputed.sum())} of them positive: too few to train on the earlier and "
            "test on the later ones. No model was trained. Take in more days with `assay demo`."
        )
    columns = Columns.of(honest.slice(0, trained), features)
    known, naive = columns.values(honest), columns.values(leaky)
    honest_model, leaky_model = (
        train(values[:trained], disputed[:trained], columns.is_category) for values in (known, naive)
    )
    found = estimates(
        {
            "point_in_time": score(honest_model, known[first:]),
            "leaky": score(leaky_model, naive[first:]),
            "leaky_when_served": score(leaky_model, known[first:]),
        },
        disputed[first:],
        _numbered(honest[cluster].slice(first)),
        {"gap": ("leaky", "leaky_when_served")},
    )
    return Comparison(
        labels=len(disputed),
        disputed=int(disputed.sum()),
        trained_on=trained,
        tested_on=len(disputed) - first,
        tested_from=honest[label_time][first].as_py(),
        features=_notes(columns, known[first:], naive[first:], disputed[first:]),
        **found,
    )


def _split(times: Integers) -> tuple[int, int]:
    """How many of the labels, sorted by their time in microseconds, are trained on, and the first that is tested on."""
    if not len(times):
        return 0, 0
    split = int(np.quantile(times, TRAINED_SHARE, method="lower"))
    known = split - LABEL_DELAY // timedelta(microseconds=1)
    trained, first = np.searchsorted(times, [known, split], side="right")
    return int(trained), int(first)


def _numbered(column: pa.ChunkedArray) -> Integers:
    return column.combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64)


def _notes(columns: Columns, known: Floats, naive: Floats, truth: Booleans) -> tuple[FeatureNote, ...]:
    """A note per feature, what leaks most first."""
    notes = [
        FeatureNote(
            name=name,
            point_in_time=alone(known[:, place], truth, is_category),
            leaky=alone(naive[:, place], truth, is_category),
            differs=float((~_same(known[:, place], naive[:, place])).mean()),
        )
        for place, (name, is_category) in enumerate(zip(columns.names, columns.is_category, strict=True))
    ]
    return tuple(sorted(notes, key=lambda note: (note.point_in_time - note.leaky, note.name)))


def _same(one: Floats, other: Floats) -> Booleans:
    return (one == other) | (np.isnan(one) & np.isnan(other))

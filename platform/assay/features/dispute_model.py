"""A small model of which impressions are disputed: gradient boosted trees over a training set's columns.

The same rows give the same model, bit for bit: one thread, one seed, no early stopping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from assay.features.roc_auc import Booleans, Floats, roc_auc

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Shallow and few: a lesson to be trained with every demo, in seconds, not a contest.
TREES = 60
LEAVES = 8
ROWS_PER_LEAF = 40
LEARNING_RATE = 0.1
# A text with more values than this names things, it does not sort them into kinds: display names, ids.
MOST_CATEGORIES = 64


@dataclass(frozen=True)
class Columns:
    """What a model reads of a table: the columns by name, those of text with the values it knows."""

    names: tuple[str, ...]
    categories: Mapping[str, Sequence[str]]

    @staticmethod
    def of(rows: pa.Table, names: Sequence[str]) -> "Columns":
        """Numbers, booleans and texts of few values among `names`, as they stand in `rows`."""
        categories: dict[str, Sequence[str]] = {}
        for name in names:
            if _is_text(rows.schema.field(name).type):
                categories[name] = sorted(value for value in pc.unique(rows[name]).to_pylist() if value is not None)
        kept = [
            name
            for name in names
            if _is_number(rows.schema.field(name).type) or 0 < len(categories.get(name, ())) <= MOST_CATEGORIES
        ]
        return Columns(tuple(kept), {name: known for name, known in categories.items() if name in kept})

    def values(self, rows: pa.Table) -> Floats:
        """The columns as numbers, a row each: a text by its place among the known values, NaN where there is none."""
        return np.column_stack([self._column(rows, name) for name in self.names])

    @property
    def is_category(self) -> Booleans:
        return np.array([name in self.categories for name in self.names])

    def _column(self, rows: pa.Table, name: str) -> Floats:
        column: Any = rows[name]
        if name in self.categories:
            column = pc.index_in(column, pa.array(self.categories[name], column.type))
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)


def train(values: Floats, truth: Booleans, is_category: Booleans) -> Any:
    """A fitted scikit-learn classifier; `score` asks it."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    classifier: Any = HistGradientBoostingClassifier  # its annotations follow from its defaults, which are texts
    model = classifier(
        max_iter=TREES,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=ROWS_PER_LEAF,
        learning_rate=LEARNING_RATE,
        categorical_features=is_category,
        early_stopping=False,
        random_state=0,
    )
    empty = np.isnan(values).all(axis=0)  # scikit-learn makes no bins of nothing
    with threadpool_limits(1):  # sums over several threads differ in their last bits
        return model.fit(np.where(empty, 0.0, values), truth)


def score(model: Any, values: Floats) -> Floats:
    """How likely each row is disputed, in the model's opinion."""
    return model.predict_proba(values)[:, 1]


def alone(values: Floats, truth: Booleans, is_category: bool) -> float:
    """How far one column by itself tells the disputed from the rest: an AUC from .5 (not at all) to 1, either way round.

    A category counts by how often it was disputed, an absent value as a kind of its own, below all others.
    """
    if is_category:
        kinds, places = np.unique(values, return_inverse=True)
        disputed = np.bincount(places, truth, len(kinds)) / np.bincount(places, minlength=len(kinds))
        values = disputed[places]
    area = roc_auc(np.nan_to_num(values, nan=-np.inf), truth)
    return max(area, 1 - area)


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)

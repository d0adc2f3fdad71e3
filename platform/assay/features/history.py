"""What a timeline is made of: a log's distinct rows as they arrived, their order by key and time, and which of them held."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.features.entity_keys import Codes, EntityKeys, key_column
from assay.features.intervals import Intervals
from assay.features.log_columns import AVAILABLE_AT, EVENT_TIME
from assay.features.row_order import ByKey, Places, distinct_order, integers, starts_of, visible_from


@dataclass(frozen=True)
class History:
    """`stored` are rows as `LogColumns.conform` makes them; `order` and `served` number them."""

    entity: tuple[str, ...]
    stored: pa.Table
    keys: EntityKeys
    order: ByKey
    served: Intervals

    @classmethod
    def of(cls, rows: pa.Table, entity: tuple[str, ...]) -> "History":
        """The history of a whole log. Raises ConfigurationError for rows that contradict each other."""
        keys, codes = _keys_and_codes(rows, entity)
        order = distinct_order(rows, codes)
        if len(order) < rows.num_rows:
            distinct = np.sort(order)
            rows, codes, order = rows.take(distinct), codes[distinct], np.searchsorted(distinct, order)
        codes = codes[order]
        by_key = ByKey.of(order, codes, len(keys))
        return cls(entity, rows, keys, by_key, Intervals.of(rows, order, codes, len(keys)))

    def known_by(self, moment: int) -> Intervals:
        """Which row held when, of those known at `moment`, in microseconds: as if nothing had come since."""
        known = integers(self.stored, AVAILABLE_AT)[self.order.places] <= moment
        return Intervals.of(self.stored, self.order.places[known], self.order.codes[known], len(self.keys))

    def extended(self, added: pa.Table) -> "History":
        """The history of these rows and `added`, equal to that of all of them compiled anew.

        Compiled is only what changes. A key all of whose new rows are later than its old ones brings its head along, for
        the new ones to follow; a key that gets an earlier row brings all of its rows along, and loses what it had.
        """
        if not self.stored.num_rows:
            return History.of(added, self.entity)
        old = self.order
        one_of_each = self.stored.select(self.entity).take(old.places[old.starts[:-1]])
        keys, codes = _keys_and_codes(_together(one_of_each, added.select(self.entity)), self.entity)
        moved, codes = codes[: len(self.keys)], codes[len(self.keys) :]
        again = self._compiled_again(moved, codes, added, len(keys))
        follows = np.zeros(len(keys), np.bool_)
        follows[codes] = True
        follows = (follows & ~again)[moved]

        # What is compiled: all rows of late keys, the heads of those that go on, and the new rows, in that order.
        late = again[moved]
        heads = self.served.rows.places[self.served.rows.starts[1:] - 1][follows]
        brought = np.concatenate([old.places[np.repeat(late, old.counts)], heads])
        part = _together(self.stored.take(brought), added)
        part_codes = np.concatenate([np.repeat(moved[late], old.counts[late]), moved[follows], codes])
        part_order = distinct_order(part, part_codes)
        part_held = Intervals.of(part, part_order, part_codes[part_order], len(keys))

        # Of the part's rows, where each lies among the stored ones; new rows that repeat an old one are not stored.
        fresh = np.sort(part_order[part_order >= len(brought)])
        place = np.concatenate([brought, np.zeros(len(codes), np.int64)])
        place[fresh] = self.stored.num_rows + np.arange(len(fresh))
        is_head = np.zeros(len(place), np.bool_)
        is_head[len(brought) - len(heads) : len(brought)] = True

        # Heads are in the history already.
        new = part_order[~is_head[part_order]]
        order = _Splice.of(old, moved, again, part_codes[new])
        held_on = ~is_head[part_held.rows.places]
        held = part_held.rows.places[held_on]
        served = _Splice.of(self.served.rows, moved, again, part_codes[held])
        return History(
            self.entity,
            _together(self.stored, added.take(fresh - len(brought))),
            keys,
            ByKey(order.put(old.places, place[new]), order.starts),
            Intervals(
                ByKey(served.put(self.served.rows.places, place[held]), served.starts),
                served.put(self.served.valid_from, part_held.valid_from[held_on]),
            ),
        )

    def _compiled_again(self, moved: Codes, codes: Codes, added: pa.Table, keys: int) -> NDArray[np.bool_]:
        """Which keys get a row that is not later than all they have; old keys are now numbered as `moved` says."""
        latest = np.full(keys, np.iinfo(np.int64).min)
        times = self.stored.select([EVENT_TIME, AVAILABLE_AT])
        latest[moved] = visible_from(times.take(self.order.places[self.order.starts[1:] - 1]))
        again = np.zeros(keys, np.bool_)
        again[codes[visible_from(added) <= latest[codes]]] = True
        return again


@dataclass(frozen=True)
class _Splice:
    """How numbers by key become those of a grown history: some keys' are dropped, new ones put behind each key's rest."""

    stays: NDArray[np.bool_]
    at: Places
    starts: Places

    @classmethod
    def of(cls, old: ByKey, moved: Codes, dropped: NDArray[np.bool_], new_codes: Codes) -> "_Splice":
        """Old keys are now numbered as `moved` says; `dropped` and `new_codes`, which are sorted, count in new numbers."""
        counts = np.zeros(len(dropped), np.int64)
        counts[moved] = np.where(dropped[moved], 0, old.counts)
        added = np.bincount(new_codes, minlength=len(dropped))
        stays = np.repeat(~dropped[moved], old.counts)
        return cls(stays, starts_of(counts)[new_codes + 1], starts_of(counts + added))

    def put(self, old: NDArray[np.int64], new: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.insert(old[self.stays], self.at, new)


def _keys_and_codes(rows: pa.Table, entity: tuple[str, ...]) -> tuple[EntityKeys, Codes]:
    return EntityKeys.of([key_column(rows.column(name), name, "the log") for name in entity])


def _together(one: pa.Table, other: pa.Table) -> pa.Table:
    """A column that held only nulls so far takes the other's type."""
    return pa.concat_tables([one, other], promote_options="default")

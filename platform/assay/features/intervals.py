"""For each key, which row of the log held from when on: what the slowly changing table of a timeline is made of.

A key's rows are gone through in the order in which they became visible; one is kept only if its
`(event_ts, available_at, seq)` is the greatest so far. An older event that becomes known late is never the newest, so it
is never found: the rows kept hold one after another without gaps, and one number decides which one a moment sees.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assay.features.entity_keys import UNKNOWN, Codes
from assay.features.log_columns import EVENT_TIME
from assay.features.row_order import ByKey, Micros, Places, integers, packed, visible_from


@dataclass(frozen=True)
class Intervals:
    """The rows that held, by key; each from `valid_from` on, until the next of its key."""

    rows: ByKey
    valid_from: Micros

    @classmethod
    def of(cls, log: pa.Table, order: Places, codes: Codes, keys: int) -> "Intervals":
        """`order` are distinct rows of `log` as `distinct_order` gives them, `codes` the number of each one's key."""
        since = visible_from(log)[order]
        # Of one key's rows with equal event_ts the later in order has the greater (available_at, seq).
        by_event = packed(codes, integers(log, EVENT_TIME)[order])
        newest = np.flatnonzero(by_event == np.maximum.accumulate(by_event))
        codes, since = codes[newest], since[newest]
        last = np.ones(len(newest), np.bool_)
        last[:-1] = (codes[1:] != codes[:-1]) | (since[1:] != since[:-1])  # two at one moment: the greater holds
        return cls(ByKey.of(order[newest][last], codes[last], keys), since[last])

    def found(self, codes: Codes, moments: Micros) -> Places:
        """The row of the log that held for a key at a moment, its first moment included; UNKNOWN where none did."""
        if not len(self.valid_from):
            return np.full(len(codes), UNKNOWN, np.int64)
        known = np.where(codes >= 0, codes, 0)
        first = self.rows.starts[known]
        end = np.where(codes >= 0, self.rows.starts[known + 1], first)
        place = first.copy()
        longest = int((end - first).max(initial=0))
        # Every label halves its own key's rows: as many steps as the longest key asks for.
        step = 1 << longest.bit_length() >> 1
        while step:
            further = place + step
            fits = further <= end
            fits &= self.valid_from[np.minimum(further, end) - 1] <= moments
            place += step * fits
            step >>= 1
        return np.where(place > first, self.rows.places[place - 1], UNKNOWN)

    def valid_to(self) -> tuple[Micros, NDArray[np.bool_]]:
        """When the next row of the same key took over, and which rows hold to this day: their moment means nothing."""
        until = np.roll(self.valid_from, -1)
        current = np.zeros(len(until), np.bool_)
        current[self.rows.starts[1:][self.rows.counts > 0] - 1] = True
        return until, current

"""Whether a text is a table of delimited values (CSV, TSV), and by what its values are parted."""

import csv
import io
from collections import Counter

_DELIMITERS = ",\t;|"
_WINDOW_CHARACTERS = 64 * 1024
_MAX_WINDOW_ROWS = 1000
# A file that is named as a table may have rows that are too long or too short.
_LEAST_SHARE_NAMED = 0.6
_LEAST_ROWS_UNNAMED = 4
_LEAST_COLUMNS_UNNAMED = 3
# Clauses of prose are longer than values, and a space follows the comma before them.
_LONGEST_MEAN_UNNAMED = 40


def find_delimiter(text: str, *, is_named: bool) -> str | None:
    """The delimiter by which most rows have the same number of values, at least two; None for what is no table.

    `is_named` says that name or media type promise a table. Otherwise every row must have the same number, three or
    more, of short values, none of which begins with a space.
    """
    window = text[:_WINDOW_CHARACTERS]
    if len(text) > len(window):
        window = window.rpartition("\n")[0] or window
    best: tuple[float, int, str] | None = None
    for delimiter in _DELIMITERS:
        if delimiter not in window:
            continue
        rows = _rows(window, delimiter)
        counts = Counter(map(len, rows))
        columns, same = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        share = same / len(rows) if rows else 0.0
        if columns < 2 or share < _LEAST_SHARE_NAMED or (not is_named and not _is_plainly(rows, columns, share)):
            continue
        # The first of two equals wins: a comma before what is rarer.
        if best is None or (share, columns) > best[:2]:
            best = (share, columns, delimiter)
    return best[2] if best else None


def _rows(text: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(value.strip() for value in row):
                rows.append(row)
            if len(rows) >= _MAX_WINDOW_ROWS:
                break
    except csv.Error:  # a value longer than 131,072 characters: an open quote
        return []
    return rows


def _is_plainly(rows: list[list[str]], columns: int, share: float) -> bool:
    if share < 1 or len(rows) < _LEAST_ROWS_UNNAMED or columns < _LEAST_COLUMNS_UNNAMED:
        return False
    if any(value.startswith(" ") for row in rows for value in row):
        return False
    return sum(len(value) for row in rows for value in row) <= _LONGEST_MEAN_UNNAMED * columns * len(rows)

"""How unusual a row of quality/volumes is: derived columns, each a value of the day in units of what is usual.

Null, so that nothing is expected of it, where too few days are known for a usual value, and for what is never unusual:
small counts, which chance alone makes twice or half.
"""

from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

Column: TypeAlias = pa.Array | pa.ChunkedArray

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

# Where 10 files a day arrive by chance, one day in 14 brings half or twice the usual. That, and 15 files off besides, is
# seen at the worst of all rates (30 a day) on one day in 513.
FEW_FILES = 15
# The mean length of 20 texts drawn from 3,088 real documents was half or twice theirs in one of 1,250 draws; of 10 texts,
# in one of 70.
FEW_TEXTS = 20
# Shares that count as usual even where there are none on most days. Real churn is bursty: 0 on the median day, 20 to 25% on
# the worst (25.3% of 3,088 pages between two releases of a documentation, and none of them deleted).
USUAL_CHANGED_SHARE = 0.25
USUAL_DELETED_SHARE = 0.05
USUAL_QUARANTINED_SHARE = 0.05
USUAL_REFUSED_SHARE = 0.01


def files_to_usual(rows: pa.Table) -> Column:
    usual = rows["usual_files"]
    difference = pc.abs(pc.subtract(rows["files"].cast(pa.float64()), usual))
    return _where(pc.greater_equal(difference, FEW_FILES), _times(rows["files"], usual, 1))


def refused_to_usual(rows: pa.Table) -> Column:
    times = _times(rows["refused_share"], rows["usual_refused_share"], USUAL_REFUSED_SHARE)
    return _where(pc.greater_equal(rows["refused"], FEW_FILES), times)


def changed_to_usual(rows: pa.Table) -> Column:
    changed = pc.add(pc.add(rows["added"], rows["edited"]), rows["repermitted"])
    times = _times(rows["changed_share"], rows["usual_changed_share"], USUAL_CHANGED_SHARE)
    return _where(pc.greater_equal(changed, FEW_FILES), times)


def deleted_to_usual(rows: pa.Table) -> Column:
    times = _times(rows["deleted_share"], rows["usual_deleted_share"], USUAL_DELETED_SHARE)
    return _where(pc.greater_equal(rows["deleted"], FEW_FILES), times)


def quarantined_to_usual(rows: pa.Table) -> Column:
    times = _times(rows["quarantined_share"], rows["usual_quarantined_share"], USUAL_QUARANTINED_SHARE)
    return _where(pc.greater_equal(rows["quarantined"], FEW_FILES), times)


def mean_characters_to_usual(rows: pa.Table) -> Column:
    times = _times(rows["mean_characters"], rows["usual_mean_characters"], 1)
    return _where(pc.greater_equal(rows["texts"], FEW_TEXTS), times)


def _times(values: Column, usual: Column, least: float) -> Column:
    """`values` in units of the usual one, which counts as `least` where it is less."""
    return pc.divide(values.cast(pa.float64()), pc.max_element_wise(usual, float(least), skip_nulls=False))


def _where(concerned: Column, values: Column) -> Column:
    return pc.if_else(concerned, values, None)


VOLUME_RATIOS = (
    files_to_usual,
    refused_to_usual,
    changed_to_usual,
    deleted_to_usual,
    quarantined_to_usual,
    mean_characters_to_usual,
)

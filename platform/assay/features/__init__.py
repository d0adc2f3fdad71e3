"""Features: what is known of an entity and since when, and training sets that see nothing that was not known.

timeline = Timeline.compile(log, entity="creator_id", values=["viewers_1h"], ttl=timedelta(days=7))
joined = point_in_time_join(labels, {"creator_activity": timeline})
"""

from assay.features.point_in_time import point_in_time_join
from assay.features.skew_guard import SkewGuarded, guard_skew
from assay.features.timeline import Timeline

__all__ = ["SkewGuarded", "Timeline", "guard_skew", "point_in_time_join"]

select event_day, category, list(rank order by rank) as ranks
from {{ ref('top_streams_by_category') }}
group by event_day, category
having list(rank order by rank) != range(1, 1 + count(distinct stream_id)) or count(*) > 3

with watched as (
    select event_day, count(*) as heartbeats
    from {{ ref('events_deduplicated') }}
    where event_type = 'viewer_heartbeat'
    group by event_day
),
by_stream as (
    select event_day, sum(heartbeats) as heartbeats
    from {{ ref('stream_days') }}
    group by event_day
)
select event_day, watched.heartbeats, by_stream.heartbeats as heartbeats_of_streams
from watched
full join by_stream using (event_day)
where watched.heartbeats is distinct from by_stream.heartbeats

with watched as (
    select viewer_id, stream_id, count(*) as heartbeats
    from {{ ref('events_deduplicated') }}
    where event_type = 'viewer_heartbeat'
    group by viewer_id, stream_id
),
in_sessions as (
    select viewer_id, stream_id, sum(heartbeats) as heartbeats
    from {{ ref('viewer_sessions') }}
    group by viewer_id, stream_id
)
select viewer_id, stream_id, watched.heartbeats, in_sessions.heartbeats as heartbeats_in_sessions
from watched
full join in_sessions using (viewer_id, stream_id)
where watched.heartbeats is distinct from in_sessions.heartbeats

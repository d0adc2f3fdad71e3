{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["(viewer_id, stream_id) in ({{ touched_viewings() }})"],
    on_schema_change='append_new_columns',
) }}

with heartbeats as (
    select viewer_id, stream_id, creator_id, event_ts
    from {{ ref('events_deduplicated') }}
    where event_type = 'viewer_heartbeat'
    {% if is_incremental() %}
        -- All heartbeats of a viewer on a stream: one that comes late joins two sessions, and renumbers those after it.
        and (viewer_id, stream_id) in ({{ touched_viewings() }})
    {% endif %}
),
gaps as (
    select
        *,
        event_ts - lag(event_ts) over (partition by viewer_id, stream_id order by event_ts) > interval 60 second as is_cut
    from heartbeats
),
numbered as (
    select
        *,
        1 + count(*) filter (is_cut) over (
            partition by viewer_id, stream_id order by event_ts range unbounded preceding
        ) as session_number
    from gaps
)
select
    viewer_id,
    stream_id,
    min(creator_id) as creator_id,
    session_number,
    min(event_ts) as started_at,
    max(event_ts) + interval 10 second as ended_at,
    count(*) as heartbeats,
    cast(min(event_ts) at time zone 'UTC' as date) as event_day
from numbered
group by viewer_id, stream_id, session_number

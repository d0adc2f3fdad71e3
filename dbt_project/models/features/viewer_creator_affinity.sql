{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_restated('event_ts', '7 days') }}"],
    on_schema_change='append_new_columns',
) }}

with happened as (
    select
        viewer_id,
        creator_id,
        event_ts,
        available_at,
        arrival_day,
        cast(event_type = 'viewer_heartbeat' as bigint) as heartbeats,
        cast(event_type = 'chat_message' as bigint) as chats
    from {{ ref('events_deduplicated') }}
    where event_type in ('viewer_heartbeat', 'chat_message') and {{ bears_on_restated('event_day', '7 days') }}
),
{{ window_pieces(['viewer_id', 'creator_id'], '1 day', '7 days', {
    'heartbeats_7d': ('heartbeats', '7 days'),
    'chats_7d': ('chats', '7 days'),
}) }},
-- A share moves with its whole: what comes late for one creator corrects the viewer's rows of all of them.
viewer_pieces as (
    select
        viewer_id,
        window_end,
        seq,
        sum(sum(heartbeats_7d)) over so_far as viewer_heartbeats_7d,
        max(max(newest)) over so_far as newest
    from pieces
    group by viewer_id, window_end, seq
    window so_far as (partition by viewer_id, window_end order by seq)
),
pairs as (
    select viewer_id, creator_id, window_end, min(seq) as first_seq from pieces group by all
),
windowed as (
    select
        viewer_id,
        creator_id,
        window_end,
        seq,
        coalesce(sum(heartbeats_7d) over so_far, 0) as heartbeats_7d,
        coalesce(sum(chats_7d) over so_far, 0) as chats_7d,
        viewer_pieces.viewer_heartbeats_7d,
        viewer_pieces.newest
    from pairs
    join viewer_pieces using (viewer_id, window_end)
    left join pieces using (viewer_id, creator_id, window_end, seq)
    where seq >= first_seq
    window so_far as (partition by viewer_id, creator_id, window_end order by seq)
)
select
    viewer_id,
    creator_id,
    {{ record_columns('1 day') }},
    -- A heartbeat stands for 10 seconds.
    cast(heartbeats_7d as double) / 6 as minutes_7d,
    cast(chats_7d as bigint) as chats_7d,
    cast(heartbeats_7d as double) / nullif(cast(viewer_heartbeats_7d as bigint), 0) as minutes_share_7d
from windowed

{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_restated('event_ts', '7 days') }}"],
    on_schema_change='append_new_columns',
) }}

with happened as (
    select
        viewer_id,
        event_ts,
        available_at,
        arrival_day,
        cast(event_type = 'viewer_heartbeat' as bigint) as heartbeats,
        cast(event_type = 'chat_message' as bigint) as chats,
        cast(event_type = 'ad_impression' as bigint) as impressions,
        cast(event_type = 'ad_click' as bigint) as clicks
    from {{ ref('events_deduplicated') }}
    where event_type in ('viewer_heartbeat', 'chat_message', 'ad_impression', 'ad_click')
        and {{ bears_on_restated('event_day', '7 days') }}
),
{{ windowed(['viewer_id'], '1 day', '7 days', {
    'heartbeats_1d': ('heartbeats', '1 day'),
    'heartbeats_7d': ('heartbeats', '7 days'),
    'chats_7d': ('chats', '7 days'),
    'impressions_7d': ('impressions', '7 days'),
    'clicks_1d': ('clicks', '1 day'),
    'clicks_7d': ('clicks', '7 days'),
}) }}
select
    viewer_id,
    {{ record_columns('1 day') }},
    -- A heartbeat stands for 10 seconds.
    cast(heartbeats_1d as double) / 6 as minutes_1d,
    cast(heartbeats_7d as double) / 6 as minutes_7d,
    cast(chats_7d as bigint) as chats_7d,
    cast(impressions_7d as bigint) as impressions_7d,
    cast(clicks_1d as bigint) as clicks_1d,
    cast(clicks_7d as bigint) as clicks_7d,
    cast(clicks_7d as double) / nullif(cast(impressions_7d as bigint), 0) as click_rate_7d
from windowed

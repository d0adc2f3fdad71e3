{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_restated('event_ts', '7 days') }}"],
    on_schema_change='append_new_columns',
) }}

{% set windows = {'1h': '1 hour', '24h': '24 hours', '7d': '7 days'} %}
{% set sums = {} %}
{% for measure in ['heartbeats', 'chat_messages', 'impressions'] %}
    {% for suffix, window in windows.items() %}{% do sums.update({measure ~ '_' ~ suffix: (measure, window)}) %}{% endfor %}
{% endfor %}
with happened as (
    select
        creator_id,
        event_ts,
        available_at,
        arrival_day,
        cast(event_type = 'viewer_heartbeat' as bigint) as heartbeats,
        cast(event_type = 'chat_message' as bigint) as chat_messages,
        cast(event_type = 'ad_impression' as bigint) as impressions
    from {{ ref('events_deduplicated') }}
    where event_type in ('viewer_heartbeat', 'chat_message', 'ad_impression')
        and {{ bears_on_restated('event_day', '7 days') }}
),
{{ windowed(['creator_id'], '1 hour', '7 days', sums) }}
select
    creator_id,
    {{ record_columns('1 hour') }},
    -- A heartbeat stands for 10 seconds.
    cast(heartbeats_1h as double) / 6 as viewer_minutes_1h,
    cast(heartbeats_24h as double) / 6 as viewer_minutes_24h,
    cast(heartbeats_7d as double) / 6 as viewer_minutes_7d,
    cast(chat_messages_1h as bigint) as chat_messages_1h,
    cast(chat_messages_24h as bigint) as chat_messages_24h,
    cast(chat_messages_7d as bigint) as chat_messages_7d,
    cast(impressions_1h as bigint) as impressions_1h,
    cast(impressions_24h as bigint) as impressions_24h,
    cast(impressions_7d as bigint) as impressions_7d
from windowed

{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched('event_day') }}"],
    on_schema_change='append_new_columns',
) }}

select
    event_day,
    stream_id,
    min(creator_id) as creator_id,
    count(*) as heartbeats,
    count(distinct viewer_id) as viewers
from {{ ref('events_deduplicated') }}
where event_type = 'viewer_heartbeat'
{% if is_incremental() %}
    and {{ is_touched('event_day') }}
{% endif %}
group by event_day, stream_id

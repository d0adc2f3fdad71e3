{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched('event_day') }}"],
    on_schema_change='append_new_columns',
) }}

select
    event_id as impression_id,
    campaign_id,
    creator_id,
    viewer_id,
    event_ts,
    event_day,
    {{ invoice_period('event_ts') }} as invoice_period,
    price_micros
from {{ ref('events_deduplicated') }}
where event_type = 'ad_impression' and price_micros > 0
{% if is_incremental() %}
    and {{ is_touched('event_day') }}
{% endif %}

{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched('event_day') }}"],
    on_schema_change='append_new_columns',
) }}

select
    event_day,
    campaign_id,
    creator_id,
    count(*) filter (event_type = 'ad_impression') as impressions,
    count(*) filter (event_type = 'ad_click') as clicks,
    count(*) filter (event_type = 'ad_impression' and arrival_day > event_day) as late_impressions,
    coalesce(sum(price_micros) filter (event_type = 'ad_impression'), 0)::bigint as amount_micros
from {{ ref('events_deduplicated') }}
where event_type in ('ad_impression', 'ad_click')
{% if is_incremental() %}
    and {{ is_touched('event_day') }}
{% endif %}
group by event_day, campaign_id, creator_id

{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_restated('event_ts', '24 hours') }}"],
    on_schema_change='append_new_columns',
) }}

with happened as (
    select
        campaign_id,
        event_ts,
        available_at,
        arrival_day,
        case when event_type = 'ad_impression' then price_micros else 0 end as spend_micros,
        cast(event_type = 'ad_impression' as bigint) as impressions,
        cast(event_type = 'ad_click' as bigint) as clicks
    from {{ ref('events_deduplicated') }}
    where event_type in ('ad_impression', 'ad_click') and {{ bears_on_restated('event_day', '24 hours') }}
),
{{ windowed(['campaign_id'], '1 hour', '24 hours', {
    'spend_micros_1h': ('spend_micros', '1 hour'),
    'spend_micros_24h': ('spend_micros', '24 hours'),
    'impressions_1h': ('impressions', '1 hour'),
    'impressions_24h': ('impressions', '24 hours'),
    'clicks_24h': ('clicks', '24 hours'),
}) }}
select
    campaign_id,
    {{ record_columns('1 hour') }},
    cast(spend_micros_1h as bigint) as spend_micros_1h,
    cast(spend_micros_24h as bigint) as spend_micros_24h,
    cast(impressions_1h as bigint) as impressions_1h,
    cast(impressions_24h as bigint) as impressions_24h,
    cast(clicks_24h as bigint) as clicks_24h,
    cast(clicks_24h as double) / nullif(cast(impressions_24h as bigint), 0) as click_rate_24h
from windowed

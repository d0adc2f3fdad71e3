{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched_period('invoice_period') }}"],
    on_schema_change='append_new_columns',
) }}

select
    invoice_period,
    campaign_id,
    count(*) as impressions,
    sum(price_micros)::bigint as amount_micros
from {{ ref('billable_impressions') }}
{% if is_incremental() %}
where {{ is_touched_period('invoice_period') }}
{% endif %}
group by invoice_period, campaign_id

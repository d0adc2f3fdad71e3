-- From the log's rows and not from the deduplicated ones: another way to the same number.
with arrived as (
    select
        least(arg_min(event_ts, (available_at, log_partition, "offset")), min(available_at)) as event_ts,
        arg_min(price_micros, (available_at, log_partition, "offset")) as price_micros
    from {{ source('silver', 'events') }}
    semi join {{ source('silver', 'event_days') }} using (source, day, event_day)
    where event_type = 'ad_impression'
    group by event_id, event_day
),
by_period as (
    select {{ invoice_period('event_ts') }} as invoice_period, count(*) as impressions, sum(price_micros) as amount_micros
    from arrived
    where price_micros > 0
    group by invoice_period
),
invoiced as (
    select invoice_period, sum(impressions) as impressions, sum(amount_micros) as amount_micros
    from {{ ref('expected_invoice') }}
    group by invoice_period
)
select
    invoice_period,
    by_period.impressions,
    by_period.amount_micros,
    invoiced.impressions as invoiced,
    invoiced.amount_micros as invoiced_micros
from by_period
full join invoiced using (invoice_period)
where (by_period.impressions, by_period.amount_micros) is distinct from (invoiced.impressions, invoiced.amount_micros)

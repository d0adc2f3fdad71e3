with billable as (
    select invoice_period, campaign_id, count(*) as impressions, sum(price_micros) as amount_micros
    from {{ ref('billable_impressions') }}
    group by invoice_period, campaign_id
)
select
    invoice_period,
    campaign_id,
    billable.impressions,
    billable.amount_micros,
    invoice.impressions as invoiced,
    invoice.amount_micros as invoiced_micros
from billable
full join {{ ref('expected_invoice') }} as invoice using (invoice_period, campaign_id)
where (billable.impressions, billable.amount_micros) is distinct from (invoice.impressions, invoice.amount_micros)

with happened as (
    select
        event_day,
        count(*) filter (event_type = 'ad_impression') as impressions,
        count(*) filter (event_type = 'ad_click') as clicks
    from {{ ref('events_deduplicated') }}
    where event_type in ('ad_impression', 'ad_click')
    group by event_day
),
by_campaign as (
    select event_day, sum(impressions) as impressions, sum(clicks) as clicks
    from {{ ref('impressions_daily') }}
    group by event_day
)
select event_day, happened.impressions, happened.clicks, by_campaign.impressions as told, by_campaign.clicks as clicks_told
from happened
full join by_campaign using (event_day)
where (happened.impressions, happened.clicks) is distinct from (by_campaign.impressions, by_campaign.clicks)

-- Built whole: every new day lets the labels of an older one in, and a dispute is about an impression of days before it.
with disputes as (
    select impression_id, min(available_at) as disputed_at
    from {{ ref('events_deduplicated') }}
    where event_type = 'impression_disputed'
    group by impression_id
),
newest as (
    select max(event_day) as day from {{ ref('events_deduplicated') }}
)
select
    impressions.event_id as impression_id,
    impressions.viewer_id,
    impressions.creator_id,
    impressions.campaign_id,
    impressions.event_ts as label_ts,
    impressions.event_day,
    disputes.disputed_at is not null as is_disputed,
    disputes.disputed_at
from {{ ref('events_deduplicated') }} as impressions
left join disputes on impressions.event_id = disputes.impression_id
where impressions.event_type = 'ad_impression'
    -- A dispute takes up to three days: a younger impression without one is no sign of anything.
    and impressions.event_day <= (select day - 3 from newest)

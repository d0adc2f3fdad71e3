{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_restated('event_ts', none) }}"],
    on_schema_change='append_new_columns',
) }}

with impressions as (
    select event_id, viewer_id, event_ts, available_at, arrival_day, log_partition, "offset"
    from {{ ref('events_deduplicated') }}
    where event_type = 'ad_impression'
),
-- An id that came on two days is two impressions, and a dispute of it one dispute.
first_copies as (
    select distinct on (event_id) *
    from impressions
    order by event_id, available_at, log_partition, "offset"
),
-- A dispute names its impression, and only that names the viewer: both must be known. Under a broken clock it may claim
-- to come first.
disputes as (
    select
        impressions.viewer_id,
        greatest(disputes.event_ts, impressions.event_ts) as event_ts,
        greatest(disputes.available_at, impressions.available_at) as available_at,
        greatest(disputes.arrival_day, impressions.arrival_day) as arrival_day
    from {{ ref('events_deduplicated') }} as disputes
    join first_copies as impressions on disputes.impression_id = impressions.event_id
    where disputes.event_type = 'impression_disputed'
),
happened as (
    select viewer_id, event_ts, available_at, arrival_day, 1 as impressions, 0 as disputes from impressions
    union all
    select viewer_id, event_ts, available_at, arrival_day, 0 as impressions, 1 as disputes from disputes
),
{{ windowed(['viewer_id'], '1 day', '7 days', {
    'disputes_7d': ('disputes', '7 days'),
    'impressions_7d': ('impressions', '7 days'),
    'disputes_total': ('disputes', none),
}) }}
select
    viewer_id,
    {{ record_columns('1 day') }},
    cast(disputes_7d as bigint) as disputes_7d,
    cast(impressions_7d as bigint) as impressions_7d,
    cast(disputes_7d as double) / nullif(cast(impressions_7d as bigint), 0) as dispute_rate_7d,
    cast(disputes_total as bigint) as disputes_total
from windowed

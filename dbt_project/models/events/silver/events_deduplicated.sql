{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched('raw_event_day') }}"],
    on_schema_change='append_new_columns',
) }}

-- A retry carries the same id and event time, on another partition or offset and later: the first copy to arrive is kept,
-- whichever of them is read first. Of one id on two days both stand.
with copies as (
    select
        *,
        row_number() over arrivals as place,
        count(*) over (partition by event_id, event_day) as copies
    from {{ source('silver', 'events') }}
    -- A day that was held back is not listed there.
    semi join {{ source('silver', 'event_days') }} using (source, day, event_day)
    {% if is_incremental() %}
    where {{ is_touched('event_day') }}
    {% endif %}
    window arrivals as (partition by event_id, event_day order by available_at, log_partition, "offset", source)
),
-- Only now: a copy's clamped time is that of its arrival, and would tell the copies of one event apart.
clamped as (
    select *, least(event_ts, available_at) as clamped_ts
    from copies
    where place = 1
)
select
    event_id,
    event_type,
    schema_version,
    clamped_ts as event_ts,
    cast(clamped_ts at time zone 'UTC' as date) as event_day,
    event_ts as raw_event_ts,
    event_day as raw_event_day,
    available_at,
    day as arrival_day,
    log_partition,
    "offset",
    copies,
    viewer_id,
    creator_id,
    stream_id,
    campaign_id,
    impression_id,
    category,
    title,
    display_name,
    tier,
    country,
    is_active,
    device,
    bitrate_kbps,
    characters,
    price_micros,
    reason
from clamped

-- Built whole from a row per stream and day: a stream that began the day before brings its category over midnight, so that
-- one touched day can change the ranks of another.
with first_starts as (
    select stream_id, category
    from {{ ref('events_deduplicated') }}
    where event_type = 'stream_started'
    qualify row_number() over (
        partition by stream_id order by event_ts, available_at, log_partition, "offset"
    ) = 1
),
categorized as (
    select stream_days.*, coalesce(first_starts.category, 'unknown') as category
    from {{ ref('stream_days') }} as stream_days
    left join first_starts using (stream_id)
)
select
    event_day,
    category,
    row_number() over (partition by event_day, category order by heartbeats desc, stream_id) as rank,
    stream_id,
    creator_id,
    heartbeats * 10 / 60 as viewer_minutes,
    viewers
from categorized
qualify rank <= 3

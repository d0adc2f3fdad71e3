with arrived as (
    select event_day, count(*) as rows, count(distinct event_id) as events
    from {{ source('silver', 'events') }}
    semi join {{ source('silver', 'event_days') }} using (source, day, event_day)
    group by event_day
),
kept as (
    select raw_event_day as event_day, sum(copies) as rows, count(*) as events, count(distinct event_id) as ids
    from {{ ref('events_deduplicated') }}
    group by raw_event_day
)
select event_day, arrived.events, kept.events as kept_events, arrived.rows, kept.rows as kept_rows
from arrived
full join kept using (event_day)
where (arrived.events, arrived.events, arrived.rows) is distinct from (kept.events, kept.ids, kept.rows)

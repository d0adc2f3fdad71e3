-- The records of `log` as rows of bronze/events. Each arrived when the log says, else when the record itself says, if that is
-- on $day; else at $end_of_day, the latest that it can have been.
with claimed as (
    select
        *,
        coalesce(
            stamp,
            case
                when contains(event, '"available_at"') and json_valid(event)
                    then try_cast(json_extract_string(event, '$.available_at') as timestamptz)
            end
        ) as claim
    from log
)
select
    $source as source,
    $day::date as day,
    log_partition,
    "offset",
    case when claim::date = $day::date then claim else $end_of_day::timestamptz end as available_at,
    event
from claimed
order by available_at, log_partition, "offset"

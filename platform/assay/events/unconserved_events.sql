-- The records that are not in exactly one of `typed` and `quarantined` as often as in `log`.
with places as (
    select log_partition, "offset", available_at, 1 as balance from log
    union all
    select log_partition, "offset", available_at, -1 as balance from typed
    union all
    select log_partition, "offset", available_at, -1 as balance from quarantined
)
select log_partition || ' ' || "offset" as place
from places
group by log_partition, "offset", available_at
having sum(balance) <> 0

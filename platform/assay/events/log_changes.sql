-- What differs between what was `stored` of a day and its log `now`: records that came, went, or read otherwise.
select
    count(*) filter (where stored.event is null) as added,
    count(*) filter (where now.event is null) as lost,
    count(*) filter (where stored.event <> now.event or stored.available_at <> now.available_at) as altered,
    min(log_partition || ' ' || "offset") filter (where now.event is null) as first_lost
from stored
full join now using (log_partition, "offset")

-- The places of `log` that hold several records, and those whose record arrived on another day than it stands under.
select 'doubled' as fault, log_partition || ' ' || "offset" as place
from log
group by log_partition, "offset"
having count(*) > 1
union all
select 'misplaced' as fault, log_partition || ' ' || "offset" as place
from log
where available_at::date <> day

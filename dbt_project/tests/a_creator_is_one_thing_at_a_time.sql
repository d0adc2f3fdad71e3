select creator_id, valid_from, valid_to, is_current
from {{ ref('dim_creators') }}
window creator as (partition by creator_id order by valid_from)
qualify valid_to is distinct from lead(valid_from) over creator
    or is_current != (valid_to is null)
    or lag(valid_from) over creator = valid_from

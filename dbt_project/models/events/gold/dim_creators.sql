{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["creator_id in ({{ touched_creators() }})"],
    on_schema_change='append_new_columns',
) }}

with profiles as (
    select creator_id, event_ts as valid_from, display_name, category, tier, country, is_active, available_at
    from {{ ref('events_deduplicated') }}
    where event_type = 'creator_updated'
    {% if is_incremental() %}
        -- All of a creator's: one that comes late is put in its place, and its neighbours are cut anew.
        and creator_id in ({{ touched_creators() }})
    {% endif %}
    -- Of two with one event time the one that came last corrects the other.
    qualify row_number() over (
        partition by creator_id, event_ts order by available_at desc, log_partition desc, "offset" desc
    ) = 1
),
-- An update that changes nothing begins no row.
changes as (
    select *
    from profiles
    qualify row(display_name, category, tier, country, is_active) is distinct from lag(
        row(display_name, category, tier, country, is_active)
    ) over (partition by creator_id order by valid_from)
)
select
    creator_id,
    valid_from,
    lead(valid_from) over (partition by creator_id order by valid_from) as valid_to,
    lead(valid_from) over (partition by creator_id order by valid_from) is null as is_current,
    display_name,
    category,
    tier,
    country,
    is_active,
    available_at
from changes

{{ config(
    materialized='incremental',
    incremental_strategy='restate',
    incremental_predicates=["{{ is_touched('cast(event_ts as date)') }}"],
    on_schema_change='append_new_columns',
) }}

select
    creator_id,
    event_ts,
    available_at,
    -- Of two updates of one microsecond the later in the log wins.
    row_number() over (partition by creator_id, event_ts, available_at order by log_partition, "offset") - 1 as seq,
    not is_active as is_deleted,
    cast(available_at as date) as day,
    category,
    tier,
    country,
    length(display_name) as display_name_characters
from {{ ref('events_deduplicated') }}
where event_type = 'creator_updated'
    {%- if is_incremental() %} and {{ is_touched('event_day') }}{% endif %}

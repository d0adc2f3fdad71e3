{# Keys that touched days restate: those of their events, and those of standing rows that they made, for what made such a row may be gone. #}

{% macro touched_viewings() -%}
    select viewer_id, stream_id
    from {{ ref('events_deduplicated') }}
    where event_type = 'viewer_heartbeat' and {{ is_touched('event_day') }}
    union
    select viewer_id, stream_id
    from {{ this }}
    where exists (
        from unnest(generate_series(event_day, cast(ended_at at time zone 'UTC' as date), interval 1 day)) as days (day)
        where {{ is_touched('cast(day as date)') }}
    )
{%- endmacro %}

{% macro touched_creators() -%}
    select creator_id
    from {{ ref('events_deduplicated') }}
    where event_type = 'creator_updated' and {{ is_touched('event_day') }}
    union
    select creator_id
    from {{ this }}
    where {{ is_touched("cast(valid_from at time zone 'UTC' as date)") }}
{%- endmacro %}

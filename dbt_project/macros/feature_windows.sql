{# Windowed features: what an entity did in the hours or days before a window's end, and what came late, as a log that
   only grows. A view's SQL says which events count and which sums over which windows it wants; these macros say when a
   row is due, what it may know and when it is corrected. Times are counted in steps, the distance of two window ends. #}

{# Microseconds of a duration such as `10 minutes`. #}
{% macro microseconds(duration) -%}
    {%- set number, unit = duration.split(' ') -%}
    {%- set units = {'second': 1, 'minute': 60, 'hour': 3600, 'day': 86400} -%}
    {{ (number | int) * units[unit.removesuffix('s')] * 1000000 }}
{%- endmacro %}

{# A duration that the view declares in `meta.feature_view`, in microseconds. A unit test does not see the view's metadata
   and overrides the two macros that ask for it. #}
{% macro declared_microseconds(key) -%}
    {%- if execute -%}
        {{ microseconds(graph.nodes[model.unique_id].config.meta.feature_view[key]) }}
    {%- else -%}
        1
    {%- endif -%}
{%- endmacro %}

{% macro grace_microseconds() -%}{{ declared_microseconds('grace') }}{%- endmacro %}

{% macro latency_microseconds() -%}{{ declared_microseconds('latency') }}{%- endmacro %}

{# The days on which windows end that events of the touched days are in: up to `longest` after, and the step in which a
   window that has emptied says so. #}
{% macro restated_days(longest) -%}
    {%- set found = [] -%}
    {%- set reach = (microseconds(longest) | int) // 86400000000 + 1 -%}
    {%- for day in var('touched_event_days') -%}
        {%- set start = modules.datetime.date.fromisoformat(day | string) -%}
        {%- for after in range(reach + 1) -%}
            {%- do found.append((start + modules.datetime.timedelta(days=after)) | string) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found | unique | sort | list) }}
{%- endmacro %}

{# The log's own time, and no clock: when its newest record arrived, of whatever type and however long ago it happened. So
   all that could be known then is there, though nothing of the view's own events has come for days. #}
{% macro newest_arrival() -%}
    (select max(available_at) from {{ ref('events_deduplicated') }})
{%- endmacro %}

{# Whether windows that end at `column` are built again. `longest` none: a sum over all time, so all that end later. Those
   that end after the newest arrival are no longer due: what came after them is gone. #}
{% macro is_restated(column, longest) -%}
    {%- set touched = var('touched_event_days') -%}
    {%- if touched is none -%}
        true
    {%- elif not touched -%}
        false
    {%- else -%}
        (
            {%- if longest is none -%}
                {{ column }} >= timestamptz '{{ touched | map('string') | min }} 00:00:00+00'
            {%- else -%}
                cast({{ column }} as date) in (
                    {%- for day in restated_days(longest) %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor -%}
                )
            {%- endif %} or epoch_us({{ column }}) + {{ grace_microseconds() }} > epoch_us({{ newest_arrival() }}))
    {%- endif -%}
{%- endmacro %}

{# Which events the windows to build may hold; the others need not be read. #}
{% macro bears_on_restated(column, longest) -%}
    {%- set touched = var('touched_event_days') -%}
    {%- if is_incremental() and touched is not none -%}
        {{ column }} >= (
            select least({{ "date '" ~ (touched | map('string') | min) ~ "'" if touched else 'null' }}, coalesce(max(cast(event_ts as date)), date '0001-01-01'))
            from {{ this }}
        ) - {{ (microseconds(longest) | int) // 86400000000 + 1 }}
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{# The CTEs `horizon`, `slots` and `pieces` over `happened`, which has the entity, event_ts, available_at, arrival_day and
   a number per event for each of the measures.

   `pieces`: a row per entity, window end and `seq`: what was new then. seq 0 is what had arrived by the end and the grace;
   what came later is a piece per day of arrival. A window that has emptied is there once more, so that its values fall to
   0. A window has ended when something, whatever it is, arrived after its end and grace: the log's own time, and no clock.
   `sums` names each sum with its measure and window; a window of none is all time, and its entity never leaves. #}
{% macro window_pieces(entity, step, longest, sums) %}
{%- set step_us, grace_us = microseconds(step) | int, grace_microseconds() | int -%}
{%- set longest_steps = (microseconds(longest) | int) // step_us -%}
{%- set measures, lasting = [], [] -%}
{%- for measure, window in sums.values() -%}
    {%- do measures.append(measure) if measure not in measures -%}
    {%- do lasting.append(measure) if window is none -%}
{%- endfor -%}
{%- set keys = entity | join(', ') -%}
horizon as (
    select (epoch_us({{ newest_arrival() }}) - {{ grace_us }}) // {{ step_us }} as last_end
),
slots as (
    select
        {{ keys }},
        epoch_us(event_ts) // {{ step_us }} as slot,
        -- The first window end whose row knows of it.
        (epoch_us(available_at) - {{ grace_us }} + {{ step_us - 1 }}) // {{ step_us }} as first_end,
        arrival_day,
        {%- for measure in measures %}
        sum({{ measure }}) as {{ measure }},
        {%- endfor %}
        epoch_us(max(available_at)) as newest
    from happened
    group by all
),
ends as (
    select
        slots.*,
        unnest(range(slot + 1, least(last_end + 1,
            {%- if lasting %} case when {{ lasting | join(' + ') }} > 0 then last_end + 1 else slot + {{ longest_steps + 2 }} end
            {%- else %} slot + {{ longest_steps + 2 }}{% endif %}))) as window_end
    from slots, horizon
),
pieces as (
    select
        {{ keys }},
        window_end,
        case
            when first_end <= window_end then 0
            else 1 + arrival_day - cast(make_timestamptz(window_end * {{ step_us }} + {{ grace_us }}) as date)
        end as seq,
        {%- for name, (measure, window) in sums.items() %}
        {% if window is none -%}
        sum({{ measure }}) as {{ name }},
        {%- else -%}
        coalesce(sum({{ measure }}) filter (slot >= window_end - {{ (microseconds(window) | int) // step_us }}), 0) as {{ name }},
        {%- endif -%}
        {%- endfor %}
        max(newest) as newest
    from ends
    {%- if is_incremental() %}
    where {{ is_restated('make_timestamptz(window_end * ' ~ step_us ~ ')', none if lasting else longest) }}
        or make_timestamptz(window_end * {{ step_us }}) > (select coalesce(max(event_ts), timestamptz '-infinity') from {{ this }})
    {%- endif %}
    group by all
)
{%- endmacro %}

{# `window_pieces`, and `windowed`: the rows of the log, each the sum of all pieces up to its own. #}
{% macro windowed(entity, step, longest, sums) %}
{{- window_pieces(entity, step, longest, sums) }},
windowed as (
    select
        {{ entity | join(', ') }},
        window_end,
        seq,
        {%- for name in sums %}
        sum({{ name }}) over so_far as {{ name }},
        {%- endfor %}
        max(newest) over so_far as newest
    from pieces
    window so_far as (partition by {{ entity | join(', ') }}, window_end order by seq)
)
{%- endmacro %}

{# The columns of the record of a row of `windowed`: true as of the window's end, known when its newest input was, and the
   declared latency later. #}
{% macro record_columns(step) -%}
    make_timestamptz(window_end * {{ microseconds(step) }}) as event_ts,
    make_timestamptz(greatest(window_end * {{ microseconds(step) }}, newest) + {{ latency_microseconds() }}) as available_at,
    cast(seq as bigint) as seq,
    false as is_deleted,
    cast(make_timestamptz(greatest(window_end * {{ microseconds(step) }}, newest) + {{ latency_microseconds() }}) as date) as day
{%- endmacro %}

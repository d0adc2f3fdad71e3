{# The month that an impression is invoiced in, as `YYYY-MM` in the invoice's time zone. #}
{% macro invoice_period(moment) -%}
    strftime({{ moment }} at time zone '{{ var("invoice_time_zone") }}', '%Y-%m')
{%- endmacro %}

{# `is_touched` for periods. A UTC day lies in at most two of them: those of its first and of its last microsecond. #}
{% macro is_touched_period(column) -%}
    {%- set days = var('touched_event_days') -%}
    {%- if days is none -%}
        true
    {%- elif days -%}
        {{ column }} in (
            {%- for day in days -%}
                {{ invoice_period("timestamptz '" ~ day ~ " 00:00:00+00'") }},
                {{ invoice_period("timestamptz '" ~ day ~ " 23:59:59.999999+00'") }}{{ ', ' if not loop.last }}
            {%- endfor -%}
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

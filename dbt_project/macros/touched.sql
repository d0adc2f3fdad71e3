{# Which rows a restatement builds again: true for all of them while `touched_event_days` is null, else for those days. #}
{% macro is_touched(column) -%}
    {%- set days = var('touched_event_days') -%}
    {%- if days is none -%}
        true
    {%- elif days -%}
        {{ column }} in ({% for day in days %}date '{{ day }}'{{ ', ' if not loop.last }}{% endfor %})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{# A schema is called what `schema` says; dbt's own rule would make `gold` into `main_gold`. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}

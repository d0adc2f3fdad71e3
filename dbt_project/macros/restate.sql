{#
dbt's own strategies delete what a new row replaces: of a key whose rows are all gone they leave the old ones standing.
This one deletes whatever the model's `incremental_predicates` call touched, and puts in what the model makes of it now.
Both in one transaction; the new rows are made before, so that a model can look at its own standing rows.
#}
{% macro get_incremental_restate_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where {% for predicate in arg_dict['incremental_predicates'] %}{{ render(predicate) }}{{ ' and ' if not loop.last }}{% endfor %};
    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

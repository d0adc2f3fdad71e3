-- Each row of `flat` as one JSON object without its nulls.
select json_merge_patch('{}', to_json(flat))::varchar as event from flat

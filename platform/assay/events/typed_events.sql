-- Every record of `log` by its contract, in one pass over its text: the columns of silver/events, and for a record that is
-- refused the reason (`refusal`) and what stood there (`detail`). `contracts` has a row per event type and version.
-- $paths are all field names of all contracts, those of the envelope first; a field's place among them is its `slot`.
--
-- DuckDB's reader of JSON takes a comma too many and NaN where JSON allows neither. Neither can pass for a value that a
-- contract names; among unknown fields both are kept.
with texts as (
    select
        *,
        case
            when strlen(event) > $max_bytes then 'longer than ' || $max_bytes || ' bytes'
            when contains(event, chr(65533)) then 'bytes that are no UTF-8'
            when not json_valid(event) then 'not JSON'
        end as broken,
        case when broken is null then event end as text
    from log
),
objects as (
    select
        *,
        json_keys(text) as names,
        case
            when broken is not null then broken
            when json_type(text) <> 'OBJECT' then 'JSON, but no object'
            when len(names) > len(list_distinct(names)) then 'an object that names a field twice'
        end as malformed,
        -- Of each field its JSON (null where it is missing) and its value as text.
        case when malformed is null then json_extract(text, $paths)::varchar[] end as raws,
        case when malformed is null then json_extract_string(text, $paths) end as vals
    from texts
),
envelopes as (
    select
        *,
        case when starts_with(raws[1], '"') then vals[1] end as type_name,
        case when regexp_full_match(raws[2], '-?\d+') then try_cast(raws[2] as bigint) end as version
    from objects
),
-- Of a record whose contract is known, the place of the first field that is wrong, and how it is.
judged as (
    select
        envelopes.*,
        contracts.* exclude (event_type, schema_version),
        type_name in (select event_type from contracts) as is_known_type,
        contracts.event_type is not null as has_contract,
        list_transform(
            contracts.fields,
            lambda field: case
                when raws[field.slot] is null then if(field.is_required, 'missing_field', null)
                when raws[field.slot] = 'null' then if(field.is_required, 'null_field', null)
                when case field.kind
                    when 'integer' then
                        regexp_full_match(raws[field.slot], '-?\d+') and try_cast(raws[field.slot] as bigint) is not null
                    when 'boolean' then raws[field.slot] in ('true', 'false')
                    when 'text' then starts_with(raws[field.slot], '"')
                    when 'identifier' then
                        starts_with(raws[field.slot], '"')
                        and length(vals[field.slot]) between 1 and $max_identifier_characters
                        and trim(vals[field.slot]) <> ''
                        and not regexp_matches(vals[field.slot], '[\x00-\x1f\x7f]')
                    when 'amount' then
                        starts_with(raws[field.slot], '"')
                        and regexp_full_match(vals[field.slot], '-?\d{1,12}(\.\d{1,6})?')
                    when 'time' then
                        starts_with(raws[field.slot], '"')
                        and regexp_full_match(
                            vals[field.slot],
                            '(19[7-9]\d|2[01]\d\d)-\d\d-\d\d[T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?'
                            || '(Z|[+-](0\d|1[0-4]):[0-5]\d)'
                        )
                        and try_cast(vals[field.slot] as timestamptz) is not null
                end then null
                else field.if_wrong
            end
        ) as verdicts,
        list_filter(verdicts, lambda verdict: verdict is not null)[1] as verdict,
        -- Not looked up without one: of null it would be the place of the first null.
        case when verdict is not null then contracts.fields[list_position(verdicts, verdict)] end as problem
    from envelopes
    left join contracts on contracts.event_type = type_name and contracts.schema_version = version
),
-- The first field that is wrong, one of the envelope before any other.
examined as (
    select
        *,
        try_cast(vals[4] as timestamptz) as happened_at,
        try_cast(vals[5] as timestamptz) as claimed_at,
        case
            when type_name is null then {'name': 'event_type', 'raw': raws[1], 'expects': 'a string'}
            when version is null then {'name': 'schema_version', 'raw': raws[2], 'expects': 'a whole number'}
            else {'name': problem.name, 'raw': raws[problem.slot], 'expects': problem.expects}
        end as wrong
    from judged
),
refused as (
    select
        *,
        case
            when malformed is not null then 'malformed_json'
            when type_name is not null and not is_known_type then 'unknown_event_type'
            when type_name is null or version is null then
                case when wrong.raw is null then 'missing_field' when wrong.raw = 'null' then 'null_field' else 'wrong_type' end
            when not has_contract then 'unknown_schema_version'
            when verdict is not null then verdict
            when claimed_at <> available_at then 'bad_available_at'
            when epoch_us(happened_at) - epoch_us(available_at) > $skew_microseconds then 'clock_skew'
        end as refusal
    from examined
),
explained as (
    select
        *,
        case
            when refusal = 'malformed_json' then 'the record is ' || malformed
            when refusal = 'unknown_event_type' then 'there is no contract for `' || left(type_name, 60) || '`'
            when refusal = 'unknown_schema_version' then '`' || type_name || '` has no version ' || version
            when refusal = 'missing_field' then '`' || wrong.name || '` is missing'
            when refusal = 'null_field' then '`' || wrong.name || '` is null'
            when refusal = 'clock_skew' then
                '`event_ts` is ' || round((epoch_us(happened_at) - epoch_us(available_at)) / 1e6, 1) || ' s after the arrival'
            when wrong.name is null then '`available_at` differs from the time at which the log has the record'
            -- The kind of what stood there and not the words: they may be anybody's, and stand in the record itself.
            else '`' || wrong.name || '` must be ' || wrong.expects || ' and is ' || case left(wrong.raw, 1)
                when '"' then 'a string of ' || length(json_extract_string(wrong.raw, '$')) || ' characters'
                when '{' then 'an object'
                when '[' then 'a list'
                -- An id or a name that came as a number is still somebody's.
                else if(starts_with(wrong.expects, 'a string'), 'a number or boolean', left(wrong.raw, 40))
            end
        end as detail
    from refused
)
select
    source,
    day,
    log_partition,
    "offset",
    available_at,
    event,
    refusal,
    detail,
    case when length(raws[3]) <= $max_identifier_characters + 2 and starts_with(raws[3], '"') then vals[3] end as event_id,
    case when length(type_name) <= $max_identifier_characters then type_name end as event_type,
    version as schema_version,
    happened_at as event_ts,
    happened_at::date as event_day,
    vals[slots.viewer_id] as viewer_id,
    vals[slots.creator_id] as creator_id,
    vals[slots.stream_id] as stream_id,
    vals[slots.campaign_id] as campaign_id,
    vals[slots.impression_id] as impression_id,
    vals[slots.category] as category,
    vals[slots.title] as title,
    vals[slots.display_name] as display_name,
    vals[slots.tier] as tier,
    vals[slots.country] as country,
    vals[slots.is_active] = 'true' as is_active,
    vals[slots.device] as device,
    try_cast(vals[slots.bitrate_kbps] as bigint) as bitrate_kbps,
    try_cast(vals[slots.characters] as bigint) as characters,
    coalesce(
        try_cast(vals[slots.price_micros] as bigint),
        (try_cast(vals[slots.price_micros_amount] as decimal(18, 6))::decimal(38, 6) * 1000000)::bigint
    ) as price_micros,
    vals[slots.reason] as reason,
    case
        when len(list_filter(names, lambda name: not list_contains(known_names, name))) > 0
            then json_merge_patch(text, without_known)::varchar
    end as unknown_fields,
    coalesce(adaptations, []) as adaptations
from explained
order by available_at, log_partition, "offset"

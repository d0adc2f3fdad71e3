with observations as (
    select
        source,
        day,
        count(*) filter (status = 'observed') as observed,
        count(*) filter (status = 'refused') as refused
    from {{ source('bronze', 'manifests') }}
    group by source, day
),
changes as (
    select
        source,
        day,
        count(*) filter (change = 'added') as added,
        count(*) filter (change = 'edited') as edited,
        count(*) filter (change = 'repermitted') as repermitted,
        count(*) filter (change = 'moved') as moved,
        count(*) filter (change = 'deleted') as deleted
    from {{ source('bronze', 'documents') }}
    group by source, day
),
held_back as (
    select source, day, count(*) as quarantined
    from {{ source('silver', 'quarantined_documents') }}
    where stage in ('bronze', 'silver')
    group by source, day
),
-- A day all of whose files failed an expectation has no manifest, and was observed nonetheless.
days as (
    select source, day from observations
    union
    select source, day from held_back
),
blocked_days as (
    select source, day
    from {{ source('quality', 'outcomes') }}
    where table_name in (
        'bronze/manifests', 'bronze/documents', 'silver/documents', 'silver/document_tables', 'silver/ocr_words'
    ) and is_blocking and not success
    union
    select source, day
    from {{ source('quality', 'verdicts') }}
    where table_name in (
        'bronze/manifests', 'bronze/documents', 'silver/documents', 'silver/document_tables', 'silver/ocr_words'
    ) and not passed
),
-- A row per chunk. What a blocked day brought does not reach gold: the day that brings it again is the first.
brought as (
    select daily_texts.source, daily_texts.day, unnest(daily_texts.context_ids) as context_id
    from {{ source('gold', 'daily_texts') }} as daily_texts
    anti join blocked_days using (source, day)
),
-- Vectors are shared by all sources, so a text is new once.
first_brought as (
    select distinct on (context_id) context_id, source, day
    from brought
    order by context_id, day, source
),
chunk_totals as (
    select source, day, count(*) as chunks from brought group by source, day
),
embedded_totals as (
    select source, day, count(*) as embedded from first_brought group by source, day
)
select
    days.source,
    days.day,
    coalesce(observations.observed, 0) as observed,
    coalesce(observations.refused, 0) as refused,
    coalesce(changes.added, 0) as added,
    coalesce(changes.edited, 0) as edited,
    coalesce(changes.repermitted, 0) as repermitted,
    coalesce(changes.edited + changes.repermitted, 0) as changed,
    coalesce(changes.moved, 0) as moved,
    coalesce(changes.deleted, 0) as deleted,
    coalesce(held_back.quarantined, 0) as quarantined,
    coalesce(embedded_totals.embedded, 0) as embedded,
    coalesce(chunk_totals.chunks, 0) - coalesce(embedded_totals.embedded, 0) as reused,
    blocked_days.source is not null as is_blocked
from days
left join observations using (source, day)
left join changes using (source, day)
left join held_back using (source, day)
left join blocked_days using (source, day)
left join chunk_totals using (source, day)
left join embedded_totals using (source, day)

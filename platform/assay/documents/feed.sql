-- The feed of one source and day: what differs between its manifest and what was known before it.
-- In a source of arrivals everything observed is an upsert, and nothing is ever deleted.
with observations as (
    select * from manifests where source = $source and day between $since and $day
),
present as (
    select * from observations where day = $day and status <> 'empty'
),
-- Folders that could not be entered: what lies in them was not observed, so nobody knows what became of it.
closed as (
    select day, path from observations where status = 'refused' and ends_with(path, '/')
),
-- What the source was last known to hold: the manifest before this one, and for a folder that could not be entered then,
-- the newest one that could. Older rows are narrowed to such folders first: a folder can be closed for years.
candidates as (
    select * from observations where day = $previous_day
    union all
    select observations.*
    from observations
    join closed on closed.day = $previous_day and starts_with(observations.path, closed.path)
    where observations.day < $previous_day
),
earlier as (
    select * from candidates as seen
    where $mode = 'snapshot'
      and status <> 'empty'
      and not ends_with(path, '/')
      and not exists (
          select 1
          from (select distinct day from observations where day <= $previous_day) as later
          where later.day > seen.day
            and not exists (
                select 1 from closed where closed.day = later.day and starts_with(seen.path, closed.path)
            )
      )
),
upserts as (
    select
        $source as source,
        $day::date as day,
        $namespace || ':' || present.path as document_id,
        $document_version::bigint as document_version,
        'upsert' as op,
        case
            when earlier.path is null then 'added'
            when earlier.content_hash is distinct from present.content_hash then 'edited'
            else 'repermitted'
        end as change,
        present.path,
        present.uri,
        present.size_bytes,
        present.content_hash,
        present.tenant,
        present.allowed_principals
    from present
    left join earlier using (path)
    where present.status = 'observed'
      and (
          earlier.path is null
          or earlier.content_hash is distinct from present.content_hash
          or earlier.tenant <> present.tenant
          or earlier.allowed_principals <> present.allowed_principals
      )
),
deletes as (
    select
        $source as source,
        $day::date as day,
        $namespace || ':' || path as document_id,
        $document_version::bigint as document_version,
        'delete' as op,
        'deleted' as change,
        path,
        uri,
        null::bigint as size_bytes,
        null::varchar as content_hash,
        tenant,
        allowed_principals
    from earlier
    where path not in (select path from present)
      and not exists (select 1 from closed where closed.day = $day and starts_with(earlier.path, closed.path))
)
select * from upserts
union all
select * from deletes
order by document_id

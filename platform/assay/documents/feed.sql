-- The feed of one source and day: what differs between its manifest and the one observed before it.
-- In a source of arrivals everything observed is an upsert, and nothing is ever deleted.
with present as (
    select * from manifests where day = $day and status <> 'empty'
),
earlier as (
    select * from manifests where day = $previous_day and status <> 'empty' and $mode = 'snapshot'
),
closed as (
    select path from present where status = 'refused'
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
      -- What lay in a folder that could not be entered was not observed, so nobody knows that it is gone.
      and not exists (select 1 from closed where starts_with(earlier.path, closed.path || '/'))
)
select * from upserts
union all
select * from deletes
order by document_id

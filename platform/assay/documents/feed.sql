-- The feed of one source and day: what differs between its manifest and what was known before it.
-- In a source of arrivals everything observed is an upsert; nothing is ever deleted or moved.
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
gone as (
    select *, parse_filename(path) as name
    from earlier
    where path not in (select path from present)
      and not exists (select 1 from closed where closed.day = $day and starts_with(earlier.path, closed.path))
),
appeared as (
    select *, parse_filename(path) as name
    from present
    where status = 'observed' and path not in (select path from earlier)
),
-- The same bytes under another path are a move, one for one: first those that keep their file name, then the rest, each in
-- the order of their paths. Empty files are all alike, and so say nothing.
lost_files as (
    select *, row_number() over (partition by content_hash, name order by path) as place from gone where size_bytes > 0
),
found_files as (
    select *, row_number() over (partition by content_hash, name order by path) as place from appeared where size_bytes > 0
),
keeping_their_name as (
    select gone.path as path_before, appeared.path as path_now
    from lost_files as gone
    join found_files as appeared using (content_hash, name, place)
),
renamed as (
    select gone.path as path_before, appeared.path as path_now
    from (
        select path, content_hash, row_number() over (partition by content_hash order by path) as place
        from lost_files
        where path not in (select path_before from keeping_their_name)
    ) as gone
    join (
        select path, content_hash, row_number() over (partition by content_hash order by path) as place
        from found_files
        where path not in (select path_now from keeping_their_name)
    ) as appeared using (content_hash, place)
),
moves as (
    select * from keeping_their_name
    union all
    select * from renamed
),
upserts as (
    select
        $source as source,
        $day::date as day,
        $namespace || ':' || present.path as document_id,
        $document_version::bigint as document_version,
        'upsert' as op,
        case
            when moves.path_before is not null then 'moved'
            when earlier.path is null then 'added'
            when earlier.content_hash is distinct from present.content_hash then 'edited'
            else 'repermitted'
        end as change,
        present.path,
        present.uri,
        present.size_bytes,
        present.content_hash,
        present.tenant,
        present.allowed_principals,
        $namespace || ':' || moves.path_before as moved_from,
        null::varchar as moved_to
    from present
    left join earlier using (path)
    left join moves on moves.path_now = present.path
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
        $namespace || ':' || gone.path as document_id,
        $document_version::bigint as document_version,
        'delete' as op,
        case when moves.path_now is null then 'deleted' else 'moved_away' end as change,
        gone.path,
        gone.uri,
        null::bigint as size_bytes,
        null::varchar as content_hash,
        gone.tenant,
        gone.allowed_principals,
        null::varchar as moved_from,
        $namespace || ':' || moves.path_now as moved_to
    from gone
    left join moves on moves.path_before = gone.path
)
select * from upserts
union all
select * from deletes
order by document_id

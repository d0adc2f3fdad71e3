-- The standing version of every document id, folded from the whole feed, so that the order in which days ran cannot matter.
with feed_rows as (
    select * from feed
    where (source, day) not in (select (source, day) from blocked)
),
latest as (
    select * from feed_rows
    qualify row_number() over (partition by document_id order by document_version desc, source desc) = 1
),
last_delete as (
    select document_id, max(row(document_version, source)) as place
    from feed_rows
    where op = 'delete'
    group by document_id
),
-- The newest text that could be used, from an upsert after the last delete: an edit in quarantine leaves the one before it.
texts as (
    select parsed.*
    from parsed
    join feed_rows using (source, day, document_id, content_hash)
    left join last_delete using (document_id)
    where feed_rows.op = 'upsert'
      and (last_delete.place is null or row(feed_rows.document_version, feed_rows.source) > last_delete.place)
    qualify row_number() over (partition by document_id order by parsed.document_version desc, parsed.source desc) = 1
)
select
    latest.document_id,
    latest.document_version,
    latest.source,
    latest.op = 'delete' as is_deleted,
    texts.document_version as text_version,
    texts.source as text_source,
    texts.day as text_day,
    texts.text_hash,
    texts.title,
    latest.uri,
    latest.tenant,
    latest.allowed_principals
from latest
left join texts using (document_id)
order by latest.document_id

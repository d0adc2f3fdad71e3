-- The standing version of every document id, folded from the whole feed, so that the order in which days ran cannot matter.
-- Of a day whose texts were refused only the deletions count: nothing else of it reaches gold. What it narrowed is kept
-- from searches by the deny-list, which waits for no text.
with feed_rows as (
    select * from feed
    where (
            (source, day) not in (select (source, day) from blocked_feeds)
            -- A deletion that was believed once stands, though its day was refused since: what was gone does not come back.
            or (
                op = 'delete'
                and (document_id, source, document_version) in (
                    select (document_id, source, document_version) from tombstones
                )
            )
        )
      and (op = 'delete' or (source, day) not in (select (source, day) from blocked_texts))
),
-- Sources may share an id: what one of them drops stands on while another holds it.
latest_of_source as (
    select * from feed_rows
    qualify row_number() over (partition by document_id, source order by document_version desc) = 1
),
latest as (
    select * from latest_of_source
    qualify row_number() over (
        partition by document_id order by op = 'upsert' desc, document_version desc, source desc
    ) = 1
),
last_delete as (
    select document_id, source, max(document_version) as document_version
    from feed_rows
    where op = 'delete'
    group by document_id, source
),
-- The newest text that could be used, of a source that holds the document, from an upsert after its last delete:
-- an edit in quarantine leaves the text before it.
texts as (
    select parsed.*
    from parsed
    join feed_rows using (source, day, document_id, content_hash)
    join latest_of_source on
        latest_of_source.document_id = parsed.document_id
        and latest_of_source.source = parsed.source
        and latest_of_source.op = 'upsert'
    left join last_delete on last_delete.document_id = parsed.document_id and last_delete.source = parsed.source
    where feed_rows.op = 'upsert'
      and (last_delete.document_version is null or feed_rows.document_version > last_delete.document_version)
    qualify row_number() over (
        partition by parsed.document_id order by parsed.document_version desc, parsed.source desc
    ) = 1
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

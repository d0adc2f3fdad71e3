-- Who may find each document, and up to which version everything of it is gone: the last moment at which no source held it.
with feed_rows as (
    select * from feed
    where (source, day) not in (select (source, day) from blocked_feeds)
       or (
            op = 'delete'
            and (document_id, source, document_version) in (
                select (document_id, source, document_version) from tombstones
            )
        )
),
steps as (
    select
        document_id,
        document_version,
        (op = 'upsert')::int - lag((op = 'upsert')::int, 1, 0) over (
            partition by document_id, source order by document_version
        ) as step
    from feed_rows
),
-- Rows of one version count together, so a document that one source drops and another takes over at once was never gone.
holders as (
    select
        document_id,
        document_version,
        sum(step) over (
            partition by document_id order by document_version range between unbounded preceding and current row
        ) as holding
    from steps
),
gone as (
    select document_id, max(document_version) as gone_through
    from holders
    where holding = 0
    group by document_id
)
select latest.document_id, latest.is_deleted, latest.allowed_principals, gone.gone_through
from latest
left join gone using (document_id)
order by latest.document_id

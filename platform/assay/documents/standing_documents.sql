-- Every document id that the believed feed or the state knows, and how often it stands. Believed is what the state is folded
-- from: of a day whose manifest or feed was refused only the deletions that stand already, of a day whose texts were refused
-- all deletions.
with believed as (
    select distinct document_id
    from feed
    where (
            (source, day) not in (select (source, day) from blocked_feeds)
            or (
                op = 'delete'
                and (document_id, source, document_version) in (
                    select (document_id, source, document_version) from state where is_deleted
                )
            )
        )
      and (op = 'delete' or (source, day) not in (select (source, day) from blocked_texts))
),
standing as (
    select document_id, count(*) as copies
    from state
    group by document_id
)
select
    coalesce(believed.document_id, standing.document_id) as document_id,
    believed.document_id is not null as is_believed,
    coalesce(standing.copies, 0) as copies
from believed
full join standing on standing.document_id = believed.document_id

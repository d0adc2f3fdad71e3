-- Documents of which something that can be found, or is about to be, holds more than the feed permits now.
with held_documents as (
    select distinct document_id, source, document_version, allowed_principals from held
),
unequal as (
    select
        held_documents.*,
        permissions.document_id is null as is_unknown,
        coalesce(permissions.is_deleted, true) as is_gone,
        permissions.gone_through,
        permissions.allowed_principals as permitted
    from held_documents
    left join permissions on permissions.document_id = held_documents.document_id
    where coalesce(permissions.is_deleted, true)
       or held_documents.document_version <= permissions.gone_through
       or not list_has_all(permissions.allowed_principals, held_documents.allowed_principals)
)
select
    document_id,
    -- A version can be newer than the deletion that a late day brought: all that is held is gone.
    case when is_gone then greatest(max(document_version), coalesce(gone_through, 0)) else gone_through end as gone_through,
    case when is_gone then [] else permitted end as allowed_principals
from unequal
-- Seen and then not even deleted: the day that brought it was observed again without it. A refused day says no such thing.
where not is_unknown
   or source not in (select source from blocked_feeds)
   or document_id in (select document_id from denied)
group by document_id, is_gone, gone_through, permitted
order by document_id

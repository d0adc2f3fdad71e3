-- Documents whose chunks must be made anew, and documents whose chunks must go; `chunks` are those of one chunker.
with current_documents as (
    select * from state
    where not is_deleted
      and text_version is not null
      and document_id not in (select document_id from hidden)
),
standing as (
    select distinct
        document_id, document_version, document_text_hash, source, tenant, allowed_principals, uri, title
    from chunks
),
right_ones as (
    select standing.document_id
    from standing
    join current_documents on
        standing.document_id = current_documents.document_id
        and standing.document_version = current_documents.document_version
        and standing.document_text_hash = current_documents.text_hash
        and standing.source = current_documents.source
        and standing.tenant = current_documents.tenant
        and standing.allowed_principals = current_documents.allowed_principals
        and standing.uri = current_documents.uri
        and standing.title = current_documents.title
    where standing.document_id not in (
        -- Rows of one document that disagree with each other.
        select document_id from standing group by document_id having count(*) > 1
    )
)
select document_id, 'chunk' as action
from current_documents
where document_id not in (select document_id from right_ones)
union all
select distinct document_id, 'remove' as action
from standing
where document_id not in (select document_id from current_documents)
order by document_id

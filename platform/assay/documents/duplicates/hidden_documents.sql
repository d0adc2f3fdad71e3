-- Duplicates whose canonical document is found by everybody who may find them, in this state of both.
with current_documents as (
    select document_id, text_hash, source, tenant, allowed_principals
    from state
    where not is_deleted and text_version is not null
)
select duplicates.document_id, duplicates.canonical_id
from duplicates
join current_documents as documents
    on documents.document_id = duplicates.document_id
    and documents.text_hash = duplicates.text_hash
join current_documents as canonicals
    on canonicals.document_id = duplicates.canonical_id
    and canonicals.text_hash = duplicates.canonical_text_hash
    and canonicals.source = documents.source
    and canonicals.tenant = documents.tenant
    and canonicals.allowed_principals = documents.allowed_principals
where duplicates.canonical_id not in (select document_id from duplicates)
order by duplicates.document_id

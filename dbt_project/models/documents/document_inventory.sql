with current_documents as (
    select *
    from {{ source('silver', 'document_state') }}
    where not is_deleted and text_version is not null
),
-- While a candidate cuts otherwise than what serves, the chunks of both stand. Daily texts are of what serves alone; killed
-- half-way they may hold rows of two chunkers.
served as (
    select mode(chunker) as chunker from {{ source('gold', 'daily_texts') }}
),
chunk_totals as (
    select document_id, count(*) as chunks, sum(token_count)::bigint as tokens
    from {{ source('gold', 'chunks') }} as chunks
    semi join served on chunks.chunker = served.chunker
    group by document_id
)
select
    current_documents.document_id,
    current_documents.source,
    current_documents.tenant,
    current_documents.title,
    texts.language,
    current_documents.uri,
    length(texts.text) as size_characters,
    coalesce(chunk_totals.chunks, 0) as chunks,
    coalesce(chunk_totals.tokens, 0) as tokens,
    duplicates.canonical_id as duplicate_of,
    make_timestamp(current_documents.document_version) at time zone 'UTC' as last_changed_at
from current_documents
-- Left, so that a text that is missing fails the contract instead of taking its document along.
left join {{ source('silver', 'documents') }} as texts
    on current_documents.document_id = texts.document_id
    and current_documents.text_source = texts.source
    and current_documents.text_day = texts.day
left join chunk_totals on current_documents.document_id = chunk_totals.document_id
-- A row of another text than the standing one tells of the state before it.
left join {{ source('silver', 'duplicates') }} as duplicates
    on current_documents.document_id = duplicates.document_id
    and current_documents.text_hash = duplicates.text_hash

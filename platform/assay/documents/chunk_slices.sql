-- Chunks whose text is not exactly the slice of the silver text that their offsets name.
select chunks.chunk_id
from chunks
join state using (document_id)
join texts on
    texts.document_id = state.document_id
    and texts.source = state.text_source
    and texts.day = state.text_day
where texts.text_hash = chunks.document_text_hash
  and substring(texts.text, chunks.start + 1, chunks."end" - chunks.start) <> chunks.text

"""LlamaIndex: IngestionPipeline with SentenceSplitter, a document store, `UPSERTS` and Chroma.

The document store is the SimpleDocumentStore that `pipeline.persist` writes after a run, as its documentation does. The
pipeline's own cache is off: its key covers all documents of a run at once, so it never answers here, and it would cost
time to write.
"""

from pathlib import Path
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.schema import Document
from llama_index.core.storage.docstore import SimpleDocumentStore
from llama_index.vector_stores.chroma import ChromaVectorStore
from pydantic import PrivateAttr

from ingest_systems.chroma_store import COLLECTION, count_store_writes, open_client, stored_chunks, token_counter
from ingest_systems.command import CHUNK_TOKENS, Chunks, run
from ingest_systems.corpus import read_day
from ingest_systems.meter import MODEL_BATCH_TEXTS, Meter, load_sentence_transformer

# The pipeline hands all chunks of a call to the store at once, and Chroma refuses more than 5,461: the 6,742 of 400
# documents ended the first load with an error, after their embedding.
DOCUMENTS_PER_CALL = 200


class CountedEmbedding(BaseEmbedding):
    """The model, loaded with the first text."""

    _folder: Path = PrivateAttr()
    _meter: Meter = PrivateAttr()
    _model: Any = PrivateAttr(default=None)

    def __init__(self, folder: Path, meter: Meter) -> None:
        super().__init__(model_name=folder.name, embed_batch_size=MODEL_BATCH_TEXTS)
        self._folder, self._meter = folder, meter

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        self._model = self._model or self._meter.load_model(lambda: load_sentence_transformer(self._folder))
        vectors = self._model.encode(
            texts, batch_size=MODEL_BATCH_TEXTS, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors.tolist()

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


class LlamaIndexPipeline:
    def __init__(self, home: Path, model: Path, meter: Meter, batch_size: int) -> None:
        self._home, self._model, self._meter = home, model, meter

    def ingest(self, corpus: Path, day: str) -> None:
        count_store_writes(self._meter)
        folder = self._home / "pipeline"
        store = ChromaVectorStore(chroma_collection=open_client(self._home).get_or_create_collection(COLLECTION))
        pipeline = IngestionPipeline(
            transformations=[self._splitter(), CountedEmbedding(self._model, self._meter)],
            docstore=SimpleDocumentStore.from_persist_dir(str(folder)) if folder.exists() else SimpleDocumentStore(),
            docstore_strategy=DocstoreStrategy.UPSERTS,
            vector_store=store,
            disable_cache=True,
        )
        documents = _documents(corpus, day)
        for start in range(0, len(documents), DOCUMENTS_PER_CALL):
            pipeline.run(documents=documents[start : start + DOCUMENTS_PER_CALL])
        pipeline.persist(str(folder))

    def stored(self) -> Chunks:
        return stored_chunks(self._home, "ref_doc_id")

    def wanted(self, corpus: Path, day: str) -> Chunks:
        chunks: Chunks = {}
        for node in self._splitter().get_nodes_from_documents(_documents(corpus, day)):
            chunks.setdefault(node.ref_doc_id or "", []).append(node.get_content())
        return chunks

    def _splitter(self) -> SentenceSplitter:
        return SentenceSplitter(chunk_size=CHUNK_TOKENS, chunk_overlap=0, tokenizer=token_counter(self._model))


def _documents(corpus: Path, day: str) -> list[Document]:
    return [Document(id_=path, text=text) for path, text in read_day(corpus, day)]


if __name__ == "__main__":
    run(LlamaIndexPipeline)

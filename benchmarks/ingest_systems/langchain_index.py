"""LangChain: its Markdown splitter and its indexing API with a record manager, `cleanup="incremental"`, into Chroma."""

from pathlib import Path
from typing import Any

from langchain_chroma import Chroma
from langchain_classic.indexes import SQLRecordManager, index
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_text_splitters import MarkdownTextSplitter

from ingest_systems.chroma_store import COLLECTION, count_store_writes, open_client, stored_chunks, token_counter
from ingest_systems.command import CHUNK_TOKENS, Chunks, run
from ingest_systems.corpus import read_day
from ingest_systems.meter import MODEL_BATCH_TEXTS, Meter, load_sentence_transformer

SOURCE = "source"


class CountedEmbeddings(Embeddings):
    """The model, loaded with the first text."""

    def __init__(self, folder: Path, meter: Meter) -> None:
        self._folder, self._meter, self._model = folder, meter, None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self._model = self._model or self._meter.load_model(lambda: load_sentence_transformer(self._folder))
        vectors: Any = self._model.encode(
            texts, batch_size=MODEL_BATCH_TEXTS, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors.tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


class LangChainIndex:
    def __init__(self, home: Path, model: Path, meter: Meter, batch_size: int) -> None:
        self._home, self._model, self._meter, self._batch_size = home, model, meter, batch_size

    def ingest(self, corpus: Path, day: str) -> None:
        count_store_writes(self._meter)
        store = Chroma(
            COLLECTION,
            embedding_function=CountedEmbeddings(self._model, self._meter),
            client=open_client(self._home),
        )
        records = SQLRecordManager(f"chroma/{COLLECTION}", db_url=f"sqlite:///{self._home / 'records.sqlite'}")
        records.create_schema()
        index(
            self._split(corpus, day),
            records,
            store,
            batch_size=self._batch_size,
            cleanup="incremental",
            source_id_key=SOURCE,
            key_encoder="sha256",
        )

    def stored(self) -> Chunks:
        return stored_chunks(self._home, SOURCE)

    def wanted(self, corpus: Path, day: str) -> Chunks:
        chunks: Chunks = {}
        for piece in self._split(corpus, day):
            chunks.setdefault(piece.metadata[SOURCE], []).append(piece.page_content)
        return chunks

    def _split(self, corpus: Path, day: str) -> list[Document]:
        tokens = token_counter(self._model)
        splitter = MarkdownTextSplitter(
            chunk_size=CHUNK_TOKENS, chunk_overlap=0, length_function=lambda text: len(tokens(text))
        )
        documents = [Document(text, metadata={SOURCE: path}) for path, text in read_day(corpus, day)]
        return splitter.split_documents(documents)


if __name__ == "__main__":
    run(LangChainIndex)

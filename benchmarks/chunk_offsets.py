"""Chunk every text corpus with every strategy and count the chunks that break a promise.

    python benchmarks/chunk_offsets.py [--sample N] [--size TOKENS]

Promises: `text[start:end] == chunk.text`, chunks in order, every visible character in one, no more tokens than `size`.
`semantic` gets hashed bags of words in place of the model's vectors: the promises hold whatever the vectors are, and the
model would take hours for these texts.
Texts come from `ASSAY_SHARED_DATA` (default `../shared/data`); equal texts of a corpus are chunked once. Exits 1 on any
mismatch and 2 where there is no data.
"""

import argparse
import json
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assay.documents.chunking import STRATEGIES, Chunk, chunk_text

TEXT_SUFFIXES = {".md", ".html", ".csv", ".eml", ".txt", ".rst", ".json"}
OVERLAP_TOKENS = 20
HASHED_DIMENSION = 64


def data_folder() -> Path | None:
    """The folder that holds the corpora, or None."""
    checkout = Path(__file__).resolve().parents[1]
    root = Path(os.environ.get("ASSAY_SHARED_DATA") or checkout.parent / "shared" / "data")
    folder = root / "dev" if (root / "dev").is_dir() else root
    return folder if folder.is_dir() else None


def scifact(folder: Path) -> Iterator[str]:
    with (folder / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        for document in map(json.loads, lines):
            yield f"{document['title']} {document['text']}"


def powershell_docs(folder: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    column = pq.read_table(folder / "powershell_docs_history" / "snapshots.parquet", columns=["text"])["text"]
    yield from dict.fromkeys(column.to_pylist())


def chunking_evaluation(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "chunking_evaluation").glob("*.md")):
        with path.open(encoding="utf-8", newline="") as file:
            yield file.read()


def xquad(folder: Path) -> Iterator[str]:
    for article in json.loads((folder / "xquad_en" / "xquad.en.json").read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            yield paragraph["context"]


def begin(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "begin").glob("*.tsv")):
        text = path.read_text(encoding="utf-8")
        yield text
        yield from text.splitlines()


def faithbench(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "faithbench").glob("*.json")):
        yield from (sample["source"] for sample in json.loads(path.read_text(encoding="utf-8"))["samples"])


def text_files(folder: Path) -> Iterator[str]:
    for path in sorted((folder / "pdfs").rglob("*")):
        if path.suffix.lower() in TEXT_SUFFIXES and path.is_file():
            data = path.read_bytes()
            yield data.decode("utf-8", errors="surrogateescape")
            yield data.decode("latin-1")


CORPORA: dict[str, Callable[[Path], Iterator[str]]] = {
    "scifact": scifact,
    "powershell_docs_history": powershell_docs,
    "chunking_evaluation": chunking_evaluation,
    "xquad_en": xquad,
    "begin": begin,
    "faithbench": faithbench,
    "pdfs (text files)": text_files,
}


def chunks_of(text: str, strategy: str, size: int) -> list[Chunk]:
    """The chunks of a text, those of `recursive` and `fixed` with an overlap."""
    overlap = min(OVERLAP_TOKENS, size - 1)
    return chunk_text(text, strategy=strategy, size=size, overlap=overlap, embed=hashed_words)


def hashed_words(sentences: Sequence[str]) -> NDArray[np.float32]:
    """A vector of length 1 for each sentence, from its words alone."""
    rows = np.full((len(sentences), HASHED_DIMENSION), 1e-3, np.float32)
    for row, sentence in zip(rows, sentences, strict=True):
        for word in sentence.split():
            row[zlib.crc32(word.encode(errors="replace")) % HASHED_DIMENSION] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def broken_promises(text: str, chunks: list[Chunk], size: int) -> int:
    """How many chunks are not the slice they say, out of order or too large, plus the runs of text in no chunk."""
    broken = covered = 0
    last_start = -1
    for chunk in chunks:
        broken += text[chunk.start : chunk.end] != chunk.text or not chunk.text.strip()
        broken += chunk.start <= last_start or chunk.end <= covered
        broken += chunk.token_count > size and len(chunk.text) > 1
        broken += bool(text[covered : max(chunk.start, covered)].strip())
        covered, last_start = max(covered, chunk.end), chunk.start
    return broken + bool(text[covered:].strip())


def main() -> int:
    parser = argparse.ArgumentParser(description="Check the offsets of every chunk of every text corpus.")
    parser.add_argument("--sample", type=int, default=1, help="take every N-th text")
    parser.add_argument("--size", type=int, default=200)
    arguments = parser.parse_args()
    folder = data_folder()
    if folder is None:
        print("no data: set ASSAY_SHARED_DATA", file=sys.stderr)
        return 2
    print("corpus                   strategy    texts  characters   chunks mismatches  CPU seconds")
    total = 0
    for name, read in CORPORA.items():
        texts = list(dict.fromkeys(read(folder)))[:: arguments.sample]
        for strategy in STRATEGIES:
            chunks = mismatches = 0
            seconds = 0.0
            for text in texts:
                began = time.process_time()
                found = chunks_of(text, strategy, arguments.size)
                seconds += time.process_time() - began
                chunks += len(found)
                mismatches += broken_promises(text, found, arguments.size)
            characters = sum(map(len, texts))
            print(
                f"{name:24} {strategy:10} {len(texts):6} {characters:11,} {chunks:8,} {mismatches:10} {seconds:12.1f}",
                flush=True,
            )
            total += mismatches
    print(f"{total} mismatches")
    return 1 if total else 0


if __name__ == "__main__":
    raise SystemExit(main())

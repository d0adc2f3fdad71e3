"""Runs in the peers' environment: LangChain's recursive splitter over texts, sizes in the embedding model's tokens.

    python langchain_splitter.py TOKENIZER_JSON SIZE < texts.json > spans.json

Reads a list of texts and prints for each the `[start, end]` of every chunk.
"""

import json
import sys

from langchain_text_splitters import RecursiveCharacterTextSplitter
from tokenizers import Tokenizer


def main() -> None:
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=int(sys.argv[2]), chunk_overlap=0, length_function=tokens, add_start_index=True
    )
    found = [
        [
            [document.metadata["start_index"], document.metadata["start_index"] + len(document.page_content)]
            for document in splitter.create_documents([text])
        ]
        for text in json.load(sys.stdin)
    ]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

"""Every chunk of real texts is the slice it says it is."""

import importlib.util
from pathlib import Path

import pytest
from scale import AT_CI

from assay.documents.chunking import STRATEGIES

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "chunk_offsets.py"
SAMPLED_TEXTS = 100 if AT_CI else 40
_spec = importlib.util.spec_from_file_location("chunk_offsets", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
chunk_offsets = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(chunk_offsets)


@pytest.mark.skipif(chunk_offsets.data_folder() is None, reason="no real data: set ASSAY_SHARED_DATA")
@pytest.mark.parametrize("corpus", chunk_offsets.CORPORA)
def test_offsets_hold_on_a_sample_of_every_corpus(corpus):
    texts = list(dict.fromkeys(chunk_offsets.CORPORA[corpus](chunk_offsets.data_folder())))
    assert texts
    for text in texts[:: -(-len(texts) // SAMPLED_TEXTS)]:
        for strategy in STRATEGIES:
            chunks = chunk_offsets.chunks_of(text, strategy, 200)
            assert chunk_offsets.broken_promises(text, chunks, 200) == 0
            assert bool(chunks) == bool(text.strip())

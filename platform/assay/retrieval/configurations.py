"""Configurations: everything besides the documents that decides what a search finds and what is answered from it.

Several are live at once: the one that serves, the one that the settings name, which is a candidate where it is another,
and those that a rollback could go back to. Each has a manifest, `releases/manifests/<id>.json`, so that what serves goes on
serving by its own model and knobs whatever the settings say meanwhile.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.documents.chunk_rows import configured_chunker
from assay.durable_files import replace_file, write_error
from assay.embeddings import Embedder
from assay.errors import ModelError, StorageError
from assay.retrieval.fusion import FUSION_ID
from assay.retrieval.index import table_name
from assay.retrieval.serving import read_pointer, retained_configurations
from assay.settings import Settings

MANIFESTS_FOLDER = "manifests"
# By what a configuration knows how answers are made; to be renamed whenever an answer could come out differently.
ANSWERER_ID = "extractive-1"
PROMPT_ID = "quotes-with-citations-1"

# They say where to find or how to build what the fingerprint and the chunker identify, and decide nothing themselves.
_NOT_IDENTIFYING = ("model", "chunk_strategy", "chunk_size_tokens", "chunk_overlap_tokens")


@dataclass(frozen=True)
class ReleaseConfiguration:
    """What, with a version of its table, makes a release.

    `fingerprint`: of the embedding model that is found under the name or path `model`, at `precision`. `chunker`: the id of
    what the three `chunk_` knobs and the tokenizer make. `search_mode` and `fusion`: how passages are ranked. `passages`:
    how many of them `answerer` reads with `prompt`; below `answer_floor` it abstains.
    """

    model: str
    fingerprint: str
    precision: str
    chunk_strategy: str
    chunk_size_tokens: int
    chunk_overlap_tokens: int
    chunker: str
    search_mode: str
    fusion: str
    passages: int
    answerer: str
    answer_floor: float
    prompt: str

    @cached_property
    def configuration_id(self) -> str:
        """12 hex digits of a sha256 over what decides an answer, as canonical JSON; where the model lies does not count.

        A field that came later has a default, what was done before it; at that it is left out, so that older ids stay.
        """
        added = {field.name: field.default for field in dataclasses.fields(self) if _came_later(field)}
        deciding = {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in _NOT_IDENTIFYING and (name not in added or value != added[name])
        }
        return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def table(self) -> str:
        """The table of its model and chunker; configurations that differ in other things alone share it."""
        return table_name(self.fingerprint, self.chunker)

    def settings(self, base: Settings) -> Settings:
        """`base` with the knobs of this configuration."""
        return base.model_copy(
            update={
                "embedding_model": self.model,
                "embedding_precision": self.precision,
                "chunk_strategy": self.chunk_strategy,
                "chunk_size_tokens": self.chunk_size_tokens,
                "chunk_overlap_tokens": self.chunk_overlap_tokens,
                "search_mode": self.search_mode,
                "answer_passages": self.passages,
                "answer_floor": self.answer_floor,
            }
        )


def configured_release(settings: Settings) -> ReleaseConfiguration:
    """The configuration that the settings name now. Raises ModelError where its model is missing or altered."""
    model = Embedder.open(settings).model
    return ReleaseConfiguration(
        model=model.name,
        fingerprint=model.fingerprint,
        precision=settings.embedding_precision,
        chunk_strategy=settings.chunk_strategy,
        chunk_size_tokens=settings.chunk_size_tokens,
        chunk_overlap_tokens=settings.chunk_overlap_tokens,
        chunker=configured_chunker(settings),
        search_mode=settings.search_mode,
        fusion=FUSION_ID,
        passages=settings.answer_passages,
        answerer=ANSWERER_ID,
        answer_floor=settings.answer_floor,
        prompt=PROMPT_ID,
    )


def served_chunker(settings: Settings) -> str:
    """The chunker whose chunks are meant where gold/chunks is read for people: that of what serves, else the configured."""
    serving = read_pointer(settings.releases_path)
    return serving.chunker if serving else configured_chunker(settings)


@dataclass(frozen=True)
class FoundConfigurations:
    """The `live` configurations, and the retained ones of which the manifest is `unreadable`, by id with the reason."""

    live: tuple[ReleaseConfiguration, ...]
    unreadable: Mapping[str, str]


def live_configurations(settings: Settings) -> list[ReleaseConfiguration]:
    """The configurations that every data change reaches: serving, configured, retained; distinct, in this order.

    Before the first promotion that is the configured one alone. A retained one without a readable manifest is left out.
    Raises ModelError where the configured model is missing or altered, StorageError where the pointer or the manifest of
    what serves cannot be read.
    """
    return list(find_configurations(settings).live)


def find_configurations(settings: Settings) -> FoundConfigurations:
    """The same, with what is known of those that are left out. Raises as `live_configurations`."""
    configured = configured_release(settings)
    serving = read_pointer(settings.releases_path)
    replaced = retained_configurations(settings.releases_path, timedelta(days=settings.release_retention_days))
    ids = [*([serving.configuration] if serving else []), configured.configuration_id, *replaced]
    live: list[ReleaseConfiguration] = []
    unreadable: dict[str, str] = {}
    for one in dict.fromkeys(ids):
        if one == configured.configuration_id:
            # What the settings say counts: its model may lie elsewhere than when its manifest was written.
            live.append(configured)
            continue
        try:
            live.append(read_manifest(settings.releases_path, one))
        except StorageError as error:
            if serving is not None and one == serving.configuration:
                raise
            unreadable[one] = str(error)
    return FoundConfigurations(tuple(live), unreadable)


def embedder_of(configuration: ReleaseConfiguration, base: Settings) -> Embedder:
    """The embedder of a configuration over the caches of `base`.

    Raises ModelError where its model is missing, or is not the one any more that the configuration was made with.
    """
    embedder = Embedder.open(configuration.settings(base))
    if embedder.model.fingerprint != configuration.fingerprint:
        raise ModelError(
            f"The model {configuration.model!r} of configuration {configuration.configuration_id} was altered: its "
            f"fingerprint is {embedder.model.fingerprint[:12]}, it was {configuration.fingerprint[:12]}. Nothing was embedded "
            "by it. Put the former files back, or go over to the new ones with `assay ingest DIR` and `assay release promote`."
        )
    return embedder


def check_ranking(configuration: ReleaseConfiguration) -> None:
    """Raise ModelError where this code ranks passages otherwise than the configuration was judged to."""
    _check_ids(configuration, {"fusion": FUSION_ID})


def check_answering(configuration: ReleaseConfiguration) -> None:
    """Raise ModelError where this code answers otherwise than the configuration was judged to."""
    _check_ids(configuration, {"answerer": ANSWERER_ID, "prompt": PROMPT_ID})


def _check_ids(configuration: ReleaseConfiguration, ours: Mapping[str, str]) -> None:
    for name, here in ours.items():
        made_with = getattr(configuration, name)
        if made_with != here:
            raise ModelError(
                f"Configuration {configuration.configuration_id} was judged with the {name} `{made_with}`; this code has "
                f"`{here}`. Nothing was asked of it, for it would answer as nobody tested. Build and judge a release of this "
                "code with `assay demo` or `assay ingest DIR`, then `assay release promote`; until then ask with the code "
                "that made it."
            )


def write_manifest(releases_path: Path, configuration: ReleaseConfiguration) -> None:
    """Keep what a configuration is, by its id. Where that stands already nothing is written. Raises DiskFull, StorageError."""
    path = manifest_path(releases_path, configuration.configuration_id)
    text = json.dumps(dataclasses.asdict(configuration), ensure_ascii=False, indent=2, sort_keys=True) + "\n"
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            replace_file(path, text)
    except OSError as error:
        raise write_error(
            f"The manifest {path} was not written: {error}. What serves goes on serving. Free the disk or mend the folder, "
            "then run the same command again.",
            error,
        ) from error


def read_manifest(releases_path: Path, configuration_id: str) -> ReleaseConfiguration:
    """The configuration of this id. Raises StorageError where its manifest is missing or cannot be read."""
    path = manifest_path(releases_path, configuration_id)
    try:
        configuration = _configuration(json.loads(path.read_text(encoding="utf-8")))
        if configuration.configuration_id != configuration_id:
            raise ValueError(f"it describes {configuration.configuration_id}")
    except (ValueError, TypeError, OSError) as error:
        raise StorageError(
            f"The manifest {path} cannot be read: {error}. The tables and pointers are untouched, but nothing can be searched by "
            f"this configuration. Put the file back, or set the configuration's own `ASSAY_...` and run `assay demo`, "
            "which writes it anew."
        ) from error
    return configuration


def manifest_path(releases_path: Path, configuration_id: str) -> Path:
    return releases_path / MANIFESTS_FOLDER / f"{configuration_id}.json"


def _configuration(record: Any) -> ReleaseConfiguration:
    """What a manifest says. One from before a field came has its default."""
    fields = {field.name: field for field in dataclasses.fields(ReleaseConfiguration)}
    needed = {name for name, field in fields.items() if not _came_later(field)}
    if not isinstance(record, Mapping) or not needed <= set(record) <= set(fields):
        raise ValueError(f"it does not hold exactly {', '.join(fields)}")
    for name, value in record.items():
        if type(value) is not fields[name].type:
            raise ValueError(f"`{name}` is {value!r}")
    return ReleaseConfiguration(**record)


def _came_later(field: "dataclasses.Field[Any]") -> bool:
    """Whether a manifest may lack it: only those that came after the first manifests were written have a default."""
    return field.default is not dataclasses.MISSING

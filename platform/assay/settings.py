"""Every knob of Assay: one typed class, filled from `ASSAY_...` in the environment and from `.env`.

A misspelt name is an error, not a silent default. All state lives under `Settings.home`.
"""

import difflib
import hashlib
import os
import re
from datetime import date
from pathlib import Path, PurePath, PurePosixPath
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from assay.errors import ConfigurationError

PREFIX = "ASSAY_"
# Read by the test suite and the Makefile, not by the platform.
_HARNESS_NAMES = frozenset({"ASSAY_TEST_SCALE", "ASSAY_REQUIRE_SERVICES", "ASSAY_SHARED_DATA"})

DuplicatesMode = Literal["off", "exact", "near"]
# A version number that begins a word of the path: `7.4`, `v2`, `v1beta1`, `release-7.4.1`; not `10` or `2026-11-01`.
DUPLICATE_SCOPE = r"(?i)(?<![^\W_])(?:v\d+\w*(?:\.\d+\w*)*|\d+(?:\.\d+\w*)+)"
PiiPolicy = Literal["keep", "mask", "quarantine"]
ChunkStrategyName = Literal["structure", "recursive", "semantic", "fixed"]
SearchModeName = Literal["hybrid", "dense", "lexical"]
PrecisionName = Literal["fp32", "bf16"]


def _local(uri: str) -> str:
    """`file:///x` and `local:///x` are the folder `/x`: one spelling, so that links and rules are looked at alike."""
    return re.sub(r"^(?:file|local):/*(?=/)", "", uri)


class PathRule(BaseModel):
    """Who owns and who may find the documents whose path matches `pattern` (a glob; the first match counts)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pattern: str
    tenant: str = "default"
    allowed_principals: tuple[str, ...] = Field(default=("public",), min_length=1)


class SourceSettings(BaseModel):
    """A place documents come from.

    `uri`: a folder, a glob (`docs/**/*.md`), any fsspec URI (`s3://bucket/docs`), each also with `{day}` in it
    for a folder per UTC day, or a Parquet file with the columns `path`, `snapshot_date` and `text`.
    `mode`: in a `snapshot` what is absent was deleted; `arrivals` only ever add.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    uri: str
    mode: Literal["snapshot", "arrivals"] = "snapshot"
    namespace: str | None = Field(default=None, description="Id prefix; sources that share it share documents.")
    rules: tuple[PathRule, ...] = ()
    pii: PiiPolicy = Field(
        default="keep",
        description="Personal data and secrets: kept, masked by tokens such as `[EMAIL]`, or the document held back.",
    )
    duplicate_scope: str = Field(
        default=DUPLICATE_SCOPE,
        description="Regular expression; documents whose paths differ in what it matches are never duplicates.",
    )

    @field_validator("duplicate_scope", mode="after")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"`{pattern}` is not a regular expression: {error}") from None
        return pattern

    @field_validator("uri", mode="after")
    @classmethod
    def _whole_folder(cls, uri: str) -> str:
        uri = _local(uri)
        if "{day}" in uri and "{day}" not in uri.split("/"):
            raise ValueError("`{day}` must be the whole name of a folder, as in `inbox/{day}`")
        return uri

    @property
    def id_namespace(self) -> str:
        return self.namespace or self.name

    def document_id(self, path: str) -> str:
        return f"{self.id_namespace}:{path}"


SAMPLE_SOURCE = SourceSettings(
    name="sample",
    uri="samples/inbox/{day}",
    rules=(
        PathRule(pattern="tenants/northwind/**", tenant="northwind", allowed_principals=("tenant:northwind",)),
        PathRule(pattern="tenants/umbra/**", tenant="umbra", allowed_principals=("tenant:umbra",)),
    ),
)


class Settings(BaseSettings):
    """Typed settings. Relative paths count from the current directory, which is the checkout for every `make` command."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default=Path(".assay"), description="All state; deleting it is a full reset.")
    documents: str | None = Field(
        default=None, description="One folder, glob or URI of your own, instead of the sample."
    )
    sources: tuple[SourceSettings, ...] = Field(
        default=(SAMPLE_SOURCE,), description="Full source definitions, as JSON."
    )
    canaries: Path | None = Field(
        default=Path("samples/canaries.jsonl"),
        description="Questions the fast gate asks; empty for those made from headings alone.",
    )
    golden_questions: Path | None = Field(
        default=Path("samples/golden/questions.jsonl"),
        description="Questions with known answers that a release must pass; empty for those made from headings alone.",
    )
    gate_policy: Path | None = Field(
        default=Path("samples/golden/policy.toml"),
        description="What a release must show, as TOML; empty for the gate's own policy.",
    )
    events: str | None = Field(
        default="samples/livestream.toml",
        description="Where events come from: a scenario to simulate, or a folder, glob or URI of logged events; empty switches the events half off.",
    )
    event_skew_seconds: float = Field(
        default=300.0,
        ge=0,
        description="How far an event's clock may run ahead of its arrival before it is quarantined.",
    )
    invoice_time_zone: str = Field(default="UTC", description="Time zone whose months are the invoice periods.")

    first_day: date = Field(default=date(2026, 11, 1), description="First daily partition (UTC).")

    restate_days: int = Field(
        default=3, ge=1, description="Past days that the restating schedule runs again and the inbox sensor looks at."
    )

    max_deleted_ratio: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of the known files that a snapshot may lack before it is taken for a place that is not mounted.",
    )

    max_file_bytes: int = Field(default=64 * 2**20, gt=0, description="Larger files are refused as `too_large`.")
    parse_timeout_seconds: float = Field(
        default=60.0, gt=0, description="Deadline for one document; of a scan, for one page."
    )
    parse_memory_bytes: int = Field(default=2 * 2**30, gt=0, description="Address space of one parser worker.")
    parse_workers: int = Field(default=2, ge=1, description="Parser processes.")
    document_passwords: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(), description="Passwords tried on encrypted files, comma-separated."
    )
    ocr_languages: str = Field(
        default="eng",
        pattern=r"^[A-Za-z0-9_/-]+(\+[A-Za-z0-9_/-]+)*$",
        description="Languages of scans, as tesseract names them, joined by `+`.",
    )

    duplicates: DuplicatesMode = Field(
        default="near",
        description="Which duplicates are hidden behind one document: `near`, only `exact` ones, or `off`.",
    )
    duplicate_threshold: float = Field(
        default=0.9,
        ge=0.5,
        le=1,
        description="Jaccard similarity of their runs of five words from which two texts are near duplicates.",
    )

    chunk_strategy: ChunkStrategyName = Field(default="structure", description="How texts are cut.")
    chunk_size_tokens: int = Field(default=200, ge=16, description="Target size in the embedding model's tokens.")
    chunk_overlap_tokens: int = Field(
        default=0, ge=0, description="Tokens repeated between neighbours; only for `recursive` and `fixed`."
    )

    embedding_model: str = Field(
        default="all-MiniLM-L6-v2", description="The bundled model, or any sentence-transformers name or path."
    )
    embedding_precision: PrecisionName = Field(
        default="fp32", description="Of the embedding model's arithmetic: `fp32` or `bf16`."
    )
    embedding_batch_size: int = Field(default=64, ge=1, description="Texts encoded at a time.")
    embedding_usd_per_million_tokens: float = Field(
        default=0.0,
        ge=0,
        description="What embedding costs, for the estimate of a migration; your own machine's time is 0.",
    )

    search_mode: SearchModeName = Field(
        default="hybrid", description="How a release ranks: a part of its configuration."
    )
    answer_passages: int = Field(default=5, ge=1, le=100, description="Passages that an answer is made of.")
    answer_floor: float = Field(
        default=0.35, ge=0, le=1, description="An answer whose best quote scores less is an abstention."
    )

    judge_url: str | None = Field(
        default=None,
        description="Base address of an OpenAI-compatible API whose model judges answers, such as `http://127.0.0.1:8000/v1`; unset, layer 3 is skipped.",
    )
    judge_model: str | None = Field(default=None, description="The judging model, as its API names it.")
    judge_api_key: SecretStr | None = Field(default=None, description="Key of the judge's API, if it wants one.")

    auto_promote: bool = Field(
        default=False,
        description="Promote every release that passes the gate; otherwise only the first is, and others by `assay release promote`.",
    )
    release_retention_days: int = Field(
        default=14, ge=0, description="How long a release that was replaced is kept up to date for a rollback."
    )

    max_quarantined_ratio: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of a batch that may fail an expectation of what arrives, and go to quarantine, before its day is blocked.",
    )
    data_docs_url: str = Field(
        default="http://127.0.0.1:3001", description="Where `data_docs/` is served, for links in the Dagster UI."
    )
    principals: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("public",), description="Who `assay search` asks as, comma-separated."
    )

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @field_validator("sources", mode="after")
    @classmethod
    def _names_differ(cls, sources: tuple[SourceSettings, ...]) -> tuple[SourceSettings, ...]:
        names = [source.name for source in sources]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two sources are called `{doubled[0]}`, and each would delete what the other brought")
        return sources

    @field_validator(
        "canaries",
        "events",
        "golden_questions",
        "gate_policy",
        "judge_url",
        "judge_model",
        "judge_api_key",
        mode="before",
    )
    @classmethod
    def _none_when_empty(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("invoice_time_zone", mode="after")
    @classmethod
    def _is_a_time_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError) as error:
            raise ValueError(
                f"`{name}` is not a time zone of the IANA database, such as `Europe/Copenhagen`"
            ) from error
        return name

    @field_validator("principals", "document_passwords", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def active_sources(self) -> tuple[SourceSettings, ...]:
        """The sources to observe: `documents` alone where it is set, else `sources`."""
        return (folder_source(self.documents),) if self.documents else self.sources

    @property
    def lake_path(self) -> Path:
        return self.home / "lake"

    @property
    def blobs_path(self) -> Path:
        return self.home / "blobs"

    @property
    def vectors_path(self) -> Path:
        return self.home / "vectors"

    @property
    def vector_cache_path(self) -> Path:
        return self.home / "caches" / "vectors.sqlite"

    @property
    def releases_path(self) -> Path:
        return self.home / "releases"

    @property
    def event_log_path(self) -> Path:
        """Logs that the simulator wrote, a folder per scenario."""
        return self.home / "event_log"

    @property
    def evaluation_path(self) -> Path:
        return self.home / "evaluation"

    @property
    def data_docs_path(self) -> Path:
        return self.home / "data_docs"

    @property
    def locks_path(self) -> Path:
        return self.home / "locks"

    @property
    def warehouse_path(self) -> Path:
        """The one DuckDB file, written by dbt; its stem differs from every schema name."""
        return self.home / "warehouse.duckdb"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"


def folder_source(uri: str) -> SourceSettings:
    """The source that stands for one folder, glob or URI given on the command line or as `ASSAY_DOCUMENTS`.

    The same place always gets the same name, and two places never share one.
    """
    uri = _local(uri)
    place = uri if "://" in uri else str(Path(uri).expanduser().resolve())
    slug = re.sub(r"[^a-z0-9]+", "-", Path(place).name.lower()).strip("-") or "documents"
    return SourceSettings(name=f"{slug}-{hashlib.sha256(place.encode()).hexdigest()[:6]}", uri=place)


def folder_root(uri: str) -> PurePath:
    """The folder at which a URI, glob or `{day}` template begins; absolute for local ones."""
    fixed, *pattern = re.split(r"[*?\[{]", _local(uri), maxsplit=1)
    folder = fixed.rpartition("/")[0] if pattern else fixed
    return PurePosixPath(folder) if "://" in folder else Path(folder or ".").expanduser().resolve()


def load_settings() -> Settings:
    """Settings from the environment and `.env`.

    Raises ConfigurationError for an unknown `ASSAY_` name (naming the one it resembles) or a value that does not fit.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _HARNESS_NAMES
    for name in sorted({*os.environ, *dotenv_values(".env")}):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            close = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            raise ConfigurationError(
                f"`{name}` is not a setting.{hint} Nothing was run. Every setting is listed in `docs/operations.md`. "
                f"Take it away with `unset {name}`, or out of `.env`."
            )
    try:
        return Settings()
    except (ValidationError, SettingsError) as error:
        name, problem = _first_problem(error)
        raise ConfigurationError(
            f"{problem} Nothing was run. Every setting is listed in `docs/operations.md`. Correct it, or take it away with "
            f"`unset {name}`, or out of `.env`."
        ) from None


def _first_problem(error: ValidationError | SettingsError) -> tuple[str, str]:
    """The name of the setting that does not fit, and what is wrong with it."""
    if isinstance(error, SettingsError):
        found = re.search(r'field "(\w+)"', str(error))
        name = f"{PREFIX}{found[1].upper()}" if found else f"{PREFIX}..."
        return name, f"`{name}` cannot be read: {error}."
    problem = error.errors(include_url=False, include_input=False)[0]
    name = PREFIX + "_".join(str(part) for part in problem["loc"][:1]).upper()
    inside = ".".join(str(part) for part in problem["loc"][1:])
    return name, f"`{name}`{f' at {inside}' if inside else ''} does not fit: {problem['msg']}."

"""What a release is made with: its identity, its manifest, and which configurations a data change must reach."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from document_runs import Pipeline

from assay.answering import open_answerer
from assay.errors import ModelError, StorageError
from assay.retrieval import ChunkIndex, Searcher, ServingPointer, flip, read_pointer
from assay.retrieval.configurations import (
    ReleaseConfiguration,
    check_answering,
    check_ranking,
    configured_release,
    embedder_of,
    live_configurations,
    manifest_path,
    read_manifest,
    write_manifest,
)
from assay.retrieval.serving import HISTORY_FILE
from assay.settings import Settings

CONFIGURATION = ReleaseConfiguration(
    model="all-MiniLM-L6-v2",
    fingerprint="f" * 64,
    precision="fp32",
    chunk_strategy="structure",
    chunk_size_tokens=200,
    chunk_overlap_tokens=0,
    chunker="structure-200-0-v2-1f0c9d2e",
    search_mode="hybrid",
    fusion="minimum-normalized",
    passages=5,
    answerer="extractive-1",
    answer_floor=0.35,
    prompt="quotes",
)


def changed(**values: object) -> ReleaseConfiguration:
    return dataclasses.replace(CONFIGURATION, **values)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "values",
    [
        {"fingerprint": "e" * 64},
        {"precision": "bf16"},
        {"chunker": "structure-100-0-v2-77777777"},
        {"search_mode": "dense"},
        {"fusion": "reciprocal-rank"},
        {"passages": 6},
        {"answerer": "generative-1"},
        {"answer_floor": 0.4},
        {"prompt": "other"},
    ],
)
def test_whatever_decides_an_answer_makes_another_configuration(values: dict[str, object]) -> None:
    assert changed(**values).configuration_id != CONFIGURATION.configuration_id


def test_where_a_model_lies_makes_none() -> None:
    moved = changed(model="/models/minilm")
    assert (moved.configuration_id, moved.table) == (CONFIGURATION.configuration_id, CONFIGURATION.table)
    assert len(moved.configuration_id) == 12


def test_what_only_ranks_or_answers_shares_the_table() -> None:
    assert changed(search_mode="dense", answer_floor=0.5).table == CONFIGURATION.table
    assert changed(chunker="other").table != CONFIGURATION.table


def test_the_knobs_of_a_configuration_name_it_again(pipeline: Pipeline) -> None:
    other = {"chunk_strategy": "fixed", "chunk_size_tokens": 64, "chunk_overlap_tokens": 8, "search_mode": "dense"}
    named = configured_release(
        pipeline.settings.model_copy(update={**other, "answer_floor": 0.5, "answer_passages": 3})
    )
    assert configured_release(named.settings(pipeline.settings)) == named
    assert named.settings(pipeline.settings).home == pipeline.settings.home


def test_an_overlap_that_the_strategy_does_not_take_changes_nothing(pipeline: Pipeline) -> None:
    overlapping = pipeline.settings.model_copy(update={"chunk_overlap_tokens": 20})
    assert configured_release(overlapping).configuration_id == configured_release(pipeline.settings).configuration_id


def test_a_manifest_is_read_back_and_written_once(tmp_path: Path) -> None:
    write_manifest(tmp_path, CONFIGURATION)
    path = manifest_path(tmp_path, CONFIGURATION.configuration_id)
    written_at = path.stat().st_mtime_ns
    write_manifest(tmp_path, CONFIGURATION)
    assert path.stat().st_mtime_ns == written_at
    assert read_manifest(tmp_path, CONFIGURATION.configuration_id) == CONFIGURATION
    write_manifest(tmp_path, changed(model="/moved"))
    assert read_manifest(tmp_path, CONFIGURATION.configuration_id).model == "/moved"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        json.dumps(dataclasses.asdict(CONFIGURATION) | {"passages": "5"}),
        json.dumps(dataclasses.asdict(CONFIGURATION) | {"more": 1}),
        json.dumps(dataclasses.asdict(CONFIGURATION) | {"passages": 6}),
    ],
)
def test_a_manifest_that_is_broken_or_of_another_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = manifest_path(tmp_path, CONFIGURATION.configuration_id)
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)
    with pytest.raises(StorageError, match=r"cannot be read.*`assay demo`"):
        read_manifest(tmp_path, CONFIGURATION.configuration_id)


def test_a_manifest_from_before_a_field_came_is_read_and_keeps_its_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_manifest(tmp_path, CONFIGURATION)
    later = dataclasses.make_dataclass(
        "Later", [("reranker", str, dataclasses.field(default="none"))], bases=(ReleaseConfiguration,), frozen=True
    )
    monkeypatch.setattr("assay.retrieval.configurations.ReleaseConfiguration", later)
    read = read_manifest(tmp_path, CONFIGURATION.configuration_id)
    assert dataclasses.asdict(read) == {**dataclasses.asdict(CONFIGURATION), "reranker": "none"}
    other = later(**{**dataclasses.asdict(CONFIGURATION), "reranker": "cross"})
    assert other.configuration_id != CONFIGURATION.configuration_id


def test_a_release_of_another_code_is_refused_with_what_to_do(pipeline: Pipeline) -> None:
    ours = configured_release(pipeline.settings)
    check_ranking(ours)
    check_answering(ours)
    serve(pipeline.settings, dataclasses.replace(ours, fusion="another"))
    pointer = read_pointer(pipeline.settings.releases_path)
    assert pointer is not None
    ChunkIndex.open(pipeline.settings.vectors_path, pointer.table, 384, True)
    with pytest.raises(ModelError, match=r"fusion `another`.*`assay release promote`"):
        Searcher.open(pipeline.settings).search("lantern", mode="lexical")
    for values in ({"answerer": "another"}, {"prompt": "another"}):
        with pytest.raises(ModelError, match=r"`another`.*`assay release promote`"):
            open_answerer(pipeline.settings, pipeline.embedder(), dataclasses.replace(ours, **values))


def test_a_model_that_was_altered_is_not_taken_for_the_one_before(tmp_path: Path, pipeline: Pipeline) -> None:
    configuration = dataclasses.replace(configured_release(pipeline.settings), fingerprint="0" * 64)
    with pytest.raises(ModelError, match=r"was altered.*`assay release promote`"):
        embedder_of(configuration, pipeline.settings)


def serve(settings: Settings, configuration: ReleaseConfiguration, *, days_ago: float = 0) -> None:
    """Promote a configuration, some days ago."""
    write_manifest(settings.releases_path, configuration)
    pointer = ServingPointer(
        release_id=f"{configuration.configuration_id}@1",
        table=configuration.table,
        version=1,
        model=configuration.model,
        fingerprint=configuration.fingerprint,
        chunker=configuration.chunker,
        configuration=configuration.configuration_id,
        published_at="2026-11-22T00:00:00Z",
    )
    flip(settings.releases_path, pointer, "promote")
    history = settings.releases_path / HISTORY_FILE
    *before, last = history.read_text().splitlines()
    at = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat(timespec="microseconds")
    line = json.dumps({**json.loads(last), "at": at}, sort_keys=True)
    history.write_text("".join(f"{one}\n" for one in [*before, line]))
    (settings.releases_path / "serving.json").write_text(line)


def live(settings: Settings) -> list[str]:
    return [one.configuration_id for one in live_configurations(settings)]


def test_a_data_change_reaches_what_serves_the_candidate_and_what_a_rollback_may_need(pipeline: Pipeline) -> None:
    settings = pipeline.settings
    ours = configured_release(settings)
    assert live_configurations(settings) == [ours], "before the first promotion"
    old, older, oldest = (dataclasses.replace(ours, passages=passages) for passages in (6, 7, 8))
    serve(settings, oldest, days_ago=100)
    assert live(settings) == [oldest.configuration_id, ours.configuration_id]
    serve(settings, older, days_ago=15)  # oldest was replaced 15 days ago, and is not kept for so long
    serve(settings, old, days_ago=10)
    assert live(settings) == [one.configuration_id for one in (old, ours, older)]
    serve(settings, ours, days_ago=1)
    assert live(settings) == [one.configuration_id for one in (ours, old, older)], "the last replaced first"
    serve(settings, old)
    assert live(settings) == [one.configuration_id for one in (old, ours, older)], "rolled back, each once"
    assert live(settings.model_copy(update={"release_retention_days": 0})) == [
        one.configuration_id for one in (old, ours)
    ]


def test_the_configured_model_counts_where_it_lies_now(pipeline: Pipeline) -> None:
    ours = configured_release(pipeline.settings)
    serve(pipeline.settings, dataclasses.replace(ours, model="/a/place/before"))
    assert live_configurations(pipeline.settings) == [ours]

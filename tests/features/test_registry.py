"""The registry is dbt's manifest: what it reads of a view, what it refuses, and which changes make another logic."""

from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assay.dbt import manifest_of
from assay.errors import ConfigurationError
from assay.features.logic_version import tokens
from assay.features.registry import registry

PROJECT = Path(__file__).parents[2] / "dbt_project"
Manifest = dict[str, Any]
VIEW, UPSTREAM = "model.assay.viewer_engagement", "model.assay.events_deduplicated"


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return manifest_of(PROJECT, tmp_path_factory.mktemp("home"))


@pytest.fixture
def manifest(parsed: Manifest) -> Manifest:
    """The views and what they are built on, to change."""
    nodes = {
        key: deepcopy(node) for key, node in parsed["nodes"].items() if node["schema"] == "features" or key == UPSTREAM
    }
    return {**parsed, "nodes": nodes, "sources": deepcopy(parsed["sources"])}


@pytest.fixture
def one_view(parsed: Manifest) -> Manifest:
    """A manifest with one view, to change."""
    nodes = {VIEW: deepcopy(parsed["nodes"][VIEW]), UPSTREAM: parsed["nodes"][UPSTREAM]}
    return {**parsed, "nodes": nodes}


def versions(manifest: Manifest) -> dict[str, str]:
    return {name: view.logic_version for name, view in registry(manifest).items()}


def test_every_view_of_the_project_is_known_with_what_it_declares(parsed: Manifest) -> None:
    views = registry(parsed)
    assert set(views) == {
        "campaign_pacing", "creator_activity", "creator_profile", "viewer_creator_affinity", "viewer_disputes", "viewer_engagement",
    }  # fmt: skip
    view = views["viewer_creator_affinity"]
    assert (view.entity, view.value_names) == (
        ("viewer_id", "creator_id"),
        ("minutes_7d", "chats_7d", "minutes_share_7d"),
    )
    assert (view.ttl, view.grace, view.latency) == (timedelta(days=7), timedelta(minutes=10), timedelta(minutes=15))
    assert (view.online, view.owner, view.event_time) == (False, "team:data-platform", "event_ts")
    assert view.fallback == {"minutes_7d": 0, "chats_7d": 0, "minutes_share_7d": None}
    share = view.values[2]
    assert (share.type, share.least, share.greatest, share.max_null_ratio) == (pa.float64(), 0, 1, 0.9)
    assert view.table.name == "features/viewer_creator_affinity"
    assert view.table.schema.names[-3:] == ["logic_version", "run_id", "computed_at"]
    assert {*views["creator_profile"].fallback.values()} == {"unknown", "basic", None}


def test_every_value_and_view_is_described_and_taught(parsed: Manifest) -> None:
    for view in registry(parsed).values():
        assert parsed["nodes"][f"model.assay.{view.name}"]["config"]["meta"]["teaches"]
        assert all([view.description, *(value.description for value in view.values)])


def _meta(key: str, value: object) -> Callable[[Manifest], None]:
    def change(node: Manifest) -> None:
        node["config"]["meta"]["feature_view"][key] = value

    return change


def _without(key: str) -> Callable[[Manifest], None]:
    return lambda node: node["config"]["meta"]["feature_view"].pop(key)


def _column(name: str, **meta: object) -> Callable[[Manifest], None]:
    return lambda node: node["columns"][name]["config"]["meta"].update(meta)


def _key(*names: str) -> Callable[[Manifest], None]:
    return lambda node: node["config"]["meta"]["table"].update(key=list(names))


def _nullable(name: str) -> Callable[[Manifest], None]:
    return lambda node: node["columns"][name].update(constraints=[])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        *((_without(key), f"`{key}` is missing") for key in ("entity", "event_time", "ttl", "owner", "online", "fallback", "grace", "latency")),
        (_without("warm_up"), "`warm_up` is missing, and a value has `drift`"),
        (_meta("tll", "7 days"), "`tll` is not known"),
        (_meta("entity", "viewer_id"), "`entity` is not a list"),
        (_meta("entity", ["viewer"]), "`entity` names `viewer`"),
        (_meta("event_time", "label_ts"), "`event_time` is `label_ts`"),
        (_meta("ttl", "a week"), "`ttl` is `a week`, not a duration"),
        (_meta("ttl", "0 days"), "`ttl` is nothing"),
        (_meta("latency", "5 minutes"), "`latency` is less than `grace`"),
        (_meta("online", "yes"), "`online` is neither true nor false"),
        (_meta("fallback", {"minutes_1d": 0}), "`fallback` does not name each of the values"),
        (_column("minutes_1d", rnage=[0, 1]), "`minutes_1d.rnage` is not known"),
        (_column("minutes_1d", range=[1, 0]), "`minutes_1d.range` begins at 1 and ends before it"),
        (_column("minutes_1d", range=[0]), "`minutes_1d.range` is not"),
        (_column("click_rate_7d", max_null_ratio=2), "`click_rate_7d.max_null_ratio` is not between 0 and 1"),
        (_column("minutes_1d", max_null_ratio=0.5), "`minutes_1d.max_null_ratio` allows nulls"),
        (_column("minutes_1d", drift="yes"), "`minutes_1d.drift` is neither true nor false"),
        (_key("viewer_id", "event_ts"), "`table.key` is not `[viewer_id, event_ts, available_at, seq]`"),
        (_nullable("is_deleted"), "`columns` lacks `is_deleted` as a bool"),
    ],
)  # fmt: skip
def test_what_is_missing_or_contradicts_itself_is_refused_by_name(
    one_view: Manifest, change: Callable[[Manifest], None], named: str
) -> None:
    change(one_view["nodes"][VIEW])
    with pytest.raises(ConfigurationError) as refused:
        registry(one_view)
    said = str(refused.value)
    assert "`viewer_engagement`" in said
    assert named in said
    assert "models/features/viewer_engagement.yml" in said
    assert "`make dbt-manifest`" in said


def test_a_fallback_must_be_of_its_values_type(one_view: Manifest) -> None:
    view = one_view["nodes"][VIEW]["config"]["meta"]["feature_view"]
    view["fallback"] = {**view["fallback"], "chats_7d": "none"}
    with pytest.raises(ConfigurationError, match=r"`fallback.chats_7d` is `none`, and the column holds int64"):
        registry(one_view)


def test_a_logic_is_another_when_what_computes_it_is(manifest: Manifest) -> None:
    before = versions(manifest)
    assert all(len(version) == 12 for version in before.values())
    assert len({*before.values()}) == len(before)
    manifest["nodes"][VIEW]["compiled_code"] = manifest["nodes"][VIEW]["compiled_code"].replace("/ 6", "/ 60")
    own = versions(manifest)
    assert {name for name in own if own[name] != before[name]} == {"viewer_engagement"}
    upstream = manifest["nodes"][UPSTREAM]
    upstream["compiled_code"] = upstream["compiled_code"].replace("least(", "greatest(")
    assert not {*versions(manifest).values()} & {*own.values()}, "every view is built on it"


def test_a_logic_is_another_when_a_sources_column_is(manifest: Manifest) -> None:
    before = versions(manifest)
    manifest["sources"]["source.assay.silver.events"]["columns"]["price_micros"]["data_type"] = "double"
    assert not {*versions(manifest).values()} & {*before.values()}


def test_words_about_a_logic_do_not_change_it(manifest: Manifest) -> None:
    before = versions(manifest)
    for node in [*manifest["nodes"].values(), *manifest["sources"].values()]:
        node["description"] = "Another description."
        for column in node["columns"].values():
            column["description"] = "Another one."
        if "compiled_code" in node:
            node["compiled_code"] = "-- A comment.\n" + node["compiled_code"].replace("\n", "\n\n   ").replace(
                "select", "SELECT"
            )
    assert versions(manifest) == before


def test_a_manifest_that_was_not_compiled_is_refused(manifest: Manifest) -> None:
    del manifest["nodes"][UPSTREAM]["compiled_code"]
    with pytest.raises(ConfigurationError, match=r"compiled SQL of `events_deduplicated`.*`make dbt-manifest`"):
        registry(manifest)


def test_what_is_quoted_is_no_comment_and_keeps_its_capitals() -> None:
    assert tokens("Select '-- It''s',\n\"A /* b\" /* gone */ From x --gone") == [
        "select", "'-- It''s'", ",", '"A /* b"', "from", "x",
    ]  # fmt: skip
    assert tokens("select a,b") == tokens("SELECT a , b") != tokens("select 'a' , b")

"""Column lineage: of every model of the project, from its compiled SQL."""

from typing import Any

import pytest
from command_runs import CHECKOUT

from assay.column_lineage import column_lineage
from assay.dbt import manifest_of
from assay.model_tables import models_of

EVENTS = "silver/events_deduplicated"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return manifest_of(CHECKOUT / "dbt_project", CHECKOUT / ".assay")


def test_every_column_of_every_model_is_traced_to_columns_that_there_are(manifest: dict[str, Any]) -> None:
    upstream = {
        f"{one.get('source_name') or one['schema']}/{one['name']}": one["columns"]
        for one in [*manifest["sources"].values(), *models_of(manifest)]
    }
    for model in models_of(manifest):
        traced = column_lineage(manifest, model)
        assert traced is not None, model["name"]
        assert traced.keys() == model["columns"].keys(), model["name"]
        read = {
            manifest["sources"].get(one, manifest["nodes"].get(one))["name"] for one in model["depends_on"]["nodes"]
        }
        for table, column in {one for columns in traced.values() for one in columns}:
            assert column in upstream[table]
            assert table.rpartition("/")[2] in read


def test_renamed_counted_and_computed_columns(manifest: dict[str, Any]) -> None:
    """By hand: through an alias, a window, a conditional sum, a join, a clamp; nothing is what `count(*)` counts."""
    assert lineage_of(manifest, "viewer_sessions") == {
        "viewer_id": [(EVENTS, "viewer_id")],
        "stream_id": [(EVENTS, "stream_id")],
        "creator_id": [(EVENTS, "creator_id")],
        "session_number": [(EVENTS, "event_ts"), (EVENTS, "stream_id"), (EVENTS, "viewer_id")],
        "started_at": [(EVENTS, "event_ts")],
        "ended_at": [(EVENTS, "event_ts")],
        "heartbeats": [],
        "event_day": [(EVENTS, "event_ts")],
    }
    assert lineage_of(manifest, "impressions_daily")["amount_micros"] == [
        (EVENTS, "event_type"),
        (EVENTS, "price_micros"),
    ]
    top = lineage_of(manifest, "top_streams_by_category")
    assert top["viewer_minutes"] == [("silver/stream_days", "heartbeats")]
    assert top["category"] == [(EVENTS, "category")]
    events = lineage_of(manifest, "events_deduplicated")
    assert events["event_ts"] == [("silver/events", "available_at"), ("silver/events", "event_ts")]
    assert events["offset"] == [("silver/events", "offset")]
    assert lineage_of(manifest, "document_inventory")["size_characters"] == [("silver/documents", "text")]


def test_sql_that_cannot_be_read_has_no_lineage(manifest: dict[str, Any]) -> None:
    model = next(one for one in models_of(manifest) if one["name"] == "viewer_sessions")
    assert column_lineage(manifest, {**model, "compiled_code": "select from where"}) is None


def lineage_of(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    [model] = [one for one in models_of(manifest) if one["name"] == name]
    traced = column_lineage(manifest, model)
    assert traced is not None
    return traced

"""Feast: its default offline store over Parquet files, `available_at` as the column of creation times.

Feast has no tombstones: they are asked for as a feature, and a label whose row is one gets nulls afterwards. What it cannot
be told is that a row is unknown before its `available_at`; it takes that for the order of rows with equal event times.
"""

from pathlib import Path
from typing import Any

import feast
import pandas as pd
import pyarrow as pa
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Bool, Float64, Int64

from point_in_time_peers.history import TTL, VALUES, VIEWS
from point_in_time_peers.measured import System, run


def load(folder: Path) -> tuple[pd.DataFrame, Path]:
    labels = pd.read_parquet(folder / "labels.parquet")
    return labels.rename(columns={"label_ts": "event_timestamp"}), folder


def prepare(loaded: tuple[pd.DataFrame, Path]) -> tuple[pd.DataFrame, FeatureStore]:
    labels, folder = loaded
    config = RepoConfig(
        project="benchmark",
        provider="local",
        registry=str(folder / "registry.db"),
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    entity = Entity(name="key", join_keys=["key"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=view,
            entities=[entity],
            ttl=TTL,
            schema=[
                Field(name="row", dtype=Int64),
                Field(name="amount", dtype=Float64),
                Field(name="is_deleted", dtype=Bool),
            ],
            source=FileSource(
                path=str(folder / f"{view}.parquet"),
                timestamp_field="event_ts",
                created_timestamp_column="available_at",
            ),
        )
        for view in VIEWS
    ]
    store.apply([entity, *views])
    return labels, store


def join(prepared: tuple[pd.DataFrame, FeatureStore]) -> pd.DataFrame:
    labels, store = prepared
    features = [f"{view}:{name}" for view in VIEWS for name in (*VALUES, "is_deleted")]
    return store.get_historical_features(entity_df=labels, features=features, full_feature_names=True).to_df()


def answer(joined: Any) -> pa.Table:
    for view in VIEWS:
        stands = joined[f"{view}__is_deleted"].eq(False)
        for value in VALUES:
            joined[f"{view}__{value}"] = joined[f"{view}__{value}"].where(stands)
    return pa.Table.from_pandas(joined.sort_values("label"), preserve_index=False)


if __name__ == "__main__":
    run(System(f"Feast {feast.__version__}", load, prepare, join, answer))

"""The registry of feature views: dbt's manifest, read. There is no second place in which a view is defined.

A model is a feature view by `meta.feature_view` in its YAML:

    entity: [viewer_id, creator_id]     the columns that name whose values they are
    event_time: event_ts                when a row became true
    ttl: "7 days"                       how long after its event time a value may still be used
    owner: "team:data-platform"
    online: true                        whether it is served online
    fallback: {minutes_7d: 0}           what is served in place of each value when there is none
    grace: "10 minutes"                 how long after its event time a first row waits for what is late
    latency: "15 minutes"               what `available_at` adds to the newest input; not less than the grace
    freshness: "3 days"                 optional: a day's newest row may be so much older than the day
    warm_up: "7 days"                   wanted where a value has `drift`: how long the view's windows take to fill

and of each value, in the column's `meta`: `range: [least, greatest]` (null for none), `max_null_ratio` (0 to 1) and
`drift: true` to compare its distribution from day to day.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, NoReturn

import pyarrow as pa

from assay.errors import ConfigurationError
from assay.features.logic_version import logic_version
from assay.model_tables import PUBLISHED_COLUMNS, ModelTable, model_tables
from assay.schema import TIMESTAMP, Table

# What every view's rows have besides entity and values, and of which type.
RECORD_COLUMNS: Mapping[str, pa.DataType] = {
    "event_ts": TIMESTAMP,
    "available_at": TIMESTAMP,
    "seq": pa.int64(),
    "is_deleted": pa.bool_(),
    "day": pa.date32(),
}
_WANTED = ("entity", "event_time", "ttl", "owner", "online", "fallback", "grace", "latency")
_OPTIONAL = ("freshness", "warm_up")
_OF_A_VALUE = ("range", "max_null_ratio", "drift")
_DURATION = re.compile(r"(\d+) (second|minute|hour|day)s?")


@dataclass(frozen=True)
class FeatureValue:
    """One value of a view. `least`, `greatest` and `max_null_ratio` are None where nothing is declared."""

    name: str
    type: pa.DataType
    description: str
    fallback: object
    least: float | None
    greatest: float | None
    max_null_ratio: float | None
    has_drift: bool


@dataclass(frozen=True)
class FeatureView:
    """A feature view as its model declares it; `table` is its log in the lake, `logic_version` what computes it."""

    name: str
    description: str
    entity: tuple[str, ...]
    values: tuple[FeatureValue, ...]
    event_time: str
    ttl: timedelta
    owner: str
    online: bool
    grace: timedelta
    latency: timedelta
    freshness: timedelta | None
    warm_up: timedelta
    table: Table
    logic_version: str

    @property
    def value_names(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.values)

    @property
    def fallback(self) -> Mapping[str, object]:
        return {value.name: value.fallback for value in self.values}


def registry(manifest: Mapping[str, Any]) -> Mapping[str, FeatureView]:
    """Every feature view of the manifest by name.

    Raises ConfigurationError for a view whose description is incomplete or contradicts itself.
    """
    models = [model for model in model_tables(manifest).values() if model.feature_view is not None]
    return MappingProxyType({model.name: _view(manifest, model) for model in models})


def _view(manifest: Mapping[str, Any], model: ModelTable) -> FeatureView:
    said = model.feature_view or {}
    if missing := [key for key in _WANTED if said.get(key) is None]:
        _refuse(model, missing[0], "is missing")
    if unknown := sorted(said.keys() - {*_WANTED, *_OPTIONAL}):
        _refuse(model, unknown[0], f"is not known; a view has {', '.join((*_WANTED, *_OPTIONAL))}")
    if not isinstance(said["online"], bool):
        _refuse(model, "online", f"is neither true nor false but `{said['online']}`")
    entity = _entity(model, said["entity"])
    if said["event_time"] != "event_ts":
        _refuse(model, "event_time", f"is `{said['event_time']}`, and a log is read by `event_ts`")
    grace, latency = _duration(model, "grace", said["grace"]), _duration(model, "latency", said["latency"])
    if latency < grace:
        _refuse(
            model, "latency", "is less than `grace`: a row would be known before what it waits for could have arrived"
        )
    ttl = _duration(model, "ttl", said["ttl"])
    if not ttl:
        _refuse(model, "ttl", "is nothing, so that no value would ever be found")
    values = _values(model, entity, said["fallback"])
    if any(value.has_drift for value in values) and "warm_up" not in said:
        _refuse(model, "warm_up", "is missing, and a value has `drift`: while windows fill, every day differs")
    _check_table(model, entity)
    return FeatureView(
        name=model.name,
        description=model.table.description,
        entity=entity,
        values=values,
        event_time=said["event_time"],
        ttl=ttl,
        owner=str(said["owner"]),
        online=said["online"],
        grace=grace,
        latency=latency,
        freshness=_duration(model, "freshness", said["freshness"]) if "freshness" in said else None,
        warm_up=_duration(model, "warm_up", said.get("warm_up", "0 days")),
        table=model.table,
        logic_version=logic_version(manifest, model.node["unique_id"]),
    )


def _entity(model: ModelTable, said: object) -> tuple[str, ...]:
    entity = tuple(map(str, said)) if isinstance(said, list) else ()
    if not entity:
        _refuse(model, "entity", "is not a list of columns, such as `[viewer_id]`")
    for name in entity:
        if name not in model.table.schema.names or model.table.schema.field(name).nullable:
            _refuse(model, "entity", f"names `{name}`, which is not a column with a `not_null` constraint")
    return entity


def _check_table(model: ModelTable, entity: tuple[str, ...]) -> None:
    """The columns of the record, and what a row is told apart and written by."""
    schema = model.table.schema
    for name, type_ in RECORD_COLUMNS.items():
        if name not in schema.names or schema.field(name).type != type_ or schema.field(name).nullable:
            _refuse(model, "columns", f"lacks `{name}` as a {type_} with a `not_null` constraint")
    if model.table.key != (*entity, "event_ts", "available_at", "seq"):
        _refuse(model, "table.key", f"is not `[{', '.join(entity)}, event_ts, available_at, seq]`")
    if model.table.partition_by != ("day",):
        _refuse(model, "table.partition_by", "is not `[day]`")


def _values(model: ModelTable, entity: tuple[str, ...], fallback: object) -> tuple[FeatureValue, ...]:
    others = {*entity, *RECORD_COLUMNS, *PUBLISHED_COLUMNS}
    names = [name for name in model.table.schema.names if name not in others]
    if not names:
        _refuse(model, "columns", "holds no value besides entity and record")
    if not isinstance(fallback, Mapping) or set(fallback) != set(names):
        _refuse(model, "fallback", f"does not name each of the values {', '.join(names)} and nothing else")
    return tuple(_value(model, name, fallback[name]) for name in names)


def _value(model: ModelTable, name: str, fallback: object) -> FeatureValue:
    field, meta = model.table.schema.field(name), model.node["columns"][name]["config"]["meta"]
    if unknown := sorted(meta.keys() - {*_OF_A_VALUE}):
        _refuse(model, f"{name}.{unknown[0]}", f"is not known; a value has {', '.join(_OF_A_VALUE)}")
    try:
        pa.scalar(fallback, field.type)
    except (pa.ArrowException, TypeError, ValueError):
        _refuse(model, f"fallback.{name}", f"is `{fallback}`, and the column holds {field.type}")
    is_number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    bounds, ratio, drift = meta.get("range", [None, None]), meta.get("max_null_ratio"), meta.get("drift", False)
    if not is_number and ("range" in meta or drift):
        _refuse(model, name, f"has a `range` or `drift`, and holds {field.type}: no number")
    if not isinstance(bounds, list) or len(bounds) != 2 or not all(_is_bound(one) for one in bounds):
        _refuse(model, f"{name}.range", "is not `[least, greatest]`, numbers or null")
    least, greatest = bounds
    if None not in (least, greatest) and least > greatest:
        _refuse(model, f"{name}.range", f"begins at {least} and ends before it, at {greatest}")
    if ratio is not None and not (_is_number(ratio) and 0 <= ratio <= 1):
        _refuse(model, f"{name}.max_null_ratio", "is not between 0 and 1")
    if ratio and not field.nullable:
        _refuse(model, f"{name}.max_null_ratio", "allows nulls, which its `not_null` constraint forbids")
    if not isinstance(drift, bool):
        _refuse(model, f"{name}.drift", "is neither true nor false")
    return FeatureValue(name, field.type, _described(field), fallback, least, greatest, ratio, drift)


def _described(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"comment", b"").decode()


def _is_bound(value: object) -> bool:
    return value is None or _is_number(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _duration(model: ModelTable, key: str, said: object) -> timedelta:
    found = _DURATION.fullmatch(str(said))
    if not found:
        _refuse(model, key, f"is `{said}`, not a duration such as `10 minutes` or `7 days`")
    return timedelta(**{f"{found[2]}s": int(found[1])})


def _refuse(model: ModelTable, key: str, problem: str) -> NoReturn:
    yaml = str(model.node.get("patch_path") or model.node["original_file_path"]).rpartition("://")[2]
    raise ConfigurationError(
        f"The feature view `{model.name}`: `{key}` {problem}. Nothing was run. Mend it in `dbt_project/{yaml}`, then look "
        "with `make dbt-manifest`."
    )

"""The marts: tables that dbt makes of the lake in the warehouse file, and that are published back into the lake.

Whoever reads a mart reads the lake. The warehouse file is opened while it is built and published, under one lock;
deleting it costs one build.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute
from pydantic import TypeAdapter, ValidationError

from assay.dbt import NodeResult, build, project_hash
from assay.durable_files import replace_file, write_error
from assay.lake import Commit
from assay.lake_tables import LAKE_TABLES
from assay.locks import exclusive
from assay.rows import differences
from assay.schema import Table, table_of
from assay.tables import DocumentInventoryRow, IngestionDayRow
from assay.warehouse import SETTINGS, to_table
from assay.workspace import Workspace

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

DOCUMENT_INVENTORY = table_of(DocumentInventoryRow)
INGESTION_DAILY = table_of(IngestionDayRow)
# A mart is replaced by the values of one column of its key. It is not partitioned: of five sources over a year as
# partitions of one row each, reading took 3.6 s, as one file .01.
_REPLACED_BY = {DOCUMENT_INVENTORY.name: "document_id", INGESTION_DAILY.name: "day"}
MARTS: Mapping[str, Table] = {table.name: table for table in (DOCUMENT_INVENTORY, INGESTION_DAILY)}


@dataclass(frozen=True)
class MartsReport:
    """What stands after a refresh. `results` are those of the run `built_by`: of this one, unless nothing had changed.

    `rows` per mart; `held_back` names the marts that were built and not published, because a test of theirs failed.
    """

    was_built: bool
    built_by: str
    built_at: datetime
    results: tuple[NodeResult, ...]
    rows: Mapping[str, int]
    held_back: tuple[str, ...]


@dataclass(frozen=True)
class _Built:
    """A build as it is remembered: of which versions of the lake and of the project it was made, and what it said."""

    inputs: Mapping[str, str | int | None]
    published: Mapping[str, int | None]
    run_id: str
    built_at: datetime
    results: tuple[NodeResult, ...]


_BUILT = TypeAdapter(_Built)


def refresh(workspace: Workspace, project: Path) -> MartsReport:
    """Build and publish every mart, unless neither the lake nor the project has changed since the last time.

    A mart of which a data test fails with severity `error` is not published; what stood of it stands.
    Raises AssayError, with nothing published, when dbt could not build or test.
    """
    settings = workspace.settings
    with exclusive(settings.locks_path / "warehouse.lock"):
        # dbt reads these very versions: another run may commit in between, and is built the next time.
        versions = _versions(workspace, LAKE_TABLES.keys() - MARTS.keys())
        inputs = {"project": project_hash(project), **versions}
        last = _read_built(settings.home)
        if (
            last
            and last.inputs == inputs
            and last.published == _versions(workspace, MARTS.keys())
            and _has_warehouse(workspace)
        ):
            return _report(workspace, last, was_built=False)
        results = build(project, settings.home, versions)
        held_back = _held_back(results)
        for mart in MARTS.values():
            if mart.name not in held_back:
                publish(workspace, mart)
        built = _Built(
            inputs=inputs,
            published=_versions(workspace, MARTS.keys()),
            run_id=workspace.run.run_id,
            built_at=workspace.run.started_at,
            results=tuple(results),
        )
        _write_built(settings.home, built)
    return _report(workspace, built, was_built=True)


def publish(workspace: Workspace, mart: Table) -> Commit | None:
    """Make the lake's mart the one that dbt built, in one commit; None where it says the same already."""
    column, lake = _REPLACED_BY[mart.name], workspace.lake
    built, standing = _built_rows(workspace.settings.warehouse_path, mart), lake.read(mart)
    gone, new = differences(standing, built)
    changing = pc.unique(
        pa.chunked_array(
            [*standing[column].filter(gone).chunks, *built[column].filter(new).chunks], standing[column].type
        )
    )
    if not len(changing) and lake.version(mart) is not None:
        return None
    return lake.replace_rows(
        mart, built.filter(pc.is_in(built[column], changing)), column=column, values=changing.to_pylist()
    )


def _built_rows(warehouse: Path, mart: Table) -> pa.Table:
    with closing(duckdb.connect(warehouse, read_only=True, config=SETTINGS)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return to_table(mart, connection.table(mart.name.replace("/", ".")).to_arrow_table())


def _held_back(results: Sequence[NodeResult]) -> tuple[str, ...]:
    """The marts that a failed test reads."""
    failed = {model for result in results if result.status == "fail" for model in result.models}
    return tuple(name for name in MARTS if name.rpartition("/")[2] in failed)


def _report(workspace: Workspace, built: _Built, *, was_built: bool) -> MartsReport:
    return MartsReport(
        was_built=was_built,
        built_by=built.run_id,
        built_at=built.built_at,
        results=built.results,
        rows={name: workspace.lake.dataset(mart).count_rows() for name, mart in MARTS.items()},
        held_back=_held_back(built.results),
    )


def _versions(workspace: Workspace, names: Iterable[str]) -> dict[str, int | None]:
    return {name: workspace.lake.version(LAKE_TABLES[name]) for name in sorted(names)}


def _has_warehouse(workspace: Workspace) -> bool:
    return workspace.settings.warehouse_path.exists()


def _read_built(home: Path) -> _Built | None:
    """The last build; None where there was none, or it was written by another version of Assay."""
    try:
        return _BUILT.validate_json(_built_path(home).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write_built(home: Path, built: _Built) -> None:
    path = _built_path(home)
    try:
        replace_file(path, _BUILT.dump_json(built, indent=1).decode())
    except OSError as error:
        raise write_error(
            f"The last build could not be noted in `{path}`: {error.strerror}. The marts were built and are built again "
            "by the next run. See the place with `df -h`, then run this again.",
            error,
        ) from error


def _built_path(home: Path) -> Path:
    return home / "dbt" / "last_build.json"

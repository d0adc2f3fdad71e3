"""The files of a training set: labels read from Parquet or CSV, the set as Parquet, its manifest as JSON beside it."""

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from assay.durable_files import replace_file, write_error
from assay.errors import ConfigurationError
from assay.features.registry import FeatureView
from assay.features.training_sets import Manifest, parquet_bytes
from assay.schema import TIMESTAMP

_MANIFEST = TypeAdapter(Manifest)


def read_labels(path: Path, views: Iterable[FeatureView], label_time: str) -> pa.Table:
    """The labels of a Parquet or CSV file; of a CSV the entity columns are read as the views type them.

    Raises ConfigurationError for a file that is not there, or cannot be read as what its name says.
    """
    if path.suffix not in (".parquet", ".csv"):
        raise ConfigurationError(
            f"`{path}` is neither a `.parquet` nor a `.csv` file. Nothing was written. Save the labels as one of these."
        )
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        types = {name: view.table.schema.field(name).type for view in views for name in view.entity}
        options = pyarrow.csv.ConvertOptions(
            column_types={**types, label_time: TIMESTAMP},
            null_values=[""],  # by Arrow's own list the entity `NA` is none, and so is the country Namibia
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        return pyarrow.csv.read_csv(path, convert_options=options)
    except (OSError, pa.ArrowException) as error:
        raise ConfigurationError(
            f"`{path}` cannot be read: {error}. Nothing was written. In a CSV times are written with their offset, as in "
            "`2026-11-05T12:00:00Z`."
        ) from error


def manifest_path(out: Path) -> Path:
    """Where the manifest of a training set lies: beside it."""
    return out.with_name(f"{out.name}.manifest.json")


def write_training_set(out: Path, rows: pa.Table, manifest: Manifest) -> None:
    """Write the file and then its manifest, each whole or not at all. Raises StorageError."""
    partial = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(parquet_bytes(rows))
        os.replace(partial, out)
        replace_file(manifest_path(out), _MANIFEST.dump_json(manifest, indent=1).decode())
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise write_error(
            f"`{out}` and its manifest could not both be written: {error.strerror}. What the lake holds stands. "
            f"See the place with `df -h {out.parent}`, then run this again.",
            error,
        ) from error


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file. Raises ConfigurationError for what is none."""
    try:
        return _MANIFEST.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise ConfigurationError(
            f"`{path}` is no manifest of a training set ({str(error).splitlines()[0]}). Nothing was written. It lies beside "
            "the set that `assay features training-set LABELS --out FILE` wrote, as `FILE.manifest.json`."
        ) from error

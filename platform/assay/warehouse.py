"""DuckDB as the engine: in memory, over Arrow from the lake, with SQL from `.sql` files."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib import resources

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from assay.rows import fitted
from assay.schema import Table

# Nothing is fetched at run time, and SQL sees the registered tables only, never a Python variable of the caller.
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}


@contextmanager
def engine(tables: Mapping[str, pa.Table | ds.Dataset] | None = None) -> Generator[duckdb.DuckDBPyConnection]:
    """An in-memory DuckDB in UTC that sees each of `tables` under its name; closed at the end of the block."""
    connection = duckdb.connect(config=SETTINGS)
    try:
        connection.execute("SET TimeZone = 'UTC'").complete()  # not in the settings: icu is loaded after they are read
        with registered(connection, tables or {}):
            yield connection
    finally:
        connection.close()


@contextmanager
def registered(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table | ds.Dataset]
) -> Generator[duckdb.DuckDBPyConnection]:
    """`connection` with each of `tables` under its name for the length of the block."""
    for name, rows in tables.items():
        connection.register(name, rows)
    try:
        yield connection
    finally:
        connection.abort()  # a result left unread, as by an error, would make unregister raise in the error's place
        for name in tables:
            connection.unregister(name)


def query(
    connection: duckdb.DuckDBPyConnection, package: str, name: str, parameters: Mapping[str, object] | None = None
) -> pa.Table:
    """The result of the one SELECT in the file `name` beside the modules of `package`, its `$names` from `parameters`.

    Call it with `__package__`. Raises duckdb.Error with the file named in its notes.
    """
    text = resources.files(package).joinpath(name).read_text(encoding="utf-8")
    try:
        return connection.sql(text, params=dict(parameters or {})).to_arrow_table()
    except duckdb.Error as error:
        error.add_note(f"in `{name}` of `{package}`")
        raise


def to_table(table: Table, result: pa.Table) -> pa.Table:
    """A query's result as rows of `table`: its columns in order, other columns dropped, whole and decimal numbers cast.

    Raises ValueError for a missing column, a value that does not fit, or a null where none may be.
    """
    missing = [name for name in table.schema.names if name not in result.column_names]
    if missing:
        raise ValueError(f"The result lacks the columns {missing} of `{table.name}`; it has {result.column_names}.")
    columns = [_number(result.column(field.name), field) for field in table.schema]
    return fitted(table, pa.Table.from_arrays(columns, names=table.schema.names))


def _number(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    """Sums come as decimal128(38, 0), counts as integers: cast where no digit is lost. The rest is left to `fitted`."""
    exact = pa.types.is_decimal(column.type) or pa.types.is_integer(column.type)
    if not exact or not (pa.types.is_integer(field.type) or pa.types.is_floating(field.type)):
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise ValueError(f"`{field.name}` does not fit {field.type}: {error}.") from error

"""The one place where values become filter expressions: nothing that a caller wrote reaches LanceDB unquoted.

Search filters are SQL text whose literals `_sql_literal` writes, because `lancedb.expr` knows no list functions. Write
conditions are `lancedb.expr` objects and are handed over as such. The two are never mixed, and `Expr.to_sql()` is never
used, nor is `where` called twice, which uses it: it leaves a quote after a backslash as it is, so the value
`\\') OR true --` made it return every row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.errors import ConfigurationError

# The columns a caller may filter by, each with a scalar index, and the type of their values.
FILTERABLE: Mapping[str, type] = {"tenant": str, "source": str, "document_id": str, "document_version": int}
# LanceDB's parser reads the digits before the minus, so the least int64 does not fit.
_INT_LIMIT = 2**63
_NOTHING = "false"

FilterValue = str | int | Sequence[str] | Sequence[int]


def prefilter(filters: Mapping[str, FilterValue] | None, principals: Sequence[str]) -> str:
    """The SQL condition for rows that match every filter and that one of `principals` may find.

    A sequence of values means any of them; an empty one, or no principal, matches nothing.
    Raises ConfigurationError for a column that is not in FILTERABLE or a value that is not of its type.
    """
    conditions = [_condition(column, value) for column, value in (filters or {}).items()]
    return " AND ".join(f"({condition})" for condition in [*conditions, _permitted(principals)])


def with_texts(where: str, text_hashes: Sequence[str]) -> str:
    """A prefilter narrowed to the chunks whose text has one of these hashes; at least one hash is needed."""
    return f"({_in('text_hash', text_hashes)}) AND {where}"


def excluding(where: str, document_ids: Sequence[str], gone_through: Mapping[int, Sequence[str]]) -> str:
    """A prefilter without these documents, and without chunks of those in `gone_through` up to the version they are under.

    Neither column can be null, so `NOT` drops no other row.
    """
    conditions = [f"NOT ({_in('document_id', document_ids)})"] if document_ids else []
    conditions += [
        f"NOT ({_in('document_id', ids)} AND document_version <= {_sql_literal(version)})"
        for version, ids in sorted(gone_through.items())
    ]
    return " AND ".join([where, *conditions])


def one_of(column: str, values: Sequence[str]) -> Any:
    """The expression `column IN values`, for values of any content. At least one value is needed."""
    from lancedb.expr import col

    return col(column).isin(list(values))


def up_to_version(document_ids: Sequence[str], version: int) -> Any:
    """The expression for chunks of these documents that are not newer than `version`."""
    from lancedb.expr import col, lit

    return one_of("document_id", document_ids) & (col("document_version") <= lit(version))


def any_of(expressions: Sequence[Any]) -> Any:
    """The expressions joined by OR as a balanced tree: a chain of thousands would overflow the parser's stack."""
    level = list(expressions)
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [pair[0] | pair[1] if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def _condition(column: str, value: FilterValue) -> str:
    expected = FILTERABLE.get(column)
    if expected is None:
        raise ConfigurationError(
            f"`{column}` cannot be filtered by; nothing was searched. Filter by one of "
            f"{', '.join(f'`{name}`' for name in FILTERABLE)}; read more with `assay search --help`."
        )
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for each in values:
        _require(column, each, expected)
    return _in(column, values) if values else _NOTHING


def _require(column: str, value: object, expected: type) -> None:
    if isinstance(value, bool) or not isinstance(value, expected):
        problem = f"is not of type `{expected.__name__}`"
    elif isinstance(value, str) and not is_unicode(value):
        problem = "is not valid Unicode"
    elif isinstance(value, int) and not -_INT_LIMIT < value < _INT_LIMIT:
        problem = "does not fit 64 bits"
    else:
        return
    raise ConfigurationError(
        f"The filter `{column}` cannot be {value!a}: it {problem}. Nothing was searched. "
        "Correct it and run `assay search` again."
    )


def _permitted(principals: Sequence[str]) -> str:
    if isinstance(principals, str):  # a string is a sequence too, of one-letter principals
        raise ConfigurationError(
            f"Principals are a sequence, not the one string {principals!a}; nothing was searched. "
            "Name them in `ASSAY_PRINCIPALS`, separated by commas."
        )
    for principal in principals:
        _require("allowed_principals", principal, str)
    if not principals:
        return _NOTHING
    return f"array_has_any(allowed_principals, [{_list(principals)}])"


def is_unicode(text: str) -> bool:
    """False for lone surrogates, which no stored text can hold and LanceDB cannot take."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _in(column: str, values: Sequence[str | int]) -> str:
    return f"{column} IN ({_list(values)})"


def _list(values: Sequence[str | int]) -> str:
    return ", ".join(map(_sql_literal, values))


def _sql_literal(value: str | int) -> str:
    """In LanceDB's dialect only the quote has a meaning inside a string, and doubling takes it away."""
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

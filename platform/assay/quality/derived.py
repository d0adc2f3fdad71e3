"""Derived columns: what an expectation needs to see and no table stores, as pure functions over a batch.

Each takes the batch (N rows) and returns N values. A null means that the expectation does not concern the row: where
a rule holds for some rows only (an observed file, an upsert), the column is null for the others and has an impossible
value where theirs is missing. `DERIVED` holds them all by name; expectations name them like stored columns.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

from assay.quality.volume_ratios import VOLUME_RATIOS

Column: TypeAlias = pa.Array | pa.ChunkedArray
DerivedColumn: TypeAlias = Callable[[pa.Table], Column]

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them

TEXT_COLUMNS = ("text_version", "text_source", "text_day", "text_hash", "title")
# Neither separator (Z: spaces and line ends of every script) nor control, format or unassigned character (C).
_VISIBLE = r"[^\pZ\pC]"
# The replacement character of failed decodings, and the control characters that no text uses; C1 (U+0080 to U+009F)
# is what Windows-1252 becomes when it is read as Latin-1.
_GARBLED = r"[\x{FFFD}\x00-\x08\x0e-\x1f\x7f-\x{9f}]"


def add_derived(rows: pa.Table, wanted: Mapping[str, DerivedColumn]) -> pa.Table:
    """`rows` and each of the `wanted` columns."""
    for name, derive in sorted(wanted.items()):
        rows = rows.append_column(name, derive(rows))
    return rows


# bronze/manifests


def refusal_reason(rows: pa.Table) -> Column:
    return _where(pc.equal(rows["status"], "refused"), pc.fill_null(rows["reason"], ""))


def observed_content_hash(rows: pa.Table) -> Column:
    return _where(_is_observed(rows), pc.fill_null(rows["content_hash"], ""))


def observed_size_bytes(rows: pa.Table) -> Column:
    return _where(_is_observed(rows), pc.fill_null(rows["size_bytes"], -1))


def observed_path(rows: pa.Table) -> Column:
    """A refused path is kept as it came, `..` and all; only observed ones are read."""
    return _where(_is_observed(rows), rows["path"])


def _is_observed(rows: pa.Table) -> Column:
    return pc.equal(rows["status"], "observed")


# bronze/documents


def op_and_change(rows: pa.Table) -> Column:
    return pc.binary_join_element_wise(rows["op"], rows["change"], "/")


def move_names_the_other_place(rows: pa.Table) -> Column:
    """True where `moved_from` is there for a move, `moved_to` for what moved away, and neither for anything else."""
    return pc.and_(
        pc.equal(pc.is_valid(rows["moved_from"]), pc.equal(rows["change"], "moved")),
        pc.equal(pc.is_valid(rows["moved_to"]), pc.equal(rows["change"], "moved_away")),
    )


def upsert_content_hash(rows: pa.Table) -> Column:
    return _where(pc.equal(rows["op"], "upsert"), pc.fill_null(rows["content_hash"], ""))


def upsert_size_bytes(rows: pa.Table) -> Column:
    return _where(pc.equal(rows["op"], "upsert"), pc.fill_null(rows["size_bytes"], -1))


def delete_content_hash(rows: pa.Table) -> Column:
    return _where(pc.equal(rows["op"], "delete"), rows["content_hash"])


def day_start_microseconds(rows: pa.Table) -> Column:
    return rows["day"].cast(pa.timestamp("us")).cast(pa.int64())


# Permissions, in every table that carries them


def shortest_principal_length(rows: pa.Table) -> Column:
    """Characters of the shortest principal without surrounding blanks; 0 where there is none at all."""
    return _map(rows["allowed_principals"], _shortest_length, pa.int64())


def principals_are_sorted(rows: pa.Table) -> Column:
    return _map(rows["allowed_principals"], _is_strictly_ascending, pa.bool_())


def _shortest_length(principals: list[str | None]) -> int:
    return min((len((principal or "").strip()) for principal in principals), default=0)


def _is_strictly_ascending(principals: list[str | None]) -> bool:
    present = [principal or "" for principal in principals]
    return present == sorted(set(present))


# silver/documents


def text_sha256(rows: pa.Table) -> Column:
    return _map(rows["text"], _sha256, pa.string())


def text_first_visible(rows: pa.Table) -> Column:
    """Byte position of the first visible character, -1 without one; `str.strip` takes zero-width spaces for text."""
    return pc.find_substring_regex(rows["text"], pattern=_VISIBLE)


def title_first_visible(rows: pa.Table) -> Column:
    return pc.find_substring_regex(rows["title"], pattern=_VISIBLE)


def text_is_nfc(rows: pa.Table) -> Column:
    return _map(rows["text"], lambda text: unicodedata.is_normalized("NFC", text), pa.bool_())


def garbled_ratio(rows: pa.Table) -> Column:
    """Share of the characters that are U+FFFD or control characters other than tab, line and page breaks."""
    length = pc.max_element_wise(pc.utf8_length(rows["text"]), 1, skip_nulls=False)
    return pc.divide(pc.count_substring_regex(rows["text"], pattern=_GARBLED).cast(pa.float64()), length)


def first_page_start(rows: pa.Table) -> Column:
    return _map(rows["page_starts"], lambda starts: starts[0] if starts else -1, pa.int64())


def misplaced_page_starts(rows: pa.Table) -> Column:
    """How many pages start before their predecessor or past the text's end; a blank page starts where the next does."""
    counts = [
        None if starts is None or length is None else _count_misplaced(starts, length)
        for starts, length in zip(
            rows["page_starts"].to_pylist(), pc.utf8_length(rows["text"]).to_pylist(), strict=True
        )
    ]
    return pa.array(counts, pa.int64())


def _count_misplaced(starts: list[int], length: int) -> int:
    return sum(not before <= start <= length for before, start in zip([0, *starts], starts, strict=False))


def misplaced_pieces(rows: pa.Table) -> Column:
    """How many pieces of the map to the parsed text start before their predecessor or, the last, not at the text's end."""
    counts = [
        None
        if starts is None or sources is None or length is None
        else _count_misplaced_pieces(starts, sources, length)
        for starts, sources, length in zip(
            rows["piece_starts"].to_pylist(),
            rows["piece_source_starts"].to_pylist(),
            pc.utf8_length(rows["text"]).to_pylist(),
            strict=True,
        )
    ]
    return pa.array(counts, pa.int64())


def _count_misplaced_pieces(starts: list[int], sources: list[int], length: int) -> int:
    if len(starts) != len(sources) or len(starts) < 2:
        return 1
    ends = [starts[0] != 0, sources[0] != 0, starts[-1] != length]
    falls = [after < before for points in (starts, sources) for before, after in pairwise(points)]
    return sum([*ends, *falls])


def unpaired_pages(rows: pa.Table) -> Column:
    """How many pages are listed as read from an image without a confidence, or as refused without a reason."""
    pairs = (("ocr_pages", "ocr_confidences"), ("refused_pages", "refused_page_reasons"))
    one, other = (
        pc.abs(pc.subtract(pc.list_value_length(rows[pages]), pc.list_value_length(rows[values])))
        for pages, values in pairs
    )
    return pc.add(one, other)


# silver/document_tables


def cell_count(rows: pa.Table) -> Column:
    return pc.list_value_length(rows["cells"])


# silver/document_state


def text_columns_set(rows: pa.Table) -> Column:
    """How many of the five columns about the standing text have a value."""
    counted = [pc.is_valid(rows[name]).cast(pa.int64()) for name in TEXT_COLUMNS]
    total = counted[0]
    for column in counted[1:]:
        total = pc.add(total, column)
    return total


def standing_uri(rows: pa.Table) -> Column:
    return _where(pc.invert(rows["is_deleted"]), rows["uri"])


def standing_tenant(rows: pa.Table) -> Column:
    return _where(pc.invert(rows["is_deleted"]), rows["tenant"])


def standing_shortest_principal_length(rows: pa.Table) -> Column:
    return _where(pc.invert(rows["is_deleted"]), shortest_principal_length(rows))


# silver/text_signatures and silver/duplicates


def signature_bytes(rows: pa.Table) -> Column:
    return pc.binary_length(rows["signature"])


def exact_canonical_text_hash(rows: pa.Table) -> Column:
    return _where(pc.equal(rows["kind"], "exact"), rows["canonical_text_hash"])


# gold/chunks


def text_characters(rows: pa.Table) -> Column:
    return pc.utf8_length(rows["text"])


def span_characters(rows: pa.Table) -> Column:
    return pc.subtract(rows["end"], rows["start"])


def context_sha256(rows: pa.Table) -> Column:
    return _map(rows["context_text"], _sha256, pa.string())


def context_tail(rows: pa.Table) -> Column:
    """The end of `context_text`, as long as `text`."""
    pairs = zip(rows["context_text"].to_pylist(), rows["text"].to_pylist(), strict=True)
    tails = [
        None if context is None or text is None else context[max(len(context) - len(text), 0) :]
        for context, text in pairs
    ]
    return pa.array(tails, pa.string())


def versions_of_document(rows: pa.Table) -> Column:
    """How many versions of the row's document the batch holds."""
    counts = rows.group_by("document_id").aggregate([("document_version", "count_distinct")])
    place = pc.index_in(rows["document_id"], value_set=counts["document_id"])
    return pc.take(counts["document_version_count_distinct"], place)


def _where(concerned: Column, values: Column) -> Column:
    return pc.if_else(concerned, values, None)


def _map(column: Column, function: Callable[[Any], object], result: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else function(value) for value in column.to_pylist()], result)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


DERIVED: Mapping[str, DerivedColumn] = {
    function.__name__: function
    for function in (
        refusal_reason,
        observed_content_hash,
        observed_size_bytes,
        observed_path,
        op_and_change,
        move_names_the_other_place,
        upsert_content_hash,
        upsert_size_bytes,
        delete_content_hash,
        day_start_microseconds,
        shortest_principal_length,
        principals_are_sorted,
        text_sha256,
        text_first_visible,
        title_first_visible,
        text_is_nfc,
        garbled_ratio,
        first_page_start,
        misplaced_page_starts,
        misplaced_pieces,
        unpaired_pages,
        cell_count,
        text_columns_set,
        standing_uri,
        standing_tenant,
        standing_shortest_principal_length,
        signature_bytes,
        exact_canonical_text_hash,
        text_characters,
        span_characters,
        context_sha256,
        context_tail,
        versions_of_document,
        *VOLUME_RATIOS,
    )
}

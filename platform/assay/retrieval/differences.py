"""What differs between the chunks a batch brings and those that stand. Pure functions of Arrow tables."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute

from assay.retrieval import filters

pc: Any = pyarrow.compute  # its functions are made at import, where no type checker sees them


def version_bounds(
    batch: pa.Table, document_ids: Sequence[str], version_bound: int | Mapping[str, int]
) -> dict[str, int]:
    """The version of each document. Raises ValueError where rows and arguments contradict each other."""
    keys = batch.select(["document_id", "document_version"])
    spans = keys.group_by("document_id").aggregate([("document_version", "min"), ("document_version", "max")])
    carried: dict[str, int] = {}
    for row in spans.to_pylist():
        if row["document_version_min"] != row["document_version_max"]:
            raise ValueError(f"rows of document `{row['document_id']}` have different versions")
        carried[row["document_id"]] = row["document_version_max"]
    if not carried.keys() <= set(document_ids):
        raise ValueError(f"rows of documents that are not named: {sorted(carried.keys() - set(document_ids))[:3]}")
    if isinstance(version_bound, int):
        return {document: carried.get(document, version_bound) for document in document_ids}
    bounds = {document: version_bound[document] for document in document_ids}
    contradicting = [document for document, version in carried.items() if bounds[document] != version]
    if contradicting:
        raise ValueError(f"rows and `version_bound` name different versions of {contradicting[:3]}")
    return bounds


def newest_versions(standing: pa.Table) -> dict[str, int]:
    """The greatest version of each document among its rows."""
    newest: Any = standing.group_by("document_id").aggregate([("document_version", "max")])
    return dict(zip(newest["document_id"].to_pylist(), newest["document_version_max"].to_pylist(), strict=True))


def delete_condition(spans: Mapping[str, tuple[int, int]]) -> Any | None:
    """Chunks of these documents that are not newer than the batch brings; None when there are no documents.

    `spans`: the newest standing version of a document, and the version the batch brings. Any bound between the two
    deletes all that stands and nothing newer than the batch, so the fewest bounds that hit every span are enough:
    one for a day over an older day, where a bound per document would make the condition 2 ms a document slower.
    """
    groups: list[tuple[int, list[str]]] = []
    for document, (newest, bound) in sorted(spans.items(), key=lambda span: span[1][1]):
        if not groups or newest > groups[-1][0]:
            groups.append((bound, []))
        groups[-1][1].append(document)
    if not groups:
        return None
    return filters.any_of([filters.up_to_version(documents, bound) for bound, documents in groups])


def gone(standing: pa.Table, batch: pa.Table) -> Any:
    """For each standing row whether the batch lacks it."""
    return pc.invert(pc.is_in(standing["chunk_id"], batch["chunk_id"].combine_chunks()))


def changed_rows(batch: pa.Table, standing: pa.Table) -> Any:
    """For each row of the batch whether it is new or stands otherwise; of texts and vectors the hashes are compared."""
    place = pc.index_in(batch["chunk_id"], standing["chunk_id"].combine_chunks())
    before = standing.take(place)
    same = pc.is_valid(before["chunk_id"])
    for field in standing.schema:
        mine, theirs = batch[field.name], before[field.name]
        if pa.types.is_list(field.type):  # Arrow has no equality of lists
            pairs = zip(mine.to_pylist(), theirs.to_pylist(), strict=True)
            equal = pa.chunked_array([[one == other for one, other in pairs]], pa.bool_())
        else:
            equal = pc.fill_null(pc.equal(mine, theirs), False)
        same = pc.and_(same, equal)
    return pc.invert(same)


def documents_of(rows: pa.Table, where: Any) -> set[str]:
    """The documents of the rows for which `where` is true."""
    found: Any = rows.filter(where)["document_id"].unique()
    return set(found.to_pylist())


def rows_of(rows: pa.Table, document_ids: Collection[str]) -> pa.Table:
    """The rows of these documents."""
    return rows.filter(pc.is_in(rows["document_id"], pa.array(sorted(document_ids), pa.string())))

"""Every expectation of every suite passes on a good batch and fails on exactly the row made wrong for it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from assay.errors import ConfigurationError
from assay.event_tables import EventRow
from assay.quality.derived import DERIVED
from assay.quality.expectations import COLUMNS_MATCH_SCHEMA, KEY_IS_UNIQUE
from assay.quality.runner import Outcome, validate
from assay.quality.suites import SUITES, Limits, suite_for, suites
from assay.schema import Table, table_of
from assay.tables import (
    ChunkRow,
    DocumentRow,
    DocumentStateRow,
    DocumentTableRow,
    DuplicateRow,
    FeedRow,
    ManifestRow,
    OcrWordRow,
    TextSignatureRow,
    VolumeRow,
)

Record = dict[str, Any]

DAY = date(2026, 11, 1)
VERSION = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) * 1_000_000
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
LIMITS = Limits(max_file_bytes=1_000)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def manifest(i: int) -> Record:
    row = ManifestRow(
        source="docs",
        day=DAY,
        path=f"a/..b/{i}.md",
        uri=f"inbox/a/..b/{i}.md",
        status="observed",
        reason=None,
        detail=None,
        size_bytes=i,
        content_hash=sha256(str(i)),
        tenant="default",
        allowed_principals=["group:a", "public"],
        run_id="run",
        computed_at=NOW,
    )
    return asdict(row)


REFUSED = {"status": "refused", "reason": "hostile_path", "path": "../up.md", "size_bytes": None, "content_hash": None}
EMPTY = {"status": "empty", "source": "bare", "path": "", "size_bytes": None, "content_hash": None}


def feed(i: int) -> Record:
    row = FeedRow(
        source="docs",
        day=DAY,
        document_id=f"docs:{i}.md",
        document_version=VERSION + i,
        op="upsert",
        change="added",
        path=f"{i}.md",
        uri=f"inbox/{i}.md",
        size_bytes=i,
        content_hash=sha256(str(i)),
        tenant="default",
        allowed_principals=["public"],
        moved_from=None,
        moved_to=None,
    )
    return asdict(row)


DELETED = {"op": "delete", "change": "deleted", "size_bytes": None, "content_hash": None}


def document(i: int) -> Record:
    text = f"Überschrift {i}\n\n\tTwo pages of text, 東京.\f\nEnd."
    row = DocumentRow(
        source="docs",
        day=DAY,
        document_id=f"docs:{i}.md",
        document_version=VERSION,
        content_hash=sha256(str(i)),
        media_type="text/markdown",
        title=f"Title {i}",
        language="de",
        text=text,
        text_hash=sha256(text),
        page_starts=[0, 9, 9, len(text)],
        parser="markdown/1",
        cleaning="cleaning/1",
        pii_kinds=["email"],
        piece_starts=[0, 4, len(text)],
        piece_source_starts=[0, 9, 99],
        ocr_pages=[2],
        ocr_confidences=[0.9],
        refused_pages=[3],
        refused_page_reasons=["ocr_unreadable"],
        table_rows=2,
        ocr_words=1,
    )
    return asdict(row)


def table_row(i: int) -> Record:
    row = DocumentTableRow(
        source="docs",
        day=DAY,
        document_id=f"docs:{i // 2}.md",
        document_version=VERSION,
        text_hash=sha256(str(i // 2)),
        table_ordinal=0,
        row_ordinal=i % 2,
        page=1,
        start=5,
        end=40,
        cells=["ü", ""],
        table_confidence=1.0,
    )
    return asdict(row)


def ocr_word(i: int) -> Record:
    row = OcrWordRow(
        source="docs",
        day=DAY,
        document_id="docs:0.md",
        document_version=VERSION,
        text_hash=sha256("0"),
        ordinal=i,
        page=1,
        start=3 * i,
        end=3 * i + 2,
        text="wü",
        confidence=0.0,
    )
    return asdict(row)


def state(i: int) -> Record:
    row = DocumentStateRow(
        document_id=f"docs:{i}.md",
        document_version=VERSION,
        source="docs",
        is_deleted=False,
        text_version=VERSION - i,
        text_source="docs",
        text_day=DAY,
        text_hash=sha256(str(i)),
        title=f"Title {i}",
        uri=f"inbox/{i}.md",
        tenant="default",
        allowed_principals=["public"],
    )
    return asdict(row)


TOMBSTONE: Record = {"is_deleted": True, "uri": "", "tenant": "", "allowed_principals": []}
TOMBSTONE |= dict.fromkeys(("text_version", "text_source", "text_day", "text_hash", "title"))


def chunk(i: int) -> Record:
    text, context = f"chunk {i:02} ü", f"Guide > Part\nchunk {i:02} ü"
    row = ChunkRow(
        chunk_id=f"c{i}",
        document_id=f"docs:{i // 2}.md",
        document_version=VERSION,
        document_text_hash=sha256(str(i // 2)),
        source="docs",
        tenant="default",
        allowed_principals=["public"],
        uri=f"inbox/{i // 2}.md",
        title=f"Title {i // 2}",
        heading_path=["Guide", "Part"],
        ordinal=i % 2,
        page=1,
        start=12 * i,
        end=12 * i + len(text),
        text=text,
        text_hash=sha256(text),
        context_text=context,
        context_hash=sha256(context),
        token_count=5,
        chunker="structure/1",
    )
    return asdict(row)


def signature(i: int) -> Record:
    row = TextSignatureRow(text_hash=sha256(str(i)), signature_id="words5@1", shingles=i, signature=bytes(512))
    return asdict(row)


def duplicate(i: int) -> Record:
    row = DuplicateRow(
        document_id=f"docs:{i}.md",
        canonical_id="docs:!.md",
        kind="exact",
        jaccard=1.0,
        scope="",
        text_hash=sha256("one"),
        canonical_text_hash=sha256("one"),
    )
    return asdict(row)


NEAR = {"kind": "near", "jaccard": 0.9, "scope": "7.4", "canonical_text_hash": sha256("two")}


# An ordinary day of a source of 100 files, most of which are seen changing, going, refused and held back.
VOLUME = VolumeRow(
    source="docs",
    day=DAY,
    files=100,
    usual_files=120.0,
    refused=20,
    refused_share=0.16,
    usual_refused_share=0.1,
    size_bytes=100_000,
    added=20,
    edited=10,
    repermitted=5,
    moved=10,
    changed_share=0.35,
    usual_changed_share=0.2,
    deleted=20,
    deleted_share=0.2,
    usual_deleted_share=0.15,
    texts=20,
    quarantined=15,
    quarantined_share=0.42,
    usual_quarantined_share=0.2,
    mean_characters=900.0,
    usual_mean_characters=1_000.0,
)


def volume(i: int) -> Record:
    return asdict(VOLUME) | {"day": date(2026, 11, 1 + i)}


def event(i: int) -> Record:
    """With a value wherever an expectation looks, as no event of one type has."""
    row = EventRow(
        source="log",
        day=DAY,
        log_partition="a",
        offset=i,
        available_at=NOW,
        event_id=f"e{i}",
        event_type="ad_impression",
        schema_version=1,
        event_ts=NOW,
        event_day=DAY,
        viewer_id="v1",
        creator_id="c1",
        stream_id="s1",
        campaign_id="k1",
        impression_id=None,
        category=None,
        title=None,
        display_name=None,
        tier="basic",
        country="DK",
        is_active=None,
        device=None,
        bitrate_kbps=3_000,
        characters=0,
        price_micros=0,
        reason=None,
        unknown_fields=None,
        adaptations=[],
    )
    return asdict(row)


@dataclass(frozen=True)
class Kind:
    """How to make good rows of a table: ordinary ones, and the special ones that some expectations spare."""

    row_class: type
    record: Callable[[int], Record]
    special: Sequence[Record] = ()

    def records(self, count: int = 6) -> list[Record]:
        ordinary = [self.record(i) for i in range(count)]
        return ordinary + [self.record(count + i) | special for i, special in enumerate(self.special)]


KINDS = {
    "bronze/manifests": Kind(ManifestRow, manifest, (REFUSED, EMPTY)),
    "bronze/documents": Kind(FeedRow, feed, (DELETED,)),
    "silver/documents": Kind(DocumentRow, document),
    "silver/document_tables": Kind(DocumentTableRow, table_row),
    "silver/ocr_words": Kind(OcrWordRow, ocr_word),
    "silver/document_state": Kind(DocumentStateRow, state, (TOMBSTONE,)),
    "silver/text_signatures": Kind(TextSignatureRow, signature),
    "silver/duplicates": Kind(DuplicateRow, duplicate, (NEAR,)),
    "gold/chunks": Kind(ChunkRow, chunk),
    "quality/volumes": Kind(VolumeRow, volume),
    "silver/events": Kind(EventRow, event),
}


def judge(table: str, records: list[Record]) -> tuple[dict[str, Outcome], dict[int, str]]:
    suite = suite_for(table_of(KINDS[table].row_class), LIMITS)
    validation = validate(suite, pa.Table.from_pylist(records, schema=suite.table.schema))
    assert [outcome.expectation for outcome in validation.outcomes] == list(suite.names)
    return {outcome.expectation: outcome for outcome in validation.outcomes}, dict(validation.failures)


def with_text(text: str, **others: Any) -> Record:
    pieces = {"piece_starts": [0, len(text)], "piece_source_starts": [0, len(text)]}
    return {"text": text, "text_hash": sha256(text), "page_starts": [0], **pieces, **others}


def with_chunk(text: str, context: str, **others: Any) -> Record:
    return {"text": text, "text_hash": sha256(text), "context_text": context, "context_hash": sha256(context), **others}


# (table, expectation, what makes a row fail it and nothing else)
WRONGS: list[tuple[str, str, Record]] = [
    ("bronze/manifests", "status_is_known", {"status": "seen"}),
    ("bronze/manifests", "refusal_has_a_known_reason", {"status": "refused", "reason": "bad"}),
    ("bronze/manifests", "refusal_has_a_known_reason", {"status": "refused", "reason": None}),
    ("bronze/manifests", "content_hash_is_sha256", {"content_hash": None}),
    ("bronze/manifests", "content_hash_is_sha256", {"content_hash": "A" * 64}),
    ("bronze/manifests", "content_hash_is_sha256", {"content_hash": "a" * 65}),
    ("bronze/manifests", "size_is_within_bounds", {"size_bytes": None}),
    ("bronze/manifests", "size_is_within_bounds", {"size_bytes": LIMITS.max_file_bytes + 1}),
    ("bronze/manifests", "path_stays_inside_the_source", {"path": "a/../../b.md"}),
    ("bronze/manifests", "path_stays_inside_the_source", {"path": "a/.."}),
    ("bronze/manifests", "path_stays_inside_the_source", {"path": "/etc/passwd"}),
    ("bronze/manifests", "path_stays_inside_the_source", {"path": "C:\\b.md"}),
    ("bronze/manifests", "path_stays_inside_the_source", {"path": ""}),
    ("bronze/manifests", "principals_are_not_empty", {"allowed_principals": []}),
    ("bronze/manifests", "principals_are_not_empty", {"allowed_principals": [" ", "public"]}),
    ("bronze/manifests", "principals_are_sorted", {"allowed_principals": ["public", "group:a"]}),
    ("bronze/manifests", "principals_are_sorted", {"allowed_principals": ["public", "public"]}),
    ("bronze/documents", "change_fits_op", {"change": "deleted"}),
    ("bronze/documents", "change_fits_op", {"change": "moved_away", "moved_to": "docs:9.md"}),
    ("bronze/documents", "change_fits_op", {"change": "gone"}),
    ("bronze/documents", "move_names_the_other_place", {"change": "moved"}),
    ("bronze/documents", "move_names_the_other_place", {"moved_from": "docs:9.md"}),
    ("bronze/documents", "move_names_the_other_place", DELETED | {"change": "moved_away"}),
    ("bronze/documents", "move_names_the_other_place", DELETED | {"moved_to": "docs:9.md"}),
    ("bronze/documents", "upsert_has_content_hash", {"content_hash": None}),
    ("bronze/documents", "delete_has_no_content_hash", {"op": "delete", "change": "deleted"}),
    ("bronze/documents", "upsert_size_is_within_bounds", {"size_bytes": None}),
    ("bronze/documents", "upsert_size_is_within_bounds", {"size_bytes": -1}),
    ("bronze/documents", "document_id_has_a_namespace", {"document_id": "2.md"}),
    ("bronze/documents", "document_id_has_a_namespace", {"document_id": "docs:"}),
    ("bronze/documents", "version_is_in_microseconds", {"document_version": VERSION * 1_000}),
    ("bronze/documents", "version_is_not_before_its_day", {"document_version": VERSION - 1}),
    ("bronze/documents", "principals_are_not_empty", {"allowed_principals": []}),
    ("silver/documents", "text_is_not_blank", with_text("")),
    ("silver/documents", "text_is_not_blank", with_text(" \u3000\n\u200b\ufeff\u00a0")),
    ("silver/documents", "text_has_no_nul", with_text("one NUL\x00 in a hundred characters" + "." * 70)),
    ("silver/documents", "text_is_not_garbled", with_text("fa\ufffdade")),
    ("silver/documents", "text_is_not_garbled", with_text("it\x92s")),
    ("silver/documents", "text_is_not_garbled", with_text("\x01\x02a")),
    ("silver/documents", "text_length_is_within_bounds", with_text("x" * 1_001)),
    ("silver/documents", "title_is_not_blank", {"title": "\u00a0\u200b"}),
    ("silver/documents", "language_is_a_code", {"language": "English"}),
    ("silver/documents", "language_is_a_code", {"language": ""}),
    ("silver/documents", "text_hash_is_right", {"text_hash": sha256("another")}),
    ("silver/documents", "text_is_nfc", with_text("Cafe\u0301")),
    ("silver/documents", "text_has_unix_line_ends", with_text("one\r\ntwo")),
    ("silver/documents", "content_hash_is_sha256", {"content_hash": ""}),
    ("silver/documents", "first_page_starts_at_zero", {"page_starts": [1, 9]}),
    ("silver/documents", "first_page_starts_at_zero", {"page_starts": []}),
    ("silver/documents", "page_starts_ascend_within_the_text", {"page_starts": [0, 9, 8]}),
    ("silver/documents", "page_starts_ascend_within_the_text", {"page_starts": [0, 999]}),
    ("silver/documents", "pieces_lead_back_to_the_parsed_text", {"piece_starts": [0, 4, 5]}),
    ("silver/documents", "pieces_lead_back_to_the_parsed_text", {"piece_source_starts": [0, 9, 8]}),
    ("silver/documents", "pieces_lead_back_to_the_parsed_text", {"piece_source_starts": [0, 9]}),
    ("silver/documents", "every_listed_page_has_its_value", {"ocr_confidences": []}),
    ("silver/documents", "every_listed_page_has_its_value", {"refused_page_reasons": []}),
    ("silver/documents", "version_is_in_microseconds", {"document_version": 0}),
    ("silver/document_tables", "start_is_not_negative", {"start": -1}),
    ("silver/document_tables", "start_is_before_end", {"end": 5}),
    ("silver/document_tables", "page_counts_from_one", {"page": 0}),
    ("silver/document_tables", "text_hash_is_sha256", {"text_hash": ""}),
    ("silver/document_tables", "row_has_cells", {"cells": []}),
    ("silver/document_tables", "table_confidence_is_a_share", {"table_confidence": 1.5}),
    ("silver/document_tables", "table_ordinal_is_not_negative", {"table_ordinal": -1}),
    ("silver/document_tables", "row_ordinal_is_not_negative", {"row_ordinal": -1}),
    ("silver/document_tables", "version_is_in_microseconds", {"document_version": 0}),
    ("silver/ocr_words", "start_is_not_negative", {"start": -1, "end": 1}),
    ("silver/ocr_words", "start_is_before_end", {"start": 4, "end": 4, "text": ""}),
    ("silver/ocr_words", "page_counts_from_one", {"page": 0}),
    ("silver/ocr_words", "text_hash_is_sha256", {"text_hash": "abc"}),
    ("silver/ocr_words", "text_is_as_long_as_its_span", {"text": "wüü"}),
    ("silver/ocr_words", "confidence_is_a_share", {"confidence": -0.1}),
    ("silver/ocr_words", "ordinal_is_not_negative", {"ordinal": -1}),
    ("silver/ocr_words", "version_is_in_microseconds", {"document_version": VERSION * 1_000}),
    ("silver/document_state", "version_is_in_microseconds", {"document_version": VERSION * 1_000}),
    ("silver/document_state", "standing_document_has_a_uri", {"uri": " "}),
    ("silver/document_state", "standing_document_has_a_tenant", {"tenant": ""}),
    ("silver/document_state", "standing_document_has_principals", {"allowed_principals": []}),
    ("silver/document_state", "text_columns_are_all_set_or_all_null", {"text_day": None}),
    ("silver/document_state", "text_is_not_newer_than_its_document", {"text_version": VERSION + 1}),
    ("silver/document_state", "text_hash_is_sha256", {"text_hash": "abc"}),
    ("silver/text_signatures", "text_hash_is_sha256", {"text_hash": "abc"}),
    ("silver/text_signatures", "signature_is_complete", {"signature": bytes(508)}),
    ("silver/text_signatures", "shingles_is_not_negative", {"shingles": -1}),
    ("silver/duplicates", "kind_is_known", {"kind": "similar"}),
    ("silver/duplicates", "canonical_comes_before", {"canonical_id": "docs:~.md"}),
    ("silver/duplicates", "canonical_comes_before", {"document_id": "docs:!.md"}),
    ("silver/duplicates", "jaccard_is_within_bounds", {"jaccard": 0.49}),
    ("silver/duplicates", "jaccard_is_within_bounds", {"jaccard": 1.01}),
    ("silver/duplicates", "exact_duplicates_have_equal_texts", {"canonical_text_hash": sha256("two")}),
    ("silver/duplicates", "text_hash_is_sha256", NEAR | {"text_hash": "abc"}),
    ("gold/chunks", "start_is_not_negative", {"start": -1, "end": 9}),
    ("gold/chunks", "start_is_before_end", with_chunk("", "Guide", start=4, end=4)),
    ("gold/chunks", "text_is_as_long_as_its_span", {"start": 0, "end": 11}),  # 10 characters of 11 bytes
    ("gold/chunks", "document_text_hash_is_sha256", {"document_text_hash": "abc"}),
    ("gold/chunks", "text_hash_is_right", {"text_hash": sha256("another")}),
    ("gold/chunks", "context_hash_is_right", {"context_hash": sha256("another")}),
    ("gold/chunks", "context_ends_with_text", with_chunk("1234567890", "Guide\n123456789")),
    ("gold/chunks", "context_ends_with_text", with_chunk("1234567890", "7890")),
    ("gold/chunks", "token_count_is_within_the_model_limit", {"token_count": 257}),
    ("gold/chunks", "token_count_is_within_the_model_limit", {"token_count": 0}),
    ("gold/chunks", "ordinal_is_not_negative", {"ordinal": -1}),
    ("gold/chunks", "page_counts_from_one", {"page": 0}),
    ("gold/chunks", "principals_are_not_empty", {"allowed_principals": [""]}),
    ("silver/events", "price_is_plausible", {"price_micros": -1}),
    ("silver/events", "price_is_plausible", {"price_micros": 1_000_000_001}),
    ("silver/events", "bitrate_is_plausible", {"bitrate_kbps": -1}),
    ("silver/events", "bitrate_is_plausible", {"bitrate_kbps": 3_000_000}),
    ("silver/events", "characters_are_plausible", {"characters": -1}),
    ("silver/events", "characters_are_plausible", {"characters": 100_001}),
    ("silver/events", "tier_is_known", {"tier": "gold"}),
    ("silver/events", "country_is_a_code", {"country": "dk"}),
]
# (table, expectation, what is wrong of the third row, the rows that therefore fail, in what else they fail)
SHARED: list[tuple[str, str, Record, set[int], set[str]]] = [
    ("bronze/manifests", KEY_IS_UNIQUE, {"path": manifest(0)["path"]}, {0, 2}, set()),
    ("bronze/documents", KEY_IS_UNIQUE, {"document_id": "docs:0.md"}, {0, 2}, set()),
    ("bronze/documents", "op_is_known", {"op": "insert"}, {2}, {"change_fits_op"}),
    ("silver/documents", KEY_IS_UNIQUE, {"document_id": "docs:0.md"}, {0, 2}, set()),
    ("silver/document_tables", KEY_IS_UNIQUE, {"document_id": "docs:0.md"}, {0, 2}, set()),
    ("silver/ocr_words", KEY_IS_UNIQUE, {"ordinal": 0}, {0, 2}, set()),
    ("silver/document_state", KEY_IS_UNIQUE, {"document_id": "docs:0.md"}, {0, 2}, set()),
    ("silver/text_signatures", KEY_IS_UNIQUE, {"text_hash": sha256("0")}, {0, 2}, set()),
    ("silver/duplicates", KEY_IS_UNIQUE, {"document_id": "docs:0.md"}, {0, 2}, set()),
    ("gold/chunks", KEY_IS_UNIQUE, {"chunk_id": "c0"}, {0, 2}, set()),
    ("quality/volumes", KEY_IS_UNIQUE, {"day": DAY}, {0, 2}, set()),
    ("silver/events", KEY_IS_UNIQUE, {"offset": 0}, {0, 2}, set()),
    ("gold/chunks", "ordinal_is_unique_in_its_document", {"ordinal": 1}, {2, 3}, set()),
    ("gold/chunks", "document_has_one_version", {"document_version": VERSION - 1}, {2, 3}, set()),
]
NOT_NULL = [(table, field.name) for table, s in SUITES.items() for field in s.table.schema if not field.nullable]
BATCH = {("silver/documents", "texts_are_mostly_distinct")} | {(table, COLUMNS_MATCH_SCHEMA) for table in SUITES}
# (expectation, what makes a day fail it, what is as odd and no alarm: too few, or what is usual is not known)
UNUSUAL: list[tuple[str, Record, Sequence[Record]]] = [
    ("file_count_is_usual", {"files": 60}, ({"usual_files": None, "files": 3}, {"usual_files": 14.0, "files": 0})),
    ("file_count_is_usual", {"files": 240}, ({"usual_files": None, "files": 900}, {"usual_files": 1.0, "files": 3})),
    ("refused_share_is_usual", {"refused_share": 0.31}, ({"refused": 14, "refused_share": 0.9},)),
    ("refused_share_is_usual", {"usual_refused_share": 0.0}, ({"usual_refused_share": None},)),
    ("changed_share_is_usual", {"changed_share": 0.5}, ({"added": 0, "edited": 9, "changed_share": 0.9},)),
    ("changed_share_is_usual", {"changed_share": 0.9, "usual_changed_share": 0.0}, ({"usual_changed_share": None},)),
    ("deleted_share_is_usual", {"deleted_share": 0.3}, ({"deleted": 14, "deleted_share": 1.0},)),
    ("deleted_share_is_usual", {"usual_deleted_share": 0.01}, ({"usual_deleted_share": None},)),
    ("quarantined_share_is_usual", {"quarantined_share": 0.61}, ({"quarantined": 14, "quarantined_share": 1.0},)),
    ("quarantined_share_is_usual", {"usual_quarantined_share": 0.0}, ({"usual_quarantined_share": None},)),
    ("text_length_is_usual", {"mean_characters": 500.0}, ({"texts": 19, "mean_characters": 5.0},)),
    ("text_length_is_usual", {"mean_characters": 2_000.0}, ({"usual_mean_characters": None},)),
]
BATCH |= {("quality/volumes", name) for name, *_ in UNUSUAL} | {("silver/events", "events_are_mostly_distinct")}


@pytest.mark.parametrize("table", SUITES)
def test_a_good_batch_passes(table: str) -> None:
    outcomes, failures = judge(table, KINDS[table].records())
    assert failures == {}
    assert {name: outcome.unexpected for name, outcome in outcomes.items() if outcome.unexpected} == {}
    assert all(outcome.success for outcome in outcomes.values())
    assert all(outcome.evaluated > 0 for outcome in outcomes.values())


@pytest.mark.parametrize("table", SUITES)
def test_a_row_made_wrong_fails_its_expectation_and_no_other(table: str) -> None:
    wrongs = [(name, wrong) for of, name, wrong in WRONGS if of == table]
    wrongs += [(f"{column}_is_not_null", {column: None}) for of, column in NOT_NULL if of == table]
    # Every second row, so that in gold/chunks each wrong chunk has a document and a good neighbour of its own.
    records = KINDS[table].records(2 * len(wrongs))
    for index, (_, wrong) in enumerate(wrongs):
        records[2 * index] |= wrong
    outcomes, failures = judge(table, records)
    assert failures == {2 * index: name for index, (name, _) in enumerate(wrongs)}

    times = Counter(name for name, _ in wrongs)
    assert {name: outcome.unexpected for name, outcome in outcomes.items() if outcome.unexpected} == times
    suite = suite_for(table_of(KINDS[table].row_class), LIMITS)
    for name in times:
        outcome, tolerated = outcomes[name], suite.expectation(name).tolerated_ratio
        assert outcome.unexpected_ratio == outcome.unexpected / outcome.evaluated
        assert outcome.success == (outcome.unexpected_ratio <= tolerated)
        assert len(outcome.failing_keys) == outcome.unexpected


@pytest.mark.parametrize(("table", "name", "wrong", "rows", "others"), SHARED)
def test_rows_that_contradict_each_other_all_fail(
    table: str, name: str, wrong: Record, rows: set[int], others: set[str]
) -> None:
    records = KINDS[table].records()
    records[2] |= wrong
    outcomes, failures = judge(table, records)
    assert failures == dict.fromkeys(rows, name)
    assert {other for other, outcome in outcomes.items() if outcome.unexpected} == {name} | others
    assert outcomes[name].unexpected == len(rows)


@pytest.mark.parametrize("table", SUITES)
def test_wrong_columns_fail_all_rows_and_nothing_else_is_judged(table: str) -> None:
    suite = SUITES[table]
    good = pa.Table.from_pylist(KINDS[table].records(), schema=suite.table.schema)
    for wrong in (good.drop_columns([good.column_names[-1]]), good.append_column("extra", good[0])):
        validation = validate(suite, wrong)
        assert dict(validation.failures) == dict.fromkeys(range(good.num_rows), COLUMNS_MATCH_SCHEMA)
        assert validation.passed_rows(wrong).num_rows == 0
        assert [outcome.expectation for outcome in validation.outcomes if outcome.evaluated] == [COLUMNS_MATCH_SCHEMA]
        assert not any(outcome.success for outcome in validation.outcomes)


def test_a_batch_of_one_text_fails_as_a_batch_and_quarantines_no_row() -> None:
    records = [record | with_text("Please log in.") for record in KINDS["silver/documents"].records()]
    outcomes, failures = judge("silver/documents", records)
    assert failures == {}
    assert [name for name, outcome in outcomes.items() if not outcome.success] == ["texts_are_mostly_distinct"]


def test_a_batch_of_copies_fails_as_a_batch_and_quarantines_no_row() -> None:
    records = [record | {"event_id": "e1"} for record in KINDS["silver/events"].records(4)]
    outcomes, failures = judge("silver/events", records)
    assert failures == {}
    assert [name for name, outcome in outcomes.items() if not outcome.success] == ["events_are_mostly_distinct"]


@pytest.mark.parametrize(("name", "unusual", "no_alarms"), UNUSUAL)
def test_a_day_fails_by_what_is_unusual_and_quarantines_nothing(
    name: str, unusual: Record, no_alarms: Sequence[Record]
) -> None:
    outcomes, failures = judge("quality/volumes", [volume(0) | unusual])
    assert (failures, [one for one, outcome in outcomes.items() if not outcome.success]) == ({}, [name])
    for odd in no_alarms:
        outcomes, _ = judge("quality/volumes", [volume(0) | odd])
        assert all(outcome.success for outcome in outcomes.values()), odd


def test_blank_documents_fail_the_check_only_beyond_what_is_tolerated() -> None:
    records = KINDS["silver/documents"].records(4)
    for blank, success in ((0, True), (1, True), (2, False)):  # half is tolerated
        records[blank] |= with_text("")
        outcome = judge("silver/documents", records)[0]["text_is_not_blank"]
        assert (outcome.unexpected, outcome.success) == (blank + 1, success)


def test_every_expectation_is_shown_to_fail() -> None:
    shown = {(table, name) for table, name, *_ in [*WRONGS, *SHARED]} | BATCH
    shown |= {(table, f"{column}_is_not_null") for table, column in NOT_NULL}
    assert shown == {(table, name) for table, suite in SUITES.items() for name in suite.names}


def test_names_are_unique_and_every_column_is_stored_or_derived() -> None:
    used: set[str] = set()
    for table, suite in SUITES.items():
        assert suite.table.name == table
        assert len(set(suite.names)) == len(suite.names)
        assert not DERIVED.keys() & set(suite.table.schema.names)
        for expectation in suite.expectations:
            assert expectation.description.endswith(".")
            assert expectation.name.isidentifier()
            assert expectation.name.islower()
            assert set(expectation.columns) <= {*suite.table.schema.names, *DERIVED}
            used |= set(expectation.columns)
    assert DERIVED.keys() <= used


def test_limits_move_bounds_and_never_names() -> None:
    tight = suites(Limits(max_file_bytes=1, max_chunk_tokens=1, max_quarantined_ratio=0.1))
    assert {table: suite.names for table, suite in tight.items()} == {table: s.names for table, s in SUITES.items()}
    suite = tight["gold/chunks"]
    rows = pa.Table.from_pylist(KINDS["gold/chunks"].records(), schema=suite.table.schema)
    assert set(validate(suite, rows).failures.values()) == {"token_count_is_within_the_model_limit"}


def test_a_table_without_a_suite_says_so() -> None:
    with pytest.raises(ConfigurationError, match="no suite for `gold/none`"):
        suite_for(Table("gold/none", "", ("a",), (), pa.schema([("a", pa.int64())])))

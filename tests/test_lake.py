import json
import multiprocessing as mp
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI

import assay.tables as document_tables
from assay import conditions
from assay.errors import DiskFull, FencedOut, StorageError
from assay.lake import Lake
from assay.schema import Table, table, table_of

SPAWN = mp.get_context("spawn")
MONDAY, TUESDAY, WEDNESDAY = date(2026, 11, 2), date(2026, 11, 3), date(2026, 11, 4)
INJECTIONS = [
    "' OR '1'='1",
    "x'); DROP TABLE t; --",
    'a"b',
    "a\\'b",
    "ü/%2F=..",
    "null",
    "",
    "\x00",
    "day",
    "x' AND 'a'='a",
]


@table("test/notes", key=("source", "day", "name"), partition_by=("source", "day"))
@dataclass(frozen=True, slots=True)
class NoteRow:
    """A partitioned table with every kind of column."""

    source: Annotated[str, "Where it's from; a `quote' in the description."]
    day: Annotated[date, "Day."]
    name: Annotated[str, "Key."]
    tags: Annotated[list[str], "Labels."]
    starts: Annotated[list[int] | None, "Offsets."]
    size: Annotated[int | None, "Bytes."]
    score: Annotated[float | None, "Score."]
    is_open: Annotated[bool | None, "Flag."]
    data: Annotated[bytes | None, "Bytes."]
    at: Annotated[datetime, "Time."]
    run_id: Annotated[str, "Run."]


@table("test/pieces", key=("piece",))
@dataclass(frozen=True, slots=True)
class PieceRow:
    """A table without partitions, replaced by document."""

    piece: Annotated[str, "Key."]
    document: Annotated[str, "Document."]
    text: Annotated[str | None, "Text."]


@table("test/log", key=("log_partition", "offset"))
@dataclass(frozen=True, slots=True)
class LogRow:
    """A log."""

    log_partition: Annotated[str, "Log partition."]
    offset: Annotated[int, "Offset."]


NOTES, PIECES, LOG = table_of(NoteRow), table_of(PieceRow), table_of(LogRow)


def note(name: str, source: str = "inbox", day: date = MONDAY, *, size: int | None = None, run: str = "r") -> NoteRow:
    at = datetime(2026, 11, 2, 23, 59, 59, 123456, UTC)
    return NoteRow(source, day, name, ["a", "b'c"], None, size, 0.1, None, b"\x00\xff", at, run)


def pieces(**documents: Iterable[str]) -> pa.Table:
    return PIECES.rows([PieceRow(f"{d}/{text}", d, text) for d, texts in documents.items() for text in texts])


def log(name: str, start: int, end: int) -> pa.Table:
    return LOG.rows([LogRow(name, offset) for offset in range(start, end)])


def names(lake: Lake, where: Mapping[str, object] | None = None) -> list[str]:
    return sorted(lake.read(NOTES, where=where)["name"].to_pylist())


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def test_rows_come_back_exactly(lake: Lake) -> None:
    rows = NOTES.rows(
        [
            note("a"),
            NoteRow(
                "inbox", MONDAY, "b", [], [1, 2], -(2**63), 1e300, True, None, datetime(1969, 1, 1, tzinfo=UTC), ""
            ),
        ]
    )
    commit = lake.replace_partition(NOTES, rows, partitions={"source": "inbox", "day": MONDAY})
    back = lake.read(NOTES)
    assert back.sort_by("name").equals(rows)
    assert back.schema.equals(NOTES.schema)
    assert (commit.changed, commit.rows, lake.version(NOTES)) == (True, 2, commit.version)


@pytest.mark.parametrize(
    "described", ["ManifestRow", "FeedRow", "DocumentRow", "QuarantineRow", "DocumentStateRow", "ChunkRow"]
)
def test_every_document_table_keeps_its_schema_and_descriptions(lake: Lake, described: str, tmp_path: Path) -> None:
    standing = table_of(getattr(document_tables, described))
    lake.replace_rows(standing, standing.empty(), column=standing.key[0], values=["x"])
    assert lake.read(standing).schema.equals(standing.schema)
    actions = (tmp_path / "lake" / standing.name / "_delta_log" / f"{0:020}.json").read_text().splitlines()
    (written,) = [action["metaData"] for action in map(json.loads, actions) if "metaData" in action]
    fields = json.loads(written["schemaString"])["fields"]
    assert {field["name"]: field["metadata"]["comment"] for field in fields} == standing.column_descriptions
    assert {field["name"]: field["nullable"] for field in fields} == {f.name: f.nullable for f in standing.schema}


def test_before_the_first_write_a_table_is_empty(lake: Lake, tmp_path: Path) -> None:
    assert lake.version(NOTES) is None
    assert lake.read(NOTES).equals(NOTES.empty())
    assert lake.read(NOTES, columns=["size", "name"]).schema.names == ["name", "size"]
    assert lake.dataset(NOTES).to_table().equals(NOTES.empty())
    assert lake.offsets(LOG, ["0"]) == {"0": 0}
    lake.compact(NOTES)
    assert lake.vacuum(NOTES) == 0
    assert not (tmp_path / "lake").exists()
    with pytest.raises(StorageError):
        lake.read(NOTES, version=0)


def test_where_matches_values_collections_and_nulls(lake: Lake) -> None:
    rows = [note("a", size=1), note("b", day=TUESDAY, size=2), note("c", "mail", TUESDAY), note("d", "mail", WEDNESDAY)]
    lake.replace_partition(NOTES, NOTES.rows(rows), partitions={"source": ["inbox", "mail"]})
    assert names(lake, {"source": "mail"}) == ["c", "d"]
    assert names(lake, {"source": "mail", "day": [MONDAY, TUESDAY]}) == ["c"]
    assert names(lake, {"day": {MONDAY, WEDNESDAY}}) == ["a", "d"]
    assert names(lake, {"size": None}) == ["c", "d"]
    assert names(lake, {"size": [1, None]}) == ["a", "c", "d"]
    assert names(lake, {"day": []}) == []
    assert lake.read(NOTES, where={"source": "mail"}, columns=["size", "name"]).schema.names == ["name", "size"]
    with pytest.raises(KeyError):
        lake.read(NOTES, columns=["colour"])
    with pytest.raises(KeyError):
        lake.read(NOTES, where={"colour": "red"})


def test_files_of_other_partitions_are_not_opened(lake: Lake, tmp_path: Path) -> None:
    rows = [note("a"), note("b", day=TUESDAY), note("c", "mail", TUESDAY)]
    lake.replace_partition(NOTES, NOTES.rows(rows), partitions={"source": ["inbox", "mail"]})
    for file in (tmp_path / "lake" / NOTES.name).glob("source=inbox/day=2026-11-03/*.parquet"):
        file.unlink()
    assert names(lake, {"source": "inbox", "day": MONDAY}) == ["a"]
    assert names(lake, {"source": ["inbox", "mail"], "day": [MONDAY]}) == ["a"]
    assert names(lake, {"source": "mail"}) == ["c"]
    with pytest.raises(StorageError, match="`test/notes` was not read"):
        lake.read(NOTES)


def test_replacing_a_partition_leaves_the_others(lake: Lake) -> None:
    rows = [note("a"), note("b"), note("c", day=TUESDAY), note("d", "mail")]
    lake.replace_partition(NOTES, NOTES.rows(rows), partitions={"source": ["inbox", "mail"]})
    lake.replace_partition(NOTES, NOTES.rows([note("e")]), partitions={"source": "inbox", "day": MONDAY})
    assert names(lake) == ["c", "d", "e"]
    lake.replace_partition(NOTES, NOTES.empty(), partitions={"day": [MONDAY]})
    assert names(lake) == ["c"]


def test_writing_the_same_again_commits_nothing(lake: Lake) -> None:
    place = {"source": "inbox", "day": [MONDAY, TUESDAY]}
    rows = NOTES.rows([note("a"), note("b"), note("c", day=TUESDAY), note("c", day=TUESDAY)])
    first = lake.replace_partition(NOTES, rows, partitions=place)
    other_run = NOTES.rows([note("c", day=TUESDAY, run="2"), note("c", day=TUESDAY), note("b", run="2"), note("a")])
    again = lake.replace_partition(NOTES, other_run, partitions=place)
    assert (again.changed, again.version, lake.version(NOTES)) == (False, first.version, first.version)
    fewer = lake.replace_partition(NOTES, rows.slice(0, 3), partitions=place)
    assert (fewer.changed, fewer.version) == (True, first.version + 1)
    assert names(lake) == ["a", "b", "c"]
    gone = lake.replace_partition(NOTES, NOTES.empty(), partitions={"source": "never", "day": MONDAY})
    assert (gone.changed, lake.version(NOTES)) == (False, fewer.version)


def test_only_what_differs_is_written(lake: Lake, tmp_path: Path) -> None:
    place = {"source": "inbox", "day": [MONDAY, TUESDAY]}
    lake.replace_partition(NOTES, NOTES.rows([note("a"), note("b", day=TUESDAY)]), partitions=place)
    lake.replace_partition(NOTES, NOTES.rows([note("a", run="2"), note("c", day=TUESDAY, run="2")]), partitions=place)
    assert len(list((tmp_path / "lake" / NOTES.name).glob("source=inbox/day=2026-11-02/*.parquet"))) == 1
    assert len(list((tmp_path / "lake" / NOTES.name).glob("source=inbox/day=2026-11-03/*.parquet"))) == 2
    assert names(lake) == ["a", "c"]


@pytest.mark.parametrize(
    ("partitions", "complaint"),
    [
        ({"source": "mail", "day": MONDAY}, "lie outside"),
        ({"source": "inbox", "day": [TUESDAY]}, "lie outside"),
        ({"name": "a"}, "partitioned by"),
        ({}, "partitioned by"),
    ],
)
def test_rows_outside_are_refused(lake: Lake, partitions: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        lake.replace_partition(NOTES, NOTES.rows([note("a")]), partitions=partitions)
    assert lake.version(NOTES) is None


def test_rows_that_do_not_fit_are_refused_before_anything_is_written(lake: Lake) -> None:
    rows = pieces(d1=["x"])
    with pytest.raises(ValueError, match="`piece` of `test/pieces` may not be null"):
        lake.replace_rows(PIECES, rows.set_column(0, "piece", pa.nulls(1)), column="document", values=["d1"])
    with pytest.raises(ValueError, match="missing columns"):
        lake.append_once(PIECES, rows.drop_columns(["text"]), {"0": (0, 1)})
    with pytest.raises(ValueError, match="`source` partitions `test/notes` and may not be empty"):
        lake.replace_partition(NOTES, NOTES.rows([note("a", "")]), partitions={"source": ""})
    with pytest.raises(ValueError, match="cannot be replaced by `text`"):
        lake.replace_rows(PIECES, rows, column="text", values=["x"])
    assert lake.version(PIECES) is None


def test_rows_of_documents_are_updated_inserted_and_deleted_in_one_commit(lake: Lake) -> None:
    lake.replace_rows(PIECES, pieces(d1=["x", "y"], d2=["x"], d3=["x"]), column="document", values=["d1", "d2", "d3"])
    before = lake.version(PIECES)
    commit = lake.replace_rows(PIECES, pieces(d1=["y", "z"], d4=["x"]), column="document", values=["d1", "d3", "d4"])
    assert commit.version == (before or 0) + 1
    assert sorted(lake.read(PIECES)["piece"].to_pylist()) == ["d1/y", "d1/z", "d2/x", "d4/x"]
    assert not lake.replace_rows(PIECES, PIECES.empty(), column="document", values=[]).changed


@pytest.mark.parametrize("listed", [2, 10_000])
def test_thousands_of_documents_leave_what_lies_between_them(
    lake: Lake, listed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "LISTED_VALUES", listed)
    documents = [f"d'{i:05}" for i in range(4000)]
    rows = PIECES.rows([PieceRow(d, d, "old") for d in documents])
    lake.replace_rows(PIECES, rows, column="document", values=documents)
    even = documents[0:3000:2]
    new = PIECES.rows([PieceRow(d, d, "new") for d in even])
    commit = lake.replace_rows(PIECES, new, column="document", values=[*even, "d'99999"])
    stands = dict(zip(*(lake.read(PIECES)[name].to_pylist() for name in ("document", "text")), strict=True))
    assert stands == {d: "new" if d in set(even) else "old" for d in documents}
    assert lake.version(PIECES) == commit.version == 2


@pytest.mark.parametrize("value", INJECTIONS)
def test_hostile_values_are_values(lake: Lake, value: str) -> None:
    lake.replace_rows(PIECES, pieces(d1=["x"], d2=["x"]), column="document", values=["d1", "d2"])
    lake.replace_rows(PIECES, pieces(**{value: ["old"]}), column="document", values=[value])
    lake.replace_rows(PIECES, pieces(**{value: ["new"]}), column="document", values=[value])
    assert sorted(lake.read(PIECES)["piece"].to_pylist()) == sorted(["d1/x", "d2/x", f"{value}/new"])
    assert lake.read(PIECES, where={"document": value})["text"].to_pylist() == ["new"]
    if value:
        lake.replace_partition(
            NOTES, NOTES.rows([note("a"), note("b", value)]), partitions={"source": ["inbox", value]}
        )
        lake.replace_partition(NOTES, NOTES.empty(), partitions={"source": value, "day": MONDAY})
        assert names(lake) == ["a"]


@settings(max_examples=100 if AT_CI else 12, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sets(st.text(max_size=3) | st.sampled_from(INJECTIONS), min_size=1, max_size=3),
            st.lists(st.integers(0, 2), max_size=3),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 2),
)
def test_replacing_rows_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[set[str], list[int]]], listed: int
) -> None:
    folder = tmp_path_factory.mktemp("lake")
    lake, model = Lake(folder), dict[str, list[str]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conditions, "LISTED_VALUES", listed)
        for documents, texts in writes:
            written = {document: [str(text) for text in texts] for document in documents}
            before = lake.version(PIECES)
            commit = lake.replace_rows(PIECES, pieces(**written), column="document", values=documents)
            differs = any(Counter(model.get(document, [])) != Counter(new) for document, new in written.items())
            assert (commit.changed, commit.version) == (differs, (before or 0) + differs)
            model.update(written)
            stands = lake.read(PIECES).select(["document", "text"]).to_pylist()
            assert Counter((row["document"], row["text"]) for row in stands) == Counter(
                (document, text) for document, texts in model.items() for text in texts
            )
    shutil.rmtree(folder)


def test_older_versions_stay_readable_after_compaction_and_vacuum(lake: Lake) -> None:
    first = lake.replace_rows(PIECES, pieces(d1=["x"]), column="document", values=["d1"])
    old_hash = lake.content_hash(PIECES)
    lake.replace_rows(PIECES, pieces(d1=["y"], d2=["y"]), column="document", values=["d1", "d2"])
    lake.compact(PIECES)
    lake.vacuum(PIECES)
    assert lake.read(PIECES, version=first.version).equals(pieces(d1=["x"]))
    assert lake.dataset(PIECES, version=first.version).to_table().equals(pieces(d1=["x"]))
    assert lake.content_hash(PIECES, version=first.version) == old_hash != lake.content_hash(PIECES)
    with pytest.raises(StorageError, match="last commit stands"):
        lake.read(PIECES, version=99)


def test_content_hash_ignores_files_order_and_provenance(tmp_path: Path) -> None:
    one, other = Lake(tmp_path / "one"), Lake(tmp_path / "other")
    rows = [note(name, day=day) for name in "abc" for day in (MONDAY, TUESDAY)]
    one.replace_partition(NOTES, NOTES.rows(rows), partitions={"source": "inbox"})
    for row in reversed(rows):
        place = {"source": "inbox", "day": row.day}
        standing = other.read(NOTES, where=place)
        added = NOTES.rows([note(row.name, day=row.day, run="later")])
        other.replace_partition(NOTES, pa.concat_tables([added, standing]), partitions=place)
    assert one.content_hash(NOTES) == other.content_hash(NOTES)
    for i in range(2):
        other.append_once(NOTES, NOTES.rows([note(f"more{i}")]), {"0": (i, i + 1)})
    files, standing_hash = other.dataset(NOTES).files, other.content_hash(NOTES)
    other.compact(NOTES)
    assert len(other.dataset(NOTES).files) < len(files)
    assert other.content_hash(NOTES) == standing_hash != one.content_hash(NOTES)


def test_vacuum_deletes_what_no_version_needs(lake: Lake, tmp_path: Path) -> None:
    for text in ("x", "y"):
        lake.replace_rows(PIECES, pieces(d1=[text]), column="document", values=["d1"])
    orphan = tmp_path / "lake" / PIECES.name / "part-of-a-killed-writer.parquet"
    orphan.write_bytes(b"half")
    assert lake.vacuum(PIECES) == 0
    assert lake.vacuum(PIECES, keep_hours=0) == 2
    assert not orphan.exists()
    assert lake.read(PIECES).equals(pieces(d1=["y"]))


def test_a_log_is_appended_once(lake: Lake) -> None:
    both = pa.concat_tables([log("a", 0, 3), log("b", 0, 2)])
    assert lake.append_once(LOG, both, {"a": (0, 3), "b": (0, 2)}).rows == 5
    assert lake.offsets(LOG, ["a", "b", "c"]) == {"a": 3, "b": 2, "c": 0}
    standing = lake.version(LOG)
    for stale in ({"a": (0, 3)}, {"a": (2, 5)}, {"a": (4, 5)}, {"c": (1, 2)}, {"a": (3, 5), "b": (1, 3)}):
        with pytest.raises(FencedOut, match="goes on from the recorded offsets"):
            lake.append_once(LOG, log("a", 3, 5), stale)
    for nonsense in ({}, {"a": (3, 3)}, {"a": (3, 2)}, {"c": (-1, 2)}):
        with pytest.raises(ValueError, match="Offsets must be"):
            lake.append_once(LOG, log("a", 3, 5), nonsense)
    assert lake.version(LOG) == standing
    lake.append_once(LOG, log("a", 3, 5), {"a": (3, 5)})
    assert sorted(lake.read(LOG, where={"log_partition": "a"})["offset"].to_pylist()) == [0, 1, 2, 3, 4]


def test_offsets_survive_compaction_and_checkpoints(lake: Lake, tmp_path: Path) -> None:
    lake.append_once(LOG, log("quiet", 0, 1), {"quiet": (0, 1)})
    for offset in range(5):
        lake.append_once(LOG, log("a", offset, offset + 1), {"a": (offset, offset + 1)})
    lake.compact(LOG)
    DeltaTable(tmp_path / "lake" / LOG.name).create_checkpoint()
    for commit in (tmp_path / "lake" / LOG.name / "_delta_log").glob("*[0-6].json"):
        commit.unlink()  # as the clean-up of old logs does
    assert lake.offsets(LOG, ["quiet", "a"]) == {"quiet": 1, "a": 5}
    with pytest.raises(FencedOut):
        lake.append_once(LOG, log("quiet", 0, 1), {"quiet": (0, 1)})
    assert lake.read(LOG).num_rows == 6


def test_a_table_that_cannot_be_read_is_not_an_empty_one(lake: Lake, tmp_path: Path) -> None:
    lake.replace_rows(PIECES, pieces(d1=["x"]), column="document", values=["d1"])
    (tmp_path / "lake" / PIECES.name / "_delta_log" / f"{0:020}.json").write_text("{")
    with pytest.raises(StorageError, match="`test/pieces` was not opened"):
        lake.read(PIECES)


def test_a_table_with_other_columns_is_left_alone(lake: Lake) -> None:
    lake.replace_rows(PIECES, pieces(d1=["x"]), column="document", values=["d1"])
    wider = Table(PIECES.name, "", PIECES.key, (), PIECES.schema.append(pa.field("page", pa.int64())))
    with pytest.raises(StorageError, match="written with other columns"):
        lake.read(wider)
    assert lake.read(PIECES).num_rows == 1


GENERATIONS, ROWS_A_GENERATION = (20, 40) if AT_CI else (6, 40)


def rewrite(root: Path, barrier: Barrier, writer: int, source: str) -> None:
    """Replace one partition again and again; each time all its rows name the same generation."""
    lake = Lake(root)
    barrier.wait()
    for generation in range(GENERATIONS):
        run = f"{writer}-{generation}"
        rows = [note(f"{run}/{i}", source) for i in range(ROWS_A_GENERATION)]
        assert lake.replace_partition(NOTES, NOTES.rows(rows), partitions={"source": source, "day": MONDAY}).changed


def test_writers_of_one_and_of_other_partitions_all_land_and_no_read_is_torn(tmp_path: Path) -> None:
    lake, sources = Lake(tmp_path), ["shared", "shared", "own"]
    barrier = SPAWN.Barrier(len(sources))
    writers = [SPAWN.Process(target=rewrite, args=(tmp_path, barrier, i, s)) for i, s in enumerate(sources)]
    for writer in writers:
        writer.start()
    reads = 0
    while any(writer.is_alive() for writer in writers):
        seen = Counter((row["source"], row["name"].split("/")[0]) for row in lake.read(NOTES).to_pylist())
        assert len({source for source, _ in seen}) == len(seen), f"two generations at once: {seen}"
        assert set(seen.values()) <= {ROWS_A_GENERATION}
        reads += bool(seen)
        time.sleep(0.01)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert reads > 3
    assert lake.version(NOTES) == len(sources) * GENERATIONS  # version 0 is the creation


def rewrite_documents(root: Path, barrier: Barrier, documents: list[str]) -> None:
    """Replace the rows of the same documents again and again, named in the predicate by a range."""
    conditions.LISTED_VALUES = 2
    lake = Lake(root)
    barrier.wait()
    for generation in range(GENERATIONS):
        lake.replace_rows(
            PIECES, pieces(**{d: [str(generation)] for d in documents}), column="document", values=documents
        )


def test_writers_of_interleaved_documents_do_not_undo_each_other(tmp_path: Path) -> None:
    barrier, documents = SPAWN.Barrier(2), [f"d{i:02}" for i in range(20)]
    args = [(tmp_path, barrier, documents[i::2]) for i in range(2)]
    writers = [SPAWN.Process(target=rewrite_documents, args=arguments) for arguments in args]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    last = str(GENERATIONS - 1)
    assert sorted(Lake(tmp_path).read(PIECES)["piece"].to_pylist()) == [f"{d}/{last}" for d in documents]


FILL_A_SMALL_DISK = """
import os, sys
from pathlib import Path
import pyarrow as pa
from assay.errors import DiskFull
from assay.lake import Lake
from assay.schema import Table

lake = Lake(Path(sys.argv[1]))
blobs = Table("blobs", "", ("n",), (), pa.schema([pa.field("n", pa.int64(), nullable=False), ("data", pa.binary())]))
lake.append_once(blobs, pa.table({"n": [0], "data": [b"small"]}), {"0": (0, 1)})
try:
    lake.append_once(blobs, pa.table({"n": [1], "data": [os.urandom(2**20)]}), {"0": (1, 2)})
except DiskFull as error:
    print(error)
print(lake.read(blobs).num_rows, lake.offsets(blobs, ["0"]))
"""


def test_a_full_disk_leaves_the_last_commit_standing(tmp_path: Path) -> None:
    own_mounts = ["unshare", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*own_mounts, "true"], capture_output=True).returncode:
        pytest.skip("needs Linux with unprivileged mounts (`unshare --map-root-user --mount`)")
    script = 'mount -t tmpfs -o size=512k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = [*own_mounts, "sh", "-ec", script, "sh", str(tmp_path), sys.executable, FILL_A_SMALL_DISK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    message, standing = done.stdout.splitlines()
    assert message.startswith("1 rows were not appended to `blobs`: no space left on the disk")
    assert "The last commit stands" in message
    assert standing == "1 {'0': 1}"
    assert issubclass(DiskFull, StorageError)

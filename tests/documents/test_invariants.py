"""Invariant 1 against brute force: however the days of a history are run, the tables end as if run once and in order."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from document_histories import (
    EVERYWHERE,
    NO_TEXT,
    Expected,
    History,
    Observation,
    Plan,
    assert_as_expected,
    by_key,
    histories,
    in_order,
    moves_by_hand,
    play,
    rules_of,
    settled,
)
from document_runs import PNG, Pipeline, day, put, stand_ins, version
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI, at_ci

from assay.documents.bronze import FEED
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.errors import DiskFull
from assay.quality.quarantine import QUARANTINE
from assay.retrieval import Searcher
from assay.schema import Table
from assay.settings import SourceSettings
from assay.tables import DocumentRow, FeedRow, ManifestRow
from assay.warehouse import engine, query, to_table


@given(histories())
@settings(EVERYWHERE, max_examples=3 if AT_CI else 1)
def test_however_the_days_are_run_the_tables_end_the_same(drawn: tuple[History, Plan]) -> None:
    history, plan = drawn
    with TemporaryDirectory() as folder, stand_ins():
        inbox = Path(folder) / "inbox"
        pipeline = play(Path(folder) / "home", inbox, history, plan)
        final = settled(history, plan)
        assert_as_expected(pipeline, Expected(final, inbox))
        assert broken(pipeline) == set()

        before = pipeline.commits()
        pipeline.run(*map(day, sorted(history.days)), through="chunks", allow_mass_delete=history.allow_mass_delete)
        assert pipeline.commits() == before, "running everything again committed something"
        if AT_CI:
            assert in_order(Path(folder) / "other", inbox, final).contents() == pipeline.contents()


@at_ci("the days with the real libraries")
def test_the_real_judge_and_parsers_end_as_the_stand_ins_do(tmp_path: Path) -> None:
    history = History(
        {
            1: Observation({"a.md": "one", "b.md": "plain", "sub/a.md": "one"}),
            2: Observation({"a.md": "garbled", "b.md": "image", "sub/a.md": "two"}, "closed"),
            4: Observation({"a.md": "garbled", "b.md": "unreadable"}),  # its only upsert is garbled: the day is blocked
            5: Observation({"a.md": "long", "sub/a.md": "two"}),
        },
        {},
        allow_mass_delete=False,
    )
    inbox = tmp_path / "inbox"
    pipeline = play(tmp_path / "home", inbox, history, Plan((), ((4, 2), (5, 1))))
    expected = Expected(history, inbox)
    assert_as_expected(pipeline, expected)
    with stand_ins():
        quick = in_order(tmp_path / "quick", inbox, history)
    assert quick.contents() == pipeline.contents()


def test_whatever_was_tampered_with_breaks_the_rule_that_guards_it(pipeline: Pipeline, inbox: Path) -> None:
    unread = {"c.md": PNG, "d.md": None}
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne.", **unread})
    put(inbox / "2026-11-02", {"a.md": "# A\n\nTwo.", "b.md": "# B\n\nOne.", **unread})
    pipeline.run(day(1), day(2), through="chunks")
    assert broken(pipeline) == set()

    one = {"source": "docs", "day": day(1)}
    manifest, feed, documents = (pipeline.read(table, **one) for table in (MANIFESTS, FEED, DOCUMENTS))
    unreadable, quarantine = (pipeline.read(QUARANTINE, stage=stage, **one) for stage in ("bronze", "silver"))
    state, chunks = pipeline.read(STATE), pipeline.read(CHUNKS)
    narrowed = [{**row, "allowed_principals": ["team"]} for row in state]
    unfed = {"feed_follows_from_manifests", "changes_are_conserved"}
    for table, place, rows, rules in (
        (MANIFESTS, one, manifest[1:], unfed),
        (MANIFESTS, one, manifest[:-1], {"files_are_conserved"}),
        (MANIFESTS, one, [*manifest, manifest[0]], {"files_are_conserved", "feed_follows_from_manifests"}),
        (QUARANTINE, {"stage": "bronze", **one}, [], {"files_are_conserved"}),
        (QUARANTINE, {"stage": "bronze", **one}, unreadable * 2, {"files_are_conserved"}),
        (FEED, one, feed[1:], {*unfed, "documents_are_conserved"}),
        (FEED, one, [feed[0], *feed[2:]],
         {*unfed, "documents_are_conserved"}),
        (FEED, one, [*feed, feed[0]], {*unfed, "documents_are_conserved"}),
        (FEED, one, [{**feed[0], "tenant": "acme"}, *feed[1:]], {"feed_follows_from_manifests"}),
        (DOCUMENTS, one, documents[:1], {"documents_are_conserved"}),
        (DOCUMENTS, one, [*documents, documents[1]], {"documents_are_conserved"}),
        (QUARANTINE, {"stage": "silver", **one}, [], {"documents_are_conserved"}),
        (QUARANTINE, {"stage": "silver", **one}, [*quarantine, {**quarantine[0], "document_id": "docs:b.md"}],
         {"documents_are_conserved"}),
        (STATE, None, narrowed, {"state_follows_from_feed"}),
        (STATE, None, state[1:], {"state_follows_from_feed", "every_document_stands"}),
        (STATE, None, [*state, state[-1]], {"state_follows_from_feed", "every_document_stands"}),
        (CHUNKS, None, [], {"current_documents_are_chunked"}),
        (CHUNKS, None, [*chunks, {**chunks[0], "chunk_id": "stray", "document_id": "docs:gone.md"}],
         {"chunks_belong_to_current_documents"}),
    ):  # fmt: skip
        before = pipeline.read(table, **(place or {}))
        write(pipeline, table, place, rows)
        assert broken(pipeline) == rules, (table.name, rows)
        write(pipeline, table, place, before)
    assert broken(pipeline) == set()


def broken(pipeline: Pipeline) -> set[str]:
    return {rule.name for rule in rules_of(pipeline) if not rule.passed}


def write(pipeline: Pipeline, table: Table, place: dict[str, object] | None, rows: list[dict[str, Any]]) -> None:
    """Make `rows` all that a partition holds, or without one all that their table does."""
    lake, arrow = pipeline.workspace().lake, pa.Table.from_pylist(rows, schema=table.schema)
    if place:
        lake.replace_partition(table, arrow, partitions=place)
    else:
        column = table.key[0]
        values = {row[column] for row in [*pipeline.read(table), *rows]}
        lake.replace_rows(table, arrow, column=column, values=values)


RERUN = """
import json, sys
from datetime import date
sys.path.insert(0, sys.argv[1])
from document_runs import Pipeline
from assay.settings import SourceSettings

pipeline = Pipeline.at(sys.argv[2], SourceSettings(name="docs", uri=sys.argv[3]))
before = pipeline.commits()
done = [pipeline.run(date.fromisoformat(day)) for day in sys.argv[4:]]
print(json.dumps({
    "same": pipeline.commits() == before,
    "passed": [one.gate.passed for one in done],
    "heavy": [name for name in ("great_expectations", "torch", "sentence_transformers") if name in sys.modules],
}))
"""


def test_running_days_again_commits_nothing_and_loads_neither_the_judge_nor_the_model(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    put(inbox / "2026-11-01", {"a.md": "# The blue door\n\nIts code is 77.", "b.md": "# The red door\n\nIt has none."})
    put(inbox / "2026-11-02", {"a.md": "# The blue door\n\nIts code is 78.", "c.png": b"\x89PNG\r\n\x1a\n" + bytes(9)})
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
    with stand_ins():
        done = Pipeline.at(tmp_path / "home", source).run(day(1), day(2))
    assert done.gate is not None
    assert done.gate.canaries, "nothing was asked, so no query had to be embedded"
    arguments = [Path(__file__).parents[1], tmp_path / "home", source.uri, "2026-11-01", "2026-11-02", "2026-11-01"]
    ran = subprocess.run(
        [sys.executable, "-c", RERUN, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == {"same": True, "passed": [True] * 3, "heavy": []}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small file system can be mounted by root only")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@at_ci("a run for every full disk")
def test_a_full_disk_is_named_and_a_run_with_space_again_ends_as_if_nothing_had_been(
    tmp_path: Path, small_disk: Path
) -> None:
    inbox, home = tmp_path / "inbox", small_disk / "home"
    put(inbox / "2026-11-01", {"a.md": "# The blue door\n\nIts code is 77.", "b.md": "# The red door\n\nIt has none."})
    put(inbox / "2026-11-02", {"a.md": "# The blue door\n\nIts code is 78.", "c.md": "# A green door\n\nNew." * 2000})
    source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
    ballast = small_disk / "ballast"
    with stand_ins():
        pipeline = Pipeline.at(home, source)
        pipeline.run(day(1))
        stopped = [error for free in (0, 60, 100, 180, 320, 450) if (error := failure(pipeline, ballast, free))]
        assert len(stopped) >= 4, "the disk was hardly ever full"
        assert all("`" in message for message in stopped), "no command to run next"
        assert pipeline.run(day(2)).gate.passed
        assert first_hit(pipeline).endswith("78.")
        other = Pipeline.at(tmp_path / "other", source)
        other.run(day(1), through="chunks")
        other.run(day(2), through="chunks")
    assert pipeline.contents() == other.contents()


def failure(pipeline: Pipeline, ballast: Path, free_kilobytes: int) -> str | None:
    """Run the second day with so much space left; the message where the disk was full. Searches are answered anyhow."""
    space = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(space.f_bavail * space.f_frsize - free_kilobytes * 1024, 1))
    try:
        pipeline.run(day(2))
    except DiskFull as error:
        return str(error)
    finally:
        answered = first_hit(pipeline)
        ballast.unlink()
        assert answered.endswith(("77.", "78.")), "what served did not go on"
    return None


def first_hit(pipeline: Pipeline) -> str:
    return Searcher.open(pipeline.settings).search("blue door code")[0].text


# What a source says of a document on each of five days.
story = st.lists(st.sampled_from(["nothing", "text", "no text", "stale text", "delete"]), min_size=5, max_size=5)
stories = st.fixed_dictionaries({(document, source): story for document in "xy" for source in "ab"})
days_of_sources = st.sets(st.tuples(st.integers(1, 5), st.sampled_from(["a", "b"])), max_size=2)


@given(stories, days_of_sources, days_of_sources)
@settings(deadline=None, max_examples=240 if AT_CI else 80)
def test_the_state_is_the_feed_folded_source_by_source(
    said: dict[tuple[str, str], list[str]], blocked_feeds: set[tuple[int, str]], blocked_texts: set[tuple[int, str]]
) -> None:
    changes = {
        (number, source, document): change
        for (document, source), told in said.items()
        for number, change in enumerate(told, start=1)
        if change != "nothing"
    }
    feed = [
        FeedRow(source, day(number), document, version(number), "delete" if change == "delete" else "upsert", "added",
                document, f"{source} {number}", None, None if change == "delete" else f"{change} {number}", source,
                [f"group {number}"], None, None)
        for (number, source, document), change in changes.items()
    ]  # fmt: skip
    texts = [
        DocumentRow(source, day(number), document, version(number), f"{'text' if change == 'text' else 'other'} {number}",
                    "text/plain", f"title {source} {number}", "und", "", f"hash {source} {number}", [0], "plain@1",
                    "cleaning@1", [], [0, 0], [0, 0], [], [], [], [], 0, 0)
        for (number, source, document), change in changes.items()
        if change in ("text", "stale text")
    ]  # fmt: skip
    tables = {
        "feed": FEED.rows(feed),
        "parsed": DOCUMENTS.rows(texts),
        "blocked_feeds": day_table(blocked_feeds),
        "blocked_texts": day_table(blocked_texts),
        "tombstones": STATE.empty(),
    }
    with engine(tables) as connection:
        state = to_table(STATE, query(connection, "assay.documents", "document_state.sql")).to_pylist()

    # What each source says of each document; a document stands while any source holds it.
    held: dict[str, dict[str, dict[str, Any]]] = {}
    for (number, source, document), change in sorted(changes.items()):
        if (number, source) in blocked_feeds or (change != "delete" and (number, source) in blocked_texts):
            continue
        row = held.setdefault(document, {}).setdefault(source, {"document_id": document, **NO_TEXT})
        row |= {"document_version": version(number), "source": source, "uri": f"{source} {number}", "tenant": source}
        row |= {"is_deleted": change == "delete", "allowed_principals": [f"group {number}"]}
        if change == "delete":
            row |= NO_TEXT
        elif change == "text":
            row |= {"text_version": version(number), "text_source": source, "text_day": day(number)}
            row |= {"text_hash": f"hash {source} {number}", "title": f"title {source} {number}"}
    expected = []
    for by_source in held.values():
        holders = [row for row in by_source.values() if not row["is_deleted"]] or list(by_source.values())
        latest = max(holders, key=lambda row: (row["document_version"], row["source"]))
        text = max(holders, key=lambda row: (row["text_version"] or 0, row["text_source"] or ""))
        expected.append({**latest, **{name: text[name] for name in NO_TEXT}})
    assert by_key(state) == by_key(expected)


def day_table(days: set[tuple[int, str]]) -> pa.Table:
    return pa.table(
        {
            "source": pa.array([source for _, source in days], pa.string()),
            "day": pa.array([day(n) for n, _ in days], pa.date32()),
        }
    )


FILE = (
    None,
    ("one", "acme", "p"),
    ("one", "acme", "q"),
    ("one", "zeta", "p"),
    ("two", "acme", "p"),
    (None, "acme", "p"),
)
paths = ["x", "sub/x", "subway", "sub/in/x", "a"]
manifests = st.tuples(
    st.fixed_dictionaries({path: st.sampled_from(FILE) for path in paths}).map(
        lambda files: {path: seen for path, seen in files.items() if seen}
    ),
    st.sets(st.sampled_from(["sub/", "sub/in/"]), max_size=1),
)


@given(st.lists(manifests, min_size=1, max_size=3), st.sampled_from(["snapshot", "snapshot", "arrivals"]))
@settings(deadline=None, max_examples=240 if AT_CI else 80)
def test_the_feed_is_the_difference_to_what_was_known(
    observed: list[tuple[dict[str, Any], set[str]]], mode: str
) -> None:
    rows, known, now = [], {}, {}
    for number, (files, closed) in enumerate(observed, start=1):
        known = now
        seen = {path: values for path, values in files.items() if not path.startswith(tuple(closed))}
        now = {**{path: values for path, values in known.items() if path.startswith(tuple(closed))}, **seen}
        manifest = seen | dict.fromkeys(closed, (None, "acme", "p"))
        for path, (content, tenant, principal) in (manifest or {"": (None, "acme", "p")}).items():
            status = "observed" if content else "refused" if path else "empty"
            size = len(content) if content else None
            rows.append(
                ManifestRow("docs", day(number), path, path, status, None, None, size, content, tenant, [principal], "r",
                            datetime.now(UTC))
            )  # fmt: skip
    parameters = {
        "source": "docs",
        "namespace": "space",
        "mode": mode,
        "day": day(len(observed)),
        "previous_day": day(len(observed) - 1) if len(observed) > 1 else None,
        "since": day(1),
        "document_version": version(len(observed)),
    }
    with engine({"manifests": MANIFESTS.rows(rows)}) as connection:
        feed = to_table(FEED, query(connection, "assay.documents", "feed.sql", parameters)).to_pylist()

    files, closed = observed[-1]
    if mode == "arrivals":
        known = {}
    appeared = {path: seen[0] for path, seen in files.items() if seen[0] and path not in known and path in now}
    moves = moves_by_hand({path: known[path][0] for path in known if path not in now}, appeared)
    origins = {new: old for old, new in moves.items()}
    expected = {
        f"space:{path}": ("delete", "moved_away" if path in moves else "deleted", None, *known[path][1:])
        for path in known
        if path not in now
    }
    for path, (content, tenant, principal) in files.items():
        if not content or path.startswith(tuple(closed)):
            continue
        if path not in known:
            expected[f"space:{path}"] = ("upsert", "moved" if path in origins else "added", content, tenant, principal)
        elif known[path][0] != content:
            expected[f"space:{path}"] = ("upsert", "edited", content, tenant, principal)
        elif known[path][1:] != (tenant, principal):
            expected[f"space:{path}"] = ("upsert", "repermitted", content, tenant, principal)
    columns = ("op", "change", "content_hash", "tenant")
    found = {row["document_id"]: (*(row[name] for name in columns), *row["allowed_principals"]) for row in feed}
    assert found == expected
    assert len(feed) == len(expected)
    assert {row["path"]: row["moved_to"] for row in feed if row["moved_to"]} == {
        old: f"space:{new}" for old, new in moves.items()
    }
    assert {row["path"]: row["moved_from"] for row in feed if row["moved_from"]} == {
        new: f"space:{old}" for new, old in origins.items()
    }

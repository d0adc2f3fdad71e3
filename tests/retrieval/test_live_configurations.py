"""Several configurations over one lake: a data change reaches what serves, the candidate and the retained ones alike."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from document_runs import HashingEncoder, Pipeline, day, put
from scale import at_ci

from assay.documents.chunk_rows import CHUNKS, chunk_rows
from assay.documents.gold import chunks_source
from assay.documents.invariants import chunk_rules
from assay.embeddings.models import BUNDLED_MODEL, resolve_model
from assay.errors import ModelError, StorageError
from assay.lake import Lake
from assay.quality.outcomes import OUTCOMES
from assay.quality.runner import Outcome, Validation
from assay.retrieval import Searcher, ServingPointer, engine, flip, read_head, read_pointer
from assay.retrieval.configurations import configured_release, manifest_path
from assay.retrieval.deny_list import update_deny_list
from assay.retrieval.index import ChunkIndex
from assay.retrieval.invariants import deny_rules
from assay.retrieval.live_stages import find_live, index_rules_of_live, maintain_live, reconcile_live, release_live
from assay.retrieval.reconcile import reconcile_index
from assay.retrieval.serving import find_release, heads, read_acts, write_head
from assay.retrieval.unneeded_tables import GRACE, NOTE_FILE
from assay.settings import PathRule
from assay.warehouse import engine as lake_engine

LONG = "\n\n".join(
    f"Paragraph {n} of the lantern's history, told at some length and without any hurry." for n in range(9)
)
A, B, C = f"# A\n\nThe copper lantern.\n\n{LONG}", "# B\n\nThe violet lantern.", "# C\n\nThe river lantern."


@dataclass(frozen=True)
class Two:
    """One home under two configurations that cut otherwise: `old` serves, `new` is configured later."""

    old: Pipeline
    new: Pipeline

    @property
    def releases(self) -> Path:
        return self.old.settings.releases_path

    def id(self, pipeline: Pipeline) -> str:
        return configured_release(pipeline.settings).configuration_id

    def head(self, pipeline: Pipeline) -> ServingPointer | None:
        return read_head(self.releases, self.id(pipeline))

    def serve(self, pipeline: Pipeline, act: Any = "promote") -> None:
        head = self.head(pipeline)
        assert head is not None
        flip(self.releases, head, act)

    def rules_that_do_not_hold(self) -> set[str]:
        """Of the chunks, the tables and the deny-list, under every live configuration."""
        workspace = self.new.workspace()
        rules = [rule for _, judged in index_rules_of_live(workspace) for rule in judged]
        with lake_engine() as connection:
            for one in find_live(workspace).by_chunker:
                rules += chunk_rules(one.workspace, connection)
        return {rule.name for rule in [*rules, *deny_rules(workspace)] if not rule.passed}


@pytest.fixture
def two(pipeline: Pipeline) -> Two:
    return Two(pipeline, with_settings(pipeline, chunk_size_tokens=32))


def with_settings(pipeline: Pipeline, **settings: object) -> Pipeline:
    return Pipeline(pipeline.settings.model_copy(update=settings), pipeline.rules_on)


def found(where: Pipeline | Searcher, *principals: str) -> dict[str, str]:
    """Document id -> the text that its chunks make, as a search that wants everything finds them."""
    searcher = where if isinstance(where, Searcher) else Searcher.open(where.settings)
    hits = searcher.search("lantern", k=100, mode="dense", principals=principals or ("public",))
    texts: dict[str, list[tuple[int, str]]] = {}
    for hit in hits:
        texts.setdefault(hit.document_id, []).append((hit.start, hit.text))
    return {
        document: " ".join(" ".join(text.split()) for _, text in sorted(parts)) for document, parts in texts.items()
    }


def plain(**texts: str) -> dict[str, str]:
    return {f"docs:{name}.md": " ".join(text.split()) for name, text in texts.items()}


def under(two: Two, pipeline: Pipeline, *principals: str) -> dict[str, str]:
    """The same, asked of a configuration's head."""
    return found(Searcher.open(two.new.settings, two.head(pipeline)), *principals)


def chunkers(two: Two) -> set[str]:
    return {row["chunker"] for row in two.old.read(CHUNKS)}


def test_a_data_change_reaches_what_serves_the_candidate_and_the_retained_alike(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    first = read_pointer(two.releases)
    searcher = Searcher.open(two.new.settings)

    # A candidate is configured: what serves is brought up to date, and the candidate beside it.
    edited = A.replace("copper", "golden")
    put(inbox / "2026-11-02", {"a.md": edited, "c.md": C})
    report = two.new.run(day(2)).gate
    assert report is not None
    assert (report.configuration, report.published) == (two.id(two.old), True)
    serving, candidate = read_pointer(two.releases), two.head(two.new)
    assert serving == two.head(two.old)
    assert serving != first
    assert candidate is not None
    assert candidate.table != serving.table
    assert found(searcher) == under(two, two.new) == plain(a=edited, c=C)
    assert searcher.search("lantern")[0].release == serving.release_id, "the candidate answered"
    cut = {row["document_id"] for row in two.old.read(CHUNKS, chunker=candidate.chunker)}
    assert cut == {"docs:a.md", "docs:c.md"}
    assert len(two.old.read(CHUNKS, chunker=candidate.chunker)) > len(two.old.read(CHUNKS, chunker=serving.chunker))
    assert two.rules_that_do_not_hold() == set()

    # Promoted: open searchers follow, and now the other one is retained. A deletion, a narrowed permission, an edit.
    two.serve(two.new)
    assert searcher.search("lantern")[0].release == candidate.release_id
    put(inbox / "2026-11-03", {"a.md": A, "b.md": B})
    narrowed = Pipeline(two.new.settings, {day(3): (PathRule(pattern="a.md", allowed_principals=("team:a",)),)})
    report = narrowed.run(day(3)).gate
    assert report is not None
    assert (report.configuration, report.published) == (two.id(two.new), True)
    assert found(searcher) == under(two, two.old) == plain(b=B)
    assert found(searcher, "team:a") == under(two, two.old, "team:a") == plain(a=A)
    assert two.rules_that_do_not_hold() == set()

    # Rolled back: what is found is today's, not that of the day it was replaced.
    two.serve(two.old, "rollback")
    assert found(searcher) == plain(b=B)
    assert searcher.search("lantern")[0].release == two.head(two.old).release_id  # pyright: ignore[reportOptionalMemberAccess]
    assert [one.act for one in read_acts(two.releases)] == ["promote", "publish", "promote", "publish", "rollback"]


def test_nothing_is_found_under_any_head_once_it_is_known_to_be_deleted(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    two.old.run(day(1))
    two.new.run(day(1))
    two.new.run(day(2), through="state")  # the feed and the deny-list, and neither chunks nor a release
    for pipeline in (two.old, two.new):
        assert under(two, pipeline) == plain(a=A)
    assert two.rules_that_do_not_hold() & {"nothing_denied_is_found"} == set()

    # A gate that says no leaves a head where it is, while all else goes on and holds the document no more.
    stale = two.head(two.new)
    assert stale is not None
    two.new.run(day(2))
    write_head(two.releases, stale)
    with lake_engine() as connection:
        update_deny_list(two.new.workspace(), connection)
    assert under(two, two.new) == plain(a=A)


def test_a_second_run_changes_nothing_and_one_table_is_reconciled_once(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    # Another mode of search and another chunker: three configurations of two tables and two chunkers.
    two.new.run(day(1))
    two.serve(two.new)
    lexical = with_settings(two.new, search_mode="lexical")
    done = lexical.run(day(1))
    assert done.index is not None
    assert done.index.tables == 2
    assert {one.configuration for one in heads(two.releases)} == {two.id(one) for one in (two.old, two.new, lexical)}
    assert two.head(two.new).table == two.head(lexical).table  # pyright: ignore[reportOptionalMemberAccess]
    before = lexical.commits()
    again = lexical.run(day(1))
    assert again.index is not None
    assert (again.index.embedded, again.index.inserted, again.gate and again.gate.published) == (0, 0, False)
    assert lexical.commits() == before


@at_ci("a dozen runs")
def test_late_days_end_the_same_under_two_configurations(tmp_path: Path, pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A.replace("copper", "golden"), "b.md": B, "c.md": C})
    put(inbox / "2026-11-03", {"b.md": B, "c.md": C.replace("river", "silver")})
    seen: list[tuple[Any, ...]] = []
    for name, order in (("in order", (1, 2, 3)), ("late", (1, 3, 2))):
        home = with_settings(pipeline, home=tmp_path / name)
        two = Two(home, with_settings(home, chunk_size_tokens=32))
        two.old.run(day(1))
        for number in order[1:]:
            two.new.run(day(number))
        assert two.rules_that_do_not_hold() == set()
        seen.append((two.old.contents(), found(two.new), under(two, two.new), under(two, two.old)))
    assert seen[0] == seen[1]
    assert seen[0][1] == plain(b=B, c=C.replace("river", "silver"))


@at_ci("several runs")
def test_what_is_no_longer_live_goes_its_table_after_a_grace(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    two.new.run(day(1))
    candidate = two.head(two.new)
    assert candidate is not None
    assert candidate.chunker in chunkers(two)

    two.old.run(day(1))  # the candidate is given up
    assert chunkers(two) == {configured_release(two.old.settings).chunker}
    assert two.old.read(OUTCOMES, table_name=CHUNKS.name, source=chunks_source(candidate.chunker)) == []
    assert two.head(two.new) is None, "it is not kept up to date, so nobody may promote it"
    tables = {path.stem for path in two.old.settings.vectors_path.glob("*.lance")}
    assert candidate.table in tables, "a search may be reading it"

    maintain_live(two.old.workspace())
    note = two.releases / NOTE_FILE
    earlier = datetime.now(UTC) - GRACE - timedelta(minutes=1)
    # The gate's candidate is the serving configuration by now, so that nothing names the table any more.
    assert json.loads(note.read_text()).keys() == {candidate.table}
    note.write_text(json.dumps({candidate.table: earlier.isoformat()}))
    assert maintain_live(two.old.workspace()).dropped == (candidate.table,)
    assert json.loads(note.read_text()) == {}
    assert found(two.old) == plain(a=A, b=B)
    # Configured again it is built anew, from the cache.
    done = two.new.run(day(1))
    assert done.index is not None
    assert done.index.embedded == 0
    assert under(two, two.new) == plain(a=A, b=B)


@at_ci("several runs")
def test_a_table_that_is_needed_again_begins_its_grace_anew(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    for pipeline in (two.old, two.new, two.old, two.old):
        pipeline.run(day(1))
    note = two.releases / NOTE_FILE
    [table] = json.loads(note.read_text())
    note.write_text(json.dumps({table: (datetime.now(UTC) - 2 * GRACE).isoformat()}))
    two.new.run(day(1))
    assert json.loads(note.read_text()) == {}
    assert under(two, two.new) == plain(a=A)


def other_model(folder: Path) -> Path:
    """The bundled model's files with a prompt for questions: another fingerprint."""
    bundled = resolve_model(BUNDLED_MODEL).folder
    shutil.copytree(bundled, folder, copy_function=os.symlink)
    file = folder / "config_sentence_transformers.json"
    file.unlink(missing_ok=True)
    file.write_text(json.dumps({"prompts": {"query": "question: "}}))
    return folder


def test_a_release_is_asked_by_its_own_model_while_another_is_configured(
    tmp_path: Path, two: Two, inbox: Path, encoder: HashingEncoder
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    other = with_settings(two.old, embedding_model=str(other_model(tmp_path / "other")))
    assert configured_release(other.settings).fingerprint != configured_release(two.old.settings).fingerprint
    searcher = Searcher.open(other.settings)
    assert found(searcher) == plain(a=A, b=B), "nothing is built yet by the configured model"
    other.run(day(1))
    assert {one.configuration for one in heads(two.releases)} == {two.id(two.old), two.id(other)}
    assert found(searcher) == plain(a=A, b=B)
    two.serve(other)
    assert found(searcher) == plain(a=A, b=B)
    assert searcher.search("lantern")[0].release == two.head(other).release_id  # pyright: ignore[reportOptionalMemberAccess]


@at_ci("several runs")
def test_a_retained_model_that_is_lost_is_said_and_stops_nothing(tmp_path: Path, two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A, "b.md": B})
    lost = with_settings(two.old, embedding_model=str(other_model(tmp_path / "other")))
    lost.run(day(1))
    two.old.run(day(1))
    two.serve(two.old)
    (tmp_path / "other").rename(tmp_path / "gone")
    gone = next(one for one in heads(two.releases) if one.configuration != two.id(two.old))

    report = two.old.run(day(2)).gate
    assert report is not None
    assert (report.passed, report.published) == (True, True)
    again = release_live(two.old.workspace())
    assert set(again.unusable) == {gone.configuration} == again.retained
    assert read_head(two.releases, gone.configuration) is None, "a rollback to it would bring back the first day"
    assert found(two.old) == plain(a=A, b=B)

    (tmp_path / "gone").rename(tmp_path / "other")
    assert two.old.run(day(2)).gate is not None
    assert under(two, lost) == plain(a=A, b=B), "found again, it is kept up to date again"


def test_a_model_of_what_serves_that_is_lost_lets_the_candidate_be_built(tmp_path: Path, two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    lost = with_settings(two.old, embedding_model=str(other_model(tmp_path / "other")))
    lost.run(day(1))
    shutil.rmtree(tmp_path / "other")
    report = two.old.run(day(1)).gate
    assert report is not None
    assert (report.configuration, report.passed, report.published) == (two.id(two.old), True, False)
    two.serve(two.old)
    assert found(two.old) == plain(a=A)


def test_the_mode_of_a_release_is_that_of_its_configuration(two: Two, inbox: Path, encoder: HashingEncoder) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    lexical = with_settings(two.old, search_mode="lexical")
    lexical.run(day(1))
    encoder.encoded.clear()
    searcher = Searcher.open(two.old.settings)  # whose settings say hybrid
    [hit] = searcher.search("violet")
    assert set(hit.score_parts) == {"bm25"}
    assert encoder.encoded == []
    assert "cosine" in searcher.search("violet", mode="hybrid")[0].score_parts


def test_a_release_can_be_asked_by_its_id(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    first = read_pointer(two.releases)
    assert first is not None
    two.old.run(day(2))
    asked = find_release(two.releases, first.release_id)
    assert found(Searcher.open(two.old.settings, asked)) == plain(a=A)
    with pytest.raises(Exception, match=r"There is no release `x@1`; there are `.*`assay release list`"):
        find_release(two.releases, "x@1")


@at_ci("several runs")
def test_a_fault_of_the_candidates_chunker_stops_the_candidate_alone(
    two: Two, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    faulty = configured_release(two.new.settings).chunker

    def judge(suite: Any, rows: Any) -> Validation:
        of_chunks = "chunker" in rows.column_names
        bad = [at for at in range(rows.num_rows) if of_chunks and rows["chunker"][at].as_py() == faulty]
        outcomes = [
            Outcome(one.name, not (bad and one.name == "context_ends_with_text"), rows.num_rows, len(bad), 0.0, (), 0.0)
            for one in suite.expectations
        ]
        return Validation(tuple(outcomes), dict.fromkeys(bad, "context_ends_with_text"))

    with monkeypatch.context() as patch:
        patch.setattr("assay.quality.outcomes.validate", judge)
        done = two.new.run(day(2))
    assert done.chunks is not None
    assert done.chunks.quarantined == 2
    reports = {one.configuration: one for one in release_live(two.new.workspace()).reports}
    assert reports[two.id(two.old)].passed
    assert reports[two.id(two.new)].failures == ("blocking_expectations_hold",)
    assert found(two.new) == plain(a=A, b=B), "what serves went on without the second day"
    assert two.head(two.new) is None
    assert set(two.new.quarantine(stage="gold")) == {"docs:a.md", "docs:b.md"}

    put(inbox / "2026-11-03", {"a.md": A, "b.md": B, "c.md": C})  # an equal batch would not be judged again
    two.new.run(day(3))
    assert two.new.quarantine(stage="gold") == {}
    assert under(two, two.new) == plain(a=A, b=B, c=C)


class Killed(BaseException):
    """In place of a kill, which nothing catches."""


def killed_after(patch: pytest.MonkeyPatch, commits: int) -> Callable[[], bool]:
    """From now on the run dies after its so many-th commit of chunks, of a table or of a pointer; whether it did."""
    done = 0
    replace_rows, replace_documents, replace_file = Lake.replace_rows, ChunkIndex.replace_documents, os.replace

    def counted(real: Callable[..., Any], is_meant: Callable[..., bool]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal done
            result = real(*given, **named)
            if is_meant(*given, result):
                done += 1
                if done == commits:
                    raise Killed
            return result

        return call

    patch.setattr(Lake, "replace_rows", counted(replace_rows, lambda _lake, table, *_: table.name == CHUNKS.name))
    patch.setattr(ChunkIndex, "replace_documents", counted(replace_documents, lambda *_: True))
    patch.setattr(os, "replace", counted(replace_file, lambda _, target, __: "releases" in Path(target).parts))
    return lambda: done >= commits


@at_ci("a run for every moment of a kill")
def test_a_run_killed_between_two_tables_is_made_good_by_the_next(
    tmp_path: Path, pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A.replace("copper", "golden"), "c.md": C})
    start = Two(pipeline, with_settings(pipeline, chunk_size_tokens=32))
    start.old.run(day(1))
    start.new.run(day(1))
    before = found(start.new)
    after = plain(a=A.replace("copper", "golden"), c=C)
    commits = 0
    while True:
        commits += 3
        home = with_settings(pipeline, home=tmp_path / f"killed {commits}")
        shutil.copytree(pipeline.settings.home, home.settings.home)
        two = Two(home, with_settings(home, chunk_size_tokens=32))
        with pytest.MonkeyPatch.context() as patch:
            was_killed = killed_after(patch, commits)
            with suppress(Killed):
                two.new.run(day(2))
            if not was_killed():
                break
        # Whatever was done, one of the two releases answers, without what is known to be deleted.
        permitted = {name: text for name, text in before.items() if name != "docs:b.md"}
        assert found(two.new) in (before, permitted, after), commits
        two.new.run(day(2))
        assert found(two.new) == under(two, two.new) == under(two, two.old) == after, commits
        assert two.rules_that_do_not_hold() == set(), commits
        assert read_acts(two.releases)[-1].pointer == read_pointer(two.releases) == two.head(two.old), commits
        shutil.rmtree(home.settings.home)
    assert commits > 6, "too few commits were met"


@at_ci("several runs")
def test_a_configuration_that_the_gate_refuses_loses_its_head_and_what_serves_keeps_its_own(
    two: Two, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    two.new.run(day(1))
    good = two.head(two.new)
    assert good is not None
    engine.open_table(two.old.settings.vectors_path, good.table).delete("document_id = 'docs:b.md'")
    reports = {one.configuration: one for one in release_live(two.new.workspace()).reports}
    assert "vectors_equal_current_chunks" in reports[two.id(two.new)].failures
    assert reports[two.id(two.old)].passed
    assert reports[two.id(two.new)].head is None
    assert two.head(two.new) is None, "it is not up to date, so nothing may go over to it"
    serving = read_pointer(two.releases)
    assert serving is not None
    engine.open_table(two.old.settings.vectors_path, serving.table).delete("document_id = 'docs:b.md'")
    assert not release_live(two.new.workspace()).reports[0].passed
    assert read_pointer(two.releases) == two.head(two.old) == serving
    assert found(two.new) == plain(a=A, b=B)


@at_ci("several runs")
def test_chunks_that_a_run_under_other_settings_dropped_never_serve_as_an_empty_table(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    two.old.run(day(1))
    two.new.run(day(1))
    two.old.run(day(1), through="chunks")  # does not know the candidate, which is promoted before its other stages
    two.serve(two.new)
    reconcile_live(two.old.workspace())
    report = release_live(two.old.workspace()).reports[0]
    assert report.configuration == two.id(two.new)
    assert "current_documents_are_in_the_table" in report.failures
    assert found(two.old) == plain(a=A, b=B)
    two.old.run(day(1))
    assert release_live(two.old.workspace()).reports[0].passed
    assert found(two.old) == plain(a=A, b=B)


def damage(pipeline: Pipeline, table: str) -> None:
    for file in (pipeline.settings.vectors_path / f"{table}.lance" / "data").rglob("*"):
        if file.is_file():
            file.write_bytes(b"x")


@at_ci("several runs")
def test_a_damaged_table_stops_no_deletion_and_no_data_change_of_what_serves(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A, "c.md": C})
    two.old.run(day(1))
    two.new.run(day(1))
    damaged = two.head(two.new)
    assert damaged is not None
    damage(two.new, damaged.table)
    two.new.run(day(2), through="state")
    assert found(two.old) == plain(a=A), "the deletion held before a release was built"
    assert two.head(two.new) is None
    report = two.new.run(day(2)).gate
    assert report is not None
    assert (report.configuration, report.published) == (two.id(two.old), True)
    assert found(two.old) == plain(a=A, c=C)
    assert two.rules_that_do_not_hold() & {"nothing_denied_is_found"} == set()
    serving = read_pointer(two.releases)
    assert serving is not None
    damage(two.old, serving.table)
    with pytest.raises(StorageError), lake_engine() as connection:
        update_deny_list(two.old.workspace(), connection)


@at_ci("several runs")
def test_a_table_that_was_not_brought_up_to_date_is_not_judged_by_what_it_was_built_from(
    two: Two, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A.replace("copper", "golden")})
    two.old.run(day(1))
    two.new.run(day(1))
    mine = configured_release(two.new.settings).chunker

    def broken(workspace: Any, embedder: Any) -> Any:
        if configured_release(workspace.settings).chunker == mine:
            raise ModelError("vectors that are not finite")
        return reconcile_index(workspace, embedder)

    with monkeypatch.context() as patch:
        patch.setattr("assay.retrieval.live_stages.reconcile_index", broken)
        done = two.new.run(day(2))
    assert done.index is not None
    assert len(done.index.failed) == 1
    assert two.head(two.new) is None
    assert found(two.old) == plain(a=A.replace("copper", "golden"))
    two.new.run(day(2))
    assert under(two, two.new) == plain(a=A.replace("copper", "golden"))


def test_a_candidate_that_cannot_chunk_stops_nothing_and_is_refused(
    two: Two, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A.replace("copper", "golden")})
    two.old.run(day(1))
    two.new.run(day(1))

    def broken(settings: Any, documents: Any) -> Any:
        if settings.chunk_size_tokens == 32:
            raise ModelError("its model is gone")
        return chunk_rows(settings, documents)

    monkeypatch.setattr("assay.documents.gold.chunk_rows", broken)
    done = two.new.run(day(2))
    assert done.chunks is not None
    assert list(done.chunks.failed) == [configured_release(two.new.settings).chunker]
    assert found(two.old) == plain(a=A.replace("copper", "golden"))
    assert two.head(two.new) is None, "its chunks are those of the first day"


def test_a_retained_manifest_that_cannot_be_read_stops_nothing_and_is_said(two: Two, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    two.old.run(day(1))
    two.new.run(day(1))
    two.serve(two.new)
    manifest_path(two.releases, two.id(two.old)).write_text("{")
    again = release_live(two.new.workspace())
    assert again.reports[0].passed
    assert "cannot be read" in again.unusable[two.id(two.old)]
    assert two.head(two.old) is None
    assert maintain_live(two.new.workspace()).tables == 1

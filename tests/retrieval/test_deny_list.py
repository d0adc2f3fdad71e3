"""Invariant 9: what was deleted, or may not be found any more, is found by no search once it is known, under any release."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from document_histories import EVERYWHERE
from document_runs import GARBLED, HashingEncoder, Pipeline, day, put, release_first, stand_ins, version
from hypothesis import given, settings
from hypothesis import strategies as st
from scale import AT_CI, at_ci

from assay.documents.bronze import FEED, days_to_derive, land_manifest, write_feed
from assay.errors import StorageError
from assay.quality.rules import Rule
from assay.quality.verdicts import record_verdicts
from assay.retrieval import Searcher, flip, gate, read_history, read_pointer, retained_releases
from assay.retrieval.configurations import configured_release
from assay.retrieval.denials import DENY_LIST_FILE, Denial, denials_stamp, read_denials
from assay.retrieval.deny_list import DenyListReport, update_deny_list
from assay.retrieval.invariants import deny_rules
from assay.retrieval.reconcile import open_index
from assay.settings import PathRule, SourceSettings
from assay.warehouse import engine

MODES = ("hybrid", "dense", "lexical")
A, B, C = "# A\n\nThe copper lantern.", "# B\n\nThe violet lantern.", "# C\n\nThe river lantern."


def told(pipeline: Pipeline, number: int, *, allow_mass_delete: bool = False) -> DenyListReport:
    """What a run of the nth does before it parses: observe, derive the feed, deny."""
    workspace = pipeline.workspace(day(number))
    [source] = pipeline.settings.active_sources
    rules = pipeline.rules_on.get(day(number), source.rules)
    land_manifest(
        workspace, source.model_copy(update={"rules": rules}), day(number), allow_mass_delete=allow_mass_delete
    )
    with engine() as connection:
        for one in days_to_derive(workspace, source, [day(number)]):
            write_feed(workspace, connection, source, one)
        return update_deny_list(workspace, connection)


def updated(pipeline: Pipeline) -> DenyListReport:
    with engine() as connection:
        return update_deny_list(pipeline.workspace(), connection)


def found(where: Pipeline | Searcher, *principals: str, query: str = "lantern") -> dict[str, set[str]]:
    """Document id -> texts that a search finds, the places of equal texts included; the same in every mode."""
    searcher = where if isinstance(where, Searcher) else Searcher.open(where.settings)
    answers: list[dict[str, set[str]]] = []
    for mode in MODES:
        texts: dict[str, set[str]] = {}
        for hit in searcher.search(query, k=50, mode=mode, principals=principals or ("public",)):
            for place in hit.places:
                texts.setdefault(place.document_id, set()).add(hit.text)
        answers.append(texts)
    assert answers[0] == answers[1] == answers[2]
    return answers[0]


def denials(pipeline: Pipeline) -> dict[str, Denial]:
    return {one.document_id: one for one in read_denials(pipeline.settings.releases_path)[0]}


def with_rules(pipeline: Pipeline, number: int, path: str, *principals: str) -> Pipeline:
    """From the nth on only `principals` may find a path."""
    rule = PathRule(pattern=path, allowed_principals=principals)
    return Pipeline(pipeline.settings, {**pipeline.rules_on, **{day(n): (rule,) for n in range(number, 20)}})


def roll_back(pipeline: Pipeline, to: int = 0) -> None:
    releases = pipeline.settings.releases_path
    flip(releases, read_history(releases)[to], "rollback")


def rule_holds(pipeline: Pipeline) -> bool:
    [rule] = deny_rules(pipeline.workspace())
    return rule.passed


def test_a_deleted_document_is_found_by_no_mode_before_anything_else_ran(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    searcher = Searcher.open(pipeline.settings)
    assert found(searcher) == {"docs:a.md": {A}, "docs:b.md": {B}}
    assert not (pipeline.settings.releases_path / DENY_LIST_FILE).exists(), "nothing is denied, so nothing is written"

    report = told(pipeline, 2)

    assert report == DenyListReport(denied=1, narrowed=0, added=1, released=0, changed=True)
    assert found(searcher) == {"docs:a.md": {A}}, "an open searcher did not follow"
    assert found(pipeline) == {"docs:a.md": {A}}
    assert rule_holds(pipeline)
    assert [one.release_id for one in read_history(pipeline.settings.releases_path)] == [
        searcher.search("lantern")[0].release
    ]


def test_while_the_gate_says_no_the_old_release_serves_without_it(
    tmp_path: Path, pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A.replace("copper", "golden")})
    first = pipeline.run(day(1)).gate
    assert first is not None
    (tmp_path / "canaries.jsonl").write_text(
        json.dumps({"question": "lantern", "document_id": "docs:a.md", "principals": ["nobody"]})
    )
    doubting = Pipeline(pipeline.settings.model_copy(update={"canaries": tmp_path / "canaries.jsonl"}))
    second = doubting.run(day(2)).gate
    assert second is not None
    assert (second.passed, second.serving) == (False, first.release_id)
    assert found(pipeline) == {"docs:a.md": {A}}


def test_what_was_deleted_stays_away_after_a_rollback(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    pipeline.run(day(2))
    assert found(pipeline) == {"docs:a.md": {A}}
    roll_back(pipeline)
    assert found(pipeline) == {"docs:a.md": {A}}
    assert updated(pipeline).denied == 1, "the release that serves again holds it"
    assert found(pipeline) == {"docs:a.md": {A}}


def test_permissions_are_those_of_now_under_every_release(pipeline: Pipeline, inbox: Path) -> None:
    for number in range(1, 4):
        put(inbox / day(number).isoformat(), {"a.md": A, "b.md": B})
    open_to_both = with_rules(pipeline, 1, "b.md", "team:x", "team:y")
    narrowed = with_rules(open_to_both, 2, "b.md", "team:x")
    widened = with_rules(narrowed, 3, "b.md", "team:x", "team:y")
    open_to_both.run(day(1))
    assert "docs:b.md" in found(pipeline, "team:y")

    assert told(narrowed, 2) == DenyListReport(denied=0, narrowed=1, added=1, released=0, changed=True)
    assert found(pipeline, "team:y") == {}
    assert found(pipeline, "team:x") == {"docs:b.md": {B}}
    assert found(pipeline, "team:x", "team:y", "public") == {"docs:a.md": {A}, "docs:b.md": {B}}
    assert rule_holds(pipeline)
    narrowed.run(day(2))
    assert found(pipeline, "team:y") == {}
    roll_back(pipeline)
    assert found(pipeline, "team:y") == {}
    assert found(pipeline, "team:x") == {"docs:b.md": {B}}

    told(widened, 3)
    assert found(pipeline, "team:y") == {"docs:b.md": {B}}, "the old release lets them in, and so does the feed again"
    assert denials(pipeline) == {}


@at_ci("several runs")
def test_under_a_rollback_an_added_document_shows_nothing_of_before(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    put(inbox / "2026-11-03", {"a.md": A, "b.md": C})
    for number in (1, 2, 3):
        pipeline.run(day(number))
    assert found(pipeline) == {"docs:a.md": {A}, "docs:b.md": {C}}
    assert denials(pipeline)["docs:b.md"].gone_through == version(2)
    assert denials(pipeline)["docs:b.md"].allowed_principals == ("public",)
    roll_back(pipeline)
    assert found(pipeline) == {"docs:a.md": {A}}
    assert rule_holds(pipeline)
    roll_back(pipeline, to=2)
    assert found(pipeline) == {"docs:a.md": {A}, "docs:b.md": {C}}


def test_of_an_equal_text_only_the_permitted_place_is_shown(pipeline: Pipeline, inbox: Path) -> None:
    pipeline = Pipeline(pipeline.settings.model_copy(update={"duplicates": "off"}))
    for number in (1, 2):
        put(inbox / day(number).isoformat(), {"a.md": A, "sub/a.md": A, "other/a.md": A})
    (inbox / "2026-11-02" / "sub" / "a.md").unlink()
    pipeline.run(day(1))
    assert found(pipeline).keys() == {"docs:a.md", "docs:sub/a.md", "docs:other/a.md"}
    told(with_rules(pipeline, 2, "other/a.md", "team:x"), 2)
    assert found(pipeline) == {"docs:a.md": {A}}
    assert found(pipeline, "public", "team:x") == {"docs:a.md": {A}, "docs:other/a.md": {A}}


def test_a_crash_before_the_state_repeats_the_same_list(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    told(pipeline, 2)
    stamp, listed = denials_stamp(pipeline.settings.releases_path), denials(pipeline)
    assert told(pipeline, 2).changed is False
    pipeline.run(day(2), through="index")
    assert updated(pipeline).changed is False
    assert denials_stamp(pipeline.settings.releases_path) == stamp
    assert denials(pipeline) == listed


def test_a_list_that_was_lost_or_never_written_is_computed_from_what_the_releases_hold(
    pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B, "c.md": C})
    put(inbox / "2026-11-02", {"a.md": A, "c.md": C})
    pipeline.run(day(1))
    with_rules(pipeline, 2, "c.md", "team:x").run(day(2))
    listed = {(one.document_id, one.gone_through, one.allowed_principals) for one in denials(pipeline).values()}
    assert listed == {("docs:b.md", version(2), ()), ("docs:c.md", None, ("team:x",))}
    (pipeline.settings.releases_path / DENY_LIST_FILE).unlink()
    assert updated(pipeline).added == 2
    assert {(one.document_id, one.gone_through, one.allowed_principals) for one in denials(pipeline).values()} == listed
    roll_back(pipeline)
    assert found(pipeline) == {"docs:a.md": {A}}


def test_an_entry_goes_with_the_last_release_that_holds_more(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    for number in range(2, 9):
        put(inbox / day(number).isoformat(), {"a.md": f"{A} {number}"})
    pipeline.run(day(1))
    for number in range(2, 7):
        pipeline.run(day(number))
        assert denials(pipeline).keys() == {"docs:b.md"}, number
    # The five releases that could serve now were all published without it.
    assert told(pipeline, 7) == DenyListReport(denied=0, narrowed=0, added=0, released=1, changed=True)
    assert denials(pipeline) == {}
    assert told(pipeline, 8).changed is False


BROKEN_LISTS = (
    "",
    '{"documents": {"docs:b',
    "[]",
    "null",
    "{}",
    b"\xff\xfe",
    '{"documents": []}',
    '{"documents": {"docs:b.md": null}}',
    '{"documents": {"docs:b.md": {"gone_through": "1", "allowed_principals": [], "denied_at": ""}}}',
    '{"documents": {"docs:b.md": {"gone_through": true, "allowed_principals": [], "denied_at": ""}}}',
    '{"documents": {"docs:b.md": {"gone_through": 1, "allowed_principals": "public", "denied_at": ""}}}',
    '{"documents": {"docs:b.md": {"gone_through": 1, "allowed_principals": []}}}',
    '{"documents": {}, "more": 1}',
)


# A run for each, some two seconds.
@pytest.mark.parametrize("content", BROKEN_LISTS if AT_CI else BROKEN_LISTS[::4])
def test_with_a_broken_list_nothing_is_searched_until_it_is_computed_anew(
    pipeline: Pipeline, inbox: Path, content: str | bytes
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    searcher = Searcher.open(pipeline.settings)
    assert found(searcher).keys() == {"docs:a.md", "docs:b.md"}
    told(pipeline, 2)
    path = pipeline.settings.releases_path / DENY_LIST_FILE
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for one in (searcher, searcher, Searcher.open(pipeline.settings)):
        for mode in MODES:
            with pytest.raises(StorageError, match=r"deny-list .*Nothing is searched.*`assay ingest DIR`"):
                one.search("lantern", mode=mode)
    assert updated(pipeline).changed
    assert found(searcher) == {"docs:a.md": {A}}


def test_a_list_that_cannot_be_written_leaves_the_one_before(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))

    replace = os.replace

    def refuse(source: Path, target: Path) -> None:
        if Path(target).name == DENY_LIST_FILE:
            raise OSError(28, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.raises(StorageError, match=r"was not written.*`assay ingest`"):
            told(pipeline, 2)
    assert denials(pipeline) == {}
    assert [path.name for path in pipeline.settings.releases_path.glob(".*")] == []
    assert told(pipeline, 2).denied == 1


def test_an_observation_that_was_corrected_is_found_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    told(pipeline, 2)
    assert found(pipeline) == {"docs:a.md": {A}}
    put(inbox / "2026-11-02", {"b.md": B})
    told(pipeline, 2)
    assert found(pipeline) == {"docs:a.md": {A}, "docs:b.md": {B}}


def test_a_document_that_its_first_day_turns_out_not_to_hold_is_denied(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    pipeline.run(day(1))
    (inbox / "2026-11-01" / "b.md").unlink()
    told(pipeline, 1)
    assert pipeline.feed(1).keys() == {"docs:a.md"}
    assert found(pipeline) == {"docs:a.md": {A}}


def test_a_late_day_that_deletes_is_known_at_once(pipeline: Pipeline, inbox: Path) -> None:
    for number in (1, 2, 3):
        put(inbox / day(number).isoformat(), {"a.md": A, "b.md": B})
    pipeline.run(day(1))
    pipeline.run(day(3))
    (inbox / "2026-11-02" / "b.md").unlink()
    (inbox / "2026-11-03" / "b.md").unlink()
    told(pipeline, 2)
    assert found(pipeline) == {"docs:a.md": {A}}, "what the third day held was the second's before it was missing there"


def test_of_a_day_whose_texts_are_refused_deletions_and_permissions_count(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B, "c.md": C})
    put(inbox / "2026-11-02", {"a.md": GARBLED, "b.md": B})
    pipeline.run(day(1))
    strict = Pipeline(pipeline.settings.model_copy(update={"max_quarantined_ratio": 0.3}))
    with_rules(strict, 2, "b.md", "team:x").run(day(2), through="state")
    assert found(pipeline) == {"docs:a.md": {A}}
    assert updated(pipeline).changed is False, "the list forgot what the state does not take over"


def test_a_day_whose_feed_is_refused_says_nothing(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    for refused in (2, 1):
        record_verdicts(pipeline.workspace(), FEED, "docs", day(refused), [Rule("broken", False, "", 1)])
        told(pipeline, 2)
        assert found(pipeline).keys() == {"docs:a.md", "docs:b.md"}, refused
    for refused in (2, 1):
        record_verdicts(pipeline.workspace(), FEED, "docs", day(refused), [])
    updated(pipeline)
    assert found(pipeline) == {"docs:a.md": {A}}


@at_ci("several runs")
def test_a_document_stands_while_another_source_holds_it(tmp_path: Path, encoder: HashingEncoder) -> None:
    sources = [SourceSettings(name=name, uri=f"{tmp_path}/{name}/{{day}}", namespace="kb") for name in ("one", "two")]
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    for number, (one, two) in enumerate([(True, True), (True, False), (False, True), (False, False), (True, False)], 1):
        for name, holds in (("one", one), ("two", two)):
            put(tmp_path / name / day(number).isoformat(), {"other.md": C} | ({"a.md": A} if holds else {}))
    for number, holds in enumerate([True, True, True, False, True], 1):
        pipeline.run(day(number), through="state" if number == 4 else "gate")
        assert ("kb:a.md" in found(pipeline)) is holds, number
    assert denials(pipeline)["kb:a.md"].gone_through == version(4)


def test_the_candidate_is_judged_by_what_it_would_answer(tmp_path: Path, pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    (tmp_path / "canaries.jsonl").write_text(json.dumps({"question": "lantern", "document_id": "docs:b.md"}))
    asking = Pipeline(pipeline.settings.model_copy(update={"canaries": tmp_path / "canaries.jsonl"}))
    assert asking.run(day(1), through="gate").gate.passed
    told(asking, 2)
    report = release_first(asking.workspace())
    assert report.failures == ("canary_questions_are_answered",)


def test_what_a_candidate_holds_is_denied_before_it_serves(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": A})
    put(inbox / "2026-11-02", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-03", {"a.md": A})
    pipeline.run(day(1))
    pipeline.run(day(2), through="index")
    index = open_index(pipeline.workspace(), pipeline.embedder())
    candidate = gate._candidate(pipeline.workspace(), configured_release(pipeline.settings), index)
    gate.write_pointer(pipeline.settings.releases_path / "candidate", candidate)
    # State and chunks know of the deletion, and the list is computed again, while a gate that asked before is at work.
    pipeline.run(day(3), through="chunks")
    assert updated(pipeline).denied == 1
    flip(pipeline.settings.releases_path, candidate, "publish")
    assert found(pipeline) == {"docs:a.md": {A}}


def test_the_rule_evaluates_the_filter_that_searches_use(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": A, "b.md": B})
    put(inbox / "2026-11-02", {"a.md": A})
    pipeline.run(day(1))
    assert rule_holds(pipeline)
    pipeline.run(day(2))
    assert rule_holds(pipeline)
    monkeypatch.setattr("assay.retrieval.filters.excluding", lambda where, *_: where)
    [rule] = deny_rules(pipeline.workspace())
    first = read_history(pipeline.settings.releases_path)[0].release_id
    assert (rule.name, rule.passed, rule.offenders) == ("nothing_denied_is_found", False, 1)
    assert rule.detail == f"1 of 1 denied documents found in 2 releases: docs:b.md as public in {first}"


# --- Against brute force -----------------------------------------------------------------------------------------------

PRINCIPALS = ("p", "q", "r")
PATHS = ("a.md", "b.md")
TEXTS = (A, B, C)


@dataclass(frozen=True)
class Step:
    """A new day as it is observed, how far its run gets, and the release that is brought back after it, if any."""

    files: Mapping[str, tuple[str, Sequence[str]]]
    through: str
    back_to: int | None


steps = st.builds(
    Step,
    st.dictionaries(
        st.sampled_from(PATHS),
        st.tuples(st.sampled_from(TEXTS), st.lists(st.sampled_from(PRINCIPALS), min_size=1, unique=True)),
    ),
    st.sampled_from(["told", "state", "chunks", "index", "gate", "gate"]),
    st.none() | st.integers(0, 4),
)


@dataclass
class Permitted:
    """What may be found now: who may find a document, and its texts since it was added last (edits wait for a release)."""

    principals: dict[str, set[str]] = field(default_factory=dict)
    texts: dict[str, set[str]] = field(default_factory=dict)
    standing: dict[str, str] = field(default_factory=dict)

    def observe(self, files: Mapping[str, tuple[str, Sequence[str]]]) -> None:
        self.principals = {f"docs:{path}": set(principals) for path, (_, principals) in files.items()}
        self.standing = {f"docs:{path}": text for path, (text, _) in files.items()}
        self.texts = {one: {*self.texts.get(one, ()), text} for one, text in self.standing.items()}

    def to(self, principal: str) -> set[tuple[str, str]]:
        return {(one, text) for one, texts in self.texts.items() if principal in self.principals[one] for text in texts}

    def released_to(self, principal: str) -> set[tuple[str, str]]:
        return {pair for pair in self.standing.items() if principal in self.principals[pair[0]]}


@given(st.lists(steps, min_size=2, max_size=6))
@settings(EVERYWHERE, max_examples=3 if AT_CI else 2)
def test_no_search_ever_finds_more_than_is_permitted(history: list[Step]) -> None:
    with TemporaryDirectory() as folder, stand_ins():
        inbox, permitted = Path(folder) / "inbox", Permitted()
        source = SourceSettings(name="docs", uri=f"{inbox}/{{day}}")
        # A document hidden behind its twin would be found less than is permitted, which is not asked here.
        pipeline = Pipeline.at(Path(folder) / "home", source, duplicates="off")
        put(inbox / "2026-11-01", dict.fromkeys(PATHS, A))
        everyone = (PathRule(pattern="**", allowed_principals=PRINCIPALS),)
        Pipeline(pipeline.settings, {day(1): everyone}).run(day(1))
        permitted.observe(dict.fromkeys(PATHS, (A, PRINCIPALS)))
        searcher = Searcher.open(pipeline.settings)
        for number, step in enumerate(history, start=2):
            put(inbox / day(number).isoformat(), {path: text for path, (text, _) in step.files.items()})
            rules = tuple(PathRule(pattern=path, allowed_principals=who) for path, (_, who) in step.files.items())
            of_day = Pipeline(pipeline.settings, {day(number): rules})
            permitted.observe(step.files)
            if step.through == "told":
                told(of_day, number, allow_mass_delete=True)
            else:
                of_day.run(day(number), through=step.through, allow_mass_delete=True)
            for principal in PRINCIPALS:
                pairs = pairs_of(found(searcher, principal))
                assert pairs <= permitted.to(principal)
                if step.through == "gate":
                    assert pairs == permitted.released_to(principal)
            retained = retained_releases(pipeline.settings.releases_path)
            if step.back_to is not None and step.back_to < len(retained):
                flip(pipeline.settings.releases_path, retained[step.back_to], "rollback")
                for principal in PRINCIPALS:
                    assert pairs_of(found(searcher, principal)) <= permitted.to(principal)
            assert rule_holds(pipeline)
        assert read_pointer(pipeline.settings.releases_path) is not None


def pairs_of(texts: Mapping[str, set[str]]) -> set[tuple[str, str]]:
    return {(document_id, text) for document_id, found_texts in texts.items() for text in found_texts}

"""The gate over real tables, the real searcher and the real answerer; only the model is a stand-in.

One home for all: a release serves, one that cuts larger documents otherwise and one that cuts every sentence to pieces
stand beside it.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from document_runs import HashingEncoder, Pipeline, day, put, stand_ins

from assay.embeddings import Embedder
from assay.errors import CheckFailed, ModelError
from assay.evaluation import read_item_scores
from assay.evaluation.golden_set import GoldenSet
from assay.releases import measuring
from assay.releases.four_layer_gate import GateOutcome, judge_candidate, judge_configured, policy_for
from assay.releases.gate_record import DECISION_FILE, read_record
from assay.releases.measured_release import MEASURED_FILE, evaluation_folder
from assay.releases.promotion import promote, promote_where_due, rollback
from assay.releases.release_list import release_list
from assay.retrieval import Searcher, read_pointer
from assay.retrieval.configurations import ReleaseConfiguration, embedder_of
from assay.retrieval.serving import read_acts
from assay.settings import Settings, SourceSettings

BIRDS = (
    *("heron", "falcon", "stork", "crane", "swan", "plover", "curlew", "dipper", "wren"),
    *("siskin", "linnet", "osprey", "bittern", "grebe", "teal", "merlin", "hobby", "kestrel"),
)
# An answer's worth in a line, a heading above each.
PAGE = (
    "# All about the {bird}\n\nThe {bird} lives at {lakes} lakes in the north, and is counted there twice a year.\n\n"
    "## What a {bird} eats\n\nA {bird} eats {kinds} kinds of food, mostly in the early hours of the spring.\n"
)
LIKE = {"chunk_size_tokens": 120}
BROKEN = {"chunk_strategy": "fixed", "chunk_size_tokens": 16}
THREADS = 8
FLIPS = 6


@dataclass(frozen=True)
class Aviary:
    """The home under three settings. `like` and `broken` are candidates that a run built and judged."""

    serving: Pipeline
    like: Pipeline
    broken: Pipeline
    encoder: HashingEncoder
    passed: GateOutcome
    failed: GateOutcome
    refused: str


@pytest.fixture(scope="module")
def aviary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aviary]:
    folder = tmp_path_factory.mktemp("aviary")
    pages = {f"{bird}.md": PAGE.format(bird=bird, lakes=3 + at, kinds=7 + at) for at, bird in enumerate(BIRDS)}
    put(folder / "inbox/2026-11-01", pages)
    source = SourceSettings(name="docs", uri=f"{folder}/inbox/{{day}}")

    def under(**knobs: object) -> Pipeline:
        return Pipeline.at(folder / "home", source, golden_questions=None, **knobs)

    with stand_ins() as encoder:
        serving, like, broken = under(), under(**LIKE), under(**BROKEN)
        serving.run(day(1))
        broken.run(day(1))
        failed = judge_candidate(broken.workspace())
        refused = _refused(broken)  # while its head is there: the run of another candidate forgets it
        like.run(day(1))
        passed = judge_candidate(like.workspace())
        assert failed is not None
        assert passed is not None
        yield Aviary(serving, like, broken, encoder, passed, failed, refused)


def _refused(candidate: Pipeline) -> str:
    with pytest.raises(CheckFailed) as refusal:
        promote(candidate.workspace())
    return str(refusal.value)


def test_a_release_that_finds_less_fails_against_what_serves(aviary: Aviary) -> None:
    record = aviary.failed.record
    serving = read_pointer(aviary.serving.settings.releases_path)
    assert (record.decision.verdict, record.decision.decided_by) == ("FAIL", "non_inferiority")
    assert record.baseline == serving
    assert record.configuration.chunk_strategy == "fixed"
    assert record.layers[2].startswith("FAIL")
    assert record.layers[3].startswith("SKIPPED: no judge")
    assert record.is_smoke
    assert record.policy.name == "smoke"


def test_a_release_that_finds_the_same_passes_and_the_shadow_says_how_alike_they_are(aviary: Aviary) -> None:
    record, shadow = aviary.passed.record, aviary.passed.record.shadow
    assert record.passed
    assert shadow is not None
    assert shadow.questions == 2 * len(BIRDS)
    assert shadow.overlap_at_10 > 0.7
    assert shadow.ndcg is not None
    assert shadow.ndcg.difference == pytest.approx(0)
    assert aviary.failed.record.shadow is not None
    assert aviary.failed.record.shadow.overlap_at_10 < shadow.overlap_at_10


def test_what_serves_is_not_judged(aviary: Aviary) -> None:
    assert judge_candidate(aviary.serving.workspace()) is None


def test_nothing_is_asked_again_while_nothing_changed(aviary: Aviary) -> None:
    encoded = len(aviary.encoder.encoded)
    again = judge_candidate(aviary.like.workspace())
    assert again is not None
    assert not again.is_new
    assert again.record == aviary.passed.record
    assert len(aviary.encoder.encoded) == encoded


def test_another_policy_is_another_verdict_on_the_same_scores(aviary: Aviary) -> None:
    encoded = len(aviary.encoder.encoded)
    strict = judge_configured(aviary.like.workspace(), required_layers=(3,))
    assert (strict.is_new, strict.record.decision.verdict) == (True, "INCONCLUSIVE")
    assert strict.record.decision.decided_by == "layers"
    assert len(aviary.encoder.encoded) == encoded
    back = judge_configured(aviary.like.workspace())
    assert (back.is_new, back.record.decision) == (True, aviary.passed.record.decision)


def test_everything_that_a_verdict_rests_on_lies_in_its_folder(aviary: Aviary) -> None:
    record = aviary.failed.record
    folder = aviary.broken.settings.releases_path / "evaluations" / record.candidate.release_id
    ours, theirs = (read_item_scores(folder / name) for name in ("scores.jsonl", "baseline_scores.jsonl"))
    assert {one.item_id for one in ours} == {one.item_id for one in theirs}
    assert "SMOKE" in (folder / "report.html").read_text()
    assert record.candidate.release_id in (folder / "report.md").read_text()
    assert read_record(aviary.broken.settings.releases_path, record.candidate.release_id) == record


def test_an_answer_leads_back_to_its_manifest_and_its_run(aviary: Aviary) -> None:
    hit = Searcher.open(aviary.like.settings).search(f"What a {BIRDS[0]} eats", k=1)[0]
    told = json.loads(json.dumps(release_list(aviary.like.settings).to_json()))
    release = next(one for one in told["releases"] if one["release"] == hit.release)
    assert "serving" in release["roles"]
    assert release["run_id"] == "test"
    assert (
        json.loads(Path(release["configuration"]["manifest"]).read_text())["chunker"]
        == release["configuration"]["chunker"]
    )
    assert told["history"][-1]["run_id"] == "test"


def test_what_failed_is_not_promoted_and_what_passed_waits_for_a_person(aviary: Aviary) -> None:
    before = read_acts(aviary.like.settings.releases_path)
    report = promote_where_due(aviary.like.workspace())
    assert (report.flip, report.awaiting) == (None, aviary.passed.record.candidate.release_id)
    assert "failed the gate by `non_inferiority`" in aviary.refused
    assert [one.act for one in before] == ["promote"]
    assert read_acts(aviary.like.settings.releases_path) == before


def test_no_search_fails_or_mixes_two_releases_while_they_are_flipped(aviary: Aviary) -> None:
    settings = aviary.like.settings
    searcher, ended = Searcher.open(settings), threading.Event()
    serving, candidate = read_pointer(settings.releases_path), aviary.passed.record.candidate
    assert serving is not None

    def search(thread: int) -> Counter[str]:
        answered: Counter[str] = Counter()
        while not ended.is_set():
            bird = BIRDS[(thread + answered.total()) % len(BIRDS)]
            result = searcher.search_with_timings(f"All about the {bird}", k=5)
            assert {hit.release for hit in result.hits} == {result.release}
            assert result.hits[0].document_id == f"docs:{bird}.md"
            answered[result.release] += 1
        return answered

    with ThreadPoolExecutor(THREADS) as pool:
        searching = [pool.submit(search, thread) for thread in range(THREADS)]
        try:
            for number in range(FLIPS):
                time.sleep(0.2)
                flip = rollback(settings) if number % 2 else promote(aviary.like.workspace())
                # Whoever asks from now on is answered by what serves now.
                assert searcher.search_with_timings("All about the heron", k=1).release == flip.released.release_id
        finally:
            ended.set()
        counted = sum((one.result() for one in searching), Counter[str]())

    assert counted.keys() == {serving.release_id, candidate.release_id}
    assert [act.act for act in read_acts(settings.releases_path)][-FLIPS:] == ["promote", "rollback"] * (FLIPS // 2)
    assert read_pointer(settings.releases_path) == serving


def test_a_release_whose_model_is_gone_can_be_replaced(aviary: Aviary, monkeypatch: pytest.MonkeyPatch) -> None:
    releases_path = aviary.like.settings.releases_path
    serving = read_pointer(releases_path)
    assert serving is not None
    # A comparison that was made is not made again, nor is an answer that is kept asked for again.
    (evaluation_folder(releases_path, serving.release_id) / MEASURED_FILE).unlink()
    (evaluation_folder(releases_path, aviary.passed.record.candidate.release_id) / DECISION_FILE).unlink()

    def opened(configuration: ReleaseConfiguration, base: Settings) -> Embedder:
        if configuration.configuration_id == serving.configuration:
            raise ModelError("There is no model `gone`.")
        return embedder_of(configuration, base)

    with monkeypatch.context() as patch:
        patch.setattr(measuring, "embedder_of", opened)
        outcome = judge_candidate(aviary.like.workspace())
    assert outcome is not None
    record = outcome.record
    assert (record.passed, record.baseline, record.unanswering) == (True, None, serving)
    assert "floors decided. There is no model `gone`." in record.warnings[0]
    assert read_record(releases_path, record.candidate.release_id) == record
    assert promote_where_due(aviary.like.workspace()).awaiting == record.candidate.release_id

    back = judge_candidate(aviary.like.workspace())  # the model is there again
    assert back is not None
    assert (back.is_new, back.record.baseline, back.record.unanswering) == (True, serving, None)


def test_layers_that_the_policy_requires_are_required_of_questions_made_from_headings_too(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "mine"\nrequired_layers = [1, 2, 3]\n')
    settings = Settings(_env_file=None, home=tmp_path, gate_policy=policy)  # pyright: ignore[reportCallIssue]
    found = policy_for(settings, GoldenSet("smoke", (), "", is_smoke=True))
    assert (found.name, found.required_layers) == ("smoke", (1, 2, 3))

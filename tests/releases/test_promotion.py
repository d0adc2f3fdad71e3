"""Promote and rollback over real pointers, heads and manifests; the gate's records are made by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from release_records import EVALUATION_SET, POLICY, configuration_of, pointer_of, record_of, settings_of

from assay.errors import AssayError, CheckFailed, NotReady
from assay.evaluation.golden_set import GoldenSet
from assay.releases import promotion
from assay.releases.gate_record import GateRecord, write_record
from assay.releases.promotion import Today, promote, promote_where_due, refusal, rollback
from assay.retrieval import ServingPointer, read_pointer
from assay.retrieval.configurations import ReleaseConfiguration, write_manifest
from assay.retrieval.serving import flip, read_acts, write_head
from assay.settings import Settings
from assay.workspace import Run, Workspace

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _todays_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked today, without a lake to ask it of."""
    golden = GoldenSet("golden", (), EVALUATION_SET, is_smoke=False)
    monkeypatch.setattr(promotion, "golden_set_for", lambda _: (golden, ()))
    monkeypatch.setattr(promotion, "policy_for", lambda *_: POLICY)


def workspace_of(settings: Settings) -> Workspace:
    return Workspace(settings, Run("test", NOW))


def built(settings: Settings, configuration: ReleaseConfiguration, version: int = 1) -> ServingPointer:
    """A head, as a run leaves it."""
    pointer = pointer_of(configuration, version)
    write_manifest(settings.releases_path, configuration)
    write_head(settings.releases_path, pointer)
    return pointer


def judged(
    settings: Settings, configuration: ReleaseConfiguration, verdict: str = "PASS", **given: object
) -> GateRecord:
    record = record_of(configuration, verdict, **given)  # pyright: ignore[reportArgumentType]
    write_record(settings.releases_path, record)
    return record


class Home:
    """One home under settings that name one configuration after the other."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def under(self, passages: int, **knobs: object) -> tuple[Settings, ReleaseConfiguration]:
        return settings_of(self.home, answer_passages=passages, **knobs), configuration_of(
            self.home, answer_passages=passages
        )

    def promoted(self, passages: int, version: int = 1) -> ServingPointer:
        """Built, judged and promoted, one configuration after the other."""
        settings, configuration = self.under(passages)
        built(settings, configuration, version)
        judged(settings, configuration, version=version, baseline=read_pointer(settings.releases_path))
        return promote(workspace_of(settings)).released


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_what_passed_serves_after_promote_and_the_history_says_so(home: Home) -> None:
    settings, configuration = home.under(5)
    head = built(settings, configuration, 4)
    judged(settings, configuration, version=4)

    done = promote(workspace_of(settings))

    assert read_pointer(settings.releases_path) == done.released == head
    assert [(one.act, one.pointer) for one in read_acts(settings.releases_path)] == [("promote", head)]
    assert done.replaced is None
    assert 0 < done.flip_ms <= done.total_ms


@pytest.mark.parametrize(
    ("verdict", "raised", "said"),
    [
        (None, NotReady, "never judged"),
        ("FAIL", CheckFailed, "failed the gate by `non_inferiority`"),
        ("INCONCLUSIVE", NotReady, "could not be told good or bad"),
    ],
)
def test_nothing_but_a_pass_is_promoted(home: Home, verdict: str | None, raised: type[AssayError], said: str) -> None:
    served = home.promoted(5)
    settings, candidate = home.under(3)
    built(settings, candidate)
    if verdict:
        judged(settings, candidate, verdict, baseline=served)

    with pytest.raises(raised, match=said):
        promote(workspace_of(settings))

    assert read_pointer(settings.releases_path) == served
    assert len(read_acts(settings.releases_path)) == 1


def test_a_later_no_takes_back_an_earlier_yes(home: Home) -> None:
    settings, configuration = home.under(5)
    built(settings, configuration, 2)
    judged(settings, configuration, version=1, minute=1)
    judged(settings, configuration, "FAIL", version=2, minute=2)
    with pytest.raises(CheckFailed):
        promote(workspace_of(settings))


def test_a_head_that_a_data_change_moved_since_its_pass_is_promoted(home: Home) -> None:
    served = home.promoted(5)
    settings, candidate = home.under(3)
    judged(settings, candidate, version=1, baseline=served)
    head = built(settings, candidate, 2)
    flip(settings.releases_path, pointer_of(home.under(5)[1], 9), "publish")  # the serving one was moved by it too
    assert promote(workspace_of(settings)).released == head


@pytest.mark.parametrize("changed", ["questions", "policy", "layers", "baseline"])
def test_a_pass_on_something_else_than_today_does_not_count(tmp_path: Path, changed: str) -> None:
    one, other = configuration_of(tmp_path), configuration_of(tmp_path, answer_passages=3)
    record = record_of(one, baseline=pointer_of(other))
    today = Today(
        evaluation_set="f" * 64 if changed == "questions" else EVALUATION_SET,
        policy=POLICY.model_copy(
            update={"policy": {"margin": 0.01}, "layers": {"required_layers": (3,)}}.get(changed, {})
        ),
        serving=None if changed == "baseline" else pointer_of(other, 2),
    )
    found = refusal(record, pointer_of(one), today)
    assert isinstance(found, NotReady)
    assert "`assay release gate`" in str(found)


@pytest.mark.parametrize(("version", "published_at"), [(3, "2026-11-24"), (4, "2026-11-24")])
def test_a_pass_does_not_cover_a_table_that_was_built_anew(tmp_path: Path, version: int, published_at: str) -> None:
    """It counts its versions from one again, so that a version nobody judged has the number of one that passed."""
    one = configuration_of(tmp_path)
    today = Today(EVALUATION_SET, POLICY, None)
    anew = replace(pointer_of(one, version), published_at=published_at)
    found = refusal(record_of(one, version=4), anew, today)
    assert isinstance(found, NotReady)
    assert "built anew" in str(found)
    assert "`assay release gate`" in str(found)
    assert refusal(record_of(one, version=4), pointer_of(one, 4), today) is None


def test_a_pass_by_floors_counts_while_that_serves_which_could_not_be_asked(tmp_path: Path) -> None:
    """Or a release whose model is gone could never be replaced."""
    one, other, third = (configuration_of(tmp_path, answer_passages=passages) for passages in (5, 3, 2))
    record = replace(record_of(one), unanswering=pointer_of(other))
    assert refusal(record, pointer_of(one), Today(EVALUATION_SET, POLICY, pointer_of(other, 2))) is None
    assert isinstance(refusal(record, pointer_of(one), Today(EVALUATION_SET, POLICY, pointer_of(third))), NotReady)


def test_a_pass_with_more_layers_than_are_wanted_counts(tmp_path: Path) -> None:
    one = configuration_of(tmp_path)
    record = record_of(one, policy=POLICY.model_copy(update={"required_layers": (1, 2)}))
    assert refusal(record, pointer_of(one), Today(EVALUATION_SET, POLICY, None)) is None


def test_only_what_is_kept_up_to_date_is_promoted(home: Home) -> None:
    """A head that the settings do not name may be weeks old, and hold what was deleted since."""
    served = home.promoted(5)
    settings, candidate = home.under(3)
    head = built(settings, candidate)
    judged(settings, candidate, baseline=served)
    elsewhere, _ = home.under(5)
    with pytest.raises(NotReady, match="not kept up to date"):
        promote(workspace_of(elsewhere), head.release_id)
    assert promote(workspace_of(settings), head.release_id).released == head


def test_what_serves_is_not_promoted_again(home: Home) -> None:
    home.promoted(5)
    with pytest.raises(NotReady, match="serves already"):
        promote(workspace_of(home.under(5)[0]))


def test_a_rollback_serves_the_head_of_what_was_promoted_before(home: Home) -> None:
    first, second = home.promoted(5), home.promoted(3)
    settings, configuration = home.under(5)
    moved = built(settings, configuration, 8)  # a data change reached it meanwhile

    done = rollback(settings)

    assert (done.replaced, done.released) == (second, moved)
    assert read_pointer(settings.releases_path) == moved != first
    assert [one.act for one in read_acts(settings.releases_path)] == ["promote", "promote", "rollback"]


def test_rolling_back_twice_goes_back_two_promotions(home: Home) -> None:
    first, second, third = home.promoted(5), home.promoted(4), home.promoted(3)
    settings, _ = home.under(3)
    assert rollback(settings).released == second
    assert rollback(settings).released == first
    with pytest.raises(NotReady, match="nothing to roll back to"):
        rollback(settings)
    assert rollback(settings, third.release_id).released == third


def test_what_was_replaced_too_long_ago_is_nothing_to_roll_back_to(home: Home) -> None:
    first, second = home.promoted(5), home.promoted(3)
    settings, _ = home.under(3, release_retention_days=0)
    for to in (None, first.release_id):
        with pytest.raises(NotReady, match="not kept up to date"):
            rollback(settings, to)
    assert read_pointer(settings.releases_path) == second


def test_a_rollback_goes_through_while_the_configured_model_cannot_be_found(home: Home) -> None:
    first, _ = home.promoted(5), home.promoted(3)
    settings = settings_of(home.home, embedding_model="nobody/has-this-model")
    assert rollback(settings).released == first


def test_what_never_served_is_nothing_to_roll_back_to(home: Home) -> None:
    home.promoted(5)
    settings, candidate = home.under(3)
    head = built(settings, candidate)
    with pytest.raises(NotReady, match="never served"):
        rollback(settings, head.release_id)


def test_before_the_first_release_there_is_nothing_to_roll_back(home: Home) -> None:
    with pytest.raises(NotReady, match="Nothing serves"):
        rollback(home.under(5)[0])


def test_a_run_promotes_the_first_release_and_leaves_the_next_to_a_person(home: Home) -> None:
    settings, configuration = home.under(5)
    head = built(settings, configuration)
    judged(settings, configuration)
    assert promote_where_due(workspace_of(settings)).serving == head.release_id
    again = promote_where_due(workspace_of(settings))
    assert (again.flip, again.serving, again.awaiting) == (None, head.release_id, None)

    settings, candidate = home.under(3)
    second = built(settings, candidate)
    judged(settings, candidate, baseline=head)
    waits = promote_where_due(workspace_of(settings))
    assert (waits.flip, waits.serving, waits.awaiting) == (None, head.release_id, second.release_id)

    automatic, _ = home.under(3, auto_promote=True)
    done = promote_where_due(workspace_of(automatic))
    assert done.flip is not None
    assert done.flip.replaced == head
    assert done.serving == second.release_id


def test_what_a_rollback_left_is_promoted_again_by_a_person_alone(home: Home) -> None:
    first, second, third = home.promoted(5), home.promoted(4), home.promoted(3)
    settings, _ = home.under(3, auto_promote=True)
    rollback(settings)
    rollback(settings)
    for passages, left in ((3, third), (4, second)):
        automatic, configuration = home.under(passages, auto_promote=True)
        judged(automatic, configuration, baseline=first, minute=passages)
        report = promote_where_due(workspace_of(automatic))
        assert (report.flip, report.serving, report.awaiting) == (None, first.release_id, left.release_id)
    automatic, _ = home.under(4)
    assert promote(workspace_of(automatic)).released == second


def test_what_could_not_be_compared_is_promoted_by_a_person_alone(home: Home) -> None:
    served = home.promoted(5)
    settings, candidate = home.under(3, auto_promote=True)
    head = built(settings, candidate)
    write_record(settings.releases_path, replace(record_of(candidate), unanswering=served))
    report = promote_where_due(workspace_of(settings))
    assert (report.flip, report.awaiting) == (None, head.release_id)
    assert promote(workspace_of(settings)).released == head

"""Promote and rollback: the two acts that make another configuration serve. Each is one atomic pointer and one line of
history, and both take what stands already: the head of a configuration, which every run keeps up to date.
"""

import itertools
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assay.errors import AssayError, CheckFailed, NotReady
from assay.evaluation.gate import GatePolicy
from assay.evaluation.golden_set import golden_set_for
from assay.locks import exclusive
from assay.releases.four_layer_gate import policy_for
from assay.releases.gate_record import MARKDOWN_REPORT_FILE, GateRecord, newest_record
from assay.retrieval import ServingPointer, read_pointer
from assay.retrieval.configurations import configured_release, live_configurations
from assay.retrieval.serving import (
    Act,
    ActName,
    complete_history,
    flip,
    read_acts,
    read_head,
    retained_configurations,
    serving_lock,
)
from assay.settings import Settings
from assay.workspace import Workspace


@dataclass(frozen=True)
class Flip:
    """A release that serves from now on. `flip_ms`: the pointer alone; `total_ms`: with everything that was asked first."""

    act: ActName
    released: ServingPointer
    replaced: ServingPointer | None
    flip_ms: float
    total_ms: float


@dataclass(frozen=True)
class Today:
    """What a verdict must have been reached on for it to count now."""

    evaluation_set: str
    policy: GatePolicy
    serving: ServingPointer | None


@dataclass(frozen=True)
class PromotionReport:
    """What a run did about its candidate. `awaiting`: a release that passed and that a person may promote."""

    flip: Flip | None
    serving: str | None
    awaiting: str | None

    @property
    def promoted(self) -> int:
        return int(self.flip is not None)


def promote_where_due(workspace: Workspace) -> PromotionReport:
    """Promote what passed the gate where no person needs to say so: the first release, for nobody is served by another
    yet, and under `ASSAY_AUTO_PROMOTE` every one, but for what a person has to decide: one that a rollback left since the
    last promotion, and one that what serves could not be compared with. Raises as `promote`, unless the configured release
    serves already."""
    settings = workspace.settings
    serving = read_pointer(settings.releases_path)
    configured = configured_release(settings).configuration_id
    if serving is not None and serving.configuration == configured:
        return PromotionReport(None, serving.release_id, None)
    record, head = newest_record(settings.releases_path, configured), read_head(settings.releases_path, configured)
    passed = record is not None and record.passed and head is not None
    if serving is not None and not (settings.auto_promote and _needs_nobody(settings, configured, record)):
        return PromotionReport(None, serving.release_id, head.release_id if head and passed else None)
    flip = promote(workspace)
    return PromotionReport(flip, flip.released.release_id, None)


def _needs_nobody(settings: Settings, configuration_id: str, record: GateRecord | None) -> bool:
    if record is not None and record.unanswering is not None:
        return False
    with exclusive(serving_lock(settings)):
        complete_history(settings.releases_path)
        return configuration_id not in rolled_back(read_acts(settings.releases_path))


def rolled_back(acts: Sequence[Act]) -> set[str]:
    """The configurations that rollbacks left since the last promotion: nothing but a person makes them serve again."""
    left: set[str] = set()
    for before, after in itertools.pairwise(acts):
        if after.act == "promote":
            left.clear()
        elif after.act == "rollback":
            left.add(before.pointer.configuration)
    return left


def promote(workspace: Workspace, release_id: str | None = None) -> Flip:
    """Make the head of the configured release serve, or that of the configuration that `release_id` names.

    Raises CheckFailed where the gate said no, NotReady where it could not tell, was not asked, or was asked something else
    than it would be asked today. Nothing is changed then.
    """
    began = time.perf_counter()
    settings = workspace.settings
    # What is asked of the lake comes before the lock, under which nobody else can promote or publish.
    golden, _ = golden_set_for(workspace)
    policy = policy_for(settings, golden)
    with exclusive(serving_lock(settings)):
        complete_history(settings.releases_path)
        serving = read_pointer(settings.releases_path)
        live = [one.configuration_id for one in live_configurations(settings)]
        head = _live_head(settings, _configuration_of(settings, release_id), live, "assay release promote")
        if serving is not None and serving.configuration == head.configuration:
            raise NotReady(
                f"Release {serving.release_id} serves already; nothing was changed. See the releases with `assay release list`."
            )
        record = newest_record(settings.releases_path, head.configuration)
        problem = refusal(record, head, Today(golden.sha256, policy, serving))
        if problem is not None:
            raise problem
        return _flipped(settings, head, serving, "promote", began)


def refusal(record: GateRecord | None, head: ServingPointer, today: Today) -> AssayError | None:
    """Why the head may not serve, None where it may.

    The record is of a configuration. A head that moved since by a data change is still covered by it: data changes pass
    the fast gate, for the serving release too, and are not what the four layers compare. So a promotion need not race the
    daily run. What must be as it was: the questions, the policy, the configuration that serves, and the very table, of
    which the head is the version that was judged or a later one.
    """
    if record is None:
        return NotReady(
            f"Release {head.release_id} was never judged by the four-layer gate. Nothing was promoted; what serves goes on "
            "serving. Judge it with `assay release gate`."
        )
    judged = f"Release {record.candidate.release_id} was judged at {record.decided_at[:16]} UTC"
    stands = "Nothing was promoted; what serves goes on serving."
    report = f"`releases/evaluations/{record.candidate.release_id}/{MARKDOWN_REPORT_FILE}`"
    if record.decision.verdict == "FAIL":
        return CheckFailed(
            f"{judged}, and failed the gate by `{record.decision.decided_by}`. {stands} Read why in {report}, mend it, and "
            "build it again with `assay demo` or `assay ingest DIR`."
        )
    if record.decision.verdict == "INCONCLUSIVE":
        return NotReady(
            f"{judged}, and could not be told good or bad: `{record.decision.decided_by}`. {stands} Read what is lacking in "
            f"{report}, then run `assay release gate`."
        )
    if changed := _changed_since(record, head, today):
        return NotReady(f"{judged}, and passed, but {changed}. {stands} Judge it again with `assay release gate`.")
    return None


def rollback(settings: Settings, to: str | None = None) -> Flip:
    """Make the configuration serve again that served before the last promotion, at its newest head, or that of `to`.

    Rolling back twice goes back two promotions and never to what the first rollback left; `to` does.
    Raises NotReady where there is nothing to go back to, or where it is not kept up to date any more.
    """
    began = time.perf_counter()
    with exclusive(serving_lock(settings)):
        complete_history(settings.releases_path)
        serving = read_pointer(settings.releases_path)
        if serving is None:
            raise NotReady("Nothing serves, so there is nothing to roll back. Run `make demo` or `assay ingest DIR`.")
        acts = read_acts(settings.releases_path)
        wanted = to.partition("@")[0] if to else served_before(acts, serving.configuration)
        if wanted is None:
            raise NotReady(
                f"No other release served before {serving.release_id}, so there is nothing to roll back to. Nothing was "
                "changed. See the releases with `assay release list`."
            )
        if wanted == serving.configuration:
            raise NotReady(
                f"Release {serving.release_id} serves already; nothing was changed. See `assay release list`."
            )
        if all(one.pointer.configuration != wanted for one in acts):
            raise NotReady(
                f"Configuration {wanted} never served, so it is nothing to roll back to. Nothing was changed. A release that "
                "passed the gate is made to serve with `assay release promote`."
            )
        # What the settings name is not asked: a rollback must go through while their model cannot even be found.
        retained = retained_configurations(settings.releases_path, timedelta(days=settings.release_retention_days))
        head = _live_head(settings, wanted, retained, "assay release rollback")
        return _flipped(settings, head, serving, "rollback", began)


def served_before(acts: Sequence[Act], serving: str) -> str | None:
    """The configuration that the last promotion of the serving one replaced; None where it replaced nothing."""
    last = next((at for at in reversed(range(len(acts))) if _promotes(acts, at, serving)), None)
    return None if last is None else next(iter(_before(acts, last, serving)), None)


def _promotes(acts: Sequence[Act], at: int, configuration: str) -> bool:
    return acts[at].act == "promote" and acts[at].pointer.configuration == configuration


def _before(acts: Sequence[Act], at: int, configuration: str) -> list[str]:
    others = (one.pointer.configuration for one in reversed(acts[:at]))
    return [one for one in others if one != configuration][:1]


def _configuration_of(settings: Settings, release_id: str | None) -> str:
    return release_id.partition("@")[0] if release_id else configured_release(settings).configuration_id


def _live_head(settings: Settings, configuration_id: str, live: Collection[str], command: str) -> ServingPointer:
    """The newest version of a configuration that is kept up to date. Raises NotReady for any other."""
    head = read_head(settings.releases_path, configuration_id) if configuration_id in live else None
    if head is None:
        raise NotReady(
            f"Configuration {configuration_id} is not kept up to date: the settings do not name it, or it was replaced more than "
            f"{settings.release_retention_days} days ago, or no run has built it yet. It could show what was deleted since. "
            "Nothing was changed. See what is live with `assay release list`; build what the settings name with `assay demo` "
            f"or `assay ingest DIR`, then run `{command}` again."
        )
    return head


def _changed_since(record: GateRecord, head: ServingPointer, today: Today) -> str | None:
    """What the verdict rests on and is another today."""
    judged = record.candidate
    if head != judged and head.version <= judged.version:
        return "its table was built anew since"
    if record.evaluation_set != today.evaluation_set:
        return "the golden questions are others today"
    if _limits(record.policy) != _limits(today.policy):
        return "the policy is another today"
    if not set(today.policy.required_layers) <= set(record.policy.required_layers):
        return "the policy requires more layers today"
    before = record.served.configuration if record.served else None
    now = today.serving.configuration if today.serving else None
    return None if before == now else "another configuration serves today than it was compared with"


def _limits(policy: GatePolicy) -> dict[str, Any]:
    """All but the required layers, as plain values: a model read back remembers other fields as set, and so is unequal."""
    return policy.model_dump(mode="json", exclude={"required_layers"})


def _flipped(
    settings: Settings, head: ServingPointer, serving: ServingPointer | None, act: ActName, began: float
) -> Flip:
    flipping = time.perf_counter()
    flip(settings.releases_path, head, act)
    ended = time.perf_counter()
    return Flip(act, head, serving, 1000 * (ended - flipping), 1000 * (ended - began))

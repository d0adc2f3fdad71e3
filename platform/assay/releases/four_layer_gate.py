"""The four-layer gate: may the configured release serve? Judged on the golden questions, against the release that serves.

Both arms are asked the same questions over the same documents, each in its own table, by the very search and answerer that
would serve them. Nothing that serves is touched.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Literal, cast

from assay.errors import ModelError, NotReady
from assay.evaluation.calibration.evidence_files import read_judge_evidence
from assay.evaluation.gate import (
    SMOKE_POLICY_FILE,
    GateDecision,
    GateEvidence,
    GatePolicy,
    JudgeEvidence,
    compare,
    read_policy,
)
from assay.evaluation.golden_set import GoldenSet, golden_set_for
from assay.evaluation.judge import Arm, Judge, rejudge_borderline
from assay.releases.evaluation_files import write_evaluation
from assay.releases.gate_record import GateRecord, read_record
from assay.releases.layers import layers_of
from assay.releases.measured_release import MeasuredRelease, key_of
from assay.releases.measuring import Measurement, has_errors
from assay.releases.shadow import shadow_of
from assay.retrieval import ServingPointer, read_pointer
from assay.retrieval.configurations import ReleaseConfiguration, configured_release, read_manifest
from assay.retrieval.serving import read_head
from assay.settings import Settings
from assay.workspace import Workspace

Layer = Literal[1, 2, 3, 4]


@dataclass(frozen=True)
class GateOutcome:
    """A verdict; `is_new` is False where nothing differs on which the verdict before rests, and it was taken over."""

    record: GateRecord
    is_new: bool


def judge_candidate(workspace: Workspace) -> GateOutcome | None:
    """Judge the configured release where it is a candidate: another than the one that serves, or the first. Else None.

    Raises as `judge_configured`.
    """
    serving = read_pointer(workspace.settings.releases_path)
    if serving is not None and serving.configuration == configured_release(workspace.settings).configuration_id:
        return None
    return judge_configured(workspace)


def judge_configured(workspace: Workspace, *, required_layers: Collection[int] = ()) -> GateOutcome:
    """Judge the release of the configuration that the settings name, and keep the verdict beside its scores and reports.

    `required_layers`: without these there is no verdict but INCONCLUSIVE, whatever the policy says.
    Raises NotReady where no release of the configuration passed the fast gate yet.
    """
    settings = workspace.settings
    configuration = configured_release(settings)
    candidate, baseline = head_of(settings, configuration), baseline_for(settings, configuration)
    golden, warnings = golden_set_for(workspace)
    policy = policy_for(settings, golden, required_layers)
    measurement = Measurement.of(workspace, golden)
    labels = judge_evidence(settings, measurement.judge)
    arms = [measurement.key_for(one) for one in (candidate, baseline) if one is not None]
    inputs = key_of([arms, policy.model_dump(mode="json"), asdict(labels) if labels else None])
    known = read_record(settings.releases_path, candidate.release_id)
    if known is not None and known.inputs == inputs:
        return GateOutcome(known, is_new=False)
    ours = measurement.measured(candidate, configuration)
    theirs, unanswered = _baseline_arm(measurement, baseline)
    decision, ours, theirs = _decided(measurement, policy, labels, ours, theirs)
    has_gaps = has_errors(ours) or (theirs is not None and has_errors(theirs)) or unanswered is not None
    record = GateRecord(
        candidate=candidate,
        baseline=baseline if theirs else None,
        configuration=configuration,
        inputs="" if has_gaps else inputs,  # what an error hides is asked again
        evaluation_set=golden.sha256,
        golden=golden.name,
        is_smoke=golden.is_smoke,
        policy=policy,
        decision=decision,
        layers=layers_of(decision, policy),
        shadow=shadow_of(ours, theirs, decision) if theirs else None,
        candidate_operations=ours.operations,
        baseline_operations=theirs.operations if theirs else None,
        run_id=workspace.run.run_id,
        decided_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        warnings=(*([unanswered] if unanswered else []), *warnings),
        unanswering=baseline if unanswered else None,
    )
    write_evaluation(settings.releases_path, record, ours, theirs)
    return GateOutcome(record, is_new=True)


def _baseline_arm(
    measurement: Measurement, baseline: ServingPointer | None
) -> tuple[MeasuredRelease | None, str | None]:
    """What the serving release answers, or why it cannot be asked.

    One whose model is gone answers nobody but by words any more. Were it waited for, nothing could ever replace it.
    """
    if baseline is None:
        return None, None
    before = read_manifest(measurement.workspace.settings.releases_path, baseline.configuration)
    try:
        return measurement.measured(baseline, before), None
    except ModelError as error:
        return None, (
            f"Nothing was compared: {baseline.release_id} serves and could not be asked, so the policy's floors decided. {error}"
        )


def _decided(
    measurement: Measurement,
    policy: GatePolicy,
    labels: JudgeEvidence | None,
    ours: MeasuredRelease,
    theirs: MeasuredRelease | None,
) -> tuple[GateDecision, MeasuredRelease, MeasuredRelease | None]:
    """The decision, and both arms with the scores that it rests on."""
    ours, theirs = rejudged(measurement, ours, theirs)
    evidence = GateEvidence(
        candidate=ours.provenance,
        baseline=theirs.provenance if theirs else None,
        judge=labels,
        operations=ours.operations,
    )
    return compare(ours.scores, theirs.scores if theirs else [], policy, evidence=evidence), ours, theirs


def rejudged(
    measurement: Measurement, ours: MeasuredRelease, theirs: MeasuredRelease | None
) -> tuple[MeasuredRelease, MeasuredRelease | None]:
    """Both arms with what the judge says when it is asked again where they differ; as they are without a judge."""
    if measurement.judge is None or theirs is None:
        return ours, theirs
    again = rejudge_borderline(
        measurement.judge,
        Arm(ours.items, ours.scores),
        Arm(theirs.items, theirs.scores),
        lambda texts: measurement.scorer.embed(texts).vectors,
    )
    return replace(ours, scores=again.candidate), replace(theirs, scores=again.baseline)


def judge_evidence(settings: Settings, judge: Judge | None) -> JudgeEvidence | None:
    """What human labels showed of this judge and its prompts; None without a judge, or without labels of this very one."""
    return read_judge_evidence(settings.evaluation_path, judge.identity, judge.prompt_hash) if judge else None


def head_of(settings: Settings, configuration: ReleaseConfiguration) -> ServingPointer:
    """The newest release of a configuration that passed its fast gate. Raises NotReady where there is none."""
    head = read_head(settings.releases_path, configuration.configuration_id)
    if head is None:
        raise NotReady(
            f"No release of configuration {configuration.configuration_id} was built yet, so there is nothing to judge. "
            "What serves goes on serving. Build it with `assay demo` or `assay ingest DIR`."
        )
    return head


def baseline_for(settings: Settings, configuration: ReleaseConfiguration) -> ServingPointer | None:
    """What the candidate is compared with: what serves, unless that is the same configuration, or nothing does."""
    serving = read_pointer(settings.releases_path)
    is_other = serving is not None and serving.configuration != configuration.configuration_id
    return serving if is_other else None


def policy_for(settings: Settings, golden: GoldenSet, required_layers: Collection[int] = ()) -> GatePolicy:
    """The settings' policy, or the gate's own; `smoke` for questions made from headings, which prove little, with the layers
    that the settings' policy requires: who wants a judge wants it of these too.

    Raises ConfigurationError for a policy file that cannot be used.
    """
    own = _own_policy(settings, golden)
    policy = read_policy(SMOKE_POLICY_FILE) if golden.is_smoke else own
    wanted = sorted({*policy.required_layers, *own.required_layers, *required_layers})
    return policy.model_copy(update={"required_layers": cast(tuple[Layer, ...], tuple(wanted))})


def _own_policy(settings: Settings, golden: GoldenSet) -> GatePolicy:
    path = settings.gate_policy
    is_gone_with_sample = (
        path is not None and path == Settings.model_fields["gate_policy"].default and not path.exists()
    )
    if path is None or (golden.is_smoke and is_gone_with_sample):
        return GatePolicy()
    return read_policy(path)

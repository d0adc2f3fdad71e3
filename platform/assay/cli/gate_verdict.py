"""What a run's end says of releases: the four-layer gate's verdict, what serves, and what to do next."""

from rich.console import Console

from assay.cli.decisions import show_metrics
from assay.cli.launching import EXIT_CHECK_FAILED, PipelineResult
from assay.errors import AssayError
from assay.settings import Settings

FOUR_LAYER_GATE = "four_layer_gate_passed"


def exit_code(*results: PipelineResult) -> int:
    """0 fine, 1 a check said no, 2 where nothing else failed than a gate that could not tell."""
    if all(one.success and not one.failed_checks for one in results):
        return 0
    failed = [check for one in results for check in one.failed_checks]
    could_not_tell = [
        check for check in failed if check["name"] == FOUR_LAYER_GATE and check["seen"].get("verdict") == "INCONCLUSIVE"
    ]
    only_that = bool(failed) and len(could_not_tell) == len(failed) and not any(one.errors for one in results)
    return AssayError.exit_code if only_that else EXIT_CHECK_FAILED


def show_gate_verdict(console: Console, settings: Settings, result: PipelineResult) -> None:
    """The last verdict on the configured release, and which one serves. Nothing where the run did not come to the gate."""
    from assay.releases.release_list import release_list

    if "release/evaluation" not in result.stages:
        return
    listed = release_list(settings)
    configured = next(one for one in listed.releases if "configured" in one.roles)
    record = configured.record
    if record is not None:
        console.rule(f"The four-layer gate on release {record.candidate.release_id}")
        show_metrics(console, record.decision, short=True)
        for number, said in sorted(record.layers.items()):
            console.print(f"layer {number}: {said}", markup=False, highlight=False, soft_wrap=True)
        smoke = " [bold yellow]SMOKE[/]: its questions were made from headings." if record.is_smoke else ""
        against = f"against {record.baseline.release_id}" if record.baseline else "without a baseline"
        if record.unanswering:
            against += f", for {record.unanswering.release_id} serves and could not be asked"
        by = f" by the rule `{record.decision.decided_by}`" if record.decision.decided_by else ""
        console.print(
            f"[bold]{record.decision.verdict}[/]{by} {against}, {record.decided_at[:16]} UTC.{smoke}",
            highlight=False,
            soft_wrap=True,
        )
    if listed.serving is None:
        console.print("Nothing serves yet: the first release has to pass the gate too.", soft_wrap=True)
    elif "serving" in configured.roles:
        console.print(f"[green]{listed.serving}[/] serves.", highlight=False)
    elif record is not None and record.passed:
        console.print(
            f"{listed.serving} goes on serving. Make {configured.release_id} serve with `assay release promote`.",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    else:
        console.print(
            f"[yellow]{configured.release_id} does not serve[/]; {listed.serving} goes on serving.", highlight=False
        )

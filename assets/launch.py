"""Run the jobs for a range of days in this process, and say what came of them: what the CLI starts.

python -m assets.launch --first-day 2026-11-01 --last-day 2026-11-03 --with-events --result result.json
"""

import argparse
import json
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterAssetCheckFailedError

from assay.errors import AssayError, ConfigurationError
from assay.events.arrivals import arrival_days
from assay.settings import load_settings
from assets.automation import documents_job, events_job, range_tags
from assets.definitions import defs
from assets.halves import HAS_EVENTS

PROCESS_TAG = "assay/process"
_UNFINISHED = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]


def launch(
    first_day: date,
    last_day: date,
    *,
    as_of: bool = False,
    allow_mass_delete: bool = False,
    retry_quarantined: bool = False,
) -> dict[str, Any]:
    """Run the documents job for the days, in one run; the result names stages, checks, errors and seconds."""
    ops = {
        "bronze__manifests": {"config": {"as_of": as_of, "allow_mass_delete": allow_mass_delete}},
        "silver_documents": {"config": {"retry_quarantined": retry_quarantined}},
    }
    return _run(documents_job.name, first_day, last_day, ops)


def launch_events() -> dict[str, Any] | None:
    """Run the events job for all days of the log that can be partitions; None where it has none.

    The result is one of errors alone where the log cannot be told, or has days before the first partition.
    """
    settings = load_settings()
    today = datetime.now(UTC).date()
    try:
        days = [day for day in arrival_days(settings) if day <= today]
        if days and days[0] < settings.first_day:
            raise ConfigurationError(
                f"{days[0]} of the event log lies before the first partition, {settings.first_day}. Nothing of the events was "
                f"run. Set it with `export ASSAY_FIRST_DAY={days[0]}`, then run this again."
            )
    except AssayError as error:
        return {"run_id": "", "success": False, "stages": {}, "checks": [], "errors": [str(error)], "seconds": {}}
    return _run(events_job.name, days[0], days[-1], {}) if days else None


def _run(job: str, first_day: date, last_day: date, ops: Mapping[str, Any]) -> dict[str, Any]:
    """One run of a job for the days."""
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        outcome = defs.resolve_job_def(job).execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={**range_tags(first_day, last_day, "command line"), PROCESS_TAG: process_name(os.getpid())},
            run_config={"ops": dict(ops), "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        return {"run_id": outcome.run_id, "success": outcome.success, **_told(outcome.all_events)}


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Fail the runs whose process on this host is gone, and free their pool slots; returns their ids.

    A killed process leaves its run STARTED and its slots taken, and the next run would wait for them for ever.
    """
    ended: list[str] = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        process = run.tags.get(PROCESS_TAG, "")
        host, _, pid = process.partition(":")
        if host == socket.gethostname() and process_name(int(pid.partition(":")[0])) != process:
            instance.report_run_failed(
                run, "Its process was killed. What it had committed stands; this run goes on from there."
            )
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def process_name(pid: int) -> str:
    """`host:pid:start`, the start in clock ticks since boot where the system tells: a reused pid is another process."""
    try:
        start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        start = "0" if _is_alive(pid) else "gone"
    return f"{socket.gethostname()}:{pid}:{start}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _told(events: Iterable[dg.DagsterEvent]) -> dict[str, Any]:
    """What the events say: numbers per asset and day, checks, errors, seconds per step."""
    stages: dict[str, dict[str, dict[str, Any]]] = {}
    checks: list[dict[str, Any]] = []
    errors: list[str] = []
    seconds: dict[str, float] = {}
    for event in events:
        if event.is_step_materialization:
            made = event.step_materialization_data.materialization
            numbers = {
                name: value.value
                for name, value in made.metadata.items()
                if isinstance(value.value, int | float | str | list)
            }
            stages.setdefault(made.asset_key.to_user_string(), {})[made.partition or ""] = numbers
        elif event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if check.partition:  # a day by itself, which the result over all days names too
                continue
            seen = {name: value.value for name, value in check.metadata.items()}
            checks.append(
                {
                    "asset": check.asset_key.to_user_string(),
                    "name": check.check_name,
                    "passed": check.passed,
                    "severity": check.severity.value,
                    "seen": seen,
                }
            )
        elif event.is_step_failure and event.step_failure_data.error:
            message = _message(event.step_failure_data.error)
            errors.extend([message] if message else [])
        elif event.is_step_success:
            seconds[event.step_key or ""] = event.step_success_data.duration_ms / 1000
    return {"stages": stages, "checks": checks, "errors": errors, "seconds": seconds}


def _message(error: Any) -> str:
    """An error of Assay's own is its message; any other is a fault in the code and comes with where it happened."""
    chain = [error]
    while chain[-1].cause is not None:
        chain.append(chain[-1].cause)
    if any(one.cls_name == DagsterAssetCheckFailedError.__name__ for one in chain):
        return ""  # the check that failed is told among the checks
    own = [one for one in chain if one.cls_name in _OWN_ERRORS]
    return str(own[0].message).strip() if own else chain[-1].to_string()


def _names(error: type[AssayError]) -> set[str]:
    return {error.__name__}.union(*(_names(one) for one in error.__subclasses__()))


_OWN_ERRORS = _names(AssayError)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first-day", type=date.fromisoformat, required=True)
    parser.add_argument("--last-day", type=date.fromisoformat, required=True)
    parser.add_argument("--as-of", action="store_true")
    parser.add_argument("--allow-mass-delete", action="store_true")
    parser.add_argument("--retry-quarantined", action="store_true")
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument(
        "--with-events", action="store_true", help="Run the events job too, after that of the documents."
    )
    given = vars(parser.parse_args())
    target, with_events = given.pop("result"), given.pop("with_events")
    documents = launch(given.pop("first_day"), given.pop("last_day"), **given)
    events = launch_events() if with_events and HAS_EVENTS else None
    target.write_text(json.dumps({"documents": documents, "events": events}, default=str))
    return 0 if documents["success"] and (events is None or events["success"]) else 1


if __name__ == "__main__":
    code = main()
    # Everything is written and closed. The interpreter's own end would only make DuckDB's binding list on standard
    # error what LanceDB's background thread still holds.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

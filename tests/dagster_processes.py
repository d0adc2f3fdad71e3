"""Dagster as it is run for real: web server and daemon in processes of their own over one home, spoken to by GraphQL."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from assay.cli.launching import prepare_dagster_home
from assay.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[1]
_TESTS = (CHECKOUT / "tests", CHECKOUT / "tests" / "integration")
START_SECONDS = 120
POLL_SECONDS = 0.5
FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}

_LAUNCH = """
mutation ($parameters: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $parameters) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message stack }
    ... on UnauthorizedError { message }
  }
}
"""
_BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status error { message } }
    ... on PythonError { message }
  }
}
"""
_RUNS = """
query ($filter: RunsFilter!) {
  runsOrError(filter: $filter) {
    ... on Runs { results { runId status startTime endTime tags { key value } } }
    ... on PythonError { message }
  }
}
"""
_START_SCHEDULE = """
mutation ($selector: ScheduleSelector!) {
  startSchedule(scheduleSelector: $selector) {
    __typename
    ... on PythonError { message }
  }
}
"""
_REPOSITORY = """
query {
  repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } }
}
"""


@dataclass(frozen=True)
class DagsterRun:
    """A run as the server tells of it; times are seconds since 1970."""

    run_id: str
    status: str
    start: float | None
    end: float | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Dagster:
    """A web server that answers at `address`, with a daemon beside it."""

    address: str
    log: Path

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a GraphQL answer; AssertionError with its errors."""
        request = urllib.request.Request(
            f"{self.address}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                told = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error}: {error.read().decode()}\n{self.log.read_text()[-2000:]}") from error
        assert not told.get("errors"), told["errors"]
        return told["data"]

    def backfill(self, assets: Sequence[str], days: Sequence[str]) -> str:
        """Launch a backfill of assets for days, as the UI does; its id."""
        selection = [{"path": key.split("/")} for key in assets]
        parameters = {"assetSelection": selection, "partitionNames": list(days)}
        launched = self.ask(_LAUNCH, parameters=parameters)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return launched["backfillId"]

    def backfill_status(self, backfill_id: str) -> str:
        told = self.ask(_BACKFILL, id=backfill_id)["partitionBackfillOrError"]
        assert told["__typename"] == "PartitionBackfill", told
        return told["status"]

    def start_schedule(self, name: str) -> None:
        """Switch a schedule on, as the UI does."""
        [repository] = self.ask(_REPOSITORY)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "scheduleName": name,
        }
        assert self.ask(_START_SCHEDULE, selector=selector)["startSchedule"]["__typename"] == "ScheduleStateResult"

    def runs(self, **tags: str) -> list[DagsterRun]:
        """Every run with these tags, oldest first."""
        wanted = [{"key": key.replace("__", "/"), "value": value} for key, value in tags.items()]
        found = self.ask(_RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        return [
            DagsterRun(
                one["runId"], one["status"], one["startTime"], one["endTime"],
                {tag["key"]: tag["value"] for tag in one["tags"]},
            )
            for one in reversed(found)
        ]  # fmt: skip

    def wait_for(self, backfill_ids: Sequence[str], *, timeout_seconds: float) -> list[DagsterRun]:
        """The runs of backfills once all of them have ended; AssertionError with the log when they take too long."""
        deadline = time.monotonic() + timeout_seconds
        while {self.backfill_status(one) for one in backfill_ids} & {"REQUESTED", "CANCELING"}:
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(POLL_SECONDS)
        return [run for one in backfill_ids for run in self.runs(dagster__backfill=one)]

    def wait_for_trigger(self, trigger: str, *, timeout_seconds: float) -> list[DagsterRun]:
        """The runs that `trigger` started, once there is one and all of them have ended."""
        deadline = time.monotonic() + timeout_seconds
        while not (runs := self.runs(assay__trigger=trigger)) or any(run.status not in FINISHED for run in runs):
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(POLL_SECONDS)
        return runs


@contextmanager
def dagster_processes(
    settings: Settings, log: Path, *, with_daemon: bool = True, module: str | None = None, **environment: str
) -> Iterator[Dagster]:
    """A web server and a daemon over the home of `settings`; both process groups are killed at the end of the block.

    `module` holds the definitions in place of those of `workspace.yaml`.
    """
    prepare_dagster_home(settings)
    with dg.DagsterInstance.from_config(str(settings.dagster_home)):
        pass  # two processes that make its SQLite files at once fail in Alembic; `dg dev` makes them before it starts them
    port = _free_port()
    variables = {
        **os.environ,
        "DAGSTER_HOME": str(settings.dagster_home),
        "ASSAY_HOME": str(settings.home),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join([*map(str, _TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]),
        **environment,
    }
    loaded = ["-m", module] if module else ["-w", "workspace.yaml"]
    commands = [["dagster-webserver", *loaded, "-h", "127.0.0.1", "-p", str(port)]]
    if with_daemon:
        commands.append(["dagster-daemon", "run", *loaded])
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as output:
            for program, *arguments in commands:
                processes.append(
                    subprocess.Popen(
                        [Path(sys.executable).with_name(program), *arguments],
                        cwd=CHECKOUT, env=variables, stdout=output, stderr=output, start_new_session=True,
                    )
                )  # fmt: skip
        dagster = Dagster(f"http://127.0.0.1:{port}", log)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(dagster.address):
            assert all(one.poll() is None for one in processes), log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(POLL_SECONDS)
        yield dagster
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False

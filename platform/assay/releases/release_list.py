"""Which releases there are: what serves, what could, what the gate said of each, and how it came to serve.

It is the way back from an answer: a hit names its release, the release its configuration and the run that built it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from assay.releases.gate_record import DECISION_FILE, HTML_REPORT_FILE, GateRecord, newest_record
from assay.releases.measured_release import evaluation_folder
from assay.retrieval import ServingPointer, read_pointer
from assay.retrieval.configurations import (
    ReleaseConfiguration,
    configured_release,
    live_configurations,
    manifest_path,
)
from assay.retrieval.serving import read_acts, read_head, replaced_configurations
from assay.settings import Settings


@dataclass(frozen=True)
class ListedRelease:
    """A live configuration at its newest version. `head`: None where no run has built it yet.

    `roles`: of `serving`, `configured` and `retained until DATE`. `record`: the last verdict on the configuration.
    """

    configuration: ReleaseConfiguration
    head: ServingPointer | None
    roles: tuple[str, ...]
    record: GateRecord | None

    @property
    def release_id(self) -> str:
        return self.head.release_id if self.head else f"{self.configuration.configuration_id}@-"

    @property
    def gate(self) -> str:
        """The verdict in a word or two."""
        if self.record is None:
            return "not judged"
        by = self.record.decision.decided_by
        smoke = " (SMOKE)" if self.record.is_smoke else ""
        return f"{self.record.decision.verdict}{f' by {by}' if by else ''}{smoke}"


@dataclass(frozen=True)
class ListedAct:
    """A line of the history: `run_id` built that version."""

    act: str
    at: str
    release_id: str
    run_id: str


@dataclass(frozen=True)
class ReleaseList:
    """Live releases, the serving one first, and every act, oldest first."""

    serving: str | None
    releases: tuple[ListedRelease, ...]
    history: tuple[ListedAct, ...]
    settings: Settings

    def to_json(self) -> dict[str, Any]:
        """What `assay release list --json` prints."""
        return {
            "serving": self.serving,
            "releases": [self._release(one) for one in self.releases],
            "history": [
                {"act": one.act, "at": one.at, "release": one.release_id, "run_id": one.run_id} for one in self.history
            ],
        }

    def _release(self, listed: ListedRelease) -> dict[str, Any]:
        path = self.settings.releases_path
        return {
            "release": listed.release_id,
            "roles": list(listed.roles),
            "run_id": listed.head.run_id if listed.head else None,
            "table": listed.configuration.table,
            "version": listed.head.version if listed.head else None,
            "configuration": {
                "id": listed.configuration.configuration_id,
                "manifest": str(manifest_path(path, listed.configuration.configuration_id)),
                **asdict(listed.configuration),
            },
            "gate": _verdict(self.settings, listed.record) if listed.record else None,
        }


def release_list(settings: Settings) -> ReleaseList:
    """Look at what is there; changes nothing. Raises as `live_configurations`."""
    serving = read_pointer(settings.releases_path)
    configured = configured_release(settings).configuration_id
    return ReleaseList(
        serving=serving.release_id if serving else None,
        releases=tuple(
            ListedRelease(
                configuration=one,
                head=read_head(settings.releases_path, one.configuration_id),
                roles=tuple(_roles(settings, one.configuration_id, serving, configured)),
                record=newest_record(settings.releases_path, one.configuration_id),
            )
            for one in live_configurations(settings)
        ),
        history=tuple(
            ListedAct(one.act, one.at.isoformat(timespec="microseconds"), one.pointer.release_id, one.pointer.run_id)
            for one in read_acts(settings.releases_path)
        ),
        settings=settings,
    )


def _roles(settings: Settings, configuration_id: str, serving: ServingPointer | None, configured: str) -> Iterator[str]:
    if serving is not None and serving.configuration == configuration_id:
        yield "serving"
    if configured == configuration_id:
        yield "configured"
    replaced_at = replaced_configurations(settings.releases_path).get(configuration_id)
    if replaced_at is not None:
        yield f"retained until {replaced_at + timedelta(days=settings.release_retention_days):%Y-%m-%d}"


def _verdict(settings: Settings, record: GateRecord) -> dict[str, Any]:
    folder = evaluation_folder(settings.releases_path, record.candidate.release_id)
    report = folder / HTML_REPORT_FILE
    return {
        "verdict": record.decision.verdict,
        "decided_by": record.decision.decided_by,
        "release": record.candidate.release_id,
        "baseline": record.baseline.release_id if record.baseline else None,
        "golden": record.golden,
        "evaluation_set": record.evaluation_set,
        "smoke": record.is_smoke,
        "policy": record.policy.name,
        "layers": {str(number): said for number, said in record.layers.items()},
        "decided_at": record.decided_at,
        "run_id": record.run_id,
        "record": str(folder / DECISION_FILE),
        "report": str(report) if report.exists() else None,  # it quotes documents, and goes before the record
    }

"""silver/quarantined_documents: what a stage took in and did not emit, with the reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from assay.lake import Commit
from assay.quality.outcomes import is_present_state
from assay.schema import table_of
from assay.tables import QuarantineRow
from assay.workspace import Workspace

QUARANTINE = table_of(QuarantineRow)
Stage = Literal["bronze", "silver", "gold", "page"]


@dataclass(frozen=True)
class Refusal:
    """Why one document version was not emitted."""

    document_id: str
    document_version: int
    uri: str
    content_hash: str | None
    reason: str
    detail: str
    expectation: str | None = None
    parser: str | None = None

    @classmethod
    def by_expectation(
        cls, document_id: str, document_version: int, uri: str, content_hash: str | None, expectation: str
    ) -> "Refusal":
        detail = f"the row fails `{expectation}`"
        return cls(document_id, document_version, uri, content_hash, "failed_expectation", detail, expectation)


def replace_quarantine(
    workspace: Workspace, stage: Stage, source: str, day: date, refusals: Iterable[Refusal]
) -> Commit:
    """Make `refusals` all that a stage holds back of a source and day; of a present state, of any day."""
    rows = QUARANTINE.rows(
        QuarantineRow(
            stage=stage,
            source=source,
            day=day,
            document_id=refusal.document_id,
            document_version=refusal.document_version,
            uri=refusal.uri,
            content_hash=refusal.content_hash,
            reason=refusal.reason,
            expectation=refusal.expectation,
            detail=refusal.detail,
            parser=refusal.parser,
            run_id=workspace.run.run_id,
            computed_at=workspace.run.started_at,
        )
        for refusal in refusals
    )
    place: dict[str, object] = {"stage": stage, "source": source}
    if not is_present_state(source):
        place["day"] = day
    return workspace.lake.replace_partition(QUARANTINE, rows, partitions=place)

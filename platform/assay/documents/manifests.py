"""bronze/manifests: observe a source on a day, keep its bytes, write down everything that was seen."""

from datetime import date

import pyarrow as pa

from assay.documents import sources
from assay.documents.blobs import BlobStore
from assay.documents.known_files import MANIFESTS
from assay.documents.mass_deletion import refuse_mass_deletion
from assay.lake import Lake
from assay.settings import SourceSettings
from assay.tables import ManifestRow
from assay.workspace import Run, Workspace


def observe_day(
    workspace: Workspace, source: SourceSettings, day: date, *, as_of: bool = False, allow_mass_delete: bool = False
) -> pa.Table | None:
    """The manifest of `source` on `day`, its bytes stored as blobs; None when there is nothing to observe for that day.

    A live source shows today only; with `as_of` the operator says that what it shows now is how it stood on `day`.
    Raises MassDeletion for a source that lacks all or most of its files unless `allow_mass_delete`, SourceError for a
    place that is not there.
    """
    settings, run = workspace.settings, workspace.run
    if sources.is_live(source) and not as_of and day != run.today:
        return None
    files = sources.observe(source, day, max_file_bytes=settings.max_file_bytes)
    if files is None:
        return None
    blobs = BlobStore(settings.blobs_path)
    rows = [_manifest_row(source, day, run, file, blobs) for file in files]
    if not allow_mass_delete:
        refuse_mass_deletion(workspace, source, day, rows, observed_days(workspace.lake, source), as_of=as_of)
    return MANIFESTS.rows(rows or [_empty_row(source, day, run)])


def observed_days(lake: Lake, source: SourceSettings) -> list[date]:
    """The days on which a source was observed, in order."""
    days: list[date] = lake.read(MANIFESTS, where={"source": source.name}, columns=["day"])["day"].unique().to_pylist()
    return sorted(days)


def closed_days(lake: Lake, source: SourceSettings) -> set[date]:
    """The days on which a folder of a source could not be entered; such a folder's path ends with `/`."""
    refused = lake.read(MANIFESTS, where={"source": source.name, "status": "refused"}, columns=["day", "path"])
    return {row["day"] for row in refused.to_pylist() if row["path"].endswith("/")}


def _manifest_row(source: SourceSettings, day: date, run: Run, file: sources.Observed, blobs: BlobStore) -> ManifestRow:
    rule = sources.rule_for(source, file.path)
    refusal = file.rejection
    return ManifestRow(
        source=source.name,
        day=day,
        path=file.path,
        uri=file.uri,
        status="observed" if file.data is not None else "refused",
        reason=refusal.reason if refusal else None,
        detail=refusal.detail if refusal else None,
        size_bytes=None if file.data is None else len(file.data),
        content_hash=None if file.data is None else blobs.put(file.data),
        tenant=rule.tenant,
        allowed_principals=sorted(rule.allowed_principals),
        run_id=run.run_id,
        computed_at=run.started_at,
    )


def _empty_row(source: SourceSettings, day: date, run: Run) -> ManifestRow:
    """What says that the source was observed and held nothing."""
    rule = sources.rule_for(source, "")
    return ManifestRow(
        source.name, day, "", source.uri, "empty", None, None, None, None, rule.tenant, sorted(rule.allowed_principals),
        run.run_id, run.started_at,
    )  # fmt: skip

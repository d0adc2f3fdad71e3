"""`assay eval report`, and the report of `assay eval compare`: the gate's verdict as pages to keep and to pass on."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.errors import ConfigurationError, NotReady
from assay.settings import load_settings

if TYPE_CHECKING:
    from assay.evaluation import GateDecision, GatePolicy, ItemScore

# What `assay release list` shows: a configuration and the version of its table.
_RELEASE_ID = re.compile(r"[0-9a-f]+@\d+")


def report(
    release_id: Annotated[
        str | None,
        typer.Argument(metavar="[RELEASE]", help="A release of `assay release list`; by default the one judged last."),
    ] = None,
) -> int:
    """Print the report of a release that was judged, as Markdown, and where its HTML page lies."""
    from assay.evaluation.gate_report import HTML_FILE, MARKDOWN_FILE
    from assay.releases.measured_release import evaluation_folder

    releases_path = load_settings().releases_path
    if release_id is not None and not _RELEASE_ID.fullmatch(release_id):
        raise ConfigurationError(
            f"`{release_id}` is no release. Nothing was read. See the releases with `assay release list`."
        )
    folder = evaluation_folder(releases_path, release_id or _judged_last(releases_path))
    try:
        text = (folder / MARKDOWN_FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotReady(
            f"There is no report of release {folder.name}: it was not judged, or its report was deleted. What serves goes on "
            f"serving. Judge the configured release with `assay release gate`; anew with `rm -r {folder}` before."
        ) from None
    typer.echo(text.rstrip("\n"))
    typer.echo(f"\nThe whole page: {folder / HTML_FILE}")
    return 0


def write_comparison(
    folder: Path,
    decision: "GateDecision",
    policy: "GatePolicy",
    candidate: tuple[Path, Sequence["ItemScore"]],
    baseline: tuple[Path, Sequence["ItemScore"]],
) -> Path:
    """Write the report of two files of scores into a folder; where its page lies. Raises DiskFull or StorageError."""
    from assay.evaluation.gate_report import ReportContext, most_changed, write_report
    from assay.releases.layers import layers_of

    arms = (("candidate", *candidate), ("baseline", *baseline))
    context = ReportContext(
        title=f"{candidate[0].name} against {baseline[0].name}",
        facts=tuple((arm, f"{path}, {len({one.item_id for one in scores})} items") for arm, path, scores in arms),
        layers=layers_of(decision, policy),
        is_smoke=policy.name == "smoke",
        warnings=(),
        items=most_changed(decision, candidate[1], baseline[1]),
    )
    page, _ = write_report(folder, decision, context)
    return page


def _judged_last(releases_path: Path) -> str:
    """The release with the newest verdict. Raises NotReady where none was judged."""
    from assay.releases.gate_record import read_record
    from assay.releases.measured_release import EVALUATIONS_FOLDER

    folders = sorted((releases_path / EVALUATIONS_FOLDER).glob("*@*"))
    records = [record for one in folders if (record := read_record(releases_path, one.name)) is not None]
    if not records:
        raise NotReady(
            "No release was judged yet, so there is no report. What serves goes on serving. Judge the configured release "
            "with `assay release gate`."
        )
    return max(records, key=lambda record: record.decided_at).candidate.release_id

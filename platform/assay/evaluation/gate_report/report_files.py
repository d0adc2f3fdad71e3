"""Both forms of the report, written side by side."""

from pathlib import Path

from assay.durable_files import replace_file, write_error
from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate_report.context import ReportContext
from assay.evaluation.gate_report.html_report import render_html
from assay.evaluation.gate_report.markdown_report import render_markdown

HTML_FILE = "report.html"
MARKDOWN_FILE = "report.md"


def write_report(folder: Path, decision: GateDecision, context: ReportContext) -> tuple[Path, Path]:
    """Write `report.html` and `report.md` into a folder, which is made; where they lie.

    Raises DiskFull or StorageError; each file is the old one or the new one.
    """
    written = {HTML_FILE: render_html(decision, context), MARKDOWN_FILE: render_markdown(decision, context)}
    for name, text in written.items():
        try:
            replace_file(folder / name, text)
        except OSError as error:
            raise write_error(
                f"The report `{folder / name}` could not be written: {error.strerror}. The verdict was "
                f"{decision.verdict}; nothing else was changed. See the place with `df -h {folder.parent}`, then run "
                "this again.",
                error,
            ) from error
    return folder / HTML_FILE, folder / MARKDOWN_FILE

"""The gate's report: what was decided of a release and why, as one HTML page, as Markdown, and as a plot."""

from assay.evaluation.gate_report.context import ItemChange, ReportContext
from assay.evaluation.gate_report.html_report import render_html
from assay.evaluation.gate_report.interval_plot import plot_svg
from assay.evaluation.gate_report.item_changes import ItemTexts, most_changed
from assay.evaluation.gate_report.markdown_report import render_markdown
from assay.evaluation.gate_report.report_files import HTML_FILE, MARKDOWN_FILE, write_report

__all__ = [
    "HTML_FILE",
    "MARKDOWN_FILE",
    "ItemChange",
    "ItemTexts",
    "ReportContext",
    "most_changed",
    "plot_svg",
    "render_html",
    "render_markdown",
    "write_report",
]

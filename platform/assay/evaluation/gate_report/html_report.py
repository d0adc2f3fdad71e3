"""The report as one HTML page that loads nothing, for a browser, a mail or a printer."""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate_report import wording
from assay.evaluation.gate_report.context import ReportContext
from assay.evaluation.gate_report.interval_plot import plot_svg

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"


def render_html(decision: GateDecision, context: ReportContext) -> str:
    """The whole page. Everything that comes from data is escaped."""
    from markupsafe import Markup

    return _template().render(
        decision=decision,
        context=context,
        wording=wording,
        layers=wording.layer_lines(context.layers),
        because=wording.deciding_finding(decision),
        slices=wording.slice_findings(decision),
        has_baseline=any(row.baseline is not None for row in decision.metrics),
        plot=Markup(plot_svg(decision, is_smoke=context.is_smoke)),  # noqa: S704  it escapes what it draws
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    return environment.get_template("gate_report.html")


def _prose(text: str) -> "Markup":
    """A sentence, its names in backticks as code."""
    from markupsafe import Markup, escape

    parts = re.split("`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )

"""The differences of candidate and baseline as a plot: each metric's interval, with its margin marked."""

from dataclasses import dataclass
from html import escape

from assay.evaluation.gate.decision import GateDecision
from assay.evaluation.gate.metric_rows import MetricRow
from assay.evaluation.gate_report.wording import SMOKE, change

# In pixels. A row's name stands on the left, its interval in the middle, its figures on the right.
_WIDTH, _LEFT, _RIGHT = 940, 270, 640
_TOP, _ROW, _BOTTOM = 42, 40, 14
# A name is cut to what fits beside the intervals.
_NAME_CHARACTERS = 33
# In margins: what is always in sight, and beyond which an interval ends in an arrow, so that one metric's loss does not
# press all others together.
_SIGHT, _FURTHEST = 1.5, 5.0

_STYLE = """
.gate-plot { --ink: #1f2328; --paper: #fff; --line: #d0d7de; --PASS: #1a7f37; --FAIL: #cf222e; --INCONCLUSIVE: #9a6700; --other: #59636e; font: 12px ui-monospace, monospace; }
@media (prefers-color-scheme: dark) { .gate-plot { --ink: #e6edf3; --paper: #0d1117; --line: #3d444d; --PASS: #3fb950; --FAIL: #f85149; --INCONCLUSIVE: #d29922; --other: #9198a1; } }
.gate-plot text { fill: var(--ink); } .gate-plot .soft { fill: var(--other); font-size: 11px; }
.gate-plot .paper { fill: var(--paper); } .gate-plot .grid { stroke: var(--line); } .gate-plot .zero { stroke: var(--other); }
.gate-plot .margin { stroke: var(--FAIL); stroke-dasharray: 4 3; }
"""


@dataclass(frozen=True)
class _Axis:
    """From margins to pixels; what lies beyond an end is drawn at it."""

    low: float
    high: float

    def at(self, margins: float) -> float:
        inside = min(max(margins, self.low), self.high)
        return _LEFT + (inside - self.low) / (self.high - self.low) * (_RIGHT - _LEFT)


def plot_svg(decision: GateDecision, *, is_smoke: bool = False) -> str:
    """An SVG that needs nothing else, readable on light and on dark pages.

    All metrics share one axis, in margins of each: left of the dashed line more is lost than is accepted. A metric passes
    when its whole interval lies to the right of it. Left out: metrics without a baseline, and those of zero tolerance,
    which have no margin.
    """
    rows = [row for row in decision.metrics if row.margin is not None and row.difference is not None]
    height = _TOP + max(1, len(rows)) * _ROW + _BOTTOM
    axis = _axis(rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="gate-plot" viewBox="0 0 {_WIDTH} {height}" role="img" '
        'aria-label="Differences of candidate and baseline with their bounds">',
        f"<style>{_STYLE}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
    ]
    if is_smoke:
        parts.append(f'<text x="12" y="20" font-weight="bold">{SMOKE}</text>')
    if rows:
        parts += [
            _vertical(axis.at(-1), height, "margin", "-margin"),
            _vertical(axis.at(0), height, "zero", "no change"),
            _vertical(axis.at(1), height, "grid", "+margin"),
            *(line for place, row in enumerate(rows) for line in _row(row, _TOP + place * _ROW, axis)),
        ]
    else:
        parts.append(f'<text x="12" y="{_TOP + 16}">There is no baseline, so there is no difference to draw.</text>')
    return "\n".join([*parts, "</svg>"])


def _axis(rows: list[MetricRow]) -> _Axis:
    """All intervals, as far as they lie in sight."""
    ends = [bound / row.margin for row in rows if row.margin for bound in (row.lower, row.upper) if bound is not None]
    return _Axis(max(min([-_SIGHT, *ends]), -_FURTHEST), min(max([_SIGHT, *ends]), _FURTHEST))


def _vertical(x: float, height: int, kind: str, label: str) -> str:
    return (
        f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 10}" y2="{height - _BOTTOM}"/>'
        f'<text class="soft" x="{x:.1f}" y="{_TOP - 16}" text-anchor="middle">{label}</text>'
    )


def _row(row: MetricRow, top: int, axis: _Axis) -> list[str]:
    if row.margin is None or row.difference is None or row.lower is None or row.upper is None:
        return []
    colour = f"var(--{row.verdict})" if row.verdict in ("PASS", "FAIL", "INCONCLUSIVE") else "var(--other)"
    y = top + 12
    low, middle, high = (value / row.margin for value in (row.lower, row.difference, row.upper))
    parts = [
        f"<g><title>{escape(row.metric)}: {escape(change(row))}, margin {row.margin:g}, {row.n} items, {row.verdict}</title>",
        f'<text x="12" y="{y}">{escape(_cut(row.metric))}</text>',
        f'<text class="soft" x="12" y="{y + 15}">margin {row.margin:g}, {row.n} items</text>',
        f'<line x1="{axis.at(low):.1f}" x2="{axis.at(high):.1f}" y1="{y}" y2="{y}" style="stroke:{colour}" stroke-width="3"/>',
        *(_end(axis, bound, y, colour) for bound in (low, high)),
    ]
    if axis.low <= middle <= axis.high:
        parts.append(f'<circle cx="{axis.at(middle):.1f}" cy="{y}" r="5" style="fill:{colour}"/>')
    parts += [
        f'<text x="{_RIGHT + 16}" y="{y}">{escape(change(row))}</text>',
        f'<text x="{_RIGHT + 16}" y="{y + 15}" style="fill:{colour}">{row.verdict}</text></g>',
    ]
    return parts


def _end(axis: _Axis, bound: float, y: int, colour: str) -> str:
    """A bar across where the interval ends; an arrow where it goes on beyond the axis."""
    x = axis.at(bound)
    if axis.low <= bound <= axis.high:
        return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 5}" y2="{y + 5}" style="stroke:{colour}" stroke-width="2"/>'
    out = -9 if bound < axis.low else 9
    return f'<path d="M{x:.1f},{y - 6} l{out},6 l{-out},6 z" style="fill:{colour}"/>'


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 1]}…"

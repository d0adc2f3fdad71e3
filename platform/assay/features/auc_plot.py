"""AUCs with their intervals as a picture: a dot and a whisker each, in an SVG that needs nothing else."""

from collections.abc import Mapping
from html import escape

from assay.features.roc_auc import Estimate

WIDTH, ROW, LEFT, TOP = 720, 36, 270, 34
LEAST = 0.5  # what a coin has
# A middle grey and blue, read on a light page as on a dark one.
INK, LINE, MARK = "#6b7785", "#9aa5b1", "#2f7fd1"


def auc_plot(rows: Mapping[str, Estimate]) -> str:
    """An SVG with a row per named estimate, on a scale from .5 (a coin) to 1."""
    height = TOP + ROW * len(rows) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}">'
    ]
    for tick in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        x = _x(tick)
        parts.append(
            f'<line x1="{x}" x2="{x}" y1="{TOP - 10}" y2="{height - 20}" stroke="{LINE}" stroke-width="0.5"/>'
            f'<text x="{x}" y="{height - 6}" text-anchor="middle">{tick:.1f}</text>'
        )
    for number, (name, one) in enumerate(rows.items()):
        y = TOP + ROW * number + ROW // 2 - 6
        parts.append(
            f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>'
            f'<line x1="{_x(one.lower)}" x2="{_x(one.upper)}" y1="{y}" y2="{y}" stroke="{MARK}" stroke-width="3"/>'
            f'<circle cx="{_x(one.value)}" cy="{y}" r="5" fill="{MARK}"/>'
            f'<text x="{_x(one.value)}" y="{y - 9}" text-anchor="middle">{one.value:.3f}</text>'
        )
    return "".join([*parts, "</svg>"])


def _x(auc: float) -> float:
    share = (min(max(auc, LEAST), 1.0) - LEAST) / (1 - LEAST)
    return round(LEFT + share * (WIDTH - LEFT - 30), 1)

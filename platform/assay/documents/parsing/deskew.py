"""How the text lines of a page image run: across or along it, and how far from straight."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

# At this size text lines are still apart and the whole search takes 40 ms of CPU.
SEEN_PIXELS = 800
MAX_SKEW_DEGREES = 20.0
# Straightening blurs letters a little; below this there is nothing to gain.
MIN_SKEW_DEGREES = 0.3
# A page grows by .7 at the greatest skew; a strip of 30,000 pixels could grow to hundreds of millions.
MOST_GROWTH = 2.0
_COARSE_STEP_DEGREES = 0.5
_FINE_STEP_DEGREES = 0.1
_PAPER_BLUR_PIXELS = 16
_INK_LEVELS = 16
# Scanners leave black borders.
_BORDER_PIXELS = 8


@dataclass(frozen=True, slots=True)
class LineDirection:
    """Turn the page clockwise by `rotation` (0 or 90) and then `skew_degrees`: its lines run straight across.

    They may be upside down then. Between -20 and 20, `skew_degrees` is 0 where straightening is not worth while.
    """

    rotation: int
    skew_degrees: float


def line_direction(gray: "Image") -> LineDirection:
    """The angle at which the ink falls into the sharpest lines (Postl 1986: squared steps of the projection profile).

    `gray` is mode L, dark on light. A page without ink is straight.
    """
    import numpy as np

    rows, columns, ink = _ink(gray)
    if not len(ink):
        return LineDirection(0, 0.0)
    coarse = np.arange(-MAX_SKEW_DEGREES, MAX_SKEW_DEGREES + 0.01, _COARSE_STEP_DEGREES)
    fine = np.arange(-_COARSE_STEP_DEGREES, _COARSE_STEP_DEGREES + 0.01, _FINE_STEP_DEGREES)
    found: list[tuple[float, int, float]] = []
    for rotation, (across, along) in ((0, (rows, columns)), (90, (columns, -rows))):
        _, near = _sharpest(across, along, ink, coarse)
        sharpness, angle = _sharpest(across, along, ink, near + fine)
        found.append((sharpness, rotation, angle))
    _, rotation, angle = max(found, key=lambda one: one[0])
    is_worth_it = abs(angle) >= MIN_SKEW_DEGREES and _growth(gray.size, angle) <= MOST_GROWTH
    return LineDirection(rotation, round(-angle, 1) if is_worth_it else 0.0)


def _growth(size: tuple[int, int], angle_degrees: float) -> float:
    """How many times its area an image takes when it is turned whole."""
    width, height = size
    radians = math.radians(abs(angle_degrees))
    return 1 + math.sin(radians) * math.cos(radians) * (width / height + height / width)


def _ink(gray: "Image") -> tuple[Any, Any, Any]:
    """Row, column and darkness of every pixel of the reduced page that is darker than the paper around it."""
    import numpy as np
    from PIL import Image, ImageFilter

    scale = SEEN_PIXELS / max(gray.size)
    if scale < 1:
        size = (max(1, round(gray.width * scale)), max(1, round(gray.height * scale)))
        gray = gray.resize(size, Image.Resampling.BOX)
    paper = gray.filter(ImageFilter.GaussianBlur(_PAPER_BLUR_PIXELS))
    darkness = np.asarray(paper, dtype=np.float32) - np.asarray(gray, dtype=np.float32)
    darkness = darkness[_BORDER_PIXELS:-_BORDER_PIXELS, _BORDER_PIXELS:-_BORDER_PIXELS]
    rows, columns = np.nonzero(darkness > _INK_LEVELS)
    return rows.astype(np.float32), columns.astype(np.float32), darkness[rows, columns]


def _sharpest(across: Any, along: Any, ink: Any, angles: Any) -> tuple[float, float]:
    """The greatest sharpness and its angle; of equal ones the angle nearest to straight."""
    import numpy as np

    best = (-1.0, 0.0)
    for angle in sorted(angles.tolist(), key=abs):
        radians = np.deg2rad(angle)
        places = across * np.float32(np.cos(radians)) - along * np.float32(np.sin(radians))
        profile = np.bincount(np.rint(places - places.min()).astype(np.int32), weights=ink)
        sharpness = float(np.square(np.diff(profile)).sum())
        if sharpness > best[0]:
            best = (sharpness, angle)
    return best

"""What scanners, copiers and cameras do to a page, in strengths from harmless to hopeless."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter
from PIL.Image import Resampling

from assay.documents.parsing.page_image import OCR_DPI

Page = Image.Image
# What a degradation does: the page and a strength from 0 to 1, with a generator for what is random in it.
Degradation = Callable[[Page, float, np.random.Generator], Page]


def blurred(page: Page, strength: float, _: np.random.Generator) -> Page:
    """Out of focus: a Gaussian of 1.5 to 6 pixels."""
    return page.filter(ImageFilter.GaussianBlur(1.5 + 4.5 * strength))


def faded(page: Page, strength: float, random: np.random.Generator) -> Page:
    """Contrast of .35 down to .03 around a gray, with a sensor's noise of 2 to 14 levels."""
    contrast = 0.35 - 0.32 * strength
    levels = np.asarray(page, np.float32) * contrast + (1 - contrast) * random.uniform(90, 200)
    return _with_noise(levels, 2 + 12 * random.random(), random)


def noisy(page: Page, strength: float, random: np.random.Generator) -> Page:
    """Gaussian noise of 30 to 150 levels."""
    return _with_noise(np.asarray(page, np.float32), 30 + 120 * strength, random)


def specked(page: Page, strength: float, random: np.random.Generator) -> Page:
    """3 to 40% of the pixels black or white."""
    levels = np.asarray(page).copy()
    share = 0.03 + 0.37 * strength
    drawn = random.random(levels.shape, np.float32)
    levels[drawn < share / 2] = 0
    levels[drawn > 1 - share / 2] = 255
    return Image.fromarray(levels)


def coarse(page: Page, strength: float, _: np.random.Generator) -> Page:
    """Scanned at 120 down to 45 dpi and shown at 300, as a PDF viewer does."""
    scale = (120 - 75 * strength) / OCR_DPI
    small = page.resize((round(page.width * scale), round(page.height * scale)), Resampling.BOX)
    return small.resize(page.size, Resampling.BICUBIC)


def shaded(page: Page, strength: float, random: np.random.Generator) -> Page:
    """Light falls off across the page to .4 down to .02 of it; noise of 6 levels."""
    light = np.linspace(0.4 - 0.38 * strength, 1, page.width, dtype=np.float32)
    return _with_noise(np.asarray(page, np.float32) * light, 6, random)


def copied(page: Page, strength: float, random: np.random.Generator) -> Page:
    """A copy of a copy: blurred, cut to black and white too dark or too light."""
    soft = np.asarray(page.filter(ImageFilter.GaussianBlur(1 + 2.5 * strength)))
    off = 20 + 90 * strength
    threshold = 128 + (off if random.random() < 0.5 else -off)
    return Image.fromarray(((soft > threshold) * 255).astype(np.uint8))


def compressed(page: Page, strength: float, _: np.random.Generator) -> Page:
    """JPEG of 150 dpi at quality 15 down to 1."""
    stored = BytesIO()
    page.resize((page.width // 2, page.height // 2), Resampling.BOX).save(
        stored, "JPEG", quality=round(15 - 14 * strength)
    )
    return Image.open(stored).resize(page.size, Resampling.BICUBIC)


DEGRADATIONS: tuple[Degradation, ...] = (blurred, faded, noisy, specked, coarse, shaded, copied, compressed)


def _with_noise(levels: np.ndarray, deviation: float, random: np.random.Generator) -> Page:
    noise = random.standard_normal(levels.shape, np.float32) * deviation
    return Image.fromarray((levels + noise).clip(0, 255).astype(np.uint8))

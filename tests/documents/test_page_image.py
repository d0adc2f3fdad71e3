"""Page images before they are read: one channel, white paper, a readable size, straight lines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont
from scale import AT_CI

from assay.documents.parsing.deskew import line_direction
from assay.documents.parsing.page_image import (
    ENLARGED_BELOW_PIXELS,
    MAX_PIXELS,
    as_page,
    cleaned,
    ink_share,
    turned,
)

SEARCHED = 100 if AT_CI else 12
_FONT = ImageFont.load_default(18)


def lines_of_words(seed: int) -> Image.Image:
    """Twelve lines of words of random letters, ragged on the right."""
    random = np.random.default_rng(seed)
    page = Image.new("L", (900, 700), "white")
    for top in range(80, 620, 45):
        letters = random.choice(list("abcdefghiklmnoprstu    "), size=int(random.integers(45, 75)))
        ImageDraw.Draw(page).text((80, top), "".join(letters), fill="black", font=_FONT)
    return page


@settings(max_examples=SEARCHED, deadline=None)
@given(skew=st.integers(-180, 180), lies=st.sampled_from([0, 90]), seed=st.integers(0, 9))
def test_skew_and_direction_of_lines_are_found(skew: int, lies: int, seed: int) -> None:
    upright = lines_of_words(seed)
    # What lies turned by 270 is turned back by 90; the skew was added before, so it is the last to go.
    scanned = turned(turned(upright, 0, skew / 10), (360 - lies) % 360)
    found = line_direction(scanned)
    assert found.rotation == lies
    assert found.skew_degrees == pytest.approx(-skew / 10, abs=0.35)


@settings(max_examples=SEARCHED // 2, deadline=None)
@given(skew=st.integers(-100, 100), seed=st.integers(0, 9))
def test_what_was_straightened_is_straight(skew: int, seed: int) -> None:
    scanned = turned(lines_of_words(seed), 0, skew / 10)
    found = line_direction(scanned)
    assert line_direction(turned(scanned, found.rotation, found.skew_degrees)).skew_degrees == 0.0


@pytest.mark.parametrize("size", [(1, 1), (3, 2000), (17, 9), (900, 700)])
def test_a_page_without_ink_is_straight(size: tuple[int, int]) -> None:
    found = line_direction(Image.new("L", size, "white"))
    assert (found.rotation, found.skew_degrees) == (0, 0.0)


def test_a_long_strip_is_not_straightened_into_a_huge_image() -> None:
    strip = turned(lines_of_words(5), 0, 15).crop((0, 0, 900, 90)).resize((18_000, 1_000))
    assert line_direction(strip).skew_degrees == 0.0


def test_four_quarter_turns_give_the_page_back() -> None:
    page = lines_of_words(1)
    assert turned(page, 90).size == (page.height, page.width)
    assert turned(turned(page, 90), 270) == page
    assert turned(turned(page, 180), 180) == page


def test_turning_is_clockwise() -> None:
    page = Image.new("L", (4, 2), "white")
    page.putpixel((0, 0), 0)
    assert turned(page, 90).getpixel((1, 0)) == 0


def test_transparent_parts_are_white() -> None:
    image = Image.new("RGBA", (3000, 100), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 1000, 100))
    page = as_page(image)
    assert page.mode == "L"
    assert (page.getpixel((10, 10)), page.getpixel((2000, 10))) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "P", "L", "LA", "RGB", "CMYK", "YCbCr", "I", "F", "I;16"])
def test_every_mode_becomes_gray_with_its_darkness(mode: str) -> None:
    gray = lines_of_words(2)
    image = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257) if mode == "I;16" else gray.convert(mode)
    page = as_page(image).resize(gray.size)
    assert page.mode == "L"
    assert np.abs(np.asarray(page, np.int16) - np.asarray(as_page(gray).resize(gray.size), np.int16)).mean() < 3


def test_large_images_shrink_and_small_ones_grow() -> None:
    large = as_page(Image.new("1", (9000, 9000), 1))
    assert large.width * large.height <= MAX_PIXELS
    assert large.width == large.height
    assert as_page(Image.new("L", (60_000, 40))).size == (30_000, 20)
    assert as_page(Image.new("L", (1100, 850))).size == (3300, 2550)
    assert as_page(Image.new("L", (400, 50))).size == (1200, 150)
    assert as_page(Image.new("L", (1, 1))).size == (3, 3)
    assert as_page(Image.new("L", (ENLARGED_BELOW_PIXELS, 10))).size == (ENLARGED_BELOW_PIXELS, 10)


def test_cleaning_takes_specks_and_shade_and_leaves_letters() -> None:
    page = as_page(lines_of_words(3))
    spoiled = np.asarray(page) * np.linspace(0.3, 1, page.width, dtype=np.float32)
    specks = np.random.default_rng(3).random(spoiled.shape)
    spoiled[specks < 0.02] = 0
    restored = cleaned(Image.fromarray(spoiled.astype(np.uint8)))
    ink, wanted = np.asarray(restored) < 128, np.asarray(page) < 128
    assert (ink != wanted).mean() < 0.01
    assert (np.asarray(restored)[~wanted] > 200).mean() > 0.95


def test_faint_ink_becomes_black_and_the_grain_of_paper_does_not() -> None:
    page = as_page(lines_of_words(4))
    grain = np.random.default_rng(4).normal(0, 3, (page.height, page.width))
    faint = cleaned(Image.fromarray((200 + np.asarray(page) * 0.1 + grain).clip(0, 255).astype(np.uint8)))
    assert np.abs(np.asarray(faint, np.int16) - np.asarray(cleaned(page), np.int16)).mean() < 8
    empty = cleaned(Image.fromarray((225 + grain).clip(0, 255).astype(np.uint8)))
    assert np.asarray(empty).min() > 220


def test_ink_is_what_is_darker_than_the_paper_away_from_the_border() -> None:
    page = Image.new("L", (3000, 3000), "white")
    page.paste(0, (0, 0, 3000, 50))
    assert ink_share(page) == 0.0
    page.paste(0, (1000, 1000, 1300, 1300))
    assert ink_share(page) == pytest.approx(90_000 / 2800**2, rel=0.01)

"""Pages that are images: read whichever way they lie, refused when what was read cannot be relied on."""

import io
import os
import time
from pathlib import Path

import numpy as np
import pytest
from installed_ocr import identity_or_skip
from PIL import Image, ImageDraw, ImageFont

from assay.documents.parsing import ParseOptions, ParserPool, parse_document
from assay.documents.parsing import ocr as ocr_module
from assay.documents.parsing.ocr import ocr_identity, recognize
from assay.documents.parsing.ocr_tesseract import COMMAND, Tesseract
from assay.documents.parsing.page_image import turned
from assay.errors import DocumentRejected

OPTIONS = ParseOptions()
LINES = (
    "The assay office stamps gold only after testing it.",
    "Nothing is served before a gate has passed on it, and what",
    "failed stays where it was. Every page of a scanned document",
    "is turned upright and straightened before it is read.",
    "Invoice 4711 of March 2026 comes to 1,250.00 dollars.",
)
WORDS = " ".join(LINES).split()


@pytest.fixture(scope="module")
def engine() -> str:
    return identity_or_skip()


def page_of(*lines: str, size: tuple[int, int] = (2400, 640)) -> Image.Image:
    """Black on white as at 300 dpi, the letters of 12 point."""
    page = Image.new("L", size, "white")
    font = ImageFont.load_default(50)
    for number, line in enumerate(lines):
        ImageDraw.Draw(page).text((200, 150 + 80 * number), line, fill="black", font=font)
    return page


def found_share(text: str) -> float:
    """The share of WORDS that a text holds."""
    found = text.split()
    return sum(word in found for word in WORDS) / len(WORDS)


@pytest.mark.parametrize("lies", [0, 90, 180, 270])
def test_a_page_is_read_in_whatever_direction_it_lies(engine: str, lies: int) -> None:
    recognized = recognize(turned(page_of(*LINES), lies), OPTIONS)
    assert found_share(recognized.text) >= 0.95
    assert recognized.rotation == (360 - lies) % 360
    assert recognized.skew_degrees == 0.0
    assert recognized.confidence > 0.85


def test_a_skewed_page_is_straightened_and_every_word_stands_at_its_offsets(engine: str) -> None:
    recognized = recognize(turned(page_of(*LINES), 0, 5.0), OPTIONS)
    assert recognized.skew_degrees == pytest.approx(-5.0, abs=0.25)
    assert found_share(recognized.text) >= 0.95
    assert recognized.text.split("\n")[0].startswith("The assay office stamps gold")
    assert [recognized.text[word.start : word.end] for word in recognized.words] == recognized.text.split()
    assert all(0.0 <= word.confidence <= 1.0 for word in recognized.words)


def test_noise_and_shade_are_taken_off_before_reading(engine: str) -> None:
    spoiled = np.asarray(page_of(*LINES)) * np.linspace(0.2, 1, 2400, dtype=np.float32)
    specks = np.random.default_rng(4).random(spoiled.shape)
    spoiled[specks < 0.03] = 0
    recognized = recognize(Image.fromarray(spoiled.astype(np.uint8)), OPTIONS)
    assert found_share(recognized.text) >= 0.95


def test_a_small_image_is_enlarged(engine: str) -> None:
    page = page_of(*LINES)
    recognized = recognize(page.resize((page.width // 4, page.height // 4), Image.Resampling.BOX), OPTIONS)
    assert found_share(recognized.text) >= 0.9


def test_a_page_number_alone_is_a_text(engine: str) -> None:
    page = page_of(size=(2480, 1754))
    ImageDraw.Draw(page).text((1200, 1500), "1234", fill="black", font=ImageFont.load_default(50))
    assert recognize(page, OPTIONS).text == "1234"


def test_a_blank_page_has_an_empty_text() -> None:
    paper = np.random.default_rng(1).normal(235, 3, (640, 2400)).clip(0, 255).astype(np.uint8)
    for blank in (page_of(), Image.fromarray(paper)):
        recognized = recognize(blank, OPTIONS)
        assert (recognized.text, recognized.words) == ("", ())


def test_what_cannot_be_read_is_refused_with_its_score(engine: str) -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 255, (240, 2400), dtype=np.uint8))
    with pytest.raises(DocumentRejected, match="scores 0") as refused:
        recognize(noise, OPTIONS)
    assert refused.value.reason == "ocr_unreadable"


def test_text_that_is_mostly_misread_is_refused(engine: str) -> None:
    from PIL import ImageFilter

    with pytest.raises(DocumentRejected) as refused:
        recognize(page_of(*LINES).filter(ImageFilter.GaussianBlur(9)), OPTIONS)
    assert refused.value.reason == "ocr_unreadable"


def test_an_image_is_read_in_a_worker_under_its_memory_limit(engine: str) -> None:
    stored = io.BytesIO()
    page_of(*LINES).save(stored, "PNG")
    parsed = parse_document(stored.getvalue(), name="page.png")
    assert found_share(parsed.text) >= 0.95
    assert parsed.parser.endswith(f"+{engine}")
    assert [parsed.text[word.start : word.end] for word in parsed.words] == parsed.text.split()


def test_without_the_engine_the_refusal_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DocumentRejected, match="apt-get install tesseract-ocr") as refused:
        recognize(page_of(*LINES), OPTIONS)
    assert refused.value.reason == "ocr_unavailable"
    assert ocr_identity(OPTIONS) == "none"


def test_a_language_that_is_not_installed_is_named(engine: str) -> None:
    assert ocr_identity(OPTIONS).endswith(":eng")
    with pytest.raises(DocumentRejected, match="no language 'tlh'") as refused:
        recognize(page_of(*LINES), ParseOptions(ocr_languages="eng+tlh"))
    assert refused.value.reason == "ocr_unavailable"
    assert ocr_identity(ParseOptions(ocr_languages="eng+tlh")) == "none", (
        "a page would not be read once it is installed"
    )


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, reading: str) -> None:
    """A `tesseract` that says what it is, and does `reading` when it is given an image."""
    script = folder / COMMAND
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        '--version) echo "tesseract 9.9.9" ;;\n'
        '--list-langs) echo "List:"; echo eng ;;\n'
        f"*) {reading} ;;\n"
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_an_engine_that_hangs_is_ended_at_its_deadline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    monkeypatch.setattr(ocr_module, "READING_TIMEOUT_SECONDS", 1.0)
    with pytest.raises(DocumentRejected, match="not done after 1 s") as refused:
        recognize(page_of(*LINES), OPTIONS)
    assert refused.value.reason == "timeout"
    assert not runs(int((tmp_path / "pid").read_text()))


def test_an_engine_that_fails_is_no_empty_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(tmp_path, monkeypatch, 'echo "no memory" >&2; kill -9 $$')
    with pytest.raises(DocumentRejected, match="no memory") as refused:
        recognize(page_of(*LINES), OPTIONS)
    assert refused.value.reason == "crashed"
    assert Tesseract().identity("eng") == "tesseract-9.9.9:eng"


def test_the_engine_ends_with_its_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(tmp_path, monkeypatch, f"cat > /dev/null; echo $$ > {tmp_path}/pid; exec sleep 60")
    stored = io.BytesIO()
    page_of(*LINES).save(stored, "PNG")
    with ParserPool(workers=1, timeout_seconds=3) as pool:
        ((_, answer),) = pool.parse_many([("page", stored.getvalue(), "page.png")])
    assert isinstance(answer, DocumentRejected)
    assert answer.reason == "timeout"
    deadline = time.monotonic() + 5
    while runs(int((tmp_path / "pid").read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(int((tmp_path / "pid").read_text()))


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False

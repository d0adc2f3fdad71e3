"""Pictures of text: decoded within bounds, held as the camera says, read page by page."""

import io
import os
import struct
import zlib
from pathlib import Path

import pytest
from installed_ocr import identity_or_skip
from PIL import Image, ImageDraw, ImageFont
from scale import AT_CI

from assay.documents.parsing import ParserPool, images, parse_here
from assay.errors import DocumentRejected

SHARED = Path(os.environ.get("ASSAY_SHARED_DATA") or "absent") / "dev" / "pdfs"
WORDS = ["Received", "with", "thanks", "on", "Friday"]


def written(words: str) -> Image.Image:
    image = Image.new("L", (1000, 260), "white")
    ImageDraw.Draw(image).text((50, 90), words, fill="black", font=ImageFont.load_default(48))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_size(width: int, height: int) -> bytes:
    """A head that promises so many pixels, and no pixel."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    packed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_every_kind_of_picture_is_known_by_its_content_and_decoded(
    kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(encoded(written("words"), kind), "picture.txt")
    assert refusal.value.reason == "ocr_unavailable"


def test_the_words_of_all_pages_keep_their_place() -> None:
    engine = identity_or_skip()
    first, second = written(" ".join(WORDS)), Image.new("L", (1000, 260), "white")
    data = encoded(first, "TIFF", save_all=True, append_images=[second, first], compression="tiff_lzw")
    parsed = parse_here(data, "letter.tif")
    assert [parsed.text[page.start : page.end].split() for page in parsed.pages] == [WORDS, [], WORDS]
    assert [parsed.text[word.start : word.end] for word in parsed.words] == WORDS * 2
    assert [word.page for word in parsed.words] == [1] * 5 + [3] * 5
    assert all(word.confidence > 0.6 for word in parsed.words)
    assert (parsed.title, parsed.parser) == ("letter", f"image@1+{engine}")


def test_a_photo_is_held_as_its_camera_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Image.Image] = []
    monkeypatch.setattr(
        "assay.documents.parsing.picture_text.recognize", lambda image, options: seen.append(image) or 1 / 0
    )
    upright = written("Up")
    exif = Image.Exif()
    exif[0x0112] = 8  # turned by 90 degrees
    with pytest.raises(ZeroDivisionError):
        parse_here(encoded(upright.transpose(Image.Transpose.ROTATE_270), "JPEG", exif=exif, quality=95), "photo.jpg")
    assert seen[0].size == upright.size
    difference = sum(abs(a - b) > 64 for a, b in zip(seen[0].convert("L").tobytes(), upright.tobytes(), strict=True))
    assert difference < 100


@pytest.mark.parametrize("size", [(35_000, 35_000), (14_000, 12_000), (4_000_000_000, 4_000_000_000)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(png_of_size(*size), "bomb.png")
    assert refusal.value.reason in ("too_large", "corrupt")
    assert size[0] >= 2**31 or refusal.value.reason == "too_large"


@pytest.mark.parametrize(
    "data",
    [
        encoded(written("x"), "PNG")[:400],
        encoded(written("x"), "TIFF")[:300],
        encoded(written("x"), "WEBP")[:60],
        b"\xff\xd8\xff\xe0" + bytes(200),
        png_of_size(100, 100),
    ],
)
def test_a_damaged_picture_is_corrupt(data: bytes) -> None:
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(data, "a.png")
    assert refusal.value.reason == "corrupt"


def test_one_damaged_page_does_not_cost_the_others() -> None:
    identity_or_skip()
    good = written(" ".join(WORDS))
    data = encoded(good, "TIFF", save_all=True, append_images=[good], compression="tiff_deflate")
    with Image.open(io.BytesIO(data)) as image:
        image.seek(1)
        strip = image.tag_v2[273][0]
    broken = data[:strip] + bytes(40) + data[strip + 40 :]
    parsed = parse_here(broken, "a.tif")
    assert parsed.text.split() == WORDS
    assert [(page.page, page.reason) for page in parsed.refused_pages] == [(2, "corrupt")]


def test_too_many_pages_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PAGES", 1)
    with pytest.raises(DocumentRejected, match="2 pages"):
        parse_here(encoded(written("x"), "TIFF", save_all=True, append_images=[written("y")]), "a.tif")


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data: set ASSAY_SHARED_DATA")
def test_real_pictures_are_read_in_a_worker() -> None:
    identity_or_skip()
    names = ["ocrmypdf/typewriter.png"]
    if AT_CI:
        names += ["docling/tiff/2206.01062.tif", "ocrmypdf/baiona.png", "docling/ocr/qr_bill_example.jpg"]
    with ParserPool(workers=1) as pool:
        answers = dict(pool.parse_many((name, SHARED / name, name) for name in names))
    for name, answer in answers.items():
        assert not isinstance(answer, DocumentRejected), (name, answer)
        assert len(answer.text.split()) > 20, name

"""Text of PDFs: reading order, paragraphs, headings, forms, passwords, and pages that are pictures."""

import importlib.util
import os
import unicodedata
from pathlib import Path

import pytest
from installed_ocr import identity_or_skip
from pdf_files import PdfPageSource, paragraph, pdf, picture_over, text
from PIL import Image, ImageDraw, ImageFont
from scale import AT_CI

from assay.documents.parsing import ParsedDocument, ParseOptions, ParserPool, parse_here, pdf_scans, picture_text
from assay.documents.parsing.page_image import MAX_PIXELS
from assay.errors import DocumentRejected

SHARED = Path(os.environ.get("ASSAY_SHARED_DATA") or "absent") / "dev"
# One of every kind that costs no OCR: text, tables, encrypted in two revisions, empty, malformed, forms, no text.
QUICK = (
    "crazyones", "r2-user-password", "r6-both-passwords", "r5-owner-password", "empty", "invalid", "no_contents",
    "libreoffice-form", "nics-background", "federal-register", "right_to_left_01", "invisible_text_layer", "test Orient",
)  # fmt: skip
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "parsing_files" / "index.py"
_spec = importlib.util.spec_from_file_location("parsing_index", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
index = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(index)


def parsed_text(*pages: PdfPageSource | str) -> str:
    return parse_here(pdf(*pages), "a.pdf").text


def page_of_words(words: str, size: tuple[int, int] = (1275, 500)) -> Image.Image:
    image = Image.new("L", size, "white")
    ImageDraw.Draw(image).multiline_text((60, 60), words, fill="black", font=ImageFont.load_default(44), spacing=20)
    return image


def without_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def test_lines_of_a_paragraph_are_joined_and_paragraphs_kept_apart() -> None:
    lines = [
        "The quick brown fox jumps over the lazy dog and runs",
        "into the forest, where nobody has seen it since then.",
    ]
    content = paragraph(lines, 72, 700) + paragraph(lines, 72, 650)
    assert parsed_text(content) == "\n\n".join([" ".join(lines)] * 2)


def test_short_lines_keep_their_line_ends() -> None:
    long_line = "A line that is as long as the column and shows how wide the column of this page is set."
    address = ["Ada Lovelace", "12 St James Square", "London"]
    assert parsed_text(paragraph([long_line], 72, 700) + paragraph(address, 72, 600)) == (
        long_line + "\n\n" + "\n".join(address)
    )


def test_words_divided_at_a_line_end_are_whole_again() -> None:
    joined = parsed_text(paragraph(["The results of the experi-", "ment were good."], 72, 700))
    assert joined == "The results of the experiment were good."


def test_columns_are_read_one_after_the_other() -> None:
    left = ["The left column of the page", "is read first, from its top", "to its end, which is here."]
    right = ["The right column of the page", "comes after it, from its own", "top to where it ends."]
    assert parsed_text(paragraph(left, 72, 700) + paragraph(right, 330, 700)) == (
        f"{' '.join(left)}\n\n{' '.join(right)}"
    )


def test_bullets_and_numbers_are_items_of_a_list() -> None:
    content = paragraph(["Bring these things:"], 72, 700) + paragraph(
        ["• a lamp with oil that lasts for", "the whole night", "• a rope"], 72, 670
    )
    assert parsed_text(content) == "Bring these things:\n\n- a lamp with oil that lasts for the whole night\n- a rope"


def test_large_and_bold_lines_are_headings_and_give_the_title() -> None:
    body = "This is the body of the document, and it is long enough to be most of what stands in it. "
    content = text("Annual Report", 72, 740, size=20)
    for number, name in enumerate(["Assets", "Debts"]):
        content += text(name, 72, 700 - 100 * number, font="F2")
        content += paragraph([body, body, body, body], 72, 670 - 100 * number)
    parsed = parse_here(pdf(content), "r.pdf")
    assert [line for line in parsed.text.splitlines() if line.startswith("#")] == [
        "# Annual Report", "## Assets", "## Debts",
    ]  # fmt: skip
    assert parsed.title == "Annual Report"


@pytest.mark.parametrize(
    ("declared", "title"),
    [
        ("A study of owls", "A study of owls"),
        ("Microsoft Word - draft7.doc", "Of owls"),
        ("untitled", "Of owls"),
        ("10811.exe", "Of owls"),
    ],
)
def test_a_title_that_a_program_left_is_none(declared: str, title: str) -> None:
    content = text("Of owls", 72, 740) + paragraph(["Owls see well at night.", "They hunt mice."], 72, 700)
    assert parse_here(pdf(content, title=declared), "file.pdf").title == title


@pytest.mark.parametrize(
    ("rotate", "turn", "x", "y", "step_x", "step_y"),
    [(0, "0 1 -1 0", 300, 100, 14, 0), (90, "0 1 -1 0", 300, 100, 14, 0), (270, "0 -1 1 0", 300, 500, -14, 0),
     (180, "-1 0 0 -1", 500, 300, 0, 14), (0, "-1 0 0 -1", 500, 300, 0, 14)],
)  # fmt: skip
def test_turned_pages_and_turned_text_read_like_others(
    rotate: int, turn: str, x: float, y: float, step_x: float, step_y: float
) -> None:
    lines = ["Every line of this page is", "turned on the paper, and so is", "perhaps the paper itself."]
    content = "".join(
        text(line, x + step_x * number, y + step_y * number, turn=turn) for number, line in enumerate(lines)
    )
    assert parsed_text(PdfPageSource(content, rotate=rotate)) == " ".join(lines)


def test_every_character_keeps_its_page() -> None:
    parsed = parse_here(pdf(text("First", 72, 700), "", text("Third", 72, 700)), "a.pdf")
    assert [parsed.text[page.start : page.end].strip() for page in parsed.pages] == ["First", "", "Third"]


def test_what_was_filled_into_a_form_is_in_the_text() -> None:
    page = PdfPageSource(
        text("Application", 72, 700),
        fields=[
            "/FT /Tx /T (name) /V (Alice)",
            "/FT /Tx /T (f2) /TU (Home town) /V (Oslo)",
            "/FT /Btn /T (agreed) /V /Yes /AS /Yes /AP << /N << /Yes null /Off null >> >>",
            "/FT /Btn /T (declined) /V /Off /AS /Off /AP << /N << /Yes null /Off null >> >>",
            "/FT /Tx /T (empty)",
        ],
    )
    assert parsed_text(page) == "Application\n\nname: Alice\nHome town: Oslo\nagreed: Yes"


def test_passwords_of_the_settings_are_tried_in_turn() -> None:
    locked = pdf(text("Behind the lock", 72, 700), password="open sesame")
    for options in (ParseOptions(), ParseOptions(("wrong",))):
        with pytest.raises(DocumentRejected) as refusal:
            parse_here(locked, "a.pdf", options=options)
        assert refusal.value.reason == "encrypted"
        assert "wrong" not in refusal.value.detail
    assert parse_here(locked, "a.pdf", options=ParseOptions(("wrong", "open sesame"))).text == "Behind the lock"


def test_a_file_that_opens_for_everybody_needs_no_password() -> None:
    assert parse_here(pdf(text("For all", 72, 700), password=""), "a.pdf").text == "For all"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"%PDF-1.7\nnothing of a PDF follows", "corrupt"),
        (pdf(text("cut", 72, 700))[:300], "corrupt"),
        (pdf(""), "no_text"),
        (pdf(*[""] * 3), "no_text"),
    ],
)
def test_files_without_text_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(data, "a.pdf")
    assert refusal.value.reason == reason


def test_a_page_tree_that_claims_too_many_pages_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.documents.parsing.pdf.MAX_PAGES", 2)
    with pytest.raises(DocumentRejected, match="3 pages"):
        parse_here(pdf(*["x"] * 3), "a.pdf")


def test_without_an_engine_pictures_are_refused_and_text_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_engine(monkeypatch, tmp_path)
    scan = PdfPageSource(picture_over((612, 240)), size=(612, 240), picture=page_of_words("Some words"))
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(pdf(scan), "a.pdf")
    assert refusal.value.reason == "ocr_unavailable"
    mixed = parse_here(pdf(text("Typed words", 72, 700), scan), "a.pdf")
    assert mixed.text.strip() == "Typed words"
    assert [(page.page, page.reason) for page in mixed.refused_pages] == [(2, "ocr_unavailable")]
    assert mixed.parser == "pdf@1+none", "so that it is parsed again where an engine is found"


def test_a_scanned_page_is_read_and_its_words_keep_their_place() -> None:
    engine = identity_or_skip()
    scan = PdfPageSource(
        picture_over((612, 240)), size=(612, 240), picture=page_of_words("Signed in Bergen\non the third of May")
    )
    parsed = parse_here(pdf(text("A typed page of the contract, long before.", 72, 700), scan), "a.pdf")
    assert parsed.text.split("\n\n", 1)[1].split() == ["Signed", "in", "Bergen", "on", "the", "third", "of", "May"]
    assert [parsed.text[word.start : word.end] for word in parsed.words] == parsed.text.split("\n\n", 1)[1].split()
    assert {word.page for word in parsed.words} == {2}
    assert parsed.parser == f"pdf@1+{engine}"


def test_a_layer_of_invisible_text_counts_as_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_engine(monkeypatch, tmp_path)
    layer = "3 Tr " + paragraph(
        ["What an engine has read of this page", "stands invisibly on top of its picture."], 40, 200
    )
    scan = PdfPageSource(picture_over((612, 240)) + layer, size=(612, 240), picture=page_of_words("Some words"))
    parsed = parse_here(pdf(scan), "a.pdf")
    assert parsed.text.startswith("What an engine has read")
    assert parsed.parser == "pdf@1"


@pytest.mark.parametrize("drawn_by", ["Im", "Form"])
def test_a_stamp_on_a_scan_is_not_the_text_of_the_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drawn_by: str
) -> None:
    without_engine(monkeypatch, tmp_path)
    seen: list[Image.Image] = []
    monkeypatch.setattr(picture_text, "recognize", lambda image, options: seen.append(image) or 1 / 0)
    scan = PdfPageSource(
        picture_over((612, 240), drawn_by) + text("Page 7", 500, 10), size=(612, 240), picture=page_of_words("words")
    )
    with pytest.raises(ZeroDivisionError):
        parse_here(pdf(scan), "a.pdf")
    monkeypatch.undo()
    without_engine(monkeypatch, tmp_path)
    assert parse_here(pdf(scan), "a.pdf").text == "Page 7", (
        "where the picture cannot be read, the stamp is what there is"
    )
    assert len(seen) == 1


def test_codes_of_a_font_without_letters_are_looked_at_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_engine(monkeypatch, tmp_path)
    with pytest.raises(DocumentRejected) as refusal:
        parse_here(pdf(text("\x01\x02" * 40, 72, 700, font="F3")), "a.pdf")
    assert refusal.value.reason == "ocr_unavailable"


@pytest.mark.parametrize("size", [(612, 792), (14_400, 14_400), (200_000, 300_000), (3, 14_000)])
def test_a_page_of_any_size_becomes_a_picture_of_bounded_size(size: tuple[float, float]) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf(PdfPageSource(text("x", 1, 1), size=size)))
    picture = pdf_scans.page_picture(document[0])
    assert 0 < picture.width * picture.height <= MAX_PIXELS * 1.01
    assert picture.mode == "L"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no real data: set ASSAY_SHARED_DATA")
def test_every_real_pdf_is_parsed_or_refused_as_its_row_lets_one_expect() -> None:
    rows = [row for row in index.rows(SHARED) if AT_CI or any(one in row["file"] for one in QUICK)]
    assert rows
    outcomes: dict[str, str] = {}
    with ParserPool(workers=2) as pool:
        for name, answer in pool.parse_many((row["file"], SHARED / row["file"], row["file"]) for row in rows):
            outcomes[name] = "text" if isinstance(answer, ParsedDocument) else answer.reason
            if isinstance(answer, ParsedDocument):
                assert_sound(answer)
    surprises = {row["file"]: outcomes[row["file"]] for row in rows if outcomes[row["file"]] not in index.expected(row)}
    assert surprises == {}


def assert_sound(parsed: ParsedDocument) -> None:
    assert unicodedata.is_normalized("NFC", parsed.text)
    assert "\x00" not in parsed.text
    assert "\ufffe" not in parsed.text
    assert [page.start for page in parsed.pages][1:] == [page.end for page in parsed.pages][:-1]
    for table in parsed.tables:
        assert parsed.text[table.start : table.end].startswith("| ")
        assert parsed.pages[table.page - 1].start <= table.start < table.end <= parsed.pages[table.page - 1].end
    for word in parsed.words:
        assert parsed.text[word.start : word.end].strip()

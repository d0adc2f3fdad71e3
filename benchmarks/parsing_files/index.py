"""What is known of the real files: the index's rows, what may become of each, and how many ruled tables each holds."""

import csv
from pathlib import Path

TEXT = "text"
# Photos and gradients without a word.
WORDLESS = ("imagemagick-",)

# Tables with ruling lines, per file: what the finder gave, looked at on the rendered pages of two of the files.
RULED_TABLES = {
    "docling/pdf/2305.03393v1-pg9.pdf": 1,
    "docling/pdf/redp5110_sampled.pdf": 3,
    "ocrmypdf/tagged.pdf": 1,
    "pdfplumber/WARN-Report-for-7-1-2015-to-03-25-2016.pdf": 17,
    "pdfplumber/federal-register-2020-17221.pdf": 2,
    "pdfplumber/issue-192-example.pdf": 1,
    "pdfplumber/issue-336-example.pdf": 3,
    "pdfplumber/issue-463-example.pdf": 3,
    "pdfplumber/issue-71-duplicate-chars-2.pdf": 6,
    "pdfplumber/nics-background-checks-2015-11.pdf": 1,
    "pdfplumber/pr-138-example.pdf": 8,
}
# No ruled table, though some of the text stands in frames, columns, forms, charts, drawings or borderless tables.
WITHOUT_TABLES = (
    "docling/pdf/multi_page.pdf",
    "docling/pdf/code_and_formula.pdf",
    "docling/pdf/picture_classification.pdf",
    "docling/pdf/amt_handbook_sample.pdf",
    "docling/pdf/right_to_left_01.pdf",
    "docling/pdf/right_to_left_02.pdf",
    "docling/pdf/skipped_2pages.pdf",
    "pdfplumber/150109DSP-Milw-505-90D.pdf",
    "pdfplumber/issue-316-example.pdf",
    "pdfplumber/cupertino_usd_4-6-16.pdf",
    "pdfplumber/pdf_structure.pdf",
    "pdfplumber/ag-energy-round-up-2017-02-24.pdf",
    "pdfplumber/la-precinct-bulletin-2014-p1.pdf",
    "pdfplumber/scotus-transcript-p1.pdf",
    "pypdf/crazyones.pdf",
    "pypdf/Seige_of_Vicksburg_Sample_OCR.pdf",
    "pypdf/AutoCad_Diagram.pdf",
    "pypdf/SF424_page2.pdf",
    "pypdf/issue-301.pdf",
    "pypdf/libreoffice-form.pdf",
    "pypdf/side-by-side-subfig.pdf",
    "pypdf/outlines-with-invalid-destinations.pdf",
)
NICS_SHEET = "pdfplumber/nics-background-checks-2015-11.pdf"


def rows(folder: Path) -> list[dict[str, str]]:
    """The index: `file` is relative to `folder`, `kind` one of text, scan, no-text, unreadable."""
    with (folder / "pdfs" / "INDEX.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def expected(row: dict[str, str]) -> set[str]:
    """What may become of a PDF, by its row: `text` or a reason code."""
    if row["bytes"] == "0":
        return {"empty"}
    if "password" in row["pdfium_error"].lower():
        return {"encrypted"}
    if row["pdfium_error"]:
        return {"corrupt"}
    if row["kind"] == "text":
        return {TEXT}
    if row["kind"] == "no-text":
        return {"no_text", TEXT}
    if row["file"].startswith("scans_derived/"):  # spoiled on purpose; benchmarks/ocr.py judges whether rightly refused
        return {TEXT, "ocr_unreadable", "ocr_unavailable"}
    return {"ocr_unreadable", "no_text"} if any(name in row["file"] for name in WORDLESS) else {TEXT, "ocr_unavailable"}


def others(folder: Path) -> list[str]:
    """Every file that is no PDF and no other tool's expectation, relative to `folder`."""
    files = (path for name in ("pdfs", "scans_derived") for path in (folder / name).rglob("*") if path.is_file())
    return sorted(
        str(path.relative_to(folder)) for path in files if path.suffix != ".pdf" and "groundtruth" not in path.parts
    )

"""The page: needs nothing but itself, shows texts as text, and gives labels that come in."""

import html
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from labelled_samples import HOSTILE, made_sample

from assay.evaluation.calibration.label_page import sheet_page
from assay.evaluation.calibration.label_sheets import read_sheet

SAMPLE = made_sample(labels=4, annotators=1, hostile=True)
PAGE = sheet_page(SAMPLE, SAMPLE.drawn, "labels-1")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

# What a person does: a name, then keys; the second answer is gone back to and changed. Then the sheet is put where it is seen.
_KEYS = """<script>
document.getElementById("who").value = "Ada, \\"the first\\"";
for (const key of ["y", "y", "ArrowLeft", "n", "u", "x", "y"]) document.dispatchEvent(new KeyboardEvent("keydown", {key}));
const shown = document.createElement("pre");
shown.id = "shown";
shown.textContent = sheetAsCsv();
document.body.append(shown);
</script>"""


def test_texts_cannot_leave_the_data_they_are() -> None:
    assert PAGE.count("</script>") == 2
    assert HOSTILE not in PAGE
    assert "\\u003c/script\\u003e" in PAGE
    assert "innerHTML" not in PAGE


def test_it_loads_nothing_and_may_not() -> None:
    assert "default-src 'none'" in PAGE
    assert not re.search(r"""(?:src|href)\s*=\s*["']|url\(|@import|https?://""", PAGE)


def test_it_tells_neither_arm_nor_stratum() -> None:
    data = PAGE.partition('type="application/json">')[2].partition("</script>")[0]
    assert set(re.findall(r'"(\w+)":', data)) == {"sample", "sheet", "answers", "id", "question", "answer", "passages"}


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="`chromium` is not on PATH: apt-get install chromium")
def test_keys_label_and_the_sheet_comes_in(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.replace("</body>", f"{_KEYS}</body>"), encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"]
    shown = subprocess.run(
        [*command, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    ).stdout
    assert "<title>Labels</title>" in shown, "a text of the sample ran as a script"
    sheet = html.unescape(shown.partition('<pre id="shown">')[2].partition("</pre>")[0])
    path = tmp_path / "sheet.csv"
    path.write_text(sheet, encoding="utf-8")
    found = read_sheet(path, {SAMPLE.sample_id: SAMPLE}, datetime(2026, 11, 29, tzinfo=UTC))
    assert [one.label for one in found.labels] == ["y", "n", "u", "y"]
    assert [one.label_id for one in found.labels] == [one.label_id for one in SAMPLE.drawn]
    assert {one.annotator for one in found.labels} == {'Ada, "the first"'}

"""The sample is what its README says, and its documents are what their sources make."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assay.documents.language import detect_language
from assay.documents.parsing import parse_here
from assay.documents.pii import find_pii
from assay.documents.sources import rule_for
from assay.settings import SAMPLE_SOURCE

SAMPLES = Path(__file__).parents[1] / "samples"
INBOX = SAMPLES / "inbox"
DAYS = ("2026-11-01", "2026-11-02", "2026-11-03")
DAY_ROW = r"^\| (2026-11-\d\d)" + r" \| (.*)" * 5 + r" \|$"
BROKEN = "runbooks/corrupt-export.md"
# Published for tests: nobody has them.
TEST_NUMBERS = {
    "4111 1111 1111 1111",
    "5555 5555 5555 4444",
    "GB82 WEST 1234 5698 7654 32",
    "DE89 3704 0044 0532 0130 00",
}
PLANTED_DUPLICATES = {
    ("help/captions.md", "help/subtitles.md"),
    ("runbooks/dead-letter-queue.md", "runbooks/dlq-old.md"),
}


@pytest.fixture(scope="module")
def scripts() -> Iterator[SimpleNamespace]:
    """The scripts beside the sample, which import each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SAMPLES))
        import locate_answers
        import make_documents

        yield SimpleNamespace(
            made=make_documents.made,
            read_blocks=make_documents.read_blocks,
            scans=make_documents.SCANS,
            silver_text=locate_answers.silver_text,
        )


@cache
def files(day: str) -> dict[str, bytes]:
    folder = INBOX / day
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_readme_tells_what_changes_on_which_day() -> None:
    told = (SAMPLES / "README.md").read_text("utf-8")
    rows = {row[0]: row[1:] for row in re.findall(DAY_ROW, told, re.M)}
    assert tuple(rows) == DAYS
    for before, day in pairwise(DAYS):
        known, now = files(before), files(day)
        came, went = now.keys() - known.keys(), known.keys() - now.keys()
        moved = {path for path in came if now[path] in [known[one] for one in went]}
        left = {path for path in went if known[path] not in [now[one] for one in moved]}
        edited = {path for path in now.keys() & known.keys() if now[path] != known[path]}
        named = [set(re.findall(r"`([^`]+)`", cell)) for cell in rows[day][:-1]]
        assert named == [edited, came - moved, moved, left], day
    assert [int(rows[day][-1]) for day in DAYS] == [len(files(day)) for day in DAYS] == [32, 36, 70]


def test_documents_are_what_their_sources_make(scripts: SimpleNamespace) -> None:
    sources = sorted((SAMPLES / "sources").rglob("*.md"))
    assert len(sources) == 18
    for source in sources:
        path = source.relative_to(SAMPLES / "sources").as_posix().removesuffix(".md")
        if path not in scripts.scans:  # how a picture is compressed is a matter of Pillow's libraries
            assert scripts.made(path, source.read_text("utf-8")) == files(DAYS[-1])[path], path


def test_every_ruled_table_of_its_pdfs_is_found_cell_for_cell_and_none_is_invented(scripts: SimpleNamespace) -> None:
    found = 0
    for source in sorted((SAMPLES / "sources").rglob("*.pdf.md")):
        path = source.relative_to(SAMPLES / "sources").as_posix().removesuffix(".md")
        if path not in scripts.scans:
            drawn = [one.rows for one in scripts.read_blocks(source.read_text("utf-8")) if one.kind == "table"]
            assert [table.rows for table in parse_here(files(DAYS[-1])[path], path).tables] == drawn, path
            found += len(drawn)
    assert found == 9


def test_only_the_planted_pairs_are_alike(texts: dict[str, str]) -> None:
    shingles = {path: _shingles(text) for path, text in texts.items()}
    alike: set[tuple[str, str]] = set()
    for first, second in combinations(sorted(texts), 2):
        if rule_for(SAMPLE_SOURCE, first) == rule_for(SAMPLE_SOURCE, second):
            common = len(shingles[first] & shingles[second])
            jaccard = common / max(len(shingles[first] | shingles[second]), 1)
            assert jaccard < 0.5 or jaccard >= 0.92, (first, second, jaccard)
            if jaccard >= 0.92:
                alike.add((first, second))
    assert alike == PLANTED_DUPLICATES
    assert files(DAYS[-1])["help/captions.md"] == files(DAYS[-1])["help/subtitles.md"]


def test_planted_personal_data_is_made_up(texts: dict[str, str]) -> None:
    found = {(one.kind, text[one.start : one.end]) for text in texts.values() for one in find_pii(text)}
    kinds = {kind for kind, _ in found}
    assert {"email", "phone", "iban", "card"} <= kinds
    for kind, value in found:
        if kind == "email":
            assert value.endswith("@example.com"), value
        elif kind == "phone":
            assert re.fullmatch(r"\+1 202 555 01\d\d", value), value
        elif kind in ("iban", "card"):
            assert value in TEST_NUMBERS, value


def test_spanish_pages_are_told_from_english_ones(texts: dict[str, str]) -> None:
    spanish = {path for path, text in texts.items() if detect_language(text) == "es"}
    assert spanish == {path for path in texts if path.startswith("help/es/")} | {
        "tenants/umbra/resumen-turno-de-noche.md"
    }


@pytest.fixture(scope="module")
def texts(scripts: SimpleNamespace) -> dict[str, str]:
    """By path, what silver reads of the last day's documents, without the scans and the broken one."""
    return {path: scripts.silver_text(path) for path in files(DAYS[-1]).keys() - scripts.scans.keys() - {BROKEN}}


def _shingles(text: str) -> set[tuple[Any, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[position : position + 5]) for position in range(len(words) - 4)}

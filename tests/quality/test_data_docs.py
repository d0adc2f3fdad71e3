"""A judged batch has a page that names what failed, shows no value, and loads nothing from anywhere."""

import os
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from document_runs import GARBLED, day, version

from assay.documents.blobs import sha256_hex
from assay.documents.silver import DOCUMENTS
from assay.errors import StorageError
from assay.quality.data_docs import INDEX, index_url, page_path, page_url
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES, check_batch
from assay.quality.runner import MAX_FAILING_KEYS, validate
from assay.quality.suites import SUITES, suite_for
from assay.settings import Settings
from assay.tables import DocumentRow
from assay.workspace import Run, Workspace

SUITE = suite_for(DOCUMENTS)
SECRET = "hunter2"
# Attributes by which a page makes a browser ask for something; of `a` only when it is clicked.
LOADING = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("use", "href")}


def workspace_at(home: Path, hour: int = 12) -> Workspace:
    return Workspace(
        Settings(_env_file=None, home=home), Run(f"run-{hour}", datetime(2026, 11, 9, hour, 30, tzinfo=UTC))
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_at(tmp_path)


def documents(**texts: str) -> pa.Table:
    return DOCUMENTS.rows(
        DocumentRow(
            source="docs", day=day(1), document_id=f"docs:{name}.md", document_version=version(1),
            content_hash=sha256_hex(name.encode()), media_type="text/markdown", title=f"{SECRET} title", language="en",
            text=text, text_hash=sha256_hex(text.encode()), page_starts=[0], parser="markdown@1",
            cleaning="cleaning@1", pii_kinds=[], piece_starts=[0, len(text)], piece_source_starts=[0, len(text)],
            ocr_pages=[], ocr_confidences=[], refused_pages=[], refused_page_reasons=[], table_rows=0, ocr_words=0,
        )
        for name, text in texts.items()
    )  # fmt: skip


class Loaded(HTMLParser):
    """What a page loads, what it links to, and whether it runs anything."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.feed(page)
        self.loads += re.findall(r"url\(|@import", page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script" or any(name.startswith("on") for name, _ in attrs):
            self.loads.append(tag)
        self.loads += [f"{tag} {value}" for name, value in attrs if (tag, name) in LOADING]
        self.links += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]


def judged(workspace: Workspace, rows: pa.Table, source: str = "docs", number: int = 1) -> str:
    """The page of a batch."""
    check_batch(workspace, SUITE, rows, source=source, day=day(number))
    return page_path(workspace.settings, DOCUMENTS.name, source, day(number)).read_text()


def index_rows(workspace: Workspace) -> list[list[str]]:
    text = (workspace.settings.data_docs_path / INDEX).read_text()
    rows = re.findall(r"<tr>(<td>.*?)</tr>", text)
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row)] for row in rows]


def test_a_page_names_the_failing_keys_with_what_they_mean_and_shows_no_value(workspace: Workspace) -> None:
    page = judged(workspace, documents(fine="Fine.", bad=f"{SECRET} {GARBLED}", blank="\u200b", nul=f"{SECRET}\x00"))
    for name, key in (("text_is_not_garbled", "bad"), ("text_is_not_blank", "blank"), ("text_has_no_nul", "nul")):
        [finding] = [part for part in page.split("<section") if f"<code>{name}</code>" in part.split("</section>")[0]]
        assert f"docs, {day(1)}, docs:{key}.md" in finding
        assert SUITE.expectation(name).description in finding
    assert "docs:fine.md" not in page
    assert "1 unexpected values found. 25% of 4 total rows." in page, "Great Expectations' own words"
    assert set(SUITE.names) <= set(re.findall(r"<td><code>(\w+)</code>", page))
    assert SECRET not in page
    assert index_rows(workspace) == [
        ["silver/documents", "docs", "2026-11-01", "passed", "", "2026-11-09 12:30:00 UTC"]
    ]


@pytest.mark.parametrize("table", SUITES)
def test_no_page_of_any_suite_loads_anything(workspace: Workspace, table: str) -> None:
    """Not even where every row fails nearly everything: a null in each column that may hold one, and in each that may not."""
    suite = SUITES[table]
    rows = pa.table([pa.nulls(3, field.type) for field in suite.table.schema], names=suite.table.schema.names)
    kept = suite.table.schema.names.index(suite.table.key[0])
    rows = rows.set_column(kept, suite.table.key[0], pa.array(["a", "a", "b"]))
    check_batch(workspace, suite, rows, source="docs", day=day(1))
    page = page_path(workspace.settings, table, "docs", day(1))
    found = Loaded(page.read_text())
    assert found.loads == []
    for link in found.links:
        assert link.startswith("#") or (page.parent / link).resolve() == workspace.settings.data_docs_path / INDEX
    assert Loaded((workspace.settings.data_docs_path / INDEX).read_text()).loads == []


def test_names_are_text_and_never_markup(workspace: Workspace) -> None:
    name = "<script>alert(1)</script>\" onload='x'"
    page = judged(workspace, documents(**{name: GARBLED, "b": "Fine."}))
    assert Loaded(page).loads == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_many_failing_keys_are_counted_and_the_first_are_named(workspace: Workspace) -> None:
    page = judged(
        workspace, documents(**{f"{number:03}": f"{GARBLED}{number}" for number in range(MAX_FAILING_KEYS + 7)})
    )
    assert "and 7 more" in page
    assert '<strong class="failed">' in page
    assert index_rows(workspace)[0][3:5] == ["failed", "text_is_not_garbled"]


def test_the_index_lists_pages_newest_first_and_pages_that_are_not_judged_again_stay(tmp_path: Path) -> None:
    morning, noon = workspace_at(tmp_path, 8), workspace_at(tmp_path, 12)
    judged(morning, documents(a="Fine."))
    judged(morning, documents(a="Fine."), source=ALL_SOURCES)
    judged(noon, documents(**{f"d{number}": "The same." for number in range(8)}), number=2)
    untouched = page_path(morning.settings, DOCUMENTS.name, "docs", day(1))
    before = untouched.stat().st_mtime_ns
    check_batch(noon, SUITE, documents(a="Fine."), source="docs", day=day(1))
    assert untouched.stat().st_mtime_ns == before, "an equal batch was judged again"
    assert [row[1:5] for row in index_rows(noon)] == [
        ["docs", "2026-11-02", "warning", "texts_are_mostly_distinct"],
        ["docs", "2026-11-01", "passed", ""],
        ["*", "2026-11-01", "passed", ""],
    ]
    for link in Loaded((noon.settings.data_docs_path / INDEX).read_text()).links:
        assert (noon.settings.data_docs_path / link).is_file()


def test_a_batch_that_became_empty_has_no_page_any_more(workspace: Workspace) -> None:
    judged(workspace, documents(a=GARBLED))
    check_batch(workspace, SUITE, DOCUMENTS.empty(), source="docs", day=day(1))
    assert not page_path(workspace.settings, DOCUMENTS.name, "docs", day(1)).exists()
    assert index_rows(workspace) == []


def test_a_page_that_cannot_be_written_stops_the_batch_and_leaves_it_to_be_judged_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StorageError, match=r"page `.*2026-11-01\.html`.*`df -h`"):
            check_batch(workspace, SUITE, documents(a="Fine."), source="docs", day=day(1))
    assert workspace.lake.read(OUTCOMES).num_rows == 0
    assert "docs:" not in judged(workspace, documents(a="Fine."))


def test_places_and_addresses_of_pages(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, home=tmp_path, data_docs_url="https://docs.example.org/assay/")
    assert page_path(settings, "gold/chunks", ALL_SOURCES, day(3)) == (
        tmp_path / "data_docs" / "gold" / "chunks" / "all-sources" / "2026-11-03.html"
    )
    assert page_url(settings, "silver/documents", "docs", day(3)) == (
        "https://docs.example.org/assay/silver/documents/docs/2026-11-03.html"
    )
    assert index_url(settings) == "https://docs.example.org/assay/index.html"


def test_a_result_holds_counts_and_positions_and_no_value() -> None:
    validation = validate(SUITE, documents(a=f"{SECRET} {GARBLED}", b=f"{SECRET}\r\n"))
    assert len(validation.results) == len(SUITE.names)
    assert not any(SECRET in str(result.to_json_dict()) for result in validation.results)

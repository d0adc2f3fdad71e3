"""Silver: every upsert becomes a text or a quarantined document, and the state follows from what became of them."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from document_runs import GARBLED, PNG, ParserInThisProcess, Pipeline, day, put, version

from assay.documents.bronze import FEED, land_manifest
from assay.documents.gold import CHUNKS
from assay.documents.parsing import ParsedDocument, parse_here
from assay.documents.silver import DOCUMENTS, parse_day
from assay.documents.state import STATE
from assay.errors import DocumentRejected
from assay.quality.quarantine import QUARANTINE
from assay.settings import PathRule, SourceSettings

LATIN = "# Café\n\nDas Gerät läuft über Nacht, außer an Feiertagen.\n"


def test_each_file_is_read_by_its_content_and_the_rest_is_named(pipeline: Pipeline, inbox: Path) -> None:
    put(
        inbox / "2026-11-01",
        {
            "fine.md": "# Fine\n\nText.",
            "page.md": "<!doctype html><html><body><h1>A page</h1><p>In HTML.</p></body></html>",
            "latin.txt": LATIN.encode("latin-1"),
            "wide.txt": LATIN.encode("utf-16"),
            "picture.md": PNG,
            "paper.txt": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n",
            "nothing.md": b"",
            "blank.md": " \n\t\n",
            "noise.txt": struct.pack("<200I", *range(200)),
            "garbled.md": GARBLED,
        },
    )
    done = pipeline.run(day(1), through="chunks")
    assert {row["path"]: row["change"] for row in pipeline.read(FEED)} == dict.fromkeys(
        ("fine.md", "page.md", "latin.txt", "wide.txt", "picture.md", "paper.txt", "nothing.md", "blank.md", "noise.txt",
         "garbled.md"), "added",
    )  # fmt: skip
    texts = {row["document_id"]: row for row in pipeline.read(DOCUMENTS)}
    assert {document_id: (row["media_type"], row["title"]) for document_id, row in texts.items()} == {
        "docs:fine.md": ("text/markdown", "Fine"),
        "docs:page.md": ("text/html", "A page"),
        "docs:latin.txt": ("text/plain", "latin"),
        "docs:wide.txt": ("text/plain", "wide"),
    }
    assert texts["docs:latin.txt"]["text"] == texts["docs:wide.txt"]["text"] == LATIN
    assert pipeline.quarantine(stage="silver") == {
        "docs:picture.md": ("corrupt", None),
        "docs:paper.txt": ("corrupt", None),
        "docs:nothing.md": ("empty", None),
        "docs:blank.md": ("no_text", None),
        "docs:noise.txt": ("corrupt", None),
        "docs:garbled.md": ("failed_expectation", "text_is_not_garbled"),
    }
    [report] = done.texts
    assert (report.taken, report.emitted, report.quarantined) == (10, 4, 6)
    assert (done.state.current, done.state.without_text) == (4, 6)
    assert set(pipeline.current_texts()) == set(texts) - {"docs:wide.txt"}, "its text is another's, and chunked once"


@pytest.mark.parametrize("edit", [PNG, GARBLED], ids=["refused by its parser", "refused by an expectation"])
def test_a_quarantined_edit_leaves_the_old_text_under_the_new_version_and_permissions(
    pipeline: Pipeline, inbox: Path, edit: str | bytes
) -> None:
    put(inbox / "2026-11-01", {"a.md": "# Old\n\nThe old text.", "b.md": "# B\n\nText."})
    put(inbox / "2026-11-02", {"a.md": edit, "b.md": "# B\n\nText, edited."})
    narrowed = (PathRule(pattern="a.md", tenant="acme", allowed_principals=("team:acme",)),)
    done = Pipeline(pipeline.settings, {day(2): narrowed}).run(day(1), day(2), through="chunks")
    assert [(report.taken, report.emitted, report.quarantined) for report in done.texts] == [(2, 2, 0), (2, 1, 1)]
    state = pipeline.state("docs:a.md")
    assert (state["document_version"], state["text_version"], state["text_day"]) == (version(2), version(1), day(1))
    assert (state["title"], state["tenant"], state["allowed_principals"]) == ("Old", "acme", ["team:acme"])
    [chunk] = pipeline.read(CHUNKS, document_id="docs:a.md")
    assert (chunk["text"], chunk["document_version"]) == ("# Old\n\nThe old text.", version(2))
    assert (chunk["tenant"], chunk["allowed_principals"]) == ("acme", ["team:acme"])


def test_a_text_from_before_a_deletion_never_comes_back(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# Withdrawn\n\nSecret.", "b.md": "x"})
    put(inbox / "2026-11-02", {"b.md": "x"})
    put(inbox / "2026-11-03", {"a.md": PNG, "b.md": "x"})
    pipeline.run(day(1), day(2), day(3), through="chunks")
    state = pipeline.state("docs:a.md")
    assert (state["is_deleted"], state["text_version"], state["title"]) == (False, None, None)
    assert set(pipeline.current_texts()) == {"docs:b.md"}


def test_known_bytes_are_not_parsed_again(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# One\n\nText.", "b.md": "no heading"})
    put(inbox / "2026-11-02", {"moved/a.md": "# One\n\nText.", "c.md": "no heading"})
    put(inbox / "2026-11-03", {"moved/a.md": "# One\n\nText.", "b.md": "no heading"})
    first, second, third = pipeline.run(day(1), day(2), day(3), through="state").texts
    assert (first.parsed, first.reused) == (2, 0)
    assert (second.parsed, second.reused) == (1, 1), "under another file name a document may have another title"
    assert (third.parsed, third.reused) == (0, 1)
    titles = {(row["day"], row["document_id"]): row["title"] for row in pipeline.read(DOCUMENTS)}
    assert titles[day(2), "docs:moved/a.md"] == "One"
    assert (titles[day(2), "docs:c.md"], titles[day(3), "docs:b.md"]) == ("c", "b")


def test_a_refusal_is_remembered_unless_it_depends_on_the_moment(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"slow.md": "# Slow\n\nText.", "picture.md": PNG})

    def parse(data: bytes, name: str) -> ParsedDocument:
        if name == "slow.md":
            raise DocumentRejected("timeout", "took longer than 60 seconds")
        return parse_here(data, name)

    with monkeypatch.context() as patch:
        patch.setattr("document_runs.parse_here", parse)
        pipeline.run(day(1), through="state")
    assert pipeline.quarantine() == {"docs:picture.md": ("corrupt", None), "docs:slow.md": ("timeout", None)}
    [report] = pipeline.run(day(1), through="state").texts
    assert (report.parsed, report.reused, report.emitted) == (1, 1, 1)
    assert pipeline.quarantine() == {"docs:picture.md": ("corrupt", None)}


def test_a_refusal_tells_nothing_private_that_a_library_quotes_when_it_fails(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_data: bytes, _name: str) -> ParsedDocument:
        raise DocumentRejected("crashed", "The parser failed: ValueError: could not convert 'mara.lind@example.org'")

    put(inbox / "2026-11-01", {"a.md": "# A"})
    monkeypatch.setattr("document_runs.parse_here", failing)
    pipeline.run(day(1), through="state")
    [refusal] = pipeline.read(QUARANTINE)
    assert refusal["detail"] == "The parser failed: ValueError: could not convert '[EMAIL]'"


def test_bytes_that_could_not_be_read_for_a_while_are_parsed_as_soon_as_they_can(
    pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nText."})
    pipeline.run(day(1), through="state")
    blobs = pipeline.settings.blobs_path
    blobs.rename(blobs.with_name("unmounted"))
    put(inbox / "2026-11-02", {"a.md": "# A\n\nText.", "b.md": "# B\n\nText."})
    land_manifest(pipeline.workspace(), pipeline.settings.sources[0], day(2))
    blobs.rename(blobs.with_name("written while unmounted"))
    (inbox / "2026-11-02").rename(inbox / "elsewhere")
    pipeline.run(day(2), through="state")
    assert pipeline.quarantine() == {"docs:b.md": ("unreadable", None)}
    blobs.with_name("written while unmounted").rename(blobs)
    [report] = pipeline.run(day(2), through="state").texts
    assert (report.parsed, report.emitted) == (1, 1)
    assert pipeline.quarantine() == {}


def test_a_day_of_which_most_is_garbled_is_left_out_until_it_is_mended(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne.", "c.md": "# C\n\nOne."})
    put(inbox / "2026-11-02", {"a.md": GARBLED, "b.md": GARBLED, "c.md": "# C\n\nTwo."})
    put(inbox / "2026-11-03", {"a.md": GARBLED, "b.md": "# B\n\nThree.", "c.md": "# C\n\nTwo."})
    pipeline.run(day(1), day(2), day(3), through="chunks")
    held_back = dict.fromkeys(("docs:a.md", "docs:b.md"), ("failed_expectation", "text_is_not_garbled"))
    assert pipeline.quarantine() == held_back
    assert pipeline.current_texts() == {
        "docs:a.md": "# A\n\nOne.",
        "docs:b.md": "# B\n\nThree.",
        "docs:c.md": "# C\n\nOne.",
    }
    c = pipeline.state("docs:c.md")
    assert (c["document_version"], c["text_version"]) == (version(1), version(1))

    put(inbox / "2026-11-02", {"a.md": "# A\n\nTwo.", "b.md": "# B\n\nTwo."})
    pipeline.run(day(2), through="chunks")
    assert pipeline.quarantine() == {"docs:a.md": held_back["docs:a.md"]}
    assert pipeline.current_texts() == {
        "docs:a.md": "# A\n\nTwo.",
        "docs:b.md": "# B\n\nThree.",
        "docs:c.md": "# C\n\nTwo.",
    }


def test_of_a_blocked_day_only_the_deletions_count(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": "# B\n\nOne.", "c.md": "# C\n\nOne."})
    put(inbox / "2026-11-02", {"a.md": GARBLED, "b.md": "# B\n\nTwo.", "d.md": "# D\n\nNew."})
    blocked = Pipeline(pipeline.settings.model_copy(update={"max_quarantined_ratio": 0.3}))
    blocked.run(day(1), day(2), through="chunks")
    assert pipeline.current_texts() == {"docs:a.md": "# A\n\nOne.", "docs:b.md": "# B\n\nOne."}
    assert {row["document_id"]: row["document_version"] for row in pipeline.read(STATE)} == {
        "docs:a.md": version(1), "docs:b.md": version(1), "docs:c.md": version(2)
    }  # fmt: skip
    pipeline.run(day(2), through="chunks")
    assert pipeline.current_texts() == {
        "docs:a.md": "# A\n\nOne.",
        "docs:b.md": "# B\n\nTwo.",
        "docs:d.md": "# D\n\nNew.",
    }


def test_what_was_refused_for_good_is_parsed_again_when_asked_for(
    pipeline: Pipeline, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox / "2026-11-01", {"a.md": PNG, "b.md": "# B\n\nOne."})
    pipeline.run(day(1), through="state")
    workspace = pipeline.workspace()
    assert parse_day(workspace, "docs", day(1)).parsed == 0, "a refusal that is final is not tried again by itself"
    monkeypatch.setattr(ParserInThisProcess, "parse_many", readable)
    retried = parse_day(workspace, "docs", day(1), retry_quarantined=True)
    assert (retried.taken, retried.parsed, retried.emitted, retried.quarantined) == (2, 1, 2, 0)
    assert pipeline.quarantine() == {}


def readable(
    _self: ParserInThisProcess, items: Iterable[tuple[str, Path, str]]
) -> Iterator[tuple[str, ParsedDocument]]:
    """Parsers of a later day, which read everything."""
    yield from ((key, parse_here(b"# Read at last\n\nBy another parser.", name)) for key, _, name in items)


def test_half_of_a_day_garbled_is_tolerated_and_a_stricter_setting_does_not(
    tmp_path: Path, pipeline: Pipeline, inbox: Path
) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A\n\nOne.", "b.md": GARBLED})
    assert pipeline.run(day(1), through="state").state.current == 1
    strict = Pipeline(pipeline.settings.model_copy(update={"max_quarantined_ratio": 0.4}))
    assert strict.run(day(1), through="state").state.current == 0, "an equal batch under another limit was not judged"


def test_the_state_counts_what_a_run_changed(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "1", "b.md": "3", "c.md": PNG})
    put(inbox / "2026-11-02", {"a.md": "2", "d.md": "4", "c.md": PNG})
    first, second = (pipeline.run(day(number), through="state").state for number in (1, 2))
    assert (first.current, first.tombstones, first.without_text) == (2, 0, 1)
    assert (first.added, first.changed, first.deleted) == (2, 0, 0)
    assert (second.current, second.tombstones, second.without_text) == (2, 1, 1)
    assert (second.added, second.changed, second.deleted) == (1, 1, 1)
    again = pipeline.run(day(1), day(2), through="state").state
    assert (again.added, again.changed, again.deleted) == (0, 0, 0)
    assert [row["document_id"] for row in pipeline.read(STATE) if row["is_deleted"]] == ["docs:b.md"]


def test_a_document_of_two_sources_stands_while_one_of_them_holds_it(tmp_path: Path, encoder) -> None:
    sources = [SourceSettings(name=name, uri=f"{tmp_path}/{name}/{{day}}", namespace="kb") for name in ("a", "b")]
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    put(tmp_path / "a/2026-11-01", {"x.md": "a1", "y.md": "a2"})
    put(tmp_path / "b/2026-11-01", {"x.md": "b1", "z.md": "b2"})
    put(tmp_path / "b/2026-11-02", {"x.md": "b1", "y.md": PNG, "z.md": "b2"})
    put(tmp_path / "a/2026-11-03", {"y.md": "a2"})
    put(tmp_path / "b/2026-11-04", {"y.md": PNG, "z.md": "b2"})
    pipeline.run(day(1), day(2), through="chunks")
    assert pipeline.current_texts() == {"kb:x.md": "b1", "kb:y.md": "a2", "kb:z.md": "b2"}
    assert (pipeline.state("kb:y.md")["source"], pipeline.state("kb:y.md")["text_source"]) == ("b", "a")
    pipeline.run(day(3), through="chunks")
    assert pipeline.current_texts()["kb:x.md"] == "b1", "one source dropped what the other holds"
    pipeline.run(day(4), through="chunks")
    assert pipeline.current_texts() == {"kb:y.md": "a2", "kb:z.md": "b2"}
    assert pipeline.state("kb:x.md")["is_deleted"]

"""gold/daily_texts: the texts that each day's documents make, whichever days ran when, and none cut twice."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from document_runs import PNG, Pipeline, day, put
from scale import at_ci

from assay.documents import chunk_rows, daily_texts
from assay.documents.chunk_rows import CHUNKS, context_text
from assay.documents.chunking import Chunk, chunk_text
from assay.documents.daily_texts import DAILY_TEXTS, DailyTextsReport, context_id, reconcile_daily_texts
from assay.documents.silver import DOCUMENTS
from assay.embeddings import default_tokenizer
from assay.errors import StorageError
from assay.lake import Lake
from assay.settings import SourceSettings

GUIDE = "# Guide\n\nHello.\n\n" + "\n\n".join(f"## Part {n}\n\n{f'Sentence {n} of many. ' * 40}" for n in range(3))
FOLDERS: dict[int, dict[str, str | bytes | None]] = {
    1: {"a.md": GUIDE, "b.md": "# B\n\nText.", "c.md": "# C\n\nText."},
    2: {"a.md": GUIDE + "\n\nMore.\n", "b.md": PNG, "c.md": "# C\n\nText."},
    3: {"a.md": GUIDE, "c.md": "# C\n\nText, edited.", "d.md": "# C\n\nText."},
}


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were cut into chunks, in order."""
    texts: list[str] = []

    def counted(text: str, **options: Any) -> Sequence[Chunk]:
        texts.append(text)
        return chunk_text(text, **options)

    monkeypatch.setattr(chunk_rows, "chunk_text", counted)
    return texts


def run(pipeline: Pipeline, *days: date) -> DailyTextsReport:
    """The days through to the chunks, then their texts, as the asset does."""
    pipeline.run(*days, through="chunks")
    return reconcile_daily_texts(pipeline.workspace())


def expected(pipeline: Pipeline) -> list[tuple[str, date, str, list[int]]]:
    """By brute force: every silver text cut and hashed."""
    return [
        (row["source"], row["day"], row["document_id"], contexts_of(pipeline, row["text"]))
        for row in pipeline.read(DOCUMENTS)
    ]


def contexts_of(pipeline: Pipeline, text: str) -> list[int]:
    settings, tokenizer = pipeline.settings, default_tokenizer()
    chunks = chunk_text(text, strategy=settings.chunk_strategy, size=settings.chunk_size_tokens, encoder=tokenizer)
    contexts = [context_text(chunk.heading_path, chunk.text, tokenizer) for chunk in chunks]
    return [int.from_bytes(sha256(one.encode()).digest()[:8], "big", signed=True) for one in contexts]


def standing(pipeline: Pipeline) -> list[tuple[str, date, str, list[int]]]:
    return [(row["source"], row["day"], row["document_id"], row["context_ids"]) for row in pipeline.read(DAILY_TEXTS)]


def commits(pipeline: Pipeline) -> int | None:
    return pipeline.workspace().lake.version(DAILY_TEXTS)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    for number, files in FOLDERS.items():
        put(tmp_path / "inbox" / f"2026-11-0{number}", files)
    return tmp_path / "inbox"


def test_every_silver_text_has_its_contexts_in_order(pipeline: Pipeline) -> None:
    report = run(pipeline, day(1), day(2), day(3))
    assert standing(pipeline) == expected(pipeline)
    assert max(len(ids) for *_, ids in standing(pipeline)) > 3
    assert report.documents == report.written == len(expected(pipeline)) == 7
    # The edit of the 2nd and `b.md` do not stand any more; the first text of `c.md` stands as `d.md`.
    assert (report.cut, report.removed) == (2, 0)


def test_contexts_are_those_that_are_embedded(pipeline: Pipeline) -> None:
    run(pipeline, day(1))
    embedded = {context_id(row["context_hash"]) for row in pipeline.read(CHUNKS)}
    assert {one for *_, ids in standing(pipeline) for one in ids} == embedded


def test_day_by_day_no_text_is_cut_twice(pipeline: Pipeline, cut: list[str]) -> None:
    for number in (1, 2, 3):
        cut.clear()
        assert run(pipeline, day(number)).cut == 0
        assert len(cut) == len(set(cut)) > 0
    assert standing(pipeline) == expected(pipeline)


def test_running_days_again_writes_and_cuts_nothing(pipeline: Pipeline, cut: list[str]) -> None:
    run(pipeline, day(1), day(2), day(3))
    before, _ = commits(pipeline), cut.clear()
    for number in (2, 1, 3):
        assert run(pipeline, day(number)) == DailyTextsReport(documents=7, written=0, cut=0, removed=0)
    assert (commits(pipeline), cut) == (before, [])


@at_ci("the days twice over")
def test_the_order_of_days_does_not_matter(pipeline: Pipeline, tmp_path: Path, inbox: Path) -> None:
    other = Pipeline.at(tmp_path / "other", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))
    for number in (3, 1, 2):
        run(pipeline, day(number))
    run(other, day(1), day(2), day(3))
    lakes = [one.workspace().lake for one in (pipeline, other)]
    assert lakes[0].content_hash(DAILY_TEXTS) == lakes[1].content_hash(DAILY_TEXTS)


def test_a_late_day_takes_away_what_a_day_does_not_bring_any_more(pipeline: Pipeline) -> None:
    run(pipeline, day(2))
    assert {row["document_id"] for row in pipeline.read(DAILY_TEXTS, day=day(2))} == {"docs:a.md", "docs:c.md"}
    report = run(pipeline, day(1))  # the feed of the 2nd is now the difference to the 1st: `c.md` did not change
    assert (report.written, report.removed) == (3, 1)
    assert standing(pipeline) == expected(pipeline)


def test_another_chunker_makes_other_rows_of_every_day(pipeline: Pipeline, cut: list[str]) -> None:
    run(pipeline, day(1), day(2), day(3))
    before = {row["chunker"] for row in pipeline.read(DAILY_TEXTS)}
    smaller = Pipeline(pipeline.settings.model_copy(update={"chunk_size_tokens": 32}))
    report = run(smaller, day(3))
    assert (report.written, report.cut) == (7, 2)
    assert standing(smaller) == expected(smaller)
    assert {row["chunker"] for row in smaller.read(DAILY_TEXTS)}.isdisjoint(before)


def test_sources_that_share_ids_keep_their_own_rows(tmp_path: Path, encoder: object) -> None:
    sources = (SourceSettings(name=name, namespace="shared", uri=f"{tmp_path / name}/{{day}}") for name in ("x", "y"))
    pipeline = Pipeline.at(tmp_path / "home", *sources)
    put(tmp_path / "x" / "2026-11-01", {"a.md": GUIDE})
    put(tmp_path / "y" / "2026-11-01", {"a.md": GUIDE, "b.md": "# B\n\nText."})
    assert run(pipeline, day(1)).cut == 0
    assert [place[:3] for place in standing(pipeline)] == [
        ("x", day(1), "shared:a.md"),
        ("y", day(1), "shared:a.md"),
        ("y", day(1), "shared:b.md"),
    ]
    assert standing(pipeline) == expected(pipeline)


def test_what_was_committed_before_a_kill_is_not_made_again(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.run(day(1), day(2), day(3), through="chunks")
    monkeypatch.setattr(daily_texts, "DOCUMENTS_PER_COMMIT", 1)
    replace, left = Lake.replace_partition, iter([True, False])

    def killed(lake: Lake, *arguments: Any, **options: Any) -> Any:
        if not next(left, True):
            raise StorageError("killed")
        return replace(lake, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "replace_partition", killed)
        with pytest.raises(StorageError, match="killed"):
            reconcile_daily_texts(pipeline.workspace())
    assert {row["day"] for row in pipeline.read(DAILY_TEXTS)} == {day(1)}
    report = reconcile_daily_texts(pipeline.workspace())
    assert report.written == 7 - len(pipeline.read(DAILY_TEXTS, day=day(1)))
    assert standing(pipeline) == expected(pipeline)


def test_a_lake_without_documents_has_no_rows(pipeline: Pipeline) -> None:
    assert reconcile_daily_texts(pipeline.workspace()) == DailyTextsReport(0, 0, 0, 0)
    assert commits(pipeline) is None

"""Marts: what dbt makes of the lake stands in the lake, follows from the lake alone, and is made anew only when it must."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from command_runs import CHECKOUT
from document_runs import GARBLED, PNG, Pipeline, day, put, stand_ins
from scale import at_ci

from assay import marts
from assay.dbt import manifest_of
from assay.documents.daily_texts import DAILY_TEXTS, reconcile_daily_texts
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.errors import AssayError
from assay.marts import MartsReport, refresh
from assay.model_tables import model_tables
from assay.quality.outcomes import OUTCOMES
from assay.settings import SourceSettings

pytestmark = at_ci("a build of dbt for nearly every test")

PROJECT = CHECKOUT / "dbt_project"
MARTS = {
    name: one.table for name, one in model_tables(manifest_of(PROJECT, CHECKOUT / ".assay"), tag="documents").items()
}
DOCUMENT_INVENTORY, INGESTION_DAILY = MARTS["gold/document_inventory"], MARTS["gold/ingestion_daily"]
LONG = "# Long\n\n" + "\n\n".join(f"## Part {n}\n\n{f'Sentence {n} of many. ' * 40}" for n in range(3))
FOLDERS: dict[tuple[str, int], dict[str, str | bytes | None]] = {
    ("x", 1): {"a.md": LONG, "b.md": "# B\n\nOf b.", "c.md": "# C\n\nOf c.", "broken.md": PNG, "gone.md": None},
    ("y", 1): {"b.md": "# B\n\nOf b.", "d.md": "# D\n\nOf d."},
    ("x", 2): {"a.md": LONG.replace("Sentence 1", "Phrase 1"), "b.md": "# B\n\nOf b.", "c.md": "# C\n\nOf c."},
    ("x", 3): {"a.md": LONG.replace("Sentence 1", "Phrase 1"), "b.md": "# B\n\nOf b."},
    ("y", 3): {"b.md": "# B\n\nOf b, edited.", "d.md": GARBLED, "e.md": LONG},
}
# Of the folders above, by hand: observed, refused, added, changed, deleted, quarantined.
COUNTED = {
    ("x", day(1)): (4, 1, 4, 0, 0, 2),
    ("y", day(1)): (2, 0, 2, 0, 0, 0),
    ("x", day(2)): (3, 0, 0, 1, 2, 0),
    ("x", day(3)): (2, 0, 0, 0, 1, 0),
    ("y", day(3)): (3, 0, 1, 2, 0, 1),
}


def pipeline_at(home: Path, folder: Path) -> Pipeline:
    """Two sources with names of their own for the same paths."""
    return Pipeline.at(home, *(SourceSettings(name=name, uri=f"{folder / name}/{{day}}") for name in ("x", "y")))


def run(pipeline: Pipeline, *days: date) -> tuple[int, int]:
    """The days through to the vectors, as the assets do: how many texts were embedded, and how many were known."""
    index = pipeline.run(*days, through="index").index
    reconcile_daily_texts(pipeline.workspace())
    assert index is not None
    return index.embedded, index.reused


@dataclass(frozen=True)
class Stood:
    """A pipeline whose days ran one by one and in order, what its runs embedded, and the first refresh of its marts."""

    pipeline: Pipeline
    folder: Path
    embedded: dict[date, tuple[int, int]]
    report: MartsReport

    def mart(self, name: str) -> list[dict[str, Any]]:
        return self.pipeline.read(MARTS[name])


@pytest.fixture(scope="module")
def stood(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stood]:
    folder = tmp_path_factory.mktemp("marts")
    for (source, number), files in FOLDERS.items():
        put(folder / source / f"2026-11-0{number}", files)
    with stand_ins():
        pipeline = pipeline_at(folder / "home", folder)
        embedded = {day(number): run(pipeline, day(number)) for number in (1, 2, 3)}
        yield Stood(pipeline, folder, embedded, refresh(pipeline.workspace(), PROJECT, "documents"))


def test_both_marts_stand_in_the_lake(stood: Stood) -> None:
    assert stood.report.was_built
    assert stood.report.held_back == ()
    assert stood.report.rows == {"gold/document_inventory": 5, "gold/ingestion_daily": len(COUNTED)}
    assert {result.status for result in stood.report.results} == {"success", "pass"}
    inventory = {row["document_id"]: row for row in stood.mart("gold/document_inventory")}
    texts = {(row["source"], row["day"], row["document_id"]): row["text"] for row in stood.pipeline.read(DOCUMENTS)}
    assert inventory.keys() == {"x:a.md", "x:b.md", "y:b.md", "y:d.md", "y:e.md"}
    assert inventory["x:a.md"]["size_characters"] == len(texts["x", day(2), "x:a.md"])
    assert inventory["y:d.md"]["size_characters"] == len(texts["y", day(1), "y:d.md"])  # its edit is in quarantine
    assert all(row["chunks"] > 0 for row in inventory.values())


def test_a_day_says_what_it_brought(stood: Stood) -> None:
    names = ("observed", "refused", "added", "changed", "deleted", "quarantined")
    rows = stood.mart("gold/ingestion_daily")
    assert {(row["source"], row["day"]): tuple(row[name] for name in names) for row in rows} == COUNTED
    assert [row for row in rows if row["is_blocked"]] == []


def test_days_in_order_say_what_gold_embeddings_counted(stood: Stood) -> None:
    told: dict[date, tuple[int, int]] = {}
    for row in stood.mart("gold/ingestion_daily"):
        embedded, reused = told.get(row["day"], (0, 0))
        told[row["day"]] = embedded + row["embedded"], reused + row["reused"]
    # The chunk of `y:d.md` stands under a new version after its edit went to quarantine; no text of the day brought it.
    embedded, reused = stood.embedded[day(3)]
    assert told == {**stood.embedded, day(3): (embedded, reused - 1)}
    assert all(embedded and reused for embedded, reused in [told[day(1)], told[day(3)]])


def test_the_order_and_number_of_runs_do_not_matter(stood: Stood, tmp_path: Path) -> None:
    other = pipeline_at(tmp_path / "home", stood.folder)
    assert run(other, day(2), day(3))[0] < sum(embedded for embedded, _ in stood.embedded.values())
    run(other, day(1))
    run(other, day(2))
    refresh(other.workspace(), PROJECT, "documents")
    lakes = [one.workspace().lake for one in (stood.pipeline, other)]
    for mart in MARTS.values():
        assert lakes[0].content_hash(mart) == lakes[1].content_hash(mart)


def test_what_has_not_changed_is_not_built_again(stood: Stood) -> None:
    run(stood.pipeline, day(2))
    before = versions(stood.pipeline)
    report = refresh(stood.pipeline.workspace(), PROJECT, "documents")
    assert not report.was_built
    assert (report.built_by, report.results, report.rows) == (
        stood.report.built_by,
        stood.report.results,
        stood.report.rows,
    )
    assert versions(stood.pipeline) == before


def test_what_is_judged_of_events_concerns_no_mart_of_documents(stood: Stood) -> None:
    workspace = stood.pipeline.workspace()
    outcomes = workspace.lake.read(OUTCOMES, where={"table_name": DOCUMENTS.name, "source": "x", "day": day(1)})
    for table_name in ("silver/events", "quality/feature_drift", "features/viewer_disputes"):
        of_events = outcomes.set_column(
            outcomes.column_names.index("table_name"),
            outcomes.schema.field("table_name"),
            [[table_name] * outcomes.num_rows],
        )
        place = {"table_name": table_name, "source": "x", "day": day(1)}
        workspace.lake.replace_partition(OUTCOMES, of_events, partitions=place)
    assert not refresh(workspace, PROJECT, "documents").was_built


def test_without_its_warehouse_everything_is_built_again_and_nothing_written(stood: Stood) -> None:
    stood.pipeline.settings.warehouse_path.unlink()
    before = versions(stood.pipeline)
    assert refresh(stood.pipeline.workspace(), PROJECT, "documents").was_built
    assert versions(stood.pipeline) == before


def test_whatever_else_has_changed_is_a_reason_to_build(stood: Stood, monkeypatch: pytest.MonkeyPatch) -> None:
    class Building(Exception):
        pass

    def build(*_: object, **__: object) -> None:
        raise Building

    def is_built(project: Path = PROJECT) -> bool:
        with suppress(Building):
            return refresh(stood.pipeline.workspace(), project, "documents").was_built
        return True

    monkeypatch.setattr(marts, "build", build)
    assert not is_built()
    project = Path(shutil.copytree(PROJECT, stood.folder / "project", ignore=shutil.ignore_patterns("target")))
    assert not is_built(project)
    (project / "models" / "more.sql").write_text("select 1 as one")
    assert is_built(project)

    lake, place = stood.pipeline.workspace().lake, {"source": "x", "day": day(1)}
    texts = lake.read(DAILY_TEXTS, where=place)
    lake.replace_partition(DAILY_TEXTS, texts.slice(1), partitions=place)
    assert is_built()
    lake.replace_partition(DAILY_TEXTS, texts, partitions=place)
    (stood.pipeline.settings.home / "dbt" / "last_build" / "documents.json").write_text('{"of": "another version"}')
    assert is_built()
    monkeypatch.undo()
    assert is_built()
    assert not is_built()

    monkeypatch.setattr(marts, "build", build)
    rows = lake.read(INGESTION_DAILY, where={"day": day(1)})
    lake.replace_rows(INGESTION_DAILY, rows.slice(1), column="day", values=[day(1)])
    assert is_built(), "somebody else wrote the mart"
    monkeypatch.undo()
    assert refresh(stood.pipeline.workspace(), PROJECT, "documents").changed["gold/ingestion_daily"] == 1
    assert not is_built()


def test_all_days_that_differ_are_published_in_one_commit(stood: Stood) -> None:
    lake = stood.pipeline.workspace().lake
    before = lake.content_hash(INGESTION_DAILY)
    lake.replace_rows(INGESTION_DAILY, INGESTION_DAILY.empty(), column="day", values=[day(1), day(3)])
    stands = lake.version(INGESTION_DAILY)
    report = refresh(stood.pipeline.workspace(), PROJECT, "documents")
    assert report.changed == {"gold/document_inventory": 0, "gold/ingestion_daily": 2}
    assert stands is not None
    assert lake.version(INGESTION_DAILY) == stands + 1
    assert lake.content_hash(INGESTION_DAILY) == before


def test_a_blocked_day_brings_no_text(stood: Stood) -> None:
    """The days after it are the first to bring what it brought."""
    workspace = stood.pipeline.workspace()
    outcomes = workspace.lake.read(OUTCOMES, where={"table_name": DOCUMENTS.name, "source": "x", "day": day(1)})
    failed = outcomes.set_column(
        outcomes.column_names.index("success"), outcomes.schema.field("success"), [[False] * outcomes.num_rows]
    )
    place = {"table_name": DOCUMENTS.name, "source": "x", "day": day(1)}
    workspace.lake.replace_partition(OUTCOMES, failed, partitions=place)
    refresh(workspace, PROJECT, "documents")
    rows = {(row["source"], row["day"]): row for row in stood.mart("gold/ingestion_daily")}
    workspace.lake.replace_partition(OUTCOMES, outcomes, partitions=place)
    blocked = rows["x", day(1)]
    assert (blocked["is_blocked"], blocked["embedded"], blocked["reused"], blocked["added"]) == (True, 0, 0, 4)
    assert rows["y", day(1)]["reused"] == 0  # its `b.md` had been brought by the source before it
    assert rows["x", day(2)]["embedded"] > 1


def test_a_mart_whose_test_fails_is_not_published(stood: Stood) -> None:
    workspace = stood.pipeline.workspace()
    state = workspace.lake.read(STATE, where={"document_id": "x:b.md"})
    before = workspace.lake.content_hash(DOCUMENT_INVENTORY)
    workspace.lake.replace_rows(STATE, pa.concat_tables([state, state]), column="document_id", values=["x:b.md"])
    report = refresh(workspace, PROJECT, "documents")
    workspace.lake.replace_rows(STATE, state, column="document_id", values=["x:b.md"])
    assert report.held_back == ("gold/document_inventory",)
    assert [(one.name, one.failures) for one in report.results if one.status == "fail"] == [
        ("unique_document_inventory_document_id", 1)
    ]
    assert workspace.lake.content_hash(DOCUMENT_INVENTORY) == before


def test_what_cannot_be_built_leaves_the_marts_and_says_what_to_run(stood: Stood) -> None:
    workspace = stood.pipeline.workspace()
    state = workspace.lake.read(STATE, where={"document_id": "x:b.md"})
    textless = state.set_column(
        state.column_names.index("text_day"), state.schema.field("text_day"), [[date(2026, 10, 1)]]
    )
    before = versions(stood.pipeline)
    workspace.lake.replace_rows(STATE, textless, column="document_id", values=["x:b.md"])
    with pytest.raises(
        AssayError,
        match=r"document_inventory`: .*NOT NULL constraint failed.*stand as they were.*dbt build --select tag:documents --project-dir",
    ):
        refresh(workspace, PROJECT, "documents")
    assert versions(stood.pipeline) == before
    workspace.lake.replace_rows(STATE, state, column="document_id", values=["x:b.md"])


def versions(pipeline: Pipeline) -> dict[str, int | None]:
    return {name: pipeline.workspace().lake.version(mart) for name, mart in MARTS.items()}

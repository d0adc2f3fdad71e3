"""Sources that share a namespace share documents: one stands as long as any of them holds it."""

from pathlib import Path

from document_runs import Pipeline, day, put

from assay.documents.state import STATE
from assay.settings import SourceSettings


def two_sources(tmp_path: Path) -> Pipeline:
    sources = (
        SourceSettings(name=name, namespace="shared", uri=f"{tmp_path / name}/{{day}}") for name in ("new", "old")
    )
    return Pipeline.at(tmp_path / "home", *sources)


def standing(pipeline: Pipeline) -> dict[str, tuple[str, bool, str | None]]:
    return {row["document_id"]: (row["source"], row["is_deleted"], row["title"]) for row in pipeline.read(STATE)}


def test_a_document_that_moves_to_another_source_stands(tmp_path: Path, encoder: object) -> None:
    pipeline = two_sources(tmp_path)
    put(tmp_path / "old" / "2026-11-01", {"a.md": "# A\n\nwords", "b.md": "# B\n\nwords"})
    put(tmp_path / "old" / "2026-11-02", {"b.md": "# B\n\nwords"})
    put(tmp_path / "new" / "2026-11-02", {"a.md": "# A\n\nwords"})
    pipeline.run(day(1), day(2), through="state")
    assert standing(pipeline) == {"shared:a.md": ("new", False, "A"), "shared:b.md": ("old", False, "B")}


def test_what_one_source_drops_stands_while_another_holds_it(tmp_path: Path, encoder: object) -> None:
    pipeline = two_sources(tmp_path)
    put(tmp_path / "old" / "2026-11-01", {"a.md": "# Of old\n\nwords"})
    put(tmp_path / "new" / "2026-11-02", {"a.md": "# Of new\n\nwords", "c.md": "# C\n\nwords"})
    put(tmp_path / "new" / "2026-11-03", {"c.md": "# C\n\nwords"})
    pipeline.run(day(1), day(2), through="state")
    assert standing(pipeline)["shared:a.md"] == ("new", False, "Of new")
    pipeline.run(day(3), through="state")
    assert standing(pipeline)["shared:a.md"] == ("old", False, "Of old")
    put(tmp_path / "old" / "2026-11-04", {"z.md": "# Z\n\nwords"})
    pipeline.run(day(4), through="state")
    assert standing(pipeline)["shared:a.md"][1]

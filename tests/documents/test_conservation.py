"""What was taken in is counted at every stage, and the counts are told."""

from pathlib import Path

import pytest
from document_histories import rules_of
from document_runs import CLOSED, GARBLED, PNG, Pipeline, day, put

from assay.documents.conservation import changes_are_conserved, documents_are_conserved, files_are_conserved
from assay.documents.manifests import MANIFESTS
from assay.quality.rules import Rule
from assay.quality.runner import validate
from assay.settings import PathRule, SourceSettings


def said(pipeline: Pipeline, number: int) -> dict[str, str]:
    """What the rules of a day say; all of them must hold."""
    [source] = pipeline.settings.active_sources
    rules: list[Rule] = [
        judge(pipeline.workspace(), source, day(number))
        for judge in (files_are_conserved, changes_are_conserved, documents_are_conserved)
    ]
    assert all(rule.passed and rule.offenders == 0 for rule in rules), rules
    assert {rule.name for rule in rules_of(pipeline) if not rule.passed} == set()
    return {rule.name: rule.detail for rule in rules}


def test_a_day_says_what_became_of_everything_it_took_in(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A", "b.md": "# B", "c.md": "# C", "d.png": PNG, "e.md": None})
    put(inbox / "2026-11-02", {"a.md": "# A, edited", "c.md": GARBLED, "d.png": PNG, "f.md": "# F", "g.md": None})
    pipeline.run(day(1), day(2), through="chunks")
    nothing = "0 lost, 0 doubled or unexpected"
    assert said(pipeline, 1) == {
        "files_are_conserved": (
            f"5 files = 4 observed + 1 refused + 0 failed an expectation; 1 in quarantine; {nothing}"
        ),
        "changes_are_conserved": (
            "0 known + 4 added + 1 refused at first sight - 0 deleted = 5 present; "
            f"0 moved, 0 altered, 0 failed an expectation; {nothing}"
        ),
        "documents_are_conserved": f"4 taken in = 3 emitted + 1 quarantined; {nothing}",
    }
    assert said(pipeline, 2)["changes_are_conserved"] == (
        "5 known + 1 added + 1 refused at first sight - 2 deleted = 5 present; "
        f"0 moved, 2 altered, 0 failed an expectation; {nothing}"
    )
    assert said(pipeline, 2)["documents_are_conserved"] == f"3 taken in = 2 emitted + 1 quarantined; {nothing}"


def test_what_lies_in_a_folder_that_cannot_be_entered_is_present(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": "# A", "sub/b.md": "# B", "sub/c.md": "# C"})
    for number in (2, 3):
        put(inbox / f"2026-11-0{number}", {"a.md": "# A", "sub/b.md": "# B", f"sub/{CLOSED}": ""})
    put(inbox / "2026-11-04", {"a.md": "# A", "sub/b.md": "# B"})
    pipeline.run(*map(day, (1, 2, 3, 4)), through="chunks")
    for number in (2, 3):
        assert said(pipeline, number)["changes_are_conserved"].startswith(
            "3 known + 0 added + 0 refused at first sight - 0 deleted = 3 present"
        )
    assert said(pipeline, 4)["changes_are_conserved"].startswith(
        "3 known + 0 added + 0 refused at first sight - 1 deleted = 2 present"
    )


def test_of_arrivals_nothing_is_known_before(tmp_path: Path, inbox: Path, encoder: object) -> None:
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="mail", uri=f"{inbox}/{{day}}", mode="arrivals"))
    put(inbox / "2026-11-01", {"a.md": "# A", "b.md": "# B"})
    put(inbox / "2026-11-02", {"a.md": "# A", "c.md": "# C", "d.md": None})
    pipeline.run(day(1), day(2), through="chunks")
    assert said(pipeline, 2)["changes_are_conserved"].startswith(
        "0 known + 2 added + 0 refused at first sight - 0 deleted = 2 present"
    )


def test_what_an_expectation_kept_out_of_a_manifest_is_counted_and_must_be_in_quarantine(
    tmp_path: Path, inbox: Path, encoder: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.quality.outcomes.validate", validate)
    nobody = PathRule(pattern="lost/**", allowed_principals=(" ",))
    pipeline = Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}", rules=(nobody,)))
    put(inbox / "2026-11-01", {"a.md": "# A", "b.md": "# B", "c.md": "# C", "lost/d.md": "# D"})
    pipeline.run(day(1), through="state")
    assert len(pipeline.read(MANIFESTS)) == 3
    assert said(pipeline, 1)["files_are_conserved"].startswith(
        "4 files = 3 observed + 0 refused + 1 failed an expectation; 1 in quarantine"
    )

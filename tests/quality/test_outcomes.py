"""What suites said is kept, so that a batch is judged once and no later run slips past a failure."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from document_runs import GARBLED, Pipeline, day, put, stand_ins, version

from assay.documents.blobs import sha256_hex
from assay.documents.bronze import FEED, land_manifest, write_feed
from assay.documents.gold import CHUNKS
from assay.documents.manifests import MANIFESTS
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE, write_state
from assay.errors import CheckFailed
from assay.quality.blocked_days import blocked_days
from assay.quality.outcomes import ALL_SOURCES, OUTCOMES, check_batch, failed_expectations, row_keys
from assay.quality.suites import Limits, suite_for
from assay.settings import PathRule, SourceSettings
from assay.tables import DocumentRow
from assay.warehouse import engine


@pytest.fixture
def bare(tmp_path: Path, inbox: Path) -> Pipeline:
    """A pipeline whose batches Great Expectations judges."""
    return Pipeline.at(tmp_path / "home", SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))


def documents(**texts: str) -> pa.Table:
    return DOCUMENTS.rows(
        DocumentRow("docs", day(1), f"docs:{name}|.md", version(1), sha256_hex(name.encode()), "text/markdown", name, "en", text,
                    sha256_hex(text.encode()), [0], "markdown@1", "cleaning@1", [], [0, len(text)], [0, len(text)], [], [], [], [],
                    0, 0)
        for name, text in texts.items()
    )  # fmt: skip


def test_a_failing_row_is_named_with_its_expectation_and_the_others_pass(bare: Pipeline) -> None:
    rows = documents(a="Fine.", b=GARBLED, c="Fine too.", d="\u200b\u200b")
    checked = check_batch(bare.workspace(), suite_for(DOCUMENTS), rows, source="docs", day=day(1))
    assert checked.passed["title"].to_pylist() == ["a", "c"]
    assert dict(checked.refused) == {
        f"docs|{day(1)}|docs:b|.md": "text_is_not_garbled",
        f"docs|{day(1)}|docs:d|.md": "text_is_not_blank",
    }
    assert checked.blocked_by == (), "each expectation refused a quarter, which is tolerated"
    recorded = {row["expectation"]: row for row in bare.read(OUTCOMES)}
    assert set(recorded) == set(suite_for(DOCUMENTS).names)
    garbled = recorded["text_is_not_garbled"]
    assert (garbled["evaluated"], garbled["unexpected"], garbled["success"]) == (4, 1, True)
    assert garbled["quarantined_keys"] == [f"docs|{day(1)}|docs:b|.md"]


def test_an_equal_batch_is_not_judged_again_and_another_or_another_limit_is(
    bare: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = documents(a="Fine.", b=GARBLED)
    workspace, suite = bare.workspace(), suite_for(DOCUMENTS)
    first = check_batch(workspace, suite, rows, source="docs", day=day(1))
    version_before = workspace.lake.version(OUTCOMES)

    def judge(*_: object) -> None:
        raise AssertionError("judged again")

    monkeypatch.setattr("assay.quality.outcomes.validate", judge)
    again = check_batch(workspace, suite, rows.take([1, 0]), source="docs", day=day(1))
    assert (again.refused, again.blocked_by) == (first.refused, first.blocked_by)
    assert again.passed["title"].to_pylist() == ["a"]
    assert workspace.lake.version(OUTCOMES) == version_before
    for other in (
        {"rows": documents(a="Fine, edited.", b=GARBLED)},
        {"day": day(2)},
        {"source": "more"},
        {"suite": suite_for(DOCUMENTS, Limits(max_quarantined_ratio=0.4))},
    ):
        given = {"suite": suite, "rows": rows, "source": "docs", "day": day(1), **other}
        with pytest.raises(AssertionError, match="judged again"):
            check_batch(workspace, given.pop("suite"), given.pop("rows"), **given)


def test_a_blocked_day_is_blocked_until_a_better_batch_of_it_was_judged(bare: Pipeline) -> None:
    workspace, suite = bare.workspace(), suite_for(DOCUMENTS)
    check_batch(workspace, suite, documents(a=GARBLED, b="Fine."), source="docs", day=day(1))
    worse = check_batch(workspace, suite, documents(a=GARBLED, b=GARBLED, c="Fine."), source="docs", day=day(2))
    assert worse.blocked_by == ("text_is_not_garbled",)
    tables = (MANIFESTS, FEED, DOCUMENTS)
    assert blocked_days(workspace, tables).to_pylist() == [{"source": "docs", "day": day(2)}]
    assert blocked_days(workspace, (MANIFESTS, FEED)).num_rows == 0
    check_batch(workspace, suite, documents(a="Mended.", b=GARBLED, c="Fine."), source="docs", day=day(2))
    assert blocked_days(workspace, tables).num_rows == 0


def test_a_warning_never_blocks(bare: Pipeline) -> None:
    rows = documents(**{f"d{n}": "The same login page." for n in range(8)})
    checked = check_batch(bare.workspace(), suite_for(DOCUMENTS), rows, source="docs", day=day(1))
    failed = [row["expectation"] for row in bare.read(OUTCOMES) if not row["success"]]
    assert failed == ["texts_are_mostly_distinct"]
    assert (checked.blocked_by, checked.passed.num_rows) == ((), 8)
    assert blocked_days(bare.workspace(), (DOCUMENTS,)).num_rows == 0


def test_a_key_holds_its_columns_in_order_even_where_a_name_holds_the_separator() -> None:
    assert row_keys(DOCUMENTS, documents(a="x")) == [f"docs|{day(1)}|docs:a|.md"]


def test_a_state_that_breaks_an_expectation_is_not_written_and_is_forgotten_once_mended(
    bare: Pipeline, inbox: Path
) -> None:
    for folder in ("2026-11-01", "2026-11-02"):
        put(inbox / folder, {"a.md": "# A\n\nText."})
    owned_by_nobody = Pipeline(bare.settings, {day(2): (PathRule(pattern="**", tenant=" "),)})
    with stand_ins():
        bare.run(day(1), through="state")
        land_manifest(owned_by_nobody.workspace(), _ruled(owned_by_nobody), day(2))
    standing = bare.workspace().lake.content_hash(STATE)
    with engine() as connection:
        write_feed(bare.workspace(), connection, bare.settings.sources[0], day(2))
        with pytest.raises(
            CheckFailed, match=r"`standing_document_has_a_tenant`.*goes on serving.*`make dev`"
        ) as raised:
            write_state(bare.workspace(), connection, day(2))
        assert raised.value.exit_code == 1
        assert bare.workspace().lake.content_hash(STATE) == standing
        assert failed_expectations(bare.workspace(), (STATE, CHUNKS), source=ALL_SOURCES) == [
            "silver/document_state: standing_document_has_a_tenant"
        ]
    with stand_ins():  # the rule is taken back: nothing differs from the state that stands any more
        bare.run(day(2), through="state")
    assert bare.workspace().lake.content_hash(STATE) == standing
    assert failed_expectations(bare.workspace(), (STATE, CHUNKS), source=ALL_SOURCES) == []


def _ruled(pipeline: Pipeline) -> SourceSettings:
    return pipeline.settings.sources[0].model_copy(update={"rules": pipeline.rules_on[day(2)]})


def test_of_a_present_state_only_the_newest_batch_counts_whatever_day_brought_it(bare: Pipeline) -> None:
    workspace, suite = bare.workspace(), suite_for(DOCUMENTS)
    for number, text in ((3, GARBLED), (2, "Mended.")):
        check_batch(workspace, suite, documents(a=text), source=ALL_SOURCES, day=day(number))
        failed = failed_expectations(workspace, (DOCUMENTS,), source=ALL_SOURCES)
        assert failed == (["silver/documents: text_is_not_garbled"] if text == GARBLED else [])
    before = workspace.lake.version(OUTCOMES)
    check_batch(workspace, suite, DOCUMENTS.empty(), source=ALL_SOURCES, day=day(4))
    assert workspace.lake.version(OUTCOMES) == before, "nothing was to change, and something was recorded"


def test_a_failure_is_taken_back_when_what_failed_is_gone(bare: Pipeline) -> None:
    workspace, suite = bare.workspace(), suite_for(DOCUMENTS)
    check_batch(workspace, suite, documents(a=GARBLED), source=ALL_SOURCES, day=day(1))
    check_batch(workspace, suite, DOCUMENTS.empty(), source=ALL_SOURCES, day=day(1) + timedelta(1))
    assert failed_expectations(workspace, (DOCUMENTS,), source=ALL_SOURCES) == []

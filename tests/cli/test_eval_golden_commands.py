"""`assay eval draft`, `check` and `run`: from documents to accepted questions to the scores of what serves."""

import json

import pytest
from document_runs import Pipeline, day, put, stand_ins

from assay.cli.eval_golden import check, draft
from assay.cli.eval_run import run
from assay.errors import ConfigurationError
from assay.evaluation.gate import read_item_scores
from assay.retrieval import read_pointer
from assay.settings import SourceSettings

FEES = (
    "# Fees of the house\n\n## What a refund costs\n\nA refund is a payment that goes back within a day.\n\n"
    "## Prices of lists\n\n| List | Price in units | Note |\n|---|---|---|\n| Short list | 40 | none |\n| Long list | 90 | by post |\n"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A release of one document, in a home of its own."""
    folder = tmp_path_factory.mktemp("golden")
    source = SourceSettings(name="docs", uri=f"{folder}/inbox/{{day}}")
    put(folder / "inbox" / "2026-11-01", {"fees.md": FEES})
    with stand_ins():
        home = Pipeline.at(folder / "home", source)
        home.run(day(1))
        yield home


@pytest.fixture
def told(home, monkeypatch, capsys):
    """A command under the settings of the home: its exit code and what it printed."""
    monkeypatch.setenv("ASSAY_HOME", str(home.settings.home))
    monkeypatch.setenv("ASSAY_SOURCES", json.dumps([one.model_dump() for one in home.settings.sources]))

    def call(command, **options):
        code = command(**options)
        return code, capsys.readouterr().out

    return call


def accepted(path):
    lines = [json.loads(line) | {"accepted": "Ada"} for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return lines


def test_from_drafts_to_the_scores_of_what_serves(home, told, tmp_path, monkeypatch):
    path = tmp_path / "questions.jsonl"
    code, said = told(draft, out=path, source=None, per_document=9)
    assert (code, f"are in {path}" in said) == (0, True)
    with pytest.raises(ConfigurationError, match=r"Line 1 .* no person accepted it"):
        told(check, file=path, write=False, as_json=False)
    with pytest.raises(ConfigurationError, match="is there already"):
        told(draft, out=path, source=None, per_document=9)
    with pytest.raises(ConfigurationError, match="no source `docz`; `docs`"):
        told(draft, out=tmp_path / "other.jsonl", source=["docz"], per_document=9)

    lines = accepted(path)
    assert told(check, file=path, write=False, as_json=True) == (0, json.dumps({"questions": len(lines), "moved": [], "lost": [], "written": False}) + "\n")  # fmt: skip

    monkeypatch.setenv("ASSAY_GOLDEN_QUESTIONS", str(path))
    scores = tmp_path / "scores.jsonl"
    code, said = told(run, release=None, out=scores, as_json=True)
    record = json.loads(said)
    assert (code, record["is_smoke"], record["asked"]) == (0, False, len(lines))
    assert record["release"] == read_pointer(home.settings.releases_path).release_id
    found = {one["metric"]: one for one in record["metrics"]}
    assert (found["passages/recall@10"]["ok"], found["passages/recall@10"]["expected"]) == (len(lines), len(lines))
    assert found["passages/recall@10"]["mean"] == 1
    assert found["deterministic.permitted"]["mean"] == 1
    assert found["ragas-0.4/faithfulness"] == {
        "metric": "ragas-0.4/faithfulness",
        "layer": 3,
        "mean": None,
        "ok": 0,
        "expected": 0,
        "statuses": {"SKIPPED": len(lines)},
    }
    assert {one.item_id for one in read_item_scores(scores)} == {line["id"] for line in lines}
    assert record["abstention"]["recall"] is None

    _, said = told(run, release=record["release"], out=None, as_json=False)
    assert f"{len(lines)} of {len(lines)} questions" in " ".join(said.split())
    assert "Abstentions: precision" in said
    with pytest.raises(ConfigurationError, match="`elsewhere@1` is neither"):
        told(run, release="elsewhere@1", out=None, as_json=False)


def test_a_quote_that_moved_is_written_anew_and_one_that_is_lost_ends_with_1(told, tmp_path):
    path = tmp_path / "questions.jsonl"
    told(draft, out=path, source=None, per_document=1)
    [line] = accepted(path)
    [passage] = line["passages"]
    moved = line | {"passages": [passage | {"start": 0, "end": len(passage["quote"])}]}
    lost = line | {"id": "lost", "passages": [{"document_id": passage["document_id"], "quote": "It is free."}]}
    path.write_text(json.dumps(moved) + "\n", "utf-8")
    code, said = told(check, file=path, write=False, as_json=False)
    assert (code, "1 quotes moved, 0 are lost" in said) == (0, True)
    assert json.loads(path.read_text("utf-8")) == moved
    told(check, file=path, write=True, as_json=False)
    assert json.loads(path.read_text("utf-8")) == line
    path.write_text(json.dumps(lost) + "\n", "utf-8")
    code, said = told(check, file=path, write=False, as_json=False)
    assert (code, "Question `lost`" in said) == (1, True)


def test_without_golden_questions_the_run_is_smoke_and_says_so(told, monkeypatch):
    monkeypatch.setenv("ASSAY_GOLDEN_QUESTIONS", "")
    code, said = told(run, release=None, out=None, as_json=True)
    record = json.loads(said)
    assert (code, record["is_smoke"], record["golden"]) == (0, True, "smoke")
    assert record["warnings"][0].startswith("SMOKE: ")
    with pytest.raises(ConfigurationError, match="`ASSAY_GOLDEN_QUESTIONS` is empty"):
        told(check, file=None, write=False, as_json=False)

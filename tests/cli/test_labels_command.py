"""`assay eval labels` and `assay eval calibrate`: from judged items to a judge that may decide, over a real socket."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_runs import COLUMNS, Ran, assay
from judge_doubles import ChatServer, chat_server, completion, ruled
from release_records import configuration_of, pointer_of, record_of

from assay import cli
from assay.evaluation.calibration import calibration, read_judge_evidence
from assay.evaluation.judge import JudgedItem, prompt_hash, write_judged_items
from assay.releases.gate_record import write_record
from assay.releases.measured_release import JUDGED_ITEMS_FILE, evaluation_folder

KEY = "sk-a-key-that-nobody-may-see"


def items(arm: int) -> list[JudgedItem]:
    """A hundred and twenty answers, of which every third is not what its passage says; the arms differ in a tenth."""
    return [
        JudgedItem(
            item_id=f"q{at}",
            cluster=f"d{at}.md",
            slices=(),
            question=f"How many lamps has hall {at}?",
            answer=f"Hall {at} has {'nine' if at % 3 == 0 else 'seven'} lamps{' today' if arm and at % 10 == 0 else ''}.",
            contexts=(f"Hall {at} has seven lamps today.",),
            reference=None,
            abstained=at == 119,
        )
        for at in range(120)
    ]


@dataclass(frozen=True)
class Labelled:
    """The commands of one calibration, in the order in which a person gives them."""

    home: Path
    folder: Path
    url: str
    early: Ran
    exported: Ran
    again: Ran
    refused: Ran
    imported: Ran
    calibrated: Ran


def here(home: Path, *arguments: str, **environment: str) -> Ran:
    """As `assay`, in this process: a command costs a second of CPU to start."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["assay", *arguments])
        for name, value in {"ASSAY_HOME": str(home), "COLUMNS": str(COLUMNS), **environment}.items():
            patch.setenv(name, value)
        code = cli.run()
    return Ran(arguments, code, out.getvalue(), err.getvalue())


def fill(sheet: Path, annotator: str) -> None:
    """As a person would who reads: the answer that says nine is not supported."""
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(
            [row | {"label": "n" if " nine " in row["answer"] else "y", "annotator": annotator} for row in rows]
        )


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory, server: ChatServer) -> Labelled:
    folder = tmp_path_factory.mktemp("labels")
    home, out = folder / "home", folder / "sheets"
    arms = [folder / "candidate.jsonl", folder / "baseline.jsonl"]
    for arm, path in enumerate(arms):
        write_judged_items(path, items(arm))
    judge = {
        "ASSAY_JUDGE_URL": server.url,
        "ASSAY_JUDGE_MODEL": "overlap",
        "ASSAY_JUDGE_API_KEY": KEY,
        "ASSAY_GATE_POLICY": "",
    }
    export = ("eval", "labels", "export", *map(str, arms), "--out", str(out), "--labels", "110")
    early = here(home, "eval", "calibrate", **judge)
    exported = here(home, *export, "--json")
    sheets = sorted(out.glob("*.csv"))
    for number, sheet in enumerate(sheets):
        fill(sheet, f"person {number}")
    again = here(home, *export)
    spoiled = folder / "spoiled.csv"
    spoiled.write_text(sheets[0].read_text(encoding="utf-8").replace(",n,", ",nope,", 1), encoding="utf-8")
    refused = here(home, "eval", "labels", "import", str(sheets[1]), str(spoiled))
    imported = here(home, "eval", "labels", "import", *map(str, sheets), "--json")
    calibrated = assay(home, "eval", "calibrate", "--json", **judge)
    return Labelled(home, out, server.url, early, exported, again, refused, imported, calibrated)


def test_export_draws_blind_sheets_for_two(labelled: Labelled) -> None:
    assert (labelled.exported.code, labelled.exported.err) == (0, "")
    told = json.loads(labelled.exported.out)
    assert (told["pool"], told["drawn"], told["labelled_twice"]) == (119 + 12, 110, 22)
    assert told["inclusion_probability"] == pytest.approx(110 / 131)
    assert sorted(told["files"]) == sorted(map(str, labelled.folder.iterdir()))
    assert len(told["files"]) == 4


def test_a_filled_sheet_is_not_written_over(labelled: Labelled) -> None:
    assert labelled.again.code == 3
    assert "may hold labels. Nothing was written." in labelled.again.err


def test_one_wrong_line_keeps_all_files_out(labelled: Labelled) -> None:
    assert labelled.refused.code == 3
    assert "there is no label `nope`" in labelled.refused.err
    [first, second] = json.loads(labelled.imported.out)
    assert labelled.imported.code == 0
    assert (first["known"], second["known"]) == (0, 0)
    assert (first["new"] + second["new"], first["changed"], first["blank"]) == (132, 0, 0)


def test_before_a_sample_there_is_nothing_to_calibrate_on(labelled: Labelled) -> None:
    assert labelled.early.code == 2
    assert "`assay eval labels export" in labelled.early.err


def test_a_judge_that_agrees_may_decide_and_the_gate_finds_it(labelled: Labelled) -> None:
    ran = labelled.calibrated
    assert (ran.code, ran.err) == (0, "")
    told = json.loads(ran.out)
    assert told["admissible"]
    assert told["problems"] == []
    assert told["evidence"]["labels"] == 110
    assert told["evidence"]["self_agreement"] == 1.0
    assert told["between_people"]["value"] == 1.0
    assert {"ppi", "corrected", "people", "judge_mean"} <= told.keys()
    evidence = read_judge_evidence(labelled.home / "evaluation", f"overlap at {labelled.url}", prompt_hash())
    assert evidence is not None
    assert evidence.labels == 110


def test_the_key_is_in_no_file_and_no_output(labelled: Labelled, server: ChatServer) -> None:
    assert server.headers[-1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in labelled.calibrated.out + labelled.calibrated.err + labelled.early.err
    files = [path for path in labelled.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_judge_that_says_yes_to_all_may_not_decide(labelled: Labelled, server: ChatServer) -> None:
    def agreeable(body):
        status, headers, reply = ruled(body)
        content = json.loads(reply)["choices"][0]["message"]["content"].replace('"verdict": 0', '"verdict": 1')
        return status, headers, completion(content)

    server.answer = agreeable
    ran = here(
        labelled.home,
        "eval",
        "calibrate",
        ASSAY_JUDGE_URL=server.url,
        ASSAY_JUDGE_MODEL="agreeable",
        ASSAY_GATE_POLICY="",
    )
    assert (ran.code, ran.err) == (1, "")
    assert "UNCALIBRATED: kappa 0, must be 0.6" in ran.out
    assert "true negative rate 0, must be 0.75" in ran.out


@pytest.mark.parametrize(
    ("agreement", "code", "said"),
    [
        (None, 2, "UNCALIBRATED: How often the judge agrees with itself was not measured."),
        (0.5, 1, "UNCALIBRATED: The judge agrees with itself on 50.0%; 95% is the least."),
    ],
)
def test_a_judge_that_may_not_say_the_same_again_does_not_decide(
    labelled: Labelled,
    server: ChatServer,
    monkeypatch: pytest.MonkeyPatch,
    agreement: float | None,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(calibration, "agreement_with_itself", lambda *_: agreement)
    monkeypatch.setattr(server, "answer", ruled)
    judge = {"ASSAY_JUDGE_URL": server.url, "ASSAY_JUDGE_MODEL": "unsteady", "ASSAY_GATE_POLICY": ""}
    ran = here(labelled.home, "eval", "calibrate", **judge)
    assert (ran.code, ran.err) == (code, "")
    assert said in ran.out
    assert "It may decide" not in ran.out


def test_without_a_judge_there_is_none_to_calibrate(labelled: Labelled) -> None:
    ran = here(labelled.home, "eval", "calibrate")
    assert ran.code == 3
    assert "`ASSAY_JUDGE_URL`" in ran.err


def test_what_the_last_gate_saw_is_labelled_unless_files_are_named(tmp_path: Path) -> None:
    export = ("eval", "labels", "export", "--out", str(tmp_path / "sheets"), "--json")
    none = here(tmp_path, *export)
    assert none.code == 2
    assert "`assay release gate`" in none.err

    one, other = configuration_of(tmp_path), configuration_of(tmp_path, answer_passages=3)
    releases = tmp_path / "releases"
    for number, configuration in enumerate((one, other)):
        folder = evaluation_folder(releases, pointer_of(configuration).release_id)
        write_judged_items(folder / JUDGED_ITEMS_FILE, items(number)[:20])
    write_record(releases, record_of(one, minute=1))
    write_record(releases, record_of(other, baseline=pointer_of(one), minute=2))
    told = json.loads(here(tmp_path, *export).out)
    assert (told["pool"], told["drawn"], told["warnings"]) == (22, 22, [])

    # A promotion and one more run: nothing asks for the answers of what served before.
    before, now = (
        evaluation_folder(releases, pointer_of(each).release_id) / JUDGED_ITEMS_FILE for each in (one, other)
    )
    before.unlink()
    again = here(tmp_path, *export[:-1], "--labels", "9")
    assert (again.code, again.err) == (0, "")
    assert f"warning: What release {before.parent.name} answered is not kept any more" in again.out
    assert f"drawn from {now.parent.name} alone" in again.out
    now.unlink()
    neither = here(tmp_path, *export)
    assert neither.code == 2
    assert "`assay release gate`" in neither.err

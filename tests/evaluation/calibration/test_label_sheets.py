"""Sheets out and in: blind, inert in a spreadsheet, and refused by the line."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from labelled_samples import filled, made_sample, truth

from assay.errors import ConfigurationError
from assay.evaluation.calibration import pool
from assay.evaluation.calibration.label_sheets import read_sheet, sheet_csv, sheets_of
from assay.evaluation.calibration.sample_files import (
    add_labels,
    read_labels,
    read_sample,
    read_samples,
    sample_of,
    write_sample,
)
from assay.evaluation.calibration.sampling import draw
from assay.evaluation.judge import JudgedItem

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SAMPLE = made_sample()
SAMPLES = {SAMPLE.sample_id: SAMPLE}


def sheet(number: int = 1) -> str:
    return sheet_csv(SAMPLE, sheets_of(SAMPLE)[number])


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_a_sheet_tells_neither_arm_nor_stratum_nor_who_else_labels_it() -> None:
    rows = list(csv.DictReader(io.StringIO(sheet(), newline="")))
    assert list(rows[0]) == ["sample", "label_id", "question", "answer", "passages", "label", "annotator", "note"]
    assert [row["label_id"] for row in rows] == sorted(row["label_id"] for row in rows)
    assert {(row["label"], row["annotator"], row["note"]) for row in rows} == {("", "", "")}
    both = [{one.label_id for one in answers} for answers in sheets_of(SAMPLE).values()]
    assert len(both[0] & both[1]) == 4
    assert len(both[0] | both[1]) == 20


def test_cells_that_a_spreadsheet_would_run_are_text() -> None:
    item = JudgedItem("q", None, (), "=HYPERLINK(1)", "+1", ("-2",), None, abstained=False)
    sample = sample_of(draw(pool([[item]]), 1, 1, 0))
    [row] = csv.DictReader(io.StringIO(sheet_csv(sample, sample.drawn), newline=""))
    assert (row["question"], row["answer"]) == ("'=HYPERLINK(1)", "'+1")


@pytest.mark.parametrize("divider", [";", "\t", "\n", "\r\n"])
@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " ="])
def test_no_cell_is_run_where_a_spreadsheet_divides_otherwise(divider: str, begin: str) -> None:
    item = JudgedItem("q", None, (), "Why?", f"Nothing{divider}{begin}1+1", ("p",), None, abstained=False)
    sample = sample_of(draw(pool([[item]]), 1, 1, 0))
    said = sheet_csv(sample, sample.drawn)
    [row] = csv.DictReader(io.StringIO(said, newline=""))
    assert row["answer"] == f"Nothing{divider}'{begin}1+1"
    assert '"y"' not in said
    assert all(line.startswith('"') and line.endswith('"') for line in said.split("\r\n") if divider == ";" and line)


def test_no_id_is_a_number_to_a_spreadsheet() -> None:
    """`123e4` and twelve figures are both hashes; a spreadsheet would write 1230000 and 1.23457E+11."""
    assert SAMPLE.sample_id.startswith("s")
    assert {one.label_id[0] for one in SAMPLE.answers} == {"a"}


def test_a_header_that_no_reader_takes_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "sheet.csv", "x" * 131_073 + sheet())
    with pytest.raises(ConfigurationError, match=rf"^Line 1 of `{path}` cannot be used: field larger than"):
        read_sheet(path, SAMPLES, NOW)


def test_a_filled_sheet_comes_in_with_who_labelled(tmp_path: Path) -> None:
    path = written(tmp_path / "sheet.csv", filled(sheet(), truth, "Ada"))
    found = read_sheet(path, SAMPLES, NOW)
    assert found.sample_id == SAMPLE.sample_id
    assert {one.annotator for one in found.labels} == {"Ada"}
    answers = {one.label_id: one.answer for one in SAMPLE.answers}
    assert all((one.label == "n") == ("wrong" in answers[one.label_id]) for one in found.labels)
    assert found.blank == 0


def test_as_spreadsheets_save_it(tmp_path: Path) -> None:
    text = filled(sheet(), lambda row: "Yes" if truth(row) == "y" else "NO ", "Ada")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    other = io.StringIO()
    csv.writer(other, delimiter=";").writerows(rows)
    plain = read_sheet(written(tmp_path / "comma.csv", text), SAMPLES, NOW)
    assert read_sheet(written(tmp_path / "semicolon.csv", other.getvalue(), "utf-8-sig"), SAMPLES, NOW) == plain
    assert len(plain.labels) == len(rows) - 1


def test_lines_that_nobody_labelled_yet_are_counted(tmp_path: Path) -> None:
    found = read_sheet(written(tmp_path / "sheet.csv", sheet()), SAMPLES, NOW)
    assert found.labels == ()
    assert found.blank == len(sheets_of(SAMPLE)[1])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{sample},{id},maybe,Ada", "there is no label `maybe`"),
        ("{sample},ffffffffffff,y,Ada", "no answer `ffffffffffff` was drawn"),
        ("{sample},{undrawn},y,Ada", "was drawn into the sample"),
        ("0000000000,{id},y,Ada", "there is no sample `0000000000`"),
        ("{sample},{id},y,", "does not say who"),
        ("{sample},{known},y,Ada", "labelled `{known}` in a line before"),
        ("{sample},{id},y", "more or fewer cells"),
        ("{sample},{id},y,Ada,more,cells", "more or fewer cells"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_and_nothing_is_taken(tmp_path: Path, line: str, problem: str) -> None:
    known, other = SAMPLE.drawn[0].label_id, SAMPLE.drawn[1].label_id
    undrawn = next(one.label_id for one in SAMPLE.answers if not one.annotators)
    names = {"sample": SAMPLE.sample_id, "id": other, "known": known, "undrawn": undrawn}
    lines = ["sample,label_id,label,annotator", f"{SAMPLE.sample_id},{known},y,Ada", line.format(**names)]
    path = written(tmp_path / "sheet.csv", "\n".join(lines))
    with pytest.raises(ConfigurationError) as found:
        read_sheet(path, SAMPLES, NOW)
    assert str(found.value).startswith(f"Line 3 of `{path}`")
    assert problem.format(**names) in str(found.value)
    assert f"`assay eval labels import {path}`" in str(found.value)


def test_what_is_no_sheet_is_refused(tmp_path: Path) -> None:
    for name, content in (("bytes.csv", b"\xff\xfe\x00"), ("other.csv", b"a,b\n1,2\n"), ("empty.csv", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigurationError):
            read_sheet(tmp_path / name, SAMPLES, NOW)


def test_the_last_label_of_an_annotator_counts_and_the_ones_before_stay(tmp_path: Path) -> None:
    write_sample(tmp_path, SAMPLE)
    for said in (truth, lambda _row: "u"):
        path = written(tmp_path / "sheet.csv", filled(sheet(), said, "Ada"))
        add_labels(tmp_path, SAMPLE.sample_id, read_sheet(path, SAMPLES, NOW).labels)
    found = read_labels(tmp_path, SAMPLE.sample_id)
    assert {label.label for given in found.values() for label in given.values()} == {"u"}
    [file] = tmp_path.rglob("labels.jsonl")
    assert len(file.read_text().splitlines()) == 2 * len(sheets_of(SAMPLE)[1])


def test_a_line_that_a_crash_cut_short_costs_that_label_alone(tmp_path: Path) -> None:
    write_sample(tmp_path, SAMPLE)
    labels = read_sheet(written(tmp_path / "s.csv", filled(sheet(), truth, "Ada")), SAMPLES, NOW).labels
    add_labels(tmp_path, SAMPLE.sample_id, labels[:3])
    [file] = tmp_path.rglob("labels.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    add_labels(tmp_path, SAMPLE.sample_id, labels[3:5])
    assert set(read_labels(tmp_path, SAMPLE.sample_id)) == {one.label_id for one in (*labels[:2], *labels[3:5])}


def test_a_sample_comes_back_as_it_was_drawn(tmp_path: Path) -> None:
    hostile = made_sample(hostile=True)
    write_sample(tmp_path, SAMPLE)
    write_sample(tmp_path, hostile)
    assert read_sample(tmp_path, SAMPLE.sample_id) == SAMPLE
    assert read_samples(tmp_path) == {one.sample_id: one for one in (SAMPLE, hostile)}
    assert read_sample(tmp_path) == hostile
    write_sample(tmp_path, SAMPLE)
    assert read_sample(tmp_path) == SAMPLE, "exported again, it is the newest"
    with pytest.raises(ConfigurationError, match="There is no sample"):
        read_sample(tmp_path, "../calibration")


def test_a_sample_that_was_spoiled_says_what_to_do(tmp_path: Path) -> None:
    write_sample(tmp_path, SAMPLE)
    [file] = tmp_path.rglob("pool.jsonl")
    file.write_text(file.read_text()[:-30])
    with pytest.raises(ConfigurationError, match=f"`rm {file}`"):
        read_sample(tmp_path)

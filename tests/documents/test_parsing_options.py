"""What a deployment sets about parsing reaches the workers, and its passwords reach nothing else."""

import logging
import pickle
from pathlib import Path

import pytest
from option_parsers import say_options, work_page_by_page
from pdf_files import pdf, text
from typer.testing import CliRunner

from assay.cli import app
from assay.documents.parsing import ParsedDocument, ParseOptions, ParserPool, is_current, parsers
from assay.errors import DocumentRejected
from assay.settings import Settings, load_settings

PASSWORD = "correct-horse-battery"
LOCKED = pdf(text("Behind the lock", 72, 700), password=PASSWORD)


def test_settings_become_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DOCUMENT_PASSWORDS", f" first , {PASSWORD},")
    monkeypatch.setenv("ASSAY_OCR_LANGUAGES", "eng+spa")
    options = ParseOptions.of(load_settings())
    assert options == ParseOptions(("first", PASSWORD), "eng+spa")
    assert ParseOptions.of(Settings(document_passwords=(), ocr_languages="eng")) == ParseOptions()


def test_options_reach_every_worker() -> None:
    options = ParseOptions(("a", "b"), "eng+deu")
    with ParserPool(workers=2, options=options, parse=say_options) as pool:
        answers = list(pool.parse_many((number, b"x", "x") for number in range(6)))
    assert {answer.text for _, answer in answers if isinstance(answer, ParsedDocument)} == {"2 eng+deu"}


def test_a_password_opens_a_document_and_shows_up_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_DOCUMENT_PASSWORDS", PASSWORD)
    caplog.set_level(logging.DEBUG)
    settings = load_settings()
    options = ParseOptions.of(settings)
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(options), str(options)]
    with ParserPool(workers=1, options=options) as pool:
        [(_, answer)] = pool.parse_many([(1, LOCKED, "a.pdf")])
        [(_, refusal)] = pool.parse_many([(2, b"%PDF-1.4\nbroken", "a.pdf")])
        [process] = children(pool)
        shown += [(process / place).read_bytes().decode(errors="replace") for place in ("cmdline", "environ")]
        shown += [repr(vars(pool)), repr(refusal), f"{refusal!s}"]
    assert isinstance(answer, ParsedDocument)
    assert answer.text == "Behind the lock"
    shown += [repr(answer), caplog.text, *capfd.readouterr()]
    assert [one for one in shown if PASSWORD in one] == []


def test_the_doctor_shows_that_there_are_passwords_and_not_which() -> None:
    done = CliRunner().invoke(
        app, ["doctor", "--settings"], env={"ASSAY_DOCUMENT_PASSWORDS": PASSWORD, "COLUMNS": "200"}
    )
    assert "ASSAY_DOCUMENT_PASSWORDS" in done.output
    assert "SecretStr('**********')" in done.output
    assert PASSWORD not in done.output


def test_a_text_is_current_only_for_the_parser_and_the_engine_that_made_it() -> None:
    from assay.documents.parsing.ocr import ocr_identity

    options = ParseOptions()
    [identity] = [parser.identity for parser in parsers() if parser.name == "pdf"]
    engine = ocr_identity(options)
    assert is_current(identity, options)
    assert is_current(f"{identity}+{engine}", options)
    assert not is_current("pdf@0", options)
    assert not is_current("no-such-parser@1", options)
    assert not is_current(f"{identity}+tesseract-0.1:eng", options)
    if engine != "none":
        assert not is_current(f"{identity}+{engine}", ParseOptions(ocr_languages="eng+eng"))


def test_a_scan_has_its_deadline_for_every_page() -> None:
    with ParserPool(workers=1, timeout_seconds=1.5, parse=work_page_by_page) as pool:
        answers = dict(pool.parse_many([("scan", b"alive", "5"), ("stuck", b"silent", "5"), ("short", b"silent", "1")]))
    assert {key: getattr(answer, "reason", "parsed") for key, answer in answers.items()} == {
        "scan": "parsed", "stuck": "timeout", "short": "parsed",
    }  # fmt: skip


def test_refusals_travel_without_the_options() -> None:
    options = ParseOptions((PASSWORD,))
    with ParserPool(workers=1, options=options) as pool:
        [(_, answer)] = pool.parse_many([(1, pdf(text("x", 72, 700), password="another"), "a.pdf")])
    assert isinstance(answer, DocumentRejected)
    assert answer.reason == "encrypted"
    assert PASSWORD.encode() not in pickle.dumps(answer)


def children(pool: ParserPool) -> list[Path]:
    """The folders of the workers' processes under /proc."""
    return [Path("/proc") / str(worker._process.pid) for worker in pool._workers]

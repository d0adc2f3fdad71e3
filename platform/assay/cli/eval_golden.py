"""`assay eval draft` and `assay eval check`: golden questions for documents of one's own, and whether they still hold."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from assay.durable_files import replace_file, write_error
from assay.errors import ConfigurationError, NotReady
from assay.settings import Settings, load_settings
from assay.workspace import Run, Workspace

EXIT_LOST = 1


def draft(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the candidates go; must not be there yet.")],
    source: Annotated[
        list[str] | None,
        typer.Option(help="Only documents of this source; repeatable. Default: all that are configured."),
    ] = None,
    per_document: Annotated[int, typer.Option(min=1, help="At most so many of each document.")] = 3,
) -> int:
    """Draft golden questions from headings, table rows and definitions, for a person to rewrite and accept. No model is asked."""
    from assay.evaluation.current_documents import Corpus
    from assay.evaluation.golden_drafts import drafted_questions

    settings = load_settings()
    if out.exists():
        raise ConfigurationError(
            f"`{out}` is there already, and may hold what somebody accepted. Nothing was written. Choose another file: "
            "`assay eval draft --out FILE`."
        )
    corpus = Corpus(_workspace(settings))
    documents = corpus.documents(corpus.findable_ids(_sources(settings, source or [])))
    lines = drafted_questions(documents, per_document)
    if not lines:
        raise NotReady(
            "No document gives a question: none is current, or none has a heading, a table or a definition. Nothing was written. "
            "Take documents in with `assay ingest DIR`."
        )
    write_lines(out, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    for said in (
        f"{len(lines)} candidates from {len({_document_of(line) for line in lines})} of {len(documents)} documents are in {out}.",
        "Rewrite each as people ask, and write your name into `accepted`; take away the lines that are no use, and add "
        "questions without an answer (15% or more). A file with a line that nobody accepted is refused.",
        f"Then: `assay eval check {out}`, and `ASSAY_GOLDEN_QUESTIONS={out}`.",
    ):
        typer.echo(said)
    return 0


def check(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="By default the golden questions of the settings.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the spans of quotes that moved into the file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")] = False,
) -> int:
    """Look whether every golden passage still stands in today's documents. Exit 1 where one does not."""
    from assay.evaluation.golden_question_files import read_golden_questions, with_spans
    from assay.evaluation.golden_set import located_questions

    settings = load_settings()
    path = file or settings.golden_questions
    if path is None:
        raise ConfigurationError(
            "There are no golden questions: `ASSAY_GOLDEN_QUESTIONS` is empty. Nothing was looked at. Draft some with "
            "`assay eval draft --out FILE`, or name a file: `assay eval check FILE`."
        )
    questions = read_golden_questions(path)
    found = located_questions(_workspace(settings), questions)
    if write:
        write_lines(path, with_spans(path, found.questions))
    if as_json:
        record = {"questions": len(questions), "moved": list(found.moved), "lost": list(found.lost), "written": write}
        typer.echo(json.dumps(record, ensure_ascii=False))
        return EXIT_LOST if found.lost else 0
    console = Console()
    for said in found.warnings:
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"{len(questions)} questions: {len(found.moved)} quotes moved, {len(found.lost)} are lost.", markup=False
    )
    if found.moved:
        said = "Their spans were written." if write else f"Write their spans with `assay eval check {path} --write`."
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    if found.lost:
        console.print(
            f"What is lost counts as a miss of every release. Correct or take away those questions in {path}.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    return EXIT_LOST if found.lost else 0


def write_lines(path: Path, text: str) -> None:
    """Write a file of lines whole. Raises DiskFull or StorageError, with what was there before untouched."""
    try:
        replace_file(path, text)
    except OSError as error:
        raise write_error(
            f"`{path}` was not written: {error.strerror}. What stood there stands. Free the disk or choose another place, then "
            "run the same command again.",
            error,
        ) from error


def _sources(settings: Settings, wanted: list[str]) -> list[str]:
    known = [source.name for source in settings.active_sources]
    if strangers := [name for name in wanted if name not in known]:
        raise ConfigurationError(
            f"There is no source `{strangers[0]}`; {', '.join(f'`{name}`' for name in known)} are configured. Nothing was "
            "written. Leave out `--source` for all of them."
        )
    return wanted or known


def _document_of(line: dict[str, list[dict[str, str]]]) -> str:
    return line["passages"][0]["document_id"]


def _workspace(settings: Settings) -> Workspace:
    return Workspace(settings, Run("command line", datetime.now(UTC)))

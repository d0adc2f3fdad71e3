"""Data Docs: a page for every judged batch, as Great Expectations renders it, and an index of them, to read offline.

The pages lie under `<home>/data_docs/`: `<table>/<source>/<day>.html`, `all-sources` for a table of the present state. They
name keys and counts, never a value: results come without values (`runner`). Great Expectations' own page loads its style
and scripts from other hosts and sends the reader's browser there, so its sections are set into a page of ours, which loads
nothing.
"""

import html
import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import UTC, date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.durable_files import write_error
from assay.locks import exclusive
from assay.quality.expectations import Suite
from assay.quality.runner import Outcome, Validation
from assay.settings import Settings
from assay.workspace import Workspace

if TYPE_CHECKING:
    from great_expectations.render.view.view import DefaultJinjaPageView
    from jinja2 import Template

INDEX = "index.html"
_TEMPLATES = Path(__file__).parent / "data_docs_templates"
_SUMMARY = re.compile(r'<meta name="assay-page" content="([^"]*)">')
# The summary stands at a page's head; with all names of the longest suite it has 2,000 characters.
_HEAD_CHARACTERS = 4096


@dataclass(frozen=True)
class PageSummary:
    """What the index says of a page. `verdict` is `passed`, `warning` or `failed`, `judged_at` the start of its run."""

    table: str
    source: str
    day: str
    verdict: str
    failing: tuple[str, ...]
    judged_at: str
    href: str


def page_path(settings: Settings, table: str, source: str, day: date) -> Path:
    """Where the page of a batch lies, or would."""
    return settings.data_docs_path / _href(table, source, day)


def page_url(settings: Settings, table: str, source: str, day: date) -> str:
    """The address of a batch's page, where `ASSAY_DATA_DOCS_URL` serves the folder."""
    return f"{settings.data_docs_url.rstrip('/')}/{_href(table, source, day)}"


def index_url(settings: Settings) -> str:
    """The address of the index of all pages."""
    return f"{settings.data_docs_url.rstrip('/')}/{INDEX}"


def write_page(workspace: Workspace, suite: Suite, validation: Validation, rows: int, source: str, day: date) -> None:
    """Write the page of a batch of so many rows, and the index. A batch that had nothing to judge has no page.

    Raises DiskFull or StorageError; the pages before stand.
    """
    path = page_path(workspace.settings, suite.table.name, source, day)
    if not validation.results and not path.exists():
        return
    with exclusive(workspace.settings.locks_path / "data_docs.lock"):
        if validation.results:
            _write(path, _page(workspace, suite, validation, rows, source, day))
        else:
            path.unlink(missing_ok=True)
        _write_index(workspace.settings)


def _write_index(settings: Settings) -> None:
    """Make the index list the pages that lie there, the newest first."""
    pages = [_summary_of(path) for path in settings.data_docs_path.glob("**/*.html") if path.name != INDEX]
    newest = sorted(
        (page for page in pages if page), key=lambda page: (page.judged_at, page.day, page.href), reverse=True
    )
    _write(settings.data_docs_path / INDEX, _index_template().render(pages=newest))


def _page(workspace: Workspace, suite: Suite, validation: Validation, rows: int, source: str, day: date) -> str:
    import great_expectations
    from great_expectations.core import ExpectationSuiteValidationResult
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    verdicts = [_verdict(suite, outcome) for outcome in validation.outcomes]
    words = [verdict["word"] for verdict in verdicts]
    href = _href(suite.table.name, source, day)
    page = PageSummary(
        table=suite.table.name,
        source=source,
        day=day.isoformat(),
        verdict="failed" if "failed" in words else "warning" if "warning" in words else "passed",
        failing=tuple(verdict["name"] for verdict in verdicts if verdict["word"] in ("failed", "warning")),
        judged_at=f"{workspace.run.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC",
        href=href,
    )
    judged = ExpectationSuiteValidationResult(
        success=all(result.success for result in validation.results),
        results=list(validation.results),
        suite_name=suite.table.name,
    )
    document = ValidationResultsPageRenderer().render(judged)
    return _view().render(
        document,
        template="batch_page.html",
        page=page,
        summary=json.dumps(asdict(page)),
        to_index="../" * href.count("/"),
        evaluated_rows=rows,
        run_id=workspace.run.run_id,
        verdicts=verdicts,
        findings=[
            verdict for word in ("failed", "warning", "tolerated") for verdict in verdicts if verdict["word"] == word
        ],
        ge_version=great_expectations.__version__,
    )


@cache
def _index_template() -> "Template":
    """Without Great Expectations: where a batch has become empty, nothing else needs it."""
    from jinja2 import Environment, FileSystemLoader

    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True).get_template("batch_index.html")


@cache
def _view() -> "DefaultJinjaPageView":
    """Great Expectations' view, with our templates beside its own. Made once: it takes .04 s, a page .01 s."""
    from great_expectations.render.view.view import DefaultJinjaPageView

    return DefaultJinjaPageView(custom_views_directory=str(_TEMPLATES))


def _verdict(suite: Suite, outcome: Outcome) -> dict[str, Any]:
    """What the page says of an expectation; `word` is `passed`, `tolerated`, `warning` or `failed`."""
    expectation = suite.expectation(outcome.expectation)
    word = "passed" if not outcome.unexpected else "tolerated"
    if not outcome.success:
        word = "failed" if expectation.severity == "blocking" else "warning"
    return {
        "name": outcome.expectation,
        "word": word,
        "description": expectation.description,
        "evaluated": outcome.evaluated,
        "unexpected": outcome.unexpected,
        "tolerated": f"{expectation.tolerated_ratio:.0%}" if expectation.tolerated_ratio else "",
        "failing_keys": outcome.failing_keys,
    }


def _href(table: str, source: str, day: date) -> str:
    """A page's path in the folder. Tables and sources are named in safe characters; `*` stands for all sources, and what
    follows it for a part of the table."""
    folder = f"all-sources-{source[1:]}".rstrip("-") if source.startswith("*") else source
    return f"{table}/{folder}/{day}.html"


def _summary_of(path: Path) -> PageSummary | None:
    """What the page says of itself; None for a file that is no page of this version's."""
    with path.open(encoding="utf-8") as file:
        found = _SUMMARY.search(file.read(_HEAD_CHARACTERS))
    said = json.loads(html.unescape(found[1])) if found else {}
    return PageSummary(**said) if said.keys() == PageSummary.__dataclass_fields__.keys() else None


def _write(path: Path, text: str) -> None:
    """Under another name first, so that a reader or a kill never sees half a page. The caller holds the lock."""
    partial = path.with_name(f".writing-{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise write_error(
            f"The page `{path}` could not be written: {error.strerror}. Its batch was not written either, what was "
            "committed before stands. See the place with `df -h`, then run this again.",
            error,
        ) from error

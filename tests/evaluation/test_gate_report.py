"""The gate's report: what a reader sees of a decision, and that no text in it can be more than a text."""

import json
import math
import random
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from golden_items import question
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from assay.cli import app
from assay.cli.eval_report import report
from assay.errors import ConfigurationError, NotReady, StorageError
from assay.evaluation.gate import (
    Finding,
    GateDecision,
    GatePolicy,
    ItemScore,
    MetricPolicy,
    MetricRow,
    Operations,
    compare,
)
from assay.evaluation.gate_report import (
    HTML_FILE,
    MARKDOWN_FILE,
    ItemChange,
    ItemTexts,
    ReportContext,
    most_changed,
    plot_svg,
    render_html,
    render_markdown,
    write_report,
)
from assay.evaluation.golden_questions import GoldenPlace
from assay.evaluation.golden_spans import locate
from assay.releases.gate_record import GateRecord, write_record
from assay.releases.measured_release import evaluation_folder
from assay.retrieval import ServingPointer
from assay.retrieval.configurations import ReleaseConfiguration

# GitHub refuses a longer comment.
COMMENT_CHARACTERS = 65_536
PARTS = ["Layers", "Metrics", "Differences", "Findings, in the order of the steps", "Slices", "Items that changed most"]
HOSTILE = (
    '"><script src="//x.example/y.js">1</script>&lt;|[a](http://x.example) ![b](c) @octocat #12 **c** `d` ``e`\n# f\\'
)


class Page(HTMLParser):
    """Tags in their order with their attributes, and the text of each element of a kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[tuple[str, str | None], ...]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(attrs)))
        if tag not in ("meta", "rect", "line", "circle", "path"):
            self._open.append([tag, ""])

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self.texts.append((tag, self._open.pop()[1]))

    def handle_data(self, data: str) -> None:
        for one in self._open:
            one[1] += data

    def of(self, tag: str) -> list[str]:
        return [" ".join(text.split()) for kind, text in self.texts if kind == tag]


def scores(arm: int) -> list[ItemScore]:
    """120 items of 60 documents: the candidate (1) ranks a fifth of them worse, breaks one rule, has one time-out."""
    made: list[ItemScore] = []
    for at in range(120):
        draw = random.Random(at)
        rank, recall, proxy = draw.random() * 0.5 + 0.5, float(draw.random() < 0.9), draw.random()
        of = {"item_id": f"q{at:03d}", "cluster": f"d{at // 2}", "slices": ("es",) if at % 3 == 0 else ()}
        worse = arm == 1 and at % 5 == 0
        made += [
            ItemScore(metric="passages/ndcg@10", score=rank - 0.4 * worse, **of),
            ItemScore(metric="passages/recall@5", score=recall, **of),
            ItemScore(metric="deterministic.quotes_found", score=float(not (arm == 1 and at == 17)), **of),
            ItemScore(metric="proxy.support", score=proxy, **of),
            ItemScore(metric="ragas-0.4/faithfulness", score=None, status="SKIPPED", **of),
        ]
        if at != 33 or arm == 0:
            made.append(ItemScore(metric="rouge-l/f1", score=proxy, **of))
        else:
            made.append(ItemScore(metric="rouge-l/f1", score=None, status="ERROR(timeout)", **of))
    return made


CANDIDATE, BASELINE = scores(1), scores(0)
POLICY = GatePolicy(name="strict", metrics={"passages/recall@5": MetricPolicy(floor=0.5, margin=0.1)})
DECISION = compare(CANDIDATE, BASELINE, POLICY)
FIRST = compare(CANDIDATE, [], POLICY)
TEXTS = {f"q{at:03d}": ItemTexts(f"Question {at}?", f"New {at}.", f"Old {at}.") for at in range(120)}


def context(*, is_smoke: bool = False, **changes: object) -> ReportContext:
    made = ReportContext(
        title="Release 8765232da221@11",
        facts=(("candidate", "8765232da221@11"), ("baseline", "1f2e3d4c5b6a@9")),
        layers={1: "FAIL", 2: "FAIL: 1 of 3 metrics.", 3: "SKIPPED", 4: "SKIPPED: there is no judge to calibrate."},
        is_smoke=is_smoke,
        warnings=("The span of `q017` moved by 14 characters.",),
        items=most_changed(DECISION, CANDIDATE, BASELINE, TEXTS),
    )
    return replace(made, **changes)


def cells(page: str, part: str) -> list[list[str]]:
    """The rows of the table under a heading of the page, its head aside."""
    table = page[page.index(f'<h2 id="{part}">') :].partition("<tbody>")[2].partition("</tbody>")[0]
    return [Page(row).of("td") for row in table.split("</tr>") if "<td" in row]


def test_the_page_says_the_verdict_and_what_decided() -> None:
    page = Page(render_html(DECISION, context()))
    [verdict] = [text for text in page.of("p") if text.startswith("FAIL")]
    assert verdict.startswith("FAIL under the policy strict. A step proved harm; it may not serve")
    because = "Decided by zero_tolerance, step 2, on deterministic.quotes_found: 1 of 120 items failed: q017."
    assert because in page.of("p")
    assert page.of("title")[0] == "FAIL · Release 8765232da221@11"


def test_every_figure_of_the_decision_stands_in_the_metrics_table() -> None:
    rows = {row[0]: row[1:] for row in cells(render_html(DECISION, context()), "metrics")}
    assert list(rows) == [row.metric for row in DECISION.metrics]
    for row in DECISION.metrics:
        n, covered, candidate, baseline, change, margin, verdict = rows[row.metric]
        assert (int(n), verdict) == (row.n, row.verdict)
        assert covered.startswith(f"{row.n}/{row.expected} ({int(row.coverage * 1000) / 10}%)")
        assert margin == ("none" if row.metric.startswith("deterministic.") else f"{row.margin:g}")
        if row.difference is None:
            assert (candidate, baseline, change) == ("–", "–", "–")
        else:
            shown = [float(one) for one in re.findall(r"[+-]?\d+\.\d+", f"{candidate} {baseline} {change}")]
            assert shown == pytest.approx([row.candidate, row.baseline, row.difference, row.lower, row.upper], abs=5e-4)
    assert rows["rouge-l/f1"][1] == "119/120 (99.1%)"  # cut, never rounded up
    assert rows["passages/recall@5"][5] == "0.1"


def test_findings_stand_in_the_order_of_the_steps_and_name_metric_and_slice() -> None:
    rows = cells(render_html(DECISION, context()), "findings")
    assert [row[1] for row in rows] == [one.rule for one in DECISION.findings]
    assert [int(row[0]) for row in rows] == sorted(int(row[0]) for row in rows)
    assert [row[3:5] for row in rows] == [[one.metric or "", one.slice or ""] for one in DECISION.findings]
    slices = cells(render_html(DECISION, context()), "slices")
    assert slices == [row for row in rows if row[1] == "slices" or row[4]] != []


def test_a_skipped_layer_is_said_in_words() -> None:
    rows = {row[1]: row[2:] for row in cells(render_html(DECISION, context()), "layers")}
    assert rows["judge"] == ["SKIPPED", "No judge was asked, and nothing stands in for it."]
    assert rows["human calibration"] == ["SKIPPED", "there is no judge to calibrate."]
    assert rows["heuristic"] == ["FAIL", "1 of 3 metrics."]
    assert "- 3 judge: **SKIPPED** No judge was asked, and nothing stands in for it." in render_markdown(
        DECISION, context()
    )


def test_changed_items_stand_with_both_answers_and_warnings_are_shown() -> None:
    text = render_html(DECISION, context())
    first = Page(text[text.index('<section class="item">') :].partition("</section>")[0])
    assert first.of("p") == ["Question 17?", "Old 17.", "New 17."]
    assert first.of("h4") == ["baseline, 1.000", "candidate, 0.000"]
    assert "The span of q017 moved by 14 characters." in Page(text).of("li")
    said = render_markdown(DECISION, context())
    assert (
        "- `q017` `deterministic.quotes_found` 1.000 → 0.000\n  - question: `Question 17?`\n"
        "  - baseline: `Old 17.`\n  - candidate: `New 17.`"
    ) in said
    assert "- The span of `q017` moved by 14 characters." in said


def test_smoke_stands_on_every_part_of_the_page_and_nowhere_else() -> None:
    page, plain = Page(render_html(DECISION, context(is_smoke=True))), render_html(DECISION, context())
    headings = [*page.of("h1"), *page.of("h2")]
    assert headings == ["Release 8765232da221@11 SMOKE", *(f"{part} SMOKE" for part in [*PARTS, "Warnings"])]
    assert ("div", (("class", "stamp"), ("aria-hidden", "true"))) in page.tags, "the stamp of every printed page"
    assert "SMOKE" in plot_svg(DECISION, is_smoke=True)
    said = render_markdown(DECISION, context(is_smoke=True))
    assert all(line.endswith("SMOKE") for line in said.splitlines() if line.startswith("#"))
    assert "SMOKE" not in plain + plot_svg(DECISION) + render_markdown(DECISION, context())


def test_without_a_baseline_nothing_is_compared_and_the_report_says_so() -> None:
    first = context(items=most_changed(FIRST, CANDIDATE, []))
    assert first.items == ()
    text, said = render_html(FIRST, first), render_markdown(FIRST, first)
    assert "There is no baseline, so there is no difference to draw." in text
    assert "There is no baseline to have changed from." in text
    assert "There is no baseline to have changed from." in said
    assert {row[4] for row in cells(text, "metrics")} == {"–"}


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    text = render_html(DECISION, context(title=HOSTILE))
    tags = Page(text).tags
    assert not {"script", "link", "img", "iframe", "object", "form"} & {tag for tag, _ in tags}
    links = [value for _, attributes in tags for name, value in attributes if name in ("src", "href", "xlink:href")]
    assert set(links) == {"#warnings"}
    assert not [name for _, attributes in tags for name, _ in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import", "".join(Page(text).of("style")))


def hostile(text: str, sentence: str) -> tuple[GateDecision, ReportContext]:
    """A decision and context in which every text from data is `text`; those with names in backticks are `sentence`."""
    rows = [replace(row, metric=f"{text}{at}") for at, row in enumerate(DECISION.metrics)]
    findings = [Finding("slices", "FAIL", sentence, text, text), Finding("coverage", "PASS", sentence, text)]
    items = (ItemChange(text, text, text, 0.5, None, text, text),)
    made = context(
        title=text, facts=((text, text),), warnings=(sentence,), items=items, layers={3: f"SKIPPED: {sentence}"}
    )
    return GateDecision("FAIL", "slices", findings, rows, text), made


WRITTEN = st.text(min_size=1).filter(lambda one: one.strip())


@settings(deadline=None, max_examples=8)
@example(HOSTILE, HOSTILE)
@given(WRITTEN, WRITTEN)
def test_no_text_changes_what_the_page_is_made_of(text: str, sentence: str) -> None:
    sentence = sentence.replace("`", "'")
    page, plain = (Page(render_html(*hostile(one, said))) for one, said in ((text, sentence), ("x", "x")))
    assert elements(page) == elements(plain)
    if text == HOSTILE:
        assert " ".join(HOSTILE.split()) in page.of("h3")[0], "and it can be read"


def elements(page: Page) -> list[tuple[str, tuple[tuple[str, str | None], ...]]]:
    """Every element with its attributes; those of the plot's shapes are places, which differ."""
    return [(tag, () if tag in ("line", "circle", "path", "rect") else attributes) for tag, attributes in page.tags]


def flat(tokens: Sequence[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or ()))]


@settings(deadline=None, max_examples=15)
@example(HOSTILE)
@example("- # 1. x")
@given(st.text(alphabet="ab|`\\<>&[]()!*_~#@:/.-\n \"'x1é", min_size=1).filter(lambda one: one.strip()))
def test_no_text_becomes_markup_in_markdown(text: str) -> None:
    """As the parser of Markdown reads it, which is not ours."""
    said = render_markdown(*hostile(text, text))
    tokens = flat(MarkdownIt("commonmark", {"html": True}).enable("table").parse(said))
    html = [token.content for token in tokens if token.type in ("html_inline", "html_block")]
    assert set(html) <= {"<!-- -->"}
    assert not {"link_open", "image", "fence", "code_block", "hr"} & {token.type for token in tokens}
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h2", *["h3"] * 6]
    kinds = " ".join(token.type for token in tokens if token.type in ("tr_open", "th_open", "td_open"))
    columns = [len(row.split()) for row in kinds.split("tr_open")[1:]]
    assert columns == [6] * (1 + len(DECISION.metrics)) + [4] * (1 + 2) + [4] * (1 + 1)
    [line] = [line for line in said.splitlines() if line.startswith("  - question: ")]
    [code] = [one.content for one in flat(MarkdownIt().parse(line.strip())) if one.type == "code_inline"]
    assert code == " ".join(text.split()), "and it can be read"


def test_mentions_and_numbers_of_issues_are_broken_outside_code() -> None:
    said = render_markdown(DECISION, context(title="Ask @octocat about #12 of a@b", warnings=("See @octocat.",)))
    assert "Ask @<!-- -->octocat about #<!-- -->12 of a@b" in said
    assert "- See @<!-- -->octocat." in said


def test_the_markdown_fits_a_comment_and_keeps_what_is_gravest() -> None:
    rows = [replace(DECISION.metrics[0], metric=f"{at} {'m' * 500}") for at in range(300)]
    findings = [Finding("coverage", "PASS", "said " * 300, "m" * 500, "s" * 500) for _ in range(900)]
    findings[700] = Finding("slices", "FAIL", "the one that fails", "m", "s")
    items = tuple(ItemChange("i" * 500, "q" * 5000, "m" * 500, 0.1, 0.2, "a" * 5000, "b" * 5000) for _ in range(50))
    crowded = context(items=items, warnings=("w " * 600,) * 90)
    said = render_markdown(GateDecision("FAIL", "slices", findings, rows, "strict"), crowded)
    assert len(said) < COMMENT_CHARACTERS
    assert said.count("the one that fails") == 3  # what decided, the findings, the slices
    assert len(re.findall("^And [0-9]+ more: see the page.$", said, re.M)) == 5
    assert "- `i" in said


def drawn(decision: GateDecision) -> tuple[dict[str, tuple[float, float, str]], dict[str, float], str]:
    """Metric -> its interval in pixels and its stroke; the vertical lines by their kind; the whole text."""
    svg = ElementTree.fromstring(plot_svg(decision).replace(' xmlns="http://www.w3.org/2000/svg"', ""))
    found: dict[str, tuple[float, float, str]] = {}
    for group in svg.iter("g"):
        line = next(one for one in group.iter("line") if one.get("stroke-width") == "3")
        name = (group.findtext("title") or "").partition(":")[0]
        found[name] = float(line.get("x1", "")), float(line.get("x2", "")), line.get("style", "")
    lines = {one.get("class", ""): float(one.get("x1", "")) for one in svg.findall("line")}
    return found, lines, ElementTree.tostring(svg, encoding="unicode")


def test_an_interval_lies_right_of_the_margin_exactly_where_its_metric_holds_it() -> None:
    found, lines, _ = drawn(DECISION)
    compared = [row for row in DECISION.metrics if row.margin is not None and row.difference is not None]
    assert set(found) == {row.metric for row in compared}
    assert not [name for name in found if name.startswith("deterministic.")], "there is no margin to hold"
    per_margin = lines["zero"] - lines["margin"]
    for row in compared:
        left, right, style = found[row.metric]
        assert left == pytest.approx(lines["zero"] + row.lower / row.margin * per_margin, abs=0.2)
        assert right == pytest.approx(lines["zero"] + row.upper / row.margin * per_margin, abs=0.2)
        assert (left > lines["margin"]) == (row.lower > -row.margin)
        assert style == f"stroke:var(--{row.verdict if row.verdict in ('PASS', 'FAIL', 'INCONCLUSIVE') else 'other'})"


def test_a_loss_out_of_sight_ends_in_an_arrow_and_presses_no_other_metric_together() -> None:
    near = MetricRow("near", 200, 1.0, 0.9, 0.9, 0.0, -0.02, 0.02, "PASS", 200, 0.05)
    far = MetricRow("far", 200, 1.0, 0.1, 0.9, -0.8, -0.9, -0.7, "FAIL", 200, 0.05)
    decision = replace(DECISION, metrics=[near, far])
    found, lines, text = drawn(decision)
    assert text.count("<path") == 2
    assert "<circle" in text
    assert text.count("<circle") == 1, "the mean of what is out of sight has no place"
    assert found["near"][1] - found["near"][0] > 0.1 * (lines["zero"] - found["far"][0])
    assert "-0.800 [-0.900, -0.700]" in text


ITEMS = st.dictionaries(
    st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["wide", "narrow", "rule"])),
    st.sampled_from([None, 0.0, 0.25, 0.5, 0.75, 1.0]),
    max_size=24,
)


@settings(max_examples=40)
@given(ITEMS, ITEMS, st.integers(1, 6))
def test_the_items_that_changed_most_are_those_of_a_plain_search(
    ours: dict[tuple[str, str], float | None], theirs: dict[tuple[str, str], float | None], limit: int
) -> None:
    margins = {"wide": 0.2, "narrow": 0.05, "rule": None}
    rows = [MetricRow(name, 1, 1.0, None, None, None, None, None, "PASS", 1, of) for name, of in margins.items()]
    decision = GateDecision("PASS", None, (), rows, "p")

    def arm(given_scores: dict[tuple[str, str], float | None]) -> list[ItemScore]:
        return [
            ItemScore(item, None, metric, score, "OK" if score is not None else "ERROR")
            for (item, metric), score in given_scores.items()
        ]

    found = most_changed(decision, arm(ours), arm(theirs), limit=limit)

    def moved(item: str, metric: str) -> float:
        change = (ours.get((item, metric)) or 0.0) - (theirs.get((item, metric)) or 0.0)
        margin = margins[metric]
        return change / margin if margin else change * math.inf if change else 0.0

    best = {item: max(abs(moved(item, metric)) for metric in margins) for item in "abcdefgh"}
    greatest = sorted((size for size in best.values() if size > 0), reverse=True) if theirs else []
    assert [abs(moved(one.item_id, one.metric)) for one in found] == greatest[:limit]
    for one in found:
        at = (one.item_id, one.metric)
        assert (one.candidate, one.baseline) == (ours.get(at), theirs.get(at))


def test_both_files_are_written_and_a_folder_that_cannot_be_says_what_stands(tmp_path: Path) -> None:
    page, markdown = write_report(tmp_path / "made" / "here", DECISION, context())
    assert page.read_text() == render_html(DECISION, context())
    assert markdown.read_text() == render_markdown(DECISION, context())
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"could not be written: .* The verdict was FAIL; nothing else was changed"):
        write_report(tmp_path / "file", DECISION, context())


def test_eval_compare_writes_the_report_beside_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, arm in (("new", CANDIDATE), ("old", BASELINE)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(asdict(one)) for one in arm))
    files = [str(tmp_path / "new.jsonl"), str(tmp_path / "old.jsonl")]
    assert app(["eval", "compare", *files, "--report", str(tmp_path / "report")], standalone_mode=False) == 1
    assert f"report: {tmp_path / 'report' / HTML_FILE}" in capsys.readouterr().out
    assert "<title>FAIL · new.jsonl against old.jsonl</title>" in (tmp_path / "report" / HTML_FILE).read_text()
    said = (tmp_path / "report" / MARKDOWN_FILE).read_text()
    assert said.startswith("## FAIL: new.jsonl against old.jsonl\n")
    assert "- 3 judge: **SKIPPED** no judge is configured." in said
    assert "- `q017` `deterministic.quotes_found` 1.000 → 0.000" in said
    app(["eval", "compare", *files, "--report", str(tmp_path / "again"), "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)["verdict"] == "FAIL"


def keep_record(home: Path, release_id: str, decided_at: str) -> None:
    """As an evaluation leaves it: a record and, beside it, the report."""
    configuration, _, version = release_id.partition("@")
    pointer = ServingPointer(release_id, "chunks-a-b", int(version), "m", "f", "c", configuration, decided_at)
    record = GateRecord(
        candidate=pointer,
        baseline=None,
        configuration=ReleaseConfiguration("m", "f", "fp32", "structure", 200, 0, "c", "hybrid", "u", 5, "a", 0.3, "p"),
        inputs="",
        evaluation_set="",
        golden="sample",
        is_smoke=False,
        policy=POLICY,
        decision=FIRST,
        layers={},
        shadow=None,
        candidate_operations=Operations(),
        baseline_operations=None,
        run_id="run",
        decided_at=decided_at,
    )
    write_record(home / "releases", record)
    write_report(evaluation_folder(home / "releases", release_id), FIRST, context(title=f"Release {release_id}"))


def test_eval_report_prints_the_release_that_was_judged_last_or_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    with pytest.raises(NotReady, match=r"No release was judged yet.*`assay release gate`"):
        report()
    keep_record(tmp_path, "bb@2", "2026-11-02T00:00:00+00:00")
    keep_record(tmp_path, "aa@10", "2026-11-03T00:00:00+00:00")
    assert report() == 0
    printed = capsys.readouterr().out
    page = evaluation_folder(tmp_path / "releases", "aa@10") / HTML_FILE
    assert printed == f"{(page.parent / MARKDOWN_FILE).read_text()}\nThe whole page: {page}\n"
    assert report("bb@2") == 0
    assert capsys.readouterr().out.startswith("## FAIL: Release bb@2\n")
    with pytest.raises(NotReady, match="There is no report of release cc@1"):
        report("cc@1")
    with pytest.raises(ConfigurationError, match=r"`\.\./aa@10` is no release"):
        report("../aa@10")


def test_no_name_from_data_breaks_out_of_its_code() -> None:
    """A name with backticks, in the sentences in which findings and warnings name items, slices and documents."""
    name = "a`www.example.com`@octocat"
    ours = [ItemScore(name if at == 0 else f"q{at}", None, "deterministic.x", float(at > 0)) for at in range(9)]
    moved = [replace(one, slices=("other",)) for one in ours]
    failed, incomparable = compare(ours, [], GatePolicy()), compare(ours, moved, GatePolicy())
    place = GoldenPlace(name, 0, len(name), name)
    warnings = locate([question((place,), question_id=name)], {name: "b"}).warnings
    for said in (
        render_markdown(failed, context(items=())),
        render_markdown(incomparable, context(items=())),
        render_markdown(DECISION, context(items=(), warnings=warnings)),
    ):
        tokens = flat(MarkdownIt("commonmark").enable("table").parse(said))
        assert "octocat" in "".join(one.content for one in tokens if one.type == "code_inline")
        assert "example" not in "".join(one.content for one in tokens if one.type == "text")

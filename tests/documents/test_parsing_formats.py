"""Markdown and HTML: the text, its structure and its title, and how a new format is added."""

import os
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest

import assay.documents.parsing as parsing
from assay.documents.parsing import Page, parse_here, parsers

SHARED_DATA = Path(os.environ.get("ASSAY_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def markdown(source: str, name: str = "folder/The file.md") -> tuple[str, str]:
    parsed = parse_here(textwrap.dedent(source).encode(), name)
    assert parsed.parser == "markdown@1"
    return parsed.text, parsed.title


def html(body: str, head: str = "") -> str:
    return parse_here(f"<!doctype html><head>{head}</head><body>{textwrap.dedent(body)}</body>".encode(), "a.html").text


def html_title(page: str, name: str = "file name.html") -> str:
    return parse_here(page.encode(), name).title


def test_markdown_is_its_own_text() -> None:
    source = "# A **bold** [title](https://example.org) #\r\n\r\nText\tas it `stands`.  \r\n"
    assert markdown(source) == (
        "# A **bold** [title](https://example.org) #\n\nText\tas it `stands`.  \n",
        "A bold title",
    )


@pytest.mark.parametrize(
    ("front_matter", "title"),
    [
        ("---\ntitle: Plain words\ntags: [a, b]\n---\n", "Plain words"),
        ("---\r\ntitle: 'Quoted: words'\r\n---\r\n", "Quoted: words"),
        ("---\ntitle: >\n  folded\n  words\ndate: 2024-99-99\n...\n\n\n", "folded words"),
        ("---\ntitle: 2024\n---\n", "2024"),
        ("---\ntitle: Part 1: the start\nid: x\n---\n", "Part 1: the start"),  # no valid YAML, but common
        ('+++\ntitle = "In TOML"\ndate = 2024-01-01\n+++\n', "In TOML"),
        ("---\nexternal help file: A.dll-Help.xml\nms.date: 01/18/2026\ntitle: Export-It\n---\n", "Export-It"),
        ("---\nid: no-title\n---\n", "Heading"),
        ("---\ntitle:\n---\n", "Heading"),
        ("---\ntitle: [a, list]\n---\n", "Heading"),
    ],
)
def test_front_matter_gives_the_title_and_leaves_the_text(front_matter: str, title: str) -> None:
    assert markdown(front_matter + "# Heading\n\nBody\n") == (
        "# Heading\n\nBody\n",
        title,
    )


@pytest.mark.parametrize(
    "source",
    [
        "---\n\nA rule, then words: and a colon.\n\n---\n\nMore\n",
        "---\nA rule, then words: and a colon.\n\n---\nMore\n",
        "---\n- a list\n---\nBody\n",
        "---\ntitle: never closed\n\nBody\n",
        "Body\n\n---\ntitle: not at the start\n---\n",
    ],
)
def test_rules_are_no_front_matter(source: str) -> None:
    assert markdown(source)[0] == source


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("```sh\n# a comment\n```\n\n## Second level\n", "Second level"),
        ("~~~~\n~~~\n# still code\n~~~~\n# Out\n", "Out"),
        ("Set `by` a rule\n===\n\nBody\n", "Set by a rule"),
        ("- item\n---\n\ntext\n", "The file"),
        ("#hashtag\n\n####### seven\n\nno heading\n", "The file"),
        ("# \n\n## `code` and ![image](x.png)<br> {#anchor}\n", "code and image"),
    ],
)
def test_the_first_heading_is_the_title(source: str, title: str) -> None:
    assert markdown(source)[1] == title


def test_pages_of_structure_survive_in_html() -> None:
    body = """
    <h1>Guide <a class="headerlink" href="#g">¶</a></h1>
    <p>First   <b>bold</b>, <a href="/x">a link</a>,
       <code>code</code> &amp; H<sub>2</sub>O.<br>Second line.</p>
    <ol start="3"><li>three<ul><li>inner one</li><li>inner two</li></ul></li><li><p>four</p><p>its second paragraph</p></li></ol>
    <pre><code class="language-python">if x:
        y = "&lt;tag&gt;"
    </code></pre>
    <blockquote><p>quoted</p></blockquote>
    <table><caption>Prices</caption><thead><tr><th>Name<th>Price</thead>
    <tr><td rowspan=2>Apple<td>1 | 2<tr><td>3<tr><td colspan=2>none</table>
    <h2>Next</h2>tail<div>in a <span>div</span></div>
    """
    assert html(body) == textwrap.dedent("""\
        # Guide

        First bold, a link, `code` & H2O.
        Second line.

        3. three
           - inner one
           - inner two
        4. four

           its second paragraph

        ```python
        if x:
            y = "<tag>"
        ```

        > quoted

        Prices

        | Name | Price |
        | --- | --- |
        | Apple | 1 \\| 2 |
        | Apple | 3 |
        | none | none |

        ## Next

        tail

        in a div""")


def test_code_keeps_its_blank_lines_and_gets_a_fence_longer_than_its_own() -> None:
    assert html("<pre>a\n\n```\n  b</pre>") == "````\na\n\n```\n  b\n````"


def test_prose_is_not_taken_for_structure() -> None:
    assert html("<p># no heading<p>```<p>above<br>---") == "\\# no heading\n\n\\```\n\nabove\n\\---"


BOILERPLATE = """
<header><h1>Site</h1></header><nav>Home</nav><div role="navigation">Menu</div>
<div class="cookie-banner">We use cookies</div><div id="onetrust-consent-sdk">Accept</div>
<aside>Related</aside><form action="/search"><label>Search</label><input><button>Go</button></form>
<script>var x = 1</script><style>p {}</style><noscript>Turn it on</noscript><template><p>T</p></template>
<svg><text>drawn</text></svg><div hidden>hidden</div><p style="color: red; display:none">styled away</p>
<span aria-hidden="true">icon</span><footer>Imprint</footer><dialog>Sign up</dialog>
"""


@pytest.mark.parametrize(
    "page",
    [
        "<p>Body text</p>",
        "<main><p>Body text</p></main><div>beside the main part</div>",
        "<div role=main><p>Body text</p></div><p>beside</p>",
        "<article><header>Body</header><p>text</p></article><p>beside</p>",
        "<form id=aspnet><p>Body text</p></form>",
        "<article><h2>Body</h2></article><article>text</article>",
        "<div role=tabpanel hidden>Body text</div>",
        "<section id=cookies><p>Body text</p></section>",
    ],
)
def test_boilerplate_goes_and_the_body_stays(page: str) -> None:
    assert re.findall(r"\w+", html(BOILERPLATE + page)) == ["Body", "text"]


def test_processing_instructions_are_no_elements() -> None:
    assert html("<p>a<?php echo 1 ?>b</p><table><tr><td>c<?p x?><td>d</table>") == "ab\n\n| c | d |\n| --- | --- |"


def test_text_beside_an_all_but_empty_main_is_kept() -> None:
    story = "<p>" + "A sentence of the story. " * 30
    assert html(f"<main>Loading</main><div>{story}</div>").startswith("Loading\n\nA sentence of the story. A")


def test_a_page_of_navigation_alone_keeps_it() -> None:
    assert html("<nav><ul><li>One</li><li>Two</li></ul></nav>") == "- One\n- Two"


def test_tables_that_lay_out_a_page_are_read_as_text() -> None:
    page = "<table><tr><td><h2>Left</h2><p>a</p></td><td><table><tr><th>k<th>v<tr><td>1<td>2</table></td></tr></table>"
    assert html(page) == "## Left\n\na\n\n| k | v |\n| --- | --- |\n| 1 | 2 |"


def test_html_titles() -> None:
    assert html_title("<html><title> From\n the &amp; head </title><h1>H</h1><p>x") == "From the & head"
    assert html_title("<html><title></title><body><header><h1>The <i>first</i></h1></header><p>x") == "The first"
    assert html_title("<html><body><p>x") == "file name"


def test_xhtml_that_closes_at_once_keeps_its_body() -> None:
    page = '<?xml version="1.0"?><html><head><title/><script src="x"/></head><body><p>Body</p></body></html>'
    assert parse_here(page.encode(), "a.xhtml").text == "Body"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<div>" * 100_000 + "word", 1),
        ("<ul><li>word" * 20_000, 20_000),
        ("<table><tr><td>word<td>" * 5_000, 5_000),
        ("<table>" + "<tr><td colspan=1000 rowspan=65534>word<td>word" * 300 + "</table>", 600),
        ("<b>word " * 20_000, 20_000),
    ],
    ids=["div", "list", "table", "spans", "inline"],
)
def test_bombs_of_markup_are_only_documents(page: str, words: int) -> None:
    text = html(page)
    assert len(re.findall("word", text)) == words
    assert len(text) < 50 * words + 100


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        "# " + "[" * 200_000,
        "<!-- x -->" * 20_000 + "x",
        "```\n~~~\n" * 20_000,
        "---\n" * 50_000,
        "\n" * 300_000 + "x",
    ],
    ids=["brackets", "heading", "comments", "fences", "rules", "lines"],
)
@pytest.mark.timeout(20)
def test_no_pattern_takes_for_ever(text: str) -> None:
    for name in ("a.txt", "a.md", "a.html"):
        assert parse_here(text.encode(), name).text


def test_a_new_format_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chat_log.py").write_text(
        textwrap.dedent("""
        from assay.documents.parsing import Extracted, Parser

        PARSER = Parser(
            name="chat",
            version=3,
            media_types=("text/x-chat",),
            parse=lambda content: Extracted(tuple(content.data.decode().split("|")[1:]), title="A chat"),
            recognizes=lambda data, name: data.startswith(b"CHAT|"),
        )
        """)
    )
    monkeypatch.setattr(parsing, "__path__", [*parsing.__path__, str(tmp_path)])
    parsers.cache_clear()
    try:
        parsed = parse_here("CHAT|e\u0301|two|three".encode(), "a.txt")
    finally:
        parsers.cache_clear()
    assert (parsed.text, parsed.title, parsed.media_type, parsed.parser) == (
        "é\n\ntwo\n\nthree",
        "A chat",
        "text/x-chat",
        "chat@3",
    )
    assert parsed.pages == (Page(1, 0, 3), Page(2, 3, 8), Page(3, 8, 13))
    assert "".join(parsed.text[page.start : page.end] for page in parsed.pages) == parsed.text


@pytest.mark.parametrize("kind", ["html", "md"])
def test_words_of_real_files_agree_with_another_tool(kind: str) -> None:
    folders = [path for path in SHARED_DATA.glob(f"*/pdfs/docling/{kind}") if path.is_dir()]
    if not folders:
        pytest.skip("needs pdfs/docling of the shared data: set ASSAY_SHARED_DATA")
    compared = 0
    for path in sorted(folders[0].glob(f"*.{kind}")):
        opinion = folders[0] / "groundtruth" / f"{path.name}.md"
        if not opinion.exists():
            continue
        ours, theirs = (
            Counter(re.findall(r"\w{3,}", text))
            for text in (parse_here(path.read_bytes(), path.name).text, visible(opinion))
        )
        assert (ours & theirs).total() >= 0.95 * theirs.total(), f"{path.name} lost {theirs - ours}"
        compared += 1
    assert compared > 3


def visible(path: Path) -> str:
    """Markdown without link targets and placeholders for images, which we do not write."""
    return re.sub(r"\]\([^)]*\)|<!--.*?-->", " ", path.read_text(encoding="utf-8"))

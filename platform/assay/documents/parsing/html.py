"""HTML as Markdown-like text: what a reader reads, with the structure that chunking cuts along.

The main part is `<main>` or a lone `<article>` where there is one, else the body; navigation, forms, banners and
scripts are left out (`html_boilerplate`), the rest is written by `html_writer`.
"""

import re
from typing import TYPE_CHECKING

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.html_writer import Written, write_markdown
from assay.documents.parsing.parsed import has_words
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.text_type import HTML

if TYPE_CHECKING:
    from resiliparse.parse.html import ElementNode

# A main part shorter than this is compared with the body: some pages keep their text beside an all but empty <main>.
_SHORT_MAIN_CHARACTERS = 500
_MUCH_LONGER_RATIO = 4
# XHTML may close these at once; to an HTML parser the rest of the page would then be their content.
_CLOSED_AT_ONCE = re.compile(r"<(script|title|style|textarea|iframe|noscript)\b([^<>]*)/>", re.I)


def parse_html(content: Content) -> Extracted:
    from resiliparse.parse.html import HTMLParserException, HTMLTree

    source = content.text or ""
    if source.lstrip()[:5] == "<?xml":
        source = _CLOSED_AT_ONCE.sub(r"<\1\2></\1>", source)
    try:
        tree = HTMLTree.parse(source)
    except HTMLParserException as error:
        raise MemoryError from error  # there is no malformed HTML: the parser gives up only for want of memory
    body = tree.body
    if body is None:
        return Extracted(pages=("",), title=tree.title)
    title = " ".join((tree.title or "").split())
    if not title and (heading := body.query_selector("h1")) is not None:
        title = heading.text or ""
    written = _main_text(body)
    return Extracted(pages=(written.text,), title=title, tables=written.tables)


def _main_text(body: "ElementNode") -> Written:
    main = _main_part(body)
    written = write_markdown(main or body)
    if main is not None and len(written.text) < _SHORT_MAIN_CHARACTERS:
        whole = write_markdown(body)
        if len(whole.text) > _MUCH_LONGER_RATIO * len(written.text):
            written = whole
    # A page of nothing but navigation or a form still has text, and losing it would be worse than keeping it.
    return written if has_words(written.text) else write_markdown(body, keep_boilerplate=True)


def _main_part(body: "ElementNode") -> "ElementNode | None":
    for selector in ('main, [role="main"]', "article"):
        found = body.query_selector_all(selector)
        if len(found) == 1:
            return found[0]
    return None


PARSER = Parser(name="html", version=2, media_types=(HTML,), parse=parse_html)

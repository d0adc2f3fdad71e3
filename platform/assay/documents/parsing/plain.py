"""Plain text: its characters are the document, its name is the title."""

from assay.documents.parsing.content_type import Content
from assay.documents.parsing.registry import Extracted, Parser
from assay.documents.parsing.text_type import PLAIN


def parse_plain(content: Content) -> Extracted:
    return Extracted(pages=(content.text or "",))


PARSER = Parser(name="plain", version=1, media_types=(PLAIN,), parse=parse_plain)

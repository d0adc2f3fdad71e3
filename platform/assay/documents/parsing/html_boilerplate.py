"""What of a page is not its text: scripts, navigation, forms, banners, and what is hidden."""

import re
from typing import TYPE_CHECKING

from assay.documents.parsing.html_tree import attribute, has_attribute, has_attributes

if TYPE_CHECKING:
    from resiliparse.parse.html import Node

# Never text, whatever else is dropped.
_NOT_TEXT = frozenset({
    "script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "canvas", "audio", "video", "map",
    "annotation", "annotation-xml", "head", "title", "link", "meta", "#comment", "#cdata-section",
})  # fmt: skip
_BOILERPLATE = frozenset({"nav", "aside", "footer", "dialog", "button", "select", "input", "textarea", "datalist"})
_BOILERPLATE_ROLES = frozenset(["navigation", "contentinfo", "search", "complementary", "dialog", "alertdialog"])
_BANNER = re.compile(
    r"\b(?:cookies?|gdpr|consent)[-_]?(?:bar|banner|notice|consent|popup|pop-up|modal|dialog|overlay|message|law)"
    r"|\bonetrust|\bcybotcookiebot|\bmw-editsection\b|\bheaderlink\b|\bskip-?link\b|\bbreadcrumbs?\b",
    re.I,
)
_HIDING_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
# A form that holds these is the page itself (ASP.NET wraps every page in one).
_PROSE = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "article", "main", "table", "li"])


def is_never_text(tag: str) -> bool:
    return tag in _NOT_TEXT


def is_boilerplate(node: "Node", tag: str, *, in_section: bool) -> bool:
    """Whether an element is left out. A header inside of an article or section (`in_section`) belongs to it."""
    if tag in _BOILERPLATE or (tag == "header" and not in_section):
        return True
    if tag == "form":
        return not any((inside.tag or "") in _PROSE for inside in node)
    if not has_attributes(node):
        return False
    names = attribute(node, "class") + " " + attribute(node, "id")
    if len(names) > 1 and _BANNER.search(names):
        return True
    role = attribute(node, "role").lower()
    if role in _BOILERPLATE_ROLES or (role == "banner" and not in_section):
        return True
    return role != "tabpanel" and _is_hidden(node)


def _is_hidden(node: "Node") -> bool:
    if attribute(node, "aria-hidden") == "true" or _HIDING_STYLE.search(attribute(node, "style")):
        return True
    return has_attribute(node, "hidden") and attribute(node, "hidden") != "until-found"

"""What the styles and lists of a Word file say about its paragraphs: which are headings, which are items."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

from assay.documents.parsing.office_package import OfficePackage, XmlElement, whole_number

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_VALUE = f"{W}val"
_HEADING_NAME = re.compile(r"heading ([1-9])", re.I)
# Word's own styles for deeper lists are lists of their own, whose level is in their name alone.
_LIST_NAME = re.compile(r"list (?:bullet|number) ([2-5])", re.I)
# Word's outline has nine levels; the tenth stands for text of the body.
_OUTLINE_LEVELS = 9
_MAX_STYLE_CHAIN = 20
_MAX_LIST_LEVEL = 8
_UNNUMBERED = frozenset({"bullet", "none"})


@dataclass(frozen=True, slots=True)
class Item:
    """A paragraph's place in a list: `level` from 0, `marker` with its space."""

    level: int
    marker: str


@dataclass(slots=True)
class Numbering:
    """The lists of a file and how far each is counted. Lists of one definition are counted on together."""

    formats: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    definitions: dict[str, str] = field(default_factory=dict[str, str])
    restarting: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    counts: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def item(self, number_id: str, level: int, named_level: int) -> Item:
        """Count an item at a level of its list; `named_level` is that of a style whose list has one level alone."""
        shown = max(level, named_level)
        definition = self.definitions.get(number_id, "")
        if self.formats.get((definition, level), "bullet") in _UNNUMBERED:
            return Item(shown, "- ")
        counts = self.counts[definition]
        if (number_id, level) in self.restarting:
            self.restarting.discard((number_id, level))
            del counts[level:]
        del counts[level + 1 :]
        counts += [0] * (level + 1 - len(counts))
        counts[level] += 1
        return Item(shown, f"{counts[level]}. ")


@dataclass(frozen=True, slots=True)
class DocxStyles:
    """`styles`: id -> style element; `numbering` is counted on with every item asked for."""

    styles: dict[str, XmlElement]
    numbering: Numbering

    @classmethod
    def of(cls, package: OfficePackage, main: str) -> "DocxStyles":
        styles = {
            style.get(f"{W}styleId") or "": style
            for part in package.related("styles", main)
            for style in package.root(part).findall(f"{W}style")
        }
        numbering = Numbering()
        for part in package.related("numbering", main):
            _read_numbering(package.root(part), numbering)
        return cls(styles, numbering)

    def heading_level(self, properties: XmlElement | None) -> int | None:
        """From 1; None for what is no heading. The document's title is one of level 1."""
        for own, name in self._chain(properties):
            if (outline := value_of(own, f"{W}outlineLvl")) is not None:
                outline_level = whole_number(outline, _OUTLINE_LEVELS)
                return outline_level + 1 if outline_level < _OUTLINE_LEVELS else None
            if found := _HEADING_NAME.fullmatch(name):
                return int(found[1])
            if name.lower() == "title":
                return 1
        return None

    def item(self, properties: XmlElement | None) -> Item | None:
        """The paragraph's place in a list, which counts it; None for what is in none."""
        number_id = level = None
        named_level = 0
        for own, name in self._chain(properties):
            number_id = number_id or value_of(own, f"{W}numPr/{W}numId")
            level = level or value_of(own, f"{W}numPr/{W}ilvl")
            if found := _LIST_NAME.fullmatch(name):
                named_level = int(found[1]) - 1
        if number_id is None or number_id == "0":  # 0 takes a style's list away
            return None
        return self.numbering.item(number_id, min(whole_number(level, 0), _MAX_LIST_LEVEL), named_level)

    def _chain(self, properties: XmlElement | None) -> list[tuple[XmlElement | None, str]]:
        """What the paragraph itself says, then its style and those that one is based on, each with the style's name."""
        chain: list[tuple[XmlElement | None, str]] = [(properties, "")]
        style = self.styles.get(value_of(properties, f"{W}pStyle") or "")
        while style is not None and len(chain) < _MAX_STYLE_CHAIN:
            chain.append((style.find(f"{W}pPr"), value_of(style, f"{W}name") or ""))
            style = self.styles.get(value_of(style, f"{W}basedOn") or "")
        return chain


def value_of(element: XmlElement | None, path: str) -> str | None:
    """The `w:val` of what lies at the path below an element."""
    found = None if element is None else element.find(path)
    return None if found is None else found.get(_VALUE)


def _read_numbering(root: XmlElement, numbering: Numbering) -> None:
    for abstract in root.findall(f"{W}abstractNum"):
        definition = abstract.get(f"{W}abstractNumId") or ""
        for level in abstract.findall(f"{W}lvl"):
            depth = whole_number(level.get(f"{W}ilvl"), 0)
            numbering.formats[definition, depth] = value_of(level, f"{W}numFmt") or "decimal"
    for number in root.findall(f"{W}num"):
        number_id = number.get(f"{W}numId") or ""
        numbering.definitions[number_id] = value_of(number, f"{W}abstractNumId") or ""
        for override in number.findall(f"{W}lvlOverride"):
            if override.find(f"{W}startOverride") is not None:
                numbering.restarting.add((number_id, whole_number(override.get(f"{W}ilvl"), 0)))

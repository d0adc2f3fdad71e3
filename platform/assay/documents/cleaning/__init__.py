"""From a parsed document to a clean one: running headers and footers removed, personal data treated as its source asks.

Offsets stay true: pages, tables and words are those of the clean text, and an `OffsetMap` leads back to the parsed one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.documents.cleaning.edited_documents import edited_document
from assay.documents.cleaning.offset_map import Edit, OffsetMap, edited
from assay.documents.cleaning.running_lines import running_lines
from assay.documents.parsing import ParsedDocument
from assay.documents.pii import NAMES, Finding, PiiKind, find_pii, masker
from assay.errors import DocumentRejected
from assay.settings import PiiPolicy

__all__ = ["CleanedDocument", "Edit", "OffsetMap", "clean", "cleaning_identity"]

# Raise a version whenever the same document would come out otherwise.
_RUNNING_LINES_VERSION, _PII_VERSION = 1, 1


@dataclass(frozen=True, slots=True)
class CleanedDocument:
    """`document` is what goes on; `offsets` leads from its text to the parsed one; `pii` counts what was found, by kind."""

    document: ParsedDocument
    offsets: OffsetMap
    pii: Mapping[PiiKind, int]


def cleaning_identity(policy: PiiPolicy) -> str:
    """What a text was cleaned by: under another identity it is parsed and cleaned again."""
    return f"running_lines@{_RUNNING_LINES_VERSION},pii@{_PII_VERSION}:{policy}"


def clean(parsed: ParsedDocument, policy: PiiPolicy) -> CleanedDocument:
    """Clean a document. Raises DocumentRejected (`pii`) where personal data is found and the policy is `quarantine`.

    The refusal names kinds and counts, never values.
    """
    removals = running_lines(parsed)
    text = edited(parsed.text, removals)
    in_text = find_pii(text)
    in_title = find_pii(parsed.title)
    # A title mostly repeats what the text says, and so do the cells of tables.
    counts = _counted(in_text) | _counted(in_title)
    if counts and policy == "quarantine":
        raise DocumentRejected("pii", refusal_of(counts))
    if policy != "mask":
        document, offsets = edited_document(parsed, removals, lambda text: text)
        return CleanedDocument(document, offsets, counts)
    values: dict[str, PiiKind] = {text[one.start : one.end]: one.kind for one in in_text}
    values |= {parsed.title[one.start : one.end]: one.kind for one in in_title}
    edits = _merged(removals, in_text, OffsetMap.of(removals, len(parsed.text)))
    document, offsets = edited_document(parsed, edits, masker(values))
    return CleanedDocument(document, offsets, counts)


def _counted(findings: Sequence[Finding]) -> Counter[PiiKind]:
    return Counter(one.kind for one in findings)


def refusal_of(counts: Mapping[PiiKind, int]) -> str:
    """What was found, for a person: kinds and counts."""
    named = [f"{count} {NAMES[kind][count > 1]}" for kind, count in sorted(counts.items())]
    return f"Holds {', '.join(named)}; its source holds such documents back (`pii` in its settings)."


def _merged(removals: Sequence[Edit], findings: Sequence[Finding], offsets: OffsetMap) -> list[Edit]:
    """Removals and masks as edits of the parsed text; a removal inside of what is masked is part of the mask."""
    masks = [Edit(*offsets.source_span(one.start, one.end), one.token) for one in findings]
    merged: list[Edit] = []
    for edit in sorted([*masks, *removals], key=lambda edit: edit.start):
        if not merged or edit.start >= merged[-1].end:
            merged.append(edit)
    return merged

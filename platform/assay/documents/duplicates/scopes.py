"""Which documents are compared at all: a duplicate is hidden only behind one that whoever finds it may find as well."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assay.settings import DUPLICATE_SCOPE, Settings


@dataclass(frozen=True)
class Audience:
    """Documents are compared within one of these; `scope` is the product version that their paths name."""

    source: str
    tenant: str
    allowed_principals: tuple[str, ...]
    scope: str


@dataclass(frozen=True)
class Candidate:
    """A current document, as far as it matters to duplicates."""

    document_id: str
    text_hash: str
    audience: Audience


def scope_of(path: str, pattern: str) -> str:
    """All that `pattern` matches in a path, joined by `/`; empty where it matches nothing."""
    return "/".join(found.group() for found in re.finditer(pattern, path))


def candidates(settings: Settings, current: Iterable[Mapping[str, Any]]) -> list[Candidate]:
    """Current rows of the state as candidates, in the order of their ids."""
    # The configured ones too where one place was named for this run: what stands of theirs keeps its scope.
    patterns = {source.name: source.duplicate_scope for source in (*settings.sources, *settings.active_sources)}
    found = [
        Candidate(
            row["document_id"],
            row["text_hash"],
            Audience(
                row["source"],
                row["tenant"],
                tuple(row["allowed_principals"]),
                scope_of(row["document_id"].partition(":")[2], patterns.get(row["source"], DUPLICATE_SCOPE)),
            ),
        )
        for row in current
    ]
    return sorted(found, key=lambda one: one.document_id)

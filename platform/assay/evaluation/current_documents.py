"""The documents that are current, as silver holds them: what an answer's quotes and permissions are checked against."""

from collections.abc import Collection
from dataclasses import dataclass

from assay.documents.duplicates import DUPLICATES
from assay.documents.silver_texts import DOCUMENTS
from assay.documents.state import STATE
from assay.quality.quarantine import QUARANTINE
from assay.workspace import Workspace

_PLACE = ("source", "day", "document_id")


@dataclass(frozen=True)
class CurrentDocument:
    """The standing text of a document, and who may find it. `language`: ISO 639-1, `und` where it is unclear."""

    text: str
    allowed_principals: tuple[str, ...]
    title: str = ""
    language: str = "und"


@dataclass(frozen=True)
class Corpus:
    """The lake's current documents, read when they are asked for."""

    workspace: Workspace

    def documents(self, document_ids: Collection[str]) -> dict[str, CurrentDocument]:
        """Those of `document_ids` that are not deleted and have a usable text."""
        lake = self.workspace.lake
        if not document_ids:
            return {}
        columns = ["document_id", "text_source", "text_day", "allowed_principals"]
        rows = lake.read(STATE, where={"document_id": sorted(document_ids), "is_deleted": False}, columns=columns)
        state = {
            (row["text_source"], row["text_day"], row["document_id"]): tuple(row["allowed_principals"])
            for row in rows.to_pylist()
            if row["text_day"] is not None
        }
        if not state:
            return {}
        where: dict[str, object] = {name: sorted({place[at] for place in state}) for at, name in enumerate(_PLACE)}
        texts = lake.read(DOCUMENTS, where=where, columns=[*_PLACE, "text", "title", "language"]).to_pylist()
        return {
            row["document_id"]: CurrentDocument(row["text"], state[place], row["title"], row["language"])
            for row in texts
            if (place := tuple(row[name] for name in _PLACE)) in state
        }

    def namespaces(self) -> set[str]:
        """The namespaces of the current documents; whichever run brought them, a release answers from all of them."""
        ids = self.workspace.lake.read(STATE, where={"is_deleted": False}, columns=["document_id"])["document_id"]
        return {namespace_of(document_id) for document_id in ids.to_pylist()}

    def findable_ids(self, sources: Collection[str]) -> list[str]:
        """Ids of the current documents of these sources that search finds: not those hidden as duplicates. In order."""
        lake = self.workspace.lake
        where: dict[str, object] = {"source": sorted(sources), "is_deleted": False}
        rows = lake.read(STATE, where=where, columns=["document_id", "text_version"]).to_pylist()
        hidden = set(lake.read(DUPLICATES, columns=["document_id"])["document_id"].to_pylist())
        return sorted(
            row["document_id"] for row in rows if row["text_version"] is not None and row["document_id"] not in hidden
        )


def namespace_of(document_id: str) -> str:
    """What a document's id begins with: that of its source, which several sources may share."""
    return document_id.partition(":")[0]


def unavailable_documents(workspace: Workspace) -> tuple[str, ...]:
    """Ids of documents of which something is in quarantine because no OCR is installed for it, in order."""
    rows = workspace.lake.read(QUARANTINE, where={"reason": "ocr_unavailable"}, columns=["document_id"])
    return tuple(sorted(set(rows["document_id"].to_pylist())))

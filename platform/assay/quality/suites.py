"""One suite per table: what goes wrong in each, beside what its row class already promises.

Two tolerances. An expectation of what *we* compute (hashes, offsets, versions) tolerates nothing: a row that fails it
means a fault in the code. An expectation of what *arrives* (garbled or blank text) sends documents to quarantine and
fails itself only beyond `Limits.max_quarantined_ratio`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from assay.errors import ConfigurationError
from assay.quality.bronze_suites import feed, manifests
from assay.quality.duplicate_suites import duplicates, text_signatures
from assay.quality.event_suites import events
from assay.quality.expectations import Suite
from assay.quality.gold_suites import chunks
from assay.quality.shared_expectations import Limits
from assay.quality.silver_suites import document_state, documents
from assay.quality.text_part_suites import document_tables, ocr_words
from assay.quality.volume_suites import volumes
from assay.schema import Table

__all__ = ["SUITES", "Limits", "suite_for", "suites"]

_BUILDERS = (
    manifests,
    feed,
    documents,
    document_tables,
    ocr_words,
    document_state,
    text_signatures,
    duplicates,
    chunks,
    volumes,
    events,
)


def suites(limits: Limits) -> Mapping[str, Suite]:
    """Every suite by table name, with a deployment's bounds."""
    built = [build(limits) for build in _BUILDERS]
    return MappingProxyType({suite.table.name: suite for suite in built})


SUITES: Mapping[str, Suite] = suites(Limits())


def suite_for(table: Table, limits: Limits | None = None) -> Suite:
    """The suite of `table`; ConfigurationError for a table without one."""
    known = SUITES if limits is None else suites(limits)
    if table.name not in known:
        raise ConfigurationError(
            f"There is no suite for `{table.name}`, only for {', '.join(f'`{name}`' for name in known)}. Nothing was "
            "judged or written. Declare one in `platform/assay/quality/`, then run `make test`."
        )
    return known[table.name]

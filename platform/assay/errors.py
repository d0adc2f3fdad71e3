"""Every error Assay raises on purpose.

AssayError                      catch this to handle anything Assay reports about itself
├── ConfigurationError          a setting is missing, misspelt or contradicts another (exit 3)
├── SourceError                 a source could not be observed; nothing of it was written
│   └── MassDeletion            the source lacks all or most of its files; taken for a place that is not mounted
├── DocumentRejected            one document cannot be used; it goes to quarantine with `reason`
├── StorageError                the lake, the blobs or the index could not be written; the last commit stands
│   ├── DiskFull                no space left; what was committed before stands
│   └── FencedOut               another writer owns these offsets; begin again from what the table says
├── ExpectationError            an expectation could not be computed: neither yes nor no, so nothing was written
├── ModelError                  an embedding model is missing, altered or of another fingerprint
├── JudgeError                  a judge gave no usable verdict on one item, which says why in its status
├── CheckFailed                 a gate said no; the promoted release goes on serving (exit 1)
└── NotReady                    nothing was released, built or judged yet, so it cannot be told (exit 2)

Each message says what failed, what state is left and, in backticks, the command to run next.
"""

from typing import Literal, get_args

RejectionReason = Literal[
    "encrypted",
    "corrupt",
    "empty",
    "no_text",
    "pii",
    "too_large",
    "timeout",
    "unsupported_type",
    "unreadable",
    "changed_while_read",
    "hostile_path",
    "ocr_unreadable",
    "ocr_unavailable",
    "out_of_memory",
    "crashed",
    "failed_expectation",
]
REJECTION_REASONS: tuple[str, ...] = get_args(RejectionReason)

JudgeErrorKind = Literal["parse", "timeout", "rate", "refused"]


class AssayError(Exception):
    """Base of every error that Assay raises on purpose; `exit_code` is what the CLI ends with."""

    exit_code = 2


class ConfigurationError(AssayError):
    exit_code = 3


class SourceError(AssayError):
    pass


class MassDeletion(SourceError):
    pass


class DocumentRejected(AssayError):
    """One document cannot be used. `reason` is one of `REJECTION_REASONS`, `detail` is for a person."""

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: RejectionReason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["DocumentRejected"], tuple[RejectionReason, str]]:
        return (DocumentRejected, (self.reason, self.detail))


class StorageError(AssayError):
    pass


class DiskFull(StorageError):
    pass


class FencedOut(StorageError):
    pass


class ExpectationError(AssayError):
    pass


class ModelError(AssayError):
    exit_code = 3


class JudgeError(AssayError):
    """A judge gave no usable verdict on one item. `kind` is what the item's status says, `detail` is for a person."""

    def __init__(self, kind: JudgeErrorKind, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind: JudgeErrorKind = kind
        self.detail = detail

    def __reduce__(self) -> tuple[type["JudgeError"], tuple[JudgeErrorKind, str]]:
        return (JudgeError, (self.kind, self.detail))


class CheckFailed(AssayError):
    exit_code = 1


class NotReady(AssayError):
    exit_code = 2

"""The content-addressed blob folder: bytes under their sha256, written once, never changed."""

import hashlib
import os
import tempfile
from pathlib import Path

from assay.durable_files import write_error


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class BlobStore:
    """Blobs under one folder, fanned out by the first two hex digits of their hash."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, content_hash: str) -> Path:
        return self._root / content_hash[:2] / content_hash

    def put(self, data: bytes) -> str:
        """Store `data` and return its sha256; what is there already is not written again.

        The bytes are on disk under a temporary name before the final one appears, so a kill leaves no torn blob.
        Raises DiskFull or StorageError; nothing else was changed.
        """
        content_hash = sha256_hex(data)
        target = self.path(content_hash)
        if target.exists():
            return content_hash
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".writing-", delete=False) as partial:
                try:
                    partial.write(data)
                    partial.flush()
                    os.fsync(partial.fileno())
                    os.replace(partial.name, target)
                except BaseException:
                    Path(partial.name).unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise write_error(
                f"A blob could not be written under `{self._root}`: {error.strerror}. What was committed before stands. "
                "See the place with `df -h`, then run this again.",
                error,
            ) from error
        return content_hash

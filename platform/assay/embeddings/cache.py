"""Every vector that was ever computed, so that none is computed twice: one SQLite file, shared by all processes."""

import errno
import json
import shlex
import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from assay.errors import DiskFull, ModelError, StorageError

Vector = NDArray[np.float32]

_STORED = np.dtype("<f4")
# A writer holds the lock for one batch, some 30 ms; a minute means that it hangs.
_BUSY_TIMEOUT_SECONDS = 60
# The second: the 32 KB file that WAL mode keeps beside the database, also to read it, did not fit.
_NO_SPACE = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
_SCHEMA = Path(__file__).with_name("cache.sql").read_text(encoding="utf-8")
# In WAL mode NORMAL survives a killed process whole; a power cut may take the last commits, which are computed again,
# and never corrupts the file. FULL would wait for the disk at every batch.
_ON_OPEN = "PRAGMA synchronous = NORMAL;"
_ADD_MODEL = "INSERT OR IGNORE INTO models (fingerprint, dimension) VALUES (?, ?)"
_FIND_MODEL = "SELECT model_id, dimension FROM models WHERE fingerprint = ?"
_ADD_VECTOR = "INSERT OR IGNORE INTO vectors (model_id, text_hash, vector) VALUES (?, ?, ?)"
_COUNT = "SELECT count(*) FROM vectors WHERE model_id = ?"
# The hashes travel as one JSON array: an IN list would meet SQLite's limit on variables.
_FIND_VECTORS = """
SELECT wanted.value, vectors.vector
FROM json_each(?) AS wanted
CROSS JOIN vectors ON vectors.model_id = ? AND vectors.text_hash = wanted.value
"""
_FIND_HASHES = _FIND_VECTORS.replace(", vectors.vector", "")


class VectorCache:
    """Vectors by (model fingerprint, text hash), float32. Safe to use from several threads and processes.

    A connection is opened for each call, so that nothing is carried over a fork and a deleted file begins anew. Losing
    the file costs computing time only. Every method raises StorageError when the file cannot be used, DiskFull
    when it cannot grow.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get_many(self, fingerprint: str, hashes: Iterable[str]) -> dict[str, Vector]:
        """The vectors that are there, read-only arrays; what is missing is left out."""
        with self._connection() as connection:
            model = connection.execute(_FIND_MODEL, (fingerprint,)).fetchone()
            if model is None:
                return {}
            model_id, dimension = model
            rows = connection.execute(_FIND_VECTORS, (json.dumps(list(hashes)), model_id)).fetchall()
        if any(len(blob) != dimension * _STORED.itemsize for _, blob in rows):
            raise StorageError(f"The vector cache {self.path} holds a vector of wrong length. {self._how_to_reset()}")
        return {text_hash: np.frombuffer(blob, _STORED).astype(np.float32, copy=False) for text_hash, blob in rows}

    def put_many(self, fingerprint: str, vectors: Mapping[str, Vector]) -> None:
        """Keep vectors in one commit. Of two vectors for one text the first stays.

        Raises ModelError, and keeps none, when one is not finite or not of the dimension the fingerprint has.
        """
        if not vectors:
            return
        dimension = len(next(iter(vectors.values())))
        with self._connection() as connection, _transaction(connection):
            connection.execute(_ADD_MODEL, (fingerprint, dimension))
            model_id, dimension = connection.execute(_FIND_MODEL, (fingerprint,)).fetchone()
            for text_hash, vector in vectors.items():
                _refuse_unfit(text_hash, vector, dimension)
            connection.executemany(
                _ADD_VECTOR,
                ((model_id, text_hash, vector.astype(_STORED).tobytes()) for text_hash, vector in vectors.items()),
            )

    def missing(self, fingerprint: str, hashes: Iterable[str]) -> list[str]:
        """The distinct hashes without a vector, in the order given."""
        wanted = list(dict.fromkeys(hashes))
        with self._connection() as connection:
            model = connection.execute(_FIND_MODEL, (fingerprint,)).fetchone()
            if model is None:
                return wanted
            there = {text_hash for (text_hash,) in connection.execute(_FIND_HASHES, (json.dumps(wanted), model[0]))}
        return [text_hash for text_hash in wanted if text_hash not in there]

    def count(self, fingerprint: str) -> int:
        """Number of vectors of a model."""
        with self._connection() as connection:
            model = connection.execute(_FIND_MODEL, (fingerprint,)).fetchone()
            return int(connection.execute(_COUNT, (model[0],)).fetchone()[0]) if model else 0

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            if not self.path.exists():
                self._create()
            connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None)
            connection.executescript(_ON_OPEN)
            yield connection
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error
        finally:
            if connection is not None:
                connection.close()

    def _create(self) -> None:
        # Beside and then into place: the change to WAL mode is refused at once, whatever the busy timeout, while another
        # process has the file open. Seen with four processes that began together.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            if self.path.exists():
                return
            fresh = self.path.with_name(f"{self.path.name}.new")
            for leftover in (fresh, *(Path(f"{stem}{end}") for stem in (fresh, self.path) for end in ("-wal", "-shm"))):
                leftover.unlink(missing_ok=True)  # a stale log would be replayed into the new file
            connection = sqlite3.connect(fresh)
            try:
                connection.executescript(_SCHEMA)
            finally:
                connection.close()
            fresh.replace(self.path)

    def _explained(self, error: sqlite3.Error | OSError) -> StorageError:
        name = getattr(error, "sqlite_errorname", "")
        if name in _NO_SPACE or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
            return DiskFull(
                f"No space left for the vector cache {self.path}. The vectors committed before stand and are reused. "
                f"See what fills the disk with `df -h {shlex.quote(str(self.path.parent))}`, free some and run again."
            )
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StorageError(
                f"Another process has held the vector cache {self.path} for {_BUSY_TIMEOUT_SECONDS} s. The vectors "
                f"committed before stand. See which with `fuser {shlex.quote(str(self.path))}`, then run again."
            )
        return StorageError(f"The vector cache {self.path} cannot be used: {error}. {self._how_to_reset()}")

    def _how_to_reset(self) -> str:
        files = " ".join(shlex.quote(f"{self.path}{suffix}") for suffix in ("", "-wal", "-shm"))
        return (
            "The lake and the index stand. The cache is safe to delete, its vectors are then computed again: "
            f"`rm -f {files}`."
        )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    # IMMEDIATE takes the write lock first: a reader that turns writer is refused at once, without the busy timeout.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _refuse_unfit(text_hash: str, vector: Vector, dimension: int) -> None:
    problem = ""
    if vector.shape != (dimension,):
        problem = f"it has the shape {vector.shape}, this model's vectors have {dimension} numbers"
    elif not np.isfinite(vector).all():
        problem = "it is not finite"
    if problem:
        raise ModelError(
            f"The vector of the text {text_hash} is unusable: {problem}. None of its batch was kept; the vectors "
            "committed before stand. Check the embedding model with `assay doctor`."
        )

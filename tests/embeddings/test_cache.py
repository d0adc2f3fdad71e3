"""The vector cache: exact, shared by processes, and clear about a file it cannot use."""

import hashlib
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.embeddings import VectorCache, cache
from assay.errors import DiskFull, ModelError, StorageError

WRITER = """
import sys, time
from pathlib import Path
import numpy as np
from assay.embeddings import VectorCache

folder, writer = Path(sys.argv[1]), int(sys.argv[2])
(folder / f"ready-{writer}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
for batch in range(20):
    shared = {f"shared-{batch}-{i}": np.full(8, writer, dtype=np.float32) for i in range(20)}
    own = {f"own-{writer}-{batch}-{i}": np.full(8, writer, dtype=np.float32) for i in range(20)}
    VectorCache(folder / "vectors.sqlite").put_many("model", shared | own)
"""


def hashed(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "caches" / "vectors.sqlite"


def test_vectors_come_back_bit_for_bit_and_by_model(path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((40_000, 4), dtype=np.float32)
    kept = {hashed(number): row for number, row in enumerate(rows)}
    VectorCache(path).put_many("model", kept)

    found = VectorCache(path).get_many("model", [*kept, hashed(-1)])
    assert found.keys() == kept.keys()
    assert all(np.array_equal(found[text_hash], vector) for text_hash, vector in kept.items())
    assert VectorCache(path).get_many("another model", kept) == {}
    assert (VectorCache(path).count("model"), VectorCache(path).count("another model")) == (40_000, 0)


def test_missing_keeps_the_order_and_names_each_once(path: Path) -> None:
    VectorCache(path).put_many("model", {"b": np.ones(3, np.float32)})

    assert VectorCache(path).missing("model", ["d", "b", "a", "d", "c"]) == ["d", "a", "c"]
    assert VectorCache(path).missing("another model", ["b", "a", "b"]) == ["b", "a"]


def test_the_first_vector_of_a_text_stays(path: Path) -> None:
    VectorCache(path).put_many("model", {"a": np.zeros(2, np.float32)})
    VectorCache(path).put_many("model", {"a": np.ones(2, np.float32), "b": np.ones(2, np.float32)})

    assert {key: list(vector) for key, vector in VectorCache(path).get_many("model", "ab").items()} == {
        "a": [0, 0],
        "b": [1, 1],
    }


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (np.ones(3, np.float32), "shape"),
        (np.ones((1, 2), np.float32), "shape"),
        (np.array([1, np.nan], np.float32), "not finite"),
        (np.array([np.inf, -np.inf], np.float32), "not finite"),
    ],
)
def test_an_unusable_vector_is_refused_with_its_whole_batch(path: Path, bad: np.ndarray, why: str) -> None:
    VectorCache(path).put_many("model", {"a": np.ones(2, np.float32)})

    with pytest.raises(ModelError, match=why):
        VectorCache(path).put_many("model", {"b": np.ones(2, np.float32), "c": bad})
    assert VectorCache(path).missing("model", "abc") == ["b", "c"]


def test_a_refused_first_batch_does_not_decide_the_dimension(path: Path) -> None:
    with pytest.raises(ModelError, match="not finite"):
        VectorCache(path).put_many("model", {"a": np.full(3, np.nan, np.float32)})
    VectorCache(path).put_many("model", {"a": np.ones(2, np.float32)})

    assert VectorCache(path).count("model") == 1


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(writer)]) for writer in range(4)]
    while len(list(tmp_path.glob("ready-*"))) < len(writers):
        assert all(writer.poll() in (None, 0) for writer in writers)
        time.sleep(0.01)
    (tmp_path / "go").touch()  # all create the file at the same moment

    assert [writer.wait() for writer in writers] == [0, 0, 0, 0]
    store = VectorCache(tmp_path / "vectors.sqlite")
    own = {f"own-{writer}-{batch}-{i}": writer for writer in range(4) for batch in range(20) for i in range(20)}
    found = store.get_many("model", own)
    assert {key: int(vector[0]) for key, vector in found.items()} == own
    assert store.count("model") == len(own) + 20 * 20
    connection = sqlite3.connect(store.path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_corrupt_file_says_that_it_may_be_deleted(path: Path) -> None:
    VectorCache(path).put_many("model", {hashed(i): np.ones(384, np.float32) for i in range(100)})
    path.write_bytes(b"not a database" * 1000)

    with pytest.raises(StorageError, match=f"safe to delete.*`rm -f {path} {path}-wal {path}-shm`"):
        VectorCache(path).missing("model", ["a"])
    path.unlink()
    assert VectorCache(path).missing("model", ["a"]) == ["a"]


def test_the_log_of_a_deleted_file_does_not_come_back(path: Path) -> None:
    VectorCache(path).put_many("model", {"old": np.ones(2, np.float32)})
    with sqlite3.connect(path) as held:  # keeps the log from being folded in
        held.execute("SELECT count(*) FROM vectors").fetchall()
        VectorCache(path).put_many("model", {"newer": np.ones(2, np.float32)})
        assert Path(f"{path}-wal").stat().st_size > 0
        path.unlink()
        assert VectorCache(path).missing("model", ["old", "newer"]) == ["old", "newer"]
    held.close()
    VectorCache(path).put_many("model", {"newest": np.ones(2, np.float32)})

    assert VectorCache(path).missing("model", ["old", "newest"]) == ["old"]


def test_a_damaged_vector_is_not_served(path: Path) -> None:
    VectorCache(path).put_many("model", {"a": np.ones(2, np.float32)})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE vectors SET vector = x'000000'")
    connection.close()

    with pytest.raises(StorageError, match=r"wrong length.*`rm -f"):
        VectorCache(path).get_many("model", ["a"])


def test_a_full_disk_keeps_what_was_committed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = {hashed(i): np.ones(384, np.float32) for i in range(10)}
    VectorCache(path).put_many("model", first)
    # SQLite's own limit raises the very error of a full disk, without filling one.
    monkeypatch.setattr(cache, "_ON_OPEN", "PRAGMA max_page_count = 20;" + cache._ON_OPEN)

    with pytest.raises(DiskFull, match=r"committed before stand.*`df -h"):
        VectorCache(path).put_many("model", {hashed(i): np.ones(384, np.float32) for i in range(10, 100)})
    assert VectorCache(path).get_many("model", map(hashed, range(100))).keys() == first.keys()

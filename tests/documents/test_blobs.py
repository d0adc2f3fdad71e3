"""The blob folder: what is in it is whole, under its own hash, and written once."""

import errno
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from assay.documents.blobs import BlobStore
from assay.errors import DiskFull, StorageError


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


def test_bytes_come_back_under_their_hash(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    for data in (b"", b"\x00\xff" * 1000, b"text"):
        content_hash = store.put(data)
        assert content_hash == sha256(data).hexdigest()
        assert store.path(content_hash).read_bytes() == data
    assert len(files(tmp_path)) == 3


def test_equal_bytes_are_written_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    path = store.path(store.put(b"the same"))
    before = path.stat()
    store.put(b"the same")
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_writers_of_the_same_bytes_do_not_disturb_each_other(tmp_path: Path) -> None:
    data = os.urandom(100_000)
    with ThreadPoolExecutor(8) as pool:
        hashes = set(pool.map(lambda _: BlobStore(tmp_path).put(data), range(64)))
    assert hashes == {sha256(data).hexdigest()}
    assert [path.read_bytes() for path in files(tmp_path)] == [data]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_writer_that_is_stopped_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, step, stop)
    with pytest.raises(KeyboardInterrupt):
        BlobStore(tmp_path).put(b"half")
    assert files(tmp_path) == []


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_named_and_what_was_there_stands(full_disk: Path) -> None:
    store = BlobStore(full_disk / "blobs")
    small = store.put(b"small")
    with pytest.raises(DiskFull, match=r"What was committed before stands.*`df -h`"):
        store.put(os.urandom(200_000))
    assert files(full_disk) == [store.path(small)]
    assert store.path(store.put(b"another")).read_bytes() == b"another"


def test_another_failure_is_a_storage_error_with_the_next_command(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=f"{os.strerror(errno.ENOTDIR)}.*`df -h`") as raised:
        BlobStore(tmp_path / "blobs").put(b"data")
    assert not isinstance(raised.value, DiskFull)

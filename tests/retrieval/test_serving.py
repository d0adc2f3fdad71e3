import dataclasses
import itertools
import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assay.errors import StorageError
from assay.retrieval import ServingPointer, publish_pointer, read_history, read_pointer
from assay.retrieval.serving import HISTORY_FILE, POINTER_FILE, pointer_stamp

POINTER = ServingPointer("r1", "chunks-a", 3, "all-MiniLM-L6-v2", "f" * 64, "structure", "2026-11-22T00:00:00Z")


def test_what_was_published_is_read_back_with_its_history(tmp_path):
    assert read_pointer(tmp_path) is None
    assert read_history(tmp_path) == []

    later = dataclasses.replace(POINTER, release_id="r2 ‘ü’", version=4)
    publish_pointer(tmp_path, POINTER)
    publish_pointer(tmp_path, later)

    assert read_pointer(tmp_path) == later
    assert read_history(tmp_path) == [POINTER, later]
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY_FILE, POINTER_FILE]


def test_every_publication_changes_the_stamp(tmp_path):
    stamps = []
    for version in range(20):
        publish_pointer(tmp_path, dataclasses.replace(POINTER, version=version))
        stamps.append(pointer_stamp(tmp_path))
    assert all(one != other for one, other in itertools.pairwise(stamps))


def test_a_reader_never_sees_half_a_pointer(tmp_path):
    publish_pointer(tmp_path, POINTER)
    done = threading.Event()

    def read():
        seen = set()
        while not done.is_set():
            seen.add(read_pointer(tmp_path))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for version in range(100):
            publish_pointer(tmp_path, dataclasses.replace(POINTER, version=version, table="t" * (1 + version * 50)))
        done.set()
        assert None not in reading.result()


@pytest.mark.parametrize(
    "content",
    [
        "",
        '{"release_id": "r1", "tab',
        "[]",
        "null",
        "{}",
        b"\xff\xfe",
        json.dumps(dataclasses.asdict(POINTER) | {"version": "3"}),
        json.dumps(dataclasses.asdict(POINTER) | {"version": True}),
        json.dumps(dataclasses.asdict(POINTER) | {"more": 1}),
    ],
)
def test_a_broken_pointer_is_an_error_that_says_what_to_do(tmp_path, content):
    (tmp_path / POINTER_FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StorageError, match=r"mv .*serving\.json\.broken"):
        read_pointer(tmp_path)


def test_a_history_line_cut_by_a_crash_hides_no_other(tmp_path):
    publish_pointer(tmp_path, POINTER)
    with (tmp_path / HISTORY_FILE).open("a") as history:
        history.write('{"release_id": "cut')
    later = dataclasses.replace(POINTER, release_id="r3")

    publish_pointer(tmp_path, later)

    assert read_history(tmp_path) == [POINTER, later]


def test_a_publication_that_fails_leaves_the_old_release_and_no_debris(tmp_path, monkeypatch):
    publish_pointer(tmp_path, POINTER)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match="was not published"):
        publish_pointer(tmp_path, dataclasses.replace(POINTER, release_id="r2"))

    assert read_pointer(tmp_path) == POINTER
    assert read_history(tmp_path) == [POINTER]
    assert len(list(tmp_path.iterdir())) == 2

import dataclasses
import itertools
import json
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from assay.errors import NotReady, StorageError
from assay.retrieval import ServingPointer, flip, read_head, read_history, read_pointer, retained_releases
from assay.retrieval.serving import (
    CANDIDATE_FOLDER,
    HISTORY_FILE,
    POINTER_FILE,
    drop_head,
    find_release,
    guarded_releases,
    heads,
    pointer_stamp,
    read_acts,
    replaced_configurations,
    retained_configurations,
    write_head,
    write_pointer,
)

POINTER = ServingPointer("r1", "chunks-a", 3, "all-MiniLM-L6-v2", "f" * 64, "structure", "c1", "2026-11-22T00:00:00Z")


def test_what_was_published_is_read_back_with_its_history(tmp_path):
    assert read_pointer(tmp_path) is None
    assert read_history(tmp_path) == []

    later = dataclasses.replace(POINTER, release_id="r2 ‘ü’", version=4)
    flip(tmp_path, POINTER, "publish")
    flip(tmp_path, later, "publish")

    assert read_pointer(tmp_path) == later
    assert read_history(tmp_path) == [POINTER, later]
    assert sorted(path.name for path in tmp_path.iterdir()) == [HISTORY_FILE, POINTER_FILE]


def test_every_publication_changes_the_stamp(tmp_path):
    stamps = []
    for version in range(20):
        flip(tmp_path, dataclasses.replace(POINTER, version=version), "publish")
        stamps.append(pointer_stamp(tmp_path))
    assert all(one != other for one, other in itertools.pairwise(stamps))


def test_a_reader_never_sees_half_a_pointer(tmp_path):
    flip(tmp_path, POINTER, "publish")
    done = threading.Event()

    def read():
        seen = set()
        while not done.is_set():
            seen.add(read_pointer(tmp_path))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for version in range(100):
            flip(tmp_path, dataclasses.replace(POINTER, version=version, table="t" * (1 + version * 50)), "publish")
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
    flip(tmp_path, POINTER, "publish")
    with (tmp_path / HISTORY_FILE).open("a") as history:
        history.write('{"release_id": "cut')
    later = dataclasses.replace(POINTER, release_id="r3")

    flip(tmp_path, later, "publish")

    assert read_history(tmp_path) == [POINTER, later]


def test_a_publication_that_fails_leaves_the_old_release_and_no_debris(tmp_path, monkeypatch):
    flip(tmp_path, POINTER, "publish")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StorageError, match="was not made to serve"):
        flip(tmp_path, dataclasses.replace(POINTER, release_id="r2"), "publish")

    assert read_pointer(tmp_path) == POINTER
    assert read_history(tmp_path) == [POINTER]
    assert len(list(tmp_path.iterdir())) == 2


def pointer(configuration: str, version: int = 1) -> ServingPointer:
    return dataclasses.replace(
        POINTER, release_id=f"{configuration}@{version}", version=version, configuration=configuration
    )


def test_every_act_is_told_and_a_rollback_goes_back_to_the_configuration_before(tmp_path):
    for act, one in (
        ("promote", pointer("a")),
        ("publish", pointer("a", 2)),
        ("promote", pointer("b")),
        ("promote", pointer("c")),
        ("rollback", pointer("b", 2)),
    ):
        flip(tmp_path, one, act)
    acts = read_acts(tmp_path)
    assert [(one.act, one.pointer.release_id) for one in acts] == [
        ("promote", "a@1"), ("publish", "a@2"), ("promote", "b@1"), ("promote", "c@1"), ("rollback", "b@2"),
    ]  # fmt: skip
    assert [one.at for one in acts] == sorted(one.at for one in acts)
    assert replaced_configurations(tmp_path) == {"c": acts[4].at, "a": acts[2].at}
    assert retained_configurations(tmp_path, timedelta(days=1)) == ["c", "a"]
    assert retained_configurations(tmp_path, timedelta(0)) == []


def test_a_flip_that_was_killed_before_its_line_is_given_it_with_what_it_was(tmp_path):
    flip(tmp_path, pointer("a"), "promote")
    flip(tmp_path, pointer("b"), "promote")
    history = tmp_path / HISTORY_FILE
    history.write_text(history.read_text().splitlines(keepends=True)[0])

    flip(tmp_path, pointer("a"), "rollback")

    assert [(one.act, one.pointer.configuration) for one in read_acts(tmp_path)] == [
        ("promote", "a"), ("promote", "b"), ("rollback", "a"),
    ]  # fmt: skip


def test_what_a_killed_flip_replaced_counts_as_replaced_before_its_line_is_written(tmp_path):
    flip(tmp_path, pointer("a"), "promote")
    flip(tmp_path, pointer("b"), "promote")
    history = tmp_path / HISTORY_FILE
    history.write_text(history.read_text().splitlines(keepends=True)[0])
    assert list(replaced_configurations(tmp_path)) == ["a"]


def test_a_broken_serving_pointer_is_put_back_from_its_history(tmp_path):
    flip(tmp_path, POINTER, "publish")
    (tmp_path / POINTER_FILE).write_text("{")
    with pytest.raises(StorageError, match=r"`tail -n 1 ") as raised:
        read_pointer(tmp_path)
    subprocess.run(str(raised.value).split("`")[1], shell=True, check=True)
    assert read_pointer(tmp_path) == POINTER


def test_heads_move_apart_from_what_serves_and_are_retained_with_it(tmp_path):
    flip(tmp_path, pointer("a"), "promote")
    write_head(tmp_path, pointer("a"))
    write_head(tmp_path, pointer("b", 7))
    assert read_head(tmp_path, "b") == pointer("b", 7)
    assert read_head(tmp_path, "c") is None
    assert read_pointer(tmp_path) == pointer("a")
    assert retained_releases(tmp_path) == [pointer("a"), pointer("b", 7)]
    write_pointer(tmp_path / CANDIDATE_FOLDER, pointer("c", 3))
    assert guarded_releases(tmp_path) == [pointer("a"), pointer("b", 7), pointer("c", 3)]
    with pytest.raises(NotReady, match=r"`c@3`; there are `a@1`, `b@7`"):
        find_release(tmp_path, "c@3")  # the gate may have said no
    drop_head(tmp_path, "b")
    assert heads(tmp_path) == [pointer("a")]
    drop_head(tmp_path, "b")

"""Tables that stay open between reads show what was committed last, whoever committed it."""

import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from assay.lake import Lake
from assay.lake_handles import MOST_HANDLES, newest
from assay.schema import table, table_of


@table("tests/words", key=("word",), partition_by=("word",))
@dataclass(frozen=True, slots=True)
class WordRow:
    """Words."""

    word: str
    length: int


WORDS = table_of(WordRow)
WRITE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_lake_handles import put
put(Path(sys.argv[2]), sys.argv[3])
"""


def put(root: Path, word: str) -> None:
    Lake(root).replace_partition(WORDS, WORDS.rows([WordRow(word, len(word))]), partitions={"word": word})


def words(root: Path) -> list[str]:
    return sorted(Lake(root).read(WORDS)["word"].to_pylist())


def test_a_reader_sees_what_another_process_committed(tmp_path: Path) -> None:
    put(tmp_path, "a")
    assert words(tmp_path) == ["a"]
    folder = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-W", "ignore", "-c", WRITE, folder, str(tmp_path), "b"], check=True, timeout=60)
    assert words(tmp_path) == ["a", "b"]
    assert Lake(tmp_path).version(WORDS) == 1 + 1  # creating the table is a commit too


def test_a_table_that_was_deleted_is_empty_and_one_made_anew_is_another(tmp_path: Path) -> None:
    for word in ("a", "b", "c"):
        put(tmp_path, word)
    assert words(tmp_path) == ["a", "b", "c"]
    shutil.rmtree(tmp_path / WORDS.name)
    assert words(tmp_path) == []
    assert Lake(tmp_path).version(WORDS) is None
    put(tmp_path, "d")
    assert words(tmp_path) == ["d"]
    for word in ("e", "f", "g"):  # as many commits as the table before had, and more
        put(tmp_path, word)
    assert words(tmp_path) == ["d", "e", "f", "g"]


def test_an_older_version_is_read_beside_the_newest(tmp_path: Path) -> None:
    put(tmp_path, "a")
    version = Lake(tmp_path).version(WORDS)
    put(tmp_path, "b")
    assert Lake(tmp_path).read(WORDS, version=version)["word"].to_pylist() == ["a"]
    assert words(tmp_path) == ["a", "b"]


def test_every_thread_reads_through_handles_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "a")
    seen: list[list[str]] = []
    ours, theirs = newest(tmp_path / WORDS.name), []
    threads = [
        threading.Thread(target=lambda: (seen.append(words(tmp_path)), theirs.append(newest(tmp_path / WORDS.name))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [["a"]] * 4
    assert len({id(handle) for handle in [ours, *theirs]}) == 5
    assert newest(tmp_path / WORDS.name) is ours


def test_the_tables_of_many_lakes_are_not_kept_open_for_ever(tmp_path: Path) -> None:
    roots = [tmp_path / str(number) for number in range(MOST_HANDLES + 2)]
    put(roots[0], "a")
    for root in roots[1:]:
        shutil.copytree(roots[0], root)
        assert words(root) == ["a"]
    first = newest(roots[-1] / WORDS.name)
    assert first is newest(roots[-1] / WORDS.name)
    put(roots[0], "b")
    assert words(roots[0]) == ["a", "b"], "closed in between, and opened again"

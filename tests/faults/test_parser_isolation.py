"""Documents that take their parser's process down: each gets its own reason, and every other document survives."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hostile_parsers
import pytest

from assay.documents.parsing import ParsedDocument, ParserPool, parse_document
from assay.errors import ConfigurationError, DocumentRejected

pytestmark = pytest.mark.faults

MEMORY_BYTES = 1 << 30
HOSTILE = {
    "sleep": "timeout",
    "regex": "timeout",
    "allocate": "out_of_memory",
    "abort-allocation": "out_of_memory",
    "segfault": "crashed",
    "exit:3": "crashed",
    "exit:0": "crashed",
    "raise-exit": "crashed",
    "kill": "crashed",
    "close-everything": "crashed",
    "die-while-answering": "crashed",
    "wrong-answer": "crashed",
    "raise": "crashed",
}


def hostile_pool(*, workers: int = 2, timeout_seconds: float = 2.0) -> ParserPool:
    return ParserPool(
        workers=workers, timeout_seconds=timeout_seconds, memory_bytes=MEMORY_BYTES, parse=hostile_parsers.obey
    )


def outcome(answer: ParsedDocument | DocumentRejected) -> str:
    return answer.reason if isinstance(answer, DocumentRejected) else answer.text


def test_each_hostile_document_gets_its_reason_and_the_good_ones_survive() -> None:
    good = [f"good {number}" for number in range(2 * len(HOSTILE))]
    items = [text for pair in zip(HOSTILE, good[::2], good[1::2], strict=True) for text in pair]
    with hostile_pool() as pool:
        answers = list(pool.parse_many((text, text.encode(), "x.txt") for text in items))
    assert Counter(key for key, _ in answers) == Counter(items)
    assert {key: outcome(answer) for key, answer in answers} == HOSTILE | {text: text for text in good}


def test_a_refusal_says_how_the_process_ended() -> None:
    with hostile_pool(workers=1) as pool:
        answers = dict(pool.parse_many((order, order.encode(), "x.txt") for order in ("segfault", "exit:3", "raise")))
    assert "SIGSEGV" in str(answers["segfault"])
    assert "exit code 3" in str(answers["exit:3"])
    assert "KeyError: 'a bug in the parser'" in str(answers["raise"])


def test_what_a_document_leaves_behind_does_not_cost_the_next_one() -> None:
    items = ["poison", "slow", "good"]
    with hostile_pool(workers=1) as pool:
        answers = {key: outcome(answer) for key, answer in pool.parse_many((i, i.encode(), "x.txt") for i in items)}
    assert answers == {item: item for item in items}


def test_workers_killed_from_outside_cost_nothing() -> None:
    with hostile_pool() as pool:
        before = {outcome(answer) for _, answer in pool.parse_many((n, b"pid", "x.txt") for n in range(8))}
        for pid in before:
            os.kill(int(pid), signal.SIGKILL)
        after = [outcome(answer) for _, answer in pool.parse_many((n, b"good", "x.txt") for n in range(8))]
    assert after == ["good"] * 8


def test_what_a_parser_prints_does_not_reach_the_answers(capfd: pytest.CaptureFixture[str]) -> None:
    with hostile_pool(workers=1) as pool:
        assert [outcome(answer) for _, answer in pool.parse_many([(1, b"chatter", "x.txt"), (2, b"b", "x.txt")])] == [
            "chatter",
            "b",
        ]
    assert capfd.readouterr().out == ""


def test_a_slow_caller_costs_no_document_its_deadline() -> None:
    with hostile_pool(timeout_seconds=0.8) as pool:
        answers: list[str] = []
        for _, answer in pool.parse_many((n, b"slow", "x.txt") for n in range(4)):
            answers.append(outcome(answer))
            time.sleep(1.0)
    assert answers == ["slow"] * 4


def test_limits_reach_the_worker() -> None:
    with hostile_pool(workers=1) as pool:
        assert [outcome(answer) for _, answer in pool.parse_many([(1, b"limits", "x.txt")])] == [f"{MEMORY_BYTES} 0"]


def test_items_are_taken_as_workers_get_free(tmp_path: Path) -> None:
    taken = 0

    def items() -> Iterator[tuple[int, Path, str]]:
        nonlocal taken
        for number in range(40):
            taken += 1
            path = tmp_path / str(number)
            path.write_text(f"document {number}")
            yield number, path, "x.txt"

    with ParserPool(workers=2) as pool:
        answered: dict[int, str] = {}
        for number, answer in pool.parse_many(items()):
            answered[number] = outcome(answer)
            assert taken - len(answered) <= 2 * 2
    assert answered == {number: f"document {number}" for number in range(40)}


def test_a_blob_that_is_gone_is_one_document_unreadable(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("there")
    with ParserPool(workers=1) as pool:
        items = [(name, tmp_path / name, "x.txt") for name in ("gone", "there")]
        answers = {key: outcome(answer) for key, answer in pool.parse_many(items)}
    assert answers == {"gone": "unreadable", "there": "there"}


def test_documents_larger_than_any_pipe_come_through_whole() -> None:
    texts = [chr(97 + number) * 5_000_000 for number in range(6)]
    with ParserPool(workers=2) as pool:
        answers = {key: outcome(answer) for key, answer in pool.parse_many((t[0], t.encode(), "x.txt") for t in texts)}
    assert answers == {text[0]: text for text in texts}


def test_breaking_off_leaves_a_pool_that_works() -> None:
    with hostile_pool() as pool:
        for _ in pool.parse_many((order, order.encode(), "x.txt") for order in ("good", "sleep", "slow", "good")):
            break
        started = time.monotonic()
        assert [outcome(answer) for _, answer in pool.parse_many([(1, b"next", "x.txt")])] == ["next"]
    assert time.monotonic() - started < 10


def test_workers_are_renewed_before_what_they_leak_adds_up() -> None:
    with hostile_pool(workers=1) as pool:
        pids = Counter(outcome(answer) for _, answer in pool.parse_many((n, b"pid", "x.txt") for n in range(450)))
    assert sorted(pids.values()) == [50, 200, 200]


def test_a_parser_that_cannot_be_imported_is_a_configuration_error() -> None:
    with (
        ParserPool(workers=1, parse="assay.documents.parsing.registry:no_such_parser") as pool,
        pytest.raises(ConfigurationError, match=r"no_such_parser[\s\S]*`assay doctor`"),
    ):
        list(pool.parse_many([(1, b"text", "x.txt")]))
    with pytest.raises(ConfigurationError, match="top of a module"):
        ParserPool(parse=lambda data, name, media_type, options: parse_document(data, name=name))


def test_threads_may_parse_together() -> None:
    texts = [f"thread {number}" for number in range(8)]
    parsed: list[str] = []
    threads = [
        threading.Thread(target=lambda text=text: parsed.append(parse_document(text.encode(), name="x.txt").text))
        for text in texts
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(parsed) == texts
    # The threads that started the workers are gone; the workers are not.
    assert parse_document(b"after", name="x.txt").text == "after"


SCRIPT = """
import sys
from assay.documents.parsing import ParserPool, parse_document
print("the script runs")
print(parse_document(b"# Title", name="a.md").title)
with ParserPool(workers=2) as pool:
    print(sorted(key for key, _ in pool.parse_many([(1, b"a", "a.txt"), (2, b"b", "b.txt")])))
"""


@pytest.mark.parametrize("how", ["script", "stdin", "command"])
def test_an_unguarded_script_runs_once_and_ends(how: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = {"script": [str(script)], "stdin": ["-"], "command": ["-c", SCRIPT]}[how]
    # A module in the current folder that bears the name of one of Python's own must not reach the workers.
    (tmp_path / "cwd").mkdir()
    (tmp_path / "cwd" / "pickle.py").write_text("raise SystemExit('shadowed')" if how == "script" else "")
    ran = subprocess.run(
        [sys.executable, *command],
        input=SCRIPT if how == "stdin" else "",
        cwd=tmp_path / "cwd" if how == "script" else tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == ["the script runs", "Title", "[1, 2]"]
    assert ran.stderr == ""


def test_a_worker_starts_light() -> None:
    heavy = ["torch", "pandas", "lancedb", "sentence_transformers", "great_expectations", "resiliparse", "dagster"]
    code = f"import sys, assay.documents.parsing.worker; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_forked_child_starts_a_worker_of_its_own() -> None:
    forked = """
    import os
    from assay.documents.parsing import parse_document
    assert parse_document(b"parent", name="x.txt").text == "parent"
    child = os.fork()
    for number in range(20):
        assert parse_document(f"{child} {number}".encode(), name="x.txt").text == f"{child} {number}"
    if child:
        assert os.waitpid(child, 0)[1] == 0
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(forked)], check=True, timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    parent = f"""
    import sys, threading
    sys.path.insert(0, {str(Path(hostile_parsers.__file__).parent)!r})
    import hostile_parsers
    from assay.documents.parsing import ParserPool, parse_document
    print(parse_document(b"an idle worker", name="x.txt").text, flush=True)
    orders = [f"write-pid:{tmp_path}/{{number}}".encode() for number in range(2)]
    with ParserPool(workers=2, parse=hostile_parsers.obey) as pool:
        list(pool.parse_many((order, order, "x.txt") for order in orders))
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(parent)], stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline() == "an idle worker\n"
        wait_until(lambda: sum(bool(path.read_text()) for path in tmp_path.iterdir()) == 2, "both workers are busy")
        workers = children_of(killed.pid)
        assert len(workers) == 3
        killed.kill()
    wait_until(lambda: not any(map(is_running, workers)), "every worker is gone")


def children_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(happened, what: str, timeout_seconds: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not happened():
        assert time.monotonic() < deadline, f"not seen within {timeout_seconds} s: {what}"
        time.sleep(0.02)

"""The real `assay` command in tests: one call, several at once, and the demo that many tests look at.

A command runs as its users run it: in the checkout, in processes of its own, with nothing but its settings.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
ASSAY = Path(sys.executable).with_name("assay")
# A demo takes 25 s on two quiet cores; whoever takes ten times as long hangs.
DEADLINE_SECONDS = 250
# Wide enough that tables and messages are not wrapped.
COLUMNS = 240
# Libraries that a run without work must not import: seconds of CPU each.
WATCHED = ("torch", "great_expectations")

# Notes a library when its module is executed, not when it is only looked for, and at once: the launching process ends
# without the interpreter's own end.
_WATCHER = f"""
import os, sys
from importlib.machinery import PathFinder

def note(what):
    with open(os.environ["IMPORTS_SEEN"], "a") as file:
        file.write(f"{{os.getpid()}} {{what}}\\n")

class Watcher:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name not in {WATCHED!r}:
            return None
        spec = PathFinder.find_spec(name, path, target)
        execute = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (note(name), execute(module))
        return spec

sys.meta_path.insert(0, Watcher)
note("started " + " ".join(sys.orig_argv[1:]))
"""


@dataclass(frozen=True)
class Ran:
    """A command that ended: its exit code and what it wrote."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str


def assay(home: Path, *arguments: str, **environment: str) -> Ran:
    """Run `assay ARGUMENTS` over a home to its end. Its whole process tree ends with it, or at the deadline."""
    return run([str(ASSAY), *arguments], {"ASSAY_HOME": str(home), **environment})


def together(home: Path, *calls: Sequence[str], **environment: str) -> list[Ran]:
    """Several commands that only read, two at a time; what they did in the order of `calls`."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda arguments: assay(home, *arguments, **environment), calls))


def run(command: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Run a command in the checkout in a session of its own, so that no process of it outlives its deadline."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "DAGSTER_"))}
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**inherited, "HF_HUB_OFFLINE": "1", "COLUMNS": str(COLUMNS), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=DEADLINE_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return Ran(tuple(command[1:]), process.returncode, out, err)


def stored_files(home: Path) -> dict[str, str]:
    """Every file of the lake, the index, the blobs and the releases, with the hash of its bytes.

    Left out: the fast gate's own scratch pointer, and the caches and locks, which are no tables.
    """
    folders = (home / name for name in ("lake", "vectors", "blobs", "releases"))
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and "candidate" not in path.parts
    }


@dataclass(frozen=True)
class Demo:
    """`assay demo`, twice over one home. `stored` and `processes` are one entry per run.

    `processes`: command line -> the watched libraries it imported, for every Python process of the run.
    """

    home: Path
    runs: tuple[Ran, Ran]
    stored: tuple[dict[str, str], dict[str, str]]
    processes: tuple[dict[str, set[str]], dict[str, set[str]]]

    def copy(self, folder: Path) -> Path:
        """A home of one's own with all that the demo left."""
        return shutil.copytree(self.home, folder / "home")


def demo_of_session(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run twice at the first call of a test session; tests read its home and write in copies."""
    return _demo(tmp_path_factory.getbasetemp() / "demo")


@cache
def _demo(folder: Path) -> Demo:
    (folder / "watcher").mkdir(parents=True)
    (folder / "watcher" / "sitecustomize.py").write_text(_WATCHER)
    runs, stored, processes = [], [], []
    for number in range(2):
        seen = folder / f"imports-{number}.txt"
        ran = assay(folder / "home", "demo", PYTHONPATH=str(folder / "watcher"), IMPORTS_SEEN=str(seen))
        assert ran.code == 0, ran
        runs.append(ran)
        stored.append(stored_files(folder / "home"))
        processes.append(_processes(seen))
    return Demo(folder / "home", (runs[0], runs[1]), (stored[0], stored[1]), (processes[0], processes[1]))


def _processes(seen: Path) -> dict[str, set[str]]:
    started: dict[str, str] = {}
    imported: dict[str, set[str]] = {}
    for line in seen.read_text().splitlines():
        process, _, what = line.partition(" ")
        if what.startswith("started "):
            started[process] = f"{process} {what.removeprefix('started ')}"
            imported[started[process]] = set()
        else:
            imported[started[process]].add(what)
    return imported

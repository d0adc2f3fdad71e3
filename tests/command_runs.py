"""The real `assay` command in tests: one call, several at once, and the demo that many tests look at.

A command runs as its users run it: in the checkout, in processes of its own, with nothing but its settings.
"""

import hashlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

Made = TypeVar("Made")

CHECKOUT = Path(__file__).parents[1]
ASSAY = Path(sys.executable).with_name("assay")
# A demo takes 40 s on two quiet cores; whoever takes ten times as long hangs.
DEADLINE_SECONDS = 400
# Wide enough that tables and messages are not wrapped.
COLUMNS = 240
USUAL_COLUMNS = 80
# Scans of the sample's last day that nobody can read here.
UNREAD_SCANS = 0 if shutil.which("tesseract") else 4
# The sample's scenario with a tenth of its people and events: all that goes wrong in it, in a tenth of the time.
SMALLER_SCENARIO = (("events = 840_000", "events = 84_000"), ("count = 1500", "count = 150"))
# Libraries that a run without work must not import: seconds of CPU each.
WATCHED = ("torch", "great_expectations")

# The folder that is ingested: a chunk for every section, of which the edit touches one.
HANDBOOK = {
    "expenses.md": (
        "# Expenses of a journey\n\n## What a meal may cost\n\nA meal on a journey is paid up to 38 euros a day, with a "
        "receipt for each amount above ten euros.\n\n## When a taxi is paid\n\nA taxi is paid after ten in the evening, "
        "or with heavy luggage.\n"
    ),
    "travel.md": "# Booking of trains and rooms\n\nTrains are booked by the office in Aarhus, second class below four hours.\n",
    "keys.md": "# What to do about a lost key\n\nIt is reported to the porter at once, and its lock is changed the same day.\n",
    "post.md": "# When the post is fetched\n\nLetters leave at four, parcels with the courier on Tuesdays and Fridays.\n",
    "plants.md": "# Who waters the plants\n\nThe team on whose floor they stand; the ferns in the hall are the porter's.\n",
    "bicycles.md": "# Where bicycles are parked\n\nIn the yard behind the kitchen, locked to the rail and never to the fence.\n",
    "alarm.md": "# What the fire alarm sounds like\n\nThree rising tones. Everybody meets under the lime trees by the canal.\n",
}
EDIT = ("heavy luggage", "two suitcases")
DESKS = "# Who sits at which desk\n\nDesks are shared; a screen stays where it is.\n"

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
        begun = [pool.submit(assay, home, *arguments, **environment) for arguments in calls]
        return [one.result() for one in begun]


def run(command: Sequence[str], environment: Mapping[str, str]) -> Ran:
    """Run a command in the checkout in a session of its own, so that no process of it outlives its deadline."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY_", "DAGSTER_"))}
    inherited |= (
        {"ASSAY_EVENTS": ""} if os.environ.get("ASSAY_EVENTS") == "" else {}
    )  # switched off for the whole session
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
    """`assay demo`, twice over one home, wide and in 80 columns. `stored` and `processes` are one entry per run.

    `scenario` is the file of its events, a smaller livestream than the sample's. `processes`: command line -> the watched libraries it imported, for every Python process of the run.
    """

    home: Path
    scenario: Path
    runs: tuple[Ran, Ran]
    stored: tuple[dict[str, str], dict[str, str]]
    processes: tuple[dict[str, set[str]], dict[str, set[str]]]

    def copy(self, folder: Path) -> Path:
        """A home of one's own with all that the demo left."""
        return shutil.copytree(self.home, folder / "home")


@dataclass(frozen=True)
class Ingests:
    """What `assay ingest` said of a folder: new, edited, without most of its files (and a search then), cleared on purpose."""

    home: Path
    first: Ran
    edited: Ran
    lacking: Ran
    found_while_lacking: Ran
    cleared: Ran


def demo_of_session(request: pytest.FixtureRequest) -> Demo:
    """The demo, run twice at the first call of a test session, whichever process that is in; tests read its home and
    write in copies.

    What other tests of the process will ask for is begun beside it, for one run alone leaves a core idle.
    """
    if any("ingests" in getattr(item, "fixturenames", ()) for item in request.session.items):
        _begin_ingests(_folder(request))
    return _demo(_folder(request))


def ingests_of_session(request: pytest.FixtureRequest) -> Ingests:
    """Four days of a small folder, taken in at the first call of a test session."""
    return _begin_ingests(_folder(request)).result()


def _folder(request: pytest.FixtureRequest) -> Path:
    """The temporary folder that the processes of a test session share."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()


def _made_once(place: Path, make: Callable[[], Made]) -> Made:
    """What `make` gives in the first process that asks; the others wait for it and read it from `place`."""
    with FileLock(place.with_suffix(".lock")):
        if not place.exists():
            place.write_bytes(pickle.dumps(make()))
        return pickle.loads(place.read_bytes())


@cache
def _demo(folder: Path) -> Demo:
    return _made_once(folder / "demo.pickle", lambda: _run_demo(folder))


def _run_demo(folder: Path) -> Demo:
    home, watcher = folder / "demo", folder / "watcher"
    watcher.mkdir()
    (watcher / "sitecustomize.py").write_text(_WATCHER)
    scenario = _smaller_scenario(folder)
    events = os.environ.get("ASSAY_EVENTS", str(scenario))  # empty where the session has them switched off
    runs, stored, processes = [], [], []
    for number, columns in enumerate((COLUMNS, USUAL_COLUMNS)):
        seen = watcher / f"seen-{number}.txt"
        watched = {"PYTHONPATH": str(watcher), "IMPORTS_SEEN": str(seen)}
        ran = assay(home, "demo", COLUMNS=str(columns), ASSAY_EVENTS=events, **watched)
        assert ran.code == 0, ran
        runs.append(ran)
        stored.append(stored_files(home))
        processes.append(_processes(seen))
    return Demo(home, scenario, (runs[0], runs[1]), (stored[0], stored[1]), (processes[0], processes[1]))


def _smaller_scenario(folder: Path) -> Path:
    text = (CHECKOUT / "samples/livestream.toml").read_text()
    for sample, smaller in SMALLER_SCENARIO:
        assert sample in text
        text = text.replace(sample, smaller)
    place = folder / "livestream.toml"
    place.write_text(text)
    return place


@cache
def _begin_ingests(folder: Path) -> Future[Ingests]:
    pool = ThreadPoolExecutor(1)
    make = partial(_ingest_days, folder / "ingests", folder / "handbook")
    begun = pool.submit(_made_once, folder / "ingests.pickle", make)
    pool.shutdown(wait=False)
    return begun


def _ingest_days(home: Path, handbook: Path) -> Ingests:
    handbook.mkdir()

    def ingest(day: str, *options: str) -> Ran:
        return assay(home, "ingest", str(handbook), "--as-of", day, *options)

    for name, text in HANDBOOK.items():
        (handbook / name).write_text(text, encoding="utf-8")
    first = ingest("2026-11-02")
    (handbook / "expenses.md").write_text(HANDBOOK["expenses.md"].replace(*EDIT), encoding="utf-8")
    (handbook / "travel.md").unlink()
    (handbook / "lost").mkdir()
    (handbook / "keys.md").rename(handbook / "lost/keys.md")
    (handbook / "desks.md").write_text(DESKS, encoding="utf-8")
    (handbook / "broken.md").write_bytes(b"# Scan\n\x00\x01\x02\x00")
    edited = ingest("2026-11-03")
    for file in handbook.glob("**/*.md"):
        if file.name != "desks.md":
            file.unlink()
    lacking = ingest("2026-11-04")
    found = assay(home, "search", "suitcases", "--mode", "lexical", "--json")
    return Ingests(home, first, edited, lacking, found, ingest("2026-11-04", "--allow-mass-delete"))


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

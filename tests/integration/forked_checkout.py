"""A fork of this checkout in a folder of its own: renamed as docs/fork.md says, with an interpreter that knows only it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
OURS = "assay"
# The name that the page's own commands give.
THEIRS = "foundry"
DEADLINE_SECONDS = 3600


@dataclass(frozen=True)
class Fork:
    """`root`: its checkout; `environment`: what its processes start with, nothing of this checkout's settings."""

    root: Path
    environment: dict[str, str]

    def run(self, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command in the fork's checkout to its end; its whole process tree ends with it, or at the deadline."""
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=DEADLINE_SECONDS)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return subprocess.CompletedProcess(command, process.returncode, out)

    def installed(self, name: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A command of the fork's own `.venv/bin`."""
        return self.run(str(self.root / ".venv" / "bin" / name), *arguments, **settings)


def commands_under(heading: str) -> list[str]:
    """The blocks of commands of docs/fork.md under a heading, in their order."""
    section = (CHECKOUT / "docs" / "fork.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```", section, re.M | re.S)


def fork(folder: Path) -> Fork:
    """Copy what git tracks, and what it would, into a folder; rename it by the page's first block of commands."""
    root = folder / THEIRS
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (CHECKOUT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, root / name)
    made = Fork(root, _environment(folder))
    for command in (("git", "init", "--quiet"), ("git", "add", "--all")):
        assert made.run(*command).returncode == 0
    renamed = made.run("bash", "-euo", "pipefail", "-c", commands_under("1. Rename it")[0])
    assert renamed.returncode == 0, renamed.stdout
    _install(root)
    return made


def _environment(folder: Path) -> dict[str, str]:
    dropped = ("ASSAY_", "DAGSTER_", "PYTHONPATH", "PYTEST_", "VIRTUAL_ENV", "GIT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    own = {"HF_HUB_OFFLINE": "1", "COLUMNS": "240", "VIRTUAL_ENV": str(folder / THEIRS / ".venv")}
    return {**kept, **own, f"{THEIRS.upper()}_HOME": str(folder / "home"), f"{THEIRS.upper()}_EVENTS": ""}


def _install(root: Path) -> None:
    """What `make setup` does, without a network: an environment that finds the libraries of this one, and only the fork.

    The libraries' folder is added as a place to import from and not as a site: so the `.pth` file in it, which names this
    checkout, is not followed.
    """
    environment = root / ".venv"
    venv.EnvBuilder(symlinks=True).create(environment)
    site = environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    places = [root, root / "platform", Path(sysconfig.get_path("purelib"))]
    (site / "fork.pth").write_text("".join(f"{place}\n" for place in places))
    python = environment / "bin" / "python"
    for script in Path(sys.executable).parent.iterdir():
        ours = script.name.replace(OURS, THEIRS)
        if script.is_symlink() or not script.is_file() or (environment / "bin" / ours).exists():
            continue
        content = script.read_bytes()
        first, _, rest = content.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            content = b"#!" + bytes(python) + b"\n" + rest.replace(OURS.encode(), THEIRS.encode())
        (environment / "bin" / ours).write_bytes(content)
        (environment / "bin" / ours).chmod(0o755)
    _write_metadata(site)
    (environment / "installed").touch()  # after pyproject.toml: make has nothing to install


def _write_metadata(site: Path) -> None:
    """By which the fork knows its own version."""
    folder = site / f"{THEIRS}-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {THEIRS}\nVersion: 0.1.0\n")

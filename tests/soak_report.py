"""docs/soak.md: a section per soak run, each replaced when its run is repeated."""

import os
import platform
from importlib import metadata
from pathlib import Path


def machine(*libraries: str) -> str:
    """The machine and versions that a section's figures were seen on."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in libraries)
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {versions}"


def write_section(path: Path, heading: str, section: str) -> None:
    """Put the section in the place of the one with its heading, or at the end; other sections stay."""
    text = path.read_text(encoding="utf-8") if path.exists() else "# What the soak runs saw\n"
    before, found, rest = text.partition(heading)
    _, following, after = rest.partition("\n## ") if found else ("", "", "")
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before.rstrip()}\n\n{section.rstrip()}\n{following}{after}", encoding="utf-8")

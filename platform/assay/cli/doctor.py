"""`assay doctor`: what is there, what is missing, and the command that mends it."""

import importlib.metadata
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from assay.errors import AssayError
from assay.settings import PREFIX, Settings, load_settings

# The sample with its model and index takes .2 GB, an install 3; a run that fills the disk stops half way.
NEEDED_DISK_BYTES = 5 * 2**30
REDIS_ADDRESS = ("127.0.0.1", 6379)
EXIT_MISSING = 2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `needed`: the demo, the tests and the UI do not run without it."""

    what: str
    there: bool
    seen: str
    mend: str = ""
    needed: bool = True


def doctor(
    settings: Annotated[bool, typer.Option("--settings", help="Every setting with its value and meaning.")] = False,
) -> int:
    """Look at what Assay needs on this machine, and say what mends what is missing."""
    loaded = load_settings()
    console = Console()
    if settings:
        _show_settings(console, loaded)
        return 0
    findings = [look(loaded) for look in LOOKS]
    table = Table("", "what", "seen", "mend it with")
    for one in findings:
        mark = "[green]ok[/]" if one.there else ("[red]missing[/]" if one.needed else "[yellow]optional[/]")
        table.add_row(mark, one.what, escape(one.seen), "" if one.there else one.mend)
    console.print(table)
    return 0 if all(one.there for one in findings if one.needed) else EXIT_MISSING


def _python(_: Settings) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "make PYTHON=python3.11 setup")


def _disk(settings: Settings) -> Finding:
    place = next(folder for folder in (settings.home, *settings.home.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        "disk",
        free >= NEEDED_DISK_BYTES,
        f"{free / 2**30:.0f} GiB free at {place}",
        "export ASSAY_HOME=/a/larger/disk/assay",
    )


def _torch(_: Settings) -> Finding:
    return _package("torch", "make setup")


def _model(settings: Settings) -> Finding:
    from assay.embeddings.models import resolve_model

    try:
        model = resolve_model(settings.embedding_model, settings.embedding_precision)
    except AssayError as error:
        return Finding("embedding model", False, str(error), "make setup")
    return Finding(
        "embedding model", True, f"{model.name}, {model.dimension} dimensions, fingerprint {model.fingerprint[:12]}"
    )


def _dbt_manifest(settings: Settings) -> Finding:
    from assay.dbt import manifest_places

    places = manifest_places(Path("dbt_project").resolve(), settings.home)
    found = next((str(place) for place in places if place.exists()), None)
    seen = found or "none of the project's present files; made when Dagster loads"
    return Finding("dbt manifest", found is not None, seen, "make dbt-manifest", needed=False)


def _tesseract(settings: Settings) -> Finding:
    from assay.documents.parsing.ocr_tesseract import COMMAND, installed_languages, version

    what, languages = "tesseract (OCR)", settings.ocr_languages.split("+")
    found = shutil.which(COMMAND)
    if found is None:
        return Finding(what, False, "not on PATH: scans and images are refused", _install(languages), needed=False)
    try:
        installed = installed_languages(found)
        seen = f"{version(found)} at {found}, languages {', '.join(installed) or 'none'}"
    except AssayError as error:
        return Finding(what, False, f"{found}: {error}", _install(languages), needed=False)
    # Without `osd` pages that lie on their side are still found, with more readings.
    missing = [one for one in (*languages, "osd") if one not in installed]
    lacking = f"; missing: {', '.join(missing)}" if missing else ""
    return Finding(what, not missing, seen + lacking, _install(missing), needed=False)


def _install(languages: Sequence[str]) -> str:
    packages = [f"tesseract-ocr-{one.replace('_', '-')}" for one in languages if one != "eng"]
    return " ".join(["apt-get install tesseract-ocr", *packages])


def _redis(_: Settings) -> Finding:
    where = "{}:{}".format(*REDIS_ADDRESS)
    try:
        with socket.create_connection(REDIS_ADDRESS, timeout=1):
            return Finding("Redis", True, f"answers at {where}", needed=False)
    except OSError as error:
        return Finding(
            "Redis",
            False,
            f"{where}: {error.strerror or error}",
            "apt-get install redis-server && redis-server --daemonize yes",
            needed=False,
        )


def _package(name: str, mend: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", mend)


LOOKS: tuple[Callable[[Settings], Finding], ...] = (_python, _disk, _torch, _model, _dbt_manifest, _tesseract, _redis)


def _show_settings(console: Console, settings: Settings) -> None:
    table = Table("setting", "value", "meaning")
    for name, described in Settings.model_fields.items():
        table.add_row(f"{PREFIX}{name.upper()}", escape(str(getattr(settings, name))), described.description or "")
    console.print(table)

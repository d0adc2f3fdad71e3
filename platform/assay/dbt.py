"""dbt in a process of its own: the manifest of the project as it is now, and a build of some of its models.

Called as a command and not through dagster-dbt's `DbtCliResource`, which first asks `dbt --version` and makes an adapter
in the calling process: 10 to 12 s for a build that takes 4.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.errors import AssayError, ConfigurationError, StorageError
from assay.locks import exclusive

# What dbt and Python write beside the sources.
_MADE = frozenset({"target", "logs", "__pycache__", ".user.yml"})
_QUIET = ("--no-use-colors", "--no-send-anonymous-usage-stats", "--log-level-file", "none", "--quiet")
# Tells the plugin of the sources which versions to read; not an ASSAY_ name, for it is no setting.
LAKE_VERSIONS = "LAKE_VERSIONS"
# A second of dbt's own more than to parse it, for 16 models.
_COMPILE = ("compile", "--target", "memory")
_NOT_BUILT = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "exposure")
_LOCKED = "Could not set lock on file"  # DuckDB's words; dbt passes them on as any other error
# The end of what dbt said: its error comes last.
SAID_CHARACTERS = 1500


@dataclass(frozen=True)
class NodeResult:
    """What became of a model or a data test in a build; `models` are those a test reads, or the model itself.

    `status` is dbt's word: `success` for a model; `pass`, `warn` or `fail` for a test, whose `failures` are rows; `skipped`
    for what reads a model of which a test failed.
    """

    name: str
    kind: str
    status: str
    failures: int
    message: str
    seconds: float
    models: tuple[str, ...]


def project_hash(project: Path) -> str:
    """The sha256 over the project's own files and the versions of dbt that read them."""
    digest = hashlib.sha256(f"{version('dbt-core')} {version('dbt-duckdb')}".encode())
    for file in sorted(path for path in project.rglob("*") if path.is_file()):
        place = file.relative_to(project)
        if not _MADE.intersection(place.parts):
            digest.update(f"\0{place.as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def manifest_of(project: Path, home: Path) -> dict[str, Any]:
    """The manifest of the project's present files, compiled where there is none yet; safe to call by many at once.

    Its nodes carry `compiled_code` as for a warehouse in which nothing stands: all of what an incremental model is.
    It is kept under `target/manifests/` of the project, or under the home where the checkout is read-only, in a file
    that its files' hash names: one that is there is never stale. Raises AssayError when dbt cannot compile the project.
    """
    if not (project / "dbt_project.yml").is_file():
        raise ConfigurationError(
            f"There is no dbt project at `{project}`. Nothing was run. Get the checkout whole: `git status`."
        )
    places = manifest_places(project, home)
    for place in places:
        if found := _read(place):
            return found
    place = _writable(places)
    folder = place.parent
    # Webserver, daemon and runs load their code at the same moment: one of them compiles, the others wait some 5 s.
    with exclusive(folder / ".lock"):
        if found := _read(place):
            return found
        with TemporaryDirectory(dir=folder) as target:
            ended = _dbt(project, home, _COMPILE, Path(target))
            manifest = _read(Path(target) / "manifest.json")
            if ended.returncode or not manifest:
                raise AssayError(
                    f"dbt could not compile `{project}`: {_said(ended)} No manifest was written. Mend the project, then look "
                    "with `make dbt-manifest`."
                )
            for old in folder.glob("*.json"):
                old.unlink(missing_ok=True)
            os.replace(Path(target) / "manifest.json", place)
    return manifest


def manifest_places(project: Path, home: Path) -> tuple[Path, Path]:
    """Where the manifest of the project's present files may lie, the first place preferred."""
    name = f"{project_hash(project)}.json"
    return project / "target" / "manifests" / name, home / "dbt" / "manifests" / name


def build(
    project: Path,
    home: Path,
    *,
    tag: str,
    versions: Mapping[str, int | None] | None = None,
    variables: Mapping[str, Any] | None = None,
    full_refresh: bool = False,
) -> list[NodeResult]:
    """Build the models with the tag in the home's warehouse and run their data tests; unit tests stay with `make test`.

    `versions`: at which version of each table of the lake its sources are read, the newest where it is not named.
    `full_refresh`: incremental models are made anew.

    One call at a time per home. A test that fails is a result, and so is what dbt left out because of it. Raises AssayError
    for what could not be built or tested, StorageError while another process has the warehouse open.
    """
    target = home / "dbt" / "target" / tag  # kept: parsing is partial the next time, which saves 1 s of 4
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = ["build", "--select", f"tag:{tag}", *_NOT_BUILT]
    command += ["--vars", json.dumps(dict(variables or {}))]
    command += ["--full-refresh"] if full_refresh else []
    ended = _dbt(project, home, command, target, versions)
    manifest, told = _read(target / "manifest.json"), _read(results)
    nodes = _results(told, manifest) if told and manifest else []
    untold = [node for node in nodes if not _is_told(node)]
    if _LOCKED in ended.stdout:
        raise StorageError(
            f"The warehouse of `{home}` is open in another process, as by a dbt that a killed run left: {_said(ended)} The "
            f"marts in the lake stand as they were. See who has it with `fuser {home}/warehouse.duckdb`, then run this again."
        )
    if untold or not nodes:
        broken = [f"`{node.name}`: {node.message}." for node in untold]
        raise AssayError(
            f"dbt could not build {'; '.join(broken) or f'`{project}`: {_said(ended)}'} The marts in the lake stand as "
            f"they were. See all that dbt says with `ASSAY_HOME={home} {_executable()} build --select tag:{tag} --project-dir "
            f"{project} --profiles-dir {project}`."
        )
    return nodes


def _results(told: dict[str, Any], manifest: dict[str, Any]) -> list[NodeResult]:
    found: list[NodeResult] = []
    for result in told["results"]:
        node = manifest["nodes"][result["unique_id"]]
        read = node["depends_on"]["nodes"] if node["resource_type"] == "test" else [node["unique_id"]]
        models = [manifest["nodes"][one]["name"] for one in read if one.startswith("model.")]
        found.append(
            NodeResult(
                name=node["name"],
                kind=node["resource_type"],
                status=result["status"],
                failures=result["failures"] or 0,
                message=" ".join((result["message"] or "").split()),
                seconds=round(result["execution_time"], 3),
                models=tuple(models),
            )
        )
    return found


def _is_told(node: NodeResult) -> bool:
    """Whether a model was built, a test said yes or no, or a node was left out because of another one."""
    return node.status in {"skipped", *({"pass", "warn", "fail"} if node.kind == "test" else {"success"})}


def _dbt(
    project: Path, home: Path, command: Sequence[str], target: Path, versions: Mapping[str, int | None] | None = None
) -> subprocess.CompletedProcess[str]:
    places = ["--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target)]
    places += ["--log-path", str(target)]  # no log is written, but its folder is made, and not in a read-only checkout
    return subprocess.run(  # noqa: S603  our own project, by the dbt of this environment
        [str(_executable()), *_QUIET, *command, *places],
        cwd=project,
        env={**os.environ, "ASSAY_HOME": str(home), LAKE_VERSIONS: json.dumps(dict(versions or {}))},
        capture_output=True,
        text=True,
        check=False,
    )


def _executable() -> Path:
    """The dbt of this environment, whatever is on PATH."""
    executable = Path(sys.executable).with_name("dbt")
    if not executable.exists():
        raise ConfigurationError(f"There is no `{executable}`. Nothing was run. Install it with `make setup`.")
    return executable


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _writable(places: Iterable[Path]) -> Path:
    """The first place whose folder can be made and written."""
    for place in places:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(place.parent, os.W_OK):
            return place
    raise ConfigurationError(
        f"The dbt manifest can be written to none of {', '.join(f'`{place}`' for place in places)}. Nothing was run. "
        "Name a home that can be written with `export ASSAY_HOME=/a/writable/folder`."
    )


def _said(ended: subprocess.CompletedProcess[str]) -> str:
    # dbt's words are on standard output; what dies with an error leaves DuckDB's list of leaks on the other.
    return " ".join((ended.stdout.strip() or ended.stderr).split())[-SAID_CHARACTERS:]

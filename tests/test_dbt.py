"""dbt as a command: a manifest that is never stale, whoever asks for it and however many at once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from command_runs import CHECKOUT
from scale import at_ci

from assay import dbt
from assay.dbt import build, manifest_of, project_hash
from assay.errors import AssayError, ConfigurationError, StorageError

PROJECT = CHECKOUT / "dbt_project"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project as a fresh clone has it."""
    made = shutil.ignore_patterns("target", "logs", "__pycache__", ".user.yml")
    return Path(shutil.copytree(PROJECT, tmp_path / "checkout" / "dbt_project", ignore=made))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The dbt commands that were run."""
    run: list[str] = []
    real = dbt._dbt

    def noted(project: Path, home: Path, command: Sequence[str], target: Path) -> subprocess.CompletedProcess[str]:
        run.extend(command[:1])
        return real(project, home, command, target)

    monkeypatch.setattr(dbt, "_dbt", noted)
    return run


def models(manifest: dict[str, Any]) -> set[str]:
    return {node["name"] for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@at_ci("compiles the project twice")
def test_it_is_made_once_when_it_is_missing_or_stale(project: Path, tmp_path: Path, commands: list[str]) -> None:
    """Many load at once: webserver, daemon and runs start together."""
    with ThreadPoolExecutor(8) as pool:
        manifests = list(pool.map(lambda number: manifest_of(project, tmp_path / f"home-{number}"), range(8)))
    assert commands == ["compile"]
    assert all(manifest == manifests[0] for manifest in manifests)
    assert {"document_inventory", "ingestion_daily"} <= models(manifests[0])
    os.utime(project / "dbt_project.yml")  # a checkout or a copy changes times, not contents
    assert manifest_of(project, tmp_path / "home") == manifests[0]
    assert commands == ["compile"]

    model = project / "models" / "documents" / "ingestion_daily.sql"
    model.write_text(model.read_text() + "-- edited\n")
    edited = manifest_of(project, tmp_path / "home")
    assert "-- edited" in edited["nodes"]["model.assay.ingestion_daily"]["raw_code"]
    assert commands == ["compile", "compile"]
    assert not list(tmp_path.glob("home*"))
    assert [path.name for path in (project / "target").iterdir()] == ["manifests"]
    assert len(list((project / "target" / "manifests").glob("*.json"))) == 1


@at_ci("compiles the project twice")
def test_every_model_comes_compiled_in_full(project: Path, tmp_path: Path) -> None:
    """Also where the home's warehouse holds it: an incremental model would compile to what it adds."""
    model = project / "models" / "documents" / "grown.sql"
    model.write_text(
        "{{ config(materialized='incremental') }}\n"
        "select 1 as one{% if is_incremental() %} where {{ is_touched('day') }}{% endif %}"
    )
    (project / "models" / "documents" / "whole.sql").write_text("select 1 as two where {{ is_touched('day') }}")
    build(project, tmp_path, tag="documents")
    nodes = manifest_of(project, tmp_path)["nodes"]
    assert nodes["model.assay.grown"]["compiled_code"].strip() == "select 1 as one"
    assert nodes["model.assay.whole"]["compiled_code"].strip() == "select 1 as two where true"


@at_ci("compiles the project")
def test_where_the_checkout_cannot_be_written_the_home_keeps_it(
    project: Path, tmp_path: Path, commands: list[str]
) -> None:
    (project / "target").write_text("no folder can be made here")
    home = tmp_path / "home"
    assert manifest_of(project, home) == manifest_of(project, home)
    assert commands == ["compile"]
    assert len(list((home / "dbt" / "manifests").glob("*.json"))) == 1
    assert not (project / "logs").exists()


def test_one_that_came_with_a_read_only_checkout_is_used(project: Path, tmp_path: Path, commands: list[str]) -> None:
    folder = project / "target" / "manifests"
    folder.mkdir(parents=True)
    (folder / f"{project_hash(project)}.json").write_text('{"nodes": {}}')
    assert manifest_of(project, tmp_path / "home") == {"nodes": {}}
    assert commands == []


def test_what_dbt_makes_is_no_part_of_the_project(project: Path) -> None:
    before = project_hash(project)
    for name in ("target", "logs", "plugins/__pycache__"):
        (project / name).mkdir()
        (project / name / "made").write_text("by dbt")
    (project / ".user.yml").write_text("id: 1")
    assert project_hash(project) == before
    (project / "models" / "more.sql").write_text("select 1")
    assert project_hash(project) != before


@at_ci("compiles the project")
def test_a_project_that_cannot_be_compiled_says_why_and_leaves_no_manifest(project: Path, tmp_path: Path) -> None:
    (project / "models" / "broken.sql").write_text("select * from {{ ref('nothing') }}")
    with pytest.raises(AssayError, match=r"'nothing'.*No manifest was written.*`make dbt-manifest`"):
        manifest_of(project, tmp_path / "home")
    assert list((project / "target" / "manifests").glob("*.json")) == []


@at_ci("builds of dbt")
def test_a_warehouse_that_another_process_has_open_is_worth_another_try(tmp_path: Path) -> None:
    """StorageError is what runs try again: a dbt that outlived its killed run is done within seconds."""
    code = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, str(tmp_path / "warehouse.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StorageError, match=r"open in another process.*`fuser .*warehouse\.duckdb`"):
            build(PROJECT, tmp_path, tag="documents")
        other.stdin.close()
    assert {result.status for result in build(PROJECT, tmp_path, tag="documents")} == {"success", "pass"}


def test_a_checkout_without_the_project_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no dbt project at"):
        manifest_of(tmp_path / "dbt_project", tmp_path / "home")

"""The layout that people fork: where modules lie, who imports whom, what is imported when."""

import ast
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PLATFORM = CHECKOUT / "platform"
ASSETS = CHECKOUT / "assets"
# Seconds of CPU each at import: whoever needs one imports it in a function.
HEAVY = {
    "torch",
    "sentence_transformers",
    "transformers",
    "great_expectations",
    "lancedb",
    "pandas",
    "resiliparse",
    "sklearn",
}
# From the bottom up: a module imports from its own layer and from those before it.
LAYERS = (
    {
        "errors", "settings", "schema", "tables", "event_tables", "rows", "conditions", "locks", "progress", "lake", "lake_handles", "warehouse", "workspace",
        "durable_files",
        "dbt", "column_lineage", "lake_maintenance", "built_from",
    },
    {"quality"},
    {"lake_tables", "model_tables", "published_marts", "mart_builds", "marts"},
    {"embeddings"},
    {"documents", "events"},
    {"features"},
    {"retrieval"},
    {"answering"},
    {"evaluation"},
    {"releases"},
    {"cli"},
)  # fmt: skip
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
MODULES = sorted([*PLATFORM.rglob("*.py"), *ASSETS.rglob("*.py")])


def name_of(path: Path) -> str:
    """The dotted name under which a module of ours is imported."""
    inside = path.relative_to(PLATFORM if path.is_relative_to(PLATFORM) else CHECKOUT).with_suffix("")
    return ".".join(part for part in inside.parts if part != "__init__")


def imports_of(path: Path, *, at_import_only: bool = False) -> set[str]:
    """Dotted names a module imports, those inside functions too; a relative import is given in full."""
    return set(_imports(ast.parse(path.read_text(encoding="utf-8")), path, at_import_only))


def _imports(node: ast.AST, path: Path, at_import_only: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        package = name_of(path).split(".")
        if path.name != "__init__.py":
            package.pop()
        above = package[: len(package) - node.level + 1] if node.level else []
        yield from (".".join([*above, *([node.module] if node.module else []), alias.name]) for alias in node.names)
    elif at_import_only and _runs_later_or_never(node):
        return
    for child in ast.iter_child_nodes(node):
        yield from _imports(child, path, at_import_only)


def _runs_later_or_never(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return ast.unparse(node.test).endswith("TYPE_CHECKING")
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def layer_of(name: str) -> int | None:
    """The layer of a dotted name in `assay`; None for what belongs to none, such as `assay` itself."""
    _, _, below = name.partition("assay.")
    found = [level for level, layer in enumerate(LAYERS) if below.split(".")[0] in layer]
    return found[0] if found else None


def test_platform_is_a_source_root_and_pythons_own_platform_is_found() -> None:
    assert not (PLATFORM / "__init__.py").exists()
    found = subprocess.run(
        [sys.executable, "-c", "import platform, assay, assets; print(platform.__file__, platform.python_version())"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert Path(found[0]) == Path(sysconfig.get_path("stdlib")) / "platform.py"
    assert found[1] == ".".join(map(str, sys.version_info[:3]))


def test_only_the_assets_know_dagster() -> None:
    knowing = {name_of(path) for path in PLATFORM.rglob("*.py") if any(_is_of_dagster(one) for one in imports_of(path))}
    assert not knowing
    assert any(_is_of_dagster(one) for one in imports_of(ASSETS / "bronze.py")), "the search finds nothing"


def _is_of_dagster(name: str) -> bool:
    return re.match(r"dagster(_\w+)?(\.|$)", name) is not None


def test_the_platform_does_not_know_the_assets() -> None:
    assert not [
        name_of(path) for path in PLATFORM.rglob("*.py") if any(_is_of("assets", one) for one in imports_of(path))
    ]


def _is_of(package: str, name: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_every_module_has_a_layer() -> None:
    strangers = {name_of(path) for path in PLATFORM.rglob("*.py") if layer_of(name_of(path)) is None} - {"assay"}
    assert not strangers, "name them in LAYERS, at the place that DESIGN gives them"


def test_imports_run_one_way() -> None:
    upward = [
        f"{name_of(path)} imports {imported}"
        for path in PLATFORM.rglob("*.py")
        for imported in imports_of(path)
        if _is_of("assay", imported) and (layer_of(imported) or 0) > (layer_of(name_of(path)) or 0)
    ]
    assert not upward


def test_heavy_libraries_are_imported_inside_functions() -> None:
    at_import = [
        f"{name_of(path)} imports {imported}"
        for path in MODULES
        for imported in imports_of(path, at_import_only=True)
        if imported.split(".")[0] in HEAVY
    ]
    assert not at_import
    inside = {imported.split(".")[0] for path in MODULES for imported in imports_of(path)}
    assert {"sentence_transformers", "lancedb", "great_expectations", "resiliparse"} <= inside, (
        "the search finds nothing"
    )


def test_loading_the_definitions_imports_no_heavy_library() -> None:
    ours = sorted(HEAVY - {"pandas"})  # `pyarrow.dataset` imports it by itself, in .3 s
    code = f"import sys, assets.definitions; print([name for name in {ours} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


def test_module_names_say_what_is_inside() -> None:
    parts = {part for path in MODULES for part in re.split(r"[._]", name_of(path))}
    assert not parts & SAYS_NOTHING


def test_every_module_has_a_docstring() -> None:
    assert not [name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]


def test_every_sql_file_is_named_by_the_code_and_every_named_one_is_there() -> None:
    named = {
        (path.parent, literal)
        for path in MODULES
        for literal in re.findall(r"\"([\w]+\.sql)\"", path.read_text(encoding="utf-8"))
    }
    there = {(path.parent, path.name) for path in [*PLATFORM.rglob("*.sql"), *ASSETS.rglob("*.sql")]}
    assert named == there
    assert there


def test_every_file_of_the_packages_is_shipped_in_the_wheel() -> None:
    """Hatchling ships all of a package but what git ignores."""
    pyproject = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["platform/assay", "assets"]}
    if not (CHECKOUT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git checkout: what git ignores cannot be asked")
    shipped = [path for path in [*PLATFORM.rglob("*"), *ASSETS.rglob("*")] if path.suffix in {".py", ".sql", ".toml"}]
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *map(str, shipped)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    assert ignored.stdout == ""
    assert ignored.returncode == 1, ignored.stderr

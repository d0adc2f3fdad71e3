"""What the docs name is in the code: settings, reason codes, assets, checks, commands, targets, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main
from dotenv import dotenv_values

from assay.cli import app
from assay.errors import REJECTION_REASONS
from assay.events.contracts import EVENT_REASONS
from assay.lake_tables import LAKE_TABLES
from assay.quality.suites import SUITES
from assay.settings import PREFIX, Settings
from assets.definitions import defs

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted(ROOT.glob("docs/*.md"))

FENCED = re.compile(r"^\s*```.*?^\s*```", re.M | re.S)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
TABLE_OR_ASSET = re.compile(r"`((?:bronze|silver|gold|features|release|quality)/\w+)`")
RULE_IN_CODE = re.compile(r'\b(?:Rule|none_of)\(\s*"(\w+)"')
# Every suite has these for what its row class or its view's metadata promises; the docs do not list them column by column.
PROMISED = re.compile(r"columns_match_schema|key_is_unique|\w+_is_(?:not_null|in_range|mostly_known)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def tables(page: Path) -> Iterator[list[dict[str, str]]]:
    """Every table of a page: a row's cells by the name of their column."""
    for block in re.findall(r"(?:^\|.*\n)+", page.read_text() + "\n", re.M):
        header, _, *rows = [[cell.strip() for cell in line[1:].split("|")[:-1]] for line in block.splitlines()]
        yield [dict(zip(header, cells, strict=True)) for cells in rows]


def column(page: Path, name: str) -> list[str]:
    """The names in backticks in the columns called `name`."""
    return [found for rows in tables(page) for row in rows for found in INLINE.findall(row.get(name, ""))]


def code_lines(page: Path) -> Iterator[str]:
    """Every line of code blocks, comments aside, and every inline piece of code."""
    text = page.read_text()
    for block in FENCED.findall(text):
        yield from (line.partition(" #")[0] for line in block.splitlines()[1:-1])
    yield from INLINE.findall(FENCED.sub("", text))


def own_names(table_name: str) -> list[str]:
    return [name for name in SUITES[table_name].names if not PROMISED.fullmatch(name)]


def check_names() -> set[str]:
    """Every asset check, and every rule that a gate is made of."""
    sources = [file.read_text() for file in (ROOT / "platform" / "assay").rglob("*.py")]
    rules = {name for source in sources for name in RULE_IN_CODE.findall(source)}
    return {key.name for key in defs.resolve_asset_graph().asset_check_keys} | rules


def asset_keys() -> set[str]:
    return {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}


def shown(default: object) -> str:
    if default is None or default == ():
        return "unset"
    if isinstance(default, tuple):
        return ", ".join(f"`{one}`" for one in default if isinstance(one, str)) or "the sample"
    return f"`{default}`"


def test_the_table_of_settings_is_the_settings_class() -> None:
    [rows] = [rows for rows in tables(ROOT / "docs" / "operations.md") if "setting" in rows[0]]
    assert [row["setting"].strip("`") for row in rows] == [PREFIX + name.upper() for name in Settings.model_fields]
    for row, field in zip(rows, Settings.model_fields.values(), strict=True):
        assert row["default"] == shown(field.default)
        assert row["meaning"].startswith(field.description or "")


def test_the_example_of_settings_names_them_all_and_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_EVENTS", raising=False)  # a fork that switches events off
    uncommented = re.sub(r"^#(?=\S)", "", (ROOT / ".env.example").read_text(), flags=re.M)
    (tmp_path / ".env").write_text(uncommented)
    given = dotenv_values(tmp_path / ".env")
    assert list(given) == [PREFIX + name.upper() for name in Settings.model_fields]
    loaded = Settings(_env_file=tmp_path / ".env")
    differing = {name for name, field in Settings.model_fields.items() if getattr(loaded, name) != field.default}
    assert differing == {"home", "documents", "sources"}


def test_every_reason_code_is_explained() -> None:
    assert sorted(column(ROOT / "docs" / "documents.md", "reason")) == sorted(REJECTION_REASONS)


def test_every_reason_of_an_event_is_explained() -> None:
    assert column(ROOT / "docs" / "events.md", "event reason") == list(EVENT_REASONS)


def test_every_expectation_is_explained_in_the_order_of_its_suite() -> None:
    text = (ROOT / "docs" / "quality.md").read_text()
    for table_name in SUITES:
        section = text.partition(f"### `{table_name}`")[2].partition("\n#")[0]
        assert re.findall(r"^\| `(\w+)`", section, re.M) == own_names(table_name), table_name


@pytest.mark.events  # the pages describe both halves
def test_every_invariant_is_explained() -> None:
    listed = set(column(ROOT / "docs" / "quality.md", "check")) | set(column(ROOT / "docs" / "quality.md", "rule"))
    assert {name for name in check_names() if not PROMISED.fullmatch(name)} == listed


@pytest.mark.events
@every_page
def test_named_checks_and_assets_exist(page: Path) -> None:
    assert set(column(page, "check")) <= check_names()
    assert set(TABLE_OR_ASSET.findall(page.read_text())) <= asset_keys() | LAKE_TABLES.keys()


@pytest.mark.events  # the pages describe both halves
def test_the_readme_says_what_each_asset_teaches() -> None:
    assert sorted(column(ROOT / "README.md", "asset")) == sorted(asset_keys())


@every_page
def test_links_resolve(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        place, _, anchor = link.partition("#")
        if "://" in place:
            continue
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if anchor:
            slugs = [
                re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
                for title in HEADING.findall(target.read_text())
            ]
            assert anchor in slugs, link


@every_page
def test_named_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {name for line in code_lines(page) for name in re.findall(r"(?:^|\s)make ([a-z][a-z-]*)", line)}
    assert named <= targets


@every_page
def test_printed_commands_and_their_options_exist(page: Path) -> None:
    root = typer.main.get_command(app)
    for line in code_lines(page):
        for words in re.findall(r"(?:^|[\s/])assay ([a-z].*)", line):
            command, rest = root, words.split()
            while rest and hasattr(command, "commands") and rest[0] in command.commands:
                command = command.commands[rest.pop(0)]
            assert command is not root, line
            assert not rest or not hasattr(command, "commands"), line
            options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
            assert set(re.findall(r"(?:^|[\s\[])(--[a-z-]+)", " ".join(rest))) <= options, line

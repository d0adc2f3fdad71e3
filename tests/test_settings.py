"""Settings: what a user can write, and what a user is told who wrote it wrongly."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from assay.errors import ConfigurationError
from assay.settings import SAMPLE_SOURCE, Settings, SourceSettings, folder_source, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSAY_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


def problem(**environment: str) -> str:
    """The message of the error that settings from this environment raise."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(ConfigurationError) as raised:
            load_settings()
    assert raised.value.exit_code == 3
    message = str(raised.value)
    assert "Nothing was run" in message
    assert re.search(r"`(assay|unset) [^`]+`", message), f"no command to run next: {message}"
    return message


def test_without_any_setting_the_sample_is_observed_and_all_state_is_in_one_folder(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.active_sources == (SAMPLE_SOURCE,)
    assert settings.home == tmp_path / ".assay"
    paths = [getattr(settings, name) for name in dir(Settings) if name.endswith("_path")]
    assert len(paths) >= 7
    assert all(path.is_relative_to(settings.home) for path in [*paths, settings.dagster_home])
    assert settings.warehouse_path.stem not in ("bronze", "silver", "gold", "quality")


def test_the_environment_counts_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("ASSAY_CHUNK_SIZE_TOKENS=64\nASSAY_PRINCIPALS=team:a, team:b\nASSAY_HOME=~/there\n")
    monkeypatch.setenv("ASSAY_CHUNK_SIZE_TOKENS", "32")
    settings = load_settings()
    assert settings.chunk_size_tokens == 32
    assert settings.principals == ("team:a", "team:b")
    assert settings.home == Path("~/there").expanduser()


def test_sources_are_written_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = {"pattern": "hr/**", "tenant": "acme", "allowed_principals": ["team:hr"]}
    source = {"name": "wiki", "uri": "s3://bucket/{day}/wiki", "mode": "arrivals", "namespace": "kb", "rules": [rule]}
    monkeypatch.setenv("ASSAY_SOURCES", json.dumps([source]))
    [found] = load_settings().active_sources
    assert found.document_id("a/b.md") == "kb:a/b.md"
    assert found.mode == "arrivals"
    assert found.rules[0].allowed_principals == ("team:hr",)


def test_one_folder_of_ones_own_replaces_every_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DOCUMENTS", "My Notes")
    [source] = load_settings().active_sources
    assert source.uri == str(Path.cwd() / "My Notes")
    assert re.fullmatch(r"my-notes-[0-9a-f]{6}", source.name)


def test_the_same_place_has_the_same_name_and_two_places_never_share_one(tmp_path: Path) -> None:
    assert folder_source("a/docs") == folder_source("./a/../a/docs") == folder_source(str(tmp_path / "a/docs"))
    places = ["a/docs", "b/docs", "s3://a/docs", "s3://b/docs", "docs/**/*.md", "docs/*.md", "/", "ä"]
    assert len({folder_source(place).name for place in places}) == len(places)


@pytest.mark.parametrize("written", ["ASSAY_EMBEDING_MODEL", "assay_embeding_model"])
def test_a_misspelt_name_is_named_with_the_one_it_resembles(written: str) -> None:
    message = problem(**{written: "x"})
    assert f"`{written}` is not a setting" in message
    assert "Did you mean `ASSAY_EMBEDDING_MODEL`?" in message


def test_a_misspelt_name_in_the_env_file_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASSAY_CHUNK_SIZE=64\n")
    assert "`ASSAY_CHUNK_SIZE` is not a setting. Did you mean `ASSAY_CHUNK_SIZE_TOKENS`?" in problem()


def test_names_of_the_test_suite_are_no_settings_and_no_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEST_SCALE", "ci")
    assert load_settings().chunk_strategy == "structure"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASSAY_CHUNK_SIZE_TOKENS", "many", "`ASSAY_CHUNK_SIZE_TOKENS` does not fit"),
        ("ASSAY_CHUNK_SIZE_TOKENS", "3", "greater than or equal to 16"),
        ("ASSAY_CHUNK_STRATEGY", "semantics", "'structure', 'recursive', 'semantic' or 'fixed'"),
        ("ASSAY_FIRST_DAY", "yesterday", "`ASSAY_FIRST_DAY` does not fit"),
        ("ASSAY_MAX_QUARANTINED_RATIO", "1.5", "less than or equal to 1"),
        ("ASSAY_SOURCES", "[{", "ources"),
        ("ASSAY_SOURCES", '[{"name": "a", "url": "b"}]', "`ASSAY_SOURCES` at 0.ur"),
        ("ASSAY_SOURCES", '[{"name": "A b", "uri": "b"}]', "`ASSAY_SOURCES` at 0.name"),
        ("ASSAY_SOURCES", '[{"name": "a", "uri": "in/day={day}/x"}]', "`{day}` must be the whole name of a folder"),
        (
            "ASSAY_SOURCES",
            '[{"name": "a", "uri": "b", "rules": [{"pattern": "*", "allowed_principals": []}]}]',
            "`ASSAY_SOURCES` at 0.rules.0.allowed_principals",
        ),
        ("ASSAY_SOURCES", '[{"name": "a", "uri": "b"}, {"name": "a", "uri": "c"}]', "two sources are called `a`"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_it(name: str, value: str, said: str) -> None:
    assert said in problem(**{name: value})


def test_a_wrong_type_in_the_env_file_is_an_error_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ASSAY_PARSE_WORKERS=two\n")
    assert "`ASSAY_PARSE_WORKERS` does not fit" in problem()


@pytest.mark.parametrize("uri", ["in/{day}", "{day}", "s3://bucket/{day}/docs", "in/{day}/**/*.md"])
def test_a_day_may_stand_for_any_whole_folder(uri: str) -> None:
    assert SourceSettings(name="a", uri=uri).uri == uri


def test_settings_cannot_be_changed_while_a_run_works_with_them() -> None:
    settings = Settings(first_day=date(2026, 1, 1))
    with pytest.raises(ValueError, match="frozen"):
        settings.chunk_size_tokens = 7  # pyright: ignore[reportAttributeAccessIssue]

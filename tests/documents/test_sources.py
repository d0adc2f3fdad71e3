"""What a source shows on a day: every file of a folder, glob, URI or table, read in full or refused by name."""

import os
import subprocess
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from document_runs import day
from fsspec.spec import AbstractFileSystem

from assay.documents.listings import Observed
from assay.documents.sources import available_days, is_live, observe, rule_for
from assay.errors import SourceError
from assay.settings import PathRule, SourceSettings, folder_root, folder_source

MAX_FILE_BYTES = 10_000
MIDNIGHT, THIRD = datetime(2026, 11, 1), datetime(2026, 11, 3)


def source_of(uri: object, **given: object) -> SourceSettings:
    return SourceSettings.model_validate({"name": "docs", "uri": str(uri), **given})


def seen(uri: object, on: date | None = None) -> dict[str, bytes | str]:
    """Path -> bytes, or the reason of the refusal."""
    files = observe(source_of(uri), on or day(1), max_file_bytes=MAX_FILE_BYTES)
    assert files is not None
    found = list(files)
    assert len({file.path for file in found}) == len(found), "two files of one path"
    return {file.path: _bytes_or_reason(file) for file in found}


def _bytes_or_reason(file: Observed) -> bytes | str:
    assert (file.data is None) == (file.rejection is not None)
    for name in (file.path, file.uri):
        assert name.isprintable(), "a name that breaks log lines"
    return file.rejection.reason if file.rejection else file.data or b""


def write(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_folder_is_read_to_the_bottom(tmp_path: Path) -> None:
    write(tmp_path, "a.md", "sub/b.txt", "sub/deeper/c d ü.html", "sub/no suffix")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.md").touch()
    assert seen(tmp_path) == {
        "a.md": b"a.md",
        "empty.md": b"",  # refused later, by the parser: it was there
        "sub/b.txt": b"sub/b.txt",
        "sub/deeper/c d ü.html": "sub/deeper/c d ü.html".encode(),
        "sub/no suffix": b"sub/no suffix",
    }


def test_names_that_begin_with_a_dot_are_no_part_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "a.md", ".hidden.md", ".git/config", "sub/.DS_Store", "not.hidden", "...md")
    assert set(seen(tmp_path)) == {"a.md", "not.hidden"}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.md", {"a.md"}),
        ("**/*.md", {"a.md", "sub/b.md", "sub/deeper/c.md"}),
        ("sub/**", {"b.md", "d.txt", "deeper/c.md"}),
        ("sub/*/c.md", {"deeper/c.md"}),
        ("s?b/b.[mx]d", {"sub/b.md"}),
    ],
)
def test_a_glob_shows_what_matches(tmp_path: Path, pattern: str, expected: set[str]) -> None:
    write(tmp_path, "a.md", "a.txt", "sub/b.md", "sub/d.txt", "sub/deeper/c.md")
    assert set(seen(f"{tmp_path}/{pattern}")) == expected


def test_a_folder_per_day_holds_a_history(tmp_path: Path) -> None:
    write(tmp_path, "2026-11-01/a.md", "2026-11-03/a.md", "2026-11-03/sub/b.md", "20261104/a.md", "notes/a.md")
    (tmp_path / "2026-11-05").write_text("a file")
    (tmp_path / "2026-11-06").symlink_to(tmp_path / "notes")
    source = source_of(tmp_path / "{day}")
    assert not is_live(source)
    assert available_days(source, day(20)) == [day(1), day(3), day(6)]
    assert seen(source.uri, day(3)) == {"a.md": b"2026-11-03/a.md", "sub/b.md": b"2026-11-03/sub/b.md"}
    assert observe(source, day(2), max_file_bytes=1) is None
    assert set(seen(f"{tmp_path}/{{day}}/**/b*", day(3))) == {"sub/b.md"}


def test_a_folder_that_is_not_there_shows_no_day(tmp_path: Path) -> None:
    assert available_days(source_of(tmp_path / "nowhere" / "{day}"), day(1)) == []


def test_a_live_folder_shows_today(tmp_path: Path) -> None:
    assert is_live(source_of(tmp_path))
    assert available_days(source_of(tmp_path), day(7)) == [day(7)]


def test_a_live_folder_that_is_not_there_is_an_error_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Nothing of it was written.*goes on serving.*`ls -la .*nowhere`"):
        observe(source_of(tmp_path / "nowhere"), day(1), max_file_bytes=1)


def test_a_file_in_place_of_a_folder_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist or cannot be entered"):
        observe(source_of(write(tmp_path, "a.md") / "a.md"), day(1), max_file_bytes=1)


def test_links_are_followed_inside_the_folder_only(tmp_path: Path) -> None:
    root = write(tmp_path / "root", "a.md", "sub/b.md")
    outside = write(tmp_path / "outside", "secret.md", "more/secret.md")
    (tmp_path / "root-beside").mkdir()
    (root / "inside.md").symlink_to(root / "sub/b.md")
    (root / "inside").symlink_to("sub", target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "secret.md").symlink_to(outside / "secret.md")
    (root / "relative.md").symlink_to("../outside/secret.md")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "beside").symlink_to(tmp_path / "root-beside")  # its path begins like the root's
    (root / "chain.md").symlink_to(root / "secret.md")
    (root / "nowhere.md").symlink_to(root / "gone")
    assert seen(root) == {
        "a.md": b"a.md",
        "beside": "hostile_path",
        "chain.md": "hostile_path",
        "folder": "hostile_path",
        "inside.md": b"sub/b.md",
        "nowhere.md": "unreadable",
        "relative.md": "hostile_path",
        "secret.md": "hostile_path",
        "sub/b.md": b"sub/b.md",
    }


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(write(tmp_path / "root", "a.md"))
    assert seen(tmp_path / "link") == {"a.md": b"a.md"}


def test_what_is_no_regular_file_is_refused_and_nothing_waits_for_it(tmp_path: Path) -> None:
    write(tmp_path, "a.md")
    os.mkfifo(tmp_path / "pipe.md")
    assert seen(tmp_path) == {"a.md": b"a.md", "pipe.md": "unreadable"}


def test_larger_files_are_refused_by_size(tmp_path: Path) -> None:
    (tmp_path / "fits.md").write_bytes(b"x" * MAX_FILE_BYTES)
    (tmp_path / "larger.md").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    with (tmp_path / "sparse.md").open("wb") as file:
        file.truncate(2**40)
    found = seen(tmp_path)
    assert (len(found["fits.md"]), found["larger.md"], found["sparse.md"]) == (MAX_FILE_BYTES, "too_large", "too_large")
    larger = next(file for file in observe(source_of(tmp_path), day(1), max_file_bytes=10) or () if file.data is None)
    assert larger.rejection is not None
    assert "`ASSAY_MAX_FILE_BYTES` allows 10" in larger.rejection.detail


def test_hostile_names_are_refused_apart_from_each_other_and_cost_nothing_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.md",
        "a\nb.md",
        "a\tb.md",
        "a\ufffdb.md",
        "back\\slash.md",
        "..md",
        "a..b.md",
        "x\x7f.md",
        "x\x1b[2J.md",
    )
    raw = os.fsencode(tmp_path)
    for name in (b"\xff.md", b"\xfe.md", b"\\xff.md", b"caf\xe9/menu.md"):
        os.makedirs(os.path.dirname(raw + b"/" + name), exist_ok=True)
        with open(raw + b"/" + name, "w") as file:
            file.write("hostile")
    found = seen(tmp_path)
    read = {path for path, data in found.items() if isinstance(data, bytes)}
    assert read == {"a.md", "a\ufffdb.md", "a..b.md"}
    refused = [reason for reason in found.values() if isinstance(reason, str)]
    assert refused == ["hostile_path"] * 9


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that everybody may enter, and for as long as the test lasts this process may do no more than anybody."""
    if os.geteuid():
        pytest.skip("modes do stop this user already, and only root can take them back")
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.seteuid(0)


def test_what_cannot_be_read_is_refused_and_the_rest_goes_through(nobody: Path) -> None:
    write(nobody, "a.md", "secret.md", "closed/b.md")
    (nobody / "secret.md").chmod(0)
    (nobody / "closed").chmod(0)
    os.seteuid(65534)
    assert seen(nobody) == {"a.md": b"a.md", "closed/": "unreadable", "secret.md": "unreadable"}


def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(nobody: Path) -> None:
    root = write(nobody / "root", "a.md")
    files = observe(source_of(root), day(1), max_file_bytes=1)
    root.chmod(0)
    os.seteuid(65534)
    with pytest.raises(SourceError, match=r"cannot be listed: .*Permission denied.*goes on serving"):
        list(files or ())


def test_folders_may_be_nested_deeper_than_python_calls(tmp_path: Path) -> None:
    folder = write(tmp_path, "a.md")
    for _ in range(1100):
        folder = folder / "d"
        folder.mkdir()
    write(folder, "deep.md")
    assert sorted(seen(tmp_path)) == ["a.md", "d/" * 1100 + "deep.md"]
    subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree would call too deep


def test_a_file_that_never_stands_still_is_refused_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.md", "log.md")
    read_bytes = Path.read_bytes

    def read_while_it_grows(path: Path) -> bytes:
        data = read_bytes(path)
        if path.name == "log.md":
            with path.open("ab") as log:
                log.write(b"a line\n")
        return data

    with monkeypatch.context() as growing:
        growing.setattr(Path, "read_bytes", read_while_it_grows)
        files = {file.path: file for file in observe(source_of(tmp_path), day(1), max_file_bytes=10**9) or ()}
    assert files["a.md"].data == b"a.md"
    refused = files["log.md"].rejection
    assert refused is not None
    assert refused.reason == "changed_while_read"
    assert "the next run reads it again" in refused.detail
    again = {file.path: file.rejection for file in observe(source_of(tmp_path), day(1), max_file_bytes=10**9) or ()}
    assert again == {"a.md": None, "log.md": None}


APPEND = """
import sys
with open(sys.argv[1], "ab", buffering=0) as file:
    print("writing", flush=True)
    while True:
        file.write(b".")
"""


@pytest.fixture
def bucket():
    memory = fsspec.filesystem("memory")
    memory.pipe(
        {
            "/bucket/2026-11-01/a.md": b"one",
            "/bucket/2026-11-01/sub/b.md": b"two",
            "/bucket/2026-11-01/.hidden/c.md": b"hidden",
            "/bucket/2026-11-01/large.md": b"x" * (MAX_FILE_BYTES + 1),
            "/bucket/2026-11-02/a.md": b"three",
        }
    )
    yield memory
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]


def test_any_fsspec_uri_is_a_folder_too(bucket) -> None:
    assert seen("memory://bucket/2026-11-01") == {"a.md": b"one", "large.md": "too_large", "sub/b.md": b"two"}
    assert set(seen("memory://bucket/2026-11-01/**/b*.md")) == {"sub/b.md"}
    source = source_of("memory://bucket/{day}")
    assert available_days(source, day(9)) == [day(1), day(2)]
    assert seen(source.uri, day(2)) == {"a.md": b"three"}
    assert observe(source, day(3), max_file_bytes=1) is None
    with pytest.raises(SourceError, match="does not exist"):
        observe(source_of("memory://elsewhere"), day(1), max_file_bytes=1)


def test_names_that_lead_out_of_a_uri_are_refused(bucket) -> None:
    for name in ("../2026-11-02/a.md", "sub/../../up.md", "a\\b.md", "a\nb.md"):
        bucket.store[f"/bucket/2026-11-01/{name}"] = bucket.store["/bucket/2026-11-01/a.md"]
    found = seen("memory://bucket/2026-11-01")
    assert sorted(found.values(), key=str) == [b"one", b"two", *["hostile_path"] * 4, "too_large"]


def test_a_protocol_that_is_not_installed_is_an_error_with_the_next_command() -> None:
    with pytest.raises(SourceError, match=r"Nothing of it was written.*`pip install s3fs`"):
        observe(source_of("nosuch://bucket/x"), day(1), max_file_bytes=1)


class BrokenStore(AbstractFileSystem):
    """A store whose listing fails in a way of its own, as for credentials that have run out."""

    protocol = "broken"

    def isdir(self, path: str) -> bool:
        return True

    def ls(self, path: str, detail: bool = True, **_: object) -> list[str]:
        raise RuntimeError("the token has expired")


def test_a_store_that_cannot_be_listed_is_not_taken_for_an_empty_one() -> None:
    fsspec.register_implementation("broken", BrokenStore, clobber=True)
    with pytest.raises(SourceError, match=r"cannot be listed: the token has expired.*goes on serving"):
        seen("broken://bucket")
    with pytest.raises(SourceError, match="cannot be listed: the token has expired"):
        available_days(source_of("broken://bucket/{day}"), day(1))


def snapshots(file: Path, *rows: tuple[str, object, str | None], dates: pa.DataType | None = None) -> Path:
    paths, days, texts = zip(*rows, strict=True)
    pq.write_table(
        pa.table({"path": paths, "snapshot_date": pa.array(days, dates), "text": pa.array(texts, pa.string())}), file
    )
    return file


@pytest.mark.parametrize("dates", [pa.string(), pa.date32(), pa.timestamp("us")], ids=str)
def test_a_table_of_snapshots_is_a_history_too(tmp_path: Path, dates: pa.DataType) -> None:
    one, two = ("2026-11-01", "2026-11-03") if dates == pa.string() else (MIDNIGHT, THIRD)
    table = snapshots(
        tmp_path / "t.parquet", ("b.md", two, "zwei"), ("a.md", one, "eins"), ("a.md", two, None), dates=dates
    )
    assert not is_live(source_of(table))
    assert available_days(source_of(table), day(20)) == [day(1), day(3)]
    assert seen(table, day(1)) == {"a.md": b"eins"}
    assert seen(table, day(3)) == {"a.md": "unreadable", "b.md": b"zwei"}
    assert observe(source_of(table), day(2), max_file_bytes=9) is None


def test_hostile_paths_of_a_table_are_refused(tmp_path: Path) -> None:
    paths = ["../a.md", "a/../../b.md", "/etc/passwd", "", ".", "a\nb.md", "a\\b.md", "fine.md", "(no name)"]
    table = snapshots(
        tmp_path / "t.parquet", *[(path, "2026-11-01", "x") for path in paths], ("big.md", "2026-11-01", "x" * 10**5)
    )
    found = seen(table)
    assert {path for path, data in found.items() if isinstance(data, bytes)} == {"fine.md", "(no name)"}
    assert found.pop("big.md") == "too_large"
    assert list(found.values()).count("hostile_path") == 7


def test_a_table_with_a_path_twice_on_a_day_is_an_error(tmp_path: Path) -> None:
    table = snapshots(tmp_path / "t.parquet", ("a.md", "2026-11-01", "one"), ("a.md", "2026-11-01", "two"))
    with pytest.raises(SourceError, match=r"holds a path twice on 2026-11-01.*run this again"):
        seen(table)


@pytest.mark.parametrize("content", [b"", b"no parquet at all", None])
def test_a_file_that_is_no_table_is_an_error_with_the_next_command(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "t.parquet"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match=r"cannot be read as a table of snapshots.*`ls -la .*t\.parquet`"):
        available_days(source_of(file), day(1))


def test_a_table_without_the_columns_is_told_which(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["a"], "body": ["x"]}), tmp_path / "t.parquet")
    with pytest.raises(SourceError, match=r"no column \['snapshot_date', 'text'\].*rename its columns"):
        available_days(source_of(tmp_path / "t.parquet"), day(1))


def test_the_first_rule_that_matches_a_path_gives_tenant_and_principals() -> None:
    rules = (
        PathRule(pattern="tenants/acme/public/**", tenant="acme"),
        PathRule(pattern="tenants/acme/**", tenant="acme", allowed_principals=("team:acme",)),
        PathRule(pattern="*.md", tenant="root"),
    )
    source = source_of("anywhere", rules=rules)
    found = {
        path: rule_for(source, path)
        for path in ("tenants/acme/public/a", "tenants/acme/a/b.md", "a.md", "sub/a.md", "tenants/acmeX/a")
    }
    assert {path: (rule.tenant, rule.allowed_principals) for path, rule in found.items()} == {
        "tenants/acme/public/a": ("acme", ("public",)),
        "tenants/acme/a/b.md": ("acme", ("team:acme",)),
        "a.md": ("root", ("public",)),
        "sub/a.md": ("default", ("public",)),
        "tenants/acmeX/a": ("default", ("public",)),
    }


def test_a_folder_that_cannot_be_entered_is_named_in_a_glob_too(nobody: Path) -> None:
    write(nobody, "a.md", "closed/b.md")
    (nobody / "closed").chmod(0)
    os.seteuid(65534)
    files = observe(SourceSettings(name="docs", uri=f"{nobody}/**/*.md"), day(1), max_file_bytes=1000) or ()
    assert [file.path for file in files] == ["a.md", "closed/"]


def test_a_file_uri_is_the_folder_it_names(tmp_path: Path) -> None:
    plain, spelt_out = (SourceSettings(name="docs", uri=uri) for uri in (str(tmp_path), tmp_path.as_uri()))
    assert spelt_out == plain
    assert folder_source(tmp_path.as_uri()) == folder_source(str(tmp_path))
    assert folder_root(f"{tmp_path.as_uri()}/in/**/*.md") == tmp_path / "in"

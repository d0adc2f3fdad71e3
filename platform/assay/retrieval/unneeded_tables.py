"""Dropping the tables of configurations that are live no more, once no search can be reading them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from assay.built_from import forget
from assay.durable_files import replace_file, write_error
from assay.locks import exclusive
from assay.retrieval import engine
from assay.retrieval.configurations import live_configurations
from assay.retrieval.index import TABLE_PREFIX
from assay.retrieval.serving import guarded_releases, serving_lock
from assay.settings import Settings

NOTE_FILE = "unneeded_tables.json"
# Dropped at once, 33 of 437 searches failed; searchers that follow the pointer need seconds. A day, as for old versions: who
# sets a configuration back, or tries two in turn, finds the table still there.
GRACE = timedelta(hours=24)


def drop_unneeded_tables(settings: Settings) -> tuple[str, ...]:
    """Drop the tables that for `GRACE` no live configuration, retained release or candidate needed; their names.

    When each was first seen to be unneeded is kept beside the pointers. Raises DiskFull or StorageError.
    """
    with exclusive(serving_lock(settings)):
        needed = {one.table for one in live_configurations(settings)}
        needed |= {one.table for one in guarded_releases(settings.releases_path)}
        standing = {path.stem for path in settings.vectors_path.glob(f"{TABLE_PREFIX}*.lance")}
        now, known = datetime.now(UTC), _noted(settings)
        since = {name: known.get(name, now) for name in sorted(standing - needed)}
        dropped = tuple(name for name, at in since.items() if now - at >= GRACE)
        for name in dropped:
            _drop(settings, name)
        kept = {name: at for name, at in since.items() if name not in dropped}
        if kept != known:
            _note(settings, kept)
    return dropped


def _drop(settings: Settings, name: str) -> None:
    # The table's lock: whoever goes back to this configuration in another process builds it anew after the drop.
    with (
        exclusive(settings.locks_path / f"{name}.lock"),
        engine.storage_errors(f"dropping the table {name}, which nothing needs any more"),
    ):
        engine.connect(settings.vectors_path).drop_table(name, ignore_missing=True)
        forget(settings.home, name)  # under the lock: what is built anew is noted under it, and must stay noted


def _noted(settings: Settings) -> dict[str, datetime]:
    """Since when each table is not needed. Where that is lost or cannot be read the grace begins anew."""
    try:
        said = json.loads((settings.releases_path / NOTE_FILE).read_text(encoding="utf-8"))
        return {name: datetime.fromisoformat(at) for name, at in said.items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _note(settings: Settings, since: Mapping[str, datetime]) -> None:
    path = settings.releases_path / NOTE_FILE
    try:
        replace_file(path, json.dumps({name: at.isoformat() for name, at in since.items()}) + "\n")
    except OSError as error:
        raise write_error(
            f"Which tables are not needed any more was not noted in {path}: {error}. Nothing that is needed was dropped. Free "
            "the disk or mend the folder, then run the same command again.",
            error,
        ) from error

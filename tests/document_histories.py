"""Random histories of a folder, plans of how its days are run, and by brute force what the tables must hold then."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from document_runs import CLOSED, GARBLED, PNG, Pipeline, day, put, version
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from scale import AT_CI

from assay.documents.bronze import FEED
from assay.documents.chunking import chunk_text
from assay.documents.gold import CHUNKS
from assay.documents.invariants import DAY_RULES, chunk_rules, duplicate_rules, state_rules
from assay.documents.manifests import observed_days
from assay.documents.silver import DOCUMENTS
from assay.documents.state import STATE
from assay.embeddings import default_tokenizer
from assay.quality.quarantine import QUARANTINE
from assay.quality.rules import Rule
from assay.settings import PathRule, SourceSettings
from assay.warehouse import engine

# An example takes seconds, and one that fails is small already: shrinking it would take minutes.
PHASES = tuple(phase for phase in Phase if AT_CI or phase is not Phase.shrink)
EVERYWHERE = settings(deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)

PATHS = ("a.md", "b.md", "sub/a.md")  # two of one name: equal bytes are then parsed once
LONG = "# Long\n\n" + "\n\n".join(f"## Part {n}\n\n" + f"Sentence {n} of many. " * 40 for n in range(3))
# Contents by name: bytes, then the title where the text can be used, "" standing for the file's own name.
CONTENTS: dict[str, tuple[bytes | None, str | None]] = {
    "one": (b"# One\n\nThe first text.\n", "One"),
    "two": (b"# Two\n\nThe second text.\n\n## Part\n\nWith a part.\n", "Two"),
    "plain": (b"No heading, so the file's name is the title.\n", ""),
    "long": (LONG.encode(), "Long"),
    "garbled": (GARBLED.encode(), None),  # refused by an expectation
    "image": (PNG, None),  # refused by the parser
    "unreadable": (None, None),  # refused by the observation
}
RULES: dict[str, tuple[PathRule, ...]] = {
    "open": (),
    "closed": tuple(
        PathRule(pattern=pattern, tenant="acme", allowed_principals=("team:b", "team:a"))
        for pattern in ("sub/**", "b.md")
    ),
}


@dataclass(frozen=True)
class Observation:
    """What a folder of a day holds: path -> name of a content; the permissions in force; whether `sub` was closed."""

    files: Mapping[str, str]
    rules: str = "open"
    closed: bool = False

    @property
    def visible(self) -> dict[str, str]:
        return {path: name for path, name in self.files.items() if not (self.closed and path.startswith("sub/"))}

    @property
    def is_empty(self) -> bool:
        return not self.visible and not self.closed


@dataclass(frozen=True)
class History:
    """Observations by day of the month. A day in `drafts` looked otherwise when it was run for the first time."""

    days: Mapping[int, Observation]
    drafts: Mapping[int, Observation]
    allow_mass_delete: bool


@dataclass(frozen=True)
class Plan:
    """Runs, each of one or several days, while the drafts lie there, and runs after them."""

    before: tuple[tuple[int, ...], ...]
    after: tuple[tuple[int, ...], ...]


# Often the same few: days that resemble each other, so that some files stay, and are permitted to others.
names = st.sampled_from(
    ["one", "one", "one", "one", "two", "two", "plain", "long", "garbled", "image", "unreadable", "absent", "absent"]
)


def observation_of(files: dict[str, str], rules: str, closed: bool, is_empty: bool) -> Observation:
    present = {} if is_empty else {path: name for path, name in files.items() if name != "absent"}
    return Observation(present, rules, closed and not is_empty)


observations = st.builds(
    observation_of,
    st.fixed_dictionaries(dict.fromkeys(PATHS, names)),
    st.sampled_from(["open", "open", "closed"]),
    st.sampled_from([False] * 4 + [True]),
    st.sampled_from([False] * 9 + [True]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, Plan]:
    days = draw(st.dictionaries(st.integers(1, 5), observations, min_size=3, max_size=5))
    drafts = draw(st.dictionaries(st.sampled_from(sorted(days)), observations, max_size=2))
    runs = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(tuple), max_size=2)
    before = draw(runs) if drafts else []
    # Whatever was not run in its last form yet is run in the end, in any order and cut into any runs.
    rest = draw(st.permutations(sorted(days)))
    cuts = sorted(draw(st.sets(st.integers(1, len(rest) - 1), max_size=2)))
    last = [tuple(rest[start:end]) for start, end in zip([0, *cuts], [*cuts, len(rest)], strict=True)]
    return History(days, drafts, draw(st.booleans())), Plan(tuple(before), (*draw(runs), *last))


def lay_out(inbox: Path, observed: Mapping[int, Observation]) -> None:
    """Make the folders of days hold exactly what was observed."""
    for number, observation in observed.items():
        folder = inbox / day(number).isoformat()
        for path in (*PATHS, f"sub/{CLOSED}"):
            (folder / path).unlink(missing_ok=True)
        closed = {f"sub/{CLOSED}": ""} if observation.closed else {}
        put(folder, {path: CONTENTS[name][0] for path, name in observation.files.items()} | closed)


def pipeline_of(home: Path, inbox: Path, observed: Mapping[int, Observation]) -> Pipeline:
    pipeline = Pipeline.at(home, SourceSettings(name="docs", uri=f"{inbox}/{{day}}"))
    return Pipeline(pipeline.settings, {day(number): RULES[one.rules] for number, one in observed.items()})


def play(home: Path, inbox: Path, history: History, plan: Plan, through: str = "chunks") -> Pipeline:
    """Run the plan; the folders end as the history has them."""
    for observed, runs in (({**history.days, **history.drafts}, plan.before), (history.days, plan.after)):
        lay_out(inbox, observed)
        for run in runs:
            pipeline_of(home, inbox, observed).run(
                *map(day, run), through=through, allow_mass_delete=history.allow_mass_delete
            )
    return pipeline_of(home, inbox, history.days)


def settled(history: History, plan: Plan) -> History:
    """The history as the manifests have it: an emptied folder that may not be empty leaves what was seen before."""
    seen = {number for run in plan.before for number in run}
    days = {
        number: history.drafts[number]
        if now.is_empty and not history.allow_mass_delete and number in seen and number in history.drafts
        else now
        for number, now in history.days.items()
    }
    return History(days, {}, history.allow_mass_delete)


def in_order(home: Path, inbox: Path, history: History, through: str = "chunks") -> Pipeline:
    """Every day once, in order."""
    lay_out(inbox, history.days)
    pipeline = pipeline_of(home, inbox, history.days)
    for number in sorted(history.days):
        pipeline.run(day(number), through=through, allow_mass_delete=history.allow_mass_delete)
    return pipeline


@dataclass(frozen=True)
class Seen:
    """A file as a day's manifest has it."""

    name: str
    uri: str
    tenant: str = "default"
    principals: tuple[str, ...] = ("public",)


class Expected:
    """What the tables must hold: the history folded file by file and day by day, in plain Python."""

    def __init__(self, history: History, inbox: Path) -> None:
        self.feed: list[dict[str, Any]] = []
        self.documents: list[dict[str, Any]] = []
        self.quarantine: list[tuple[int, str, str]] = []
        self.state: dict[str, dict[str, Any]] = {}
        known: dict[str, Seen] = {}
        for number, observation in sorted(history.days.items()):
            if observation.is_empty and not history.allow_mass_delete:
                continue  # taken for a folder that is not mounted, as if the day had never been looked at
            now = {path: _seen(number, path, name, observation, inbox) for path, name in observation.visible.items()}
            kept = {path: seen for path, seen in known.items() if observation.closed and path.startswith("sub/")}
            gone = {path: seen for path, seen in known.items() if path not in {**now, **kept}}
            moves = moves_by_hand(
                {path: _bytes(seen) for path, seen in gone.items()},
                {path: _bytes(seen) for path, seen in now.items() if path not in known},
            )
            origins = {new: old for old, new in moves.items()}
            changes = [_upsert(number, path, known.get(path), seen, origins.get(path)) for path, seen in now.items()]
            changes += [_delete(number, path, seen, moves.get(path)) for path, seen in gone.items()]
            self._take_in(number, [change for change in changes if change], now)
            known = now | kept

    def _take_in(self, number: int, changes: list[dict[str, Any]], now: dict[str, Seen]) -> None:
        self.feed += changes
        upserts = [change for change in changes if change["op"] == "upsert"]
        names = {change["document_id"]: now[change["path"]].name for change in upserts}
        usable = [change for change in upserts if CONTENTS[names[change["document_id"]]][1] is not None]
        garbled = sum(name == "garbled" for name in names.values())
        for change in upserts:
            text = _text(number, change) if change in usable else None
            if text:
                self.documents.append(text)
            else:
                reasons = {"garbled": "failed_expectation", "image": "corrupt"}
                self.quarantine.append((number, change["document_id"], reasons[names[change["document_id"]]]))
        # More than half of what was judged: of such a day nothing counts but what it deletes.
        is_blocked = garbled > len(usable)
        for change in (one for one in changes if not is_blocked or one["op"] == "delete"):
            self._fold(change, _text(number, change) if change in usable else None)

    def _fold(self, change: dict[str, Any], text: dict[str, Any] | None) -> None:
        columns = ("document_version", "source", "uri", "tenant", "allowed_principals")
        row = self.state.setdefault(change["document_id"], {"document_id": change["document_id"], **NO_TEXT})
        row |= {name: change[name] for name in columns} | {"is_deleted": change["op"] == "delete"}
        if change["op"] == "delete":
            row |= NO_TEXT
        elif text:
            row |= {name: text[name] for name in ("text_hash", "title")}
            row |= {"text_version": text["document_version"], "text_source": "docs", "text_day": text["day"]}

    def chunks(self) -> list[tuple[Any, ...]]:
        """Every current document, cut by the chunker: document, version, permissions, place and text.

        Of those with the same text and permissions only the first by id: no two of the contents are nearly the same.
        """
        found_by = ("text_hash", "tenant", "allowed_principals")
        found = {str([row[name] for name in found_by]): row for row in reversed(by_key(list(self.state.values())))}
        texts = {text["text_hash"]: text["text"] for text in self.documents}
        return sorted(
            (
                *(row[name] for name in ("document_id", "document_version", "tenant", "allowed_principals", "uri")),
                *(chunk.start, chunk.end, chunk.text),
            )
            for row in found.values()
            if row["text_hash"]
            for chunk in chunk_text(texts[row["text_hash"]], encoder=default_tokenizer())
        )


def moves_by_hand(gone: Mapping[str, Any], appeared: Mapping[str, Any]) -> dict[str, str]:
    """Old path -> new path, given what each path held; None and the empty are alike everywhere, and so no move."""
    free = sorted(path for path, content in appeared.items() if content)
    moves: dict[str, str] = {}
    for is_renamed in (False, True):
        for old in sorted(path for path, content in gone.items() if content and path not in moves):
            for new in free:
                if appeared[new] == gone[old] and (is_renamed or Path(new).name == Path(old).name):
                    moves[old] = new
                    free.remove(new)
                    break
    return moves


NO_TEXT = dict.fromkeys(("text_version", "text_source", "text_day", "text_hash", "title"))


def _seen(number: int, path: str, name: str, observation: Observation, inbox: Path) -> Seen:
    uri = f"file://{inbox}/{day(number)}/{path}"
    if observation.rules == "closed" and path != "a.md":
        return Seen(name, uri, "acme", ("team:a", "team:b"))
    return Seen(name, uri)


def _bytes(seen: Seen) -> bytes | None:
    return CONTENTS[seen.name][0]


def _upsert(number: int, path: str, before: Seen | None, now: Seen, origin: str | None) -> dict[str, Any] | None:
    if now.name == "unreadable":
        return None
    if before is None:
        change = "moved" if origin else "added"
    elif before.name != now.name:
        change = "edited"
    elif (before.tenant, before.principals) != (now.tenant, now.principals):
        change = "repermitted"
    else:
        return None
    data = CONTENTS[now.name][0] or b""
    row = _row(number, path, now, "upsert", change, sha256(data).hexdigest(), len(data))
    return row | {"moved_from": f"docs:{origin}" if origin else None}


def _delete(number: int, path: str, before: Seen, target: str | None) -> dict[str, Any]:
    row = _row(number, path, before, "delete", "moved_away" if target else "deleted", None, None)
    return row | {"moved_to": f"docs:{target}" if target else None}


def _row(
    number: int, path: str, seen: Seen, op: str, change: str, content_hash: str | None, size: int | None
) -> dict[str, Any]:
    return {
        "source": "docs",
        "day": day(number),
        "document_id": f"docs:{path}",
        "document_version": version(number),
        "op": op,
        "change": change,
        "path": path,
        "uri": seen.uri,
        "size_bytes": size,
        "content_hash": content_hash,
        "tenant": seen.tenant,
        "allowed_principals": list(seen.principals),
        "moved_from": None,
        "moved_to": None,
    }


def _text(number: int, change: dict[str, Any]) -> dict[str, Any]:
    name = next(
        name for name, (data, _) in CONTENTS.items() if data and sha256(data).hexdigest() == change["content_hash"]
    )
    data, title = CONTENTS[name]
    text = (data or b"").decode()
    return {
        **{column: change[column] for column in ("source", "day", "document_id", "document_version", "content_hash")},
        "title": title or Path(change["path"]).stem,
        "text": text,
        "text_hash": sha256(text.encode()).hexdigest(),
    }


# What is expected of a text; the rest is what parsers and cleaning say of it.
TEXT_COLUMNS = ("source", "day", "document_id", "document_version", "content_hash", "title", "text", "text_hash")


def by_key(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row.get("day", date.min), row["document_id"]))


def assert_as_expected(pipeline: Pipeline, expected: Expected) -> None:
    assert by_key(pipeline.read(FEED)) == by_key(expected.feed)
    texts = [{name: row[name] for name in TEXT_COLUMNS} for row in pipeline.read(DOCUMENTS)]
    assert by_key(texts) == by_key(expected.documents)
    held_back = pipeline.read(QUARANTINE, stage="silver")
    assert sorted((row["day"].day, row["document_id"], row["reason"]) for row in held_back) == sorted(
        expected.quarantine
    )
    assert by_key(pipeline.read(STATE)) == by_key(list(expected.state.values()))
    columns = ("document_id", "document_version", "tenant", "allowed_principals", "uri", "start", "end", "text")
    assert sorted(tuple(row[name] for name in columns) for row in pipeline.read(CHUNKS)) == expected.chunks()


def rules_of(pipeline: Pipeline) -> list[Rule]:
    """The documents' invariants, judged over every source and observed day."""
    workspace = pipeline.workspace()
    with engine() as connection:
        places = [
            (workspace, connection, source, one)
            for source in pipeline.settings.active_sources
            for one in observed_days(workspace.lake, source)
        ]
        return [
            *(rule for judge in DAY_RULES.values() for place in places for rule in judge(*place)),
            *state_rules(workspace, connection),
            *duplicate_rules(workspace, connection),
            *chunk_rules(workspace, connection),
        ]

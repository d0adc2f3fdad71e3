"""What goes when answers are not of today: those that were kept for an evaluation. Its verdict stays for good.

Answers quote documents, which are deleted meanwhile. What serves is not judged again, and a run may be stopped before the
gate, so no evaluation can be left to replace them. (Heads and tables are dropped by the run itself, see
`retrieval.live_stages` and `retrieval.unneeded_tables`.)
"""

from pathlib import Path

from assay.locks import exclusive
from assay.releases.gate_record import DECISION_FILE
from assay.releases.measured_release import EVALUATIONS_FOLDER
from assay.retrieval.denials import DENY_LIST_FILE
from assay.retrieval.serving import heads, serving_lock
from assay.settings import Settings


def forget_answers(settings: Settings) -> tuple[str, ...]:
    """Remove the answers, scores and reports of every evaluation but those of the heads, and of these too where the
    deny-list was changed since: a head stays where it is while the fast gate says no. The ids of the releases whose went.

    Raises StorageError for a head that cannot be read.
    """
    releases_path = settings.releases_path
    with exclusive(serving_lock(settings)):
        kept = {head.release_id for head in heads(releases_path)}
        denied_at = _written(releases_path / DENY_LIST_FILE)
        gone = [
            (folder, answers)
            for folder in sorted((releases_path / EVALUATIONS_FOLDER).glob("*"))
            if (answers := _answers(folder)) and not (folder.name in kept and min(map(_written, answers)) >= denied_at)
        ]
        for file in (file for _, answers in gone for file in answers):
            file.unlink()
    return tuple(folder.name for folder, _ in gone)


def _answers(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.name != DECISION_FILE]


def _written(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0

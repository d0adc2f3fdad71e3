"""What goes when a release ceases to be live: the answers that were kept for its evaluation. Its verdict stays for good.

Answers quote documents, which are deleted meanwhile. Of what is live an evaluation runs again with every data change, so
its answers are of today's documents; of anything else they would outlive them. (Heads and tables are dropped by the run
itself, see `retrieval.live_stages` and `retrieval.unneeded_tables`.)
"""

from pathlib import Path

from assay.locks import exclusive
from assay.releases.gate_record import DECISION_FILE, newest_record
from assay.releases.measured_release import EVALUATIONS_FOLDER
from assay.retrieval.configurations import live_configurations
from assay.retrieval.serving import read_pointer, serving_lock
from assay.settings import Settings


def forget_answers(settings: Settings) -> tuple[str, ...]:
    """Remove the answers, scores and reports of every evaluation but the last of each live configuration, and the serving
    release's own, which a candidate is compared with; the ids of the releases whose went."""
    releases_path = settings.releases_path
    with exclusive(serving_lock(settings)):
        serving = read_pointer(releases_path)
        records = (newest_record(releases_path, one.configuration_id) for one in live_configurations(settings))
        kept = {record.candidate.release_id for record in records if record} | (
            {serving.release_id} if serving else set()
        )
        gone = [
            folder
            for folder in sorted((releases_path / EVALUATIONS_FOLDER).glob("*"))
            if folder.name not in kept and _answers(folder)
        ]
        for file in (file for folder in gone for file in _answers(folder)):
            file.unlink()
    return tuple(folder.name for folder in gone)


def _answers(folder: Path) -> list[Path]:
    return [file for file in folder.iterdir() if file.name != DECISION_FILE]

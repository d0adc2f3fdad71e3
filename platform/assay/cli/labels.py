"""`assay eval labels` and `assay eval calibrate`: people label a sample of answers, and the judge is held against them."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table

from assay.errors import ConfigurationError, NotReady
from assay.settings import Settings, load_settings

if TYPE_CHECKING:
    from assay.evaluation.calibration import Calibration
    from assay.evaluation.calibration.agreement import Estimate
    from assay.evaluation.gate import GatePolicy

# With some labels lost to doubt, still the hundred that admissibility asks for.
DEFAULT_LABELS = 150
DEFAULT_ANNOTATORS = 2

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document and nothing else.")]

app = typer.Typer(help="Sheets for people to label answers, out and in.", no_args_is_help=True)


@app.command("export")
def export(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the sheets go, as CSV and as HTML.")],
    items: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[ITEMS.jsonl]...", help="Judged items, a file for each arm; those of the last gate unless named."
        ),
    ] = None,
    labels: Annotated[int, typer.Option(min=1, help="Answers to draw.")] = DEFAULT_LABELS,
    annotators: Annotated[int, typer.Option(min=1, help="People who label; a fifth is labelled by two.")] = (
        DEFAULT_ANNOTATORS
    ),
    seed: Annotated[int, typer.Option(help="Of the draw; the same seed draws the same.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Draw a probability sample of answers and write a sheet for each annotator, blind to arm and verdict."""
    from assay.evaluation.calibration.label_page import sheet_page
    from assay.evaluation.calibration.label_sheets import sheet_csv, sheets_of
    from assay.evaluation.calibration.sample_files import sample_of, write_sample
    from assay.evaluation.calibration.sampling import draw, pool
    from assay.evaluation.judge import read_judged_items

    settings = load_settings()
    files, gone = (items, []) if items else _judged_last(settings)
    answers = pool([read_judged_items(path) for path in files])
    if not answers:
        raise NotReady(
            f"None of the items in {', '.join(f'`{path}`' for path in files)} has an answer: there is nothing to label. "
            "Nothing was written. See what the releases answer with `assay ask TEXT`."
        )
    sample = sample_of(draw(answers, labels, annotators, seed))
    sheets: dict[Path, str] = {}
    for number, sheet in sheets_of(sample).items():
        name = f"labels-{sample.sample_id}-{number}"
        sheets[out / f"{name}.csv"] = sheet_csv(sample, sheet)
        sheets[out / f"{name}.html"] = sheet_page(sample, sheet, name)
    _write_sheets(sheets)
    write_sample(settings.evaluation_path, sample)
    doubled = sum(len(one.annotators) > 1 for one in sample.drawn)
    told = {
        "sample": sample.sample_id,
        "pool": len(sample.answers),
        "drawn": len(sample.drawn),
        "labelled_twice": doubled,
        "inclusion_probability": sample.answers[0].inclusion_probability,
        "files": list(map(str, sheets)),
        "warnings": gone,
    }
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return 0
    for line in (
        f"Sample {sample.sample_id}: {len(sample.drawn)} of {len(sample.answers)} answers, {doubled} of them for two people.",
        *(f"warning: {one}" for one in gone),
        *map(str, sheets),
        "Open a page, or fill the column `label` of a sheet with y, n or u and `annotator` with a name. Then run",
        f"`assay eval labels import {out / '*.csv'}`.",
    ):
        typer.echo(line)
    return 0


@app.command("import")
def import_(
    sheets: Annotated[list[Path], typer.Argument(metavar="SHEET.csv", help="Filled sheets, of any of the annotators.")],
    as_json: AsJson = False,
) -> int:
    """Take filled sheets in. A file with a line that cannot be used is refused whole, and the line is named."""
    from assay.evaluation.calibration.label_sheets import read_sheet
    from assay.evaluation.calibration.sample_files import add_labels, read_labels, read_samples

    settings = load_settings()
    samples = read_samples(settings.evaluation_path)
    read = [read_sheet(path, samples, datetime.now(UTC)) for path in sheets]  # all of them, before one is taken in
    told: list[dict[str, object]] = []
    for path, sheet in zip(sheets, read, strict=True):
        known = read_labels(settings.evaluation_path, sheet.sample_id)
        before = {
            (label_id, annotator): one.label for label_id, given in known.items() for annotator, one in given.items()
        }
        new = [one for one in sheet.labels if before.get((one.label_id, one.annotator)) != one.label]
        changed = sum((one.label_id, one.annotator) in before for one in new)
        add_labels(settings.evaluation_path, sheet.sample_id, new)
        told.append(
            {
                "file": str(path),
                "sample": sheet.sample_id,
                "new": len(new) - changed,
                "changed": changed,
                "known": len(sheet.labels) - len(new),
                "blank": sheet.blank,
            }
        )
    if as_json:
        typer.echo(json.dumps(told, ensure_ascii=False))
        return 0
    for one in told:
        typer.echo(
            f"{one['file']}: {one['new']} new labels, {one['changed']} changed, {one['known']} known before, "
            f"{one['blank']} lines without one."
        )
    typer.echo("Hold the judge against them with `assay eval calibrate`.")
    return 0


def calibrate(
    sample: Annotated[str | None, typer.Option(help="A sample's id; the one exported last, unless named.")] = None,
    seed: Annotated[int, typer.Option(help="Of the answers that the judge is asked about twice.")] = 0,
    as_json: AsJson = False,
) -> int:
    """Ask the judge about every answer of a sample and hold it against the labels. Exit 0 it may decide, 1 it may not.

    Exit 2 where it cannot be told: too few labels, too few verdicts, or none to say whether it agrees with itself.
    """
    from assay.evaluation.calibration.calibration import agreement_with_itself, calibrated, judge_verdicts
    from assay.evaluation.calibration.evidence_files import write_judge_evidence
    from assay.evaluation.calibration.sample_files import read_labels, read_sample
    from assay.evaluation.gate import GateEvidence
    from assay.evaluation.gate.judge_admissibility import inadmissible, unsteady
    from assay.evaluation.judge import open_judge

    settings = load_settings()
    judge = open_judge(settings)
    if judge is None:
        raise ConfigurationError(
            "No judge is configured, so there is none to calibrate. The labels stand. Set `ASSAY_JUDGE_URL` and "
            "`ASSAY_JUDGE_MODEL` and run `assay eval calibrate` again."
        )
    drawn = read_sample(settings.evaluation_path, sample)
    labels = read_labels(settings.evaluation_path, drawn.sample_id)
    if not labels:
        raise NotReady(
            f"No label of the sample `{drawn.sample_id}` came in yet. The judge was not asked. Run "
            "`assay eval labels import SHEET.csv` first."
        )
    verdicts = judge_verdicts(judge, drawn.answers)
    itself = agreement_with_itself(judge, drawn.drawn, seed)
    found = calibrated(judge.identity, judge.prompt_hash, drawn, labels, verdicts, agrees_with_itself=itself)
    if found is None:
        raise NotReady(
            f"The judge gave a verdict on fewer than two of the {len(labels)} labelled answers, so nothing can be compared. "
            f"The labels stand. See whether {judge.identity} answers, and run `assay eval calibrate` again."
        )
    policy = _policy(settings)
    disagreements = inadmissible(policy, GateEvidence(judge=found.evidence))
    problems = [*disagreements, *unsteady(policy, found.evidence)]
    path = write_judge_evidence(settings.evaluation_path, found.evidence, found.to_json() | {"sample": drawn.sample_id})
    told = found.to_json() | {"sample": drawn.sample_id, "admissible": not problems, "problems": problems}
    if as_json:
        typer.echo(json.dumps(_without_nan(told), ensure_ascii=False, allow_nan=False))
    else:
        _show(Console(), found, problems, path)
    if not problems:
        return 0
    is_untold = found.evidence.labels < policy.judge.min_labels or (itself is None and not disagreements)
    return 2 if is_untold else 1


def _judged_last(settings: Settings) -> tuple[list[Path], list[str]]:
    """What both arms of the newest verdict answered, as far as it is kept, and a sentence for each arm of which it is not.

    Raises NotReady where no release was judged, or nothing is kept of either arm.
    """
    from assay.releases.gate_record import read_record
    from assay.releases.measured_release import EVALUATIONS_FOLDER, JUDGED_ITEMS_FILE, evaluation_folder

    folders = (settings.releases_path / EVALUATIONS_FOLDER).glob("*")
    records = [record for folder in folders if (record := read_record(settings.releases_path, folder.name))]
    if not records:
        raise NotReady(
            "No release was judged yet, so there are no answers to label. Nothing was written. Judge the configured release "
            "with `assay release gate`, or name files of judged items: `assay eval labels export ITEMS.jsonl --out DIR`."
        )
    newest = max(records, key=lambda record: record.decided_at)
    arms = [newest.candidate, *([newest.baseline] if newest.baseline else [])]
    files = {
        one.release_id: evaluation_folder(settings.releases_path, one.release_id) / JUDGED_ITEMS_FILE for one in arms
    }
    kept = {release_id: path for release_id, path in files.items() if path.is_file()}
    if not kept:
        raise NotReady(
            f"What the release judged last answered, {newest.candidate.release_id}, is not kept any more, so there is nothing to "
            "label. Nothing was written. Judge the configured release with `assay release gate`, or name files of judged "
            "items: `assay eval labels export ITEMS.jsonl --out DIR`."
        )
    gone = [
        f"What release {release_id} answered is not kept any more: answers are drawn from {', '.join(kept)} alone."
        for release_id in files
        if release_id not in kept
    ]
    return list(kept.values()), gone


def _policy(settings: Settings) -> "GatePolicy":
    from assay.evaluation.gate import GatePolicy, read_policy

    return read_policy(settings.gate_policy) if settings.gate_policy else GatePolicy()


def _write_sheets(files: Mapping[Path, str]) -> None:
    """Never over a sheet that somebody may have filled."""
    kept = [path for path, text in files.items() if path.exists() and path.read_bytes() != text.encode()]
    if kept:
        raise ConfigurationError(
            f"`{kept[0]}` is there already and may hold labels. Nothing was written. Take its labels in with "
            f"`assay eval labels import {kept[0]}`, or name another folder with `--out`."
        )
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
    except OSError as error:
        raise ConfigurationError(
            f"The sheets could not be written: {error}. No sample was kept. Name another folder with `--out`, and run the "
            "command again: `assay eval labels export --out DIR`."
        ) from error


def _show(console: Console, found: "Calibration", problems: Sequence[str], path: Path) -> None:
    table = Table("measure", "value", "95% interval", "of", title=found.evidence.judge, title_justify="left")
    rows: list[tuple[str, Estimate | None]] = [
        ("kappa with people", found.agreement.kappa),
        ("kappa between people, its ceiling", found.between_people),
        ("true positive rate", found.agreement.tpr),
        ("true negative rate", found.agreement.tnr),
        ("answers supported, PPI++", found.ppi),
        ("answers supported, Rogan-Gladen", found.corrected),
        ("answers supported, labels alone", found.people),
    ]
    for name, one in rows:
        if one is None:
            table.add_row(name, "cannot be told", "", "")
        else:
            table.add_row(name, f"{one.value:.3f}", f"{one.lower:.3f} to {one.upper:.3f}", str(one.count))
    itself = found.evidence.self_agreement
    table.add_row("agrees with itself", "cannot be told" if itself is None else f"{itself:.3f}", "", "")
    console.print(table)
    lines = [
        f"{found.labelled} of {found.pool} answers have a label, {found.unsure} more are unsure; the judge gave no verdict on "
        f"{found.unjudged} of them. Uncorrected, it finds {found.judge_mean:.3f} supported.",
        f"UNCALIBRATED: {'; '.join(problems)}. What it scores only advises." if problems else "It may decide.",
        f"Kept in {path}.",
    ]
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _without_nan(found: Any) -> Any:
    """NaN as null, for JSON has none."""
    if isinstance(found, dict):
        return {name: _without_nan(one) for name, one in cast(dict[str, Any], found).items()}
    if isinstance(found, list | tuple):
        return [_without_nan(one) for one in cast(Sequence[Any], found)]
    return None if isinstance(found, float) and not math.isfinite(found) else found

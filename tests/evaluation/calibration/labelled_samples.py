"""A drawn sample for tests, and sheets of it filled as people fill them."""

import csv
import io

from assay.evaluation.calibration import draw, pool
from assay.evaluation.calibration.sample_files import Sample, sample_of
from assay.evaluation.judge import JudgedItem

HOSTILE = '</script><script>document.title="taken"</script> "quoted", =1+1 & <b>bold</b>\u2028'


def judged_items(count: int, *, hostile: bool = False) -> list[JudgedItem]:
    """Answers of which every third is not supported; names of questions tell which."""
    return [
        JudgedItem(
            item_id=f"q{at}",
            cluster=f"d{at}.md",
            slices=(),
            question=f"What of number {at}? {HOSTILE if hostile else ''}".strip(),
            answer=f"Number {at} is {'wrong' if at % 3 == 0 else 'right'}.",
            contexts=(f"Number {at} is right.", HOSTILE if hostile else "Nothing else."),
            reference=None,
            abstained=False,
        )
        for at in range(count)
    ]


def made_sample(count: int = 30, labels: int = 20, annotators: int = 2, *, hostile: bool = False) -> Sample:
    return sample_of(draw(pool([judged_items(count, hostile=hostile)]), labels, annotators, 0))


def filled(sheet: str, label_of, annotator: str) -> str:
    """A sheet as CSV with `label_of(row)` in every line."""
    rows = list(csv.DictReader(io.StringIO(sheet, newline="")))
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows([row | {"label": label_of(row), "annotator": annotator} for row in rows])
    return text.getvalue()


def truth(row: dict[str, str]) -> str:
    return "n" if "wrong" in row["answer"] else "y"

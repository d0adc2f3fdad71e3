"""docs/planted-faults.md: what the gate stops and by which rule, from the list that the tests hold to.

    PYTHONPATH=tests python tests/evaluation/planted_faults/faults_page.py

Writes the page anew after a fault was added.
"""

from collections.abc import Iterator
from pathlib import Path

from planted import DATA_FAULTS, QUALITY_FAULTS

PAGE = Path(__file__).parents[3] / "docs/planted-faults.md"


def page() -> str:
    """The whole page."""
    return f"""# Planted faults

A gate that stops nothing looks like one that works. So {len(QUALITY_FAULTS) + len(DATA_FAULTS)} faults are planted into releases of the sample, and each must be stopped by the rule that is about it, as [the tests](../tests/evaluation/planted_faults/test_planted_faults.py) assert. Chunks and vectors are those of the demo, the table is LanceDB's; searcher, answerer, metrics, gate and [policy](../samples/golden/policy.toml) are those that decide about a release.

## Stopped by the four-layer gate

The sound release is asked the golden questions, then the one with the fault, and the two are compared as a candidate is with what serves. Neither FAIL nor INCONCLUSIVE serves. Named is the finding that must be there; other rules may have found it too.

| fault | planted | rule | metric | slice | verdict |
|---|---|---|---|---|---|
{chr(10).join(_quality_rows())}

A slice of fewer than seven documents proves nothing by itself: `es` has six and `scan` four, so what is lost there shows in the whole. "Header rows lost" and "overlap zero" are planted into chunks of 48 tokens, because only 6 of the sample's chunks of the usual size continue a table and none overlap; the policy's floors, which are about the usual chunks, are left out there.

## Stopped before a question is asked

Planted into a copy of the demo's home, behind the back of what writes the index. The fast gate looks at the table and moves no pointer; what served before goes on. The blocking checks of `gold/embeddings` say the same.

| fault | planted | rule |
|---|---|---|
{chr(10).join(_data_rows())}

Missing normalization changes no ranking here, for a cosine does not look at lengths; this rule alone notices it.

## What is clean passes

With no fault planted every rule holds, a calibrated judge decides, and the release passes. So does a release that is made again from the same documents: a new table, its rows in another order and in one to four commits, vectors as another batch gives them (2.3e-7 apart per number), the questions in another order.

No such re-run may FAIL, and no more may be INCONCLUSIVE than chance explains: each item is thought to turn out otherwise, up or down alike, with the probability with which items were seen to (the discordance); of so many re-runs the 99% quantile of the binomial distribution may be INCONCLUSIVE. In fifty re-runs no item scored otherwise, so none might be INCONCLUSIVE, and all passed. Tests make ten at `ASSAY_TEST_SCALE=ci`; `make soak` makes fifty, and what it saw is in [soak.md](soak.md).

The tests plant some of the faults at each run, at `ASSAY_TEST_SCALE=ci` all but those that embed the documents anew, and `make soak` all.
"""


def _quality_rows() -> Iterator[str]:
    for one in QUALITY_FAULTS:
        metric, slice_name = (f"`{name}`" if name else "" for name in (one.metric, one.slice))
        yield f"| {one.name} | {one.what} | `{one.rule}` | {metric} | {slice_name} | {one.verdict} |"


def _data_rows() -> Iterator[str]:
    return (f"| {one.name} | {one.what} | `{one.rule}` |" for one in DATA_FAULTS)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""Fifty releases in which nothing changed, and every planted fault: what the gate says of them.

    PYTHONPATH=tests python tests/evaluation/soak_reruns.py [--report docs/soak.md] [--reruns 50] [--home DIR]

A re-run takes some 7 s of CPU, all faults together some four minutes. `--home`: a home in which `assay demo` ran; without it
one is made. Exits 1 where a clean re-run fails, more are INCONCLUSIVE than their discordance explains, or a fault is not
stopped by its rule.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("planted_faults")))

from clean_reruns import Rerun, judged, rerun
from command_runs import CHECKOUT, assay
from fault import Bench
from planted import DATA_FAULTS, QUALITY_FAULTS, problems_of, problems_of_data
from sample_release import Sample
from soak_report import machine, write_section

HEADING = "## Clean re-runs and planted faults through the gate"


def rows_of(reruns: Sequence[Rerun]) -> str:
    """A line for each verdict that re-runs had."""
    verdicts = Counter(one.decision.verdict for one in reruns)
    return "\n".join(f"| {verdict} | {verdicts[verdict]} |" for verdict in ("PASS", "INCONCLUSIVE", "FAIL"))


def report(
    sample: Sample, reruns: Sequence[Rerun], bound: tuple[float, float, int], stopped: int, minutes: float
) -> str:
    discordance, probability, allowed = bound
    most = max(one.discordance for one in reruns)
    faults = len(QUALITY_FAULTS) + len(DATA_FAULTS)
    return f"""{HEADING}

`PYTHONPATH=tests python tests/evaluation/soak_reruns.py --reruns {len(reruns)}`, {machine("lancedb")}; {minutes:.0f} minutes.

Each re-run is a release of the same documents: a new table, its rows in another order and in one to four commits, vectors
as another batch would have given them (2.3e-7 apart), the {len(sample.golden.questions)} golden questions in another order. It is compared with the
first by the policy `{sample.policy.name}`.

| verdict | re-runs |
|---|---|
{rows_of(reruns)}

Of the items {discordance:.3%} scored otherwise, at most {most:.3%} in one re-run. With so much discordance a clean re-run is INCONCLUSIVE with
a probability of at most {probability:.1%}: of {len(reruns)}, {allowed} may be. The gate stopped {stopped} of {faults} [planted faults](planted-faults.md), each by its rule.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, default=Path("docs/soak.md"))
    parser.add_argument("--reruns", type=int, default=50)
    parser.add_argument("--home", type=Path)
    given = parser.parse_args()
    os.chdir(CHECKOUT)
    for name in [name for name in os.environ if name.startswith("ASSAY_")]:
        del os.environ[name]  # the sample, and no setting of the caller's
    os.environ["HF_HUB_OFFLINE"] = "1"
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="assay-reruns-") as folder:
        home = given.home or made_home(Path(folder))
        sample = Sample.of(home)
        baseline = sample.release(Path(folder) / "baseline")
        reruns: list[Rerun] = []
        for seed in range(given.reruns):
            reruns.append(rerun(sample, baseline, Path(folder) / f"rerun-{seed}", seed))
            print(f"re-run {seed}: {reruns[-1].decision.verdict}, {reruns[-1].discordance:.3%} discordant", flush=True)
        found: dict[str, list[str]] = {}
        for fault in QUALITY_FAULTS:
            bench = Bench(sample, baseline, Path(folder) / f"fault-{len(found)}")
            found[fault.name] = problems_of(fault, fault.plant(bench))
            print(f"{fault.name}: {found[fault.name] or 'stopped'}", flush=True)
        for data_fault in DATA_FAULTS:
            bench = Bench(sample, baseline, Path(folder) / f"fault-{len(found)}")
            found[f"{data_fault.name} (data)"] = problems_of_data(data_fault, data_fault.plant(bench))
            print(f"{data_fault.name}: {found[f'{data_fault.name} (data)'] or 'stopped'}", flush=True)
        bound = judged(sample, baseline, reruns)
    stopped = sum(not problems for problems in found.values())
    write_section(given.report, HEADING, report(sample, reruns, bound, stopped, (time.monotonic() - began) / 60))
    verdicts = Counter(one.decision.verdict for one in reruns)
    return int(bool(verdicts["FAIL"] or verdicts["INCONCLUSIVE"] > bound[2] or stopped < len(found)))


def made_home(folder: Path) -> Path:
    """A home in which the sample was ingested and judged."""
    ran = assay(folder / "home", "demo", ASSAY_EVENTS="")
    if ran.code:
        raise SystemExit(f"`assay demo` ended with {ran.code}: {ran.err}")
    return folder / "home"


if __name__ == "__main__":
    sys.exit(main())

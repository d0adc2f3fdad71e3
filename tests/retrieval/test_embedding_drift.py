"""Drift between two versions of a real table: churn passes, another kind of document warns, another model is no comparison."""

from pathlib import Path

from document_runs import Pipeline, day, put

from assay.retrieval.embedding_drift import RULES, drift_of_live
from assay.retrieval.serving import read_pointer
from assets.drift_checks import PROMISES

HARBOURS = {f"{n}.md": f"# Harbour number {n}\n\nShip {n} waits at berth {n} for the tide to turn." for n in range(60)}
RECIPES = {
    f"cake-{n}.md": f"# Cake number {n}\n\nBake flour, butter and sugar {n} times until golden." for n in range(60)
}


def judged(pipeline: Pipeline) -> dict[str, tuple[bool, str]]:
    """The verdicts on the table of what serves."""
    _, rules = drift_of_live(pipeline.workspace())[0]
    return {rule.name: (rule.passed, rule.detail) for rule in rules}


def passed(pipeline: Pipeline) -> set[str]:
    return {name for name, (is_passed, _) in judged(pipeline).items() if is_passed}


def test_an_ordinary_day_passes_and_a_swapped_source_warns(pipeline: Pipeline, inbox: Path) -> None:
    pipeline = Pipeline(pipeline.settings.model_copy(update={"duplicates": "off"}))
    put(inbox / "2026-11-01", HARBOURS)
    pipeline.run(day(1))
    assert judged(pipeline) == dict.fromkeys(RULES, (True, "nothing served before"))

    edited = {name: text.replace("tide", "storm") for name, text in list(HARBOURS.items())[:6]}
    put(inbox / "2026-11-02", {**HARBOURS, **edited})
    pipeline.run(day(2), through="index")
    ordinary = judged(pipeline)
    assert passed(pipeline) == set(RULES), ordinary

    put(inbox / "2026-11-03", RECIPES)
    pipeline.run(day(3), through="index", allow_mass_delete=True)
    assert passed(pipeline) <= {"dispersion_is_usual"}
    assert "p = 0.002" in judged(pipeline)["vectors_are_distributed_as_usual"][1]
    serving = read_pointer(pipeline.settings.releases_path)
    assert serving is not None
    assert all(serving.release_id in detail for _, detail in judged(pipeline).values())


def test_once_it_serves_the_verdict_stays_until_the_next_change(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {"a.md": HARBOURS["1.md"], "b.md": HARBOURS["2.md"]})
    pipeline.run(day(1))
    put(inbox / "2026-11-02", {"a.md": HARBOURS["1.md"], "b.md": RECIPES["cake-2.md"]})
    pipeline.run(day(2), through="index")
    before = judged(pipeline)
    pipeline.run(day(2))

    assert judged(pipeline) == before
    assert not before["canary_neighbours_are_usual"][1].startswith("nothing")


def test_another_model_is_invalid_and_another_chunker_is_compared(pipeline: Pipeline, inbox: Path) -> None:
    put(inbox / "2026-11-01", {name: HARBOURS[name] for name in ("1.md", "2.md", "3.md")})
    pipeline.run(day(1))
    coarse = Pipeline(pipeline.settings.model_copy(update={"embedding_precision": "bf16"}))
    recut = Pipeline(pipeline.settings.model_copy(update={"chunk_strategy": "fixed"}))
    for other, is_valid in ((coarse, False), (recut, True)):
        other.run(day(1), through="index")
        (_, serving), (_, candidate) = drift_of_live(other.workspace())
        assert {rule.detail for rule in serving} == {"nothing served before"}
        assert [rule.detail.startswith("invalid") for rule in candidate] == [not is_valid] * 4
        assert is_valid or not any(rule.passed for rule in candidate)


def test_every_rule_is_a_check() -> None:
    assert tuple(PROMISES) == RULES

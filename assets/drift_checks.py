"""Checks of drift: do the vectors of a run still lie where those lie that serve? They warn and block nothing."""

from collections.abc import Iterator

import dagster as dg

from assets.gold import embeddings
from assets.resources import AssayHome

PROMISES = {
    "centroid_is_usual": "The mean of the vectors points where it did in the release that served before.",
    "dispersion_is_usual": "The vectors are spread as widely as in the release that served before.",
    "vectors_are_distributed_as_usual": "The vectors could come from the same cloud as those of the release that served before.",
    "canary_neighbours_are_usual": "The canary questions find mostly the documents that they found before.",
}


@dg.multi_asset_check(
    name="gold_embeddings_drift",
    specs=[dg.AssetCheckSpec(name, asset=embeddings.key, description=text) for name, text in PROMISES.items()],
    can_subset=True,
)
def embedding_drift(context: dg.AssetCheckExecutionContext, home: AssayHome) -> Iterator[dg.AssetCheckResult]:
    from assay.retrieval.embedding_drift import drift_of_live

    judged = drift_of_live(home.workspace(context))
    for name in PROMISES:
        if dg.AssetCheckKey(embeddings.key, name) in context.selected_asset_check_keys:
            of_check = [(table, rule) for table, rules in judged for rule in rules if rule.name == name]
            yield dg.AssetCheckResult(
                asset_key=embeddings.key,
                check_name=name,
                passed=all(rule.passed for _, rule in of_check),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={table: rule.detail for table, rule in of_check},
            )


DRIFT_CHECKS = [embedding_drift]

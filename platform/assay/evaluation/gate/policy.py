"""What a release must show: a readable TOML file (`policy.toml` beside this module is the default) as one typed class."""

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assay.errors import ConfigurationError
from assay.evaluation.gate.item_scores import LARGEST_SCORE

DEFAULT_POLICY_FILE = Path(__file__).with_name("policy.toml")
# For questions made from headings, where nobody wrote golden ones.
SMOKE_POLICY_FILE = Path(__file__).with_name("smoke.toml")

Role = Literal["zero_tolerance", "judged", "advisory", "deciding"]
Share = Annotated[float, Field(ge=0, le=1)]
Score = Annotated[float, Field(ge=-LARGEST_SCORE, le=LARGEST_SCORE, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

_STRICT = ConfigDict(extra="forbid", frozen=True)


class MetricPolicy(BaseModel):
    """Where one metric differs; None is what the policy says for all, or nothing."""

    model_config = _STRICT

    floor: Score | None = None
    margin: Positive | None = None
    material_loss: Positive | None = None
    range: tuple[Score, Score] | None = None
    abstention_metric: str | None = None


class JudgeCriteria(BaseModel):
    """What human labels must show before a judge decides, see `evidence.JudgeEvidence`."""

    model_config = _STRICT

    min_labels: Annotated[int, Field(ge=1)] = 100
    min_kappa: Share = 0.6
    min_kappa_lower: Share = 0.4
    min_true_positive_rate: Share = 0.75
    min_true_negative_rate: Share = 0.75
    min_self_agreement: Share = 0.95


class Budgets(BaseModel):
    """Upper limits; None is no limit."""

    model_config = _STRICT

    p95_ms: Positive | None = None
    p99_ms: Positive | None = None
    usd_per_1k_queries: Positive | None = None


class GatePolicy(BaseModel):
    """All that the gate's steps go by. Every field is explained in `policy.toml`, whose values are these."""

    model_config = _STRICT

    name: str = "default"
    margin: Positive = 0.05
    min_coverage: Share = 0.98
    min_slice_coverage: Share = 0.95
    slices: tuple[str, ...] = ("*",)
    min_slice_items: Annotated[int, Field(ge=2)] = 30
    zero_tolerance: tuple[str, ...] = ("deterministic.*",)
    judged: tuple[str, ...] = ("ragas-0.4/*",)
    advisory: tuple[str, ...] = ("proxy.*",)
    required_layers: tuple[Literal[1, 2, 3, 4], ...] = ()
    require_provenance: bool = False
    rules_alone_below: Annotated[int, Field(ge=0)] = 0
    judge: JudgeCriteria = JudgeCriteria()
    metrics: Mapping[str, MetricPolicy] = {}
    budgets: Budgets = Budgets()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for metric, own in self.metrics.items():
            if own.range is not None and not own.range[0] < own.range[1]:
                raise ValueError(f"the range of `{metric}` does not rise")
            if own.floor is not None and own.range is not None and not own.range[0] <= own.floor <= own.range[1]:
                raise ValueError(f"the floor of `{metric}` lies outside its range")
            if self.material_loss_of(metric) > self.margin_of(metric):
                raise ValueError(f"the material loss of `{metric}` is greater than its margin")
        return self

    def of(self, metric: str) -> MetricPolicy:
        return self.metrics.get(metric, MetricPolicy())

    def role_of(self, metric: str) -> Role:
        if _any_matches(self.zero_tolerance, metric):
            return "zero_tolerance"
        if _any_matches(self.judged, metric):
            return "judged"
        return "advisory" if _any_matches(self.advisory, metric) else "deciding"

    def margin_of(self, metric: str) -> float:
        return self.of(metric).margin or self.margin

    def material_loss_of(self, metric: str) -> float:
        return self.of(metric).material_loss or self.margin_of(metric) / 2

    def registers(self, slice_name: str) -> bool:
        """Whether the slice may stop a release."""
        return _any_matches(self.slices, slice_name)


def read_policy(path: Path) -> GatePolicy:
    """The policy of a TOML file; what it leaves out is as in the default.

    Raises ConfigurationError for a file that is missing, is no TOML, or holds an unknown name or a value out of bounds.
    """
    try:
        return GatePolicy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error
    except ValidationError as error:
        problems = [f"`{'.'.join(map(str, one['loc'])) or 'policy'}`: {one['msg']}" for one in error.errors()]
        raise _refused(path, "; ".join(problems)) from error
    except RecursionError as error:
        raise _refused(path, "its values are nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError and UnicodeDecodeError are ValueErrors
        raise _refused(path, str(error)) from error


def _any_matches(patterns: tuple[str, ...], name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _refused(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The policy `{path}` cannot be used: {problem}. Nothing was compared. Correct it by the default, "
        f"`{DEFAULT_POLICY_FILE}`, and run `assay eval compare CANDIDATE.jsonl BASELINE.jsonl --policy {path}` again."
    )

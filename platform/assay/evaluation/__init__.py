"""Evaluation: how good an answer is, measured before anything serves it: retrieval on a BEIR folder, and the gate."""

from assay.evaluation.beir import BeirDataset, read_beir
from assay.evaluation.gate import (
    GateDecision,
    GateEvidence,
    GatePolicy,
    ItemScore,
    compare,
    read_item_scores,
    read_policy,
)
from assay.evaluation.ranking_metrics import ndcg_at, recall_at, reciprocal_rank
from assay.evaluation.retrieval_evaluation import RetrievalReport, evaluate_retrieval

__all__ = [
    "BeirDataset",
    "GateDecision",
    "GateEvidence",
    "GatePolicy",
    "ItemScore",
    "RetrievalReport",
    "compare",
    "evaluate_retrieval",
    "ndcg_at",
    "read_beir",
    "read_item_scores",
    "read_policy",
    "recall_at",
    "reciprocal_rank",
]

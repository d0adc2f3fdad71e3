"""Evaluation: how good an answer is, measured before anything serves it. Today: retrieval on a BEIR folder."""

from assay.evaluation.beir import BeirDataset, read_beir
from assay.evaluation.ranking_metrics import ndcg_at, recall_at, reciprocal_rank
from assay.evaluation.retrieval_evaluation import RetrievalReport, evaluate_retrieval

__all__ = [
    "BeirDataset",
    "RetrievalReport",
    "evaluate_retrieval",
    "ndcg_at",
    "read_beir",
    "recall_at",
    "reciprocal_rank",
]

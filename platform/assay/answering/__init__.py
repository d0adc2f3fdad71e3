"""Answering: from the passages that were found to an answer in their own words, with citations, or an abstention."""

from assay.answering.answer import Answer, Answerer, Citation
from assay.answering.extractive import open_answerer

__all__ = ["Answer", "Answerer", "Citation", "open_answerer"]

"""Layer 3: a language model as judge, asked through one small interface. No claim, no number."""

from assay.evaluation.judge.chat_endpoint import ChatJudge, open_judge
from assay.evaluation.judge.interface import Embed, Judge, JudgedItem
from assay.evaluation.judge.judged_item_files import read_judged_items, write_judged_items
from assay.evaluation.judge.prompt_files import prompt_hash
from assay.evaluation.judge.ragas import FAITHFULNESS, RAGAS_METRICS, Judgement, judged
from assay.evaluation.judge.rejudging import Arm, Rejudged, rejudge_borderline, self_agreement
from assay.evaluation.judge.scoring import judge_scores

__all__ = [
    "FAITHFULNESS",
    "RAGAS_METRICS",
    "Arm",
    "ChatJudge",
    "Embed",
    "Judge",
    "JudgedItem",
    "Judgement",
    "Rejudged",
    "judge_scores",
    "judged",
    "open_judge",
    "prompt_hash",
    "read_judged_items",
    "rejudge_borderline",
    "self_agreement",
    "write_judged_items",
]

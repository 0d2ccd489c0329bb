"""Allocation 补贴分配: where next month's budget buys most within every limit, with the proof; and chosen rates beside it."""

from g3lib.measures.subsidy.allocation.evaluate import Evaluation, evaluate, limited, moved, tightest
from g3lib.measures.subsidy.allocation.plan import Allocation, allocate

__all__ = ["Allocation", "Evaluation", "allocate", "evaluate", "limited", "moved", "tightest"]

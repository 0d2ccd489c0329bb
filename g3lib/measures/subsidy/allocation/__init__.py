"""Allocation 补贴分配: where next month's subsidy budget buys most, within every limit, with the proof."""

from g3lib.measures.subsidy.allocation.plan import Allocation, allocate

__all__ = ["Allocation", "allocate"]

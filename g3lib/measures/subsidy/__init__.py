"""Subsidy efficiency 补贴效能: what was paid per yuan of price, against which rule, over which life."""

from g3lib.measures.subsidy.lifecycle import lifecycle, run_on_plan
from g3lib.measures.subsidy.policy import against_rules, caps_by_model, check_policy, match_policy, with_models
from g3lib.measures.subsidy.rates import BASES, NUMERATORS, subsidy_rate, with_month

__all__ = ["BASES", "NUMERATORS", "against_rules", "caps_by_model", "check_policy", "lifecycle", "match_policy", "run_on_plan",
           "subsidy_rate", "with_models", "with_month"]

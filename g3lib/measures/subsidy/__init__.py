"""Subsidy efficiency 补贴效能: which rule, which money over the contract, which customers, what the money caused."""

from g3lib.measures.assumptions import assumption, decided
from g3lib.measures.subsidy.allocation import Allocation, Evaluation, allocate, evaluate, limited, moved
from g3lib.measures.subsidy.boxes import sale_signs, suspected, suspected_boxes
from g3lib.measures.subsidy.cohorts import cohort_rates, customer_states
from g3lib.measures.subsidy.commitments import commitment_status, gap_closers, recent, transfers, without_promise
from g3lib.measures.subsidy.costs import cost_layers, stock_cost
from g3lib.measures.subsidy.glide import glide_path
from g3lib.measures.subsidy.incremental import caused, cost_per, fieller, migration_worth
from g3lib.measures.subsidy.ledger import liability, refund_ledger, refunds_by_sale
from g3lib.measures.subsidy.lifecycle import lifecycle, run_on_plan
from g3lib.measures.subsidy.outlook import outlook
from g3lib.measures.subsidy.payback import break_even_subsidy, cash_curve, payback_month, returns
from g3lib.measures.subsidy.planning import caps, changes, gain, next_month, on_offer, prices_on, promised
from g3lib.measures.subsidy.policy import booked, caps_by_model, credits, match_policy, unmatched, with_models, with_rules
from g3lib.measures.subsidy.projection import chain_ladder, loss_triangle, projected_share
from g3lib.measures.subsidy.rates import BASES, NUMERATORS, monthly_rate, subsidy_rate
from g3lib.measures.subsidy.response import displaced_bare, panel, response
from g3lib.measures.subsidy.retention import contract_steps, cumulative_incidence, durations, kaplan_meier
from g3lib.measures.subsidy.scenario import (
    Outlook, Scenario, Tried, cost_of_more, groups_of, mean_rates, mean_subsidies, plan_differences, planned_breaches,
    policy_terms, scenario, side_by_side, tried_as,
)  # fmt: skip
from g3lib.measures.subsidy.unified import contract_mix, price_band_mix, selected_models, unified_deviations
from g3lib.measures.subsidy.verdicts import against_rules, breaches, check_policy, held_against
from g3lib.measures.subsidy.worth import (
    FollowedClass, customer_costs, denominators, ended, followed_classes, mature, net_adds, returns_at, returns_by_class,
    without_boxes,
)  # fmt: skip
from g3lib.tables.policy import in_force, lint

__all__ = [
    "BASES", "NUMERATORS", "Allocation", "Evaluation", "FollowedClass", "Outlook", "Scenario", "Tried", "against_rules",
    "allocate", "assumption", "booked", "breaches", "break_even_subsidy", "caps", "caps_by_model",
    "cash_curve", "caused", "chain_ladder", "changes", "check_policy", "cohort_rates", "commitment_status",
    "contract_mix", "contract_steps", "cost_layers", "cost_of_more", "cost_per", "credits", "cumulative_incidence",
    "customer_costs", "customer_states", "decided", "denominators", "displaced_bare", "durations", "ended", "evaluate", "fieller",
    "followed_classes", "gain", "gap_closers", "glide_path", "groups_of", "held_against", "in_force", "kaplan_meier", "liability",
    "lifecycle", "limited", "lint", "loss_triangle", "match_policy", "mature", "mean_rates", "mean_subsidies", "migration_worth",
    "monthly_rate", "moved", "net_adds", "next_month", "on_offer", "outlook", "panel", "payback_month", "plan_differences",
    "planned_breaches", "policy_terms", "price_band_mix", "prices_on", "projected_share", "promised", "recent",
    "refund_ledger", "refunds_by_sale", "response", "returns", "returns_at", "returns_by_class", "run_on_plan",
    "sale_signs", "scenario", "selected_models", "side_by_side", "stock_cost", "subsidy_rate", "suspected", "suspected_boxes",
    "transfers", "tried_as", "unified_deviations", "unmatched", "with_models", "with_rules", "without_boxes",
    "without_promise",
]  # fmt: skip

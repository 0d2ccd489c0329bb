"""Outlook 展望: next month's cells, limits and customers from one report's data, ready for a plan or a scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

from g3lib.measures.assumptions import decided
from g3lib.measures.subsidy.allocation.cells import KEY
from g3lib.measures.subsidy.allocation.inputs import checked_cells
from g3lib.measures.subsidy.cohorts import customer_states
from g3lib.measures.subsidy.commitments import commitment_status
from g3lib.measures.subsidy.costs import cost_layers
from g3lib.measures.subsidy.lifecycle import allowed_of_list, lifecycle, run_on_plan
from g3lib.measures.subsidy.planning import caps, next_month, on_offer, prices_on, promised
from g3lib.measures.subsidy.policy import caps_by_model, with_models, with_rules
from g3lib.measures.subsidy.response import panel, response
from g3lib.measures.subsidy.scenario import Outlook, policy_terms
from g3lib.measures.subsidy.verdicts import TOLERANCE, check_policy
from g3lib.measures.subsidy.worth import followed_classes
from g3lib.tables.policy import in_force

if TYPE_CHECKING:
    from g3lib.tables.dataset import Dataset

FLOOR = ("handset", "wireless_phone")


def outlook(
    data: Dataset, *, max_move: float = 0.10, rate_max: float = 0.90, cap_per_unit: float = 0.0, mix_floor: float = 0.0,
    keep_lifecycle: bool = True, keep_promises: bool = True, rate_base: str = "list", tolerance: float = TOLERANCE,
) -> Outlook:  # fmt: skip
    """What is known of the month after the data's period before anybody chooses a rate.

    Args:
        data: one report's data, of a province or a branch.
        max_move, rate_max: how far a rate may move from today's, and how high; see `next_month`.
        cap_per_unit: yuan a device at most; 0: only the caps of the policy's rules.
        mix_floor: least share of handsets and wireless phones in all devices; 0: none.
        keep_lifecycle, keep_promises: whether the lifecycle caps and the province's own promises bind.
        rate_base: list, contract or supply price: the base of the policy's rates.
        tolerance: what the policy's 约 allows on either side, a fraction.

    Raises:
        UsageError: a setting is out of its range; NoData: see `Dataset`.
    """
    asof, ahead = data.period.asof, data.period.following
    figures = decided(data.assumptions, asof, data.scopes)
    sales = with_models(data.sales, data.models)
    states = customer_states(sales, data.activity, asof, figures["m"], figures["k"])
    # a plan's rates are of the list price, whatever the rules' are of: so is what they were seen to sell
    learnt = response(panel(sales, numerator="device", base="list"))
    rest, of_list = (run_on_plan(sales, data.models, asof, numerator="device", base=base) for base in (rate_base, "list"))
    lives = lifecycle(sales, data.models, caps_by_model(sales, data.policy), asof, rest, numerator="device", base=rate_base)
    lives["allowed_of_list"] = allowed_of_list(lives, of_list, rate_base)
    cells = next_month(sales, learnt, states, lives, asof, max_move=max_move, rate_max=rate_max)
    cells = cells.astype(dict.fromkeys([*KEY, "device_class"], "category"))
    promises = commitment_status(sales, data.stock, data.commitments, asof)
    checked = check_policy(sales, data.policy, numerator="device", base=rate_base, tolerance=tolerance)
    ruled = with_rules(sales, checked, data.policy)
    layers = cost_layers(
        ruled, data.policy, data.outlets, marginal_cost=figures["marginal_cost_of_credit"], by=["device_class", "contract"]
    )
    rules = caps_by_model(sales, data.policy, "cap_per_unit", on=ahead)
    return Outlook(
        market=checked_cells(cells, rate_max), rate_max=rate_max, max_move=max_move, rules=rules,
        caps=caps(lives, rules, cap_per_unit, keep_lifecycle),
        owed=promised(promises, data.commitments, asof, cells["model"].unique(), keep_promises),
        prices=prices_on(data.vendor_prices, ahead), mix_floor=(FLOOR, mix_floor), response=learnt, lives=lives,
        promises=promises, terms=policy_terms(on_offer(sales, lives, asof), data.policy, cells, ahead, base=rate_base),
        policy=in_force(data.policy, ahead), rate_base=rate_base, tolerance=tolerance,
        classes=followed_classes(ruled, data.activity, layers, asof, margin=figures["margin"]),
        decided=figures, sales=ruled,
    )  # fmt: skip

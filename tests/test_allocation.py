"""Allocation: by hand, against brute force, a textbook's shadow prices, limits that conflict, faults listed at once."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy import allocation
from g3lib.measures.subsidy.allocation import allocate
from g3lib.measures.subsidy.allocation import plan as plan_module
from g3lib.measures.subsidy.allocation.audit import audited
from g3lib.measures.subsidy.allocation.cells import demand
from g3lib.measures.subsidy.allocation.inputs import checked
from g3lib.measures.subsidy.allocation.problem import build
from g3lib.measures.subsidy.allocation.solve import upper_bound, with_duals


def cells(**known: object) -> pd.DataFrame:
    base = {"model": ["a", "b"], "channel": "own", "contract": "plan", "device_class": ["handset", "netbook"],
            "list_price": [1000.0, 2000.0], "units": [100.0, 50.0], "rate": [0.5, 0.5], "beta": [2.0, 1.0]}  # fmt: skip
    return pd.DataFrame(base | known)


def test_wyndor_glass_shadow_prices() -> None:
    """Hillier and Lieberman, Introduction to Operations Research: 3x + 5y, duals 0, 3/2, 1."""
    found = with_duals(np.array([3.0, 5.0]), np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]]), np.array([4.0, 12.0, 18.0]))
    assert found is not None
    assert found[0] == pytest.approx([2.0, 6.0])
    assert found[1] == pytest.approx([0.0, 1.5, 1.0])


def test_units_are_concave_in_spend() -> None:
    one = cells().iloc[[0] * 40].reset_index(drop=True)
    subsidy = np.linspace(0, 900, 40)
    units = demand(one, subsidy)
    slopes = np.diff(units) / np.diff(units * subsidy)
    assert (np.diff(slopes) < 0).all()


def test_two_levels_by_hand() -> None:
    # one level, 0.5, or none: at 0 cell a sells 100/e; the budget pays for half a month of it
    plan = allocate(cells().head(1), 25_000, levels=[0.5])
    low = 100 * np.exp(-1)
    assert plan.plan["units"].iloc[0] == pytest.approx((100 + low) / 2, rel=1e-6)
    assert plan.plan["spend"].iloc[0] == pytest.approx(25_000, rel=1e-6)
    assert plan.offers["share"].tolist() == pytest.approx([0.5, 0.5], abs=1e-6)
    budget = plan.shadow_prices.iloc[0]
    assert budget["per_unit"] == pytest.approx((100 - low) / 50_000, rel=1e-4)
    assert budget["bought"] == pytest.approx(budget["predicted"], rel=1e-3)
    assert budget["verdict"] == "pass"


def test_a_step_that_pays_is_reached_by_hand() -> None:
    # 0 → 36.79 units, 0.5 → 100 units for 50,000; from 100 units on each is 300 yuan cheaper: 30,000 back.
    # With 20,000 the step is worth it: 50,000 − 30,000. Without the step, 40 % of the month at 0.5.
    steps = pd.DataFrame({"model": "a", "from_units": [0, 100], "supply_price": [800.0, 500.0]})
    plain = allocate(cells().head(1), 20_000.1, levels=[0.5])
    stepped = allocate(cells().head(1), 20_000.1, levels=[0.5], vendor_prices=steps)
    assert plain.objective == pytest.approx(36.788 + 0.4 * 63.212, abs=1e-3)
    assert stepped.objective == pytest.approx(100.0, abs=1e-3)
    assert stepped.rebate == pytest.approx(30_000, abs=1)
    assert stepped.spend <= 20_000.1


def test_a_step_beyond_reach_gives_no_money() -> None:
    steps = pd.DataFrame({"model": "a", "from_units": [0, 1e6], "supply_price": [800.0, 1.0]})
    plan = allocate(cells().head(1), 20_000, levels=[0.5], vendor_prices=steps)
    assert plan.rebate == 0
    assert plan.objective == pytest.approx(36.788 + 0.4 * 63.212, abs=1e-3)


def test_a_penalty_is_paid_out_of_the_budget() -> None:
    due = pd.DataFrame({"model": ["a"], "committed_units": [200.0], "penalty_per_unit": [10.0]})
    plan = allocate(cells().head(1), 1_700.0, levels=[0.5], commitments=due)
    sold = plan.plan["units"].iloc[0]
    assert plan.penalty == pytest.approx(10 * (200 - sold), rel=1e-6)
    assert plan.spend == pytest.approx(plan.subsidy + plan.penalty)
    assert plan.spend <= 1_700.0
    assert plan.limits.set_index("limit").loc["commitment of a", "verdict"] == "warning"


def test_a_vendors_promise_does_not_bind() -> None:
    due = pd.DataFrame({"model": ["a"], "committed_units": [1e6], "direction": ["vendor_to_province"]})
    assert allocate(cells(), 50_000, commitments=due).status == "optimal"


def test_budget_zero_means_no_subsidy() -> None:
    plan = allocate(cells(), 0)
    assert (plan.plan["rate"] == 0).all()
    assert plan.spend == 0
    assert plan.status == "optimal"


def test_no_cells_is_an_empty_plan() -> None:
    plan = allocate(cells().iloc[:0], 100)
    assert (len(plan.plan), plan.objective, plan.status) == (0, 0.0, "optimal")


def test_a_mix_floor_of_nothing_or_of_a_class_that_nobody_sells() -> None:
    ours = ("handset", "wireless_phone")
    only = cells().assign(device_class="handset")  # a province without wireless phones keeps its floor by handsets alone
    assert allocate(only, 1e6, mix_floor=(ours, 0.9)).status == "optimal"
    none = allocate(only.assign(device_class="netbook"), 1e6, mix_floor=(ours, 0.0))
    assert none.status == "optimal" and "mix floor" not in set(none.limits["limit"])
    never = allocate(only.assign(device_class="netbook"), 1e6, mix_floor=(ours, 0.1))
    assert never.status == "infeasible" and never.conflicts["limit"].tolist() == ["mix floor"]


def test_unknown_response_stays_at_todays_rate() -> None:
    plan = allocate(cells(beta=[np.nan, 1.0]), 60_000)
    assert plan.plan["rate"].iloc[0] == 0.5
    assert plan.plan["reason"].tolist() == ["response_unknown", ""]
    assert allocate(cells(beta=np.nan), 60_000).conflicts["limit"].tolist() == ["budget"]


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_a_response_that_is_not_positive_gets_nothing(beta: float) -> None:
    plan = allocate(cells(beta=beta), 1e6)
    assert plan.plan["rate"].tolist() == [0.0, 0.0]
    assert plan.plan["reason"].tolist() == ["response_not_positive"] * 2


def test_limits_are_kept_and_bind() -> None:
    caps = pd.DataFrame({"model": ["a", "b"], "cap_per_unit": [600.0, np.nan], "lifecycle_cap": [np.nan, 0.4], "past_subsidy": 0.0, "past_base": 0.0})
    plan = allocate(cells(), 1e6, caps=caps, mix_floor=(("handset",), 0.6))
    limits = plan.limits.set_index("limit")
    assert limits.loc["cap per unit of a", "used"] == 600.0
    assert plan.plan["rate"].iloc[1] <= 0.4
    assert limits.loc["lifecycle cap of b", "binding"]
    assert (limits["verdict"] == "pass").all()


def test_a_caps_price_is_what_a_yuan_more_gains() -> None:
    def with_cap(cap: float) -> allocation.Allocation:
        return allocate(cells(), 1e6, caps=pd.DataFrame({"model": ["a"], "cap_per_unit": [cap]}))

    price = with_cap(600).shadow_prices.set_index("limit").loc["cap per unit of a", "per_unit"]
    assert price == pytest.approx(with_cap(601).objective - with_cap(600).objective, rel=0.01)
    assert price == pytest.approx(100 * np.exp(0.2) * 2 / 1000, rel=1e-4)


def test_npv_is_net_of_the_spend() -> None:
    # a unit is worth 500 yuan before the subsidy: with demand e^{2r} the best subsidy is 0 (500 − 1000/2)
    plan = allocate(cells(value=500.0).head(1), 1e6, objective="npv")
    assert plan.plan["rate"].iloc[0] == 0.0
    assert plan.objective == pytest.approx(500 * 100 * np.exp(-1), rel=1e-6)
    rich = allocate(cells(value=900.0).head(1), 1e6, objective="npv", levels=[0.4, 0.5])
    assert rich.plan["rate"].iloc[0] == pytest.approx(0.4)  # 900 − 1000/2
    assert rich.objective == pytest.approx((900 - 400) * 100 * np.exp(-0.2), rel=1e-6)


def test_conflict_names_its_limits_and_is_irreducible() -> None:
    due = pd.DataFrame({"model": ["a"], "committed_units": [120.0]})
    caps = pd.DataFrame({"model": ["a", "b"], "cap_per_unit": [np.nan, 700.0]})
    call = {"cells": cells(), "budget": 50_000.0, "commitments": due, "caps": caps}
    failed = allocate(**call)
    assert failed.status == "infeasible"
    assert np.isnan(failed.plan["rate"]).all()
    why = failed.conflicts.set_index("limit")
    assert sorted(why.index) == ["budget", "commitment of a"]
    assert allocate(**call | {"budget": 1e6}).status == "optimal"
    assert allocate(**call | {"commitments": None}).status == "optimal"
    # either alone, given what it has to give and a little more, is enough; a little less is not
    for more, status in ((1.0001, "optimal"), (0.999, "infeasible")):
        assert allocate(**call | {"budget": 50_000 + why.loc["budget", "gives"] * more}).status == status
        less = due.assign(committed_units=120 - why.loc["commitment of a", "gives"] * more)
        assert allocate(**call | {"commitments": less}).status == status


def test_cap_against_commitment_and_a_second_conflict() -> None:
    due = pd.DataFrame({"model": ["a", "b"], "committed_units": [120.0, 1e6]})
    caps = pd.DataFrame({"model": ["a"], "cap_per_unit": [300.0]})
    why = allocate(cells(), 1e9, caps=caps, commitments=due).conflicts
    assert why.groupby("conflict")["limit"].apply(sorted).tolist() in (
        [["cap per unit of a", "commitment of a"], ["commitment of b"]],
        [["commitment of b"], ["cap per unit of a", "commitment of a"]],
    )
    cap = why.set_index("limit").loc["cap per unit of a"]
    # 120 units need 500 + ln(1.2) · 1000 / 2 = 591 yuan; the next level tried is 600
    assert cap["gives"] == pytest.approx(300.0)


def test_every_fault_is_listed_at_once() -> None:
    bad = pd.concat([cells(list_price=[0.0, -1.0]), cells(list_price=[np.nan, 2000.0])], ignore_index=True)
    with pytest.raises(DataError) as caught:
        allocate(
            bad, -1, caps=pd.DataFrame({"model": ["a", "a"], "cap_per_unit": [-5.0, 3.0]}), mix_floor=(("phone",), 2.0),
            commitments=pd.DataFrame({"model": ["ghost"], "committed_units": [1.0]}),
        )  # fmt: skip
    # frames' contents are looked at only once their columns and the settings are in order: settings first
    assert "budget is -1" in str(caught.value) and "share is 2.0" in str(caught.value)
    for said in ("list_price is not above zero", "is there twice", "cap_per_unit is below zero", "ghost", "phone is no device class"):
        assert said in str(caught.value)
    with pytest.raises(UsageError, match="objective"):
        allocate(cells(), 10, objective="profit")
    with pytest.raises(DataError, match="no column beta"):
        allocate(cells().drop(columns="beta"), 10)


def test_an_audit_that_fails_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = plan_module.solved

    def lying(problem, *rest):
        found = honest(problem, *rest)
        worst = np.zeros(len(found.x))
        worst[np.r_[np.flatnonzero(np.diff(problem.group)), len(worst) - 1]] = 1.0
        return replace(found, x=worst)

    monkeypatch.setattr(plan_module, "solved", lying)
    with pytest.raises(DataError, match="budget"):
        allocate(cells(), 1_000)


def test_the_audit_sees_a_fen() -> None:
    inputs = checked(cells().head(1), 50_000, None, None, None, None, [0.5], 0.9, "net_adds")
    offers = pd.DataFrame({"cell": [0], "subsidy": [500.0], "share": [1.0], "level_units": [100.0]})
    assert audited(inputs, offers)[0]["verdict"].tolist() == ["pass"] * 3
    assert audited(replace(inputs, budget=49_999.99), offers)[0]["verdict"].iloc[0] == "fail"
    assert audited(inputs, offers.assign(share=0.999999999))[0]["verdict"].tolist() == ["pass", "fail", "pass"]
    assert audited(inputs, offers.assign(level_units=101.0))[0]["verdict"].iloc[2] == "fail"


def test_row_order_and_currency_do_not_matter_and_input_stays() -> None:
    given_cells = cells()
    before = given_cells.copy()
    plan = allocate(given_cells, 40_000)
    pd.testing.assert_frame_equal(given_cells, before)
    turned = allocate(given_cells.iloc[::-1], 40_000)
    pd.testing.assert_frame_equal(turned.plan.sort_index(), plan.plan)
    dear = allocate(cells(list_price=[10_000.0, 20_000.0]), 400_000)
    assert dear.objective == pytest.approx(plan.objective, rel=1e-5)


def test_it_is_not_the_starting_point_and_says_how_far_from_the_bound() -> None:
    # today's budget on two cells of unlike response: more can be had for the same money
    plan = allocate(cells(beta=[4.0, 0.5]), 100_000)
    assert plan.today_spend == 100_000
    assert plan.objective > plan.today_objective + 1
    assert plan.bound >= plan.objective and plan.gap <= 1e-5


small = st.builds(
    lambda units, rate, beta, price, share: (
        pd.DataFrame({"model": list("abc")[: len(units)], "channel": "own", "contract": "plan", "device_class": ["handset", "netbook", "handset"][: len(units)],
                      "list_price": price[: len(units)], "units": units, "rate": rate[: len(units)], "beta": beta[: len(units)]}), share),
    st.lists(st.integers(1, 200).map(float), min_size=1, max_size=3),
    st.lists(st.sampled_from([0.1, 0.3, 0.5]), min_size=3, max_size=3),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 4.0]), min_size=3, max_size=3),
    st.lists(st.integers(100, 3000).map(float), min_size=3, max_size=3),
    st.floats(0, 1.5),
)  # fmt: skip
RATES = [0.3, 0.6]


def enumerated(frame: pd.DataFrame, budget: float, steps: pd.DataFrame | None, weights: list[float] | None = None) -> float:
    """The most that whole levels gain, by trying them all."""
    inputs = checked(frame, budget, None, None, None, steps, RATES, 0.9, "net_adds")
    problem = build(inputs)
    best = -1.0
    for levels in itertools.product(*(np.flatnonzero(problem.cell == i) for i in range(len(frame)))):
        at = list(levels)
        offers = pd.DataFrame({"cell": problem.cell[at], "subsidy": problem.subsidy[at], "share": 1.0, "level_units": problem.units[at]})
        if (audited(inputs, offers)[0]["verdict"] == "pass").all():
            best = max(best, problem.units[at].sum())
    return best


@given(small, st.booleans())
@settings(max_examples=30)
def test_never_worse_than_any_whole_plan_and_never_over(case: tuple[pd.DataFrame, float], stepped: bool) -> None:
    frame, share = case
    budget = round(share * float((frame["list_price"] * frame["rate"] * frame["units"]).sum()), 2)
    steps = pd.DataFrame({"model": "a", "from_units": [0.0, round(float(frame["units"].iloc[0]) * 1.1)], "supply_price": [100.0, 60.0]})
    steps = steps if stepped and steps["from_units"].iloc[1] > 0 else None
    plan = allocate(frame, budget, levels=RATES, vendor_prices=steps, tolerance=1e-6)
    best = enumerated(frame, budget, steps)
    assert plan.objective >= best * (1 - 1e-5)
    assert plan.bound >= best * (1 - 1e-9)
    assert plan.spend <= budget
    assert plan.gap <= 1e-4
    if len(frame) == 1 and plan.offers["share"].eq(1).all():
        assert plan.objective == pytest.approx(best, rel=1e-5)


@given(small, st.lists(st.floats(0, 1), min_size=12, max_size=12))
@settings(max_examples=30)
def test_never_worse_than_a_plan_drawn_at_random(case: tuple[pd.DataFrame, float], draws: list[float]) -> None:
    frame, _ = case
    inputs = checked(frame, 1e9, None, None, None, None, RATES, 0.9, "net_adds")
    problem = build(inputs)
    weight = np.resize(np.array(draws) + 1e-3, len(problem.cell))
    weight /= np.bincount(problem.cell, weight)[problem.cell]
    budget = float((weight * problem.units * problem.subsidy).sum())
    plan = allocate(frame, budget, levels=RATES)
    assert plan.objective >= (weight * problem.units).sum() * (1 - 1e-5)
    more = allocate(frame, budget * 1.1, levels=RATES)
    assert more.objective >= plan.objective * (1 - 1e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=1))
def test_the_bound_holds_at_any_prices(price: list[float]) -> None:
    plan = allocate(cells(), 40_000)
    problem = build(checked(cells(), 40_000, None, None, None, None, 19, 0.9, "net_adds"))
    assert upper_bound(problem, np.array(price) * 100) >= plan.objective


# ---- how far a cell's rate may move ---------------------------------------------------------------


def test_a_rate_keeps_to_its_own_bounds_with_money_to_spare_and_with_none() -> None:
    narrow = cells(rate_min=[0.4, 0.45], rate_max=[0.55, 0.5])
    rich, poor = allocate(narrow, 1e6), allocate(narrow, 1e6, objective="npv")
    assert rich.plan["rate"].tolist() == pytest.approx([0.55, 0.5])
    assert rich.plan["units"].tolist() == pytest.approx([100 * np.exp(2 * 0.05), 50])
    # a unit's worth is 1 yuan here, so every yuan spent is lost: as little as may be
    assert poor.plan["rate"].tolist() == pytest.approx([0.4, 0.45])


def test_the_least_that_the_bounds_ask_for_may_be_more_than_the_budget() -> None:
    bounded = cells(rate_min=[0.4, 0.45])
    least = 100 * np.exp(-0.2) * 400 + 50 * np.exp(-0.05) * 900
    assert allocate(bounded, least + 1).status == "optimal"
    short = allocate(bounded, least - 100)
    assert short.status == "infeasible"
    assert short.conflicts["limit"].tolist() == ["budget"]
    assert short.conflicts["gives"].iloc[0] == pytest.approx(100, abs=1)


def test_bounds_left_out_are_none_and_bounds_at_todays_rate_hold_it() -> None:
    free = allocate(cells(), 40_000)
    pd.testing.assert_frame_equal(allocate(cells(rate_min=0.0, rate_max=1.0), 40_000).plan, free.plan)
    held = allocate(cells(rate_min=0.5, rate_max=0.5), 1e6)
    assert held.plan["rate"].tolist() == [0.5, 0.5]
    assert held.objective == held.today_objective == 150


def test_a_cap_on_the_bound_side_and_the_highest_rate_still_hold() -> None:
    cap = pd.DataFrame({"model": ["a"], "cap_per_unit": [520.0]})
    assert allocate(cells(rate_max=[0.6, 0.6]), 1e6, cap).plan["rate"].tolist() == pytest.approx([0.52, 0.6])
    assert allocate(cells(rate_max=[0.8, 0.8]), 1e6, rate_max=0.7).plan["rate"].tolist() == pytest.approx([0.7, 0.7])
    # an unknown response stays at today's rate, whatever the bounds allow
    assert allocate(cells(beta=[np.nan, 1.0], rate_max=[0.9, 0.6]), 1e6).plan["rate"].tolist() == pytest.approx([0.5, 0.6])


@pytest.mark.parametrize("objective", ["net_adds", "npv"])
def test_a_cap_below_the_least_rate_is_kept_and_there_is_a_plan(objective: str) -> None:
    """A cap is a rule, how far a rate may move a choice: 300 yuan of 1000 hold against a least rate of 0.4."""
    bounded, cap = cells(rate_min=[0.4, 0.45], rate_max=[0.55, 0.5]), pd.DataFrame({"model": ["a"], "cap_per_unit": [300.0]})
    plan = allocate(bounded, 1e6, cap, objective=objective)
    assert plan.status == "optimal"
    # as little below its bounds as the cap asks for; the other model keeps to its own
    assert plan.plan["rate"].tolist() == pytest.approx([0.3, 0.5 if objective == "net_adds" else 0.45])
    assert plan.plan["units"].iloc[0] == pytest.approx(100 * np.exp(-0.4), rel=1e-6)
    limit = plan.limits.set_index("limit").loc["cap per unit of a"]
    assert (limit["used"], limit["bound"], limit["verdict"]) == (300, 300, "pass")
    assert plan.spend <= 1e6
    # a cap between the bounds leaves the lower one as it is, a cap of nothing leaves nothing
    above = allocate(bounded, 1e6, cap.assign(cap_per_unit=450.0), objective=objective).plan["rate"].iloc[0]
    assert above == pytest.approx(0.45 if objective == "net_adds" else 0.4)
    assert allocate(bounded, 1e6, cap.assign(cap_per_unit=0.0), objective=objective).plan["rate"].iloc[0] == 0


def test_a_response_that_is_not_positive_goes_to_the_least_allowed() -> None:
    plan = allocate(cells(beta=[0.0, -1.0], rate_min=[0.3, 0.35]), 1e6)
    assert plan.plan["rate"].tolist() == pytest.approx([0.3, 0.35])


@pytest.mark.parametrize(
    "bounds", [{"rate_min": [0.6, 0.0]}, {"rate_max": [0.4, 1.0]}, {"rate_min": [np.nan, 0.0]}, {"rate_max": [np.nan, 1.0]}]
)
def test_bounds_that_do_not_hold_todays_rate_are_a_fault(bounds: dict[str, list[float]]) -> None:
    with pytest.raises(DataError, match="rate_min to rate_max does not hold today's rate") as caught:
        allocate(cells(**bounds), 1e6)
    assert "cell a" in str(caught.value) and "cell b" not in str(caught.value)


@given(small, st.floats(0, 0.3), st.floats(0, 1.2))
@settings(max_examples=30)
def test_no_rate_leaves_its_bounds_nor_the_money_its_budget(case: tuple[pd.DataFrame, float], move: float, share: float) -> None:
    frame, _ = case
    bounded = frame.assign(rate_min=(frame["rate"] - move).clip(lower=0), rate_max=(frame["rate"] + move).clip(upper=0.9))
    money = float((frame["list_price"] * frame["rate"] * frame["units"]).sum())
    budget = money * share
    plan = allocate(bounded, budget, levels=7)
    if plan.status == "infeasible":
        assert share < 1
        return
    fen = 0.01 / frame["list_price"]
    assert ((plan.plan["rate"] - frame["rate"]).abs() <= move + fen).all()
    assert plan.spend <= budget
    if share >= 1:
        assert plan.objective >= plan.today_objective * (1 - 1e-6)

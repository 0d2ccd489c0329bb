"""Scenarios: chosen rates against the exact audit, moves that add up, what a plan breaks; the made-up province."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib import subsidy
from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy.allocation.audit import audited
from g3lib.measures.subsidy.allocation.cells import FEN, demand
from g3lib.measures.subsidy.allocation.evaluate import limited
from g3lib.tables.coverage import open_dataset

PROVINCE = "样例省（虚构）"


def cells(**known: object) -> pd.DataFrame:
    base = {"model": ["a", "a", "b"], "channel": ["own", "web", "own"], "contract": "plan", "branch": "", "device_class":
            ["handset", "handset", "netbook"], "list_price": [1000.0, 1000.0, 2000.0], "units": [100.0, 20.0, 50.0],
            "rate": [0.5, 0.4, 0.3], "beta": [2.0, 2.0, 1.0], "value": [0.8, 0.8, 0.5], "rate_min": [0.4, 0.3, 0.2],
            "rate_max": [0.6, 0.5, 0.4]}  # fmt: skip
    return pd.DataFrame(base | known)


LIMITS: dict[str, Any] = {
    "caps": pd.DataFrame({"model": ["a", "b"], "cap_per_unit": [550.0, np.nan], "lifecycle_cap": [np.nan, 0.32],
                          "past_subsidy": [0.0, 9000.0], "past_base": [0.0, 30_000.0]}),
    "mix_floor": (("handset",), 0.7),
    "commitments": pd.DataFrame({"model": ["a", "b"], "committed_units": [125.0, 49.0], "penalty_per_unit": [60.0, np.nan],
                                 "direction": "province_to_vendor"}),
    "vendor_prices": pd.DataFrame({"model": ["a", "a", "b", "b"], "from_units": [0, 118, 40, 1000],
                                   "supply_price": [900.0, 880.0, 1500.0, 1.0]}),
}  # fmt: skip


# ---- against the audit that proves an allocation --------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(0, 1e5), st.permutations([0, 1, 2]), st.booleans())
def test_every_line_is_what_the_exact_audit_finds(rates: list[float], budget: float, order: list[int], npv: bool) -> None:
    asked, chosen = cells().iloc[order].reset_index(drop=True), np.array(rates)
    inputs = subsidy.limited(asked, budget, **LIMITS, objective="npv" if npv else "net_adds")
    found = subsidy.evaluate(inputs, chosen)
    own = inputs.cells
    paid = np.rint(chosen[own["row"]] * own["list_price"] * FEN) / FEN
    offers = pd.DataFrame({"cell": [0, 1, 2], "subsidy": paid, "share": 1.0, "level_units": demand(own, paid.to_numpy())})
    exact, money = audited(inputs, offers)
    assert {name: getattr(found, name) for name in money} == pytest.approx(money, abs=1e-6)
    both = found.limits.merge(exact, on=["limit", "unit", "sense"], suffixes=("", "_exact"))
    assert len(both) == len(found.limits) - 1 == len(exact) - 2  # moves beyond the data here, shares and demand there
    for column in ("used", "bound", "slack"):
        assert both[column].tolist() == pytest.approx(both[f"{column}_exact"].tolist(), rel=1e-9, abs=1e-6)
    clear = both["slack_exact"].abs() > 1e-6
    assert both.loc[clear, "verdict"].tolist() == both.loc[clear, "verdict_exact"].tolist()
    worth = (offers["level_units"] * own["value"]).sum() - (money["spend"] if npv else 0.0)
    assert found.objective == pytest.approx(worth)
    # the plan is in the caller's order
    assert found.plan["model"].tolist() == asked["model"].tolist()
    assert found.plan["rate"].tolist() == pytest.approx(rates, abs=1e-5)


def test_the_best_plan_of_one_level_is_evaluated_as_it_was_audited() -> None:
    # lifecycle caps and promises aside, so that the best plan needs no mixture of levels
    best = subsidy.allocate(cells(), 90_000, levels=[0.4, 0.5], rate_max=0.6)
    single = best.plan[~best.offers["cell"].duplicated(keep=False).groupby(best.offers["cell"]).any().to_numpy()]
    found = subsidy.evaluate(subsidy.limited(cells(), 90_000, rate_max=0.6), best.plan["rate"]).plan.loc[single.index]
    assert len(single) >= 2
    assert found[["units", "spend"]].to_numpy() == pytest.approx(single[["units", "spend"]].to_numpy())


def test_todays_rates_keep_to_the_budget_that_they_would_spend() -> None:
    inputs = subsidy.limited(cells(), None, **LIMITS)
    found = subsidy.evaluate(inputs, cells()["rate"])
    assert found.limits.set_index("limit").loc["budget", "verdict"] == "pass"
    assert inputs.budget == subsidy.allocate(cells(), None, **LIMITS).budget
    tight = subsidy.evaluate(replace(inputs, budget=inputs.budget - 0.02), cells()["rate"])
    assert tight.limits.set_index("limit").loc["budget", "verdict"] == "fail"


def test_a_rate_beyond_what_the_data_vouch_for_is_a_warning() -> None:
    line = subsidy.evaluate(subsidy.limited(cells(), 1e6), [0.61, 0.5, 0.3]).limits.iloc[-1]
    assert (line["used"], line["verdict"]) == (1.0, "warning")


def test_nothing_to_sell_breaks_nothing() -> None:
    none = subsidy.evaluate(subsidy.limited(cells().iloc[:0], 0.0), [])
    assert (none.spend, none.objective, len(none.plan), set(none.limits["verdict"])) == (0.0, 0.0, 0, {"pass"})


@pytest.mark.parametrize("rates", [[0.5], [0.5, 0.5, 1.01], [0.5, np.nan, 0.5], [-0.1, 0.5, 0.5]])
def test_rates_that_are_none_are_refused(rates: list[float]) -> None:
    with pytest.raises(UsageError, match="fraction from 0 to 1"):
        subsidy.evaluate(subsidy.limited(cells(), 1.0), rates)


def test_faulty_limits_are_all_listed() -> None:
    strange = pd.DataFrame({"model": ["c"], "committed_units": 1.0})
    with pytest.raises(DataError, match=r"(?s)3 fault.*budget.*beta sells.*commitment of c"):
        subsidy.limited(cells(beta=[99.0, 2, 1]), -1.0, commitments=strange)


# ---- moves ----------------------------------------------------------------------------------------


def test_moves_of_a_class_a_contract_and_a_channel_add_up() -> None:
    moves = {"device_class": {"handset": 0.02}, "contract": {"plan": -0.01}, "channel": {"web": 0.03}}
    assert subsidy.moved(cells(), moves).tolist() == pytest.approx([0.51, 0.44, 0.29])
    assert subsidy.moved(cells(), {}).tolist() == cells()["rate"].tolist()


def test_a_rate_that_is_high_today_may_fall_but_not_rise() -> None:
    high = cells(rate=[0.95, 0.4, 0.3])
    assert subsidy.moved(high, {"device_class": {"handset": 0.02}}).tolist() == pytest.approx([0.95, 0.42, 0.3])
    assert subsidy.moved(high, {"device_class": {"handset": -0.02}}).tolist() == pytest.approx([0.93, 0.38, 0.3])


def test_every_fault_of_the_moves_is_listed() -> None:
    moves: Any = {"device_class": {"handset": "2 %", "phone": 0.1}, "colour": {"red": 1}, "channel": 0.02, "contract": {"plan": True}}
    with pytest.raises(UsageError) as error:
        subsidy.moved(cells(), moves)
    said = str(error.value)
    assert said.startswith("5 fault(s)")
    for word in ("'2 %'", "'phone'", "colour", "channel", "True"):
        assert word in said


# ---- the made-up province -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Any:
    return open_dataset(PROVINCE, "", ["sales.subsidy"])


@pytest.fixture(scope="module")
def ahead(data: Any) -> subsidy.Outlook:
    return subsidy.outlook(data)


def test_rates_that_do_not_move_change_nothing(ahead: subsidy.Outlook) -> None:
    before = ahead.cells.copy(deep=True)
    inputs = ahead.within()
    found, same = subsidy.scenario(ahead, inputs, {})
    assert (found.plan["units"] == found.plan["units_today"]).all()
    assert same.units == pytest.approx((same.units.today,) * 4)
    assert same.customers.value == pytest.approx(found.objective)
    assert found.spend <= inputs.budget + 1e-6
    pd.testing.assert_frame_equal(ahead.cells, before)


def test_breaches_of_rates_that_do_not_move_are_those_of_the_sales(ahead: subsidy.Outlook, data: Any) -> None:
    """Each part weighs what it sells next month: with those weights the sales of the window break as much."""
    recent = subsidy.on_offer(ahead.sales, ahead.lives, data.period.asof).assign(date=pd.Timestamp(data.period.following))
    checked = subsidy.check_policy(recent, ahead.policy, numerator="device", base="list", tolerance=ahead.tolerance)
    key = ["model", "channel", "contract", "branch"]
    next_units = ahead.cells.set_index(key)["units"].reindex(pd.MultiIndex.from_frame(recent[key])).to_numpy()
    weight = next_units / recent.groupby(key)["units"].transform("sum").to_numpy()
    expected = subsidy.breaches(recent.assign(units=recent["units"] * weight), checked.assign(over_yuan=checked["over_yuan"] * weight), [])
    found = subsidy.scenario(ahead, ahead.within(), {})[1].breaches
    assert found["over_units"].sum() == pytest.approx(expected["over_units"].iloc[0], rel=1e-6)
    assert found["over_yuan"].sum() == pytest.approx(expected["over_yuan"].iloc[0], rel=1e-3)
    assert found["over_units"].sum() > 0


def test_more_subsidy_sells_more_costs_more_breaks_more_and_pays_back_later(ahead: subsidy.Outlook) -> None:
    inputs = ahead.within()
    found, more = subsidy.scenario(ahead, inputs, {"device_class": {"handset": 0.05}})
    still, same = subsidy.scenario(ahead, inputs, {})
    assert found.spend > still.spend
    assert more.units.low > same.units.value
    assert more.units.low < more.units.value < more.units.high
    assert more.breaches["over_units"].sum() > same.breaches["over_units"].sum()
    npv = [one.returns.set_index("device_class")["npv"] for one in (more, same)]
    assert npv[0]["handset"] < npv[1]["handset"]
    assert npv[0]["netbook"] == npv[1]["netbook"]
    changed = found.plan["rate_change"].abs() > 1e-9
    own = (ahead.cells["device_class"] == "handset") & ahead.cells["beta"].notna()
    assert (changed == own).all()


def test_the_best_plan_is_weighed_by_the_same_sums(ahead: subsidy.Outlook) -> None:
    best = ahead.best(1_300_000, checks=0)
    found = subsidy.Scenario(ahead, best.plan)
    assert found.customers.value == pytest.approx(best.objective)
    assert found.customers.today == pytest.approx(best.today_objective)
    assert found.by_group["spend"].sum() == pytest.approx(best.subsidy)


def test_a_plan_is_of_the_list_price_whatever_the_rules_are_of(ahead: subsidy.Outlook, data: Any) -> None:
    other = subsidy.outlook(data, rate_base="contract")
    pd.testing.assert_series_equal(other.cells["beta"], ahead.cells["beta"])
    # a cap of so much of what the customer pays allows less than one of as much of the list price
    both = ahead.lives[["model", "allowed_of_list", "verdict"]].merge(other.lives[["model", "allowed_of_list"]], on="model", suffixes=("", "_contract"))
    known = both.dropna()
    assert len(known) and (known["allowed_of_list_contract"] < known["allowed_of_list"]).all()


def test_headroom_is_what_is_left_of_the_lifecycle_caps(ahead: subsidy.Outlook) -> None:
    tight = replace(ahead, caps=ahead.caps.assign(lifecycle_cap=0.5))
    held, meant = subsidy.scenario(tight, tight.within(), {"device_class": {"handset": 0.03}})
    slack = held.limits.set_index("limit")["slack"]
    base = (ahead.cells["list_price"] * held.plan["units"]).groupby(ahead.cells["model"]).sum()
    for model, room in meant.headroom.items():
        assert room * base[model] == pytest.approx(slack[f"lifecycle cap of {model}"], abs=1e-6)
    assert meant.headroom.min() < 0 < meant.headroom.max()
    assert subsidy.Scenario(replace(ahead, caps=ahead.caps.assign(lifecycle_cap=None)), held.plan).headroom.empty


def test_returns_at_their_own_subsidy_are_the_returns(ahead: subsidy.Outlook) -> None:
    plain = ahead.returns()
    own = dict(zip(plain["device_class"], plain["subsidy"], strict=True))
    pd.testing.assert_frame_equal(ahead.returns(own), plain)
    dearer = ahead.returns({name: value + 100 for name, value in own.items()})
    assert (dearer["npv"] < plain["npv"]).all()
    assert dearer["break_even"].tolist() == plain["break_even"].tolist()  # what pays back is no matter of what is paid


def test_nobody_decided_what_a_valid_customer_is(data: Any) -> None:
    """Without assumptions a unit is a sale, a return unknown, and nothing is refused."""

    class Undecided:
        def __getattr__(self, name: str) -> Any:
            return data.assumptions.iloc[:0] if name == "assumptions" else getattr(data, name)

    ahead = subsidy.outlook(Undecided())  # type: ignore[arg-type]
    _, same = subsidy.scenario(ahead, ahead.within(), {})
    assert same.customers == pytest.approx(same.units)
    assert set(same.returns["reason"]) == {"unknown"}


def test_terms_of_a_sale_that_does_not_say_its_base() -> None:
    sold = pd.DataFrame({"model": "m", "channel": "own", "contract": "plan", "branch": "b", "list_price": 1000.0, "units": [1, 1],
                         "subsidy": 300.0, "supply_price": [900.0, None], "date": pd.Timestamp("2013-12-01")})  # fmt: skip
    rules = pd.DataFrame({"rule": ["r"], "bound": ["le"], "rate": [0.3], "rate_status": ["known"], "valid_from": None, "valid_to": None})
    one = sold.iloc[:1][["model", "channel", "contract", "branch"]].assign(device_class="handset")
    terms = subsidy.policy_terms(sold, rules, one, date(2014, 1, 31), base="supply")
    plan = pd.DataFrame({"units": [8.0], "rate_change": [0.0]})
    found = subsidy.planned_breaches(terms, rules, plan, base="supply", tolerance=0.02)
    assert sorted(zip(found["verdict"], found["reason"], found["units"], strict=True)) == [("fail", "above_rate", 4.0), ("no verdict", "unknown", 4.0)]


@pytest.mark.parametrize("promises", [True, False])
def test_what_today_spends_depends_on_promises_alone(ahead: subsidy.Outlook, promises: bool) -> None:
    for cap, floor, lifecycle in ((0.0, 0.0, True), (300.0, 0.8, False)):
        other = ahead.limited_to(cap, floor, lifecycle, promises)
        anew = limited(other.market, None, other.caps, other.mix_floor, other.owed, other.prices, rate_max=other.rate_max)
        assert other.within().budget == anew.budget
        assert other.within(1.0).budget == 1.0
    assert (ahead.limited_to(keep_promises=promises).spent is None) == (not promises)

"""Payback: it stays paid back, it is censored, not missing; draws; the largest subsidy to the fen."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy.payback import (
    break_even_subsidy,
    cash_curve,
    monthly_rate,
    payback_month,
    returns,
    termination_receipts,
)


def yearly(monthly: float) -> float:
    return (1 + monthly) ** 12 - 1


@st.composite
def lives(draw: st.DrawFn, shortest: int = 1) -> tuple[list[float], list[float], list[float]]:
    """Survival, margin and refunds of 1 to 40 months."""
    hazards = draw(st.lists(st.floats(0, 1), min_size=shortest, max_size=40))
    horizon = len(hazards)
    money = st.lists(st.floats(0, 200), min_size=horizon, max_size=horizon)
    return np.cumprod(1 - np.array(hazards)).tolist(), draw(money), draw(money)


def test_ross_westerfield_jordan_discounted_payback() -> None:
    # Ross, Westerfield & Jordan, Fundamentals of Corporate Finance, table 9.3: $300 at 12.5 % bring $100 a year for
    # five years, accumulated $89, 168, 238, 301, 356 when discounted; ordinary payback 3 years, discounted payback 4
    at_rate, undiscounted = (cash_curve([1.0] * 5, 100.0, 0.0, 300.0, yearly(r)) for r in (0.125, 0.0))
    assert at_rate["discounted"].iloc[1:].round().tolist() == [89, 79, 70, 62, 55]
    assert at_rate["cumulative"].iloc[1:].round().tolist() == [89, 168, 238, 301, 356]
    assert payback_month(at_rate).month == 4
    assert payback_month(undiscounted).month == 3


@pytest.mark.parametrize(
    ("flows", "npv", "simple", "discounted"),
    [([500, 500, 5000], 2624, 3, 3), ([500, 1800, 0], -58, 2, None), ([1800, 500, 0], 50, 2, 2)],
)
def test_brealey_myers_allen_three_projects(flows: list[int], npv: int, simple: int, discounted: int | None) -> None:
    # Brealey, Myers & Allen, Principles of Corporate Finance, chapter 5: projects A, B and C of $2,000 at 10 %,
    # NPV +2,624, -58, +50; payback 3, 2, 2 years; discounted payback 3, never, 2
    curve = cash_curve([1.0] * 3, flows, 0.0, 2000.0, yearly(0.10))
    assert round(curve["balance"].iloc[-1]) == npv
    assert payback_month(cash_curve([1.0] * 3, flows, 0.0, 2000.0, 0.0)).month == simple
    found = payback_month(curve)
    assert (found.censored, found.horizon) == (discounted is None, 3)
    assert math.isnan(found.month) if discounted is None else found.month == discounted


def test_a_curve_by_hand() -> None:
    # 1 % a month; half stay in month 1, a quarter in month 2; a leaver of month 1 pays 40, of month 2 nothing
    curve = cash_curve([0.5, 0.25], [100.0, 100.0], [20.0], 50.0, yearly(0.01), receipts=[40.0, 0.0])
    assert curve["month"].tolist() == [0, 1, 2]
    assert curve[["margin", "refund", "receipt"]].values.tolist() == [[0, 0, 0], [50, 10, 20], [25, 0, 0]]
    assert curve["discounted"].tolist() == pytest.approx([0, 60 / 1.01, 25 / 1.01**2])
    assert curve["balance"].tolist() == pytest.approx([-50, 60 / 1.01 - 50, 60 / 1.01 + 25 / 1.01**2 - 50])
    assert payback_month(curve) == (1.0, False, 2)


def test_refunds_undo_a_payback_that_was_only_touched() -> None:
    touched = cash_curve([1.0] * 4, [60, 60, 10, 60], [0, 0, 40, 0], 100.0, 0.0)
    assert touched["balance"].tolist() == [-100, -40, 20, -10, 50]
    assert payback_month(touched) == (4.0, False, 4)
    found = payback_month(touched.iloc[:4])
    assert found.censored and math.isnan(found.month) and found.horizon == 3


def test_a_sum_of_floats_that_comes_to_the_cost_has_paid_it_back() -> None:
    assert sum([0.1] * 10) < 1.0
    assert payback_month(cash_curve([1.0] * 12, 0.1, 0.0, 1.0, 0.0)).month == 10


@pytest.mark.parametrize(
    ("survival", "margin", "refunds", "cost", "expected"),
    [
        ([1.0, 1.0], 0.0, 0.0, 5.0, (math.nan, True, 2)),  # no margin
        ([1.0, 1.0], -3.0, 0.0, 5.0, (math.nan, True, 2)),  # a margin below zero
        ([0.0, 0.0], 90.0, 0.0, 5.0, (math.nan, True, 2)),  # all churned in the first month
        ([1.0, 1.0], 0.0, 0.0, 0.0, (0.0, False, 2)),  # nothing to pay back
        ([1.0, 1.0], [1.0, 9.0], [2.0], 0.0, (2.0, False, 2)),  # cost 0, undone by a refund at first
        ([1.0, 1.0], math.nan, 0.0, 5.0, (math.nan, False, 2)),  # unknown margin: unknown, not censored
        ([1.0, 1.0], [9.0], 0.0, 5.0, (math.nan, False, 2)),  # margin not known to the horizon
        ([1.0, 1.0], 9.0, 0.0, math.nan, (math.nan, False, 2)),  # unknown cost
        ([], 9.0, 0.0, 5.0, (math.nan, True, 0)),  # no month at all
    ],
)
def test_the_awkward_ones_have_stated_results(survival, margin, refunds, cost, expected) -> None:
    found = payback_month(cash_curve(survival, margin, refunds, cost, 0.08))
    np.testing.assert_equal(tuple(found), expected)


def test_survival_that_rises_or_leaves_its_bounds_is_refused() -> None:
    for survival in ([0.5, 0.6], [1.1], [-0.1]):
        with pytest.raises(DataError, match="below 0, above 1 or rises"):
            cash_curve(survival, 1.0, 0.0, 1.0, 0.0)


def test_rates() -> None:
    assert (1 + monthly_rate(0.08)) ** 12 == pytest.approx(1.08)
    assert monthly_rate(-0.5) < 0
    assert math.isnan(monthly_rate(math.nan))
    with pytest.raises(UsageError, match="above -1"):
        monthly_rate(-1.0)


@given(lives(), st.floats(0, 3000), st.floats(0, 0.5), st.sampled_from([0.01, 7.0, 100.0, 1e4]))
def test_payback_is_the_first_month_of_the_last_stay_in_any_currency(life, cost, annual, currency) -> None:
    survival, margin, refunds = life
    curve = cash_curve(survival, margin, refunds, cost, annual)
    found = payback_month(curve)
    balance, slack = curve["balance"], 1e-6
    if not found.censored:
        assert (balance.iloc[int(found.month) :] >= -slack).all()
        assert found.month == 0 or balance.iloc[int(found.month) - 1] < 0
    else:
        assert balance.iloc[-1] < 0
    scaled = cash_curve(survival, np.array(margin) * currency, np.array(refunds) * currency, cost * currency, annual)
    # a balance that is zero but for rounding may fall to either side
    if balance.abs().min() > 1e-6:
        np.testing.assert_equal(tuple(payback_month(scaled)), tuple(found))


@given(lives(), st.floats(1, 3000), st.floats(0, 0.5))
def test_a_higher_cost_is_never_paid_back_earlier(life, cost, annual) -> None:
    low, high = (payback_month(cash_curve(*life, c, annual)) for c in (cost, cost * 1.5))
    assert high.censored or high.month >= low.month


def test_an_early_leaver_owes_the_rest_pro_rata() -> None:
    receipts = termination_receipts(720.0, 24, 0.5)
    assert receipts[[0, 11, 23]].tolist() == pytest.approx([345.0, 180.0, 0.0])
    # all leave in month 12: half of the discount is owed, half of that collected
    curve = cash_curve([1.0] * 11 + [0.0] * 25, 0.0, 0.0, 720.0, 0.0, receipts)
    assert curve["receipt"].sum() == pytest.approx(180.0)


def test_quantiles_know_the_censored_draws() -> None:
    # paybacks 2, 5, then eight beyond the horizon of 6 months
    margins = np.array([50.0, 20.0] + [1.0] * 8)
    found = returns(np.ones((10, 6)), margins, 0.0, 100.0, 0.0).set_index(["measure", "quantile"])
    assert found.loc[("payback", "p10"), ["value", "censored"]].tolist() == [2.0, False]
    assert found.loc[("payback", "p50"), "censored"] and math.isnan(found.loc[("payback", "p50"), "value"])
    assert found.loc[("payback", "p90"), ["horizon", "reason"]].tolist() == [6, ""]
    assert found.loc["npv", "value"].tolist() == [-94.0, -94.0, 20.0]
    assert found.loc["roi", "value"].tolist() == pytest.approx([-0.94, -0.94, 0.20])


def test_returns_of_one_draw_are_those_of_its_curve() -> None:
    survival, refunds, receipts = np.linspace(0.95, 0.3, 30), np.full(24, 12.5), termination_receipts(600.0, 24, 0.4)
    curve = cash_curve(survival, 50.0, refunds, 700.0, 0.08, receipts)
    found = returns(survival[None, :], np.array([50.0]), refunds, 700.0, 0.08, receipts).set_index(["measure", "quantile"])
    assert found.loc["npv", "value"].tolist() == pytest.approx([curve["balance"].iloc[-1]] * 3)
    assert found.loc[("payback", "p50"), "value"] == payback_month(curve).month < 30


def test_returns_without_a_cost_or_a_margin() -> None:
    free = returns(np.ones((3, 2)), np.ones(3), 0.0, 0.0, 0.0)
    assert free.loc[free["measure"] == "payback", "value"].tolist() == [0.0] * 3
    assert free.loc[free["measure"] == "roi", "reason"].tolist() == ["zero_cost"] * 3
    unknown = returns(np.ones((3, 2)), np.full(3, np.nan), 0.0, 5.0, 0.0)
    assert unknown["value"].isna().all() and not unknown["censored"].any() and set(unknown["reason"]) == {"unknown"}
    none = returns(np.ones((0, 2)), np.ones(0), 0.0, 5.0, 0.0)
    assert len(none) == 9 and set(none["reason"]) == {"unknown"}
    unseen = returns(np.ones((5, 0)), np.ones(5), 0.0, 5.0, 0.0)
    assert unseen.loc[unseen["measure"] == "payback", "censored"].all() and (unseen["horizon"] == 0).all()


@given(st.integers(0, 2**31), st.sampled_from([0.01, 7.0, 1e4]))
def test_roi_has_no_currency(seed: int, currency: float) -> None:
    rng = np.random.default_rng(seed)
    survival, margins = rng.uniform(0.5, 1.0, (40, 3)).cumprod(axis=1), rng.uniform(1, 60, (40, 3))
    one, other = (returns(survival, margins * c, 3.0 * c, 80.0 * c, 0.1).set_index("measure")["value"] for c in (1.0, currency))
    assert other["roi"].tolist() == pytest.approx(one["roi"].tolist())
    assert other["npv"].tolist() == pytest.approx((one["npv"] * currency).tolist())
    np.testing.assert_equal(other["payback"].tolist(), one["payback"].tolist())


def cases(survival, margin, refund, other: float, term: int, name: str = "handset") -> pd.DataFrame:
    frame = pd.DataFrame({"survival": survival, "margin": margin, "refund": refund, "other_cost": other, "term": term})
    return frame.assign(device_class=name, month=range(1, len(frame) + 1))


@given(lives(shortest=2), st.floats(0, 200), st.floats(0, 0.5), st.floats(0, 1), st.data())
def test_the_break_even_subsidy_pays_back_in_time_and_one_fen_more_does_not(life, other, annual, collected, data) -> None:
    term = data.draw(st.integers(1, len(life[0])))
    found = break_even_subsidy(cases(*life, other, term), annual, collected).iloc[0]

    def month(subsidy: float) -> float:
        return payback_month(
            cash_curve(*life, subsidy + other, annual, termination_receipts(subsidy, term, collected))
        ).month

    if found["reason"] == "never":
        assert not month(0.0) <= term
    else:
        assert round(found["subsidy"] * 100) / 100 == found["subsidy"] >= 0
        assert month(found["subsidy"]) <= term
        assert not month(found["subsidy"] + 0.01) <= term


@given(lives(shortest=2), st.floats(0, 0.5), st.data())
def test_collecting_from_leavers_never_lowers_the_break_even_subsidy(life, annual, data) -> None:
    case = cases(*life, 1.0, data.draw(st.integers(1, len(life[0]))))
    without, with_ = (break_even_subsidy(case, annual, c).iloc[0]["subsidy"] for c in (0.0, 0.8))
    assume(without == without)
    assert with_ >= without


def test_a_refund_after_the_term_lowers_the_break_even_subsidy() -> None:
    # 3 × 50 − 10 = 140 at the term's end; a refund of 80 in month 4 with 50 of margin leaves 110
    case = cases([1.0] * 4, [50.0] * 4, [0.0, 0.0, 0.0, 80.0], 10.0, 3)
    assert break_even_subsidy(case, 0.0).iloc[0].tolist() == ["handset", 3, 110.0, ""]
    assert break_even_subsidy(case.iloc[:3], 0.0)["subsidy"].tolist() == [140.0]


def test_break_even_with_receipts_by_hand() -> None:
    # half leave in month 1 of 2, each owing half of the discount, all collected: 0.25 s comes back
    case = cases([0.5, 0.5], [100.0, 100.0], [0.0, 0.0], 25.0, 2)
    assert break_even_subsidy(case, 0.0, 1.0)["subsidy"].tolist() == [100.0]  # (100 − 25) ÷ (1 − 0.25)
    assert break_even_subsidy(case, 0.0, 0.0)["subsidy"].tolist() == [75.0]


def test_break_even_by_class_in_any_row_order() -> None:
    every = pd.concat(
        [
            cases([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], 0.0, 2, "a: no margin, no cost"),
            cases([1.0, 1.0], [0.0, 0.0], [0.0, 0.0], 9.0, 2, "b: no margin"),
            cases([1.0, 1.0], [-5.0, -5.0], [0.0, 0.0], 0.0, 2, "c: negative margin"),
            cases([0.0, 0.0], [90.0, 90.0], [0.0, 0.0], 1.0, 2, "d: all churned"),
            cases([1.0, 1.0], [90.0, 90.0], [0.0, 0.0], 1.0, 3, "e: term beyond what is known"),
            cases([1.0, 1.0], [90.0, np.nan], [0.0, 0.0], 1.0, 2, "f: unknown margin"),
            cases([1.0, 1.0], [90.0, 90.0], [0.0, 0.0], 1.0, math.nan, "g: bare"),
        ]
    )
    found = break_even_subsidy(every, 0.08)
    assert found["reason"].tolist() == ["", "never", "never", "never", "short_horizon", "unknown", "no_term"]
    assert found["subsidy"].iloc[0] == 0.0 and found["subsidy"].iloc[1:].isna().all()
    pd.testing.assert_frame_equal(break_even_subsidy(every.iloc[::-1], 0.08), found)
    assert break_even_subsidy(every.iloc[:0], 0.08).columns.tolist() == ["device_class", "term", "subsidy", "reason"]


def test_a_class_with_a_missing_month_is_refused() -> None:
    with pytest.raises(DataError, match=r"handset has the months \[1, 3\]"):
        break_even_subsidy(cases([1.0] * 3, [1.0] * 3, [0.0] * 3, 1.0, 2).iloc[[0, 2]], 0.0)


def test_inputs_are_not_changed() -> None:
    survival, margins, case = np.array([[0.9, 0.8]]), np.array([5.0]), cases([0.9, 0.8], [5.0, 5.0], [1.0, 1.0], 1.0, 2)
    kept = survival.copy(), margins.copy(), case.copy()
    returns(survival, margins, 1.0, 5.0, 0.08)
    break_even_subsidy(case, 0.08, 0.5)
    assert (survival == kept[0]).all() and (margins == kept[1]).all()
    pd.testing.assert_frame_equal(case, kept[2])


def test_a_margin_that_changes_with_age_is_each_months_own() -> None:
    found = returns(np.ones((1, 3)), np.array([[10.0, 0.0, 5.0]]), 0.0, 12.0, 0.0).set_index(["measure", "quantile"])["value"]
    assert (found["npv", "p50"], found["payback", "p50"]) == (3.0, 3.0)

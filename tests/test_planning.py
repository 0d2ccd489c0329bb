"""From sales to a plan: the season, next month's cells and their limits, promises, what a plan changes; the made-up province."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from g3lib import subsidy
from g3lib.measures.subsidy.lifecycle import allowed_of_list
from g3lib.measures.subsidy.planning import caps, changes, gain, next_month, prices_on, promised, season
from g3lib.periods import Period
from g3lib.tables.dataset import Dataset

LAST = date(2013, 12, 31)
SETTINGS = {"numerator": "device", "base": "list"}
PROVINCE = "样例省（虚构）"


# ---- the season -----------------------------------------------------------------------------------


def sold_by_month(**units: float) -> pd.DataFrame:
    days = [pd.Timestamp(f"{month[1:5]}-{month[5:]}-17") for month in units]
    return pd.DataFrame({"date": days, "units": list(units.values())})


YEAR_AGO = {"m201210": 10.0, "m201211": 20.0, "m201212": 30.0, "m201301": 50.0}


def test_next_month_a_year_ago_over_the_window_a_year_ago() -> None:
    assert season(sold_by_month(**YEAR_AGO), LAST) == 50 / 20
    assert season(sold_by_month(**YEAR_AGO), LAST, months=1) == pytest.approx(50 / 30)
    # what sold this year says nothing of last year's season
    assert season(sold_by_month(**YEAR_AGO, m201312=9999.0), LAST) == 50 / 20


@pytest.mark.parametrize("gone", list(YEAR_AGO))
def test_a_month_of_last_year_that_is_unknown_leaves_no_season(gone: str) -> None:
    assert season(sold_by_month(**{month: units for month, units in YEAR_AGO.items() if month != gone}), LAST) == 1.0


def test_nothing_sold_last_year_is_no_season_and_a_dead_month_is_one() -> None:
    assert season(sold_by_month(**dict.fromkeys(YEAR_AGO, 0.0)), LAST) == 1.0
    assert season(sold_by_month(**YEAR_AGO | {"m201301": 0.0}), LAST) == 0.0
    assert season(sold_by_month().astype({"date": "datetime64[us]"}), LAST) == 1.0


@given(st.lists(st.integers(1, 500), min_size=4, max_size=4), st.integers(2, 9))
def test_the_season_is_free_of_scale_and_order(units: list[int], times: int) -> None:
    sales = sold_by_month(**dict(zip(YEAR_AGO, map(float, units), strict=True)))
    assert season(sales.assign(units=sales["units"] * times)[::-1], LAST) == pytest.approx(season(sales, LAST))


# ---- next month's cells ---------------------------------------------------------------------------


def sale(**known: object) -> dict[str, object]:
    plain = {"date": pd.Timestamp("2013-12-05"), "branch": "b", "channel": "own", "contract": "plan", "device_class": "handset",
             "model": "a", "units": 1, "list_price": 1000.0, "subsidy": 400.0}  # fmt: skip
    return plain | known


def cells_of(*rows: dict[str, object], lives: dict[str, list] | None = None, beta: float = 2.0, states: list[str] | None = None,
             asof: date = LAST, **limits: float):  # fmt: skip
    sales = pd.DataFrame(list(rows))
    response = pd.DataFrame({"device_class": ["handset"], "beta": [beta]})
    known = {"launched": pd.NaT} | (lives or {"model": ["a"], "ended": [False], "allowed_of_list": [np.nan]})
    state = pd.DataFrame({"units": sales["units"], "state": states or "young"}, index=sales.index)
    return next_month(sales, response, state, pd.DataFrame(known), asof, **limits)


def test_a_cell_by_hand() -> None:
    # three calendar months, 9 units: 3 a month; 1000 × 3 and 2000 × 6 of list, 400 × 3 + 500 × 6 of subsidy
    found = cells_of(sale(units=3), sale(units=6, list_price=2000.0, subsidy=500.0, date=pd.Timestamp("2013-10-01")))
    (cell,) = found.to_dict("records")
    assert [cell[name] for name in ("model", "channel", "contract", "branch", "device_class")] == ["a", "own", "plan", "b", "handset"]
    assert (cell["units"], cell["beta"], cell["value"]) == (3, 2, 1)
    assert cell["list_price"] == pytest.approx(15_000 / 9)
    assert cell["rate"] == pytest.approx(4200 / 15_000)
    assert (cell["rate_min"], cell["rate_max"]) == (pytest.approx(0.18), pytest.approx(0.38))


def test_last_years_season_moves_the_pace() -> None:
    ago = [sale(date=pd.Timestamp(day), units=units) for day, units in
           (("2012-10-09", 10), ("2012-11-09", 20), ("2012-12-09", 30), ("2013-01-09", 50))]  # fmt: skip
    assert cells_of(*ago, sale(units=6))["units"].tolist() == [6 / 3 * 2.5]


def lived(*launched: str | None) -> dict[str, list]:
    """Models a, b, …, launched on these days, no cap known."""
    n = len(launched)
    return {"model": list("abcdef")[:n], "ended": [False] * n, "allowed_of_list": [np.nan] * n, "launched": [pd.Timestamp(day) if day else pd.NaT for day in launched]}


def test_a_model_launched_inside_the_window_has_had_fewer_months_to_sell() -> None:
    def pace(*launched: str | None) -> list[float]:
        return cells_of(*[sale(model=model, units=6) for model in "abcdef"[: len(launched)]], lives=lived(*launched))["units"].tolist()

    # 6 units: over November and December, over December alone, over all three months
    assert pace("2013-11-01", "2013-12-01", "2013-10-01") == [3, 6, 2]
    # one that was there before the window, or of which nobody knows since when, has had all of it
    assert pace("2013-09-30", "2009-01-01", None) == [2, 2, 2]
    assert cells_of(sale(units=6))["units"].tolist() == [2]


def test_a_month_of_which_ten_days_are_known_counts_for_ten_days() -> None:
    asof = date(2013, 12, 10)
    kept = [sale(units=50, date=pd.Timestamp("2013-10-01")), sale(units=20, date=pd.Timestamp("2013-12-10"))]
    out = [sale(units=999, date=pd.Timestamp("2013-12-11")), sale(units=999, date=pd.Timestamp("2013-09-30"))]
    found = cells_of(*kept, *out, asof=asof)["units"].tolist()
    assert found == [pytest.approx(70 / (2 + 10 / 31))]
    # launched on the first of the month that is not over: 20 in ten days are 62 in 31
    assert cells_of(kept[1], lives=lived("2013-12-01"), asof=asof)["units"].tolist() == [pytest.approx(62)]
    # on the last day of a month, a leap February's included, the month counts whole
    assert cells_of(sale(units=6, date=pd.Timestamp("2012-02-29")), asof=date(2012, 2, 29))["units"].tolist() == [2]


def test_what_lies_outside_the_window_or_is_not_known_is_in_no_cell() -> None:
    kept = sale(units=3)
    out = [
        sale(date=pd.Timestamp("2013-09-30")),  # before the window
        sale(date=pd.Timestamp("2014-01-01")),  # after what is known
        sale(subsidy=np.nan), sale(list_price=0.0), sale(list_price=np.nan), sale(model=None),
    ]  # fmt: skip
    pd.testing.assert_frame_equal(cells_of(kept, *out), cells_of(kept))
    returned = sale(units=-1, channel="end")
    assert cells_of(kept, returned)["channel"].tolist() == ["own"]  # more came back than were sold


def test_a_model_whose_life_has_ended_is_not_sold() -> None:
    lives = {"model": ["a", "old"], "ended": [False, True], "allowed_of_list": [np.nan, np.nan]}
    assert cells_of(sale(), sale(model="old"), lives=lives)["model"].tolist() == ["a"]
    assert cells_of(sale(model="old"), lives=lives).empty


def test_bare_sales_and_classes_without_a_response_stay_where_they_are() -> None:
    found = cells_of(sale(), sale(contract="bare", subsidy=0.0), sale(model="n", device_class="netbook")).set_index(["model", "contract"])
    assert found["beta"].to_dict() == {("a", "plan"): 2, ("a", "bare"): pytest.approx(np.nan, nan_ok=True), ("n", "plan"): pytest.approx(np.nan, nan_ok=True)}
    plan = subsidy.allocate(found.reset_index(), 1e6).plan.set_index(["model", "contract"])
    assert plan["rate"].round(9).to_dict() == {("a", "bare"): 0, ("a", "plan"): pytest.approx(0.5), ("n", "plan"): 0.4}


@pytest.mark.parametrize(
    ("rate", "move", "highest", "bounds"),
    [
        (0.40, 0.10, 0.90, (0.30, 0.50)),
        (0.05, 0.10, 0.90, (0.0, 0.15)),  # no rate below none
        (0.85, 0.10, 0.90, (0.75, 0.90)),  # nor above the highest
        (0.95, 0.10, 0.90, (0.85, 0.95)),  # but today's may stay
        (1.20, 0.10, 0.90, (0.90, 1.00)),  # more than the list price is the list price
        (0.40, 0.00, 0.90, (0.40, 0.40)),
    ],
)
def test_how_far_a_rate_may_move(rate: float, move: float, highest: float, bounds: tuple[float, float]) -> None:
    found = cells_of(sale(subsidy=1000 * rate), max_move=move, rate_max=highest).iloc[0]
    assert (found["rate_min"], found["rate_max"]) == (pytest.approx(bounds[0]), pytest.approx(bounds[1]))
    assert found["rate_min"] <= found["rate"] <= found["rate_max"]


@pytest.mark.parametrize(("allowed", "least"), [(0.2, 0.2), (0.35, 0.3), (-0.3, 0.0), (0.0, 0.0), (np.nan, 0.3)])
def test_the_lifecycle_cap_may_ask_for_more_than_the_move_and_never_for_less(allowed: float, least: float) -> None:
    found = cells_of(sale(), lives={"model": ["a"], "ended": [False], "allowed_of_list": [allowed]}).iloc[0]
    assert found["rate_min"] == pytest.approx(least)
    assert found["rate_max"] == pytest.approx(0.5)


def test_a_unit_is_worth_its_share_of_valid_customers_where_thirty_are_known() -> None:
    def value(n: int, *more: dict[str, object], states: list[str] | None = None) -> dict[str, float]:
        # n of the plan, a quarter of them valid; 90 of the tariff, all valid
        rows = [*[sale()] * n, *[sale(contract="tariff")] * 90, *more]
        known = ["valid" if i % 4 == 0 else "split" for i in range(n)] + ["valid"] * 90 + (states or [])
        return cells_of(*rows, states=known).set_index("contract")["value"].to_dict()

    assert value(32) == {"plan": 0.25, "tariff": 1}
    assert value(28) == {"plan": (7 + 90) / 118, "tariff": 1}  # the class's share
    young = value(32, *[sale()] * 9, states=["young"] * 5 + ["unknown"] * 4)
    assert young["plan"] == 0.25  # the too young and the unknown are in no share
    assert cells_of(sale(), states=["young"])["value"].tolist() == [1]  # nobody followed yet
    assert cells_of(*[sale()] * 40, states=["idle"] * 40)["value"].tolist() == [0]  # all lost is known, and is nothing


def test_no_sales_make_no_cells_and_input_stays() -> None:
    sales = pd.DataFrame([sale(), sale(contract="bare")])
    before = sales.copy()
    found = cells_of(*sales.to_dict("records"))
    empty = next_month(sales[:0], pd.DataFrame({"device_class": ["handset"], "beta": [2.0]}), pd.DataFrame({"units": [], "state": []}),
                       pd.DataFrame({"model": ["a"], "ended": [False], "allowed_of_list": [0.5], "launched": [pd.NaT]}), LAST)  # fmt: skip
    assert empty.empty and empty.columns.tolist() == found.columns.tolist()
    assert subsidy.allocate(empty, None).budget == 0
    pd.testing.assert_frame_equal(sales, before)


def test_row_order_and_currency_do_not_matter() -> None:
    rows = [sale(units=3), sale(units=2, channel="end", subsidy=300.0), sale(model="z", units=5)]
    found = cells_of(*rows)
    pd.testing.assert_frame_equal(cells_of(*rows[::-1]), found)
    fen = cells_of(*[row | {"list_price": 1e5, "subsidy": row["subsidy"] * 100} for row in rows])  # type: ignore[operator]
    pd.testing.assert_frame_equal(fen.assign(list_price=fen["list_price"] / 100), found)


def spend_today(cells: pd.DataFrame, prices: pd.DataFrame | None = None) -> float:
    """The budget that is today's money; a plan of it costs no more."""
    plan = subsidy.allocate(cells, None, vendor_prices=prices, checks=0)
    assert plan.spend <= plan.budget and 0 <= plan.budget - plan.today_spend < 0.01 + 1e-9
    return plan.today_spend


def test_what_todays_rates_would_spend() -> None:
    found = cells_of(sale(units=3), sale(units=6, channel="end", subsidy=100.0))
    assert spend_today(found) == pytest.approx((3 * 400 + 6 * 100) / 3, abs=0.05)  # to the fen a device


def test_todays_money_pays_the_penalty_that_today_would_cost() -> None:
    short = pd.DataFrame({"model": ["a"], "committed_units": [110.0], "penalty_per_unit": [25.0]})
    plan = subsidy.allocate(stepped(), None, commitments=short)
    assert plan.budget == pytest.approx(75_000 + 10 * 25)
    assert plan.objective == pytest.approx(plan.today_objective)  # beta is the same everywhere: nothing better to do


def test_the_price_list_of_the_planned_month_is_the_latest_that_has_begun() -> None:
    days = pd.to_datetime(["2013-01-01", "2014-01-01", "2014-06-01"])
    lists = pd.concat([STEPS.assign(valid_from=day, supply_price=STEPS["supply_price"] - i) for i, day in enumerate(days)])
    lists = pd.concat([lists, STEPS.assign(model="b", valid_from=pd.NaT)], ignore_index=True)
    found = prices_on(lists, "2014-05-31")
    assert found.loc[found["model"] == "a", "supply_price"].tolist() == [799.0, 749.0, 699.0]
    assert found.loc[found["model"] == "b", "supply_price"].tolist() == [800.0, 750.0, 700.0]
    assert prices_on(lists, "2012-12-31")["model"].unique().tolist() == ["b"]
    assert spend_today(stepped(), found) == pytest.approx(spend_today(stepped(), found[found["model"] == "a"]))


STEPS = pd.DataFrame({"model": "a", "from_units": [0, 100, 200], "supply_price": [800.0, 750.0, 700.0]})


def stepped(**units: float) -> pd.DataFrame:
    """Two cells of a and one of b at half of 1000 yuan."""
    sold = {"a_own": 60.0, "a_end": 40.0, "b_own": 50.0} | units
    return pd.DataFrame({"model": [name[0] for name in sold], "channel": [name[2:] for name in sold], "contract": "plan", "device_class": "handset",
                         "list_price": 1000.0, "rate": 0.5, "beta": 2.0, "units": list(sold.values())})  # fmt: skip


@pytest.mark.parametrize(
    ("units", "rebate"),
    [
        ({}, 100 * 50),  # 60 + 40 just reach the first step: all units are cheaper
        ({"a_own": 59.0}, 0),
        ({"a_own": 160.0}, 200 * 100),  # the last step's price, not both rebates
        ({"a_own": 260.0}, 300 * 100),
        ({"a_own": 0.0, "a_end": 0.0, "b_own": 900.0}, 0),  # another model's units reach no step
    ],
)
def test_what_todays_rates_would_spend_is_less_the_rebate_of_the_step_reached(units: dict[str, float], rebate: float) -> None:
    cells = stepped(**units)
    spend = cells["units"].sum() * 500
    assert spend_today(cells) == pytest.approx(spend)
    assert spend_today(cells, STEPS) == pytest.approx(spend - rebate)
    assert spend_today(cells[::-1], STEPS[::-1]) == pytest.approx(spend - rebate)
    assert subsidy.allocate(cells, 1e7, vendor_prices=STEPS, checks=0).today_spend == pytest.approx(spend - rebate)


def test_prices_of_another_model_or_none_give_no_rebate_and_each_model_has_its_own() -> None:
    cells = stepped()
    for none in (STEPS.assign(model="z"), STEPS[:0], None):
        assert spend_today(cells, none) == pytest.approx(75_000)
    of_b = pd.DataFrame({"model": "b", "from_units": [0, 50], "supply_price": [400.0, 390.0]})
    assert spend_today(cells, pd.concat([STEPS, of_b], ignore_index=True)) == pytest.approx(75_000 - 5_000 - 500)


# ---- limits and promises --------------------------------------------------------------------------


def test_the_smaller_cap_holds_and_none_is_none() -> None:
    lives = pd.DataFrame({"model": list("abc"), "allowed_of_list": [0.4, -0.2, np.nan]})
    found = caps(lives, pd.Series({"a": 300.0, "b": 900.0}), 500.0).set_index("model")
    assert found["cap_per_unit"].to_dict() == {"a": 300, "b": 500, "c": 500}
    assert found["lifecycle_cap"].fillna(-1).to_dict() == {"a": 0.4, "b": 0, "c": -1}
    assert (found[["past_subsidy", "past_base"]] == 0).all(axis=None)
    free = caps(lives, keep_lifecycle=False)
    assert free[["cap_per_unit", "lifecycle_cap"]].isna().all(axis=None)
    assert caps(lives, pd.Series({"a": 300.0})).set_index("model")["cap_per_unit"].fillna(-1).to_dict() == {"a": 300, "b": -1, "c": -1}


def test_a_lifecycle_cap_below_zero_allows_no_subsidy() -> None:
    found = cells_of(sale(units=30), lives=(lives := {"model": ["a"], "ended": [False], "allowed_of_list": [-0.2]}))
    plan = subsidy.allocate(found, 1e6, caps(pd.DataFrame(lives)))
    assert (plan.status, plan.plan["rate"].iloc[0], plan.spend) == ("optimal", 0, 0)


STATUS = pd.DataFrame({
    "model": ["a", "a", "a", "b", "c", "d", "elsewhere"], "direction": ["province_to_vendor"] * 6 + ["province_to_vendor"],
    "phase": ["running", "running", "ended", "running", "running", "running", "running"],
    "ends": pd.to_datetime(["2014-02-28", "2014-01-31", "2013-11-30", "2014-03-15", "2013-12-31", "2014-06-30", "2014-06-30"]),
    "starts": pd.Timestamp("2013-01-01"), "counted": "sell_through",
    "committed": [300.0, 50.0, 1e6, 90.0, 10.0, 100.0, 5.0], "sell_through": [100.0, 20.0, 0.0, 120.0, 4.0, np.nan, 0.0],
})  # fmt: skip
PROMISES = pd.DataFrame({"penalty_per_unit": [10.0, 25.0, 99.0, 7.0, np.nan, 8.0, 9.0]})


def test_what_is_still_owed_is_spread_over_the_months_left() -> None:
    found = promised(STATUS, PROMISES, LAST, ["a", "b", "c", "d"]).set_index("model")
    # a: 200 over two months, which also serve the 30 over one; b sold more than it promised; c ended with the year
    assert found["committed_units"].to_dict() == {"a": 100, "b": 0}
    assert found["penalty_per_unit"].to_dict() == {"a": 10, "b": 7}  # of the promise that asks most
    assert set(found["direction"]) == {"province_to_vendor"}


def test_a_promise_is_asked_of_the_months_that_it_covers() -> None:
    mid = pd.Timestamp("2013-02-19")
    status = pd.DataFrame({
        "model": ["ends", "starts", "runs", "later"], "direction": "province_to_vendor", "counted": "sell_through",
        "starts": pd.to_datetime(["2013-01-01", "2013-03-10", "2013-02-01", "2013-04-01"]),
        "ends": pd.to_datetime(["2013-02-28", "2013-06-30", "2013-03-31", "2013-06-30"]),
        "committed": [100.0, 400.0, 100.0, 90.0], "sell_through": [50.0, 0.0, 38.0, 0.0]})  # fmt: skip
    found = promised(status, pd.DataFrame({"penalty_per_unit": [1.0, 2, np.nan, 4]}), mid.date(), list(status["model"])).set_index("model")
    # 38 in 19 days are 56 by the end of February
    assert found["committed_units"].to_dict() == {"runs": pytest.approx(44), "starts": 100}
    assert np.isnan(found.loc["runs", "penalty_per_unit"])  # a penalty that nobody knows: it must be met


def test_a_promise_that_must_be_met_is_not_hidden_behind_a_larger_one_with_a_penalty() -> None:
    two = pd.DataFrame({"model": "a", "direction": "province_to_vendor", "counted": "sell_through", "starts": pd.Timestamp("2013-12-01"),
                        "ends": pd.Timestamp("2014-01-31"), "committed": [300.0, 100.0], "sell_through": 0.0})  # fmt: skip
    for order in ([0, 1], [1, 0]):
        (found,) = promised(two.iloc[order], pd.DataFrame({"penalty_per_unit": [50.0, np.nan]}), LAST, ["a"]).to_dict("records")
        assert found["committed_units"] == 100 and np.isnan(found["penalty_per_unit"])


def test_vendors_promises_other_models_and_unknown_sales_ask_nothing() -> None:
    assert "d" not in set(promised(STATUS, PROMISES, LAST, ["a", "d"])["model"])  # nobody knows what is owed: not 0
    assert promised(STATUS.assign(direction="vendor_to_province"), PROMISES, LAST, ["a"]).empty
    assert promised(STATUS, PROMISES, LAST, []).empty
    none = promised(STATUS[:0], PROMISES[:0], LAST, ["a"])
    assert none.columns.tolist() == ["model", "committed_units", "penalty_per_unit", "direction"]
    assert subsidy.allocate(cells_of(sale()), 1e6, commitments=none).status == "optimal"


# ---- what a plan gains ----------------------------------------------------------------------------


def learnt(beta: list[float], df: list[float], *influence: dict[str, float]) -> pd.DataFrame:
    return pd.DataFrame({"device_class": ["handset", "netbook"][: len(beta)], "beta": beta, "df": df, "influence": list(influence)})


def moved(*by: float, value: float = 1.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A plan that moves cells of 100 units at 0.5 by so much, handset and netbook in turn, beta 2; and its cells."""
    cells = pd.DataFrame({"device_class": ["handset", "netbook"][: len(by)], "value": value})
    units = [100 * np.exp(2 * one) for one in by]
    plan = pd.DataFrame({"rate_today": 0.5, "rate": [0.5 + one for one in by], "units_today": 100.0, "units": units,
                         "gain_today": value * 100, "gain_planned": [value * n for n in units]})  # fmt: skip
    return plan, cells


def test_a_gain_and_its_interval_by_hand() -> None:
    """100 e^0.2 = 122.14: 22.14 more. A beta 0.1 off moves it by 0.1 × 0.1 × 122.14 = 1.2214; t(0.975; 9) = 2.262157."""
    found = gain(*moved(0.1), learnt([2.0], [9.0], {"b": 0.1}))
    assert found == pytest.approx((22.14028, 22.14028 - 2.76301, 22.14028 + 2.76301), abs=1e-4)
    # half the units become valid customers: half of everything; less confidence: t(0.9; 9) = 1.383029
    assert gain(*moved(0.1, value=0.5), learnt([2.0], [9.0], {"b": 0.1})) == pytest.approx(tuple(one / 2 for one in found))
    assert gain(*moved(0.1), learnt([2.0], [9.0], {"b": 0.1}), 0.8)[1] == pytest.approx(22.14028 - 1.383029 * 1.221403, abs=1e-4)


def test_two_clusters_add_by_their_squares_and_one_cluster_of_two_classes_as_it_is() -> None:
    t = 2.262157  # of the fewer degrees of freedom, 9
    plan, cells = moved(0.1, -0.1)
    up, down = 10 * np.exp(0.2), -10 * np.exp(-0.2)
    apart = gain(plan, cells, learnt([2.0, 2.0], [9.0, 30.0], {"b": 0.1, "c": 0.2}, {"d": 0.3}))
    assert apart[2] - apart[0] == pytest.approx(t * np.sqrt((0.1 * up) ** 2 + (0.2 * up) ** 2 + (0.3 * down) ** 2), rel=1e-6)
    shared = gain(plan, cells, learnt([2.0, 2.0], [30.0, 9.0], {"b": 0.1}, {"b": 0.3}))
    assert shared[2] - shared[0] == pytest.approx(t * abs(0.1 * up + 0.3 * down), rel=1e-6)
    assert shared[0] == apart[0] == pytest.approx(100 * (np.exp(0.2) + np.exp(-0.2) - 2))


def test_a_plan_that_moves_nothing_gains_nothing_for_sure() -> None:
    assert gain(*moved(0.0), learnt([2.0], [9.0], {"b": 0.1})) == (0, 0, 0)


def test_without_a_response_the_gain_has_no_interval() -> None:
    plan, cells = moved(0.1)
    for none in (learnt([np.nan], [np.nan], {}), learnt([], [])):
        value, *ends = gain(plan, cells, none)
        assert value == pytest.approx(22.14028, abs=1e-4)
        assert np.isnan(ends).all()


def test_a_class_without_a_response_stays_and_adds_nothing_to_the_interval() -> None:
    known = gain(*moved(0.1), learnt([2.0], [9.0], {"b": 0.1}))
    assert gain(*moved(0.1, 0.0), learnt([2.0, np.nan], [9.0, np.nan], {"b": 0.1}, {})) == pytest.approx(known)


# ---- what a plan changes --------------------------------------------------------------------------


MANY = [sale(model=m, channel=c, branch=b, units=units, subsidy=s) for (m, c, b, units, s) in
        (("a", "own", "x", 30, 400.0), ("a", "end", "y", 60, 300.0), ("z", "own", "y", 90, 200.0))]  # fmt: skip


def planned(budget: float | None = None, **more: object) -> tuple[subsidy.Allocation, pd.DataFrame]:
    cells = cells_of(*MANY)
    return subsidy.allocate(cells, spend_today(cells) if budget is None else budget, **more), cells


@pytest.mark.parametrize("by", [["branch"], ["channel", "device_class"], ["model"], ["device_class"]])
def test_changes_add_up_to_the_plan(by: list[str]) -> None:
    plan, cells = planned()
    found = changes(plan.plan, cells, by)
    assert found["spend"].sum() == pytest.approx(plan.subsidy)
    assert found["spend_today"].sum() == pytest.approx(plan.today_spend)
    assert found["gain_planned"].sum() == pytest.approx(plan.objective)
    assert found["gain_today"].sum() == pytest.approx(plan.today_objective)
    assert (found["gain"] - (found["gain_planned"] - found["gain_today"])).abs().max() < 1e-9
    assert found["units_planned"].sum() == pytest.approx(plan.plan["units"].sum())
    moved = (found["spend"] - found["spend_today"]).abs()
    assert moved.is_monotonic_decreasing
    assert not found.duplicated(by).any()


def test_a_rate_is_a_ratio_of_sums() -> None:
    plan, cells = planned()
    found = changes(plan.plan, cells, ["branch"]).set_index("branch")
    assert found.loc["y", "rate_today"] == pytest.approx((60 * 300 + 90 * 200) / (150 * 1000))
    mine = plan.plan[plan.plan["branch"] == "y"]
    assert found.loc["y", "rate"] == pytest.approx(mine["spend"].sum() / (mine["units"].sum() * 1000))


def test_the_order_of_cells_does_not_matter_and_ties_keep_the_groups_order() -> None:
    plan, cells = planned()
    pd.testing.assert_frame_equal(changes(plan.plan[::-1], cells[::-1], ["branch"]), changes(plan.plan, cells, ["branch"]))
    same = plan.plan.assign(spend=plan.plan["spend_today"])
    assert changes(same, cells, ["branch"])["branch"].tolist() == ["x", "y"]


def test_a_group_that_sells_nothing_has_no_rate() -> None:
    plan, cells = planned()
    nothing = plan.plan.assign(units_today=0.0, units=0.0, spend=0.0, spend_today=0.0)
    assert changes(nothing, cells, ["branch"])[["rate_today", "rate"]].isna().all(axis=None)


def test_where_there_is_no_plan_its_side_is_unknown_and_not_nothing() -> None:
    plan, cells = planned(1.0, commitments=pd.DataFrame({"model": ["a"], "committed_units": [31.0]}))
    assert plan.status == "infeasible"
    found = changes(plan.plan, cells, ["branch"])
    assert found[["spend", "units_planned", "gain", "gain_planned", "rate"]].isna().all(axis=None)
    assert found["spend_today"].sum() == pytest.approx(plan.today_spend)


# ---- the made-up province -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def province(store) -> SimpleNamespace:
    data = Dataset(store, PROVINCE, Period.parse("2013-12"))
    asof = data.period.asof
    decided = subsidy.decided(data.assumptions, asof)
    sales = subsidy.with_models(data.sales, data.models)
    states = subsidy.customer_states(sales, data.activity, asof, decided["m"], decided["k"])
    response = subsidy.response(subsidy.panel(sales, **SETTINGS))
    rest = subsidy.run_on_plan(sales, data.models, asof, **SETTINGS)
    lives = subsidy.lifecycle(sales, data.models, subsidy.caps_by_model(sales, data.policy), asof, rest, **SETTINGS)
    lives["allowed_of_list"] = allowed_of_list(lives, rest, "list")
    status = subsidy.commitment_status(sales, data.stock, data.commitments, asof)
    cells = next_month(sales, response, states, lives, asof)
    owed = promised(status, data.commitments, asof, cells["model"].unique())
    return SimpleNamespace(cells=cells, lives=lives, owed=owed, sales=sales, response=response, states=states, asof=asof)


def test_the_province_gains_at_equal_money_within_every_limit(province: SimpleNamespace) -> None:
    cells, money = province.cells, spend_today(province.cells)
    plan = subsidy.allocate(cells, money, caps(province.lives), (["handset", "wireless_phone"], 0.0), province.owed, checks=0)
    assert plan.status == "optimal"
    assert plan.spend <= money
    assert plan.objective > plan.today_objective * 1.03
    fen = 0.01 / cells["list_price"]  # a subsidy is a whole number of fen
    assert (plan.plan["rate_change"].abs() <= 0.10 + fen).all()
    assert (plan.plan["rate"] <= np.maximum(0.9, cells["rate"]) + fen).all()
    fixed = cells["beta"].isna()
    assert fixed.any() and plan.plan.loc[fixed, "rate_change"].abs().max() < 1e-9
    assert set(cells.loc[cells["contract"] == "bare", "beta"].isna()) == {True}


@pytest.mark.parametrize(("share", "move"), [(0.85, 0.10), (1.1, 0.05)])
def test_another_budget_or_move_is_kept_to(province: SimpleNamespace, share: float, move: float) -> None:
    cells = next_month(province.sales, province.response, province.states, province.lives, province.asof, max_move=move)
    money = spend_today(cells) * share
    plan = subsidy.allocate(cells, money, checks=0)
    assert plan.status == "optimal"
    assert plan.spend <= money
    assert (plan.plan["rate_change"].abs() <= move + 0.01 / cells["list_price"]).all()

    def shifted(by: float) -> tuple[float, float]:
        """Spend and gain of every movable rate moved alike."""
        rate = (cells["rate"] + by).clip(cells["rate_min"], cells["rate_max"]).where(cells["beta"].notna(), cells["rate"])
        units = cells["units"] * np.exp((cells["beta"] * (rate - cells["rate"])).fillna(0.0))
        return float((rate * cells["list_price"] * units).sum()), float((cells["value"] * units).sum())

    alike = [shifted(by) for by in np.linspace(-move, move, 41)]
    best = max(gain for spend, gain in alike if spend <= money)
    assert plan.objective > best


def test_the_provinces_cells_are_what_the_allocation_asks_for(province: SimpleNamespace) -> None:
    cells = province.cells
    assert len(cells) > 1000 and not cells.duplicated(["model", "channel", "contract", "branch"]).any()
    assert cells["rate"].between(cells["rate_min"], cells["rate_max"]).all()
    assert cells["value"].between(0, 1).all()
    ended = province.lives.loc[province.lives["ended"], "model"]
    assert len(ended) and not cells["model"].isin(ended).any()


# ---- a cap on another base ------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["list", "contract", "supply"])
@given(cap=st.floats(0.1, 0.9), sold=st.floats(0.05, 0.95), planned=st.floats(0.05, 0.95), many=st.integers(1, 50))
def test_a_month_at_the_rate_still_allowed_brings_the_life_exactly_to_its_cap(base: str, cap: float, sold: float, planned: float, many: int) -> None:
    def sales(units: int, rate: float) -> pd.DataFrame:
        paid = 1000 * (1 - rate)  # the customer pays what is not subsidised
        return pd.DataFrame({"model": ["m"], "units": [units], "subsidy": [1000 * rate], "list_price": [1000.0], "paid": [paid], "prepaid": [0.0], "supply_price": [800.0]})

    def plan(on: str) -> pd.DataFrame:
        found = subsidy.subsidy_rate(sales(many, planned), ["model"], numerator="device", base=on)
        return found.rename(columns={"base_yuan": "planned_base", "rate": "planned_rate"})[["model", "planned_base", "planned_rate"]]

    models = pd.DataFrame({"model": ["m"], "end_of_life": [pd.Timestamp("2014-12-31")], "launched": [pd.NaT]})
    lives = subsidy.lifecycle(sales(10, sold), models, pd.Series({"m": cap}), LAST, plan(base), numerator="device", base=base)
    rate = float(allowed_of_list(lives, plan("list"), base).iloc[0])
    assume(0 <= rate < 1)  # a device that costs less than nothing has no price
    whole = subsidy.subsidy_rate(pd.concat([sales(10, sold), sales(many, rate)]), numerator="device", base=base)
    assert whole["subsidy_yuan"].iloc[0] == pytest.approx(cap * whole["base_yuan"].iloc[0], rel=1e-9, abs=1e-6)


def test_a_cap_on_the_contract_price_may_be_kept_by_paying_less_though_r_star_is_below_zero() -> None:
    # as less is paid for the model the price rises: (10,000 + 11,291) of (4,000 + 31,486) is 60 %
    sales = pd.DataFrame({"model": ["m"], "units": [1], "subsidy": [10_000.0], "paid": [4_000.0], "prepaid": [0.0]})
    models = pd.DataFrame({"model": ["m"], "end_of_life": [pd.Timestamp("2013-12-31")], "launched": [pd.NaT]})
    plan = pd.DataFrame({"model": ["m"], "planned_base": [12_222.0], "planned_rate": [30_556 / 12_222]})

    def judged(cap: float) -> pd.Series:
        caps = pd.Series({"m": cap})
        return subsidy.lifecycle(sales, models, caps, date(2013, 6, 30), plan, numerator="device", base="contract").iloc[0]

    found = judged(0.6)
    assert found["allowed_rate"] < 0 and found["verdict"] == "warning"
    of_list = allowed_of_list(pd.DataFrame([found]), pd.DataFrame({"model": ["m"], "planned_base": [42_778.0]}), "contract")
    assert float(of_list.iloc[0]) * 42_778 == pytest.approx(11_291, abs=1)
    assert judged(0.2)["verdict"] == "fail"  # with nothing paid any more, 10,000 of 46,778 are above it

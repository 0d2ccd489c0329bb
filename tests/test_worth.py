"""What a customer cost and returns: cohorts that are ripe, net adds by hand, denominators, two customers followed to the fen."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.measures.subsidy import cost_layers, cost_per, worth
from g3lib.measures.subsidy.incremental import caused
from g3lib.measures.subsidy.worth import customer_costs, denominators, mature, net_adds, returns_by_class, without_boxes

SETTINGS = {"numerator": "device", "base": "list"}


# ---- which cohorts, and how many customers more ---------------------------------------------------


def test_the_last_cohorts_that_have_reached_their_third_month() -> None:
    states = pd.DataFrame({"month": ["2012-11", "2012-12", "2013-01", "2013-02", "2013-02"], "age": [6, 5, 4, 2, 2]}, index=list("edcba"))
    assert mature(states, months=2).tolist() == [False, True, True, False, False]
    assert mature(states, months=9).tolist() == [True, True, True, False, False]
    assert mature(states).index.tolist() == list("edcba")
    assert mature(states.assign(age=2)).tolist() == [False] * 5
    assert mature(states[:0]).empty


def seen(*rows: tuple[str, str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer", "month", "state"])
    return table.assign(month=pd.to_datetime(table["month"]))


# December: a, b, c (c suspended, still a customer; b in two branches, one customer). January: a, b gone, c. February: a, c, d, e.
STOCK = seen(
    ("a", "2012-12-01", "active"), ("b", "2012-12-01", "active"), ("b", "2012-12-01", "cross_branch"), ("c", "2012-12-01", "suspended"),
    ("a", "2013-01-01", "active"), ("b", "2013-01-01", "cancelled"), ("c", "2013-01-01", "split"),
    ("a", "2013-02-01", "active"), ("c", "2013-02-01", "active"), ("d", "2013-02-01", "active"), ("e", "2013-02-01", "active"),
)  # fmt: skip


def test_net_adds_by_hand() -> None:
    assert net_adds(STOCK, "2013-01", "2013-01") == 2 - 3
    assert net_adds(STOCK, "2013-02", "2013-02") == 4 - 2
    assert net_adds(STOCK, "2013-01", "2013-02") == 4 - 3


def test_net_adds_of_consecutive_months_add_up_and_row_order_does_not_matter() -> None:
    parts = [net_adds(STOCK, month, month) for month in ("2013-01", "2013-02")]
    assert sum(parts) == net_adds(STOCK, "2013-01", "2013-02")
    assert [net_adds(STOCK[::-1], month, month) for month in ("2013-01", "2013-02")] == parts


def test_a_stock_that_the_table_does_not_show_is_unknown_not_zero() -> None:
    assert np.isnan(net_adds(STOCK, "2012-12", "2013-01"))  # no November
    assert np.isnan(net_adds(STOCK, "2013-01", "2013-03"))  # no March
    assert np.isnan(net_adds(STOCK[:0], "2013-01", "2013-01"))
    without_january = STOCK[STOCK["month"] != pd.Timestamp("2013-01-01")]
    assert np.isnan(net_adds(without_january, "2013-02", "2013-02"))  # a hole inside the table
    assert np.isnan(net_adds(without_january, "2013-01", "2013-02"))


def test_rows_that_just_end_are_not_a_loss() -> None:
    assert net_adds(seen(("a", "2012-12-01", "active"), ("b", "2013-01-01", "active")), "2013-01", "2013-01") == 1


def test_everybody_lost_is_a_known_stock_of_none() -> None:
    gone = seen(("a", "2012-12-01", "active"), ("a", "2013-01-01", "cancelled"))
    assert net_adds(gone, "2013-01", "2013-01") == -1


# ---- denominators ---------------------------------------------------------------------------------


CAUSED = pd.DataFrame({"incremental": [12.0], "se": [3.0], "df": [9.0]})


def states_of(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"units": list(counts.values()), "state": list(counts)})


def test_valid_customers_are_the_share_of_those_followed_with_its_error() -> None:
    # 60 of the 80 followed are valid: 0.75 of 100 is 75; only the 20 others and the share they are given vary
    found = denominators(states_of(valid=60, split=15, low_use=5, unknown=15, young=5), CAUSED, 33.0).set_index("name")
    assert found["value"].to_dict() == {"sale": 100, "net_add": 33, "valid": pytest.approx(75), "incremental": 12}
    assert found.loc["valid", "se"] == pytest.approx(20 * np.sqrt(0.75 * 0.25 / 80 + 0.75 * 0.25 / 20))
    assert found.loc["incremental", ["se", "df"]].tolist() == [3, 9]
    assert found.loc[["sale", "net_add"], "se"].isna().all()


def test_a_full_count_has_no_error_and_nobody_followed_no_figure() -> None:
    full = denominators(states_of(valid=3, idle=1), CAUSED, 0.0).set_index("name")
    assert (full.loc["valid", "value"], np.isnan(full.loc["valid", "se"])) == (3, True)
    for states in (states_of(unknown=4), states_of(young=4), states_of()):
        assert np.isnan(denominators(states, CAUSED, 0.0).set_index("name").loc["valid", "value"])


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_never_more_valid_customers_than_units(valid: int, lost: int, unknown: int) -> None:
    found = denominators(states_of(valid=valid, split=lost, unknown=unknown), CAUSED, 0.0).set_index("name")["value"]
    assert np.isnan(found["valid"]) == (valid + lost == 0)
    assert not found["valid"] > found["sale"] * (1 + 1e-12)
    assert not found["valid"] < valid * (1 - 1e-12)


# ---- the costs of one, side by side ---------------------------------------------------------------


SOLD = pd.DataFrame({
    "date": pd.Timestamp("2013-01-15"), "branch": "b", "channel": "own", "contract": "plan", "customer_type": "new",
    "device_class": "handset", "model": "m", "units": [1, 1, 1, 1], "subsidy": [300.0, 500, 700, 500], "list_price": 1000.0,
})  # fmt: skip
AFTER = pd.DataFrame({"month": "2013-01", "age": 3, "units": 1, "state": ["valid", "valid", "split", "cancelled"]}, index=SOLD.index)
BETA = pd.DataFrame({"device_class": ["handset"], "beta": [2.0], "df": [9.0], "influence": [{"b": 0.1}]})
FOUND = caused(SOLD, BETA, **SETTINGS)


def test_one_sum_of_subsidy_over_four_denominators() -> None:
    costs = customer_costs(SOLD, AFTER, FOUND, STOCK, **SETTINGS).set_index("name")
    assert costs.index.tolist() == ["sale", "net_add", "valid", "incremental"]
    assert costs.loc["sale", "value"] == 500
    assert costs.loc["valid", ["value", "low", "high"]].tolist() == [1000, 1000, 1000]
    assert np.isnan(costs.loc["net_add", "value"])  # one customer fewer that month
    assert costs.loc["net_add", "reason"] == "fewer_customers"
    # Σ (1 − exp(−2r)) of the rates 0.3, 0.5, 0.7 and 0.5
    extra = sum(1 - np.exp(-2 * r) for r in (0.3, 0.5, 0.7, 0.5))
    assert costs.loc["incremental", "value"] == pytest.approx(2000 / extra)
    assert costs.loc["incremental", "low"] < 2000 / extra < costs.loc["incremental", "high"]


def test_the_net_adds_are_those_of_the_sales_months() -> None:
    later = AFTER.assign(month="2013-02")
    assert customer_costs(SOLD, later, FOUND, STOCK, **SETTINGS).set_index("name").loc["net_add", "value"] == 2000 / 2


def test_a_sale_whose_subsidy_is_unknown_makes_the_cost_unknown() -> None:
    for sold, setting in ((SOLD.assign(subsidy=[300.0, None, 700, 500]), SETTINGS), (SOLD, {"numerator": "", "base": "list"})):
        costs = customer_costs(sold, AFTER, FOUND, STOCK, **setting)
        assert costs["value"].isna().all()
        assert set(costs["reason"]) <= {"unknown", "fewer_customers"}
        assert costs.set_index("name").loc["sale", "reason"] == "unknown"


def test_no_sale_has_no_cost() -> None:
    none = caused(SOLD[:0], BETA, **SETTINGS)
    assert (len(none), none["reason"].iloc[0], np.isnan(none["incremental"].iloc[0])) == (1, "unknown", True)
    costs = customer_costs(SOLD[:0], AFTER[:0], none, STOCK, **SETTINGS)
    assert costs["name"].tolist() == ["sale", "net_add", "valid", "incremental"]
    assert costs["value"].isna().all()


def test_the_currency_and_the_order_of_rows_do_not_matter() -> None:
    costs = customer_costs(SOLD, AFTER, FOUND, STOCK, **SETTINGS)
    turned = customer_costs(SOLD[::-1], AFTER[::-1], FOUND, STOCK[::-1], **SETTINGS)
    pd.testing.assert_frame_equal(costs, turned)
    fen = customer_costs(SOLD.assign(subsidy=SOLD["subsidy"] * 100, list_price=1e5), AFTER, FOUND, STOCK, **SETTINGS)
    pd.testing.assert_series_equal(fen["value"], costs["value"] * 100)


# ---- with and without the suspected boxes ---------------------------------------------------------


def test_boxes_taken_out_leave_the_cost_of_the_rest() -> None:
    found = without_boxes(SOLD, AFTER, pd.Series([False, False, True, False])).set_index("boxes")
    assert found.loc["with"].tolist() == [4, 2000, 2, 1000]
    assert found.loc["without"].tolist() == [3, 1300, 2, 650]


def test_nothing_flagged_changes_nothing_and_everything_flagged_leaves_no_cost() -> None:
    none, every = (without_boxes(SOLD, AFTER, pd.Series(flag, index=SOLD.index)) for flag in (False, True))
    assert none.iloc[0, 1:].tolist() == none.iloc[1, 1:].tolist()
    assert every.iloc[1, 1:3].tolist() == [0, 0] and np.isnan(every.loc[1, "cost_per_valid"])


def test_an_unknown_subsidy_is_no_cheap_customer() -> None:
    """A sale of unknown subsidy makes the sum unknown, and so the cost of a customer, never lower."""
    assert np.isnan(without_boxes(SOLD.assign(subsidy=np.nan), AFTER, pd.Series(False, index=SOLD.index))["cost_per_valid"]).all()
    one = without_boxes(SOLD.assign(subsidy=[300.0, np.nan, 700, 500]), AFTER, pd.Series([False, True, False, False]))
    assert np.isnan(one.loc[0, "cost_per_valid"])
    assert one.loc[1, "cost_per_valid"] == 1500


# ---- what a class returns -------------------------------------------------------------------------


LAST = date(2013, 6, 30)
TWO = pd.DataFrame({
    "date": pd.Timestamp("2013-01-10"), "branch": "b", "channel": "own", "outlet": "o", "model": "m", "device_class": "handset",
    "contract": "plan", "units": 1, "customer": ["x", "y"], "device": ["dx", "dy"], "term_months": 4.0, "list_price": 1000.0,
    "subsidy": [100.0, 140.0], "refund_total": 0.0,
})  # fmt: skip
RATES = {"margin": 0.5, "annual_rate": 0.0, "collection_rate": 0.0, "draws": 200}


def followed(revenue: float = 100.0, left: int | None = None, months: int = 6, who: str = "xy") -> pd.DataFrame:
    """Customer-months from January on; in month `left` after the sale everybody is cancelled, and then unseen."""
    rows = [
        (customer, month, revenue, "cancelled" if age == left else "active", "voluntary" if age == left else None)
        for customer in who
        for age, month in enumerate(pd.date_range("2013-01-01", periods=months, freq="MS"))
        if left is None or age <= left
    ]
    table = pd.DataFrame(rows, columns=["customer", "month", "revenue", "state", "reason"])
    return table.assign(branch="b", days_on_3g=20.0, device_matched=True)


def layers_of(discount: float = 120.0, commission: float = 30.0, refund: float = 0.0, name: str = "handset") -> pd.DataFrame:
    parts = {"device_discount": discount, "commission": commission, "refund_free_marginal": refund, "refund_data_marginal": 0.0}
    return pd.DataFrame({"device_class": name, "contract": "plan", "part": list(parts), "yuan": [2 * v for v in parts.values()], "units": 2})


def one_row(sales: pd.DataFrame = TWO, activity: pd.DataFrame | None = None, layers: pd.DataFrame | None = None, **settings: float) -> pd.Series:
    activity = followed() if activity is None else activity
    found = returns_by_class(sales, activity, layers_of() if layers is None else layers, LAST, **RATES | settings)
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def survival_as_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn is what was seen."""
    drawn = worth._profiles

    def as_seen(*args: object) -> tuple[int, np.ndarray, np.ndarray]:
        customers, survival, earned = drawn(*args)  # type: ignore[arg-type]
        return customers, np.tile(survival[:1], (len(survival), 1)), np.tile(earned[:1], (len(earned), 1))

    monkeypatch.setattr(worth, "_profiles", as_seen)


@pytest.mark.usefixtures("survival_as_seen")
def test_two_customers_by_hand() -> None:
    """x stays, y leaves in the second of five months: 50, 25, 25, 25, 25 yuan a customer sold, against 120 + 30."""
    one_left = pd.concat([followed(who="x"), followed(who="y", left=2)], ignore_index=True)
    row = one_row(activity=one_left)
    assert row[["term", "subsidy", "cost", "list_price", "margin", "survival", "horizon"]].tolist() == [4, 120, 150, 1000, 50, 0.5, 5]
    assert row[["payback_p10", "payback", "payback_p90"]].tolist() == [5, 5, 5]
    assert row[["npv", "roi"]].tolist() == [0, 0]
    assert (row["break_even"], row["break_even_rate"]) == (125 - 30, 0.095)
    assert (row["reason"], row["break_even_reason"], row["censored"]) == ("", "", False)
    # half of what y owes is collected: half of two months of four of 120 is 30, of one in two 15
    collected = one_row(activity=one_left, collection_rate=0.5)
    assert collected[["payback", "npv"]].tolist() == [5, 15]
    assert collected["roi"] == pytest.approx(0.1)
    assert collected["break_even"] == 108.57  # 95 ÷ (1 − ½ · ½ · ½), rounded down to the fen
    # 40 yuan of refunds are 10 a month in service, in the term only: 10 + 5 + 5 + 5
    refunded = one_row(activity=one_left, layers=layers_of(refund=40.0))
    assert (refunded["break_even"], refunded["npv"], refunded["censored"]) == (125 - 25 - 30, -25, True)
    assert np.isnan(refunded["payback"])


@pytest.mark.usefixtures("survival_as_seen")
def test_two_customers_who_stay_pay_back_in_the_third_month_and_keep_it() -> None:
    row = one_row()
    assert row[["payback", "npv", "survival", "break_even", "break_even_rate"]].tolist() == [3, 100, 1, 170, 0.17]


def test_one_who_stays_and_one_who_leaves_make_wide_draws() -> None:
    row = one_row(activity=pd.concat([followed(who="x"), followed(who="y", left=2)], ignore_index=True))
    assert row["customers"] == 2
    assert row["npv_p10"] == pytest.approx(50 - 150) and row["npv_p90"] == pytest.approx(5 * 50 - 150)
    assert row["payback_p10"] == 3 and np.isnan(row["payback_p90"])
    assert row["roi"] == pytest.approx(row["npv"] / 150)


def test_many_customers_who_stay_pay_back_when_the_sum_says() -> None:
    many = TWO.loc[np.repeat(0, 2000)].reset_index(drop=True).assign(customer=[f"c{i}" for i in range(2000)])
    row = one_row(many, followed(who=tuple(many["customer"])), draws=50)  # type: ignore[arg-type]
    assert row[["payback_p10", "payback", "payback_p90"]].tolist() == [3, 3, 3]
    assert row["npv"] == pytest.approx(5 * 50 - 150)
    assert not row["censored"]


def test_refunds_are_spread_over_the_term_and_interest_lowers_all() -> None:
    plain, less, dear = one_row(), one_row(layers=layers_of(refund=40.0)), one_row(annual_rate=0.2)
    assert less["break_even"] == plain["break_even"] - 40  # 10 a month, four months, all survive
    assert dear["npv"] < plain["npv"] and dear["break_even"] < plain["break_even"]
    i = 1.2 ** (1 / 12) - 1
    assert dear["break_even"] == pytest.approx(50 * sum((1 + i) ** -u for u in range(1, 5)) - 30, abs=0.01)


def test_a_discount_half_cost_and_half_revenue_is_still_its_yuan_a_device() -> None:
    """Two bookings are two lines of the layers; the device cost its discount once."""
    none = pd.DataFrame({"contract": ["plan"], "free_share": [1.0], "data_share": [0.0]})
    outlets = pd.DataFrame({"outlet": ["o"], "commission_rate": [0.03]})

    def layers(*booking: str | None) -> pd.DataFrame:
        return cost_layers(TWO.assign(booking=booking), none, outlets, marginal_cost=0.5, by=["device_class", "contract"])

    split, whole = layers("cost", "revenue"), layers("cost", "cost")
    assert len(split[split["part"] == "device_discount"]) == 2
    for table in (split, whole, layers("cost", None)):
        row = one_row(layers=table)
        assert (row["subsidy"], row["cost"], row["reason"]) == (120, 150, "")
    pd.testing.assert_series_equal(one_row(layers=split), one_row(layers=whole))


def test_everybody_lost_in_the_first_month() -> None:
    row = one_row(activity=followed(left=1))
    assert (row["horizon"], row["censored"], row["reason"]) == (1, True, "")
    assert np.isnan(row["payback"]) and np.isnan(row["survival"])
    assert row["npv"] < 0
    assert np.isnan(row["break_even"]) and row["break_even_reason"] == "short_horizon"


def test_everybody_lost_at_the_end_of_the_term() -> None:
    row = one_row(activity=followed(left=4))
    assert (row["horizon"], row["survival"]) == (4, 0)
    assert row["break_even"] == 3 * 50 - 30  # served in the months 1 to 3
    # what leavers owe in the month of leaving is nothing at the term's end, whatever is collected
    assert one_row(activity=followed(left=4), collection_rate=1.0)["break_even"] == row["break_even"]
    early = [one_row(activity=followed(left=3), collection_rate=rate)["horizon"] for rate in (0.0, 1.0)]
    assert early == [3, 3]


def test_one_customer() -> None:
    row = one_row(TWO[:1], followed(who="x"))
    assert (row["margin"], row["survival"], row["break_even"]) == (50, 1, 170)
    assert row["payback_p10"] <= row["payback"] or row["censored"]


@pytest.mark.parametrize(
    ("settings", "activity", "layers"),
    [
        ({"margin": np.nan}, None, None),
        ({"annual_rate": np.nan}, None, None),
        ({"collection_rate": np.nan}, None, None),
        ({}, followed(revenue=np.nan), None),
        ({}, None, layers_of(discount=np.nan)),
        ({}, None, layers_of(commission=np.nan)),
        ({}, None, layers_of(refund=np.nan)),
        ({}, None, layers_of(name="netbook")),
    ],
    ids=["margin", "rate", "collection", "revenue", "discount", "commission", "refund", "no layers"],
)
def test_an_unknown_part_is_unknown_and_neither_zero_nor_censored(settings, activity, layers) -> None:
    row = one_row(activity=activity, layers=layers, **settings)
    assert (row["reason"], row["censored"], row["horizon"]) == ("unknown", False, 0)
    assert row[["payback_p10", "payback", "payback_p90", "npv_p10", "npv", "npv_p90", "roi", "break_even", "break_even_rate"]].isna().all()
    assert row["term"] == 4


def test_no_sale_no_term_nobody_followed() -> None:
    empty = returns_by_class(TWO[:0], followed(), layers_of(), LAST, **RATES)
    assert empty.empty and "break_even_rate" in empty
    bare = returns_by_class(TWO.assign(contract="bare"), followed(), layers_of(), LAST, **RATES)
    assert bare.empty and bare.columns.tolist() == empty.columns.tolist()
    assert one_row(TWO.assign(term_months=np.nan))["reason"] == "no_term"
    assert one_row(activity=followed()[:0])["reason"] == "not_followed"
    # seen in the month of the sale alone: at risk in no month that counts
    assert one_row(activity=followed(months=1))["reason"] == "not_followed"


def test_payback_beyond_what_was_followed_is_censored_and_says_how_far() -> None:
    row = one_row(layers=layers_of(discount=5000.0))
    assert np.isnan(row[["payback_p10", "payback", "payback_p90"]].astype(float)).all()
    assert (row["censored"], row["horizon"], row["reason"]) == (True, 5, "")
    assert row["npv_p90"] < 0 and row["roi_p90"] < 0
    assert row["break_even"] == 170  # what could have been paid does not depend on what was


def test_the_commonest_term_and_each_class_by_itself() -> None:
    three = pd.concat([TWO, TWO[:1].assign(customer="z", device="dz", device_class="netbook", term_months=2.0)], ignore_index=True)
    activity = pd.concat([followed(), followed(who="z", revenue=20.0)], ignore_index=True)
    layers = pd.concat([layers_of(), layers_of(name="netbook")], ignore_index=True)
    found = returns_by_class(three, activity, layers, LAST, **RATES).set_index("device_class")
    assert found["term"].to_dict() == {"handset": 4, "netbook": 2}
    assert found["margin"].to_dict() == {"handset": 50, "netbook": 10}
    alone = one_row().drop("device_class")
    pd.testing.assert_series_equal(found.loc["handset"], alone, check_names=False)
    # 2 × 10 do not even pay the commission
    assert found.loc["netbook", "break_even_reason"] == "never"


def test_row_order_does_not_matter_and_nothing_given_is_changed() -> None:
    sales, activity, layers = TWO.copy(), followed(), layers_of()
    before = [frame.copy() for frame in (sales, activity, layers)]
    found = returns_by_class(sales, activity, layers, LAST, **RATES)
    turned = returns_by_class(sales[::-1], activity[::-1], layers[::-1], LAST, **RATES)
    pd.testing.assert_frame_equal(found, turned)
    for frame, was in zip((sales, activity, layers), before, strict=True):
        pd.testing.assert_frame_equal(frame, was)


def test_costs_of_one_come_in_the_order_given() -> None:
    """`cost_per` keeps the denominators' order, which tables and charts rely on."""
    assert cost_per(1.0, denominators(AFTER, FOUND, 1.0))["name"].tolist() == ["sale", "net_add", "valid", "incremental"]

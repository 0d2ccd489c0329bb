"""The three cost layers: beside each other, by group, unknown where unknown; and what somebody decided."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError
from g3lib.measures.assumptions import assumption
from g3lib.measures.subsidy.costs import PARTS, cost_layers, stock_cost
from g3lib.measures.subsidy.ledger import refund_ledger

SHARES = pd.DataFrame({"contract": ["plan", "spend"], "free_share": [1.0, 0.7], "data_share": [0.0, 0.3]})
OUTLETS = pd.DataFrame({"outlet": ["own", "social", "masked"], "commission_rate": [0.0, 0.05, np.nan]})
ONE_PERCENT = 1.01**12 - 1


def sales(*rows: dict) -> pd.DataFrame:
    usual = {
        "date": pd.Timestamp("2013-01-15"), "branch": "a", "channel": "social", "units": 1, "outlet": "social", "model": "m",
        "device_class": "handset", "contract": "spend", "term_months": 3, "list_price": 1000.0, "supply_price": 800.0,
        "subsidy": 600.0, "refund_total": 10.0,
    }  # fmt: skip
    return pd.DataFrame([usual | row for row in rows], columns=list(dict.fromkeys(c for row in (usual, *rows) for c in row)))


def part(found: pd.DataFrame, name: str) -> pd.Series:
    rows = found[found["part"] == name]
    assert len(rows) == 1
    return rows.iloc[0]


def decided(*rows: tuple[str | None, float, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scope", "value", "valid_from"])
    return frame.assign(name="margin", valid_from=pd.to_datetime(frame["valid_from"]))


def test_the_layers_by_hand() -> None:
    sold = sales({"units": 2}, {"outlet": "own", "contract": "plan", "refund_total": 30.0}, {"contract": "bare", "refund_total": 0.0, "subsidy": 0.0})
    stock = stock_cost(pd.DataFrame({"model": ["m"], "branch": "a", "date": pd.Timestamp("2013-01-31"), "on_hand": 5}), sold, ONE_PERCENT)
    penalty = pd.DataFrame({"expected_penalty": [900.0, 1e6], "committed": [50, 70], "direction": ["province_to_vendor", "vendor_to_province"]})
    found = cost_layers(sold, SHARES, OUTLETS, marginal_cost=0.4, stock=stock, commitments=penalty)
    assert found["part"].tolist() == list(PARTS)
    assert found["layer"].tolist() == ["device"] + ["refunds"] * 4 + ["distribution"] * 3
    assert found["booking"].tolist() == ["unknown", "revenue", "revenue", "none", "none", "cost", "none", "cost"]
    # 2 × 600 + 600; 2 × 7 + 30; 2 × 3; × 0.4; 3 × 1000 × 5 %; 5 × 800 × 1 %; as given
    assert found["yuan"].tolist() == pytest.approx([1800, 44, 6, 17.6, 2.4, 150, 40, 900])
    assert found["yuan_a_unit"].tolist() == pytest.approx([450, 11, 1.5, 4.4, 0.6, 37.5, 10, 225])
    assert found["units"].tolist() == [4] * 8 and (found["unknown_units"] == 0).all() and (found["reason"] == "").all()


def test_discounts_are_kept_apart_by_their_booking() -> None:
    sold = sales({"booking": "cost"}, {"booking": "revenue", "subsidy": 100.0}, {"booking": None, "subsidy": 1.0}, {"booking": "cost"})
    found = cost_layers(sold, SHARES, OUTLETS)
    device = found[found["part"] == "device_discount"].set_index("booking")
    assert device["yuan"].to_dict() == {"cost": 1200.0, "revenue": 100.0, "unknown": 1.0}
    assert device["units"].to_dict() == {"cost": 2, "revenue": 1, "unknown": 1}


def test_no_figure_adds_the_layers() -> None:
    found = cost_layers(sales({}), SHARES, OUTLETS, marginal_cost=0.4)
    assert set(found["part"]) == set(PARTS)
    assert found.columns.tolist() == ["layer", "part", "booking", "units", "unknown_units", "yuan", "yuan_a_unit", "reason"]


def test_unknown_units_are_counted_and_never_zero() -> None:
    sold = sales({"subsidy": np.nan, "units": 4}, {"outlet": "masked", "units": 2}, {"outlet": None, "units": 3}, {"outlet": "closed"}, {})
    found = cost_layers(sold, SHARES, OUTLETS)
    assert part(found, "device_discount")[["units", "unknown_units", "yuan"]].tolist() == [7, 4, 4200.0]
    assert part(found, "commission")[["units", "unknown_units", "yuan_a_unit"]].tolist() == [5, 6, 50.0]
    assert part(found, "refund_free_marginal")[["yuan", "reason"]].isna().tolist() == [True, False]
    assert part(found, "refund_free_marginal")["reason"] == "unset"
    assert part(found, "stock")["reason"] == part(found, "commitment")["reason"] == "not_given"
    masked = cost_layers(sold.iloc[:1], SHARES, OUTLETS)
    assert part(masked, "device_discount")[["units", "unknown_units", "reason"]].tolist() == [0, 4, "unknown"]
    assert math.isnan(part(masked, "device_discount")["yuan"])


@pytest.mark.parametrize(("price", "yuan", "unknown"), [(0.0, 0.0, 0), (-5.0, math.nan, 1), (np.nan, math.nan, 1)])
def test_a_price_of_zero_costs_nothing_and_a_negative_one_is_unknown(price: float, yuan: float, unknown: int) -> None:
    found = cost_layers(sales({"list_price": price, "subsidy": price}), SHARES, OUTLETS)
    for name in ("commission", "device_discount"):
        np.testing.assert_equal(part(found, name)[["yuan", "unknown_units"]].tolist(), [yuan, unknown])


def test_a_table_that_does_not_know_the_grouping_is_not_apportioned() -> None:
    sold = sales({}, {"channel": "own"})
    stock = stock_cost(pd.DataFrame({"model": ["m"], "branch": "a", "date": pd.Timestamp("2013-01-31"), "on_hand": 5}), sold, 0.1)
    found = cost_layers(sold, SHARES, OUTLETS, stock=stock, by=["channel"])
    rows = found[found["part"] == "stock"]
    assert rows["channel"].tolist() == ["own", "social"]
    assert rows["yuan"].isna().all() and set(rows["reason"]) == {"not_apportioned"}


def test_stock_without_sales_and_sales_without_stock() -> None:
    sold = sales({"branch": "a"})
    stock = pd.DataFrame({"model": "m", "branch": ["b"], "date": pd.Timestamp("2013-01-31"), "on_hand": [5]})
    found = cost_layers(sold, SHARES, OUTLETS, stock=stock_cost(stock, sold, ONE_PERCENT), by=["branch"])
    rows = found[found["part"] == "stock"].set_index("branch")
    assert rows.loc["a", "reason"] == "unknown" and math.isnan(rows.loc["a", "yuan"])
    assert rows.loc["b", "reason"] == "no_units" and rows.loc["b", "yuan"] == pytest.approx(40.0)
    assert rows.loc["b", "units"] == 0 and math.isnan(rows.loc["b", "yuan_a_unit"])


def test_stock_counts_of_one_month_are_averaged_not_summed() -> None:
    days = pd.to_datetime(["2013-01-10", "2013-01-20", "2013-02-28"])
    stock = pd.DataFrame({"model": "m", "branch": "a", "date": days, "on_hand": [10.0, 30.0, 40.0]})
    found = stock_cost(stock, sales({"supply_price": 800.0}, {"supply_price": 500.0, "units": 2}), ONE_PERCENT)
    assert found["month"].tolist() == ["2013-01", "2013-02"]
    assert found["supply_price"].tolist() == [600.0, 600.0]
    assert found["yuan"].tolist() == pytest.approx([120.0, 240.0])
    assert found["device_class"].tolist() == ["handset", "handset"]


def test_stock_of_unknown_price_count_or_rate() -> None:
    stock = pd.DataFrame({"model": ["m", "new", "m"], "branch": ["a", "a", "b"], "date": pd.Timestamp("2013-01-31"), "on_hand": [5, 7, np.nan]})
    sold = sales({}, {"branch": "b"})
    cost = stock_cost(stock, sold, ONE_PERCENT)
    assert cost.set_index(["model", "branch"])["yuan"].isna().to_dict() == {("m", "a"): False, ("m", "b"): True, ("new", "a"): True}
    found = cost_layers(sold, SHARES, OUTLETS, stock=cost, by=["branch"])
    rows = found[found["part"] == "stock"].set_index("branch")
    assert rows.loc["a", ["yuan", "unknown_units"]].tolist() == pytest.approx([40.0, 7])
    assert rows.loc["b", "reason"] == "unknown"
    assert stock_cost(stock, sold, math.nan)["yuan"].isna().all()
    assert stock_cost(stock.iloc[:0], sold, 0.1).empty


def test_commitments_of_unknown_cost_are_counted() -> None:
    given_ = pd.DataFrame({"branch": ["a", "a", "b"], "expected_penalty": [100.0, np.nan, np.nan], "committed": [10, 20, 30],
                           "direction": "province_to_vendor"})  # fmt: skip
    found = cost_layers(sales({}, {"branch": "b"}), SHARES, OUTLETS, commitments=given_, by=["branch"])
    rows = found[found["part"] == "commitment"].set_index("branch")
    assert rows.loc["a", ["yuan", "unknown_units", "reason"]].tolist() == [100.0, 20, ""]
    assert rows.loc["b", "unknown_units"] == 30 and rows.loc["b", "reason"] == "unknown" and math.isnan(rows.loc["b", "yuan"])


def test_who_left_early_costs_what_was_posted() -> None:
    left = pd.Series([pd.Timestamp("2013-02-01")])
    found = cost_layers(sales({"refund_total": 3.0, "contract": "plan"}), SHARES, OUTLETS, ended=left)
    assert part(found, "refund_free_face")["yuan"] == 1.0


def test_no_sales_no_rows() -> None:
    for by in ([], ["branch"]):
        found = cost_layers(sales({}).iloc[:0], SHARES, OUTLETS, by=by)
        assert found.empty and found.columns[-1] == "reason" and found.columns[: len(by)].tolist() == by


amounts = st.floats(0, 5000).map(lambda yuan: round(yuan, 2)) | st.just(np.nan)
rows = st.fixed_dictionaries(
    {
        "branch": st.sampled_from(["a", "b", None]), "units": st.integers(0, 50), "subsidy": amounts, "list_price": amounts,
        "refund_total": amounts, "contract": st.sampled_from(["plan", "spend", "tariff"]), "outlet": st.sampled_from(["own", "social", "masked"]),
    }
)  # fmt: skip


@settings(max_examples=40)
@given(st.lists(rows, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_groups_add_up_to_the_whole_in_any_row_order(made: list[dict], random) -> None:
    sold = sales(*made)
    whole = cost_layers(sold, SHARES, OUTLETS, marginal_cost=0.35).set_index("part")
    apart = cost_layers(sold, SHARES, OUTLETS, marginal_cost=0.35, by=["branch"])
    sums = apart.groupby("part")[["units", "unknown_units", "yuan"]].sum()
    for name in ("device_discount", "refund_free_face", "refund_data_marginal", "commission"):
        assert sums.loc[name].tolist() == pytest.approx(whole.loc[name, ["units", "unknown_units", "yuan"]].fillna(0).tolist())
        assert whole.loc[name, "units"] + whole.loc[name, "unknown_units"] == sold["units"].sum()
    order = list(range(len(sold)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(cost_layers(sold.iloc[order], SHARES, OUTLETS, marginal_cost=0.35, by=["branch"]), apart)


@settings(max_examples=40)
@given(st.lists(rows, min_size=1, max_size=8))
def test_yuan_scales_with_the_currency_and_face_with_the_marginal_cost(made: list[dict]) -> None:
    sold = sales(*made)
    money = ["subsidy", "list_price", "refund_total", "supply_price"]
    one = cost_layers(sold, SHARES, OUTLETS, marginal_cost=0.5).set_index("part")
    # the free share of a refund is floored to the fen: at a hundredfold of it nothing is lost
    hundred = cost_layers(sold.assign(**(sold[money] * 100)), SHARES, OUTLETS, marginal_cost=0.5).set_index("part")
    fen = 0.01 * sold["units"].sum()
    for name in ("device_discount", "commission"):
        assert hundred.loc[name, "yuan"] == pytest.approx(100 * one.loc[name, "yuan"], nan_ok=True)
    assert hundred.loc["refund_free_face", "yuan"] / 100 == pytest.approx(one.loc["refund_free_face", "yuan"], abs=fen, nan_ok=True)
    for kind in ("free", "data"):
        assert one.loc[f"refund_{kind}_marginal", "yuan"] == pytest.approx(one.loc[f"refund_{kind}_face", "yuan"] / 2, nan_ok=True)


def test_inputs_are_not_changed() -> None:
    sold = sales({}, {"subsidy": np.nan, "booking": None})
    stock = pd.DataFrame({"model": ["m"], "branch": "a", "date": pd.Timestamp("2013-01-31"), "on_hand": 5})
    kept = sold.copy(), stock.copy(), OUTLETS.copy()
    cost_layers(sold, SHARES, OUTLETS, stock=stock_cost(stock, sold, 0.1))
    for now, then in zip((sold, stock, OUTLETS), kept, strict=True):
        pd.testing.assert_frame_equal(now, then)


def test_the_made_up_province(store) -> None:
    sold, policy = store.read("sales"), store.read("policy")
    found = cost_layers(sold[sold["outlet"].notna()], policy, store.read("outlets"), marginal_cost=0.35, by=["branch"])
    assert (found.groupby("branch")["units"].max() == sold[sold["outlet"].notna()].groupby("branch")["units"].sum()).all()
    whole = refund_ledger(sold[sold["outlet"].notna()], policy)
    assert found.loc[found["part"] == "refund_data_face", "yuan"].sum() == pytest.approx(whole["data_fen"].sum() / 100)
    device = found[found["part"] == "device_discount"]
    assert device["yuan"].sum() == pytest.approx((sold["subsidy"] * sold["units"]).sum())


@pytest.mark.parametrize(
    ("on", "scope", "value"),
    [
        ("2010-12-31", None, math.nan),  # before anybody decided
        ("2011-01-01", None, 0.40),  # the first day is inside
        ("2013-06-01", None, 0.45),  # the latest on or before the day
        ("2013-06-01", "睢县", 0.30),  # the narrower scope first, though it is older
        ("2011-06-01", "睢县", 0.40),  # not yet decided there
        ("2013-06-01", "柘城", 0.45),  # nothing narrower
        ("2013-06-01", ("柘城", "睢县"), 0.30),  # narrowest first, then the next
    ],
)
def test_which_assumption_holds(on: str, scope: str | tuple[str, ...] | None, value: float) -> None:
    rows = decided(("全省", 0.40, "2011-01-01"), ("全省", 0.45, "2013-01-01"), ("睢县", 0.30, "2012-01-01"))
    for frame in (rows, rows.iloc[::-1]):
        np.testing.assert_equal(assumption(frame, "margin", on, scope), value)
    assert math.isnan(assumption(rows, "discount_rate", on, scope))


def test_assumptions_without_a_scope_a_date_or_a_value() -> None:
    assert assumption(decided((None, 0.4, None)), "margin", "2013-01-01") == 0.4
    assert assumption(decided(("", 0.4, None), ("", 0.5, "2013-01-01")), "margin", "2012-12-31") == 0.4
    assert assumption(decided(("", 0.4, None), ("", 0.5, "2013-01-01")), "margin", "2013-01-01") == 0.5
    assert math.isnan(assumption(decided(("睢县", np.nan, "2011-01-01"), ("全省", 0.4, "2011-01-01")), "margin", "2013-01-01", "睢县"))
    assert math.isnan(assumption(decided(("睢县", 0.3, "2011-01-01")), "margin", "2013-01-01"))
    assert math.isnan(assumption(decided(), "margin", "2013-01-01"))


def test_two_decisions_at_once_are_refused() -> None:
    with pytest.raises(DataError, match="keep one for each scope and date"):
        assumption(decided(("全省", 0.4, "2011-01-01"), ("全省", 0.5, "2011-01-01")), "margin", "2013-01-01")


def test_the_shipped_assumptions(store) -> None:
    rows = store.read("assumptions")
    assert assumption(rows, "marginal_cost_of_credit", "2013-06-30", "样例一区") == 0.35
    assert math.isnan(assumption(rows, "marginal_cost_of_credit", "2010-12-31"))

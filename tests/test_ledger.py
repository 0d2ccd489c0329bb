"""The refund ledger: to the fen for any split and term, and the liability that it leaves."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import floor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy.ledger import liability, refund_ledger, refunds_by_sale

SHARES = pd.DataFrame({"contract": ["plan", "spend"], "free_share": [1.0, 0.7], "data_share": [0.0, 0.3]})


def sales(*rows: dict) -> pd.DataFrame:
    usual = {"date": pd.Timestamp("2013-01-15"), "units": 1, "contract": "spend", "term_months": 24, "refund_total": 100.0}
    frame = pd.DataFrame([usual | row for row in rows], columns=list(dict.fromkeys(c for row in (usual, *rows) for c in row)))
    return frame.astype({"date": "datetime64[us]"})


def months(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)))


@st.composite
def contracts(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series, list[Fraction]]:
    """Sales with a split of their own, some of whose customers left."""
    rows, splits, ended, exact = [], [], [], []
    for _ in range(draw(st.integers(1, 6))):
        below = draw(st.integers(1, 1000))
        share = Fraction(draw(st.integers(0, below)), below)
        month = pd.Timestamp(2011, draw(st.integers(1, 12)), draw(st.integers(1, 28)))
        fen, term = draw(st.integers(0, 300_000)), draw(st.integers(1, 60))
        rows.append({"date": month, "units": draw(st.integers(0, 10**7)), "term_months": term, "refund_total": fen / 100})
        splits.append((float(share), float(1 - share)))
        stay = draw(st.none() | st.integers(0, 70))
        ended.append(pd.NaT if stay is None else month.replace(day=1) + pd.DateOffset(months=stay))
        exact.append(share)
    return sales(*rows), pd.DataFrame(splits, columns=["free_share", "data_share"]), pd.Series(pd.to_datetime(ended)), exact


@given(contracts())
def test_every_contract_posts_its_total_and_its_share_to_the_fen(made) -> None:
    sold, shares, _, exact = made
    for position, share in enumerate(exact):
        one = slice(position, position + 1)
        ledger = refund_ledger(sold.iloc[one], shares.iloc[one])
        total, units = round(sold["refund_total"].iloc[position] * 100), int(sold["units"].iloc[position])
        assert ledger["free_fen"].sum() + ledger["data_fen"].sum() == total * units
        assert ledger["free_fen"].sum() == floor(share * total) * units
        assert (ledger[["free_fen", "data_fen"]] >= 0).all(axis=None)
        assert ledger["number"].tolist() == (list(range(1, int(sold["term_months"].iloc[position]) + 1)) if total else [])


@given(contracts())
def test_each_month_is_the_step_of_the_floored_share(made) -> None:
    sold, shares, _, exact = made
    total, term, units = round(sold["refund_total"].iloc[0] * 100), int(sold["term_months"].iloc[0]), int(sold["units"].iloc[0])
    ledger = refund_ledger(sold.iloc[:1], shares.iloc[:1])
    paid = [total // term * t for t in range(term)] + [total]
    free = [floor(exact[0] * c) for c in paid]
    if total:
        assert ledger["free_fen"].tolist() == [units * (b - a) for a, b in pairwise(free)]
        assert (ledger["free_fen"] + ledger["data_fen"]).tolist() == [units * (b - a) for a, b in pairwise(paid)]


@given(contracts())
def test_opening_and_new_less_posted_and_released_is_closing(made) -> None:
    sold, shares, ended, _ = made
    ledger = refund_ledger(sold, shares, ended)
    table = liability(ledger, ["2011-03", "2018-01"])
    assert (table["opening"] + table["new"] - table[["posted_free", "posted_data", "released"]].sum(axis=1) == table["closing"]).all()
    assert table["opening"].iloc[1:].tolist() == table["closing"].iloc[:-1].tolist()
    assert (table["closing"] >= 0).all()
    assert table["closing"].iloc[-1] == 0
    assert all(dtype == "int64" for dtype in table.drop(columns="month").dtypes)
    whole = liability(ledger, ["2010-01", "2018-01"]).sum(numeric_only=True)
    assert whole["new"] == whole["posted_free"] + whole["posted_data"] + whole["released"]
    assert whole["new"] == sum(round(y * 100) * u for y, u in zip(sold["refund_total"], sold["units"], strict=True))


@given(contracts(), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(made, random) -> None:
    sold, shares, ended, _ = made
    order = list(range(len(sold)))
    random.shuffle(order)
    pd.testing.assert_frame_equal(
        refund_ledger(sold.iloc[order], shares.iloc[order], ended.iloc[order]), refund_ledger(sold, shares, ended)
    )


@given(contracts())
def test_the_sum_by_sale_is_what_its_ledger_posts(made) -> None:
    sold, shares, ended, _ = made
    ledger = refund_ledger(sold, shares, ended)
    posted = ledger[ledger["ended"].isna() | (ledger["due"] <= ledger["ended"])]
    by_sale = refunds_by_sale(sold, shares, ended)
    assert round(by_sale["free_yuan"].sum() * 100) == posted["free_fen"].sum()
    assert round(by_sale["data_yuan"].sum() * 100) == posted["data_fen"].sum()


def test_seventy_thirty_by_hand() -> None:
    # 10.00 yuan over 3 months: 333, 333, 334 fen; ⌊0.7·333⌋ = 233, ⌊0.7·666⌋ = 466, 700
    ledger = refund_ledger(sales({"refund_total": 10.0, "term_months": 3, "units": 2}), SHARES)
    assert ledger["free_fen"].tolist() == [2 * 233, 2 * 233, 2 * 234]
    assert ledger["data_fen"].tolist() == [2 * 100, 2 * 100, 2 * 100]
    assert ledger["due"].tolist() == list(pd.to_datetime(["2013-02-01", "2013-03-01", "2013-04-01"]))
    assert ledger["sold"].unique().tolist() == [pd.Timestamp("2013-01-01")]


def test_seven_tenths_is_no_binary_float() -> None:
    # 0.7 × 10 fen is 7 fen; in floats 0.7 × 3 × 10 falls short of 21
    ledger = refund_ledger(sales({"refund_total": 0.30, "term_months": 3}), SHARES)
    assert ledger["free_fen"].tolist() == [7, 7, 7]
    third = SHARES.assign(free_share=1 / 3, data_share=2 / 3)
    assert refund_ledger(sales({"refund_total": 0.30, "term_months": 3}), third)["data_fen"].sum() == 20


def test_ten_million_contracts_are_exact() -> None:
    # 99,999.99 yuan each: 10^14 fen and a half in all, beyond what a sum of floats would keep by the fen
    sold = sales({"units": 10**7, "refund_total": 99_999.99, "term_months": 7}, {"units": 1, "refund_total": 0.01, "term_months": 7})
    ledger = refund_ledger(sold, SHARES)
    assert ledger["free_fen"].sum() == int(Fraction(7, 10) * 9_999_999) * 10**7
    assert ledger[["free_fen", "data_fen"]].sum().sum() == 9_999_999 * 10**7 + 1
    assert liability(ledger, ["2013-01"])["closing"].tolist() == [9_999_999 * 10**7 + 1]


def test_one_fen_over_many_months_comes_last() -> None:
    ledger = refund_ledger(sales({"refund_total": 0.01, "contract": "plan"}), SHARES)
    assert ledger["free_fen"].tolist() == [0] * 23 + [1]


@pytest.mark.parametrize(("left", "posted", "released"), [("2013-01", 0, 300), ("2013-02", 100, 200), ("2013-04", 300, 0), ("2014-01", 300, 0)])
def test_the_month_of_leaving_is_posted_and_the_rest_released_in_it(left: str, posted: int, released: int) -> None:
    ledger = refund_ledger(sales({"refund_total": 3.0, "term_months": 3, "contract": "plan"}), SHARES, months(left))
    table = liability(ledger, ["2013-01", "2014-02"]).set_index("month")
    assert table[["posted_free", "released"]].sum().tolist() == [posted, released]
    if released:
        assert table["released"].idxmax() == pd.Timestamp(left)
        assert table.loc[pd.Timestamp(left), "closing"] == 0
    assert refunds_by_sale(sales({"refund_total": 3.0, "term_months": 3, "contract": "plan"}), SHARES, months(left))[
        "free_yuan"
    ].tolist() == [posted / 100]


def test_the_table_starts_with_what_earlier_months_left() -> None:
    ledger = refund_ledger(sales({"refund_total": 3.0, "term_months": 3, "contract": "plan"}), SHARES)
    table = liability(ledger, [pd.Timestamp("2013-04-01"), "2013-03"])
    assert table["month"].tolist() == [pd.Timestamp("2013-03-01"), pd.Timestamp("2013-04-01")]
    assert table[["opening", "closing"]].values.tolist() == [[200, 100], [100, 0]]
    late = liability(ledger, ["2020-05"])
    assert late.drop(columns="month").values.tolist() == [[0, 0, 0, 0, 0, 0]]


def test_what_is_unknown_is_left_out_and_counted_by_its_reason() -> None:
    sold = sales(
        {"refund_total": np.nan, "units": 3}, {"contract": "tariff", "units": 5}, {"term_months": np.nan, "units": 7},
        {"contract": "bare", "refund_total": 0.0, "term_months": np.nan}, {"refund_total": np.nan, "term_months": np.nan}, {},
    )  # fmt: skip
    by_sale = refunds_by_sale(sold, SHARES)
    assert by_sale["reason"].tolist() == ["unknown_refund", "unknown_split", "unknown_term", "", "unknown_refund", ""]
    assert by_sale["free_yuan"].isna().tolist() == [True, True, True, False, True, False]
    assert by_sale.groupby("reason")["units"].sum().to_dict() == {"": 2, "unknown_refund": 4, "unknown_split": 5, "unknown_term": 7}
    assert refund_ledger(sold, SHARES)[["free_fen", "data_fen"]].sum().tolist() == [7000, 3000]


def test_every_fault_is_listed_at_once() -> None:
    sold = sales(
        {"refund_total": -1.0}, {"term_months": 0}, {"contract": "odd"}, {"units": -2}, {"units": 1.5}, {"date": None},
        {"term_months": 2.5}, {"refund_total": np.inf}, {"refund_total": 1.005}, {}, {"refund_total": 1e16}, {"contract": "minus"},
    )  # fmt: skip
    shares = pd.concat([SHARES, pd.DataFrame({"contract": ["odd", "minus"], "free_share": [0.7, 1.2], "data_share": [0.2, -0.2]})])
    with pytest.raises(DataError) as error:
        refund_ledger(sold, shares, months(*[None] * 9, "2012-12", None, None))
    for text in (
        "negative or infinite refund: 2 sales, at [0, 7]", "no whole number of months: 2 sales, at [1, 6]",
        "don't sum to 1: 2 sales, at [2, 11]", "no count: 2 sales, at [3, 4]", "no date: 1 sales, at [5]",
        "finer than a fen: 1 sales, at [8]", "before the sale: 1 sales, at [9]", "can be counted: ",
    ):  # fmt: skip
        assert text in str(error.value)


def test_a_term_of_zero_without_a_refund_is_no_fault() -> None:
    assert refund_ledger(sales({"term_months": 0, "refund_total": 0.0}), SHARES).empty
    assert refunds_by_sale(sales({"term_months": 0, "refund_total": 0.0}), SHARES)["free_yuan"].tolist() == [0.0]


def test_shares_come_by_rule_by_contract_or_by_sale() -> None:
    sold = sales({"rule": "a"}, {"rule": "b"})
    by_rule = pd.DataFrame({"rule": ["b", "a"], "contract": ["spend", "spend"], "free_share": [0.0, 0.7], "data_share": [1.0, 0.3]})
    assert refunds_by_sale(sold, by_rule)["free_yuan"].tolist() == [70.0, 0.0]
    own = pd.DataFrame({"free_share": [0.5, 1.0], "data_share": [0.5, 0.0]})
    assert refunds_by_sale(sold, own)["free_yuan"].tolist() == [50.0, 100.0]
    with pytest.raises(UsageError, match="more than one split for spend"):
        refund_ledger(sold.drop(columns="rule"), by_rule)
    with pytest.raises(UsageError, match="one row a sale"):
        refund_ledger(sold, own.iloc[:1])
    with pytest.raises(UsageError, match="one row a sale"):
        refund_ledger(sold, own, months("2013-05"))


def test_no_sales_make_an_empty_ledger_without_liability() -> None:
    ledger = refund_ledger(sales(), SHARES, by=["contract"])
    assert ledger.empty
    assert ledger.columns.tolist() == ["contract", "sold", "term", "ended", "number", "due", "units", "free_fen", "data_fen"]
    assert liability(ledger, ["2013-01"])["closing"].tolist() == [0]
    assert liability(ledger, []).empty
    assert refunds_by_sale(sales(), SHARES).empty


def test_equal_refunds_are_one_group_and_by_keeps_branches_apart() -> None:
    sold = sales({"units": 2, "branch": "a"}, {"units": 3, "branch": "b"}, {"units": 4, "branch": "a"})
    assert refund_ledger(sold, SHARES)["units"].unique().tolist() == [9]
    apart = refund_ledger(sold, SHARES, by=["branch"])
    assert apart.groupby("branch")["units"].first().to_dict() == {"a": 6, "b": 3}
    assert apart["free_fen"].sum() == refund_ledger(sold, SHARES)["free_fen"].sum() == 9 * 7000


def test_the_input_is_not_changed() -> None:
    sold, left = sales({}, {"refund_total": np.nan}), months("2013-03", None)
    kept = sold.copy(), SHARES.copy(), left.copy()
    refund_ledger(sold, SHARES, left)
    pd.testing.assert_frame_equal(sold, kept[0])
    pd.testing.assert_frame_equal(SHARES, kept[1])
    pd.testing.assert_series_equal(left, kept[2])


def test_the_made_up_province_with_its_own_policy(store) -> None:
    sold, policy = store.read("sales"), store.read("policy")
    ledger, by_sale = refund_ledger(sold, policy), refunds_by_sale(sold, policy)
    counted = sold[by_sale["reason"] == ""]
    assert ledger[["free_fen", "data_fen"]].sum().sum() == round((counted["refund_total"] * counted["units"]).sum() * 100)
    assert set(by_sale["reason"]) == {"", "unknown_refund"}
    table = liability(ledger, ["2011-01", "2015-12"])
    assert table["closing"].iloc[-1] == 0 < table["closing"].iloc[-2]

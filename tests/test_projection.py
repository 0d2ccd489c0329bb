"""Chain ladder: the published triangle to the yuan, triangles of awkward shapes, losses counted by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy.projection import chain_ladder, loss_triangle, projected_share

# Taylor and Ashe (1983), the example of Mack (1993)
TAYLOR_ASHE = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]


def triangle(rows: list[list[float]], ages: int | None = None) -> pd.DataFrame:
    width = ages or max(map(len, rows))
    return pd.DataFrame([[*row, *[np.nan] * (width - len(row))] for row in rows], dtype=float)


def test_the_published_reserves_and_standard_errors() -> None:
    out = chain_ladder(triangle(TAYLOR_ASHE))
    reserves = [0, 94634, 469511, 709638, 984889, 1419459, 2177641, 3920301, 4278972, 4625811, 18680856]
    # Mack (1993) prints them as 80, 26, 19, 27, 29, 26, 22, 23, 29 and for the total 13 per cent of the reserve
    errors = [0, 75535, 121699, 133549, 261406, 411010, 558317, 875328, 971258, 1363155, 2447095]
    assert out["reserve"].round().tolist() == reserves
    assert out["standard_error"].round().tolist() == errors
    assert out["cohort"].tolist() == [*range(10), "total"] and (out["reason"] == "").all()


@given(st.randoms(), st.floats(0.001, 1000))
def test_the_order_of_cohorts_and_the_currency_change_nothing(random: object, scale: float) -> None:
    table, order = triangle(TAYLOR_ASHE), list(range(10))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, two = chain_ladder(table), chain_ladder(table.iloc[order] * scale)
    two = pd.concat([two.iloc[:-1].sort_values("cohort"), two.tail(1)], ignore_index=True)
    for name in ("ultimate", "reserve", "standard_error"):
        np.testing.assert_allclose(two[name] / scale, one[name], rtol=1e-9)
    np.testing.assert_allclose(two["factor"], one["factor"])


def test_two_steps_by_hand() -> None:
    # f1 = (30+40)/(10+20) = 7/3, f2 = 45/30 = 1.5; σ²1 = 10(3 − 7/3)² + 20(2 − 7/3)² = 20/3; σ²2 is unknown: one cohort, no two before
    out = chain_ladder(triangle([[10, 30, 45], [20, 40], [12]]))
    assert out["ultimate"].tolist() == pytest.approx([45, 60, 42, 147])
    assert out["reason"].tolist() == ["", "no_sigma", "no_sigma", "no_sigma"]
    # with a second cohort that knows age 2 and develops alike σ²2 = 0: only the first step is uncertain
    known = chain_ladder(triangle([[10, 30, 45], [20, 40, 60], [12]]))
    error = 42.0 * np.sqrt(20 / 3 / (7 / 3) ** 2 * (1 / 12 + 1 / 30))
    assert known.loc[2, ["ultimate", "standard_error"]].tolist() == pytest.approx([42.0, error])
    assert known.loc[3, "standard_error"] == pytest.approx(error)


@pytest.mark.parametrize(
    ("rows", "ultimates", "reasons"),
    [
        ([[1, 2, 3]], [3, 3], ["", ""]),
        ([[1]], [np.nan, np.nan], ["no_factor", "partial"]),
        ([[0, 0, 0], [0, 0], [0]], [0, np.nan, np.nan, 0], ["", "zero_latest", "zero_latest", "partial"]),
        ([[2, 4, 6], [2, 4, 6], []], [6, 6, np.nan, 12], ["", "", "no_data", "partial"]),
        ([[0, 3, 6], [0, 3], [5]], [6, 6, np.nan, 12], ["", "no_sigma", "no_factor", "partial"]),
    ],
    ids=["one complete cohort", "one young cohort", "all zero", "a cohort without data", "a zero column"],
)
def test_awkward_triangles_have_a_stated_result(rows: list, ultimates: list, reasons: list) -> None:
    out = chain_ladder(triangle(rows, 3))
    np.testing.assert_allclose(out["ultimate"].astype(float), ultimates)
    assert out["reason"].tolist() == reasons


def test_no_cohort_no_row_and_a_hole_is_refused() -> None:
    assert chain_ladder(triangle(TAYLOR_ASHE).iloc[:0]).empty
    with pytest.raises(DataError, match=r"\['late'\]"):
        chain_ladder(pd.DataFrame({1: [1.0, 1.0], 2: [2.0, np.nan], 3: [3.0, 3.0]}, index=["whole", "late"]))


def customers(*histories: tuple[str, str, dict[int, str]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sales as (customer, date, states by age): active at every age up to the last named, which has the state."""
    sold = pd.DataFrame([{"customer": c, "date": pd.Timestamp(d), "units": 1.0, "device": c, "branch": "b"} for c, d, _ in histories])
    rows = [
        {"customer": c, "month": pd.Timestamp(d).replace(day=1) + pd.DateOffset(months=age), "branch": "b", "device_matched": True,
         "state": states.get(age, "active"), "revenue": 50.0}
        for c, d, states in histories for age in range(max(states) + 1)
    ]  # fmt: skip
    return sold, pd.DataFrame(rows).assign(device_matched=lambda f: f["device_matched"].astype("boolean"))


HISTORIES = (
    ("a", "2013-01-05", {2: "cancelled"}),
    ("b", "2013-01-05", {1: "split", 3: "cancelled"}),
    ("c", "2013-01-31", {0: "cancelled"}),
    ("d", "2013-01-31", {5: "active"}),
    ("e", "2013-03-31", {1: "cancelled"}),
    ("f", "2013-03-31", {3: "active"}),
)


def test_losses_are_counted_once_at_their_age_and_only_in_complete_months() -> None:
    found = loss_triangle(*customers(*HISTORIES), date(2013, 5, 30), ages=4)
    assert found.index.tolist() == ["2013-01", "2013-03"] and found["customers"].tolist() == [4, 2]
    np.testing.assert_array_equal(found[[1, 2, 3, 4]], [[1, 2, 3, np.nan], [1, np.nan, np.nan, np.nan]])
    whole_may = loss_triangle(*customers(*HISTORIES), date(2013, 5, 31), ages=4)
    np.testing.assert_array_equal(whole_may[[1, 2, 3, 4]], [[1, 2, 3, 3], [1, 1, np.nan, np.nan]])
    either = loss_triangle(*customers(*HISTORIES), date(2013, 5, 31), ages=4, event=("cancelled", "split"))
    np.testing.assert_array_equal(either.loc["2013-01", [1, 2, 3, 4]], [2, 3, 3, 3])


def test_months_that_a_branch_did_not_report_are_unknown() -> None:
    sold, rows = customers(*HISTORIES)
    gap = loss_triangle(sold, rows[rows["month"] != "2013-04-01"], date(2013, 6, 30), ages=4)
    np.testing.assert_array_equal(gap[[1, 2, 3, 4]], [[1, 2, np.nan, np.nan], [np.nan] * 4])
    late = loss_triangle(sold, rows[rows["month"] >= "2013-02-01"], date(2013, 5, 31), ages=2)
    assert late.index.tolist() == ["2013-03"]  # January's first losses were not seen
    assert loss_triangle(sold.iloc[:0], rows, date(2013, 5, 31)).empty
    assert loss_triangle(sold, rows.iloc[:0], date(2013, 5, 31)).empty


def test_every_unknown_event_is_named() -> None:
    with pytest.raises(UsageError, match=r"'gone'[\s\S]*'lost'[\s\S]*ages 0"):
        loss_triangle(*customers(*HISTORIES), date(2013, 5, 31), ages=0, event=("gone", "cancelled", "lost"))


def test_a_share_stays_between_what_was_lost_and_all_customers() -> None:
    lost = triangle([[4, 8, 9], [5, 11, 14], [6, 9], [9]]).set_axis([1, 2, 3], axis=1)
    found = projected_share(lost.assign(customers=[20.0, 20, 20, 20]), 3)
    assert found["basis"].tolist() == ["observed", "observed", "projected", "projected"]
    assert found["share"].tolist()[:2] == [0.45, 0.7] and found.loc[0, ["low", "high"]].tolist() == [0.45, 0.45]
    ahead = found.iloc[2:]
    assert (ahead["lost"] / 20 < ahead["low"]).all() and (ahead["low"] < ahead["share"]).all() and (ahead["high"] <= 1).all()
    # 9 × 28/15 × 23/19 = 20.3 customers are more than there are
    assert found.loc[3, ["projected", "share", "high"]].tolist() == pytest.approx([9 * 28 / 15 * 23 / 19, 1.0, 1.0])
    # without the youngest, reading at age 2 is all counted
    assert projected_share(lost.assign(customers=20.0).iloc[:3], 2)["basis"].tolist() == ["observed"] * 3


def test_an_age_that_no_cohort_has_reached_is_unknown() -> None:
    found = projected_share(pd.DataFrame({"customers": [10.0, 10], 1: [1.0, 2], 2: [2.0, np.nan]}), 3)
    assert found["basis"].tolist() == ["unknown"] * 2 and found["reason"].tolist() == ["no_factor"] * 2
    assert found[["share", "low", "high"]].isna().all(axis=None)


def test_the_sample_projects_what_it_later_shows(store) -> None:
    sales, rows = store.read("sales"), store.read("activity")
    sales = sales[sales["units"] == 1]
    whole = projected_share(loss_triangle(sales, rows, date(2013, 12, 31), 9), 9).set_index("cohort")
    asof = projected_share(loss_triangle(sales, rows, date(2012, 12, 31), 9), 9).set_index("cohort")
    ahead = asof[asof["basis"] == "projected"].join(whole["share"].rename("came"))
    assert len(ahead) == 8 and asof.loc["2012-12", "reason"] == "no_data"
    # intervals of the factors and the process: 95 % each, so at least six of eight
    assert ahead["came"].between(ahead["low"], ahead["high"]).sum() >= 6

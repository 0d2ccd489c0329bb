"""Customer states: every sign in its order, what is unknown and why, and shares that sum to one."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.measures.subsidy import cohorts

ASOF = date(2013, 4, 30)
SETTINGS = {"m": 10, "k": 5}


def sale(customer: str | None = "c", **known: object) -> dict[str, object]:
    row = {"date": pd.Timestamp("2013-01-20"), "branch": "home", "units": 1.0, "customer": customer, "device": f"d{customer}",
           "activated_at": pd.Timestamp("2013-01-20"), "contract": "plan", "subsidy": 500.0}  # fmt: skip
    return row | known


def month(age: int, customer: str = "c", **known: object) -> dict[str, object]:
    row = {"customer": customer, "month": pd.Timestamp("2013-01-01") + pd.DateOffset(months=age), "branch": "home", "revenue": 50.0,
           "days_on_3g": 20.0, "device_matched": True, "state": "active", "reason": None}  # fmt: skip
    return row | known


def activity(*rows: dict[str, object]) -> pd.DataFrame:
    """The rows, and another customer by whom the branch reports every month."""
    frame = pd.DataFrame([*rows, *(month(age, "other") for age in range(-3, 12))])
    return frame.assign(device_matched=frame["device_matched"].astype("boolean"))


def only(rows: list[dict[str, object]], asof: date = ASOF, **of_sale: object) -> pd.Series:
    return cohorts.customer_states(pd.DataFrame([sale(**of_sale)]), activity(*rows), asof, **SETTINGS).iloc[0]


def months(**in_second: object) -> list[dict[str, object]]:
    return [month(0), month(1), month(2, **in_second), month(3)]


@pytest.mark.parametrize(
    ("rows", "state"),
    [
        (months(), "valid"),
        (months(revenue=10.0), "valid"),
        (months(revenue=9.99), "low_use"),
        (months(state="suspended", revenue=0.0), "low_use"),
        (months(state="cancelled"), "cancelled"),
        ([month(0, state="cancelled")], "cancelled"),
        ([*months(), month(4, state="cancelled")], "valid"),
        (months(state="cross_branch"), "cross_branch"),
        (months(branch="away"), "cross_branch"),
        (months(state="split"), "split"),
        (months(device_matched=False), "split"),
        ([month(0, device_matched=False), *months()[1:]], "valid"),
        ([month(a, revenue=0.0, days_on_3g=0.0) for a in range(4)], "idle"),
        ([month(0)], "idle"),
        ([month(0), month(1), month(3)], "low_use"),
    ],
    ids=["valid", "at m", "below m", "suspended", "cancelled", "in month 0", "after +3", "away", "reported away", "split", "unmatched",
         "unmatched in month 0", "no use", "seen once", "a gap"],
)  # fmt: skip
def test_the_state_of_one_customer(rows: list[dict[str, object]], state: str) -> None:
    assert only(rows)["state"] == state


def test_the_first_sign_in_the_order_of_the_definition_decides() -> None:
    signs = [month(1, state="split"), month(2, state="cross_branch"), month(3, state="cancelled")]
    assert only(signs)["state"] == "cancelled"
    assert only(signs[:2])["state"] == "cross_branch"
    assert only(signs[:1])["state"] == "split"


@pytest.mark.parametrize(
    ("activated", "state"),
    [(None, "not_activated"), ("2013-01-20", "idle"), ("2013-04-30", "idle"), ("2013-05-01", "not_activated")],
)
def test_a_sale_without_any_row_is_not_activated_unless_a_date_says_so(activated: str | None, state: str) -> None:
    assert only([], activated_at=pd.Timestamp(activated) if activated else pd.NaT)["state"] == state


def test_weak_coverage_makes_no_sale_invalid() -> None:
    weak = only(months(days_on_3g=4.0))
    assert (weak["state"], weak["three_g_active"]) == ("valid", False)
    assert only(months(days_on_3g=5.0))["three_g_active"]
    assert only(months(days_on_3g=None))["three_g_active"] is pd.NA


@pytest.mark.parametrize("unmeasured", [{"state": None}, {"revenue": None}, {"device_matched": None}])
def test_what_was_not_measured_makes_no_state(unmeasured: dict[str, object]) -> None:
    assert only(months(**unmeasured))[["state", "reason"]].tolist() == ["unknown", "not_measured"]
    # unless an earlier sign of the order is there whatever it was
    assert only([*months(**unmeasured)[:3], month(3, state="cancelled")])["state"] == "cancelled"


@pytest.mark.parametrize(
    ("of_sale", "reason"),
    [({"customer": None}, "no_customer"), ({"units": 2.0}, "several_units"), ({"branch": "silent"}, "not_covered")],
)
def test_a_sale_that_cannot_be_followed_says_why(of_sale: dict[str, object], reason: str) -> None:
    assert only(months(), **of_sale)[["state", "reason"]].tolist() == ["unknown", reason]


def test_young_until_the_third_month_is_over() -> None:
    assert only(months(), date(2013, 4, 29))[["state", "age"]].tolist() == ["young", 2]
    assert only(months(), date(2013, 4, 30))[["state", "age"]].tolist() == ["valid", 3]
    assert only([month(1, state="cancelled")], date(2013, 3, 31))["state"] == "young"  # equal age for good and bad
    assert only(months(), date(2013, 1, 10))[["state", "age"]].tolist() == ["young", 0]


def test_nothing_after_asof_is_read() -> None:
    later = activity(*months(), month(4, state="cancelled"), month(5, device_matched=False))
    table = pd.DataFrame([sale()])
    before = cohorts.customer_states(table, activity(*months()), ASOF, **SETTINGS)
    pd.testing.assert_frame_equal(before, cohorts.customer_states(table, later, ASOF, **SETTINGS))


def test_two_branches_report_one_customer_month() -> None:
    halves = [month(a, revenue=6.0) for a in (1, 2, 3)] + [month(2, revenue=6.0, branch="away")]
    assert only(halves)["state"] == "cross_branch"
    unnamed = [month(a, revenue=6.0) for a in (1, 2, 3)] + [month(a, revenue=4.0, branch=None) for a in (1, 2, 3)]
    assert only(unnamed)["state"] == "valid"  # 6 + 4 reaches m = 10
    assert only([*months(), month(2, branch="away", state="cancelled")])["state"] == "cancelled"


def test_a_customer_who_buys_again_leaves_the_earlier_sale_unknown() -> None:
    def both(second: str, asof: date = date(2013, 10, 31)) -> list[list[str]]:
        table = pd.DataFrame([sale(), sale(date=pd.Timestamp(second), device="d2")])
        rows = activity(*(month(a) for a in range(9)))
        return cohorts.customer_states(table, rows, asof, **SETTINGS)[["state", "reason"]].to_numpy().tolist()

    assert both("2013-04-01") == [["unknown", "several_sales"], ["valid", ""]]
    assert both("2013-05-01") == [["valid", ""], ["valid", ""]]
    assert both("2013-01-02") == [["unknown", "several_sales"]] * 2


def test_a_month_speaks_of_one_sale_only() -> None:
    table = pd.DataFrame([sale(), sale(date=pd.Timestamp("2013-03-05")), sale("other"), sale(None)])
    rows = cohorts.customer_months(table, activity(month(-1), *months()), date(2013, 12, 31))
    mine = rows[rows["customer"] == "c"]
    assert list(zip(mine["sale"], mine["age"], strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("other", "unpacked"),
    [
        ({"contract": "bare"}, True),
        ({"subsidy": 0.0}, True),
        ({}, False),
        ({"contract": "bare", "device": "another"}, False),
        ({"contract": "bare", "date": pd.Timestamp("2013-01-19")}, False),
        ({"contract": "bare", "date": pd.Timestamp("2013-06-01")}, False),
    ],
    ids=["bare", "no subsidy", "subsidised again", "other device", "earlier", "after asof"],
)
def test_unpacked_is_a_split_whose_device_is_sold_again_unsubsidised(other: dict[str, object], unpacked: bool) -> None:
    table = pd.DataFrame([sale(), sale("x", **({"device": "dc"} | other))])
    states = cohorts.customer_states(table, activity(*months(state="split")), ASOF, **SETTINGS)
    assert states.loc[0, ["state", "unpacked"]].tolist() == ["split", unpacked]
    assert not states.loc[1, "unpacked"]


def test_one_branch_without_rows_in_a_month_is_not_covered() -> None:
    table, rows = pd.DataFrame([sale()]), pd.DataFrame(months())
    for missing in ("2013-02-01", "2013-03-01", "2013-04-01"):
        gap = rows[rows["month"] != missing]
        assert cohorts.customer_states(table, gap, ASOF, **SETTINGS)["reason"].tolist() == ["not_covered"]
    assert cohorts.customer_states(table, rows[rows["month"] != "2013-01-01"], ASOF, **SETTINGS)["state"].tolist() == ["valid"]
    assert cohorts.customer_states(table, rows.iloc[:0], ASOF, **SETTINGS)["reason"].tolist() == ["not_covered"]


def test_rates_of_a_cohort_by_hand() -> None:
    table = pd.DataFrame([sale(str(i)) for i in range(4)] + [sale(None, units=6.0), sale("y", date=pd.Timestamp("2013-02-01"))])
    rows = activity(
        *(month(a, c, days_on_3g=d) for c, d in (("0", 9.0), ("1", 1.0)) for a in (1, 2, 3)), month(1, "2", state="cancelled"), month(2, "3", device_matched=False)
    )  # fmt: skip
    rates = cohorts.cohort_rates(cohorts.customer_states(table, rows, ASOF, **SETTINGS)).set_index(["month", "state"])
    january = rates.loc["2013-01"]
    assert january.loc[["valid", "cancelled", "split", "idle", "three_g_active"], "share"].tolist() == [0.5, 0.25, 0.25, 0.0, 0.25]
    assert january.loc["unknown", ["units", "reason"]].tolist() == [6, "not_in_base"]
    # Wilson for 1 of 4 and z = 1.959964: centre (0.25 + z²/8)/(1 + z²/4), half width z·√(0.25·0.75/4 + z²/64)/(1 + z²/4)
    assert january.loc["split", ["low", "high"]].tolist() == pytest.approx([0.045587, 0.699358], abs=1e-6)
    assert not january["young"].any()
    february = rates.loc["2013-02"]
    assert february["young"].all() and february["share"].isna().all()
    assert february.loc[["valid", "young"], "reason"].tolist() == ["no_base", "not_in_base"]


def test_empty_tables_give_empty_tables() -> None:
    none = cohorts.customer_states(pd.DataFrame([sale()]).iloc[:0], activity(), ASOF, **SETTINGS)
    assert none.columns.tolist() == ["month", "age", "units", "state", "three_g_active", "unpacked", "reason"]
    assert none.empty and cohorts.cohort_rates(none).empty and cohorts.cohort_rates(none, []).empty


def test_absent_columns_are_all_missing_and_still_have_an_answer() -> None:
    gone = {"customer": float("nan"), "device": float("nan"), "activated_at": pd.NaT, "contract": float("nan"), "subsidy": float("nan")}
    states = cohorts.customer_states(pd.DataFrame([sale(**gone)]), activity(*months()), ASOF, **SETTINGS)
    assert states["reason"].tolist() == ["no_customer"]


ROWS = st.builds(
    month,
    st.integers(-1, 5),
    st.sampled_from("abc"),
    revenue=st.sampled_from([0.0, 9.0, 10.0, None]),
    days_on_3g=st.sampled_from([0.0, 5.0, None]),
    device_matched=st.sampled_from([True, False, None]),
    state=st.sampled_from(["active", "active", "suspended", "cancelled", "cross_branch", "split", None]),
    branch=st.sampled_from(["home", "away"]),
)
SALES = st.builds(sale, st.sampled_from(["a", "b", "c", None]), date=st.dates(date(2012, 12, 1), date(2013, 2, 28)).map(pd.Timestamp))


@given(st.lists(SALES, min_size=1, max_size=6), st.lists(ROWS, max_size=12), st.randoms())
def test_row_order_changes_nothing_and_every_unit_is_counted_once(sold: list, rows: list, random: object) -> None:
    table, used = pd.DataFrame(sold), activity(*rows)
    copies = table.copy(), used.copy()
    states = cohorts.customer_states(table, used, ASOF, **SETTINGS)
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    again = cohorts.customer_states(table.iloc[order], used.sample(frac=1, random_state=1), ASOF, **SETTINGS)
    pd.testing.assert_frame_equal(states, again.sort_index())
    rates = cohorts.cohort_rates(states, [])
    counted = rates.set_index("state")["units"]
    assert counted[list(cohorts.STATES)].sum() == table["units"].sum()
    shares = rates.set_index("state").loc[list(cohorts.FOLLOWED), "share"]
    assert shares.sum() == pytest.approx(1) or (shares.isna().all() and counted[list(cohorts.FOLLOWED)].sum() == 0)
    assert all(counted[part] <= counted[whole] for part, whole in cohorts.PARTS.items())
    pd.testing.assert_frame_equal(table, copies[0])
    pd.testing.assert_frame_equal(used, copies[1])


def test_the_sample_is_followed_and_quickly(store) -> None:
    sales, rows = store.read("sales"), store.read("activity")
    sales = sales[sales["units"] == 1]
    states = cohorts.customer_states(sales, rows, date(2013, 12, 31), **SETTINGS)
    counts = states["state"].value_counts()
    assert counts.sum() == len(sales) and "unknown" not in counts
    # young are the sales of the last three months, and nothing else
    assert (states["state"].eq("young") == states["month"].gt("2013-09")).all()
    # planted: 6 % split less those who leave first, 2 % never activated; found within four standard errors
    old = len(sales) - counts["young"]
    for state, planted in (("split", 0.06 * (1 - 0.0148) ** 3), ("not_activated", 0.02), ("cross_branch", 0.015 * (1 - 0.0148) ** 3)):
        assert abs(counts[state] / old - planted) < 4 * (planted / old) ** 0.5

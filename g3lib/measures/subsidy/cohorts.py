"""Customer states: what became of each sale by the third month after it, and the rates of each cohort.

What is counted is the sale with one known customer, by units; the denominator of every share is the units
whose state is known at the same age, +3 months. A month of a customer speaks of one sale only, the latest
up to that month, so nobody is counted twice. A sale too young, or one that the data cannot follow, is set
apart and counted, never taken for a good or a bad one.

Decided here, for the definitions leave it open:

- Reports of several branches on a customer-month are one month: revenue adds up, the best day count holds,
  and of the states the worst, in the order of `STATES`. A report by another branch than the seller's is a
  sign of 窜货 whatever its state.
- A month without a report, where the selling branch did report others, is a month out of service, without
  use. Where it reported nobody, nothing is known of that month.
- A customer who buys again by +3 leaves the earlier sale unknown: the months speak of the later device.
- A cancellation counts from the month of sale on, the other signs in months +1 to +3.
- What was used, but below m, or suspended for a while, is none of the listed faults: `low_use`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.measures.months import last_full_month, month_number
from g3lib.measures.subsidy.rates import BARE
from g3lib.periods import month_of

WINDOW = 3  # months after the month of sale
FOLLOWED = ("valid", "cancelled", "cross_branch", "split", "not_activated", "idle", "low_use")
STATES = (*FOLLOWED, "young", "unknown")
# each is a part of the state named, outside the sum of the shares
PARTS = {"three_g_active": "valid", "unpacked": "split"}
Z = 1.959964  # of a 95 % interval
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def traceable(sales: pd.DataFrame) -> Bools:
    """Whether a sales row is one sale to one known customer."""
    return np.asarray(sales["units"].eq(1) & sales["customer"].notna(), dtype=bool)


def covered(sales: pd.DataFrame, activity: pd.DataFrame, ages: Sequence[int]) -> Bools:
    """Sales × ages: whether the selling branch has any row of activity in that month after the sale.

    A branch all of whose customers have left looks like one that did not report: not covered.
    """
    names = pd.Index(activity["branch"].dropna().unique())
    there = activity["branch"].notna() & activity["month"].notna()
    month = month_number(activity.loc[there, "month"])
    pairs = np.unique(names.get_indexer(activity.loc[there, "branch"]) + month * len(names))
    home = names.get_indexer(sales["branch"])[:, None]
    wanted = home + (month_number(sales["date"])[:, None] + np.asarray(ages)) * len(names)
    return np.asarray((home >= 0) & np.isin(wanted, pairs))


def customer_months(sales: pd.DataFrame, activity: pd.DataFrame, asof: date) -> pd.DataFrame:
    """The rows of activity up to `asof`, each beside the sale that it speaks of: no row is doubled.

    That is the customer's latest sale up to the row's month; of several in one month the latest by date,
    then by device. Rows before the first sale, and of nobody's sale, are left out.

    Returns:
        The columns of `activity` with sale (position in `sales`) and age (months since the month of sale).
    """
    order = sales[["customer", "date", "device"]].assign(sale=np.arange(len(sales)))[traceable(sales)]
    order = order.sort_values(["customer", "date", "device"], kind="stable")
    names = pd.Index(order["customer"].unique())
    born = month_number(order["date"])
    span = 1 << 20  # more than any number of months, so that customer and month make one ordered number
    sold = names.get_indexer(order["customer"]) * span + born
    code, month = names.get_indexer(activity["customer"]), month_number(activity["month"])
    keep = (code >= 0) & (month <= last_full_month(asof)) & activity["month"].notna().to_numpy()
    place = np.searchsorted(sold, code[keep] * span + month[keep], side="right") - 1
    mine = (place >= 0) & (sold[place] // span == code[keep]) if len(sold) else np.zeros(0, dtype=bool)
    place, kept = place[mine], np.flatnonzero(keep)[mine]
    return activity.iloc[kept].assign(sale=order["sale"].to_numpy()[place], age=month[kept] - born[place])


def customer_states(sales: pd.DataFrame, activity: pd.DataFrame, asof: date, m: float, k: float) -> pd.DataFrame:
    """The state of each sale's customer at +3 months.

    Valid: in service, revenue ≥ m, device and number together in each of the months +1 to +3. Otherwise, in
    this order: cancelled, cross_branch 窜货, split 机卡分离, not_activated, idle (activated, no revenue and no day
    on 3G: 养卡), low_use (the rest).

    Args:
        sales: date, branch, units, customer, device, activated_at, contract, subsidy.
        activity: customer-months of all branches: a 窜货 customer is reported elsewhere.
        asof: the last day known.
        m: least revenue, yuan a month.
        k: least days on 3G a month.

    Returns:
        index as the sales: month (`2013-01`), age (full calendar months known after the month of sale, at
        least 0), units, state (one of `STATES`), three_g_active (valid with ≥ k days on 3G in each of the months;
        missing where no days are known), unpacked (拆包: split, and the device of a subsidised sale is sold again
        unsubsidised, the same day or later), reason of an unknown state: `no_customer`, `several_units`,
        `several_sales`, `not_covered`, `unset` (m or k is NaN: nobody decided), `not_measured` (a state, revenue or
        match is missing, and decides).

    >>> sold = pd.DataFrame({"date": pd.Timestamp("2013-01-31"), "branch": "b", "units": [1, 3], "customer": ["c", None],
    ...                      "device": "d", "activated_at": pd.NaT, "contract": "plan", "subsidy": 500.0})
    >>> used = pd.DataFrame({"customer": "c", "month": pd.date_range("2013-02-01", periods=3, freq="MS"), "branch": "b",
    ...                      "revenue": [10.0, 10, 9.99], "days_on_3g": 31, "device_matched": True, "state": "active"})
    >>> customer_states(sold, used, date(2013, 4, 30), m=10, k=5)[["state", "reason"]].values.tolist()
    [['low_use', ''], ['unknown', 'several_units']]
    """
    born, last = month_number(sales["date"]), last_full_month(asof)
    rows = customer_months(sales, activity, asof)
    rows = rows[rows["age"] <= WINDOW]
    sale, state, days = rows["sale"].to_numpy(), rows["state"], rows["days_on_3g"]
    shape = (len(sales), WINDOW + 1)
    cell = sale * shape[1] + rows["age"].to_numpy()

    def months_with(sign: pd.Series, first: int = 1) -> Bools:
        hits = np.bincount(cell[sign.fillna(False).to_numpy(dtype=bool)], minlength=shape[0] * shape[1])
        return np.asarray(hits.reshape(shape)[:, first:] > 0)

    foreign = rows["branch"].notna() & (rows["branch"] != sales["branch"].to_numpy()[sale])
    revenue = np.bincount(cell, rows["revenue"], shape[0] * shape[1]).reshape(shape)[:, 1:]
    cancelled = months_with(state == "cancelled", first=0)
    away = months_with((state == "cross_branch") | foreign)
    apart = months_with((state == "split") | rows["device_matched"].eq(False))
    unmeasured = months_with(state.isna() | rows["revenue"].isna() | ((state == "active") & rows["device_matched"].isna()))
    in_service = months_with(state == "active") & ~months_with(state.notna() & (state != "active"))
    valid = in_service & ~apart & ~away & ~unmeasured & (revenue >= m)
    activated = sales["activated_at"].notna().to_numpy() & (month_number(sales["activated_at"]) <= born + WINDOW)
    activated |= np.bincount(sale, minlength=shape[0]) > 0
    used = (revenue > 0) | months_with(days > 0)
    signs = [sign.any(axis=1) for sign in (cancelled, away, apart, unmeasured)]
    signs = [valid.all(axis=1), *signs, ~activated, ~used.any(axis=1)]
    found = np.select(signs, ["valid", "cancelled", "cross_branch", "split", "unknown", "not_activated", "idle"], "low_use")

    young, blind = born + WINDOW > last, ~covered(sales, activity, range(1, WINDOW + 1)).all(axis=1)
    reason = np.select(
        [sales["units"].ne(1), ~traceable(sales), young, _bought_again(sales), blind, np.full(len(sales), np.isnan(m + k))],
        ["several_units", "no_customer", "", "several_sales", "not_covered", "unset"],
        np.where(found == "unknown", "not_measured", ""),
    )
    found = np.select([reason != "", young], ["unknown", "young"], found)
    enough = months_with(days >= k)
    three_g = pd.Series((found == "valid") & enough.all(axis=1), dtype="boolean", index=sales.index)
    three_g[(found == "valid") & (~enough & months_with(days.isna())).any(axis=1)] = pd.NA
    out = sales[["units"]].assign(month=month_of(sales["date"]), age=np.maximum(last - born, 0), state=found)
    out = out.assign(three_g_active=three_g, unpacked=(found == "split") & _resold(sales, asof), reason=reason)
    return out[["month", "age", "units", "state", "three_g_active", "unpacked", "reason"]]


def _bought_again(sales: pd.DataFrame) -> Bools:
    """Whether the customer's next sale comes by the end of the window; of two in one month, for both."""
    known = sales[["customer"]].assign(month=month_number(sales["date"]), sale=np.arange(len(sales)))[traceable(sales)]
    known = known.sort_values(["customer", "month"], kind="stable")
    month = known.groupby("customer")["month"]
    out = np.zeros(len(sales), dtype=bool)
    out[known["sale"]] = (-month.diff(-1) <= WINDOW) | (month.diff(1) == 0)
    return out


def _resold(sales: pd.DataFrame, asof: date) -> Bools:
    """Whether the device of a subsidised sale is in an unsubsidised one, not earlier and known at `asof`."""
    bare = sales["contract"].eq(BARE) | sales["subsidy"].eq(0)
    free = sales[bare & sales["device"].notna() & (sales["date"] <= pd.Timestamp(asof))]
    last = free.groupby("device")["date"].max().reindex(sales["device"])
    return np.asarray(~bare.to_numpy() & (last.to_numpy() >= sales["date"].to_numpy()), dtype=bool)


def cohort_rates(states: pd.DataFrame, by: Sequence[str] = ("month",)) -> pd.DataFrame:
    """Units and shares of the states in each cohort.

    Args:
        states: what `customer_states` returns, with the columns of `by`.
        by: the columns that make the cohorts; empty for one over all.

    Returns:
        by…, state (each of `STATES` and `PARTS`, a part being inside the state it belongs to), units, base
        (units of known state), share (units ÷ base), low, high (Wilson, 95 %), young (some of the cohort's
        units have not reached +3 months: grey), reason of a missing share: `no_base`, `not_in_base` (the states young
        and unknown), `days_unknown` (of a valid customer's days on 3G). The shares of `FOLLOWED` sum to 1.

    >>> states = pd.DataFrame({"month": "2013-01", "units": [1, 1, 8], "state": ["valid", "split", "unknown"],
    ...                        "three_g_active": pd.array([None, False, False], "boolean"), "unpacked": False})
    >>> rates = cohort_rates(states).set_index("state")[["units", "share", "reason"]]
    >>> rates.loc[["split", "three_g_active", "unknown"]].values.tolist()
    [[1, 0.5, ''], [0, nan, 'days_unknown'], [8, nan, 'not_in_base']]
    """
    from statsmodels.stats.proportion import proportion_confint

    keys, names = list(by), [*STATES, *PARTS]
    marks = {name: states["units"].where(states["state"] == name, 0) for name in STATES}
    marks |= {part: states["units"].where(states[part].fillna(False).astype(bool), 0) for part in PARTS}
    frame = states[keys].assign(**marks, blind=states["three_g_active"].isna())
    groups = frame.groupby(keys or (lambda _: "all"), sort=True, dropna=False)[[*names, "blind"]].sum()
    out = groups[names].stack().rename("units").rename_axis([*(keys or ["all"]), "state"]).reset_index()
    spread = {"base": groups[list(FOLLOWED)].sum(axis=1), "young": groups["young"] > 0, "blind": groups["blind"] > 0}
    for name, values in spread.items():
        out[name] = np.repeat(values.to_numpy(), len(names))
    outside, blind = out["state"].isin(STATES[len(FOLLOWED) :]), out.pop("blind") & (out["state"] == "three_g_active")
    out["reason"] = np.select([outside, out["base"] == 0, blind], ["not_in_base", "no_base", "days_unknown"], "")
    base = out["base"].where(out["reason"] == "")
    out["share"] = out["units"] / base
    out["low"], out["high"] = proportion_confint(out["units"], base, method="wilson")
    return out[[*keys, "state", "units", "base", "share", "low", "high", "young", "reason"]]

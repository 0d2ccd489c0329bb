"""What a customer cost and what he returns: the other measures put together, class by class.

Costs and customers are those of the same sales. Only cohorts that have reached their third month can say how
many of their customers are valid, so cost per customer is taken over the last such cohorts, never over the
month of the report. What a class returns is followed on its contract sales: a bare device was not subsidised.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.boxes import with_and_without
from g3lib.measures.subsidy.cohorts import WINDOW
from g3lib.measures.subsidy.incremental import cost_per
from g3lib.measures.subsidy.payback import (
    break_even_subsidy,
    margin_draws,
    mean_margins,
    returns,
    survival_draws,
    termination_receipts,
)
from g3lib.measures.subsidy.rates import subsidy_rate
from g3lib.measures.subsidy.response import BARE
from g3lib.measures.subsidy.retention import durations, kaplan_meier
from g3lib.periods import shift

DRAWS = 400


def mature(states: pd.DataFrame, months: int = 12) -> pd.Series:
    """Whether each sale is of one of the last `months` monthly cohorts that have reached their third month.

    >>> states = pd.DataFrame({"month": ["2013-01", "2013-02", "2013-03"], "age": [4, 3, 2]})
    >>> mature(states, months=1).tolist()
    [False, True, False]
    """
    ready = sorted(states.loc[states["age"] >= WINDOW, "month"].unique())[-months:]
    return states["month"].isin(ready)


def net_adds(activity: pd.DataFrame, first: str, last: str) -> float:
    """Customers in service at the end less at the start: 净增, which is new and migrated in less lost.

    Args:
        activity: customer, month, state; a customer counts once a month, whoever reports him.
        first, last: months, `2013-01`; the start is the month before the first.

    Returns:
        NaN where the table has no row of the start, or none of the end: an unknown stock is not 0.

    >>> seen = pd.DataFrame({"customer": ["a", "b", "c"], "month": pd.to_datetime(["2013-01-01", "2013-02-01", "2013-02-01"]),
    ...                      "state": ["active", "cancelled", "active"]})
    >>> net_adds(seen, "2013-02", "2013-02"), net_adds(seen, "2013-01", "2013-02")
    (0.0, nan)
    """
    start, end = (pd.Timestamp(month) for month in (shift(first, -1), last))
    if not {start, end} <= set(activity["month"]):
        return float("nan")
    there = activity[activity["state"].ne("cancelled")]
    before, after = (there.loc[there["month"] == month, "customer"].nunique() for month in (start, end))
    return float(after - before)


def ended(sales: pd.DataFrame, followed: pd.DataFrame) -> pd.Series:
    """The month in which each sale's customer left, missing where in service: what stops a refund.

    Args:
        sales: date.
        followed: `durations` of the same sales.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-31", "2013-01-31"])})
    >>> ended(sales, pd.DataFrame({"exit": [2], "event": [True]})).tolist()
    [Timestamp('2013-03-01 00:00:00'), NaT]
    """
    age = followed["exit"].where(followed["event"]).reindex(sales.index)
    month = sales["date"].dt.to_period("M")
    gone = [m + int(a) if a == a else pd.NaT for m, a in zip(month, age, strict=True)]
    return pd.Series(pd.PeriodIndex(gone, freq="M").to_timestamp(), index=sales.index)


def denominators(states: pd.DataFrame, caused: pd.DataFrame, net: float) -> pd.DataFrame:
    """What a sum of subsidy is divided by, side by side, for `cost_per`.

    Args:
        states: `customer_states` of the sales that the subsidy was paid for.
        caused: `caused` of the same sales, one row.
        net: `net_adds` of their months.

    Returns:
        name (`sale`, `net_add`, `valid`, `incremental`), value, se, df. Where some customers cannot be followed
        the valid are taken at the share of those that can, with its standard error.

    >>> states = pd.DataFrame({"units": [1, 1, 2], "state": ["valid", "split", "unknown"]})
    >>> caused = pd.DataFrame({"incremental": [1.5], "se": [0.5], "df": [9.0]})
    >>> denominators(states, caused, float("nan")).values.tolist()
    [['sale', 4.0, nan, nan], ['net_add', nan, nan, nan], ['valid', 2.0, 1.41..., nan], ['incremental', 1.5, 0.5, 9.0]]
    """
    units = float(states["units"].sum())
    base = float(states.loc[~states["state"].isin(["young", "unknown"]), "units"].sum())
    good = float(states.loc[states["state"] == "valid", "units"].sum())
    share = good / base if base else float("nan")
    se = units * np.sqrt(share * (1 - share) / base) if 0 < base < units else float("nan")
    row = caused.iloc[0]
    return pd.DataFrame(
        [("sale", units, np.nan, np.nan), ("net_add", net, np.nan, np.nan), ("valid", share * units, se, np.nan),
         ("incremental", row["incremental"], row["se"], row["df"])],
        columns=["name", "value", "se", "df"],
    )  # fmt: skip


def customer_costs(
    sales: pd.DataFrame, states: pd.DataFrame, caused: pd.DataFrame, activity: pd.DataFrame, *, numerator: str, base: str
) -> pd.DataFrame:
    """The subsidy of some sales per sale, per G3 net add, per valid and per incremental customer, side by side.

    Args:
        sales, states: the same sales and their customers' states.
        caused: `caused` of them, one row.
        activity: customer-months; the net adds are those of the sales' months.
        numerator, base: see `subsidy_rate`: the cost is its numerator.

    Returns:
        As `cost_per`. A sale whose subsidy is unknown is in no sum: where there are any, the cost is unknown.
    """
    whole = subsidy_rate(sales, numerator=numerator, base=base).iloc[0]
    months = sorted(states["month"].unique())
    net = net_adds(activity, months[0], months[-1]) if months else float("nan")
    cost = whole["subsidy_yuan"] if whole["units"] > 0 and whole["unknown_units"] == 0 else float("nan")
    return cost_per(cost, denominators(states, caused, net))


def returns_by_class(
    sales: pd.DataFrame, activity: pd.DataFrame, layers: pd.DataFrame, asof: date, *, margin: float, annual_rate: float,
    collection_rate: float, draws: int = DRAWS,
) -> pd.DataFrame:  # fmt: skip
    """Payback, NPV, ROI and break-even subsidy of each device class's contract sales.

    Args:
        sales, activity, asof: as for `durations`; bare sales are left out.
        layers: `cost_layers` of the same sales by device_class: device discount, commission and refunds at
            marginal cost a unit are taken from it; stock and commitments are not a sale's.
        margin: share of revenue; annual_rate, collection_rate: fractions (see `cash_curve`, `termination_receipts`).
        draws: how often survival and margin are drawn; the seed is the class's name.

    Returns:
        device_class, term (the commonest, months), subsidy, cost (discount and commission; yuan a unit), list_price,
        margin (yuan a month in service), survival (at the end of the term; NaN where not yet seen), payback_p10,
        payback, payback_p90 (months; NaN with `censored` where beyond `horizon`), censored, horizon (months followed),
        npv_p10, npv, npv_p90 (yuan a unit), roi_p10, roi, roi_p90, break_even (yuan a unit), break_even_rate (of list
        price), reason: `no_term`, `not_followed` where no customer is beyond the month of sale, `unknown` where a cost, the
        margin (or every revenue) or a rate is;
        break_even_reason: see `break_even_subsidy`.
    """
    contracted = sales[(sales["contract"] != BARE) & (sales["units"] > 0)]
    rows = []
    for name, own in contracted.groupby("device_class", sort=True):
        sums = layers[layers["device_class"] == name].groupby("part")[["yuan", "units"]].sum(min_count=1)
        parts = sums["yuan"] / sums["units"].where(sums["units"] > 0)
        rows.append(
            {"device_class": name} | _of_class(str(name), own, activity, parts, asof, margin, annual_rate, collection_rate, draws)
        )
    return pd.DataFrame(rows, columns=["device_class", *_RETURNS])


_QUANTILES = ("payback_p10", "payback", "payback_p90", "npv_p10", "npv", "npv_p90", "roi_p10", "roi", "roi_p90")
_KNOWN = ("term", "subsidy", "cost", "list_price", "margin", "survival")
_LIMIT = ("break_even", "break_even_rate", "reason", "break_even_reason")
_RETURNS = (*_KNOWN, *_QUANTILES[:3], "censored", "horizon", *_QUANTILES[3:], *_LIMIT)


def _of_class(
    name: str, sales: pd.DataFrame, activity: pd.DataFrame, parts: pd.Series, asof: date, margin: float, annual_rate: float,
    collection_rate: float, draws: int,
) -> dict[str, Any]:  # fmt: skip
    terms = sales.groupby("term_months")["units"].sum()
    term = int(terms.idxmax()) if len(terms) else 0
    price = float(np.average(sales["list_price"], weights=sales["units"]))
    subsidy, commission, free, data = (
        float(parts.get(part, np.nan))
        for part in ("device_discount", "commission", "refund_free_marginal", "refund_data_marginal")
    )
    out: dict[str, Any] = dict.fromkeys(_RETURNS, np.nan) | {
        "term": term,
        "subsidy": subsidy,
        "cost": subsidy + commission,
        "list_price": price,
    }
    out |= {"censored": False, "horizon": 0, "reason": "", "break_even_reason": ""}
    own = activity[activity["customer"].isin(set(sales["customer"].dropna()))]
    followed = durations(sales, own, asof)
    margins = mean_margins(own, margin)
    if not term or not (followed["exit"] > 0).any():
        return out | {"reason": "not_followed" if term else "no_term"}
    table = kaplan_meier(followed)
    refunds = np.full(term, (free + data) / term)
    owed = termination_receipts(subsidy, term, collection_rate)
    alive = table.loc[table["month"] >= 1, "survival"].to_numpy()
    out |= {"margin": float(margins.mean()), "survival": alive[term - 1] if len(alive) >= term else np.nan}
    if not np.isfinite([subsidy, commission, free + data, out["margin"], annual_rate, collection_rate]).all():
        return out | {"reason": "unknown"}
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    survival = survival_draws(table[["month", "at_risk", "events"]], draws, seed)
    found = returns(survival, margin_draws(margins, draws, seed + 1), refunds, subsidy + commission, annual_rate, owed)
    out |= dict(zip(_QUANTILES, found["value"], strict=True))
    out |= {"censored": bool(found["censored"].iloc[1]), "horizon": int(found["horizon"].iloc[0])}
    months = np.arange(1, len(alive) + 1)
    refund = np.where(months <= term, refunds[0], 0.0)
    case = pd.DataFrame({"device_class": name, "month": months, "survival": alive, "margin": margins.mean(), "refund": refund,
                         "other_cost": commission, "term": term})  # fmt: skip
    limit = break_even_subsidy(case, annual_rate, collection_rate).iloc[0]
    return out | {
        "break_even": limit["subsidy"],
        "break_even_rate": limit["subsidy"] / price,
        "break_even_reason": limit["reason"],
    }


def without_boxes(sales: pd.DataFrame, states: pd.DataFrame, flagged: pd.Series) -> pd.DataFrame:
    """Subsidy per valid customer with the suspected sales, and without them.

    Args:
        sales, states: the same sales and their customers' states.
        flagged: whether each sale is suspected (`suspected`).

    Returns:
        boxes (`with`, `without`), units, subsidy_yuan, valid (customers), cost_per_valid (yuan; NaN without one, and
        where a sale's subsidy is unknown).

    >>> sales = pd.DataFrame({"units": [1, 1], "subsidy": [100.0, 300.0]})
    >>> states = pd.DataFrame({"state": ["valid", "idle"]})
    >>> without_boxes(sales, states, pd.Series([False, True]))["cost_per_valid"].tolist()
    [400.0, 100.0]
    """

    def measure(rows: pd.DataFrame) -> pd.DataFrame:
        valid = float(rows.loc[rows["state"] == "valid", "units"].sum())
        spent = float((rows["subsidy"] * rows["units"]).sum(skipna=False))
        each = spent / valid if valid else np.nan
        return pd.DataFrame([{"units": rows["units"].sum(), "subsidy_yuan": spent, "valid": valid, "cost_per_valid": each}])

    return with_and_without(sales.assign(state=states["state"]), flagged, measure)

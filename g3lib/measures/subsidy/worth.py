"""What a customer cost and what he returns: the other measures put together, class by class.

Costs and customers are those of the same sales. Only cohorts that have reached their third month can say how
many of their customers are valid, so cost per customer is taken over the last such cohorts, never over the
month of the report. What a class returns is followed on its contract sales: a bare device was not subsidised.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from g3lib.measures.draws import generator
from g3lib.measures.months import last_full_month, month_number
from g3lib.measures.subsidy.cohorts import FOLLOWED, WINDOW, customer_months, traceable
from g3lib.measures.subsidy.incremental import cost_per
from g3lib.measures.subsidy.payback import break_even_subsidy, returns, termination_receipts
from g3lib.measures.subsidy.rates import BARE, amounts
from g3lib.measures.subsidy.retention import durations
from g3lib.periods import shift

DRAWS = 200
_WEIGHTS = 20_000_000  # numbers drawn at a time


def mature(states: pd.DataFrame, months: int = 12) -> pd.Series:
    """Whether each sale is of one of the last `months` monthly cohorts that have reached their third month.

    >>> states = pd.DataFrame({"month": ["2013-01", "2013-02", "2013-03"], "age": [4, 3, 2]})
    >>> mature(states, months=1).tolist()
    [False, True, False]
    """
    ready = sorted(states.loc[states["age"] >= WINDOW, "month"].unique())[-months:]
    return states["month"].isin(ready)


def net_adds(activity: pd.DataFrame, first: str, last: str) -> float:
    """Net add 净增 = customers at the end − at the start = new and migrated in − lost, taken as flows.

    New is who first appears, lost who is first reported as having left. A customer whose rows just end (a table follows
    nobody for ever) is not known to be lost, so this is an upper bound, and a cost per net add a lower one.

    Args:
        activity: customer, month, state; a customer counts once, whoever reports him.
        first, last: months, `2013-01`; the start is the month before the first.

    Returns:
        NaN where a month from the start to the end has no row: an unknown stock is not 0.

    >>> seen = pd.DataFrame({"customer": ["a", "b", "c"], "month": pd.to_datetime(["2013-01-01", "2013-02-01", "2013-02-01"]),
    ...                      "state": ["active", "cancelled", "active"]})
    >>> net_adds(seen, "2013-02", "2013-02"), net_adds(seen, "2013-01", "2013-02")
    (1.0, nan)
    """
    start, end = (pd.Timestamp(month) for month in (shift(first, -1), last))
    if not set(pd.date_range(start, end, freq="MS")) <= set(activity["month"]):
        return float("nan")
    firsts = [rows.groupby("customer")["month"].min() for rows in (activity, activity[activity["state"] == "cancelled"])]
    came, left = (months.between(start, end, inclusive="right").sum() for months in firsts)
    return float(came - left)


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
        the valid are taken at the share of those that can, with its standard error. Where the response knows only
        some of the sales (`unknown_units`), their incremental customers stand against the cost of all: unknown.

    >>> states = pd.DataFrame({"units": [1, 1, 2], "state": ["valid", "split", "unknown"]})
    >>> caused = pd.DataFrame({"incremental": [1.5], "se": [0.5], "df": [9.0]})
    >>> denominators(states, caused, float("nan")).values.tolist()
    [['sale', 4.0, nan, nan], ['net_add', nan, nan, nan], ['valid', 2.0, 1.0, nan], ['incremental', 1.5, 0.5, 9.0]]
    """
    units = float(states["units"].sum())
    base = float(states.loc[states["state"].isin(FOLLOWED), "units"].sum())
    good = float(states.loc[states["state"] == "valid", "units"].sum())
    share = good / base if base else float("nan")
    # only those who cannot be followed are uncertain, and the share that stands for them
    rest, spread = units - base, share * (1 - share)
    se = rest * np.sqrt(spread / base + spread / rest) if 0 < base < units else float("nan")
    row = caused.iloc[0]
    return pd.DataFrame(
        [("sale", units, np.nan, np.nan), ("net_add", net, np.nan, np.nan), ("valid", share * units, se, np.nan),
         ("incremental", row["incremental"] if row.get("unknown_units", 0) == 0 else np.nan, row["se"], row["df"])],
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

    >>> sales = pd.DataFrame({"units": [1, 1], "subsidy": [300.0, None], "list_price": 1000.0})
    >>> states = pd.DataFrame({"month": "2013-01", "units": [1, 1], "state": "valid"})
    >>> new = pd.DataFrame({"incremental": [1.0], "se": 0.5, "df": 9.0})
    >>> seen = pd.DataFrame({"customer": [], "month": pd.to_datetime([]), "state": []})
    >>> customer_costs(sales, states, new, seen, numerator="device", base="list")[["name", "value", "reason"]].values.tolist()
    [['sale', nan, 'unknown'], ['net_add', nan, 'unknown'], ['valid', nan, 'unknown'], ['incremental', nan, 'unknown']]
    """
    months = sorted(states["month"].unique())
    net = net_adds(activity, months[0], months[-1]) if months else float("nan")
    cost = float(amounts(sales, numerator, base)["subsidy_yuan"].sum(skipna=False)) if len(sales) else float("nan")
    return cost_per(cost, denominators(states, caused, net))


def returns_by_class(
    sales: pd.DataFrame, activity: pd.DataFrame, layers: pd.DataFrame, asof: date, *, margin: float, annual_rate: float,
    collection_rate: float, draws: int = DRAWS,
) -> pd.DataFrame:  # fmt: skip
    """Payback, NPV, ROI and break-even subsidy of each device class's contract sales.

    Args:
        sales, activity, asof: as for `durations`; bare sales are left out.
        layers: `cost_layers` of the same sales by device_class and contract: device discount, commission and refunds at
            marginal cost a unit are taken from it; stock and commitments are not a sale's.
        margin: share of revenue; annual_rate, collection_rate: fractions (see `cash_curve`, `termination_receipts`).
        draws: how often the customers are drawn again, survival and margin together; the seed is the class's name.

    Returns:
        device_class, term (the commonest, months), customers (followed; few say little), subsidy, cost (discount and
        commission; yuan a unit), list_price, margin (yuan a month in service), survival (of a sale, at the end of the
        term; NaN where not yet seen), payback_p10, payback, payback_p90 (months; NaN with `censored` where beyond
        `horizon`), censored, horizon (months followed), npv_p10, npv, npv_p90 (yuan a unit), roi_p10, roi, roi_p90,
        break_even (yuan a unit), break_even_rate (of list price), reason: `no_term`, `not_followed` where no customer is
        beyond the month of sale, `unknown` where a cost, the margin (or every revenue) or a rate is;
        break_even_reason: see `break_even_subsidy`.

    >>> sales = pd.DataFrame({"date": [pd.Timestamp("2013-01-31")], "device_class": "handset", "contract": "plan", "units": 1,
    ...                       "term_months": 12, "list_price": 1000.0, "customer": "c", "device": "d"})
    >>> layers = sales[["device_class", "contract", "units"]].assign(part="device_discount", yuan=300.0)
    >>> seen = pd.DataFrame({"customer": ["c"], "month": pd.Timestamp("2013-01-01"), "state": "active", "reason": None})
    >>> found = returns_by_class(sales, seen, layers, date(2013, 1, 31), margin=0.4, annual_rate=0.08, collection_rate=0.5)
    >>> found[["subsidy", "payback", "censored", "reason"]].values.tolist()
    [[300.0, nan, False, 'not_followed']]
    """
    classes = followed_classes(sales, activity, layers, asof, margin=margin, draws=draws)
    return returns_at(classes, annual_rate=annual_rate, collection_rate=collection_rate)


@dataclass(frozen=True, eq=False)  # known by itself: what no subsidy changes is worked out once of each (`_break_even_of`)
class FollowedClass:
    """What is known of a device class's contract sales before anybody chooses a subsidy.

    term (months, the commonest; 0 for none), customers followed, list_price, subsidy, commission and refunds at marginal cost
    (yuan a unit), survival and earned (margin a month in service, yuan) by month: the first row as seen, the others drawn again.
    """

    device_class: str
    term: int
    customers: int
    list_price: float
    subsidy: float
    commission: float
    refunds: float
    survival: np.ndarray
    earned: np.ndarray


def followed_classes(
    sales: pd.DataFrame, activity: pd.DataFrame, layers: pd.DataFrame, asof: date, *, margin: float, draws: int = DRAWS
) -> list[FollowedClass]:
    """The customers of each class followed once, so that what they return can be asked at any subsidy (`returns_at`).

    Args:
        sales, activity, layers, asof, margin, draws: see `returns_by_class`.

    >>> sales = pd.DataFrame({"date": [pd.Timestamp("2013-01-31")], "device_class": "handset", "contract": "bare", "units": 1})
    >>> followed_classes(sales, pd.DataFrame(), pd.DataFrame(), date(2013, 1, 31), margin=0.4)
    []
    """
    contracted = sales[(sales["contract"] != BARE) & (sales["units"] > 0)]
    found = []
    for name, own in contracted.groupby("device_class", sort=True):
        mine = layers[(layers["device_class"] == name) & (layers["contract"] != BARE)]
        sums = mine.groupby("part")[["yuan", "units"]].sum(min_count=1)
        parts = sums["yuan"] / sums["units"].where(sums["units"] > 0)
        found.append(_followed(str(name), own, activity, parts, asof, margin, draws))
    return found


def _followed(
    name: str, sales: pd.DataFrame, activity: pd.DataFrame, parts: pd.Series, asof: date, margin: float, draws: int
) -> FollowedClass:
    terms = sales.groupby("term_months")["units"].sum()
    priced = sales[sales["list_price"] > 0]
    price = float((priced["list_price"] * priced["units"]).sum() / (priced["units"].sum() or np.nan))
    needed = ["device_discount", "commission", "refund_free_marginal", "refund_data_marginal"]
    subsidy, commission, free, data = parts.reindex(needed).astype(float)
    own = activity[activity["customer"].isin(set(sales["customer"].dropna()))]
    customers, survival, earned = _profiles(name, sales, own, asof, margin, draws)
    term = int(terms.idxmax()) if len(terms) else 0
    return FollowedClass(name, term, customers, price, subsidy, commission, free + data, survival, earned)


def returns_at(
    classes: Sequence[FollowedClass], subsidies: Mapping[str, float] | None = None, *, annual_rate: float, collection_rate: float
) -> pd.DataFrame:
    """Payback, NPV, ROI and break-even of each class at its own subsidy, or at another one.

    A subsidy that is chosen changes what a sale costs and what an early leaver owes; who stays and what he pays is as followed.

    Args:
        classes: `followed_classes`.
        subsidies: device class → yuan a unit; a class that is not in it keeps its own.
        annual_rate, collection_rate: see `returns_by_class`.

    Returns:
        See `returns_by_class`.

    >>> one = FollowedClass("handset", 2, 9, 1000.0, 300.0, 0.0, 0.0, np.ones((2, 4)), np.full((2, 4), 100.0))
    >>> [returns_at([one], at, annual_rate=0.0, collection_rate=0.0)["payback"].tolist() for at in (None, {"handset": 100.0})]
    [[3.0], [1.0]]
    """
    given = subsidies or {}
    rows = []
    for one in classes:
        subsidy = given.get(one.device_class, one.subsidy)
        rows.append({"device_class": one.device_class} | _returned(one, subsidy, annual_rate, collection_rate))
    return pd.DataFrame(rows, columns=["device_class", *_RETURNS])


_QUANTILES = ("payback_p10", "payback", "payback_p90", "npv_p10", "npv", "npv_p90", "roi_p10", "roi", "roi_p90")
_KNOWN = ("term", "customers", "subsidy", "cost", "list_price", "margin", "survival")
_LIMIT = ("break_even", "break_even_rate", "reason", "break_even_reason")
_RETURNS = (*_KNOWN, *_QUANTILES[:3], "censored", "horizon", *_QUANTILES[3:], *_LIMIT)


def _returned(one: FollowedClass, subsidy: float, annual_rate: float, collection_rate: float) -> dict[str, Any]:
    term, commission, survival, earned = one.term, one.commission, one.survival, one.earned
    out: dict[str, Any] = dict.fromkeys(_RETURNS, np.nan)
    out |= {"term": term, "subsidy": subsidy, "cost": subsidy + commission, "list_price": one.list_price}
    out |= {"censored": False, "horizon": 0, "reason": "", "break_even_reason": ""}
    if not term or not survival.shape[1]:
        return out | {"reason": "not_followed" if term else "no_term"}
    refunds = np.full(term, one.refunds / term)
    owed = termination_receipts(subsidy, term, collection_rate)
    alive, gained = survival[0], earned[0]
    out |= {"customers": one.customers, "margin": float((alive * gained).sum() / alive.sum()) if alive.sum() else 0.0}
    out |= {"survival": alive[term - 1] if len(alive) >= term else np.nan}
    if not np.isfinite([subsidy, commission, one.refunds, out["margin"], annual_rate, collection_rate]).all():
        return out | {"reason": "unknown"}
    found = returns(survival[1:], earned[1:], refunds, subsidy + commission, annual_rate, owed)
    out |= dict(zip(_QUANTILES, found["value"], strict=True))
    out |= {"censored": bool(found["censored"].iloc[1]), "horizon": int(found["horizon"].iloc[0])}
    limit, reason = _break_even_of(one, annual_rate, collection_rate)
    return out | {"break_even": limit, "break_even_rate": limit / one.list_price, "break_even_reason": reason}


@lru_cache(maxsize=32)
def _break_even_of(one: FollowedClass, annual_rate: float, collection_rate: float) -> tuple[float, str]:
    months = np.arange(1, one.survival.shape[1] + 1)
    case = pd.DataFrame(
        {
            "device_class": one.device_class, "month": months, "survival": one.survival[0], "margin": one.earned[0],
            "refund": np.where(months <= one.term, one.refunds / one.term, 0.0), "other_cost": one.commission, "term": one.term,
        }
    )  # fmt: skip
    limit = break_even_subsidy(case, annual_rate, collection_rate).iloc[0]
    return float(limit["subsidy"]), str(limit["reason"])


def _profiles(
    name: str, sales: pd.DataFrame, activity: pd.DataFrame, asof: date, margin: float, draws: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """Customers followed, survival S(1)…S(H) of a sale, margin a month in service by age: as seen, then drawn again.

    Both are ratios of sums over the same customers at each age, so one who stays counts for every month that he
    stays; and a sale that was never activated is in S, for it cost as much as any other.
    """
    followed, last = durations(sales, activity, asof), last_full_month(asof)
    sold = month_number(sales["date"])
    ripe = np.flatnonzero((sold < min(last, int(month_number(activity["month"]).max(initial=0)))) & traceable(sales))
    ages = int(followed["exit"].max()) if len(followed) else 0
    if not len(ripe) or ages < 1:
        return 0, np.empty((draws + 1, 0)), np.empty((draws + 1, 0))
    rows = customer_months(sales, activity, asof)
    rows = rows[rows["age"].between(1, ages) & rows["state"].ne("cancelled") & rows["revenue"].notna()]
    paid, served = (np.zeros((len(sales), ages + 1), dtype=np.float32) for _ in range(2))
    np.add.at(paid, (rows["sale"], rows["age"]), rows["revenue"])
    served[rows["sale"], rows["age"]] = 1
    seen = followed.reindex(sales.index).iloc[ripe]
    age = np.arange(1, ages + 1)
    there = (seen["entry"].to_numpy()[:, None] <= age) & (age <= seen["exit"].to_numpy()[:, None])
    gone = there & (age == seen["exit"].to_numpy()[:, None]) & seen["event"].eq(True).to_numpy()[:, None]
    parts = [there, gone, paid[ripe, 1:], served[ripe, 1:], seen["exit"].notna().to_numpy()[:, None]]
    risk, lost, paid, served, began = _drawn_again([part.astype(np.float32) for part in parts], name, draws)
    activated = began[:, 0] / len(ripe)
    kept = np.flatnonzero(risk[0] > 0).max(initial=-1) + 1
    survival = activated[:, None] * np.cumprod(1 - lost / np.where(risk > 0, risk, 1.0), axis=1)
    # where nobody is left to pay, nothing is earned; where somebody is and his revenue is unknown, the months beside speak
    each = np.where(risk == lost, 0.0, margin * paid / np.where(served > 0, served, np.nan))
    earned = pd.DataFrame(each).ffill(axis=1).bfill(axis=1)
    return int(seen["exit"].notna().sum()), survival[:, :kept].clip(0, 1), earned.to_numpy()[:, :kept]


def _drawn_again(parts: list[np.ndarray], name: str, draws: int) -> list[np.ndarray]:
    """Sums over all rows of each part, then over as many rows drawn anew, `draws` times; the seed is the name.

    Some draws at a time: all of them at once are 200 numbers a customer.
    """
    n = len(parts[0])
    draw, chance = generator(name.encode()), np.full(n, 1 / n)
    found = [[part.sum(axis=0, dtype=float)[None, :]] for part in parts]
    for first in range(0, draws, step := max(1, min(draws, _WEIGHTS // n))):
        weight = draw.multinomial(n, chance, size=min(step, draws - first)).astype(np.float32)
        for sums, part in zip(found, parts, strict=True):
            sums.append(np.asarray(weight @ part, dtype=float))
    return [np.vstack(sums) for sums in found]


def without_boxes(sales: pd.DataFrame, states: pd.DataFrame, flagged: pd.Series) -> pd.DataFrame:
    """Subsidy per valid customer with the suspected sales, and without them.

    Args:
        sales, states: the same sales and their customers' states.
        flagged: whether each sale is suspected (`suspected`).

    Returns:
        boxes (`with`, `without`), units (of known state), subsidy_yuan (theirs), valid (customers), cost_per_valid (yuan;
        NaN without one, and where a sale's subsidy is unknown).

    >>> sales = pd.DataFrame({"units": [1, 1], "subsidy": [100.0, 300.0]})
    >>> states = pd.DataFrame({"state": ["valid", "idle"]})
    >>> without_boxes(sales, states, pd.Series([False, True]))["cost_per_valid"].tolist()
    [400.0, 100.0]
    """
    rows = []
    for boxes, part in (("with", flagged.notna()), ("without", ~flagged)):
        valid = float(sales.loc[part & (states["state"] == "valid"), "units"].sum())
        known = sales[part & states["state"].isin(FOLLOWED)]  # of the others nobody knows whether they are valid
        spent = float((known["subsidy"] * known["units"]).sum(skipna=False))
        rows.append((boxes, known["units"].sum(), spent, valid, spent / valid if valid else np.nan))
    return pd.DataFrame(rows, columns=["boxes", "units", "subsidy_yuan", "valid", "cost_per_valid"])

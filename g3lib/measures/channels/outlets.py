"""Outlets: how sales are spread over the points of sale, which of them sell nothing, and what stands on their shelves.

The list of outlets is the denominator: one that sold nothing has its row with zero. An outlet that sold and is not
on the list keeps its row too (`listed` is false). A dead outlet is listed, has been open long enough, and sold
nothing in the last full months.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.measures.months import last_full_month, month_number

DISPLAYED = "上柜机型数"  # the fact that counts the listed models which an outlet shows
DEAD_MONTHS = 3


def outlet_table(sales: pd.DataFrame, outlets: pd.DataFrame, asof: date, months: int = 12) -> pd.DataFrame:
    """One row an outlet: what it sold in the last months, how long it has sold, and whether it still does.

    Args:
        sales: date, branch, channel, outlet, units; rows without an outlet are left out.
        outlets: the outlets table (outlet, branch, channel, zone, opened); may be empty.
        asof: the last day known; only months that are over count.
        months: how many of them the productivity is of.

    Returns:
        branch, channel, zone, outlet, listed, units (of the months), months_selling (calendar months from the first
        sale on, 0 where there was none), active_months (of them within the months asked for, or since it opened),
        month_mean (units ÷ active_months; NaN without any), idle_months (full months since the last sale; since the
        data begin where there was none), dead (listed, open for `DEAD_MONTHS` full months or longer, and idle as
        long). Sorted by branch, channel, outlet.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-05", "2013-06-09"]), "branch": "b", "channel": "own",
    ...                       "outlet": ["x", "y"], "units": [12.0, 3.0]})
    >>> listed = pd.DataFrame({"outlet": ["x", "z"], "branch": "b", "channel": "own", "zone": "n", "opened": pd.NaT})
    >>> outlet_table(sales, listed, date(2013, 6, 30))[["outlet", "units", "idle_months", "dead"]].values.tolist()
    [['x', 12.0, 5, True], ['y', 3.0, 0, False], ['z', 0.0, 6, True]]
    """
    keys = ["branch", "channel", "outlet"]
    last = last_full_month(asof)
    known = sales.loc[sales["outlet"].notna(), [*keys, "date", "units"]].assign(month=lambda f: month_number(f["date"]))
    known = known[(known["month"] <= last) & (known["units"] > 0)]
    begin = int(known["month"].min()) if len(known) else last + 1
    sold = known.groupby("outlet").agg(
        branch=("branch", "last"), channel=("channel", "last"), first=("month", "min"), last=("month", "max")
    )
    sold["units"] = known[known["month"] > last - months].groupby("outlet")["units"].sum()
    places = outlets.drop_duplicates("outlet", keep="last").set_index("outlet")
    index = places.index.union(sold.index)
    out = pd.DataFrame(index=index.rename("outlet"))
    for name in ("branch", "channel"):
        out[name] = places[name].reindex(index).fillna(sold[name].reindex(index))
    out["zone"], out["listed"] = places["zone"].reindex(index), index.isin(places.index)
    out["units"] = sold["units"].reindex(index).fillna(0.0)
    first = sold["first"].reindex(index).to_numpy(float)
    opened = month_number(places["opened"].reindex(index)).astype(float)
    opened[places["opened"].reindex(index).isna().to_numpy()] = np.nan
    # an outlet counts from its opening where that is known, else from its first sale, never before the data begin; one that
    # was never seen to open nor to sell counts from there
    since = np.fmax(np.where(np.isnan(opened), first, np.fmin(opened, first)), begin)
    out["months_selling"] = np.nan_to_num(last - first + 1).astype(int)
    out["active_months"] = np.clip(last - np.nan_to_num(since, nan=float(last + 1)) + 1, 0, months).astype(int)
    out["month_mean"] = out["units"] / out["active_months"].where(out["active_months"] > 0)
    idle = last - np.nan_to_num(sold["last"].reindex(index).to_numpy(float), nan=float(begin - 1))
    out["idle_months"] = idle.astype(int)
    open_long = np.isnan(opened) | (last - opened + 1 >= DEAD_MONTHS)
    out["dead"] = out["listed"] & (idle >= DEAD_MONTHS) & open_long
    return out.reset_index().sort_values(keys, ignore_index=True)[
        [*keys[:2], "zone", "outlet", "listed", "units", "months_selling", "active_months", "month_mean", "idle_months", "dead"]
    ]


def concentration(outlets: pd.DataFrame, within: Sequence[str] = ("channel",), value: str = "units", k: int = 4) -> pd.DataFrame:
    """How unevenly a value is spread over outlets.

    Args:
        outlets: `outlet_table`, or any frame with one row a member, `value` and `dead`.
        within: the columns that make a group; empty for all.
        value: the column that is spread.
        k: how many of the largest CR-k counts.

    Returns:
        within…, outlets, value (summed), hhi (Σ share², 1 ÷ outlets where all are alike, 1 where one has all), cr (share
        of the k largest), top_tenth (share of the largest tenth of outlets, a part of one counted as a part; NaN under ten), gini
        (0 where all are alike),
        p10, median, p90 (of an outlet's value), listed_outlets (those that the list of outlets has: only they can be dead),
        dead_outlets, dead_share (dead ÷ listed). A group that sold nothing has no shares, one without a listed outlet no
        dead share: NaN.

    >>> one = pd.DataFrame({"channel": "own", "units": [30.0, 10.0, 0.0], "dead": [False, False, True]})
    >>> concentration(one)[["hhi", "gini", "dead_share"]].round(3).values.tolist()
    [[0.625, 0.5, 0.333]]
    """
    rows = []
    groups = outlets.groupby(list(within), sort=False, dropna=False) if within else [((), outlets)] if len(outlets) else []
    for key, group in groups:
        values = np.sort(group[value].to_numpy(float))[::-1]
        total, n = values.sum(), len(values)
        share = values / total if total else np.full(n, np.nan)
        low, median, high = np.percentile(values, [10, 50, 90])
        # Σ|x − y| over all pairs ÷ (2 n² mean), from the sorted shares
        gini = float(((n + 1 - 2 * np.arange(1, n + 1)) * share).sum() / n)
        listed = int(group["listed"].sum()) if "listed" in group else n
        dead = int(group["dead"].sum())
        tenth = share[: n // 10].sum() + n % 10 / 10 * share[n // 10] if n >= 10 else np.nan
        rows.append((*key, n, total, (share**2).sum(), share[:k].sum(), tenth, gini, low, median, high,
                     listed, dead, dead / listed if listed else float("nan")))  # fmt: skip
    names = [*within, "outlets", value, "hhi", "cr", "top_tenth", "gini", "p10", "median", "p90"]
    names += ["listed_outlets", "dead_outlets", "dead_share"]
    return pd.DataFrame(rows, columns=names)


def lorenz(values: pd.Series) -> pd.DataFrame:
    """The Lorenz curve: from the smallest outlet up, which part of the outlets has which part of the value.

    Returns:
        outlets, value (cumulative fractions, from 0 to 1; value is NaN where all is zero).

    >>> lorenz(pd.Series([3.0, 0.0, 1.0])).round(3).values.tolist()
    [[0.0, 0.0], [0.333, 0.0], [0.667, 0.25], [1.0, 1.0]]
    """
    ordered = np.concatenate([[0.0], np.cumsum(np.sort(values.to_numpy(float)))])
    total = ordered[-1]
    return pd.DataFrame(
        {"outlets": np.linspace(0, 1, len(ordered)), "value": ordered / total if total else np.full(len(ordered), np.nan)}
    )


def counter_rate(
    facts: pd.DataFrame, outlets: pd.DataFrame, models: pd.DataFrame, asof: date, by: Sequence[str] = ("zone",)
) -> pd.DataFrame:
    """上柜率: listed models displayed ÷ models listed, over the outlets that were counted last.

    Args:
        facts: outlet, date, fact, value; only `DISPLAYED` counts, the last count of each outlet up to `asof`.
        outlets: outlet and the columns of `by`.
        models: model, launched, end_of_life: a model is listed from its launch to its end; an unknown date is open.
        asof: the last day known.
        by: columns of the outlets.

    Returns:
        by…, outlets (counted), listed_models (outlet × listed model, by the day of each count), displayed_models, on_display
        (fraction; NaN where no model was listed), impossible (outlets that show more models than are listed: left out of the
        rest). Empty where nothing was counted.

    >>> day = pd.Timestamp("2013-01-31")
    >>> facts = pd.DataFrame({"outlet": ["x", "y"], "date": day, "fact": DISPLAYED, "value": [1, 9]})
    >>> models = pd.DataFrame({"model": ["A", "B"], "launched": [pd.NaT, day], "end_of_life": pd.NaT})
    >>> places = pd.DataFrame({"outlet": ["x", "y"], "zone": "n"})
    >>> counter_rate(facts, places, models, date(2013, 1, 31)).values.tolist()
    [['n', 1, 2.0, 1.0, 0.5, 1]]
    """
    today = pd.Timestamp(asof)
    counted = facts[(facts["fact"] == DISPLAYED) & (pd.to_datetime(facts["date"]) <= today)]
    last = counted.sort_values("date").drop_duplicates("outlet", keep="last")
    places = outlets[["outlet", *by]].drop_duplicates("outlet")
    shown = last.merge(places, on="outlet") if len(last) and len(places) else last[:0]
    if shown.empty:
        return pd.DataFrame(columns=[*by, "outlets", "listed_models", "displayed_models", "on_display", "impossible"])
    day = pd.to_datetime(shown["date"]).to_numpy()[:, None]
    from_day, to_day = models["launched"].to_numpy(), models["end_of_life"].to_numpy()
    # an unknown date is open: not later than the day, not before it
    listed: npt.NDArray[np.float64] = (~(from_day > day) & ~(to_day < day)).sum(axis=1).astype(float)
    wrong = shown["value"].to_numpy() > listed
    rows = shown.assign(
        outlets=1 - wrong,
        listed_models=np.where(wrong, 0.0, listed),
        displayed_models=np.where(wrong, 0.0, shown["value"]),
        impossible=wrong * 1,
    )
    measures = ["outlets", "listed_models", "displayed_models", "impossible"]
    out = rows.groupby(list(by), as_index=False, dropna=False)[measures].sum()
    out.insert(len(by) + 3, "on_display", out["displayed_models"] / out["listed_models"].where(out["listed_models"] > 0))
    return out


def lorenz_by(outlets: pd.DataFrame, by: str = "channel", value: str = "units") -> pd.DataFrame:
    """The Lorenz curve of each group that sold anything: `by`, outlets, value.

    >>> lorenz_by(pd.DataFrame({"channel": ["own", "end"], "units": [2.0, 0.0]})).values.tolist()
    [['own', 0.0, 0.0], ['own', 1.0, 1.0]]
    """
    groups = {name: group[value] for name, group in outlets.groupby(by, sort=False) if group[value].sum() > 0}
    curves = [lorenz(values).assign(**{by: name})[[by, "outlets", "value"]] for name, values in groups.items()]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=[by, "outlets", "value"])


def most_uneven(spread: pd.DataFrame) -> str:
    """The channel with the largest Gini; empty where nothing was sold.

    >>> most_uneven(pd.DataFrame({"channel": ["own", "end"], "gini": [0.2, float("nan")]}))
    'own'
    """
    known = spread.dropna(subset=["gini"])
    return str(known.loc[known["gini"].idxmax(), "channel"]) if len(known) else ""

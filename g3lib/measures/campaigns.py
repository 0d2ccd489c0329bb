"""Campaigns: what a rate was, what it became, and how much of that can be said.

Participation rate 参与率 = bundled phones ÷ phones in service on the same date; its base moves too. An
uplift is a difference in percentage points of two published rates. It says what happened, not why: low
starters have more room, and the correlation of a lift with its own start is partly arithmetic. So beside
the lift stand the room to grow and Oldham's correlation, and nothing here attributes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.errors import NoData
from g3lib.periods import Period, shift


def uplift(participation: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Each branch's rate before and after, its lift, its room to grow, and the three ranks.

    Args:
        participation: branch, date, rate (fraction) or participants and base; one row a branch and month.
        before, after: months (`2010-02`).

    Returns:
        One row per branch known at both dates, in order of lift: branch, before, after (fractions),
        lift (fraction; × 100 is pp), room (lift ÷ (1 − before): the part of what was still missing),
        rank_before, rank_after, rank_lift (1 is the highest; equal rates share the better rank),
        from_bottom_before, base_known (whether the source gives the rate's base). A start of 100 % leaves no room: NaN.

    >>> rates = pd.DataFrame({"branch": ["a", "a", "b", "b"],
    ...     "date": pd.to_datetime(["2010-02-01", "2010-03-01"] * 2), "rate": [0.2, 0.4, 1.0, 1.0]})
    >>> uplift(rates, "2010-02", "2010-03")[["branch", "lift", "room"]].values.tolist()
    [['a', 0.2, 0.25], ['b', 0.0, nan]]
    """
    rates = month_rates(participation)
    table = rates.pivot(index="branch", columns="month", values="rate").reindex(columns=[before, after]).dropna()
    if table.empty:
        raise NoData(f"No branch has a rate in both {before} and {after}.")
    start, end = table[before], table[after]
    known = set(participation.loc[participation["base"].notna(), "branch"]) if "base" in participation else set()
    lift = (end - start).round(12)
    missing = 1 - start
    out = pd.DataFrame(
        {
            "branch": table.index,
            "before": start.to_numpy(),
            "after": end.to_numpy(),
            "lift": lift.to_numpy(),
            "room": (lift / missing.where(missing > 0)).to_numpy(),
            "rank_before": start.rank(ascending=False, method="min").to_numpy(),
            "rank_after": end.rank(ascending=False, method="min").to_numpy(),
            "rank_lift": lift.rank(ascending=False, method="min").to_numpy(),
            "from_bottom_before": start.rank(method="min").to_numpy(),
            "base_known": table.index.isin(known),
        }
    )
    return out.sort_values(["lift", "branch"], ascending=[False, True], ignore_index=True)


def rate_of(lifts: pd.DataFrame, branch: str) -> float:
    """A branch's rate after; NaN where it is not among them.

    >>> rate_of(pd.DataFrame({"branch": ["a"], "after": [0.4]}), "b")
    nan
    """
    own = lifts.loc[lifts["branch"] == branch, "after"]
    return float(own.iloc[0]) if len(own) else float("nan")


def uplift_interval(participation: pd.DataFrame, branch: str, before: str, after: str) -> tuple[float, float] | None:
    """Newcombe's 95 % interval (method 10) of a branch's lift, or None where a count or base is unknown.

    It reads the two dates as independent groups. The same phones counted twice would give a narrower one.

    >>> counts = pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-01", "2010-03-01"]),
    ...                        "participants": [56.0, 48.0], "base": [70.0, 80.0]})
    >>> low, high = uplift_interval(counts, "a", "2010-02", "2010-03")
    >>> round(-high, 4), round(-low, 4)  # Newcombe (1998), table II, example (a): 0.0524 to 0.3339
    (0.0524, 0.3339)
    """
    own = participation[participation["branch"] == branch].sort_values("date")
    last = own.assign(month=own["date"].dt.strftime("%Y-%m")).groupby("month")[["participants", "base"]].last()
    if not {before, after} <= set(last.index) or not (last.loc[[before, after], "base"] > 0).all():
        return None
    if last.loc[[before, after]].isna().any(axis=None):
        return None
    from statsmodels.stats.proportion import confint_proportions_2indep

    (x0, n0), (x1, n1) = last.loc[before], last.loc[after]
    low, high = confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method="newcomb")
    return float(low), float(high)


def month_rates(participation: pd.DataFrame) -> pd.DataFrame:
    """Branch, month, rate: the published rate, else participants ÷ base; a base of zero gives NaN.

    >>> counts = pd.DataFrame({"branch": ["a"], "date": pd.to_datetime(["2010-02-01"]), "rate": [np.nan],
    ...                        "participants": [10.0], "base": [0.0]})
    >>> month_rates(counts).rate.tolist()
    [nan]
    """
    frame = participation.assign(month=participation["date"].dt.strftime("%Y-%m"))
    if "base" in frame:
        frame["rate"] = frame["rate"].fillna(frame["participants"] / frame["base"].where(frame["base"] > 0))
    return frame.sort_values("date").drop_duplicates(["branch", "month"], keep="last")[["branch", "month", "rate"]]


def start_lift_correlation(lifts: pd.DataFrame) -> pd.DataFrame:
    """How far the lift goes with the start, raw, without its most influential branch, and after Oldham.

    A lift is end − start, so it correlates with its own start even where nothing is going on. Oldham's
    correlation (lift with the mean of both) is free of that when both ends vary alike.

    Args:
        lifts: what `uplift` gives; below four branches nothing is computed (with three, leaving one out
            gives ±1).

    Returns:
        One row each for `start` (r of before and lift), `start_without` (the same without the branch that
        moves it most, named in `without`) and `oldham`: name, r, n, without.

    >>> lifts = pd.DataFrame({"branch": list("abcd"), "before": [0.1, 0.2, 0.3, 0.4], "after": 0.5,
    ...                       "lift": [0.4, 0.3, 0.2, 0.1]})
    >>> start_lift_correlation(lifts).r.round(6).tolist()
    [-1.0, -1.0, -1.0]
    """
    names = ["start", "start_without", "oldham"]
    if len(lifts) < 4:
        return pd.DataFrame({"name": names, "r": np.nan, "n": len(lifts), "without": ""})
    whole = _r(lifts["before"], lifts["lift"])
    left_out = {
        row.branch: _r(lifts["before"].drop(row.Index), lifts["lift"].drop(row.Index)) for row in lifts.itertuples()
    }
    furthest = max(left_out, key=lambda branch: abs(left_out[branch] - whole))
    oldham = _r((lifts["before"] + lifts["after"]) / 2, lifts["lift"])
    n = len(lifts)
    return pd.DataFrame(
        {
            "name": names,
            "r": [whole, left_out[furthest], oldham],
            "n": [n, n - 1, n],
            "without": ["", furthest, ""],
        }
    )


def daily_pace(first: float, last: float, days: int) -> float:
    """Participants gained a day: (last − first) ÷ days.

    >>> daily_pace(2063, 8982, 29), daily_pace(2063, 8982, 28)
    (238.58..., 247.10...)
    """
    return (last - first) / days if days > 0 else float("nan")


def area_uplift(totals: pd.DataFrame, before: str, after: str) -> tuple[float, float]:
    """The area's stated rates before and after (NaN where not stated); never a mean of branches."""
    by_month = month_rates(totals.assign(branch="area")).set_index("month")["rate"]
    return float(by_month.get(before, np.nan)), float(by_month.get(after, np.nan))


def _r(x: pd.Series, y: pd.Series) -> float:
    if x.nunique() < 2 or y.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def months(period: Period, compare_with: str = "") -> tuple[str, str]:
    """The two months of a comparison: the period's last, and the one before it unless another is named.

    >>> months(Period.parse("2010-03")), months(Period.parse("2010-03"), "2009-12")
    (('2010-02', '2010-03'), ('2009-12', '2010-03'))
    """
    after = period.last_month
    before = Period.parse(compare_with).last_month if compare_with else shift(after, -1)
    return before, after

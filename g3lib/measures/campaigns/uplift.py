"""Campaigns: what a rate was, what it became, and how much of that can be said.

Participation rate 参与率 = bundled phones ÷ phones in service on the same date; its base moves too. An
uplift is a difference in percentage points of two published rates. It says what happened, not why: low
starters have more room, and the correlation of a lift with its own start is partly arithmetic. So beside
the lift stand the room to grow and Oldham's correlation, and nothing here attributes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.errors import DataError, NoData, listed
from g3lib.measures.guards import parts_only
from g3lib.measures.participation import month_counts, month_rates
from g3lib.periods import Period, shift

# two published rates in hundredths of a percent, and no more, may differ from their counts
_ROUNDED = 1.1e-4


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
    parts_only(participation, ["branch"])
    wide = month_rates(participation).pivot(index="branch", columns="month", values="rate")
    table = wide.reindex(columns=[before, after]).dropna()
    if table.empty:
        raise NoData(f"No branch has a rate in both {before} and {after}.")
    start, end = table[before], table[after]
    known = set(participation.loc[participation["base"].notna(), "branch"]) if "base" in participation else set()
    lift = (end - start).round(12)
    missing = 1 - start
    columns = {"before": start, "after": end, "lift": lift, "room": lift / missing.where(missing > 0)}
    ranked = {"rank_before": start, "rank_after": end, "rank_lift": lift}
    columns |= {name: of.rank(ascending=False, method="min") for name, of in ranked.items()}
    out = pd.DataFrame(columns | {"from_bottom_before": start.rank(method="min"), "base_known": table.index.isin(known)})
    out = out.rename_axis("branch").reset_index()
    return out.sort_values(["lift", "branch"], ascending=[False, True], ignore_index=True)


def rate_of(lifts: pd.DataFrame, branch: str) -> float:
    """A branch's rate after; NaN where it is not among them.

    >>> rate_of(pd.DataFrame({"branch": ["a"], "after": [0.4]}), "b")
    nan
    """
    own = lifts.loc[lifts["branch"] == branch, "after"]
    return float(own.iloc[0]) if len(own) else float("nan")


def uplift_intervals(participation: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Each branch's lift with the interval that its source allows.

    Counts at both dates: Newcombe's method 10 for independent groups (the same phones counted twice would give a
    narrower one: `paired_interval`). Only rates published: no interval, and it says so.

    Returns:
        branch, lift, low, high (fractions), method (`newcombe` or `none`), one row per branch known at both dates.

    Raises:
        DataError: impossible rates or counts.

    >>> counts = pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-01", "2010-03-01"]), "rate": np.nan,
    ...                        "participants": [56.0, 48.0], "base": [70.0, 80.0]})
    >>> found = uplift_intervals(counts, "2010-02", "2010-03")  # Newcombe (1998), table II, example (a): 0.0524 to 0.3339
    >>> (-found[["high", "low"]]).round(4).values.tolist()
    [[0.0524, 0.3339]]
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    out = uplift(participation, before, after)[["branch", "lift"]].assign(low=np.nan, high=np.nan, method="none")
    old, new = month_counts(participation, before), month_counts(participation, after)
    known = out["branch"].isin(old.index) & out["branch"].isin(new.index)
    for i in out.index[known]:
        (x0, n0), (x1, n1) = old.loc[out["branch"][i]], new.loc[out["branch"][i]]
        if abs((x1 / n1 - x0 / n0) - out["lift"][i]) > _ROUNDED:  # the published rates are of other counts
            continue
        low, high = confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method="newcomb")
        out.loc[i, ["low", "high", "method"]] = [float(low), float(high), "newcombe"]
    return out.sort_values("branch", ignore_index=True)


def paired_interval(both: int, gained: int, lost: int, neither: int, level: float = 0.95) -> tuple[float, float, float]:
    """The lift of the same customers seen twice, with Newcombe's paired interval (method 10).

    Args:
        both, neither: customers who took part at both dates, at none; gained: only after; lost: only before.

    Returns:
        lift, low, high (fractions). lift = (gained − lost) ÷ all. The correlation φ is corrected for continuity where it
        is positive; where a margin is empty it is nought. NaN without any customer.

    Raises:
        DataError: a negative count.

    >>> [round(x, 4) for x in paired_interval(36, 12, 2, 0)]  # Newcombe (1998b), table III: 0.0569 to 0.3404
    [0.2, 0.0569, 0.3404]
    """
    from statsmodels.stats.proportion import proportion_confint

    counts = {"both": both, "gained": gained, "lost": lost, "neither": neither}
    if wrong := [f"{name} is {n}" for name, n in counts.items() if not n >= 0]:
        raise DataError(listed(wrong, "Counts of customers are zero or more:"))
    n = both + gained + lost + neither
    if not n:
        return (float("nan"),) * 3
    after, before = both + gained, both + lost
    (l1, u1), (l0, u0) = (proportion_confint(x, n, alpha=1 - level, method="wilson") for x in (after, before))
    p1, p0 = after / n, before / n
    margins = after * (n - after) * before * (n - before)
    cross = both * neither - gained * lost
    corrected = max(cross - n / 2, 0.0) if cross > 0 else cross
    phi = corrected / margins**0.5 if margins else 0.0
    down, up = ((a**2 - 2 * phi * a * b + b**2) ** 0.5 for a, b in ((p1 - l1, u0 - p0), (u1 - p1, p0 - l0)))
    return p1 - p0, p1 - p0 - down, p1 - p0 + up


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
    left_out = {row.branch: _r(lifts["before"].drop(row.Index), lifts["lift"].drop(row.Index)) for row in lifts.itertuples()}
    furthest = max(left_out, key=lambda branch: np.nan_to_num(abs(left_out[branch] - whole), nan=-1.0))  # NaN: none varies
    oldham = _r((lifts["before"] + lifts["after"]) / 2, lifts["lift"])
    r, n = [whole, left_out[furthest], oldham], len(lifts)
    return pd.DataFrame({"name": names, "r": r, "n": [n, n - 1, n], "without": ["", furthest, ""]})


def daily_pace(first: float, last: float, days: int) -> float:
    """Participants gained a day: (last − first) ÷ days.

    >>> daily_pace(2063, 8982, 29), daily_pace(2063, 8982, 28)
    (238.58..., 247.10...)
    """
    return (last - first) / days if days > 0 else float("nan")


def days_to_line(now: float, line: float, per_day: float) -> float:
    """Days to the assessment line at the pace so far: (line − now) ÷ pace, all in participants or all in rate.

    0 where the line is reached; inf where the pace is nought or backwards; NaN where a part is unknown.

    >>> days_to_line(0.4136, 0.45, 0.3171 / 28), days_to_line(0.5, 0.45, -1.0), days_to_line(0.4, 0.45, 0.0)
    (3.214..., 0.0, inf)
    """
    if np.isnan([now, line, per_day]).any():
        return float("nan")
    return 0.0 if now >= line else (line - now) / per_day if per_day > 0 else float("inf")


def area_uplift(totals: pd.DataFrame, before: str, after: str) -> tuple[float, float]:
    """The area's stated rates before and after (NaN where not stated); never a mean of branches."""
    by_month = month_rates(totals.assign(branch="area")).set_index("month")["rate"]
    return float(by_month.get(before, np.nan)), float(by_month.get(after, np.nan))


def _r(x: pd.Series, y: pd.Series) -> float:
    if x.nunique() < 2 or y.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def months(period: Period, compare_with: str = "") -> tuple[str, str]:
    """The two months of a comparison: the period's last that is over, and the one before it unless another is named.

    >>> months(Period.parse("2010-03")), months(Period.parse("2010-03"), "2009-12"), months(Period.parse("2010-03-10"))
    (('2010-02', '2010-03'), ('2009-12', '2010-03'), ('2010-01', '2010-02'))
    """
    after = period.last_month if period.asof == period.end else period.previous_month  # a rate is read at a month's end
    before = Period.parse(compare_with).last_month if compare_with else shift(after, -1)
    return before, after

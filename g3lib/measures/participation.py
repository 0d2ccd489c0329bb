"""Participation readings as rates and counts by month: what campaigns compare and targets are held against.

Participation rate 参与率 (签约率) = bundled phones ÷ phones in service on the same date. Of several readings in a month the
last counts.
"""

from __future__ import annotations

import pandas as pd

from g3lib.measures.guards import possible_rates


def rates(participation: pd.DataFrame) -> pd.DataFrame:
    """Branch, date, rate: the published rate, else participants ÷ base; a base of zero gives NaN.

    Raises:
        DataError: lists every rate outside 0–1, and every count that exceeds its base or is negative.
    """
    possible_rates(participation)
    frame = participation.copy()
    if "base" in frame:
        frame["rate"] = frame["rate"].fillna(frame["participants"] / frame["base"].where(frame["base"] > 0))
    return frame.sort_values("date")[["branch", "date", "rate"]]


def month_rates(participation: pd.DataFrame) -> pd.DataFrame:
    """Branch, month, rate: the last of each month (see `rates`).

    >>> counts = pd.DataFrame({"branch": ["a"], "date": pd.to_datetime(["2010-02-01"]), "rate": [float("nan")],
    ...                        "participants": [10.0], "base": [0.0]})
    >>> month_rates(counts).rate.tolist()
    [nan]
    """
    known = rates(participation)
    return known.assign(month=known["date"].dt.strftime("%Y-%m")).drop_duplicates(["branch", "month"], keep="last")[
        ["branch", "month", "rate"]
    ]


def month_counts(participation: pd.DataFrame, month: str) -> pd.DataFrame:
    """The last participants and base of each branch in a month, index by branch; only where both are known and the base is not 0.

    >>> counts = pd.DataFrame({"branch": ["a", "b"], "date": pd.Timestamp("2010-02-01"),
    ...                        "participants": [1.0, 2.0], "base": [9.0, None]})
    >>> month_counts(counts, "2010-02").index.tolist()
    ['a']
    """
    if "base" not in participation:
        return pd.DataFrame({"participants": [], "base": []})
    own = participation[participation["date"].dt.strftime("%Y-%m") == month].sort_values("date")
    last = own.drop_duplicates("branch", keep="last").set_index("branch")[["participants", "base"]].dropna()
    return last[last["base"] > 0]


def panel(participation: pd.DataFrame) -> pd.DataFrame:
    """Branch, month, rate of every month, as comparisons read it.

    >>> panel(pd.DataFrame({"branch": ["a"], "date": pd.to_datetime(["2010-02-01"]), "rate": [0.2]})).values.tolist()
    [['a', '2010-02', 0.2]]
    """
    return month_rates(participation).sort_values(["branch", "month"], ignore_index=True)


def series_of(participation: pd.DataFrame, branch: str) -> pd.DataFrame:
    """One branch's counts by month, as `segmented` reads them: month, count, base; months with both known.

    >>> counts = pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-01"]), "participants": [5.0], "base": [9.0]})
    >>> series_of(counts, "a").values.tolist()
    [['2010-02', 5.0, 9.0]]
    """
    own = participation[participation["branch"] == branch].sort_values("date")
    own = own.dropna(subset=["participants", "base"]) if "base" in own else own[:0]
    if own.empty:
        return pd.DataFrame({"month": [], "count": [], "base": []}).astype({"month": "str"})
    own = own.assign(month=own["date"].dt.strftime("%Y-%m")).drop_duplicates("month", keep="last")
    return own.rename(columns={"participants": "count"})[["month", "count", "base"]].reset_index(drop=True)


def own_rates(rates_by_month: pd.DataFrame, branch: str) -> pd.Series:
    """One branch's rate by month, index `2010-02`, from `panel`.

    >>> own_rates(pd.DataFrame({"branch": ["a"], "month": ["2010-02"], "rate": [0.2]}), "a").to_dict()
    {'2010-02': 0.2}
    """
    return rates_by_month[rates_by_month["branch"] == branch].set_index("month")["rate"]

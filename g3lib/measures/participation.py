"""Participation readings as rates and counts by month: what campaigns compare and targets are held against.

Participation rate 参与率 (签约率) = bundled phones ÷ phones in service on the same date. Of several readings in a month the
last counts.
"""

from __future__ import annotations

import pandas as pd

from g3lib.measures.guards import possible_rates
from g3lib.periods import month_of


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
    """Branch, month, rate: the last of each month (see `rates`), by branch and month, as comparisons read it.

    >>> counts = pd.DataFrame({"branch": ["a"], "date": pd.to_datetime(["2010-02-01"]), "rate": [float("nan")],
    ...                        "participants": [10.0], "base": [0.0]})
    >>> month_rates(counts).values.tolist()
    [['a', '2010-02', nan]]
    """
    return last_readings(rates(participation))[["branch", "month", "rate"]]


def last_readings(participation: pd.DataFrame) -> pd.DataFrame:
    """The last reading of each branch and month, with the column month, by branch and month.

    >>> last_readings(pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-28", "2010-02-01"])})).date.dt.day.tolist()
    [28]
    """
    dated = participation.sort_values(["branch", "date"], ignore_index=True)
    return dated.assign(month=month_of(dated["date"])).drop_duplicates(["branch", "month"], keep="last")


def month_counts(participation: pd.DataFrame, month: str) -> pd.DataFrame:
    """The last participants and base of each branch in a month, index by branch; only where both are known and the base is not 0.

    >>> counts = pd.DataFrame({"branch": ["a", "b"], "date": pd.Timestamp("2010-02-01"),
    ...                        "participants": [1.0, 2.0], "base": [9.0, None]})
    >>> month_counts(counts, "2010-02").index.tolist()
    ['a']
    """
    if "base" not in participation:
        return pd.DataFrame({"participants": [], "base": []})
    read = last_readings(participation)
    last = read[read["month"] == month].set_index("branch")[["participants", "base"]].dropna()
    return last[last["base"] > 0]


def series_of(participation: pd.DataFrame, branch: str) -> pd.DataFrame:
    """One branch's counts by month, as `segmented` reads them: month, count, base; months with both known.

    >>> counts = pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-01"]), "participants": [5.0], "base": [9.0]})
    >>> series_of(counts, "a").values.tolist()
    [['2010-02', 5.0, 9.0]]
    """
    own = participation[participation["branch"] == branch].reindex(columns=["branch", "date", "participants", "base"])
    known = last_readings(own.dropna(subset=["participants", "base"])).rename(columns={"participants": "count"})
    return known[["month", "count", "base"]].reset_index(drop=True)


def own_rates(rates_by_month: pd.DataFrame, branch: str) -> pd.Series:
    """One branch's rate by month, index `2010-02`, from `month_rates`.

    >>> own_rates(pd.DataFrame({"branch": ["a"], "month": ["2010-02"], "rate": [0.2]}), "a").to_dict()
    {'2010-02': 0.2}
    """
    return rates_by_month[rates_by_month["branch"] == branch].set_index("month")["rate"]

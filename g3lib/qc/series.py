"""A branch's months as series for a control chart: how much a day, which part, how against the year before.

Months that are not over are left out: a part of a month is no month. Season moves sales a day every year alike, so what
a chart of them calls out may be the calendar; a part of the whole, and a month against its own of last year, have no season.
"""

from __future__ import annotations

import pandas as pd

from g3lib.measures.guards import ratio
from g3lib.periods import Period, days_in, shift
from g3lib.qc import control
from g3lib.qc.causes.outlets import low_sellers
from g3lib.qc.control import Chart, Suited


def sales_a_day(units: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Devices of each month and its days.

    Args:
        units: month and units, any number of rows a month (`channels.monthly_units`).

    Returns:
        month, units, days; whole months up to the period's.

    >>> frame = pd.DataFrame({"month": ["2010-01", "2010-02"], "units": [31.0, 5.0]})
    >>> sales_a_day(frame, Period.parse("2010-02-10")).values.tolist()
    [['2010-01', 31.0, 31]]
    """
    sums = units.groupby("month", as_index=False, sort=True)["units"].sum()
    sums = sums[sums["month"].isin([m for m in sums["month"] if is_over(m, period)])].reset_index(drop=True)
    return sums.assign(days=[days_in(month) for month in sums["month"]])


def part_of(units: pd.DataFrame, column: str, value: str, period: Period) -> pd.DataFrame:
    """The devices of one channel (or class) out of all.

    Returns:
        month, units (of it), of (all); whole months up to the period's.

    >>> frame = pd.DataFrame({"month": ["2010-01"] * 2, "channel": ["own", "end"], "units": [3.0, 9.0]})
    >>> part_of(frame, "channel", "own", Period.parse("2010-01")).values.tolist()
    [['2010-01', 3.0, 12.0]]
    """
    whole = sales_a_day(units, period).rename(columns={"units": "of"})
    own = units[units[column] == value].groupby("month")["units"].sum()
    return pd.DataFrame({"month": whole["month"], "units": whole["month"].map(own).fillna(0.0), "of": whole["of"]})


def year_on_year(units: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Each whole month's devices a day over those of the same month a year before.

    Returns:
        month, ratio (NaN where the year before sold nothing); only months that have one.

    >>> frame = pd.DataFrame({"month": ["2009-01", "2010-01"], "units": [31.0, 62.0]})
    >>> year_on_year(frame, Period.parse("2010-01")).values.tolist()
    [['2010-01', 2.0]]
    """
    a_day = sales_a_day(units, period)
    pace = dict(zip(a_day["month"], a_day["units"] / a_day["days"], strict=True))
    rows = {month: ratio(pace[month], pace[shift(month, -12)]) for month in pace if shift(month, -12) in pace}
    # a month that is missing stays a gap: no rule reaches over it
    every = pd.period_range(min(rows), max(rows), freq="M").astype(str) if rows else []
    ratios = [rows.get(month, float("nan")) for month in every]
    return pd.DataFrame({"month": list(every), "ratio": ratios}).astype({"ratio": "float64"})


def low_outlets(outlet_sales: pd.DataFrame, branch: str, period: Period, part: float = 0.7, months: int = 24) -> pd.DataFrame:
    """How many of the branch's outlets sold less than `part` of the median of its outlets of the same channel, by month.

    Args:
        outlet_sales: branch, channel, outlet, month, units of all sisters.
        months: so many months to the period's last at most.

    Returns:
        month, low, outlets (that sold in the three months to this one: a closed shop is no low seller); NaN in a month
        without any sale between others.
    """
    own = outlet_sales[(outlet_sales["branch"] == branch) & outlet_sales["outlet"].notna()]
    seen = sorted(own["month"].unique())
    last = max((m for m in seen if is_over(m, period)), default="")
    shown = [m for m in seen if last and shift(last, 1 - months) <= m <= last]
    # an outlet is open in a month in which it sold and in the two that follow
    after = [own.assign(month=own["month"].map({m: shift(m, k) for m in seen}), units=own["units"] * (k == 0)) for k in range(3)]
    open_ = pd.concat(after)[lambda frame: frame["month"].isin(shown)]
    open_ = open_.groupby(["month", "channel", "outlet"], as_index=False, observed=True)["units"].sum()
    by_month = low_sellers(open_, ["month", "channel"], part=part).astype("float64").groupby(open_["month"])
    # a month that is missing between others stays a gap
    every = pd.period_range(min(shown), last, freq="M").astype(str) if shown else []
    found = pd.DataFrame({"low": by_month.sum(), "outlets": by_month.size().astype("float64")}).reindex(every)
    return found.rename_axis("month").reset_index()


def is_over(month: str, period: Period) -> bool:
    """Whether a month lies within what is known, whole."""
    last = period.asof.strftime("%Y-%m")
    return month < last or (month == last and period.asof.day == days_in(month))


def suited(kind: str, frame: pd.DataFrame) -> Suited | None:
    """The chart that suits one of these series; None where there are too few points.

    Args:
        kind: `a_day`, `part`, `low` or `growth`; frame: what the function above gave.
    """
    if len(frame) < 2:
        return None
    labels = frame["month"].tolist()
    if kind == "a_day":
        return control.for_events(frame["units"].round(), frame["days"], labels=labels)
    if kind in ("part", "low"):
        count, of = ("units", "of") if kind == "part" else ("low", "outlets")
        return control.for_parts(frame[count].round(), frame[of].round(), labels=labels)
    known = frame["ratio"].notna()
    if (known & known.shift(1, fill_value=False)).sum() < 1:
        return None
    return control.for_measurements(frame["ratio"], labels=labels)


def location(chosen: Suited | None) -> Chart | None:
    """The chart that shows where the series stands; None where none was made."""
    return None if chosen is None else chosen.location


def points(chosen: Suited | None) -> pd.DataFrame:
    """The points of that chart with its limits: month, value, centre, lower, upper, broke; no row where none was made.

    >>> frame = pd.DataFrame({"month": ["2010-01", "2010-02", "2010-03"], "ratio": [1.0, 1.2, 0.9]})
    >>> len(points(None)), points(suited("growth", frame))["centre"].round(3).tolist()
    (0, [1.033, 1.033, 1.033])
    """
    columns = ["month", "value", "centre", "lower", "upper", "broke"]
    if chosen is None:
        return pd.DataFrame(columns=columns)
    return chosen.location.table().rename(columns={"point": "month"})[columns]


def spread(chosen: Suited | None) -> Chart | None:
    """The chart of how its neighbours, or the values of a subgroup, differ; None where there is none."""
    return None if chosen is None else chosen.spread

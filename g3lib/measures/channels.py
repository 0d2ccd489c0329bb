"""Channel contribution: how a total divides among channels, and where a change of the total came from.

Counted are units sold. The denominator is an argument (`within=`): shares sum to one inside each group.
A channel that sold nothing has zero units and keeps its row, because its absence is the finding. A full
count of sales has no sampling error, so nothing here is an estimate.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from g3lib.labels import VOCABULARIES, rounded
from g3lib.periods import Period, shift

CHANNEL_ORDER = tuple(VOCABULARIES["channel"])


def monthly_units(sales: pd.DataFrame) -> pd.DataFrame:
    """Units by month and channel, every month × every channel that ever sold.

    Args:
        sales: rows of the sales table (date, channel, units).

    Returns:
        month (`2010-01`), channel, units (devices); absent combinations are 0. Months between the first
        and the last are all there: a month without a row sold nothing that was reported.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-01", "2010-03-01"]),
    ...                       "channel": ["own", "social"], "units": [5.0, 7.0]})
    >>> monthly_units(sales).query("month == '2010-02'").units.tolist()
    [0.0, 0.0]
    """
    if sales.empty:
        return pd.DataFrame({"month": [], "channel": [], "units": []})
    months = sales["date"].dt.to_period("M")
    span = pd.period_range(months.min(), months.max(), freq="M")
    known = set(sales["channel"])
    channels = [c for c in CHANNEL_ORDER if c in known] + sorted(known - set(CHANNEL_ORDER))
    grid = pd.MultiIndex.from_product([span.astype(str), channels], names=["month", "channel"])
    summed = sales.groupby([months.astype(str).rename("month"), sales["channel"]])["units"].sum()
    return summed.reindex(grid, fill_value=0.0).reset_index()


def contribution_share(
    units: pd.DataFrame, by: str = "channel", within: Sequence[str] = (), value: str = "units"
) -> pd.DataFrame:
    """渠道贡献占比: each channel's units ÷ all units of its group.

    Args:
        units: one row or more per channel and group.
        by: the column whose members share.
        within: the columns that make the group; empty for all rows together.
        value: the column that is shared out.

    Returns:
        within…, by, value (summed), share (fraction). In a group that sold nothing a share is NaN: nought
        divided by nought is unknown, not zero.

    >>> units = pd.DataFrame({"month": ["a", "a", "b", "b"], "channel": ["own", "end"] * 2,
    ...                       "units": [1, 3, 0, 0]})
    >>> contribution_share(units, within=["month"]).share.tolist()
    [0.25, 0.75, nan, nan]
    """
    groups = [*within, by]
    summed = units.groupby(groups, as_index=False, sort=False)[value].sum()
    if within:
        total = summed.groupby(list(within))[value].transform("sum")
    else:
        total = pd.Series(summed[value].sum(), index=summed.index)
    summed["share"] = summed[value] / total.where(total != 0)
    return summed


def printed_sum(shares: Sequence[float], digits: int = 2) -> str:
    """What the printed percentages sum to, each rounded half up by itself: 99.99 wants a note.

    >>> printed_sum([261 / 1678, 1101 / 1678, 316 / 1678])
    '99.99'
    """
    return f"{sum(rounded(100 * share, digits) for share in shares):.{digits}f}"


_CHANGE = ["channel", "units_before", "units_after", "change", "growth_points", "share_before", "share_after", "share_change"]


def change_of_share(units: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Where a change of the monthly total came from.

    Args:
        units: month, channel, units, as `monthly_units` gives them.
        before, after: the two months.

    Returns:
        channel, units_before, units_after, change (devices; sums to the change of the total),
        growth_points (change ÷ total before, a fraction; sums to the growth rate), share_before,
        share_after, share_change (fractions; share_change sums to zero). Empty where nothing is known of the
        month before: no data is not no sales.

    >>> units = pd.DataFrame({"month": ["a", "a", "b"], "channel": ["own", "end", "own"],
    ...                       "units": [50, 50, 120]})
    >>> change_of_share(units, "a", "b")[["change", "growth_points", "share_change"]].values.tolist()
    [[-50.0, -0.5, -0.5], [70.0, 0.7, 0.5]]
    """
    if before not in set(units["month"]):
        return pd.DataFrame(columns=_CHANGE)
    table = units.pivot_table(index="channel", columns="month", values="units", aggfunc="sum").astype("float64")
    table = table.reindex(columns=[before, after]).fillna(0.0)
    totals = table.sum()
    start = totals[before] if totals[before] else float("nan")
    end = totals[after] if totals[after] else float("nan")
    return pd.DataFrame(
        {
            "channel": table.index,
            "units_before": table[before].to_numpy(),
            "units_after": table[after].to_numpy(),
            "change": (table[after] - table[before]).to_numpy(),
            "growth_points": ((table[after] - table[before]) / start).to_numpy(),
            "share_before": (table[before] / start).to_numpy(),
            "share_after": (table[after] / end).to_numpy(),
            "share_change": (table[after] / end - table[before] / start).to_numpy(),
        }
    )


def month_totals(units: pd.DataFrame) -> pd.Series:
    """Units by month over all channels, index `2010-01`.

    >>> month_totals(pd.DataFrame({"month": ["a", "a"], "channel": ["own", "end"], "units": [1.0, 2.0]})).to_dict()
    {'a': 3.0}
    """
    return units.groupby("month")["units"].sum()


def span(units: pd.DataFrame, period: Period, count: int = 12) -> pd.DataFrame:
    """The months that a report shows: the period's, or for a single month the `count` months up to it.

    >>> units = pd.DataFrame({"month": ["2009-12", "2010-01", "2010-02"]})
    >>> span(units, Period.parse("2010-01..2010-02")).month.tolist(), len(span(units, Period.parse("2010-02")))
    (['2010-01', '2010-02'], 3)
    """
    months = period.months if len(period.months) > 1 else sorted(units["month"].unique())[-count:]
    return units[units["month"].isin(months)].reset_index(drop=True)


def last_two(units: pd.DataFrame) -> tuple[str, str]:
    """The last month and the calendar month before it, which may have no row.

    >>> last_two(pd.DataFrame({"month": ["2010-01"]}))
    ('2009-12', '2010-01')
    """
    last = str(max(units["month"]))
    return shift(last, -1), last


def lowest(total: pd.DataFrame) -> str:
    """The channel with the smallest share.

    >>> lowest(pd.DataFrame({"channel": ["own", "end"], "share": [0.7, 0.3]}))
    'end'
    """
    return str(total.loc[total["share"].idxmin(), "channel"])


def share_table(shares: pd.DataFrame, total: pd.DataFrame) -> pd.DataFrame:
    """Months × channels as a reader's table: units and shares of each month, and of the whole span below.

    Args:
        shares: month, channel, units, share (`contribution_share` within the month).
        total: channel, units, share of the span.

    Returns:
        month (empty in the span's row), one column of units a channel, total, one column `share · channel`.

    >>> shares = pd.DataFrame({"month": ["a", "a"], "channel": ["own", "end"], "units": [1.0, 3.0], "share": [.25, .75]})
    >>> share_table(shares, shares.drop(columns="month")).values.tolist()
    [['a', 1.0, 3.0, 4.0, 0.25, 0.75], ['', 1.0, 3.0, 4.0, 0.25, 0.75]]
    """
    both = pd.concat([shares, total.assign(month="")], ignore_index=True)
    order = list(total["channel"])
    rows = list(dict.fromkeys(both["month"]))
    units = both.pivot(index="month", columns="channel", values="units").loc[rows, order]
    parts = both.pivot(index="month", columns="channel", values="share").loc[rows, order]
    parts.columns = [f"share · {channel}" for channel in order]
    return pd.concat([units, units.sum(axis=1).rename("total"), parts], axis=1).reset_index()

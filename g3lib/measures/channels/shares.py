"""Channel contribution: how a total divides among channels, and where a change of the total came from.

Counted are units sold. The denominator is an argument (`within=`): shares sum to one inside each group.
A channel that sold nothing has zero units and keeps its row, because its absence is the finding. A full
count of sales has no sampling error: an interval is given only where the counts stand for a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.labels import VOCABULARIES, rounded
from g3lib.measures.guards import parts_only
from g3lib.periods import Period, days_in, month_of, shift

UNSTATED = "unstated"  # a sale that does not say through what
CHANNEL_ORDER = tuple(VOCABULARIES["channel"])


def monthly_units(sales: pd.DataFrame, by: Sequence[str] = ("channel",)) -> pd.DataFrame:
    """Units by month and channel, every month × every channel that ever sold.

    Args:
        sales: rows of the sales table (date, units and the columns of `by`).
        by: what stands beside the month; every value of each meets every other.

    Returns:
        month (`2010-01`), by…, units (devices); absent combinations are 0. Months between the first
        and the last are all there: a month without a row sold nothing that was reported.

    Raises:
        DataError: total rows among the parts.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-01", "2010-03-01"]),
    ...                       "channel": ["own", "social"], "units": [5.0, 7.0]})
    >>> monthly_units(sales).query("month == '2010-02'").units.tolist()
    [0.0, 0.0]
    """
    if sales.empty:
        return pd.DataFrame({"month": [], **{name: [] for name in by}, "units": []})
    # months as numbers: a text for each of 20 million rows would take longer than all the rest
    number = sales["date"].to_numpy().astype("datetime64[M]").astype(np.int64)
    # each text is hashed once, to a number: sorting comes after, over the few that differ
    codes, names = zip(*(_coded(sales[name]) for name in by), strict=True)
    known = np.logical_and.reduce([code >= 0 for code in codes])
    shape = (int(number.max() - number.min()) + 1, *map(len, names))
    cell = np.ravel_multi_index([part[known] for part in (number - number.min(), *codes)], shape)
    units = sales["units"].to_numpy(dtype="float64")[known]
    summed = np.bincount(cell, units, minlength=int(np.prod(shape)))
    span = np.arange(number.min(), number.max() + 1).astype("datetime64[M]").astype(str)
    grid = pd.MultiIndex.from_product([span, *names], names=["month", *by])
    out = pd.DataFrame({"units": summed}, index=grid).reset_index()
    parts_only(out, by)
    return out


def _coded(values: pd.Series) -> tuple[npt.NDArray[np.int64], pd.Index]:
    """Each value's place in `ordered`; −1 where it is unknown."""
    codes, found = pd.factorize(values)
    index = ordered(pd.Series(found))
    places = np.append(index.get_indexer(pd.Index(found, dtype="object")), -1)
    return places[codes], index


def ordered(values: pd.Series) -> pd.Index:
    """The values that occur, each once: channels in their usual order, others by name; unknown is not among them.

    >>> ordered(pd.Series(["end", "own", "kiosk"])).tolist()
    ['own', 'end', 'kiosk']
    """
    known = set(pd.unique(values.dropna()))
    usual = [c for c in CHANNEL_ORDER if c in known]
    return pd.Index([*usual, *sorted(known - set(usual))], dtype="object")


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
    parts_only(units, [by])
    summed = units.groupby(groups, as_index=False, sort=False)[value].sum()
    if within:
        total = summed.groupby(list(within))[value].transform("sum")
    else:
        total = pd.Series(summed[value].sum(), index=summed.index)
    summed["share"] = summed[value] / total.where(total != 0)
    return summed


def share_intervals(shares: pd.DataFrame, within: Sequence[str] = (), level: float = 0.95) -> pd.DataFrame:
    """Goodman's simultaneous intervals of shares, for counts that stand for a process and not for themselves.

    A full count of a month's sales has none; they answer "what would the next customers do". With `level` all
    shares of a group lie in their intervals at once (Goodman 1965, through statsmodels). The approximation wants
    counts of five or more: below, the interval is given and `few` says so.

    Args:
        shares: `contribution_share`: within…, one row a member, units, share.
        within: the columns that make the group.
        level: the joint confidence.

    Returns:
        The rows with low, high (fractions; NaN in a group without units) and few (fewer than five units).

    >>> shares = contribution_share(pd.DataFrame({"channel": ["own", "end"], "units": [90, 0]}))
    >>> share_intervals(shares)[["low", "high", "few"]].round(3).values.tolist()
    [[0.947, 1.0, False], [0.0, 0.053, True]]
    """
    from statsmodels.stats.proportion import multinomial_proportions_confint

    out = shares.assign(low=float("nan"), high=float("nan"), few=shares["units"] < 5)
    groups = shares.groupby(list(within), sort=False).indices.values() if within else [np.arange(len(shares))]
    low, high = np.full(len(shares), np.nan), np.full(len(shares), np.nan)
    for rows in groups:
        counts = shares["units"].to_numpy()[rows]
        if counts.sum() > 0:
            low[rows], high[rows] = multinomial_proportions_confint(counts, alpha=1 - level, method="goodman").T
    return out.assign(low=low.clip(0, 1), high=high.clip(0, 1))


def printed_sum(shares: Sequence[float], digits: int = 2) -> str:
    """What the printed percentages sum to, each rounded half up by itself: 99.99 wants a note.

    >>> printed_sum([261 / 1678, 1101 / 1678, 316 / 1678])
    '99.99'
    """
    return f"{sum(rounded(100 * share, digits) for share in shares):.{digits}f}"


_CHANGE = ["units_before", "units_after", "change", "growth_points", "share_before", "share_after", "share_change"]


def change_of_share(units: pd.DataFrame, before: str, after: str, by: str = "channel") -> pd.DataFrame:
    """Where a change of the monthly total came from.

    Args:
        units: month, channel (or whatever `by` names), units, as `monthly_units` gives them.
        before, after: the two months.
        by: what the total is made of.

    Returns:
        channel, units_before, units_after, change (devices; sums to the change of the total),
        growth_points (change ÷ total before, a fraction; sums to the growth rate), share_before,
        share_after, share_change (fractions; share_change sums to zero). Empty where nothing is known of one
        of the months: no data is not no sales.

    >>> units = pd.DataFrame({"month": ["a", "a", "b"], "channel": ["own", "end", "own"],
    ...                       "units": [50, 50, 120]})
    >>> change_of_share(units, "a", "b")[["change", "growth_points", "share_change"]].values.tolist()
    [[-50.0, -0.5, -0.5], [70.0, 0.7, 0.5]]
    """
    if not {before, after} <= set(units["month"]):
        return pd.DataFrame(columns=[by, *_CHANGE])
    table = units.pivot_table(index=by, columns="month", values="units", aggfunc="sum").astype("float64")
    table = table.reindex(columns=[before, after]).fillna(0.0)
    totals = table.sum()
    start = totals[before] if totals[before] else float("nan")
    end = totals[after] if totals[after] else float("nan")
    old, new = table[before], table[after]
    columns = {"units_before": old, "units_after": new, "change": new - old, "growth_points": (new - old) / start}
    columns |= {"share_before": old / start, "share_after": new / end, "share_change": new / end - old / start}
    return pd.DataFrame(columns).rename_axis(by).reset_index()


def daily_cells(sales: pd.DataFrame, by: Sequence[str] = ("channel", "outlet")) -> pd.DataFrame:
    """The sales summed by day: what measures of units, shares and targets read as they read sales, and far fewer rows.

    Args:
        sales: rows of the sales table.
        by: what is kept apart beside date, grain and branch; a column that the sales lack is left out.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-01"] * 3), "grain": "day", "branch": "b", "channel": "own",
    ...                       "outlet": ["o", "o", None], "units": [1.0, 2.0, 4.0], "model": ["a", "b", "c"]})
    >>> daily_cells(sales)["units"].tolist()
    [3.0, 4.0]
    """
    keys = [name for name in ("date", "grain", "branch", *by) if name in sales]
    return sales.groupby(keys, dropna=False, as_index=False, sort=False)["units"].sum()


def known_days(cells: pd.DataFrame, asof: date) -> list[str]:
    """What can be asked about, as periods: each day of the last year that is known, or the months of what has only sums.

    Args:
        cells: `daily_cells`; asof: the last day known.

    >>> cells = pd.DataFrame({"date": pd.to_datetime(["2010-01-01", "2010-02-27"]), "grain": ["month", "day"]})
    >>> known_days(cells, date(2010, 2, 2))
    ['2010-01', '2010-02-01', '2010-02-02']
    """
    if cells.empty:
        return []
    first, last = cells["date"].min(), pd.Timestamp(asof)
    sums = cells["grain"].eq("month")
    whole = set(cells.loc[sums, "date"].dt.strftime("%Y-%m"))
    days = [] if sums.all() else pd.date_range(max(first, last - pd.DateOffset(years=1)), last)
    return sorted(whole | {f"{day:%Y-%m-%d}" for day in days if f"{day:%Y-%m}" not in whole})


def level(sales: pd.DataFrame, period: Period, by: str = "channel", most: int = 12) -> pd.DataFrame:
    """Who gave what in the period's last month up to its last day known, beside as many days of the month before.

    The month before is taken up to the same day and, where it is shorter or longer, at its own pace for as many days: a flat
    pace shows no change. Days of the Spring Festival are not aligned.

    Args:
        sales: rows of the sales table, or `daily_cells` of them.
        period: its `asof` is the last day known.
        by: `channel`, or `outlet`; sales that do not say are `unstated`.
        most: how many are named; the others are one row, without a name.

    Returns:
        The columns of `change_of_share`, most devices first, the rest last: a month without a sale counts as none. What lies
        before the first sale known is unknown, and so is what follows from it. Empty where neither month has a row.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-01", "2010-01-05", "2010-02-05", "2010-02-05"]),
    ...                       "outlet": ["a", "a", "a", None], "units": [4.0, 6.0, 5.0, 6.0]})
    >>> level(sales, Period.parse("2010-02-10"), "outlet")[["outlet", "units_after", "growth_points"]].values.tolist()
    [['unstated', 6.0, 0.6], ['a', 5.0, -0.5]]
    """
    before, after = period.previous_month, period.last_month
    month = month_of(sales["date"])
    both = same_days(sales[month.isin([before, after])], period)
    both = both[both["date"] <= pd.Timestamp(period.asof)]
    if both.empty:
        return pd.DataFrame(columns=[by, *_CHANGE])
    both = both.assign(month=month_of(both["date"]), **{by: both[by].fillna(UNSTATED)})
    units = both.groupby(["month", by], as_index=False)["units"].sum()
    whole = period.asof == period.end  # then so is the month before
    days = period.asof.day / (days_in(before) if whole else min(period.asof.day, days_in(before)))
    units["units"] *= np.where(units["month"] == before, days, 1.0)
    nothing = pd.DataFrame({"month": [before, after], by: units[by].iloc[0], "units": 0.0})
    found = change_of_share(pd.concat([units, nothing], ignore_index=True), before, after, by)
    if sales["date"].min() > pd.Timestamp(f"{before}-01"):
        found[["units_before", "change", "growth_points", "share_before", "share_change"]] = np.nan
    found = found.sort_values(["units_after", "units_before", by], ascending=[False, False, True], ignore_index=True)
    if len(found) <= most:
        return found
    rest = found.iloc[most - 1 :].drop(columns=by).sum(min_count=1).to_frame().T.assign(**{by: ""})
    return pd.concat([found.iloc[: most - 1], rest], ignore_index=True)


def change_table(changed: pd.DataFrame, shifted: pd.DataFrame) -> pd.DataFrame:
    """A change of the total beside its shift-share, one row a channel.

    Args:
        changed: `change_of_share`; shifted: `shift_share` of the same months, may be empty.

    >>> changed = pd.DataFrame({"channel": ["own"], "change": [5.0]})
    >>> shifted = pd.DataFrame({"channel": ["own"], "province": [2.0], "structure": [1.0], "own_growth": [2.0]})
    >>> change_table(changed, shifted).columns.tolist()
    ['channel', 'change', 'province', 'structure', 'own_growth']
    """
    parts = shifted[["channel", "province", "structure", "own_growth"]]
    shown = changed.drop(columns=["share_before", "share_after"], errors="ignore")
    return shown.merge(parts, on="channel", how="left") if len(shifted) else shown


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


def in_month(sales: pd.DataFrame, month: str) -> pd.DataFrame:
    """The sales of one month.

    >>> in_month(pd.DataFrame({"date": pd.to_datetime(["2010-01-31", "2010-02-01"])}), "2010-02").index.tolist()
    [1]
    """
    return sales[month_of(sales["date"]) == month]


def same_days(sales: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Sales for a comparison with the month before and a year before: where the month is not over, their later days are left out.

    Of sales known by month sums the part of as many days is taken.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-05", "2010-01-20", "2010-02-03"])})
    >>> same_days(sales, Period.parse("2010-02-10")).index.tolist(), len(same_days(sales, Period.parse("2010-02")))
    ([0, 2], 3)
    """
    if period.asof == period.end:
        return sales
    earlier = month_of(sales["date"]).isin([period.previous_month, shift(period.last_month, -12)])
    found = sales[~(earlier & (sales["date"].dt.day > period.asof.day))]
    if "grain" not in sales or not (sums := earlier & sales["grain"].eq("month")).any():
        return found
    part = (period.asof.day / found["date"].dt.days_in_month).clip(upper=1.0).where(sums.loc[found.index], 1.0)
    return found.assign(units=found["units"] * part)


def whole_months(units: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Month sums that can be compared: none where the month is not over, for they have no days.

    >>> len(whole_months(pd.DataFrame({"month": ["2010-02"]}), Period.parse("2010-02-10")))
    0
    """
    return units if period.asof == period.end else units[:0]

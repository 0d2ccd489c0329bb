"""The row that operators read, the same everywhere: 当月 累计 完成率 序时差 环比 同比 排名.

环比 and 同比 of a flow are ratios of daily averages less one. The Spring Festival moves through January and February,
so it is aligned, and the row says how:

- 环比: the festival's holidays are left out of both months' daily averages (`spring_days_out`);
- 同比 of January to March: the same days counted from the lunar New Year (`spring_same_distance`).

A month that is not over is held against the same days of the earlier month (`same_days`).

All these need sales by day. Of month sums January and February are taken together in February (`spring_two_months`);
otherwise the plain figure stands, marked as not aligned (`spring_festival`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal

import pandas as pd

from g3lib.measures.targets.progress import calendar, daily_shape
from g3lib.measures.targets.thresholds import light
from g3lib.measures.targets.workdays import near_spring, since_last_new_year, spring_festival
from g3lib.periods import Period, days_in, month_of, shift

Kind = Literal["flow", "rate"]
_NAN = float("nan")


def kpi_row(
    values: pd.Series,
    period: Period,
    kind: Kind = "flow",
    reached: pd.DataFrame | None = None,
    peers: pd.DataFrame | None = None,
    branch: str = "",
    daily: pd.Series | None = None,
    thresholds: pd.DataFrame | None = None,
    scopes: Sequence[str] = (),
) -> pd.DataFrame:
    """The KPI row of one figure.

    Args:
        values: one value a month, index `2010-01`, of the branch.
        period: the report's period; the row is of its last month, up to the last day known.
        kind: a flow adds up over months and is compared a day (环比, 同比 are ratios of daily averages
            less one); a rate does neither (they are differences, a fraction).
        reached: `progress` of the branch (its calendar row is used), None where there is no target.
        peers: branch, month, value of the sisters, for the rank; None where there are none.
        branch: this branch among the peers.
        daily: units a day of a flow (index by day, gaps filled), where days are known: aligns the Spring Festival.
        thresholds: rows of the thresholds table; `scopes`: whose lines hold here, narrowest first.

    Returns:
        kpi (month, year_to_date, attainment, time_gap, month_on_month, year_on_year, rank, rank_change),
        value, reason (a code that says why a value is unknown, or what it was aligned by; else empty), status (its
        colour after the thresholds: the progress index colours attainment and 序时差). A year to date with a month
        missing is unknown.

    >>> values = pd.Series({"2010-01": 31.0, "2010-02": 28.0, "2010-03": 62.0})
    >>> row = kpi_row(values, Period.parse("2010-03")).set_index("kpi").value
    >>> row[["month_on_month", "year_to_date", "year_on_year"]].tolist()
    [1.0, 121.0, nan]
    """
    month = period.last_month
    this = float(values.get(month, _NAN))
    flow = kind == "flow"
    year = values.reindex(Period.parse(f"{month[:4]}-01..{month}").months)
    to_date = float(year.sum()) if flow and year.notna().all() else _NAN
    done, passed, why_target = _reached(reached)
    rank, change, why_rank = _rank(peers, month, branch)
    on_month, how_month = _growth(values, period, -1, flow, daily)
    on_year, how_year = _growth(values, period, -12, flow, daily)
    parts = [
        ("month", this, "no_month", ""),
        ("year_to_date", to_date, "months_missing" if flow else "rate_not_summed", ""),
        ("attainment", done, why_target, ""),
        ("time_gap", done - passed, why_target, ""),
        ("month_on_month", on_month, "no_earlier_month", how_month),
        ("year_on_year", on_year, "no_last_year", how_year),
        ("rank", rank, why_rank, ""),
        ("rank_change", change, why_rank or "no_earlier_month", ""),
    ]
    index = done / passed if passed else _NAN
    coloured = {"attainment": ("progress_index", index), "time_gap": ("progress_index", index)}
    coloured |= {name: (name, value) for name, value, _, _ in parts if name in ("month_on_month", "year_on_year")}
    rows = []
    for kpi, value, why, remark in parts:
        status = "plain"
        if thresholds is not None and kpi in coloured and value == value:
            indicator, given = coloured[kpi]
            status = str(light(given, thresholds, indicator, period.asof, scopes))
        rows.append((kpi, value, remark if value == value else why, status))
    return pd.DataFrame(rows, columns=["kpi", "value", "reason", "status"])


def sales_kpi(
    sales: pd.DataFrame, area_sales: pd.DataFrame | None, period: Period, reached: pd.DataFrame, branch: str,
    thresholds: pd.DataFrame | None = None, scopes: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """The KPI row of device sales.

    Args:
        sales: date, grain, units of the branch, last year's included.
        area_sales: branch, month, units of all sisters; None where there is nobody to rank against (a province).
        period, reached, branch, thresholds, scopes: see `kpi_row`.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2010-04-30", "2010-05-31"]), "grain": "day", "units": [30.0, 62.0]})
    >>> row = sales_kpi(sales, sales.assign(branch="a", month=["2010-04", "2010-05"]), Period.parse("2010-05"), sales[:0], "a")
    >>> row.set_index("kpi").loc[["month", "month_on_month", "rank"], "value"].tolist()
    [62.0, 1.0, nan]
    """
    months = sales.groupby(month_of(sales["date"]))["units"].sum() if len(sales) else pd.Series(dtype="float64")
    if len(months):  # a month inside the data without a row sold nothing that was reported
        months = months.reindex(Period.parse(f"{months.index.min()}..{months.index.max()}").months, fill_value=0.0)
    by_day = None if sales.empty or ("grain" in sales and sales["grain"].eq("month").any()) else daily_shape(sales)
    if by_day is not None and period.last_month in months:  # its last days may have sold nothing: that is known
        by_day = by_day.reindex(pd.date_range(by_day.index[0], max(by_day.index[-1], pd.Timestamp(period.asof))), fill_value=0.0)
    peers = None if area_sales is None else area_sales.rename(columns={"units": "value"})
    return kpi_row(months, period, "flow", reached, peers, branch, by_day, thresholds, scopes)


def rate_kpi(
    rates: pd.Series, period: Period, peers: pd.DataFrame | None = None, branch: str = "", has_target: bool = False,
    month: str = "",
) -> pd.DataFrame:  # fmt: skip
    """The KPI row of a rate: compared in points, not summed; a target that is a rate has a gap and no attainment.

    Args:
        rates: one a month, index `2010-01`; peers: branch, month, value (or rate) of the sisters.
        month: whose row it is, where that is not the period's last: a rate that is read at a month's end lags a month behind.

    >>> row = rate_kpi(pd.Series({"2010-02": 0.25, "2010-03": 0.40}), Period.parse("2010-03"), has_target=True)
    >>> row.set_index("kpi").loc[["month_on_month", "attainment"], ["value", "reason"]].round(2).values.tolist()
    [[0.15, ''], [nan, 'rate_has_gap']]
    """
    sisters = None if peers is None else peers.rename(columns={"rate": "value"})
    row = kpi_row(rates, Period.parse(month) if month else period, "rate", peers=sisters, branch=branch)
    blank = row["kpi"].isin(["attainment", "time_gap"]) & has_target
    return row.assign(reason=row["reason"].mask(blank, "rate_has_gap"))


def _reached(reached: pd.DataFrame | None) -> tuple[float, float, str]:
    """Attainment, time progress, and why they would be unknown."""
    if reached is None or reached.empty:
        return _NAN, _NAN, "no_target"
    row = calendar(reached).iloc[0]
    target = float(row["target"])
    why = "target_masked" if target != target else "zero_target" if target == 0 else "months_missing"
    return float(row["attainment"]), float(row["time_progress"]), why


def _growth(values: pd.Series, period: Period, by: int, flow: bool, daily: pd.Series | None) -> tuple[float, str]:
    """Growth on the month `by` months earlier, and how the Spring Festival was met."""
    month = period.last_month
    earlier = shift(month, by)
    this, before = values.get(month), values.get(earlier)
    if this is None or before is None:
        return _NAN, ""
    if not flow:
        return float(this - before), ""
    touched = near_spring(month)
    if touched and daily is not None:
        aligned = _without_holidays(daily, period, earlier) if by == -1 else _same_distance(daily, period)
        if aligned == aligned:
            return aligned, "spring_days_out" if by == -1 else "spring_same_distance"
    if touched and by == -12 and month.endswith("-02") and daily is None and period.asof == period.end:
        pairs = [values.reindex([shift(m, -1), m]).sum(min_count=2) for m in (month, earlier)]
        days = [days_in(shift(m, -1)) + days_in(m) for m in (month, earlier)]
        if pairs[1] > 0 and pairs[0] == pairs[0]:
            return float(pairs[0] / days[0] / (pairs[1] / days[1]) - 1), "spring_two_months"
    part = period.asof != period.end
    if part and daily is not None and not touched:
        return _same_days(daily, period, earlier), "same_days"
    # a month that is not over is compared by the days that are known
    plain = (this / period.asof.day) / (before / days_in(earlier)) - 1 if before else _NAN
    return float(plain), "spring_festival" if touched else "part_month" if part else ""


def _against(daily: pd.Series, period: Period, start: date, end: date, out: tuple[date, date] | None = None) -> float:
    """The average of the month's known days over that of other days, less one; without the days of `out` in either."""
    means = []
    for span in ((period.asof.replace(day=1), period.asof), (start, end)):
        days = daily.reindex(pd.date_range(*span))
        kept = days if out is None else days[(days.index.date < out[0]) | (days.index.date > out[1])]
        means.append(float(kept.mean(skipna=False)))
    return means[0] / means[1] - 1 if means[1] else _NAN


def _same_days(daily: pd.Series, period: Period, earlier: str) -> float:
    """Against the same days of an earlier month, for a month sells more at its end."""
    first = date.fromisoformat(f"{earlier}-01")
    return _against(daily, period, first, first.replace(day=min(period.asof.day, days_in(earlier))))


def _without_holidays(daily: pd.Series, period: Period, earlier: str) -> float:
    """Against the whole earlier month, both without the holidays of the Spring Festival."""
    festival, first = spring_festival(period.asof.year), date.fromisoformat(f"{earlier}-01")
    return _NAN if festival is None else _against(daily, period, first, first.replace(day=days_in(earlier)), festival)


def _same_distance(daily: pd.Series, period: Period) -> float:
    """Against last year's days at the same distance from the lunar New Year."""
    moved = since_last_new_year(period.asof.year)
    return _against(daily, period, period.asof.replace(day=1) + moved, period.asof + moved)


def _rank(peers: pd.DataFrame | None, month: str, branch: str) -> tuple[float, float, str]:
    if peers is None:
        return _NAN, _NAN, "not_compared"
    if peers["branch"].nunique() < 2:
        return _NAN, _NAN, "no_sisters"
    sums = peers.groupby(["month", "branch"])["value"].sum(min_count=1)  # an unknown rate has no rank

    def rank(of: str) -> float:
        if of not in sums.index.get_level_values(0):
            return _NAN
        return float(sums[of].rank(ascending=False, method="min").get(branch, _NAN))

    now, then = rank(month), rank(shift(month, -1))
    return now, then - now, "" if now == now else "no_month"

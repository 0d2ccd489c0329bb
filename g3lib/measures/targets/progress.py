"""Targets: how far, against how much of the time, and what is still needed a day.

A flow (sales of a year) is compared with the part of its time that has passed; the share of time is by calendar
days, by equal months, by last year's shape (a month sells more at its end, a year before Spring Festival) or by
working days, and every figure carries the name of its phasing, because all are right and they differ (January: 31/365
or 1/12). A stock is compared with the way from where it stood, a rate has a gap in points. A target that is masked is
unknown: attainment is NaN, not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import DataError
from g3lib.measures.guards import ratio
from g3lib.measures.targets.thresholds import colour, decided_on, lines
from g3lib.measures.targets.workdays import since_last_new_year, working_days
from g3lib.periods import Period, days_in

Phasing = Literal["calendar", "month_even", "last_year", "workdays"]
PHASINGS: tuple[Phasing, ...] = ("calendar", "month_even", "last_year", "workdays")


def attainment(actual: float, target: float) -> float:
    """完成率 = actual ÷ target. Over a target of zero it is undefined (NaN).

    >>> attainment(636, 16475 / 12), attainment(5, 0)
    (0.463247..., nan)
    """
    return actual / target if target and target == target else float("nan")


def time_progress(start: date, end: date, asof: date, phasing: Phasing = "calendar", last_year: pd.Series | None = None) -> float:
    """Time passed ÷ whole time, both ends counted.

    Args:
        start, end: the target's first and last day.
        asof: the last day that is known.
        phasing: by calendar days; every month alike and its days alike inside it; by working days; or as last year's
            sales came (see `last_years_days`).
        last_year: `daily_shape`: units a day a year before; only `last_year` asks for it.

    Returns:
        A fraction. NaN where last year's same days are not all known or sold nothing, or the official calendar of
        working days is not published.

    >>> time_progress(date(2010, 1, 1), date(2010, 12, 31), date(2010, 1, 31))
    0.0849...
    >>> time_progress(date(2010, 1, 1), date(2010, 12, 31), date(2010, 1, 31), "month_even")
    0.0833...
    >>> time_progress(date(2010, 1, 1), date(2010, 12, 31), date(2010, 1, 31), "workdays")
    0.08
    """
    if end < start:
        raise DataError(f"A target from {start} to {end} ends before it starts.")
    if asof < start:
        return 0.0
    asof = min(asof, end)
    match phasing:
        case "calendar":
            return ((asof - start).days + 1) / ((end - start).days + 1)
        case "month_even":
            return months_in(start, asof) / months_in(start, end)
        case "workdays":
            return ratio(working_days(start, asof), working_days(start, end))
    whole = last_years_days(last_year, start, end)
    return ratio(whole[: pd.Timestamp(asof)].sum(), whole.sum()) if len(whole) else float("nan")


def daily_shape(sales: pd.DataFrame) -> pd.Series:
    """Units a day, index by day from the first to the last; a month's sum is spread evenly over its days.

    >>> daily_shape(pd.DataFrame({"date": [pd.Timestamp("2010-02-01")], "grain": ["month"], "units": [28.0]})).tolist()[:2]
    [1.0, 1.0]
    """
    if sales.empty:
        return pd.Series(dtype="float64", index=pd.DatetimeIndex([]))
    sums = sales["grain"].eq("month") if "grain" in sales else pd.Series(False, index=sales.index)
    by_day = sales.loc[~sums].groupby("date")["units"].sum()
    months = sales.loc[sums].groupby("date")["units"].sum()
    spread = [
        pd.Series(units / month.days_in_month, pd.date_range(month, periods=month.days_in_month))
        for month, units in months.items()
    ]
    whole = pd.concat([by_day, *spread]).groupby(level=0).sum()
    return whole.reindex(pd.date_range(whole.index.min(), whole.index.max()), fill_value=0.0)


def daily_units(sales: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> npt.NDArray[np.float64]:
    """Units of each day from the first to the last, nought where none was sold."""
    days = (sales["date"] - first).dt.days
    inside = days.between(0, (last - first).days)
    return np.bincount(
        days[inside], sales.loc[inside, "units"].to_numpy(float), minlength=max((last - first).days + 1, 0)
    ).astype(float)


def last_years_days(shape: pd.Series | None, first: date, last: date, by_moon: bool = True) -> pd.Series:
    """What the counterpart of each day sold a year before, index by this year's day.

    From January to March it is the day at the same distance from the lunar New Year, else the same day of the calendar; the
    calendar's throughout where those are not all on record. Empty where the shape does not hold the calendar's either.

    Args:
        shape: `daily_shape`.
        by_moon: False for the calendar's days throughout: where a month's end counts, not the festival.

    >>> shape = pd.Series(range(800), pd.date_range("2013-01-01", periods=800))
    >>> last_years_days(shape, date(2015, 2, 19), date(2015, 2, 19)).tolist() == [shape["2014-01-31"]]  # both are New Year's Day
    True
    """
    days = pd.date_range(first, last)
    by_calendar = days - pd.DateOffset(years=1)
    aligned = by_calendar.where(days.month > 3, days + pd.to_timedelta([since_last_new_year(year) for year in days.year]))
    for then in (aligned, by_calendar) if by_moon else (by_calendar,):
        if len(days) and shape is not None and len(shape) and shape.index[0] <= then.min() and then.max() <= shape.index[-1]:
            return pd.Series(shape.reindex(then).to_numpy(float), index=days)
    return pd.Series(dtype="float64", index=days[:0])


def months_in(start: date, end: date) -> float:
    """Months from the first to the last day, parts of months counted as parts.

    >>> months_in(date(2010, 1, 16), date(2010, 2, 28)) == 16 / 31 + 1
    True
    """
    months = Period(start, end, end).months
    if len(months) == 1:
        return ((end - start).days + 1) / days_in(months[0])
    first = (days_in(months[0]) - start.day + 1) / days_in(months[0])
    return first + len(months) - 2 + end.day / days_in(months[-1])


def phased_target(
    target: float,
    start: date,
    end: date,
    month: str,
    phasing: Phasing,
    asof: date | None = None,
    last_year: pd.Series | None = None,
) -> float:
    """The part of a target that falls to one month, or to its days up to `asof`.

    >>> round(phased_target(16475, date(2010, 1, 1), date(2010, 12, 31), "2010-01", "month_even"), 2)
    1372.92
    >>> round(phased_target(16475, date(2010, 1, 1), date(2010, 12, 31), "2010-01", "calendar"), 2)
    1399.25
    """
    whole = Period.parse(month)
    first, last = max(whole.start, start), min(whole.end, end, asof or end)
    if last < first:
        return 0.0
    until = time_progress(start, end, last, phasing, last_year)
    before = time_progress(start, end, date.fromordinal(first.toordinal() - 1), phasing, last_year) if first > start else 0.0
    return target * (until - before)


def running(targets: pd.DataFrame, metric: str, asof: date, kinds: Sequence[str] = ("flow",)) -> pd.DataFrame:
    """The targets of a metric that run on a day, for whole branches; of several versions the last, the longest span first.

    A target without a kind is taken for a flow.
    """
    today = pd.Timestamp(asof)
    found = targets[
        (targets["metric"] == metric)
        & targets["kind"].fillna("flow").isin(list(kinds))
        & targets["channel"].isna()
        & targets["device_class"].isna()
        & (targets["start"] <= today)
        & (targets["end"] >= today)
    ]
    found = found.assign(span=found["end"] - found["start"]).sort_values(["span", "start"], ascending=[False, True])
    if "version" in found:
        found = found.sort_values("version", kind="stable", na_position="first")
    found = found.drop_duplicates(["branch", "start", "end"], keep="last")
    return found.sort_values("span", ascending=False, kind="stable").drop(columns="span")


def progress(
    sales: pd.DataFrame, targets: pd.DataFrame, period: Period, thresholds: pd.DataFrame | None = None,
    scopes: Sequence[str] = (), whole_of: str = "",
) -> pd.DataFrame:  # fmt: skip
    """Every running flow target of device sales against its time.

    Args:
        sales: rows of the sales table (date, units, grain; with a column branch a target reads its own branch's rows).
        targets: rows of the targets table; only flows in units that run at the period's last day.
        period: its `asof` is the last day known.
        thresholds: rows of the thresholds table; `scopes`: whose lines hold, narrowest first.
        whole_of: the province, or the city, that all the sales are of: its target reads every row.

    Returns:
        One row per target × phasing, the target of the longest span first, only the last version of each:
        branch, unit (台 where the table names none), phasing, starts, ends, target, actual (devices since start), attainment,
        time_progress,
        progress_index (attainment ÷ time progress), gap_to_time (序时缺口, devices: target × time progress −
        actual, positive is behind), remaining, days_left, months_left (parts of months counted as parts),
        per_day and per_month (required run rates), beside_last_year (remaining ÷ what the days left sold last year),
        month (or the date, where the month is not over), month_target, month_actual, month_attainment: the target's
        part of the month up to the last day known, and the devices of those days; reason of an unknown time progress:
        `no_last_year`, `unpublished` (the calendar of working days), `months_missing` (the sales begin after the target:
        what came before is unknown, so actual and all that follows are NaN); status: the colour of the progress index after the
        province's thresholds, or, where it has none, `breach` below 1 and `good` from 1 on; month_status: the same of the
        month's attainment.
    """
    rows = []
    wanted = running(targets, "units", period.asof)
    parts = dict(list(sales.groupby("branch"))) if "branch" in sales else None
    shapes: dict[str, pd.Series] = {}
    for row in wanted.itertuples():
        own = sales if parts is None or row.branch == whole_of else parts.get(row.branch, sales[:0])
        shape = shapes.setdefault(row.branch, daily_shape(own))
        sold = _sold(row, own, shape, period.asof)
        rows += [_against(row, sold, shape, period, phasing) for phasing in PHASINGS]
    out = pd.DataFrame(rows, columns=_PROGRESS)
    line = (1.0, 1.0, "up")  # in time is good, behind it is not, where the province has not said more
    if thresholds is not None and decided_on(thresholds, "progress_index", period.asof, scopes):
        line = lines(thresholds, "progress_index", period.asof, scopes)
    colours = {"status": "progress_index", "month_status": "month_attainment"}
    return out.assign(**{name: [str(colour(v, line)) for v in out[of]] for name, of in colours.items()})


_PROGRESS = ["branch", "unit", "phasing", "starts", "ends", "target", "actual", "attainment", "time_progress",
             "progress_index", "gap_to_time", "remaining", "days_left", "per_day", "months_left", "per_month",
             "beside_last_year", "month", "month_actual", "month_target", "month_attainment", "reason"]  # fmt: skip
_UNKNOWN_TIME = {"last_year": "no_last_year", "workdays": "unpublished"}


class _Sold(NamedTuple):
    """What came, whatever the phasing: since the target's start (NaN: unknown), in the month; and last year in the days left."""

    actual: float
    in_month: float
    rest_last_year: float


def _sold(row: Any, sales: pd.DataFrame, shape: pd.Series, asof: date) -> _Sold:
    today, days = pd.Timestamp(asof), sales["date"]
    since = (row.start, max(row.start, today.replace(day=1)))
    actual, in_month = (float(sales.loc[days.between(day, today), "units"].sum()) for day in since)
    # sales that begin in a later month than the target leave its beginning unknown, not empty
    late = len(sales) > 0 and f"{days.min():%Y-%m}" > f"{row.start:%Y-%m}"
    before = last_years_days(shape, row.start.date(), row.end.date())
    rest = float(before[today + pd.Timedelta(days=1) :].sum()) if row.end > today and len(before) else float("nan")
    return _Sold(float("nan") if late else actual, in_month, rest)


def _against(row: Any, sold: _Sold, shape: pd.Series, period: Period, phasing: Phasing) -> tuple[Any, ...]:
    target, asof, actual = float(row.target), period.asof, sold.actual
    start, end = row.start.date(), row.end.date()
    passed = time_progress(start, end, asof, phasing, shape)
    days_left = (end - asof).days
    months_left = months_in(start, end) - months_in(start, asof)
    month_target = phased_target(target, start, end, period.last_month, phasing, asof, shape)
    month = period.last_month if asof == period.end else asof.isoformat()
    reached, remaining = attainment(actual, target), target - actual
    why = "months_missing" if actual != actual else _UNKNOWN_TIME.get(phasing, "") if passed != passed else ""
    return (
        row.branch, row.unit if isinstance(row.unit, str) else "台", phasing, start, end, target, actual, reached, passed,
        ratio(reached, passed), target * passed - actual, remaining, days_left,
        required_run_rate(actual, target, days_left), months_left,
        required_run_rate(actual, target, months_left), ratio(max(remaining, 0.0), sold.rest_last_year),
        month, sold.in_month, month_target,
        attainment(sold.in_month, month_target), why,
    )  # fmt: skip


def calendar(reached: pd.DataFrame) -> pd.DataFrame:
    """The rows of `progress` by calendar days, the longest target first: what most figures are read from; maybe none.

    >>> calendar(pd.DataFrame({"phasing": ["month_even", "calendar"]})).index.tolist(), len(calendar(pd.DataFrame()))
    ([1], 0)
    """
    return reached[reached["phasing"] == "calendar"] if len(reached) else reached


def run_rate_by_day(sales: pd.DataFrame, reached: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What each day left of the month must bring: evenly, and as last year's month came (more at its end).

    Args:
        sales: date, grain, units, last year's included.
        reached: `progress`; its calendar row of the longest target is read.
        period: its `asof` is the last day known; where the month is over, the days are those of the next.

    Returns:
        day, even_day (devices a day: the month's part of what remains ÷ its days), last_year_day (the same laid out by last
        year's days; NaN where they are unknown). Empty without a running target. Both columns have the same sum.

    >>> reached = pd.DataFrame({"phasing": ["calendar"], "ends": [date(2010, 2, 28)], "remaining": [280.0], "days_left": [28]})
    >>> run_rate_by_day(pd.DataFrame({"date": [], "units": []}), reached, Period.parse("2010-01")).head(1).values.tolist()
    [[Timestamp('2010-02-01 00:00:00'), 10.0, nan]]
    """
    rows = calendar(reached)
    if rows.empty or not rows["days_left"].iloc[0]:
        return pd.DataFrame(columns=["day", "even_day", "last_year_day"])
    row = rows.iloc[0]
    first = period.asof + timedelta(days=1)
    last = min(Period.parse(f"{first:%Y-%m}").end, row.ends)
    days = pd.date_range(first, last)
    even = max(float(row.remaining), 0.0) / row.days_left
    shape = daily_shape(sales)
    before = last_years_days(shape, first, last, by_moon=False).to_numpy()
    laid = before / before.sum() * even * len(days) if before.sum() > 0 else np.full(len(days), np.nan)
    return pd.DataFrame({"day": days, "even_day": even, "last_year_day": laid})


def required_run_rate(actual: float, target: float, left: float) -> float:
    """What each remaining day (or month) must bring: (target − actual) ÷ left.

    A target that is met needs nothing more (0); one that is missed when no time is left cannot be
    met by any rate (NaN).

    >>> required_run_rate(636, 16475, 11), required_run_rate(20, 10, 5), required_run_rate(1, 2, 0)
    (1439.909..., 0.0, nan)
    """
    if actual >= target:
        return 0.0
    return (target - actual) / left if left > 0 else float("nan")


def rate_gap(rate: float, targets: pd.DataFrame, metric: str, period: Period) -> tuple[float, float, bool]:
    """A rate against its running target: (target, rate − target, whether the target's time is over).

    A target that is a rate has a gap in percentage points, no attainment. NaN where none runs.

    >>> targets = pd.DataFrame({"branch": ["a"], "metric": "participation", "kind": "rate", "channel": None, "device_class": None,
    ...     "start": pd.to_datetime(["2010-01-01"]), "end": pd.to_datetime(["2010-12-31"]), "target": [0.45]})
    >>> rate_gap(0.40, targets, "participation", Period.parse("2010-03"))
    (0.45, -0.04..., False)
    """
    held = running(targets, metric, period.asof, ("rate",))
    if held.empty:
        return float("nan"), float("nan"), False
    row = held.iloc[0]
    return float(row["target"]), rate - float(row["target"]), bool(row["end"] <= pd.Timestamp(period.asof))


def expected_by(history: pd.DataFrame, target: float, by: str) -> pd.DataFrame:
    """A month's target laid out over strata by the share that each had before.

    Args:
        history: `by` and units of the earlier months.
        target: the month's target, devices.

    Returns:
        by, units: sums to the target. Without any history the target cannot be laid out: NaN.

    >>> expected_by(pd.DataFrame({"channel": ["own", "end"], "units": [1, 3]}), 200.0, "channel").units.tolist()
    [150.0, 50.0]
    """
    sums = history.groupby(by)["units"].sum()
    total = sums.sum()
    return (sums / (total if total else float("nan")) * target).reset_index(name="units")

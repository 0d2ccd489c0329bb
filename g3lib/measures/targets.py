"""Targets: how far, against how much of the time, and what is still needed a day.

A flow (sales of a year) is compared with the part of its time that has passed; the share of time is by
calendar days or by equal months, and every figure carries the name of its phasing, because both are right
and they differ (January: 31/365 or 1/12). A target that is masked is unknown: attainment is NaN, not 0.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import pandas as pd

from g3lib.errors import DataError
from g3lib.periods import Period, days_in, shift

Phasing = Literal["calendar", "month_even"]
PHASINGS: tuple[Phasing, ...] = ("calendar", "month_even")


def attainment(actual: float, target: float) -> float:
    """完成率 = actual ÷ target. Over a target of zero it is undefined (NaN).

    >>> attainment(636, 16475 / 12), attainment(5, 0)
    (0.463247..., nan)
    """
    return actual / target if target and target == target else float("nan")


def time_progress(start: date, end: date, asof: date, phasing: Phasing = "calendar") -> float:
    """Time passed ÷ whole time, both ends counted.

    Args:
        start, end: the target's first and last day.
        asof: the last day that is known.
        phasing: by calendar days, or every month alike and its days alike inside it.

    >>> time_progress(date(2010, 1, 1), date(2010, 12, 31), date(2010, 1, 31))
    0.0849...
    >>> time_progress(date(2010, 1, 1), date(2010, 12, 31), date(2010, 1, 31), "month_even")
    0.0833...
    """
    if end < start:
        raise DataError(f"A target from {start} to {end} ends before it starts.")
    if asof < start:
        return 0.0
    asof = min(asof, end)
    if phasing == "calendar":
        return ((asof - start).days + 1) / ((end - start).days + 1)
    return _months(start, asof) / _months(start, end)


def _months(start: date, end: date) -> float:
    months = Period(start, end, end).months
    if len(months) == 1:
        return ((end - start).days + 1) / days_in(months[0])
    first = (days_in(months[0]) - start.day + 1) / days_in(months[0])
    return first + len(months) - 2 + end.day / days_in(months[-1])


def phased_target(
    target: float, start: date, end: date, month: str, phasing: Phasing, asof: date | None = None
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
    until = time_progress(start, end, last, phasing)
    before = time_progress(start, end, date.fromordinal(first.toordinal() - 1), phasing) if first > start else 0.0
    return target * (until - before)


def progress(sales: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Every running flow target of device sales against its time.

    Args:
        sales: rows of the sales table (date, units).
        targets: rows of the targets table; only flows in units that run at the period's last day.
        period: its `asof` is the last day known.

    Returns:
        One row per target × phasing, the target of the longest span first, only the last version of each:
        branch, unit, start, end, target, actual (devices since start), attainment, time_progress,
        progress_index (attainment ÷ time progress), gap_to_time (序时缺口, devices: target × time progress −
        actual, positive is behind), remaining, days_left, months_left (parts of months counted as parts),
        per_day and per_month (required run rates), month (or the date, where the month is not over),
        month_target, month_actual, month_attainment: the target's part of the month up to the last day
        known, and the devices of those days.
    """
    asof = period.asof
    running = targets[
        (targets["metric"] == "units")
        & (targets["kind"].isna() | (targets["kind"] == "flow"))
        & targets["channel"].isna()
        & targets["device_class"].isna()
        & (targets["start"] <= pd.Timestamp(asof))
        & (targets["end"] >= pd.Timestamp(asof))
    ]
    # a later version replaces an earlier one; of several spans the longest stands first
    running = running.assign(span=running["end"] - running["start"]).sort_values(["span", "start"], ascending=[False, True])
    if "version" in running:
        running = running.sort_values("version", kind="stable", na_position="first")
    running = running.drop_duplicates(["start", "end"], keep="last").sort_values("span", ascending=False, kind="stable")
    rows = []
    for row in running.itertuples():
        start, end = row.start.date(), row.end.date()
        days = sales["date"].dt.date
        since = max(start, asof.replace(day=1))
        actual, in_month = (float(sales.loc[(days >= d) & (days <= asof), "units"].sum()) for d in (start, since))
        for phasing in PHASINGS:
            rows.append(_against(row, start, end, actual, in_month, period, phasing))
    return pd.DataFrame(rows, columns=_PROGRESS)


_PROGRESS = ["branch", "unit", "phasing", "start", "end", "target", "actual", "attainment", "time_progress",
             "progress_index", "gap_to_time", "remaining", "days_left", "per_day", "months_left", "per_month",
             "month", "month_actual", "month_target", "month_attainment"]  # fmt: skip


def _against(
    row: Any, start: date, end: date, actual: float, in_month: float, period: Period, phasing: Phasing
) -> tuple[Any, ...]:
    target, asof = float(row.target), period.asof
    passed = time_progress(start, end, asof, phasing)
    days_left = (end - asof).days
    months_left = _months(start, end) - _months(start, asof)
    month_target = phased_target(target, start, end, period.last_month, phasing, asof)
    month = period.last_month if asof == period.end else asof.isoformat()
    reached = attainment(actual, target)
    return (
        row.branch, row.unit, phasing, start, end, target, actual, reached, passed,
        reached / passed if passed else float("nan"), target * passed - actual, target - actual, days_left,
        required_run_rate(actual, target, days_left), months_left,
        required_run_rate(actual, target, months_left), month, in_month, month_target,
        attainment(in_month, month_target),
    )  # fmt: skip


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


def kpi_row(
    values: pd.Series,
    period: Period,
    kind: Literal["flow", "rate"] = "flow",
    reached: pd.DataFrame | None = None,
    peers: pd.DataFrame | None = None,
    branch: str = "",
) -> pd.DataFrame:
    """The row that operators read: 当月 累计 完成率 序时差 环比 同比 排名.

    Args:
        values: one value a month, index `2010-01`, of the branch.
        period: the report's period; the row is of its last month, up to the last day known.
        kind: a flow adds up over months and is compared a day (环比, 同比 are ratios of daily averages
            less one); a rate does neither (they are differences, a fraction).
        reached: `progress` of the branch (its calendar row is used), None where there is no target.
        peers: branch, month, value of the sisters, for the rank; None where there are none.
        branch: this branch among the peers.

    Returns:
        kpi (month, year_to_date, attainment, time_gap, month_on_month, year_on_year, rank, rank_change),
        value, reason (a code that says why a value is unknown, else empty). A year to date with a month
        missing is unknown. The Spring Festival month is not aligned: comparisons that touch January or
        February carry the reason `spring_festival` beside their value.

    >>> values = pd.Series({"2010-01": 31.0, "2010-02": 28.0, "2010-03": 62.0})
    >>> row = kpi_row(values, Period.parse("2010-03")).set_index("kpi").value
    >>> row[["month_on_month", "year_to_date", "year_on_year"]].tolist()
    [1.0, 121.0, nan]
    """
    month = period.last_month
    this = float(values.get(month, float("nan")))
    flow = kind == "flow"
    year = values.reindex(Period.parse(f"{month[:4]}-01..{month}").months)
    to_date = float(year.sum()) if flow and year.notna().all() else float("nan")
    done, passed = _reached(reached)
    rank, change, why_rank = _rank(peers, month, branch)
    spring = "spring_festival" if month[5:] in ("01", "02", "03") else ""
    parts = [
        ("month", this, "no_month", ""),
        ("year_to_date", to_date, "months_missing" if flow else "rate_not_summed", ""),
        ("attainment", done, "no_target", ""),
        ("time_gap", done - passed, "no_target", ""),
        ("month_on_month", _growth(values, period, -1, flow), "no_earlier_month", spring),
        ("year_on_year", _growth(values, period, -12, flow), "no_last_year", spring),
        ("rank", rank, why_rank, ""),
        ("rank_change", change, why_rank or "no_earlier_month", ""),
    ]
    rows = [(kpi, value, remark if value == value else why) for kpi, value, why, remark in parts]
    return pd.DataFrame(rows, columns=["kpi", "value", "reason"])


def _reached(reached: pd.DataFrame | None) -> tuple[float, float]:
    if reached is None or reached.empty:
        return float("nan"), float("nan")
    row = reached[reached["phasing"] == "calendar"].iloc[0]
    return float(row["attainment"]), float(row["time_progress"])


def _growth(values: pd.Series, period: Period, by: int, flow: bool) -> float:
    earlier = shift(period.last_month, by)
    this, before = values.get(period.last_month), values.get(earlier)
    if this is None or before is None:
        return float("nan")
    if not flow:
        return float(this - before)
    # a month that is not over is compared by the days that are known
    return (this / period.asof.day) / (before / days_in(earlier)) - 1 if before else float("nan")


def _rank(peers: pd.DataFrame | None, month: str, branch: str) -> tuple[float, float, str]:
    if peers is None:
        return float("nan"), float("nan"), "not_compared"
    if peers["branch"].nunique() < 2:
        return float("nan"), float("nan"), "no_sisters"
    sums = peers.groupby(["month", "branch"])["value"].sum()

    def rank(of: str) -> float:
        if of not in sums.index.get_level_values(0):
            return float("nan")
        return float(sums[of].rank(ascending=False, method="min").get(branch, float("nan")))

    now, then = rank(month), rank(shift(month, -1))
    return now, then - now, "" if now == now else "no_month"


def rate_gap(rate: float, targets: pd.DataFrame, metric: str, period: Period) -> tuple[float, float, bool]:
    """A rate against its running target: (target, rate − target, whether the target's time is over).

    A target that is a rate has a gap in percentage points, no attainment. NaN where none runs.

    >>> targets = pd.DataFrame({"metric": ["participation"], "kind": ["rate"], "start": pd.to_datetime(["2010-01-01"]),
    ...                         "end": pd.to_datetime(["2010-12-31"]), "target": [0.45]})
    >>> rate_gap(0.40, targets, "participation", Period.parse("2010-03"))
    (0.45, -0.04..., False)
    """
    asof = pd.Timestamp(period.asof)
    running = targets[
        (targets["metric"] == metric) & (targets["kind"] == "rate") & (targets["start"] <= asof) & (targets["end"] >= asof)
    ]
    if running.empty:
        return float("nan"), float("nan"), False
    row = running.iloc[-1]
    return float(row["target"]), rate - float(row["target"]), bool(row["end"] <= asof)


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

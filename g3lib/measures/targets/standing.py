"""Where every target stands, flows, stocks and rates each in their way; and what each channel must add.

A flow is what came since the start, against the time that has passed. A stock is a level: it is compared with the way
from where it stood before the start to the target. A rate has a gap in percentage points and no attainment. Where
lower is better the sign of the gap turns, and the words say ahead or behind.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from g3lib.measures.guards import parts_only, ratio
from g3lib.measures.participation import rates
from g3lib.measures.targets.progress import attainment, calendar, months_in, required_run_rate, running, time_progress
from g3lib.periods import Period, shift


def measured(sales: pd.DataFrame, activity: pd.DataFrame, participation: pd.DataFrame) -> pd.DataFrame:
    """What the tables say of each metric that a target may be of, one value a branch and day or month.

    Args:
        sales: branch, date, units.
        activity: customer, month, branch, state (customer-months).
        participation: branch, date, rate or participants and base.

    Returns:
        metric, branch, date, value: `units` (devices sold), `customers` (in service in the month: neither cancelled nor
        without a row), `net_adds` (change of that stock on the month before), `participation` (a fraction).

    >>> used = pd.DataFrame({"customer": ["a", "b", "b"], "branch": "x", "state": ["active", "active", "cancelled"],
    ...                      "month": pd.to_datetime(["2013-01-01", "2013-01-01", "2013-02-01"])})
    >>> none = pd.DataFrame({"branch": [], "date": [], "units": [], "rate": []})
    >>> measured(none, used, none)[["metric", "value"]].values.tolist()
    [['customers', 2.0], ['customers', 0.0], ['net_adds', -2.0]]
    """
    sold = sales.groupby(["branch", "date"], as_index=False)["units"].sum().rename(columns={"units": "value"})
    months = activity.loc[activity["month"].notna() & activity["branch"].notna(), ["branch", "month", "customer", "state"]]
    served = months.assign(value=months["state"].ne("cancelled")).drop_duplicates(["branch", "month", "customer"], keep="last")
    stock = served.groupby(["branch", "month"])["value"].sum().astype("float64").rename_axis(["branch", "date"]).reset_index()
    stock = stock.sort_values(["branch", "date"])
    change = stock.assign(value=stock.groupby("branch")["value"].diff()).dropna(subset="value")
    shares = rates(participation).rename(columns={"rate": "value"}).dropna(subset="value")[["branch", "date", "value"]]
    parts = {"units": sold, "customers": stock, "net_adds": change, "participation": shares}
    every = [frame.assign(metric=metric)[["metric", "branch", "date", "value"]] for metric, frame in parts.items() if len(frame)]
    return pd.concat(every, ignore_index=True) if every else pd.DataFrame(columns=["metric", "branch", "date", "value"])


def standing(values: pd.DataFrame, targets: pd.DataFrame, period: Period, whole_of: str = "") -> pd.DataFrame:
    """Every running target of every metric that is known.

    Args:
        values: `measured`: metric, branch, date, value.
        targets: rows of the targets table.
        period: its `asof` is the last day known; what is known by months only is judged at the last month known.
        whole_of: the province, or the city, that all the values are of: its flows and stocks are their sums.

    Returns:
        branch, metric, target_kind, unit, better (`up` or `down`), starts, ends, aim (the target), measured, attainment (NaN of
        a rate), time_progress (calendar days; NaN of a rate), progress_index (of a stock: the part of the way from its level
        before the start; NaN where it was there already),
        to_go (aim − measured in the unit, of a rate a fraction; positive is still to come whichever way is better),
        per_month (needed; flows and stocks), standing (`ahead`, `behind`, `unknown`), reason of an unknown one:
        `no_target` (masked), `zero_target` (of a flow that is to rise), `no_data`, `months_missing` (the flow is known from a
        later month than the start), `no_start` (the stock's level before the start is unknown).

    >>> values = pd.DataFrame({"metric": "customers", "branch": "a", "value": [900.0, 950.0],
    ...                        "date": pd.to_datetime(["2012-12-01", "2013-06-01"])})
    >>> targets = pd.DataFrame({"branch": "a", "metric": "customers", "unit": "户", "kind": "stock", "direction": "up",
    ...     "start": pd.to_datetime(["2013-01-01"]), "end": pd.to_datetime(["2013-12-31"]), "target": 1000.0, "channel": None,
    ...     "device_class": None})
    >>> standing(values, targets, Period.parse("2013-06"))[["attainment", "progress_index", "standing"]].round(3).values.tolist()
    [[0.95, 1.008, 'ahead']]
    """
    rows = []
    for metric in dict.fromkeys(targets["metric"]):
        own = values[values["metric"] == metric]
        for row in running(targets, metric, period.asof, ("flow", "stock", "rate")).itertuples():
            mine = own[own["branch"] == row.branch]
            if row.branch == whole_of and row.kind != "rate":
                mine = _sum_of_all(own, row.metric)
            rows.append(_stand(row, mine, period))
    columns = ["branch", "metric", "target_kind", "unit", "better", "starts", "ends", "aim", "measured", "attainment",
               "time_progress", "progress_index", "to_go", "per_month", "standing", "reason"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _sum_of_all(values: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The members' sum by date; unknown where one of them is: only device sales are nought where no row stands."""
    dates = values.groupby("date")["value"]
    whole = dates.sum() if metric == "units" else dates.sum(min_count=1).where(dates.count() == values["branch"].nunique())
    return whole.reset_index()


def _stand(row: Any, values: pd.DataFrame, period: Period) -> tuple[Any, ...]:
    start, end, target = row.start.date(), row.end.date(), float(row.target)
    kind = row.kind if isinstance(row.kind, str) else "flow"
    down = row.direction == "down"
    known = values[values["date"] <= pd.Timestamp(period.asof)].sort_values("date")
    gap_inside = bool(known.loc[known["date"] >= row.start, "value"].isna().any())
    known = known.dropna(subset=["value"])
    inside = known.loc[known["date"] >= row.start, "value"]
    until = period.asof
    if row.metric != "units" and len(inside):  # monthly: the days after the last month known have nothing to be held against
        until = min(until, (known["date"].iloc[-1] + pd.offsets.MonthEnd(0)).date())
    passed, left = time_progress(start, end, until), months_in(start, end) - months_in(start, until)
    done = index = need = nan = float("nan")
    actual = nan if inside.empty else float(inside.sum() if kind == "flow" else inside.iloc[-1])
    begins_late = known["date"].min() > row.start + pd.offsets.MonthEnd(0)
    reasons = {
        "no_target": target != target,
        "zero_target": target == 0 and kind == "flow" and not down,
        "no_data": actual != actual,
        # a flow that is not to exceed its target and already does is behind, whatever is missing
        "months_missing": kind == "flow" and not (down and actual > target) and (begins_late or gap_inside),
    }
    reason = next((why for why, holds in reasons.items() if holds), "")
    if reason == "months_missing":
        actual = nan
    match kind:
        case "rate":
            passed = nan
            late = actual > target if down else actual < target
        case "stock":
            before = known.loc[known["date"] < row.start, "value"]
            level = float(before.iloc[-1]) if len(before) else nan
            done, need = attainment(actual, target), ratio(target - actual, left)
            reason = reason or ("no_start" if level != level else "")
            on_the_way = target < level if down else target > level
            index = ratio(ratio(actual - level, target - level), passed) if on_the_way else nan
            # where the start was already there, only holding it counts
            late = index < 1 if on_the_way else (actual > target if down else actual < target)
        case _:
            done = attainment(actual, target)
            index = ratio(done, passed) if target > 0 else nan  # of a target below nought a ratio has no sense
            need = nan if down else required_run_rate(actual, target, left)
            late = actual > target * passed if down else actual < target * passed
    word = "unknown" if reason else "behind" if late else "ahead"
    gap = (actual - target) if down else (target - actual)
    unit = row.unit if isinstance(row.unit, str) else ""
    return (row.branch, row.metric, kind, unit, "down" if down else "up", start, end, target, actual, done, passed, index,
            gap, need, word, reason)  # fmt: skip


def must_add(units: pd.DataFrame, reached: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """What each channel must add a month, so that together they meet what remains of the target.

    A channel with a running target of its own owes what remains of that. The rest of the branch's remainder is laid out by
    share of the twelve months before × the months left in which a channel has no target of its own; where no such
    months are left, over all by share.

    Args:
        units: month, channel, units of the branch.
        reached: `progress`; its calendar row of the longest target is read.
        targets: rows of the targets table, those of channels among them.
        period: its `asof` is the last day known.

    Returns:
        channel, recent (devices a month, mean of the last three known months that are over), share (of the twelve months before),
        remaining, needed (devices a month now, of an own target until its own end; all that remains where less than a month is
        left), more (that pace ÷ recent − 1; NaN over nought), basis (`own_target` or `share`).
        Σ remaining = the branch's remainder, or what the channels' own targets ask where that is more. Empty without a target.

    >>> units = pd.DataFrame({"month": "2010-01", "channel": ["own", "end"], "units": [30.0, 10.0]})
    >>> reached = pd.DataFrame({"phasing": ["calendar"], "remaining": [440.0], "months_left": [11.0], "starts": ["2010-01-01"]})
    >>> must_add(units, reached, pd.DataFrame(columns=["metric"]), Period.parse("2010-01"))[["channel", "needed"]].values.tolist()
    [['own', 30.0], ['end', 10.0]]
    """
    columns = ["channel", "recent", "share", "remaining", "needed", "more", "basis"]
    rows = calendar(reached)
    if rows.empty or rows["remaining"].isna().iloc[0] or units.empty:
        return pd.DataFrame(columns=columns)
    row = rows.iloc[0]
    parts_only(units, ["channel"])
    month = period.last_month
    lately = units[(units["month"] > shift(month, -12)) & (units["month"] <= month)]
    over = sorted(lately.loc[(lately["month"] < month) | (period.asof == period.end), "month"].unique())[-3:]
    own = _own_targets(units, targets, period)
    sold = lately.groupby("channel", sort=False)["units"].sum()
    sums = sold.reindex([*sold.index, *own.index.difference(sold.index)], fill_value=0.0)  # a target without a sale yet
    out = pd.DataFrame({"channel": sums.index, "share": (sums / sums.sum()).to_numpy() if sums.sum() else float("nan")})
    recent = lately[lately["month"].isin(over)].groupby("channel")["units"].sum() / (len(over) or float("nan"))
    out.insert(1, "recent", out["channel"].map(recent).fillna(0.0 if over else float("nan")))
    owed = out["channel"].map(own["remaining"]).fillna(0.0)
    rest = max(float(row.remaining), 0.0) - owed.sum()
    others = ~out["channel"].isin(own.index)
    until = out["channel"].map(own["months_left"]).fillna(row.months_left)  # an own target may end before the branch's
    # whoever has no target of his own shares the rest for all the time that is left, others from their target's end on
    weight = out["share"] * (row.months_left - until.where(~others, 0.0)).clip(lower=0.0)
    weight = weight if weight.sum() else out["share"]
    laid_out = weight / (weight.sum() or float("nan")) * max(rest, 0.0)
    out["remaining"] = owed + laid_out
    now = laid_out.where(others | (until >= row.months_left), 0.0)  # what comes after an own target's end is not asked for now
    left, parts = pd.DataFrame({"own": until, "rest": row.months_left}), pd.DataFrame({"own": owed, "rest": now})
    pace, out["needed"] = ((parts / left.where(left > 0).clip(lower=least)).sum(axis=1, skipna=False) for least in (0.0, 1.0))
    out["more"] = pace / out["recent"].where(out["recent"] > 0) - 1
    return out.assign(basis=others.map({True: "share", False: "own_target"}))


def _own_targets(units: pd.DataFrame, targets: pd.DataFrame, period: Period) -> pd.DataFrame:
    """By channel what remains of its own running target of device sales, and the months until that ends."""
    found = {}
    mine = targets[targets["channel"].notna()] if "channel" in targets else pd.DataFrame({"channel": []})
    for channel, rows in mine.groupby("channel"):
        held = running(rows.assign(channel=None), "units", period.asof)
        if len(held) and held["target"].notna().iloc[0]:
            start, end = (held[edge].iloc[0].date() for edge in ("start", "end"))
            since = f"{start:%Y-%m}"
            sold = units.loc[(units["channel"] == channel) & units["month"].between(since, period.last_month), "units"].sum()
            months = months_in(start, end) - months_in(start, period.asof)
            found[str(channel)] = (max(float(held["target"].iloc[0]) - float(sold), 0.0), months)
    return pd.DataFrame.from_dict(found, "index", columns=["remaining", "months_left"])

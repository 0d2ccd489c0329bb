"""Commitments 包销: what the vendors promised the province and the province promised the vendors, and what came of it.

Three counts stand side by side and are never added: sell-in (units that came into stock), sell-through (units
sold to customers), activated (of those, the ones activated by the day of the report, so never more). What is
lying in stock has been bought, not sold: unless a contract says otherwise the counted one is sell-through, for
both directions (兑现 is of 销量); `counted` sets it by direction. A commitment is a contract of its own: a sale
counts for each whose window holds it, so commitments are read one by one and never summed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from g3lib.errors import DataError, UsageError, listed
from g3lib.findings import Verdict
from g3lib.measures.guards import ratio
from g3lib.measures.targets.outlook import LEAST_DAYS, predicted, season
from g3lib.measures.targets.progress import attainment, daily_shape, required_run_rate, time_progress

COUNTS = ("sell_in", "sell_through", "activated")
COUNTED = {"vendor_to_province": "sell_through", "province_to_vendor": "sell_through"}
LIKELY = 0.5  # a running commitment that is less likely than this to be met is a warning
_STATUS = ["model", "vendor", "direction", "starts", "ends", "committed", *COUNTS, "counted", "phase", "attainment", "elapsed",
           "pace", "horizon", "per_day", "expected_final", "expected_short", "p_met", "expected_penalty", "verdict", "reason"]
_GAPS = ["model", "gap", "to_come", "price", "subsidy", "extra_rate", "extra_subsidy", "extra_cost", "expected_penalty",
         "transferable", "reason"]  # fmt: skip


def commitment_status(
    sales: pd.DataFrame, stock: pd.DataFrame, commitments: pd.DataFrame, asof: date, counted: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Each commitment against its volume and its time.

    Args:
        sales: rows of the sales table of all branches (date, grain, model, units, activated_at). A month's sum
            counts by its first day.
        stock: rows of the stock table (model, date, sell_in); a count belongs to the window that holds its date.
        commitments: rows of the commitments table.
        asof: the last day that is known, itself included.
        counted: direction → one of `COUNTS`; replaces the defaults of `COUNTED`.

    Returns:
        One row a commitment, its index and order: model, vendor, direction, starts, ends, committed, sell_in,
        sell_through, activated (units from start to asof), counted (which of the three the rest is about),
        attainment = units ÷ committed, elapsed (share of the days), pace = attainment ÷ elapsed, horizon (days
        left), per_day (units needed on each), expected_final, expected_short = E[(committed − final)+], p_met,
        expected_penalty = penalty_per_unit × expected_short (yuan; the side that promised pays; nothing short
        costs 0, whatever the penalty), phase (`not_started`, `running`, `ended`), verdict, reason.

        A met commitment is `pass`, one that ended short `fail`, a running one that will be met with p_met below
        `LIKELY` a `warning`; everything else has `no verdict` and a reason: `running`, `unknown_target`,
        `unknown_sell_in` (no count, or one without a figure), `unknown_sell_through` (the sales start later than
        the commitment), `unknown_activated` (nor that, or no activation at all is known), or why there is no
        forecast: `not_started`, `short_history` (fewer than 28 days), `month_sums`, `sell_in_is_decided` (an order
        is a decision, not chance). Over 0 units attainment is NaN (`zero_base`) and the verdict `pass`.

        The units of the days left are negative binomial with the mean (n + ½)·left ÷ days passed and the variance
        φ·mean·(1 + left ÷ days passed), φ ≥ 1 being the variance of the weeks so far over their mean: with φ = 1 the
        predictive distribution of a Poisson rate under Jeffreys' prior (Gelman et al., Bayesian Data Analysis, 3rd
        ed., ch. 2). The mean is moved by last year's season of all sales, where last year is known; there is no trend.

    Raises:
        DataError: commitments that end before they start, or whose direction counts nothing known, all named.

    >>> sales = pd.DataFrame({"date": pd.date_range("2013-01-01", periods=50), "grain": "day", "model": "A", "units": 1,
    ...                       "activated_at": pd.NaT})
    >>> promised = pd.DataFrame({"model": ["A", "A", "B"], "vendor": "v", "direction": "province_to_vendor",
    ...                          "start": pd.Timestamp("2013-01-01"), "end": pd.Timestamp("2013-04-10"),
    ...                          "committed_units": [0.0, 100, None], "penalty_per_unit": 9.0})
    >>> none = pd.DataFrame({"model": [], "date": pd.to_datetime([]), "sell_in": []})
    >>> found = commitment_status(sales, none, promised, date(2013, 2, 19))
    >>> found[["sell_in", "sell_through", "pace", "p_met", "verdict", "reason"]].round(2).values.tolist()
    [[nan, 50.0, nan, 1.0, 'pass', 'zero_base'], [nan, 50.0, 1.0, 0.52, 'no verdict', 'running'],
     [nan, 0.0, nan, nan, 'no verdict', 'unknown_target']]
    """
    how = COUNTED | dict(counted or {})
    faults = [
        f"{row.model}, {row.direction} ({how.get(row.direction)}), {row.start:%Y-%m-%d} to {row.end:%Y-%m-%d}"
        for row in commitments.itertuples()
        if row.end < row.start or how.get(row.direction) not in COUNTS
    ]
    if faults:
        known = f"ends after it starts, goes {' or '.join(COUNTED)} and counts {', '.join(COUNTS)}"
        raise DataError(listed(faults, f"A commitment {known}; mend these and load them again:"))
    sold, lying = (dict(list(frame.groupby("model"))) for frame in (sales, stock))
    first = sales["date"].min().replace(day=1) if len(sales) else pd.Timestamp.max
    activated_from = first if sales["activated_at"].notna().any() else pd.Timestamp.max
    known_from = {"sell_in": pd.Timestamp.min, "sell_through": first, "activated": activated_from}
    today = pd.Timestamp(asof)
    every = daily_shape(sales)
    rows = [
        _status(
            row, sold.get(row.model, sales[:0]), lying.get(row.model, stock[:0]), today, how[row.direction], known_from, every
        )
        for row in commitments.itertuples()
    ]
    return pd.DataFrame(rows, columns=_STATUS, index=commitments.index)


def recent(status: pd.DataFrame, asof: date) -> pd.DataFrame:
    """The commitments that run, have yet to start, or ended within the year before `asof`.

    >>> status = pd.DataFrame({"ends": pd.to_datetime(["2012-06-30", "2012-07-01", "2014-12-31"])})
    >>> recent(status, date(2013, 6, 30)).index.tolist()  # the first ended a whole year ago
    [1, 2]
    """
    return status[status["ends"] > pd.Timestamp(asof) - pd.DateOffset(years=1)]


def _status(
    row: Any, sold: pd.DataFrame, lying: pd.DataFrame, today: pd.Timestamp, counted: str, known_from: Mapping[str, pd.Timestamp],
    every: pd.Series,
) -> tuple[Any, ...]:  # fmt: skip
    start, end, committed = row.start, row.end, float(row.committed_units)
    sold = sold[sold["date"].between(start, min(end, today))]
    active = sold[sold["activated_at"].dt.normalize() <= today]
    came = lying.loc[lying["date"].between(start, min(end, today)), "sell_in"]
    sums = (came.sum(min_count=1, skipna=False), sold["units"].sum(), active["units"].sum())
    units = {name: float(n) if start >= known_from[name] else float("nan") for name, n in zip(COUNTS, sums, strict=True)}
    done, left = units[counted], max((end - max(today, start - pd.Timedelta(days=1))).days, 0)
    reached, elapsed = attainment(done, committed), time_progress(start.date(), end.date(), today.date())
    process = active if counted == "activated" else sold
    daily = np.bincount((process["date"] - start).dt.days, process["units"], minlength=max((today - start).days + 1, 0))
    lacks = {
        "unknown_target": committed != committed,
        f"unknown_{counted}": done != done,
        "not_started": today < start,
        "sell_in_is_decided": left and counted == "sell_in",
        "month_sums": left and process["grain"].eq("month").any(),
        "short_history": left and len(daily) < LEAST_DAYS,
    }
    why, met = next((reason for reason, holds in lacks.items() if holds), ""), done >= committed
    season_left = season(every, start, today, end) if left else 1.0
    more, likely, short = (float("nan"),) * 3 if why else predicted(daily, left, committed - done, season_left)
    if met:
        likely, short, verdict, why = 1.0, 0.0, Verdict.PASS, "" if committed else "zero_base"
    elif why or (left and likely >= LIKELY):
        verdict, why = Verdict.NONE, why or "running"
    else:
        verdict = Verdict.WARNING if left else Verdict.FAIL
    phase = "not_started" if today < start else "running" if left else "ended"
    return (
        row.model, row.vendor, row.direction, start, end, committed, *units.values(), counted, phase, reached, elapsed,
        ratio(reached, elapsed), left, required_run_rate(done, committed, left), done + more, short, likely,
        short * row.penalty_per_unit if short else 0.0, str(verdict), why,
    )  # fmt: skip


def without_promise(sales: pd.DataFrame, commitments: pd.DataFrame) -> pd.DataFrame:
    """Models that are subsidised on days that no promise of a vendor covers: each is a breach.

    Args:
        sales: rows of the sales table of the period asked about (date, model, units, subsidy).
        commitments: rows of the commitments table.

    Returns:
        One row a model, by model: first, last (days), units and subsidy_yuan of the subsidised sales, unknown_units
        (subsidy not known), verdict, reason. `fail` where units were subsidised; `no verdict` with `unknown_subsidy`,
        `unknown_model` (the sales name none) or `no_commitments` (no promise of any vendor is on file: nobody can
        say that one was broken).

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2013-06-30", "2013-07-01", "2013-07-01"]), "model": ["A", "A", "B"],
    ...                       "units": 1, "subsidy": [300.0, 300, 0]})
    >>> promised = pd.DataFrame({"model": ["A"], "direction": "vendor_to_province",
    ...                          "start": pd.Timestamp("2013-01-01"), "end": pd.Timestamp("2013-06-30")})
    >>> without_promise(sales, promised)[["model", "units", "subsidy_yuan", "verdict"]].values.tolist()
    [['A', 1, 300.0, 'fail']]
    """
    promised = commitments.loc[commitments["direction"] == "vendor_to_province", ["model", "start", "end"]]
    cells = sales[["model", "date"]].drop_duplicates().merge(promised, on="model")
    covered = cells.loc[cells["date"].between(cells["start"], cells["end"]), ["model", "date"]]
    bare = sales[~pd.MultiIndex.from_frame(sales[["model", "date"]]).isin(pd.MultiIndex.from_frame(covered))]
    bare = bare[bare["subsidy"].isna() | (bare["subsidy"] > 0)]
    unknown = bare["subsidy"].isna()
    frame = bare[["model"]].assign(
        first=bare["date"], last=bare["date"], units=bare["units"].where(~unknown, 0),
        subsidy_yuan=(bare["units"] * bare["subsidy"]).fillna(0.0), unknown_units=bare["units"].where(unknown, 0),
    )  # fmt: skip
    how = {"first": "min", "last": "max", "units": "sum", "subsidy_yuan": "sum", "unknown_units": "sum"}
    out = frame.groupby("model", as_index=False, dropna=False, sort=True).agg(how)
    why = [out["model"].isna(), np.full(len(out), promised.empty), out["units"] == 0]
    out["reason"] = np.select(why, ["unknown_model", "no_commitments", "unknown_subsidy"], "")
    return out.assign(verdict=np.where(out["reason"] == "", "fail", "no verdict"))


def gap_closers(
    status: pd.DataFrame, sales: pd.DataFrame, stock: pd.DataFrame, response: pd.DataFrame | None = None
) -> pd.DataFrame:
    """What would bring each running commitment that is behind its pace to its volume: a higher subsidy, or other shelves.

    Args:
        status: `commitment_status`.
        sales, stock: as given to it, with device_class, list_price, subsidy; branch, on_hand.
        response: device_class, beta (log units per unit of subsidy rate), one row a class; None where unknown.

    Returns:
        One row a commitment, index of `status`: model, gap (units short at the pace so far), to_come (units that
        the pace still brings), price and subsidy (mean of the subsidised units so far, yuan), extra_rate =
        ln((q·left + gap) ÷ (q·left)) ÷ beta with q the subsidised share of the units, extra_subsidy = extra_rate ×
        price (yuan a unit), extra_cost (yuan: all subsidised units to come at the higher subsidy, less those of the
        pace at today's), expected_penalty, transferable (units of `transfers`), reason: `no_response`, `no_sales`
        (no subsidised unit so far), `above_price` (subsidy and extra exceed the price: not to be closed by price).
        What bare devices would lose to the higher subsidy is not in it.

    Raises:
        UsageError: the response has more than one row for a class; all such classes are named.

    >>> status = pd.DataFrame({"model": ["m"], "phase": "running", "pace": 0.5, "starts": pd.Timestamp("2013-01-01"),
    ...                        "ends": pd.Timestamp("2013-01-20"), "horizon": 10, "elapsed": 0.5, "committed": 40.0,
    ...                        "counted": "sell_through", "sell_through": 10.0, "expected_penalty": 0.0})
    >>> sales = pd.DataFrame({"model": ["m", "m"], "date": pd.Timestamp("2013-01-10"), "branch": "b", "device_class": "handset",
    ...                       "units": 5, "list_price": 1000.0, "subsidy": [0.0, None]})
    >>> gap_closers(status, sales, sales.assign(on_hand=0))[["gap", "to_come", "extra_cost", "reason"]].values.tolist()
    [[20.0, 10.0, nan, 'no_sales']]
    """
    betas = pd.Series(dtype=float) if response is None else response.set_index("device_class")["beta"]
    if twice := betas.index[betas.index.duplicated()].tolist():
        raise UsageError(listed(twice, "response has more than one row for these classes; give one row a class:"))
    moved = transfers(status, sales, stock).groupby("model")["units"].sum()
    rows = {row.Index: _closed(row, mine, betas, moved.get(row.model, 0)) for row, mine, _ in _behind(status, sales)}
    return pd.DataFrame.from_dict(rows, orient="index", columns=_GAPS)


def _behind(status: pd.DataFrame, sales: pd.DataFrame) -> Iterator[tuple[Any, pd.DataFrame, pd.Timestamp]]:
    """The running commitments behind their pace: row, its sales so far, the last known day."""
    for row in status[(status["phase"] == "running") & (status["pace"] < 1)].itertuples():
        asof = row.ends - pd.Timedelta(days=row.horizon)
        yield row, sales[(sales["model"] == row.model) & sales["date"].between(row.starts, asof)], asof


def _closed(row: Any, mine: pd.DataFrame, betas: pd.Series, transferable: int) -> tuple[Any, ...]:
    done = getattr(row, row.counted)
    left = done / row.elapsed - done
    gap = row.committed - done - left
    paid = mine[mine["subsidy"] > 0]
    units = paid["units"].sum() or float("nan")
    price, subsidy = ((paid[name] * paid["units"]).sum() / units for name in ("list_price", "subsidy"))
    now = left * units / mine["units"].sum()
    rate = np.log1p(gap / now) / betas.where(betas > 0).get(mine["device_class"].mode().get(0), float("nan"))
    extra = rate * price
    cost = (now + gap) * (subsidy + extra) - now * subsidy
    over = "above_price" if subsidy + extra > price else ""
    reason = "no_sales" if units != units else "no_response" if rate != rate else over
    return row.model, gap, left, price, subsidy, rate, extra, cost, row.expected_penalty, transferable, reason


def transfers(status: pd.DataFrame, sales: pd.DataFrame, stock: pd.DataFrame) -> pd.DataFrame:
    """Units that lie beyond one branch's own need, for branches that sell out before the commitment ends.

    A branch's need is its pace so far × the days left (sold-out days hide demand, so it is the least it needs);
    its stock is its last count by the last known day. Branches never counted are left out. A model's stock is moved
    once, for the commitment that ends last.

    Returns:
        model, from_branch, to_branch, units (whole), counted_on (day of the giver's count); largest surplus to
        largest need. Σ units = min(Σ surplus, Σ need) of each model.

    >>> status = pd.DataFrame({"model": ["m"], "phase": "running", "pace": 0.5, "starts": pd.Timestamp("2013-01-01"),
    ...                        "ends": pd.Timestamp("2013-01-20"), "horizon": 10})
    >>> sales = pd.DataFrame({"model": "m", "date": pd.Timestamp("2013-01-10"), "branch": list("abcd"), "units": [1, 4, 4, 9]})
    >>> counts = sales.assign(on_hand=[6, 0, 0, None])  # b and c need 4 each, a has 5 to spare, d was never counted
    >>> transfers(status, sales, counts)[["from_branch", "to_branch", "units"]].values.tolist()
    [['a', 'b', 4], ['a', 'c', 1]]
    """
    rows: list[tuple[Any, ...]] = []
    behind = {row.model: (row, mine, asof) for row, mine, asof in _behind(status.sort_values("ends", kind="stable"), sales)}
    for row, mine, asof in behind.values():
        counts = stock[(stock["model"] == row.model) & (stock["date"] <= asof) & stock["on_hand"].notna()]
        lies = counts.sort_values("date", kind="stable").drop_duplicates("branch", keep="last").set_index("branch").sort_index()
        sold = mine.groupby("branch")["units"].sum().reindex(lies.index, fill_value=0)
        spare = lies["on_hand"] - sold * row.horizon / ((asof - row.starts).days + 1)
        giving = np.floor(spare[spare >= 1]).sort_values(ascending=False, kind="stable")
        taking = np.ceil(-spare[spare < 0]).sort_values(ascending=False, kind="stable")
        # both as stretches of one line: where two stretches meet, so many units go
        ends = [np.append(0, side.cumsum()) for side in (giving, taking)]
        for i, giver in enumerate(giving.index):
            for j, taker in enumerate(taking.index):
                units = min(ends[0][i + 1], ends[1][j + 1]) - max(ends[0][i], ends[1][j])
                if units > 0:
                    rows.append((row.model, giver, taker, int(units), lies["date"][giver]))
    return pd.DataFrame(rows, columns=["model", "from_branch", "to_branch", "units", "counted_on"])

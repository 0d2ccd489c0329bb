"""From what was sold to what can be planned: next month's cells, their limits, and what a plan changes for whom.

A cell is a model × channel × contract of a branch, expected to sell next month what it sold a month lately, moved
by last year's season. Its rate may move only so far from today's as the data can vouch for. The lifecycle cap
enters as the average rate that is still allowed over the rest of the life: a month that keeps to it leaves the
rest of the life what the rule leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.allocation.inputs import KEY
from g3lib.measures.subsidy.lifecycle import lately, on_sale_from
from g3lib.measures.subsidy.rates import BARE
from g3lib.periods import shift


def season(sales: pd.DataFrame, asof: date, months: int = 3) -> float:
    """What the next month sold last year ÷ what a month of the same window sold last year; 1 where last year is unknown.

    >>> days = pd.to_datetime(["2012-10-01", "2012-11-01", "2012-12-01", "2013-01-01"])
    >>> season(pd.DataFrame({"date": days, "units": [10, 10, 10, 20]}), date(2013, 12, 31)), season(
    ...     pd.DataFrame({"date": days[:1], "units": [10]}), date(2013, 12, 31))
    (2.0, 1.0)
    """
    by_month = sales.groupby(sales["date"].dt.strftime("%Y-%m"))["units"].sum()
    last = f"{asof:%Y-%m}"
    window = [shift(last, -12 - back) for back in range(months)]
    following = shift(last, -11)
    if not {following, *window} <= set(by_month.index) or not by_month[window].sum():
        return 1.0
    return float(by_month[following] / by_month[window].mean())


def next_month(
    sales: pd.DataFrame, response: pd.DataFrame, states: pd.DataFrame, lives: pd.DataFrame, asof: date, *,
    months: int = 3, max_move: float = 0.10, rate_max: float = 0.9,
) -> pd.DataFrame:  # fmt: skip
    """The cells that a plan may move: what each would sell next month at today's rate, and what a unit is worth.

    Args:
        sales: rows of the sales table, of one province or branch.
        response: `response` by class; a class without a beta, and bare sales, stay at today's rate.
        states: `customer_states` of the same sales: a unit is worth the share of its class and contract that is still a
            valid customer in the third month (of the class where fewer than 30 are known).
        lives: `lifecycle`; a model whose life has ended is not sold next month.
        asof: the last day known.
        months: how many calendar months the pace is taken from.
        max_move: how far a rate may move from today's, a fraction (0.10 is 10 pp).
        rate_max: no rate above it, but today's.

    Returns:
        model, channel, contract, branch, device_class, list_price, units, rate, beta, value, rate_min, rate_max: what `allocate`
        asks for. Sales without model, price or subsidy are left out.
    """
    ended = set(lives.loc[lives["ended"], "model"])
    recent = lately(sales, asof, months)
    recent = recent[(recent["list_price"] > 0) & recent["subsidy"].notna() & ~recent["model"].isin(ended)]
    sums = recent.assign(base=recent["list_price"] * recent["units"], spend=recent["subsidy"] * recent["units"])
    cells = sums.groupby([*KEY, "device_class"], as_index=False)[["units", "base", "spend"]].sum()
    cells = cells[cells["units"] > 0].reset_index(drop=True)
    launched = cells["model"].map(lives.set_index("model")["launched"]) if "launched" in lives else pd.Series(pd.NaT, cells.index)
    first, last = on_sale_from(pd.to_datetime(launched), asof, months), pd.Timestamp(asof)
    # a month of which only some days are known counts in part
    months_open = (last.year - first.dt.year) * 12 + last.month - first.dt.month + last.day / last.days_in_month
    open_months = months_open - (first.dt.day - 1) / first.dt.days_in_month
    out = cells[[*KEY, "device_class"]].assign(
        list_price=cells["base"] / cells["units"],
        units=cells["units"] / open_months * season(sales, asof, months),
        rate=(cells["spend"] / cells["base"]).clip(upper=1.0),
    )
    beta = response.set_index("device_class")["beta"]
    out["beta"] = out["device_class"].map(beta).where(out["contract"] != BARE).astype("float64")
    out["value"] = _valid_share(out, sales, states)
    allowed = out["model"].map(lives.set_index("model")["allowed_rate"]).clip(lower=0.0)
    out["rate_min"] = np.fmin((out["rate"] - max_move).clip(lower=0.0), allowed)
    out["rate_max"] = np.maximum((out["rate"] + max_move).clip(upper=rate_max), out["rate"])
    return out


def _valid_share(cells: pd.DataFrame, sales: pd.DataFrame, states: pd.DataFrame, least: int = 30) -> pd.Series:
    known = ~states["state"].isin(["young", "unknown"])
    marks = sales[["device_class", "contract"]].assign(
        valid=states["units"].where(states["state"] == "valid", 0), known=states["units"].where(known, 0)
    )
    narrow = marks.groupby(["device_class", "contract"])[["valid", "known"]].sum()
    wide = marks.groupby("device_class")[["valid", "known"]].sum()
    share = (narrow["valid"] / narrow["known"]).where(narrow["known"] >= least)
    found = pd.Series(share.reindex(pd.MultiIndex.from_frame(cells[["device_class", "contract"]])).to_numpy(), index=cells.index)
    # a class of which nobody was followed yet is worth what a sale is: one
    return found.fillna(cells["device_class"].map(wide["valid"] / wide["known"].where(wide["known"] > 0))).fillna(1.0)


def spend_today(cells: pd.DataFrame, vendor_prices: pd.DataFrame | None = None) -> float:
    """What today's rates would spend next month, yuan: Σ rate × list price × units, less the vendors' rebates.

    Args:
        cells: `next_month`.
        vendor_prices: model, from_units, supply_price; the rebate is what the step reached is cheaper than the first.
    """
    spend = float((cells["rate"] * cells["list_price"] * cells["units"]).sum())
    if vendor_prices is None or vendor_prices.empty:
        return spend
    steps = vendor_prices.sort_values(["model", "from_units"], ignore_index=True)
    steps = steps.assign(sold=steps["model"].map(cells.groupby("model")["units"].sum()).fillna(0.0))
    dearest = steps.groupby("model")["supply_price"].transform("first")
    reached = steps[steps["from_units"] <= steps["sold"]].index
    rebates = ((dearest - steps["supply_price"]) * steps["sold"]).loc[reached].groupby(steps["model"]).last()
    return spend - float(rebates.sum())


def gain(plan: pd.DataFrame, cells: pd.DataFrame, response: pd.DataFrame, confidence: float = 0.95) -> tuple[float, float, float]:
    """What the plan gains over today's rates, with what the response leaves open: value, low, high.

    Σ value × units today × (exp(beta × change of rate) − 1); the variance is that of the betas (`influence`), by the delta
    method, t with the fewest of their degrees of freedom. What a month sells by chance is not in it.

    Args:
        plan: `Allocation.plan`; cells: what it was made of, same index; response: `response` by class.
    """
    from scipy import stats

    moved = (plan["rate"] - plan["rate_today"]).fillna(0.0)
    slope = (cells["value"] * plan["units"] * moved).groupby(cells["device_class"]).sum()
    if plan["gain_planned"].isna().all():  # no plan, or nothing to plan
        return (float("nan"),) * 3
    learnt = response[response["beta"].notna()].set_index("device_class")
    found = float(plan["gain_planned"].sum() - plan["gain_today"].sum())
    if learnt.empty:
        return found, float("nan"), float("nan")
    influence = pd.DataFrame(learnt["influence"].tolist(), index=learnt.index).fillna(0.0)
    se = float(np.sqrt(((influence.mul(slope.reindex(learnt.index).fillna(0.0), axis=0)).sum() ** 2).sum()))
    reach = float(stats.t.ppf(0.5 + confidence / 2, learnt["df"].min())) * se
    return found, found - reach, found + reach


def caps(
    lives: pd.DataFrame, rules: pd.Series | None = None, cap_per_unit: float = 0.0, keep_lifecycle: bool = True
) -> pd.DataFrame:
    """The limits of each model next month.

    Args:
        lives: `lifecycle`: the rate still allowed becomes next month's cap; below zero it becomes zero.
        rules: cap_per_unit by model, as the policy states it; NaN where it states none.
        cap_per_unit: one more, for every model; the smaller holds; 0 for none.
        keep_lifecycle: whether the lifecycle caps bind.

    Returns:
        model, cap_per_unit, lifecycle_cap, past_subsidy, past_base: as `allocate` asks for.

    >>> lives = pd.DataFrame({"model": ["a", "b"], "allowed_rate": [-0.1, float("nan")]})
    >>> caps(lives, pd.Series({"a": 300.0}), 500.0)[["cap_per_unit", "lifecycle_cap"]].values.tolist()
    [[300.0, 0.0], [500.0, nan]]
    """
    of_rule = lives["model"].map(rules) if rules is not None else pd.Series(np.nan, index=lives.index)
    cap = np.fmin(of_rule.astype("float64"), cap_per_unit or np.nan)
    allowed = lives["allowed_rate"].clip(lower=0.0) if keep_lifecycle else np.nan
    return lives[["model"]].assign(cap_per_unit=cap, lifecycle_cap=allowed, past_subsidy=0.0, past_base=0.0)


def promised(
    status: pd.DataFrame, commitments: pd.DataFrame, asof: date, models: Sequence[str], keep: bool = True
) -> pd.DataFrame:
    """What the province's own running promises ask of next month: what is still owed, spread evenly over the months left.

    Args:
        status: `commitment_status` of these commitments, same index.
        commitments: rows of the commitments table.
        asof: the last day known.
        models: those that are in the plan; a promise for another model cannot be met by it and is left out, and so is
            one of which nobody knows what is still owed.
        keep: whether the promises are to bind; if not, there is no row.

    Returns:
        model, committed_units (next month's part), penalty_per_unit, direction.
    """
    last = pd.Timestamp(asof)
    own = status[(status["direction"] == "province_to_vendor") & (status["phase"] == "running") & keep]
    own = own[own["model"].isin(models)]
    done = own.apply(lambda row: row[row.get("counted", "sell_through")], axis=1).astype("float64") if len(own) else 0.0
    left = ((own["ends"].dt.year - last.year) * 12 + own["ends"].dt.month - last.month).clip(lower=1)
    owed = (own["committed"] - done).clip(lower=0.0) / left
    parts = own[["model"]].assign(committed_units=owed, penalty_per_unit=commitments["penalty_per_unit"].reindex(own.index))
    # a sale counts for each promise whose window holds it: the largest is what the month must sell
    known = parts[parts["committed_units"].notna()].groupby("model", as_index=False).max()
    return known.assign(direction="province_to_vendor")


def changes(plan: pd.DataFrame, cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """A plan beside today, summed over groups.

    Args:
        plan: `Allocation.plan`; cells: what it was made of, same index.
        by: columns of either.

    Returns:
        by…, units_today, units, spend_today, spend, gain_today, gain_planned, gain (the difference), rate_today,
        rate (Σ spend ÷ Σ list price × units; NaN where nothing sells); the largest change of spend first. Without a
        feasible plan its side is NaN.
    """
    frame = plan.assign(**{name: cells[name] for name in by if name not in plan})
    frame["base_today"], frame["base"] = cells["list_price"] * plan["units_today"], cells["list_price"] * plan["units"]
    names = ["units_today", "units", "spend_today", "spend", "gain_today", "gain_planned", "base_today", "base"]
    out = frame.groupby(list(by), as_index=False)[names].sum(min_count=1)
    out["gain"] = out["gain_planned"] - out["gain_today"]
    for when in ("_today", ""):
        out[f"rate{when}"] = out[f"spend{when}"] / out[f"base{when}"].where(out[f"base{when}"] > 0)
    moved = (out["spend"] - out["spend_today"]).abs()
    return out.iloc[np.argsort(-moved.to_numpy(), kind="stable")].drop(columns=["base_today", "base"]).reset_index(drop=True)

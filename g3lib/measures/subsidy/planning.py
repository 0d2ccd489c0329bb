"""From what was sold to what can be planned: next month's cells, their limits, and what a plan changes for whom.

A cell is a model × channel × contract of a branch, expected to sell next month what it sold a month lately, moved
by last year's season. Its rate may move only so far from today's as the data can vouch for. The lifecycle cap
enters as the average rate that is still allowed over the rest of the life: a month that keeps to it leaves the
rest of the life what the rule leaves it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from g3lib.errors import UsageError
from g3lib.measures.subsidy.allocation.cells import KEY
from g3lib.measures.subsidy.cohorts import FOLLOWED
from g3lib.measures.subsidy.lifecycle import lately, on_sale_from
from g3lib.measures.subsidy.rates import BARE
from g3lib.periods import month_of, shift


def season(sales: pd.DataFrame, asof: date, months: int = 3) -> float:
    """What the next month sold last year ÷ what a month of the same window sold last year; 1 where last year is unknown.

    >>> days = pd.to_datetime(["2012-10-01", "2012-11-01", "2012-12-01", "2013-01-01"])
    >>> season(pd.DataFrame({"date": days, "units": [10, 10, 10, 20]}), date(2013, 12, 31)), season(
    ...     pd.DataFrame({"date": days[:1], "units": [10]}), date(2013, 12, 31))
    (2.0, 1.0)
    """
    by_month = sales.groupby(month_of(sales["date"]))["units"].sum()
    last = f"{asof:%Y-%m}"
    window = [shift(last, -12 - back) for back in range(months)]
    following = shift(last, -11)
    if not {following, *window} <= set(by_month.index) or not by_month[window].sum():
        return 1.0
    return float(by_month[following] / by_month[window].mean())


def on_offer(sales: pd.DataFrame, lives: pd.DataFrame, asof: date, months: int = 3) -> pd.DataFrame:
    """The sales lately that next month's cells are made of: their price and subsidy known, their model's life not ended.

    Args:
        sales, lives, asof, months: see `next_month`.

    >>> sales = pd.DataFrame({"date": pd.Timestamp("2013-03-01"), "model": ["m", "gone", "m"], "list_price": 1000.0,
    ...                       "subsidy": [300.0, 300.0, None]})
    >>> on_offer(sales, pd.DataFrame({"model": ["m", "gone"], "ended": [False, True]}), date(2013, 3, 31)).index.tolist()
    [0]
    """
    ended = set(lives.loc[lives["ended"], "model"])
    recent = lately(sales, asof, months)
    return recent[(recent["list_price"] > 0) & recent["subsidy"].notna() & ~recent["model"].isin(ended)]


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
        lives: `lifecycle`, as for `caps`; a model whose life has ended is not sold next month.
        asof: the last day known.
        months: how many calendar months the pace is taken from.
        max_move: how far a rate may move from today's, a fraction (0.10 is 10 pp).
        rate_max: no rate above it, but today's.

    Returns:
        model, channel, contract, branch, device_class, list_price, units, rate, beta, value, value_known, rate_min, rate_max:
        what `allocate` asks for. Where nobody of a class could be followed, or nobody decided what a valid customer is, a
        unit is worth 1, a sale, and value_known says so. Sales without model, price or subsidy are left out.

    Raises:
        UsageError: max_move below 0, or rate_max no fraction.

    >>> sales = pd.DataFrame({"date": pd.Timestamp("2013-03-01"), "model": ["m", "gone"], "channel": "own", "contract": "plan",
    ...                       "branch": "b", "device_class": "handset", "units": 50, "list_price": 1000.0, "subsidy": 300.0})
    >>> lives = pd.DataFrame({"model": ["m", "gone"], "ended": [False, True], "launched": pd.NaT,
    ...                       "allowed_rate": [-0.1, None]})
    >>> states, betas = sales[["units"]].assign(state="young"), pd.DataFrame({"device_class": [], "beta": []})
    >>> found = next_month(sales, betas, states, lives, date(2013, 3, 31))  # nobody followed, nothing learnt, nothing allowed
    >>> found[["model", "beta", "value", "value_known", "rate_min", "rate_max"]].values.tolist()
    [['m', nan, 1.0, False, 0.0, 0.4]]
    """
    if max_move < 0 or not 0 <= rate_max <= 1:
        raise UsageError(f"max_move is {max_move} and rate_max {rate_max}; expected fractions, such as 0.10 and 0.90.")
    recent = on_offer(sales, lives, asof, months)
    sums = recent.assign(base=recent["list_price"] * recent["units"], spend=recent["subsidy"] * recent["units"])
    cells = sums.groupby([*KEY, "device_class"], as_index=False)[["units", "base", "spend"]].sum()
    cells = cells[cells["units"] > 0].reset_index(drop=True)
    launched = pd.to_datetime(cells["model"].map(lives.set_index("model")["launched"]))
    first, last = on_sale_from(launched, asof, months), pd.Timestamp(asof)
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
    share = _valid_share(out, sales, states)
    out["value"], out["value_known"] = share.fillna(1.0), share.notna()
    allowed = out["model"].map(lives.set_index("model")[_allowed(lives)]).clip(lower=0.0)
    out["rate_min"] = np.fmin((out["rate"] - max_move).clip(lower=0.0), allowed)
    out["rate_max"] = np.maximum((out["rate"] + max_move).clip(upper=rate_max), out["rate"])
    return out


def _valid_share(cells: pd.DataFrame, sales: pd.DataFrame, states: pd.DataFrame, least: int = 30) -> pd.Series:
    known = states["state"].isin(FOLLOWED)
    marks = sales[["device_class", "contract"]].assign(
        valid=states["units"].where(states["state"] == "valid", 0), known=states["units"].where(known, 0)
    )
    narrow = marks.groupby(["device_class", "contract"])[["valid", "known"]].sum()
    wide = marks.groupby("device_class")[["valid", "known"]].sum()
    share = (narrow["valid"] / narrow["known"]).where(narrow["known"] >= least)
    found = pd.Series(share.reindex(pd.MultiIndex.from_frame(cells[["device_class", "contract"]])).to_numpy(), index=cells.index)
    return found.fillna(cells["device_class"].map(wide["valid"] / wide["known"].where(wide["known"] > 0)))


def prices_on(vendor_prices: pd.DataFrame, day: object) -> pd.DataFrame:
    """The steps of each model's supply price that hold on a day, its latest list's; a list without a date is the oldest.

    >>> steps = pd.DataFrame({"model": "m", "from_units": [0, 100, 0], "supply_price": [900.0, 850, 800],
    ...                       "valid_from": pd.to_datetime(["2013-01-01", "2013-01-01", "2014-01-01"])})
    >>> [prices_on(steps, day)["supply_price"].tolist() for day in ("2013-12-31", "2014-01-01")]
    [[900.0, 850.0], [800.0]]
    """
    known = vendor_prices[~(vendor_prices["valid_from"] > pd.Timestamp(day))]
    since = known["valid_from"].fillna(pd.Timestamp("1900-01-01"))
    return known[since == since.groupby(known["model"]).transform("max")]


def _summed(by: Sequence[pd.Series], columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Columns summed over groups, in the groups' order; NaN where nothing of a group is known.

    What a slider moves is summed so at each of its steps: with codes that are there already it takes a third of a `groupby`.
    """
    group, words = np.zeros(len(by[0]), dtype=np.intp), []
    missing = np.zeros(len(group), dtype=bool)
    for one in by:
        codes, names = codes_of(one)
        group, missing = group * len(names) + codes, missing | (codes < 0)
        words.append(names)
    shape = [len(names) for names in words]
    if missing.any():
        group, columns = group[~missing], {name: values[~missing] for name, values in columns.items()}
    size = int(np.prod(shape))
    there = np.flatnonzero(np.bincount(group, minlength=size))
    at = np.unravel_index(there, shape)
    out = {one.name: names.take(own).astype("str") for one, names, own in zip(by, words, at, strict=True)}
    for name, values in columns.items():
        known = ~np.isnan(values)
        if known.all():
            out[name] = np.bincount(group, values, size)[there]
        else:
            sums, of = np.bincount(group, np.where(known, values, 0.0), size), np.bincount(group, known, size)
            out[name] = np.where(of > 0, sums, np.nan)[there]
    return pd.DataFrame(out)


def codes_of(words: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """Each row's position in the sorted words, -1 where missing; of categories their own codes, in their own order."""
    if isinstance(words.dtype, pd.CategoricalDtype):
        return words.cat.codes.to_numpy(dtype=np.intp), words.cat.categories
    codes, names = pd.factorize(words, sort=True)
    return codes, pd.Index(names)


def gain(
    plan: pd.DataFrame, cells: pd.DataFrame, response: pd.DataFrame, confidence: float = 0.95, *, devices: bool = False
) -> tuple[float, float, float]:
    """What the plan gains over today's rates, with what the response leaves open: value, low, high.

    Σ value × units today × (exp(beta × change of rate) − 1); the variance is that of the betas (`influence`), by the delta
    method, t with the fewest degrees of freedom of those that move. What a month sells by chance is not in it.

    Args:
        plan: `Allocation.plan`; cells: what it was made of, same index; response: `response` by class.
        devices: what it gains in devices, not in what they are worth.

    >>> plan = pd.DataFrame({"rate_today": [0.3], "rate": 0.4, "units": 12.0, "gain_today": 10.0, "gain_planned": 12.0})
    >>> cells = pd.DataFrame({"device_class": ["handset"], "value": 1.0})
    >>> unlearnt = pd.DataFrame({"device_class": ["handset"], "beta": np.nan})
    >>> gain(plan, cells, unlearnt), gain(plan.assign(gain_planned=np.nan), cells, unlearnt)  # the second is no plan
    ((2.0, nan, nan), (nan, nan, nan))
    """
    from scipy import stats

    moved = np.nan_to_num((plan["rate"] - plan["rate_today"]).to_numpy())
    before, after = ("units_today", "units") if devices else ("gain_today", "gain_planned")
    if plan[after].isna().all():  # no plan, or nothing to plan
        return (float("nan"),) * 3
    classes, names = codes_of(cells["device_class"])
    risen = np.nan_to_num(plan["units"].to_numpy() * moved * (1.0 if devices else cells["value"].to_numpy()))
    slope = pd.Series(np.bincount(classes + 1, risen, len(names) + 1)[1:], index=names)  # the first are of no class
    learnt = response[response["beta"].notna()].set_index("device_class")
    found = float(plan[after].sum() - plan[before].sum())
    if learnt.empty:
        return found, float("nan"), float("nan")
    slopes, errors = slope.reindex(learnt.index).fillna(0.0), defaultdict[str, float](float)
    for own, influence in zip(slopes, learnt["influence"], strict=True):  # what classes share of a cluster's error adds up
        for cluster, adds in influence.items():
            errors[cluster] += own * adds
    se = float(np.sqrt(sum(error**2 for error in errors.values())))
    moving = learnt[slopes != 0]  # a class that stays adds no error, so its df has no say
    reach = float(stats.t.ppf(0.5 + confidence / 2, (moving if len(moving) else learnt)["df"].min())) * se
    return found, found - reach, found + reach


def caps(
    lives: pd.DataFrame, rules: pd.Series | None = None, cap_per_unit: float = 0.0, keep_lifecycle: bool = True
) -> pd.DataFrame:
    """The limits of each model next month.

    Args:
        lives: `lifecycle`; the rate still allowed becomes next month's cap, below zero it becomes zero. Of caps on another
            base than the list price it needs `allowed_of_list`.
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
    allowed = lives[_allowed(lives)].clip(lower=0.0) if keep_lifecycle else np.nan
    return lives[["model"]].assign(cap_per_unit=cap, lifecycle_cap=allowed, past_subsidy=0.0, past_base=0.0)


def _allowed(lives: pd.DataFrame) -> str:
    """The column with the rate still allowed of the list price: caps on it say so themselves."""
    return "allowed_of_list" if "allowed_of_list" in lives else "allowed_rate"


def promised(
    status: pd.DataFrame, commitments: pd.DataFrame, asof: date, models: Sequence[str], keep: bool = True
) -> pd.DataFrame:
    """What the province's own promises ask of next month: what will still be owed, spread evenly over the months left.

    A promise that runs is taken to sell the rest of this month at its pace so far; one that ends before the month
    begins asks nothing of it, one that starts in it does.

    Args:
        status: `commitment_status` of these commitments, same index.
        commitments: rows of the commitments table.
        asof: the last day known; next month is the calendar month of the day after it, or, inside a month, the next.
        models: those that are in the plan; a promise for another model cannot be met by it and is left out, and so is
            one of which nobody knows what is still owed.
        keep: whether the promises are to bind; if not, there is no row.

    Returns:
        model, committed_units (next month's part), penalty_per_unit, direction. A sale counts for each promise whose
        window holds it, so of several the one that asks most stands, with its own penalty; one whose penalty nobody
        knows must be met, and stands before those that have one.

    >>> days = pd.to_datetime(["2013-01-01", "2013-02-28", "2013-03-31"])
    >>> status = pd.DataFrame({"model": ["m", "m"], "direction": "province_to_vendor", "starts": days[0], "ends": days[1:],
    ...                        "committed": [90.0, 200], "counted": "sell_through", "sell_through": [40.0, 40]})
    >>> promised(status, pd.DataFrame({"penalty_per_unit": [50.0, None]}), date(2013, 1, 31), ["m"]).values.tolist()
    [['m', 80.0, nan, 'province_to_vendor']]
    """
    last, first = pd.Timestamp(asof), pd.Timestamp(asof).replace(day=1) + pd.DateOffset(months=1)
    own = status[(status["direction"] == "province_to_vendor") & status["model"].isin(models) & keep]
    own = own.assign(**{name: pd.to_datetime(own[name]) for name in ("starts", "ends")})  # no commitment at all has no dates
    own = own[(own["ends"] >= first) & (own["starts"] < first + pd.DateOffset(months=1))]
    done = own.apply(lambda row: row[row["counted"]], axis=1).astype("float64") if len(own) else 0.0
    days = (last - own["starts"]).dt.days + 1
    by_then = done * ((first - own["starts"]).dt.days / days.where(days > 0)).fillna(0.0)
    left = (own["ends"].dt.year - first.year) * 12 + own["ends"].dt.month - first.month + 1
    owed = (own["committed"] - by_then.where(own["starts"] < first, 0.0)).clip(lower=0.0) / left
    parts = own[["model"]].assign(committed_units=owed, penalty_per_unit=commitments["penalty_per_unit"].reindex(own.index))
    # the last of a model stands: one that must be met is never hidden behind a larger one that may be bought off
    parts = parts[parts["committed_units"].notna()].sort_values("committed_units", kind="stable")
    parts = parts.sort_values("penalty_per_unit", key=pd.isna, kind="stable")
    most = parts.drop_duplicates("model", keep="last").sort_values("model", ignore_index=True)
    return most.assign(direction="province_to_vendor")


def changes(plan: pd.DataFrame, cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """A plan beside today, summed over groups.

    Args:
        plan: `Allocation.plan`; cells: what it was made of, same index.
        by: columns of either.

    Returns:
        by…, units_today, units_planned, spend_today, spend, gain_today, gain_planned, gain (the difference), rate_today,
        rate (Σ spend ÷ Σ list price × units; NaN where nothing sells); the largest change of spend first. Without a
        feasible plan its side is NaN.

    >>> plan = pd.DataFrame({"units_today": [0.0, 5, 5], "units": [0.0, 5, 5], "spend_today": [0.0, 500, 500],
    ...                      "spend": [0.0, 400, 600], "gain_today": 1.0, "gain_planned": 1.0})
    >>> cells = pd.DataFrame({"branch": ["a", "b", "c"], "list_price": 1000.0})
    >>> changes(plan, cells, ["branch"])[["branch", "gain", "rate_today", "rate"]].values.tolist()  # b and c tie, a sells nothing
    [['b', 0.0, 0.1, 0.08], ['c', 0.0, 0.1, 0.12], ['a', 0.0, nan, nan]]
    """
    names = ["units_today", "units", "spend_today", "spend", "gain_today", "gain_planned"]
    columns = {name: plan[name].to_numpy(dtype=float) for name in names}
    price = cells["list_price"].to_numpy()
    columns |= {"base_today": price * columns["units_today"], "base": price * columns["units"]}
    out = _summed([plan[name] if name in plan else cells[name] for name in by], columns)
    out = out.rename(columns={"units": "units_planned"})
    out["gain"] = out["gain_planned"] - out["gain_today"]
    for when in ("_today", ""):
        out[f"rate{when}"] = out[f"spend{when}"] / out[f"base{when}"].where(out[f"base{when}"] > 0)
    moved = (out["spend"] - out["spend_today"]).abs()
    return out.iloc[np.argsort(-moved.to_numpy(), kind="stable")].drop(columns=["base_today", "base"]).reset_index(drop=True)

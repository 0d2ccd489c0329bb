"""The lifecycle average: a cap over a model's whole life, so a launch at a high rate is no breach.

With what was sold (S yuan of subsidy on R yuan of base) and what is still planned (R_plan), the average
rate that is still allowed is r* = (cap·(R + R_plan) − S) ÷ R_plan; r*·R_plan is the headroom in yuan.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.rates import subsidy_rate


def allowed_rate(cap: pd.Series, subsidy: pd.Series, base: pd.Series, planned_base: pd.Series) -> pd.Series:
    """r*: the average rate still allowed over the planned sales; below zero the breach cannot be undone.

    >>> one, two = pd.Series([0.6, 0.5]), pd.Series([1000.0, 500.0])
    >>> allowed_rate(one, pd.Series([700.0, 1000.0]), pd.Series([1000.0, 1000.0]), two).tolist()
    [0.5, -0.5]
    """
    return (cap * (base + planned_base) - subsidy) / planned_base


def lifecycle(
    sales: pd.DataFrame,
    models: pd.DataFrame,
    caps: pd.Series,
    asof: date,
    plan: pd.DataFrame | None = None,
    *,
    numerator: str,
    base: str,
) -> pd.DataFrame:
    """Each model's average so far against its cap, and what is left.

    Args:
        sales: rows of the sales table, from each model's launch on (date where it is to be checked that they are).
        models: rows of the models table (model, end_of_life).
        caps: lifecycle cap by model, a fraction; NaN where masked or not set.
        asof: the last day known; a model whose end of life is before it has ended.
        plan: model, planned_base (yuan), planned_rate (fraction) of what is still to be sold.
        numerator, base: see `subsidy_rate`.

    Returns:
        model, launched, units, subsidy_yuan, base_yuan, rate, cap, ended, allowed_rate (r*), headroom (yuan, r* ×
        planned base), planned_rate, verdict: ended `pass` or `fail`; running `fail` where nothing may be paid any more
        (r* < 0; of a contract price, which rises as less is paid, headroom + cap × the planned subsidy < 0: the
        breach cannot be undone), `warning` where the planned rate is above r*, else `pass`; `no verdict`
        without a plan, where the cap is unknown, or where any sale's subsidy or base is (or its price is none); reason
        (`no_cap`, `unknown`, `launched_before_data`, `no_plan`), unknown_units, no_price_units, no_price_yuan,
        planned_base.

    >>> sales = pd.DataFrame({"model": ["m"], "units": [2], "subsidy": [700.0], "list_price": [1000.0]})
    >>> models = pd.DataFrame({"model": ["m"], "end_of_life": [pd.Timestamp("2010-12-31")]})
    >>> plan = pd.DataFrame({"model": ["m"], "planned_base": [2000.0], "planned_rate": [0.6]})
    >>> lifecycle(sales, models, pd.Series({"m": 0.6}), date(2010, 6, 30), plan, numerator="device",
    ...           base="list")[["allowed_rate", "headroom", "verdict"]].values.tolist()
    [[0.5, 1000.0, 'warning']]
    """
    out = subsidy_rate(sales[sales["model"].notna()], ["model"], numerator=numerator, base=base)
    out["cap"] = out["model"].map(caps).astype("float64")
    out["ended"] = _of_model(out["model"], models, "end_of_life") <= pd.Timestamp(asof)
    if plan is None:
        plan = pd.DataFrame({"model": [], "planned_base": [], "planned_rate": []})
    out = out.merge(plan, on="model", how="left", validate="one_to_one")
    planned = out["planned_base"].where(~out["ended"] & (out["planned_base"] > 0))
    out["allowed_rate"] = allowed_rate(out["cap"], out["subsidy_yuan"], out["base_yuan"], planned)
    out["headroom"] = out["allowed_rate"] * planned
    # an average over part of a life says nothing of the whole
    out["launched"] = _of_model(out["model"], models, "launched")
    unseen = out["launched"] < sales["date"].min().replace(day=1) if "date" in sales else False
    left_out = out["unknown_units"] + out["no_price_units"]
    over = out["subsidy_yuan"] - out["cap"] * out["base_yuan"] > 0.005
    # a contract price rises as less is paid: what paying nothing adds to the cap's side
    regained = out["cap"] * out["planned_rate"] * planned if base == "contract" else 0.0
    out["verdict"] = np.select(
        [
            out["cap"].isna() | out["rate"].isna() | (left_out > 0) | unseen,
            out["ended"] & over,
            out["ended"],
            planned.isna() | out["planned_rate"].isna(),
            out["headroom"] + regained < 0,
            out["planned_rate"] > out["allowed_rate"] + 1e-12,
        ],
        ["no verdict", "fail", "pass", "no verdict", "fail", "warning"],
        "pass",
    )
    out["reason"] = np.select(
        [out["cap"].isna(), out["rate"].isna() | (left_out > 0), unseen, out["verdict"] == "no verdict"],
        ["no_cap", "unknown", "launched_before_data", "no_plan"],
        "",
    )
    return out.sort_values("model", ignore_index=True)


def run_on_plan(
    sales: pd.DataFrame, models: pd.DataFrame, asof: date, months: int = 3, *, numerator: str, base: str
) -> pd.DataFrame:
    """A plan for want of a better one: each model goes on as in its last calendar months until its end of life.

    Args:
        sales, models, numerator, base: as for `lifecycle`.
        asof: the last day known.
        months: how many calendar months, the current one included, the pace is taken from (fewer for a
            model that was launched since).

    Returns:
        model, planned_base (yuan until the end of life), planned_rate (the rate of those months); only
        models that sold in them and whose end of life is known.

    >>> sales = pd.DataFrame({"model": ["m"], "units": [3], "subsidy": [500.0], "list_price": [1000.0],
    ...                       "date": [pd.Timestamp("2010-06-01")]})
    >>> models = pd.DataFrame({"model": ["m"], "end_of_life": [pd.Timestamp("2010-07-30")],
    ...                        "launched": [pd.Timestamp("2010-06-01")]})
    >>> run_on_plan(sales, models, date(2010, 6, 30), numerator="device", base="list").values.tolist()
    [['m', 3000.0, 0.5]]
    """
    last = pd.Timestamp(asof)
    recent = lately(sales, asof, months)
    pace = subsidy_rate(recent[recent["model"].notna()], ["model"], numerator=numerator, base=base)
    days_open = (last - on_sale_from(_of_model(pace["model"], models, "launched"), asof, months)).dt.days + 1
    days_left = (_of_model(pace["model"], models, "end_of_life") - last).dt.days.clip(lower=0)
    plan = pd.DataFrame(
        {"model": pace["model"], "planned_base": pace["base_yuan"] / days_open * days_left, "planned_rate": pace["rate"]}
    )
    return plan[plan["planned_base"] > 0].reset_index(drop=True)


def allowed_of_list(lives: pd.DataFrame, list_plan: pd.DataFrame, base: str) -> pd.Series:
    """r* as a part of the list price, in which a plan's rates are: of a cap on another base the yuan that it still allows.

    A cap on the contract price moves with the subsidy: each yuan more takes one off the price, so of the planned
    S on R at most (headroom + cap · S) ÷ (1 + cap) can be paid.

    Args:
        lives: `lifecycle`, its plan that of `run_on_plan` with the same base.
        list_plan: `run_on_plan` with base `list`.
        base: the caps': `list`, `contract` or `supply`.

    Returns:
        A fraction, index as lives; NaN where nothing is planned or no cap is known.

    >>> lives = pd.DataFrame({"model": ["m"], "cap": [0.5], "allowed_rate": [0.5], "headroom": [400.0],
    ...                       "planned_base": [800.0], "planned_rate": [0.25]})
    >>> plan = pd.DataFrame({"model": ["m"], "planned_base": [1000.0]})
    >>> [allowed_of_list(lives, plan, base).round(4).tolist() for base in ("list", "supply", "contract")]
    [[0.5], [0.4], [0.3333]]
    """
    if base == "list":
        return lives["allowed_rate"]
    yuan = lives["headroom"]
    if base == "contract":
        yuan = (yuan + lives["cap"] * lives["planned_rate"] * lives["planned_base"]) / (1 + lives["cap"])
    planned = lives["model"].map(list_plan.set_index("model")["planned_base"])
    return yuan / planned.where(planned > 0)


def lately(sales: pd.DataFrame, asof: date, months: int) -> pd.DataFrame:
    """The sales of the last calendar months, the current one included, up to a day: what a pace is taken from."""
    return sales[sales["date"].between(_since(asof, months), pd.Timestamp(asof))]


def on_sale_from(launched: pd.Series, asof: date, months: int) -> pd.Series:
    """The first day of that window on which each model could sell: one that came since has had fewer days.

    A launch that is unknown, or after the last day known (the sales then contradict it), is the window's first day.

    >>> launched = pd.Series(pd.to_datetime(["2010-01-01", "2010-06-10", "2010-08-01"]))
    >>> on_sale_from(launched, date(2010, 6, 30), 3).dt.strftime("%m-%d").tolist()
    ['04-01', '06-10', '04-01']
    """
    since = _since(asof, months)
    return launched.where((launched > since) & (launched <= pd.Timestamp(asof)), since)


def _since(asof: date, months: int) -> pd.Timestamp:
    return pd.Timestamp(asof).replace(day=1) - pd.DateOffset(months=months - 1)


def _of_model(names: pd.Series, models: pd.DataFrame, column: str) -> pd.Series:
    """A date of each model; missing where the model, or the whole table, is unknown."""
    if column not in models:
        return pd.Series(pd.NaT, index=names.index, dtype="datetime64[us]")
    known: pd.Series = pd.to_datetime(models.set_index("model")[column]).reindex(names)
    return known.set_axis(names.index)

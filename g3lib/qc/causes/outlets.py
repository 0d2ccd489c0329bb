"""Possible causes measured at outlets, tested as causes of low sales."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from g3lib.periods import shift
from g3lib.qc.causes.confirm import confirm


def low_sellers(outlets: pd.DataFrame, within: Sequence[str], value: str = "units", part: float = 0.7) -> pd.Series:
    """The problem of an outlet: it sells less than `part` of the median of its group.

    Args:
        outlets: one row an outlet.
        within: the columns that make its group.

    >>> low_sellers(pd.DataFrame({"c": ["a"] * 3, "units": [10, 9, 3]}), ["c"]).tolist()
    [False, False, True]
    """
    usual = outlets.groupby(list(within))[value].transform("median")
    return outlets[value] < part * usual


def outlet_units(sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """One row an outlet, the unit of analysis: its sales and, as columns, whether each fact holds.

    Args:
        sales: branch, channel, outlet, units (any number of rows an outlet).
        outlets: the outlets table; one that sold nothing is there with zero.
        facts: outlet, date, fact, value (0 or 1); the latest of each counts.

    Returns:
        branch, channel, outlet, units, one boolean column a fact (missing where not measured).
    """
    sums = sales.groupby("outlet")["units"].sum()
    out = outlets[["branch", "channel", "outlet"]].reset_index(drop=True)
    out["units"] = out["outlet"].map(sums).fillna(0.0)
    latest = facts.sort_values("date").drop_duplicates(["outlet", "fact"], keep="last")
    wide = latest.pivot(index="outlet", columns="fact", values="value").reindex(out["outlet"])
    for fact in wide.columns:
        out[fact] = (wide[fact] > 0).where(wide[fact].notna()).astype("boolean").to_numpy()
    return out


def confirm_facts(
    sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame, month: str, minimum_effect: float, part: float = 0.7
) -> pd.DataFrame:
    """Every fact that was measured at outlets, tested as a cause of low sales of the twelve months to `month`.

    Args:
        sales: branch, channel, outlet, month, units.
        outlets, facts: see `outlet_units`; facts that are counts (a value besides 0 and 1) are left out.
        minimum_effect: δ, a fraction, the same for every fact.
        part: an outlet below this part of the median of its branch's outlets of the same channel is a low
            seller.

    Returns:
        As `confirm`, stratified by branch and channel, as the problem is; reason `between_branches` (never decided) where
        most outlets with the fact have none without it beside them. Empty where no fact was measured.
    """
    # a fact with any other value than yes and no is a count of something, not a possible cause
    counts = facts.loc[~facts["value"].isin([0, 1]), "fact"].unique()
    facts = facts[~facts["fact"].isin(counts)]
    if facts.empty:
        return pd.DataFrame()
    units = outlet_year(sales, outlets, facts, month)
    units["low"] = low_sellers(units, ["branch", "channel"], part=part)
    declared = pd.DataFrame({"cause": sorted(facts["fact"].unique()), "minimum_effect": minimum_effect})
    units["group"] = units.groupby(["branch", "channel"], observed=True).ngroup()
    tested = confirm(declared.assign(outcome="low", stratum="group", unit="outlet"), units)
    # the problem is relative to the group: what a whole group has or lacks cannot show in it
    between = tested["cause"].map({cause: _between(units, cause) for cause in tested["cause"]})
    tested.loc[between, ["verdict", "reason"]] = ["insufficient", "between_branches"]
    return tested


def _between(units: pd.DataFrame, cause: str) -> bool:
    """Whether most outlets with the cause are in groups where all have it."""
    has = units[cause].astype("boolean").astype("Float64").astype(float)
    part = has.groupby(units["group"]).transform("mean")
    return bool(part[has == 1].eq(1).mean() > 0.5)


def outlet_year(sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame, month: str) -> pd.DataFrame:
    """`outlet_units` of the twelve months to `month`: the rows that `confirm_facts` tests."""
    year = sales[(sales["month"] > shift(month, -12)) & (sales["month"] <= month)]
    return outlet_units(year, outlets, facts)

"""Strata: where a gap sits, and the vital few that hold most of it.

A month's target is laid out over the strata by the share that each had before: what each would have sold
had all kept step. The gap of a stratum is that less what it sold. The vital few are the fewest strata that
reach a part of the gap, by exact comparison.
"""

from __future__ import annotations

from fractions import Fraction

import pandas as pd

from g3lib.measures.targets import expected_by
from g3lib.periods import shift

# what a class is called that was not broken down
_OTHER = ("其他", "其它", "other", "others")


def is_other(name: object) -> bool:
    """Whether a class is what was not broken down, however it is written.

    >>> is_other("其他"), is_other(" Other"), is_other("其他渠道")
    (True, True, False)
    """
    return str(name).strip().casefold() in _OTHER


def gap_by(units: pd.DataFrame, expected: pd.DataFrame, by: str) -> pd.DataFrame:
    """Where a shortfall sits: expected − actual of each stratum, largest first.

    Args:
        units, expected: frames with `by` and `units`.
        by: the stratum's column.

    Returns:
        by, actual, expected, gap (devices, positive is short), share (gap ÷ the sum of the positive gaps;
        0 where a stratum is ahead).

    >>> gap_by(pd.DataFrame({"c": ["a", "b"], "units": [5, 9]}), pd.DataFrame({"c": ["a", "b"], "units": [9, 8]}),
    ...        "c").values.tolist()
    [['a', 5.0, 9.0, 4.0, 1.0], ['b', 9.0, 8.0, -1.0, 0.0]]
    """
    table = pd.DataFrame(
        {"actual": units.groupby(by)["units"].sum(), "expected": expected.groupby(by)["units"].sum()}, dtype="float64"
    ).fillna(0.0)
    table["gap"] = table["expected"] - table["actual"]
    short = table["gap"].clip(lower=0)
    table["share"] = short / short.sum() if short.sum() > 0 else 0.0
    return table.sort_values("gap", ascending=False, kind="stable").reset_index(names=by)


def pareto(frame: pd.DataFrame, category: str, value: str, threshold: str = "0.8") -> pd.DataFrame:
    """Categories from the largest down, and the vital few: the fewest that reach the threshold.

    Reaching is exact (no float comparison): 50, 20, 10, 10, 10 at 80 % is three. Equal values keep the
    order of their names; "other" (其他) comes last whatever its size and is none of the few: it was not broken down (where the
    named ones do not reach the threshold they are all that is known). Values of zero or less have no part in a shortfall.

    Returns:
        category, value, share, cumulative (fractions), vital.

    >>> frame = pd.DataFrame({"c": list("abcde"), "n": [50, 20, 10, 10, 10]})
    >>> pareto(frame, "c", "n").vital.tolist()
    [True, True, True, False, False]
    >>> pareto(pd.DataFrame({"c": list("aabc"), "n": [0.1, 0.7, 0.1, 0.1]}), "c", "n").vital.tolist()      # 80 % are 80 %
    [True, False, False]
    >>> pareto(pd.DataFrame({"c": ["a", "Other", "b"], "n": [4, 9, 2]}), "c", "n").vital.tolist()
    [True, True, False]
    """
    added: dict[object, Fraction] = {}
    for name, amount in frame[[category, value]].dropna().itertuples(index=False):
        added[name] = added.get(name, Fraction(0)) + Fraction(str(amount))
    order = frame.groupby(category, as_index=False)[value].sum()
    exactly = [added.get(name, Fraction(0)) for name in order[category]]
    order["_other"] = order[category].map(is_other)
    order["_exact"] = pd.Series(exactly, index=order.index, dtype=object)
    order = order.sort_values(["_other", "_exact", category], ascending=[True, False, True], ignore_index=True)
    exact = [max(Fraction(0), amount) for amount in order["_exact"]]
    named = ~order["_other"].astype(bool)
    order = order.drop(columns=["_other", "_exact"])
    total = sum(exact)
    running, shares, cumulative, vital = Fraction(0), [], [], []
    for part, known in zip(exact, named, strict=True):
        vital.append(bool(known and part > 0 and running < Fraction(threshold) * total))
        running += part
        shares.append(float(part / total) if total else float("nan"))
        cumulative.append(float(running / total) if total else float("nan"))
    return order.assign(share=shares, cumulative=cumulative, vital=vital)


def gap_by_month(units: pd.DataFrame, progress: pd.DataFrame, month: str, by: str) -> pd.DataFrame:
    """Where one month's shortfall against its target sits.

    The month's target (even months) is laid out over the strata by their share of the twelve months before:
    what each would have had to sell if all had kept step.

    Args:
        units: month, `by`, units.
        progress: `targets.progress`; empty where no target runs.
        month: the month.
        by: the stratum's column.

    Returns:
        As `gap_by`; empty where there is no target or nothing was sold before.
    """
    history = units[(units["month"] < month) & (units["month"] >= shift(month, -12))]
    even = progress[progress["phasing"] == "month_even"] if len(progress) else progress
    if even.empty or not history["units"].sum() or even["month_target"].isna().all():
        return pd.DataFrame(columns=[by, "actual", "expected", "gap", "share"])
    expected = expected_by(history, float(even["month_target"].iloc[0]), by)
    return gap_by(units[units["month"] == month], expected, by)


def finest_gap(
    sales: pd.DataFrame, by_channel: pd.DataFrame, progress: pd.DataFrame, month: str, branch: str
) -> tuple[str, pd.DataFrame]:
    """The shortfall by the finest stratum that the data have: outlets where they are named, else channels.

    Args:
        sales: branch, outlet, month, units of all sisters.
        by_channel: `gap_by_month` over channels, returned where no outlet is named.

    Returns:
        The stratum's column and its gaps.
    """
    own = sales[(sales["branch"] == branch) & sales["outlet"].notna()]
    if own.empty:
        return "channel", by_channel
    # the target of the named outlets is the part of it that they had of all earlier sales
    named = own.loc[own["month"] < month, "units"].sum()
    every = sales.loc[(sales["branch"] == branch) & (sales["month"] < month), "units"].sum()
    scaled = progress.assign(month_target=progress["month_target"] * (named / every if every else float("nan")))
    by_outlet = gap_by_month(own, scaled, month, "outlet")
    return ("outlet", by_outlet) if len(by_outlet) else ("channel", by_channel)

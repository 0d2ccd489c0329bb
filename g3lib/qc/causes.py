"""Causes: the vital few of a gap, and whether a possible cause is one.

A cause is confirmed by data or not at all. What decides is the risk difference θ of the problem between
units with and without the cause, stratified (Mantel–Haenszel weights, Sato's variance) so that a stratum
that goes with both does not make a cause. δ is the smallest difference that matters, declared before
looking: |θ| ≤ δ rejected says 要因, |θ| ≥ δ rejected (TOST) says 非要因, else the evidence does not suffice.
Holm's procedure runs over all declared causes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from g3lib.errors import DataError
from g3lib.measures.targets import expected_by
from g3lib.periods import shift

# below this expected count a normal approximation decides nothing
_SMALLEST_EXPECTED = 5.0


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
    order of their names. Values of zero or less have no part in a shortfall and come last.

    Returns:
        category, value, share, cumulative (fractions), vital.

    >>> frame = pd.DataFrame({"c": list("abcde"), "n": [50, 20, 10, 10, 10]})
    >>> pareto(frame, "c", "n").vital.tolist()
    [True, True, True, False, False]
    """
    order = frame.groupby(category, as_index=False)[value].sum()
    order = order.sort_values([value, category], ascending=[False, True], ignore_index=True)
    exact = [max(Fraction(0), Fraction(str(v))) for v in order[value]]
    total = sum(exact)
    running, shares, cumulative, vital = Fraction(0), [], [], []
    for part in exact:
        vital.append(bool(part > 0 and running < Fraction(threshold) * total))
        running += part
        shares.append(float(part / total) if total else float("nan"))
        cumulative.append(float(running / total) if total else float("nan"))
    return order.assign(share=shares, cumulative=cumulative, vital=vital)


def risk_difference(strata: pd.DataFrame) -> tuple[float, float]:
    """Mantel–Haenszel risk difference and its standard error (Sato 1989).

    Args:
        strata: one row a stratum: with_problem, with_units (units with the cause, and those of them with
            the problem), without_problem, without_units.

    Returns:
        (θ, standard error); NaN where no stratum has units on both sides.

    >>> one = pd.DataFrame({"with_problem": [15], "with_units": [20], "without_problem": [5],
    ...                     "without_units": [20]})
    >>> risk_difference(one)[0]
    0.5
    """
    x1, n1 = strata["with_problem"].to_numpy(float), strata["with_units"].to_numpy(float)
    x0, n0 = strata["without_problem"].to_numpy(float), strata["without_units"].to_numpy(float)
    both = (n1 > 0) & (n0 > 0)
    x1, n1, x0, n0 = x1[both], n1[both], x0[both], n0[both]
    if not both.any():
        return float("nan"), float("nan")
    n = n1 + n0
    weight = (n1 * n0 / n).sum()
    theta = ((x1 * n0 - x0 * n1) / n).sum() / weight
    p = ((n1 / n) ** 2 * x0 - (n0 / n) ** 2 * x1 + (n1 / n) * (n0 / n) * (n0 - n1) / 2).sum()
    q = ((x1 * (n0 - x0) + x0 * (n1 - x1)) / n).sum() / 2
    return float(theta), float(math.sqrt(max(0.0, theta * p + q)) / weight)


def confirm(
    units: pd.DataFrame, declared: pd.DataFrame, problem: str, stratum: str | None = None, level: float = 0.05
) -> pd.DataFrame:
    """Test every declared cause on its two-by-two tables.

    Args:
        units: one row a unit of analysis; boolean columns for the problem and for each cause (missing
            values leave the unit out of that cause's test).
        declared: cause (a column of `units`), minimum_effect (δ, a fraction), all declared before looking.
        problem: the outcome's column.
        stratum: a column that is no consequence of a cause, or None.
        level: the family-wise level over all declared causes.

    Returns:
        One row a cause, in the declared order: cause, units_with, units_without, risk_with, risk_without,
        crude (risk difference), low_crude, high_crude (Newcombe 95 %), effect (stratified), low, high
        (95 %), minimum_effect, p_cause, p_no_cause (both Holm-adjusted), share_of_problem (the part of all
        problems that would be gone with the cause), verdict, needed_per_group (units each side that would
        decide with 80 % power at twice δ), reason.

    Raises:
        DataError: lists every cause without a column, that is the problem itself, or without a δ above 0.
    """
    _refuse(units, declared, problem)
    rows = [
        _one(units, str(d.cause), float(d.minimum_effect), problem, stratum) for d in declared.itertuples()
    ]
    out = pd.DataFrame(rows)
    from statsmodels.stats.multitest import multipletests

    for name in ("p_cause", "p_no_cause"):
        # a cause that could not be tested stays in the family: with p = 1 it can never be confirmed
        out[name] = multipletests(out[name].fillna(1.0), method="holm")[1]
    testable = out["reason"] == ""
    out["verdict"] = np.select(
        [testable & (out["p_cause"] <= level), testable & (out["p_no_cause"] <= level)],
        ["confirmed", "rejected"],
        "insufficient",
    )
    return out


def _refuse(units: pd.DataFrame, declared: pd.DataFrame, problem: str) -> None:
    faults = []
    for d in declared.itertuples():
        if d.cause == problem:
            faults.append(f"{d.cause!r} is the problem itself")
        elif d.cause not in units:
            faults.append(f"{d.cause!r} has no data")
        if not d.minimum_effect > 0:
            faults.append(f"{d.cause!r} has no minimum effect above 0")
    if faults:
        raise DataError("Causes cannot be tested: " + "; ".join(faults) + ".")


def _one(units: pd.DataFrame, cause: str, delta: float, problem: str, stratum: str | None) -> dict[str, object]:
    known = units[units[cause].notna() & units[problem].notna()]
    table = two_by_two(known, cause, problem, stratum)
    whole = table[["with_problem", "with_units", "without_problem", "without_units"]].sum()
    theta, error = risk_difference(table)
    p_cause, p_no_cause = _p_values(theta, error, delta)
    low_crude, high_crude = _newcombe(*whole)
    risk = (whole.with_problem + whole.without_problem) / max(1.0, whole.with_units + whole.without_units)
    prevalence = whole.with_units / max(1.0, whole.with_units + whole.without_units)
    reason = _too_few(whole)
    return {
        "cause": cause,
        "units_with": int(whole.with_units),
        "units_without": int(whole.without_units),
        "risk_with": _ratio(whole.with_problem, whole.with_units),
        "risk_without": _ratio(whole.without_problem, whole.without_units),
        "crude": _ratio(whole.with_problem, whole.with_units) - _ratio(whole.without_problem, whole.without_units),
        "low_crude": low_crude,
        "high_crude": high_crude,
        "effect": theta,
        "low": theta - 1.959964 * error,
        "high": theta + 1.959964 * error,
        "minimum_effect": delta,
        "p_cause": 1.0 if reason else p_cause,
        "p_no_cause": 1.0 if reason else p_no_cause,
        "share_of_problem": _ratio(theta * prevalence, risk),
        "needed_per_group": math.ceil((1.959964 + 0.841621) ** 2 * 2 * risk * (1 - risk) / delta**2),
        "reason": reason,
    }


def two_by_two(units: pd.DataFrame, cause: str, problem: str, stratum: str | None) -> pd.DataFrame:
    """The two-by-two table of each stratum.

    Returns:
        stratum, with_problem, with_units, without_problem, without_units (units of analysis).
    """
    layer = units[stratum] if stratum else pd.Series("all", index=units.index)
    has, bad = units[cause].astype(bool), units[problem].astype(bool)
    counts = pd.DataFrame(
        {
            "stratum": layer,
            "with_problem": has & bad,
            "with_units": has,
            "without_problem": ~has & bad,
            "without_units": ~has,
        }
    )
    return counts.groupby("stratum", as_index=False, sort=True, observed=True).sum()


def _p_values(theta: float, error: float, delta: float) -> tuple[float, float]:
    from scipy.special import ndtr

    if not error > 0:
        return 1.0, 1.0
    size = abs(theta)
    # the two-sided test of |θ| ≤ δ at its boundary, and TOST's larger one-sided p for |θ| ≥ δ
    cause = ndtr(-(size - delta) / error) + ndtr(-(size + delta) / error)
    no_cause = max(ndtr((theta - delta) / error), ndtr(-(theta + delta) / error))
    return float(cause), float(no_cause)


def _newcombe(x1: float, n1: float, x0: float, n0: float) -> tuple[float, float]:
    if not n1 or not n0:
        return float("nan"), float("nan")
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method="newcomb")
    return float(low), float(high)


def _too_few(whole: pd.Series) -> str:
    total = whole.with_units + whole.without_units
    if not whole.with_units or not whole.without_units:
        return "one_sided"
    problems = whole.with_problem + whole.without_problem
    smallest = min(
        side * count / total for side in (whole.with_units, whole.without_units) for count in (problems, total - problems)
    )
    return "too_few" if smallest < _SMALLEST_EXPECTED else ""


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")


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


def confirm_facts(
    sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame, month: str, minimum_effect: float, part: float = 0.7
) -> pd.DataFrame:
    """Every fact that was measured at outlets, tested as a cause of low sales of the twelve months to `month`.

    Args:
        sales: branch, channel, outlet, month, units.
        outlets, facts: see `outlet_units`.
        minimum_effect: δ, a fraction, the same for every fact.
        part: an outlet below this part of its branch's median outlet is a low seller.

    Returns:
        As `confirm`, stratified by channel; empty where no fact was measured.
    """
    if facts.empty:
        return pd.DataFrame()
    units = outlet_year(sales, outlets, facts, month)
    units["low"] = low_sellers(units, ["branch"], part=part)
    declared = pd.DataFrame({"cause": sorted(facts["fact"].unique()), "minimum_effect": minimum_effect})
    return confirm(units, declared, "low", "channel")


def outlet_year(sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame, month: str) -> pd.DataFrame:
    """`outlet_units` of the twelve months to `month`: the rows that `confirm_facts` tests."""
    year = sales[(sales["month"] > shift(month, -12)) & (sales["month"] <= month)]
    return outlet_units(year, outlets, facts)


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
    by_outlet = gap_by_month(own, progress, month, "outlet")
    return ("outlet", by_outlet) if len(by_outlet) else ("channel", by_channel)

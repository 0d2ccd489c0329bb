"""Causes: whether a possible cause is one.

A cause is confirmed by data or not at all. What decides is the risk difference θ of the problem between
units with and without the cause, stratified (Mantel–Haenszel weights, Sato's variance) so that a stratum
that goes with both does not make a cause. δ is the smallest difference that matters, declared before
looking: |θ| ≤ δ rejected says 要因, |θ| ≥ δ rejected (TOST) says 非要因, else the evidence does not suffice.
Holm's procedure runs over all declared causes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.errors import DataError
from g3lib.measures.guards import ratio
from g3lib.periods import shift

# below this expected count a normal approximation decides nothing
_SMALLEST_EXPECTED = 5.0




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


def heterogeneity(strata: pd.DataFrame) -> float:
    """The p-value of Cochran's Q: are the strata's risk differences one and the same?

    Args:
        strata: as for `risk_difference`; half a unit is added to each count, so that a stratum without
            any problem has a variance too.

    Returns:
        p; NaN with fewer than two strata that have units on both sides.

    >>> same = pd.DataFrame({"with_problem": [30, 60], "with_units": [100, 100], "without_problem": [20, 50],
    ...                      "without_units": [100, 100]})
    >>> heterogeneity(same) > 0.9
    True
    """
    from scipy.special import chdtrc

    both = strata[(strata["with_units"] > 0) & (strata["without_units"] > 0)]
    if len(both) < 2:
        return float("nan")
    p1 = (both["with_problem"] + 0.5) / (both["with_units"] + 1)
    p0 = (both["without_problem"] + 0.5) / (both["without_units"] + 1)
    weight = 1 / (p1 * (1 - p1) / both["with_units"] + p0 * (1 - p0) / both["without_units"])
    difference = p1 - p0
    centre = (weight * difference).sum() / weight.sum()
    return float(chdtrc(len(both) - 1, (weight * (difference - centre) ** 2).sum()))


def _standard_error(strata: pd.DataFrame) -> float:
    """Sato's, or that of counts drawn half a unit towards one half where it is larger.

    With every unit on one side a problem and none on the other Sato's is zero, and a zero is no
    measure of what one more unit could show.
    """
    measures = ["with_problem", "with_units", "without_problem", "without_units"]
    drawn = strata[measures].astype(float) + np.array([0.5, 1.0, 0.5, 1.0])
    both = strata["with_units"].gt(0) & strata["without_units"].gt(0)
    if not both.any():
        return float("nan")
    return float(np.nanmax([risk_difference(strata)[1], risk_difference(drawn[both])[1]]))


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
        (95 %), p_heterogeneity (Cochran's Q over strata), minimum_effect, p_cause, p_no_cause (both
        Holm-adjusted), share_of_problem, share_low, share_high (the part of all problems that would be gone
        with the cause: effect × units with it ÷ problems, interval from the effect's), verdict,
        needed_per_group (units each side that would decide with 80 % power if the difference were twice δ,
        or nothing at all), reason (`one_sided`, `too_few`, `no_overlap`: untestable).

    Raises:
        DataError: lists every cause without a column, that is the problem itself, or without a δ above 0.
    """
    _refuse(units, declared, problem)
    rows = [
        _one(units, str(d.cause), float(d.minimum_effect), problem, stratum, level / len(declared))
        for d in declared.itertuples()
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


def _one(units: pd.DataFrame, cause: str, delta: float, problem: str, stratum: str | None, level: float) -> dict[str, object]:
    known = units[units[cause].notna() & units[problem].notna()]
    table = two_by_two(known, cause, problem, stratum)
    whole = table[["with_problem", "with_units", "without_problem", "without_units"]].sum()
    theta, reason = risk_difference(table)[0], _untestable(whole, table)
    error = float("nan") if reason == "no_overlap" else _standard_error(table)
    p_cause, p_no_cause = (1.0, 1.0) if reason else _p_values(theta, error, delta)
    low, high = theta - 1.959964 * error, theta + 1.959964 * error
    low_crude, high_crude = _newcombe(*whole)
    problems = whole.with_problem + whole.without_problem
    risk = ratio(problems, whole.with_units + whole.without_units)
    part = ratio(whole.with_units, problems)
    return {
        "cause": cause,
        "units_with": int(whole.with_units),
        "units_without": int(whole.without_units),
        "risk_with": ratio(whole.with_problem, whole.with_units),
        "risk_without": ratio(whole.without_problem, whole.without_units),
        "crude": ratio(whole.with_problem, whole.with_units) - ratio(whole.without_problem, whole.without_units),
        "low_crude": low_crude,
        "high_crude": high_crude,
        "effect": theta,
        "low": low,
        "high": high,
        "p_heterogeneity": heterogeneity(table),
        "minimum_effect": delta,
        "p_cause": p_cause,
        "p_no_cause": p_no_cause,
        "share_of_problem": theta * part,
        "share_low": low * part,
        "share_high": high * part,
        "needed_per_group": _needed(risk, delta, level),
        "reason": reason,
    }


def two_by_two(units: pd.DataFrame, cause: str, problem: str, stratum: str | None) -> pd.DataFrame:
    """The two-by-two table of each stratum.

    Returns:
        stratum, with_problem, with_units, without_problem, without_units (units of analysis).
    """
    # a unit whose stratum is unknown is compared with its like, not dropped
    layer = units[stratum].fillna("unknown") if stratum else pd.Series("all", index=units.index)
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


def _needed(risk: float, delta: float, level: float) -> float:
    """Units a side so that the strictest test of the family decides with 80 % power, either way."""
    from scipy.special import ndtri

    # 要因 at twice δ is tested two-sided; 非要因 at no difference needs both of its one-sided tests
    z = max(ndtri(1 - level / 2) + ndtri(0.8), ndtri(1 - level) + ndtri(0.9))
    spread = 2 * risk * (1 - risk)
    return float(math.ceil(z**2 * spread / delta**2)) if spread == spread else float("nan")


def _untestable(whole: pd.Series, table: pd.DataFrame) -> str:
    if ((table["with_units"] > 0) & (table["without_units"] > 0)).sum() == 0 and whole.with_units and whole.without_units:
        return "no_overlap"
    total = whole.with_units + whole.without_units
    if not whole.with_units or not whole.without_units:
        return "one_sided"
    problems = whole.with_problem + whole.without_problem
    smallest = min(
        side * count / total for side in (whole.with_units, whole.without_units) for count in (problems, total - problems)
    )
    return "too_few" if smallest < _SMALLEST_EXPECTED else ""


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
        As `confirm`, stratified by channel; reason `between_branches` (never rejected) where a fact holds for
        whole branches. Empty where no fact was measured.
    """
    # a fact with any other value than yes and no is a count of something, not a possible cause
    counts = facts.loc[~facts["value"].isin([0, 1]), "fact"].unique()
    facts = facts[~facts["fact"].isin(counts)]
    if facts.empty:
        return pd.DataFrame()
    units = outlet_year(sales, outlets, facts, month)
    units["low"] = low_sellers(units, ["branch", "channel"], part=part)
    declared = pd.DataFrame({"cause": sorted(facts["fact"].unique()), "minimum_effect": minimum_effect})
    tested = confirm(units, declared, "low", "channel")
    # the problem is relative to the branch: what a whole branch has or lacks cannot show in it
    between = tested["cause"].map({cause: _between(units, cause) for cause in tested["cause"]})
    tested.loc[between, ["verdict", "reason"]] = ["insufficient", "between_branches"]
    return tested


def _between(units: pd.DataFrame, cause: str) -> bool:
    """Whether most branches have the cause at all of their outlets or at none."""
    parts = units.groupby("branch")[cause].mean().astype("float64")
    return bool(((parts == 0) | (parts == 1)).mean() > 0.5)


def outlet_year(sales: pd.DataFrame, outlets: pd.DataFrame, facts: pd.DataFrame, month: str) -> pd.DataFrame:
    """`outlet_units` of the twelve months to `month`: the rows that `confirm_facts` tests."""
    year = sales[(sales["month"] > shift(month, -12)) & (sales["month"] <= month)]
    return outlet_units(year, outlets, facts)

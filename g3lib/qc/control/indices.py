"""Capability: what a stable process can hold of its specification.

Cp and Cpk speak of the process by its sigma within, so they wait for a stability verdict: without one there
is no process to speak of. Pp and Ppk take the overall standard deviation and describe what was, stable or
not. One limit gives one index: CPU or CPL, no Cp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from g3lib.errors import DataError, UsageError, listed
from g3lib.findings import Verdict
from g3lib.measures.guards import numbers
from g3lib.qc.control.constants import c4
from g3lib.qc.control.result import Pair, Values, signals

# the rules that capability waits on. Each of the others adds its own false alarms: Nelson's eight with the moving ranges
# call a quarter of stable charts of 24 single values unstable, these two on the values alone 6 %
_GATE = ("nelson_1", "nelson_2")


@dataclass(frozen=True, kw_only=True)
class Capability:
    """Indices with their intervals; NaN where they do not exist, `reason` says why.

    `stable` is the verdict by points beyond limits and long runs on one side; `reason` is empty, `unstable` or `no_spread`;
    `df` belongs to the sigma within.
    """

    n: int
    mean: float
    sigma_within: float
    estimator: str
    df: float
    sigma_overall: float
    stable: Verdict
    cp: float
    cp_low: float
    cp_high: float
    cpl: float
    cpu: float
    cpk: float
    cpk_low: float
    cpk_high: float
    cpm: float
    pp: float
    ppk: float
    ppk_low: float
    ppk_high: float
    reason: str


def capability(
    values: Values, chart: Pair, lower: float | None = None, upper: float | None = None, target: float | None = None,
    level: float = 0.95,
) -> Capability:  # fmt: skip
    """How well a process keeps to its specification.

    Cp = (U − L) / 6σ with the χ² interval of its estimator's degrees of freedom; CPU = (U − μ) / 3σ,
    CPL = (μ − L) / 3σ, Cpk the smaller with Bissell's interval Cpk (1 ± z √(1/(9 n Cpk²) + 1/(2ν)));
    Cpm = (U − L) / 6√(s² + (x̄ − T)²); Pp and Ppk with the overall s.

    Args:
        values: every single measurement.
        chart: their control chart: whether it is stable (a point beyond its limits or a run on one side says no; the other
            rules are warnings), its sigma and how that was estimated.
        lower, upper: the specification's limits; one of them may be missing.
        target: T; else Cpm is not given.
        level: of the intervals.

    Raises:
        UsageError: lists what is wrong with the limits (none, unknown, crossed, target outside), and a chart of several
            phases or with points set aside: capability is one process's, so give that one's values and chart.
        DataError: fewer than two values.

    >>> from g3lib.qc.control.variables import i_mr
    >>> x = [10.0, 11.0, 10.5, 9.5, 10.2, 9.9]
    >>> one = capability(x, i_mr(x), upper=13)      # one limit: no Cp, and Cpk is CPU
    >>> one.cp == one.cp, one.cpk == one.cpu
    (False, True)
    """
    _refuse(lower, upper, target, chart)
    x = numbers(values)
    x = x[~np.isnan(x)]
    if len(x) < 2:
        raise DataError(f"Capability needs two values at least; there {'is one' if len(x) else 'are none'}.")
    n, mean, overall = len(x), float(x.mean()), float(x.std(ddof=1))
    location = chart.location
    # moving ranges show little that the values do not, and seldom follow their limits (Rigdon, Cruthis and Champ 1994)
    judged = (location,) if chart.spread.kind == "mr" else (location, chart.spread)
    # by the gate's own rules: a chart made with others would open it
    broken = any(signals(one, _GATE) for one in judged)
    unmoved = replace(chart, location=replace(location, signals={}), spread=replace(chart.spread, signals={})).verdict
    stable, sigma = Verdict.FAIL if broken else unmoved, location.sigma
    reason = "" if stable is Verdict.PASS else "unstable" if stable is Verdict.FAIL else "no_spread"
    within = sigma if not reason else math.nan
    # the χ² is that of an s; the sigma within is an s ÷ c4 of its degrees of freedom
    of_s = c4(location.df + 1) if location.df > 0 else math.nan
    cp, cpl, cpu = _indices(mean, within, lower, upper)
    cpk = _smaller(cpl, cpu)
    pp, ppl, ppu = _indices(mean, overall, lower, upper)
    ppk = _smaller(ppl, ppu)
    off = math.sqrt(overall**2 + (mean - target) ** 2) if target is not None and not reason else math.nan
    cpm = _indices(mean, off, lower, upper)[0]
    (cp_low, cp_high), (cpk_low, cpk_high) = _chi_squared(cp / of_s, location.df, level), _bissell(cpk, n, location.df, level)
    ppk_low, ppk_high = _bissell(ppk, n, n - 1, level)
    return Capability(
        n=n, mean=mean, sigma_within=sigma, estimator=location.estimator, df=location.df, sigma_overall=overall, stable=stable,
        cp=cp, cp_low=cp_low, cp_high=cp_high, cpl=cpl, cpu=cpu, cpk=cpk, cpk_low=cpk_low, cpk_high=cpk_high, cpm=cpm,
        pp=pp, ppk=ppk, ppk_low=ppk_low, ppk_high=ppk_high, reason=reason,
    )  # fmt: skip


def _refuse(lower: float | None, upper: float | None, target: float | None, chart: Pair) -> None:
    limits = {"lower limit": lower, "upper limit": upper, "target": target}
    faults = [f"the {name} is unknown (NaN)" for name, value in limits.items() if value is not None and value != value]
    if len(set(chart.location.phases)) > 1:
        faults.append(f"the chart has {len(set(chart.location.phases))} phases: capability is one process's")
    if chart.location.excluded:
        faults.append("the chart has points set aside: leave their values out of both")
    if faults:
        raise UsageError(listed(faults, "Capability:"))
    if lower is None and upper is None:
        faults.append("no limit is given")
    if lower is not None and upper is not None and not lower < upper:
        faults.append(f"the lower limit {lower:g} is not below the upper {upper:g}")
    elif target is not None and not (-math.inf if lower is None else lower) <= target <= (math.inf if upper is None else upper):
        faults.append(f"the target {target:g} lies outside the limits")
    if faults:
        raise UsageError(listed(faults, "The specification:"))


def _indices(mean: float, sigma: float, lower: float | None, upper: float | None) -> tuple[float, float, float]:
    """Of both limits, of the lower, of the upper; NaN where the limit or the sigma is missing or nothing."""
    if not sigma > 0:
        return math.nan, math.nan, math.nan
    low = (mean - lower) / (3 * sigma) if lower is not None else math.nan
    high = (upper - mean) / (3 * sigma) if upper is not None else math.nan
    return (low + high) / 2, low, high


def _smaller(one: float, other: float) -> float:
    return min((v for v in (one, other) if v == v), default=math.nan)


def _chi_squared(cp: float, df: float, level: float) -> tuple[float, float]:
    from scipy.special import chdtri

    if not df > 0:
        return math.nan, math.nan
    tail = (1 - level) / 2
    # chdtri is the inverse of the upper tail
    return cp * math.sqrt(float(chdtri(df, 1 - tail)) / df), cp * math.sqrt(float(chdtri(df, tail)) / df)


def _bissell(index: float, n: int, df: float, level: float) -> tuple[float, float]:
    from scipy.special import ndtri

    # in this form an index of nought has an interval too
    half = float(ndtri(1 - (1 - level) / 2)) * math.sqrt(1 / (9 * n) + index**2 / (2 * df))
    return index - half, index + half

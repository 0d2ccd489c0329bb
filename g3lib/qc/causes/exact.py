"""Few units: the exact unconditional tests of a risk difference against δ, both ways.

Every table that could have come of n₁ and n₀ units is listed; the p-value is the chance of one at least as extreme,
at the worst common risk on the boundary (Barnard's way, with the boundary at ±δ instead of nought). Where the list
would be too long, the worst risk is sought in the 99.9 % interval of the larger side's alone, and the chance that it
lies outside is added (Berger and Boos 1994): tables that nothing in there could make need no place in the list. Where
even these are too many, both sides are many at the border, and a normal with the border's own error is as good.
"""

from __future__ import annotations

import math

import numpy as np

from g3lib.qc.causes.effects import p_values

# more tables than this are not all listed, and more than that not at all
_MOST_TABLES, _MOST_POSSIBLE = 100_000, 2_000_000
_GRID = 301  # risks from nought to one, closer at both ends
_FINE = 61  # and within the interval
_OUTSIDE = 0.001
_NEVER = 1e-10


def exact_p_values(x1: int, n1: int, x0: int, n0: int, delta: float) -> tuple[float, float]:
    """(p against |θ| ≤ δ, TOST's p against |θ| ≥ δ).

    Args:
        x1, n1: problems and units with the cause; x0, n0: without; delta: δ.

    >>> p_cause, p_no_cause = exact_p_values(9, 10, 0, 10, 0.1)
    >>> p_cause < 0.01 < p_no_cause
    True
    """
    if (n1, x1) > (n0, x0):  # θ changes its sign with its sides, |θ| does not
        x1, n1, x0, n0 = x0, n0, x1, n1
    every = (n1 + 1) * (n0 + 1) <= _MOST_TABLES
    lowest, highest = (0.0, 1.0) if every else _interval(x0, n0)
    cause = float(abs(x1 / n1 - x0 / n0) <= delta)  # within the border nothing speaks for a cause
    under = over = 0.0
    for theta in (delta, -delta):
        first, last = max(lowest, -theta), min(highest, 1 - theta)
        if first > last:  # no pair of risks lies so far apart
            continue
        # the larger side's risk
        base = first + (last - first) * np.sin(np.linspace(0, math.pi / 2, _GRID if every else _FINE)) ** 2
        beside = np.clip(base + theta, 0.0, 1.0)
        a = np.arange(n1 + 1) if every else _possible(beside, n1)
        b = np.arange(n0 + 1) if every else _possible(base, n0)
        if len(a) * len(b) > _MOST_POSSIBLE:
            return _by_normal(x1 / n1, n1, x0 / n0, n0, delta)
        one, other = _chances(beside, a, n1), _chances(base, b, n0)
        table, seen = _distance(a[:, None], n1, b, n0), _distance(np.array(x1), n1, np.array(x0), n0)
        slack = 1e-9  # tables that are equal up to rounding are equal
        cause = max(cause, _most(_beyond(table, delta) >= _beyond(seen, delta) - slack, one, other))
        at_border, seen_there = (table[0] - theta) / table[1], (seen[0] - theta) / seen[1]
        if theta > 0:
            under = _most(at_border <= seen_there + slack, one, other)
        else:
            over = _most(at_border >= seen_there - slack, one, other)
    left_out = 0.0 if every else _OUTSIDE + 4 * _NEVER
    return min(1.0, cause + left_out), min(1.0, max(under, over) + left_out)


def _by_normal(p1: float, n1: int, p0: float, n0: int, delta: float) -> tuple[float, float]:
    """`p_values` with the larger error of both borders, the larger side's risk being what it was found to be."""
    error = max(math.sqrt(p * (1 - p) / n1 + p0 * (1 - p0) / n0) for p in (p1, min(p0 + delta, 1.0), max(p0 - delta, 0.0)))
    return p_values(p1 - p0, error, delta)


def _distance(a: np.ndarray, n1: int, b: np.ndarray, n0: int) -> tuple[np.ndarray, np.ndarray]:
    """θ of each table and its error."""
    # half a unit keeps the error of an empty side above nought; any order of tables gives a valid test
    p1, p0 = (a + 0.5) / (n1 + 1), (b + 0.5) / (n0 + 1)
    return a / n1 - b / n0, np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)


def _beyond(table: tuple[np.ndarray, np.ndarray], delta: float) -> np.ndarray:
    return np.asarray((np.abs(table[0]) - delta) / table[1])


def _interval(x: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's, of 99.9 %."""
    from scipy.special import betaincinv

    low = float(betaincinv(x, n - x + 1, _OUTSIDE / 2)) if x else 0.0
    return low, float(betaincinv(x + 1, n - x, 1 - _OUTSIDE / 2)) if x < n else 1.0


def _possible(risk: np.ndarray, n: int) -> np.ndarray:
    """Counts that one of the risks (in order, either way) could make."""
    from scipy.stats import binom

    return np.arange(int(binom.ppf(_NEVER, n, risk.min())), int(binom.isf(_NEVER, n, risk.max())) + 1)


def _chances(risk: np.ndarray, k: np.ndarray, n: int) -> np.ndarray:
    """Rows: the binomial of n at each risk, for the counts k."""
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    p = risk[:, None]
    return np.asarray(np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p)))


def _most(region: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The largest chance of the region over the common risk."""
    return float(((one @ region) * other).sum(axis=1).max())

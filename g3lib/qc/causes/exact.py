"""Few units: the exact unconditional tests of a risk difference against δ, both ways.

Every table that could have come of n₁ and n₀ units is listed; the p-value is the chance of one at least as extreme,
at the worst common risk on the boundary (Barnard's way, with the boundary at ±δ instead of nought). Where one side is
too vast for a list its risk is all but known: the worst one of a 99.9 % interval takes its place (Berger and Boos 1994).
"""

from __future__ import annotations

import numpy as np

# more tables than this are not listed
_MOST_TABLES = 400_000
_GRID = 301
_OUTSIDE = 0.001


def exact_p_values(x1: int, n1: int, x0: int, n0: int, delta: float) -> tuple[float, float]:
    """(p against |θ| ≤ δ, TOST's p against |θ| ≥ δ).

    Args:
        x1, n1: problems and units with the cause; x0, n0: without; delta: δ.

    >>> p_cause, p_no_cause = exact_p_values(9, 10, 0, 10, 0.1)
    >>> p_cause < 0.01 < p_no_cause
    True
    """
    if (n1 + 1) * (n0 + 1) > _MOST_TABLES:
        return _beside_a_vast_side(*((x1, n1, x0, n0) if n1 <= n0 else (x0, n0, x1, n1)), delta)
    a, b = np.arange(n1 + 1)[:, None], np.arange(n0 + 1)[None, :]
    theta = a / n1 - b / n0
    # half a unit keeps the error of an empty side above nought; any order of tables gives a valid test
    p1, p0 = (a + 0.5) / (n1 + 1), (b + 0.5) / (n0 + 1)
    error = np.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    beyond, above, below = (np.abs(theta) - delta) / error, (theta - delta) / error, (theta + delta) / error
    slack = 1e-9  # tables that are equal up to rounding are equal
    extreme = beyond >= beyond[x1, x0] - slack
    under, over = above <= above[x1, x0] + slack, below >= below[x1, x0] - slack
    base = np.linspace(0.0, 1 - delta, _GRID)
    high, low = _chances(base + delta, n1), _chances(base, n0)  # θ = +δ
    turned_high, turned_low = _chances(base, n1), _chances(base + delta, n0)  # θ = −δ
    cause = max(_most(extreme, high, low), _most(extreme, turned_high, turned_low))
    return min(1.0, cause), min(1.0, max(_most(under, high, low), _most(over, turned_high, turned_low)))


def _beside_a_vast_side(x: int, n: int, x_vast: int, n_vast: int, delta: float) -> tuple[float, float]:
    """Both p-values of the smaller side's binomial at the vast side's worst risk, and the chance that it lies beyond."""
    from scipy.special import bdtr, bdtrc, betaincinv

    low = float(betaincinv(x_vast, n_vast - x_vast + 1, _OUTSIDE / 2)) if x_vast else 0.0
    high = float(betaincinv(x_vast + 1, n_vast - x_vast, 1 - _OUTSIDE / 2)) if x_vast < n_vast else 1.0

    def at_least(risk: float) -> float:
        # no risk lies below nought: what asks for one cannot be
        return 0.0 if risk < 0 else 1.0 if x == 0 else float(bdtrc(x - 1, n, min(risk, 1.0)))

    def at_most(risk: float) -> float:
        return 0.0 if risk > 1 else float(bdtr(x, n, max(risk, 0.0)))

    cause = 2 * min(at_least(min(high + delta, 1.0)), at_most(max(low - delta, 0.0))) + _OUTSIDE
    return min(1.0, cause), min(1.0, max(at_most(low + delta), at_least(high - delta)) + _OUTSIDE)


def _chances(risk: np.ndarray, n: int) -> np.ndarray:
    """Rows: the binomial of n at each risk."""
    from scipy.special import gammaln, xlog1py, xlogy

    k = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    p = np.clip(risk, 0.0, 1.0)[:, None]
    return np.asarray(np.exp(ways + xlogy(k, p) + xlog1py(n - k, -p)))


def _most(region: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The largest chance of the region over the common risk."""
    return float(((one @ region) * other).sum(axis=1).max())

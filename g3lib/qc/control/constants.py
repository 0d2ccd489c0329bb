"""The constants of control charts, from their integrals: never from a rounded table.

A sample of n from a normal distribution with standard deviation σ has on average the range d2·σ, whose own
standard deviation is d3·σ, and the standard deviation c4·σ. Every factor of a printed table follows from
these three.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

import numpy as np

from g3lib.errors import DataError

# nodes enough for ten digits of d3 at n = 2 to 1,000 (a test holds it against the closed forms)
_NODES, _REACH = 200, 9.0
_LARGE = 1_000


def _sized(n: int) -> int:
    if n != int(n) or n < 2:
        raise DataError(f"A subgroup of {n} has no range; expected two values or more (I-MR takes single ones).")
    return int(n)


@cache
def d2(n: int) -> float:
    """The mean range of n values, in σ: ∫ 1 − (1 − Φ)ⁿ − Φⁿ.

    >>> round(d2(2), 6) == round(2 / math.pi**0.5, 6)
    True
    """
    from scipy.special import ndtr

    n = _sized(n)
    x, weight = _grid(-_REACH, _REACH)
    below = ndtr(x)
    return float(weight @ (1 - ndtr(-x) ** n - below**n))


@cache
def d3(n: int) -> float:
    """The standard deviation of the range of n values, in σ, from the range's distribution.

    E W² = 2 ∫ w (1 − F(w)) dw, with F(w) = n ∫ φ(x) [Φ(x + w) − Φ(x)]ⁿ⁻¹ dx.

    >>> round(d3(2), 6) == round((2 - 4 / math.pi) ** 0.5, 6)
    True
    """
    from scipy.special import ndtr

    n = _sized(n)
    x, wx = _grid(-_REACH, _REACH)
    w, ww = _grid(0.0, 2 * _REACH)
    density = wx * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    inside = n * (density @ (ndtr(x[:, None] + w) - ndtr(x)[:, None]) ** (n - 1))
    return math.sqrt(float(ww @ (2 * w * (1 - inside))) - d2(n) ** 2)


@cache
def c4(n: float) -> float:
    """The mean standard deviation of n values, in σ: √(2/(n−1)) Γ(n/2) / Γ((n−1)/2).

    >>> round(c4(5), 4)
    0.94
    """
    return math.sqrt(1 - c4_rest(n) ** 2)


@cache
def c4_rest(n: float) -> float:
    """The standard deviation of the standard deviation of n values, in σ: √(1 − c4²), to all digits however large n is.

    >>> round(c4_rest(1_000_000) * math.sqrt(2_000_000), 6)
    1.0
    """
    from scipy.special import gammaln

    if not n > 1:
        raise DataError(f"A subgroup of {n} has no standard deviation; expected two values or more.")
    if n < _LARGE:
        return math.sqrt(1 - 2 / (n - 1) * math.exp(2 * float(gammaln(n / 2) - gammaln((n - 1) / 2))))
    # the series of Γ's ratio in 1/n: there the difference from one is all that counts
    gap = 1 / (4 * n) + 7 / (32 * n**2) + 19 / (128 * n**3)
    return math.sqrt(gap * (2 - gap))


def factors(n: int) -> dict[str, float]:
    """The factors that books print for subgroups of n: A2, A3, D3, D4, B3, B4 (floored at 0), d2, d3, c4.

    >>> {name: round(value, 3) for name, value in factors(5).items()}["A2"]
    0.577
    """
    spread = c4_rest(n)
    return {
        "A2": 3 / (d2(n) * math.sqrt(n)),
        "A3": 3 / (c4(n) * math.sqrt(n)),
        "D3": max(0.0, 1 - 3 * d3(n) / d2(n)),
        "D4": 1 + 3 * d3(n) / d2(n),
        "B3": max(0.0, 1 - 3 * spread / c4(n)),
        "B4": 1 + 3 * spread / c4(n),
        "d2": d2(n),
        "d3": d3(n),
        "c4": c4(n),
    }


@lru_cache(maxsize=4096)
def equivalent_df(relative_variance: float) -> float:
    """The degrees of freedom of an s/c4 whose variance, in σ², is that of an estimator of σ.

    What Patnaik does for the mean range: ν with (1 − c4²) / c4² = relative variance, c4 at ν + 1.

    >>> round(equivalent_df(d3(5) ** 2 / (20 * d2(5) ** 2)), 1)   # 20 ranges of five; Patnaik prints 72.7
    72.7
    """
    from scipy.optimize import brentq

    def of(v: float) -> float:
        return (c4_rest(v + 1) / c4(v + 1)) ** 2

    if not 0 < relative_variance < of(1.0):
        return float("nan") if not relative_variance > 0 else 1.0
    return float(brentq(lambda v: of(v) - relative_variance, 1.0, 1 / relative_variance + 2))


@cache
def _grid(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return (high - low) / 2 * nodes + (high + low) / 2, (high - low) / 2 * weights

"""How values are spread, and how two of them go together: the histogram's bins by a named rule, the scatter's
r with its interval, ranks beside it, and what is left of it within strata.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from g3lib.errors import DataError, UsageError
from g3lib.measures.guards import numbers

_BINS = ("fd", "scott", "sturges")


@dataclass(frozen=True)
class Histogram:
    """Counts between edges, and the rule that set the edges."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    rule: str
    n: int
    missing: int


def histogram(values: pd.Series | np.ndarray | list[float], rule: str = "fd") -> Histogram:
    """Values in bins.

    Args:
        values: a column; missing ones are counted apart.
        rule: `fd` (Freedman and Diaconis 1981: 2 IQR / n^⅓), `scott` (3.49 s / n^⅓) or `sturges` (log₂ n + 1 bins). Where
            the middle half is one value `fd` has no width and gives a single bin.

    Raises:
        UsageError: another rule. DataError: no value.

    >>> histogram([1.0, 1.0, 1.0]).counts
    (3,)
    """
    if rule not in _BINS:
        raise UsageError(f"rule is {rule!r}; expected one of {', '.join(_BINS)}.")
    every = numbers(values)
    known = every[~np.isnan(every)]
    if not len(known):
        raise DataError("There is no value to lay out in bins.")
    counts, edges = np.histogram(known, bins=rule)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)), rule, len(known), len(every) - len(known))


@dataclass(frozen=True)
class Correlation:
    """How x and y go together: `r` and Spearman's over all, `within` over what is left inside strata.

    Intervals are Fisher's at 95 %; NaN where a side has no spread or there are too few. `within_error` is the jackknife's
    standard error of Fisher's z: much above 1 / √(n − 3) it says that a few far units carry r.
    """

    n: int
    r: float
    low: float
    high: float
    p: float
    spearman: float
    within: float
    within_low: float
    within_high: float
    within_error: float
    by_stratum: pd.DataFrame


def correlation(frame: pd.DataFrame, x: str, y: str, stratum: str | None = None) -> Correlation:
    """Pearson's r with Fisher's interval, Spearman's ρ, and the partial r given a stratum.

    The partial r correlates what is left of x and y once each stratum's mean is taken away; Fisher's standard
    error is 1 / √(n − 3 − (strata − 1)).

    Args:
        frame: one row a unit; rows with a missing x, y or stratum are left out.
        x, y, stratum: its columns.

    Returns:
        `by_stratum` has stratum, n, r, low, high, error (the jackknife's, of z).

    >>> two = pd.DataFrame({"x": [1, 2, 3, 11, 12, 13], "y": [3, 2, 1, 13, 12, 11], "s": list("aaabbb")})
    >>> found = correlation(two, "x", "y", "s")     # up between the strata, down within each
    >>> found.r > 0.9, round(found.within, 9)
    (True, -1.0)
    """
    columns = [x, y, *([stratum] if stratum else [])]
    known = frame[columns].dropna()
    values = known[[x, y]].astype(float)
    n = len(known)
    r = _r(values)
    low, high = _fisher(r, n - 3)
    strata = known.groupby(stratum, observed=True) if stratum else None
    left = values - strata[[x, y]].transform("mean") if strata is not None else values
    k = strata.ngroups if strata is not None else 1
    within = _r(left)
    rows = []
    for name, rows_of in strata if strata is not None else ():
        pairs = rows_of[[x, y]].astype(float)
        own = _r(pairs)
        named = name if not isinstance(name, tuple) else name[0]
        rows.append((named, len(pairs), own, *_fisher(own, len(pairs) - 3), _z_error(pairs)))
    return Correlation(
        n, r, low, high, _p(r, n - 2), _r(values.rank()), within, *_fisher(within, n - 3 - (k - 1)), _z_error(left),
        pd.DataFrame(rows, columns=["stratum", "n", "r", "low", "high", "error"]),
    )  # fmt: skip


def _r(pairs: pd.DataFrame) -> float:
    moved = pairs.to_numpy(float) - pairs.to_numpy(float).mean(axis=0) if len(pairs) else np.zeros((0, 2))
    squares = (moved**2).sum(axis=0) if len(pairs) else np.zeros(2)
    # what rounding leaves of a constant is no spread
    scale = (pairs.to_numpy(float) ** 2).sum(axis=0) if len(pairs) else np.ones(2)
    if len(pairs) < 2 or (squares <= 1e-24 * scale).any() or (squares == 0).any():
        return math.nan
    return float((moved[:, 0] * moved[:, 1]).sum() / math.sqrt(squares[0] * squares[1]))


def _z_error(pairs: pd.DataFrame) -> float:
    """The jackknife's standard error of Fisher's z, each unit left out in turn."""
    n, r = len(pairs), _r(pairs)
    if n < 4 or r != r:
        return math.nan
    x, y = (pairs.to_numpy(float) - pairs.to_numpy(float).mean(axis=0)).T
    # sums about the mean without one unit: what it gave, and what the mean's own move gave
    share = n / (n - 1)
    xx, yy, xy = ((a * b).sum() - share * a * b for a, b in ((x, x), (y, y), (x, y)))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.arctanh(np.clip(xy / np.sqrt(xx * yy), -0.999999, 0.999999))
    z = z[~np.isnan(z)]
    return float(np.sqrt((n - 1) / n * ((z - z.mean()) ** 2).sum()))


def _fisher(r: float, freedom: int) -> tuple[float, float]:
    if r != r or freedom < 1 or abs(r) >= 1:
        return math.nan, math.nan
    half = 1.959963984540054 / math.sqrt(freedom)
    return math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)


def _p(r: float, freedom: int) -> float:
    from scipy.special import stdtr

    if r != r or freedom < 1:
        return math.nan
    return 0.0 if abs(r) >= 1 else float(2 * stdtr(freedom, -abs(r) * math.sqrt(freedom / (1 - r * r))))

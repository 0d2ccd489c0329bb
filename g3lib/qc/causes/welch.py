"""The difference of means over strata with Welch's variances, and how skewed its error is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from g3lib.qc.causes.effects import NAN
from g3lib.qc.causes.layers import Layers

# from what skewness of the difference on, with its own error, the correction is a guess; sides of unlike shape, the small one
# of few units, make a false cause in up to 20 % of draws beyond
_SKEWED = 0.25
# a side's spread over strata is known from so many degrees of freedom on
_KNOWN = 10


@dataclass(frozen=True)
class Estimate:
    """θ, its standard error, Student's degrees of freedom, readings of its skewness, and why it cannot be had."""

    theta: float = NAN
    error: float = NAN
    df: float = math.inf
    skews: tuple[float, ...] = ()
    reason: str = ""


def welch(layers: Layers) -> Estimate:
    """The weighted difference of means, its standard error, Satterthwaite's degrees of freedom, and its skewness twice.

    Once by each side's own third moment, which few units know badly, and once by that of all units about their means.
    """
    if not layers.both.any():
        return Estimate()
    w = np.where(layers.both, layers.n1 * layers.n0 / np.maximum(layers.n1 + layers.n0, 1), 0.0)
    sides = ((layers.n1, layers.s1, layers.q1, layers.c1), (layers.n0, layers.s0, layers.q0, layers.c0))
    shape = _skewness(sides)
    parts, squares, own, pooled = [], [], 0.0, 0.0
    for way, (n, s, q, c), variance in zip((1, -1), sides, variances(layers), strict=True):
        part = w * w * variance / np.maximum(n, 1)
        parts.append(part)
        squares.append(part**2 / np.maximum(n - 1, 1))
        third = _cubes(n, s, q, c) * n / np.maximum((n - 1) * (n - 2), 1)
        own += way * float((w**3 * third / np.maximum(n, 1) ** 2).sum())
        pooled += way * shape * float((w**3 * variance**1.5 / np.maximum(n, 1) ** 2).sum())
    total = float(np.sum(parts))
    df = total**2 / float(np.sum(squares)) if np.sum(squares) > 0 else math.inf
    skews = (own / total**1.5, pooled / total**1.5) if total > 0 else ()
    return Estimate(layers.difference(), math.sqrt(total) / float(w.sum()), df, skews)


_Sums = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _cubes(n: np.ndarray, s: np.ndarray, q: np.ndarray, c: np.ndarray) -> np.ndarray:
    """The sum of cubes about each stratum's mean; none where fewer than three units have no shape."""
    mean = s / np.maximum(n, 1)
    return np.where(n > 2, c - 3 * mean * q + 2 * n * mean**3, 0.0)


def _skewness(sides: tuple[_Sums, _Sums]) -> float:
    """The skewness of a unit about the mean of its side and stratum."""
    cubes = sum(float(_cubes(*side).sum()) for side in sides)
    squares = sum(float((q - s * s / np.maximum(n, 1)).sum()) for n, s, q, _ in sides)
    free = sum(float(np.maximum(n - 1, 0).sum()) for n, *_ in sides)
    free_cubes = sum(float(np.where(n > 2, (n - 1) * (n - 2) / np.maximum(n, 1), 0.0).sum()) for n, *_ in sides)
    return cubes / free_cubes / (squares / free) ** 1.5 if free_cubes and squares > 0 else 0.0


def variances(layers: Layers) -> tuple[np.ndarray, np.ndarray]:
    """A unit's variance with and without the cause by stratum.

    A side of one unit has none of its own: it takes that of its side over the strata or, where that is larger, that of the
    stratum's other side; and where its side is hardly anywhere more than one unit, what the strata's differences scatter beyond
    the other side's part.
    """
    sides = ((layers.n1, layers.s1, layers.q1), (layers.n0, layers.s0, layers.q0))
    squares = [np.maximum(q - s * s / np.maximum(n, 1), 0.0) for n, s, q in sides]
    free = [np.maximum(n - 1, 0) for n, _, _ in sides]
    one, other = (np.where(f > 0, s / np.maximum(f, 1), np.nan) for s, f in zip(squares, free, strict=True))
    one, other = (
        np.where(np.isnan(v) & (f.sum() >= _KNOWN), np.fmax(s.sum() / max(f.sum(), 1), beside), v)
        for v, beside, s, f in zip((one, other), (other, one), squares, free, strict=True)
    )
    return _by_differences(one, other, layers), _by_differences(other, one, layers)


def _by_differences(lone: np.ndarray, other: np.ndarray, layers: Layers) -> np.ndarray:
    """The variance of a side where it is unknown: the squares of the strata's differences about theirs less the other side's."""
    unknown = np.isnan(lone) & layers.both
    n1, n0 = layers.n1[unknown], layers.n0[unknown]
    if len(n1) < 2:  # one stratum has nothing to differ from
        return np.where(np.isnan(lone), np.where(np.isnan(other), 0.0, other), lone)
    w, gap = n1 * n0 / (n1 + n0), layers.s1[unknown] / n1 - layers.s0[unknown] / n0
    square = len(w) / (len(w) - 1) * (gap - (w * gap).sum() / w.sum()) ** 2
    # where both sides are one unit each has half
    theirs = np.where(np.isnan(other[unknown]), square / 2, other[unknown] / np.maximum(n1, n0))
    value = float((w * w * (square - theirs)).sum() / (w * w).sum())
    # never less than chance could leave of it: half of what the other side has
    least = np.nanmean(other[unknown]) / 2 if not np.isnan(other[unknown]).all() else 0.0
    return np.where(np.isnan(lone), max(value, float(least), 0.0), lone)


def may_be_skewed(found: Estimate, layers: Layers) -> bool:
    """Whether the difference's skewness, or what the smaller side could not show of it, leaves the tests unsure."""
    if not found.skews or found.reason:
        return False
    of = (layers.n1, layers.n0)
    sides = [(layers.clusters[i].sum(axis=1) > 0).sum() for i in (0, 2)] if layers.clusters else [side.sum() for side in of]
    # a sample's own skewness has an error of √(6 / n), and that of its mean is it ÷ √n
    return max(map(abs, found.skews)) + 1.645 * math.sqrt(6) / float(min(sides)) > _SKEWED

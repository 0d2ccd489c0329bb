"""Units laid out by side, stratum and cluster: sums from which two groups are compared, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Layers:
    """Sums of the outcome by stratum (columns) for units with and without the cause, and by cluster where there is one.

    `n1`, `s1`, `q1`, `c1` are count, sum, and sums of squares and cubes with it, `n0`, `s0`, `q0`, `c0` without; `clusters`
    holds n1, s1, n0, s0 by cluster (rows) and stratum.
    """

    n1: np.ndarray
    s1: np.ndarray
    q1: np.ndarray
    c1: np.ndarray
    n0: np.ndarray
    s0: np.ndarray
    q0: np.ndarray
    c0: np.ndarray
    clusters: tuple[np.ndarray, ...] = ()
    within_clusters: bool = True

    @classmethod
    def of(cls, has: np.ndarray, y: np.ndarray, stratum: pd.Series | None, cluster: pd.Series | None) -> Layers:
        """The sums of known units.

        A unit whose stratum is unknown is compared with its like, not dropped.
        """
        layer, k = coded(stratum, len(y))
        without = ~has

        def summed(side: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
            return np.bincount(layer[side], None if weights is None else weights[side], k).astype(float)

        powers = (None, y, y * y, y * y * y)
        n1, s1, q1, c1 = (summed(has, power) for power in powers)
        n0, s0, q0, c0 = (summed(without, power) for power in powers)
        sums = cls(n1, s1, q1, c1, n0, s0, q0, c0)
        if cluster is None:
            return sums
        group, g = coded(cluster, len(y))
        both = group * k + layer

        def by_cluster(side: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
            return np.bincount(both[side], None if weights is None else weights[side], g * k).reshape(g, k).astype(float)

        parts = (by_cluster(has), by_cluster(has, y), by_cluster(without), by_cluster(without, y))
        has_it, lacks_it = parts[0].sum(axis=1) > 0, parts[2].sum(axis=1) > 0
        # one cluster with units of both kinds does not make the comparison one within clusters
        mixed = bool((has_it & lacks_it).sum() > has_it.sum() / 2)
        return replace(sums, clusters=parts, within_clusters=mixed)

    @property
    def both(self) -> np.ndarray:
        """The strata that have units on both sides."""
        return (self.n1 > 0) & (self.n0 > 0)

    def difference(self) -> float:
        """Σ w (ȳ₁ − ȳ₀) / Σ w with Mantel and Haenszel's weights w = n₁n₀ / (n₁ + n₀)."""
        return float(weighted(self.n1, self.s1, self.n0, self.s0))

    def jackknife(self) -> tuple[float, float, float]:
        """Standard error of `difference` over clusters, each left out in turn, its degrees of freedom and skewness.

        A cause that a cluster has as a whole is known no better than the fewer of both kinds of clusters, and unequal clusters
        no better than (Σ v)² / Σ v² equal ones (Bell and McCaffrey 2002), v what a cluster adds to the variance.
        """
        n1, s1, n0, s0 = self.clusters
        left = weighted(self.n1 - n1, self.s1 - s1, self.n0 - n0, self.s0 - s0)
        left = left[~np.isnan(left)]
        g = len(left)
        away = left.mean() - left if g else left
        squares = float((away**2).sum())
        error = float(np.sqrt((g - 1) / g * squares)) if g > 1 else float("nan")
        skew = float((away**3).sum()) / squares**1.5 if squares > 0 else 0.0
        sides = (n1.sum(axis=1) > 0).sum(), (n0.sum(axis=1) > 0).sum()
        n = np.maximum(self.n1 + self.n0, 1.0)
        with_it, without = np.where(self.both, self.n0 / n, 0.0), np.where(self.both, self.n1 / n, 0.0)
        v = (n1 @ with_it - n0 @ without) ** 2 + n1 @ with_it**2 + n0 @ without**2
        equal = float(v.sum() ** 2 / (v**2).sum()) if v.any() else 0.0
        return error, min(equal, g if self.within_clusters else float(min(sides))) - 1.0, skew


    def apart(self) -> float:
        """Whether the strata's differences are one and the same: the p of Hotelling's T² on their contrasts.

        Their covariance is the jackknife's over clusters. NaN where fewer than two strata compare, or clusters are too few for
        so many strata.
        """
        from scipy.stats import f

        n1, s1, n0, s0 = (part[:, self.both] for part in self.clusters)
        every = [v[self.both] for v in (self.n1, self.s1, self.n0, self.s0)]
        with np.errstate(divide="ignore", invalid="ignore"):
            left = (every[1] - s1) / (every[0] - n1) - (every[3] - s0) / (every[2] - n0)
        left = left[np.isfinite(left).all(axis=1)]
        g, k = left.shape
        freedom = g - k + 1
        if k < 2 or freedom < 1:
            return float("nan")
        gap = every[1] / every[0] - every[3] / every[2]
        contrasts = np.eye(k)[1:] - np.eye(k)[0]
        away = (left - left.mean(axis=0)) @ contrasts.T
        spread = (g - 1) / g * away.T @ away
        if np.linalg.matrix_rank(spread) < k - 1:
            return float("nan")
        told = contrasts @ gap
        t2 = float(told @ np.linalg.solve(spread, told))
        return float(f.sf(t2 * freedom / ((g - 1) * (k - 1)), k - 1, freedom))


def weighted(n1: np.ndarray, s1: np.ndarray, n0: np.ndarray, s0: np.ndarray) -> np.ndarray:
    """Mantel and Haenszel's difference of means over the last axis (strata); NaN where no stratum has both sides."""
    both = (n1 > 0) & (n0 > 0)
    n = np.where(both, n1 + n0, 1.0)
    top = np.where(both, (s1 * n0 - s0 * n1) / n, 0.0).sum(axis=-1)
    weight = np.where(both, n1 * n0 / n, 0.0).sum(axis=-1)
    return np.asarray(np.where(weight > 0, top / np.where(weight > 0, weight, 1.0), np.nan))


def coded(column: pd.Series | None, n: int) -> tuple[np.ndarray, int]:
    """Codes from 0 and how many there are; a missing value is a group of its own."""
    if column is None:
        return np.zeros(n, dtype=np.int64), 1
    codes, levels = pd.factorize(column, use_na_sentinel=False)
    return codes.astype(np.int64), max(len(levels), 1)

"""Units laid out by side, stratum and cluster: sums from which two groups are compared, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

# a stratum of so many units that are all of one kind is no chance
_NO_CHANCE = 20


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
        """The sums of known units."""
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

    def share(self, total: float, middle: float = 0.0) -> tuple[float, float]:
        """What the cause adds where it is, Σ n₁ (ȳ₁ − ȳ₀) over strata that have both sides, ÷ `total`; its error over clusters.

        The effect's own weights would count a stratum where few units have the cause as much as one where most do. The total is
        as uncertain as what is added: it is taken anew with each cluster left out. `middle` is what was taken from every value.
        NaN where there is no total, the error also where there are no clusters.
        """
        every = (self.n1, self.s1, self.n0, self.s0)
        share = float(_added(*every)) / total if total and self.both.any() else float("nan")
        if not self.clusters or share != share:
            return share, float("nan")
        n1, s1, n0, s0 = (whole - part for whole, part in zip(every, self.clusters, strict=True))
        totals = (s1 + s0 + middle * (n1 + n0)).sum(axis=-1)
        left = _added(n1, s1, n0, s0)[totals != 0] / totals[totals != 0]
        g = len(left)
        return share, float(np.sqrt((g - 1) / g * ((left - left.mean()) ** 2).sum())) if g > 1 else float("nan")


def _added(n1: np.ndarray, s1: np.ndarray, n0: np.ndarray, s0: np.ndarray) -> np.ndarray:
    """Σ n₁ (ȳ₁ − ȳ₀) over the last axis (strata)."""
    gap = s1 / np.maximum(n1, 1) - s0 / np.maximum(n0, 1)
    return np.asarray(np.where((n1 > 0) & (n0 > 0), n1 * gap, 0.0).sum(axis=-1))


def weighted(n1: np.ndarray, s1: np.ndarray, n0: np.ndarray, s0: np.ndarray) -> np.ndarray:
    """Mantel and Haenszel's difference of means over the last axis (strata); NaN where no stratum has both sides."""
    both = (n1 > 0) & (n0 > 0)
    n = np.where(both, n1 + n0, 1.0)
    top = np.where(both, (s1 * n0 - s0 * n1) / n, 0.0).sum(axis=-1)
    weight = np.where(both, n1 * n0 / n, 0.0).sum(axis=-1)
    return np.asarray(np.where(weight > 0, top / np.where(weight > 0, weight, 1.0), np.nan))


def coded(column: pd.Series | None, n: int) -> tuple[np.ndarray, int]:
    """Codes from 0 and how many there are; without a column all are one group, and a missing value is one of its own."""
    if column is None:
        return np.zeros(n, dtype=np.int64), 1
    codes, levels = pd.factorize(column, use_na_sentinel=False)
    return codes.astype(np.int64), max(len(levels), 1)


def that_compare(present: np.ndarray) -> np.ndarray:
    """Which strata (rows) take part: one that is all of one kind compares nothing, and small ones may be so by chance."""
    return np.asarray(((present > 0).sum(axis=1) > 1) | (present.sum(axis=1) < _NO_CHANCE))

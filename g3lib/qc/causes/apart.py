"""Whether strata tell one and the same effect: the p-value of no interaction of cause and stratum.

Few strata of units enough to know their own spread are held by it (Welch 1951, Johansen 1980); many, or small ones, by the
spread of their kind over all of them: the inverse of a variance of five units is no weight, and thirty of them are no test.
NaN where nothing can be compared.
"""

from __future__ import annotations

import numpy as np

from g3lib.qc.causes.effects import NAN
from g3lib.qc.causes.layers import Layers

# strata of more than so many, or of sides of fewer units, take the pooled spread
_MANY, _FEWEST = 10, 3
# risks of fewer units a side are compared only where such strata are many
FEWEST_RISKS = 5


def of_layers(layers: Layers) -> float:
    """The p of one and the same difference in every stratum that has both sides.

    Units that hang together would make chance look like difference: there clusters are what is counted.
    """
    if layers.clusters:
        return _of_nested(layers) if _nested(layers) else _hotelling(layers)
    keep = layers.both
    n1, s1, q1, n0, s0, q0 = (v[keep] for v in (layers.n1, layers.s1, layers.q1, layers.n0, layers.s0, layers.q0))
    if np.array_equal(s1, q1) and np.array_equal(s0, q0):  # yes and no: squares are themselves
        return of_risks(s1, n1, s0, n0)
    gap = s1 / n1 - s0 / n0
    squares = [np.maximum(q - s * s / n, 0.0) for n, s, q in ((n1, s1, q1), (n0, s0, q0))]
    free = [n1 - 1, n0 - 1]
    parts = [q / np.maximum(f, 1) / n for q, f, n in zip(squares, free, (n1, n0), strict=True)]
    each = parts[0] + parts[1]
    # a thin stratum is left out: it would throw all others onto one spread
    own = (np.minimum(n1, n0) >= _FEWEST) & (each > 0)
    if own.sum() > 1 and len(gap) - (~own).sum() <= _MANY:
        spread = parts[0][own] ** 2 / free[0][own] + parts[1][own] ** 2 / free[1][own]
        return _welch(gap[own], each[own], each[own] ** 2 / spread)
    if not (free[0].sum() > 0 and free[1].sum() > 0):
        return NAN
    whole = [float(q.sum() / f.sum()) for q, f in zip(squares, free, strict=True)]
    mean = [float((v / n).mean()) for v, n in zip(whole, (n1, n0), strict=True)]
    spread = sum(m * m / float(f.sum()) for m, f in zip(mean, free, strict=True))
    return _pooled(gap, whole[0] / n1 + whole[1] / n0, sum(mean) ** 2 / spread if spread > 0 else NAN)


def of_risks(x1: np.ndarray, n1: np.ndarray, x0: np.ndarray, n0: np.ndarray) -> float:
    """The p of one and the same risk difference: each stratum's variance is that of risks which differ by the common one.

    A risk's own variance follows its error, and would weigh a side of few units by chance. The sum is that of a χ² with its
    mean and the variance that the binomials' kurtosis gives it. Strata with a single unit a side tell nothing, a few of a
    handful of units hardly more.
    """
    from scipy.special import chdtrc

    keep = tells_of_risks(n1, n0)
    x1, n1, x0, n0 = x1[keep], n1[keep], x0[keep], n0[keep]
    if len(n1) < 2:
        return NAN
    n, gap, w = n1 + n0, x1 / n1 - x0 / n0, n1 * n0 / (n1 + n0)
    theta = float((w * gap).sum() / w.sum())
    usual = float((x1 + x0 - theta * n1).sum() / n.sum())  # a unit of it draws each stratum's risk towards that of all
    p0 = np.clip((x1 + x0 - theta * n1 + usual) / (n + 1), max(0.0, -theta), min(1.0, 1 - theta))
    p1 = np.clip(p0 + theta, 0.0, 1.0)
    one, other = p1 * (1 - p1), p0 * (1 - p0)
    variance = one / n1 + other / n0
    known = variance > 1e-12
    if known.sum() < 2:
        return NAN
    one, other, n1, n0, n, gap, variance = (v[known] for v in (one, other, n1, n0, n, gap, variance))
    kurtosis = (one * (1 - 6 * one) / n1**3 + other * (1 - 6 * other) / n0**3) / variance**2
    q, freedom = _scatter(gap, (n - 1) / n / variance), len(gap) - 1
    matched = 2 * freedom * len(gap) / float(np.maximum(2 + kurtosis, 0.2).sum())
    return float(chdtrc(matched, q * matched / freedom))


def tells_of_risks(n1: np.ndarray, n0: np.ndarray) -> np.ndarray:
    """Which strata have enough units a side to be compared by their risks, themselves or because they are many."""
    fewest = np.minimum(n1, n0)
    small = (fewest >= 2) & (fewest < FEWEST_RISKS)
    return np.asarray((fewest >= FEWEST_RISKS) | (small & (small.sum() >= _MANY)))


def of_cells(y: np.ndarray, code: np.ndarray, k: int, layer: np.ndarray, s: int) -> float:
    """The p that kinds differ alike in every stratum: cells' means against kind + stratum."""
    cell = layer * k + code
    n = np.bincount(cell, minlength=s * k).astype(float)
    mean = np.bincount(cell, y, s * k) / np.maximum(n, 1)
    squares = np.bincount(cell, (y - mean[cell]) ** 2, s * k)
    return of_sums(*(v.reshape(s, k) for v in (n, mean, squares)))


def of_sums(n: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> float:
    """The same of units, means and squares about them by stratum (rows) and kind."""
    s, k = n.shape
    stratum, kind = np.nonzero(n)
    n, mean, squares = n[stratum, kind], mean[stratum, kind], squares[stratum, kind]
    if s < 2 or not len(n):
        return NAN
    own = (n >= _FEWEST) & (squares > 0)
    solid = np.bincount(stratum[own], minlength=s)
    # thin cells are left out where enough others tell: they would throw all onto one spread
    pooled = own.sum() > _MANY * k or (solid > 1).sum() < 2
    if not pooled:
        own &= solid[stratum] > 1
        stratum, kind, n, mean, squares = (v[own] for v in (stratum, kind, n, mean, squares))
    free = n - 1
    if pooled:
        by_kind = [np.bincount(kind, v, k) for v in (squares, free)]
        if not (by_kind[1] > 0).all() or not (by_kind[0] > 0).all():
            return NAN
        variance = (by_kind[0] / by_kind[1])[kind] / n
    else:
        variance = squares / free / n
    return _interaction(mean, variance, free, stratum, kind, pooled)


def _interaction(
    mean: np.ndarray, variance: np.ndarray, free: np.ndarray, stratum: np.ndarray, kind: np.ndarray, pooled: bool
) -> float:
    """Johansen's test that means are kind + stratum; with one spread a kind F with the degrees of freedom of them all."""
    from scipy.special import fdtrc

    w, (_, stratum) = 1 / variance, np.unique(stratum, return_inverse=True)
    whole = np.bincount(stratum, w)

    def within(v: np.ndarray) -> np.ndarray:
        return np.asarray(v - (np.bincount(stratum, w * v) / whole)[stratum])

    # strata are taken out first, so that thousands of them cost no more than a few
    y, x = within(mean), np.column_stack([within((kind == one).astype(float)) for one in np.unique(kind)])
    gram = (x * w[:, None]).T @ x
    solved = np.linalg.pinv(gram, rcond=1e-10, hermitian=True)
    freedom = len(mean) - len(whole) - int(np.linalg.matrix_rank(gram, tol=1e-10 * gram.max(), hermitian=True))
    if freedom < 1:
        return NAN
    q = float((w * (y - x @ (solved @ (x.T @ (w * y)))) ** 2).sum())
    if pooled:
        return float(fdtrc(freedom, float(free.sum()), q / freedom))
    left = 1 - w / whole[stratum] - w * np.einsum("ij,jk,ik->i", x, solved, x)
    lack = float((left**2 / free).sum())
    return float(fdtrc(freedom, freedom * (freedom + 2) / (3 * lack), q / (freedom + 2 * lack - 6 * lack / (freedom + 2))))


def _nested(layers: Layers) -> bool:
    """Whether every cluster lies within one stratum."""
    return bool(((layers.clusters[0] + layers.clusters[2] > 0).sum(axis=1) == 1).all())


def _of_nested(layers: Layers) -> float:
    """Clusters within strata: each stratum's difference has a variance of its own, by leaving its clusters out in turn."""
    mine = layers.both
    n1, s1, n0, s0 = (part[:, mine] for part in layers.clusters)
    here = (n1 + n0) > 0
    gap, each, free, size = [], [], [], []
    for k, own in enumerate(here.T):
        parts = [part[own, k] for part in (n1, s1, n0, s0)]
        left = [part.sum() - part for part in parts]
        if own.sum() < 2 or not ((left[0] > 0) & (left[2] > 0)).all():
            continue
        away = left[1] / left[0] - left[3] / left[2]
        g = len(away)
        gap.append(parts[1].sum() / parts[0].sum() - parts[3].sum() / parts[2].sum())
        each.append((g - 1) / g * float(((away - away.mean()) ** 2).sum()))
        # a cause that a cluster has as a whole is known no better than the fewer of both kinds of clusters
        sides = [int((part > 0).sum()) for part in (parts[0], parts[2])]
        free.append(g - 1 if layers.within_clusters else min(sides) - 1)
        size.append(g if layers.within_clusters else 1 / (1 / sides[0] + 1 / sides[1]))
    differs, variance, freedom, clusters = (np.array(v, dtype=float) for v in (gap, each, free, size))
    if len(differs) < 2:
        return NAN
    if len(differs) <= _MANY and freedom.min() > _FEWEST and (variance > 0).all():
        return _welch(differs, variance, freedom)
    pooled = float((variance * clusters * freedom).sum() / freedom.sum())
    return _pooled(differs, pooled / clusters, float(freedom.sum()))


def _hotelling(layers: Layers) -> float:
    """Clusters across strata: Hotelling's T² on the contrasts of the strata's differences, their covariance the jackknife's.

    NaN where clusters are too few for so many strata.
    """
    from scipy.special import fdtrc

    n1, s1, n0, s0 = (part[:, layers.both] for part in layers.clusters)
    every = [v[layers.both] for v in (layers.n1, layers.s1, layers.n0, layers.s0)]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = (every[1] - s1) / (every[0] - n1) - (every[3] - s0) / (every[2] - n0)
    stays = np.isfinite(left).all(axis=0)  # a stratum that hangs on one cluster has no variance by leaving it out
    left, k = left[:, stays], int(stays.sum())
    # as many clusters as the difference itself is known by (`Layers.jackknife`)
    g, known = len(left), layers.jackknife()[1] + 1
    freedom = known - k + 1
    if k < 2 or freedom < 1:
        return NAN
    gap = (every[1] / every[0] - every[3] / every[2])[stays]
    contrasts = np.eye(k)[1:] - np.eye(k)[0]
    away = (left - left.mean(axis=0)) @ contrasts.T
    spread = (g - 1) / g * away.T @ away
    if np.linalg.matrix_rank(spread) < k - 1:
        return NAN
    told = contrasts @ gap
    t2 = float(told @ np.linalg.solve(spread, told))
    return float(fdtrc(k - 1, freedom, t2 * freedom / ((known - 1) * (k - 1))))


def welch(mean: np.ndarray, variance: np.ndarray, free: np.ndarray) -> tuple[float, float]:
    """Welch's F that two or more means with variances and degrees of freedom of their own are one and the same; its second df."""
    k, w = len(mean), 1 / variance
    lack = float(((1 - w / w.sum()) ** 2 / free).sum())
    return _scatter(mean, w) / (k - 1) / (1 + 2 * (k - 2) / (k * k - 1) * lack), (k * k - 1) / (3 * lack)


def _welch(gap: np.ndarray, variance: np.ndarray, free: np.ndarray) -> float:
    """The p of the same."""
    from scipy.special import fdtrc

    f, df2 = welch(gap, variance, free)
    return float(fdtrc(len(gap) - 1, df2, f))


def _scatter(value: np.ndarray, weight: np.ndarray) -> float:
    """Σ w (x − x̄)² about the weighted mean: Cochran's Q where weights are the inverse of variances."""
    return float((weight * (value - (weight * value).sum() / weight.sum()) ** 2).sum())


def _pooled(gap: np.ndarray, variance: np.ndarray, freedom: float) -> float:
    """The same of variances that share one estimate."""
    from scipy.special import fdtrc

    k = len(gap)
    if k < 2 or not freedom > 0 or not (variance > 0).all():
        return NAN
    return float(fdtrc(k - 1, freedom, _scatter(gap, 1 / variance) / (k - 1)))


def cochran(difference: np.ndarray, variance: np.ndarray) -> float:
    """The p-value of Cochran's Q of differences with known variances; NaN with fewer than two that vary."""
    from scipy.special import chdtrc

    known = variance > 0
    if known.sum() < 2:
        return NAN
    return float(chdtrc(known.sum() - 1, _scatter(difference[known], 1 / variance[known])))

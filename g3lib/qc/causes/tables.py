"""A table of kinds by kinds: χ² with Cramér's V, against δ by the scatter of V² itself (`parts.Part`).

Where an expected count is below five both tests are made by drawing tables from the boundary instead.
"""

from __future__ import annotations

import math

import numpy as np

from g3lib.measures.draws import generator
from g3lib.qc.causes import apart
from g3lib.qc.causes.effects import NAN, Asked, Effect
from g3lib.qc.causes.layers import coded, that_compare
from g3lib.qc.causes.parts import Part, moments

_SMALLEST_EXPECTED = 5.0
_FEWEST = 10
_MOST_CELLS = 600
_DRAWS = 20_000


def table(asked: Asked) -> Effect:
    """A table of r × c: Cramér's V, within strata by the general association of Cochran, Mantel and Haenszel.

    Args:
        asked: measure and outcome are kinds; δ is a V.

    Returns:
        An `Effect` with share V² (of variation); reason `one_sided`, `no_spread` (one kind of outcome), `no_overlap` (no stratum
        tells the kinds apart), or `too_few` (fewer than ten units, or, within strata, an expected count below 5: there no
        exact test is made).
    """
    a, r = coded(asked.measure, len(asked.measure))
    b, c = coded(asked.outcome, len(asked.outcome))
    layer, s = coded(asked.stratum, len(a))
    n, m = len(a), min(r, c) - 1
    if n == 0 or m < 1:
        return Effect(test="chi_squared", units=n, share_of="variation", reason="no_spread" if n and r > 1 else "one_sided")
    counts = np.bincount((layer * r + a) * c + b, minlength=s * r * c).reshape(s, r, c).astype(float)
    whole = counts.sum(axis=0, keepdims=True)
    expected = _expected(whole)[0]
    small = bool((expected < _SMALLEST_EXPECTED).any())
    flat = _part(whole, _Flat)
    crude = math.sqrt(flat.size / m)
    low_crude, high_crude = _interval(flat, m)
    compares = that_compare(counts.sum(axis=2))
    within = flat if s == 1 else _part(counts[compares], _Stratified)
    reason = "too_few" if n < _FEWEST or (small and s > 1) else "" if within.size == within.size else "no_overlap"
    if reason:
        return Effect(test="chi_squared", units=n, crude=crude, low_crude=low_crude, high_crude=high_crude, share_of="variation",
                      reason=reason)  # fmt: skip
    edge = m * asked.delta**2
    twice = 4 * edge if asked.delta < 0.5 else math.inf
    p_cause, p_no_cause = _monte_carlo(whole[0], edge) if small else within.against(edge)
    v, (low, high) = min(1.0, math.sqrt(within.size / m)), _interval(within, m)
    test = "monte_carlo" if small else "chi_squared" if s == 1 else "general_association"
    return Effect(
        test=test, units=n, effect=v, low=low, high=high, crude=crude, low_crude=low_crude, high_crude=high_crude,
        p_heterogeneity=_heterogeneity(counts), p_cause=p_cause, p_no_cause=p_no_cause,
        share=v * v, share_low=low**2, share_high=high**2, share_of="variation",
        needed=float(np.ceil(n / within.n * within.needed(edge, twice, asked.level, r * c))),
    )  # fmt: skip


def _expected(counts: np.ndarray) -> np.ndarray:
    """Counts by stratum, row and column if rows and columns went their own ways in each stratum."""
    n = np.maximum(counts.sum(axis=(1, 2), keepdims=True), 1.0)
    return np.asarray(counts.sum(axis=2, keepdims=True) * counts.sum(axis=1, keepdims=True) / n)


def _part(counts: np.ndarray, of: type[_Flat] | type[_Stratified]) -> Part:
    """χ² ÷ n of the table, and how it scatters: by the slope of the statistic in each cell (delta method)."""
    n, (r, c) = counts.sum(), counts.shape[1:]
    statistic, filled = of(counts), np.argwhere(counts)
    slopes = np.zeros(len(filled))
    # one more, and one less unit in the cell (less than one where there is but one)
    for i, cell in enumerate(map(tuple, filled)):
        step = min(1.0, counts[cell] / 2)
        slopes[i] = n * (statistic.moved(cell, step) - statistic.moved(cell, -step)) / (2 * step)
    free, whole = float((r - 1) * (c - 1)), _whole(counts)
    nothing, weight = np.zeros(len(filled)), counts[tuple(filled.T)]
    return Part(int(n), statistic.size(), 1.0, whole * free, whole**2 * free, moments(slopes, nothing, weight))


def _whole(counts: np.ndarray) -> float:
    """What a stratum's own margins take from the statistic ÷ n, put back: of strata of two units half."""
    per = counts.sum(axis=(1, 2))
    return _put_back(float(per.sum()), float((per > 0).sum()))


def _put_back(n: float, strata: float) -> float:
    return (n - 1) / max(n - strata, 1.0)


def _phi_squared(counts: np.ndarray) -> float:
    expected = _expected(counts)
    return float(((counts - expected) ** 2 / np.maximum(expected, 1e-300)).sum() / counts.sum())


class _Flat:
    """φ² of one table, and with some more in a cell."""

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts

    def size(self) -> float:
        return _phi_squared(self._counts)

    def moved(self, cell: tuple[int, ...], by: float) -> float:
        turned = self._counts.copy()
        turned[cell] += by
        return _phi_squared(turned)


class _Stratified:
    """Cochran, Mantel and Haenszel's statistic over strata ÷ n (Landis, Heyman and Koch 1978), the margins' part put back.

    It is of sums over strata: with some more in a cell only the cell's own stratum is taken anew.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._counts = counts
        self._apart, self._spread = self._by_stratum(counts)
        self._sums = self._apart.sum(axis=0), self._spread.sum(axis=0)
        per = counts.sum(axis=(1, 2))
        self._n, self._strata = float(per.sum()), float((per > 0).sum())

    def size(self) -> float:
        return self._of(*self._sums, self._n)

    def moved(self, cell: tuple[int, ...], by: float) -> float:
        k, own = cell[0], self._counts[cell[0]].copy()
        own[cell[1:]] += by
        apart, spread = self._by_stratum(own[None])
        return self._of(self._sums[0] - self._apart[k] + apart[0], self._sums[1] - self._spread[k] + spread[0], self._n + by)

    def _of(self, apart: np.ndarray, spread: np.ndarray, n: float) -> float:
        if np.linalg.matrix_rank(spread) < len(apart):
            return NAN
        return float(apart @ np.linalg.solve(spread, apart)) / n * _put_back(n, self._strata)

    @staticmethod
    def _by_stratum(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each stratum's counts less those expected, all rows and columns but the last, and their covariance."""
        s, r, c = counts.shape
        n = counts.sum(axis=(1, 2))
        rows, columns = (counts.sum(axis=axis)[:, :-1] / np.maximum(n, 1)[:, None] for axis in (2, 1))
        # either side is multinomial: diag(p) − pp′; fewer than two units have none
        one, other = (side[:, :, None] * (np.eye(side.shape[1]) - side[:, None, :]) for side in (rows, columns))
        scale = np.where(n >= 2, n * n / np.maximum(n - 1, 1), 0.0)
        spread = np.einsum("s,sij,skl->sikjl", scale, one, other).reshape(s, (r - 1) * (c - 1), (r - 1) * (c - 1))
        return ((counts - _expected(counts))[:, :-1, :-1] * (n >= 2)[:, None, None]).reshape(s, -1), spread


def _interval(part: Part, m: int) -> tuple[float, float]:
    if part.size != part.size:
        return NAN, NAN
    low, high = part.interval()
    return math.sqrt(low / m), min(1.0, math.sqrt(high / m))


def _heterogeneity(counts: np.ndarray) -> float:
    """The p-value of no three-way interaction: χ² against the table fitted to all its margins of two."""
    from scipy.special import chdtrc

    counts = counts[counts.sum(axis=(1, 2)) > 0]
    s, r, c = counts.shape
    if s < 2:
        return NAN
    fit = np.ones_like(counts)
    for _ in range(200):
        before = fit.copy()
        for axis in range(3):
            margin, own = counts.sum(axis=axis, keepdims=True), fit.sum(axis=axis, keepdims=True)
            fit = fit * np.where(own > 0, margin / np.where(own > 0, own, 1.0), 0.0)
        if np.abs(fit - before).max() < 1e-8 * counts.sum():
            break
    known, c_max = np.argwhere(fit > 1e-9), max(r, c)
    if len(known) > _MOST_CELLS or counts.sum() < _SMALLEST_EXPECTED * len(known):
        return _sparse(counts)
    # an empty margin takes its own degrees of freedom with it: cells less the rank of all margins of two
    pairs = [known[:, one] * c_max + known[:, other] for one, other in ((0, 1), (0, 2), (1, 2))]
    design = np.hstack([(pair[:, None] == np.unique(pair)).astype(float) for pair in pairs])
    freedom = len(known) - int(np.linalg.matrix_rank(design))
    there = fit > 1e-9
    return float(chdtrc(freedom, ((counts - fit)[there] ** 2 / fit[there]).sum())) if freedom > 0 else NAN


def _sparse(counts: np.ndarray) -> float:
    """The same of small strata: each outcome's part against kind + stratum (`apart.of_sums`), the surest of them."""
    n = counts.sum(axis=2)
    levels = range(counts.shape[2]) if counts.shape[2] > 2 else (0,)
    found = []
    for level in levels:
        part = counts[:, :, level] / np.maximum(n, 1)
        found.append(apart.of_sums(n, part, n * part * (1 - part)))
    known = [p for p in found if p == p]
    return min(1.0, len(known) * min(known)) if known else NAN


def _monte_carlo(counts: np.ndarray, edge: float) -> tuple[float, float]:
    """Both p-values by tables drawn where V is exactly δ: going together as seen, or the opposite way; the larger of both."""
    n, independent = counts.sum(), _expected(counts[None])[0]
    seen = _phi_squared(counts[None])
    rng = generator(f"{counts.tolist()}{edge}".encode())
    way = counts / n - independent / n
    if seen < 1e-12:  # no way of its own: a corner's
        way[:2, :2] = np.array([[1, -1], [-1, 1]]) * independent[:2, :2].min() / n
    out = []
    for p in (_at(independent / n, sign * way, edge) for sign in (1, -1)):
        draws = rng.multinomial(int(n), p.ravel(), _DRAWS).reshape(-1, *counts.shape).astype(float)
        expected = _expected(draws)
        sizes = ((draws - expected) ** 2 / np.where(expected > 0, expected, 1.0)).sum(axis=(1, 2)) / n
        out.append(((sizes >= seen - 1e-9).sum() + 1, (sizes <= seen + 1e-9).sum() + 1))
    more, fewer = (max(column) / (_DRAWS + 1) for column in zip(*out, strict=True))
    return float(more), float(fewer)


def _at(independent: np.ndarray, way: np.ndarray, edge: float) -> np.ndarray:
    """The table so far along a way from independence that its φ² is `edge`; the farthest where none is so strong."""
    from scipy.optimize import brentq

    def table(far: float) -> np.ndarray:
        out = np.maximum(independent + far * way, 0.0)
        return np.asarray(out / out.sum())

    def lacks(far: float) -> float:
        return _phi_squared(table(far)[None]) - edge

    top = 1.0
    while lacks(top) < 0 and top < 1e3:
        top *= 2
    return table(float(brentq(lacks, 0.0, top)) if lacks(top) > 0 else top)

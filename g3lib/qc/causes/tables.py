"""A table of kinds by kinds: χ² with Cramér's V, against δ by the noncentral χ² and by V²'s own scatter, the larger p of both."""

from __future__ import annotations

import math

import numpy as np

from g3lib.measures.draws import generator
from g3lib.qc.causes.effects import NAN, Asked, Effect, searched
from g3lib.qc.causes.layers import coded

_SMALLEST_EXPECTED = 5.0
_DRAWS = 20_000


def table(asked: Asked) -> Effect:
    """A table of r × c: Cramér's V, within strata by the general association of Cochran, Mantel and Haenszel.

    Args:
        asked: measure and outcome are kinds; δ is a V.

    Returns:
        An `Effect` with share V² (of variation); reason `one_sided`, `too_few` (an expected count below 1, or more than
        a fifth of them below 5). With any below 5 the permutation test must say so too.
    """
    a, r = coded(asked.measure, len(asked.measure))
    b, c = coded(asked.outcome, len(asked.outcome))
    layer, s = coded(asked.stratum, len(a))
    n, df, m = len(a), (r - 1) * (c - 1), min(r, c) - 1
    if n == 0 or m < 1:
        return Effect("chi_squared", n, share_of="variation", reason="one_sided")
    counts = np.bincount((layer * r + a) * c + b, minlength=s * r * c).reshape(s, r, c).astype(float)
    whole = counts.sum(axis=0)
    expected = whole.sum(axis=1, keepdims=True) * whole.sum(axis=0, keepdims=True) / n
    crude = math.sqrt(float(((whole - expected) ** 2 / expected).sum()) / n / m)
    if expected.min() < 1 or (expected < _SMALLEST_EXPECTED).mean() > 0.2:
        return Effect("chi_squared", n, crude=crude, share_of="variation", reason="too_few")
    statistic = crude**2 * n * m if s == 1 else _general_association(counts)
    if not statistic >= 0:
        return Effect("chi_squared", n, crude=crude, share_of="variation", reason="no_overlap")
    v = math.sqrt(statistic / n / m)
    p_cause, p_no_cause = _against_v(statistic, df, n, m, asked.delta, whole if s == 1 else None)
    small = bool((expected < _SMALLEST_EXPECTED).any())
    if small:
        p_cause = max(p_cause, _permuted(a, b, r, c, crude**2 * n * m))
    low, high = _v_interval(statistic, df, n, m)
    low_crude, high_crude = _v_interval(crude**2 * n * m, df, n, m)
    test = "permutation" if small else "chi_squared" if s == 1 else "general_association"
    return Effect(
        test, n, v, low, high, crude, low_crude, high_crude,
        p_cause=p_cause, p_no_cause=p_no_cause, share=v * v, share_low=low**2, share_high=high**2, share_of="variation",
        needed=_needed(df, m, asked),
    )  # fmt: skip


def _against_v(statistic: float, df: int, n: int, m: int, delta: float, whole: np.ndarray | None) -> tuple[float, float]:
    """p against V ≤ δ and V ≥ δ: by the noncentral χ², and by V²'s own scatter where it is known: the larger of both."""
    from scipy.special import ndtr
    from scipy.stats import ncx2

    edge = n * m * delta**2
    cause, no_cause = float(ncx2.sf(statistic, df, edge)), float(ncx2.cdf(statistic, df, edge))
    if whole is not None:
        error = _phi_error(whole / n) / math.sqrt(n)
        if error > 0:
            z = ((statistic - df) / n - m * delta**2) / error
            cause, no_cause = max(cause, float(ndtr(-z))), max(no_cause, float(ndtr(z)))
    return cause, no_cause


def _phi_error(p: np.ndarray) -> float:
    """The standard deviation of √n φ̂² by the delta method (Bishop, Fienberg and Holland 1975)."""
    rows, columns = p.sum(axis=1, keepdims=True), p.sum(axis=0, keepdims=True)
    across = (p**2 / rows / columns).sum(axis=1, keepdims=True) / rows
    down = (p**2 / rows / columns).sum(axis=0, keepdims=True) / columns
    slope = 2 * p / (rows * columns) - across - down
    mean = float((p * slope).sum())
    return math.sqrt(max(0.0, float((p * slope**2).sum()) - mean**2))


def _general_association(counts: np.ndarray) -> float:
    """Cochran, Mantel and Haenszel's statistic for two nominal columns over strata (Landis, Heyman and Koch 1978)."""
    r, c = counts.shape[1:]
    total, covariance = np.zeros((r - 1) * (c - 1)), np.zeros(((r - 1) * (c - 1),) * 2)
    for one in counts:
        n = one.sum()
        if n < 2:
            continue
        rows, columns = one.sum(axis=1) / n, one.sum(axis=0) / n
        total += (one - n * np.outer(rows, columns))[:-1, :-1].ravel()
        spread = [np.diag(side[:-1]) - np.outer(side[:-1], side[:-1]) for side in (rows, columns)]
        covariance += n * n / (n - 1) * np.kron(*spread)
    if np.linalg.matrix_rank(covariance) < len(total):
        return NAN
    return float(total @ np.linalg.solve(covariance, total))


def _permuted(a: np.ndarray, b: np.ndarray, r: int, c: int, statistic: float) -> float:
    """The permutation p of χ²: the margins stay, the outcomes are dealt anew."""
    from scipy.stats import random_table

    rows, columns = np.bincount(a, minlength=r), np.bincount(b, minlength=c)
    draws = random_table(rows, columns).rvs(_DRAWS, random_state=generator(f"{rows}{columns}".encode()))
    expected = np.outer(rows, columns) / len(a)
    dealt = ((draws - expected) ** 2 / expected).sum(axis=(1, 2))
    return float(((dealt >= statistic - 1e-9).sum() + 1) / (_DRAWS + 1))


def _v_interval(statistic: float, df: int, n: int, m: int) -> tuple[float, float]:
    """95 % for V by the noncentral χ² (λ at which the statistic seen is at either end)."""
    from scipy.special import chndtrinc

    def end(tail: float) -> float:
        found = float(chndtrinc(statistic, df, tail))
        return math.sqrt((found if found > 1e-9 else 0.0) / n / m)  # NaN and what rounding leaves are nought

    return end(0.975), min(1.0, end(0.025))


def _needed(df: int, m: int, asked: Asked) -> float:
    from scipy.stats import ncx2

    def power(n: int) -> float:
        edge = n * m * asked.delta**2
        found = ncx2.sf(ncx2.isf(asked.level, df, edge), df, 4 * edge)
        none = ncx2.cdf(ncx2.ppf(asked.level, df, edge), df, 1e-12)
        return float(min(found, none))

    return searched(power, df + 2)

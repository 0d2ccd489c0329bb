"""A number against kinds, or against another number: how much of its variation goes with the cause.

k groups: Welch's analysis of variance with η², or on ranks with ε² (Kruskal and Wallis's H ÷ (n − 1) is η² of the ranks),
against δ by the noncentral F at the boundary. Two numbers: r by Fisher's z. Strata are taken out first.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from g3lib.qc.causes.effects import NAN, Asked, Effect, p_values, searched
from g3lib.qc.causes.layers import coded

_NEARLY_ONE = 0.999999
_FEWEST_A_KIND = 6


def variation(asked: Asked, ranks: bool) -> Effect:
    """The part of the outcome's variance that goes with the kind: η², or ε² on ranks.

    Args:
        asked: measure is a kind, outcome a number; δ is a part of its variance.
        ranks: Kruskal–Wallis instead of Welch.

    Returns:
        An `Effect`; reason `one_sided` (one kind), `no_spread`, or `too_few` (a kind of fewer than six units, or whose
        units are all alike: it does not know its own spread).
    """
    test = "kruskal" if ranks else "welch_anova"
    y = asked.outcome.to_numpy(float)
    code, k = coded(asked.measure, len(y))
    layer, s = coded(asked.stratum, len(y))
    if ranks:
        from scipy.stats import rankdata

        values = rankdata(y)
    else:
        values = y
    n, counts = len(values), np.bincount(code, minlength=k)
    if n == 0 or k < 2 or np.ptp(values) == 0 or counts.min() < _FEWEST_A_KIND or _alike(values, code, k):
        reason = "one_sided" if k < 2 or n == 0 else "no_spread" if np.ptp(values) == 0 else "too_few"
        return Effect(test, n, share_of="variation", reason=reason)
    crude = _eta(values, code, k)
    f, df2, eta = _robust_f(values, code, k, layer, s)
    df1 = k - 1
    if not f >= 0:
        return Effect(test, n, crude=crude, share_of="variation", reason="no_overlap")
    p_cause, p_no_cause = _against(f, df1, df2, n * asked.delta / (1 - asked.delta))
    if ranks:
        p_cause = max(p_cause, _kruskal(values, code, k))
    low, high = _eta_interval(f, df1, df2, n)
    return Effect(
        test, n, eta, low, high, crude, *_eta_interval(_robust_f(values, code, k, np.zeros_like(layer), 1)[0], df1, df2, n),
        p_cause=p_cause, p_no_cause=p_no_cause, share=eta, share_low=low, share_high=high, share_of="variation",
        needed=_needed(df1, s, asked),
    )  # fmt: skip


def _alike(y: np.ndarray, code: np.ndarray, k: int) -> bool:
    """Whether some kind has one value only."""
    return any(np.ptp(y[code == kind]) == 0 for kind in range(k))


def _eta(y: np.ndarray, code: np.ndarray, k: int) -> float:
    n = np.bincount(code, minlength=k)
    means = np.bincount(code, y, k) / np.maximum(n, 1)
    return float((n * (means - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def _robust_f(y: np.ndarray, code: np.ndarray, k: int, layer: np.ndarray, s: int) -> tuple[float, float, float]:
    """F of the kinds given the strata, its denominator's degrees of freedom, and the partial η².

    Without strata Welch's F. With them the kinds' dummies less their strata's means are regressed on, and
    the covariance is White's (HC2): groups may differ in variance.
    """
    n = np.bincount(code, minlength=k).astype(float)
    if s == 1:
        means, squares = np.bincount(code, y, k) / n, np.bincount(code, y * y, k)
        variance = np.maximum(squares / n - means**2, 0.0) * n / (n - 1)
        if (variance <= 0).any():
            variance = np.maximum(variance, float(y.var()) * 1e-12)
        w = n / variance
        centre = (w * means).sum() / w.sum()
        lack = (((1 - w / w.sum()) ** 2) / (n - 1)).sum()
        f = (w * (means - centre) ** 2).sum() / (k - 1) / (1 + 2 * (k - 2) / (k * k - 1) * lack)
        return float(f), float((k * k - 1) / (3 * lack)) if lack > 0 else math.inf, _eta(y, code, k)
    x = np.zeros((len(y), k - 1))
    for j in range(1, k):
        x[:, j - 1] = code == j
    per = np.maximum(np.bincount(layer, minlength=s), 1)
    left = y - (np.bincount(layer, y, s) / per)[layer]
    x -= np.stack([np.bincount(layer, x[:, j], s) / per for j in range(k - 1)], axis=1)[layer]
    gram = x.T @ x
    if np.linalg.matrix_rank(gram) < k - 1:
        return NAN, NAN, NAN
    inverse = np.linalg.inv(gram)
    beta = inverse @ (x.T @ left)
    rest = left - x @ beta
    lever = np.clip(np.einsum("ij,jk,ik->i", x, inverse, x) + 1 / per[layer], 0, 1 - 1e-9)
    meat = (x * (rest**2 / (1 - lever))[:, None]).T @ x
    f = float(beta @ np.linalg.solve(inverse @ meat @ inverse, beta)) / (k - 1)
    explained = float(beta @ gram @ beta)
    return f, float(len(y) - (k - 1) - s), explained / (explained + float(rest @ rest))


def _against(f: float, df1: float, df2: float, noncentral: float) -> tuple[float, float]:
    """The chances of an F at least, and at most, as large where the effect is exactly δ."""
    from scipy.stats import ncf

    below = float(ncf.cdf(f, df1, min(df2, 1e8), noncentral))
    return (1.0, 1.0) if below != below else (1 - below, below)


def _eta_interval(f: float, df1: float, df2: float, n: int) -> tuple[float, float]:
    """95 % for η² by the noncentral F (Steiger 2004): λ at which the F seen is at either end, ÷ (λ + n)."""
    from scipy.optimize import brentq
    from scipy.stats import ncf

    def ends(tail: float) -> float:
        def at(noncentral: float) -> float:
            return float(ncf.cdf(f, df1, min(df2, 1e8), noncentral)) - tail

        if at(1e-12) <= 0:
            return 0.0
        top = max(10.0, 4 * df1 * f)
        while at(top) > 0 and top < 1e12:
            top *= 2
        return float(brentq(at, 1e-12, top))

    low, high = ends(0.975), ends(0.025)
    return low / (low + n), high / (high + n)


def _kruskal(ranks: np.ndarray, code: np.ndarray, k: int) -> float:
    from scipy.special import chdtrc

    # H with its correction for ties is (n − 1) η² of the ranks
    return float(chdtrc(k - 1, (len(ranks) - 1) * _eta(ranks, code, k)))


def _needed(df1: int, s: int, asked: Asked) -> float:
    from scipy.stats import ncf

    delta, level = asked.delta, asked.level

    def power(n: int) -> float:
        df2 = max(n - df1 - s, 1)
        edge = n * delta / (1 - delta)
        # twice a half is all of the variance, which any sample shows
        found = ncf.sf(ncf.isf(level, df1, df2, edge), df1, df2, n * 2 * delta / (1 - 2 * delta)) if 2 * delta < 1 else 1.0
        none = ncf.cdf(ncf.ppf(level, df1, df2, edge), df1, df2, 1e-12)
        return float(min(found, none))

    return searched(power, df1 + s + 2)


def correlated(asked: Asked) -> Effect:
    """Two numbers: r, within strata the partial r; Fisher's z against that of δ.

    Args:
        asked: measure and outcome are numbers; δ is an r.

    Returns:
        An `Effect` with share r² (of variation); reason `no_spread` or `too_few`.
    """
    from g3lib.qc.relations import correlation

    n, stratum = len(asked.measure), asked.stratum
    layer, strata = coded(stratum, n)
    frame = pd.DataFrame({"x": asked.measure.to_numpy(float), "y": asked.outcome.to_numpy(float), "s": layer})
    found = correlation(frame, "x", "y", "s")
    freedom, r = n - 3 - (strata - 1), found.within
    needed = _needed_for_r(strata, asked)
    if r != r or freedom < 1:
        return Effect("fisher_z", n, share_of="variation", needed=needed, reason="too_few" if freedom < 1 else "no_spread")
    z = math.atanh(max(-_NEARLY_ONE, min(r, _NEARLY_ONE)))
    p_cause, p_no_cause = p_values(z, 1 / math.sqrt(freedom), math.atanh(asked.delta))
    low, high = found.within_low, found.within_high
    return Effect(
        "fisher_z", n, r, low, high, found.r, found.low, found.high, p_cause=p_cause, p_no_cause=p_no_cause, share=r * r,
        share_low=0.0 if low < 0 < high else min(low * low, high * high), share_high=max(low * low, high * high),
        share_of="variation", needed=needed,
    )  # fmt: skip


def _needed_for_r(strata: int, asked: Asked) -> float:
    """Units for 80 % power at twice δ, or at nothing, in Fisher's z."""
    from scipy.special import ndtri

    edge = math.atanh(asked.delta)
    reach = min(edge, math.atanh(min(2 * asked.delta, _NEARLY_ONE)) - edge)
    z = float(ndtri(1 - asked.level) + ndtri(0.9))
    return float(math.ceil((z / reach) ** 2) + 3 + strata - 1)

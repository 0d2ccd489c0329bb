"""A number against kinds, or against another number: how much of its variation goes with the cause.

k groups: η², or on ranks ε² (Kruskal and Wallis's H ÷ (n − 1) is η² of the ranks). That there is any difference Welch's
analysis of variance (on ranks Kruskal and Wallis; within strata Wald with White's covariance) must say; how large it is
against δ is judged by the scatter of η² itself (`parts.Part`), so that neither unequal variances nor long tails make a
cause. Two numbers: r by Fisher's z with the jackknife's error. Strata are taken out first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from g3lib.qc.causes import apart
from g3lib.qc.causes.effects import SEARCHED, Z95, Asked, Effect, p_values
from g3lib.qc.causes.layers import coded, that_compare
from g3lib.qc.causes.parts import Part, moments

_NEARLY_ONE = 0.999999
_FEWEST_A_KIND = 6
# kurtosis of what is left: an exponential's is 9; beyond it the sample's variance says little about the next sample's
_LONG_TAILS = 9.0
_FEWEST_FOR_JACKKNIFE = 20
# the jackknife's error ÷ that of normal data
_WIDER = 1.25


def variation(asked: Asked, ranks: bool) -> Effect:
    """The part of the outcome's variance that goes with the kind: η², or ε² on ranks; within strata of what they leave.

    Args:
        asked: measure is a kind, outcome a number; δ is a part of its variance.
        ranks: Kruskal–Wallis instead of Welch.

    Returns:
        An `Effect`, whose `share` is a part of the whole variance; reason `one_sided` (one kind), `no_spread` (at all),
        `same_side` (units of a kind are all alike, or strata and kinds leave no spread: nothing to go by), `no_overlap` (no
        stratum has two kinds), or `too_few` (a kind of fewer than six units).
    """
    test = "kruskal" if ranks else "welch_anova"
    y = asked.outcome.to_numpy(float)
    code, k = coded(asked.measure, len(y))
    layer, s = coded(asked.stratum, len(y))
    if ranks:
        from scipy.stats import rankdata

        y = rankdata(y) / max(len(y), 1)
    n = len(y)
    # units whose stratum has one kind only compare with nobody
    present = np.bincount(layer * k + code, minlength=s * k).reshape(s, k)
    counts = present[(present > 0).sum(axis=1) > 1].sum(axis=0) if s > 1 else present[0]
    if reason := _lacks(y, code, k, counts, s):
        return Effect(test=test, units=n, share_of="variation", reason=reason)
    flat, whole, every = _fitted(y, code, k, np.zeros_like(layer), 1), y, n
    assert flat is not None  # two kinds and one stratum can always be told apart
    low_crude, high_crude = map(_share_of_odds, _part(whole, flat, ranks).interval())
    compares = that_compare(present)[layer]
    if s > 1 and not compares.all():
        y, code, (layer, s) = y[compares], code[compares], coded(pd.Series(layer[compares]), int(compares.sum()))
        n = len(y)
    within = _fitted(y, code, k, layer, s)
    if within is None or not _left(y, within) > 0 or _constant(y, code, k):
        reason = "no_overlap" if within is None else "same_side"
        return Effect(test=test, units=every, crude=_share(whole, flat), share_of="variation", reason=reason)
    part = _part(y, within, ranks)
    odds = asked.delta / (1 - asked.delta)
    p_cause, p_no_cause = part.against(odds)
    p_cause = max(p_cause, _kruskal(y, code, k) if ranks and s == 1 else _some_difference(within, code, k, y))
    low, high = map(_share_of_odds, part.interval())
    eta, left = _share(y, within), float(((y - within.stratum_mean) ** 2).sum() / ((whole - whole.mean()) ** 2).sum())
    low, high = min(low, eta), max(high, eta)
    twice = 2 * asked.delta / (1 - 2 * asked.delta) if asked.delta < 0.5 else math.inf
    return Effect(
        test=test, units=every, effect=eta, low=low, high=high,
        crude=_share(whole, flat), low_crude=low_crude, high_crude=max(high_crude, _share(whole, flat)),
        p_heterogeneity=apart.of_cells(y, code, k, layer, s), p_cause=p_cause, p_no_cause=p_no_cause,
        share=eta * left, share_low=low * left, share_high=high * left, share_of="variation",
        needed=float(np.ceil(part.needed(odds, twice, asked.level, k + s + 1) * every / n)),
        warnings=() if ranks else _tails(y - within.stratum_mean - within.kind),
    )  # fmt: skip


def _lacks(y: np.ndarray, code: np.ndarray, k: int, counts: np.ndarray, s: int) -> str:
    """Why units of `k` kinds, `counts` of them where strata compare, cannot be judged; empty where they can."""
    if k < 2 or not len(y):
        return "one_sided"
    if np.ptp(y) == 0:
        return "no_spread"
    if s > 1 and not counts.any():
        return "no_overlap"
    if counts.min() < _FEWEST_A_KIND:
        return "too_few"
    return "same_side" if _constant(y, code, k) else ""


def _tails(rest: np.ndarray) -> tuple[str, ...]:
    return ("long_tails",) if (rest**4).mean() > _LONG_TAILS * (rest**2).mean() ** 2 else ()


def _share_of_odds(odds: float) -> float:
    return 1.0 if math.isinf(odds) else odds / (1 + odds)


def _constant(y: np.ndarray, code: np.ndarray, k: int) -> bool:
    """Whether some kind has one value only."""
    return any(np.ptp(y[code == kind]) == 0 for kind in range(k))


@dataclass(frozen=True)
class _Fit:
    """Kinds within strata: the stratum's mean and what the kind adds by unit; `gram`, `meat` make White's covariance (HC2)."""

    stratum_mean: np.ndarray
    kind: np.ndarray
    beta: np.ndarray
    gram: np.ndarray
    meat: np.ndarray
    freedom: int
    strata: int


def _fitted(y: np.ndarray, code: np.ndarray, k: int, layer: np.ndarray, s: int) -> _Fit | None:
    """The fit of y by kind and stratum; None where no stratum tells the kinds apart."""
    cell = layer * k + code
    n = np.bincount(cell, minlength=s * k).astype(float)
    per = np.maximum(n.reshape(s, k).sum(axis=1), 1.0)
    mean = np.bincount(layer, y, s) / per
    # a row a cell: the kinds' dummies (all but the first) less their means in the stratum
    x = (np.tile(np.eye(k), (s, 1)) - np.repeat(n.reshape(s, k) / per[:, None], k, axis=0))[:, 1:]
    gram = (x * n[:, None]).T @ x
    if np.linalg.matrix_rank(gram) < k - 1:
        return None
    left = y - mean[layer]
    beta = np.linalg.solve(gram, x.T @ np.bincount(cell, left, s * k))
    kind = x @ beta
    lever = np.einsum("ij,ij->i", x, np.linalg.solve(gram, x.T).T) + np.repeat(1 / per, k)
    squares = np.bincount(cell, (left - kind[cell]) ** 2, s * k) / np.clip(1 - lever, 1e-9, None)
    return _Fit(mean[layer], kind[cell], beta, gram, (x * squares[:, None]).T @ x, len(y) - (k - 1) - s, s)


def _share(y: np.ndarray, fit: _Fit) -> float:
    """Between kinds ÷ (between + within) sums of squares: η², on ranks H ÷ (n − 1)."""
    between, rest = float((fit.kind**2).sum()), float(((y - fit.stratum_mean - fit.kind) ** 2).sum())
    return between / (between + rest)


def _left(y: np.ndarray, fit: _Fit) -> float:
    """The spread that strata and kinds leave; what rounding leaves of none is none."""
    left = float(((y - fit.stratum_mean - fit.kind) ** 2).sum())
    return left if left > 1e-20 * float((y**2).sum()) else 0.0


def _part(y: np.ndarray, fit: _Fit, ranks: bool) -> Part:
    """The kinds' part against what is left, and how it scatters."""
    n, f = len(y), fit.kind
    e = y - fit.stratum_mean - f
    turn = np.linalg.solve(fit.gram, fit.meat)
    # a stratum's own mean takes a part of what kinds differ by with it: of strata of two units half
    whole = (n - 1) / max(n - fit.strata, 1)
    size, left = whole * float((f * f).mean()), float((e * e).sum() / max(fit.freedom, 1))
    # first order: what one unit moves the part by (2 f e), and what is left (e²)
    own, rest = whole * f * e, e * e
    if ranks:  # a unit's rank moves all others'
        own, rest = own + _moved(y, f), rest + 2 * _moved(y, e)
    drift, wobble = whole * float(np.trace(turn)), whole**2 * float(np.trace(turn @ turn))
    return Part(n, size, left, drift, wobble, moments(2 * own, rest))


def _moved(y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """For each unit the mean of `weight` over the units above it (ties count half), less its average."""
    values, place = np.unique(y, return_inverse=True)
    sums = np.bincount(place, weight, len(values))
    above = sums[::-1].cumsum()[::-1] - sums / 2
    out = above[place] / len(y)
    return np.asarray(out - out.mean())


def _some_difference(fit: _Fit, code: np.ndarray, k: int, y: np.ndarray) -> float:
    """p of no difference at all: Welch's F, within strata Wald's with White's covariance."""
    from scipy.special import fdtrc

    f, df2 = _robust_f(fit, code, k, y)
    return float(fdtrc(k - 1, min(df2, 1e9), f))


def _robust_f(fit: _Fit, code: np.ndarray, k: int, y: np.ndarray) -> tuple[float, float]:
    if fit.strata == 1:
        n = np.bincount(code, minlength=k).astype(float)
        means = np.bincount(code, y, k) / n
        return apart.welch(means, np.bincount(code, (y - means[code]) ** 2, k) / (n - 1) / n, n - 1)
    turned = fit.gram @ fit.beta
    return float(turned @ np.linalg.solve(fit.meat, turned)) / (k - 1), float(fit.freedom)


def _kruskal(ranks: np.ndarray, code: np.ndarray, k: int) -> float:
    from scipy.special import chdtrc

    # H with its correction for ties is (n − 1) η² of the ranks
    n = np.bincount(code, minlength=k)
    means = np.bincount(code, ranks, k) / n
    eta = (n * (means - ranks.mean()) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum()
    return float(chdtrc(k - 1, (len(ranks) - 1) * eta))


def correlated(asked: Asked) -> Effect:
    """Two numbers: r, within strata the partial r; Fisher's z against that of δ.

    z's error is 1 / √(n − 3) or the jackknife's where that is larger: long tails make r scatter more than Fisher knew.

    Args:
        asked: measure and outcome are numbers; δ is an r.

    Returns:
        An `Effect`, whose `share` is r² as a part of the outcome's whole variance; reason `same_measure`, `no_spread` or
        `too_few`.
    """
    from g3lib.qc.relations import correlation

    n = len(asked.measure)
    layer, strata = coded(asked.stratum, n)
    frame = pd.DataFrame({"x": asked.measure.to_numpy(float), "y": asked.outcome.to_numpy(float), "s": layer})
    whole = frame
    spans = frame.groupby("s")["x"].transform("nunique") > 1  # where the measure is one value there is nothing to go with
    every, total = n, float(((frame["y"] - frame["y"].mean()) ** 2).sum())
    if strata > 1 and spans.any():
        frame = frame[spans]
        n, strata = len(frame), frame["s"].nunique()
    found = correlation(frame, "x", "y", "s")
    crude = found if n == every else correlation(whole, "x", "y")
    freedom, r = n - 3 - (strata - 1), found.within
    if r != r or freedom < 1:
        needed = _needed_for_r(strata, 1.0, asked)
        same = "same_measure" if n and frame["x"].nunique() < 2 else "no_spread"
        reason = "too_few" if freedom < 1 else same
        return Effect(test="fisher_z", units=every, share_of="variation", needed=needed, reason=reason)
    z, plain = math.atanh(max(-_NEARLY_ONE, min(r, _NEARLY_ONE))), 1 / math.sqrt(freedom)
    error = max(plain, found.within_error)
    p_cause, p_no_cause = p_values(z, error, math.atanh(asked.delta))
    low, high = math.tanh(z - Z95 * error), math.tanh(z + Z95 * error)
    y = frame["y"].to_numpy()
    left = float(((y - frame.groupby("s")["y"].transform("mean")) ** 2).sum()) / total
    own = found.by_stratum[found.by_stratum["n"] > 3].dropna(subset=["r"])
    # of few units the jackknife's own error is as large as what it tells
    of, told = own["n"].to_numpy(float), own["error"].to_numpy(float) ** 2
    spread = np.where(of < _FEWEST_FOR_JACKKNIFE, 1 / (of - 3), np.maximum(1 / (of - 3), told))
    return Effect(
        test="fisher_z", units=every, effect=r, low=low, high=high, crude=crude.r, low_crude=crude.low, high_crude=crude.high,
        p_heterogeneity=apart.cochran(np.arctanh(np.clip(own["r"].to_numpy(float), -_NEARLY_ONE, _NEARLY_ONE)), spread),
        p_cause=p_cause, p_no_cause=p_no_cause, share=r * r * left,
        share_low=0.0 if low < 0 < high else min(low * low, high * high) * left, share_high=max(low * low, high * high) * left,
        share_of="variation", needed=float(np.ceil(_needed_for_r(strata, error / plain, asked) * every / n)),
        warnings=("long_tails",) if error > _WIDER * plain else (),
    )  # fmt: skip


def _needed_for_r(strata: int, wider: float, asked: Asked) -> float:
    """Units for 80 % power at twice δ, or at nothing, in Fisher's z; `wider` is its error ÷ that of normal data."""
    from scipy.special import ndtri

    edge = math.atanh(asked.delta)
    reach = min(edge, math.atanh(min(2 * asked.delta, _NEARLY_ONE)) - edge)
    z = float(ndtri(1 - asked.level) + ndtri((1 + SEARCHED) / 2)) * wider
    return float(math.ceil((z / reach) ** 2) + 3 + strata - 1)

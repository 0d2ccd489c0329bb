"""Two groups: units with the cause against units without it.

Where the outcome is yes or no the risk difference decides (Mantel–Haenszel weights, Sato's variance), where it is a
number the difference of means (the same weights, Welch's variances). Units that hang together in clusters are left
out a cluster at a time (jackknife). Odds ratios do not collapse over strata and decide nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from g3lib.measures.guards import ratio
from g3lib.qc.causes import apart
from g3lib.qc.causes.effects import NAN, Z95, Asked, Effect, needed_units, p_values
from g3lib.qc.causes.exact import exact_p_values
from g3lib.qc.causes.layers import Layers
from g3lib.qc.causes.welch import Estimate, may_be_skewed, variances, welch

# below this expected count a normal approximation decides nothing, and below this count an exact test is surer
_SMALLEST_EXPECTED = 5.0
_FEWEST_FOR_NORMAL = 30.0
_FEWEST_CLUSTERS = 6
# a side of fewer units, or one whose units are all alike, does not know its own spread
_FEWEST_A_SIDE = 10
_COUNTS = ("with_problem", "with_units", "without_problem", "without_units")
# what rounding leaves of a standard deviation, in parts of what the values span
_ROUNDED = 1e-7


def risk_difference(strata: pd.DataFrame) -> tuple[float, float]:
    """Mantel–Haenszel risk difference and its standard error (Sato 1989).

    Args:
        strata: one row a stratum: with_problem, with_units (units with the cause, and those of them with
            the problem), without_problem, without_units.

    Returns:
        (θ, standard error); NaN where no stratum has units on both sides.

    >>> one = pd.DataFrame({"with_problem": [15], "with_units": [20], "without_problem": [5],
    ...                     "without_units": [20]})
    >>> risk_difference(one)[0]
    0.5
    """
    return _sato(*(strata[c].to_numpy(float) for c in _COUNTS))


def _sato(x1: np.ndarray, n1: np.ndarray, x0: np.ndarray, n0: np.ndarray) -> tuple[float, float]:
    both = (n1 > 0) & (n0 > 0)
    x1, n1, x0, n0 = x1[both], n1[both], x0[both], n0[both]
    if not both.any():
        return NAN, NAN
    n = n1 + n0
    weight = (n1 * n0 / n).sum()
    theta = ((x1 * n0 - x0 * n1) / n).sum() / weight
    p = ((n1 / n) ** 2 * x0 - (n0 / n) ** 2 * x1 + (n1 / n) * (n0 / n) * (n0 - n1) / 2).sum()
    q = ((x1 * (n0 - x0) + x0 * (n1 - x1)) / n).sum() / 2
    return float(theta), float(math.sqrt(max(0.0, theta * p + q)) / weight)


def heterogeneity(strata: pd.DataFrame) -> float:
    """The p-value that the strata's risk differences are one and the same (`apart.of_risks`).

    Args:
        strata: as for `risk_difference`.

    Returns:
        p; NaN with fewer than two strata that have two units or more on both sides.

    >>> same = pd.DataFrame({"with_problem": [30, 60], "with_units": [100, 100], "without_problem": [20, 50],
    ...                      "without_units": [100, 100]})
    >>> heterogeneity(same) > 0.9
    True
    """
    return apart.of_risks(*(strata[c].to_numpy(float) for c in _COUNTS))


def risk(asked: Asked) -> Effect:
    """The problem's risk with the cause less that without.

    Args:
        asked: measure and outcome are yes or no; δ is a fraction.

    Returns:
        An `Effect`; its reason is `one_sided` (all units have it or none), `no_overlap` (no stratum has both kinds),
        `too_few` (an expected count below 5, where strata or clusters leave no exact test), `few_clusters` or `same_clusters`
        (all alike: nothing to go by).
    """
    delta, clustered = asked.delta, asked.cluster is not None
    layers = Layers.of(asked.measure.to_numpy(bool), asked.outcome.to_numpy(float), asked.stratum, asked.cluster)
    n1, x1, n0, x0 = (float(v.sum()) for v in (layers.n1, layers.s1, layers.n0, layers.s0))
    units, problems = n1 + n0, x1 + x0
    lone_table = asked.stratum is None and not clustered
    small = _small(layers, lone_table)
    found = _estimate(layers, _sato_safe, 1.0)
    theta, error, df, reason = found.theta, found.error, found.df, found.reason
    if small and not lone_table and not reason:
        reason = "too_few"
    exact = exact_p_values(int(x1), int(n1), int(x0), int(n0), delta) if small and not reason else None
    # what the clusters widen, beside units that were alone
    wider = error / _sato_safe(layers).error if clustered and error > 0 else 1.0
    at_border = wider * max(_border_error(layers, delta), _border_error(layers, -delta))
    p_cause, p_no_cause = exact or ((1.0, 1.0) if reason else p_values(theta, max(error, at_border), delta, df))
    low, high = theta - _t(df) * error, theta + _t(df) * error
    low, high = max(low, -1.0), min(high, 1.0)
    low_crude, high_crude = _newcombe(x1, n1, x0, n0)
    if exact:
        low, high = low_crude, high_crude
    share, half = _share(layers, _risk_variance(layers), problems, df)
    needed = max(_needed_for_risk(layers, wider, df, lone_table, asked), 0.0 if clustered else _to_compare(layers))
    needed, needed_clusters = _in_clusters(needed, layers)
    return Effect(
        test="exact" if exact else "clusters" if clustered else "risk_difference", units=int(units),
        effect=theta, low=low, high=high, crude=ratio(x1, n1) - ratio(x0, n0), low_crude=low_crude, high_crude=high_crude,
        p_heterogeneity=apart.of_layers(layers), p_cause=p_cause, p_no_cause=p_no_cause,
        share=share, share_low=share - half, share_high=share + half, share_of="problem",
        needed=needed, needed_clusters=needed_clusters, reason=reason,
        units_with=n1, units_without=n0, with_cause=ratio(x1, n1), without_cause=ratio(x0, n0),
    )  # fmt: skip


def _small(layers: Layers, lone_table: bool) -> bool:
    """Whether counts are too few for a normal difference, over strata that have both sides.

    Where an exact test can be made every side's own counts must be large; else it is enough that they would be were the
    risks alike, for a stratum more or less does not decide.
    """
    n1, x1, n0, x0 = (float(v[layers.both].sum()) for v in (layers.n1, layers.s1, layers.n0, layers.s0))
    problems = x1 + x0
    fewest = min(x1, n1 - x1, x0, n0 - x0)
    if lone_table:
        return fewest < _FEWEST_FOR_NORMAL
    expected = min(n1, n0) * min(problems, n1 + n0 - problems)
    return fewest < _SMALLEST_EXPECTED and expected < _SMALLEST_EXPECTED * (n1 + n0)


def means(asked: Asked) -> Effect:
    """The outcome's mean with the cause less that without.

    Args:
        asked: measure is yes or no, outcome a number; δ is in its unit.

    Returns:
        An `Effect`; `share` is effect × units with the cause ÷ the outcome's sum: by how much of it the cause moves it. Long
        tails on one side with few units make its mean and its spread err together: Hall's transformation takes that out
        of the score, and what may be left of it is warned of (`long_tails`). Its reason is `one_sided`, `no_overlap`,
        `no_spread` (one value everywhere), `same_side` (one on a side), `too_few` (fewer than ten units on a side),
        `few_clusters` or `same_clusters`.
    """
    has, y, clustered = asked.measure.to_numpy(bool), asked.outcome.to_numpy(float), asked.cluster is not None
    middle = float(y.mean()) if len(y) else 0.0
    # about the mean: the squares of large numbers lose their digits
    layers = Layers.of(has, y - middle, asked.stratum, asked.cluster)
    n1, n0 = float(layers.n1.sum()), float(layers.n0.sum())
    fewest = min(float(layers.n1[layers.both].sum()), float(layers.n0[layers.both].sum()))
    found = _estimate(layers, welch, float(np.ptp(y)) if len(y) else 0.0)
    theta, error, df, reason = found.theta, found.error, found.df, found.reason
    if not reason and not error > 0:
        reason = "no_spread" if np.ptp(y) == 0 else "same_side"
    if not reason and not clustered and fewest < _FEWEST_A_SIDE:
        reason = "too_few"
    if not reason and not clustered and (np.ptp(y[has]) == 0 or np.ptp(y[~has]) == 0):
        reason = "same_side"
    p_cause, p_no_cause = (1.0, 1.0) if reason else p_values(theta, error, asked.delta, df, found.skews)
    low, high = theta - _t(df) * error, theta + _t(df) * error
    crude = welch(Layers.of(has, y - middle, None, None))
    half_crude = _t(crude.df) * crude.error
    share, half = _share(layers, variances(layers), float(y.sum()), df, middle)
    if error > 0:
        needed = needed_units(n1 + n0, error, asked.delta, asked.level, df, found.skews)
        needed = max(needed, 0.0 if clustered else math.ceil(_FEWEST_A_SIDE * (n1 + n0) / max(fewest, 1.0)))
    else:  # a side is missing: equal halves
        needed = 2 * needed_units(1.0, float(np.std(y)) * math.sqrt(2) if len(y) else NAN, asked.delta, asked.level)
    needed, needed_clusters = _in_clusters(needed, layers)
    return Effect(
        test="clusters" if clustered else "welch", units=int(n1 + n0), effect=theta, low=low, high=high,
        crude=crude.theta, low_crude=crude.theta - half_crude, high_crude=crude.theta + half_crude,
        p_heterogeneity=apart.of_layers(layers), p_cause=p_cause, p_no_cause=p_no_cause,
        share=share, share_low=share - half, share_high=share + half, share_of="total",
        needed=needed, needed_clusters=needed_clusters, reason=reason, units_with=n1, units_without=n0,
        with_cause=middle + ratio(float(layers.s1.sum()), n1), without_cause=middle + ratio(float(layers.s0.sum()), n0),
        warnings=("long_tails",) if may_be_skewed(found, layers) else (),
    )  # fmt: skip


def _estimate(layers: Layers, unclustered: Callable[[Layers], Estimate], scale: float) -> Estimate:
    """The difference and its error; an error that rounding leaves of values that span `scale` is none."""
    least = _ROUNDED * scale / math.sqrt(max(float(layers.n1.sum() + layers.n0.sum()), 1.0))
    if not layers.n1.sum() or not layers.n0.sum():
        return Estimate(reason="one_sided")
    if not layers.both.any():
        return Estimate(reason="no_overlap")
    if not layers.clusters:
        found = unclustered(layers)
        return found if found.error > least else replace(found, error=0.0)
    error, df, skew = layers.jackknife()
    few = "few_clusters" if df < _FEWEST_CLUSTERS - 1 else "" if error > least else "same_clusters"
    return Estimate(layers.difference(), error, max(df, 1.0), (skew,), few)


def _sato_safe(layers: Layers) -> Estimate:
    """Sato's standard error, or that of counts drawn a unit a side towards one half where it is larger.

    With every unit on one side a problem and none on the other Sato's is zero, and a zero is no
    measure of what one more unit could show. The unit is one for all strata: one in each would drown strata of few.
    """
    both = layers.both
    x1, n1, x0, n0 = layers.s1[both], layers.n1[both], layers.s0[both], layers.n0[both]
    theta, error = _sato(x1, n1, x0, n0)
    # strata of few units know their spread as badly as means of few do
    df = float(n1.sum() + n0.sum()) - len(n1) - 1 if len(n1) > 1 else math.inf
    part1, part0 = n1 / max(n1.sum(), 1.0), n0 / max(n0.sum(), 1.0)
    drawn = _sato(x1 + part1 / 2, n1 + part1, x0 + part0 / 2, n0 + part0)[1]
    return Estimate(theta, max(error, drawn), max(df, 1.0))


def _border_error(layers: Layers, theta: float) -> float:
    """The Mantel–Haenszel difference's standard error were it θ in every stratum.

    Few problems beside a vast side scatter less than they would at the border, and would prove too much.
    """
    both = layers.both
    x1, n1, x0, n0 = layers.s1[both], layers.n1[both], layers.s0[both], layers.n0[both]
    if not len(n1):
        return 0.0
    p0 = np.clip((x1 + x0 - theta * n1) / (n1 + n0), 0.0, 1.0)
    p1 = np.clip(p0 + theta, 0.0, 1.0)
    w = n1 * n0 / (n1 + n0)
    return math.sqrt(float((w * w * (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)).sum())) / float(w.sum())


def _risk_variance(layers: Layers) -> tuple[np.ndarray, np.ndarray]:
    typical = _typical(layers)
    p1, p0 = (layers.s1 + typical) / (layers.n1 + 1), (layers.s0 + typical) / (layers.n0 + 1)
    return p1 * (1 - p1), p0 * (1 - p0)


def _typical(layers: Layers) -> float:
    """The risk of all units: a unit of it draws each stratum's towards it, where half a problem would make rare ones common."""
    return (float(layers.s1.sum() + layers.s0.sum()) + 0.5) / (float(layers.n1.sum() + layers.n0.sum()) + 1)


def _share(
    layers: Layers, variances: tuple[np.ndarray, np.ndarray], total: float, df: float, middle: float = 0.0
) -> tuple[float, float]:
    """The part of the total that the cause adds (`Layers.share`), and its half width: over clusters, else the delta method."""
    n1, n0 = layers.n1, layers.n0
    share, error = layers.share(total, middle)
    if not layers.clusters and share == share:
        by_one = n1 * (layers.both - share)
        by_other = np.where(layers.both, n1, 0.0) + share * n0
        variance = (by_one**2 * variances[0] / np.maximum(n1, 1) + by_other**2 * variances[1] / np.maximum(n0, 1)).sum()
        # how many have the cause is as much chance as how many have the problem, where nobody assigned it
        error = math.sqrt(max(float(variance), _influence(layers, share, middle))) / abs(total)
    return share, _t(df) * error


def _influence(layers: Layers, share: float, middle: float) -> float:
    """Σ over units of the square of what each moves the cause's part of the total by, less the share of its own value."""
    n1, s1, q1, n0, s0, q0 = layers.n1, layers.s1, layers.q1, layers.n0, layers.s0, layers.q0
    rest, odds = s0 / np.maximum(n0, 1), np.where(layers.both, n1 / np.maximum(n0, 1), 0.0)
    one, other, shift = layers.both - share, -(odds + share), -share * middle
    at_one, at_other = np.where(layers.both, -rest, 0.0) + shift, odds * rest + shift
    sums = one * s1 + at_one * n1 + other * s0 + at_other * n0
    squares = one**2 * q1 + 2 * one * at_one * s1 + at_one**2 * n1 + other**2 * q0 + 2 * other * at_other * s0 + at_other**2 * n0
    return float((squares - sums**2 / np.maximum(n1 + n0, 1)).sum())


def _needed_for_risk(layers: Layers, wider: float, df: float, lone_table: bool, asked: Asked) -> float:
    """The sample that decides in the mix at hand: at no difference, at ±δ and at 2δ, whichever scatters most.

    Where a side is missing it is told for equal halves; where the counts would be small, with the exact test's reserve.
    """
    n1, n0, s0 = layers.n1[layers.both], layers.n0[layers.both], layers.s0[layers.both]
    units, delta = float(n1.sum() + n0.sum()), asked.delta
    if units:
        base = (s0 + _typical(layers)) / (n0 + 1)
    else:
        n1 = n0 = np.ones(1)
        units, base = 2.0, np.array([_typical(layers)])
    way = -1.0 if layers.difference() < 0 else 1.0
    w = n1 * n0 / (n1 + n0)
    # an estimated risk's p (1 − p) is too small on average, by the estimate's own variance
    part = n0 / (n0 + 1) ** 2 if layers.both.any() else np.zeros(1)
    lost = base * (1 - base) * part / (1 - part)

    def error(more: float) -> float:
        turned = np.clip(base + way * more, 0.0, 1.0)
        spread = (turned * (1 - turned) + lost) / n1 + (base * (1 - base) + lost) / n0
        return math.sqrt(float((w * w * spread).sum())) / float(w.sum())

    worst = wider * max(error(0.0), error(delta), error(-delta), error(2 * delta))
    needed = needed_units(units, worst, delta, asked.level, df)
    risk = float((base * w).sum() / w.sum())
    if lone_table and needed * min(n1.sum(), n0.sum()) / units * min(risk, 1 - risk) < _FEWEST_FOR_NORMAL:
        # Fleiss's reserve for the steps of an exact test
        step = units * (1 / float(n1.sum()) + 1 / float(n0.sum()))
        needed = math.ceil(needed / 4 * (1 + math.sqrt(1 + 2 * step / (needed * delta))) ** 2)
    # what has no two-sided stratum is a part of the mix too
    return float(math.ceil(needed * float(layers.n1.sum() + layers.n0.sum()) / units)) if layers.both.any() else float(needed)


def _to_compare(layers: Layers) -> float:
    """The units, in the mix at hand, without which the risks of strata cannot be compared: none is rejected before."""
    fewest = np.sort(np.minimum(layers.n1, layers.n0)[layers.both])[::-1]
    if len(fewest) < 2 or apart.tells_of_risks(layers.n1, layers.n0).sum() > 1:
        return 0.0
    return float(math.ceil(apart.FEWEST_RISKS / fewest[1] * float(layers.n1.sum() + layers.n0.sum())))


def _in_clusters(needed: float, layers: Layers) -> tuple[float, float]:
    """The needed units and, where units hang together, the clusters of the size at hand that hold them: as many as are judged."""
    if not layers.clusters or needed != needed:
        return needed, NAN
    g, units = len(layers.clusters[0]), float(layers.n1.sum() + layers.n0.sum())
    clusters = needed * g / units
    clusters = max(clusters, _FEWEST_CLUSTERS * g / max(layers.jackknife()[1] + 1, 1.0), _FEWEST_CLUSTERS)
    return float(max(needed, math.ceil(clusters * units / g))), float(math.ceil(clusters))


def _newcombe(x1: float, n1: float, x0: float, n0: float) -> tuple[float, float]:
    if not n1 or not n0:
        return NAN, NAN
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(x1, n1, x0, n0, compare="diff", method="newcomb")
    return float(low), float(high)


def _t(df: float) -> float:
    from scipy.special import stdtrit

    return Z95 if math.isinf(df) else float(stdtrit(df, 0.975))

"""Charts of measurements: single values (I-MR), subgroups (X̄-R, X̄-S), and the run chart that needs no sigma.

Sigma is that within subgroups, or between neighbours: never the overall one, which a shift inflates until
nothing stands out. Subgroups may differ in size: each has its own limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from g3lib.errors import DataError, UsageError, listed
from g3lib.measures.guards import numbers
from g3lib.qc.control.constants import c4, c4_rest, d2, d3, equivalent_df
from g3lib.qc.control.result import Chart, Options, Pair, Points, TooShort, Values, assemble, moving_ranges
from g3lib.qc.control.rules import anhoj

# points off the median below which a run chart says nothing (Anhøj's rules hold for 10 to 100)
_FEWEST_FOR_RUNS = 10
# the variance of |x₂ − x₁| and the covariance of neighbours, in σ², for independent normal values:
# E|U||V| of two differences with correlation −1/2 is (4/π)(√3/2 + π/12), from which the mean's square goes
_MR_VARIANCE = 2 - 4 / math.pi
_MR_COVARIANCE = 4 / math.pi * (math.sqrt(3) / 2 + math.pi / 12 - 1)


def i_mr(values: Values, low: float = -np.inf, **options: Unpack[Options]) -> Pair:
    """Single values and their moving ranges; sigma is MR̄ / d2(2), no range left out.

    Args:
        values: in their order; NaN is a missing point (no range reaches over it).
        low: what a value cannot go below (0 for counts and money).
        options: see `Options`.

    Raises:
        DataError: fewer than two neighbouring values to estimate sigma from, and the faults of `Points.of`.

    >>> chart = i_mr([0.1, 0.1, 0.1]).location     # no spread at all (whatever rounding says): no verdict
    >>> chart.signals, str(chart.verdict)
    ({}, 'no verdict')
    """
    x = numbers(values)
    points = Points.of(len(x), options)
    ranges = moving_ranges(x, points.phases, ~np.isnan(x) & ~points.aside)
    if np.isnan(ranges).all():
        raise DataError("A chart of single values needs two neighbouring values at least: their difference is its sigma.")

    def sigma(mine: np.ndarray) -> float:
        known = ranges[mine & ~np.isnan(ranges)]
        if not len(known):
            raise TooShort("The first phase has no two neighbouring values: their difference is its sigma.")
        return float(known.mean()) / d2(2)

    def df(mine: np.ndarray) -> float:
        known = mine & ~np.isnan(ranges)
        m, neighbours = int(known.sum()), int((known[1:] & known[:-1]).sum())  # over a gap two ranges share no value
        return equivalent_df((m * _MR_VARIANCE + 2 * neighbours * _MR_COVARIANCE) / m**2 / d2(2) ** 2)

    same = np.ones(len(x))
    location = assemble("i", "mr", points, x, lambda mine: (float(x[mine].mean()), sigma(mine)),
                        lambda c, s: (c * same, s * same), (low, np.inf), options.get("rules"), df)  # fmt: skip
    spread = assemble("mr", "mr", points, ranges, lambda mine: (0.0, sigma(mine)),
                      lambda _, s: (d2(2) * s * same, d3(2) * s * same), (0.0, np.inf), None, df)  # fmt: skip
    return Pair(location, spread)


def xbar_r(values: Values, subgroups: Sequence[Any], **options: Unpack[Options]) -> Pair:
    """Means and ranges of subgroups; sigma is R̄ / d2.

    Where sizes differ each range is divided by its own d2, and weighed by its precision d2² / d3² (Burr 1969).

    Args:
        values, subgroups: one measurement each, and the name of its subgroup.
        options: see `Options`; `labels` are then all subgroups that should be there, in order: one without a
            value is a missing point.

    Raises:
        DataError: lists every subgroup with a single value.

    >>> pair = xbar_r([1, 3, 2, 4], ["a", "a", "b", "b"])
    >>> pair.spread.values.tolist(), round(pair.location.sigma, 4)
    ([2.0, 2.0], 1.7725)
    """
    return _subgroups(values, subgroups, "rbar", options)


def xbar_s(values: Values, subgroups: Sequence[Any], estimator: str = "sbar", **options: Unpack[Options]) -> Pair:
    """Means and standard deviations of subgroups.

    Args:
        values, subgroups, options: see `xbar_r`.
        estimator: `sbar` (s̄ / c4; where sizes differ weighed by c4² / (1 − c4²), Burr 1969) or `pooled`
            (√(Σ(n−1)s² / Σ(n−1)) / c4 of its degrees of freedom).

    Raises:
        UsageError: another estimator. DataError: as `xbar_r`.

    >>> xbar_s([1, 3, 2, 4], ["a", "a", "b", "b"], estimator="pooled").location.df
    2.0
    """
    if estimator not in ("sbar", "pooled"):
        raise UsageError(f"estimator is {estimator!r}; expected sbar or pooled.")
    return _subgroups(values, subgroups, estimator, options)


def run(values: Values, **options: Unpack[Options]) -> Chart:
    """A run chart: the values around their median, read by Anhøj's two rules; it has no limits.

    Returns:
        A `Chart` without limits; `signals` may hold `anhoj_run` (the points of the longest run) and
        `anhoj_crossings` (the last point). They are read in each phase; `rules` is not asked for.

    Raises:
        DataError: values that are no numbers, a phase without a known one, what does not fit in `options`.

    >>> run([1, 2, 1, 2, 9, 9, 9, 9, 9, 9, 9, 9]).centre.tolist()[:2]
    [9.0, 9.0]
    """
    x = numbers(values)
    points = Points.of(len(x), options)
    flat = assemble("i", "", points, x, lambda mine: (float(np.median(x[mine])), 0.0),
                    lambda c, _: (c * np.ones(len(x)), np.full(len(x), np.nan)), rules=())  # fmt: skip
    signals: dict[str, tuple[int, ...]] = {}
    for phase in flat.sigmas:
        mine = np.flatnonzero([p == phase for p in points.phases] & ~np.isnan(x) & ~points.aside)
        longest, most, crossings, fewest = anhoj(x[mine], flat.centre[mine[0]])
        if (x[mine] != flat.centre[mine[0]]).sum() < _FEWEST_FOR_RUNS:  # chance leaves no room to tell anything apart
            continue
        if longest > most:
            signals["anhoj_run"] = (*signals.get("anhoj_run", ()), *_longest(x, mine, flat.centre[mine[0]]))
        if crossings < fewest:
            signals["anhoj_crossings"] = (*signals.get("anhoj_crossings", ()), int(mine[-1]))
    bare = np.full(len(x), np.nan)
    return Chart("run", flat.labels, x, flat.centre, bare, bare, bare, flat.phases, flat.sigmas, "median", {},
                 points.excluded, signals)  # fmt: skip


def _longest(x: np.ndarray, mine: np.ndarray, centre: float) -> list[int]:
    """The positions of the longest run on one side; points on the line are passed over."""
    off = mine[x[mine] != centre]
    runs = np.split(off, np.flatnonzero(np.diff(np.sign(x[off] - centre))) + 1)
    return [int(i) for i in max(runs, key=len)]


def _subgroups(values: Values, subgroups: Sequence[Any], estimator: str, options: Options) -> Pair:
    n, mean, spread, names = _summed(values, subgroups, options.get("labels"), ranges=estimator == "rbar")
    points = Points.of(len(names), Options(**{**options, "labels": names}))
    unit, scatter = ({k: f(int(k)) for k in set(n[n > 1])} for f in ((d2, d3) if estimator == "rbar" else (c4, c4_rest)))
    of = np.array([unit.get(k, np.nan) for k in n])
    off = np.array([scatter.get(k, np.nan) for k in n])

    def sigma(mine: np.ndarray) -> float:
        if estimator == "pooled":
            freedom = (n[mine] - 1).sum()
            return math.sqrt(float(((n[mine] - 1) * spread[mine] ** 2).sum() / freedom)) / c4(freedom + 1)
        weight = of[mine] ** 2 / off[mine] ** 2
        return float((weight * spread[mine] / of[mine]).sum() / weight.sum())

    def df(mine: np.ndarray) -> float:
        if estimator == "pooled":
            return float((n[mine] - 1).sum())
        return equivalent_df(1 / float((of[mine] ** 2 / off[mine] ** 2).sum()))

    root = np.sqrt(np.where(n > 0, n, np.nan))
    location = assemble("xbar", estimator, points, mean,
                        lambda mine: (float((n * mean)[mine].sum() / n[mine].sum()), sigma(mine)),
                        lambda c, s: (np.full(len(n), c), s / root), rules=options.get("rules"), df=df)  # fmt: skip
    around = assemble("r" if estimator == "rbar" else "s", estimator, points, spread, lambda mine: (0.0, sigma(mine)),
                      lambda _, s: (of * s, off * s), (0.0, np.inf), df=df)  # fmt: skip
    return Pair(location, around)


def _summed(
    values: Values, subgroups: Sequence[Any], labels: Sequence[Any] | None, ranges: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Size, mean, range or standard deviation of each subgroup, and their names in order."""
    x = numbers(values)
    if len(x) != len(subgroups):
        raise DataError(f"{len(x)} values for {len(subgroups)} names of subgroups.")
    of = list(subgroups)
    found = dict.fromkeys(of)
    names = list(labels) if labels is not None else list(found)
    place = {name: i for i, name in enumerate(names)}
    codes = np.array([place.get(name, -1) for name in of], dtype=np.intp)
    known = ~np.isnan(x) & (codes >= 0)
    # by sorting and numpy, not pandas' groupby, which is most of a chart's time: a chart has few points
    order = np.argsort(codes[known], kind="stable")
    x, codes = x[known][order], codes[known][order]
    n = np.bincount(codes, minlength=len(names))
    faults = [f"{name!r} has a single value" for name, size in zip(names, n.tolist(), strict=True) if size == 1]
    faults += [f"{name!r} is not among the labels" for name in found if name not in place]
    if faults:
        raise DataError(listed(faults, "Subgroups need two values or more each (i_mr charts single values):"))
    mean, spread = np.full(len(names), np.nan), np.full(len(names), np.nan)
    if len(x):
        here = np.flatnonzero(n)
        begins = np.cumsum(n[here]) - n[here]
        # from each subgroup's first value: what is constant has that mean and no spread, not what rounding leaves
        first = np.full(len(names), np.nan)
        first[here] = x[begins]
        mean[here] = first[here] + np.add.reduceat(x - first[codes], begins) / n[here]
        if ranges:
            spread[here] = np.maximum.reduceat(x, begins) - np.minimum.reduceat(x, begins)
        else:
            spread[here] = np.sqrt(np.add.reduceat((x - mean[codes]) ** 2, begins) / (n[here] - 1))
    return n.astype(float), mean, spread, names

"""Charts of counts: parts of a whole (p, np) and events over an extent (c, u), and Laney's p′ and u′.

The centre is a ratio of sums, Σd / Σn, never a mean of ratios. Each point has limits by its own n, clipped
at what a count can be. With the large n of an operator's months the binomial and the Poisson are too
narrow: customers of a month are alike in ways that no coin is. Where the counts scatter more than chance,
p′ and u′ widen the limits by σ_z, the scatter between neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from g3lib.errors import DataError, listed
from g3lib.measures.guards import numbers
from g3lib.qc.control.constants import d2
from g3lib.qc.control.result import Chart, Options, Points, TooShort, Values, assemble, moving_ranges

# from so many pairs of neighbours on a phase knows its own scatter
_OWN_PAIRS = 8


@dataclass(frozen=True)
class Dispersion:
    """Whether counts scatter as chance has it.

    `ratio` is χ² ÷ its degrees of freedom, 1 where they do; `p` the χ² test's; `sigma_z` the scatter between
    neighbours in standard errors.
    """

    ratio: float
    p: float
    sigma_z: float

    @property
    def over(self) -> bool:
        """More than chance: at 5 %, and the neighbours say so too (a mere shift does not widen them)."""
        return self.p < 0.05 and self.sigma_z > 1


def p(counts: Values, of: Values, laney: bool = False, **options: Unpack[Options]) -> Chart:
    """The part of a whole.

    p̄ = Σd / Σn; limits p̄ ± 3 √(p̄(1 − p̄) / nᵢ), clipped to 0 and 1.

    Args:
        counts: how many of each point have it; NaN is a missing point.
        of: out of how many; a point of 0 out of 0 is undefined and stays a gap.
        laney: p′: the limits widened (or narrowed) by σ_z. A phase beside others has its own from eight pairs of neighbours
            on, else that of all phases together, and never one below 1: it is here because counts scatter more.
        options: see `Options`.

    Raises:
        DataError: lists every point with a negative count or whole, with more than the whole, or counts out of none; counts
            and wholes of unequal number; of p′ no two neighbouring points; what does not fit in `options`.

    >>> p([0, 5], [0, 10]).values.tolist()
    [nan, 0.5]
    """
    return _counted("p", counts, of, laney, options)


def np_(counts: Values, of: Values, **options: Unpack[Options]) -> Chart:
    """The same in units: centre n·p̄, limits ± 3 √(n p̄ (1 − p̄)), clipped to 0 and n.

    >>> np_([2, 4], [10, 10]).centre.tolist()
    [3.0, 3.0]
    """
    return _counted("np", counts, of, False, options)


def u(counts: Values, of: Values, laney: bool = False, **options: Unpack[Options]) -> Chart:
    """Events over an extent (complaints a thousand customers): ū = Σc / Σn, limits ū ± 3 √(ū / nᵢ), clipped at 0.

    Args, errors: as `p`; `of` is any positive extent.

    >>> u([2, 4], [1, 2]).centre.tolist()
    [2.0, 2.0]
    """
    return _counted("u", counts, of, laney, options)


def c(counts: Values, laney: bool = False, **options: Unpack[Options]) -> Chart:
    """Events of equal extents: c̄, limits c̄ ± 3 √c̄, clipped at 0.

    Args, errors: as `p`.

    >>> c([0, 0]).verdict      # nothing ever happened: no spread, no verdict
    <Verdict.NONE: 'no verdict'>
    """
    return _counted("c", counts, np.ones(len(counts)), laney, options)


def dispersion(kind: str, counts: Values, of: Values, **options: Unpack[Options]) -> Dispersion:
    """Whether counts scatter as the binomial (p, np) or the Poisson (c, u) has it, each phase around its own rate.

    Args:
        kind: of chart; counts, of, options: as in `p`. A point set aside is left out, as it is of the limits.

    >>> dispersion("c", [5, 5, 5], [1, 1, 1]).over
    False
    """
    from scipy.special import chdtrc

    d, n = _checked(kind, counts, of, options.get("labels"))
    points = Points.of(len(d), options)
    z = _standardised(kind, d, n, points)
    counted = ~np.isnan(z)
    freedom = int(counted.sum()) - len({phase for phase, one in zip(points.phases, counted, strict=True) if one})
    if freedom < 1:
        return Dispersion(float("nan"), float("nan"), float("nan"))
    squares = float((z[counted] ** 2).sum())
    return Dispersion(squares / freedom, float(chdtrc(freedom, squares)), _between(z, counted, points.phases)[0])


def _standardised(kind: str, d: np.ndarray, n: np.ndarray, points: Points) -> np.ndarray:
    """Each point in standard errors from the rate of its phase; NaN where it is set aside, missing, or alone in its phase."""
    z = np.full(len(d), np.nan)
    for phase in dict.fromkeys(points.phases):
        known = np.array([p == phase for p in points.phases]) & ~np.isnan(d) & (n > 0) & ~points.aside
        rate = float(d[known].sum() / n[known].sum()) if known.any() else 0.0
        if known.sum() > 1 and (sigma := _unit_sigma(kind, rate)) > 0:
            z[known] = (d[known] / n[known] - rate) / sigma * np.sqrt(n[known])
    return z


def _unit_sigma(kind: str, rate: float) -> float:
    return math.sqrt(max(0.0, rate * (1 - rate) if kind in ("p", "np") else rate))


def _between(z: np.ndarray, counts: np.ndarray, phases: Sequence[Any]) -> tuple[float, int]:
    """σ_z, the mean moving range of the standardised points ÷ d2(2) (Laney 2002), and of how many pairs."""
    ranges = moving_ranges(z, phases, counts)
    known = ranges[~np.isnan(ranges)]
    return (float(known.mean()) / d2(2) if len(known) else float("nan")), len(known)


def _counted(kind: str, counts: Values, of: Values, laney: bool, options: Options) -> Chart:
    d, n = _checked(kind, counts, of, options.get("labels"))
    points = Points.of(len(d), options)
    whole = np.where(n > 0, n, np.nan)
    in_units = kind == "np"
    values = d if in_units else d / whole
    values = np.where(np.isnan(whole), np.nan, values)

    z = _standardised(kind, d, n, points) if laney else np.full(len(d), np.nan)
    staged = len(set(points.phases)) > 1

    def rate_of(mine: np.ndarray) -> float:
        return float(d[mine].sum() / n[mine].sum())

    def estimate(mine: np.ndarray) -> tuple[float, float]:
        rate = rate_of(mine)
        if not laney:
            return rate, _unit_sigma(kind, rate)
        if not _unit_sigma(kind, rate) > 0:
            return rate, 0.0
        scatter, pairs = _between(np.where(mine, z, np.nan), mine, points.phases)
        if staged:
            scatter = max(scatter if pairs >= _OWN_PAIRS else _between(z, ~np.isnan(z), points.phases)[0], 1.0)
        if mine.sum() < 2 or math.isnan(scatter):
            raise TooShort("A p′ or u′ chart needs two neighbouring points at least: their difference says how counts scatter.")
        return rate, scatter

    def place(rate: float, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        unit = sigma * _unit_sigma(kind, rate) if laney else sigma
        scale = whole if in_units else np.ones(len(whole))
        return rate * scale, unit / np.sqrt(whole) * scale

    top = {"p": 1.0, "np": whole}.get(kind, np.inf)
    name = f"{kind if kind != 'c' else 'u'}_prime" if laney else kind
    estimator = "laney" if laney else "binomial" if kind in ("p", "np") else "poisson"
    chart = assemble(name, estimator, points, values, estimate, place, (0.0, top), options.get("rules"))
    # a whole that grows is no trend: what np breaks is what its part of the whole breaks
    return replace(chart, signals=_counted("p", counts, of, laney, options).signals) if in_units else chart


def _checked(kind: str, counts: Values, of: Values, labels: Sequence[Any] | None) -> tuple[np.ndarray, np.ndarray]:
    d, n = numbers(counts, "count"), numbers(of, "denominator")
    names = list(labels) if labels is not None else list(range(1, len(d) + 1))
    if not len(d) == len(n) == len(names):
        raise DataError(f"{len(d)} counts, {len(n)} denominators, {len(names)} labels: expected as many of each.")
    wrong = [
        (d < 0, "a negative count"),
        (n < 0, "a negative denominator"),
        (~np.isnan(d) & np.isnan(n), "no denominator"),
        ((n == 0) & (d > 0), "a count out of none"),
        ((kind in ("p", "np")) & (n > 0) & (d > n), "more than its whole"),
    ]
    faults = [f"{name!r} has {what} ({d[i]:g} of {n[i]:g})" for flags, what in wrong for i, name in enumerate(names) if flags[i]]
    if faults:
        raise DataError(listed(faults, f"The counts of a {kind} chart:"))
    return d, n

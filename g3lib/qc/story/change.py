"""Before against after: a difference of rates or of means, with its interval, where the points of a phase are months.

Months scatter more than independent counts do, each phase in its own measure, and they follow each other. A phase's variance
is therefore that of independent counts and what its months' own rates vary by besides, never less than nothing, told by the
squares of its months about its rate; phases are combined as Welch combines samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from g3lib.measures.guards import ratio
from g3lib.qc.causes.effects import NAN, Z95

# neighbours that follow each other more than this are not told apart from a drift
_MOST_FOLLOWING = 0.7
# a phase of so many points says nothing of how neighbours follow each other
_SHORT = 4


@dataclass(frozen=True)
class Change:
    """A difference, after less before, with its interval (95 %) and p (two-sided, of no difference).

    `dispersion` is by how much its variance exceeds that of independent counts, or, for means, of independent points. What too
    few points cannot tell is NaN: for rates where no phase has two, for means where either has fewer.
    """

    difference: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    dispersion: float = NAN


@dataclass(frozen=True)
class _Phase:
    """One phase's counts and the correlation of the units of one point, told by how its points scatter.

    `icc` is ρ, the intraclass correlation (NaN where the phase cannot say): a rate's variance is that of
    independent counts times 1 + ρ·`size`, `size` being Σ of² ÷ Σ of. `gain` is what a unit of the sum of squares moves that
    variance by, `squares` that sum, `freedom` its degrees of freedom.
    """

    count: float
    of: float
    size: float
    icc: float
    gain: float
    squares: float
    freedom: float
    residuals: np.ndarray

    @property
    def independent(self) -> float:
        """The rate's variance were its counts independent."""
        return ratio(self.count, self.of) * (1 - ratio(self.count, self.of)) / self.of if self.of else NAN


def of_rates(rows: pd.DataFrame, one: str = "before", other: str = "after") -> Change:
    """Rate of one phase against that of another: Newcombe's interval and the score test on counts ÷ φ.

    φ = 1 + ρ·size, at least 1: by how much a phase's rate scatters more than independent counts. Each phase has its own ρ, a
    phase of one point that of the other; where neighbours follow each other φ is larger. Student's t in place of the normal,
    as a wider φ, with Satterthwaite's degrees of freedom of the parts that were estimated.

    Args:
        rows: phase, count, of, excluded (a point set aside has a cause here), in the order of time.
        one, other: the phases.

    >>> rows = pd.DataFrame({"phase": ["before", "after"], "count": [5, 2], "of": [10, 10], "excluded": None})
    >>> of_rates(rows)                                   # one month a phase: what chance could do is unknown
    Change(difference=-0.3, low=nan, high=nan, p=nan, dispersion=nan)
    """
    from scipy.special import stdtr, stdtrit
    from statsmodels.stats.proportion import confint_proportions_2indep, test_proportions_2indep

    before, after = (_phase(rows[rows["phase"] == phase]) for phase in (one, other))
    difference = ratio(after.count, after.of) - ratio(before.count, before.of)
    known = [phase for phase in (before, after) if phase.freedom > 0]
    if not known or difference != difference:
        return Change(difference)
    together = _inflation([phase.residuals for phase in known])
    phi = [(1 + _told_by(phase, known).icc * phase.size) * together for phase in (before, after)]
    plain = [phase.independent for phase in (before, after)]
    total = sum(f * v for f, v in zip(phi, plain, strict=True))
    freedom = max(_freedom(before, after, known, total / together) / together, 1.0)
    (x0, n0), (x1, n1) = ((phase.count / f, phase.of / f) for phase, f in zip((before, after), phi, strict=True))
    wide = (float(stdtrit(freedom, 0.975)) / Z95) ** 2
    low, high = confint_proportions_2indep(x1 / wide, n1 / wide, x0 / wide, n0 / wide, compare="diff", method="newcomb")
    p = 1.0
    if 0 < before.count + after.count < before.of + after.of:
        with np.errstate(divide="ignore", invalid="ignore"):  # the odds that it works out too, of a phase without any
            z = float(test_proportions_2indep(x1, n1, x0, n0, compare="diff", method="score").statistic)
        p = float(2 * stdtr(freedom, -abs(z)))
    return Change(difference, float(low), float(high), p, total / sum(plain))


def _told_by(phase: _Phase, known: list[_Phase]) -> _Phase:
    """The phase by whose points a phase's scatter is known: its own, else the other's."""
    return phase if phase.freedom > 0 else known[0]


def _freedom(before: _Phase, after: _Phase, known: list[_Phase], total: float) -> float:
    """Satterthwaite's: 2 V² ÷ the variance of V, whose parts are the sums of squares that told a ρ."""
    spread = 0.0
    for source in known:
        moved = sum(phase.independent * phase.size * source.gain for phase in (before, after) if _told_by(phase, known) is source)
        spread += (moved * source.squares) ** 2 * 2 / source.freedom
    return 2 * total**2 / spread if spread > 0 else 1e9


def _phase(rows: pd.DataFrame) -> _Phase:
    counts = rows["excluded"].isna().to_numpy() & (rows["of"].to_numpy(float) > 0)
    every, whole = rows["count"].to_numpy(float), rows["of"].to_numpy(float)
    d, n = every[counts], whole[counts]
    count, of = float(d.sum()), float(n.sum())
    size = ratio(float((n * n).sum()), of)
    unit = ratio(count, of) * (1 - ratio(count, of))
    if not (unit > 0 and len(n) > 1):  # all or none have it, or there is one point: nothing of how points scatter
        return _Phase(count, of, size, NAN, NAN, NAN, 0.0, np.array([]))
    part = n / of
    squares = float((((d - n * count / of) / of) ** 2).sum())
    # what independent counts, and what a variance of the points' own rates, make of the squares about a fitted rate
    by_chance = unit * float((part * (1 - part)).sum()) / of
    by_rates = float((part**2 * (1 - 2 * part + (part**2).sum())).sum())
    icc = max(0.0, (squares - by_chance) / by_rates) / unit
    each = part**2 * (icc + 1 / n)
    residuals = np.full(len(every), np.nan)
    residuals[counts] = (d - n * count / of) / np.sqrt(n * unit)
    freedom = float(each.sum() ** 2 / (each**2).sum()) - 1
    return _Phase(count, of, size, icc, 1 / (by_rates * unit), squares, freedom, residuals)


def _inflation(residuals: list[np.ndarray]) -> float:
    """By how much a mean of points that follow each other scatters more than of as many independent ones, (1 + r) / (1 − r).

    r is the correlation of neighbours within phases, never below nought; a point set aside (NaN) parts its neighbours. A
    phase's own mean and its missing last product pull it down by some (1 + 4r) / n, which is put back (Marriott, Pope 1954).
    """
    squares = sum(float(np.nansum(e**2)) for e in residuals)
    n, phases = sum(int((~np.isnan(e)).sum()) for e in residuals), len(residuals)
    if not squares > 0 or n <= _SHORT * phases:  # too short to tell
        return 1.0
    lag = phases / n
    r = (sum(float(np.nansum(e[1:] * e[:-1])) for e in residuals) / squares + lag) / max(1 - 4 * lag, 0.1)
    # of a few points r is mostly chance: believed as far as there are more
    r = min(max(r, 0.0), _MOST_FOLLOWING) * (1 - _SHORT * lag)
    return (1 + r) / (1 - r)


def of_means(before: pd.Series, after: pd.Series) -> Change:
    """The mean of one phase's points against another's: Welch's interval and test, neighbours that are alike counting less.

    Args:
        before, after: values in the order of time; NaN is a point set aside.

    >>> of_means(pd.Series([1.0]), pd.Series([2.0, 4.0])).difference
    2.0
    """
    from scipy.special import stdtr, stdtrit

    one, other = before.dropna(), after.dropna()
    difference = float(other.mean() - one.mean())
    if min(len(one), len(other)) < 2:
        return Change(difference)
    inflation = _inflation([((x - x.mean()) / (x.std() or 1.0)).to_numpy(float) for x in (before, after)])
    parts = [float(x.var()) / len(x) * inflation for x in (one, other)]
    error = math.sqrt(sum(parts))
    if not error > 1e-12 * max(abs(float(one.mean())), abs(float(other.mean()))):  # what rounding leaves of none is none
        return Change(difference, dispersion=inflation)
    df = sum(parts) ** 2 / sum(v**2 / max(len(x) / inflation - 1, 0.5) for v, x in zip(parts, (one, other), strict=True))
    half = float(stdtrit(df, 0.975)) * error
    return Change(difference, difference - half, difference + half, float(2 * stdtr(df, -abs(difference) / error)), inflation)

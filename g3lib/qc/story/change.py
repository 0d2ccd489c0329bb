"""Before against after: a difference of rates or of means, with its interval, where the points of a phase are months.

Months scatter more than independent counts do, each phase in its own measure, and they follow each other. A phase's
variance is therefore that of its months about its rate (a ratio's, linearised: months of unlike size count as they do in the
rate), never less than the counts' own; phases are combined as Welch combines samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from g3lib.qc.causes.effects import Z95

NAN = math.nan
# neighbours more alike than this are not told apart from a drift
_MOST_ALIKE = 0.7


@dataclass(frozen=True)
class Change:
    """A difference, after less before, with its interval (95 %) and p (two-sided, of no difference).

    `dispersion` is by how much its variance exceeds that of independent counts, or, for means, of independent points; it,
    the interval and p are NaN where no phase has two points to know it by.
    """

    difference: float
    low: float = NAN
    high: float = NAN
    p: float = NAN
    dispersion: float = NAN


@dataclass(frozen=True)
class _Phase:
    """One phase's counts: their rate, how many times the counts' own variance it has, and on how many degrees of freedom."""

    count: float
    of: float
    factor: float
    freedom: float
    residuals: np.ndarray

    @property
    def rate(self) -> float:
        return self.count / self.of

    @property
    def independent(self) -> float:
        """The rate's variance were its counts independent."""
        return self.rate * (1 - self.rate) / self.of


def of_rates(rows: pd.DataFrame, one: str = "before", other: str = "after") -> Change:
    """Rate of one phase against that of another: Newcombe's interval and the score test on counts ÷ φ.

    φ, at least 1, is by how much the phase's rate scatters more than independent counts, from its points; where neighbours are
    alike, more so. Student's t in place of the normal, as a wider φ.

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
    difference = float(after.rate - before.rate)
    known = [phase for phase in (before, after) if phase.freedom > 0]
    if not known:
        return Change(difference)
    alike = _alike([phase.residuals for phase in known])
    # what a phase cannot say of itself the other says
    phi = [(phase if phase.freedom > 0 else known[0]).factor * alike for phase in (before, after)]
    parts = [(phase.factor * phase.independent, phase.freedom) for phase in known]
    satterthwaite = sum(v for v, _ in parts) ** 2 / sum(v * v / df for v, df in parts)
    freedom = max(satterthwaite / alike, 1.0)
    (x0, n0), (x1, n1) = ((phase.count / f, phase.of / f) for phase, f in zip((before, after), phi, strict=True))
    wide = (float(stdtrit(freedom, 0.975)) / Z95) ** 2
    low, high = confint_proportions_2indep(x1 / wide, n1 / wide, x0 / wide, n0 / wide, compare="diff", method="newcomb")
    p = 1.0
    if 0 < before.count + after.count < before.of + after.of:
        with np.errstate(divide="ignore", invalid="ignore"):  # the odds that it works out too, of a phase without any
            z = float(test_proportions_2indep(x1, n1, x0, n0, compare="diff", method="score").statistic)
        p = float(2 * stdtr(freedom, -abs(z)))
    plain = [phase.independent for phase in (before, after)]
    dispersion = sum(f * v for f, v in zip(phi, plain, strict=True)) / sum(plain)
    return Change(difference, float(low), float(high), p, dispersion)


def _phase(rows: pd.DataFrame) -> _Phase:
    counts = rows["excluded"].isna().to_numpy()
    d, n = rows["count"].to_numpy(float), rows["of"].to_numpy(float)
    count, of = float(d[counts].sum()), float(n[counts].sum())
    rate, own = count / of, rate_variance(d[counts], n[counts])
    independent = rate * (1 - rate) / of
    if not (independent > 0 and own == own):  # all or none have it, or there is one point: nothing of how points scatter
        return _Phase(count, of, NAN, 0.0, np.array([]))
    residuals = np.where(counts, (d - n * rate) / np.sqrt(np.maximum(n, 1.0) * rate * (1 - rate)), np.nan)
    size = n[counts] ** 2
    return _Phase(count, of, max(own / independent, 1.0), float(size.sum() ** 2 / (size**2).sum()) - 1, residuals)


def rate_variance(count: np.ndarray, of: np.ndarray) -> float:
    """The variance of Σ count ÷ Σ of over points as they scatter; NaN for one point.

    Σ (count − of·rate)² ÷ (Σ of)², each square divided by the part of it that the rate, fitted to it too, leaves where points'
    own rates vary alike: 1 − 2h + Σh², h being the point's part of all (Bell and McCaffrey's reduction for that variance).

    >>> round(rate_variance(np.array([1.0, 3.0]), np.array([10.0, 10.0])), 4)         # 0.1 and 0.3: the error of 0.2 is 0.1
    0.01
    """
    whole = of > 0
    count, of = count[whole], of[whole]
    if len(of) < 2:
        return NAN
    part = of / of.sum()
    rest = count - of * count.sum() / of.sum()
    return float((rest**2 / (1 - 2 * part + (part**2).sum())).sum() / of.sum() ** 2)


def _alike(residuals: list[np.ndarray]) -> float:
    """By how much a mean of points that follow each other scatters more than of as many independent ones, (1 + r) / (1 − r).

    r is the correlation of neighbours within phases, never below nought; a point set aside (NaN) parts its neighbours. A
    phase's own mean pulls it down by some (1 + 3r) / n, which is put back (Kendall 1954).
    """
    squares = sum(float(np.nansum(e**2)) for e in residuals)
    n, phases = sum(int((~np.isnan(e)).sum()) for e in residuals), len(residuals)
    if not squares > 0 or n <= 4 * phases:  # too short to tell
        return 1.0
    lag = phases / n
    r = (sum(float(np.nansum(e[1:] * e[:-1])) for e in residuals) / squares + lag) / (1 - 3 * lag)
    r = min(max(r, 0.0), _MOST_ALIKE)
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
        return Change(difference, dispersion=1.0)
    alike = _alike([((x - x.mean()) / (x.std() or 1.0)).to_numpy(float) for x in (before, after)])
    parts = [float(x.var()) / len(x) * alike for x in (one, other)]
    error = math.sqrt(sum(parts))
    if not error > 0:
        return Change(difference, dispersion=alike)
    df = sum(parts) ** 2 / sum(v**2 / max(len(x) / alike - 1, 0.5) for v, x in zip(parts, (one, other), strict=True))
    half = float(stdtrit(df, 0.975)) * error
    return Change(difference, difference - half, difference + half, float(2 * stdtr(df, -abs(difference) / error)), alike)

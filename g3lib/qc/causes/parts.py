"""How an estimated part of variation scatters, and its tests against δ.

An effect that is a part (η², ε², V²) is a square: near nought its estimate is a sum of squared errors, farther off it is
nearly normal, with a scatter of its own that unequal variances, long tails and skewed margins set. A multiple of a
noncentral χ² with the estimate's mean and variance is both (Box 1954 at nought; the delta method far from it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from g3lib.qc.causes.effects import SEARCHED, searched, straightened

# above this noncentrality the χ² is normal to three digits
_NEARLY_NORMAL = 5_000.0
# scores beyond are all the same; a scatter's own tails are never read as of fewer degrees of freedom
_FAR, _LEAST_FREEDOM = 37.0, 10.0


@dataclass(frozen=True)
class Part:
    """An estimated size B̂ of a squared effect over n units, and the moments of its error.

    `size` is B̂, `unit` what a size is measured in (the variance left, or 1). B̂ − B has mean `drift` ÷ n and variance
    2 `wobble` ÷ n² + the variance ÷ n of what one unit moves it by: √(B ÷ B̂) times its move of the size less odds times its
    move of the measure. `moved[i, j]` is the mean of (move of the size)ⁱ (move of the measure)ʲ, centred, i + j ≤ 4.
    """

    n: int
    size: float
    unit: float
    drift: float
    wobble: float
    moved: np.ndarray

    def below(self, seen: float, true: float, odds: float, n: int | None = None) -> float:
        """The chance of an estimate of at most `seen` where the true size is `true`."""
        from scipy.special import chndtr, ndtr

        scale, df, noncentral = self._matched(true, odds, n or self.n)
        if noncentral > _NEARLY_NORMAL:
            return float(ndtr((seen / scale - df - noncentral) / math.sqrt(2 * df + 4 * noncentral)))
        return float(chndtr(seen / scale, df, noncentral))

    def at(self, chance: float, true: float, odds: float, n: int) -> float:
        """The size below which the estimate stays with this chance."""
        from scipy.special import chndtrix, ndtri

        scale, df, noncentral = self._matched(true, odds, n)
        if noncentral > _NEARLY_NORMAL:
            return scale * float(df + noncentral + ndtri(chance) * math.sqrt(2 * df + 4 * noncentral))
        return scale * float(chndtrix(chance, df, noncentral))

    def against(self, odds: float) -> tuple[float, float]:
        """p against at most, and against at least, a size of `odds` units.

        The scatter is itself an estimate, small where the estimate errs upwards if tails are long: Hall's (1992)
        transformation takes that skewness out of the normal score, before Student's t; it may only be less sure, and no more
        than its monotone range allows. That there is less must show in the size's root too, whose error does not
        vanish with the size: a size of nought in a handful of units says nothing.
        """
        from scipy.special import ndtr, ndtri, stdtr

        score = float(np.clip(ndtri(self.below(self.size, odds * self.unit, odds)), -_FAR, _FAR))
        two, three, four = (self._moment(order, odds * self.unit, odds) for order in (2, 3, 4))
        skew = three / two**1.5 / math.sqrt(self.n) if two > 0 else 0.0
        df = max(2 * self.n / max(four / two**2 - 1, 1e-9), _LEAST_FREEDOM) if two > 0 else 1e9
        if score:
            skew = float(np.clip(skew, -1 / abs(score), 1 / abs(score)))
        moved = straightened(score, skew)
        by_root = float(ndtr(self._root(self.size, odds, self.n)))
        return float(stdtr(df, -min(score, moved))), max(float(stdtr(df, max(score, moved))), by_root)

    def _root(self, size: float, odds: float, n: int) -> float:
        """How many errors the root of a size lies above that of the boundary."""
        return (math.sqrt(size) - math.sqrt(odds * self.unit)) / math.sqrt(self.drift / n)

    def interval(self) -> tuple[float, float]:
        """95 % for the odds: those that neither test rejects at 2.5 %; the estimate itself always lies within."""
        from scipy.optimize import brentq

        here, tiny = self.size / self.unit, 1e-12
        high = here

        def beyond(odds: float) -> float:
            return self.against(odds)[0] - 0.025

        def short(odds: float) -> float:
            return self.against(odds)[1] - 0.025

        low = 0.0 if here <= tiny or beyond(tiny) >= 0 else float(brentq(beyond, tiny, here)) if beyond(here) > 0 else here
        top = max(here, 1 / self.n)
        while short(top) > 0 and top < 1e9:
            top *= 2
        if short(max(here, tiny)) > 0:
            high = float(brentq(short, max(here, tiny), top)) if short(top) <= 0 else math.inf
        return low, high

    def needed(self, odds: float, twice: float, level: float, start: int) -> float:
        """Units that find a size of `twice` units, and tell nought from `odds`, each with the power asked for."""
        from scipy.special import ndtr

        def power(n: int) -> float:
            edge = odds * self.unit
            found = 1.0
            if math.isfinite(twice):
                found = 1 - self.below(self.at(1 - level, edge, odds, n), twice * self.unit, odds, n)
            # as large as it may be by chance in as many draws as are asked for, and yet less than the boundary by either test
            chance = self.at(SEARCHED, 0.0, odds, n)
            if float(ndtr(self._root(chance, odds, n))) > level:
                return 0.0
            return min(found, self.below(self.at(level, edge, odds, n), 0.0, odds, n))

        return searched(power, start)

    def _moment(self, order: int, true: float, odds: float) -> float:
        """The central moment of what one unit moves the estimate by, at the true size."""
        far = math.sqrt(true / self.size) if self.size > 0 else 0.0
        terms = (math.comb(order, i) * far**i * (-odds) ** (order - i) * self.moved[i, order - i] for i in range(order + 1))
        return float(sum(terms))

    def _matched(self, true: float, odds: float, n: int) -> tuple[float, float, float]:
        """Scale, degrees of freedom and noncentrality of the χ² with the estimate's mean and variance."""
        mean = self.drift / n
        variance = 2 * self.wobble / n**2 + self._moment(2, true, odds) / n
        scale = variance / (2 * mean + 4 * true)
        return scale, mean / scale, true / scale


def moments(size: np.ndarray, measure: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Mixed central moments up to the fourth order of what each unit moves the size and its measure by (`Part.moved`).

    Args:
        size, measure: one value a unit, or a cell of units; weight: the cells' shares.
    """
    a, b = (v - np.average(v, weights=weight) for v in (size, measure))
    powers = [[np.ones_like(v), v, v**2, v**3, v**4] for v in (a, b)]
    out = np.zeros((5, 5))
    for i in range(5):
        for j in range(5 - i):
            out[i, j] = np.average(powers[0][i] * powers[1][j], weights=weight)
    return out

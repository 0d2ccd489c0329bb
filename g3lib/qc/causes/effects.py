"""What a test of one cause gives, and the two p-values by which it is judged.

θ is the effect, δ the smallest that matters. |θ| ≤ δ rejected says 要因, |θ| ≥ δ rejected (TOST) says 非要因. Both are
asked at the boundary, where the data speak least for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

NAN = math.nan
Z95 = 1.959963984540054
# the power that the needed sample promises at twice δ; at no difference both one-sided tests share it
POWER = 0.8
# where a power is that of an approximate distribution it is asked for more: simulated, 80 % by formula may be 70
SEARCHED = 0.9
# a skewness of less bends no score in ten digits
_NO_SKEW = 1e-6


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One cause's effect, tested.

    `effect` with `low` and `high` (95 %) is within strata, `crude` without them; `units_with` and `units_without` are
    filled where the cause is there or not, `units` always. `share` is a part of `share_of` (`problem`: of all problems;
    `total`: of the outcome's sum; `variation`: of its whole variance). `needed` are the units, in the mix at hand, that
    would decide with 80 % power where the effect is nought or twice the minimum, `needed_clusters` the clusters where units
    hang together. `test` and `reason` are codes of the vocabularies `cause_test` and `cause_reason`.
    """

    test: str
    units: int
    effect: float = NAN
    low: float = NAN
    high: float = NAN
    crude: float = NAN
    low_crude: float = NAN
    high_crude: float = NAN
    p_heterogeneity: float = NAN
    p_cause: float = 1.0
    p_no_cause: float = 1.0
    share: float = NAN
    share_low: float = NAN
    share_high: float = NAN
    share_of: str = "problem"
    needed: float = NAN
    needed_clusters: float = NAN
    reason: str = ""
    units_with: float = NAN
    units_without: float = NAN
    with_cause: float = NAN
    without_cause: float = NAN
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Asked:
    """One declared cause with its units: what each test reads.

    `measure` and `outcome` have one known value a unit; `stratum` and `cluster` are of the same units, or None;
    `delta` is δ; `level` that of the strictest test of the family, for which the needed sample is told.
    """

    measure: pd.Series
    outcome: pd.Series
    stratum: pd.Series | None
    cluster: pd.Series | None
    delta: float
    level: float


def p_values(theta: float, error: float, delta: float, df: float = math.inf, skews: Sequence[float] = ()) -> tuple[float, float]:
    """The two-sided test of |θ| ≤ δ at its boundary, and TOST's larger one-sided p for |θ| ≥ δ.

    Args:
        theta, error: the estimate and its standard error; df: Student's degrees of freedom.
        skews: readings of the estimate's skewness, κ₃ ÷ error³; each straightens the score, and the least sure score counts.
            Towards a long tail a straightened score grows slowly: far effects there take more units to show.

    >>> [round(p, 3) for p in p_values(0.3, 0.1, 0.1)]
    [0.023, 0.977]
    >>> [round(p, 3) for p in p_values(0.3, 0.1, 0.1, skews=[-0.4])]      # high draws are rare: a high one means more, not here
    [0.074, 0.977]
    """
    if not error > 0:
        return 1.0, 1.0

    def scores(border: float) -> list[float]:
        score = (theta - border) / error
        return [score, *(straightened(score, skew) for skew in skews)]

    above, below = _lower(-min(scores(delta)), df), _lower(max(scores(-delta)), df)
    far = _lower(-(abs(theta) + delta) / error, df)
    no_cause = max(_lower(max(scores(delta)), df), _lower(-min(scores(-delta)), df))
    return min(1.0, (above if theta >= 0 else below) + far), no_cause


def straightened(score: float, skew: float) -> float:
    """A studentised score with its skewness taken out (Hall 1992): monotone, and nought for no score but the bias."""
    return score + skew / 6 + skew * score**2 / 3 + skew**2 * score**3 / 27


def _bent(straight: float, skew: float) -> float:
    """The score that `straightened` brings here."""
    return straight if abs(skew) < _NO_SKEW else float(np.cbrt(1 + skew * (straight - skew / 6)) - 1) * 3 / skew


def needed_units(
    units: float, error: float, delta: float, level: float, df: float = math.inf, skews: Sequence[float] = ()
) -> float:
    """How many units of the same mix decide with 80 % power, at twice δ or at no difference: n (t·error / δ)².

    t is that of one side at the strictest level of the family and, since no difference needs both of its one-sided
    tests, of half of the remaining 20 %: at twice δ this is more than enough. Its degrees of freedom grow with the units,
    the skewness falls with their root. A spread that is itself an estimate (`df` is finite) asks for a reserve.
    """
    from scipy.special import stdtrit

    if not error > 0:
        return NAN
    n = units
    for _ in range(60):
        of = max(min(df * n / units, 1e9), 1.0)
        edge = float(stdtrit(of, 1 - level))
        edge = max([edge, *(_bent(edge, -abs(skew) * math.sqrt(units / n)) for skew in skews)])
        power = POWER if math.isinf(df) else SEARCHED
        more = units * ((edge + float(stdtrit(of, (1 + power) / 2))) * error / delta) ** 2
        n = math.sqrt(n * more)  # half the way: more units make the edge less, and the whole way would swing
    return float(math.ceil(n))


def searched(power: Callable[[int], float], start: int, most: int = 10**9) -> float:
    """The least number of units at which a power function reaches 80 % and a reserve, by bisection; NaN where none does."""
    low, high = start, start
    while power(high) < SEARCHED:
        low, high = high, high * 2
        if high > most:
            return NAN
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= SEARCHED else (middle, high)
    return float(high)


def _lower(t: float, df: float) -> float:
    from scipy.special import ndtr, stdtr

    return float(ndtr(t)) if math.isinf(df) else float(stdtr(df, t))

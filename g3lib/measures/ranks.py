"""Ranks that say how sure they are.

A rank is an estimate: members whose figures cannot be told apart could stand in either order. A rank interval holds the
ranks that the data leave open.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.measures.multiplicity import holm

Floats = npt.NDArray[np.float64]


def rank_intervals(estimate: Sequence[float], error: Sequence[float], level: float = 0.95) -> pd.DataFrame:
    """The ranks that each member may have, 1 is the highest.

    Each member is compared with all others by one-sided z tests in both directions, Holm over the 2 (K − 1) of them:
    it stands below those that are shown higher and above those that are shown lower (Mogstad, Romano, Shaikh and
    Wilhelm 2024, with Holm instead of their bootstrap: never narrower than `level` promises, and wider with ties).

    Args:
        estimate, error: independent estimates and their standard errors; a member without an error has no interval.
        level: of each member's interval by itself.

    Returns:
        rank (equal estimates share the better one), low, high (best and worst rank; NaN without an error).

    >>> rank_intervals([0.5, 0.3, 0.29], [0.01, 0.01, 0.01]).values.tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 3.0], [3.0, 2.0, 3.0]]
    """
    from scipy.special import ndtr

    value, spread = np.asarray(estimate, float), np.asarray(error, float)
    rank = pd.Series(value).rank(ascending=False, method="min").to_numpy()
    known = ~np.isnan(value) & ~np.isnan(spread)
    low, high = np.full(len(value), np.nan), np.full(len(value), np.nan)
    places = np.flatnonzero(known)
    for j in places:
        others = places[places != j]
        with np.errstate(divide="ignore", invalid="ignore"):  # two known exactly: apart by any difference, else not at all
            z = np.nan_to_num((value[others] - value[j]) / np.hypot(spread[others], spread[j]))
        shown = holm(np.concatenate([ndtr(-z), ndtr(z)])) <= 1 - level
        higher, lower = shown[: len(others)].sum(), shown[len(others) :].sum()
        # one without an error could stand anywhere: it is shown neither higher nor lower
        low[j], high[j] = 1 + higher, np.sum(~np.isnan(value)) - lower
    return pd.DataFrame({"rank": rank, "low": low, "high": high})


def rate_errors(participants: pd.Series, base: pd.Series) -> pd.Series:
    """The standard error of a rate from its counts: half a customer is added on each side, so that none is sure.

    >>> rate_errors(pd.Series([0.0]), pd.Series([99.0])).round(4).tolist()
    [0.0071]
    """
    p = (participants + 0.5) / (base + 1)
    return (p * (1 - p) / base.where(base > 0)) ** 0.5

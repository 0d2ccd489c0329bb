"""The ranks of lifts with their intervals, and rates of small branches drawn towards the rest.

A small branch's rate is mostly chance at either end of the list; shrinking draws it towards the mean of all by as much
as its size deserves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import DataError
from g3lib.measures.draws import generator
from g3lib.measures.participation import month_counts
from g3lib.measures.ranks import rank_intervals, rate_errors

Floats = npt.NDArray[np.float64]
_HYPER_DRAWS = 4000


def shrunken(participants: pd.Series, base: pd.Series, level: float = 0.95) -> pd.DataFrame:
    """Empirical Bayes: each branch's rate drawn towards the mean of all by a beta-binomial model.

    rate = (participants + strength × mean) ÷ (base + strength), averaged over the means and strengths that the branches
    leave likely (drawn, with a seed from the counts themselves); where they differ no more than chance allows, the strength
    is large and all go to the mean. The interval is the beta's over the same draws: right on average over the branches, too
    narrow for an unusual one.

    Args:
        participants, base: counts, one a branch; a branch with an unknown or empty base keeps NaN.

    Returns:
        index as given: raw, rate (shrunken), low, high, weight (of its own rate: base ÷ (base + strength)), mean, strength
        (those of maximum likelihood).
        NaN throughout with fewer than three branches: nobody to learn from.

    Raises:
        DataError: more participants than the base, or below zero.

    >>> found = shrunken(pd.Series([1.0, 300, 350, 250]), pd.Series([2.0, 1000, 1000, 1000]))
    >>> found[["raw", "rate"]].round(2).head(2).values.tolist()
    [[0.5, 0.31], [0.3, 0.3]]
    """
    from scipy.optimize import minimize
    from scipy.special import betaln

    x, n = participants.astype("float64"), base.astype("float64").where(base > 0)
    if ((x < 0) | (x > n)).any():
        raise DataError(f"Participants outside 0 to their base at {participants.index[(x < 0) | (x > n)].tolist()}.")
    known = (x.notna() & n.notna()).to_numpy()
    out = pd.DataFrame({"raw": x / n}, index=participants.index)
    columns = ["rate", "low", "high", "weight", "mean", "strength"]
    if known.sum() < 3:
        return out.assign(**dict.fromkeys(columns, float("nan")))
    xs, ns = x[known].to_numpy(), n[known].to_numpy()
    centre = min(max(xs.sum() / ns.sum(), 1e-6), 1 - 1e-6)

    def unlikely(points: Floats) -> Floats:
        mean, strength = 1 / (1 + np.exp(-points[..., :1])), np.exp(points[..., 1:])
        a, b = mean * strength, (1 - mean) * strength
        loss: Floats = -(betaln(xs + a, ns - xs + b) - betaln(a, b)).sum(axis=-1)
        return loss

    start = [np.log(centre / (1 - centre)), np.log(50.0)]
    best = minimize(unlikely, start, method="L-BFGS-B", bounds=[(-16, 16), (np.log(0.1), np.log(1e7))])
    mean, strength = float(1 / (1 + np.exp(-best.x[0]))), float(np.exp(best.x[1]))
    rate, low, high = _over_hypers(unlikely, x.to_numpy(), n.to_numpy(), level)
    return out.assign(rate=rate, low=low, high=high, weight=n / (n + strength), mean=mean, strength=strength)


def _over_hypers(
    unlikely: Callable[[Floats], Floats], x: Floats, n: Floats, level: float
) -> tuple[Floats, Floats, Floats]:
    """Each branch's rate and interval with mean and strength as likely as the branches leave them, not taken as known.

    The mean has a beta prior of ⅓ and ⅓ (Kerman 2011), or counts that are all nought would leave no mean but nought likely.
    """
    strengths = np.linspace(np.log(1.0), np.log(1e5), 47)

    def likely(means: Floats) -> tuple[Floats, Floats]:
        grid = np.array([(m, s) for m in means for s in strengths])
        prior = (np.logaddexp(0, grid[:, 0]) + np.logaddexp(0, -grid[:, 0])) / 3  # −log (mean (1 − mean))^⅓
        # a mean at a time: with thousands of branches the whole grid at once would take gigabytes
        loss = np.concatenate([unlikely(points) for points in np.split(grid, len(means))]) + prior
        weight = np.exp(loss.min() - loss)
        return grid, weight / weight.sum()

    # a wide and coarse grid finds where the mean can lie at all, a fine one goes over that
    known = ~np.isnan(x) & ~np.isnan(n)
    centre = (x[known].sum() + 0.5) / (n[known].sum() + 1)
    coarse, weight = likely(np.log(centre / (1 - centre)) + np.linspace(-8, 8, 81))
    held = coarse[weight > 1e-5 * weight.max(), 0]
    grid, weight = likely(np.linspace(held.min() - 0.2, held.max() + 0.2, 61))
    rng = generator(np.concatenate([x, n]).tobytes())
    points = grid[rng.choice(len(grid), size=_HYPER_DRAWS, p=weight)]
    mean, strength = 1 / (1 + np.exp(-points[:, 0])), np.exp(points[:, 1])
    a, b = x[known, None] + mean * strength, n[known, None] - x[known, None] + (1 - mean) * strength
    out = np.full((3, len(x)), np.nan)
    out[0, known] = (a / (a + b)).mean(axis=1)
    out[1:, known] = np.percentile(rng.beta(a, b), [50 * (1 - level), 50 * (1 + level)], axis=1)
    return out[0], out[1], out[2]


def ranked(lifts: pd.DataFrame, participation: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """The lifts with the ranks that chance leaves open, and each branch's rate after drawn towards the rest.

    Args:
        lifts: `uplift`.
        participation: its counts; where only rates were published there is neither.
        before, after: months.

    Returns:
        The rows of `lifts` with rank_low, rank_high (of the lift, 95 %), shrunken (fraction) and its low, high.

    >>> from g3lib.measures.campaigns.uplift import uplift
    >>> rates = pd.DataFrame({"branch": ["a", "a"], "date": pd.to_datetime(["2010-02-01", "2010-03-01"]), "rate": [0.2, 0.4]})
    >>> ranked(uplift(rates, "2010-02", "2010-03"), rates, "2010-02", "2010-03")["rank_low"].tolist()
    [nan]
    """
    old, new = (month_counts(participation, month).reindex(lifts["branch"]) for month in (before, after))
    error = (rate_errors(old["participants"], old["base"]) ** 2 + rate_errors(new["participants"], new["base"]) ** 2) ** 0.5
    limits = rank_intervals(lifts["lift"].tolist(), error.tolist())
    drawn = shrunken(new["participants"], new["base"])
    columns = {"shrunken": drawn["rate"], "shrunken_low": drawn["low"], "shrunken_high": drawn["high"]}
    return lifts.assign(
        rank_low=limits["low"].to_numpy(), rank_high=limits["high"].to_numpy(), **{k: v.to_numpy() for k, v in columns.items()}
    )

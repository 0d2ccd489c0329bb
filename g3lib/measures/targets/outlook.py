"""What the days that are left will bring: expected, between what limits, and whether the target will be met.

A predictive distribution of the units of the days left: their rate is the rate of the days so far, moved by last
year's season where last year is known; how much weeks differ widens it. It has no trend, and it knows of no campaign.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.measures.targets.progress import calendar, daily_shape, daily_units, last_years_days
from g3lib.periods import Period

LEAST_DAYS = 28  # four whole weeks are the least that shows how much weeks differ


def outlook(
    sales: pd.DataFrame, reached: pd.DataFrame, period: Period, level: float = 0.95, whole_of: str = ""
) -> pd.DataFrame:
    """P(hit) of each running target, with its horizon.

    Args:
        sales: date, grain, units since the year before the targets began; with a column branch a target reads its own branch's.
        reached: `progress`; its calendar rows are read.
        period: its `asof` is the last day known.
        level: of the predictive interval.
        whole_of: the province, or the city, that all the sales are of: its target reads every row.

    Returns:
        branch, starts, ends, target, actual, horizon (days left), expected_final, low, high (units at the end), p_hit,
        together (`weeks_together` of the days so far: above a half the limits are still too narrow), reason: `no_target`
        (masked), `zero_target`, `months_missing` (what came so far is unknown), `month_sums` (days are not known),
        `short_history` (fewer than 28 days), `ended`. An ended target is hit or not: P is 1 or 0.

    >>> from g3lib.measures.targets.progress import progress
    >>> days = pd.date_range("2010-01-01", "2010-02-19")
    >>> sales = pd.DataFrame({"date": days, "grain": "day", "units": 1.0})
    >>> targets = pd.DataFrame({"branch": ["b"], "metric": "units", "unit": "台", "kind": "flow", "target": [100.0],
    ...     "start": days[:1], "end": pd.to_datetime(["2010-04-10"]), "channel": None, "device_class": None})
    >>> period = Period.parse("2010-02-19")
    >>> found = outlook(sales, progress(sales, targets, period), period)
    >>> found[["horizon", "expected_final", "p_hit"]].round(2).values.tolist()
    [[50.0, 100.5, 0.52]]
    """
    from scipy.stats import nbinom

    today = pd.Timestamp(period.asof)
    rows = []
    for row in calendar(reached).itertuples():
        start, end = pd.Timestamp(row.starts), pd.Timestamp(row.ends)
        own = sales if "branch" not in sales or row.branch == whole_of else sales[sales["branch"] == row.branch]
        every = daily_shape(own)  # last year's month sums laid out over their days
        inside = own[own["date"].between(start, today)]
        daily = daily_units(inside, start, today)
        reasons = {
            "no_target": row.target != row.target,
            "zero_target": row.target == 0,
            "months_missing": row.actual != row.actual,
            "ended": not row.days_left,
            "month_sums": "grain" in inside and bool(inside["grain"].eq("month").any()),
            "short_history": len(daily) < LEAST_DAYS,
        }
        why = next((reason for reason, holds in reasons.items() if holds), "")
        more, low, high, hit, together = (float("nan"),) * 5
        if why == "ended":
            more = low = high = 0.0
            hit = float(row.actual >= row.target)
        elif not why:
            together = weeks_together(daily)
            moved, noise = (of(every, start, today, end) for of in (season, season_noise))
            mean, size, p = predictive(daily, row.days_left, moved, noise, together)
            more, low, high = mean, *predictive_interval(size, p, level)
            hit = float(nbinom.sf(np.ceil(row.target - row.actual) - 1, size, p))
        rows.append((row.branch, row.starts, row.ends, row.target, row.actual, row.days_left, row.actual + more, row.actual + low,
                     row.actual + high, hit, together, why))  # fmt: skip
    columns = ["branch", "starts", "ends", "target", "actual", "horizon", "expected_final", "low", "high", "p_hit"]
    columns += ["together", "reason"]
    return pd.DataFrame(rows, columns=columns)


def predictive_interval(size: float, p: float, level: float) -> tuple[float, float]:
    """The central interval of `predictive`, units."""
    from scipy.stats import nbinom

    low, high = nbinom.ppf([(1 - level) / 2, (1 + level) / 2], size, p)
    return float(low), float(high)


def season(every: pd.Series, start: pd.Timestamp, today: pd.Timestamp, end: pd.Timestamp) -> float:
    """What a day of the rest sold last year ÷ what a day so far did.

    1 where last year is not all there, or says nothing because one of the two sold nothing.

    Args:
        every: units a day (`daily_shape`), last year's among them.
    """
    counts, days = _last_year(every, start, today, end)
    return float(counts[1] / days[1] / (counts[0] / days[0])) if counts else 1.0


def season_noise(every: pd.Series, start: pd.Timestamp, today: pd.Timestamp, end: pd.Timestamp) -> float:
    """How far last year's season is itself chance: the squared relative error of a ratio of two counts, 1 ÷ Y₁ + 1 ÷ Y₂.

    0 where there is no season to go by, but not where it happens to be 1.
    """
    return float(sum(1 / count for count in _last_year(every, start, today, end)[0]))


def _last_year(
    every: pd.Series, start: pd.Timestamp, today: pd.Timestamp, end: pd.Timestamp
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Units and days of the same spans last year (`last_years_days`), so far and the rest; no units where that says nothing."""
    before = last_years_days(every, start.date(), end.date())
    if before.empty or end <= today:
        return (), ()
    counts = before[:today].sum(), before[today + pd.Timedelta(days=1) :].sum()
    return (counts if min(counts) > 0 else ()), ((today - start).days + 1, (end - today).days)


def predictive(
    daily: npt.NDArray[Any], left: int, season: float = 1.0, noise: float = 0.0, together: float = 0.0
) -> tuple[float, float, float]:
    """The negative binomial of the units of the days left: mean, size, p.

    Mean = (units so far + ½) × left ÷ days so far × season. Variance = spread × mean × (1 + season × left ÷ days so far):
    the second term is what is not known of the rate itself; spread = max(1, variance ÷ mean of whole weeks × (t ÷ z)² ×
    (1 + r) ÷ (1 − r)): a variance of few weeks is itself little known (t with weeks − 1 degrees of freedom, both at 97.5 %), and
    weeks that follow each other (r is `together`, see `weeks_together`) add up to more than weeks that do not. `noise`
    (`season_noise`) adds mean² × noise × spread: last year's season is an estimate too.
    """
    from scipy.stats import norm, t

    mean = (daily.sum() + 0.5) * left / len(daily) * season
    weeks = _whole_weeks(daily)
    unsure = (t.ppf(0.975, len(weeks) - 1) / norm.ppf(0.975)) ** 2
    unsure *= (1 + together) / (1 - together)
    spread = max(1.0, weeks.var(ddof=1) / weeks.mean() * unsure) if weeks.any() else 1.0
    variance = spread * (mean * (1 + season * left / len(daily)) + mean**2 * noise)
    return float(mean), float(mean**2 / (variance - mean)), float(mean / variance)


def _whole_weeks(daily: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(daily[len(daily) % 7 :].reshape(-1, 7).sum(axis=1))


def weeks_together(daily: npt.NDArray[Any]) -> float:
    """How far each whole week follows the one before: autocorrelation r + (1 + 3 r) ÷ weeks (Kendall 1954), within 0 and 0.9.

    The second term is what a short series hides; so few weeks as make a month cannot show more than half of it.
    """
    weeks = _whole_weeks(daily)
    centred = weeks - weeks.mean()
    r = float((centred[1:] * centred[:-1]).sum() / ((centred**2).sum() or np.inf))
    return min(max(r + (1 + 3 * r) / len(weeks), 0.0), 0.9) if centred.any() else 0.0


def predicted(daily: npt.NDArray[Any], left: int, needed: float, season: float = 1.0) -> tuple[float, float, float]:
    """Expected units of the days left, P(at least `needed`), E[(needed − units)+].

    A promise's season is that of all models together, taken as known: many times the count of its own model. Its weeks are
    taken for independent: of one model few are sold in a week.
    """
    if not left:
        return 0.0, float(needed <= 0), max(needed, 0.0)
    from scipy.stats import nbinom

    mean, size, p = predictive(daily, left, season)
    # k·P(k; size) = mean·P(k − 1; size + 1): the expected shortfall needs no sum
    short = needed * nbinom.cdf(needed - 1, size, p) - mean * nbinom.cdf(needed - 2, size + 1, p)
    return mean, float(nbinom.sf(needed - 1, size, p)), max(float(short), 0.0)

"""One series before and after: segmented regression, where nobody else can be compared with.

log (or logit) of the expected count = level + trend + season + change of level from the start on (+ change of trend).
Counts scatter more than a Poisson or binomial would: the dispersion is estimated and, where it
is above one, widens every interval. What it
assumes: without the campaign the old trend and season would have gone on. Anything else that happened at the start is
in the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import UsageError, listed

Floats = npt.NDArray[np.float64]
_YEAR = 12


@dataclass(frozen=True)
class Segmented:
    """A fitted series: what changed, and what would have been.

    `terms` has a row `level` (and `slope`): ratio (of rates, or of odds), low, high, p. `fitted` has a row a month:
    month, value (rate, or count without a base), fitted, without (as if nothing had started; the season kept) with its
    without_low and without_high (of the mean, not of a month), since. `dispersion` is Pearson χ² ÷ df; `autocorrelation` the
    residuals' at one month less what fitting leaves of it by itself, with a one-sided p (Durbin and Watson 1950): below
    0.05 the intervals are too narrow (Newey–West errors are no cure: over three years they cover less, see docs/coverage.md).
    `reason` says why nothing was fitted.
    """

    terms: pd.DataFrame
    fitted: pd.DataFrame
    dispersion: float
    df: int
    autocorrelation: float
    p_autocorrelation: float
    reason: str = ""

    @property
    def seasonal(self) -> bool:
        """Whether season was fitted: only of two years or more."""
        return len(self.fitted) >= 2 * _YEAR


def segmented(
    series: pd.DataFrame, start: str, harmonics: int = 2, slope: bool = False, share: bool = False, level: float = 0.95
) -> Segmented:
    """Segmented regression of a monthly series with over-dispersion and season.

    Args:
        series: month (`2013-01`), count, and base where there is one (exposure, or all of whom `count` is a part).
        start: the first month after.
        harmonics: pairs of sine and cosine of the year; they are left out with fewer than two years.
        slope: whether the trend may change too (counted from the start).
        share: the count is a part of the base (quasi-binomial, odds ratio); else quasi-Poisson with log base as offset.
        level: of the intervals: t with the residual degrees of freedom.

    Returns:
        A `Segmented`; reason `too_short` (fewer than three months on a side, or no more months than terms + 2),
        `no_change` (nothing, or all of the base, was counted on a side), `constant` (every month is alike).

    Raises:
        UsageError: a month twice, a count that is missing, negative or, of a share, above its base.

    >>> months = pd.period_range("2012-01", "2012-12", freq="M").astype(str)
    >>> found = segmented(pd.DataFrame({"month": months, "count": [100, 101] * 3 + [50, 51] * 3}), "2012-07")
    >>> found.terms[["term", "ratio"]].round(3).values.tolist()
    [['level', 0.499]]
    """
    from scipy.stats import t
    from statsmodels.genmod.families import Binomial, Poisson  # statsmodels.api brings time series and graphics along, 0.3 s
    from statsmodels.genmod.generalized_linear_model import GLM

    frame = series.sort_values("month", ignore_index=True)
    _refuse(frame, share)
    after = (frame["month"] >= start).to_numpy()
    design = _design(frame["month"], after, harmonics, slope) if len(frame) else pd.DataFrame()
    names = [name for name in ("level", "slope") if name in design]
    reason = "too_short" if min(after.sum(), (~after).sum()) < 3 or len(frame) <= design.shape[1] + 2 else ""
    sides = [(frame.loc[side, "count"].sum(), frame.loc[side, "base"].sum() if share else np.inf) for side in (after, ~after)]
    reason = reason or ("no_change" if any(count in (0, base) for count, base in sides) else "")
    value = frame["count"] / frame["base"] if "base" in frame else frame["count"]
    reason = reason or ("constant" if value.nunique() == 1 else "")
    if reason:
        empty = pd.DataFrame({"term": names, "ratio": np.nan, "low": np.nan, "high": np.nan, "p": np.nan})
        unknown = dict.fromkeys(["fitted", "without", "without_low", "without_high"], np.nan)
        fitted = pd.DataFrame({"month": frame["month"], "value": value, **unknown, "since": after})
        return Segmented(empty, fitted, float("nan"), 0, float("nan"), float("nan"), reason)
    if share:  # shares weighted by their base: statsmodels' two-column form leaves the base out of Pearson's χ²
        model = GLM(frame["count"] / frame["base"], design, family=Binomial(), var_weights=frame["base"])
    else:
        offset = np.log(frame["base"].to_numpy(float)) if "base" in frame else None
        model = GLM(frame["count"], design, family=Poisson(), offset=offset)
    fit = model.fit(scale="X2")
    narrow = min(1.0, float(fit.scale))  # under-dispersed counts are no reason for a narrower interval than the family's own
    reach = t.ppf((1 + level) / 2, fit.df_resid)
    rows = [
        (name, np.exp(b), np.exp(b - reach * se), np.exp(b + reach * se), 2 * t.sf(abs(b / se), fit.df_resid))
        for name, b, se in ((n, fit.params[n], fit.bse[n] / narrow**0.5) for n in names)
    ]
    x, without = design.to_numpy(), design.assign(**dict.fromkeys(names, 0.0)).to_numpy()
    spread = reach * (np.einsum("ij,jk,ik->i", without, fit.cov_params().to_numpy() / narrow, without)) ** 0.5
    links = {"fitted": x @ fit.params, "without": without @ fit.params}
    links |= {"without_low": links["without"] - spread, "without_high": links["without"] + spread}
    means = {name: model.family.link.inverse(np.asarray(link)) for name, link in links.items()}
    weights = model.family.weights(fit.mu) * model.iweights
    r, p_r = _autocorrelation(np.asarray(fit.resid_pearson), x * np.sqrt(np.asarray(weights))[:, None])
    fitted = pd.DataFrame({"month": frame["month"], "value": value, **means, "since": after})
    return Segmented(
        pd.DataFrame(rows, columns=["term", "ratio", "low", "high", "p"]), fitted, float(fit.scale), int(fit.df_resid), r, p_r
    )


def _design(months: pd.Series, after: npt.NDArray[np.bool_], harmonics: int, slope: bool) -> pd.DataFrame:
    number = pd.PeriodIndex(months, freq="M").asi8
    time = (number - number[0]).astype(float)
    columns = {"const": np.ones(len(time)), "time": time, "level": after.astype(float)}
    if slope and after.any():
        columns["slope"] = np.where(after, time - time[after][0], 0.0)
    if len(time) >= 2 * _YEAR:
        for k in range(1, harmonics + 1):
            angle = 2 * np.pi * k * (number % _YEAR) / _YEAR
            columns |= {f"sin{k}": np.sin(angle), f"cos{k}": np.cos(angle)}
    return pd.DataFrame(columns)


def _autocorrelation(residuals: Floats, design: Floats) -> tuple[float, float]:
    """Of a regression's residuals: their autocorrelation at one step less its mean, and a one-sided p.

    Fitting k terms to n values leaves residuals that alternate by themselves: of independent errors the ratio has mean
    tr(MA) ÷ (n − k) and variance 2 ((n − k) tr((MA)²) − tr(MA)²) ÷ ((n − k)² (n − k + 2)), M = I − X (XᵀX)⁻¹ Xᵀ and A the step.
    """
    from scipy.special import ndtr

    n, k = design.shape
    total = float((residuals**2).sum())
    if total <= 0:
        return 0.0, 1.0
    step = (np.eye(n, k=1) + np.eye(n, k=-1)) / 2
    ma = step - design @ np.linalg.lstsq(design, step, rcond=None)[0]
    mean, second = np.trace(ma) / (n - k), np.trace(ma @ ma)
    spread = (2 * ((n - k) * second - np.trace(ma) ** 2) / ((n - k) ** 2 * (n - k + 2))) ** 0.5
    r = float((residuals[1:] * residuals[:-1]).sum()) / total - float(mean)
    return r, float(ndtr(-r / spread))


def _refuse(frame: pd.DataFrame, share: bool) -> None:
    faults = [f"{month} stands twice" for month in frame.loc[frame["month"].duplicated(), "month"]]
    wrong = frame["count"].isna() | (frame["count"] < 0)
    if "base" in frame:
        wrong |= frame["base"].isna() | (frame["base"] <= 0) | (share & (frame["count"] > frame["base"]))
    faults += [
        f"{month}: count {count:g} cannot be" for month, count in frame.loc[wrong, ["month", "count"]].itertuples(index=False)
    ]
    if share and "base" not in frame:
        faults.append("a share needs the base that it is a part of")
    if faults:
        raise UsageError(listed(faults, "The series cannot be fitted:"))

"""Chain ladder: how many customers a young cohort will have lost at an age that only older ones have reached.

What is counted is a customer's first loss, cumulated by age; the denominator is the customers sold to. The
factor from one age to the next is a ratio of sums over the cohorts that know both; Mack (1993) gives its
standard error without assuming a distribution. A cell is known when its month is over and every branch that
sold to the cohort has reported it; what is projected is never mixed with what was counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from g3lib.errors import DataError, UsageError, listed
from g3lib.measures.months import last_full_month, month_number
from g3lib.measures.subsidy.cohorts import Floats, Z, covered, customer_months, traceable
from g3lib.periods import month_of

_AMOUNTS = ("latest", "ultimate", "reserve")
LOSSES = ("cancelled", "cross_branch", "split", "suspended")


def chain_ladder(triangle: pd.DataFrame) -> pd.DataFrame:
    """Each cohort's ultimate, what of it is still to come, and Mack's standard error.

    f_k = Σ C_{i,k+1} / Σ C_ik, σ²_k = Σ C_ik (C_{i,k+1}/C_ik − f_k)² / (n_k − 1) over the n_k cohorts with C_ik > 0;
    where n_k < 2, σ²_k = min(σ⁴_{k−1}/σ²_{k−2}, σ²_{k−1}, σ²_{k−2}). se² of a cohort is
    U² Σ_k σ²_k/f²_k (1/C_ik + 1/Σ_j C_jk) over the ages ahead; the total adds what cohorts share through f.

    Args:
        triangle: cumulative amounts, a row a cohort (index), a column an age in order; NaN where not yet
            known, which is the end of a row.

    Returns:
        cohort, latest, ultimate, reserve (still to come), factor (ultimate ÷ latest), standard_error, reason of
        what is NaN: `no_data` (a row without a cell), `zero_latest` (nothing can be multiplied up from zero),
        `no_factor` (no cohort has gone that way, or those that did stood at zero), `no_sigma` (only the error is
        unknown: too few cohorts). A row that is complete has reserve 0 and error 0. The last row, `total`, sums
        the cohorts that have an ultimate; `partial` says that others are left out. No cohort: no row.

    Raises:
        DataError: lists the cohorts with a known cell after an unknown one.

    Source: Mack, Distribution-free calculation of the standard error of chain ladder reserve estimates, ASTIN
    Bulletin 23 (1993).

    >>> lost = pd.DataFrame({1: [0.0, 0, 2], 2: [0.0, 3, np.nan]}, index=["2013-01", "2013-02", "2013-03"])
    >>> chain_ladder(lost)[["cohort", "ultimate", "reason"]].values.tolist()  # all that went this way began at zero
    [['2013-01', 0.0, ''], ['2013-02', 3.0, ''], ['2013-03', nan, 'no_factor'], ['total', 3.0, 'partial']]
    """
    c = triangle.to_numpy(dtype=float)
    known = ~np.isnan(c)
    if (gaps := (known[:, 1:] & ~known[:, :-1]).any(axis=1)).any():
        raise DataError(f"Cohorts with a known age after an unknown one: {list(triangle.index[gaps])}; fill or cut them.")
    if not c.size:
        return pd.DataFrame(columns=["cohort", *_AMOUNTS, "factor", "standard_error", "reason"])
    f, sigma2, base = _factors(c)
    full, at = c.copy(), known.sum(axis=1) - 1  # at: the column of the latest cell, −1 without one
    for k in range(len(f)):
        full[:, k + 1] = np.where(known[:, k + 1], c[:, k + 1], full[:, k] * f[k])
    latest = np.where(at >= 0, c[np.arange(len(c)), at], np.nan)
    stuck = (latest == 0) & (at < len(f))
    ultimate = np.where(stuck, np.nan, full[:, -1])
    has = ~np.isnan(ultimate)
    ahead = np.arange(len(f)) >= at[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        own = np.where(ahead, sigma2 / f**2 * (1 / full[:, :-1] + 1 / base), 0.0).sum(axis=1)
        shared = np.append(np.cumsum((sigma2 / f**2 / base)[::-1])[::-1], 0.0)
    variance = np.where(has, ultimate**2 * own, np.nan)
    # two cohorts share the factors from the older one's age on: with a complete one nothing
    pairs = np.outer(ultimate[has], ultimate[has]) * shared[np.maximum.outer(at[has], at[has])]
    spread = variance[has].sum() + pairs.sum() - np.trace(pairs)
    out = pd.DataFrame({"cohort": triangle.index, "latest": latest, "ultimate": ultimate, "reserve": ultimate - latest})
    why = np.select([at < 0, stuck, ~has, np.isnan(variance)], ["no_data", "zero_latest", "no_factor", "no_sigma"], "")
    out = out.assign(variance=variance, reason=why)
    total = {"cohort": "total", **out.loc[has, list(_AMOUNTS)].sum(min_count=1), "variance": spread if has.any() else np.nan}
    total["reason"] = "partial" if not has.all() else "no_sigma" if np.isnan(spread) else ""
    out = pd.concat([out, pd.DataFrame([total])], ignore_index=True)
    out["standard_error"] = np.sqrt(out.pop("variance"))
    out["factor"] = out["ultimate"] / out["latest"].where(out["latest"] != 0)
    return out[["cohort", *_AMOUNTS, "factor", "standard_error", "reason"]]


def _factors(c: Floats) -> tuple[Floats, Floats, Floats]:
    """f, σ² and Σ C_k of each step from one age to the next; NaN where nothing tells."""
    f, sigma2, base = np.full((3, c.shape[1] - 1), np.nan)
    for k in range(len(f)):
        now, then = c[~np.isnan(c[:, k + 1]), k : k + 2].T
        base[k] = now.sum()
        f[k] = then.sum() / base[k] if base[k] > 0 else np.nan
        now, then = now[now > 0], then[now > 0]
        if len(now) > 1:
            sigma2[k] = (now * (then / now - f[k]) ** 2).sum() / (len(now) - 1)
        elif k > 1:
            a, b = sigma2[k - 2], sigma2[k - 1]
            sigma2[k] = min(b * b / a, a, b) if a > 0 else a * b
    return f, sigma2, base


def loss_triangle(
    sales: pd.DataFrame, activity: pd.DataFrame, asof: date, ages: int = 12, event: Sequence[str] = ("cancelled",)
) -> pd.DataFrame:
    """Customers lost up to each age, by month of sale.

    Args:
        sales, activity: as for `customer_states`; a sale whose branch did not report its month of sale is left out
            (what it lost before the first report is not seen).
        asof: the last day known.
        ages: the last column, in months after the month of sale.
        event: the states of `LOSSES` that count as lost; the first of them in time does. Device and number seen
            apart is `split` too.

    Returns:
        index cohort (`2013-01`); customers (sales to one known customer), then 1 … ages: lost by then, a loss in the
        month of sale with them; NaN from the first month that is not over or that a selling branch did not report.

    Raises:
        UsageError: lists every event that is no state of a loss, and ages below 1.

    >>> day = pd.Timestamp("2013-01-31")
    >>> sales = pd.DataFrame({"date": day, "branch": "b", "units": 1, "customer": ["c", "d"], "device": "x"})
    >>> seen = pd.DataFrame({"customer": "c", "month": pd.to_datetime(["2013-01-01", "2013-02-01", "2013-04-01"]), "branch": "b",
    ...                      "state": "cancelled", "device_matched": True})
    >>> loss_triangle(sales, seen, date(2013, 6, 30), ages=3).values.tolist()  # nobody reported March: April is unknown too
    [[2.0, 1.0, nan, nan]]
    """
    faults = [f"event {word!r} (expected one of {', '.join(LOSSES)})" for word in event if word not in LOSSES]
    if faults := faults + ([f"ages {ages} (expected 1 or more)"] if ages < 1 else []):
        raise UsageError(listed(faults, "Losses cannot be counted:"))
    rows = customer_months(sales, activity, asof)
    lost = rows["state"].isin(event) | (rows["device_matched"].eq(False).fillna(False) & ("split" in event))
    first = rows[lost].groupby("sale")["age"].min().reindex(np.arange(len(sales)))
    reported, born = covered(sales, activity, range(ages + 1)), month_number(sales["date"])
    reported &= born[:, None] + np.arange(ages + 1) <= last_full_month(asof)
    frame = pd.DataFrame({age: first.to_numpy() <= age for age in range(1, ages + 1)}).assign(customers=1)
    cohort = month_of(sales["date"]).rename("cohort").to_numpy()
    counted = traceable(sales) & covered(sales, activity, [0])[:, 0]
    counts = frame[counted].groupby(cohort[counted]).sum().rename_axis("cohort").astype(float)
    whole = pd.DataFrame(np.logical_and.accumulate(reported, axis=1)[:, 1:], columns=range(1, ages + 1))[counted]
    known = whole.groupby(cohort[counted]).all().assign(customers=True)
    return counts.where(known)[["customers", *range(1, ages + 1)]]


def projected_share(triangle: pd.DataFrame, age: int) -> pd.DataFrame:
    """The share of each cohort's customers lost by an age: counted where known, else projected.

    Args:
        triangle: what `loss_triangle` returns.
        age: months after the month of sale; beyond the triangle nothing is known.

    Returns:
        cohort, customers, known_age (0: none), lost (by then), projected (lost by `age`), share (projected ÷ customers,
        at most 1), low, high (95 %: what is to come lognormal with Mack's error, within the customers left; a counted
        share has no error of projection), basis (`observed`, `projected`, `unknown`), reason (as `chain_ladder`; the share
        stays where only its error is unknown).

    >>> lost = pd.DataFrame({"customers": [50.0, 40], 1: [4.0, 2], 2: [6.0, np.nan]}, index=["2013-01", "2013-02"])
    >>> projected_share(lost, 2)[["share", "low", "basis", "reason"]].values.tolist()
    [[0.12, 0.12, 'observed', ''], [0.075, nan, 'projected', 'no_sigma']]
    """
    cells = triangle.drop(columns="customers").reindex(columns=range(1, age + 1))
    out = chain_ladder(cells).iloc[: len(cells)].reset_index(drop=True)
    size = triangle["customers"].to_numpy(dtype=float)
    reached = cells.notna().sum(axis=1).to_numpy()
    to_come, error = out["reserve"].astype(float), out["standard_error"].astype(float)
    log_variance = np.log1p((error / to_come.where(to_come > 0)) ** 2)
    middle, half = np.log(to_come.where(to_come > 0)) - log_variance / 2, Z * np.sqrt(log_variance)
    sure = (to_come == 0) & (error == 0)
    low, high = (out["latest"] + np.exp(middle + side * half).mask(sure, 0.0) for side in (-1, 1))
    basis = np.select([reached == age, out["ultimate"].notna()], ["observed", "projected"], "unknown")
    found = out[["cohort"]].assign(customers=size, known_age=reached, lost=out["latest"], projected=out["ultimate"])
    for name, count in {"share": out["ultimate"], "low": low, "high": high}.items():
        found[name] = np.minimum(count.astype(float) / size, 1.0)
    return found.assign(basis=basis, reason=out["reason"])

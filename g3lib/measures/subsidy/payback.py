"""Payback: when a customer's margin has paid for what the sale cost, and stays ahead of it.

Per customer sold: the cost at the sale (device discount, commission, …), then for each month u = 1…H, at its
end, S(u)·(margin_u − refund_u) while in service, and what leavers pay back, (S(u−1) − S(u))·receipt_u; all
discounted by (1+i)^u with i = (1+annual)^(1/12) − 1. Refunds stand here or in the cost, never in both. Payback
is the first month from which the sum *stays* at or above the cost; not reached within the horizon it is
censored, "> H months", which is something known.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import DataError, UsageError

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
# of the largest balance: far below a fen, far above what a sum of floats loses
_ROUNDING = 1e-10


class Payback(NamedTuple):
    """`month` is NaN with `censored` where it lies beyond `horizon`, NaN without it where an input is unknown."""

    month: float
    censored: bool
    horizon: int


def monthly_rate(annual: float) -> float:
    """The monthly rate that compounds to the annual one: (1+annual)^(1/12) − 1.

    Raises:
        UsageError: an annual rate of -1 or below.

    >>> monthly_rate(0.0), round(monthly_rate(0.08), 6)
    (0.0, 0.006434)
    """
    if annual <= -1:
        raise UsageError(f"The annual rate is {annual:g}; expected a fraction above -1, such as 0.08.")
    return float((1 + annual) ** (1 / 12) - 1)


def termination_receipts(discount: float, term: int, collection_rate: float) -> np.ndarray:
    """What one leaver of month u = 1…term pays: discount × (term − u)/term × collection rate, in yuan.

    The month of leaving counts as served, as in the refund ledger; after the term nothing is owed.

    >>> termination_receipts(600.0, 3, 0.5).round(2).tolist()
    [200.0, 100.0, 0.0]
    """
    return discount * collection_rate * (1 - np.arange(1, term + 1) / term)


def cash_curve(
    survival: npt.ArrayLike, margin: npt.ArrayLike, refunds: npt.ArrayLike, cost: float, annual_rate: float,
    receipts: npt.ArrayLike = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """The expected money of one customer sold, month by month.

    Args:
        survival: S(1)…S(H), the share in service at the end of each month.
        margin: yuan a month in service: one figure, or one a month (unknown where it gives fewer than H).
        refunds: yuan a month in service, at face or at marginal cost: one figure, or one a month (none after).
        cost: yuan at the sale.
        annual_rate: a fraction.
        receipts: yuan from one who leaves in the month: one figure, or one a month (`termination_receipts`).

    Returns:
        month 0…H; survival, margin, refund, receipt (expected yuan), discounted (of the three together),
        cumulative (from 0 at the sale), balance (cumulative − cost; its last value is the NPV). An unknown input
        makes what follows it unknown (NaN).

    Raises:
        DataError: a survival outside 0…1, or one that rises.

    >>> cash_curve([0.5, 0.0], 100.0, [30.0], 60.0, 0.0, receipts=[40.0])["balance"].tolist()
    [-60.0, -5.0, -5.0]
    """
    flows = _flows(np.asarray(survival, dtype=float), margin, refunds, receipts, annual_rate)
    names = ["survival", "margin", "refund", "receipt", "discounted"]
    at_sale = pd.DataFrame([[1.0, 0.0, 0.0, 0.0, 0.0]], columns=names)
    out = pd.concat([at_sale, pd.DataFrame(np.column_stack(flows), columns=names)], ignore_index=True)
    out.insert(0, "month", range(len(out)))
    out["cumulative"] = out["discounted"].cumsum(skipna=False)
    return out.assign(balance=out["cumulative"] - cost)


def payback_month(curve: pd.DataFrame) -> Payback:
    """The first month from which the balance stays at zero or above, not the first that touches it.

    A cost of zero that no later refund undoes is paid back in month 0.

    Args:
        curve: month and balance of `cash_curve`.

    >>> payback_month(pd.DataFrame({"month": [0, 1, 2, 3], "balance": [-5.0, 0.0, -1.0, 2.0]}))
    Payback(month=3.0, censored=False, horizon=3)
    >>> payback_month(pd.DataFrame({"month": [0, 1], "balance": [-5.0, -4.0]}))
    Payback(month=nan, censored=True, horizon=1)
    """
    month = float(_stays(curve["balance"].to_numpy()))
    return Payback(math.nan if math.isinf(month) else month, math.isinf(month), int(curve["month"].iloc[-1]))


def returns(
    survival: np.ndarray, margins: np.ndarray, refunds: npt.ArrayLike, cost: float, annual_rate: float,
    receipts: npt.ArrayLike = 0.0,
) -> pd.DataFrame:  # fmt: skip
    """Payback, NPV and ROI (NPV ÷ cost) with what the draws leave open.

    Args:
        survival: n × H draws.
        margins: n draws of the monthly margin, or n × H of each month's.
        refunds, cost, annual_rate, receipts: as for `cash_curve`.

    Returns:
        Nine rows: measure (`payback` months, `npv` yuan, `roi` fraction), quantile (`p10`, `p50`, `p90`: the
        smallest draw that at least this share of all do not exceed, so that a censored payback counts as
        late, not as absent), value, censored (print "> horizon"), horizon, reason: `unknown`, `zero_cost`.

    Raises:
        DataError: a survival outside 0…1, or one that rises.
        UsageError: an annual rate of -1 or below.

    >>> found = returns(np.array([[1.0, 1.0]] * 3), np.array([5.0, 10.0, 1.0]), 0.0, 10.0, 0.0)
    >>> found.loc[found["measure"] == "payback", ["value", "censored"]].values.tolist()
    [[1.0, False], [2.0, False], [nan, True]]
    """
    discounted = _flows(survival, margins if margins.ndim == 2 else margins[:, None], refunds, receipts, annual_rate)[-1]
    balance = np.hstack([np.zeros((len(survival), 1)), discounted.cumsum(axis=1)]) - cost
    npv = balance[:, -1]
    draws = {"payback": _stays(balance), "npv": npv, "roi": npv / cost if cost else np.full(len(npv), np.nan)}
    rows = []
    for measure, values in draws.items():
        known = np.sort(values) if len(values) and not np.isnan(values).any() else np.array([np.nan])
        for name, share in QUANTILES.items():
            value = known[math.ceil(share * len(known) - 1e-9) - 1]
            reason = "" if not np.isnan(value) else "zero_cost" if measure == "roi" and cost == 0 else "unknown"
            rows.append((measure, name, np.nan if np.isinf(value) else value, bool(np.isinf(value)), survival.shape[1], reason))
    return pd.DataFrame(rows, columns=["measure", "quantile", "value", "censored", "horizon", "reason"])


def break_even_subsidy(cases: pd.DataFrame, annual_rate: float, collection_rate: float = 0.0) -> pd.DataFrame:
    """The largest device discount that still pays back within the contract, to the fen, for each device class.

    With A(u) the discounted sum of margin less refunds and B(u) what leavers owe by month u per yuan of
    discount × collection rate, payback within the term means A(u) + s·B(u) ≥ s + other cost in every month u from
    the term on: s = min over u ≥ term of (A(u) − other cost) ÷ (1 − B(u)), rounded down to the fen.

    Args:
        cases: a row for each device_class and month 1…H: survival, margin, refund (yuan, as for `cash_curve`),
            other_cost (yuan at the sale beside the discount) and term (months), both the same in all of a
            class's rows.
        annual_rate: a fraction.
        collection_rate: the share collected of the discount that early leavers owe pro rata.

    Returns:
        device_class, term, subsidy (yuan a unit), reason: `never` where not even 0 pays back, `short_horizon`
        where survival is known for less than the term, `no_term` for a bare sale, `unknown` where an input is.

    Raises:
        DataError: months of a class that are missing or twice there.

    >>> cases = pd.DataFrame({"device_class": "handset", "month": [1, 2, 3], "survival": 1.0, "margin": 50.0,
    ...                       "refund": [0.0, 0.0, 80.0], "other_cost": 10.0, "term": 2})
    >>> break_even_subsidy(cases, 0.0).values.tolist()
    [['handset', 2, 60.0, '']]
    """
    rows = []
    for name, case in cases.sort_values("month").groupby("device_class"):
        if case["month"].tolist() != list(range(1, len(case) + 1)):
            raise DataError(f"{name} has the months {case['month'].tolist()}; expected each from 1 on, once.")
        term = case["term"].iloc[0]
        rows.append((name, term, *(_break_even(case, annual_rate, collection_rate) if term >= 1 else (math.nan, "no_term"))))
    return pd.DataFrame(rows, columns=["device_class", "term", "subsidy", "reason"])


def _break_even(case: pd.DataFrame, rate: float, collection_rate: float) -> tuple[float, str]:
    term, other = int(case["term"].iloc[0]), float(case["other_cost"].iloc[0])
    if len(case) < term:
        return math.nan, "short_horizon"
    survival, margin, refund = (case[column].to_numpy(dtype=float) for column in ("survival", "margin", "refund"))
    owed = termination_receipts(1.0, term, collection_rate)
    earned = _flows(survival, margin, refund, 0.0, rate)[-1].cumsum()
    returned = _flows(survival, 0.0, 0.0, owed, rate)[-1].cumsum()
    largest = ((earned - other) / (1 - returned))[term - 1 :].min()
    if math.isnan(largest):
        return math.nan, "unknown"
    # the closed form falls between two fen; which of them still pays back is decided as a report would decide it
    fen = math.floor(largest * 100)
    for subsidy in (amount / 100 for amount in (fen + 1, fen, fen - 1) if amount >= 0):
        if payback_month(cash_curve(survival, margin, refund, subsidy + other, rate, subsidy * owed)).month <= term:
            return subsidy, ""
    return math.nan, "never"


def _flows(
    survival: np.ndarray, margin: npt.ArrayLike, refunds: npt.ArrayLike, receipts: npt.ArrayLike, annual_rate: float
) -> tuple[np.ndarray, ...]:
    """Survival, expected margin, refund and receipt, and the three discounted; months along the last axis."""
    horizon = survival.shape[-1]
    before = np.concatenate([np.ones_like(survival[..., :1]), survival[..., :-1]], axis=-1)
    if ((survival < 0) | (survival > before)).any():
        raise DataError("A survival is below 0, above 1 or rises; give the share still in service, S(1)…S(H).")
    earned = survival * _monthly(margin, horizon, np.nan)
    refunded = survival * _monthly(refunds, horizon, 0.0)
    received = (before - survival) * _monthly(receipts, horizon, 0.0)
    worth = (1 + monthly_rate(annual_rate)) ** -np.arange(1.0, horizon + 1)
    return survival, earned, refunded, received, (earned - refunded + received) * worth


def _monthly(values: npt.ArrayLike, horizon: int, after: float) -> np.ndarray:
    given = np.asarray(values, dtype=float)
    return np.append(given[:horizon], [after] * (horizon - len(given))) if given.ndim == 1 else given


def _stays(balance: np.ndarray) -> np.ndarray:
    """Months until the balance stays ≥ 0, along the last axis from month 0; inf beyond it, NaN if unknown."""
    short = balance < -_ROUNDING * np.abs(balance).max(axis=-1, keepdims=True)
    months = np.where(short.any(axis=-1), balance.shape[-1] - np.argmax(short[..., ::-1], axis=-1), 0).astype(float)
    months = np.where(short[..., -1], np.inf, months)
    return np.where(np.isnan(balance).any(axis=-1), np.nan, months)

"""Charts with a memory, for small shifts that last: EWMA and CUSUM.

Both take the mean and sigma of a process that was in control: a target and a sigma that are given, or those
of the whole series (mean, MR̄ / d2), which says less, for the shift is then part of the yardstick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from g3lib.errors import DataError, UsageError, listed
from g3lib.findings import Verdict
from g3lib.measures.guards import numbers
from g3lib.qc.control.result import Chart, Options, Points, Values, assemble
from g3lib.qc.control.variables import i_mr


def ewma(
    values: Values, target: float | None = None, sigma: float | None = None, weight: float = 0.2, limit: float = 3.0,
    labels: Sequence[Any] | None = None,
) -> Chart:  # fmt: skip
    """Exponentially weighted moving average: zᵢ = λxᵢ + (1 − λ)zᵢ₋₁, from the target.

    Limits: target ± L σ √(λ / (2 − λ) · (1 − (1 − λ)²ⁱ)), exact for each i, not the asymptote.

    Args:
        values: in their order; at a missing point z stays where it was.
        target, sigma: of the process in control; else mean and MR̄ / d2 of the series.
        weight: λ in (0, 1]; limit: L. Montgomery: L ≈ 2.7 with λ = 0.1.
        labels: a name for each point.

    Raises:
        UsageError: lists a weight, limit or sigma out of range. DataError: values that are no numbers, none known, a single
            one without a sigma, labels that do not fit the points or stand twice.

    >>> ewma([10, 10, 12], target=10, sigma=1, weight=0.5).values.tolist()
    [10.0, 10.0, 11.0]
    """
    x = numbers(values)
    mean, spread, source = _yardstick(x, target, sigma)
    _refuse({"weight": (weight, 0 < weight <= 1, "above 0, at most 1"), "limit": (limit, limit > 0, "above 0"),
             "sigma": (spread, spread >= 0, "0 or above")})  # fmt: skip
    z, last, steps = np.full(len(x), np.nan), mean, np.zeros(len(x))
    for i, value in enumerate(x):
        if value == value:
            last = weight * value + (1 - weight) * last
            z[i] = last
        steps[i] = (steps[i - 1] if i else 0) + (value == value)
    error = spread * np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * steps)))
    points = Points.of(len(x), Options(labels=labels))
    return assemble("ewma", source, points, z, lambda _: (mean, spread), lambda c, _: (np.full(len(x), c), error), sigmas=limit)


@dataclass(frozen=True)
class Cusum:
    """A tabular CUSUM in units of the measurement.

    `above` and `below` are C⁺ and C⁻; a point signals where one of them exceeds `limit` (H = hσ). `since`
    says for each signalling point where its sum began to grow: the first point of the shift, as estimated.
    """

    labels: tuple[Any, ...]
    values: np.ndarray
    above: np.ndarray
    below: np.ndarray
    limit: float
    allowance: float
    target: float
    sigma: float
    estimator: str
    signals: Mapping[str, tuple[int, ...]]
    since: Mapping[int, int]

    @property
    def verdict(self) -> Verdict:
        """`pass` where neither sum exceeds the limit; no verdict without any spread."""
        return Verdict.FAIL if self.signals else Verdict.PASS if self.sigma > 0 else Verdict.NONE


def cusum(
    values: Values, target: float | None = None, sigma: float | None = None, k: float = 0.5, h: float = 5.0,
    labels: Sequence[Any] | None = None,
) -> Cusum:  # fmt: skip
    """Tabular CUSUM: C⁺ᵢ = max(0, xᵢ − (μ₀ + kσ) + C⁺ᵢ₋₁), C⁻ᵢ = max(0, (μ₀ − kσ) − xᵢ + C⁻ᵢ₋₁).

    Args:
        values: in their order; a missing point leaves both sums as they are.
        target, sigma: of the process in control; else mean and MR̄ / d2 of the series.
        k: half the shift to be found, in σ; h: the limit, in σ.
        labels: a name for each point.

    Raises:
        UsageError: lists a k, h or sigma out of range.

    >>> found = cusum([0, 2, 2, 2, 2], target=0, sigma=1)
    >>> found.above.tolist(), found.signals, found.since
    ([0.0, 1.5, 3.0, 4.5, 6.0], {'cusum_above': (4,)}, {4: 1})
    """
    x = numbers(values)
    mean, spread, source = _yardstick(x, target, sigma)
    _refuse({"k": (k, k >= 0, "0 or above"), "h": (h, h > 0, "above 0"), "sigma": (spread, spread >= 0, "0 or above")})
    sums: dict[str, np.ndarray] = {}
    begun: dict[str, np.ndarray] = {}
    for name, sign in (("cusum_above", 1.0), ("cusum_below", -1.0)):
        steps = np.nan_to_num(sign * (x - mean) - k * spread)
        total, start = np.zeros(len(x)), np.zeros(len(x), dtype=int)
        for i, step in enumerate(steps):
            before = total[i - 1] if i else 0.0
            total[i] = max(0.0, before + step) if x[i] == x[i] else before
            start[i] = start[i - 1] if i and before > 0 else i
        sums[name], begun[name] = total, start
    # what rounding leaves of a constant adds up too
    over = {name: np.flatnonzero((total > h * spread) & (spread > 0)) for name, total in sums.items()}
    signals = {name: tuple(map(int, points)) for name, points in over.items() if len(points)}
    since = {i: int(begun[name][i]) for name, points in signals.items() for i in points}
    named = Points.of(len(x), Options(labels=labels)).labels
    above, below = sums.values()
    return Cusum(named, x, above, below, h * spread, k * spread, mean, spread, source, signals, since)


def _yardstick(x: np.ndarray, target: float | None, sigma: float | None) -> tuple[float, float, str]:
    if np.isnan(x).all():
        raise DataError("There is no value to chart.")
    mean = float(np.nanmean(x)) if target is None else float(target)
    return (mean, float(sigma), "given") if sigma is not None else (mean, i_mr(list(x)).location.sigma, "mr")


def _refuse(checked: Mapping[str, tuple[float, bool, str]]) -> None:
    if faults := [f"{name} is {value:g}, expected {expected}" for name, (value, good, expected) in checked.items() if not good]:
        raise UsageError(listed(faults, "The settings of the chart:"))

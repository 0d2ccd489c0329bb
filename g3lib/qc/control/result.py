"""A control chart as a plain result: what is drawn, and what broke which rule.

A chart knows for each point its value, centre, standard error and limits; how its sigma was estimated; and
the rules that were broken. It draws nothing. Limits belong to a phase: each phase has its own, or all keep
those of the first. A point is set aside from the limits only with a recorded cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.findings import Verdict
from g3lib.qc.control.rules import Series, broken, chosen

# how many standard errors the limits are away
_SIGMAS = 3.0
_FLAT = 1e-12

# a column: what a notebook has at hand
Values = Sequence[float] | np.ndarray | pd.Series


class Options(TypedDict, total=False):
    """What every Shewhart chart may be told of its points.

    `labels` name them (else 1, 2, 3 …); `phases` say which phase each belongs to, in order or by label; `frozen`
    keeps the limits of the first phase; `excluded` maps a label to the recorded cause for which its point is
    left out of the limits; `rules` names rules (`nelson_1` … `western_4`), else Nelson's as far as they hold.
    """

    labels: Sequence[Any] | None
    phases: Sequence[Any] | Mapping[Any, Any] | None
    frozen: bool
    excluded: Mapping[Any, str] | None
    rules: Sequence[str] | None


class TooShort(DataError):
    """A phase has too few points for limits of its own."""


@dataclass(frozen=True)
class Chart:
    """One control chart.

    `kind` is xbar, r, s, i, mr, p, np, c, u, p_prime, u_prime, ewma or run. `sigmas` holds the estimated
    sigma of each phase: of single values for measurements, of one unit's count for attributes (a p′ or u′
    chart's is σ_z, the factor by which the counts scatter more than chance). `signals` maps each broken
    rule to the positions (from 0) where it is broken; `freedom` holds each sigma's degrees of freedom;
    `borrowed` names the phases that are read against the limits of the phase before: their centre is not their mean; `unread`
    the rules of its kind by which somebody chose not to read it.
    """

    kind: str
    labels: tuple[Any, ...]
    values: np.ndarray
    centre: np.ndarray
    error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    phases: tuple[Any, ...]
    sigmas: Mapping[Any, float]
    estimator: str
    freedom: Mapping[Any, float] = field(default_factory=dict)
    excluded: Mapping[Any, str] = field(default_factory=dict)
    signals: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    borrowed: tuple[Any, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def sigma(self) -> float:
        """The sigma of the last phase."""
        return self.sigmas[self.phases[-1]]

    @property
    def df(self) -> float:
        """The degrees of freedom of the last phase's sigma; NaN where it has none."""
        return self.freedom.get(self.phases[-1], float("nan"))

    @property
    def verdict(self) -> Verdict:
        """`pass` where no rule is broken; no verdict without any spread, for then nothing can be told."""
        if self.signals:
            return Verdict.FAIL
        return Verdict.PASS if any(s > 0 for s in self.sigmas.values()) or self.kind == "run" else Verdict.NONE

    @property
    def known(self) -> list[Any]:
        """The phase of each point that counts: one that is missing or set aside says nothing of the process."""
        every = zip(self.phases, self.values, self.labels, strict=True)
        return [phase for phase, value, label in every if value == value and label not in self.excluded]

    def only(self, phase: Any) -> Chart:
        """One phase's points, with the limits and the broken rules that they have among the others."""
        mine = np.array([p == phase for p in self.phases], dtype=bool)
        place = {int(old): new for new, old in enumerate(np.flatnonzero(mine))}
        moved = {rule: tuple(place[i] for i in points if i in place) for rule, points in self.signals.items()}
        labels = tuple(label for label, one in zip(self.labels, mine, strict=True) if one)
        return replace(
            self, labels=labels, phases=(phase,) * len(labels), sigmas={phase: self.sigmas[phase]},
            freedom={p: df for p, df in self.freedom.items() if p == phase},
            excluded={label: cause for label, cause in self.excluded.items() if label in labels},
            signals={rule: points for rule, points in moved.items() if points},
            borrowed=tuple(p for p in self.borrowed if p == phase),
            **{name: getattr(self, name)[mine] for name in ("values", "centre", "error", "lower", "upper")},
        )  # fmt: skip

    def table(self) -> pd.DataFrame:
        """One row a point: point, phase, value, centre, lower, upper, broke (the rules, joined), excluded (the cause)."""
        broke = [", ".join(rule for rule, points in self.signals.items() if i in points) for i in range(len(self.values))]
        causes = [self.excluded.get(label, "") for label in self.labels]
        return pd.DataFrame(
            {"point": self.labels, "phase": self.phases, "value": self.values, "centre": self.centre, "lower": self.lower,
             "upper": self.upper, "broke": broke, "excluded": causes}
        )  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Where a process stands, and how far it spreads: X̄ with R or S, I with MR."""

    location: Chart
    spread: Chart

    @property
    def verdict(self) -> Verdict:
        """Stable only where both are."""
        both = {self.location.verdict, self.spread.verdict}
        return next((v for v in (Verdict.FAIL, Verdict.NONE) if v in both), Verdict.PASS)


@dataclass(frozen=True)
class Points:
    """The points of a chart before its limits: their labels, phases, and those set aside with a cause."""

    labels: tuple[Any, ...]
    phases: tuple[Any, ...]
    frozen: bool
    excluded: Mapping[Any, str]

    @classmethod
    def of(cls, n: int, options: Options) -> Points:
        """The n points, checked.

        Raises:
            DataError: lists labels that are too few or stand twice, phases that are missing or come back, points
                set aside that are none or have no cause.
        """
        labels, phases = options.get("labels"), options.get("phases")
        named = tuple(labels) if labels is not None else tuple(range(1, n + 1))
        aside = dict(options.get("excluded") or {})
        faults = [f"{len(named)} labels for {n} points"] * (len(named) != n)
        faults += [f"{label!r} stands twice" for label, times in Counter(named).items() if times > 1]
        if isinstance(phases, Mapping):
            faults += [f"{label!r} has no phase" for label in named if label not in phases]
            phases = [phases.get(label) for label in named]
        by_phase = tuple(phases) if phases is not None else ("",) * len(named)
        if len(by_phase) != len(named):
            faults.append(f"{len(by_phase)} phases for {len(named)} points")
        starts = [p for i, p in enumerate(by_phase) if not i or by_phase[i - 1] != p]
        faults += [f"phase {phase!r} ends and comes back" for phase in dict.fromkeys(starts) if starts.count(phase) > 1]
        faults += [f"{label!r} is set aside but is no point" for label in aside if label not in named]
        faults += [f"{label!r} is set aside without a cause" for label, cause in aside.items()
                   if not (isinstance(cause, str) and cause.strip())]  # fmt: skip
        faults += ["there is no point"] * (not named)
        if faults:
            raise DataError(listed(faults, "The points of a control chart:"))
        return cls(named, by_phase, options.get("frozen", False), aside)

    @property
    def aside(self) -> np.ndarray:
        """Whether each point is set aside."""
        return np.array([label in self.excluded for label in self.labels], dtype=bool)


# what is estimated of a phase: its centre and its sigma
Estimate = tuple[float, float]


def assemble(
    kind: str, estimator: str, points: Points, values: np.ndarray, estimate: Callable[[np.ndarray], Estimate],
    place: Callable[[float, float], tuple[np.ndarray, np.ndarray]], bounds: tuple[float, Any] = (-np.inf, np.inf),
    rules: Sequence[str] | None = None, df: Callable[[np.ndarray], float] | None = None, sigmas: float = _SIGMAS,
) -> Chart:  # fmt: skip
    """A chart from how its centre and sigma are estimated and where they put each point's limits.

    Args:
        kind, estimator: see `Chart`.
        points, values: the points and what is charted; NaN is a missing point.
        estimate: (which points count) → centre and sigma of a phase.
        place: (centre, sigma) → centre and standard error of every point.
        bounds: what the statistic can be at all; the limits are clipped there.
        rules: see `rules.chosen`.
        df: (which points count) → degrees of freedom of the sigma estimator.
        sigmas: how many standard errors the limits are away.

    Raises:
        DataError: the first phase has no point to estimate its limits from.
    """
    values = np.asarray(values, dtype=float)
    counts = ~np.isnan(values) & ~points.aside
    centre, error = np.full(len(values), np.nan), np.full(len(values), np.nan)
    found: dict[Any, float] = {}
    first: Estimate | None = None
    freedom: dict[Any, float] = {}
    last_df = float("nan")
    borrowed: list[Any] = []
    for phase in dict.fromkeys(points.phases):
        mine = np.array([p == phase for p in points.phases], dtype=bool)
        if first is not None and points.frozen:
            borrowed.append(phase)
        else:
            try:
                if not (mine & counts).any():
                    raise TooShort(f"There is no point to estimate limits from{f' in phase {phase!r}' if phase else ''}.")
                first = estimate(mine & counts)
                last_df = df(mine & counts) if df is not None else last_df
            except TooShort:
                # a phase too short for limits of its own is read against those of the phase before
                if first is None:
                    raise
                borrowed.append(phase)
        if first[1] <= _FLAT * abs(first[0]):  # what rounding leaves of a constant is no spread, and no yardstick
            first = (first[0], 0.0)
        found[phase], freedom[phase] = first[1], last_df
        whole = place(*first)
        centre[mine], error[mine] = whole[0][mine], whole[1][mine]
    lower = np.maximum(centre - sigmas * error, bounds[0])
    upper = np.minimum(centre + sigmas * error, bounds[1])
    chart = Chart(kind, points.labels, values, centre, error, lower, upper, points.phases, found, estimator, freedom,
                  points.excluded, borrowed=tuple(borrowed))  # fmt: skip
    return replace(chart, signals=signals(chart, rules))


def signals(chart: Chart, rules: Sequence[str] | None) -> Mapping[str, tuple[int, ...]]:
    """Which of these rules a chart breaks, and where; as for `Options.rules`, whatever rules it was made with."""
    counts = ~np.isnan(chart.values) & ~np.array([label in chart.excluded for label in chart.labels], dtype=bool)
    told = counts & (chart.error > 0)
    series = Series(chart.values, chart.centre, chart.error, chart.lower, chart.upper, told, _begins(counts, chart.phases))
    return broken(series, chosen(chart.kind, rules))


def _begins(counts: np.ndarray, phases: Sequence[Any]) -> np.ndarray:
    """The first point of each point's stretch: a gap, a point set aside and a new phase all begin another."""
    fresh = np.ones(len(counts), dtype=bool)
    for i in range(1, len(counts)):
        fresh[i] = not (counts[i] and counts[i - 1]) or phases[i] != phases[i - 1]
    place = np.arange(len(counts))
    return np.maximum.accumulate(np.where(fresh, place, 0)) if len(counts) else place


def moving_ranges(values: np.ndarray, phases: Sequence[Any], counts: np.ndarray) -> np.ndarray:
    """|x − the one before|, NaN where there is none before it in its stretch."""
    begins = _begins(counts, phases)
    out = np.full(len(values), np.nan)
    follows = counts & (begins < np.arange(len(values)))
    out[follows] = np.abs(np.diff(values))[follows[1:]] if len(values) else []
    return out

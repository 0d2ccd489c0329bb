"""Which control chart suits a series, and why: the data decide, and the reasons are said.

Counts out of a whole take p, counts over an extent u (c where all extents are alike); where they scatter
more than chance, p′ or u′. Measurements take I-MR when they come one by one, X̄-R in subgroups of up to ten
alike in size, X̄-S in larger or unequal ones, where a range wastes what the values know.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

import numpy as np

from g3lib.measures.guards import numbers
from g3lib.qc.control.attributes import Dispersion, c, dispersion, p, u
from g3lib.qc.control.result import Chart, Options, Pair, Values, signals
from g3lib.qc.control.rules import ALLOWED, chosen
from g3lib.qc.control.variables import i_mr, xbar_r, xbar_s

# beyond this a range throws too much away (Montgomery, 6.1)
_LARGEST_FOR_RANGES = 10
_TOGETHER = "over_dispersed_together"


@dataclass(frozen=True)
class Suited:
    """A chart and why it is this one.

    `reasons` are codes of the vocabulary `chart_choice`; `dispersion` is what decided between p and p′, u and u′.
    """

    chart: Chart | Pair
    reasons: tuple[str, ...]
    dispersion: Dispersion | None = None

    @property
    def spread(self) -> Chart | None:
        """The chart that shows how far it spreads, where there is one."""
        return self.chart.spread if isinstance(self.chart, Pair) else None

    @property
    def location(self) -> Chart:
        """The chart that shows where the process stands."""
        return self.chart.location if isinstance(self.chart, Pair) else self.chart

    def only(self, phase: Any) -> Suited:
        """One phase's points: chosen, and their limits set, as among all; limits that were not widened are said to be so."""
        if isinstance(self.chart, Pair):
            return replace(self, chart=Pair(self.chart.location.only(phase), self.chart.spread.only(phase)))
        own = self.chart.only(phase)
        why = self.reasons
        if _TOGETHER in why and not own.sigma > 1:  # one: the limits are chance's own; nought: nothing scatters, nor is widened
            why = (*(reason for reason in why if reason != _TOGETHER), *(["chance_within"] if own.sigma > 0 else []))
        return replace(self, chart=own, reasons=why)


def for_parts(counts: Values, of: Values, **options: Unpack[Options]) -> Suited:
    """The chart of parts of a whole (valid customers of those sold): p, or p′ where they scatter more than chance.

    Args:
        counts, of, options: as in `p`.

    >>> for_parts([5, 5, 6, 4], [10, 10, 10, 10]).reasons
    ('parts', 'by_chance')
    """
    tested = dispersion("p", counts, of, **options)
    chart = p(counts, of, tested.over, **options)
    return Suited(chart, ("parts", _scatter(tested, chart)), tested)


def _scatter(tested: Dispersion, chart: Chart) -> str:
    """What the counts' scatter says; of several phases it is told together."""
    if not tested.over:
        return "shifted" if tested.p < 0.05 else "by_chance"
    return _TOGETHER if len(set(chart.phases)) > 1 else "over_dispersed"


def for_events(counts: Values, of: Values | None = None, **options: Unpack[Options]) -> Suited:
    """The chart of events (sales a day, complaints): c where all extents are alike, else u; u′ where they scatter more.

    Args:
        counts: the events of each point; of: the extent (days, thousands of customers), None where all are alike.
        options: as in `u`.

    >>> for_events([2, 30, 3, 40, 1, 35]).location.kind
    'u_prime'
    """
    extent = np.ones(len(counts)) if of is None else numbers(of)
    tested = dispersion("u", counts, extent, **options)
    known = extent[extent > 0]
    alike = bool(len(known)) and bool((known == known[0]).all())
    one = alike and known[0] == 1
    chart = c(counts, tested.over, **options) if one else u(counts, extent, tested.over, **options)
    return Suited(chart, ("events", "equal_extents" if alike else "unequal_extents", _scatter(tested, chart)), tested)


def for_measurements(values: Values, subgroups: Sequence[Any] | None = None, **options: Unpack[Options]) -> Suited:
    """The chart of measurements: I-MR, X̄-R or X̄-S.

    Args:
        values: the measurements in their order; subgroups: the name of each one's subgroup, or None.
        options: as in `i_mr` or `xbar_r`.

    >>> for_measurements([1, 3, 2, 4], ["a", "a", "b", "b"]).reasons
    ('measurements', 'small_subgroups')
    """
    if subgroups is None:
        return Suited(i_mr(values, **options), ("measurements", "one_by_one"))
    column = numbers(values).tolist()
    known = Counter(name for name, value in zip(subgroups, column, strict=False) if not math.isnan(value))
    sizes = {known[name] for name in subgroups}
    if sizes - {0} == {1}:
        return Suited(i_mr(values, **Options(**{"labels": list(subgroups), **options})), ("measurements", "one_by_one"))
    alike, small = len(sizes) == 1, max(sizes, default=0) <= _LARGEST_FOR_RANGES
    if alike and small:
        return Suited(xbar_r(values, subgroups, **options), ("measurements", "small_subgroups"))
    return Suited(xbar_s(values, subgroups, **options), ("measurements", "unequal_subgroups" if not alike else "large_subgroups"))


def reread(suited: Suited, rules: Sequence[str]) -> Suited:
    """The same chart read by other rules; those that do not hold for its kind are left out, as on its spread chart.

    Rules of its kind that are not among them are its `unread` ones: of a process read by fewer nobody says that it is stable.

    Args:
        suited: a chart with limits.
        rules: see `Options`.

    >>> suited = for_measurements([1.0, 2.0, 1.0, 2.0, 9.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0])
    >>> list(suited.location.signals), list(reread(suited, ["nelson_2"]).location.signals)
    (['nelson_1'], [])
    """

    def read(chart: Chart) -> Chart:
        unread = tuple(rule for rule in chosen(chart.kind, None) if rule not in rules)
        return replace(chart, signals=signals(chart, [rule for rule in rules if rule in ALLOWED[chart.kind]]), unread=unread)

    if isinstance(suited.chart, Pair):
        return replace(suited, chart=Pair(read(suited.chart.location), read(suited.chart.spread)))
    return replace(suited, chart=read(suited.chart))

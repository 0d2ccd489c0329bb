"""Rules that a controlled process rarely breaks, each a small function counted in points.

A rule says at which points it is broken: the last point of each stretch that breaks it. A stretch never
reaches over a gap, a phase's end or a point set aside. On Shewhart charts a point on the centre line
breaks a run; Anhøj's rules pass over it. A point exactly on a limit or a zone's border lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from g3lib.errors import UsageError, listed

# arrays of values and of yes and no; numpy's stubs make any comparison Any
Flags = Any
_HAIR = 1e-12


@dataclass(frozen=True)
class Series:
    """What a rule reads: values, centre and standard error of each point, limits, and where a stretch begins.

    `begins` is the position of the first point of each point's stretch; a point that counts in no stretch
    (missing, set aside) is a stretch of its own and `counts` is False there.
    """

    values: np.ndarray
    centre: np.ndarray
    error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    counts: Flags
    begins: np.ndarray

    @cached_property
    def _hair(self) -> np.ndarray:
        """What rounding may move a mean by: a point on the line is on no side of it."""
        return np.asarray(_HAIR * np.maximum(np.abs(self.values), np.abs(self.centre)))

    def above(self, zones: float = 0.0) -> Flags:
        """Whether each point lies above its own centre by more than so many of its own standard errors."""
        return self.counts & (self.values > self.centre + zones * self.error + self._hair)

    def below(self, zones: float = 0.0) -> Flags:
        """The same below the centre."""
        return self.counts & (self.values < self.centre - zones * self.error - self._hair)

    def rises(self) -> Flags:
        """Whether each point is higher than the one before it in its stretch."""
        return self._follows() & _after_the_first(self.values[1:] > self.values[:-1])

    def falls(self) -> Flags:
        """Whether each point is lower than the one before it in its stretch."""
        return self._follows() & _after_the_first(self.values[1:] < self.values[:-1])

    def in_a_row(self, flags: Flags) -> Any:
        """How many flagged points in a row end at each point."""
        place = np.arange(len(flags))
        last = np.maximum.accumulate(np.where(flags, -1, place)) if len(flags) else place
        return place - np.maximum(last, self.begins - 1)

    def in_window(self, flags: Flags, length: int) -> Any:
        """How many of the last `length` points of the stretch are flagged."""
        sums = np.zeros(len(flags) + 1, dtype=np.intp)
        np.cumsum(flags, out=sums[1:])
        place = np.arange(len(flags))
        return sums[place + 1] - sums[np.maximum(place + 1 - length, self.begins)]

    def _follows(self) -> Flags:
        return self.counts & (self.begins < np.arange(len(self.values)))


def _after_the_first(flags: Flags) -> Flags:
    """Flags of neighbours as flags of points: the first has none before it (np.r_ says the same in six times the time)."""
    whole = np.zeros(len(flags) + 1, dtype=bool)
    whole[1:] = flags
    return whole


def beyond_limits(series: Series) -> Flags:
    """A point outside its own limits."""
    beyond = (series.values > series.upper + series._hair) | (series.values < series.lower - series._hair)
    return series.counts & beyond


def one_side(series: Series, points: int) -> Flags:
    """So many points in a row on one side of the centre."""
    return (series.in_a_row(series.above()) >= points) | (series.in_a_row(series.below()) >= points)


def trend(series: Series, points: int) -> Flags:
    """So many points each higher, or each lower, than the one before: six points are five differences."""
    return (series.in_a_row(series.rises()) >= points - 1) | (series.in_a_row(series.falls()) >= points - 1)


def alternating(series: Series, points: int) -> Flags:
    """So many points that go up and down in turn: fourteen points are thirteen differences, twelve turns."""
    up, down = series.rises(), series.falls()
    turns = _after_the_first((up[1:] & down[:-1]) | (down[1:] & up[:-1]))
    return series.in_a_row(turns) >= points - 2


def mostly_beyond(series: Series, needed: int, of: int, zones: float) -> Flags:
    """So many of the last points beyond a zone on the same side, the last one among them."""
    sides = (series.above(zones), series.below(zones))
    return np.logical_or.reduce([side & (series.in_window(side, of) >= needed) for side in sides])


def hugging(series: Series, points: int) -> Flags:
    """So many points in a row within one standard error of the centre, its border included."""
    within = series.counts & ~series.above(1.0) & ~series.below(1.0)
    return series.in_a_row(within) >= points


def avoiding(series: Series, points: int) -> Flags:
    """So many points in a row beyond one standard error, on either side or both."""
    return series.in_a_row(series.above(1.0) | series.below(1.0)) >= points


RULES: dict[str, Callable[[Series], Flags]] = {
    "nelson_1": beyond_limits,
    "nelson_2": lambda s: one_side(s, 9),
    "nelson_3": lambda s: trend(s, 6),
    "nelson_4": lambda s: alternating(s, 14),
    "nelson_5": lambda s: mostly_beyond(s, 2, 3, 2.0),
    "nelson_6": lambda s: mostly_beyond(s, 4, 5, 1.0),
    "nelson_7": lambda s: hugging(s, 15),
    "nelson_8": lambda s: avoiding(s, 8),
    "western_1": beyond_limits,
    "western_2": lambda s: mostly_beyond(s, 2, 3, 2.0),
    "western_3": lambda s: mostly_beyond(s, 4, 5, 1.0),
    "western_4": lambda s: one_side(s, 8),
}
NELSON = tuple(f"nelson_{i}" for i in range(1, 9))
WESTERN = tuple(f"western_{i}" for i in range(1, 5))
# what a kind of chart may be asked: ranges and counts are skewed, and moving ranges hang together
ALLOWED = {
    **dict.fromkeys(("xbar", "i"), (*NELSON, *WESTERN)),
    **dict.fromkeys(("r", "s", "p", "np", "c", "u", "p_prime", "u_prime"), NELSON[:4]),
    **dict.fromkeys(("mr", "ewma"), NELSON[:1]),
}


def chosen(kind: str, wanted: Iterable[str] | None) -> tuple[str, ...]:
    """The rules for a kind of chart: Nelson's as far as they hold for it, or those that are named.

    Raises:
        UsageError: lists every rule that is none, or does not hold for this kind.

    >>> chosen("mr", None)
    ('nelson_1',)
    """
    allowed = ALLOWED[kind]
    if wanted is None:
        return tuple(rule for rule in allowed if rule in NELSON)
    wanted = tuple(wanted)
    if faults := [f"{r!r} {'does not hold here' if r in RULES else 'is no rule'}" for r in wanted if r not in allowed]:
        raise UsageError(listed(faults, f"Rules for a {kind} chart; it takes {', '.join(allowed)}:"))
    return wanted


def broken(series: Series, rules: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """The rules that are broken, and at which points (positions from 0)."""
    found = {rule: np.flatnonzero(RULES[rule](series)) for rule in rules}
    return {rule: tuple(map(int, points)) for rule, points in found.items() if len(points)}


def anhoj(values: np.ndarray, centre: float) -> tuple[int, int, int, int]:
    """The longest run and the crossings of a run chart, with what chance leaves room for (Anhøj and Olesen 2014).

    Points on the centre line are passed over.

    Returns:
        (longest run, longest expected = round(log2 n + 3), crossings, fewest expected = the 5 % quantile of
        the binomial of n − 1 and one half); n is the number of points off the line.

    >>> anhoj(np.array([1.0, 2, 3, 3, 4, 5]), 3.0)   # two on the line: two below, then two above
    (2, 5, 1, 0)
    """
    from scipy.special import bdtr

    sides = np.sign(values[~np.isnan(values)] - centre)
    sides = sides[sides != 0]
    n = len(sides)
    if n < 2:
        return n, 0, 0, 0
    changes = np.flatnonzero(np.diff(sides)) + 1
    longest = int(np.diff(np.r_[0, changes, n]).max())
    fewest = int(np.argmax(bdtr(np.arange(n), n - 1, 0.5) >= 0.05))
    return longest, round(math.log2(n) + 3), len(changes), fewest

"""What a case's tables come to, one record a kind, and the story that holds them: what the report, the deck and the audit read.

Nothing is filled in: a step without data has None or an empty frame, and the audit says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pandas as pd

from g3lib.measures.guards import ratio
from g3lib.periods import days
from g3lib.qc import control
from g3lib.qc.story.case import Case
from g3lib.qc.tree import Links

NAN = math.nan


@dataclass(frozen=True)
class Reading:
    """A characteristic over some points: its value, and for a rate the counts behind it."""

    value: float
    count: float
    of: float
    first: str
    last: str
    points: int

    @property
    def period(self) -> str:
        """From its first month to its last."""
        return f"{self.first}..{self.last}"


@dataclass(frozen=True)
class Level:
    """One level of the survey: a stratum's Pareto, `within` the largest class of each level above."""

    stratum: str
    within: tuple[str, ...]
    pareto: pd.DataFrame

    @property
    def largest(self) -> pd.Series:
        """The row of its largest class by value: "other" stands last in a Pareto however large it is."""
        return self.pareto.loc[self.pareto["count"].idxmax()]

    @property
    def smallest(self) -> pd.Series:
        """The row of its smallest class."""
        return self.pareto.loc[self.pareto["count"].idxmin()]

    @property
    def vital(self) -> tuple[str, ...]:
        """Its vital few."""
        return tuple(self.pareto.loc[self.pareto["vital"], self.stratum])


def symptom(levels: Sequence[Level]) -> float:
    """The part of the whole problem that lies in the largest class of each level: the 症结.

    >>> one = Level("c", (), pd.DataFrame({"c": ["a", "其他"], "count": [4, 6], "share": [0.4, 0.6], "vital": [True, True]}))
    >>> symptom([one])                                   # what is not broken down may be the largest
    0.6
    """
    return float(np.prod([level.largest["share"] for level in levels])) if levels else NAN


@dataclass(frozen=True)
class Goal:
    """The target: what it is, and what its basis makes it: `needed` is what the calculation allows for.

    `is_no_better` where the state of before meets it already.
    """

    value: float
    basis: str
    needed: float
    holds: bool
    is_no_better: bool = False


@dataclass(frozen=True)
class Effect:
    """Before against after, and against the target: a difference with its interval (95 %), p, and whether it is met.

    `dispersion` is by how much the points of a phase scatter more than independent counts do, or, for a volume, its mean
    more than that of independent points (1 where no more). `after` has the months of consolidation among its own;
    `consolidation` are those alone, `held` whether they still meet the target.
    """

    before: Reading
    after: Reading
    difference: float
    low: float
    high: float
    p: float
    attainment: float
    met: bool | None
    dispersion: float
    consolidation: Reading | None = None
    held: bool | None = None


@dataclass(frozen=True)
class Counted:
    """How many problems the survey and the series count in the same period."""

    period: str
    survey: float
    series: float


@dataclass(frozen=True)
class Benefit:
    """Volume × change × unit value − cost, with the change's interval, yuan; NaN where a countermeasure's cost is unknown."""

    gross: float
    cost: float
    net: float
    low: float
    high: float


@dataclass(frozen=True)
class Story:
    """A case, computed.

    `now` is the characteristic before, `gap` what is short of the requirement in the direction of improvement (above nought: not
    met; NaN without one); `chart` the whole series, `survey_chart` its months before; `levels` the survey's, `after_levels`
    the same of its repetition; `counts` the survey's periods whose problems the series counts too; `goal`, `effect` and
    `benefit` None where they are not told or cannot be had; `links` the causes' table as a tree; `tested` what
    `causes.confirm` gives; `options` cause, option, the group's marks by criterion, score, rank; `plan` what
    `schedule.critical_path` gives; `measures` what `computed` makes of implementation.csv: id, metric, better, goal, rate,
    unit, before, after, difference, low, high, met, side_effect.
    """

    case: Case
    now: Reading | None = None
    gap: float = NAN
    chart: control.Suited | None = None
    survey_chart: control.Suited | None = None
    levels: tuple[Level, ...] = ()
    after_levels: tuple[Level, ...] = ()
    counts: tuple[Counted, ...] = ()
    goal: Goal | None = None
    links: Links | None = None
    tested: pd.DataFrame = field(default_factory=pd.DataFrame)
    options: pd.DataFrame = field(default_factory=pd.DataFrame)
    plan: pd.DataFrame = field(default_factory=pd.DataFrame)
    measures: pd.DataFrame = field(default_factory=pd.DataFrame)
    effect: Effect | None = None
    benefit: Benefit | None = None

    @property
    def characteristic(self) -> str:
        """What is measured, in the group's words."""
        return str(self.case.say("topic", "characteristic") or "")

    @property
    def higher_is_better(self) -> bool:
        """The direction of improvement."""
        return self.case.higher_is_better

    @property
    def is_rate(self) -> bool:
        """Whether the characteristic is a part of a whole."""
        return self.case.is_rate

    @property
    def other_unit(self) -> str:
        """The requirement's unit, where it is another than the characteristic's."""
        unit = str(self.case.say("topic", "requirement_unit") or "")
        return "" if self.is_rate or unit == self.case.say("topic", "unit") else unit

    @property
    def has_crux(self) -> bool:
        """Whether the survey breaks a problem down to a 症结; the best seller of a survey of sales is none."""
        return len(self.levels) > 1 and not self.case.counts_sales

    @property
    def crux(self) -> tuple[str, ...]:
        """The 症结: the largest class of each level of the survey."""
        return tuple(str(level.largest[level.stratum]) for level in self.levels)

    @property
    def crux_share(self) -> float:
        """The part of the whole problem that lies in the 症结."""
        return symptom(self.levels)

    @property
    def crux_share_after(self) -> float:
        """The part of the problem that the 症结 of before has after; NaN where nothing was counted after."""
        inside = rows = self._again
        for level, name in zip(self.levels, self.crux, strict=True):
            inside = inside[inside[level.stratum] == name]
        return ratio(float(inside["count"].sum()), float(rows["count"].sum()))

    @property
    def _again(self) -> pd.DataFrame:
        survey = self.case.table("survey")
        return survey[survey["phase"] == "after"]

    @property
    def nothing_left(self) -> bool:
        """Whether the survey was done again, and found no problem."""
        return len(self._again) > 0 and not self._again["count"].sum() > 0

    @property
    def holes(self) -> tuple[tuple[str, str], ...]:
        """What is missing in a series of months, and the phase of the point after it: a chart takes both sides for neighbours."""
        series = self.case.table("series")
        spans = [days(period) for period in series["period"]]
        found = []
        for (_, end), (begin, _), phase in zip(spans, spans[1:], series["phase"].iloc[1:], strict=False):
            if (begin - end).days > 1 and all(one < other for one, other in spans):  # days may leave out week ends
                first, last = (f"{end + timedelta(1):%Y-%m}", f"{begin - timedelta(1):%Y-%m}")
                found.append((first if first == last else f"{first}..{last}", str(phase)))
        return tuple(found)

    @property
    def counts_differ(self) -> tuple[Counted, ...]:
        """The survey's periods whose problems are others than the series'."""
        return tuple(c for c in self.counts if c.survey != c.series)

    @property
    def location(self) -> control.Chart | None:
        """The staged control chart's location, None without a series."""
        return None if self.chart is None else self.chart.location

    @property
    def spread(self) -> control.Chart | None:
        """The chart of how neighbouring points differ, None where there is none."""
        return None if self.chart is None else self.chart.spread

    @property
    def confirmed(self) -> tuple[str, ...]:
        """The confirmed causes."""
        return tuple(self.tested.loc[self.tested["verdict"] == "confirmed", "cause"]) if len(self.tested) else ()

    @property
    def untested(self) -> tuple[str, ...]:
        """The end causes that no test was declared for."""
        tested = set(self.tested["cause"]) if len(self.tested) else set()
        return tuple(name for name in self.links.ends if name not in tested) if self.links is not None else ()

    @property
    def answered(self) -> tuple[str, ...]:
        """The confirmed causes that have a countermeasure."""
        aimed_at = set(self.case.table("countermeasures")["cause"])
        return tuple(cause for cause in self.confirmed if cause in aimed_at)

    @property
    def late(self) -> int:
        """How many activities ended later than planned."""
        plan = self.case.table("schedule")
        return int((plan["actual_end"] > plan["planned_end"]).sum())

    @property
    def unended(self) -> int:
        """How many activities have no actual end."""
        return int(self.case.table("schedule")["actual_end"].isna().sum())

    @property
    def risen(self) -> float:
        """By how much the group's assessment of itself rose, on average over its items; NaN without one."""
        radar = self.case.table("radar")
        return float((radar["after"] - radar["before"]).mean()) if len(radar) else NAN

"""What a case's tables say, computed once: the report, the deck and the audit all read it from here.

Nothing is filled in: a step without data has None or an empty frame, and the audit says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from g3lib.measures.guards import ratio
from g3lib.periods import days
from g3lib.qc import causes, control, matrix, strata
from g3lib.qc.causes.declared import filled
from g3lib.qc.schedule import critical_path
from g3lib.qc.story import change
from g3lib.qc.story.case import Case, months_of
from g3lib.qc.story.records import NAN, Benefit, Counted, Effect, Goal, Level, Reading, Story, symptom
from g3lib.qc.tree import tree

_ROUNDED = 0.01


def computed(case: Case) -> Story:
    """Everything that the case's tables say.

    >>> from pathlib import Path
    >>> from g3lib.qc.story.reading import read_case
    >>> story = computed(read_case(Path("data/cases/nanqu-2010")))
    >>> round(story.now.value, 2), story.links is None       # the document stops in its survey
    (559.33, True)
    """
    series, rate, higher = case.table("series"), case.is_rate, case.higher_is_better
    now = _reading(series, ("before",), rate)
    requirement = case.say("topic", "requirement")
    gap = NAN if now is None or requirement is None else (requirement - now.value) * (1 if higher else -1)
    levels = _levels(case, "before")
    goal = _goal(case, now, () if case.counts_sales else levels, higher)
    tested = causes.confirm(case.table("tests"), case.data) if len(case.table("tests")) else pd.DataFrame()
    effect = _effect(series, rate, higher, goal)
    chart = _chart(series, rate)
    of_survey = None if chart is None or series["phase"].iloc[0] != "before" else chart.only("before")
    return Story(
        case, now, gap, chart, of_survey, levels, _levels(case, "after"),
        tuple(_counts(case)) if rate and not higher else (), goal,
        tree(case.table("causes")) if "causes" in case.tables else None, tested, _options(case),
        critical_path(case.table("activities")) if len(case.table("activities")) else pd.DataFrame(),
        _measures(case), effect, _benefit(case, effect, higher),
    )  # fmt: skip


def _reading(series: pd.DataFrame, phases: Sequence[str], rate: bool) -> Reading | None:
    rows = series[series["phase"].isin(phases) & series["excluded"].isna()] if len(series) else series
    if rows.empty:
        return None
    count, of = (float(rows["count"].sum()), float(rows["of"].sum())) if rate else (NAN, NAN)
    value = ratio(count, of) if rate else float(rows["value"].mean())
    return Reading(value, count, of, *months_of(rows["period"]), len(rows))


def _chart(series: pd.DataFrame, rate: bool) -> control.Suited | None:
    """The staged control chart: each phase its own limits, points set aside with their causes."""
    counts = (series["phase"] == series["phase"].iloc[0]) & series["excluded"].isna() if len(series) else pd.Series(dtype=bool)
    if not (counts & counts.shift(fill_value=False)).any():  # without two neighbours in its first phase there is no yardstick
        return None
    options = control.Options(labels=series["period"].tolist(), phases=series["phase"].tolist())
    aside = series[series["excluded"].notna()]
    options["excluded"] = dict(zip(aside["period"], aside["excluded"], strict=True))
    if rate:
        return control.for_parts(series["count"], series["of"], **options)
    return control.for_measurements(series["value"], **options)


def _levels(case: Case, phase: str) -> tuple[Level, ...]:
    survey, names = case.table("survey"), case.say("survey", "strata") or []
    rows = survey[survey["phase"] == phase] if len(survey) else survey
    found: list[Level] = []
    within: list[str] = []
    for name in names:
        if not rows["count"].sum() > 0:
            break
        pareto = strata.pareto(rows, name, "count")
        level = Level(name, tuple(within), pareto)
        found.append(level)
        top = str(level.largest[name])
        within.append(top)
        rows = rows[rows[name] == top]
    return tuple(found)


def _counts(case: Case) -> Iterator[Counted]:
    series, survey = case.table("series"), case.table("survey")
    for phase, key in (("before", "period"), ("after", "after_period")):
        own, period = survey[survey["phase"] == phase], case.say("survey", key)
        if own.empty or series.empty or not period or case.counts_sales:
            continue
        (first, last), spans = days(str(period)), series["period"].map(days)
        rows = series[[first <= begins and ends <= last for begins, ends in spans]]
        # a part of the survey's days is not held against all of them
        covered = sum((ends - begins).days + 1 for begins, ends in dict.fromkeys(rows["period"].map(days)))
        if covered == (last - first).days + 1:
            yield Counted(str(period), float(own["count"].sum()), float(rows["count"].sum()))


def _goal(case: Case, now: Reading | None, levels: Sequence[Level], higher: bool) -> Goal | None:
    value, basis = case.say("target", "value"), case.say("target", "basis")
    if value is None:
        return None
    needed = NAN
    if basis == "computed" and now is not None and case.say("target", "solvable") is not None:
        # what is left of the problem once the solvable part of the 症结 is gone
        part = symptom(levels) * case.say("target", "solvable")
        if not higher:
            needed = now.value * (1 - part)
        else:  # of a rate the problem is what fails, of a volume what is missing of the requirement
            needed = now.value + part * ((1 - now.value) if case.is_rate else _room(case, now))
    elif basis != "computed" and case.say("target", "reference") is not None:  # a reference is no calculation
        needed = float(case.say("target", "reference"))
    # a target may ask for less than its basis allows for, not for more than its rounding to two figures
    beyond = value - needed if higher else needed - value
    holds = bool(needed == needed and beyond <= _ROUNDED * abs(needed))
    no_better = now is not None and (value <= now.value if higher else value >= now.value)
    return Goal(float(value), str(basis or ""), needed, holds, no_better)


def _room(case: Case, now: Reading) -> float:
    requirement, unit = case.say("topic", "requirement"), case.say("topic", "requirement_unit")
    if unit and unit != case.say("topic", "unit"):  # what is missing cannot be told
        return NAN
    return max(0.0, float(requirement) - now.value) if requirement is not None else NAN


def _options(case: Case) -> pd.DataFrame:
    """The group's own marks of each cause's options, and the score and rank that they add up to."""
    table = case.table("options")
    criteria = [c for c in table.columns if c not in ("cause", "option")]
    found = [rows[["cause", "option", *criteria]].join(matrix.weighed(rows[["option", *criteria]], "option")[["score", "rank"]])
             for _, rows in table.groupby("cause", sort=False)] if criteria else []  # fmt: skip
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _measures(case: Case) -> pd.DataFrame:
    """Each countermeasure's own goal, before and after.

    Returns:
        id, metric, better, goal, before, after, difference, low, high (fractions where `rate`, else means of the periods in
        `unit`), met, side_effect.
    """
    rows = []
    for (name, metric), own in case.table("implementation").groupby(["id", "metric"], sort=False):
        own = own.assign(excluded=None).sort_values("period", key=lambda told: told.map(lambda p: days(p)[0]))
        rate, phases = bool(own["value"].isna().all()), [own[own["phase"] == phase] for phase in ("before", "after")]
        if rate:
            before, now = (ratio(float(rows["count"].sum()), float(rows["of"].sum())) for rows in phases)
            found = change.of_rates(own)
        else:
            values = [rows["value"].astype(float) for rows in phases]
            before, now = (float(of.mean()) for of in values)
            found = change.of_means(*values)
        goal, better = float(own["goal"].iloc[0]), own["better"].iloc[0]
        met = now >= goal if better == "higher" else now <= goal
        said = own["side_effect"].dropna()
        unit = own["unit"].iloc[0] if not rate and own["unit"].notna().all() else ""
        rows.append({"id": name, "metric": metric, "better": better, "goal": goal, "rate": rate, "unit": unit, "before": before,
                     "after": now, "difference": found.difference, "low": found.low, "high": found.high, "met": bool(met),
                     "side_effect": "；".join(dict.fromkeys(said))})  # fmt: skip
    return pd.DataFrame(rows)


def _effect(series: pd.DataFrame, rate: bool, higher: bool, goal: Goal | None) -> Effect | None:
    before, after = _reading(series, ("before",), rate), _reading(series, ("after", "consolidation"), rate)
    if before is None or after is None:
        return None
    later = series["phase"].replace("consolidation", "after")
    if rate:
        moved = change.of_rates(series.assign(phase=later))
    else:
        values = series["value"].where(series["excluded"].isna()).astype("float64")
        moved = change.of_means(values[later == "before"], values[later == "after"])
    last = _reading(series, ("consolidation",), rate)

    def meets(of: Reading | None) -> bool | None:
        return None if goal is None or of is None else bool(of.value >= goal.value if higher else of.value <= goal.value)

    met, held = meets(after), meets(last)
    way = ratio(after.value - before.value, goal.value - before.value) if goal is not None and not goal.is_no_better else NAN
    return Effect(before, after, moved.difference, moved.low, moved.high, moved.p, way, met, moved.dispersion, last, held)


def _benefit(case: Case, effect: Effect | None, higher: bool) -> Benefit | None:
    volume, worth = case.say("benefit", "volume"), case.say("benefit", "unit_value")
    if effect is None or volume is None or worth is None:
        return None
    costs = case.table("countermeasures")["cost"]
    cost = float(costs.sum()) if len(costs) and costs.notna().all() else NAN
    sign = 1 if higher else -1
    gross = volume * sign * effect.difference * worth
    ends = sorted(volume * sign * end * worth - cost for end in (effect.low, effect.high))
    return Benefit(gross, cost, gross - cost, ends[0], ends[1])


def declared(case: Case) -> pd.DataFrame:
    """What was declared of each end cause, with what may be left out filled in."""
    return filled(case.table("tests")) if len(case.table("tests")) else case.table("tests")

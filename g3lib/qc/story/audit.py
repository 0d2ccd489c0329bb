"""Is the story whole? Ten steps, each complete, incomplete or missing, with every reason.

A step without data is missing, never made up. What is asked of each step is what a quality-control jury asks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import pandas as pd

from g3lib.periods import Period, days
from g3lib.qc.story.case import months_of
from g3lib.qc.story.records import Story
from g3lib.qc.strata import is_other

STEPS = range(1, 11)
# words that name no deed: an end cause that stops at one of them was not asked "why" once more
_GENERAL = re.compile(
    "意识|重视|不到位|管理不善|管理不力|素质|责任心|能力不足|水平低|不够|执行力|态度|lack of awareness|poor management|attitude"
)


def audit(story: Story) -> pd.DataFrame:
    """The ten steps and how complete each is.

    Returns:
        One row a reason, at least one a step: step, verdict (`complete`, `incomplete`, `missing`: the step's), reason (a
        code of the vocabulary `audit`; empty where the step is complete), detail (names, joined by 、).

    >>> from pathlib import Path
    >>> from g3lib.qc.story.reading import read_case
    >>> from g3lib.qc.story.computed import computed
    >>> table = audit(computed(read_case(Path("data/cases/nanqu-2010"))))
    >>> table.drop_duplicates("step").set_index("step")["verdict"].tolist()[:4]
    ['complete', 'incomplete', 'missing', 'missing']
    """
    rows = []
    for step in STEPS:
        there, asked = _STEPS[step - 1]
        if not there(story):
            rows.append((step, "missing", "no_data", ""))
            continue
        found = list(asked(story))
        rows += [(step, "incomplete", reason, detail) for reason, detail in found] or [(step, "complete", "", "")]
    return pd.DataFrame(rows, columns=["step", "verdict", "reason", "detail"])


Reasons = Iterator[tuple[str, str]]


def _topic(story: Story) -> Reasons:
    topic = story.case.say("topic") or {}
    for name in ("characteristic", "reason"):
        if not topic.get(name):
            yield f"no_{name}", ""
    if story.gap != story.gap:
        yield "no_gap", ""
    elif story.gap <= 0 and not story.other_unit:
        yield "no_problem", ""


def _survey(story: Story) -> Reasons:
    for name in ("period", "source"):
        if not story.case.say("survey", name):
            yield f"no_{name}", ""
    if len(story.levels) < 2:
        yield "one_stratum", "、".join(level.stratum for level in story.levels)
    if story.case.counts_sales:
        yield "no_problem_counted", ""
    if vague := [name for name in story.crux if is_other(name)]:
        yield "other_largest", "、".join(vague)
    yield from _holes(story, "before", "during")
    counts = [level.pareto["count"] for level in story.levels]
    if whole := [name for name, n in zip(story.crux, counts, strict=True) if len(n) > 2 and 2 * n.max() == n.sum()]:
        yield "maybe_total", "、".join(whole)
    if story.counts_differ:
        yield "counts_differ", "、".join(f"{c.period}: {c.survey:,.0f} / {c.series:,.0f}" for c in story.counts_differ)


def _holes(story: Story, *phases: str) -> Reasons:
    """What is missing in the series of these phases."""
    if missing := [span for span, phase in story.holes if phase in phases]:
        yield "series_hole", "、".join(missing)


def _first_day(periods: pd.Series) -> pd.Timestamp | None:
    return pd.Timestamp(min(days(period)[0] for period in periods)) if len(periods) else None


def _target(story: Story) -> Reasons:
    goal = story.goal
    if goal is None:
        return
    if goal.is_no_better:
        yield "no_better", ""
    if not goal.basis:
        yield "no_basis", ""
    elif not goal.holds and goal.basis != "assigned":
        yield "no_arithmetic" if goal.needed != goal.needed else "beyond_basis", ""


def _causes(story: Story) -> Reasons:
    if story.links is None:
        return
    general = [name for name in story.links.ends if _GENERAL.search(name)]
    if general:
        yield "general", "、".join(general)
    if max(story.links.depth.values(), default=0) < 2:
        yield "shallow", ""


def _confirmed(story: Story) -> Reasons:
    if story.links is None:
        yield "no_causes", ""
    if story.untested:
        yield "untested", "、".join(story.untested)
    if open_ := list(story.tested.loc[story.tested["verdict"] == "insufficient", "cause"]):
        yield "undecided", "、".join(open_)
    if not story.confirmed:
        yield "none_confirmed", ""


def _countermeasures(story: Story) -> Reasons:
    table = story.case.table("countermeasures")
    if without := [cause for cause in story.confirmed if cause not in set(table["cause"])]:
        yield "no_countermeasure", "、".join(without)
    if orphaned := [f"{row.id}（{row.cause}）" for row in table.itertuples() if row.cause not in story.confirmed]:
        yield "orphaned", "、".join(orphaned)
    looked = story.case.table("tests").set_index("cause")["examined_on"]
    if early := [row.id for row in table.itertuples() if row.cause in looked.index and row.start < looked[row.cause]]:
        yield "too_early", "、".join(early)
    if story.options.empty:
        yield "no_options", ""


def _implementation(story: Story) -> Reasons:
    done = set(story.measures["id"])
    if without := [name for name in story.case.table("countermeasures")["id"] if name not in done]:
        yield "no_result", "、".join(without)
    if short := [f"{row.id}（{row.metric}）" for row in story.measures.itertuples() if not row.met]:
        yield "goal_missed", "、".join(short)
    begun, told = story.case.table("countermeasures").set_index("id")["start"], story.case.table("implementation")
    after = told[told["phase"] == "after"].groupby("id")["period"]
    if soon := [str(name) for name, periods in after if name in begun.index and _first_day(periods) < begun[name]]:
        yield "result_too_soon", "、".join(soon)
    silent = story.measures.loc[story.measures["side_effect"] == "", "id"]
    if len(silent):
        yield "no_side_effects", "、".join(dict.fromkeys(silent))


def _effect(story: Story) -> Reasons:
    if story.effect is None:
        return
    if story.effect.met is None:
        yield "no_target", ""
    elif not story.effect.met:
        yield "target_missed", ""
    if not (story.after_levels or story.nothing_left):
        yield "symptom_unseen", ""
    elif story.has_crux and story.crux_share_after > story.crux_share:
        yield "symptom_grew", f"{100 * story.crux_share:.1f}% → {100 * story.crux_share_after:.1f}%"
    series = story.case.table("series")
    after, begun = series.loc[series["phase"] == "after", "period"], story.case.table("countermeasures")["start"]
    if len(begun) and len(after) and _first_day(after) < begun.min():
        yield "effect_too_soon", f"{begun.min():%Y-%m-%d}"
    yield from _holes(story, "after")
    if story.benefit is not None and (period := story.case.say("benefit", "period")):
        later = series.loc[series["phase"].isin(["after", "consolidation"]), "period"]
        counted, (first, last) = Period.parse(str(period)), months_of(later)
        if not (first <= f"{counted.start:%Y-%m}" and f"{counted.end:%Y-%m}" <= last):
            yield "benefit_elsewhere", str(period)
    if math.isnan(story.effect.low):
        yield "no_interval", ""
    elif story.effect.low <= 0 <= story.effect.high:
        yield "change_uncertain", ""
    if story.benefit is None:
        yield "no_benefit", ""
    elif math.isnan(story.benefit.cost):
        costs = story.case.table("countermeasures")
        yield "no_cost", "、".join(costs.loc[costs["cost"].isna(), "id"])


def _standards(story: Story) -> Reasons:
    if story.case.table("standards").empty:
        yield "no_standard", ""
    yield from _holes(story, "consolidation")
    if "consolidation" not in set(story.case.table("series")["phase"]):
        yield "no_watch", ""
    elif story.effect is not None and story.effect.held is False:
        yield "not_held", ""


def _summary(story: Story) -> Reasons:
    lessons = story.case.say("lessons") or {}
    for name in ("technical", "management", "people"):
        if not lessons.get(name):
            yield f"no_{name}", ""
    if not story.case.say("next_topic"):
        yield "no_next", ""


def _has_topic(story: Story) -> bool:
    return bool(story.case.say("topic"))


_STEPS = (
    (_has_topic, _topic),
    (lambda s: bool(s.levels), _survey),
    (lambda s: s.goal is not None, _target),
    (lambda s: s.links is not None, _causes),
    (lambda s: len(s.tested) > 0, _confirmed),
    (lambda s: len(s.case.table("countermeasures")) > 0, _countermeasures),
    (lambda s: len(s.measures) > 0, _implementation),
    (lambda s: s.effect is not None, _effect),
    (lambda s: len(s.case.table("standards")) > 0 or "consolidation" in set(s.case.table("series")["phase"]), _standards),
    (lambda s: bool(s.case.say("lessons") or s.case.say("next_topic") or len(s.case.table("radar"))), _summary),
)

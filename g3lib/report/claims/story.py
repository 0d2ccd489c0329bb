"""What each step of a QC story says: a sentence and the figures behind it, or that the step is missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.qc.control import Suited
from g3lib.qc.story.case import months_of
from g3lib.qc.story.computed import Level, Reading, Story, symptom, symptom_after
from g3lib.report.claims import verdicts
from g3lib.report.claims.control import stable
from g3lib.report.claims.voice import Voice


def value(voice: Voice, story: Story, amount: float) -> str:
    """A value of the characteristic as it is written: a rate in percent, a volume with its unit."""
    return percent(amount) if story.is_rate else number(amount, 1) + _after_number(voice, _unit(story))


def change(voice: Voice, story: Story, amount: float) -> str:
    """A difference of two values of the characteristic."""
    return voice.points(amount) if story.is_rate else number(amount, 1, signed=True) + _after_number(voice, _unit(story))


def _after_number(voice: Voice, unit: str) -> str:
    """The unit as it follows a number."""
    return voice.say(unit, f" {unit}" if unit else "")


def _unit(story: Story) -> str:
    return "1" if story.is_rate else str(story.case.say("topic", "unit") or "")


def _named(story: Story) -> str:
    return story.characteristic


def _span(voice: Voice, reading: Reading) -> str:
    return voice.span(f"{reading.first}..{reading.last}")


def _base(voice: Voice, reading: Reading) -> str:
    if reading.of == reading.of:
        return voice.say(f"{number(reading.of)}个（{number(reading.count)}个有）", f"{number(reading.of)} counted ({number(reading.count)} of them)")
    return voice.say(f"{reading.points}个期间的平均", f"mean of {reading.points} periods")


def missing(voice: Voice, step: int) -> Finding:
    """The sentence of a step without data."""
    name = voice.word("story_step", str(step))
    text = voice.say(f"第{step}步“{name}”没有资料，不补写", f"Step {step}, {name}: there are no data, and none are made up")
    return voice.finding(f"step.{step}", None, "", text, status=Status.UNKNOWN)


def headline(voice: Voice, story: Story, audit: pd.DataFrame) -> list[Finding]:
    """What the case achieved, or how far its documents go."""
    steps = audit.drop_duplicates("step")
    whole = int((steps["verdict"] == "complete").sum())
    gone = voice.listed([str(s) for s in steps.loc[steps["verdict"] == "missing", "step"]])
    says = voice.say(f"十个步骤中完整的有{whole}个", f"{whole} of the ten steps are complete")
    says += voice.say(f"，第{gone}步没有资料。" if gone else "。", f"; steps {gone} have no data." if gone else ".")
    done = voice.finding("story.complete", float(whole), "", says, definition="QC story audit", denominator=voice.say("十个步骤", "ten steps"),
                         status=Status.GOOD if whole == 10 else Status.WATCH, headline=True)  # fmt: skip
    first = effect(voice, story) if story.effect else topic(voice, story)
    lead = Finding(**{**first[0].__dict__, "headline": True, "text": first[0].text + voice.say("。", ".")})
    return [lead, *first[1:], done]


def topic(voice: Voice, story: Story) -> list[Finding]:
    """Step 1: the characteristic against what is required."""
    if not story.case.say("topic"):
        return [missing(voice, 1)]
    now, need, name = story.now, story.case.say("topic", "requirement"), _named(story)
    if now is None or need is None:
        return [voice.finding("topic.gap", None, _unit(story), voice.say(f"{name}：没有现状或要求，差距无法计算", f"{name}: no state or no requirement, so no gap"),
                              status=Status.UNKNOWN)]  # fmt: skip
    short = story.gap > 0
    text = voice.say(
        f"{_span(voice, now)}{name}为{value(voice, story, now.value)}，要求{value(voice, story, need)}，" + (f"相差{change(voice, story, story.gap).lstrip('+')}" if short else "已达到"),
        f"{_span(voice, now)}: {name} {value(voice, story, now.value)} against {value(voice, story, need)} required, " + (f"{change(voice, story, story.gap).lstrip('+')} {'short' if story.higher_is_better else 'over'}" if short else "met"),
    )
    basis = str(story.case.say("topic", "requirement_basis") or "")
    return [
        voice.finding("topic.gap", story.gap, _unit(story), text, definition="gap to the requirement", table="case.series", denominator=_base(voice, now),
                      period=f"{now.first}..{now.last}", status=Status.BREACH if short else Status.GOOD),
        voice.figure("topic.now", now.value, _unit(story), voice.say("现状", "state"), denominator=_base(voice, now), definition="characteristic of the case", table="case.series"),
        voice.figure("topic.requirement", float(need), _unit(story), voice.say("要求", "requirement"), denominator=basis, definition="requirement of the case", table="case.series"),
    ]  # fmt: skip


def survey(voice: Voice, story: Story) -> list[Finding]:
    """Step 2: where the problem sits, level by level."""
    if not story.levels:
        return [missing(voice, 2)]
    found = [level_claim(voice, story, level, str(i)) for i, level in enumerate(story.levels, 1)]
    if not story.has_crux:
        return found
    tops = [str(level.largest[level.stratum]) for level in story.levels]
    part = symptom(story.levels)
    text = voice.say(f"症结是{'·'.join(tops)}，占全部问题的{percent(part, 1)}", f"The crux is {' · '.join(tops)}: {percent(part, 1)} of the whole problem")
    lead = voice.finding("survey.symptom", part, "1", text, definition="share of the largest class at every level", table="case.survey",
                         denominator=voice.say("现状调查的全部问题", "all problems of the survey"), period=str(story.case.say("survey", "period") or ""))  # fmt: skip
    return [lead, *found]


def level_claim(voice: Voice, story: Story, level: Level, place: str, asked: str = "period") -> Finding:
    """One level of the survey: its largest class, and how few hold most; `asked` names its period in case.yaml."""
    period = str(story.case.say("survey", asked) or "")
    pareto, total = level.pareto, float(level.pareto["count"].sum())
    within = voice.say(f"{'·'.join(level.within)}中，" if level.within else "", f"Within {' · '.join(level.within)}, " if level.within else "")
    top, share = str(level.largest[level.stratum]), float(level.largest["share"])
    if story.case.say("survey", "counts") == "sales":
        low, least = str(level.smallest[level.stratum]), float(level.smallest["share"])
        text = voice.say(f"{within}{top}贡献最大（{percent(share)}），{low}最小（{percent(least)}）", f"{within}{top} contributes most ({percent(share)}), {low} least ({percent(least)})")
        return voice.finding(f"survey.{place}", least, "1", text, definition="share of the smallest class", table="case.survey", denominator=voice.say(f"合计{number(total)}", f"{number(total)} in all"), period=period)  # fmt: skip
    few, reach = list(level.vital), percent(pareto.loc[pareto["vital"], "cumulative"].iloc[-1], 1)
    alone = few == [top]
    text = voice.say(
        f"{within}按{level.stratum}，{top}占{percent(share, 1)}" + ("" if alone else f"；{'、'.join(few)}合占{reach}"),
        f"{within}by {level.stratum}, {top} holds {percent(share, 1)}" + ("" if alone else f"; {', '.join(few)} together {reach}"),
    )
    return voice.finding(f"survey.{place}", share, "1", text, definition="Pareto, fewest that reach 80 %", table="case.survey",
                         denominator=voice.say(f"问题{number(total)}件", f"{number(total)} problems"), period=period)  # fmt: skip


def control(voice: Voice, story: Story, suited: Suited | None, name: str = "series.stable") -> list[Finding]:
    """The series as one process, or not."""
    base = voice.say("各期总数", "each period's total") if story.is_rate else voice.say("各期", "each period")
    return stable(voice, suited, name, _named(story), base, "case.series", partial(value, voice, story))


def target(voice: Voice, story: Story) -> list[Finding]:
    """Step 3: the target and what its basis allows for."""
    goal = story.goal
    if goal is None:
        return [missing(voice, 3)]
    basis = voice.word("target_basis", goal.basis)
    if goal.needed == goal.needed:
        basis += voice.say(f"，{allowed(voice, story)}{value(voice, story, goal.needed)}", f", {allowed(voice, story)} {value(voice, story, goal.needed)}")
    text = voice.say(f"目标：{_named(story)}{value(voice, story, goal.value)}（依据：{basis}）", f"Target: {_named(story)} {value(voice, story, goal.value)} (basis: {basis})")
    found = [voice.finding("target.value", goal.value, _unit(story), text, definition="target of the case", table="case.case",
                           status=Status.GOOD if goal.holds or goal.basis == "assigned" else Status.WATCH)]  # fmt: skip
    if goal.needed == goal.needed:
        computed = goal.basis == "computed"
        found.append(voice.figure("target.allowed", goal.needed, _unit(story), allowed(voice, story),
                                  definition="what is left once the solvable part is gone" if computed else "level referred to",
                                  denominator=str(story.case.say("target", "solvable_basis") or ""), table="case.survey" if computed else "case.case"))  # fmt: skip
    if goal.basis == "computed" and story.now is not None and goal.needed == goal.needed and not story.higher_is_better:
        part, solved = symptom(story.levels), float(story.case.say("target", "solvable"))
        found.append(voice.finding("target.computed", goal.needed, _unit(story), f"{value(voice, story, story.now.value)} × (1 − {percent(part, 1)} × {percent(solved, 0)}) = {value(voice, story, goal.needed)}",
                                   definition="what is left once the solvable part is gone", table="case.survey"))  # fmt: skip
    return found


def allowed(voice: Voice, story: Story) -> str:
    """What the target's basis leads to, in words."""
    assert story.goal is not None
    return voice.say("测算可达", "within reach") if story.goal.basis == "computed" else voice.say("参照水平", "level referred to")


def months(voice: Voice, story: Story) -> str:
    """Which months the target's two factors come from: the survey may count months that the series sets aside."""
    if story.now is None or not story.case.say("survey", "period"):
        return ""
    one, other = _span(voice, story.now), voice.span(str(story.case.say("survey", "period")))
    return voice.say(f"现状取{one}，症结占比取{other}的现状调查", f"state: {one}; the crux's share: the survey of {other}")


def causes(voice: Voice, story: Story) -> list[Finding]:
    """Step 4: how many end causes, how deep."""
    if story.links is None:
        return [missing(voice, 4)]
    ends, deep = len(story.links.ends), max(story.links.depth.values())
    text = voice.say(f"从“{story.links.root}”分析到{ends}个末端原因，最深{deep}层", f"{ends} end causes of “{story.links.root}”, {deep} levels deep at most")
    if len(story.tested):
        text += voice.say("（红：要因，灰：非要因，蓝：证据不足）", " (red: root cause, grey: none, blue: undecided)")
    return [voice.finding("causes.ends", float(ends), "", text, definition="end causes", table="case.causes")]


def confirmed(voice: Voice, story: Story) -> list[Finding]:
    """Step 5: which causes the data confirm."""
    tested = story.tested
    if tested.empty:
        return [missing(voice, 5)]
    groups = {v: list(tested.loc[tested["verdict"] == v, "cause"]) for v in ("confirmed", "rejected", "insufficient")}
    zh = [f"{voice.word('cause_verdict', v)}{len(names)}个" + (f"（{'、'.join(names)}）" if v == "confirmed" else "") for v, names in groups.items() if names]
    words = {"confirmed": "confirmed", "rejected": "rejected", "insufficient": "undecided"}
    en = [f"{len(names)} {words[v]}" + (f" ({', '.join(names)})" if v == "confirmed" else "") for v, names in groups.items() if names]
    lead = voice.finding("causes.confirmed", float(len(groups["confirmed"])), "", voice.say(f"{len(tested)}个末端原因逐一检验：" + "，".join(zh), f"{len(tested)} end causes tested: " + ", ".join(en)),
                         definition="effect against the smallest that matters, Holm", denominator=voice.say(f"{len(tested)}个末端原因", f"{len(tested)} end causes"), table="case.tests")  # fmt: skip
    return [lead, *(verdicts.cause(voice, row) for row in tested.to_dict("records"))]


def countermeasures(voice: Voice, story: Story) -> list[Finding]:
    """Step 6: one countermeasure or more for each root cause."""
    table = story.case.table("countermeasures")
    if table.empty:
        return [missing(voice, 6)]
    served = [name for name in story.confirmed if name in set(table["cause"])]
    text = voice.say(f"{len(story.confirmed)}个要因中{len(served)}个有对策，共{len(table)}条", f"{len(served)} of {len(story.confirmed)} root causes have a countermeasure, {len(table)} in all")
    found = [voice.finding("countermeasures.count", float(len(table)), "", text, definition="countermeasures", denominator=voice.say(f"{len(story.confirmed)}个要因", f"{len(story.confirmed)} root causes"), table="case.countermeasures")]
    if len(story.plan):
        days = float(story.plan["lf"].max())
        text = voice.say(f"关键线路{'→'.join(story.plan.loc[story.plan['critical'], 'activity'])}，共{number(days)}天", f"The critical path {' → '.join(story.plan.loc[story.plan['critical'], 'activity'])} takes {number(days)} days")
        found.append(voice.finding("plan.days", days, voice.say("天", "days"), text, definition="critical path", table="case.activities"))
    return found


def implementation(voice: Voice, story: Story) -> list[Finding]:
    """Step 7: each countermeasure against its own goal."""
    if story.measures.empty:
        return [missing(voice, 7)]
    met = int(story.measures["met"].sum())
    lead = voice.finding("implementation.met", float(met), "", voice.say(f"{len(story.measures)}项对策目标中{met}项达到", f"{met} of {len(story.measures)} goals of countermeasures are met"),
                         definition="goals of countermeasures", table="case.implementation", denominator=voice.say(f"{len(story.measures)}项对策目标", f"{len(story.measures)} goals"), status=Status.GOOD if met == len(story.measures) else Status.WATCH)  # fmt: skip
    return [lead, *(measure(voice, row) for row in story.measures.to_dict("records"))]


def measure(voice: Voice, row: Mapping[str, Any]) -> Finding:
    """One countermeasure's goal, before and after."""
    one, other, goal = (percent(v) if row["rate"] else number(v, 1) + _after_number(voice, row["unit"]) for v in (row["before"], row["after"], row["goal"]))
    moved, low, high = (voice.points(v) if row["rate"] else number(v, 1, signed=True) for v in (row["difference"], row["low"], row["high"]))
    ends = voice.say(f"95%区间{low}至{high}", f"95 % interval {low} to {high}") if row["low"] == row["low"] else voice.say("期数太少，区间无法估计", "too few periods for an interval")
    text = voice.say(f"{row['id']} {row['metric']}从{one}到{other}（{moved}，{ends}），目标{goal}{'达到' if row['met'] else '未达到'}",
                     f"{row['id']} {row['metric']}: {one} to {other} ({moved}, {ends}), goal {goal} {'met' if row['met'] else 'missed'}")  # fmt: skip
    return voice.finding(f"measure.{row['id']}.{row['metric']}", row["after"], "1" if row["rate"] else row["unit"], text, previous=row["before"], table="case.implementation",
                         definition="rate before and after, Newcombe" if row["rate"] else "mean before and after, Welch", status=Status.GOOD if row["met"] else Status.BREACH)  # fmt: skip


def effect(voice: Voice, story: Story) -> list[Finding]:
    """Step 8: against the baseline and the target, with its interval; attributed to nothing more than it can be."""
    found = story.effect
    if found is None:
        return [missing(voice, 8)]
    name, one, other = _named(story), found.before, found.after
    ends = voice.say(f"95%区间{change(voice, story, found.low)}至{change(voice, story, found.high)}", f"95 % interval {change(voice, story, found.low)} to {change(voice, story, found.high)}")
    ends = ends if found.low == found.low else voice.say("期数太少，区间无法估计", "too few periods for an interval")
    goal = story.goal
    against = "" if goal is None else voice.say(f"，目标{value(voice, story, goal.value)}{'已达到' if found.met else '未达到'}", f"; target {value(voice, story, goal.value)} {'met' if found.met else 'missed'}")
    text = voice.say(f"{name}从{value(voice, story, one.value)}到{value(voice, story, other.value)}（{change(voice, story, found.difference)}，{ends}）{against}",
                     f"{name}: {value(voice, story, one.value)} to {value(voice, story, other.value)} ({change(voice, story, found.difference)}, {ends}){against}")  # fmt: skip
    out = [
        voice.finding("effect.difference", found.difference, _unit(story), text, definition="before and after, not attributed", table="case.series", previous=one.value,
                      denominator=voice.say(f"活动前{_base(voice, one)}，{after_words(voice, story)}{_base(voice, other)}", f"before {_base(voice, one)}, after {_base(voice, other)}"),
                      status=Status.GOOD if found.met else Status.WATCH if found.met is None else Status.BREACH),
        voice.figure("effect.before", one.value, _unit(story), voice.say("活动前", "before"), definition="characteristic of the case", table="case.series"),
        voice.figure("effect.after", other.value, _unit(story), after_words(voice, story), definition="characteristic of the case", table="case.series"),
    ]  # fmt: skip
    if found.consolidation is not None:
        status = Status.GOOD if found.held else Status.WATCH if found.held is None else Status.BREACH
        out.append(voice.figure("effect.consolidation", found.consolidation.value, _unit(story), voice.say("其中巩固期", "of it, consolidation"), denominator=_base(voice, found.consolidation), definition="characteristic of the case", table="case.series", status=status))
    if found.attainment == found.attainment:
        out.append(voice.figure("effect.attainment", found.attainment, "1", voice.say("目标改善量的完成率", "part of the aimed-at change"), definition="change ÷ aimed-at change", table="case.series"))
    return out


def not_attributed(voice: Voice) -> str:
    """What a comparison of before and after cannot say."""
    return voice.say("活动前后的比较，没有对照组，不能全部归因于对策", "Before against after, without a comparison group: not all of it need be the countermeasures'")


def worth(voice: Voice, story: Story) -> str:
    """How the gross benefit comes about."""
    assert story.effect is not None
    volume, unit = (float(story.case.say("benefit", key)) for key in ("volume", "unit_value"))
    moved = change(voice, story, story.effect.difference * (1 if story.higher_is_better else -1)).lstrip("+")
    return voice.say(f"毛效益 = {number(volume)} × {moved} × {voice.money(unit)}", f"gross = {number(volume)} × {moved} × {voice.money(unit)}")


def after_words(voice: Voice, story: Story) -> str:
    """What counts as after: the months of consolidation are among them, where there are any."""
    pooled = story.effect is not None and story.effect.consolidation is not None
    return voice.say("活动后（含巩固期）", "after (with consolidation)") if pooled else voice.say("活动后", "after")


def symptom_moved(voice: Voice, story: Story) -> list[Finding]:
    """Whether the 症结 itself got smaller."""
    if story.has_crux and story.nothing_left:
        text = voice.say("复查时没有再发现问题，症结已消除", "Looked at again, no problem was left: the crux is gone")
        return [voice.finding("symptom.after", 0.0, "1", text, table="case.survey", period=str(story.case.say("survey", "after_period") or ""), status=Status.GOOD)]
    if not story.after_levels or not story.has_crux:
        text = voice.say("没有复查症结", "The crux was not looked at again")
        return [voice.finding("symptom.after", None, "1", text, status=Status.UNKNOWN)]
    one, other = symptom(story.levels), symptom_after(story.case, story.levels)
    tops = "·".join(str(level.largest[level.stratum]) for level in story.levels)
    spans = [voice.span(str(p)) if p else "" for p in (story.case.say("survey", "period"), story.case.say("survey", "after_period"))]
    zh, en = ("（活动前{}，活动后{}）".format(*spans), " (before: {}, after: {})".format(*spans)) if all(spans) else ("", "")
    text = voice.say(f"症结{tops}占全部问题从{percent(one, 1)}到{percent(other, 1)}{zh}", f"The crux, {tops}, went from {percent(one, 1)} of the problem to {percent(other, 1)}{en}")
    return [voice.finding("symptom.after", other, "1", text, definition="share of the largest class at every level", table="case.survey", previous=one,
                          denominator=voice.say("全部问题", "all problems"), period=str(story.case.say("survey", "after_period") or ""), status=Status.GOOD if other < one else Status.WATCH)]  # fmt: skip


def benefit(voice: Voice, story: Story) -> list[Finding]:
    """What it is worth: volume × change × unit value − cost."""
    found = story.benefit
    if found is None:
        return [voice.finding("benefit.net", None, "元", voice.say("没有计算效益所需的单价或数量，效益未计算", "No unit value or volume: the benefit is not computed"), status=Status.UNKNOWN)]
    if found.low != found.low:
        text = voice.say(f"净效益{voice.money(found.net)}（期数太少，区间无法估计），已扣费用{voice.money(found.cost)}", f"Net benefit {voice.money(found.net)} (too few periods for an interval), costs of {voice.money(found.cost)} deducted")
        return [voice.finding("benefit.net", found.net, "元", text, definition="volume × change × unit value − cost", table="case.countermeasures")]
    text = voice.say(f"净效益{voice.money(found.net)}（95%区间{voice.money(found.low)}至{voice.money(found.high)}），已扣费用{voice.money(found.cost)}",
                     f"Net benefit {voice.money(found.net)} (95 % interval {voice.money(found.low)} to {voice.money(found.high)}), costs of {voice.money(found.cost)} deducted")  # fmt: skip
    return [voice.finding("benefit.net", found.net, "元", text, definition="volume × change × unit value − cost", table="case.countermeasures",
                          denominator=voice.say(f"{number(story.case.say('benefit', 'volume'))} × {voice.money(float(story.case.say('benefit', 'unit_value')))}",
                                                f"{number(story.case.say('benefit', 'volume'))} × {voice.money(float(story.case.say('benefit', 'unit_value')))}"))]  # fmt: skip


def standards(voice: Voice, story: Story) -> list[Finding]:
    """Step 9: what became a standard, and how long it was watched."""
    table, series = story.case.table("standards"), story.case.table("series")
    if table.empty:
        return [missing(voice, 9)]
    watched = series[series["phase"] == "consolidation"]
    text = voice.say(f"{len(table)}条措施写入标准", f"{len(table)} measures became standards")
    if len(watched):
        span = voice.span("..".join(months_of(watched["period"])))
        text += voice.say(f"，巩固期{span}共{len(watched)}期", f"; watched in {span}, {len(watched)} periods")
    return [voice.finding("standards.count", float(len(table)), "", text, definition="standards", table="case.standards")]


def summary(voice: Voice, story: Story) -> list[Finding]:
    """Step 10: what was learnt and what comes next."""
    upcoming = story.case.say("next_topic")
    if not upcoming and not story.case.say("lessons"):
        return [missing(voice, 10)]
    text = voice.say(f"下一步课题：{upcoming}", f"Next topic: {upcoming}") if upcoming else voice.say("没有下一步课题", "No next topic is named")
    return [voice.finding("story.next", None, "", text, definition="next topic", table="case.case", status=Status.PLAIN if upcoming else Status.UNKNOWN)]


def audit_claim(voice: Voice, audit: pd.DataFrame) -> list[Finding]:
    """How complete the ten steps are."""
    steps = audit.drop_duplicates("step")
    counts = {v: int((steps["verdict"] == v).sum()) for v in ("complete", "incomplete", "missing")}
    text = voice.say("、".join(f"{voice.word('completeness', v)}{n}步" for v, n in counts.items() if n), ", ".join(f"{n} {voice.word('completeness', v)}" for v, n in counts.items() if n))
    return [voice.finding("story.audit", float(counts["complete"]), "", voice.say(f"十步完整性：{text}", f"Ten steps: {text}"), definition="QC story audit", table="case.case", denominator=voice.say("十个步骤", "ten steps"))]


def audit_table(voice: Voice, audit: pd.DataFrame) -> pd.DataFrame:
    """The audit as its reader sees it: step, completeness, why."""
    rows = []
    for step, own in audit.groupby("step", sort=True):
        why = [voice.word("audit", r) + (voice.aside(voice.listed(d.split("、"))) if d else "") for r, d in zip(own["reason"], own["detail"], strict=True) if r]
        rows.append((f"{step} {voice.word('story_step', str(step))}", own["verdict"].iloc[0], voice.say("；", "; ").join(why)))
    return pd.DataFrame(rows, columns=["story_step", "completeness", "says"])


def checks(voice: Voice, story: Story, audit: pd.DataFrame) -> list[Check]:
    """What must be said beside the story."""
    found = verdicts.notes(voice, story)
    if story.counts_differ:
        found.append(Check("survey.against_series", Verdict.WARNING, counts_differ(voice, story) + voice.say("。", ".")))
    found += [Check(claim.name, Verdict.NONE, claim.text + voice.say("。", ".")) for claim in control(voice, story, story.chart)[1:]]
    if story.effect is not None:
        found.append(Check("effect.not_attributed", Verdict.WARNING, voice.say(
            f"{not_attributed(voice)}。", f"{not_attributed(voice)}.")))  # fmt: skip
        if story.effect.dispersion > 1:
            found.append(Check("effect.dispersion", Verdict.WARNING, voice.say(
                f"各月的离散或前后相关使方差为独立数据的{number(story.effect.dispersion, 2)}倍，区间已相应放宽。", f"Months that scatter more, or follow each other, make the variance {number(story.effect.dispersion, 2)} times that of independent ones; the interval is widened accordingly.")))  # fmt: skip
    steps = audit.drop_duplicates("step").set_index("step")["verdict"]
    if short := [voice.word("story_step", str(step)) for step in steps.index[steps != "complete"]]:
        found.append(Check("story.complete", Verdict.WARNING, voice.say(
            f"十个步骤中{len(short)}个没有完成（{'、'.join(short)}）：没有资料的不补写。", f"{len(short)} of the ten steps are not complete ({', '.join(short)}); what has no data is not made up.")))  # fmt: skip
    return found or [Check("story", Verdict.PASS, voice.say("没有发现需要说明的限制。", "Nothing else needs saying."))]


def counts_differ(voice: Voice, story: Story) -> str:
    """That the survey's problems are others than the series' own of the same months; empty where they are not."""
    if story.counts is None or not story.counts_differ:
        return ""
    (one, other), span = map(number, story.counts), voice.span(str(story.case.say("survey", "period")))
    return voice.say(f"{span}现状调查共{one}件，同期序列为{other}件：口径不同须说明", f"{span}: the survey counts {one} problems, the series {other}; say why they differ")


def unit(story: Story) -> str:
    """The unit of the characteristic, for an axis."""
    return "%" if story.is_rate else str(story.case.say("topic", "unit") or "")


def counted(voice: Voice, story: Story) -> str:
    """What the survey counts."""
    return voice.say("销量", "sales") if story.case.say("survey", "counts") == "sales" else voice.say("问题件数", "problems")


def finest(story: Story) -> pd.DataFrame:
    """The survey's last level, its stratum's column first; empty without a survey."""
    if not story.levels:
        return pd.DataFrame(columns=["stratum", "count"])
    level = story.levels[-1]
    return level.pareto[[level.stratum, *(c for c in level.pareto.columns if c != level.stratum)]]


def marks(story: Story) -> dict[str, str]:
    """End cause → its verdict, for the colours of a diagram."""
    return dict(zip(story.tested["cause"], story.tested["verdict"], strict=True)) if len(story.tested) else {}

"""What came of a QC story, steps 7 to 9: goals met, the change with its interval, the crux, the benefit, the standards."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from g3lib.findings import Finding, Status
from g3lib.labels import number, percent
from g3lib.qc.story.case import months_of
from g3lib.qc.story.records import Story
from g3lib.report.claims.characteristic import after_number, base, change, missing, unit_of, value
from g3lib.report.claims.voice import Voice


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
    one, other, goal = (percent(v) if row["rate"] else number(v, 1) + after_number(voice, row["unit"]) for v in (row["before"], row["after"], row["goal"]))
    moved, low, high = (voice.points(v) if row["rate"] else number(v, 1, signed=True) for v in (row["difference"], row["low"], row["high"]))
    ends = voice.say(f"95%区间{low}至{high}", f"95 % interval {low} to {high}") if row["low"] == row["low"] else voice.say("期数太少，区间无法估计", "too few periods for an interval")
    text = voice.say(f"{row['id']} {row['metric']}从{one}到{other}（{moved}，{ends}），目标{goal}{'达到' if row['met'] else '未达到'}",
                     f"{row['id']} {row['metric']}: {one} to {other} ({moved}, {ends}), goal {goal} {'met' if row['met'] else 'missed'}")  # fmt: skip
    return voice.finding(f"measure.{row['id']}.{row['metric']}", row["after"], "1" if row["rate"] else row["unit"], text, previous=row["before"], table="case.implementation",
                         definition="rate before and after, Newcombe" if row["rate"] else "mean before and after, Welch", status=Status.GOOD if row["met"] else Status.BREACH)  # fmt: skip


def measures_table(voice: Voice, story: Story) -> pd.DataFrame:
    """Each countermeasure's goal, before and after, and its side effects, as their reader sees them."""
    rows = [(r["id"], r["metric"], measure(voice, r).text.removeprefix(f"{r['id']} {r['metric']}").lstrip(": "), r["side_effect"]) for r in story.measures.to_dict("records")]
    return pd.DataFrame(rows, columns=["id", "item", "told", "side_effect"])


def effect(voice: Voice, story: Story) -> list[Finding]:
    """Step 8: against the baseline and the target, with its interval; attributed to nothing more than it can be."""
    found = story.effect
    if found is None:
        return [missing(voice, 8)]
    name, one, other = story.characteristic, found.before, found.after
    ends = voice.say(f"95%区间{change(voice, story, found.low)}至{change(voice, story, found.high)}", f"95 % interval {change(voice, story, found.low)} to {change(voice, story, found.high)}")
    ends = ends if found.low == found.low else voice.say("期数太少，区间无法估计", "too few periods for an interval")
    goal = story.goal
    against = "" if goal is None else voice.say(f"，目标{value(voice, story, goal.value)}{'已达到' if found.met else '未达到'}", f"; target {value(voice, story, goal.value)} {'met' if found.met else 'missed'}")
    if found.low <= 0 <= found.high:
        against += voice.say("，与活动前的差别尚不能确定", "; the change from before is not certain")
    good = Status.GOOD if found.p <= 0.05 else Status.WATCH
    text = voice.say(f"{name}从{value(voice, story, one.value)}到{value(voice, story, other.value)}（{change(voice, story, found.difference)}，{ends}）{against}",
                     f"{name}: {value(voice, story, one.value)} to {value(voice, story, other.value)} ({change(voice, story, found.difference)}, {ends}){against}")  # fmt: skip
    out = [
        voice.finding("effect.difference", found.difference, unit_of(story), text, definition="before and after, not attributed", table="case.series", previous=one.value, period=f"{one.first}..{other.last}",
                      denominator=voice.say(f"活动前{base(voice, one)}，{after_words(voice, story)}{base(voice, other)}", f"before {base(voice, one)}, after {base(voice, other)}"),
                      status=good if found.met else Status.WATCH if found.met is None else Status.BREACH),
        voice.figure("effect.before", one.value, unit_of(story), voice.say("活动前", "before"), period=one.period, definition="characteristic of the case", table="case.series"),
        voice.figure("effect.after", other.value, unit_of(story), after_words(voice, story), period=other.period, definition="characteristic of the case", table="case.series"),
    ]  # fmt: skip
    if found.p == found.p:
        p = "< 0.001" if found.p < 0.001 else f"= {number(found.p, 3)}"
        text = voice.say(f"前后没有差别的检验：p {p}", f"test of no difference: p {p}")
        out.append(voice.finding("effect.p", found.p, "", text, definition="score test or Welch's, months' scatter", period=f"{one.first}..{other.last}", table="case.series"))
    if found.consolidation is not None:
        status = Status.GOOD if found.held else Status.WATCH if found.held is None else Status.BREACH
        out.append(voice.figure("effect.consolidation", found.consolidation.value, unit_of(story), voice.say("其中巩固期", "of it, consolidation"), denominator=base(voice, found.consolidation), period=found.consolidation.period, definition="characteristic of the case", table="case.series", status=status))
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
    zh, en = f"毛效益 = {number(volume)} × {moved} × {voice.money(unit)}", f"gross = {number(volume)} × {moved} × {voice.money(unit)}"
    pooled = story.effect.consolidation is not None
    return voice.say(zh + "（变化取活动后含巩固期的平均）" * pooled, en + " (the change is that of all months after, consolidation among them)" * pooled)


def after_words(voice: Voice, story: Story) -> str:
    """What counts as after: the months of consolidation are among them, where there are any."""
    pooled = story.effect is not None and story.effect.consolidation is not None
    return voice.say("活动后（含巩固期）", "after (with consolidation)") if pooled else voice.say("活动后", "after")


def symptom_moved(voice: Voice, story: Story) -> list[Finding]:
    """Whether the 症结 itself got smaller."""
    if story.has_crux and story.nothing_left:
        text = voice.say("复查时没有再发现问题，症结已消除", "Looked at again, no problem was left: the crux is gone")
        return [voice.finding("symptom.after", 0.0, "1", text, definition="share of the largest class at every level", table="case.survey", previous=story.crux_share,
                              denominator=voice.say("复查时没有问题", "no problem when looked at again"), period=str(story.case.say("survey", "after_period") or ""), status=Status.GOOD)]  # fmt: skip
    if not story.after_levels or not story.has_crux:
        text = voice.say("没有复查症结", "The crux was not looked at again")
        return [voice.finding("symptom.after", None, "1", text, status=Status.UNKNOWN)]
    one, other, tops = story.crux_share, story.crux_share_after, "·".join(story.crux)
    told = [str(story.case.say("survey", key) or "") for key in ("period", "after_period")]
    spans, over = [voice.span(p) if p else "" for p in told], "..".join((told[0].partition("..")[0], told[1].rpartition("..")[2])) if all(told) else ""
    zh, en = ("（活动前{}，活动后{}）".format(*spans), " (before: {}, after: {})".format(*spans)) if all(spans) else ("", "")
    text = voice.say(f"症结{tops}占全部问题从{percent(one, 1)}到{percent(other, 1)}{zh}", f"The crux, {tops}, went from {percent(one, 1)} of the problem to {percent(other, 1)}{en}")
    return [voice.finding("symptom.after", other, "1", text, definition="share of the largest class at every level", table="case.survey", previous=one,
                          denominator=voice.say("全部问题", "all problems"), period=over, status=Status.GOOD if other < one else Status.WATCH)]  # fmt: skip


def benefit(voice: Voice, story: Story) -> list[Finding]:
    """What it is worth: volume × change × unit value − cost; gross where a cost is unknown."""
    found, period = story.benefit, str(story.case.say("benefit", "period") or "")
    if found is None:
        return [voice.finding("benefit.net", None, "元", voice.say("没有计算效益所需的单价或数量，效益未计算", "No unit value or volume: the benefit is not computed"), status=Status.UNKNOWN)]
    times = f"{number(story.case.say('benefit', 'volume'))} × {voice.money(float(story.case.say('benefit', 'unit_value')))}"
    if math.isnan(found.cost):
        costs = story.case.table("countermeasures")
        of = voice.aside(voice.listed(costs.loc[costs["cost"].isna(), "id"].tolist())) if len(costs) else ""
        text = voice.say(f"毛效益{voice.money(found.gross)}；对策费用未知{of}，净效益没有计算", f"Gross benefit {voice.money(found.gross)}; the cost of countermeasures is unknown{of}, so no net benefit")
        return [voice.finding("benefit.gross", found.gross, "元", text, definition="volume × change × unit value", table="case.series", denominator=times, period=period, status=Status.WATCH)]
    ends = voice.say(f"95%区间{voice.money(found.low)}至{voice.money(found.high)}", f"95 % interval {voice.money(found.low)} to {voice.money(found.high)}")
    ends = ends if found.low == found.low else voice.say("期数太少，区间无法估计", "too few periods for an interval")
    unsure = voice.say("，是否有净效益尚不能确定", "; whether there is a net benefit is not certain") if found.low <= 0 <= found.high else ""
    text = voice.say(f"净效益{voice.money(found.net)}（{ends}），已扣费用{voice.money(found.cost)}{unsure}", f"Net benefit {voice.money(found.net)} ({ends}), costs of {voice.money(found.cost)} deducted{unsure}")
    return [voice.finding("benefit.net", found.net, "元", text, definition="volume × change × unit value − cost", table="case.countermeasures", denominator=times, period=period)]


def standards(voice: Voice, story: Story) -> list[Finding]:
    """Step 9: what became a standard, and how long it was watched."""
    table, series = story.case.table("standards"), story.case.table("series")
    watched = series[series["phase"] == "consolidation"]
    if table.empty and watched.empty:
        return [missing(voice, 9)]
    text = voice.say(f"{len(table)}条措施写入标准", f"{len(table)} measures became standards") if len(table) else voice.say("没有措施写入标准", "No measure became a standard")
    if len(watched):
        span = voice.span("..".join(months_of(watched["period"])))
        text += voice.say(f"，巩固期{span}共{len(watched)}期", f"; watched in {span}, {len(watched)} periods")
    return [voice.finding("standards.count", float(len(table)), "", text, definition="standards", table="case.standards", status=Status.PLAIN if len(table) else Status.UNKNOWN)]


def standards_table(story: Story) -> pd.DataFrame:
    """What became a standard, whose it is and from when on."""
    table = story.case.table("standards")
    return table.assign(in_force=[f"{d:%Y-%m-%d}" for d in table["in_force"]])[["id", "standard", "department", "in_force"]]

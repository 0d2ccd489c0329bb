"""What each step of a QC story says: a sentence and the figures behind it, or that the step is missing."""

from __future__ import annotations

from functools import partial

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.qc.control import Suited
from g3lib.qc.story.case import months_of
from g3lib.qc.story.records import Level, Story
from g3lib.report.claims import verdicts
from g3lib.report.claims.characteristic import after_number, base, change, missing, span, unit_of, value
from g3lib.report.claims.control import stable
from g3lib.report.claims.outcome import benefit, effect, not_attributed, symptom_moved
from g3lib.report.claims.voice import Voice


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
    now, need, name = story.now, story.case.say("topic", "requirement"), story.characteristic
    if now is None or need is None:
        return [voice.finding("topic.gap", None, unit_of(story), voice.say(f"{name}：没有现状或要求，差距无法计算", f"{name}: no state or no requirement, so no gap"),
                              status=Status.UNKNOWN)]  # fmt: skip
    short = story.gap > 0
    asked, short_of = required(voice, story, need), change(voice, story, story.gap).lstrip("+")
    text = voice.say(
        f"{span(voice, now)}{name}为{value(voice, story, now.value)}，要求{asked}，" + (f"相差{short_of}" if short else "已达到"),
        f"{span(voice, now)}: {name} {value(voice, story, now.value)} against {asked} required, " + (f"{short_of} {'short' if story.higher_is_better else 'over'}" if short else "met"),
    )
    if story.other_unit:  # what is counted otherwise can be set side by side, not subtracted
        zh, en = ("低于" if short else "不低于", "below" if short else "not below") if story.higher_is_better else ("高于" if short else "不高于", "above" if short else "not above")
        text = voice.say(f"{span(voice, now)}{name}为{value(voice, story, now.value)}，数值{zh}要求的{asked}（单位不同）",
                         f"{span(voice, now)}: {name} {value(voice, story, now.value)}, in number {en} the {asked} required (other units)")  # fmt: skip
    basis = str(story.case.say("topic", "requirement_basis") or "")
    return [
        voice.finding("topic.gap", None if story.other_unit else story.gap, unit_of(story), text, definition="gap to the requirement", table="case.series", denominator=base(voice, now),
                      period=now.period, status=Status.BREACH if short else Status.GOOD),
        voice.figure("topic.now", now.value, unit_of(story), voice.say("现状", "state"), denominator=base(voice, now), period=now.period, definition="characteristic of the case", table="case.series"),
        voice.figure("topic.requirement", float(need), story.other_unit or unit_of(story), voice.say("要求", "requirement"), denominator=basis, definition="requirement of the case", table="case.series"),
    ]  # fmt: skip


def required(voice: Voice, story: Story, need: float) -> str:
    """What is required, in its own unit where that is another than the characteristic's."""
    return number(need, 1) + after_number(voice, story.other_unit) if story.other_unit else value(voice, story, need)


def survey(voice: Voice, story: Story) -> list[Finding]:
    """Step 2: where the problem sits, level by level."""
    if not story.levels:
        return [missing(voice, 2)]
    found = [level_claim(voice, story, level, str(i)) for i, level in enumerate(story.levels, 1)]
    if not story.has_crux:
        return found
    part = story.crux_share
    text = voice.say(f"症结是{'·'.join(story.crux)}，占全部问题的{percent(part, 1)}", f"The crux is {' · '.join(story.crux)}: {percent(part, 1)} of the whole problem")
    lead = voice.finding("survey.symptom", part, "1", text, definition="share of the largest class at every level", table="case.survey",
                         denominator=voice.say("现状调查的全部问题", "all problems of the survey"), period=str(story.case.say("survey", "period") or ""))  # fmt: skip
    return [lead, *found]


def level_claim(voice: Voice, story: Story, level: Level, place: str, asked: str = "period") -> Finding:
    """One level of the survey: its largest class, and how few hold most; `asked` names its period in case.yaml."""
    period = str(story.case.say("survey", asked) or "")
    pareto, total = level.pareto, float(level.pareto["count"].sum())
    within = voice.say(f"{'·'.join(level.within)}中，" if level.within else "", f"Within {' · '.join(level.within)}, " if level.within else "")
    top, share = str(level.largest[level.stratum]), float(level.largest["share"])
    if story.case.counts_sales:
        low, least = str(level.smallest[level.stratum]), float(level.smallest["share"])
        text = voice.say(f"{within}{top}贡献最大（{percent(share)}），{low}最小（{percent(least)}）", f"{within}{top} contributes most ({percent(share)}), {low} least ({percent(least)})")
        return voice.finding(f"survey.{place}", least, "1", text, definition="share of the smallest class", table="case.survey", denominator=voice.say(f"合计{number(total)}", f"{number(total)} in all"), period=period)  # fmt: skip
    few, reach = list(level.vital), percent(pareto.loc[pareto["vital"], "cumulative"].max(), 1)
    alone = few in ([], [top]) or len(few) == len(pareto)  # all classes together are no vital few
    text = voice.say(
        f"{within}按{level.stratum}，{top}占{percent(share, 1)}" + ("" if alone else f"；{'、'.join(few)}合占{reach}"),
        f"{within}by {level.stratum}, {top} holds {percent(share, 1)}" + ("" if alone else f"; {', '.join(few)} together {reach}"),
    )
    return voice.finding(f"survey.{place}", share, "1", text, definition="Pareto, fewest that reach 80 %", table="case.survey",
                         denominator=voice.say(f"问题{number(total)}件", f"{number(total)} problems"), period=period)  # fmt: skip


def control(voice: Voice, story: Story, suited: Suited | None, name: str = "series.stable") -> list[Finding]:
    """The series as one process, or not."""
    base = voice.say("各期总数", "each period's total") if story.is_rate else voice.say("各期", "each period")
    period = "" if suited is None else "..".join(months_of(pd.Series(suited.location.labels)))
    return stable(voice, suited, name, story.characteristic, base, "case.series", partial(value, voice, story), period)


def target(voice: Voice, story: Story) -> list[Finding]:
    """Step 3: the target and what its basis allows for."""
    goal = story.goal
    if goal is None:
        return [missing(voice, 3)]
    basis = voice.word("target_basis", goal.basis)
    if goal.needed == goal.needed:
        basis += voice.say(f"，{allowed(voice, story)}{value(voice, story, goal.needed)}", f", {allowed(voice, story)} {value(voice, story, goal.needed)}")
    text = voice.say(f"目标：{story.characteristic}{value(voice, story, goal.value)}（依据：{basis}）", f"Target: {story.characteristic} {value(voice, story, goal.value)} (basis: {basis})")
    found = [voice.finding("target.value", goal.value, unit_of(story), text, definition="target of the case", table="case.case",
                           status=Status.GOOD if goal.holds or goal.basis == "assigned" else Status.WATCH)]  # fmt: skip
    if goal.needed == goal.needed:
        computed = goal.basis == "computed"
        found.append(voice.figure("target.allowed", goal.needed, unit_of(story), allowed(voice, story),
                                  definition=_reach(story) if computed else "level referred to",
                                  denominator=str(story.case.say("target", "solvable_basis") or ""), table="case.survey" if computed else "case.case"))  # fmt: skip
    if goal.basis == "computed" and story.now is not None and goal.needed == goal.needed:
        now, parts = value(voice, story, story.now.value), f"{percent(story.crux_share, 1)} × {percent(float(story.case.say('target', 'solvable')), 0)}"
        whole = value(voice, story, 1.0) if story.is_rate else required(voice, story, float(story.case.say("topic", "requirement") or 0))
        text = f"{now} + ({whole} − {now}) × {parts}" if story.higher_is_better else f"{now} × (1 − {parts})"
        found.append(voice.finding("target.computed", goal.needed, unit_of(story), f"{text} = {value(voice, story, goal.needed)}", definition=_reach(story), table="case.survey"))
    return found


def _reach(story: Story) -> str:
    """Which calculation a computed target goes by: the problem is what is counted, what fails, or what is missing."""
    if not story.higher_is_better:
        return "what is left once the solvable part is gone"
    return "solvable part of what fails" if story.is_rate else "solvable part of what is missing"


def allowed(voice: Voice, story: Story) -> str:
    """What the target's basis leads to, in words."""
    assert story.goal is not None
    return voice.say("测算可达", "within reach") if story.goal.basis == "computed" else voice.say("参照水平", "level referred to")


def months(voice: Voice, story: Story) -> str:
    """Which months the target's two factors come from: the survey may count months that the series sets aside."""
    if story.now is None or not story.case.say("survey", "period"):
        return ""
    one, other = span(voice, story.now), voice.span(str(story.case.say("survey", "period")))
    return voice.say(f"现状取{one}，症结占比取{other}的现状调查", f"state: {one}; the crux's share: the survey of {other}")


def causes(voice: Voice, story: Story) -> list[Finding]:
    """Step 4: how many end causes, how deep."""
    if story.links is None:
        return [missing(voice, 4)]
    ends, deep = len(story.links.ends), max(story.links.depth.values())
    text = voice.say(f"从“{story.links.root}”分析到{ends}个末端原因，最深{deep}层", f"{ends} end causes of “{story.links.root}”, {deep} levels deep at most")
    if len(story.tested):
        left = voice.say("，黑：未检验", ", black: not tested") if story.untested else ""
        text += voice.say(f"（红：要因，灰：非要因，蓝：证据不足{left}）", f" (red: root cause, grey: none, blue: undecided{left})")
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
    every = len(tested) + len(story.untested)
    of = voice.say(f"{every}个末端原因中{len(tested)}个已检验：", f"{len(tested)} of {every} end causes tested: ") if story.untested else voice.say(f"{every}个末端原因逐一检验：", f"{every} end causes tested: ")
    lead = voice.finding("causes.confirmed", float(len(groups["confirmed"])), "", of + voice.say("，".join(zh), ", ".join(en)),
                         definition="effect against the smallest that matters, Holm", denominator=voice.say(f"{len(tested)}个末端原因", f"{len(tested)} end causes"), table="case.tests")  # fmt: skip
    return [lead, *(verdicts.cause(voice, row) for row in tested.to_dict("records"))]


def declared(voice: Voice, story: Story) -> list[Finding]:
    """Step 5, its plan: what is asked of each end cause was written down before its data were looked at."""
    days = story.case.table("tests")
    before, same = int((days["declared_on"] < days["examined_on"]).sum()), int((days["declared_on"] == days["examined_on"]).sum())
    text = voice.say(f"{before}个末端原因的检验在查看数据之前声明", f"The tests of {before} end causes were declared before looking")
    text += voice.say(f"，{same}个在同一天（先后不明）", f", {same} on the same day (in which order is not known)") if same else ""
    return [voice.finding("tests.declared", float(before), "", text, definition="declared before looking", table="case.tests")]


def on_the_day(story: Story, cause: str) -> str:
    """The day on which a cause's data were looked at: they are as of then."""
    days = story.case.table("tests").set_index("cause")["examined_on"]
    return f"{days[cause]:%Y-%m-%d}"


def countermeasures(voice: Voice, story: Story) -> list[Finding]:
    """Step 6: one countermeasure or more for each root cause."""
    table = story.case.table("countermeasures")
    if table.empty:
        return [missing(voice, 6)]
    answered = len(story.answered)
    text = voice.say(f"{len(story.confirmed)}个要因中{answered}个有对策，共{len(table)}条", f"{answered} of {len(story.confirmed)} root causes have a countermeasure, {len(table)} in all")
    found = [voice.finding("countermeasures.count", float(len(table)), "", text, definition="countermeasures", denominator=voice.say(f"{len(story.confirmed)}个要因", f"{len(story.confirmed)} root causes"), table="case.countermeasures")]
    if len(story.plan):
        days = float(story.plan["lf"].max())
        text = voice.say(f"关键线路{'→'.join(story.plan.loc[story.plan['critical'], 'activity'])}，共{number(days)}天", f"The critical path {' → '.join(story.plan.loc[story.plan['critical'], 'activity'])} takes {number(days)} days")
        found.append(voice.finding("plan.days", days, voice.say("天", "days"), text, definition="critical path", table="case.activities"))
    return found


def options(voice: Voice, story: Story) -> list[Finding]:
    """Step 6, its choice: how many options were scored, and how many came first."""
    every, best = len(story.options), int((story.options["rank"] == 1).sum())
    text = voice.say(f"{every}个备选对策按准则打分（◎5、○3、△1），{best}个名列第一", f"{every} options scored by criteria (◎ 5, ○ 3, △ 1), {best} of them first")
    return [voice.finding("options.best", float(best), "", text, definition="sum of marks (◎ 5, ○ 3, △ 1)", table="case.options")]


def countermeasures_table(voice: Voice, story: Story) -> pd.DataFrame:
    """The countermeasures as their reader sees them, 5W1H and the expense; a cause that is not confirmed has its verdict beside it."""
    table, verdict = story.case.table("countermeasures"), marks(story)
    causes = [name if name in story.confirmed else name + voice.aside(voice.word("cause_verdict", verdict[name]) if name in verdict else voice.say("未检验", "not tested"))
              for name in table["cause"]]  # fmt: skip
    when = [f"{a:%Y-%m-%d}–{b:%Y-%m-%d}" if a.year != b.year else f"{a:%Y-%m-%d}–{b:%m-%d}" for a, b in zip(table["start"], table["end"], strict=True)]
    return pd.DataFrame({"id": table["id"], "root_cause": causes, "measure": table["what"], "goal_text": table["goal"], "how": table["how"], "where": table["where"],
                         "when": when, "who": table["responsible"], "expense": table["cost"]})  # fmt: skip


def results_table(voice: Voice, story: Story) -> pd.DataFrame:
    """What the activity was to come to and did: target, change, crux, benefit; empty without an effect."""
    if story.effect is None:
        return pd.DataFrame(columns=["item", "told"])
    said = {voice.say("目标", "target"): target, voice.say("特性值", "characteristic"): effect, voice.say("症结", "crux"): symptom_moved,
            voice.say("效益", "benefit"): benefit}  # fmt: skip
    return pd.DataFrame([(word, claim(voice, story)[0].text) for word, claim in said.items()], columns=["item", "told"])


def summary(voice: Voice, story: Story) -> list[Finding]:
    """Step 10: what was learnt and what comes next."""
    upcoming = story.case.say("next_topic")
    if not (upcoming or story.case.say("lessons") or len(story.case.table("radar"))):
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
    if story.holes:
        named = voice.listed([voice.span(missing_in) for missing_in, _ in story.holes])
        found.append(Check("series.holes", Verdict.WARNING, voice.say(f"序列缺少期间（{named}）：控制图把它们当作相邻的点。", f"Periods are missing in the series ({named}): the chart takes the points beside them for neighbours.")))
    if story.counts_differ:
        found.append(Check("survey.against_series", Verdict.WARNING, counts_differ(voice, story) + voice.say("。", ".")))
    if story.other_unit:
        found.append(Check("topic.units", Verdict.WARNING, voice.say(
            f"要求的单位是{story.other_unit}，现状的单位是{unit_of(story)}：两者不能相减。", f"The requirement is in {story.other_unit}, the characteristic in {unit_of(story)}: one cannot be taken from the other.")))  # fmt: skip
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
    return voice.say("；", "; ").join(
        voice.say(f"{voice.span(c.period)}现状调查共{number(c.survey)}件，同期序列为{number(c.series)}件：口径不同须说明",
                  f"{voice.span(c.period)}: the survey counts {number(c.survey)} problems, the series {number(c.series)}; say why they differ")
        for c in story.counts_differ
    )  # fmt: skip


def unit(story: Story) -> str:
    """The unit of the characteristic, for an axis."""
    return "%" if story.is_rate else str(story.case.say("topic", "unit") or "")


def counted(voice: Voice, story: Story) -> str:
    """What the survey counts."""
    return voice.say("销量", "sales") if story.case.counts_sales else voice.say("问题件数", "problems")


def finest(story: Story) -> pd.DataFrame:
    """The survey's last level, its stratum's column first; empty without a survey."""
    if not story.levels:
        return pd.DataFrame(columns=["stratum", "count"])
    level = story.levels[-1]
    return level.pareto[[level.stratum, *(c for c in level.pareto.columns if c != level.stratum)]]


def marks(story: Story) -> dict[str, str]:
    """End cause → its verdict, for the colours of a diagram."""
    return dict(zip(story.tested["cause"], story.tested["verdict"], strict=True)) if len(story.tested) else {}

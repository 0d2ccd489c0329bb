"""The deck of a QC story: group, plan, and its ten steps, each slide with the report's own claim for its title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from g3lib.findings import Finding
from g3lib.qc.control import Suited
from g3lib.qc.story.computed import declared
from g3lib.qc.story.pictures import picture
from g3lib.qc.story.records import Story
from g3lib.report import diagrams
from g3lib.report.charts.diagrams import activity_words
from g3lib.report.claims import characteristic, group, outcome, verdicts
from g3lib.report.claims import story as told
from g3lib.report.claims.voice import Voice
from g3lib.report.slides.kinds import Clusters, Cover, Drawing, Gantt, Panels, Paragraphs, Pareto, Radar, Slide, Staged, Table

# where a step's data come from: said in the notes of its slide
_NEEDS = ("case.yaml (topic)", "survey.csv", "case.yaml (target)", "causes.csv", "tests.csv", "countermeasures.csv", "implementation.csv",
          "series.csv (phase after)", "standards.csv", "case.yaml (lessons)")  # fmt: skip
_A_SLIDE = 2  # charts of causes


def of_case(voice: Voice, story: Story, audit: pd.DataFrame) -> list[Slide]:
    """Every slide of the deck; a step without data is a slide that says so.

    Args:
        story: `computed`; audit: `audit.audit`.
    """
    steps = (_topic, _survey, _target, _causes, _tests, _countermeasures, _implementation, _effect, _standards, _summary)
    found: list[Slide] = [_cover(voice, story), *_group(voice, story)]
    gone = set(audit.loc[audit["verdict"] == "missing", "step"])
    for place, step in enumerate(steps, 1):
        own = [characteristic.missing(voice, place)] if place in gone else []
        asked = voice.say("这一步需要：", "Asked for: ") + voice.word("step_asks", str(place))
        lacks = voice.say(f"在案例文件夹中补上{_NEEDS[place - 1]}，再重新生成。", f"Put {_NEEDS[place - 1]} into the case's folder and make the deck again.")
        found += [Paragraphs(own, [asked], notes=[lacks])] if own else step(voice, story)
    found.append(Table(told.audit_claim(voice, audit), told.audit_table(voice, audit), voice.say("十步完整性核对", "Audit of the ten steps")))
    # the report beside the deck has not all of these tables: none of their rows is left out
    return [replace(slide, whole=True) if isinstance(slide, Table) else slide for slide in found]


def _cover(voice: Voice, story: Story) -> Slide:
    own = story.case.say("group") or {}
    span = "–".join(str(own.get(k) or "")[:7] for k in ("started", "ended")).strip("–") if own.get("ended") else str(own.get("started") or "")[:7]
    span += voice.say("起", " on") if span and not own.get("ended") else ""
    lines = [*([str(own["name"])] if own.get("name") else []), voice.branch + (f" · {span}" if span else "")]
    if story.case.made_up:
        lines.append(voice.say("虚构样例数据，不代表任何真实分公司", "Made-up data: no real branch is meant"))
    return Cover(story.case.title, lines)


def _group(voice: Voice, story: Story) -> list[Slide]:
    found: list[Slide] = []
    if story.case.say("group"):
        found.append(Table(group.members(voice, story), group.group_table(voice, story), voice.say("小组简介", "The group")))
    if len(story.case.table("roster")):
        found.append(Table(group.roster(voice, story), group.roster_table(story), voice.say("小组成员", "Members")))
    if len(plan := story.case.table("schedule")):
        found.append(Gantt(group.schedule(voice, story), plan.assign(activity=[f"{row.step:g} {row.activity}" for row in plan.itertuples()])))
    return found


def _form(story: Story) -> str:
    return "0.00%" if story.is_rate else "#,##0.0"


def _named(rows: Sequence[tuple[str, float | None]], name: str) -> tuple[pd.DataFrame, dict[str, str]]:
    kept = [(word, value) for word, value in rows if value is not None and value == value]
    return pd.DataFrame(kept, columns=["group", "value"]), {"value": name}


def _topic(voice: Voice, story: Story) -> list[Slide]:
    need = story.case.say("topic", "requirement")
    frame, columns = _named([(voice.say("现状", "state"), story.now.value if story.now else None), (voice.say("要求", "required") + (voice.aside(story.other_unit) if story.other_unit else ""), need)],
                            story.characteristic)  # fmt: skip
    basis = str(story.case.say("topic", "requirement_basis") or "")
    lines = (voice.say(f"要求的依据：{basis}", f"required: {basis}") if basis else "", str(story.case.say("topic", "reason") or ""))
    reason = voice.say("。", ". ").join(filter(None, lines))
    claims = told.topic(voice, story)
    return [Clusters(claims, frame, columns, _form(story), told.unit(story), reason, about=voice.say("现状", "state"))] if len(frame) else [Paragraphs(claims, [reason])]


def _survey(voice: Voice, story: Story) -> list[Slide]:
    found: list[Slide] = []
    words = (told.counted(voice, story), voice.say("累计占比", "cumulative share"))
    for place, level in enumerate(story.levels, 1):
        below = told.counts_differ(voice, story) if place == 1 else ""
        found.append(Pareto([told.level_claim(voice, story, level, str(place))], level.pareto, level.stratum, "count", words, below=below))
    return [*found, *_staged(voice, story, story.survey_chart, "survey.stable")]


def _staged(voice: Voice, story: Story, suited: Suited | None, name: str) -> list[Slide]:
    if suited is None:
        return []
    chart = suited.location
    phases = {p: voice.word("phase", p) for p in dict.fromkeys(chart.phases)}
    word = story.characteristic + (voice.aside(told.unit(story)) if told.unit(story) else "")
    claims = told.control(voice, story, suited, name)
    why = [voice.word("chart_choice", reason) for reason in suited.reasons]
    below = voice.say("；", "; ").join([*(claim.text for claim in claims[1:]), *why])
    return [Staged(claims, chart, story.is_rate, word, phases, below, spread=suited.spread)]


def _target(voice: Voice, story: Story) -> list[Slide]:
    assert story.goal is not None
    need = None if story.other_unit else story.case.say("topic", "requirement")
    rows = [(voice.say("现状", "state"), story.now.value if story.now else None), (voice.say("目标", "target"), story.goal.value),
            (told.allowed(voice, story), story.goal.needed), (voice.say("要求", "required"), need)]  # fmt: skip
    frame, columns = _named(rows, story.characteristic)
    claims = told.target(voice, story)
    calculation = next((f.text for f in claims if f.name == "target.computed"), "")
    basis = str(story.case.say("target", "solvable_basis") or "")
    below = voice.say("；", "; ").join(filter(None, (calculation, basis, told.months(voice, story) if calculation else "",
                                                    told.counts_differ(voice, story) if calculation else "")))
    return [Clusters(claims, frame, columns, _form(story), told.unit(story), below, about=voice.say("目标", "target"))]


def _causes(voice: Voice, story: Story) -> list[Slide]:
    assert story.links is not None
    links = story.case.table("causes").rename(columns={"effect": "leads_to"})
    instead = links.assign(cause_verdict=links["cause"].map(told.marks(story)).fillna("")) if len(story.tested) else links
    return [Drawing(told.causes(voice, story), partial(_fishbone, story), instead=instead)]


def _fishbone(story: Story, wide: float) -> diagrams.Diagram:
    assert story.links is not None
    return diagrams.fishbone(story.links, wide, told.marks(story))


def _tests(voice: Voice, story: Story) -> list[Slide]:
    claims = told.confirmed(voice, story)
    wanted = declared(story.case)
    plan = pd.DataFrame(
        {"cause": wanted["cause"], "data_source": wanted["source"], "cause_test": story.tested["test"], "least": [verdicts.least(voice, r) for r in story.tested.to_dict("records")],
         "declared_on": [f"{d:%Y-%m-%d}" for d in wanted["declared_on"]], "examined_on": [f"{d:%Y-%m-%d}" for d in wanted["examined_on"]]}
    )  # fmt: skip
    found: list[Slide] = [Table(told.declared(voice, story), plan, voice.say("要因确认计划", "Plan of the tests")), Table(claims, verdicts.tests_table(voice, story), voice.say("要因确认结果", "Verdicts"))]
    panels = [_panel(voice, row, story) for row in wanted.to_dict("records")]
    for i in range(0, len(panels), _A_SLIDE):
        pair = panels[i : i + _A_SLIDE]
        title = voice.say("要因确认：", "Tests: ") + voice.listed([f.name.removeprefix("cause.") for p in pair for f in p.findings])
        found.append(Panels([f for p in pair for f in p.findings], pair, title))
    return found


def _panel(voice: Voice, row: dict[str, Any], story: Story) -> Clusters:
    tested = next(r for r in story.tested.to_dict("records") if r["cause"] == row["cause"])
    frame = picture(row, story.case.data[row["data"]])
    frame["group"] = [voice.say("全部", "all") if g == "_all" else f"{row['stratum']}：{g}" if row["stratum"] and row["type"] in ("risk", "mean") else str(g) for g in frame["group"]]
    words = {"with": voice.say("有此因素", "with it"), "without": voice.say("无此因素", "without it"), "mean": voice.say(f"{row['outcome']}（平均）", f"mean {row['outcome']}")}
    columns = {c: words.get(c, str(c)) for c in frame.columns[1:]}
    share = row["type"] in ("risk", "table")
    claim = replace(verdicts.cause(voice, tested), period=told.on_the_day(story, row["cause"]))
    return Clusters([claim], frame, columns, "0.0%" if share else "0.0", str(row["outcome"]) + (voice.say("（占比）", " (share)") if share else ""))


def _countermeasures(voice: Voice, story: Story) -> list[Slide]:
    claims = told.countermeasures(voice, story)
    found: list[Slide] = []
    if len(story.options):
        found.append(Table(told.options(voice, story), story.options.rename(columns={"cause": "root_cause", "rank": "rank_of"}), voice.say("对策选择", "Choice of countermeasures")))
    found.append(Table(claims, told.countermeasures_table(voice, story), voice.say("对策表（5W1H）", "Countermeasures (5W1H)")))
    if len(story.plan):
        plan = story.plan[["activity", "days", "after", "es", "lf", "total_float"]].rename(
            columns={"activity": "task", "days": "days_needed", "after": "waits_for", "es": "starts_earliest", "lf": "ends_latest"})  # fmt: skip
        found.append(Drawing(claims[1:], partial(_arrows, story, activity_words(voice.lang)), instead=plan))
    return found


def _arrows(story: Story, words: tuple[str, ...], wide: float) -> diagrams.Diagram:
    return diagrams.arrow_diagram(story.plan, words, wide)


def _implementation(voice: Voice, story: Story) -> list[Slide]:
    claims, table = outcome.implementation(voice, story), story.measures
    table = table.assign(group=[f"{r.id} {r.metric}" for r in table.itertuples()])
    columns = {"before": voice.say("实施前", "before"), "after": voice.say("实施后", "after"), "goal": voice.say("目标", "goal")}
    charts = [
        Clusters([claims[0]], own[["group", *columns]], columns, "0.0%" if rate else "#,##0.0", unit, title=unit or voice.say("占比", "share"))
        for (rate, unit), own in table.groupby(["rate", "unit"], sort=False)
    ]
    first: list[Slide] = [replace(charts[0], findings=claims, title="")] if len(charts) == 1 else []
    for i in range(0, len(charts), _A_SLIDE) if not first else ():
        first.append(Panels(claims, charts[i : i + _A_SLIDE], claims[0].text))
    effects = voice.say("对策实施结果与副作用", "Results of the countermeasures and their side effects")
    return [*first, Table(claims[1:], outcome.measures_table(voice, story), effects, effects)]


def _effect(voice: Voice, story: Story) -> list[Slide]:
    assert story.effect is not None
    claims, goal = outcome.effect(voice, story), story.goal
    rows = [(voice.say("活动前", "before"), story.effect.before.value), (voice.say("目标", "target"), goal.value if goal else None), (outcome.after_words(voice, story), story.effect.after.value)]
    frame, columns = _named(rows, story.characteristic)
    found: list[Slide] = [Clusters(claims, frame, columns, _form(story), told.unit(story), outcome.not_attributed(voice), about=rows[-1][0])]
    found += _staged(voice, story, story.chart, "series.stable")
    if story.has_crux and story.nothing_left:
        found.append(Paragraphs(outcome.symptom_moved(voice, story), []))
    elif story.has_crux and story.after_levels:
        moved, first = outcome.symptom_moved(voice, story), story.after_levels[0]
        shares = [(voice.word("phase", "before"), moved[0].previous), (voice.word("phase", "after"), moved[0].value)]
        frame, columns = _named(shares, voice.say("症结占全部问题", "the crux's share"))
        again = told.level_claim(voice, story, first, "after", "after_period")
        after = f"{voice.word('phase', 'after')}{voice.say('：', ': ')}{again.text}"
        words = (told.counted(voice, story), voice.say("累计占比", "cumulative share"))
        found.append(Panels([*moved, again], [Clusters(moved, frame, columns, "0.0%", title=columns["value"], about=shares[-1][0]), Pareto([again], first.pareto, first.stratum, "count", words, after)]))
    if story.benefit is not None:
        money = outcome.benefit(voice, story)
        parts = [(voice.say("毛效益", "gross"), story.benefit.gross), (voice.say("费用", "cost"), story.benefit.cost), (voice.say("净效益", "net"), story.benefit.net)]
        unit, yuan = voice.say("万元", "yuan"), 10_000 if voice.lang == "zh" else 1
        frame, columns = _named([(word, amount / yuan) for word, amount in parts], unit)
        below = voice.say("；", ". ").join((outcome.worth(voice, story), outcome.not_attributed(voice)))
        found.append(Clusters(money, frame, columns, voice.say("#,##0.00", "#,##0"), unit, below, about=parts[-1][0]))
    return found


def _standards(voice: Voice, story: Story) -> list[Slide]:
    claims, table = outcome.standards(voice, story), outcome.standards_table(story)
    return [Table(claims, table, voice.say("巩固措施", "Standards"))] if len(table) else [Paragraphs(claims, [])]


def _summary(voice: Voice, story: Story) -> list[Slide]:
    found: list[Slide] = []
    radar, lessons = story.case.table("radar"), story.case.say("lessons") or {}
    claims: list[Finding] = told.summary(voice, story)
    if len(radar):
        found.append(Radar(group.risen(voice, story), radar[["dimension", "before", "after"]], {"before": voice.word("phase", "before"), "after": voice.word("phase", "after")}))
    words = {"technical": voice.say("技术：", "Technical: "), "management": voice.say("管理：", "Management: "), "people": voice.say("人员：", "People: ")}
    lines = [words[k] + str(lessons[k]) for k in words if lessons.get(k)]
    found.append(Paragraphs(claims, lines))
    return found



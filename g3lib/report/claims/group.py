"""Who the QC group is and how its activity went, the opening of a story; and its assessment of itself at the end."""

from __future__ import annotations

from typing import Any

import pandas as pd

from g3lib.findings import Finding
from g3lib.labels import number
from g3lib.qc.story.records import Story
from g3lib.report.claims.voice import Voice


def members(voice: Voice, story: Story) -> list[Finding]:
    """How many members the group has."""
    roster = story.case.table("roster")
    text = voice.say(f"小组简介：{len(roster)}名成员", f"The group: {len(roster)} members") if len(roster) else voice.say("小组简介（没有成员名单）", "The group (no roster)")
    return [voice.finding("group.members", float(len(roster)) if len(roster) else None, "", text, definition="members", table="case.roster")]


def roster(voice: Voice, story: Story) -> list[Finding]:
    """Who does what in the group."""
    return [voice.finding("group.roster", float(len(story.case.table("roster"))), "", voice.say("成员与分工", "Members and tasks"), definition="members", table="case.roster")]


def group_table(voice: Voice, story: Story) -> pd.DataFrame:
    """What case.yaml says of the group, as its reader sees it; only the topic where it says nothing."""
    group: dict[str, Any] = story.case.say("group") or {}
    words = {"name": voice.say("小组名称", "group"), "registered": voice.say("注册号", "registration"), "founded": voice.say("成立时间", "founded"),
             "topic_type": voice.say("课题类型", "kind of topic"), "started": voice.say("活动开始", "began"), "ended": voice.say("活动结束", "ended"),
             "meetings": voice.say("活动次数", "meetings"), "honours": voice.say("曾获荣誉", "honours")}  # fmt: skip
    rows = [(voice.say("课题", "topic"), story.case.title)]
    rows += [(word, voice.listed(list(map(str, group[k]))) if isinstance(group[k], list) else str(group[k])) for k, word in words.items() if group.get(k)]
    if group.get("meetings") and story.case.table("schedule").empty:
        rows.append((voice.say("活动清单", "list of meetings"), voice.say("只有次数，没有清单", "only their number is known")))
    return pd.DataFrame(rows, columns=["item", "told"])


def roster_table(story: Story) -> pd.DataFrame:
    """The members, with what is known of them."""
    table = story.case.table("roster")
    return table[[c for c in ("member", "gender", "education", "circle_role", "task", "job_title") if table[c].notna().any()]]


def schedule(voice: Voice, story: Story) -> list[Finding]:
    """How the activities kept to their plan."""
    planned = len(story.case.table("schedule"))
    text = voice.say(f"活动计划与实际：{planned}项活动中{story.late}项晚于计划结束", f"Plan and actual: {story.late} of {planned} activities ended later than planned")
    text += voice.say(f"，{story.unended}项没有实际结束日期", f", {story.unended} have no actual end") if story.unended else ""
    return [voice.finding("plan.late", float(story.late), "", text, definition="planned against actual", table="case.schedule", denominator=voice.say("活动", "activities"))]


def risen(voice: Voice, story: Story) -> list[Finding]:
    """By how much the group's assessment of itself rose."""
    items, up = len(story.case.table("radar")), number(story.risen, 1)
    text = voice.say(f"自我评价平均提高{up}分", f"Self-assessment rose by {up} points on average")
    return [voice.finding("radar.up", story.risen, "", text, definition="mean of after − before", table="case.radar", denominator=voice.say(f"{items}个项目", f"{items} items"))]

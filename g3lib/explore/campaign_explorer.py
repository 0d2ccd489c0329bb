"""The campaign explorer: who is held to have joined, who is compared, over which months; what is seen, and what could be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import ipywidgets
import pandas as pd

from g3lib.errors import NoData, UsageError
from g3lib.explore.answering import Explorer, asked, dropdown, heading, headline, picture, shared
from g3lib.findings import Finding
from g3lib.labels import Lang
from g3lib.measures import campaigns
from g3lib.report import charts, claims
from g3lib.report.charts.drawing import Drawing
from g3lib.report.claims.voice import Voice
from g3lib.tables.coverage import first_unit, open_dataset
from g3lib.tables.dataset import Dataset
from g3lib.tables.workspace import Workspace

NEEDS = ["participation"]
_PARTS = [("headline", "headline"), ("chart", "picture"), ("checks", "html"), ("before", "html"), ("lifts", "html")]


@dataclass(frozen=True)
class Compared:
    """A comparison as the controls say it: the panel of both groups within the window, and when each joined."""

    panel: pd.DataFrame
    starts: dict[str, str]
    effect: pd.DataFrame
    placebo: pd.DataFrame


class CampaignExplorer(Explorer):
    """Lists of branches, a window and a start over a panel of participation rates.

    Args:
        data: of a branch or a province whose area published participation.
        lang: `zh` or `en`.
        folder: where its state is kept.
    """

    def __init__(self, data: Dataset, lang: Lang, folder: Path) -> None:
        voice = Voice(lang, data.branch, str(data.period))
        super().__init__(voice, _PARTS, f"campaign explorer {data.branch}", folder)
        self.data = data
        self.panel = campaigns.month_rates(data.participation)
        self.months = sorted(self.panel["month"].unique())
        if len(self.months) < 2:
            zh, en = "参与率不足两个月，无从比较。", "Participation is known for fewer than two months: nothing to compare."
            raise UsageError(voice.say(zh, en))
        self._drawing = Drawing(charts.parallel_trends, lambda *_: 3.4)
        say, names = voice.say, sorted(self.panel["branch"].unique())
        known = sorted(data.campaigns["campaign"].dropna().unique())
        named = [(say("（自选）", "(my own choice)"), ""), *((one, one) for one in known)]
        self.campaign = dropdown(say("活动", "Campaign"), named)
        rows, layout = min(len(names), 9), shared("SelectMultiple")
        self.joined = ipywidgets.SelectMultiple(options=names, rows=rows, description=say("参加", "Joined"), **layout)
        self.others = ipywidgets.SelectMultiple(options=names, rows=rows, description=say("对照", "Compared"), **layout)
        middle = self.months[len(self.months) // 2]
        self.start = ipywidgets.SelectionSlider(options=self.months, value=middle, description=say("开始", "Start"))
        ends = (self.months[0], self.months[-1])
        self.window = ipywidgets.SelectionRangeSlider(options=self.months, value=ends, description=say("窗口", "Window"))
        self.follow = ipywidgets.IntSlider(value=3, min=1, max=12, description=say("拟跟踪月数", "Months to follow"))
        self.watch([self.joined, self.others, self.start, self.window, self.follow])
        self.campaign.observe(lambda change: self._press(lambda: self.take(change["new"])), "value")
        acts = self.buttons({say("其余全部作对照", "Compare with all others"): self.all_others})
        before = heading(say("开始之前：能看出多大的效果", "before starting: what could be seen"))
        groups = [self.campaign, self.joined, self.others, acts, self.window, self.start]
        self.page(say("活动探索", "Campaign explorer"), data, [*groups, before, self.follow])
        with self.quiet():
            self.take(known[0] if known else "")

    def take(self, campaign: str) -> None:
        """The groups and the start of a campaign that the exports name, its first if they differ; all others are compared."""
        starts = campaigns.starts_of(self.data.campaigns, campaign) if campaign else {}
        own = {name: start for name, start in starts.items() if name in self.joined.options}
        first = min(own.values(), default="")
        seen = first in self.months
        with self.together():
            self.campaign.value = campaign
            self._starts = own if seen else {}
            if campaign:
                # a campaign of others, or of a time that is not known, has no groups to compare here
                self.joined.value = tuple(sorted(own)) if seen else ()
                left = campaigns.not_in_others(self.panel, self.data.campaigns, campaign)["branch"]
                self.others.value = tuple(sorted(set(left) - set(own))) if seen else ()
            if seen:
                self.start.value = first
                ends = (self.months[0], self.months[-1])
                self._declared = (self.joined.value, self.others.value, first, ends)
        if campaign and not seen:
            said = (f"{campaign}的参加者没有参与率数据。", f"Nobody of {campaign} has a participation rate here.")
            if own:
                said = (f"{campaign}开始于{first}，不在已知月份内。", f"{campaign} began in {first}, outside the months known.")
            self.say(self.voice.say(*said), breach=True)

    def all_others(self) -> None:
        """Whoever did not join is compared."""
        self.others.value = tuple(name for name in self.others.options if name not in self.joined.value)

    # ---- what they ask for

    def compared(self) -> Compared:
        """The comparison that the controls ask for."""
        first, last = self.window.value
        inside = self.panel[self.panel["month"].between(first, last)]
        inside = inside[inside["branch"].isin({*self.joined.value, *self.others.value})].reset_index(drop=True)
        # a campaign's own starts, while nobody has moved the start away from its first
        own = self._starts if self._starts and min(self._starts.values()) == self.start.value else {}
        starts = {name: own.get(name, self.start.value) for name in self.joined.value}
        return Compared(inside, starts, campaigns.did(inside, starts), campaigns.placebo(inside, starts))

    # ---- the answer

    def now(self) -> dict[str, Any]:
        """The effect and both groups' course."""
        found = self._shown = self.compared()
        said = self._said(found)
        course = campaigns.trends(found.panel, found.starts)
        drawn = picture(self.drawn(self._drawing, course, lang=self.voice.lang), said[0].text) if len(course) else {"html": ""}
        return {"headline": headline(said[:1]), "chart": drawn}

    def then(self) -> dict[str, Any]:
        """The trend check and what it assumes, the smallest effect that could be seen, each branch's own change."""
        found, voice = self._shown, self.voice
        early = campaigns.before_start(found.panel, found.starts) if found.starts else found.panel
        joining = len(found.starts) or 1
        smallest = campaigns.minimum_effect(early, joining, self.follow.value)
        both = sorted(set(self.joined.value) & set(self.others.value))
        checks = claims.attribution.both_sides(voice, both)
        checks += [] if self._is_declared() or not found.starts else claims.attribution.exploring(voice)
        in_some = set(self.data.campaigns["branch"])
        checks += claims.attribution.not_clean(voice, sorted(in_some & {*self.others.value} - {*self.joined.value}))
        checks += claims.attribution.assumed(voice, found.effect, found.placebo, smallest)
        power = claims.attribution.smallest(voice, smallest) if self._is_anybody() else claims.attribution.nobody(voice)
        lifts = campaigns.moves_by_branch(found.panel, found.starts)
        return {
            "checks": self.checked(checks),
            "before": self.told(power),
            "lifts": self.told(claims.attribution.by_branch(voice, lifts), lifts) if len(lifts) else {"html": ""},
        }

    def plain(self) -> str:
        """The effect in a sentence."""
        return self._said(self._shown)[0].text

    def _said(self, found: Compared) -> list[Finding]:
        if not found.starts:
            return claims.attribution.nobody(self.voice)
        return claims.attribution.attribution(self.voice, found.effect, found.placebo, self._is_declared())

    def _is_anybody(self) -> bool:
        return bool(self.joined.value or self.others.value)

    def _is_declared(self) -> bool:
        """Whether groups, start and window are a campaign's own, as the exports name it."""
        shown = (self.joined.value, self.others.value, self.start.value, self.window.value)
        return bool(self._starts) and self._declared == shown

    # ---- its state

    def state(self) -> dict[str, Any]:
        """Groups, window and start."""
        return {
            "campaign": self.campaign.value, "joined": list(self.joined.value), "others": list(self.others.value),
            "start": self.start.value, "window": list(self.window.value), "follow": self.follow.value,
        }  # fmt: skip

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Set the controls; what the data no longer have is left out."""
        if state.get("campaign") in {one for _, one in self.campaign.options}:
            self.take(state["campaign"])
        with self.together():
            for control, name in ((self.joined, "joined"), (self.others, "others")):
                control.value = tuple(one for one in state.get(name, control.value) if one in control.options)
            if set(state.get("window", ())) <= set(self.months) and len(state.get("window", ())) == 2:
                self.window.value = tuple(state["window"])
            if state.get("start") in self.months:
                self.start.value = state["start"]
            self.follow.value = state.get("follow", self.follow.value)


def _first(workspace: Workspace) -> str:
    """The first area that has campaigns, or at least participation."""
    try:
        return first_unit(workspace.store(), ["province", "branch"], [*NEEDS, "campaigns"])
    except NoData:
        return first_unit(workspace.store(), ["province", "branch"], NEEDS)


def open_campaigns(branch: str = "", lang: Lang = "zh", *, restore: bool = True) -> CampaignExplorer:
    """The explorer of an area's campaigns.

    Args:
        branch: a branch of the area, or its province; empty for the first whose participation is known.
        lang: `zh` or `en`.
        restore: whether to begin where it was left.

    Raises:
        NoData, UsageError: see `open_dataset`; UsageError also where fewer than two months are known.
    """
    wanted = asked(branch=branch, lang=lang)
    workspace = Workspace.find()
    name = wanted["branch"] or _first(workspace)
    explorer = CampaignExplorer(open_dataset(name, "", NEEDS), cast(Lang, wanted["lang"]), workspace.scenarios)
    explorer.begin(restore)
    return explorer

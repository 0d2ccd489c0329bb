"""The channel and target explorer: who gave what up to a day, what a target still asks a day, from channel down to outlet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import ipywidgets
import pandas as pd

from g3lib.errors import UsageError
from g3lib.explore.answering import Explorer, asked, dropdown, headline, picture
from g3lib.labels import Lang, label, pick
from g3lib.measures import channels, overview, targets
from g3lib.periods import Period
from g3lib.report import charts, claims
from g3lib.report.charts.drawing import Drawing, Frame
from g3lib.report.claims.voice import Voice
from g3lib.tables.coverage import able_units, first_unit, open_dataset
from g3lib.tables.dataset import Dataset
from g3lib.tables.workspace import Workspace

NEEDS = ["sales"]
LEVELS = ("channel", "outlet")
_PARTS = [("headline", "headline"), ("chart", "picture"), ("progress", "html"), ("owed", "html"), ("days", "html"),
          ("months", "html")]  # fmt: skip
_MOST = 14  # bars


@dataclass(frozen=True)
class Place:
    """One branch, or province, with its sales summed by day once: whatever is asked of a day is asked of these sums."""

    data: Dataset

    @cached_property
    def cells(self) -> pd.DataFrame:
        """`channels.daily_cells`."""
        return channels.daily_cells(self.data.sales)

    @cached_property
    def targets(self) -> pd.DataFrame:
        """Its own targets; of a province without one the sum of its branches'."""
        whole = overview.whole(self.data.targets, self.data.branch, self.data.members)
        return whole[whole["branch"] == self.data.branch]

    @cached_property
    def days(self) -> list[str]:
        """`channels.known_days`."""
        return channels.known_days(self.cells, self.data.period.asof)

    @cached_property
    def has_outlets(self) -> bool:
        """Whether its sales say through which outlet."""
        return "outlet" in self.cells and bool(self.cells["outlet"].notna().any())


@dataclass(frozen=True)
class Seen:
    """What the controls ask for, measured."""

    period: Period
    level: str
    inside: str
    sales: pd.DataFrame
    table: pd.DataFrame
    reached: pd.DataFrame


class ChannelExplorer(Explorer):
    """Branch, day and level; a click on a channel opens its outlets.

    Args:
        place: what it opens with.
        units: the branches and provinces that can be chosen.
        lang: `zh` or `en`.
        folder: where scenarios, and so its state, are kept.
    """

    def __init__(self, place: Place, units: list[str], lang: Lang, folder: Path) -> None:
        voice = Voice(lang, place.data.branch, str(place.data.period))
        super().__init__(voice, _PARTS, "channel explorer", folder)
        self.place, self._units = place, units
        self._drawing = Drawing(charts.contributions, lambda table, **_: 1.1 + 0.3 * len(table))
        say = voice.say
        self.branch = dropdown(say("分公司", "Branch"), units, value=place.data.branch)
        self.day = ipywidgets.SelectionSlider(options=place.days, value=place.days[-1], description=say("截至", "Up to"))
        self.level = dropdown(say("层级", "Level"), [(label("level_of_sales", one, lang), one) for one in LEVELS])
        self.inside = dropdown(say("渠道", "Channel"), self._channels())
        self.watch([self.day, self.level, self.inside])
        self.branch.observe(self._changed, "value")
        acts = self.buttons({say("回到渠道", "Back to channels"): self.up})
        controls = [self.branch, self.day, self.level, self.inside, acts]
        self.page(say("渠道与目标探索", "Channel and target explorer"), place.data, controls)

    def _channels(self) -> list[tuple[str, str]]:
        known = channels.ordered(self.place.cells["channel"])
        return [(pick(self.voice.lang, "（全部）", "(all)"), ""), *((self.voice.word("channel", one), one) for one in known)]

    def _changed(self, change: Any) -> None:
        if self._together:
            return
        with self.telling():
            self.open(change["new"])
        with self.quiet():  # a branch that cannot be opened is not the one that is shown
            self.branch.value = self.place.data.branch

    def open(self, branch: str) -> None:
        """Another branch, up to its own last day."""
        place = Place(open_dataset(branch, "", NEEDS))
        self.place, self.voice = place, Voice(self.voice.lang, branch, str(place.data.period))
        with self.together():
            self.branch.value = branch
            self.day.options = place.days
            self.day.value = place.days[-1]
            self.inside.options = self._channels()
            self.inside.value = ""
            self.level.value = "channel"
        self.about(place.data)

    def up(self) -> None:
        """Back from a channel's outlets to the channels."""
        with self.together():
            self.level.value, self.inside.value = "channel", ""

    # ---- what they ask for

    def seen(self) -> Seen:
        """What the controls ask for."""
        period, place = Period.parse(self.day.value), self.place
        sales = place.cells[place.cells["date"] <= pd.Timestamp(period.asof)]
        inside, level = self.inside.value or "", self.level.value
        own = sales[sales["channel"] == inside] if inside else sales
        if level == "outlet" and not place.has_outlets:
            zh, en = "销售数据没有网点，只能看到渠道。", "The sales do not say through which outlet: only channels can be seen."
            raise UsageError(self.voice.say(zh, en))
        table, data = channels.level(own, period, level, _MOST), place.data
        reached = targets.progress(sales, place.targets, period, data.thresholds, data.scopes, whole_of=data.branch)
        return Seen(period, level, inside, sales, table, reached)

    def _voice(self, period: Period) -> Voice:
        return Voice(self.voice.lang, self.place.data.branch, str(period))

    # ---- the answer

    def now(self) -> dict[str, Any]:
        """Headline and bars."""
        found = self.seen()
        self._shown = found
        voice = self._voice(found.period)
        said = claims.channels.level(voice, found.table, found.period, found.level, found.inside)
        sold = {} if found.table.empty else {"chart": self._bars(found, said[0].text)}
        return {"headline": headline([*said[:1], *claims.targets.target(voice, found.reached)[:1]]), "chart": {"html": ""}} | sold

    def _bars(self, found: Seen, alt: str) -> dict[str, Any]:
        frame = self.drawn(self._drawing, found.table, lang=self.voice.lang, by=found.level)
        return picture(frame, alt, self._places(found, frame) if found.level == "channel" and self.place.has_outlets else ())

    def _places(self, found: Seen, frame: Frame) -> list[dict[str, Any]]:
        """A place to click over each channel's bar: it opens the channel's outlets."""
        left, top, width, height = frame.axes
        row = height / (len(found.table) + 0.2)
        words = claims.channels.openers(self.voice, found.table)
        boxes = [{"left": left, "top": top + (i + 0.1) * row, "width": width, "height": row} for i in range(len(words))]
        every = zip(found.table["channel"], words, boxes, strict=True)
        return [{"key": one, "label": word, "box": box} for one, word, box in every]

    def chosen(self, part: str, key: Any) -> None:
        """A channel's bar was clicked: its outlets."""
        if part == "chart" and key in {one for _, one in self.inside.options}:
            with self.together():
                self.inside.value, self.level.value = key, "outlet"

    def then(self) -> dict[str, Any]:
        """Progress, what each channel owes, the days left, and the months so far."""
        found, voice = self._shown, self._voice(self._shown.period)
        every = channels.monthly_units(found.sales)
        outlook = targets.outlook(found.sales, found.reached, found.period)
        owed = targets.must_add(every, found.reached, self.place.targets, found.period)
        left = targets.run_rate_by_day(found.sales, found.reached, found.period)
        units = channels.span(every, found.period)
        shares, total = channels.contribution_share(units, within=["month"]), channels.contribution_share(units)
        nothing = {"html": ""}
        return {
            "progress": self.told(claims.targets.progress_claim(voice, found.reached, outlook), found.reached[list(_REACHED)]),
            "owed": self.told(claims.targets.owed(voice, owed), owed) if len(owed) else nothing,
            "days": self.told(claims.targets.by_day(voice, left), left.head(31)) if len(left) else nothing,
            "months": self.told(claims.channels.shares(voice), channels.share_table(shares, total)) if len(every) else nothing,
        }

    def plain(self) -> str:
        """The headline's sentence."""
        found = self._shown
        return claims.channels.level(self._voice(found.period), found.table, found.period, found.level, found.inside)[0].text

    # ---- its state

    def state(self) -> dict[str, Any]:
        """Branch, day, level and channel."""
        return {"branch": self.branch.value, "day": self.day.value, "level": self.level.value, "channel": self.inside.value or ""}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Set the controls; what the data no longer have stays as it is."""
        if state.get("branch") in self._units and state["branch"] != self.branch.value:
            self.open(state["branch"])
        with self.together():
            if state.get("day") in self.place.days:
                self.day.value = state["day"]
            if state.get("level") in LEVELS:
                self.level.value = state["level"]
            if state.get("channel") in {one for _, one in self.inside.options}:
                self.inside.value = state["channel"]


_REACHED = (
    "phasing", "target", "actual", "attainment", "time_progress", "progress_index", "gap_to_time", "remaining", "days_left",
    "per_day", "per_month",
)  # fmt: skip


def open_channels(branch: str = "", lang: Lang = "zh", *, restore: bool = True) -> ChannelExplorer:
    """The explorer of a branch's, or a province's, channels and targets.

    Args:
        branch: as the exports write it; empty for the first that has sales.
        lang: `zh` or `en`.
        restore: whether to begin where it was left, unless a branch is named.

    Raises:
        NoData, UsageError: see `open_dataset`.
    """
    wanted = asked(branch=branch, lang=lang)
    workspace = Workspace.find()
    store = workspace.store()
    units = able_units(store, ["province", "branch"], NEEDS)
    name = wanted["branch"] or first_unit(store, ["branch"], NEEDS)
    explorer = ChannelExplorer(Place(open_dataset(name, "", NEEDS)), units, cast(Lang, wanted["lang"]), workspace.scenarios)
    explorer.begin(restore and not wanted["branch"])
    return explorer

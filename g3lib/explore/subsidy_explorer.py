"""The subsidy explorer: rates moved by class, contract and channel; what next month would come to, and what would be best."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import ipywidgets

from g3lib.errors import UsageError, listed
from g3lib.explore.answering import Explorer, asked, heading, headline, picture, slider, tick
from g3lib.explore.keeping import kept
from g3lib.labels import VOCABULARIES, Lang, number, percent
from g3lib.measures import subsidy
from g3lib.measures.subsidy.allocation import Allocation, Evaluation
from g3lib.measures.subsidy.allocation.inputs import Inputs
from g3lib.measures.subsidy.outlook import outlook
from g3lib.measures.subsidy.scenario import Outlook, Scenario
from g3lib.report import charts, claims
from g3lib.report.charts.drawing import Drawing
from g3lib.report.claims.voice import Voice
from g3lib.report.page import Data
from g3lib.report.tables import kpis_html
from g3lib.tables import scenarios
from g3lib.tables.coverage import first_unit, open_dataset
from g3lib.tables.workspace import Workspace

NEEDS = ["sales.subsidy"]
_DIMENSIONS = ("device_class", "contract", "channel")
_PARTS = [("headline", "headline"), ("figures", "html"), ("chart", "picture"), ("best", "html"), ("limits", "html"),
          ("returns", "html"), ("breaches", "html"), ("checks", "html")]  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What the controls limit a plan to: as asked, and the outlook and inputs that it makes."""

    asked: tuple[Any, ...]
    ahead: Outlook
    inputs: Inputs


@dataclass(frozen=True)
class Tried:
    """What the controls ask for and what it comes to."""

    limits: Limits
    held: Evaluation
    meant: Scenario

    @property
    def budget(self) -> float:
        """Yuan; what today's rates would spend where none is set."""
        return self.limits.inputs.budget

    @property
    def is_set(self) -> bool:
        """Whether somebody set it."""
        return bool(self.limits.asked[-1])


class SubsidyExplorer(Explorer):
    """Sliders over an outlook.

    Args:
        ahead: `subsidy.outlook` of the province or branch.
        voice: language, branch and period.
        data: whose they are, of when, and from which files.
        folder: where scenarios are kept.
    """

    def __init__(self, ahead: Outlook, voice: Voice, data: Data, folder: Path) -> None:
        super().__init__(voice, _PARTS, f"subsidy explorer {data.branch} {data.period}", folder)
        self.ahead = ahead
        self._about = {"province": data.branch, "period": str(data.period), "lang": voice.lang}
        self._worth = ahead.returns()  # no control changes it
        self._limits: Limits | None = None
        self._best: tuple[Limits, Allocation] | None = None
        self._drawing = Drawing(charts.rates_today_and_proposed, lambda table, _: 1.2 + 0.27 * len(table))
        self.moves = self._move_sliders()
        self.budget, self.cap, self.floor, self.lifecycle, self.promises = self._limit_controls(ahead.spent_today)
        hint = voice.say("如：秋季手机加2点", "such as: autumn, handsets +2")
        self.name = ipywidgets.Text(description=voice.say("情景名", "Name"), placeholder=hint)
        self.opened = ipywidgets.Dropdown(description=voice.say("已存情景", "Saved"), options=self._saved())
        limits = (self.budget, self.cap, self.floor, self.lifecycle, self.promises)
        self.watch([*(one for of in self.moves.values() for one in of.values()), *limits])
        self.opened.observe(lambda change: self.open(change["new"]), "value")
        self.page(voice.say("补贴探索", "Subsidy explorer"), data, self._controls())

    # ---- the controls

    def _move_sliders(self) -> dict[str, dict[str, ipywidgets.FloatSlider]]:
        """A slider for each class, contract and channel whose response is known, in points."""
        known = self.ahead.cells[self.ahead.cells["beta"].notna()]
        most, found = 100 * self.ahead.max_move, {}
        for dimension in _DIMENSIONS:
            rates = subsidy.mean_rates(known, dimension)
            order = dict.fromkeys([code for code in VOCABULARIES[dimension] if code in rates] + rates.index.tolist())
            found[dimension] = {
                code: slider(f"{self.voice.word(dimension, code)} {percent(rates[code], 1)}", -most, most, 0.5) for code in order
            }
        return found

    def _limit_controls(self, today: float) -> tuple[Any, ...]:
        say = self.voice.say
        step = 10.0 ** max(len(str(int(today))) - 3, 0)
        top = 2 * max(today, step)
        dearest = float(self.ahead.cells["list_price"].max()) if len(self.ahead.cells) else 1.0
        return (
            slider(say("预算（元；0现行）", "budget (yuan; 0: now)"), 0, top, step, 0.0, ",.0f"),
            slider(say("单台上限（元；0无）", "cap a unit (0: none)"), 0, dearest, 10, 0.0, ",.0f"),
            slider(say("手机座机占比≥（%）", "phones' share ≥ (%)"), 0, 100, 1, 100 * self.ahead.mix_floor[1], ".0f"),
            tick(say("遵守生命周期上限", "keep to lifecycle caps")),
            tick(say("履行本省包销承诺", "keep the province's promises")),
        )

    def _controls(self) -> list[Any]:
        say = self.voice.say
        titles = {
            "device_class": say("终端类型与现行补贴率：变动几个百分点", "class and today's rate: change in points"),
            "contract": say("合约类型", "contract"),
            "channel": say("渠道", "channel"),
        }
        groups = [box for dimension, of in self.moves.items() for box in (heading(titles[dimension]), *of.values())]
        limits = [self.budget, self.cap, self.floor, self.lifecycle, self.promises]
        acts = self.buttons({say("优化", "Optimise"): self.optimise, say("复位", "Reset"): self.reset})
        saving = self.buttons({say("保存情景", "Save scenario"): self.save})
        kept = [heading(say("情景", "scenario")), self.name, saving, self.opened]
        return [*groups, heading(say("限制", "limits")), *limits, acts, *kept]

    # ---- what they ask for

    def chosen_moves(self) -> dict[str, dict[str, float]]:
        """The moves as fractions; what stands at zero is no move."""
        asked = {name: {code: one.value / 100 for code, one in of.items() if one.value} for name, of in self.moves.items()}
        return {dimension: of for dimension, of in asked.items() if of}

    def state(self) -> dict[str, Any]:
        """The parameters of notebook 05 that these controls stand for."""
        return {
            **self._about,
            "budget": float(self.budget.value),
            "max_move": self.ahead.max_move,
            "rate_max": self.ahead.rate_max,
            "cap_per_unit": float(self.cap.value),
            "mix_floor": self.floor.value / 100,
            "keep_lifecycle": bool(self.lifecycle.value),
            "keep_promises": bool(self.promises.value),
            "rate_base": self.ahead.rate_base,
            "tolerance": self.ahead.tolerance,
            "moves": self.chosen_moves(),
        }

    def limits(self) -> Limits:
        """The limits that the controls say; made when one of them has changed."""
        caps = (self.cap.value, self.floor.value / 100, self.lifecycle.value, self.promises.value)
        asked = (*caps, self.budget.value)
        if self._limits is None or self._limits.asked != asked:
            ahead = self.ahead.limited_to(*caps)
            self._limits = Limits(asked, ahead, ahead.within(self.budget.value or None))
        return self._limits

    def tried(self) -> Tried:
        """The scenario of the controls."""
        limits = self.limits()
        held, meant = subsidy.scenario(limits.ahead, limits.inputs, self.chosen_moves())
        return Tried(limits, held, meant)

    # ---- the answer

    def now(self) -> dict[str, Any]:
        """Headline and chart."""
        found = self._shown = self.tried()
        said = claims.scenario.headline(self.voice, found.held, found.meant, found.budget, found.is_set)[:1]
        broken = claims.scenario.limits(self.voice, found.held)
        by_group = found.meant.by_group
        frame = self.drawn(self._drawing, by_group, self._worth, lang=self.voice.lang)
        alt = claims.plan.groups(self.voice, by_group)[0].text
        return {"headline": headline([*said, *broken]), "chart": picture(frame, alt)}

    def then(self) -> dict[str, Any]:
        """Figures, limits, payback, rules, and the best plan where it was asked for."""
        found, voice = self._shown, self.voice
        returns = found.meant.returns
        figures = claims.scenario.parts(voice, found.held, found.meant, found.budget, found.is_set)
        limits = claims.scenario.limits_table(voice, found.held)
        broken = found.meant.breaches.head(8)[["rule", "reason", "over_units", "over_yuan", "below_units", "below_yuan"]]
        return {
            "figures": {"html": kpis_html(figures, voice.lang)},
            "limits": self.told(claims.scenario.limits(voice, found.held), limits, bold=limits["verdict"].eq("fail").tolist()),
            "returns": self.told(claims.plan.returns(voice, returns), claims.plan.returns_table(voice, returns)),
            "breaches": self.told(claims.scenario.breaches(voice, found.meant), broken),
            "best": self._beside_best(found),
            "checks": self.checked(claims.scenario.checks(voice, found.meant, self.chosen_moves())),
        }

    def plain(self) -> str:
        """The headline's sentence."""
        found = self._shown
        return claims.scenario.headline(self.voice, found.held, found.meant, found.budget, found.is_set)[0].text

    # ---- the buttons

    def optimise(self) -> None:
        """Find the best plan within the same limits, and show how the sliders' differs from it."""
        self.say(self.voice.say("正在求解……", "Solving …"))
        limits = self.limits()
        self._best = (limits, limits.ahead.best(limits.inputs.budget, checks=0))
        self.say("")
        self._follow()

    def _beside_best(self, found: Tried) -> dict[str, Any]:
        """The sliders' plan beside the best one; nothing where none was asked for under these limits."""
        if self._best is None or self._best[0] is not found.limits:
            return {"html": ""}
        voice, plan = self.voice, self._best[1]
        if plan.status == "infeasible":
            return self.told(claims.plan.limits(voice, plan), claims.plan.limits_table(voice, plan))
        best = Scenario(found.limits.ahead, plan.plan)
        both = {"scenario": subsidy.tried_as(found.held, found.meant), "best": subsidy.Tried(plan.spend, best, ())}
        said = claims.scenario.compared(voice, both, self.chosen_moves())
        otherwise = subsidy.plan_differences(found.meant.by_group, best.by_group)
        return self.told(said, claims.scenario.compared_table(voice, both), otherwise)

    def reset(self) -> None:
        """Today's rates, today's budget."""
        with self.quiet():
            self.opened.value = ""
        self.set_state({})

    def save(self) -> None:
        """Keep the controls as a scenario that notebook 05 runs on."""
        about = claims.scenario.moves(self.voice, self.chosen_moves())
        name = self.name.value.strip()
        if not name:
            raise UsageError(self.voice.say("情景还没有名字。", "A scenario needs a name."))
        path = scenarios.save(self._folder, name, self.state(), about)
        self.opened.options = self._saved()
        run = f"g3 run 05 --parameters {shlex.quote(name)}"
        self.say(self.voice.say(f"已保存：{path}。出报告：{run}", f"Saved as {path}. Its report: {run}"))

    def open(self, name: str) -> None:
        """Set the controls as a saved scenario says; an empty name is none."""
        path = scenarios.kept(self._folder).get(name)
        if path and not self._together:
            with self.telling():
                self.set_state(scenarios.read(path))

    def _saved(self) -> list[tuple[str, str]]:
        return [(self.voice.say("（选择）", "(choose)"), ""), *((name, name) for name in scenarios.kept(self._folder))]

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Set the controls as a scenario says; one without a figure has today's.

        Raises:
            UsageError: lists all of it that these controls cannot say; none is set then.
        """
        if faults := [*self._unknown(state), *self._of_others(state), *self._out_of_range(state)]:
            head = self.voice.say("这个情景不能在这里打开：", "This scenario cannot be opened here:")
            raise UsageError(listed(faults, head))
        moves = state.get("moves") or {}
        subsidy.moved(self.ahead.cells, moves)
        with self.together():
            for dimension, of in self.moves.items():
                for code, one in of.items():
                    one.value = 100 * moves.get(dimension, {}).get(code, 0.0)
            self.budget.value = state.get("budget", 0.0)
            self.cap.value = state.get("cap_per_unit", 0.0)
            self.floor.value = 100 * state.get("mix_floor", 0.0)
            self.lifecycle.value = state.get("keep_lifecycle", True)
            self.promises.value = state.get("keep_promises", True)

    def _of_others(self, state: Mapping[str, Any]) -> list[str]:
        """What a scenario says of another province, month or setting than this page's."""
        own = self.state()
        fixed = ("province", "period", "max_move", "rate_max", "rate_base", "tolerance")
        other = [name for name in fixed if name in state and str(state[name]) != str(own[name])]
        here = self.voice.say("这里是", "here it is ")
        return [f"{_said(name, self.voice)}: {state[name]!r} ({here}{own[name]!r})" for name in other]

    def _unknown(self, state: Mapping[str, Any]) -> list[str]:
        """What is no parameter of a plan."""
        none = self.voice.say("没有这个参数", "no such parameter")
        return [f"{name}: {none}" for name in state if name not in {*self.state(), "target"}]

    def _out_of_range(self, state: Mapping[str, Any]) -> list[str]:
        """What its sliders and boxes do not reach."""
        faults = []
        limits = {"budget": (self.budget, 1), "cap_per_unit": (self.cap, 1), "mix_floor": (self.floor, 100)}
        for name, (control, scale) in limits.items():
            faults += _fault(_said(name, self.voice), state.get(name, 0.0), control.max / scale)
        for name in ("keep_lifecycle", "keep_promises"):
            if not isinstance(state.get(name, True), bool):
                faults.append(f"{_said(name, self.voice)}: {state[name]!r} (true, false)")
        moves = state.get("moves") or {}
        if not isinstance(moves, Mapping) or not all(isinstance(of, Mapping) for of in moves.values()):
            return [*faults, f"moves: {moves!r}"]
        for dimension, of in moves.items():
            for code, change in of.items():
                one = self.moves.get(dimension, {}).get(code)
                place = f"{dimension} {code}"
                faults += [f"{place}: ?"] if one is None else _fault(place, change, one.max / 100, one.min / 100)
        return faults


_NAMES = {
    "province": ("省份", "province"), "period": ("期间", "period"), "max_move": ("每组最多变动", "largest move"),
    "rate_max": ("最高补贴率", "highest rate"), "rate_base": ("补贴率的基准", "base of the rates"),
    "tolerance": ("“约”的容差", "tolerance"), "budget": ("预算", "budget"), "cap_per_unit": ("单台上限", "cap a unit"),
    "mix_floor": ("手机座机占比", "phones' share"), "keep_lifecycle": ("遵守生命周期上限", "keep to lifecycle caps"),
    "keep_promises": ("履行本省包销承诺", "keep the province's promises"),
}  # fmt: skip


def _said(name: str, voice: Voice) -> str:
    """A parameter's name in words, and as its file has it."""
    return f"{voice.say(*_NAMES[name])}{voice.aside(name)}"


def _fault(name: str, value: object, most: float, least: float = 0.0) -> list[str]:
    """That a figure is none, or not one that a slider reaches."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and least - 1e-9 <= value <= most + 1e-9
    return [] if known else [f"{name}: {value!r} ({number(least, 3)}…{number(most, 3)})"]


def open_subsidy(province: str = "", period: str = "", lang: Lang = "zh", *, restore: bool = True) -> SubsidyExplorer:
    """The explorer of a province's, or a branch's, next month.

    Args:
        province: as the exports write it; empty for the first that has subsidies.
        period: a month, quarter, range or date; empty for the latest month of the data.
        lang: `zh` or `en`.
        restore: whether to begin where this province was left.

    Raises:
        NoData, UsageError: see `open_dataset`.
    """
    wanted = asked(province=province, period=period, lang=lang)
    province, period, lang = wanted["province"], wanted["period"], cast(Lang, wanted["lang"])
    workspace = Workspace.find()
    data = open_dataset(province or first_unit(workspace.store(), ["province", "branch"], NEEDS), period, NEEDS)
    ahead = kept(data, "outlook", lambda: outlook(data), lambda made: replace(made, sales=made.sales.iloc[:0]))
    voice = Voice(lang, data.branch, str(data.period))
    explorer = SubsidyExplorer(ahead, voice, data, workspace.scenarios)
    explorer.begin(restore)
    return explorer

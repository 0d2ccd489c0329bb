"""The QC explorer: a case's causes moved in their table, strata and run rules chosen, and the case written back, valid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import anywidget
import pandas as pd
import traitlets

from g3lib.errors import UsageError
from g3lib.explore.answering import Explorer, asked, dropdown, heading, headline, picture, script, tick
from g3lib.labels import Lang, label, pick
from g3lib.names import names_in
from g3lib.qc import causes, control
from g3lib.qc.story.writing import write_back
from g3lib.qc.tree import Links, tree
from g3lib.report import charts, claims
from g3lib.report.case import CaseReport, known_cases, open_case
from g3lib.report.charts.drawing import Drawing
from g3lib.tables.workspace import Workspace

_PARTS = [("headline", "headline"), ("fishbone", "picture"), ("sides", "html"), ("checks", "html"), ("course", "picture"),
          ("series", "html")]  # fmt: skip


class CauseTable(anywidget.AnyWidget):
    """The causes as a tree, each below what it leads to; says which was moved onto which.

    Attributes:
        rows: name, effect, depth, verdict of each, effects before their causes; leads: "leads to", for who hears the page.
    """

    _esm = script("causes.js")
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    leads = traitlets.Unicode().tag(sync=True)


class CaseExplorer(Explorer):
    """A case's causes, strata and rules.

    Args:
        report: `open_case`.
        names: the cases that can be chosen.
        folder: where the explorer's state is kept.
    """

    def __init__(self, report: CaseReport, names: list[str], folder: Path) -> None:
        super().__init__(report.voice, _PARTS, f"case explorer {report.story.case.name}", folder)
        say, lang = self.voice.say, self.voice.lang
        self._bones = Drawing(charts.fishbone, lambda *_, **__: 4.2)
        self._points = Drawing(charts.control_chart, lambda *_, **__: 3.2)
        self.case = dropdown(say("案例", "Case"), names, value=report.story.case.name)
        self.table = CauseTable(leads=say("导致", "leads to"))
        self.cause = dropdown(say("末端原因", "End cause"), [])
        self.stratum = dropdown(say("分层", "Stratum"), [])
        self.rules = {rule: tick(label("rule", rule, lang)) for rule in _RULES}
        self._take(report)
        self.table.on_msg(self._dropped)
        self.cause.observe(lambda _: self._offer(), "value")
        self.stratum.observe(self._restratified, "value")
        self.watch(self.rules.values())
        self.case.observe(self._another, "value")
        acts = self.buttons({say("写回案例", "Write the case back"): self.write, say("撤销改动", "Undo"): self.undo})
        rules = [heading(say("判异规则", "run rules")), *self.rules.values()]
        tested = [heading(say("要因检验：换一个分层", "test of causes: another stratum")), self.cause, self.stratum]
        moves = heading(say("原因表：拖到它导致的结果上", "causes: drag one onto what it leads to"))
        self.page(say("QC案例探索", "QC case explorer"), report.data, [self.case, moves, self.table, *tested, acts, *rules])

    def _take(self, report: CaseReport) -> None:
        self.report, self.story = report, report.story
        declared = self.story.case.table("tests")
        self._strata = dict(zip(declared["cause"], declared["stratum"].fillna(""), strict=True)) if len(declared) else {}
        self._read = dict(self._strata)
        self._tested: dict[tuple[tuple[str, str], ...], tuple[pd.DataFrame, pd.Series]] = {}
        self.links = self._declared_links()
        with self.quiet():
            self.cause.options = list(self._strata)
            self.cause.value = next(iter(self._strata), None)
        self._offer(show=False)

    def _declared_links(self) -> pd.DataFrame:
        return self.story.case.table("causes")[["cause", "effect"]].astype("object").copy()

    def _another(self, change: Any) -> None:
        if not self._together:
            self._press(lambda: self.open(change["new"]))
            with self.quiet():  # a case that cannot be read is not the one that is shown
                self.case.value = self.story.case.name

    def _restratified(self, change: Any) -> None:
        """A stratum that somebody chose; one that is merely offered changes nothing."""
        if not self._together and self.cause.value:
            self._strata[self.cause.value] = change["new"] or ""
            self.show()

    def open(self, name: str, restore: bool = True) -> None:
        """Another case, as it was left; what was moved in this one is kept first."""
        report = open_case(name, self.voice.lang)
        self.flush()
        self.voice, self._name = report.voice, f"case explorer {name}"
        with self.quiet():  # nothing is shown, nor kept, before it is known where it was left
            self.case.value = name
            for box in self.rules.values():
                box.value = True
            self._take(report)
        self.about(report.data)
        if not (restore and self._live and self.restore()):
            self.show()

    def _offer(self, show: bool = True) -> None:
        """The strata that the chosen cause's data have."""
        with self.quiet():
            own = self._declared(self.cause.value)
            declared = self._strata.get(self.cause.value, "")
            columns = [] if own is None else self.story.case.data[own["data"]].columns
            free = [name for name in columns if name == declared or name not in _used(own)]
            self.stratum.options = [(pick(self.voice.lang, "（不分层）", "(none)"), ""), *((one, one) for one in free)]
            self.stratum.value = declared if declared in free else ""
        if show and not self._together:
            self.show()

    def _declared(self, cause: str | None) -> pd.Series | None:
        rows = self.story.case.table("tests")
        own = rows[rows["cause"] == cause] if cause else rows[:0]
        return own.iloc[0] if len(own) else None

    # ---- the causes' table

    def _dropped(self, _widget: Any, message: Any, _buffers: Any) -> None:
        if isinstance(message, dict) and {"moved", "onto"} <= message.keys():
            self._press(lambda: self.move(str(message["moved"]), str(message["onto"])))
            self.table.send({"drawn": "as it stands"})

    def move(self, cause: str, onto: str) -> None:
        """Let a cause lead to something else.

        Raises:
            DataError: it would lead to itself by others, or the like; nothing is moved then.
        """
        links = self.links.copy()
        if cause not in set(links["cause"]):
            raise UsageError(self.voice.say(f"{cause}不在原因表中。", f"{cause} is not in the table of causes."))
        links.loc[links["cause"] == cause, "effect"] = onto
        tree(links)
        self.links = links
        self.show()

    def tree(self) -> Links | None:
        """The causes as they stand; None where the case has none."""
        return tree(self.links) if len(self.links) else None

    # ---- the answer

    def tested(self) -> tuple[pd.DataFrame, pd.Series]:
        """The tests of all causes under the strata chosen, and each one's verdict without its own; each choice is tested once."""
        chosen = tuple(sorted(self._strata.items()))
        if chosen not in self._tested:
            rows, data = self.story.case.table("tests"), self.story.case.data
            wanted = rows.assign(stratum=rows["cause"].map(self._strata).replace("", None).astype("object"))
            nothing = pd.DataFrame(), pd.Series(dtype="object")
            self._tested[chosen] = (causes.confirm(wanted, data), causes.crude_verdicts(wanted, data)) if len(rows) else nothing
        return self._tested[chosen]

    def now(self) -> dict[str, Any]:
        """Verdict of the chosen cause both ways, and the fishbone."""
        found, crude = self.tested()
        said = claims.verdicts.both_ways(self.voice, self.cause.value, found, crude)
        links = self.tree()
        marks = dict(zip(found["cause"], found["verdict"], strict=True)) if len(found) else {}
        self.table.rows = _rows(links, self.links, marks)
        if links is None:
            return {"headline": headline(said), "fishbone": {"html": ""}}
        bones = self.drawn(self._bones, links, lang=self.voice.lang, marks=marks)
        return {"headline": headline(said), "fishbone": picture(bones, said[0].text)}

    def then(self) -> dict[str, Any]:
        """All causes both ways, side by side; the series under the rules that are switched on."""
        tested, crude = self.tested()
        sides = claims.verdicts.side_by_side(self.voice, tested, crude)
        changed = (sides["crude_verdict"] != sides["cause_verdict"]).tolist()
        parts = {"sides": self.told(claims.verdicts.differ(self.voice, sides), sides, bold=changed)}
        checks = [*claims.verdicts.exploring(self.voice), *claims.verdicts.cautions(self.voice, tested)]
        parts |= {"course": {"html": ""}, "series": {"html": ""}, "checks": self.checked(checks)}
        suited = self.series()
        if suited is not None:
            said = claims.story.control(self.voice, self.story, suited)
            unit = claims.story.unit(self.story)
            frame = self.drawn(self._points, suited.location, lang=self.voice.lang, unit=unit, percent=self.story.is_rate)
            parts |= {"course": picture(frame, said[0].text), "series": self.told(said)}
        return parts

    def series(self) -> control.Suited | None:
        """The case's control chart, read by the rules that are switched on."""
        suited = self.story.chart
        if suited is None or suited.location.kind == "run":
            return suited
        return control.reread(suited, [rule for rule, box in self.rules.items() if box.value])

    def plain(self) -> str:
        """The chosen cause's verdict both ways."""
        return claims.verdicts.both_ways(self.voice, self.cause.value, *self.tested())[0].text

    # ---- writing back, and its state

    def changes(self) -> dict[str, dict[str, dict[str, str]]]:
        """What differs from the case as it was read, as `write_back` takes it."""
        told = self.story.case.table("causes")
        old = dict(zip(told["cause"], told["effect"], strict=True))
        moved = {c: {"effect": e} for c, e in zip(self.links["cause"], self.links["effect"], strict=True) if old[c] != e}
        strata = {c: {"stratum": s} for c, s in self._strata.items() if self._read[c] != s}
        return {name: rows for name, rows in (("causes", moved), ("tests", strata)) if rows}

    def write(self) -> None:
        """Write the case's folder back; where it would not be valid nothing is written."""
        written = write_back(self.story.case, self.changes())
        names = self.voice.listed([path.name for path in written])
        self.open(self.story.case.name, restore=False)
        said = (f"已写回：{names}", f"Written: {names}") if written else ("没有改动。", "Nothing has changed.")
        self.say(self.voice.say(*said))

    def undo(self) -> None:
        """Back to the case as it is on disk."""
        self.open(self.story.case.name, restore=False)

    def state(self) -> dict[str, Any]:
        """Moved causes, strata, rules."""
        rules = {rule: bool(box.value) for rule, box in self.rules.items()}
        return {"changes": self.changes(), "cause": self.cause.value or "", "rules": rules}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what was moved, and nothing else is; what the case no longer has is left."""
        changes = state.get("changes", {})
        links = self._declared_links()
        for cause, wanted in changes.get("causes", {}).items():
            links.loc[links["cause"] == cause, "effect"] = wanted["effect"]
        if len(links):
            tree(links)
        self.links, self._strata = links, dict(self._read)
        for cause, wanted in changes.get("tests", {}).items():
            if cause in self._strata:
                self._strata[cause] = str(wanted["stratum"])
        with self.quiet():
            for rule, on in state.get("rules", {}).items():
                if rule in self.rules:
                    self.rules[rule].value = bool(on)
            if state.get("cause") in self._strata:
                self.cause.value = state["cause"]
        self._offer()


_RULES = tuple(f"nelson_{number}" for number in range(1, 9))


def _used(declared: pd.Series | None) -> set[str]:
    """The columns that a test needs otherwise."""
    if declared is None:
        return set()
    own = {declared["measure"] or declared["cause"], declared["outcome"], declared["cluster"], declared["unit"]}
    return {str(name) for name in own if name is not None and name == name} | set(names_in(declared["downstream"]))


def _rows(links: Links | None, table: pd.DataFrame, marks: Mapping[str, str]) -> list[dict[str, Any]]:
    """The causes below what they lead to, each branch together."""
    if links is None:
        return []
    effect = dict(zip(table["cause"], table["effect"], strict=True))
    found: list[dict[str, Any]] = []

    def below(name: str) -> None:
        found.append({"name": name, "effect": effect.get(name, ""), "depth": links.depth[name], "verdict": marks.get(name, "")})
        for cause in links.causes_of.get(name, ()):
            below(cause)

    for root in links.roots:
        below(root)
    return found


def open_cases(case: str = "", lang: Lang = "zh", *, restore: bool = True) -> CaseExplorer:
    """The explorer of a QC group's case.

    Args:
        case: its folder's name below data/cases; empty for the first.
        lang: `zh` or `en`.
        restore: whether to take up what was moved and not yet written.

    Raises:
        NoData, DataError, UsageError: see `open_case`; UsageError where there is no case.
    """
    wanted = asked(case=case, lang=lang)
    chosen = cast(Lang, wanted["lang"])
    workspace = Workspace.find()
    names = known_cases(workspace)
    if not names:
        raise UsageError(pick(chosen, "data/cases下没有案例。", "There is no case below data/cases."))
    explorer = CaseExplorer(open_case(wanted["case"] or names[0], chosen), names, workspace.scenarios)
    explorer.begin(restore)
    return explorer


"""What explorers are made of: an answer that is shown at once, and a page of controls beside it.

An explorer calculates nothing and draws nothing: it turns its controls into the arguments of the library's functions, and what
they return into sentences, charts and tables as the reports have them. Its answer comes in two: `now` (headline and chart, at
every move) and `then` (figures and tables, as soon as no further move waits).
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import html
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import anywidget
import ipywidgets
import pandas as pd
import traitlets

from g3lib.errors import G3Error, UsageError, listed
from g3lib.explore import keeping
from g3lib.findings import Check, Finding
from g3lib.labels import LANGS, Lang, label, pick
from g3lib.report.assets import notebook_style
from g3lib.report.charts.drawing import Drawing, Frame
from g3lib.report.claims.voice import Voice
from g3lib.report.page import Data, made_up_html
from g3lib.report.tables import html_table
from g3lib.tables import scenarios

_log = logging.getLogger("g3lib")
_PAUSE = 0.03  # seconds without a further move before the tables follow
_KEEP = 1.0  # and before the state is kept
_SHARP = 1.5  # a report's charts have no more pixels


def script(name: str) -> str:
    """A file beside this module: what a widget does in the browser, or how it looks."""
    return resources.files("g3lib.explore").joinpath(name).read_text(encoding="utf-8")


class Answer(anywidget.AnyWidget):
    """The parts of an answer, one below the other: `headline` and `html` of a report, `picture` with places to click.

    Attributes:
        parts: (name, kind) of each, in order.
        ratio: pixels of the screen to one of the page, as the browser says.
        now, then: number of the answer, and its parts by name: `html`, or `png` with `alt`, `width`, `height` and `places`.
    """

    _esm = script("answer.js")
    _css = notebook_style() + script("explore.css")
    parts: traitlets.List[Any] = traitlets.List().tag(sync=True)
    ratio = traitlets.Float(1.0).tag(sync=True)
    now = traitlets.Dict().tag(sync=True)
    then = traitlets.Dict().tag(sync=True)


def picture(frame: Frame, alt: str, places: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A chart as a part of an answer.

    Args:
        frame: `Drawing.frame`; alt: what it shows, in words.
        places: key, label and box (left, top, width, height as parts of the picture) of each place that can be clicked.
    """
    return {"png": frame.png, "alt": alt, "width": frame.width, "height": frame.height, "places": list(places)}


def headline(findings: Iterable[Finding]) -> dict[str, Any]:
    """Sentences as the part that a report opens with."""
    lines = "".join(f'<p class="{html.escape(str(f.status))}">{html.escape(f.text)}</p>' for f in findings)
    return {"html": f'<div class="headline">{lines}</div>'}


def asked(**given: str) -> dict[str, str]:
    """A notebook's parameters, and over them what a page's address says (`?lang=en`).

    Raises:
        UsageError: lists what the address says that this page has no name for, and a language that is none.
    """
    query = parse_qs(os.environ.get("QUERY_STRING", "")) if "VOILA_REQUEST_URL" in os.environ else {}
    wanted = {name: query.get(name, [value])[0] for name, value in given.items()}
    lang: Lang = "en" if wanted.get("lang") == "en" else "zh"
    known = ", ".join(given)
    faults = [pick(lang, f"{name}：这个页面没有此参数，可用：{known}", f"{name}: no parameter of this page, which has {known}")
              for name in query if name not in {*given, "token"}]  # fmt: skip
    if wanted.get("lang", lang) not in LANGS:
        faults.append(f"lang={wanted['lang']}: {', '.join(LANGS)}")
    if faults:
        raise UsageError(listed(faults, pick(lang, "参数有误：", "These parameters cannot be followed:")))
    return wanted


def _as_kept(state: Mapping[str, Any]) -> str:
    """A state as its file would have it: a tuple is a list there."""
    return json.dumps(state, sort_keys=True, default=str)


@cache
def shared(kind: str) -> dict[str, Any]:
    """The layout and style that all widgets of a kind have in common: a browser asks for each object's state one by one."""
    one = getattr(ipywidgets, kind)()
    return {"layout": one.layout} | ({"style": one.style} if one.has_trait("style") else {})


def heading(text: str) -> ipywidgets.HTML:
    """A heading among the controls."""
    return ipywidgets.HTML(f'<div class="g3"><h2>{html.escape(text[:1].upper() + text[1:])}</h2></div>', **shared("HTML"))


def slider(label: str, low: float, high: float, step: float, value: float = 0.0, form: str = "+.1f") -> ipywidgets.FloatSlider:
    """A slider that tells every move."""
    return ipywidgets.FloatSlider(
        value=value, min=low, max=high, step=step, description=label, readout_format=form, **shared("FloatSlider")
    )


def dropdown(label: str, options: Sequence[Any], **given: Any) -> ipywidgets.Dropdown:
    """A choice of one."""
    return ipywidgets.Dropdown(options=options, description=label, **given, **shared("Dropdown"))


def tick(label: str, value: bool = True) -> ipywidgets.Checkbox:
    """A box to tick."""
    return ipywidgets.Checkbox(value=value, indent=False, description=label, **shared("Checkbox"))


class Explorer(abc.ABC):
    """Controls beside an answer; shows itself in Jupyter.

    A subclass makes its controls, names its parts, and says what `now` and `then` hold. Moves that arrive while one is being
    answered are answered once, with the last values: a widget's front end holds them back and sends the last.

    Args:
        voice: language, branch and period.
        parts: name and kind of each part of the answer, in order.
        name: under which its state is kept; folder: where scenarios are.
    """

    def __init__(self, voice: Voice, parts: Sequence[tuple[str, str]], name: str, folder: Path) -> None:
        self.voice, self._name, self._folder = voice, name, folder
        self.answer = Answer(parts=[list(one) for one in parts])
        self.said = ipywidgets.HTML('<div class="g3"><p class="said"></p></div>')
        self._together = self._live = self._restores = False
        self._later: dict[str, asyncio.TimerHandle] = {}
        self.answer.on_msg(self._heard)
        self.answer.observe(lambda _change: self.show(), "ratio")

    @abc.abstractmethod
    def now(self) -> dict[str, Any]:
        """The parts that follow every move."""

    def then(self) -> dict[str, Any]:
        """The parts that follow when no further move waits."""
        return {}

    def state(self) -> dict[str, Any]:
        """What the controls say, as literals; nothing, of an explorer that keeps none."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - an explorer that keeps nothing sets nothing
        """Set the controls as a state says, whatever they said before; what cannot be set is refused before any is."""

    def keep(self) -> None:
        """Keep the state, so that a reload begins there."""
        scenarios.save(self._folder / ".last", self._name, self.state())

    def restore(self) -> bool:
        """Go where it was left; whether that is somewhere else."""
        path = scenarios.kept(self._folder / ".last").get(self._name)
        if path is None:
            return False
        with self.telling():
            state = scenarios.read(path)
            if _as_kept(state) != _as_kept(self.state()):
                self.set_state(state)
                return True
        return False

    def chosen(self, part: str, key: Any) -> None:  # noqa: B027 - where nothing can be clicked
        """A place of a picture was clicked."""

    def drawn(self, drawing: Drawing, *args: Any, **kwargs: Any) -> Frame:
        """A chart at the screen's own resolution, as far as it shows."""
        drawing.ratio = min(max(self.answer.ratio, 1.0), _SHARP)
        return drawing.frame(*args, **kwargs)

    def told(self, findings: Sequence[Finding], *frames: pd.DataFrame, bold: Sequence[bool] | None = None) -> dict[str, Any]:
        """A claim as heading, and the tables behind it; an empty one is left out."""
        tables = [html_table(frame, self.voice.lang, bold) for frame in frames if len(frame)]
        return {"html": f"<h2>{html.escape(findings[0].text)}</h2>{''.join(tables)}"}

    def checked(self, checks: Sequence[Check]) -> dict[str, Any]:
        """Checks as a table: verdict and what it says; nothing without any."""
        if not checks:
            return {"html": ""}
        rows = [(label("verdict", str(check.verdict), self.voice.lang), check.text) for check in checks]
        table = html_table(pd.DataFrame(rows, columns=["check", "says"]), self.voice.lang)
        title = pick(self.voice.lang, "核对与说明", "Checks and caveats")
        return {"html": f"<h2>{title}</h2>{table}"}

    def buttons(self, calls: Mapping[str, Callable[[], None]]) -> ipywidgets.Box:
        """Buttons in a row: text → what it does; what goes wrong is said."""
        made = []
        for text, call in calls.items():
            button = ipywidgets.Button(description=text, **shared("Button"))
            button.on_click(lambda _, call=call: self._press(call))
            made.append(button)
        box = ipywidgets.Box(made)
        box.add_class("g3-buttons")
        return box

    def _press(self, call: Callable[[], None]) -> None:
        with self.telling():
            call()

    @abc.abstractmethod
    def plain(self) -> str:
        """The answer in one line, for where no widget can be shown."""

    def watch(self, controls: Iterable[Any]) -> None:
        """Answer whenever one of these changes."""
        for control in controls:
            control.observe(self._moved, "value")

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Several controls set by the explorer itself are one move, also where one such set holds another."""
        outermost = not self._together
        with self.quiet():
            yield
        if outermost:
            self.show()

    @contextlib.contextmanager
    def quiet(self) -> Iterator[None]:
        """Controls set by the explorer itself, without an answer."""
        before, self._together = self._together, True
        try:
            yield
        finally:
            self._together = before

    def show(self) -> None:
        """Answer what the controls say, and keep it."""
        with self.telling():
            self._answer()
            if self._live:
                self._after("keep", _KEEP, self._keep)

    def _answer(self) -> None:
        number = self.answer.now.get("number", 0) + 1
        self.answer.now = {"number": number, "parts": self.now()}
        if self._live:  # what was said on the way to the first answer stays
            self.say("")
        self._after("then", _PAUSE, self._follow)

    def _follow(self) -> None:
        # where this goes wrong, another answer's tables do not stay
        parts: dict[str, Any] = {name: {"html": ""} for name in self.answer.then.get("parts", {})}
        with self.telling():
            parts = self.then()
        self.answer.then = {"number": self.answer.now["number"], "parts": parts}

    def _keep(self) -> None:
        with self.telling():
            self.keep()

    def begin(self, restore: bool) -> None:
        """Answer for the first time, where it was left if asked; from here on what the controls say is kept.

        In a rehearsal it goes nowhere yet: its page will (`begin_for_page`).
        """
        self._restores, self._live = restore, False
        with self.quiet():
            moved = restore and not keeping.is_rehearsal() and self.restore()
        if moved or not self.answer.now:
            with self.telling():
                self._answer()
        self._live = True

    def begin_for_page(self) -> None:
        """What was begun in a rehearsal goes where it was left by now, if it was asked to."""
        self.begin(self._restores)

    def flush(self) -> None:
        """Do now what was to be kept in a moment."""
        if "keep" in self._later:
            self._later.pop("keep").cancel()
            self._keep()

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """What goes wrong is said below the controls, and the last answer stays."""
        try:
            yield
        except G3Error as error:
            self.say(str(error), breach=True)
        except OSError as error:
            why = f"{error.strerror or error} {error.filename or ''}".strip()
            self.say(self.voice.say(f"文件读写失败：{why}", f"A file could not be read or written: {why}"), breach=True)
        except Exception as error:  # a page shows no traceback: the log has it, the reader hears that something is wrong
            _log.exception("an explorer could not answer")
            why = f"{type(error).__name__}: {error}"
            self.say(self.voice.say(f"程序内部错误：{why}", f"Internal fault: {why}"), breach=True)

    def say(self, text: str, breach: bool = False) -> None:
        """A line below the controls."""
        kind = "said breach" if breach else "said"
        self.said.value = f'<div class="g3"><p class="{kind}" role="status">{html.escape(text)}</p></div>'

    def _moved(self, _change: Any) -> None:
        if not self._together:
            self.show()

    def _heard(self, _widget: Any, message: Any, _buffers: Any) -> None:
        if isinstance(message, dict) and "chosen" in message:
            with self.telling():
                self.chosen(str(message.get("part")), message["chosen"])

    def _after(self, what: str, seconds: float, call: Callable[[], None]) -> None:
        """Do it when nothing has asked for it again for a while; at once where nothing else is going on (a script, a batch)."""
        if what in self._later:
            self._later.pop(what).cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            call()
            return
        self._later[what] = loop.call_later(seconds, self._due, what, call)

    def _due(self, what: str, call: Callable[[], None]) -> None:
        self._later.pop(what, None)
        call()

    def page(self, title: str, data: Data, controls: Sequence[Any]) -> None:
        """Put the controls beside the answer, below what the page is about."""
        self._title, self._top = title, ipywidgets.HTML()
        self.about(data)
        self._lay_out(controls)

    def _lay_out(self, controls: Sequence[Any]) -> None:
        left = ipywidgets.VBox([*controls, self.said])
        right = ipywidgets.VBox([self.answer])
        both = ipywidgets.Box([left, right])
        self._page = ipywidgets.VBox([self._top, both])
        for box, name in ((self._page, "g3-page"), (both, "g3-explorer"), (left, "g3-controls"), (right, "g3-answers")):
            box.add_class(name)

    def bare_page(self, title: str, controls: Sequence[Any]) -> None:
        """A page about nothing yet: the controls beside the answer, below its title."""
        self._title, self._top = title, ipywidgets.HTML(f'<div class="g3"><h1>{html.escape(title)}</h1></div>')
        self._lay_out(controls)

    def about(self, data: Data) -> None:
        """Say above all what the page is about: whose data, of when, made up or not."""
        span = f"{pick(self.voice.lang, '期间', 'Period')} {self.voice.span(str(data.period))}"
        files = pick(self.voice.lang, f"数据来自{len(data.sources)}个文件", f"data from {len(data.sources)} files")
        banner = made_up_html(self.voice.lang) if data.made_up else ""
        title = html.escape(f"{self._title} · {data.branch}")
        head = f'<h1>{title}</h1><p class="quiet">{html.escape(span)} · {files}</p>'
        self._top.value = f'<div class="g3">{head}{banner}</div>'

    def _repr_mimebundle_(self, **_kwargs: Any) -> dict[str, Any]:
        view: dict[str, Any] = self._page._repr_mimebundle_()  # untyped upstream
        return view | {"text/plain": self.plain()}

"""The kinds of slides, each drawn from its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from g3lib.labels import Lang, pick
from g3lib.report.claims import kpis
from g3lib.report.deck import charts, shapes, tables
from g3lib.report.deck.master import Master, Room
from g3lib.report.deck.page import ACCENT, GREY, INK, WARN, Page, style
from g3lib.report.placing import wrapped
from g3lib.report.slides.kinds import (
    Actions,
    Bars,
    Clusters,
    Cover,
    Drawing,
    Gantt,
    Opening,
    Panels,
    Paragraphs,
    Pareto,
    Points,
    Radar,
    Slide,
    Staged,
    Table,
)  # fmt: skip

_MOST_LINES = 8
_SMALLEST = 6.0  # points: smaller letters are no diagram's


def write(page: Page, slide: Slide, number: int, of: int) -> None:
    """Write one slide: title, what it shows, foot and notes."""
    if isinstance(slide, Cover):
        _cover(page, slide)
    else:
        page.title(slide.title or slide.findings[0].text)
        _DRAW[type(slide)](page, slide)
        # two charts may be of two bases; what else stands on a slide is in its notes
        page.foot([p.findings[0] for p in slide.panels] if isinstance(slide, Panels) else slide.findings[:1], number, of)
    more = [c.text for c in slide.checks] if isinstance(slide, Actions) else slide.notes if isinstance(slide, Paragraphs) else ()
    page.notes(slide.findings, more)


def fitting(slide: Slide, on: Master, lang: Lang) -> Iterator[Slide]:
    """The slide, as many as its rows need; a diagram whose letters would be too small gives way to its table."""
    if isinstance(slide, Drawing) and slide.instead is not None and shapes.letters(slide.make, on.room) < _SMALLEST:
        slide = Table(slide.findings, slide.instead, "", slide.title, True)
    if not isinstance(slide, Table) or not slide.whole:
        yield slide
        return
    title = slide.title or slide.findings[0].text
    for i, part in enumerate(tables.parts(slide.frame, on, lang)):
        yield replace(slide, frame=part, title=title + pick(lang, "（续）", " (continued)") * (i > 0))


def _cover(page: Page, slide: Cover) -> None:
    page.title(slide.title)
    body = next((p for p in page.slide.placeholders if p.placeholder_format.idx != 0), None)
    if body is not None:
        body.text_frame.text = "\n".join(slide.lines)
        style(body.text_frame, 18, colour="444444" if page.own_master else "")
    else:
        page.text("\n".join(slide.lines), page.room.left, page.room.top + 1.5, page.room.wide, 2.0, 18)


def _opening(page: Page, slide: Opening) -> None:
    top = page.room.top + 0.1
    for finding in [f for f in slide.findings if f.headline][1:3]:
        page.text(finding.text, page.room.left, top, page.room.wide, 0.9, 18)
        top += 0.95
    row = kpis.parts(page.report.voice, slide.kpi)
    wide = page.room.wide / max(len(row), 1)
    row_top = page.room.top + page.room.high - min(2.7, 0.5 * page.room.high)
    colours = {"breach": WARN, "good": ACCENT, "watch": "8A6100"}
    for i, (name, (text, status)) in enumerate(row.items()):
        page.text(name, page.room.left + i * wide, row_top, wide, 0.4, 12, colour=GREY)
        size, colour = 20 if len(text) < 7 else 15, colours.get(status, INK)
        page.text(text, page.room.left + i * wide, row_top + 0.35, wide, 0.7, size, bold=True, colour=colour)
    voice = page.report.voice
    if why := voice.together([kpis.how_compared(voice), kpis.reasons(voice, [("", slide.kpi)])]):
        page.text(why, page.room.left, row_top + 1.25, page.room.wide, 0.6, 11, colour=GREY)


def _actions(page: Page, slide: Actions) -> None:
    lines = list(slide.lines)
    rest = len(lines) - _MOST_LINES
    if rest > 0:
        lines[_MOST_LINES - 1 :] = [pick(page.lang, f"另有{rest + 1}项见报告", f"{rest + 1} more in the report")]
    _lines(page, lines, 16)


def _lines(page: Page, lines: list[str], size: float) -> None:
    """Texts one under the other, each as high as it wraps."""
    y = page.room.top
    while size > 9 and sum(_high(page, line, size) + 0.12 for line in lines) > page.room.high:
        size -= 1
    for line in lines:
        high = _high(page, line, size)
        page.text(line, page.room.left, y, page.room.wide, high, size)
        y += high + 0.12


def _high(page: Page, line: str, size: float) -> float:
    return len(wrapped(line, size, 72 * page.room.wide - 20)) * size * 1.3 / 72 + 0.1


def _panels(page: Page, slide: Panels) -> None:
    wide = (page.room.wide - 0.3) / len(slide.panels)
    for i, panel in enumerate(slide.panels):
        left = page.room.left + i * (wide + 0.3)
        words = panel.title or panel.findings[0].text
        page.text(words, left, page.room.top, wide, 0.9, 13 if len(words) < 60 else 11.5)
        room = Room(left, page.room.top + 0.95, wide, page.room.high - 0.95)
        if isinstance(panel, Pareto):
            charts.pareto(page, panel.frame, panel.category, panel.value, panel.words, words, room)
        else:
            charts.clusters(page, panel.frame, panel.columns, panel.form, words, panel.word, room, panel.about)


def _paragraphs(page: Page, slide: Paragraphs) -> None:
    _lines(page, list(slide.lines), 18)


def _clusters(page: Page, slide: Clusters) -> None:
    room = _over(page, slide.below)
    charts.clusters(page, slide.frame, slide.columns, slide.form, slide.findings[0].text, slide.word, room, slide.about)


def _pareto(page: Page, slide: Pareto) -> None:
    room = _over(page, slide.below)
    charts.pareto(page, slide.frame, slide.category, slide.value, slide.words, slide.findings[0].text, room)


def _staged(page: Page, slide: Staged) -> None:
    room = _over(page, slide.below)
    charts.staged(page, slide.chart, slide.percent, slide.unit, slide.findings[0].text, slide.phases, room, slide.spread)


def _over(page: Page, below: str) -> Room:
    """The room over a sentence at its bottom, which is written."""
    if not below:
        return page.room
    size = 14 if _high(page, below, 14) < 0.5 else 12
    high = _high(page, below, size)
    page.text(below, page.room.left, page.room.top + page.room.high - high, page.room.wide, high, size, colour="444444")
    return Room(page.room.left, page.room.top, page.room.wide, page.room.high - high - 0.05)


_DRAW: dict[type, Callable[[Page, Any], None]] = {
    Opening: _opening,
    Table: lambda page, s: tables.table(page, s.frame, s.above),
    Bars: lambda page, s: charts.bars(page, s.frame, s.category, s.value, s.word, s.group, s.findings[0].text),
    Points: charts.points,
    Actions: _actions,
    Paragraphs: _paragraphs,
    Clusters: _clusters,
    Panels: _panels,
    Pareto: _pareto,
    Staged: _staged,
    Radar: lambda page, s: charts.radar(page, s.frame, s.columns, s.findings[0].text),
    Drawing: lambda page, s: shapes.drawing(page, s.make, s.findings[0].text),
    Gantt: lambda page, s: shapes.gantt(page, s.frame, s.findings[0].text),
}

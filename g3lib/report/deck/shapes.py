"""Diagrams as native shapes and connectors, grouped: they move, break up and recolour in PowerPoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from g3lib.labels import pick
from g3lib.report.deck.master import Room
from g3lib.report.deck.page import ACCENT, GREY, INK, MUTED, WARN, Page, rgb, style
from g3lib.report.diagrams import SIZE, Diagram, fitted
from g3lib.report.placing import text_width

_COLOURS = {"confirmed": WARN, "critical": ACCENT, "rejected": GREY, "insufficient": ACCENT}
_PT = 12_700
_LARGEST = 1.5  # a small diagram may be larger than its text asks
# letters of a Gantt chart's activities, the part of the slide that they may have, and what a month's label takes, inches
_NAMES, _MOST_NAMES, _MONTH = (12, 11, 10, 9), 0.4, 0.75


def letters(make: Callable[[float], Diagram], room: Room) -> float:
    """How large a diagram's letters are in a room, points."""
    return SIZE * fitted(make, 72 * room.wide, 72 * room.high)[1]


def drawing(page: Page, make: Callable[[float], Diagram], said: str) -> None:
    """A diagram's layout as a group of boxes and connectors, as large as the room lets its letters be."""
    room = page.room
    diagram, scale = fitted(make, 72 * room.wide, 72 * room.high, _LARGEST)
    left = 72 * room.left + (72 * room.wide - diagram.wide * scale) / 2
    top = 72 * room.top + (72 * room.high - diagram.high * scale) / 2
    group = page.slide.shapes.add_group_shape()
    page.describe(group, said)

    def at(x: float, y: float) -> tuple[int, int]:
        return round((left + x * scale) * _PT), round((top + y * scale) * _PT)

    for line in diagram.lines:
        heavy = {"spine": 2.4, "bone": 1.6, "critical": 2.0}.get(line.mark, 1.0)
        colour = INK if line.mark in ("spine", "bone") else _COLOURS.get(line.mark, GREY)
        segments = list(pairwise(line.points))
        for i, (one, other) in enumerate(segments):
            _connector(group, at(*one), at(*other), colour, heavy * scale, line.arrow and i == len(segments) - 1)
    for box in diagram.boxes:
        colour = _COLOURS.get(box.mark, INK)
        x, y = at(box.left, box.top)
        place = (x, y, round(box.wide * scale * _PT), round(box.high * scale * _PT))
        _box(group, place, "\n".join(box.lines), SIZE * scale, colour, box.framed, box.align)


def gantt(page: Page, plan: pd.DataFrame, said: str) -> None:
    """Planned against actual: a row an activity, a grey bar for the plan, one in the accent for what was.

    Args:
        plan: activity, planned_start, planned_end, actual_start, actual_end (dates, the last two may be missing).
    """
    days = plan[["planned_start", "planned_end", "actual_start", "actual_end"]].stack()
    first, last = days.min().replace(day=1), days.max() + pd.offsets.MonthEnd(0)
    room, rows = page.room, len(plan)
    size = next((s for s in _NAMES if _widest(plan["activity"], s) <= _MOST_NAMES * room.wide), _NAMES[-1])
    names = min(_widest(plan["activity"], size), _MOST_NAMES * room.wide)
    left, wide, high = room.left + names, room.wide - names, min(0.42, (room.high - 0.7) / max(rows, 1))
    group = page.slide.shapes.add_group_shape()
    page.describe(group, said)

    def x(day: Any) -> float:
        return float(left + wide * (day - first).days / max((last - first).days, 1))

    months = pd.date_range(first, last, freq="MS")
    step = max(1, math.ceil(len(months) * _MONTH / wide))
    top, bottom = room.top + 0.35, room.top + 0.35 + rows * high
    for month in months[::step]:
        here = round(x(month) * 72 * _PT)
        _connector(group, (here, round(top * 72 * _PT)), (here, round(bottom * 72 * _PT)), "D9D9D9", 0.75, False)
        _box(group, _emu(x(month), room.top, 0.9, 0.3), f"{month:%Y-%m}", 10, GREY, False, "left")
    for i, row in enumerate(plan.itertuples()):
        y = top + i * high
        _box(group, _emu(room.left, y, names, high), _cut(row.activity, size, names), min(size, 55 * high), INK, False, "left")
        spans = ((row.planned_start, row.planned_end, MUTED, 0.12), (row.actual_start, row.actual_end, ACCENT, 0.52))
        for start, end, colour, shift in spans:
            if pd.notna(start):  # begun and not ended: a mark where it began
                long = max(x(end + pd.Timedelta(days=1)) - x(start), 0.03) if pd.notna(end) else 0.06
                _bar(group, _emu(x(start), y + shift * high, long, 0.34 * high), colour)
    key = pick(page.lang, "灰：计划　蓝：实际", "grey: planned   blue: actual")
    page.text(key, room.left + room.wide - 2.6, bottom + 0.02, 2.6, 0.3, 11, colour=GREY, align="right")


def _widest(names: pd.Series, size: float) -> float:
    return float(max(text_width(name, size) for name in names)) / 72 + 0.3


def _cut(name: str, size: float, wide: float) -> str:
    """What of a name fits into a width in inches, an ellipsis where it is cut."""
    if text_width(name, size) <= 72 * wide:
        return name
    while name and text_width(name + "…", size) > 72 * (wide - 0.1):
        name = name[:-1]
    return name + "…"


def _emu(*inches: float) -> tuple[int, int, int, int]:
    left, top, wide, high = (round(v * 72 * _PT) for v in inches)
    return left, top, wide, high


def _connector(group: Any, one: Sequence[int], other: Sequence[int], colour: str, points: float, arrow: bool) -> None:
    from pptx.enum.shapes import MSO_CONNECTOR
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls

    line = group.shapes.add_connector(MSO_CONNECTOR.STRAIGHT, *one, *other)
    _plain(line)
    line.line.color.rgb, line.line.width = rgb(colour), round(points * _PT)
    if arrow:
        line.line._get_or_add_ln().append(parse_xml(f'<a:tailEnd {nsdecls("a")} type="triangle" w="med" len="med"/>'))


def _box(group: Any, place: Sequence[int], text: str, size: float, colour: str, framed: bool, align: str) -> None:
    from pptx.enum.shapes import MSO_SHAPE
    from pptx.enum.text import MSO_ANCHOR

    shape = group.shapes.add_shape(MSO_SHAPE.RECTANGLE, *place) if framed else group.shapes.add_textbox(*place)
    if framed:
        _plain(shape)
        shape.fill.solid()
        shape.fill.fore_color.rgb = rgb("FFFFFF")
        shape.line.color.rgb, shape.line.width = rgb(colour), _PT
    frame = shape.text_frame
    frame.margin_left = frame.margin_right = frame.margin_top = frame.margin_bottom = 0
    frame.word_wrap, frame.vertical_anchor = False, MSO_ANCHOR.MIDDLE
    frame.text = text
    style(frame, round(size, 1), colour=colour, align=align)


def _bar(group: Any, place: Sequence[int], colour: str) -> None:
    from pptx.enum.shapes import MSO_SHAPE

    shape = group.shapes.add_shape(MSO_SHAPE.RECTANGLE, *place)
    _plain(shape)
    shape.fill.solid()
    shape.fill.fore_color.rgb = rgb(colour)
    shape.line.fill.background()


def _plain(shape: Any) -> None:
    """Without the theme's own style, which lays a shadow under lines and boxes."""
    from pptx.oxml.ns import qn

    for old in shape._element.findall(qn("p:style")):
        shape._element.remove(old)

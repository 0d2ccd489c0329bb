"""A frame as a native table: columns as wide as their texts want, letters as large as the room lets them be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd

from g3lib.labels import Lang, pick
from g3lib.report.deck.master import Master, Room
from g3lib.report.deck.page import ACCENT, INK, UNDER, Page, rgb, style
from g3lib.report.placing import text_width, wrapped
from g3lib.report.tables import heading, shown

_MOST_ROWS, _FEWEST_ROWS = 16, 4
_READ = 9  # points: the smallest letters of a table that may go on over several slides
_SHORT = 12  # letters: a shorter text is not cut
_SIZES = (14, 13, 12, 11, 10, 9, 8)
_ABOVE_FOOT = 8.0  # points: an office suite may draw rows a little higher than it is told
_LINE = 1.33  # a line of Microsoft YaHei, parts of its size
_WIDER = 1.08  # another machine's font may be a little wider than ours
_WHOLE = 1.2  # and a number or a word stays in one piece in any of them
_BOLD = 1.12  # how much wider bold letters run
_PAD = 14.4  # points left and right of a cell's text: PowerPoint's own margins


def parts(frame: pd.DataFrame, on: Master, lang: Lang) -> Iterator[pd.DataFrame]:
    """The frame in parts that fit on a slide each, in letters that can be read, no text cut."""
    room = _space(on.room, on.own)
    rows = _texts(frame, lang)
    # where columns are too many for the slide's width in such letters, one row a slide would not make them larger
    least = _READ if all(_fits([*rows[:1], row], *room, _READ) for row in rows[1:]) else _SIZES[-1]
    first = 1
    while first < len(rows) or first == 1:
        last = min(len(rows), first + _MOST_ROWS)
        while last > first + 1 and not _fits([rows[0], *rows[first:last]], *room, least):
            last -= 1
        yield frame.iloc[first - 1 : last - 1]
        first = max(last, first + 1)


def _fits(rows: list[list[str]], wide: float, high: float, least: float) -> bool:
    """Whether rows fit in letters of at least so many points."""
    size, _, heights = _fitted(rows, wide, high)
    return size >= least and sum(heights) <= high + 0.5


def _space(room: Room, own_master: bool) -> tuple[float, float]:
    """Width and height for a table, points; on a template its word stands below it (`Page.aside`)."""
    return 72 * room.wide, 72 * room.high - _ABOVE_FOOT - (0.0 if own_master else 72 * UNDER)


def _texts(frame: pd.DataFrame, lang: Lang) -> list[list[str]]:
    """Heading and rows as they are read."""
    rows = frame.itertuples(index=False, name=None)
    below = [[shown(c, v, lang) for c, v in zip(frame.columns, values, strict=True)] for values in rows]
    return [[heading(c, lang) for c in frame.columns], *below]


def table(page: Page, frame: pd.DataFrame, above: str = "") -> None:
    """Draw the frame; what does not fit is named beside it (`Page.aside`)."""
    from pptx.enum.text import MSO_ANCHOR
    from pptx.util import Inches, Pt

    kept = frame.head(_MOST_ROWS)
    rows = _texts(kept, page.report.lang)
    heads, room = rows[0], _space(page.room, page.own_master)
    size, wide, high = _fitted(rows, *room)
    while sum(high) > room[1] + 0.5 and len(rows) > _FEWEST_ROWS:
        rows.pop()
        size, wide, high = _fitted(rows, *room)
    whole = [list(row) for row in rows]
    while sum(high) > room[1] + 0.5 and _shorten(rows):
        size, wide, high = _fitted(rows, *room)
    cut = len(frame) - (len(rows) - 1)
    more = pick(page.lang, f"（另有{cut}行见报告）", f" ({cut} more rows in the report)") if cut else ""
    more += pick(page.lang, "（长文见报告）", " (long texts in the report)") if rows != whole else ""
    page.aside(above + more)
    place = (Inches(page.room.left), Inches(page.room.top), Inches(page.room.wide), Pt(sum(high)))
    shape = page.slide.shapes.add_table(len(rows), len(heads), *place)
    shape.name = above or heads[0]
    page.describe(shape, "; ".join(heads))
    drawn = shape.table
    drawn.horz_banding = False
    for c, points in enumerate(wide):
        drawn.columns[c].width = Pt(points)
    for r, (texts, points) in enumerate(zip(rows, high, strict=True)):
        drawn.rows[r].height = Pt(points)
        for c, text in enumerate(texts):
            cell: Any = drawn.cell(r, c)
            cell.text = text
            cell.margin_top = cell.margin_bottom = Pt(2)
            cell.vertical_anchor = MSO_ANCHOR.MIDDLE
            column = kept[kept.columns[c]]
            right = pd.api.types.is_numeric_dtype(column) and column.dtype != bool
            style(cell.text_frame, size, bold=not r, colour=INK if r else "FFFFFF", align="right" if right else "left")
            cell.fill.solid()
            cell.fill.fore_color.rgb = rgb(ACCENT if not r else "FFFFFF" if r % 2 else "F4F6F8")


def _shorten(rows: list[list[str]]) -> bool:
    """A fifth off the longest text below the heading; whether there was one to cut."""
    longest, r, c = max((len(text), r, c) for r, row in enumerate(rows) for c, text in enumerate(row) if r)
    if longest <= _SHORT:
        return False
    rows[r][c] = rows[r][c][: int(0.8 * longest)].rstrip("…") + "…"
    return True


def _fitted(rows: list[list[str]], wide: float, high: float) -> tuple[float, list[float], list[float]]:
    """Letters' size, column widths and row heights, points: the largest size at which all rows fit."""
    widths: list[float] = []
    heights: list[float] = []
    size: float
    for size in _SIZES:
        letters = [_BOLD * size, *[size] * (len(rows) - 1)]
        columns = [list(zip(letters, column, strict=True)) for column in zip(*rows, strict=True)]
        longest = [_WIDER * max(text_width(text, s) + _air(text, s) for s, text in column) + _PAD for column in columns]
        shortest = [max([4 * size + _PAD, *(_WHOLE * text_width(part, s) + _PAD for s, text in column for part in _words(text))])
                    for column in columns]  # fmt: skip
        longest = list(map(max, longest, shortest))
        # a column gives way in the measure of what it has beyond its longest word
        spare = max(0.0, sum(longest) - wide)
        give = [a - b for a, b in zip(longest, shortest, strict=True)]
        part = min(1.0, spare / sum(give)) if sum(give) else 0.0
        widths = [a - part * g for a, g in zip(longest, give, strict=True)]
        scale = wide / sum(widths)
        widths = [w * scale for w in widths]
        lines = [[_lines(text, s, w) for text, w in zip(row, widths, strict=True)] for s, row in zip(letters, rows, strict=True)]
        heights = [max(n) * size * _LINE + 8 for n in lines]
        if sum(heights) <= high and scale >= 0.99:
            break
    room = high - sum(heights)
    if room > 0:  # a little air, not a table stretched over the slide
        heights = [h + min(room / len(rows), 8) for h in heights]
    return size, widths, heights


def _lines(text: str, size: float, wide: float) -> int:
    """Lines of a cell."""
    return len(wrapped(text, size, (wide - _PAD) / _WIDER - _air(text, size)))


def _air(text: str, size: float) -> float:
    """What an office suite puts between Chinese and Latin letters or digits, points; no more than a line's."""
    sides = [(ord(a) > 0x2E80, ord(b) > 0x2E80) for a, b in pairwise(text) if a.isalnum() and b.isalnum()]
    return 0.2 * size * min(sum(a != b for a, b in sides), 4)


def _words(text: str) -> list[str]:
    """What a column should not break: words, and Chinese in fours."""
    return [w for w in text.split() if ord(w[0]) < 255] + ([text[:4]] if text and ord(text[0]) > 255 else [])

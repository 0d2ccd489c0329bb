"""Where the boxes and lines of a cause or activity diagram go, whoever draws them: a figure's axes or a slide.

Everything is laid out in points with y downwards; who draws scales places and letters alike. Texts are
wrapped first and boxes made around them, and rows are stacked, so that no text meets another at any depth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from itertools import pairwise
from typing import Literal

import pandas as pd

from g3lib.names import names_in
from g3lib.qc.tree import Links
from g3lib.report.placing import text_width, wrapped

Align = Literal["center", "right"]
SIZE = 10.0  # points; every other measure here belongs to it
_LEADING = 1.35 * SIZE
_PAD = 5.0
_GAP = 10.0


@dataclass(frozen=True)
class Box:
    """A text in its place: `framed` or standing on its line; `mark` says what its colour says (a verdict, critical)."""

    name: str
    left: float
    top: float
    wide: float
    high: float
    lines: tuple[str, ...]
    framed: bool = True
    align: Align = "center"
    mark: str = ""


@dataclass(frozen=True)
class Line:
    """A line through points, with an arrow's head at its end or none."""

    points: tuple[tuple[float, float], ...]
    arrow: bool = False
    mark: str = ""


@dataclass(frozen=True)
class Diagram:
    """Boxes and lines on a sheet of so many points."""

    wide: float
    high: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def fitted(make: Callable[[float], Diagram], wide: float, high: float, most: float = 1.0) -> tuple[Diagram, float]:
    """The diagram whose letters come out largest on a sheet, of several widths of text; and its scale, `most` at most."""
    tried = [make(chars * SIZE) for chars in (7, 9, 12, 16, 22)]
    scales = [min(most, wide / d.wide, high / d.high) for d in tried]
    best = max(range(len(tried)), key=lambda i: scales[i])
    return tried[best], scales[best]


def fishbone(links: Links, text_wide: float = 12 * SIZE, marks: Mapping[str, str] | None = None) -> Diagram:
    """A fishbone: the problem at the head, its causes as bones above and below, theirs as rows beside each bone.

    A row deeper by one stands further left, on a twig of the row that it belongs to.

    Args:
        links: `tree.tree`, of any depth.
        text_wide: where texts wrap, points.
        marks: name → mark, for colours.
    """
    given, bones = dict(marks or {}), links.causes_of.get(links.root, ())
    columns = [_bone(links, bone, text_wide, given) for bone in bones]
    up = max((c.high for c in columns[::2]), default=0.0)
    down = max((c.high for c in columns[1::2]), default=0.0)
    spine, left = up + _GAP, _GAP
    boxes: list[Box] = []
    lines: list[Line] = []
    for pair in zip(columns[::2], [*columns[1::2], None], strict=False):
        own = [c for c in pair if c]
        room, after = max(c.wide for c in own), max(c.after for c in own)
        for column, above in zip(own, (True, False), strict=False):
            moved = column.placed(left + room, spine, above)
            boxes += moved.boxes
            lines += moved.lines
        left += room + after + _GAP
    tail = left + _GAP
    head = _framed(links.root, wrapped(links.root, SIZE, text_wide), tail, spine, given)
    lines.insert(0, Line(((_GAP, spine), (tail, spine)), arrow=True, mark="spine"))
    whole = Diagram(head.left + head.wide + _GAP, spine + down + _GAP, (*boxes, head), tuple(lines))
    return _within(whole)


# how far a bone leans
_SLANT = 26.0
# how far a deeper row stands to the left of its own
_STEP = 14.0


@dataclass(frozen=True)
class _Column:
    """One bone before it has a place: its rows with depth and lines of text, its header."""

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[str, ...], int], ...]
    wide: float
    high: float
    marks: Mapping[str, str]

    @property
    def head_wide(self) -> float:
        """The header's box."""
        return max(text_width(t, SIZE) for t in self.header) + 2 * _PAD

    @property
    def after(self) -> float:
        """What the bone and half of its header take to the right of the texts."""
        return max(_SLANT, self.head_wide / 2)

    def placed(self, right: float, spine: float, above: bool) -> Diagram:
        """The bone with its rows: texts end at `right`, the bone leans on from there to the spine."""
        head_high = _high(self.header)
        far = spine - self.high if above else spine + self.high
        head_top = far if above else far - head_high
        start, end = (right, far + (head_high if above else -head_high)), (right + _SLANT, spine)
        place = (right - self.head_wide / 2, head_top, self.head_wide, head_high)
        boxes = [Box(self.name, *place, self.header, mark=self.marks.get(self.name, ""))]
        lines = [Line((start, end), arrow=True, mark="bone")]
        y = far + head_high + _PAD if above else spine + _PAD
        feet: list[float] = []
        for name, depth, texts, parent in self.rows:
            tall = len(texts) * _LEADING
            edge = right - (depth - 2) * _STEP
            foot = y + tall + 1
            feet.append(foot)
            wide = max(text_width(t, SIZE) for t in texts)
            boxes.append(Box(name, edge - wide, y, wide, tall, texts, False, "right", self.marks.get(name, "")))
            if parent < 0:
                lean = start[0] + (foot - start[1]) / (end[1] - start[1]) * (end[0] - start[0])
                lines.append(Line(((edge - wide, foot), (lean, foot)), arrow=True))
            else:
                twig = edge + _STEP / 2
                lines.append(Line(((edge - wide, foot), (twig, foot), (twig, feet[parent])), arrow=True))
            y = foot + _PAD
        return Diagram(0, 0, tuple(boxes), tuple(lines))


def _bone(links: Links, name: str, text_wide: float, marks: Mapping[str, str]) -> _Column:
    rows: list[tuple[str, int, tuple[str, ...], int]] = []

    waiting = [(cause, -1) for cause in reversed(links.causes_of.get(name, ()))]
    while waiting:  # no recursion: a chain may be deeper than Python's stack
        cause, parent = waiting.pop()
        waiting += [(below, len(rows)) for below in reversed(links.causes_of.get(cause, ()))]
        rows.append((cause, links.depth[cause], tuple(wrapped(cause, SIZE, text_wide)), parent))
    header = tuple(wrapped(name, SIZE, text_wide))
    body = sum(len(texts) * _LEADING + 1 + _PAD for _, _, texts, _ in rows)
    reach = [max(text_width(t, SIZE) for t in texts) + (depth - 2) * _STEP for _, depth, texts, _ in rows]
    wide = max([*reach, max(text_width(t, SIZE) for t in header) / 2 + _PAD], default=0.0) + _GAP
    return _Column(name, header, tuple(rows), wide, _high(header) + body + 2 * _PAD + _GAP, marks)


def tree_diagram(links: Links, text_wide: float = 12 * SIZE, marks: Mapping[str, str] | None = None) -> Diagram:
    """A tree: the problem at the left, each cause in a box right of its effect, ends at their own depth.

    Args: as `fishbone`.
    """
    texts = {name: tuple(wrapped(name, SIZE, text_wide)) for name in (links.root, *links.order)}
    wide, given = _widths(texts, links.depth), dict(marks or {})
    lefts = {depth: sum(wide[d] + 3 * _GAP for d in range(depth)) + _GAP for depth in wide}
    middles: dict[str, float] = {}
    bottom = _GAP

    waiting: list[tuple[str, float | None]] = [(links.root, None)]
    while waiting:  # each name once before its causes, which begin at `top`, and once after them
        name, top = waiting.pop()
        causes, own = links.causes_of.get(name, ()), _high(texts[name])
        if causes and top is None:
            waiting += [(name, bottom), *((cause, None) for cause in reversed(causes))]
        elif top is not None:
            middles[name] = (middles[causes[0]] + middles[causes[-1]]) / 2
            # a box taller than all of its causes together pushes them down to its middle
            if (short := top + own / 2 - middles[name]) > 0:
                for moved in _below(links, name):
                    middles[moved] += short
                middles[name] += short
                bottom = max(bottom + short, top + own + _GAP)
            bottom = max(bottom, middles[name] + own / 2 + _GAP)
        else:
            middles[name] = bottom + own / 2
            bottom += own + _GAP
    boxes = {n: _framed(n, texts[n], lefts[links.depth[n]], middles[n], given, wide[links.depth[n]]) for n in texts}
    lines = []
    for effect, causes in links.causes_of.items():
        right = boxes[effect].left + boxes[effect].wide
        for cause in causes:
            bend, y, to = right + 1.5 * _GAP, middles[cause], middles[effect]
            lines.append(Line(((boxes[cause].left, y), (bend, y), (bend, to), (right, to)), arrow=True))
    return Diagram(max(lefts[d] + wide[d] for d in wide) + _GAP, bottom, tuple(boxes.values()), tuple(lines))


def relation_diagram(links: Links, text_wide: float = 12 * SIZE, marks: Mapping[str, str] | None = None) -> Diagram:
    """A relation diagram: causes left of their effects, an arrow for each link; no arrow runs under a box.

    Args:
        links: `tree.net`: a cause may have several effects.
    """
    deepest = max(links.depth.values(), default=0)
    layers = {name: deepest - links.depth[name] for name in (*links.roots, *links.order)}
    texts = {name: tuple(wrapped(name, SIZE, text_wide)) for name in layers}
    edges = [(cause, effect) for effect, causes in links.causes_of.items() for cause in causes]
    return _layered(layers, texts, edges, dict(marks or {}), {})


def arrow_diagram(activities: pd.DataFrame, words: Sequence[str], text_wide: float = 12 * SIZE) -> Diagram:
    """An arrow diagram, activities in boxes: each with its days, earliest and latest start and finish, and float.

    Args:
        activities: `schedule.critical_path`.
        words: of duration, earliest, latest, total and free float, in the reader's language.
    """
    names = activities["activity"].tolist()
    before = {name: names_in(after) for name, after in zip(names, activities["after"], strict=True)}
    layers: dict[str, int] = {}
    for name in TopologicalSorter(before).static_order():
        layers[name] = max((layers[b] + 1 for b in before[name]), default=0)
    texts = {}
    for row in activities.itertuples():
        spans = (f"{words[0]} {row.days:g}", f"{words[1]} {row.es:g}–{row.ef:g}", f"{words[2]} {row.ls:g}–{row.lf:g}")
        floats = f"{words[3]} {row.total_float:g} · {words[4]} {row.free_float:g}"
        texts[row.activity] = (*wrapped(row.activity, SIZE, text_wide), *spans, floats)
    marks = {name: "critical" for name, critical in zip(names, activities["critical"], strict=True) if critical}
    edges = [(b, name) for name in names for b in before[name]]
    return _layered(layers, texts, edges, marks, {(b, n): "critical" for b, n in edges if b in marks and n in marks})


def _layered(
    layers: Mapping[str, int], texts: Mapping[str, tuple[str, ...]], edges: Sequence[tuple[str, str]], marks: Mapping[str, str],
    edge_marks: Mapping[tuple[str, str], str],
) -> Diagram:  # fmt: skip
    """Boxes in columns by layer; a long edge has a slot of its own in each column that it passes."""
    slots = {(one, other): [(one, other, k) for k in range(layers[one] + 1, layers[other])] for one, other in edges}
    columns: dict[int, list[object]] = {k: [] for k in range(max(layers.values(), default=0) + 1)}
    for name, k in layers.items():
        columns[k].append(name)
    near: dict[object, list[object]] = {}
    for edge, passed in slots.items():
        for slot in passed:
            columns[slot[2]].append(slot)
        for one, other in pairwise([edge[0], *passed, edge[1]]):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    _untangled(columns, near)
    wide = _widths(texts, layers)
    between = 4 * _GAP
    lefts = {k: _GAP + sum(wide.get(j, 0.0) + between for j in range(k)) for k in columns}
    tall = {k: sum(_slot(n, texts) + _GAP for n in column) - _GAP for k, column in columns.items()}
    high = max(tall.values(), default=0.0)
    middles: dict[object, float] = {}
    for k, column in columns.items():
        y = _GAP + (high - tall[k]) / 2
        for node in column:
            middles[node] = y + _slot(node, texts) / 2
            y += _slot(node, texts) + _GAP
    boxes = {n: _framed(n, texts[n], lefts[k], middles[n], marks, wide[k]) for n, k in layers.items()}
    lines = []
    for edge, passed in slots.items():
        points = [(boxes[edge[0]].left + boxes[edge[0]].wide, middles[edge[0]])]
        for slot in passed:
            k = slot[2]
            points += [(lefts[k], middles[slot]), (lefts[k] + wide.get(k, 0.0), middles[slot])]
        points.append((boxes[edge[1]].left, middles[edge[1]]))
        lines.append(Line(tuple(points), arrow=True, mark=edge_marks.get(edge, "")))
    right = max((lefts[k] + wide.get(k, 0.0) for k in columns), default=0.0)
    return Diagram(right + _GAP, high + 2 * _GAP, tuple(boxes.values()), tuple(lines))


def _untangled(columns: dict[int, list[object]], near: Mapping[object, Sequence[object]]) -> None:
    """Order each column by the mean place of its neighbours, forth and back, so that few edges cross."""
    for sweep in range(8):
        ways = sorted(columns, reverse=bool(sweep % 2))
        for before, k in pairwise(ways):
            place = {node: i / max(len(columns[before]) - 1, 1) for i, node in enumerate(columns[before])}
            own = {node: i / max(len(columns[k]) - 1, 1) for i, node in enumerate(columns[k])}
            mean = {}
            for node in columns[k]:
                seen = [place[n] for n in near.get(node, ()) if n in place]
                mean[node] = sum(seen) / len(seen) if seen else own[node]
            columns[k].sort(key=mean.__getitem__)


def _slot(node: object, texts: Mapping[str, tuple[str, ...]]) -> float:
    return _high(texts[node]) if isinstance(node, str) else _GAP


def _high(texts: Sequence[str]) -> float:
    return len(texts) * _LEADING + 2 * _PAD


def _widths(texts: Mapping[str, Sequence[str]], depth: Mapping[str, int]) -> dict[int, float]:
    wide: dict[int, float] = {}
    for name, lines in texts.items():
        wide[depth[name]] = max(wide.get(depth[name], 0.0), max(text_width(t, SIZE) for t in lines) + 2 * _PAD)
    return wide


def _framed(name: str, lines: Sequence[str], left: float, middle: float, marks: Mapping[str, str], wide: float = 0.0) -> Box:
    high = _high(lines)
    own = wide or max(text_width(t, SIZE) for t in lines) + 2 * _PAD
    return Box(name, left, middle - high / 2, own, high, tuple(lines), mark=marks.get(name, ""))


def _below(links: Links, name: str) -> list[str]:
    """Everything that lies below a name in the tree."""
    found = list(links.causes_of.get(name, ()))
    for cause in found:  # grows while it is read
        found += links.causes_of.get(cause, ())
    return found


def _within(diagram: Diagram) -> Diagram:
    """The diagram moved so that nothing stands off its sheet."""
    left = min([0.0, *(b.left - _PAD for b in diagram.boxes)])
    top = min([0.0, *(b.top - _PAD for b in diagram.boxes)])
    bottom = max([diagram.high, *(b.top + b.high + _PAD for b in diagram.boxes)])
    boxes = tuple(replace(b, left=b.left - left, top=b.top - top) for b in diagram.boxes)
    lines = tuple(replace(line, points=tuple((x - left, y - top) for x, y in line.points)) for line in diagram.lines)
    return Diagram(diagram.wide - left, bottom - top, boxes, lines)

"""Cause and activity diagrams on a figure's axes: the layout's boxes and lines, scaled to the axes' own size."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from g3lib.labels import Lang, pick
from g3lib.qc.tree import Links
from g3lib.report import diagrams
from g3lib.report.charts.look import ACCENT, GREY, INK, WARN
from g3lib.report.diagrams import SIZE, Diagram

_COLOURS = {"confirmed": WARN, "critical": ACCENT, "spine": INK, "bone": INK, "rejected": GREY, "insufficient": ACCENT}


def fishbone(links: Links, ax: Axes, lang: Lang, marks: Mapping[str, str] | None = None) -> Axes:  # noqa: ARG001
    """A fishbone of any depth.

    Args:
        links: `tree.tree`.
        marks: name → `confirmed`, `rejected`, `insufficient`: its colour.
    """
    return drawn_on(ax, *diagrams.fitted(lambda wide: diagrams.fishbone(links, wide, marks), *_sheet(ax)))


def tree_diagram(links: Links, ax: Axes, lang: Lang, marks: Mapping[str, str] | None = None) -> Axes:  # noqa: ARG001
    """A tree diagram of any depth. Args: as `fishbone`."""
    return drawn_on(ax, *diagrams.fitted(lambda wide: diagrams.tree_diagram(links, wide, marks), *_sheet(ax)))


def relation_diagram(links: Links, ax: Axes, lang: Lang, marks: Mapping[str, str] | None = None) -> Axes:  # noqa: ARG001
    """A relation diagram. Args: as `fishbone`, links being `tree.net`."""
    return drawn_on(ax, *diagrams.fitted(lambda wide: diagrams.relation_diagram(links, wide, marks), *_sheet(ax)))


def arrow_diagram(activities: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """An arrow diagram, the critical path in colour.

    Args:
        activities: `schedule.critical_path`.
    """
    words = activity_words(lang)
    return drawn_on(ax, *diagrams.fitted(lambda wide: diagrams.arrow_diagram(activities, words, wide), *_sheet(ax)))


def activity_words(lang: Lang) -> tuple[str, ...]:
    """What stands before an activity's figures: duration, earliest, latest, total and free float."""
    return tuple(pick(lang, "工期（天） 最早 最迟 总时差 自由时差", "days early late float free").split())


def drawn_on(ax: Axes, diagram: Diagram, scale: float) -> Axes:
    """The layout on the axes, its letters as large as the scale lets them be."""
    wide, high = _sheet(ax)
    left, top = (wide / scale - diagram.wide) / 2, (high / scale - diagram.high) / 2
    ax.set_xlim(-left, diagram.wide + left)
    ax.set_ylim(diagram.high + top, -top)
    ax.axis("off")
    for line in diagram.lines:
        colour = _COLOURS.get(line.mark, GREY)
        heavy = {"spine": 2.2, "bone": 1.4, "critical": 1.8}.get(line.mark, 0.9)
        style = "-|>,head_length=4,head_width=2" if line.arrow else "-"
        path = Path(line.points)
        ax.add_patch(FancyArrowPatch(path=path, arrowstyle=style, color=colour, linewidth=heavy * scale, mutation_scale=scale,
                                     shrinkA=0, shrinkB=0, joinstyle="miter"))  # fmt: skip
    for box in diagram.boxes:
        colour = _COLOURS.get(box.mark, INK)
        if box.framed:
            ax.add_patch(FancyBboxPatch((box.left, box.top), box.wide, box.high, boxstyle="square,pad=0", facecolor="white",
                                        edgecolor=colour, linewidth=1.1 * scale))  # fmt: skip
        x = box.left + (box.wide / 2 if box.align == "center" else box.wide)
        ax.text(x, box.top + box.high / 2, "\n".join(box.lines), ha=box.align, va="center", fontsize=SIZE * scale,
                linespacing=1.05, color=colour)  # fmt: skip
    return ax


def _sheet(ax: Axes) -> tuple[float, float]:
    """The axes' size in points."""
    figure = ax.get_figure(root=True)
    if figure is None:
        return 1.0, 1.0
    figure.draw_without_rendering()  # the layout engine settles the axes' size only now
    box = ax.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    return box.width * 72, box.height * 72

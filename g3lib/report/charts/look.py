"""The look of every chart: one style file, one font, and a figure's way to PNG and to data."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from g3lib.report.placing import sides

INK, GREY, LIGHT, ACCENT, WARN = "#222222", "#8c8c8c", "#cfcfcf", "#0b6e99", "#b3261e"
CHART_MIME = "application/vnd.g3lib.chart.v1+json"
WIDTH = 7.6  # inches; a report's column

# Names that our subset lacks (rare characters of place names) come from the system, where it has one
_SYSTEM = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Zen Hei", "SimSun")


@cache
def families() -> tuple[str, ...]:
    """Font families in order: ours, a system one for rare characters, DejaVu Sans for signs."""
    folder = resources.files("g3lib.report.charts").joinpath("font", "NotoSansSC-gb2312.otf")
    with resources.as_file(folder) as path:
        font_manager.fontManager.addfont(str(path))
        ours = font_manager.FontProperties(fname=str(path)).get_name()
    present = {font.name for font in font_manager.fontManager.ttflist}
    return (ours, *(name for name in _SYSTEM if name in present), "DejaVu Sans")


@contextmanager
def look() -> Iterator[None]:
    """The style, for the time of drawing and saving."""
    with mpl.rc_context({**_rules(), "font.family": list(families())}):
        yield


@cache
def _rules() -> Any:
    style = resources.files("g3lib.report.charts").joinpath("g3.mplstyle")
    return mpl.rc_params_from_file(str(style), use_default_template=False)


def figure(height: float) -> tuple[Figure, Axes]:
    """A figure as wide as a report's column, and its axes (call inside `look`)."""
    fig = Figure(figsize=(WIDTH, height), layout="constrained")
    return fig, fig.add_subplot()


def spread(heights: list[float], gap: float) -> list[float]:
    """Heights in rising order, moved up until labels don't touch.

    >>> spread([0.0, 0.25, 1.0], 0.5)
    [0.0, 0.5, 1.0]
    """
    moved: list[float] = []
    for height in heights:
        moved.append(max(height, moved[-1] + gap) if moved else height)
    return moved


def name_ends(ax: Axes, spot: float, ends: list[tuple[float, str, str]], span: float, offset: float = 6) -> None:
    """Names beside the ends of lines or stacks (height, colour, word), moved apart where they would touch.

    Args:
        spot: the x of all; span: what the axis covers; offset: points to the right of the spot.
    """
    ordered = sorted(ends)
    for (_, colour, word), shown in zip(ordered, spread([end[0] for end in ordered], 0.07 * span), strict=True):
        ax.annotate(word, (spot, shown), xytext=(offset, 0), textcoords="offset points", va="center", fontsize=9.5, color=colour,
                    annotation_clip=False)  # fmt: skip


def name_points(
    ax: Axes, x: Sequence[float], y: Sequence[float], names: Sequence[str], colours: Sequence[str], size: float = 9
) -> None:
    """A name beside each point of a scatter: right, left, above or below, the first place where it meets no other.

    Call it when the axes' limits are set; sizes are estimated from the figure's width, as nothing is drawn yet.
    """
    whole: Any = ax.get_figure(root=True)
    wide, high = (72 * inches for inches in whole.get_size_inches())
    (left, right), (low, top) = ax.get_xlim(), ax.get_ylim()
    # an axes fills some 86 % of its figure's width and 78 % of its height
    across, up = 0.86 * wide / (right - left), 0.78 * high / (top - low)
    spots = [((a - left) * across, (b - low) * up) for a, b in zip(x, y, strict=True)]
    offsets = {"right": (8, 0, "left"), "left": (-8, 0, "right"), "above": (0, 10, "center"), "below": (0, -10, "center")}
    beside = sides(spots, names, size, 0.88 * wide)
    for side, name, colour, point in zip(beside, names, colours, zip(x, y, strict=True), strict=True):
        dx, dy, align = offsets[side]
        ax.annotate(name, point, xytext=(dx, dy), textcoords="offset points", ha=align, va="center", fontsize=size, color=colour)


def png(fig: Figure) -> bytes:
    """The figure as PNG of 256 colours, half the size (call inside `look`: glyphs are chosen when drawn).

    A chart has some 600 colours, most of them shades at the edges of letters: the commonest stay as they are, the others share
    the rest of the palette, each alike (by how often they occur a single red dot would turn grey; a test holds it). Working on
    colours and not on pixels takes a sixth of the time.
    """
    from PIL import Image

    pixels = _pixels(fig)
    place, colours = pd.factorize(pixels.ravel())
    seldom = np.argsort(-np.bincount(place), kind="stable")[_EXACT if len(colours) > _PALETTE else len(colours) :]
    shown = colours.view(np.uint8).reshape(-1, 4)[:, :3].copy()
    if len(seldom):
        rest = Image.fromarray(shown[seldom][None]).quantize(_PALETTE - _EXACT, Image.Quantize.MEDIANCUT, kmeans=1)
        shown[seldom] = np.asarray(rest.convert("RGB"))[0]
    palette, number = np.unique(shown, axis=0, return_inverse=True)
    picture = Image.fromarray(number.astype(np.uint8)[place].reshape(pixels.shape), mode="P")
    picture.putpalette(palette.tobytes())
    small = io.BytesIO()
    picture.save(small, format="png", compress_level=6)  # the highest level: 6 % smaller in six times the time
    return small.getvalue()


_PALETTE, _EXACT = 256, 192


def _pixels(fig: Figure) -> np.ndarray:
    """The figure drawn: rows of pixels, each a colour in one number."""
    canvas: Any = FigureCanvasAgg(fig)  # untyped upstream
    dpi = fig.get_dpi()
    fig.set_dpi(mpl.rcParams["savefig.dpi"])
    try:
        canvas.draw()
        return np.ascontiguousarray(canvas.buffer_rgba()).view(np.uint32)[..., 0]
    finally:
        fig.set_dpi(dpi)


def drawn(fig: Figure) -> dict[str, Any]:
    """What stands on the figure, read back from its artists, not from the table it was drawn from.

    It travels beside the PNG, so a swapped or stale plot changes the notebook's outputs.
    """
    return {"axes": [_drawn_axes(ax) for ax in fig.axes]}


def _drawn_axes(ax: Axes) -> dict[str, Any]:
    bars = [p for p in ax.patches if isinstance(p, Rectangle)]
    points = [c for c in ax.collections if isinstance(c, PathCollection)]
    segments = [c for c in ax.collections if isinstance(c, LineCollection)]
    return {
        "xlabel": ax.get_xlabel(),
        "ylabel": ax.get_ylabel(),
        "lines": [[_tidy(v) for v in np.asarray(line.get_xydata()).flat] for line in ax.lines],
        "bars": [[_tidy(v) for v in (b.get_x(), b.get_y(), b.get_width(), b.get_height())] for b in bars],
        "points": [[_tidy(v) for v in np.asarray(c.get_offsets()).flat] for c in points],
        "segments": [[_tidy(v) for s in c.get_segments() for xy in s for v in xy] for c in segments],
        "texts": [t.get_text() for t in ax.texts if t.get_text()],
        "xticks": [t.get_text() for t in ax.get_xticklabels()],
        "yticks": [t.get_text() for t in ax.get_yticklabels()],
    }


def _tidy(value: Any) -> float | None:
    # six digits: what an eye can see, and the same on every platform
    number = float(value)
    return float(f"{number:.6g}") + 0.0 if number == number else None

"""A chart that is drawn again and again on one figure: what stays is kept as pixels, what moves is drawn over it.

A report's figure is drawn once, laid out, and reduced to 256 colours. Under a slider the same chart function runs many times a
second: its axes, ticks and labels are drawn when they change and kept as a picture; a frame is that picture with the lines,
points and words of the moment on it. A test holds a frame against a figure of its own, pixel by pixel.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from g3lib.report.charts.look import figure, look

_SCREEN = 96  # pixels an inch of a page
_TEXTS = 1000  # whose pixels are kept


@dataclass(frozen=True)
class Frame:
    """A picture as PNG, with its size on a page (pixels), and where its axes lie, as parts of it: left, top, width, height."""

    png: bytes
    width: int
    height: int
    axes: tuple[float, float, float, float]


class Drawing:
    """Draws a chart function anew for each result.

    Args:
        draw: a function of `charts`: it takes a result and `ax=` and `lang=`.
        height: of the same arguments, inches; a figure of another height is begun anew.
        ratio: pixels of the screen to one of the page; more would be drawn for nobody.
    """

    def __init__(self, draw: Callable[..., Any], height: Callable[..., float], ratio: float = 1.0) -> None:
        self._draw, self._height, self.ratio = draw, height, ratio
        self._figure: Figure | None = None
        self._ax: Axes | None = None
        self._still: Any = None  # the pixels of what does not move
        self._key: Any = None
        self._words: frozenset[str] = frozenset()
        self._written: dict[Any, Any] = {}  # text and place → its pixels

    def frame(self, *args: Any, **kwargs: Any) -> Frame:
        """The chart of these arguments."""
        with look():
            high = self._height(*args)
            known = self._figure
            if known is None or (known.get_figheight(), known.get_dpi()) != (high, _SCREEN * self.ratio) or len(known.axes) > 1:
                pixels = self._anew(high, args, kwargs)
            else:
                pixels = self._again(args, kwargs)
        return self._as_frame(pixels)

    def _anew(self, high: float, args: tuple[Any, ...], kwargs: dict[str, Any]) -> np.ndarray:
        fig, ax = figure(high)
        fig.set_dpi(_SCREEN * self.ratio)
        self._figure, self._ax, self._still, self._key = fig, ax, None, None
        canvas: Any = FigureCanvasAgg(fig)  # untyped upstream
        self._draw(*args, ax=ax, **kwargs)
        canvas.draw()
        self._words = _words(_still(ax))
        fig.set_layout_engine("none")  # where things lie was settled once; a frame moves none of them
        return np.asarray(canvas.buffer_rgba())

    def _again(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> np.ndarray:
        ax: Any = self._ax  # untyped upstream, like its canvas
        for artist in [*ax.lines, *ax.collections, *ax.patches, *ax.texts]:
            artist.remove()
        del ax.containers[:]
        ax.dataLim.set(Bbox.null())
        ax.ignore_existing_data_limits = True
        ax.set_prop_cycle(None)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_inverted(False)
        self._draw(*args, ax=ax, **kwargs)
        canvas = ax.figure.canvas
        moving = [*ax.lines, *ax.collections, *ax.patches, *ax.texts]
        key = _still(ax)
        if _words(key) != self._words:  # other labels need other room
            return self._anew(ax.figure.get_figheight(), args, kwargs)
        if self._still is None or key != self._key:
            for artist in moving:
                artist.set_visible(False)
            canvas.draw()
            self._still, self._key = np.asarray(canvas.buffer_rgba()).copy(), key
            self._written.clear()
            for artist in moving:
                artist.set_visible(True)
        pixels = np.asarray(canvas.buffer_rgba())
        pixels[:] = self._still
        for artist in sorted(moving, key=lambda artist: artist.get_zorder()):
            if isinstance(artist, Text):
                self._write(artist, pixels)
            else:
                ax.draw_artist(artist)
        return pixels

    def _write(self, text: Any, pixels: np.ndarray) -> None:
        """A text, from the pixels that it had when it last stood there; its letters take half of a frame's time."""
        if text.get_bbox_patch() is not None:
            text.axes.draw_artist(text)
            return
        named = (text.get_text(), text.get_position(), text.get_color(), text.get_rotation(), text.get_ha(), text.get_va())
        key = (*named, text.get_fontsize(), text.get_fontweight())
        place, letters = self._written.get(key) or (_place(text, pixels), None)
        bare = np.array_equal(pixels[place], self._still[place])  # what was drawn there meanwhile has to show through
        if letters is not None and bare:
            pixels[place] = letters
            return
        text.axes.draw_artist(text)
        if bare and len(self._written) < _TEXTS:
            self._written[key] = (place, pixels[place].copy())

    def _as_frame(self, pixels: np.ndarray) -> Frame:
        from PIL import Image

        ax: Any = self._ax
        box, scale = ax.get_position(), 1 / self.ratio
        high, wide = pixels.shape[:2]
        picture = io.BytesIO()
        # level 1: a frame is looked at for a moment, and travels no further than this machine
        Image.fromarray(np.ascontiguousarray(pixels[..., :3])).save(picture, format="png", compress_level=1)
        place = (float(box.x0), float(1 - box.y1), float(box.width), float(box.height))
        return Frame(picture.getvalue(), round(wide * scale), round(high * scale), place)


def _place(text: Any, pixels: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns of a picture that a text stands in, with a little room around it."""
    box = text.get_window_extent().padded(2)
    high, wide = pixels.shape[:2]
    top, bottom, left, right = (int(edge) for edge in (high - box.y1, high - box.y0 + 1, box.x0, box.x1 + 1))
    return slice(max(top, 0), max(bottom, 0)), slice(max(left, 0), min(right, wide))


def _words(key: tuple[Any, ...]) -> frozenset[str]:
    """The labels of `_still`, whatever their order: what the layout made room for."""
    _, _, *names, across, up = key
    return frozenset([*names, *across[1], *up[1]])


def _still(ax: Any) -> tuple[Any, ...]:
    """All that the part of a chart that does not move depends on."""
    ticks = [
        (tuple(axis.get_majorticklocs()), tuple(t.get_text() for t in axis.get_majorticklabels()), axis.get_scale())
        for axis in (ax.xaxis, ax.yaxis)
    ]
    return (ax.get_xlim(), ax.get_ylim(), ax.get_xlabel(), ax.get_ylabel(), ax.get_title(), *ticks)

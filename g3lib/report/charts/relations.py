"""The histogram with its rule named, the scatter with its r, and strata in small."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, number, pick
from g3lib.qc.relations import Correlation, Histogram
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT

_SHADES = (ACCENT, "#4d4d4d", GREY, "#b8b8b8")


def histogram(
    bins: Histogram, ax: Axes, lang: Lang, word: str = "", limits: tuple[float | None, float | None] = (None, None)
) -> Axes:
    """Bars between edges; the rule of the bins stands below, the limits of a specification as lines.

    Args:
        bins: `relations.histogram`.
        word: what is measured, with its unit, in the reader's words.
        limits: lower and upper limit, None where there is none.
    """
    edges = bins.edges
    ax.bar(edges[:-1], bins.counts, width=[b - a for a, b in pairwise(edges)], align="edge", color=LIGHT, edgecolor="white")
    for limit in limits:
        if limit is not None:
            ax.axvline(limit, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
    said = label("bins", bins.rule, lang)
    ax.set_xlabel(pick(lang, f"{word}（n = {bins.n}；{said}）", f"{word} (n = {bins.n}; {said})"))
    ax.set_ylabel(pick(lang, "个数", "count"))
    return ax


def scatter(frame: pd.DataFrame, found: Correlation, ax: Axes, lang: Lang, x: str, y: str, stratum: str | None = None) -> Axes:
    """Points, by stratum in shades where there is one; r, its interval and what is left within strata in words.

    Args:
        frame: what `relations.correlation` was given; found: what it gave.
        x, y, stratum: columns, their names being the reader's words.
    """
    groups = frame.groupby(stratum, sort=True, observed=True) if stratum else [("", frame)]
    for i, (name, rows) in enumerate(groups):
        shade = _SHADES[i % len(_SHADES)]
        ax.plot(rows[x], rows[y], "o", ms=4.5, color=shade, mfc=shade if i < len(_SHADES) else "white", label=str(name))
    if stratum:
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=9, handletextpad=0.2)
    span = f"({number(found.low, 2)} … {number(found.high, 2)})"
    text = f"r = {number(found.r, 2)} {span}, ρ = {number(found.spearman, 2)}, n = {found.n}"
    if stratum:
        text += pick(lang, f"；层内r = {number(found.within, 2)}", f"; within strata r = {number(found.within, 2)}")
    ax.set_title(text, fontsize=9.5, loc="left", color="#444444")
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    return ax

"""Control charts: the points, their centre and limits, each phase its own, and the points that broke a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, number, pick
from g3lib.qc.control import Chart, Cusum
from g3lib.report.charts.look import ACCENT, GREY, INK, WARN

_MOST_TICKS = 9


def control_chart(
    chart: Chart, ax: Axes, lang: Lang, unit: str = "", percent: bool = False, spread: Chart | None = None
) -> Axes:
    """A control chart; the points where a rule is broken are marked with the rule's number.

    Args:
        chart: any `control.Chart`.
        unit: of the axis, in the reader's words.
        percent: the values are fractions, shown as percentages.
        spread: the chart of their ranges; a point whose range is out has a ring, for that chart is not drawn.
    """
    place, scale = np.arange(len(chart.values)), 100.0 if percent else 1.0
    values = chart.values * scale
    _phases(chart, ax, scale, lang)
    aside = np.array([name in chart.excluded for name in chart.labels])
    ax.plot(place[~aside], values[~aside], "o", color=ACCENT, ms=4, zorder=3)
    ax.plot(place[aside], values[aside], "o", color=GREY, ms=5, mfc="white", zorder=3)
    for i, rules in _broken(chart).items():
        ax.plot([i], [values[i]], "o", color=WARN, ms=6.5, zorder=4)
        above = not values[i] < chart.centre[i] * scale
        ax.annotate("、".join(rules), (i, values[i]), xytext=(0, 7 if above else -7), textcoords="offset points", ha="center",
                    va="bottom" if above else "top", fontsize=8.5, color=WARN)  # fmt: skip
    rings = sorted({i for points in spread.signals.values() for i in points}) if spread is not None else []
    ax.plot(rings, values[rings], "o", ms=11, mfc="none", mec=WARN, mew=1.3, zorder=4)
    _ticks(ax, chart.labels)
    ax.margins(y=0.12)
    ax.set_ylabel(unit)
    sigma = "" if chart.kind == "run" else pick(lang, "；", "; ") + _sigma(chart.sigma, chart.estimator, lang)
    if spread is not None and rings:
        of = label("chart_kind", spread.kind, lang)
        sigma += pick(lang, f"；圆圈：{of}的异常点", f"; rings: out on the {of}")
    ax.set_xlabel(label("chart_kind", chart.kind, lang) + sigma, fontsize=9, loc="right")
    return ax


def cusum_chart(sums: Cusum, ax: Axes, lang: Lang, unit: str = "") -> Axes:
    """Both sums of a CUSUM, the lower one downwards, against their limits.

    Args:
        sums: `control.cusum`.
        unit: of the axis, in the reader's words.
    """
    place = np.arange(len(sums.values))
    for total, points in ((sums.above, sums.signals.get("cusum_above", ())), (-sums.below, sums.signals.get("cusum_below", ()))):
        ax.plot(place, total, color=ACCENT, linewidth=1.2, marker="o", ms=3.5)
        ax.plot(list(points), total[list(points)], "o", color=WARN, ms=6.5)
    for sign in (1, -1):
        ax.axhline(sign * sums.limit, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        ax.annotate(_digits(sums.limit, sums.limit), (1.0, sign * sums.limit), xycoords=("axes fraction", "data"), xytext=(4, 0),
                    textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    ax.axhline(0, color=INK, linewidth=0.8)
    _ticks(ax, sums.labels)
    ax.set_ylabel(unit)
    aim = pick(lang, f"；目标 {_digits(sums.target, sums.sigma)}；", f"; target {_digits(sums.target, sums.sigma)}; ")
    ax.set_xlabel(label("chart_kind", "cusum", lang) + aim + _sigma(sums.sigma, sums.estimator, lang), fontsize=9, loc="right")
    return ax


def _phases(chart: Chart, ax: Axes, scale: float, lang: Lang) -> None:
    """The line, its centre and limits as steps, phase by phase, and their figures at the right end."""
    phases = list(dict.fromkeys(chart.phases))
    for phase in phases:
        mine = np.flatnonzero([p == phase for p in chart.phases])
        edges = np.r_[mine - 0.5, mine[-1] + 0.5]
        ax.plot(mine, chart.values[mine] * scale, color=GREY, linewidth=1.0, zorder=2)
        for line, style in ((chart.centre, "-"), (chart.lower, (0, (4, 3))), (chart.upper, (0, (4, 3)))):
            if not np.isnan(line[mine]).all():
                steps = np.r_[line[mine], line[mine[-1]]] * scale
                ax.step(edges, steps, where="post", color=INK, linewidth=0.9, linestyle=style, zorder=1)
        if len(phases) > 1:
            ax.annotate(label("phase", phase, lang), (float(mine.mean()), 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
                        textcoords="offset points", ha="center", fontsize=9.5, color="#444444")  # fmt: skip
            if mine[0]:
                ax.axvline(mine[0] - 0.5, color=GREY, linewidth=0.8, linestyle=":")
    words = {"UCL": chart.upper[-1], pick(lang, "中心线", "centre"): chart.centre[-1], "LCL": chart.lower[-1]}
    span = float(np.nanmax(np.r_[chart.upper, chart.values]) - np.nanmin(np.r_[chart.lower, chart.values])) * scale
    for word, value in words.items():
        if value == value:
            ax.annotate(f"{word} {_digits(value * scale, span)}", (1.0, value * scale), xycoords=("axes fraction", "data"),
                        xytext=(4, 0), textcoords="offset points", va="center", fontsize=9, annotation_clip=False)  # fmt: skip


def _broken(chart: Chart) -> dict[int, list[str]]:
    """Point → the numbers of the rules that are broken there."""
    found: dict[int, list[str]] = {}
    for rule, points in chart.signals.items():
        for i in points:
            found.setdefault(i, []).append(rule.rpartition("_")[2] if rule[-1].isdigit() else "")
    return {i: list(filter(None, rules)) for i, rules in found.items()}


def _ticks(ax: Axes, labels: Sequence[Any]) -> None:
    step = max(1, -(-len(labels) // _MOST_TICKS))
    ax.set_xticks(range(0, len(labels), step), [str(name) for name in labels[::step]])
    ax.set_xlim(-0.5, len(labels) - 0.5)


def _sigma(sigma: float, estimator: str, lang: Lang) -> str:
    said = label("estimator", estimator, lang)
    if estimator in ("binomial", "poisson"):  # each point has its own, by its size
        return f"σ: {said}" if lang == "en" else f"σ：{said}"
    return f"{'σz' if estimator == 'laney' else 'σ'} = {_digits(sigma, sigma)}" + pick(lang, f"（{said}）", f" ({said})")


def _digits(value: float, span: float) -> str:
    """As many decimals as a span of that size needs, and no more than a reader wants."""
    return number(value, 0 if span >= 300 else 1 if span >= 10 else 2 if span >= 1 else 4)

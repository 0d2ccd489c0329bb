"""Charts of channel contribution and of progress against a target."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from g3lib.labels import Lang, label, number, percent, pick
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT, WARN

_GREYS = ("#4d4d4d", "#8c8c8c", "#b8b8b8", "#d9d9d9")


def units_by_month(units: pd.DataFrame, ax: Axes, lang: Lang, accent: str = "") -> Axes:
    """Stacked bars of units by month; the accent channel lies at the bottom, so that it can be compared.

    Args:
        units: month, channel, units.
        accent: the channel that the sentence is about.
    """
    table = units.pivot(index="month", columns="channel", values="units")
    order = [accent] * (accent in table) + [c for c in table.columns if c != accent]
    base = pd.Series(0.0, index=table.index)
    greys = iter(_GREYS * 3)
    spots = range(len(table))
    wide = len(table) > 14
    for channel in order:
        colour = ACCENT if channel == accent else next(greys)
        ax.bar(spots, table[channel], bottom=base, color=colour, width=0.72, edgecolor="white", linewidth=0.6)
        middle = base.iloc[-1] + table[channel].iloc[-1] / 2
        ax.annotate(label("channel", channel, lang), (len(table) - 0.55, middle), va="center", fontsize=9.5,
                    color=colour if colour in (ACCENT, "#4d4d4d") else "#6a6a6a", annotation_clip=False)  # fmt: skip
        base = base + table[channel]
    if not wide:
        for spot, total in zip(spots, base, strict=True):
            ax.annotate(number(total), (spot, total), ha="center", va="bottom", fontsize=9.5, color=INK)
    step = max(1, len(table) // 12)
    ax.set_xticks(list(spots)[::step], list(table.index)[::step])
    ax.set_xlim(-0.6, len(table) - 0.4)
    ax.set_ylabel(pick(lang, "台", "devices"))
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.yaxis.set_major_formatter(lambda v, _: number(v))
    ax.margins(y=0.12)
    return ax


def change_waterfall(change: pd.DataFrame, ax: Axes, lang: Lang, before: str, after: str) -> Axes:
    """From the total before to the total after: one step a channel, and the steps add up.

    Args:
        change: channel, units_before, change, as `channels.change_of_share` gives them.
    """
    names = [before, *(label("channel", c, lang) for c in change["channel"]), after]
    level = start = float(change["units_before"].sum())
    ax.bar(0, start, color=LIGHT, width=0.62)
    ax.annotate(number(start), (0, start), ha="center", va="bottom")
    for i, step in enumerate(change["change"], start=1):
        ax.bar(i, step, bottom=level, color=ACCENT if step >= 0 else WARN, width=0.62)
        ax.plot([i - 0.69, i - 0.31], [level, level], color=GREY, linewidth=0.8)
        ax.annotate(f"{step:+,.0f}", (i, max(level, level + step)), ha="center", va="bottom")
        level += step
    ax.bar(len(names) - 1, level, color=LIGHT, width=0.62)
    ax.annotate(number(level), (len(names) - 1, level), ha="center", va="bottom")
    ax.set_xticks(range(len(names)), names)
    ax.set_ylabel(pick(lang, "台", "devices"))
    ax.yaxis.set_major_formatter(lambda v, _: number(v))
    ax.margins(y=0.12)
    return ax


def attainment_against_time(progress: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Attainment as a bar, the share of time that has passed as a mark: behind the mark is behind time.

    Args:
        progress: phasing, attainment, time_progress, as `targets.progress` gives them.
    """
    widest = max(0.05, 1.25 * float(progress[["attainment", "time_progress"]].max().max()))
    for i, row in enumerate(progress.itertuples()):
        behind = row.attainment < row.time_progress
        ax.barh(i, row.attainment, color=WARN if behind else ACCENT, height=0.5)
        ax.plot([row.time_progress] * 2, [i - 0.38, i + 0.38], color=INK, linewidth=2)
        near = abs(row.attainment - row.time_progress) < 0.12 * widest  # then the figure stands beyond the mark
        beside = max(row.attainment, row.time_progress) if near else row.attainment
        ax.annotate(percent(row.attainment), (beside, i), xytext=(5, 0), textcoords="offset points", va="center")
    elapsed = [pick(lang, "时间 ", "time ") + percent(t) for t in progress["time_progress"]]
    words = [label("phasing", phasing, lang) for phasing in progress["phasing"]]
    ax.set_yticks(range(len(progress)), [f"{word}\n{time}" for word, time in zip(words, elapsed, strict=True)])
    ax.set_ylim(-0.6, len(progress) - 0.2)
    ax.set_xlim(0, widest)
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_xlabel(pick(lang, "完成率（实际 ÷ 目标；竖线为时间进度）", "attainment (actual ÷ target; mark: time)"))
    return ax

"""Charts of channel contribution, of its changes, and of what channels and outlets are worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from g3lib.labels import Lang, label, money, number, percent, pick
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT, WARN, name_ends, spread

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
    names: list[tuple[float, str, str]] = []
    for channel in order:
        colour = ACCENT if channel == accent else next(greys)
        ax.bar(spots, table[channel], bottom=base, color=colour, width=0.72, edgecolor="white", linewidth=0.6)
        middle = float(base.iloc[-1] + table[channel].iloc[-1] / 2)
        names.append((middle, colour if colour in (ACCENT, "#4d4d4d") else "#6a6a6a", label("channel", channel, lang)))
        base = base + table[channel]
    name_ends(ax, len(table) - 0.55, names, float(base.max()), 0)
    if not wide:
        for spot, total in zip(spots, base, strict=True):
            ax.annotate(number(total), (spot, total), ha="center", va="bottom", fontsize=9.5, color=INK)
    step = -(-len(table) // 12) or 1
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
    names = [label("channel", c, lang) for c in change["channel"]]
    return _waterfall(ax, float(change["units_before"].sum()), names, change["change"].tolist(), (before, after), number, lang)


def contributions(table: pd.DataFrame, ax: Axes, lang: Lang, by: str = "channel") -> Axes:
    """Devices of each channel or outlet as bars, the month before as a mark; beside them share and part in the growth.

    Args:
        table: `channels.level` by the same; a row without a name is all others.
    """
    rows = np.arange(len(table))
    largest = float(np.nan_to_num(table[["units_before", "units_after"]].max().max())) or 1.0
    ax.barh(rows, table["units_after"], color=ACCENT, height=0.6)
    ax.vlines(table["units_before"], rows - 0.36, rows + 0.36, color=INK, linewidth=2)
    beyond = table[["units_before", "units_after"]].max(axis=1)  # a month before that is unknown has no mark
    figures = table[["units_after", "share_after", "growth_points"]].to_numpy(dtype=float)
    for row, (end, (units, share, growth)) in enumerate(zip(beyond, figures, strict=True)):
        part = f"  {pick(lang, '拉动', 'growth')} {100 * growth:+.1f}pp" if growth == growth else ""
        text = f"{number(units)}  {percent(share, 1) if share == share else '—'}{part}"
        ax.text(end + 0.015 * largest, row, text, va="center", fontsize=9)
    said = {"": pick(lang, "其余", "others"), "unstated": label("level_of_sales", "unstated", lang)}
    names = [said.get(name) or (label(by, name, lang) if by == "channel" else str(name)) for name in table[by]]
    ax.set_yticks(rows, names, fontsize=9)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.set_xlim(0, 1.45 * largest)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(lambda v, _: number(v))
    ax.set_xlabel(pick(lang, "台；竖线为上月同样天数；右侧为占比与拉动增长的百分点",
                       "devices; mark: as many days of the month before; right: share, points of growth"))  # fmt: skip
    return ax


def movers_waterfall(movers: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """How the branches make up the province's change: one step each from nought on, all others last, then their sum.

    Args:
        movers: branch, units_before, change, as `overview.movers` gives them.
    """
    names = [name or pick(lang, "其余", "others") for name in movers["branch"]]
    _waterfall(ax, 0.0, names, movers["change"].tolist(), ("", pick(lang, "合计", "total")), number, lang)
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.set_ylabel(pick(lang, "较上月增减（台）", "change on the month before (devices)"))
    return ax


def cost_waterfall(cost: pd.DataFrame, ax: Axes, lang: Lang, before: str, after: str) -> Axes:
    """From the subsidy before to the subsidy after: volume, mix, price, and they add up.

    Args:
        cost: yuan_before, volume_yuan, mix_yuan, price_yuan, as `channels.price_volume_mix` gives them.
    """
    names = [pick(lang, *words) for words in (("销量", "volume"), ("结构", "mix"), ("每台补贴", "yuan a device"))]
    steps = [float(cost[name].sum()) for name in ("volume_yuan", "mix_yuan", "price_yuan")]
    return _waterfall(
        ax, float(cost["yuan_before"].sum()), names, steps, (before, after), lambda v: money(v, lang), lang, unit=("元", "yuan")
    )


def _waterfall(
    ax: Axes, start: float, names: Sequence[str], steps: Sequence[float], ends: tuple[str, str], written: Callable[[float], str],
    lang: Lang, unit: tuple[str, str] = ("台", "devices"),
) -> Axes:  # fmt: skip
    level = start
    if ends[0]:
        ax.bar(0, start, color=LIGHT, width=0.62)
        ax.annotate(written(start), (0, start), ha="center", va="bottom", fontsize=9.5)
    for i, step in enumerate(steps, start=1):
        ax.bar(i, step, bottom=level, color=ACCENT if step >= 0 else WARN, width=0.62)
        ax.plot([i - 0.69, i - 0.31], [level, level], color=GREY, linewidth=0.8)
        text = ("+" if step > 0 else "") + written(step)
        ax.annotate(text, (i, max(level, level + step)), ha="center", va="bottom", fontsize=9.5)
        level += step
    last = len(steps) + 1
    ax.bar(last, level, color=LIGHT, width=0.62)
    ax.annotate(written(level), (last, level), ha="center", va="bottom", fontsize=9.5)
    every = [ends[0], *names, ends[1]]
    crowded: dict[str, Any] = {"fontsize": 8.5, "rotation": 30, "ha": "right"} if len(every) > 8 else {}
    ax.set_xticks(range(len(every)), every, **crowded)
    if not ends[0]:
        ax.set_xlim(0.4, last + 0.6)
    ax.set_ylabel(pick(lang, *unit))
    ax.yaxis.set_major_formatter(lambda v, _: number(v))
    ax.margins(y=0.12)
    return ax


def attainment_against_time(progress: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Attainment as a bar, the share of time that has passed as a mark: behind the mark is behind time.

    Args:
        progress: phasing, attainment, time_progress, status (a breach is marked), as `targets.progress` gives them;
            phasings that are unknown are left out.
    """
    # where the time is over all phasings say the same
    progress = progress.dropna(subset=["time_progress", "attainment"]).drop_duplicates(["attainment", "time_progress"])
    widest = max(0.05, 1.25 * float(progress[["attainment", "time_progress"]].max().max())) if len(progress) else 1.0
    for i, row in enumerate(progress.itertuples()):
        ax.barh(i, row.attainment, color=WARN if row.status == "breach" else ACCENT, height=0.5)
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


def frontier(efficiency: pd.DataFrame, ax: Axes, lang: Lang, by: str = "channel") -> Axes:
    """Cost a sale against the share of valid customers: up and to the left is better; the frontier is joined.

    Args:
        efficiency: `by`, cost_per_sale, valid_share, low, high, frontier, judged, as `channels.efficiency` gives them.
    """
    known = efficiency.dropna(subset=["cost_per_sale", "valid_share"]).sort_values("cost_per_sale")
    best = known[known["frontier"]]
    ax.plot(best["cost_per_sale"], best["valid_share"], color=LIGHT, linewidth=1.2, zorder=1)
    tall = float(known["high"].max() - known["low"].min()) or 1.0
    heights = known["valid_share"].sort_values()
    shown = dict(zip(heights.index, spread(heights.tolist(), 0.085 * tall), strict=True))
    # words stand in a column of their own on the right, joined to their points: no two lie over each other
    edge = float(known["cost_per_sale"].max() + 0.06 * (known["cost_per_sale"].max() - known["cost_per_sale"].min() or 1.0))
    for row in known.itertuples():
        colour = WARN if row.judged == "cheap_poor" else ACCENT if row.frontier else "#6a6a6a"
        ax.plot([row.cost_per_sale] * 2, [row.low, row.high], color=colour, linewidth=1.2, zorder=2)
        ax.plot([row.cost_per_sale], [row.valid_share], "o" if row.frontier else "s", color=colour, ms=7, zorder=3)
        word = f"{label(by, getattr(row, by), lang)}  {label('efficiency', row.judged, lang) if row.judged else ''}".strip()
        ax.annotate(word, (row.cost_per_sale, row.valid_share), xytext=(edge, shown[row.Index]), textcoords="data", va="center",
                    fontsize=9.5, color=colour, annotation_clip=False,
                    arrowprops={"arrowstyle": "-", "color": LIGHT, "linewidth": 0.7, "shrinkB": 5})  # fmt: skip
    ax.xaxis.set_major_formatter(lambda v, _: number(v))
    ax.yaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_xlabel(pick(lang, "每台补贴与佣金（元）", "subsidy and commission a device (yuan)"))
    ax.set_ylabel(pick(lang, "有效客户占比（竖线为95%区间）", "valid customers (bar: 95 % interval)"))
    ax.set_xlim(right=edge + 0.35 * (edge - ax.get_xlim()[0]))
    return ax


def lorenz_curves(curves: pd.DataFrame, ax: Axes, lang: Lang, accent: str = "") -> Axes:
    """Lorenz curves of outlets' sales: the further below the line of equality, the fewer outlets sell most.

    Args:
        curves: channel, outlets, value (cumulative fractions), as `channels.lorenz_by` gives them for each channel.
        accent: the channel that the sentence is about.
    """
    ax.plot([0, 1], [0, 1], color=LIGHT, linewidth=1)
    names = list(dict.fromkeys(curves["channel"]))
    styles = iter(["-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), "-", "-"])
    heights = []
    for name in names:
        own = curves[curves["channel"] == name]
        colour = ACCENT if name == accent else "#6a6a6a"
        ax.plot(own["outlets"], own["value"], color=colour, linewidth=2 if name == accent else 1.4, linestyle=next(styles))
        heights.append((float(np.interp(0.8, own["outlets"], own["value"])), name, colour))
    heights.sort()
    for (height, name, colour), shown in zip(heights, spread([h for h, *_ in heights], 0.06), strict=True):
        text = f"{label('channel', name, lang)} {percent(1 - height, 0)}"
        ax.annotate(text, (0.8, height), xytext=(1.03, shown), textcoords="data", va="center", fontsize=9, color=colour,
                    annotation_clip=False, arrowprops={"arrowstyle": "-", "color": LIGHT, "linewidth": 0.7})  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.yaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_xlabel(pick(lang, "网点（由少到多累计）；线旁为销量最大的两成网点所占",
                       "outlets, smallest first; beside the lines: the largest fifth's part"))  # fmt: skip
    ax.set_ylabel(pick(lang, "累计销量占比", "cumulative share of sales"))
    return ax

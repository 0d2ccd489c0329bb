"""Charts of what became of the customers, and of what one of them cost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from g3lib.labels import Lang, label, money, number, percent, pick
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT, spread

_FAULTS = {"split": ACCENT, "cancelled": "#4d4d4d", "idle": "#707070", "cross_branch": "#8c8c8c", "not_activated": "#a8a8a8",
           "low_use": "#c4c4c4"}  # fmt: skip


def cohort_faults(rates: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Of each month's sales the share that is no valid customer three months later, stacked by what became of it.

    Args:
        rates: month, state, share, young, as `subsidy.cohort_rates` gives them by month; a cohort that has not
            reached its third month, or of which nobody could be followed, is an empty place, never a low bar.
    """
    months = sorted(rates["month"].unique())
    share = rates.pivot(index="month", columns="state", values="share").reindex(months)
    young = rates.groupby("month")["young"].any().reindex(months).to_numpy()
    blind = ~young & share["valid"].isna().to_numpy()
    young = young | blind
    base, ends = np.zeros(len(months)), []
    for state, colour in _FAULTS.items():
        heights = share[state].where(~young).fillna(0.0).to_numpy(dtype=float)
        ax.bar(range(len(months)), heights, bottom=base, color=colour, width=0.8)
        if (~young).any():
            last = int(np.flatnonzero(~young)[-1])
            ends.append((base[last] + heights[last] / 2, state, colour, heights[last]))
        base = base + heights
    top = max(1e-9, float(base.max(initial=0.0)))
    places = spread([e[0] for e in ends], 0.075 * top)
    for (_, state, colour, height), place in zip(ends, places, strict=True):
        ax.annotate(f"{label('outcome', state, lang)} {percent(height, 1)}", (len(months) - 0.3, place), va="center", fontsize=9,
                    color=colour if state == "split" else "#555555", annotation_clip=False)  # fmt: skip
    for i in np.flatnonzero(young):
        ax.bar(i, top, color="none", edgecolor=LIGHT, hatch="////", width=0.8, linewidth=0)
    if young.any():
        middle = (float(np.flatnonzero(young).mean()), top * 1.02)
        words = {pick(lang, "未满三个月", "too young"): (young & ~blind).any(), pick(lang, "未知", "unknown"): blind.any()}
        text = " / ".join(word for word, there in words.items() if there)
        ax.annotate(text, middle, ha="center", fontsize=9, color=GREY, annotation_clip=False)
    step = max(1, len(months) // 9)
    ax.set_xticks(range(0, len(months), step), months[::step])
    ax.set_ylim(0, top * 1.1)
    ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_ylabel(pick(lang, "三个月后不是有效客户的占比（标注：末批）", "no valid customer three months on (labels: last)"))
    return ax


def cost_per(costs: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """The cost of one of each: a dot with its interval, open to the right where it has no upper bound.

    Args:
        costs: name, value, low, high (yuan), reason, as `subsidy.cost_per` gives them.
    """
    table = costs.iloc[::-1].reset_index(drop=True)
    numbers = table[["value", "low", "high"]].to_numpy(dtype=float)
    right = 1.25 * (numbers[np.isfinite(numbers)].max(initial=0.0) or 1.0)
    for i, row in enumerate(table.itertuples()):
        colour = ACCENT if row.name == "incremental" else GREY
        if row.reason == "unbounded":
            ax.annotate("", (right * 0.9, i), xytext=(row.low, i), arrowprops={"arrowstyle": "->", "color": colour, "lw": 2})
            text, at = pick(lang, f"≥ {money(row.low, lang)}，无上限", f"≥ {money(row.low, lang)}, unbounded"), row.low
        elif row.value == row.value:
            if row.low == row.low and row.high > row.low:
                ax.plot([row.low, row.high], [i, i], color=colour, linewidth=3, alpha=0.45, solid_capstyle="butt")
            ax.plot([row.value], [i], "o", color=colour, ms=7)
            text, at = money(row.value, lang), np.nanmax([row.value, row.high])
            if row.low == row.low and row.high > row.low:
                text += f" ({number(row.low)}–{number(row.high)})"
        else:
            text, at = label("cost_reason", row.reason, lang), 0.0
        ax.annotate(text, (at, i), xytext=(8, 10 if row.reason == "unbounded" else 0), textcoords="offset points", va="center",
                    fontsize=9.5, color=INK if colour == ACCENT else "#555555")  # fmt: skip
    ax.set_yticks(range(len(table)), [label("cost_per", name, lang) for name in table["name"]])
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(0, right * 1.25)
    ax.xaxis.set_major_formatter(lambda v, _: number(v))
    ax.set_xlabel(pick(lang, "元，近十二个满龄月的销售（横条为95%区间）", "yuan, last twelve cohorts of full age (bar: 95 %)"))
    return ax

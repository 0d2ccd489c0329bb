"""Charts of the province: who to learn from and who to help."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, number, pick
from g3lib.report.charts.look import ACCENT, GREY, LIGHT, WARN, name_points

_COLOURS = {"learn_from": ACCENT, "help": WARN}


def quadrants(standings: pd.DataFrame, ax: Axes, lang: Lang, usual: float) -> Axes:
    """Progress × efficiency of the branches: right is ahead of time, down is cheaper a valid customer.

    Args:
        standings: place, is_branch, progress_index, cost_per_valid, quadrant, as `overview.standings` gives them.
        usual: the province's cost a valid customer, yuan.
    """
    lowest = standings[standings["is_branch"]].dropna(subset=["progress_index", "cost_per_valid"])
    x, y = lowest["progress_index"], lowest["cost_per_valid"]
    ax.axvline(1, color=LIGHT, linewidth=1)
    ax.axhline(usual, color=LIGHT, linewidth=1)
    colours = [_COLOURS.get(q, GREY) for q in lowest["quadrant"]]
    for i, colour in enumerate(colours):
        ax.plot([x.iloc[i]], [y.iloc[i]], "o", color=colour, ms=6)
    ax.margins(x=0.16, y=0.14)
    ax.autoscale_view()
    name_points(ax, x.tolist(), y.tolist(), lowest["place"].tolist(), [c if c != GREY else "#555555" for c in colours])
    corners = {"spend_better": (0.99, 0.99, "right", "top"), "help": (0.01, 0.99, "left", "top"),
               "learn_from": (0.99, 0.01, "right", "bottom"), "push": (0.01, 0.01, "left", "bottom")}  # fmt: skip
    for quadrant, (left_of, up, ha, va) in corners.items():
        ax.annotate(
            label("quadrant", quadrant, lang), (left_of, up), xycoords="axes fraction", ha=ha, va=va, fontsize=9, color="#8a8a8a"
        )
    ax.xaxis.set_major_formatter(lambda v, _: number(v, 2))
    ax.yaxis.set_major_formatter(lambda v, _: number(v))
    ax.set_xlabel(pick(lang, "进度指数（完成率 ÷ 时间进度；竖线为1）", "progress index (attainment ÷ time; line: 1)"))
    ax.set_ylabel(pick(lang, "每有效客户补贴与佣金（元；横线为合计）", "yuan a valid customer (line: all together)"))
    return ax

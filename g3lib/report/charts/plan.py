"""The chart of a proposed budget beside today's."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, number, percent, pick
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT


def rates_today_and_proposed(changes: pd.DataFrame, worth: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """The subsidy rate of each group, today (open), proposed (filled), and the largest that still pays back (mark).

    Args:
        changes: device_class, channel, rate_today, rate (fractions; NaN where nothing sells), gain (valid customers).
        worth: device_class, break_even_rate (NaN where unknown), as `subsidy.returns_by_class` gives them.
    """
    table = changes.sort_values(["device_class", "channel"], ascending=False, ignore_index=True)
    marks = table["device_class"].map(worth.set_index("device_class")["break_even_rate"])
    rows, known = np.arange(len(table)), marks.notna()
    ax.hlines(rows, 0, 1, color=LIGHT, linewidth=0.6, zorder=0)
    ax.hlines(rows, table["rate_today"], table["rate"], color=ACCENT, linewidth=2.2)
    ax.scatter(table["rate_today"], rows, s=36, facecolor="white", edgecolor=GREY, linewidth=1, zorder=2)
    ax.scatter(table["rate"], rows, s=36, color=ACCENT, zorder=3)
    ax.vlines(marks[known].clip(upper=1.0), rows[known] - 0.3, rows[known] + 0.3, color=INK, linewidth=2, zorder=3)
    # columns and no rows: under a slider a row of a frame costs more than what is written of it
    for i, (today, rate, more) in enumerate(zip(table["rate_today"], table["rate"], table["gain"], strict=True)):
        gain = number(more, signed=True) + pick(lang, "户", "")
        ax.text(1.02, i, f"{percent(today, 1)} → {percent(rate, 1)}  {gain}", va="center", fontsize=9, color=INK)
    groups = zip(table["device_class"], table["channel"], strict=True)
    names = [f"{label('device_class', group, lang)} · {label('channel', channel, lang)}" for group, channel in groups]
    ax.set_yticks(range(len(table)), names, fontsize=9)
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(0, 1.45)
    ax.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    says = ("补贴率：空心为现行，实心为建议，竖线为合约销售能回本的上限；右侧为有效客户增减",
            "rate: open today's, filled proposed, mark: most that pays back; right: valid customers")  # fmt: skip
    ax.set_xlabel(pick(lang, *says))
    return ax

"""Charts of a campaign's participation rates."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, percent, pick, points
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT


def before_after(lifts: pd.DataFrame, ax: Axes, lang: Lang, branch: str, area: tuple[float, float]) -> Axes:
    """A line from before to after for each branch, in order of lift; the report's branch in the accent.

    Args:
        lifts: branch, before, after, lift, as `campaigns.uplift` gives them.
        area: the area's stated rates before and after; NaN where none is stated.
    """
    table = lifts.sort_values("lift").reset_index(drop=True)
    for i, row in enumerate(table.itertuples()):
        own = row.branch == branch
        colour = ACCENT if own else GREY
        ax.plot([row.before, row.after], [i, i], color=colour, linewidth=3 if own else 1.8, solid_capstyle="butt")
        ax.plot([row.before], [i], "o", mfc="white", mec=colour, ms=6)
        ax.plot([row.after], [i], "o", color=colour, ms=6)
        ax.annotate(points(row.lift, lang), (max(row.before, row.after), i), xytext=(8, 0), textcoords="offset points",
                    va="center", fontsize=9.5, color=ACCENT if own else "#555555",
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    ax.set_yticks(range(len(table)), list(table["branch"]))
    for tick, name in zip(ax.get_yticklabels(), table["branch"], strict=True):
        if name == branch:
            tick.set_color(ACCENT)
    if area[1] == area[1]:
        ax.axvline(area[1], color=INK, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        ax.annotate(pick(lang, "全区 ", "area ") + percent(area[1]), (area[1], len(table) - 0.35), ha="center",
                    fontsize=9, color=INK, annotation_clip=False)  # fmt: skip
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.set_xlim(0, min(1.12, 1.25 * float(table[["before", "after"]].max().max())))
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_xlabel(pick(lang, "参与率：空心为前，实心为后", "participation rate: open before, filled after"))
    return ax


def start_and_lift(lifts: pd.DataFrame, ax: Axes, lang: Lang, branch: str) -> Axes:
    """Lift against start: how much of the ranking by lift is a ranking by room to grow.

    Args:
        lifts: branch, before, lift.
    """
    ax.scatter(lifts["before"], lifts["lift"], s=36, color=[ACCENT if b == branch else GREY for b in lifts["branch"]])
    wide, high = (float(lifts[c].max() - lifts[c].min()) or 1.0 for c in ("before", "lift"))
    for row in lifts.itertuples():
        right, near = lifts["before"] - row.before, (lifts["lift"] - row.lift).abs() < 0.05 * high
        # to the left where a neighbour or the frame stands on the right
        crowded = bool(((right > 0) & (right < 0.14 * wide) & near).any())
        left = crowded or row.before > lifts["before"].min() + 0.85 * wide
        ax.annotate(row.branch, (row.before, row.lift), xytext=(-7 if left else 7, 0), textcoords="offset points",
                    ha="right" if left else "left", va="center", fontsize=9,
                    color=ACCENT if row.branch == branch else "#555555")  # fmt: skip
    ax.axhline(0, color=LIGHT, linewidth=0.8)
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.yaxis.set_major_formatter(lambda v, _: f"{100 * v:.0f}")
    ax.set_xlabel(pick(lang, "活动前参与率", "participation rate before"))
    ax.set_ylabel(pick(lang, "提升（个百分点）", "lift (pp)"))
    ax.margins(x=0.12, y=0.12)
    return ax

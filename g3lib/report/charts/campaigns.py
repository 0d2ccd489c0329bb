"""Charts of a campaign's participation rates."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, percent, pick, points
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT, name_ends, name_points


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
    ax.axhline(0, color=LIGHT, linewidth=0.8)
    tall = float(lifts["lift"].max() - lifts["lift"].min())
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.yaxis.set_major_formatter(lambda v, _: f"{100 * v:.{0 if tall > 0.03 else 1}f}")
    ax.set_xlabel(pick(lang, "活动前参与率", "participation rate before"))
    ax.set_ylabel(pick(lang, "提升（个百分点）", "lift (pp)"))
    ax.margins(x=0.12, y=0.12)
    ax.autoscale_view()
    colours = [ACCENT if b == branch else "#555555" for b in lifts["branch"]]
    name_points(ax, lifts["before"].tolist(), lifts["lift"].tolist(), lifts["branch"].tolist(), colours)
    return ax


def parallel_trends(trends: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Both groups' mean by month: whether they moved alike before the start, and how they part after it.

    Args:
        trends: month, rate_joined, rate_others, since, as `campaigns.trends` gives them.
    """
    spots, ends = list(range(len(trends))), []
    for name, colour, words in (("rate_others", GREY, ("未参加", "not joined")), ("rate_joined", ACCENT, ("参加", "joined"))):
        ax.plot(spots, trends[name], color=colour, linewidth=2.2 if name == "rate_joined" else 1.6)
        last = float(trends[name].iloc[-1])
        ends.append((last, colour if name == "rate_joined" else "#555555", f"{pick(lang, *words)} {percent(last, 1)}"))
    name_ends(ax, spots[-1], ends, _span(trends[["rate_joined", "rate_others"]]))
    _start_line(ax, trends, pick(lang, "活动开始", "start"))
    _months(ax, trends["month"].tolist())
    ax.yaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_ylabel(pick(lang, "参与率（各组分公司平均）", "participation rate (mean of branches)"))
    return ax


def series_fit(fitted: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """One series: what was counted, what the regression fits, and what would have been without the start.

    Args:
        fitted: month, value, fitted, without, since, as `campaigns.segmented` gives them.
    """
    spots = list(range(len(fitted)))
    ax.plot(spots, fitted["value"], "o", color="#6a6a6a", ms=3.6)
    ax.plot(spots, fitted["fitted"], color=ACCENT, linewidth=2)
    after = fitted.index[fitted["since"]]
    if len(after):
        ax.plot([spots[i] for i in after], fitted.loc[after, "without"], color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
        words = ((ACCENT, "fitted", ("拟合", "fitted")), (INK, "without", ("若未开始", "without")))
        lasts = [(float(fitted[name].iloc[-1]), colour, word) for colour, name, word in words]
        ends = [(last, colour, f"{pick(lang, *word)} {percent(last, 1)}") for last, colour, word in lasts]
        name_ends(ax, spots[-1], ends, _span(fitted[["value"]]))
        _start_line(ax, fitted, pick(lang, "活动开始", "start"))
    _months(ax, fitted["month"].tolist())
    ax.yaxis.set_major_formatter(lambda v, _: percent(v, 0))
    ax.set_ylabel(pick(lang, "参与率（点为实际）", "participation rate (dots: counted)"))
    return ax


def _span(frame: pd.DataFrame) -> float:
    return float(frame.max().max() - frame.min().min()) or 1.0


def _start_line(ax: Axes, frame: pd.DataFrame, word: str) -> None:
    first = int(frame["since"].to_numpy().argmax())
    if frame["since"].any():
        ax.axvline(first - 0.5, color=INK, linewidth=0.8, linestyle=(0, (2, 2)))
        ax.annotate(
            word,
            (first - 0.5, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-4, -2),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=9,
        )


def _months(ax: Axes, months: list[str]) -> None:
    step = -(-len(months) // 10) or 1
    ax.set_xticks(range(0, len(months), step), months[::step])
    ax.set_xlim(-0.5, len(months) - 0.5 + 0.14 * len(months))

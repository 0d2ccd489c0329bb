"""Charts of a gap, its vital few and its causes."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, number, percent, pick
from g3lib.report.charts.look import ACCENT, GREY, INK, LIGHT, WARN


def pareto_bars(pareto: pd.DataFrame, ax: Axes, lang: Lang, category: str, value: str, word: str = "") -> Axes:
    """Bars from the largest down, the vital few in the accent, each with its cumulative share.

    Args:
        pareto: what `strata.pareto` gives.
        category: the column that names the bars (a label of the vocabulary where it is one).
        value: the column of their heights; word: what it counts, in the reader's words (a shortfall of devices unless said).
    """
    digits = 0 if (pareto[value] % 1 == 0).all() else 1
    for i, row in enumerate(pareto.to_dict("records")):
        ax.bar(i, max(0.0, row[value]), color=ACCENT if row["vital"] else LIGHT, width=0.7)
        if row[value] > 0:
            text = f"{number(row[value], digits)}\n{percent(row['cumulative'], 0)}"
            ax.annotate(text, (i, row[value]), ha="center", va="bottom", fontsize=9, linespacing=1.3)
    names = [label(category, c, lang) if category in ("channel", "device_class") else str(c) for c in pareto[category]]
    crowded = max(map(len, names), default=0) * len(names) > 70
    ax.set_xticks(range(len(names)), names, rotation=35 if crowded else 0, ha="right" if crowded else "center")
    said = pick(lang, "（百分数为累计）", " (%: cumulative)")
    ax.set_ylabel(word + said if word else pick(lang, "缺口（台；百分数为累计）", "shortfall (devices; %: cumulative)"))
    ax.yaxis.set_major_formatter(lambda v, _: number(v))
    ax.margins(y=0.22)
    return ax


def effects(tested: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Each cause's stratified effect with its interval; the grey band is what would not matter.

    Args:
        tested: what `causes.confirm` gives.
    """
    table = tested.iloc[::-1].reset_index(drop=True)
    colours = {"confirmed": WARN, "rejected": GREY, "insufficient": ACCENT}
    for i, row in enumerate(table.itertuples()):
        ax.fill_betweenx([i - 0.38, i + 0.38], -row.minimum_effect, row.minimum_effect, color="#eeeeee", linewidth=0)
        if row.effect == row.effect:
            colour = colours[row.verdict]
            ax.plot([row.low, row.high], [i, i], color=colour, linewidth=2)
            ax.plot([row.effect], [i], "o", color=colour, ms=6.5)
            ax.annotate(label("cause_verdict", row.verdict, lang), (max(row.high, row.minimum_effect), i), xytext=(8, 0),
                        textcoords="offset points", va="center", fontsize=9.5, color=colour)  # fmt: skip
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(table)), list(table["cause"]))
    ax.set_ylim(-0.6, len(table) - 0.4)
    ax.margins(x=0.18)
    ax.xaxis.set_major_formatter(lambda v, _: f"{100 * v:+.0f}")
    ax.set_xlabel(
        pick(lang, "风险差（个百分点，分层）及95%区间；灰带为无关紧要的范围",
             "risk difference (pp, stratified) with 95 % interval; grey band: too small to matter")
    )  # fmt: skip
    return ax


def effects_against_minimum(tested: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Causes of every type on one scale: each effect and its interval in multiples of the smallest that matters.

    Args:
        tested: what `causes.confirm` gives.
    """
    ends = {name: tested[name] / tested["minimum_effect"] for name in ("effect", "low", "high")}
    scaled = tested.assign(**ends, minimum_effect=1.0)
    effects(scaled, ax, lang)
    ax.xaxis.set_major_formatter(lambda v, _: f"{v:g}")
    ax.set_xlabel(
        pick(lang, "效应及95%区间 ÷ 最小有意义差异；灰带为无关紧要的范围",
             "effect (stratified) with 95 % interval ÷ the smallest that matters; grey band: too small to matter")
    )  # fmt: skip
    return ax


def outlet_distribution(outlets: pd.DataFrame, ax: Axes, lang: Lang, branch: str) -> Axes:
    """How an outlet's sales are distributed among the sisters, and where this branch's outlets stand.

    Bins follow Freedman and Diaconis; the branch's outlets are the marks on the axis.

    Args:
        outlets: branch, outlet, units.
    """
    import seaborn as sns

    sns.histplot(outlets, x="units", bins="fd", color=LIGHT, edgecolor="white", ax=ax)
    own = outlets[outlets["branch"] == branch]
    sns.rugplot(own, x="units", color=ACCENT, height=0.07, linewidth=1.6, ax=ax)
    ax.set_xlabel(
        pick(lang, "期内每网点销量（台；蓝线为本分公司网点；组距按Freedman–Diaconis）",
             "devices per outlet in the period (blue: this branch; Freedman–Diaconis bins)")
    )  # fmt: skip
    ax.set_ylabel(pick(lang, "网点数", "outlets"))
    ax.set_xlim(left=0)
    return ax

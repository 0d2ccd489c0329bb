"""Charts of subsidy rates against their rules."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, label, percent, pick
from g3lib.report.charts.look import ACCENT, INK, LIGHT, WARN


def rate_against_rule(rates: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """One line a class × contract × channel: the rate as a dot, the rule's range as a grey band.

    Args:
        rates: device_class, contract, channel, rate, rule_low, rule_high (fractions; NaN where unknown),
            fails, below (devices beyond or below their rule).
    """
    table = rates.iloc[::-1].reset_index(drop=True)
    names = [
        " · ".join((label("device_class", r.device_class, lang), label("contract", r.contract, lang),
                    label("channel", r.channel, lang)))
        for r in table.itertuples()
    ]  # fmt: skip
    for i, row in enumerate(table.itertuples()):
        if row.rule_low == row.rule_low:
            ax.plot([row.rule_low, row.rule_high], [i, i], color=LIGHT, linewidth=9, solid_capstyle="butt")
        ax.plot([row.rate], [i], "o", color=WARN if row.fails or row.below else ACCENT, ms=6)
        ax.annotate(percent(row.rate, 1), (row.rate, i), xytext=(8, 0), textcoords="offset points", va="center",
                    fontsize=9, color=WARN if row.fails or row.below else INK)  # fmt: skip
    ax.set_yticks(range(len(table)), names, fontsize=9)
    widest = 1.12 * max(1.0, float(table["rate"].max()) if table["rate"].notna().any() else 1.0)
    ax.set_xlim(0, widest)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0) if v <= max(1, widest / 1.12) else "")
    ax.set_xlabel(
        pick(lang, "补贴率：圆点为平均，红点有单台不合规则；灰带为规则（含“约”的容差）",
             "subsidy rate: dot the mean, red where single devices break the rule; grey band the rule with its tolerance")
    )
    return ax


def lifecycle_bars(lives: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Each model's average rate so far as a bar, its cap as a mark; red is beyond what can be made good.

    Args:
        lives: model, rate, cap, verdict, as `subsidy.lifecycle` gives them.
    """
    table = lives.iloc[::-1].reset_index(drop=True)
    colours = {"fail": WARN, "warning": "#d98b2b", "pass": ACCENT, "no verdict": LIGHT}
    for i, row in enumerate(table.itertuples()):
        ax.barh(i, row.rate, color=colours[row.verdict], height=0.6)
        if row.cap == row.cap:
            ax.plot([row.cap] * 2, [i - 0.42, i + 0.42], color=INK, linewidth=2)
        beside = row.cap if row.rate <= row.cap < row.rate + 0.09 else row.rate  # not on top of the mark
        ax.annotate(percent(row.rate, 1), (beside, i), xytext=(5, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(range(len(table)), list(table["model"]), fontsize=9)
    ax.set_xlim(0, 1.12)
    ax.set_ylim(-0.7, len(table) - 0.3)
    ax.xaxis.set_major_formatter(lambda v, _: percent(v, 0) if v <= 1 else "")
    ax.set_xlabel(pick(lang, "生命周期平均补贴率（竖线为上限；灰：不作结论，橙：将超，红：已超）",
                       "lifecycle average rate (mark: cap; grey: no verdict, orange: will be beyond, red: beyond)"))  # fmt: skip
    return ax

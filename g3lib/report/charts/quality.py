"""The matrix of options against criteria, and a process against its specification."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from g3lib.labels import Lang, number, pick
from g3lib.qc.control import Capability
from g3lib.qc.relations import Histogram
from g3lib.report.charts.look import ACCENT, GREY, INK, WARN
from g3lib.report.charts.relations import histogram

_WITHOUT = {"unstable": ("过程不稳定，不谈过程能力", "not stable: no capability"),
            "no_spread": ("没有离散，无法判定", "no spread: nothing can be told")}  # fmt: skip
_SIGNS = {5.0: "◎", 3.0: "○", 1.0: "△", 0.0: "×"}


def matrix_diagram(weighed: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Options down, criteria across, a mark in each field, the score at the right; the best in the accent.

    Args:
        weighed: `matrix.weighed`, its first column the options.
    """
    criteria = [c for c in weighed.columns[1:] if c not in ("score", "rank")]
    heads = [*criteria, pick(lang, "得分", "score")]
    for i, row in enumerate(weighed.to_dict("records")):
        colour = ACCENT if row["rank"] == 1 else INK
        for j, name in enumerate(criteria):
            ax.text(j, i, _SIGNS.get(float(row[name]), number(row[name], 1)), ha="center", va="center", fontsize=11, color=colour)
        score = number(row["score"], 0 if row["score"] % 1 == 0 else 1)
        ax.text(len(criteria), i, score, ha="center", va="center", color=colour)
    for edge in range(len(weighed) + 1):
        ax.axhline(edge - 0.5, color="#d9d9d9", linewidth=0.8)
    ax.set_xlim(-0.6, len(criteria) + 0.6)
    ax.set_ylim(len(weighed) - 0.4, -0.6)
    ax.set_xticks(range(len(heads)), heads)
    ax.xaxis.tick_top()
    ax.set_yticks(range(len(weighed)), [str(name) for name in weighed.iloc[:, 0]])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def capability_histogram(
    found: Capability, bins: Histogram, ax: Axes, lang: Lang, limits: tuple[float | None, float | None], word: str = ""
) -> Axes:
    """The values in bins against the specification, the normal curve of the process, and its indices in words.

    Args:
        found: `control.capability`; bins: `relations.histogram` of the same values.
        limits: lower and upper limit of the specification, None where there is none; word: what is measured.
    """
    histogram(bins, ax, lang, word, limits)
    sigma = found.sigma_within if not found.reason else found.sigma_overall
    if sigma > 0:
        known = [v for v in (*limits, bins.edges[0], bins.edges[-1]) if v is not None]
        x = np.linspace(min(known) - sigma, max(known) + sigma, 200)
        height = bins.n * (bins.edges[1] - bins.edges[0]) / (sigma * np.sqrt(2 * np.pi))
        ax.plot(x, height * np.exp(-((x - found.mean) ** 2) / (2 * sigma**2)), color=GREY, linewidth=1.2)
    indices = [("Cp", found.cp, found.cp_low, found.cp_high), ("Cpk", found.cpk, found.cpk_low, found.cpk_high),
               ("Ppk", found.ppk, found.ppk_low, found.ppk_high)]  # fmt: skip
    said = [f"{name} = {number(value, 2)} ({number(low, 2)}–{number(high, 2)})"
            for name, value, low, high in indices if value == value]  # fmt: skip
    if found.reason:
        said.insert(0, pick(lang, *_WITHOUT[found.reason]))
    ax.set_title("; ".join(said), fontsize=9.5, loc="left", color=WARN if found.reason else "#444444")
    return ax

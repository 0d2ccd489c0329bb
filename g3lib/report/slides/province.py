"""The deck of a province's overview, for its monthly meeting."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from g3lib.findings import Check
from g3lib.measures.overview import usual_cost
from g3lib.report.claims.overview import actions, headline, levels, movers, outlets, quadrants, ranks, shortfall
from g3lib.report.claims.voice import Voice
from g3lib.report.slides.kinds import Actions, Bars, Opening, Points, Slide, Table


def of_province(
    voice: Voice, standings: pd.DataFrame, kpi: pd.DataFrame, moved: pd.DataFrame, spread: pd.DataFrame, checks: Sequence[Check], comments: pd.DataFrame,
    reached: pd.DataFrame, month: str, before: str,
) -> list[Slide]:  # fmt: skip
    """The monthly meeting in eight slides: each has the report's own claim for its title.

    Args:
        standings, kpi, moved, spread: the report's frames; reached: `targets.progress` of the province.
        checks: breaches and data problems; comments: analysts' comments with owners and due dates.
        month, before: the months compared.
    """
    lowest = standings[standings["is_branch"]].sort_values("rank")
    opening = headline(voice, standings, reached, month)
    placed = lowest.dropna(subset=["progress_index", "cost_per_valid"])
    place = [c for c in ("place", "units", "growth", "attainment", "progress_index", "cost_per_valid", "quadrant") if c in standings]
    upper = standings[~standings["is_branch"]]
    return [
        Opening(opening, kpi),
        Table(levels(voice, standings), upper[place], voice.say("各级合计", "Sums of every level")),
        Bars(ranks(voice, standings), lowest, "place", "progress_index", voice.say("进度指数（完成率 ÷ 时间进度）", "progress index (attainment ÷ time)"), group="status"),
        Table(shortfall(voice, standings), lowest[["rank", *place]], voice.say("分公司排名", "Branches by rank")),
        Points(quadrants(voice, standings), placed, "place", "progress_index", "cost_per_valid",
               (voice.say("进度指数", "progress index"), voice.say("每有效客户费用（元）", "yuan a valid customer")), "quadrant", (1.0, usual_cost(lowest))),
        Bars(movers(voice, moved, before, month), moved.assign(branch=moved["branch"].replace("", voice.say("其余", "others"))), "branch", "change",
             voice.say("增减（台）", "change (devices)")),
        Table(outlets(voice, spread), spread[["channel", "outlets", "dead_outlets", "units", "median", "top_tenth"]], voice.say("网点", "Outlets")),
        Actions(voice.say("须处理的事项", "What needs doing"), actions(voice, checks, comments, reached, standings), checks),
    ]  # fmt: skip

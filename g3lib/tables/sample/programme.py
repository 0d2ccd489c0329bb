"""The programme around the sales: targets, the home-phone campaign and the figures somebody decided."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from g3lib.labels import label
from g3lib.periods import days_in
from g3lib.tables.sample.sales import Floats
from g3lib.tables.sample.truth import CAMPAIGN, EFFECT, THRESHOLDS, Scenario, stream

_ATTAINMENT = (0.77, 1.05)  # chance adds two or three points on either side
_PARTICIPATION_TARGET = "45%"
_ASSUMPTIONS = (
    ("margin", 0.45, "占收入"), ("marginal_cost_of_credit", 0.35, "占面值"), ("discount_rate", 0.08, "每年"), ("m", 10, "元"),
    ("k", 5, "天"), ("collection_rate", 0.60, "占应收"), ("capital_rate", 0.06, "每年"),
)  # fmt: skip
_WIGGLE = (0.4, 0.8, 0.5, 0.1, -0.3, -0.6, -0.8, -0.5, 0.0, 0.3, 0.2, -0.1)  # pp by calendar month


def years(world: Scenario) -> dict[str, list[int]]:
    """The months of each calendar year, as positions."""
    found: dict[str, list[int]] = {}
    for i, month in enumerate(world.months):
        found.setdefault(month[:4], []).append(i)
    return found


def last_day(month: str) -> str:
    """The last day of a month as text.

    >>> last_day("2012-02")
    '2012-02-29'
    """
    return f"{month}-{days_in(month):02d}"


def targets_table(world: Scenario, expected: Floats) -> pd.DataFrame:
    """Yearly sales targets that most branches miss by different amounts, and one for participation."""
    rows: list[dict[str, object]] = []
    span: dict[str, object] = {}
    units = {"指标": "终端销量", "单位": "台", "类型": "流量", "方向": "越高越好"}
    rate = {"指标": "参与率", "单位": "%", "类型": "比率", "方向": "越高越好"}
    for year, months in years(world).items():
        span = {"开始": f"{world.months[months[0]]}-01", "结束": last_day(world.months[months[-1]])}
        # evenly spread and shuffled: the ranking always has a top and a bottom
        spread = np.linspace(*_ATTAINMENT, len(world.branches))
        attained = stream(world.seed, "targets", year).permutation(spread)
        for b, branch in enumerate(world.branches):
            target = int(round(expected[b, months].sum() / attained[b], -1))
            rows.append({"分公司": branch} | units | span | {"目标": max(10, target)})
    for branch in world.branches:  # participation has a target for the last year only
        rows.append({"分公司": branch} | rate | span | {"目标": _PARTICIPATION_TARGET})
    return pd.DataFrame(rows)


def participation(world: Scenario) -> pd.DataFrame:
    """Home phones in the rental bundle and in service: branch, month, participants, base."""
    count = len(world.months)
    wiggle = np.array([_WIGGLE[int(month[5:]) - 1] for month in world.months]) / 100
    common = 0.0015 * np.arange(count) + wiggle
    rows = []
    for b, branch in enumerate(world.branches):
        rng = stream(world.seed, "participation", branch)
        size = float(rng.uniform(9_500, 22_500))
        moved = np.clip(np.cumsum(rng.normal(0.001, 0.003, count)), -0.1, 0.1)
        base = np.round(size * (1 + moved)).astype(int)
        rate = rng.uniform(0.20, 0.36) + common + rng.normal(0, 0.002, count)
        if b in world.campaign_branches:
            rate[world.campaign_start :] += EFFECT
        signed = np.round(np.clip(rate, 0, 1) * base).astype(int)
        rows.append(pd.DataFrame({"branch": b, "month": range(count), "participants": signed, "base": base}))
    return pd.concat(rows, ignore_index=True)


def participation_table(world: Scenario, counts: pd.DataFrame) -> pd.DataFrame:
    """The monthly report: every branch, then the total that such a report states."""
    total = counts.groupby("month", as_index=False)[["participants", "base"]].sum()
    rows = pd.concat([counts, total.assign(branch=len(world.branches))])
    rows = rows.sort_values(["month", "branch"], kind="stable")
    names = np.array([*world.branches, "合计"])
    dates = np.array([f"{month[:4]}年{int(month[5:])}月" for month in world.months])
    return pd.DataFrame(
        {
            "分公司": names[rows["branch"]],
            "日期": dates[rows["month"]],
            "参与量": rows["participants"].to_numpy(),
            "在网量": rows["base"].to_numpy(),
        }
    )


def planted_campaign(world: Scenario, counts: pd.DataFrame) -> dict[str, Any]:
    """The campaign and its effect: planted, and as a plain difference in differences of the counts."""
    rates = (counts["participants"] / counts["base"]).to_numpy().reshape(len(world.branches), -1)
    joined = np.isin(np.arange(len(world.branches)), world.campaign_branches)
    lift = rates[:, world.campaign_start :].mean(axis=1) - rates[:, : world.campaign_start].mean(axis=1)
    return {
        "campaign": CAMPAIGN,
        "branches": [world.branches[b] for b in world.campaign_branches],
        "start": world.months[world.campaign_start],
        "effect": EFFECT,
        "difference_in_differences": round(float(lift[joined].mean() - lift[~joined].mean()), 6),
    }


def campaigns_table(world: Scenario) -> pd.DataFrame:
    """Who joined the campaign and when."""
    rows = [
        {
            "活动": CAMPAIGN,
            "分公司": world.branches[b],
            "开始": f"{world.months[world.campaign_start]}-01",
            "结束": last_day(world.months[-1]),
            "内容": "虚构：固话入月租套餐，签约竞赛",
        }
        for b in world.campaign_branches
    ]
    return pd.DataFrame(rows)


def assumptions_table(world: Scenario) -> pd.DataFrame:
    """Figures that the made-up province decided."""
    start = f"{world.months[0]}-01"
    rows = [(name, "全省", f"{value:g}", unit, "样例市场部", start) for name, value, unit in _ASSUMPTIONS]
    return pd.DataFrame(rows, columns=["名称", "范围", "数值", "单位", "决定人", "生效日期"])


def thresholds_table(world: Scenario) -> pd.DataFrame:
    """Where green ends and red begins, as the made-up province decided."""
    start = f"{world.months[0]}-01"
    rows = [
        (indicator, "全省", label("direction", direction, "zh"), f"{green:g}", f"{red:g}", "样例市场部", start)
        for indicator, direction, green, red in THRESHOLDS
    ]
    return pd.DataFrame(rows, columns=["指标名", "范围", "方向", "绿灯线", "红灯线", "决定人", "生效日期"])


def planted_attainment(world: Scenario, targets: pd.DataFrame, lines: pd.DataFrame) -> dict[str, Any]:
    """Attainment by year and branch that the sales files show."""
    units = targets[targets["指标"] == label("metric", "units", "zh")]
    found: dict[str, Any] = {}
    for year, months in years(world).items():
        sold = lines[lines["month"].isin(months)].groupby("branch").size()
        mine = units[units["开始"].str.startswith(year)].set_index("分公司")["目标"]
        found[year] = {name: round(int(sold.get(b, 0)) / int(mine[name]), 4) for b, name in enumerate(world.branches)}
    return found

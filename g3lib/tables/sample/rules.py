"""The made-up policy, and the rates sales keep to: both come from `terms`, so they agree by construction.

Until 2012 the policy states upper limits and each city moves below them by quarter. From 2013 the
province fixes the rates of own and social handset contracts; that real policy is loaded from elsewhere
and is not repeated here, only what its twelve cells leave open.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from g3lib.labels import label
from g3lib.tables.sample.truth import REGIME_START, Scenario

CHANNELS = ("own", "social", "end", "direct")
CONTRACTS = ("plan", "spend", "tariff", "bare")

# Plan rate of own outlets from 2013; spend contracts get 10 points less, social outlets 5 points less
_PLAN_2013 = {"C1": 0.65, "C2": 0.55, "C3 smart": 0.55, "C3 feature": 0.55}
_LIMIT_ELSEWHERE = {("end", "plan"): 0.50, ("end", "spend"): 0.45}
_LIMIT_ELSEWHERE |= {("direct", "plan"): 0.60, ("direct", "spend"): 0.50}
_DIMENSIONS: dict[str, dict[str, object]] = {
    "C1": {"终端种类": "智能机", "价格上限(元)": 2000, "屏幕下限(寸)": "4.0"},
    "C2": {"终端种类": "智能机", "价格下限(元)": 2000, "屏幕下限(寸)": "4.0"},
    "C3 smart": {"终端种类": "智能机", "屏幕上限(寸)": "4.0"},
    "C3 feature": {"终端种类": "功能机"},
}
_OTHER_CLASSES = ("wireless_phone", "netbook", "data_card")
_COLUMNS = [
    *("规则", "规则类型", "终端类型", "终端种类"),
    *("价格下限(元)", "价格上限(元)", "屏幕下限(寸)", "屏幕上限(寸)"),
    *("合约", "渠道", "约束", "限定词", "补贴率", "补贴率状态", "生命周期上限", "列账", "合约期(月)"),
    *("自由话费占比", "流量专款占比", "生效日期", "失效日期", "来源"),
]


class Terms(NamedTuple):
    """A cell of the policy and how sales move around it."""

    limit: float
    bound: str
    centre: float
    swing: float  # half the range within which a city sets its quarter's rate
    noise: float  # half the range of a single sale


def terms(group: str, contract: str, channel: str, province_decides: bool) -> Terms:
    """The terms of a device group under a contract in a channel.

    >>> terms("C1", "plan", "own", True).limit, terms("C1", "plan", "own", False).bound
    (0.65, 'le')
    """
    if group == "wireless_phone":
        found = Terms(0.90, "ge", 0.95, 0.045, 0.005)
    elif group == "netbook":
        found = Terms(0.60, "le", 0.45, 0.12, 0.01)
    elif group == "data_card":
        found = Terms(0.70, "le", 0.55, 0.12, 0.01)
    elif contract == "bare":
        found = Terms(0.0, "eq", 0.0, 0.0, 0.0)
    elif contract == "tariff":
        found = Terms(0.30, "le", 0.20, 0.0, 0.01)
    elif channel in ("own", "social"):
        rate = _PLAN_2013[group] - 0.10 * (contract == "spend") - 0.05 * (channel == "social")
        rate = round(rate, 2)
        if province_decides:
            return Terms(rate, "eq", rate, 0.0, 0.014)
        found = Terms(round(rate + 0.05, 2), "le", rate - 0.05, 0.09, 0.01)
    else:
        limit = _LIMIT_ELSEWHERE[channel, contract]
        found = Terms(limit, "le", limit - 0.10, 0.09, 0.01)
    return found._replace(swing=0.0) if province_decides else found


def term_months(group: str, contract: str, channel: str) -> int:
    """Months the contract runs; 0 for a bare device."""
    if contract == "bare":
        return 0
    if group in _OTHER_CLASSES:
        return 18 if group == "data_card" else 24
    if contract == "tariff" or (group.startswith("C3") and channel in ("own", "social")):
        return 18
    return 24


def policy(world: Scenario) -> pd.DataFrame:
    """The policy as the province's sheet has it; an empty dimension means any."""
    rows = []
    if world.months[0] < REGIME_START:
        rows += _sheet("样例旧政策", False, f"{world.months[0]}-01", "2012-12-31")
    rows += _sheet("样例2013", True, f"{REGIME_START}-01", "")
    return pd.DataFrame([{name: row.get(name, "") for name in _COLUMNS} for row in rows])


def _sheet(prefix: str, province_decides: bool, start: str, end: str) -> list[dict[str, object]]:
    cells: list[tuple[str, str, str]] = []  # group, contract and channel; "" is any
    if not province_decides:
        cells += [(g, c, h) for g in _DIMENSIONS for c in ("plan", "spend") for h in ("own", "social")]
    cells += [("", c, h) for h in ("end", "direct") for c in ("plan", "spend")]
    cells += [("", "tariff", ""), ("", "bare", "")]
    cells += [(device_class, "", "") for device_class in _OTHER_CLASSES]
    return [
        {"规则": f"{prefix}-{i:02d}", "生效日期": start, "失效日期": end} | _rule(*cell, province_decides)
        for i, cell in enumerate(cells, 1)
    ]


def _rule(group: str, contract: str, channel: str, province_decides: bool) -> dict[str, object]:
    device_class = group if group in _OTHER_CLASSES else "handset"
    found = terms(group or "C1", contract or "plan", channel or "end", province_decides)
    row: dict[str, object] = {
        "规则类型": "基础补贴",
        "终端类型": label("device_class", device_class, "zh"),
        "合约": label("contract", contract, "zh") if contract else "",
        "渠道": label("channel", channel, "zh") if channel else "",
        "约束": label("bound", found.bound, "zh"),
        "补贴率": f"{found.limit:.0%}",
        "补贴率状态": "已知",
        "生命周期上限": "" if group == "wireless_phone" else "60%",
        "列账": "冲减收入" if contract == "tariff" else "终端补贴",
        "合约期(月)": term_months(group or "C1", contract or "plan", channel) or "",
        "来源": "虚构样例政策",
    }
    shares = {"spend": ("70%", "30%"), "bare": ("", "")}
    row["自由话费占比"], row["流量专款占比"] = shares.get(contract, ("100%", "0%"))
    return row | _DIMENSIONS.get(group, {})

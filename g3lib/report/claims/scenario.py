"""What rates that somebody tries would bring beside today's: spend, sales, customers, limits, rules."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from g3lib.findings import Finding, Status, Verdict
from g3lib.labels import number
from g3lib.measures.subsidy.allocation import Evaluation
from g3lib.measures.subsidy.scenario import Expected, Scenario
from g3lib.report.claims.plan import amount
from g3lib.report.claims.voice import Voice
from g3lib.report.tables import limit_name

# limits that say how much is left of them, and in what
_TOLD = ("budget", "lifecycle cap", "cap per unit", "mix floor", "commitment")


def headline(voice: Voice, tried: Evaluation, meant: Scenario, budget: float) -> list[Finding]:
    """What the tried rates spend and sell, beside the budget and today's rates.

    Args:
        tried, meant: `subsidy.scenario`; budget: yuan.
    """
    left = budget - tried.spend
    room = voice.say(f"，{'余' if left >= 0 else '超'}{voice.money(abs(left))}", f", {voice.money(abs(left))} {'left' if left >= 0 else 'over'}")
    text = voice.say(
        f"下月净支出{voice.money(tried.spend)}（预算{voice.money(budget)}{room}）；预期销量{number(meant.units.value)}台{_span(voice, meant.units)}，"
        f"有效客户{number(meant.customers.value)}户{_span(voice, meant.customers)}；{_beside(voice, meant)}。",
        f"Next month a net {voice.money(tried.spend)} (budget {voice.money(budget)}{room}) would sell {number(meant.units.value)} devices"
        f"{_span(voice, meant.units)} and bring {number(meant.customers.value)} valid customers{_span(voice, meant.customers)}; {_beside(voice, meant)}.",
    )  # fmt: skip
    status = Status.BREACH if left < -0.005 else Status.PLAIN
    lead = voice.finding("scenario.customers", meant.customers.value, "户", text, previous=meant.customers.today, status=status, headline=True,
                         definition="Σ share of valid customers × expected units", table="sales",
                         denominator=voice.say("现行力度的预期", "what today's rates bring"))  # fmt: skip
    spend = voice.figure("scenario.spend", tried.spend, "元", definition="subsidy − rebates + penalties", denominator=voice.money(budget))
    return [lead, spend, voice.figure("scenario.units", meant.units.value, "台", definition="Σ expected units", previous=meant.units.today)]


def _span(voice: Voice, of: Expected) -> str:
    if of.low != of.low or number(of.low) == number(of.high):
        return ""
    return voice.aside(voice.say(f"95%区间{number(of.low)}至{number(of.high)}", f"95 % interval {number(of.low)} to {number(of.high)}"))


def _beside(voice: Voice, meant: Scenario) -> str:
    more = meant.customers.value - meant.customers.today
    if abs(more) < 0.5:
        return voice.say("与现行力度相当", "as many as today's rates")
    return voice.say(f"比现行力度{'多' if more > 0 else '少'}{number(abs(more))}户", f"{number(abs(more))} {'more' if more > 0 else 'fewer'} than today's rates")


def limits(voice: Voice, tried: Evaluation) -> list[Finding]:
    """Which limits the tried rates break, by how much; else which comes nearest.

    Args:
        tried: `subsidy.evaluate`.
    """
    broken = tried.limits[tried.limits["verdict"] == Verdict.FAIL]
    missed = tried.limits[tried.limits["verdict"] == Verdict.WARNING]
    if len(broken):
        named = voice.listed([_by_how_much(voice, row.limit, -row.slack, row.unit) for row in broken.head(3).itertuples()])
        more = voice.say("等", " and others") if len(broken) > 3 else ""
        text = voice.say(f"突破{len(broken)}条限制：{named}{more}", f"{len(broken)} limit{'s are' * (len(broken) > 1) or ' is'} broken: {named}{more}")
        return [voice.finding("scenario.broken", float(len(broken)), "条", text, definition="limits of the allocation", status=Status.BREACH)]
    kept = voice.say("各项限制均未突破", "No limit is broken")
    if len(missed):
        named = voice.listed([_by_how_much(voice, row.limit, -row.slack, row.unit) for row in missed.head(3).itertuples()])
        kept += voice.say(f"；但有{len(missed)}项须留意：{named}", f"; to be noted: {named}")
    return [voice.finding("scenario.broken", 0.0, "条", kept, definition="limits of the allocation", status=Status.WATCH if len(missed) else Status.GOOD)]


def _by_how_much(voice: Voice, limit: str, by: float, unit: str) -> str:
    name = limit_name(limit, voice.lang)
    if unit == "cells":
        return name + voice.say(f"{number(by)}个", f" in {number(by)} cells")
    return f"{name}{voice.say('', ' ')}{amount(voice, by, unit)}"


def limits_table(voice: Voice, tried: Evaluation, most: int = 10) -> pd.DataFrame:
    """The limits that are broken or have least left, as a part of the limit, first: limit, used, bound, headroom, verdict.

    Args:
        tried: `subsidy.evaluate`; most: how many rows.
    """
    of = tried.limits[tried.limits["limit"].str.partition(" of ")[0].isin(_TOLD) | (tried.limits["verdict"] != Verdict.PASS)]
    part = of["slack"] / of["bound"].abs().where(of["bound"] != 0, 1.0)
    near = of.assign(part=part.where(of["verdict"] == Verdict.PASS, part - 1e9)).sort_values("part", kind="stable").head(most)
    rows = [(limit_name(r.limit, voice.lang), amount(voice, r.used, r.unit), amount(voice, r.bound, r.unit), amount(voice, r.slack, r.unit), r.verdict)
            for r in near.itertuples()]  # fmt: skip
    return pd.DataFrame(rows, columns=["limit", "used_text", "bound_text", "headroom_text", "verdict"])


def breaches(voice: Voice, meant: Scenario) -> list[Finding]:
    """How many devices would be sold beyond their rule, by how much; how many fall short, how many no rule judges.

    Args:
        meant: `subsidy.scenario`.
    """
    over, yuan, below = (float(meant.breaches[name].sum()) for name in ("over_units", "over_yuan", "below_units"))
    parts_zh, parts_en = [], []
    if over >= 0.5:
        parts_zh.append(f"超规则{number(over)}台，合计{voice.money(yuan)}")
        parts_en.append(f"{number(over)} devices beyond their rule by {voice.money(yuan)}")
    if below >= 0.5:
        parts_zh.append(f"低于规则{number(below)}台")
        parts_en.append(f"{number(below)} devices short of their rule")
    if not parts_zh:
        parts_zh, parts_en = ["没有超出规则的终端"], ["no device beyond its rule"]
    if meant.no_verdict_units >= 0.5:
        parts_zh.append(f"另有{number(meant.no_verdict_units)}台的规则未知、已屏蔽或未定，无法判断")
        parts_en.append(f"{number(meant.no_verdict_units)} devices whose rule is unknown, masked or open have no verdict")
    status = Status.BREACH if over + below >= 0.5 else Status.UNKNOWN if meant.no_verdict_units >= 0.5 else Status.GOOD
    text = voice.clauses(parts_zh, parts_en)
    return [voice.finding("scenario.over_rule", over, "台", text, definition="policy in force next month", table="policy", status=status)]


def compared(voice: Voice, found: Mapping[str, tuple[float, Scenario]], changes: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """Which of several plans brings most customers, and what the scenario moves.

    Args:
        found: as for `compared_table`; changes: the moves of its scenario.
    """
    (name, (spend, best)) = max(found.items(), key=lambda item: item[1][1].customers.value)
    word = voice.word("plan_kind", name)
    text = voice.say(
        f"有效客户最多的是{word}：{number(best.customers.value)}户，净支出{voice.money(spend)}",
        f"Most valid customers: {word}, {number(best.customers.value)} for a net {voice.money(spend)}",
    )
    if "scenario" in found:
        text += voice.say(f"；情景为{moves(voice, changes)}", f"; the scenario moves {moves(voice, changes)}")
    return [voice.finding("scenario.compared", best.customers.value, "户", text, definition="Σ share of valid customers × expected units",
                          table="sales", previous=best.customers.today)]  # fmt: skip


def compared_table(voice: Voice, found: Mapping[str, tuple[float, Scenario]]) -> pd.DataFrame:
    """Plans side by side, one row each: money, sales and customers with what the response leaves open, devices beyond their rule.

    Args:
        found: kind of plan (`today`, `scenario`, `best`) → its spend (yuan) and what it means (`subsidy.Scenario`).
    """
    rows = []
    for name, (spend, meant) in found.items():
        sold, won = (f"{number(of.value)}{_span(voice, of)}" for of in (meant.units, meant.customers))
        over = meant.breaches
        rows.append((name, spend, sold, won, spend / meant.customers.value if meant.customers.value else float("nan"),
                     float(over["over_units"].sum()), float(over["over_yuan"].sum())))  # fmt: skip
    names = ["plan_kind", "net_spend", "units_text", "customers_text", "net_per_customer", "over_units", "over_yuan"]
    return pd.DataFrame(rows, columns=names)


def parts(voice: Voice, tried: Evaluation, meant: Scenario, budget: float) -> dict[str, tuple[str, str]]:
    """The row of figures above the chart: label → its text and status."""
    over = float(meant.breaches["over_units"].sum())
    fails = int((tried.limits["verdict"] == Verdict.FAIL).sum())
    left, more = budget - tried.spend, meant.customers.value - meant.customers.today
    known = meant.returns[meant.returns["reason"] == ""]
    paid = int((known["payback"] <= known["term"]).sum())
    back = voice.say(f"{paid}/{len(known)}类", f"{paid} of {len(known)} classes") if len(known) else voice.say("未知", "unknown")
    say = voice.say
    return {
        say("净支出", "net spend"): (voice.money(tried.spend), str(Status.BREACH if left < -0.005 else Status.PLAIN)),
        say("预算余额", "budget left"): (voice.money(left), str(Status.BREACH if left < -0.005 else Status.GOOD)),
        say("预期销量", "expected sales"): (number(meant.units.value), str(Status.PLAIN)),
        say("有效客户增减", "valid customers, change"): (number(more, signed=True), str(Status.PLAIN)),
        say("合约期内回本", "paid back in time"): (back, str(Status.WATCH if paid < len(known) else Status.PLAIN)),
        say("上限余量最小", "least cap headroom"): _tightest(voice, meant),
        say("超规则", "beyond the rules"): (say(f"{number(over)}台", number(over)), str(Status.BREACH if over >= 0.5 else Status.GOOD)),
        say("突破限制", "limits broken"): (say(f"{fails}条", str(fails)), str(Status.BREACH if fails else Status.GOOD)),
    }


def _tightest(voice: Voice, meant: Scenario) -> tuple[str, str]:
    """How far the model nearest to its lifecycle cap is from it, in points."""
    if meant.headroom.empty:
        return voice.say("无上限", "no cap"), str(Status.UNKNOWN)
    least = float(meant.headroom.min())
    return voice.points(least), str(Status.BREACH if least < -1e-9 else Status.WATCH if least < 0.005 else Status.GOOD)


def moves(voice: Voice, changes: Mapping[str, Mapping[str, float]]) -> str:
    """The moves of a scenario in words: each class, contract and channel that is moved, by how many points."""
    said = [f"{voice.word(dimension, code)} {voice.points(change)}" for dimension, of in changes.items() for code, change in of.items() if change]
    return voice.listed(said) or voice.say("现行力度", "today's rates")

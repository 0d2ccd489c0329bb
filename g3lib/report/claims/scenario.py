"""What rates that somebody tries would bring beside today's: spend, sales, customers, limits, rules."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number
from g3lib.measures.subsidy.allocation import Evaluation, tightest
from g3lib.measures.subsidy.scenario import Expected, Scenario, Tried, cost_of_more
from g3lib.report.claims.plan import amount, assumed
from g3lib.report.claims.voice import Voice
from g3lib.report.tables import limit_name

# limits that say how much is left of them, and in what
_TOLD = ("budget", "lifecycle cap", "cap per unit", "mix floor", "commitment")


def headline(voice: Voice, tried: Evaluation, meant: Scenario, budget: float, is_set: bool = True) -> list[Finding]:
    """What the tried rates spend and sell, beside the budget and today's rates.

    The interval is that of the difference, for what it holds is the error of the response alone: what a month sells
    by chance is many times more, and in nobody's interval here (`checks`).

    Args:
        tried, meant: `subsidy.scenario`; budget: yuan; is_set: whether somebody set it; else it is what today's rates spend.
    """
    left = budget - tried.spend
    of = voice.say("预算" if is_set else "现行力度支出", "budget" if is_set else "today's rates spend")
    room = "" if abs(left) < 0.005 else voice.say(f"，{'余' if left >= 0 else '超'}{voice.money(abs(left))}", f", {voice.money(abs(left))} {'left' if left >= 0 else 'over'}")
    thing, unit = _thing(voice, meant)
    customers = voice.say(f"，{thing}{number(meant.customers.value)}{unit}{_more(voice, meant.customers)}",
                          f" and bring {number(meant.customers.value)} {thing}{_more(voice, meant.customers)}") if _known(meant) else ""  # fmt: skip
    unknown = "" if _known(meant) else voice.say("，是否有效未知", "; how many of them valid is unknown")
    text = voice.say(
        f"下月净支出{voice.money(tried.spend)}（{of}{voice.money(budget)}{room}）；预期销量{number(meant.units.value)}台{_more(voice, meant.units)}{customers}{unknown}。",
        f"Next month a net {voice.money(tried.spend)} ({of} {voice.money(budget)}{room}) would sell {number(meant.units.value)} devices"
        f"{_more(voice, meant.units)}{customers}{unknown}.",
    )  # fmt: skip
    status = Status.BREACH if left < -0.005 and is_set else Status.PLAIN
    lead = voice.finding("scenario.customers", meant.customers.value, "户" if _known(meant) else "台", text, previous=meant.customers.today, status=status,
                         headline=True, definition="Σ share of valid customers × expected units", table="sales",
                         denominator=voice.say("现行力度的预期", "what today's rates bring"))  # fmt: skip
    spend = voice.figure("scenario.spend", tried.spend, "元", definition="subsidy − rebates + penalties", denominator=voice.money(budget))
    return [lead, spend, voice.figure("scenario.units", meant.units.value, "台", definition="Σ expected units", previous=meant.units.today)]


def _known(meant: Scenario) -> bool:
    """Whether it is known of any class what part of its customers is valid."""
    return bool(meant.ahead.cells["value_known"].any())


def _thing(voice: Voice, meant: Scenario) -> tuple[str, str]:
    """What a plan brings, and its unit: valid customers, or devices where nobody knows how many are."""
    if _known(meant):
        return voice.say("有效客户", "valid customers"), voice.say("户", "")
    return voice.say("销量（是否有效未知）", "devices (how many of them valid is unknown)"), voice.say("台", "")


def _more(voice: Voice, of: Expected) -> str:
    """How much more than today's rates, with what the response leaves open of the difference."""
    more = of.value - of.today
    furthest = max((abs(end - of.today) for end in (of.low, of.high) if end == end), default=0.0)
    if abs(more) < 0.5 and furthest < 0.5:
        return voice.aside(voice.say("与现行相当", "as today's rates"))
    span = "" if of.low != of.low else voice.say(f"，响应系数95%区间{_signed(of.low - of.today)}至{_signed(of.high - of.today)}",
                                                 f", 95 % interval of the response {_signed(of.low - of.today)} to {_signed(of.high - of.today)}")  # fmt: skip
    zh, en = (f"较现行{_signed(more)}", f"{_signed(more)} on today's rates") if abs(more) >= 0.5 else ("较现行相差不足1", "within one of today's rates")
    return voice.aside(voice.say(f"{zh}{span}", f"{en}{span}"))


def _signed(value: float) -> str:
    return number(value, signed=True)


def limits(voice: Voice, tried: Evaluation) -> list[Finding]:
    """Which limits the tried rates break, by how much; else which comes furthest.

    Args:
        tried: `subsidy.evaluate`.
    """
    broken = tried.limits[tried.limits["verdict"] == Verdict.FAIL]
    missed = tried.limits[tried.limits["verdict"] == Verdict.WARNING]
    if len(broken):
        named = voice.listed([_by_how_much(voice, row.limit, -row.slack, row.unit) for row in broken.head(3).itertuples()])
        more = voice.say("等", " and others") if len(broken) > 3 else ""
        text = voice.say(f"突破{len(broken)}条限制：{named}{more}", f"{len(broken)} limit{'s are' * (len(broken) > 1) or ' is'} broken: {named}{more}")
        return [voice.finding("scenario.broken", float(len(broken)), "条", text + _noted(voice, missed), definition="limits of the allocation", status=Status.BREACH)]
    kept = voice.say("各项限制均未突破", "No limit is broken") + _noted(voice, missed)
    return [voice.finding("scenario.broken", 0.0, "条", kept, definition="limits of the allocation", status=Status.WATCH if len(missed) else Status.GOOD)]


def _noted(voice: Voice, missed: pd.DataFrame) -> str:
    """What breaks no limit and has to be said all the same."""
    if missed.empty:
        return ""
    named = voice.listed([_by_how_much(voice, row.limit, -row.slack, row.unit) for row in missed.head(3).itertuples()])
    return voice.say(f"；须留意：{named}", f"; to be noted: {named}")


def _by_how_much(voice: Voice, limit: str, by: float, unit: str) -> str:
    name = limit_name(limit, voice.lang)
    return name + voice.aside(amount(voice, by, unit))


def limits_table(voice: Voice, tried: Evaluation, most: int = 10) -> pd.DataFrame:
    """The limits that are broken or have least left, as a part of the limit, first: limit, used, bound, headroom, verdict.

    Args:
        tried: `subsidy.evaluate`; most: how many rows.
    """
    near = tightest(tried.limits, _TOLD).head(most)
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
        parts_zh.append(f"另有{number(meant.no_verdict_units)}台没有结论（没有规则、规则不止一条、已屏蔽、未定，或金额未知）")
        parts_en.append(f"{number(meant.no_verdict_units)} devices have no verdict (no rule or several, one that is masked or open, or an unknown amount)")
    status = Status.BREACH if over + below >= 0.5 else Status.UNKNOWN if meant.no_verdict_units >= 0.5 else Status.GOOD
    text = voice.clauses(parts_zh, parts_en)
    return [voice.finding("scenario.over_rule", over, "台", text, definition="policy in force next month", table="policy", status=status)]


def compared(voice: Voice, found: Mapping[str, Tried], changes: Mapping[str, Mapping[str, float]]) -> list[Finding]:
    """Which of several plans that keep every limit brings most, and what the scenario moves and breaks.

    Args:
        found: as for `compared_table`; changes: the moves of its scenario.
    """
    kept = {name: one for name, one in found.items() if not one.broken} or dict(found)
    name, best = max(kept.items(), key=lambda item: item[1].meant.customers.value)
    thing, unit = _thing(voice, best.meant)
    word = voice.word("plan_kind", name)
    text = voice.say(
        f"{thing}最多的是{word}：{number(best.meant.customers.value)}{unit}，净支出{voice.money(best.spend)}",
        f"Most {thing}: {word}, {number(best.meant.customers.value)} for a net {voice.money(best.spend)}",
    )
    if tried := found.get("scenario"):
        broken = voice.listed([limit_name(limit, voice.lang) for limit in tried.broken])
        text += voice.say(f"；情景为{moves(voice, changes)}", f"; the scenario moves {moves(voice, changes)}")
        text += voice.say(f"，突破{broken}", f" and breaks {broken}") if broken else ""
    return [voice.finding("scenario.compared", best.meant.customers.value, "户", text, definition="Σ share of valid customers × expected units",
                          table="sales", previous=best.meant.customers.today)]  # fmt: skip


def compared_table(voice: Voice, found: Mapping[str, Tried]) -> pd.DataFrame:
    """Plans side by side, one row each: money, sales and customers beside today's, what one more costs, what is broken.

    Args:
        found: kind of plan (`today`, `scenario`, `best`) → `subsidy.Tried`.
    """
    rows, each = [], cost_of_more(found)
    for name, (spend, meant, broken) in found.items():
        sold, won = (f"{number(of.value)}{'' if name == 'today' else _more(voice, of)}" for of in (meant.units, meant.customers))
        over, below = (float(meant.breaches[of].sum()) for of in ("over_units", "below_units"))
        limits_broken = voice.listed([limit_name(limit, voice.lang) for limit in broken]) or voice.say("无", "none")
        rows.append((name, spend, sold, won, each[name], over, below, limits_broken))
    names = ["plan_kind", "net_spend", "units_text", "customers_text", "net_per_more", "over_units", "below_units", "broken_text"]
    return pd.DataFrame(rows, columns=names)


def parts(voice: Voice, tried: Evaluation, meant: Scenario, budget: float, is_set: bool = True) -> dict[str, tuple[str, str]]:
    """The row of figures above the chart: label → its text and status. Args: as for `headline`."""
    over, below = (float(meant.breaches[name].sum()) for name in ("over_units", "below_units"))
    fails = int((tried.limits["verdict"] == Verdict.FAIL).sum())
    left, more = budget - tried.spend, meant.customers.value - meant.customers.today
    known = meant.returns[(meant.returns["reason"] == "")]
    # followed for less than its term, a class that has not paid back yet is none that does not
    known = known[known["payback"].notna() | (known["horizon"] >= known["term"])]
    paid = int((known["payback"] <= known["term"]).sum())
    back = voice.say(f"{paid}/{len(known)}类", f"{paid} of {len(known)} classes") if len(known) else voice.say("未知", "unknown")
    say = voice.say
    return {
        say("净支出", "net spend"): (voice.money(tried.spend), str(Status.BREACH if left < -0.005 and is_set else Status.PLAIN)),
        say("预算余额" if is_set else "较现行支出", "budget left" if is_set else "on today's spending"): (
            voice.money(left if is_set else -left), str(Status.PLAIN if not is_set else Status.BREACH if left < -0.005 else Status.GOOD)
        ),
        say("预期销量", "expected sales"): (number(meant.units.value), str(Status.PLAIN)),
        _thing(voice, meant)[0] + say("增减", ", change"): (number(more, signed=True), str(Status.PLAIN)),
        say("合约期内回本", "paid back in time"): (back, str(Status.WATCH if paid < len(known) else Status.PLAIN)),
        say("上限余量最小", "least cap headroom"): _tightest(voice, meant),
        say("不合规则", "against the rules"): (say(f"{number(over + below)}台", number(over + below)), str(Status.BREACH if over + below >= 0.5 else Status.GOOD)),
        say("突破限制", "limits broken"): (say(f"{fails}条", str(fails)), str(Status.BREACH if fails else Status.GOOD)),
    }


def _tightest(voice: Voice, meant: Scenario) -> tuple[str, str]:
    """How far the model furthest to its lifecycle cap is from it, in points."""
    if meant.headroom.empty:
        return voice.say("未约束", "not held to"), str(Status.UNKNOWN)
    least = float(meant.headroom.min())
    return voice.points(least), str(Status.BREACH if least < -1e-9 else Status.WATCH if least < 0.005 else Status.GOOD)


def moves(voice: Voice, changes: Mapping[str, Mapping[str, float]]) -> str:
    """The moves of a scenario in words: each class, contract and channel that is moved, by how many points."""
    said = [f"{voice.word(dimension, code)} {voice.points(change)}" for dimension, of in changes.items() for code, change in of.items() if change]
    return voice.listed(said) or voice.say("现行力度", "today's rates")


def checks(voice: Voice, meant: Scenario, changes: Mapping[str, Mapping[str, float]]) -> list[Check]:
    """What a scenario's figures leave out, and which of its moves did not happen.

    Args:
        meant: `subsidy.scenario`; changes: its moves.
    """
    said = [Check("expected", Verdict.WARNING, voice.say(
        "销量按近三个月月均、上年同期季节（已知时）推算；区间只是响应系数的抽样误差，不含当月销量的偶然起伏、季节与节奏的误差，后者往往大得多。",
        "Sales are the pace of the last three months at last year's season, where it is known; the interval holds the sampling error of the response alone: "
        "what a month sells by chance, and the error of pace and season, are often much larger."))]  # fmt: skip
    said.append(Check("held_fixed", Verdict.WARNING, voice.say(
        "手机补贴对裸机销售的替代未计入；有效客户占比按现状不变。", "Bare devices that subsidised ones displace are not counted; the share of valid customers is taken as it is.")))
    said += assumed(voice, meant.ahead.decided)
    cells, plan = meant.ahead.cells, meant.plan
    asked = pd.Series(0.0, index=cells.index)
    for dimension, of in changes.items():
        asked += cells[dimension].map(of).astype("float64").fillna(0.0)
    held = (asked - plan["rate_change"].to_numpy()).abs() > 1e-3
    if held.any():
        unlearnt = held & cells["beta"].isna()
        said.append(Check("held_back", Verdict.WARNING, voice.say(
            f"{number(float(held.sum()))}个组没有按所拖的幅度变动（其中{number(float(unlearnt.sum()))}个响应未知或为裸机，其余到了0或{number(100 * meant.ahead.rate_max)}%的界），"
            f"实际平均变动见图。",
            f"{number(float(held.sum()))} cells did not move as far as asked ({number(float(unlearnt.sum()))} of unknown response or bare, the others at nought or the "
            f"highest rate, {number(100 * meant.ahead.rate_max)} %): the chart shows what moved.")))  # fmt: skip
    if not cells["value_known"].all():
        said.append(Check("value_assumed", Verdict.NONE, voice.say("有的终端类型没有已知的有效客户占比，每台按一户计。",
                                                                   "Of some classes no share of valid customers is known: a device counts as one.")))  # fmt: skip
    return said

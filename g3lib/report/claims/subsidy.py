"""What the subsidy rates say against policy and lifecycle."""

from __future__ import annotations

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.report.claims.voice import Voice

_RATE = "subsidy rate: Σ(subsidy × units) ÷ Σ(base × units)"

def headline(voice: Voice, rates: pd.DataFrame, checked: pd.DataFrame, units: pd.Series, base: str) -> list[Finding]:
    """The rate of the period and what of it broke a rule.

    Args:
        rates: `subsidy_rate` over everything (one row).
        checked: `check_policy` of the period's sales.
        units: devices of the same sales.
        base: the base that was set.
    """
    whole = rates.iloc[0]
    paid = whole.subsidy_yuan + whole.no_price_yuan
    if whole.rate != whole.rate:
        why = {"unset": ("补贴率的分子与分母未设定", "numerator and base of the rate are not set"),
               "unknown": ("补贴额或价格未知", "subsidy or price is unknown"),
               "zero_base": ("价格合计为零", "the prices sum to zero")}[whole.reason]  # fmt: skip
        text = voice.say(f"{voice.branch}补贴率无法得出：{why[0]}；不作结论。", f"{voice.branch}: no subsidy rate, {why[1]}: no verdict.")
        return [voice.finding("subsidy.rate", None, "1", text, status=Status.UNKNOWN, headline=True)]
    over = float(checked["over_yuan"].clip(lower=0).sum())
    beyond = float(units[checked["over_yuan"] > 0].sum())
    below = float(units[checked["over_yuan"] < 0].sum())
    silent = float(units[checked["verdict"] == "no verdict"].sum())
    judged = _judged(voice, beyond, over, below, float(checked["over_yuan"].clip(upper=0).sum()), silent, float(units.sum()))
    lead = voice.finding(
        "subsidy.rate", whole.rate, "1",
        voice.say(
            f"{voice.branch}{voice.span(voice.period)}补贴{voice.money(paid)}，补贴率{percent(whole.rate)}；{judged}。",
            f"{voice.branch} paid {voice.money(paid)} of subsidy in {voice.span(voice.period)}, {percent(whole.rate)} of "
            f"{voice.word('rate_base', base)}; {judged}.",
        ),
        denominator=voice.word("rate_base", base), definition=_RATE, table="sales", headline=True,
        status=Status.BREACH if beyond or below else Status.UNKNOWN if silent else Status.GOOD,
    )  # fmt: skip
    figures = [
        voice.finding("subsidy.yuan", paid, "元", voice.money(paid), definition="Σ subsidy × units", table="sales"),
        voice.finding("policy.beyond", beyond, "台", number(beyond), definition="policy check", table="policy"),
        voice.finding("policy.below", below, "台", number(below), definition="policy check", table="policy"),
        voice.finding("policy.over_yuan", over, "元", voice.money(over), definition="policy check", table="policy"),
        voice.finding("policy.no_verdict", silent, "台", number(silent), definition="policy check", table="policy"),
    ]  # fmt: skip
    return [lead, *figures]


def _judged(voice: Voice, beyond: float, over: float, below: float, short: float, silent: float, every: float) -> str:
    zh, en = [], []
    if beyond:
        zh.append(f"{number(beyond)}台超出规则，多补{voice.money(over)}")
        en.append(f"{number(beyond)} devices beyond their rule, {voice.money(over)} too much")
    if below:
        zh.append(f"{number(below)}台低于规则下限，少补{voice.money(-short)}")
        en.append(f"{number(below)} devices below what their rule asks for, {voice.money(-short)} too little")
    if silent:
        zh.append(f"{'全部' if silent == every else ''}{number(silent)}台不作结论（无规则、多条规则、规则隐去或金额未知）")
        en.append(f"{'all ' if silent == every else ''}{number(silent)} devices without a verdict (no rule, several rules, rule masked, or amount unknown)")
    if not zh:
        zh, en = ["全部合乎规则"], ["every sale keeps to its rule"]
    return voice.say("；".join(zh), "; ".join(en))


def against_rules(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """Which class × contract × channel is furthest beyond its rule."""
    worst = table.loc[table["over_yuan"].idxmax()] if len(table) else None
    if worst is None or not worst.over_yuan > 0:
        silent, below = (0.0, 0.0) if worst is None else (float(table["no_verdict"].sum()), float(table["below"].sum()))
        judged = table["units"].sum() + table["unknown_units"].sum() > silent
        text = voice.say("没有超出规则的补贴", "No subsidy goes beyond its rule") if judged else voice.say("没有可判定的补贴", "No subsidy can be judged")
        if below:
            text += voice.say(f"，但有{number(below)}台低于下限", f", but {number(below)} devices are below what theirs asks for")
        if silent:
            text += voice.say(f"（{number(silent)}台不作结论）", f" ({number(silent)} devices without a verdict)")
        status = Status.BREACH if below else Status.UNKNOWN if silent or worst is None else Status.GOOD
        return [voice.finding("policy.worst", 0.0, "元", text, definition="policy check", table="sales", status=status)]
    name = " · ".join(voice.word(v, worst[v]) for v in ("device_class", "contract", "channel"))
    text = voice.say(
        f"超出最多的是{name}：{number(worst.fails)}台，多补{voice.money(worst.over_yuan)}",
        f"Furthest beyond its rule: {name}, {number(worst.fails)} devices, {voice.money(worst.over_yuan)} too much",
    )
    return [voice.finding("policy.worst", worst.over_yuan, "元", text, definition="policy check", table="sales",
                          denominator=voice.say("规则内应补", "what the rule allows"), status=Status.BREACH)]  # fmt: skip


def lifecycle(voice: Voice, lives: pd.DataFrame, base: str) -> list[Finding]:
    """Which models are beyond their lifecycle cap, or on their way; and of how many nothing can be said."""
    fails, warns = lives[lives["verdict"] == "fail"], lives[lives["verdict"] == "warning"]
    silent = int((lives["verdict"] == "no verdict").sum())
    judged = len(lives) - silent
    left = float(lives["headroom"].clip(lower=0).sum())
    none = ("没有可判定的机型", "no model can be judged")
    zh = [none[0] if not judged else f"可判定的{judged}款机型中{len(fails)}款已超生命周期上限" if len(fails) else f"可判定的{judged}款机型均未超生命周期上限"]
    en = [none[1] if not judged else f"of {judged} models that can be judged {len(fails) or 'none'} {'is' if len(fails) < 2 else 'are'} beyond the lifecycle cap"]
    if len(warns):
        zh.append(f"{len(warns)}款按近三月力度将超出（{voice.listed(list(warns['model'][:3]))}）")
        en.append(f"{len(warns)} will be at the pace of the last three months ({voice.listed(list(warns['model'][:3]))})")
    if silent:
        reasons = lives.loc[lives["verdict"] == "no verdict", "reason"].value_counts().sort_index()
        zh.append(f"{silent}款不作结论（" + "，".join(f"{voice.word('lifecycle_reason', r)}{n}款" for r, n in reasons.items()) + "）")
        en.append(f"{silent} get no verdict (" + ", ".join(f"{n} {voice.word('lifecycle_reason', r)}" for r, n in reasons.items()) + ")")
    status = Status.BREACH if len(fails) else Status.WATCH if len(warns) else Status.UNKNOWN if silent else Status.GOOD
    text, over = voice.clauses(zh, en), voice.word("rate_base", base)
    return [
        voice.finding("lifecycle.fails", float(len(fails)), "款", text, definition="lifecycle average", table="sales",
                      denominator=voice.say(f"整个生命周期的{over}", f"{over} over the whole life"), status=status),
        voice.finding("lifecycle.headroom", left, "元", voice.money(left), definition="r* × planned base", table="sales"),
    ]  # fmt: skip


def glide(voice: Voice, stages: pd.DataFrame) -> list[Check]:
    """How often a model's subsidy rose from one stage to the next, and how often that was no change of mix.

    Args:
        stages: `glide_path`.
    """
    rose = stages[stages["verdict"] == "fail"]
    if rose.empty:
        return []
    worst = rose[rose["rate_rise_same_mix"] > 0].sort_values("rate_rise_same_mix", ascending=False)
    named = [f"{r.model} {r.stage} {voice.points(r.rate_rise_same_mix)}" for r in worst.head(3).itertuples()]
    aside = voice.say("（", " (") + voice.listed(named) + voice.say("）", ")") if named else ""
    return [Check("glide", Verdict.FAIL if named else Verdict.WARNING, voice.say(
        f"高低零（按季，上市以来）：{rose['model'].nunique()}款机型共{len(rose)}次较前一阶段每台补贴或补贴率上升，"
        f"其中{len(worst)}次在合约与渠道结构不变时补贴率也上升{aside}，其余是结构或价格变化。",
        f"Glide path, by quarter since launch: {rose['model'].nunique()} models rose {len(rose)} times from one stage to the next, in yuan a device or in rate; "
        f"{len(worst)} {'time' if len(worst) == 1 else 'times'} the rate rose at the same mix of contracts and channels too{aside}, the rest is mix or price."))]  # fmt: skip


def checks(
    voice: Voice, checked: pd.DataFrame, units: pd.Series, rates: pd.DataFrame, numerator: str, base: str, tolerance: float
) -> list[Check]:
    """The two settings, what 约 was taken to mean, and what could not be judged."""
    above, below = voice.word("rate_numerator", numerator), voice.word("rate_base", base)
    found = [
        Check("settings", Verdict.WARNING if numerator and base else Verdict.NONE, voice.say(
            f"补贴率 = {above} ÷ {below}。政策文件没有定义分子与分母，此为设置。",
            f"Rate = {above} ÷ {below}. The policy document defines neither: these are settings.")),
        Check("tolerance", Verdict.WARNING, voice.say(
            f"政策中的“约”按±{percent(tolerance, 1)}（百分点）掌握。", f"约 (about) in the policy is taken as ±{percent(tolerance, 1)} (points).")),
    ]  # fmt: skip
    for state, zh, en in (("no rule", "没有对应规则", "match no rule"), ("several rules", "对应多条规则", "match several rules")):
        count = float(units[checked["rule"] == state].sum())
        if count:
            found.append(
                Check(state.replace(" ", "_"), Verdict.FAIL, voice.say(
                    f"{number(count)}台{zh}：是政策表的缺陷，未作判断。", f"{number(count)} devices {en}: a fault of the policy table, not judged."))
            )  # fmt: skip
    silent = float(units[(checked["verdict"] == "no verdict") & ~checked["rule"].isin(["no rule", "several rules"])].sum())
    if silent:
        found.append(
            Check("masked", Verdict.NONE, voice.say(
                f"{number(silent)}台的规则补贴率被隐去、金额未知或价格为零，不作结论。",
                f"{number(silent)} devices: the rule's rate is masked, an amount unknown or the price zero, no verdict."))
        )  # fmt: skip
    priceless, given = float(rates["no_price_units"].sum()), float(rates["no_price_yuan"].sum())
    if priceless:
        found.append(Check("no_price", Verdict.NONE, voice.say(
            f"{number(priceless)}台价格为零或为负而有补贴{voice.money(given)}，不计入补贴率。",
            f"{number(priceless)} devices whose price is zero or below were subsidised with {voice.money(given)}, left out of the rate.")))  # fmt: skip
    unknown = float(rates["unknown_units"].sum())
    if unknown and numerator and base:
        found.append(Check("unknown", Verdict.NONE, voice.say(
            f"{number(unknown)}台补贴或价格未知，不计入补贴率。", f"{number(unknown)} devices without subsidy or price are left out of the rate.")))
    return found

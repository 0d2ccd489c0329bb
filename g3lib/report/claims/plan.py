"""What the proposed budget does beside today's, what limits it, and what the promises ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import VOCABULARIES, number, percent
from g3lib.measures.subsidy.allocation import Allocation
from g3lib.report.claims.customers import not_identified, residual_spread
from g3lib.report.claims.voice import Voice
from g3lib.report.tables import limit_name

_GAIN = "Σ share of valid customers × expected units"


def headline(
    voice: Voice, plan: Allocation, cells: pd.DataFrame, target: float, gained: tuple[float, float, float]
) -> list[Finding]:
    """What the same money, or the given budget, would buy, and how sure it is that nothing better exists.

    Args:
        plan: the allocation.
        cells: `next_month`: where no unit's worth is known, a unit is a sale and called one.
        target: valid customers wanted; 0 for none.
        gained: `gain`: value, low, high.
    """
    if plan.status == "infeasible":
        named = voice.listed([limit_name(name, voice.lang) for name in plan.conflicts["limit"]])
        text = voice.say(f"这些限制不能同时满足：{named}。没有可行的方案。", f"These limits cannot all be kept: {named}. There is no plan.")
        return [voice.finding("plan.customers", None, "户", text, status=Status.BREACH, headline=True)]
    value, low, high = gained
    known = bool(cells["value_known"].any())
    of = voice.say("户" if known else "台", "")
    thing = voice.say("有效客户", "valid customers") if known else voice.say("销量（是否有效未知）", "devices (how many of them valid is unknown)")
    part = f"{percent(value / plan.today_objective, 1)}" if plan.today_objective else ""
    span = voice.say(f"，95%区间{number(low)}至{number(high)}", f", 95 % interval {number(low)} to {number(high)}") if low == low else ""
    more = voice.say(f"{'少' if value < 0 else '多'}{number(abs(value))}{of}", f"{number(abs(value))} {'fewer' if value < 0 else 'more'}")
    aside = part + span if part else span.lstrip("，, ")
    zh = (
        f"下月净支出{voice.money(plan.spend)}，预期{thing}{number(plan.objective)}{of}；"
        f"按现行力度净支出{voice.money(plan.today_spend)}得{number(plan.today_objective)}{of}，{more}{f'（{aside}）' if aside else ''}。"
    )
    en = (
        f"Next month a net {voice.money(plan.spend)} would bring {number(plan.objective)} {thing}; today's rates bring "
        f"{number(plan.today_objective)} for {voice.money(plan.today_spend)}: {more}{f' ({aside})' if aside else ''}."
    )
    near = percent(max(plan.gap, 1e-5), 3)  # the proof is in floating point: no gap is claimed to be nothing
    proof = voice.say(
        f"在所试各档补贴率中，没有方案能比它多出{near}以上；预算{voice.money(plan.budget)}。",
        f" No plan at the rates tried gains more than {near} above it; the budget is {voice.money(plan.budget)}.",
    )
    lead = voice.finding("plan.customers", plan.objective, "户", voice.say(zh, en) + proof, definition=_GAIN, table="sales", headline=True,
                         denominator=voice.say("现行力度的预期", "what today's rates bring"), previous=plan.today_objective)  # fmt: skip
    figures = [("plan.spend", plan.spend, "元"), ("plan.today_spend", plan.today_spend, "元"), ("plan.gap", plan.gap, "1"),
               ("plan.bound", plan.bound, "户"), ("plan.penalty", plan.penalty, "元"), ("plan.rebate", plan.rebate, "元")]  # fmt: skip
    found = [lead]
    if plan.rebate > 0 or plan.penalty > 0:
        parts = [voice.money(value) for value in (plan.subsidy, plan.rebate, plan.penalty)]
        text = voice.say(f"净支出 = 补贴{parts[0]} − 供货阶梯返利{parts[1]} + 包销罚金{parts[2]}。",
                         f"Net spending is {parts[0]} of subsidy less {parts[1]} of vendor rebates plus {parts[2]} of penalties.")  # fmt: skip
        found.append(voice.finding("plan.parts", plan.subsidy, "元", text, definition="subsidy − rebates + penalties", headline=True))
    if target > 0:
        short = target - plan.objective
        text = voice.say(
            f"目标{number(target)}户" + (f"，尚差{number(short)}户。" if short > 0 else "，可以达到。"),
            f"The target is {number(target)}: " + (f"{number(short)} short." if short > 0 else "it is reached."),
        )
        status = Status.BREACH if short > 0 else Status.GOOD
        found.append(voice.finding("plan.target_gap", short, "户", text, definition="target − plan", status=status, headline=True))
    return found + [voice.finding(name, value, unit, number(value, 2), definition="allocation") for name, value, unit in figures]


def groups(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """Which class × channel gets more and which less (`changes` by both)."""
    names = [f"{voice.word('device_class', r.device_class)} · {voice.word('channel', r.channel)}" for r in table.itertuples()]
    return _moved(voice, "plan.groups", table, names)


def branches(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """Which branch gets more and which less (`changes` by branch)."""
    return _moved(voice, "plan.branches", table, list(table["branch"]))


def _moved(voice: Voice, finding: str, table: pd.DataFrame, names: list[str]) -> list[Finding]:
    moved = (table["spend"] - table["spend_today"]).tolist()
    if len(table) and table["spend"].isna().all():
        text = voice.say("没有可行的方案，各组补贴如何变动无从谈起", "There is no plan, so no group's subsidy changes by it")
        return [voice.finding(finding, None, "元", text, definition="allocation", status=Status.UNKNOWN)]
    ups = [(name, value) for name, value in zip(names, moved, strict=True) if value > 0.5]
    downs = [(name, value) for name, value in zip(names, moved, strict=True) if value < -0.5]
    if not ups and not downs:
        return [voice.finding(finding, 0.0, "元", voice.say("各组补贴不变", "No group's subsidy changes"), definition="allocation")]
    zh, en = [], []
    if ups:
        zh.append("增加最多：" + "、".join(f"{n}{voice.money(v)}" for n, v in ups[:2]))
        en.append("largest increases: " + ", ".join(f"{n} {voice.money(v)}" for n, v in ups[:2]))
    if downs:
        zh.append("减少最多：" + "、".join(f"{n}{voice.money(-v)}" for n, v in downs[:2]))
        en.append("largest cuts: " + ", ".join(f"{n} {voice.money(-v)}" for n, v in downs[:2]))
    text = voice.clauses(zh, en)
    total = sum(v for _, v in ups)
    return [voice.finding(finding, total, "元", text, definition="subsidy proposed − today's", table="sales")]


def limits(voice: Voice, plan: Allocation) -> list[Finding]:
    """Which limits bind, and what one more of each would buy."""
    if plan.status == "infeasible":
        n, sets = len(plan.conflicts), plan.conflicts["conflict"].nunique()
        zh = f"有{n}条限制在各组补贴率可变动的范围内做不到" + (f"，分属{sets}组冲突" if sets > 1 else "") + "；每组冲突去掉其中一条即解开，解开后可能另有冲突"
        en = f"{n} {'limit' if n == 1 else 'limits'} cannot be kept within what the rates may move" + (f", in {sets} conflicts" if sets > 1 else "")
        text = voice.say(zh, en + "; a conflict is gone without any one of its limits, others may then show")
        return [voice.finding("plan.conflicts", float(n), "", text, definition="irreducible sets of limits", status=Status.BREACH)]
    priced = plan.shadow_prices[plan.shadow_prices["per_unit"] > 0]
    money = priced[priced["limit"] == "budget"]
    if money.empty or max(money.iloc[0]["bought"], money.iloc[0]["predicted"]) < 0.05:
        # it may be used up to the fen, and yet no cell can turn a yuan into a customer
        left = ("", "Within") if len(money) else ("预算没有用尽：", "The budget is not used up: within")
        text = voice.say(left[0] + "再多的钱在各项限制内买不到更多客户", left[1] + " the limits more money buys nothing")
        return [voice.finding("plan.shadow.budget", 0.0, "户", text, definition="dual of the budget")]
    row = money.iloc[0]
    checked = row["bought"] == row["bought"]
    got = row["bought"] if checked else row["predicted"]
    others = len(priced) - 1
    rest = (f"；另有{others}条限制也在起作用", f"; {others} other limit{'s bind' if others > 1 else ' binds'}") if others else ("", "")
    text = voice.say(
        f"预算每增加{voice.money(row['step'])}，多得{number(got, 1)}户有效客户{'（重新求解核对）' if checked else ''}{rest[0]}",
        f"{voice.money(row['step'])} more budget buys {number(got, 1)} valid customers{' (checked by solving again)' if checked else ''}{rest[1]}",
    )
    return [voice.finding("plan.shadow.budget", got, "户", text, definition="dual of the budget", denominator=voice.money(row["step"]))]


def amount(voice: Voice, value: float, unit: str) -> str:
    """So much of a limit, in its unit (`yuan`, `units`, `cells`)."""
    if unit == "cells":
        return voice.say(f"{number(value)}个组", f"{number(value)} cells")
    return voice.money(value) if unit.startswith("yuan") else voice.say(f"{number(value, 1)}台", f"{number(value, 1)} devices")


def limits_table(voice: Voice, plan: Allocation, most: int = 10) -> pd.DataFrame:
    """The limits that bind as a table: limit, what it is at, what one more buys in words; of conflicts what each must give."""
    if plan.status == "infeasible":
        alone = voice.say("单独放宽它不够", "giving alone is not enough")
        rows = []
        for r in plan.conflicts.itertuples():
            gives = amount(voice, r.gives, r.unit)
            bound = percent(r.bound, 1) if r.limit == "mix floor" else amount(voice, r.bound, r.unit)
            rows.append((limit_name(r.limit, voice.lang), bound, voice.say(f"须放宽{gives}", f"must give {gives}") if r.gives == r.gives else alone))
        return pd.DataFrame(rows, columns=["limit", "bound_text", "says"])
    bounds = plan.limits.set_index("limit")["bound"]
    rows = []
    for r in plan.shadow_prices[plan.shadow_prices["per_unit"] > 0].head(most).itertuples():
        step = amount(voice, r.step, r.unit)
        got = r.bought if r.bought == r.bought else r.predicted
        checked = voice.say("，已重新求解核对", ", checked by solving again") if r.bought == r.bought else ""
        # a floor gives by asking for less
        zh, en = {"commitment": ("少承诺", "less promised"), "mix floor": ("少要求", "less asked for")}.get(r.limit.partition(" of ")[0], ("放宽", "more"))
        says = voice.say(f"{zh}{step}，多得{number(got, 2)}户{checked}", f"{step} {en} buys {number(got, 2)} customers{checked}")
        bound = bounds.get(r.limit, float("nan"))
        rows.append((limit_name(r.limit, voice.lang), amount(voice, bound, r.unit), says))
    return pd.DataFrame(rows, columns=["limit", "bound_text", "says"])


def returns(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """Which classes pay back within the contract at today's subsidy.

    Args:
        table: `returns_by_class`.
    """
    known = table[table["reason"] == ""]
    if known.empty:
        return [voice.finding("payback.classes", None, "", voice.say("回本期无法得出：成本或毛利未设定", "No payback: a cost or the margin is not decided"),
                              status=Status.UNKNOWN)]  # fmt: skip
    within = known[known["payback"] <= known["term"]]
    word = {name: voice.word("device_class", name) for name in known["device_class"]}
    good = [f"{word[r.device_class]}{voice.say('', ' ')}{number(r.payback)}{voice.say('个月', ' months')}" for r in within.itertuples()]
    # what is followed for less than its contract may still pay back in the months that nobody has seen
    unseen = known[known["payback"].isna() & (known["horizon"] < known["term"])]
    open_still = [word[name] for name in unseen["device_class"]]
    bad = [word[name] for name in known["device_class"] if name not in {*within["device_class"], *unseen["device_class"]}]
    none = ("没有终端类型在合约期内回本", "No class pays back within its contract")
    none = ("还没有终端类型看得出在合约期内回本", "No class is seen to pay back within its contract") if open_still else none
    zh = f"合约期内回本的有{'、'.join(good)}" if good else none[0]
    en = f"Paid back within the contract: {', '.join(good)}" if good else none[1]
    zh += (f"；不能的有{'、'.join(bad)}" if bad else "") + (f"；跟踪不足合约期、还看不出的有{'、'.join(open_still)}" if open_still else "")
    en += (f"; not: {', '.join(bad)}" if bad else "") + (f"; not followed for long enough to tell: {', '.join(open_still)}" if open_still else "")
    status = Status.WATCH if bad else Status.GOOD if good else Status.UNKNOWN
    lead = voice.finding("payback.classes", float(len(within)), "类", voice.say(zh, en), definition="first month from which the discounted sum stays ≥ cost",
                         table="activity", denominator=voice.say(f"每台直降与佣金（跟踪{known['horizon'].max()}个月）",
                         f"discount and commission of a device, followed for {known['horizon'].max()} months"), status=status)  # fmt: skip
    values = [(f"{what}.{r.device_class}", getattr(r, what), unit) for r in known.itertuples()
              for what, unit in (("payback", "月"), ("npv", "元"), ("roi", "1"), ("break_even", "元"))]  # fmt: skip
    return [lead, *(voice.finding(name, value, unit, number(value, 2), definition="p50") for name, value, unit in values)]


def returns_table(voice: Voice, table: pd.DataFrame) -> pd.DataFrame:
    """Payback, NPV and break-even of each class as a table; what is not paid back within the horizon says so."""

    def months(value: float, row: Any) -> str:
        return number(value) if value == value else f"> {row.horizon}"

    def span(middle: str, low: str, high: str) -> str:
        return middle if low == high else voice.say(f"{middle}（{low}至{high}）", f"{middle} ({low} to {high})")

    rows = []
    for r in table.itertuples():
        why = voice.word("payback_reason", r.reason) if r.reason else ""
        payback = why or span(months(r.payback, r), months(r.payback_p10, r), months(r.payback_p90, r))
        npv = why or span(number(r.npv), number(r.npv_p10), number(r.npv_p90))
        rows.append((r.device_class, r.term, r.subsidy, payback, npv, r.roi, r.break_even, r.break_even_rate))
    names = ["device_class", "term", "subsidy", "payback_text", "npv_text", "roi", "break_even", "break_even_rate"]
    return pd.DataFrame(rows, columns=names)


def beyond(voice: Voice, table: pd.DataFrame, worth: pd.DataFrame) -> list[Check]:
    """Which classes the proposal subsidises beyond what pays back within the contract: it maximises customers, not profit.

    Args:
        table: `changes` by device_class; worth: `returns_by_class`.
    """
    limits = worth.set_index("device_class")["break_even_rate"]
    over = table[table["rate"] > table["device_class"].map(limits)]
    if over.empty:
        return []
    zh = "、".join(f"{voice.word('device_class', r.device_class)}（建议{percent(r.rate, 1)}，可回本上限{percent(limits[r.device_class], 1)}）" for r in over.itertuples())
    en = ", ".join(f"{voice.word('device_class', r.device_class)} ({percent(r.rate, 1)} proposed, {percent(limits[r.device_class], 1)} pays back)" for r in over.itertuples())
    return [Check("beyond_break_even", Verdict.WARNING, voice.say(
        f"方案求的是有效客户最多，不是利润最大。以下终端类型的建议补贴率高于合约期内可回本的上限：{zh}。",
        f"The plan maximises valid customers, not profit. Proposed beyond what pays back within the contract: {en}."))]  # fmt: skip


def commitments(voice: Voice, status: pd.DataFrame, missing: pd.DataFrame) -> list[Check]:
    """How the promises stand, the province's own first, and which models are subsidised without one.

    Args:
        status: `commitment_status` of those that run or ended lately; missing: `without_promise` of the period.
    """
    said = []
    if status.empty:
        said.append(Check("no_commitments", Verdict.NONE, voice.say("没有进行中或近一年结束的包销承诺。", "No commitment runs or ended within a year.")))
    for direction in ("province_to_vendor", "vendor_to_province"):
        own = status[status["direction"] == direction]
        broken, behind = own[own["verdict"] == "fail"], own[own["verdict"] == "warning"]
        if not len(broken) + len(behind):
            continue
        worst = [*broken.nsmallest(3, "attainment").itertuples(), *behind.nsmallest(3, "p_met").itertuples()]
        named = voice.listed([voice.say(f"{r.model}（{percent(r.attainment, 1)}）", f"{r.model} ({percent(r.attainment, 1)})") for r in worst])
        owed, expected = (voice.money(float(part["expected_penalty"].sum(min_count=1))) for part in (broken, behind))
        side = voice.word("commitment_direction", direction)
        zh = [f"{len(broken)}项未兑现，罚金{owed}"] * (len(broken) > 0) + [f"{len(behind)}项难以按期兑现，预计罚金{expected}"] * (len(behind) > 0)
        en = [f"{len(broken)} not met, penalty {owed}"] * (len(broken) > 0)
        en += [f"{len(behind)} unlikely to be met, penalty expected {expected}"] * (len(behind) > 0)
        said.append(Check(f"commitments.{direction}", Verdict.FAIL if len(broken) else Verdict.WARNING, voice.say(
            f"{side}{len(own)}项中{'；'.join(zh)}。差距最大：{named}。",
            f"Of {len(own)} commitments {side}, {'; '.join(en)}. Furthest behind: {named}.")))  # fmt: skip
    for row in missing[missing["verdict"] == "fail"].itertuples():
        said.append(Check(f"unpromised.{row.model}", Verdict.FAIL, voice.say(
            f"{row.model}没有厂商承诺而获补贴：{number(row.units)}台，{voice.money(row.subsidy_yuan)}。",
            f"{row.model} is subsidised without a vendor's promise: {number(row.units)} devices, {voice.money(row.subsidy_yuan)}.")))  # fmt: skip
    return said


def unified(voice: Voice, deviations: pd.DataFrame, selected: pd.DataFrame, mix: pd.DataFrame) -> list[Check]:
    """Whether models are sold alike everywhere, how many are selected, and what share of contracts is 合约套餐.

    Args:
        deviations: `unified_deviations`; selected: `selected_models`; mix: `contract_mix`; all of the period's sales.
    """
    said = []
    for what in VOCABULARIES["unified"]:
        word = voice.word("unified", what)
        own = deviations[deviations["what"] == what]
        if len(own):
            top = own.loc[own["yuan"].abs().idxmax()]
            said.append(Check(f"unified.{what}", Verdict.WARNING, voice.say(
                f"{own['model'].nunique()}款机型的{word}各分公司不一，最多的是{top.branch}的{top.model}：{number(top.value, 1)}元，通常{number(top.usual, 1)}元。",
                f"The {word} of {own['model'].nunique()} models is not alike in all branches; most: {top.model} at {top.branch}, {number(top.value, 1)} yuan where "
                f"{number(top.usual, 1)} is usual.")))  # fmt: skip
    row = selected.iloc[0]
    verdict = Verdict(row.verdict)
    said.append(Check("selected_models", verdict, voice.say(
        f"在售全省甄选机型{number(row.models)}款（要求{row.low}至{row.high}款）。",
        f"{number(row.models)} models selected by the province are on sale ({row.low} to {row.high} asked for).")))  # fmt: skip
    plan_share = mix.loc[mix["contract"] == "plan", "share"]
    if len(plan_share) and plan_share.iloc[0] == plan_share.iloc[0]:
        share = percent(plan_share.iloc[0], 1)
        said.append(Check("plan_contracts", Verdict.WARNING, voice.say(f"合约套餐占合约销量的{share}。", f"Plan contracts are {share} of contract sales.")))
    return said


def assumed(voice: Voice, decided: Mapping[str, float]) -> list[Check]:
    """On what payback rests that somebody decided (`decided`)."""
    if any(decided[name] != decided[name] for name in ("margin", "discount_rate", "collection_rate")):
        return [Check("assumed", Verdict.NONE, voice.say(
            "毛利率、折现率或违约金收回率没有人设定，回本无法测算：请加载assumptions表。",
            "Nobody decided margin, discount rate or collection rate: no payback; load an assumptions table."))]  # fmt: skip
    return [Check("assumed", Verdict.WARNING, voice.say(
        f"回本测算：毛利为收入的{percent(decided['margin'], 0)}，年折现率{percent(decided['discount_rate'], 1)}，违约金收回{percent(decided['collection_rate'], 0)}，"
        "成本为全部已知销售的平均；p10–p90只含客户抽样误差。",
        f"Payback takes a margin of {percent(decided['margin'], 0)} of revenue, {percent(decided['discount_rate'], 1)} a year, "
        f"{percent(decided['collection_rate'], 0)} of what leavers owe collected, and the mean cost of all known sales; p10–p90 holds sampling error only."))]  # fmt: skip


def checks(
    voice: Voice, plan: Allocation, cells: pd.DataFrame, response: pd.DataFrame, lives: pd.DataFrame, max_move: float, decided: Mapping[str, float]
) -> list[Check]:
    """What the plan assumes, what it could not move, and the figures somebody decided.

    Args:
        plan: the allocation; cells: what it was made of; response: by class; lives: `lifecycle`.
        max_move: as given to `next_month`; decided: `decided`.
    """
    fixed = cells["beta"].isna()
    moved = residual_spread(voice, response)
    forced = int((plan.plan["rate_change"].abs() > max_move + 1e-3).sum())
    stopped = float(((plan.plan["rate_change"].abs() > max_move - 1e-4) & ~fixed).sum())
    stood = (f"；{number(stopped)}个组到达此限，放宽会改变方案", f"; {number(stopped)} cells stand at that limit, a wider one changes the plan")
    stood, moved = stood if stopped else ("", ""), moved or voice.say("未知", "unknown")
    said = [
        Check("moves", Verdict.WARNING, voice.say(
            f"设定每组补贴率最多变动{percent(max_move, 0)}（百分点）{stood[0]}。数据中的变动标准差（百分点）：{moved}。"
            "现行规则的补贴率不作约束，建议须先成为政策；手机补贴对裸机的替代未计入。",
            f"A rate was set to move by {percent(max_move, 0)} (points) at most{stood[1]}. "
            f"What moved in the data (standard deviation, pp): {moved}. The rules' present rates don't bind: the proposal has to become "
            "policy first. Bare devices displaced are not counted.")),
        Check("expected", Verdict.WARNING, voice.say(
            "销量按近三个月月均、上年同期季节（已知时）推算，包销的兑现概率按承诺期至今的节奏推算，两者可以不同；"
            "区间只含响应系数的抽样误差，不含当月销量的偶然起伏；方案与收益用同一系数，收益偏乐观。",
            "Sales are the pace of the last three months at last year's season, where it is known; the interval holds the sampling error of the "
            "response, not what a month sells by chance; plan and gain rest on the same betas, which favours the gain. The chance of meeting a "
            "commitment is taken from its own pace so far and may differ.")),
    ]  # fmt: skip
    said += assumed(voice, decided)
    if plan.status != "infeasible":
        said.append(Check("audit", Verdict.PASS, voice.say("每条限制都以精确算术重新核对过；方案不超预算。",
                                                           "Every limit was checked again in exact arithmetic; the plan keeps to the budget.")))  # fmt: skip
    if forced:
        said.append(Check("forced", Verdict.WARNING, voice.say(
            f"{number(forced)}个组因单台上限或生命周期上限须降得更多，超出数据所及，其销量是推测。",
            f"{number(forced)} cells must fall further for a cap, beyond what the data can vouch for: what they would sell is a guess.")))  # fmt: skip
    if not cells["value_known"].all():
        names = [voice.word("device_class", one) for one in sorted(cells.loc[~cells["value_known"], "device_class"].unique())]
        said.append(Check("value_assumed", Verdict.NONE, voice.say(
            f"{voice.listed(names)}没有已知的有效客户占比，每台按一户计。",
            f"{voice.listed(names)}: no share of valid customers is known, a device counts as one.")))  # fmt: skip
    free = sorted(set(cells["model"]) & set(lives.loc[lives["allowed_rate"].isna(), "model"]))
    if free:
        said.append(Check("no_lifecycle_cap", Verdict.NONE, voice.say(
            f"{len(free)}款机型没有可用的生命周期上限，未受其约束：{voice.listed(free[:5])}。",
            f"{len(free)} models have no lifecycle cap that can be used and are not held to one: {voice.listed(free[:5])}.")))  # fmt: skip
    if fixed.any():
        units = number(cells.loc[fixed, "units"].sum())
        said.append(Check("fixed", Verdict.WARNING, voice.say(
            f"{int(fixed.sum())}个组（下月预期{units}台，裸机或响应未知）维持现行力度。",
            f"{int(fixed.sum())} cells ({units} devices expected; bare, or response unknown) stay at today's rate.")))  # fmt: skip
    return said + not_identified(voice, response)

"""What became of the customers, what one of them cost, and what he returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.report.claims.voice import Voice

_VALID = "in service, revenue ≥ m, device and number together in each of the months +1 to +3"
_COST = "subsidy ÷ customers of the same sales"


def headline(voice: Voice, rates: pd.DataFrame, states: pd.DataFrame) -> list[Finding]:
    """Of the customers that are old enough to tell, how many are valid, and how many parted from their device.

    Args:
        rates: `cohort_rates` of the mature cohorts, one group.
        states: their `customer_states`.
    """
    by = rates.set_index("state")
    if len(states) and states["reason"].eq("unset").all():
        text = voice.say("有效客户的标准（月收入m、3G天数k）没有人设定，有效率无法得出：请加载assumptions表。",
                         "Nobody decided what a valid customer is (revenue m, days k): no valid share; load an assumptions table.")  # fmt: skip
        return [voice.finding("customers.valid", None, "1", text, definition=_VALID, status=Status.UNKNOWN, headline=True)]
    if rates.empty or not by.loc["valid", "base"] > 0:
        text = voice.say("没有可跟踪满三个月的客户，有效率无法得出。", "No customer can be followed for three months: no valid share.")
        return [voice.finding("customers.valid", None, "1", text, definition=_VALID, status=Status.UNKNOWN, headline=True)]
    valid, split = by.loc["valid"], by.loc["split"]
    span = f"{states['month'].min()}..{states['month'].max()}"
    active = by.loc["three_g_active", "share"]
    zh = f"{voice.span(span)}售出的{number(valid.base)}台中，三个月后{percent(valid.share, 1)}是有效客户"
    en = f"Of {number(valid.base)} devices sold in {voice.span(span)}, {percent(valid.share, 1)} had a valid customer three months on"
    if active == active:
        zh += f"（{percent(active, 1)}在3G上活跃）"
        en += f" ({percent(active, 1)} active on 3G)"
    zh += f"；机卡分离{percent(split.share, 1)}（95%区间{percent(split.low, 1)}至{percent(split.high, 1)}，视为同一过程的样本）。"
    en += f"; {percent(split.share, 1)} had parted from the device (95 % interval {percent(split.low, 1)} to {percent(split.high, 1)}, taken as a sample of one process)."
    base = voice.say("同批已满三个月、状态已知的台数", "devices of those cohorts whose state is known")
    figures = [
        voice.finding(f"customers.{state}", row.share, "1", percent(row.share, 1), denominator=base, definition=_VALID, table="activity",
                      period=span)
        for state, row in by.iterrows() if row.share == row.share and state != "valid"
    ]  # fmt: skip
    lead = voice.finding("customers.valid", valid.share, "1", voice.say(zh, en), denominator=base, definition=_VALID, table="activity",
                         period=span, headline=True)  # fmt: skip
    return [lead, *figures]


def faults(voice: Voice, rates: pd.DataFrame, overall: pd.DataFrame, states: pd.DataFrame) -> list[Finding]:
    """Which fault takes most customers.

    Args:
        rates: `cohort_rates` by month; overall: of the mature cohorts, one group; states: theirs.
    """
    young = int(rates.loc[rates["state"] == "young", "units"].sum())
    lost = overall[overall["state"].isin(["cancelled", "cross_branch", "split", "not_activated", "idle", "low_use"])]
    if lost.empty or not lost["share"].sum() > 0:
        text = voice.say("没有可判定的失效客户", "No customer is known to have failed")
        return [voice.finding("customers.worst_fault", None, "1", text, status=Status.UNKNOWN)]
    top = lost.loc[lost["share"].idxmax()]
    word, span = voice.word("outcome", top.state), f"{states['month'].min()}..{states['month'].max()}"
    text = voice.say(
        f"{voice.span(span)}售出者失效最多的是{word}，占{percent(top.share, 1)}（{number(top.units)}台）；另有{number(young)}台未满三个月，不作比较",
        f"What took most of the customers of {voice.span(span)}: {word}, {percent(top.share, 1)} ({number(top.units)} devices); {number(young)} are too young to compare",
    )
    return [voice.finding("customers.worst_fault", top.share, "1", text, denominator=voice.say("状态已知的台数", "devices of known state"),
                          definition=_VALID, table="activity", period=span)]  # fmt: skip


def caused(voice: Voice, found: pd.DataFrame, costs: pd.DataFrame, response: pd.DataFrame) -> list[Finding]:
    """The customers that the subsidy brought, and what each cost beside what each sale did.

    Args:
        found: `caused` of the mature cohorts' sales, one row.
        costs: `cost_per` of the same sales.
        response: `response` by class.
    """
    row, cost = found.iloc[0], costs.set_index("name")
    extra, sale = cost.loc["incremental"], cost.loc["sale"]
    if row.incremental != row.incremental or response["beta"].isna().all():
        refused = [r for r in dict.fromkeys(response.loc[response["beta"].isna(), "reason"]) if r]
        own = row.reason in ("no_displacement", "unknown_customer_type")
        codes = refused if refused and not own else [row.reason or "unknown"]
        reasons = [voice.word("response_reason", r) for r in codes]
        text = voice.say(f"补贴带来多少增量客户，由这些数据无法得知：{voice.listed(reasons)}。",
                         f"How many customers the subsidy brought cannot be known from these data: {voice.listed(reasons)}.")  # fmt: skip
        return [voice.finding("caused.incremental", None, "户", text, status=Status.UNKNOWN, headline=True)]
    span = f"{number(row.low)}–{number(row.high)}"
    zh = f"已满三个月的近十二个月销售中，没有补贴就不会有的新客户购机约{number(row.incremental)}台（95%区间{span}，外推到零补贴）"
    en = (
        f"Of the sales of the last twelve cohorts of full age about {number(row.incremental)} were to new customers and would not have happened "
        f"without the subsidy (95 % interval {span}, extrapolated to none)"
    )
    if extra.reason == "unbounded":
        zh += f"；每台增量补贴至少{voice.money(extra.low)}，没有上限。"
        en += f"; each cost at least {voice.money(extra.low)}, with no upper bound."
    elif extra.value == extra.value:
        times = extra.value / sale.value
        money = f"{number(extra.low)}–{number(extra.high)}"
        zh += f"，每台增量补贴{voice.money(extra.value)}（{money}），是每台补贴{voice.money(sale.value)}的{number(times, 1)}倍。"
        en += f", {voice.money(extra.value)} each ({money}), {number(times, 1)} times the {voice.money(sale.value)} of a sale."
    else:
        why = voice.word("cost_reason", extra.reason)
        zh, en = zh + f"；每台增量的成本：{why}。", en + f"; what each cost: {why}."
    definition = "Σ units × (1 − exp(−beta × rate)), less displaced bare sales, less own migration"
    lead = voice.finding("caused.incremental", row.incremental, "户", voice.say(zh, en), definition=definition, table="sales", headline=True,
                         denominator=voice.say("没有补贴时的预期销量", "what would have sold without subsidy"))  # fmt: skip
    sums = [(f"caused.{name}", row[name], "台", definition) for name in ("caused", "displaced", "migrated")]
    sums += [(f"cost_per.{line['name']}", line["value"], "元", _COST) for line in costs.to_dict("records")]
    return [lead, *(voice.finding(name, value, unit, number(value), definition=of, table="sales") for name, value, unit, of in sums)]


def layers(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """The costs of one device, layer by layer, never added up.

    Args:
        table: layer, part, yuan, yuan_a_unit over all classes (`cost_layers`).
    """
    sums = table.groupby("part")[["yuan", "units"]].sum(min_count=1)
    parts = sums["yuan"] / sums["units"].where(sums["units"] > 0)
    groups = {
        ("终端直降", "device discount"): ["device_discount"],
        ("合约期返还（面值）", "refunds over the contract (face)"): ["refund_free_face", "refund_data_face"],
        ("返还的边际成本", "their marginal cost"): ["refund_free_marginal", "refund_data_marginal"],
        ("佣金", "commission"): ["commission"],
    }
    said = [(voice.say(*words), parts.reindex(names).sum(min_count=1)) for words, names in groups.items()]
    known = [f"{word}{voice.say('', ' ')}{voice.money(value)}" for word, value in said if value == value]
    text = voice.span(voice.period) + voice.say("每台", ", a device: ") + (voice.listed(known) or voice.say("成本未知", "costs unknown"))
    text += voice.say("；各层分列，不相加", "; the layers stand apart and are not added up")
    values = [
        voice.finding(f"cost.{name}", value, "元", voice.money(value), definition="yuan a unit", table="sales")
        for name, value in parts.items() if value == value
    ]  # fmt: skip
    return [voice.finding("cost.layers", None, "元", text, definition="three cost layers", table="sales",
                          denominator=voice.say("该部分已知的台数", "devices whose part is known")), *values]  # fmt: skip


def checks(
    voice: Voice, response: pd.DataFrame, found: pd.DataFrame, boxed: pd.DataFrame, migrated: pd.DataFrame, m: float, k: float
) -> list[Check]:
    """What the response rests on, what was left out, the suspected boxes and the figures somebody decided.

    Args:
        response: `response` by class; found: `caused`; boxed: `without_boxes`; migrated: `migration_worth`.
        m, k: the least revenue and days on 3G that make a valid and an active customer.
    """
    said = [*_learnt(voice, response), *not_identified(voice, response), *_reach(voice, found.iloc[0], migrated), *_boxes(voice, boxed)]
    if m == m and k == k:
        said.append(Check("valid_customer", Verdict.WARNING, voice.say(
            f"有效客户：售后第1至3个月在网、月收入不低于{number(m)}元、机卡未分离；3G活跃另要求每月上3G不少于{number(k)}天。",
            f"A valid customer is in service in months 1 to 3, pays {number(m)} yuan a month or more, and has number and device "
            f"together; 3G-active asks for {number(k)} days on 3G a month besides.")))  # fmt: skip
    return [*said, Check("net_adds", Verdict.WARNING, voice.say(
        "净增按首次出现减已报离网计；记录中断而未报离网者不算流失，故净增是上限，每净增客户的成本是下限。",
        "Net adds are who first appears less who is reported as gone; whose rows just end is not counted as lost, so they are an upper "
        "bound and the cost of each a lower one."))]  # fmt: skip


def not_identified(voice: Voice, response: pd.DataFrame) -> list[Check]:
    """The classes whose response cannot be known, each with its reason."""
    said = []
    for row in response[response["beta"].isna()].itertuples():
        name, why = voice.word("device_class", row.device_class), voice.word("response_reason", row.reason)
        said.append(Check(f"not_identified.{row.device_class}", Verdict.NONE, voice.say(f"{name}的补贴响应无法得知：{why}。",
                                                                                       f"{name}: the response cannot be known, {why}.")))  # fmt: skip
    return said


def residual_spread(voice: Voice, response: pd.DataFrame) -> str:
    """How far each learnt class's rates moved apart, standard deviation in points."""
    known = response[response["beta"].notna()]
    return voice.listed([f"{voice.word('device_class', r.device_class)}{voice.say('', ' ')}{number(r.residual_sd_pp, 1)}" for r in known.itertuples()])


def _learnt(voice: Voice, response: pd.DataFrame) -> list[Check]:
    learnt = response[response["beta"].notna()]
    if learnt.empty:
        return []
    ten_points = np.expm1(0.1 * learnt[["beta", "low", "high"]]).set_axis(["more", "least", "most"], axis=1)  # the response is log-linear
    rows = list(learnt.join(ten_points).itertuples())
    zh = "、".join(f"{voice.word('device_class', r.device_class)}{r.more:.0%}（{r.least:.0%}至{r.most:.0%}）" for r in rows)
    en = ", ".join(f"{voice.word('device_class', r.device_class)} {r.more:.0%} ({r.least:.0%} to {r.most:.0%})" for r in rows)
    branches, apart = int(learnt["clusters"].min()), percent(learnt["between_branches"].min(), 0)
    few = voice.listed([voice.word("device_class", r.device_class) for r in learnt[learnt["reason"] == "few_df"].itertuples()])
    shaky = (f"{few}实际起作用的分公司太少，区间不稳。", f" For {few} one or two branches decide: its interval is shaky.") if few else ("", "")
    return [Check("identified", Verdict.WARNING, voice.say(
        f"补贴响应由{branches}个分公司同月内补贴率的不同变动识别：各终端类型的补贴率按月变动超过1个百分点合计{number(learnt['changed'].sum())}次，"
        f"至少{apart}的变动发生在同月的分公司之间（扣除渠道合约与月份效应后的标准差，百分点：{residual_spread(voice, response)}）。"
        f"补贴率每高10个百分点，销量约增加：{zh}。{shaky[0]}若分公司因预期销量好坏而调整力度，此结论不成立。",
        f"The response is learnt from rates that {branches} branches moved apart in the same month: {number(learnt['changed'].sum())} moves of more than "
        f"a point from month to month over all classes, at least {apart} of what moved being branches apart in the same month (standard deviation "
        f"in pp after channel, contract and month effects: {residual_spread(voice, response)}). 10 points more of subsidy sell about this much more: "
        f"{en}.{shaky[1]} It would not hold if branches moved their rates because they expected good or bad sales."))]  # fmt: skip


def _reach(voice: Voice, row: Any, migrated: pd.DataFrame) -> list[Check]:
    said = []
    if row.caused == row.caused and row.other_form == row.other_form:
        said.append(Check("extrapolated", Verdict.WARNING, voice.say(
            f"因补贴而来的销量是与零补贴相比的推算：按销量对补贴率的指数形式为{number(row.caused)}台，若净价弹性不变则为{number(row.other_form)}台；"
            "补贴率从未接近零时，两种形式数据分不出来，区间只含抽样误差；数据以内的变动（几个百分点）不受此影响。",
            f"The sales caused are those beyond what no subsidy at all would sell: {number(row.caused)} if sales grow exponentially with the rate, "
            f"{number(row.other_form)} if the elasticity to the net price is constant. Where no rate is near zero the data cannot tell which, and the "
            "interval holds sampling error only; moves of a few points, inside the data, are not touched by it.")))  # fmt: skip
    if row.displaced > 0:
        said.append(Check("displaced", Verdict.WARNING, voice.say(
            f"其中已抵减被替代的裸机{number(row.displaced)}台（标准误{number(row.displaced_se)}台）。",
            f"{number(row.displaced)} bare devices that it displaced are deducted (standard error {number(row.displaced_se)}).")))  # fmt: skip
    if row.unknown_units > 0:
        said.append(Check("caused_unknown", Verdict.NONE, voice.say(
            f"增量测算未含{number(row.unknown_units)}台（补贴或响应未知）。",
            f"The incremental figures leave out {number(row.unknown_units)} devices (subsidy or response unknown).")))  # fmt: skip
    if row.migrated > 0:
        compared = migrated[migrated["customers"] > 0]
        worth = voice.listed([f"{voice.word('device_class', r.device_class)}{voice.say('', ' ')}{voice.money(r.revenue_change)}" for r in compared.itertuples()])
        zh = f"月均多付{worth}" if worth else "多付多少无法得知：没有其办理前的收入"
        en = f"they pay {worth} a month more" if worth else "what more they pay is unknown: no revenue before the sale"
        said.append(Check("migrated", Verdict.WARNING if worth else Verdict.NONE, voice.say(
            f"补贴另带来约{number(row.migrated)}户本网客户迁移到3G，也是目标，不计入新客户（假定增量中新老客户之比与全部销售相同）；{zh}。",
            f"The subsidy also moved about {number(row.migrated)} own customers to 3G, a goal too, not counted as new (taking new and own customers to be among them as among all); {en}.")))  # fmt: skip
    return said


def _boxes(voice: Voice, boxed: pd.DataFrame) -> list[Check]:
    whole, rest = boxed.iloc[0], boxed.iloc[1]
    if not whole.units > rest.units:
        return []
    return [Check("boxes", Verdict.WARNING, voice.say(
            f"近十二个满三个月的批次中疑似拆箱养卡{number(whole.units - rest.units)}台，终端直降{voice.money(whole.subsidy_yuan - rest.subsidy_yuan)}；"
            f"每有效客户的终端直降含其{voice.money(whole.cost_per_valid)}、不含{voice.money(rest.cost_per_valid)}。疑似不是认定，需核查。",
            f"Of the last twelve cohorts of full age {number(whole.units - rest.units)} devices are suspected of box-breaking, {voice.money(whole.subsidy_yuan - rest.subsidy_yuan)} "
            f"of device discount; a valid customer cost {voice.money(whole.cost_per_valid)} with them, {voice.money(rest.cost_per_valid)} without. "
            "A suspicion is a reason to look, no finding."))]  # fmt: skip

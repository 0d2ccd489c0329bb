"""Every sentence about customers, costs and the plan, in both languages, and the charts beside them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection

from g3lib import charts, labels, subsidy
from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.report import tables
from g3lib.report.charts.look import drawn, figure, look, png
from g3lib.report.claims import customers, plan
from g3lib.report.claims import subsidy as say
from g3lib.report.claims.voice import Voice

ZH, EN = (Voice(lang, "甲", "2013-12") for lang in labels.LANGS)
both = pytest.mark.parametrize("voice", [ZH, EN], ids=labels.LANGS)
CODE = re.compile(r"[a-z]+_[a-z]+")
NAMES = re.compile("样机[甲乙]?|其他|[甲乙]")  # models and branches, in both languages as the exports write them


def said(voice: Voice, found: list[Finding] | list[Check]) -> str:
    """The texts as one, after what holds for every text: no code word, no unprinted number, one language."""
    texts = [one.text for one in found]
    for text in texts:
        assert text and text == text.strip()
        assert not CODE.search(text), text
        assert "nan" not in text and "None" not in text and not re.search(r"\binf\b", text), text
        own = NAMES.sub("", text)
        assert any("一" <= sign <= "鿿" for sign in own) == (voice.lang == "zh") or not re.search(r"[A-Za-z一-鿿]", own), text
    return "\n".join(texts)


def words(voice: Voice, zh: str, en: str) -> str:
    return zh if voice.lang == "zh" else en


# ---- what became of the customers -----------------------------------------------------------------


def states_of(*states: str, month: str = "2013-08") -> pd.DataFrame:
    days = pd.array([state == "valid" for state in states], "boolean")
    return pd.DataFrame({"month": month, "units": 1, "state": list(states), "three_g_active": days, "unpacked": False, "reason": ""})


STATES = pd.concat([states_of(*["valid"] * 6, "split", "split", "idle", "unknown"), states_of("cancelled", month="2013-09")], ignore_index=True)


@both
def test_the_share_of_valid_customers_is_the_frames(voice: Voice) -> None:
    rates = subsidy.cohort_rates(STATES, by=[])
    lead, *rest = customers.headline(voice, rates, STATES)
    text = said(voice, [lead])
    by = rates.set_index("state")
    assert lead.value == by.loc["valid", "share"] == 0.6
    assert lead.headline and lead.period == "2013-08..2013-09"
    split = by.loc["split"]
    for number in ("10", "60.0%", "20.0%", labels.percent(split["low"], 1), labels.percent(split["high"], 1)):
        assert number in text
    assert words(voice, "60.0%在3G上活跃", "60.0% active on 3G") in text
    assert {one.name.removeprefix("customers."): one.value for one in rest} == by["share"].dropna().drop("valid").to_dict()


@both
def test_days_on_3g_that_are_unknown_are_not_spoken_of(voice: Voice) -> None:
    blind = STATES.assign(three_g_active=pd.array([None] * len(STATES), "boolean"))
    assert "3G" not in said(voice, customers.headline(voice, subsidy.cohort_rates(blind, by=[]), blind)[:1])


@both
@pytest.mark.parametrize("states", [STATES[:0], states_of("unknown", "young")], ids=["none", "unknown"])
def test_nobody_followed_gives_no_share(voice: Voice, states: pd.DataFrame) -> None:
    (found,) = customers.headline(voice, subsidy.cohort_rates(states, by=[]), states)
    assert (found.value, found.status, found.headline) == (None, Status.UNKNOWN, True)
    assert words(voice, "无法得出", "No customer can be followed") in said(voice, [found])
    assert not re.search(r"\d", found.text)


@both
def test_a_standard_that_nobody_set_is_the_reason_and_not_the_customers(voice: Voice) -> None:
    unset = states_of("unknown", "unknown").assign(reason="unset")
    (found,) = customers.headline(voice, subsidy.cohort_rates(unset, by=[]), unset)
    assert (found.value, found.status) == (None, Status.UNKNOWN)
    assert words(voice, "没有人设定", "Nobody decided") in said(voice, [found])
    nothing = {one.name for one in customers.checks(voice, BETAS, found_of(160.0), boxed(False), MIGRATED, np.nan, 5.0)}
    assert "valid_customer" not in nothing and "net_adds" in nothing


@both
def test_the_worst_fault_and_the_young(voice: Voice) -> None:
    overall = subsidy.cohort_rates(STATES, by=[])
    everyone = pd.concat([STATES, states_of(*["young"] * 7, month="2013-11")], ignore_index=True)
    (found,) = customers.faults(voice, subsidy.cohort_rates(everyone), overall, STATES)
    text = said(voice, [found])
    assert found.value == 0.2
    assert words(voice, "机卡分离，占20.0%（2台）", "split, 20.0% (2 devices)") in text
    assert found.period == "2013-08..2013-09" and "2013-11" not in text  # of the cohorts that the share is of
    assert words(voice, "7台未满三个月", "7 are too young") in text


@both
@pytest.mark.parametrize("states", [states_of("valid", "valid"), states_of("unknown")], ids=["all valid", "unknown"])
def test_no_fault_is_known(voice: Voice, states: pd.DataFrame) -> None:
    rates = subsidy.cohort_rates(states)
    (found,) = customers.faults(voice, rates, subsidy.cohort_rates(states, by=[]), states)
    assert (found.value, found.status) == (None, Status.UNKNOWN)
    said(voice, [found])


# ---- what the subsidy brought ---------------------------------------------------------------------


BETAS = pd.DataFrame({"device_class": ["handset", "wireless_phone"], "beta": [2.5, 1.2], "low": [2.0, 0.4], "high": [3.0, 2.0], "clusters": [12, 9],
                      "residual_sd_pp": [3.1, 2.9], "changed": [40, 2], "between_branches": [0.8, 0.6], "reason": ""})  # fmt: skip


def found_of(incremental: float, se: float = 10.0, reason: str = "", unknown: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame([{"units": 500.0, "unknown_units": unknown, "caused": incremental + 60, "other_form": incremental + 31, "displaced": 25.0, "displaced_se": 9.0,
                          "migrated": 35.0, "incremental": incremental, "se": se, "df": np.inf, "low": incremental - 1.959964 * se,
                          "high": incremental + 1.959964 * se, "reason": reason}])  # fmt: skip


def costs_of(incremental: float, se: float = 10.0, yuan: float = 200_000.0) -> pd.DataFrame:
    table = pd.DataFrame({"name": ["sale", "net_add", "valid", "incremental"], "value": [500.0, 50.0, 400.0, incremental], "se": [np.nan, np.nan, 10.0, se]})
    return subsidy.cost_per(yuan, table)


@both
def test_known_increment_and_its_cost(voice: Voice) -> None:
    costs = costs_of(160.0)
    lead, *rest = customers.caused(voice, found_of(160.0), costs, BETAS)
    text = said(voice, [lead])
    extra = costs.set_index("name").loc["incremental"]
    for number in ("160", "140–180", labels.money(1250.0, voice.lang), f"{extra.low:,.0f}–{extra.high:,.0f}", labels.money(400.0, voice.lang), "3.1"):
        assert number in text
    assert lead.value == 160 and lead.headline
    assert words(voice, "外推到零补贴", "extrapolated to none") in text
    values = {one.name: one.value for one in rest}
    assert values["cost_per.incremental"] == 1250 and values["cost_per.sale"] == 400 and values["caused.displaced"] == 25


@both
def test_an_unbounded_cost_has_a_least_and_no_most(voice: Voice) -> None:
    costs = costs_of(15.0)
    row = costs.set_index("name").loc["incremental"]
    assert (row["reason"], row["high"]) == ("unbounded", np.inf)
    lead = customers.caused(voice, found_of(15.0), costs, BETAS)[0]
    text = said(voice, [lead])
    assert words(voice, f"至少{voice.money(row['low'])}，没有上限", f"at least {voice.money(row['low'])}, with no upper bound") in text
    assert labels.money(row["value"], voice.lang) not in text  # no middle figure stands for what has no top
    assert not re.search(r"倍|times", text)


@both
@pytest.mark.parametrize(
    ("incremental", "se", "yuan", "zh", "en"),
    [
        (-80.0, 10.0, 1e5, "客户反而减少，不计成本", "fewer customers, no cost"),
        (100.0, 10.0, np.nan, "每台增量的成本：未知", "what each cost: unknown"),
        (0.0, 0.0, 1e5, "为零，无法相除", "zero, no cost"),
    ],
    ids=["fewer", "unknown", "zero"],
)
def test_where_there_is_no_cost_the_reason_is_its_own(voice: Voice, incremental, se, yuan, zh, en) -> None:
    lead, *rest = customers.caused(voice, found_of(incremental, se), costs_of(incremental, se, yuan), BETAS)
    text = said(voice, [lead])
    assert words(voice, zh, en) in text
    assert ("减少" in text or "fewer" in text) == (incremental < 0)
    assert not re.search(r"元|¥", text)
    assert {one.name: one.value for one in rest}["cost_per.incremental"] is None


@both
@pytest.mark.parametrize(
    ("response", "reason", "zh", "en"),
    [
        (["few"], "unknown", "分公司太少", "too few branches"),
        (["none"], "unknown", "补贴率没有可资识别的变动", "the rates did not move apart"),
        (["few", "none"], "unknown", "分公司太少、补贴率没有可资识别的变动", "too few branches, the rates did not move apart"),
        (["", "none"], "no_displacement", "裸机替代效应未知", "displacement of bare sales unknown"),
        ([""], "unknown_customer_type", "新老客户未区分", "new and own customers are not told apart"),
        ([], "unknown", "补贴或响应未知", "subsidy or response unknown"),
    ],
)
def test_a_refused_response_says_why_and_gives_no_number(voice: Voice, response, reason, zh, en) -> None:
    codes = {"few": "too_few_clusters", "none": "no_variation", "": ""}
    table = pd.DataFrame({"device_class": ["handset", "netbook"][: len(response)], "beta": [np.nan if one else 2.0 for one in response],
                          "reason": [codes[one] for one in response]})  # fmt: skip
    (found,) = customers.caused(voice, found_of(np.nan, np.nan, reason), costs_of(np.nan, np.nan), table)
    assert (found.value, found.status, found.headline) == (None, Status.UNKNOWN, True)
    text = said(voice, [found])
    assert text.rstrip("。.").endswith(words(voice, zh, en))
    assert not re.search(r"\d", text)


# ---- layers and checks ----------------------------------------------------------------------------


@both
def test_layers_stand_apart(voice: Voice) -> None:
    table = pd.DataFrame({"part": ["device_discount", "device_discount", "refund_free_face", "refund_data_face", "commission", "stock"],
                          "yuan": [3000.0, 1000.0, 500.0, 300.0, np.nan, np.nan], "units": [8, 2, 10, 10, 0, 10]})  # fmt: skip
    lead, *rest = customers.layers(voice, table)
    text = said(voice, [lead])
    money = [labels.money(v, voice.lang) for v in (400.0, 80.0)]
    assert all(one in text for one in money)
    assert labels.money(480.0, voice.lang) not in text and labels.label("cost_part", "commission", voice.lang) not in text
    assert lead.value is None
    assert {one.name: one.value for one in rest} == {"cost.device_discount": 400, "cost.refund_free_face": 50, "cost.refund_data_face": 30}
    assert words(voice, "成本未知", "costs unknown") in said(voice, customers.layers(voice, table.assign(yuan=np.nan))[:1])


MIGRATED = pd.DataFrame({"device_class": ["handset", "netbook"], "migrated": [30, 5], "customers": [28, 0], "revenue_change": [18.0, np.nan]})


def boxed(suspected: bool) -> pd.DataFrame:
    sales = pd.DataFrame({"units": 1, "subsidy": [400.0, 600.0, 500.0]})
    return subsidy.without_boxes(sales, pd.DataFrame({"state": ["valid", "valid", "idle"]}), pd.Series([False, False, suspected]))


@both
def test_suspected_boxes_with_and_without(voice: Voice) -> None:
    found = {one.name: one for one in customers.checks(voice, BETAS, found_of(160.0), boxed(True), MIGRATED, 10.0, 5.0)}
    text = said(voice, list(found.values()))
    assert "boxes" in found and found["boxes"].verdict == Verdict.WARNING
    assert all(labels.money(v, voice.lang) in found["boxes"].text for v in (500.0, 750.0))
    assert words(voice, "不是认定", "no finding") in found["boxes"].text
    assert words(voice, "月收入不低于10元", "pays 10 yuan a month") in text
    without = {one.name for one in customers.checks(voice, BETAS, found_of(160.0), boxed(False), MIGRATED, 10.0, 5.0)}
    assert "boxes" not in without


@both
def test_what_the_response_rests_on_and_what_it_leaves_out(voice: Voice) -> None:
    table = pd.concat([BETAS, pd.DataFrame({"device_class": ["data_card"], "beta": [np.nan], "reason": ["too_few_clusters"]})], ignore_index=True)
    found = {one.name: one for one in customers.checks(voice, table, found_of(160.0, unknown=37.0), boxed(False), MIGRATED, 10.0, 5.0)}
    said(voice, list(found.values()))
    # ten points more of subsidy: e^0.25 − 1 = 28 %, between e^0.2 − 1 and e^0.3 − 1
    for number in ("28%", "22%", "35%", "13%", "4%", "3.1"):
        assert number in found["identified"].text
    assert words(voice, "由9个分公司", "that 9 branches") in found["identified"].text
    assert words(voice, "上网卡的补贴响应无法得知：分公司太少", "data card: the response cannot be known, too few branches") in found["not_identified.data_card"].text
    assert found["not_identified.data_card"].verdict == Verdict.NONE
    assert "37" in found["caused_unknown"].text
    none = customers.checks(voice, table[2:], found_of(np.nan, np.nan, "unknown"), boxed(False), MIGRATED, 10.0, 5.0)
    assert "identified" not in {one.name for one in none}


@both
def test_the_other_form_of_the_extrapolation_stands_beside(voice: Voice) -> None:
    # 200 units at half the price: 200 × (1 − e⁻¹) are caused by the rate, 200 × (1 − ½) at a net price of elasticity −1
    sales = pd.DataFrame({"date": pd.Timestamp("2013-05-01"), "branch": "甲", "channel": "own", "contract": "plan", "device_class": ["handset"],
                          "customer_type": "new", "units": 200, "subsidy": 500.0, "list_price": 1000.0})  # fmt: skip
    response = BETAS[:1].assign(beta=2.0, df=9.0, influence=[{"甲": 0.1}], elasticity=-1.0)

    def checked(response: pd.DataFrame) -> dict[str, Check]:
        row = subsidy.caused(sales, response, numerator="device", base="list")
        found = {one.name: one for one in customers.checks(voice, response, row, boxed(False), MIGRATED, 10.0, 5.0)}
        said(voice, list(found.values()))
        return found

    found = checked(response)["extrapolated"]
    assert found.verdict == Verdict.WARNING
    assert words(voice, "形式为126台，若净价弹性不变则为100台", "126 if sales grow exponentially with the rate, 100 if the elasticity") in found.text
    assert words(voice, "两种形式数据分不出来", "the data cannot tell which") in found.text
    # without the elasticity, or without a response at all, there is no second figure and none is made up
    assert "extrapolated" not in checked(response.drop(columns="elasticity"))
    assert "extrapolated" not in checked(response.assign(beta=np.nan, reason="no_variation"))


@both
def test_migrated_customers_stand_beside_with_what_they_pay_more(voice: Voice) -> None:
    def migrated(found: pd.DataFrame, worth: pd.DataFrame) -> Check | None:
        every = {one.name: one for one in customers.checks(voice, BETAS, found, boxed(False), worth, 10.0, 5.0)}
        said(voice, list(every.values()))
        return every.get("migrated")

    known, unknown = migrated(found_of(160.0), MIGRATED), migrated(found_of(160.0), MIGRATED[1:])
    assert known is not None and unknown is not None
    assert known.verdict == Verdict.WARNING and "35" in known.text and labels.money(18.0, voice.lang) in known.text
    assert labels.label("device_class", "netbook", voice.lang) not in known.text
    assert unknown.verdict == Verdict.NONE and words(voice, "无法得知", "unknown") in unknown.text
    assert migrated(found_of(160.0).assign(migrated=0.0), MIGRATED) is None


# ---- the plan -------------------------------------------------------------------------------------


CELLS = pd.DataFrame({"model": ["样机甲", "样机乙"], "channel": ["own", "end"], "contract": "plan", "branch": ["甲", "乙"], "device_class": ["handset", "wireless_phone"],
                      "list_price": [1000.0, 2000.0], "units": [100.0, 50.0], "rate": [0.5, 0.5], "beta": [4.0, 0.5], "value_known": True})  # fmt: skip
MONEY = 100_000.0
BEST = subsidy.allocate(CELLS, MONEY)
RESPONSE = pd.DataFrame({"device_class": ["handset", "wireless_phone"], "beta": [4.0, 0.5], "df": [9.0, 20.0], "residual_sd_pp": [3.14, 2.9],
                         "influence": [{"甲": 0.3}, {"乙": 0.1}], "reason": ""})  # fmt: skip
NOBODY_KNOWS = (np.nan, np.nan, np.nan)
IMPOSSIBLE = subsidy.allocate(CELLS, 50_000.0, commitments=pd.DataFrame({"model": ["样机甲"], "committed_units": [120.0]}))


def gained(found: subsidy.Allocation, response: pd.DataFrame = RESPONSE) -> tuple[float, float, float]:
    return subsidy.gain(found.plan, CELLS.assign(value=1.0), response)


@both
def test_the_plan_beside_today(voice: Voice) -> None:
    gain, low, high = gained(BEST)
    assert gain == pytest.approx(BEST.objective - BEST.today_objective) and low < gain < high
    lead, *rest = plan.headline(voice, BEST, CELLS, 0.0, (gain, low, high))
    text = said(voice, [lead])
    for number in (labels.number(BEST.objective), "150", labels.percent(gain / 150, 1), labels.money(BEST.spend, voice.lang), "0.001%"):
        assert number in text
    share, ends = labels.percent(gain / 150, 1), (labels.number(low), labels.number(high))
    assert words(voice, f"多{labels.number(gain)}户（{share}，95%区间{ends[0]}至{ends[1]}）",
                 f"{labels.number(gain)} more ({share}, 95 % interval {ends[0]} to {ends[1]})") in text  # fmt: skip
    assert (lead.value, lead.previous) == (BEST.objective, 150)
    assert {one.name: one.value for one in rest}["plan.spend"] == BEST.spend
    assert "plan.target_gap" not in {one.name for one in rest}


@both
def test_less_money_is_fewer_customers(voice: Voice) -> None:
    poor = subsidy.allocate(CELLS, 10_000.0)
    text = said(voice, plan.headline(voice, poor, CELLS, 0.0, gained(poor))[:1])
    lost = labels.number(150 - poor.objective)
    assert words(voice, f"少{lost}户", f"{lost} fewer") in text
    assert labels.percent(poor.objective / 150 - 1, 1) in text


@both
def test_a_gain_without_an_interval_has_none(voice: Voice) -> None:
    blind = gained(BEST, RESPONSE.assign(beta=np.nan))
    assert np.isnan(blind[1:]).all()
    text = said(voice, plan.headline(voice, BEST, CELLS, 0.0, blind)[:1])
    assert not re.search(r"95|区间|interval|—", text)
    assert words(voice, f"（{labels.percent(blind[0] / 150, 1)}）", f"({labels.percent(blind[0] / 150, 1)})") in text


@both
def test_the_parts_of_net_spending_are_said_where_it_is_not_the_subsidy(voice: Voice) -> None:
    steps = pd.DataFrame({"model": "样机甲", "from_units": [0, 100], "supply_price": [800.0, 700.0]})
    due = pd.DataFrame({"model": ["样机甲"], "committed_units": [300.0], "penalty_per_unit": [10.0]})
    for more, parts in (({"vendor_prices": steps}, ("rebate",)), ({"commitments": due}, ("penalty",)),
                        ({"vendor_prices": steps, "commitments": due}, ("rebate", "penalty"))):  # fmt: skip
        priced = subsidy.allocate(CELLS, MONEY, **more)
        assert [name for name in ("rebate", "penalty") if getattr(priced, name) > 0] == list(parts)
        found = {one.name: one for one in plan.headline(voice, priced, CELLS, 0.0, gained(priced))}
        assert found["plan.parts"].headline and found["plan.parts"].value == priced.subsidy
        assert priced.subsidy - priced.rebate + priced.penalty == pytest.approx(priced.spend)
        paid, back, fine = (labels.money(value, voice.lang) for value in (priced.subsidy, priced.rebate, priced.penalty))
        assert words(voice, f"补贴{paid} − 供货阶梯返利{back} + 包销罚金{fine}", f"{paid} of subsidy less {back} of vendor rebates plus {fine}") in said(
            voice, [found["plan.parts"]])  # fmt: skip
        # what today's rates spend is net too: at today's 100 devices the step is reached
        assert found["plan.today_spend"].value == priced.today_spend
        assert labels.money(priced.today_spend, voice.lang) in found["plan.customers"].text
    assert "plan.parts" not in {one.name for one in plan.headline(voice, BEST, CELLS, 0.0, gained(BEST))}


@both
def test_nothing_to_plan_still_has_a_sentence(voice: Voice) -> None:
    nothing = subsidy.allocate(CELLS[:0], 100.0)
    text = said(voice, plan.headline(voice, nothing, CELLS, 0.0, (0.0, np.nan, np.nan))[:1])
    assert words(voice, "预期有效客户0户", "would bring 0 valid customers") in text
    assert "（" not in text and "(" not in text  # no share of nothing, no interval
    known = said(voice, plan.headline(voice, nothing, CELLS, 0.0, (0.0, -1.0, 2.0))[:1])
    assert words(voice, "多0户（95%区间-1至2）", "0 more (95 % interval -1 to 2)") in known


@both
@pytest.mark.parametrize(("over", "status"), [(25.0, Status.BREACH), (-25.0, Status.GOOD)])
def test_the_target_is_reached_or_missed(voice: Voice, over: float, status: Status) -> None:
    found = {one.name: one for one in plan.headline(voice, BEST, CELLS, BEST.objective + over, gained(BEST))}["plan.target_gap"]
    assert found.status == status and found.headline
    assert found.value == pytest.approx(over)
    text = said(voice, [found])
    assert (words(voice, "尚差25户", "25 short") in text) == (over > 0)
    assert (words(voice, "可以达到", "it is reached") in text) == (over < 0)


@both
def test_no_plan_names_its_limits_and_what_each_must_give(voice: Voice) -> None:
    (lead,) = plan.headline(voice, IMPOSSIBLE, CELLS, 500.0, NOBODY_KNOWS)
    assert (lead.value, lead.status) == (None, Status.BREACH)
    text = said(voice, [lead])
    assert words(voice, "预算", "budget") in text
    assert words(voice, "包销承诺：样机甲", "commitment of 样机甲") in text
    (why,) = plan.limits(voice, IMPOSSIBLE)
    assert (why.value, why.status) == (2, Status.BREACH)
    assert words(voice, "有2条限制在各组补贴率可变动的范围内做不到", "2 limits cannot be kept within what the rates may move") in why.text
    table = plan.limits_table(voice, IMPOSSIBLE)
    def amount(value: float, unit: str) -> str:
        return labels.money(value, voice.lang) if unit == "yuan" else words(voice, f"{labels.number(value, 1)}台", f"{labels.number(value, 1)} devices")

    assert sorted(IMPOSSIBLE.conflicts["unit"]) == ["units", "yuan"]  # money is said as money, devices as devices
    for row, known in zip(table.itertuples(), IMPOSSIBLE.conflicts.itertuples(), strict=True):
        assert row.bound_text == amount(known.bound, known.unit)
        assert row.says == words(voice, "须放宽", "must give ") + amount(known.gives, known.unit)
    assert set(table["bound_text"]) == {labels.money(50_000, voice.lang), words(voice, "120.0台", "120.0 devices")}
    alone = replace(IMPOSSIBLE, conflicts=IMPOSSIBLE.conflicts.assign(gives=np.nan))
    assert set(plan.limits_table(voice, alone)["says"]) == {words(voice, "单独放宽它不够", "giving alone is not enough")}


@both
def test_two_conflicts_are_not_solved_by_one_of_them(voice: Voice) -> None:
    due = pd.DataFrame({"model": ["样机甲", "样机乙"], "committed_units": [120.0, 1e6]})
    both_broken = subsidy.allocate(CELLS, 1e9, caps=pd.DataFrame({"model": ["样机甲"], "cap_per_unit": [300.0]}), commitments=due)
    (why,) = plan.limits(voice, both_broken)
    assert why.value == 3
    assert words(voice, "分属2组", "in 2 conflicts") in said(voice, [why])
    assert words(voice, "可能另有冲突", "others may then show") in why.text


@both
def test_without_a_plan_nothing_moves_and_nothing_is_called_unchanged(voice: Voice) -> None:
    for claim, by in ((plan.groups, ["device_class", "channel"]), (plan.branches, ["branch"])):
        (found,) = claim(voice, subsidy.changes(IMPOSSIBLE.plan, CELLS, by))
        assert (found.value, found.status) == (None, Status.UNKNOWN)
        assert words(voice, "没有可行的方案", "no plan") in said(voice, [found])


@both
def test_who_gets_more_and_who_less(voice: Voice) -> None:
    table = subsidy.changes(BEST.plan, CELLS, ["device_class", "channel"])
    (found,) = plan.groups(voice, table)
    text = said(voice, [found])
    moved = table.set_index("device_class")["spend"] - table.set_index("device_class")["spend_today"]
    assert moved["handset"] > 0 > moved["wireless_phone"]
    assert found.value == pytest.approx(moved["handset"])
    assert words(voice, "增加最多：G3手机 · 自营", "Largest increases: handset · own") in text
    assert words(voice, "减少最多：无线座机 · 末端", "largest cuts: wireless phone · end") in text
    assert labels.money(moved["handset"], voice.lang) in text and labels.money(-moved["wireless_phone"], voice.lang) in text
    (same,) = plan.groups(voice, table.assign(spend=table["spend_today"]))
    assert same.value == 0 and words(voice, "不变", "No group") in said(voice, [same])


@both
def test_a_budget_that_binds_and_one_that_is_not_used_up(voice: Voice) -> None:
    (binds,) = plan.limits(voice, BEST)
    row = BEST.shadow_prices.iloc[0]
    assert binds.value == row["bought"] > 0
    assert labels.number(row["bought"], 1) in said(voice, [binds]) and labels.money(row["step"], voice.lang) in binds.text
    table = plan.limits_table(voice, BEST)
    assert table["limit"].iloc[0] == words(voice, "预算", "budget")
    assert table["bound_text"].iloc[0] == labels.money(MONEY, voice.lang)
    assert labels.number(row["bought"], 2) in table["says"].iloc[0]
    again = words(voice, "重新求解核对", "checked by solving again")
    (unchecked,) = plan.limits(voice, subsidy.allocate(CELLS, MONEY, checks=0))
    assert again in binds.text and again not in said(voice, [unchecked])
    assert unchecked.value == pytest.approx(row["predicted"])
    (left,) = plan.limits(voice, subsidy.allocate(CELLS, 1e9))
    assert left.value == 0
    assert words(voice, "预算没有用尽", "The budget is not used up") in said(voice, [left])


def test_limits_have_a_name_in_each_language() -> None:
    names = ["budget", "mix floor", "lifecycle cap of M_1", "cap per unit of M", "commitment of M, 甲", "price step of M"]
    assert [tables.limit_name(name, "zh") for name in names] == [
        "预算", "手机与无线座机占比下限", "生命周期上限：M_1", "单台上限：M", "包销承诺：M, 甲", "供货阶梯价：M"]  # fmt: skip
    assert [tables.limit_name(name, "en") for name in names] == names


LIVES = pd.DataFrame({"model": ["样机甲", "样机乙", "其他"], "allowed_rate": [0.3, np.nan, np.nan]})
DECIDED = {"margin": 0.43, "discount_rate": 0.085, "collection_rate": 0.27}


@both
def test_what_the_plan_assumes(voice: Voice) -> None:
    response = pd.concat([RESPONSE[:1], pd.DataFrame({"device_class": ["data_card"], "beta": [np.nan], "reason": ["no_variation"]})], ignore_index=True)

    def checked(found: subsidy.Allocation, cells: pd.DataFrame, move: float = 0.1) -> dict[str, Check]:
        every = {one.name: one for one in plan.checks(voice, found, cells, response, LIVES, move, DECIDED)}
        said(voice, list(every.values()))
        return every

    fixed = CELLS.assign(beta=[4.0, np.nan])
    found = checked(BEST, fixed)
    assert "10%" in found["moves"].text and found["audit"].verdict == Verdict.PASS
    assert words(voice, "1个组（下月预期50台", "1 cells (50 devices") in found["fixed"].text
    assert words(voice, "补贴率没有可资识别的变动", "did not move apart") in found["not_identified.data_card"].text
    assert "fixed" not in checked(BEST, CELLS)
    # what moved in the data is said of the classes that taught something, and of no other
    assert words(voice, "变动标准差（百分点）：G3手机3.1。", "(standard deviation, pp): handset 3.1.") in found["moves"].text
    assert words(voice, "现行规则的补贴率不作约束", "The rules' present rates don't bind") in found["moves"].text
    for number in ("43%", "8.5%", "27%"):
        assert number in found["assumed"].text
    assert [found[name].verdict for name in ("moves", "expected", "assumed")] == [Verdict.WARNING] * 3
    assert words(voice, "不含当月销量的偶然起伏", "not what a month sells by chance") in found["expected"].text
    # without a plan nothing was held against its limits
    assert "audit" not in checked(IMPOSSIBLE, CELLS)


@both
@pytest.mark.parametrize(("cells", "move", "stand"), [(CELLS, 0.1, 2), (CELLS, 0.5, 1), (CELLS, 0.6, 0), (CELLS.assign(beta=[4.0, np.nan]), 0.1, 1)])
def test_the_cells_that_stand_at_the_limit_of_the_move_are_counted(voice: Voice, cells: pd.DataFrame, move: float, stand: int) -> None:
    change = BEST.plan["rate_change"].abs()
    assert change.iloc[0] == pytest.approx(0.12, abs=0.01) and change.iloc[1] == 0.5
    (moves,) = [one for one in plan.checks(voice, BEST, cells, RESPONSE, LIVES, move, DECIDED) if one.name == "moves"]
    text = said(voice, [moves])
    assert words(voice, f"最多变动{move:.0%}", f"move by {move:.0%}") in text
    assert (words(voice, f"；{stand}个组到达此限", f"; {stand} cells stand at that limit") in text) == (stand > 0)


@both
def test_models_without_a_lifecycle_cap_are_named(voice: Voice) -> None:
    def free(lives: pd.DataFrame) -> list[Check]:
        found = [one for one in plan.checks(voice, BEST, CELLS, RESPONSE, lives, 0.1, DECIDED) if one.name == "no_lifecycle_cap"]
        said(voice, found)
        return found

    (found,) = free(LIVES)
    assert found.verdict == Verdict.NONE
    assert words(voice, "1款机型没有可用的生命周期上限，未受其约束：样机乙。", "1 models have no lifecycle cap") in found.text
    assert "样机乙" in found.text and "样机甲" not in found.text and "其他" not in found.text  # the third is in no cell
    assert free(LIVES.assign(allowed_rate=0.0)) == []  # a cap of nothing is a cap


@both
def test_what_is_proposed_beyond_the_break_even_is_said(voice: Voice) -> None:
    table = subsidy.changes(BEST.plan, CELLS, ["device_class"])
    rate = table.set_index("device_class")["rate"]
    worth = worth_of(handset=(19.0, ""), wireless_phone=(19.0, ""))
    assert rate["handset"] > 0.52 > rate["wireless_phone"]
    (found,) = plan.beyond(voice, table, worth)
    text = said(voice, [found])
    assert (found.name, found.verdict) == ("beyond_break_even", Verdict.WARNING)
    proposed = labels.percent(rate["handset"], 1)
    assert words(voice, f"：G3手机（建议{proposed}，可回本上限52.0%）。", f": handset ({proposed} proposed, 52.0% pays back).") in text
    assert words(voice, "无线座机", "wireless phone") not in text
    assert words(voice, "不是利润最大", "not profit") in text
    both_over = plan.beyond(voice, table.assign(rate=[0.7, 0.8]), worth)
    assert len(both_over) == 1 and all(word in said(voice, both_over) for word in (words(voice, "无线座机", "wireless phone"), "70.0%", "80.0%"))


@both
def test_where_the_break_even_is_reached_unknown_or_nothing_is_planned_there_is_no_beyond(voice: Voice) -> None:
    table = subsidy.changes(BEST.plan, CELLS, ["device_class"])
    at = worth_of(handset=(19.0, "")).assign(break_even_rate=table.set_index("device_class")["rate"]["handset"])
    assert plan.beyond(voice, table, at) == []  # just paid back is paid back
    assert plan.beyond(voice, table, at.assign(break_even_rate=np.nan)) == []
    assert plan.beyond(voice, table, at[:0]) == []
    nowhere = subsidy.changes(IMPOSSIBLE.plan, CELLS, ["device_class"])
    assert plan.beyond(voice, nowhere, worth_of(handset=(19.0, ""), wireless_phone=(19.0, ""))) == []


# ---- payback --------------------------------------------------------------------------------------


def worth_of(**classes: tuple[float, str]) -> pd.DataFrame:
    """Class → payback in months (NaN: beyond 29) and reason."""
    rows = [{"device_class": name, "term": 24, "subsidy": 500.0, "cost": 550.0, "margin": 30.0 if not why else np.nan, "survival": 0.8,
             "payback_p10": month - 1, "payback": month, "payback_p90": np.nan, "censored": month != month and not why, "horizon": 0 if why else 29,
             "npv_p10": -20.0, "npv": 10.0, "npv_p90": 40.0, "roi": 0.1, "break_even": 520.0, "break_even_rate": 0.52, "reason": why}
            for name, (month, why) in classes.items()]  # fmt: skip
    return pd.DataFrame(rows)


@both
def test_which_classes_pay_back(voice: Voice) -> None:
    table = worth_of(handset=(19.0, ""), netbook=(26.0, ""), wireless_phone=(np.nan, ""), data_card=(np.nan, "unknown"))
    lead, *rest = plan.returns(voice, table)
    text = said(voice, [lead])
    assert (lead.value, lead.status) == (1, Status.WATCH)
    assert words(voice, "合约期内回本的有G3手机19个月；不能的有上网本、无线座机", "handset 19 months; not: netbook, wireless phone") in text
    values = {one.name: one.value for one in rest}
    assert values["payback.handset"] == 19 and values["payback.wireless_phone"] is None
    assert not any("data_card" in name for name in values)


@both
def test_what_was_not_followed_for_its_whole_contract_is_not_said_to_fail(voice: Voice) -> None:
    table = worth_of(handset=(np.nan, "")).assign(horizon=10)
    lead = plan.returns(voice, table)[0]
    assert (lead.value, lead.status) == (0, Status.UNKNOWN)
    assert words(voice, "还没有终端类型看得出在合约期内回本；跟踪不足合约期、还看不出的有G3手机",
                 "No class is seen to pay back within its contract; not followed for long enough to tell: handset") in said(voice, [lead])  # fmt: skip
    both_kinds = pd.concat([table, worth_of(netbook=(26.0, ""))])
    assert words(voice, "不能的有上网本；跟踪不足", "not: netbook; not followed") in said(voice, plan.returns(voice, both_kinds)[:1])


@both
def test_all_none_or_nobody_knows(voice: Voice) -> None:
    assert plan.returns(voice, worth_of(handset=(24.0, "")))[0].status == Status.GOOD
    none = plan.returns(voice, worth_of(handset=(25.0, "")))[0]
    assert words(voice, "没有终端类型在合约期内回本", "No class pays back") in said(voice, [none])
    for table in (worth_of(handset=(np.nan, "unknown")), worth_of(handset=(1.0, ""))[:0]):
        (unknown,) = plan.returns(voice, table)
        assert (unknown.value, unknown.status) == (None, Status.UNKNOWN)
        assert not re.search(r"\d", said(voice, [unknown]))


@both
def test_what_is_not_paid_back_says_beyond_which_month_and_what_is_unknown_why(voice: Voice) -> None:
    table = plan.returns_table(voice, worth_of(handset=(19.0, ""), netbook=(np.nan, ""), data_card=(np.nan, "unknown"), reader=(np.nan, "no_term")))
    texts = table.set_index("device_class")["payback_text"].to_dict()
    assert texts["handset"] == words(voice, "19（18至> 29）", "19 (18 to > 29)")
    assert texts["netbook"] == "> 29"
    assert words(voice, "成本或毛利未定", "not decided") in texts["data_card"]
    assert words(voice, "无合约期", "no contract") in texts["reader"]
    assert not any(CODE.search(text) or ("29" in text and name in ("data_card", "reader")) for name, text in texts.items())


# ---- commitments ----------------------------------------------------------------------------------


NO_BREACH = pd.DataFrame({"model": [], "units": [], "subsidy_yuan": [], "verdict": []})


def promised(committed: list[float], end: str = "2013-12-31", asof: date = date(2013, 12, 31), penalty: float | None = 50.0) -> pd.DataFrame:
    days = pd.date_range("2013-01-01", asof)
    sales = pd.DataFrame({"date": days, "grain": "day", "model": "样机", "units": 1, "activated_at": pd.NaT})
    table = pd.DataFrame({"model": "样机", "vendor": "v", "direction": ["province_to_vendor", "vendor_to_province"][: len(committed)],
                          "start": pd.Timestamp("2013-01-01"), "end": pd.Timestamp(end), "committed_units": committed,
                          "penalty_per_unit": np.nan if penalty is None else penalty})  # fmt: skip
    return subsidy.commitment_status(sales, pd.DataFrame({"model": [], "date": pd.to_datetime([]), "sell_in": []}), table, asof)


@both
def test_no_commitments_are_said(voice: Voice) -> None:
    (found,) = plan.commitments(voice, promised([]), NO_BREACH)
    assert (found.name, found.verdict) == ("no_commitments", Verdict.NONE)
    said(voice, [found])


@both
def test_commitments_that_were_kept_need_no_sentence(voice: Voice) -> None:
    assert plan.commitments(voice, promised([300.0, 365.0]), NO_BREACH) == []


SIDES = {"province_to_vendor": "省公司承诺", "vendor_to_province": "厂商承诺"}


def test_an_unmet_commitment_with_its_penalty() -> None:
    status = promised([730.0, 300.0])
    assert status["expected_penalty"].tolist() == [18_250, 0]
    for voice, text in (
        (ZH, "省公司承诺1项中1项未兑现，罚金1.83万元。差距最大：样机（50.0%）。"),
        (EN, "Of 1 commitments province to vendor, 1 not met, penalty ¥18,250. Furthest behind: 样机 (50.0%)."),
    ):
        (found,) = plan.commitments(voice, status, NO_BREACH)
        assert (found.name, found.verdict) == ("commitments.province_to_vendor", Verdict.FAIL)
        assert said(voice, [found]) == text


@both
def test_each_direction_speaks_for_itself_and_the_provinces_own_first(voice: Voice) -> None:
    status = promised([730.0, 1460.0])
    for rows in (status, status[::-1]):
        found = plan.commitments(voice, rows, NO_BREACH)
        assert [one.name for one in found] == [f"commitments.{side}" for side in SIDES]
        said(voice, found)
        for one, (side, zh), row in zip(found, SIDES.items(), status.itertuples(), strict=True):
            assert row.direction == side
            assert words(voice, f"{zh}1项中1项未兑现", f"Of 1 commitments {side.replace('_', ' ')}, 1 not met") in one.text
            # its own penalty and attainment, never a sum over both
            assert labels.money(row.expected_penalty, voice.lang) in one.text and labels.percent(row.attainment, 1) in one.text
    assert status["expected_penalty"].nunique() == status["attainment"].nunique() == 2
    assert [one.name for one in plan.commitments(voice, promised([300.0, 730.0]), NO_BREACH)] == ["commitments.vendor_to_province"]


@both
def test_what_was_broken_and_what_is_behind_have_each_their_penalty(voice: Voice) -> None:
    broken, behind = promised([730.0]), promised([5000.0], end="2014-06-30").assign(model="其他")
    kept = promised([300.0])
    (found,) = plan.commitments(voice, pd.concat([behind, kept, broken], ignore_index=True), NO_BREACH)
    text = said(voice, [found])
    assert found.verdict == Verdict.FAIL
    owed, expected = (labels.money(part["expected_penalty"].iloc[0], voice.lang) for part in (broken, behind))
    late = labels.percent(behind["attainment"].iloc[0], 1)
    assert text == words(
        voice,
        f"省公司承诺3项中1项未兑现，罚金{owed}；1项难以按期兑现，预计罚金{expected}。差距最大：样机（50.0%）、其他（{late}）。",
        f"Of 3 commitments province to vendor, 1 not met, penalty {owed}; 1 unlikely to be met, penalty expected {expected}. "
        f"Furthest behind: 样机 (50.0%), 其他 ({late}).",
    )


@both
def test_the_three_furthest_behind_are_named_the_worst_first(voice: Voice) -> None:
    volumes = {"样机甲": 500.0, "样机乙": 1460.0, "其他": 730.0, "样机": 400.0}
    status = pd.concat([promised([units]).assign(model=model) for model, units in volumes.items()], ignore_index=True)
    (found,) = plan.commitments(voice, status, NO_BREACH)
    text = said(voice, [found])
    assert words(voice, "省公司承诺4项中4项未兑现", "Of 4 commitments province to vendor, 4 not met") in text
    shares = [f"{model} {labels.percent(365 / volumes[model], 1)}" for model in ("样机乙", "其他", "样机甲")]
    assert re.findall(r"(样机[甲乙]?|其他) ?[（(]([\d.]+%)", text) == [tuple(one.split()) for one in shares]
    assert labels.money(status["expected_penalty"].sum(), voice.lang) in text


@both
@pytest.mark.parametrize(("end", "spoken"), [("2013-06-30", True), ("2012-12-31", False)])
def test_a_commitment_that_ended_long_ago_is_not_spoken_of(voice: Voice, end: str, spoken: bool) -> None:
    asof = date(2013, 12, 31)
    old = promised([730.0]).assign(ends=pd.Timestamp(end))
    (found,) = plan.commitments(voice, subsidy.recent(old, asof), NO_BREACH)
    assert found.name == ("commitments.province_to_vendor" if spoken else "no_commitments")
    assert (words(voice, "没有进行中或近一年结束的", "No commitment runs or ended within a year") in said(voice, [found])) == (not spoken)


@both
def test_a_commitment_that_is_behind_is_a_warning_and_an_unknown_penalty_no_zero(voice: Voice) -> None:
    behind = promised([5000.0], end="2014-06-30")
    (found,) = plan.commitments(voice, behind, NO_BREACH)
    assert (found.name, found.verdict) == ("commitments.province_to_vendor", Verdict.WARNING)
    text = said(voice, [found])
    assert labels.money(behind["expected_penalty"].iloc[0], voice.lang) in text and labels.percent(behind["attainment"].iloc[0], 1) in text
    assert words(voice, "难以按期兑现", "unlikely to be") in text and words(voice, "未兑现", "not met") not in text
    (unknown,) = plan.commitments(voice, promised([5000.0], end="2014-06-30", penalty=None), NO_BREACH)
    assert "—" in unknown.text and not re.search(r"金0元|¥0", unknown.text)


@both
def test_a_model_subsidised_without_a_promise(voice: Voice) -> None:
    missing = pd.DataFrame({"model": ["样机", "其他"], "units": [12, 5], "subsidy_yuan": [6000.0, 100.0], "verdict": ["fail", "no verdict"]})
    found = plan.commitments(voice, promised([300.0]), missing)
    assert [(one.name, one.verdict) for one in found] == [("unpromised.样机", Verdict.FAIL)]
    assert "12" in found[0].text and labels.money(6000.0, voice.lang) in found[0].text


# ---- the charts -----------------------------------------------------------------------------------


def on_paper(draw, *frames: pd.DataFrame, lang: str) -> tuple[dict, object]:
    with look():
        fig, ax = figure(3.4)
        assert draw(*frames, ax, lang) is ax
        assert png(fig)[:4] == b"\x89PNG"  # a glyph that is missing is an error here
        return drawn(fig)["axes"][0], ax


langs = pytest.mark.parametrize("lang", labels.LANGS)
FAULTS = ("split", "cancelled", "idle", "cross_branch", "not_activated", "low_use")


@langs
def test_faults_are_stacked_and_young_cohorts_have_no_bar_of_their_own(lang: str) -> None:
    every = pd.concat([states_of("valid", *FAULTS[:3]), states_of("valid", "valid", "split", "low_use", month="2013-09"),
                       states_of("split", "young", month="2013-10"), states_of("unknown", month="2013-11")], ignore_index=True)  # fmt: skip
    rates = subsidy.cohort_rates(every)
    seen, ax = on_paper(charts.cohort_faults, rates, lang=lang)
    own, hatched = [p for p in ax.patches if not p.get_hatch()], [p for p in ax.patches if p.get_hatch()]
    heights = pd.DataFrame([(round(p.get_x() + p.get_width() / 2), p.get_height()) for p in own]).groupby(0)[1].sum()
    assert heights.to_dict() == {0: pytest.approx(0.75), 1: pytest.approx(0.5), 2: 0, 3: 0}
    assert [round(p.get_x() + p.get_width() / 2) for p in hatched] == [2, 3]
    share = rates.set_index(["month", "state"])["share"]
    first = [p.get_height() for p in own if round(p.get_x() + p.get_width() / 2) == 0]
    assert first == pytest.approx([share["2013-08", state] for state in FAULTS])
    assert f"{labels.label('outcome', 'split', lang)} 25.0%" in seen["texts"]
    assert ("未满三个月 / 未知" if lang == "zh" else "too young / unknown") in seen["texts"]


@langs
def test_a_cohort_that_nobody_could_follow_is_not_called_young(lang: str) -> None:
    seen, _ = on_paper(charts.cohort_faults, subsidy.cohort_rates(states_of("unknown", "unknown")), lang=lang)
    assert not {"未满三个月", "too young"} & set(seen["texts"])
    assert seen["texts"][-1] == ("未知" if lang == "zh" else "unknown")


@langs
def test_an_unbounded_cost_is_an_arrow_without_a_dot(lang: str) -> None:
    costs = costs_of(15.0)
    least = costs.set_index("name").loc["incremental", "low"]
    seen, ax = on_paper(charts.cost_per, costs, lang=lang)
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert sorted(float(line.get_xdata()[0]) for line in dots) == [400, 500, 4000]  # sale, valid, net add
    assert [int(line.get_ydata()[0]) for line in dots] == [1, 2, 3]  # the incremental one is lowest
    (arrow,) = [note for note in ax.texts if note.arrow_patch is not None]
    assert arrow.xyann == (pytest.approx(least), 0) and arrow.xy[0] > least
    assert ax.get_xlim()[1] > arrow.xy[0]
    money = labels.money(least, lang)  # type: ignore[arg-type]
    assert (f"≥ {money}，无上限" if lang == "zh" else f"≥ {money}, unbounded") in seen["texts"]


@langs
def test_costs_bounded_absent_or_all_unknown(lang: str) -> None:
    seen, ax = on_paper(charts.cost_per, costs_of(160.0), lang=lang)
    assert [0, 0] in [line.get_ydata().tolist() for line in ax.lines if len(line.get_xdata()) == 2]
    assert not [note for note in ax.texts if note.arrow_patch is not None]
    fewer, _ = on_paper(charts.cost_per, costs_of(-80.0), lang=lang)
    assert labels.label("cost_reason", "fewer_customers", lang) in fewer["texts"]  # type: ignore[arg-type]
    none, ax = on_paper(charts.cost_per, costs_of(160.0, yuan=np.nan), lang=lang)
    assert none["texts"] == [labels.label("cost_reason", "unknown", lang)] * 4  # type: ignore[arg-type]
    assert not ax.lines
    assert not CODE.search(" ".join([*seen["texts"], *seen["yticks"], *fewer["texts"]]))


@langs
def test_rates_today_proposed_and_the_most_that_pays_back(lang: str) -> None:
    table = subsidy.changes(BEST.plan, CELLS, ["device_class", "channel"])
    worth = pd.DataFrame({"device_class": ["handset", "wireless_phone"], "break_even_rate": [0.62, np.nan]})
    seen, ax = on_paper(charts.rates_today_and_proposed, table, worth, lang=lang)
    rows = table.sort_values("device_class", ascending=False)
    hollow, filled = (part for part in ax.collections if isinstance(part, PathCollection))
    assert hollow.get_facecolor().tolist() == [[1, 1, 1, 1]]
    assert hollow.get_offsets()[:, 0].tolist() == pytest.approx(rows["rate_today"].tolist())
    assert filled.get_offsets()[:, 0].tolist() == pytest.approx(rows["rate"].tolist())
    assert hollow.get_offsets()[:, 1].tolist() == filled.get_offsets()[:, 1].tolist() == list(range(len(rows)))
    segments = [segment for part in ax.collections if isinstance(part, LineCollection) for segment in part.get_segments()]
    assert [segment[:, 0].tolist() for segment in segments if segment[0][1] != segment[1][1]] == [[0.62, 0.62]]
    for row, text in zip(rows.itertuples(), seen["texts"], strict=True):
        assert f"{labels.percent(row.rate_today, 1)} → {labels.percent(row.rate, 1)}" in text
        assert labels.number(row.gain, signed=True) in text
    assert not CODE.search(" ".join(seen["yticks"]))


@langs
def test_where_there_is_no_plan_only_today_is_drawn(lang: str) -> None:
    table = subsidy.changes(IMPOSSIBLE.plan, CELLS, ["device_class", "channel"])
    seen, _ = on_paper(charts.rates_today_and_proposed, table, worth_of(handset=(19.0, "")), lang=lang)
    assert all("50.0% → —" in text for text in seen["texts"])


@langs
def test_bands_have_their_rates_and_holes_their_hatches(lang: str) -> None:
    plain = {"kind": "smart", "screen_min": np.nan, "screen_max": np.nan, "bound": "eq", "qualifier": None, "rate_status": "stated"}
    rules = pd.DataFrame([plain | {"price_min": np.nan, "price_max": 1000.0, "rate": 0.6}, plain | {"price_min": 1500.0, "price_max": np.nan, "rate": 0.4, "qualifier": "约"},
                          plain | {"price_min": 2000.0, "price_max": 3000.0, "rate": np.nan, "rate_status": "masked"}])  # fmt: skip
    holes = pd.DataFrame({"fault": ["gap", "overlap"], "price_from": [1000.0, 2000.0], "price_to": [1500.0, 3000.0], "screen_from": np.nan, "screen_to": np.nan})
    seen, ax = on_paper(charts.policy_bands, rules, holes, lang=lang)
    assert {"60%", ("约40%" if lang == "zh" else "about 40%"), labels.label("rate_status", "masked", lang)} == set(seen["texts"])  # type: ignore[arg-type]
    assert seen["xticks"] == ["0", "1,000", "1,500", "2,000", "3,000"]
    hatched = {(p.get_hatch(), p.get_x(), p.get_width()) for p in ax.patches if p.get_hatch()}
    assert hatched == {("////", 1, 1), ("xxxx", 3, 1)}


# ---- the glide path ---------------------------------------------------------------------------------


@both
def test_a_rise_that_is_mix_alone_is_not_called_dearer(voice: Voice) -> None:
    stages = pd.DataFrame({"model": ["样机甲", "样机甲", "样机乙"], "stage": ["2013Q2", "2013Q3", "2013Q3"], "verdict": ["fail", "pass", "fail"],
                           "rate_rise_same_mix": [0.031, -0.02, -0.001]})  # fmt: skip
    (found,) = say.glide(voice, stages)
    text = said(voice, [found])
    assert found.verdict == Verdict.FAIL
    assert words(voice, "2款机型共2次", "2 models rose 2 times") in text
    assert words(voice, "其中1次在合约与渠道结构不变时", "1 time the rate rose at the same mix") in text
    assert "样机甲 2013Q2 +3.10" in text and "样机乙" not in text
    (mixed,) = say.glide(voice, stages.iloc[2:])
    assert mixed.verdict == Verdict.WARNING and "样机" not in mixed.text
    assert say.glide(voice, stages.iloc[1:2]) == []

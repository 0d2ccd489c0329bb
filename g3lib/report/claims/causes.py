"""What a gap, its strata and the tested causes say."""

from __future__ import annotations

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.report.claims.targets import unknown
from g3lib.report.claims.verdicts import decidable, share_between
from g3lib.report.claims.voice import Voice


def headline(voice: Voice, gaps: pd.DataFrame, progress: pd.DataFrame, tested: pd.DataFrame) -> list[Finding]:
    """The shortfall, where it sits, and which causes the data confirm.

    Args:
        gaps: `strata.gap_by` channel; may be empty.
        progress: `targets.progress`; may be empty.
        tested: `causes.confirm`; may be empty.
    """
    if why := unknown(voice, progress, voice.say("缺口", "the shortfall")):
        return [voice.finding("gap", None, "台", why, status=Status.UNKNOWN, headline=True), *confirmed(voice, tested)]
    even = progress[progress["phasing"] == "month_even"].iloc[0]
    gap = even.month_target - even.month_actual
    aim = voice.say(f"当月目标（按月均分{number(even.month_target, 1)}）", f"its target ({number(even.month_target, 1)}, even months)")
    if gap <= 0:
        text = voice.say(
            f"{voice.span(even.month)}销售{number(even.month_actual)}台，达到{aim}，没有缺口。",
            f"{voice.span(even.month)} sold {number(even.month_actual)} devices and met {aim}: no shortfall.",
        )
    else:
        text = voice.say(f"{voice.span(even.month)}比{aim}少{number(gap, 1)}台，", f"{voice.span(even.month)} fell {number(gap, 1)} devices short of {aim}; ")
        text += _where(voice, gaps)
    lead = voice.finding("gap", gap, "台", text, denominator=voice.say("当月目标（按月均分）", "month's target, even months"),
                         definition="gap to target", table="targets", headline=True,
                         status=Status(even.month_status) if gap > 0 else Status.GOOD)  # fmt: skip
    return [lead, *confirmed(voice, tested)]


def _where(voice: Voice, gaps: pd.DataFrame) -> str:
    if gaps.empty:
        return voice.say("此前没有销量，缺口不能分到渠道。", "without earlier sales it cannot be laid out over channels.")
    worst = gaps.iloc[0]
    return voice.say(
        f"缺口最大的是{voice.word('channel', worst.channel)}渠道，占各渠道缺口之和的{percent(worst.share, 1)}。",
        f"the largest part, {percent(worst.share, 1)} of the channels' shortfalls, sits in the {voice.word('channel', worst.channel)} channel.",
    )


def confirmed(voice: Voice, tested: pd.DataFrame) -> list[Finding]:
    """Which causes are confirmed, rejected, undecided."""
    if tested.empty:
        text = voice.say(
            "没有可检验的原因数据：分析到现状为止，不作要因结论。",
            "There are no data on causes: the analysis stops at the survey, no root cause is named.",
        )
        return [voice.finding("causes.confirmed", None, "", text, status=Status.UNKNOWN, headline=True)]
    groups = {v: list(tested.loc[tested["verdict"] == v, "cause"]) for v in ("confirmed", "rejected", "insufficient")}
    zh, en = [], []
    against = set(tested.loc[(tested["verdict"] == "confirmed") & (tested["effect"] < 0), "cause"])
    for verdict, names in groups.items():
        if names:
            # a fact that goes with fewer problems is no cause of them: its absence is
            names = [voice.say(f"{n}（反向：有此因素者更好）", f"{n} (reversed: better with it)") if n in against else n for n in names]
            zh.append(f"{voice.word('cause_verdict', verdict)}：{'、'.join(names)}")
            en.append(f"{voice.word('cause_verdict', verdict)}: {', '.join(names)}")
    lead = voice.finding("causes.confirmed", float(len(groups["confirmed"])), "项",
                         voice.say("数据检验的结果——" + "；".join(zh) + "。", "Tested on data — " + "; ".join(en) + "."),
                         definition="risk difference against the smallest that matters, Holm", table="outlet_facts",
                         status=Status.WATCH if groups["confirmed"] else Status.PLAIN, headline=True)  # fmt: skip
    each = [
        voice.finding(f"cause.{row.cause}", row.effect, "1",
                      f"{row.cause} {voice.points(row.effect)} {voice.word('cause_verdict', row.verdict)}",
                      denominator=voice.say("网点", "outlets"), definition="stratified risk difference", table="outlet_facts")
        for row in tested.itertuples()
    ]  # fmt: skip
    return [lead, *each]


def vital_few(voice: Voice, pareto: pd.DataFrame, category: str) -> list[Finding]:
    """How few of them hold most of the shortfall."""
    few = pareto[pareto["vital"]]
    if few.empty:
        text = voice.say("没有缺口，不作排列图", "No shortfall, no vital few")
        if pareto["share"].gt(0).any():
            text = voice.say("缺口都在未细分的“其他”中", "The whole shortfall is in what was not broken down")
        return [voice.finding("vital_few", 0.0, "", text, definition="Pareto", table="sales")]
    names = [voice.word(category, c) if category in ("channel", "device_class") else str(c) for c in few[category]]
    named = voice.listed(names[:3]) + (voice.say("等", " and others") if len(names) > 3 else "")
    text = voice.say(
        f"{len(pareto)}个中的{len(few)}个占缺口的{percent(few['cumulative'].iloc[-1], 0)}：{named}",
        f"{len(few)} of {len(pareto)} hold {percent(few['cumulative'].iloc[-1], 0)} of the shortfall: {named}",
    )
    return [
        voice.finding("vital_few", float(len(few)), "", text, definition="Pareto, fewest that reach 80 %", table="sales",
                      denominator=voice.say("各项缺口之和", "sum of the shortfalls"))
    ]  # fmt: skip


def effects(voice: Voice, tested: pd.DataFrame) -> list[Finding]:
    """The largest confirmed effect; where none is, what would decide."""
    if tested.empty:
        return [voice.finding("cause.largest", None, "1", voice.say("没有可检验的原因", "No cause to test"), status=Status.UNKNOWN)]
    sure = tested[(tested["verdict"] == "confirmed") & (tested["effect"] > 0)].sort_values("effect", ascending=False)
    if len(sure):
        top = sure.iloc[0]
        text = voice.say(
            f"{top.cause}的网点，销量偏低的比例高出{voice.points(top.effect).lstrip('+')}（95%区间{voice.points(top.low)}至{voice.points(top.high)}），"
            f"可解释偏低网点的{percent(top.share, 0)}（区间{percent(top.share_low, 0)}至{percent(min(top.share_high, 1.0), 0)}）",
            f"Outlets with {top.cause} are low sellers {voice.points(top.effect).lstrip('+')} more often (95 % interval {voice.points(top.low)} "
            f"to {voice.points(top.high)}): {percent(top.share, 0)} of the problem ({percent(top.share_low, 0)} to {percent(min(top.share_high, 1.0), 0)})",
        )
        value = float(top.effect)
    else:
        open_ = tested[tested["verdict"] == "insufficient"]
        most_needed = open_.loc[[decidable(row) and row["needed"] > row["units"] for row in open_.to_dict("records")], "needed"].max()
        value = float("nan")
        if open_.empty:
            text = voice.say("各项均已判定，没有要因", "Every cause is decided; none is a root cause")
        elif not most_needed > 0:
            text = voice.say("尚无要因得到确认；余下各项的区间跨过最小值，或增加网点也不能判定", "No root cause is confirmed; the intervals of the rest hold the smallest that matters, or more outlets cannot decide them")
        else:
            most = number(most_needed)
            text = voice.say(
                f"尚无要因得到确认；若真实差异为最小有意义差异的两倍，按现有构成共约需{most}个网点，才有80%的把握判定",
                f"No root cause is confirmed yet; if the true difference were twice the smallest that matters, about {most} outlets "
                "in the mix at hand would decide with 80 % power",
            )
    return [voice.finding("cause.largest", value, "1", text, definition="Mantel–Haenszel risk difference, Sato variance",
                          denominator=voice.say("网点", "outlets"), table="outlet_facts")]  # fmt: skip


def verdicts(voice: Voice, tested: pd.DataFrame) -> pd.DataFrame:
    """The table behind the verdicts: units, crude and stratified effect, both p-values, share of the problem, needed sample."""
    points = voice.say("百分点", " pp")
    rows = [
        (row.cause, row.verdict, row.units, f"{100 * row.crude:+.1f}{points}", f"{100 * row.effect:+.1f}{points}",
         voice.say(f"{100 * row.low:+.1f}至{100 * row.high:+.1f}", f"{100 * row.low:+.1f} to {100 * row.high:+.1f}"), row.p_cause, row.p_no_cause,
         f"{percent(row.share, 0)}{voice.aside(share_between(voice, row._asdict()))}" if row.share > 0 else "—", row.needed if decidable(row._asdict()) else float("nan"))
        for row in tested.itertuples()
    ]  # fmt: skip
    columns = ["cause", "cause_verdict", "units_tested", "crude_text", "estimate", "interval", "p_cause", "p_no_cause", "share_text", "needed_units"]
    return pd.DataFrame(rows, columns=columns)


def checks(voice: Voice, units: pd.DataFrame, tested: pd.DataFrame, part: float) -> list[Check]:
    """Unit of analysis, problem, strata; and that observation is not experiment."""
    if tested.empty:
        text = voice.say("没有网点级的原因数据（培训、库存、专区等），故未作要因确认。", "No outlet-level data on causes (training, stock, display …): nothing was tested.")
        return [Check("no_causes", Verdict.NONE, text)]
    halved = tested["effect"].abs() < tested["crude"].abs() / 2
    crude = tested[(tested["crude"].abs() > tested["minimum_effect"]) & (tested["verdict"] != "confirmed") & halved]
    found = [
        Check("unit", Verdict.PASS, voice.say(
            f"分析单位是网点（全省{number(len(units))}个，各计一次）；问题是销量低于本分公司同渠道网点中位数的{percent(part, 0)}；按分公司与渠道分层，Holm校正。",
            f"The unit is the outlet ({number(len(units))} in the province, each once); the problem is selling below {percent(part, 0)} "
            "of the median of the branch's outlets of the same channel; stratified by branch and channel, Holm-adjusted.")),
        Check("observational", Verdict.WARNING, voice.say(
            "这些是观察到的关联，不是试验；未测量的因素仍可能造成差异。", "These are observed associations, not an experiment: what was not measured may still be behind them.")),
    ]  # fmt: skip
    for row in crude.itertuples():
        found.append(
            Check(f"confounded.{row.cause}", Verdict.WARNING, voice.say(
                f"{row.cause}未分层时相差{voice.points(row.crude)}，同一分公司、同一渠道之内为{voice.points(row.effect)}：差异主要来自分公司与渠道。",
                f"{row.cause}: {voice.points(row.crude)} crude, {voice.points(row.effect)} within branch and channel: most of it is theirs."))
        )  # fmt: skip
    for row in tested[tested["warnings"].map(lambda warnings: "heterogeneous" in warnings)].itertuples():
        found.append(
            Check(f"heterogeneous.{row.cause}", Verdict.WARNING, voice.say(
                f"{row.cause}的作用在各分公司、各渠道之间不一致（p = {row.p_heterogeneity:.3f}）：所列差异是平均。",
                f"{row.cause} does not act alike in all branches and channels (p = {row.p_heterogeneity:.3f}): the difference shown is their average."))
        )  # fmt: skip
    for row in tested[tested["reason"] != ""].itertuples():
        found.append(Check(f"untestable.{row.cause}", Verdict.NONE, voice.say(
            f"{row.cause}：{_UNTESTABLE[row.reason][0]}，不能判定。", f"{row.cause}: {_UNTESTABLE[row.reason][1]}, so nothing is decided.")))  # fmt: skip
    return found


_UNTESTABLE = {
    "one_sided": ("所有网点都有或都没有", "every outlet has it or none does"), "too_few": ("样本过少", "too few outlets"),
    "no_overlap": ("没有一个分公司的渠道同时有两类网点", "no branch's channel has outlets of both kinds"),
    "between_branches": ("同一分公司、渠道的网点都有，网点之间比不出来", "all outlets of a branch's channel have it, which outlets cannot show"),
}  # fmt: skip


def by_channel(voice: Voice, gaps: pd.DataFrame) -> list[Finding]:
    """Which channel fell short of keeping step."""
    if gaps.empty:
        text = voice.say("没有目标或没有以前的销量，缺口不能分到渠道", "No target or no earlier sales: the shortfall cannot be laid out over channels")
        return [voice.finding("gap.channel", None, "台", text, status=Status.UNKNOWN)]
    worst = gaps.iloc[0]
    text = voice.say(
        f"如各渠道同步，{voice.word('channel', worst.channel)}应售{number(worst.expected, 1)}台，实售{number(worst.actual)}台",
        f"Had all kept step, {voice.word('channel', worst.channel)} would have sold {number(worst.expected, 1)}; it sold {number(worst.actual)}",
    )
    return [voice.finding("gap.channel", worst.gap, "台", text, definition="gap laid out by earlier shares", table="sales",
                          denominator=voice.say("应有＝目标×此前各渠道占比（至多十二个月）；占比＝占各渠道缺口之和", "expected = target × earlier shares (twelve months at most); share = of the channels' shortfalls"))]  # fmt: skip


def outlets(voice: Voice, units: pd.DataFrame) -> list[Finding]:
    """How far apart the outlets of the branch are."""
    own = units.loc[units["branch"] == voice.branch, "units"] if len(units) else pd.Series(dtype=float)
    if own.empty:
        text = voice.say("没有网点数据", "No data by outlet")
        return [voice.finding("outlets.median", None, "台", text, status=Status.UNKNOWN)]
    text = voice.say(
        f"本分公司{len(own)}个网点，十二个月销量从{number(own.min())}到{number(own.max())}台，中位数{number(own.median())}台",
        f"The branch's {len(own)} outlets sold from {number(own.min())} to {number(own.max())} devices in twelve months, median {number(own.median())}",
    )
    return [voice.finding("outlets.median", own.median(), "台", text, definition="median of outlets", table="sales")]

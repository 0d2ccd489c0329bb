"""What the channel tables say: who gave what, what changed, what it is worth."""

from __future__ import annotations

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent, rounded
from g3lib.measures.channels import printed_sum
from g3lib.periods import Period, shift
from g3lib.report.claims.targets import target, target_units
from g3lib.report.claims.voice import Voice

_SHARE = "channel_contribution_share"


def headline(voice: Voice, total: pd.DataFrame, units: pd.DataFrame, progress: pd.DataFrame) -> list[Finding]:
    """What the report opens with: the total and who gave it, then how far the target is.

    Args:
        total: channel, units, share over the whole span.
        units: month, channel, units.
        progress: `targets.progress`; may be empty.
    """
    months = sorted(units["month"].unique())
    span = f"{months[0]}..{months[-1]}" if len(months) > 1 else months[0]
    shown = voice.span(span)
    sold = total["units"].sum()
    first = voice.finding(
        "units.total", sold, "台",
        voice.say(f"{voice.branch}{shown}共销售{voice.count(sold)}", f"{voice.branch} sold {number(sold)} devices in {shown}")
        + _who_gave(voice, total),
        denominator=voice.say("期内全部渠道销量", "all channels' sales of the span"), definition=_SHARE, table="sales",
        period=span, headline=True,
    )  # fmt: skip
    return [first, *target(voice, progress), *_figures(voice, total, units, span)]


def _who_gave(voice: Voice, total: pd.DataFrame) -> str:
    known = total.dropna(subset="share")
    if known.empty:
        return voice.say("。", ".")
    top, low = known.loc[known["share"].idxmax()], known.loc[known["share"].idxmin()]
    if len(known) == 1:
        return voice.say(f"，全部来自{voice.word('channel', top.channel)}渠道。", f", all through the {voice.word('channel', top.channel)} channel.")
    if top.share == low.share:
        return voice.say(f"：{len(known)}个渠道各占{percent(top.share)}。", f": each of {len(known)} channels gave {percent(top.share)}.")
    return voice.say(
        f"：{voice.word('channel', top.channel)}渠道贡献{percent(top.share)}，{voice.word('channel', low.channel)}渠道仅{percent(low.share)}。",
        f": the {voice.word('channel', top.channel)} channel gave {percent(top.share)}, the {voice.word('channel', low.channel)} "
        f"channel only {percent(low.share)}.",
    )


def by_month(voice: Voice, totals: pd.Series, kpi: pd.DataFrame) -> list[Finding]:
    """What the months say: the last one beside the one before and the mean.

    Args:
        totals: devices by month.
        kpi: `targets.kpi_row` of the last month.
    """
    last = str(totals.index[-1])
    over = totals.iloc[:-1] if voice.is_part(last) else totals  # a month that is not over is no month of the mean
    mean = over.mean() if len(over) else float("nan")
    compared, change = "", float(kpi.set_index("kpi")["value"]["month_on_month"])
    if change == change:
        compared = voice.say(
            f"，日均环比{'增' if change >= 0 else '减'}{percent(abs(change), 1)}", f", {change:+.1%} a day on the month before"
        )
    text = voice.say(
        f"{voice.span(last)}销售{voice.count(totals.iloc[-1])}{compared}", f"{voice.span(last)}: {number(totals.iloc[-1])} devices{compared}"
    )
    if len(over):
        whole = voice.say("整", "whole ") if voice.is_part(last) else ""
        text += voice.say(f"；{len(over)}个{whole}月月均{number(mean, 2)}台", f"; the mean of {len(over)} {whole}months is {number(mean, 2)}")
    found = [
        voice.finding("units.month_mean", mean, "台", text, definition="mean of the totals of months that are over", table="sales",
                      period=f"{totals.index[0]}..{last}"),
    ]  # fmt: skip
    if compared:
        found.append(voice.figure("units.month_on_month", change, "1", voice.say("日均环比", "a day on the month before"),
                                  definition="daily average ÷ that of the month before − 1", table="sales", period=last))  # fmt: skip
    return found


def change(voice: Voice, changed: pd.DataFrame, before: str, after: str, shifted: pd.DataFrame | None = None) -> list[Finding]:
    """Which channel moved the total most, and what of it the province's growth and the branch's mix gave.

    Args:
        changed: `channels.change_of_share`.
        before, after: the two months; where the second is not over, both are counted to its last day known, and it is said.
        shifted: `channels.shift_share` of the same months; None or empty: not compared with a province.
    """
    if changed.empty or not changed["units_after"].any():
        text = voice.say(f"没有{before}或{after}的数据，不能与上月比较", f"Nothing is known of {before} or {after}: no comparison with the month before")
        return [voice.finding("units.change", None, "台", text, status=Status.UNKNOWN, table="sales", period=after)]
    span, difference = f"{before}..{after}", changed["change"].sum()
    mover = changed.loc[changed["change"].abs().idxmax()]
    both = to_day(voice, after)
    text = voice.say(
        f"{before}到{after}{both}销量{'增加' if difference >= 0 else '减少'}{voice.count(abs(difference))}，变动最大的是"
        f"{voice.word('channel', mover.channel)}渠道（{mover.change:+,.0f}台）",
        f"From {before} to {after}{both} sales {'rose' if difference >= 0 else 'fell'} by {number(abs(difference))} devices; "
        f"the {voice.word('channel', mover.channel)} channel moved most ({mover.change:+,.0f})",
    )
    parts: dict[str, tuple[float, str]] = {
        f"units.change.{c.channel}": (c.change, voice.word("channel", c.channel)) for c in changed.itertuples()
    }
    if shifted is not None and len(shifted):
        sums = shifted[["province", "structure", "own_growth"]].sum()
        names = {"province": ("全省增长带来", "the province's growth"), "structure": ("渠道结构", "the branch's channel mix"), "own_growth": ("自身", "the branch's own")}
        shares = {name: (sums[name], voice.say(*words)) for name, words in names.items()}
        text += voice.say("；全部变动分为：", "; of the whole change: ") + voice.listed([f"{word}{voice.say('', ' ')}{value:+,.0f}{voice.say('台', '')}" for value, word in shares.values()])
        parts |= {f"units.change.{name}": value for name, value in shares.items()}
    lead = voice.finding("units.change", difference, "台", text, definition="change_of_share, shift_share", table="sales", period=span)
    return [lead, *(voice.figure(name, value, "台", of, definition="change_of_share, shift_share", table="sales", period=span)
                    for name, (value, of) in parts.items())]  # fmt: skip


def level(voice: Voice, table: pd.DataFrame, period: Period, by: str, of: str = "") -> list[Finding]:
    """Who sold what up to a day, who gave most, and how the whole stands to as many days of the month before.

    Args:
        table: `channels.level`; period: its last day known; by: `channel` or `outlet`; of: the channel whose outlets they are.
    """
    day = f"{period.asof:%Y-%m-%d}"
    inside = voice.say(f"{voice.word('channel', of)}渠道", f" through the {voice.word('channel', of)} channel") if of else ""
    if table.empty:
        text = voice.say(f"到{day}{inside}没有销售记录", f"No sale{inside} up to {day} is known")
        return [voice.finding("level.units", None, "台", text, status=Status.UNKNOWN, table="sales", period=day, headline=True)]
    sold, was = (float(table[name].sum(min_count=1)) for name in ("units_after", "units_before"))
    top = table.iloc[0]
    name = voice.word("level_of_sales", top[by]) if top[by] == "unstated" else voice.word(by, top[by]) if by == "channel" else str(top[by])
    grown = voice.say("，上月情况未知", ", the month before is unknown") if was != was else voice.say("，上月没有销售", ", none in the month before")
    if was > 0:
        grown = voice.say(f"，比上月同样天数{'增' if sold >= was else '减'}{percent(abs(sold / was - 1), 1)}", f", {sold / was - 1:+.1%} on as many days of the month before")
    most = voice.say(f"；最多的是{name}（{percent(top['share_after'], 1)}）", f"; most: {name} ({percent(top['share_after'], 1)})") if sold else ""
    month = period.last_month
    text = voice.say(f"{voice.branch}{month}到{day[8:]}日{inside}销售{voice.count(sold)}", f"{voice.branch} sold {number(sold)} devices{inside} in {month} up to day {day[8:]}")
    return [voice.finding("level.units", sold, "台", text + grown + most + voice.say("。", "."), definition="change_of_share", table="sales",
                          previous=None if was != was else was, period=day, headline=True)]  # fmt: skip


def openers(voice: Voice, table: pd.DataFrame) -> list[str]:
    """What a click on each channel's bar does, in words (`channels.level`)."""
    words = [(voice.word("channel", row.channel), number(row.units_after)) for row in table.itertuples()]
    return [voice.say(f"{name}：{units}台，打开网点", f"{name}: {units} devices, open its outlets") for name, units in words]


def shares(voice: Voice) -> list[Finding]:
    """What the table of shares by month shows."""
    return [voice.finding("shares", None, "", voice.say("各月各渠道占比", "Each channel's share by month"), table="sales")]


def to_day(voice: Voice, month: str) -> str:
    """That two months are counted to the same day, where the second is not over."""
    return voice.say(f"（均至{voice.period[8:]}日）", f" (both to day {voice.period[8:]})") if voice.is_part(month) else ""


def worth(voice: Voice, efficiency: pd.DataFrame, states: pd.DataFrame | None = None) -> list[Finding]:
    """Which channel is cheap and which is sound: a cheap one with poor customers is named.

    Args:
        efficiency: `channels.efficiency`.
        states: the `subsidy.customer_states` that it is of: their months are the claim's period.
    """
    span = f"{states['month'].min()}..{states['month'].max()}" if states is not None and len(states) else ""
    known = efficiency.dropna(subset=["valid_share", "cost_per_sale"])
    if known.empty:
        text = voice.say("客户状态或费用未知，各渠道效能不作比较", "Customers' states or costs are unknown: channels are not compared")
        return [voice.finding("channel.cost_per_valid", None, "元", text, status=Status.UNKNOWN, table="sales")]
    if known["cost_per_valid"].isna().all():
        text = voice.say("状态已知的销售中没有有效客户，每有效客户费用无从计算", "None of the sales of known state brought a valid customer: no cost a valid customer")
        return [voice.finding("channel.cost_per_valid", None, "元", text, status=Status.WATCH, table="sales")]
    best = known.loc[known["cost_per_valid"].idxmin()]
    poor = known[known["judged"] == "cheap_poor"]
    name = voice.word("channel", best.channel)
    text = voice.say(
        f"{name}渠道每有效客户最省：{voice.money(best.cost_per_valid)}（有效客户占{percent(best.valid_share, 1)}）",
        f"The {name} channel spends least a valid customer: {voice.money(best.cost_per_valid)} ({percent(best.valid_share, 1)} valid)",
    )
    for row in poor.itertuples():
        word = voice.word("channel", row.channel)
        text += voice.say(
            f"；{word}渠道每台便宜（{voice.money(row.cost_per_sale)}），但有效客户只占{percent(row.valid_share, 1)}，每有效客户{voice.money(row.cost_per_valid)}",
            f"; the {word} channel is cheap a device ({voice.money(row.cost_per_sale)}), but only {percent(row.valid_share, 1)} are valid: "
            f"{voice.money(row.cost_per_valid)} a valid customer",
        )
    base = voice.say("状态已知、满三个月的销售", "sales of known state, three months old")
    lead = voice.finding("channel.cost_per_valid", best.cost_per_valid, "元", text, definition="efficiency", table="sales", denominator=base, period=span,
                         status=Status.WATCH if len(poor) else Status.PLAIN)  # fmt: skip
    each = [
        voice.figure(f"channel.{what}.{row.channel}", getattr(row, what), unit, voice.word("channel", row.channel), definition="efficiency", table="sales",
                     denominator=base, period=span)
        for row in known.itertuples() for what, unit in (("valid_share", "1"), ("cost_per_sale", "元"), ("cost_per_valid", "元"))
    ]  # fmt: skip
    return [lead, *each]


def cost_change(voice: Voice, cost: pd.DataFrame, known: tuple[float, float], before: str, after: str) -> list[Check]:
    """The change of the subsidy as volume, mix and price, where it is known of the same part of both months' sales.

    Args:
        cost, known: `channels.cost_change` of the two months.
    """
    if cost.empty and not (min(known) < max(known)):  # nothing is known of either month
        return []
    if cost.empty:
        text = voice.say(
            f"{before}有{percent(known[0], 1)}、{after}有{percent(known[1], 1)}的台数补贴已知：不可比，补贴变动不作分解。",
            f"The subsidy is known of {percent(known[0], 1)} of the devices in {before} and {percent(known[1], 1)} in {after}: not comparable, not split.",
        )
        return [Check("cost_change", Verdict.NONE, text)]
    both = to_day(voice, after)
    sums = cost[["yuan_before", "yuan_after", "volume_yuan", "mix_yuan", "price_yuan"]].sum()
    difference = sums["yuan_after"] - sums["yuan_before"]
    signed = {name: ("+" if sums[f"{name}_yuan"] > 0 else "") + voice.money(sums[f"{name}_yuan"]) for name in ("volume", "mix", "price")}
    text = voice.say(
        f"{before}到{after}{both}补贴{'增加' if difference >= 0 else '减少'}{voice.money(abs(difference))}：销量{signed['volume']}，结构{signed['mix']}，"
        f"每台补贴{signed['price']}。",
        f"From {before} to {after}{both} the subsidy {'rose' if difference >= 0 else 'fell'} by {voice.money(abs(difference))}: volume {signed['volume']}, "
        f"mix {signed['mix']}, yuan a device {signed['price']}.",
    )
    return [Check("cost_change", Verdict.PASS, text)]


def outlets(voice: Voice, spread: pd.DataFrame, counter: pd.DataFrame, statuses: dict[str, Status]) -> list[Check]:
    """Dead outlets and models on display, each against the province's lines.

    Args:
        spread: `channels.concentration` over all outlets of the branch (one row).
        counter: `channels.counter_rate` over all (one row), empty where nothing was counted.
        statuses: `targets.lights` of dead_outlet_share and counter_rate.
    """
    verdicts = {Status.GOOD: Verdict.PASS, Status.WATCH: Verdict.WARNING, Status.BREACH: Verdict.FAIL}
    found = []
    if len(spread) and spread["listed_outlets"].iloc[0]:
        row = spread.iloc[0]
        text = voice.say(
            f"{number(row.listed_outlets)}个在册网点中{number(row.dead_outlets)}个近三个月零销量（{percent(row.dead_share, 1)}）{tenth(voice, row.top_tenth)}。",
            f"{number(row.dead_outlets)} of {number(row.listed_outlets)} listed outlets sold nothing in three months ({percent(row.dead_share, 1)})"
            f"{tenth(voice, row.top_tenth)}.",
        )
        found.append(Check("dead_outlets", verdicts.get(statuses["dead_outlet_share"], Verdict.NONE), text))
    if len(counter) and counter["on_display"].notna().any():
        row = counter.iloc[0]
        text = voice.say(
            f"上柜率{percent(row.on_display, 1)}：{number(row.outlets)}个网点应上柜{number(row.listed_models)}机型次，实上{number(row.displayed_models)}。",
            f"Models on display: {percent(row.on_display, 1)} ({number(row.displayed_models)} of {number(row.listed_models)} listed, over {number(row.outlets)} outlets).",
        )
        found.append(Check("counter_rate", verdicts.get(statuses["counter_rate"], Verdict.NONE), text))
    else:
        text = voice.say("没有网点上柜盘点，上柜率未知。", "No outlet's displays were counted: the share of models on display is unknown.")
        found.append(Check("counter_rate", Verdict.NONE, text))
    return found


def tenth(voice: Voice, share: float) -> str:
    """What the largest tenth of outlets sells, in brackets; nothing where there are fewer than ten."""
    if share != share:
        return ""
    return voice.say(f"（最大的一成网点占销量{percent(share, 1)}）", f" (the largest tenth sells {percent(share, 1)})")


def roles(voice: Voice, fit: pd.DataFrame) -> list[Check]:
    """Whether each channel sells to whom the guideline means it to.

    Args:
        fit: `channels.role_fit`; empty where no segment is known.
    """
    known = fit.dropna(subset=["in_role"])
    if known.empty:
        return [Check("roles", Verdict.NONE, voice.say("客户群或渠道分工未知，不作核对。", "Segments or roles are unknown: not checked."))]
    parts = []
    for row in known.itertuples():
        word, outside = voice.word("channel", row.channel), row.outside if isinstance(row.outside, str) else ""
        aside = voice.say(f"（外向最多的是{outside}{percent(row.outside_share, 1)}）", f" (most outside: {outside} {percent(row.outside_share, 1)})") if outside else ""
        parts.append(voice.say(f"{word}{percent(row.in_role, 1)}符合分工{aside}", f"{word} {percent(row.in_role, 1)} within its role{aside}"))
    unstated = [voice.word("channel", c) for c in fit.loc[fit["in_role"].isna(), "channel"]]
    text = voice.say("；", "; ").join(parts)
    text += voice.say(f"；指导意见未规定{voice.listed(unstated)}的分工", f"; no role is stated for {voice.listed(unstated)}") if unstated else ""
    verdict = Verdict.PASS if (known["in_role"] >= 0.5).all() else Verdict.WARNING
    return [Check("roles", verdict, text + voice.say("。", "."))]


def intervals(voice: Voice, shares: pd.DataFrame) -> list[Check]:
    """Simultaneous intervals of the shares, read as a process, where some channel sold little.

    Args:
        shares: `channels.share_intervals` of the span.
    """
    small = shares[shares["units"] < 100].dropna(subset="low")
    if small.empty:
        return []
    parts = voice.listed([f"{voice.word('channel', r.channel)} {percent(r.low, 1)}–{percent(r.high, 1)}" for r in small.itertuples()])
    text = voice.say(
        f"若把这些台数看作同一过程的一次结果，小渠道占比的同时95%区间（Goodman）为：{parts}。",
        f"Read as one outcome of a process, the small channels' shares have simultaneous 95 % intervals (Goodman) of {parts}.",
    )
    return [Check("share_intervals", Verdict.PASS, text)]


def checks(voice: Voice, total: pd.DataFrame, sales: pd.DataFrame, targets: pd.DataFrame) -> list[Check]:
    """Rounding, the units of target and sales, and what a share of a full count is."""
    printed = printed_sum(list(total["share"]))
    shares = " + ".join(str(rounded(100 * s, 2)) for s in total["share"])
    found = []
    if printed != "100.00" and total["share"].notna().all():
        text = voice.say(
            f"各渠道占比逐项四舍五入（{shares} = {printed}），合计因四舍五入不为100.00%。",
            f"Shares are rounded one by one ({shares} = {printed}); the sum is not 100.00 % because of rounding.",
        )
        found.append(Check("rounding", Verdict.WARNING, text))
    found += target_units(voice, targets)
    text = voice.say(
        f"销量为全量统计（{number(sales['units'].sum())}台），占比没有抽样误差。",
        f"Sales are a full count ({number(sales['units'].sum())} devices): shares have no sampling error.",
    )
    return [*found, Check("full_count", Verdict.PASS, text)]


def _figures(voice: Voice, total: pd.DataFrame, units: pd.DataFrame, span: str) -> list[Finding]:
    whole = voice.say("期内全部渠道销量", "all channels' sales of the span")
    found = []
    for row in total.itertuples():
        name = voice.word("channel", row.channel)
        found.append(voice.figure(f"units.channel.{row.channel}", row.units, "台", name, definition="sum of units", table="sales", period=span))
        found.append(voice.figure(f"share.{row.channel}", row.share, "1", name, denominator=whole, definition=_SHARE, table="sales", period=span))
    sums = units.groupby("month")["units"].sum()
    for month, sold in sums.items():
        before, last_year = (sums.get(shift(str(month), -n)) for n in (1, 12))
        found.append(
            voice.finding(f"units.month.{month}", sold, "台", f"{month} {number(sold)}台", definition="sum of units", table="sales",
                          period=str(month), previous=before, last_year=last_year)
        )  # fmt: skip
    return found

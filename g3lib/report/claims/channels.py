"""What the channel and target tables say."""

from __future__ import annotations

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent, rounded
from g3lib.measures.channels import printed_sum
from g3lib.periods import shift
from g3lib.report.claims.voice import Voice

_SHARE = "channel_contribution_share"
_PROGRESS = "attainment"
_FIGURES = {
    "attainment.calendar": ("当月完成率（按日历天）", "month's attainment (calendar days)"),
    "attainment.year": ("累计完成率", "attainment to date"), "time_progress.calendar": ("时间进度", "time progress"),
    "target.remaining": ("尚缺", "to go"), "target.per_month": ("月均需", "needed a month"),
    "target.per_day": ("日均需", "needed a day"), "target.gap_to_time": ("序时缺口", "behind time"),
}  # fmt: skip


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
        voice.say(f"{voice.branch}{shown}共销售{number(sold)}台", f"{voice.branch} sold {number(sold)} devices in {shown}")
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
    return voice.say(
        f"：{voice.word('channel', top.channel)}渠道贡献{percent(top.share)}，{voice.word('channel', low.channel)}渠道仅{percent(low.share)}。",
        f": the {voice.word('channel', top.channel)} channel gave {percent(top.share)}, the {voice.word('channel', low.channel)} "
        f"channel only {percent(low.share)}.",
    )


def target(voice: Voice, progress: pd.DataFrame) -> list[Finding]:
    """How far the target is, by both phasings, and what is still needed."""
    if progress.empty:
        text = voice.say("没有正在执行的销量目标，完成率未知。", "No sales target is running: attainment is unknown.")
        return [voice.finding("attainment", None, "1", text, status=Status.UNKNOWN, headline=True)]
    even = progress[progress["phasing"] == "month_even"].iloc[0]
    days = progress[progress["phasing"] == "calendar"].iloc[0]
    if even.target != even.target:
        text = voice.say("目标被隐去，完成率未知。", "The target is masked: attainment is unknown.")
        return [voice.finding("attainment", None, "1", text, status=Status.UNKNOWN, headline=True)]
    behind = days.attainment < days.time_progress
    span = f"{even.start}..{even.end}"
    lead = voice.finding(
        "attainment.month_even", even.month_attainment, "1",
        voice.say(
            f"{voice.span(even.month)}销售{number(even.month_actual)}台，完成当月{_to_date(voice, even)}目标的{percent(even.month_attainment)}（按月均分；按日历天为"
            f"{percent(days.month_attainment)}）；" + _left(voice, even),
            f"{voice.span(even.month)} brought {number(even.month_actual)} devices, {percent(even.month_attainment)} of the month's target {_to_date(voice, even)}"
            f"(even months; {percent(days.month_attainment)} by calendar days); " + _left(voice, even),
        ),
        denominator=voice.say(f"{span}目标按月均分", f"target of {span} spread evenly over months"), definition=_PROGRESS,
        table="targets", period=even.month, status=Status.BREACH if behind else Status.GOOD, headline=True,
    )  # fmt: skip
    by_days = voice.say(f"{span}目标按日历天分摊", f"target of {span} by calendar days")
    figures = [
        ("attainment.calendar", days.month_attainment, "1", by_days, _PROGRESS),
        ("attainment.year", days.attainment, "1", voice.say(f"{span}目标", f"target of {span}"), _PROGRESS),
        ("time_progress.calendar", days.time_progress, "1", voice.say("目标期的天数", "days of the target"), "time_progress"),
        ("target.remaining", even.remaining, str(even.unit), "", "required_run_rate"),
        ("target.per_month", even.per_month, str(even.unit), voice.say("剩余月数", "months left"), "required_run_rate"),
        ("target.per_day", days.per_day, str(days.unit), voice.say("剩余天数", "days left"), "required_run_rate"),
        ("target.gap_to_time", days.gap_to_time, str(days.unit), by_days, "gap_to_time"),
    ]
    return [lead, *(_figure(voice, *figure, table="targets", period=even.month, of=voice.say(*_FIGURES[figure[0]])) for figure in figures)]


def _left(voice: Voice, even: pd.Series) -> str:
    if even.remaining <= 0:
        return voice.say("目标已经完成。", "the target is met.")
    unit = voice.say(str(even.unit), "customers" if even.unit == "户" else "devices")
    if not even.days_left:
        return voice.say(f"期末差{number(even.remaining)}{unit}未完成。", f"the time is over, {number(even.remaining)} {unit} short.")
    if even.months_left < 1:
        return voice.say(
            f"还差{number(even.remaining)}{unit}，余下{even.days_left}天每天须完成{number(even.per_day, 1)}{unit}。",
            f"{number(even.remaining)} {unit} remain, {number(even.per_day, 1)} a day in the {even.days_left} days left.",
        )
    return voice.say(
        f"到期末还差{number(even.remaining)}{unit}，此后每月须完成{number(even.per_month, 1)}{unit}。",
        f"{number(even.remaining)} {unit} remain, {number(even.per_month, 1)} a month from now on.",
    )


def _to_date(voice: Voice, even: pd.Series) -> str:
    return "" if len(even.month) == 7 else voice.say("至当日", "to date ")


def by_month(voice: Voice, totals: pd.Series, kpi: pd.DataFrame) -> list[Finding]:
    """What the months say: the last one beside the one before and the mean.

    Args:
        totals: devices by month.
        kpi: `targets.kpi_row` of the last month.
    """
    last, mean = totals.index[-1], totals.mean()
    compared, change = "", float(kpi.set_index("kpi")["value"]["month_on_month"])
    if change == change:
        compared = voice.say(
            f"，日均环比{'增' if change >= 0 else '减'}{percent(abs(change), 1)}", f", {change:+.1%} a day on the month before"
        )
    text = voice.say(
        f"{last}销售{number(totals.iloc[-1])}台{compared}；{len(totals)}个月月均{number(mean, 2)}台",
        f"{last}: {number(totals.iloc[-1])} devices{compared}; the mean of {len(totals)} months is {number(mean, 2)}",
    )
    found = [
        voice.finding("units.month_mean", mean, "台", text, definition="mean of month totals", table="sales",
                      period=f"{totals.index[0]}..{last}"),
    ]  # fmt: skip
    if compared:
        found.append(_figure(voice, "units.month_on_month", change, "1", "", "daily average ÷ that of the month before − 1",
                             "sales", last, voice.say("日均环比", "a day on the month before")))  # fmt: skip
    return found


def change(voice: Voice, changed: pd.DataFrame, before: str, after: str) -> list[Finding]:
    """Which channel moved the total most."""
    if changed.empty:
        text = voice.say(f"没有{before}的数据，不能与上月比较", f"Nothing is known of {before}: no comparison with the month before")
        return [voice.finding("units.change", None, "台", text, status=Status.UNKNOWN, table="sales", period=after)]
    difference = changed["change"].sum()
    mover = changed.loc[changed["change"].abs().idxmax()]
    text = voice.say(
        f"{before}到{after}销量{'增加' if difference >= 0 else '减少'}{number(abs(difference))}台，变动最大的是"
        f"{voice.word('channel', mover.channel)}渠道（{mover.change:+,.0f}台）",
        f"From {before} to {after} sales {'rose' if difference >= 0 else 'fell'} by {number(abs(difference))} devices; "
        f"the {voice.word('channel', mover.channel)} channel moved most ({mover.change:+,.0f})",
    )
    lead = voice.finding(
        "units.change", difference, "台", text, definition="change_of_share", table="sales", period=f"{before}..{after}"
    )
    parts = [
        voice.finding(f"units.change.{c.channel}", c.change, "台", f"{voice.word('channel', c.channel)} {c.change:+,.0f}",
                      definition="change_of_share", table="sales", period=f"{before}..{after}")
        for c in changed.itertuples()
    ]  # fmt: skip
    return [lead, *parts]


def progress_claim(voice: Voice, progress: pd.DataFrame) -> list[Finding]:
    """The year's attainment against the time that has passed."""
    if progress.empty:
        return target(voice, progress)
    days = progress[progress["phasing"] == "calendar"].iloc[0]
    gap = days.gap_to_time
    text = voice.say(
        f"累计完成年度目标的{percent(days.attainment)}，时间已过{percent(days.time_progress)}："
        + (f"序时缺口{number(gap, 1)}{days.unit}" if gap > 0 else f"超序时{number(-gap, 1)}{days.unit}"),
        f"{percent(days.attainment)} of the year's target in {percent(days.time_progress)} of its time: "
        + (f"{number(gap, 1)} behind time" if gap > 0 else f"{number(-gap, 1)} ahead of time"),
    )
    status = Status.BREACH if gap > 0 else Status.GOOD
    return [
        voice.finding("progress_index", days.progress_index, "1", text, definition="progress_index", status=status,
                      denominator=voice.say("时间进度（日历天）", "time progress (calendar days)"), table="targets")
    ]  # fmt: skip


def checks(voice: Voice, total: pd.DataFrame, sales: pd.DataFrame, targets: pd.DataFrame) -> list[Check]:
    """Rounding, the units of target and sales, and what a share of a full count is."""
    printed = printed_sum(list(total["share"]))
    shares = " + ".join(str(rounded(100 * s, 2)) for s in total["share"])
    found = []
    if printed != "100.00":
        text = voice.say(
            f"各渠道占比逐项四舍五入（{shares} = {printed}），合计因四舍五入不为100.00%。",
            f"Shares are rounded one by one ({shares} = {printed}); the sum is not 100.00 % because of rounding.",
        )
        found.append(Check("rounding", Verdict.WARNING, text))
    found += target_units(voice, targets)
    text = voice.say(
        f"销量为全量统计（{number(sales['units'].sum())}台），占比没有抽样误差，故不给区间。",
        f"Sales are a full count ({number(sales['units'].sum())} devices): shares have no sampling error, so no interval is given.",
    )
    return [*found, Check("full_count", Verdict.PASS, text)]


def target_units(voice: Voice, targets: pd.DataFrame) -> list[Check]:
    """A target in customers beside sales in devices."""
    units = sorted(set(targets.loc[targets["metric"] == "units", "unit"].dropna()) - {"台"})
    if not units:
        return []
    text = voice.say(
        f"目标以{voice.listed(units)}计，销量以台计：两者并不相同，完成率与缺口按一台一户理解。",
        f"The target counts {voice.listed(units)} (customers), sales count 台 (devices): they are not the same; "
        "attainment and shortfall read one device as one customer.",
    )
    return [Check("target_unit", Verdict.WARNING, text)]


def stated(voice: Voice, documents: dict[str, float], units: pd.DataFrame, progress: pd.DataFrame) -> list[Check]:
    """What the source document says of the same figures, beside ours."""
    found = []
    if "stated.mean_monthly_units" in documents:
        mean = units.groupby("month")["units"].sum().mean()
        given = documents["stated.mean_monthly_units"]
        months = units["month"].nunique()
        text = voice.say(
            f"文件称月均{number(given)}台；{months}个月合计÷{months} = {number(mean, 2)}台。",
            f"The document says {number(given)} devices a month; the total ÷ {months} months is {number(mean, 2)}.",
        )
        found.append(Check("stated_mean", Verdict.PASS if rounded(mean, 0) == given else Verdict.WARNING, text))
    if "stated.january_attainment" in documents and len(progress):
        even = progress[progress["phasing"] == "month_even"].iloc[0]
        given = documents["stated.january_attainment"]
        text = voice.say(
            f"文件称1月完成{percent(given, 0)}；按月均分为{percent(even.month_attainment)}。",
            f"The document says {percent(given, 0)} for January; spread evenly over months it is {percent(even.month_attainment)}.",
        )
        near = abs(float(rounded(even.month_attainment, 2)) - given) < 1e-9
        found.append(Check("stated_attainment", Verdict.PASS if near else Verdict.WARNING, text))
    return found


def _figures(voice: Voice, total: pd.DataFrame, units: pd.DataFrame, span: str) -> list[Finding]:
    whole = voice.say("期内全部渠道销量", "all channels' sales of the span")
    found = []
    for row in total.itertuples():
        name = voice.word("channel", row.channel)
        found.append(_figure(voice, f"units.channel.{row.channel}", row.units, "台", "", "sum of units", "sales", span, name))
        found.append(_figure(voice, f"share.{row.channel}", row.share, "1", whole, _SHARE, "sales", span, name))
    sums = units.groupby("month")["units"].sum()
    for month, sold in sums.items():
        before, last_year = (sums.get(shift(str(month), -n)) for n in (1, 12))
        found.append(
            voice.finding(f"units.month.{month}", sold, "台", f"{month} {number(sold)}台", definition="sum of units", table="sales",
                          period=str(month), previous=before, last_year=last_year)
        )  # fmt: skip
    return found


def _figure(
    voice: Voice, name: str, value: float, unit: str, denominator: str, definition: str, table: str, period: str, of: str = ""
) -> Finding:
    shown = percent(value) if unit == "1" else f"{number(value, 0 if float(value).is_integer() else 1)}{unit}"
    return voice.finding(name, value, unit, f"{of or name} {shown}", denominator=denominator, definition=definition,
                         table=table, period=period)  # fmt: skip


def shares(voice: Voice, total: pd.DataFrame, units: pd.DataFrame) -> list[Finding]:
    """The shares of the whole span, in one sentence."""
    parts = voice.listed([f"{voice.word('channel', row.channel)} {percent(row.share)}" for row in total.itertuples()])
    text = voice.say(f"各渠道贡献占比：{parts}", f"Contribution shares: {parts}")
    return [voice.finding("share.all", None, "", text, definition=_SHARE, table="sales",
                          period=f"{units['month'].min()}..{units['month'].max()}",
                          denominator=voice.say("期内全部渠道销量", "all channels' sales of the span"))]  # fmt: skip

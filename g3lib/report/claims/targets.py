"""What the targets say: how far, how sure, and who has to add what."""

from __future__ import annotations

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent, rounded
from g3lib.measures.targets import calendar
from g3lib.report.claims.voice import Voice

_PROGRESS = "attainment"
_FIGURES = {
    "attainment.calendar": ("当月完成率（按日历天）", "month's attainment (calendar days)"),
    "attainment.year": ("累计完成率", "attainment to date"), "time_progress.calendar": ("时间进度", "time progress"),
    "target.remaining": ("尚缺", "to go"), "target.per_month": ("月均需", "needed a month"),
    "target.per_day": ("日均需", "needed a day"), "target.gap_to_time": ("序时缺口", "behind time"),
}  # fmt: skip


def target(voice: Voice, progress: pd.DataFrame) -> list[Finding]:
    """How far the target is, by both phasings, and what is still needed."""
    if why := unknown(voice, progress, voice.say("完成率", "attainment")):
        return [voice.finding("attainment", None, "1", why, status=Status.UNKNOWN, headline=True)]
    even = progress[progress["phasing"] == "month_even"].iloc[0]
    days = calendar(progress).iloc[0]
    if even.reason == "months_missing":
        text = voice.say("目标期开头的月份没有数据，累计完成率未知", "The target's first months have no data: attainment to date is unknown")
        if even.month_attainment == even.month_attainment:  # the month itself is known, and its gap is told elsewhere
            text += voice.say(f"；{voice.span(even.month)}完成当月{_to_date(voice, even)}目标的{percent(even.month_attainment)}（按月均分）",
                              f"; {voice.span(even.month)} brought {percent(even.month_attainment)} of the month's target {_to_date(voice, even)}(even months)")  # fmt: skip
        status = _more_urgent(Status(even.month_status), Status.UNKNOWN)
        return [voice.finding("attainment", None, "1", text + voice.say("。", "."), status=status, headline=True)]
    span = f"{even.starts}..{even.ends}"
    lead = voice.finding(
        "attainment.month_even", even.month_attainment, "1",
        voice.say(
            f"{voice.span(even.month)}销售{voice.count(even.month_actual)}，完成当月{_to_date(voice, even)}目标的{percent(even.month_attainment)}（按月均分；按日历天为"
            f"{percent(days.month_attainment)}）；" + _left(voice, even),
            f"{voice.span(even.month)} brought {number(even.month_actual)} devices, {percent(even.month_attainment)} of the month's target {_to_date(voice, even)}"
            f"(even months; {percent(days.month_attainment)} by calendar days); " + _left(voice, even),
        ),
        denominator=voice.say(f"{span}目标按月均分", f"target of {span} spread evenly over months"), definition=_PROGRESS,
        table="targets", period=even.month, status=_more_urgent(Status(days.status), Status(even.month_status)), headline=True,
    )  # fmt: skip
    by_days = voice.say(f"{span}目标按日历天分摊", f"target of {span} by calendar days")
    of_span = voice.say(f"{span}目标", f"target of {span}")
    figures = [
        ("attainment.calendar", days.month_attainment, "1", by_days, _PROGRESS),
        ("attainment.year", days.attainment, "1", of_span, _PROGRESS),
        ("time_progress.calendar", days.time_progress, "1", voice.say("目标期的天数", "days of the target"), "time_progress"),
        ("target.remaining", even.remaining, str(even.unit), "", "required_run_rate"),
        ("target.per_month", even.per_month, str(even.unit), voice.say("剩余月数", "months left"), "required_run_rate"),
        ("target.per_day", days.per_day, str(days.unit), voice.say("剩余天数", "days left"), "required_run_rate"),
        ("target.gap_to_time", days.gap_to_time, str(days.unit), by_days, "gap_to_time"),
    ]
    return [lead, *(voice.figure(name, value, unit, voice.say(*_FIGURES[name]), denominator=below, definition=how, table="targets", period=even.month)
                    for name, value, unit, below, how in figures)]  # fmt: skip


def unknown(voice: Voice, progress: pd.DataFrame, what: str) -> str:
    """Why nothing can be held against the target: none runs, it is masked, or it is nought; empty where something can.

    Args:
        progress: `targets.progress`.
        what: what is unknown, in words.
    """
    if progress.empty:
        return voice.say(f"没有正在执行的销量目标，{what}未知。", f"No sales target is running: {what} is unknown.")
    target = progress["target"].iloc[0]
    if target != target:
        return voice.say(f"目标未知（被隐去，或有分公司没有同期目标），{what}未知。", f"The target is unknown (masked, or a branch has none of that span): {what} is unknown.")
    if target == 0:
        return voice.say(f"销量目标是0，{what}没有意义，请核对目标表。", f"The sales target is 0: {what} has no meaning; see the targets table.")
    return ""


def _more_urgent(one: Status, other: Status) -> Status:
    """Of two statuses the one to act on first."""
    return min(one, other, key=list(Status).index)


def _left(voice: Voice, even: pd.Series) -> str:
    if even.remaining <= 0:
        return voice.say("目标已经完成。", "the target is met.")
    unit = voice.say(str(even.unit), "customers" if even.unit == "户" else "devices")
    if not even.days_left:
        return voice.say(f"期末还差{voice.count(even.remaining, unit)}。", f"the time is over, {number(even.remaining)} {unit} short.")
    if even.months_left < 1:
        return voice.say(
            f"还差{voice.count(even.remaining, unit)}，余下{even.days_left}天每天须完成{number(even.per_day, 1)}{unit}。",
            f"{number(even.remaining)} {unit} remain, {number(even.per_day, 1)} a day in the {even.days_left} days left.",
        )
    return voice.say(
        f"到期末还差{voice.count(even.remaining, unit)}，此后每月须完成{number(even.per_month, 1)}{unit}。",
        f"{number(even.remaining)} {unit} remain, {number(even.per_month, 1)} a month from now on.",
    )


def _to_date(voice: Voice, even: pd.Series) -> str:
    return "" if len(even.month) == 7 else voice.say("至当日", "to date ")


def progress_claim(voice: Voice, progress: pd.DataFrame, outlook: pd.DataFrame | None = None) -> list[Finding]:
    """The year's attainment against the time that has passed, and the chance of meeting it, with its horizon.

    Args:
        progress: `targets.progress`.
        outlook: `targets.outlook`.
    """
    if progress.empty:
        return target(voice, progress)
    days = calendar(progress).iloc[0]
    if days.attainment != days.attainment:
        return target(voice, progress)
    gap, unit = days.gap_to_time, str(days.unit)
    text = voice.say(
        f"累计完成目标的{percent(days.attainment)}，时间已过{percent(days.time_progress)}："
        + (f"序时缺口{voice.count(gap, unit)}" if gap > 0 else f"超序时{voice.count(-gap, unit)}"),
        f"{percent(days.attainment)} of the target in {percent(days.time_progress)} of its time: "
        + (f"{number(gap)} behind time" if gap > 0 else f"{number(-gap)} ahead of time"),
    )
    found, unlikely = [], False
    shape = progress.loc[(progress["phasing"] == "last_year") & progress["time_progress"].notna()]
    if len(shape) and days.days_left:
        row = shape.iloc[0]
        text += voice.say(f"（按上年走势时间进度为{percent(row.time_progress)}）", f" ({percent(row.time_progress)} by last year's shape)")
        found.append(voice.figure("progress_index.last_year", row.progress_index, "", voice.say("进度指数（按上年走势）", "progress index (last year's shape)"),
                                  definition="progress_index", table="targets"))  # fmt: skip
    if days.beside_last_year == days.beside_last_year and days.remaining > 0:
        text += voice.say(f"；余下日子须达到上年同期的{percent(days.beside_last_year, 1)}", f"; the days left must bring {percent(days.beside_last_year, 1)} of what they did last year")
        found.append(voice.figure("target.beside_last_year", days.beside_last_year, "1", voice.say("尚缺÷上年同期", "to go ÷ the same days last year"),
                                  definition="remaining ÷ last year's units of the days left", table="targets"))  # fmt: skip
    if outlook is not None and len(outlook) and outlook["horizon"].iloc[0]:
        found += _chance(voice, outlook.iloc[0])
        unlikely = bool(outlook["p_hit"].iloc[0] < 0.5)
        but = voice.say("但", "yet ") if unlikely and gap <= 0 else ""
        text += voice.say("；", "; ") + but + found[-1].text
    # ahead of the calendar and all but sure to miss is nothing to be calm about
    status = _more_urgent(Status(days.status), Status.WATCH) if unlikely else Status(days.status)
    lead = voice.finding("progress_index", days.progress_index, "1", text, definition="progress_index", status=status,
                         denominator=voice.say("时间进度（日历天）", "time progress (calendar days)"), table="targets")  # fmt: skip
    return [lead, *found]


def _chance(voice: Voice, row: pd.Series) -> list[Finding]:
    if row.p_hit != row.p_hit:
        text = voice.say(f"达标概率不作预测（{voice.word('why', row.reason)}）", f"no forecast of the chance ({voice.word('why', row.reason)})")
        return [voice.finding("target.p_hit", None, "1", text, definition="outlook", table="targets", status=Status.UNKNOWN)]
    # what a week says of the next, the days so far cannot show in full
    rough = voice.say("，各周前后相关，仍偏窄", ", weeks follow each other: still too narrow") if row.together > 0.5 else ""
    text = voice.say(
        f"照目前势头，{row.horizon:.0f}天后达标的概率{_likely(row.p_hit)}，预计{voice.count(row.expected_final)}（95%预测区间{voice.count(row.low)}–{voice.count(row.high)}{rough}）",
        f"at this pace the target is met with a chance of {_likely(row.p_hit)} in {row.horizon:.0f} days; {number(row.expected_final)} expected "
        f"(95 % predictive interval {number(row.low)}–{number(row.high)}{rough})",
    )
    figures = [("target.expected_final", row.expected_final, ("预计期末", "expected at the end")), ("target.low", row.low, ("预测下限", "low")),
               ("target.high", row.high, ("预测上限", "high"))]  # fmt: skip
    found = [voice.figure(name, value, "台", voice.say(*of), definition="outlook", table="sales") for name, value, of in figures]
    return [*found, voice.finding("target.p_hit", row.p_hit, "1", text, definition="outlook", table="sales")]


def owed(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """Of which channel most is asked (`targets.must_add`)."""
    if table["needed"].isna().all():
        return [voice.finding("owed", None, "台", voice.say("各渠道须完成多少无从得出", "What each channel must add is unknown"), status=Status.UNKNOWN)]
    most = table.loc[table["needed"].idxmax()]
    name = voice.word("channel", most["channel"])
    text = voice.say(f"须完成最多的是{name}渠道：每月{number(most['needed'], 1)}台", f"Most is asked of the {name} channel: {number(most['needed'], 1)} a month")
    return [voice.finding("owed", float(most["needed"]), "台", text, definition="required_run_rate", table="targets")]


def by_day(voice: Voice, table: pd.DataFrame) -> list[Finding]:
    """What each day left must bring (`targets.run_rate_by_day`)."""
    even = float(table["even_day"].iloc[0])
    text = voice.say(f"此后每天须完成{number(even, 1)}台", f"{number(even, 1)} devices a day from here on")
    return [voice.finding("by_day", even, "台", text, definition="required_run_rate", table="targets")]


def _likely(p: float) -> str:
    """A chance in whole percent; what is all but sure is not called sure."""
    return "> 99%" if p > 0.99 else "< 1%" if p < 0.01 else percent(p, 0)


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

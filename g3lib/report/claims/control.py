"""What a control chart says: stable or not, which points broke which rule, and why it is this chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number
from g3lib.qc.control import Chart, Suited
from g3lib.qc.control import rules as reading
from g3lib.report.claims.voice import Voice

_MOST_POINTS = 4
# fewer than these leave limits that move with each new point
_TRIAL, _FEW = 20, 12
# so many points in a row make a trend (Nelson 3)
_TREND = 6


def stable(
    voice: Voice, suited: Suited | None, name: str, what: str, base: str, table: str = "sales", level: Callable[[float], str] | None = None, period: str = "",
) -> list[Finding]:  # fmt: skip
    """Whether a series is one process: the rules that are broken, with their points; then the points set aside, if any.

    Args:
        suited: the chart chosen for it, None where there are too few points.
        name: of the finding; what: the series, in the reader's words; base: what each point is over.
        level: how the mean of a phase is written; None where it is not told; period: of the points, the report's unless said.
    """
    if suited is None:
        text = voice.say(f"{what}：点数不足，不作控制图", f"{what}: too few points for a control chart")
        return [voice.finding(name, None, "", text, status=Status.UNKNOWN)]
    chart, verdict = suited.location, suited.chart.verdict
    # limits of p′ that no scatter widens are those of p
    plain = chart.kind.removesuffix("_prime") if max(chart.sigmas.values(), default=0.0) == 1 else chart.kind
    kind, broken = voice.word("chart_kind", plain), [_broken(voice, chart, rule) for rule in chart.signals]
    if suited.spread is not None and suited.spread.signals:
        of = voice.word("chart_kind", suited.spread.kind)
        broken += [f"{of} {_broken(voice, suited.spread, rule)}" for rule in suited.spread.signals]
    if verdict is Verdict.NONE and not broken:
        said = voice.say("没有离散，无法判定", "no spread, so nothing can be told")
    else:
        said = voice.say("；", "; ").join(broken) if broken else _quiet(voice, chart)
    told = _levels(voice, chart, level) if level is not None else ""
    text = voice.say(f"{what}（{_bare(kind)}）：{said}{told}", f"{what} ({_bare(kind)}): {said}{told}")
    few = Status.PLAIN if len(chart.known) < _FEW or chart.unread else Status.GOOD
    status = {Verdict.FAIL: Status.WATCH, Verdict.NONE: Status.UNKNOWN}.get(verdict, few)
    out = {i for of in (chart, suited.spread) if of is not None for points in of.signals.values() for i in points}
    found = [voice.finding(name, None if verdict is Verdict.NONE else float(len(out)), "", text,
                           definition="Nelson's rules within phases", table=table, denominator=base, status=status, period=period)]  # fmt: skip
    if chart.excluded:
        named = voice.listed([f"{label}{voice.aside(cause)}" for label, cause in chart.excluded.items()])
        text = voice.say(f"未计入控制限：{named}", f"Left out of the limits: {named}")
        found.append(voice.finding(f"{name}.aside", float(len(chart.excluded)), "", text, definition="points set aside", table=table, period=period))
    return found


def _quiet(voice: Voice, chart: Chart) -> str:
    n, unread = len(chart.known), len(chart.unread)
    if unread:
        rules = len(reading.chosen(chart.kind, None))
        if unread == rules:
            return voice.say("没有选用判异规则，不能判断是否稳定", "read by no rule, so nothing is said of its stability")
        return voice.say(f"选用的{rules - unread}条规则下没有异常点；另有{unread}条未用，不能据此说过程稳定",
                         f"no point breaks the {rules - unread} rules chosen; {unread} more were not asked, so nobody can call it stable")  # fmt: skip
    if n < _FEW:
        return voice.say(f"{n}点中没有异常点，点数太少，还说不上稳定", f"none of {n} points is out, which are too few to call it stable")
    if len(set(chart.phases)) > 1:
        short = [voice.word("phase", str(phase)) for phase, points in Counter(chart.known).items() if points < _TREND]
        said = voice.say("各阶段之内没有异常点", "no rule is broken within any phase")
        if short:
            said += voice.say(f"（{'、'.join(short)}不足{_TREND}点，看不出趋势）", f" ({', '.join(short)}: fewer than {_TREND} points, no trend would show)")
        return said
    return voice.say("没有异常点，过程稳定", "no rule is broken: one stable process")


def _levels(voice: Voice, chart: Chart, level: Callable[[float], str]) -> str:
    """Where each phase stands: a process that is stable within its phases may still have moved between them."""
    phases = [phase for phase in dict.fromkeys(chart.phases) if phase not in chart.borrowed]
    means = [level(next(float(c) for c, p in zip(chart.centre, chart.phases, strict=True) if p == phase)) for phase in phases]
    others = voice.listed([voice.word("phase", str(phase)) for phase in chart.borrowed])
    rest = voice.say(f"，{others}按前一阶段的界限看", f"; {others} read against the limits before") if others else ""
    if len(phases) == 1:
        return voice.say(f"，平均{means[0]}", f", mean {means[0]}") + rest
    named = [f"{voice.word('phase', str(phase))} {mean}" for phase, mean in zip(phases, means, strict=True)]
    return voice.say(f"，平均{'、'.join(named)}", f", means: {', '.join(named)}") + rest


def _bare(kind: str) -> str:
    """A chart's name without the brackets of its short form: it stands in some itself."""
    return kind.replace("（", " ").replace("）", "")


def _broken(voice: Voice, chart: Chart, rule: str) -> str:
    points = [str(chart.labels[i]) for i in chart.signals[rule]]
    named = voice.listed(points[:_MOST_POINTS])
    if len(points) > _MOST_POINTS:
        named += voice.say(f"等{len(points)}点", f" and {len(points) - _MOST_POINTS} more")
    return voice.word("rule", rule) + voice.aside(named)


def headline(voice: Voice, found: list[list[Finding]]) -> list[Finding]:
    """How many of the branch's series are stable.

    Args:
        found: what `stable` gave of each series.
    """
    # a series of a few points is neither stable nor out of control
    known = [claims[0] for claims in found if claims[0].status in (Status.GOOD, Status.WATCH)]
    moved = [f for f in known if f.status is Status.WATCH]
    text = voice.say(
        f"{len(known)}个序列中{len(known) - len(moved)}个稳定，{len(moved)}个有异常点。" if known else "月数不足，不作控制图。",
        f"{len(known) - len(moved)} of {len(known)} series are stable, {len(moved)} have points out of control." if known else "Too few months for a control chart.",
    )
    lead = voice.finding("series.out", float(len(moved)) if known else None, "", text, definition="Nelson's rules within phases", table="sales",
                         denominator=voice.say("序列", "series"), headline=True, status=Status.WATCH if moved else Status.GOOD if known else Status.UNKNOWN)  # fmt: skip
    return [lead, *(claims[0] for claims in found)]


def checks(voice: Voice, found: Sequence[Sequence[Finding]], suited: list[Suited | None]) -> list[Check]:
    """What must be said beside the charts: the season, few points, how much counts scatter.

    Args:
        found: `of_branch`; suited: the charts, in the same order.
    """
    said = [Check("season", Verdict.WARNING, voice.say(
        "日均销量含季节：旺淡月被标出可能只是日历；渠道占比与同比不含季节。", "Sales a day have a season: a month called out may be no more than the calendar; shares and year on year have none."))]  # fmt: skip
    few = min((len(s.location.known) for s in suited if s is not None), default=0)
    if few and few < _TRIAL:
        said.append(Check("few_points", Verdict.WARNING, voice.say(
            f"最短的序列只有{few}点（少于{_TRIAL}点），控制限是试用的，会随新点移动。", f"The shortest series has {few} points (fewer than {_TRIAL}): its limits are trial ones and will move.")))  # fmt: skip
    for claims, s in zip(found, suited, strict=True):
        if s is not None and s.dispersion is not None and s.dispersion.over:
            what = claims[0].text.partition(voice.say("（", " ("))[0]
            said.append(Check(f"dispersion.{claims[0].name}", Verdict.NONE, voice.say(
                f"{what}：计数的离散是偶然的{number(s.dispersion.ratio, 1)}倍，控制限按相邻月的离散放宽（σz = {number(s.dispersion.sigma_z, 1)}）。",
                f"{what}: counts scatter {number(s.dispersion.ratio, 1)} times as much as chance; limits follow the scatter between neighbours (σz = {number(s.dispersion.sigma_z, 1)}).")))  # fmt: skip
    return said


def of_branch(
    voice: Voice, a_day: Suited | None, share: Suited | None, growth: Suited | None, low: Suited | None, channel: str
) -> list[list[Finding]]:
    """The claims of a branch's four series: sales a day, a channel's share, year on year, low sellers."""
    named = voice.word("channel", channel)
    return [
        stable(voice, a_day, "series.a_day", voice.say("日均销量", "Sales a day"), voice.say("当月天数", "days of the month")),
        stable(voice, share, "series.share", voice.say(f"{named}渠道占比", f"Share of the {named} channel"), voice.say("当月全部销量", "all sales of the month")),
        stable(voice, growth, "series.growth", voice.say("同比", "Year on year"), voice.say("去年同月日均", "sales a day of the same month last year")),
        stable(voice, low, "series.low", voice.say("低销网点占比", "Share of low-selling outlets"), voice.say("近三月有销量的网点", "outlets that sold within three months")),
    ]


def unit(voice: Voice, kind: str) -> str:
    """The unit of a series, for an axis."""
    return voice.say("台/天", "devices a day") if kind == "a_day" else voice.say("本月 ÷ 去年同月", "month ÷ same month last year")


def choice(voice: Voice) -> list[Finding]:
    """Over the table of charts chosen."""
    text = voice.say("各序列选用的控制图及理由", "Which chart each series got, and why")
    return [voice.finding("series.choice", None, "", text, table="sales")]


def choice_table(voice: Voice, found: Sequence[Sequence[Finding]], suited: Sequence[Suited | None]) -> pd.DataFrame:
    """Which chart each series got, and why.

    Args:
        found: `of_branch`; suited: the charts, in the same order.
    """
    rows = []
    for claims, chosen in zip(found, suited, strict=True):
        if chosen is not None:
            what = claims[0].text.partition(voice.say("：", ": "))[0]
            why = voice.say("；", "; ").join(voice.word("chart_choice", reason) for reason in chosen.reasons)
            rows.append((what, voice.word("chart_kind", chosen.location.kind), len(chosen.location.known), why))
    return pd.DataFrame(rows, columns=["item", "chart_kind_text", "points_counted", "says"])

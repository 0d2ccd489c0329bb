"""The branch brief: at most eight lines, the headlines of the other reports, the most urgent first.

Each line is the very finding that its own report opens with, from the same functions over the same rows,
and beside it the row that operators read (当月 累计 完成率 序时差 环比 同比 排名), blank where unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import VOCABULARIES, percent
from g3lib.measures import campaigns, channels, subsidy, targets
from g3lib.periods import shift
from g3lib.qc import causes, strata
from g3lib.report.claims import campaigns as say_campaigns
from g3lib.report.claims import causes as say_causes
from g3lib.report.claims import channels as say_channels
from g3lib.report.claims import customers as say_customers
from g3lib.report.claims import kpis
from g3lib.report.claims import subsidy as say_subsidy
from g3lib.report.claims.voice import Voice
from g3lib.tables.dataset import Dataset

_URGENCY = list(Status)
_TOPICS = VOCABULARIES["topic"]
MOST_LINES = 8


@dataclass(frozen=True)
class Line:
    """One line of the brief: a topic, its finding and its KPI row."""

    topic: str
    finding: Finding
    kpi: pd.DataFrame | None
    form: str = "count"


def lines(voice: Voice, data: Dataset, numerator: str, base: str, tolerance: float, minimum_effect: float) -> list[Line]:
    """The lines of one branch, breaches and movers first; a topic without data is left out.

    Args:
        voice: language, branch, period.
        data: the branch's dataset.
        numerator, base, tolerance: the subsidy settings, see `subsidy.check_policy`.
        minimum_effect: δ of the cause tests, a fraction.
    """
    found: list[Line] = []
    if len(data.sales):
        found += _sales(voice, data)
        sales = subsidy.with_models(data.sales, data.models)
        found += _subsidy(voice, data, sales, numerator, base, tolerance)
        found += _customers(voice, data, sales, numerator, base)
        found += _causes(voice, data, minimum_effect)
    if len(data.participation):
        found += _participation(voice, data)
    told = {line.topic for line in found}

    def order(line: Line) -> tuple[bool, int, float]:
        # where the target has its line, the gap is the same shortfall told again: it stands last
        return line.topic == "gap" and "target" in told, _URGENCY.index(line.finding.status), -_moved(line)

    return sorted(found, key=order)


def _moved(line: Line) -> float:
    """How far a line's month moved against the month before: movers stand before the steady."""
    if line.kpi is None:
        return 0.0
    change = line.kpi.set_index("kpi")["value"]["month_on_month"]
    return abs(float(change)) if change == change else 0.0


def _sales(voice: Voice, data: Dataset) -> list[Line]:
    month = data.period.last_month
    every = channels.monthly_units(data.sales)
    units = channels.span(every, data.period)
    total = channels.contribution_share(units)
    progress = targets.progress(data.sales, data.targets, data.period, data.thresholds, data.scopes)
    kpi = targets.sales_kpi(data.sales, data.area_sales, data.period, progress, data.branch, data.thresholds, data.scopes)
    opening = say_channels.headline(voice, total, units, progress)
    lines = [Line("sales", opening[0], kpi), Line("target", opening[1], kpi)]
    if shift(month, -1) in set(units["month"]) and month in set(units["month"]):
        comparable = channels.monthly_units(channels.same_days(data.sales, data.period))
        changed = channels.change_of_share(comparable, shift(month, -1), month)
        shifted = channels.shift_share(comparable, channels.whole_months(data.area_sales, data.period), shift(month, -1), month)
        mover = changed.loc[changed["change"].abs().idxmax(), "channel"]
        own, sisters = (frame[frame["channel"] == mover] for frame in (data.sales, data.area_sales))
        kpi = targets.sales_kpi(own, sisters, data.period, progress[:0], data.branch)
        lines.append(Line("channel", say_channels.change(voice, changed, shift(month, -1), month, shifted)[0], kpi))
    return lines


def _subsidy(voice: Voice, data: Dataset, sales: pd.DataFrame, numerator: str, base: str, tolerance: float) -> list[Line]:
    if not sales["subsidy"].notna().any():
        return []
    now = data.within(sales)
    checked = subsidy.check_policy(now, data.policy, numerator=numerator, base=base, tolerance=tolerance)
    whole = subsidy.subsidy_rate(now, numerator=numerator, base=base)
    lead = say_subsidy.headline(voice, whole, checked, now["units"], base)[0]
    kpi = targets.rate_kpi(subsidy.monthly_rate(sales, numerator=numerator, base=base), data.period)
    plan = subsidy.run_on_plan(sales, data.models, data.period.asof, numerator=numerator, base=base)
    caps = subsidy.caps_by_model(sales, data.policy)
    lives = subsidy.lifecycle(sales, data.models, caps, data.period.asof, plan, numerator=numerator, base=base)
    return [Line("subsidy", lead, kpi, "rate"), Line("lifecycle", say_subsidy.lifecycle(voice, lives, base)[0], None)]


def _customers(voice: Voice, data: Dataset, sales: pd.DataFrame, numerator: str, base: str) -> list[Line]:
    if data.activity.empty:
        return []
    asof = data.period.asof
    decided = subsidy.decided(data.assumptions, asof, data.scopes)
    states = subsidy.customer_states(sales, data.activity, asof, decided["m"], decided["k"])
    ripe = subsidy.mature(states)
    panel = subsidy.panel(data.offers, numerator=numerator, base=base)
    response = subsidy.response(panel)
    caused = subsidy.caused(sales[ripe], response, subsidy.displaced_bare(panel), numerator=numerator, base=base)
    costs = subsidy.customer_costs(sales[ripe], states[ripe], caused, data.activity, numerator=numerator, base=base)
    return [
        Line("customers", say_customers.headline(voice, subsidy.cohort_rates(states[ripe], by=[]), states[ripe])[0], None),
        Line("caused", say_customers.caused(voice, caused, costs, response)[0], None),
    ]


def _causes(voice: Voice, data: Dataset, minimum_effect: float) -> list[Line]:
    month = data.period.last_month
    progress = targets.progress(data.sales, data.targets, data.period, data.thresholds, data.scopes)
    units = channels.monthly_units(data.sales)
    gaps = strata.gap_by_month(units, progress, month, "channel")
    tested = causes.confirm_facts(data.outlet_sales, data.outlets, data.outlet_facts, month, minimum_effect)
    opening = say_causes.headline(voice, gaps, progress, tested)
    return [Line("gap", opening[0], None), Line("causes", opening[1], None)]


def _participation(voice: Voice, data: Dataset) -> list[Line]:
    before, month = campaigns.months(data.period)
    panel = campaigns.month_rates(data.participation)
    own = campaigns.own_rates(panel, data.branch)
    if month not in own.index:
        return []
    if before not in own.index:
        text = voice.say(f"{month}参与率{percent(own[month])}，没有{before}的读数，提升未知。",
                         f"{percent(own[month])} took part in {month}; nothing was read in {before}, so the lift is unknown.")  # fmt: skip
        kpi = targets.rate_kpi(own, data.period, panel, data.branch, month=month)
        return [Line("participation", voice.finding("lift", None, "1", text, table="participation", status=Status.UNKNOWN), kpi, "rate")]
    lifts = campaigns.uplift(data.participation, before, month)
    area = campaigns.area_uplift(data.participation_totals, before, month)
    gap = targets.rate_gap(float(own[month]), data.targets, "participation", data.period)
    lead = say_campaigns.headline(voice, lifts, area, before, month, gap)[0]
    kpi = targets.rate_kpi(own, data.period, panel, data.branch, has_target=gap[0] == gap[0], month=month)
    return [Line("participation", lead, kpi, "rate")]


def table(voice: Voice, found: list[Line]) -> pd.DataFrame:
    """The first lines as the brief's table: topic, finding, status and the KPI row as text."""
    rows = []
    for line in found[:MOST_LINES]:
        row = {"topic": voice.word("topic", line.topic), "finding": line.finding.text, "status": str(line.finding.status)}
        rows.append(row | {name: text for name, (text, _) in kpis.parts(voice, line.kpi, line.form).items()})
    return pd.DataFrame(rows)


def figures(voice: Voice, found: list[Line]) -> pd.DataFrame:
    """Every line with its figure as a number: topic, finding, status, value, unit, period."""
    every = [(voice.word("topic", line.topic), line.finding) for line in found]
    rows = [(topic, f.text, str(f.status), f.value, voice.say("比率", "ratio") if f.unit == "1" else f.unit, f.period) for topic, f in every]
    return pd.DataFrame(rows, columns=["topic", "finding", "status", "value", "unit", "period"])


def kpi_rows(voice: Voice, found: list[Line]) -> pd.DataFrame:
    """The KPI rows with their figures as numbers: topic, kpi, value, status, and why a value is blank."""
    every = [(voice.word("topic", line.topic), row) for line in found if line.kpi is not None for row in line.kpi.itertuples()]
    rows = [
        (topic, voice.word("kpi", row.kpi), row.value, row.status, voice.word("kpi_reason", row.reason) if row.reason else "")
        for topic, row in every
        if row.kpi in VOCABULARIES["kpi"]
    ]
    return pd.DataFrame(rows, columns=["topic", "kpi", "value", "status", "says"])


def headline(voice: Voice, found: list[Line]) -> list[Finding]:
    """The most urgent line first; how many lines call for action; then every line's finding as data."""
    urgent = [line.topic for line in found if line.finding.status == Status.BREACH]
    urgent = [topic for topic in urgent if topic != "gap" or "target" not in urgent]  # one shortfall is one breach
    blind = len(_TOPICS) - len(found) + sum(line.finding.status == Status.UNKNOWN for line in found)
    named = [voice.word("topic", topic) for topic in urgent]
    if "target" in urgent and any(line.topic == "gap" and line.finding.status == Status.BREACH for line in found):
        named[urgent.index("target")] += voice.say("（与缺口是同一件事）", " (the gap is the same shortfall)")
    topics = voice.listed(named)
    if urgent:
        text = voice.say(
            f"{voice.branch}有{len(urgent)}项预警：{topics}。",
            f"{voice.branch} has {len(urgent)} {'breach' if len(urgent) == 1 else 'breaches'}: {topics}.",
        )
    else:
        text = voice.say(f"{voice.branch}有数据的主题没有预警", f"{voice.branch} has no breach where there are data")
        text += voice.say(f"；{blind}项无数据或不作结论。" if blind else "。", f"; {blind} topics without data or verdict." if blind else ".")
    status = Status.BREACH if urgent else Status.UNKNOWN if blind else Status.GOOD
    lead = voice.finding("brief.breaches", float(len(urgent)), "", text, definition="lines with status breach", headline=True, status=status)
    first = [replace(line.finding, headline=True) for line in found[:1]]
    return [lead, *first, *(replace(line.finding, headline=False) for line in found[1:])]


def all_lines(voice: Voice, found: list[Line]) -> list[Finding]:
    """The heading above the lines."""
    shown = min(len(found), MOST_LINES)
    text = voice.say(f"{shown}条结论，预警与变动在前", f"{shown} findings, breaches and movers first")
    text = text if shown else voice.say("没有可作结论的数据", "No data to draw a finding from")
    return [voice.finding("brief.lines", float(shown), "", text, definition="lines of the brief")]


def checks(voice: Voice, found: list[Line]) -> list[Check]:
    """Which reports had no data, and why parts of the KPI rows are blank."""
    missing = [voice.word("topic", topic) for topic in _TOPICS if topic not in {line.topic for line in found}]
    checks = []
    if missing:
        text = voice.say(f"没有数据的主题：{voice.listed(missing)}。", f"Topics without data: {voice.listed(missing)}.")
        checks.append(Check("missing_topics", Verdict.NONE, text))
    if rest := [voice.word("topic", line.topic) for line in found[MOST_LINES:]]:
        text = voice.say(f"未列入的主题见各自报告：{voice.listed(rest)}。", f"Not among the lines, see their own reports: {voice.listed(rest)}.")
        checks.append(Check("beyond_the_lines", Verdict.PASS, text))
    forms = dict.fromkeys(line.form for line in found if line.kpi is not None)
    if forms:
        checks.append(Check("how_compared", Verdict.PASS, voice.together([kpis.how_compared(voice, form) for form in forms])))
    if reasons := kpis.reasons(voice, [(voice.word("topic", line.topic), line.kpi) for line in found]):
        checks.append(Check("blank_parts", Verdict.NONE, reasons))
    return checks

"""What the province's tables say, and the eight slides of its monthly meeting (经分会)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.measures.overview import behind
from g3lib.measures.targets import calendar, near_spring
from g3lib.periods import Period, shift
from g3lib.report.claims.channels import tenth, to_day
from g3lib.report.claims.voice import Voice
from g3lib.report.tables import comment_details
from g3lib.tables.store import Entry


def headline(voice: Voice, standings: pd.DataFrame, reached: pd.DataFrame, month: str) -> list[Finding]:
    """The province's month, and who is to learn from and who to help.

    Args:
        standings: `overview.standings`.
        reached: `targets.progress` of the whole: its colour is that of the province's own thresholds.
        month: the month that they are of.
    """
    top, lowest = standings.iloc[0], standings[standings["is_branch"]]
    known = lowest.dropna(subset=["progress_index"])
    late = int((known["progress_index"] < 1).sum())
    text = voice.say(
        f"{voice.branch}{voice.span(month)}销售{voice.count(top.units)}", f"{voice.branch} sold {number(top.units)} devices in {voice.span(month)}"
    )
    if top.attainment == top.attainment:
        text += voice.say(
            f"，累计完成目标{percent(top.attainment)}（进度指数{top.progress_index:.2f}）；{len(known)}个分公司中{late}个落后序时。",
            f", {percent(top.attainment)} of the target so far (progress index {top.progress_index:.2f}); {late} of {len(known)} branches are behind time.",
        )
    else:
        text += voice.say("；目标未知或被隐去，完成率未知。", "; the target is unknown or masked.")
    rows = calendar(reached)
    status = Status(rows["status"].iloc[0]) if len(rows) and top.attainment == top.attainment else Status.UNKNOWN
    lead = voice.finding("province.units", top.units, "台", text, denominator=voice.say("所辖分公司合计", "all branches"), definition="standings",
                         table="sales", period=month, status=status, headline=True)  # fmt: skip
    figures = [voice.figure("province.attainment", top.attainment, "1", voice.say("累计完成率", "attainment"), definition="standings", table="targets"),
               voice.figure("province.behind", float(late), "", voice.say("落后序时的分公司", "branches behind time"), definition="standings", table="targets")]  # fmt: skip
    return [lead, *_to_whom(voice, lowest), *figures]


def _to_whom(voice: Voice, lowest: pd.DataFrame) -> list[Finding]:
    if (lowest["quadrant"] == "unknown").all():
        text = voice.say("进度或效能未知，谁可学、谁须帮不作归类。", "Progress or efficiency is unknown: nobody is named to learn from or to help.")
        return [voice.finding("province.help", None, "", text, definition="quadrants", table="sales", status=Status.UNKNOWN, headline=True)]
    learn, aid = (lowest[lowest["quadrant"] == q]["place"].tolist() for q in ("learn_from", "help"))
    zh = [f"可学（进度在前、费用较低）：{_some(voice, learn)}" if learn else "没有分公司既进度在前又费用较低",
          f"须帮（进度落后、费用较高）：{_some(voice, aid)}" if aid else "没有分公司既进度落后又费用较高"]  # fmt: skip
    en = [f"to learn from (ahead, cheap): {_some(voice, learn)}" if learn else "no branch is both ahead and cheap",
          f"to help (behind, dear): {_some(voice, aid)}" if aid else "none is both behind and dear"]  # fmt: skip
    text = voice.clauses(zh, en) + voice.say("。", ".")
    return [voice.finding("province.help", float(len(aid)), "", text, definition="quadrants", table="sales", headline=True)]


def _some(voice: Voice, names: list[str], most: int = 4) -> str:
    """The first names, and how many more there are."""
    more = len(names) - most
    return voice.listed(names[:most]) + (voice.say(f"等{len(names)}个", f" and {more} more") if more > 0 else "")


def quadrants(voice: Voice, standings: pd.DataFrame) -> list[Finding]:
    """How many branches stand in each corner of progress × efficiency."""
    lowest = standings[standings["is_branch"]]
    counts = lowest["quadrant"].value_counts()
    order = ["learn_from", "spend_better", "push", "help", "unknown"]
    said = voice.listed([f"{voice.word('quadrant', q)}{voice.say('', ' ')}{counts[q]}" for q in order if counts.get(q)])
    text = voice.say(f"进度×效能：{said}", f"Progress × efficiency: {said}")
    base = voice.say(f"进度指数1；{voice.branch}每有效客户费用", f"progress index 1; {voice.branch}'s cost a valid customer")
    lead = voice.finding("quadrants", None, "", text, denominator=base, definition="quadrant_of", table="sales")
    return [lead, *(voice.figure(f"quadrant.{q}", float(counts[q]), "", voice.word("quadrant", q), definition="quadrant_of", table="sales") for q in order if counts.get(q)),
            *(voice.figure(f"progress_index.{r.place}", r.progress_index, "", r.place, definition="standings", table="targets")
              for r in standings.dropna(subset=["progress_index"]).itertuples())]  # fmt: skip


def ranks(voice: Voice, standings: pd.DataFrame) -> list[Finding]:
    """First and last, by progress index, among the lowest level."""
    lowest = standings[standings["is_branch"]].dropna(subset=["rank"]).sort_values("rank")
    if len(lowest) < 2:
        text = voice.say("不足两个分公司有目标，不作排名", "Fewer than two branches have a target: no ranking")
        return [voice.finding("ranks", None, "", text, status=Status.UNKNOWN, table="targets")]
    first, last = lowest.iloc[0], lowest.iloc[-1]
    text = voice.say(
        f"进度最快的是{first.place}（指数{first.progress_index:.2f}），最慢的是{last.place}（{last.progress_index:.2f}）",
        f"{first.place} is furthest (index {first.progress_index:.2f}), {last.place} last ({last.progress_index:.2f})",
    )
    return [voice.finding("ranks", first.progress_index, "", text, definition="standings", table="targets")]


def levels(voice: Voice, standings: pd.DataFrame) -> list[Finding]:
    """How the cities stand to each other; where there are not two, how the whole stands."""
    whole = standings.iloc[0]
    cities = standings[~standings["is_branch"] & (standings["depth"] > 0)].dropna(subset=["progress_index"])
    if len(cities) > 1:
        first, last = (cities.loc[getattr(cities["progress_index"], which)()] for which in ("idxmax", "idxmin"))
        text = voice.say(
            f"{len(cities)}个市中{first.place}进度最快（指数{first.progress_index:.2f}），{last.place}最慢（{last.progress_index:.2f}）",
            f"Of {len(cities)} cities {first.place} is furthest (index {first.progress_index:.2f}), {last.place} last ({last.progress_index:.2f})",
        )
    elif whole.progress_index == whole.progress_index:
        text = voice.say(f"{voice.branch}的进度指数为{whole.progress_index:.2f}", f"The progress index of {voice.branch} is {whole.progress_index:.2f}")
    else:
        text = voice.say(f"{voice.branch}的目标未知，进度不作比较", f"The target of {voice.branch} is unknown: no progress")
    return [voice.finding("levels", whole.progress_index, "", text, definition="standings", table="targets")]


def shortfall(voice: Voice, standings: pd.DataFrame) -> list[Finding]:
    """How many branches are behind time, and by how much together."""
    known, late = standings[standings["is_branch"]].dropna(subset=["progress_index"]), behind(standings)
    owed = float(late["gap_to_time"].sum())
    if known.empty:
        text = voice.say("目标未知，谁落后序时无从得知", "No target is known: nobody can be said to be behind time")
    elif late.empty:
        text = voice.say(f"{len(known)}个分公司都不落后序时", f"None of {len(known)} branches is behind time")
    else:
        text = voice.say(f"{len(known)}个分公司中{len(late)}个落后序时，这些分公司合计少{voice.count(owed)}", f"{len(late)} of {len(known)} branches are behind time, these by {number(owed)} devices together")
    status = Status.UNKNOWN if known.empty else Status.PLAIN
    return [voice.finding("shortfall", None if known.empty else owed, "台", text, definition="behind", table="targets", status=status)]


def movers(voice: Voice, moved: pd.DataFrame, before: str, month: str) -> list[Finding]:
    """Which branches moved the province's month."""
    if moved.empty:
        text = voice.say(f"没有{before}的数据，不能与上月比较", f"Nothing is known of {before}: no comparison")
        return [voice.finding("movers", None, "台", text, status=Status.UNKNOWN, table="sales")]
    change = moved["change"].sum()
    named = moved[moved["branch"] != ""]
    most = named.loc[named["change"].abs().idxmax()]
    text = voice.say(
        f"{before}到{month}{to_day(voice, month)}{voice.branch}销量{'增加' if change >= 0 else '减少'}{voice.count(abs(change))}，变动最大的是{most.branch}（{most.change:+,.0f}台）",
        f"From {before} to {month}{to_day(voice, month)} {voice.branch} {'rose' if change >= 0 else 'fell'} by {number(abs(change))}; {most.branch} moved most ({most.change:+,.0f})",
    )
    lead = voice.finding("movers", change, "台", text, definition="movers", table="sales", period=f"{before}..{month}")
    return [lead, *(voice.figure(f"mover.{r.branch}", r.change, "台", r.branch, definition="movers", table="sales") for r in named.itertuples())]


def outlets(voice: Voice, spread: pd.DataFrame) -> list[Finding]:
    """How sales lie over the outlets of each channel.

    Args:
        spread: `channels.concentration` by channel.
    """
    known = spread[spread["units"] > 0]
    if known.empty:
        text = voice.say("没有网点销量，分布未知", "No outlet is named in the sales: their spread is unknown")
        return [voice.finding("outlets.dead", None, "", text, status=Status.UNKNOWN, table="outlets")]
    worst = known.loc[known["gini"].idxmax()]
    dead, every = spread["dead_outlets"].sum(), spread["listed_outlets"].sum()
    text = voice.say(
        f"{number(every)}个在册网点中{number(dead)}个近三个月零销量；销量最集中的是{voice.word('channel', worst.channel)}渠道{tenth(voice, worst.top_tenth)}",
        f"{number(dead)} of {number(every)} listed outlets sold nothing in three months; sales are most uneven in the {voice.word('channel', worst.channel)} channel"
        f"{tenth(voice, worst.top_tenth)}",
    )
    last = Period.parse(voice.period).last_month  # units and shares are of twelve months
    return [voice.finding("outlets.dead", float(dead), "", text, definition="outlet_table", table="outlets", period=f"{shift(last, -11)}..{last}",
                          denominator=voice.say("在册网点", "listed outlets"))]  # fmt: skip


def breaches(voice: Voice, listed: pd.DataFrame) -> list[Check]:
    """Breaches of the subsidy policy, by branch.

    Args:
        listed: `subsidy.breaches` by branch.
    """
    if listed.empty:
        return [Check("breaches", Verdict.PASS, voice.say("没有超出补贴政策的销售。", "No sale went beyond the subsidy policy."))]
    sums = listed.groupby("branch", as_index=False)[["over_units", "over_yuan"]].sum().sort_values("over_yuan", ascending=False)
    top = voice.listed([r.branch + voice.aside(voice.say(f"{number(r.over_units)}台，", f"{number(r.over_units)} devices, ") + voice.money(r.over_yuan)) for r in sums.head(4).itertuples()])
    text = voice.say(
        f"{number(sums['over_units'].sum())}台补贴超出政策，多补{voice.money(sums['over_yuan'].sum())}，最多的是{top}。",
        f"{number(sums['over_units'].sum())} devices were subsidised beyond the policy, {voice.money(sums['over_yuan'].sum())} too much; most at {top}.",
    )
    return [Check("breaches", Verdict.FAIL if sums["over_units"].sum() else Verdict.PASS, text)]


def problems(voice: Voice, sources: Sequence[Entry], sales: pd.DataFrame) -> list[Check]:
    """What is wrong with the data behind the report: rejected rows, unknown segments, outlets and subsidies.

    Args:
        sources: the exports read (`Dataset.sources`).
        sales: the province's sales of the period.
    """
    found = []
    rejected = {e.title: e.rejected for e in sources if e.rejected}
    if rejected:
        names = voice.listed([name + voice.aside(str(n)) for name, n in rejected.items()])
        found.append(Check("rejected", Verdict.WARNING, voice.say(f"有拒收行的文件：{names}。", f"Files with rejected rows: {names}.")))
    words = {"segment": ("客户群", "segment"), "outlet": ("网点", "outlet"), "subsidy": ("补贴", "subsidy"), "customer": ("客户号码", "customer")}
    units = sales["units"].sum()
    for column, of in words.items():
        unknown = sales.loc[sales[column].isna(), "units"].sum() if column in sales else units
        if unknown and units:
            text = voice.say(f"{percent(unknown / units, 1)}的销量没有{of[0]}。", f"{percent(unknown / units, 1)} of sales name no {of[1]}.")
            found.append(Check(f"unknown_{column}", Verdict.WARNING, text))
    return found or [Check("data", Verdict.PASS, voice.say("数据没有拒收行，关键列齐全。", "No rejected row, and no gap in the columns that matter."))]


def silent(voice: Voice, figures: pd.DataFrame) -> list[Check]:
    """Branches without a sale in the month, or in the one before: it counts as nought, and may be an export that did not come.

    Args:
        figures: `overview.branch_figures`.
    """
    found = []
    for name, month in (("units", ("本月", "this month")), ("units_before", ("上月", "in the month before"))):
        names = figures.loc[figures[name] == 0, "branch"].tolist()
        if names:
            text = voice.say(f"{month[0]}没有销量的分公司：{_some(voice, names)}；按0计，请核对是否漏报。",
                             f"No sale {month[1]} in {_some(voice, names)}: counted as nought; see whether an export is missing.")  # fmt: skip
            found.append(Check(f"silent.{name}", Verdict.WARNING, text))
    return found


def months(voice: Voice, period: Period) -> list[Check]:
    """Of a span of months places and growth are those of the last; and from January to March the units' own growth is blank.

    The Spring Festival moves, and only the KPI row aligns it.
    """
    found = []
    if len(period.months) > 1:
        text = voice.say(f"所选期间有{len(period.months)}个月；指标行、各级位置与变动均为其最后一月{period.last_month}。",
                         f"Of the {len(period.months)} months chosen the KPI row, the places and the changes are those of the last, {period.last_month}.")  # fmt: skip
        found.append(Check("last_month", Verdict.NONE, text))
    if not near_spring(period.last_month):
        return found
    text = voice.say("一至三月受春节影响，各单位不列环比同比；合计的见指标行，已按春节对齐。",
                     "From January to March the Spring Festival moves: no unit's growth is listed; that of all, aligned, is in the KPI row.")  # fmt: skip
    return [*found, Check("spring", Verdict.NONE, text)]


def actions(voice: Voice, checks: Sequence[Check], comments: pd.DataFrame, reached: pd.DataFrame, standings: pd.DataFrame) -> list[str]:
    """What needs doing, a line each: what somebody has taken on, what each day left must bring, who is behind, what is wrong.

    Args:
        checks, comments, reached, standings: see `slides`.
    """
    asof, lines = Period.parse(voice.period).asof, []
    for note in comments.to_dict("records"):
        more = comment_details(note, asof, voice.lang)[0]
        lines.append(voice.say("批注 · ", "note · ") + note["comment"] + (voice.aside(more) if more else ""))
    rows = calendar(reached)
    if len(rows) and rows["days_left"].iloc[0] and rows["remaining"].iloc[0] > 0:
        pace, left = number(rows["per_day"].iloc[0], 1), rows["days_left"].iloc[0]
        lines.append(voice.say(f"余下{left}天，每天须完成{pace}台", f"{pace} devices a day in the {left} days left"))
    if late := [row.place + voice.aside(f"{row.gap_to_time:,.0f}") for row in behind(standings).head(5).itertuples()]:
        lines.append(voice.say("落后序时最多（台）：", "furthest behind time (devices): ") + voice.listed(late))
    # what is well needs nobody
    lines += [f"{voice.word('verdict', str(c.verdict))} · {c.text}" for c in checks if c.verdict != Verdict.PASS]
    return lines or [voice.say("没有须处理的事项", "Nothing needs doing")]

"""What a campaign's participation rates say, and what they don't."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.measures.campaigns import daily_pace, days_to_line
from g3lib.measures.participation import last_readings
from g3lib.report.claims.attribution import attribution, not_attributed
from g3lib.report.claims.voice import Voice

_DEFINITION = "uplift in percentage points of published rates"


def _moved(own: pd.Series) -> str:
    same = own.rank_before == own.rank_after
    return f"仍为{own.rank_after:.0f}" if same else f"由{own.rank_before:.0f}到{own.rank_after:.0f}"


def _phones(voice: Voice, lifts: pd.DataFrame) -> str:
    if lifts["base_known"].all():
        return voice.say("当期在网话机", "phones in service on the date")
    return voice.say("来源未说明", "not stated by the source")


def _status(own: pd.Series, n: int, aim: tuple[float, float, bool]) -> Status:
    if aim[1] < 0:
        return Status.BREACH if aim[2] else Status.WATCH
    if own.lift < 0 or own.rank_lift == n:
        return Status.WATCH
    # without a target nobody said what would be enough
    return Status.GOOD if aim[1] == aim[1] else Status.PLAIN


def headline(
    voice: Voice, lifts: pd.DataFrame, area: tuple[float, float], before: str, after: str, gap: tuple[float, float, bool] | None = None,
    effect: pd.DataFrame | None = None, placebo: pd.DataFrame | None = None,
) -> list[Finding]:  # fmt: skip
    """The branch's lift, its ranks, the area beside it, and the rate's target where there is one.

    Args:
        lifts: `campaigns.uplift`.
        area: the area's stated rates before and after; NaN where none is stated.
        before, after: the months compared.
        gap: `targets.rate_gap` of the rate after.
        effect, placebo: `campaigns.did` and `campaigns.placebo` where branches joined a campaign; without them nothing is
            attributed.
    """
    if voice.branch not in set(lifts["branch"]):
        text = voice.say(
            f"{voice.branch}没有{before}与{after}两期的参与率，提升未知。",
            f"{voice.branch} has no rate in both {before} and {after}: its lift is unknown.",
        )
        return [voice.finding("lift", None, "1", text, status=Status.UNKNOWN, headline=True)]
    own = lifts.loc[lifts["branch"] == voice.branch].iloc[0]
    n = len(lifts)
    beside = ""
    if area[0] == area[0] and area[1] == area[1]:
        beside = voice.say(
            f"；全区{percent(area[0])}→{percent(area[1])}（{voice.points(area[1] - area[0])}）",
            f"; the area went {percent(area[0])} → {percent(area[1])} ({voice.points(area[1] - area[0])})",
        )
    text = voice.say(
        f"{before}至{after}，{voice.branch}参与率由{percent(own.before)}{'升' if own.lift >= 0 else '降'}至{percent(own.after)}"
        f"（{voice.points(own.lift)}），提升位次{own.rank_lift:.0f}/{n}，参与率位次{_moved(own)}{beside}。",
        f"{voice.branch} went from {percent(own.before)} in {before} to {percent(own.after)} in {after} ({voice.points(own.lift)}): "
        f"rank {own.rank_lift:.0f} of {n} by lift, from rank {own.rank_before:.0f} to {own.rank_after:.0f} by rate{beside}.",
    )
    aim = gap or (float("nan"), float("nan"), False)
    if aim[1] == aim[1]:
        text += voice.say(
            f"目标{percent(aim[0], 1)}，{'高出' if aim[1] >= 0 else '还差'}{voice.points(abs(aim[1])).lstrip('+')}。",
            f" The target is {percent(aim[0], 1)}: {voice.points(abs(aim[1])).lstrip('+')} {'above' if aim[1] >= 0 else 'to go'}.",
        )
    lead = voice.finding(
        "lift", own.lift, "1", text, denominator=_phones(voice, lifts),
        definition=_DEFINITION, table="participation", period=f"{before}..{after}", previous=None, headline=True,
        status=_status(own, n, aim),
    )  # fmt: skip
    known = effect is not None and bool(effect["att"].notna().iloc[0])
    why = "" if effect is None else str(effect["reason"].iloc[0])
    attributed = attribution(voice, effect, placebo)[:1] if known and effect is not None else [not_attributed(voice, f"{before}..{after}", why)]
    return [lead, *(replace(f, headline=True) for f in attributed), *_figures(voice, own, area, f"{before}..{after}", _phones(voice, lifts))]


def ranking(voice: Voice, lifts: pd.DataFrame) -> list[Finding]:
    """Who gained most and least; where counts are known, which ranks chance leaves open.

    Args:
        lifts: `campaigns.ranked`: `uplift` with rank_low and rank_high.
    """
    first, last = lifts.iloc[0], lifts.iloc[-1]
    text = voice.say(f"只有{first.branch}一个分公司，不作排名", f"{first.branch} is the only branch: no ranking") if len(lifts) == 1 else voice.say(
        f"提升最多的是{first.branch}（{voice.points(first.lift)}），最少的是{last.branch}（{voice.points(last.lift)}）",
        f"{first.branch} gained most ({voice.points(first.lift)}), {last.branch} least ({voice.points(last.lift)})",
    )
    own = lifts[(lifts["branch"] == voice.branch) & lifts["rank_low"].notna()]
    if len(own) and len(lifts) > 1:
        row = own.iloc[0]
        text += voice.say(
            f"；{voice.branch}的提升位次在{row.rank_low:.0f}–{row.rank_high:.0f}之间（95%）", f"; {voice.branch} ranks {row.rank_low:.0f}–{row.rank_high:.0f} by lift (95 %)"
        )
    lead = voice.finding("lift.highest", first.lift, "1", text, definition=_DEFINITION, table="participation",
                         denominator=_phones(voice, lifts))  # fmt: skip
    each = [
        voice.finding(f"lift.{row.branch}", row.lift, "1", f"{row.branch} {voice.points(row.lift)}",
                      definition=_DEFINITION, table="participation")
        for row in lifts.itertuples()
    ]  # fmt: skip
    return [lead, *each]


def room(voice: Voice, lifts: pd.DataFrame, correlation: pd.DataFrame) -> list[Finding]:
    """Low starters have more room: lift ÷ room, and how far the lift goes with its own start."""
    r = correlation.set_index("name")
    start, without, oldham = r.loc["start"], r.loc["start_without"], r.loc["oldham"]
    if start.r != start.r:
        text = voice.say(
            "分公司不足四个或起点都相同，不算起点与提升的相关系数",
            "Fewer than four branches, or all with one start: no correlation of start and lift",
        )
    else:
        # said only where low starters gained more: then the ranking by lift is partly a ranking by start
        partly = voice.say("，其中一部分是算术所致", ", partly by arithmetic") if start.r < 0 else ""
        text = voice.say(
            f"起点与提升的相关系数为{start.r:.3f}（{start.n:.0f}个分公司；去掉{without.without}为{without.r:.3f}）{partly}"
            f"（提升与前后均值的相关为{oldham.r:.3f}，Oldham法）",
            f"Start and lift correlate at {start.r:.3f} over {start.n:.0f} branches ({without.r:.3f} without "
            f"{without.without}){partly} (lift and the mean of both, after Oldham: {oldham.r:.3f})",
        )
    if lifts["room"].notna().any():
        best = lifts.loc[lifts["room"].idxmax()]
        text += voice.say(
            f"；按剩余空间计，{best.branch}提升最多（{percent(best.room, 1)}）",
            f"; by room left {best.branch} gained most ({percent(best.room, 1)})",
        )
    lead = voice.finding("correlation.start_lift", start.r, "r", text, definition="Pearson r of start and lift", table="participation")
    figures = [
        voice.finding("correlation.without", without.r, "r", f"r = {without.r:.3f}", definition="Pearson r without the branch that moves it most"),
        voice.finding("correlation.oldham", oldham.r, "r", f"r = {oldham.r:.3f}", definition="Oldham: r of lift and mean of both"),
    ]
    each = [
        voice.finding(f"room.{row.branch}", row.room, "1", f"{row.branch} {percent(row.room, 1)}",
                      definition="lift ÷ (100 % − start)", table="participation")
        for row in lifts.itertuples()
    ]  # fmt: skip
    return [lead, *figures, *each]


def pace(
    voice: Voice, participation: pd.DataFrame, documents: dict[str, float], before: str, after: str, gap: tuple[float, float, bool] | None = None
) -> list[Finding]:
    """Participants gained, and a day: the two dates are months, so both possible spans are said; then the days to the line.

    Args:
        gap: `targets.rate_gap` of the rate after: its target is the assessment line.
    """
    read = last_readings(participation[participation["branch"] == voice.branch]).set_index("month")
    first, last = read["participants"].get(before), read["participants"].get(after)
    if first is None or last is None or first != first or last != last:
        text = voice.say("没有参与量，只有参与率：每日净增未知。", "Only rates, no counts: the daily pace is unknown.")
        return [voice.finding("pace.gained", None, "个", text, status=Status.UNKNOWN)]
    short = int((read["date"][after] - read["date"][before]).days)
    # where both are dated by their month's beginning only the month is known: or one day more, if the second closes its day
    spans = (short + 1, short) if {read["date"][before].day, read["date"][after].day} == {1} else (short,)
    gained = last - first
    said = documents.get("stated.daily_pace")
    aside = "" if said is None else voice.say(f"（文件称{number(said)}个，未给日期）", f" (the document says {number(said)}, without dates)")
    paces = [(days, number(daily_pace(first, last, days), 1)) for days in spans]
    zh, en = "，".join(f"按{d}天每日{p}个" for d, p in paces), ", ".join(f"{p} a day over {d} days" for d, p in paces)
    text = voice.say(
        f"参与量由{number(first)}{'增' if gained >= 0 else '减'}至{number(last)}，{'增加' if gained >= 0 else '减少'}{number(abs(gained))}个：{zh}{aside}",
        f"Participants {'rose' if gained >= 0 else 'fell'} from {number(first)} to {number(last)}, by {number(abs(gained))}: {en}{aside}",
    )
    line = float(read["base"][after]) * gap[0] if gap and "base" in read else float("nan")
    days = days_to_line(last, line, daily_pace(first, last, short))
    if days == days:
        text += voice.say("；", "; ") + _to_line(voice, days, line)
    lead = voice.finding("pace.gained", gained, "个", text, definition="daily pace", table="participation",
                         period=f"{before}..{after}")  # fmt: skip
    per_day = [
        voice.finding(f"pace.per_day.{days}", daily_pace(first, last, days), "个/天",
                      f"{number(gained)} ÷ {days} = {number(daily_pace(first, last, days), 1)}", definition="daily pace", table="participation")
        for days in spans
    ]  # fmt: skip
    # the documents' own bases are not given: then nobody can say how many participants the line is
    to_go = [voice.finding("pace.days_to_line", days if days != float("inf") else None, "天", _to_line(voice, days, line), definition="days_to_line", table="participation")]
    return [lead, *per_day, *(to_go if days == days else [])]


def _to_line(voice: Voice, days: float, line: float) -> str:
    at = voice.say(f"考核线（{number(line)}个）", f"the assessment line ({number(line)})")
    if not days:
        return voice.say(f"已过{at}", f"past {at}")
    if days == float("inf"):
        return voice.say(f"照此速度到不了{at}", f"at this pace {at} is never reached")
    return voice.say(f"照此速度{number(days)}天后到{at}", f"{number(days)} days to {at} at this pace")


def checks(
    voice: Voice, lifts: pd.DataFrame, intervals: pd.DataFrame, area: tuple[float, float], compared: bool = False
) -> list[Check]:
    """What the rates cannot say.

    Args:
        lifts: `campaigns.uplift`.
        intervals: `campaigns.uplift_intervals`.
        area: the area's stated rates before and after.
        compared: whether a comparison stands above; else it is said that nothing is attributed.
    """
    found = []
    own = intervals[(intervals["branch"] == voice.branch) & (intervals["method"] == "newcombe")]
    if len(own):
        interval = (float(own["low"].iloc[0]), float(own["high"].iloc[0]))
        text = voice.say(
            f"提升的95%区间为{voice.points(interval[0])}至{voice.points(interval[1])}（Newcombe，把前后两期当作独立的两批话机；"
            "同一批客户的前后对比会更窄）。",
            f"95 % interval of the lift: {voice.points(interval[0])} to {voice.points(interval[1])} (Newcombe, reading the two dates as "
            "independent; the same customers twice would give a narrower one).",
        )
        found.append(Check("interval", Verdict.PASS if interval[0] > 0 or interval[1] < 0 else Verdict.WARNING, text))
    else:
        text = voice.say(
            "只公布了参与率，没有各分公司的基数：提升给到百分点，不能给区间。",
            "Only rates were published, no bases: the lift is given in pp, and no interval can be.",
        )
        found.append(Check("no_interval", Verdict.NONE, text))
    if not compared:
        text = voice.say(
            "前后两期相减不等于活动效果；基数也在变动。要归因须有未参加活动的可比分公司。",
            "A difference of two dates is not the campaign's effect, and the base moves too; attribution needs comparable "
            "branches without the campaign.",
        )
        found.append(Check("not_attributed", Verdict.NONE, text))
    if area[0] == area[0]:
        text = voice.say(
            f"全区参与率{percent(area[0])}→{percent(area[1])}取自表中合计行，不参与排名，也不由各分公司平均得出"
            f"（简单平均为{percent(lifts['before'].mean())}→{percent(lifts['after'].mean())}）。",
            f"The area's {percent(area[0])} → {percent(area[1])} is the export's own total row: kept out of ranks, never averaged "
            f"(the plain mean would be {percent(lifts['before'].mean())} → {percent(lifts['after'].mean())}).",
        )
        found.append(Check("area_total", Verdict.PASS, text))
    if "（未具名）" in set(lifts["branch"]):
        text = voice.say(
            "原文有一个分公司未写名称，列为（未具名），参与排名，不单独出报告。文件未写年份，按2010年归档。",
            "The document leaves one branch unnamed: shown as （未具名）, ranked, without a report of its own. It gives no year; "
            "the case is filed under 2010.",
        )
        found.append(Check("nameless", Verdict.WARNING, text))
    return found


def _figures(voice: Voice, own: pd.Series, area: tuple[float, float], period: str, phones: str) -> list[Finding]:
    rates = [("rate.before", own.before, "活动前参与率", "rate before"), ("rate.after", own.after, "活动后参与率", "rate after"),
             ("rate.area.before", area[0], "全区活动前", "area before"), ("rate.area.after", area[1], "全区活动后", "area after")]  # fmt: skip
    ranks = [("rank.lift", own.rank_lift, "提升位次", "rank by lift"), ("rank.before", own.rank_before, "前位次", "rank before"),
             ("rank.after", own.rank_after, "后位次", "rank after"),
             ("rank.before.from_bottom", own.from_bottom_before, "前倒数位次", "rank before, from the bottom")]  # fmt: skip
    found = [
        voice.finding(name, value, "1", f"{voice.say(zh, en)} {percent(value)}", denominator=phones, definition="participation rate",
                      table="participation", period=period)
        for name, value, zh, en in rates
    ]  # fmt: skip
    difference = area[1] - area[0]
    found.append(voice.finding("lift.area", difference, "1", f"{voice.say('全区提升', 'area lift')} {voice.points(difference)}",
                               definition=_DEFINITION, table="participation", period=period))  # fmt: skip
    found += [
        voice.finding(name, value, "", f"{voice.say(zh, en)} {number(value)}", definition="rank among branches, the area left out",
                      table="participation", period=period)
        for name, value, zh, en in ranks
    ]  # fmt: skip
    return found


def ranked_table(ranked: pd.DataFrame) -> pd.DataFrame:
    """The ranking as a reader's table; columns that nobody's counts allow are left out."""
    known = ranked["rank_low"].notna()
    span = [f"{low:.0f}–{high:.0f}" if k else None for low, high, k in zip(ranked["rank_low"], ranked["rank_high"], known, strict=True)]
    columns = ["branch", "before", "after", "lift", "room", "rank_lift", "rank_range", "shrunken"]
    return ranked.assign(rank_range=span)[columns].dropna(axis="columns", how="all")


def paced(
    voice: Voice, participation: pd.DataFrame, documents: dict[str, float], before: str, after: str, gap: tuple[float, float, bool] | None = None
) -> list[Check]:
    """The daily pace as a remark (see `pace`)."""
    lead = pace(voice, participation, documents, before, after, gap)[0]
    return [Check("pace", Verdict.NONE if lead.value is None else Verdict.PASS, lead.text + voice.say("" if lead.text.endswith("。") else "。", "" if lead.text.endswith(".") else "."))]

"""What a comparison lets one ascribe to a campaign: each result says what it assumes and what would break it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import percent
from g3lib.measures.campaigns import Segmented, least_p
from g3lib.report.claims.voice import Voice


def not_attributed(voice: Voice, period: str, reason: str = "no_joined") -> Finding:
    """That a difference of two dates is all there is, and why nothing more can be said."""
    why = voice.say("没有对照组", "there is no comparison group") if reason in ("", "no_joined", "no_others") else voice.word("why", reason)
    text = voice.say(f"仅为前后对比，未作归因：{why}。", f"Before/after, not attributed: {why}.")
    return voice.finding("attribution", None, "", text, definition="before/after", table="participation", period=period)


def attribution(voice: Voice, effect: pd.DataFrame, tested: pd.DataFrame | None = None, declared: bool = True) -> list[Finding]:
    """What the comparison lets one ascribe to the campaign, what it assumes, and what would break it.

    Args:
        effect: `campaigns.did` (one row).
        tested: `campaigns.placebo` (one row), or None.
        declared: whether groups, start and window are the campaign's own; what somebody chose with the data in view is ascribed
            to nothing (of twelve starts the best one is "seen" in a fifth of panels in which nothing happened).
    """
    row = effect.iloc[0]
    if row.att != row.att:
        text = voice.say(f"没有可比的对照（{voice.word('why', row.reason)}），不作归因", f"No comparison ({voice.word('why', row.reason)}): nothing is attributed")
        return [voice.finding("campaign.effect", None, "1", text, definition="difference in differences", table="participation", status=Status.UNKNOWN)]
    chance = "" if row.p_permutation != row.p_permutation else voice.say(f"，置换检验p={_p(row.p_permutation)}", f", permutation p = {_p(row.p_permutation)}")
    if chance and row.permutations <= 20:
        least = _p(least_p(int(row.joined), int(row.others)))
        chance += voice.say(f"，{row.permutations:.0f}种分法最小只能到{least}", f", at the least {least} of {row.permutations:.0f} ways")
    if row.method == "one_joined":
        chance += voice.say("，只有一个参加者，波动借自未参加者", ", the spread borrowed from the others")
    beside = voice.say(f"与{row.others:.0f}个未参加的分公司比（各分公司等权）", f"Beside the {row.others:.0f} branches that did not join (each alike)")
    span = voice.say(
        f"95%区间{voice.points(row.low)}至{voice.points(row.high)}{chance}", f"95 % interval {voice.points(row.low)} to {voice.points(row.high)}{chance}"
    )
    # with few branches the interval alone says too much: where branches could be exchanged, that has to agree
    sure, parted = (row.low > 0 or row.high < 0) and not row.p_permutation > 0.05, _parted(tested)
    if parted:
        text = voice.say(
            f"{beside}，{row.joined:.0f}个参加者多变动{voice.points(row.att)}（{span}），但活动前两组已经分开，不能归于活动",
            f"{beside}, the {row.joined:.0f} that did moved {voice.points(row.att)} more ({span}), but the groups had parted before: not the campaign's",
        )
    elif sure and not declared:
        text = voice.say(
            f"{beside}，{row.joined:.0f}个参加者多变动{voice.points(row.att)}（{span}）；组别、开始或窗口是看着数据选的，不作归因",
            f"{beside}, the {row.joined:.0f} that did moved {voice.points(row.att)} more ({span}); groups, start or window were chosen with the data in view: not attributed",
        )
    elif sure:
        text = voice.say(
            f"{beside}，活动使{row.joined:.0f}个参加者的参与率变动{voice.points(row.att)}（{span}）",
            f"{beside}, the campaign moved the {row.joined:.0f} that did by {voice.points(row.att)} ({span})",
        )
    else:
        text = voice.say(
            f"{beside}，看不出活动对{row.joined:.0f}个参加者的效果：{voice.points(row.att)}（{span}）",
            f"{beside}, no effect on the {row.joined:.0f} that did is shown: {voice.points(row.att)} ({span})",
        )
    base = voice.say(f"{row.joined:.0f}个参加、{row.others:.0f}个未参加的分公司", f"{row.joined:.0f} branches joined, {row.others:.0f} did not")
    status = Status.WATCH if parted or (sure and row.att < 0) else Status.GOOD if sure and declared else Status.PLAIN
    lead = voice.finding("campaign.effect", row.att, "1", text, denominator=base, definition="difference in differences", table="participation", status=status)
    figures = {"low": ("95%区间下限", "interval low"), "high": ("95%区间上限", "interval high"), "p_value": ("p值（t）", "p (t)"), "p_permutation": ("p值（置换）", "p (permutation)")}
    found = [
        voice.finding(f"campaign.{name}", row[name], "1" if name in ("low", "high") else "",
                      f"{voice.say(*of)} {voice.points(row[name]) if name in ('low', 'high') else _p(row[name])}", definition="difference in differences",
                      table="participation")
        for name, of in figures.items() if row[name] == row[name]
    ]  # fmt: skip
    if tested is not None and tested["att"].notna().iloc[0]:
        mock = tested.iloc[0]
        found.append(voice.finding("campaign.placebo", mock.att, "1", _placebo(voice, mock), definition="difference in differences before the start",
                                   table="participation"))  # fmt: skip
    return [lead, *found]


def _parted(tested: pd.DataFrame | None) -> bool:
    """Whether the groups are shown to have moved apart before anybody joined."""
    return tested is not None and bool((tested["low"] > 0).iloc[0] or (tested["high"] < 0).iloc[0])


def _placebo(voice: Voice, mock: pd.Series) -> str:
    apart, most = mock.low > 0 or mock.high < 0, max(abs(mock.low), abs(mock.high))
    return voice.say(
        f"安慰剂检验（活动前）{voice.points(mock.att)}（{voice.points(mock.low)}至{voice.points(mock.high)}）："
        + ("活动前两组已经分开，归因不可信" if apart else f"没有看出活动前两组分开；不能排除{voice.points(most).lstrip('+')}以内的差别"),
        f"Placebo before the start: {voice.points(mock.att)} ({voice.points(mock.low)} to {voice.points(mock.high)}): "
        + ("the groups parted before anybody joined, so the effect is not to be trusted" if apart
           else f"no parting is shown; up to {voice.points(most).lstrip('+')} cannot be excluded"),
    )  # fmt: skip


def _size(voice: Voice, points: float) -> str:
    """An effect either way."""
    return voice.points(points).lstrip("+")


def exploring(voice: Voice) -> list[Check]:
    """That a comparison chosen after looking is no test."""
    return [Check("exploring", Verdict.WARNING, voice.say(
        "组别、开始或窗口与活动台账不同，是看着数据选的，只作探索：试得越多，越容易碰上“显著”；结论要用事先定下的组别和时间。",
        "Groups, start or window are not those of a campaign in the exports but chosen with the data in view, which explores and tests nothing: "
        "the more are tried, the likelier one looks significant."))]  # fmt: skip


def _p(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def assumed(voice: Voice, effect: pd.DataFrame, tested: pd.DataFrame, smallest: pd.DataFrame) -> list[Check]:
    """What the attribution assumes and what would break it, the placebo, and what could have been seen at all.

    Args:
        effect, tested: `campaigns.did`, `campaigns.placebo`.
        smallest: `campaigns.minimum_effect` of the months before the start.
    """
    if effect["att"].isna().iloc[0]:
        return []
    text = voice.say(
        "归因假定：若无活动，参加者与未参加者的参与率会同样变动；同时发生的其他措施、参加者因预期好转而报名、活动波及未参加者，都会使它不成立。",
        "Assumes that without the campaign the joined would have moved as the others did; another measure at the same time, branches that joined because "
        "they saw it coming, or a spill-over to the others would break it.",
    )
    found = [Check("attribution_assumes", Verdict.NONE, text)]
    if tested["att"].notna().iloc[0]:
        mock = tested.iloc[0]
        # a pass only where what cannot be excluded is less than half of the effect
        small = max(abs(mock.low), abs(mock.high)) < abs(effect["att"].iloc[0]) / 2
        verdict = Verdict.WARNING if _parted(tested) else Verdict.PASS if small else Verdict.NONE
        found.append(Check("placebo", verdict, _placebo(voice, mock) + voice.say("。", ".")))
    else:
        found.append(Check("placebo", Verdict.WARNING, voice.say(
            "开始前的月份太少，无从检验活动前两组是否同样变动：归因只凭假定。",
            "Too few months before the start to test whether both groups moved alike: the attribution rests on assuming it.")))  # fmt: skip
    row = smallest.iloc[0]
    if row.reason == "too_few":
        text = voice.say(
            f"{row.joining:.0f}个参加、{row.others:.0f}个未参加，分公司太少：无论效果多大，置换检验都到不了5%。",
            f"{row.joining:.0f} joined and {row.others:.0f} not are too few: however large an effect, no permutation p can reach 5 %.",
        )
        found.append(Check("minimum_effect", Verdict.WARNING, text))
    if row.mde == row.mde:
        text = voice.say(
            f"按活动前的波动，{row.joining:.0f}个参加、{row.others:.0f}个未参加，跟踪{row.months_after:.0f}个月，按t检验能以八成把握看出的最小效果为{_size(voice, row.mde)}（分公司少时，还要过置换检验，所需更大）。",
            f"With the spread before the start, {row.joining:.0f} joined and {row.others:.0f} not, followed for {row.months_after:.0f} months: the smallest effect "
            f"seen with 80 % power by the t test is {_size(voice, row.mde)}; with few branches the permutation test asks for more.",
        )
        found.append(Check("minimum_effect", Verdict.PASS, text))
    return found


def nobody(voice: Voice) -> list[Finding]:
    """That nobody has been said to have joined."""
    text = voice.say("还没有选择参加活动的分公司", "No branch has been chosen as one that joined")
    return [voice.finding("campaign.effect", None, "1", text, definition="difference in differences", status=Status.UNKNOWN)]


def both_sides(voice: Voice, names: list[str]) -> list[Check]:
    """Who was chosen on both sides."""
    text = voice.say(f"{voice.listed(names)}既在参加又在对照：按参加算。", f"{voice.listed(names)}: joined and compared; taken as joined.")
    return [Check("both_sides", Verdict.WARNING, text)] if names else []


def not_clean(voice: Voice, names: list[str]) -> list[Check]:
    """Who is compared though a campaign was his too."""
    text = voice.say(f"对照中的{voice.listed(names)}参加过活动，不是“未参加”：差别会被低估。",
                     f"{voice.listed(names)}: compared, but in a campaign themselves, so the difference is understated.")  # fmt: skip
    return [Check("not_clean", Verdict.WARNING, text)] if names else []


def smallest(voice: Voice, found: pd.DataFrame) -> list[Finding]:
    """What could be seen of a campaign that has not begun (`campaigns.minimum_effect`)."""
    row = found.iloc[0]
    groups = voice.say(f"{row.joining:.0f}个参加、{row.others:.0f}个对照，跟踪{row.months_after:.0f}个月", f"{row.joining:.0f} joining and {row.others:.0f} compared, followed for {row.months_after:.0f} months")
    if row.mde != row.mde:
        text = voice.say(f"{groups}：能看出多大的效果无从得出（{voice.word('why', row.reason)}）", f"{groups}: what could be seen is unknown ({voice.word('why', row.reason)})")
        return [voice.finding("campaign.minimum", None, "1", text, definition="minimum detectable effect", status=Status.UNKNOWN)]
    text = voice.say(f"{groups}：按t检验，八成把握能看出的最小效果为{_size(voice, row.mde)}；分公司少时置换检验所需更大",
                     f"{groups}: the smallest effect seen with 80 % power by the t test is {_size(voice, row.mde)}; with few branches the permutation test asks for more")  # fmt: skip
    return [voice.finding("campaign.minimum", row.mde, "1", text, definition="minimum detectable effect", table="participation")]


def by_branch(voice: Voice, moves: pd.DataFrame) -> list[Finding]:
    """Which of the branches that joined moved furthest (`campaigns.moves_by_branch`)."""
    known = moves[(moves["side"] == "joined") & moves["moved"].notna()]
    if known.empty:
        return [voice.finding("campaign.branches", None, "1", voice.say("各分公司自身变动未知", "Each branch's own change is unknown"), status=Status.UNKNOWN)]
    top = known.iloc[0]
    text = voice.say(f"参加者中自身变动最大的是{top.branch}：{voice.points(top.moved)}（前后对比，不作归因）", f"Of those that joined {top.branch} moved most: {voice.points(top.moved)} (before/after, not attributed)")
    return [voice.finding("campaign.branches", top.moved, "1", text, definition="mean after − mean before", table="participation")]


def series(voice: Voice, fit: Segmented, starts: Mapping[str, str]) -> list[Finding]:
    """What the branch's own series says: the jump at the start, or that nothing can be said.

    Args:
        fit: `campaigns.segmented` of the branch.
        starts: `campaigns.starts_of`: without any nobody knows who joined.
    """
    if not starts:
        text = voice.say(f"{voice.word('why', 'no_starts')}，谁参加、何时开始都未知：不作分段回归",
                         f"There is {voice.word('why', 'no_starts')}: who joined, and when, is unknown, so no segmented regression")  # fmt: skip
        return [voice.finding("series.level", None, "odds ratio", text, definition="segmented regression", table="campaigns", status=Status.UNKNOWN)]
    if voice.branch not in starts:
        text = voice.say(f"{voice.branch}没有参加活动，不作分段回归", f"{voice.branch} did not join: no segmented regression")
        return [voice.finding("series.level", None, "odds ratio", text, definition="segmented regression", table="participation")]
    if fit.reason:
        text = voice.say(f"序列不足以作分段回归（{voice.word('why', fit.reason)}）", f"The series allows no segmented regression ({voice.word('why', fit.reason)})")
        return [voice.finding("series.level", None, "odds ratio", text, definition="segmented regression", table="participation", status=Status.UNKNOWN)]
    row = fit.terms.iloc[0]
    last = fit.fitted.iloc[-1]
    rough = voice.say("；残差前后相关，区间偏窄", "; residuals hang together, the interval is too narrow") if _hangs_together(fit) else ""
    text = voice.say(
        f"{voice.branch}自身序列：活动开始时参与的胜算变为{row.ratio:.2f}倍（95%区间{row.low:.2f}–{row.high:.2f}{rough}）；若未开始，最后一月平均应为{percent(last.without, 1)}（95%区间{percent(last.without_low, 1)}–{percent(last.without_high, 1)}）",
        f"{voice.branch}'s own series: the odds of taking part changed by a factor of {row.ratio:.2f} at the start (95 % interval {row.low:.2f}–{row.high:.2f}"
        f"{rough}); without it the last month would be expected at {percent(last.without, 1)} (95 % interval of the mean {percent(last.without_low, 1)}–{percent(last.without_high, 1)})",
    )
    lead = voice.finding("series.level", row.ratio, "odds ratio", text, definition="segmented regression, quasi-binomial" + ", with season" * fit.seasonal, table="participation")
    more = [("series.low", row.low), ("series.high", row.high), ("series.dispersion", fit.dispersion), ("series.without", last.without)]
    return [lead, *(voice.finding(name, value, "", f"{name} {value:.3g}", definition="segmented regression", table="participation") for name, value in more)]


def series_checks(voice: Voice, fit: Segmented, starts: Mapping[str, str]) -> list[Check]:
    """What one series assumes, and what would break it."""
    if voice.branch not in starts or fit.reason:
        return []
    parts = ("趋势与季节", "trend and season") if fit.seasonal else ("趋势", "trend")
    season = "" if fit.seasonal else voice.say("不足两年，季节分不开，也会算进效果。", " Under two years season cannot be told apart: it is in the effect too.")
    floor = voice.say("（不足1，区间按1计）", " (below one: the interval takes one)") if fit.dispersion < 1 else voice.say("已计入区间", " is in the interval")
    text = voice.say(
        f"分段回归假定：若无活动，原有的{parts[0]}会延续；同一时点的任何其他变化都会算进效果。{season}离散度{fit.dispersion:.1f}{floor}，一阶残差相关{fit.autocorrelation:.2f}（序列短，看不出相关不等于没有）。",
        f"The segmented regression assumes that the old {parts[1]} would have gone on; anything else that changed at the same time is in the effect.{season} "
        f"Dispersion {fit.dispersion:.1f}{floor}; residual autocorrelation {fit.autocorrelation:.2f} (a series this short seldom shows it).",
    )
    return [Check("series_assumes", Verdict.WARNING if _hangs_together(fit) or not fit.seasonal else Verdict.NONE, text)]


def _hangs_together(fit: Segmented) -> bool:
    """Whether residuals follow each other: only then is the interval too narrow."""
    return fit.p_autocorrelation < 0.05

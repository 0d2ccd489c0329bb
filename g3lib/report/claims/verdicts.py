"""What the tests of a story's end causes say: each verdict, what would decide, the table of all, what to beware of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from g3lib.findings import Check, Finding, Status, Verdict
from g3lib.labels import number, percent
from g3lib.qc.story.records import Story
from g3lib.report.claims.voice import Voice

_NOTES = {
    "observed": ("这些是观察到的关联，不是试验；未测量的因素仍可能造成差异。", "These are observed links and no experiment: what was not measured may still be behind them."),
    "heterogeneous": ("有的原因在各层的作用不一致：所列效应是各层的平均，不能据此否定。", "Some causes act differently in different strata: the effect shown is an average, and no ground to reject one."),
    "strata_untested": ("有的原因在各层的作用是否一致无法检验（群太少或层太多），不能据此否定。", "Whether some causes act alike in all strata could not be tested (too few clusters, too many strata): no ground to reject one."),
    "long_tails": ("有的结果由少数极端值左右，或一侧对象太少、看不出是否偏斜，判定没有把握：增加对象、先取对数或用秩检验（ranks）。", "A few extreme values carry some results, or a side is too small to show whether they do: take more units, logarithms or ranks before relying on the verdict."),
    "opposite": ("有的“原因”与问题方向相反（有此因素者问题更少）：要因是缺少它，不是它本身。", "Some causes go the other way (units with it have the problem less often): lacking it is the cause, not having it."),
    "same_as_outcome": ("这个原因与问题完全重合，请核对是否同一数据。", "This cause and the problem are one and the same in every unit: check that they are not one column."),
}  # fmt: skip
# effects that may go either way; the others are parts, told to three digits
_SIGNED = ("mean", "correlation")



def _digits(kind: str) -> int:
    return 2 if kind in _SIGNED else 3


def cautions(voice: Voice, tested: pd.DataFrame) -> list[Check]:
    """What the tests themselves warn of (`causes.confirm`)."""
    noted = {warning for row in tested["warnings"] for warning in row} if len(tested) else set()
    return [Check(f"tests.{code}", Verdict.WARNING, voice.say(zh, en)) for code, (zh, en) in _NOTES.items() if code in noted]


def notes(voice: Voice, story: Story) -> list[Check]:
    """What must be said beside the verdicts."""
    left_out = voice.listed([
        voice.say(f"{row.cause}{number(row.left_out + row.units)}行中{number(row.left_out)}行", f"{row.cause} {number(row.left_out)} of {number(row.left_out + row.units)} rows")
        for row in story.tested.itertuples() if row.left_out > 0
    ])
    found = cautions(voice, story.tested)
    if len(story.tested) > 1:
        found.append(Check("tests.intervals", Verdict.NONE, voice.say(
            "95%区间是每个原因自己的；结论按所有原因一起的Holm检验，所以区间刚好在最小差异以内的也可能仍是证据不足。",
            "Each interval is its cause's own; verdicts go by Holm's procedure over all of them, so one that lies just within the smallest may still be undecided.")))  # fmt: skip
    if left_out:
        found.append(Check("tests.left_out", Verdict.WARNING, voice.say(f"没有度量、结果、分层或群的行未计入检验：{left_out}。", f"Rows without a measure, an outcome, a stratum or a cluster are left out of the tests: {left_out}.")))
    return found


def cause(voice: Voice, row: dict[str, object]) -> Finding:
    """One cause's verdict, in its own measure."""
    kind = str(row["type"])

    def shown(amount: object) -> str:
        return voice.points(float(amount)) if kind == "risk" else number(amount, _digits(kind), signed=kind in _SIGNED)  # type: ignore[arg-type]

    verdict = voice.word("cause_verdict", row["verdict"])
    ends = voice.say(f"（95%区间{shown(row['low'])}至{shown(row['high'])}）", f" (95 % interval {shown(row['low'])} to {shown(row['high'])})")
    smallest = _smallest(voice, row)
    name = _effect_name(voice, row)
    reason = voice.word("cause_reason", row["reason"]) if row["reason"] else ""
    text = voice.say(f"{row['cause']}：{verdict}。{name} {shown(row['effect'])}{ends}，最小有意义差异{smallest}", f"{row['cause']}: {verdict}. {name} {shown(row['effect'])}{ends}, smallest that matters {smallest}")
    text = voice.say(f"{row['cause']}：{verdict}，{reason}", f"{row['cause']}: {verdict}, {reason}") if reason else text
    text += would_decide(voice, row)
    status = {"confirmed": Status.WATCH, "insufficient": Status.UNKNOWN}.get(str(row["verdict"]), Status.PLAIN)
    return voice.finding(f"cause.{row['cause']}", float(row["effect"]), "" if kind == "mean" else "1", text, definition=f"test: {row['test']}", table="case.tests", status=status,  # type: ignore[arg-type]
                         denominator=voice.say(f"{number(row['units'])}个对象", f"{number(row['units'])} units") + _without(voice, row))  # fmt: skip


def _without(voice: Voice, row: Mapping[str, Any]) -> str:
    """How many rows lack a measure, an outcome, a stratum or a cluster."""
    out = row["left_out"]
    return voice.say(f"（另有{number(out)}行缺值未计入）", f" ({number(out)} more rows lack a value)") if out else ""


def decidable(row: Mapping[Any, Any]) -> bool:
    """Whether any number of units decides: none rejects a cause whose strata pull apart, none shows what whole groups share."""
    return "heterogeneous" not in row["warnings"] and row["reason"] not in ("between_branches", "no_spread", "same_measure", "same_side", "same_clusters", "no_overlap")


def would_decide(voice: Voice, row: Mapping[str, Any]) -> str:
    """What sample would decide an undecided cause, in units and, where they come in clusters, in clusters."""
    needed, clusters = float(row["needed"]), float(row["needed_clusters"])
    if row["verdict"] != "insufficient" or not (needed > 0 and decidable(row)):
        return ""
    within = -float(row["minimum_effect"]) < float(row["low"]) and float(row["high"]) < float(row["minimum_effect"])
    if within and not row["reason"] and "strata_untested" not in row["warnings"]:
        return voice.say("；单看在最小差异以内，但几个原因一起判定（Holm）还不够有把握，须更多对象", "; within the smallest by itself, but not surely enough where several causes are judged together (Holm): take more units")
    if needed <= float(row["units"]) and "strata_untested" in row["warnings"]:
        return voice.say("；缺的是各层内两类对象都有的对象数：补足后才能比较各层", "; what is lacking are units of both kinds within each stratum: with them strata can be compared")
    if needed <= float(row["units"]) and not row["reason"]:
        return voice.say("；样本已够分辨两倍最小差异与没有差异，区间仍跨过最小值：真实差异若在最小值与其两倍之间，要更多对象", "; enough units to tell twice the smallest from none, but the interval holds the smallest: an effect between the two takes more")
    zh, en = (f"（{number(clusters)}个群）", f" in {number(clusters)} clusters") if clusters > 0 else ("", "")
    return voice.say(f"；若真实差异为零或最小值的两倍，约需{number(needed)}个对象{zh}才有80%的把握判定",
                     f"; were the effect nought or twice the smallest, some {number(needed)} units{en} would decide with 80 % power")  # fmt: skip


def least(voice: Voice, row: Mapping[Any, Any]) -> str:
    """The smallest effect that matters, in its type's own words."""
    return _smallest(voice, row) if row["type"] == "risk" else f"{_effect_name(voice, row)} {_smallest(voice, row)}"


def _effect_name(voice: Voice, row: Mapping[Any, Any]) -> str:
    """What the effect is; a difference of two groups is a stratified one where a stratum was declared."""
    plain = not row["stratum"] and row["type"] in ("risk", "mean")
    return voice.word("cause_effect", f"crude_{row['type']}" if plain else row["type"])


def _smallest(voice: Voice, row: Mapping[Any, Any]) -> str:
    amount = float(row["minimum_effect"])  # declared, so as it was written
    return f"{100 * amount:g}{voice.say('百分点', ' pp')}" if row["type"] == "risk" else f"{amount:g}"


def share_between(voice: Voice, row: Mapping[Any, Any]) -> str:
    """The interval of a cause's share of the problem, of which there is no less than nothing and no more than all."""
    low, high = (number(100 * min(max(row[end], 0.0), 1.0), 0) for end in ("share_low", "share_high"))
    return voice.say(f"{low}–{high}%", f"{low}–{high} %")


def tests_table(voice: Voice, story: Story) -> pd.DataFrame:
    """The verdicts as their reader sees them: each effect in the unit of its smallest that matters."""
    rows = []
    for row in story.tested.to_dict("records"):
        risk, signed = row["type"] == "risk", row["type"] in _SIGNED
        crude, effect, low, high = (
            number(100 * row[c], 2, signed=True) if risk else number(row[c], _digits(row["type"]), signed=signed) for c in ("crude", "effect", "low", "high")
        )
        # where units with it have the problem less often there is no part of the problem that it makes
        known = row["share_of"] == "problem" and row["share"] > 0
        share = f"{percent(row['share'], 1)}{voice.aside(share_between(voice, row))}" if known else "—"
        ends = voice.say(f"{low}至{high}", f"{low} to {high}") if row["low"] < row["high"] and not row["reason"] else "—"
        effect = effect if not row["reason"] else "—"
        rows.append((row["cause"], row["verdict"], effect, ends, least(voice, row), crude,
                     row["p_cause"], row["p_no_cause"], share, row["units"], row["test"]))  # fmt: skip
    columns = ["cause", "cause_verdict", "estimate", "interval", "least", "crude_text", "p_cause", "p_no_cause", "share_text", "units_tested", "cause_test"]
    return pd.DataFrame(rows, columns=columns)


def both_ways(voice: Voice, name: str | None, found: pd.DataFrame, crude: pd.Series) -> list[Finding]:
    """One cause's verdict without its stratum and within its strata.

    Args:
        name: the cause; found: `causes.confirm` of all; crude: `causes.crude_verdicts` of the same.
    """
    if not name or found.empty:
        return [voice.finding("cause.sides", None, "", voice.say("案例没有声明要检验的末端原因", "The case declares no end cause to be tested"), status=Status.UNKNOWN)]
    place = found["cause"].tolist().index(name)
    own = found.iloc[place]
    words = [voice.word("cause_verdict", verdict) for verdict in (crude.iloc[place], own["verdict"])]
    stratum = own["stratum"] if isinstance(own["stratum"], str) and own["stratum"] else ""
    if not stratum:
        return [cause(voice, dict(own))]
    alike = voice.say("分层不改变结论", "strata do not change the verdict") if words[0] == words[1] else voice.say("分层后结论改变", "strata change the verdict")
    unlike = "heterogeneous" in own["warnings"]
    alike += voice.say("；但各层的作用不一致，下面是各层的平均", "; but the strata differ in its effect, of which the mean is shown") if unlike else ""
    text = voice.say(f"{name}：不分层为“{words[0]}”，按{stratum}分层为“{words[1]}”，{alike}。", f"{name}: “{words[0]}” without strata, “{words[1]}” within {stratum}; {alike}.")
    status = Status.WATCH if words[0] != words[1] or unlike else Status.PLAIN
    return [voice.finding("cause.sides", float(own["effect"]), "", text, definition="test: " + str(own["test"]), table="case.tests", status=status), cause(voice, dict(own))]


def side_by_side(voice: Voice, found: pd.DataFrame, crude: pd.Series) -> pd.DataFrame:
    """All causes: effect and verdict without their stratum, on the same rows, then within it.

    Args:
        found, crude: as for `both_ways`.
    """
    names = ["cause", "crude_text", "crude_verdict", "within", "effect_text", "cause_verdict"]
    rows = []
    for row, verdict in zip(found.to_dict("records"), crude, strict=True):
        stratum = row["stratum"] if isinstance(row["stratum"], str) and row["stratum"] else ""
        plain = row | {"low": row["low_crude"], "effect": row["crude"], "high": row["high_crude"]} if stratum else row
        rows.append((row["cause"], _with_ends(voice, plain), verdict, stratum or "—", _with_ends(voice, row), row["verdict"]))
    return pd.DataFrame(rows, columns=names)


def exploring(voice: Voice) -> list[Check]:
    """That what is chosen after looking is no test."""
    return [Check("exploring", Verdict.WARNING, voice.say(
        "这里的分层是看着数据选的，只作探索：正式结论要用事先声明的分层、在没有看过的数据上检验；写回案例后请同时更新声明日期。",
        "A stratum that is chosen here is chosen with the data in view, which explores and tests nothing: a verdict takes a stratum declared before looking, "
        "on data not seen. Whoever writes it back renews the day of declaration too."))]  # fmt: skip


def _with_ends(voice: Voice, row: Mapping[Any, Any]) -> str:
    """An effect with its interval, in its own measure."""
    if any(row[name] != row[name] for name in ("low", "effect", "high")):
        return "—"
    if row["type"] == "risk":
        low, middle, high = (f"{round(100 * row[name], 1) + 0.0:+.1f}" for name in ("low", "effect", "high"))  # no -0.0
        return voice.say(f"{middle}个百分点（{low}至{high}）", f"{middle} pp ({low} to {high})")
    low, middle, high = (number(row[name], _digits(str(row["type"])), signed=row["type"] in _SIGNED) for name in ("low", "effect", "high"))
    return voice.say(f"{middle}（{low}至{high}）", f"{middle} ({low} to {high})")


def differ(voice: Voice, sides: pd.DataFrame) -> list[Finding]:
    """How many causes have another verdict within strata (`side_by_side`)."""
    names = sides.loc[sides["crude_verdict"] != sides["cause_verdict"], "cause"].tolist()
    zh = f"分层改变了{len(names)}个原因的结论：{'、'.join(map(str, names))}" if names else "分层没有改变任何原因的结论"
    en = f"Strata change the verdict of {len(names)} cause{'s' * (len(names) != 1)}: {', '.join(map(str, names))}" if names else "Strata change no verdict"
    return [voice.finding("causes.differ", float(len(names)), "", voice.say(zh, en), definition="crude and stratified verdicts", table="case.tests")]

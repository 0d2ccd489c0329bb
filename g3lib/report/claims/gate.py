"""What the gate found in a file: what it is taken for, how much of it is good, what is wrong where."""

from __future__ import annotations

from collections.abc import Sequence

from g3lib.errors import Fault, Severity
from g3lib.findings import Finding, Status
from g3lib.labels import any_word, number
from g3lib.report.claims.voice import Voice
from g3lib.tables.adding import Loaded
from g3lib.tables.gate import ROW
from g3lib.tables.loading import Checked, Export


def headline(voice: Voice, checked: Checked | None) -> list[Finding]:
    """What a file is taken for, and how many of its records are good; that there is none yet.

    Args:
        checked: `loading.check`; None before a file was chosen.
    """
    if checked is None:
        return [voice.finding("gate.file", None, "", voice.say("把导出文件拖到左边，先看后装。", "Drop an export on the left: it is looked at before anything is loaded."))]
    if not checked.exports:
        text = voice.say(f"{checked.path.name}没有被读懂：{len(checked.faults)}处问题。", f"{checked.path.name} is not understood: {len(checked.faults)} faults.")
        return [voice.finding("gate.file", 0.0, "", text, status=Status.BREACH)]
    good, records, refused = (sum(of) for of in zip(*((len(e.rows), e.records, len(e.rejected)) for e in checked.exports), strict=True))
    names = voice.listed(list(dict.fromkeys(voice.word("table", export.table.name) for export in checked.exports)))
    text = voice.say(
        f"{checked.path.name}是“{names}”：{number(records)}条记录，{number(good)}条可装载，{number(refused)}条退回。",
        f"{checked.path.name} is read as {names}: {number(records)} records, {number(good)} good, {number(refused)} rejected.",
    )
    return [voice.finding("gate.file", float(good), "", text, status=Status.WATCH if refused else Status.GOOD)]


def understood(voice: Voice, exports: Sequence[Export]) -> list[Finding]:
    """Which headings were understood."""
    unknown = [dict(note.values)["heading"] for export in exports for note in export.notes if note.code == "unknown_heading"]
    left = voice.say(f"，未识别{len(unknown)}个：{voice.listed(unknown[:6])}", f", {len(unknown)} not: {voice.listed(unknown[:6])}") if unknown else ""
    known = sum(len(set(export.rows.columns) - {ROW, "grain"}) for export in exports)  # what no heading gives is none
    return [voice.finding("gate.understood", float(known), "", voice.say(f"读懂{known}列{left}", f"{known} columns understood{left}"))]


def faults(voice: Voice, found: Sequence[Fault]) -> list[Finding]:
    """How many faults, of which kind."""
    rows = sum(fault.severity is Severity.ROW for fault in found)
    whole = sum(fault.severity is Severity.FILE for fault in found)
    if not found:
        return [voice.finding("gate.faults", 0.0, "", voice.say("没有问题", "No fault"), status=Status.GOOD)]
    text = voice.say(f"{len(found)}处问题：整个文件{whole}处，单行{rows}处", f"{len(found)} fault{'s' * (len(found) != 1)}: {whole} of the whole file, {rows} of rows")
    return [voice.finding("gate.faults", float(len(found)), "", text, status=Status.BREACH if whole else Status.WATCH)]


def rejected(voice: Voice, export: Export) -> list[Finding]:
    """How many rows are rejected."""
    text = _sheet(export) + voice.say(f"退回{number(len(export.rejected))}行，原因在旁", f"{number(len(export.rejected))} rows rejected, with their reasons")
    return [voice.finding("gate.rejected", float(len(export.rejected)), "", text, status=Status.WATCH)]


def _sheet(export: Export) -> str:
    """The sheet's name, where a file has several."""
    return f"{export.sheet} · " if export.sheet else ""


def rows(voice: Voice, export: Export, most: int) -> list[Finding]:
    """Which rows are shown."""
    shown = min(most, len(export.rows))
    text = _sheet(export) + voice.say(f"可装载的前{shown}行（客户与终端号码不显示）", f"The first {shown} good rows (numbers of customers and devices are not shown)")
    return [voice.finding("gate.rows", float(len(export.rows)), "", text)]


def loaded(voice: Voice, result: Loaded) -> list[Finding]:
    """What a load did with each export of a file: one sentence each.

    Args:
        result: `adding.load`.
    """
    found = []
    for export, outcome in zip(result.checked.exports, result.outcomes, strict=True):
        entry, status = outcome.entry, Status.PLAIN
        if outcome.state == "already":
            said = voice.say("库中已有，没有新增", "already in the store, nothing added")
        elif outcome.state == "superseded":
            said = voice.say("已有更正后的导出，没有新增", "corrected by a later export, nothing added")
        elif entry is None:
            why = voice.listed([f"{fault.column} {fault.found}: {fault.expected}" for fault in outcome.faults[:3]])
            said = voice.say("未装载，各行连同原因另存", "refused, its rows are kept with their reasons") + (voice.aside(why) if why else "")
            status = Status.BREACH
        else:
            said = voice.say(f"装载{number(entry.rows)}行为“{voice.word('table', entry.table)}”，退回{number(entry.rejected)}行",
                             f"{number(entry.rows)} rows loaded as {voice.word('table', entry.table)}, {number(entry.rejected)} rejected")  # fmt: skip
            said += voice.say(f"，替换{voice.listed([*outcome.replaced])}", f", in place of {voice.listed([*outcome.replaced])}") if outcome.replaced else ""
            gone = voice.listed([any_word(code, voice.lang) for code in outcome.gone])
            said += voice.say(f"，原有的{gone}本文件没有", f", which also held {gone}: this file does not") if gone else ""
            status = Status.WATCH if entry.rejected or gone else Status.GOOD
        text = f"{_sheet(export)}{voice.say('：', ': ').join((export.file, said))}"
        found.append(voice.finding("gate.loaded", float(entry.rows) if entry else 0.0, "", text, status=status))
    return found or [voice.finding("gate.loaded", 0.0, "", voice.say("没有可装载的行。", "Nothing could be loaded."), status=Status.BREACH)]


def remarks(voice: Voice, count: int) -> list[Finding]:
    """How many remarks there are."""
    return [voice.finding("gate.remarks", float(count), "", voice.say(f"读取说明{count}条", f"{count} remark{'s' * (count != 1)} on how it was read"))]

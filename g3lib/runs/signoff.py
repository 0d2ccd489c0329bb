"""Signing a month off: its figures are kept apart, and whatever they later become is a revision that says so.

data/signed/<period>/ holds the findings as they were signed (revision-1.csv, never written again) and signed.json: who,
when, which digest. A later run may make the reports again, with corrected data or another version of the library; it
then compares every figure of the reports that were signed with the signed one. Differences are listed in
reports/<period>/differences.csv, every report that has one says so at its top, and the index too. Signing again makes
the next revision; the earlier stays.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from g3lib import __version__
from g3lib.errors import DataError, UsageError, listed
from g3lib.files import inert, replace_bytes
from g3lib.labels import Lang, pick
from g3lib.runs import ledger
from g3lib.tables.workspace import Workspace

_KEPT = ("branch", "notebook", "name", "value", "unit", "status", "text")
DIFFERENCES = "differences.csv"


@dataclass(frozen=True)
class Signature:
    """One signing: its number, who, when (UTC), the file of its figures with its digest, and the inputs behind them."""

    revision: int
    by: str
    signed: str
    file: str
    sha256: str
    g3lib: str
    inputs: dict[str, str]


@dataclass(frozen=True)
class Difference:
    """A figure that is not what was signed: changed, gone or new."""

    branch: str
    notebook: str
    name: str
    signed: str
    now: str
    change: str  # changed, gone, new; unprinted: the sentence is the same, only digits that it does not print differ
    text: str


@dataclass(frozen=True)
class SignedState:
    """How reports stand to what was signed: not at all, as it was, or revised since."""

    signature: Signature | None = None
    differences: tuple[Difference, ...] = ()
    unsigned: frozenset[tuple[str, str]] = frozenset()  # branch and notebook of reports that no signature covers
    missing: frozenset[tuple[str, str]] = frozenset()  # signed, and the latest run made none: nobody can compare

    def of(self, row: ledger.Row) -> SignedState:
        """The same of one report."""
        own = (row.branch, row.notebook)
        mine = tuple(d for d in self.differences if (d.branch, d.notebook) == own)
        return SignedState(self.signature, mine, self.unsigned & {own}, self.missing & {own})

    def banner(self, lang: Lang) -> str:
        """What a page says at its top; empty where its month was never signed."""
        if self.signature is None:
            return ""
        by, number, day = self.signature.by, self.signature.revision, self.signature.signed[:10]
        shown = sum(d.change != "unprinted" for d in self.differences)
        hidden = len(self.differences) - shown
        zh, en = [f"本期已由{by}签核（第{number}版，{day}）"], [f"This month was signed off by {by} (revision {number}, {day})"]
        if shown:
            zh.append(f"此为签核后的修订稿：{shown}项数字与签核不同，见{DIFFERENCES}")
            en.append(f"this is a revision after signing: {shown} figures are not as they were signed, see {DIFFERENCES}")
        if hidden:
            zh.append(f"{hidden}项只在未印出的位数上不同")
            en.append(f"{hidden} differ only in digits that are not printed")
        if self.unsigned:
            zh.append(f"{len(self.unsigned)}份报告是签核之后新做的，未经签核")
            en.append(f"reports made since and not signed: {len(self.unsigned)}")
        if self.missing:
            zh.append(f"{len(self.missing)}份已签核的报告最近一次没有做成，无从比较")
            en.append(f"signed reports that the latest run failed to make, so not compared: {len(self.missing)}")
        if len(zh) == 1:
            zh.append("数字与签核一致")
            en.append("every figure is as it was signed")
        return pick(lang, "；".join(zh) + "。", "; ".join(en) + ".")


def folder_of(workspace: Workspace, period: str) -> Path:
    """Where the signed figures of a period are kept."""
    return workspace.root / "data" / "signed" / period


def signatures(workspace: Workspace, period: str) -> list[Signature]:
    """Every signing of a period, the first first; none where it was never signed."""
    path = folder_of(workspace, period) / "signed.json"
    return [Signature(**plain) for plain in json.loads(path.read_text(encoding="utf-8"))] if path.exists() else []


def sign(workspace: Workspace, period: str, by: str) -> Signature:
    """Sign a period's reports off as they are.

    Args:
        workspace: its reports/<period>/ is signed.
        period: as `g3 run` writes it.
        by: a role or department (市场部), not a person's name.

    Raises:
        UsageError: nobody signs, or there is no run of the period.
        DataError: reports failed or are still to be made (each is named), or nothing changed and no report came since the last
            signing.
    """
    if not by.strip():
        raise UsageError("Who signs? --by names the role or department.")
    # a report that was made in one language only is a report of the month too
    rows = ledger.read(workspace.reports_in("en") / period) | ledger.read(workspace.reports_in("zh") / period)
    if not rows:
        raise UsageError(f"There is no run of {period}; g3 run --period {period} makes its reports.")
    made = [row for row in rows.values() if row.state == "ok"]
    unmade = [f"{r.notebook} · {r.branch}: {r.error or r.state}" for r in rows.values() if r.state not in ledger.SETTLED]
    if unmade:
        raise DataError(listed(unmade, f"{period} cannot be signed: {len(unmade)} reports are not made."))
    if not made:
        raise UsageError(f"No report of {period} is there to be signed; g3 run --period {period} makes them.")
    earlier = signatures(workspace, period)
    state = against_signed(workspace, period, made)
    if earlier and not state.differences and not state.unsigned:
        raise DataError(f"{period} stands signed as revision {earlier[-1].revision}, and no figure has changed since.")
    text = _figures(made)
    number = len(earlier) + 1
    inputs = {i["file"]: i["sha256"] for row in made for i in row.inputs}
    new = Signature(
        number, by, ledger.now(), f"revision-{number}.csv", hashlib.sha256(text.encode()).hexdigest(), __version__, inputs
    )
    folder = folder_of(workspace, period)
    replace_bytes(folder / new.file, text.encode())
    plain = json.dumps([asdict(s) for s in (*earlier, new)], ensure_ascii=False, indent=1, sort_keys=True)
    replace_bytes(folder / "signed.json", plain.encode())
    return new


def against_signed(workspace: Workspace, period: str, rows: Sequence[ledger.Row]) -> SignedState:
    """How these reports stand to what was last signed; of signed reports that are not `ok` it is said that they are missing.

    Values are compared to twelve digits, statuses where there is no value. A language is no difference, nor is a report that
    was first made after the signing: it is not signed, and says so.

    Raises:
        DataError: the signed figures are missing or were altered.
    """
    signed = signatures(workspace, period)
    if not signed:
        return SignedState()
    then = _read(folder_of(workspace, period) / signed[-1].file, signed[-1].sha256)
    known = {key[:2] for key in then}
    now = {key: line for row in rows if row.state == "ok" for key, line in _lines(row).items()}
    reports = {(row.branch, row.notebook) for row in rows if row.state == "ok"}
    failed = {(row.branch, row.notebook) for row in rows} - reports
    found = []
    for key in sorted(k for k in {*now, *then} if k[:2] in known & reports):
        a, b = then.get(key), now.get(key)
        before, after = (_said(line) for line in (a, b))
        if before != after:
            change = "new" if a is None else "gone" if b is None else "unprinted" if a["text"] == b["text"] else "changed"
            found.append(Difference(*key, before, after, change, str((b or a or {}).get("text", ""))))
    return SignedState(signed[-1], tuple(found), frozenset(reports - known), frozenset(failed & known))


def write_differences(folder: Path, state: SignedState) -> None:
    """The difference report of a period: one line a figure, those that show in print first; no cell is a live formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    revision = state.signature.revision if state.signature else 0
    writer.writerow(["branch", "notebook", "name", f"signed (revision {revision})", "now", "change", "text"])
    for one in sorted(state.differences, key=lambda d: d.change == "unprinted"):
        writer.writerow([inert(str(cell)) for cell in asdict(one).values()])
    replace_bytes(folder / DIFFERENCES, text.getvalue().encode("utf-8-sig"))


def _lines(row: ledger.Row) -> dict[tuple[str, str, str], dict[str, object]]:
    return {(row.branch, row.notebook, str(f["name"])): f for f in row.findings}


def _said(line: dict[str, object] | None) -> str:
    """A figure as it is compared: its value, or its status where it has none."""
    if line is None:
        return ""
    value = line["value"]
    return str(line["status"]) if value is None or value == "" else f"{float(str(value)):.12g}"


def _figures(rows: Sequence[ledger.Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_KEPT)
    for (branch, notebook, name), line in sorted((k, v) for row in rows for k, v in _lines(row).items()):
        cells = {"branch": branch, "notebook": notebook, "name": name, **line}
        writer.writerow(["" if cells[c] is None else cells[c] for c in _KEPT])
    return text.getvalue()


def _read(path: Path, sha256: str) -> dict[tuple[str, str, str], dict[str, object]]:
    if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(f"{path} is missing or was altered after it was signed; restore it from a copy.")
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""))  # a text may hold any line break
    return {(row["branch"], row["notebook"], row["name"]): dict(row) for row in rows}

"""Signing a month off: its figures are kept apart, and whatever they later become is a revision that says so.

data/signed/<period>/ holds the findings as they were signed (revision-1.csv, never written again) and signed.json: who,
when, which digest. A later run may make the reports again, with corrected data or another version of the library; it
then compares every figure with the signed one. Differences are listed in reports/<period>/differences.csv, every report
that has one says so at its top, and the index too. Signing again makes the next revision; the earlier stays.
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
from g3lib.labels import Lang, pick
from g3lib.runs import ledger
from g3lib.tables.adding import inert
from g3lib.tables.store import replace_bytes
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
    change: str  # changed, gone, new
    text: str


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
        DataError: reports failed (each is named), or nothing changed since the last signing.
    """
    if not by.strip():
        raise UsageError("Who signs? --by names the role or department.")
    rows = ledger.read(workspace.reports / period)
    if not rows:
        raise UsageError(f"There is no run of {period}; g3 run --period {period} makes its reports.")
    made = [row for row in rows.values() if row.state == "ok"]
    if failed := [f"{row.notebook} · {row.branch}: {row.error}" for row in rows.values() if row.state == "failed"]:
        raise DataError(listed(failed, f"{period} cannot be signed: {len(failed)} reports failed."))
    earlier = signatures(workspace, period)
    if earlier and not differences(workspace, period, made):
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


def differences(workspace: Workspace, period: str, rows: Sequence[ledger.Row]) -> list[Difference]:
    """What of these reports is not as it was last signed; reports that are not among the rows are not compared.

    Values are compared to twelve digits, statuses where there is no value. A language is no difference.

    Raises:
        DataError: the signed figures are missing or were altered.
    """
    signed = signatures(workspace, period)
    if not signed:
        return []
    then = _read(folder_of(workspace, period) / signed[-1].file, signed[-1].sha256)
    now = {key: line for row in rows for key, line in _lines(row).items()}
    reports = {(row.branch, row.notebook) for row in rows}
    found = []
    for key in sorted({*now, *(k for k in then if k[:2] in reports)}):
        a, b = then.get(key), now.get(key)
        before, after = (_said(line) for line in (a, b))
        if before != after:
            change = "new" if a is None else "gone" if b is None else "changed"
            found.append(Difference(*key, before, after, change, str((b or a or {}).get("text", ""))))
    return found


def write_differences(folder: Path, found: Sequence[Difference], signature: Signature) -> None:
    """The difference report of a period: one line a figure; no cell is a live formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["branch", "notebook", "name", f"signed (revision {signature.revision})", "now", "change", "text"])
    for one in found:
        writer.writerow([inert(str(cell)) for cell in asdict(one).values()])
    replace_bytes(folder / DIFFERENCES, text.getvalue().encode("utf-8-sig"))


def banner(signed: Sequence[Signature], found: Sequence[Difference], lang: Lang) -> str:
    """What a report of a signed month says at its top; empty where it was never signed."""
    if not signed:
        return ""
    last = signed[-1]
    head = pick(
        lang,
        f"本期已由{last.by}签核（第{last.revision}版，{last.signed[:10]}）",
        f"Signed off by {last.by} (revision {last.revision}, {last.signed[:10]})",
    )
    if not found:
        return head + pick(lang, "，数字与签核一致。", "; every figure is as it was signed.")
    return head + pick(
        lang, f"。此为签核后的修订稿：{len(found)}项数字与签核不同，见{DIFFERENCES}。",
        f". This is a revision after signing: {len(found)} figures are not as they were signed, see {DIFFERENCES}.",
    )  # fmt: skip


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

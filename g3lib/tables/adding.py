"""Adding checked exports to the store: what is new, what corrects, what overlaps and is refused.

An export's identity is its table, its months and its branches (for tables without months: its keys). The
same bytes add nothing; the same identity replaces; a partial overlap would count somebody twice, so it is
refused and named. Exports of one branch and month may stand side by side where they hold different
channels or classes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from g3lib.errors import Fault, Severity
from g3lib.tables import loading
from g3lib.tables.gate import ROW
from g3lib.tables.identity import Digester, digester
from g3lib.tables.store import TOTALS, Entry, Manifest, Part, locked, replace_bytes, sweep, write_part


@dataclass(frozen=True)
class Outcome:
    """What became of one export."""

    entry: Entry | None
    state: str  # added, replaced, already, superseded, refused
    replaced: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Loaded:
    """What became of one file."""

    checked: loading.Checked
    outcomes: tuple[Outcome, ...]

    @property
    def faults(self) -> list[Fault]:
        """Every fault: the gate's and the store's."""
        return [*self.checked.all_faults, *(f for o in self.outcomes for f in o.faults)]


class _LazyDigester(Digester):
    """Asks for the key when the first number comes by: a table of targets needs none."""

    def __init__(self, expected_id: str | None) -> None:
        object.__setattr__(self, "expected_id", expected_id)

    @cached_property
    def key(self) -> bytes:  # type: ignore[override]
        return digester(self.__dict__["expected_id"]).key

    @property
    def used(self) -> bool:
        """Whether any number was digested."""
        return "key" in self.__dict__


def load(
    root: Path,
    paths: Sequence[Path],
    table: str | None = None,
    progress: Callable[[Path], None] | None = None,
) -> list[Loaded]:
    """Take files through the gate into the store at `root`; one commit for all of them.

    Good rows are added, rejected rows are kept under `rejected/` with their reasons.
    """
    results = []
    with locked(root):
        manifest = Manifest.read(root / "manifest.json")
        sweep(root, manifest)
        key = _LazyDigester(manifest.key_id)
        for path in paths:
            checked = loading.check(path, table, key)
            results.append(Loaded(checked, tuple(_add(root, manifest, export) for export in checked.exports)))
            for export in checked.exports:
                export.rows = export.rows.iloc[:0]  # the rows are stored; a long list of files stays small
            if progress:
                progress(path)
        if key.used:
            manifest.key_id = key.key_id
        manifest.write(root / "manifest.json")
    return results


def _add(root: Path, manifest: Manifest, export: loading.Export) -> Outcome:
    known = next((e for e in manifest.entries if (e.digest, e.sheet) == (export.digest, export.sheet)), None)
    if known:
        return Outcome(known, "already")
    if any((e.digest, e.sheet) == (export.digest, export.sheet) for e in manifest.superseded):
        # loading a folder again must not bring back what a later file in it corrects
        return Outcome(None, "superseded")
    candidate = _entry(export)
    overlapping = [e for e in manifest.entries if _overlap(e, candidate)]
    if blocking := [e for e in overlapping if not _corrects(candidate, e)]:
        faults = tuple(_refusal(candidate, e) for e in blocking)
        _refuse_all(export, "; ".join(f.found for f in faults))
        _write_rejected(root, export)
        return Outcome(None, "refused", faults=faults)
    entry = _written(root, candidate, export)
    for old in overlapping:
        manifest.entries.remove(old)
        manifest.superseded.append(old)
    manifest.entries.append(entry)
    return Outcome(entry, "replaced" if overlapping else "added", tuple(e.title for e in overlapping))


def _entry(export: loading.Export) -> Entry:
    rows, table = export.rows, export.table
    known = [c for c in table.names if c in rows and rows[c].notna().any()]
    keys: list[str] = []
    if not table.period and table.key:
        columns = [c for c in table.key if c in rows]
        keys = sorted({"\x1f".join(map(str, key)) for key in rows[columns].itertuples(index=False)})
    return Entry(
        file=export.file, sheet=export.sheet, digest=export.digest, table=table.name, records=export.records,
        rows=len(rows), rejected=len(export.rejected), totals=len(export.totals), cells=export.cells,
        slices=export.slices, keys=keys, columns=known, made_up=export.made_up,
        notes=[note.as_dict() for note in export.notes], parts={},
    )  # fmt: skip


def _overlap(old: Entry, new: Entry) -> bool:
    if old.table != new.table or not new.rows:
        return False
    if new.keys:
        return bool(set(old.keys) & set(new.keys))
    if not any(set(months) & set(old.cells.get(branch, ())) for branch, months in new.cells.items()):
        return False
    for column in {c for c, _ in old.slices} & {c for c, _ in new.slices}:
        if not {v for c, v in old.slices if c == column} & {v for c, v in new.slices if c == column}:
            return False
    return True


def _corrects(new: Entry, old: Entry) -> bool:
    if new.keys:
        return new.keys == old.keys or new.file == old.file
    return new.cells == old.cells


def _refusal(new: Entry, old: Entry) -> Fault:
    if new.keys:
        shared = sorted(set(new.keys) & set(old.keys))
        found = f"{len(shared)} of its keys are in {old.title} already ({', '.join(shared[:3]).replace(chr(31), ' ')})"
    else:
        shared = [(b, m) for b, months in new.cells.items() for m in months if m in old.cells.get(b, ())]
        found = f"{old.title} already holds {', '.join(' '.join(cell) for cell in shared[:3])}"
    expected = "no overlap, or a corrected file with the same branches and months"
    return Fault(new.file, new.sheet, None, "", found, expected, Severity.FILE)


def _written(root: Path, entry: Entry, export: loading.Export) -> Entry:
    rows = export.rows.drop(columns=ROW)
    source = export.digest[:12]
    parts: dict[str, Part] = {}
    if "branch" in rows:
        for branch, own in rows.groupby("branch", observed=True, sort=True):
            parts[str(branch)] = write_part(root, entry.table, str(branch), _lean(own), source)
    elif len(rows):
        parts["_"] = write_part(root, entry.table, None, _lean(rows), source)
    totals = None
    if len(export.totals):
        plain = export.totals.dropna(axis=1, how="all")
        totals = write_part(root, TOTALS, entry.table, plain, source)
    rejected = _write_rejected(root, export) if len(export.rejected) else ""
    return replace(entry, parts=parts, totals_part=totals, rejected_path=rejected)


def _lean(rows: pd.DataFrame) -> pd.DataFrame:
    """Categories of other branches are no business of this branch's file."""
    lean = rows.copy()
    for name in lean.columns:
        if isinstance(lean[name].dtype, pd.CategoricalDtype):
            lean[name] = lean[name].astype("str")
    return lean


def _refuse_all(export: loading.Export, reason: str) -> None:
    rows = export.rows.drop(columns=ROW).astype(object).where(export.rows.notna(), "").astype(str)
    records = [json.dumps({c: v for c, v in r.items() if v}, ensure_ascii=False) for r in rows.to_dict("records")]
    whole = pd.DataFrame({"row": export.rows[ROW], "reasons": reason, "record": records})
    export.rejected = pd.concat([export.rejected, whole], ignore_index=True)
    export.rows = export.rows.iloc[:0]


def _write_rejected(root: Path, export: loading.Export) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file", "sheet", "row", "reasons", "record"])
    for row, reasons, record in export.rejected.itertuples(index=False):
        writer.writerow([inert(c) for c in (export.file, export.sheet, str(row), reasons, record)])
    relative = f"rejected/{export.digest[:12]}-{len(export.sheet)}-{export.table.name}.csv"
    replace_bytes(root / relative, text.getvalue().encode("utf-8-sig"))
    return relative


def inert(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula.

    >>> inert("=HYPERLINK(1)"), inert("-3.5"), inert("睢县")
    ("'=HYPERLINK(1)", '-3.5', '睢县')
    """
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
        try:
            float(cell)
        except ValueError:
            return "'" + cell
    return cell


def as_json(faults: Sequence[Fault]) -> str:
    """The faults for a program."""
    return json.dumps([fault.as_dict() for fault in faults], ensure_ascii=False, indent=1)

"""Adding checked exports to the store: what is new, what corrects, what overlaps and is refused.

An export's identity is its table, its months and its branches (for tables without months: its keys). The
same bytes add nothing; the same identity replaces, where it loses no day and no channel or keeps its file
name; a partial overlap would count somebody twice, so it is refused and named, and so are the days of a
month beside its sum. Exports of one branch and month may stand side by side where they hold different
channels, classes or days.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import pandas as pd

from g3lib.errors import Fault, Severity
from g3lib.files import inert, replace_bytes
from g3lib.names import safe_name
from g3lib.tables import loading
from g3lib.tables.gate import ROW
from g3lib.tables.identity import Digester, digester
from g3lib.tables.store import MANIFEST, REJECTED, TOTALS, Entry, Manifest, Part, locked, sweep, write_part


@dataclass(frozen=True)
class Outcome:
    """What became of one export."""

    entry: Entry | None
    state: str  # added, replaced, already, superseded, refused
    replaced: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()  # channels, classes or metrics that only the replaced exports had
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
    def key(self) -> bytes:
        return digester(self.__dict__["expected_id"]).key

    @property
    def used(self) -> bool:
        """Whether any number was digested."""
        return "key" in self.__dict__


def load(root: Path, paths: Sequence[Path], table: str | None = None) -> list[Loaded]:
    """Take files through the gate into the store at `root`; one commit for all of them.

    Good rows are added, rejected rows are kept under `rejected/` with their reasons.
    """
    results = []
    with locked(root):
        manifest = Manifest.read(root / MANIFEST)
        sweep(root, manifest)
        key = _LazyDigester(manifest.key_id)
        for path in paths:
            checked = loading.check(path, table, key)
            results.append(Loaded(checked, tuple(_add(root, manifest, export) for export in checked.exports)))
            for export in checked.exports:
                export.rows = export.rows.iloc[:0]  # the rows are stored; a long list of files stays small
        if key.used:
            manifest.key_id = key.key_id
        manifest.write(root / MANIFEST)
    return results


def _add(root: Path, manifest: Manifest, export: loading.Export) -> Outcome:
    candidate = _entry(export)
    known = next((e for e in manifest.entries if (e.digest, e.sheet) == (export.digest, export.sheet)), None)
    if known and (known.table, known.columns, known.rows) == (candidate.table, candidate.columns, candidate.rows):
        return Outcome(known, "already")  # the same bytes understood otherwise (a heading learnt since) replace themselves
    if any((e.digest, e.sheet) == (export.digest, export.sheet) for e in manifest.superseded):
        # loading a folder again must not bring back what a later file in it corrects
        return Outcome(None, "superseded")
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
    return Outcome(entry, "replaced" if overlapping else "added", tuple(e.title for e in overlapping), _gone(entry, overlapping))


def _entry(export: loading.Export) -> Entry:
    rows, table = export.rows, export.table
    known = [c for c in table.names if c in rows and rows[c].notna().any()]
    keys: list[str] = []
    if not table.period and table.key:
        columns = [c for c in table.key if c in rows]
        keys = sorted({"\x1f".join(map(str, key)) for key in rows[columns].itertuples(index=False)})
    day_rows = export.day_rows
    days = [f"{day:%Y-%m-%d}" for day in (day_rows[table.period].agg(["min", "max"]) if len(day_rows) else ())]
    return Entry(
        file=export.file, sheet=export.sheet, digest=export.digest, table=table.name, records=export.records,
        rows=len(rows), rejected=len(export.rejected), totals=len(export.totals), cells=export.cells,
        slices=export.slices, keys=keys, columns=known, made_up=export.made_up,
        notes=[note.as_dict() for note in export.notes], parts={}, claims=export.claims, days=days,
        day_cells=replace(export, rows=day_rows).cells,
    )  # fmt: skip


def _overlap(old: Entry, new: Entry) -> bool:
    if old.table != new.table or not new.rows:
        return False
    if new.keys:
        return bool(set(old.keys) & set(new.keys))
    shared = _shared(old, new)
    if _mixed(old, new):
        return True
    if _apart(old, new):  # the first days of a month and its last days
        shared -= _pairs(new.day_cells)
    return bool(shared) and not any(
        _values(old, column).isdisjoint(_values(new, column))
        for column in {c for c, _ in old.slices} & {c for c, _ in new.slices}
    )


def _corrects(new: Entry, old: Entry) -> bool:
    """Whether `new` states the same months and branches; it may not cover less of them than `old`."""
    renamed = new.file != old.file
    if new.digest == old.digest:
        return new.sheet == old.sheet  # else two sheets of one workbook
    if new.keys:
        return new.keys == old.keys or not renamed
    if _mixed(old, new) or not _pairs(old.cells) <= _pairs(new.claims):
        return False
    if renamed and not _covers_days(new, old):
        return False
    # what an earlier export's rejected rows were about may come as good rows now
    return _pairs(new.claims) <= _pairs(old.claims or old.cells) or bool(old.rejected and not renamed)


def _covers_days(new: Entry, old: Entry) -> bool:
    # the second half of a month is no correction of the first
    return not (new.days and old.days) or (new.days[0] <= old.days[0] and old.days[1] <= new.days[1])


def _gone(new: Entry, replaced: Sequence[Entry]) -> tuple[str, ...]:
    """Channels, classes or metrics that the replaced exports had and the correction has not."""
    columns = {column for column, _ in new.slices}
    return tuple(sorted({v for old in replaced for c, v in old.slices if c in columns and [c, v] not in new.slices}))


def _pairs(cells: Mapping[str, list[str]] | None) -> set[tuple[str, str]]:
    return {(branch, month) for branch, months in (cells or {}).items() for month in months}


def _shared(old: Entry, new: Entry) -> set[tuple[str, str]]:
    return _pairs(old.cells) & _pairs(new.cells)


def _mixed(old: Entry, new: Entry) -> set[tuple[str, str]]:
    """Branches and months of which one export has days and the other the month."""
    if old.day_cells is None or new.day_cells is None:
        return set()
    return _shared(old, new) & (_pairs(old.day_cells) ^ _pairs(new.day_cells))


def _apart(old: Entry, new: Entry) -> bool:
    return bool(old.days and new.days) and (old.days[1] < new.days[0] or new.days[1] < old.days[0])


def _values(entry: Entry, column: str) -> set[str]:
    return {value for name, value in entry.slices if name == column}


def _refusal(new: Entry, old: Entry) -> Fault:
    expected = f"no overlap, or a corrected file of the same branches, months and days, or one named {old.file}"
    if new.keys:
        keys = sorted(set(new.keys) & set(old.keys))
        found = f"{len(keys)} of its keys are in {old.title} already ({', '.join(keys[:3]).replace(chr(31), ' ')})"
    elif mixed := sorted(_mixed(old, new)):
        grains = ("days", "the month") if set(mixed) & _pairs(old.day_cells) else ("the month", "days")
        found = f"{old.title} holds {grains[0]}, this file {grains[1]}, of {', '.join(map(' '.join, mixed[:3]))}"
        expected = "either the days of a month or its sum"
    else:
        found = f"{old.title} already holds {', '.join(map(' '.join, sorted(_shared(old, new))[:3]))}"
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
    sheet = f"{safe_name(export.sheet)}-" if export.sheet else ""
    relative = f"{REJECTED}/{export.digest[:12]}-{sheet}{export.table.name}.csv"
    replace_bytes(root / relative, text.getvalue().encode("utf-8-sig"))
    return relative


def as_json(faults: Sequence[Fault]) -> str:
    """The faults for a program."""
    return json.dumps([fault.as_dict() for fault in faults], ensure_ascii=False, indent=1)

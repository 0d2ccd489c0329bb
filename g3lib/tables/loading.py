"""The gate: exports → canonical records, with every fault collected and nothing lost.

records after unpivoting = good rows + rejected rows + stated totals. A rejected row keeps its texts and
all its reasons; a stated total is checked against its parts where they are additive, and kept apart.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from pandas.api.types import union_categoricals

from g3lib.errors import Fault, Severity
from g3lib.tables import shaping
from g3lib.tables.gate import ROW, Gate, cells_of
from g3lib.tables.identity import Digester
from g3lib.tables.notes import Note
from g3lib.tables.reading import SUFFIXES, Sheet, Unreadable, read
from g3lib.tables.schema import Table
from g3lib.tables.store import MANIFEST
from g3lib.tables.totals import checked_totals


@dataclass
class Export:
    """One sheet through the gate."""

    file: str
    sheet: str
    digest: str
    table: Table
    rows: pd.DataFrame  # canonical columns that the export has, and ROW
    rejected: pd.DataFrame  # row, reasons, record (its texts, as JSON)
    totals: pd.DataFrame  # canonical columns, label, row, agrees
    records: int
    faults: list[Fault] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    made_up: bool = False
    name: str = ""  # a name for what was read: encoding, delimiter
    refused_cells: set[tuple[str, str]] = field(default_factory=set)  # branch, month of rejected rows

    @property
    def cells(self) -> dict[str, list[str]]:
        """The months of each branch of the good rows ("" where the table has no branch, or no period)."""
        return _by_branch(cells_of(self.table, self.rows)) if len(self.rows) else {}

    @property
    def claims(self) -> dict[str, list[str]]:
        """The months of each branch of all rows, rejected ones too: what a corrected export will have."""
        good = {(b, m) for b, months in self.cells.items() for m in months}
        return _by_branch(pd.DataFrame(sorted(good | self.refused_cells), columns=["branch", "month"]))

    @property
    def day_rows(self) -> pd.DataFrame:
        """The good rows that are days, not months; none where the table has no grain."""
        return self.rows[self.rows["grain"] == "day"] if "grain" in self.rows else self.rows[:0]

    @property
    def slices(self) -> list[list[str]]:
        """Which channels, classes or metrics of a branch and month the export holds."""
        have = [c for c in self.table.slices if c in self.rows]
        if not have:
            return []
        distinct = self.rows[have].astype(object).where(self.rows[have].notna(), "")
        return sorted([c, str(v)] for c in have for v in distinct[c].unique())


@dataclass
class Checked:
    """What the gate found in one file."""

    path: Path
    exports: list[Export] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def all_faults(self) -> list[Fault]:
        """Every fault of the file, in the order of its sheets and rows."""
        return [*self.faults, *(fault for export in self.exports for fault in export.faults)]


def check(path: Path, table: str | None = None, digester: Digester | None = None) -> Checked:
    """Take a file through the gate; writes nothing and never raises for what the file holds.

    Args:
        path: .csv .txt .tsv .xlsx .xlsm .xls .parquet
        table: the canonical table where the user names it; else it is found from the headings.
        digester: replaces customer and device numbers; None where nothing will be stored.
    """
    result = Checked(path)
    try:
        sheets = read(path)
    except Unreadable as error:
        result.faults.append(error.fault)
        return result
    digest = file_digest(path)
    strange: list[tuple[Sheet, list[Fault]]] = []
    for sheet in sheets:
        try:
            result.exports.append(_export(sheet, digest, table, digester))
        except shaping.NotUnderstood as error:
            strange.append((sheet, error.faults))
        except (OSError, ValueError, csv.Error) as error:  # what only a later chunk can tell
            found = f"{type(error).__name__}: {error}"
            result.faults.append(Fault(sheet.file, sheet.name, None, "", found, "a readable sheet", Severity.FILE))
    for sheet, faults in strange:
        if result.exports and sheet.is_prose:
            result.exports[0].notes.append(Note.of("prose_sheet", sheet=sheet.name))
        else:
            result.faults.extend(faults)
    return result


def exports_in(paths: Sequence[Path]) -> list[Path]:
    """Files as given; a folder stands for the exports in it, and corrections after what they correct.

    Hidden files, Excel's lock files and a store are no exports; files deeper in the folder come later.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        stores = {manifest.parent for manifest in path.rglob(MANIFEST)}
        inside = [
            p
            for p in path.rglob("*")
            if p.is_file()
            and p.suffix.lower() in SUFFIXES
            and not p.name.startswith((".", "~$", "README"))
            and stores.isdisjoint(p.parents)
        ]
        found += sorted(inside, key=lambda p: (len(p.parts), p))
    return found


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _export(sheet: Sheet, digest: str, table: str | None, digester: Digester | None) -> Export:
    plan = shaping.layout(sheet, table)
    gate = Gate(sheet, plan, digester)
    good, rejected, totals = [], [], []
    for chunk in sheet.chunks():
        for texts in gate.records(chunk.loc[chunk.index > plan.skip]):
            figures, stated = gate.split(texts)
            totals.append(stated)
            rows, refused = gate.read(figures)
            good.append(rows)
            rejected.append(refused)
    if not gate.count:
        nothing = Fault(sheet.file, sheet.name, plan.skip, "", "headings and no figures below", "rows", Severity.FILE)
        raise shaping.NotUnderstood([*gate.faults, nothing])
    rows, mixed = gate.without_mixed_grains(_together(good))
    rows, repeated = gate.without_repeats(rows)
    refused = pd.concat([*rejected, mixed, repeated], ignore_index=True)
    stated_totals, differing, total_faults = checked_totals(sheet, plan, _all_texts(totals), rows, rows[ROW], len(refused))
    notes = [*plan.notes, *gate.all_notes(rows), *differing]
    if sheet.remark and not sheet.remark.startswith(("utf-8", "parquet")):
        notes.append(Note.of("read_as", how=sheet.remark))
    faults = sorted([*gate.faults, *total_faults], key=lambda f: (f.row or 0))
    made_up = plan.made_up
    return Export(sheet.file, sheet.name, digest, plan.table, rows, refused, stated_totals, gate.count, faults,
                  list(dict.fromkeys(notes)), made_up, sheet.remark, gate.refused_cells)  # fmt: skip


def _by_branch(distinct: pd.DataFrame) -> dict[str, list[str]]:
    return {str(branch): list(own["month"]) for branch, own in distinct.groupby("branch", sort=True)}


def _all_texts(frames: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled) if filled else pd.DataFrame()


def _together(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """The chunks as one frame; categories are united, so a long text column stays small."""
    frames = [f for f in frames if len(f)] or frames[:1]
    if len(frames) == 1:
        return frames[0].reset_index(drop=True)
    columns = {}
    for name in frames[0].columns:
        parts = [frame[name] for frame in frames]
        if isinstance(parts[0].dtype, pd.CategoricalDtype):
            # a chunk in which nothing is known has categories of no type, and only like ones are united
            alike = [part.cat.rename_categories(part.cat.categories.astype("str")) for part in parts]
            columns[name] = pd.Series(union_categoricals(alike))
        else:
            columns[name] = pd.concat(parts, ignore_index=True)
    return pd.DataFrame(columns)

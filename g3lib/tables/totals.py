"""Stated totals: rows and columns that say 合计, 小计 or total, kept apart and checked against their parts.

Only additive columns are checked. A total of a rate is not the sum of its parts, and without their bases
nobody can say whether it is right: it is kept as stated, never averaged, never ranked.
"""

from __future__ import annotations

import pandas as pd

from g3lib.errors import Fault, Severity
from g3lib.labels import fold
from g3lib.tables import cells, shaping
from g3lib.tables.notes import Note
from g3lib.tables.reading import Sheet
from g3lib.tables.schema import Kind, Table

HEADINGS = "_headings"  # of a total record: canonical column → heading as written, where the sheet is wide


def label_columns(table: Table) -> set[str]:
    """The columns in which a row may say that it is a total."""
    return {c.name for c in table.columns if c.kind in (Kind.TEXT, Kind.CHOICE, Kind.DATE)}


def checked_totals(
    sheet: Sheet, plan: shaping.Layout, texts: pd.DataFrame, rows: pd.DataFrame, row_numbers: pd.Series, rejected: int = 0
) -> tuple[pd.DataFrame, list[Note], list[Fault]]:
    """The stated totals, typed, each with whether it agrees with its parts.

    Args:
        texts: the total records as texts, indexed by their row on the sheet.
        rows: the good rows; `row_numbers` says where each stood.
        rejected: how many rows were refused: a total may be right and its good rows fewer.

    Returns:
        A frame (row, label, agrees, the table's columns), and what must be said of totals that disagree.
        `agrees` is None where nothing additive is stated.
    """
    table = plan.table
    stated: list[dict[str, object]] = []
    notes: list[Note] = []
    faults: list[Fault] = []
    seen: list[int] = []
    for row, record in zip(texts.index, texts.fillna("").to_dict("records"), strict=True):
        headings = record.pop(HEADINGS, {})
        label, values = _typed(plan, int(row), record)
        parts = _parts(table, values, rows)
        agrees = []
        for name in (c.name for c in table.columns if c.additive and c.name in rows):
            if values.get(name) is None:
                continue
            amount = float(values[name])  # type: ignore[arg-type]
            sums = _sums(parts[name], row_numbers[parts.index], int(row), seen)
            agrees.append(any(abs(total - amount) < 0.5 for total in sums))
            if not agrees[-1]:
                heading = headings.get(name, plan.heading(name))
                notes.append(
                    Note.of("total_differs", row=row, label=label or "小计", column=heading, branch=values.get("branch") or "",
                            stated=f"{amount:,.10g}", parts=f"{sums[0]:,.10g}")
                )  # fmt: skip
                faults.append(
                    Fault(sheet.file, sheet.name, int(row), heading, f"{amount:,.10g}",
                          f"{sums[0]:,.10g}, the sum of its parts" + " without the rejected rows" * bool(rejected), Severity.NOTE)
                )  # fmt: skip
        seen.append(int(row))
        stated.append({"row": int(row), "label": label, "agrees": all(agrees) if agrees else None, **values})
    return pd.DataFrame(stated).reindex(columns=["row", "label", "agrees", *table.names]), notes, faults


def _typed(plan: shaping.Layout, row: int, record: dict[str, str]) -> tuple[str, dict[str, object]]:
    label, values = "", {}
    for name, text in record.items():
        found = shaping.TOTAL.fullmatch(fold(text)) if name in label_columns(plan.table) else None
        if found:
            label, text = label or text.strip(), found["of"]
        if text and not cells.is_missing(text):
            column, (_, factor) = plan.table.column(name), plan.units.get(name, ("", 1.0))
            reading = cells.read_column(pd.Series([text], index=[row]), column, factor, None)
            values[name] = None if reading.faults or column.kind == Kind.PERSONAL else reading.values.iloc[0]
    return label, values


def _parts(table: Table, values: dict[str, object], rows: pd.DataFrame) -> pd.DataFrame:
    same = pd.Series(True, index=rows.index)
    for name in label_columns(table) - {"unit", "grain"}:
        if values.get(name) is not None and name in rows:
            same &= rows[name] == values[name]
    return rows[same]


def _sums(amounts: pd.Series, row_numbers: pd.Series, row: int, earlier: list[int]) -> list[float]:
    # a total may cover the whole sheet, everything above it, or the block since the total before it
    above = row_numbers < row
    since = max((t for t in earlier if t < row), default=0)
    return [float(amounts.sum()), float(amounts[above].sum()), float(amounts[above & (row_numbers > since)].sum())]

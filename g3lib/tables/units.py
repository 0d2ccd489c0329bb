"""Units that a heading or a title names: applied to the figures below it, and said."""

from __future__ import annotations

from collections.abc import Callable

from g3lib.tables.notes import Note
from g3lib.tables.schema import Kind, Table

Units = dict[str, tuple[str, float]]  # canonical column → unit as written, multiplier

UNITS: dict[Kind, dict[str, float]] = {
    Kind.MONEY: {"元": 1, "元/台": 1, "千元": 1e3, "万元": 1e4, "亿元": 1e8, "yuan": 1},
    Kind.COUNT: dict.fromkeys(("台", "户", "个", "部", "人", "天", "月", "个月", "月数", "件"), 1)
    | {"万台": 1e4, "万户": 1e4, "万部": 1e4, "万人": 1e4, "千台": 1e3, "千户": 1e3},
    Kind.RATE: {"%": 0.01, "％": 0.01, "百分比": 0.01},
    Kind.NUMBER: {"寸": 1, "英寸": 1, "0/1": 1},
}
UNITS[Kind.NUMBER] = UNITS[Kind.COUNT] | UNITS[Kind.MONEY] | UNITS[Kind.NUMBER]


def heading_unit(
    table: Table, column: str, heading: tuple[str, str], units: Units, notes: list[Note], fault: Callable[[str, str, str], None]
) -> None:
    """Take the unit in a heading for its column; an impossible or a second one is a fault.

    Args:
        table, column: where the heading's figures go.
        heading: the heading as written, and the unit in it.
        units, notes: grow by what is found.
        fault: hears of heading, found, expected.
    """
    text, unit = heading
    known = UNITS.get(table.column(column).kind, {})
    if unit in known:
        factor = known[unit]
        if units.setdefault(column, (unit, factor))[1] != factor:
            fault(text, f"unit {unit}", f"the unit {units[column][0]} of the other columns of {column!r}")
        elif factor not in (1, 0.01):
            notes.append(Note.of("unit_applied", heading=text, unit=unit, factor=f"{factor:,.0f}"))
    elif known:
        fault(text, f"unit {unit}", "one of " + " ".join(known))


def title_unit(table: Table, unit: str, columns: set[str], units: Units, notes: list[Note]) -> None:
    """Take a title's unit (单位：万元) for every column that can have it and has none of its own."""
    if not unit:
        return
    taken = [c for c in columns if unit in UNITS.get(table.column(c).kind, {}) and c not in units]
    for column in taken:
        factor = UNITS[table.column(column).kind][unit]
        units[column] = (unit, factor)
        if factor not in (1, 0.01):
            notes.append(Note.of("unit_applied", heading=column, unit=unit, factor=f"{factor:,.0f}"))
    if not taken:
        notes.append(Note.of("unknown_title_unit", unit=unit))

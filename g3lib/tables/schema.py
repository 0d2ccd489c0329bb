"""The canonical tables: what one row is, which columns it has, what a column may hold.

Analysts' headings change; these names don't. Each table is declared once, in tables.csv and columns.csv beside
this module, and from there come the pandera schema (which collects every fault), the overlap rule of the store
and the main measure of a wide sheet. Money is yuan a unit; rates are fractions; identifiers are text, so a leading zero stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from g3lib.labels import VOCABULARIES, read_csv

if TYPE_CHECKING:
    import pandera.pandas as pa

SCHEMA_VERSION = 1


class Kind(StrEnum):
    """How a column's cells are read and checked."""

    TEXT = "text"  # an identifier or a name
    CHOICE = "choice"  # one of a few words, see vocabularies.csv
    DATE = "date"  # a day, or a month where the table has a grain
    COUNT = "count"  # a whole number, zero or more
    MONEY = "money"  # yuan, zero or more
    NUMBER = "number"  # any number
    RATE = "rate"  # a fraction, written 0.65 or 65%
    FLAG = "flag"  # yes or no
    PERSONAL = "personal"  # a customer's or device's number: digested at the gate
    FREE = "free"  # free text: phone-like numbers are masked


@dataclass(frozen=True)
class Column:
    """One column of a canonical table."""

    name: str
    kind: Kind
    required: bool = False  # the column must be there and no cell empty
    choices: str = ""  # the vocabulary of vocabularies.csv
    additive: bool = False  # a stated total is the sum of its parts
    high: float | None = None
    timed: bool = False  # a date that keeps its time of day


@dataclass(frozen=True)
class Table:
    """One canonical table. `row` says what a row is."""

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()  # no two rows agree on all of these
    main: str = ""  # the measure of a wide sheet's bare month or channel columns
    period: str = ""  # the date column that places a row in time
    slices: tuple[str, ...] = ()  # two exports of one branch and month may each hold one of these
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(c.name for c in self.columns))

    def column(self, name: str) -> Column:
        """The column of that name."""
        return self.columns[self.names.index(name)]

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that must be there."""
        return tuple(c.name for c in self.columns if c.required)


def _tables() -> Iterator[Table]:
    columns: dict[str, list[Column]] = {}
    for row in read_csv("g3lib.tables", "columns.csv"):
        flags = {name: row[name] == "yes" for name in ("required", "additive", "timed")}
        high = float(row["high"]) if row["high"] else None
        column = Column(row["column"], Kind(row["kind"]), choices=row["choices"], high=high, **flags)
        columns.setdefault(row["table"], []).append(column)
    for row in read_csv("g3lib.tables", "tables.csv"):
        key, slices = tuple(row["key"].split()), tuple(row["slices"].split())
        yield Table(row["table"], row["row"], tuple(columns[row["table"]]), key, row["main"], row["period"], slices)


TABLES: dict[str, Table] = {table.name: table for table in _tables()}
GRAIN = TABLES["sales"].column("grain")


@cache
def pandera_schema(name: str) -> pa.DataFrameSchema:
    """The pandera schema of a canonical table: types are settled before it, it checks values.

    Validate with `lazy=True`: it then collects every failing cell.
    """
    import pandera.pandas as pa

    def checks(column: Column) -> list[pa.Check]:
        found = []
        if column.choices:
            codes = list(VOCABULARIES[column.choices])
            found.append(pa.Check.isin(codes, error=f"one of {', '.join(codes)}"))
        if column.kind in (Kind.COUNT, Kind.MONEY, Kind.RATE):
            found.append(pa.Check.ge(0, error="zero or more"))
        if column.high is not None:
            found.append(pa.Check.le(column.high, error=f"at most {column.high:g}"))
        return found

    columns = {
        column.name: pa.Column(None, checks(column), nullable=not column.required, required=column.required)
        for column in TABLES[name].columns
    }
    return pa.DataFrameSchema(columns, strict=True, name=name)

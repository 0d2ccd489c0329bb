"""A case: what its folder says, and which tables and columns it may have.

Each table of a case has its columns in tables.csv, under English or Chinese headings; survey.csv and options.csv have
columns of their own besides (strata, criteria), and any other CSV is data that a test names. A table that is not
there is a step without data: it is no fault, and the story says that it is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from g3lib.labels import fold, read_csv
from g3lib.periods import Period
from g3lib.tables.cells import when
from g3lib.tables.schema import Column, Kind
from g3lib.tables.shaping import TOTAL

FILE = "case.yaml"
PARTS = "the parts alone: leave the total's row out"


@dataclass(frozen=True)
class Case:
    """A case as read: what case.yaml says, its tables, and the data that tests name.

    `told` is case.yaml; `tables` has only tables that are there; `data` the other CSVs by name, both with the rows of their
    files as their index; `files` the digest of every file read; `unread` the names of those whose columns or names do not stand,
    `faulty` the rows of any other table that have faults of their own.
    """

    name: str
    told: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    data: Mapping[str, pd.DataFrame]
    files: Mapping[str, str]
    folder: Path = Path()
    unread: frozenset[str] = frozenset()
    faulty: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The topic."""
        return str(self.told["title"])

    @property
    def made_up(self) -> bool:
        """Whether the data are made up."""
        return bool(self.told.get("made_up", False))

    @property
    def is_rate(self) -> bool:
        """Whether the characteristic is a part of a whole; else it is a volume."""
        return (self.say("topic", "form") or "rate") == "rate"

    @property
    def counts_sales(self) -> bool:
        """Whether the survey counts sales: its largest class is no problem."""
        return bool(self.say("survey", "counts") == "sales")

    @property
    def higher_is_better(self) -> bool:
        """The direction of improvement."""
        return (self.say("topic", "better") or "higher") == "higher"

    def table(self, name: str) -> pd.DataFrame:
        """A table of the case; one that is not there is empty, with its columns."""
        return self.tables[name] if name in self.tables else pd.DataFrame(columns=[c.name for c in SPEC[name]])

    @property
    def dated(self) -> list[date]:
        """The days between which the group worked: of its start and end, else of its schedule."""
        told = [d for key in ("started", "ended") if (d := day(self.say("group", key))) is not None]
        schedule = self.table("schedule")
        planned = [d.date() for column in ("planned_start", "planned_end") for d in schedule[column].dropna()]
        return told or planned

    @property
    def has_period(self) -> bool:
        """Whether the case says of when it is: by its series, the group's days, or the survey's period."""
        return bool(len(self.table("series")) or self.dated or self.say("survey", "period"))

    def say(self, *path: str) -> Any:
        """What case.yaml says at a path; None where it says nothing."""
        found: Any = self.told
        for key in path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def _spec() -> tuple[dict[str, list[Column]], dict[str, dict[str, str]], dict[tuple[str, str], str]]:
    columns: dict[str, list[Column]] = {}
    headings: dict[str, dict[str, str]] = {}
    chinese: dict[tuple[str, str], str] = {}
    for row in read_csv("g3lib.qc.story", "tables.csv"):
        column = Column(row["column"], Kind(row["kind"]), row["required"] == "yes", row["choices"])
        columns.setdefault(row["table"], []).append(column)
        for name in filter(None, (row["heading"], row["column"], row["also"])):
            headings.setdefault(row["table"], {})[fold(name)] = row["column"]
        chinese[row["table"], row["column"]] = row["heading"]
    return columns, headings, chinese


SPEC, HEADINGS, HEADING = _spec()


def totals(frame: pd.DataFrame) -> Iterator[tuple[int, str, str]]:
    """Row, column and word of the rows that say 合计, 小计 or total: they are no parts, whatever else stands in them."""
    told = {word: bool(TOTAL.fullmatch(fold(word))) for word in pd.unique(frame.to_numpy().ravel()) if isinstance(word, str)}
    for row, *cells in frame.itertuples() if any(told.values()) else ():  # a million rows of data seldom hold one
        found = next(((name, cell) for name, cell in zip(frame.columns, cells, strict=True) if told.get(cell)), None)
        if found is not None:
            yield int(row), *found


def months_of(periods: pd.Series) -> tuple[str, str]:
    """The first and the last month of periods in order.

    >>> months_of(pd.Series(["2010Q1", "2010Q2"]))
    ('2010-01', '2010-06')
    """
    return f"{Period.parse(str(periods.iloc[0])).start:%Y-%m}", f"{Period.parse(str(periods.iloc[-1])).end:%Y-%m}"


def day(value: object) -> date | None:
    """A date of case.yaml; None where there is none."""
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    with suppress(ValueError):
        found, grain = when(str(value))
        return found if grain == "day" else None
    return None

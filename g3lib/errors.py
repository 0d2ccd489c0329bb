"""What goes wrong, in words an analyst can act on.

A fault in somebody's file is data, not an exception: the gate collects every `Fault` and lists them.
An exception means that a call cannot go on; its message says what was given, what was expected and
what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class G3Error(Exception):
    """Base of all errors that the library raises on purpose."""


class UsageError(G3Error):
    """The call itself is wrong (an unknown parameter, an impossible period)."""


class DataError(G3Error):
    """The data at hand cannot answer; the message lists every fault.

    `about` are the faults one by one, each with the name of the row that it is about (empty where it is the whole table's): a
    reader who knows the file finds the row by it.
    """

    def __init__(self, message: str, about: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.about = tuple(about)


class NoData(DataError):
    """There is nothing to compute on: a report is skipped, not made empty."""


class Severity(StrEnum):
    """How far a fault reaches."""

    FILE = "file"  # nothing of this file can be loaded
    ROW = "row"  # this row is rejected and kept beside the store
    NOTE = "note"  # loaded, but it must be said (a stated total that disagrees with its parts)


@dataclass(frozen=True)
class Fault:
    """One fault of one cell, row or file, as the analyst sees the sheet.

    `row` is the number at the left edge of the spreadsheet (1-based, title rows counted); None where
    the fault is the whole sheet's. `column` is the heading as written.
    """

    file: str
    sheet: str
    row: int | None
    column: str
    found: str
    expected: str
    severity: Severity = Severity.ROW

    def as_dict(self) -> dict[str, object]:
        """The fault as plain values, for a table or a program."""
        return asdict(self) | {"severity": str(self.severity)}


def refused(about: Iterable[tuple[str, str]], heading: str) -> DataError:
    """The error that lists every fault of a table, each with the name of its row.

    >>> refused([("a", "'a' stands twice"), ("", "there is no b")], "The table:").about[0]
    ('a', "'a' stands twice")
    """
    kept = tuple(about)
    return DataError(listed((line for _, line in kept), heading), kept)


def some(names: Sequence[str], most: int = 12) -> str:
    """Names in one line; of many the first ones, and how many more there are.

    >>> some(["a", "b", "c"], 2), some(["a"])
    ('a, b and 1 more', 'a')
    """
    told = ", ".join(names[:most])
    return f"{told} and {len(names) - most:,} more" if len(names) > most else told


def listed(faults: Iterable[str], heading: str) -> str:
    """One message that lists every fault, one a line.

    >>> print(listed(["a is missing", "b is negative"], "2 faults:"))
    2 faults:
      - a is missing
      - b is negative
    """
    return "\n".join([heading, *(f"  - {fault}" for fault in faults)])

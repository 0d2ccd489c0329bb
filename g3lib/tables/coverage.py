"""What the store covers: which branches and provinces have rows, of which months, and so which reports there can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from g3lib.errors import NoData
from g3lib.periods import Period
from g3lib.tables.dataset import Dataset
from g3lib.tables.store import DATED, Store
from g3lib.tables.workspace import Workspace

# The document lost this branch's name. It is ranked like any other and gets no report of its own.
NAMELESS = "（未具名）"


def latest_month(store: Store, branch: str, needs: Sequence[str] = ()) -> str:
    """The latest month for which all needed tables have rows of the branch.

    Without needs, the latest month of any dated table.

    Raises:
        NoData: a needed table has none; the message names it.
    """
    if missing := [need for need in needs if not _have(store, branch, need)]:
        raise NoData(f"{branch} has no {', '.join(missing)}.")
    tables = {need.split(".")[0] for need in needs} & set(DATED) or set(DATED)
    lasts = [months[-1] for months in (data_months(store, branch, table) for table in tables) if months]
    if not lasts:
        raise NoData(f"{branch} has no dated rows.")
    return min(lasts) if needs else max(lasts)


def data_months(store: Store, branch: str, table: str) -> list[str]:
    """The months in which a branch has rows of a dated table, sorted."""
    own = store.members(branch)
    return sorted({month for e in store.entries(table, own) for b in own for month in e.cells.get(b, ())})


def _have(store: Store, branch: str, need: str) -> bool:
    table, _, column = need.partition(".")
    own = set(store.members(branch))
    entries = [e for e in store.entries(table, [*own]) if own & e.parts.keys()]
    return any(not column or column in e.columns for e in entries)


def known_branches(store: Store) -> list[str]:
    """Every branch that has rows of its own, in a stable order; the nameless one is left out."""
    return sorted({b for t in DATED for e in store.entries(t) for b in e.parts} - {NAMELESS, "_"})


def known_units(store: Store, unit: str) -> list[str]:
    """What there can be a report about: the branches with rows, or the provinces of two such branches or more.

    The unit `area` is a province or any city in one that has two such branches.
    """
    branches = known_branches(store)
    if unit == "branch":
        return branches
    ways = [store.above(branch) for branch in branches]
    held = Counter(above for way in ways for above in (way if unit == "area" else way[-1:]))
    return sorted(name for name, count in held.items() if count > 1)


def able_units(store: Store, units: Sequence[str], needs: Sequence[str]) -> list[str]:
    """The branches and provinces that have what is needed.

    Args:
        units: `province`, `area`, `branch`: what they may be, in this order; needs: tables, or table.column.
    """
    return [name for unit in units for name in known_units(store, unit) if all(_have(store, name, need) for need in needs)]


def first_unit(store: Store, units: Sequence[str], needs: Sequence[str]) -> str:
    """The first branch or province that has what is needed; a real one before one that is made up.

    Args:
        units: `province`, `area`, `branch`: what it may be, the first before the others.
        needs: tables, or table.column.

    Raises:
        NoData: there is none.
    """
    able = able_units(store, units, needs)
    if not able:
        raise NoData(f"Nothing in the store has {', '.join(needs)}: g3 load adds exports.")
    return next((name for name in able if not _is_made_up(store, name)), able[0])


def _is_made_up(store: Store, name: str) -> bool:
    own = set(store.members(name))
    return any(e.made_up for table in DATED for e in store.entries(table, [*own]) if own & e.parts.keys())


def open_dataset(branch: str, period: str = "", needs: Sequence[str] = (), start: Path | None = None) -> Dataset:
    """One branch's dataset, in the workspace around `start` (the current folder unless said).

    Args:
        branch: the branch, or the province, as the exports write it.
        period: a month, a quarter, a range or a date; empty for the latest that the needed tables have.
        needs: tables, or table.column, that must be there.

    Raises:
        NoData: the branch is unknown, or lacks a needed table.
    """
    workspace = Workspace.find(start)
    store = workspace.store()
    known = known_branches(store)
    if branch not in {*known, *known_units(store, "area")}:
        raise NoData(f"No rows of branch {branch!r}. Known: {', '.join(known) or 'none; run g3 load first'}.")
    last = latest_month(store, branch, needs)
    return Dataset(store, branch, Period.parse(period or last), workspace.notes)

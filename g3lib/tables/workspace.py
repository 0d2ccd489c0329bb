"""Where the analyst works, and what one report may read.

A workspace is the nearest folder upward that holds notebooks/ and data/. A `Dataset` is one branch's view
of its store at a period: its own rows, the province's reference tables, and its sisters' figures where a
rank needs them. Each table is read when it is first asked for.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from g3lib.errors import DataError, NoData, UsageError, listed
from g3lib.labels import LANGS
from g3lib.periods import Period
from g3lib.tables import comments
from g3lib.tables.notes import Note
from g3lib.tables.schema import TABLES
from g3lib.tables.store import DATED, MANIFEST, Entry, Store

# The document lost this branch's name. It is ranked like any other and gets no report of its own.
NAMELESS = "（未具名）"


@dataclass(frozen=True)
class Workspace:
    """The folders of a workspace."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Workspace:
        """The workspace above a folder (the current one unless said)."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "notebooks").is_dir() and (folder / "data").is_dir():
                return cls(folder)
        raise UsageError(f"{here} is in no workspace: no folder upward holds both notebooks/ and data/.")

    @property
    def store_root(self) -> Path:
        """The store's folder; `G3_STORE` names another one (tests, a shared disk).

        The tables only: notes, signatures and reports stay the project's, so work that is to stay apart needs its own copy.
        """
        return Path(os.environ.get("G3_STORE") or self.root / "data" / "store")

    @property
    def notebooks(self) -> Path:
        """The parameterised notebooks."""
        return self.root / "notebooks"

    @property
    def notes(self) -> Path:
        """Where analysts keep their comments."""
        return self.root / "data" / comments.FOLDER

    @property
    def cases(self) -> Path:
        """Where QC groups keep their cases; `G3_CASES` names another folder (a case outside the project)."""
        return Path(os.environ.get("G3_CASES") or self.root / "data" / "cases")

    @property
    def reports(self) -> Path:
        """Where reports go."""
        return self.root / "reports"

    def reports_in(self, lang: str) -> Path:
        """Where the reports of a language go: English ones in a folder of their own, or they would replace the Chinese."""
        return self.reports if lang == "zh" else self.reports / lang

    def run_folders(self) -> list[Path]:
        """The folder of every period and language that has reports."""
        return sorted(path.parent for lang in LANGS for path in self.reports_in(lang).glob("*/run.json"))

    def store(self) -> Store:
        """The store; where there is none yet, the shipped documents' tables are loaded first.

        A notebook run by papermill alone on a fresh checkout then has something to read.
        """
        if not (self.store_root / MANIFEST).exists():
            from g3lib.tables.adding import load

            faults = [fault for loaded in load(self.store_root, shipped(self.root)) for fault in loaded.faults]
            if faults:
                raise DataError(listed(map(str, faults), "The shipped tables do not load:"))
        return Store(self.store_root)


def shipped(root: Path) -> list[Path]:
    """The exports that come with the project."""
    return sorted((root / "data" / "sources").glob("*.csv"))


def _whole(table: str) -> cached_property[pd.DataFrame]:
    """A table that each report reads whole: it is no branch's own."""
    return cached_property(lambda data: data._of(table, None))


@dataclass
class Dataset:
    """What one report reads, and a record of what it has read: provenance names exactly that.

    `branch` may also name a province: its own rows are then those of all its branches.
    """

    store: Store
    branch: str
    period: Period
    notes_folder: Path | None = None
    _seen: set[str] = field(default_factory=set)

    @cached_property
    def sales(self) -> pd.DataFrame:
        """The branch's sales up to the period's last known day.

        Raises:
            NoData: the day is inside a month of which only the sum is known.
        """
        sales = self._until(self._own("sales"), "date")
        asof = self.period.asof
        sums = sales[(sales["grain"] == "month") & (sales["date"] >= pd.Timestamp(asof.replace(day=1)))]
        if asof != self.period.end and len(sums):
            raise NoData(f"{self.branch} has only the sum of {asof:%Y-%m}; a report as of {asof} needs its days.")
        return sales

    @cached_property
    def targets(self) -> pd.DataFrame:
        """The branch's targets; of a province its own and its branches'."""
        return self._of("targets", list(dict.fromkeys([self.branch, *self.members])))

    @cached_property
    def sisters(self) -> list[str]:
        """The branches of the same province, this one included; of a province or city its own branches."""
        self._seen.add("branches")
        return self.store.area(self.branch)

    @cached_property
    def members(self) -> list[str]:
        """The branches whose rows are this report's own: a province's branches, or the branch itself."""
        return self.store.members(self.branch)

    @cached_property
    def scopes(self) -> list[str]:
        """Whose assumptions hold here: the branch, then what it lies in, narrowest first."""
        return [self.branch, *self.store.above(self.branch)]

    @cached_property
    def area_sales(self) -> pd.DataFrame:
        """Month sums of the sisters' units: what ranks need, no more."""
        return self._month_sums(["branch", "month", "channel"])

    @cached_property
    def participation(self) -> pd.DataFrame:
        """The campaign counts of all sisters: a branch is read against them."""
        return self._readings(self._of("participation", self.sisters))

    @cached_property
    def participation_totals(self) -> pd.DataFrame:
        """The area's participation as its exports state it; never computed from the branches' rates."""
        self._seen.add("participation")
        return self._readings(self.store.stated_totals("participation", [self.branch]))

    @cached_property
    def outlets(self) -> pd.DataFrame:
        """The sisters' outlets."""
        return self._of("outlets", self.sisters)

    @cached_property
    def outlet_facts(self) -> pd.DataFrame:
        """Possible causes measured at the sisters' outlets."""
        facts = self._of("outlet_facts", None)
        return self._until(facts[facts["outlet"].isin(self.outlets["outlet"])], "date")

    @cached_property
    def outlet_sales(self) -> pd.DataFrame:
        """Month sums of the sisters' units by outlet."""
        return self._month_sums(["branch", "channel", "outlet", "month"], dropna=False)

    @cached_property
    def offers(self) -> pd.DataFrame:
        """The sisters' sales without their customers: one branch alone moves its rates too seldom to learn from."""
        left_out = {"customer", "device", "activated_at"}
        return self._until(self._of("sales", self.sisters, [c for c in TABLES["sales"].names if c not in left_out]), "date")

    @cached_property
    def activity(self) -> pd.DataFrame:
        """The months of the branch's own customers, whichever sister reports them."""
        own = None if self.sisters == self.members else self.sales["customer"]
        return self._until(self._of("activity", self.sisters, among=own), "month")

    @cached_property
    def stock(self) -> pd.DataFrame:
        """What the branch received and holds of each model."""
        return self._until(self._own("stock"), "date")

    # volume promises, the vendors' and the province's
    commitments = _whole("commitments")
    # the steps of the supply prices
    vendor_prices = _whole("vendor_prices")
    # figures that somebody decided (margin, discount rate, m, k)
    assumptions = _whole("assumptions")
    models = _whole("models")
    # where green ends and red begins
    thresholds = _whole("thresholds")
    # whom each channel is meant to sell to
    roles = _whole("roles")
    # every subsidy rule; which one holds is the measures' business
    policy = _whole("policy")

    @cached_property
    def campaigns(self) -> pd.DataFrame:
        """The sisters' campaigns: who joined, and when."""
        return self._of("campaigns", self.sisters)

    @cached_property
    def above(self) -> dict[str, list[str]]:
        """What each of this report's branches lies in, nearest first, up to what the report is about."""
        ways = {branch: self.store.above(branch) for branch in self.members}
        return {b: way[: way.index(self.branch) + 1] if self.branch in way else way for b, way in ways.items()}

    @cached_property
    def stated(self) -> dict[str, float]:
        """Figures that a document states about this branch, by name (`stated.daily_pace`)."""
        frame = self.assumptions
        own = frame[(frame["scope"] == self.branch) & frame["name"].str.startswith("stated.")]
        return dict(zip(own["name"], own["value"], strict=True))

    @cached_property
    def comments(self) -> pd.DataFrame:
        """Analysts' comments on this report's findings, from data/notes/; one that cannot be read is missing."""
        if self.notes_folder is None:
            return comments.none()
        return comments.meant_for(comments.read(self.notes_folder)[0], self.branch, str(self.period))

    @property
    def sources(self) -> list[Entry]:
        """The exports behind every table read so far, in a stable order."""
        sisters = self.sisters if self._seen else []
        found = [e for t in self._seen for e in self.store.entries(t, sisters, real=not self.made_up)]
        # an export of later months was opened with its table, but no row of it stands behind a figure
        found = [e for e in found if e.begins_by(self.period.last_month)]
        return sorted(found, key=lambda e: (e.table, e.file, e.sheet))

    @property
    def notes(self) -> list[Note]:
        """What the gate said of those exports, each remark once; what concerns another branch alone is left out."""
        near = {"", self.branch, *self.members, *self.scopes}
        every = [n for e in self.sources for n in e.notes if n["values"].get("branch", "") in near]
        notes = [Note.of(n["code"], **n["values"]) for n in every]
        return list(dict.fromkeys(notes))

    @cached_property
    def made_up(self) -> bool:
        """Whether the branch is of a made-up province."""
        own = set(self.members)
        return any(e.made_up for table in DATED for e in self.store.entries(table, self.members) if own & e.parts.keys())

    def within(self, frame: pd.DataFrame, column: str = "date") -> pd.DataFrame:
        """The rows inside the period."""
        days = frame[column]
        inside = (days >= pd.Timestamp(self.period.start)) & (days <= pd.Timestamp(self.period.asof))
        return frame[inside].reset_index(drop=True)

    def _own(self, table: str) -> pd.DataFrame:
        return self._of(table, self.members)

    def _of(
        self, table: str, branches: Sequence[str] | None, columns: Iterable[str] | None = None, among: pd.Series | None = None
    ) -> pd.DataFrame:
        self._seen.add(table)
        return self.store.read(table, branches, list(columns) if columns else None, real=not self.made_up, among=among)

    def _month_sums(self, by: list[str], dropna: bool = True) -> pd.DataFrame:
        wanted = ["date", *(name for name in by if name != "month"), "units"]
        frame = self._until(self._of("sales", self.sisters, wanted), "date")
        frame["month"] = frame["date"].dt.strftime("%Y-%m")
        return frame.groupby(by, as_index=False, sort=True, dropna=dropna)["units"].sum()

    def _readings(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Readings up to the last day known. One a month, dated by its month, is of the month's end: not known before."""
        days, asof = pd.to_datetime(frame["date"]), pd.Timestamp(self.period.asof)
        if len(frame) and days.dt.is_month_start.all():
            days = days + pd.offsets.MonthEnd(0)
        return frame[days <= asof].reset_index(drop=True)

    def _until(self, frame: pd.DataFrame, column: str) -> pd.DataFrame:
        days = pd.to_datetime(frame[column])
        return frame[days <= pd.Timestamp(self.period.asof)].reset_index(drop=True)


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

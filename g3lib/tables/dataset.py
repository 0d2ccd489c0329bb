"""What one report may read: one branch's view of the store at a period, and a record of what was read.

Its own rows, the province's reference tables, and its sisters' figures where a rank needs them. Each table is read when it is
first asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd

from g3lib.errors import NoData
from g3lib.periods import Period, month_of
from g3lib.tables import comments
from g3lib.tables.notes import Note
from g3lib.tables.schema import TABLES
from g3lib.tables.store import DATED, Entry, Store
from g3lib.tables.workspace import READS

# a table of which a report takes rows up to its period's last day and no later ones
_UP_TO_THE_PERIOD = ("sales", "participation", "activity", "stock", "outlet_facts")


def _whole(table: str) -> cached_property[pd.DataFrame]:
    """A table that each report reads whole: it is no branch's own."""
    return cached_property(lambda data: data._of(table, "all"))


@dataclass
class Dataset:
    """What one report reads, and a record of what it has read: provenance names exactly that.

    `branch` may also name a province: its own rows are then those of all its branches.

    A reading is a table and whose rows of it: `own` those of the members, `area` of the sisters, `unit` of the branch itself and
    its members, `all` everybody's. A batch learns them through the file that `G3_READS` names, and makes a report again when what
    it read has changed (`digest`).
    """

    store: Store
    branch: str
    period: Period
    notes_folder: Path | None = None
    _reads: dict[tuple[str, str], None] = field(default_factory=dict)

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
        return self._of("targets", "unit")

    @cached_property
    def sisters(self) -> list[str]:
        """The branches of the same province, this one included; of a province or city its own branches."""
        self._note("branches", "area")
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
        return self._readings(self._of("participation", "area"))

    @cached_property
    def participation_totals(self) -> pd.DataFrame:
        """The area's participation as its exports state it; never computed from the branches' rates."""
        self._note("participation", "area")
        return self._readings(self.store.stated_totals("participation", [self.branch]))

    @cached_property
    def outlets(self) -> pd.DataFrame:
        """The sisters' outlets."""
        return self._of("outlets", "area")

    @cached_property
    def outlet_facts(self) -> pd.DataFrame:
        """Possible causes measured at the sisters' outlets."""
        facts = self._of("outlet_facts", "all")
        return self._until(facts[facts["outlet"].isin(self.outlets["outlet"])], "date")

    @cached_property
    def outlet_sales(self) -> pd.DataFrame:
        """Month sums of the sisters' units by outlet."""
        return self._month_sums(["branch", "channel", "outlet", "month"], dropna=False)

    @cached_property
    def offers(self) -> pd.DataFrame:
        """The sisters' sales without their customers: one branch alone moves its rates too seldom to learn from."""
        left_out = {"customer", "device", "activated_at"}
        return self._until(self._of("sales", "area", [c for c in TABLES["sales"].names if c not in left_out]), "date")

    @cached_property
    def activity(self) -> pd.DataFrame:
        """The months of the branch's own customers, whichever sister reports them."""
        own = None if self.sisters == self.members else self.sales["customer"]
        return self._until(self._of("activity", "area", among=own), "month")

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
        return self._of("campaigns", "area")

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
        found = {id(e): e for read in list(self._reads) for e in self._behind(*read)}.values()
        # an export of later months was opened with its table, but no row of it stands behind a figure
        return sorted((e for e in found if e.begins_by(self.period.last_month)), key=lambda e: (e.table, e.file, e.sheet))

    def digest(self, reads: Iterable[tuple[str, str]]) -> str:
        """One digest of what these readings find: a report that read them comes out the same while it stays the same."""
        seen = [self.branch, str(self.made_up), *self.members, "|", *self.store.area(self.branch), "|", *self.scopes]
        for table, whose in sorted(set(reads)):
            past = table in _UP_TO_THE_PERIOD
            found = [e for e in self._behind(table, whose) if not past or e.begins_by(self.period.last_month)]
            seen += [f"{table} {whose}", *sorted(e.identity for e in found)]
        return hashlib.sha256("\n".join(seen).encode()).hexdigest()

    @property
    def reads(self) -> list[tuple[str, str]]:
        """The readings so far, as `digest` takes them."""
        return list(self._reads)

    def recall(self, reads: Iterable[tuple[str, str]]) -> None:
        """Count these readings as made: what was made of them and kept rests on the same exports."""
        for table, whose in reads:
            self._note(table, whose)

    def _behind(self, table: str, whose: str) -> list[Entry]:
        """The exports that a reading opens."""
        return self.store.entries(table, self._branches(whose), real=not self.made_up)

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
        return self._of(table, "own")

    def _of(self, table: str, whose: str, columns: Iterable[str] | None = None, among: pd.Series | None = None) -> pd.DataFrame:
        self._note(table, whose)
        wanted = list(columns) if columns else None
        return self.store.read(table, self._branches(whose), wanted, real=not self.made_up, among=among)

    def _branches(self, whose: str) -> list[str] | None:
        match whose:
            case "own":
                return self.members
            case "area":
                return self.sisters
            case "unit":
                return list(dict.fromkeys([self.branch, *self.members]))
        return None

    def _note(self, table: str, whose: str) -> None:
        """Record a reading, and tell whoever asked for it (one line of a file, whole: short ones are written in one go)."""
        if (table, whose) in self._reads:
            return
        self._reads[table, whose] = None
        if path := os.environ.get(READS):
            line = json.dumps([self.branch, str(self.period), table, whose, self.store.digest], ensure_ascii=False)
            with open(path, "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def _month_sums(self, by: list[str], dropna: bool = True) -> pd.DataFrame:
        wanted = ["date", *(name for name in by if name != "month"), "units"]
        frame = self._until(self._of("sales", "area", wanted), "date")
        frame["month"] = month_of(frame["date"])
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

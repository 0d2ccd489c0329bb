"""A case's report: the story computed once, and the page, the deck and the audit that all speak from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from g3lib.about import About
from g3lib.errors import UsageError
from g3lib.labels import VOCABULARIES, Lang, pick
from g3lib.periods import Period
from g3lib.qc.story.audit import audit
from g3lib.qc.story.case import FILE, Case, months_of
from g3lib.qc.story.computed import computed
from g3lib.qc.story.reading import read_case
from g3lib.qc.story.records import Story
from g3lib.report.claims.voice import Voice
from g3lib.report.page import Report
from g3lib.tables import comments
from g3lib.tables.notes import Note
from g3lib.tables.workspace import Workspace


@dataclass(frozen=True)
class CaseFile:
    """One file of a case, as the provenance shows it."""

    title: str
    table: str
    digest: str
    rows: int
    rejected: int = 0
    totals: int = 0
    parts: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseData:
    """What a report asks of a case."""

    case: Case
    notes_folder: Path | None = None
    notes: list[Note] = field(default_factory=list)

    @property
    def branch(self) -> str:
        """The case's branch."""
        return str(self.case.told["branch"])

    @property
    def members(self) -> list[str]:
        """The branch alone."""
        return [self.branch]

    @property
    def made_up(self) -> bool:
        """Whether the data are made up."""
        return self.case.made_up

    @cached_property
    def period(self) -> Period:
        """From the first point of the series to the last, else the group's activity, else the survey's period.

        A case of a topic alone is of the month in which it is read, and no page says so (`CaseReport.voice`).
        """
        points = self.case.table("series")["period"]
        if len(points):
            return Period.parse("..".join(dict.fromkeys(months_of(points))))
        if days := self.case.dated:
            first, last = f"{min(days):%Y-%m}", f"{max(days):%Y-%m}"
            return Period.parse(first if first == last else f"{first}..{last}")
        return Period.parse(str(self.case.say("survey", "period") or f"{date.today():%Y-%m}"))
    @cached_property
    def comments(self) -> pd.DataFrame:
        """Analysts' comments on the case's findings, kept under its name: its period grows with its series, they stay."""
        if self.notes_folder is None:
            return comments.none()
        every = comments.read(self.notes_folder)[0]
        return every[every["branch"] == self.case.name]

    @property
    def sources(self) -> list[CaseFile]:
        """Every file of the folder."""
        found = []
        for file, digest in self.case.files.items():
            name = Path(file).stem
            rows = self.case.tables.get(name, self.case.data.get(name))
            table = f"case.{name}" if f"case.{name}" in VOCABULARIES["table"] else "case.data"
            found.append(CaseFile(file, table, digest, 0 if rows is None else len(rows)))
        return found


@dataclass
class CaseReport(Report):
    """A report about a case."""

    story: Story
    template: str = ""

    @property
    def voice(self) -> Voice:
        """As of any report; without a period where the case has none."""
        return super().voice if self.story.case.has_period else replace(super().voice, period="")

    @property
    def subject(self) -> str:
        """The branch and the case's own title: a branch has several."""
        return f"{self.data.branch} · {self.story.case.title}"

    @cached_property
    def audit(self) -> pd.DataFrame:
        """The ten steps and how complete each is."""
        return audit(self.story)


def open_case(name: str, lang: Lang = "zh", notebook: str = "qc-case") -> CaseReport:
    """Open a case: its folder is read, validated as a whole, and computed.

    Args:
        name: the folder's name below data/cases (or below `G3_CASES`), or a path to a folder elsewhere, from the workspace.
        lang: `zh` or `en`.
        notebook: whose title and question the report has.

    Raises:
        NoData, DataError: see `read_case`. UsageError: another language, or neither a case's name nor a path to one.
    """
    pick(lang, "", "")
    workspace = Workspace.find()
    folder = workspace.cases / name if Path(name).name == name else workspace.root / name
    if name in ("", ".", "..") or (Path(name).name != name and not (folder / FILE).is_file()):
        known = ", ".join(known_cases(workspace)) or "none"
        raise UsageError(f"{name[:60]!r} is no case's name nor a folder with a {FILE}; known: {known}.")
    case = read_case(folder.resolve())
    return CaseReport(About.find(workspace.notebooks, notebook), CaseData(case, workspace.notes), lang, computed(case))


def known_cases(workspace: Workspace) -> list[str]:
    """The cases below the workspace's folder of cases."""
    return sorted(path.parent.name for path in workspace.cases.glob(f"*/{FILE}"))

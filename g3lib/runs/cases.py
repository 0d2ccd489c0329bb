"""A QC case → its report notebook, its page, its deck and the audit of its ten steps, under reports/cases/."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from g3lib.errors import DataError, NoData, UsageError
from g3lib.files import replace_bytes
from g3lib.labels import Lang
from g3lib.qc.story.audit import audit
from g3lib.qc.story.case import FILE, Case
from g3lib.qc.story.computed import computed
from g3lib.qc.story.reading import read_case
from g3lib.report.case import known_cases
from g3lib.report.claims.story import audit_table
from g3lib.report.claims.voice import Voice
from g3lib.report.deck.master import master
from g3lib.report.tables import heading, shown
from g3lib.runs.ledger import Row
from g3lib.runs.lock import held
from g3lib.runs.notebooks import find
from g3lib.runs.publishing import CASES, front
from g3lib.runs.task import Task, run, sweep
from g3lib.tables.workspace import Workspace

_NOTEBOOK = "08"
_OF = ".of"  # beside a report: whose it is, without telling where that lies


def _digest(workspace: Workspace, folder: Path) -> bytes:
    """A folder in the workspace is known by its place there: a workspace may be moved."""
    root, place = workspace.root.resolve(), folder.resolve()
    told = place.relative_to(root) if place.is_relative_to(root) else place
    return hashlib.sha256(told.as_posix().encode()).hexdigest().encode()


def _told(workspace: Workspace, case: Case) -> str:
    """How the report's notebook names its case, so that it can be run again: by its name, or by the way from the workspace."""
    if (workspace.cases / case.name).resolve() == case.folder.resolve():
        return case.name
    try:
        return Path(os.path.relpath(case.folder.resolve(), workspace.root.resolve())).as_posix()
    except ValueError:  # another drive has no way from here
        return case.folder.resolve().as_posix()


def open_folder(workspace: Workspace, named: str, lang: Lang = "zh") -> Case:
    """The case of that name, or in that folder; read and validated as a whole.

    Raises:
        NoData: there is none. DataError: see `read_case`; and says which report of an earlier state, in `lang`, still stands.
    """
    given = Path(named)
    folder = given if (given / FILE).is_file() else workspace.cases / named
    if not (folder / FILE).is_file():
        known = ", ".join(known_cases(workspace)) or "no case"
        raise NoData(f"There is no case {named!r}: neither a folder with a {FILE} nor one of {known}.")
    try:
        return read_case(folder.resolve())
    except DataError as fault:
        raise DataError(f"{fault}{_left_as_it_was(workspace, folder.resolve().name, lang)}") from fault


def _left_as_it_was(workspace: Workspace, name: str, lang: Lang) -> str:
    """That the report of an earlier state of a faulty case still stands; empty where there is none."""
    made = workspace.reports_in(lang) / CASES / name / f"{find(workspace.notebooks, [_NOTEBOOK])[0].path.stem}.html"
    if not made.is_file():
        return ""
    when = datetime.fromtimestamp(made.stat().st_mtime, UTC)
    where = made.parent.relative_to(workspace.root).as_posix()
    return f"\nThe report and the deck of {when:%Y-%m-%d %H:%M} UTC were left as they are: {where}"


def make(workspace: Workspace, case: Case, lang: Lang, template: str = "") -> tuple[Row, pd.DataFrame]:
    """Make a case's report and deck, and keep the audit beside them.

    Args:
        case: `open_folder`.
        lang: `zh` or `en`.
        template: a company's .pptx or .potx, empty for our own master.

    Returns:
        The report's row and the audit as its reader sees it.

    Raises:
        Busy: another run is at work.
        UsageError: a template that is none (`deck.master`); another case of the same name, in data/cases or already reported,
            whose report would be replaced.
    """
    folder, whose = workspace.reports_in(lang) / CASES / case.name, _digest(workspace, case.folder)
    shipped, made = workspace.cases / case.name, folder / _OF
    if (shipped / FILE).is_file() and shipped.resolve() != case.folder.resolve():
        raise UsageError(f"{shipped} is another case of that name, whose report would be replaced: rename {case.folder}.")
    if made.is_file() and made.read_bytes() != whose:
        raise UsageError(f"{folder} is the report of another case of that name: rename {case.folder}, or move that report away.")
    if template:
        master(template)
    notebook = find(workspace.notebooks, [_NOTEBOOK])[0]
    inputs = tuple(sorted(case.files.items()))
    given = notebook.checked({"case": _told(workspace, case), "lang": lang})
    task = Task(
        notebook.path, case.name, CASES, given, "", workspace.reports_in(lang), lang, inputs, case.made_up,
        environment={"G3_DECK_TEMPLATE": str(Path(template).resolve()) if template else ""}, index="../../index.html",
    )  # fmt: skip
    with held(task.reports):  # two decks of one case at once would be of two minds
        sweep(task.folder)
        row = run(task)
        front(workspace, lang)
    voice = Voice(lang, str(case.told["branch"]), "")
    steps = audit_table(voice, audit(computed(case)))
    if folder.is_dir():
        replace_bytes(made, whose)
    if row.state == "ok":
        named = pd.DataFrame({heading(c, lang): [shown(c, value, lang) for value in steps[c]] for c in steps})
        replace_bytes(folder / "audit.csv", named.to_csv(index=False).encode("utf-8-sig"))
    return row, steps

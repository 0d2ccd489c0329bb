"""What is written once reports are made: the ledger, the findings, the index, and what each page says of a signing.

A page is stamped here and not while it is made: a month may be signed, and signed again, when its reports are long there.
"""

from __future__ import annotations

from collections.abc import Sequence

from g3lib.errors import DataError, listed
from g3lib.files import replace_bytes
from g3lib.labels import Lang
from g3lib.report.html import stamped
from g3lib.report.index import index_html, periods_html
from g3lib.runs import ledger, signoff
from g3lib.runs.notebooks import find, names
from g3lib.runs.task import EARLIER, sweep
from g3lib.tables import comments
from g3lib.tables.workspace import Workspace

CASES = "cases"


def record(workspace: Workspace, rows: Sequence[ledger.Row], lang: Lang) -> None:
    """Write the run's list, findings and index of every period that the rows touch.

    What notebooks that are no more failed to make is forgotten here.

    Raises:
        DataError: lists every period whose signed figures are missing or were altered; all that was run is on record first.
    """
    reports, faults = workspace.reports_in(lang), []
    book = ledger.Ledger(reports)
    book.put(row for row in rows if row.state == "skipped" and not row.data)  # found so by the plan
    changed = book.forget_but(names(workspace.notebooks))
    for period in (periods := sorted({row.period for row in rows} | set(changed))):
        folder = reports / period
        ledger.export(folder, ledger.interrupted(list(ledger.read(folder).values())), lang)
    for period in periods:
        try:
            refresh(workspace, period, lang)
        except DataError as fault:
            faults.append(f"{period}: {fault}")
    front(workspace, lang)
    if faults:
        raise DataError(listed(faults, "The reports are made, but these periods cannot be held against their signing:"))


def front(workspace: Workspace, lang: Lang) -> None:
    """Write the page above the periods and the cases."""
    reports = workspace.reports_in(lang)
    periods = [reports / period for period in ledger.Ledger(reports).periods()]
    cases = sorted(path for path in (reports / CASES).glob("*/*.html") if EARLIER not in path.stem)
    replace_bytes(reports / "index.html", periods_html(periods, cases, lang).encode())


def refresh(workspace: Workspace, period: str, lang: Lang) -> None:
    """Write a period's index and, where it was signed off, its differences; every page says how it stands to the signing."""
    folder = workspace.reports_in(lang) / period  # whoever publishes holds the reports: nobody else is at work here
    sweep(folder)  # what a worker, or whoever published before, was killed at
    rows = ledger.interrupted(list(ledger.read(folder).values()))
    made = [row for row in rows if row.state == "ok"]
    state = signoff.against_signed(workspace, period, rows)
    if state.signature:
        signoff.write_differences(folder, state)
    for row in made:
        path = folder / row.html
        if path.exists() and (page := path.read_text(encoding="utf-8")) != (new := stamped(page, state.of(row).banner(lang))):
            replace_bytes(path, new.encode())
    every = find(workspace.notebooks)
    titles, wide = {n.name: n.about.title[lang] for n in every}, {n.name for n in every if n.about.unit == "province"}
    replace_bytes(folder / "index.html", index_html(period, rows, titles, lang, state.banner(lang), wide).encode())


def stray(workspace: Workspace) -> list[str]:
    """Comments beside a finding that no report made so far has: a misspelt name, a branch without reports."""
    written = comments.read(workspace.notes)[0]
    pairs = dict.fromkeys(zip(written["branch"], written["finding"], strict=True))
    known = reported(workspace) if pairs else set()
    return [f"{branch} · {finding}" for branch, finding in pairs if (branch, finding) not in known]


def reported(workspace: Workspace, period: str = "") -> set[tuple[str, str]]:
    """Branch and name of every finding that the reports made so far have (of one period, or of all)."""
    rows = [row for folder in ledger.folders(workspace) if period in ("", folder.name) for row in ledger.read(folder).values()]
    return {(row.branch, str(finding["name"])) for row in rows for finding in row.findings}

"""A batch: which reports there are to make, which are already made, and making the rest side by side."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from g3lib.errors import NoData, UsageError, listed, some
from g3lib.labels import Lang
from g3lib.periods import Period
from g3lib.runs import ledger
from g3lib.runs.again import files_of
from g3lib.runs.crew import Crew
from g3lib.runs.edition import library_digest
from g3lib.runs.notebooks import UNITS, Notebook
from g3lib.runs.task import LONGEST, Task, sweep
from g3lib.runs.warm.client import MEMORY
from g3lib.tables import comments
from g3lib.tables.coverage import NAMELESS, data_months, known_units, latest_month
from g3lib.tables.dataset import Dataset
from g3lib.tables.store import DATED, Store
from g3lib.tables.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd



@dataclass
class Plan:
    """What there is to do on a snapshot of the store: tasks, and rows that are settled without running (skipped, unchanged)."""

    store: Store
    tasks: list[Task] = field(default_factory=list)
    settled: list[ledger.Row] = field(default_factory=list)
    unchanged: int = 0
    faults: list[str] = field(default_factory=list)  # comments that cannot be read: the reports go without them
    later: Store | None = None  # the store as it was loaded since


def plan(
    workspace: Workspace,
    notebooks: Sequence[Notebook],
    branches: Sequence[str] = (),
    period: str = "",
    lang: Lang = "zh",
    parameters: Mapping[str, object] | None = None,
    force: bool = False,
    seconds: int = LONGEST,
    memory_mb: int = 0,
) -> Plan:
    """Every notebook × what it is about: to run, skipped for want of data, or unchanged since it was made.

    Args:
        workspace, notebooks, branches, period, lang, parameters: what is asked for; every branch and the latest period where
            none is named.
        force: make again what is unchanged.
        seconds: a report may take; memory_mb: its kernel may take, 0: all there is.

    Raises:
        UsageError: an unknown branch or parameter, a period that is none; before anything runs.
    """
    store = workspace.store()
    known = {unit: known_units(store, unit) for unit in UNITS}
    if branches:  # a city has its overview when it is named
        known["province"] = known_units(store, "area")
    period, settled = _checked(notebooks, known, branches, period, lang, parameters or {})
    made: dict[Path, dict[tuple[str, str], ledger.Row]] = {}
    written, faults = comments.read(workspace.notes)
    result = Plan(store, faults=faults)
    for notebook in notebooks:
        # a notebook about anything else (a case) has no report in a batch
        for branch in (b for b in known.get(notebook.about.unit, ()) if not branches or b in branches):
            task = _task(workspace, store, notebook, branch, period, lang, settled[notebook.name], written)
            if isinstance(task, ledger.Row):
                result.settled.append(task)
                continue
            if task.folder not in made:
                made[task.folder] = ledger.read(task.folder, findings=False)
            rows = made[task.folder]
            if not force and _is_made(task, rows.get((notebook.name, branch)), store):
                result.unchanged += rows[notebook.name, branch].state == "ok"
                result.settled.append(rows[notebook.name, branch])
            else:
                limits = {MEMORY: str(memory_mb)} if memory_mb else {}
                result.tasks.append(replace(task, seconds=seconds, environment=limits))
    return result


def _checked(
    notebooks: Sequence[Notebook], known: Mapping[str, Sequence[str]], branches: Sequence[str], period: str, lang: Lang,
    parameters: Mapping[str, object],
) -> tuple[str, dict[str, dict[str, Any]]]:  # fmt: skip
    """The period as it is written everywhere, and each notebook's parameters by its name, their types settled.

    Raises:
        UsageError: lists everything that cannot be what was meant.
    """
    faults, every, settled = [], [*known["branch"], *known["province"]], {}
    if unknown := [b for b in branches if b not in every]:
        own = [_not_known(b, every) for b in unknown]
        faults.append(listed(own, f"Unknown branches; known: {some(every) or 'none, run g3 load first'}"))
    units = {notebook.about.unit for notebook in notebooks}
    if idle := [b for b in branches if b in every and not any(b in known.get(unit, ()) for unit in units)]:
        asked = f"{', '.join(n.name for n in notebooks)}: one report a {' or '.join(sorted(units))}"
        fit = [name for unit in sorted(units) for name in known.get(unit, ())]
        faults.append(f"{asked}, which {', '.join(idle)} is not; known: {some(fit)}")
    try:
        period = str(Period.parse(period)) if period else ""
    except UsageError as error:
        faults.append(str(error))
    if taken := {*UNITS, "period", "lang"} & set(parameters):
        faults.append(f"{', '.join(sorted(taken))}: use --{', --'.join(sorted(taken))}, not -p.")
    for notebook in notebooks:
        try:
            settled[notebook.name] = notebook.checked({"lang": lang, **_meant_for(notebook, notebooks, parameters)})
        except UsageError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n".join(dict.fromkeys(faults)))
    return period, settled


def _not_known(branch: str, every: Sequence[str]) -> str:
    if branch == NAMELESS:
        return f"{branch!r} is ranked beside the others and gets no report of its own"
    near = [name for name in every if branch in name] or get_close_matches(branch, every, 3, 0.5)
    return f"{branch[:60]!r} has no rows" + (f"; is {' or '.join(near[:3])} meant?" if near else "")


def without_any(store: Store, notebooks: Sequence[Notebook]) -> list[str]:
    """Why notebooks make no report at all: what each is about, of which the store names none."""
    told = {unit: [n.name for n in notebooks if n.about.unit == unit] for unit in UNITS if not known_units(store, unit)}
    missing = [f"{', '.join(names)}: one report a {unit}, of which the store has none." for unit, names in told.items() if names]
    return [*missing, "Run g3 load first."] if notebooks else ["there is no notebook about a branch or a province."]


def share_of_memory(jobs: int) -> int:
    """MB that each of so many reports may take for all of them to find room; some is left to everybody else."""
    import psutil

    return max(512, int(0.8 * psutil.virtual_memory().available / jobs) >> 20)


def _meant_for(notebook: Notebook, every: Sequence[Notebook], given: Mapping[str, object]) -> dict[str, object]:
    """The parameters that the notebook has, and those that none has, which it is to refuse."""
    return {k: v for k, v in given.items() if k in notebook.parameters or not any(k in n.parameters for n in every)}


def _task(
    workspace: Workspace, store: Store, notebook: Notebook, branch: str, period: str, lang: Lang, given: dict[str, Any],
    written: pd.DataFrame,
) -> Task | ledger.Row:  # fmt: skip
    skipped = ledger.Row(notebook.name, branch, period, "skipped", given, finished=ledger.now())
    try:
        needs = notebook.about.needs
        last = latest_month(store, branch, needs)
        wanted = period or last
        months = {m for t in _dated(needs) for m in data_months(store, branch, t)}
        if not set(Period.parse(wanted).months) & months:
            raise NoData(f"{branch} has no rows in {wanted}.")
    except NoData as error:
        skipped.error, skipped.period = str(error), period or latest_month(store, branch)
        return skipped
    parameters = {**given, notebook.about.unit: branch, "period": wanted}
    said = comments.digest(comments.meant_for(written, branch, str(Period.parse(wanted))))
    key = _key(notebook.digest, parameters, said)
    made_up = Dataset(store, branch, Period.parse(wanted)).made_up
    return Task(notebook.path, branch, wanted, parameters, key, workspace.reports_in(lang), lang, made_up=made_up)


def _dated(needs: Iterable[str]) -> list[str]:
    return sorted({need.split(".")[0] for need in needs} & set(DATED)) or list(DATED)


def _key(notebook: str, parameters: Mapping[str, Any], said: str) -> str:
    parts = [notebook, json.dumps(parameters, sort_keys=True, ensure_ascii=False), said, library_digest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _is_made(task: Task, row: ledger.Row | None, store: Store) -> bool:
    """Whether a report stands as it would be made again: by the same notebook, parameters and library, from the same data."""
    if row is None or row.state not in ledger.SETTLED or row.key != task.key or row.data != data_digest(store, row):
        return False
    return all(path.exists() for path in files_of(task.folder, row))


def data_digest(store: Store, row: ledger.Row) -> str:
    """What a report read, as it is now; all there is where it read through no dataset that could tell."""
    reads: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for branch, period, table, whose, _ in row.reads:
        reads.setdefault((branch, period), []).append((table, whose))
    seen = [_digest(store, branch, period, tuple(sorted(own))) for (branch, period), own in sorted(reads.items())]
    return hashlib.sha256("\n".join(seen or [store.digest]).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _digest(store: Store, branch: str, period: str, reads: tuple[tuple[str, str], ...]) -> str:
    return Dataset(store, branch, Period.parse(period)).digest(reads)


def execute(planned: Plan, crew: Crew, done: Callable[[ledger.Row], None]) -> None:
    """Run what is planned; each report stands in the ledger from its queueing to its end.

    Args:
        planned: `plan`, whose reports are of one language.
        crew: who makes them.
        done: hears of each report as it ends.
    """
    if not planned.tasks:
        return
    for folder in {task.folder for task in planned.tasks}:
        sweep(folder)
    book = ledger.Ledger(planned.tasks[0].reports)
    book.put(_awaited(task, "queued") for task in planned.tasks)
    rows = ledger.Waiting(book)

    def started(task: Task) -> None:
        rows.put(replace(_awaited(task, "running"), started=ledger.now()))

    def ended(row: ledger.Row) -> None:
        if row.state in ledger.SETTLED:
            _add_data(planned, row)
        rows.put(row)
        done(row)

    crew.make(planned.tasks, started, ended)
    rows.end()


def _awaited(task: Task, state: str) -> ledger.Row:
    """The row of a report that is to come, with its page of before where there is one: it stands until it is replaced."""
    row = task.row(state)
    row.html = f"{task.stem}.html" if task.file(".html").exists() else ""
    return row


def _add_data(planned: Plan, row: ledger.Row) -> None:
    """Say what an ended report read: its inputs, and the digest that tells whether they are what they were.

    Where the store was loaded anew since the plan, the report is of that later state; of one that is gone by now it is only
    known that the report is to be made again.
    """
    seen = {digest for *_, digest in row.reads}
    if not any(store and seen <= {store.digest} for store in (planned.store, planned.later)):
        planned.later = Store(planned.store.root)
    store = planned.store if seen <= {planned.store.digest} or planned.later is None else planned.later
    inputs: dict[str, str] = {}
    for branch, period in dict.fromkeys((b, p) for b, p, *_ in row.reads):
        read = [(t, w) for b, p, t, w, _ in row.reads if (b, p) == (branch, period)]
        inputs |= {e.title: e.digest for e in Dataset(store, branch, Period.parse(period), None, dict.fromkeys(read)).sources}
    row.inputs = [{"file": file, "sha256": digest} for file, digest in sorted(inputs.items())]
    row.data = data_digest(store, row) if seen <= {store.digest} else ""

"""A batch: which reports there are to make, which are already made, and making the rest side by side."""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from g3lib import __version__
from g3lib.errors import NoData, UsageError, listed
from g3lib.labels import Lang
from g3lib.periods import Period
from g3lib.runs import ledger
from g3lib.runs.notebooks import Notebook
from g3lib.runs.task import Task, run
from g3lib.tables import comments
from g3lib.tables.schema import TABLES
from g3lib.tables.store import DATED, Store
from g3lib.tables.workspace import NAMELESS, Dataset, Workspace, data_months, known_units, latest_month

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("branch", "province")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Plan:
    """What there is to do: tasks, and rows that are settled without running (skipped, unchanged)."""

    tasks: list[Task] = field(default_factory=list)
    settled: list[ledger.Row] = field(default_factory=list)
    unchanged: int = 0
    faults: list[str] = field(default_factory=list)  # comments that cannot be read: the reports go without them


def plan(
    workspace: Workspace,
    notebooks: Sequence[Notebook],
    branches: Sequence[str] = (),
    period: str = "",
    lang: Lang = "zh",
    parameters: Mapping[str, object] | None = None,
    force: bool = False,
) -> Plan:
    """Every notebook × what it is about: to run, skipped for want of data, or unchanged since it was made.

    Raises:
        UsageError: an unknown branch or parameter, a period that is none; before anything runs.
    """
    store = workspace.store()
    known = {unit: known_units(store, unit) for unit in UNITS}
    if branches:  # a city has its overview when it is named
        known["province"] = known_units(store, "area")
    if unknown := [b for b in branches if b not in {*known["branch"], *known["province"]}]:
        faults = [
            f"{b!r} is ranked beside the others and gets no report of its own" if b == NAMELESS else f"{b[:60]!r} has no rows"
            for b in unknown
        ]
        raise UsageError(listed(faults, f"Unknown branches; known: {', '.join(known['branch']) or 'none, run g3 load first'}"))
    period = str(Period.parse(period)) if period else ""
    if taken := {*UNITS, "period", "lang"} & set(parameters or {}):
        raise UsageError(f"{', '.join(sorted(taken))}: use --{', --'.join(sorted(taken))}, not -p.")
    made: dict[Path, dict[tuple[str, str], ledger.Row]] = {}
    written, faults = comments.read(workspace.notes)
    result = Plan(faults=faults)
    for notebook in notebooks:
        given = notebook.checked({"lang": lang, **_meant_for(notebook, notebooks, parameters or {})})
        # a notebook about anything else (a case) has no report in a batch
        for branch in (b for b in known.get(notebook.about.unit, ()) if not branches or b in branches):
            task = _task(workspace, store, notebook, branch, period, lang, given, written)
            if isinstance(task, ledger.Row):
                result.settled.append(task)
                continue
            rows = made.setdefault(task.folder, ledger.read(task.folder))
            if not force and _is_made(task, rows.get((notebook.name, branch))):
                result.unchanged += 1
                result.settled.append(rows[notebook.name, branch])
            else:
                result.tasks.append(task)
    return result


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
    data = _data_digest(store, tuple(store.area(branch))) + said
    key = _key(notebook.digest, parameters, data)
    own = {*store.members(branch)}
    last_month = Period.parse(wanted).last_month
    entries = (e for t in _dated(needs) for e in store.entries(t, [*own]) if own & e.parts.keys())
    inputs = {(e.title, e.digest) for e in entries if e.begins_by(last_month)}
    made_up = Dataset(store, branch, Period.parse(wanted)).made_up
    return Task(notebook.path, branch, wanted, parameters, key, workspace.reports_in(lang), lang, tuple(sorted(inputs)), made_up)


@cache
def _data_digest(store: Store, sisters: tuple[str, ...]) -> str:
    """What a report of any of these branches reads: ranks make each depend on all its sisters."""
    return store.digest((table, sisters) for table in TABLES)


def _dated(needs: Iterable[str]) -> list[str]:
    return sorted({need.split(".")[0] for need in needs} & set(DATED)) or list(DATED)


def _key(notebook: str, parameters: Mapping[str, Any], data: str) -> str:
    parts = [notebook, json.dumps(parameters, sort_keys=True, ensure_ascii=False), data, _library_digest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _library_digest() -> str:
    """The library's own bytes: while it is being developed its version alone says too little."""
    whole = hashlib.sha256(__version__.encode())
    root = Path(str(resources.files("g3lib")))
    for path in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        whole.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return whole.hexdigest()


def _is_made(task: Task, row: ledger.Row | None) -> bool:
    if row is None or row.state != "ok" or row.key != task.key:
        return False
    return all((task.folder / task.stem).with_suffix(s).exists() for s in (".ipynb", ".html", *row.beside))


def execute(tasks: Sequence[Task], jobs: int, done: Callable[[ledger.Row], None]) -> None:
    """Run the tasks in `jobs` processes; `done` hears of each as it ends.

    A worker that dies breaks the pool. The reports then in flight are each tried again in a process of
    their own, so that the one that kills takes no other along; the rest goes on in new workers.
    """
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")  # reports run side by side: BLAS threads would only be in each other's way
    waiting = deque(tasks)
    while waiting:
        # spawn: a forked worker would share sockets and locks of this process
        with ProcessPoolExecutor(max_workers=min(jobs, len(waiting)), mp_context=get_context("spawn")) as pool:
            in_flight = _until_broken(pool, waiting, jobs, done)
        for task in in_flight:
            done(_alone(task))


def _until_broken(pool: ProcessPoolExecutor, waiting: deque[Task], jobs: int, done: Callable[[ledger.Row], None]) -> list[Task]:
    """Work the queue off; returns the tasks that were in flight when a worker died, none if none did."""
    running: dict[Future[ledger.Row], Task] = {}
    broken: list[Task] = []
    while (waiting and not broken) or running:
        while waiting and not broken and len(running) < jobs:
            task = waiting.popleft()
            try:
                running[pool.submit(run, task)] = task
            except BrokenProcessPool:
                broken.append(task)
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task = running.pop(future)
            try:
                done(future.result())
            except BrokenProcessPool:
                broken.append(task)
    return broken


def _alone(task: Task) -> ledger.Row:
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
            return pool.submit(run, task).result()
    except BrokenProcessPool:
        return ledger.Row(
            task.notebook.stem, task.branch, task.period, "failed", task.parameters, task.key,
            finished=ledger.now(), error="the process that ran this report died",
        )  # fmt: skip

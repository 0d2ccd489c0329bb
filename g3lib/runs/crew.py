"""The crew of a run: the processes that make its reports, and what happens when one of them dies.

Workers are forked from a template of their own, and each report gets a kernel forked from the template of kernels; where there
can be no template they are started as ordinary processes, and it is said once. A worker that dies takes its own report along and
no other; the report is tried once more, and another worker takes its place.
"""

from __future__ import annotations

import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.resource_tracker import ensure_running
from typing import Any

from g3lib.runs.ledger import Row
from g3lib.runs.task import Task, given_up
from g3lib.runs.warm.client import KERNELS, NONE, WORKERS, Template, TemplateGone, fork, is_current
from g3lib.runs.warm.descendants import adopt_orphans, children, kill_descendants
from g3lib.runs.warm.roles import one_thread
from g3lib.runs.worker import begin_spawned

_OVERTIME = 60  # seconds that a worker may take beside its report's own, before it is taken to hang
_MOST_TRIES = 2
_MOST_RESTARTS = 5  # of a template that somebody kills


class _Waiting:
    """The reports that nobody makes yet; first those of the notebook that takes longest.

    Else a long one would begin last, and all workers but its own would wait for it. How long a notebook takes is known when
    one of its reports is made; until then it comes before those that are known. One that fails or hangs comes last: it is not
    to keep others waiting.
    """

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, deque[Task]] = {}
        self._longest: dict[str, float] = {}
        for task in tasks:
            self.add(task)

    def __bool__(self) -> bool:
        return any(self._tasks.values())

    def add(self, task: Task) -> None:
        self._tasks.setdefault(task.notebook.stem, deque()).append(task)

    def take(self) -> Task:
        name = max((n for n, tasks in self._tasks.items() if tasks), key=lambda n: self._longest.get(n, float("inf")))
        return self._tasks[name].popleft()

    def learn(self, row: Row) -> None:
        seconds = row.seconds if row.state == "ok" else 0.0
        self._longest[row.notebook] = max(seconds, self._longest.get(row.notebook, 0.0))


@dataclass
class Worker:
    """One worker, and the report it makes."""

    process: Any  # Child or multiprocessing.Process
    connection: Connection
    task: Task | None = None
    until: float = 0.0

    def give(self, task: Task) -> None:
        """Have it make a report."""
        self.task, self.until = task, time.monotonic() + task.seconds + _OVERTIME
        self.connection.send(task)

    def end(self) -> None:
        """End it and its kernel at once."""
        self.process.kill()
        self.connection.close()


def _kept_by_others() -> dict[str, str]:
    kernels, workers = os.environ.get(KERNELS, ""), os.environ.get(WORKERS, "")
    # one that has another library in memory would make reports that this one signs for
    usable = kernels and workers and kernels != NONE and is_current(kernels) and is_current(workers)
    return {"kernels": kernels, "workers": workers} if usable else {}


class Crew:
    """Processes for the time of a run; used as a context, at whose end none of them is left.

    Args:
        jobs: reports at a time.
        say: is told once where kernels are ordinary ones, and where a template was killed.
        templates: the sockets of `kernels` and `workers` that somebody else keeps for several runs; those that `G3_WARM` and
            `G3_WARM_WORKERS` name where none are given; else its own.
    """

    def __init__(
        self, jobs: int, say: Callable[[str], None] = lambda _: None, templates: Mapping[str, str] | None = None
    ) -> None:  # fmt: skip
        self.jobs, self._say = jobs, say
        self.workers: list[Worker] = []
        self._restarts = 0
        self._stillborn = 0  # workers, one after another, that died before they were given a report
        self._at_work = False  # whether a worker was ever asked for
        self._sockets = dict(templates or _kept_by_others())  # of both templates; none where kernels are ordinary ones
        self._templates: dict[str, Template] = {}  # those that are its own
        self._others: frozenset[int] = frozenset()  # children of this process that are none of ours
        self._adopts = False  # what our own templates' children leave comes to us

    def __enter__(self) -> Crew:
        one_thread()
        if self._sockets:
            return self
        try:
            self._others = children()
            for role in ("kernels", "workers"):
                self._templates[role] = Template(role)
            self._sockets = {role: template.path for role, template in self._templates.items()}
            adopt_orphans()
            self._adopts = True
        except TemplateGone as why:
            self._ordinary(str(why))
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.end()
        for template in self._templates.values():
            template.close(at_once=not self._at_work)
        if self._adopts:
            kill_descendants(self._others)  # what a cell started and its kernel's template, killed, could not end
            adopt_orphans(False)

    def make(self, tasks: Iterable[Task], started: Callable[[Task], None], ended: Callable[[Row], None]) -> None:
        """Make the reports; hears of each as it begins and as it ends."""
        waiting, tries = _Waiting(tasks), Counter[str]()
        while waiting or any(w.task for w in self.workers):
            while waiting and (worker := self._idle()):
                task = waiting.take()
                tries[task.what] += 1
                started(task)
                try:
                    worker.give(task)
                    self._stillborn = 0
                except OSError:  # it was killed while it had nothing to do: the report goes to another
                    self._dismiss(worker)
                    if not self._is_mended_after_a_birth():
                        ended(given_up(task, "dead kernel", "the processes that make reports die at once"))
                        continue
                    tries[task.what] -= 1
                    waiting.add(task)
            for worker, task in self._heard():
                row = self._result(worker, task, tries[task.what])
                if row is None:
                    waiting.add(task)
                else:
                    waiting.learn(row)
                    ended(row)

    def _idle(self) -> Worker | None:
        """A worker without a report, a new one where fewer than `jobs` are there."""
        if free := next((w for w in self.workers if w.task is None), None):
            return free
        if len(self.workers) == self.jobs:
            return None
        self.workers.append(self._new())
        return self.workers[-1]

    def _new(self) -> Worker:
        self._at_work = True
        if self._sockets:
            ours, theirs = socket.socketpair()
            with theirs:
                request = {"env": {**os.environ, KERNELS: self._sockets["kernels"]}, "cwd": os.getcwd()}
                for _ in range(_MOST_RESTARTS):
                    try:
                        child = fork(self._sockets["workers"], request, [theirs.fileno()])
                        return Worker(child, Connection(ours.detach()))
                    except TemplateGone as gone:
                        why = str(gone)
                        if not self._mended() or isinstance(gone.__cause__, TimeoutError):  # it lives and answers nobody
                            break
            ours.close()
            self._ordinary(why)
        mine, its = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=begin_spawned, args=(its,), daemon=False)
        process.start()
        its.close()
        return Worker(process, mine)

    def _is_mended_after_a_birth(self) -> bool:
        """Whether another worker may do better than one that died before it had a report; ordinary ones are tried at last."""
        self._stillborn += 1
        if (not self._mended() or self._stillborn == _MOST_RESTARTS) and self._sockets:
            self._ordinary("the processes that make reports die at once")
        return self._stillborn < 2 * _MOST_RESTARTS

    def _ordinary(self, why: str) -> None:
        self._say(f"No warm kernels here, ordinary ones instead (slower to start): {why}")
        for template in self._templates.values():
            template.close()
        self._templates, self._sockets = {}, {}
        if self._adopts:
            kill_descendants(self._others)
            before = children()
            ensure_running()  # what watches over spawned processes, begun with the first of them, is none of a cell's
            self._others |= children() - before

    def _mended(self) -> bool:
        """Start templates again that were killed; False where that has been of no use."""
        for template in self._templates.values():
            if template.process.poll() is not None:
                self._restarts += 1
                if self._restarts == 1:
                    self._say("The prepared process was killed; another takes its place.")
                if self._restarts > _MOST_RESTARTS:
                    return False
                template.restart()
                # what its children had started came to us
                kill_descendants(self._others | {one.process.pid for one in self._templates.values()})
        return True

    def _heard(self) -> list[tuple[Worker, Task]]:
        """The workers that have something to say, or that are no more, or that hang; with the report of each."""
        if not (busy := [(w, w.task) for w in self.workers if w.task]):
            return []
        first = min(w.until for w, _ in busy)
        ready = wait([w.connection for w, _ in busy], max(0.0, first - time.monotonic()))
        return [(w, task) for w, task in busy if w.connection in ready or w.until < time.monotonic()]

    def _result(self, worker: Worker, task: Task, tries: int) -> Row | None:
        """What came of a worker's report; None where it is to be tried once more."""
        worker.task = None
        try:
            if not worker.connection.poll():
                self._dismiss(worker)
                return given_up(task, "timeout", f"the process that makes the report hung for {task.seconds + _OVERTIME} s")
            row: Row = worker.connection.recv()
        except (EOFError, OSError):
            self._dismiss(worker)
            row = task.row("queued", "the process that makes the report died")
        if not self._mended():
            self._ordinary("the prepared process was killed again and again")
        if row.state == "queued" and tries < _MOST_TRIES:
            return None
        if row.state == "queued":
            return given_up(task, "dead kernel", row.error or "the process that its kernel was forked from died with it, twice")
        return row

    def _dismiss(self, worker: Worker) -> None:
        self.workers.remove(worker)
        worker.end()


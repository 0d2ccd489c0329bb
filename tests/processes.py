"""Whether processes live: one may end while it is looked at, between any two questions."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import psutil


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that live; one whose main thread has ended lives while another goes on, and looks like a zombie."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and (process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1):
                found.append(process)
    return found


def by_number(pids: Iterable[int]) -> list[psutil.Process]:
    """The processes of these numbers that are there."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            found.append(psutil.Process(pid))
    return found


def that_say(processes: Iterable[psutil.Process], word: str) -> list[psutil.Process]:
    """Those that live and have the word in their command."""
    found = []
    for process in alive(processes):
        with contextlib.suppress(psutil.Error):
            if word in " ".join(process.cmdline()):
                found.append(process)
    return found


def describe(processes: Iterable[psutil.Process]) -> list[str]:
    """Number, parent and end of the command of each, for a failed test's message."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.Error):
            found.append(f"{process.pid} of {process.ppid()}: {process.cmdline()[-2:]}")
    return found

"""What processes leave behind: adopting it, and ending all of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from typing import Any

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans(adopts: bool = True) -> None:
    """Make this process the one to which orphaned descendants come, or let them go to the system again.

    Linux; elsewhere they go to the system. Whoever goes on adopting has to wait for each, or it stays as a zombie.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, int(adopts), 0, 0, 0)


def children() -> frozenset[int]:
    """The processes whose parent is this one."""
    import psutil

    return frozenset(p.pid for p in psutil.Process().children())


def kill_descendants(spared: frozenset[int] = frozenset()) -> None:
    """Kill every process below this one, however often they fork meanwhile; children that are spared keep theirs."""
    import psutil

    empty = 0
    for _ in range(50):
        below = _below(spared)
        # a child may end while we look, and what it leaves comes to us: only a second look that finds nothing is sure
        empty = 0 if below else empty + 1
        if empty == 2:
            break
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(below, timeout=0.2)
        time.sleep(0.01)
    for pid in children() - spared:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def end_all(seconds: float = 4.0) -> None:
    """Kill every process below one that adopts orphans and whose children nobody else waits for.

    Whoever has no child left, not even one to be waited for, has nobody below: what a child leaves comes to us as it ends.
    """
    import psutil

    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for process in _below(frozenset()):
            with contextlib.suppress(psutil.Error):
                process.kill()
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _below(spared: frozenset[int]) -> list[Any]:
    """Every living process below this one, but for the spared children and what is below them."""
    import psutil

    def under(pid: int) -> set[Any]:
        with contextlib.suppress(psutil.Error):
            return set(psutil.Process(pid).children(recursive=True))
        return set()

    below = under(os.getpid()) - {kept for pid in spared for kept in under(pid)}
    return [p for p in below if p.pid not in spared and _lives(p)]


def _lives(process: Any) -> bool:
    """A process whose main thread has ended is shown as a zombie while its other threads go on, and it keeps its children."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1)
    return False

"""One run at a time in a folder of reports: the second waits or goes, and knows whose run it is."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from g3lib.errors import DataError, G3Error
from g3lib.files import replace_bytes, sweep
from g3lib.runs.ledger import now

if TYPE_CHECKING:
    from filelock import FileLock

_LOCK, _OWNER = ".lock", ".running.json"
_A_LOOK = 1.0  # seconds: whoever looks whether a run is at work holds the lock for a moment


class Busy(G3Error):
    """Another run holds the reports."""


@contextlib.contextmanager
def held(root: Path, wait: bool = False, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the reports of a language for the time of a run; the system lets go of them when the process dies.

    Args:
        root: `reports/` or `reports/en/`.
        wait: wait for the other run instead of refusing.
        say: hears whose run is waited for.

    Raises:
        Busy: another run has them; the message says whose it is.
        DataError: nothing can be written here.
    """
    from filelock import FileLock

    lock = FileLock(root / _LOCK)
    try:
        root.mkdir(parents=True, exist_ok=True)
        _acquire(lock, root, wait, say)
        owner = {"process": os.getpid(), "user": _user(), "host": platform.node(), "since": now()}
        sweep(root)
        replace_bytes(root / _OWNER, json.dumps(owner, ensure_ascii=False).encode())
    except OSError as error:
        lock.release()
        raise DataError(f"{root}, where the reports go, cannot be written: {error.strerror or error}.") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            (root / _OWNER).unlink(missing_ok=True)
        lock.release()


def _acquire(lock: FileLock, root: Path, wait: bool, say: Callable[[str], None]) -> None:
    from filelock import Timeout

    try:
        lock.acquire(timeout=_A_LOOK)
    except Timeout as error:
        if not wait:
            raise Busy(f"Another g3 run is writing to {root}: {_whose(root)}. Wait for it, or use --wait.") from error
        say(f"Waiting for another g3 run: {_whose(root)}.")
        lock.acquire()


def is_held(root: Path) -> bool:
    """Whether a run is at work there now; a row that is `running` without one was interrupted."""
    from filelock import FileLock, Timeout

    if not (root / _LOCK).exists():
        return False
    try:
        with FileLock(root / _LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that we may only read
        return (root / _OWNER).exists()


def _whose(root: Path) -> str:
    try:
        owner = json.loads((root / _OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} of {owner['user']} on {owner['host']}, since {owner['since']}"
    except (OSError, ValueError, KeyError):
        return "it does not say whose it is"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"

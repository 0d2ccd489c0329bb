"""A worker: a process that makes one report after another, as it is told over a connection."""

from __future__ import annotations

import logging
import os
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any

from g3lib.runs.task import run
from g3lib.runs.warm.client import KERNELS, NONE


def begin(_request: dict[str, Any], fds: list[int]) -> None:
    """A worker's life as a fork of the template of workers: its connection is the descriptor it was given."""
    work(Connection(fds[0]))


def begin_spawned(connection: Connection) -> None:
    """A worker's life where there is no template: its kernels are ordinary ones, and it ends with whoever started it."""
    os.environ[KERNELS] = NONE
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work(connection)


def work(connection: Connection) -> None:
    """Make each report that comes, until nobody is there to ask for one."""
    for name in ("papermill", "g3lib"):  # the row says what happened, and the run that a template was killed
        logging.getLogger(name).setLevel(logging.CRITICAL)
    while True:
        try:
            task = connection.recv()
            connection.send(run(task))
        except (EOFError, ConnectionError):
            return


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)  # its kernel looks for its parent by itself

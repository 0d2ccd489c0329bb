"""How far a run is: a bar on a terminal, a line now and then in a log, and a line for each report that was not made."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from g3lib.runs import telling
from g3lib.runs.ledger import Row

_A_WHILE = 30.0  # seconds between two lines of a log


class Progress:
    """Used as a context for the time of a run."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, total: int) -> Callable[[Row], None]:
        """Show that so many reports are to be made; returns what is told of each."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Bar(*columns, console=console, disable=not console.is_terminal or not total)
        self._bar.start()
        running = self._bar.add_task("reports", total=total)
        made, said = 0, time.monotonic()

        def ended(row: Row) -> None:
            nonlocal made, said
            made += 1
            self._bar.advance(running)
            if row.is_faulty:
                click.echo(telling.line(row), err=True)
            if not console.is_terminal and made < total and time.monotonic() - said > _A_WHILE:
                said = time.monotonic()
                click.echo(f"{made} of {total} reports", err=True)

        return ended

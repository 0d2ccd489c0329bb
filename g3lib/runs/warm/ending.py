"""How a notebook's kernel ended: what papermill does not tell."""

from __future__ import annotations

from dataclasses import dataclass

INJECTED = "injected-parameters"  # papermill's tag of the cell that it adds


@dataclass
class Ending:
    """Filled in by the engine.

    Attributes:
        state: `ok`, `failed`, `dead kernel` or `timeout`.
        cell: the cell where it ended, counted from 1 over the notebook's own cells; 0 where none did.
        peak_kb: the most memory that its process had resident, KiB; 0 where nobody told.
        lost: the kernel died with its template, through no doing of its own.
    """

    state: str = "ok"
    cell: int = 0
    peak_kb: int = 0
    lost: bool = False

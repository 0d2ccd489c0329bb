"""What the gate did, as lines for the command: counts that add up, what is replaced, where rejected rows are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from g3lib.labels import any_word
from g3lib.tables.adding import Loaded
from g3lib.tables.store import REJECTED


def counts(file: str, sheet: str, table: str, records: int, good: int, rejected: int, totals: int) -> str:
    """What became of a file's records.

    >>> counts("a.xlsx", "一月", "sales", 3, 1, 1, 1)
    'a.xlsx · 一月: sales, 3 records = 1 good + 1 rejected + 1 stated totals'
    """
    place = f"{file} · {sheet}" if sheet else file
    return f"{place}: {table}, {records} records = {good} good + {rejected} rejected + {totals} stated totals"


def loaded(result: Loaded, root: Path) -> Iterator[str]:
    """What a load did with each export of a file; root is the store's folder."""
    for export, outcome in zip(result.checked.exports, result.outcomes, strict=True):
        entry = outcome.entry
        if outcome.state == "already":
            yield f"{export.file}: already in the store, nothing added"
        elif outcome.state == "superseded":
            yield f"{export.file}: corrected by a later export, nothing added"
        elif entry is None:
            yield f"{export.file}: refused; its rows are under {root / REJECTED}"
        else:
            yield counts(export.file, export.sheet, entry.table, entry.records, entry.rows, entry.rejected, entry.totals)
            yield from (f"    {note.text('en')}" for note in export.notes)
            if outcome.replaced:
                yield f"    replaces {', '.join(outcome.replaced)}"
            if outcome.gone:
                yield f"    which also held {', '.join(any_word(code, 'zh') for code in outcome.gone)}: this file does not"
            if entry.rejected_path:
                yield f"    rejected rows: {root / entry.rejected_path}"

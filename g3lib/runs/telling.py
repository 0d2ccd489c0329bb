"""What the command says of a run: counts by state, and every report that was not made with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from g3lib.names import safe_name
from g3lib.runs import ledger, lock

_NAMED = 8  # interrupted reports that are named: they may be thousands


def run(rows: Sequence[ledger.Row], unchanged: int, reports: Path) -> list[str]:
    """What a run says when it has ended.

    Args:
        rows: all that it settled; unchanged: how many of them it found made.
        reports: where they are.
    """
    rows = sorted(rows, key=lambda row: (row.notebook, row.branch, row.period))
    made = counts(rows, f"reports ok ({unchanged} of them unchanged)")
    indexes = [f"  {reports / period / 'index.html'}" for period in sorted({row.period for row in rows})]
    return [made, *unmade(rows, 8, reports), *indexes, f"Open {reports / 'index.html'}"]


def counts(rows: Sequence[ledger.Row], ok: str = "ok") -> str:
    """How many reports are in each state; `failed` and `skipped` are told where there are none too.

    >>> counts([ledger.Row("n", "b", "2010-01", "timeout")])
    '0 ok, 0 failed, 0 skipped: no data, 1 timeout'
    """
    told = {"failed": 0, "skipped": 0} | Counter(row.state for row in rows)
    others = (f"{told[state]} {state}{': no data' * (state == 'skipped')}" for state in sorted(told) if state != "ok")
    return ", ".join([f"{told.get('ok', 0)} {ok}", *others])


def unmade(rows: Sequence[ledger.Row], most: int, reports: Path) -> list[str]:
    """Every report that something is wrong with, and as many skipped ones as a screen takes, each with its reason.

    Args:
        rows: of a run, or of a period.
        most: skipped reports that are named.
        reports: where they are: a notebook that was saved where it failed is named.
    """
    skipped = [row for row in rows if row.state == "skipped"]
    broken = [row for row in rows if row.state == "interrupted"]
    lines = [text for row in rows if row.is_faulty for text in (f"  {line(row)}", *_saved(row, reports))]
    lines += [f"  interrupted: {row.notebook} · {row.branch}" for row in broken[:_NAMED]]
    if broken:
        lines += [f"  and {len(broken) - _NAMED} more interrupted"] * (len(broken) > _NAMED)
        lines.append("  g3 run makes what was interrupted")
    lines += [f"  {line(row)}" for row in skipped[:most]]
    return lines + [f"  and {len(skipped) - most} more skipped; `g3 status` names them"] * (len(skipped) > most)


def line(row: ledger.Row) -> str:
    """A report that was not made, and why."""
    place = f" (cell {row.cell})" if row.cell else ""
    return f"{row.state}: {row.notebook} · {row.branch}{place}: {row.error}"


def _saved(row: ledger.Row, reports: Path) -> list[str]:
    path = reports / row.period / safe_name(row.branch) / f"{row.notebook}.failed.ipynb"
    return [f"    saved where it ended: {path}"] if path.exists() else []


def standing(folder: Path) -> list[ledger.Row]:
    """The rows of a period's folder as they stand: what was to be made while no run is at work was interrupted."""
    rows = list(ledger.read(folder, findings=False).values())
    return rows if lock.is_held(folder.parent) else ledger.interrupted(rows)

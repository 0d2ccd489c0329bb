"""What a run made: one row a report, in one SQLite file beside the reports; run.json and findings.csv are written from it.

A report is a notebook about a branch in a period; its row says with which parameters it was made. The row is written when the
report is queued, when it begins and when it has ended, each time whole: the row that says `ok` is the one point at which a report
is made. A run that is killed leaves its rows as they stood, and the next one makes what is not `ok`.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import platform
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from g3lib import __version__
from g3lib.errors import DataError
from g3lib.files import inert, replace_bytes
from g3lib.findings import Finding, Status
from g3lib.labels import LANGS, label
from g3lib.tables.workspace import Workspace

FILE = "ledger.sqlite"
# A report is queued, running, or one of these; while no run is at work, one that is queued or running is `interrupted`.
SETTLED = ("ok", "skipped")  # nothing is left to do; a notebook may find in its cells that there is nothing to report
FAULTY = ("failed", "dead kernel", "timeout")
_PACKAGES = ("pandas", "papermill", "nbclient", "matplotlib", "pyarrow", "statsmodels")
_COLUMNS = ("branch", "notebook", "name", "value", "unit", "period", "status", "text", "denominator", "definition",
            "table", "previous", "last_year", "headline", "made_up")  # fmt: skip


@dataclass
class Row:
    """One report of the ledger: what was asked, what came of it."""

    notebook: str
    branch: str
    period: str
    state: str
    parameters: dict[str, Any] = field(default_factory=dict)
    key: str = ""  # digest of notebook, parameters and library
    data: str = ""  # digest of what the report read
    reads: list[list[str]] = field(default_factory=list)  # what it read: branch, period, table, whose rows, digest of the store
    html: str = ""  # path below the period's folder
    beside: list[str] = field(default_factory=list)  # suffixes of the files that its page links to
    seconds: float = 0.0
    peak_mb: int = 0  # most memory that was resident in its kernel, what it shares with other kernels counted; 0: not known
    started: str = ""  # UTC
    finished: str = ""  # UTC
    cell: int = 0  # where it ended, counted from 1 over all cells of its notebook; 0: at none
    error: str = ""  # in one line
    inputs: list[dict[str, str]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    made_up: bool = False

    @property
    def is_faulty(self) -> bool:
        """Whether it was to be made and was not."""
        return self.state in FAULTY

    @property
    def headlines(self) -> list[Finding]:
        """The findings that the report opens with."""
        return [f for f in map(Finding.from_dict, self.findings) if f.headline]

    @property
    def urgency(self) -> int:
        """0 for a breach, growing with calm."""
        order = list(Status)
        return min((order.index(f.status) for f in self.headlines), default=len(order))


_NAMES = [f.name for f in fields(Row)]
_AS_JSON = {"parameters", "reads", "beside", "inputs", "findings", "made_up"}


_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)  # the low byte of SQLite's extended codes


class NoRoom(DataError):
    """The ledger could not be written, and may be in a moment: a report that fills the disk gives back what it took."""


class Ledger:
    """The ledger of a folder of reports (one language's).

    Args:
        root: the folder, `reports/` or `reports/en/`.

    Raises:
        DataError: the file cannot be read as a ledger; it says what to do.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / FILE

    def rows(self, period: str, findings: bool = True) -> dict[tuple[str, str], Row]:
        """The rows by (notebook, branch), of one period; without findings where none are needed: they are most of the file."""
        return {(row.notebook, row.branch): row for row in self._of(period, findings)}

    def periods(self) -> list[str]:
        """The periods that have rows, sorted."""
        with self._open() as book:
            return [] if book is None else [p for (p,) in book.execute("SELECT DISTINCT period FROM report ORDER BY period")]

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows in one step: all of them or none."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        columns, marks = ", ".join(_NAMES), ", ".join("?" * len(_NAMES))
        with self._open(create=True) as book:
            assert book is not None
            with book:
                book.executemany(f"INSERT OR REPLACE INTO report ({columns}) VALUES ({marks})", map(_packed, rows))

    def forget_but(self, notebooks: Sequence[str]) -> list[str]:
        """Forget what was not made by notebooks that are no more: nobody can mend it. What they made stays.

        Args:
            notebooks: the names of all that there are.

        Returns:
            The periods that had such rows.
        """
        gone = f"state <> 'ok' AND notebook NOT IN ({', '.join('?' * len(notebooks))})"
        with self._open() as book:
            if book is None:
                return []
            with book:
                periods = [p for (p,) in book.execute(f"SELECT DISTINCT period FROM report WHERE {gone}", notebooks)]
                book.execute(f"DELETE FROM report WHERE {gone}", notebooks)
        return periods

    def _of(self, period: str, findings: bool) -> Iterator[Row]:
        with self._open() as book:
            if book is not None:
                names = [name for name in _columns(book) if name in _NAMES and (findings or name != "findings")]
                columns = ", ".join(names)
                for values in book.execute(f"SELECT {columns} FROM report WHERE period = ? ORDER BY notebook, branch", (period,)):
                    yield _unpacked(dict(zip(names, values, strict=True)))

    @contextlib.contextmanager
    def _open(self, create: bool = False) -> Iterator[sqlite3.Connection | None]:
        if not create and not self.path.exists():
            yield None
            return
        # a reader makes no file, yet it must be able to take back what a killed run had half written
        uri = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as book:
                if create:
                    columns = ", ".join(f"{name} NOT NULL" for name in _NAMES)
                    book.execute(f"CREATE TABLE IF NOT EXISTS report ({columns}, PRIMARY KEY (period, notebook, branch))")
                    _bring_up(book)
                # a run that is just beginning, or was killed then, has made the file and not yet what is in it
                begun = book.execute("SELECT 1 FROM sqlite_master WHERE name = 'report'").fetchone()
                yield book if begun else None
        except sqlite3.Error as error:
            passing = getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING
            asked = "Is there room on the disk, and may you write here? " * isinstance(error, sqlite3.OperationalError)
            says = f"{self.path}: {error}. {asked}If it is damaged, move it away: g3 run makes all anew."
            raise (NoRoom if passing else DataError)(says) from error


class Waiting:
    """Rows on their way into the ledger: where there is no room for a moment, they wait for the next that is written.

    What is not written is as good as not made: the next run makes it again.
    """

    def __init__(self, book: Ledger) -> None:
        self.book = book
        self._rows: dict[tuple[str, str, str], Row] = {}

    def put(self, row: Row) -> None:
        """Write a row, and those that wait."""
        self._rows[row.period, row.notebook, row.branch] = replace(row)  # its owner may take its findings away
        with contextlib.suppress(NoRoom):
            self._write()

    def end(self, seconds: float = 5.0) -> None:
        """Write those that wait still.

        Raises:
            NoRoom: there was none for so many seconds.
        """
        until = time.monotonic() + seconds
        while self._rows:
            try:
                self._write()
            except NoRoom:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def _write(self) -> None:
        self.book.put(self._rows.values())
        self._rows.clear()


def _columns(book: sqlite3.Connection) -> list[str]:
    return [name for _, name, *_ in book.execute("PRAGMA table_info(report)")]


def _bring_up(book: sqlite3.Connection) -> None:
    """Give the ledger of an older library the columns that it lacks, with what they hold where nothing was noted."""
    blank = _packed(Row("", "", "", ""))
    there = _columns(book)
    for name, value in zip(_NAMES, blank, strict=True):
        if name not in there:
            text = f"'{value}'" if isinstance(value, str) else repr(value)
            book.execute(f"ALTER TABLE report ADD COLUMN {name} NOT NULL DEFAULT {text}")


def _packed(row: Row) -> list[object]:
    values = {name: getattr(row, name) for name in _NAMES}
    return [json.dumps(value, ensure_ascii=False) if name in _AS_JSON else value for name, value in values.items()]


def _unpacked(values: dict[str, Any]) -> Row:
    return Row(**{name: json.loads(value) if name in _AS_JSON else value for name, value in values.items()})


def read(folder: Path, findings: bool = True) -> dict[tuple[str, str], Row]:
    """The rows of a period's folder, by (notebook, branch); none where nothing was run."""
    return Ledger(folder.parent).rows(folder.name, findings)


def interrupted(rows: Sequence[Row]) -> list[Row]:
    """The rows as they stand where no run is at work: a report that was to be made is not being made."""
    return [replace(row, state="interrupted") if row.state in ("queued", "running") else row for row in rows]


def folders(workspace: Workspace) -> list[Path]:
    """The folder of every period and language that has rows."""
    roots = [workspace.reports_in(lang) for lang in LANGS]
    return sorted(root / period for root in roots for period in Ledger(root).periods())


def export(folder: Path, rows: Sequence[Row], lang: str) -> None:
    """Write run.json and findings.csv for a period: the ledger for eyes and other programs."""
    plain = {
        "g3lib": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "lang": lang,
        "written": now(),
        # the figures are in findings.csv: of 3,000 branches they would be most of the file
        "reports": [{name: value for name, value in asdict(row).items() if name != "findings"} for row in rows],
    }
    replace_bytes(folder / "run.json", json.dumps(plain, ensure_ascii=False, indent=1).encode())
    replace_bytes(folder / "findings.csv", findings_csv(rows).encode("utf-8-sig"))


def findings_csv(rows: Sequence[Row]) -> str:
    """One line a finding; no cell is a live formula."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in rows:
        for finding in row.findings:
            cells = {"branch": row.branch, "notebook": row.notebook, "made_up": row.made_up, **finding}
            cells["definition"] = label("definition", finding.get("definition", ""), row.parameters.get("lang", "zh"))
            writer.writerow([_cell(cells.get(column)) for column in _COLUMNS])
    return text.getvalue()


def now() -> str:
    """The time of a run, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return inert(value) if isinstance(value, str) else str(value)

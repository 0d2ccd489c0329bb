"""One report: run by papermill in a kernel of its own, written whole or not at all.

This is the seam where a report becomes a task: everything it needs is in `Task`, everything that came of
it in the ledger's row, so it can run in another process or, one day, on another machine.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from g3lib.errors import DataError
from g3lib.files import replace_bytes
from g3lib.findings import in_notebook
from g3lib.labels import Lang, pick
from g3lib.names import safe_name
from g3lib.runs.ledger import Row, now
from g3lib.runs.warm.client import MEMORY
from g3lib.runs.warm.ending import INJECTED, Ending
from g3lib.tables.workspace import READS

_NEVER_CAME_UP = ("Kernel didn't respond", "Kernel died before replying")  # jupyter_client's words
_SCRATCH = ".making-"
EARLIER = "earlier"  # in the names of a report that a failed run left behind
# what a notebook may make beside its page, and the variable that names it the file
_BESIDE = {".xlsx": "G3_WORKBOOK", ".pptx": "G3_DECK"}
LONGEST = 1800  # seconds that a report may take where nothing else is said


@dataclass(frozen=True)
class Task:
    """A report to make."""

    notebook: Path
    branch: str
    period: str
    parameters: dict[str, Any]
    key: str
    reports: Path
    lang: Lang
    inputs: tuple[tuple[str, str], ...] = ()
    made_up: bool = False
    seconds: int = LONGEST  # it may take
    environment: Mapping[str, str] = field(default_factory=dict)  # of its kernel, beside this process's own
    index: str = "../index.html"  # where the list of reports is, from its page

    @property
    def folder(self) -> Path:
        """The period's folder."""
        return self.reports / self.period

    @property
    def stem(self) -> str:
        """The report's path below the period's folder, without its suffix."""
        return f"{safe_name(self.branch)}/{self.notebook.stem}"

    def file(self, suffix: str) -> Path:
        """One of its files; a notebook's name may hold dots of its own."""
        return self.folder / f"{self.stem}{suffix}"

    @property
    def what(self) -> str:
        """Which report it is, among those of its language."""
        return f"{self.period}/{self.stem}"

    def row(self, state: str, error: str = "") -> Row:
        """The report's row in the ledger."""
        return Row(self.notebook.stem, self.branch, self.period, state, self.parameters, self.key, error=error,
                   inputs=[{"file": f, "sha256": d} for f, d in self.inputs], made_up=self.made_up)  # fmt: skip


def sweep(folder: Path) -> None:
    """Remove what workers that were killed left half made in a period's folder; nobody else may be at work there."""
    for path in (*folder.glob(f"{_SCRATCH}*"), *folder.rglob(".*.tmp")):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def run(task: Task) -> Row:
    """Run one report; never raises for what the notebook does, nor where it cannot be written."""
    begun = time.perf_counter()
    row = replace(task.row("failed"), started=now())
    try:
        task.folder.joinpath(task.stem).parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=task.folder, ignore_cleanup_errors=True) as scratch:
            _make(task, row, Path(scratch))
    except OSError as error:  # no room, no right to write: the row says so
        row.state, row.error = "failed", _one_line(error)
        set_aside(task, row)
    row.seconds, row.finished = round(time.perf_counter() - begun, 2), now()
    return row


def given_up(task: Task, state: str, error: str) -> Row:
    """The row of a report whose maker is no more."""
    row = replace(task.row(state, error), finished=now())
    set_aside(task, row)
    return row


def set_aside(task: Task, row: Row) -> None:
    """What a report that was not made leaves: no figures in its row, and the report before under another name."""
    row.findings, row.beside = [], []
    with contextlib.suppress(OSError):  # where nothing can be moved, nothing can be said there either
        row.html = _as_earlier(task)


def _make(task: Task, row: Row, scratch: Path) -> None:
    executed, reads = scratch / "report.ipynb", scratch / "reads"
    beside = {suffix: scratch / f"report{suffix}" for suffix in _BESIDE}
    seen = {name: str(beside[suffix]) for suffix, name in _BESIDE.items()} | {READS: str(reads)}
    ending = Ending()
    try:
        notebook = _execute(task, executed, {**task.environment, **seen}, ending)
        row.findings = [finding.as_dict() for finding in in_notebook(notebook)]
        row.reads = _readings(reads)
        if len({digest for *_, digest in row.reads}) > 1:
            raise DataError("the store was loaded anew while the report was made: run it again")
        html = _html(task, notebook, {s for s, path in beside.items() if path.exists()})
    except Exception as error:  # anything a notebook can do must become a state, not stop the others
        row.error, row.cell = _one_line(error).rstrip() + _of_memory(error, task), ending.cell
        row.reads = row.reads or _readings(reads)
        row.state = "skipped" if _is_no_data(error) else "failed" if ending.state == "ok" else ending.state
        if ending.lost:  # its kernel's template was killed: the report did nothing wrong, and is to be made again
            row.state, row.findings = "queued", []
            return
        set_aside(task, row)
        if row.is_faulty and _is_whole(executed):
            shutil.move(executed, task.file(".failed.ipynb"))
    else:
        _put_in_place(task, row, executed, html, beside)
    row.peak_mb = round(ending.peak_kb / 1024)


def _readings(path: Path) -> list[list[str]]:
    """What the report read, as its dataset noted it.

    Raises:
        OSError: the list was cut short; without it nobody could tell when the report is to be made again.
    """
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line] if path.exists() else []
    except ValueError as error:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: the list of what the report read was cut short") from error


def _put_in_place(task: Task, row: Row, executed: Path, html: str, beside: Mapping[str, Path]) -> None:
    """The report's files, each replaced whole; it is made when its row says so, and until then it is made again."""
    page = executed.with_name("report.html")
    page.write_text(html, encoding="utf-8")
    os.replace(executed, task.file(".ipynb"))
    os.replace(page, task.file(".html"))
    for suffix, path in beside.items():
        if path.exists():
            os.replace(path, task.file(suffix))
            row.beside.append(suffix)
        else:  # an earlier one is not of this report
            task.file(suffix).unlink(missing_ok=True)
    for left in (".failed.ipynb", *(f".{EARLIER}{suffix}" for suffix in (".ipynb", ".html", *_BESIDE))):
        task.file(left).unlink(missing_ok=True)
    row.state, row.html = "ok", f"{task.stem}.html"


def _execute(task: Task, executed: Path, environment: Mapping[str, str], ending: Ending) -> Any:
    try:
        notebook = _papermill(task, executed, environment, ending)
    except RuntimeError as error:
        if not any(said in str(error) for said in _NEVER_CAME_UP):
            raise
        # two kernels that start at once may be given one port, and the second never comes up: no cell has run yet
        ending.state = "dead kernel"
        notebook = _papermill(task, executed, environment, ending)
        ending.state = "ok"
    # times and paths of this machine: the ledger has them, and the same input is to give the same bytes
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)
        part.metadata.pop("execution", None)
    for cell in notebook.cells:
        if INJECTED in cell.metadata.get("tags", []):
            cell["id"] = INJECTED  # papermill draws one
    executed.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return notebook


def _papermill(task: Task, executed: Path, environment: Mapping[str, str], ending: Ending) -> Any:
    import papermill

    return papermill.execute_notebook(
        str(task.notebook), str(executed), parameters=task.parameters, cwd=str(task.notebook.parent), engine_name="g3",
        kernel_name="python3", progress_bar=False, log_output=False, autosave_cell_every=0, request_save_on_cell_execute=False,
        # a kernel's own warnings (its transport on loopback) are no business of whoever reads the run's lines
        extra_arguments=["--log-level=50"],
        seconds=task.seconds, environment={**os.environ, **environment}, ending=ending,
    )  # fmt: skip


def _html(task: Task, notebook: Any, made: set[str]) -> str:
    from g3lib.report.html import report_html

    workbook, deck = (f"{task.notebook.stem}{suffix}" if suffix in made else "" for suffix in (".xlsx", ".pptx"))
    named = notebook.metadata.get("g3", {}).get("title", {}).get(task.lang, task.notebook.stem)
    title = " · ".join([named, task.branch, *([task.period] if "period" in task.parameters else [])])
    return report_html(notebook, title, task.lang, workbook, deck, task.index)


def _as_earlier(task: Task) -> str:
    """Keep an earlier report under another name: it is not this run's, and a page that says so loses nobody their figures.

    Returns:
        Its page's path below the period's folder; empty where there was none.
    """
    from g3lib.report.html import relinked, stamped

    page = task.file(f".{EARLIER}.html")
    if task.file(".html").exists():
        for suffix in (".ipynb", ".html", *_BESIDE):
            if task.file(suffix).exists():
                os.replace(task.file(suffix), task.file(f".{EARLIER}{suffix}"))
        said = pick(task.lang, "这是上一次成功生成的报告；最近一次运行没有成功，数字可能已经过时。",
                    "This is the last report that succeeded; the latest run failed, so it may be out of date.")  # fmt: skip
        stem = task.notebook.stem
        moved = {f"{stem}{suffix}": f"{stem}.{EARLIER}{suffix}" for suffix in _BESIDE}
        text = relinked(page.read_text(encoding="utf-8"), moved)
        with contextlib.suppress(OSError):  # its name says the same where there is no room
            replace_bytes(page, stamped(text, said).encode())
    return f"{task.stem}.{EARLIER}.html" if page.exists() else ""


def _is_whole(notebook: Path) -> bool:
    """Whether a notebook was saved to its end; a disk that ran full cuts it short."""
    try:
        return bool(json.loads(notebook.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _of_memory(error: Exception, task: Task) -> str:
    """A MemoryError says nothing by itself, least of all that somebody set the limit."""
    limit = task.environment.get(MEMORY, "")
    told = getattr(error, "ename", type(error).__name__) in ("MemoryError", "ArrowMemoryError", "_ArrayMemoryError")
    return f" the report may take {limit} MB (--memory gives it more)" if told and limit else ""


def _is_no_data(error: Exception) -> bool:
    return getattr(error, "ename", "") == "NoData"


def _one_line(error: Exception) -> str:
    name = getattr(error, "ename", type(error).__name__)
    text = str(getattr(error, "evalue", error)).strip()
    return f"{name}: {' '.join(text.split())}"[:300]

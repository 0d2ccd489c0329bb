"""Two hundred runs killed at random moments: nothing lost, no half file, nothing made again but what was in flight."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import time
import zipfile
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import nbformat
import pytest

from g3lib.runs import ledger
from g3lib.runs.warm.client import Template, why_impossible
from g3lib.tables import adding

KILLS, JOBS = 200, 2
BRANCHES = [f"分公司{i:02d}" for i in range(6)]
pytestmark = pytest.mark.skipif(bool(why_impossible()), reason=why_impossible() or "Linux")

CELLS = (
    "from g3lib import open_report\nreport = open_report('own', branch, period, lang)\nreport",
    "open(f'{made}/{branch}', 'a').write('x'); report.data.sales[['date', 'channel', 'units']]",
    "report.workbook({'销量 sales': report.data.sales})",
    "report.provenance()",
)


def command(folder: Path, templates: dict[str, str]) -> None:
    """`g3 run`, in a process of its own, with templates that outlive it."""
    from g3lib.runs import running
    from g3lib.runs.again import Asked
    from g3lib.runs.notebooks import find
    from g3lib.tables.workspace import Workspace

    os.chdir(folder)
    os.environ |= {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key")}
    workspace = Workspace(folder)
    asked = Asked(workspace, find(workspace.notebooks), (), "", "zh", {})
    running.run(asked, JOBS, lambda _: lambda _: None, wait=True, templates=templates)


def tree(reports: Path) -> dict[str, bytes]:
    """Every file that a run leaves, without what tells when it was made."""
    files = {p.relative_to(reports).as_posix(): p.read_bytes() for p in sorted(reports.rglob("*")) if p.is_file()}
    kept = {name: text for name, text in files.items() if Path(name).name not in (".lock", ".asked.json", ledger.FILE, "run.json")}
    for period in ledger.Ledger(reports).periods():
        for key, row in ledger.Ledger(reports).rows(period).items():
            plain = {**vars(row), **dict.fromkeys(("started", "finished", "seconds", "peak_mb"))}
            kept[f"{period} {key}"] = json.dumps(plain, sort_keys=True).encode()
    return kept


def published(reports: Path) -> Iterator[Path]:
    """Every file of a tree whose killed makers may still be ending: their folders go while one looks, and are not entered."""
    for folder, folders, files in os.walk(reports):
        folders[:] = [name for name in folders if not name.startswith(".making-")]
        yield from (Path(folder, name) for name in files)


def whole(path: Path) -> bool:
    """Whether a report's file can be read to its end; each state of a file is read once."""
    state = (path.stat().st_ino, path.stat().st_mtime_ns)
    if state not in SEEN:
        SEEN[state] = _readable(path)
    return SEEN[state]


SEEN: dict[tuple[int, int], bool] = {}


def _readable(path: Path) -> bool:
    match path.suffix:
        case ".ipynb":
            return bool(nbformat.read(path, as_version=4).cells)
        case ".html":
            return path.read_text(encoding="utf-8").rstrip().endswith("</html>")
        case ".xlsx":
            return zipfile.ZipFile(path).testzip() is None
        case ".json":
            return bool(json.loads(path.read_text(encoding="utf-8")))
        case ".csv":
            return path.read_text(encoding="utf-8-sig").startswith("branch,") and path.read_bytes().endswith(b"\n")
        case ".sqlite":
            with contextlib.closing(sqlite3.connect(path)) as book:
                return bool(book.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    return True


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "notebooks").mkdir()
    made, reports = tmp_path / "made", tmp_path / "reports"
    made.mkdir()
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "key"))
    rows = [f"{b},2010-{m:02d},{c},{i + m}" for i, b in enumerate(BRANCHES) for m in range(1, 4) for c in ("自营", "社会")]
    (tmp_path / "a.csv").write_text("\n".join(["分公司,月份,渠道,台数", *rows]), encoding="utf-8")
    adding.load(tmp_path / "store", [tmp_path / "a.csv"])
    about = {"unit": "branch", "needs": ["sales"], "title": {"zh": "己", "en": "own"}, "question": {"zh": "？", "en": "?"}}
    node = nbformat.v4.new_notebook(metadata={"g3": about, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    first = f'branch: str = ""\nperiod: str = ""\nlang: str = "zh"\nmade: str = {str(made)!r}'
    node.cells = [nbformat.v4.new_code_cell(first, id="p", metadata={"tags": ["parameters"]})]
    node.cells += [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(CELLS)]
    nbformat.write(node, tmp_path / "notebooks" / "91-own.ipynb")

    kept = {role: Template(role) for role in ("kernels", "workers")}
    sockets = {role: template.path for role, template in kept.items()}
    # a server that has a run's imports behind it forks each run, so that every kill falls where reports are made
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["g3lib.runs.batch", "g3lib.runs.publishing", "g3lib.runs.running", "papermill"])

    def begin() -> ForkServerProcess:
        process = processes.Process(target=command, args=(tmp_path, sockets))
        process.start()
        return process

    def marks() -> int:
        return sum(path.stat().st_size for path in made.iterdir())

    def ended(process: ForkServerProcess) -> int | None:
        process.join(120)
        return process.exitcode

    try:
        assert ended(begin()) == 0
        shutil.rmtree(reports)
        begun = time.monotonic()
        assert ended(begin()) == 0
        longest = (time.monotonic() - begun) / 3  # a kill falls at any moment of the making of a report, on any machine
        undisturbed = tree(reports)
        assert len([name for name in undisturbed if name.endswith(".xlsx")]) == len(BRANCHES)
        rng, alive, rounds, at_work = random.Random(200), 0, 0, 0
        shutil.rmtree(reports)
        for path in made.iterdir():
            path.unlink()
        in_flight: dict[str, int] = dict.fromkeys(BRANCHES, 0)
        finished: dict[str, str] = {}
        while alive < KILLS:
            before, further = marks(), rng.choice((0, 0, 1))
            process = begin()
            until = time.monotonic() + 60
            while marks() < before + further and process.is_alive() and time.monotonic() < until:
                time.sleep(0.005)
            time.sleep(rng.uniform(0.02, longest))
            process.kill()
            if ended(process) == -signal.SIGKILL:
                alive += 1
            rows_now: dict[tuple[str, str], Any] = ledger.read(reports / "2010-03")
            for row in rows_now.values():
                if row.state == "ok":  # made once and for all, with every file
                    assert finished.setdefault(row.branch, row.finished) == row.finished
                    page = reports / "2010-03" / row.html
                    assert all(whole(page.with_suffix(suffix)) for suffix in (".ipynb", ".html", *row.beside))
                else:
                    assert row.branch not in finished
                    in_flight[row.branch] += row.state == "running"
                    at_work += row.state == "running"
            assert all(whole(path) for path in published(reports))
            if len(finished) == len(BRANCHES):
                assert ended(begin()) == 0  # publishing may have been cut short: it is done now
                for branch in BRANCHES:
                    assert 1 <= len((made / branch).read_text()) <= 1 + in_flight[branch], (branch, in_flight)
                assert tree(reports) == undisturbed
                rounds += 1
                shutil.rmtree(reports)
                for path in made.iterdir():
                    path.unlink()
                in_flight, finished = dict.fromkeys(BRANCHES, 0), {}
        assert ended(begin()) == 0
        assert tree(reports) == undisturbed
        # a storm that missed would show nothing
        assert rounds > 3
        assert at_work > KILLS / 2
        print(f"\n{alive} kills within {longest:.1f} s, {rounds} batches of {len(BRANCHES)} reports begun and ended among them, {at_work} reports in flight")
    finally:
        for template in kept.values():
            template.close()

"""Every notebook for every branch, and what it writes beside itself, as stock papermill makes them; and a long batch after which nothing is left. `make study`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest

from g3lib.runs import batch, ledger
from g3lib.runs.crew import Crew
from g3lib.runs.notebooks import find
from g3lib.runs.warm.client import why_impossible
from g3lib.tables import adding
from g3lib.tables.workspace import Workspace

pytestmark = pytest.mark.skipif(bool(why_impossible()), reason=why_impossible() or "Linux")
REPORTS = 500


def shown(path: Path) -> list[tuple[Any, ...]]:
    """What a notebook shows: each cell's source, number and outputs."""
    cells = nbformat.read(path, as_version=4).cells
    return [(c.cell_type, c.source, c.get("execution_count"), json.dumps(c.get("outputs"), sort_keys=True)) for c in cells]


def test_every_report_shows_what_stock_papermill_shows(workspace_copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = batch.plan(workspace_copy, find(workspace_copy.notebooks), force=True)
    rows: list[ledger.Row] = []
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    assert len(rows) == len(planned.tasks) > 80
    other, beside = [], {".xlsx": "G3_WORKBOOK", ".pptx": "G3_DECK"}
    for suffix, name in beside.items():
        monkeypatch.setenv(name, str(tmp_path / f"stock{suffix}"))
    for task in planned.tasks:
        papermill.execute_notebook(str(task.notebook), str(tmp_path / "stock.ipynb"), task.parameters, cwd=str(task.notebook.parent),
                                   kernel_name="python3", progress_bar=False, extra_arguments=["--log-level=50"])  # fmt: skip
        ours = task.folder / task.stem
        if shown(tmp_path / "stock.ipynb") != shown(ours.with_suffix(".ipynb")):
            other.append(task.what)
        for suffix in beside:
            stock = tmp_path / f"stock{suffix}"
            if stock.exists() != ours.with_suffix(suffix).exists() or (stock.exists() and stock.read_bytes() != ours.with_suffix(suffix).read_bytes()):
                other.append(f"{task.what}{suffix}")
            stock.unlink(missing_ok=True)
    assert other == []


def test_nothing_is_left_of_five_hundred_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_templates: None) -> None:
    for place in ("data", "notebooks", "temp"):
        (tmp_path / place).mkdir()
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    lines = ["分公司,月份,渠道,台数", *(f"分公司{i:03},2010-01,自营,{i + 1}" for i in range(REPORTS))]
    (tmp_path / "a.csv").write_text("\n".join(lines), encoding="utf-8")
    adding.load(tmp_path / "store", [tmp_path / "a.csv"])
    about = {"unit": "branch", "needs": ["sales"], "title": {"zh": "己", "en": "own"}, "question": {"zh": "？", "en": "?"}}
    node = nbformat.v4.new_notebook(metadata={"g3": about, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    first = nbformat.v4.new_code_cell('branch: str = ""\nperiod: str = ""\nlang: str = "zh"', metadata={"tags": ["parameters"]})
    node.cells = [first, nbformat.v4.new_code_cell("import tempfile; tempfile.mkstemp(); branch")]
    nbformat.write(node, tmp_path / "notebooks" / "91-own.ipynb")
    told = subprocess.run([sys.executable, "-m", "g3lib.cli", "run", "--jobs", "2"], cwd=tmp_path, capture_output=True, text=True)
    assert f"{REPORTS} reports ok" in told.stdout, told.stdout + told.stderr
    assert all(re.fullmatch(rf"\d+ of {REPORTS} reports", line) for line in told.stderr.splitlines())
    place = f"TMPDIR={tmp_path / 'temp'}"
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and place in "\n".join(f"{k}={v}" for k, v in process.environ().items()):
                left.append(process)
        except psutil.Error:
            continue
    assert left == []
    # what cells put there is theirs; of templates, kernels and workers nothing is left
    assert [path.name for path in (tmp_path / "temp").iterdir() if not path.name.startswith("tmp")] == []

"""The batch: what is made again and what is not, two runs at once, and runs that are killed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from click.testing import CliRunner
from processes import alive, describe, that_say

from g3lib.cli import main
from g3lib.runs import batch, ledger
from g3lib.runs.crew import Crew, Worker
from g3lib.runs.notebooks import find
from g3lib.runs.warm import client
from g3lib.tables.workspace import Workspace

BRANCHES = ["东区", "西区", "南区", "北区"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Four branches in two provinces, and no notebook yet."""
    (tmp_path / "data").mkdir()
    (tmp_path / "notebooks").mkdir()
    for name, place in (("G3_STORE", "store"), ("G3_KEY_FILE", "key")):
        monkeypatch.setenv(name, str(tmp_path / place))
    monkeypatch.chdir(tmp_path)
    load(tmp_path, "branches.csv", "分公司,上级,级别", "东区,甲省,县", "西区,甲省,县", "南区,乙省,县", "北区,乙省,县", "甲省,,省", "乙省,,省")
    for branch in BRANCHES:
        sales(tmp_path, branch)
    return Workspace(tmp_path)


def load(root: Path, name: str, *rows: str) -> None:
    (root / name).write_text("\n".join(rows), encoding="utf-8")
    done = CliRunner().invoke(main, ["load", str(root / name)])
    assert done.exit_code == 0, done.output


def sales(root: Path, branch: str, units: int = 10, months: tuple[int, ...] = (1, 2), name: str = "") -> None:
    rows = [f"{branch},2010-0{m},{c},{units * m}" for m in months for c in ("自营", "社会")]
    load(root, f"{name or branch}.csv", "分公司,月份,渠道,台数", *rows)


READS = {  # a notebook → what it reads
    "91-own": "open_report('own', branch, period, lang).data.sales['units'].sum()",
    "92-area": "open_report('area', branch, period, lang).data.area_sales['units'].sum()",
    "93-all": "len(open_report('all', branch, period, lang).data.policy)",
}


def make(workspace: Workspace, name: str, *cells: str) -> None:
    """A small notebook: one cell of parameters, then the given ones."""
    about = {"unit": "branch", "needs": ["sales"], "title": {"zh": name, "en": name}, "question": {"zh": "?", "en": "?"}}
    node = nbformat.v4.new_notebook(metadata={"g3": about, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    first = nbformat.v4.new_code_cell('branch: str = ""\nperiod: str = ""\nlang: str = "zh"', id="parameters")
    first["metadata"]["tags"] = ["parameters"]
    node.cells = [first, *(nbformat.v4.new_code_cell(source, id=f"cell{i}") for i, source in enumerate(cells))]
    nbformat.write(node, workspace.notebooks / f"{name}.ipynb")


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["run", *arguments])
    assert done.exit_code == code, done.output
    return done.output


def redone(workspace: Workspace) -> set[tuple[str, str]]:
    return {(task.notebook.stem[:2], task.branch) for task in batch.plan(workspace, find(workspace.notebooks)).tasks}


def test_exactly_the_reports_that_read_it_are_made_again(workspace: Workspace) -> None:
    for name, cell in READS.items():
        make(workspace, name, "from g3lib import open_report", cell)
    run("--jobs", "2")
    assert redone(workspace) == set()
    sales(workspace.root, "西区", 99, name="西区-更正")
    assert redone(workspace) == {("91", "西区"), ("92", "西区"), ("92", "东区")}
    run("--jobs", "2")
    assert redone(workspace) == set()
    load(workspace.root, "models.csv", "机型,厂商,终端类型", "A1,甲厂,G3手机")
    assert redone(workspace) == set()
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"], "1")
    assert redone(workspace) == {("91", branch) for branch in BRANCHES}


def test_a_later_month_makes_no_earlier_report_again(workspace: Workspace) -> None:
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"])
    run("--period", "2010-02")
    for branch in BRANCHES:
        sales(workspace.root, branch, months=(3,), name=f"{branch}-3")
    assert batch.plan(workspace, find(workspace.notebooks), period="2010-02").tasks == []
    assert len(batch.plan(workspace, find(workspace.notebooks)).tasks) == 4


LATER = """import subprocess, sys
if branch == '东区':
    subprocess.run([sys.executable, '-m', 'g3lib.cli', 'load', {path!r}], check=True, cwd={root!r}, capture_output=True)"""


def loads_meanwhile(workspace: Workspace, name: str, *rows: str) -> str:
    """A cell that loads a file while 东区's report is made."""
    path = workspace.root / name
    path.write_text("\n".join(rows), encoding="utf-8")
    return LATER.format(path=str(path), root=str(workspace.root))


def test_a_load_during_a_run_fails_no_report_and_the_next_run_makes_what_read_it(workspace: Workspace) -> None:
    loads = loads_meanwhile(workspace, "西区-更正.csv", "分公司,月份,渠道,台数", *(f"西区,2010-0{m},{c},999" for m in (1, 2) for c in ("自营", "社会")))
    make(workspace, "91-own", loads, "from g3lib import open_report", READS["91-own"])
    said = run("--jobs", "1")
    assert "4 reports ok" in said
    assert said.count("The store was loaded anew meanwhile") == 1
    assert redone(workspace) == set()  # each was made after the load, and says so


def test_a_report_of_two_states_of_the_store_is_none(workspace: Workspace) -> None:
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"])
    run()
    loads = loads_meanwhile(workspace, "models.csv", "机型,厂商,终端类型", "A1,甲厂,G3手机")
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"], loads, READS["91-own"].replace("'own'", "'91-own'"))
    said = run("--jobs", "1", code=1)
    assert "failed: 91-own · 东区: DataError: the store was loaded anew while the report was made: run it again" in said
    assert states(workspace) == {"东区": "failed", "西区": "ok", "南区": "ok", "北区": "ok"}
    assert (workspace.reports / "2010-02" / "东区" / "91-own.earlier.html").exists()  # the one before, and no mixture
    assert redone(workspace) == {("91", "东区")}


def test_a_faulty_notebook_is_named_and_the_others_run(workspace: Workspace) -> None:
    (workspace.notebooks / "45-broken.ipynb").write_text("{broken")
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 2
    assert "No notebook here can be run:\n  - 45-broken.ipynb is no notebook: " in done.output
    make(workspace, "91-fine", "1 + 1")
    (workspace.notebooks / "46-empty.ipynb").write_text("")
    make(workspace, "47-untagged", "1")
    make(workspace, "48-needs", "1")
    for name, change in (("47-untagged", lambda nb: nb.cells[0].metadata.clear()), ("48-needs", lambda nb: nb.metadata.g3.update(needs=["nosuch.x"]))):
        node = nbformat.read(workspace.notebooks / f"{name}.ipynb", as_version=4)
        change(node)
        nbformat.write(node, workspace.notebooks / f"{name}.ipynb")
    for said in (run(code=1), run(code=1)):
        assert "4 reports ok" in said
        assert all(f"{name} " in said for name in ("45-broken.ipynb", "46-empty.ipynb", "47-untagged.ipynb", "48-needs.ipynb"))
        assert "nosuch.x" in said and "tagged `parameters`" in said
    assert "45-broken.ipynb is no notebook" in run("45", "91", code=2)


def test_what_a_notebook_that_is_gone_failed_to_make_is_forgotten(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    make(workspace, "92-fails", "if branch == '东区': 1 / 0")
    run(code=1)
    (workspace.notebooks / "92-fails.ipynb").unlink()
    assert "4 reports ok" in run()
    told = CliRunner().invoke(main, ["status"])
    assert (told.exit_code, told.output.strip()) == (0, "2010-02: 7 ok, 0 failed, 0 skipped: no data")
    assert "ZeroDivisionError" not in (workspace.reports / "2010-02" / "index.html").read_text(encoding="utf-8")


def test_everything_that_cannot_be_meant_is_said_at_once(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    said = run("--branch", "火星", "--branch", "东", "--branch", "甲省", "--period", "abc", "-p", "colour", "red", code=2)
    assert "'火星' has no rows" in said
    assert "'东' has no rows; is 东区 meant?" in said
    assert "one report a branch, which 甲省 is not; known: 东区" in said
    assert "abc" in said and "'colour' is no parameter" in said


def test_a_comment_makes_its_own_report_again(workspace: Workspace) -> None:
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"])
    run()
    assert CliRunner().invoke(main, ["note", "东区", "units.total", "数据待核"]).exit_code == 0
    assert redone(workspace) == {("91", "东区")}


def test_a_report_that_reads_through_no_dataset_depends_on_everything(workspace: Workspace) -> None:
    make(workspace, "91-free", "1 + 1")
    run()
    assert redone(workspace) == set()
    sales(workspace.root, "西区", 99, name="西区-更正")
    assert redone(workspace) == {("91", branch) for branch in BRANCHES}


def test_an_unchanged_run_is_known_without_planning_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"])
    make(workspace, "92-none", "from g3lib.errors import NoData; raise NoData('nothing to say')")
    first = run()
    said = "4 reports ok (4 of them unchanged), 0 failed, 4 skipped: no data"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("planned")

    with monkeypatch.context() as patch:
        patch.setattr(batch, "plan", refuse)
        again = run()
    assert again.splitlines()[0] == said
    assert again.splitlines()[1:] == first.splitlines()[1:]
    assert CliRunner().invoke(main, ["run", "--force"]).exit_code == 0
    # whatever a plan looks at makes it plan again
    folder = workspace.reports / "2010-02"
    changes = {
        "a report is gone": lambda: (folder / "东区" / "91-own.html").unlink(),
        "the index is gone": lambda: (folder / "index.html").unlink(),
        "data": lambda: sales(workspace.root, "西区", 99, name="西区-更正"),
        "a notebook": lambda: make(workspace, "91-own", "from g3lib import open_report", READS["91-own"], "2"),
        "a comment": lambda: CliRunner().invoke(main, ["note", "东区", "nothing.such", "x"]),
    }
    for what, change in changes.items():
        change()
        with monkeypatch.context() as patch:
            patch.setattr(batch, "plan", refuse)
            done = CliRunner().invoke(main, ["run"])
        assert "planned" in str(done.exception), what
        if what != "a comment":
            run()
            assert run().splitlines()[0] == said, what


def test_other_branches_and_parameters_are_another_question(workspace: Workspace) -> None:
    make(workspace, "91-own", "from g3lib import open_report", READS["91-own"])
    run("--branch", "东区")
    assert run("--branch", "东区").startswith("1 reports ok (1 of them unchanged)")
    assert run("--branch", "西区").startswith("1 reports ok (0 of them unchanged)")
    assert run().startswith("4 reports ok (2 of them unchanged)")


# ---- runs side by side, and runs that are killed ------------------------------------------------------

G3 = [sys.executable, "-m", "g3lib.cli"]


def wait_for(condition, within: float = 60.0, left=lambda: "") -> None:
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, f"waited in vain: {left()}"
        time.sleep(0.02)


def states(workspace: Workspace) -> dict[str, str]:
    return {row.branch: row.state for row in ledger.read(workspace.reports / "2010-02").values()}


def test_a_second_run_is_refused_and_told_whose_the_first_is_or_waits(workspace: Workspace) -> None:
    make(workspace, "91-slow", f"import time, os\nwhile not os.path.exists({str(workspace.root / 'go')!r}): time.sleep(0.05)")
    first = subprocess.Popen([*G3, "run", "--jobs", "2"], stdout=subprocess.PIPE, text=True)
    wait_for(lambda: "running" in states(workspace).values())
    second = subprocess.run([*G3, "run"], capture_output=True, text=True)
    assert second.returncode == 1
    assert f"Another g3 run is writing to {workspace.reports}: process {first.pid} of " in second.stderr
    assert "--wait" in second.stderr
    assert "running" in subprocess.run([*G3, "status"], capture_output=True, text=True).stdout
    third = subprocess.Popen([*G3, "run", "--wait"], stdout=subprocess.PIPE, text=True)
    (workspace.root / "go").touch()
    assert "4 reports ok (0 of them unchanged)" in first.communicate(timeout=60)[0]
    assert "4 reports ok (4 of them unchanged)" in third.communicate(timeout=60)[0]


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def template(runner: int, role: str) -> psutil.Process:
    found: list[psutil.Process] = []

    def there() -> bool:
        found[:] = that_say(psutil.Process(runner).children(), f"main() {role}")
        return bool(found)

    wait_for(there)
    return found[0]


STRAY = """import os, subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import os, time; os.setsid(); time.sleep(600)'])
if os.fork() == 0:
    while True: time.sleep(1)
time.sleep(600)"""


@pytest.mark.usefixtures("own_templates")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_no_process_is_left_when_the_runner_ends(how: str, workspace: Workspace) -> None:
    make(workspace, "91-stray", STRAY)
    runner = subprocess.Popen([*G3, "run", "--jobs", "2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))  # fmt: skip  # a shell's background ignores it
    wait_for(lambda: len(family(runner.pid)) >= 10)  # two templates, two workers, two kernels with two strays each
    left = family(runner.pid)
    os.kill(runner.pid, getattr(signal, how))
    runner.wait(timeout=60)
    wait_for(lambda: not alive(left), 5.0, lambda: describe(alive(left)))
    assert set(states(workspace).values()) <= {"running", "queued"}
    said = subprocess.run([*G3, "status"], capture_output=True, text=True)
    assert "4 interrupted" in said.stdout


@pytest.mark.usefixtures("own_templates")
def test_no_process_is_left_when_a_template_or_a_worker_is_killed_and_the_run_goes_on(workspace: Workspace) -> None:
    slow = f"import time, os\nopen({str(workspace.root)!r} + '/' + branch, 'a').write('x')\nwhile not os.path.exists({str(workspace.root / 'go')!r}): time.sleep(0.05)"
    make(workspace, "91-slow", slow)
    runner = subprocess.Popen([*G3, "run", "--jobs", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def begun(times: int) -> bool:
        files = [workspace.root / b for b in BRANCHES]
        return sum(len(f.read_text()) for f in files if f.exists()) == times

    wait_for(lambda: begun(2))
    templates = {role: template(runner.pid, role) for role in ("kernels", "workers")}
    kernels, workers = templates["kernels"].children(), templates["workers"].children()
    assert (len(kernels), len(workers)) == (2, 2)
    workers[0].kill()
    wait_for(lambda: begun(3))  # the next report, or the same once more, in a new worker
    assert len(alive(kernels)) == 1  # the killed worker's kernel is gone, the other's is not
    kernels = templates["kernels"].children()
    templates["kernels"].kill()
    wait_for(lambda: not alive(kernels), 5.0)
    wait_for(lambda: begun(5))
    (workspace.root / "go").touch()
    out, err = runner.communicate(timeout=60)
    assert "4 reports ok (0 of them unchanged), 0 failed" in out, (out, err)
    assert err.count("The prepared process was killed") == 1
    assert "No warm kernels" not in err
    assert states(workspace) == dict.fromkeys(BRANCHES, "ok")


@pytest.mark.usefixtures("own_templates")
def test_a_worker_that_is_killed_while_it_is_idle_costs_nobody_a_report(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    tasks, rows, said = batch.plan(workspace, find(workspace.notebooks)).tasks, list[ledger.Row](), list[str]()
    with Crew(1, said.append) as crew:
        crew.make(tasks[:1], lambda _: None, rows.append)
        idle = psutil.Process(crew.workers[0].process.pid)
        idle.kill()
        wait_for(lambda: not alive([idle]))
        crew.make(tasks[1:2], lambda _: None, rows.append)
    assert ([row.state for row in rows], said) == (["ok", "ok"], [])


@pytest.mark.usefixtures("own_templates")
@pytest.mark.parametrize("ever", [False, True])
def test_workers_that_die_before_they_are_asked_hold_up_no_run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, ever: bool) -> None:
    make(workspace, "91-fine", "1 + 1")
    tasks, rows, said = batch.plan(workspace, find(workspace.notebooks)).tasks[:2], list[ledger.Row](), list[str]()
    born = Crew._new

    def dies(crew: Crew) -> Worker:
        worker = born(crew)
        if ever or crew._sockets:
            worker.process.kill()
            worker.process.join() if hasattr(worker.process, "join") else worker.process.wait(10)
            worker.connection.close()  # what it would be given finds nobody
        return worker

    monkeypatch.setattr(Crew, "_new", dies)
    with Crew(1, said.append) as crew:
        crew.make(tasks, lambda _: None, rows.append)
    assert [row.state for row in rows] == ["dead kernel" if ever else "ok"] * 2
    assert said == ["No warm kernels here, ordinary ones instead (slower to start): the processes that make reports die at once"]


LEAVES = """import os, subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import os, time; os.setsid(); time.sleep(601)'])
time.sleep(2 if os.environ['G3_WARM'] == 'none' else 600)"""


@pytest.mark.usefixtures("own_templates")
def test_what_cells_started_is_ended_where_the_run_went_on_with_ordinary_kernels(workspace: Workspace) -> None:
    make(workspace, "91-stray", LEAVES)
    runner = subprocess.Popen([*G3, "run", "--jobs", "1"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    strays: dict[int, psutil.Process] = {}
    while runner.poll() is None:
        with contextlib.suppress(psutil.Error):  # it ends at this moment
            new = {process.pid: process for process in that_say(family(runner.pid), "time.sleep(601)")}
            if new.keys() - strays.keys():  # a cell has begun: what its kernel was forked from is killed, until the run gives up
                [process.kill() for process in that_say(psutil.Process(runner.pid).children(), "main() kernels")]
            strays |= new
        time.sleep(0.02)
    out = runner.communicate(timeout=60)[0]  # what is left holds its other end
    assert "No warm kernels here, ordinary ones instead (slower to start): the prepared process was killed again and again" in out
    assert len(strays) > 6, out
    wait_for(lambda: not alive(strays.values()), 5.0, lambda: describe(alive(strays.values())))


def orphan() -> psutil.Process:
    """A process whose parent is no more."""
    code = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"
    return psutil.Process(int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout))


@pytest.mark.usefixtures("own_templates")
def test_a_crew_adopts_orphans_for_its_own_time(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    tasks = batch.plan(workspace, find(workspace.notebooks)).tasks
    with Crew(1) as crew:
        crew.make(tasks[:1], lambda _: None, lambda _: None)
        adopted = orphan()
        assert adopted.ppid() == os.getpid()
        adopted.kill()
    assert not psutil.pid_exists(adopted.pid)  # not even as a zombie
    later = orphan()
    assert later.ppid() != os.getpid()
    later.kill()


def test_kept_templates_of_another_library_make_no_report(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    make(workspace, "91-fine", "1 + 1")
    tasks, rows = batch.plan(workspace, find(workspace.notebooks)).tasks, list[ledger.Row]()
    kept = dict(os.environ)
    monkeypatch.setattr(client, "library_now", lambda: "another")
    with Crew(1) as crew:
        assert not {kept[client.KERNELS], kept[client.WORKERS]} & set(crew._sockets.values())
        crew.make(tasks[:1], lambda _: None, rows.append)
    assert [row.state for row in rows] == ["ok"]


def test_a_report_whose_maker_dies_sets_the_one_before_aside(workspace: Workspace, own_templates: None) -> None:
    make(workspace, "91-kills", "1")
    run("--branch", "东区")
    make(workspace, "91-kills", "import os, psutil, time\nfor template in psutil.Process(os.getppid()).parent().children():\n"
         "    if 'workers' in template.cmdline():\n        [worker.kill() for worker in template.children()]\ntime.sleep(60)")  # fmt: skip
    run("--branch", "东区", "--jobs", "1", code=1)
    (row,) = ledger.read(workspace.reports / "2010-02").values()
    assert (row.state, row.html) == ("dead kernel", "东区/91-kills.earlier.html"), row
    assert not (workspace.reports / "2010-02" / "东区" / "91-kills.html").exists()
    assert row.finished


def test_an_interrupted_report_keeps_its_page_and_claims_no_figures(workspace: Workspace) -> None:
    for name, cell in list(READS.items())[:2]:
        make(workspace, name, "from g3lib import open_report", cell)
    run("--branch", "东区")
    rows = ledger.read(workspace.reports / "2010-02")
    tasks = batch.plan(workspace, find(workspace.notebooks, ["91"]), ["东区"], force=True).tasks
    ledger.Ledger(workspace.reports).put([batch._awaited(tasks[0], "running")])  # a run that is killed leaves it so
    run("92", "--branch", "东区", "--force")
    plain = json.loads((workspace.reports / "2010-02" / "run.json").read_text(encoding="utf-8"))["reports"]
    assert {row["notebook"]: (row["state"], row["html"]) for row in plain} == {
        "91-own": ("interrupted", "东区/91-own.html"), "92-area": ("ok", "东区/92-area.html"),
    }  # fmt: skip
    page = (workspace.reports / "2010-02" / "index.html").read_text(encoding="utf-8")
    assert "91-own.html" in page
    assert "91-own" not in (workspace.reports / "2010-02" / "findings.csv").read_text(encoding="utf-8")
    status = CliRunner().invoke(main, ["status"])
    assert (status.output.count("1 interrupted"), status.exit_code) == (1, 1)
    assert len(rows) == 2
    run("--branch", "东区")
    assert states(workspace)["东区"] == "ok"


def test_names_of_notebooks_may_hold_dots(workspace: Workspace) -> None:
    make(workspace, "91-v1.1", "from g3lib import open_report\nreport = open_report('v1.1', branch, period, lang)", "report.workbook({'a': report.data.sales})")
    make(workspace, "91-v1.2", "1")
    run("--branch", "东区")
    folder = workspace.reports / "2010-02" / "东区"
    assert sorted(path.name for path in folder.iterdir()) == ["91-v1.1.html", "91-v1.1.ipynb", "91-v1.1.xlsx", "91-v1.2.html", "91-v1.2.ipynb"]
    assert "2 reports ok (2 of them unchanged)" in run("--branch", "东区")
    make(workspace, "91-v1.1", "1 / 0")
    run("--branch", "东区", code=1)
    assert 'href="91-v1.1.earlier.xlsx"' in (folder / "91-v1.1.earlier.html").read_text(encoding="utf-8")
    assert {path.name for path in folder.glob("91-v1.1.*")} == {
        "91-v1.1.earlier.html", "91-v1.1.earlier.ipynb", "91-v1.1.earlier.xlsx", "91-v1.1.failed.ipynb",
    }  # fmt: skip


def test_the_ledger_of_an_older_library_is_read_and_written(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1")
    run()
    book = workspace.reports / ledger.FILE
    with contextlib.closing(sqlite3.connect(book)) as older, older:
        for column in ("beside", "cell", "made_up"):  # as if they had not been thought of
            older.execute(f"ALTER TABLE report DROP COLUMN {column}")
    assert "4 ok" in CliRunner().invoke(main, ["status"]).output
    assert "4 reports ok (4 of them unchanged)" in run()
    run("--force")
    (row,) = [row for row in ledger.read(workspace.reports / "2010-02").values() if row.branch == "东区"]
    assert (row.beside, row.cell, row.made_up, row.state) == ([], 0, False, "ok")


def test_a_notebook_about_what_the_store_does_not_have_is_told(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1")
    path = workspace.notebooks / "91-fine.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace('"unit": "branch"', '"unit": "province"').replace("branch:", "province:"), encoding="utf-8")
    (workspace.root / "store").rename(workspace.root / "elsewhere")
    said = CliRunner().invoke(main, ["run", "91"])
    assert said.exit_code == 1
    assert "Nothing to report: 91-fine: one report a province, of which the store has none. Run g3 load first." in said.output


def test_a_file_that_a_report_no_longer_makes_goes(workspace: Workspace) -> None:
    show = "from g3lib import open_report\nreport = open_report('own', branch, period, lang)"
    make(workspace, "91-own", show, "report.workbook({'a': report.data.sales})")
    run("--branch", "东区")
    table = workspace.reports / "2010-02" / "东区" / "91-own.xlsx"
    assert table.exists()
    make(workspace, "91-own", show, "1")
    run("--branch", "东区")
    assert not table.exists()


def test_templates_of_others_that_are_gone_are_said_once(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    tasks, rows, said = batch.plan(workspace, find(workspace.notebooks)).tasks, list[ledger.Row](), list[str]()
    with Crew(2, said.append, dict.fromkeys(("kernels", "workers"), str(workspace.root / "gone"))) as crew:
        crew.make(tasks[:2], lambda _: None, rows.append)
    assert [row.state for row in rows] == ["ok", "ok"]
    assert len(said) == 1
    assert said[0].startswith("No warm kernels here")


@pytest.mark.usefixtures("own_templates")
def test_what_a_killed_template_leaves_comes_to_the_runner(workspace: Workspace) -> None:
    make(workspace, "91-stray", STRAY)
    runner = subprocess.Popen([*G3, "run", "--jobs", "1", "--branch", "东区"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    left: list[psutil.Process] = []
    for _ in range(2):  # the second time the report counts as the cause
        wait_for(lambda: template(runner.pid, "kernels").children(recursive=True)[2:])
        time.sleep(0.5)
        kept = template(runner.pid, "kernels")
        own = [kept, *kept.children(recursive=True)]
        kept.kill()
        wait_for(lambda own=own: not alive(own), 5.0, lambda own=own: describe(alive(own)))
        left += own
    assert len(left) >= 8
    assert runner.wait(timeout=60) == 1
    assert states(workspace) == {"东区": "dead kernel"}


HOSTILE = {
    "91-fine": ["1 + 1"],
    "92-exits": ["import os; os._exit(7)"],
    "93-endless": ["while True: pass"],
    "94-prints": ["for _ in range(100): print('x' * 1_000_000)"],
    "95-forks": ["import os; os.fork(); 1"],
    "96-memory": ["x = []\nwhile True: x.append(bytearray(50_000_000))"],
    "97-raises": ["1", "raise ValueError('two\\nlines')"],
    "98-aborts": ["import os; os.abort()"],
}


def test_whatever_a_notebook_does_has_a_name_and_harms_no_other(workspace: Workspace) -> None:
    for name, cells in HOSTILE.items():
        make(workspace, name, *cells)
    run("--branch", "东区", "--jobs", "2", "--timeout", "8", "--memory", "1", code=1)
    rows = {row.notebook[:2]: row for row in ledger.read(workspace.reports / "2010-02").values()}
    assert {number: row.state for number, row in rows.items()} == {
        "91": "ok", "92": "dead kernel", "93": "timeout", "94": "failed", "95": "ok", "96": "failed", "97": "failed", "98": "dead kernel",
    }  # fmt: skip
    assert "exit code 7" in rows["92"].error
    assert "wrote more than 20 MB" in rows["94"].error
    assert rows["96"].error == "MemoryError: the report may take 1024 MB (--memory gives it more)"
    assert rows["97"].error == "ValueError: two lines"
    assert "SIGABRT" in rows["98"].error
    assert {number: row.cell for number, row in rows.items() if row.is_faulty} == {"92": 2, "93": 2, "94": 2, "96": 2, "97": 3, "98": 2}
    assert all(row.peak_mb > 50 for row in rows.values())
    assert all(row.started and row.finished and "\n" not in row.error for row in rows.values())
    told = CliRunner().invoke(main, ["status"]).output
    assert "timeout: 93-endless · 东区 (cell 2): CellTimeoutError: The time was up in this cell: the report took longer than 8 s" in told


def test_reports_that_cannot_be_written_are_named(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    (workspace.reports / "2010-02").mkdir(parents=True)
    (workspace.reports / "2010-02" / "东区").write_text("a file where a folder should be")
    assert "failed: 91-fine · 东区" in run(code=1)
    assert states(workspace) == {"东区": "failed", "西区": "ok", "南区": "ok", "北区": "ok"}
    shutil.rmtree(workspace.reports)
    workspace.reports.write_text("no folder at all")
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 1
    assert f"{workspace.reports}, where the reports go, cannot be written: " in done.output


def test_inputs_that_change_while_others_read_them_are_noticed(workspace: Workspace) -> None:
    # 东区 writes into what was loaded for it; what it has read before stands, whoever reads that file after it is told
    part = "next((report.data.store.root / 'sales' / '东区').glob('*.parquet'))"
    change = f"if branch == '东区':\n    path = {part}\n    path.write_bytes(path.read_bytes()[:-9] + b'otherwise')"
    make(workspace, "91-own", "from g3lib import open_report\nreport = open_report('own', branch, period, lang)", change, "len(report.data.sales)")
    make(workspace, "92-area", "from g3lib import open_report", READS["92-area"])
    run("91", "--jobs", "2", code=1)
    run("92", "--jobs", "2", code=1)
    rows = ledger.read(workspace.reports / "2010-02")
    assert {key: row.state for key, row in rows.items() if row.state != "ok"} == {
        ("91-own", "东区"): "failed", ("92-area", "东区"): "failed", ("92-area", "西区"): "failed",
    }  # fmt: skip
    assert all("was changed since it was loaded" in row.error for row in rows.values() if row.is_faulty)


SCRATCH = """set -e
mkdir -p reports && mount -t tmpfs -o size={size} none reports && {before}
{python} -m g3lib.cli run --jobs 2 > first.txt 2>&1 || echo $? > first.code
cp -r reports seen; {after}
{python} -m g3lib.cli run --jobs 2 > second.txt 2>&1 || echo $? > second.code
cp -r reports seen2; umount reports"""


def in_a_small_place(workspace: Workspace, size: str, before: str, after: str) -> None:
    """Run twice where reports/ is a file system of its own, of that size, and something is done to it before and between."""
    script = SCRATCH.format(size=size, before=before, after=after, python=sys.executable)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, timeout=120)
    if "unshare failed" in done.stderr or "permission denied" in done.stderr.lower():
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("own_templates")
def test_a_full_disk_has_a_name_and_loses_nothing(workspace: Workspace) -> None:
    make(workspace, "91-small", "1 + 1")
    make(workspace, "92-large", "if branch == '东区':\n    print('x' * 3_000_000)")
    in_a_small_place(workspace, "8m", "head -c 5500000 /dev/zero > reports/others", "rm reports/others")
    first = ledger.read(workspace.root / "seen" / "2010-02")
    assert {key: row.state for key, row in first.items() if row.state != "ok"} == {("92-large", "东区"): "failed"}
    assert "No space left on device" in first["92-large", "东区"].error
    assert not list((workspace.root / "seen").rglob(".making-*"))
    assert not list((workspace.root / "seen").rglob(".*.tmp"))
    second = ledger.read(workspace.root / "seen2" / "2010-02")
    assert all(row.state == "ok" for row in second.values())
    assert all(second[key].finished == row.finished for key, row in first.items() if row.state == "ok")


@pytest.mark.usefixtures("own_templates")
@pytest.mark.parametrize(("before", "after", "said"), [
    ("cat /dev/zero > reports/others || true", "rm reports/others", "No space left on device|Is there room on the disk"),
    ("mount -o remount,ro reports", "mount -o remount,rw reports", "Read-only file system"),
], ids=["no room", "read-only"])  # fmt: skip
def test_reports_where_nothing_can_be_written_are_said(before: str, after: str, said: str, workspace: Workspace) -> None:
    make(workspace, "91-small", "1 + 1")
    in_a_small_place(workspace, "1m", before, after)
    assert (workspace.root / "first.code").read_text().strip() == "1"
    told = (workspace.root / "first.txt").read_text(encoding="utf-8")
    assert re.search(said, told)
    assert "Traceback" not in told
    assert all(row.state == "ok" for row in ledger.read(workspace.root / "seen2" / "2010-02").values())


def test_what_a_killed_writer_left_goes_and_what_one_writes_stays(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    workspace.reports.mkdir()
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True).stdout.strip()
    for writer in (dead, os.getppid()):
        (workspace.reports / f".index.html.{writer}.tmp").write_text("half")
    run("--branch", "东区")
    assert [path.name for path in workspace.reports.glob(".*.tmp")] == [f".index.html.{os.getppid()}.tmp"]


def test_what_was_half_published_goes_though_no_report_is_to_be_made(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    run()
    (workspace.reports / ".asked.json").unlink()  # it is written last: publishing never came to it
    halves = [workspace.reports / "2010-02" / name for name in (".findings.csv.9.tmp", "东区/.91-fine.html.9.tmp")]
    for half in halves:
        half.write_text("half", encoding="utf-8")
    made = ledger.read(workspace.reports / "2010-02")
    run()
    assert not [half for half in halves if half.exists()]
    assert {key: row.finished for key, row in ledger.read(workspace.reports / "2010-02").items()} == {k: r.finished for k, r in made.items()}


def test_a_damaged_ledger_says_what_to_do(workspace: Workspace) -> None:
    make(workspace, "91-fine", "1 + 1")
    workspace.reports.mkdir()
    (workspace.reports / ledger.FILE).write_bytes(b"no database " * 100)
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 1
    assert "move it away" in done.output


def test_the_failed_notebook_says_where_it_ended(workspace: Workspace) -> None:
    make(workspace, "92-exits", "import os; os._exit(7)", "never")
    run("--branch", "东区", code=1)
    saved = json.loads((workspace.reports / "2010-02" / "东区" / "92-exits.failed.ipynb").read_text(encoding="utf-8"))
    told = ["".join(o.get("evalue", "")) for c in saved["cells"] for o in c.get("outputs", ())]
    assert told == ["The kernel died in this cell: it ended itself with exit code 7."]

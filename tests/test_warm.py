"""Warm kernels: what they show is what ordinary ones show, they share nothing, and nothing of them is left."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
from papermill.exceptions import PapermillExecutionError
from processes import alive, by_number, describe

from g3lib.runs.warm import client, provisioner, roles
from g3lib.runs.warm.client import KERNELS, Template, TemplateGone, why_impossible
from g3lib.runs.warm.ending import Ending

pytestmark = pytest.mark.skipif(bool(why_impossible()), reason=why_impossible() or "Linux")


@pytest.fixture(scope="module")
def template():
    """A template of kernels, in this process's own keeping."""
    kept = Template("kernels")
    before = os.environ.get(KERNELS)
    os.environ[KERNELS] = kept.path
    yield kept
    os.environ.pop(KERNELS)
    if before:
        os.environ[KERNELS] = before
    kept.close()


def notebook(path: Path, *cells: str) -> Path:
    node = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    node.cells = [nbformat.v4.new_code_cell(source, id=f"cell{i}") for i, source in enumerate(cells)]
    nbformat.write(node, path)
    return path


def run(path: Path, out: Path, engine: str | None = "g3", **more: Any) -> Any:
    return papermill.execute_notebook(str(path), str(out), engine_name=engine, progress_bar=False, kernel_name="python3",
                                      extra_arguments=["--log-level=50"], **more)  # fmt: skip


def texts(path: Path) -> list[str]:
    plain = nbformat.read(path, as_version=4)
    return ["".join(o.get("text", "") or o.get("data", {}).get("text/plain", "") or o.get("evalue", "") for o in c.get("outputs", ())) for c in plain.cells]


def gone(pids: list[int], within: float = 5.0) -> bool:
    """Whether all of these processes end in time."""
    until = time.monotonic() + within
    while left := alive(by_number(pids)):
        if time.monotonic() > until:
            print("alive:", describe(left))
            return False
        time.sleep(0.05)
    return True


def shown(path: Path) -> list[tuple[Any, ...]]:
    """What a notebook shows: each cell's source, number and outputs."""
    return [(c.cell_type, c.source, c.get("execution_count"), json.dumps(c.get("outputs"), sort_keys=True)) for c in nbformat.read(path, as_version=4).cells]


# one branch of each kind; every branch is compared in tests/study, and forty reports in tests/bench/batch.py
SAME = [(f"0{n}", branch) for n in range(5) for branch in ("样例一区", "睢县")] + [("05", "样例省（虚构）"), ("06", "样例省（虚构）"), ("07", "样例二区"), ("08", "")]


@pytest.mark.parametrize(("number", "about"), SAME)
def test_outputs_are_those_of_stock_papermill(number: str, about: str, template: Template, root: Path, tmp_path: Path) -> None:
    (path,) = (root / "notebooks").glob(f"{number}-*.ipynb")
    unit = nbformat.read(path, as_version=4).metadata.g3.unit
    given = {unit: about} if about else {}
    for name, engine in (("stock", None), ("warm", "g3")):
        with contextlib.suppress(PapermillExecutionError):  # a branch without the notebook's data: both are to say so
            run(path, tmp_path / f"{name}.ipynb", engine, parameters=given, cwd=str(path.parent))
    assert shown(tmp_path / "warm.ipynb") == shown(tmp_path / "stock.ipynb")


MIXED = (
    "import sys, os, pandas as pd, numpy as np, matplotlib.pyplot as plt\nprint(sys.argv[1:2], sys.path[0], __name__, sys.flags.optimize)",
    "plt.plot([1, 3, 2]); plt.title('drawn by pyplot')",
    "pd.DataFrame({'a': [1.5, None]})",
    "%config InlineBackend.figure_format\n!echo from a shell",
    "import warnings; warnings.warn('heed'); print('err', file=sys.stderr)",
    "from IPython.display import HTML, display; display(HTML('<b>x</b>')); 7",
    "import ipywidgets; ipywidgets.IntSlider(value=3)",
    "import logging; logging.getLogger('a').warning('logged')",
    "import multiprocessing as mp; mp.get_start_method(), mp.current_process().name, os.getpid() == os.getpgid(0)",
    # where a debugger does not step into
    "own = get_ipython().kernel.debugger.kernel_modules\nlen(own) > 100, any('/g3lib/' in f or '/pandas/' in f for f in own), any('/ipykernel/ipkernel.py' in f for f in own)",
    "1 / 0",
)  # fmt: skip


def test_an_analysts_own_cells_show_what_they_show_in_stock_papermill(template: Template, tmp_path: Path) -> None:
    path = notebook(tmp_path / "mixed.ipynb", *MIXED)
    for name, engine in (("stock", None), ("warm", "g3")):
        with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
            run(path, tmp_path / f"{name}.ipynb", engine)

    def comparable(name: str) -> list[Any]:
        rows = []
        for cell in nbformat.read(tmp_path / f"{name}.ipynb", as_version=4).cells:
            outputs = json.loads(json.dumps(cell.get("outputs", [])))
            for output in outputs:  # what differs between two runs of the same engine too
                output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
                output["text"] = "".join(x for x in output.get("text", "") if not x.isdigit())
            rows.append((cell.source, outputs))
        return rows

    assert comparable("warm") == comparable("stock")


def test_forked_kernels_draw_different_numbers_unless_seeded(template: Template, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "import random, uuid, tempfile, numpy as np, os\nnp.random.rand(), random.random(), uuid.uuid4().hex, tempfile.mktemp(), os.urandom(4).hex()",
                    "np.random.seed(7); random.seed(7)\nnp.random.rand(), random.random()")  # fmt: skip
    drawn = []
    for i in range(2):
        run(path, tmp_path / f"{i}.ipynb")
        drawn.append(texts(tmp_path / f"{i}.ipynb"))
    free = [set(line[0].strip("()").split(", ")) for line in drawn]
    assert not free[0] & free[1]
    assert drawn[0][1] == drawn[1][1]


def test_kernels_share_no_history_no_socket_and_leave_no_file(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temp").mkdir()  # others write to the system's meanwhile
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temp"))
    inside = set(template.folder.iterdir())
    path = notebook(tmp_path / "n.ipynb", "ip = get_ipython(); ip.history_manager.hist_file", "x = 5", "ip.config.IPKernelApp.connection_file")
    seen = []
    for i in range(2):
        run(path, tmp_path / f"{i}.ipynb")
        seen.append(texts(tmp_path / f"{i}.ipynb"))
    assert [line[0] for line in seen] == ["':memory:'"] * 2
    assert set(template.folder.iterdir()) == inside
    assert list((tmp_path / "temp").iterdir()) == []


def test_a_dead_kernel_is_told_in_the_cell_where_it_died(template: Template, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "print('before')", "import os; print('last words', flush=True); os._exit(3)", "print('never')")
    ending = Ending()
    with pytest.raises(PapermillExecutionError, match="DeadKernelError"):
        run(path, tmp_path / "out.ipynb", ending=ending)
    saved = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    cells = [c for c in saved.cells if c.cell_type == "code"]
    assert [c.metadata.papermill.status for c in cells] == ["completed", "failed", "pending"]
    assert cells[1].outputs[-1].evalue == "The kernel died in this cell: it ended itself with exit code 3."
    assert not cells[2].outputs
    assert (ending.state, ending.cell, ending.lost) == ("dead kernel", 2, False)
    assert ending.peak_kb > 10_000


@pytest.mark.parametrize(("cell", "said"), [("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
                                            ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV")])  # fmt: skip
def test_how_a_kernel_died_is_said(cell: str, said: str, template: Template, tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match=said):
        run(notebook(tmp_path / "n.ipynb", cell), tmp_path / "out.ipynb")


@pytest.mark.parametrize(("cells", "where", "said"), [
    (("1", "quit()", "import time; time.sleep(1)", "2"), 2, "died in this cell: it ended itself, by quit or exit"),
    (("1", "exit()"), 2, "died in this cell: it ended itself, by quit or exit"),
    (("import os, threading; threading.Timer(0.3, os._exit, [4]).start()", "import time; time.sleep(1)", "2"), 2, "it ended itself with exit code 4"),
])  # fmt: skip
def test_a_kernel_that_ends_itself_is_told_where_it_did(cells: tuple[str, ...], where: int, said: str, template: Template, tmp_path: Path) -> None:
    ending = Ending()
    with pytest.raises(PapermillExecutionError, match=said):
        run(notebook(tmp_path / "n.ipynb", *cells), tmp_path / "out.ipynb", ending=ending)
    assert (ending.state, ending.cell) == ("dead kernel", where)
    saved = [c for c in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if c.cell_type == "code"]
    assert said in saved[where - 1].outputs[-1].evalue
    assert not any(cell.outputs for cell in saved[where:])


def test_a_kernel_that_dies_after_its_last_cell_is_told_there(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from g3lib.runs.warm.engine import WarmClient

    execute = WarmClient.papermill_execute_cells

    def then_killed(client: Any) -> None:
        execute(client)
        os.kill(client.km.provisioner.process.pid, signal.SIGKILL)

    monkeypatch.setattr(WarmClient, "papermill_execute_cells", then_killed)
    path, ending = notebook(tmp_path / "n.ipynb", "1", "2"), Ending()
    node = nbformat.read(path, as_version=4)
    node.cells.append(nbformat.v4.new_markdown_cell("last words, in no cell that runs"))
    nbformat.write(node, path)
    with pytest.raises(PapermillExecutionError, match="The kernel died after this cell: killed by SIGKILL"):
        run(path, tmp_path / "out.ipynb", ending=ending)
    assert (ending.state, ending.cell) == ("dead kernel", 2)


def test_a_cell_that_never_ends_is_told_and_its_kernel_is_gone(template: Template, tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", f"import os; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\nwhile True: pass", "1")
    ending = Ending()
    with pytest.raises(PapermillExecutionError, match="CellTimeoutError"):
        run(path, tmp_path / "out.ipynb", execution_timeout=1, ending=ending)
    assert (ending.state, ending.cell) == ("timeout", 1)
    assert gone([int((tmp_path / "pid").read_text())], 1.0)
    assert [c.metadata.papermill.status for c in nbformat.read(tmp_path / "out.ipynb", as_version=4).cells if c.cell_type == "code"] == ["failed", "pending"]


def test_who_writes_without_end_is_ended(template: Template, tmp_path: Path) -> None:
    ending = Ending()
    path = notebook(tmp_path / "n.ipynb", "for _ in range(200): print('x' * 1_000_000)")
    with pytest.raises(PapermillExecutionError, match="wrote more than 20 MB"):
        run(path, tmp_path / "out.ipynb", ending=ending)
    assert ending.state == "failed"
    assert (tmp_path / "out.ipynb").stat().st_size < 25 << 20


STRAY = """import os, subprocess, sys, time
a = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid
b = os.fork()
if b == 0:
    while True: time.sleep(1)
open({path!r}, 'w').write(f'{{a}} {{b}} {{os.getpid()}}')"""


def test_what_a_cell_started_ends_with_its_kernel(template: Template, tmp_path: Path) -> None:
    run(notebook(tmp_path / "n.ipynb", STRAY.format(path=str(tmp_path / "pids"))), tmp_path / "out.ipynb")
    assert gone([int(p) for p in (tmp_path / "pids").read_text().split()], 1.0)


OWNER = """import os, sys, papermill
papermill.execute_notebook({path!r}, None, engine_name='g3', progress_bar=False, kernel_name='python3')"""


# a process of several threads ends by its main thread first, and is a zombie with a child until the last one has ended
HALF_ENDED = """import ctypes, os, subprocess, sys, threading, time
from g3lib.runs.warm.descendants import adopt_orphans, end_all, kill_descendants
adopt_orphans()
if os.fork() == 0:
    os.setsid()
    threading.Thread(target=time.sleep, args=(600,)).start()
    stray = subprocess.Popen([sys.executable, '-c', 'import os, time; os.setsid(); time.sleep(600)'])
    print(os.getpid(), stray.pid, flush=True)
    ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)  # exit, of the main thread alone
time.sleep(0.5)
{ends}()"""


@pytest.mark.parametrize("ends", ["kill_descendants", "end_all"])
def test_what_a_process_started_that_has_half_ended_is_ended_too(ends: str) -> None:
    out = subprocess.run([sys.executable, "-c", HALF_ENDED.format(ends=ends)], capture_output=True, text=True, timeout=30).stdout
    assert len(out.split()) == 2
    assert gone([int(pid) for pid in out.split()], 1.0)


@pytest.mark.parametrize("victim", ["owner", "template"])
def test_nothing_outlives_its_owner_or_its_template(victim: str, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    path = notebook(tmp_path / "n.ipynb", STRAY.format(path=str(told)), "while True: pass")
    environment = {k: v for k, v in os.environ.items() if k != KERNELS}
    owner = subprocess.Popen([sys.executable, "-c", OWNER.format(path=str(path))], env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (told.exists() and len(told.read_text().split()) == 3):
        assert time.monotonic() < until
        time.sleep(0.05)
    one, forked, kernel = map(int, told.read_text().split())
    parent = psutil.Process(kernel).ppid()
    os.kill(owner.pid if victim == "owner" else parent, signal.SIGKILL)
    if victim == "owner":
        assert gone([one, forked, kernel, parent])
    else:  # what a cell started comes to whoever adopts it: a batch run does (test_batch.py)
        assert gone([kernel, parent])
        for pid in (one, forked):
            os.kill(pid, signal.SIGKILL)
    owner.wait(timeout=30)


def test_without_fork_there_is_an_ordinary_kernel_and_it_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(KERNELS, raising=False)
    monkeypatch.setattr(provisioner, "why_impossible", lambda: "no fork on this system")
    monkeypatch.setattr(provisioner, "_said", set())
    path = notebook(tmp_path / "n.ipynb", "import os; os.getppid()")
    for _ in range(2):
        run(path, tmp_path / "out.ipynb")
        assert texts(tmp_path / "out.ipynb") == [str(os.getpid())]
    assert [record.message for record in caplog.records if record.name == "g3lib"] == ["No warm kernels here, ordinary ones instead (slower to start): no fork on this system"]


def test_what_is_no_request_forks_nothing(template: Template) -> None:
    before = psutil.Process(template.process.pid).children()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(30)
        connection.connect(template.path)
        connection.send(b'{"env": {')
        assert connection.recv(10) == b""
    assert psutil.Process(template.process.pid).children() == before


def test_a_template_of_others_that_is_gone_costs_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv(KERNELS, str(tmp_path / "gone" / "s"))
    monkeypatch.setattr(provisioner, "_said", set())
    run(notebook(tmp_path / "n.ipynb", "import os; os.getppid()"), tmp_path / "out.ipynb")
    assert texts(tmp_path / "out.ipynb") == [str(os.getpid())]
    assert len([record for record in caplog.records if record.name == "g3lib"]) == 1


def test_a_template_without_a_place_for_its_socket_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(TemplateGone, match="cannot be started"):
        Template("kernels")


@pytest.mark.parametrize("module", roles._OF_A_KERNEL)
def test_what_a_template_imports_for_kernels_is_still_there(module: str) -> None:
    assert importlib.util.find_spec(module), "gone upstream: every kernel imports what has taken its place by itself"


def test_what_the_library_imports_late_is_found() -> None:
    found = roles._late_modules()
    assert {"seaborn", "pptx.chart.data", "statsmodels.stats.proportion"} <= set(found)
    assert [module for module in found if not importlib.util.find_spec(module)] == []


def test_a_template_that_breaks_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(KERNELS, raising=False)
    monkeypatch.setattr(provisioner, "_said", set())
    monkeypatch.setattr(provisioner, "_OWN", provisioner._Own())
    started: list[str] = []

    class Broken(Template):
        def __init__(self, role: str) -> None:
            started.append(role)
            super().__init__("a role that there is not")

    monkeypatch.setattr(provisioner, "Template", Broken)
    path = notebook(tmp_path / "n.ipynb", "import os; os.getppid()")
    for _ in range(2):
        run(path, tmp_path / "out.ipynb")
        assert texts(tmp_path / "out.ipynb") == [str(os.getpid())]
    assert started == ["kernels"]
    assert len([record for record in caplog.records if record.name == "g3lib"]) == 1


def test_a_library_that_changed_is_imported_anew_and_ends_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioner, "why_impossible", lambda: "")
    own = provisioner._Own()

    def request() -> dict[str, Any]:
        return {"argv": ["ipykernel_launcher", "-f", str(tmp_path / f"{next(number)}.json")], "env": dict(os.environ), "cwd": os.getcwd()}

    number = itertools.count()
    try:
        kernels, templates = [], []
        for library in ("one", "one", "two"):
            monkeypatch.setattr(client, "library_now", lambda library=library: library)
            kernels.append(own.fork(request()))
            templates.append(own.templates[-1].process.pid)
        assert templates[0] == templates[1] != templates[2]
        # an analyst's kernel with hours of work in it lives on, and what it was forked from goes with it
        assert [kernel.poll() for kernel in kernels] == [None] * 3
        for kernel in kernels[:2]:
            kernel.kill()
            kernel.wait(5)
        assert gone([kernel.pid for kernel in kernels[:2]])
        own.fork(request())
        assert [template.process.pid for template in own.templates] == [templates[2]]
    finally:
        own.close()
    assert gone([kernels[2].pid, *templates])


def test_the_command_of_papermill_takes_it_by_its_name(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "import os, psutil; ' '.join(psutil.Process(os.getppid()).cmdline())")
    subprocess.run([sys.executable, "-m", "papermill", "--engine", "g3", str(path), str(tmp_path / "out.ipynb")], check=True, capture_output=True)
    assert "g3lib.runs.warm.template" in texts(tmp_path / "out.ipynb")[0]


def test_nbval_takes_it_by_the_environment(tmp_path: Path, root: Path) -> None:
    """The stored output is what a warm kernel shows, so the test passes only in one."""
    path = notebook(tmp_path / "n.ipynb", "import os, psutil; 'g3lib.runs.warm.template' in ' '.join(psutil.Process(os.getppid()).cmdline())")
    node = nbformat.read(path, as_version=4)
    node.cells[0].outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "True"}, execution_count=1)]
    node.cells[0].execution_count = 1
    nbformat.write(node, path)
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(path)]
    for given, code in (({"JUPYTER_DEFAULT_PROVISIONER_NAME": provisioner.NAME}, 0), ({}, 1)):
        done = subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == code, done.stdout


def test_jupyterlab_gets_one_interrupts_and_restarts_it(template: Template, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server does with a kernel: start over TCP, interrupt, restart, shut down."""
    from jupyter_client.multikernelmanager import MultiKernelManager
    from jupyter_client.provisioning import KernelProvisionerFactory

    KernelProvisionerFactory.clear_instance()  # it read the environment when it was made
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", provisioner.NAME)
    manager = MultiKernelManager(default_kernel_name="python3", connection_dir=str(tmp_path))
    name = manager.start_kernel(extra_arguments=["--log-level=50"])
    kernel = manager.get_kernel(name)
    client = kernel.client()
    client.start_channels()
    client.wait_for_ready(timeout=30)
    first = kernel.provisioner.pid
    assert psutil.Process(first).ppid() == template.process.pid
    client.execute("import time; time.sleep(60)")
    time.sleep(0.5)
    kernel.interrupt_kernel()
    assert client.get_shell_msg(timeout=10)["content"]["ename"] == "KeyboardInterrupt"
    kernel.restart_kernel()
    client.wait_for_ready(timeout=30)
    second = kernel.provisioner.pid
    assert second != first and gone([first])
    manager.shutdown_kernel(name)
    client.stop_channels()
    assert gone([second])
    KernelProvisionerFactory.clear_instance()


def test_another_environments_kernel_is_not_ours() -> None:
    ours = [sys.executable, "-m", "ipykernel_launcher", "-f", "x"]
    assert provisioner._is_ours(ours)
    assert not provisioner._is_ours(["/usr/bin/python3", *ours[1:]])
    assert not provisioner._is_ours([sys.executable, "-m", "xeus", "-f", "x"])
    assert not provisioner._is_ours([])


def test_a_template_that_is_gone_is_told_so() -> None:
    kept = Template("kernels")
    kept.close()
    with pytest.raises(TemplateGone, match="does not answer"):
        kept.fork({})
    assert not kept.folder.exists()

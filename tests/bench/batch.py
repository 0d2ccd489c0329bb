"""What the batch engine costs, as ratios in one run: `make bench` prints the table and writes reports/bench/batch.json.

The same reports of a made-up province are made by papermill's and nbconvert's commands (one after another, then two at a time), by
a loop in one process, by `g3 run`, and their cells and pages in one warm process: the floor that no engine goes below. Whatever
stock papermill shows is compared with what ours shows, cell by cell. A machine that is shared is a third slower at one minute than
at the next, so `g3 run` is measured anew before and after each of the others and compared with the mean of the two. Then: a rerun of
400 reports with nothing changed, the cost a report from 40 to 1,000 of them, the memory of a kernel, the size of a page. Seconds
belong to the machine; compare the ratios.

    python tests/bench/batch.py [BRANCHES]      how many branches (7: 44 reports, some 45 minutes)
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import psutil

ROOT = Path(__file__).resolve().parents[2]
G3 = [sys.executable, "-m", "g3lib.cli"]
JOBS, FLOORS = 2, 3
BESIDE = {"G3_WORKBOOK": ".xlsx", "G3_DECK": ".pptx"}
FIGURES: dict[str, Any] = {}


class Used(NamedTuple):
    """CPU seconds, those of them that the system took, and pages that were touched for the first time or copied."""

    cpu: float
    system: float
    faults: float

    def beyond(self, other: Used, reports: int) -> Used:
        """What was used more, a report."""
        return Used(*((ours - theirs) / reports for ours, theirs in zip(self, other, strict=True)))


def timed(action: Callable[[], Any]) -> tuple[float, Used, Any]:
    """Seconds on the clock, what every process below this one used, and what came of it."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = action()
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = now.ru_utime - before.ru_utime, now.ru_stime - before.ru_stime
    return time.perf_counter() - started, Used(user + system, system, now.ru_minflt - before.ru_minflt), result


def emptied() -> Path:
    """A workspace of its own with no notebook, and nothing in its store."""
    folder = Path(tempfile.mkdtemp(prefix="g3-bench-"))
    os.environ |= {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key"), "OMP_NUM_THREADS": "1"}
    for place in ("data", "notebooks"):
        (folder / place).mkdir()
    return folder


def workspace(branches: int) -> Path:
    """A workspace of its own, with a made-up province in its store."""
    folder = emptied()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", dirs_exist_ok=True)
    quiet([*G3, "sample", "--branches", str(branches), "--out", str(folder / "sample")], folder)
    quiet([*G3, "load", str(folder / "sample")], folder)
    return folder


def quiet(command: list[str], folder: Path, beside: Path | None = None) -> str:
    """Run a command; what a notebook writes beside its page goes beside that path, as ours does."""
    files = {name: str(beside.with_suffix(suffix)) for name, suffix in BESIDE.items()} if beside else {}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **files})
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def made(folder: Path) -> list[dict[str, Any]]:
    """The ledger's rows of reports that were made."""
    rows = [row for path in (folder / "reports").glob("*/run.json") for row in json.loads(path.read_text(encoding="utf-8"))["reports"]]
    return [row for row in rows if row["state"] == "ok"]


def stock(folder: Path, out: Path, rows: list[dict[str, Any]], at_once: int) -> None:
    """papermill's command, then nbconvert's, for each report."""

    def make(row: dict[str, Any]) -> None:
        notebook, name = folder / "notebooks" / f"{row['notebook']}.ipynb", out / f"{row['notebook']}-{row['branch']}.ipynb"
        given = [part for key, value in row["parameters"].items() for part in ("-p", key, str(value))]
        for command in (
            ["papermill", str(notebook), str(name), "--cwd", str(notebook.parent), "--no-progress-bar", *given],
            ["jupyter", "nbconvert", "--to", "html", str(name)],
        ):
            quiet([sys.executable, "-m", *command], notebook.parent, name)

    out.mkdir()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(make, rows))


LOOP = """import json, sys
import papermill
from g3lib.report.html import report_html
folder, out = sys.argv[1:3]
for row in json.load(open(sys.argv[3], encoding="utf-8")):
    name = f"{row['notebook']}-{row['branch']}"
    done = papermill.execute_notebook(f"{folder}/notebooks/{row['notebook']}.ipynb", f"{out}/{name}.ipynb", row["parameters"],
                                      cwd=f"{folder}/notebooks", progress_bar=False)
    open(f"{out}/{name}.html", "w", encoding="utf-8").write(report_html(done, name, "zh"))
"""

FLOOR = """import json, os, resource, sys, time
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from g3lib.report.html import report_html
os.chdir(f"{sys.argv[1]}/notebooks")
shell = InteractiveShell.instance()
import matplotlib
matplotlib.use("module://matplotlib_inline.backend_inline")
rows = json.load(open(sys.argv[3], encoding="utf-8"))
def report(row):
    notebook = nbformat.read(f"{row['notebook']}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            with capture_output() as shown:
                result = shell.run_cell(cell.source)
            result.raise_error()
            cell.outputs = [nbformat.v4.new_output("display_data", one.data) for one in shown.outputs]
            if "parameters" in cell.metadata.get("tags", []):
                shell.user_ns.update(row["parameters"])
    report_html(notebook, row["branch"], "zh")
    shell.reset(new_session=False)
for row in {row["notebook"]: row for row in rows}.values():  # the process is warm when each has run once
    report(row)
clock, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
for row in rows:
    report(row)
now = resource.getrusage(resource.RUSAGE_SELF)
user, system = now.ru_utime - before.ru_utime, now.ru_stime - before.ru_stime
print(time.perf_counter() - clock, user + system, system, now.ru_minflt - before.ru_minflt)
"""


def script(text: str, folder: Path, rows: list[dict[str, Any]], name: str = "out") -> str:
    """Run one of the scripts above on these reports."""
    listed, out = folder / f"{name}.json", folder / name
    listed.write_text(json.dumps(rows), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return quiet([sys.executable, "-c", text, str(folder), str(out), str(listed)], folder, out / "beside")


def shown(path: Path) -> list[Any]:
    return [(c.source, c.get("execution_count"), c.get("outputs")) for c in nbformat.read(path, as_version=4).cells]


class Ours(NamedTuple):
    """One `g3 run` of all reports, or the mean of two."""

    seconds: float
    used: Used

    def mean(self, other: Ours) -> Ours:
        return Ours((self.seconds + other.seconds) / 2, Used(*(sum(both) / 2 for both in zip(self.used, other.used, strict=True))))


def run_anew(folder: Path) -> Ours:
    shutil.rmtree(folder / "reports", ignore_errors=True)
    return Ours(*timed(lambda: quiet([*G3, "run", "--jobs", str(JOBS)], folder))[:2])


def middle(values: Iterable[float]) -> float:
    return float(statistics.median(values))


def speed(branches: int) -> None:
    """Ours against stock and against the floor."""
    folder = workspace(branches)
    every, floors = [run_anew(folder)], list[list[float]]()
    rows = made(folder)
    for _ in range(FLOORS):
        floors.append(list(map(float, script(FLOOR, folder, rows).split())))
        every.append(run_anew(folder))
    beside = [before.mean(after) for before, after in itertools.pairwise(every)]
    over = [ours.used.beyond(Used(*floor[1:]), len(rows)) for ours, floor in zip(beside, floors, strict=True)]
    FIGURES.update(
        reports=len(rows), floor_s=middle(floor[0] / JOBS for floor in floors),
        times_the_floor=middle(ours.seconds / (floor[0] / JOBS) for ours, floor in zip(beside, floors, strict=True)),
        overhead_cpu_s_per_report=middle(one.cpu for one in over), overhead_system_s_per_report=middle(one.system for one in over),
        overhead_page_faults_per_report=middle(one.faults for one in over),
    )  # fmt: skip
    # two processors that share a core are not two: what the floor would be if one could be had
    with ThreadPoolExecutor(JOBS) as pool:
        halves = pool.map(lambda i: script(FLOOR, folder, rows[i::JOBS], f"half{i}"), range(JOBS))
        FIGURES["floor_two_at_once_s"] = sum(float(half.split()[0]) for half in halves) / JOBS
    say()
    for name, make in {
        "stock_pool_of_two": lambda: stock(folder, folder / "two", rows, JOBS),
        "stock_one_by_one": lambda: stock(folder, folder / "one", rows, 1),
        "stock_loop_in_one_process": lambda: script(LOOP, folder, rows),
    }.items():
        before, FIGURES[f"{name}_s"] = every[-1], timed(make)[0]
        every.append(run_anew(folder))
        FIGURES[f"times_faster_than_{name}"] = FIGURES[f"{name}_s"] / before.mean(every[-1]).seconds
        say(f"{name}_s", f"times_faster_than_{name}")
    FIGURES["ours_s"] = middle(one.seconds for one in every)
    FIGURES["ours_each_s"] = [round(one.seconds, 1) for one in every]
    for row in rows:
        ours = (folder / "reports" / row["period"] / row["html"]).with_suffix(".ipynb")
        assert shown(ours) == shown(folder / "one" / f"{row['notebook']}-{row['branch']}.ipynb"), row
    FIGURES["outputs_equal_stock"] = len(rows)
    pages = [(folder / "reports" / row["period"] / row["html"]).read_text(encoding="utf-8") for row in rows]
    FIGURES["html_overhead_bytes"] = max(map(overhead, pages))
    one = rows[0]["branch"]
    shutil.rmtree(folder / "reports")
    FIGURES["first_report_s"] = timed(lambda: quiet([*G3, "run", "02", "--branch", one], folder))[0]
    FIGURES["kernel_pss_mb"] = kernel_pss(8)
    FIGURES["kernels_in_reports"], FIGURES["report_pss_mb"], FIGURES["report_uss_mb"] = report_memory(folder)
    shutil.rmtree(folder)


def overhead(page: str) -> int:
    """A page's bytes beside its images and its text."""
    body = re.sub(r'src="data:image/[^"]*"', "", page)
    text = re.sub(r"<(style|script)\b.*?</\1>", "", body, flags=re.DOTALL)
    return len(body.encode()) - sum(len(words.strip().encode()) for words in re.findall(r">([^<]*)<", text))


IMPORTS = """from g3lib import charts, claims, open_report, subsidy, targets"""


def kernel_pss(count: int) -> float:
    """Mean proportional set size, MB, of so many kernels that have run a notebook's imports: what a kernel is before its data."""
    from jupyter_client.manager import KernelManager

    from g3lib.runs.warm.client import KERNELS, Template
    from g3lib.runs.warm.provisioner import NAME

    kept = Template("kernels")
    os.environ |= {KERNELS: kept.path, "JUPYTER_DEFAULT_PROVISIONER_NAME": NAME}
    managers, clients = [KernelManager() for _ in range(count)], []
    for manager in managers:
        manager.start_kernel(extra_arguments=["--log-level=50"])
        clients.append(manager.blocking_client())
        clients[-1].start_channels()
        clients[-1].wait_for_ready(timeout=60)
        clients[-1].execute_interactive(IMPORTS)
    sizes = [psutil.Process(manager.provisioner.pid).memory_full_info().pss for manager in managers]
    for manager, client in zip(managers, clients, strict=True):
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    kept.close()
    return sum(sizes) / count / 2**20


def report_memory(folder: Path) -> tuple[int, float, float]:
    """Kernels at work in `g3 run`, seen every tenth of a second: their number, and the median of their largest proportional and
    private memory, MB. The data that a report reads and the figures that it draws are in it."""
    process = psutil.Popen([*G3, "run", "02", "--force", "--jobs", str(JOBS)], cwd=folder, stdout=subprocess.DEVNULL)
    proportional, private = dict[int, int](), dict[int, int]()
    while process.poll() is None:
        with contextlib.suppress(psutil.Error):
            for kernel in [k for t in process.children() if "kernels" in t.cmdline() for k in t.children()]:
                with contextlib.suppress(psutil.Error):
                    now = kernel.memory_full_info()
                    proportional[kernel.pid] = max(now.pss, proportional.get(kernel.pid, 0))
                    private[kernel.pid] = max(now.uss, private.get(kernel.pid, 0))
        time.sleep(0.1)
    assert process.returncode == 0
    return len(private), statistics.median(proportional.values()) / 2**20, statistics.median(private.values()) / 2**20


LIGHT = (
    "from g3lib import open_report\n\nreport = open_report('light', branch, period, lang)\ndata = report.data\nreport",
    "by_channel = data.within(data.sales).groupby('channel', as_index=False)['units'].sum()\nby_channel",
    "report.provenance()",
)


def flat(counts: tuple[int, ...]) -> None:
    """The engine alone: a light notebook for more and more branches, and once more with nothing changed."""
    folder = emptied()
    names = [f"分公司{i:04}" for i in range(max(counts))]
    rows = [f"{name},2013-{m:02},{c},{m}" for name in names for m in range(1, 13) for c in ("自营", "社会")]
    (folder / "light.csv").write_text("\n".join(["分公司,月份,渠道,台数", *rows]), encoding="utf-8")
    quiet([*G3, "load", str(folder / "light.csv")], folder)
    about = {"unit": "branch", "needs": ["sales"], "title": {"zh": "轻", "en": "light"}, "question": {"zh": "？", "en": "?"}}
    node = nbformat.v4.new_notebook(metadata={"g3": about, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    node.cells = [nbformat.v4.new_code_cell('branch: str = ""\nperiod: str = ""\nlang: str = "zh"', metadata={"tags": ["parameters"]})]
    node.cells += [nbformat.v4.new_code_cell(source) for source in LIGHT]
    nbformat.write(node, folder / "notebooks" / "90-light.ipynb")
    for count in counts:
        shutil.rmtree(folder / "reports", ignore_errors=True)
        command = [*G3, "run", "--jobs", str(JOBS), *(part for name in names[:count] for part in ("--branch", name))]
        seconds, used, peak = timed(lambda command=command: watched(command, folder))
        assert len(made(folder)) == count
        FIGURES[f"light_{count}"] = {"wall_s_per_report": seconds / count, "cpu_s_per_report": used.cpu / count, "runner_peak_mb": peak}
        if count == 400:
            FIGURES["rerun_unchanged_400_s"] = timed(lambda command=command: quiet(command, folder))[0]
            # the same once more without the note of the run before: everything is planned and found made
            (folder / "reports" / ".asked.json").unlink()
            FIGURES["rerun_planned_400_s"] = timed(lambda command=command: quiet(command, folder))[0]
    shutil.rmtree(folder)


def watched(command: list[str], folder: Path) -> float:
    """Run a command; returns the most memory that its own process had resident, MB."""
    process = psutil.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        with_memory = process.memory_info().rss if process.is_running() and process.status() != psutil.STATUS_ZOMBIE else 0
        peak = max(peak, with_memory)
        time.sleep(0.05)
    assert process.returncode == 0
    return peak / 2**20


OPENED = "document.querySelector('#count').textContent === '3000 / 3000'"
PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def long_index() -> None:
    """An index of 3,000 branches by 8 notebooks in Chromium: from the call to the paint, and from a typed word to the paint."""
    from playwright.sync_api import sync_playwright

    from g3lib.report.index import index_html
    from g3lib.runs.ledger import Row

    plain = dict.fromkeys(("unit", "period", "denominator", "definition"), "") | {"name": "f", "value": 1.0, "status": "good", "headline": True}
    rows = [Row(f"{n:02}-notebook", f"分公司{b:04}", "2013-12", "ok", html=f"分公司{b:04}/{n:02}.html",
                findings=[plain | {"text": f"分公司{b:04}2013-12补贴{b % 97}.{n}5万元，补贴率{b % 41}.{n}6%；{n}台超出规则，多补{b}元。"}])
            for b in range(3000) for n in range(8)]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "index.html"
        path.write_text(index_html("2013-12", rows, {}, "zh"), encoding="utf-8")
        FIGURES["index_3000_by_8_mb"] = path.stat().st_size / 2**20
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened, typed = [], []
        for _ in range(3):
            page = browser.new_page()
            begun = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_function(OPENED)
            page.evaluate(PAINTED)
            opened.append(time.perf_counter() - begun)
            for word in ("分公司12", "41.36", ""):
                begun = time.perf_counter()
                page.fill("input", word)
                page.evaluate(PAINTED)
                typed.append(time.perf_counter() - begun)
            page.close()
        browser.close()
    FIGURES.update(index_3000_by_8_open_s=sorted(opened)[1], index_3000_by_8_filter_s=max(typed))


# what we hold ourselves to: at least where the number is negative
BARS = {
    "times_faster_than_stock_one_by_one": -10.0, "times_faster_than_stock_pool_of_two": -5.0, "times_the_floor": 1.25,
    "overhead_cpu_s_per_report": 0.15, "rerun_unchanged_400_s": 1.0, "kernel_pss_mb": 60.0, "html_overhead_bytes": 61_440.0,
    "help_s": 0.3, "import_g3lib_s": 0.1, "first_report_s": 8.0, "index_3000_by_8_open_s": 1.0,
}  # fmt: skip


def missed() -> list[str]:
    """The bars that this run did not clear."""
    return [name for name, bar in BARS.items() if (FIGURES[name] > bar if bar > 0 else FIGURES[name] < -bar)]


def say(*names: str) -> None:
    for name in names or FIGURES:
        value, bar = FIGURES[name], BARS.get(name)
        shown = f"{name:34}{value:>12.3f}" if isinstance(value, float) else f"{name:34}{value!s:>12}"
        print(shown if bar is None else f"{shown}   {'at least' if bar < 0 else 'at most'} {abs(bar):g}", flush=True)


def main() -> None:
    FIGURES["import_g3lib_s"] = min(timed(lambda: quiet([sys.executable, "-c", "import g3lib"], ROOT))[0] for _ in range(5))
    FIGURES["help_s"] = min(timed(lambda: quiet([*G3, "--help"], ROOT))[0] for _ in range(5))
    speed(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    flat((40, 400, 1000))
    long_index()
    FIGURES["missed"] = missed()
    say()
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in FIGURES.items()}
    (out / "batch.json").write_text(json.dumps(rounded, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

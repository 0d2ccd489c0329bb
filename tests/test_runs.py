"""Runs: parameters are checked first, failures are told, hostile names stay text, files are whole."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from g3lib.cli import main
from g3lib.errors import UsageError
from g3lib.names import safe_name
from g3lib.report.html import report_html
from g3lib.report.index import index_html
from g3lib.runs import batch, ledger
from g3lib.runs.crew import Crew
from g3lib.runs.notebooks import Notebook, find
from g3lib.tables import adding
from g3lib.tables.workspace import Workspace

HOSTILE = "<script>alert(1)</script>{{7*7}}'); import os"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Workspace:
    """A workspace with a store of its own."""
    (tmp_path / "data").mkdir()
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path)


def load(workspace: Workspace, name: str, *rows: str) -> None:
    path = workspace.root / name
    path.write_text("\n".join(rows), encoding="utf-8")
    done = CliRunner().invoke(main, ["load", str(path)])
    assert done.exit_code == 0, done.output


def sales(workspace: Workspace, branch: str) -> None:
    cell = '"' + branch.replace('"', '""') + '"'
    rows = [f"{cell},2010-0{m},{c},{10 * m}" for m in (1, 2) for c in ("自营", "社会")]
    load(workspace, f"{safe_name(branch)}.csv", "分公司,月份,渠道,台数", *rows)


def make(workspace: Workspace, notebook: str, **cells: str) -> None:
    """A small notebook: one cell of parameters, then the given ones."""
    node = nbformat.v4.new_notebook(metadata={"g3": {"unit": "branch", "needs": ["sales"]}, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    first = nbformat.v4.new_code_cell('branch: str = ""\nperiod: str = ""\nlang: str = "zh"')
    first["metadata"]["tags"] = ["parameters"]
    node.cells = [first, *(nbformat.v4.new_code_cell(source) for source in cells.values())]
    nbformat.write(node, workspace.notebooks / f"{notebook}.ipynb")


@pytest.mark.parametrize("name", ["../up", "a\0b", "😀", "长" * 300, "CON", "nul.txt", "a/b", "a\\b", "", " ", ".", "..", "a:b"])
def test_file_names_are_safe(name: str, tmp_path: Path) -> None:
    safe = safe_name(name)
    (tmp_path / safe).mkdir()
    assert (tmp_path / safe).parent == tmp_path
    assert len(safe.encode()) < 200
    assert not set(safe) & set('<>:"/\\|?*\0')


def test_names_that_differ_only_in_case_get_two_folders() -> None:
    assert len({safe_name(n).casefold() for n in ("East", "EAST", "east", "eAst")}) == 4


def test_an_unknown_parameter_is_refused_before_any_kernel(root: Path) -> None:
    notebook = Notebook(root / "notebooks" / "01-subsidy-efficiency.ipynb")
    with pytest.raises(UsageError, match=r"2 faults(.|\n)*'brnch' is no parameter(.|\n)*tolerance is 'much', expected float"):
        notebook.checked({"brnch": "睢县", "tolerance": "much"})


def test_types_are_settled_before_papermill_sees_them(root: Path) -> None:
    notebook = Notebook(root / "notebooks" / "01-subsidy-efficiency.ipynb")
    assert notebook.checked({"tolerance": "0.05", "branch": "06037"}) == {"tolerance": 0.05, "branch": "06037"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "99"], "'99' is no notebook"),
        (["run", "02", "--period", "2010-13"], "'2010-13' is no period"),
        (["run", "02", "--branch", "火星"], "'火星' has no rows"),
        (["run", "02", "-p", "foo", "1"], "'foo' is no parameter"),
        (["check", "--table", "stars", "x.csv"], "'stars' is unknown"),
    ],
)
def test_wrong_use_is_exit_code_2(workspace: Workspace, arguments: list[str], said: str) -> None:
    sales(workspace, "东区")
    (workspace.root / "x.csv").write_text("a,b\n1,2\n")
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_outside_a_workspace_the_message_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["run"])
    assert done.exit_code == 2
    assert "notebooks/ and data/" in done.output


def test_one_failure_does_not_stop_the_others_and_is_told(workspace: Workspace) -> None:
    sales(workspace, "东区")
    make(workspace, "91-fine", a="1 + 1")
    make(workspace, "92-broken", a="raise ValueError('no such\\nluck')")
    make(workspace, "93-dies", a="import os; os._exit(3)")
    make(workspace, "94-empty", a="from g3lib.errors import NoData; raise NoData('nothing here')")
    done = CliRunner().invoke(main, ["run", "91", "92", "93", "94", "--jobs", "2"])
    assert done.exit_code == 1
    assert "1 reports ok (0 of them unchanged), 1 dead kernel, 1 failed, 1 skipped: no data" in done.output
    rows = ledger.read(workspace.reports / "2010-02")
    assert rows["92-broken", "东区"].error == "ValueError: no such luck"
    assert rows["93-dies", "东区"].state == "dead kernel"
    assert "died" in rows["93-dies", "东区"].error.casefold()
    folder = workspace.reports / "2010-02" / "东区"
    assert sorted(p.name for p in folder.iterdir()) == ["91-fine.html", "91-fine.ipynb", "92-broken.failed.ipynb", "93-dies.failed.ipynb"]
    status = CliRunner().invoke(main, ["status"])
    assert status.exit_code == 1
    assert "1 ok, 1 dead kernel, 1 failed, 1 skipped" in status.output


def test_a_report_that_fails_later_stands_aside_and_says_so(workspace: Workspace) -> None:
    sales(workspace, "东区")
    make(workspace, "91-fine", a="1 + 1")
    assert CliRunner().invoke(main, ["run", "91"]).exit_code == 0
    make(workspace, "91-fine", a="1 / 0")
    assert CliRunner().invoke(main, ["run", "91"]).exit_code == 1
    folder = workspace.reports / "2010-02"
    left = ["91-fine.earlier.html", "91-fine.earlier.ipynb", "91-fine.failed.ipynb"]
    assert sorted(p.name for p in (folder / "东区").iterdir()) == left
    assert "这是上一次成功生成的报告" in (folder / "东区" / left[0]).read_text(encoding="utf-8")
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert "1 / 0" not in index
    assert "91-fine.earlier.html" in index
    assert CliRunner().invoke(main, ["run", "91"]).exit_code == 1  # a second failure takes nothing away
    assert sorted(p.name for p in (folder / "东区").iterdir()) == left
    make(workspace, "91-fine", a="1 + 1")
    assert CliRunner().invoke(main, ["run", "91"]).exit_code == 0
    assert sorted(p.name for p in (folder / "东区").iterdir()) == ["91-fine.html", "91-fine.ipynb"]


@pytest.mark.usefixtures("own_templates")
def test_a_report_that_kills_what_its_kernel_was_forked_from_takes_no_other_along(workspace: Workspace) -> None:
    sales(workspace, "东区")
    make(workspace, "91-fine", a="1 + 1")
    make(workspace, "92-kills", a="import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(9)")
    planned = batch.plan(workspace, find(workspace.notebooks, ["91", "92"]))
    rows: list[ledger.Row] = []
    with Crew(1) as crew:
        batch.execute(planned, crew, rows.append)
    assert {(row.notebook, row.state) for row in rows} == {("91-fine", "ok"), ("92-kills", "dead kernel")}


def test_a_kernel_that_dies_at_its_start_is_started_once_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    sales(workspace, "东区")
    make(workspace, "90-any", cell="1 + 1")
    tried = workspace.root / "tried"
    started = "import os, sys; a = sys.argv; new = not os.path.exists(a[1]); open(a[1], 'a').write('x'); " \
        "sys.exit(1) if new else os.execv(sys.executable, [sys.executable, '-m', 'ipykernel_launcher', '-f', *a[2:]])"  # fmt: skip
    spec = workspace.root / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-c", started, str(tried), "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "dies first", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(workspace.root / "jupyter"))
    planned = batch.plan(workspace, [one for one in find(workspace.notebooks) if one.path.stem == "90-any"])
    rows: list = []
    with Crew(1) as crew:
        batch.execute(planned, crew, rows.append)
    assert [row.state for row in rows] == ["ok"], rows
    assert tried.read_text() == "xx"


def test_hostile_names_are_text_everywhere(workspace: Workspace) -> None:
    sales(workspace, HOSTILE)
    done = CliRunner().invoke(main, ["run", "02"])
    assert done.exit_code == 0, done.output
    (page,) = (workspace.reports / "2010-02").glob("*/02-channel-contribution.html")
    for text in (page.read_text(encoding="utf-8"), (workspace.reports / "2010-02" / "index.html").read_text(encoding="utf-8")):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
        assert "{{7*7}}" in text
    assert page.resolve().is_relative_to(workspace.reports.resolve())


def test_findings_csv_holds_no_live_formula() -> None:
    row = ledger.Row("n", "=cmd()", "2010-01", "ok", findings=[{"name": "x", "value": -0.5, "text": "+cmd|x"}])
    line = ledger.findings_csv([row]).splitlines()[1]
    assert line.startswith("'=cmd(),n,x,-0.5,")
    assert ",'+cmd|x," in line


def test_an_index_puts_breaches_first_and_survives_a_failed_report() -> None:
    def row(branch: str, state: str, status: str = "good") -> ledger.Row:
        finding = {"name": "f", "value": 1.0, "unit": "", "period": "", "denominator": "", "definition": "", "text": f"结论{branch}",
                   "status": status, "headline": True}  # fmt: skip
        return ledger.Row("02-channel-contribution", branch, "2010-01", state, html="x.html" if state == "ok" else "",
                          error="ValueError: <b>", findings=[finding] if state == "ok" else [])  # fmt: skip

    text = index_html("2010-01", [row("甲", "ok"), row("乙", "ok", "breach"), row("丙", "failed")], {}, "zh")
    assert text.index(">乙</th>") < text.index(">甲</th>")
    assert text.index(">丙</th>") < text.index(">乙</th>")  # of a report that failed nobody knows what is in it
    assert "ValueError: &lt;b&gt;" in text
    silent = index_html("2010-01", [ledger.Row("97-own", "甲", "2010-01", "ok", html="x.html")], {}, "zh")
    assert 'href="x.html">完成</a>' in silent  # a report without a headline can be opened all the same


def test_the_period_without_rows_is_skipped(workspace: Workspace) -> None:
    sales(workspace, "东区")
    planned = batch.plan(workspace, find(workspace.notebooks, ["02"]), period="2011-05")
    assert planned.tasks == []
    assert [(row.state, row.error) for row in planned.settled] == [("skipped", "东区 has no rows in 2011-05.")]


def test_changed_data_of_one_branch_redoes_that_branch_only(workspace: Workspace) -> None:
    sales(workspace, "东区")
    sales(workspace, "西区")
    assert CliRunner().invoke(main, ["run", "02"]).exit_code == 0
    load(workspace, "西区-更正.csv", "分公司,月份,渠道,台数", "西区,2010-01,自营,99", "西区,2010-02,自营,98")
    planned = batch.plan(workspace, find(workspace.notebooks, ["02"]))
    assert [task.branch for task in planned.tasks] == ["西区"]


def test_an_error_in_a_notebook_is_escaped_in_html() -> None:
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("error", ename="E", evalue="<script>", traceback=[])])
    text = report_html(nbformat.v4.new_notebook(cells=[cell]), "<title>", "en")
    assert "E: &lt;script&gt;" in text
    assert "<title>&lt;title&gt;</title>" in text


def test_help_and_version_answer(root: Path) -> None:
    assert CliRunner().invoke(main, ["--help"]).exit_code == 0
    assert "0.1.0" in CliRunner().invoke(main, ["--version"]).output


def test_check_writes_nothing(workspace: Workspace) -> None:
    path = workspace.root / "bad.csv"
    path.write_text("分公司,月份,渠道,台数\n东区,2010-01,火星,5\n", encoding="utf-8")
    before = sorted(workspace.root.rglob("*"))
    done = CliRunner().invoke(main, ["check", "--format", "json", str(path)])
    assert done.exit_code == 1
    (fault,) = json.loads(done.output)
    assert (fault["row"], fault["column"], fault["found"]) == (2, "渠道", "火星")
    assert sorted(workspace.root.rglob("*")) == before
    assert not os.path.exists(os.environ["G3_KEY_FILE"])


def test_reports_hold_no_time_and_no_path_of_this_machine(workspace: Workspace) -> None:
    sales(workspace, "东区")
    make(workspace, "91-fine", a="1 + 1")
    assert CliRunner().invoke(main, ["run", "91"]).exit_code == 0
    text = (workspace.reports / "2010-02" / "东区" / "91-fine.ipynb").read_text(encoding="utf-8")
    assert str(workspace.root) not in text
    assert "start_time" not in text


def test_a_parameter_of_one_notebook_is_no_fault_of_the_others(workspace: Workspace) -> None:
    sales(workspace, "东区")
    planned = batch.plan(workspace, find(workspace.notebooks, ["02", "04"]), parameters={"compare_with": "2009-12"})
    assert [("compare_with" in t.parameters) for t in planned.tasks] == [False]
    with pytest.raises(UsageError, match="'colour' is no parameter"):
        batch.plan(workspace, find(workspace.notebooks, ["02", "04"]), parameters={"colour": "red"})


BARE_PROVINCE = {
    "branches.csv": "分公司,上级,级别\n东区,新省,县\n西区,新省,县\n新省,,省\n",
    "sales.csv": "日期,分公司,渠道,终端类型,机型,合约,零售价(元),补贴(元),台数\n"
    + "".join(f"2014-{m:02d}-05,{b},自营,G3手机,甲机,合约套餐,1000,{400 + 10 * m},{m}\n" for m in range(1, 7) for b in ("东区", "西区")),
}


def test_a_province_of_nothing_but_sales_has_its_reports_and_they_say_what_is_unknown(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No policy, models, activity, stock, commitments, prices or assumptions: the first day of a new operator."""
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    for name, text in BARE_PROVINCE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    loaded = adding.load(tmp_path / "store", [tmp_path / name for name in BARE_PROVINCE])
    assert not [fault for one in loaded for fault in one.faults]
    shutil.copytree(root / "notebooks", tmp_path / "notebooks")
    (tmp_path / "data").mkdir()
    workspace = Workspace(tmp_path)
    planned = batch.plan(workspace, [one for one in find(workspace.notebooks) if one.path.stem[:2] in ("00", "01", "02", "05", "06")], ["东区", "新省"])
    rows: list = []
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    assert sorted((row.notebook[:2], row.branch, row.state) for row in rows) == [
        ("00", "东区", "ok"), ("01", "东区", "ok"), ("02", "东区", "ok"), ("05", "新省", "ok"), ("06", "新省", "ok"),
    ], [row.error for row in rows]  # fmt: skip
    texts = {row.notebook[:2]: " ".join(f["text"] for f in row.findings) for row in rows}
    assert "没有可跟踪满三个月的客户" in texts["01"] and "由这些数据无法得知" in texts["01"]
    assert "是否有效未知" in texts["05"] and "回本无法测算" in texts["05"] and "没有进行中或近一年结束的包销承诺" in texts["05"]
    assert not [text for text in texts.values() if "nan" in text or "None" in text]

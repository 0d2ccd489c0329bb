"""Scenario files: read with every fault named, kept under their names, and what `g3 run --parameters` makes of them."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner

from g3lib.cli import main
from g3lib.errors import UsageError
from g3lib.runs.notebooks import Notebook
from g3lib.tables import adding, scenarios

CELLS = ("from g3lib import open_report\nreport = open_report('own', branch, period, lang)\nreport",
         "print(branch, period, lang, budget, moves); report.data.sales.head()")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: [1\nb: 2", "no YAML, line 2"),
        (b"- 1\n- 2\n", "holds list"),
        (b"", "holds NoneType"),
        (b"1: x\ntrue: y\n", "1 is no name"),
        ("预算: 1".encode("gb18030"), "not UTF-8"),
        (b"!!python/object/apply:os.system ['true']", "no YAML"),
    ],
)
def test_a_file_that_is_no_scenario_says_why(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=said):
        scenarios.read(path)
    with pytest.raises(UsageError, match="cannot be read"):
        scenarios.read(tmp_path / "none.yaml")


def test_what_is_kept_is_read_back_the_latest_first(tmp_path: Path) -> None:
    values = {"budget": np.float64(1.5e6), "moves": {"channel": {"social": np.float64(-0.01)}}, "province": "样例省（虚构）", "keep": True}
    first = scenarios.save(tmp_path, "../one", values, "a line\nof two")
    os.utime(first, (1, 1))
    second = scenarios.save(tmp_path, "Autumn", {"budget": 2})
    assert scenarios.read(first) == values
    assert list(scenarios.kept(tmp_path).items()) == [("Autumn", second), ("../one", first)]
    assert first.parent == second.parent == tmp_path
    scenarios.save(tmp_path, "../one", {"budget": 3})
    assert scenarios.read(first) == {"budget": 3}
    with pytest.raises(UsageError, match="needs a name"):
        scenarios.save(tmp_path, "  ", {})
    assert scenarios.kept(tmp_path / "none") == {}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with one small notebook and two branches."""
    for name in ("data", "notebooks"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("G3_SCENARIOS")
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.chdir(tmp_path)
    rows = [f"{b},2010-{m:02d},自营,{m}" for b in ("甲区", "乙区") for m in (1, 2, 3)]
    (tmp_path / "a.csv").write_text("\n".join(["分公司,月份,渠道,台数", *rows]), encoding="utf-8")
    adding.load(tmp_path / "store", [tmp_path / "a.csv"])
    about = {"unit": "branch", "needs": ["sales"], "title": {"zh": "己", "en": "own"}, "question": {"zh": "？", "en": "?"}}
    node = nbformat.v4.new_notebook(metadata={"g3": about, "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})
    first = 'branch: str = ""\nperiod: str = ""\nlang: str = "zh"\nbudget: float = 0.0\nmoves: dict = {}'
    node.cells = [nbformat.v4.new_code_cell(first, id="p", metadata={"tags": ["parameters"]})]
    node.cells += [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(CELLS)]
    nbformat.write(node, tmp_path / "notebooks" / "91-own.ipynb")
    return tmp_path


def printed(folder: Path, at: str) -> str:
    node = nbformat.read(folder / "reports" / at, as_version=4)
    return "".join(output.get("text", "") for cell in node.cells for output in cell.get("outputs", ()))


def test_a_run_on_a_scenario(folder: Path) -> None:
    moves = {"channel": {"own": 0.02}}
    scenarios.save(folder / "data" / "scenarios", "试算", {"branch": "甲区", "period": "2010-02", "lang": "en", "budget": 7, "moves": moves})
    done = CliRunner().invoke(main, ["run", "--parameters", "试算"])
    assert done.exit_code == 0, done.output
    assert not list((folder / "reports").rglob("乙区"))
    assert printed(folder, "en/2010-02/甲区/91-own.ipynb").split("\n")[0] == f"甲区 2010-02 en 7.0 {moves}"
    # an option wins; what stands is unchanged
    again = CliRunner().invoke(main, ["run", "--parameters", "试算", "--lang", "zh", "--branch", "乙区", "--period", "2010-03", "-p", "budget", "9"])
    assert again.exit_code == 0, again.output
    assert printed(folder, "2010-03/乙区/91-own.ipynb").split("\n")[0] == f"乙区 2010-03 zh 9.0 {moves}"
    assert "(1 of them unchanged)" in CliRunner().invoke(main, ["run", "--parameters", "data/scenarios/试算.yaml"]).output


def test_every_fault_of_a_scenario_is_named_before_anything_runs(folder: Path) -> None:
    (folder / "bad.yaml").write_text("budget: [1]\nmoves: x\nfoo: 3\nperiod: 2010-13\nbranch: 丙区\n", encoding="utf-8")
    done = CliRunner().invoke(main, ["run", "--parameters", "bad.yaml"])
    assert done.exit_code == 2
    for word in ("budget is [1], expected float", "moves is 'x', expected dict", "'foo' is no parameter", "2010-13", "丙区"):
        assert word in done.output
    assert not list((folder / "reports").rglob("*.ipynb"))
    assert CliRunner().invoke(main, ["run", "--parameters", "none"]).exit_code == 2


def test_a_scenario_of_no_language_or_with_dates(folder: Path) -> None:
    scenarios.save(folder / "data" / "scenarios", "外", {"lang": "../../outside"})
    done = CliRunner().invoke(main, ["run", "--parameters", "外"])
    assert done.exit_code == 2 and "known: zh, en" in done.output
    (folder / "d.yaml").write_text("period: 2010-02-28\nbudget: 1\n", encoding="utf-8")
    assert scenarios.read(folder / "d.yaml")["period"] == "2010-02-28"
    (folder / "data" / "scenarios" / ".#x.yaml").symlink_to("nowhere")
    assert list(scenarios.kept(folder / "data" / "scenarios")) == ["外"]


def test_a_mapping_is_taken_as_json_or_as_it_is(folder: Path) -> None:
    own = Notebook(folder / "notebooks" / "91-own.ipynb")
    assert own.checked({"moves": '{"channel": {"own": 0.1}}'}) == own.checked({"moves": {"channel": {"own": 0.1}}})
    for wrong in ("[1]", "1", "own=1", None):
        with pytest.raises(UsageError, match="expected dict"):
            own.checked({"moves": wrong})

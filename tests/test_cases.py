"""`g3 deck`: a case's report, page, deck and audit from one set of findings; bad cases and templates are refused by name."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from click.testing import CliRunner
from pptx import Presentation

from g3lib.cli import main
from g3lib.errors import UsageError
from g3lib.findings import in_notebook
from g3lib.qc.story import casefile
from g3lib.report.case import open_case
from g3lib.tables.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Workspace:
    for name in ("notebooks", "data/cases"):
        shutil.copytree(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for name in ("G3_CASES", "G3_DECK", "G3_WORKBOOK", "G3_DECK_TEMPLATE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # what a run sets is taken back
    monkeypatch.delenv("G3_CASES")
    return Workspace(tmp_path)


def g3(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_one_command_makes_report_page_deck_and_audit(workspace: Workspace) -> None:
    done = g3("deck", "demo-province")
    assert done.exit_code == 0, done.output
    assert done.output.count("完整") == 10
    folder = workspace.reports / "cases" / "demo-province"
    assert {p.name for p in folder.iterdir()} == {"08-qc-case.html", "08-qc-case.ipynb", "08-qc-case.pptx", "08-qc-case.xlsx", "audit.csv", ".of"}
    notebook = json.loads((folder / "08-qc-case.ipynb").read_text(encoding="utf-8"))
    found = {f.name: f for f in in_notebook(notebook)}
    deck = Presentation(io.BytesIO((folder / "08-qc-case.pptx").read_bytes()))
    titles = [s.shapes.title.text_frame.text for s in deck.slides]
    # the deck says what the report says, word for word (a minus sign for a hyphen apart)
    assert found["survey.symptom"].value == pytest.approx(3723 / 6393)
    for name in ("causes.confirmed", "causes.ends", "series.stable", "effect.difference"):
        said = found[name].text.rstrip("。.").replace("（-", "（−").replace("间-", "间−").replace("至-", "至−")
        assert any(said in t for t in titles), (name, said)
    assert found["causes.confirmed"].value == 3
    audit = pd.read_csv(folder / "audit.csv")
    assert audit["完整性"].tolist() == ["完整"] * 10
    page = (folder / "08-qc-case.html").read_text(encoding="utf-8")
    assert str(workspace.root) not in page + json.dumps(notebook)
    assert 'href="08-qc-case.pptx"' in page
    assert 'href="08-qc-case.xlsx"' in page
    series = pd.read_excel(folder / "08-qc-case.xlsx", sheet_name="过程")
    assert series["数值"].head(11).mean() == pytest.approx(found["effect.before"].value, abs=0.03)
    estimates = pd.read_excel(folder / "08-qc-case.xlsx", sheet_name="检验数值").set_index("可能原因")
    assert estimates.loc["店员未通过补贴政策考核", "分层差异"] == pytest.approx(0.2122, abs=1e-4)


def test_the_readme_names_every_key_of_case_yaml_and_every_choice() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").partition("`case.yaml` holds")[2].partition("Every fault")[0]
    for section, keys in {**casefile.SECTIONS, "": casefile.PLAIN}.items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{section}`" if section else "| |"))
        assert [key for key in keys if f"`{key}`" not in row] == []
    for words in casefile.CHOICES.values():
        assert all(re.search(rf"\b{word}\b", readme) for word in words)


def test_a_case_elsewhere_in_english_on_a_template(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("group") / "our-case"
    shutil.copytree(workspace.cases / "nanqu-2010", elsewhere)
    template = workspace.root / "company.pptx"
    deck = Presentation()
    deck.slide_layouts[5].name = "Company"
    deck.save(str(template))
    done = g3("deck", str(elsewhere), "--lang", "en", "--template", str(template))
    assert done.exit_code == 0, done.output
    again = g3("deck", str(shutil.copytree(elsewhere, elsewhere.parent / "sister" / "our-case")), "--lang", "en")
    assert (again.exit_code, "is the report of another case of that name" in again.output) == (2, True)
    assert "3 the target: missing (there are no data)" in done.output
    made = Presentation(str(workspace.reports / "en" / "cases" / "our-case" / "08-qc-case.pptx"))
    assert {s.slide_layout.name for s in list(made.slides)[1:]} == {"Company"}
    # the notebook that was made names its case so that it can be run again, by papermill alone
    notebook = nbformat.read(workspace.reports / "en" / "cases" / "our-case" / "08-qc-case.ipynb", as_version=4)
    given = dict(line.split(" = ", 1) for cell in notebook.cells if "injected-parameters" in cell.metadata.get("tags", []) for line in cell.source.splitlines() if " = " in line)
    assert open_case(ast.literal_eval(given["case"]), "en").story.case.folder == elsewhere.resolve()
    with pytest.raises(UsageError, match="no case's name nor a folder"):
        open_case("../nowhere")
    front = (workspace.reports / "en" / "index.html").read_text(encoding="utf-8")
    assert '<a href="cases/our-case/08-qc-case.html">our-case</a>' in front and "QC cases" in front


def test_a_bad_template_is_wrong_use(workspace: Workspace) -> None:
    assert g3("deck", "nanqu-2010", "--template", "nowhere.pptx").exit_code == 2
    (workspace.root / "text.pptx").write_text("no")
    done = g3("deck", "nanqu-2010", "--template", "text.pptx")
    assert (done.exit_code, "no PowerPoint template" in done.output) == (2, True)


def test_a_case_of_a_shipped_ones_name_does_not_replace_its_report(workspace: Workspace, tmp_path: Path) -> None:
    other = shutil.copytree(workspace.cases / "demo-province", tmp_path / "mine" / "demo-province")
    done = g3("deck", str(other))
    assert (done.exit_code, "is another case of that name" in done.output) == (2, True)
    assert not list(workspace.reports.glob("cases/**/*.html"))


def test_an_unknown_or_faulty_case_is_named(workspace: Workspace) -> None:
    done = g3("deck", "nope")
    assert done.exit_code == 1 and "demo-province, nanqu-2010" in done.output
    (workspace.cases / "nanqu-2010" / "series.csv").write_text("期间,阶段,数值\n2009-11,before,many\n2009-12,before,\n", encoding="utf-8")
    done = g3("deck", "nanqu-2010")
    assert done.exit_code == 1
    assert "series.csv row 2, 数值: many" in done.output
    assert not (workspace.reports / "cases").exists()


def test_the_report_opens_by_papermill_alone(workspace: Workspace) -> None:
    import papermill

    out = workspace.root / "out.ipynb"
    papermill.execute_notebook(str(workspace.notebooks / "08-qc-case.ipynb"), str(out), parameters={"case": "nanqu-2010"},
                               cwd=str(workspace.notebooks), progress_bar=False)  # fmt: skip
    assert "第3、4、5、6、7、8、9、10步没有资料" in out.read_text(encoding="utf-8")

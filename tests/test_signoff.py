"""Signing a month off: figures stand, later ones are revisions that say so; comments survive every run."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from g3lib.cli import main
from g3lib.errors import DataError, UsageError
from g3lib.runs import batch, ledger, publishing, signoff
from g3lib.runs.crew import Crew
from g3lib.runs.notebooks import find
from g3lib.tables import adding, comments
from g3lib.tables.workspace import Workspace

EXPORT = "日期,分公司,渠道,台数\n2010-01-05,东区,自营,{units}\n2010-02-05,东区,社会,7\n2010-02-06,西区,社会,9\n"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A workspace whose export is loaded and whose February was never run."""
    folder = tmp_path_factory.mktemp("signoff") / "workspace"
    (folder / "data").mkdir(parents=True)
    (folder / "notebooks").mkdir()
    shutil.copy(root / "notebooks" / "02-channel-contribution.ipynb", folder / "notebooks")
    load(folder, 5)
    return folder


@pytest.fixture
def unrun(tmp_path: Path, loaded: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return copied(loaded, tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, loaded: Path) -> Path:
    """The same after `g3 run --period 2010-02`."""
    folder = tmp_path_factory.mktemp("signoff")
    with pytest.MonkeyPatch.context() as patch:
        run(copied(loaded, folder, patch))
    return folder / "workspace"


@pytest.fixture
def workspace(tmp_path: Path, reported: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Reports take seconds each and most tests begin where February has been run: made once, copied for each."""
    return copied(reported, tmp_path, monkeypatch)


def copied(folder: Path, into: Path, patch: pytest.MonkeyPatch) -> Workspace:
    shutil.copytree(folder, into / "workspace")
    patch.setenv("G3_STORE", str(into / "workspace" / "store"))
    patch.chdir(into / "workspace")
    return Workspace(into / "workspace")


def load(folder: Path, units: int) -> None:
    (folder / "sales.csv").write_text(EXPORT.format(units=units), encoding="utf-8")
    faults = [f for one in adding.load(folder / "store", [folder / "sales.csv"]) for f in one.faults]
    assert not faults


def run(workspace: Workspace, force: bool = False, **given: object) -> list:
    planned = batch.plan(workspace, find(workspace.notebooks), period="2010-02", force=force, **given)
    rows = list(planned.settled)
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    assert not [row.error for row in rows if row.state == "failed"]
    publishing.record(workspace, rows, given.get("lang", "zh"))
    return rows


def report(workspace: Workspace, branch: str = "东区", lang: str = "zh") -> str:
    return (workspace.reports_in(lang) / "2010-02" / branch / "02-channel-contribution.html").read_text(encoding="utf-8")


def test_a_signed_month_stands_and_a_correction_is_a_revision_that_says_so(workspace: Workspace) -> None:
    run(workspace)
    first = signoff.sign(workspace, "2010-02", "市场部")
    kept = (signoff.folder_of(workspace, "2010-02") / first.file).read_bytes()
    run(workspace, force=True)
    assert "数字与签核一致" in report(workspace)
    load(workspace.root, 6)
    run(workspace)
    # the signed figures are untouched, the changed ones are listed, and only the branch that changed is marked
    assert (signoff.folder_of(workspace, "2010-02") / first.file).read_bytes() == kept
    listed = pd.read_csv(workspace.reports / "2010-02" / signoff.DIFFERENCES)
    total = listed[(listed["branch"] == "东区") & (listed["name"] == "units.month.2010-01")].iloc[0]
    assert (total["signed (revision 1)"], total["now"], total["change"]) == (5, 6, "changed")
    assert "此为签核后的修订稿" in report(workspace)
    shown = (listed["change"] != "unprinted").sum()
    assert listed["change"].tolist() == sorted(listed["change"], key="unprinted".__eq__)  # what shows in print stands first
    assert f"{shown}项数字与签核不同" in (workspace.reports / "2010-02" / "index.html").read_text(encoding="utf-8")
    second = signoff.sign(workspace, "2010-02", "市场部")
    assert second.revision == 2
    assert (signoff.folder_of(workspace, "2010-02") / first.file).read_bytes() == kept
    run(workspace)
    assert pd.read_csv(workspace.reports / "2010-02" / signoff.DIFFERENCES).empty


def test_a_language_is_no_difference(workspace: Workspace) -> None:
    run(workspace)
    assert CliRunner().invoke(main, ["sign", "2010-02", "--by", "市场部"]).exit_code == 0
    rows = run(workspace, lang="en")
    assert not signoff.against_signed(workspace, "2010-02", rows).differences
    assert "every figure is as it was signed" in report(workspace, lang="en").casefold()
    assert "数字与签核一致" in report(workspace)  # the English run has left the Chinese report where it was
    assert (workspace.reports / "en" / "2010-02" / "index.html").exists()


def test_a_signing_is_told_by_reports_that_are_there_already(workspace: Workspace) -> None:
    run(workspace)
    for revision, units in ((1, 6), (2, 7)):
        assert CliRunner().invoke(main, ["sign", "2010-02", "--by", "市场部"]).exit_code == 0
        assert f"第{revision}版" in report(workspace)
        assert f"第{revision}版" in report(workspace, "西区")
        load(workspace.root, units)
        run(workspace)
        assert "此为签核后的修订稿" in report(workspace)


def test_a_report_made_after_the_signing_is_unsigned_and_no_difference(unrun: Workspace) -> None:
    run(unrun, branches=["东区"])
    signoff.sign(unrun, "2010-02", "市场部")
    run(unrun)
    assert "1份报告是签核之后新做的，未经签核" in report(unrun, "西区")
    assert "数字与签核一致" in report(unrun)
    assert pd.read_csv(unrun.reports / "2010-02" / signoff.DIFFERENCES).empty
    assert signoff.sign(unrun, "2010-02", "市场部").revision == 2  # a new report is a reason to sign again


def test_digits_that_are_not_printed_are_told_apart() -> None:
    changes = [signoff.Difference("东区", "02", f"f{i}", "1", "2", change, "") for i, change in enumerate(["unprinted", "changed", "gone"])]
    signed = signoff.Signature(3, "市场部", "2010-03-05T00:00:00+00:00", "revision-3.csv", "", "", {})
    said = signoff.SignedState(signed, tuple(changes)).banner("zh")
    assert "2项数字与签核不同" in said
    assert "1项只在未印出的位数上不同" in said
    assert signoff.SignedState().banner("zh") == ""


def test_what_cannot_be_signed_says_why(unrun: Workspace) -> None:
    with pytest.raises(UsageError, match="no run of 2010-02"):
        signoff.sign(unrun, "2010-02", "市场部")
    run(unrun)
    with pytest.raises(UsageError, match="Who signs"):
        signoff.sign(unrun, "2010-02", " ")
    signoff.sign(unrun, "2010-02", "市场部")
    with pytest.raises(DataError, match="stands signed as revision 1"):
        signoff.sign(unrun, "2010-02", "市场部")


def test_altered_figures_are_refused(workspace: Workspace) -> None:
    run(workspace)
    kept = signoff.folder_of(workspace, "2010-02") / signoff.sign(workspace, "2010-02", "市场部").file
    kept.write_text(kept.read_text(encoding="utf-8").replace(",5.0,", ",50.0,"), encoding="utf-8")
    with pytest.raises(DataError, match="altered after it was signed"):
        signoff.against_signed(workspace, "2010-02", [])


def test_an_altered_signing_of_one_month_keeps_no_other_month_off_the_record(workspace: Workspace) -> None:
    rows = run(workspace)
    first = signoff.sign(workspace, "2010-02", "市场部")
    (signoff.folder_of(workspace, "2010-02") / first.file).write_text("altered")
    planned = batch.plan(workspace, find(workspace.notebooks), period="2010-01")
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    with pytest.raises(DataError, match=r"(?s)The reports are made.*2010-02: .*was altered"):
        publishing.record(workspace, rows, "zh")
    assert {row.branch for row in ledger.read(workspace.reports / "2010-01").values()} >= {"东区"}
    assert (workspace.reports / "2010-01" / "index.html").exists()


def test_a_report_in_one_language_only_is_signed_too(unrun: Workspace) -> None:
    run(unrun, lang="en")
    run(unrun, branches=["东区"])
    signed = signoff.sign(unrun, "2010-02", "市场部")
    kept = pd.read_csv(signoff.folder_of(unrun, "2010-02") / signed.file)
    assert set(kept["branch"]) == {"东区", "西区"}
    assert "东区2010-01" in kept.loc[(kept["branch"] == "东区") & (kept["name"] == "units.total"), "text"].iloc[0]  # Chinese where there is both


@pytest.mark.parametrize("state", [*ledger.FAULTY, "running", "queued"])
def test_a_month_with_a_report_that_is_not_made_is_not_signed(workspace: Workspace, state: str) -> None:
    rows = {(row.notebook, row.branch): row for row in run(workspace)}
    ledger.Ledger(workspace.reports).put(replace(r, state=state, error="no luck") for r in rows.values())
    with pytest.raises(DataError, match=r"(?s)2 reports are not made.*东区: no luck.*西区: no luck"):
        signoff.sign(workspace, "2010-02", "市场部")


def test_a_month_of_which_nothing_was_made_is_not_signed(workspace: Workspace) -> None:
    ledger.Ledger(workspace.reports).put([ledger.Row("02-channels", "东区", "2009-12", "skipped", error="no rows")])
    with pytest.raises(UsageError, match="No report of 2009-12 is there to be signed"):
        signoff.sign(workspace, "2009-12", "市场部")


def test_the_commands_say_what_they_did(workspace: Workspace) -> None:
    run(workspace)
    told = CliRunner().invoke(main, ["sign", "2010-02", "--by", "市场部"])
    assert told.exit_code == 0
    assert "revision 1" in told.output
    again = CliRunner().invoke(main, ["sign", "2010-02", "--by", "市场部"])
    assert again.exit_code == 1
    noted = CliRunner().invoke(main, ["note", "东区", "units.total", "一月缺货", "--owner", "渠道部", "--due", "2010-03-31"])
    assert noted.exit_code == 0
    assert "No report so far" not in noted.output
    strange = CliRunner().invoke(main, ["note", "东区", "units.totl", "一月缺货"])
    assert "No report so far has a finding of that name" in strange.output
    nowhere = CliRunner().invoke(main, ["note", "东郊", "units.total", "一月缺货"])
    assert nowhere.exit_code == 2
    assert "'东郊' has no reports; known: 东区, 西区" in nowhere.output
    stray = CliRunner().invoke(main, ["run", "--period", "2010-02"])
    assert stray.exit_code == 0
    assert "东区 · units.totl" in stray.output


def test_a_comment_survives_reruns_and_redoes_its_own_branch_only(workspace: Workspace) -> None:
    run(workspace)
    comments.add(workspace.notes, "东区", "units.total", "一月<b>缺货</b>", owner="渠道部", due="2010-02-10")
    planned = batch.plan(workspace, find(workspace.notebooks), period="2010-02")
    assert [task.branch for task in planned.tasks] == ["东区"]
    for force in (False, True):
        run(workspace, force=force)
        page = report(workspace)
        assert "一月&lt;b&gt;缺货&lt;/b&gt;" in page
        assert "负责：渠道部；期限：2010-02-10；已逾期" in page
    assert "缺货" not in report(workspace, "西区")


def test_a_comment_of_another_period_does_not_show(unrun: Workspace) -> None:
    comments.add(unrun.notes, "东区", "units.total", "只说一月", period="2010-01")
    run(unrun)
    assert "只说一月" not in report(unrun)


def test_a_bad_comment_is_told_and_the_others_stand(unrun: Workspace) -> None:
    unrun.notes.mkdir()
    rows = "东区,二月,units.total,甲,2010-13-01\n,2010-02,units.total,乙,\n东区,2010-02,units.total,丙,\n"
    (unrun.notes / "坏.csv").write_text("分公司,期间,结论名,批注,到期日\n" + rows, encoding="utf-8")
    kept, faults = comments.read(unrun.notes)
    assert kept["comment"].tolist() == ["丙"]
    assert [word for word in ("2010-13-01", "二月", "分公司") if not any(word in fault for fault in faults)] == []
    done = CliRunner().invoke(main, ["run", "--period", "2010-02"])
    assert done.exit_code == 1  # reports are made, and what could not be read is named
    assert "坏.csv row 2" in done.output
    assert "丙" in report(unrun)
    checked = CliRunner().invoke(main, ["check", str(unrun.notes / "坏.csv"), "--format", "csv"])
    assert "二月" in checked.output


def test_a_comment_without_its_words_is_refused(unrun: Workspace) -> None:
    with pytest.raises(UsageError, match=r"(?s)no finding.*'二月' is no period.*no date"):
        comments.add(unrun.notes, "东区", " ", "甲", period="二月", due="明天")


def test_a_signed_report_that_could_not_be_made_again_is_not_called_unchanged(workspace: Workspace) -> None:
    rows = run(workspace)
    signoff.sign(workspace, "2010-02", "市场部")
    failed = replace(next(row for row in rows if row.branch == "西区"), state="failed", error="X", findings=[])
    ledger.Ledger(workspace.reports).put([failed])
    publishing.record(workspace, [failed], "zh")
    index = (workspace.reports / "2010-02" / "index.html").read_text(encoding="utf-8")
    assert "1份已签核的报告最近一次没有做成" in index and "数字与签核一致" not in index
    assert "数字与签核一致" in report(workspace)  # of 东区 it is true


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_an_analysts_own_file_of_comments_is_not_written_into(workspace: Workspace, encoding: str) -> None:
    own = workspace.notes / "东区.csv"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_bytes("结论名,分公司,批注\nunits.total,东区,自己的\n".encode(encoding))
    before = own.read_bytes()
    for comment in ("甲", "乙"):
        comments.add(workspace.notes, "东区", "units.total", comment, owner="市场部")
    found, faults = comments.read(workspace.notes)
    assert (own.read_bytes(), faults) == (before, [])
    assert sorted(found["comment"]) == ["乙", "甲", "自己的"]


def test_a_table_that_was_deleted_is_made_again(workspace: Workspace) -> None:
    run(workspace)
    book = workspace.reports / "2010-02" / "东区" / "02-channel-contribution.xlsx"
    book.unlink()
    run(workspace)
    assert book.exists()

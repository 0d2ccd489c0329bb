"""The figures that must come out, read from findings.csv of a real run, as an analyst would."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from g3lib.runs import batch, publishing
from g3lib.runs.crew import Crew
from g3lib.runs.notebooks import find

SIGNUP = ["睢县", "宁陵", "虞城", "市区", "永城", "郊区", "夏邑", "柘城"]


@pytest.fixture(scope="module")
def reports(workspace_copy) -> Path:
    """Every notebook for the documents' branches, by the same path as `g3 run`."""
    notebooks = find(workspace_copy.notebooks)
    planned = batch.plan(workspace_copy, notebooks, ["南区分公司", *SIGNUP])
    rows = list(planned.settled)
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    failed = [f"{row.notebook} {row.branch}: {row.error}" for row in rows if row.state == "failed"]
    assert not failed
    publishing.record(workspace_copy, rows, "zh")
    return workspace_copy.reports


@pytest.fixture(scope="module")
def findings(reports: Path) -> pd.DataFrame:
    frames = [pd.read_csv(reports / period / "findings.csv", dtype={"branch": str}) for period in ("2010-01", "2010-03")]
    return pd.concat(frames)


def figure(findings: pd.DataFrame, branch: str, notebook: str, name: str) -> float:
    rows = findings[(findings["branch"] == branch) & (findings["notebook"] == notebook) & (findings["name"] == name)]
    assert len(rows) == 1, f"{name}: {len(rows)} rows"
    return float(rows["value"].iloc[0])


NANQU = {
    "units.total": 1678, "units.month.2009-11": 590, "units.month.2009-12": 452, "units.month.2010-01": 636,
    "units.channel.own": 261, "units.channel.social": 1101, "units.channel.end": 316, "share.own": 0.1555,
    "share.social": 0.6561, "share.end": 0.1883, "units.month_mean": 559.33, "attainment.month_even": 0.4632,
    "attainment.calendar": 0.4545, "target.remaining": 15839, "target.per_month": 1439.9,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), NANQU.items())
def test_nanqu(findings: pd.DataFrame, name: str, value: float) -> None:
    digits = len(str(value).split(".")[1]) if "." in str(value) else 0
    assert round(figure(findings, "南区分公司", "02-channel-contribution", name), digits) == value


LIFTS = {"睢县": 31.71, "宁陵": 27.77, "虞城": 19.86, "市区": 17.67, "永城": 17.23, "郊区": 15.93, "夏邑": 10.23, "柘城": 2.39}


@pytest.mark.parametrize(("branch", "lift"), LIFTS.items())
def test_lift_of_each_named_branch_in_its_own_report(findings: pd.DataFrame, branch: str, lift: float) -> None:
    assert round(100 * figure(findings, branch, "04-signup-campaign", "lift"), 2) == lift


SUIXIAN = {
    "rate.before": 0.0965, "rate.after": 0.4136, "rank.lift": 1, "rank.before.from_bottom": 3, "rank.after": 4,
    "rate.area.before": 0.2454, "rate.area.after": 0.4098, "lift.area": 0.1644, "pace.gained": 6919,
    "pace.per_day.29": 238.6, "pace.per_day.28": 247.1, "correlation.start_lift": -0.716,
    "correlation.without": -0.494, "correlation.oldham": -0.575, "room.睢县": 0.351, "room.宁陵": 0.305, "room.柘城": 0.083,
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), SUIXIAN.items())
def test_suixian(findings: pd.DataFrame, name: str, value: float) -> None:
    digits = len(str(value).split(".")[1]) if "." in str(value) else 0
    assert round(figure(findings, "睢县", "04-signup-campaign", name), digits) == value


def texts(findings: pd.DataFrame, branch: str, notebook: str) -> str:
    own = findings[(findings["branch"] == branch) & (findings["notebook"] == notebook)]
    return "\n".join(own["text"])


def test_caveats_of_the_document_are_said(findings: pd.DataFrame) -> None:
    said = texts(findings, "南区分公司", "02-channel-contribution")
    assert "1-3月" in said
    assert "目标以户计，销量以台计" in said
    assert "99.99" in said
    assert "按月均分" in said
    assert "按日历天" in said
    assert "不作要因结论" in texts(findings, "南区分公司", "03-cause-analysis")


def test_before_after_is_not_called_an_effect(findings: pd.DataFrame) -> None:
    said = texts(findings, "睢县", "04-signup-campaign")
    assert "仅为前后对比，未作归因" in said
    assert "一部分是算术所致" in said
    assert "文件称240个" in said


def test_the_nameless_branch_is_ranked_and_has_no_report(findings: pd.DataFrame, reports: Path) -> None:
    assert round(100 * figure(findings, "睢县", "04-signup-campaign", "lift.（未具名）"), 2) == 9.66
    assert not list(reports.rglob("*未具名*"))
    assert "合计" not in set(findings["branch"])


def test_every_report_has_both_files_and_the_index_links_them(reports: Path) -> None:
    run = json.loads((reports / "2010-03" / "run.json").read_text(encoding="utf-8"))
    made = [row for row in run["reports"] if row["state"] == "ok"]
    assert len(made) == 16
    index = (reports / "2010-03" / "index.html").read_text(encoding="utf-8")
    from urllib.parse import quote

    for row in made:
        assert (reports / "2010-03" / row["html"]).exists()
        assert (reports / "2010-03" / row["html"]).with_suffix(".ipynb").exists()
        assert quote(row["html"]) in index
        assert row["inputs"]


def test_a_branch_without_data_is_skipped_and_said_so(reports: Path) -> None:
    run = json.loads((reports / "2010-03" / "run.json").read_text(encoding="utf-8"))
    skipped = {(row["notebook"], row["state"]) for row in run["reports"] if row["branch"] == "睢县"}
    assert ("02-channel-contribution", "skipped") in skipped
    assert not (reports / "2010-03" / "睢县" / "02-channel-contribution.html").exists()


def test_the_brief_repeats_the_very_figures_of_the_reports(findings: pd.DataFrame) -> None:
    for branch, notebook, name in (
        ("睢县", "04-signup-campaign", "lift"),
        ("南区分公司", "02-channel-contribution", "units.total"),
        ("南区分公司", "02-channel-contribution", "attainment.month_even"),
        ("南区分公司", "03-cause-analysis", "gap"),
    ):
        assert figure(findings, branch, "00-branch-brief", name) == figure(findings, branch, notebook, name)


def test_nothing_is_redone_when_nothing_changed(workspace_copy, reports: Path) -> None:
    again = batch.plan(workspace_copy, find(workspace_copy.notebooks), ["南区分公司", *SIGNUP])
    assert again.tasks == []
    assert again.unchanged == 20


def test_reports_ask_nothing_of_any_network(reports: Path) -> None:
    for page in reports.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "Content-Security-Policy" in text
        assert "http://" not in text
        assert "https://" not in text

"""What one report may read: nothing made up for a real branch, and provenance that names what was read."""

from __future__ import annotations

from pathlib import Path

import pytest

from g3lib.errors import NoData, UsageError
from g3lib.periods import Period
from g3lib.tables.coverage import known_branches, known_units, latest_month, open_dataset
from g3lib.tables.dataset import Dataset
from g3lib.tables.loading import exports_in
from g3lib.tables.workspace import Workspace


def dataset(store, branch: str, period: str = "2013-12") -> Dataset:
    return Dataset(store, branch, Period.parse(period))


def test_a_real_branch_is_not_held_against_a_made_up_policy(store) -> None:
    rules = set(dataset(store, "南区分公司", "2010-01").policy["rule"])
    assert rules
    assert not [rule for rule in rules if "样例" in rule]
    assert dataset(store, "南区分公司", "2010-01").models.empty


def test_a_made_up_branch_reads_the_real_policy_too(store) -> None:
    rules = set(dataset(store, "样例一区").policy["rule"])
    assert [rule for rule in rules if "样例" in rule]
    assert [rule for rule in rules if rule.startswith("2013-C1")]


def test_provenance_is_what_was_read(store) -> None:
    data = dataset(store, "睢县", "2010-03")
    assert data.sources == []
    _ = data.participation
    assert [entry.file for entry in data.sources] == ["branches.csv", "home-phone-signup.csv"]


def test_sisters_have_the_same_parent(store) -> None:
    assert dataset(store, "睢县").sisters == sorted(["睢县", "宁陵", "虞城", "市区", "永城", "郊区", "夏邑", "柘城", "（未具名）"])
    assert dataset(store, "南区分公司").sisters == ["南区分公司"]
    assert len(dataset(store, "样例一区").sisters) == 12


def test_nothing_after_the_period_is_known(store) -> None:
    assert dataset(store, "南区分公司", "2009-12").sales["units"].sum() == 590 + 452


def test_the_area_is_its_own_exports_total(store) -> None:
    totals = dataset(store, "睢县", "2010-03").participation_totals
    assert totals["rate"].tolist() == [0.2454, 0.4098]
    assert len(dataset(store, "样例一区").participation_totals) == 36


def test_the_nameless_branch_is_no_branch_to_report_on(store) -> None:
    known = known_branches(store)
    assert "（未具名）" not in known
    assert {"睢县", "南区分公司", "样例一区"} <= set(known)


def test_latest_months(store) -> None:
    assert latest_month(store, "南区分公司", ["sales"]) == "2010-01"
    assert latest_month(store, "睢县") == "2010-03"
    with pytest.raises(NoData, match=r"睢县 has no sales\.subsidy"):
        latest_month(store, "睢县", ["sales.subsidy"])


def test_an_unknown_branch_is_told_which_are_known(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(NoData, match="Known: .*南区分公司"):
        open_dataset("火星")


def test_a_workspace_is_found_upward_or_said_to_be_missing(tmp_path: Path) -> None:
    for name in ("notebooks", "data", "notebooks/explore"):
        (tmp_path / name).mkdir(exist_ok=True)
    assert Workspace.find(tmp_path / "notebooks" / "explore").root == tmp_path.resolve()
    with pytest.raises(UsageError):
        Workspace.find(Path("/"))


def test_a_folder_stands_for_its_exports_and_nothing_else(tmp_path: Path) -> None:
    for name in ("b.csv", "a.xlsx", "~$a.xlsx", ".hidden.csv", "README.txt", "notes.docx", "corrected/b2.csv", "store/manifest.json", "store/x.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [p.relative_to(tmp_path).as_posix() for p in exports_in([tmp_path])] == ["a.xlsx", "b.csv", "corrected/b2.csv"]


def test_a_province_is_its_branches(store) -> None:
    assert known_units(store, "province") == ["全区", "样例省（虚构）"]
    province = dataset(store, "样例省（虚构）")
    assert len(province.members) == 12
    assert province.sisters == province.members
    assert province.made_up
    parts = [dataset(store, branch).sales["units"].sum() for branch in province.members]
    assert province.sales["units"].sum() == sum(parts)
    assert latest_month(store, "样例省（虚构）", ["sales.subsidy"]) == "2013-12"


def test_a_branch_with_rows_of_its_own_is_not_also_the_sum_of_those_below(store) -> None:
    assert store.members("样例一区") == ["样例一区"]
    assert dataset(store, "南区分公司").members == ["南区分公司"]

"""Whole files through the gate: what is good, rejected and stated, and what a rejected row may show."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from click.testing import CliRunner

from g3lib.cli import main
from g3lib.errors import Severity
from g3lib.tables import adding, loading
from g3lib.tables.identity import Digester
from g3lib.tables.loading import Export

SOURCES = Path(__file__).parents[1] / "data" / "sources"
HEAD = "日期,分公司,渠道,台数\n"
PHONE = "13800138000"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "secret" / "key"))
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))


def write(tmp_path: Path, text: str, name: str = "export.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def export(path: Path, digester: Digester | None = None) -> Export:
    result = loading.check(path, digester=digester)
    assert not result.faults
    (found,) = result.exports
    assert found.records == len(found.rows) + len(found.rejected) + len(found.totals)
    return found


def row_faults(found: Export) -> list[tuple[int | None, str, str]]:
    return [(f.row, f.column, f.found) for f in found.faults if f.severity == Severity.ROW]


def rejected_csv(root: Path) -> list[dict[str, str]]:
    (path,) = (root / "rejected").glob("*.csv")
    return list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))


# ---- the documents' own tables ------------------------------------------------------------------------


def test_the_channel_table_of_the_south_district() -> None:
    found = export(SOURCES / "nanqu-channel-sales.csv")
    assert found.rows.groupby("channel", observed=True)["units"].sum().to_dict() == {"own": 261, "social": 1101, "end": 316}
    assert found.rows.groupby("date")["units"].sum().tolist() == [590, 452, 636]
    assert (found.records, len(found.rows), len(found.totals)) == (16, 9, 7)
    assert found.totals["units"].tolist() == [261, 1101, 316, 590, 452, 636, 1678]
    assert found.totals["agrees"].all()


def test_a_total_of_rates_is_kept_apart_and_never_a_branch() -> None:
    found = export(SOURCES / "home-phone-signup.csv")
    assert (len(found.rows), len(found.rejected)) == (18, 0)
    assert found.totals["rate"].tolist() == [0.2454, 0.4098]
    assert found.totals["agrees"].isna().all()
    assert found.totals["branch"].isna().all()
    assert not found.rows["branch"].isin(["合计"]).any()
    assert found.rows["branch"].nunique() == 9


@pytest.mark.parametrize("path", sorted(SOURCES.glob("*.csv")), ids=lambda path: path.stem)
def test_every_shipped_table_is_without_fault(path: Path) -> None:
    found = export(path)
    assert not found.faults
    assert len(found.rejected) == 0


# ---- totals -------------------------------------------------------------------------------------------


def test_total_rows_that_agree_and_one_that_does_not(tmp_path: Path) -> None:
    text = (
        "月份,分公司,自营,社会,小计\n2010-01,睢县,1,2,3\n2010-01,宁陵,3,4,8\n小计,,4,6,10\n"
        "2010-02,睢县,5,6,11\n合计,,9,12,21\n"
    )
    found = export(write(tmp_path, text))
    assert len(found.rows) == 6
    assert found.rows["units"].sum() == 21
    differing = found.totals[found.totals["agrees"] == False]  # noqa: E712
    assert differing[["row", "units"]].to_numpy().tolist() == [[3, 8]]
    ((row, stated, expected, severity),) = [(f.row, f.found, f.expected, f.severity) for f in found.faults]
    assert (row, stated, expected, severity) == (3, "8", "7, the sum of its parts", Severity.NOTE)
    assert found.faults[0].column == "小计"
    assert any("states 小计 8; its parts sum to 7" in note.text("en") for note in found.notes)


@pytest.mark.parametrize(("last", "suspected"), [(50, True), (49, False)])
def test_a_branch_that_is_all_others_together_looks_like_a_total(tmp_path: Path, last: int, suspected: bool) -> None:
    days = "".join(f"2010-0{m},{branch},自营,{n}\n" for m in (1, 2) for branch, n in (("甲", 30), ("乙", 20), ("全区", last if m == 2 else 50)))
    found = export(write(tmp_path, HEAD + days))
    assert len(found.rows) == 6, "nobody knows that it is one: it is kept, and said"
    assert [note.values for note in found.notes if note.code == "looks_like_total"] == [(("branch", "全区"),)] * suspected


def test_a_total_that_counts_rejected_rows_is_not_called_wrong_unexplained(tmp_path: Path) -> None:
    found = export(write(tmp_path, HEAD + "2010-01,睢县,自营,3\n2010-01,睢县,火星,4\n合计,,,7\n"))
    (note,) = [f for f in found.faults if f.severity == Severity.NOTE]
    assert (note.found, note.expected) == ("7", "3, the sum of its parts without the rejected rows")


@pytest.mark.parametrize("word", ["合计", "总计", "小计", "合计：", "Total", "Grand Total", "合 计", "睢县小计", "合计（台）"])
def test_a_row_that_says_total_is_no_row(tmp_path: Path, word: str) -> None:
    found = export(write(tmp_path, HEAD + f"2010-01,睢县,自营,3\n2010-01,{word},自营,3\n"))
    assert (len(found.rows), len(found.totals), len(found.rejected)) == (1, 1, 0)
    assert found.totals["label"].tolist() == [word.strip()]
    assert found.totals["agrees"].tolist() == [True]


# ---- rows ---------------------------------------------------------------------------------------------


def test_every_fault_of_a_row_is_listed_and_the_row_is_kept(tmp_path: Path) -> None:
    text = HEAD + "2010-01,睢县,自营,3\n2010-02-30,睢县,火星,-1\n,,社会,1x\n"
    found = export(write(tmp_path, text))
    assert row_faults(found) == [
        (3, "日期", "2010-02-30"), (3, "渠道", "火星"), (3, "台数", "-1"),
        (4, "台数", "1x"), (4, "日期", "nothing"), (4, "分公司", "nothing"),
    ]  # fmt: skip
    assert found.rejected["row"].tolist() == [3, 4]
    assert json.loads(found.rejected["record"][0]) == {"date": "2010-02-30", "branch": "睢县", "channel": "火星", "units": "-1"}
    assert "台数: '-1', expected zero or more" in found.rejected["reasons"][0]


def test_what_contradicts_itself_is_refused_and_what_is_odd_is_noted(tmp_path: Path) -> None:
    head = "分公司,指标,性质,开始日期,结束日期,目标\n"
    cells = [("参与率", "比率", "1.2"), ("参与率", "比率", "45%"), ("销量", "流量", ""), ("销量", "流量", "*"), ("销量", "流量", "0")]
    text = head + "".join(f"甲{i},{metric},{kind},2010-01-01,2010-12-31,{target}\n" for i, (metric, kind, target) in enumerate(cells))
    found = export(write(tmp_path, text))
    assert [(f.row, f.expected, f.severity) for f in found.faults] == [
        (2, "a rate, at most 100%", Severity.ROW),
        (4, "a target (* where it is masked; read as such)", Severity.NOTE),
        (6, "more than zero (a masked target is written *)", Severity.NOTE),
    ]
    assert len(found.rows) == 4

    text = "分公司,日期,参与量,基数,参与率\n甲,2010-02-01,50,100,40%\n乙,2010-02-01,50,100,50%\n丙,2010-02-01,0,0,\n丁,2010-02-01,1,3,33%\n"
    found = export(write(tmp_path, text))
    assert [(f.row, f.column, f.severity) for f in found.faults] == [(2, "参与率", Severity.ROW), (4, "基数", Severity.NOTE)]
    assert len(found.rows) == 3


def test_more_cells_than_headings_reject_the_row_and_fewer_only_what_is_required(tmp_path: Path) -> None:
    found = export(write(tmp_path, HEAD[:-1] + ",机型\n2010-01,睢县,自营,3,x,y\n2010-01,睢县,社会,3\n2010-01,睢县,末端\n"))
    assert [(row, what) for row, _, what in row_faults(found)] == [(2, "more cells than headings"), (4, "nothing")]
    assert found.rows["_row"].tolist() == [3]


def test_a_fault_of_a_wide_table_names_its_own_column(tmp_path: Path) -> None:
    text = "分公司,渠道,2010年1月,2010年2月\n睢县,自营,x,-1\n宁陵,自营,1,1.5\n合计,,1,7\n"
    found = export(write(tmp_path, text))
    assert row_faults(found) == [(2, "2010年1月", "x"), (2, "2010年2月", "-1"), (3, "2010年2月", "1.5")]
    assert [(f.row, f.column, f.found) for f in found.faults if f.severity == Severity.NOTE] == [(4, "2010年2月", "7")]


def test_blank_rows_and_remarks_are_no_records(tmp_path: Path) -> None:
    text = HEAD + f"2010-01,睢县,自营,3\n,,,\n注：电话{PHONE}咨询,,,\n制表人：张三,,,\n别的,,,\n"
    found = export(write(tmp_path, text))
    assert found.records == 2
    assert [note.text("en") for note in found.notes] == [
        "Remark on the sheet: 注：电话***********咨询", "Remark on the sheet: 制表人：张三",
    ]  # fmt: skip
    assert found.rejected["row"].tolist() == [6]


def test_the_same_month_twice_is_a_fault_and_equal_sales_of_a_day_are_not(tmp_path: Path) -> None:
    found = export(write(tmp_path, HEAD + "2010-01,睢县,自营,3\n2010-01,睢县,自营,4\n2010-02-01,睢县,自营,1\n2010-02-01,睢县,自营,1\n"))
    assert row_faults(found) == [(3, "", "the same key once more")]
    assert found.rejected["reasons"].tolist() == ["the same key once more: row 2"]
    assert found.rows["_row"].tolist() == [2, 4, 5]


def test_equal_sales_without_a_device_number_are_two_sales(tmp_path: Path) -> None:
    text = HEAD[:-1] + ",终端串号\n" + "2010-01-05,睢县,自营,1,\n" * 2 + "2010-01-05,睢县,自营,1,860123456789012\n" * 2
    found = export(write(tmp_path, text), Digester(b"k" * 32))
    assert found.rows["_row"].tolist() == [2, 3, 4]
    assert row_faults(found) == [(5, "", "the same key once more")]


def test_a_month_beside_its_days_is_rejected(tmp_path: Path) -> None:
    text = HEAD + "2010-01,睢县,自营,3\n2010-01-05,睢县,自营,1\n2010-01,宁陵,自营,3\n2010-02,睢县,自营,3\n2010-01,睢县,社会,2\n"
    found = export(write(tmp_path, text))
    assert row_faults(found) == [(2, "", "a month beside its days"), (6, "", "a month beside its days")]
    assert found.rows["_row"].tolist() == [3, 4, 5]
    assert found.rejected["reasons"].tolist() == ["a month beside its days: row 3"] * 2


def test_cells_of_a_row_that_contradict_each_other_reject_it(tmp_path: Path) -> None:
    lines = "指标名,范围,方向,绿灯线,红灯线\n"
    lines += "progress_index,全省,越高越好,0.8,0.9\nprogress_index,甲,越高越好,1,0.9\nprogress_index,乙,越高越好,*,0.9\n"
    found = export(write(tmp_path, lines + "counter_rate,全省,越低越好,0.5,0.1\n"))
    assert row_faults(found) == [(2, "绿灯线", "0.8"), (5, "绿灯线", "0.5")]
    assert (len(found.rows), len(found.rejected)) == (2, 2)
    targets = "分公司,指标,开始,结束,目标\n甲,销量,2013-12-31,2013-01-01,5\n甲,销量,2013-01-01,2013-01-01,5\n"
    found = export(write(tmp_path, targets, "targets.csv"))
    assert row_faults(found) == [(2, "结束", "2013-01-01")]


def test_targets_and_counts_that_cannot_be_are_faults(tmp_path: Path) -> None:
    span = "2013-01-01,2013-12-31"
    lines = f"分公司,指标,开始,结束,目标\n甲,销量,{span},-5\n乙,销量,{span},0\n丙,净增,{span},-5\n丁,销量,{span},*\n"
    found = export(write(tmp_path, lines, "targets.csv"))
    # nought is loaded, and named
    assert [(f.row, f.found, str(f.severity)) for f in found.faults] == [(2, "-5", "row"), (3, "0", "note")]
    assert (len(found.rows), len(found.rejected)) == (3, 1)
    counts = "分公司,日期,参与量,在网量\n甲,2013-01,120,100\n乙,2013-01,50,0\n丙,2013-01,100,100\n"
    found = export(write(tmp_path, counts, "participation.csv"))
    assert row_faults(found) == [(2, "参与量", "120"), (3, "参与量", "50")]


def test_a_comments_period_is_written_as_reports_are(tmp_path: Path) -> None:
    lines = "分公司,期间,结论名,批注\n甲,2013-13,lift,一\n甲,2013-1,lift,二\n甲,2013-01,lift,三\n甲,,lift,四\n甲,2013-01..2013-03,lift,五\n"
    assert row_faults(export(write(tmp_path, lines, "notes.csv"))) == [(2, "期间", "2013-13"), (3, "期间", "2013-1")]


def test_a_total_that_differs_is_told_to_its_own_branch(tmp_path: Path) -> None:
    lines = "分公司,渠道,月份,台数\n甲,自营,2010-01,5\n甲,合计,2010-01,9\n乙,自营,2010-01,4\n合计,,2010-01,9\n"
    found = export(write(tmp_path, lines))
    assert [dict(note.values)["branch"] for note in found.notes if note.code == "total_differs"] == ["甲"]


def test_a_masked_subsidy_is_unknown_and_a_masked_count_is_rejected(tmp_path: Path) -> None:
    found = export(write(tmp_path, HEAD[:-1] + ",补贴\n2010-01,睢县,自营,3,*\n2010-01,睢县,社会,*,5\n"))
    assert found.rows["subsidy"].isna().tolist() == [True]
    assert row_faults(found) == [(3, "台数", "*")]


def test_a_percent_heading_over_fractions_is_refused_row_by_row(tmp_path: Path) -> None:
    found = export(write(tmp_path, "分公司,日期,参与率(%)\n睢县,2010-02,0.65\n宁陵,2010-02,0.5\n"))
    assert [(row, cell) for row, _, cell in row_faults(found)] == [(2, "0.65"), (3, "0.5")]
    assert len(found.rows) == 0


# ---- hostile cells ------------------------------------------------------------------------------------


def test_formula_like_cells_are_text_and_inert_where_they_are_written(tmp_path: Path) -> None:
    cells = ["=1+1", "@x", "+cmd", "-cmd", "=HYPERLINK(1)"]
    text = "=日期,日期,分公司,渠道,台数\n" + "".join(f"x,2010-01,{c},自营,{i}\n" for i, c in enumerate(cells))
    path = write(tmp_path, text + "x,2010-02,睢县,自营,=1+1\n", "=sales.csv")
    found = export(path)
    assert found.rows["branch"].tolist() == cells
    assert row_faults(found) == [(7, "台数", "=1+1")]
    adding.load(tmp_path / "store", [path])
    (record,) = rejected_csv(tmp_path / "store")
    assert record["file"] == "'=sales.csv"
    assert not any(value.startswith(("=", "+", "@")) for value in record.values())
    listed = CliRunner().invoke(main, ["check", str(path), "--format", "csv"])
    assert listed.output.splitlines()[1].startswith("'=sales.csv,,7,台数,'=1+1,")


def test_a_formula_of_a_workbook_is_never_computed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [["日期", "分公司", "渠道", "台数"], ["2010-01", "睢县", "自营", "=1+1"], ["2010-01", "睢县", "社会", 2]]:
        book.active.append(row)
    book.save(tmp_path / "formula.xlsx")
    found = export(tmp_path / "formula.xlsx")
    assert found.rows["units"].tolist() == [2]
    assert [(row, column) for row, column, _ in row_faults(found)] == [(2, "台数")]


def test_escape_sequences_never_reach_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "2010-01,睢县,\x1b[31m红\x1b]0;x\x07,3\n")
    for form in ("table", "csv", "json"):
        output = CliRunner().invoke(main, ["check", str(path), "--format", form]).output
        assert "\x1b" not in output
        assert "\x07" not in output
        assert "红" in output


def test_personal_numbers_are_digested_and_never_shown(tmp_path: Path) -> None:
    text = HEAD[:-1] + f",客户号码,机型\n2010-01-05,睢县,自营,1,{PHONE},x\n2010-01-05,睢县,自营,1x,{PHONE},x\n2010-01-05,睢县,{PHONE},1,1,x\n"
    path = write(tmp_path, text)
    found = export(path, Digester(b"k" * 32))
    assert found.rows["customer"].tolist() == [Digester(b"k" * 32).digest(PHONE)]
    adding.load(tmp_path / "store", [path])
    listed = CliRunner().invoke(main, ["check", str(path), "--format", "json"]).output
    stored = b"".join(p.read_bytes() for p in (tmp_path / "store").rglob("*") if p.is_file())
    assert PHONE not in listed
    assert PHONE.encode() not in stored
    assert json.loads(rejected_csv(tmp_path / "store")[0]["record"])["customer"] == "***"


def test_phone_like_numbers_of_free_text_are_masked(tmp_path: Path) -> None:
    path = write(tmp_path, f"活动,分公司,开始日期,活动内容\n迎新,睢县,2010-03-01,电{PHONE}送手机\n迎新,宁陵,2010-13-01,电{PHONE}\n")
    found = export(path)
    assert found.rows["offer"].tolist() == ["电***********送手机"]
    assert PHONE not in found.rejected["record"][0]


def test_records_of_every_sheet_of_a_workbook_are_counted(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("睢县", "宁陵"):
        sheet = book.create_sheet(name)
        for row in [["月份", "分公司", "自营", "社会", "小计"], ["2010-01", name, 1, 2, 3], ["2010-02", name, 1, "x", 3], ["合计", name, 2, 2, 6]]:
            sheet.append(row)
    book.save(tmp_path / "book.xlsx")
    checked = loading.check(tmp_path / "book.xlsx")
    assert [(e.sheet, e.records, len(e.rows), len(e.rejected), len(e.totals)) for e in checked.exports] == [
        ("睢县", 9, 3, 1, 5), ("宁陵", 9, 3, 1, 5),
    ]  # fmt: skip
    adding.load(tmp_path / "store", [tmp_path / "book.xlsx"])
    assert len(list((tmp_path / "store" / "rejected").glob("*.csv"))) == 2


def test_check_writes_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD[:-1] + f",客户号码\n2010-01-05,睢县,自营,1,{PHONE}\n")
    assert CliRunner().invoke(main, ["check", str(path)]).exit_code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["export.csv"]


def test_the_terminal_says_the_counts(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "2010-01,睢县,自营,3\n2010-01,睢县,社会,x\n合计,,,3\n")
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 1
    assert "export.csv: sales, 3 records = 1 good + 1 rejected + 1 stated totals" in done.output


def test_a_chunk_in_which_nothing_is_known_goes_with_the_others() -> None:
    known = pd.DataFrame({"model": pd.Series(["A1", None], dtype="str").astype("category")})
    unknown = pd.DataFrame({"model": pd.Series([None, None], dtype="object").astype("category")})
    for frames in ([known, unknown], [unknown, known]):
        whole = loading._together(frames)["model"]
        assert isinstance(whole.dtype, pd.CategoricalDtype)
        assert sorted(whole.dropna()) == ["A1"]
        assert len(whole) == 4

"""From a sheet as people make it to records, by the shape of its heading."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from g3lib.tables import loading, shaping
from g3lib.tables.loading import Export


def checked(tmp_path: Path, text: str, table: str | None = None) -> loading.Checked:
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8")
    return loading.check(path, table)


def export(tmp_path: Path, text: str, table: str | None = None) -> Export:
    result = checked(tmp_path, text, table)
    assert not result.faults
    (found,) = result.exports
    return found


def sales(found: Export) -> set[tuple[str, str, str, float]]:
    rows = found.rows
    months = rows["date"].dt.strftime("%Y-%m" if (rows["grain"] == "month").all() else "%Y-%m-%d")
    return set(zip(months, rows["branch"], rows["channel"], rows["units"], strict=True))


def refusals(tmp_path: Path, text: str, table: str | None = None) -> list[tuple[str, str, str]]:
    result = checked(tmp_path, text, table)
    assert not result.exports
    return [(fault.column, fault.found, fault.expected) for fault in result.faults]


def notes(found: Export) -> list[tuple[str, dict[str, str]]]:
    return [(note.code, dict(note.values)) for note in found.notes]


TWO_MONTHS = {
    ("2010-01", "睢县", "own", 1), ("2010-01", "睢县", "social", 2),
    ("2010-02", "睢县", "own", 3), ("2010-02", "睢县", "social", 4),
}  # fmt: skip


def test_english_headings_and_words(tmp_path: Path) -> None:
    text = "Date,Branch Name,Sales Channel,Quantity,Device Class\n2010-01,睢县,own,1,phone\n"
    found = export(tmp_path, text)
    assert sales(found) == {("2010-01", "睢县", "own", 1)}
    assert found.rows["device_class"].tolist() == ["handset"]


def test_title_rows_above_the_heading(tmp_path: Path) -> None:
    text = "某省公司终端销售月报,,,\n制表：张三,,,\n,,,\n日期,分公司,渠道,台数\n2010-01,睢县,自营,1\n"
    found = export(tmp_path, text)
    assert sales(found) == {("2010-01", "睢县", "own", 1)}
    assert found.rows["_row"].tolist() == [5]


def test_a_branch_in_the_title_is_every_rows_branch(tmp_path: Path) -> None:
    found = export(tmp_path, "分公司：南区分公司,,\n月份,渠道,台数\n09年11月,自营,90\n")
    assert sales(found) == {("2009-11", "南区分公司", "own", 90)}


@pytest.mark.parametrize(("unit", "factor"), [("万元", 10_000), ("千元", 1000), ("亿元", 1e8)])
def test_a_unit_in_the_title_is_applied_and_said(tmp_path: Path, unit: str, factor: float) -> None:
    text = f"补贴明细（单位：{unit}）,,,,\n日期,分公司,渠道,台数,补贴\n2010-01,睢县,自营,3,1.5\n"
    found = export(tmp_path, text)
    assert found.rows["subsidy"].tolist() == [1.5 * factor]
    assert found.rows["units"].tolist() == [3]
    assert notes(found) == [("unit_applied", {"heading": "subsidy", "unit": unit, "factor": f"{factor:,.0f}"})]


@pytest.mark.parametrize("heading", ["金额(万元)", "补贴（万元）", "补贴[万元]", "金额（ 万元 ）"])
def test_a_unit_in_a_heading_is_applied_and_said(tmp_path: Path, heading: str) -> None:
    found = export(tmp_path, f"日期,分公司,渠道,台数,{heading}\n2010-01,睢县,自营,3,1.5\n2010-02,睢县,自营,3,0.07\n")
    assert found.rows["subsidy"].tolist() == [15_000, 700]
    assert notes(found) == [("unit_applied", {"heading": heading, "unit": "万元", "factor": "10,000"})]


def test_a_unit_that_the_column_cannot_have_is_refused(tmp_path: Path) -> None:
    ((column, found, expected),) = refusals(tmp_path, "日期,分公司,渠道,台数,补贴(美元)\n2010-01,睢县,自营,3,1\n")
    assert (column, found) == ("补贴(美元)", "unit 美元")
    assert "万元" in expected


def test_a_title_unit_that_changes_nothing_is_said(tmp_path: Path) -> None:
    found = export(tmp_path, "终端销量（单位：吨）,,,\n日期,分公司,渠道,台数\n2010-01,睢县,自营,3\n")
    assert notes(found) == [("unknown_title_unit", {"unit": "吨"})]


def test_an_unknown_heading_is_said_and_not_loaded(tmp_path: Path) -> None:
    found = export(tmp_path, "日期,分公司,渠道,台数,备用列\n2010-01,睢县,自营,3,x\n")
    assert notes(found) == [("unknown_heading", {"heading": "备用列"})]
    assert "备用列" not in found.rows


def test_a_total_column_of_a_long_table_is_said(tmp_path: Path) -> None:
    found = export(tmp_path, "日期,分公司,渠道,台数,合计\n2010-01,睢县,自营,3,3\n")
    assert notes(found) == [("unknown_heading", {"heading": "合计"})]


def test_the_same_measure_long_and_wide_is_taken_wide_and_said(tmp_path: Path) -> None:
    found = export(tmp_path, "日期,分公司,销量,自营,社会\n2010-01,睢县,3,1,2\n")
    assert sales(found) == {("2010-01", "睢县", "own", 1), ("2010-01", "睢县", "social", 2)}
    assert notes(found) == [("unknown_heading", {"heading": "销量"})]


@pytest.mark.parametrize(("first", "second"), [("台数", "台数"), ("台数", "销量"), ("数量", "Quantity")])
def test_a_doubled_heading_is_refused_and_both_are_named(tmp_path: Path, first: str, second: str) -> None:
    ((column, found, _),) = refusals(tmp_path, f"日期,分公司,渠道,{first},{second}\n2010-01,睢县,自营,3,4\n")
    assert (column, found) == (second, f"stands for 'units', which an earlier column, {first!r}, gives")


def test_a_doubled_month_is_refused(tmp_path: Path) -> None:
    ((column, found, _),) = refusals(tmp_path, "分公司,渠道,2010年1月,201001月,2010-01\n睢县,自营,3,x,4\n", "sales")
    assert column == "2010-01"
    assert "'2010年1月'" in found


def test_no_heading_at_all_is_refused(tmp_path: Path) -> None:
    ((_, found, expected),) = refusals(tmp_path, "你好,世界\n1,2\n")
    assert found == "no known heading in the first rows"
    assert "日期" in expected


def test_headings_without_rows_are_a_fault(tmp_path: Path) -> None:
    assert refusals(tmp_path, "日期,分公司,渠道,台数\n") == [("", "headings and no figures below", "rows")]


def test_every_missing_column_is_named(tmp_path: Path) -> None:
    faults = refusals(tmp_path, "日期,机型,台数\n2010-01,x,3\n", "sales")
    assert [column for column, _, _ in faults] == ["branch", "channel"]


@pytest.mark.parametrize("months", ["2010年1月,2010年2月", "10年1月,10年2月", "2010-01,2010-02", "2010/1,2010/2"])
def test_wide_months_turn_long(tmp_path: Path, months: str) -> None:
    found = export(tmp_path, f"分公司,渠道,{months}\n睢县,自营,1,3\n睢县,社会,2,4\n")
    assert sales(found) == TWO_MONTHS
    assert sorted(found.rows["_row"]) == [2, 2, 3, 3]


def test_wide_channels_turn_long(tmp_path: Path) -> None:
    assert sales(export(tmp_path, "月份,分公司,自营渠道,社会渠道\n201001,睢县,1,2\n201002,睢县,3,4\n")) == TWO_MONTHS


def test_a_channel_that_is_also_a_columns_name_is_a_channel_where_the_table_has_no_such_column(tmp_path: Path) -> None:
    found = export(tmp_path, "branch,date,own,end\n睢县,2010-01,1,2\n")
    assert sales(found) == {("2010-01", "睢县", "own", 1), ("2010-01", "睢县", "end", 2)}


def test_wide_columns_of_two_kinds_are_refused(tmp_path: Path) -> None:
    ((column, found, expected),) = refusals(tmp_path, "分公司,日期,渠道,2010年1月,自营\n睢县,2010-01,社会,1,2\n", "sales")
    assert (column, found, expected) == ("自营", "a wide column of another kind", "columns that all say date")


def test_empty_cells_of_wide_columns_hold_no_record_and_are_counted(tmp_path: Path) -> None:
    found = export(tmp_path, "分公司,渠道,2010年1月,2010年2月\n睢县,自营,1,\n宁陵,社会,,4\n")
    assert sales(found) == {("2010-01", "睢县", "own", 1), ("2010-02", "宁陵", "social", 4)}
    assert found.records == 2
    assert notes(found) == [("blank_wide", {"count": "2"})]


def test_bare_months_take_the_titles_year(tmp_path: Path) -> None:
    assert sales(export(tmp_path, "2010年终端销量,,,\n分公司,渠道,1月,2月\n睢县,自营,1,3\n睢县,社会,2,4\n")) == TWO_MONTHS


@pytest.mark.parametrize("title", ["终端销量,,,\n", "2009年11月-2010年2月销量,,,\n", "2009-2010年销量,,,\n", ""])
def test_months_without_one_year_are_refused(tmp_path: Path, title: str) -> None:
    faults = refusals(tmp_path, title + "分公司,渠道,1月,2月\n睢县,自营,1,3\n")
    assert [(column, found) for column, found, _ in faults] == [("1月", "a month without a year"), ("2月", "a month without a year")]


def test_a_year_above_its_months(tmp_path: Path) -> None:
    found = export(tmp_path, "分公司,渠道,2009年,,2010年,\n,,11月,12月,1月,2月\n睢县,自营,1,2,3,4\n")
    assert sales(found) == {("2009-11", "睢县", "own", 1), ("2009-12", "睢县", "own", 2),
                            ("2010-01", "睢县", "own", 3), ("2010-02", "睢县", "own", 4)}  # fmt: skip


@pytest.mark.parametrize(
    "heading",
    [
        "分公司,2010年1月,,2010年2月,\n,自营,社会,自营,社会\n",
        "分公司,2010年1月,,2010年2月,\n分公司,自营,社会,自营,社会\n",
        "分公司,2010年1月自营,2010年1月社会,2010年2月-自营,2010年2月_社会\n",
        "销量表,,,,\n分公司,2010年1月,,2010年2月,\n,自营,社会,自营,社会\n",
    ],
)
def test_months_over_channels(tmp_path: Path, heading: str) -> None:
    assert sales(export(tmp_path, heading + "睢县,1,2,3,4\n")) == TWO_MONTHS


def test_channels_over_months(tmp_path: Path) -> None:
    text = "分公司,自营,,社会,\n,2010年1月,2010年2月,2010年1月,2010年2月\n睢县,1,3,2,4\n"
    assert sales(export(tmp_path, text)) == TWO_MONTHS


def test_measures_over_months(tmp_path: Path) -> None:
    text = "分公司,参与量,,参与率,\n,2010年2月,2010年3月,2010年2月,2010年3月\n睢县,2063,8982,9.65%,41.36%\n"
    rows = export(tmp_path, text).rows
    assert rows["participants"].tolist() == [2063, 8982]
    assert rows["rate"].tolist() == [0.0965, 0.4136]
    assert rows["date"].dt.month.tolist() == [2, 3]


def test_merged_two_row_headings_of_a_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["终端销量"], ["分公司", "2010年1月", None, "2010年2月"], [None, "自营", "社会", "自营", "社会"], ["睢县", 1, 2, 3, 4]]:
        sheet.append(row)
    for place in ("A1:E1", "A2:A3", "B2:C2", "D2:E2"):
        sheet.merge_cells(place)
    book.save(tmp_path / "merged.xlsx")
    (found,) = loading.check(tmp_path / "merged.xlsx").exports
    assert sales(found) == TWO_MONTHS
    assert found.rows["_row"].unique().tolist() == [4]


def test_repeated_heading_rows_are_no_data(tmp_path: Path) -> None:
    head = "分公司,2010年1月,,2010年2月,\n,自营,社会,自营,社会\n"
    found = export(tmp_path, head + "睢县,1,2,3,4\n" + head + "宁陵,5,6,7,8\n")
    assert (found.records, len(found.rows), len(found.rejected)) == (8, 8, 0)
    assert notes(found) == [("repeated_heading", {"count": "2"})]
    long = export(tmp_path, "日期,分公司,渠道,台数\n2010-01,睢县,自营,3\n日期,分公司,渠道,台数\n2010-02,睢县,自营,3\n")
    assert (long.records, len(long.rows)) == (2, 2)


def test_the_captions_months_disagree_with_the_rows(tmp_path: Path) -> None:
    text = "分公司：南区分公司,,,,\n调查1:1-3月三大渠道G3终端发展量（单位：台）,,,,\n月份,自营\n09年11月,90\n10年1月,103\n"
    found = export(tmp_path, text)
    caption = "调查1:1-3月三大渠道G3终端发展量（单位：台）"
    assert ("caption_months", {"caption": caption, "data": "2009-11..2010-01"}) in notes(found)
    assert len(found.rows) == 2


def test_the_captions_months_agree(tmp_path: Path) -> None:
    found = export(tmp_path, "1-3月销量,,,\n日期,分公司,渠道,台数\n2010-02,睢县,自营,3\n")
    assert notes(found) == []


def test_targets_of_a_wide_month_end_with_the_month(tmp_path: Path) -> None:
    found = export(tmp_path, "分公司,指标,2010年2月\n睢县,销量,100\n", "targets")
    assert found.rows[["start", "end"]].astype("str").to_numpy().tolist() == [["2010-02-01", "2010-02-28"]]


def test_a_made_up_table_is_known_as_one(tmp_path: Path) -> None:
    assert export(tmp_path, "made-up data 虚构,,,\n日期,分公司,渠道,台数\n2010-01,样例,自营,3\n").made_up


def test_a_unit_or_a_year_keeps_what_a_heading_may_mean() -> None:
    # "end" is a column of targets and a channel of sales: which one is settled by the table, in every form
    for text in ("end", "end(台)", "2010年1月end"):
        assert shaping.meaning(text).instead == {"channel": "end"}, text


def test_one_channel_under_each_month_is_a_second_heading_row(tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    path.write_text("分公司,2010年1月,2010年2月\n,自营,自营\n睢县,3,4\n宁陵,5,6\n", encoding="utf-8")
    (export,) = loading.check(path).exports
    assert (len(export.rows), len(export.rejected), export.faults) == (4, 0, [])
    assert sorted(zip(export.rows["branch"], export.rows["units"], strict=True)) == [("宁陵", 5), ("宁陵", 6), ("睢县", 3), ("睢县", 4)]
    assert set(export.rows["channel"]) == {"own"}

"""One cell → one value or a fault, by the shape of the cell."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import openpyxl
import pandas as pd
import pytest

from g3lib.tables import adding, cells, loading
from g3lib.tables.identity import Digester
from g3lib.tables.schema import TABLES, Column, Kind
from g3lib.tables.store import Store


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1234", 1234), ("1,234", 1234), ("1,234,567", 1234567), ("1234台", 1234), ("1234元", 1234),
        ("１，２３４", 1234), ("　１２　", 12), ("1.2万", 12000), ("1.2万元", 12000), ("3千", 3000), ("2亿", 2e8),
        ("约65", 65), ("(5)", -5), ("-3", -3), ("−3", -3), ("¥1,234.50", 1234.5), ("1e3", 1000), ("0", 0),
        ("0.1", 0.1), ("007", 7),
    ],
)  # fmt: skip
def test_numbers_as_exports_write_them(cell: str, value: float) -> None:
    assert cells.number(cell) == value


@pytest.mark.parametrize(
    "cell", ["1,23", "12,34,567", "1.2.3", "=1+1", "+cmd", "@x", "1x", "9.98%", "inf", "nan", "1e999", "1e308万"]
)
def test_what_is_no_number_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="number"):
        cells.number(cell)


@pytest.mark.parametrize(("cell", "unit", "value"), [("1.2", 1e4, 12000), ("1.2万", 1e4, 12000), ("1234元", 1e4, 1234)])
def test_a_cells_own_unit_stands_before_its_headings(cell: str, unit: float, value: float) -> None:
    assert cells.money(cell, unit) == value


def test_yuan_are_no_count_and_units_no_money() -> None:
    with pytest.raises(ValueError, match="not 元"):
        cells.count("12元")
    with pytest.raises(ValueError, match="not 台"):
        cells.money("12台")
    assert cells.count("12台") == 12
    assert cells.money("12元") == 12


@pytest.mark.parametrize("cell", ["1.5", "0.1万1", "12.5台"])
def test_part_of_a_device_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="number"):
        cells.count(cell)


@pytest.mark.parametrize(
    ("cell", "unit", "value"),
    [("9.98%", 1, 0.0998), ("约65%", 1, 0.65), ("９．９８％", 1, 0.0998), ("0.65", 1, 0.65), ("65", 0.01, 0.65),
     ("65%", 0.01, 0.65), ("100%", 1, 1), ("0", 1, 0), ("17.4%", 1, 0.174)],
)  # fmt: skip
def test_rates_are_fractions(cell: str, unit: float, value: float) -> None:
    assert cells.rate(cell, unit) == value


@pytest.mark.parametrize("cell", ["1.5", "65", "1.2万", "65元", "六成"])
def test_a_rate_that_nobody_can_know_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"rate|fraction"):
        cells.rate(cell)


@pytest.mark.parametrize(
    ("cell", "day", "grain"),
    [
        ("2010/3/5", date(2010, 3, 5), "day"), ("2010-03-05", date(2010, 3, 5), "day"), ("20100305", date(2010, 3, 5), "day"),
        ("2010-03-05 00:00:00", date(2010, 3, 5), "day"), ("2010年3月5日", date(2010, 3, 5), "day"),
        ("40242", date(2010, 3, 5), "day"), ("40242.0", date(2010, 3, 5), "day"), ("２０１０年３月", date(2010, 3, 1), "month"),
        ("2010年3月", date(2010, 3, 1), "month"), ("09年11月", date(2009, 11, 1), "month"), ("201003", date(2010, 3, 1), "month"),
        ("2010-03", date(2010, 3, 1), "month"), ("2010年2月初", date(2010, 2, 1), "month"), ("2012-02-29", date(2012, 2, 29), "day"),
    ],
)  # fmt: skip
def test_days_and_months(cell: str, day: date, grain: str) -> None:
    assert cells.when(cell) == (day, grain)


@pytest.mark.parametrize("cell", ["2010-02-30", "2010-13", "201013", "2011-02-29", "2010年0月", "00000101"])
def test_a_day_that_does_not_exist_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match=r"day that exists|a date such as"):
        cells.when(cell)


@pytest.mark.parametrize("cell", ["3/5/2010", "5.3.10", "12345", "1", "昨天", "11月"])
def test_a_date_that_could_be_two_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="a date such as"):
        cells.when(cell)


@pytest.mark.parametrize("cell", ["", " ", "　", "-", "--", "—", "/", "_", "*", "**", "＊", "*%", "*.*%", "N/A", "n/a", "#N/A", "nan"])
def test_missing_is_unknown(cell: str) -> None:
    assert cells.is_missing(cell)


@pytest.mark.parametrize("cell", ["0", "0%", "无", "-1", "=A1", "*1"])
def test_what_says_something_is_not_missing(cell: str) -> None:
    assert not cells.is_missing(cell)


def test_a_masked_figure_is_null_and_never_zero() -> None:
    read = cells.read_column(pd.Series(["*", "12", "-"]), Column("subsidy", Kind.MONEY), 1, None)
    assert read.values.isna().tolist() == [True, False, True]
    assert read.values[1] == 12
    assert not read.faults


def test_a_column_keeps_its_order_and_names_each_bad_text_once() -> None:
    read = cells.read_column(pd.Series(["3", "x", "1", "x"], index=[7, 8, 9, 10]), TABLES["sales"].column("units"), 1, None)
    assert read.values.dropna().to_dict() == {7: 3.0, 9: 1.0}
    assert list(read.faults) == ["x"]


def test_what_was_understood_is_said() -> None:
    money = Column("subsidy", Kind.MONEY)
    assert cells.read_column(pd.Series(["1.2万"]), money, 1, None).notes == {"scaled_cells"}
    assert cells.read_column(pd.Series(["约65%"]), Column("rate", Kind.RATE), 1, None).notes == {"approximate"}
    assert cells.read_column(pd.Series(["40242"]), Column("date", Kind.DATE), 1, None).notes == {"excel_dates"}
    assert cells.read_column(pd.Series(["1234"]), money, 1, None).notes == frozenset()


def test_personal_numbers_are_digested_and_free_text_is_masked() -> None:
    personal = cells.read_column(pd.Series(["13800138000", "138 0013 8000"]), Column("customer", Kind.PERSONAL), 1, Digester(b"k" * 32))
    assert personal.values[0] == personal.values[1] != "13800138000"
    assert len(personal.values[0]) == 24
    free = cells.read_column(pd.Series(["电13800138000，送手机3台"]), Column("offer", Kind.FREE), 1, None)
    assert free.values[0] == "电***********，送手机3台"


def test_identifiers_are_text_with_their_leading_zeros() -> None:
    assert cells.read_column(pd.Series([" 00123 "]), Column("outlet", Kind.TEXT), 1, None).values[0] == "00123"


def test_a_flag_is_yes_no_or_a_fault() -> None:
    read = cells.read_column(pd.Series(["是", "0", "也许"]), Column("device_matched", Kind.FLAG), 1, None)
    assert read.values[:2].tolist() == [True, False]
    assert read.faults == {"也许": "是 or 否"}


MOMENT = datetime(2013, 5, 18, 10, 32)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2013-05-18 10:32", MOMENT), ("2013/5/18 10:32:05", MOMENT.replace(second=5)), ("2013-05-18T10:32:05.7", MOMENT.replace(second=5)),
        ("2013年5月18日 10:32", MOMENT), ("２０１３/５/１８ １０：３２", MOMENT), ("20130518103205", MOMENT.replace(second=5)),
        ("20130518 10:32", MOMENT), ("2013.5.18 0:00", datetime(2013, 5, 18)), ("41412.4375", datetime(2013, 5, 18, 10, 30)),
        ("41412.999999", datetime(2013, 5, 19)), ("41412", datetime(2013, 5, 18)), ("2013-05-18", datetime(2013, 5, 18)),
        ("13年5月", datetime(2013, 5, 1)),
    ],
)  # fmt: skip
def test_a_moment_keeps_its_time_of_day_and_a_plain_day_stays_a_day(cell: str, moment: datetime) -> None:
    assert cells.moment(cell) == moment


@pytest.mark.parametrize("cell", ["2013-05-18 24:00", "2013-05-18 10:60", "2013-02-30 10:32", "10:32", "2013-05-18 10", "18.5.2013 10:32"])
def test_a_moment_that_does_not_exist_is_refused(cell: str) -> None:
    with pytest.raises(ValueError, match="time of day|day that exists|a date such as"):
        cells.moment(cell)


def test_only_the_activation_keeps_its_time() -> None:
    timed = {(table.name, column.name) for table in TABLES.values() for column in table.columns if column.timed}
    assert timed == {("sales", "activated_at")}
    texts = pd.Series(["2013-05-18 10:32", "2013-05-18"])
    moments = cells.read_column(texts, TABLES["sales"].column("activated_at"), 1, None)
    assert moments.values.tolist() == [pd.Timestamp("2013-05-18 10:32"), pd.Timestamp("2013-05-18")]
    days = cells.read_column(texts, TABLES["sales"].column("date"), 1, None)
    assert days.values.tolist() == [pd.Timestamp("2013-05-18")] * 2
    assert moments.values.dtype == days.values.dtype == "datetime64[us]"


def test_a_time_in_a_workbook_reaches_the_store_and_a_correction_still_corrects(tmp_path: Path) -> None:
    head = ["日期", "分公司", "渠道", "台数", "激活时间"]
    for name, units in {"a.xlsx": 3, "a-corrected.xlsx": 4}.items():
        book = openpyxl.Workbook()
        for row in (head, [date(2013, 5, 18), "睢县", "自营", units, MOMENT], [date(2013, 5, 19), "睢县", "自营", 1, date(2013, 5, 20)]):
            book.worksheets[0].append(row)
        book.save(tmp_path / name)
    loaded = adding.load(tmp_path / "store", [tmp_path / "a.xlsx", tmp_path / "a-corrected.xlsx"])
    assert [outcome.state for one in loaded for outcome in one.outcomes] == ["added", "replaced"]
    rows = Store(tmp_path / "store").read("sales").sort_values("date")
    assert rows["units"].tolist() == [4, 1]
    assert rows["activated_at"].tolist() == [pd.Timestamp(MOMENT), pd.Timestamp("2013-05-20")]


def test_two_rows_of_one_customer_and_moment_are_one_too_many() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        row = "2013-05-18,睢县,自营,1,2013-05-18 10:32,13800138000"
        path.write_text(f"日期,分公司,渠道,台数,激活时间,客户号码\n{row}\n{row}\n", encoding="utf-8")
        (export,) = loading.check(path, None, Digester(b"k" * 32)).exports
    assert (len(export.rows), export.rejected["row"].tolist()) == (1, [3])

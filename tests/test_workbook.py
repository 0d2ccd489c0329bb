"""The .xlsx beside a report: read back by another library, cell by cell."""

from __future__ import annotations

import io

import openpyxl
import pandas as pd
import pytest

from g3lib.errors import UsageError
from g3lib.report import workbook

FRAME = pd.DataFrame({
    "model": ["=1+1", "http://x", "样例机A1"], "channel": ["own", None, "kiosk"], "units": [1234.0, float("nan"), 0.0],
    "rate": [0.123456, 0.5, 0.0], "subsidy_yuan": [1234567.891, 0.0, -1.0],
})  # fmt: skip


def sheet(frame: pd.DataFrame, lang: str = "zh"):
    return openpyxl.load_workbook(io.BytesIO(workbook.xlsx({"表": frame}, lang)))["表"]  # type: ignore[arg-type]


def test_values_are_numbers_with_all_their_digits() -> None:
    rows = list(sheet(FRAME).iter_rows(values_only=True))
    assert rows[0] == ("机型", "渠道", "台数", "补贴率", "补贴额")
    assert rows[1] == ("=1+1", "自营", 1234, 0.123456, 1234567.891)
    assert rows[2][2] is None
    assert sheet(FRAME)["D2"].number_format == "0.00%"


def test_no_text_is_a_live_formula_or_link() -> None:
    found = sheet(FRAME)
    assert found["A2"].data_type == "s"
    assert found["A3"].hyperlink is None


def test_english_words() -> None:
    assert [c.value for c in sheet(FRAME, "en")[2]][:2] == ["=1+1", "own"]


def test_the_same_tables_give_the_same_bytes() -> None:
    assert workbook.xlsx({"a": FRAME}, "zh") == workbook.xlsx({"a": FRAME.copy()}, "zh")


def test_an_empty_table_is_a_sheet_with_its_heading() -> None:
    assert sheet(FRAME.iloc[:0]).max_row == 1


def test_a_table_too_long_for_a_sheet_is_refused_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "_MOST_ROWS", 2)
    with pytest.raises(UsageError, match="表 has 3 rows; a sheet holds 2"):
        workbook.xlsx({"表": FRAME}, "zh")


def test_what_has_no_words_is_still_a_number_and_awkward_values_have_a_cell() -> None:
    frame = pd.DataFrame({"hazard": [0.0123, float("inf")], "flag": pd.array([True, None], "boolean"), "rows": [(1, 2), ()],
                          "day": pd.to_datetime(["2013-01-05", None])})  # fmt: skip
    rows = list(sheet(frame).iter_rows(min_row=2, values_only=True))
    assert rows == [(0.0123, "True", "1, 2", "2013-01-05"), ("∞", None, None, None)]


def test_a_title_too_long_is_refused_not_cut() -> None:
    with pytest.raises(UsageError, match="31 characters"):
        workbook.xlsx({"表" * 32: FRAME}, "zh")

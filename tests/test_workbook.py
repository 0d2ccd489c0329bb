"""The .xlsx beside a report: read back by another library, cell by cell."""

from __future__ import annotations

import io
import re
from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from g3lib.errors import UsageError
from g3lib.report import workbook
from g3lib.runs import batch
from g3lib.runs.crew import Crew
from g3lib.runs.notebooks import find

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
    assert rows == [(0.0123, "是", "1, 2", datetime(2013, 1, 5)), ("∞", None, None, None)]


def test_a_title_too_long_is_refused_not_cut() -> None:
    with pytest.raises(UsageError, match="31 characters"):
        workbook.xlsx({"表" * 32: FRAME}, "zh")


@pytest.fixture(scope="module", params=["zh", "en"])
def made(request: pytest.FixtureRequest, workspace_copy) -> list[Path]:
    """The workbooks that `g3 run` writes beside the subsidy reports of the made-up province."""
    notebooks = [one for one in find(workspace_copy.notebooks) if one.path.stem in ("01-subsidy-efficiency", "05-subsidy-plan")]
    planned = batch.plan(workspace_copy, notebooks, ["样例一区", "样例省（虚构）"], lang=request.param)
    rows: list = []
    with Crew(2) as crew:
        batch.execute(planned, crew, rows.append)
    assert [row.state for row in rows] == ["ok", "ok"], rows
    return [(workspace_copy.reports / row.period / row.html).with_suffix(".xlsx") for row in rows]


def test_nothing_in_the_subsidy_workbooks_is_a_word_of_the_code(made: list[Path], request: pytest.FixtureRequest) -> None:
    chinese = "[zh]" in request.node.name
    raw = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+" + ("|[a-z][a-z ]*[a-z]|True|False|None" if chinese else "|True|False|None"))
    found = set()
    for path in made:
        for one in openpyxl.load_workbook(path, read_only=True):
            rows = list(one.iter_rows(values_only=True))
            assert len(set(rows[0])) == len(rows[0]), one.title
            found |= {(path.stem, one.title, cell) for row in rows for cell in row if isinstance(cell, str) and raw.fullmatch(cell)}
    assert not found

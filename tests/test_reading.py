"""Files → sheets of texts: encodings, delimiters, workbooks, and what is no table."""

from __future__ import annotations

import random
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlwt

from g3lib.errors import Severity
from g3lib.tables import loading
from g3lib.tables.reading import CHUNK_ROWS, Sheet, Unreadable, read

ROWS = [["日期", "分公司", "渠道", "台数"], ["2010-01", "睢县", "自营", "3"], ["2010-02", "宁陵", "社会", "4"]]


def lines(delimiter: str = ",", rows: list[list[str]] = ROWS) -> str:
    return "".join(delimiter.join(row) + "\n" for row in rows)


def cells(sheet: Sheet) -> list[list[str]]:
    return [row for chunk in sheet.chunks() for row in chunk.to_numpy().tolist()]


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read(path)
    fault = caught.value.fault
    assert (fault.file, fault.severity) == (path.name, Severity.FILE)
    return f"{fault.found} | {fault.expected}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_encodings_and_delimiters(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "sales.csv"
    bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
    path.write_bytes(bom + lines(delimiter).encode(encoding))
    (sheet,) = read(path)
    assert sheet.head == ROWS
    assert cells(sheet) == ROWS
    assert sheet.remark.endswith({",": "comma", "\t": "tab", ";": "semicolon"}[delimiter])


def test_a_rare_character_that_gbk_lacks_is_read_as_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(lines(rows=[*ROWS, ["2010-03", "𠮷县", "自营", "1"]]).encode("gb18030"))
    assert cells(read(path)[0])[3][1] == "𠮷县"


def test_a_gbk_character_across_a_block_border(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(lines().encode("gbk") + b"," + "县".encode("gbk") * (1 << 19) + b"\n")
    assert cells(read(path)[0])[3][1] == "县" * (1 << 19)


def test_commas_inside_quoted_cells_and_lines_inside_them_keep_the_analysts_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text('日期,分公司,渠道,台数\n2010-01,"睢\n县",自营,"1,234"\n2010-02,宁陵,社会,4\n', encoding="utf-8")
    (chunk,) = read(path)[0].chunks()
    assert chunk.loc[2].tolist() == ["2010-01", "睢\n县", "自营", "1,234"]
    assert chunk.loc[3, 1] == "宁陵"


def test_ragged_rows_are_filled_up_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text("a,b\n1\n1,2,3\n", encoding="utf-8")
    assert cells(read(path)[0]) == [["a", "b", ""], ["1", "", ""], ["1", "2", "3"]]


def test_a_long_file_comes_in_chunks_with_running_row_numbers(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("a,b\n" + "1,2\n" * (CHUNK_ROWS + 5), encoding="utf-8")
    chunks = list(read(path)[0].chunks())
    assert [len(chunk) for chunk in chunks] == [CHUNK_ROWS, 6]
    assert (chunks[1].index[0], chunks[1].index[-1]) == (CHUNK_ROWS + 1, CHUNK_ROWS + 6)


def test_empty_sheets_are_skipped(tmp_path: Path) -> None:
    path = workbook(tmp_path / "sales.xlsx", {"空": [], "销量": ROWS, "也空": [[None, ""]]})
    assert [sheet.name for sheet in read(path)] == ["销量"]
    assert "only empty sheets" in refusal(workbook(tmp_path / "none.xlsx", {"空": []}))


def test_cells_of_a_workbook_leave_as_the_analyst_sees_them(tmp_path: Path) -> None:
    row = [date(2010, 3, 5), datetime(2010, 3, 5, 8, 30), 3.0, 0.0998, 13800138000, True, None, "=x"]
    path = workbook(tmp_path / "cells.xlsx", {"a": [row[:7]]})
    assert read(path)[0].head == [["2010-03-05", "2010-03-05 08:30:00", "3", "0.0998", "13800138000", "是"]]


@pytest.mark.parametrize("top", [1, 3])
def test_a_cell_merged_downwards_stands_in_every_row(tmp_path: Path, top: int) -> None:
    book = openpyxl.Workbook()
    for row in [["标题", None]] * (top - 1) + [["分公司", "台数"], ["睢县", 1], [None, 2], ["宁陵", 3]]:
        book.active.append(row)
    book.active.merge_cells(start_row=top + 1, end_row=top + 2, start_column=1, end_column=1)
    book.save(tmp_path / "merged.xlsx")
    assert read(tmp_path / "merged.xlsx")[0].head[top:] == [["睢县", "1"], ["睢县", "2"], ["宁陵", "3"]]


def test_xls_and_parquet_say_the_same_as_csv(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("销量")
    for i, row in enumerate(ROWS):
        for j, cell in enumerate(row):
            sheet.write(i, j, int(cell) if cell.isdigit() else cell)
    book.save(str(tmp_path / "sales.xls"))
    pd.DataFrame(ROWS[1:], columns=ROWS[0]).assign(台数=[3, 4]).to_parquet(tmp_path / "sales.parquet")
    assert read(tmp_path / "sales.xls")[0].head == ROWS
    assert cells(read(tmp_path / "sales.parquet")[0]) == ROWS


def test_a_zip_bomb_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/worksheets/sheet1.xml", "w") as entry:
        for _ in range(60):
            entry.write(b"\0" * 1_000_000)
    assert path.stat().st_size < 100_000
    assert "60,000,000 bytes packed into" in refusal(path)


def test_one_cell_far_outside_the_table_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    book.active.cell(1_048_576, 16_384, "x")
    book.save(tmp_path / "far.xlsx")
    assert "row 1,048,576, column 16,384 | a sheet of at most 30,000,000 cells" in refusal(tmp_path / "far.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "an empty file"),
        ("blank.csv", b"\n\n,,\n", "only blank rows"),
        ("photo.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(128, 256)), "neither UTF-8 nor GB18030"),
        ("photo.xlsx", b"\x89PNG\r\n\x1a\n", "BadZipFile"),
        ("photo.xls", b"\x89PNG\r\n\x1a\n", "a workbook that opens in Excel"),
        ("photo.parquet", b"\x89PNG\r\n\x1a\n", "a readable .parquet file"),
        ("notes.pdf", b"%PDF", "one of .csv"),
        ("nosuffix", b"a,b\n", "no suffix"),
    ],
)
def test_what_is_no_table_is_refused_and_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert said in refusal(path)


def test_a_workbook_without_its_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hollow.xlsx", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    assert "a workbook that opens in Excel" in refusal(tmp_path / "hollow.xlsx")


@pytest.mark.parametrize(("suffix", "times"), [("xlsx", 40), ("xls", 15), ("parquet", 40)])
def test_a_damaged_file_is_a_fault_and_never_a_traceback(
    tmp_path: Path, suffix: str, times: int, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / f"whole.{suffix}"
    if suffix == "xlsx":
        workbook(whole, {"a": ROWS})
    elif suffix == "xls":
        book = xlwt.Workbook()
        for i, row in enumerate(ROWS):
            for j, cell in enumerate(row):
                (book.get_sheet(0) if i + j else book.add_sheet("a")).write(i, j, cell)
        book.save(str(whole))
    else:
        pd.DataFrame(ROWS[1:], columns=ROWS[0]).to_parquet(whole)
    # an .xls that says it is 16 million cells large is read as such: damage its container, not its rows
    reach = 2_000 if suffix == "xls" else len(whole.read_bytes())
    content, draw, refused = whole.read_bytes(), random.Random(2012), 0
    for _ in range(times):
        damaged = bytearray(content)
        if draw.random() < 0.4:
            damaged = damaged[: draw.randrange(1, len(damaged))]
        for _ in range(8):
            damaged[draw.randrange(min(reach, len(damaged)))] = draw.randrange(256)
        path = tmp_path / f"damaged.{suffix}"
        path.write_bytes(damaged)
        refused += bool(loading.check(path).all_faults)
    assert refused >= times / 2
    assert capfd.readouterr().err == ""


def test_an_unclosed_quote_late_in_a_long_file_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(lines() + "2010-01-05,睢县,自营,3\n" * 60 + '2010-01-05,"' + "x" * 1_200_000, encoding="utf-8")
    (fault,) = loading.check(path).all_faults
    assert (fault.severity, fault.row) == (Severity.FILE, None)
    assert "field larger" in fault.found

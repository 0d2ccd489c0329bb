"""Files → sheets of texts. What a file is (encoding, delimiter, workbook) is settled here; what it means
is not.

Every cell leaves as text, as the analyst sees it: a number keeps its digits, a date is ISO, a formula is
the value that was saved with it. A long CSV is read in pieces, so memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any

import pandas as pd

from g3lib.errors import DataError, Fault, Severity

SUFFIXES = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".parquet", ".yaml", ".yml")
HEAD_ROWS = 40
CHUNK_ROWS = 50_000
# A workbook is a zip. These bounds are far above any honest export and far below a machine's memory.
MAX_UNPACKED = 2_000_000_000
MAX_RATIO = 300
MAX_CELLS = 30_000_000  # a sheet is read as a rectangle: one cell far out spans millions of empty ones
_PLACE = re.compile(rb'\br="([A-Z]{0,3})(\d{1,7})"')
_TITLE_KEY = b"g3lib.title"

# RuntimeError: an encrypted entry; NotImplementedError: a version or method that zipfile does not know
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)

csv.field_size_limit(1_000_000)


class Unreadable(Exception):
    """A file of which nothing can be read; carries its fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.expected)
        self.fault = fault


@dataclass(frozen=True)
class Sheet:
    """One sheet: its first rows, and all rows in chunks of texts.

    `chunks()` yields frames with columns 0…n-1 whose index is the row number that the analyst sees.
    """

    file: str
    name: str
    head: list[list[str]]
    chunks: Callable[[], Iterator[pd.DataFrame]]
    remark: str = ""  # encoding and delimiter, said to the user

    @property
    def is_prose(self) -> bool:
        """Whether no row of the head has more than one cell: an explanation beside the data, no table."""
        return all(sum(bool(cell.strip()) for cell in row) <= 1 for row in self.head)


def read(path: Path) -> list[Sheet]:
    """The sheets of a file; empty ones are left out.

    Raises:
        Unreadable: an unknown kind of file, a broken one, or a zip bomb.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise _unreadable(path, suffix or "no suffix", "one of " + " ".join(SUFFIXES))
    try:
        if path.stat().st_size == 0:
            raise _unreadable(path, "an empty file", "a table")
        if suffix == ".parquet":
            return _parquet(path)
        if suffix in (".xlsx", ".xlsm", ".xls"):
            return _workbook(path)
        if suffix in (".yaml", ".yml"):
            return _yaml(path)
        return _delimited(path)
    except (OSError, ValueError, csv.Error, *_BAD_ZIP) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}", f"a readable {suffix} file") from error


def _unreadable(path: Path, found: str, expected: str) -> Unreadable:
    return Unreadable(Fault(path.name, "", None, "", found, expected, Severity.FILE))


# ---- delimited text -------------------------------------------------------------------------------


def _delimited(path: Path) -> list[Sheet]:
    encoding = encoding_of(path)
    with path.open(encoding=encoding, newline="") as file:
        sample = file.read(200_000)
    delimiter = _delimiter(sample)

    def rows() -> Iterator[list[str]]:
        with path.open(encoding=encoding, newline="") as file:
            yield from csv.reader(file, delimiter=delimiter)

    head = [row for row, _ in zip(rows(), range(HEAD_ROWS), strict=False)]
    if not any(any(cell.strip() for cell in row) for row in head):
        raise _unreadable(path, "only blank rows", "a table")
    named = {",": "comma", "\t": "tab", ";": "semicolon"}[delimiter]
    return [Sheet(path.name, "", head, lambda: _chunks(rows()), f"{encoding}, {named}")]


def encoding_of(path: Path) -> str:
    """How a text file is encoded.

    Raises:
        Unreadable: neither UTF-8, UTF-16 nor GB18030.
    """
    with path.open("rb") as file:
        start = file.read(4)
    marked = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # UTF-8 is strict enough to be recognised by decoding; GB18030 contains GBK and GB2312
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
    raise _unreadable(path, "bytes that are neither UTF-8 nor GB18030", "UTF-8, GB18030 or GBK text")


def _delimiter(sample: str) -> str:
    """The delimiter under which most rows have the same number of cells, more than one."""
    best, best_score = ",", 0
    for delimiter in (",", "\t", ";"):
        rows = list(csv.reader(io.StringIO(sample), delimiter=delimiter))[:HEAD_ROWS]
        widths = [len(row) for row in rows if len(row) > 1]
        if not widths:
            continue
        score = max(widths.count(width) * width for width in set(widths))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _chunks(rows: Iterator[list[str]]) -> Iterator[pd.DataFrame]:
    held: list[list[str]] = []
    first = 1
    for row in rows:
        held.append(row)
        if len(held) == CHUNK_ROWS:
            yield _frame(held, first)
            first += len(held)
            held = []
    if held:
        yield _frame(held, first)


def _frame(rows: list[list[str]], first: int) -> pd.DataFrame:
    width = max(map(len, rows), default=0)
    square = [row if len(row) == width else row + [""] * (width - len(row)) for row in rows]
    return pd.DataFrame(square, index=range(first, first + len(rows)), columns=range(width), dtype="str")


# ---- YAML -----------------------------------------------------------------------------------------


def _yaml(path: Path) -> list[Sheet]:
    from g3lib.tables.policy import MAX_YAML, yaml_grid

    encoding = encoding_of(path)
    with path.open(encoding=encoding) as file:
        text = file.read(MAX_YAML + 1)  # one more than is read tells that there is more
    try:
        rows = yaml_grid(text)
    except DataError as error:
        expected = "a list of rules, each “heading: value” a line; a value with a sign (*, >=) in quotes"
        raise _unreadable(path, str(error), expected) from error
    return [replace(_in_memory(path, "", rows), remark="yaml, row 2 is the first rule")]


# ---- workbooks ------------------------------------------------------------------------------------


def _workbook(path: Path) -> list[Sheet]:
    if path.suffix.lower() == ".xls":
        _refuse_damaged(path)
    else:
        _refuse_bomb(path)
    sheets = [_in_memory(path, name, rows) for name, rows in _grids(path)]
    if not sheets:
        raise _unreadable(path, "only empty sheets", "a table")
    return sheets


def _grids(path: Path) -> list[tuple[str, list[list[str]]]]:
    from python_calamine import CalamineError, CalamineWorkbook

    grids = []
    try:
        book = CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            rows = [[_as_text(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
            if not any(any(row) for row in rows):
                continue
            if path.suffix.lower() != ".xls":
                _fill_merged(rows, sheet.merged_cell_ranges or [])
            grids.append((name, rows))
    except CalamineError as error:
        raise _unreadable(path, str(error), "a workbook that opens in Excel") from error
    return grids


def _refuse_damaged(path: Path) -> None:
    # A damaged .xls has no checksum, and makes the Rust reader panic or abort the whole process: the
    # first opening is a child's, which may die of it, and may take no more memory than a sheet can need
    opened = subprocess.run([sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=False)
    if opened.returncode:
        said = opened.stdout.strip() or "a damaged workbook"
        raise _unreadable(path, said, "a workbook that opens in Excel")


_OPEN = """
import sys
from python_calamine import CalamineError, CalamineWorkbook
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
except ImportError:
    pass
try:
    book = CalamineWorkbook.from_path(sys.argv[1])
    for name in book.sheet_names:
        book.get_sheet_by_name(name).total_height
except CalamineError as error:
    sys.exit(print(error) or 1)
"""


def _in_memory(path: Path, name: str, rows: list[list[str]]) -> Sheet:
    return Sheet(path.name, name, rows[:HEAD_ROWS], lambda: _chunks(iter(rows)))


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if unpacked > MAX_UNPACKED or (unpacked > 50_000_000 and unpacked / packed > MAX_RATIO):
        found = f"{unpacked:,} bytes packed into {packed:,}"
        raise _unreadable(path, found, f"at most {MAX_UNPACKED:,} bytes, {MAX_RATIO} times the packed size")
    with zipfile.ZipFile(path) as archive:
        for entry in entries:
            with archive.open(entry) as packed_sheet:
                _refuse_vast(path, entry.filename, packed_sheet)


def _refuse_vast(path: Path, name: str, file: IO[bytes]) -> None:
    # Reading an entry to its end also checks its size and checksum, about which a bomb may lie
    columns = rows = 0
    rest = b""
    while block := file.read(1 << 20):
        if "worksheets/" not in name:
            continue
        for column, row in _PLACE.findall(rest + block):
            rows = max(rows, int(row))
            columns = max(columns, int.from_bytes(column))  # letters compare like numbers of base 256
        rest = block[-40:]
    if rows * _position(columns.to_bytes(3)) > MAX_CELLS:
        found = f"{name} reaches to row {rows:,}, column {_position(columns.to_bytes(3)):,}"
        raise _unreadable(path, found, f"a sheet of at most {MAX_CELLS:,} cells; delete what stands far outside the table")


def _position(letters: bytes) -> int:
    position = 0
    for letter in letters.lstrip(b"\0"):
        position = position * 26 + letter - 64
    return position


def _fill_merged(rows: list[list[str]], ranges: list[Any]) -> None:
    # a merged cell holds its text once; every cell that it covers means it. Only downwards: across, a
    # merged title would be read as as many headings
    for (top, left), (bottom, right) in ranges:
        if left != right and bottom == top:
            continue
        for row in range(top, min(bottom + 1, len(rows))):
            for col in range(left, min(right + 1, len(rows[row]))):
                rows[row][col] = rows[top][left]


def _as_text(cell: object) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "是" if cell else "否"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case float():
            return repr(cell)
        case datetime():
            return cell.date().isoformat() if cell.time() == time() else cell.isoformat(sep=" ", timespec="seconds")
        case date():
            return cell.isoformat()
        case _:
            return str(cell)


# ---- parquet --------------------------------------------------------------------------------------


def _parquet(path: Path) -> list[Sheet]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise _unreadable(path, str(error), "a readable .parquet file") from error
    names = [str(name) for name in file.schema_arrow.names]
    title = (file.schema_arrow.metadata or {}).get(_TITLE_KEY, b"").decode()
    above = [[title]] if title else []

    def chunks() -> Iterator[pd.DataFrame]:
        yield _frame([*above, names], 1)
        first = len(above) + 2
        for batch in pq.ParquetFile(path).iter_batches(CHUNK_ROWS):
            columns = {i: _texts(batch.column(i)) for i in range(len(names))}
            yield pd.DataFrame(columns, index=range(first, first + batch.num_rows), dtype="str")
            first += batch.num_rows

    return [Sheet(path.name, "", [*above, names], chunks, "parquet")]


def _texts(column: Any) -> list[str]:
    values = column.to_pylist()
    memo: dict[object, str] = {}
    texts = []
    for value in values:
        try:
            text = memo.get(value)
        except TypeError:  # a list or a struct in a cell
            text = str(value)
        if text is None:
            text = memo[value] = _as_text(value)
        texts.append(text)
    return texts

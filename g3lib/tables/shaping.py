"""From a sheet as people make it to records: which rows are titles, what each heading means, what is wide.

A heading is read as a set of meanings: a canonical column ("补贴(万元)"), a month ("09年11月"), a channel
("自营"), a total ("小计"), or several of them at once ("2010年1月销量", or a month above a channel in two
rows). Columns whose heading is a month or a channel are values of a wide table: each becomes a record.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources

from g3lib.errors import Fault, Severity
from g3lib.labels import code, fold
from g3lib.tables import headings
from g3lib.tables.cells import plain, when
from g3lib.tables.notes import Note
from g3lib.tables.reading import Sheet
from g3lib.tables.schema import TABLES, Table
from g3lib.tables.units import Units, heading_unit, title_unit

TOTAL = re.compile(r"(?P<of>.*?)(?:合计|小计|总计|总和|grandtotal|subtotal|total)[:：]?(?:[(（].*[)）])?")
MADE_UP = re.compile(r"made-?up data|虚构")
_UNIT = re.compile(r"(?P<name>.+?)[(（\[【](?P<unit>[^()（）\[\]【】]+)[)）\]】]")
_PAIR = re.compile(r"([^：:,，;；(（\s]{1,12})[：:]\s*([^：:,，;；)）]+)")
_BARE_MONTH = re.compile(r"(1[0-2]|0?[1-9])月份?")
_YEAR = re.compile(r"(20\d{2})年?度?")
_YEARS = re.compile(r"(20\d{2})(?=年|\s*[-—–~～至]\s*20\d{2}年)")
_MONTH_THEN = re.compile(r"((?:\d{4}|\d{2})年\d{1,2}月|\d{4}-\d{2}(?!\d))[-_]?(.+)")
_MONTH_SPAN = re.compile(r"(?<!\d)(\d{1,2})月?[-－~～—至到](\d{1,2})月")
_SUM = ("", "total")  # in the key of a wide record: a total over what the key leaves open
_Groups = dict[tuple[tuple[str, str], ...], dict[str, int]]  # dims of a wide record → its measures' positions
_DIMENSIONS = ("channel", "device_class", "contract")


@cache
def aliases() -> Mapping[str, frozenset[str]]:
    """Folded heading → the canonical columns that it may stand for (headings.csv and the names themselves)."""
    known: dict[str, set[str]] = {}
    for table in TABLES.values():
        for name in table.names:
            known.setdefault(fold(name), set()).add(name)
            known.setdefault(fold(name.replace("_", " ")), set()).add(name)
    text = resources.files("g3lib.tables").joinpath("headings.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        known.setdefault(fold(row["heading"]), set()).add(row["column"])
    return {heading: frozenset(columns) for heading, columns in known.items()}


def _columns_of(heading: str) -> frozenset[str]:
    """The canonical columns that a heading may stand for: as the library knows it, else as the province keeps it."""
    folded = fold(heading)
    if known := aliases().get(folded):
        return known
    return frozenset(column for word, column in headings.own().items() if fold(word) == folded)


@dataclass(frozen=True)
class Meaning:
    """What one heading says. `columns` are candidates until the table is known."""

    text: str
    columns: frozenset[str] = frozenset()
    unit: str = ""
    dims: Mapping[str, str] = field(default_factory=dict)
    total: bool = False
    bare_month: int | None = None  # "11月": the year must come from a title
    instead: Mapping[str, str] = field(default_factory=dict)  # dims where the table has no such column ("end")

    def __bool__(self) -> bool:
        return bool(self.columns or self.dims or self.total or self.bare_month)

    def joined(self, lower: Meaning) -> Meaning:
        """This heading above another one."""
        return Meaning(
            f"{self.text} {lower.text}".strip(),
            lower.columns or self.columns,
            lower.unit or self.unit,
            {**self.dims, **lower.dims},
            self.total or lower.total,
            lower.bare_month or self.bare_month,
            lower.instead or self.instead,
        )

    def within(self, table: Table) -> Meaning:
        """This heading in a table: a word that is both a column and a channel is what the table has."""
        if not self.instead or self.columns & set(table.names):
            return self
        return replace(self, columns=frozenset(), dims={**self.dims, **self.instead}, instead={})


def meaning(text: str) -> Meaning:
    """Read one heading.

    >>> sorted(meaning("补贴（万元）").columns), meaning("补贴（万元）").unit
    (['subsidy'], '万元')
    >>> dict(meaning("09年11月").dims), meaning("小计").total, bool(meaning("备用列"))
    ({'date': '2009-11'}, True, False)
    >>> sorted(meaning("2010年1月销量").columns), dict(meaning("2010年1月销量").dims)
    (['units'], {'date': '2010-01'})
    """
    bare = plain(text)
    if not bare:
        return Meaning(text)
    if columns := _columns_of(bare):
        return Meaning(text, columns, instead={v: word for v in _DIMENSIONS if (word := code(v, bare))})
    if found := _UNIT.fullmatch(bare):
        inner = meaning(found["name"])
        if inner:
            return replace(inner, text=text, unit=found["unit"])
    if (found := TOTAL.fullmatch(fold(bare))) and not found["of"]:
        return Meaning(text, total=True)
    if found := _BARE_MONTH.fullmatch(bare):
        return Meaning(text, bare_month=int(found[1]))
    try:
        day, grain = when(bare)
        if not bare.isdigit():  # 40242 or 201003 as a heading is more likely an id than a date
            return Meaning(text, dims={"date": f"{day:%Y-%m}" if grain == "month" else day.isoformat()})
    except ValueError:
        pass
    for vocabulary in _DIMENSIONS:
        if word := code(vocabulary, bare):
            return Meaning(text, dims={vocabulary: word})
    if found := _MONTH_THEN.fullmatch(bare):
        month, rest = meaning(found[1]), meaning(found[2])
        if month and rest:
            return replace(rest, text=text, dims={**month.dims, **rest.dims})
    return Meaning(text)


@dataclass(frozen=True)
class Record:
    """One record that each row of the sheet yields: its fixed dimensions and where its measures stand."""

    dims: Mapping[str, str]
    measures: Mapping[str, int]  # canonical column → position
    total: bool = False


@dataclass(frozen=True)
class Layout:
    """A sheet understood."""

    table: Table
    skip: int  # rows up to and including the heading
    heading_rows: tuple[tuple[str, ...], ...]  # as they stand, to know them again further down
    headings: Mapping[int, str]  # position → heading as written
    ids: Mapping[str, int]  # canonical column → position
    records: tuple[Record, ...]
    constants: Mapping[str, str]  # canonical column → text, from the titles
    units: Mapping[str, tuple[str, float]]  # canonical column → unit, multiplier
    notes: tuple[Note, ...]
    stated_months: frozenset[int]
    caption: str
    made_up: bool

    def heading(self, column: str) -> str:
        """The heading that gives a canonical column, as written; the column's name where a title gives it."""
        for positions in (self.ids, *(record.measures for record in self.records)):
            if column in positions:
                return self.headings.get(positions[column], column)
        return column

    @property
    def wide(self) -> bool:
        """Whether a row of the sheet is several records."""
        return any(record.dims for record in self.records)


class NotUnderstood(Exception):
    """The sheet has no heading that can be understood; carries every fault found."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(faults[0].expected)
        self.faults = faults


def layout(sheet: Sheet, table: str | None = None) -> Layout:
    """Understand a sheet from its first rows.

    Args:
        sheet: the sheet.
        table: the canonical table's name where the user says it; else it is found from the headings.

    Raises:
        NotUnderstood: no heading row, a heading given twice, or no table that the headings fit.
    """
    skip, depth, meanings = _headings(sheet)
    titles = _titles(sheet.head[: max(0, skip)])
    dated = [_with_year(m, titles.year) for m in meanings]
    said = [Note.of("year_from_title", year=titles.year)] if dated != meanings else []
    meanings = dated
    chosen = _choose(sheet, meanings, titles, table)
    meanings = [m.within(chosen) for m in meanings]
    plan = _plan(sheet, chosen, tuple(map(tuple, sheet.head[skip - depth : skip])), skip, meanings, titles)
    return replace(plan, notes=(*said, *plan.notes))


@dataclass(frozen=True)
class _Titles:
    texts: tuple[str, ...]
    constants: Mapping[str, str]
    unit: str
    year: int | None


def _headings(sheet: Sheet) -> tuple[int, int, list[Meaning]]:
    """The last heading row's number, how many rows the heading has, and what it says."""
    rows = [[meaning(cell) for cell in row] for row in sheet.head]
    scores = [_score(row, cells) for row, cells in zip(rows, sheet.head, strict=True)]
    best = max(range(len(rows)), key=lambda i: (scores[i], -i))
    if scores[best] <= 0:
        raise NotUnderstood(
            [Fault(sheet.file, sheet.name, None, "", "no known heading in the first rows",
                   "a heading row such as 日期, 分公司, 渠道, 台数", Severity.FILE)]
        )  # fmt: skip
    lower = rows[best]
    above = rows[best - 1] if best else []
    if sum(map(bool, above)) and any(above[i] for i in range(min(len(above), len(lower))) if not lower[i].text):
        return best + 1, 2, _two_rows(above, lower)
    if above and sum(map(bool, above)) >= 2 and scores[best - 1] > 0:
        return best + 1, 2, _two_rows(above, lower)
    if best + 1 < len(rows) and _divides(rows[best], rows[best + 1]):
        return best + 2, 2, _two_rows(rows[best], rows[best + 1])
    return best + 1, 1, lower


def _divides(row: list[Meaning], below: list[Meaning]) -> bool:
    # months over channels score as high as the channels below them; data never is all headings, never
    # stands under a blank heading, and under a month it is a figure, not a channel
    filled = [i for i, m in enumerate(below) if m.text.strip()]
    under_blank = any(i >= len(row) or not row[i].text.strip() for i in filled)
    under_month = any(i < len(row) and row[i].dims and below[i].dims for i in filled)
    return (under_blank or under_month) and all(below[i] for i in filled)


def _score(row: list[Meaning], cells: list[str]) -> float:
    """How much a row looks like headings: known words count, cells that nobody knows count against it."""
    filled = [cell for cell in cells if cell.strip()]
    known = sum(2.0 if m.columns else 1.0 for m in row if m)
    numbers = sum(plain(cell).replace(".", "").replace(",", "").rstrip("%").isdigit() for cell in filled)
    if len(filled) < 2 or sum(map(bool, row)) * 2 < len(filled):
        return 0.0
    return known - 2.0 * numbers


def _two_rows(above: list[Meaning], lower: list[Meaning]) -> list[Meaning]:
    joined, carried, year = [], Meaning(""), None
    for i, below in enumerate(lower):
        over = above[i] if i < len(above) else Meaning("")
        if over.text.strip():
            carried = over if over else Meaning("")
            found = _YEAR.fullmatch(plain(over.text))
            year = int(found[1]) if found else None
        # a merged heading reaches over the cells to its right, but only where something stands below it
        joined.append(_with_year((carried if below.text.strip() else over).joined(below), year))
    return joined


def _titles(rows: list[list[str]]) -> _Titles:
    texts = tuple(dict.fromkeys(cell.strip() for row in rows[:-1] for cell in row if cell.strip()))
    constants: dict[str, str] = {}
    unit, year = "", None
    years = {int(found) for text in texts for found in _YEARS.findall(text)}
    for text in texts:
        for key, value in _PAIR.findall(text):
            if fold(key) in {"单位", "计量单位", "unit"}:
                unit = plain(value)
            elif fold(key) in {"年份", "年度", "year"} and re.fullmatch(r"\d{4}年?", plain(value)):
                year = int(plain(value)[:4])
            else:
                for column in _columns_of(key):
                    constants[column] = value.strip()
    if year is None and len(years) == 1:  # of two years nobody knows which one a month belongs to
        year = years.pop()
    return _Titles(texts, constants, unit, year)


def _with_year(found: Meaning, year: int | None) -> Meaning:
    if found.bare_month is None or year is None:
        return found
    dims = {**found.dims, "date": f"{year}-{found.bare_month:02d}"}
    return replace(found, dims=dims, bare_month=None)


def _choose(sheet: Sheet, meanings: list[Meaning], titles: _Titles, named: str | None) -> Table:
    fits: list[tuple[float, str]] = []
    gaps: list[tuple[float, str, list[str]]] = []
    for table in TABLES.values() if named is None else [TABLES[named]]:
        read = [m.within(table) for m in meanings]
        known = {c for m in read for c in m.columns if c in table.names}
        dims = {_dim(table, d) for m in read for d in m.dims} - {""}
        lacking = [d for m in read for d in m.dims if not _dim(table, d)]
        have = known | dims | {c for c in titles.constants if c in table.names}
        if dims and table.main:
            have.add(table.main)
        score = len(known) + len(dims) - len(lacking) - 0.01 * len(table.names)
        missing = [c for c in table.required if c not in have and not (c == "end" and "start" in dims)]
        (gaps.append((score, table.name, missing)) if missing else fits.append((score, table.name)))
    if fits:
        return TABLES[max(fits)[1]]
    score, name, missing = max(gaps)
    headings = ", ".join(m.text for m in meanings if m.text.strip())
    raise NotUnderstood(
        [Fault(sheet.file, sheet.name, None, column, headings[:200],
               f"a column for {column!r}, to be read as {name}", Severity.FILE) for column in missing]
    )  # fmt: skip


def _dim(table: Table, dim: str) -> str:
    name = table.period if dim == "date" else dim
    return name if name in table.names else ""


def _plan(
    sheet: Sheet, table: Table, heading_rows: tuple[tuple[str, ...], ...],
    skip: int, meanings: list[Meaning], titles: _Titles,
) -> Layout:  # fmt: skip
    ids: dict[str, int] = {}
    groups: _Groups = {}
    units: Units = {}
    notes: list[Note] = []
    if faults := _place(sheet, table, skip, meanings, ids, groups, units, notes):
        raise NotUnderstood(faults)
    for column in [c for c in ids if any(c in measures for measures in groups.values())]:
        # 销量 beside 自营, 社会, 末端: the wide columns say the same in parts
        notes.append(Note.of("unknown_heading", heading=meanings[ids.pop(column)].text.strip()))
    title_unit(table, titles.unit, {*ids, *(c for g in groups.values() for c in g)}, units, notes)
    records = [Record({k: v for k, v in key if k}, measures, _SUM in key) for key, measures in groups.items()] or [Record({}, {})]
    spans = [(int(a), int(b), t) for t in titles.texts for a, b in _MONTH_SPAN.findall(t)]
    return Layout(
        table, skip, heading_rows, {i: m.text.strip() for i, m in enumerate(meanings)}, ids, tuple(records),
        {c: v for c, v in titles.constants.items() if c in table.names and c not in ids}, units, tuple(notes),
        frozenset(m for a, b, _ in spans if 1 <= a <= b <= 12 for m in range(a, b + 1)),
        spans[0][2] if spans else "", any(MADE_UP.search(text) for text in titles.texts),
    )  # fmt: skip


def _place(
    sheet: Sheet, table: Table, skip: int, meanings: list[Meaning],
    ids: dict[str, int], groups: _Groups, units: dict[str, tuple[str, float]], notes: list[Note],
) -> list[Fault]:  # fmt: skip
    """Put each column where it belongs: a fixed column, or a measure of one of the wide records."""
    kinds = [{_dim(table, d) for d in m.dims} for m in meanings if m.dims and not m.total]
    faults: list[Fault] = []

    def fault(text: str, found: str, expected: str) -> None:
        faults.append(Fault(sheet.file, sheet.name, skip, text, found, expected, Severity.FILE))

    wide_dims = {_dim(table, d) for m in meanings for d in m.dims} - {""}
    for i, m in enumerate(meanings):
        if m.bare_month is not None:
            fault(m.text, "a month without a year", "2010年11月, or the year in a title row")
            continue
        columns = [c for c in table.names if c in m.columns]
        if not columns and not (m.dims or (m.total and wide_dims)):
            if m.text.strip():
                notes.append(Note.of("unknown_heading", heading=m.text.strip()))
            continue
        column = columns[0] if columns else table.main
        if m.unit:
            heading_unit(table, column, (m.text, m.unit), units, notes, fault)
        if m.dims or (m.total and wide_dims):
            # A channel above 小计 is that channel's total over the months, and the other way round
            where = {_dim(table, d): v for d, v in m.dims.items()}
            key = tuple(sorted(where.items()))
            if not m.total and where.keys() != kinds[0]:
                fault(m.text, "a wide column of another kind", f"columns that all say {', '.join(sorted(kinds[0]))}")
            place = groups.setdefault((*key, _SUM) if m.total else key, {})
        else:
            place = ids
        if column in place:
            earlier = meanings[place[column]].text.strip()
            fault(m.text, f"stands for {column!r}, which an earlier column, {earlier!r}, gives", "each heading once")
        place[column] = i
    return faults

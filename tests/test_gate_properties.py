"""A clean table, messed up reversibly and with planted faults: the gate recovers it exactly.

The clean table and the mess are drawn; the fault rows are extra rows, so what must come back is the clean
table, what must be rejected is what was planted, by the row number at the left edge of the spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import openpyxl
import pandas as pd
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from g3lib.labels import VOCABULARIES
from g3lib.tables import loading

FIXED = settings(
    derandomize=True, max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)  # fmt: skip
Draw = Callable[[st.SearchStrategy[Any]], Any]
Cell = str | int | float | date
BRANCHES = ["睢县", "宁陵", "虞城", "南区分公司", "（未具名）", "East County", "永城"]
TITLES = ["某省公司终端销售报表", "制表：张三", "", "（单位：台）", "内部资料 注意保存"]
HEADINGS = {
    "zh": {"date": ["日期", "月份", "统计月份"], "branch": ["分公司", "县区", "分公司名称"], "channel": ["渠道", "渠道类型"],
           "device_class": ["终端类型"], "units": ["台数", "销量(台)", "销售量", "终端销量（台）"], "participants": ["参与量", "签约量(户)"],
           "rate": ["参与率", "月租签约率"], "total": ["小计", "合计"]},
    "en": {"date": ["Date", "date"], "branch": ["Branch", "Branch Name"], "channel": ["Channel", "sales channel"],
           "device_class": ["device class"], "units": ["Units", "quantity"], "participants": ["participants"],
           "rate": ["Rate"], "total": ["Total", "Subtotal"]},
}  # fmt: skip


@dataclass
class Sheet:
    """The messed-up grid and what the gate must make of it."""

    rows: list[list[Cell]]
    truth: Counter[tuple[Any, ...]]
    rejected: Counter[int] = field(default_factory=Counter)
    totals: int = 0
    merged: list[str] = field(default_factory=list)
    heading_rows: int = 1
    titles: int = 0


def wide_digits(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def of_count(draw: Draw, n: int) -> Cell:
    forms: list[Cell] = [n, str(n), f"{n:,}", f"{n}台", f"{n:,}台", wide_digits(str(n)), wide_digits(f"{n:,}"), f" {n} "]
    if n and n % 100 == 0:
        forms.append(f"{n / 10_000:g}万")
    return draw(st.sampled_from(forms))


def of_money(draw: Draw, yuan: int, unit: str) -> Cell:
    if unit == "万元" and draw(st.booleans()):
        return f"{yuan / 10_000:.2f}"
    forms = [f"{yuan}元", f"{yuan:,}元"] + ([f"{yuan}", f"¥{yuan:,}", f"{yuan}.00", f"{yuan:,}"] if unit != "万元" else [])
    return draw(st.sampled_from(forms))


def of_rate(draw: Draw, basis_points: int, percent_heading: bool) -> Cell:
    percent = f"{basis_points / 100:.2f}"
    forms: list[Cell] = [f"{percent}%", f"约{percent}%", wide_digits(f"{percent}%")]
    forms += [percent] if percent_heading else [f"{basis_points / 10_000:.4f}", basis_points / 10_000]
    return draw(st.sampled_from(forms))


def of_month(draw: Draw, day: date, heading: bool = False) -> str:
    forms = [f"{day.year}年{day.month}月", f"{day:%y}年{day.month}月", f"{day.year}年{day.month:02d}月", f"{day:%Y-%m}",
             f"{day.year}/{day.month}", wide_digits(f"{day.year}年{day.month}月")]  # fmt: skip
    return draw(st.sampled_from(forms if heading else [*forms, f"{day:%Y%m}", f"{day:%y}年{day.month:02d}月份"]))


def of_day(draw: Draw, day: date) -> Cell:
    serial = (day - date(1899, 12, 30)).days
    return draw(st.sampled_from([f"{day.year}/{day.month}/{day.day}", f"{day:%Y-%m-%d}", f"{day:%Y%m%d}", str(serial), serial,
                                 f"{day.year}年{day.month}月{day.day}日", day, f"{day:%Y-%m-%d} 00:00:00"]))  # fmt: skip


def of_word(draw: Draw, vocabulary: str, code: str) -> str:
    word = VOCABULARIES[vocabulary][code]
    return draw(st.sampled_from([word.zh, word.en, code, *word.written]))


def subset(draw: Draw, items: list[Any], least: int, most: int) -> list[Any]:
    return draw(st.lists(st.sampled_from(items), min_size=least, max_size=most, unique=True))


def months(draw: Draw, most: int = 3) -> list[date]:
    first = draw(st.integers(2009 * 12, 2013 * 12))
    return [date(i // 12, i % 12 + 1, 1) for i in range(first, first + draw(st.integers(1, most)))]


def titled(draw: Draw, sheet: Sheet) -> Sheet:
    """Title rows above; every row number moves down."""
    titles: list[list[Cell]] = [[text] for text in subset(draw, TITLES, 0, 3)]
    sheet.rows = titles + sheet.rows
    sheet.titles = len(titles)
    sheet.rejected = Counter({row + len(titles): n for row, n in sheet.rejected.items()})
    return sheet


@st.composite
def long_sales(draw: Draw) -> Sheet:
    names = HEADINGS[draw(st.sampled_from(["zh", "en"]))]
    daily, classes, unit = draw(st.booleans()), draw(st.booleans()), draw(st.sampled_from(["", "元", "万元"]))
    places = months(draw, 2)
    if daily:
        places = [day + timedelta(days=draw(st.integers(0, 27))) for day in places]
    own_classes = subset(draw, ["handset", "netbook", "data_card"], 1, 2) if classes else [None]
    dated = of_day if daily else of_month
    head = [draw(st.sampled_from(names[c])) for c in ("date", "branch", "channel", "units")]
    money = draw(st.sampled_from([f"补贴({unit})", f"金额（{unit}）", f"补贴金额[{unit}]"])) if unit else ""
    head += ([draw(st.sampled_from(names["device_class"]))] if classes else []) + ([money] if money else [])
    truth: Counter[tuple[Any, ...]] = Counter()
    body: list[tuple[list[Cell], bool]] = []
    for day, branch, channel, kind in product(places, subset(draw, BRANCHES, 1, 3), subset(draw, ["own", "social", "end"], 1, 3), own_classes):
        n, yuan = draw(st.integers(0, 99_999)), draw(st.integers(0, 999)) * 100
        row: list[Cell] = [dated(draw, day), branch, of_word(draw, "channel", channel), of_count(draw, n)]
        row += ([of_word(draw, "device_class", kind)] if kind else []) + ([of_money(draw, yuan, unit)] if money else [])
        body.append((row, False))
        truth[f"{day}", branch, channel, kind, n, yuan if money else None] += 1
    total = sum(key[4] * times for key, times in truth.items())
    for at, bad in draw(st.lists(st.sampled_from([(0, "2010-02-30"), (0, "昨天"), (1, ""), (1, "-"), (2, "火星"), (2, ""), (3, "-3"),
                                                  (3, "1,23"), (3, "五台"), (3, "12.5"), (3, "*"), (3, "=1+1"), (3, "3元")]), max_size=4)):  # fmt: skip
        spoiled = list(body[0][0])
        spoiled[at] = bad
        body.insert(draw(st.integers(1, len(body))), (spoiled, True))
    rows: list[list[Cell]] = [list(head), *(row for row, _ in body)]
    sheet = Sheet(rows, truth, Counter(i + 2 for i, (_, spoiled) in enumerate(body) if spoiled))
    if draw(st.booleans()):
        sheet.rows.append([draw(st.sampled_from(["合计", "总计", "Total", "合 计："])), "", "", f"{total:,}"] + [""] * (len(head) - 4))
        sheet.totals = 1
    return titled(draw, sheet)


@st.composite
def wide_sales(draw: Draw) -> Sheet:
    """Months, channels or months over channels as columns; 小计 column and 合计 row when drawn."""
    names = HEADINGS[draw(st.sampled_from(["zh", "en"]))]
    shape = draw(st.sampled_from(["months", "channels", "both"]))
    days, branches = months(draw), subset(draw, BRANCHES, 1, 3)
    channels = subset(draw, ["own", "social", "end"], 2, 3)
    subtotal, total = draw(st.booleans()), draw(st.booleans())
    fixed = {"months": [(c,) for c in channels], "channels": [(d,) for d in days], "both": [()]}[shape]
    columns = {"months": [(d,) for d in days], "channels": [(c,) for c in channels], "both": list(product(days, channels))}[shape]
    kind = {"months": "channel", "channels": "date"}.get(shape, "")
    head: list[Cell] = [draw(st.sampled_from(names["branch"])), *([draw(st.sampled_from(names[kind]))] if kind else [])]
    upper, lower, ids = list(head), [""] * len(head), len(head)
    for column in columns:
        first = shape == "both" and column[1] == channels[0]
        upper.append(of_month(draw, column[0], True) if first or shape == "months" else of_word(draw, "channel", column[0]) if shape == "channels" else "")
        lower.append(of_word(draw, "channel", column[1]) if shape == "both" else "")
    upper += [draw(st.sampled_from(names["total"]))] if subtotal else []
    lower += [""] if subtotal else []
    sheet = Sheet([upper, lower] if shape == "both" else [upper], Counter(), heading_rows=2 if shape == "both" else 1)
    if shape == "both" and draw(st.booleans()):
        letters = openpyxl.utils.get_column_letter
        sheet.merged = [f"{letters(i)}1:{letters(i)}2" for i in range(1, ids + 1)]
        sheet.merged += [f"{letters(i)}1:{letters(i + len(channels) - 1)}1" for i in range(ids + 1, ids + len(columns), len(channels))]
    sums = [0] * len(columns)
    for branch, place in product(branches, fixed):
        counts = [draw(st.integers(0, 50_000)) for _ in columns]
        beside = [of_word(draw, "channel", place[0]) if kind == "channel" else of_month(draw, place[0])] if kind else []
        sheet.rows.append([branch, *beside, *(of_count(draw, n) for n in counts), *([sum(counts)] if subtotal else [])])
        sheet.totals += subtotal
        for i, (column, n) in enumerate(zip(columns, counts, strict=True)):
            sums[i] += n
            day, channel = {"months": (*column, *place), "channels": (*place, *column), "both": column}[shape]
            sheet.truth[f"{day}", branch, channel, None, n, None] += 1
    example = sheet.rows[-1][: ids + len(columns)]
    for bad in draw(st.lists(st.sampled_from(["-3", "1,23", "五台", "1.5", "no branch"]), max_size=2)):
        at = 0 if bad == "no branch" else ids + draw(st.integers(0, len(columns) - 1))
        spoiled: list[Cell] = ["" for _ in example]
        spoiled[:ids], spoiled[at] = ["夏邑", *example[1:ids]], "" if bad == "no branch" else bad
        if bad == "no branch":
            spoiled[ids:] = [1] * len(columns)
        sheet.rows.append([*spoiled, *([""] if subtotal else [])])
        sheet.rejected[len(sheet.rows)] += len(columns) if bad == "no branch" else 1
    if total:
        sheet.rows.append(["合计", *[""] * (ids - 1), *sums, *([sum(sums)] if subtotal else [])])
        sheet.totals += len(columns) + subtotal
    return titled(draw, sheet)


@st.composite
def participation(draw: Draw) -> Sheet:
    names = HEADINGS[draw(st.sampled_from(["zh", "en"]))]
    percent = draw(st.booleans())
    head: list[Cell] = [draw(st.sampled_from(names[c])) for c in ("branch", "date", "participants", "rate")]
    head[3] = f"{head[3]}(%)" if percent else head[3]
    sheet = Sheet([head], Counter())
    for day, branch in product(months(draw), subset(draw, BRANCHES, 1, 4)):
        n, points = draw(st.integers(0, 9_999)), draw(st.integers(101, 10_000))
        count = "" if draw(st.booleans()) else of_count(draw, n)
        sheet.rows.append([branch, of_month(draw, day), count.replace("台", "户") if isinstance(count, str) else count, of_rate(draw, points, percent)])
        sheet.truth[f"{day}", branch, None if count == "" else n, points / 10_000] += 1
        if draw(st.integers(0, 3)) == 0:
            spoiled = list(sheet.rows[-1])
            bad = [(0, ""), (1, "2011-13"), (2, "三户"), (2, "-1"), (3, "六成"), (3, "101%"), *([] if percent else [(3, "1.5"), (3, 65)])]
            at, cell = draw(st.sampled_from(bad))
            spoiled[at] = cell
            sheet.rows.append(spoiled)
            sheet.rejected[len(sheet.rows)] += 1
    if draw(st.booleans()):
        sheet.rows.append([draw(st.sampled_from(["合计", "总计", "Total"])), of_month(draw, date(2010, 2, 1)), "", "24.54%"])
        sheet.totals = 1
    return titled(draw, sheet)


# ---- files --------------------------------------------------------------------------------------------


def saved(draw: Draw, sheet: Sheet, folder: Path) -> Path:
    """The sheet in a drawn file format. Parquet has no rows above its one heading row."""
    unique = len({str(c) for c in sheet.rows[sheet.titles]}) == len(sheet.rows[sheet.titles])
    formats = ["csv", "csv", "xlsx", "xls"] + (["parquet"] if sheet.heading_rows == 1 and unique and not sheet.titles else [])
    suffix = draw(st.sampled_from(formats))
    path = folder / f"export.{suffix}"
    if suffix == "csv":
        text = io.StringIO()
        csv.writer(text, delimiter=draw(st.sampled_from([",", "\t", ";"]))).writerows(sheet.rows)
        encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16"]))
        # gbk has no ¥, as an export in it has none
        path.write_bytes(text.getvalue().replace("¥", "￥" if encoding == "gbk" else "¥").encode(encoding))
    elif suffix == "xlsx":
        book = openpyxl.Workbook()
        if draw(st.booleans()):
            book.create_sheet("空", 0)
        for row in sheet.rows:
            book.worksheets[-1].append(row)
        for place in sheet.merged:
            left, right = (f"{''.join(filter(str.isalpha, p))}{int(''.join(filter(str.isdigit, p))) + sheet.titles}" for p in place.split(":"))
            book.worksheets[-1].merge_cells(f"{left}:{right}")
        book.save(path)
    elif suffix == "xls":
        old = xlwt.Workbook()
        page = old.add_sheet("销量")
        style = xlwt.easyxf(num_format_str="YYYY-MM-DD")
        for i, row in enumerate(sheet.rows):
            for j, cell in enumerate(row):
                page.write(i, j, cell, *([style] if isinstance(cell, date) else []))
        old.save(str(path))
    else:
        head, *body = sheet.rows
        pd.DataFrame([[None if c == "" else str(c) for c in row] for row in body], columns=list(map(str, head))).to_parquet(path)
    return path


def through(draw: Draw, sheet: Sheet, columns: list[str]) -> None:
    """Assert that the gate recovers the table exactly and rejects exactly the planted rows."""
    with TemporaryDirectory() as folder:
        checked = loading.check(saved(draw, sheet, Path(folder)))
    assert not checked.faults
    (found,) = checked.exports
    rows = found.rows.reindex(columns=["date", *columns])
    assert Counter(recovered(rows)) == sheet.truth
    assert Counter(found.rejected["row"]) == sheet.rejected
    assert {f.row for f in found.faults if f.severity == "row"} == set(sheet.rejected)
    assert len(found.totals) == sheet.totals
    assert found.totals["agrees"].dropna().all()
    assert found.records == len(found.rows) + len(found.rejected) + len(found.totals)
    assert found.records == sheet.truth.total() + sheet.rejected.total() + sheet.totals


def recovered(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for day, *values in rows.astype(object).itertuples(index=False):
        yield (f"{day:%Y-%m-%d}", *(None if pd.isna(value) else value for value in values))


SALES = ["branch", "channel", "device_class", "units", "subsidy"]


@FIXED
@given(st.data())
def test_a_long_sales_table_is_recovered_and_its_planted_faults_rejected(data: st.DataObject) -> None:
    through(data.draw, data.draw(long_sales()), SALES)


@FIXED
@given(st.data())
def test_a_wide_sales_table_is_recovered_and_its_planted_faults_rejected(data: st.DataObject) -> None:
    through(data.draw, data.draw(wide_sales()), SALES)


@FIXED
@given(st.data())
def test_participation_rates_are_recovered_and_their_planted_faults_rejected(data: st.DataObject) -> None:
    through(data.draw, data.draw(participation()), ["branch", "participants", "rate"])

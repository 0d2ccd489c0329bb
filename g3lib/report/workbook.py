"""Long tables → one .xlsx beside the report: the same words and codes as on the page, every digit as a number.

A director reads the page; whoever checks it wants all rows, to sort and to sum. Nothing in the file depends
on when it was written, and no text from data is a live formula.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.labels import VOCABULARIES, Lang, pick
from g3lib.report.tables import form_of, heading, shown

_NUMBERS = {
    "count": "#,##0", "count1": "#,##0.0", "decimal": "#,##0.00", "decimal3": "#,##0.000", "percent": "0.00%",
    "percent1": "0.00%", "points": "+0.00%;-0.00%;0.00%", "growth": "+0.0%;-0.0%;0.0%", "money": "#,##0.00",
    "fen": "#,##0.00", "p": "0.000",
    "small": "0.000000",
}  # fmt: skip
_MOST_ROWS = 1_048_575  # a sheet's own limit, less the heading
# columns that stand for points on the page and for yuan, logs or shares in a long table
_MANY_MEANINGS = {"low", "high", "step", "value"}
_WRITTEN = datetime(2000, 1, 1)


def xlsx(sheets: Mapping[str, pd.DataFrame], lang: Lang, about: str = "") -> bytes:
    """The tables as an .xlsx file, a sheet each.

    Args:
        sheets: the sheet's title (at most 31 characters) → canonical columns; their order is the sheet's.
        lang: `zh` or `en`, for headings and codes.
        about: a line below the last sheet's table (where the tables come from), and the file's own title.

    Returns:
        The file. An unknown value is an empty cell.

    Raises:
        UsageError: tables longer than a sheet holds, titles longer than its own; nothing is cut off silently.

    >>> xlsx({"甲": pd.DataFrame({"model": ["=1+1"], "rate": [float("nan")]})}, "zh")[:2]
    b'PK'
    """
    from xlsxwriter import Workbook

    long = {title: len(frame) for title, frame in sheets.items() if len(frame) > _MOST_ROWS}
    faults = [f"{title} has {rows:,} rows; a sheet holds {_MOST_ROWS:,}" for title, rows in long.items()]
    faults += [f"{title!r} is too long a title; a sheet's has at most 31 characters" for title in sheets if len(title) > 31]
    if faults:
        raise UsageError(listed(faults, "These tables make no workbook:"))
    out = io.BytesIO()
    # a text of the data that begins with = or http stays a text
    plainly = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "nan_inf_to_errors"), False)
    with Workbook(out, {**plainly, "default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": _WRITTEN, "title": about})
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        formats = {name: book.add_format({"num_format": number}) for name, number in _NUMBERS.items()}
        for title, frame in sheets.items():
            sheet = book.add_worksheet(title)
            sheet.freeze_panes(1, 0)
            for i, column in enumerate(frame.columns):
                words = heading(column, lang)
                sheet.write_string(0, i, words, head)
                form = "decimal3" if column in _MANY_MEANINGS else _form(column, frame[column])
                sheet.set_column(i, i, _width(frame[column], words), formats.get(form))
                sheet.write_column(1, i, [_cell(column, value, lang) for value in frame[column].tolist()])
            if len(frame.columns):
                sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)
        if about:
            sheet.write_string(len(frame) + 2, 0, about)
    return out.getvalue()


def _form(column: str, values: pd.Series) -> str:
    """How a column's numbers are shown: an expected count may be half a handset, which is not nought."""
    form = form_of(column)
    parts = form == "count" and any(isinstance(v, float) and v % 1 > 1e-9 for v in values)
    return "count1" if parts else form


def _cell(column: str, value: object, lang: Lang) -> object:
    if not pd.api.types.is_scalar(value):
        return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    if pd.isna(value):
        return None
    if isinstance(value, bool | np.bool_):
        return pick(lang, "是", "yes") if value else pick(lang, "否", "no")
    if not isinstance(value, int | float | np.number):
        if isinstance(value, pd.Timestamp):
            return value.to_pydatetime()
        return shown(column, value, lang) if form_of(column) in VOCABULARIES else str(value)
    value = value / 100 if form_of(column) == "fen" else value  # whole fen in the frame, yuan in the file
    # 498.95 and not 498.9499999999998: whoever filters for it finds it, and findings.csv says the same
    return float(f"{value:.12g}") if np.isfinite(value) else "∞" if value > 0 else "−∞"


def _width(values: pd.Series, head: str) -> float:
    longest = max((len(str(v)) for v in values.head(200)), default=0)
    return float(min(40, max(10, 2 * len(head) if head and ord(head[0]) > 255 else len(head), longest + 2)))

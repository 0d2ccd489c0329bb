"""One cell of an export → one typed value, or a fault. Nothing is coerced in silence.

Each reader takes the text of a cell (never blank, see `MISSING`) and the multiplier of its heading's
unit; it returns the value or raises `ValueError` with what was expected. A column is read by its distinct
texts, so a million rows of twelve months cost twelve readings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd

from g3lib.labels import VOCABULARIES, code
from g3lib.tables.identity import Digester, mask_numbers
from g3lib.tables.schema import Column, Kind

# What exports write where they know nothing. `*` is a masked figure: unknown, never zero.
MISSING = frozenset({"", "-", "--", "—", "——", "–", "/", "_", "N/A", "n/a", "NA", "#N/A", "null", "NULL", "nan"})
_MASK = re.compile(r"[*＊]+(?:\.?[*＊]+)?[%％]?")

_NUMBER = re.compile(
    r"(?P<about>约|≈)?(?P<sign>[-+−]?)[¥￥]?(?P<sign2>-?)"
    r"(?P<whole>\d{1,3}(?:,\d{3})+|\d+)(?P<part>\.\d+)?(?P<exp>[eE][-+]?\d+)?"
    r"(?P<scale>[万亿千]?)(?P<unit>元|台|户|个|部|人|天|日|个月|月|寸|英寸|次|款|家|件)?(?P<percent>%?)"
)
_SCALE = {"": 1.0, "千": 1e3, "万": 1e4, "亿": 1e8}
_OF_MONEY = frozenset({"元"})
_OF_COUNTS = frozenset("台户个部人天日月次款家件") | {"个月"}

_DAY_FORMS = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?:[ T]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?"),
    re.compile(r"(?P<y>\d{4}|\d{2})年(?P<m>\d{1,2})月(?P<d>\d{1,2})[日号]?"),
    re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"),
)
_MONTH_FORMS = (
    re.compile(r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})"),
    re.compile(r"(?P<y>\d{4}|\d{2})年(?P<m>\d{1,2})月份?初?"),
    re.compile(r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})"),
)
_SERIAL = re.compile(r"([2-6]\d{4})(?:\.\d+)?")
_EXCEL_EPOCH = date(1899, 12, 30)  # Excel counts 1900 as a leap year; this base makes up for it
_MOMENT = re.compile(
    r"(?P<day>\d{8}(?=\d{6})|\d\S*[\d日号](?=[ T]))[ T]*(?P<h>\d{1,2}):?(?P<min>\d{2})(?::?(?P<s>\d{2})(?:\.\d+)?)?"
)

_YES = frozenset({"是", "1", "y", "yes", "true", "有", "一致", "1.0"})
_NO = frozenset({"否", "0", "n", "no", "false", "无", "不一致", "0.0"})


@dataclass(frozen=True)
class Reading:
    """A column read: typed values, and for the texts that could not be read what was expected."""

    values: pd.Series
    faults: dict[str, str]  # text of the cell → what was expected
    notes: frozenset[str] = frozenset()  # codes of notes.py


def plain(text: str) -> str:
    """The text with full-width digits, signs and spaces made plain.

    >>> plain("１，２３４　元")
    '1,234元'
    """
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)) if text else ""


def is_missing(text: str) -> bool:
    """Whether the cell says "nothing known": blank, a dash, N/A, or a mask.

    >>> [is_missing(cell) for cell in (" ", "-", "**", "*%", "0")]
    [True, True, True, True, False]
    """
    bare = plain(text)
    return bare in MISSING or _MASK.fullmatch(bare) is not None


def number(text: str, unit: float = 1.0) -> float:
    """A number as exports write it, times the unit of its heading.

    A cell that names its own unit, 1.2万 or 1234元, is not multiplied a second time by its heading's 万元.

    >>> [number(cell) for cell in ("1,234", "1234元", "１２３", "1.2万", "(5)", "-3")]
    [1234.0, 1234.0, 123.0, 12000.0, -5.0, -3.0]
    >>> number("1.2万", unit=1e4), number("1234元", unit=1e4)
    (12000.0, 1234.0)
    >>> number("1,23")
    Traceback (most recent call last):
    ValueError: a number such as 1234, 1,234 or 1.2万
    """
    bare = plain(text)
    negative = bare.startswith("(") and bare.endswith(")")
    found = _NUMBER.fullmatch(bare[1:-1] if negative else bare)
    if found is None or found["percent"]:
        raise ValueError("a number such as 1234, 1,234 or 1.2万")
    own_unit = found["scale"] or found["unit"]
    value = _magnitude(found) * _SCALE[found["scale"]] * (1.0 if own_unit else unit)
    if not np.isfinite(value):
        raise ValueError("a finite number")
    return _whole(-value if negative else value)


def count(text: str, unit: float = 1.0) -> float:
    """A whole number of things.

    >>> count("12.0"), count("0.5", unit=1e4)
    (12.0, 5000.0)
    >>> count("12.5")
    Traceback (most recent call last):
    ValueError: a whole number
    >>> count("12元")
    Traceback (most recent call last):
    ValueError: a whole number, not 元
    """
    value = number(text, unit)
    _refuse_unit(text, _OF_COUNTS, "a whole number")
    if not value.is_integer():
        raise ValueError("a whole number")
    return value


def money(text: str, unit: float = 1.0) -> float:
    """An amount in yuan.

    >>> money("¥1,234.50"), money("0.5", unit=1e4)
    (1234.5, 5000.0)
    >>> money("12台")
    Traceback (most recent call last):
    ValueError: an amount in yuan, not 台
    """
    value = number(text, unit)
    _refuse_unit(text, _OF_MONEY, "an amount in yuan")
    return value


def rate(text: str, unit: float = 1.0) -> float:
    """A fraction. `65%` and 约65% are 0.65; so is 65 under a heading in %.

    Without a sign and without a heading in %, a number above 1 is no rate: nobody can know whether 1.2
    means 1.2 % or 120 %.

    >>> rate("9.98%"), rate("约65%"), rate("65", unit=0.01), rate("0.65")
    (0.0998, 0.65, 0.65, 0.65)
    >>> rate("65")
    Traceback (most recent call last):
    ValueError: a fraction up to 1, or a percentage with its sign (65%)
    """
    found = _NUMBER.fullmatch(plain(text))
    if found is None or found["scale"] or found["unit"]:
        raise ValueError("a rate such as 65% or 0.65")
    percent = bool(found["percent"]) or unit == 0.01
    value = _magnitude(found)
    if percent:
        return float(f"{value / 100:.15g}")
    if abs(value) > 1:
        raise ValueError("a fraction up to 1, or a percentage with its sign (65%)")
    return value


def figure(text: str, unit: float = 1.0) -> float:
    """A number or, where it has the sign, a percentage: a target may be either.

    >>> figure("45%"), figure("16,475")
    (0.45, 16475.0)
    """
    return rate(text) if plain(text).endswith("%") else number(text, unit)


def when(text: str) -> tuple[date, str]:
    """A day or a month, and which of the two: `(date, grain)`. A month is its first day.

    >>> [f"{day} {grain}" for day, grain in map(when, ("2010/3/5", "09年11月", "201003", "40242"))]
    ['2010-03-05 day', '2009-11-01 month', '2010-03-01 month', '2010-03-05 day']
    >>> when("3/5/2010")
    Traceback (most recent call last):
    ValueError: a date such as 2010-03-05, 2010/3/5, 2010年3月 or 09年11月
    """
    spaced = unicodedata.normalize("NFKC", text).strip()
    bare = plain(text)
    try:
        for form in _DAY_FORMS:
            if found := form.fullmatch(spaced) or form.fullmatch(bare):
                return date(_year(found["y"]), int(found["m"]), int(found["d"])), "day"
        for form in _MONTH_FORMS:
            if found := form.fullmatch(bare):
                return date(_year(found["y"]), int(found["m"]), 1), "month"
    except ValueError as error:
        raise ValueError("a day that exists") from error
    if found := _SERIAL.fullmatch(bare):
        return _EXCEL_EPOCH + timedelta(days=int(found[1])), "day"
    raise ValueError("a date such as 2010-03-05, 2010/3/5, 2010年3月 or 09年11月")


def moment(text: str) -> datetime:
    """A day with its time of day where the cell gives one, to the second; a plain day is its midnight.

    >>> [f"{moment(cell):%m-%d %H:%M:%S}" for cell in ("2013/5/18 9:05", "20130518103205", "41412.4375", "2013-5-18")]
    ['05-18 09:05:00', '05-18 10:32:05', '05-18 10:30:00', '05-18 00:00:00']
    >>> moment("2013-05-18 24:00")
    Traceback (most recent call last):
    ValueError: a time of day from 00:00 to 23:59
    """
    spaced = unicodedata.normalize("NFKC", text).strip()
    if found := _MOMENT.fullmatch(spaced):
        hour, minute, second = (int(found[part] or 0) for part in ("h", "min", "s"))
        if hour > 23 or minute > 59 or second > 59:
            raise ValueError("a time of day from 00:00 to 23:59")
        return _midnight(found["day"]).replace(hour=hour, minute=minute, second=second)
    day = _midnight(text)
    # a serial's fraction is the part of the day that has passed
    return day + timedelta(seconds=round(float(spaced) % 1 * 86_400)) if _SERIAL.fullmatch(spaced) else day


@lru_cache(maxsize=10_000)  # a column of moments has few days
def _midnight(text: str) -> datetime:
    return datetime.combine(when(text)[0], time())


def _choice(text: str, vocabulary: str) -> str:
    found = code(vocabulary, text)
    if found is None:
        words = " ".join(word.zh for word in VOCABULARIES[vocabulary].values())
        raise ValueError(f"one of {words}")
    return found


def _flag(text: str) -> bool:
    bare = plain(text).casefold()
    if bare not in _YES | _NO:
        raise ValueError("是 or 否")
    return bare in _YES


def read_column(cells: pd.Series, column: Column, unit: float, digester: Digester | None) -> Reading:
    """Read one column of texts into the type of its canonical column.

    Args:
        cells: texts, any index.
        column: the canonical column.
        unit: the multiplier that the heading's unit asks for (0.01 for %).
        digester: replaces customer and device numbers; None where only checking.
    """
    texts = pd.Series(cells.unique())
    known = texts[[not is_missing(text) for text in texts]]
    reader, dtype = _reader(column, unit, digester)
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for text in known:
        try:
            values[text] = reader(text)
        except ValueError as error:
            faults[text] = str(error)
    if column.kind == Kind.DATE:
        values = {text: pd.Timestamp(day) for text, day in values.items()}
    notes = _said(known, column, values)
    return Reading(_typed(cells, values, dtype), faults, notes)


def grains(cells: pd.Series) -> pd.Series:
    """For each date cell `day` or `month`; missing where it cannot be read."""
    found: dict[str, str] = {}
    for text in cells.unique():
        try:
            found[text] = when(text)[1]
        except ValueError:
            continue
    return _typed(cells, found, "category")


def _reader(column: Column, unit: float, digester: Digester | None) -> tuple[Callable[[str], Any], str]:
    match column.kind:
        case Kind.CHOICE:
            return partial(_choice, vocabulary=column.choices), "category"
        case Kind.DATE:
            return moment if column.timed else _midnight, "datetime64[us]"
        case Kind.COUNT:
            return partial(count, unit=unit), "float64"
        case Kind.MONEY:
            return partial(money, unit=unit), "float64"
        case Kind.NUMBER:
            return partial(figure, unit=unit), "float64"
        case Kind.RATE:
            return partial(rate, unit=unit), "float64"
        case Kind.FLAG:
            return _flag, "boolean"
        case Kind.PERSONAL:
            return (digester.digest if digester else str.strip), "str"
        case Kind.FREE:
            return lambda text: mask_numbers(_name(text)), "category"
        case _:
            return _name, "category"


def _name(text: str) -> str:
    bare = text.strip()
    # two names that differ in an unseen character look like one in every report
    if any(unicodedata.category(letter) == "Cc" and letter not in "\n\t" for letter in bare):
        raise ValueError("text without control characters")
    return bare


def _typed(cells: pd.Series, values: dict[str, Any], dtype: str) -> pd.Series:
    read = cells.map(values) if values else pd.Series(None, index=cells.index, dtype="object")
    if dtype == "float64":
        return pd.to_numeric(read).astype("float64")
    return read.astype(dtype)


def _said(texts: pd.Series, column: Column, values: dict[str, Any]) -> frozenset[str]:
    said = set()
    if column.kind == Kind.FREE and any(mask_numbers(text) != text.strip() for text in texts):
        said.add("masked")
    if column.kind == Kind.PERSONAL and len(texts):
        said.add("digested")
    if column.kind == Kind.DATE and any(_SERIAL.fullmatch(plain(t)) for t in texts if t in values):
        said.add("excel_dates")
    if column.kind in (Kind.RATE, Kind.NUMBER, Kind.MONEY, Kind.COUNT):
        if any(plain(t).startswith(("约", "≈")) for t in texts):
            said.add("approximate")
        if any(re.search("[万亿千]", plain(t)) for t in texts):
            said.add("scaled_cells")
    return frozenset(said)


def _magnitude(found: re.Match[str]) -> float:
    digits = found["whole"].replace(",", "") + (found["part"] or "") + (found["exp"] or "")
    value = float(digits)
    if not np.isfinite(value):
        raise ValueError("a finite number")
    return -value if (found["sign"] in "-−" and found["sign"]) or found["sign2"] else value


def _refuse_unit(text: str, allowed: frozenset[str], expected: str) -> None:
    bare = plain(text)
    found = _NUMBER.fullmatch(bare[1:-1] if bare.startswith("(") else bare)
    if found and found["unit"] and found["unit"] not in allowed:
        raise ValueError(f"{expected}, not {found['unit']}")


def _whole(value: float) -> float:
    # 1.2 × 10,000 is 12000.000000000002 in binary; a count must not be refused for that
    return float(f"{value:.15g}")


def _year(digits: str) -> int:
    return int(digits) if len(digits) == 4 else 2000 + int(digits)

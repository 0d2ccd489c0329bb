"""The words that reach a reader, in Chinese and English, and how numbers are written.

Code holds English codes (`own`, `breach`); a table, an axis and a sentence show the label. A vocabulary
also lists what exports write for a code, so the gate and the reports agree on one spelling. An operator's
own channel or device class is one more line of vocabularies.csv.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib import resources
from typing import Literal

from g3lib.errors import UsageError

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True)
class Word:
    """A code's label in both languages and what exports write for it."""

    zh: str
    en: str
    written: tuple[str, ...] = ()


def read_csv(package: str, name: str) -> list[dict[str, str]]:
    """The rows of a table that comes with the library."""
    return list(csv.DictReader(resources.files(package).joinpath(name).read_text(encoding="utf-8").splitlines()))


def _vocabularies() -> dict[str, dict[str, Word]]:
    found: dict[str, dict[str, Word]] = {}
    for row in read_csv("g3lib", "vocabularies.csv"):
        written = tuple(row["written"].split("|")) if row["written"] else ()
        found.setdefault(row["vocabulary"], {})[row["code"]] = Word(row["zh"], row["en"], written)
    return found


VOCABULARIES = _vocabularies()


@cache
def _codes(vocabulary: str) -> Mapping[str, str]:
    known: dict[str, str] = {}
    for code, word in VOCABULARIES[vocabulary].items():
        for text in (code, word.zh, word.en, *word.written):
            known[fold(text)] = code
    return known


def fold(text: str) -> str:
    """A spelling without what does not matter: case, spaces, full width.

    >>> fold(" Ｇ3　手机 ") == fold("g3手机")
    True
    """
    import unicodedata

    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(text))).casefold()


def code(vocabulary: str, text: str) -> str | None:
    """The code that an export's word stands for, None where it is unknown.

    >>> code("channel", "自有渠道"), code("channel", "火星")
    ('own', None)
    """
    return _codes(vocabulary).get(fold(text))


def label(vocabulary: str, value: object, lang: Lang) -> str:
    """The label of a code; a code without one is shown as it is, a missing one as 未知 / unknown.

    >>> label("channel", "own", "zh"), label("channel", "kiosk", "en"), label("channel", None, "en")
    ('自营', 'kiosk', 'unknown')
    """
    if value is None or value != value:
        return pick(lang, "未知", "unknown")
    word = VOCABULARIES[vocabulary].get(str(value))
    return str(value) if word is None else pick(lang, word.zh, word.en)


def any_word(code: str, lang: Lang) -> str:
    """The label of a code whichever vocabulary has it; a code that none has is shown as it is.

    >>> any_word("own", "zh"), any_word("kiosk", "zh")
    ('自营', 'kiosk')
    """
    return next((label(name, code, lang) for name, words in VOCABULARIES.items() if code in words), code)


def pick(lang: str, zh: str, en: str) -> str:
    """The text in the chosen language."""
    if lang not in LANGS:
        raise UsageError(f"lang is {lang!r}; expected one of {', '.join(LANGS)}.")
    return zh if lang == "zh" else en


def rounded(value: float, digits: int) -> Decimal:
    """Round half up on the decimal that is printed, as people do (Python rounds half to even).

    >>> rounded(0.125, 2), rounded(2.675, 2), rounded(-0.004, 2)
    (Decimal('0.13'), Decimal('2.68'), Decimal('0.00'))
    """
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return exact if exact else abs(exact)


def number(value: object, digits: int = 0, signed: bool = False) -> str:
    """A number with thousands separators; unknown is an em dash.

    >>> number(15839), number(1439.909, 1), number(float("nan")), number(2.5, signed=True)
    ('15,839', '1,439.9', '—', '+3')
    """
    amount = _finite(value)
    return "—" if amount is None else f"{rounded(amount, digits):{'+' if signed and rounded(amount, digits) else ''},}"


def percent(value: object, digits: int = 2) -> str:
    """A fraction as a percentage.

    >>> percent(0.4632), percent(None)
    ('46.32%', '—')
    """
    amount = _finite(value)
    return "—" if amount is None else f"{rounded(amount * 100, digits):,}%"


def points(value: object, lang: Lang = "en", digits: int = 2) -> str:
    """A difference of fractions in signed percentage points.

    >>> points(0.3171), points(-0.02, "zh")
    ('+31.71 pp', '-2.00个百分点')
    """
    amount = _finite(value)
    if amount is None:
        return "—"
    return f"{rounded(amount * 100, digits):+,}" + pick(lang, "个百分点", " pp")


# from what amount on people write 亿 and 万
_LARGE = ((1e8, "亿"), (1e4, "万"))


def count(value: object, lang: Lang, unit: str = "台", digits: int = 0) -> str:
    """A count as operators write it: 台 or 户 below ten thousand, then 万 and 亿 of them; in full in English.

    >>> count(1678, "zh"), count(16475, "zh", "户"), count(16475, "en"), count(-123456.7, "zh"), count(None, "zh")
    ('1,678台', '1.65万户', '16,475', '-12.35万台', '—')
    """
    amount = _finite(value)
    if amount is None or lang == "en":
        return number(value, digits)
    for size, word in _LARGE:
        if abs(amount) >= size:
            return f"{rounded(amount / size, 2):,}{word}{unit}"
    return number(amount, digits) + unit


def money(value: object, lang: Lang) -> str:
    """Yuan as operators write them: 元 below ten thousand, then 万元 and 亿元.

    >>> money(8231, "zh"), money(1234567, "zh"), money(1234567, "en"), money(3.2e8, "zh"), money(-0.2, "en")
    ('8,231元', '123.46万元', '¥1,234,567', '3.20亿元', '¥0')
    """
    amount = _finite(value)
    if amount is None:
        return "—"
    if lang == "en":
        shown = rounded(abs(amount), 0)
        return f"{'-' if amount < 0 and shown else ''}¥{shown:,}"
    return count(amount, lang, "元")


def _finite(value: object) -> float | None:
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return amount if math.isfinite(amount) else None

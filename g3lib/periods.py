"""Periods as analysts write them: a month, a quarter, a range of months, or a date.

`2010-03`, `2010Q1`, `2009-11..2010-01`, `2010-03-31`. A date means "the month of that date, known up to
and including it", which is what a mid-month report needs. Business dates are naive (Asia/Shanghai).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from g3lib.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

_MONTH = r"(\d{4})-(\d{1,2})"


@dataclass(frozen=True)
class Period:
    """A closed interval of days; `asof` is the last day that is known."""

    start: date
    end: date
    asof: date

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period.

        >>> str(Period.parse("2010Q1")), str(Period.parse("2009-11..2010-01"))
        ('2010-01..2010-03', '2009-11..2010-01')
        >>> Period.parse("2010-02-10").asof, Period.parse("2010-02-10").end
        (datetime.date(2010, 2, 10), datetime.date(2010, 2, 28))
        >>> Period.parse("2010-13")
        Traceback (most recent call last):
        g3lib.errors.UsageError: '2010-13' is no period; write 2010-03, 2010Q1, 2009-11..2010-01 or 2010-03-31.
        """
        text = str(text).strip()
        try:
            if found := re.fullmatch(_MONTH + r"-(\d{1,2})", text):
                day = date(*map(int, found.groups()))
                return cls(day.replace(day=1), _last(day.year, day.month), day)
            if found := re.fullmatch(r"(\d{4})[Qq]([1-4])", text):
                year, quarter = map(int, found.groups())
                return cls._months(year, 3 * quarter - 2, year, 3 * quarter)
            if found := re.fullmatch(_MONTH + r"(?:\.\." + _MONTH + ")?", text):
                first = [int(g) for g in found.groups()[:2]]
                last = [int(g) for g in found.groups()[2:] if g] or first
                return cls._months(*first, *last)
        except ValueError:
            pass
        raise UsageError(f"{text!r} is no period; write 2010-03, 2010Q1, 2009-11..2010-01 or 2010-03-31.")

    @classmethod
    def _months(cls, year: int, month: int, to_year: int, to_month: int) -> Period:
        start, end = date(year, month, 1), _last(to_year, to_month)
        if end < start:
            raise ValueError("a period that ends before it starts")
        return cls(start, end, end)

    @property
    def last_month(self) -> str:
        """The period's last month, `2010-01`: the month that a report is "of"."""
        return f"{self.end:%Y-%m}"

    @property
    def previous_month(self) -> str:
        """The month before the period's last.

        >>> Period.parse("2010-01").previous_month
        '2009-12'
        """
        return shift(self.last_month, -1)

    @property
    def following(self) -> date:
        """The first day of the month after the last day known: what a plan is made for.

        >>> Period.parse("2013-12").following, Period.parse("2010-02-10").following
        (datetime.date(2014, 1, 1), datetime.date(2010, 3, 1))
        """
        index = _index(self.asof) + 1
        return date(index // 12, index % 12 + 1, 1)

    @property
    def months(self) -> list[str]:
        """Every month of the period, in order.

        >>> Period.parse("2009-11..2010-01").months
        ['2009-11', '2009-12', '2010-01']
        """
        first, last = _index(self.start), _index(self.end)
        return [f"{i // 12:04d}-{i % 12 + 1:02d}" for i in range(first, last + 1)]

    def __str__(self) -> str:
        if self.asof != self.end:
            return self.asof.isoformat()
        months = self.months
        return months[0] if len(months) == 1 else f"{months[0]}..{months[-1]}"


def is_canonical(text: str) -> bool:
    """Whether a text is a period, and written as every file and folder writes it.

    >>> is_canonical("2010-03"), is_canonical("2010-3"), is_canonical("2010-13")
    (True, False, False)
    """
    try:
        return str(Period.parse(text)) == text
    except UsageError:
        return False


def days(text: str) -> tuple[date, date]:
    """The first and last day of what a point of a series stands for: a date is that day alone.

    >>> days("2010-02-10") == days("2010-2-10"), days("2010Q1")[1]
    (True, datetime.date(2010, 3, 31))
    """
    period = Period.parse(text)
    return (period.asof, period.asof) if re.fullmatch(_MONTH + r"-\d{1,2}", str(text).strip()) else (period.start, period.end)


def shift(month: str, by: int) -> str:
    """The month `by` months later.

    >>> shift("2010-01", -1), shift("2010-01", -12), shift("2009-11", 2)
    ('2009-12', '2009-01', '2010-01')
    """
    year, number = map(int, month.split("-"))
    index = year * 12 + number - 1 + by
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def days_in(month: str) -> int:
    """Calendar days of a month.

    >>> days_in("2010-02"), days_in("2012-02")
    (28, 29)
    """
    year, number = map(int, month.split("-"))
    return calendar.monthrange(year, number)[1]


def _last(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _index(day: date) -> int:
    return day.year * 12 + day.month - 1


def month_of(dates: pd.Series) -> pd.Series:
    """The month of each date as text, missing where the date is: each month is written once, not each date.

    >>> import pandas as pd
    >>> month_of(pd.Series(pd.to_datetime(["2010-03-31", None, "2010-03-01"]))).tolist()
    ['2010-03', nan, '2010-03']
    """
    import pandas as pd

    codes, months = pd.factorize(dates.dt.to_period("M"))
    written = pd.array(months.strftime("%Y-%m"), dtype="str").take(codes, allow_fill=True)
    return pd.Series(written, index=dates.index, name=dates.name)

"""Working days and the Spring Festival, from the State Council's own calendar (chinesecalendar).

Make-up workdays at weekends count as working days, the days that they make up for as holidays. The calendar of a
year is published in the autumn before; a year that is not published yet has no verdict, it is not guessed. New Year's
Day itself is the moon's (lunar-python): the holiday begins on it, on its eve, or (2026) two days before.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache


@cache
def working_days(first: date, last: date) -> float:
    """Working days from the first to the last day, both counted; NaN where a year is not published.

    >>> working_days(date(2010, 2, 20), date(2010, 2, 21)), working_days(date(1999, 1, 1), date(1999, 1, 2))
    (2.0, nan)
    """
    from chinese_calendar import get_workdays

    if last < first:
        return 0.0
    try:
        return float(len(get_workdays(first, last)))
    except NotImplementedError:
        return float("nan")


def spring_festival(year: int) -> tuple[date, date] | None:
    """The first and last day of the Spring Festival's holiday; None where the year is not published.

    >>> spring_festival(2010)
    (datetime.date(2010, 2, 13), datetime.date(2010, 2, 19))
    """
    from chinese_calendar import Holiday, holidays

    days = sorted(day for day, name in holidays.items() if day.year == year and name == Holiday.spring_festival.value)
    # a swapped weekend that stands apart from the festival is no part of it
    run = [day for i, day in enumerate(days) if not i or day - days[i - 1] == timedelta(days=1)]
    return (run[0], run[-1]) if run else None


@cache
def lunar_new_year(year: int) -> date:
    """The first day of the first lunar month, whatever days are holidays.

    >>> [str(lunar_new_year(year)) for year in (2013, 2014, 2026)]
    ['2013-02-10', '2014-01-31', '2026-02-17']
    """
    from lunar_python import Lunar

    return date.fromisoformat(Lunar.fromYmd(year, 1, 1).getSolar().toYmd())


def since_last_new_year(year: int) -> timedelta:
    """What is added to a day of that year for the day a year before at the same distance from the lunar New Year.

    >>> since_last_new_year(2015).days  # 19 February 2015, 31 January 2014
    -384
    """
    return lunar_new_year(year - 1) - lunar_new_year(year)


def near_spring(month: str) -> bool:
    """Whether the Spring Festival may lie in a month or in one that it is compared with: January to March.

    >>> near_spring("2010-03"), near_spring("2010-04")
    (True, False)
    """
    return month[5:] in ("01", "02", "03")

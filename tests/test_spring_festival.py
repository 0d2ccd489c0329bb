"""The KPI row around the Spring Festival, which moves through January and February."""

from __future__ import annotations

import pandas as pd
import pytest

from g3lib.measures import targets
from g3lib.periods import Period


def around_new_year(level_of_holiday: float = 0.0) -> pd.Series:
    """One a day for years, but on the festival's holidays."""
    days = pd.date_range("2011-12-01", "2013-03-31")
    units = pd.Series(1.0, index=days)
    for year in (2012, 2013):
        first, last = targets.spring_festival(year)
        units.loc[pd.Timestamp(first) : pd.Timestamp(last)] = level_of_holiday
    return units


def kpis(daily_units: pd.Series, period: str, by_day: bool = True) -> pd.DataFrame:
    months = daily_units.groupby(daily_units.index.strftime("%Y-%m")).sum()
    return targets.kpi_row(months, Period.parse(period), daily=daily_units if by_day else None).set_index("kpi")


def test_holidays_are_left_out_of_daily_averages() -> None:
    row = kpis(around_new_year(), "2013-02").loc["month_on_month"]
    assert row["value"] == pytest.approx(0)
    assert row["reason"] == "spring_days_out"
    plain = kpis(around_new_year(), "2013-02", by_day=False).loc["month_on_month"]
    assert plain["value"] == pytest.approx(21 / 28 - 1)  # seven days without a sale
    assert plain["reason"] == "spring_festival"


def test_a_year_is_compared_at_the_same_distance_from_the_festival() -> None:
    # the festival began on 22 January 2012 and on 9 February 2013
    units = around_new_year()
    row = kpis(units, "2013-01").loc["year_on_year"]
    assert row["reason"] == "spring_same_distance"
    assert row["value"] == pytest.approx(0)
    assert kpis(units, "2013-01", by_day=False).loc["year_on_year", "value"] == pytest.approx(31 / 24 - 1)


def test_month_sums_take_january_and_february_together() -> None:
    row = kpis(around_new_year(), "2013-02", by_day=False).loc["year_on_year"]
    assert row["reason"] == "spring_two_months"
    assert row["value"] == pytest.approx((59 - 7) / 59 / ((60 - 7) / 60) - 1)


def test_other_months_are_plain() -> None:
    assert kpis(around_new_year(), "2012-06").loc["month_on_month", "reason"] == ""


def test_the_anchor_is_the_moons_new_year_whatever_days_are_holidays() -> None:
    # in 2013 the holiday began on the eve (9 February), in 2014 on the day itself (31 January)
    days = pd.date_range("2012-12-01", "2014-03-31")
    units = pd.Series(1.0, index=days)
    for new_year in ("2013-02-10", "2014-01-31"):
        units[pd.Timestamp(new_year) - pd.Timedelta(days=1)] = 20.0  # everybody buys on the eve
    row = kpis(units, "2014-01").loc["year_on_year"]
    assert (row["value"], row["reason"]) == (pytest.approx(0), "spring_same_distance")


def test_a_last_day_without_a_sale_keeps_the_alignment() -> None:
    sales = around_new_year().rename_axis("date").reset_index(name="units").assign(grain="day")
    sales = sales[(sales["units"] > 0) & ~sales["date"].between("2013-02-27", "2013-03-31")]
    row = targets.sales_kpi(sales, None, Period.parse("2013-02"), sales[:0], "甲").set_index("kpi").loc["month_on_month"]
    assert row["reason"] == "spring_days_out"
    assert row["value"] == pytest.approx(19 / 21 - 1)

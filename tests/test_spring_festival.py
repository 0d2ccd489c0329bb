"""The KPI row around the Spring Festival, which moves through January and February."""

from __future__ import annotations

from datetime import date

import numpy as np
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


@pytest.mark.parametrize("year", [2012, 2013, 2014, 2015])
def test_a_target_met_exactly_is_in_time_whenever_the_festival_falls(year: int) -> None:
    """100 a day, 300 in the twenty days before New Year, 20 in the seven from it on: alike every year, and so is the target."""
    days = pd.date_range(f"{year - 2}-12-01", f"{year}-12-31")
    units = pd.Series(100.0, index=days)
    for new_year in map(pd.Timestamp, map(targets.lunar_new_year, range(year - 1, year + 1))):
        units[new_year - pd.Timedelta(days=20) : new_year - pd.Timedelta(days=1)] = 300.0
        units[new_year : new_year + pd.Timedelta(days=6)] = 20.0
    goal = pd.DataFrame({"branch": ["甲"], "metric": "units", "unit": "台", "kind": "flow", "target": units[f"{year}"].sum(), "channel": None,
                         "start": pd.Timestamp(f"{year}-01-01"), "end": pd.Timestamp(f"{year}-12-31"), "device_class": None})  # fmt: skip
    period = Period.parse(f"{year}-01")
    sales = units[: pd.Timestamp(period.asof)].rename_axis("date").reset_index(name="units").assign(grain="day")
    reached = targets.progress(sales, goal, period).set_index("phasing")
    assert reached.loc["last_year", "progress_index"] == pytest.approx(1, abs=0.03)
    row = targets.outlook(sales, reached.reset_index(), period).iloc[0]
    assert row["low"] < row["target"] < row["high"]
    assert row["expected_final"] == pytest.approx(row["target"], rel=0.05)


def test_where_the_moons_days_are_not_on_record_the_calendars_are_taken() -> None:
    # New Year 2013 fell eighteen days later than in 2012: its January reaches back into December 2011
    days = pd.Series(1.0, pd.date_range("2012-01-01", "2012-12-31"))
    days["2012-01-01"] = 5.0
    assert targets.last_years_days(days, date(2013, 1, 1), date(2013, 12, 31)).iloc[0] == 5
    assert targets.last_years_days(days, date(2014, 1, 1), date(2014, 1, 31)).empty
    assert targets.last_years_days(None, date(2014, 1, 1), date(2014, 1, 31)).empty
    longer = pd.concat([pd.Series(np.arange(31.0), pd.date_range("2011-12-01", "2011-12-31")), days])
    assert targets.last_years_days(longer, date(2013, 1, 1), date(2013, 12, 31)).iloc[0] == 13  # 14 December 2011

"""Targets and the KPI row, by the document's own target and by awkward ones."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from g3lib.errors import DataError
from g3lib.measures import targets
from g3lib.periods import Period

JANUARY, MARCH = Period.parse("2010-01"), Period.parse("2010-03")


def target(amount: float, start: str = "2010-01-01", end: str = "2010-12-31", kind: str | None = "flow") -> pd.DataFrame:
    return pd.DataFrame(
        {"branch": ["南区分公司"], "metric": ["units"], "unit": ["户"], "kind": [kind], "start": pd.to_datetime([start]),
         "end": pd.to_datetime([end]), "target": [amount], "channel": [None], "device_class": [None]}
    )  # fmt: skip


def sold(**months: float) -> pd.DataFrame:
    days = [f"{name[1:5]}-{name[5:]}-01" for name in months]
    return pd.DataFrame({"date": pd.to_datetime(days), "units": list(months.values())})


NANQU = sold(m200911=590.0, m200912=452.0, m201001=636.0)


def test_january_by_both_phasings() -> None:
    rows = targets.progress(NANQU, target(16475), JANUARY).set_index("phasing")
    assert rows.loc["month_even", "month_attainment"] == pytest.approx(0.46325, abs=5e-6)
    assert rows.loc["calendar", "month_attainment"] == pytest.approx(0.45453, abs=5e-6)
    assert rows.loc["month_even", "remaining"] == 15839
    assert rows.loc["month_even", "per_month"] == pytest.approx(1439.9, abs=0.05)
    assert rows.loc["calendar", "days_left"] == 334
    assert rows.loc["calendar", "gap_to_time"] == pytest.approx(16475 * 31 / 365 - 636)


def test_sales_before_the_target_began_do_not_count() -> None:
    assert set(targets.progress(NANQU, target(16475), JANUARY)["actual"]) == {636.0}


def test_a_masked_target_is_unknown_not_zero() -> None:
    rows = targets.progress(NANQU, target(float("nan")), JANUARY)
    assert rows["attainment"].isna().all()
    assert rows["per_month"].isna().all()


def test_a_target_of_zero_is_undefined() -> None:
    assert targets.progress(NANQU, target(0), JANUARY)["attainment"].isna().all()


def test_a_target_that_is_over_or_no_flow_does_not_run() -> None:
    assert targets.progress(NANQU, target(5, "2009-01-01", "2009-12-31"), JANUARY).empty
    assert targets.progress(NANQU, target(5, kind="rate"), JANUARY).empty


def test_a_met_target_needs_nothing_more() -> None:
    rows = targets.progress(NANQU, target(600), JANUARY)
    assert set(rows["per_day"]) == {0.0}


def test_months_of_a_target_sum_to_it_by_every_phasing() -> None:
    start, end = date(2010, 1, 1), date(2010, 12, 31)
    shape = pd.Series(range(365), index=pd.date_range("2009-01-01", "2009-12-31"), dtype=float)
    for phasing in targets.PHASINGS:
        parts = [targets.phased_target(16475, start, end, m, phasing, last_year=shape) for m in Period(start, end, end).months]
        assert sum(parts) == pytest.approx(16475)


def test_a_target_that_starts_in_mid_month() -> None:
    half = targets.time_progress(date(2010, 4, 16), date(2010, 5, 31), date(2010, 4, 30), "month_even")
    assert half == pytest.approx(0.5 / 1.5)


def test_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(DataError, match="ends before it starts"):
        targets.time_progress(date(2010, 2, 1), date(2010, 1, 1), date(2010, 1, 5))


def test_kpi_row_of_one_month_says_why_parts_are_blank() -> None:
    row = targets.kpi_row(pd.Series({"2010-03": 31.0}), MARCH).set_index("kpi")
    assert row.loc["month", "value"] == 31
    assert row.loc[["attainment", "month_on_month", "year_on_year", "rank"], "reason"].tolist() == [
        "no_target", "no_earlier_month", "no_last_year", "not_compared",
    ]  # fmt: skip


def test_kpi_row_compares_daily_averages_and_ranks() -> None:
    values = pd.Series({"2009-03": 31.0, "2010-01": 31.0, "2010-02": 28.0, "2010-03": 62.0})
    peers = pd.DataFrame({"branch": ["a", "b"] * 2, "month": ["2010-02"] * 2 + ["2010-03"] * 2, "value": [28.0, 50, 62, 60]})
    row = targets.kpi_row(values, MARCH, peers=peers, branch="a").set_index("kpi")["value"]
    assert row["month_on_month"] == pytest.approx(1.0)
    assert row["year_on_year"] == pytest.approx(1.0)
    assert (row["rank"], row["rank_change"]) == (1, 1)
    assert row["year_to_date"] == 121


def test_a_year_to_date_with_a_month_missing_is_unknown() -> None:
    row = targets.kpi_row(pd.Series({"2010-02": 28.0, "2010-03": 62.0}), MARCH).set_index("kpi")
    assert row.loc["year_to_date", "reason"] == "months_missing"


def test_mid_month_is_held_against_its_days() -> None:
    # ten devices a day, a target of ten a day: on plan on any day
    days = pd.DataFrame({"date": pd.date_range("2010-01-01", "2010-02-10"), "units": 10.0})
    period = Period.parse("2010-02-10")
    row = targets.progress(days, target(3650), period).set_index("phasing").loc["calendar"]
    assert row.month == "2010-02-10"
    assert row.month_actual == 100
    assert row.month_attainment == pytest.approx(1.0)
    assert row.gap_to_time == pytest.approx(0.0)
    assert row.per_day == pytest.approx(10.0)
    months = days.groupby(days["date"].dt.strftime("%Y-%m"))["units"].sum()
    assert targets.kpi_row(months, period).set_index("kpi").loc["month_on_month", "value"] == pytest.approx(0.0)


def test_a_month_counts_from_the_targets_start() -> None:
    days = pd.DataFrame({"date": pd.date_range("2010-04-01", "2010-04-30"), "units": 10.0})
    row = targets.progress(days, target(1000, "2010-04-16", "2010-05-31"), Period.parse("2010-04")).iloc[0]
    assert (row.actual, row.month_actual) == (150, 150)


def test_days_left_but_no_whole_month() -> None:
    row = targets.progress(NANQU, target(16475, end="2010-02-20"), JANUARY).iloc[0]
    assert row.days_left == 20
    assert 0 < row.months_left < 1


@pytest.mark.parametrize(("end", "over"), [("2010-12-31", False), ("2010-03-31", True)])
def test_a_rate_has_a_gap_in_points(end: str, over: bool) -> None:
    rates = pd.DataFrame({"branch": ["a"], "metric": "participation", "kind": "rate", "start": pd.to_datetime(["2010-01-01"]),
                          "end": pd.to_datetime([end]), "target": [0.45], "channel": None, "device_class": None})  # fmt: skip
    with_channel = pd.concat([rates, rates.assign(channel="own", target=0.9)])
    assert targets.rate_gap(0.5, with_channel, "participation", MARCH)[0] == 0.45  # a channel's target is not the branch's
    assert targets.rate_gap(0.5, rates, "participation", MARCH) == (0.45, pytest.approx(0.05), over)
    assert pd.isna(targets.rate_gap(0.5, rates[:0], "participation", MARCH)[1])


def test_a_rate_is_not_summed_and_compared_in_points() -> None:
    row = targets.kpi_row(pd.Series({"2010-02": 0.25, "2010-03": 0.40}), MARCH, "rate").set_index("kpi")
    assert row.loc["month_on_month", "value"] == pytest.approx(0.15)
    assert row.loc["year_to_date", "reason"] == "rate_not_summed"

"""Flows, stocks and rates against their time; what is left, and whether it will come."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from g3lib.measures import targets
from g3lib.measures.targets.outlook import weeks_together
from g3lib.periods import Period

NAN = float("nan")


def year_target(amount: float, metric: str = "units", kind: str = "flow", direction: str = "up", branch: str = "甲") -> pd.DataFrame:
    return pd.DataFrame({"branch": [branch], "metric": metric, "unit": "台", "kind": kind, "direction": direction, "start": pd.Timestamp("2013-01-01"),
                         "end": pd.Timestamp("2013-12-31"), "target": amount, "channel": None, "device_class": None, "version": None})  # fmt: skip


def daily(start: str, days: int, units: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.date_range(start, periods=days), "grain": "day", "units": units})


def test_progress_is_coloured_by_the_provinces_lines_or_by_one() -> None:
    sales, period = daily("2013-01-01", 181, 0.95), Period.parse("2013-06")
    plain = targets.progress(sales, year_target(365), period)
    assert set(plain.loc[plain["phasing"] == "calendar", "status"]) == {"breach"}
    told = targets.progress(sales, year_target(365), period, pd.DataFrame({"indicator": ["progress_index"], "scope": "全省", "direction": "up", "green": 1.0, "red": 0.9, "valid_from": None}))
    assert set(told.loc[told["phasing"] == "calendar", "status"]) == {"watch"}


# ---- phasing by last year, the run rate of each day ------------------------------------------------------------------


def test_last_years_shape_is_the_time_that_has_passed() -> None:
    # last year three quarters came in the first half
    sales = pd.concat([daily("2012-01-01", 182, 3.0), daily("2012-07-01", 184, 182 / 184), daily("2013-01-01", 181, 2.0)])
    found = targets.progress(sales, year_target(1000), Period.parse("2013-06")).set_index("phasing")
    assert found.loc["last_year", "time_progress"] == pytest.approx(0.75, abs=0.002)
    assert found.loc["last_year", "progress_index"] == pytest.approx(0.362 / found.loc["last_year", "time_progress"], abs=1e-3)
    rest = 184 * 182 / 184
    assert found.loc["last_year", "beside_last_year"] == pytest.approx((1000 - 362) / rest)
    unknown = targets.progress(daily("2012-01-02", 600), year_target(1000), Period.parse("2013-06")).set_index("phasing")
    assert unknown.loc["last_year", "reason"] == "no_last_year"
    assert np.isnan(unknown.loc["last_year", "time_progress"])


def test_working_days_know_make_up_days_and_unpublished_years() -> None:
    # the Saturday of 20 February 2010 made up for a day of the Spring Festival
    assert targets.working_days(date(2010, 2, 13), date(2010, 2, 21)) == 2
    future = year_target(100).assign(start=pd.Timestamp("2090-01-01"), end=pd.Timestamp("2090-12-31"))
    found = targets.progress(daily("2090-01-01", 31), future, Period.parse("2090-01")).set_index("phasing")
    assert found.loc["workdays", "reason"] == "unpublished"
    assert found.loc["calendar", "reason"] == ""


def test_each_day_left_by_last_years_month_sums_to_the_even_one() -> None:
    last = daily("2012-01-01", 366).assign(units=lambda f: np.where(f["date"].dt.day >= 26, 5.0, 1.0))
    sales = pd.concat([last, daily("2013-01-01", 31)])
    reached = targets.progress(sales, year_target(731), Period.parse("2013-01"))
    found = targets.run_rate_by_day(sales, reached, Period.parse("2013-01"))
    assert len(found) == 28
    assert found["last_year_day"].sum() == pytest.approx(found["even_day"].sum())
    assert found["last_year_day"].iloc[-1] == pytest.approx(5 * found["last_year_day"].iloc[0])  # more at its end
    assert targets.run_rate_by_day(sales, reached[:0], Period.parse("2013-01")).empty


# ---- the chance of hitting -------------------------------------------------------------------------------------------


def test_the_chance_has_its_horizon_and_says_when_it_is_unknown() -> None:
    period = Period.parse("2013-06")
    rng = np.random.default_rng(1)
    sales = daily("2013-01-01", 181).assign(units=rng.poisson(3, 181).astype(float))
    reached = targets.progress(sales, year_target(1050), period)
    row = targets.outlook(sales, reached, period).iloc[0]
    assert row["horizon"] == 184
    assert row["low"] < row["expected_final"] < row["high"]
    assert 0 < row["p_hit"] < 1
    sums = sales.groupby(sales["date"].dt.to_period("M").dt.to_timestamp(), as_index=False)["units"].sum()
    months = sums.assign(grain="month")
    assert len(months) == 6
    assert targets.outlook(months, targets.progress(months, year_target(1000), period), period)["reason"].tolist() == ["month_sums"]
    masked = targets.outlook(sales, targets.progress(sales, year_target(NAN), period), period)
    assert masked["reason"].tolist() == ["no_target"]
    early = Period.parse("2013-01-20")
    assert targets.outlook(sales[:20], targets.progress(sales[:20], year_target(1000), early), early)["reason"].tolist() == ["short_history"]
    done = Period.parse("2013-12")
    over = targets.outlook(sales, targets.progress(sales, year_target(1), done), done).iloc[0]
    assert (over["p_hit"], over["reason"]) == (1, "ended")
    nought = targets.progress(sales, year_target(0), period).set_index("phasing")
    assert np.isnan(nought.loc["calendar", "attainment"])  # over a target of zero nothing is attained


# ---- stocks, rates, directions ------------------------------------------------------------------------------------------


def level(*values: tuple[str, float], metric: str = "customers") -> pd.DataFrame:
    return pd.DataFrame({"metric": metric, "branch": "甲", "date": pd.to_datetime([d for d, _ in values]), "value": [v for _, v in values]})


def test_a_stock_is_measured_by_its_way_from_the_start() -> None:
    target = year_target(1000, "customers", "stock")
    row = targets.standing(level(("2012-12-01", 800), ("2013-06-01", 950)), target, Period.parse("2013-06")).iloc[0]
    assert row["attainment"] == 0.95
    assert row["progress_index"] == pytest.approx((150 / 200) / (181 / 365))
    assert (row["standing"], row["to_go"]) == ("ahead", 50)
    unknown = targets.standing(level(("2013-06-01", 950)), target, Period.parse("2013-06")).iloc[0]
    assert (unknown["standing"], unknown["reason"]) == ("unknown", "no_start")


@pytest.mark.parametrize(("direction", "value", "standing"), [("up", 0.4, "behind"), ("up", 0.45, "ahead"), ("down", 0.4, "ahead"), ("down", 0.46, "behind")])
def test_a_rate_has_a_gap_and_no_attainment(direction: str, value: float, standing: str) -> None:
    target = year_target(0.45, "participation", "rate", direction)
    row = targets.standing(level(("2013-06-01", value), metric="participation"), target, Period.parse("2013-06")).iloc[0]
    assert row["standing"] == standing
    assert np.isnan(row["attainment"])
    assert row["to_go"] == pytest.approx((0.45 - value) if direction == "up" else (value - 0.45))


def test_a_flow_is_held_against_the_time_that_its_own_months_cover() -> None:
    adds = level(*[(f"2013-{m:02d}-01", 100.0) for m in range(1, 5)], metric="net_adds")
    row = targets.standing(adds, year_target(1200, "net_adds"), Period.parse("2013-06")).iloc[0]
    assert (row["standing"], row["progress_index"]) == ("ahead", pytest.approx(400 / 1200 / (120 / 365)))  # known to April
    assert row["per_month"] == pytest.approx(100)
    without_january = targets.standing(adds[1:], year_target(1200, "net_adds"), Period.parse("2013-06")).iloc[0]
    assert (without_january["standing"], without_january["reason"]) == ("unknown", "months_missing")
    sold = level(*[(f"{day:%Y-%m-%d}", 1.0) for day in pd.date_range("2013-01-01", "2013-06-10")], metric="units")
    row = targets.standing(sold, year_target(365), Period.parse("2013-06-10")).iloc[0]
    assert row["per_month"] == pytest.approx(204 / (6 + 20 / 30))  # parts of months counted as parts


def test_a_provinces_flow_is_the_sum_of_its_branches_and_its_rate_is_not() -> None:
    both = pd.concat([level(("2013-01-01", 5), metric="units").assign(branch=name) for name in "乙丙"])
    whole = pd.concat([year_target(100), year_target(0.5, "participation", "rate")])  # of 甲, above the two
    found = targets.standing(both, whole, Period.parse("2013-01"), whole_of="甲").set_index("metric")
    assert found.loc["units", "measured"] == 10
    assert found.loc["participation", "reason"] == "no_data"


def test_where_less_is_better_a_flow_below_its_time_is_ahead() -> None:
    target = year_target(365, direction="down")
    for units, standing in ((0.5, "ahead"), (1.5, "behind")):
        values = level(*[(f"2013-{m:02d}-01", 30.4 * units) for m in range(1, 7)], metric="units")
        assert targets.standing(values, target, Period.parse("2013-06"))["standing"].tolist() == [standing]


@pytest.mark.parametrize(("start", "now", "target", "direction", "standing"), [
    (1000, 900, 1000, "up", "behind"), (1000, 1000, 1000, "up", "ahead"), (1100, 950, 1000, "up", "behind"), (1100, 1050, 1000, "up", "ahead"),
    (900, 950, 1000, "down", "ahead"),
])  # fmt: skip
def test_a_stock_that_was_there_already_has_only_to_hold_it(start: float, now: float, target: float, direction: str, standing: str) -> None:
    row = targets.standing(level(("2012-12-01", start), ("2013-06-01", now)), year_target(target, "customers", "stock", direction), Period.parse("2013-06")).iloc[0]
    assert row["standing"] == standing
    assert np.isnan(row["progress_index"])


def test_anything_above_a_target_of_none_at_all_is_behind() -> None:
    values = level(("2013-03-01", 50.0), metric="units")
    assert targets.standing(values, year_target(0, direction="down"), Period.parse("2013-06"))["standing"].tolist() == ["behind"]


def test_a_target_reads_its_own_branch_and_the_provinces_reads_all() -> None:
    sales = pd.concat([daily("2013-01-01", 181).assign(branch=b) for b in ("甲", "乙")])
    both = pd.concat([year_target(365), year_target(730, branch="省"), year_target(10, branch="丙")])
    found = targets.progress(sales, both, Period.parse("2013-06"), whole_of="省")
    actual = found[found["phasing"] == "calendar"].set_index("branch")["actual"]
    assert actual.to_dict() == {"甲": 181, "省": 362, "丙": 0}


def test_sales_that_begin_after_the_target_leave_it_unknown() -> None:
    found = targets.progress(daily("2013-04-01", 91), year_target(365), Period.parse("2013-06")).set_index("phasing")
    assert found.loc["calendar", "reason"] == "months_missing"
    assert found[["actual", "attainment", "gap_to_time"]].isna().all(axis=None)


def test_unknown_targets_and_metrics_are_unknown() -> None:
    both = pd.concat([year_target(NAN), year_target(5, "net_adds")])
    found = targets.standing(level(("2013-03-01", 5), metric="units"), both, Period.parse("2013-06"))
    assert found["reason"].tolist() == ["no_target", "no_data"]


def test_channels_owe_the_remainder_and_their_own_targets() -> None:
    units = pd.DataFrame({"month": "2013-06", "channel": ["own", "end", "direct"], "units": [60.0, 30, 10]})
    period = Period.parse("2013-06")
    sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-01", "2013-06-01"]), "grain": "month", "units": [0.0, 100.0]})
    reached = targets.progress(sales, year_target(700), period)
    owed = targets.must_add(units, reached, year_target(700), period).set_index("channel")
    assert owed["remaining"].tolist() == pytest.approx([360, 180, 60])
    assert owed.loc["own", "needed"] == pytest.approx(60)
    with_own = pd.concat([year_target(700), year_target(110).assign(channel="end")])
    owed = targets.must_add(units, reached, with_own, period).set_index("channel")
    assert owed.loc["end", ["remaining", "basis"]].tolist() == [80, "own_target"]
    assert owed["remaining"].sum() == pytest.approx(600)
    unsold = targets.must_add(units, reached, pd.concat([year_target(700), year_target(90).assign(channel="social")]), period)
    assert unsold.set_index("channel").loc["social", ["recent", "remaining"]].tolist() == [0, 90]  # a target without a sale yet
    assert targets.must_add(units, reached[:0], year_target(700), period).empty


def test_a_channels_own_target_has_its_own_end() -> None:
    units = pd.DataFrame({"month": "2013-06", "channel": ["own", "end"], "units": [60.0, 40]})
    period = Period.parse("2013-06")
    sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-01", "2013-06-01"]), "grain": "month", "units": [0.0, 100.0]})
    sooner = year_target(160).assign(channel="end", end=pd.Timestamp("2013-09-30"))
    reached = targets.progress(sales, year_target(700), period)
    owed = targets.must_add(units, reached, pd.concat([year_target(700), sooner]), period).set_index("channel")
    # 120 by the end of September; of the other 480 own sells for six months at 60 %, end for the last three at 40 %
    assert owed["remaining"].tolist() == pytest.approx([360, 120 + 120])
    assert owed["needed"].tolist() == pytest.approx([360 / 6, 120 / 3])
    assert owed["needed"].sum() == pytest.approx(reached["per_month"].iloc[0])


def test_weeks_that_follow_each_other_widen_the_forecast() -> None:
    rng = np.random.default_rng(3)
    apart = rng.poisson(50, 26)
    assert weeks_together(np.repeat(apart, 7)) < 0.3 < 0.7 < weeks_together(np.repeat(np.sort(apart), 7))
    assert weeks_together(np.full(91, 4)) == weeks_together(np.zeros(91)) == 0
    period, spans = Period.parse("2013-06"), []
    for weeks in (apart, np.sort(apart)):  # the same weeks, in another order
        sales = daily("2013-01-01", 182).assign(units=np.repeat(weeks, 7)[:182].astype(float)).query("date <= '2013-06-30'")
        row = targets.outlook(sales, targets.progress(sales, year_target(20000), period), period).iloc[0]
        spans.append(row["high"] - row["low"])
    assert spans[1] > 1.5 * spans[0]

"""Targets split to the last unit; thresholds; stocks, rates and flows; the festival; the chance of hitting."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError
from g3lib.findings import Status
from g3lib.measures import targets
from g3lib.periods import Period

NAN = float("nan")
cells = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["own", "end"]), st.sampled_from(["handset", "netbook", "wireless_phone"]),
                           st.integers(0, 1000)), min_size=1, max_size=20)  # fmt: skip


def basis(drawn: list) -> pd.DataFrame:
    return pd.DataFrame(drawn, columns=["branch", "channel", "device_class", "units"])


@settings(max_examples=300)
@given(cells, st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_parts_sum_exactly_at_every_level_in_every_order(drawn: list, total: int, random) -> None:
    found = targets.cascade(total, basis(drawn))
    assert found["target"].sum() == total
    assert (found["target"] == found["target"].round()).all()
    assert (found["target"] >= 0).all()
    mixed = list(drawn)
    random.shuffle(mixed)
    pd.testing.assert_frame_equal(found, targets.cascade(total, basis(mixed)))
    # no part is a whole unit away from its exact share
    if sum(units for *_, units in drawn):
        exact = found["units"] / found["units"].sum() * total
        assert (found["target"] - exact).abs().max() < 1


@settings(max_examples=300)
@given(cells, st.integers(0, 10**5), st.floats(0, 1))
def test_the_mix_floor_is_kept_never_nearly_kept(drawn: list, total: int, floor: float) -> None:
    rows = basis(drawn)
    inside = rows["device_class"].isin(["handset", "wireless_phone"])
    classes = ["handset", "wireless_phone"]
    if not inside.any():
        with pytest.raises(DataError, match="which no cell has"):
            targets.cascade(total, rows, floor=(classes, floor))
        return
    found = targets.cascade(total, rows, floor=(classes, floor))
    assert found["target"].sum() == total
    if inside.all() or rows.loc[~inside, "units"].sum() or rows["units"].sum() == 0:
        kept = found.loc[found["device_class"].isin(classes), "target"].sum()
        assert kept >= floor * total - 1e-9


def test_a_masked_target_is_unknown_and_a_masked_floor_is_said() -> None:
    rows = basis([("a", "own", "handset", 5), ("b", "own", "netbook", 5)])
    masked = targets.cascade(NAN, rows)
    assert masked["target"].isna().all()
    assert set(masked["split"]) == {"masked"}
    unknown = targets.cascade(10, rows, floor=(["handset"], NAN))
    assert unknown["target"].tolist() == [5, 5]
    assert set(unknown["split"]) == {"floor_unknown"}
    raised = targets.cascade(10, rows, floor=(["handset"], 0.75))
    assert raised["target"].tolist() == [8, 2]
    assert set(raised["split"]) == {"floor_raised"}


def test_a_target_of_zero_gives_zeros_and_growth_weighs() -> None:
    rows = basis([("a", "own", "handset", 5), ("b", "own", "handset", 5)])
    assert targets.cascade(0, rows)["target"].tolist() == [0, 0]
    assert targets.cascade(30, rows.assign(ask=[2.0, 1.0]), growth="ask")["target"].tolist() == [20, 10]


def test_every_fault_of_a_split_is_listed() -> None:
    rows = basis([("a", "own", "handset", -5)])
    with pytest.raises(DataError, match=r"(?s)-5 units.*a target of 10.5.*a floor of 1.5"):
        targets.cascade(10.5, rows, floor=(["handset"], 1.5))
    with pytest.raises(DataError, match="合计"):
        targets.cascade(10, basis([("合计", "own", "handset", 5)]))


# ---- red, amber, green ------------------------------------------------------------------------------------------


def lines(*rows: tuple[str, str, float | None, float | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scope", "direction", "green", "red", "valid_from"]).assign(indicator="progress_index")
    return frame.assign(valid_from=pd.to_datetime(frame["valid_from"]), green=frame["green"].astype(float), red=frame["red"].astype(float))


def test_the_branchs_own_line_goes_before_the_provinces_and_the_later_before_the_earlier() -> None:
    table = lines(("全省", "up", 1.0, 0.9, "2011-01-01"), ("全省", "up", 0.95, 0.8, "2013-01-01"), ("甲", "up", 0.5, 0.4, "2013-01-01"))
    light = [targets.light(0.85, table, "progress_index", day, scopes) for day, scopes in (("2012-12-31", ()), ("2013-01-01", ()), ("2013-01-01", ("甲",)))]
    assert light == [Status.BREACH, Status.WATCH, Status.GOOD]


def test_a_masked_line_gives_no_colour_and_a_crossed_one_is_refused() -> None:
    assert targets.light(0.5, lines(("全省", "up", None, 0.9, None)), "progress_index", "2013-01-01") == Status.UNKNOWN
    with pytest.raises(DataError, match=r"green \(0.8\) is worse than red \(0.9\)"):
        targets.light(0.5, lines(("全省", "up", 0.8, 0.9, None)), "progress_index", "2013-01-01")
    with pytest.raises(DataError, match="at once"):
        targets.light(0.5, lines(("全省", "up", 0.9, 0.8, None), ("全省", "up", 0.95, 0.8, None)), "progress_index", "2013-01-01")


def year_target(amount: float, metric: str = "units", kind: str = "flow", direction: str = "up", branch: str = "甲") -> pd.DataFrame:
    return pd.DataFrame({"branch": [branch], "metric": metric, "unit": "台", "kind": kind, "direction": direction, "start": pd.Timestamp("2013-01-01"),
                         "end": pd.Timestamp("2013-12-31"), "target": amount, "channel": None, "device_class": None, "version": None})  # fmt: skip


def daily(start: str, days: int, units: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"date": pd.date_range(start, periods=days), "grain": "day", "units": units})


def test_progress_is_coloured_by_the_provinces_lines_or_by_one() -> None:
    sales, period = daily("2013-01-01", 181, 0.95), Period.parse("2013-06")
    plain = targets.progress(sales, year_target(365), period)
    assert set(plain.loc[plain["phasing"] == "calendar", "status"]) == {"breach"}
    told = targets.progress(sales, year_target(365), period, lines(("全省", "up", 1.0, 0.9, None)))
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


# ---- the Spring Festival ---------------------------------------------------------------------------------------------


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

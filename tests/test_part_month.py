"""A month that is not over is held against as many days of the month before, in every figure; and says so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from g3lib.measures import channels, overview, targets
from g3lib.measures.targets.outlook import season, season_noise
from g3lib.periods import Period
from g3lib.report.claims import channels as say
from g3lib.report.claims import overview as say_overview
from g3lib.report.claims import targets as say_targets
from g3lib.report.claims.voice import Voice
from g3lib.tables.dataset import Dataset

TENTH = Period.parse("2013-12-10")
VOICE, ENGLISH = Voice("zh", "甲", "2013-12-10"), Voice("en", "甲", "2013-12-10")
NO_GROWTH = pd.DataFrame({"kpi": ["month_on_month"], "value": [np.nan]})


def a_day(units: float = 1.0) -> pd.DataFrame:
    days = pd.date_range("2012-10-01", "2013-12-10")
    return pd.DataFrame({"date": days, "grain": "day", "branch": "甲", "channel": "own", "units": units})


def year(target: float) -> pd.DataFrame:
    return pd.DataFrame({"branch": ["甲"], "metric": "units", "unit": "台", "kind": "flow", "direction": "up", "target": [target], "channel": None,
                         "start": pd.Timestamp("2013-01-01"), "end": pd.Timestamp("2013-12-31"), "device_class": None})  # fmt: skip


def test_a_span_that_ends_in_the_month_names_its_last_day() -> None:
    assert [VOICE.span(p) for p in ("2013-12", "2013-01..2013-12", "2012-12..2013-11", "2013-12-10")] == [
        "2013-12（至10日）", "2013-01至2013-12（至10日）", "2012-12至2013-11", "2013-12（至10日）",
    ]  # fmt: skip
    assert Voice("zh", "甲", "2013-12").span("2013-12") == "2013-12"


def test_an_even_pace_has_changed_nothing() -> None:
    same = channels.monthly_units(channels.same_days(a_day(), TENTH))
    changed = channels.change_of_share(same, "2013-11", "2013-12")
    assert changed["change"].tolist() == [0]
    assert "（均至10日）" in say.change(VOICE, changed, "2013-11", "2013-12")[0].text
    assert "both to day 10" in say.change(ENGLISH, changed, "2013-11", "2013-12")[0].text
    branches = channels.monthly_units(channels.same_days(a_day(), TENTH), by=["branch"])
    moved = overview.movers(branches, "2013-11", "2013-12")
    assert moved["change"].tolist() == [0]
    assert "（均至10日）" in say_overview.movers(VOICE, moved, "2013-11", "2013-12")[0].text


def test_on_month_is_of_the_same_days_where_days_are_known() -> None:
    sales = a_day()
    late = sales["date"].dt.day > 10
    sales.loc[late, "units"] = 3.0  # every month sells most at its end
    row = targets.sales_kpi(sales, None, TENTH, sales[:0], "甲").set_index("kpi")
    assert row.loc[["month_on_month", "year_on_year"], "value"].tolist() == [0, 0]
    assert row.loc[["month_on_month", "year_on_year"], "reason"].tolist() == ["same_days", "same_days"]
    months = channels.month_totals(channels.monthly_units(sales))
    assert targets.kpi_row(months, TENTH).set_index("kpi").loc["month_on_month", "reason"] == "part_month"


def test_the_chance_is_the_same_where_last_year_is_known_by_months_only() -> None:
    sales = a_day(10.0)
    then = sales[sales["date"] < "2013-01-01"]
    months = then.groupby(then["date"].dt.to_period("M"))["units"].sum()
    sums = pd.DataFrame({"date": months.index.to_timestamp(), "grain": "month", "branch": "甲", "channel": "own", "units": months.to_numpy()})
    quarter = year(10.0 * 92).assign(start=pd.Timestamp("2013-10-01"))
    mixed = pd.concat([sums, sales[sales["date"] >= "2013-01-01"]], ignore_index=True)
    by_day, by_month = (targets.outlook(s, targets.progress(s, quarter, TENTH), TENTH).iloc[0] for s in (sales, mixed))
    assert by_month["p_hit"] == pytest.approx(by_day["p_hit"])
    assert 0.4 < by_day["p_hit"] < 0.7


def test_a_target_reads_its_own_branch_and_no_sisters() -> None:
    both = pd.concat([a_day(), a_day(9.0).assign(branch="乙")], ignore_index=True)
    reached = targets.progress(both, year(365.0), TENTH)
    alone, beside = (targets.outlook(s, reached, TENTH).iloc[0] for s in (a_day(), both))
    assert beside[["expected_final", "p_hit"]].tolist() == alone[["expected_final", "p_hit"]].tolist()
    whole = targets.outlook(both, targets.progress(both, year(365.0), TENTH, whole_of="甲"), TENTH, whole_of="甲").iloc[0]
    assert whole["expected_final"] == pytest.approx(10 * 365, rel=0.01)


def test_a_season_that_happens_to_be_one_is_uncertain_too() -> None:
    flat = pd.Series(2.0, pd.date_range("2012-01-01", "2013-01-20"))
    days = pd.to_datetime(["2013-01-01", "2013-01-20", "2013-01-30"])
    assert (season(flat, *days), season_noise(flat, *days)) == (1, pytest.approx(1 / 40 + 1 / 20))
    assert (season(flat[10:], *days), season_noise(flat[10:], *days)) == (1, 0)  # last year is not all there: nothing was estimated


def test_an_even_pace_shifts_no_share_between_branches() -> None:
    both = pd.concat([a_day(), a_day().assign(branch="乙")], ignore_index=True)
    same = channels.monthly_units(channels.same_days(both, TENTH), by=["branch", "channel"])
    found = channels.shift_share(same, same, "2013-11", "2013-12", within=["branch"])
    assert found["change"].tolist() == [0, 0]


def test_every_channel_with_a_target_of_its_own_shares_what_is_left_over() -> None:
    whole = year(465.0)
    own = year(354.0).assign(channel="own")
    reached = targets.progress(a_day(), whole, TENTH)
    owed = targets.must_add(channels.monthly_units(a_day()), reached, pd.concat([whole, own]), TENTH)
    assert owed["remaining"].sum() == pytest.approx(reached["remaining"].iloc[0]) == pytest.approx(465 - 344)


def test_what_remains_in_less_than_a_month_is_asked_once() -> None:
    reached = targets.progress(a_day(), year(365.0), TENTH)
    owed = targets.must_add(channels.monthly_units(a_day()), reached, year(365.0), TENTH)
    assert owed["needed"].tolist() == owed["remaining"].tolist() == [21]
    assert owed["more"].tolist() == pytest.approx([21 / (21 / 31) / (91 / 3) - 1])


def test_recent_months_and_their_mean_are_whole_ones() -> None:
    units = channels.monthly_units(a_day())
    reached = targets.progress(a_day(), year(365.0), TENTH)
    owed = targets.must_add(units, reached, year(365.0), TENTH)
    assert owed["recent"].tolist() == pytest.approx([(30 + 31 + 30) / 3])
    (mean,) = say.by_month(VOICE, channels.month_totals(units), NO_GROWTH)
    assert mean.value == pytest.approx(channels.month_totals(units)[:-1].mean())
    assert "14个整月" in mean.text
    alone = channels.month_totals(units)[-1:]
    assert say.by_month(VOICE, alone, NO_GROWTH)[0].value is None


def test_a_reading_of_the_whole_month_is_not_known_before_its_end(store) -> None:
    part, whole = (Dataset(store, "样例三区", Period.parse(p)).participation["date"].max() for p in ("2013-12-10", "2013-12"))
    assert (str(part)[:7], str(whole)[:7]) == ("2013-11", "2013-12")
    # readings of days are known on their day
    assert str(Dataset(store, "睢县", Period.parse("2010-03-31")).participation["date"].max())[:7] == "2010-03"


def test_a_source_is_an_export_that_has_begun(store) -> None:
    data = Dataset(store, "样例三区", Period.parse("2013-02"))
    _ = data.sales, data.area_sales
    assert sorted(e.file for e in data.sources if e.table == "sales")[-1] == "sales-2013-H1.csv"


# ---- targets of nought, and chances --------------------------------------------------------------------------------


@pytest.mark.parametrize("amount", [0.0, np.nan])
def test_a_target_of_nought_or_masked_is_met_by_nobody(amount: float) -> None:
    whole = Period.parse("2013-11")
    reached = targets.progress(a_day(), year(amount), whole)
    for found in (say_targets.target(VOICE, reached)[0], say_targets.progress_claim(VOICE, reached, targets.outlook(a_day(), reached, whole))[0]):
        assert (found.value, str(found.status)) == (None, "unknown")
        assert ("目标是0" if amount == 0 else "隐去") in found.text
    row = targets.kpi_row(channels.month_totals(channels.monthly_units(a_day())), whole, reached=reached).set_index("kpi")
    assert row.loc["attainment", "reason"] == ("zero_target" if amount == 0 else "target_masked")
    assert targets.outlook(a_day(), reached, whole)["reason"].tolist() == ["zero_target" if amount == 0 else "no_target"]


def test_ahead_of_the_calendar_and_unlikely_to_get_there_is_to_be_watched() -> None:
    period = Period.parse("2013-02")
    days = pd.date_range("2012-01-01", "2013-02-28")
    # a year whose first two months sell three times what the others do
    sales = pd.DataFrame({"date": days, "grain": "day", "branch": "甲", "units": np.where(days.month <= 2, 3.0, 1.0)})
    reached = targets.progress(sales, year(1000.0), period)
    lead = say_targets.progress_claim(VOICE, reached, targets.outlook(sales, reached, period))[0]
    assert lead.value > 1
    assert str(lead.status) == "watch"
    assert "；但照目前势头" in lead.text


def test_a_month_in_breach_is_not_green_because_the_year_is() -> None:
    sales = a_day().assign(units=lambda f: np.where(f["date"] >= "2013-11-01", 0.2, 2.0))
    reached = targets.progress(sales, year(500.0), Period.parse("2013-11"))
    assert targets.calendar(reached)["status"].tolist() == ["good"]
    assert str(say_targets.target(VOICE, reached)[0].status) == "breach"

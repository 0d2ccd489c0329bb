"""A province in parts: branches that are late or silent, sales without a class, a campaign that all joined."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from g3lib.measures import campaigns, channels, overview, targets
from g3lib.periods import Period
from g3lib.report.claims import overview as say
from g3lib.report.claims.voice import Voice

JUNE = Period.parse("2013-06")
NAN = float("nan")


def target(amount: float, branch: str = "省", **more: object) -> pd.DataFrame:
    row = {"branch": branch, "metric": "units", "unit": "台", "kind": "flow", "direction": "up", "start": pd.Timestamp("2013-01-01"),
           "end": pd.Timestamp("2013-12-31"), "target": amount, "channel": None, "device_class": None, "version": None}  # fmt: skip
    return pd.DataFrame([row | more])


def sold(*rows: tuple[str, str, float], device_class: str | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["date", "branch", "units"]).assign(grain="day", channel="own", device_class=device_class)
    return frame.assign(date=pd.to_datetime(frame["date"]))


@pytest.mark.parametrize(("device_class", "split"), [(None, "floor_unknown"), ("netbook", "floor_unknown"), ("handset", "proportional")])
def test_what_remains_is_laid_out_by_what_is_known(device_class: str | None, split: str) -> None:
    sales = sold(("2013-01-01", "甲", 3.0), ("2013-03-01", "乙", 1.0), device_class=device_class)
    reached = targets.progress(sales, target(44), JUNE, whole_of="省")
    laid = overview.next_target(sales, reached, JUNE, mix_floor=0.5)
    assert dict(zip(laid["branch"], laid["target"], strict=True)) == {"甲": 30, "乙": 10}
    assert set(laid["split"]) == {split}
    assert ("device_class" in laid) == (device_class is not None)
    assert overview.next_target(sales[:0], reached, JUNE).empty


def test_where_all_joined_nobody_is_compared() -> None:
    months = ["2013-01", "2013-02", "2013-03"]
    panel = pd.DataFrame({"branch": ["甲"] * 3 + ["乙"] * 3, "month": months * 2, "rate": [0.1, 0.2, 0.3] * 2})
    starts = dict.fromkeys("甲乙", "2013-03")
    assert campaigns.group_time(panel, starts).empty
    assert campaigns.did(panel, starts)["reason"].tolist() == campaigns.placebo(panel, starts)["reason"].tolist() == ["no_others"]


def test_the_placebo_has_the_groups_of_the_comparison() -> None:
    months = [f"2013-{m:02d}" for m in range(1, 8)]
    rng = np.random.default_rng(1)
    panel = pd.DataFrame([(b, m, rng.uniform(0.2, 0.3)) for b in "abcdef" for m in months], columns=["branch", "month", "rate"])
    starts = {"a": "2013-05", "b": "2013-05", "c": "2013-09"}  # c joins when the panel is over
    groups = [one(panel, starts).loc[0, ["joined", "others"]].tolist() for one in (campaigns.did, campaigns.placebo)]
    assert groups == [[2, 3], [2, 3]]


def test_a_silent_branch_counts_as_nought_everywhere_and_is_named() -> None:
    sales = sold(("2013-05-10", "甲", 4.0), ("2013-06-10", "甲", 6.0), ("2013-05-11", "乙", 2.0))
    both = pd.concat([target(20, b) for b in "甲乙丙"])  # 丙 never sold anything
    none = pd.DataFrame(columns=["branch", "units", "valid", "cost_per_sale"])
    units = channels.monthly_units(sales, by=["branch"])
    figures = overview.branch_figures(units, targets.progress(sales, both, JUNE), none, JUNE).set_index("branch")
    assert figures["units"].to_dict() == {"甲": 6, "乙": 0, "丙": 0}
    table = overview.standings(figures.reset_index(), {branch: ["省"] for branch in "甲乙丙"}).set_index("place")
    assert (table.loc["省", "units"], table.loc["省", "units_before"]) == (6, 6)
    assert overview.movers(units, "2013-05", "2013-06")["change"].sum() == 0
    check = say.silent(Voice("zh", "省", "2013-06"), figures.reset_index())[0]
    assert "乙" in check.text and "丙" in check.text and "甲" not in check.text


def test_a_month_that_is_not_over_grows_alike_in_every_table() -> None:
    tenth = Period.parse("2013-12-10")
    days = pd.date_range("2012-12-01", "2013-12-10")
    sales = pd.DataFrame({"date": days, "grain": "day", "branch": "甲", "channel": "own", "units": np.where(days.day > 10, 10.0, 1.0)})
    units, alike = (channels.monthly_units(s, by=["branch"]) for s in (sales, channels.same_days(sales, tenth)))
    none = pd.DataFrame(columns=["branch", "units", "valid", "cost_per_sale"])
    figures = overview.branch_figures(units, targets.progress(sales, target(20, "甲"), tenth), none, tenth, alike)
    row = overview.standings(figures, {"甲": ["省"]}).iloc[0]
    kpi = targets.sales_kpi(sales, None, tenth, sales[:0], "甲").set_index("kpi")["value"]
    assert (row["growth"], row["year_growth"]) == (kpi["month_on_month"], kpi["year_on_year"]) == (0, 0)
    # of month sums the part of as many days: 300 of November's thirty days are 100 of ten
    sums = pd.DataFrame({"date": [pd.Timestamp("2013-11-01")], "grain": "month", "branch": "甲", "channel": "own", "units": [300.0]})
    assert channels.same_days(sums, tenth)["units"].tolist() == [100]


@pytest.mark.parametrize(("scope", "valid_from", "status"), [("别处", None, "breach"), ("", "2014-01-01", "breach"), ("", None, "good")])
def test_a_line_of_another_day_or_place_leaves_the_plain_one(scope: str, valid_from: str | None, status: str) -> None:
    lines = pd.DataFrame({"indicator": ["progress_index"], "scope": scope, "direction": "up", "green": 0.1, "red": 0.05,
                          "valid_from": pd.to_datetime([valid_from])})  # fmt: skip
    reached = targets.progress(sold(("2013-02-01", "甲", 3.0), ("2013-01-01", "甲", 3.0)), target(20, "甲"), JUNE, lines)
    assert set(reached.loc[reached["phasing"] == "calendar", "status"]) == {status}
    held = "progress_index" if status == "good" else ""
    assert str(targets.light(0.01, lines, "progress_index", JUNE.asof)) == ("breach" if held else "plain")


def test_money_of_an_unknown_class_stays_in_the_split() -> None:
    before = pd.DataFrame({"channel": "own", "device_class": ["handset", None], "units": [10, 10], "subsidy": [300.0, 300.0]})
    after = before.assign(subsidy=[300.0, 900.0])
    split, _ = channels.cost_change(before, after)
    assert split[["yuan_before", "yuan_after"]].sum().tolist() == [6000, 12000]
    assert split[["volume_yuan", "mix_yuan", "price_yuan"]].to_numpy().sum() == pytest.approx(6000)
    assert split["device_class"].isna().sum() == 1


def test_a_stock_of_a_province_is_of_the_last_date_that_all_have() -> None:
    values = pd.DataFrame([(b, d, v) for b in "ab" for d, v in (("2012-12-01", 500.0), ("2013-05-01", 520.0), ("2013-06-01", 530.0))],
                          columns=["branch", "date", "value"]).assign(metric="customers")  # fmt: skip
    values["date"] = pd.to_datetime(values["date"])
    aim = target(1100, metric="customers", kind="stock", unit="户")
    late = values.drop(values[(values["branch"] == "b") & (values["date"] == "2013-06-01")].index)
    rows = [targets.standing(one, aim, JUNE, whole_of="省").iloc[0] for one in (values, late)]
    assert [row["measured"] for row in rows] == [1060, 1040]
    flow = target(100, metric="net_adds", unit="户")
    gone = late.assign(metric="net_adds")
    row = targets.standing(gone[gone["date"] >= "2013-01-01"], flow.assign(start=pd.Timestamp("2013-05-01")), JUNE, whole_of="省").iloc[0]
    assert (row["reason"], math.isnan(row["measured"])) == ("months_missing", True)


def test_a_provinces_target_survives_a_channels_and_an_empty_kind() -> None:
    own = target(5, "省", channel="own")
    below = pd.concat([target(10, "甲"), target(20, "乙", kind=None, direction=None)])
    found = overview.whole(pd.concat([own, below]), "省", ["甲", "乙"])
    assert sorted(zip(found["channel"].fillna(""), found["target"], strict=True)) == [("", 30), ("own", 5)]


def test_without_a_target_nobody_is_behind_and_an_index_shows_its_side_of_one() -> None:
    voice = Voice("zh", "省", "2013-06")
    row = say.shortfall(voice, pd.DataFrame({"place": ["甲"], "is_branch": [True], "progress_index": [NAN], "due": NAN, "actual": NAN, "target": NAN}))[0]
    assert (row.value, str(row.status)) == (None, "unknown")
    assert [voice.figure("x", v, "", "指数").text for v in (0.952, 1.015, 3.0)] == ["指数 0.95", "指数 1.02", "指数 3"]

"""Volume promises: the tables through the gate, attainment and outlook, breaches, what closes a gap."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import gamma, nbinom, norm, poisson, t

from g3lib.errors import DataError, UsageError
from g3lib.labels import VOCABULARIES, label
from g3lib.measures.subsidy import commitments as measure
from g3lib.measures.subsidy.commitments import commitment_status, gap_closers, recent, transfers, without_promise
from g3lib.measures.targets.outlook import predicted
from g3lib.measures.targets.outlook import season as season_of
from g3lib.tables import adding, loading
from g3lib.tables.schema import TABLES
from g3lib.tables.store import Store

START = pd.Timestamp("2013-01-01")


# ---- the tables through the gate -----------------------------------------------------------------------


def recognised(tmp_path: Path, text: str) -> tuple[str, pd.DataFrame]:
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    checked = loading.check(tmp_path / "export.csv")
    assert not checked.all_faults
    (export,) = checked.exports
    return export.table.name, export.rows


@pytest.mark.parametrize(
    "text",
    [
        "日期,分公司,机型,进货量(台),库存(台),出样(台)\n2013-01-31,睢县,A1,5,12,2\n",
        "Date,Branch,Model,Sell in,On hand,Displayed\n2013/1/31,睢县,A1,5,12,2\n",
        "机型,期末库存,分公司,到货量,出样量,日期\nA1,12,睢县,5,2,20130131\n",
    ],
)
def test_stock_is_known_by_its_headings(tmp_path: Path, text: str) -> None:
    name, rows = recognised(tmp_path, text)
    assert name == "stock"
    assert rows[["model", "branch", "sell_in", "on_hand", "displayed"]].values.tolist() == [["A1", "睢县", 5, 12, 2]]
    assert rows["date"].tolist() == [pd.Timestamp("2013-01-31")]


@pytest.mark.parametrize(
    "text",
    [
        "机型,厂商,承诺方向,开始日期,结束日期,承诺量(台),供货价(元),违约金(元/台)\nA1,甲,厂商承诺,2013-01-01,2013-06-30,*,900,45\n",
        "model,vendor,direction,start,end,committed units,supply price,penalty per unit\nA1,甲,vendor to province,2013-01-01,2013-06-30,,900,45\n",
        "机型,厂家,方向,开始,结束,包销量,进货价,违约金\nA1,甲,厂家承诺,2013年1月1日,2013/6/30,*,900,45\n",
    ],
)
def test_commitments_are_known_by_their_headings_and_a_masked_volume_is_null(tmp_path: Path, text: str) -> None:
    name, rows = recognised(tmp_path, text)
    assert name == "commitments"
    assert rows["committed_units"].isna().all()
    assert rows[["model", "vendor", "direction", "supply_price", "penalty_per_unit"]].values.tolist() == [
        ["A1", "甲", "vendor_to_province", 900, 45]
    ]


@pytest.mark.parametrize("text", ["机型,起订量(台),供货价(元),生效日期\nA1,0,900,2013-01-01\nA1,500,860,2013-01-01\n",
                                  "model,from units,supply price,valid from\nA1,0,900,2013-01-01\nA1,500,860,2013-01-01\n"])  # fmt: skip
def test_vendor_prices_are_known_by_their_headings(tmp_path: Path, text: str) -> None:
    name, rows = recognised(tmp_path, text)
    assert name == "vendor_prices"
    assert rows[["from_units", "supply_price"]].values.tolist() == [[0, 900], [500, 860]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("日期,分公司,渠道,机型,台数,库存\n2013-01-31,睢县,自营,A1,5,12\n", "sales"),
        ("机型,厂商,终端类型,上市日期\nA1,甲,手机,2013-01-01\n", "models"),
        ("分公司,指标,方向,开始,结束,目标\n睢县,销量,越高越好,2013-01-01,2013-12-31,5\n", "targets"),
        ("活动,分公司,开始,结束\n竞赛,睢县,2013-01-01,2013-12-31\n", "campaigns"),
    ],
)
def test_what_looks_like_the_new_tables_is_still_the_old_one(tmp_path: Path, text: str, name: str) -> None:
    assert recognised(tmp_path, text)[0] == name


def test_models_branches_and_dates_alone_are_no_stock(tmp_path: Path) -> None:
    (tmp_path / "export.csv").write_text("日期,分公司,机型,台数\n2013-01-31,睢县,A1,5\n", encoding="utf-8")
    assert "stock" not in [export.table.name for export in loading.check(tmp_path / "export.csv").exports]
    (fault, *_) = loading.check(tmp_path / "export.csv", "stock").all_faults
    assert (fault.severity, fault.column) == ("file", "on_hand")


def test_stock_of_other_models_adds_and_a_correction_replaces(tmp_path: Path) -> None:
    head = "日期,分公司,机型,进货量,库存"
    rows = {"a": "2013-01-31,睢县,A1,5,12", "b": "2013-01-31,睢县,B1,1,2", "a-corrected": "2013-01-31,睢县,A1,5,11"}
    for name, row in rows.items():
        (tmp_path / f"{name}.csv").write_text(f"{head}\n{row}\n", encoding="utf-8")
    loaded = adding.load(tmp_path / "store", [tmp_path / f"{name}.csv" for name in rows])
    assert [outcome.state for one in loaded for outcome in one.outcomes] == ["added", "added", "replaced"]
    assert dict(Store(tmp_path / "store").read("stock")[["model", "on_hand"]].values.tolist()) == {"A1": 11, "B1": 2}


def test_every_table_and_direction_has_its_word() -> None:
    assert set(VOCABULARIES["table"]) >= set(TABLES)
    assert label("commitment_direction", "province_to_vendor", "zh") == "省公司承诺"
    assert set(measure.COUNTED) == set(VOCABULARIES["commitment_direction"])


# ---- status ---------------------------------------------------------------------------------------------


def sold(daily: list[float], model: str = "A", activated: int = 0, **columns: object) -> pd.DataFrame:
    """One row a day from 2013-01-01; the first `activated` of them activated the same day."""
    days = pd.date_range(START, periods=len(daily))
    frame = pd.DataFrame({"date": days, "grain": "day", "branch": "睢县", "model": model, "units": daily})
    frame["activated_at"] = (frame["date"] + pd.Timedelta(hours=11)).where(frame.index < activated)
    return frame.assign(**({"device_class": "handset", "list_price": 1000.0, "subsidy": 400.0} | columns))


def counted(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["model", "branch", "date", "sell_in", "on_hand"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def promised(*rows: tuple[str, str, str, str, float | None], penalty: float = 10.0) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["model", "direction", "start", "end", "committed_units"])
    dates = {name: pd.to_datetime(frame[name]) for name in ("start", "end")}
    return frame.assign(**dates, vendor="甲", penalty_per_unit=penalty, committed_units=frame["committed_units"].astype(float))


TO_VENDOR, BY_VENDOR = "province_to_vendor", "vendor_to_province"
YEAR = ("A", TO_VENDOR, "2013-01-01", "2013-04-10")  # 100 days


def test_three_counts_side_by_side_by_hand() -> None:
    """30 days of January: 2 a day; 60 sold, 20 of them activated, 70 came in; 80 were promised until 30 January."""
    lying = counted(("A", "睢县", "2013-01-15", 50, 30), ("A", "宁陵", "2013-01-30", 20, 9), ("A", "睢县", "2013-01-31", 99, 1),
                    ("B", "睢县", "2013-01-15", 7, 7))  # fmt: skip
    row = promised(("A", TO_VENDOR, "2013-01-01", "2013-01-30", 80))
    (found,) = commitment_status(sold([2] * 40, activated=10), lying, row, date(2013, 2, 9)).to_dict("records")
    assert (found["sell_in"], found["sell_through"], found["activated"]) == (70, 60, 20)
    assert (found["attainment"], found["elapsed"], found["pace"], found["horizon"]) == (0.75, 1.0, 0.75, 0)
    assert (found["expected_final"], found["expected_short"], found["p_met"]) == (60, 20, 0)
    assert (found["expected_penalty"], found["phase"], found["verdict"], found["reason"]) == (200, "ended", "fail", "")
    by_sell_in = commitment_status(sold([2] * 40), lying, row, date(2013, 2, 9), {TO_VENDOR: "sell_in"}).iloc[0]
    assert (by_sell_in["counted"], by_sell_in["attainment"], by_sell_in["expected_penalty"]) == ("sell_in", 70 / 80, 100)


def test_activation_counts_up_to_the_day_of_the_report() -> None:
    sales = sold([1, 1, 1]).assign(activated_at=pd.to_datetime(["2013-01-02 09:00", "2013-01-03 18:29", "2013-01-04 09:00"]))
    found = commitment_status(sales, counted(), promised((*YEAR, 5)), date(2013, 1, 3)).iloc[0]
    assert (found["activated"], found["sell_through"]) == (2, 3)


def test_the_outlook_is_the_predictive_distribution_of_a_poisson_rate() -> None:
    """One a day for 50 of 100 days, 100 promised: against the integral over the rate's posterior, Gamma(50.5, 50)."""
    found = commitment_status(sold([1] * 50), counted(), promised((*YEAR, 100)), date(2013, 2, 19)).iloc[0]

    def over_rates(of: object) -> float:
        return quad(lambda rate: of(rate * 50) * gamma.pdf(rate, 50.5, scale=1 / 50), 0, 3)[0]  # type: ignore[operator]

    assert found["p_met"] == pytest.approx(over_rates(lambda mean: poisson.sf(49, mean)), abs=1e-9)
    short = over_rates(lambda mean: sum((50 - k) * poisson.pmf(k, mean) for k in range(50)))
    assert found["expected_short"] == pytest.approx(short, abs=1e-8)
    assert found["expected_penalty"] == pytest.approx(10 * short)
    assert found["expected_final"] == pytest.approx(50 + 50.5)
    assert (found["per_day"], found["verdict"], found["reason"]) == (1.0, "no verdict", "running")


@given(st.lists(st.integers(0, 9), min_size=28, max_size=60), st.integers(1, 60), st.integers(-5, 300))
def test_the_expected_shortfall_is_the_sum_over_the_distribution(daily: list[int], left: int, needed: int) -> None:
    mean, likely, short = predicted(np.array(daily), left, needed)
    weeks = np.array(daily)[len(daily) % 7 :].reshape(-1, 7).sum(axis=1)
    unsure = (t.ppf(0.975, len(weeks) - 1) / norm.ppf(0.975)) ** 2
    spread = max(1, weeks.var(ddof=1) / weeks.mean() * unsure) if weeks.any() else 1
    variance = spread * mean * (1 + left / len(daily))
    size, p = mean**2 / (variance - mean), mean / variance
    assert short == pytest.approx(sum((needed - k) * nbinom.pmf(k, size, p) for k in range(max(needed, 0))), abs=1e-6)
    assert 0 <= likely <= 1 and short >= max(0, needed - mean) - 1e-6


@pytest.mark.parametrize("week_spread", [0.0, 0.3])
def test_probabilities_come_true(week_spread: float) -> None:
    """Of 4,000 made-up commitments of any pace, with and without weeks that differ: what is told comes true as often."""
    rng = np.random.default_rng(5)
    told, came = [], []
    for _ in range(4000):
        weeks = np.exp(rng.normal(-week_spread**2 / 2, week_spread, 26))
        daily = rng.poisson(rng.uniform(1, 9) * np.repeat(weeks, 7))
        needed = round(daily[:91].sum() * rng.uniform(0.85, 1.15))
        told.append(predicted(daily[:91], 91, needed)[1])
        came.append(daily[91:].sum() >= needed)
    groups = pd.Series(came).groupby(pd.cut(told, [-0.01, 0.25, 0.5, 0.75, 1.01], labels=False)).mean()
    told_mean = pd.Series(told).groupby(pd.cut(told, [-0.01, 0.25, 0.5, 0.75, 1.01], labels=False)).mean()
    assert (groups - told_mean).abs().max() < 0.06
    assert np.mean(told) == pytest.approx(np.mean(came), abs=0.02)


@pytest.mark.parametrize(
    ("row", "sales", "asof", "expected"),
    [
        ((*YEAR, None), sold([1] * 40), "2013-02-09", ("running", "no verdict", "unknown_target")),
        ((*YEAR, 0), sold([1] * 40), "2013-02-09", ("running", "pass", "zero_base")),
        ((*YEAR, 40), sold([1] * 40), "2013-02-09", ("running", "pass", "")),
        ((*YEAR, 90), sold([1] * 40), "2013-02-09", ("running", "no verdict", "running")),
        ((*YEAR, 500), sold([1] * 40), "2013-02-09", ("running", "warning", "")),
        ((*YEAR, 500), sold([1] * 27), "2013-01-27", ("running", "no verdict", "short_history")),
        ((*YEAR, 500), sold([1] * 40, grain="month"), "2013-02-09", ("running", "no verdict", "month_sums")),
        (("B", TO_VENDOR, "2013-01-01", "2013-04-10", 5), sold([1] * 40), "2013-02-09", ("running", "warning", "")),  # none sold
        (("A", TO_VENDOR, "2012-12-01", "2013-04-10", 5), sold([1] * 40), "2013-02-09", ("running", "no verdict", "unknown_sell_through")),
        (("A", TO_VENDOR, "2013-03-01", "2013-04-10", 5), sold([1] * 40), "2013-02-09", ("not_started", "no verdict", "not_started")),
        ((*YEAR, 500), sold([1] * 40)[:0], "2013-02-09", ("running", "no verdict", "unknown_sell_through")),
        ((*YEAR, 41), sold([1] * 40), "2013-04-10", ("ended", "fail", "")),
        (("A", TO_VENDOR, "2013-01-05", "2013-01-05", 1), sold([1] * 40), "2013-01-05", ("ended", "pass", "")),  # one day
    ],
)
def test_state_verdict_and_reason(row: tuple[str, str, str, str, float | None], sales: pd.DataFrame, asof: str,
                                  expected: tuple[str, str, str]) -> None:  # fmt: skip
    found = commitment_status(sales, counted(), promised(row), date.fromisoformat(asof)).iloc[0]
    assert (found["phase"], found["verdict"], found["reason"]) == expected
    if expected[2] not in ("running", "zero_base", ""):
        assert np.isnan(found["p_met"]) and np.isnan(found["expected_penalty"])


def test_sell_in_and_activation_that_nobody_recorded_are_unknown_not_zero() -> None:
    rows, asof = promised((*YEAR, 50)), date(2013, 2, 9)
    holes = counted(("A", "睢县", "2013-01-31", float("nan"), 5), ("A", "宁陵", "2013-01-31", 9, 5))
    for count, lying in (("activated", counted()), ("sell_in", counted()), ("sell_in", holes)):
        found = commitment_status(sold([1] * 40), lying, rows, asof, {TO_VENDOR: count}).iloc[0]
        assert np.isnan(found[count]) and found["reason"] == f"unknown_{count}" and np.isnan(found["attainment"])
    delivered = counted(("A", "睢县", "2013-01-31", 9, 5))
    found = commitment_status(sold([1] * 40), delivered, rows, asof, {TO_VENDOR: "sell_in"}).iloc[0]
    assert (found["sell_in"], found["reason"], found["verdict"]) == (9, "sell_in_is_decided", "no verdict")


def test_nothing_short_costs_nothing_even_where_the_penalty_is_unknown() -> None:
    rows = promised((*YEAR, 40), (*YEAR, 200), penalty=float("nan"))
    found = commitment_status(sold([1] * 40), counted(), rows, date(2013, 4, 10))
    assert found["expected_penalty"].iloc[0] == 0 and np.isnan(found["expected_penalty"].iloc[1])


def test_impossible_commitments_are_all_named() -> None:
    rows = promised((*YEAR, 1), ("B", TO_VENDOR, "2013-02-01", "2013-01-01", 1), ("C", "sideways", "2013-01-01", "2013-02-01", 1))
    with pytest.raises(DataError, match=r"(?s)B, province_to_vendor.*2013-02-01 to 2013-01-01.*C, sideways"):
        commitment_status(sold([1]), counted(), rows, date(2013, 2, 9))
    with pytest.raises(DataError, match="A, province_to_vendor \\(sold\\)"):
        commitment_status(sold([1]), counted(), promised((*YEAR, 1)), date(2013, 2, 9), {TO_VENDOR: "sold"})


@settings(max_examples=15)
@given(st.lists(st.integers(0, 6), min_size=30, max_size=60), st.integers(0, 300), st.integers(28, 110), st.randoms())
def test_status_does_not_depend_on_the_order_of_rows(daily: list[int], units: int, days: int, random: object) -> None:
    sales, rows = sold(daily, activated=9), promised((*YEAR, units), ("A", BY_VENDOR, "2013-01-10", "2013-03-01", units))
    lying = counted(("A", "睢县", "2013-01-31", 9, 5), ("A", "宁陵", "2013-01-31", 4, 5), ("A", "睢县", "2013-02-28", 1, 5))
    asof = (START + pd.Timedelta(days=days - 1)).date()
    seed = random.randrange(2**32)  # type: ignore[attr-defined]
    found = commitment_status(sales, lying, rows, asof)
    before = sales.copy(deep=True)
    other = commitment_status(sales.sample(frac=1, random_state=seed), lying.sample(frac=1, random_state=seed), rows, asof)
    pd.testing.assert_frame_equal(found, other)
    pd.testing.assert_frame_equal(sales, before)
    pd.testing.assert_frame_equal(commitment_status(sales, lying, rows[::-1], asof)[::-1], found)
    assert (found["activated"] <= found["sell_through"]).all()
    fen = commitment_status(sales, lying, rows.assign(penalty_per_unit=1000.0), asof)
    assert fen["expected_penalty"].to_numpy() == pytest.approx(100 * found["expected_penalty"].to_numpy(), nan_ok=True)
    assert commitment_status(sales, lying, rows[:0], asof).columns.tolist() == found.columns.tolist()


# ---- the season and what is recent -----------------------------------------------------------------------


def last_year(*daily: tuple[int, float], start: str = "2012-01-01", model: str = "B") -> pd.DataFrame:
    """(days, units a day) in turn, of another model. 2013-01-01..02-19 a year before is 50 days, 02-20..04-10 is 51 (leap)."""
    units = [n for days, n in daily for _ in range(days)]
    return sold(units, model).assign(date=pd.date_range(start, periods=len(units)))  # type: ignore[arg-type]


def outlook(*before: pd.DataFrame, committed: float = 100.0) -> pd.Series:
    """One a day for 50 of 100 days, with these sales of the year before."""
    return commitment_status(pd.concat([*before, sold([1] * 50)]), counted(), promised((*YEAR, committed)), date(2013, 2, 19)).iloc[0]


@pytest.mark.parametrize(
    ("before", "season"),
    [
        ([(50, 3), (51, 6)], 2.0),
        ([(50, 6), (51, 3)], 0.5),
        ([(50, 3), (51, 3)], 1.0),
        ([(50, 3), (51, 3), (30, 999)], 1.0),  # what was sold after the promise's end is no part of it
        ([(50, 0), (51, 3)], 1.0),  # nothing so far to compare with
        ([(50, 3), (51, 0)], 1.0),  # nothing after it
    ],
)
def test_the_season_is_a_day_of_the_rest_over_a_day_so_far(before: list[tuple[int, float]], season: float) -> None:
    every = last_year(*before).groupby("date")["units"].sum()
    days = (START, pd.Timestamp("2013-02-19"), pd.Timestamp("2013-04-10"))
    assert season_of(every, *days) == pytest.approx(season)
    assert season_of(every * 7, *days) == pytest.approx(season)
    assert outlook(last_year(*before))["expected_final"] == pytest.approx(50 + 50.5 * season)


def test_a_last_year_that_is_not_all_there_has_no_season() -> None:
    days = (START, pd.Timestamp("2013-02-19"), pd.Timestamp("2013-04-10"))
    late = last_year((49, 3), (51, 6), start="2012-01-02")  # one day is missing at its start
    assert season_of(late.groupby("date")["units"].sum(), *days) == 1
    assert outlook(late)["expected_final"] == pytest.approx(100.5)
    for none in (sold([1] * 50), sold([1])[:0]):
        assert season_of(none.groupby("date")["units"].sum(), *days) == 1
    whole = last_year((1, 1), (50, 3), (51, 6), start="2011-12-31")  # there from the day before on
    assert season_of(whole.groupby("date")["units"].sum(), *days) == pytest.approx(2)


def test_a_flat_last_year_changes_nothing() -> None:
    plain, flat = outlook(), outlook(last_year((101, 3)))
    told = ["expected_final", "expected_short", "p_met", "expected_penalty"]
    assert flat[told].tolist() == pytest.approx(plain[told].tolist())
    pd.testing.assert_series_equal(flat.drop(told), plain.drop(told))


def test_with_a_season_the_outlook_is_that_of_as_many_more_days() -> None:
    """Last year doubled: 50 days of twice the rate, whose posterior stays Gamma(50.5, 50)."""
    found = outlook(last_year((50, 3), (51, 6)), committed=150)

    def over_rates(of: object) -> float:
        return quad(lambda rate: of(rate * 100) * gamma.pdf(rate, 50.5, scale=1 / 50), 0, 3)[0]  # type: ignore[operator]

    assert found["p_met"] == pytest.approx(over_rates(lambda mean: poisson.sf(99, mean)), abs=1e-9)
    short = over_rates(lambda mean: sum((100 - k) * poisson.pmf(k, mean) for k in range(100)))
    assert found["expected_short"] == pytest.approx(short, abs=1e-7)
    assert found["expected_penalty"] == pytest.approx(10 * short)
    # it moves what is to come, not what was: pace and need a day stay
    assert found[["pace", "per_day", "attainment"]].tolist() == outlook(committed=150)[["pace", "per_day", "attainment"]].tolist()


def test_recent_is_what_runs_is_to_come_or_ended_within_the_year() -> None:
    ends = pd.to_datetime(["2012-12-30", "2012-12-31", "2013-01-01", "2013-12-31", "2014-06-30"])
    status = pd.DataFrame({"ends": ends, "model": list("abcde")}, index=[7, 3, 5, 1, 9])
    found = recent(status, date(2013, 12, 31))
    assert found["model"].tolist() == ["c", "d", "e"] and found.index.tolist() == [5, 1, 9]  # the day a year ago is a year ago
    assert recent(status, date(2013, 12, 30))["model"].tolist() == ["b", "c", "d", "e"]
    assert recent(status[:0], date(2013, 12, 31)).empty
    rows = promised((*YEAR, 40), ("A", BY_VENDOR, "2012-01-01", "2012-02-19", 9), ("A", BY_VENDOR, "2013-03-01", "2013-04-10", 9))
    known = commitment_status(sold([1] * 50), counted(), rows, date(2013, 2, 19))
    assert recent(known, date(2013, 2, 19))["phase"].tolist() == ["running", "not_started"]


# ---- subsidised without a promise -----------------------------------------------------------------------


def test_a_model_without_a_promise_on_the_day_is_a_breach() -> None:
    sales = pd.concat([sold([1, 2, 3, 4]), sold([5], "B"), sold([6], "C", subsidy=0.0), sold([7], "D", subsidy=np.nan), sold([8], model=None)])
    rows = promised(("A", BY_VENDOR, "2013-01-02", "2013-01-03", None), ("A", BY_VENDOR, "2013-01-03", "2013-01-03", 1),
                    ("B", TO_VENDOR, "2013-01-01", "2013-12-31", 9))  # fmt: skip
    found = without_promise(sales, rows)
    assert found.drop(columns=["first", "last"]).fillna("?").values.tolist() == [
        ["A", 5, 2000, 0, "", "fail"],  # the first and the fourth day
        ["B", 5, 2000, 0, "", "fail"],  # the province's promise is not the vendor's
        ["D", 0, 0, 7, "unknown_subsidy", "no verdict"],
        ["?", 8, 3200, 0, "unknown_model", "no verdict"],
    ]
    assert found.loc[0, ["first", "last"]].tolist() == [START, START + pd.Timedelta(days=3)]
    pd.testing.assert_frame_equal(without_promise(sales[::-1], rows[::-1]), found)


def test_without_any_promise_on_file_there_is_no_verdict_and_without_sales_no_row() -> None:
    found = without_promise(sold([1]), promised())
    assert found[["verdict", "reason"]].values.tolist() == [["no verdict", "no_commitments"]]
    assert without_promise(sold([1])[:0], promised((*YEAR, 1))).empty


# ---- closing a gap --------------------------------------------------------------------------------------


def test_the_extra_subsidy_that_closes_a_gap_by_hand() -> None:
    """One a day for 50 of 100 days, 120 promised: 50 to come, 20 short. 70/50 = exp(2 Δ): Δ = ln(1.4)/2 = 0.1682."""
    status = commitment_status(sold([1] * 50), counted(), promised((*YEAR, 120)), date(2013, 2, 19))
    response = pd.DataFrame({"device_class": ["handset"], "beta": [2.0]})
    (found,) = gap_closers(status, sold([1] * 50), counted(), response).to_dict("records")
    assert (found["gap"], found["to_come"], found["price"], found["subsidy"]) == (20, 50, 1000, 400)
    assert found["extra_rate"] == pytest.approx(np.log(1.4) / 2)
    assert found["extra_subsidy"] == pytest.approx(168.236, abs=1e-3)
    assert found["extra_cost"] == pytest.approx(70 * (400 + 168.236) - 50 * 400, abs=0.1)
    assert (found["reason"], found["transferable"]) == ("", 0)
    # half of the sales bare: the subsidised half must carry the whole gap, 45/25
    sales = sold([1] * 50, subsidy=[400.0, 0.0] * 25)
    assert gap_closers(status, sales, counted(), response)["extra_rate"].iloc[0] == pytest.approx(np.log(45 / 25) / 2)


@pytest.mark.parametrize(
    ("response", "columns", "reason"),
    [
        (None, {}, "no_response"),
        (pd.DataFrame({"device_class": ["handset"], "beta": [np.nan]}), {}, "no_response"),
        (pd.DataFrame({"device_class": ["handset"], "beta": [-1.0]}), {}, "no_response"),
        (pd.DataFrame({"device_class": ["netbook"], "beta": [2.0]}), {}, "no_response"),
        (pd.DataFrame({"device_class": ["handset"], "beta": [2.0]}), {"subsidy": 0.0}, "no_sales"),
        (pd.DataFrame({"device_class": ["handset"], "beta": [0.1]}), {}, "above_price"),
    ],
)
def test_what_cannot_be_closed_by_price_says_why(response: pd.DataFrame | None, columns: dict[str, object], reason: str) -> None:
    sales = sold([1] * 50, **columns)
    status = commitment_status(sales, counted(), promised((*YEAR, 120)), date(2013, 2, 19))
    (found,) = gap_closers(status, sales, counted(), response).to_dict("records")
    assert found["reason"] == reason and np.isnan(found["extra_cost"]) == (reason != "above_price")
    assert found["gap"] == 20


def test_a_model_of_which_nothing_was_sold_has_its_gap_and_no_price() -> None:
    sales = sold([1] * 50)
    status = commitment_status(sales, counted(), promised(("B", TO_VENDOR, "2013-01-01", "2013-04-10", 10)), date(2013, 2, 19))
    (found,) = gap_closers(status, sales, counted(), pd.DataFrame({"device_class": ["handset"], "beta": [2.0]})).to_dict("records")
    assert (found["gap"], found["to_come"], found["reason"]) == (10, 0, "no_sales")


def test_only_running_commitments_behind_their_pace_are_closed_and_a_class_has_one_response() -> None:
    rows = promised((*YEAR, 90), ("A", TO_VENDOR, "2013-01-01", "2013-02-19", 90), ("A", BY_VENDOR, "2013-03-01", "2013-04-10", 9))
    status = commitment_status(sold([1] * 50), counted(), rows, date(2013, 2, 19))
    assert gap_closers(status, sold([1] * 50), counted()).empty and transfers(status, sold([1] * 50), counted()).empty
    twice = pd.DataFrame({"device_class": ["handset"] * 2, "channel": ["own", "end"], "beta": [2.0, 1.0]})
    with pytest.raises(UsageError, match="handset"):
        gap_closers(status, sold([1] * 50), counted(), twice)


def branches(units: list[int], lies: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Branch i sold units[i] on the first day of 50 and has lies[i] of A on its shelves at the end of January."""
    names = [f"{i}区" for i in range(len(units))]
    parts = [sold([n] + [0] * 49).assign(branch=name) for n, name in zip(units, names, strict=True)]
    return pd.concat(parts), counted(*(("A", name, "2013-01-31", 0, n) for name, n in zip(names, lies, strict=True)))


def test_stock_goes_from_who_has_too_much_to_who_sells_out_by_hand() -> None:
    """50 of 100 days: the need of the days left is what was sold. Spare 30 and 5, short 12 and 10."""
    sales, lying = branches([10, 20, 30, 40], [40, 25, 18, 30])
    status = commitment_status(sales, lying, promised((*YEAR, 500)), date(2013, 2, 19))
    found = transfers(status, sales, lying)
    assert found.drop(columns="counted_on").values.tolist() == [["A", "0区", "2区", 12], ["A", "0区", "3区", 10]]
    assert gap_closers(status, sales, lying)["transferable"].tolist() == [22]
    # an earlier count is not the last one, a later one is not known yet, and a branch that was never counted is left out
    more = pd.concat([lying, counted(("A", "0区", "2013-01-15", 0, 0), ("A", "0区", "2013-02-28", 0, 0), ("B", "3区", "2013-01-31", 0, 99))])
    pd.testing.assert_frame_equal(transfers(status, sales, more), found)
    assert transfers(status, sales, lying[lying["branch"] != "0区"])["from_branch"].unique().tolist() == ["1区"]


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=6), st.integers(0, 99))
def test_transfers_balance(shelves: list[tuple[int, int]], seed: int) -> None:
    sales, lying = branches([n for n, _ in shelves], [n for _, n in shelves])
    status = commitment_status(sales, lying, promised((*YEAR, 500), ("A", BY_VENDOR, "2013-01-01", "2013-03-31", 900)), date(2013, 2, 19))
    found = transfers(status, sales, lying)
    spare = pd.Series({f"{i}区": on_hand - units for i, (units, on_hand) in enumerate(shelves)})
    out, into = (found.groupby(side)["units"].sum() for side in ("from_branch", "to_branch"))
    assert (found["units"] > 0).all()
    assert (out <= spare[out.index]).all() and (into <= -spare[into.index]).all()
    assert found["units"].sum() == min(spare.clip(lower=0).sum(), (-spare).clip(lower=0).sum())
    shuffled = transfers(status[::-1], sales.sample(frac=1, random_state=seed), lying.sample(frac=1, random_state=seed))
    pd.testing.assert_frame_equal(shuffled, found)


# ---- the made-up province -------------------------------------------------------------------------------


def test_what_was_planted_is_found(store: Store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))["commitments"]
    sales, stock, rows = store.read("sales"), store.read("stock"), store.read("commitments")
    status = commitment_status(sales, stock, rows, date(2013, 12, 31))
    mine = status[status["direction"] == TO_VENDOR].set_index("model")
    ends = truth["province_to_vendor"]
    assert mine.loc[[ends["met"], ends["short"], ends["running"]], "verdict"].tolist() == ["pass", "fail", "warning"]
    # by whatever is counted the met one is met and the short one is short
    counts = mine[list(measure.COUNTS)]
    assert (counts.loc[ends["met"]] >= mine.at[ends["met"], "committed"]).all()
    assert (counts.loc[ends["short"]] < mine.at[ends["short"], "committed"]).all()
    assert mine.at[ends["running"], "phase"] == "running" and mine.at[ends["running"], "horizon"] == 90
    assert set(status.loc[status["direction"] == BY_VENDOR, "verdict"]) == {"pass", "fail"}

    breach = without_promise(sales[sales["model"].notna()], rows)
    assert breach[["model", "units", "subsidy_yuan", "verdict"]].values.tolist() == [[*(truth["without_promise"][key] for key in ("model", "units", "subsidy_yuan")), "fail"]]
    moved = transfers(status, sales, stock)
    assert set(moved["from_branch"]) == {truth["overstocked"]["branch"]} and set(moved["model"]) == {truth["overstocked"]["model"]}

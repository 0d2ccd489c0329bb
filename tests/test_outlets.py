"""Outlets: productivity, concentration, dead ones, and what stands on their shelves."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.measures import channels
from g3lib.tables.store import Store

ASOF = date(2013, 12, 31)


def sold(**by_outlet: list[tuple[str, float]]) -> pd.DataFrame:
    rows = [(pd.Timestamp(day), "b", "own", outlet, units) for outlet, days in by_outlet.items() for day, units in days]
    return pd.DataFrame(rows, columns=["date", "branch", "channel", "outlet", "units"])


def listed(*names: str, opened: str | None = None) -> pd.DataFrame:
    return pd.DataFrame({"outlet": list(names), "branch": "b", "channel": "own", "zone": "z", "opened": pd.to_datetime(opened)})


def test_an_outlet_that_sold_nothing_keeps_its_row() -> None:
    found = channels.outlet_table(sold(x=[("2013-12-05", 3)]), listed("x", "y"), ASOF).set_index("outlet")
    assert found.loc["y", ["units", "months_selling"]].tolist() == [0, 0]
    assert found.loc["y", "month_mean"] == 0  # listed since the data begin


def test_a_new_outlet_is_not_dead_and_an_unlisted_one_never() -> None:
    sales = sold(old=[("2012-01-05", 3)], stray=[("2012-01-06", 1)], x=[("2013-12-05", 3)])
    fresh = channels.outlet_table(sales, listed("x", "new", opened="2013-11-15"), ASOF).set_index("outlet")
    assert not fresh.loc["new", "dead"]
    found = channels.outlet_table(sales, listed("old", "x"), ASOF).set_index("outlet")
    assert found["dead"].to_dict() == {"old": True, "stray": False, "x": False}
    assert not found.loc["stray", "listed"]
    # the dead are a part of those that could be dead
    spread = channels.concentration(found.reset_index()).iloc[0]
    assert (spread["outlets"], spread["listed_outlets"], spread["dead_outlets"], spread["dead_share"]) == (3, 2, 1, 0.5)


def test_productivity_counts_months_from_the_opening_or_the_first_sale() -> None:
    sales = sold(x=[("2013-11-05", 6)], y=[("2013-07-05", 6)])
    found = channels.outlet_table(sales, listed("x", "y", opened="2013-07-01"), ASOF).set_index("outlet")
    assert found["active_months"].to_dict() == {"x": 6, "y": 6}  # open since July, whatever sold first
    unknown = channels.outlet_table(sales, listed("x", "y"), ASOF).set_index("outlet")
    assert unknown["active_months"].to_dict() == {"x": 2, "y": 6}
    assert unknown["months_selling"].to_dict() == {"x": 2, "y": 6}


def test_a_month_that_is_not_over_counts_for_nothing() -> None:
    found = channels.outlet_table(sold(x=[("2013-11-05", 2), ("2013-12-01", 9)]), listed("x"), date(2013, 12, 30))
    assert found["units"].tolist() == [2]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_concentration_lies_between_equality_and_one(units: list[int]) -> None:
    outlets = pd.DataFrame({"channel": "own", "units": np.array(units, dtype=float), "dead": False})
    row = channels.concentration(outlets).iloc[0]
    if not sum(units):
        assert np.isnan(row["hhi"])
        return
    assert 1 / len(units) - 1e-12 <= row["hhi"] <= 1 + 1e-12
    assert -1e-12 <= row["gini"] <= 1 - 1 / len(units) + 1e-12
    # the Gini is twice the area between the Lorenz curve and equality
    curve = channels.lorenz(outlets["units"])
    area = np.trapezoid(curve["value"], curve["outlets"])
    assert row["gini"] == pytest.approx(1 - 2 * area, abs=1e-9)
    scaled = channels.concentration(outlets.assign(units=outlets["units"] * 7)).iloc[0]
    assert scaled["hhi"] == pytest.approx(row["hhi"])


def test_equal_outlets_are_equal_and_one_has_all() -> None:
    equal = channels.concentration(pd.DataFrame({"channel": "own", "units": [5.0] * 4, "dead": False})).iloc[0]
    assert (equal["hhi"], equal["gini"], equal["cr"]) == (0.25, 0, 1)
    one = channels.concentration(pd.DataFrame({"channel": "own", "units": [5.0, 0, 0, 0], "dead": False})).iloc[0]
    assert (one["hhi"], one["gini"]) == (1, 0.75)


def test_under_ten_outlets_have_no_largest_tenth() -> None:
    nine, ten = (channels.concentration(pd.DataFrame({"units": [1.0] * n, "dead": False}), within=[]) for n in (9, 10))
    assert np.isnan(nine["top_tenth"].iloc[0])
    assert ten["top_tenth"].iloc[0] == 0.1
    alike = channels.concentration(pd.DataFrame({"units": [1.0] * 19, "dead": False}), within=[])
    assert alike["top_tenth"].iloc[0] == pytest.approx(0.1)  # one outlet and nine tenths of the next


def test_an_empty_list_has_no_concentration() -> None:
    nothing = channels.outlet_table(sold()[:0], listed()[:0], ASOF)
    assert channels.concentration(nothing, within=[]).empty
    assert channels.counter_rate(pd.DataFrame(columns=["outlet", "date", "fact", "value"]), listed(), pd.DataFrame(), ASOF).empty


def test_only_models_on_sale_that_day_are_listed() -> None:
    facts = pd.DataFrame({"outlet": ["x", "x"], "date": pd.to_datetime(["2013-11-30", "2013-12-31"]), "fact": channels.DISPLAYED, "value": [1, 2]})
    models = pd.DataFrame({"model": list("abc"), "launched": pd.to_datetime(["2013-01-01", "2013-12-31", None]),
                           "end_of_life": pd.to_datetime(["2013-12-30", None, None])})  # fmt: skip
    last = channels.counter_rate(facts, listed("x"), models, ASOF).iloc[0]
    assert (last["listed_models"], last["displayed_models"], last["on_display"]) == (2, 2, 1)
    before = channels.counter_rate(facts, listed("x"), models, date(2013, 12, 1)).iloc[0]
    assert (before["listed_models"], before["on_display"]) == (2, 0.5)


def test_the_planted_displays_and_idle_outlets_are_found(store: Store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
    branches = truth["branches"]
    outlets = store.read("outlets", branches)
    table = channels.outlet_table(store.read("sales", branches), outlets, ASOF)
    assert set(table.loc[table["dead"], "outlet"]) >= set(truth["idle_outlets"])
    assert set(table.loc[table["months_selling"] == 0, "outlet"]) == set(truth["idle_outlets"])
    shown = channels.counter_rate(store.read("outlet_facts"), outlets, store.read("models"), ASOF, by=["channel"]).set_index("channel")
    for channel, chance in truth["displayed"].items():
        row = shown.loc[channel]
        assert row["on_display"] == pytest.approx(chance, abs=4 * (0.25 / row["listed_models"]) ** 0.5)


def test_the_planted_segments_are_found(store: Store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
    mix = channels.role_mix(store.read("sales", truth["branches"]), store.read("roles"))
    fit = channels.role_fit(mix).set_index("channel")
    meant = {"own": ("中高端客户", "集团客户"), "social": ("普通客户",), "direct": ("家庭客户", "低端客户")}
    for channel, segments in meant.items():
        planted = sum(truth["segments"][channel][s] for s in segments)
        assert fit.loc[channel, "in_role"] == pytest.approx(planted, abs=4 * (0.25 / fit.loc[channel, "units"]) ** 0.5)
    assert np.isnan(fit.loc["end", "in_role"])  # the guideline says nothing of end outlets
    assert set(mix["channel"]) == {"own", "social", "end", "direct"}


def test_a_cheap_channel_with_poor_customers_shows_as_such() -> None:
    n = 400
    sales = pd.DataFrame({"channel": ["own"] * n + ["end"] * n, "units": 1, "subsidy": [500.0] * n + [300.0] * n, "list_price": 1000.0, "outlet": "o"})
    states = pd.DataFrame({"state": ["valid"] * (n - 20) + ["idle"] * 20 + ["valid"] * (n // 3) + ["split"] * (n - n // 3)})
    found = channels.efficiency(sales, states, pd.DataFrame({"outlet": ["o"], "commission_rate": [0.05]})).set_index("channel")
    assert found["judged"].to_dict() == {"own": "dear_sound", "end": "cheap_poor"}
    assert found.loc["end", "cost_per_sale"] == 350
    assert found.loc["end", "cost_per_valid"] == pytest.approx(350 * n / (n // 3))
    assert found["frontier"].all()  # neither beats the other in both


def test_a_dominated_channel_is_not_on_the_frontier_and_an_unknown_one_has_no_verdict() -> None:
    sales = pd.DataFrame({"channel": ["own", "own", "end", "end", "direct"], "units": 1, "subsidy": [300.0, 300, 400, 400, None],
                          "list_price": 1000.0, "outlet": "o"})  # fmt: skip
    states = pd.DataFrame({"state": ["valid", "valid", "valid", "idle", "valid"]})
    found = channels.efficiency(sales, states, pd.DataFrame({"outlet": ["o"], "commission_rate": [0.0]})).set_index("channel")
    assert found["frontier"].to_dict() == {"own": True, "end": False, "direct": False}
    assert found.loc["direct", ["units", "paid_units", "judged"]].tolist() == [1, 0, ""]


def test_goodmans_intervals_hold_the_shares_and_flag_small_counts() -> None:
    shares = channels.contribution_share(pd.DataFrame({"channel": ["own", "end", "direct"], "units": [91, 49, 4]}))
    found = channels.share_intervals(shares)
    assert ((found["low"] <= found["share"]) & (found["share"] <= found["high"])).all()
    assert found["few"].tolist() == [False, False, True]
    # Goodman (1965): χ² with one degree of freedom at α/k, by hand for the first share
    from scipy.stats import chi2

    b, n, x = chi2.ppf(1 - 0.05 / 3, 1), 144, 91
    root = (b * (b + 4 * x * (n - x) / n)) ** 0.5
    assert found["low"].iloc[0] == pytest.approx((b + 2 * x - root) / (2 * (n + b)))
    nothing = channels.share_intervals(channels.contribution_share(pd.DataFrame({"channel": ["own"], "units": [0]})))
    assert nothing["low"].isna().all()


@pytest.mark.parametrize(("lowest", "worth"), [(230, "poor"), (240, "alike")])
def test_among_many_members_one_that_is_low_by_chance_is_not_called_poor(lowest: int, worth: str) -> None:
    valid = [lowest, *[258] * 11]
    states = pd.DataFrame({"state": [state for v in valid for state in ["valid"] * v + ["idle"] * (300 - v)]})
    sales = pd.DataFrame({"channel": np.repeat([f"c{i:02d}" for i in range(12)], 300), "units": 1, "subsidy": 300.0, "list_price": 1000.0, "outlet": "o"})
    found = channels.efficiency(sales, states, pd.DataFrame({"outlet": ["o"], "commission_rate": [0.0]})).iloc[0]
    assert found["judged"] == f"cheap_{worth}"
    assert found["high"] < sum(valid) / 3600  # by itself its 95 % interval leaves the twelve's share out

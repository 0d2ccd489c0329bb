"""Subsidy rates, policy and lifecycle: the 2013 cells at their edges, masked rules, awkward sums."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.errors import UsageError
from g3lib.measures import subsidy
from g3lib.measures.subsidy.lifecycle import allowed_rate
from g3lib.tables import loading
from g3lib.tables.policy import NO_RULE, SEVERAL

SETTINGS = {"numerator": "device", "base": "list"}


@pytest.fixture(scope="module")
def policy_2013(root: Path) -> pd.DataFrame:
    return loading.check(root / "data/sources/subsidy-policy-2013.csv").exports[0].rows


@pytest.fixture(scope="module")
def guidance_2010(root: Path) -> pd.DataFrame:
    return loading.check(root / "data/sources/guidance-2010-policy.csv").exports[0].rows


def sale(**known: object) -> pd.DataFrame:
    row = {
        "date": pd.Timestamp("2013-02-01"), "units": 1, "device_class": "handset", "kind": "smart", "screen_inches": 4.3,
        "tier": None, "contract": "plan", "channel": "own", "segment": None, "list_price": 1500.0, "subsidy": 975.0,
    }  # fmt: skip
    return pd.DataFrame([row | known])


def rule_of(policy: pd.DataFrame, **known: object) -> str:
    position = subsidy.match_policy(sale(**known), policy).iloc[0]
    return {NO_RULE: "none", SEVERAL: "several"}.get(position) or policy["rule"].iloc[position]


@pytest.mark.parametrize(
    ("known", "rate"),
    [
        ({"list_price": 1999.99}, 0.65),
        ({"list_price": 2000.0}, 0.55),
        ({"screen_inches": 4.0}, 0.65),
        ({"screen_inches": 3.99}, 0.55),
        ({"kind": "feature", "screen_inches": 4.3}, 0.55),
        ({"channel": "social"}, 0.60),
        ({"contract": "spend"}, 0.55),
        ({"contract": "spend", "channel": "social", "list_price": 2600.0}, 0.40),
    ],
)
def test_edges_of_the_2013_cells(policy_2013: pd.DataFrame, known: dict, rate: float) -> None:
    checked = subsidy.check_policy(sale(**known), policy_2013, **SETTINGS)
    assert checked["rule_rate"].iloc[0] == rate


@pytest.mark.parametrize("known", [{"date": pd.Timestamp("2012-12-31")}, {"contract": "bare"}, {"channel": "end"}, {"list_price": np.nan}])
def test_no_rule_is_reported_not_guessed(policy_2013: pd.DataFrame, known: dict) -> None:
    assert rule_of(policy_2013, **known) == "none"


def test_the_first_day_is_inside(policy_2013: pd.DataFrame) -> None:
    assert rule_of(policy_2013, date=pd.Timestamp("2013-01-01")).startswith("2013-C1")


def test_own_minus_social_and_plan_minus_spend_hold_in_all_cells(policy_2013: pd.DataFrame) -> None:
    base = policy_2013[policy_2013["rule_type"] == "base"].assign(
        band=[f"{r.kind} {r.price_min} {r.price_max} {r.screen_max}" for r in policy_2013.itertuples() if r.rule_type == "base"]
    )
    cells = base.pivot_table(index="band", columns=["contract", "channel"], values="rate", observed=True)
    assert np.allclose(cells["plan"]["own"] - cells["plan"]["social"], 0.05)
    assert np.allclose(cells["spend"]["own"] - cells["spend"]["social"], 0.05)
    assert np.allclose(cells["plan"]["own"] - cells["spend"]["own"], 0.10)
    assert len(cells) == 4  # three device groups; the third is written as two rules
    assert set(base.loc[base["contract"] == "spend", "free_share"]) == {0.7}


def test_two_rules_for_one_sale_are_reported(policy_2013: pd.DataFrame) -> None:
    twice = pd.concat([policy_2013, policy_2013[policy_2013["rule"].str.contains("C1-合约套餐-自营")]], ignore_index=True)
    assert subsidy.match_policy(sale(), twice).iloc[0] == SEVERAL


def test_a_segment_rule_goes_before_the_general_one() -> None:
    rules = pd.DataFrame({"rule": ["all", "campus"], "segment": [None, "校园"], "rate": [0.5, 0.7]})
    assert rule_of(rules, segment="校园") == "campus"
    assert rule_of(rules, segment="农村") == "all"


def test_about_is_tolerated_on_either_side(policy_2013: pd.DataFrame) -> None:
    verdicts = [
        subsidy.check_policy(sale(subsidy=1500 * rate), policy_2013, tolerance=0.02, **SETTINGS)["verdict"].iloc[0]
        for rate in (0.6299, 0.63, 0.67, 0.6701)
    ]
    assert verdicts == ["fail", "pass", "pass", "fail"]


def test_the_tolerance_decides_and_over_yuan_runs_from_the_rule(policy_2013: pd.DataFrame) -> None:
    checked = subsidy.check_policy(sale(subsidy=1500 * 0.70, units=2), policy_2013, tolerance=0.02, **SETTINGS)
    assert checked["over_yuan"].iloc[0] == pytest.approx(2 * 1500 * 0.05)


def test_masked_rules_give_no_verdict(guidance_2010: pd.DataFrame) -> None:
    masked = guidance_2010[guidance_2010["rate"].isna()]
    assert len(masked) >= 6
    deep = sale(date=pd.Timestamp("2010-06-01"), tier="deep")
    assert subsidy.check_policy(deep, guidance_2010, **SETTINGS)["verdict"].iloc[0] == "no verdict"


def test_wireless_phones_keep_to_at_least_ninety(guidance_2010: pd.DataFrame) -> None:
    phone = {"date": pd.Timestamp("2010-06-01"), "device_class": "wireless_phone", "kind": None}
    rates = {0.90: "pass", 0.89: "fail", 1.0: "pass"}
    for rate, verdict in rates.items():
        checked = subsidy.check_policy(sale(**phone, subsidy=1500 * rate), guidance_2010, **SETTINGS)
        assert checked["verdict"].iloc[0] == verdict, rate


def test_unset_settings_give_no_verdict(policy_2013: pd.DataFrame) -> None:
    assert subsidy.check_policy(sale(), policy_2013, numerator="", base="list")["verdict"].iloc[0] == "no verdict"
    assert subsidy.subsidy_rate(sale(), numerator="", base="list")["reason"].iloc[0] == "unset"


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one of device"):
        subsidy.subsidy_rate(sale(), numerator="cash", base="list")


sums = st.lists(st.tuples(st.integers(1, 50), st.floats(0, 900), st.floats(100, 5000)), min_size=1, max_size=30)


@given(sums, st.floats(0.01, 100))
def test_a_rate_is_free_of_the_currency(drawn: list, scale: float) -> None:
    sales = pd.DataFrame(drawn, columns=["units", "subsidy", "list_price"])
    scaled = sales.assign(subsidy=sales["subsidy"] * scale, list_price=sales["list_price"] * scale)
    one, two = (subsidy.subsidy_rate(s, **SETTINGS)["rate"].iloc[0] for s in (sales, scaled))
    assert one == pytest.approx(two)
    assert one == pytest.approx(sum(u * s for u, s, _ in drawn) / sum(u * p for u, _, p in drawn))


def test_unknown_amounts_are_counted_and_left_out() -> None:
    sales = pd.DataFrame({"units": [1, 1], "subsidy": [500.0, np.nan], "list_price": [1000.0, 1000.0]})
    row = subsidy.subsidy_rate(sales, **SETTINGS).iloc[0]
    assert (row.rate, row.units, row.unknown_units) == (0.5, 1, 1)


def test_joining_models_doubles_no_row() -> None:
    models = pd.DataFrame({"model": ["m", "n"], "device_class": "handset", "kind": "smart", "screen_inches": 4.0, "tier": "deep"})
    sales = pd.DataFrame({"model": ["m", "m", "x"], "device_class": [None, "netbook", None], "units": [1, 2, 3]})
    joined = subsidy.with_models(sales, models)
    assert joined["units"].tolist() == [1, 2, 3]
    assert joined["device_class"].tolist()[:2] == ["handset", "netbook"]


def lives(rate: float, cap: float, ends: str, plan: pd.DataFrame | None) -> pd.Series:
    sales = pd.DataFrame({"model": ["m"], "units": [1], "subsidy": [1000 * rate], "list_price": [1000.0]})
    models = pd.DataFrame({"model": ["m"], "end_of_life": [pd.Timestamp(ends)]})
    return subsidy.lifecycle(sales, models, pd.Series({"m": cap}), date(2010, 6, 30), plan, **SETTINGS).iloc[0]


@pytest.mark.parametrize(
    ("rate", "cap", "ends", "planned", "verdict"),
    [
        (0.9, 0.6, "2010-12-31", (9000.0, 0.5), "pass"),  # a launch at a high rate is no breach
        (0.9, 0.6, "2010-12-31", (9000.0, 0.6), "warning"),
        (0.9, 0.6, "2010-12-31", (100.0, 0.1), "fail"),  # r* < 0: it cannot be undone
        (0.7, 0.6, "2010-06-30", None, "fail"),
        (0.6, 0.6, "2010-06-30", None, "pass"),
        (0.5, 0.6, "2010-12-31", None, "no verdict"),
        (0.5, float("nan"), "2010-12-31", (100.0, 0.5), "no verdict"),
    ],
)
def test_lifecycle_verdicts(rate: float, cap: float, ends: str, planned: tuple | None, verdict: str) -> None:
    plan = None if planned is None else pd.DataFrame({"model": ["m"], "planned_base": [planned[0]], "planned_rate": [planned[1]]})
    assert lives(rate, cap, ends, plan)["verdict"] == verdict


def test_headroom_by_hand() -> None:
    # cap 60 % of 1,000 + 2,000 is 1,800; 900 are spent: 900 are left over 2,000, so 45 %
    found = allowed_rate(*(pd.Series([v]) for v in (0.6, 900.0, 1000.0, 2000.0)))
    assert found.iloc[0] == pytest.approx(0.45)


@pytest.mark.parametrize(("price", "subsidy_", "left_out"), [(0.0, 300.0, 2), (-1.0, 300.0, 2), (-1.0, 0.0, 2), (0.0, 0.0, 0)])
def test_a_subsidy_on_no_price_raises_nobodys_rate(price: float, subsidy_: float, left_out: int) -> None:
    plain = pd.DataFrame({"units": [3], "subsidy": [500.0], "list_price": [1000.0]})
    odd = pd.DataFrame({"units": [2], "subsidy": [subsidy_], "list_price": [price]})
    found = subsidy.subsidy_rate(pd.concat([plain, odd]), numerator="device", base="list").iloc[0]
    assert (found["rate"], found["unknown_units"], found["no_price_units"], found["reason"]) == (0.5, 0, left_out, "")
    assert found["subsidy_yuan"] + found["no_price_yuan"] == 1500 + 2 * subsidy_
    alone = subsidy.subsidy_rate(odd, numerator="device", base="list").iloc[0]
    assert np.isnan(alone["rate"]) and alone["reason"] == "zero_base"


def test_a_device_given_away_has_a_contract_price_of_zero() -> None:
    sales = pd.DataFrame({"units": 10, "subsidy": [300.0, 1000.0], "paid": [1000.0, 0.0], "prepaid": 0.0})
    found = subsidy.subsidy_rate(sales, numerator="device", base="contract").iloc[0]
    assert (found["rate"], found["no_price_units"]) == (1.3, 0)

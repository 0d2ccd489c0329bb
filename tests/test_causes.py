"""Causes: Pareto by exact comparison, risk differences against another library, planted truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from g3lib.errors import DataError
from g3lib.qc import causes

# Admissions to Berkeley, autumn 1973, the six largest departments (Bickel, Hammel, O'Connell 1975)
BERKELEY = pd.DataFrame(
    [("A", 512, 825, 89, 108), ("B", 353, 560, 17, 25), ("C", 120, 325, 202, 593),
     ("D", 138, 417, 131, 375), ("E", 53, 191, 94, 393), ("F", 22, 373, 24, 341)],
    columns=["stratum", "with_problem", "with_units", "without_problem", "without_units"],
)  # fmt: skip


def units(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for r in table.itertuples():
        rows += [(r.stratum, True, i < r.with_problem) for i in range(r.with_units)]
        rows += [(r.stratum, False, i < r.without_problem) for i in range(r.without_units)]
    return pd.DataFrame(rows, columns=["stratum", "cause", "problem"])


def declared(*names: str, delta: float = 0.1) -> pd.DataFrame:
    return pd.DataFrame({"cause": list(names), "minimum_effect": delta})


def test_vital_few_by_exact_comparison() -> None:
    frame = pd.DataFrame({"c": list("abcde"), "n": [50, 20, 10, 10, 10]})
    assert causes.pareto(frame, "c", "n")["vital"].sum() == 3


def test_vital_few_where_floats_would_fail() -> None:
    # 0.1 + 0.2 + 0.5 is 0.8 on paper and 0.8000000000000002 or 0.7999999999999999 in binary
    frame = pd.DataFrame({"c": list("abcd"), "n": [0.5, 0.2, 0.1, 0.2]})
    assert causes.pareto(frame, "c", "n")["vital"].tolist() == [True, True, True, False]


def test_all_zero_has_no_vital_few() -> None:
    table = causes.pareto(pd.DataFrame({"c": ["a", "b"], "n": [0, 0]}), "c", "n")
    assert not table["vital"].any()
    assert table["share"].isna().all()


def test_gaps_share_only_what_is_short() -> None:
    actual = pd.DataFrame({"channel": ["own", "end"], "units": [10, 50]})
    expected = pd.DataFrame({"channel": ["own", "end", "direct"], "units": [40, 40, 10]})
    gaps = causes.gap_by(actual, expected, "channel").set_index("channel")
    assert gaps["gap"].to_dict() == {"own": 30, "direct": 10, "end": -10}
    assert gaps["share"].to_dict() == {"own": 0.75, "direct": 0.25, "end": 0}


def test_berkeley_crude_and_stratified_point_opposite_ways() -> None:
    tested = causes.confirm(units(BERKELEY), declared("cause", delta=0.05), "problem", "stratum").iloc[0]
    assert tested.crude == pytest.approx(1198 / 2691 - 557 / 1835)  # +14.2 points
    assert tested.effect < 0
    assert tested.verdict != "confirmed"


def test_risk_difference_agrees_with_the_formula_by_strata() -> None:
    # Greenland and Robins' weights by hand: w = n1·n0 / n
    t = BERKELEY.drop(columns="stratum").astype(float)
    w = t.with_units * t.without_units / (t.with_units + t.without_units)
    by_hand = (w * (t.with_problem / t.with_units - t.without_problem / t.without_units)).sum() / w.sum()
    assert causes.risk_difference(BERKELEY)[0] == pytest.approx(by_hand)


def test_standard_error_in_one_large_stratum_is_the_usual_one() -> None:
    one = pd.DataFrame({"with_problem": [3000], "with_units": [10000], "without_problem": [2000], "without_units": [10000]})
    usual = np.sqrt(0.3 * 0.7 / 10000 + 0.2 * 0.8 / 10000)
    assert causes.risk_difference(one)[1] == pytest.approx(usual, rel=1e-3)


def test_a_strong_cause_is_confirmed_a_null_one_rejected_a_small_sample_undecided() -> None:
    def table(x1: int, x0: int, n: int) -> pd.DataFrame:
        return units(pd.DataFrame({"stratum": ["s"], "with_problem": [x1], "with_units": [n], "without_problem": [x0], "without_units": [n]}))

    for (x1, x0, n), verdict in {(600, 200, 1000): "confirmed", (300, 300, 1000): "rejected", (12, 8, 30): "insufficient"}.items():
        assert causes.confirm(table(x1, x0, n), declared("cause"), "problem").iloc[0]["verdict"] == verdict


def test_an_effect_exactly_at_the_minimum_is_not_confirmed() -> None:
    at = units(pd.DataFrame({"stratum": ["s"], "with_problem": [400], "with_units": [1000], "without_problem": [300], "without_units": [1000]}))
    assert causes.confirm(at, declared("cause", delta=0.1), "problem").iloc[0]["verdict"] == "insufficient"


def test_every_unit_has_the_cause() -> None:
    one_sided = pd.DataFrame({"cause": [True] * 20, "problem": [True, False] * 10})
    row = causes.confirm(one_sided, declared("cause"), "problem").iloc[0]
    assert (row.verdict, row.reason) == ("insufficient", "one_sided")


def test_all_faults_of_a_declaration_are_listed() -> None:
    frame = pd.DataFrame({"problem": [True, False]})
    with pytest.raises(DataError, match=r"'problem' is the problem itself.*'weather' has no data.*no minimum effect"):
        causes.confirm(frame, pd.DataFrame({"cause": ["problem", "weather"], "minimum_effect": [0.1, 0.0]}), "problem")


def test_holm_makes_a_family_stricter() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"problem": rng.random(400) < 0.3})
    frame["a"] = np.where(frame["problem"], rng.random(400) < 0.62, rng.random(400) < 0.4)
    for name in "bcdefgh":
        frame[name] = rng.random(400) < 0.5
    alone = causes.confirm(frame, declared("a", delta=0.02), "problem").iloc[0]["p_cause"]
    among = causes.confirm(frame, declared(*"abcdefgh", delta=0.02), "problem").iloc[0]["p_cause"]
    assert among == pytest.approx(min(1.0, 8 * alone))


def test_planted_causes_are_found_and_the_confounded_one_is_not(store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
    from g3lib.periods import Period
    from g3lib.tables.workspace import Dataset

    data = Dataset(store, "样例一区", Period.parse("2013-12"))
    three_years = data.outlet_sales.assign(month="2013-12")  # all months: the planted multipliers never change
    tested = causes.confirm_facts(three_years, data.outlets, data.outlet_facts, "2013-12", 0.05).set_index("cause")
    planted = {name for name, planted in truth["causes"].items() if planted["cause"]}
    assert planted == {"店员未通过培训考核", "缺货频繁"}
    assert (tested.loc[sorted(planted), "effect"] > 0.10).all()
    assert set(tested.index[tested["verdict"] == "confirmed"]) <= planted
    assert tested.loc["店员未通过培训考核", "verdict"] == "confirmed"
    assert tested.loc["未设G3专区", "crude"] > 2 * abs(tested.loc["未设G3专区", "effect"])

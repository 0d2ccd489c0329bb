"""Causes: Pareto by exact comparison, risk differences against another library, planted truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from g3lib.errors import DataError
from g3lib.qc import causes, relations, strata
from g3lib.qc.causes import effects

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


def confirm(frame: pd.DataFrame, causes_of: pd.DataFrame, problem: str, stratum: str = "") -> pd.DataFrame:
    return causes.confirm(causes_of.assign(outcome=problem, stratum=stratum), frame)


def declared(*names: str, delta: float = 0.1) -> pd.DataFrame:
    return pd.DataFrame({"cause": list(names), "minimum_effect": delta})


def test_vital_few_by_exact_comparison() -> None:
    frame = pd.DataFrame({"c": list("abcde"), "n": [50, 20, 10, 10, 10]})
    assert strata.pareto(frame, "c", "n")["vital"].sum() == 3


def test_vital_few_where_floats_would_fail() -> None:
    parts = [0.5, 0.2, 0.1, 0.1, 0.1]
    # three reach 80 % on paper; summed in binary they stay below it, and a fourth would be called vital
    assert np.cumsum(parts)[2] < 0.8
    assert strata.pareto(pd.DataFrame({"c": list("abcde"), "n": parts}), "c", "n")["vital"].sum() == 3


def test_other_comes_last_whatever_its_size() -> None:
    table = strata.pareto(pd.DataFrame({"c": ["其他", "a", "b"], "n": [60, 30, 10]}), "c", "n")
    assert list(table["c"]) == ["a", "b", "其他"]


def test_all_zero_has_no_vital_few() -> None:
    table = strata.pareto(pd.DataFrame({"c": ["a", "b"], "n": [0, 0]}), "c", "n")
    assert not table["vital"].any()
    assert table["share"].isna().all()


def test_low_sellers_are_those_of_twelve_months_below_their_part() -> None:
    months = [f"2012-{m:02d}" for m in range(1, 13)] + ["2013-01"]
    rows = [(o, m, 7 if o == "low" else 10) for o in ("low", "b", "c") for m in months[1:]] + [("low", "2012-01", 90)]
    sales = pd.DataFrame(rows, columns=["outlet", "month", "units"]).assign(branch="x", channel="own")
    outlets = pd.DataFrame({"branch": "x", "channel": "own", "outlet": ["low", "b", "c"]})
    facts = pd.DataFrame({"outlet": ["low", "b", "c"], "date": pd.Timestamp("2012-06-01"), "fact": "f", "value": 1})
    year = causes.outlet_year(sales, outlets, facts, "2013-01")
    assert year["units"].tolist() == [84.0, 120.0, 120.0]  # the thirteenth month back is not counted
    assert causes.low_sellers(year, ["branch"], part=0.7).tolist() == [False] * 3  # 70 % itself is not below it
    assert causes.low_sellers(year, ["branch"], part=0.701).tolist() == [True, False, False]


def test_a_months_gap_is_laid_out_by_the_twelve_months_before() -> None:
    months = [f"2012-{m:02d}" for m in range(1, 13)]
    rows = [("a", "2011-12", 1000)] + [(c, m, n) for c, n in (("a", 10), ("b", 30)) for m in months] + [("a", "2013-01", 20), ("b", "2013-01", 20)]
    units = pd.DataFrame(rows, columns=["channel", "month", "units"])
    progress = pd.DataFrame({"phasing": ["month_even"], "month_target": [80.0]})
    gaps = strata.gap_by_month(units, progress, "2013-01", "channel").set_index("channel")
    assert gaps["expected"].to_dict() == {"a": 20.0, "b": 60.0}
    assert gaps["gap"].to_dict() == {"a": 0.0, "b": 40.0}


def test_the_finest_gap_goes_by_named_outlets_and_their_part_of_the_target() -> None:
    rows = [("x", None, "2012-12", 50), ("x", "o1", "2012-12", 30), ("x", "o2", "2012-12", 20), ("x", "o1", "2013-01", 10), ("x", "o2", "2013-01", 500), ("y", "o3", "2012-12", 9)]
    sales = pd.DataFrame(rows, columns=["branch", "outlet", "month", "units"])
    progress = pd.DataFrame({"phasing": ["month_even"], "month_target": [100.0]})
    by, gaps = strata.finest_gap(sales, pd.DataFrame(), progress, "2013-01", "x")
    assert by == "outlet"
    assert gaps.set_index("outlet")["expected"].to_dict() == {"o1": 30.0, "o2": 20.0}  # half of the sales before were named
    unnamed = sales.assign(outlet=None)
    assert strata.finest_gap(unnamed, gaps, progress, "2013-01", "x") == ("channel", gaps)


def test_the_partial_r_pays_a_degree_of_freedom_for_every_further_stratum() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=40), "y": rng.normal(size=40), "s": np.arange(40) % 8})
    found = relations.correlation(frame, "x", "y", "s")
    half = 1.959964 / np.sqrt(40 - 3 - 7)
    assert (np.arctanh(found.within_low), np.arctanh(found.within_high)) == pytest.approx((np.arctanh(found.within) - half, np.arctanh(found.within) + half), rel=1e-5)


def test_gaps_share_only_what_is_short() -> None:
    actual = pd.DataFrame({"channel": ["own", "end"], "units": [10, 50]})
    expected = pd.DataFrame({"channel": ["own", "end", "direct"], "units": [40, 40, 10]})
    gaps = strata.gap_by(actual, expected, "channel").set_index("channel")
    assert gaps["gap"].to_dict() == {"own": 30, "direct": 10, "end": -10}
    assert gaps["share"].to_dict() == {"own": 0.75, "direct": 0.25, "end": 0}


def test_berkeley_crude_and_stratified_point_opposite_ways() -> None:
    tested = confirm(units(BERKELEY), declared("cause", delta=0.05), "problem", "stratum").iloc[0]
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


def test_sato_in_unbalanced_strata_is_the_spread_that_simulation_shows() -> None:
    rng = np.random.default_rng(1989)
    sizes, risks = [(20, 160), (90, 30)], [(0.55, 0.25), (0.80, 0.50)]
    found = []
    for _ in range(3000):
        rows = [(rng.binomial(n1, p1), n1, rng.binomial(n0, p0), n0) for (n1, n0), (p1, p0) in zip(sizes, risks, strict=True)]
        found.append(causes.risk_difference(pd.DataFrame(rows, columns=["with_problem", "with_units", "without_problem", "without_units"])))
    theta, error = np.array(found).T
    assert theta.mean() == pytest.approx(0.30, abs=0.005)
    assert np.sqrt((error**2).mean()) == pytest.approx(theta.std(), rel=0.04)


def test_perfect_separation_is_a_cause() -> None:
    frame = pd.DataFrame({"cause": [True] * 40 + [False] * 40, "problem": [True] * 40 + [False] * 40})
    row = confirm(frame, declared("cause"), "problem").iloc[0]
    assert row.verdict == "confirmed"
    assert row.high > row.low


def test_strata_that_disagree_are_said_to() -> None:
    opposite = pd.DataFrame({"with_problem": [80, 20], "with_units": [100, 100], "without_problem": [20, 80], "without_units": [100, 100]})
    alike = opposite.assign(with_problem=[40, 100], without_problem=[20, 80])
    assert causes.heterogeneity(opposite) < 1e-6
    assert causes.heterogeneity(alike) > 0.5
    assert np.isnan(causes.heterogeneity(alike[:1]))


def test_strata_without_both_kinds_have_no_overlap() -> None:
    frame = pd.DataFrame({"cause": [True] * 30 + [False] * 30, "problem": [True, False, False] * 20, "s": ["a"] * 30 + ["b"] * 30})
    row = confirm(frame, declared("cause"), "problem", "s").iloc[0]
    assert (row.verdict, row.reason) == ("insufficient", "no_overlap")


def test_few_units_are_judged_exactly_or_not_at_all() -> None:
    frame = pd.DataFrame({"cause": [True] * 9 + [False] * 9, "problem": [True] * 9 + [False] * 9, "s": list("abc") * 6})
    row = confirm(frame, declared("cause"), "problem").iloc[0]
    assert (row.test, row.verdict) == ("exact", "confirmed")
    strata = confirm(frame, declared("cause"), "problem", "s").iloc[0]
    assert (strata.reason, strata.verdict) == ("too_few", "insufficient")


def test_the_share_of_the_problem_by_hand() -> None:
    # 60 of 100 with, 20 of 100 without: the cause adds 40 of 80 problems
    frame = units(pd.DataFrame({"stratum": ["s"], "with_problem": [60], "with_units": [100], "without_problem": [20], "without_units": [100]}))
    row = confirm(frame, declared("cause"), "problem").iloc[0]
    assert row.share == pytest.approx(0.5)
    assert row.share_low < 0.5 < row.share_high


def test_the_sample_that_was_asked_for_decides_four_times_in_five() -> None:
    rng = np.random.default_rng(80)
    frame = units(pd.DataFrame({"stratum": ["s"], "with_problem": [30], "with_units": [100], "without_problem": [30], "without_units": [100]}))
    n = int(confirm(frame, declared("cause", delta=0.08), "problem").iloc[0]["needed"]) // 2
    for difference, verdict in ((0.16, "confirmed"), (0.0, "rejected")):
        decided = 0
        for _ in range(200):
            table = pd.DataFrame({"stratum": ["s"], "with_problem": [rng.binomial(n, 0.22 + difference)], "with_units": [n],
                                  "without_problem": [rng.binomial(n, 0.22)], "without_units": [n]})  # fmt: skip
            p_cause, p_no_cause = effects.p_values(*causes.risk_difference(table), 0.08)
            decided += (p_cause if verdict == "confirmed" else p_no_cause) <= 0.05
        assert decided >= 150, verdict


def test_what_holds_for_whole_branches_is_not_decided_by_outlets() -> None:
    rng = np.random.default_rng(3)
    outlets = pd.DataFrame([(f"b{i}", "own", f"b{i}-{j}") for i in range(40) for j in range(10)], columns=["branch", "channel", "outlet"])
    lacking = outlets["branch"].isin([f"b{i}" for i in range(20)])
    sales = outlets.assign(month="2013-12", units=rng.poisson(np.where(lacking, 50, 100)).astype(float))
    facts = outlets[["outlet"]].assign(date=pd.Timestamp("2013-01-01"), fact="缺货", value=lacking.astype(float))
    row = causes.confirm_facts(sales, outlets, facts, "2013-12", 0.1).iloc[0]
    assert (row.verdict, row.reason) == ("insufficient", "between_branches")


def test_a_strong_cause_is_confirmed_a_null_one_rejected_a_small_sample_undecided() -> None:
    def table(x1: int, x0: int, n: int) -> pd.DataFrame:
        return units(pd.DataFrame({"stratum": ["s"], "with_problem": [x1], "with_units": [n], "without_problem": [x0], "without_units": [n]}))

    for (x1, x0, n), verdict in {(600, 200, 1000): "confirmed", (300, 300, 1000): "rejected", (12, 8, 30): "insufficient"}.items():
        assert confirm(table(x1, x0, n), declared("cause"), "problem").iloc[0]["verdict"] == verdict


def test_an_effect_exactly_at_the_minimum_is_not_confirmed() -> None:
    at = units(pd.DataFrame({"stratum": ["s"], "with_problem": [400], "with_units": [1000], "without_problem": [300], "without_units": [1000]}))
    assert confirm(at, declared("cause", delta=0.1), "problem").iloc[0]["verdict"] == "insufficient"


def test_every_unit_has_the_cause() -> None:
    one_sided = pd.DataFrame({"cause": [True] * 20, "problem": [True, False] * 10})
    row = confirm(one_sided, declared("cause"), "problem").iloc[0]
    assert (row.verdict, row.reason) == ("insufficient", "one_sided")


def test_all_faults_of_a_declaration_are_listed() -> None:
    frame = pd.DataFrame({"problem": [True, False]})
    with pytest.raises(DataError, match=r"'problem' is the problem itself(.|\n)*'weather' has no minimum effect(.|\n)*'weather' has no data"):
        confirm(frame, pd.DataFrame({"cause": ["problem", "weather"], "minimum_effect": [0.1, 0.0]}), "problem")


def test_holm_makes_a_family_stricter() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"problem": rng.random(400) < 0.3})
    frame["a"] = np.where(frame["problem"], rng.random(400) < 0.62, rng.random(400) < 0.4)
    for name in "bcdefgh":
        frame[name] = rng.random(400) < 0.5
    alone = [confirm(frame, declared(c, delta=0.02), "problem").iloc[0]["p_cause"] for c in "abcdefgh"]
    among = confirm(frame, declared(*"abcdefgh", delta=0.02), "problem")["p_cause"].tolist()
    order = np.argsort(alone)
    # Holm by hand: the k-th smallest of m times m − k + 1, never falling
    by_hand = np.minimum(1, np.maximum.accumulate(np.sort(alone) * np.arange(8, 0, -1)))
    assert np.array(among)[order] == pytest.approx(by_hand)


def test_planted_causes_are_found_and_the_confounded_one_is_not(store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
    from g3lib.periods import Period
    from g3lib.tables.dataset import Dataset

    data = Dataset(store, "样例一区", Period.parse("2013-12"))
    three_years = data.outlet_sales.assign(month="2013-12")  # all months: the planted multipliers never change
    tested = causes.confirm_facts(three_years, data.outlets, data.outlet_facts, "2013-12", 0.05).set_index("cause")
    planted = {name for name, planted in truth["causes"].items() if planted["cause"]}
    assert planted == {"店员未通过培训考核", "缺货频繁"}
    assert set(tested.index[tested["verdict"] == "confirmed"]) == planted
    # held against the branch's median of all channels the planted confounder looks like a cause
    units = causes.outlet_year(three_years, data.outlets, data.outlet_facts, "2013-12")
    units["low"] = causes.low_sellers(units, ["branch"])
    crude = confirm(units, declared(truth["confounded_fact"], delta=0.05), "low").iloc[0]
    within = confirm(units, declared(truth["confounded_fact"], delta=0.05), "low", "channel").iloc[0]
    assert crude.verdict == "confirmed"
    assert within.verdict != "confirmed"

"""What a campaign did: comparisons against published results, planted effects, and awkward panels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t

from g3lib.errors import DataError, UsageError
from g3lib.measures import campaigns
from g3lib.report.claims import attribution
from g3lib.report.claims import campaigns as claims
from g3lib.report.claims.voice import Voice
from g3lib.tables.store import Store

PUBLISHED = Path(__file__).parent / "published"
MONTHS = [f"2013-{m:02d}" for m in range(1, 13)]


def panel(effect: float = 0.0, joined: int = 4, others: int = 8, start: int = 8, seed: int = 1, noise: float = 0.01) -> tuple[pd.DataFrame, dict[str, str]]:
    rng = np.random.default_rng(seed)
    common = np.cumsum(rng.normal(0, 0.01, len(MONTHS)))
    rows, starts = [], {}
    for b in range(joined + others):
        rate = rng.uniform(0.2, 0.4) + common + rng.normal(0, noise, len(MONTHS))
        if b < joined:
            rate[start:] += effect
            starts[f"b{b}"] = MONTHS[start]
        rows += [(f"b{b}", month, r) for month, r in zip(MONTHS, rate, strict=True)]
    return pd.DataFrame(rows, columns=["branch", "month", "rate"]), starts


def test_card_and_krueger() -> None:
    """The balanced sample of table 3, row 4: 2.75 full-time equivalents, standard error 1.34."""
    stores = pd.read_csv(PUBLISHED / "card-krueger-1994.csv")
    both = stores.dropna(subset=["fte_before", "fte_after"])
    assert both["state"].value_counts().to_dict() == {"NJ": 309, "PA": 75}
    long = stores.melt(["store", "state"], ["fte_before", "fte_after"], "month", "fte")
    long["month"] = long["month"].map({"fte_before": "1992-02", "fte_after": "1992-11"})
    long["branch"] = long["store"].astype(str)
    starts = dict.fromkeys(stores.loc[stores["state"] == "NJ", "store"].astype(str), "1992-11")
    found = campaigns.did(long[["branch", "month", "fte"]], starts).iloc[0]
    assert (round(found["att"], 2), round(found["se"], 2)) == (2.75, 1.34)
    assert (found["joined"], found["others"], found["left_out"]) == (309, 75, 26)
    # rows 1 to 3 of the table: the means of all stores
    means = stores.groupby("state")[["fte_before", "fte_after"]].mean().round(2)
    assert means.to_numpy().tolist() == [[20.44, 21.03], [23.33, 21.17]]


def test_welch_over_branches_is_what_a_regression_with_hc2_gives() -> None:
    frame, starts = panel(0.05)
    found = campaigns.did(frame, starts).iloc[0]
    wide = frame.pivot(index="branch", columns="month", values="rate")
    moves = wide[MONTHS[8:]].mean(axis=1) - wide[MONTHS[:8]].mean(axis=1)
    fit = sm.OLS(moves, sm.add_constant(wide.index.isin(starts).astype(float))).fit(cov_type="HC2")
    assert found["att"] == pytest.approx(fit.params.iloc[1])
    assert found["se"] == pytest.approx(fit.bse.iloc[1])


def test_callaway_and_santannas_example() -> None:
    counties = pd.read_csv(PUBLISHED / "county-employment.csv")
    frame = pd.DataFrame({"branch": counties["countyreal"].astype(str), "month": counties["year"].astype(str), "lemp": counties["lemp"]})
    first = counties.drop_duplicates("countyreal").set_index("countyreal")["first_treat"]
    starts = {str(c): str(int(g)) for c, g in first.items() if g > 0}
    found = campaigns.group_time(frame, starts).set_index(["start", "month"])["att"]
    printed = json.loads((PUBLISHED / "county-employment-att.json").read_text(encoding="utf-8"))
    assert len(printed) == len(found) == 12
    for row in printed:
        assert round(found[str(row["g"]), str(row["t"])], 4) == row["att"]


def test_staggered_starts_are_held_against_those_that_never_joined() -> None:
    frame, _ = panel(seed=3)
    starts = {"b0": "2013-05", "b1": "2013-09", "b2": "2013-09"}
    wide = frame.pivot(index="branch", columns="month", values="rate")
    never = [b for b in wide.index if b not in starts]
    by_hand = []
    for branch, start in starts.items():
        after = [m for m in MONTHS if m >= start]
        before = [m for m in MONTHS if m < start]
        move = wide[after].mean(axis=1) - wide[before].mean(axis=1)
        by_hand.append(move[branch] - move[never].mean())
    assert campaigns.did(frame, starts)["att"].iloc[0] == pytest.approx(np.mean(by_hand))


def test_a_shock_that_all_share_is_no_effect() -> None:
    frame, starts = panel(0.05)
    shifted = frame.assign(rate=frame["rate"] + 0.2 * (frame["month"] >= MONTHS[8]))
    one, two = (campaigns.did(f, starts).iloc[0] for f in (frame, shifted))
    assert two["att"] == pytest.approx(one["att"])
    assert two["se"] == pytest.approx(one["se"])


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_neither_order_nor_scale_of_the_panel_matters(seed: int, random) -> None:
    frame, starts = panel(0.03, joined=3, others=4, seed=seed)
    mixed = frame.sample(frac=1, random_state=random.randrange(10**6))
    one, two = campaigns.did(frame, starts).iloc[0], campaigns.did(mixed.assign(rate=mixed["rate"] * 100), starts).iloc[0]
    assert two["att"] == pytest.approx(100 * one["att"])
    assert two["p_permutation"] == one["p_permutation"]


def test_the_permutation_p_is_the_share_of_assignments() -> None:
    frame, starts = panel(0.3, joined=2, others=4)
    found = campaigns.did(frame, starts).iloc[0]
    assert found["permutations"] == 15
    # the true pair and, with two of six, no other is as extreme: 1 of 15
    assert found["p_permutation"] == pytest.approx(1 / 15)
    many, many_starts = panel(0.3, joined=30, others=30)
    assert np.isnan(campaigns.did(many, many_starts)["p_permutation"].iloc[0])
    lopsided, few_starts = panel(0.3, joined=2, others=40)  # two are few, however many stand beside them
    assert campaigns.did(lopsided, few_starts)["permutations"].iloc[0] == 861


def test_few_branches_claim_an_effect_only_where_exchanging_them_agrees() -> None:
    frame, starts = panel(0.3, joined=3, others=3)
    effect = campaigns.did(frame, starts)
    assert effect["low"].iloc[0] > 0
    lead = attribution.attribution(Voice("zh", "甲", "2013-12"), effect)[0]
    assert ("看不出活动" in lead.text, "20种分法" in lead.text, str(lead.status)) == (True, True, "plain")
    alone = attribution.attribution(Voice("zh", "甲", "2013-12"), campaigns.did(*panel(0.3, joined=1, others=9)))[0]
    assert "波动借自未参加者" in alone.text


def test_one_joined_branch_borrows_the_others_spread() -> None:
    frame, starts = panel(0.1, joined=1, others=9)
    found = campaigns.did(frame, starts).iloc[0]
    assert (found["method"], found["df"]) == ("one_joined", 8)
    wide = frame.pivot(index="branch", columns="month", values="rate")
    moves = wide[MONTHS[8:]].mean(axis=1) - wide[MONTHS[:8]].mean(axis=1)
    others = moves[[b for b in wide.index if b not in starts]]
    assert found["se"] == pytest.approx((others.var(ddof=1) * (1 + 1 / 9)) ** 0.5)


ONE = pd.DataFrame({"branch": ["a", "a"], "month": ["2013-01", "2013-02"], "rate": [0.1, 0.2]})
TWO = pd.concat([ONE, ONE.assign(branch="b")])


@pytest.mark.parametrize(("frame", "starts", "reason"), [
    (ONE, {"a": "2013-02"}, "no_others"),  # one branch
    (TWO, {}, "no_starts"),
    (TWO, {"c": "2013-02"}, "no_joined"),
    (TWO, {"a": "2013-02"}, "one_each"),
    (TWO, {"a": "2013-01"}, "no_before"),
    (TWO[TWO["month"] == "2013-02"], {"a": "2013-02"}, "no_before"),  # one month
    (TWO, {"a": "2014-01"}, "no_after"),
])  # fmt: skip
def test_what_cannot_be_compared_says_why(frame: pd.DataFrame, starts: dict[str, str], reason: str) -> None:
    found = campaigns.did(frame, starts).iloc[0]
    assert found["reason"] == reason
    assert np.isnan(found["att"])


def test_without_a_start_on_file_nobody_is_said_to_have_stayed_out() -> None:
    none = campaigns.segmented(pd.DataFrame({"month": [], "count": [], "base": []}).astype({"month": str}), "9999-12", share=True)
    unknown = attribution.series(Voice("zh", "甲", "2013-02"), none, {})[0]
    assert unknown.text == "没有载入活动起止日期，谁参加、何时开始都未知：不作分段回归"
    assert attribution.series(Voice("zh", "甲", "2013-02"), none, {"乙": "2013-02"})[0].text == "甲没有参加活动，不作分段回归"


def test_a_branch_with_an_unknown_month_is_left_out_and_counted() -> None:
    frame, starts = panel(0.05)
    gap = frame.drop(frame.index[(frame["branch"] == "b7") & (frame["month"] == "2013-03")])
    found = campaigns.did(gap, starts).iloc[0]
    assert (found["others"], found["left_out"]) == (7, 1)


def test_totals_among_the_branches_are_refused() -> None:
    with pytest.raises(DataError, match="合计"):
        campaigns.did(pd.concat([TWO, ONE.assign(branch="合计")]), {"a": "2013-02"})


def test_a_placebo_sees_groups_that_had_parted() -> None:
    frame, starts = panel(0.0, seed=5)
    late = (frame["month"] >= MONTHS[4]) & (frame["month"] < MONTHS[8]) & frame["branch"].isin(starts)
    parted = frame.assign(rate=frame["rate"] + 0.05 * late)
    assert campaigns.placebo(parted, starts)["low"].iloc[0] > 0
    assert campaigns.placebo(frame, starts)["reason"].iloc[0] == ""


def test_the_minimum_effect_is_seen_with_the_promised_power() -> None:
    seen, told = [], []
    for seed in range(300):
        frame, starts = panel(0.0, seed=seed)
        early = campaigns.before_start(frame, starts)
        mde = campaigns.minimum_effect(early, joining=4, after=4)["mde"].iloc[0]
        moved = frame.assign(rate=frame["rate"] + 0.0146 * (frame["branch"].isin(starts) & (frame["month"] >= MONTHS[8])))
        seen.append(campaigns.did(moved, starts)["p_value"].iloc[0] < 0.05)
        told.append(mde)
    # an effect as large as what is told on average is found at least 80 % of the time
    assert np.mean(told) == pytest.approx(0.0146, rel=0.1)
    assert 0.8 <= np.mean(seen) < 0.95


@pytest.mark.parametrize(("own", "other"), [(0.1, 0.2), (0.3, 0.1), (0.7, 0.2), (0.35, 0.15)])
def test_branches_that_stand_still_do_not_part_at_the_last_bit(own: float, other: float) -> None:
    rows = [(f"{kind}{i}", m, rate + 0.05 * (kind == "j" and m >= MONTHS[5])) for kind, rate, n in (("j", own, 4), ("o", other, 8))
            for i in range(n) for m in MONTHS[:6]]  # fmt: skip
    frame, starts = pd.DataFrame(rows, columns=["branch", "month", "rate"]), {f"j{i}": MONTHS[5] for i in range(4)}
    mock = campaigns.placebo(frame, starts).iloc[0]
    assert mock[["att", "low", "high", "p_value", "p_permutation"]].tolist() == [0, 0, 0, 1, 1]
    assert campaigns.did(frame, starts)["att"].iloc[0] == pytest.approx(0.05)
    assert campaigns.group_time(frame, starts).query("~since")["att"].tolist() == [0, 0, 0, 0]


def test_a_start_without_a_reading_of_its_own_month_keeps_its_group() -> None:
    frame, starts = panel(0.2)
    frame = frame[frame["month"] != MONTHS[8]]
    assert campaigns.group_time(frame, starts).query("since")["month"].tolist() == MONTHS[9:]


@pytest.mark.parametrize(("joined", "others", "few"), [(1, 11, True), (3, 3, True), (2, 4, True), (1, 19, False), (2, 10, False), (4, 4, False)])
def test_too_few_branches_have_no_smallest_effect(joined: int, others: int, few: bool) -> None:
    """What the report asks of an effect, a permutation p of 0.05 as well, cannot be met by any."""
    frame, starts = panel(1.0, joined=joined, others=others)
    early = campaigns.before_start(frame, starts)
    row = campaigns.minimum_effect(early, joining=joined, after=4).iloc[0]
    assert (row["reason"], bool(np.isnan(row["mde"]))) == (("too_few", True) if few else ("", False))
    found = campaigns.did(frame, starts).iloc[0]  # an effect as large as can be
    assert found["p_permutation"] == pytest.approx(campaigns.least_p(joined, others))
    assert (found["p_permutation"] > 0.05) == few
    said = attribution.assumed(Voice("zh", "甲", "2013-12"), campaigns.did(frame, starts), campaigns.placebo(frame, starts),
                               campaigns.minimum_effect(early, joined, 4))  # fmt: skip
    assert any("分公司太少" in check.text for check in said) == few


def test_the_planted_effect_of_the_sample_is_found(store: Store, sample_folder: Path) -> None:
    truth = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))
    frame = campaigns.month_rates(store.read("participation", truth["branches"]))
    starts = campaigns.starts_of(store.read("campaigns", truth["branches"]))
    assert set(starts) == set(truth["campaign"]["branches"])
    found = campaigns.did(frame, starts).iloc[0]
    assert found["low"] < truth["campaign"]["effect"] < found["high"]
    assert found["att"] == pytest.approx(truth["campaign"]["difference_in_differences"], abs=1e-6)
    assert found["p_permutation"] < 0.01
    mock = campaigns.placebo(frame, starts).iloc[0]
    assert mock["low"] < 0 < mock["high"]


# ---- one series ------------------------------------------------------------------------------------------------


def sicily() -> pd.DataFrame:
    frame = pd.read_csv(PUBLISHED / "sicily-smoking-ban.csv")
    months = [f"{y}-{m:02d}" for y, m in zip(frame["year"], frame["month"], strict=True)]
    return pd.DataFrame({"month": months, "count": frame["aces"], "base": frame["stdpop"]})


def test_the_published_interrupted_series() -> None:
    """Lopez Bernal and others (2017): RR 0.894 without season; 0.885 (0.839 to 0.933) with two harmonics and over-dispersion."""
    plain = campaigns.segmented(sicily(), "2005-01", harmonics=0)
    assert round(plain.terms["ratio"].iloc[0], 3) == 0.894
    season = campaigns.segmented(sicily(), "2005-01")
    row = season.terms.iloc[0]
    assert round(row["ratio"], 3) == 0.885
    # they print normal intervals; ours are t with 52 degrees of freedom, a shade wider
    assert row["low"] == pytest.approx(0.839, abs=0.0015)
    assert row["high"] == pytest.approx(0.933, abs=0.0015)
    assert season.dispersion == pytest.approx(2.262, abs=5e-4)
    # with a change of slope: 0.8765 at the start, and one month on 0.8765 × 1.00148
    both = campaigns.segmented(sicily(), "2005-01", slope=True).terms.set_index("term")["ratio"]
    assert both["slope"] == pytest.approx(1.00148, abs=5e-6)
    assert both["level"] == pytest.approx(0.8765 * 1.00148, abs=1e-4)


def test_a_share_is_fitted_with_its_base() -> None:
    """Quasi-binomial: against the same model written out case by case."""
    rng = np.random.default_rng(2)
    months = pd.period_range("2011-01", periods=30, freq="M").astype(str)
    base = rng.integers(400, 600, 30)
    p = np.where(np.arange(30) >= 20, 0.35, 0.25)
    frame = pd.DataFrame({"month": months, "count": rng.binomial(base, p), "base": base})
    found = campaigns.segmented(frame, months[20], harmonics=0, share=True)
    design = np.column_stack([np.ones(30), np.arange(30), np.arange(30) >= 20]).astype(float)
    fit = sm.GLM(np.column_stack([frame["count"], frame["base"] - frame["count"]]), design, family=sm.families.Binomial()).fit()
    assert np.log(found.terms["ratio"].iloc[0]) == pytest.approx(fit.params[2])
    chi2 = ((frame["count"] - base * fit.fittedvalues) ** 2 / (base * fit.fittedvalues * (1 - fit.fittedvalues))).sum()
    assert found.dispersion == pytest.approx(chi2 / 27)


def test_residuals_that_follow_each_other_are_told_from_those_that_do_not() -> None:
    """Of independent months one in twenty is called bound; fitting alone would centre the correlation at −0.2."""
    months = pd.period_range("2011-01", periods=36, freq="M").astype(str)
    told: dict[float, list[tuple[float, bool]]] = {0.0: [], 0.6: []}
    for follows, found in told.items():
        for seed in range(200):
            rng = np.random.default_rng([8, seed])
            noise = [rng.normal(0, 0.05)]
            for shock in rng.normal(0, 0.05 * (1 - follows**2) ** 0.5, 35):
                noise.append(follows * noise[-1] + shock)
            fit = campaigns.segmented(pd.DataFrame({"month": months, "count": rng.poisson(1000 * np.exp(noise))}), months[24])
            found.append((fit.autocorrelation, fit.p_autocorrelation < 0.05))
    (centre, alone), (_, bound) = (np.mean(found, axis=0) for found in told.values())
    assert abs(centre) < 0.03
    assert alone < 0.10 < 0.5 < bound


def test_what_would_have_been_has_an_interval() -> None:
    """Against statsmodels' own prediction of the same model with no level."""
    rng = np.random.default_rng(2)
    months = pd.period_range("2011-01", periods=30, freq="M").astype(str)
    after = np.arange(30) >= 20
    counts = rng.negative_binomial(50 + 20 * after, 0.25)
    found = campaigns.segmented(pd.DataFrame({"month": months, "count": counts}), months[20], harmonics=0)
    design = np.column_stack([np.ones(30), np.arange(30), after]).astype(float)
    fit = sm.GLM(counts, design, family=sm.families.Poisson()).fit(scale="X2")
    mean = np.log(found.fitted[["without", "without_low", "without_high"]].iloc[-1].to_numpy(float))
    told = fit.get_prediction(np.array([[1.0, 29, 0]]))
    assert mean[0] == pytest.approx(np.log(told.predicted_mean[0]))
    assert mean[2] - mean[1] == pytest.approx(2 * t.ppf(0.975, 27) * told.se_mean[0] / told.predicted_mean[0])


@pytest.mark.parametrize(("counts", "start", "reason"), [
    ([5] * 5, "2013-03", "too_short"), ([5] * 12, "2013-12", "too_short"), ([0] * 6 + [5] * 6, "2013-07", "no_change"), ([], "2013-07", "too_short"),
])  # fmt: skip
def test_a_series_that_cannot_be_fitted_says_why(counts: list[int], start: str, reason: str) -> None:
    frame = pd.DataFrame({"month": MONTHS[: len(counts)], "count": counts}).astype({"month": "str"})
    found = campaigns.segmented(frame, start)
    assert found.reason == reason
    assert found.terms["ratio"].isna().all()


def test_a_share_that_is_all_or_alike_is_not_fitted() -> None:
    months = pd.DataFrame({"month": MONTHS, "base": 100})
    for counts, reason in (([50, 52, 48, 50, 51, 49] + [100] * 6, "no_change"), ([50] * 12, "constant")):
        assert campaigns.segmented(months.assign(count=counts), MONTHS[6], share=True).reason == reason
    assert campaigns.segmented(months.drop(columns="base").assign(count=50), MONTHS[6]).reason == "constant"


def test_one_branch_that_alone_varies_is_the_one_that_moves_the_correlation() -> None:
    lifts = pd.DataFrame({"branch": list("abcd"), "before": [0.1, 0.2, 0.2, 0.2], "after": [0.3, 0.3, 0.35, 0.4]})
    row = campaigns.start_lift_correlation(lifts.assign(lift=lifts["after"] - lifts["before"])).set_index("name").loc["start_without"]
    assert not np.isnan(row["r"]) and row["without"] != "a"


def test_every_fault_of_a_series_is_listed() -> None:
    frame = pd.DataFrame({"month": ["2013-01", "2013-01", "2013-02", "2013-03"], "count": [1, 2, -3, 9], "base": [5, 5, 5, 5]})
    with pytest.raises(UsageError, match=r"(?s)2013-01 stands twice.*2013-02: count -3.*2013-03: count 9"):
        campaigns.segmented(frame, "2013-02", share=True)


# ---- uplift, ranks, shrinking --------------------------------------------------------------------------------------

NEWCOMBE = json.loads((PUBLISHED / "newcombe-1998.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", NEWCOMBE["independent"], ids=[r["id"] for r in NEWCOMBE["independent"]])
def test_newcombes_printed_intervals(row: dict) -> None:
    counts = pd.DataFrame({"branch": "a", "date": pd.to_datetime(["2010-02-01", "2010-03-01"]), "rate": np.nan,
                           "participants": [row["x2"], row["x1"]], "base": [row["n2"], row["n1"]]}, dtype=object)  # fmt: skip
    counts = counts.astype({"participants": float, "base": float, "rate": float}).assign(date=pd.to_datetime(["2010-02-01", "2010-03-01"]))
    found = campaigns.uplift_intervals(counts, "2010-02", "2010-03").iloc[0]
    assert (round(found["low"], 4), round(found["high"], 4)) == (row["lower"], row["upper"])


@pytest.mark.parametrize("row", NEWCOMBE["paired"], ids=lambda r: f"{r['e']}-{r['f']}-{r['g']}-{r['h']}")
def test_newcombes_printed_paired_intervals(row: dict) -> None:
    lift, low, high = campaigns.paired_interval(row["e"], row["f"], row["g"], row["h"])
    assert lift == pytest.approx((row["f"] - row["g"]) / (row["e"] + row["f"] + row["g"] + row["h"]))
    assert low == pytest.approx(row["lower"], abs=1.01e-4)
    assert high == pytest.approx(row["upper"], abs=1.01e-4)


def test_impossible_rates_are_all_listed() -> None:
    wrong = pd.DataFrame({"branch": ["a", "b", "c"], "date": pd.Timestamp("2010-02-01"), "rate": [41.36, np.nan, -0.1],
                          "participants": [np.nan, 9.0, np.nan], "base": [np.nan, 5.0, np.nan]})  # fmt: skip
    with pytest.raises(DataError, match=r"(?s)a 2010-02-01: rate 41.36.*c 2010-02-01: rate -0.1.*b 2010-02-01: 9 participants of a base of 5"):
        campaigns.rates(wrong)
    with pytest.raises(DataError, match="lost is -1"):
        campaigns.paired_interval(1, 1, -1, 1)


def test_the_united_kingdoms_rank_in_mathematics() -> None:
    """csranks prints 8 to 23 by bootstrap; Holm's bounds are at most a rank or two wider on either side."""
    countries = json.loads((PUBLISHED / "pisa-2018-maths.json").read_text(encoding="utf-8"))
    names, estimates, errors = (list(column) for column in zip(*countries, strict=True))
    row = campaigns.rank_intervals(estimates, errors).iloc[names.index("United Kingdom")]
    assert row["rank"] == 13
    assert 6 <= row["low"] <= 8
    assert 23 <= row["high"] <= 25


def test_branches_known_exactly_have_one_rank_each() -> None:
    assert campaigns.rank_intervals([0.3, 0.2, 0.1], [0.0, 0.0, 0.0])[["low", "high"]].to_numpy().tolist() == [[1, 1], [2, 2], [3, 3]]
    alike = campaigns.rank_intervals([0.3, 0.3, 0.3], [0.01] * 3)
    assert (alike["rank"] == 1).all()
    assert alike[["low", "high"]].to_numpy().tolist() == [[1, 3]] * 3
    assert campaigns.rank_intervals([0.3], [0.01])[["low", "high"]].to_numpy().tolist() == [[1, 1]]


def test_ranks_and_drawn_rates_are_of_the_branches_with_counts() -> None:
    counts = [("a", 100, 1000, 400), ("b", 100, 1000, 200), ("c", 1, 10, 3), ("d", None, None, None)]
    rows = [(branch, day, x, n, np.nan if n else 0.25) for branch, first, n, last in counts
            for day, x in (("2010-02-01", first), ("2010-03-01", last))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["branch", "date", "participants", "base", "rate"])
    frame = frame.astype({"participants": float, "base": float}).assign(date=pd.to_datetime(frame["date"]))
    found = campaigns.ranked(campaigns.uplift(frame, "2010-02", "2010-03"), frame, "2010-02", "2010-03").set_index("branch")
    assert found["rank_low"].dropna().to_dict() == {"a": 1, "c": 1, "b": 2}  # ten phones leave every rank open
    assert found["rank_high"].dropna().to_dict() == {"a": 3, "c": 4, "b": 4}  # d, without counts, may stand anywhere
    drawn = (found["after"] - found["shrunken"]).abs()
    assert drawn.isna().to_dict() == {"a": False, "c": False, "b": False, "d": True}
    assert found.loc["b", "shrunken"] > found.loc["b", "after"] and found.loc["a", "shrunken"] < found.loc["a", "after"]


def test_a_small_branch_is_drawn_furthest() -> None:
    rng = np.random.default_rng(4)
    base = pd.Series([20.0, 2000, 2000, 2000, 2000, 2000, 2000, 2000])
    counts = pd.Series(rng.binomial(base.astype(int), rng.beta(60, 140, len(base)))).astype(float)
    counts[0] = 16.0
    found = campaigns.shrunken(counts, base)
    assert found["weight"].idxmin() == 0
    assert abs(found["rate"][0] - found["mean"][0]) < 0.5 * abs(found["raw"][0] - found["mean"][0])
    assert ((found["low"] < found["rate"]) & (found["rate"] < found["high"])).all()


def test_where_nobody_took_part_the_rate_may_still_be_above_nought() -> None:
    found = campaigns.shrunken(pd.Series([0.0] * 20), pd.Series([20.0] * 20))
    assert (found["low"] < 0.0005).all() and (found["high"] > 0.003).all()
    assert found["rate"].between(0.0001, 0.005).all()


def test_rates_that_differ_by_chance_alone_go_to_their_mean() -> None:
    counts = pd.Series([300.0, 301, 299, 300])
    found = campaigns.shrunken(counts, pd.Series([1000.0] * 4))
    assert found["weight"].max() < 0.05
    assert found["rate"].tolist() == pytest.approx([0.3] * 4, abs=1e-3)
    assert campaigns.shrunken(counts[:2], pd.Series([1000.0] * 2))["rate"].isna().all()


def test_days_to_the_line() -> None:
    assert campaigns.days_to_line(8982, 10000, 240) == pytest.approx(1018 / 240)
    assert campaigns.days_to_line(8982, 8000, 240) == 0
    assert campaigns.days_to_line(8982, 10000, -3) == float("inf")
    assert np.isnan(campaigns.days_to_line(8982, float("nan"), 240))


def test_who_joined_another_campaign_is_no_comparison() -> None:
    frame = pd.DataFrame({"branch": list("abc"), "month": "2013-01", "rate": 0.1})
    joined = pd.DataFrame({"campaign": ["x", "y", "x"], "branch": ["a", "b", "b"]})
    assert campaigns.not_in_others(frame, joined, "x")["branch"].tolist() == ["a", "b", "c"]  # b joined both: it is among the joined
    assert campaigns.not_in_others(frame, joined, "y")["branch"].tolist() == ["b", "c"]
    assert campaigns.not_in_others(frame, joined)["branch"].tolist() == ["a", "b", "c"]  # any campaign: all that joined are joined


def test_the_picture_divides_at_the_earliest_start_and_leaves_out_who_joins_later() -> None:
    months = ["2013-01", "2013-02", "2013-03"]
    frame = pd.DataFrame({"branch": np.repeat(list("abcd"), 3), "month": months * 4, "rate": [0.1, 0.1, 0.4, 0.1, 0.3, 0.3, 0.2, 0.2, 0.2, 0.9, 0.9, 0.9]})
    found = campaigns.trends(frame, {"a": "2013-03", "b": "2013-02", "d": "2013-09"})
    assert found["since"].tolist() == [False, True, True]
    assert found["rate_others"].tolist() == pytest.approx([0.2] * 3)  # d, which joins later, is in neither group
    assert found["gap_points"].tolist() == pytest.approx([0, 0.1, 0.25])
    assert campaigns.trends(frame, {}).empty


@pytest.mark.parametrize("apart", [True, False])
def test_a_headline_does_not_ascribe_what_began_before(apart: bool) -> None:
    voice = Voice("zh", "甲", "2013-03")
    effect = pd.DataFrame({"att": [0.06], "low": [0.05], "high": [0.07], "p_value": [0.001], "p_permutation": [0.002], "permutations": 495, "method": "welch", "joined": [4], "others": [8], "reason": [""]})
    placebo = pd.DataFrame({"att": [0.02], "low": [0.01 if apart else -0.01], "high": [0.05]})
    lifts = pd.DataFrame({"branch": ["甲", "乙"], "before": [0.1, 0.2], "after": [0.2, 0.2], "lift": [0.1, 0.0], "rank_before": [2, 1], "rank_after": [1, 1],
                          "rank_lift": [1, 2], "from_bottom_before": [1, 2], "room": [0.1, 0.0], "base_known": True})  # fmt: skip
    found = {f.name: f for f in claims.headline(voice, lifts, (np.nan, np.nan), "2013-02", "2013-03", None, effect, placebo)}
    text, status = found["campaign.effect"].text, str(found["campaign.effect"].status)
    assert found["campaign.effect"].headline
    assert ("不能归于活动" in text, "活动使" in text, status) == (apart, not apart, "watch" if apart else "good")

"""Confirming causes of every type: against other libraries, by exact enumeration, masked and made by confounders, refused."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from g3lib.errors import DataError
from g3lib.labels import VOCABULARIES
from g3lib.qc import causes
from g3lib.qc.causes import effects, exact, kinds, tables
from g3lib.qc.causes.confirm import _TESTS, confirm
from g3lib.report.claims import verdicts
from g3lib.report.claims.voice import Voice


def one(frame: pd.DataFrame, kind: str, delta: float, **more: object) -> pd.Series:
    declared = pd.DataFrame({"cause": ["x"], "outcome": ["y"], "type": [kind], "minimum_effect": [delta]} | {k: [v] for k, v in more.items()})
    return causes.confirm(declared, frame).iloc[0]


def alone(frame: pd.DataFrame, kind: str, delta: float, cluster: str = "") -> effects.Effect:
    """One cause without its family: what simulations ask thousands of times."""
    groups = frame[cluster] if cluster else None
    return _TESTS[kind](effects.Asked(frame["x"], frame["y"], None, groups, delta, 0.05))


def draw(seed: int, n: int = 400) -> np.random.Generator:
    return np.random.default_rng([seed, n])


# ---- masked, made ------------------------------------------------------------------------------------


def confounded(effect: float, n: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Large shops lack the cause and have the problem for reasons of their own (effect aside)."""
    rng = np.random.default_rng(seed)
    large = rng.random(n) < 0.5
    x = rng.random(n) < np.where(large, 0.2, 0.8)
    y = rng.random(n) < np.where(large, 0.55, 0.25) + effect * x
    return pd.DataFrame({"x": x, "y": y, "size": np.where(large, "large", "small")})


def test_a_cause_hidden_by_a_confounder_is_found() -> None:
    # +20 points in either stratum; large shops are worse and lack the cause, so that the crude difference is nothing
    frame = confounded(0.20)
    crude, within = one(frame, "risk", 0.05), one(frame, "risk", 0.05, stratum="size")
    assert abs(crude.effect) < 0.05 and crude.verdict != "confirmed"
    assert within.effect == pytest.approx(0.20, abs=0.04) and within.verdict == "confirmed"
    assert within.crude == pytest.approx(crude.effect)


def test_a_cause_made_by_a_confounder_is_rejected() -> None:
    frame = confounded(0.0)
    crude, within = one(frame, "risk", 0.10), one(frame, "risk", 0.10, stratum="size")
    assert crude.verdict == "confirmed" and crude.effect < -0.1
    assert within.verdict == "rejected"


@pytest.mark.parametrize("kind", ["mean", "groups", "ranks", "table", "correlation"])
def test_every_type_takes_its_strata_out(kind: str) -> None:
    rng = np.random.default_rng(77)
    n = 3000
    s = rng.integers(0, 2, n)
    x: np.ndarray = (rng.random(n) < np.where(s, 0.8, 0.2)) if kind in ("mean", "groups", "ranks", "table") else s + rng.normal(size=n)
    y = 2.0 * s + rng.normal(size=n)
    frame = pd.DataFrame({"x": x, "y": y > 1 if kind == "table" else y, "s": s})
    delta = {"mean": 0.3, "groups": 0.02, "ranks": 0.02, "table": 0.15, "correlation": 0.15}[kind]
    if kind in ("groups", "table"):
        frame["x"] = np.where(x, "有", "无")
    crude, within = one(frame, kind, delta), one(frame, kind, delta, stratum="s")
    assert crude.verdict == "confirmed"
    assert within.verdict == "rejected"
    assert within.crude == pytest.approx(crude.effect)


# ---- against other libraries ---------------------------------------------------------------------------


def test_means_agree_with_welch() -> None:
    rng = draw(1)
    frame = pd.DataFrame({"x": rng.random(120) < 0.3})
    frame["y"] = rng.normal(10, np.where(frame["x"], 4, 1)) - 2 * frame["x"]
    row = one(frame, "mean", 0.5)
    other = stats.ttest_ind(frame.loc[frame["x"], "y"], frame.loc[~frame["x"], "y"], equal_var=False)
    interval = other.confidence_interval()
    assert (row.low, row.high) == pytest.approx((interval.low, interval.high))
    assert (row.crude, row.low_crude) == pytest.approx((row.effect, row.low))


def test_the_tests_against_a_minimum_are_two_shifted_t_tests() -> None:
    rng = draw(2)
    # each draw beside its mirror image: what leans to no side is corrected by nothing
    draws, x = rng.normal(size=45), rng.random(45) < 0.5
    frame = pd.DataFrame({"x": np.tile(x, 2), "y": np.r_[draws, -draws] + 0.9 * np.tile(x, 2)})
    row = one(frame, "mean", 0.4)
    a, b = frame.loc[frame["x"], "y"], frame.loc[~frame["x"], "y"]
    upper = stats.ttest_ind(a - 0.4, b, equal_var=False, alternative="greater").pvalue
    lower = stats.ttest_ind(a + 0.4, b, equal_var=False, alternative="greater").pvalue
    assert row.p_cause == pytest.approx(upper + lower)
    assert row.p_no_cause == pytest.approx(max(stats.ttest_ind(a - 0.4, b, equal_var=False, alternative="less").pvalue,
                                               stats.ttest_ind(a + 0.4, b, equal_var=False, alternative="greater").pvalue))  # fmt: skip


def test_k_groups_agree_with_statsmodels_and_scipy() -> None:
    from statsmodels.stats.oneway import anova_oneway

    rng = draw(3)
    kind = rng.choice(list("abcd"), 200, p=[0.4, 0.3, 0.2, 0.1])
    y = rng.normal(np.array([0, 0.2, 0.5, 1.0])[np.searchsorted(list("abcd"), kind)], np.where(kind == "a", 2, 1))
    code = np.searchsorted(list("abcd"), kind)
    fit = kinds._fitted(y, code, 4, np.zeros(200, dtype=int), 1)
    f, df2 = kinds._robust_f(fit, code, 4, y)
    welch = anova_oneway([y[kind == k] for k in "abcd"], use_var="unequal")
    assert (f, df2) == pytest.approx((welch.statistic, welch.df_denom))
    between = sum((kind == k).sum() * (y[kind == k].mean() - y.mean()) ** 2 for k in "abcd")
    assert 200 * (fit.kind**2).mean() == pytest.approx(between)
    # at no difference the size over what it is expected to be is Brown and Forsythe's F*, whose kinds may differ in spread
    part = kinds._part(y, fit, ranks=False)
    brown = anova_oneway([y[kind == k] for k in "abcd"], use_var="bf")
    assert part.size * part.n / part.drift == pytest.approx(brown.statistic)
    assert part.drift**2 / part.wobble == pytest.approx(brown.df_num)
    # Kruskal and Wallis, ties and all
    tied = np.round(y)
    assert kinds._kruskal(stats.rankdata(tied), code, 4) == pytest.approx(stats.kruskal(*[tied[kind == k] for k in "abcd"]).pvalue)


def test_within_strata_the_f_is_that_of_a_robust_regression() -> None:
    import statsmodels.api as sm

    rng = draw(4)
    s, code = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    y = s + 0.4 * (code == 1) + rng.normal(0, 1 + s)
    x = np.column_stack([np.ones(300), code == 1, code == 2, s == 1, s == 2]).astype(float)
    fit = sm.OLS(y, x).fit(cov_type="HC2")
    wald = fit.wald_test(np.eye(5)[1:3], use_f=True, scalar=True).statistic
    f, df2 = kinds._robust_f(kinds._fitted(y, code, 3, s, 3), code, 3, y)
    assert f == pytest.approx(float(wald))
    assert df2 == 300 - 5


def test_tables_agree_with_scipy() -> None:
    rng = draw(5)
    x = rng.choice(list("abc"), 300)
    y = rng.choice(list("pq"), 300)
    row = one(pd.DataFrame({"x": x, "y": y}), "table", 0.2)
    counts = pd.crosstab(x, y).to_numpy()
    assert row.effect == pytest.approx(stats.contingency.association(counts, method="cramer"))
    # with next to no minimum the test is χ²'s own
    chi = stats.chi2_contingency(counts, correction=False).pvalue
    assert one(pd.DataFrame({"x": x, "y": y}), "table", 1e-6).p_cause == pytest.approx(chi, rel=0.1)


def test_a_two_by_two_of_few_agrees_with_barnard() -> None:
    x, y = np.repeat(["a", "b"], [8, 12]), np.r_[["p"] * 7 + ["q"] * 1, ["p"] * 3 + ["q"] * 9]
    row = one(pd.DataFrame({"x": x, "y": y}), "table", 1e-6)
    assert row.test == "monte_carlo"
    exact = stats.barnard_exact([[7, 1], [3, 9]], pooled=True).pvalue
    # drawn at the margins seen, where Barnard takes the worst ones
    assert exact * 0.5 <= row.p_cause <= exact * 1.1


def test_the_general_association_of_two_by_two_is_mantel_and_haenszels() -> None:
    from statsmodels.stats.contingency_tables import StratifiedTable

    counts = np.array([[[20, 10], [15, 25]], [[30, 12], [8, 9]], [[5, 9], [7, 14]]], dtype=float)
    other = StratifiedTable(list(counts)).test_null_odds(correction=False).statistic
    assert tables._Stratified(counts).size() * counts.sum() == pytest.approx(other * tables._whole(counts))


def test_the_scatter_of_v_by_simulation() -> None:
    p = np.array([[0.20, 0.10], [0.10, 0.20], [0.25, 0.15]])
    rng, n = np.random.default_rng(6), 2000
    draws = rng.multinomial(n, p.ravel(), 4000).reshape(-1, 3, 2) / n
    rows, columns = draws.sum(axis=2, keepdims=True), draws.sum(axis=1, keepdims=True)
    phi = ((draws - rows * columns) ** 2 / (rows * columns)).sum(axis=(1, 2))
    part = tables._part(p[None] * n, tables._Flat)
    assert math.sqrt(part.moved[2, 0] / n) == pytest.approx(phi.std(), rel=0.04)


def test_intervals_of_variation_cover() -> None:
    rng, held, of, eta = np.random.default_rng(7), 0, 1000, 0.08
    shift = math.sqrt(eta / (1 - eta)) * np.array([-1.2247, 0.0, 1.2247])
    for _ in range(of):
        code = np.repeat(range(3), 40)
        row = kinds.variation(effects.Asked(pd.Series(code), pd.Series(rng.normal(shift[code])), None, None, 0.05, 0.05), ranks=False)
        held += row.low <= eta <= row.high
    # a little wider than it promises: that there is less than its upper end must show in the root of η² too
    assert 0.93 <= held / of <= 0.985


# ---- exact ----------------------------------------------------------------------------------------------


def test_the_exact_test_never_exceeds_its_level_at_the_boundary() -> None:
    n1, n0, delta = 9, 7, 0.2
    ps = {(a, b): exact.exact_p_values(a, n1, b, n0, delta) for a in range(n1 + 1) for b in range(n0 + 1)}
    for base in np.linspace(0, 1 - delta, 23):
        for p1, p0 in ((base + delta, base), (base, base + delta)):
            chance = {(a, b): stats.binom.pmf(a, n1, p1) * stats.binom.pmf(b, n0, p0) for a, b in ps}
            for level in (0.01, 0.05, 0.2):
                assert sum(c for table, c in chance.items() if ps[table][0] <= level) <= level * 1.02
                assert sum(c for table, c in chance.items() if ps[table][1] <= level) <= level * 1.02


def test_without_a_minimum_the_exact_test_is_at_least_barnards_kind() -> None:
    p_cause, _ = exact.exact_p_values(8, 10, 1, 10, 1e-9)
    assert p_cause == pytest.approx(stats.barnard_exact([[8, 1], [2, 9]], pooled=False).pvalue, abs=0.01)


# ---- clusters -------------------------------------------------------------------------------------------


def clustered(seed: int, by_cluster: bool, effect: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    g = np.repeat(range(40), 25)
    level = rng.normal(0, 1, 40)[g]
    x = (np.arange(40) % 2 == 0)[g] if by_cluster else rng.random(len(g)) < 0.5
    return pd.DataFrame({"x": x, "y": level + effect * x + rng.normal(0, 1, len(g)), "g": g})


@pytest.mark.parametrize("by_cluster", [True, False])
def test_units_that_hang_together_keep_the_level(by_cluster: bool) -> None:
    # at δ exactly: a false cause; without the cluster it would be called far more often where whole clusters have it
    rows = [alone(clustered(seed, by_cluster, 0.3), "mean", 0.3, "g") for seed in range(400)]
    false = np.mean([row.p_cause <= 0.05 for row in rows])
    assert false <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)
    if by_cluster:
        naive = np.mean([alone(clustered(seed, True, 0.3), "mean", 0.3).p_cause <= 0.05 for seed in range(100)])
        assert naive > 0.2
    held = np.mean([row.low <= 0.3 <= row.high for row in rows])
    assert 0.91 <= held <= 0.985


def test_few_clusters_decide_nothing() -> None:
    frame = clustered(1, True, 5.0)
    assert one(frame[frame["g"] < 6], "mean", 0.3, cluster="g").reason == "few_clusters"


# ---- the family, and its sample --------------------------------------------------------------------------

PER_TYPE = {"risk": 0.08, "mean": 0.3, "groups": 0.03, "ranks": 0.03, "table": 0.12, "correlation": 0.15}


def made(kind: str, effect: float, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Units whose effect, in the type's own measure, is exactly so large."""
    if kind in ("groups", "ranks"):
        code = np.arange(n) % 3
        # of the variance; on ranks of normal values ε² ≈ η² scaled by 3/π for small effects, so made exact in ranks below
        f = math.sqrt(effect / (1 - effect))
        y = f * math.sqrt(1.5) * (code - 1) + rng.normal(size=n)
        return pd.DataFrame({"x": code.astype(str), "y": y})
    if kind == "table":
        # two by two with even margins: V is the difference of the risks
        x = np.arange(n) % 2
        return pd.DataFrame({"x": x.astype(str), "y": np.where(rng.random(n) < 0.5 + (x - 0.5) * effect, "p", "q")})
    if kind == "correlation":
        x = rng.normal(size=n)
        return pd.DataFrame({"x": x, "y": effect * x + math.sqrt(1 - effect**2) * rng.normal(size=n)})
    x = np.arange(n) % 2 == 0
    if kind == "risk":
        return pd.DataFrame({"x": x, "y": rng.random(n) < 0.3 + effect * x})
    return pd.DataFrame({"x": x, "y": effect * x + rng.normal(size=n)})


@pytest.mark.parametrize("kind", ["risk", "mean", "groups", "table", "correlation"])
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_a_false_cause_is_called_no_more_often_than_claimed(kind: str, effect: float) -> None:
    delta, of = PER_TYPE[kind], 600
    rng = np.random.default_rng([len(kind), int(effect)])
    called = np.mean([alone(made(kind, effect * delta, 300, rng), kind, delta).p_cause <= 0.05 for _ in range(of)])
    assert called <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / of)


@pytest.mark.parametrize("kind", ["risk", "mean", "groups", "table", "correlation"])
def test_the_sample_asked_for_finds_twice_the_minimum_and_rejects_nothing_at_all(kind: str) -> None:
    delta, of = PER_TYPE[kind], 200
    rng = np.random.default_rng(len(kind))
    n = int(alone(made(kind, 2 * delta, 1500, rng), kind, delta).needed)
    assert n > 0
    for effect, column in ((2 * delta, "p_cause"), (0.0, "p_no_cause")):
        decided = np.mean([getattr(alone(made(kind, effect, n, rng), kind, delta), column) <= 0.05 for _ in range(of)])
        assert decided >= 0.8 - 2.5 * math.sqrt(0.8 * 0.2 / of), (kind, effect, n)


def test_untestable_causes_stay_in_the_family() -> None:
    frame = made("risk", 0.22, 500, np.random.default_rng(3)).assign(always=True)
    declared = pd.DataFrame({"cause": ["x", "always"], "outcome": "y", "minimum_effect": 0.08})
    both, alone = causes.confirm(declared, frame), causes.confirm(declared[:1], frame)
    assert both["reason"].tolist() == ["", "one_sided"]
    assert both["verdict"].tolist()[1] == "insufficient"
    assert both["p_cause"][0] == pytest.approx(2 * alone["p_cause"][0])


def test_each_cause_has_its_own_data() -> None:
    exam = made("mean", 1.0, 200, np.random.default_rng(1))
    stock = made("risk", 0.3, 800, np.random.default_rng(2))
    declared = pd.DataFrame({"cause": ["考核", "缺货"], "data": ["exam", "stock"], "measure": "x", "outcome": "y", "type": ["mean", "risk"],
                             "minimum_effect": [0.3, 0.1], "design": ["observed", "experiment"]})  # fmt: skip
    tested = causes.confirm(declared, {"exam": exam, "stock": stock})
    assert tested["units"].tolist() == [200, 800]
    assert tested["verdict"].tolist() == ["confirmed", "confirmed"]
    assert tested["warnings"].tolist() == [("observed",), ()]


def test_neither_the_order_of_units_nor_of_causes_matters() -> None:
    rng = np.random.default_rng(8)
    frame = confounded(0.1).assign(z=rng.random(4000) < 0.5)
    declared = pd.DataFrame({"cause": ["x", "z"], "outcome": "y", "minimum_effect": 0.05, "stratum": "size"})
    first = causes.confirm(declared, frame)
    turned = causes.confirm(declared[::-1], frame.sample(frac=1, random_state=1))[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, turned)


def test_the_input_is_not_changed() -> None:
    frame = confounded(0.1, 200)
    before, declared = frame.copy(), pd.DataFrame({"cause": ["x"], "outcome": "y", "minimum_effect": 0.05})
    causes.confirm(declared, frame)
    pd.testing.assert_frame_equal(frame, before)
    assert declared.columns.tolist() == ["cause", "outcome", "minimum_effect"]


# ---- refused ---------------------------------------------------------------------------------------------


def test_every_fault_of_every_cause_is_listed() -> None:
    units = pd.DataFrame({"y": [0, 1, 1], "x": [1, 0, 2], "s": list("abc"), "empty": [None] * 3, "shop": list("aab"), "words": list("abc")})
    rows = [
        {"cause": "无数据"},
        {"cause": "别的表", "data": "stock", "measure": "x"},
        {"cause": "结果", "data": "u", "measure": "y"},
        {"cause": "事后", "data": "u", "measure": "s", "type": "table", "declared_on": "2010-05-02", "examined_on": "2010-05-01"},
        {"cause": "下游", "data": "u", "measure": "s", "type": "table", "stratum": "shop", "downstream": "words、shop"},
        {"cause": "三值", "data": "u", "measure": "x"},
        {"cause": "空列", "data": "u", "measure": "empty"},
        {"cause": "重复单位", "data": "u", "measure": "s", "type": "table", "unit": "shop"},
        {"cause": "文字", "data": "u", "measure": "words", "type": "correlation"},
        {"cause": "群", "data": "u", "measure": "s", "type": "table", "cluster": "shop"},
        {"cause": "太大", "data": "u", "measure": "s", "type": "table", "minimum_effect": 1.5},
        {"cause": "类型", "data": "u", "measure": "s", "type": "vote"},
        {"cause": "三值", "data": "u", "measure": "x"},
    ]
    declared = pd.DataFrame(rows).assign(outcome="y")
    declared["minimum_effect"] = declared["minimum_effect"].fillna(0.1)
    with pytest.raises(DataError) as fault:
        causes.confirm(declared, {"u": units})
    said = str(fault.value)
    for text in ("'无数据' has no data", "'别的表' names data 'stock'", "'结果' is the problem itself",
                 "'事后' had its minimum effect declared on 2010-05-02, after its data were looked at on 2010-05-01",
                 "'下游' is stratified by 'shop', which is downstream of it", "'三值' is of type risk, but 'x' of u has ",
                 "'空列' has no data", "'重复单位' has 1 rows of a 'shop' that is there already", "'文字' is of type correlation, but 'words' of u has ",
                 "'群' is clustered by 'shop'", "'太大' has a minimum effect of 1.5", "'类型' has type 'vote'", "'三值' is declared twice"):  # fmt: skip
        assert text in said, text


def test_a_declaration_without_its_columns_is_refused() -> None:
    with pytest.raises(DataError, match="lacks minimum_effect"):
        causes.confirm(pd.DataFrame({"cause": ["x"], "outcome": ["y"]}), pd.DataFrame({"x": [1], "y": [1]}))


def test_what_is_equal_to_the_outcome_is_warned_of() -> None:
    frame = pd.DataFrame({"x": [True, False] * 40})
    row = one(frame.assign(y=frame["x"]), "risk", 0.1)
    assert row.warnings == ("observed", "same_as_outcome")


@pytest.mark.parametrize(("kind", "frame", "reason"), [
    ("risk", pd.DataFrame({"x": [True] * 9, "y": [True, False, False] * 3}), "one_sided"),
    ("mean", pd.DataFrame({"x": [True, False] * 9, "y": 1.0}), "no_spread"),
    ("groups", pd.DataFrame({"x": ["a"] * 9, "y": np.arange(9.0)}), "one_sided"),
    ("groups", pd.DataFrame({"x": ["a"] * 8 + ["b"], "y": np.arange(9.0)}), "too_few"),
    ("ranks", pd.DataFrame({"x": list("ab") * 4, "y": 1.0}), "no_spread"),
    ("table", pd.DataFrame({"x": ["a"] * 9, "y": list("pqp") * 3}), "one_sided"),
    ("table", pd.DataFrame({"x": list("ab") * 4, "y": list("pqqp") * 2}), "too_few"),
    ("correlation", pd.DataFrame({"x": 1.0, "y": np.arange(9.0)}), "same_measure"),
    ("correlation", pd.DataFrame({"x": [1.0, 2, 3], "y": [1.0, 3, 2]}), "too_few"),
])  # fmt: skip
def test_what_cannot_be_tested_says_why(kind: str, frame: pd.DataFrame, reason: str) -> None:
    row = one(frame, kind, 0.1)
    assert (row.reason, row.verdict) == (reason, "insufficient")
    assert reason in VOCABULARIES["cause_reason"]


def test_every_code_has_its_words() -> None:
    assert {"exact", "clusters", "risk_difference", "welch", "welch_anova", "kruskal", "chi_squared", "general_association", "monte_carlo",
            "fisher_z"} == VOCABULARIES["cause_test"].keys()  # fmt: skip
    assert {"one_sided", "too_few", "no_overlap", "no_spread", "same_measure", "same_side", "same_clusters", "few_clusters", "between_branches"} == VOCABULARIES["cause_reason"].keys()
    assert set(causes.TYPES) == VOCABULARIES["cause_type"].keys()


def test_all_pairs_of_a_small_table_agree_with_the_slow_reading() -> None:
    """The exact test's region, table by table, at one boundary."""
    n1, n0, delta, x1, x0 = 6, 5, 0.15, 5, 1

    def z(a: int, b: int, at: float) -> float:
        p1, p0 = (a + 0.5) / (n1 + 1), (b + 0.5) / (n0 + 1)
        return (a / n1 - b / n0 + at) / math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)

    worst = 0.0
    for base in np.linspace(0, 1 - delta, 401):
        p = sum(stats.binom.pmf(a, n1, base + delta) * stats.binom.pmf(b, n0, base)
                for a, b in itertools.product(range(n1 + 1), range(n0 + 1)) if z(a, b, -delta) <= z(x1, x0, -delta) + 1e-9)  # fmt: skip
        worst = max(worst, p)
    below = max(sum(stats.binom.pmf(a, n1, base) * stats.binom.pmf(b, n0, base + delta)
                    for a, b in itertools.product(range(n1 + 1), range(n0 + 1)) if z(a, b, delta) >= z(x1, x0, delta) - 1e-9)
                for base in np.linspace(0, 1 - delta, 401))  # fmt: skip
    assert exact.exact_p_values(x1, n1, x0, n0, delta)[1] == pytest.approx(max(worst, below), abs=1e-4)


# ---- what readers found ----------------------------------------------------------------------------------


def test_strata_that_cancel_are_no_proof_of_no_effect() -> None:
    rng = np.random.default_rng(4)
    s, x = np.repeat(["a", "b"], 2000), np.tile([True, False], 2000)
    frame = pd.DataFrame({"x": x, "s": s, "y": rng.random(4000) < 0.5 + np.where(s == "a", 0.15, -0.15) * np.where(x, 1, -1)})
    row = one(frame, "risk", 0.05, stratum="s")
    assert abs(row.effect) < 0.05 and row.p_no_cause < 0.05
    assert (row.verdict, "heterogeneous" in row.warnings) == ("insufficient", True)


def test_what_protects_is_said_to_go_the_other_way() -> None:
    rng = np.random.default_rng(5)
    x = np.tile([True, False], 300)
    row = one(pd.DataFrame({"x": x, "y": rng.random(600) < np.where(x, 0.1, 0.5)}), "risk", 0.1)
    assert "opposite" in row.warnings


def test_a_date_that_is_none_and_a_design_that_is_none() -> None:
    frame = pd.DataFrame({"x": [1, 0] * 20, "y": [1, 0] * 20})
    with pytest.raises(DataError) as fault:
        one(frame, "risk", 0.1, declared_on="2013-13-01", design="Experiment")
    assert "declared_on '2013-13-01', which is no date" in str(fault.value)
    assert "design 'Experiment', expected observed or experiment" in str(fault.value)
    with pytest.raises(DataError, match="lacks cause"):
        causes.confirm(pd.DataFrame(), frame)


def test_a_larger_family_asks_for_a_larger_sample() -> None:
    frame = made("risk", 0.1, 200, np.random.default_rng(10))
    declared = pd.DataFrame({"cause": [f"c{i}" for i in range(8)], "measure": "x", "outcome": "y", "minimum_effect": 0.1})
    needed = [causes.confirm(declared.head(k), frame)["needed"].iloc[0] for k in (1, 8)]
    # n goes by the square of both quantiles' sum: of 5 %, and of 5 % ÷ 8
    z = [stats.norm.ppf(1 - level) + stats.norm.ppf(0.9) for level in (0.05, 0.05 / 8)]
    assert needed[1] / needed[0] == pytest.approx((z[1] / z[0]) ** 2, rel=0.01)


def test_the_same_day_is_before_looking_and_the_day_after_is_not() -> None:
    frame = made("risk", 0.1, 60, np.random.default_rng(11))
    assert one(frame, "risk", 0.1, declared_on="2013-03-05", examined_on="2013-03-05").units == 60
    with pytest.raises(DataError, match="declared on 2013-03-06, after its data were looked at on 2013-03-05"):
        one(frame, "risk", 0.1, declared_on="2013-03-06", examined_on="2013-03-05")


def test_yes_and_no_are_read_in_chinese_and_a_blank_measure_is_the_causes_own_column() -> None:
    frame = pd.DataFrame({"缺货": ["是", "否", None] * 40, "低销": ["是", "是", "否", "否"] * 30})
    declared = pd.DataFrame({"cause": ["缺货"], "measure": [None], "outcome": "低销", "minimum_effect": 0.1})
    plain = pd.DataFrame({"缺货": [1, 0, None] * 40, "低销": [1, 1, 0, 0] * 30})
    said = causes.confirm(declared, frame).iloc[0]
    assert said["left_out"] == 40 and said["effect"] == causes.confirm(declared, plain)["effect"].iloc[0]


def test_half_the_variance_needs_a_sample_too() -> None:
    frame = made("groups", 0.5, 60, np.random.default_rng(9))
    assert all(alone(frame, "groups", delta).needed >= 6 for delta in (0.4, 0.49, 0.5, 0.6))


def test_a_side_that_does_not_know_its_own_spread_decides_nothing() -> None:
    rng = np.random.default_rng(6)
    y = rng.poisson(5, 300).astype(float)
    few = pd.DataFrame({"x": [True] * 5 + [False] * 300, "y": [*np.zeros(5), *y]})
    assert one(few, "mean", 0.5).reason == "too_few"
    alike = pd.DataFrame({"x": [True] * 20 + [False] * 300, "y": [*np.zeros(20), *y]})
    assert one(alike, "mean", 0.5).reason == "same_side"
    small = pd.DataFrame({"x": np.repeat(list("abcdefghijkl"), 4), "y": rng.normal(size=48)})
    assert one(small, "groups", 0.1).reason == "too_few"
    flat = pd.DataFrame({"x": ["a"] * 100 + ["b"] * 100 + ["c"] * 8, "y": [*rng.normal(size=200), *np.zeros(8)]})
    assert one(flat, "groups", 0.05).reason == "same_side"


@pytest.mark.parametrize("whole", [1, 2, 3])
def test_one_mixed_cluster_does_not_stand_for_many(whole: int) -> None:
    rng = np.random.default_rng(whole)
    g = np.repeat(range(40), 25)
    x = g < whole
    x[np.flatnonzero(g == 39)[0]] = True
    frame = pd.DataFrame({"x": x, "g": g, "y": rng.normal(size=40)[g] + rng.normal(size=1000)})
    assert one(frame, "mean", 0.1, cluster="g").reason == "few_clusters"


# ---- strata that pull apart, and what does not vary ---------------------------------------------------------------


def _opposed(rng: np.random.Generator, strata: int, of: int) -> pd.DataFrame:
    """Strata of which one has the problem more often with the cause, the next less often."""
    stratum, has = np.repeat(np.arange(strata), of), np.tile([True, False], strata * of // 2)
    up = (stratum % 2 == 0) == has
    return pd.DataFrame({"a": has, "s": stratum.astype(str), "y": rng.random(strata * of) < np.where(up, 0.75, 0.25)})


def test_strata_that_pull_apart_are_seen_in_clusters_and_in_small_strata() -> None:
    rng = np.random.default_rng(5)
    asked = pd.DataFrame({"cause": ["a"], "outcome": "y", "minimum_effect": 0.1, "stratum": "s"})
    clustered = _opposed(rng, 2, 2000).assign(c=lambda f: (np.arange(4000) // 40).astype(str))
    for declared, frame in ((asked.assign(cluster="c"), clustered), (asked, _opposed(rng, 300, 8))):
        found = confirm(declared, frame).iloc[0]
        assert found.verdict == "insufficient" and "heterogeneous" in found.warnings
        assert found.p_heterogeneity < 0.001
    alike = [confirm(asked, _opposed(rng, 300, 8).assign(y=rng.random(2400) < 0.3)).p_heterogeneity.item() for _ in range(100)]
    assert np.mean(np.array(alike) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 100)
    frames = [_opposed(rng, 3, 800).assign(c=(np.arange(2400) // 40).astype(str), y=rng.random(2400) < 0.3) for _ in range(100)]
    alike = [confirm(asked.assign(cluster="c"), frame).p_heterogeneity.item() for frame in frames]
    assert 0 < np.mean(np.array(alike) <= 0.2) <= 0.2 + 3 * np.sqrt(0.2 * 0.8 / 100)
    # more strata than clusters can tell apart: not rejected for want of a test
    many = clustered.assign(s=(np.arange(4000) // 2 % 60).astype(str), c=(np.arange(4000) // 400).astype(str), y=rng.random(4000) < 0.3)
    found = confirm(asked.assign(cluster="c", minimum_effect=0.3), many).iloc[0]
    assert found.verdict == "insufficient" and "strata_untested" in found.warnings


_SIDES = np.tile([True, False], 500)


@pytest.mark.parametrize(("kind", "frame", "more", "reason"), [
    ("correlation", {"a": np.ones(200), "y": np.arange(200.0)}, {}, "same_measure"),
    ("correlation", {"a": np.arange(200.0), "y": np.ones(200)}, {}, "no_spread"),
    ("mean", {"a": _SIDES, "y": _SIDES.astype(float)}, {}, "same_side"),
    ("mean", {"a": _SIDES, "y": np.where(_SIDES, 1.0, np.arange(1000))}, {}, "same_side"),
    ("mean", {"a": _SIDES, "y": np.ones(1000)}, {}, "no_spread"),
    ("mean", {"a": np.tile([True, False], 60), "y": 0.1 * np.repeat([1, 2, 3], 40) + 0.3 * np.tile([1, 0], 60), "s": np.repeat(list("xyz"), 40)}, {"stratum": "s"}, "same_side"),
    ("table", {"a": np.where(_SIDES, "p", "q"), "y": np.full(1000, "z")}, {}, "no_spread"),
    ("groups", {"a": np.where(_SIDES, "p", "q"), "y": np.where(_SIDES, 1.0, np.arange(1000))}, {}, "same_side"),
    ("risk", {"a": _SIDES, "y": np.tile([False, False, True, True, False, True, False, True, True, True], 100), "c": np.repeat(np.arange(100), 10).astype(str)}, {"cluster": "c"}, "same_clusters"),
    ("risk", {"a": _SIDES, "y": _SIDES, "c": np.repeat(np.arange(100), 10).astype(str)}, {"cluster": "c"}, "same_clusters"),
])  # fmt: skip
def test_what_does_not_vary_is_named_and_no_sample_is_promised(kind: str, frame: dict[str, np.ndarray], more: dict[str, str], reason: str) -> None:
    declared = pd.DataFrame({"cause": ["a"], "outcome": "y", "minimum_effect": 0.1, "type": kind, **more})
    found = confirm(declared, pd.DataFrame(frame)).to_dict("records")[0]
    assert (found["reason"], found["verdict"]) == (reason, "insufficient")
    said = verdicts.cause(Voice("en", "b", "2010-01"), found).text
    assert VOCABULARIES["cause_reason"][reason].en in said and "would decide" not in said


def test_lacking_it_is_the_cause_is_said_of_a_confirmed_one_alone() -> None:
    has = np.repeat([True, False], 20_000)
    y = np.concatenate([np.arange(20_000) % 100 < 27, np.arange(20_000) % 100 < 30])
    found = confirm(pd.DataFrame({"cause": ["a"], "outcome": "y", "minimum_effect": 0.1}), pd.DataFrame({"a": has, "y": y})).iloc[0]
    assert found.high < 0 and (found.verdict, found.warnings) == ("rejected", ("observed",))

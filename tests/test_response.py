"""Response to the subsidy: CR2 against published forms and brute force, refusals, empty and masked months."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg

from g3lib.measures.subsidy.rates import BARE
from g3lib.measures.subsidy.response import LEAST_SD, cr2, displaced_bare, panel, response

SETTINGS = {"numerator": "device", "base": "list"}


def sold(month: str, units: float, rate: float, **known: object) -> dict[str, object]:
    row = {"date": pd.Timestamp(month), "branch": "b", "channel": "own", "device_class": "handset", "contract": "plan",
           "model": "m", "outlet": "o", "units": units, "list_price": 1000.0, "subsidy": 1000.0 * rate}  # fmt: skip
    return row | known


def cells_of(rows: list[dict[str, object]], **options: bool) -> pd.DataFrame:
    return panel(pd.DataFrame(rows), **SETTINGS, **options)


def simulated(seed: int, branches: int = 6, months: int = 8, beta: float = 2.0, gamma: float = 0.0) -> pd.DataFrame:
    """Branches with rates of their own by month; each cell one row of sales."""
    rng = np.random.default_rng(seed)
    rows = []
    for b in range(branches):
        for month in pd.date_range("2012-01-01", periods=months, freq="MS"):
            rate = 0.5 + rng.uniform(-0.1, 0.1)
            for channel, size in (("own", 60), ("social", 15)):
                where = {"branch": f"b{b}", "channel": channel}
                size = size * (1 + b)
                rows.append(sold(month, rng.poisson(size * np.exp(beta * (rate - 0.5))), rate, **where))
                bare = rng.poisson(size * np.exp(-gamma * (rate - 0.5)))
                rows.append(sold(month, bare, 0.0, contract=BARE, **where))
    return pd.DataFrame(rows)


# --- the variance


def test_cr2_of_a_mean_with_unequal_clusters() -> None:
    # closed forms that clubSandwich holds itself to: tests/testthat/test_intercept_formulas.R
    rng = np.random.default_rng(20190513)
    size = 1 + rng.negative_binomial(2, 2 / 7, 14)
    values = [rng.normal(rng.normal(0, 0.45), 0.9, n) for n in size]
    mean, total = np.concatenate(values).mean(), size.sum()
    influence, df = cr2(size[:, None, None].astype(float), np.array([[(v - mean).sum()] for v in values]))
    means = np.array([v.mean() for v in values])
    assert (influence**2).sum() == pytest.approx((size**2 * (means - mean) ** 2 / (1 - size / total)).sum() / total**2)
    rest = total - size
    parts = total**2 * (size**2 / rest**2).sum() - 2 * total * (size**3 / rest**2).sum() + (size**2 / rest).sum() ** 2
    assert df == pytest.approx(total**2 / parts)


def test_cr2_of_a_difference_of_means() -> None:
    # Imbens and Kolesár 2016, "Robust standard errors in small samples": 3 treated, 27 not; 2.5 degrees of freedom
    rng = np.random.default_rng(3)
    treated = np.arange(30) < 3
    y = rng.normal(0, np.where(treated, 2.0, 1.0))
    design = np.column_stack([treated, np.ones(30)]).astype(float)
    e = y - np.where(treated, y[treated].mean(), y[~treated].mean())
    influence, df = cr2(design[:, :, None] * design[:, None, :], design * e[:, None])
    assert (influence**2).sum() == pytest.approx(y[treated].var(ddof=1) / 3 + y[~treated].var(ddof=1) / 27)
    assert df == pytest.approx(30**2 * 26 * 2 / (3**2 * 2 + 27**2 * 26))
    assert round(df, 1) == 2.5


@pytest.mark.parametrize("seed", [1, 2])
def test_beta_is_statsmodels_and_its_variance_the_definition(seed: int) -> None:
    cells = panel(simulated(seed), **SETTINGS)
    found = response(cells).iloc[0]
    used = cells[cells["contract"] != BARE]
    unit = pd.get_dummies(used["branch"] + used["channel"], dtype=float).to_numpy()
    month = pd.get_dummies(used["channel"] + used["month"].astype(str), dtype=float)
    month = month.loc[:, ~month.columns.str.endswith(f"{used['month'].min():%Y-%m-%d}")].to_numpy()  # one of each channel is superfluous
    design = np.column_stack([used["move"], unit, month])
    fit = sm.GLM(used["units"].to_numpy(), design, family=sm.families.Poisson()).fit(tol=1e-12, maxiter=100)
    assert found["beta"] == pytest.approx(fit.params[0], abs=1e-7)
    assert found["dispersion"] == pytest.approx(fit.pearson_chi2 / fit.df_resid, rel=1e-6)
    # brute force in the weighted linear model: every dummy in the design, every matrix written out
    mu = fit.mu
    x, e = np.sqrt(mu)[:, None] * design, (used["units"].to_numpy() - mu) / np.sqrt(mu)
    bread = np.linalg.pinv(x.T @ x)
    rest = np.eye(len(x)) - x @ bread @ x.T
    weights = []
    for name in sorted(used["branch"].unique()):
        at = (used["branch"] == name).to_numpy()
        values, vectors = linalg.eigh(rest[np.ix_(at, at)])
        root = vectors @ np.diag(np.where(values > 1e-9, 1 / np.sqrt(np.abs(values) + (values <= 1e-9)), 0.0)) @ vectors.T
        full = np.zeros(len(x))
        full[at] = root @ x[at] @ bread[:, 0]
        weights.append(full)
    influence = np.array(weights) @ e
    spread = np.array(weights) @ rest @ np.array(weights).T
    assert list(found["influence"].values()) == pytest.approx(influence.tolist(), abs=1e-6)
    assert found["se"] == pytest.approx(np.sqrt((influence**2).sum()), rel=1e-6)
    assert found["df"] == pytest.approx(np.trace(spread) ** 2 / (spread**2).sum(), rel=1e-6)


# --- the cells


def test_a_change_of_mix_is_no_change_of_price() -> None:
    rows = [sold(m, n, r, model=name) for m, low, high in (("2012-01-01", 9, 1), ("2012-02-01", 1, 9))
            for name, n, r in (("cheap", low, 0.3), ("dear", high, 0.6))]  # fmt: skip
    cells = cells_of(rows)
    assert cells["move"].tolist() == pytest.approx([0, 0], abs=1e-6)
    assert cells["rate"].tolist() == pytest.approx([0.33, 0.57])
    assert cells["net_share"].tolist() == pytest.approx([0.67, 0.43])


def test_a_product_sold_in_dear_months_only_does_not_pass_for_a_move() -> None:
    # the old and the new product carry the same rate; all rates rise by ten points in March
    months = {"2012-01-01": 0.4, "2012-02-01": 0.4, "2012-03-01": 0.5, "2012-04-01": 0.5}
    rows = [sold(m, 10, r, model="old") for m, r in list(months.items())[:3]]
    rows += [sold(m, 10, r, model="new") for m, r in list(months.items())[1:]]
    move = cells_of(rows)["move"]
    assert (move - move[0]).tolist() == pytest.approx([0, 0, 0.1, 0.1], abs=1e-5)


def test_an_empty_month_is_a_zero_with_the_move_of_the_wider_cell() -> None:
    rows = [sold(f"2012-0{m}-01", 5, 0.4 + 0.1 * (m == 3), contract=c) for m in range(1, 6) for c in ("plan", "spend")
            if (m, c) != (3, "plan")]  # fmt: skip
    rows += [sold("2012-03-01", 50, 0.0, contract=BARE)]  # a bare sale says nothing of what contracts got
    cells = cells_of(rows).set_index(["contract", "month"]).loc["plan"]
    assert len(cells) == 5
    empty = cells.loc["2012-03-01"]
    assert (empty["units"], empty["filled"], empty["reason"]) == (0, True, "")
    # spend stands 0.08 above its own usual rate of 0.42; plan has never left 0.40
    assert empty["move"] == pytest.approx(0.08)
    assert empty["rate"] == pytest.approx(0.48)


def test_a_line_that_nobody_sells_and_a_place_that_is_shut_have_no_empty_months() -> None:
    rows = [sold("2012-01-01", 1, 0.5), sold("2012-06-01", 1, 0.5), sold("2012-03-01", 1, 0.5, contract="spend"),
            sold("2012-04-01", 1, 0.5, branch="late"), sold("2012-04-01", 1, 0.5, branch="late", contract="spend")]  # fmt: skip
    sizes = cells_of(rows).groupby(["branch", "contract"]).size()
    assert sizes.to_dict() == {("b", "plan"): 6, ("b", "spend"): 2, ("late", "plan"): 1, ("late", "spend"): 1}


def test_a_masked_month_is_left_out_with_its_empty_cells() -> None:
    rows = [sold(f"2012-0{m}-01", 5, 0.5, contract=c) for m in (1, 2, 3) for c in ("plan", "spend") if (m, c) != (2, "spend")]
    rows[2]["subsidy"] = np.nan
    cells = cells_of(rows)
    masked = cells[cells["month"] == "2012-02-01"]
    assert masked["reason"].tolist() == ["unknown_rate", "unknown_rate"]
    assert masked["unknown_units"].tolist() == [5, 0]
    assert response(cells)["left_out"].tolist() == [2]


@pytest.mark.parametrize("fault", [{"list_price": 0.0}, {"list_price": -1.0}, {"list_price": np.nan}, {"subsidy": 1001.0}])
def test_a_price_that_cannot_be_is_counted_and_has_no_rate(fault: dict) -> None:
    cells = cells_of([sold("2012-01-01", 4, 0.5), sold("2012-01-02", 2, 0.5, **fault)])
    assert cells[["units", "unknown_units", "rate"]].values.tolist() == [[6.0, 2.0, 0.5]]


def test_rows_of_no_units_change_nothing() -> None:
    rows = [sold("2012-01-01", 4, 0.5), sold("2012-02-01", 3, 0.6)]
    pd.testing.assert_frame_equal(cells_of([*rows, sold("2011-01-01", 0, 0.1)]), cells_of(rows))


def test_outlets_add_up_to_their_cell() -> None:
    rows = [sold(f"2012-0{m}-01", m + k, 0.5, outlet=f"o{k}") for m in (1, 2) for k in range(3)]
    apart, together = cells_of(rows, outlets=True), cells_of(rows)
    assert len(apart) == 6
    assert apart.groupby("month")["units"].sum().tolist() == together["units"].tolist() == [6, 9]


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 7.3, 1000.0]))
def test_row_order_and_currency_change_nothing(seed: int, scale: float) -> None:
    sales = simulated(5, branches=4, months=4)
    before = sales.copy()
    shuffled = sales.sample(frac=1, random_state=seed)
    shuffled[["list_price", "subsidy"]] *= scale
    one, two = (response(panel(frame, **SETTINGS)) for frame in (sales, shuffled))
    numbers = ["beta", "se", "df", "low", "high", "p", "elasticity", "dispersion"]
    np.testing.assert_allclose(one[numbers].to_numpy(), two[numbers].to_numpy(), rtol=1e-6)
    pd.testing.assert_frame_equal(sales, before)


# --- the estimate


def test_twice_the_units_leave_beta_and_halve_the_reference_variance() -> None:
    sales = simulated(8)
    one, two = (response(panel(sales.assign(units=sales["units"] * k), **SETTINGS)).iloc[0] for k in (1, 2))
    assert two["beta"] == pytest.approx(one["beta"], abs=1e-7)
    assert two["se"] == pytest.approx(one["se"], rel=1e-6)  # clustered: it sees that nothing new was learnt
    assert two["dispersion"] == pytest.approx(2 * one["dispersion"], rel=1e-6)


def test_elasticity_is_beta_at_the_mean_net_price() -> None:
    found = response(panel(simulated(4), **SETTINGS)).iloc[0]
    assert found["net_share"] == pytest.approx(0.5, abs=0.03)
    assert found["elasticity"] == pytest.approx(-found["beta"] * found["net_share"])
    assert (found["elasticity_low"], found["elasticity_high"]) == pytest.approx(
        (-found["high"] * found["net_share"], -found["low"] * found["net_share"])
    )


@pytest.mark.parametrize("branches", [1, 3])
def test_too_few_branches_are_refused(branches: int) -> None:
    cells = panel(simulated(1, branches=branches), **SETTINGS)
    found = response(cells).iloc[0]
    assert (found["verdict"], found["reason"], found["clusters"]) == ("no verdict", "too_few_clusters", branches)
    assert np.isnan(found[["beta", "se", "low", "high", "elasticity"]].astype(float)).all()


def test_moves_that_all_branches_share_are_refused() -> None:
    sales = simulated(1)
    sales["subsidy"] = 300.0 + 40 * sales["date"].dt.month
    found = response(panel(sales, **SETTINGS)).iloc[0]
    assert (found["verdict"], found["reason"]) == ("no verdict", "no_variation")
    assert found[["residual_sd_pp", "between_branches", "between_periods"]].tolist() == pytest.approx([0, 0, 1], abs=1e-4)
    assert found["changed"] == 0  # nobody moved against the others
    assert np.isnan(found["beta"])


def test_a_channel_that_every_branch_raises_alike_is_refused() -> None:
    """The rules of 2013 are of this kind: one rate a channel and contract for all branches."""
    sales = simulated(3)
    later = sales["date"] >= sales["date"].min() + pd.DateOffset(months=4)
    up = sales["channel"].map(dict(zip(sorted(sales["channel"].unique()), (0.05, -0.05), strict=True))).where(later, 0.0)
    sales["subsidy"], sales["units"] = 1000 * (0.5 + up), (sales["units"] * np.exp(4 * up)).round()
    found = response(panel(sales[sales["contract"] != BARE], **SETTINGS)).iloc[0]
    assert (found["reason"], found["changed"]) == ("no_variation", 0)
    assert found["between_branches"] == pytest.approx(0, abs=1e-6)


def test_the_shares_of_the_variance_add_up() -> None:
    found = response(panel(simulated(2), **SETTINGS)).iloc[0]
    assert found["between_branches"] + found["between_periods"] == pytest.approx(1)
    assert found["residual_sd_pp"] == pytest.approx(20 / np.sqrt(12), rel=0.2)  # uniform within ±10 points
    assert found["verdict"] == "pass"


def test_one_sale_and_none() -> None:
    one = response(cells_of([sold("2012-01-01", 1, 0.5)])).iloc[0]
    assert (one["reason"], one["cells"]) == ("too_few_clusters", 1)
    none = panel(pd.DataFrame([sold("2012-01-01", 1, 0.5)]).iloc[:0], **SETTINGS)
    assert none.empty
    assert response(none).empty
    assert displaced_bare(none).empty


def test_unset_settings_leave_no_rate_and_no_beta() -> None:
    cells = panel(simulated(1), numerator="", base="")
    assert set(cells["reason"]) == {"unknown_rate"}
    assert response(cells)["reason"].tolist() == ["unknown_rate"]


def test_sales_on_one_side_of_the_moves_have_no_finite_beta() -> None:
    rows = [sold(f"2012-0{m}-01", 5.0 * (m == b % 2 + 1), 0.4 + 0.2 * (m == b % 2 + 1), branch=f"b{b}") for b in range(6) for m in (1, 2)]
    # the month without a sale keeps the low rate of another contract of the branch
    rows += [sold(f"2012-0{m}-01", 5, 0.4 + 0.2 * (m == b % 2 + 1), branch=f"b{b}", contract="spend") for b in range(6) for m in (1, 2)]
    cells = cells_of(rows)
    only = response(cells[cells["contract"] == "plan"]).iloc[0]
    assert (only["reason"], only["verdict"]) == ("not_converged", "no verdict")


def test_bare_sales_are_no_part_of_the_response() -> None:
    sales = simulated(6)
    without = sales[sales["contract"] != BARE]
    numbers = ["beta", "se", "df", "cells"]
    one, two = (response(panel(frame, **SETTINGS))[numbers].to_numpy() for frame in (sales, without))
    np.testing.assert_allclose(one, two, rtol=1e-7)


def test_gamma_is_positive_where_bare_sales_fall() -> None:
    cells = panel(simulated(11, branches=10, months=24, gamma=1.5), **SETTINGS)
    found = displaced_bare(cells).iloc[0]
    assert abs(found["gamma"] - 1.5) < 3 * found["se"]
    assert found["low"] > 0
    assert found["se"] == pytest.approx(np.sqrt(sum(v**2 for v in found["influence"].values())))
    # gamma is the bare cells' response with its sign turned
    bare = cells[cells["contract"] == BARE].drop(columns=["move"])
    moves = cells[cells["contract"] != BARE][["branch", "channel", "month", "move"]]
    turned = response(bare.merge(moves, on=["branch", "channel", "month"]).assign(contract="plan")).iloc[0]
    assert found["gamma"] == pytest.approx(-turned["beta"], abs=1e-6)


def test_the_planted_betas_are_found_again(store, sample_folder) -> None:
    import json

    planted = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))["demand"]["betas"]
    found = response(panel(store.read("sales"), **SETTINGS)).set_index("device_class")
    for name, beta in planted.items():
        assert abs(found.loc[name, "beta"] - beta) < 4 * found.loc[name, "se"]
        assert found.loc[name, "verdict"] == "pass"
    # 南区分公司's real sales come without class and subsidy: left out, and counted
    unknown = found[found.index.isna()].iloc[0]
    assert (unknown["reason"], unknown["left_out"]) == ("unknown_rate", 9)


def test_the_province_alone_of_2013_teaches_nothing(store) -> None:
    sales = store.read("sales")
    found = response(panel(sales[sales["date"] >= "2013-01-01"], **SETTINGS))
    assert set(found["reason"]) == {"no_variation"}
    assert found["residual_sd_pp"].max() < 100 * LEAST_SD

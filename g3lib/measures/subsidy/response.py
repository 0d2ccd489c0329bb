"""Response: by how much sales rise with the subsidy rate, learnt from its moves alone.

A cell is branch × channel × class × contract × month. Its units are held against its own subsidy move: how
far its rates stand from the usual rates of the same products, so that a change of mix is no change of price.
Log expected units = unit effect + line-month effect + beta × move (a line is channel × class × contract), by
Poisson pseudo maximum likelihood, which needs the mean to be right and nothing else. The variance is clustered by
branch (CR2 of Bell and McCaffrey, t with Satterthwaite's degrees of freedom), so spread beyond Poisson's needs no
negative binomial; Pearson's dispersion is told beside.

What lasts at a unit, and what all branches of a line have in common in a month, identifies nothing: a rule that
raises one channel everywhere meets whatever else moved that channel. Only branches that moved apart do. Where they
did not there is no beta, and the reason is said. Bare devices carry no subsidy; they are no part of the response,
and what it takes from them is counted once, by `displaced_bare`.

Adding up the outlets of a cell is exact where outlet effects multiply and one rate holds in all of them: a sum
of Poisson counts is Poisson. Where outlets of a cell have rates of their own, `outlet` belongs into the unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from g3lib.findings import Verdict
from g3lib.measures.subsidy.rates import BARE, amounts

UNIT = ("branch", "channel", "device_class", "contract")
LEAST_SD = 0.01  # below one point, what is left of a rate is the scatter of single sales, not a decision
LEAST_CLUSTERS, FEW_DF = 4, 4.0
SWEEPS = 10_000  # of two-way fits: a few do, unless the table is nearly in two parts

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]
# an empty cell has the move of its own contract elsewhere in the branch before that of other contracts
_WIDER = ((*UNIT, "month"), ("branch", "device_class", "contract", "month"), ("branch", "device_class", "bare", "month"),
          ("branch", "device_class", "bare", "quarter"))  # fmt: skip


def sale_rate(sales: pd.DataFrame, numerator: str, base: str) -> pd.Series:
    """The subsidy rate of each sale; NaN where it is unknown, the base is not above zero or the net price is below it."""
    parts = amounts(sales, numerator, base)
    rate = parts["subsidy_yuan"] / parts["base_yuan"].where(parts["base_yuan"] > 0)
    return rate.where(rate.between(0, 1))


def panel(sales: pd.DataFrame, *, numerator: str, base: str, outlets: bool = False) -> pd.DataFrame:
    """The cells: units sold and the composition-constant subsidy move, months without a sale included.

    rate of a sale = move of its cell + usual rate of its product (model × contract × channel), the two fitted
    together by least squares weighted by units (time-product dummies, R. Summers 1973). The first round is the
    mean over the cell's sales of rate − mean rate of its product; going on keeps a product that was sold in
    the dear or the cheap years only from passing for a move.

    Args:
        sales: rows of the sales table.
        numerator, base: see `subsidy_rate`; the response is per unit of that rate.
        outlets: each outlet keeps an effect and a move of its own; for rates that differ by outlet.

    Returns:
        branch, channel, device_class, contract (outlet), month (Timestamp, day 1), units, rate (mean over units),
        move (fraction; zero is the product's usual rate), net_share (net price ÷ list price = 1 − rate),
        unknown_units (in units, not in rate and move: subsidy masked or missing, base not above zero, or a rate
        outside 0…1), filled, reason. A month without a sale is a row with 0 units while the unit's place (branch ×
        channel) sells anything and its line (channel × class × contract) is sold by anybody; its move is `filled`
        from the wider cell: branch × class × contract × month, branch × class × month, branch × class × quarter.
        Reason `unknown_rate`: no rate is known, so the cell is no evidence; it stays in the frame, counted, and is
        left out of every fit. So does an empty month of a class whose sales of that month are all unknown: were it
        kept, only the zeros would be.

    Raises:
        UsageError: an unknown setting.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2012-01-05", "2012-03-09"]), "units": [4, 2], "subsidy": [500.0, 700.0],
    ...                       "list_price": 1000.0, "model": "m"}).assign(branch="b", channel="own", device_class="handset",
    ...                       contract="plan")
    >>> panel(sales, numerator="device", base="list")[["units", "move", "filled"]].round(3).values.tolist()
    [[4.0, -0.067, False], [0.0, 0.0, True], [2.0, 0.133, False]]
    """
    unit = [*UNIT, "outlet"] if outlets else list(UNIT)
    sold = sales[sales["units"] > 0]
    rate = sale_rate(sold, numerator, base).to_numpy()
    known = np.isfinite(rate)
    units = sold["units"].to_numpy(dtype=float)
    month = sold["date"].dt.year * 12 + sold["date"].dt.month - 1
    of_unit = sold.groupby(unit, dropna=False, sort=True).ngroup().to_numpy()
    # a span by the unit's own first and last sale would choose cells by their outcome: 2 % off beta in simulation
    place, line = [name for name in unit if name not in UNIT[2:]], list(UNIT[1:])
    spans = [month.groupby([sold[name] for name in names], dropna=False) for names in (place, line)]
    first = np.max([span.transform("min") for span in spans], axis=0, initial=0)
    last = np.min([span.transform("max") for span in spans], axis=0, initial=10**6)
    one = np.unique(of_unit, return_index=True)[1]
    length = last[one] - first[one] + 1
    # cells lie unit by unit, month after month: the position of a sale's cell is its month and an offset
    offset = np.cumsum(length) - length - first[one]
    cell = offset[of_unit] + month.to_numpy()
    cells = sold.iloc[np.repeat(one, length)][unit].reset_index(drop=True)
    number = np.arange(len(cells)) - np.repeat(offset, length)
    cells["month"] = pd.to_datetime(pd.DataFrame({"year": number // 12, "month": number % 12 + 1, "day": 1}))
    cells["units"] = np.bincount(cell, units, len(cells))
    product = sold.groupby(["channel", "device_class", "contract", "model"], dropna=False).ngroup().to_numpy()
    known_units: Floats = np.bincount(cell, units * known, len(cells)).astype(float)
    cells["rate"] = np.bincount(cell[known], (units * rate)[known], len(cells)) / np.where(known_units > 0, known_units, np.nan)
    cells["move"] = _moves(rate[known], units[known], cell[known], product[known], known_units)
    return _filled(cells, unit, known_units)


def _moves(rate: Floats, weight: Floats, cell: Codes, product: Codes, known_units: Floats) -> Floats:
    """Least squares of rate = move of the cell + usual rate of the product, by turns; NaN where no rate is known."""
    total = np.maximum(np.bincount(product, weight), 1e-300)
    move = np.zeros(len(known_units))
    for _ in range(200):
        usual = np.bincount(product, weight * (rate - move[cell]), len(total)) / total
        last, move = move, np.bincount(cell, weight * (rate - usual[product]), len(move)) / np.maximum(known_units, 1e-300)
        if np.abs(move - last).max(initial=0) < 1e-7:
            break
    return np.where(known_units > 0, move, np.nan)


def _filled(cells: pd.DataFrame, unit: list[str], known_units: Floats) -> pd.DataFrame:
    """Empty months take the move of the wider cell, and the rate that the unit has at such a move."""
    cells = cells.assign(quarter=cells["month"].dt.to_period("Q").astype(str), known=known_units, filled=cells["units"] == 0)
    cells = cells.assign(moved=(cells["move"] * known_units).fillna(0.0), bare=cells["contract"] == BARE)
    withheld = cells.groupby(["branch", "device_class", "bare", "month"], dropna=False)[["units", "known"]].transform("sum")
    fillable = cells["filled"] & ~((withheld["units"] > 0) & (withheld["known"] == 0))
    for keys in _WIDER:
        wide = cells.groupby(list(keys), dropna=False)[["moved", "known"]].transform("sum")
        mean = wide["moved"] / wide["known"].where(wide["known"] > 0)
        cells["move"] = cells["move"].where(cells["move"].notna() | ~fillable, mean)
    level = (cells["rate"] - cells["move"]).groupby([cells[name] for name in unit], dropna=False).transform("mean")
    rate = cells["rate"].fillna(cells["move"] + level)
    cells = cells.assign(rate=rate, net_share=1 - rate, unknown_units=cells["units"] - known_units)
    cells["reason"] = np.where(cells["move"].isna(), "unknown_rate", "")
    return cells[[*unit, "month", "units", "rate", "move", "net_share", "unknown_units", "filled", "reason"]]


def response(panel: pd.DataFrame, by: Sequence[str] = ("device_class",), confidence: float = 0.95) -> pd.DataFrame:
    """Beta of each class: log units per unit of subsidy rate (beta × 0.01 is about the growth that a point buys).

    Args:
        panel: the cells (`panel`); bare contracts are left aside.
        by: the columns that make the groups, each with an estimate of its own: the class, or class and channel.
        confidence: of the intervals.

    Returns:
        by…, beta, se, df, low, high, p (of beta = 0), dispersion (Pearson), cells, left_out (cells without a known
        rate), clusters, verdict, reason, influence (what each cluster adds to the error of beta: se² = Σ influence²,
        and the covariance of two betas is the sum of their products), net_share (mean net price ÷
        list price), elasticity, elasticity_low, elasticity_high (of units to the net price at that mean: as net = list ×
        (1 − rate), d ln units ÷ d ln net = −beta × net_share, the mean taken as known).
        What identifies it: residual_sd_pp (standard deviation of the move in points once unit and line-month
        effects are taken out, weighted by units), changed (clusters × months whose mean move, against that of all
        clusters, is more than one point from that of the month before), between_branches, between_periods (shares of
        the move's variance within units: clusters apart in the same month of the same line, which identifies; what a
        line's clusters have in common, which does not).
        No beta and `no verdict` with reason `no_sales`, `unknown_rate`, `too_few_clusters` (under 4), `no_variation`
        (residual standard deviation under one point) or `not_converged` (no sale on one side of the moves);
        `warning` and `few_df` where df < 4: one or two branches decide, and the interval is shaky.

    Every branch moves by ten points, and all of them at once:

    >>> cells = pd.DataFrame({"branch": ["a", "b"] * 2, "channel": "own", "device_class": "handset", "contract": "plan",
    ...                       "month": pd.to_datetime(["2012-01-01"] * 2 + ["2012-02-01"] * 2), "units": 5.0,
    ...                       "move": [-0.05, -0.05, 0.05, 0.05], "rate": 0.5, "unknown_units": 0.0, "reason": ""})
    >>> response(pd.concat([cells, cells.replace({"a": "c", "b": "d"})]))[["beta", "changed", "between_periods",
    ...     "reason"]].round(4).values.tolist()
    [[nan, 0, 1.0, 'no_variation']]
    """
    rows, bounds = [], {"elasticity": "beta", "elasticity_low": "high", "elasticity_high": "low"}
    for key, cells in _groups(panel, by):
        found = _estimate(cells, confidence)
        weight = cells["units"].where(cells["rate"].notna(), 0.0)
        share = 1 - float((cells["rate"] * weight).sum() / weight.sum()) if weight.sum() > 0 else np.nan
        own = _mean_by_month(cells, ["branch"])["move"].unstack()
        jumps = (own - _mean_by_month(cells, [])["move"]).diff(axis=1).abs() > LEAST_SD
        found |= {"net_share": share, "changed": int(jumps.to_numpy().sum())}
        rows.append(key | found | {name: -share * found[of] for name, of in bounds.items()})
    return pd.DataFrame(rows, columns=[*by, *_ESTIMATE, "net_share", *bounds, *_IDENTIFIED])


def displaced_bare(panel: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Gamma of each class: by how much bare-device sales fall, in logs per unit of the class's subsidy rate.

    The same regression on the bare cells. Their move is the mean move of the class's subsidised units in the same
    branch, channel and month, weighted by what each unit sells over the whole time, so that a change of contract is
    no change of price.

    Returns:
        device_class, gamma (positive: subsidised sales take from bare ones), then the columns of `response` up to
        influence, all of gamma; classes that have bare sales only.

    >>> displaced_bare(pd.DataFrame(columns=["branch", "channel", "device_class", "contract", "month", "units", "move", "rate",
    ...                                      "reason"])).empty
    True
    """
    where = ["branch", "channel", "device_class", "month"]
    means = _mean_by_month(panel[panel["contract"] != BARE], where[:3])["move"]
    # a bare cell needs no rate of its own, only that of the subsidised ones
    bare = panel[panel["contract"] == BARE].drop(columns="move").assign(reason="")
    # the bare cells' effect is −gamma × move
    bare = bare.merge(-means.reset_index().set_index(where), on=where, how="left", validate="many_to_one")
    rows = [key | _estimate(cells, confidence) for key, cells in _groups(bare, ["device_class"], bare=True)]
    return pd.DataFrame(rows, columns=["device_class", *_ESTIMATE]).rename(columns={"beta": "gamma"})


_ESTIMATE = ("beta", "se", "df", "low", "high", "p", "dispersion", "cells", "left_out", "clusters", "verdict", "reason",
             "influence")  # fmt: skip
_IDENTIFIED = ("residual_sd_pp", "changed", "between_branches", "between_periods")


def _groups(panel: pd.DataFrame, by: Sequence[str], bare: bool = False) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    for key, cells in panel[(panel["contract"] == BARE) == bare].groupby(list(by), dropna=False, sort=True):
        yield dict(zip(by, key, strict=True)), cells


def _mean_by_month(cells: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean move of each group and month, units weighted by what they sell over the whole time."""
    weight = cells.groupby(list(UNIT), dropna=False)["units"].transform("sum").where(cells["move"].notna(), 0.0)
    parts = cells.assign(move=cells["move"] * weight, weight=weight).groupby([*by, "month"], dropna=False)
    return parts[["move"]].sum().div(parts["weight"].sum().replace(0.0, np.nan), axis=0)


def _estimate(cells: pd.DataFrame, confidence: float = 0.95) -> dict[str, Any]:
    """One group's coefficient of move, or the reason why there is none."""
    known = cells[(cells["reason"] == "") & cells["move"].notna()]
    # units and line-months that sold nothing are fitted by their effect alone
    of_unit = known.groupby([name for name in (*UNIT, "outlet") if name in known], dropna=False)
    of_line = known.groupby([*UNIT[1:], "month"], dropna=False)
    sold = (of_unit["units"].transform("sum") > 0) & (of_line["units"].transform("sum") > 0)
    used, sides = known[sold], [pd.factorize(groups.ngroup()[sold])[0] for groups in (of_unit, of_line)]
    names = sorted(used["branch"].unique())
    found: dict[str, Any] = dict.fromkeys([*_ESTIMATE, *_IDENTIFIED], np.nan)
    found |= {"cells": len(used), "left_out": len(cells) - len(known), "clusters": len(names), "influence": {}}
    found |= {"verdict": Verdict.NONE.value, "reason": "unknown_rate" if cells["units"].sum() > 0 else "no_sales"}
    if used.empty:
        return found
    units, move = (used[name].to_numpy(dtype=float) for name in ("units", "move"))
    expected = _fitted(units, np.ones(len(units)), sides)
    within, left = (float((expected * _residual(move, expected, out) ** 2).sum()) for out in (sides[:1], sides))
    found["residual_sd_pp"] = 100 * np.sqrt(left / units.sum())
    if within > 1e-12 * units.sum():
        found |= {"between_branches": min(left / within, 1.0), "between_periods": max(1 - left / within, 0.0)}
    if len(names) < LEAST_CLUSTERS or found["residual_sd_pp"] < 100 * LEAST_SD:
        return found | {"reason": "too_few_clusters" if len(names) < LEAST_CLUSTERS else "no_variation"}
    beta, mu, converged = _poisson(units, move, sides)
    if not converged:
        return found | {"reason": "not_converged"}
    mine = [(used["branch"] == name).to_numpy() for name in names]
    # the unit effects, each within one branch, are taken out of the design; they make one month of a line superfluous
    first = np.unique(used.groupby(list(UNIT[1:]), dropna=False).ngroup().to_numpy(), return_index=True)[1]
    months = np.setdiff1d(sides[1], sides[1][first])
    design = np.column_stack([move, sides[1][:, None] == months])
    design = np.column_stack([_residual(column, mu, sides[:1]) for column in design.T])
    influence, df = cr2(np.array([design[at].T @ (mu[at, None] * design[at]) for at in mine]),
                        np.array([design[at].T @ (units - mu)[at] for at in mine]))  # fmt: skip
    se = float(np.sqrt((influence**2).sum()))
    reach = stats.t.ppf(0.5 + confidence / 2, df) * se
    free = len(units) - sides[0].max() - 1 - design.shape[1]
    found |= {"beta": beta, "se": se, "df": df, "low": beta - reach, "high": beta + reach}
    found |= {"p": 2 * float(stats.t.sf(abs(beta) / se, df)), "influence": dict(zip(names, influence.tolist(), strict=True))}
    found |= {"dispersion": float(((units - mu) ** 2 / mu).sum() / free) if free > 0 else np.nan}
    return found | {"verdict": str(Verdict.WARNING if df < FEW_DF else Verdict.PASS), "reason": "few_df" if df < FEW_DF else ""}


def _poisson(units: Floats, move: Floats, sides: list[Codes]) -> tuple[float, Floats, bool]:
    """Newton's method for beta, the effects of units and line-months at their best for each beta: beta, mu, converged."""
    beta = 0.0
    for _ in range(60):
        mu = _fitted(units, np.exp(np.clip(beta * move, -50, 50)), sides)
        apart = _residual(move, mu, sides)
        curvature = float((mu * apart**2).sum())
        step = float((apart * (units - mu)).sum()) / curvature if curvature > 0 else 0.0
        if abs(step) < 1e-9:
            return beta, mu, True
        # where the maximum lies at infinity (no sale on one side of the moves) steps stay finite and never end
        beta += float(np.clip(step, -3, 3))
    return beta, mu, False


def _fitted(units: Floats, mu: Floats, sides: list[Codes]) -> Floats:
    """mu times the effects that give each unit and each line-month its total: iterative proportional fitting."""
    totals = [np.bincount(of, units) for of in sides]
    for _ in range(SWEEPS):
        before = mu
        for of, total in zip(sides, totals, strict=True):
            mu = mu * (total / np.bincount(of, mu))[of]
        if np.abs(mu - before).max() < 1e-11 * mu.max():
            break
    return mu


def _residual(values: Floats, weight: Floats, sides: list[Codes]) -> Floats:
    """The values less the weighted means of each side, by turns until none is left."""
    totals = [np.bincount(of, weight) for of in sides]
    for _ in range(SWEEPS):
        before = values
        for of, total in zip(sides, totals, strict=True):
            values = values - (np.bincount(of, weight * values) / total)[of]
        if len(sides) == 1 or np.abs(values - before).max() < 1e-13:
            break
    return values


def cr2(gram: Floats, score: Floats) -> tuple[Floats, float]:
    """Bell and McCaffrey's bias-reduced linearisation of the first coefficient, from sums by cluster.

    With X of full weight (√weight × regressor, effects nested in clusters taken out), M = (ΣX′X)⁻ and e the
    residuals alike: influence of cluster g = x′(I − X M X′)^(−½) e with x = X M[:, 0]. All of it lives in the span
    of X, so the root is taken of a matrix as small as the number of regressors (Pustejovsky and Tipton 2018, whose
    theorem 2 allows nested effects to be absorbed).

    Args:
        gram: X′X of each cluster, clusters × regressors × regressors.
        score: X′e of each cluster, clusters × regressors.

    Returns:
        The clusters' influences, whose squares add up to the variance, and Satterthwaite's degrees of freedom
        under independent residuals of equal variance (in the weighted model: Poisson's).

    Three clusters of one observation each, a mean alone: s²/n, and n − 1 degrees of freedom.

    >>> influence, df = cr2(np.ones((3, 1, 1)), np.array([[-1.0], [0.0], [1.0]]))
    >>> round(float((influence**2).sum()), 6), round(df, 6)
    (0.333333, 2.0)
    """
    values, vectors = np.linalg.eigh(gram.sum(axis=0))
    kept = values > 1e-10 * values.max()
    root = vectors[:, kept] / np.sqrt(values[kept])  # root @ root.T is M
    leverage, turn = np.linalg.eigh(root.T @ gram @ root)
    free = 1 - leverage
    # a direction that one cluster alone decides has no residual there: the generalised inverse drops it
    shrink = np.where(free > 1e-9, 1 / np.sqrt(np.where(free > 1e-9, free, 1.0)), 0.0)
    scale = (turn * shrink[:, None, :]) @ (turn.transpose(0, 2, 1) @ root[0])[:, :, None]
    weights = scale[:, :, 0] @ root.T
    mixed = np.einsum("gij,gj->gi", gram, weights)
    shared = mixed @ root
    spread = np.diag((weights * mixed).sum(axis=1)) - shared @ shared.T
    return (weights * score).sum(axis=1), float(np.trace(spread) ** 2 / (spread**2).sum())

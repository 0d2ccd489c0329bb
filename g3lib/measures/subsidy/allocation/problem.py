"""The plan as a linear programme: what is chosen, what it costs, what limits it.

A cell (model × channel × contract, a branch if given) is offered a grid of subsidies a unit. At s yuan it
sells D = units · exp(beta · (s − today's s) / price) and costs S = s · D. With beta > 0 the slope dD/dS =
beta / (price · (1 + beta · s / price)) falls as s rises: D is concave in S, so shares of the grid's
levels that sum to 1 describe the curve from below (a split between two neighbouring levels sells no more
than one rate of the same cost would) and no integer is needed. Integers are needed only for all-units
price steps: which step a model reaches.

Everything that is chosen is such a set of shares that sum to 1, called a group: the levels of a cell; no
shortfall or the whole of it for a commitment with a penalty; no rebate or the two ends of a price step
for a model. Each limit is then one row of numbers ≤ a number. Money is counted once: the budget pays
subsidy and penalties, and receives rebates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from g3lib.measures.subsidy.allocation.cells import FEN, demand
from g3lib.measures.subsidy.allocation.inputs import Inputs


@dataclass(frozen=True)
class Problem:
    """Maximise gain · x where rows · x ≤ bound, x ≥ 0 and the x of each group sum to 1.

    Columns are sorted by group; the first are the cells' levels: `cell`, `subsidy` (yuan a unit), `units`.
    `step` is the price step that a column is an end of, or -1. Rows and bound are divided by `scale`;
    `limits` has a line a row: limit, unit, kind, key. `per_unit` and `per_yuan` are what a unit and a yuan of each
    cell weigh in each row. `owner` is each group's model, `row_owner` each row's (-1: a limit that models share).
    """

    gain: np.ndarray
    rows: sparse.csr_array
    bound: np.ndarray
    scale: np.ndarray
    group: np.ndarray
    step: np.ndarray
    cell: np.ndarray
    subsidy: np.ndarray
    units: np.ndarray
    limits: pd.DataFrame
    per_unit: sparse.csr_array
    per_yuan: sparse.csr_array
    owner: np.ndarray
    row_owner: np.ndarray

    @property
    def named(self) -> np.ndarray:
        """The rows that are limits of the plan; the others tie a model's price step to its units."""
        return np.flatnonzero((self.limits["kind"] != "link").to_numpy())

    def elastic(self, hard: Sequence[int], soft: Sequence[int]) -> Problem:
        """The same choices under some of the limits only; the soft ones may give, and give least in all."""
        links = np.setdiff1d(np.arange(len(self.bound)), self.named)
        kept = np.array([*soft, *hard, *links], dtype=int)
        rows, n = self.rows[kept], len(soft)
        most = abs(rows[:n]).sum(axis=1) + abs(self.bound[kept[:n]])
        slack = sparse.csr_array((-most, (np.arange(n), 2 * np.arange(n) + 1)), shape=(len(kept), 2 * n))
        return replace(
            self,
            gain=np.r_[np.zeros(len(self.gain)), np.c_[np.zeros(n), -most].ravel()],
            rows=sparse.hstack([rows, slack], format="csr"),
            bound=self.bound[kept],
            scale=self.scale[kept],
            group=np.r_[self.group, self.group[-1] + 1 + np.arange(2 * n) // 2],
            step=np.r_[self.step, np.full(2 * n, -1)],
            limits=self.limits.iloc[kept].reset_index(drop=True),
            owner=np.r_[self.owner, self.row_owner[kept[:n]].clip(0)],
            row_owner=self.row_owner[kept],
        )


def build(inputs: Inputs, *, strict: bool = True) -> Problem:
    """The problem of these inputs.

    Args:
        inputs: what `checked` returns; at least one cell.
        strict: levels above the cap a unit are left out (a cell whose response is unknown keeps its one
            level); otherwise they stay and the cap is a row, so that it can be asked what it would have to give.
    """
    cells, of_model = inputs.cells, inputs.of.of_model
    cap = cells["model"].map(inputs.caps["cap_per_unit"]).to_numpy(dtype=float)
    price = cells["list_price"].to_numpy()
    cell, subsidy = _levels(inputs, cap, strict)
    units = demand(cells.iloc[cell], subsidy)
    # limit, unit, kind, key, bound, its cells, weight of a unit, weight of a yuan
    everywhere = np.arange(len(cells))
    limits: list[tuple[object, ...]] = [("budget", "yuan", "budget", "", inputs.budget, everywhere, 0.0, 1.0)]
    # row, what the budget pays, what the row gets, price step, the first of its group
    choices: list[tuple[float, ...]] = []
    if inputs.mix_floor:
        weight = inputs.mix_floor[1] - cells["device_class"].isin(inputs.mix_floor[0]).to_numpy()
        limits.append(("mix floor", "units", "mix floor", "", 0.0, everywhere, weight, 0.0))
    for model, row in inputs.caps[inputs.caps["lifecycle_cap"].notna()].iterrows():
        rate, at = row["lifecycle_cap"], of_model[model]
        left = rate * row["past_base"] - row["past_subsidy"]
        limits.append((f"lifecycle cap of {model}", "yuan", "lifecycle", model, left, at, -rate * price[at], 1.0))
    for row in inputs.commitments.itertuples():
        at = cells_of(row, cells, of_model)
        if row.penalty_per_unit >= 0 and row.committed_units > 0:
            penalty = row.penalty_per_unit * row.committed_units
            choices += [(len(limits), 0.0, 0.0, -1, 1), (len(limits), penalty, -row.committed_units, -1, 0)]
        limits.append((commitment(row), "units", "commitment", row.Index, -row.committed_units, at, -1.0, 0.0))
    most = pd.Series(units).groupby(cell).max().groupby(cells["model"].to_numpy()).sum()
    sold = [model for model in inputs.prices["model"].unique() if most[model] > 0]  # a model that nobody buys reaches no step
    for model, steps in inputs.prices[inputs.prices["model"].isin(sold)].groupby("model", sort=False):
        choices.append((len(limits), 0.0, 0.0, -1, 1))
        rebates, starts = steps["supply_price"].iloc[0] - steps["supply_price"], steps["from_units"]
        ends = starts.shift(-1).fillna(np.inf).clip(upper=most[model])
        for number, start, end, rebate in list(zip(steps.index, starts, ends, rebates, strict=True))[1:]:
            choices += [(len(limits), -rebate * q, q, number, 0) for q in (start, end) if start <= end]
        limits.append((f"price step of {model}", "units", "link", model, 0.0, of_model[model], -1.0, 0.0))
    over = np.maximum(np.nan_to_num(subsidy - cap[cell]), 0.0) * units
    barred = cells["model"].iloc[cell[over > 0]].unique()
    limits += [(f"cap per unit of {model}", "yuan", "cap", model, 0.0, of_model[model][:0], 0.0, 0.0) for model in barred]
    return _assembled(inputs, limits, np.array(choices, dtype=float).reshape(-1, 5), cell, subsidy, units, over)


def commitment(row: Any) -> str:
    """A commitment's name."""
    return f"commitment of {row.model}" + (f", {row.branch}" if isinstance(row.branch, str) else "")


def cells_of(row: Any, cells: pd.DataFrame, of_model: Mapping[str, np.ndarray]) -> np.ndarray:
    """The positions of the cells that count towards a commitment: its model's, of its branch where it names one."""
    at = of_model[row.model]
    return at[(cells["branch"].to_numpy()[at] == row.branch)] if isinstance(row.branch, str) else at


def _levels(inputs: Inputs, cap: np.ndarray, strict: bool) -> tuple[np.ndarray, np.ndarray]:
    """Cell and subsidy (yuan a unit) of each level: the grid's, today's and the cap itself, each once, rising."""
    cells = inputs.cells
    now, fixed = np.rint(inputs.of.subsidy * FEN)[:, None], cells["beta"].isna().to_numpy()[:, None]
    price = cells["list_price"].to_numpy()[:, None]
    least = np.ceil(price * cells[["rate_min"]].to_numpy() * FEN - 1e-6)
    least = np.fmin(least, np.floor(cap[:, None] * FEN + 1e-6))  # a cap is a rule, how far a rate moves a choice
    most = np.floor(price * cells[["rate_max"]].to_numpy() * FEN + 1e-6)
    grid = np.rint(price * inputs.rates * FEN).clip(least, most)
    at_cap = np.floor(cap[:, None] * FEN + 1e-6)
    at_cap = np.where((at_cap >= least) & (at_cap <= grid.max(axis=1, keepdims=True)), at_cap, now)
    fen = np.sort(np.where(fixed, now, np.hstack([grid, now, at_cap])), axis=1)
    kept = np.diff(fen, axis=1, prepend=-1.0) > 0
    if strict:
        kept &= fixed | ~(fen > cap[:, None] * FEN + 1e-6)
    return np.nonzero(kept)[0], fen[kept] / FEN


def _assembled(
    inputs: Inputs, limits: list[Any], choices: np.ndarray, cell: np.ndarray, subsidy: np.ndarray, units: np.ndarray,
    over: np.ndarray,
) -> Problem:  # fmt: skip
    """The limits' and the choices' numbers as one sparse table."""
    n, m, cells = len(cell), len(limits), inputs.cells
    row = np.repeat(np.arange(m), [len(limit[5]) for limit in limits])
    at = np.concatenate([limit[5] for limit in limits])
    weights = [np.concatenate([np.broadcast_to(limit[k], len(limit[5])) for limit in limits]) for k in (6, 7)]
    per_unit, per_yuan = (sparse.csr_array((weight, (row, at)), shape=(m, len(cells))) for weight in weights)
    rows = per_unit[:, cell].multiply(units[None, :]) + per_yuan[:, cell].multiply((subsidy * units)[None, :])
    names = pd.DataFrame([limit[:4] for limit in limits], columns=["limit", "unit", "kind", "key"])
    if over.any():
        of_cap = pd.Series(np.flatnonzero(names["kind"] == "cap"), index=names.loc[names["kind"] == "cap", "key"])
        hit = np.flatnonzero(over)
        rows += sparse.csr_array((over[hit], (of_cap[cells["model"].iloc[cell[hit]]].to_numpy(), hit)), shape=(m, n))
    of_row, money, amount, step, first = choices.T
    own = ("lifecycle", "commitment", "link")
    row_owner = np.array([inputs.of.model[limit[5][0]] if limit[2] in own else -1 for limit in limits])
    column = np.arange(len(choices))
    extra = sparse.csr_array((amount, (of_row.astype(int), column)), shape=(m, len(choices)))
    extra += sparse.csr_array((money, (np.zeros(len(choices), dtype=int), column)), shape=(m, len(choices)))
    rows = sparse.hstack([rows, extra], format="csr")
    scale = abs(rows).max(axis=1).toarray().ravel()
    scale[scale == 0] = 1.0
    gain = cells["value"].to_numpy()[cell] * units - (subsidy * units if inputs.objective == "npv" else 0.0)
    return Problem(
        gain=np.r_[gain, -money if inputs.objective == "npv" else 0.0 * money],
        rows=sparse.csr_array(sparse.diags_array(1 / scale) @ rows),
        bound=np.array([limit[4] for limit in limits]) / scale,
        group=np.r_[cell, len(cells) - 1 + np.cumsum(first)].astype(int),
        step=np.r_[np.full(n, -1), step].astype(int),
        owner=np.r_[inputs.of.model, row_owner[of_row.astype(int)][first == 1]],
        scale=scale, cell=cell, subsidy=subsidy, units=units, limits=names, per_unit=per_unit, per_yuan=per_yuan,
        row_owner=row_owner,
    )  # fmt: skip

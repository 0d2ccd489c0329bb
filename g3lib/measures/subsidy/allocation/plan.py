"""Next month's subsidy budget over model × channel × contract: the plan, its proof, its limits and their prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.findings import Verdict
from g3lib.measures.subsidy.allocation.audit import BILLIONTHS, audited
from g3lib.measures.subsidy.allocation.cells import KEY
from g3lib.measures.subsidy.allocation.explain import conflicts
from g3lib.measures.subsidy.allocation.inputs import Inputs, checked
from g3lib.measures.subsidy.allocation.problem import Problem, build
from g3lib.measures.subsidy.allocation.solve import FEW, Solution, relaxed, solved

# how far within its limits a plan is looked for, so that rounding to what is printed cannot break one;
# the last is for limits that leave no room at all
MARGINS = (1e-7, 1e-5, 0.0)
STEP = 10_000.0
PLAN = ["rate_today", "units_today", "spend_today", "rate", "subsidy", "units", "spend", "rate_change", "gain_today",
        "gain_planned", "reason"]  # fmt: skip
PRICES = ["limit", "unit", "per_unit", "step", "predicted", "bought", "verdict"]
CONFLICTS = ["conflict", "limit", "unit", "bound", "gives"]


@dataclass(frozen=True)
class Allocation:
    """A plan and what it rests on; see `allocate` for the frames' columns.

    status: `optimal` (gap within the tolerance), `feasible` (a plan, the gap is larger), `infeasible` (no
    plan; `conflicts` says why). budget: what may be spent, yuan. objective and bound: net adds (or yuan of NPV) of the
    plan, and what no plan at the levels tried exceeds; gap = (bound − objective) / |objective|. spend = subsidy +
    penalty − rebate, yuan. today_*: the same of today's rates, whether or not they keep to the limits.
    """

    status: str
    budget: float
    objective: float
    bound: float
    gap: float
    subsidy: float
    penalty: float
    rebate: float
    spend: float
    today_objective: float
    today_spend: float
    plan: pd.DataFrame
    offers: pd.DataFrame
    limits: pd.DataFrame
    shadow_prices: pd.DataFrame
    conflicts: pd.DataFrame


def allocate(
    cells: pd.DataFrame,
    budget: float | None,
    caps: pd.DataFrame | None = None,
    mix_floor: tuple[Sequence[str], float] | None = None,
    commitments: pd.DataFrame | None = None,
    vendor_prices: pd.DataFrame | None = None,
    *,
    levels: int | Sequence[float] = 19,
    rate_max: float = 0.9,
    objective: str = "net_adds",
    tolerance: float = 5e-4,
    nodes: int = 5_000,
    checks: int = 3,
) -> Allocation:
    """The subsidy rate of each cell that gains most within the budget and every other limit.

    Args:
        cells: model, channel, contract, branch (optional), device_class (only for a mix floor), list_price
            (yuan), units (expected next month at today's rate), rate (today's, fraction of list), beta (log
            units per unit of rate; NaN: response unknown, the cell stays at today's rate; zero or below: a
            subsidy buys nothing, so none is proposed unless a limit asks for it), value (default 1: net adds
            a unit; with objective `npv` the NPV a unit in yuan before this month's subsidy), rate_min and rate_max
            (optional: how far this cell's rate may move).
        budget: yuan; pays subsidy and penalties, receives rebates; None: what today's rates would spend of the three.
        caps: model, cap_per_unit (yuan, holds for every unit sold, NaN: none), lifecycle_cap (fraction; with
            past_subsidy and past_base, yuan of list: past and planned subsidy ≤ cap × past and planned base).
            Models without cells are left aside.
        mix_floor: device classes and their least share of all units.
        commitments: model, branch (optional), committed_units, penalty_per_unit (yuan a unit short; NaN: must be
            met), direction (optional): `province_to_vendor` binds the plan, `vendor_to_province` is the vendor's and does not.
        vendor_prices: model, from_units, supply_price: all units at the price of the step reached; the rebate
            is (first step's price − price reached) × units, over all cells of the model.
        levels: the rates tried in each cell, or how many from 0 to rate_max; 0, today's and the cap itself are
            always among them.
        rate_max: no rate above it, but today's.
        objective: `net_adds` (Σ value × units) or `npv` (Σ value × units − spend).
        tolerance: relative gap that counts as optimal; only price steps leave one.
        nodes: how far branch and bound over price steps may go.
        checks: how many shadow prices are checked by solving again; the budget's goes first.

    Returns:
        An `Allocation`. plan, index and order as the cells: KEY columns, rate_today, units_today, spend_today,
        rate (spend ÷ list price of the units), subsidy (yuan a unit), units, spend, rate_change, gain_today, gain_planned,
        reason (`response_unknown`, `response_not_positive` or empty). offers: the levels that make up a cell's rate, share
        of its month each. limits: limit, unit, sense, used, bound, slack, binding, verdict, today_used, today_slack.
        shadow_prices: limit, unit, per_unit (what one more unit of the limit gains, price steps as they are), step, predicted,
        bought (by solving again with so much more; NaN: not checked), verdict (`warning`: the price does not
        last over the step). conflicts: conflict, limit, unit, bound, gives.

    Raises:
        UsageError, DataError: a setting or a frame is wrong; every fault is listed.
        DataError: the plan failed its own audit; it is not returned.

    Two cells, beta 2 and 0, and money for one of them: it goes where it buys something.

    >>> cells = pd.DataFrame({"model": ["a", "b"], "channel": "own", "contract": "plan", "list_price": 1000.0,
    ...                       "units": 100.0, "rate": 0.5, "beta": [2.0, 0.0]})
    >>> plan = allocate(cells, budget=50_000, levels=[0.5])
    >>> plan.plan[["rate", "units", "spend"]].round(2).values.tolist(), plan.status
    ([[0.5, 100.0, 50000.0], [0.0, 100.0, 0.0]], 'optimal')
    >>> allocate(cells, budget=0).plan["units"].round(2).tolist()
    [36.79, 100.0]
    >>> must = pd.DataFrame({"model": ["a"], "committed_units": [100.0]})
    >>> allocate(cells, budget=40_000, levels=[0.5], commitments=must).conflicts[["limit", "gives"]].round(1).values.tolist()
    [['budget', 10000.0], ['commitment of a', 12.6]]
    """
    money = 0.0 if budget is None else budget
    inputs = checked(cells, money, caps, mix_floor, commitments, vendor_prices, levels, rate_max, objective)
    now = today_as_offers(inputs)
    before, parts = audited(inputs, now)
    if budget is None:
        inputs = replace(inputs, budget=math.ceil(100 * max(parts["spend"], 0.0)) / 100)
        before, parts = audited(inputs, now)
    today_gain, today_spend = _gain(inputs, now, parts), parts["spend"]
    offers, table, gain, bound = now, before, today_gain, 0.0
    reasons, prices = pd.DataFrame(columns=CONFLICTS), pd.DataFrame(columns=PRICES)
    if len(cells):
        problem = build(inputs)
        best = _searched(inputs, problem, tolerance, nodes)
        if best is None:
            reasons = conflicts(inputs, nodes)
            if reasons.empty:
                raise DataError(f"no plan was found in {nodes} nodes of search, and no conflict either; give it more nodes")
            unknown = {"used": np.nan, "bound": np.nan, "slack": np.nan, "binding": False, "verdict": str(Verdict.NONE)}
            offers, table = now.iloc[:0], before.assign(**unknown)
            parts, gain, bound = dict.fromkeys(parts, np.nan), np.nan, np.nan
        else:
            offers, table, parts, gain, bound = best.offers, best.table, best.money, best.gain, best.bound
            prices = _prices(inputs, problem, best, checks)
    gap = np.nan if len(reasons) else 0.0 if bound <= gain else (bound - gain) / abs(gain) if gain else np.inf
    status = "infeasible" if len(reasons) else "optimal" if gap <= tolerance else "feasible"
    limits = table.assign(today_used=before["used"], today_slack=before["slack"])
    return Allocation(
        status=status, budget=inputs.budget, objective=gain, bound=bound, gap=gap, **parts, today_objective=today_gain,
        today_spend=today_spend, plan=_plan(inputs, offers, cells.index), offers=offers, limits=limits,
        shadow_prices=prices, conflicts=reasons,
    )  # fmt: skip


@dataclass(frozen=True)
class _Found:
    """A plan that passed its audit, and the bounds it was looked for within."""

    within: np.ndarray
    solution: Solution
    offers: pd.DataFrame
    table: pd.DataFrame
    money: dict[str, float]
    gain: float
    bound: float


def _searched(inputs: Inputs, problem: Problem, tolerance: float, nodes: int) -> _Found | None:
    """The best plan that passes its audit; None where none is feasible."""
    best: _Found | None = None
    broken: list[str] = []
    for margin in MARGINS:
        within = problem.bound - margin
        solution = solved(problem, within, tolerance, nodes)
        if solution is None:
            continue
        offers = _offers(problem, solution)
        table, money = audited(inputs, offers)
        failed = table.loc[table["verdict"] == Verdict.FAIL, "limit"].tolist()
        broken += failed
        if failed:
            continue
        gain = _gain(inputs, offers, money)
        bound = max(gain, solution.bound)
        if best is None or gain > best.gain:
            best = _Found(within, solution, offers, table, money, gain, bound)
        # a step that can only just be reached needs the last margin; on a large problem that is not worth a second search
        if bound - gain <= tolerance * abs(gain) or len(problem.gain) > FEW:
            break
    if best is None and broken:
        raise DataError(listed(sorted(set(broken)), "the plan found breaks these limits and is not returned:"))
    return best


def today_as_offers(inputs: Inputs) -> pd.DataFrame:
    """Today's rates as offers."""
    of = inputs.of
    return pd.DataFrame({"cell": np.arange(len(of.table)), "subsidy": of.subsidy, "share": 1.0, "level_units": of.units})


def _offers(problem: Problem, found: Solution) -> pd.DataFrame:
    """The levels used, shares to the billionth; what rounding leaves goes to the cheapest, so it never costs more."""
    n = len(problem.cell)
    share = np.rint(found.x[:n] * BILLIONTHS).clip(0)
    # levels of a cell rise in price, so its first with a share is the cheapest
    used = np.flatnonzero(share > 0)
    _, first = np.unique(problem.cell[used], return_index=True)
    share[used[first]] += BILLIONTHS - np.bincount(problem.cell, share)
    used = used[share[used] > 0]
    chosen = {"cell": problem.cell, "subsidy": problem.subsidy, "share": share / BILLIONTHS, "level_units": problem.units}
    return pd.DataFrame({name: values[used] for name, values in chosen.items()})


def _gain(inputs: Inputs, offers: pd.DataFrame, money: dict[str, float]) -> float:
    units = np.bincount(offers["cell"], offers["share"] * offers["level_units"], len(inputs.cells))
    return objective_of(inputs, units, money["spend"])


def objective_of(inputs: Inputs, units: np.ndarray, spend: float) -> float:
    """Net adds, or yuan of NPV, of so many units a cell."""
    return float((inputs.cells["value"].to_numpy() * units).sum() - (spend if inputs.objective == "npv" else 0.0))


def _plan(inputs: Inputs, offers: pd.DataFrame, index: pd.Index) -> pd.DataFrame:
    """The plan of these offers; where there are none, today's side alone."""
    if offers.empty:
        nothing = np.full(len(inputs.cells), np.nan)
        return plan_table(inputs, nothing, nothing, nothing).set_axis(index)
    sold = offers["share"] * offers["level_units"]
    parts = (sold, sold * offers["subsidy"], offers["share"] * offers["subsidy"])
    return plan_table(inputs, *(np.bincount(offers["cell"], part, len(inputs.cells)) for part in parts)).set_axis(index)


def plan_table(inputs: Inputs, units: np.ndarray, spend: np.ndarray, offered: np.ndarray) -> pd.DataFrame:
    """One row a cell, in the order that the cells were given in: today beside what is planned.

    Args:
        inputs: what was asked; units, spend (yuan): of each of its cells, NaN where there is no plan.
        offered: the mean subsidy (yuan a unit) that a cell offers: what one that sells nothing has for an average over its units.
    """
    of = inputs.of
    price, value, now = of.table["list_price"].to_numpy(), of.table["value"].to_numpy(), of.subsidy
    with np.errstate(divide="ignore", invalid="ignore"):
        subsidy = np.where(units > 0, spend / units, offered)
    npv = inputs.objective == "npv"
    planned = pd.DataFrame(
        {
            "rate": subsidy / price, "subsidy": subsidy, "units": units, "spend": spend, "rate_change": (subsidy - now) / price,
            "gain_today": value * of.units - (now * of.units if npv else 0.0),
            "gain_planned": value * units - (spend if npv else 0.0),
        },
        copy=False,
    )  # fmt: skip
    return pd.concat([of.plan_today, of.as_given(planned)], axis=1)[KEY + PLAN]


def _prices(inputs: Inputs, problem: Problem, best: _Found, checks: int) -> pd.DataFrame:
    """What one more of each limit gains, dearest over its step first, the budget before all."""
    found = best.solution
    per_unit, named = found.duals / problem.scale, problem.named
    moved = abs(problem.rows) @ found.x * problem.scale
    part = np.where(problem.limits["kind"] == "mix floor", 0.001, 0.01)
    step = np.minimum(np.where(problem.limits["unit"] == "yuan", STEP, np.inf), part * moved)
    step = np.where(step > 0, step, STEP)
    lines = [(problem.limits["limit"][row], problem.limits["unit"][row], per_unit[row], step[row], row) for row in named]
    # a cap a unit is not a row: what its cells gain from a yuan more, at the other limits' prices
    cells, at = inputs.cells, problem.cell
    cap = cells["model"].map(inputs.caps["cap_per_unit"]).to_numpy(dtype=float)
    npv = inputs.objective == "npv"
    worth_unit = cells["value"].to_numpy() - (problem.per_unit.T @ per_unit)
    worth_yuan = -(problem.per_yuan.T @ per_unit) - float(npv)
    more = problem.units * (cells["beta"] / cells["list_price"]).fillna(0).to_numpy()[at]
    slope = worth_unit[at] * more + worth_yuan[at] * (problem.units + problem.subsidy * more)
    top = (problem.subsidy + 0.01 > cap[at]) & cells["beta"].notna().to_numpy()[at]
    room = problem.subsidy < inputs.rates.max(initial=0.0) * cells["list_price"].to_numpy()[at] - 0.01
    gains = np.where(top & room, slope * found.x[: len(at)], 0.0).clip(0)
    of_model = pd.Series(gains).groupby(cells["model"].to_numpy()[at], sort=True).sum()
    lines += [(f"cap per unit of {model}", "yuan a unit", gain, 1.0, -1) for model, gain in of_model[of_model > 0].items()]
    table = pd.DataFrame(lines, columns=["limit", "unit", "per_unit", "step", "row"])
    table["predicted"] = table["per_unit"] * table["step"]
    table["first"] = (table["limit"] != "budget").astype(int)
    table = table[(table["per_unit"] > 0) | (table["first"] == 0)]
    table = table.sort_values(["first", "predicted", "limit"], ascending=[True, False, True], ignore_index=True)
    table["bought"] = np.nan
    for position, line in table[table["row"] >= 0].head(checks).iterrows():
        more_bound = best.within.copy()
        more_bound[line["row"]] += line["step"] / problem.scale[line["row"]]
        table.loc[position, "bought"] = relaxed(problem, more_bound, found.allowed, found.duals).value - found.value
    off = (table["bought"] - table["predicted"]).abs() > 0.05 * table["predicted"] + 1e-7 * abs(found.value)
    table["verdict"] = np.select([table["bought"].isna(), off], [str(Verdict.NONE), str(Verdict.WARNING)], str(Verdict.PASS))
    return table[PRICES]

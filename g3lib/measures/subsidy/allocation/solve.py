"""The best plan and the proof of how good it is.

Without price steps the bound does not rest on the solver's word. Whatever prices π ≥ 0 the limits are given, no plan gains more
than Σ over groups of the best (gain − π · rows) + π · bound; the solver only proposes the π. Columns are brought in
when they pay at the prices so far, until none does, so most levels never reach the solver. Price
steps are first read off the relaxed plan (its bound holds for any steps); only where that leaves a gap is
branch and bound asked, and its bound taken as it says. All of it is among the levels tried.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from g3lib.errors import G3Error
from g3lib.measures.subsidy.allocation.problem import Problem

# of plans that gain the same the cheaper: what a yuan costs, as a part of the mean gain of a yuan
THRIFT = 1e-6
INFEASIBLE = 2
# columns up to which branch and bound is asked; times that a plan's prices are used to choose steps again
FEW = 20_000
ROUNDS = 4
# a limit that cannot be kept is bought at any price: this one, in gains of the best column
DEAREST = 1e4
OPTIONS = {"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9}


@dataclass(frozen=True)
class Solution:
    """Shares x, prices of the limits (per scaled row), the gain, an upper bound on any plan's gain, the columns
    allowed, the rows that cannot be kept (none where the plan is feasible)."""

    x: np.ndarray
    duals: np.ndarray
    value: float
    bound: float
    allowed: np.ndarray
    short: np.ndarray


def with_duals(
    gain: np.ndarray, rows: object, bound: np.ndarray, groups: object = None, ones: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Maximise gain · x, rows · x ≤ bound, groups · x = ones, x ≥ 0.

    Returns:
        x, the dual of each row (≥ 0: what one more of its bound gains), the dual of each group; None where infeasible.
    """
    for method in ("highs-ipm", "highs-ds"):
        done = linprog(-gain, A_ub=rows, b_ub=bound, A_eq=groups, b_eq=ones, bounds=(0, None), method=method, options=OPTIONS)
        if done.status == 0:
            return done.x, np.maximum(-done.ineqlin.marginals, 0.0), -done.eqlin.marginals
    if done.status == INFEASIBLE:
        return None
    raise G3Error(f"the solver gave up: {done.message}")


def upper_bound(problem: Problem, duals: np.ndarray, allowed: np.ndarray | None = None) -> float:
    """No plan of these columns gains more, whatever the (non-negative) prices are."""
    pays = problem.gain - problem.rows.T @ duals
    if allowed is not None:
        pays = np.where(allowed, pays, -np.inf)
    return float(np.maximum.reduceat(pays, _starts(problem.group)).sum() + duals @ problem.bound)


def relaxed(problem: Problem, bound: np.ndarray, allowed: np.ndarray, near: np.ndarray | None = None) -> Solution:
    """The best shares of the columns allowed; price steps may be mixed.

    Args:
        problem: what to solve.
        bound: its bounds, or others to solve it under.
        allowed: the columns that may be used.
        near: prices of the limits to begin from (per scaled row).
    """
    group, starts = problem.group, _starts(problem.group)
    spend = np.zeros(len(group))
    spend[: len(problem.cell)] = problem.subsidy * problem.units
    scale = abs(problem.gain).max() or 1.0
    thrift = THRIFT * abs(problem.gain[: len(problem.cell)]).sum() / scale / (spend.sum() or 1.0)
    gain = np.where(allowed, problem.gain / scale - thrift * spend, -np.inf)
    across = sparse.csr_array(problem.rows.T)
    prices = _guess(problem, gain, across, bound) if near is None else near / scale
    # the prices of a few columns alone run wild: they are held near the last good ones, by columns that
    # buy or sell a limit there, and let go where those are used
    low, high = 0.9 * prices, 1.1 * prices + 1e-4
    members = sparse.csr_array((np.ones(len(group)), (group, np.arange(len(group)))))
    trade = sparse.csr_array((len(starts), 2 * len(bound)))
    buy_sell = sparse.hstack([-sparse.eye_array(len(bound)), sparse.eye_array(len(bound))])
    pays = gain - across @ prices
    loss = np.maximum.reduceat(pays, starts)[group] - pays
    few = np.partition(loss, min(len(loss), len(starts) * 6 // 5) - 1)[min(len(loss), len(starts) * 6 // 5) - 1]
    used = loss <= max(few, 1e-9)
    used |= np.arange(len(group)) >= len(problem.cell)
    used &= allowed
    while True:
        kept, n = np.flatnonzero(used), used.sum()
        found = with_duals(
            np.r_[gain[used], -high, low],
            sparse.hstack([problem.rows[:, kept], buy_sell], format="csr"),
            bound,
            sparse.hstack([members[:, kept], trade], format="csr"),
            np.ones(len(starts)),
        )
        if found is None:
            raise G3Error("the solver found no plan although every limit may be bought")
        shares, prices, of_group = found
        pays = gain - across @ prices
        best = np.maximum.reduceat(pays, starts)
        bought, sold = shares[n:].reshape(2, -1) > 1e-9
        if best.sum() - of_group.sum() <= 1e-8 * abs(best.sum()) and not (bought | sold).any():
            break
        if (high[bought] > DEAREST).any():
            break
        used |= (pays > of_group[group] + 1e-9) & (pays >= best[group] - 1e-12)
        high[bought] *= 100
        low[sold] = 0.0
    x = np.zeros(len(group))
    x[kept] = shares[:n]
    return Solution(x, prices * scale, float(problem.gain @ x), upper_bound(problem, prices * scale, allowed), allowed,
                    np.flatnonzero(shares[n : n + len(bound)] > 1e-9))


def solved(problem: Problem, bound: np.ndarray, tolerance: float, nodes: int) -> Solution | None:
    """The best plan with every price step either reached or not. None where there is none.

    Args:
        problem: what to solve; the bound on the gain is proven for `problem.bound`.
        bound: the bounds that the plan is to keep to, at most those of the problem.
        tolerance: relative gap at which the search may stop.
        nodes: how many nodes branch and bound may look at (a count, not a time: the same input gives the same plan).
    """
    first = relaxed(problem, bound, np.ones(len(problem.group), dtype=bool))
    if len(first.short) or (problem.step < 0).all():
        return None if len(first.short) else first
    number, best, limit, prices = _step_number(problem), None, first.bound, first.duals
    for _ in range(ROUNDS):
        chosen, proven = _by_model(problem, prices, number)
        limit = min(limit, proven)
        found = relaxed(problem, bound, chosen, first.duals)
        if len(found.short):
            # models that cannot reach their step (their own caps, or the money) go without
            unable = np.isin(problem.owner, problem.row_owner[found.short])[problem.group]
            chosen = np.where(unable, number <= 0, chosen)
            found = relaxed(problem, bound, chosen, found.duals.clip(max=first.duals.max()))
        best, prices = _better(best, found), found.duals if not len(found.short) else prices * 1.1
        if best and limit - best.value <= tolerance * abs(best.value):
            break
    if len(problem.gain) <= FEW and (best is None or limit - best.value > tolerance * abs(best.value)):
        branched = _branch(problem, number, tolerance, nodes)
        if branched is not None:
            limit = min(limit, branched[1])
            best = _better(best, relaxed(problem, bound, branched[0], first.duals))
    if best is None:
        best = _better(None, relaxed(problem, bound, number <= 0, first.duals))
    return best and replace(best, bound=max(limit, best.value))


def _better(one: Solution | None, other: Solution) -> Solution | None:
    return one if len(other.short) or (one is not None and one.value >= other.value) else other


def _step_number(problem: Problem) -> np.ndarray:
    """Of each column that is an end of a price step, which step of its model it is (1 the first that is cheaper); 0 for the
    column of no step reached; -1 for columns that have nothing to do with steps."""
    stepped = np.isin(problem.group, problem.group[problem.step >= 0])
    base = pd.Series(problem.step).where(problem.step >= 0).groupby(problem.group).transform("min").to_numpy()
    return np.where(problem.step >= 0, problem.step - np.nan_to_num(base) + 1, np.where(stepped, 0, -1)).astype(int)


def _by_model(problem: Problem, prices: np.ndarray, number: np.ndarray) -> tuple[np.ndarray, float]:
    """At the prices of the limits that models share, each model's best step, and a bound on any plan's gain.

    With those limits priced, models have nothing to do with each other; a model's worth at a step is bounded by
    the same argument as the whole, with prices of its own limits; the best step's is its bound.
    """
    starts, scale = _starts(problem.group), abs(problem.gain).max() or 1.0
    across, shared = sparse.csr_array(problem.rows.T), problem.row_owner < 0
    models, own = problem.owner.max() + 1, problem.row_owner[problem.row_owner >= 0]
    common = np.where(shared, prices / scale, 0.0)
    worth = []
    for step in range(number.max() + 1):
        allowed = (number < 0) | (number == step)
        # a model with fewer steps: what it has no step for is not offered, its column of no step stands in
        lacking = ~np.isin(problem.group, problem.group[allowed])
        allowed |= lacking & (number == 0)
        gain = np.where(allowed, problem.gain / scale, -np.inf)
        local = _guess(problem, gain, across, problem.bound, common)
        pays = np.maximum.reduceat(gain - across @ local, starts)
        worth.append(np.bincount(problem.owner, pays, models) + np.bincount(own, (local * problem.bound)[~shared], models))
    best = np.argmax(worth, axis=0)[problem.owner[problem.group]]
    chosen = (number < 0) | (number == best)
    chosen |= ~np.isin(problem.group, problem.group[chosen]) & (number == 0)
    return chosen, scale * float(np.max(worth, axis=0).sum() + common @ problem.bound)


def _branch(problem: Problem, number: np.ndarray, tolerance: float, nodes: int) -> tuple[np.ndarray, float] | None:
    """Branch and bound over the steps: the columns that its plan allows, and its bound; None where infeasible or out of nodes.

    It keeps to the problem's own bounds, so that its bound holds whatever margin the plan is looked for within."""
    stepped = np.flatnonzero(number >= 0)
    _, integer = np.unique(np.c_[problem.group[stepped], number[stepped]], axis=0, return_inverse=True)
    n, m, scale = len(number), integer.max() + 1, abs(problem.gain).max() or 1.0
    members = sparse.csr_array((np.ones(n), (problem.group, np.arange(n))))
    whole = sparse.csr_array((np.ones(len(integer)), (integer, stepped)), shape=(m, n))
    done = milp(
        np.r_[-problem.gain / scale, np.zeros(m)],
        constraints=[
            LinearConstraint(sparse.hstack([problem.rows, sparse.csr_array((len(problem.bound), m))]), ub=problem.bound),
            LinearConstraint(sparse.hstack([members, sparse.csr_array((members.shape[0], m))]), 1, 1),
            LinearConstraint(sparse.hstack([whole, -sparse.eye_array(m)]), 0, 0),
        ],
        integrality=np.r_[np.zeros(n), np.ones(m)],
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": tolerance / 2, "node_limit": nodes},
    )
    if done.x is None:
        return None
    allowed = number < 0
    allowed[stepped] = done.x[n:][integer] > 0.5
    return allowed, -done.mip_dual_bound * scale


def _guess(
    problem: Problem, gain: np.ndarray, across: sparse.csr_array, bound: np.ndarray, common: np.ndarray | None = None
) -> np.ndarray:
    """Prices near the best: those of one kind of limit after the other, halved into place all at once.

    Rows of a kind share no group (almost), so the price of each only has to make its own row fit. Where
    `common` prices are given, those of the limits that models share stay as they are.
    """
    starts, prices = _starts(problem.group), np.zeros(len(bound)) if common is None else common.copy()
    by_column = problem.rows.tocsc()
    for _ in range(3):
        for kind in problem.limits.loc[(problem.row_owner >= 0) | (common is None), "kind"].unique():
            rows = np.flatnonzero(problem.limits["kind"] == kind)
            low, high = np.full(len(rows), 1e-9), np.full(len(rows), 1e3)
            prices[rows] = 0.0
            for halving in range(20):
                pays = gain - across @ prices
                top = np.flatnonzero(pays == np.maximum.reduceat(pays, starts)[problem.group])
                chosen = top[np.searchsorted(problem.group[top], np.arange(len(starts)))]
                over = by_column[:, chosen].sum(axis=1)[rows] > bound[rows]
                if halving:
                    low, high = np.where(over, prices[rows], low), np.where(over, high, prices[rows])
                else:
                    high = np.where(over, high, low)
                prices[rows] = np.sqrt(low * high)
            prices[rows] = np.where(high < 1e-8, 0.0, high)
    return prices


def _starts(group: np.ndarray) -> np.ndarray:
    return np.flatnonzero(np.diff(group, prepend=-1))

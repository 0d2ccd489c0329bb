"""Rates that somebody chose, held against the limits that `allocate` keeps to: what they sell, cost and break.

An allocation proves itself in whole numbers (`audit`); a choice that is tried at every move of a slider is summed in
floats, a limit at a time. A test holds the two against each other, line by line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.findings import Verdict
from g3lib.measures.subsidy.allocation.audit import NEAR, paid_for
from g3lib.measures.subsidy.allocation.cells import FEN, MILLIONTHS, Cells
from g3lib.measures.subsidy.allocation.inputs import Inputs, checked
from g3lib.measures.subsidy.allocation.plan import objective_of, plan_table
from g3lib.measures.subsidy.allocation.problem import cells_of, commitment

MOVED = ("device_class", "contract", "channel", "branch", "model")
# a float sum of a million cells errs by less; what a limit is broken by, beyond a fen, is told
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Evaluation:
    """What chosen rates come to.

    plan: as `Allocation.plan`. limits: limit, unit, sense, used, bound, slack, binding, verdict, as `Allocation.limits`,
    and a line for the cells whose rate leaves rate_min to rate_max (a `warning`: the data cannot vouch for it).
    objective: net adds (or yuan of NPV); subsidy, penalty, rebate, spend = subsidy + penalty − rebate, yuan.
    """

    plan: pd.DataFrame
    limits: pd.DataFrame
    objective: float
    subsidy: float
    penalty: float
    rebate: float
    spend: float


def moved(cells: pd.DataFrame, moves: Mapping[str, Mapping[str, float]], rate_max: float = 0.9) -> pd.Series:
    """Today's rates moved by so much a class, a contract, a channel: the moves that concern a cell add up.

    Args:
        cells: as for `allocate`.
        moves: dimension (device_class, contract, channel, branch or model) → its code → the change of rate, a fraction:
            `{"device_class": {"handset": 0.02}, "channel": {"social": -0.01}}`.
        rate_max: no rate is raised above it; one that is higher today stays or falls. None falls below 0.

    Returns:
        The rates, index as the cells. A cell whose response is unknown (beta NaN) stays at today's, as in `allocate`.

    Raises:
        UsageError: lists every unknown dimension, every code that no cell has, every change that is no fraction from -1 to 1.

    >>> cells = pd.DataFrame({"device_class": ["handset", "handset", "netbook"], "channel": ["own", "web", "own"],
    ...                       "rate": [0.3, 0.89, 0.01], "beta": [2.0, 2.0, None]})
    >>> moved(cells, {"device_class": {"handset": 0.02, "netbook": 0.05}, "channel": {"own": -0.5}}).tolist()
    [0.0, 0.9, 0.01]
    """
    faults, total = [], np.zeros(len(cells))
    for dimension, changes in moves.items():
        if dimension not in MOVED or dimension not in cells or not isinstance(changes, Mapping):
            faults.append(f"{dimension!r}: {changes!r}; expected {', '.join(MOVED)}, each with its codes and their changes")
            continue
        known = set(cells[dimension].unique())
        for code, change in changes.items():
            if code not in known:
                faults.append(f"{dimension} has no {code!r}; it has {', '.join(sorted(map(str, known))[:12])}")
            elif isinstance(change, bool) or not isinstance(change, int | float) or not -1 <= change <= 1:
                faults.append(f"{dimension} {code}: {change!r} is no change of rate from -1 to 1, such as 0.02 for 2 points")
        if changes and not faults:
            codes, names = pd.factorize(cells[dimension])
            total += np.array([*(changes.get(name, 0.0) for name in names), 0.0])[codes]  # a missing code is the last
    if faults:
        raise UsageError(listed(faults, f"{len(faults)} fault(s) in the moves:"))
    highest = np.maximum(cells["rate"].to_numpy(), rate_max)
    rates = np.clip(cells["rate"].to_numpy() + np.where(cells["beta"].isna(), 0.0, total), 0.0, highest)
    return pd.Series(rates, index=cells.index)


def limited(
    cells: pd.DataFrame | Cells, budget: float | None, caps: pd.DataFrame | None = None,
    mix_floor: tuple[Sequence[str], float] | None = None, commitments: pd.DataFrame | None = None,
    vendor_prices: pd.DataFrame | None = None, *, rate_max: float = 0.9, objective: str = "net_adds",
) -> Inputs:  # fmt: skip
    """The limits to hold chosen rates against, checked once; the arguments are those of `allocate`.

    Another budget is `dataclasses.replace(inputs, budget=…)`; for other limits of the same cells give `checked_cells` of them.

    Raises:
        UsageError, DataError: see `allocate`.

    >>> cells = pd.DataFrame({"model": ["a"], "channel": "own", "contract": "plan", "list_price": 1000.0, "units": 10.0,
    ...                       "rate": 0.333333, "beta": 1.0})
    >>> limited(cells, None).budget  # today's subsidy is a whole number of fen
    3333.3
    """
    money = 0.0 if budget is None else budget
    inputs = checked(cells, money, caps, mix_floor, commitments, vendor_prices, 2, rate_max, objective)
    return inputs if budget is not None else replace(inputs, budget=spent_today(inputs))


def spent_today(inputs: Inputs) -> float:
    """What today's rates would spend, net of rebates, with penalties; to the fen above, so that they are within it."""
    of = inputs.of
    units, fen = ([int(one) for one in np.rint(part * scale)] for part, scale in ((of.units, MILLIONTHS), (of.subsidy, FEN)))
    spent = paid_for(inputs, units, [one * each for one, each in zip(units, fen, strict=True)], MILLIONTHS).spend
    return math.ceil(100 * max(float(spent), 0.0)) / 100


def evaluate(inputs: Inputs, rates: npt.ArrayLike) -> Evaluation:
    """What chosen rates sell, cost and break.

    Args:
        inputs: `limited`.
        rates: one a cell, in the order of the cells that `limited` was given; to the fen they are what is evaluated.

    Raises:
        UsageError: not one rate from 0 to 1 a cell.

    A commitment that may be bought off is missed by one unit, and costs its penalty:

    >>> cells = pd.DataFrame({"model": ["a"], "channel": "own", "contract": "plan", "list_price": 1000.0, "units": 10.0,
    ...                       "rate": 0.3, "beta": 1.0})
    >>> due = pd.DataFrame({"model": ["a"], "committed_units": 11.0, "penalty_per_unit": 50.0})
    >>> found = evaluate(limited(cells, 3_000, commitments=due), [0.3])
    >>> found.spend, found.limits[["limit", "slack", "verdict"]].values.tolist()[:2]
    (3050.0, [['budget', -50.0, 'fail'], ['commitment of a', -1.0, 'warning']])
    """
    cells, chosen, of = inputs.cells, np.asarray(rates, dtype=float), inputs.of
    if chosen.shape != (len(cells),) or not ((chosen >= 0) & (chosen <= 1)).all():
        raise UsageError(f"rates are {chosen.shape} for {len(cells)} cells; expected a fraction from 0 to 1 for each.")
    chosen = chosen if of.order is None else chosen[cells["row"].to_numpy()]
    price, model, names = cells["list_price"].to_numpy(), of.model, of.names
    subsidy = np.rint(chosen * price * FEN) / FEN
    units = of.sold(subsidy)
    spent, base, sold = (np.bincount(model, part, len(names)) for part in (subsidy * units, price * units, units))
    penalty, rebate = 0.0, _rebate(inputs, names, sold)
    lines = [*_caps(inputs, names, model, subsidy, spent, base), *_mix_floor(inputs, units)]
    for row in inputs.commitments.itertuples():
        got, soft = float(units[cells_of(row, cells, of.of_model)].sum()), row.penalty_per_unit >= 0
        penalty += row.penalty_per_unit * max(row.committed_units - got, 0.0) if soft else 0.0
        lines.append((commitment(row), "units", "≥", got, row.committed_units, not soft))
    money = {"subsidy": float(spent.sum()), "penalty": penalty, "rebate": rebate}
    money["spend"] = money["subsidy"] + penalty - rebate
    least, most = cells["rate_min"].to_numpy(), cells["rate_max"].to_numpy()
    outside = ((chosen < least - _ROUNDING) | (chosen > most + _ROUNDING)).sum()
    lines.append(("moves that the data can vouch for", "cells", "≤", float(outside), 0.0, False))
    limits = _held([("budget", "yuan", "≤", money["spend"], inputs.budget, True), *lines])
    return Evaluation(
        plan=plan_table(inputs, units, subsidy * units, subsidy),
        limits=limits,
        objective=objective_of(inputs, units, money["spend"]),
        **money,
    )


def tightest(limits: pd.DataFrame, kinds: Sequence[str] = ()) -> pd.DataFrame:
    """The limits in the order of what is left of them, as a part of the bound; those that are broken, or missed, before all.

    Args:
        limits: `Evaluation.limits`.
        kinds: what the limits that matter begin with (`budget`, `cap per unit`, …); empty: all. One that is not kept always does.

    >>> limits = pd.DataFrame({"limit": ["budget", "cap per unit of m", "mix floor"], "slack": [50.0, 1.0, -1.0],
    ...                        "bound": [100.0, 100.0, 0.0], "verdict": ["pass", "pass", "fail"]})
    >>> tightest(limits)["limit"].tolist(), tightest(limits, ["budget"])["limit"].tolist()
    (['mix floor', 'cap per unit of m', 'budget'], ['mix floor', 'budget'])
    """
    kept = limits["verdict"] == Verdict.PASS
    part = limits["slack"] / limits["bound"].abs().where(limits["bound"] != 0, 1.0)
    matters = limits["limit"].str.partition(" of ")[0].isin(kinds) | ~kept if kinds else pd.Series(True, index=limits.index)
    order = pd.DataFrame({"kept": kept, "part": part})[matters].sort_values(["kept", "part"], kind="stable")
    return limits.loc[order.index]


Line = tuple[str, str, str, float, float, bool]


def _caps(
    inputs: Inputs, names: pd.Index, model: np.ndarray, subsidy: np.ndarray, paid: np.ndarray, base: np.ndarray
) -> Iterable[Line]:
    highest = np.zeros(len(names))
    np.maximum.at(highest, model, subsidy)
    caps = inputs.caps.reindex(names)
    past_paid, past_base = caps["past_subsidy"].to_numpy() + paid, caps["past_base"].to_numpy() + base
    columns = highest, caps["cap_per_unit"], past_paid, caps["lifecycle_cap"], past_base
    for name, dearest, cap, spent, share, of in zip(names, *map(np.ndarray.tolist, map(np.asarray, columns)), strict=True):
        if cap >= 0:
            yield f"cap per unit of {name}", "yuan", "≤", dearest, cap, True
        if share >= 0:
            yield f"lifecycle cap of {name}", "yuan", "≤", spent, share * of, True


def _mix_floor(inputs: Inputs, units: np.ndarray) -> Iterable[Line]:
    if inputs.mix_floor:
        inside = inputs.cells["device_class"].isin(inputs.mix_floor[0]).to_numpy()
        yield "mix floor", "units", "≥", float(units[inside].sum()), float(inputs.mix_floor[1] * units.sum()), True


def _rebate(inputs: Inputs, names: pd.Index, sold: np.ndarray) -> float:
    """All units of a model at the price of the step that they reach."""
    steps = inputs.prices
    model = names.get_indexer(steps["model"])
    price, start = steps["supply_price"].to_numpy(), steps["from_units"].to_numpy()
    first, reached = np.full(len(names), np.nan), np.full(len(names), np.inf)
    first[model[::-1]] = price[::-1]  # of each model the first of its steps, which rise
    at = start <= sold[model]
    np.minimum.at(reached, model[at], price[at])
    return float(((first - reached) * sold)[np.isfinite(reached)].sum())


def _held(lines: Sequence[Line]) -> pd.DataFrame:
    table = pd.DataFrame([line[:5] for line in lines], columns=["limit", "unit", "sense", "used", "bound"])
    used, bound = (table[name].to_numpy(dtype=float) for name in ("used", "bound"))
    largest = np.maximum(np.abs(used), np.abs(bound))
    slack = np.where(table["sense"] == "≤", bound - used, used - bound)
    hard, broken = np.array([line[5] for line in lines]), slack < -_ROUNDING * largest
    verdict = np.where(broken, np.where(hard, str(Verdict.FAIL), str(Verdict.WARNING)), str(Verdict.PASS))
    return table.assign(slack=slack, binding=np.abs(slack) <= NEAR * largest, verdict=verdict)

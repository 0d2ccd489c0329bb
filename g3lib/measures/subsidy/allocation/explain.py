"""Why there is no plan: a set of limits that cannot be kept together, none of which can be spared.

Limits are first allowed to give; those that do are held and the rest asked again, until what is held
cannot be kept (elastic filter). Each that is held is then left out in turn: where the rest still
cannot be kept, it stays out (deletion filter). What is left is irreducible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.allocation.cells import FEN
from g3lib.measures.subsidy.allocation.inputs import Inputs
from g3lib.measures.subsidy.allocation.problem import Problem, build
from g3lib.measures.subsidy.allocation.solve import solved

# what a limit may give before it counts as giving, relative to its largest number; rounding gives less
SLIGHT = 1e-7


def conflicts(inputs: Inputs, nodes: int) -> pd.DataFrame:
    """The limits that conflict.

    Returns:
        conflict (a number; those found later share no limit with the earlier ones), limit, unit, bound, gives
        (by how much this limit alone would have to give for its conflict to be gone: yuan of budget, of
        life-long subsidy, of subsidy a unit (to the next level tried), units; NaN where it alone cannot).
    """
    problem = build(inputs, strict=False)
    left: list[int] = problem.named.tolist()
    found: list[list[int]] = []
    while left:
        held: list[int] = []
        while _gives(problem, [], held, nodes).sum() <= SLIGHT:
            slack = _gives(problem, held, [row for row in left if row not in held], nodes)
            moved = [row for row, gave in zip((r for r in left if r not in held), slack, strict=True) if gave > SLIGHT]
            if not moved:
                return _table(problem, inputs, found, nodes)
            held += moved
        for row in list(held):
            rest = [other for other in held if other != row]
            if _gives(problem, [], rest, nodes).sum() > SLIGHT:
                held = rest
        found.append(sorted(held))
        left = [row for row in left if row not in held]
    return _table(problem, inputs, found, nodes)


def _gives(problem: Problem, hard: Sequence[int], soft: Sequence[int], nodes: int) -> np.ndarray:
    """What each soft limit gives (scaled) where together they give least; infinite where the hard ones conflict."""
    if not len(soft):
        return np.zeros(0)
    elastic = problem.elastic(hard, soft)
    done = solved(elastic, elastic.bound, 1e-6, nodes)
    n = len(soft)
    if done is None:
        return np.full(n, np.inf)
    return np.asarray(done.x[-2 * n :][1::2] * -elastic.gain[-2 * n :][1::2])


def _table(problem: Problem, inputs: Inputs, found: list[list[int]], nodes: int) -> pd.DataFrame:
    lines = []
    for number, rows in enumerate(found, 1):
        for row in rows:
            rest = [other for other in rows if other != row]
            limit = problem.limits.loc[row]
            gives = _gives(problem, rest, [row], nodes)[0] * problem.scale[row]
            bound = abs(problem.bound[row]) * problem.scale[row]
            if limit["kind"] == "cap":
                bound = float(inputs.caps.loc[limit["key"], "cap_per_unit"])
                gives = _cap_gives(inputs, problem, rest, limit["key"], bound, nodes)
            if limit["kind"] == "mix floor":
                bound = inputs.mix_floor[1] if inputs.mix_floor else np.nan
            lines.append((number, limit["limit"], limit["unit"], bound, gives if np.isfinite(gives) else np.nan))
    return pd.DataFrame(lines, columns=["conflict", "limit", "unit", "bound", "gives"])


def _cap_gives(inputs: Inputs, problem: Problem, rest: list[int], model: str, cap: float, nodes: int) -> float:
    """How far the cap a unit has to rise, to one of the levels above it; NaN where none helps."""
    levels = problem.subsidy[(inputs.cells["model"] == model).to_numpy()[problem.cell]]
    higher, names = np.unique(levels[levels > cap + 0.5 / FEN]), set(problem.limits["limit"].iloc[rest])
    low, high = 0, len(higher)
    while low < high:
        middle = (low + high) // 2
        caps = inputs.caps.copy()
        caps.loc[model, "cap_per_unit"] = higher[middle]
        raised = build(replace(inputs, caps=caps), strict=False)
        rows = np.flatnonzero(raised.limits["limit"].isin(names | {f"cap per unit of {model}"}))
        fits = _gives(raised, [], rows.tolist(), nodes).sum() <= SLIGHT
        low, high = (low, middle) if fits else (middle + 1, high)
    return float(higher[low] - cap) if low < len(higher) else np.nan

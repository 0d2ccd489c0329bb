"""Every limit held against the plan as it is handed over, in whole numbers and fractions: no rounding hides a breach.

Nothing of the solver is used. A subsidy is a whole number of fen, demand at a level a whole number of
millionths of a unit, a share a whole number of billionths; sums and products of these are exact.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from g3lib.findings import Verdict
from g3lib.measures.subsidy.allocation.inputs import Inputs
from g3lib.measures.subsidy.allocation.problem import FEN, MILLIONTHS, cells_of, commitment, demand

BILLIONTHS = 10**9
UNIT = MILLIONTHS * BILLIONTHS
NEAR = 1e-6


def exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(float(number)))


def audited(inputs: Inputs, offers: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """What a plan uses of each limit, and its money.

    Args:
        inputs: what was asked.
        offers: cell (position), subsidy (yuan a unit), share (of the month), level_units (what the whole
            month would sell at that subsidy).

    Returns:
        limit, unit, sense (`≤` or `≥`), used, bound, slack (below zero: broken), binding (slack at most a
        millionth of the limit), verdict (`pass`; `fail` where a limit is broken by however little;
        `warning` where a commitment with a penalty is not met). And subsidy, penalty, rebate, spend (yuan).
    """
    cells = inputs.cells
    whole, units, fen, highest = _sums(cells["model"].tolist(), offers)
    at = cells.iloc[offers["cell"]]
    wrong = abs(demand(at, offers["subsidy"].to_numpy()) - offers["level_units"].to_numpy()) > 2 / MILLIONTHS
    of_model = cells.groupby("model", sort=False).indices
    sold = {name: Fraction(sum(units[i] for i in at), UNIT) for name, at in of_model.items()}
    subsidy, penalty, rebate = Fraction(sum(fen), FEN * UNIT), Fraction(0), Fraction(0)
    lines: list[tuple[str, str, str, Any, Any, bool]] = [
        ("shares of each cell sum to 1", "cells", "≤", sum(one != BILLIONTHS for one in whole), 0, True),
        ("demand as the response says", "levels", "≤", int(wrong.sum()), 0, True),
    ]
    for name, row in inputs.caps.iterrows():
        if row["cap_per_unit"] >= 0:
            lines.append((f"cap per unit of {name}", "yuan", "≤", Fraction(highest[name], FEN), exact(row["cap_per_unit"]), True))
        if row["lifecycle_cap"] >= 0:
            paid = exact(row["past_subsidy"]) + Fraction(sum(fen[i] for i in of_model[name]), FEN * UNIT)
            price = cells["list_price"].to_numpy()
            base = sum((exact(price[i]) * units[i] for i in of_model[name]), Fraction(0)) / UNIT + exact(row["past_base"])
            lines.append((f"lifecycle cap of {name}", "yuan", "≤", paid, exact(row["lifecycle_cap"]) * base, True))
    if inputs.mix_floor:
        inside = cells["device_class"].isin(inputs.mix_floor[0]).tolist()
        ours = Fraction(sum(u for u, of_class in zip(units, inside, strict=True) if of_class), UNIT)
        lines.append(("mix floor", "units", "≥", ours, exact(inputs.mix_floor[1]) * sum(sold.values()), True))
    for row in inputs.commitments.itertuples():
        got, due = Fraction(sum(units[i] for i in cells_of(row, cells, of_model)), UNIT), exact(row.committed_units)
        soft = row.penalty_per_unit >= 0
        penalty += exact(row.penalty_per_unit) * max(due - got, Fraction(0)) if soft else 0
        lines.append((commitment(row), "units", "≥", got, due, not soft))
    for name, steps in inputs.prices.groupby("model", sort=False):
        reached = [exact(p) for q, p in zip(steps["from_units"], steps["supply_price"], strict=True) if exact(q) <= sold[name]]
        rebate += (exact(steps["supply_price"].iloc[0]) - min(reached, default=exact(steps["supply_price"].iloc[0]))) * sold[name]
    spend = subsidy + penalty - rebate
    lines.insert(0, ("budget", "yuan", "≤", spend, exact(inputs.budget), True))
    slack = [bound - used if sense == "≤" else used - bound for _, _, sense, used, bound, _ in lines]
    table = pd.DataFrame([line[:5] for line in lines], columns=["limit", "unit", "sense", "used", "bound"])
    table[["used", "bound"]] = table[["used", "bound"]].astype("float64")
    table["slack"] = [float(one) for one in slack]
    table["binding"] = table["slack"].abs() <= NEAR * table[["used", "bound"]].abs().max(axis=1)
    hard, broken = [line[5] for line in lines], [one < 0 for one in slack]
    table["verdict"] = np.where(broken, np.where(hard, str(Verdict.FAIL), str(Verdict.WARNING)), str(Verdict.PASS))
    money = {"subsidy": float(subsidy), "penalty": float(penalty), "rebate": float(rebate), "spend": float(spend)}
    return table, money


def _sums(model: list[str], offers: pd.DataFrame) -> tuple[list[int], list[int], list[int], dict[str, int]]:
    """Of each cell the share (billionths), the units and the fen that its offers come to; each model's dearest subsidy."""
    whole, units, fen = [0] * len(model), [0] * len(model), [0] * len(model)
    highest: dict[str, int] = defaultdict(int)
    scaled = [np.rint(offers[c].to_numpy() * k).astype(object) for c, k in
              (("subsidy", FEN), ("level_units", MILLIONTHS), ("share", BILLIONTHS))]  # fmt: skip
    for cell, paid, level, share in zip(offers["cell"], *(map(int, part) for part in scaled), strict=True):
        whole[cell] += share if share >= 0 else BILLIONTHS**2
        units[cell] += level * share
        fen[cell] += paid * level * share
        highest[model[cell]] = max(highest[model[cell]], paid)
    return whole, units, fen, highest

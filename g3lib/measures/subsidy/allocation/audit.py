"""Every limit held against the plan as it is handed over, in whole numbers and fractions: no rounding hides a breach.

Nothing of the solver is used. A subsidy is a whole number of fen, demand at a level a whole number of
millionths of a unit, a share a whole number of billionths; sums and products of these are exact.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from g3lib.findings import Verdict
from g3lib.measures.subsidy.allocation.cells import FEN, MILLIONTHS, demand
from g3lib.measures.subsidy.allocation.inputs import Inputs
from g3lib.measures.subsidy.allocation.problem import cells_of, commitment

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
    cells, of_model = inputs.cells, inputs.of.of_model
    whole, units, fen, highest = _sums(cells["model"].tolist(), offers)
    at = cells.iloc[offers["cell"]]
    wrong = abs(demand(at, offers["subsidy"].to_numpy()) - offers["level_units"].to_numpy()) > 2 / MILLIONTHS
    money = paid_for(inputs, units, fen, UNIT)
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
        lines.append(("mix floor", "units", "≥", ours, exact(inputs.mix_floor[1]) * Fraction(sum(units), UNIT), True))
    for row, got in zip(inputs.commitments.itertuples(), money.got, strict=True):
        lines.append((commitment(row), "units", "≥", got, exact(row.committed_units), not row.penalty_per_unit >= 0))
    lines.insert(0, ("budget", "yuan", "≤", money.spend, exact(inputs.budget), True))
    slack = [bound - used if sense == "≤" else used - bound for _, _, sense, used, bound, _ in lines]
    table = pd.DataFrame([line[:5] for line in lines], columns=["limit", "unit", "sense", "used", "bound"])
    table[["used", "bound"]] = table[["used", "bound"]].astype("float64")
    table["slack"] = [float(one) for one in slack]
    table["binding"] = table["slack"].abs() <= NEAR * table[["used", "bound"]].abs().max(axis=1)
    hard, broken = [line[5] for line in lines], [one < 0 for one in slack]
    table["verdict"] = np.where(broken, np.where(hard, str(Verdict.FAIL), str(Verdict.WARNING)), str(Verdict.PASS))
    parts = {name: float(getattr(money, name)) for name in ("subsidy", "penalty", "rebate", "spend")}
    return table, parts


class Paid(NamedTuple):
    """A plan's money, yuan, spend = subsidy + penalty − rebate; and what each commitment got, units."""

    subsidy: Fraction
    penalty: Fraction
    rebate: Fraction
    spend: Fraction
    got: list[Fraction]


def paid_for(inputs: Inputs, units: Sequence[int], fen: Sequence[int], unit: int) -> Paid:
    """What is paid for so many units a cell, exactly.

    Args:
        inputs: what was asked.
        units, fen: of each cell, in whole numbers of which `unit` make one.
    """
    of_model, penalty, rebate = inputs.of.of_model, Fraction(0), Fraction(0)
    got = []
    for row in inputs.commitments.itertuples():
        had = Fraction(sum(units[i] for i in cells_of(row, inputs.cells, of_model)), unit)
        got.append(had)
        if row.penalty_per_unit >= 0:
            penalty += exact(row.penalty_per_unit) * max(exact(row.committed_units) - had, Fraction(0))
    for name, steps in inputs.prices.groupby("model", sort=False):
        sold = Fraction(sum(units[i] for i in of_model[name]), unit)
        reached = [exact(p) for q, p in zip(steps["from_units"], steps["supply_price"], strict=True) if exact(q) <= sold]
        first = exact(steps["supply_price"].iloc[0])
        rebate += (first - min(reached, default=first)) * sold
    subsidy = Fraction(sum(fen), FEN * unit)
    return Paid(subsidy, penalty, rebate, subsidy + penalty - rebate, got)


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

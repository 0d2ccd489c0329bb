"""Cascading: a province's target split over branches, channels and classes, to the last unit.

Whole units are given by largest remainders (Hamilton): each cell gets its share rounded down, and what is left goes to
the largest fractions, ties to the cell that comes first by name. So every level sums to the one above it exactly. A
target that is masked is unknown for every cell; a floor of the mix that is masked is not applied, and said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.measures.guards import parts_only


def whole_parts(total: int, weights: Sequence[float]) -> list[int]:
    """A whole number in whole parts by weight, summing exactly.

    >>> whole_parts(10, [1, 1, 1]), whole_parts(3, [0, 0])
    ([4, 3, 3], [2, 1])
    """
    exact = [Fraction(w) for w in weights]
    whole = sum(exact)
    # without any weight all parts are alike: nobody said otherwise
    shares = [total * w / whole for w in exact] if whole else [Fraction(total, len(exact)) for _ in exact]
    parts = [int(s) for s in shares]
    order = sorted(range(len(shares)), key=lambda i: (parts[i] - shares[i], i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def cascade(
    target: float, basis: pd.DataFrame, by: Sequence[str] = ("branch", "channel"), growth: str = "",
    floor: tuple[Sequence[str], float] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """A target laid out over cells in proportion to what each sold, or to that grown by its own factor.

    Args:
        target: whole units, or NaN where it is masked.
        basis: the columns of `by` and units (what each sold in the time that the rule names); with a floor also
            device_class. Several rows a cell are summed; a cell with zero units gets zero, unless
            all that share with it have none: then all are alike.
        by: the levels, widest first; device_class is added where a floor asks for it.
        growth: a column of `basis` with a factor a cell (1.1: asked to grow by 10 %); empty: all alike.
        floor: the guideline's mix floor: these classes together are at least this fraction of the target. NaN: masked.

    Returns:
        by…, (device_class,) units (basis), target (whole units, Σ = target exactly; NaN where the target is unknown),
        split: `proportional`, or `floor_raised` (the classes were lifted to the floor, the others cut), `floor_unknown`
        (the floor is masked: not applied), `masked` (the target is).

    Raises:
        DataError: lists every fault: totals among the cells, negative units or factors, a target that is negative or
            no whole number, a floor outside 0–1 or whose classes nobody sells.

    >>> basis = pd.DataFrame({"branch": ["a", "a", "b"], "device_class": ["handset", "netbook", "netbook"],
    ...                       "units": [30, 40, 30]})
    >>> cascade(101, basis, ["branch"], floor=(["handset"], 0.5))[["branch", "device_class", "target"]].values.tolist()
    [['a', 'handset', 51.0], ['a', 'netbook', 29.0], ['b', 'netbook', 21.0]]
    """
    keys = [*by, *(["device_class"] if floor and "device_class" not in by else [])]
    parts_only(basis, keys)
    weights = basis["units"] * (basis[growth] if growth else 1.0)
    _refuse(target, basis, weights, floor)
    rows = basis[keys].assign(units=basis["units"], weight=weights)
    cells = rows.groupby(keys, as_index=False, sort=True)[["units", "weight"]].sum()
    if target != target:
        return cells.drop(columns="weight").assign(target=float("nan"), split="masked")
    whole = np.array(whole_parts(int(target), cells["weight"].tolist()), dtype=float)
    if not floor or floor[1] != floor[1]:
        return cells.drop(columns="weight").assign(target=whole, split="floor_unknown" if floor else "proportional")
    inside = cells["device_class"].isin(list(floor[0])).to_numpy()
    least = -int(-Fraction(str(floor[1])) * int(target) // 1)  # rounded up: a floor is kept, not nearly kept
    split = "proportional"
    if whole[inside].sum() < least:
        split = "floor_raised"
        for units, members in ((least, inside), (int(target) - least, ~inside)):
            whole[members] = whole_parts(units, cells.loc[members, "weight"].tolist())
    return cells.drop(columns="weight").assign(target=whole, split=split)


def _refuse(target: float, basis: pd.DataFrame, weights: pd.Series, floor: tuple[Sequence[str], float] | None) -> None:
    given = {"units": basis["units"], "weight": weights}
    faults = [f"{value:g} {name}" for name, values in given.items() for value in values[values < 0]]
    unknown = {"units": basis["units"].isna().sum(), "growth": weights.isna().sum()}
    faults += [f"{name} unknown in {n} rows" for name, n in unknown.items() if n][:1]
    if target == target and (target < 0 or target != int(target)):
        faults.append(f"a target of {target:g}: whole units, zero or more")
    if not len(basis):
        faults.append("no cell to lay the target out on")
    if floor and floor[1] == floor[1]:
        if not 0 <= floor[1] <= 1:
            faults.append(f"a floor of {floor[1]:g}: a fraction from 0 to 1")
        if not basis["device_class"].isin(list(floor[0])).any():
            faults.append(f"a floor of {', '.join(floor[0])}, which no cell has")
    if faults:
        raise DataError(listed(faults, "The target cannot be laid out:"))

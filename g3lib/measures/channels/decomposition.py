"""Where a change came from: mix and rate, several factors, shift and share, price, volume and mix.

All of them split a difference of two totals into parts that add up to it. What they share is one rule: a total
is a sum over cells of a product of factors, and a factor's effect in a cell is its Shapley value, the mean of
what it adds over all orders in which the factors could have changed. With two factors that is Kitagawa's (1955)
decomposition, with more Das Gupta's (1993). A cell that one side lacks has no factor there: its size is zero, and
its rate is borrowed from the other side, so that its coming or going counts as mix.

Rows may stand in any order: cells are sorted before anything is summed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import DataError
from g3lib.measures.guards import parts_only

Floats = npt.NDArray[np.float64]


def shapley(before: Sequence[Floats], after: Sequence[Floats]) -> list[Floats]:
    """Each factor's effect on the product of all factors, cell by cell.

    effect_i = Σ over sets S of other factors |S|! (k − |S| − 1)! ÷ k! × (value with S and i changed − value with S
    changed). The effects sum to Π after − Π before in each cell. Source: Das Gupta (1993), equations 3.54 and 6.4.

    Args:
        before, after: k arrays of cells, one a factor, in the same order.

    >>> [effect.round(6).tolist() for effect in shapley([np.array([2.0]), np.array([3.0])], [np.array([4.0]), np.array([3.0])])]
    [[6.0], [0.0]]
    """
    k = len(before)
    values: dict[frozenset[int], Floats] = {}
    for size in range(k + 1):
        for chosen in combinations(range(k), size):
            sides = [after[i] if i in chosen else before[i] for i in range(k)]
            values[frozenset(chosen)] = np.prod(np.broadcast_arrays(*sides), axis=0)
    effects = []
    for i in range(k):
        others = [s for s in values if i not in s]
        weights = [factorial(len(s)) * factorial(k - len(s) - 1) / factorial(k) for s in others]
        effects.append(np.asarray(sum(w * (values[s | {i}] - values[s]) for w, s in zip(weights, others, strict=True))))
    return effects


def factor_effects(before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    """What each factor gave to the change of Σ over cells of factor₁ × factor₂ × … (Das Gupta).

    Args:
        before, after: one row a cell: the columns of `by` (empty: a single cell) and one column a factor. A cell that
            one side lacks has the other side's factors there, but the first, which is zero: put the size first.
        by: the columns that name a cell.
        factors: the factors' columns; a factor that is one figure for the whole population stands in every cell.

    Returns:
        by…, before, after (the cell's products), one column `effect_<factor>` each; Σ effects = Σ after − Σ before.

    Raises:
        DataError: a cell named twice, totals among the cells.

    >>> size, both = pd.DataFrame({"age": ["young", "old"], "size": [40.0, 60.0], "rate": [0.1, 0.5]}), ["size", "rate"]
    >>> later = pd.DataFrame({"age": ["young"], "size": [100.0], "rate": [0.2]})  # nobody old is left
    >>> factor_effects(size, later, ["age"], both)[["age", "effect_size", "effect_rate"]].round(6).values.tolist()
    [['old', -30.0, 0.0], ['young', 9.0, 7.0]]
    """
    sides = [_cells(side, by, factors) for side in (before, after)]
    index = sides[0].index.union(sides[1].index).sort_values()
    old, new = (side.reindex(index) for side in sides)
    pairs = []
    for place, name in enumerate(factors):
        a, b = old[name].to_numpy(float), new[name].to_numpy(float)
        a, b = (a, b) if place else (np.where(_absent(old), 0.0, a), np.where(_absent(new), 0.0, b))
        pairs.append((np.where(_absent(old) & (place > 0), b, a), np.where(_absent(new) & (place > 0), a, b)))
    starts, ends = [p[0] for p in pairs], [p[1] for p in pairs]
    effects = shapley(starts, ends)
    out = index.to_frame(index=False) if by else pd.DataFrame(index=range(len(index)))
    out["before"], out["after"] = np.prod(starts, axis=0), np.prod(ends, axis=0)
    return out.assign(**{f"effect_{name}": effect for name, effect in zip(factors, effects, strict=True)})


def _absent(side: pd.DataFrame) -> npt.NDArray[np.bool_]:
    return np.asarray(side.isna().all(axis=1), dtype=bool)


def _cells(side: pd.DataFrame, by: Sequence[str], factors: Sequence[str]) -> pd.DataFrame:
    parts_only(side, by)
    cells = side.set_index(list(by))[list(factors)] if by else side[list(factors)].reset_index(drop=True)
    if cells.index.has_duplicates:
        twice = cells.index[cells.index.duplicated()].unique().tolist()
        raise DataError(f"Each cell has one row; these have several: {', '.join(map(str, twice))}.")
    return cells


def _sums(side: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    """The measures of each cell; sorted first, so that no order of rows changes a last digit."""
    parts_only(side, keys)
    return side.sort_values([*keys, *measures]).groupby(list(keys), sort=True, dropna=False)[list(measures)].sum()


def _two_sides(
    before: pd.DataFrame, after: pd.DataFrame, keys: Sequence[str], measures: Sequence[str]
) -> tuple[pd.MultiIndex, list[dict[str, Floats]]]:
    sums = [_sums(side, keys, measures) for side in (before, after)]
    index = sums[0].index.union(sums[1].index).sort_values()
    filled = [side.reindex(index, fill_value=0.0) for side in sums]
    return index, [{name: side[name].to_numpy(float) for name in measures} for side in filled]


def _within(values: Floats, index: pd.Index, within: Sequence[str]) -> Floats:
    """Each cell's total over its group."""
    if not within:
        return np.full(len(values), values.sum())
    keys = [index.get_level_values(name) for name in within]
    return np.asarray(pd.Series(values).groupby(keys, dropna=False).transform("sum"), dtype=float)


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)
    return ratio


def _borrowed(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Two sides' rates, each taken from the other where it has none; nought where neither has."""
    a, b = np.where(np.isnan(one), other, one), np.where(np.isnan(other), one, other)
    return np.asarray(np.nan_to_num(a)), np.asarray(np.nan_to_num(b))


def mix_and_rate(
    before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str] = ("channel",), size: str = "units", amount: str = "valid",
    within: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """A change of a rate Σ amount ÷ Σ size, as mix (who) and rate (how well): Kitagawa (1955).

    rate effect = mean share × change of the cell's rate; mix effect = change of share × (mean rate of the cell − mean
    rate of all): a cell above the average that grows adds. Σ mix + Σ rate = change of the whole rate.

    Args:
        before, after: rows with the columns of `within` and `by`, `size` (what is shared out: the denominator) and
            `amount` (the numerator); any number of rows a cell.
        by: the columns that name a cell.
        within: groups that are decomposed each by itself (a branch each).

    Returns:
        within…, by…, size_before, size_after, share_before, share_after, rate_before, rate_after (NaN where the cell
        is absent: it borrows the other side's), mix_points, rate_points (fractions). A group without any size on one side has no
        rate there: its effects are NaN.

    Raises:
        DataError: totals among the cells.

    >>> old = pd.DataFrame({"channel": ["own", "end"], "units": [50, 50], "valid": [45, 25]})
    >>> new = pd.DataFrame({"channel": ["own"], "units": [80], "valid": [72]})
    >>> mix_and_rate(old, new)[["channel", "mix_points", "rate_points"]].round(6).values.tolist()  # 70 % → 90 %, by mix alone
    [['end', 0.15, 0.0], ['own', 0.05, 0.0]]
    """
    keys = [*within, *by]
    index, (old, new) = _two_sides(before, after, keys, [size, amount])
    totals = [[_within(side[name], index, within) for name in (size, amount)] for side in (old, new)]
    shares = [_ratio(side[size], total[0]) for side, total in zip((old, new), totals, strict=True)]
    rates = [_ratio(side[amount], side[size]) for side in (old, new)]
    whole = [_ratio(total[1], total[0]) for total in totals]
    mix, rate = shapley([shares[0], (filled := _borrowed(*rates))[0]], [shares[1], filled[1]])
    # less the mean rate of all: the sum stays, and a cell's sign says whether its growth helped
    mix = mix - (shares[1] - shares[0]) * (whole[0] + whole[1]) / 2
    out = index.to_frame(index=False)
    return out.assign(
        size_before=old[size], size_after=new[size], share_before=shares[0], share_after=shares[1], rate_before=rates[0],
        rate_after=rates[1], mix_points=mix, rate_points=rate,
    )  # fmt: skip


def price_volume_mix(
    before: pd.DataFrame, after: pd.DataFrame, by: Sequence[str] = ("channel", "device_class"), units: str = "units",
    yuan: str = "subsidy_yuan", within: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """A change of yuan as volume (how many), mix (which) and price (yuan a unit).

    yuan of a cell = all units × the cell's share of them × its yuan a unit; the three effects are Das Gupta's. They
    add up to the change in each cell and over all.

    Args:
        before, after: rows with `within`, `by`, `units` and `yuan`; any number of rows a cell.
        by: the columns that name a cell.
        within: groups that are decomposed each by itself.

    Returns:
        within…, by…, units_before, units_after, yuan_before, yuan_after, volume_yuan, mix_yuan, price_yuan. Where one side
        sold nothing at all there is no mix: its shares and prices are the other side's, and all of it is volume.

    >>> old = pd.DataFrame({"channel": ["own"], "units": [10], "subsidy_yuan": [1000.0]})
    >>> new = pd.DataFrame({"channel": ["own", "end"], "units": [10, 10], "subsidy_yuan": [1000.0, 400.0]})
    >>> price_volume_mix(old, new, by=["channel"])[["channel", "volume_yuan", "mix_yuan", "price_yuan"]].round(6).values.tolist()
    [['end', 100.0, 300.0, 0.0], ['own', 750.0, -750.0, 0.0]]
    """
    keys = [*within, *by]
    index, (old, new) = _two_sides(before, after, keys, [units, yuan])
    totals = [_within(side[units], index, within) for side in (old, new)]
    shares = _borrowed(*(_ratio(side[units], total) for side, total in zip((old, new), totals, strict=True)))
    # a cell absent on one side has a share there, zero, as long as its group sold anything
    prices = _borrowed(*(_ratio(side[yuan], side[units]) for side in (old, new)))
    volume, mix, price = shapley([totals[0], shares[0], prices[0]], [totals[1], shares[1], prices[1]])
    out = index.to_frame(index=False).assign(
        units_before=old[units], units_after=new[units], yuan_before=old[yuan], yuan_after=new[yuan]
    )
    # yuan without a unit (a correction) is no price: it is told as price, so that nothing is lost
    lost = (out["yuan_after"] - out["yuan_before"]).to_numpy() - (volume + mix + price)
    stray = ((old[units] == 0) & (old[yuan] != 0)) | ((new[units] == 0) & (new[yuan] != 0))
    return out.assign(volume_yuan=volume, mix_yuan=mix, price_yuan=price + np.where(stray, lost, 0.0))


def shift_share(
    units: pd.DataFrame, area: pd.DataFrame, before: str, after: str, by: str = "channel", within: Sequence[str] = ()
) -> pd.DataFrame:
    """A branch's change beside its province's: what the province's growth, its mix and the branch itself gave.

    province = units before × growth of the province; structure = units before × (growth of the channel in the province
    − growth of the province): the branch lives on channels that grow or shrink everywhere; own = the rest: how much
    better each channel grew here. Their sum is the change (Dunn 1960). The province includes the branch.

    Args:
        units: within…, month, `by`, units of the branch (or of many, told apart by `within`).
        area: month, `by`, units of the province; with a column branch it must hold more than one, or there is nobody to
            be held against.
        before, after: the two months.

    Returns:
        within…, by, units_before, units_after, change, province, structure, own_growth (devices). A channel that the province
        did not have before has no growth: all of it is own. Empty where nothing is known of a month.

    >>> month = {"month": ["a", "b"] * 2, "channel": ["own", "own", "end", "end"]}
    >>> mine, every = pd.DataFrame(month | {"units": [10, 15, 0, 5]}), pd.DataFrame(month | {"units": [100, 120, 100, 60]})
    >>> shift_share(mine, every, "a", "b").round(6)[["channel", "change", "province", "structure", "own_growth"]].values.tolist()
    [['end', 5.0, 0.0, 0.0, 5.0], ['own', 5.0, -1.0, 3.0, 3.0]]
    """
    months = (before, after)
    columns = [*within, by, "units_before", "units_after", "change", "province", "structure", "own_growth"]
    alone = "branch" in area and area["branch"].nunique() < 2
    if alone or not (set(months) <= set(units["month"]) and set(months) <= set(area["month"])):
        return pd.DataFrame(columns=columns)
    every = [_sums(area[area["month"] == month], [by], ["units"])["units"] for month in months]
    sides = [units[units["month"] == month] for month in months]
    index, (old, new) = _two_sides(sides[0], sides[1], [*within, by], ["units"])
    growth = float(_ratio(np.array([every[1].sum()]), np.array([every[0].sum()]))[0] - 1)
    of_channel = (every[1].reindex(every[0].index.union(every[1].index), fill_value=0.0) / every[0].where(every[0] > 0)) - 1
    names = index.get_level_values(by)
    local = of_channel.reindex(names).to_numpy(float)
    # plus nought: no −0 in a table
    province, structure = (np.nan_to_num(old["units"] * part) + 0.0 for part in (growth, local - growth))
    change = new["units"] - old["units"]
    return index.to_frame(index=False).assign(
        units_before=old["units"], units_after=new["units"], change=change, province=province, structure=structure,
        own_growth=change - province - structure,
    )  # fmt: skip

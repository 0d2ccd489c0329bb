"""What lies behind the sales: stock by branch, the vendors' and the province's volume promises, price steps.

Stock is counted at the end of a month: on hand = on hand before + sell-in − sold, never below zero. Promises
are set from what was sold, so that whether one is kept is known.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from g3lib.labels import label
from g3lib.periods import shift
from g3lib.tables.sample.programme import last_day, years
from g3lib.tables.sample.truth import Scenario, stream
from g3lib.tables.sample.world import MODELS, UNPROMISED_MODEL, availability

_OVERSTOCK = 60
# model, first and last month counted from the end of the data, committed ÷ what was sold
_BY_PROVINCE = {"met": (14, -12, -7, 0.9), "short": (6, -12, -4, 1.3), "running": (0, -3, 2, 2.3)}
# steps as (share of the province's monthly units of the last quarter, share of the list price)
_STEPS = ((0.0, 0.88), (1.1, 0.86), (1.4, 0.84))
_STEPPED = {0: 3, 1: 3, 6: 2, 14: 3}  # model → how many of the steps


def supply_price(model: int, share: float = 0.88) -> int:
    """What a unit costs the province, yuan."""
    return round(MODELS[model].price * share)


def stock(world: Scenario, lines: pd.DataFrame) -> pd.DataFrame:
    """Branch, model, month (codes), sold, sell_in, on_hand, displayed; a model that is gone as long as some lies there."""
    count = len(world.months)
    sold = np.zeros((len(world.branches), len(MODELS), count), dtype=np.int64)
    np.add.at(sold, (lines["branch"], lines["model"], lines["month"]), 1)
    alive = availability(count) > 0
    rng = stream(world.seed, "stock")
    # nothing is ordered for a model's last month
    wanted = np.round(sold * rng.uniform(0, 0.9, sold.shape)).astype(int) * np.append(alive[:, 1:], alive[:, -1:], axis=1)
    wanted[world.odd_branches[2], _BY_PROVINCE["running"][0], -1] += _OVERSTOCK
    on_hand = wanted.copy()
    for t in range(1, count):
        on_hand[..., t] = np.maximum(on_hand[..., t - 1] - sold[..., t], wanted[..., t])
    rows = np.nonzero(alive | (on_hand > 0))
    figures = {"sold": sold, "sell_in": np.diff(on_hand, axis=2, prepend=0) + sold, "on_hand": on_hand}
    figures["displayed"] = np.minimum(on_hand, rng.integers(0, 13, sold.shape))
    codes = dict(zip(("branch", "model", "month"), rows, strict=True))
    return pd.DataFrame(codes | {name: values[rows] for name, values in figures.items()})


def stock_table(world: Scenario, counted: pd.DataFrame) -> pd.DataFrame:
    """The stock as a branch reports it at each month's end."""
    days, names = np.array([last_day(month) for month in world.months]), np.array([m.name for m in MODELS])
    figures = counted.rename(columns={"sell_in": "进货量(台)", "on_hand": "库存(台)", "displayed": "出样(台)"}).iloc[:, 4:]
    figures.insert(0, "机型", names[counted["model"]])
    figures.insert(0, "分公司", np.array(world.branches)[counted["branch"]])
    figures.insert(0, "日期", days[counted["month"]])
    return figures


def commitments(world: Scenario, counted: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """A vendor's promise for every model and year but one model's, and three of the province."""
    rng = stream(world.seed, "commitments")
    rows = []

    def promise(model: int, direction: str, start: int, end: int, units: float, penalty: float) -> None:
        first, last = (shift(world.months[0], month) for month in (start, end))
        way, price = label("commitment_direction", direction, "zh"), supply_price(model)
        row = (*models.loc[model, ["机型", "厂商"]], way, f"{first}-01", last_day(last))
        rows.append((*row, round(units), price, round(penalty * price)))

    for months in years(world).values():
        sold = counted[counted["month"].isin(months)].groupby("model")["sold"].sum()
        for model in sold.index[(sold > 0) & (sold.index != UNPROMISED_MODEL)]:
            promise(model, "vendor_to_province", months[0], months[-1], sold[model] * rng.uniform(0.85, 1.25), 0.05)
    for model, first, last, factor in _BY_PROVINCE.values():
        start, end = (max(0, len(world.months) + month) for month in (first, last))
        mine = counted[(counted["model"] == model) & counted["month"].between(start, end)]
        promise(model, "province_to_vendor", start, end, mine["sold"].sum() * factor, 0.08)
    columns = ["机型", "厂商", "承诺方向", "开始日期", "结束日期", "承诺量(台)", "供货价(元)", "违约金(元/台)"]
    return pd.DataFrame(rows, columns=columns)


def planted_supply(world: Scenario, lines: pd.DataFrame) -> dict[str, Any]:
    """Which promise ends how, who holds too much, and which model is subsidised without any vendor's promise."""
    mine = lines[(lines["model"] == UNPROMISED_MODEL) & (lines["subsidy"] > 0)]
    bare = {"model": MODELS[UNPROMISED_MODEL].name, "units": len(mine), "subsidy_yuan": int(mine["subsidy"].sum())}
    ends = {outcome: MODELS[model].name for outcome, (model, *_) in _BY_PROVINCE.items()}
    over = {"branch": world.branches[world.odd_branches[2]], "model": ends["running"], "units": _OVERSTOCK}
    return {"province_to_vendor": ends, "overstocked": over, "without_promise": bare}


def vendor_prices_table(world: Scenario, counted: pd.DataFrame) -> pd.DataFrame:
    """Price steps of some models: from so many units that the province takes in a month, all of them cost that."""
    recent = counted[counted["month"] >= len(world.months) - 3].groupby("model")["sold"].sum() / 3
    steps = [(model, *step) for model, count in _STEPPED.items() for step in _STEPS[:count]]
    start = f"{world.months[max(0, len(world.months) - 12)]}-01"
    rows = [(MODELS[m].name, 10 * round(recent[m] * units / 10), supply_price(m, price), start) for m, units, price in steps]
    return pd.DataFrame(rows, columns=["机型", "起订量(台)", "供货价(元)", "生效日期"])

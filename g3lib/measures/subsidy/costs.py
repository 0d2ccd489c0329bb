"""The three cost layers of a sale, beside each other and never added up.

The device discount; the refunds over the contract, at face and at marginal cost (two valuations of the same
credit); commission, the capital bound in stock, and commitments. Each carries its booking: `cost` 终端补贴,
`revenue` 冲减收入, `unknown` where no rule states it, `none` where no account shows it. What one layer holds
is in no other. A part that is unknown for some units is summed over the others, and those units are counted;
unknown for all it is NaN with a reason, never 0. A negative amount is no cost but a fault of the export: it is
unknown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.ledger import refunds_by_sale
from g3lib.measures.subsidy.payback import monthly_rate
from g3lib.periods import month_of

# part: its layer and booking; a discount's booking is its rule's
PARTS = {
    "device_discount": ("device", "unknown"),
    "refund_free_face": ("refunds", "revenue"),
    "refund_data_face": ("refunds", "revenue"),
    "refund_free_marginal": ("refunds", "none"),
    "refund_data_marginal": ("refunds", "none"),
    "commission": ("distribution", "cost"),
    "stock": ("distribution", "none"),
    "commitment": ("distribution", "cost"),
}


def stock_cost(stock: pd.DataFrame, sales: pd.DataFrame, capital_rate: float) -> pd.DataFrame:
    """What the devices on hand bind in capital: on hand × supply price × monthly rate for each month held.

    Args:
        stock: model, branch, date, on_hand; several counts in a month are averaged.
        sales: model, device_class, units, supply_price: a model's price is its mean over these, by units.
        capital_rate: a fraction a year.

    Returns:
        model, branch, month (`2013-01`), device_class, units (on hand), supply_price, yuan; NaN where the count,
        the price or the rate is unknown.

    Raises:
        UsageError: a capital rate of -1 or below.

    >>> stock = pd.DataFrame({"model": ["m", "new"], "branch": "b", "date": pd.Timestamp("2013-01-31"), "on_hand": 10})
    >>> sales = pd.DataFrame({"model": ["m"], "device_class": ["handset"], "units": [1], "supply_price": [1000.0]})
    >>> stock_cost(stock, sales, 1.01**12 - 1)["yuan"].round(6).tolist()
    [100.0, nan]
    """
    priced = sales[sales["supply_price"] >= 0]
    price = (priced["supply_price"] * priced["units"]).groupby(priced["model"]).sum() / priced.groupby("model")["units"].sum()
    monthly = stock.assign(month=month_of(stock["date"]), units=stock["on_hand"].where(stock["on_hand"] >= 0))
    out = monthly.groupby(["model", "branch", "month"], as_index=False, dropna=False)["units"].mean()
    out["device_class"] = out["model"].map(sales.groupby("model")["device_class"].first())
    out["supply_price"] = out["model"].map(price).astype("float64")
    return out.assign(yuan=out["units"] * out["supply_price"] * monthly_rate(capital_rate))


def cost_layers(
    sales: pd.DataFrame, shares: pd.DataFrame, outlets: pd.DataFrame, *, marginal_cost: float = float("nan"),
    stock: pd.DataFrame | None = None, commitments: pd.DataFrame | None = None, ended: pd.Series | None = None,
    by: Sequence[str] = (),
) -> pd.DataFrame:  # fmt: skip
    """What the sales of each group cost, part by part.

    Args:
        sales: rows of the sales table; with `booking` (that of each sale's rule) discounts are kept apart by it.
        shares, ended: the split of refunds and who left when, see `refund_ledger`.
        outlets: outlet, commission_rate (a fraction of the list price).
        marginal_cost: of a yuan of credit, a fraction (the assumption `marginal_cost_of_credit`).
        stock: `stock_cost` of the same months.
        commitments: `commitment_status`: the province's own promises cost what penalty they cost or are expected to.
        by: columns of the sales.

    Returns:
        by…, layer (`device`, `refunds`, `distribution`), part (`PARTS`), booking, units (sold, whose part is
        known), unknown_units (sold; for stock and commitments on hand and committed), yuan, yuan_a_unit, reason:
        `unset` (no marginal cost decided), `not_given` (no such table), `not_apportioned` (the table does not
        know a column of `by`), `unknown`, `no_units` (yuan without a sale to divide by).

    >>> sales = pd.DataFrame({"date": [pd.Timestamp("2013-01-31")] * 2, "units": [1, 9], "contract": ["bare"] * 2,
    ...                       "term_months": [float("nan")] * 2, "refund_total": [0.0] * 2, "subsidy": [300.0, None],
    ...                       "list_price": [1000.0, 0.0], "outlet": ["a", "a"]})
    >>> shares = pd.DataFrame({"contract": [], "free_share": [], "data_share": []})
    >>> found = cost_layers(sales, shares, pd.DataFrame({"outlet": ["a"], "commission_rate": [0.02]}))
    >>> found.loc[[0, 5], ["part", "units", "unknown_units", "yuan", "yuan_a_unit"]].values.tolist()
    [['device_discount', 1, 9, 300.0, 300.0], ['commission', 10, 0, 20.0, 2.0]]
    """
    groups, refunds = sales[list(by)], refunds_by_sale(sales, shares, ended)
    units, free, data = refunds["units"], refunds["free_yuan"], refunds["data_yuan"]
    rate = sales["outlet"].map(outlets.set_index("outlet")["commission_rate"]).astype("float64")
    sold = {
        "device_discount": sales["subsidy"].where(sales["subsidy"] >= 0) * units,
        "refund_free_face": free,
        "refund_data_face": data,
        "refund_free_marginal": free * marginal_cost,
        "refund_data_marginal": data * marginal_cost,
        "commission": sales["list_price"].where(sales["list_price"] >= 0) * rate * units,
    }
    why = {part: "unset" for part in PARTS if part.endswith("marginal") and marginal_cost != marginal_cost}
    rows = [
        groups.assign(part=part, units=units.where(yuan.notna(), 0), unknown_units=units.where(yuan.isna(), 0), yuan=yuan)
        for part, yuan in sold.items()
    ]
    rows[0]["booking"] = sales["booking"].astype("object").fillna("unknown") if "booking" in sales else "unknown"
    if commitments is not None:
        own = commitments[commitments["direction"] == "province_to_vendor"]
        commitments = own.rename(columns={"expected_penalty": "yuan", "committed": "units"})
    for part, table in (("stock", stock), ("commitment", commitments)):
        rows.append(groups.assign(part=part, units=units, unknown_units=0, yuan=float("nan")))
        if table is None or not set(by) <= set(table):
            why[part] = "not_given" if table is None else "not_apportioned"
            continue
        left_out = table["units"].where(table["yuan"].isna(), 0).fillna(0)
        rows.append(table[list(by)].assign(part=part, units=0, unknown_units=left_out, yuan=table["yuan"]))
    every = pd.concat(rows, ignore_index=True)
    every["booking"] = every["booking"].fillna(every["part"].map({part: booking for part, (_, booking) in PARTS.items()}))
    every["part"] = pd.Categorical(every["part"], PARTS)
    sums = every.groupby([*by, "part", "booking"], as_index=False, dropna=False, observed=True)
    out = sums[["units", "unknown_units"]].sum().assign(yuan=sums["yuan"].sum(min_count=1)["yuan"])
    out["yuan_a_unit"] = out["yuan"] / out["units"].where(out["units"] > 0)
    out["part"] = out["part"].astype("str")
    out["reason"] = np.where(out["yuan"].isna(), [why.get(part, "unknown") for part in out["part"]], "")
    out.loc[out["yuan"].notna() & out["yuan_a_unit"].isna(), "reason"] = "no_units"
    out.insert(len(by), "layer", out["part"].map({part: layer for part, (layer, _) in PARTS.items()}))
    return out

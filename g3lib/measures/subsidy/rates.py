"""The subsidy rate: Σ(subsidy × units) ÷ Σ(base × units), a ratio of sums, never a mean of ratios.

What stands above and below the line is a setting of the province, because the documents don't say: the
device discount alone or with the refunds at face; over list, contract or supply price. Unset, there is no
rate. A sale without its subsidy or its base known is left out of both sums and counted. So, apart, is a subsidy on
a list or supply price of zero, or on any price below: no device has such a price, the subsidy has no rate, and it
would raise everybody else's. A contract price of zero is one: the device was given away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.errors import UsageError
from g3lib.periods import month_of

# a device sold without a contract, and so without subsidy
BARE = "bare"
# the guideline counts gifts, payment cards and points as subsidy; a province may
NUMERATORS = {
    "device": ("subsidy",), "device_and_refunds": ("subsidy", "refund_total"), "device_and_gifts": ("subsidy", "gift_value"),
    "all": ("subsidy", "gift_value", "refund_total"),
}  # fmt: skip
# the contract price is what the customer pays for the device and prepays for the contract
BASES = {"list": ("list_price",), "contract": ("paid", "prepaid"), "supply": ("supply_price",)}


def amounts(sales: pd.DataFrame, numerator: str, base: str) -> pd.DataFrame:
    """Per row the subsidy and the base in yuan for all its units; NaN where a part is unknown.

    An unset setting ("") leaves everything unknown: what nobody decided has no rate.

    Raises:
        UsageError: a setting is none of `NUMERATORS` or `BASES`.
    """
    if not numerator or not base:
        return pd.DataFrame({"subsidy_yuan": float("nan"), "base_yuan": float("nan")}, index=sales.index)
    for name, given, known in (("numerator", numerator, NUMERATORS), ("base", base, BASES)):
        if given not in known:
            raise UsageError(f"{name} is {given!r}; expected one of {', '.join(known)}.")
    above = sales[list(NUMERATORS[numerator])].sum(axis=1, skipna=False)
    below = sales[list(BASES[base])].sum(axis=1, skipna=False)
    return pd.DataFrame({"subsidy_yuan": above * sales["units"], "base_yuan": below * sales["units"]})


def subsidy_rate(sales: pd.DataFrame, by: Sequence[str] = (), *, numerator: str, base: str) -> pd.DataFrame:
    """The subsidy rate of each group.

    Args:
        sales: rows of the sales table.
        by: the columns that make the groups; empty for one row over all.
        numerator: `device` (discount), `device_and_refunds` (plus refunds at face), `device_and_gifts` (plus gifts,
            payment cards and points) or `all` of these; "" is unset.
        base: `list`, `contract` or `supply` price; "" is unset.

    Returns:
        by…, units, subsidy_yuan, base_yuan, rate (fraction), unknown_units (left out), no_price_units and
        no_price_yuan (left out: subsidised at a price that is none), reason. The rate is NaN with reason `zero_base`
        where no price is above zero, `unknown` where nothing is known, `unset` where a setting is.

    Raises:
        UsageError: an unknown setting.

    >>> sales = pd.DataFrame({"units": [1, 9, 1, 1], "subsidy": [900.0, 100, 5, 5], "list_price": [1000.0, 1000, 0, 0],
    ...                       "class": ["a", "a", "a", "b"]})
    >>> subsidy_rate(sales, ["class"], numerator="device", base="list")[["rate", "no_price_yuan", "reason"]].values.tolist()
    [[0.18, 5.0, ''], [nan, 5.0, 'zero_base']]
    """
    parts = amounts(sales, numerator, base)
    given, price = parts["subsidy_yuan"], parts["base_yuan"]
    no_price = given.notna() & ((price < 0) | ((price == 0) & (given != 0) & (base != "contract")))
    stated = parts.notna().all(axis=1)
    known = stated & ~no_price
    frame = sales[list(by)].assign(
        units=sales["units"].where(known, 0),
        subsidy_yuan=parts["subsidy_yuan"].where(known, 0.0),
        base_yuan=parts["base_yuan"].where(known, 0.0),
        unknown_units=sales["units"].where(~stated, 0),
        no_price_units=sales["units"].where(no_price, 0),
        no_price_yuan=given.where(no_price, 0.0),
    )
    measures = ["units", "subsidy_yuan", "base_yuan", "unknown_units", "no_price_units", "no_price_yuan"]
    if by:
        out = frame.groupby(list(by), as_index=False, sort=True, dropna=False)[measures].sum()
    else:
        out = frame[measures].sum().to_frame().T
    out["rate"] = out["subsidy_yuan"] / out["base_yuan"].where(out["base_yuan"] != 0)
    nothing = (out["units"] == 0) & (out["no_price_units"] == 0)
    unset = "unknown" if numerator and base else "unset"
    out["reason"] = np.select([nothing, out["base_yuan"] == 0], [unset, "zero_base"], "")
    return out


def monthly_rate(sales: pd.DataFrame, *, numerator: str, base: str) -> pd.Series:
    """The subsidy rate of each month, index `2013-01`; see `subsidy_rate`.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-05"]), "units": 1, "subsidy": [500.0], "list_price": [1000.0]})
    >>> monthly_rate(sales, numerator="device", base="list").to_dict()
    {'2013-01': 0.5}
    """
    months = sales.assign(month=month_of(sales["date"]))
    return subsidy_rate(months, ["month"], numerator=numerator, base=base).set_index("month")["rate"]

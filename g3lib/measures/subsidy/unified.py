"""What the province unifies: one list price, one subsidy and one margin a model, a bounded list, a mix of contracts.

The usual value of a model under a contract in a channel is the one that most devices were sold at over all
branches (the mode, weighted by units; of equal ones the lower): a mean would be nobody's price. Shares are over
the devices whose contract or price is known; the others are counted beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from g3lib.errors import UsageError
from g3lib.labels import VOCABULARIES
from g3lib.measures.subsidy.rates import BARE

_CELL = ["model", "contract", "channel", "what"]


def unified_deviations(sales: pd.DataFrame) -> pd.DataFrame:
    """Where a branch sold at another list price, subsidy or margin than the province usually does.

    Args:
        sales: one period's rows: branch, model, contract, channel, units, list_price, subsidy, supply_price. A
            price that changes within the period deviates from itself: give a period in which it stands.

    Returns:
        model, contract, channel, what (`list_price`, `subsidy`, `margin`: list − supply price), branch, value
        and usual (yuan a unit, to the fen), units, yuan ((value − usual) × units). One row a value; sales
        whose model or value is unknown are left out. The largest sums of yuan first.

    >>> sales = pd.DataFrame({"branch": ["a", "b", "b"], "model": "m", "contract": "plan", "channel": "own", "units": 2,
    ...                       "list_price": [999.0, 1000, None], "subsidy": 5.0, "supply_price": None})
    >>> unified_deviations(sales)[["branch", "what", "value", "usual", "yuan"]].values.tolist()
    [['b', 'list_price', 1000.0, 999.0, 2.0]]
    """
    margin = pd.to_numeric(sales["list_price"]) - pd.to_numeric(sales["supply_price"])
    figures = {"list_price": sales["list_price"], "subsidy": sales["subsidy"], "margin": margin}
    keys = sales[["model", "contract", "channel", "branch", "units"]]
    long = pd.concat([keys.assign(what=what, value=pd.to_numeric(v).astype("float64").round(2)) for what, v in figures.items()])
    long = long[long["value"].notna() & long["model"].notna() & (long["units"] > 0)]
    sold = long.groupby([*_CELL, "branch", "value"], dropna=False, observed=True, as_index=False)["units"].sum()
    values = sold.groupby([*_CELL, "value"], dropna=False, as_index=False)["units"].sum()
    usual = values.sort_values(["units", "value"], ascending=[False, True]).drop_duplicates(_CELL).drop(columns="units")
    out = sold.merge(usual.rename(columns={"value": "usual"}), on=_CELL, how="left", validate="many_to_one")
    out = out[out["value"] != out["usual"]].assign(yuan=lambda d: (d["value"] - d["usual"]) * d["units"])
    order = out.assign(size=out["yuan"].abs()).sort_values(["size", *_CELL, "branch", "value"], ascending=[False] + [True] * 6)
    return order[[*_CELL, "branch", "value", "usual", "units", "yuan"]].reset_index(drop=True)


def selected_models(sales: pd.DataFrame, models: pd.DataFrame, low: int = 10, high: int = 15) -> pd.DataFrame:
    """How many handsets that are not deeply customised the province has selected and on sale (全省甄选10-15款).

    Args:
        sales: model, units: a model is on sale where a device of it was sold.
        models: model, device_class, tier.
        low, high: the bounds, both allowed.

    Returns:
        One row: models (of tier selected), unknown_models (on sale, tier or class unknown), low, high, verdict
        (`no verdict` where the unknown ones decide, or nothing was sold), reason (`tier_unknown`, `no_sales`).

    >>> models = pd.DataFrame({"model": ["a", "b"], "device_class": "handset", "tier": ["selected", None]})
    >>> selected_models(pd.DataFrame({"model": ["a", "b"], "units": 1}), models, 2, 3).values.tolist()
    [[1, 1, 2, 3, 'no verdict', 'tier_unknown']]
    """
    sold = sales.loc[(sales["units"] > 0) & sales["model"].notna(), ["model"]].drop_duplicates()
    facts = sold.merge(models[["model", "device_class", "tier"]], on="model", how="left", validate="one_to_one")
    handset = facts["device_class"].eq("handset")
    count = int((handset & facts["tier"].eq("selected")).sum())
    unknown = int((facts["device_class"].isna() | (handset & facts["tier"].isna())).sum())
    if low <= count and count + unknown <= high:
        verdict, reason = "pass", ""
    elif count > high or count + unknown < low:
        verdict, reason = "fail", ""
    else:
        verdict, reason = "no verdict", "tier_unknown"
    if sold.empty:
        verdict, reason = "no verdict", "no_sales"
    columns = ["models", "unknown_models", "low", "high", "verdict", "reason"]
    return pd.DataFrame([[count, unknown, low, high, verdict, reason]], columns=columns)


def contract_mix(sales: pd.DataFrame) -> pd.DataFrame:
    """Each contract's share of the contracts signed; a bare device is no contract.

    Args:
        sales: contract, units.

    Returns:
        contract (plan, spend, tariff, bare, and None for unknown), units, denominator (units of plan, spend and
        tariff), share (NaN with reason `no_contract`, `unknown`, or `zero_base` where no contract was signed).

    >>> contract_mix(pd.DataFrame({"contract": ["bare"], "units": [3]}))["reason"].tolist()
    ['zero_base', 'zero_base', 'zero_base', 'no_contract', 'unknown']
    """
    known = list(VOCABULARIES["contract"])
    word = sales["contract"].astype("object")
    units = sales["units"].groupby(word.where(word.isin(known), "")).sum().reindex([*known, ""], fill_value=0)
    mix = _mix(units, {BARE: "no_contract", "": "unknown"})
    return mix.set_axis([*known, None], axis=0).rename_axis("contract").reset_index()


def price_band_mix(sales: pd.DataFrame, edges: Sequence[float] = (1000, 2000, 3000)) -> pd.DataFrame:
    """The devices by price band, half-open: 2000 belongs to the band from 2000 on.

    Args:
        sales: list_price, units.
        edges: yuan, rising.

    Returns:
        price_from, price_to (NaN where open), units, denominator (units of a known price), share, reason. The
        last row is the unknown prices (reason `unknown`); a negative one is no price, zero is one.

    Raises:
        UsageError: edges do not rise.

    >>> sales = pd.DataFrame({"list_price": [0.0, 1999.99, 2000.0, None], "units": [1, 1, 2, 5]})
    >>> price_band_mix(sales, (2000,))[["price_from", "price_to", "units", "share"]].values.tolist()
    [[nan, 2000.0, 2.0, 0.5], [2000.0, nan, 2.0, 0.5], [nan, nan, 5.0, nan]]
    """
    if any(not a < b for a, b in pairwise(edges)):
        raise UsageError(f"edges is {tuple(edges)}; expected rising prices such as (1000, 2000, 3000).")
    price = pd.to_numeric(sales["list_price"]).to_numpy(dtype="float64")
    band = np.where(price >= 0, np.searchsorted(edges, price, side="right"), -1)
    units = sales["units"].groupby(band).sum().reindex([*range(len(edges) + 1), -1], fill_value=0)
    limits = pd.DataFrame({"price_from": [np.nan, *edges, np.nan], "price_to": [*edges, np.nan, np.nan]}, dtype="float64")
    return limits.join(_mix(units, {-1: "unknown"}).reset_index(drop=True))


def _mix(units: pd.Series, apart: dict[object, str]) -> pd.DataFrame:
    reason = pd.Series(units.index, index=units.index).map(apart).fillna("")
    total = units[reason == ""].sum()
    share = (units / total if total else units * np.nan).where(reason == "")
    return pd.DataFrame({"units": units, "denominator": total, "share": share,
                         "reason": np.where((reason == "") & (total == 0), "zero_base", reason)})  # fmt: skip

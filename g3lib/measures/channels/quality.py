"""What a channel's sales are worth: its customers against its role, its valid customers against its cost.

A channel may be cheap a device and dear a valid customer. So both costs stand side by side, over the same sales, and
a channel is on the frontier when no other gives a better share of valid customers for less money a sale.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.measures.channels.decomposition import price_volume_mix
from g3lib.measures.channels.shares import ordered
from g3lib.measures.guards import ratio
from g3lib.measures.months import month_number
from g3lib.measures.subsidy.cohorts import FOLLOWED

_LEAST_KNOWN = 0.9  # of the units: below it what is known is no cost of the whole


def efficiency(
    sales: pd.DataFrame, states: pd.DataFrame, outlets: pd.DataFrame, by: str = "channel", within: Sequence[str] = ()
) -> pd.DataFrame:
    """Sales and valid customers against subsidy and commission.

    Args:
        sales: within…, `by`, units, subsidy, list_price, outlet: sales old enough that their customers are known.
        states: their `subsidy.customer_states`, index as `sales`; only sales of known state count.
        outlets: outlet, commission_rate (a fraction of the list price); an outlet without one pays none that is known.
        by: the column whose members are compared.
        within: groups in which they are compared.

    Returns:
        within…, by, units (of known state), valid, valid_share with its Wilson 95 % interval (low, high), paid_units (of
        them those whose subsidy and commission are known), subsidy_yuan, commission_yuan (theirs; apart, for they are two
        layers), cost_per_sale (both ÷ paid_units), cost_per_valid (cost_per_sale ÷ valid_share: NaN without a valid
        customer); costs are NaN where the money of more than a tenth of the units is unknown; frontier (no
        other member has a higher share of valid customers at no more cost a sale, or the same share for less), judged: `cheap`
        or `dear` a sale beside the whole group, and `poor`, `sound` or `alike`: poor only where the whole interval of its share
        lies below the group's, sound where it lies above (`cheap_poor`, `dear_alike` …; empty where nothing can be compared),
        each at 1 − 5 % ÷ members (Bonferroni), so that among members alike hardly one in twenty groups has anybody judged;
        unknown_units (left out).

    >>> sales = pd.DataFrame({"channel": ["own"] * 9 + ["end"] * 9, "units": 1, "subsidy": [400.0] * 9 + [300.0] * 9,
    ...                       "list_price": 1000.0, "outlet": "o"})
    >>> states = pd.DataFrame({"state": ["valid"] * 9 + ["valid"] + ["idle"] * 8})
    >>> places = pd.DataFrame({"outlet": ["o"], "commission_rate": [0.0]})
    >>> efficiency(sales, states, places)[["channel", "cost_per_sale", "cost_per_valid", "judged"]].values.tolist()
    [['own', 400.0, 400.0, 'dear_sound'], ['end', 300.0, 2700.0, 'cheap_poor']]
    """
    from statsmodels.stats.proportion import proportion_confint

    rate = sales["outlet"].map(outlets.drop_duplicates("outlet").set_index("outlet")["commission_rate"]).astype("float64")
    paid = sales["subsidy"].where(sales["subsidy"] >= 0) * sales["units"]
    earned = sales["list_price"].where(sales["list_price"] >= 0) * rate * sales["units"]
    known = states["state"].isin(FOLLOWED)
    money = known & paid.notna() & earned.notna()
    keys = [*within, by]
    frame = sales[keys].assign(
        units=sales["units"].where(known, 0), valid=sales["units"].where(known & (states["state"] == "valid"), 0),
        paid_units=sales["units"].where(money, 0), subsidy_yuan=paid.where(money, 0.0),
        commission_yuan=earned.where(money, 0.0),
        unknown_units=sales["units"].where(~known, 0),
    )  # fmt: skip
    measures = ["units", "valid", "paid_units", "subsidy_yuan", "commission_yuan", "unknown_units"]
    out = frame.groupby(keys, as_index=False, observed=True)[measures].sum()
    out[by] = pd.Categorical(out[by], ordered(out[by]))
    out = out.sort_values(keys, ignore_index=True).astype({by: "object"})
    cost = out["subsidy_yuan"] + out["commission_yuan"]
    out["valid_share"] = out["valid"] / out["units"].where(out["units"] > 0)
    low, high = proportion_confint(out["valid"], out["units"].where(out["units"] > 0), method="wilson")
    out["low"], out["high"] = low, high
    enough = (out["units"] > 0) & (out["paid_units"] >= _LEAST_KNOWN * out["units"])
    out["cost_per_sale"] = cost / out["paid_units"].where(enough)
    out["cost_per_valid"] = out["cost_per_sale"] / out["valid_share"].where(out["valid_share"] > 0)
    groups = out.groupby(list(within), sort=False).indices.values() if within else [np.arange(len(out))]
    out["frontier"], out["judged"] = False, ""
    for rows in groups:
        group = out.iloc[rows]
        out.loc[group.index, "frontier"] = _undominated(group)
        out.loc[group.index, "judged"] = _beside_the_whole(group)
    return out


def _undominated(group: pd.DataFrame) -> list[bool]:
    share, cost = group["valid_share"].to_numpy(), group["cost_per_sale"].to_numpy()
    no_worse = (share[:, None] <= share) & (cost[:, None] >= cost)
    better = (share[:, None] < share) | (cost[:, None] > cost)
    return [bool(b) for b in (~(no_worse & better)).all(axis=1) & ~np.isnan(share) & ~np.isnan(cost)]


def _beside_the_whole(group: pd.DataFrame) -> list[str]:
    """Each member against its whole group; poor or sound only where its interval leaves the group's share out."""
    from statsmodels.stats.proportion import proportion_confint

    units, share = group["units"].sum(), group["valid"].sum() / max(group["units"].sum(), 1)
    if len(group) < 2 or not units:
        return [""] * len(group)
    usual = group[["subsidy_yuan", "commission_yuan"]].sum().sum() / max(group["paid_units"].sum(), 1)
    price = np.where(group["cost_per_sale"] <= usual, "cheap", "dear")
    known = group["cost_per_sale"].notna()
    sold = group["units"].where(group["units"] > 0)
    low, high = proportion_confint(group["valid"], sold, alpha=0.05 / len(group), method="wilson")
    worth = np.select([high < share, low > share], ["poor", "sound"], "alike")
    return [f"{p}_{w}" if k else "" for p, w, k in zip(price, worth, known, strict=True)]


def role_mix(sales: pd.DataFrame, roles: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
    """Whom each channel sells to, and whether that is its role.

    Args:
        sales: within…, channel, segment (missing where unknown), units.
        roles: channel, segment: whom the guideline means it to serve; a channel without a row has no stated role.

    Returns:
        within…, channel, segment, units, share (of the channel's units of known segment), fits (yes, no, or `unknown`
        where the channel has no stated role). A segment of its role to which it sold nothing has a row with zero.

    >>> sales = pd.DataFrame({"channel": ["own", "own"], "segment": ["普通客户", None], "units": [3, 9]})
    >>> role_mix(sales, pd.DataFrame({"channel": ["own"], "segment": ["集团客户"]})).values.tolist()
    [['own', '普通客户', 3.0, 1.0, 'no'], ['own', '集团客户', 0.0, 0.0, 'yes']]
    """
    known = sales[sales["segment"].notna()]
    meant = roles[["channel", "segment"]].drop_duplicates()
    keys = [*within, "channel"]
    wanted = known[keys].drop_duplicates().merge(meant, on="channel").assign(units=0)
    rows = pd.concat([known[[*keys, "segment", "units"]], wanted], ignore_index=True)
    out = rows.groupby([*keys, "segment"], as_index=False, sort=True)["units"].sum().astype({"units": "float64"})
    out["share"] = out["units"] / out.groupby(keys)["units"].transform("sum")
    pairs = pd.MultiIndex.from_frame(meant)
    fits = np.where(pd.MultiIndex.from_frame(out[["channel", "segment"]]).isin(pairs), "yes", "no")
    return out.assign(fits=np.where(out["channel"].isin(meant["channel"]), fits, "unknown"))


def role_fit(mix: pd.DataFrame, within: Sequence[str] = ()) -> pd.DataFrame:
    """The part of each channel's sales that goes to its role, and the largest segment outside it.

    Args:
        mix: `role_mix`.

    Returns:
        within…, channel, units, in_role (fraction; NaN where the channel has no stated role), outside (segment; missing
        where nothing was sold outside), outside_share.

    >>> mix = pd.DataFrame({"channel": "own", "segment": ["a", "b"], "units": [3.0, 1.0], "share": [0.75, 0.25],
    ...                     "fits": ["no", "yes"]})
    >>> role_fit(mix).values.tolist()
    [['own', 4.0, 0.25, 'a', 0.75]]
    """
    keys = [*within, "channel"]
    stated = mix[mix["fits"] != "unknown"]
    out = mix.groupby(keys, as_index=False, sort=False)["units"].sum()
    fitting = stated.assign(in_role=stated["share"].where(stated["fits"] == "yes", 0.0))
    inside = fitting.groupby(keys)["in_role"].sum().reset_index()
    stray = stated[(stated["fits"] == "no") & (stated["units"] > 0)].sort_values(["units", "segment"], ascending=[False, True])
    stray = stray.drop_duplicates(keys)[[*keys, "segment", "share"]].rename(
        columns={"segment": "outside", "share": "outside_share"}
    )
    return out.merge(inside, on=keys, how="left").merge(stray, on=keys, how="left")


def known_share(sales: pd.DataFrame, column: str = "subsidy") -> float:
    """The part of the units whose value in a column is known; NaN where nothing was sold.

    >>> known_share(pd.DataFrame({"units": [3, 1], "subsidy": [300.0, None]}))
    0.75
    """
    return ratio(sales.loc[sales[column].notna(), "units"].sum(), sales["units"].sum())


def with_yuan(sales: pd.DataFrame) -> pd.DataFrame:
    """Sales whose subsidy is known, with `subsidy_yuan` for all their units: what `price_volume_mix` reads.

    >>> with_yuan(pd.DataFrame({"units": [2, 1], "subsidy": [300.0, None]}))["subsidy_yuan"].tolist()
    [600.0]
    """
    known = sales[sales["subsidy"].notna()]
    return known.assign(subsidy_yuan=known["subsidy"] * known["units"])


def cost_change(before: pd.DataFrame, after: pd.DataFrame) -> tuple[pd.DataFrame, tuple[float, float]]:
    """The change of the subsidy between two months' sales, where it is known of the same part of both.

    Returns:
        `price_volume_mix` by channel and class, empty where the parts differ by more than a point or one is unknown; and
        the part of the units whose subsidy is known, before and after (`known_share`).

    >>> sales = pd.DataFrame({"channel": "own", "device_class": "handset", "units": [2, 1], "subsidy": [300.0, None]})
    >>> split, known = cost_change(sales[:1], sales)
    >>> len(split), [round(part, 2) for part in known]
    (0, [1.0, 0.67])
    """
    known = known_share(before), known_share(after)
    split = price_volume_mix(with_yuan(before), with_yuan(after))
    return (split if abs(known[0] - known[1]) <= 0.01 else split[:0]), known


def valid_by_quarter(sales: pd.DataFrame, states: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Valid customers by channel, of the last three months of sales and of the three before: what `mix_and_rate` reads.

    Args:
        sales: date, channel, units: sales old enough that their customers are known.
        states: their `subsidy.customer_states`; unknown ones are left out.

    Returns:
        before, after: channel, units, valid.

    >>> sales = pd.DataFrame({"date": pd.to_datetime(["2013-01-05", "2013-06-05"]), "channel": "own", "units": [3, 2]})
    >>> [side.values.tolist() for side in valid_by_quarter(sales, pd.DataFrame({"state": ["valid", "idle"]}))]
    [[['own', 3, 3]], [['own', 2, 0]]]
    """
    known = states["state"].isin(FOLLOWED)
    rows = sales.loc[known, ["channel", "units"]].assign(month=month_number(sales.loc[known, "date"]))
    rows["valid"] = rows["units"].where(states.loc[known, "state"] == "valid", 0)
    last = rows["month"].max() if len(rows) else 0
    sides = (rows[rows["month"].between(last - 5, last - 3)], rows[rows["month"] > last - 3])
    before, after = (side[["channel", "units", "valid"]] for side in sides)
    return before, after

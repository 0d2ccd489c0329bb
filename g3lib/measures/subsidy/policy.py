"""Policy: each sale is matched to exactly one rule, which says how it is booked and what caps it.

A rule is a row of the policy table; an empty dimension means any. Bands are half-open as written: 2000
元(不含)以下 is price < 2000. A rule for a segment goes before the general one. A sale with no rule, or with
more than one, is a fault of the policy table and is reported, never guessed. What is booked as cost and what is
taken off revenue are summed apart, never together.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.tables import policy as grid
from g3lib.tables.policy import SEVERAL, in_force


def with_models(sales: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """The sales with kind, screen and tier of their model, many to one: no row is doubled.

    A sale's own device class wins over its model's.

    >>> sales = pd.DataFrame({"model": ["m", "m", "new"], "device_class": ["netbook", None, None]}, index=[7, 8, 9])
    >>> models = pd.DataFrame({"model": ["m"], "device_class": "handset", "kind": "smart", "screen_inches": 3.5, "tier": "low"})
    >>> with_models(sales, models)[["device_class", "tier"]].values.tolist()
    [['netbook', 'low'], ['handset', 'low'], [nan, nan]]
    """
    facts = models[["model", "device_class", "kind", "screen_inches", "tier"]]
    joined = sales.merge(facts, on="model", how="left", validate="many_to_one", suffixes=("", "_of_model"))
    joined["device_class"] = joined["device_class"].fillna(joined.pop("device_class_of_model"))
    joined.index = sales.index
    return joined


def match_policy(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.Series:
    """For each sale the position of its rule in the policy table.

    The sales are reduced to the distinct cells of the policy's grid, the cells are matched, and each sale
    takes what its cell found: ten million sales cost one pass a dimension.

    Args:
        sales: rows of the sales table with the models' facts (`with_models`): date, list_price,
            screen_inches, kind, tier, device_class, contract, channel, segment, as far as the policy names them.
        policy: rows of the policy table; stacking credits (`rule_type` credit) are left aside.

    Returns:
        Integer positions into `policy`, index as the sales; `NO_RULE` (-1) where none holds, `SEVERAL`
        (-2) where more than one does. A sale whose price, screen or date is unknown has no rule that limits
        it; a rule's last day counts to its end.

    Raises:
        UsageError: a column that the policy names is not in the sales.

    >>> sales = pd.DataFrame({"date": pd.Timestamp("2013-02-01"), "list_price": [1999.99, 2000.0, np.nan]})
    >>> rules = pd.DataFrame({"rule": ["low", "high"], "price_max": [2000.0, np.nan],
    ...                       "price_min": [np.nan, 2000.0]})
    >>> match_policy(sales, rules).tolist()
    [0, 1, -1]
    """
    of = grid.steps(policy)
    cell, first = grid.cells(sales, of)
    found = grid.decided(grid.codes(sales.iloc[first], of), policy, of)
    return pd.Series(found[cell], index=sales.index, name="rule_position")


def unmatched(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """The sales with no rule or with several, one line a cell: ten thousand sales of one hole are one line.

    Args:
        sales: as for `match_policy`, with units.
        policy: the rules.

    Returns:
        fault (`no rule`, `several rules`), rules (ids joined by "; ": those that hold, or for none the nearest,
        excluded by the fewest dimensions), excluded_by (the dimensions that exclude those: `price`,
        `screen`, `validity`, `channel` …, `price_unknown` where the sale doesn't say; several of one rule as
        `price+channel`), the cell (columns as in `lint`; a limit is empty where the band is open), sales
        (rows), units, index (the sales' labels). Most units first.

    >>> sales = pd.DataFrame({"list_price": [900.0, 950.0], "units": [1, 2], "channel": "own"}, index=["a", "b"])
    >>> rules = pd.DataFrame({"rule": ["dear", "far"], "price_min": [1000.0, 1000], "channel": ["own", "end"]})
    >>> unmatched(sales, rules)[["rules", "excluded_by", "price_to", "units"]].values.tolist()
    [['dear', 'price', 1000.0, 3]]
    """
    lost = sales[(match_policy(sales, policy) < 0).to_numpy()]
    rules = policy[grid.base_rules(policy)]
    named = grid.steps(rules)
    # a word that no rule names is a hole of its own, so that it can be said which; segments are free text
    open_words = [name for name in named if name not in (*grid.BANDS, "segment")]
    of = named | {name: np.union1d(named[name], lost[name].dropna().astype("object")) for name in open_words}
    cell, first = grid.cells(lost, of)
    spots = grid.codes(lost.iloc[first], of)
    table = grid.admitted(rules, of)
    outside = np.array([~table[name][:, spots[name]] for name in of], dtype=bool).reshape(len(of), len(rules), len(spots))
    # what a sale doesn't say is nearer than what it says otherwise
    weights = np.where(spots.T == 0, 1, len(of) + 1)[:, None, :]
    misses = (outside * weights).sum(axis=0)
    several = grid.decided(spots, rules, of) == SEVERAL
    near = np.where(several, grid.strongest(spots, rules, of), misses == misses.min(axis=0, initial=misses.max(initial=0)))
    ids = rules["rule"].astype("object").to_numpy()
    said = np.where(spots == 0, [f"{name}_unknown" for name in of], list(of))
    by = [dict.fromkeys("+".join(said[j, outside[:, i, j]]) for i in np.flatnonzero(near[:, j])) for j in range(len(spots))]
    counts = np.bincount(cell, minlength=len(first))
    labels = np.split(np.argsort(cell, kind="stable"), np.cumsum(counts)[:-1]) if len(first) else []
    out = grid.described(spots, of).assign(
        fault=np.where(several, "several rules", "no rule"),
        rules=["; ".join(map(str, ids[own])) for own in near.T],
        excluded_by=["" if many else "; ".join(dims) for many, dims in zip(several, by, strict=True)],
        sales=counts,
        units=lost["units"].groupby(cell).sum().to_numpy(),
        index=pd.Series([lost.index[own] for own in labels], dtype="object"),
    )
    return out[["fault", "rules", "excluded_by", *grid.BOX, "sales", "units", "index"]].sort_values(
        ["units", "fault", "rules", *grid.BOX], ascending=[False] + [True] * (2 + len(grid.BOX)), ignore_index=True
    )  # fmt: skip


def with_rules(sales: pd.DataFrame, checked: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """The sales with the rule that each falls under and how that rule books its subsidy.

    Args:
        sales: rows of the sales table.
        checked: `check_policy` of the same sales.
        policy: the rules.

    Returns:
        The sales with rule, booking (`cost`, `revenue`, or missing where no single rule says).

    >>> rules = pd.DataFrame({"rule": ["one", "two", "two"], "booking": ["cost", "cost", "revenue"]})
    >>> checked = pd.DataFrame({"rule": ["one", "two", "no rule"]})
    >>> with_rules(pd.DataFrame({"units": [1, 1, 1]}), checked, rules)["booking"].tolist()
    ['cost', nan, nan]
    """
    # an id that two rules share with different bookings books nothing
    known = policy[["rule", "booking"]].drop_duplicates().drop_duplicates("rule", keep=False).set_index("rule")["booking"]
    rule = checked["rule"].astype("object")
    return sales.assign(rule=rule, booking=rule.map(known).astype("object"))


def booked(sales: pd.DataFrame, checked: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """The device subsidy by how its rule books it; the layers are summed apart and there is no total.

    Args:
        sales: subsidy (yuan a unit), units.
        checked: `check_policy` of the same sales.
        policy: the rules.

    Returns:
        booking (`cost` 终端补贴, `revenue` 冲减收入, `unknown`: no single rule, or one that doesn't say), units,
        subsidy_yuan, unknown_units (their subsidy is unknown, in no sum). Always the three rows.

    >>> sales = pd.DataFrame({"units": [1, 2], "subsidy": [100.0, 50.0]})
    >>> booked(sales, pd.DataFrame({"rule": ["r", "no rule"]}), pd.DataFrame({"rule": ["r"], "booking": ["revenue"]}))[
    ...     ["booking", "subsidy_yuan"]].values.tolist()
    [['cost', 0.0], ['revenue', 100.0], ['unknown', 100.0]]
    """
    booking = with_rules(sales, checked, policy)["booking"].fillna("unknown")
    given = sales["subsidy"].notna()
    frame = pd.DataFrame(
        {
            "units": sales["units"].where(given, 0),
            "subsidy_yuan": (sales["subsidy"] * sales["units"]).fillna(0.0),
            "unknown_units": sales["units"].where(~given, 0),
        }
    )
    rows = pd.Index(["cost", "revenue", "unknown"], name="booking")
    return frame.groupby(booking.to_numpy(dtype="object")).sum().reindex(rows, fill_value=0).reset_index()


def credits(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.DataFrame:
    """How many devices qualify for each stacking credit (`rule_type` credit), or may.

    Args:
        sales: as for `match_policy`, with units.
        policy: the rules; all but credits are left aside.

    Returns:
        rule, qualifies (`yes`; `unknown` where nothing but a fact that the sale doesn't state stands against it), units,
        amount_yuan (NaN: no table states a schedule), reason (`schedule_not_given`; `segment_unknown` …, the facts
        joined by "; "). By rule, the most units first.

    >>> sales = pd.DataFrame({"units": 1, "channel": ["own", "own", "social"], "segment": ["loyal", None, "loyal"]})
    >>> rules = pd.DataFrame({"rule": ["thanks"], "rule_type": ["credit"], "channel": ["own"], "segment": ["loyal"]})
    >>> credits(sales, rules).values.tolist()
    [['thanks', 'yes', 1, nan, 'schedule_not_given'], ['thanks', 'unknown', 1, nan, 'segment_unknown']]
    """
    rules = policy[~grid.base_rules(policy)].reset_index(drop=True)
    of = grid.steps(rules)
    cell, first = grid.cells(sales, of)
    spots = grid.codes(sales.iloc[first], of)
    table = grid.admitted(rules, of)
    units = sales["units"].groupby(cell).sum()
    found = [pd.DataFrame(columns=["rule", "qualifies", "units", "amount_yuan", "reason"])]
    for i, rule in rules["rule"].items():
        outside = pd.DataFrame({name: ~admits[i, spots[name]] for name, admits in table.items()}, index=spots.index)
        may = ~(outside & (spots != 0)).any(axis=1)
        lacking = ["; ".join(f"{n}_unknown" for n in of if row[n]) for row in outside.to_dict("records")]
        reason = pd.Series(lacking, index=spots.index, dtype="object").replace("", "schedule_not_given")
        frame = pd.DataFrame({"rule": rule, "qualifies": np.where(reason == "schedule_not_given", "yes", "unknown"),
                              "units": units, "reason": reason})  # fmt: skip
        sums = frame[may].groupby(["rule", "qualifies", "reason"], as_index=False)["units"].sum()
        found.append(sums.assign(amount_yuan=np.nan))
    out = pd.concat(found[1:] or found)[list(found[0])]
    return out.sort_values(["rule", "units", "reason"], ascending=[True, False, True], ignore_index=True)


def caps_by_model(sales: pd.DataFrame, policy: pd.DataFrame, cap: str = "lifecycle_cap", on: object = None) -> pd.Series:
    """Each model's cap: the smallest of the rules that its sales match; NaN where none states one.

    Args:
        sales: as for `match_policy`, with model.
        policy: the rules.
        cap: `lifecycle_cap` (a fraction) or `cap_per_unit` (yuan).
        on: only the rules that hold on this day; without it all, as a cap over a whole life asks.

    >>> sales = pd.DataFrame({"model": ["a", "a", "b", "c"], "channel": ["own", "social", "social", "web"]})
    >>> rules = pd.DataFrame({"channel": ["own", "social"], "lifecycle_cap": [0.6, np.nan]})
    >>> caps_by_model(sales, rules).to_dict()  # b's rule states none, c has no rule
    {'a': 0.6, 'b': nan, 'c': nan}
    """
    policy = policy if on is None else in_force(policy, on)
    position = match_policy(sales, policy)
    caps = policy[cap].reset_index(drop=True)
    return position.where(position >= 0).map(caps).groupby(sales["model"]).min()

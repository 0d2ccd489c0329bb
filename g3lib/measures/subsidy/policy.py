"""Policy: each sale is matched to exactly one rule, and its rate is held against that rule.

A rule is a row of the policy table; an empty dimension means any. Bands are half-open as written: 2000
元(不含)以下 is price < 2000. A rule for a segment goes before the general one. A sale with no rule, or with
more than one, is a fault of the policy table and is reported, never guessed. A rate that is masked or
open gives no verdict, also where a figure stands beside the mask; a cap in yuan a unit that is known can
still be broken. What is booked as cost and what is taken off revenue are summed apart, never together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.measures.subsidy.rates import amounts
from g3lib.tables import policy as grid
from g3lib.tables.policy import NO_RULE, SEVERAL, in_force

# 约 (about) must mean something in figures; a province sets its own
TOLERANCE = 0.02


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


def check_policy(
    sales: pd.DataFrame, policy: pd.DataFrame, *, numerator: str, base: str, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Every sale held against its rule.

    Args:
        sales: as for `match_policy`, with the amounts that `numerator` and `base` need.
        policy: the rules.
        numerator, base: see `subsidy_rate`.
        tolerance: what 约 allows on either side, a fraction (0.02 is 2 pp).

    Returns:
        index as the sales: rule (id, or `no rule` / `several rules`), rule_rate (NaN where masked or open),
        sale_rate (NaN where the price is not above zero), over_yuan (of a `fail` the subsidy beyond what rate,
        cap and price say, tolerance left out; what is short of a `=` or `≥` rule, negative), bound, qualifier,
        cap_per_unit (yuan), verdict, reason: of a `fail` `above_price` (a device discount above the price, whatever the bound),
        `above_cap`, `above_rate`, `below_rate`, the gravest first; of a `no verdict` `no_rule`,
        `several_rules`, `unset`, `unknown` (an amount), `masked`, `open`, `no_rate`, `zero_base`, `negative_base`. A known
        cap that is exceeded fails also under a masked rate or a zero price; kept, it passes neither.

    >>> sales = pd.DataFrame({"channel": "own", "units": 1, "list_price": [100.0, 0, 100], "subsidy": [110.0, 0, 50]})
    >>> rules = pd.DataFrame({"rule": ["r"], "channel": ["own"], "bound": ["ge"], "rate": [0.75]})
    >>> check_policy(sales, rules, numerator="device", base="list")[["verdict", "reason", "over_yuan"]].values.tolist()
    [['fail', 'above_price', 10.0], ['no verdict', 'zero_base', nan], ['fail', 'below_rate', -25.0]]
    """
    parts = amounts(sales, numerator, base).assign(units=sales["units"])
    return held_against(parts, match_policy(sales, policy), policy, numerator=numerator, base=base, tolerance=tolerance)


def held_against(
    parts: pd.DataFrame, position: pd.Series, policy: pd.DataFrame, *, numerator: str, base: str, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Amounts held against the rules that are known to be theirs: `check_policy` without the matching.

    Args:
        parts: subsidy_yuan, base_yuan (of all its units, NaN where unknown), units.
        position: of each the position of its rule in the policy, as `match_policy` finds it.
        policy, numerator, base, tolerance, and the columns returned: see `check_policy`.

    Raises:
        UsageError: the tolerance is no fraction.

    >>> rules = pd.DataFrame({"rule": ["r"], "bound": ["le"], "rate": [0.5], "rate_status": ["known"]})
    >>> parts = pd.DataFrame({"subsidy_yuan": [120.0, 120], "base_yuan": [200.0, 200], "units": 2})
    >>> held_against(parts, pd.Series([0, -1]), rules, numerator="device", base="list")[["verdict", "reason"]].values.tolist()
    [['fail', 'above_rate'], ['no verdict', 'no_rule']]
    """
    if not 0 <= tolerance < 1:
        raise UsageError(f"tolerance is {tolerance}; expected a fraction, such as 0.02 for 2 points.")
    position = position.to_numpy()
    needed = ["rule", "rate", "rate_status", "bound", "qualifier", "cap_per_unit"]
    rules = policy.reset_index(drop=True).reindex(columns=needed).reindex(position).set_axis(parts.index)
    hidden = rules["rate_status"].isin(["masked", "open"])
    rate = pd.to_numeric(rules["rate"]).where(~hidden)
    cap = pd.to_numeric(rules["cap_per_unit"])
    bound = rules["bound"].astype("str").fillna("eq")
    slack = np.where(rules["qualifier"] == "约", tolerance, 0.0)
    given, price, fen = parts["subsidy_yuan"], parts["base_yuan"], 0.01 * parts["units"]
    sale_rate = given / price.where(price > 0)
    over = pd.DataFrame(
        {
            # with refunds counted, more than the price may lawfully flow back
            "above_price": (given - price).where((price > 0) & rate.notna() & (numerator == "device")),
            "above_cap": given - cap * parts["units"],
            "above_rate": ((sale_rate - (rate + slack)) * price).where(bound.isin(["eq", "le"])),
        }
    )
    short = (((rate - slack) - sale_rate) * price).where(bound.isin(["eq", "ge"]))
    high, low = over.gt(fen, axis=0), short > fen  # a fen of rounding a unit is no breach
    # 约 decides whether there is a breach; how large it is runs from the rule's own figure
    over["above_rate"], short = over["above_rate"] + slack * price, short + slack * price
    over = over.where(high)
    why = {
        **high, "no_rule": position == NO_RULE, "several_rules": position == SEVERAL,
        "unset": pd.Series(not (numerator and base), index=parts.index), "unknown": given.isna() | price.isna(),
        "masked": rules["rate_status"] == "masked", "open": rules["rate_status"] == "open", "no_rate": rate.isna(),
        "zero_base": price == 0, "negative_base": price < 0, "below_rate": low,
    }  # fmt: skip
    reason = np.select(list(why.values()), list(why), "")
    failed = high.any(axis=1) | (reason == "below_rate")
    verdict = np.select([failed, reason != ""], ["fail", "no verdict"], "pass")
    beyond = np.select([high.any(axis=1), low], [over.max(axis=1), -short], 0.0)
    names = np.select([position == NO_RULE, position == SEVERAL], ["no rule", "several rules"], rules["rule"].astype("object"))
    over_yuan = np.where(verdict == "no verdict", np.nan, beyond)
    columns = {
        "rule": names, "rule_rate": rate, "sale_rate": sale_rate, "over_yuan": over_yuan, "bound": bound,
        "qualifier": rules["qualifier"].astype("str"), "cap_per_unit": cap, "verdict": verdict, "reason": reason,
    }  # fmt: skip
    return pd.DataFrame(columns, index=parts.index)


def breaches(sales: pd.DataFrame, checked: pd.DataFrame, by: Sequence[str] = ("branch",)) -> pd.DataFrame:
    """Devices and yuan beyond and short of their rules, by any of the sales' columns, `rule` and `reason`.

    Args:
        sales: units and the columns of `by`.
        checked: `check_policy` of the same sales.
        by: branch, outlet, model, rule, reason …; empty for one row over all.

    Returns:
        by…, units (all devices of the group), over_units, over_yuan, below_units, below_yuan (what they are
        short of, positive), no_verdict_units. Only groups with a breach; the dearest first.

    Raises:
        UsageError: a column of `by` that neither has.

    >>> sales = pd.DataFrame({"branch": ["a", "a", "b"], "units": [2, 1, 5]})
    >>> checked = pd.DataFrame({"verdict": ["fail", "fail", "pass"], "over_yuan": [80.0, -10.0, 0.0]})
    >>> breaches(sales, checked).values.tolist()
    [['a', 3, 2, 80.0, 1, 10.0, 0]]
    """
    lacking = [name for name in by if name not in sales and name not in ("rule", "reason")]
    if lacking:
        raise UsageError(listed(lacking, "by names columns that are not in the sales:"))
    yuan = checked["over_yuan"].where(checked["verdict"] == "fail", 0.0)
    units = sales["units"]
    measures = {
        "units": units, "over_units": units.where(yuan > 0, 0), "over_yuan": yuan.clip(lower=0),
        "below_units": units.where(yuan < 0, 0), "below_yuan": (-yuan).clip(lower=0),
        "no_verdict_units": units.where(checked["verdict"] == "no verdict", 0),
    }  # fmt: skip
    keys = {name: checked[name] if name in ("rule", "reason") else sales[name] for name in by}
    frame = pd.DataFrame({**keys, **measures}, index=sales.index)
    sums = frame.groupby(list(by), as_index=False, dropna=False, observed=True).sum() if by else frame.sum().to_frame().T
    sums = sums[(sums["over_units"] > 0) | (sums["below_units"] > 0)]
    return sums.sort_values(["over_yuan", "below_yuan", *by], ascending=[False, False] + [True] * len(by), ignore_index=True)


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


def against_rules(sales: pd.DataFrame, checked: pd.DataFrame, rates: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """Each class × contract × channel beside the rules that its sales fell under.

    Args:
        sales: device_class, contract, channel, units.
        checked: `check_policy` of the same sales.
        rates: `subsidy_rate` by device_class, contract, channel.
        tolerance: as given to `check_policy`.

    Returns:
        The rows of `rates` with rule_low, rule_high (the range that the rules allow; NaN where unknown),
        fails (devices subsidised beyond their rule), below (devices that fall short of it), no_verdict
        (devices), over_yuan.

    >>> cell = pd.DataFrame({"device_class": "handset", "contract": "plan", "channel": ["own", "own", "web"]})
    >>> checked = pd.DataFrame({"rule_rate": [0.3, 0.5, None], "bound": ["le", "eq", "eq"], "qualifier": ["", "约", ""],
    ...                         "verdict": ["fail", "pass", "no verdict"], "over_yuan": [80.0, 0.0, None]})
    >>> found = against_rules(cell.assign(units=[1, 2, 4]), checked, cell.drop_duplicates(), 0.02)
    >>> found[["channel", "rule_low", "rule_high", "fails", "no_verdict"]].values.tolist()
    [['own', 0.0, 0.52, 1, 0], ['web', nan, nan, 0, 4]]
    """
    by = ["device_class", "contract", "channel"]
    bound, about = checked["bound"], (checked["qualifier"] == "约") * tolerance
    failed = checked["verdict"] == "fail"
    frame = sales[by].assign(
        rule_low=np.where(bound == "le", 0.0, checked["rule_rate"] - about),
        rule_high=np.where(bound == "ge", 1.0, checked["rule_rate"] + about),
        fails=sales["units"].where(failed & (checked["over_yuan"] > 0), 0),
        below=sales["units"].where(failed & (checked["over_yuan"] < 0), 0),
        no_verdict=sales["units"].where(checked["verdict"] == "no verdict", 0),
        over_yuan=checked["over_yuan"].clip(lower=0).fillna(0.0),
    )
    frame.loc[checked["rule_rate"].isna(), ["rule_low", "rule_high"]] = np.nan
    sums = frame.groupby(by, as_index=False, dropna=False).agg(
        rule_low=("rule_low", "min"), rule_high=("rule_high", "max"), fails=("fails", "sum"),
        below=("below", "sum"), no_verdict=("no_verdict", "sum"), over_yuan=("over_yuan", "sum"),
    )  # fmt: skip
    return rates.merge(sums, on=by, how="left", validate="one_to_one")

"""Policy: each sale is matched to exactly one rule, and its rate is held against that rule.

A rule is a row of the policy table; an empty dimension means any. Bands are half-open as written: 2000
元(不含)以下 is price < 2000. A rule for a segment goes before the general one. A sale with no rule, or with
more than one, is a fault of the policy table and is reported, never guessed. A rate that is masked or
open gives no verdict.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.rates import amounts

NO_RULE, SEVERAL = -1, -2
_SAME = ("device_class", "kind", "tier", "contract", "channel")
# 约 (about) must mean something in figures; a province sets its own
TOLERANCE = 0.02


def with_models(sales: pd.DataFrame, models: pd.DataFrame) -> pd.DataFrame:
    """The sales with kind, screen and tier of their model, many to one: no row is doubled.

    A sale's own device class wins over its model's.
    """
    facts = models[["model", "device_class", "kind", "screen_inches", "tier"]]
    joined = sales.merge(facts, on="model", how="left", validate="many_to_one", suffixes=("", "_of_model"))
    joined["device_class"] = joined["device_class"].fillna(joined.pop("device_class_of_model"))
    joined.index = sales.index
    return joined


def match_policy(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.Series:
    """For each sale the position of its rule in the policy table.

    Args:
        sales: rows of the sales table with the models' facts (`with_models`): date, list_price,
            screen_inches, kind, tier, device_class, contract, channel, segment.
        policy: rows of the policy table; stacking credits (`rule_type` credit) are left aside.

    Returns:
        Integer positions into `policy`, index as the sales; `NO_RULE` (-1) where none holds, `SEVERAL`
        (-2) where more than one does.

    >>> sales = pd.DataFrame({"date": pd.Timestamp("2013-02-01"), "list_price": [1999.99, 2000.0]})
    >>> rules = pd.DataFrame({"rule": ["low", "high"], "price_max": [2000.0, np.nan],
    ...                       "price_min": [np.nan, 2000.0]})
    >>> match_policy(sales, rules).tolist()
    [0, 1]
    """
    found = np.full(len(sales), NO_RULE)
    for segment_rules in (True, False):
        hits = np.zeros(len(sales), dtype=int)
        rule_of = np.full(len(sales), NO_RULE)
        for position, rule in enumerate(policy.to_dict("records")):
            special = isinstance(rule.get("segment"), str)
            if special != segment_rules or rule.get("rule_type") == "credit":
                continue
            holds = _holds(sales, rule)
            hits += holds
            rule_of[holds] = position
        open_ = found == NO_RULE
        found = np.where(open_ & (hits == 1), rule_of, np.where(open_ & (hits > 1), SEVERAL, found))
    return pd.Series(found, index=sales.index, name="rule_position")


def _holds(sales: pd.DataFrame, rule: dict) -> np.ndarray:  # type: ignore[type-arg]
    holds = np.ones(len(sales), dtype=bool)
    for column in (*_SAME, "segment"):
        wanted = rule.get(column)
        if isinstance(wanted, str):
            holds &= (sales[column] == wanted).fillna(False).to_numpy(dtype=bool)
    for column, low, high in (
        ("list_price", rule.get("price_min"), rule.get("price_max")),
        ("screen_inches", rule.get("screen_min"), rule.get("screen_max")),
    ):
        # a comparison with an unknown price or screen is False: such a sale has no rule, and says so
        if _given(low):
            holds &= (sales[column] >= low).to_numpy(dtype=bool)
        if _given(high):
            holds &= (sales[column] < high).to_numpy(dtype=bool)
    if _given(rule.get("valid_from")):
        holds &= (sales["date"] >= rule["valid_from"]).to_numpy(dtype=bool)
    if _given(rule.get("valid_to")):
        holds &= (sales["date"] <= rule["valid_to"]).to_numpy(dtype=bool)
    return holds


def _given(limit: object) -> bool:
    return limit is not None and limit == limit and limit is not pd.NaT


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
        index as the sales: rule (id, or `no rule` / `several rules`), rule_rate, sale_rate, over_yuan
        (subsidy beyond what the rule allows; for a `≥` rule what is short, negative), bound, qualifier,
        verdict: `pass`, `fail`, `no verdict` (masked or open rate, unknown amounts, no single rule).
    """
    parts = amounts(sales, numerator, base)
    position = match_policy(sales, policy).to_numpy()
    single = position >= 0
    row = np.where(single, position, 0)

    def of_rule(column: str) -> pd.Series:
        if column not in policy or not len(policy):
            return pd.Series(None, index=sales.index, dtype="object")
        return pd.Series(policy[column].to_numpy(dtype=object)[row], index=sales.index).where(single, None)

    rate = pd.to_numeric(of_rule("rate"))
    bound = of_rule("bound").fillna("eq")
    slack = np.where(of_rule("qualifier") == "约", tolerance, 0.0)
    sale_rate = parts["subsidy_yuan"] / parts["base_yuan"].where(parts["base_yuan"] != 0)
    above, below = sale_rate - (rate + slack), (rate - slack) - sale_rate
    # a fen of rounding a unit is no breach
    high = bound.isin(["eq", "le"]) & (above * parts["base_yuan"] > 0.01 * sales["units"])
    low = bound.isin(["eq", "ge"]) & (below * parts["base_yuan"] > 0.01 * sales["units"])
    over = np.where(high, above * parts["base_yuan"], np.where(low, -below * parts["base_yuan"], 0.0))
    unknown = rate.isna() | sale_rate.isna()
    names = np.where(single, of_rule("rule"), np.where(position == SEVERAL, "several rules", "no rule"))
    return pd.DataFrame(
        {
            "rule": names,
            "rule_rate": rate,
            "sale_rate": sale_rate,
            "over_yuan": np.where(unknown, np.nan, over),
            "bound": bound,
            "qualifier": of_rule("qualifier"),
            "verdict": np.select([unknown, high | low], ["no verdict", "fail"], "pass"),
        },
        index=sales.index,
    )


def caps_by_model(sales: pd.DataFrame, policy: pd.DataFrame) -> pd.Series:
    """Each model's lifecycle cap: the smallest of the rules that its sales match; NaN where none states one.

    Args:
        sales: as for `match_policy`, with model.
        policy: the rules.
    """
    position = match_policy(sales, policy)
    caps = policy["lifecycle_cap"].reset_index(drop=True)
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

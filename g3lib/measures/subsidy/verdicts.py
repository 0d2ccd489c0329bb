"""Verdicts: each sale, or part of a plan, held against its rule; how many devices and yuan are beyond it, and short of it.

A rate that is masked or open gives no verdict, also where a figure stands beside the mask; a cap in yuan a unit that is known
can still be broken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.errors import UsageError, listed
from g3lib.measures.subsidy.policy import match_policy
from g3lib.measures.subsidy.rates import amounts
from g3lib.tables.policy import NO_RULE, SEVERAL

# 约 (about) must mean something in figures; a province sets its own
TOLERANCE = 0.02


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
        cap_per_unit (yuan), verdict, reason: of a `fail` `above_price` (a device discount above the list price, on any base),
        `above_cap`, `above_rate`, `below_rate`, the gravest first; of a `no verdict` `no_rule`,
        `several_rules`, `unset`, `unknown` (an amount), `masked`, `open`, `no_rate`, `zero_base`, `negative_base`. A known
        cap that is exceeded fails also under a masked rate or a zero price; kept, it passes neither.

    >>> sales = pd.DataFrame({"channel": "own", "units": 1, "list_price": [100.0, 0, 100], "subsidy": [110.0, 0, 50]})
    >>> rules = pd.DataFrame({"rule": ["r"], "channel": ["own"], "bound": ["ge"], "rate": [0.75]})
    >>> check_policy(sales, rules, numerator="device", base="list")[["verdict", "reason", "over_yuan"]].values.tolist()
    [['fail', 'above_price', 10.0], ['no verdict', 'zero_base', nan], ['fail', 'below_rate', -25.0]]
    """
    list_yuan = sales["list_price"] * sales["units"] if "list_price" in sales else float("nan")
    parts = amounts(sales, numerator, base).assign(units=sales["units"], list_yuan=list_yuan)
    held = held_against(parts, match_policy(sales, policy), policy, numerator=numerator, base=base, tolerance=tolerance)
    return words_of(held)


def held_against(
    parts: pd.DataFrame, position: pd.Series, policy: pd.DataFrame, *, numerator: str, base: str, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Amounts held against the rules that are known to be theirs: `check_policy` without the matching.

    Args:
        parts: subsidy_yuan, base_yuan, list_yuan (at list price; each of all its units, NaN where unknown), units.
        position: of each the position of its rule in the policy, as `match_policy` finds it.
        policy, numerator, base, tolerance: see `check_policy`.

    Returns:
        The columns of `check_policy`, its words as categories: many rows say few.

    Raises:
        UsageError: the tolerance is no fraction.

    >>> rules = pd.DataFrame({"rule": ["r"], "bound": ["le"], "rate": [0.5], "rate_status": ["known"]})
    >>> parts = pd.DataFrame({"subsidy_yuan": [120.0, 120], "base_yuan": [200.0, 200], "list_yuan": [200.0, 200], "units": 2})
    >>> held_against(parts, pd.Series([0, -1]), rules, numerator="device", base="list")[["verdict", "reason"]].values.tolist()
    [['fail', 'above_rate'], ['no verdict', 'no_rule']]
    """
    if not 0 <= tolerance < 1:
        raise UsageError(f"tolerance is {tolerance}; expected a fraction, such as 0.02 for 2 points.")
    terms, at = _terms(policy), position.to_numpy()
    own = np.where(at >= 0, at, len(policy) + np.where(at == SEVERAL, 1, 0))  # two lines more: no rule, several
    rate, cap, bound, status = (terms[name].to_numpy()[own] for name in ("rate", "cap_per_unit", "bound_code", "status_code"))
    slack = np.where(terms["qualifier"].eq("约"), tolerance, 0.0)[own]
    names = ("subsidy_yuan", "base_yuan", "list_yuan", "units")
    given, price, of_list, units = (parts[name].to_numpy(dtype=float) for name in names)
    fen = 0.01 * units
    sale_rate = given / np.where(price > 0, price, np.nan)
    over = {
        # more than the device costs is no discount, on whatever base the rule is: a contract price is what is left of the list
        # price, so a discount above that one is merely more than half. With refunds counted more may lawfully flow back
        "above_price": np.where((of_list > 0) & ~np.isnan(rate) & (numerator == "device"), given - of_list, np.nan),
        "above_cap": given - cap * units,
        "above_rate": np.where(bound != _GE, (sale_rate - (rate + slack)) * price, np.nan),
    }
    short = np.where(bound != _LE, ((rate - slack) - sale_rate) * price, np.nan)
    high, low = {name: yuan > fen for name, yuan in over.items()}, short > fen  # a fen of rounding a unit is no breach
    # 约 decides whether there is a breach; how large it is runs from the rule's own figure
    over["above_rate"], short = over["above_rate"] + slack * price, short + slack * price
    most = np.fmax.reduce([np.where(high[name], yuan, np.nan) for name, yuan in over.items()])
    why = {
        **high, "no_rule": at == NO_RULE, "several_rules": at == SEVERAL, "unset": np.full(len(at), not (numerator and base)),
        "unknown": np.isnan(given) | np.isnan(price), "masked": status == _MASKED, "open": status == _OPEN,
        "no_rate": np.isnan(rate), "zero_base": price == 0, "negative_base": price < 0, "below_rate": low,
    }  # fmt: skip
    reason = np.select(list(why.values()), range(len(why)), len(why))
    any_high = np.logical_or.reduce(list(high.values()))
    verdict = np.select([any_high | (reason == list(why).index("below_rate")), reason < len(why)], [0, 1], 2)
    beyond = np.select([any_high, low], [most, -short], 0.0)
    columns = {
        "rule": _named(terms["rule"], own), "rule_rate": rate, "sale_rate": sale_rate,
        "over_yuan": np.where(verdict == 1, np.nan, beyond), "bound": pd.Categorical.from_codes(bound, _BOUNDS),
        "qualifier": _named(terms["qualifier"], own), "cap_per_unit": cap,
        "verdict": pd.Categorical.from_codes(verdict, ["fail", "no verdict", "pass"]),
        "reason": pd.Categorical.from_codes(reason, [*why, ""]),
    }  # fmt: skip
    return pd.DataFrame(columns, index=parts.index)


_BOUNDS = ["eq", "le", "ge"]
_LE, _GE = 1, 2
_MASKED, _OPEN = 1, 2


def _terms(policy: pd.DataFrame) -> pd.DataFrame:
    """What each rule says, and below them what holds where there is none, and where there are several."""
    needed = ["rule", "rate", "rate_status", "bound", "qualifier", "cap_per_unit"]
    rules = policy.reset_index(drop=True).reindex(columns=needed).reindex(range(len(policy) + 2))
    status = rules["rate_status"].map({"masked": _MASKED, "open": _OPEN}).astype("float64").fillna(0).astype(int)
    bound = rules["bound"].map({name: code for code, name in enumerate(_BOUNDS)}).astype("float64")
    return rules.assign(
        rule=[*rules["rule"].iloc[: len(policy)], "no rule", "several rules"],
        rate=pd.to_numeric(rules["rate"]).astype("float64").where(status == 0),
        cap_per_unit=pd.to_numeric(rules["cap_per_unit"]).astype("float64"),
        bound_code=bound.fillna(0).astype(int),
        status_code=status,
    )


def _named(words: pd.Series, own: np.ndarray) -> pd.Categorical:
    codes, names = pd.factorize(words)
    return pd.Categorical.from_codes(codes[own], names)


def words_of(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its categories as the words that they stand for: what reads it need not know of categories."""
    return table.astype({name: "str" for name in table if isinstance(table[name].dtype, pd.CategoricalDtype)})


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

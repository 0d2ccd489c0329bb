"""Scenario 情景: rates that an analyst tries, and what next month would come to: spend, sales, customers, payback, breaches.

What is known before a rate is chosen is an `Outlook`, made once (`outlook`); a scenario on it is a few sums over its cells,
so that it can be asked at every move of a slider. Where rates are not moved it is today's plan, to the fen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pandas as pd

from g3lib.findings import Verdict
from g3lib.measures.subsidy.allocation import Allocation, Evaluation, allocate, evaluate, limited, moved
from g3lib.measures.subsidy.allocation.cells import KEY, Cells
from g3lib.measures.subsidy.allocation.inputs import Inputs
from g3lib.measures.subsidy.planning import caps, changes, gain
from g3lib.measures.subsidy.policy import match_policy
from g3lib.measures.subsidy.rates import BARE, amounts
from g3lib.measures.subsidy.verdicts import breaches, held_against, words_of
from g3lib.measures.subsidy.worth import FollowedClass, returns_at
from g3lib.tables.policy import in_force

Moves = Mapping[str, Mapping[str, float]]


def policy_terms(recent: pd.DataFrame, policy: pd.DataFrame, cells: pd.DataFrame, on: object, *, base: str) -> pd.DataFrame:
    """The cells' sales by the rule that will hold them: what `planned_breaches` moves with the rates.

    Args:
        recent: `on_offer`, with the models' facts: the sales that the cells were made of.
        policy: the rules; those in force on the day hold.
        cells: `next_month`.
        on: a day of the month that is planned.
        base: the base of the rules' rates, see `subsidy_rate`; the numerator is the device discount.

    Returns:
        A row for each cell × rule × hundredth of a point of today's rate, so that sales on both sides of a rule's bound are not
        averaged into one that keeps to it: cell (its position), position (of the rule in `in_force(policy, on)`, or `NO_RULE`,
        `SEVERAL`), share (of the cell's units), list_price, subsidy, base (yuan a unit; NaN where a sale does not say), and the
        cell's KEY columns and device_class.

    >>> sold = pd.DataFrame({"model": "m", "channel": "own", "contract": "plan", "branch": "b", "list_price": [800.0, 1100.0],
    ...                      "units": [3, 1], "subsidy": [200.0, 110.0]})
    >>> rules = pd.DataFrame({"rule": ["low", "gone"], "price_max": [1000.0, None], "valid_from": None,
    ...                       "valid_to": [None, "2013-12-31"]})
    >>> cells = sold.iloc[:1][["model", "channel", "contract", "branch"]].assign(device_class="handset")
    >>> found = policy_terms(sold.assign(date=pd.Timestamp("2013-12-01")), rules, cells, "2014-01-31", base="list")
    >>> found[["cell", "position", "share", "subsidy"]].values.tolist()
    [[0.0, -1.0, 0.25, 110.0], [0.0, 0.0, 0.75, 200.0]]
    """
    ahead = recent.assign(date=pd.Timestamp(on))
    yuan = amounts(ahead, "device", base)
    where = pd.MultiIndex.from_frame(cells[KEY])
    parts = pd.DataFrame(
        {
            "cell": where.get_indexer(pd.MultiIndex.from_frame(ahead[KEY])),
            "position": match_policy(ahead, in_force(policy, on)).to_numpy(),
            "known": yuan["base_yuan"].notna().to_numpy(),
            "point": (10_000 * ahead["subsidy"] / ahead["list_price"]).round().to_numpy(),
            "units": ahead["units"].to_numpy(),
            "list_price": (ahead["list_price"] * ahead["units"]).to_numpy(),
            "subsidy": (ahead["subsidy"] * ahead["units"]).to_numpy(),
            "base": yuan["base_yuan"].to_numpy(),
        }
    )
    sums = parts[parts["cell"] >= 0].groupby(["cell", "position", "known", "point"], as_index=False).sum()
    sums = sums[sums["units"] > 0].reset_index(drop=True)
    prices = sums[["list_price", "subsidy", "base"]].div(sums["units"], axis=0)
    prices["base"] = prices["base"].where(sums["known"])
    of_cell = sums.groupby("cell")["units"].transform("sum")
    names = cells.reset_index(drop=True)[[*KEY, "device_class"]].iloc[sums["cell"]].reset_index(drop=True)
    return pd.concat([sums[["cell", "position"]].assign(share=sums["units"] / of_cell), prices, names], axis=1)


def planned_breaches(
    terms: pd.DataFrame, policy: pd.DataFrame, plan: pd.DataFrame, *, base: str, tolerance: float
) -> pd.DataFrame:
    """Each part of a plan held against its rule: its rate moves by as much as its cell's.

    Args:
        terms: `policy_terms`; policy: the same rules, `in_force` on the same day.
        plan: `Evaluation.plan` or `Allocation.plan`, in the order of the cells.
        base, tolerance: see `check_policy`.

    Returns:
        A row a part, index as the terms: KEY columns, device_class, units, and the columns of `check_policy`.

    >>> terms = pd.DataFrame({"cell": 0, "position": [0], "share": 1.0, "list_price": 1000.0, "subsidy": 300.0, "base": 800.0,
    ...                       "model": "m", "channel": "own", "contract": "plan", "branch": "b", "device_class": "handset"})
    >>> rules = pd.DataFrame({"rule": ["r"], "bound": ["le"], "rate": [0.45], "rate_status": ["known"]})
    >>> plan = pd.DataFrame({"units": [10.0], "rate_change": [0.1]})  # 400 of 800 yuan, 40 more than the rule allows
    >>> found = planned_breaches(terms, rules, plan, base="supply", tolerance=0.02)
    >>> found[["units", "verdict", "over_yuan"]].round(2).values.tolist()
    [[10.0, 'fail', 400.0]]
    """
    at = terms["cell"].to_numpy()
    units = plan["units"].to_numpy()[at] * terms["share"]
    subsidy = (terms["subsidy"] + plan["rate_change"].fillna(0.0).to_numpy()[at] * terms["list_price"]).clip(lower=0.0)
    # a discount that rises lowers what is paid for the device, and with it the contract price
    price = terms["base"] - (subsidy - terms["subsidy"]) if base == "contract" else terms["base"]
    parts = pd.DataFrame({"subsidy_yuan": subsidy, "base_yuan": price, "list_yuan": terms["list_price"]}).mul(units, axis=0)
    parts["units"] = units
    checked = held_against(parts, terms["position"], policy, numerator="device", base=base, tolerance=tolerance)
    return pd.concat([terms[[*KEY, "device_class"]], units.rename("units"), checked], axis=1)


@dataclass(frozen=True)
class Outlook:
    """All that is known of next month before a rate is chosen; made by `outlook`.

    market: `next_month`, looked through once; its names are categories, for many cells share few. rate_max: no rate is raised
    above it; max_move: how far one may move from today's. caps, owed, prices, mix_floor: the limits, as `allocate` asks for
    them; rules: the policy's cap a unit by model. response, lives, promises: see `response`, `lifecycle` (with
    `allowed_of_list`), `commitment_status`. terms, policy, rate_base, tolerance: what breaches are told by (`policy_terms`).
    classes: `followed_classes`; decided: the figures that somebody decided. sales: the sales with their models' facts, rule
    and booking; empty in an outlook that was kept on disk. spent: `spent_today`, where it has been worked out.
    """

    market: Cells
    rate_max: float
    max_move: float
    caps: pd.DataFrame
    rules: pd.Series
    owed: pd.DataFrame
    prices: pd.DataFrame
    mix_floor: tuple[tuple[str, ...], float]
    response: pd.DataFrame
    lives: pd.DataFrame
    promises: pd.DataFrame
    terms: pd.DataFrame
    policy: pd.DataFrame
    rate_base: str
    tolerance: float
    classes: list[FollowedClass]
    decided: dict[str, float]
    sales: pd.DataFrame = field(repr=False)
    spent: float | None = None

    @cached_property
    def spent_today(self) -> float:
        """Yuan that today's rates would spend next month, with what they owe for promises that they miss."""
        return self.within().budget

    @cached_property
    def cells(self) -> pd.DataFrame:
        """`next_month`."""
        return self.market.as_given(self.market.table).drop(columns="row")

    def limited_to(
        self, cap_per_unit: float = 0.0, mix_floor: float = 0.0, keep_lifecycle: bool = True, keep_promises: bool = True
    ) -> Outlook:
        """The same outlook under other limits (see `caps`, `outlook`): nothing else has to be known anew.

        What today's rates spend depends on no cap and no share, but on the promises that are missed.
        """
        limits = caps(self.lives, self.rules, cap_per_unit, keep_lifecycle)
        owed = self.owed if keep_promises else self.owed.iloc[:0]
        spent = self.spent_today if keep_promises else None
        return replace(self, caps=limits, mix_floor=(self.mix_floor[0], mix_floor), owed=owed, spent=spent)

    def within(self, budget: float | None = None) -> Inputs:
        """The limits to hold rates against; without a budget what today's rates would spend."""
        budget = self.spent if budget is None else budget
        return limited(self.market, budget, self.caps, self.mix_floor, self.owed, self.prices, rate_max=self.rate_max)

    def best(self, budget: float | None = None, checks: int = 3) -> Allocation:
        """The rates that gain most (`allocate`) within the same limits."""
        return allocate(
            self.cells, budget, self.caps, self.mix_floor, self.owed, self.prices, rate_max=self.rate_max, checks=checks
        )

    def returns(self, subsidies: Mapping[str, float] | None = None) -> pd.DataFrame:
        """Payback of each class at the subsidy that its followed sales had, or at another (`returns_at`)."""
        rates = {"annual_rate": self.decided["discount_rate"], "collection_rate": self.decided["collection_rate"]}
        return returns_at(self.classes, subsidies, **rates)


class Expected(NamedTuple):
    """What next month brings, with what the response leaves open (95 %; NaN where nothing was learnt), and at today's rates."""

    value: float
    low: float
    high: float
    today: float


@dataclass(frozen=True)
class Scenario:
    """What a plan of next month means for sales, customers, payback and policy, whoever made it.

    Each figure is worked out when it is first asked for: under a slider some are wanted at once, others when the hand rests.

    Args:
        ahead: `outlook`.
        plan: `Evaluation.plan` or `Allocation.plan`: one row a cell, in the order of `ahead.cells`.
    """

    ahead: Outlook = field(repr=False)
    plan: pd.DataFrame = field(repr=False)

    @cached_property
    def units(self) -> Expected:
        """Devices sold."""
        return _expected(self.plan["units_today"], gain(self.plan, self.ahead.cells, self.ahead.response, devices=True))

    @cached_property
    def customers(self) -> Expected:
        """Valid customers."""
        return _expected(self.plan["gain_today"], gain(self.plan, self.ahead.cells, self.ahead.response))

    @cached_property
    def by_group(self) -> pd.DataFrame:
        """`changes` by device_class and channel."""
        return changes(self.plan, self.ahead.cells, ["device_class", "channel"])

    @cached_property
    def returns(self) -> pd.DataFrame:
        """`returns_at` next month's mean subsidy of each class's contract sales."""
        return self.ahead.returns(mean_subsidies(self.plan, self.ahead.cells))

    @cached_property
    def checked(self) -> pd.DataFrame:
        """`planned_breaches`."""
        ahead = self.ahead
        return planned_breaches(ahead.terms, ahead.policy, self.plan, base=ahead.rate_base, tolerance=ahead.tolerance)

    @cached_property
    def breaches(self) -> pd.DataFrame:
        """Devices and yuan beyond and short of their rules (`breaches`), by rule and reason."""
        return words_of(breaches(self.checked, self.checked, ["rule", "reason"]))

    @cached_property
    def headroom(self) -> pd.Series:
        """Of each model with a lifecycle cap that sells: how far its rate may still rise, a fraction; below 0 it is too high.

        No rate rises beyond the whole price, whatever a cap on a long life would allow.
        """
        base = (self.ahead.cells["list_price"] * self.plan["units"]).groupby(self.plan["model"]).sum()
        spend = self.plan["spend"].groupby(self.plan["model"]).sum()
        caps = self.ahead.caps.set_index("model").reindex(base.index).astype("float64")
        left = caps["lifecycle_cap"] * (caps["past_base"] + base) - caps["past_subsidy"] - spend
        base = base.where(base > 0)
        return np.minimum(left / base, 1 - spend / base).dropna()

    @property
    def no_verdict_units(self) -> float:
        """Devices that no rule judges."""
        return float(self.checked.loc[self.checked["verdict"] == "no verdict", "units"].sum())


def scenario(ahead: Outlook, inputs: Inputs, moves: Moves) -> tuple[Evaluation, Scenario]:
    """Rates moved from today's (`moved`), held against every limit (`evaluate`), and what they mean.

    Args:
        ahead: `outlook`.
        inputs: `ahead.within(budget)`, made once a budget.
        moves: dimension → code → change of rate, a fraction; empty for today's rates.

    Raises:
        UsageError: lists every fault of the moves.
    """
    found = evaluate(inputs, moved(ahead.cells, moves, ahead.rate_max))
    return found, Scenario(ahead, found.plan)


class Tried(NamedTuple):
    """A plan among others: its net spend (yuan), what it means, and the hard limits that it breaks."""

    spend: float
    meant: Scenario
    broken: tuple[str, ...]


def tried_as(held: Evaluation, meant: Scenario) -> Tried:
    """An evaluated scenario as one among others."""
    return Tried(held.spend, meant, tuple(held.limits.loc[held.limits["verdict"] == Verdict.FAIL, "limit"]))


def side_by_side(ahead: Outlook, plan: Allocation, moves: Moves) -> dict[str, Tried]:
    """Today's rates, those that are moved, and the plan, all under the plan's budget.

    Args:
        ahead: `outlook`; plan: `ahead.best`; moves: see `scenario`.

    Returns:
        `today`, `scenario` (only where moves are given) and `best` (only where there is a plan, which keeps every limit).
    """
    inputs = ahead.within(plan.budget)
    tried: dict[str, Moves] = {"today": {}}
    if moves:
        tried["scenario"] = moves
    found = {}
    for name, changed in tried.items():
        found[name] = tried_as(*scenario(ahead, inputs, changed))
    return found if plan.status == "infeasible" else found | {"best": Tried(plan.spend, Scenario(ahead, plan.plan), ())}


def groups_of(tried: Mapping[str, Tried]) -> pd.DataFrame:
    """What each of several plans changes for each class × channel, one below the other.

    Args:
        tried: `side_by_side`.

    Returns:
        plan_kind, then the columns of `changes` by device_class and channel.
    """
    every = pd.concat([one.meant.by_group.assign(plan_kind=name) for name, one in tried.items()], ignore_index=True)
    return every[["plan_kind", *every.columns.drop("plan_kind")]]


def plan_differences(tried: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """What the best plan does otherwise, by class and channel.

    Args:
        tried, best: `Scenario.by_group`.

    Returns:
        device_class, channel, rate_tried, rate_best, spend_more, gain_more (best less tried); the largest move of money first.

    >>> tried = pd.DataFrame({"device_class": ["handset", "netbook"], "channel": "own", "rate": 0.3, "spend": [5.0, 9.0],
    ...                       "gain_planned": 1.0})
    >>> plan_differences(tried, tried.assign(rate=0.2, spend=[4.0, 2.0])).values.tolist()
    [['netbook', 'own', 0.3, 0.2, -7.0, 0.0], ['handset', 'own', 0.3, 0.2, -1.0, 0.0]]
    """
    both = tried.merge(best, on=["device_class", "channel"], suffixes=("", "_best"), validate="one_to_one")
    table = both[["device_class", "channel"]].assign(
        rate_tried=both["rate"], rate_best=both["rate_best"], spend_more=both["spend_best"] - both["spend"],
        gain_more=both["gain_planned_best"] - both["gain_planned"],
    )  # fmt: skip
    return table.sort_values("spend_more", key=abs, ascending=False, kind="stable", ignore_index=True)


def cost_of_more(tried: Mapping[str, Tried]) -> dict[str, float]:
    """Each plan's name → what one customer more than today's costs net, to the fen: Δ spend ÷ Δ customers.

    NaN for today's own, and where a plan brings no half a customer more: there is no more to divide by.

    Args:
        tried: `side_by_side`.
    """
    found = {}
    for name, one in tried.items():
        more = one.meant.customers.value - one.meant.customers.today
        known = "today" in tried and more > 0.5
        found[name] = round((one.spend - tried["today"].spend) / more, 2) + 0.0 if known else float("nan")
    return found


def mean_rates(cells: pd.DataFrame, by: str) -> pd.Series:
    """Today's subsidy rate of each group of cells: Σ rate × list price × units ÷ Σ list price × units.

    >>> cells = pd.DataFrame({"channel": "own", "list_price": [100.0, 300.0], "units": 1.0, "rate": [0.2, 0.6]})
    >>> mean_rates(cells, "channel").to_dict()
    {'own': 0.5}
    """
    base = cells["list_price"] * cells["units"]
    sums = pd.DataFrame({"spend": base * cells["rate"], "base": base}).groupby(cells[by]).sum()
    return sums["spend"] / sums["base"]


def mean_subsidies(plan: pd.DataFrame, cells: pd.DataFrame) -> dict[str, float]:
    """Device class → the mean subsidy of its contract sales in a plan, yuan a unit; a class that sells none is not in it.

    >>> plan = pd.DataFrame({"units": [1.0, 3.0, 9.0, 0.0], "spend": [100.0, 900.0, 0.0, 0.0]})
    >>> cells = pd.DataFrame({"device_class": ["handset"] * 3 + ["netbook"], "contract": ["plan", "spend", "bare", "plan"]})
    >>> mean_subsidies(plan, cells)
    {'handset': 250.0}
    """
    own = (cells["contract"] != BARE) & (plan["units"] > 0)
    sums = plan.loc[own, ["units", "spend"]].groupby(cells.loc[own, "device_class"]).sum()
    return dict(zip(sums.index, (sums["spend"] / sums["units"]).tolist(), strict=True))


def _expected(today: pd.Series, gained: tuple[float, float, float]) -> Expected:
    base = float(today.sum())
    value, low, high = (base + part for part in gained)
    return Expected(value, low, high, base)

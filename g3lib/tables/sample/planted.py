"""What truth.json says: what was planted, and how it turned out in the files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from g3lib.tables.sample import truth as numbers
from g3lib.tables.sample.activity import STATES
from g3lib.tables.sample.sales import FATES, ODD_QUARTER, Sold
from g3lib.tables.sample.truth import Scenario
from g3lib.tables.sample.world import BREACH_MODEL, GIFT_MODEL, MODELS, PRICE_MODEL, Outlet, idle_outlets


def truth(world: Scenario, places: list[Outlet], sold: Sold, followed: pd.DataFrame) -> dict[str, Any]:
    """Everything planted in the sales, the outlets and the customers' months, as plain values."""
    lines = sold.lines
    boxes = [o for o in places if o.name in {batch["outlet"] for batch in sold.batches}]
    return {
        "title": world.title,
        "seed": world.seed,
        "branches": list(world.branches),
        "months": list(world.months),
        "demand": {
            "betas": numbers.BETAS,
            "displacement": numbers.DISPLACEMENT,
            "reference_rate": 0.5,
            "rates_decided_by_cities_before": numbers.REGIME_START,
            "season": {f"{i:02d}": factor for i, factor in enumerate(numbers.SEASON, 1)},
            "growth_monthly": numbers.GROWTH_MONTHLY,
            "month_end": {"days": numbers.MONTH_END_DAYS, "lift": numbers.MONTH_END_LIFT, "weekend_lift": numbers.WEEKEND_LIFT},
        },
        "incremental": _incremental(world, sold.caused),
        "customer_type": {"existing": numbers.EXISTING},
        "segments": {of: dict(zip(numbers.SEGMENTS, shares, strict=True)) for of, shares in numbers.SEGMENT_SHARE.items()},
        "displayed": numbers.DISPLAYED,
        "idle_outlets": idle_outlets(world),
        "activation": {"open_seconds": list(numbers.OPEN_SECONDS), "batch_step_seconds": list(numbers.BATCH_STEP_SECONDS)},
        "deviations": _deviations(world),
        "causes": _causes(places),
        "confounded_fact": numbers.CONFOUNDED,
        "fates": _fates(lines, followed),
        "box_breaking": {"outlets": [o.name for o in boxes], "batches": sold.batches},
        "weak_coverage_share": numbers.WEAK_COVERAGE_SHARE,
        "hazards": numbers.HAZARDS
        | {"contract_end_steps": list(numbers.CONTRACT_END_STEPS), "followed_months": numbers.FOLLOWED_MONTHS},
        "breaches": _breaches(world, lines),
        "masked": {"branch": world.branches[world.masked_branch], "month": world.months[world.masked_month]},
        "totals": _totals(world, lines, followed),
        "prices": {model.name: model.price for model in MODELS},
    }


_FORMULA = (  # as g3lib.tables.sample.sales has it
    "caused: sum of expected * (1 - exp(-beta * rate)); displaced: sum over bare handsets of expected * (exp(gamma * mean) - 1), "
    "mean: the subsidised handset contracts' rate at expected units of the branch, channel and month (bare handsets respond "
    "with exp(-gamma * (mean - 0.5))); at_zero: units if no contract had a subsidy = expected - caused + displaced; "
    "incremental: caused - displaced; new_customers: incremental * (1 - share of existing customers); no batches"
)


def _incremental(world: Scenario, caused: pd.DataFrame) -> dict[str, Any]:
    known = caused.assign(branch=np.array(world.branches)[caused["branch"]], incremental=caused["caused"] - caused["displaced"])
    known["new_customers"] = known["incremental"] * (1 - known["device_class"].map(numbers.EXISTING))
    known = known.drop(columns="month")
    sums = {by: known.groupby(by, sort=False).sum(numeric_only=True).round(3) for by in ("device_class", "branch")}
    return {"formula": _FORMULA, **{f"by_{by}": of.to_dict("index") for by, of in sums.items()}}


def _deviations(world: Scenario) -> dict[str, Any]:
    """Where one branch leaves what is the same everywhere else."""
    branch, giving = (world.branches[b] for b in world.odd_branches[:2])
    price = {"branch": branch, "months": list(world.months[ODD_QUARTER]), "over": numbers.PRICE_OVER}
    gift = {"branch": giving, "contracts": "not bare", "gift": numbers.GIFT}
    return {"list_price": price | {"model": MODELS[PRICE_MODEL].name}, "gift": gift | {"model": MODELS[GIFT_MODEL].name}}


def _causes(places: list[Outlet]) -> dict[str, Any]:
    found = {}
    for i, (fact, multiplier) in enumerate(numbers.CAUSES.items()):
        share = sum(outlet.facts[i] for outlet in places) / len(places)
        found[fact] = {"multiplier": multiplier, "cause": multiplier != 1.0, "share": round(share, 4)}
    return found


def _fates(lines: pd.DataFrame, followed: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fate, share in numbers.SHARES.items():
        count = int((lines["fate"] == FATES.index(fate)).sum())
        found[fate] = {"share": share, "sales": count, "share_realised": round(count / len(lines), 6)}
    seen = followed.loc[followed["state"] == STATES.index("split"), "customer"].nunique()
    found["split"]["seen_in_activity"] = int(seen)
    return found


def _breaches(world: Scenario, lines: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for b in world.breach_branches:
        mine = lines[lines["breached"] & (lines["branch"] == b)]
        over = mine["subsidy"] - mine["limit"] * mine["price"]
        where = {"branch": world.branches[b], "model": MODELS[BREACH_MODEL].name, "channel": "own"}
        since = {"contracts": ["plan", "spend"], "from": world.months[world.breach_from], "over": numbers.BREACH_OVER}
        found.append(where | since | {"sales": len(mine), "yuan_over": round(float(over.sum()), 2)})
    return found


def _totals(world: Scenario, lines: pd.DataFrame, followed: pd.DataFrame) -> dict[str, Any]:
    classes = lines["model"].map(lambda i: MODELS[i].device_class).value_counts()
    branches = lines.groupby("branch").size()
    return {
        "sales": len(lines),
        "sales_by_class": {name: int(classes.get(name, 0)) for name in numbers.BETAS},
        "sales_by_branch": {name: int(branches.get(b, 0)) for b, name in enumerate(world.branches)},
        "customer_months": len(followed),
    }

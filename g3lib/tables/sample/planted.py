"""What truth.json says: what was planted, and how it turned out in the files."""

from __future__ import annotations

from typing import Any

import pandas as pd

from g3lib.tables.sample.activity import STATES
from g3lib.tables.sample.sales import FATES, Sold
from g3lib.tables.sample.truth import (
    BETAS,
    BREACH_OVER,
    CAUSES,
    CONFOUNDED,
    CONTRACT_END_STEPS,
    FOLLOWED_MONTHS,
    GROWTH_MONTHLY,
    HAZARDS,
    MONTH_END_DAYS,
    MONTH_END_LIFT,
    REGIME_START,
    SEASON,
    SHARES,
    WEAK_COVERAGE_SHARE,
    WEEKEND_LIFT,
    Scenario,
)
from g3lib.tables.sample.world import BREACH_MODEL, MODELS, Outlet


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
            "betas": BETAS,
            "reference_rate": 0.5,
            "rates_decided_by_cities_before": REGIME_START,
            "season": {f"{i:02d}": factor for i, factor in enumerate(SEASON, 1)},
            "growth_monthly": GROWTH_MONTHLY,
            "month_end": {"days": MONTH_END_DAYS, "lift": MONTH_END_LIFT, "weekend_lift": WEEKEND_LIFT},
        },
        "causes": _causes(places),
        "confounded_fact": CONFOUNDED,
        "fates": _fates(lines, followed),
        "box_breaking": {"outlets": [o.name for o in boxes], "batches": sold.batches},
        "weak_coverage_share": WEAK_COVERAGE_SHARE,
        "hazards": HAZARDS
        | {"contract_end_steps": list(CONTRACT_END_STEPS), "followed_months": FOLLOWED_MONTHS},
        "breaches": _breaches(world, lines),
        "masked": {
            "branch": world.branches[world.masked_branch],
            "month": world.months[world.masked_month],
        },
        "totals": _totals(world, lines, followed),
        "prices": {model.name: model.price for model in MODELS},
    }


def _causes(places: list[Outlet]) -> dict[str, Any]:
    found = {}
    for i, (fact, multiplier) in enumerate(CAUSES.items()):
        share = sum(outlet.facts[i] for outlet in places) / len(places)
        found[fact] = {"multiplier": multiplier, "cause": multiplier != 1.0, "share": round(share, 4)}
    return found


def _fates(lines: pd.DataFrame, followed: pd.DataFrame) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fate, share in SHARES.items():
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
        found.append(
            {
                "branch": world.branches[b],
                "model": MODELS[BREACH_MODEL].name,
                "channel": "own",
                "contracts": ["plan", "spend"],
                "from": world.months[world.breach_from],
                "over": BREACH_OVER,
                "sales": len(mine),
                "yuan_over": round(float(over.sum()), 2),
            }
        )
    return found


def _totals(world: Scenario, lines: pd.DataFrame, followed: pd.DataFrame) -> dict[str, Any]:
    classes = lines["model"].map(lambda i: MODELS[i].device_class).value_counts()
    branches = lines.groupby("branch").size()
    return {
        "sales": len(lines),
        "sales_by_class": {name: int(classes.get(name, 0)) for name in BETAS},
        "sales_by_branch": {name: int(branches.get(b, 0)) for b, name in enumerate(world.branches)},
        "customer_months": len(followed),
    }

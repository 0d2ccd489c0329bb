"""A made-up province with planted truth: what a measure finds can be held against what was put in.

Everything is plainly invented (样例一区, 样例机A1) and every file says so. The same arguments give the same
bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from g3lib.tables.sample.truth import scenario

__all__ = ["make"]


def make(out: Path, branches: int = 12, months: int = 36, seed: int = 2012, last_month: str = "2013-12") -> dict[str, Any]:
    """Write the exports of a made-up province to the folder `out` and return what was planted in them.

    `branches` is at least 2, `months` at least 3 and ends with `last_month`. The folder is made if
    needed; sales files of an earlier sample in it are removed. Raises UsageError on other arguments.
    """
    from g3lib.tables.sample import activity, exports, planted, programme, rules, sales, supply, world

    plan = scenario(branches, months, seed, last_month)
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    exports.remove_earlier(out)
    places = world.outlets(plan)
    sold = sales.sell(plan, places)
    followed = activity.follow(plan, sold.lines)
    counts = programme.participation(plan)
    targets = programme.targets_table(plan, sold.expected)
    exports.write_sales(plan, out, exports.sales_table(plan, places, sold.lines), sold.lines)
    models = world.models_table(plan)
    stock = supply.stock(plan, sold.lines)
    tables = {
        "branches": world.branches_table(plan),
        "models": models,
        "outlets": world.outlets_table(plan, places),
        "outlet_facts": world.facts_table(plan, places),
        "outlet-displays": world.displays_table(plan, places),
        "targets": targets,
        "participation": programme.participation_table(plan, counts),
        "campaigns": programme.campaigns_table(plan),
        "assumptions": programme.assumptions_table(plan),
        "thresholds": programme.thresholds_table(plan),
        "policy-sample": rules.policy(plan),
        "stock": supply.stock_table(plan, stock),
        "commitments": supply.commitments(plan, stock, models),
        "vendor_prices": supply.vendor_prices_table(plan, stock),
    }
    exports.write_tables(plan, out, tables)
    exports.write_parquet(out / "activity.parquet", activity.activity_table(plan, followed))
    truth = planted.truth(plan, places, sold, followed) | {
        "campaign": programme.planted_campaign(plan, counts),
        "attainment": programme.planted_attainment(plan, targets, sold.lines),
        "commitments": supply.planted_supply(plan, sold.lines),
    }
    exports.write_texts(plan, out, truth)
    return truth

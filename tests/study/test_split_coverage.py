"""Coverage of the split share's interval on made-up provinces. Prints its table; run by `make study`.

Each seed draws a province of two branches and six months through the sample's own generator (outlets, sales,
customers' months), about 1,000 sales of which have reached +3 months. The true share is not taken from the draw of
fates: it is the planted probability of a split sale, carried through the definition's order, in which a customer
who has cancelled by +3 is not counted as split. The hazards give that; batches are on paper and never split.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from g3lib.measures.subsidy.cohorts import WINDOW, cohort_rates, customer_states
from g3lib.tables.sample import activity, sales, world
from g3lib.tables.sample.rules import CONTRACTS
from g3lib.tables.sample.truth import SHARES, Scenario, scenario

SEEDS = 1000
BRANCHES, MONTHS, LAST = 2, 6, "2013-06"
ASOF = date(2013, 6, 30)


def tables(plan: Scenario) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The canonical sales and activity of a province, without writing a file, and the drawn lines."""
    lines = sales.sell(plan, world.outlets(plan)).lines
    rows = activity.follow(plan, lines)
    first, branches = pd.to_datetime(pd.Series(plan.months)), np.array(plan.branches)
    sold_in = first[lines["month"]].reset_index(drop=True)
    day = sold_in + pd.to_timedelta(lines["day"].to_numpy() - 1, unit="D")
    activated = lines["fate"] != sales.FATES.index("not_activated")
    sold = pd.DataFrame(
        {"date": day, "branch": branches[lines["branch"]], "units": 1, "customer": lines["customer"], "device": lines["device"],
         "activated_at": day.where(activated), "contract": np.array(CONTRACTS)[lines["contract"]], "subsidy": lines["subsidy"]}
    )  # fmt: skip
    used = pd.DataFrame(
        {"customer": rows["customer"], "month": first[rows["month"]].to_numpy(), "branch": branches[rows["branch"]],
         "revenue": rows["revenue"], "days_on_3g": rows["days"], "device_matched": rows["matched"],
         "state": np.array(activity.STATES)[rows["state"]]}
    )  # fmt: skip
    return sold, used, lines


def planted(lines: pd.DataFrame) -> float:
    """The split share that the definition should find among the sales that are old enough."""
    old = lines[lines["month"] <= MONTHS - 1 - WINDOW]
    stays = {term: np.prod(1 - activity.hazards(int(term))[: WINDOW + 1].sum(axis=1)) for term in set(old["term"])}
    chance = SHARES["split"] * old["term"].map(stays)
    return float(chance.where(old["batch"] == -1, 0.0).mean())


def simulate(seed: int) -> dict[str, float]:
    sold, used, lines = tables(scenario(BRANCHES, MONTHS, seed, LAST))
    rates = cohort_rates(customer_states(sold, used, ASOF, m=10, k=5), by=[]).set_index("state")
    found, truth = rates.loc["split"], planted(lines)
    return {"covered": found.low <= truth <= found.high, "planted": truth, "share": found.share, "width": found.high - found.low,
            "bias": found.share - truth, "sales": found.base, "unknown": rates.loc["unknown", "units"]}  # fmt: skip


def test_the_interval_of_the_split_share_covers_what_was_planted() -> None:
    runs = pd.DataFrame([simulate(seed) for seed in range(SEEDS)]).astype(float)
    means = runs.mean()
    print(f"\n{SEEDS} seeds, {BRANCHES} branches × {MONTHS} months\n" + means.round(5).to_string())
    assert 0.93 <= means["covered"] <= 0.97
    # no bias beyond the simulation's own error, and nobody lost on the way
    assert abs(means["bias"]) < 3 * runs["bias"].std() / np.sqrt(SEEDS)
    assert means["unknown"] == 0

"""Coverage of the response and of the incremental customers, by simulation. Prints its table; run by `make study`.

Each seed is a made-up province of its own (12 branches × 36 months, batches of boxes and breaches included). The truth
is the generator's expectation: what it would sell at its rates less what it would sell at none.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from g3lib.measures.subsidy.incremental import caused
from g3lib.measures.subsidy.response import displaced_bare, panel, response
from g3lib.tables.sample import sales, world
from g3lib.tables.sample.rules import CHANNELS, CONTRACTS
from g3lib.tables.sample.truth import BETAS, DISPLACEMENT, EXISTING, scenario, stream

SEEDS = {"planted": 1000, "none": 150}
SETTINGS = {"numerator": "device", "base": "list"}
CLASSES = tuple(BETAS)


def province(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The canonical sales straight from the generator's codes, and what the subsidy caused."""
    plan = scenario(12, 36, seed, "2013-12")
    sold = sales.sell(plan, world.outlets(plan))
    lines, kind = sold.lines, np.array([CLASSES.index(m.device_class) for m in world.MODELS])[sold.lines["model"]]
    new = stream(seed, "customer_type").random(len(lines)) < 1 - np.array(list(EXISTING.values()))[kind]
    codes = {"branch": (lines["branch"], plan.branches), "channel": (lines["channel"], CHANNELS), "device_class": (kind, CLASSES),
             "contract": (lines["contract"], CONTRACTS), "model": (lines["model"], [m.name for m in world.MODELS]),
             "customer_type": (1 - new, ("new", "existing"))}  # fmt: skip
    frame = pd.DataFrame({name: pd.Categorical.from_codes(code, list(words)) for name, (code, words) in codes.items()})
    frame["date"] = pd.to_datetime([f"{m}-01" for m in plan.months]).to_numpy()[lines["month"]]
    frame["units"], frame["list_price"], frame["subsidy"] = 1.0, lines["price"].astype(float), lines["subsidy"].astype(float)
    return frame, sold.caused.groupby("device_class")[["caused", "displaced"]].sum().loc[list(CLASSES)]


def one(seed: int) -> list[dict[str, object]]:
    frame, truth = province(seed)
    cells = panel(frame, **SETTINGS)
    betas, gammas = response(cells), displaced_bare(cells)
    found = caused(frame, betas, gammas, **SETTINGS).iloc[0]
    net = (truth["caused"] - truth["displaced"]) @ (1 - np.array(list(EXISTING.values())))
    rows = [("beta " + b["device_class"], b["beta"], b["low"], b["high"], BETAS[b["device_class"]]) for b in betas.to_dict("records")]
    rows += [
        (f"elasticity {b['device_class']}", b["elasticity"], b["elasticity_low"], b["elasticity_high"],
         -BETAS[b["device_class"]] * b["net_share"]) for b in betas.to_dict("records")
    ]  # fmt: skip
    rows += [("gamma " + g["device_class"], g["gamma"], g["low"], g["high"], DISPLACEMENT[g["device_class"]])
             for g in gammas.to_dict("records")]  # fmt: skip
    rows += [("incremental customers", found["incremental"], found["low"], found["high"], net)]
    return [dict(zip(("figure", "estimate", "low", "high", "truth"), row, strict=True)) for row in rows]


@pytest.mark.parametrize("displacement", list(SEEDS))
def test_intervals_cover(displacement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if displacement == "none":
        monkeypatch.setitem(DISPLACEMENT, "handset", 0.0)
    runs = pd.DataFrame([row for seed in range(SEEDS[displacement]) for row in one(seed)])
    runs = runs.assign(covered=runs["truth"].between(runs["low"], runs["high"]), width=runs["high"] - runs["low"],
                       bias=runs["estimate"] - runs["truth"])  # fmt: skip
    table = runs.groupby("figure", sort=False)[["truth", "covered", "width", "bias"]].mean()
    table["relative_width"] = table["width"] / table["truth"].abs()
    print(f"\ndisplacement {displacement}, {SEEDS[displacement]} seeds\n" + table.round(4).to_string())
    # fewer seeds, more of the simulation's own error
    slack = max(0.0, 2 * np.sqrt(0.95 * 0.05 / SEEDS[displacement]) - 0.0138)
    assert table["covered"].between(0.93 - slack, 0.97 + slack).all()
    assert table.loc["incremental customers", "relative_width"] < 0.5

"""Coverage and false confirmation of the cause tests, by simulation. Prints its table; run by `make study`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.qc import causes

SEEDS = 2000
DELTA = 0.10


def simulate(effect: float, per_side: int, seed: int) -> pd.Series:
    """Two strata whose base risks and shares of the cause differ; the effect is the same in both."""
    rng = np.random.default_rng(seed)
    rows = []
    for base, with_cause in ((0.15, 0.3), (0.45, 0.7)):
        n1 = round(per_side * with_cause)
        n0 = per_side - n1
        rows.append((rng.binomial(n1, base + effect), n1, rng.binomial(n0, base), n0))
    table = pd.DataFrame(rows, columns=["with_problem", "with_units", "without_problem", "without_units"])
    theta, error = causes.risk_difference(table)
    p_cause, p_no_cause = causes._p_values(theta, error, DELTA)
    return pd.Series(
        {"covered": abs(theta - effect) <= 1.959964 * error, "confirmed": p_cause <= 0.05, "rejected": p_no_cause <= 0.05,
         "width": 2 * 1.959964 * error, "bias": theta - effect}
    )  # fmt: skip


def test_intervals_cover_and_the_level_is_kept() -> None:
    rows = []
    for effect in (0.0, DELTA, 2 * DELTA):
        for n in (100, 400):
            runs = pd.DataFrame([simulate(effect, n, seed) for seed in range(SEEDS)]).astype(float)
            rows.append({"effect": effect, "units": 2 * n, **runs.mean()})
    table = pd.DataFrame(rows)
    print("\n" + table.round(3).to_string(index=False))
    assert table["covered"].between(0.93, 0.97).all()
    # at the minimum exactly, confirmation is a false one: at most 5 %, with the simulation's own error
    assert (table.loc[table["effect"] == DELTA, "confirmed"] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / SEEDS)).all()
    assert (table.loc[table["effect"] == 0, "confirmed"] <= 0.01).all()

"""Coverage and false confirmation of the cause tests, by simulation. Prints its table; run by `make study`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.qc import causes
from g3lib.qc.causes import effects

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
    p_cause, p_no_cause = effects.p_values(theta, error, DELTA)
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


# ---- a family of every type, judged together -----------------------------------------------------------

FAMILY = [("risk", 0.08), ("risk", 0.08), ("mean", 0.3), ("mean", 0.3), ("groups", 0.03), ("table", 0.12), ("correlation", 0.15), ("correlation", 0.15)]
FAMILIES = 1000


def drawn(kind: str, effect: float, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Units of two strata that go with cause and outcome; within each the effect is exactly so large."""
    s = rng.integers(0, 2, n)
    if kind == "risk":
        x = rng.random(n) < np.where(s, 0.7, 0.3)
        return pd.DataFrame({"x": x, "y": rng.random(n) < 0.15 + 0.2 * s + effect * x, "s": s})
    if kind == "mean":
        x = rng.random(n) < np.where(s, 0.7, 0.3)
        return pd.DataFrame({"x": x, "y": s + effect * x + rng.normal(size=n), "s": s})
    if kind == "correlation":
        x = rng.normal(size=n)
        return pd.DataFrame({"x": x + s, "y": effect * x + np.sqrt(1 - effect**2) * rng.normal(size=n) + s, "s": s})
    if kind == "table":
        x = rng.integers(0, 2, n)
        return pd.DataFrame({"x": x, "y": rng.random(n) < 0.5 + (x - 0.5) * effect, "s": 0})
    code = np.arange(n) % 3
    y = np.sqrt(effect / (1 - effect)) * np.sqrt(1.5) * (code - 1) + rng.normal(size=n)
    return pd.DataFrame({"x": code, "y": y, "s": 0})


def judged(times: float, sizes: list[int], seeds: int) -> pd.DataFrame:
    """Verdicts of whole families whose effects are so many times the minimum: one row a family, one column a cause."""
    names = [f"{kind}{i}" for i, (kind, _) in enumerate(FAMILY)]
    declared = pd.DataFrame({"cause": names, "data": names, "measure": "x", "outcome": "y", "type": [k for k, _ in FAMILY],
                             "minimum_effect": [d for _, d in FAMILY], "stratum": ["s" if k in ("risk", "mean", "correlation") else "" for k, _ in FAMILY]})  # fmt: skip
    rows = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, round(10 * times)])
        data = {name: drawn(kind, times * delta, n, rng) for name, (kind, delta), n in zip(names, FAMILY, sizes, strict=True)}
        rows.append(causes.confirm(declared, data).set_index("cause")["verdict"])
    return pd.DataFrame(rows).reset_index(drop=True)


def test_the_family_keeps_its_level_and_the_sample_finds_what_it_promises() -> None:
    pilots = [drawn(kind, 2 * delta, 2000, np.random.default_rng(i)) for i, (kind, delta) in enumerate(FAMILY)]
    names = [str(i) for i in range(len(FAMILY))]
    declared = pd.DataFrame({"cause": names, "data": names, "measure": "x", "outcome": "y", "type": [k for k, _ in FAMILY],
                             "minimum_effect": [d for _, d in FAMILY], "stratum": "s"})  # fmt: skip
    sizes = causes.confirm(declared, dict(zip(names, pilots, strict=True)))["needed"].astype(int).tolist()
    nothing, least, twice = judged(0, sizes, FAMILIES), judged(1, sizes, FAMILIES), judged(2, sizes, FAMILIES)
    false = {"no effect": (nothing == "confirmed").any(axis=1).mean(), "every effect at the minimum": (least == "confirmed").any(axis=1).mean()}
    power = pd.DataFrame({"units asked for": sizes, "confirmed at twice": (twice == "confirmed").mean().to_numpy(),
                          "rejected at nothing": (nothing == "rejected").mean().to_numpy()}, index=nothing.columns)  # fmt: skip
    print(f"\nfamilies of {len(FAMILY)}: false causes", {k: round(float(v), 4) for k, v in false.items()})
    print(power.round(3).to_string())
    assert false["no effect"] <= 0.01
    assert false["every effect at the minimum"] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / FAMILIES)
    assert (power[["confirmed at twice", "rejected at nothing"]] >= 0.8 - 3 * np.sqrt(0.16 / FAMILIES)).all(axis=None)

"""How long an allocation takes and how much memory: `python tests/bench/allocation.py`.

Two pinned, made-up programmes: 2,000 models × 3 channels × 2 contracts with caps and a mix floor (demand: 5 s),
and 12 branches × 200 models × 3 × 2 with three price steps a model and 40 commitments, 10 of them hard
(demand: 60 s at a proven gap of 1e-3). Each runs in a process of its own; the whole call is timed, audit and
shadow prices included. Writes reports/bench/allocation.json; the exit code is 1 where a demand is missed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
SEED = 2013
CASES = {
    "models_2000": ({"models": 2000}, 5.0),
    "branches_steps": ({"models": 200, "branches": 12, "steps": 3, "commitments": 40, "hard": 10}, 60.0),
}
GAP = 1e-3


def programme(models: int, branches: int = 0, steps: int = 0, commitments: int = 0, hard: int = 0) -> dict[str, object]:
    """The arguments of `allocate` for a made-up programme of this size; today's spend is the budget."""
    draw = np.random.default_rng(SEED)
    names = np.array([f"M{number:04d}" for number in range(models)])
    price = draw.integers(400, 4000, models).astype(float)
    classes = draw.choice(["handset", "wireless_phone", "netbook", "data_card"], models, p=[0.6, 0.1, 0.1, 0.2])
    parts = [range(models), ["own", "social", "end"], ["plan", "spend"], [f"B{b:02d}" for b in range(branches)] or [""]]
    cells = pd.MultiIndex.from_product(parts, names=["m", "channel", "contract", "branch"]).to_frame(index=False)
    m, n = cells.pop("m").to_numpy(), len(cells)
    cells = cells.assign(
        model=names[m],
        device_class=classes[m],
        list_price=price[m],
        units=draw.gamma(1.5, 20, n).round(2),
        rate=draw.uniform(0.2, 0.7, n).round(3),
        beta=draw.uniform(0.5, 4, n),
        value=draw.uniform(0.3, 1, n),
    )
    base = np.bincount(m, cells["units"] * cells["list_price"])
    units, cap = np.bincount(m, cells["units"]), draw.uniform(0.45, 0.7, models).round(3)
    past = (base * draw.uniform(1, 10, models)).round()
    call: dict[str, object] = {
        "cells": cells,
        "budget": float(round((cells["units"] * cells["rate"] * cells["list_price"]).sum())),
        "caps": pd.DataFrame(
            {
                "model": names,
                "cap_per_unit": (price * draw.uniform(0.6, 0.95, models)).round(),
                "lifecycle_cap": cap,
                "past_base": past,
                "past_subsidy": (past * cap * draw.uniform(0.9, 1.02, models)).round(),
            }
        ),
        "mix_floor": (("handset", "wireless_phone"), 0.72),
    }
    if commitments:
        who, must = draw.choice(models, commitments, replace=False), np.arange(commitments) < hard
        due = units[who] * np.where(must, 0.85, draw.uniform(0.9, 1.25, commitments))
        penalty = np.where(must, np.nan, draw.integers(30, 300, commitments))
        call["commitments"] = pd.DataFrame({"model": names[who], "committed_units": due.round(), "penalty_per_unit": penalty})
    if steps:
        step = np.tile(np.arange(steps), models)
        of = np.repeat(np.arange(models), steps)
        starts = (units[of] * (0.85 + 0.2 * step + draw.uniform(-0.1, 0.1, len(of)))).round()
        call["vendor_prices"] = pd.DataFrame(
            {
                "model": names[of],
                "from_units": np.where(step == 0, 0, starts),
                "supply_price": (0.8 * price[of] * (1 - 0.015 * step)).round(2),
            }
        )
    return call


def measure(case: str) -> None:
    """Run one case in this process and print its figures as JSON."""
    from g3lib.measures.subsidy.allocation import allocate

    call = programme(**CASES[case][0])
    started = time.perf_counter()
    plan = allocate(**call)
    seconds = time.perf_counter() - started
    figures = {
        "cells": len(call["cells"]),
        "seconds": round(seconds, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "status": plan.status,
        "objective": round(plan.objective, 3),
        "gap": float(f"{plan.gap:.3g}"),
        "today": round(plan.today_objective, 3),
        "checked_prices": int(plan.shadow_prices["bought"].notna().sum()),
    }
    print(json.dumps(figures))


def main() -> int:
    results, missed = {}, 0
    for case, (_, limit) in CASES.items():
        done = subprocess.run([sys.executable, __file__, case], capture_output=True, text=True, check=True, cwd=ROOT)
        results[case] = json.loads(done.stdout.splitlines()[-1]) | {"demand_seconds": limit, "demand_gap": GAP}
        missed += results[case]["seconds"] > limit or results[case]["gap"] > GAP
        for name, value in results[case].items():
            print(f"{case:18}{name:18}{value!s:>14}")
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "allocation.json").write_text(json.dumps(results, indent=1))
    return int(missed > 0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1])
    else:
        sys.exit(main())

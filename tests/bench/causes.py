"""Twelve causes of every type on a million rows each: one process, the bar is ten seconds."""

from __future__ import annotations

import resource
import time

import numpy as np
import pandas as pd

from g3lib.qc import causes

ROWS = 1_000_000


def main() -> None:
    rng = np.random.default_rng(12)
    s = rng.integers(0, 5, ROWS)
    kinds = rng.integers(0, 4, ROWS)
    units = pd.DataFrame({"s": s.astype(str), "kind": np.array(list("abcd"))[kinds], "branch": rng.integers(0, 3000, ROWS)})
    units["low"] = rng.random(ROWS) < 0.2 + 0.05 * s / 5
    units["y"] = rng.normal(100, 20, ROWS) + kinds
    units["of"] = np.array(list("pqr"))[rng.integers(0, 3, ROWS)]
    for i in range(6):
        units[f"x{i}"] = rng.random(ROWS) < 0.1 + 0.1 * i
    units["z"] = units["y"] * 0.02 + rng.normal(size=ROWS)
    rows = [(f"x{i}", f"x{i}", "low", "risk", 0.03, "s", "") for i in range(4)]
    rows += [("x4", "x4", "low", "risk", 0.03, "s", "branch"), ("x5", "x5", "y", "mean", 1.0, "s", "branch"), ("mean", "x0", "y", "mean", 1.0, "s", ""),
             ("kinds", "kind", "y", "groups", 0.01, "", ""), ("kinds in strata", "kind", "y", "groups", 0.01, "s", ""),
             ("ranks", "kind", "y", "ranks", 0.01, "", ""), ("table", "kind", "of", "table", 0.05, "s", ""),
             ("number", "z", "y", "correlation", 0.1, "s", "")]  # fmt: skip
    declared = pd.DataFrame(rows, columns=["cause", "measure", "outcome", "type", "minimum_effect", "stratum", "cluster"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{'one of a million rows':24}{'s':>8}")
    for i in range(len(declared)):
        started = time.perf_counter()
        causes.confirm(declared.iloc[[i]], units)
        print(f"{declared['type'][i]:12}{declared['cause'][i]:12}{time.perf_counter() - started:8.2f}")
    started = time.perf_counter()
    causes.confirm(declared, units)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{'all twelve':24}{time.perf_counter() - started:8.2f}   peak above the input {peak:,.0f} MB")


if __name__ == "__main__":
    main()

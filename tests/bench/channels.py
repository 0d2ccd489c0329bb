"""Grouping and decomposing 20 million sales rows of 3,000 branches: `make bench` prints the table.

The rows are made in memory, as a province's exports would load. Measured are monthly units by branch and channel, shift-share
of every branch against the province, mix and rate of valid customers and price-volume-mix of the subsidy, all by branch; each
result is checked to add up before its time counts.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd

from g3lib.measures import channels

ROWS, BRANCHES, MONTHS = 20_000_000, 3_000, 24
ROOT = Path(__file__).resolve().parents[2]


def sales() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    first = np.datetime64("2012-01-01")
    days = rng.integers(0, 365 * 2, ROWS)
    branches = np.array([f"分公司{b}" for b in range(BRANCHES)], dtype=object)
    return pd.DataFrame(
        {
            "date": (first + days.astype("timedelta64[D]")).astype("datetime64[us]"),
            "branch": pd.Categorical.from_codes(rng.integers(0, BRANCHES, ROWS), branches),
            "channel": pd.Categorical.from_codes(rng.choice(4, ROWS, p=[0.45, 0.35, 0.15, 0.05]), list(channels.CHANNEL_ORDER[:4])),
            "units": 1.0,
            "valid": (rng.random(ROWS) < 0.85).astype(float),
            "subsidy_yuan": rng.integers(100, 900, ROWS).astype(float),
        }
    )


def main() -> None:
    frame = sales().astype({"branch": "str", "channel": "str"})  # as the store gives them
    seconds: dict[str, float] = {}

    def timed(name: str, action):
        started = time.perf_counter()
        result = action()
        seconds[name] = round(time.perf_counter() - started, 2)
        return result

    whole = time.perf_counter()
    units = timed("monthly_units_s", lambda: channels.monthly_units(frame, ["branch", "channel"]))
    area = units.groupby(["month", "channel"], as_index=False)["units"].sum()
    shifted = timed("shift_share_s", lambda: channels.shift_share(units, area, "2013-11", "2013-12", within=["branch"]))
    months = frame["date"].to_numpy().astype("datetime64[M]")
    sides = timed("two_months_s", lambda: [frame[months == np.datetime64(m)] for m in ("2013-11", "2013-12")])
    quality = timed("mix_and_rate_s", lambda: channels.mix_and_rate(*sides, within=["branch"]))
    cost = timed("price_volume_mix_s", lambda: channels.price_volume_mix(*sides, by=["channel"], within=["branch"]))
    seconds["all_s"] = round(time.perf_counter() - whole, 2)
    assert units["units"].sum() == ROWS
    assert np.allclose(shifted[["province", "structure", "own_growth"]].sum(axis=1), shifted["change"])
    parts = cost[["volume_yuan", "mix_yuan", "price_yuan"]].sum(axis=1)
    assert np.allclose(parts, cost["yuan_after"] - cost["yuan_before"], atol=1e-6)
    assert quality["branch"].nunique() == BRANCHES
    seconds |= {"rows": ROWS, "branches": BRANCHES, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    seconds["frame_mb"] = int(frame.memory_usage(deep=True).sum() // 2**20)
    for name, value in seconds.items():
        print(f"{name:24}{value:>12,}")
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "channels.json").write_text(json.dumps(seconds, indent=1))


if __name__ == "__main__":
    main()

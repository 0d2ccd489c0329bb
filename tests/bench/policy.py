"""How much memory and time matching takes for ten million sales: `python tests/bench/policy.py [millions]`.

Makes sales with their models' facts (as `with_models` gives them) and matches them to the shipped policies in a
process of its own, which prints the peak above its input and the seconds. The demand is at most 1 GB and 10 s;
the exit code is 1 above either.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LIMIT_MB, LIMIT_SECONDS = 1000, 10
ROOT = Path(__file__).resolve().parents[2]
# the child measures itself; VmHWM is set back between making the input and matching it
MEASURED = """
import resource, sys, time
from pathlib import Path
import numpy as np
import pandas as pd
from g3lib.measures.subsidy.policy import match_policy
from g3lib.tables import loading

def peak():
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])

root, n = Path(sys.argv[1]), int(float(sys.argv[2]) * 1e6)
files = ("subsidy-policy-2013.csv", "guidance-2010-policy.csv")
policy = pd.concat([loading.check(root / "data/sources" / f).exports[0].rows for f in files], ignore_index=True)
draw = np.random.default_rng(2013)
def words(*of, weights=None):
    return pd.Series(np.array(of, dtype=object)[draw.choice(len(of), n, p=weights)], dtype="str")
sales = pd.DataFrame({
    "date": pd.Timestamp("2010-01-01") + pd.to_timedelta(draw.integers(0, 1461, n), unit="D"),
    "device_class": words("handset", "wireless_phone", "netbook", "data_card"), "kind": words("smart", "feature", None),
    "tier": words("deep", "selected", "city", None), "contract": words("plan", "spend", "tariff", "bare"),
    "channel": words("own", "social", "end", "direct"), "segment": words("集团客户", "农村客户", None, weights=[.1, .1, .8]),
    "list_price": np.where(draw.random(n) < 0.01, np.nan, draw.integers(30_000, 500_000, n) / 100),
    "screen_inches": draw.choice([2.4, 3.2, 4.0, 4.3, 5.0], n), "units": 1.0,
})
match_policy(sales.head(1000), policy)
open("/proc/self/clear_refs", "w").write("5")
before, start = peak(), time.perf_counter()
found = match_policy(sales, policy)
seconds = time.perf_counter() - start
print(f"{len(found):,} sales, {len(policy)} rules: {seconds:.1f} s, {(peak() - before) / 1000:,.0f} MB above the input of "
      f"{sales.memory_usage(deep=True).sum() / 1e6:,.0f} MB; {(found >= 0).mean():.1%} matched", file=sys.stderr)
print(seconds, (peak() - before) / 1000)
"""


def bench(millions: float) -> int:
    """Measure, print; 1 where the demand is missed."""
    done = subprocess.run([sys.executable, "-c", MEASURED, str(ROOT), str(millions)], capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    seconds, megabytes = map(float, done.stdout.split())
    print(done.stderr.strip())
    print(f"demand for 10 million: at most {LIMIT_SECONDS} s and {LIMIT_MB:,} MB")
    return int(seconds > LIMIT_SECONDS or megabytes > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(bench(float(sys.argv[1]) if len(sys.argv) > 1 else 10))

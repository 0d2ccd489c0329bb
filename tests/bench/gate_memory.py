"""How much memory and time a 200 MB export takes at the gate: `python tests/bench/gate_memory.py [MB]`.

Makes a CSV of single sales with customer and device numbers (the hardest honest export: two columns in
which every cell differs) in a temporary folder, runs `g3 check` and `g3 load` on it in processes of their
own and prints peak memory and seconds. The demand is at most 1.5 GB; the exit code is 1 above it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

LIMIT_MB = 1500
ROWS_AT_ONCE = 200_000
BRANCHES = [f"样例{name}区" for name in "一二三四五六七八九十甲乙"]
# the child measures itself: RUSAGE_CHILDREN of this process would keep the highest of both runs
MEASURED = (
    "import resource, sys\n"
    "from g3lib.cli import main\n"
    "try:\n"
    "    main()\n"
    "finally:\n"
    "    print('peak kB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
)


def write_export(path: Path, megabytes: int) -> int:
    """Write sales until the file is as large as asked; returns its rows."""
    draw = np.random.default_rng(2012)
    days = pd.date_range("2011-01-01", "2013-12-31").strftime("%Y-%m-%d").to_numpy()
    models = np.array([f"机型{number:03d}" for number in range(120)])
    rows = 0
    while not path.exists() or path.stat().st_size < megabytes * 1_000_000:
        n = ROWS_AT_ONCE
        frame = pd.DataFrame(
            {
                "日期": draw.choice(days, n),
                "分公司": draw.choice(BRANCHES, n),
                "渠道": draw.choice(["自营", "社会", "末端"], n),
                "终端类型": draw.choice(["G3手机", "上网本", "上网卡"], n),
                "机型": draw.choice(models, n),
                "合约": draw.choice(["合约套餐", "合约消费", "裸机"], n),
                "合约期(月)": draw.choice([18, 24], n),
                "台数": 1,
                "零售价(元)": draw.integers(400, 4000, n),
                "补贴(元)": draw.integers(0, 2000, n),
                "客户号码": draw.integers(13_000_000_000, 18_999_999_999, n),
                "终端串号": draw.integers(860_000_000_000_000, 869_999_999_999_999, n),
            }
        )
        frame.to_csv(path, mode="a", header=rows == 0, index=False)
        rows += n
    return rows


def measured(command: str, export: Path, folder: Path) -> tuple[float, float]:
    """Run one command; its peak memory in MB and its seconds."""
    env = os.environ | {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key")}
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, command, str(export)], cwd=folder, env=env, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    print(done.stdout.strip())
    if done.returncode:
        sys.exit(f"g3 {command} failed:\n{done.stderr[-2000:]}")
    return int(done.stderr.rsplit("peak kB", 1)[1]) / 1000, seconds


def bench(megabytes: int) -> int:
    """Make the export, measure both commands, print; 1 where the demand is missed."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for inside in ("notebooks", "data"):
            (folder / inside).mkdir()
        export = folder / "sales.csv"
        rows = write_export(export, megabytes)
        print(f"{export.stat().st_size / 1e6:,.0f} MB, {rows:,} rows")
        for command in ("check", "load"):
            peak, seconds = measured(command, export, folder)
            worst = max(worst, peak)
            print(f"g3 {command}: peak {peak:,.0f} MB, {seconds:.1f} s")
    print(f"demand: at most {LIMIT_MB:,} MB")
    return int(worst > LIMIT_MB)


if __name__ == "__main__":
    sys.exit(bench(int(sys.argv[1]) if len(sys.argv) > 1 else 200))

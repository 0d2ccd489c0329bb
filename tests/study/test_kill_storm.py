"""Two hundred loads killed at random moments: the store is as before or as after, each time. `make study`."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from g3lib.tables.store import Store

KILLS = 200


def export(path: Path, units: int) -> Path:
    rows = [f"分公司{b},2010-{m:02d},{c},{units}" for b in range(12) for m in range(1, 13) for c in ("自营", "社会")]
    path.write_text("\n".join(["分公司,月份,渠道,台数", *rows]), encoding="utf-8")
    return path


def total(store: Path) -> float:
    return float(Store(store).read("sales")["units"].sum())


def test_the_store_is_as_before_or_as_after(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data").mkdir()
    store = tmp_path / "store"
    environment = os.environ | {"G3_STORE": str(store), "G3_KEY_FILE": str(tmp_path / "key")}
    first, second = export(tmp_path / "a.csv", 1), export(tmp_path / "b.csv", 2)

    def load(path: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "g3lib.cli", "load", str(path)]
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert load(first).wait() == 0
    kept = tmp_path / "kept"
    shutil.copytree(store, kept)
    started = time.perf_counter()
    assert load(second).wait() == 0
    longest, before, after = time.perf_counter() - started, 288.0, 576.0
    assert total(store) == after
    rng, seen = random.Random(200), []
    for _ in range(KILLS):
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        process = load(second)
        # most of a load is the start of the interpreter: aim where it reads and writes
        time.sleep(longest * rng.uniform(0.5, 1.02))
        process.send_signal(signal.SIGKILL)
        process.wait()
        seen.append(total(store))
        assert seen[-1] in (before, after)
    assert load(second).wait() == 0
    assert total(store) == after
    print(f"\n{KILLS} kills: {seen.count(before)} as before, {seen.count(after)} as after")

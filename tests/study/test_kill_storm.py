"""Two hundred loads killed at random moments: the store is as before or as after, each time. `make study`."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from g3lib.tables.store import Store

KILLS = 200


def export(path: Path, units: int) -> Path:
    rows = [f"分公司{b},2010-{m:02d},{c},{units}" for b in range(12) for m in range(1, 13) for c in ("自营", "社会")]
    path.write_text("\n".join(["分公司,月份,渠道,台数", *rows]), encoding="utf-8")
    return path


def total(store: Path) -> float:
    return float(Store(store).read("sales")["units"].sum())


def command(folder: Path, path: Path) -> None:
    """`g3 load`, in a process of its own; it leaves by its exit code."""
    from g3lib import cli

    os.chdir(folder)
    os.environ |= {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key")}
    cli.main(["load", str(path)])


def test_the_store_is_as_before_or_as_after(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data").mkdir()
    store = tmp_path / "store"
    first, second = export(tmp_path / "a.csv", 1), export(tmp_path / "b.csv", 2)
    # most of a command is the start of the interpreter and its imports, which touch no file of the store: a server that has
    # them behind it forks each load, so every kill falls where the load reads and writes
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["g3lib.cli", "g3lib.tables.adding", "pandera.pandas"])

    def load(path: Path) -> ForkServerProcess:
        process = processes.Process(target=command, args=(tmp_path, path))
        process.start()
        return process

    def ended(process: ForkServerProcess) -> int | None:
        process.join()
        return process.exitcode

    assert ended(load(first)) == 0
    kept = tmp_path / "kept"
    shutil.copytree(store, kept)
    started = time.perf_counter()
    assert ended(load(second)) == 0
    longest, before, after = time.perf_counter() - started, 288.0, 576.0
    assert total(store) == after
    rng, seen, alive = random.Random(200), [], 0
    for _ in range(KILLS):
        shutil.rmtree(store)
        shutil.copytree(kept, store)
        process = load(second)
        time.sleep(longest * rng.uniform(0.0, 1.25))
        process.kill()
        alive += ended(process) == -signal.SIGKILL
        seen.append(total(store))
        assert seen[-1] in (before, after)
    assert ended(load(second)) == 0
    assert total(store) == after
    # a storm that missed, all too early or all too late, would show nothing
    assert alive > KILLS / 2
    assert min(seen.count(before), seen.count(after)) > 0
    print(f"\n{KILLS} kills in {longest:.2f} s each: {seen.count(before)} as before, {seen.count(after)} as after, {alive} while it ran")

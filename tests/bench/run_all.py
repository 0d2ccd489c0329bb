"""How long a load and a batch take, as ratios in one run: `make bench` prints the table.

The made-up province is loaded into a store of its own; the same reports are then made one after another
and two at a time. Absolute seconds belong to the machine; the ratios are what to compare.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def timed(label: str, seconds: dict[str, float], action) -> object:
    started = time.perf_counter()
    result = action()
    seconds[label] = round(time.perf_counter() - started, 2)
    return result


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="g3-bench-"))
    os.environ["G3_STORE"], os.environ["G3_KEY_FILE"] = str(folder / "store"), str(folder / "key")
    (folder / "data").mkdir()
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    from g3lib.runs import batch, publishing
    from g3lib.runs.crew import Crew
    from g3lib.runs.notebooks import find
    from g3lib.tables import adding, loading, sample
    from g3lib.tables.workspace import Workspace

    seconds: dict[str, float] = {}
    timed("sample_made_s", seconds, lambda: sample.make(folder / "sample"))
    files = loading.exports_in((ROOT / "data" / "sources", folder / "sample"))
    timed("load_s", seconds, lambda: adding.load(folder / "store", files))
    timed("load_again_s", seconds, lambda: adding.load(folder / "store", files))
    workspace, branches = Workspace(folder), [f"样例{n}区" for n in "一二三四"]
    notebooks = find(workspace.notebooks)
    for label, jobs in (("one_by_one_s", 1), ("two_at_a_time_s", 2)):
        planned = batch.plan(workspace, notebooks, branches, force=True)
        rows: list = []
        with Crew(jobs) as crew:
            timed(label, seconds, lambda crew=crew, planned=planned, rows=rows: batch.execute(planned, crew, rows.append))
        publishing.record(workspace, rows, "zh")
    timed("unchanged_s", seconds, lambda: batch.plan(workspace, notebooks, branches))
    seconds["reports"] = len(rows)
    seconds["speed_up_of_two"] = round(seconds["one_by_one_s"] / seconds["two_at_a_time_s"], 2)
    for name, value in seconds.items():
        print(f"{name:24}{value:>10}")
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "run_all.json").write_text(json.dumps(seconds, indent=1))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

"""How long a page of the subsidy explorer takes to answer a slider, from the event to the paint: `make bench` prints the table.

A made-up province is loaded into a store of its own, `g3 explore` serves the page, and Debian's Chromium presses a slider's keys,
one press after the other has been answered: what is timed is the press, the message, the answer, the picture decoded and the frame
that shows it. Beside it the first page of a cold start (with the outlook kept, as after the first visit) and a second visitor's.
`--branches 1000` is a province of five million sales, of whose customers every twentieth is followed (81 million rows of
activity, all of them, are more than a machine of 24 GB loads).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMED = """
() => {
  window.g3times = [];
  let began = null;
  document.addEventListener("keydown", () => { began = performance.now(); }, true);
  document.addEventListener("g3-shown", (event) => {
    if (event.detail.trait !== "now" || began === null) return;
    const since = began;
    began = null;
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.g3times.push(performance.now() - since);
      painted.port2.postMessage(0);
    });
  });
}
"""


def store(folder: Path, branches: int) -> int:
    """The province loaded; how many sales it has."""
    from g3lib.tables import adding, loading, sample
    from g3lib.tables.store import Store

    sample.make(folder / "sample", branches=branches)
    if branches > 100:
        thinned(folder / "sample" / "activity.parquet")
    adding.load(folder / "store", loading.exports_in((folder / "sample",)))
    shutil.rmtree(folder / "sample")
    return sum(entry.rows for entry in Store(folder / "store").entries("sales"))


def thinned(path: Path) -> None:
    """Every twentieth customer's activity."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    whole, left = pq.ParquetFile(path), path.with_name("thin.parquet")
    with pq.ParquetWriter(left, whole.schema_arrow) as writer:
        for batch in whole.iter_batches():
            writer.write_batch(batch.filter(pc.match_substring_regex(batch["customer"], "[02468]7$")))
    left.replace(path)


def served(folder: Path) -> tuple[subprocess.Popen[str], str, float]:
    """`g3 explore subsidy` and its address; when it was started."""
    env = os.environ | {"G3_SCENARIOS": str(folder / "scenarios")}
    began = time.perf_counter()
    command = [sys.executable, "-m", "g3lib.cli", "explore", "subsidy", "--no-browser", "--port", "28866"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env, cwd=ROOT)
    assert server.stdout
    return server, server.stdout.readline().strip(), began


def shown(browser, address: str):
    page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-part=chart] img", timeout=3_600_000)
    return page


def measured(folder: Path, branches: int, presses: int, browser) -> dict[str, float]:
    found: dict[str, float] = {"branches": branches, "rows": store(folder, branches)}
    server, address, began = served(folder)
    shown(browser, address).context.close()
    found["first_ever_s"] = time.perf_counter() - began  # the outlook is made
    server.terminate()
    server.wait()
    server, address, began = served(folder)
    shown(browser, address).context.close()
    found["cold_page_s"] = time.perf_counter() - began
    began = time.perf_counter()
    page = shown(browser, address)
    found["second_visitor_s"] = time.perf_counter() - began
    page.wait_for_timeout(2000)
    page.evaluate(TIMED)
    sliders = page.locator(".noUi-handle")
    for press in range(presses):
        # another slider every ten presses: class, contract and channel in turn
        handle = sliders.nth((press // 10) % 11)
        if press % 10 == 0:
            handle.focus()
        handle.press("ArrowRight" if press % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(400 if branches < 100 else 1500)
    times = sorted(page.evaluate("window.g3times"))
    found |= {"presses": len(times), "median_ms": statistics.median(times), "p95_ms": times[int(0.95 * len(times))], "longest_ms": times[-1]}
    server.terminate()
    server.wait()
    return {name: round(value, 2) for name, value in found.items()}


def main() -> None:
    from playwright.sync_api import sync_playwright

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--branches", type=int, nargs="*", default=[12])
    asked.add_argument("--presses", type=int, default=110)
    wanted = asked.parse_args()
    results = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for branches in wanted.branches:
            folder = Path(tempfile.mkdtemp(prefix="g3-bench-"))
            os.environ |= {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key")}
            results.append(measured(folder, branches, wanted.presses, browser))
            for name, value in results[-1].items():
                print(f"{name:24}{value:>12,}", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "explore.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

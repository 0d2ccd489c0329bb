"""How long a page of the subsidy explorer takes to answer a slider, from the event to the paint: `make bench` prints the table.

A made-up province is loaded into a store of its own, `g3 explore` serves the page, and Debian's Chromium presses a slider's keys,
one press after the other has been answered: what is timed is the press, the message, the answer, the picture decoded and the frame
that shows it. Beside it the first page of a cold start (with the outlook kept, as after the first visit) and a second visitor's; and
how long, in the same minutes, stock Voilà takes to show one slider and one picture, and to draw eight bars anew when the slider
moves: a slow machine is slow for both.
`--branches 1000` is a province of five million sales, of whose customers every twentieth is followed (81 million rows of
activity, all of them, are more than a machine of 24 GB loads).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMED = """
(stock) => {
  window.g3times = [];
  window.g3pressed = 0;
  window.g3painted = 0;
  let began = null;
  document.addEventListener("keydown", () => { began = window.g3pressed = performance.now(); }, true);
  const shown = () => {
    const since = began;
    began = null;
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => {
        window.g3painted = performance.now();
        if (since !== null) window.g3times.push(window.g3painted - since);
      };
      painted.port2.postMessage(0);
    });
  };
  if (!stock) return document.addEventListener("g3-shown", (event) => event.detail.trait === "now" && shown());
  const picture = document.querySelector("img.widget-image");
  new MutationObserver(() => picture.decode().then(shown)).observe(picture, { attributes: true, attributeFilter: ["src"] });
}
"""


def store(folder: Path, branches: int) -> None:
    """Load the province."""
    from g3lib.tables import adding, loading, sample

    sample.make(folder / "sample", branches=branches)
    if branches > 100:
        thinned(folder / "sample" / "activity.parquet")
    adding.load(folder / "store", loading.exports_in((folder / "sample",)))
    shutil.rmtree(folder / "sample")


def sales_in(folder: Path) -> int:
    """How many sales the store holds."""
    from g3lib.tables.store import Store

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


def visitor(browser):
    """An empty tab of somebody who has been here never before: nothing is in his cache, nothing leaves the machine."""
    page = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    page.route(re.compile("^https:"), lambda route: route.abort())
    page.wait_for_timeout(1000)
    return page


def shown(page, address: str, picture: str = "[data-part=chart] img"):
    page.goto(address, wait_until="commit")
    page.wait_for_selector(picture, timeout=3_600_000)
    return page


STOCK = """
import io, ipywidgets, matplotlib.pyplot as plt, pandas as pd
slider, shown = ipywidgets.FloatSlider(), ipywidgets.Image()
def draw(_=None):
    figure, axes = plt.subplots()
    pd.Series([slider.value + bar for bar in range(8)]).plot.bar(ax=axes)
    picture = io.BytesIO()
    figure.savefig(picture)
    plt.close(figure)
    shown.value = picture.getvalue()
draw()
slider.observe(draw, "value")
ipywidgets.VBox([slider, shown])
"""


def stock(browser) -> dict[str, float]:
    """The first page, a second visitor's and a slider's answer of Voilà as it comes."""
    import nbformat

    about = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    with tempfile.TemporaryDirectory(prefix="g3-bench-") as folder:
        path = Path(folder) / "one.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(STOCK)], metadata=about), path)
        command = [sys.executable, "-m", "voila", str(path), "--no-browser", "--port=28867", "--Voila.ip=127.0.0.1"]
        page, found = visitor(browser), {}
        began = time.perf_counter()
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            with socket.socket() as tried:
                if not tried.connect_ex(("127.0.0.1", 28867)):
                    break
            time.sleep(0.02)
        for name in ("stock_cold_page_s", "stock_second_visitor_s"):
            shown(page, "http://127.0.0.1:28867/", "img.widget-image")
            found[name] = time.perf_counter() - began
            first, page = page, visitor(browser)
            began = time.perf_counter()
        page.context.close()
        first.evaluate(TIMED, True)
        first.locator(".noUi-handle").focus()
        for _ in range(30):
            first.locator(".noUi-handle").press("ArrowRight")
            first.wait_for_timeout(400)
        found["stock_median_ms"] = statistics.median(first.evaluate("window.g3times"))
        server.terminate()
        server.wait()
    return found


def dragged(page, handle) -> float:
    """A slider dragged fast: from the last of its steps to the paint of the answer to it."""
    handle.focus()
    for step in range(15):
        handle.press("ArrowRight" if step < 10 else "ArrowLeft")
        page.wait_for_timeout(30)
    page.wait_for_timeout(2000)
    return page.evaluate("window.g3painted - window.g3pressed")


def measured(folder: Path, branches: int, presses: int, browser, anew: bool) -> dict[str, float]:
    if not (folder / "store" / "manifest.json").exists():
        store(folder, branches)
    found: dict[str, float] = {"branches": branches, "rows": sales_in(folder)}
    if anew:
        shutil.rmtree(folder / "store" / "kept", ignore_errors=True)
        page = visitor(browser)
        server, address, began = served(folder)
        shown(page, address).context.close()
        found["first_ever_s"] = time.perf_counter() - began  # the outlook is made
        server.terminate()
        server.wait()
    page = visitor(browser)
    server, address, began = served(folder)
    shown(page, address).context.close()
    found["cold_page_s"] = time.perf_counter() - began
    page = visitor(browser)
    page.wait_for_timeout(4000 if branches < 100 else 20_000)  # the first one looks at his page
    began = time.perf_counter()
    shown(page, address)
    found["second_visitor_s"] = time.perf_counter() - began
    page.wait_for_timeout(2000)
    page.evaluate(TIMED, False)
    sliders = page.locator(".noUi-handle")
    for press in range(presses):
        # another slider every ten presses: classes, contracts, channels and limits in turn
        handle = sliders.nth((press // 10) % sliders.count())
        if press % 10 == 0:
            handle.focus()
        handle.press("ArrowRight" if press % 20 < 10 else "ArrowLeft")
        page.wait_for_timeout(400 if branches < 100 else 1000)
    times = sorted(page.evaluate("window.g3times"))
    found |= {"presses": len(times), "median_ms": statistics.median(times), "p95_ms": times[int(0.95 * len(times))], "longest_ms": times[-1]}
    found["drag_ms"] = statistics.median(dragged(page, sliders.nth(number)) for number in range(10))
    server.terminate()
    server.wait()
    return found


def main() -> None:
    from playwright.sync_api import sync_playwright

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--branches", type=int, nargs="*", default=[12])
    asked.add_argument("--presses", type=int, default=140)
    asked.add_argument("--keep", type=Path, help="where the provinces are kept, and found by the next run")
    asked.add_argument("--kept", action="store_true", help="what a kept province's first page made is not made anew")
    wanted = asked.parse_args()
    results = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for branches in wanted.branches:
            folder = wanted.keep / str(branches) if wanted.keep else Path(tempfile.mkdtemp(prefix="g3-bench-"))
            os.environ |= {"G3_STORE": str(folder / "store"), "G3_KEY_FILE": str(folder / "key")}
            found = measured(folder, branches, wanted.presses, browser, not wanted.kept) | stock(browser)
            results.append({name: round(value, 2) for name, value in found.items()})
            for name, value in results[-1].items():
                print(f"{name:24}{value:>12,}", flush=True)
            if not wanted.keep:
                shutil.rmtree(folder, ignore_errors=True)
    out = ROOT / "reports" / "bench"
    out.mkdir(parents=True, exist_ok=True)
    (out / "explore.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

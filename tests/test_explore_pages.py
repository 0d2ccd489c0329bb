"""Explorers as pages, in Debian's Chromium: dragged, typed into, clicked, reloaded; what stands on them is what the library says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import psutil
import pytest

from g3lib import claims, subsidy
from g3lib.report.claims.voice import Voice
from g3lib.tables import scenarios
from g3lib.tables.coverage import open_dataset

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PROVINCE = "样例省（虚构）"
WIDTHS = (1400, 900, 420)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages keep scenarios."""
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="module")
def address(kept: Path) -> Iterator[str]:
    """The explorers' pages, served as a user serves them."""
    command = [sys.executable, "-m", "g3lib.cli", "explore", "--no-browser", "--port", "18866"]
    env = os.environ | {"G3_SCENARIOS": str(kept)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--enable-precise-memory-info"])
        yield started
        started.close()


class Page:
    """An explorer's page, with what it asked for and complained of."""

    def __init__(self, browser: Any, address: str, name: str, width: int = 1400) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 1000})
        self.page = self.context.new_page()
        self.outside: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        parts = urlsplit(address)
        self.page.goto(f"{parts.scheme}://{parts.netloc}/voila/render/{name}.ipynb?{parts.query}", wait_until="commit")
        self.ready()

    def ready(self) -> None:
        self.page.wait_for_selector(".g3-answer[data-then]", timeout=60_000)

    def _asked(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1" and not url.startswith(("data:", "blob:")):
            self.outside.append(url)

    def answered(self, act: Any) -> None:
        """Do something and wait until its answer, the tables too, is on the page."""
        before = int(self.page.locator(".g3-answer").get_attribute("data-now"))
        act()
        self.page.wait_for_function(f"() => Number(document.querySelector('.g3-answer').dataset.now) > {before}")
        self.settled()

    def settled(self) -> None:
        """Wait until nothing further comes."""
        self.page.wait_for_function("() => { const a = document.querySelector('.g3-answer').dataset; return a.now === a.then; }")

    def handle(self, label: str) -> Any:
        return self.page.locator(".widget-hslider", has_text=label).locator(".noUi-handle")

    def press(self, label: str, key: str, times: int = 1) -> None:
        for _ in range(times):
            self.answered(lambda: self.handle(label).press(key))

    def text(self, part: str) -> str:
        return str(self.page.locator(f"[data-part={part}]").inner_text())

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def opened(browser: Any, address: str, kept: Path) -> Iterator[Any]:
    pages: list[Page] = []

    def one(name: str, width: int = 1400) -> Page:
        pages.append(Page(browser, address, name, width))
        return pages[-1]

    shutil.rmtree(kept / ".last", ignore_errors=True)
    yield one
    for page in pages:
        page.page.wait_for_timeout(1200)  # what it keeps is kept by then
        page.close()
        assert page.outside == []
        assert page.complaints == []


@pytest.fixture(scope="module")
def ahead() -> subsidy.Outlook:
    return subsidy.outlook(open_dataset(PROVINCE, "", ["sales.subsidy"]))


def sentence(ahead: subsidy.Outlook, moves: subsidy.Moves, budget: float | None = None) -> str:
    inputs = ahead.within(budget)
    held, meant = subsidy.scenario(ahead, inputs, moves)
    return claims.scenario.headline(Voice("zh", PROVINCE, "2013-12"), held, meant, inputs.budget)[0].text


def test_nobody_gets_in_without_the_token(address: str) -> None:
    parts = urlsplit(address)
    assert parts.hostname == "127.0.0.1"
    for query in ("", "?token=wrong"):
        try:
            with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}/voila/render/subsidy.ipynb{query}") as answer:
                met = "login" if "/login" in answer.url else "the page"
        except HTTPError as error:
            met = {401: "login", 403: "login"}.get(error.code, str(error.code))
        assert met == "login"


def test_sliders_answer_what_the_library_answers(opened: Any, ahead: subsidy.Outlook) -> None:
    page = opened("subsidy")
    assert sentence(ahead, {}) in page.text("headline")
    page.press("G3手机", "ArrowRight", 4)
    page.press("社会", "ArrowLeft", 2)
    moves = {"device_class": {"handset": 0.02}, "channel": {"social": -0.01}}
    assert sentence(ahead, moves) in page.text("headline")
    _, meant = subsidy.scenario(ahead, ahead.within(), moves)
    over = f"{meant.breaches['over_units'].sum():,.0f}台"
    assert over in page.text("figures")
    assert over in page.text("breaches")
    rates = meant.by_group.query("device_class == 'handset' and channel == 'social'").iloc[0]
    assert page.page.locator("[data-part=chart] img").get_attribute("alt")
    assert rates["rate"] > rates["rate_today"]
    # unticked caps let what they held back go
    page.answered(lambda: page.page.get_by_text("遵守生命周期上限").click())
    assert "生命周期上限：" not in page.text("limits")


def test_the_last_of_a_fast_drag_stands(opened: Any, ahead: subsidy.Outlook) -> None:
    page = opened("subsidy")
    track = page.page.locator(".widget-hslider", has_text="上网卡").locator(".noUi-base").bounding_box()
    handle = page.handle("上网卡").bounding_box()
    mouse = page.page.mouse
    across = track["y"] + track["height"] / 2
    mouse.move(handle["x"] + handle["width"] / 2, across)
    mouse.down()
    for step in range(60):
        mouse.move(track["x"] + track["width"] * (0.1 + 0.8 * (step * 7 % 60) / 60), across)
    mouse.move(track["x"] + track["width"] * 0.75, across)
    mouse.up()
    page.page.wait_for_timeout(1500)
    page.settled()
    shown = float(page.page.locator(".widget-hslider", has_text="上网卡").locator(".widget-readout").inner_text())
    assert shown == pytest.approx(5.0, abs=0.5)
    assert sentence(ahead, {"device_class": {"data_card": shown / 100}}) in page.text("headline")


def test_optimise_save_reset_open_reload(opened: Any, ahead: subsidy.Outlook, kept: Path) -> None:
    page = opened("subsidy")
    page.press("合约套餐", "ArrowRight", 2)
    page.page.get_by_role("button", name="优化").click()
    page.page.wait_for_selector("[data-part=best] table")
    best = ahead.best(ahead.within().budget, checks=0)
    assert f"{best.objective:,.0f}户" in page.text("best")
    page.page.get_by_role("button", name="保存情景").click()
    page.page.get_by_text("A scenario needs a name").wait_for()
    page.page.get_by_label("情景名").fill("试一试")
    page.page.get_by_label("情景名").blur()
    page.page.get_by_role("button", name="保存情景").click()
    page.page.get_by_text("已保存").wait_for()
    saved = scenarios.read(scenarios.kept(kept)["试一试"])
    assert saved["moves"] == {"contract": {"plan": 0.01}}
    page.answered(lambda: page.page.get_by_role("button", name="复位").click())
    assert sentence(ahead, {}) in page.text("headline")
    page.answered(lambda: page.page.get_by_label("已存情景").select_option("试一试"))
    assert sentence(ahead, saved["moves"]) in page.text("headline")
    page.page.wait_for_timeout(1500)  # the state is kept when the hand has rested
    page.page.reload(wait_until="commit")
    page.ready()
    assert sentence(ahead, saved["moves"]) in page.text("headline")


def test_a_page_that_is_closed_leaves_no_kernel(opened: Any, address: str) -> None:
    parts = urlsplit(address)

    def forked() -> list[psutil.Process]:
        (server,) = [p for p in psutil.process_iter() if f"--port {parts.port}" in " ".join(p.cmdline())]
        return server.children(recursive=True)

    page = opened("subsidy")
    there = len(forked())
    page.page.goto("about:blank")
    for _ in range(100):
        if len(forked()) < there:
            break
        page.page.wait_for_timeout(100)
    assert len(forked()) < there


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits_its_screen_and_leaves_nobody_out(opened: Any, width: int) -> None:
    page = opened("subsidy", width)
    assert page.page.evaluate("document.documentElement.scrollWidth") == width
    # ipywidgets' sliders have no name of their own: the answer gives them one, and nothing upstream is left to be listed
    found = axe.Axe().run(page.page).response["violations"]
    assert [f"{fault['id']}: {node['html'][:150]}" for fault in found for node in fault["nodes"]] == []


def test_memory_stays_flat(opened: Any) -> None:
    page = opened("subsidy")

    def measured() -> tuple[float, int]:
        session = page.context.new_cdp_session(page.page)
        session.send("HeapProfiler.collectGarbage")
        return page.page.evaluate("performance.memory.usedJSHeapSize") / 2**20, page.page.evaluate("document.querySelectorAll('*').length")

    handle = page.handle("上网本")
    handle.focus()
    for number in range(500):
        handle.press("ArrowRight" if number // 20 % 2 else "ArrowLeft")
        if number % 5 == 4:
            page.page.wait_for_timeout(60)
        if number == 50:
            page.settled()
            before = measured()
    page.page.wait_for_timeout(800)
    page.settled()
    after = measured()
    assert after[0] < before[0] + 6
    assert after[1] <= before[1] + 40

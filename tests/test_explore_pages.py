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

from g3lib import campaigns, channels, claims, subsidy
from g3lib.report.claims.voice import Voice
from g3lib.tables import scenarios
from g3lib.tables.coverage import open_dataset
from g3lib.tables.store import Store

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PROVINCE = "样例省（虚构）"
WIDTHS = (1400, 900, 420)
EXPLORERS = ("subsidy", "channels", "campaigns", "cases", "data")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pages keep scenarios."""
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A store, cases and headings of the pages' own: what they load and write back is no other test's."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copytree(os.environ["G3_STORE"], folder / "store")
    shutil.copytree(root / "data" / "cases", folder / "cases")
    return folder


@pytest.fixture(scope="module")
def address(kept: Path, own: Path) -> Iterator[str]:
    """The explorers' pages, served as a user serves them."""
    command = [sys.executable, "-m", "g3lib.cli", "explore", "--no-browser", "--port", "18866"]
    env = os.environ | {"G3_SCENARIOS": str(kept), "G3_STORE": str(own / "store"), "G3_CASES": str(own / "cases"), "G3_HEADINGS": str(own / "headings.csv")}
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
    return claims.scenario.headline(Voice("zh", PROVINCE, "2013-12"), held, meant, inputs.budget, budget is not None)[0].text


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
    over, below = (meant.breaches[name].sum() for name in ("over_units", "below_units"))
    assert f"{over + below:,.0f}台" in page.text("figures")
    assert f"{over:,.0f}台" in page.text("breaches")
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
    page.page.get_by_text("情景还没有名字").wait_for()
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


def test_a_page_that_is_closed_leaves_no_kernel(opened: Any) -> None:
    def forked() -> list[psutil.Process]:
        every = psutil.process_iter(["ppid", "cmdline"])  # a process that ends meanwhile has no command any more
        (server,) = [p for p in every if p.info["ppid"] == os.getpid() and "explore" in (p.info["cmdline"] or [])]
        return server.children(recursive=True)

    page = opened("subsidy")
    page.page.wait_for_timeout(6000)  # the next page's kernel has been started
    there = {one.pid for one in forked()}
    page.page.goto("about:blank")
    for _ in range(100):
        if there - {one.pid for one in forked()}:
            break
        page.page.wait_for_timeout(100)
    assert len(there - {one.pid for one in forked()}) == 1


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_page_fits_its_screen_and_leaves_nobody_out(opened: Any, name: str) -> None:
    page = opened(name)
    for width in WIDTHS:
        page.page.set_viewport_size({"width": width, "height": 1000})
        page.page.wait_for_timeout(100)
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


def test_a_bar_opens_its_outlets_and_the_run_rate_moves_with_the_day(opened: Any) -> None:
    page = opened("channels")
    page.answered(lambda: page.page.get_by_label("分公司").select_option("样例三区"))
    data = open_dataset("样例三区", "", ["sales"])
    voice, period = Voice("zh", "样例三区", str(data.period)), data.period
    table = channels.level(data.sales, period, "channel", 14)
    assert claims.channels.level(voice, table, period, "channel")[0].text in page.text("headline")
    page.answered(lambda: page.page.locator(".g3-place").nth(1).click())
    inside = data.sales[data.sales["channel"] == table["channel"].iloc[1]]
    outlets = channels.level(inside, period, "outlet", 14)
    assert claims.channels.level(voice, outlets, period, "outlet", table["channel"].iloc[1])[0].text in page.text("headline")
    before = page.text("days")
    page.answered(lambda: page.handle("截至").press("ArrowLeft"))
    assert page.text("days") != before
    page.answered(lambda: page.page.get_by_role("button", name="回到渠道").click())
    # a place over a bar is reached and opened by keys too
    page.page.locator(".g3-place").first.focus()
    page.answered(lambda: page.page.keyboard.press("Enter"))
    assert page.page.get_by_label("层级").locator("option:checked").inner_text() == "网点"


def test_groups_are_chosen_and_the_effect_follows(opened: Any) -> None:
    page = opened("campaigns")
    data = open_dataset("样例一区", "", ["participation"])
    starts = campaigns.starts_of(data.campaigns)
    panel = campaigns.not_in_others(campaigns.month_rates(data.participation), data.campaigns)
    effect = campaigns.did(panel, starts)
    assert f"{100 * effect['att'].iloc[0]:+.2f}个百分点" in page.text("headline")
    fewer = sorted(set(panel["branch"]) - set(starts))[:3]
    page.answered(lambda: page.page.get_by_label("对照").select_option(fewer))
    now = campaigns.did(panel[panel["branch"].isin([*starts, *fewer])], starts)
    assert f"与{len(fewer)}个未参加的分公司比" in page.text("headline")
    assert f"{100 * now['low'].iloc[0]:+.2f}个百分点" in page.text("headline")
    assert "最小效果" in page.text("before")


def test_a_cause_is_dragged_and_written_back(opened: Any, own: Path) -> None:
    page = opened("cases")
    page.page.get_by_label("末端原因").select_option("缺货频繁")
    page.page.get_by_text("分层后结论改变").wait_for()
    causes = page.page.locator(".g3-causes")
    source, target = (causes.locator(f"li[data-cause='{name}']") for name in ("缺货频繁", "环境"))
    page.answered(lambda: source.drag_to(target, source_position={"x": 20, "y": 8}, target_position={"x": 20, "y": 8}))
    choice = causes.get_by_label("缺货频繁 导致")
    sync_api.expect(choice.locator("option:checked")).to_have_text("环境")
    page.answered(lambda: choice.select_option("方法"))  # the same by keys
    top = causes.locator("li").nth(0).get_attribute("data-cause")
    above = causes.get_by_label("方法 导致")
    above.select_option("缺货频繁")  # each would lead to the other
    page.page.locator(".said.breach").wait_for()
    sync_api.expect(above.locator("option:checked")).to_have_text(str(top))  # what was refused is not shown
    page.page.get_by_role("button", name="写回案例").click()
    page.page.get_by_text("已写回").wait_for()
    assert "缺货频繁,方法" in (own / "cases" / "demo-province" / "causes.csv").read_text(encoding="utf-8")


def test_a_bad_and_a_good_file_are_dropped_named_and_loaded(opened: Any, tmp_path: Path, own: Path) -> None:
    page = opened("data")
    bad, good = tmp_path / "坏.csv", tmp_path / "好.csv"
    bad.write_text("日期,分公司,渠道,台数,出货点编码\n2019-01-05,新区,自营,3,A1\n2019-13-05,新区,天猫,x,A1\n", encoding="utf-8")
    good.write_text("日期,分公司,渠道,台数,出货点编码\n2019-01-05,新区,自营,3,A1\n2019-01-06,新区,社会,4,A2\n", encoding="utf-8")
    chooser = page.page.locator("input[type=file]")
    page.answered(lambda: chooser.set_input_files(bad))
    assert "坏.csv是“销售”：2条记录，1条可装载，1条退回" in page.text("headline")
    for word in ("2019-13-05", "天猫", "x"):
        assert word in page.text("faults")
    # dropped, not chosen
    dropped = page.page.evaluate_handle(
        "text => { const data = new DataTransfer(); data.items.add(new File([text], '好.csv', {type: 'text/csv'})); return data; }", good.read_text(encoding="utf-8")
    )
    page.answered(lambda: page.page.locator(".g3-drop").dispatch_event("drop", {"dataTransfer": dropped}))
    assert "没有问题" in page.text("faults")
    page.page.get_by_label("它是").select_option(index=_index_of(page, "（outlet）"))
    page.answered(lambda: page.page.get_by_role("button", name="记住这个表头").click())
    assert "outlet,出货点编码" in (own / "headings.csv").read_text(encoding="utf-8-sig")
    page.page.get_by_role("button", name="装载", exact=True).click()
    page.page.get_by_text("装载2行为“销售”，退回0行").wait_for()
    assert Store(own / "store").read("sales", ["新区"])["outlet"].tolist() == ["A1", "A2"]


def _index_of(page: Page, ending: str) -> int:
    texts = page.page.get_by_label("它是").locator("option").all_inner_texts()
    return next(place for place, text in enumerate(texts) if text.endswith(ending))


def test_the_list_of_explorers_and_an_english_page(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    assert page.locator("li").count() == len(EXPLORERS)
    assert axe.Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="in English").nth(page.locator("li").all_inner_texts().index(next(t for t in page.locator("li").all_inner_texts() if "Subsidy" in t))).click()
    page.wait_for_selector(".g3-answer[data-then]", timeout=60_000)
    assert "Next month a net" in page.locator("[data-part=headline]").inner_text()
    assert not [text for text in page.locator(".widget-label").all_inner_texts() if any("一" <= letter <= "龥" for letter in text)]
    context.close()

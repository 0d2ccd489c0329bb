"""Pages in a real browser, Debian's Chromium with its network cut: what they ask for, how they answer, whom they leave out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbformat
import pytest

from g3lib.report.html import report_html, stamped
from g3lib.report.index import index_html, periods_html
from g3lib.runs.ledger import Row

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("0*.ipynb"))
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Seen:
    """A page that was opened with the network cut, and what it asked for and complained of."""

    def __init__(self, browser: Any, path: Path, fragment: str = "", size: dict[str, int] = WIDE, **kwargs: Any) -> None:
        self.context = browser.new_context(viewport=size, **kwargs)
        self.context.set_offline(True)
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.url = path.as_uri() + (f"#{quote(fragment)}" if fragment else "")
        self.page.goto(self.url)

    def violations(self) -> list[str]:
        """What axe-core finds fault with, each rule with its elements."""
        found = axe.Axe().run(self.page).response["violations"]
        return [f"{fault['id']}: {[node['html'][:120] for node in fault['nodes']]}" for fault in found]

    def column(self, place: int) -> list[str]:
        texts: list[str] = self.page.locator(f"table >> nth=0 >> tbody tr > :nth-child({place + 1})").all_inner_texts()
        return texts


def outside(requests: list[str]) -> list[str]:
    """Requests that are neither for the page nor for what is written in it."""
    return [url for url in requests[1:] if not url.startswith("data:")]


def report(tmp_path: Path, *cells: Any) -> Path:
    path = tmp_path / "report.html"
    path.write_text(report_html(nbformat.v4.new_notebook(cells=list(cells)), "甲", "zh"), encoding="utf-8")
    return path


def shows(html: str) -> Any:
    return nbformat.v4.new_code_cell("1", outputs=[nbformat.v4.new_output("display_data", {"text/html": html, "text/plain": "x"})])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_report_asks_for_nothing_and_leaves_nobody_out(browser: Any, tmp_path: Path, notebook: Path) -> None:
    page = report_html(nbformat.read(notebook, as_version=4), "甲 2013-12", "zh", "a.xlsx", "a.pptx")
    path = tmp_path / "report.html"
    path.write_text(stamped(page, "本月已签认"), encoding="utf-8")
    for size, scheme in ((WIDE, "light"), (PHONE, "dark")):
        seen = Seen(browser, path, size=size, color_scheme=scheme)
        assert seen.page.locator("main h1").count() == 1
        assert seen.violations() == []
        assert outside(seen.requests) == []
        assert seen.complaints == []
        # no page is wider than its screen: what is wider moves in its own frame
        assert seen.page.evaluate("document.documentElement.scrollWidth") == size["width"]
        seen.context.close()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_page_is_little_more_than_its_pictures_and_words(notebook: Path) -> None:
    node = nbformat.read(notebook, as_version=4)
    page = report_html(node, "甲 2013-12", "zh")
    without, pictures = re.subn(r'src="data:image/[^"]*"', "", page)
    assert pictures == sum("image/png" in output.get("data", ()) for cell in node.cells for output in cell.get("outputs", ()))
    text = "".join(re.findall(r">([^<]*)<", re.sub(r"<(style|script)>.*?</\1>", "", without, flags=re.DOTALL)))
    assert len(without.encode()) - len(text.encode()) <= 60_000


def test_the_headline_stays_and_the_contents_lead_to_their_claims(browser: Any, tmp_path: Path) -> None:
    headline = next(path for path in NOTEBOOKS if path.stem.startswith("01"))
    path = tmp_path / "report.html"
    path.write_text(report_html(nbformat.read(headline, as_version=4), "甲", "zh"), encoding="utf-8")
    page = Seen(browser, path).page
    now, first = page.locator(".bar .now"), page.locator(".headline p").first.inner_text()
    page.wait_for_function("document.querySelector('.bar .now').classList.contains('away')")
    assert not now.is_visible()
    entries, claims = page.locator(".toc a"), page.locator("main h2")
    assert entries.all_inner_texts() == claims.all_inner_texts()
    entries.nth(2).click()
    page.wait_for_function("!document.querySelector('.bar .now').classList.contains('away')")
    assert first in now.inner_text()
    bar, top = page.locator(".bar").bounding_box(), claims.nth(2).bounding_box()
    assert bar["y"] == 0
    assert bar["height"] <= top["y"] < 200
    page.wait_for_function("document.querySelectorAll('.toc a')[2].hasAttribute('aria-current')")


TABLE = """<div class="g3"><h2>表</h2><div class="g3-scroll"><table class="g3-table"><thead><tr><th class="l">名</th><th>数</th></tr></thead><tbody>
<tr><td>乙</td><td>1,234</td></tr><tr><td>甲</td><td>—</td></tr><tr><td>丙</td><td>−5</td></tr><tr><td>丁</td><td>3.2万</td></tr><tr class="total"><td>合计</td><td>9</td></tr></tbody></table></div></div>"""


def test_a_table_is_sorted_by_its_numbers_with_the_keyboard_alone(browser: Any, tmp_path: Path) -> None:
    seen = Seen(browser, report(tmp_path, shows(TABLE)))
    head = seen.page.locator("th").nth(1)
    before = seen.column(0)
    head.locator("button").focus()
    for state, order in (("descending", ["丁", "乙", "丙", "甲", "合计"]), ("ascending", ["丙", "乙", "丁", "甲", "合计"]), (None, before)):
        seen.page.keyboard.press("Enter")
        assert (head.get_attribute("aria-sort"), seen.column(0)) == (state, order)
    seen.page.locator("th button").first.click()
    assert seen.column(0) == ["丙", "丁", "甲", "乙", "合计"]  # by their sounds
    assert seen.complaints == []


def test_a_printed_table_has_its_head_on_every_page(browser: Any, tmp_path: Path) -> None:
    page = Seen(browser, report(tmp_path, shows(TABLE))).page
    page.emulate_media(media="print")
    style = "window.getComputedStyle(document.querySelector('{}')).{}"
    # Chromium repeats a head of cells that hold no box of their own; seen in its PDF
    assert page.evaluate(style.format("thead", "display")) == "table-header-group"
    assert page.evaluate(style.format("th button", "display")) == "contents"


def test_an_analysts_own_notebook_is_shown_whole(browser: Any, tmp_path: Path) -> None:
    v4 = nbformat.v4
    frame = "<table border='1' class='dataframe'><thead><tr><th></th><th>台数</th></tr></thead><tbody><tr><th>0</th><td>7</td></tr></tbody></table>"
    result = v4.new_output("execute_result", {"text/html": frame, "text/plain": "x"}, execution_count=1)
    number = v4.new_output("execute_result", {"text/plain": "42"}, execution_count=2)
    cells = [
        v4.new_markdown_cell("# 我的分析\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## 第二节\n<script>document.title = 'taken'</script>"),
        v4.new_code_cell("df", outputs=[result]), v4.new_code_cell("6 * 7", outputs=[number]),
        v4.new_markdown_cell("只给读笔记本的人", metadata={"tags": ["note"]}), v4.new_markdown_cell("不给任何人", metadata={"tags": ["remove-cell"]}),
    ]  # fmt: skip
    page = Seen(browser, report(tmp_path, *cells))
    assert page.page.locator("main h1").all_inner_texts() == ["我的分析"]
    assert page.page.locator("main h2").all_inner_texts() == page.page.locator(".toc a").all_inner_texts() == ["第二节"]
    assert page.page.locator("main table.g3-table").count() == 2
    text = page.page.locator("main").inner_text()
    assert "42" in text and "只给" not in text and "不给" not in text
    assert page.violations() == [] and page.complaints == [] and page.page.title() == "甲"
    titled = Seen(browser, report(tmp_path, v4.new_code_cell("6 * 7", outputs=[number])))
    assert titled.page.locator("main h1").all_inner_texts() == ["甲"]


def test_what_a_notebook_shows_cannot_act_and_keeps_its_headings_and_tables(browser: Any, tmp_path: Path) -> None:
    hostile = """<h2 onclick="x()" title='> <img src=q onerror=document.title=1>'>标<b>题</b></h2><script>document.title = 'taken'</script>
      <style>body { display: none }</style><link rel="stylesheet" href="https://x.example/a.css"><iframe src="https://x.example"></iframe>
      <img src="https://x.example/a.png" onerror="document.title = 'taken'"><a href="javascript:document.title='taken'">去</a>
      <form action="https://x.example"><input autofocus onfocus="document.title = 'taken'"></form><!-- standing -->
      <a href="data:text/html,x">开</a><table border="1" class="dataframe"><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"""
    cells = [shows(hostile), nbformat.v4.new_code_cell("</code><script>document.title = 'taken'</script>")]
    drawing = '<svg xmlns="http://www.w3.org/2000/svg"><script>document.title = "taken"</script><image href="https://x.example/b.png"/></svg>'
    cells[1].outputs = [nbformat.v4.new_output("display_data", {kind: text, "text/plain": "图"})
                        for kind, text in (("image/svg+xml", drawing), ("application/javascript", "document.title = 'taken'"),
                                           ("text/markdown", "**粗**<script>document.title = 'taken'</script>"))]  # fmt: skip
    path = report(tmp_path, *cells)
    seen = Seen(browser, path)
    seen.page.wait_for_timeout(300)
    assert seen.page.title() == "甲"
    assert outside(seen.requests) == []
    assert seen.complaints == []  # what would have been refused by the policy is not there to be refused
    assert seen.page.locator("main h2").inner_text() == "标题"
    assert seen.page.locator("main table.g3-table td").inner_text() == "1"
    assert seen.page.locator("main strong").inner_text() == "粗"
    assert seen.page.locator("main script, main style, main iframe, main form, main input, main link").count() == 0
    assert seen.page.locator("main a[href]").count() == 0
    assert path.read_text(encoding="utf-8").count("<!-- standing -->") == 1


def test_print_has_no_tools_and_no_code(browser: Any, tmp_path: Path) -> None:
    seen = Seen(browser, report(tmp_path, shows(TABLE)), color_scheme="dark")
    assert not seen.page.locator("details.code code").is_visible()
    seen.page.emulate_media(media="print")
    for hidden in (".bar", ".toc", "details.code"):
        assert not seen.page.locator(hidden).is_visible()
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    sheets = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", seen.page.pdf(prefer_css_page_size=True))
    assert [[round(float(side) / 72 * 25.4) for side in sheet] for sheet in sheets] == [[210, 297]]


def rows(*named: tuple[str, str]) -> list[Row]:
    finding = {"name": "f", "value": 1.0, "unit": "", "period": "", "denominator": "", "definition": "", "status": "good", "headline": True}
    return [Row("02-channel-contribution", branch, "2010-01", "ok", html="x.html", findings=[finding | {"text": text}]) for branch, text in named]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    branches = rows(("睢县", "升至41.36%"), ("宁陵", "升至36.82%"), ("<img src=x onerror=alert(1)>", "x"))
    path.write_text(index_html("2010-01", branches, {}, "zh"), encoding="utf-8")
    return path


@pytest.fixture
def long_index(tmp_path: Path) -> Path:
    path = tmp_path / "index.html"
    path.write_text(index_html("2010-01", rows(*((f"分公司{i:04d}", f"第{i}名") for i in range(450))), {}, "en"), encoding="utf-8")
    return path


def test_an_index_asks_for_nothing_and_leaves_nobody_out(browser: Any, index: Path, tmp_path: Path) -> None:
    periods = tmp_path / "periods.html"
    periods.write_text(periods_html([Path("2010-01")], [Path("cases/demo/08-qc-case.html")], "zh"), encoding="utf-8")
    for page in (index, periods):
        for size, scheme in ((WIDE, "light"), (PHONE, "dark")):
            seen = Seen(browser, page, size=size, color_scheme=scheme)
            assert seen.violations() == []
            assert (outside(seen.requests), seen.complaints) == ([], [])
            assert seen.page.locator("img").count() == 0  # a hostile name makes no element


def test_reports_about_a_province_stand_above_the_table(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "index.html"
    (province,) = rows(("甲省", "全省落后"))
    province.notebook = "06-province-overview"
    path.write_text(index_html("2010-01", [*rows(("睢县", "升至41.36%")), province], {}, "zh", wide={"06-province-overview"}), encoding="utf-8")
    seen = Seen(browser, path)
    assert seen.page.locator(".over li").all_inner_texts() == ["甲省 06-province-overview 全省落后"]
    assert (seen.column(0), seen.page.locator("thead th").count()) == (["睢县"], 3)
    assert seen.violations() == []
    path.write_text(index_html("2010-01", [province], {}, "zh", wide={"06-province-overview"}), encoding="utf-8")
    assert Seen(browser, path).column(0) == ["甲省"]  # a run of nothing else has its table


def test_a_search_hides_what_does_not_match(browser: Any, index: Path) -> None:
    seen = Seen(browser, index, "41.36")
    assert (seen.page.inner_text("#count"), seen.column(0)) == ("1 / 3", ["睢县"])
    seen.page.fill("input", "")
    assert seen.page.inner_text("#count") == "3 / 3"


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(browser: Any, index: Path) -> None:
    seen = Seen(browser, index)
    seen.page.locator("th button").first.click()
    first = seen.column(0)
    seen.page.locator("th button").first.click()
    assert seen.column(0) == first[::-1]
    assert first.index("宁陵") < first.index("睢县")


def test_a_long_index_shows_its_rows_as_one_scrolls_and_finds_them_all(browser: Any, long_index: Path) -> None:
    seen = Seen(browser, long_index)
    assert len(seen.column(0)) < 450
    for _ in range(20):
        seen.page.mouse.wheel(0, 20_000)
        seen.page.wait_for_timeout(50)
    assert sorted(seen.column(0)) == [f"分公司{i:04d}" for i in range(450)]
    seen.page.fill("input", "第449名")
    assert (seen.page.inner_text("#count"), seen.column(0)) == ("1 / 450", ["分公司0449"])
    seen.page.fill("input", "")
    seen.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert len(seen.column(0)) == 450  # paper has no scroll bar


def test_an_index_without_scripts_says_how_much_of_it_is_shown(browser: Any, long_index: Path) -> None:
    seen = Seen(browser, long_index, java_script_enabled=False)
    assert len(seen.column(0)) == 100
    assert "first 100 rows;" in seen.page.inner_text("main")

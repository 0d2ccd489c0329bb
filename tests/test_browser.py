"""Pages in a real browser: Debian's Chromium, with the network of the pages' own policy (none)."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from g3lib.report.index import index_html
from g3lib.runs.ledger import Row

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--virtual-time-budget=3000"]  # fmt: skip


def dom(page: Path, profile: Path, fragment: str = "") -> str:
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={profile}", "--dump-dom", f"file://{page}#{quote(fragment)}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def row(branch: str, text: str) -> Row:
        finding = {"name": "f", "value": 1.0, "unit": "", "period": "", "denominator": "", "definition": "", "text": text,
                   "status": "good", "headline": True}  # fmt: skip
        return Row("02-channel-contribution", branch, "2010-01", "ok", html="x.html", findings=[finding])

    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(index_html("2010-01", [row("睢县", "升至41.36%"), row("宁陵", "升至36.82%"), row("<img src=x onerror=alert(1)>", "x")], {}, "zh"), encoding="utf-8")
    return path


def test_the_indexs_own_script_runs_under_its_policy(page: Path, tmp_path: Path) -> None:
    assert ">3 / 3<" in dom(page, tmp_path)


def test_a_search_hides_what_does_not_match(page: Path, tmp_path: Path) -> None:
    found = dom(page, tmp_path, "41.36")
    assert ">1 / 3<" in found
    assert found.count('<tr hidden="">') == 2


def test_a_hostile_branch_name_makes_no_element(page: Path, tmp_path: Path) -> None:
    assert "<img" not in dom(page, tmp_path)


def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(page: Path, tmp_path: Path) -> None:
    # the policy forbids foreign scripts, so the click comes in a copy without it
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page.read_text(encoding="utf-8"))
    read = 'Array.from(document.querySelector("table").tBodies[0].rows).map(r => r.cells[0].textContent).join("|")'
    click = 'document.querySelector("th button").click()'
    script = f'<script>{click}; document.title = {read}; {click}; document.title += "  " + {read};</script>'
    copy = tmp_path / "copy.html"
    copy.write_text(text.replace("</body>", f"{script}</body>"), encoding="utf-8")
    found = re.search("<title>(.*)  (.*)</title>", dom(copy, tmp_path / "profile"))
    assert found
    first, second = found[1].split("|"), found[2].split("|")
    assert first == second[::-1]
    assert first.index("宁陵") < first.index("睢县")

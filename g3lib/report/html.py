"""An executed notebook → one HTML file that needs no network and runs no script."""

from __future__ import annotations

import html
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from g3lib.labels import Lang, pick

# where a page says how it stands: the first of its kind, before anything that a notebook wrote
_STANDING = ("<!-- standing -->", "<!-- /standing -->")


def report_html(notebook: Any, title: str, lang: Lang, workbook: str = "", deck: str = "") -> str:
    """The report as HTML.

    Args:
        notebook: an executed notebook (nbformat).
        title: the page's title, from data: it is escaped.
        lang: `zh` or `en`.
        workbook, deck: the file names of the .xlsx and .pptx beside it, where there are any.
    """
    words = {
        "title": title,
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "css": _css(),
        "back": pick(lang, "← 全部报告", "← all reports"),
        "workbook": workbook,
        "deck": deck,
        "slides": pick(lang, "会议材料（.pptx）", "slides (.pptx)"),
        "tables": pick(lang, "长表（.xlsx）", "long tables (.xlsx)"),
        "code": pick(lang, "计算过程（代码）", "How it was computed (code)"),
    }
    page, _ = exporter().from_notebook_node(notebook, resources={"g3": words})
    return str(page)


def stamped(page: str, text: str) -> str:
    """The page with a line at its top about its standing (signed off, revised, outdated); an empty one takes it away.

    >>> page = stamped('<main><!-- standing --><!-- /standing -->', "a < b")
    >>> page
    '<main><!-- standing --><p class="g3 signed">a &lt; b</p><!-- /standing -->'
    >>> stamped(page, "")
    '<main><!-- standing --><!-- /standing -->'
    """
    line = f'<p class="g3 signed">{html.escape(text)}</p>' if text else ""
    start, end = page.find(_STANDING[0]), page.find(_STANDING[1])
    return page if min(start, end) < 0 else page[: start + len(_STANDING[0])] + line + page[end:]


@cache
def exporter() -> Any:
    """nbconvert's exporter with our template, made once a process."""
    from nbconvert import HTMLExporter

    base = Path(str(resources.files("g3lib.report").joinpath("template")))
    exporter: Any = HTMLExporter  # untyped upstream
    return exporter(template_name="g3", extra_template_basedirs=[str(base)])


def _css() -> str:
    folder = resources.files("g3lib.report")
    return "\n".join(folder.joinpath(*path).read_text(encoding="utf-8") for path in (("style.css",), ("template", "page.css")))

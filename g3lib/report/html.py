"""An executed notebook → one HTML file that needs no network and runs no script."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from g3lib.labels import Lang, pick


def report_html(notebook: Any, title: str, lang: Lang, workbook: str = "", deck: str = "", signed: str = "") -> str:
    """The report as HTML.

    Args:
        notebook: an executed notebook (nbformat).
        title: the page's title, from data: it is escaped.
        lang: `zh` or `en`.
        workbook, deck: the file names of the .xlsx and .pptx beside it, where there are any.
        signed: what is to be said of a month that was signed off.
    """
    words = {
        "title": title,
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "css": _css(),
        "back": pick(lang, "← 全部报告", "← all reports"),
        "workbook": workbook,
        "deck": deck,
        "slides": pick(lang, "会议材料（.pptx）", "slides (.pptx)"),
        "signed": signed,
        "tables": pick(lang, "长表（.xlsx）", "long tables (.xlsx)"),
        "code": pick(lang, "计算过程（代码）", "How it was computed (code)"),
    }
    html, _ = _exporter().from_notebook_node(notebook, resources={"g3": words})
    return str(html)


@cache
def _exporter() -> Any:
    from nbconvert import HTMLExporter

    base = Path(str(resources.files("g3lib.report").joinpath("template")))
    exporter: Any = HTMLExporter  # untyped upstream
    return exporter(template_name="g3", extra_template_basedirs=[str(base)])


def _css() -> str:
    folder = resources.files("g3lib.report")
    return "\n".join(
        folder.joinpath(*path).read_text(encoding="utf-8") for path in (("style.css",), ("template", "page.css"))
    )

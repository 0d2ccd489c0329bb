"""An executed notebook → one HTML file that travels by mail: nothing is fetched, and no script runs but its own."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

from g3lib.findings import in_notebook
from g3lib.labels import Lang, pick
from g3lib.report import assets
from g3lib.report.cleaning import cleaned

# where a page says how it stands: the first of its kind, before anything that a notebook wrote
_STANDING = ("<!-- standing -->", "<!-- /standing -->")
# tags of cells that say something to the notebook's reader and not to the page's: ours, and Jupyter's own
_FOR_ITS_READER = {"note", "remove-cell"}
_TAG = re.compile(r"<[^>]*>")
_PLACE = re.compile(r'<h2>(?P<text>.*?)</h2>|<div class="g3-scroll">', re.DOTALL)


def report_html(notebook: Any, title: str, lang: Lang, workbook: str = "", deck: str = "", up: str = "../index.html") -> str:
    """The report as HTML.

    Args:
        notebook: an executed notebook (nbformat).
        title: the page's title, from data: it is escaped.
        lang: `zh` or `en`.
        workbook, deck: the file names of the .xlsx and .pptx beside it, where there are any.
        up: where the list of all reports is, from the page.
    """
    style, script = assets.page_style("style.css", "page.css"), assets.text("template", "report.js")
    cells, contents = _prepared(notebook)
    words = {
        "title": title,
        "headline": _headline(notebook),
        "headed": _is_headed(cells),
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "policy": assets.policy(style, script),
        "style": style,
        "script": script,
        "toc": contents,
        "contents": pick(lang, "目录", "Contents"),
        "skip": pick(lang, "跳到正文", "Skip to the report"),
        "up": up,
        "back": pick(lang, "← 全部报告", "← all reports"),
        "workbook": workbook,
        "deck": deck,
        "slides": pick(lang, "会议材料（.pptx）", "slides (.pptx)"),
        "tables": pick(lang, "长表（.xlsx）", "long tables (.xlsx)"),
        "code": pick(lang, "计算过程（代码）", "How it was computed (code)"),
    }
    page, _ = exporter().from_notebook_node(cells, resources={"g3": words})
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


def relinked(page: str, moved: Mapping[str, str]) -> str:
    """The page whose links to files beside it follow them to other names.

    >>> relinked('<a href="90-%E5%A5%97.v2.xlsx">', {"90-套.v2.xlsx": "90-套.v2.earlier.xlsx"})
    '<a href="90-%E5%A5%97.v2.earlier.xlsx">'
    """
    for before, after in moved.items():
        page = page.replace(f'href="{quote(before)}"', f'href="{quote(after)}"')
    return page


@cache
def exporter() -> Any:
    """nbconvert's exporter with our template, made once a process."""
    from nbconvert.exporters.templateexporter import TemplateExporter
    from traitlets.config import Config

    base = Path(str(resources.files("g3lib.report").joinpath("template")))
    # what a page cannot show (a widget, a script) gives way to the text that comes with it
    shown = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/latex", "text/plain"]
    # HTMLExporter's preprocessors change nothing here, validate the notebook after each, and the page is parsed once more
    config = Config({"NbConvertBase": {"display_data_priority": shown}, "Exporter": {"default_preprocessors": []}})
    exporter: Any = TemplateExporter  # untyped upstream
    made = exporter(template_name="g3", template_file="index.html.j2", extra_template_basedirs=[str(base)], config=config)
    made.register_filter("cleaned", cleaned)
    made.register_filter("words_of", _words_of)
    made.register_filter("base64_of", _base64_of)
    assert made.template  # compiled here, once, and not with the first page
    return made


def _base64_of(content: str, kind: str) -> str:
    """A picture's data for its page: a drawing (SVG) is text, every other comes as base64."""
    import base64

    return base64.b64encode(content.encode()).decode() if kind == "image/svg+xml" else content.replace("\n", "")


def _prepared(notebook: Any) -> tuple[Any, list[tuple[str, str]]]:
    """The notebook with its HTML cleaned and its claims named; and the contents: name and text of each claim."""
    contents: list[tuple[str, str]] = []

    def place(found: re.Match[str]) -> str:
        if found["text"] is None:  # a table that is wider than a screen is moved by the keyboard too
            named = f'aria-labelledby="{contents[-1][0]}"' if contents else 'aria-labelledby="report"'
            return f'<div class="g3-scroll" tabindex="0" role="group" {named}>'
        contents.append((f"s{len(contents) + 1}", html.unescape(_TAG.sub("", found["text"]))))
        return f'<h2 id="{contents[-1][0]}">{found["text"]}</h2>'

    cells = []
    for cell in notebook.cells:
        if _FOR_ITS_READER & set(cell.metadata.get("tags", ())):
            continue
        own = type(cell)(cell)
        if cell.cell_type == "code":
            own["outputs"] = [_with_html(output, place) for output in cell.outputs]
        elif cell.cell_type == "markdown":
            own["source"] = _PLACE.sub(place, cleaned(_words_of(cell.source, cell.get("attachments", {}))))
        cells.append(own)
    return type(notebook)({**notebook, "cells": cells}), contents


def _words_of(text: str, attachments: Any = None) -> str:
    """Markdown as HTML; its headings without the link to themselves."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True, attachments=attachments or {})
    return str(MarkdownWithMath(renderer=renderer).render(text))


def _with_html(output: Any, place: Any) -> Any:
    data = output.get("data", {})
    if "text/html" not in data:
        return output
    text = _PLACE.sub(place, cleaned("".join(data["text/html"])))
    return type(output)({**output, "data": type(data)({**data, "text/html": text})})


def _is_headed(notebook: Any) -> bool:
    """Whether something on the page is its title; else the page says it."""
    shown = [output.get("data", {}).get("text/html", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    return any("<h1" in text for text in (*shown, *(cell.source for cell in notebook.cells if cell.cell_type == "markdown")))


def _headline(notebook: Any) -> str:
    """The sentence that the report opens with; empty for a notebook that claims nothing."""
    return next((finding.text for finding in in_notebook(notebook) if finding.headline), "")

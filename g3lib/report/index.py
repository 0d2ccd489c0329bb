"""The index of a period: branches × notebooks, the most urgent branch first, found as you type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from g3lib.findings import Finding
from g3lib.labels import VOCABULARIES, Lang, label, pick
from g3lib.report import assets
from g3lib.report.tables import template

_SHOWN = 100  # rows that a page opens with; its script has the others
_MOVES = ("units.month_on_month", "lift")  # the findings whose size says how far a branch moved


class ReportRow(Protocol):
    """What the index needs of a ledger's row."""

    notebook: str
    branch: str
    state: str
    html: str
    error: str
    findings: list[dict[str, Any]]
    made_up: bool

    @property
    def is_faulty(self) -> bool:
        """Whether it was to be made and was not."""

    @property
    def headlines(self) -> list[Finding]:
        """The findings that the report opens with."""

    @property
    def urgency(self) -> int:
        """0 for a breach, growing with calm."""


def index_html(
    period: str, rows: Sequence[ReportRow], titles: Mapping[str, str], lang: Lang, signed: str = "", wide: Set[str] = frozenset()
) -> str:  # fmt: skip
    """The index of one period as one HTML file.

    Args:
        period: the period.
        rows: the ledger's rows.
        titles: a notebook's name → its title.
        lang: `zh` or `en`.
        signed: what is to be said of a month that was signed off.
        wide: the notebooks about whole provinces: their reports stand above the table, where branches have none.
    """
    titles = {row.notebook: titles.get(row.notebook, row.notebook) for row in rows}
    names = sorted(titles.keys() - wide) or sorted(titles)
    above = [row for row in rows if row.notebook not in names]
    by_branch: dict[str, dict[str, ReportRow]] = {}
    for row in rows:
        if row.notebook in names:
            by_branch.setdefault(row.branch, {})[row.notebook] = row
    lines = [_line(branch, own, names, lang) for branch, own in by_branch.items()]
    lines.sort(key=lambda line: (-line["faulty"], -line["breaches"], -line["moved"], line["urgency"], line["branch"]))
    counts = {state: sum(row.state == state for row in rows) for state in VOCABULARIES["run_state"]}
    said = " · ".join(f"{label('run_state', s, lang)} {n}" for s, n in counts.items() if n or s == "ok")
    words = {
        "lang": {"zh": "zh-CN", "en": "en"}[lang],
        "title": pick(lang, f"{period} 全部报告", f"All reports, {period}"),
        "counts": said,
        "made_up": pick(lang, "含虚构样例数据（made-up data）", "holds made-up data") if any(r.made_up for r in rows) else "",
        "signed": signed,
        "earlier": pick(lang, "上一次的报告", "the report before"),
        "search": pick(lang, "输入分公司或结论中的字词", "type a branch or a word of a finding"),
        "over": pick(lang, "全省与各地市", "Provinces and cities"),
        "back": pick(lang, "← 全部报告期", "← all periods"),
        "branch": pick(lang, "分公司", "branch"),
        "breaches": pick(lang, "预警", "breaches"),
        "unscripted": pick(lang, f"只列出前{_SHOWN}行，其余需要脚本。", f"The first {_SHOWN} rows; others need scripts."),
    }
    page = template("index.html.j2")
    over = [(row.branch, titles[row.notebook], _cell(row, lang)) for row in sorted(above, key=lambda r: (r.branch, r.notebook))]
    return str(page.render(lines=lines, first=_SHOWN, names=names, titles=titles, over=over, words=words, **_assets("index.js")))


def periods_html(periods: Sequence[Path], cases: Sequence[Path], lang: Lang) -> str:
    """The page above the periods and the QC cases: a link to each period's index and to each case's page.

    Args:
        periods: their folders; cases: their pages.
    """
    months = [(folder.name, quote(f"{folder.name}/index.html")) for folder in reversed(periods)]
    groups = [(page.parent.name, quote("/".join(page.parts[-3:]))) for page in cases]
    lists = [(pick(lang, "报告期", "Periods"), months), (pick(lang, "QC案例", "QC cases"), groups)]
    words = {"title": pick(lang, "全部报告", "All reports"), "lang": lang}
    return str(template("periods.html.j2").render(lists=[(name, links) for name, links in lists if links], **words, **_assets()))


def _cell(row: ReportRow | None, lang: Lang) -> dict[str, str]:
    if row is None:
        return {"state": "", "text": "", "href": "", "status": ""}
    first = row.headlines[0] if row.headlines else None
    text = first.text if first else row.error if row.is_faulty else ""
    if row.state == "ok" and not text:  # a report that claims nothing is there all the same
        text = label("run_state", row.state, lang)
    return {
        "state": label("run_state", row.state, lang) if row.state != "ok" else "",
        "text": text,
        "href": quote(row.html),
        "status": str(first.status) if first else "failed" if row.is_faulty else row.state,
    }


def _line(branch: str, own: dict[str, ReportRow], names: Sequence[str], lang: Lang) -> dict[str, Any]:
    cells = [_cell(own.get(name), lang) for name in names]
    breaches = _breaches([row for row in own.values() if row.state == "ok"])
    faulty = sum(row.is_faulty for row in own.values())  # nobody knows what is in those: above all others
    urgency = min((row.urgency for row in own.values()), default=9)
    moves = [f["value"] for row in own.values() for f in row.findings if f["name"] in _MOVES and f["value"] is not None]
    moved = max(map(abs, moves), default=0.0)
    return {"branch": branch, "cells": cells, "breaches": breaches, "faulty": faulty, "urgency": urgency, "moved": moved}


def _breaches(rows: Sequence[ReportRow]) -> int:
    """What the brief counts, and the headlines in breach that are none of its lines; without a brief, all of these."""
    counted = {str(f["name"]): f["value"] for row in rows for f in row.findings if f["name"] == "brief.breaches"}
    told = {str(f["name"]) for row in rows if any(f["name"] == "brief.breaches" for f in row.findings) for f in row.findings}
    others = {f.name for row in rows for f in row.headlines if f.status == "breach"} - told
    others -= {"gap"} if "attainment.month_even" in others else set()  # one shortfall is one breach
    return int(counted.get("brief.breaches") or 0) + len(others)


def _assets(script: str = "") -> dict[str, Any]:
    """The style, and the script of that name, of a page; and its policy."""
    from markupsafe import Markup

    style, code = assets.page_style("index.css"), assets.text("template", script) if script else ""
    return {"script": Markup(code), "style": Markup(style), "policy": Markup(assets.policy(style, code))}

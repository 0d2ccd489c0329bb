"""A frame → a table that a director reads: labels for columns and codes, right-aligned figures, one bold row.

Every text that comes from data is escaped here, and only here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import pandas as pd

from g3lib.labels import VOCABULARIES, Lang, label, money, number, percent, pick, points, read_csv

if TYPE_CHECKING:
    from jinja2 import Template

Format = Callable[[object, Lang], str]


def _text(value: object, lang: Lang) -> str:
    return "—" if value is None or value != value else str(value)


def _date(value: object, lang: Lang) -> str:
    return f"{pd.Timestamp(value):%Y-%m-%d}"


def limit_name(name: str, lang: Lang) -> str:
    """A plan's limit in words: its kind, and the model or branch that it is of.

    >>> limit_name("lifecycle cap of A1", "zh"), limit_name("budget", "en")
    ('生命周期上限：A1', 'budget')
    """
    kind, _, of = name.partition(" of ")
    known = kind in VOCABULARIES["limit"] and of
    return label("limit", kind, lang) + pick(lang, "：", " of ") + of if known else label("limit", name, lang)


def _why(value: object, lang: Lang) -> str:
    """Reasons in words: `yuan+rate` is two of them, `segment_unknown` a dimension that nobody states."""

    def word(code: str) -> str:
        stem = code.removesuffix("_unknown")
        if code in VOCABULARIES["why"] or stem not in VOCABULARIES["why"]:
            return label("why", code, lang)
        return label("why", stem, lang) + pick(lang, "未知", " unknown")

    return pick(lang, "；", "; ").join(word(code) for code in re.split(r"; |\+", _text(value, lang)))


def _rules(value: object, lang: Lang) -> str:
    """Broken rules in words, as a control chart's table joins them."""
    return pick(lang, "；", "; ").join(label("rule", code, lang) for code in str(value).split(", ") if code)


_FORMATS: dict[str, Format] = {
    "text": _text,
    "rule": _rules,
    "limit": lambda v, lang: limit_name(str(v), lang),
    "why": _why,
    "date": _date,
    "count": lambda v, lang: number(v),
    "count1": lambda v, lang: number(v, 1),
    "decimal": lambda v, lang: number(v, 2),
    "decimal3": lambda v, lang: number(v, 3),
    "small": lambda v, lang: number(v, 6),
    "fen": lambda v, lang: number(v / 100, 2) if isinstance(v, int | float) else "—",
    "percent": lambda v, lang: percent(v),
    "percent1": lambda v, lang: percent(v, 1),
    "points": points,
    "growth": lambda v, lang: "—" if not isinstance(v, int | float) or v != v else f"{100 * v:+.1f}%",
    "money": money,
    "p": lambda v, lang: "< 0.001" if isinstance(v, float) and v < 0.001 else number(v, 3),
}

# columns of sentences wrap; all others keep to one line
_LONG = {"root_cause", "says", "finding", "told", "measure", "goal_text", "how", "where", "side_effect", "standard", "reasons",
         "record_text", "fault_expected"}  # fmt: skip
_LEFT = {"text", "date", *VOCABULARIES}


@cache
def columns() -> dict[str, tuple[str, str, str]]:
    """Column → its Chinese and English words and its format or vocabulary, from columns.csv beside this module."""
    return {row["column"]: (row["zh"], row["en"], row["format"]) for row in read_csv("g3lib.report", "columns.csv")}


def heading(column: str, lang: Lang) -> str:
    """A column's label; a column without one (a channel, a month) is shown as it is."""
    if column in columns():
        return pick(lang, *columns()[column][:2])
    if column.startswith("share · "):
        return f"{pick(lang, '占比', 'share')} · {label('channel', column.removeprefix('share · '), lang)}"
    return label("channel", column, lang) if column in VOCABULARIES["channel"] else column


def shown(column: str, value: object, lang: Lang) -> str:
    """A value as its column is written."""
    if column == "month" and value == "":
        return pick(lang, "合计", "total")
    form = form_of(column)
    return _FORMATS[form](value, lang) if form in _FORMATS else label(form, value, lang)


def form_of(column: str) -> str:
    """The format, or the vocabulary, that a column is written in."""
    if column in columns():
        return columns()[column][2]
    # a column named by a channel holds devices, one named by a KPI holds text that is already written
    return "percent" if column.startswith("share · ") else "count" if column in VOCABULARIES["channel"] else "text"


def _scale(column: str, values: pd.Series, lang: Lang) -> tuple[float, str]:
    """What a column of large amounts is divided by, and the unit for its head: one unit a column, so that figures compare."""
    form = form_of(column)
    amounts = pd.to_numeric(values, errors="coerce").abs()
    largest, least = amounts.max(), amounts[amounts > 0].min()
    if lang == "en" or form not in ("money", "count") or not largest >= 1e5:
        return 1.0, ""
    size, word = (1e8, "亿") if largest >= 1e9 else (1e4, "万")
    # where a small one would print as nought the column stays as it is
    return (size, word + ("元" if form == "money" else "")) if least >= size / 10 else (1.0, "")


def _written(column: str, value: object, size: float, unit: str, lang: Lang) -> str:
    return number(value / size, 2) if unit and isinstance(value, int | float) else shown(column, value, lang)


def _kind(strong: bool, total: bool) -> str:
    return " ".join(["mark"] * bool(strong) + ["total"] * bool(total))


def html_table(frame: pd.DataFrame, lang: Lang, bold: Sequence[bool] | None = None) -> str:
    """The frame as HTML.

    Args:
        frame: canonical columns; their order is the table's.
        bold: rows that matter.
    """
    strong = list(bold) if bold is not None else [False] * len(frame)
    scales = [_scale(c, frame[c], lang) for c in frame.columns]
    totals = list(frame["month"] == "") if "month" in frame else [False] * len(frame)  # they stay below, however one sorts
    rows = [
        ([_written(c, v, *scale, lang) for c, v, scale in zip(frame.columns, values, scales, strict=True)], kind)
        for values, kind in zip(frame.itertuples(index=False, name=None), map(_kind, strong, totals), strict=True)
    ]
    heads = [heading(c, lang) + (f"（{unit}）" if unit else "") for c, (_, unit) in zip(frame.columns, scales, strict=True)]
    left = ["l" if c in columns() and columns()[c][2] in _LEFT else "" for c in frame.columns]
    left = [side + " w" * (c in _LONG) for side, c in zip(left, frame.columns, strict=True)]
    return str(template("table.html.j2").render(heads=heads, rows=rows, left=left))


def lines_html(lines: pd.DataFrame, lang: Lang) -> str:
    """A brief's lines as HTML: each a topic with its status, a sentence, and the KPIs that are known."""
    kpis = [c for c in lines.columns if c not in ("topic", "finding", "status")]
    rows = [
        {
            "topic": row["topic"],
            "status": row["status"],
            "label": label("status", row["status"], lang) if row["status"] != "plain" else "",
            "text": row["finding"],
            "kpis": [(kpi, row[kpi]) for kpi in kpis if any(row[k] != "—" for k in kpis)],
        }
        for row in lines.to_dict("records")
    ]
    return str(template("lines.html.j2").render(rows=rows))


def kpis_html(parts: Mapping[str, tuple[str, str]], lang: Lang) -> str:
    """The KPI row as HTML: label → its text and status; a colour never stands alone, its word is there too."""
    rows = [(name, text, status, label("status", status, lang) if status not in ("plain", "unknown") else "")
            for name, (text, status) in parts.items()]  # fmt: skip
    return str(template("kpis.html.j2").render(rows=rows))


def comments_html(comments: pd.DataFrame, asof: date, lang: Lang) -> str:
    """Analysts' comments as HTML: what, who, until when; an open one past its day is marked."""
    rows = [(row["comment"], *comment_details(row, asof, lang)) for row in comments.to_dict("records")]
    return str(template("comments.html.j2").render(rows=rows, word=pick(lang, "批注", "note")))


def comment_details(row: Mapping[Hashable, Any], asof: date, lang: Lang) -> tuple[str, bool]:
    """Who owns a comment and until when, in words; and whether it is overdue."""
    due = None if pd.isna(row["due"]) else pd.Timestamp(row["due"])
    done = not pd.isna(row["done"]) and bool(row["done"])
    late = due is not None and not done and due < pd.Timestamp(asof)
    words = [pick(lang, "负责：", "owner: ") + row["owner"] if isinstance(row["owner"], str) else "",
             pick(lang, "期限：", "due: ") + f"{due:%Y-%m-%d}" if due is not None else "",
             pick(lang, "已完成", "done") if done else pick(lang, "已逾期", "overdue") if late else ""]  # fmt: skip
    return pick(lang, "；", "; ").join(filter(None, words)), late


@cache
def template(name: str) -> Template:
    """A page or a part of one, from the files beside this module; every text that is put in is escaped."""
    from jinja2 import Environment, FileSystemLoader

    folder = str(resources.files("g3lib.report").joinpath("template"))
    return Environment(autoescape=True, loader=FileSystemLoader(folder)).get_template(name)

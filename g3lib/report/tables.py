"""A frame → a table that a director reads: labels for columns and codes, right-aligned figures, one bold row.

Every text that comes from data is escaped here, and only here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

import pandas as pd

from g3lib.labels import VOCABULARIES, Lang, label, money, number, percent, pick, points

if TYPE_CHECKING:
    from jinja2 import Template

Format = Callable[[object, Lang], str]


def _text(value: object, lang: Lang) -> str:
    return "—" if value is None or value != value else str(value)


def _date(value: object, lang: Lang) -> str:
    return f"{pd.Timestamp(value):%Y-%m-%d}"


_FORMATS: dict[str, Format] = {
    "text": _text,
    "date": _date,
    "count": lambda v, lang: number(v),
    "count1": lambda v, lang: number(v, 1),
    "decimal": lambda v, lang: number(v, 2),
    "decimal3": lambda v, lang: number(v, 3),
    "percent": lambda v, lang: percent(v),
    "percent1": lambda v, lang: percent(v, 1),
    "points": points,
    "money": money,
    "p": lambda v, lang: "< 0.001" if isinstance(v, float) and v < 0.001 else number(v, 3),
}

# column → (Chinese, English, format or vocabulary)
COLUMNS: dict[str, tuple[str, str, str]] = {
    "month": ("月份", "month", "text"),
    "branch": ("分公司", "branch", "text"),
    "outlet": ("网点", "outlet", "text"),
    "model": ("机型", "model", "text"),
    "rule": ("规则", "rule", "text"),
    "cause": ("可能原因", "possible cause", "text"),
    "channel": ("渠道", "channel", "channel"),
    "device_class": ("终端类型", "device class", "device_class"),
    "contract": ("合约", "contract", "contract"),
    "verdict": ("结论", "verdict", "verdict"),
    "cause_verdict": ("结论", "verdict", "cause_verdict"),
    "units": ("台数", "devices", "count"),
    "total": ("合计", "total", "count"),
    "units_before": ("前期（台）", "before (devices)", "count"),
    "units_after": ("本期（台）", "now (devices)", "count"),
    "change": ("增减（台）", "change (devices)", "count"),
    "growth_points": ("拉动", "contribution to growth", "points"),
    "share_before": ("前期占比", "share before", "percent"),
    "share_after": ("本期占比", "share now", "percent"),
    "share_change": ("占比变化", "change of share", "points"),
    "share": ("占比", "share", "percent"),
    "cumulative": ("累计占比", "cumulative", "percent"),
    "actual": ("实际", "actual", "count"),
    "expected": ("应有", "expected", "count"),
    "gap": ("缺口", "shortfall", "count"),
    "target": ("目标", "target", "count"),
    "attainment": ("完成率", "attainment", "percent"),
    "time_progress": ("时间进度", "time progress", "percent"),
    "progress_index": ("进度指数", "progress index", "decimal"),
    "gap_to_time": ("序时缺口", "behind time (devices)", "count1"),
    "remaining": ("尚缺", "to go", "count"),
    "per_day": ("日均需", "needed a day", "count1"),
    "per_month": ("月均需", "needed a month", "count1"),
    "month_attainment": ("当月完成率", "month's attainment", "percent"),
    "phasing": ("分摊方式", "phasing", "phasing"),
    "before": ("活动前", "before", "percent"),
    "after": ("活动后", "after", "percent"),
    "lift": ("提升", "lift", "points"),
    "room": ("提升÷剩余空间", "lift ÷ room left", "percent1"),
    "rank_before": ("前位次", "rank before", "count"),
    "rank_after": ("后位次", "rank after", "count"),
    "rank_lift": ("提升位次", "rank by lift", "count"),
    "rate": ("补贴率", "subsidy rate", "percent1"),
    "rule_rate": ("规则补贴率", "rule's rate", "percent1"),
    "cap": ("生命周期上限", "lifecycle cap", "percent1"),
    "allowed_rate": ("尚可平均补贴率", "rate still allowed", "percent1"),
    "headroom": ("剩余额度", "headroom", "money"),
    "subsidy_yuan": ("补贴额", "subsidy", "money"),
    "base_yuan": ("零售额", "base", "money"),
    "over_yuan": ("多补", "too much", "money"),
    "fails": ("超出规则", "beyond the rule", "count"),
    "below": ("低于下限", "below the rule", "count"),
    "unknown_units": ("未知台数", "devices unknown", "count"),
    "units_with": ("有此因素", "with the cause", "count"),
    "units_without": ("无此因素", "without", "count"),
    "risk_with": ("有者不达标率", "problem rate with", "percent1"),
    "risk_without": ("无者不达标率", "problem rate without", "percent1"),
    "crude": ("未分层差异", "crude difference", "points"),
    "effect": ("分层差异", "stratified difference", "points"),
    "low": ("下限", "low", "points"),
    "high": ("上限", "high", "points"),
    "minimum_effect": ("最小有意义差异", "smallest that matters", "points"),
    "p_cause": ("要因检验p（Holm）", "p, cause (Holm)", "p"),
    "share_of_problem": ("占问题比重", "share of problem", "percent1"),
    "needed_per_group": ("每组所需样本", "units needed a group", "count"),
    "check": ("核对", "check", "text"),
    "says": ("说明", "what it says", "text"),
    "topic": ("主题", "topic", "text"),
    "finding": ("结论", "finding", "text"),
    "status": ("状态", "status", "status"),
    "kpi": ("指标", "KPI", "text"),
    "value": ("数值", "value", "text"),
    "file": ("来源文件", "source file", "text"),
    "table": ("表", "table", "text"),
    "digest": ("文件校验码", "file digest", "text"),
    "rows": ("载入行", "rows loaded", "count"),
    "rejected": ("拒收行", "rows rejected", "count"),
    "totals": ("所列合计", "stated totals", "count"),
}
PHASING = {"calendar": ("按日历天", "calendar days"), "month_even": ("按月均分", "even months")}
# columns of sentences wrap; all others keep to one line
_LONG = {"says", "finding"}
_LEFT = {"text", "date", "phasing", *VOCABULARIES}


def heading(column: str, lang: Lang) -> str:
    """A column's label; a column without one (a channel, a month) is shown as it is."""
    if column in COLUMNS:
        return pick(lang, *COLUMNS[column][:2])
    if column.startswith("share · "):
        return f"{pick(lang, '占比', 'share')} · {label('channel', column.removeprefix('share · '), lang)}"
    return label("channel", column, lang) if column in VOCABULARIES["channel"] else column


def shown(column: str, value: object, lang: Lang) -> str:
    """A value as its column is written."""
    if column == "month" and value == "":
        return pick(lang, "合计", "total")
    form = _form(column)
    if form == "phasing":
        return pick(lang, *PHASING[str(value)])
    if form in VOCABULARIES:
        return label(form, value, lang)
    return _FORMATS[form](value, lang)


def _form(column: str) -> str:
    if column in COLUMNS:
        return COLUMNS[column][2]
    # a column named by a channel holds devices, one named by a KPI holds text that is already written
    return "percent" if column.startswith("share · ") else "count" if column in VOCABULARIES["channel"] else "text"


def html_table(frame: pd.DataFrame, lang: Lang, bold: Sequence[bool] | None = None) -> str:
    """The frame as HTML.

    Args:
        frame: canonical columns; their order is the table's.
        bold: rows that matter.
    """
    strong = list(bold) if bold is not None else [False] * len(frame)
    rows = [
        ([shown(c, v, lang) for c, v in zip(frame.columns, values, strict=True)], mark)
        for values, mark in zip(frame.itertuples(index=False, name=None), strong, strict=True)
    ]
    left = ["l" if c in COLUMNS and COLUMNS[c][2] in _LEFT else "" for c in frame.columns]
    left = [side + " w" * (c in _LONG) for side, c in zip(left, frame.columns, strict=True)]
    return str(_template().render(heads=[heading(c, lang) for c in frame.columns], rows=rows, left=left))


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
    return str(_lines_template().render(rows=rows))


@cache
def _lines_template() -> Template:
    from jinja2 import Environment

    text = """<ol class="g3-lines">
{%- for row in rows %}<li><p><span class="topic">{{ row.topic }}</span>
{%- if row.label %}<span class="tag {{ row.status }}">{{ row.label }}</span>{% endif %}</p><p>{{ row.text }}</p>
{%- if row.kpis %}<dl>
{%- for name, value in row.kpis %}<div><dt>{{ name }}</dt><dd>{{ value }}</dd></div>{% endfor -%}
</dl>{% endif %}</li>
{%- endfor %}</ol>"""
    return Environment(autoescape=True).from_string(text)


@cache
def _template() -> Template:
    from jinja2 import Environment

    text = """<div class="g3-scroll"><table class="g3-table"><thead><tr>
{%- for head in heads %}<th class="{{ left[loop.index0] }}" scope="col">{{ head }}</th>{% endfor -%}
</tr></thead><tbody>
{%- for cells, mark in rows %}<tr{% if mark %} class="mark"{% endif %}>
{%- for cell in cells %}<td class="{{ left[loop.index0] }}">{{ cell }}</td>{% endfor -%}
</tr>{% endfor -%}
</tbody></table></div>"""
    return Environment(autoescape=True).from_string(text)

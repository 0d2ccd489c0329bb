"""The words that reach a reader, in Chinese and English, and how numbers are written.

Code holds English codes (`own`, `breach`); a table, an axis and a sentence show the label. A vocabulary
also lists what exports write for a code, so the gate and the reports agree on one spelling. An operator's
own channel or device class is one more line here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Literal

from g3lib.errors import UsageError

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")


@dataclass(frozen=True)
class Word:
    """A code's label in both languages and what exports write for it."""

    zh: str
    en: str
    written: tuple[str, ...] = ()


VOCABULARIES: dict[str, dict[str, Word]] = {
    "grain": {"day": Word("日", "day"), "month": Word("月", "month")},
    "channel": {
        "own": Word("自营", "own", ("自有", "自有渠道", "自营渠道", "自营厅", "own channel")),
        "social": Word("社会", "social", ("社会渠道", "社会代理", "合作渠道", "agent")),
        "end": Word("末端", "end", ("末端渠道", "末端网点", "rural")),
        "direct": Word("直销", "direct", ("直销渠道", "铁通", "直销队", "direct sales")),
    },
    "device_class": {
        "handset": Word("G3手机", "handset", ("手机", "G3 手机", "3G手机", "5G手机", "phone")),
        "wireless_phone": Word("无线座机", "wireless phone", ("G3无线座机", "无线固话", "G3固话", "家庭电话")),
        "netbook": Word("上网本", "netbook", ("G3上网本", "G3上网笔记本", "上网笔记本")),
        "data_card": Word("上网卡", "data card", ("G3上网卡", "数据卡")),
        "reader": Word("阅读器", "reader", ("G3阅读器",)),
        "pnd": Word("导航", "navigation device", ("G3版PND", "PND", "G3版车e行")),
        "low_end_2g": Word("2G低端终端", "2G low-end device", ("2G手机", "2G低端手机及无线座机")),
    },
    "kind": {
        "smart": Word("智能机", "smartphone", ("智能手机", "智能")),
        "feature": Word("功能机", "feature phone", ("功能手机", "非智能机", "非智能")),
    },
    "contract": {
        "plan": Word("合约套餐", "plan contract", ("套餐合约",)),
        "spend": Word("合约消费", "spend contract", ("消费合约",)),
        "tariff": Word("3G资费合约", "3G tariff contract", ("资费合约",)),
        "bare": Word("裸机", "bare device", ("裸机销售", "无合约")),
    },
    "customer_type": {
        "new": Word("新增", "new", ("新客户", "新入网", "新用户")),
        "existing": Word("存量", "existing", ("老客户", "存量客户", "老用户")),
    },
    "tier": {
        "deep": Word("深度定制", "deeply customised", ("全网操盘",)),
        "selected": Word("全省甄选", "selected by the province", ("甄选", "非深度定制甄选")),
        "city": Word("地市灵活", "left to the city", ("其余机型", "各市灵活操作")),
    },
    "grade": {
        "excellent": Word("优秀", "excellent"),
        "good": Word("良好", "good"),
        "qualified": Word("合格", "qualified"),
    },
    "level": {
        "province": Word("省", "province", ("省级", "全省")),
        "city": Word("市", "city", ("地市", "市级")),
        "county": Word("县", "county", ("县区", "县级", "区县")),
    },
    "state": {
        "active": Word("在网", "in service", ("正常", "在用")),
        "suspended": Word("停机", "suspended", ("欠停", "报停")),
        "cancelled": Word("离网", "cancelled", ("销户", "拆机")),
        "cross_branch": Word("窜货", "cross-branch"),
        "split": Word("机卡分离", "split", ("拆包",)),
    },
    "reason": {
        "voluntary": Word("主动离网", "voluntary"),
        "non_payment": Word("欠费离网", "non-payment", ("欠费",)),
        "fraud": Word("养卡套利", "fraud", ("套利", "养卡")),
        "upgrade": Word("换机升级", "upgrade", ("换机",)),
        "contract_end": Word("合约到期", "contract end", ("到期",)),
    },
    "metric": {
        "units": Word("终端销量", "device sales", ("销量", "G3终端销售量", "销售量", "终端销售")),
        "net_adds": Word("净增客户", "net adds", ("净增", "净增G3客户")),
        "participation": Word("参与率", "participation rate", ("签约率", "月租签约率", "参与占比")),
        "customers": Word("客户数", "customers", ("在网客户", "G3客户")),
    },
    "target_kind": {
        "flow": Word("流量", "flow", ("累计",)),
        "stock": Word("存量", "stock", ("时点",)),
        "rate": Word("比率", "rate", ("占比",)),
    },
    "direction": {
        "up": Word("越高越好", "higher is better", ("正向",)),
        "down": Word("越低越好", "lower is better", ("反向",)),
    },
    "rule_type": {
        "base": Word("基础补贴", "base", ("基础",)),
        "credit": Word("叠加奖励", "stacking credit", ("叠加", "奖励")),
    },
    "bound": {
        "eq": Word("=", "=", ("等于",)),
        "le": Word("≤", "≤", ("<=", "不超过", "不高于", "以下")),
        "ge": Word("≥", "≥", (">=", "不低于", "以上")),
    },
    "rate_status": {
        "known": Word("已知", "known"),
        "masked": Word("隐去", "masked", ("*",)),
        "open": Word("未定", "open", ("另行通知",)),
    },
    "booking": {
        "cost": Word("终端补贴", "device subsidy (cost)", ("成本",)),
        "revenue": Word("冲减收入", "revenue reduction", ("收入冲减",)),
    },
    # what only reports show
    "status": {
        "good": Word("达标", "on track"),
        "watch": Word("关注", "watch"),
        "breach": Word("预警", "breach"),
        "unknown": Word("未知", "unknown"),
        "plain": Word("—", "—"),
    },
    "verdict": {
        "pass": Word("通过", "pass"),
        "warning": Word("提示", "warning"),
        "fail": Word("不通过", "fail"),
        "no verdict": Word("不作结论", "no verdict"),
    },
    "cause_verdict": {
        "confirmed": Word("要因", "root cause"),
        "rejected": Word("非要因", "not a cause"),
        "insufficient": Word("证据不足", "insufficient evidence"),
    },
    "table": {
        "sales": Word("销售", "sales"),
        "branches": Word("机构", "branches"),
        "models": Word("机型", "models"),
        "outlets": Word("网点", "outlets"),
        "outlet_facts": Word("网点检查", "outlet facts"),
        "activity": Word("客户活跃", "activity"),
        "targets": Word("目标", "targets"),
        "participation": Word("参与", "participation"),
        "campaigns": Word("活动", "campaigns"),
        "assumptions": Word("假设与文件所述", "assumptions and stated figures"),
        "policy": Word("补贴政策", "policy"),
    },
    "run_state": {
        "ok": Word("完成", "ok"),
        "failed": Word("失败", "failed"),
        "skipped": Word("跳过：无数据", "skipped: no data"),
    },
}


@cache
def _codes(vocabulary: str) -> Mapping[str, str]:
    known: dict[str, str] = {}
    for code, word in VOCABULARIES[vocabulary].items():
        for text in (code, word.zh, word.en, *word.written):
            known[fold(text)] = code
    return known


def fold(text: str) -> str:
    """A spelling without what does not matter: case, spaces, full width.

    >>> fold(" Ｇ3　手机 ") == fold("g3手机")
    True
    """
    import unicodedata

    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(text))).casefold()


def code(vocabulary: str, text: str) -> str | None:
    """The code that an export's word stands for, None where it is unknown.

    >>> code("channel", "自有渠道"), code("channel", "火星")
    ('own', None)
    """
    return _codes(vocabulary).get(fold(text))


def label(vocabulary: str, value: object, lang: Lang) -> str:
    """The label of a code; a code without one is shown as it is, a missing one as 未知 / unknown.

    >>> label("channel", "own", "zh"), label("channel", "kiosk", "en"), label("channel", None, "en")
    ('自营', 'kiosk', 'unknown')
    """
    if value is None or value != value:
        return pick(lang, "未知", "unknown")
    word = VOCABULARIES[vocabulary].get(str(value))
    return str(value) if word is None else pick(lang, word.zh, word.en)


def pick(lang: str, zh: str, en: str) -> str:
    """The text in the chosen language."""
    if lang not in LANGS:
        raise UsageError(f"lang is {lang!r}; expected one of {', '.join(LANGS)}.")
    return zh if lang == "zh" else en


def rounded(value: float, digits: int) -> Decimal:
    """Round half up on the decimal that is printed, as people do (Python rounds half to even).

    >>> rounded(0.125, 2), rounded(2.675, 2), rounded(-0.004, 2)
    (Decimal('0.13'), Decimal('2.68'), Decimal('0.00'))
    """
    exact = Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return exact if exact else abs(exact)


def number(value: object, digits: int = 0) -> str:
    """A number with thousands separators; unknown is an em dash.

    >>> number(15839), number(1439.909, 1), number(float("nan"))
    ('15,839', '1,439.9', '—')
    """
    amount = _finite(value)
    return "—" if amount is None else f"{rounded(amount, digits):,}"


def percent(value: object, digits: int = 2) -> str:
    """A fraction as a percentage.

    >>> percent(0.4632), percent(None)
    ('46.32%', '—')
    """
    amount = _finite(value)
    return "—" if amount is None else f"{rounded(amount * 100, digits):,}%"


def points(value: object, lang: Lang = "en", digits: int = 2) -> str:
    """A difference of fractions in signed percentage points.

    >>> points(0.3171), points(-0.02, "zh")
    ('+31.71 pp', '-2.00个百分点')
    """
    amount = _finite(value)
    if amount is None:
        return "—"
    return f"{rounded(amount * 100, digits):+,}" + pick(lang, "个百分点", " pp")


def money(value: object, lang: Lang) -> str:
    """Yuan as operators write them: 元 below ten thousand, then 万元 and 亿元.

    >>> money(8231, "zh"), money(1234567, "zh"), money(1234567, "en"), money(3.2e8, "zh")
    ('8,231元', '123.46万元', '¥1,234,567', '3.20亿元')
    """
    amount = _finite(value)
    if amount is None:
        return "—"
    if lang == "en":
        sign = "-" if amount < 0 else ""
        return f"{sign}¥{rounded(abs(amount), 0):,}"
    for size, unit in ((1e8, "亿元"), (1e4, "万元")):
        if abs(amount) >= size:
            return f"{rounded(amount / size, 2):,}{unit}"
    return f"{rounded(amount, 0):,}元"


def _finite(value: object) -> float | None:
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return amount if math.isfinite(amount) else None

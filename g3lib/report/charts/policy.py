"""Charts of a policy itself: which rate stands where, and what the table forgets or says twice."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from g3lib.labels import Lang, label, number, percent, pick
from g3lib.report.charts.look import INK, WARN
from g3lib.tables.policy import base_rules

_SHADES = ("#eef3f6", "#dbe7ee", "#f4f4f4", "#e6e6e6")
_HATCH = {"gap": "////", "overlap": "xxxx"}
_Box = tuple[int, int, int, int]  # steps of price from, to; of screen from, to


def policy_bands(policy: pd.DataFrame, faults: pd.DataFrame, ax: Axes, lang: Lang) -> Axes:
    """Price by screen: a rectangle a rule with its rate, gaps and overlaps hatched in the warning colour.

    Each band is one step wide, whatever its yuan or inches: a narrow hole is seen, and no two edges collide.

    Args:
        policy: the rules of one device class, contract, channel and day: kind, price_min, price_max,
            screen_min, screen_max, rate, bound, qualifier, rate_status. A rule without any band is named under
            the chart where others have one.
        faults: rows of `lint` of the same class, contract, channel and day; only gaps and overlaps are drawn.
    """
    policy = policy[base_rules(policy)]  # a stacking credit has no band of its own
    holes = faults[faults["fault"].isin(list(_HATCH))]
    limits = [policy[["price_min", "price_max", "screen_min", "screen_max"]].to_numpy(dtype="float64"),
              holes[["price_from", "price_to", "screen_from", "screen_to"]].to_numpy(dtype="float64")]  # fmt: skip
    edges = [sorted({v for part in limits for v in part[:, i : i + 2].flat if v > 0}) for i in (0, 2)]
    boxes, marks = ([_box(row, edges) for row in part] for part in limits)
    whole = (0, len(edges[0]) + 1, 0, len(edges[1]) + 1)
    aside = [box == whole and set(boxes) != {whole} for box in boxes]
    inside = policy[[not out for out in aside]]
    one_kind = inside["kind"].nunique(dropna=False) == 1
    drawn: dict[_Box, list[str]] = {}
    for box, row, out in zip(boxes, policy.itertuples(), aside, strict=True):
        if not out:
            drawn.setdefault(box, []).append(_said(row, lang, with_kind=not one_kind))
    for i, box in enumerate(drawn):
        _patch(ax, box, facecolor=_SHADES[i % len(_SHADES)], edgecolor="white", linewidth=2)
    for spot, texts in _places(drawn).items():
        ax.text(*spot, "\n".join(texts), ha="center", va="center", color=INK, zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 2.5})  # fmt: skip
    for fault, box in zip(holes["fault"], marks, strict=True):
        _patch(ax, box, fill=False, edgecolor=WARN, hatch=_HATCH[fault], linewidth=1.2, zorder=3)
    ax.set(xlim=(0, whole[1]), ylim=(0, whole[3]), ylabel=pick(lang, "屏幕（英寸）", "screen (inches)"))
    ax.set_xticks(range(whole[1]), [number(v) for v in (0, *edges[0])], rotation=35 if whole[1] > 11 else 0)
    ax.set_yticks(range(whole[3]), [f"{v:g}" for v in (0, *edges[1])])
    notes = [pick(lang, "零售价（元）；各档含下限、不含上限，宽度不按比例",
                  "list price (yuan); bands include their lower edge; not to scale")]  # fmt: skip
    others = "; ".join(_said(row, lang, with_kind=True) for row, out in zip(policy.itertuples(), aside, strict=True) if out)
    if others:
        shown = label("kind", inside["kind"].iloc[0], lang) + pick(lang, "；", "; ") if one_kind else ""
        notes.append(pick(lang, f"图中{shown}任何价格与屏幕：", f"drawn: {shown}at any price and screen: ") + others)
    said = {"gap": pick(lang, "斜线：无规则", "stripes: no rule"),
            "overlap": pick(lang, "交叉线：规则重叠", "crosses: rules overlap")}  # fmt: skip
    ax.set_xlabel("\n".join([*notes, "  ".join(said[fault] for fault in said if fault in set(holes["fault"]))]).strip())
    return ax


def _box(limits: Any, edges: list[list[float]]) -> _Box:
    def step(value: float, own: list[float], open_end: int) -> int:
        return own.index(value) + 1 if value > 0 else open_end

    (x, x_to, y, y_to), (prices, screens) = limits, edges
    return step(x, prices, 0), step(x_to, prices, len(prices) + 1), step(y, screens, 0), step(y_to, screens, len(screens) + 1)


def _patch(ax: Axes, box: _Box, **style: Any) -> None:
    ax.add_patch(Rectangle((box[0], box[2]), box[1] - box[0], box[3] - box[2], **style))


def _places(drawn: dict[_Box, list[str]]) -> dict[tuple[float, float], list[str]]:
    """Where each rectangle's text stands: in its middle, or where others cross it in its freest cell."""
    cells = {box: list(product(range(*box[:2]), range(*box[2:]))) for box in drawn}
    cover = pd.Series([cell for own in cells.values() for cell in own], dtype="object").value_counts()
    placed: dict[tuple[float, float], list[str]] = {}
    for box in sorted((box for box in drawn if cells[box]), key=lambda box: (len(cells[box]), box)):
        spot = ((box[0] + box[1]) / 2, (box[2] + box[3]) / 2)
        if any(cover[cell] > 1 for cell in cells[box]):
            spots = {(x + 0.5, y + 0.5): cover[x, y] for x, y in cells[box]}
            spot = min(spots, key=lambda at: (at in placed, spots[at], at))
        placed.setdefault(spot, []).extend(drawn[box])
    return placed


def _said(rule: Any, lang: Lang, with_kind: bool) -> str:
    """The rule's rate, and its kind where asked: 智能机 约65%."""
    if rule.rate_status in ("masked", "open") or rule.rate != rule.rate:
        text = label("rate_status", rule.rate_status, lang)
    else:
        bound = label("bound", rule.bound, lang) if rule.bound in ("le", "ge") else ""
        text = bound + (pick(lang, "约", "about ") if rule.qualifier == "约" else "") + percent(rule.rate, 0)
    return f"{label('kind', rule.kind, lang)} {text}" if with_kind and isinstance(rule.kind, str) else text

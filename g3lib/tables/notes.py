"""What the gate says without refusing: kept with the rows and repeated by every report that uses them."""

from __future__ import annotations

from dataclasses import dataclass

from g3lib.labels import Lang, pick

_TEXTS: dict[str, tuple[str, str]] = {
    "caption_months": (
        "表题写“{caption}”，而数据是{data}：以数据为准。",
        "The caption says “{caption}” but the rows are {data}: the rows are used.",
    ),
    "unit_applied": (
        "“{heading}”按其单位{unit}换算（×{factor}；单元格自带单位的除外）。",
        "“{heading}” was converted from its unit {unit} (×{factor}; cells that name a unit of their own excepted).",
    ),
    "unknown_heading": ("未识别的列“{heading}”未载入。", "The column “{heading}” is not known and was not loaded."),
    "unknown_title_unit": ("表题单位“{unit}”不改变数值。", "The caption's unit “{unit}” changes no figure."),
    "total_differs": (
        "第{row}行“{label}”所列{column}为{stated}，各部分之和为{parts}。",
        "Row {row} “{label}” states {column} {stated}; its parts sum to {parts}.",
    ),
    "looks_like_total": (
        "{branch}每个月都等于其余各分公司之和，像是没有注明的合计：若是合计，请写作“合计”，否则会重复计算。",
        "{branch} equals all other branches together in every month and looks like an unmarked total: if it is one, name it "
        "合计 or total, or everything counts twice.",
    ),
    "blank_wide": ("宽表中{count}个空格没有记录。", "{count} empty cells of wide columns hold no record."),
    "excel_dates": ("“{heading}”中的数字按Excel日期读取。", "Numbers in “{heading}” were read as Excel dates."),
    "approximate": ("“{heading}”中的“约”按所列数值读取。", "约 (about) in “{heading}” was read as the figure itself."),
    "scaled_cells": ("“{heading}”单元格中的万、亿已换算。", "万 and 亿 in cells of “{heading}” were applied."),
    "repeated_heading": ("表内重复的标题行{count}行，未作数据。", "{count} repeated heading rows inside the sheet are no data."),
    "prose_sheet": ("工作表“{sheet}”只有文字，未载入。", "The sheet “{sheet}” holds text only and was not loaded."),
    "year_from_title": ("月份的年份{year}取自表题。", "The year {year} of the months is the caption's."),
    "masked": ("“{heading}”中的号码已遮盖。", "Numbers in “{heading}” were masked."),
    "digested": ("“{heading}”已替换为带密钥的摘要。", "“{heading}” is replaced by keyed digests."),
    "remark": ("表注：{text}", "Remark on the sheet: {text}"),
    "read_as": ("按{how}读取。", "Read as {how}."),
}


@dataclass(frozen=True)
class Note:
    """A remark of the gate: a code and what fills its sentence, so that it can be said in both languages."""

    code: str
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, **values: object) -> Note:
        """The note of that code."""
        return cls(code, tuple((name, str(value)) for name, value in values.items()))

    def text(self, lang: Lang) -> str:
        """The sentence.

        >>> Note.of("unit_applied", heading="金额(万元)", unit="万元", factor="10,000").text("en")
        '“金额(万元)” was converted from its unit 万元 (×10,000; cells that name a unit of their own excepted).'
        """
        return pick(lang, *_TEXTS[self.code]).format(**dict(self.values))

    def as_dict(self) -> dict[str, object]:
        """Plain values for the manifest."""
        return {"code": self.code, "values": dict(self.values)}

"""One slide: its title, its texts, what stands at its foot and in its notes, every run with an East Asian font."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from g3lib.findings import Finding
from g3lib.labels import VOCABULARIES, label, pick
from g3lib.report.deck.master import Room

if TYPE_CHECKING:
    from g3lib.report.page import Report

FONT = "Microsoft YaHei"
INK, GREY, ACCENT, WARN = "222222", "8C8C8C", "0B6E99", "B3261E"
UNDER = 0.25  # inches: the line under what a template's slide shows
MUTED = "B8B8B8"  # what a claim is not about
SHADES = (ACCENT, "4D4D4D", "8C8C8C", MUTED, "D9D9D9")


@dataclass
class Page:
    """A slide that is being written."""

    slide: Any
    report: Report
    room: Room
    own_master: bool

    @property
    def lang(self) -> str:
        """The deck's language."""
        return self.report.lang

    def title(self, text: str) -> None:
        """The title, in the layout's own place; long sentences step down, so that none runs over what stands below."""
        box = self.slide.shapes.title
        box.text_frame.word_wrap = True
        box.text_frame.text = text.rstrip("。.")
        size = 24 if len(text) < 45 else 20 if len(text) < 90 else 17
        if self.lang == "en":
            size = 24 if len(text) < 80 else 20 if len(text) < 150 else 16
        style(box.text_frame, size, bold=True, colour=INK if self.own_master else "")
        box.text_frame.paragraphs[0].line_spacing = 1.1

    def text(self, text: str, left: float, top: float, wide: float, high: float, size: float, **how: Any) -> None:
        """A text box, inches and points."""
        from pptx.util import Inches

        box = self.slide.shapes.add_textbox(Inches(left), Inches(top), Inches(wide), Inches(high))
        box.text_frame.word_wrap = True
        box.text_frame.text = text
        style(box.text_frame, size, **how)

    def aside(self, text: str) -> Room:
        """A word over the title, on a template (which has its own things there) at the foot; returns the room that is left."""
        if not text:
            return self.room
        if self.own_master:
            self.text(text, self.room.left, 0.12, self.room.wide, 0.35, 12, colour=GREY)
            return self.room
        self.text(text, self.room.left, self.room.top + self.room.high - 0.22, self.room.wide, 0.25, 9, colour=GREY)
        return replace(self.room, high=self.room.high - UNDER)

    def foot(self, findings: Sequence[Finding], number: int, of: int) -> None:
        """Whose, of when (the first finding's), over which denominators; and the slide's number."""
        made_up = pick(self.lang, "虚构样例数据 · ", "made-up data · ") if self.report.data.made_up else ""
        period = findings[0].period if findings else self.report.voice.period
        base = pick(self.lang, "；", "; ").join(dict.fromkeys(f.denominator for f in findings if f.denominator))
        text = f"{made_up}{self.report.data.branch}"
        text += f" · {pick(self.lang, '期间', 'period')} {self.report.voice.span(period)}" if period else ""
        text += f" · {pick(self.lang, '分母：', 'denominator: ')}{base}" if base else ""
        top = self.room.top + self.room.high + 0.05
        self.text(text, self.room.left, top, self.room.wide - 1.2, 0.35, 10, colour=GREY)
        self.text(f"{number} / {of}", self.room.left + self.room.wide - 1.0, top, 1.0, 0.35, 10, colour=GREY, align="right")

    def notes(self, findings: Sequence[Finding], more: Sequence[str] = ()) -> None:
        """Definition, denominator, period and source of every figure on the slide."""
        lines = []
        for f in findings:
            how = label("definition", f.definition or "—", self.report.lang)
            source = label("table", f.table, self.report.lang) if f.table in VOCABULARIES["table"] else f.table
            lines.append(f"{f.text} [{'; '.join(filter(None, (how, f.denominator or '—', f.period, source)))}]")
        self.slide.notes_slide.notes_text_frame.text = "\n".join([*lines, *more])
        style(self.slide.notes_slide.notes_text_frame, 12, colour="")

    def describe(self, shape: Any, text: str) -> None:
        """Words for those who cannot see the picture."""
        for element in shape._element.iter():
            if element.tag.endswith("}cNvPr"):
                element.set("descr", text)
                return


def style(frame: Any, size: float, bold: bool = False, colour: str = INK, align: str = "left") -> None:
    """Size, weight, colour and fonts of every run; an empty colour leaves the master's."""
    from pptx.enum.text import PP_ALIGN
    from pptx.util import Pt

    for paragraph in frame.paragraphs:
        for run in paragraph.runs:  # a minus sign, which no line breaks after, where a hyphen stands for one
            run.text = re.sub(r"(?<![0-9A-Za-z-])-(?=\d)", "−", run.text)
        paragraph.alignment = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT, "center": PP_ALIGN.CENTER}[align]
        for run in paragraph.runs:
            run.font.size, run.font.bold, run.font.name = Pt(size), bold, FONT
            if colour:
                run.font.color.rgb = rgb(colour)
            east_asian(run._r.get_or_add_rPr())


def east_asian(properties: Any) -> None:
    """The East Asian font of a run: without it PowerPoint would pick one by itself."""
    from pptx.oxml.ns import qn

    for old in properties.findall(qn("a:ea")):
        properties.remove(old)
    element = properties.makeelement(qn("a:ea"), {"typeface": FONT})
    latin = properties.find(qn("a:latin"))  # the schema wants it right after
    if latin is None:
        properties.append(element)
    else:
        latin.addnext(element)


def rgb(colour: str) -> Any:
    """A colour from its six digits."""
    from pptx.dml.color import RGBColor

    make: Any = RGBColor.from_string  # untyped upstream
    return make(colour)

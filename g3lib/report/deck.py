"""Claims and their tables → the slides of a meeting (.pptx): native charts that can be edited, tables that are tables.

A slide's title is its claim, the very sentence of the report; its notes hold definition, denominator and period of
every figure on it. No number is typed here: each comes from a finding or a frame of the report. Chinese text names an
East Asian font on every run, or PowerPoint would pick one by itself.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.ticker import MaxNLocator

from g3lib.labels import label, pick
from g3lib.report.claims import kpis
from g3lib.report.placing import sides
from g3lib.report.slides import Actions, Bars, Opening, Points, Slide, Table
from g3lib.report.tables import heading, shown

if TYPE_CHECKING:
    from g3lib.report.page import Report

_FONT = "Microsoft YaHei"
_INK, _GREY, _ACCENT, _WARN = "222222", "8C8C8C", "0B6E99", "B3261E"
_LEFT, _TOP, _WIDE, _HIGH = 0.6, 1.75, 12.1, 4.75  # inches: the room under the title of a 13.33 × 7.5 slide
_MOST_ROWS, _MOST_LINES, _MOST_BARS = 14, 8, 24


def pptx(slides: Sequence[Slide], report: Report) -> bytes:
    """The slides as a .pptx file: the same slides give the same bytes.

    Args:
        slides: in their order.
        report: whose voice they speak with, and whose data may be made up: then each slide says so.
    """
    from datetime import datetime

    from pptx import Presentation
    from pptx.util import Inches

    deck: Any = Presentation()
    deck.slide_width, deck.slide_height = Inches(13.333), Inches(7.5)
    deck.core_properties.title = f"{report.about.title[report.lang]} · {report.data.branch} · {report.data.period}"
    deck.core_properties.author = "g3lib"
    deck.core_properties.created = deck.core_properties.modified = datetime(2000, 1, 1)
    for place, slide in enumerate(slides, 1):
        _Writer(deck.slides.add_slide(deck.slide_layouts[5]), report).write(slide, place, len(slides))
    out = io.BytesIO()
    deck.save(out)
    return _without_times(out.getvalue())


def _without_times(content: bytes) -> bytes:
    """The package with fixed times inside: when it was written is no part of what it says."""
    from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

    out = io.BytesIO()
    with ZipFile(io.BytesIO(content)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for item in old.infolist():
            inside = old.read(item)
            if item.filename.endswith(".xlsx"):  # the sheet behind a chart is a package too
                inside = _without_times(inside)
            elif item.filename == "docProps/core.xml":
                inside = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", inside)
            new.writestr(ZipInfo(item.filename, (2000, 1, 1, 0, 0, 0)), inside, ZIP_DEFLATED)
    return out.getvalue()


class _Writer:
    """Writes one slide."""

    def __init__(self, slide: Any, report: Report) -> None:
        self.slide, self.report, self.lang, self.voice = slide, report, report.lang, report.voice

    def write(self, slide: Slide, number: int, of: int) -> None:
        self._title(slide.title if isinstance(slide, Actions) else slide.findings[0].text)
        draw: Any = {Opening: self._opening, Table: self._table, Bars: self._bars, Points: self._points, Actions: self._actions}
        draw[type(slide)](slide)
        self._foot(slide, number, of)
        self._notes(slide)

    def _title(self, text: str) -> None:
        from pptx.util import Inches

        box = self.slide.shapes.title
        box.left, box.top, box.width, box.height = Inches(_LEFT), Inches(0.45), Inches(_WIDE), Inches(1.15)
        frame = box.text_frame
        frame.word_wrap = True
        frame.text = text.rstrip("。.")
        # long sentences step down, so that none runs over what stands below
        size = 24 if len(text) < 45 else 20 if len(text) < 90 else 17
        self._style(frame, size if self.lang == "zh" else size - (2 if len(text) > 110 else 0), bold=True)
        frame.paragraphs[0].line_spacing = 1.15

    def _style(self, frame: Any, size: float, bold: bool = False, colour: str = _INK, align: str = "left") -> None:
        from pptx.enum.text import PP_ALIGN
        from pptx.util import Pt

        for paragraph in frame.paragraphs:
            paragraph.alignment = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT, "center": PP_ALIGN.CENTER}[align]
            for run in paragraph.runs:
                run.font.size, run.font.bold, run.font.name = Pt(size), bold, _FONT
                run.font.color.rgb = _rgb(colour)
                _east_asian(run._r.get_or_add_rPr())

    def _text(self, text: str, left: float, top: float, wide: float, high: float, size: float, **style: Any) -> None:
        from pptx.util import Inches

        box = self.slide.shapes.add_textbox(Inches(left), Inches(top), Inches(wide), Inches(high))
        box.text_frame.word_wrap = True
        box.text_frame.text = text
        self._style(box.text_frame, size, **style)

    def _opening(self, slide: Opening) -> None:
        top = _TOP + 0.1
        for finding in [f for f in slide.findings if f.headline][1:3]:
            self._text(finding.text, _LEFT, top, _WIDE, 0.9, 18)
            top += 0.95
        row = kpis.parts(self.voice, slide.kpi)
        wide = _WIDE / max(len(row), 1)
        colours = {"breach": _WARN, "good": _ACCENT, "watch": "8A6100"}
        for i, (name, (text, status)) in enumerate(row.items()):
            self._text(name, _LEFT + i * wide, 4.1, wide, 0.4, 12, colour=_GREY)
            size, colour = 20 if len(text) < 7 else 15, colours.get(status, _INK)
            self._text(text, _LEFT + i * wide, 4.45, wide, 0.7, size, bold=True, colour=colour)
        why = self.voice.together([kpis.how_compared(self.voice), kpis.reasons(self.voice, [("", slide.kpi)])])
        if why:
            self._text(why, _LEFT, 5.4, _WIDE, 0.6, 11, colour=_GREY)

    def _table(self, slide: Table) -> None:
        from pptx.enum.text import MSO_ANCHOR
        from pptx.util import Inches, Pt

        frame = slide.frame.head(_MOST_ROWS)
        columns = list(frame.columns)
        cut = len(slide.frame) - len(frame)
        more = pick(self.lang, f"（另有{cut}行见报告）", f" ({cut} more rows in the report)") if cut else ""
        self._text(slide.above + more, _LEFT, 0.15, _WIDE, 0.35, 12, colour=_GREY)
        place = (Inches(_LEFT), Inches(_TOP), Inches(_WIDE), Inches(0.32 * (len(frame) + 1)))
        shape = self.slide.shapes.add_table(len(frame) + 1, len(columns), *place)
        shape.name = slide.above
        table = shape.table
        table.horz_banding = False
        size = 12 if len(frame) > 9 else 14
        for r in range(len(frame) + 1):
            table.rows[r].height = Inches(min(0.55, _HIGH / (len(frame) + 1)))
            for c, column in enumerate(columns):
                text = heading(column, self.lang) if not r else shown(column, frame.iloc[r - 1][column], self.lang)
                cell = table.cell(r, c)
                cell.text = text
                cell.margin_top = cell.margin_bottom = Pt(2)
                cell.vertical_anchor = MSO_ANCHOR.MIDDLE
                left = frame[column].dtype == object or not pd.api.types.is_numeric_dtype(frame[column])
                side, colour = "left" if left else "right", _INK if r else "FFFFFF"
                self._style(cell.text_frame, size, bold=not r, colour=colour, align=side)
                cell.fill.solid()
                cell.fill.fore_color.rgb = _rgb(_ACCENT if not r else "FFFFFF" if r % 2 else "F4F6F8")

    def _bars(self, slide: Bars) -> None:
        from pptx.chart.data import CategoryChartData
        from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_TICK_LABEL_POSITION
        from pptx.util import Pt

        frame = slide.frame.dropna(subset=[slide.value])
        if (cut := len(frame) - _MOST_BARS) > 0:  # both ends: who leads, and who needs help
            half = _MOST_BARS // 2
            frame = pd.concat([frame.head(half), frame.tail(half)])
            said = pick(self.lang, f"首尾各{half}个；另有{cut}个见报告", f"First and last {half}; {cut} more in the report")
            self._text(said, _LEFT, 0.15, _WIDE, 0.35, 12, colour=_GREY)
        if frame.empty:
            return
        make: Any = CategoryChartData  # untyped upstream
        data = make(number_format="0.00" if slide.group else "#,##0")
        data.categories = frame[slide.category].tolist()
        data.add_series(slide.word, [float(v) for v in frame[slide.value]])
        chart = self._chart(XL_CHART_TYPE.COLUMN_CLUSTERED, data, slide)
        chart.has_legend, chart.has_title = False, False
        self._axes(chart, "", slide.word)
        chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW  # below the bars that go down
        plot = chart.plots[0]
        plot.gap_width, plot.has_data_labels = 60, True
        plot.data_labels.font.size, plot.data_labels.font.name = Pt(11), _FONT
        plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
        plot.data_labels.number_format = "0.00" if slide.group else "+#,##0;-#,##0;0"
        plot.data_labels.number_format_is_linked = False
        for i, marked in enumerate(frame[slide.group] == "breach" if slide.group else frame[slide.value] < 0):
            point = plot.series[0].points[i]
            point.format.fill.solid()
            point.format.fill.fore_color.rgb = _rgb(_WARN if marked else _ACCENT)
        plot.series[0].invert_if_negative = False

    def _points(self, slide: Points) -> None:
        from pptx.chart.data import XyChartData
        from pptx.enum import chart as xl
        from pptx.util import Pt

        if slide.frame.empty:
            return
        make: Any = XyChartData  # untyped upstream
        data = make(number_format="0.00")
        # the longest series first: LibreOffice drops a first one that is shorter than another
        groups = sorted(slide.frame.groupby(slide.group, sort=False), key=lambda pair: -len(pair[1]))
        for key, rows in groups:
            series = data.add_series(label(slide.group, key, self.lang))
            for one, other in zip(rows[slide.x], rows[slide.y], strict=True):
                series.add_data_point(float(one), float(other))
        chart = self._chart(xl.XL_CHART_TYPE.XY_SCATTER, data, slide)
        chart.has_title, chart.has_legend = False, True
        chart.legend.position, chart.legend.include_in_layout = xl.XL_LEGEND_POSITION.TOP, False
        chart.legend.font.size, chart.legend.font.name = Pt(12), _FONT
        self._axes(chart, *slide.words)
        across, up = slide.frame[slide.x], slide.frame[slide.y]
        plan = zip((chart.category_axis, chart.value_axis), (across, up), slide.rule, ("0.00", "#,##0"), strict=True)
        for axis, values, rule, form in plan:
            least, most = min(float(values.min()), rule), max(float(values.max()), rule)
            room = 0.12 * ((most - least) or 1.0)
            ticks = MaxNLocator(10, steps=[1, 2, 5, 10]).tick_values(least - room, most + room)
            axis.crosses_at, axis.tick_label_position = rule, xl.XL_TICK_LABEL_POSITION.LOW  # the other axis is the rule's line
            axis.major_tick_mark = xl.XL_TICK_MARK.NONE
            ends = (ticks[0], ticks[-1], ticks[1] - ticks[0])
            axis.minimum_scale, axis.maximum_scale, axis.major_unit = (round(float(v), 9) for v in ends)
            axis.tick_labels.number_format, axis.tick_labels.number_format_is_linked = form, False
        spots = [(_along(chart.category_axis, a) * 66 * _WIDE, _along(chart.value_axis, b) * 54 * _HIGH)
                 for a, b in zip(across, up, strict=True)]  # fmt: skip
        beside = dict(zip(slide.frame.index, sides(spots, slide.frame[slide.name].tolist(), 11, 68 * _WIDE), strict=True))
        for drawn, (key, rows) in zip(chart.plots[0].series, groups, strict=True):
            colour = {"help": _WARN, "learn_from": _ACCENT, "push": "4D4D4D"}.get(str(key), _GREY)
            drawn.format.line.fill.background()
            drawn.marker.style, drawn.marker.size = xl.XL_MARKER_STYLE.CIRCLE, 9
            drawn.marker.format.fill.solid()
            drawn.marker.format.fill.fore_color.rgb = _rgb(colour)
            drawn.marker.format.line.fill.background()
            for i, (index, row) in enumerate(rows.iterrows()):
                tag = drawn.points[i].data_label
                tag.position = getattr(xl.XL_LABEL_POSITION, beside[index].upper())
                tag.text_frame.text = str(row[slide.name])
                self._style(tag.text_frame, 11, colour=colour)

    def _axes(self, chart: Any, x: str, y: str) -> None:
        from pptx.util import Pt

        for axis, word in ((chart.category_axis, x), (chart.value_axis, y)):
            axis.has_major_gridlines = False
            axis.tick_labels.font.size, axis.tick_labels.font.name = Pt(11), _FONT
            axis.format.line.color.rgb = _rgb("8A8A8A")
            axis.has_title = bool(word)
            if word:
                axis.axis_title.text_frame.text = word
                self._style(axis.axis_title.text_frame, 11, colour="444444")

    def _chart(self, kind: Any, data: Any, slide: Slide) -> Any:
        """A native chart, with its claim as the words for those who cannot see it."""
        from pptx.util import Inches

        shape = self.slide.shapes.add_chart(kind, Inches(_LEFT), Inches(_TOP), Inches(_WIDE), Inches(_HIGH), data)
        shape._element.nvGraphicFramePr.cNvPr.set("descr", slide.findings[0].text)
        return shape.chart

    def _actions(self, slide: Actions) -> None:
        lines = list(slide.lines)
        rest = len(lines) - _MOST_LINES
        if rest > 0:
            lines[_MOST_LINES - 1 :] = [pick(self.lang, f"另有{rest + 1}项见报告", f"{rest + 1} more in the report")]
        top = _TOP
        for line in lines:
            rows_of = 1 + len(line) // (54 if self.lang == "zh" else 104)
            self._text(line, _LEFT, top, _WIDE, 0.36 * rows_of, 16)
            top += 0.22 + 0.34 * rows_of

    def _foot(self, slide: Slide, number: int, of: int) -> None:
        made_up = pick(self.lang, "虚构样例数据 · ", "made-up data · ") if self.report.data.made_up else ""
        period = slide.findings[0].period if slide.findings else str(self.report.data.period)
        base = slide.findings[0].denominator if slide.findings else ""
        text = f"{made_up}{self.report.data.branch} · {pick(self.lang, '期间', 'period')} {self.voice.span(period)}"
        text += f" · {pick(self.lang, '分母：', 'denominator: ')}{base}" if base else ""
        self._text(text, _LEFT, 6.85, _WIDE - 1.2, 0.35, 10, colour=_GREY)
        self._text(f"{number} / {of}", _LEFT + _WIDE - 1.0, 6.85, 1.0, 0.35, 10, colour=_GREY, align="right")

    def _notes(self, slide: Slide) -> None:
        how = [label("definition", f.definition or "—", self.lang) for f in slide.findings]
        lines = [f"{f.text} [{of}; {f.denominator or '—'}; {f.period}]" for f, of in zip(slide.findings, how, strict=True)]
        lines += [c.text for c in slide.checks] if isinstance(slide, Actions) else []
        self.slide.notes_slide.notes_text_frame.text = "\n".join(lines)


def _along(axis: Any, value: float) -> float:
    """Where a value stands on an axis, 0 at its start and 1 at its end."""
    return float((value - axis.minimum_scale) / (axis.maximum_scale - axis.minimum_scale))


def _east_asian(properties: Any) -> None:
    from pptx.oxml.ns import qn

    for old in properties.findall(qn("a:ea")):
        properties.remove(old)
    element = properties.makeelement(qn("a:ea"), {"typeface": _FONT})
    latin = properties.find(qn("a:latin"))  # the schema wants it right after
    if latin is None:
        properties.append(element)
    else:
        latin.addnext(element)


def _rgb(colour: str) -> Any:
    from pptx.dml.color import RGBColor

    make: Any = RGBColor.from_string  # untyped upstream
    return make(colour)

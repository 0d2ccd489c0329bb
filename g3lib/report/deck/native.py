"""Parts of native charts: where one stands, its data sheet, axes, legend, labels, markers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from g3lib.report.deck.master import Room
from g3lib.report.deck.page import FONT, Page, rgb, style

# what a label may show, in the schema's order
_SHOWN = ("showLegendKey", "showVal", "showCatName", "showSerName", "showPercent", "showBubbleSize")


def axes(chart: Any, x: str, y: str) -> None:
    """Both axes in grey, without gridlines, their titles where there is a word."""
    from pptx.util import Pt

    for axis, word in ((chart.category_axis, x), (chart.value_axis, y)):
        axis.has_major_gridlines = False
        axis.tick_labels.font.size, axis.tick_labels.font.name = Pt(11), FONT
        axis.format.line.color.rgb = rgb("8A8A8A")
        axis.has_title = bool(word)
        if word:
            axis.axis_title.text_frame.text = word
            style(axis.axis_title.text_frame, 11, colour="444444")


def categories(names: Sequence[Any], form: str) -> Any:
    """The data sheet behind a chart, its categories named; numbers in a format."""
    from pptx.chart.data import CategoryChartData

    make: Any = CategoryChartData  # untyped upstream
    data = make(number_format=form)
    data.categories = list(names)
    return data


def placed(page: Page, kind: Any, data: Any, said: str, room: Room | None = None) -> Any:
    """A native chart in its room, with its claim as the words for those who cannot see it."""
    from pptx.oxml.ns import qn
    from pptx.util import Inches

    at = room or page.room
    shape = page.slide.shapes.add_chart(kind, Inches(at.left), Inches(at.top), Inches(at.wide), Inches(at.high), data)
    page.describe(shape, said)
    for element in shape.chart._chartSpace.iter(qn("c:axId"), qn("c:crossAx")):
        # python-pptx numbers axes below nought, which the schema does not have
        element.set("val", str(abs(int(element.get("val")))))
    shape.chart.has_title = shape.chart.has_legend = False
    shape.chart.font.name = FONT
    return shape.chart


def known(values: np.ndarray) -> list[float | None]:
    """Numbers, an unknown one as a gap."""
    return [None if not np.isfinite(v) else float(v) for v in values]


def legend(chart: Any, there: bool) -> None:
    """The legend, at the top where there is one."""
    from pptx.enum.chart import XL_LEGEND_POSITION
    from pptx.util import Pt

    chart.has_legend = there
    if there:
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.TOP, False
        chart.legend.font.size, chart.legend.font.name = Pt(12), FONT


def labels(of: Any, form: str, size: float) -> None:
    """Labels' format, size and colour."""
    from pptx.util import Pt

    of.font.size, of.font.name = Pt(size), FONT
    if form:
        of.number_format, of.number_format_is_linked = form, False


def value_shown(tag: Any, form: str) -> None:
    """A single point's label shows its value: the schema wants the format before the letters."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls, qn

    element = tag._get_or_add_dLbl()
    for name in ("numFmt", *_SHOWN):
        for old in element.findall(qn(f"c:{name}")):
            element.remove(old)
    element.find(qn("c:idx")).addnext(parse_xml(f'<c:numFmt {nsdecls("c")} formatCode="{form}" sourceLinked="0"/>'))
    for name in _SHOWN:
        element.append(parse_xml(f'<c:{name} {nsdecls("c")} val="{int(name == "showVal")}"/>'))


def marker(of: Any, colour: str, size: int, edge: str = "", dash: bool = False) -> None:
    """A point's or a series' marker; of no size it is none."""
    from pptx.enum.chart import XL_MARKER_STYLE

    marker = of.marker
    if not size:
        marker.style = XL_MARKER_STYLE.NONE
        return
    marker.style, marker.size = XL_MARKER_STYLE.DASH if dash else XL_MARKER_STYLE.CIRCLE, size
    marker.format.fill.solid()
    marker.format.fill.fore_color.rgb = rgb(colour)
    if edge:
        marker.format.line.color.rgb = rgb(edge)
    else:
        marker.format.line.fill.background()


def fill(of: Any, colour: str) -> None:
    """A shape's colour."""
    of.format.fill.solid()
    of.format.fill.fore_color.rgb = rgb(colour)

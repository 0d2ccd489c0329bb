"""Native charts, the data sheet behind each: they open and edit in PowerPoint.

python-pptx has no chart with a second axis: the Pareto's cumulative line is composed in the chart's XML, as the
schema orders it. An unknown value is a gap, not a nought.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from g3lib.labels import label, pick
from g3lib.qc.control import Chart
from g3lib.report.deck import native
from g3lib.report.deck.master import Room
from g3lib.report.deck.page import ACCENT, FONT, GREY, INK, MUTED, SHADES, WARN, Page, rgb, style
from g3lib.report.placing import sides, text_width

_MOST_BARS, _MOST_LABELS = 24, 12
_LIMITS = ("UCL", "LCL")
_GAP, _AXIS = 70, 0.9  # between columns, percent of one; what the value axis and its title take, inches
# a bar of so much of the whole holds its own label
_TALL = 0.08


def bars(page: Page, frame: pd.DataFrame, category: str, value: str, word: str, group: str, said: str) -> None:
    """Bars, one a category: of an index, breaches (`group`, a status) marked, or of changes, falls marked."""
    from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION, XL_TICK_LABEL_POSITION

    frame, room = frame.dropna(subset=[value]), page.room
    if (cut := len(frame) - _MOST_BARS) > 0:  # both ends: who leads, and who needs help
        half = _MOST_BARS // 2
        frame = pd.concat([frame.head(half), frame.tail(half)])
        more = pick(page.lang, f"首尾各{half}个；另有{cut}个见报告", f"First and last {half}; {cut} more in the report")
        room = page.aside(more)
    if frame.empty:
        return
    form = "0.00" if group else "+#,##0;-#,##0;0"
    data = native.categories(frame[category].tolist(), "0.00" if group else "#,##0")
    data.add_series(word, [float(v) for v in frame[value]])
    chart = native.placed(page, XL_CHART_TYPE.COLUMN_CLUSTERED, data, said, room)
    native.axes(chart, "", word)
    chart.category_axis.tick_label_position = XL_TICK_LABEL_POSITION.LOW  # below the bars that go down
    plot = chart.plots[0]
    plot.gap_width, plot.has_data_labels = 60, True
    native.labels(plot.data_labels, form, 11)
    plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
    for i, marked in enumerate(frame[group] == "breach" if group else frame[value] < 0):
        native.fill(plot.series[0].points[i], WARN if marked else ACCENT)
    plot.series[0].invert_if_negative = False


def clusters(
    page: Page, frame: pd.DataFrame, columns: Mapping[str, str], form: str, said: str, word: str = "", room: Room | None = None,
    about: str = "",
) -> None:  # fmt: skip
    """Columns side by side, one a series; its first column names the categories.

    Args:
        columns: column → series' name; form: the numbers' format; about: the one category in the accent, all where empty.
    """
    from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION

    data = native.categories([str(v) for v in frame.iloc[:, 0]], form)
    for column, name in columns.items():
        data.add_series(name, [None if pd.isna(v) else float(v) for v in frame[column]])
    chart = native.placed(page, XL_CHART_TYPE.COLUMN_CLUSTERED, data, said, room)
    native.axes(chart, "", word)
    native.legend(chart, len(columns) > 1)
    plot = chart.plots[0]
    many = len(frame) * len(columns)
    # as wide as a column and its part of the gap; python-pptx counts the gap in percent of a column
    each = 72 * ((room or page.room).wide - _AXIS) / (len(frame) * (len(columns) + _GAP / 100))
    values = frame[list(columns)].to_numpy(float)
    longest = max((_written(v, form) for v in values[~np.isnan(values)]), key=len, default="")
    size = next((s for s in (11, 10, 9, 8) if text_width(longest, s) <= each), 0) if many <= _MOST_LABELS else 0
    plot.gap_width, plot.overlap, plot.has_data_labels = _GAP, -5, size > 0
    if size:
        native.labels(plot.data_labels, form, size)
        plot.data_labels.position = XL_LABEL_POSITION.OUTSIDE_END
    chart.value_axis.minimum_scale = 0 if float(np.nanmin(frame[list(columns)].to_numpy(float))) >= 0 else None
    chart.value_axis.tick_labels.number_format, chart.value_axis.tick_labels.number_format_is_linked = form, False
    for series, shade in zip(plot.series, SHADES, strict=False):
        native.fill(series, shade)
        series.invert_if_negative = False
        for i, name in enumerate(frame.iloc[:, 0]) if about else ():
            native.fill(series.points[i], shade if name == about else MUTED)


def _written(value: float, form: str) -> str:
    """A number as its format shows it, for its width."""
    digits = len(form.rstrip("%").partition(".")[2])
    return f"{100 * value:.{digits}f}%" if form.endswith("%") else f"{value:,.{digits}f}"


def pareto(
    page: Page, frame: pd.DataFrame, category: str, value: str, words: tuple[str, str], said: str, room: Room | None = None
) -> None:
    """Bars from the largest down, the vital few in the accent, and the cumulative line on a second axis: one chart."""
    from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION

    data = native.categories([str(v) for v in frame[category]], "#,##0")
    data.add_series(words[0], [float(v) for v in frame[value]])
    data.add_series(words[1], [float(v) for v in frame["cumulative"]], number_format="0.0%")
    chart = native.placed(page, XL_CHART_TYPE.COLUMN_CLUSTERED, data, said, room)
    native.axes(chart, "", words[0])
    plot = chart.plots[0]
    plot.gap_width = 40
    total = float(frame[value].sum())
    chart.value_axis.minimum_scale, chart.value_axis.maximum_scale = 0, total if total > 0 else None  # 100 % is the whole
    native.fill(plot.series[0], ACCENT)
    for i, vital in enumerate(frame["vital"]):
        if not vital:
            native.fill(plot.series[0].points[i], MUTED)
    _second_axis(chart, words[1])
    for drawn, form in zip(chart.plots, ("#,##0", "0.0%"), strict=True):
        drawn.has_data_labels = True
        native.labels(drawn.data_labels, form, 11)
    # at the foot of the bars: their tops are where the line begins
    chart.plots[0].data_labels.position = XL_LABEL_POSITION.INSIDE_BASE
    chart.plots[0].data_labels.font.bold = True
    chart.plots[1].data_labels.position = XL_LABEL_POSITION.ABOVE
    for i, (vital, amount) in enumerate(zip(frame["vital"], frame[value], strict=True)):
        if vital and amount > _TALL * total:  # dark letters do not read on the accent; beside a bar too low for them they do
            tag = chart.plots[0].series[0].points[i].data_label
            tag.has_text_frame = False
            native.labels(tag, "", 11)
            tag.font.bold, tag.font.color.rgb, tag.position = True, rgb("FFFFFF"), XL_LABEL_POSITION.INSIDE_BASE
            native.value_shown(tag, "#,##0")
    whole = chart.plots[0].series[0].data_labels  # a point's own label has made the series one of its own, which shows nothing
    native.labels(whole, "#,##0", 11)
    whole.show_value, whole.font.bold, whole.position = True, True, XL_LABEL_POSITION.INSIDE_BASE
    line = chart.plots[1].series[0]
    line.format.line.color.rgb, line.smooth = rgb(INK), False
    native.marker(line, INK, 7)
    native.legend(chart, True)


def _second_axis(chart: Any, word: str) -> None:
    """Move the chart's last series to a line on axes of its own, the value axis at the right."""
    from pptx.oxml import parse_xml
    from pptx.oxml.ns import nsdecls, qn

    area = chart._chartSpace.chart.plotArea
    columns = area.find(qn("c:barChart"))
    series = columns.findall(qn("c:ser"))[-1]
    columns.remove(series)
    for name in ("c:invertIfNegative",):  # a line has none
        for element in series.findall(qn(name)):
            series.remove(element)
    line = parse_xml(
        f'<c:lineChart {nsdecls("c")}><c:grouping val="standard"/><c:varyColors val="0"/><c:marker val="1"/>'
        '<c:axId val="50010"/><c:axId val="50020"/></c:lineChart>'
    )
    line.insert(2, series)
    columns.addnext(line)
    # the second category axis is the first's twin and not seen; the second value axis crosses at its far end
    axes_xml = parse_xml(
        f'<c:x {nsdecls("c", "a")}><c:catAx><c:axId val="50010"/><c:scaling><c:orientation val="minMax"/></c:scaling>'
        '<c:delete val="1"/><c:axPos val="b"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>'
        '<c:tickLblPos val="nextTo"/><c:crossAx val="50020"/><c:crosses val="autoZero"/></c:catAx>'
        '<c:valAx><c:axId val="50020"/><c:scaling><c:orientation val="minMax"/><c:max val="1"/><c:min val="0"/></c:scaling>'
        '<c:delete val="0"/><c:axPos val="r"/><c:numFmt formatCode="0%" sourceLinked="0"/><c:majorTickMark val="none"/>'
        '<c:minorTickMark val="none"/><c:tickLblPos val="nextTo"/><c:crossAx val="50010"/><c:crosses val="max"/></c:valAx></c:x>'
    )
    last = [e for e in area if e.tag in (qn("c:catAx"), qn("c:valAx"))][-1]
    for axis in reversed(list(axes_xml)):
        last.addnext(axis)
    second = area.findall(qn("c:valAx"))[-1]
    first = area.findall(qn("c:valAx"))[0]
    for name in ("c:txPr", "c:spPr"):  # letters and line as on the first
        if (own := first.find(qn(name))) is not None:
            second.find(qn("c:tickLblPos")).addnext(copy.deepcopy(own))
    title = copy.deepcopy(first.find(qn("c:title")))
    if title is not None:
        second.find(qn("c:axPos")).addnext(title)
        next(title.iter(qn("a:t"))).text = word


def staged(
    page: Page, chart: Chart, percent: bool, unit: str, said: str, words: Mapping[Any, str], room: Room | None = None,
    spread: Chart | None = None,
) -> None:  # fmt: skip
    """A control chart: the points, and each phase's centre and limits as lines of their own.

    Args:
        chart: `control.Chart`; words: phase → its name; room: where it stands, the slide's where None; spread: that of its
            ranges, whose signals are marked on the points.
    """
    from pptx.enum.chart import XL_CHART_TYPE, XL_LABEL_POSITION
    from pptx.enum.dml import MSO_LINE

    form = "0.0%" if percent else "#,##0.0"
    data = native.categories([str(name) for name in chart.labels], form)
    data.add_series(unit, native.known(chart.values))
    lines = list(_lines(chart, words, page.lang))
    for line in lines:
        data.add_series(f"{line.name} {line.whose}".strip(), native.known(line.values))
    marked = _marked(chart, spread, page.lang)
    for name, _, _, which in marked:
        data.add_series(name, native.known(np.where([i in which for i in range(len(chart.values))], chart.values, np.nan)))
    drawn = native.placed(page, XL_CHART_TYPE.LINE_MARKERS, data, said, room)
    native.axes(drawn, "", unit)
    drawn.has_legend = False
    drawn.value_axis.tick_labels.number_format, drawn.value_axis.tick_labels.number_format_is_linked = form, False
    points, *rest = drawn.plots[0].series
    rest, own = rest[: len(lines)], rest[len(lines) :]
    points.smooth, points.format.line.color.rgb = False, rgb(ACCENT)
    points.format.line.width = 12_700
    native.marker(points, ACCENT, 7)
    for series, (_, colour, edge, _) in zip(own, marked, strict=True):
        series.smooth = False
        series.format.line.fill.background()
        native.marker(series, colour, 9, edge)
    for series, line in zip(rest, lines, strict=True):
        series.smooth = False
        series.format.line.color.rgb, series.format.line.width = rgb(INK), 12_700
        # one point has no line: a dash stands for it
        native.marker(series, INK if line.is_point else "", 9 if line.is_point else 0, dash=True)
        if line.name not in _LIMITS:  # the points lie on it: a label there is overprinted, the sentence above tells it
            continue
        series.format.line.dash_style = MSO_LINE.DASH
        tag = series.points[line.free].data_label
        tag.has_text_frame = False
        native.labels(tag, "", 10)
        tag.position = XL_LABEL_POSITION.ABOVE if line.name != "LCL" else XL_LABEL_POSITION.BELOW
        native.value_shown(tag, form)


@dataclass(frozen=True)
class _Line:
    """A phase's centre or limit: values (NaN in other phases), the point at which its label is free, whether it is one point."""

    name: str
    whose: str
    values: np.ndarray
    free: int
    is_point: bool


def _lines(chart: Chart, words: Mapping[Any, str], lang: str) -> Iterator[_Line]:
    for phase in dict.fromkeys(chart.phases):
        mine = np.array([p == phase for p in chart.phases])
        whose = words.get(phase, "")
        if phase in chart.borrowed:
            whose += pick(lang, "（沿用前一阶段）", " (of the phase before)")
        names = (pick(lang, "中心线", "centre"), *_LIMITS)
        for name, values in zip(names, (chart.centre, chart.upper, chart.lower), strict=True):
            own = np.where(mine & np.isfinite(values), values, np.nan)
            if np.isfinite(own).any():
                yield _Line(name, whose, own, _free(chart, values, np.flatnonzero(mine), name), bool(mine.sum() == 1))


def _marked(chart: Chart, spread: Chart | None, lang: str) -> list[tuple[str, str, str, set[int]]]:
    """Points of their own kind: name, colour, edge, positions. A point's marker alone is not shown by every office suite."""
    broke = {i for broken in chart.signals.values() for i in broken}
    aside = {i for i, label in enumerate(chart.labels) if label in chart.excluded}
    ranges = {i for broken in (spread.signals if spread is not None else {}).values() for i in broken} - broke
    kinds = ((("异常点", "signal"), WARN, "", broke), (("极差异常", "range out"), "FFFFFF", WARN, ranges),
             (("未计入控制限", "set aside"), "D9D9D9", GREY, aside))  # fmt: skip
    return [(pick(lang, *name), colour, edge, which) for name, colour, edge, which in kinds if which]


def _free(chart: Chart, limit: np.ndarray, phase: np.ndarray, name: str) -> int:
    """The point of a phase, as near its end as may be, at which a limit's label has no point of the series in its way."""
    reach = 0.06 * float(np.nanmax(chart.values) - np.nanmin(chart.values) or 1.0)
    outward = (chart.values - limit) * (1 if name == "UCL" else -1)
    clear = [i for i in phase if np.isfinite(limit[i]) and not outward[i] > -reach]
    return int(clear[-1] if clear else phase[-1])


def radar(page: Page, frame: pd.DataFrame, columns: Mapping[str, str], said: str) -> None:
    """A radar, one polygon a column; its first column names the spokes."""
    from pptx.enum.chart import XL_CHART_TYPE
    from pptx.oxml.ns import qn

    data = native.categories([str(v) for v in frame.iloc[:, 0]], "0.0")
    for column, name in columns.items():
        data.add_series(name, [float(v) for v in frame[column]])
    chart = native.placed(page, XL_CHART_TYPE.RADAR_MARKERS, data, said)
    native.legend(chart, True)
    chart.value_axis.minimum_scale = 0
    chart.value_axis.has_major_gridlines = True
    chart.value_axis.major_gridlines.format.line.color.rgb = rgb("D9D9D9")
    for axis in (chart.category_axis, chart.value_axis):
        axis.tick_labels.font.name = FONT
        axis.tick_labels.font.size = 152_400
    for element in list(chart._chartSpace.iter(qn("c:smooth"))):  # python-pptx writes one, a radar's series has none
        element.getparent().remove(element)
    for series, shade in zip(chart.plots[0].series, (GREY, ACCENT), strict=False):
        series.format.line.color.rgb = rgb(shade)
        native.marker(series, shade, 7)


def points(page: Page, slide: Any) -> None:
    """A scatter of named points, its axes crossing at `rule`."""
    from pptx.chart.data import XyChartData
    from pptx.enum import chart as xl

    if slide.frame.empty:
        return
    make: Any = XyChartData  # untyped upstream
    data = make(number_format="0.00")
    # the longest series first: LibreOffice drops a first one that is shorter than another
    groups = sorted(slide.frame.groupby(slide.group, sort=False), key=lambda pair: -len(pair[1]))
    for key, rows in groups:
        series = data.add_series(label(slide.group, key, page.report.lang))
        for one, other in zip(rows[slide.x], rows[slide.y], strict=True):
            series.add_data_point(float(one), float(other))
    chart = native.placed(page, xl.XL_CHART_TYPE.XY_SCATTER, data, slide.findings[0].text)
    native.legend(chart, True)
    native.axes(chart, *slide.words)
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
    spots = [(_along(chart.category_axis, a) * 66 * page.room.wide, _along(chart.value_axis, b) * 54 * page.room.high)
             for a, b in zip(across, up, strict=True)]  # fmt: skip
    beside = dict(zip(slide.frame.index, sides(spots, slide.frame[slide.name].tolist(), 11, 68 * page.room.wide), strict=True))
    for drawn, (key, rows) in zip(chart.plots[0].series, groups, strict=True):
        colour = {"help": WARN, "learn_from": ACCENT, "push": "4D4D4D"}.get(str(key), GREY)
        drawn.format.line.fill.background()
        native.marker(drawn, colour, 9)
        for i, (index, row) in enumerate(rows.iterrows()):
            tag = drawn.points[i].data_label
            tag.position = getattr(xl.XL_LABEL_POSITION, beside[index].upper())
            tag.text_frame.text = str(row[slide.name])
            style(tag.text_frame, 11, colour=colour)


def _along(axis: Any, value: float) -> float:
    """Where a value stands on an axis, 0 at its start and 1 at its end."""
    return float((value - axis.minimum_scale) / (axis.maximum_scale - axis.minimum_scale))

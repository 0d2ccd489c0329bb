"""The deck of a case: every number comes from the case, the package is valid, it opens, and a template can be swapped in."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import yaml
from openpyxl import load_workbook
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.shapes import MSO_SHAPE_TYPE
from pptx.oxml.ns import qn
from pptx.util import Inches

from g3lib.errors import UsageError
from g3lib.labels import VOCABULARIES
from g3lib.qc.story.audit import audit
from g3lib.qc.story.computed import computed
from g3lib.qc.story.reading import read_case
from g3lib.report import slides
from g3lib.report.case import CaseData, CaseReport, open_case
from g3lib.report.deck import pptx
from g3lib.report.deck.page import Page

CASES = Path(__file__).resolve().parent.parent / "data" / "cases"


def report_of(folder: Path, lang: str = "zh") -> CaseReport:
    case = read_case(folder)
    return CaseReport(open_case("demo-province").about, CaseData(case), lang, computed(case))  # type: ignore[arg-type]


def made(folder: Path, lang: str = "zh", template: str = "") -> bytes:
    report = report_of(folder, lang)
    return pptx(slides.of_case(report.voice, report.story, audit(report.story)), report, template)


@pytest.fixture(scope="module")
def demo() -> bytes:
    return made(CASES / "demo-province")


def opened(content: bytes):
    return Presentation(io.BytesIO(content))


def shapes_of(deck):
    for slide in deck.slides:
        waiting = list(slide.shapes)
        for shape in waiting:
            yield slide, shape
            if shape.shape_type == MSO_SHAPE_TYPE.GROUP:
                waiting += list(shape.shapes)


def frames(deck):
    for _, shape in shapes_of(deck):
        if shape.has_text_frame:
            yield shape.text_frame
        if getattr(shape, "has_table", False) and shape.has_table:
            yield from (cell.text_frame for row in shape.table.rows for cell in row.cells)
    yield from (slide.notes_slide.notes_text_frame for slide in deck.slides)


def test_a_table_of_few_very_long_rows_stays_on_its_slide(tmp_path: Path) -> None:
    shutil.copytree(CASES / "demo-province", tmp_path / "demo")
    table = pd.read_csv(tmp_path / "demo" / "countermeasures.csv", dtype=str)
    table["措施"] = "一周一查，缺货即补，" * 600
    table.to_csv(tmp_path / "demo" / "countermeasures.csv", index=False)
    deck = opened(made(tmp_path / "demo"))
    drawn = [(slide, shape) for slide, shape in shapes_of(deck) if getattr(shape, "has_table", False) and shape.has_table]
    assert all(shape.top + sum(row.height for row in shape.table.rows) <= deck.slide_height - Inches(0.4) for _, shape in drawn)
    long = [(slide, shape.table) for slide, shape in drawn if any("一周一查" in cell.text for row in shape.table.rows for cell in row.cells)]
    assert [next(cell.text for cell in row.cells) for _, table in long for row in list(table.rows)[1:]] == ["D1", "D2", "D3"]
    for slide, table in long:
        assert any(cell.text.endswith("…") for row in table.rows for cell in row.cells)
        assert "（长文见报告）" in " ".join(s.text_frame.text for s in slide.shapes if s.has_text_frame)


def test_the_deck_is_whole_and_within_its_length(demo: bytes) -> None:
    deck = opened(demo)
    assert 20 <= len(deck.slides) <= 30
    for slide in deck.slides:
        assert slide.shapes.title.text_frame.text.strip()
        empty = [p for p in slide.placeholders if p.has_text_frame and not p.text_frame.text.strip()]
        assert empty == []


def test_every_run_names_an_east_asian_font(demo: bytes) -> None:
    runs = [run for frame in frames(opened(demo)) for p in frame.paragraphs for run in p.runs]
    assert len(runs) > 400
    assert all(run._r.get_or_add_rPr().find(qn("a:ea")) is not None for run in runs)


def test_every_picture_and_chart_has_words_for_who_cannot_see_it(demo: bytes) -> None:
    drawn = [s for _, s in shapes_of(opened(demo)) if s.has_chart or s.shape_type == MSO_SHAPE_TYPE.GROUP or getattr(s, "has_table", False)]
    assert len(drawn) > 25
    for shape in drawn:
        told = next(e for e in shape._element.iter() if e.tag.endswith("}cNvPr"))
        assert told.get("descr"), shape.name


def test_diagrams_are_groups_of_native_shapes(demo: bytes) -> None:
    groups = [s for _, s in shapes_of(opened(demo)) if s.shape_type == MSO_SHAPE_TYPE.GROUP]
    assert len(groups) == 3  # the Gantt, the fishbone, the arrow diagram
    for group in groups:
        kinds = {s.shape_type for s in group.shapes}
        assert MSO_SHAPE_TYPE.LINE in kinds or any("cxnSp" in s._element.tag for s in group.shapes)


def test_the_pareto_is_one_chart_with_two_axes(demo: bytes) -> None:
    charts = [s.chart for _, s in shapes_of(opened(demo)) if s.has_chart]
    combined = [c for c in charts if len(list(c.plots)) == 2]
    assert len(combined) == 3
    area = combined[0]._chartSpace.chart.plotArea
    assert [e.tag.split("}")[1] for e in area if e.tag.endswith("Chart")] == ["barChart", "lineChart"]
    assert len(area.findall(qn("c:valAx"))) == 2
    # the sheet behind it has both columns
    sheet = load_workbook(io.BytesIO(combined[0].part.chart_workbook.xlsx_part.blob)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert [len(r) for r in rows] == [3] * 5
    assert rows[1][1] == 4505 and rows[-1][2] == pytest.approx(1.0)


def test_the_control_chart_has_each_phases_limits(demo: bytes) -> None:
    chart = next(s.chart for _, s in shapes_of(opened(demo)) if s.has_chart and len(list(s.chart.plots[0].series)) == 15)
    names = [s.name for s in chart.plots[0].series]
    assert names[-2:] == ["异常点", "未计入控制限"]
    assert "UCL 活动前" in names and "中心线 巩固期" in names
    story = computed(read_case(CASES / "demo-province"))
    upper = next(s for s in chart.plots[0].series if s.name == "UCL 活动后")
    known = [v for v in upper.values if v is not None]
    inside = [u for u, p in zip(story.location.upper, story.location.phases, strict=True) if p == "after"]
    assert known == pytest.approx(inside)


def test_every_note_holds_definition_and_source(demo: bytes) -> None:
    slides = list(opened(demo).slides)[1:]
    words = {w.zh for w in VOCABULARIES["definition"].values()}
    tables = {w.zh for w in VOCABULARIES["table"].values()}
    for slide in slides:
        note = slide.notes_slide.notes_text_frame.text
        assert any(w in note for w in words), note
        assert any(w in note for w in tables), note


VARIANTS = ("whole", "document", "topic alone", "nothing left", "unknown cost", "no roster, no schedule", "few months")


def variant(name: str, to: Path) -> Path:
    """A case in another state: what it lacks must not be made up, and what it says must still be sourced."""
    folder = Path(shutil.copytree(CASES / ("nanqu-2010" if name == "document" else "demo-province"), to / "case"))
    if name == "topic alone":
        for path in folder.glob("*.csv"):
            path.unlink()
        told = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
        (folder / "case.yaml").write_text(yaml.safe_dump({k: told[k] for k in ("title", "branch", "topic")}), encoding="utf-8")
    if name == "no roster, no schedule":
        for file in ("roster", "schedule", "options", "activities", "radar"):
            (folder / f"{file}.csv").unlink()
    for file, change in {
        "nothing left": ("survey", lambda t: t.assign(数量=t["数量"].where(t["阶段"] != "after", "0"))),
        "unknown cost": ("countermeasures", lambda t: t.assign(费用="")),
        "few months": ("series", lambda t: t.groupby("阶段", sort=False).head(2)),
    }.items():
        if file == name:
            path = folder / f"{change[0]}.csv"
            change[1](pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)
    return folder


@pytest.mark.parametrize(("name", "lang"), [*zip(VARIANTS, ("zh", "en") * len(VARIANTS), strict=False), ("whole", "en")])
def test_every_figure_of_every_slide_has_its_definition_and_its_source(name: str, lang: str, tmp_path: Path) -> None:
    report = report_of(variant(name, tmp_path), lang)
    drawn = slides.of_case(report.voice, report.story, audit(report.story))
    findings = [f for slide in drawn for part in (slide, *getattr(slide, "panels", ())) for f in part.findings]
    assert {f.name for f in findings if f.value is not None and f.definition not in VOCABULARIES["definition"]} == set()
    assert {f.name for f in findings if f.value is not None and f.table not in VOCABULARIES["table"]} == set()
    deck = opened(pptx(drawn, report))
    for frame in frames(deck):
        assert not re.search(r"\bnan\b|\bNone\b|NaT|\binf\b", frame.text), frame.text
    for slide in deck.slides:
        assert slide.shapes.title.text_frame.text.strip()
        assert [p for p in slide.placeholders if p.has_text_frame and not p.text_frame.text.strip()] == []


# ---- no number that is not the case's ---------------------------------------------------------------------

_NUMBER = re.compile(r"\d[\d,]*\.\d+|\d[\d,]{2,}")


def numbers_of(content: bytes) -> tuple[set[str], set[float]]:
    """Numbers of three digits or with decimals on slides, notes and labels; and every number of every chart sheet."""
    deck = opened(content)
    text = "\n".join(frame.text for frame in frames(deck))
    sheets = set()
    for _, shape in shapes_of(deck):
        if shape.has_chart:
            sheet = load_workbook(io.BytesIO(shape.chart.part.chart_workbook.xlsx_part.blob)).active
            sheets |= {round(float(v), 9) for row in sheet.iter_rows(min_row=2, min_col=2, values_only=True) for v in row if isinstance(v, int | float)}
            cached = [float(e.text) for e in shape.chart._chartSpace.iter(qn("c:v")) if re.fullmatch(r"-?\d+\.\d+(e-?\d+)?", e.text or "")]
            sheets |= {round(v, 9) for v in cached}
    return set(_NUMBER.findall(text)), sheets


def perturb(folder: Path, part: float) -> None:
    """Every figure of the case another one: counts, totals, measurements, goals, costs, scores, the yaml's numbers.

    `part` of a test's units are left out.
    """
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        for column in table.columns:
            values = pd.to_numeric(table[column], errors="coerce")
            if column in ("步骤", "最小有意义差异") or values.isna().all():
                continue
            if column in ("目标值",):
                table[column] = (values * 1.1).round(4).astype(str)
            elif column == "总数":
                table[column] = (values + 61).astype(int).astype(str)
            elif (values % 1 == 0).all():  # not all by one factor: parts of a whole would stay what they were
                factor = 1.07 + 0.06 * (pd.Series(range(len(values)), index=values.index) % 3)
                table[column] = (values * factor + 3).round().astype(int).astype(str)
            else:
                table[column] = (values * 1.03 + 0.17).round(2).astype(str)
        if path.stem in ("exam", "stock", "display", "interviews", "staff", "roster_kinds", "visits"):
            table = table.iloc[int(part * len(table)) :]
        table.to_csv(path, index=False)
    plain = yaml.safe_load((folder / "case.yaml").read_text(encoding="utf-8"))
    plain["topic"]["requirement"], plain["target"]["value"], plain["target"]["solvable"] = 0.213, 0.2243, 0.77
    plain["benefit"]["volume"], plain["benefit"]["unit_value"], plain["group"]["meetings"] = 2551, 937, 19
    plain["topic"]["requirement_basis"] = plain["topic"]["reason"] = plain["target"]["solvable_basis"] = "改动"
    (folder / "case.yaml").write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")


# a p-value's ends; nought and the whole are nobody's figures
ENDS, NOBODYS = {"0.000", "0.001", "1.000"}, {0.0, 1.0}


def stale(before: bytes, to: Path) -> tuple[set[str], set[float]]:
    """Numbers of the shipped case's deck, in texts and in sheets, that outlive two other cases with other figures throughout."""
    texts, sheets = numbers_of(before)
    assert len(texts) > 100 and len(sheets) > 110
    for part in (0.4, 4 / 9):  # by chance a number may come back once
        folder = Path(shutil.copytree(CASES / "demo-province", to / f"{part:.2f}" / "demo-province"))
        perturb(folder, part)
        texts_after, sheets_after = numbers_of(made(folder))
        # what may stay: what the case itself still says (dates, names, the smallest effects declared)
        kept = "\n".join(p.read_text(encoding="utf-8") for p in folder.iterdir() if p.suffix in (".csv", ".yaml"))
        texts, sheets = {t for t in (texts & texts_after) - ENDS if t not in kept}, (sheets & sheets_after) - NOBODYS
    return texts, sheets


def test_no_number_is_stale_after_the_case_has_changed(demo: bytes, tmp_path: Path) -> None:
    assert stale(demo, tmp_path) == (set(), set())


def test_a_typed_number_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above sees numbers that somebody typed: in a title, and in a chart's sheet."""
    title, series = Page.title, CategoryChartData.add_series
    monkeypatch.setattr(Page, "title", lambda page, text: title(page, text + "（4,711.5）"))
    monkeypatch.setattr(CategoryChartData, "add_series", lambda data, name, values=(), *more, **other: series(data, name, [*values[:-1], 0.4711], *more, **other))
    assert stale(made(CASES / "demo-province"), tmp_path) == ({"4,711.5"}, {0.4711})


# ---- the package ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["demo-province", "nanqu-2010"])
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_package_is_valid_office_xml(case: str, lang: str, tmp_path: Path) -> None:
    from openxml_audit import OpenXmlValidator

    path = tmp_path / "deck.pptx"
    path.write_bytes(made(CASES / case, lang))
    result = OpenXmlValidator().validate(str(path))
    assert result.is_valid, [str(e) for e in result.errors[:5]]


def test_the_validator_would_see_a_broken_chart(demo: bytes, tmp_path: Path) -> None:
    from openxml_audit import OpenXmlValidator

    path = tmp_path / "broken.pptx"
    with ZipFile(io.BytesIO(demo)) as old, ZipFile(path, "w") as new:
        for item in old.infolist():
            inside = old.read(item)
            if item.filename.startswith("ppt/charts/chart"):
                inside = inside.replace(b'<c:grouping val="standard"/>', b'<c:nonsense val="1"/>')
            new.writestr(item, inside)
    assert not OpenXmlValidator().validate(str(path)).is_valid


def test_the_same_case_gives_the_same_bytes(demo: bytes) -> None:
    assert made(CASES / "demo-province") == demo


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed (.ci/run installs it)")
def test_libreoffice_opens_it_and_draws_every_slide(demo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "deck.pptx"
    path.write_bytes(demo)
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    pages = re.findall(rb"/Type\s*/Page[^s]", (tmp_path / "deck.pdf").read_bytes())
    assert len(pages) == len(opened(demo).slides)


def test_nothing_stands_off_its_slide(demo: bytes) -> None:
    deck = opened(demo)
    for slide in deck.slides:
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.top >= 0, (slide.shapes.title.text, shape.name)
            assert shape.left + shape.width <= deck.slide_width + 10 and shape.top + shape.height <= deck.slide_height + 10, (slide.shapes.title.text, shape.name)


# ---- every picture shows the story's own figures --------------------------------------------------------------


def sheets_of(deck, place: int) -> list[dict[str, dict[str, float]]]:
    """The sheets behind the charts of a slide: series → category → value."""
    found = []
    for shape in deck.slides[place - 1].shapes:
        if shape.has_chart:
            head, *rows = load_workbook(io.BytesIO(shape.chart.part.chart_workbook.xlsx_part.blob)).active.iter_rows(values_only=True)
            found.append({name: {str(row[0]): row[i] for row in rows} for i, name in enumerate(head) if i})
    return found


def cells_of(deck, place: int) -> list[list[str]]:
    table = next(s.table for s in deck.slides[place - 1].shapes if getattr(s, "has_table", False) and s.has_table)
    return [[cell.text_frame.text for cell in row.cells] for row in table.rows]


def boxes_of(deck, place: int):
    group = next(s for s in deck.slides[place - 1].shapes if s.shape_type == MSO_SHAPE_TYPE.GROUP)
    return list(group.shapes)


def test_every_chart_shows_the_storys_own_figures(demo: bytes) -> None:
    deck, story = opened(demo), computed(read_case(CASES / "demo-province"))
    close = partial(pytest.approx, rel=1e-9)
    assert sheets_of(deck, 5) == [{"低销网点占比": {"现状": close(story.now.value), "要求": close(0.2)}}]
    for place, level in zip((6, 7), story.levels, strict=True):
        shown = sheets_of(deck, place)[0]
        assert shown["问题件数"] == dict(zip(level.pareto[level.stratum], level.pareto["count"], strict=True))
        assert shown["累计占比"] == close(dict(zip(level.pareto[level.stratum], level.pareto["cumulative"], strict=True)))
    assert sheets_of(deck, 9)[0]["低销网点占比"] == close({"现状": story.now.value, "目标": story.goal.value, "测算可达": story.goal.needed, "要求": 0.2})
    measures = {f"{row.id} {row.metric}": row for row in story.measures.itertuples()}
    for series, column in (("实施前", "before"), ("实施后", "after"), ("目标", "goal")):
        assert sheets_of(deck, 21)[0][series] == close({name: getattr(row, column) for name, row in measures.items()})
    effect = story.effect
    assert sheets_of(deck, 23)[0]["低销网点占比"] == close({"活动前": effect.before.value, "目标": 0.2, "活动后（含巩固期）": effect.after.value})
    assert sheets_of(deck, 25)[0]["症结占全部问题"] == close({"活动前": story.crux_share, "活动后": story.crux_share_after})
    benefit = story.benefit
    assert sheets_of(deck, 26)[0]["万元"] == close({"毛效益": benefit.gross / 1e4, "费用": benefit.cost / 1e4, "净效益": benefit.net / 1e4})
    radar = story.case.table("radar").set_index("dimension")
    assert sheets_of(deck, 28)[0] == {"活动前": close(radar["before"].to_dict()), "活动后": close(radar["after"].to_dict())}


def test_the_control_charts_lines_are_the_charts(demo: bytes) -> None:
    deck, chart = opened(demo), computed(read_case(CASES / "demo-province")).location
    shown = sheets_of(deck, 24)[0]
    for name, values in (("中心线", chart.centre), ("UCL", chart.upper), ("LCL", chart.lower)):
        for phase, word in (("before", "活动前"), ("during", "活动中"), ("after", "活动后"), ("consolidation", "巩固期")):
            own = {label: v if p == phase else None for label, v, p in zip(chart.labels, values, chart.phases, strict=True)}
            assert shown[f"{name} {word}"] == {k: v if v is None else pytest.approx(v) for k, v in own.items()}
    broken = {chart.labels[i] for points in chart.signals.values() for i in points}
    assert {label for label, value in shown["异常点"].items() if value is not None} == broken


def test_a_range_that_is_out_is_marked_on_its_points(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CASES / "nanqu-2010", tmp_path / "case"))
    values = [600, 602, 599, 601, 600, 598, 601, 600, 640, 601, 599, 600]
    rows = [f"2009-{m:02d},before,{v}" for m, v in enumerate(values, 1)]
    (folder / "series.csv").write_text("\n".join(["期间,阶段,数值", *rows, ""]), encoding="utf-8")
    story = computed(read_case(folder))
    out = {story.spread.labels[i] for points in story.spread.signals.values() for i in points}
    beside = out - {story.location.labels[i] for points in story.location.signals.values() for i in points}
    assert beside
    sheet = next(s for place in range(1, 12) for s in sheets_of(opened(made(folder)), place) if "极差异常" in s)
    assert {label for label, value in sheet["极差异常"].items() if value is not None} == beside


def test_every_causes_chart_is_of_the_units_that_its_test_judged(demo: bytes) -> None:
    deck, case = opened(demo), read_case(CASES / "demo-province")
    tested = computed(case).tested.set_index("cause")
    charts = [sheet for place in range(13, 18) for sheet in sheets_of(deck, place)]
    for name, sheet in zip(tested.index, charts, strict=True):
        row, data = tested.loc[name], case.table("tests").set_index("cause").loc[name]
        frame = case.data[data["data"]]
        x, y = frame[data["measure"]], frame[data["outcome"]]
        if row["type"] in ("risk", "mean"):
            assert (sheet["有此因素"]["全部"], sheet["无此因素"]["全部"]) == pytest.approx((row["with_cause"], row["without_cause"]))
        elif row["type"] == "table":
            assert sheet == {str(k): pytest.approx({a: ((x == a) & (y == k)).sum() / (x == a).sum() for a in x.unique()}) for k in y.unique()}
        elif row["type"] == "groups":
            assert next(iter(sheet.values())) == pytest.approx(y.groupby(x).mean().to_dict())
        else:
            assert sum(next(iter(sheet.values())).values()) / 5 == pytest.approx(y.groupby(pd.qcut(x, 5), observed=True).mean().mean())


def test_a_blank_stratum_is_in_neither_the_test_nor_its_chart(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CASES / "demo-province", tmp_path / "case"))
    table = pd.read_csv(folder / "exam.csv", dtype=str, keep_default_na=False)
    table.loc[::3, "规模"] = ""
    table.to_csv(folder / "exam.csv", index=False)
    row = computed(read_case(folder)).tested.iloc[0]
    sheet = sheets_of(opened(made(folder)), 13)[0]
    assert row["left_out"] == 500
    assert (sheet["有此因素"]["全部"], sheet["无此因素"]["全部"]) == pytest.approx((row["with_cause"], row["without_cause"]))


def test_tables_and_diagrams_show_the_cases_own_days_verdicts_and_floats(demo: bytes) -> None:
    deck, case = opened(demo), read_case(CASES / "demo-province")
    story = computed(case)
    tests = case.table("tests")
    days = [(f"{a:%Y-%m-%d}", f"{b:%Y-%m-%d}") for a, b in zip(tests["declared_on"], tests["examined_on"], strict=True)]
    assert [tuple(row[-2:]) for row in cells_of(deck, 11)[1:]] == days
    assert days[0][0] != days[0][1]
    # the fishbone: red is a root cause, grey is none
    colours = {shape.text_frame.text.replace("\n", ""): str(shape.text_frame.paragraphs[0].runs[0].font.color.rgb)
               for shape in boxes_of(deck, 10) if shape.has_text_frame and shape.text_frame.text}  # fmt: skip
    for cause, verdict in zip(story.tested["cause"], story.tested["verdict"], strict=True):
        assert colours[cause] == {"confirmed": "B3261E", "rejected": "8C8C8C", "insufficient": "0B6E99"}[verdict]
    # the arrow diagram: each activity's earliest and latest days
    texts = {shape.text_frame.text.split("\n")[0]: shape.text_frame.text for shape in boxes_of(deck, 20) if shape.has_text_frame}
    for row in story.plan.itertuples():
        for words in (f"{row.es:g}–{row.ef:g}", f"{row.ls:g}–{row.lf:g}", f"总时差 {row.total_float:g}"):
            assert words in texts[row.activity], (row.activity, words)


def test_the_gantts_bars_lie_where_their_days_do(demo: bytes) -> None:
    deck, plan = opened(demo), read_case(CASES / "demo-province").table("schedule")
    bars = [s for s in boxes_of(deck, 4) if s.shape_type == MSO_SHAPE_TYPE.AUTO_SHAPE and s.fill.type is not None and not s.text_frame.text]
    by_colour = {colour: [s for s in bars if str(s.fill.fore_color.rgb) == colour] for colour in ("B8B8B8", "0B6E99")}
    starts = {"B8B8B8": plan["planned_start"], "0B6E99": plan["actual_start"]}
    ends = {"B8B8B8": plan["planned_end"], "0B6E99": plan["actual_end"]}
    assert not plan["planned_end"].equals(plan["actual_end"])
    for colour, own in by_colour.items():
        assert len(own) == len(plan)
        left = [s.left for s in sorted(own, key=lambda s: s.top)]
        right = [s.left + s.width for s in sorted(own, key=lambda s: s.top)]
        days = [(day - plan["planned_start"].min()).days for day in [*starts[colour], *ends[colour]]]
        slope, origin = np.polyfit(days, [*left, *right], 1)
        # a day is some 16,000 EMU here; a bar is never thinner than can be seen
        assert np.abs(np.polyval([slope, origin], days) - [*left, *right]).max() < 3 * slope


# ---- a template -----------------------------------------------------------------------------------------------


def company(path: Path, layouts: int | None = None) -> str:
    deck = Presentation()
    deck.slide_width, deck.slide_height = Inches(10), Inches(5.625)
    title = deck.slide_layouts[5].placeholders[0]
    title.left, title.top, title.width, title.height = Inches(2), Inches(0.2), Inches(7.5), Inches(0.8)
    deck.slide_layouts[5].name = "公司内页"
    deck.slides.add_slide(deck.slide_layouts[0]).shapes.title.text = "sample slide of the template"
    if layouts is not None:
        for layout in list(deck.slide_layouts)[layouts:]:
            if layout not in [s.slide_layout for s in deck.slides]:
                deck.slide_layouts.remove(layout)
    deck.save(str(path))
    return str(path)


def test_a_companys_template_brings_its_size_and_places(tmp_path: Path) -> None:
    content = made(CASES / "demo-province", template=company(tmp_path / "company.pptx"))
    deck = opened(content)
    assert (deck.slide_width, deck.slide_height) == (Inches(10), Inches(5.625))
    assert all("sample slide" not in s.shapes.title.text for s in deck.slides)
    inner = [s for s in deck.slides if s.slide_layout.name == "公司内页"]
    assert len(inner) == len(deck.slides) - 1
    assert all(s.shapes.title.left == Inches(2) and s._element.find(f".//{qn('p:ph')}") is not None for s in inner)
    for slide in deck.slides:
        ours = [shape for shape in slide.shapes if not shape.is_placeholder]
        assert all(shape.left + shape.width <= deck.slide_width + 10 and shape.top + shape.height <= deck.slide_height + 10 for shape in ours)


def test_a_template_without_layouts_is_refused(tmp_path: Path) -> None:
    deck = Presentation()
    for layout in list(deck.slide_layouts):
        deck.slide_layouts.remove(layout)
    deck.save(str(tmp_path / "none.pptx"))
    with pytest.raises(UsageError, match="no layout with a title"):
        made(CASES / "nanqu-2010", template=str(tmp_path / "none.pptx"))
    (tmp_path / "text.pptx").write_text("not a presentation")
    with pytest.raises(UsageError, match="no PowerPoint template"):
        made(CASES / "nanqu-2010", template=str(tmp_path / "text.pptx"))

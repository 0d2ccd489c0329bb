"""The province at a glance: sums that add up at every level, ranks within a level, four corners, eight slides."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pptx import Presentation
from pptx.enum.chart import XL_CHART_TYPE

from g3lib.errors import DataError
from g3lib.measures import overview, targets
from g3lib.periods import Period
from g3lib.report import slides
from g3lib.report.claims import overview as say
from g3lib.report.deck import pptx
from g3lib.report.page import Report, open_report
from g3lib.report.slides.kinds import Points

ABOVE = {"甲": ["一市", "省"], "乙": ["一市", "省"], "丙": ["二市", "省"]}


def figures(**more: object) -> pd.DataFrame:
    return pd.DataFrame({"branch": list("甲乙丙"), "units": [30.0, 10, 20], "units_before": [20.0, 20, 20], "last_year": [15.0, 10, np.nan],
                         "before_comparable": [20.0, 20, 20], "last_year_comparable": [15.0, 10, np.nan],
                         "actual": [300.0, 100, 200], "target": [500.0, 500, 300], "due": [250.0, 250, 150], "sold": [100.0, 100, 100],
                         "valid": [90.0, 80, 85], "cost_yuan": [9000.0, 12000, 9000]}).assign(**more)  # fmt: skip


def test_a_city_and_the_province_are_sums_never_means() -> None:
    found = overview.standings(figures(), ABOVE).set_index("place")
    for column in ("units", "actual", "target", "valid", "cost_yuan"):
        assert found.loc["省", column] == figures()[column].sum()
        assert found.loc["一市", column] == figures()[column].iloc[:2].sum()
    assert found.loc["省", "attainment"] == pytest.approx(600 / 1300)
    assert found.loc["一市", "cost_per_valid"] == pytest.approx(21000 / 170)
    assert found.loc["省", "share"] == 1
    assert np.isnan(found.loc["省", "last_year"])  # one branch's year before is unknown
    assert found.loc["一市", "year_growth"] == pytest.approx(40 / 25 - 1)


def test_ranks_are_among_the_same_level_and_the_tree_is_in_order() -> None:
    found = overview.standings(figures(), ABOVE)
    assert found["place"].tolist() == ["省", "二市", "丙", "一市", "甲", "乙"]
    ranks = found.set_index("place")["rank"]
    assert np.isnan(ranks["省"])
    assert ranks[["二市", "一市"]].tolist() == [1, 2]
    assert ranks[["丙", "甲", "乙"]].tolist() == [1, 2, 3]
    mixed = overview.standings(figures().sample(frac=1, random_state=3), ABOVE)
    pd.testing.assert_frame_equal(found, mixed)


def test_growth_is_of_daily_averages_and_blank_around_the_spring_festival() -> None:
    units = pd.DataFrame({"branch": "甲", "month": ["2013-11", "2013-12", "2014-01"], "units": [30.0, 31.0, 31.0]})
    nobody = pd.DataFrame(columns=["branch", "units", "valid", "cost_per_sale"])
    december = overview.branch_figures(units, units[:0], nobody, Period.parse("2013-12")).iloc[0]
    assert december["units"] / december["before_comparable"] == pytest.approx(1)  # one a day in either
    half = overview.branch_figures(units, units[:0], nobody, Period.parse("2013-12-15")).iloc[0]
    assert half["before_comparable"] == pytest.approx(15)
    assert np.isnan(overview.branch_figures(units, units[:0], nobody, Period.parse("2014-01")).iloc[0]["before_comparable"])


def test_the_four_corners() -> None:
    found = overview.standings(figures(), ABOVE).set_index("place")["quadrant"]
    # the province spends 117.6 a valid customer
    assert found[["甲", "乙", "丙"]].tolist() == ["learn_from", "help", "learn_from"]
    assert found["省"] == ""
    dear = overview.standings(figures(cost_yuan=[20000.0, 5000, 9000]), ABOVE).set_index("place")["quadrant"]
    assert dear[["甲", "乙"]].tolist() == ["spend_better", "push"]
    masked = overview.standings(figures(target=[500.0, np.nan, 300], due=[250.0, np.nan, 150]), ABOVE).set_index("place")
    assert masked.loc["乙", "quadrant"] == "unknown"
    assert np.isnan(masked.loc["省", "attainment"])  # a masked part is not nought


def months(sold: float = 30.0) -> pd.DataFrame:
    whole = figures(units=[sold, 10.0, 20.0])
    parts = [whole[["branch", of]].set_axis(["branch", "units"], axis=1).assign(month=month) for of, month in (("units_before", "2013-11"), ("units", "2013-12"))]
    return pd.concat(parts, ignore_index=True)


def test_movers_add_up_and_totals_are_refused() -> None:
    moved = overview.movers(months(), "2013-11", "2013-12", most=1)
    assert moved["branch"].tolist() == ["乙", ""]  # of two that moved alike the first by name
    assert moved["change"].sum() == 0
    assert overview.movers(months(), "2013-10", "2013-11").empty  # nothing is known of October: no data is not no sales
    one = pd.DataFrame({"branch": ["合计"], "month": ["2013-12"], "units": [1.0]})
    with pytest.raises(DataError, match="合计"):
        overview.branch_figures(one, one[:0], pd.DataFrame(columns=["branch", "units", "valid", "cost_per_sale"]), Period.parse("2013-12"))


def a_target(branch: str, amount: float | None, metric: str = "units", kind: str = "flow") -> pd.DataFrame:
    return pd.DataFrame({"branch": [branch], "metric": metric, "unit": "台", "kind": kind, "direction": "up", "start": pd.Timestamp("2013-01-01"),
                         "end": pd.Timestamp("2013-12-31"), "target": [amount], "channel": None, "device_class": None, "version": None})  # fmt: skip


def test_a_provinces_own_target_goes_before_the_sum() -> None:
    below = pd.concat([a_target("甲", 10.0), a_target("乙", 20.0), a_target("甲", 0.45, "participation", "rate")])
    assert overview.whole(below, "省")[["branch", "metric", "target"]].to_numpy().tolist() == [["省", "units", 30.0]]
    both = pd.concat([below, a_target("省", 99.0)])
    assert overview.whole(both, "省")["target"].tolist() == [99.0]
    assert overview.whole(pd.concat([below, a_target("丙", None)]), "省")["target"].isna().tolist() == [True]
    assert overview.whole(below, "省", ["甲", "乙", "丙"])["target"].isna().tolist() == [True]  # nobody gave 丙 one


def test_the_top_row_is_the_provinces_own_target() -> None:
    own = pd.DataFrame({"phasing": ["calendar"], "actual": [600.0], "target": [600.0], "time_progress": [0.5]})
    found = overview.standings(figures(), ABOVE, own).set_index("place")
    assert found.loc["省", ["attainment", "progress_index"]].tolist() == [1, 2]
    assert found.loc["甲", "target"] == 500


def test_a_branch_right_under_the_province_is_ranked_with_the_others() -> None:
    found = overview.standings(figures(), ABOVE | {"丙": ["省"]})
    assert found.loc[found["is_branch"], "place"].tolist() == ["丙", "甲", "乙"]
    ranks = found.set_index("place")["rank"]
    assert ranks[["丙", "甲", "乙"]].tolist() == [1, 2, 3]
    assert set(overview.behind(found)["place"]) == {"乙"}


def test_a_target_without_a_sale_has_its_row() -> None:
    units = pd.DataFrame({"branch": "甲", "month": ["2013-11", "2013-12"], "units": [3.0, 4.0]})
    reached = targets.progress(
        pd.DataFrame({"date": pd.to_datetime(["2013-01-01", "2013-12-31"]), "branch": "甲", "units": [0.0, 4.0]}),
        pd.concat([a_target("甲", 10.0), a_target("乙", 20.0)]), Period.parse("2013-12"),
    )  # fmt: skip
    nobody = pd.DataFrame(columns=["branch", "units", "valid", "cost_per_sale"])
    found = overview.branch_figures(units, reached, nobody, Period.parse("2013-12")).set_index("branch")
    assert found.loc["乙", ["actual", "target"]].tolist() == [0, 20]


def test_what_remains_is_split_with_its_floor_and_a_masked_target_is_unknown() -> None:
    sales = pd.DataFrame({"date": pd.Timestamp("2013-11-05"), "branch": ["甲", "乙"], "channel": "own", "device_class": ["handset", "netbook"], "units": [1.0, 9.0]})

    def owed(remaining: float, floor: float = 0.0) -> pd.DataFrame:
        reached = pd.DataFrame({"phasing": ["calendar"], "remaining": [remaining], "days_left": [31]})
        return overview.next_target(sales, reached, Period.parse("2013-11"), floor).set_index("device_class")["target"]

    assert owed(100.0)[["handset", "netbook"]].tolist() == [10, 90]
    assert owed(100.0, 0.6)[["handset", "netbook"]].tolist() == [60, 40]
    assert owed(-5.0).sum() == 0  # a target that is met asks nothing more
    assert owed(float("nan")).isna().all()
    assert overview.next_target(sales, sales[:0], Period.parse("2013-11")).empty


@pytest.fixture(scope="module")
def province(root: Path) -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return open_report("province-overview", "样例省（虚构）")


def test_the_provinces_progress_is_all_branches(province: Report) -> None:
    data = province.data
    whole = targets.progress(data.sales, overview.whole(data.targets, data.branch, data.members), data.period, whole_of=data.branch)
    each = targets.progress(data.sales, data.targets, data.period)
    calendar = each[each["phasing"] == "calendar"].drop_duplicates("branch")
    assert whole["target"].iloc[0] == calendar["target"].sum()
    assert whole["actual"].iloc[0] == calendar["actual"].sum()
    assert len(calendar) == 12


def test_a_city_has_its_own_overview(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    city = open_report("province-overview", "样例甲市").data
    assert city.members == ["样例一区", "样例三区", "样例二区"]
    assert city.above["样例一区"] == ["样例甲市"]
    assert set(city.sales["branch"]) == set(city.members)


# ---- the deck -----------------------------------------------------------------------------------------------------


def eight(report: Report, sold: float = 30.0) -> list:
    voice = report.voice
    standings = overview.standings(figures(units=[sold, 10.0, 20.0]), ABOVE)
    kpi = targets.kpi_row(pd.Series({"2013-11": 60.0, "2013-12": sold + 30}), Period.parse("2013-12"))
    moved = overview.movers(months(sold), "2013-11", "2013-12")
    spread = pd.DataFrame({"channel": ["own"], "outlets": [3], "listed_outlets": [3], "dead_outlets": [1], "units": [60.0], "median": [20.0], "top_tenth": [0.5], "hhi": [0.4],
                           "gini": [0.3]})  # fmt: skip
    notes = pd.DataFrame({"comment": ["查缺货"], "owner": ["渠道部"], "due": [pd.Timestamp("2014-01-31")], "done": [pd.NA]})
    days = pd.DataFrame({"phasing": ["calendar"], "days_left": [10], "remaining": [50.0], "per_day": [5.0], "status": ["watch"]})
    return slides.of_province(voice, standings, kpi, moved, spread, say.problems(voice, [], report.data.sales[:0]), notes, days, "2013-12", "2013-11")


def words(content: bytes) -> list[str]:
    found = []
    for slide in Presentation(io.BytesIO(content)).slides:
        texts = [shape.text_frame.text for shape in slide.shapes if shape.has_text_frame]
        texts += [cell.text for shape in slide.shapes if shape.has_table for row in shape.table.rows for cell in row.cells]
        for shape in slide.shapes:
            if shape.has_chart:
                texts += [f"{v:g}" for plot in shape.chart.plots for series in plot.series for v in series.values]
        found.append("\n".join([*texts, slide.notes_slide.notes_text_frame.text]))
    return found


def test_a_branch_whose_money_is_mostly_unknown_is_not_called_cheap() -> None:
    units = pd.DataFrame({"branch": ["a", "b"], "month": "2013-05", "units": [100.0, 100.0]})
    worth = pd.DataFrame({"branch": ["a", "b"], "units": [100, 100], "valid": [80, 80], "cost_per_sale": [np.nan, 200.0]})
    none = pd.DataFrame(columns=["branch"])
    figures = overview.branch_figures(units, none, worth, Period.parse("2013-05"))
    assert figures["cost_yuan"].tolist()[1] == 20000
    assert np.isnan(figures["cost_yuan"].tolist()[0])
    assert overview.usual_cost(figures) == 250
    assert overview.standings(figures, {"a": ["p"], "b": ["p"]}).set_index("place")["quadrant"].to_dict() == {"p": "", "a": "unknown", "b": "unknown"}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_meeting_has_eight_slides_each_with_a_claim_and_notes(province: Report, lang: str) -> None:
    report = replace(province, lang=lang)
    content = pptx(eight(report), report)
    deck = Presentation(io.BytesIO(content))
    assert len(deck.slides) == 8
    assert all(slide.shapes.title.text_frame.text for slide in deck.slides)
    assert not [text for text in words(content) if "nan" in text or "None" in text]
    charts = [shape for slide in deck.slides for shape in slide.shapes if shape.has_chart]
    assert len(charts) == 3
    for shape in charts:  # native, with the sheet behind it, and words for those who cannot see it
        assert shape.chart.part.chart_workbook.xlsx_part is not None
        assert shape._element.nvGraphicFramePr.cNvPr.get("descr")
    made_up = {"zh": "虚构样例数据", "en": "made-up data"}[lang]
    assert all(made_up in text for text in words(content))


def test_every_run_names_an_east_asian_font(province: Report) -> None:
    from pptx.oxml.ns import qn

    deck = Presentation(io.BytesIO(pptx(eight(province), province)))
    runs = [run for slide in deck.slides for shape in slide.shapes if shape.has_text_frame for p in shape.text_frame.paragraphs for run in p.runs]
    assert len(runs) > 30
    assert all(run._r.rPr.find(qn("a:ea")) is not None for run in runs)


def test_the_same_slides_give_the_same_bytes_and_another_figure_other_words(province: Report) -> None:
    first = pptx(eight(province), province)
    assert pptx(eight(province), province) == first
    assert zipfile.ZipFile(io.BytesIO(first)).testzip() is None
    before, after = Counter(words(first)[0].split()), Counter(words(pptx(eight(province, 37.0), province))[0].split())
    assert before != after
    assert "60台" in words(first)[0] and "67台" in words(pptx(eight(province, 37.0), province))[0]


def test_owners_and_due_dates_stand_on_the_last_slide(province: Report) -> None:
    last = words(pptx(eight(province), province))[-1]
    assert "查缺货（负责：渠道部；期限：2014-01-31）" in last
    assert "余下10天，每天须完成5.0台" in last


def test_no_shape_runs_off_its_slide(province: Report) -> None:
    deck = Presentation(io.BytesIO(pptx(eight(province), province)))
    for slide in deck.slides:
        boxes = [(s.left, s.top, s.left + s.width, s.top + s.height) for s in slide.shapes if not s.is_placeholder]
        assert all(left >= 0 and top >= 0 and right <= deck.slide_width and bottom <= deck.slide_height for left, top, right, bottom in boxes)


def test_the_axes_of_the_scatter_cross_where_quadrants_meet(province: Report) -> None:
    slides = eight(province)
    points = next(slide for slide in slides if isinstance(slide, Points))
    deck = Presentation(io.BytesIO(pptx(slides, province)))
    chart = next(s.chart for slide in deck.slides for s in slide.shapes if s.has_chart and s.chart.chart_type == XL_CHART_TYPE.XY_SCATTER)
    assert points.rule == (1.0, overview.usual_cost(points.frame))
    # XML keeps on each axis where it crosses the other one
    assert (chart.category_axis.crosses_at, chart.value_axis.crosses_at) == points.rule

"""What a reader sees: charts' data follow the frame, no glyph is missing, both languages, numbers as printed."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from g3lib import charts, labels
from g3lib.findings import FINDINGS_MIME, Finding, Status
from g3lib.periods import Period
from g3lib.report.charts.look import CHART_MIME, drawn, figure, look, png
from g3lib.report.claims import brief, campaigns, channels, subsidy
from g3lib.report.claims.voice import Voice
from g3lib.report.page import open_report
from g3lib.report.tables import html_table

UNITS = pd.DataFrame({"month": ["2010-01", "2010-01", "2010-02", "2010-02"], "channel": ["own", "end"] * 2, "units": [10.0, 20, 30, 40]})
CHANGE = pd.DataFrame({"channel": ["own", "end"], "units_before": [10.0, 20.0], "change": [5.0, -8.0]})
PROGRESS = pd.DataFrame({"phasing": ["calendar", "month_even"], "attainment": [0.4, 0.41], "time_progress": [0.5, 0.52], "status": "breach"})
LIFTS = pd.DataFrame({"branch": ["甲", "乙", "丙"], "before": [0.1, 0.2, 0.5], "after": [0.3, 0.3, 0.55], "lift": [0.2, 0.1, 0.05],
                      "base_known": True})  # fmt: skip
RATES = pd.DataFrame({"device_class": ["handset"], "contract": ["plan"], "channel": ["own"], "rate": [0.6], "rule_low": [0.63],
                      "rule_high": [0.67], "fails": [2.0], "below": [0.0]})  # fmt: skip
MONTHLY = pd.DataFrame({"month": ["2010-01", "2010-02"] * 2, "device_class": ["handset"] * 2 + ["netbook"] * 2, "rate": [0.5, 0.6, 0.4, 0.3]})
LIVES = pd.DataFrame({"model": ["m", "n"], "rate": [0.5, 0.7], "cap": [0.6, np.nan], "verdict": ["pass", "no verdict"]})
PARETO = pd.DataFrame({"channel": ["own", "end"], "gap": [30.0, 10], "cumulative": [0.75, 1.0], "vital": [True, False]})
TESTED = pd.DataFrame({"cause": ["培训"], "effect": [0.2], "low": [0.1], "high": [0.3], "minimum_effect": [0.1], "verdict": ["confirmed"]})
OUTLETS = pd.DataFrame({"branch": ["甲"] * 4 + ["乙"] * 4, "outlet": list("abcdefgh"), "units": [5.0, 9, 12, 30, 7, 8, 20, 22]})
COHORTS = pd.DataFrame({"month": ["2013-01"] * 7 + ["2013-02"] * 7, "state": ["split", "cancelled", "idle", "cross_branch", "not_activated", "low_use",
                        "valid"] * 2, "share": [0.1, 0.08, 0.05, 0.02, 0.01, 0.04, 0.7] + [np.nan] * 7, "young": [False] * 7 + [True] * 7})  # fmt: skip
COSTS = pd.DataFrame({"name": ["incremental", "valid", "sale", "net_add"], "value": [900.0, 600.0, 400.0, np.nan], "low": [700.0, 580.0, 400.0, np.nan],
                      "high": [1300.0, 620.0, 400.0, np.nan], "reason": ["", "", "", "fewer_customers"]})  # fmt: skip
UNBOUNDED = COSTS.assign(low=[350.0, 580.0, 400.0, np.nan], high=[np.inf, 620.0, 400.0, np.nan], reason=["unbounded", "", "", "fewer_customers"])
CHANGES = pd.DataFrame({"device_class": ["handset", "netbook"], "channel": ["own", "end"], "rate_today": [0.4, 0.5], "rate": [0.5, 0.45],
                        "gain": [120.0, -8.0]})  # fmt: skip
WORTH = pd.DataFrame({"device_class": ["handset", "netbook"], "break_even_rate": [0.62, np.nan]})
RULES = pd.DataFrame({"kind": "smart", "price_min": [0.0, 1000.0], "price_max": [1000.0, np.nan], "screen_min": [0.0, 0.0], "screen_max": [4.0, 4.0],
                      "rate": [0.6, 0.5], "bound": "eq", "qualifier": None, "rate_status": "stated"})  # fmt: skip
HOLES = pd.DataFrame({"fault": ["gap"], "price_from": [np.nan], "price_to": [np.nan], "screen_from": [4.0], "screen_to": [np.nan]})
MOVED = pd.DataFrame({"branch": ["甲", "乙", ""], "units_before": [10.0, 20.0, 5.0], "change": [5.0, -8.0, 1.0]})
PRICED = pd.DataFrame({"yuan_before": [1000.0, 500.0], "volume_yuan": [100.0, 50], "mix_yuan": [-30.0, 10], "price_yuan": [20.0, -5]})
FRONT = pd.DataFrame({"channel": ["own", "end"], "cost_per_sale": [500.0, 400.0], "valid_share": [0.9, 0.7], "low": [0.85, 0.6], "high": [0.94, 0.78],
                      "frontier": [True, True], "judged": ["dear_sound", "cheap_poor"]})  # fmt: skip
CURVES = pd.DataFrame({"channel": ["own"] * 3 + ["end"] * 3, "outlets": [0.0, 0.5, 1.0] * 2, "value": [0.1, 0.3, 1.0, 0.0, 0.2, 1.0]})
TRENDS = pd.DataFrame({"month": ["2013-01", "2013-02", "2013-03"], "rate_joined": [0.2, 0.21, 0.3], "rate_others": [0.25, 0.26, 0.27],
                       "since": [False, False, True]})  # fmt: skip
FITTED = pd.DataFrame({"month": ["2013-01", "2013-02", "2013-03"], "value": [0.2, 0.21, 0.3], "fitted": [0.2, 0.2, 0.29], "without": [0.2, 0.2, 0.21],
                       "since": [False, False, True]})  # fmt: skip
STANDINGS = pd.DataFrame({"place": ["省", "甲", "乙"], "is_branch": [False, True, True], "progress_index": [0.9, 1.1, 0.8], "cost_per_valid": [600.0, 580, 640],
                          "quadrant": ["", "learn_from", "help"]})  # fmt: skip

GIVEN = pd.DataFrame({"channel": ["own", "unstated", ""], "units_before": [50.0, 40.0, 1.0], "units_after": [60.0, 30.0, 2.0],
                      "share_after": [0.65, 0.33, 0.02], "growth_points": [0.11, -0.11, 0.01]})  # fmt: skip
DRAWN = [
    (charts.movers_waterfall, MOVED, {}, "change"),
    (charts.cost_waterfall, PRICED, {"before": "a", "after": "b"}, "mix_yuan"),
    (charts.cost_waterfall, PRICED, {"before": "a", "after": "b"}, "yuan_before"),
    (charts.frontier, FRONT, {}, "valid_share"),
    (charts.frontier, FRONT, {}, "cost_per_sale"),
    (charts.frontier, FRONT, {}, "high"),
    (charts.lorenz_curves, CURVES, {"accent": "end"}, "value"),
    (charts.parallel_trends, TRENDS, {}, "rate_joined"),
    (charts.parallel_trends, TRENDS, {}, "rate_others"),
    (charts.series_fit, FITTED, {}, "value"),
    (charts.series_fit, FITTED, {}, "fitted"),
    (charts.units_by_month, UNITS, {"accent": "own"}, "units"),
    (charts.change_waterfall, CHANGE, {"before": "a", "after": "b"}, "change"),
    (charts.contributions, GIVEN, {"by": "channel"}, "units_after"),
    (charts.contributions, GIVEN, {"by": "channel"}, "units_before"),
    (charts.contributions, GIVEN, {"by": "channel"}, "growth_points"),
    (charts.attainment_against_time, PROGRESS, {}, "attainment"),
    (charts.attainment_against_time, PROGRESS, {}, "time_progress"),
    (charts.before_after, LIFTS, {"branch": "甲", "area": (0.2, 0.3)}, "after"),
    (charts.start_and_lift, LIFTS, {"branch": "甲"}, "lift"),
    (charts.rate_against_rule, RATES, {}, "rate"),
    (charts.rate_against_rule, RATES, {}, "rule_high"),
    (charts.lifecycle_bars, LIVES, {}, "rate"),
    (charts.lifecycle_bars, LIVES, {}, "cap"),
    (charts.pareto_bars, PARETO, {"category": "channel", "value": "gap"}, "gap"),
    (charts.effects, TESTED, {}, "effect"),
    (charts.effects, TESTED, {}, "high"),
    (charts.effects_against_minimum, TESTED, {}, "low"),
    (charts.outlet_distribution, OUTLETS, {"branch": "甲"}, "units"),
    (charts.cohort_faults, COHORTS, {}, "share"),
    (charts.cost_per, COSTS, {}, "value"),
    (charts.cost_per, COSTS, {}, "high"),
    (charts.cost_per, UNBOUNDED, {}, "low"),
    (charts.rates_today_and_proposed, CHANGES, {"worth": WORTH}, "rate_today"),
    (charts.rates_today_and_proposed, CHANGES, {"worth": WORTH}, "rate"),
    (charts.rates_today_and_proposed, CHANGES, {"worth": WORTH}, "gain"),
    (charts.policy_bands, RULES, {"faults": HOLES}, "rate"),
    (charts.policy_bands, RULES, {"faults": HOLES}, "price_max"),
]


def data_of(draw, frame: pd.DataFrame, lang: str, **more: object) -> dict:
    with look():
        fig, ax = figure(3)
        assert draw(frame, ax=ax, lang=lang, **more) is ax
        assert png(fig)[:4] == b"\x89PNG"
        return drawn(fig)


@pytest.mark.parametrize(("draw", "frame", "more", "column"), DRAWN, ids=lambda v: getattr(v, "__name__", str(v)[:12]))
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_chart_follows_its_data_and_leaves_it_alone(draw, frame, more, column, lang) -> None:
    before = frame.copy()
    first = data_of(draw, frame, lang, **more)
    changed = frame.copy()
    changed.loc[changed.index[0], column] *= 1.17
    assert data_of(draw, frame, lang, **more) == first
    assert data_of(draw, changed, lang, **more) != first
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("column", ["progress_index", "cost_per_valid"])
def test_quadrants_follow_the_lowest_level_alone(column: str) -> None:
    first = data_of(charts.quadrants, STANDINGS, "zh", usual=610.0)
    counties, province = STANDINGS.copy(), STANDINGS.copy()
    counties.loc[1, column] *= 1.2
    province.loc[0, column] *= 1.2
    assert data_of(charts.quadrants, counties, "zh", usual=610.0) != first
    assert data_of(charts.quadrants, province, "zh", usual=610.0) == first


@pytest.mark.parametrize(("draw", "frame", "steps", "more"), [
    (charts.change_waterfall, CHANGE, CHANGE["change"], {"before": "a", "after": "b"}),
    (charts.movers_waterfall, MOVED, MOVED["change"], {}),
    (charts.cost_waterfall, PRICED, PRICED[["volume_yuan", "mix_yuan", "price_yuan"]].sum(), {"before": "a", "after": "b"}),
])  # fmt: skip
def test_the_bars_of_a_waterfall_sum_to_its_last(draw, frame, steps, more) -> None:
    bars = data_of(draw, frame, "zh", **more)["axes"][0]["bars"]
    first = bars[0][3] if more else 0.0
    heights = [bar[3] for bar in bars][1 if more else 0 : -1]
    assert heights == pytest.approx(list(steps))
    assert first + sum(heights) == pytest.approx(bars[-1][3])
    # each stands where the one before it ended
    ends = first
    for _, bottom, _, height in bars[1 if more else 0 : -1]:
        assert bottom == pytest.approx(ends)
        ends += height


def test_every_public_chart_is_tested() -> None:
    # these take a result instead of a frame: test_control.py and test_diagrams.py draw them
    of_results = {"control_chart", "cusum_chart", "fishbone", "tree_diagram", "relation_diagram", "arrow_diagram", "histogram", "scatter",
                  "capability_histogram", "matrix_diagram"}  # fmt: skip
    assert {draw.__name__ for draw, *_ in DRAWN} | {"quadrants"} | of_results == set(charts.__all__)


def test_a_missing_glyph_is_an_error() -> None:
    with look():
        fig, ax = figure(2)
        ax.set_title("\U0010fffd")  # a code point that no font draws
        with pytest.raises(UserWarning, match="Glyph"):
            png(fig)


def test_dollar_signs_in_names_are_text() -> None:
    odd = LIFTS.assign(branch=["$x$", "a_b^c$", "$"])
    assert "$x$" in data_of(charts.before_after, odd, "zh", branch="$x$", area=(np.nan, np.nan))["axes"][0]["yticks"]


def test_a_total_is_marked_so_that_it_stays_below_when_its_table_is_sorted() -> None:
    table = html_table(pd.DataFrame({"month": ["2010-01", ""], "units": [1.0, 2.0]}), "zh", bold=[False, True])
    assert '<tr class="mark total"><td class="l">合计</td>' in table
    assert table.count("class=\"mark") == 1


def test_tables_escape_every_cell_and_heading() -> None:
    table = html_table(pd.DataFrame({"branch": ["<script>"], "<b>": ["{{7*7}}"]}), "zh")
    assert "<script>" not in table
    assert "&lt;script&gt;" in table
    assert "<b>" not in table
    assert "{{7*7}}" in table


@pytest.mark.parametrize(("value", "digits", "printed"), [(0.125, 2, "0.13"), (2.675, 2, "2.68"), (99.995, 2, "100.00"), (-0.5, 0, "-1")])
def test_rounding_is_half_up_on_what_is_printed(value: float, digits: int, printed: str) -> None:
    assert labels.rounded(value, digits) == Decimal(printed)


def test_money_as_operators_write_it() -> None:
    assert [labels.money(v, "zh") for v in (9999.4, 10000, 1e8, -25000, float("nan"))] == ["9,999元", "1.00万元", "1.00亿元", "-2.50万元", "—"]


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(Exception, match="expected one of zh, en"):
        open_report("signup-campaign", "睢县", lang="fr")  # type: ignore[arg-type]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("branch", ["南区分公司", "睢县", "样例一区", "样例三区"])
def test_briefs_have_at_most_eight_lines_breaches_first(lang: str, branch: str, root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    report = open_report("branch-brief", branch, lang=lang)
    lines = brief.lines(report.voice, report.data, "device", "list", 0.02, 0.1)
    shown = brief.table(report.voice, lines)
    assert 1 <= len(shown) <= 8
    told_again = {"gap"} if any(line.topic == "target" for line in lines) else set()
    urgency = [list(Status).index(line.finding.status) for line in lines if line.topic not in told_again]
    assert urgency == sorted(urgency)
    beyond = [check.text for check in brief.checks(report.voice, lines) if check.name == "beyond_the_lines"]
    assert len(beyond) == (len(lines) > 8)  # what has no line is named, never dropped silently
    text = shown.to_string()
    assert "HHI" not in text and "Lorenz" not in text
    assert "nan" not in text
    assert (lang == "en") == ("month" in text)


def test_made_up_data_is_said_at_the_top_in_both_languages(root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for lang, words in (("zh", "虚构样例数据"), ("en", "made-up data")):
        assert words in open_report("branch-brief", "样例一区", lang=lang).title().bundles[0]["text/html"]
        assert words not in open_report("branch-brief", "睢县", lang=lang).title().bundles[0]["text/html"]


def test_a_chart_carries_its_findings_and_its_data(root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    report = open_report("channel-contribution", "南区分公司")
    claim = [Finding("x", 1.0, "台", "2010-01", "", "", "句子", "sales")]
    heading, image, source = report.chart(claim, charts.units_by_month, UNITS, accent="own").bundles
    assert heading[FINDINGS_MIME]["findings"][0]["name"] == "x"
    assert image[CHART_MIME]["axes"][0]["bars"][0][3] == 10
    assert "2010-01" in source["text/plain"]


def test_an_empty_frame_shows_its_claim_and_no_chart(root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    report = open_report("channel-contribution", "南区分公司")
    claim = [Finding("x", None, "", "2010-01", "", "", "没有数据", "sales")]
    assert len(report.chart(claim, charts.effects, TESTED[:0]).bundles) == 1


VOICES = [Voice("zh", "甲", "2010-03"), Voice("en", "甲", "2010-03")]


@pytest.mark.parametrize("voice", VOICES, ids=["zh", "en"])
def test_a_branch_without_rates_is_unknown_not_zero(voice: Voice) -> None:
    (found,) = campaigns.headline(voice, LIFTS[1:], (0.2, 0.3), "2010-02", "2010-03")
    assert (found.value, found.status) == (None, Status.UNKNOWN)


@pytest.mark.parametrize("voice", VOICES, ids=["zh", "en"])
def test_no_target_is_said(voice: Voice) -> None:
    (found,) = channels.target(voice, PROGRESS[:0])
    assert found.status == Status.UNKNOWN


CHECKED = pd.DataFrame({"over_yuan": [np.nan], "verdict": ["no verdict"], "rule": ["r"]})
WHOLE = pd.DataFrame({"rate": [0.5], "subsidy_yuan": [500.0], "no_price_yuan": [0.0], "reason": [""]})


@pytest.mark.parametrize("voice", VOICES, ids=["zh", "en"])
@pytest.mark.parametrize(
    ("over", "verdict", "status", "said"),
    [
        (np.nan, "no verdict", Status.UNKNOWN, ("不作结论", "without a verdict")),
        (-15.0, "fail", Status.BREACH, ("低于规则下限，少补15元", "below what their rule asks for, ¥15 too little")),
        (15.0, "fail", Status.BREACH, ("超出规则，多补15元", "beyond their rule, ¥15 too much")),
        (0.0, "pass", Status.GOOD, ("全部合乎规则", "every sale keeps to its rule")),
    ],
)
def test_a_headline_never_passes_what_was_not_judged(voice, over, verdict, status, said) -> None:
    checked = CHECKED.assign(over_yuan=over, verdict=verdict)
    lead = subsidy.headline(voice, WHOLE, checked, pd.Series([1.0]), "list")[0]
    assert lead.status == status
    assert said[voice.lang == "en"] in lead.text


@pytest.mark.parametrize("voice", VOICES, ids=["zh", "en"])
def test_no_data_is_not_called_good(voice: Voice) -> None:
    assert brief.headline(voice, [])[0].status == Status.UNKNOWN


@pytest.mark.parametrize("voice", VOICES, ids=["zh", "en"])
def test_one_channel_and_no_sales_have_a_sentence(voice: Voice) -> None:
    one = pd.DataFrame({"channel": ["own"], "units": [5.0], "share": [1.0]})
    assert "仅" not in channels.headline(voice, one, UNITS, PROGRESS[:0])[0].text
    none = one.assign(units=0.0, share=np.nan)
    assert "0" in channels.headline(voice, none, UNITS.assign(units=0.0), PROGRESS[:0])[0].text


def test_english_sentences_hold_no_chinese_words(root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    report = open_report("branch-brief", "样例二区", lang="en")
    for line in brief.lines(report.voice, report.data, "device", "list", 0.02, 0.1):
        own = line.finding.text
        for name in [report.data.branch, *report.data.sisters, *map(str, report.data.outlet_facts["fact"].unique()), *report.data.models["model"]]:
            own = own.replace(name, "")
        assert not [c for c in own if "一" <= c <= "鿿" and c not in "台户"], line.finding.text


def test_period_forms() -> None:
    assert Period.parse("2010Q4").months == ["2010-10", "2010-11", "2010-12"]
    for wrong in ("2010", "2010-00", "2010-02-30", "2010-03..2010-01", "3/2010", ""):
        with pytest.raises(Exception, match="is no period"):
            Period.parse(wrong)


@pytest.mark.parametrize("branch", ["南区分公司", "样例一区", "样例三区"])
def test_the_brief_says_what_the_reports_open_with(branch: str, root, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notebooks' own calls, line by line, beside the brief's."""
    monkeypatch.chdir(root)
    from g3lib.measures import channels as measured
    from g3lib.measures import targets

    report = open_report("channel-contribution", branch)
    units = measured.span(measured.monthly_units(report.data.sales), report.data.period)
    progress = targets.progress(report.data.sales, report.data.targets, report.data.period, report.data.thresholds, report.data.scopes)
    opening = channels.headline(report.voice, measured.contribution_share(units), units, progress)
    lines = {line.topic: line.finding for line in brief.lines(report.voice, report.data, "device", "list", 0.02, 0.1)}
    assert lines["sales"] == opening[0]
    assert lines["target"] == opening[1]


def test_a_single_red_dot_stays_red_and_the_paper_white() -> None:
    import io

    from PIL import Image

    with look():
        fig, ax = figure(3)
        charts.rate_against_rule(RATES, ax=ax, lang="zh")
        picture = np.asarray(Image.open(io.BytesIO(png(fig))).convert("RGB")).astype(int)
    red = (picture[..., 0] > 150) & (picture[..., 1] < 90) & (picture[..., 2] < 90)
    assert red.sum() > 20
    assert (picture[0, 0] == 255).all()


def test_periods_in_running_text() -> None:
    zh, en = VOICES
    assert [zh.span(p) for p in ("2010-01", "2009-11..2010-01", "2010-01..2010-01", "2010-02-10")] == [
        "2010-01", "2009-11至2010-01", "2010-01", "2010-02（至10日）",
    ]  # fmt: skip
    assert en.span("2010-02-10") == "2010-02 (to day 10)"


def test_no_sentence_is_the_name_of_its_figure(root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    report = open_report("channel-contribution", "南区分公司")
    from g3lib.measures import channels as measured
    from g3lib.measures import targets

    units = measured.monthly_units(report.data.sales)
    progress = targets.progress(report.data.sales, report.data.targets, report.data.period)
    found = channels.headline(report.voice, measured.contribution_share(units), units, progress)
    assert len(found) > 15
    assert not [f for f in found if "." in f.name and f.name in f.text]


def test_a_months_figure_knows_the_month_before_and_the_year_before() -> None:
    months = pd.DataFrame({"month": ["2009-01", "2009-12", "2010-01"], "channel": "own", "units": [5.0, 7.0, 9.0]})
    total = pd.DataFrame({"channel": ["own"], "units": [21.0], "share": [1.0]})
    found = {f.name: f for f in channels.headline(VOICES[0], total, months, PROGRESS[:0])}
    january = found["units.month.2010-01"]
    assert (january.value, january.previous, january.last_year) == (9, 7, 5)
    assert found["units.month.2009-01"].previous is None

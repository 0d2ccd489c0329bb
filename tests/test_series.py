"""A branch's months as series: whole months only, gaps stay gaps, the right chart chosen, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from g3lib.periods import Period
from g3lib.qc import control, series
from g3lib.report.claims import control as said
from g3lib.report.claims.voice import Voice


def months(n: int, start: str = "2011-01") -> list[str]:
    return [str(p) for p in pd.period_range(start, periods=n, freq="M")]


def units(values: list[float], channel: str = "own") -> pd.DataFrame:
    return pd.DataFrame({"month": months(len(values)), "channel": channel, "units": values})


def test_a_month_that_is_not_over_is_no_point() -> None:
    frame = units([31.0, 28, 20])
    assert series.sales_a_day(frame, Period.parse("2011-03-20"))["month"].tolist() == ["2011-01", "2011-02"]
    assert series.sales_a_day(frame, Period.parse("2011-03"))["days"].tolist() == [31, 28, 31]
    assert series.is_over("2011-03", Period.parse("2011-03-31"))


def test_a_channel_without_sales_is_nought_of_the_month() -> None:
    both = pd.concat([units([5.0, 0], "own"), units([5.0, 10], "end")])
    assert series.part_of(both, "channel", "own", Period.parse("2011-02"))[["units", "of"]].values.tolist() == [[5, 10], [0, 10]]


def test_year_on_year_is_a_day_against_a_day() -> None:
    values = [1.0] * 24
    values[1], values[13] = 28.0, 29.0  # February of 2011 and of 2012, a leap year
    frame = series.year_on_year(units(values), Period.parse("2012-12")).set_index("month")["ratio"]
    assert frame["2012-02"] == pytest.approx(1.0)
    assert len(frame) == 12
    zero = [0.0] * 12 + [5.0] * 12
    assert series.year_on_year(units(zero), Period.parse("2012-12"))["ratio"].isna().all()


def test_low_outlets_are_counted_among_those_that_are_open() -> None:
    rows = [("b", "own", o, m, u) for m in months(4) for o, u in (("x", 10.0), ("y", 10.0), ("z", 2.0))]
    rows += [("b", "own", "closed", "2011-01", 10.0), ("c", "own", "other", "2011-01", 1.0)]
    frame = pd.DataFrame(rows, columns=["branch", "channel", "outlet", "month", "units"])
    table = series.low_outlets(frame, "b", Period.parse("2011-04")).set_index("month")
    assert table.loc["2011-01"].tolist() == [1, 4]
    assert table.loc["2011-03"].tolist() == [2, 4]  # closed since January: still counted for three months, then gone
    assert table.loc["2011-04"].tolist() == [1, 3]


def test_the_chart_is_chosen_by_the_data() -> None:
    rng = np.random.default_rng(1)
    calm = units(list(rng.poisson(600, 30).astype(float)))
    wild = units(list(np.round(600 * np.exp(rng.normal(0, 0.3, 30)))))
    period = Period.parse("2013-06")
    assert series.suited("a_day", series.sales_a_day(calm, period)).location.kind == "u"
    assert series.suited("a_day", series.sales_a_day(wild, period)).location.kind == "u_prime"
    assert series.suited("growth", series.year_on_year(wild, period)).location.kind == "i"
    assert series.suited("a_day", series.sales_a_day(calm.head(1), period)) is None
    assert series.location(None) is None


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_said_names_rule_and_points_and_does_not_call_few_points_stable(lang: str) -> None:
    voice = Voice(lang, "b", "2013-06")  # type: ignore[arg-type]
    rng = np.random.default_rng(2)
    values = rng.poisson(600, 30).astype(float)
    values[20] = 1200
    chosen = series.suited("a_day", series.sales_a_day(units(list(values)), Period.parse("2013-06")))
    claim = said.stable(voice, chosen, "x", "Sales", "days")[0]
    assert "2012-09" in claim.text and claim.value >= 1
    few = series.suited("a_day", series.sales_a_day(units([31.0, 30, 29]), Period.parse("2011-03")))
    assert {"zh": "还说不上稳定", "en": "too few to call it stable"}[lang] in said.stable(voice, few, "x", "Sales", "days")[0].text
    nothing = said.stable(voice, None, "x", "Sales", "days")[0]
    assert nothing.value is None
    flat = series.suited("growth", pd.DataFrame({"month": months(3), "ratio": [1.0, 1.0, 1.0]}))
    assert {"zh": "无法判定", "en": "nothing can be told"}[lang] in said.stable(voice, flat, "x", "Growth", "y")[0].text
    assert said.headline(voice, [[claim], [nothing]])[0].value == 1
    names = {c.name for c in said.checks(voice, [said.stable(voice, s, name, name, "days") for s, name in ((chosen, "one"), (few, "other"), (None, "none"))], [chosen, few, None])}
    assert {"season", "few_points"} <= names


def test_each_series_says_its_own_scatter() -> None:
    rng, voice, whole = np.random.default_rng(4), Voice("en", "b", "2013-06"), np.full(24, 1000)
    both = [control.for_parts((1000 * rng.uniform(low, high, 24)).round(), whole) for low, high in ((0.1, 0.3), (0.4, 0.8))]
    found = [said.stable(voice, s, name, name, "all") for s, name in zip(both, ("share", "low"), strict=True)]
    texts = {c.name: c.text for c in said.checks(voice, found, both)}
    for s, name in zip(both, ("share", "low"), strict=True):
        assert texts[f"dispersion.{name}"].startswith(f"{name}: counts scatter {s.dispersion.ratio:.1f} times")

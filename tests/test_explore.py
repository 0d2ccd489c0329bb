"""Explorers without a browser: their numbers are the library's, what they keep is found again, a chart drawn anew is the chart."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import logging
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from g3lib import campaigns, causes, channels, charts, claims, explore, subsidy, targets
from g3lib.errors import DataError, NoData, UsageError
from g3lib.explore import keeping, serving
from g3lib.measures.subsidy.allocation.inputs import checked_cells
from g3lib.periods import Period
from g3lib.qc.story import writing
from g3lib.qc.story.reading import read_case
from g3lib.qc.story.writing import write_back
from g3lib.report.charts.drawing import Drawing, Frame
from g3lib.report.claims.voice import Voice
from g3lib.runs.notebooks import Notebook
from g3lib.tables import headings, scenarios
from g3lib.tables.coverage import open_dataset
from g3lib.tables.store import Store
from g3lib.tables.workspace import Workspace

PROVINCE = "样例省（虚构）"


@pytest.fixture(scope="module", autouse=True)
def _own_scenarios(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What these tests keep is no other's: notebooks that are validated beside them begin where explorers were left."""
    before = os.environ["G3_SCENARIOS"]
    os.environ["G3_SCENARIOS"] = str(tmp_path_factory.mktemp("scenarios"))
    yield
    os.environ["G3_SCENARIOS"] = before


def pixels(frame: Frame) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(frame.png)).convert("RGB")).astype(int)


# ---- a chart drawn again --------------------------------------------------------------------------


def table(rates: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"device_class": ["handset", "netbook", "data_card"], "channel": "own", "rate_today": [0.5, 0.4, np.nan],
                         "rate": rates, "gain": [1.0, -2.0, 30.0]})  # fmt: skip


WORTH = pd.DataFrame({"device_class": ["handset", "netbook"], "break_even_rate": [0.6, np.nan]})


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_chart_drawn_again_is_the_chart(lang: str) -> None:
    again = Drawing(charts.rates_today_and_proposed, lambda table, _: 1 + 0.3 * len(table))
    for rates in ([0.5, 0.4, 0.3], [0.9, 0.1, 0.3], [0.2, 0.8, np.nan]):
        frame = again.frame(table(rates), WORTH, lang=lang)
        alone = Drawing(charts.rates_today_and_proposed, lambda table, _: 1 + 0.3 * len(table)).frame(table(rates), WORTH, lang=lang)
        assert (frame.width, frame.height, frame.axes) == (alone.width, alone.height, alone.axes)
        # where a line crosses a tick the two are laid over each other the other way round: a few pixels
        assert (np.abs(pixels(frame) - pixels(alone)).max(axis=2) > 40).mean() < 1e-4
    # a figure of another height, or for another screen, is one of its own
    assert again.frame(table([0.5] * 3).head(2), WORTH, lang=lang).height < frame.height
    again.ratio = 1.5
    sharp = again.frame(table(rates), WORTH, lang=lang)
    assert (sharp.width, sharp.height) == pytest.approx((frame.width, frame.height), abs=1)
    assert pixels(sharp).shape[1] == pytest.approx(1.5 * frame.width, abs=1)


def test_longer_labels_get_their_room() -> None:
    def rows(names: list[str], ax: Any) -> None:
        ax.barh(range(len(names)), [1.0] * len(names))
        ax.set_yticks(range(len(names)), names)
        ax.set_xlim(0, 2)

    again = Drawing(rows, lambda _: 2.0)
    short, long = again.frame(["a", "b"]), again.frame(["a very long name indeed", "b"])
    assert long.axes[0] > 2 * short.axes[0]
    assert len(again._ax.containers) == 1


def test_words_stand_as_if_drawn_anew_also_over_what_comes_and_goes() -> None:
    def bars(lengths: list[float], colour: str, ax: Any) -> None:
        ax.barh([0, 1], lengths, color="tab:blue")
        for row, length in enumerate(lengths):
            ax.text(1.0, row, "same word", color=colour, fontsize=8 + row)
            ax.text(length, row, f"{length:g}", ha="right", bbox={"color": "white"} if length > 3 else None)
        ax.set(xlim=(-1, 4), yticks=[], xticks=[])

    again = Drawing(bars, lambda *_: 2.0)
    course = [([0.5, 3.0], "k"), ([2.0, 0.5], "k"), ([0.5, 3.0], "k"), ([0.5, 3.0], "r"), ([3.5, 0.5], "k"), ([0.5, 3.5], "k"), ([0.5, 0.5], "k")]
    for lengths, colour in course:
        alone = Drawing(bars, lambda *_: 2.0).frame(lengths, colour)
        assert (pixels(again.frame(lengths, colour)) == pixels(alone)).all()
    assert again._written  # and some of them were kept


def test_axes_that_change_are_drawn_anew() -> None:
    def bars(heights: list[float], ax: Any) -> None:
        ax.barh(range(len(heights)), heights)
        ax.invert_yaxis()
        ax.set_xlabel(f"{max(heights):g}")

    again = Drawing(bars, lambda _: 2.0)
    for heights in ([1.0, 2.0], [10.0, 3.0], [1.0, 2.0]):
        alone = Drawing(bars, lambda _: 2.0).frame(heights)
        assert (np.abs(pixels(again.frame(heights)) - pixels(alone)).max(axis=2) > 40).mean() < 5e-3


# ---- what is kept on disk -------------------------------------------------------------------------


@pytest.fixture
def data() -> Any:
    return open_dataset(PROVINCE, "", ["sales.subsidy"])


@pytest.fixture
def made(data: Any) -> Iterator[list[int]]:
    """How often something was made of the data; what is kept of it is gone afterwards."""
    yield []
    for path in (data.store.root / "kept").glob("*.bin"):
        path.unlink()


def count(data: Any, made: list[int], name: str = "counted") -> int:
    def make() -> int:
        made.append(len(data.sales))
        return len(data.sales)

    return keeping.kept(data, name, make)


def test_what_was_made_is_found_until_something_changes(data: Any, made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    first = count(data, made)
    fresh = open_dataset(PROVINCE, "", ["sales.subsidy"])
    assert count(fresh, made) == first
    assert len(made) == 1
    assert fresh.sources == data.sources  # what it rests on is named though nothing was read
    count(open_dataset(PROVINCE, "2013-11", ["sales.subsidy"]), made)
    count(data, made, "counted otherwise")
    assert len(made) == 3
    monkeypatch.setattr(keeping, "_LIBRARY", "another")
    count(data, made)
    monkeypatch.setattr(type(data), "digest", lambda *_: "other exports")
    count(data, made)
    assert len(made) == 5


def test_a_rehearsal_makes_nothing_that_is_not_kept(data: Any, made: list[int]) -> None:
    with keeping.rehearsal(), pytest.raises(keeping.NotKept):
        count(data, made)
    assert made == []
    first = count(data, made)
    with keeping.rehearsal():
        assert count(data, made) == first
    assert len(made) == 1


def test_a_file_that_is_not_ours_is_never_opened(data: Any, made: list[int]) -> None:
    count(data, made)
    (path,) = (data.store.root / "kept").glob("*.bin")

    class Bomb:
        def __reduce__(self) -> Any:
            return (pytest.fail, ("it was opened",))

    signed = path.read_bytes()
    for content in (signed[:32] + pickle.dumps(Bomb()), pickle.dumps(Bomb()), b"", signed[:-1]):
        path.write_bytes(content)
        count(data, made)
        path.write_bytes(signed)
    assert len(made) == 5


def test_a_full_disk_costs_time_and_nothing_else(data: Any, made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keeping, "replace_bytes", full)
    assert count(data, made) == count(data, made)
    assert len(made) == 2


# ---- the subsidy explorer -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explorer() -> Any:
    return explore.subsidy(PROVINCE, restore=False)


def test_the_page_says_what_the_library_says(explorer: Any) -> None:
    explorer.reset()
    explorer.moves["device_class"]["handset"].value = 2.5
    explorer.moves["channel"]["social"].value = -1.0
    explorer.budget.value = 1_200_000
    moves = {"device_class": {"handset": 0.025}, "channel": {"social": -0.01}}
    ahead = subsidy.outlook(open_dataset(PROVINCE, "", ["sales.subsidy"]))
    inputs = ahead.within(explorer.budget.value)
    held, meant = subsidy.scenario(ahead, inputs, moves)
    said = claims.scenario.headline(explorer.voice, held, meant, inputs.budget)[0].text
    assert "预算" in said
    assert explorer.chosen_moves() == moves
    assert said in explorer.answer.now["parts"]["headline"]["html"]
    assert explorer._repr_mimebundle_()["text/plain"] == said
    for claim in (claims.scenario.breaches(explorer.voice, meant), claims.plan.returns(explorer.voice, meant.returns)):
        assert any(claim[0].text in part.get("html", "") for part in explorer.answer.then["parts"].values())
    chart = Drawing(charts.rates_today_and_proposed, lambda table, _: 1.2 + 0.27 * len(table)).frame(meant.by_group, ahead.returns(), lang="zh")
    shown = Frame(explorer.answer.now["parts"]["chart"]["png"], 0, 0, (0, 0, 0, 0))
    assert (np.abs(pixels(shown) - pixels(chart)).max(axis=2) > 40).mean() < 1e-4


def test_limits_of_the_controls_are_those_of_the_library(explorer: Any) -> None:
    explorer.reset()
    explorer.cap.value, explorer.floor.value, explorer.lifecycle.value, explorer.promises.value = 300.0, 80.0, False, False
    data = open_dataset(PROVINCE, "", ["sales.subsidy"])
    same = subsidy.outlook(data, cap_per_unit=300.0, mix_floor=0.8, keep_lifecycle=False, keep_promises=False)
    expected = subsidy.evaluate(same.within(), same.cells["rate"]).limits
    pd.testing.assert_frame_equal(explorer.tried().held.limits, expected)
    assert (expected["limit"] == "mix floor").any()


def test_optimise_shows_the_allocation_beside_the_sliders(explorer: Any) -> None:
    explorer.reset()
    explorer.moves["contract"]["plan"].value = 1.0
    assert explorer.answer.then["parts"]["best"]["html"] == ""
    explorer.optimise()
    best = explorer.ahead.best(explorer.limits().inputs.budget, checks=0)
    shown = explorer.answer.then["parts"]["best"]["html"]
    table = claims.scenario.compared_table(explorer.voice, {"best": subsidy.Tried(best.spend, subsidy.Scenario(explorer.ahead, best.plan), ())})
    assert table["customers_text"].iloc[0] in shown
    explorer.moves["contract"]["plan"].value = 2.0  # it stays while only rates move
    assert table["customers_text"].iloc[0] in explorer.answer.then["parts"]["best"]["html"]
    explorer.budget.value = 1_000_000  # under other limits it is no answer
    assert explorer.answer.then["parts"]["best"]["html"] == ""


def test_a_saved_scenario_is_what_notebook_05_runs_on(explorer: Any, root: Path) -> None:
    explorer.reset()
    explorer.moves["device_class"]["netbook"].value = -3.0
    explorer.budget.value = 1_250_000
    explorer.name.value = "少补上网本"
    explorer.save()
    folder = Workspace.find(root).scenarios
    path = scenarios.kept(folder)["少补上网本"]
    found = scenarios.read(path)
    plan = Notebook(root / "notebooks" / "05-subsidy-plan.ipynb")
    assert plan.checked(found) == found
    assert set(plan.parameters) - set(found) == {"target"}
    before = explorer.tried().held
    explorer.reset()
    assert explorer.chosen_moves() == {}
    explorer.opened.value = "少补上网本"
    assert explorer.state() == found
    assert explorer.tried().held.spend == before.spend
    assert explore.subsidy(PROVINCE, restore=True).state() == found
    explorer.reset()  # what is reset is left so, too
    assert explore.subsidy(PROVINCE, restore=True).chosen_moves() == {}


def test_a_scenario_that_these_sliders_cannot_say_is_refused_whole(explorer: Any) -> None:
    explorer.reset()
    before = explorer.state()
    wrong = {"budget": 9e9, "rate_base": "supply", "province": "火星", "keep_lifecycle": "maybe", "moves": {"device_class": {"handset": 0.2}, "model": {"x": 0.1}}}
    with pytest.raises(UsageError) as error:
        explorer.set_state(wrong)
    for word in ("9000000000.0", "supply", "火星", "maybe", "handset: 0.2", "model x"):
        assert word in str(error.value)
    with pytest.raises(UsageError, match="moves"):
        explorer.set_state({"moves": [1, 2]})
    assert explorer.state() == before


def test_whatever_goes_wrong_is_said_and_no_old_table_stays(explorer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer.reset()
    monkeypatch.setattr(type(explorer), "then", lambda _: {}["none"])
    explorer.moves["channel"]["own"].value = 1.0
    assert "程序内部错误：KeyError" in explorer.said.value
    assert explorer.answer.then["number"] == explorer.answer.now["number"]
    assert {part["html"] for part in explorer.answer.then["parts"].values()} == {""}
    monkeypatch.undo()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(scenarios, "save", full)
    explorer.moves["channel"]["own"].value = 0.5
    assert "文件读写失败：No space left on device" in explorer.said.value
    monkeypatch.undo()
    explorer.reset()
    assert "said breach" not in explorer.said.value


def test_a_page_says_why_it_cannot_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoData):
        explore.subsidy("<b>火星</b>")
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1/")
    shown = explore.subsidy("<b>火星</b>")._repr_mimebundle_()
    assert "火星" in shown["text/plain"] and "<b>" not in shown["text/html"]


def test_what_cannot_be_done_is_said_and_the_answer_stays(explorer: Any) -> None:
    explorer.reset()
    explorer.name.value = " "
    explorer._press(explorer.save)
    assert "情景还没有名字" in explorer.said.value
    shown = explorer.answer.now
    folder = Workspace.find().scenarios
    scenarios.save(folder, "坏", {"moves": {"device_class": {"tablet": 0.1}}})
    explorer.open("坏")
    assert "tablet" in explorer.said.value
    assert explorer.answer.now == shown
    with pytest.raises(NoData, match="火星"):
        explore.subsidy("火星")


def test_an_explorer_is_found_by_its_name(root: Path) -> None:
    workspace = Workspace(root)
    assert serving.find(workspace, "subsidy").name == "subsidy.ipynb"
    assert serving.find(workspace, "").name == "explore"
    with pytest.raises(UsageError, match="subsidy"):
        serving.find(workspace, "nothing")


# ---- the channel and target explorer --------------------------------------------------------------


@pytest.fixture(scope="module")
def by_channel() -> Any:
    return explore.channels("样例三区", restore=False)


def test_a_day_on_the_slider_is_that_day_in_the_library(by_channel: Any) -> None:
    by_channel.up()
    by_channel.day.value = "2013-12-15"
    period = Period.parse("2013-12-15")
    data = open_dataset("样例三区", "2013-12-15", ["sales"])
    table = channels.level(data.sales, period, "channel", 14)
    voice = Voice("zh", "样例三区", "2013-12-15")
    assert by_channel.plain() == claims.channels.level(voice, table, period, "channel")[0].text
    # the sums by day say what the sales say
    pd.testing.assert_frame_equal(by_channel.seen().table, table)
    own = data.targets[data.targets["branch"] == "样例三区"]
    reached = targets.progress(data.sales, own, period, data.thresholds, data.scopes)
    pd.testing.assert_frame_equal(by_channel.seen().reached, reached)
    early = reached["per_day"].iloc[0]
    by_channel.day.value = "2013-12-28"
    assert by_channel.seen().reached["per_day"].iloc[0] != early  # the run rate moves with the day


def test_a_click_on_a_bar_opens_its_outlets_and_up_leads_back(by_channel: Any) -> None:
    by_channel.up()
    places = by_channel.answer.now["parts"]["chart"]["places"]
    assert [place["key"] for place in places] == by_channel.seen().table["channel"].tolist()
    tops = [place["box"]["top"] for place in places]
    assert tops == sorted(tops) and all(place["box"]["left"] >= 0 and place["box"]["top"] + place["box"]["height"] <= 1 for place in places)
    by_channel._heard(None, {"part": "chart", "chosen": "social"}, [])
    found = by_channel.seen()
    assert (found.level, found.inside) == ("outlet", "social")
    sold = open_dataset("样例三区", "2013-12", ["sales"]).sales
    period = Period.parse(by_channel.day.value)
    own = sold[(sold["channel"] == "social") & sold["date"].between(pd.Timestamp(period.asof.replace(day=1)), pd.Timestamp(period.asof))]
    assert found.table["units_after"].sum() == own["units"].sum()
    by_channel.up()
    assert by_channel.seen().level == "channel"


def test_the_rest_of_many_outlets_is_one_row() -> None:
    sales = pd.DataFrame({"date": pd.to_datetime(["2013-02-03"] * 5 + ["2013-01-03"]), "outlet": list("abcdea"), "units": [5.0, 4, 3, 2, 1, 6]})
    table = channels.level(sales, Period.parse("2013-02"), "outlet", most=3)
    assert table["outlet"].tolist() == ["a", "b", ""]
    assert table["units_after"].tolist() == [5, 4, 6]
    assert table["share_after"].sum() == pytest.approx(1.0)
    assert channels.level(sales, Period.parse("2014-02"), "outlet").empty
    # before the first sale nothing is known, and the rest knows no more than the named
    assert table["growth_points"].isna().all() and table["units_before"].isna().all()
    known = pd.concat([sales, pd.DataFrame({"date": pd.to_datetime(["2013-01-01"]), "outlet": "e", "units": 0.0})])
    assert channels.level(known, Period.parse("2013-02"), "outlet", most=3)["growth_points"].sum() == pytest.approx(15 / (6 * 28 / 31) - 1)


@pytest.mark.parametrize("day", ["2010-02-10", "2010-02-28", "2010-02", "2010-03-30", "2010-03-31", "2010-03"])
def test_a_flat_pace_is_no_change_whatever_the_months_length(day: str) -> None:
    days = pd.date_range("2009-12-01", "2010-04-30")
    flat = pd.DataFrame({"date": days, "channel": "own", "grain": "day", "units": 10.0})
    period = Period.parse(day)
    table = channels.level(flat, period, "channel")
    assert table["units_before"].tolist() == table["units_after"].tolist() == [10.0 * period.asof.day]
    assert table["growth_points"].tolist() == [0.0]
    sums = pd.concat([flat[flat["date"] >= "2010-02-01"], pd.DataFrame({"date": pd.to_datetime(["2010-01-01"]), "channel": "own", "grain": "month", "units": 310.0})])
    if day.startswith("2010-02"):
        assert channels.level(sums, period, "channel")["growth_points"].tolist() == pytest.approx([0.0])


def test_a_scenario_that_breaks_a_limit_is_never_the_best(explorer: Any) -> None:
    ahead = explorer.ahead
    plan = ahead.best(checks=0)
    moves = {"device_class": {"handset": 0.10}}
    tried = subsidy.side_by_side(ahead, plan, moves)
    assert tried["scenario"].meant.customers.value > tried["best"].meant.customers.value
    assert tried["scenario"].broken == ("budget",)
    said = claims.scenario.compared(explorer.voice, tried, moves)[0].text
    assert "最多的是最优方案" in said and "突破预算" in said
    table = claims.scenario.compared_table(explorer.voice, tried).set_index("plan_kind")
    assert table.loc["scenario", "broken_text"] == "预算" and table.loc["best", "broken_text"] == "无"
    more = tried["scenario"].meant.customers.value - tried["today"].meant.customers.value
    assert table.loc["scenario", "net_per_more"] == pytest.approx((tried["scenario"].spend - tried["today"].spend) / more, abs=0.01)


def test_where_nobody_knows_who_is_valid_no_device_is_called_a_customer(explorer: Any) -> None:
    market = checked_cells(explorer.ahead.cells.assign(value=1.0, value_known=False), explorer.ahead.rate_max)
    ahead = dataclasses.replace(explorer.ahead, market=market)
    inputs = ahead.within()
    held, meant = subsidy.scenario(ahead, inputs, {"device_class": {"handset": 0.02}})
    said = claims.scenario.headline(explorer.voice, held, meant, inputs.budget)[0].text
    assert "有效客户" not in said and "是否有效未知" in said
    assert "有效客户" not in claims.scenario.compared(explorer.voice, {"scenario": subsidy.tried_as(held, meant)}, {})[0].text
    assert [check for check in claims.scenario.checks(explorer.voice, meant, {}) if check.name == "value_assumed"]


def test_moves_that_did_not_happen_are_told(explorer: Any) -> None:
    ahead = explorer.ahead
    moves = {"device_class": {"wireless_phone": 0.05}}  # at 95 % today, above the highest rate
    _, meant = subsidy.scenario(ahead, ahead.within(), moves)
    (told,) = (check for check in claims.scenario.checks(explorer.voice, meant, moves) if check.name == "held_back")
    assert f"{(ahead.cells['device_class'] == 'wireless_phone').sum():,}个组" in told.text


def test_every_branch_of_the_store_can_be_opened(by_channel: Any) -> None:
    for name in by_channel._units:
        by_channel.open(name)
        assert name in by_channel.plain()
        assert by_channel.said.value.count("breach") == 0
    state = by_channel.state()
    by_channel.open("样例三区")
    by_channel.set_state(state)
    assert by_channel.state() == state
    by_channel.set_state({"branch": "火星", "day": "2099-01-01", "level": "planet", "channel": "x"})
    assert by_channel.state() == state
    by_channel.open("样例三区")


def test_sales_without_outlets_say_so(by_channel: Any) -> None:
    by_channel.open("南区分公司")
    shown = by_channel.answer.now
    by_channel.level.value = "outlet"
    assert "没有网点" in by_channel.said.value
    assert by_channel.answer.now == shown
    by_channel.open("样例三区")


# ---- the campaign explorer ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def by_campaign() -> Any:
    return explore.campaigns("样例一区", restore=False)


def test_a_campaign_of_the_exports_is_what_notebook_04_compares(by_campaign: Any) -> None:
    data = open_dataset("样例一区", "", ["participation"])
    starts = campaigns.starts_of(data.campaigns)
    panel = campaigns.not_in_others(campaigns.month_rates(data.participation), data.campaigns)
    found = by_campaign.compared()
    assert found.starts == starts
    pd.testing.assert_frame_equal(found.effect, campaigns.did(panel, starts))
    assert by_campaign.plain() == claims.attribution.attribution(by_campaign.voice, found.effect, found.placebo)[0].text
    assert "活动使" in by_campaign.plain()
    smallest = campaigns.minimum_effect(campaigns.before_start(panel, starts), len(starts), by_campaign.follow.value)
    assert claims.attribution.smallest(by_campaign.voice, smallest)[0].text in by_campaign.answer.then["parts"]["before"]["html"]


def test_a_campaign_without_a_known_start_here_has_no_groups(by_campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told = by_campaign.state()
    rows = pd.DataFrame({"campaign": ["将来", "别处"], "branch": ["样例一区", "火星"], "start": pd.to_datetime(["2014-03-01", "2013-07-01"]), "end": pd.NaT, "offer": None})
    data = dataclasses.replace(by_campaign.data)
    data.__dict__["campaigns"] = rows
    monkeypatch.setattr(by_campaign, "data", data)
    with by_campaign.quiet():
        by_campaign.campaign.options = [(one, one) for one in ("", "将来", "别处", told["campaign"])]
    for name, word in (("将来", "2014-03"), ("别处", "没有参与率")):
        by_campaign.take(name)
        assert by_campaign.joined.value == ()
        assert word in by_campaign.said.value
        assert "还没有选择" in by_campaign.plain()
    monkeypatch.undo()
    by_campaign.take(told["campaign"])
    by_campaign.set_state(told)


def test_groups_window_and_start_move_the_comparison(by_campaign: Any) -> None:
    before = by_campaign.state()
    joined, others = by_campaign.joined.value, by_campaign.others.value
    by_campaign.others.value = others[:3]
    by_campaign.window.value = ("2013-01", "2013-10")
    found = by_campaign.compared()
    assert set(found.panel["branch"]) == {*joined, *others[:3]}
    assert (found.panel["month"].min(), found.panel["month"].max()) == ("2013-01", "2013-10")
    chosen = claims.attribution.exploring(by_campaign.voice)[0].text
    assert "活动使" not in by_campaign.plain() and chosen in by_campaign.answer.then["parts"]["checks"]["html"]
    by_campaign.start.value = "2013-05"
    assert set(by_campaign.compared().starts.values()) == {"2013-05"}
    by_campaign.joined.value = ()
    assert "还没有选择" in by_campaign.plain()
    by_campaign.joined.value = others[:1]
    assert "按参加算" in by_campaign.answer.then["parts"]["checks"]["html"]
    by_campaign.others.value = joined[:1]  # who joined is no comparison
    assert f"对照中的{joined[0]}参加过活动" in by_campaign.answer.then["parts"]["checks"]["html"]
    by_campaign.joined.value = by_campaign.others.value = ()
    assert "-1" not in by_campaign.answer.then["parts"]["before"]["html"]
    by_campaign.set_state(before)
    assert by_campaign.state() == before


def test_each_branch_moved_by_its_own_start() -> None:
    panel = pd.DataFrame({"branch": list("aaabbbccc"), "month": ["2013-01", "2013-02", "2013-03"] * 3, "rate": [0.1, 0.2, 0.3, 0.1, 0.1, 0.4, 0.2, 0.2, 0.2]})
    found = campaigns.moves_by_branch(panel, {"a": "2013-02", "b": "2013-03"}).set_index("branch")
    assert list(found["moved"].round(3).to_dict().items()) == [("b", 0.3), ("a", 0.15), ("c", 0.0)]
    down = campaigns.moves_by_branch(panel.assign(rate=-panel["rate"]), {"a": "2013-02", "b": "2013-03"})
    assert down["branch"].tolist() == ["b", "a", "c"]  # who fell furthest is not who moved least
    assert campaigns.moves_by_branch(panel, {}).empty


# ---- the QC explorer ------------------------------------------------------------------------------


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Any:
    shutil.copytree(root / "data" / "cases", tmp_path / "cases")
    monkeypatch.setenv("G3_CASES", str(tmp_path / "cases"))
    return explore.cases("demo-province", restore=False)


def test_verdicts_both_ways_are_those_of_the_tests(case: Any) -> None:
    story = case.story
    declared = story.case.table("tests")
    found, crude = case.tested()
    pd.testing.assert_frame_equal(found[["cause", "effect", "verdict"]], story.tested[["cause", "effect", "verdict"]])
    case.cause.value = "缺货频繁"
    words = dict(zip(found["cause"], crude, strict=True))
    assert words["缺货频繁"] == "rejected"
    # one cause's stratum left out, the others as declared
    one = causes.confirm(declared.assign(stratum=declared["stratum"].where(declared["cause"] != "缺货频繁")), story.case.data).set_index("cause")
    assert one.loc["缺货频繁", "verdict"] == "rejected"
    assert words["客群与主推机型不合"] == found.set_index("cause").loc["客群与主推机型不合", "verdict"]  # it has no stratum
    assert "“非要因”" in case.plain() and "按规模分层为“要因”" in case.plain()
    case.stratum.value = ""
    assert "按规模分层" not in case.plain()
    assert case.changes() == {"tests": {"缺货频繁": {"stratum": ""}}}


def test_run_rules_are_switched_on_and_off(case: Any) -> None:
    assert "点超出控制限" in case.answer.then["parts"]["series"]["html"]
    case.rules["nelson_1"].value = False
    assert "没有异常点" in case.answer.then["parts"]["series"]["html"]
    for box in case.rules.values():
        box.value = False
    assert case.series().location.signals == {}


def test_a_cause_is_moved_and_the_case_written_back_valid(case: Any, tmp_path: Path) -> None:
    file = tmp_path / "cases" / "demo-province" / "causes.csv"
    before = file.read_text(encoding="utf-8")
    case._dropped(None, {"moved": "缺货频繁", "onto": "环境"}, [])
    case.cause.value = "海报更换不及时"
    case.stratum.value = ""
    case._press(case.write)
    assert "已写回" in case.said.value
    after = file.read_text(encoding="utf-8")
    assert [line for line in after.split("\n") if line not in before.split("\n")] == ["缺货频繁,环境"]
    again = read_case(file.parent)
    assert dict(zip(again.table("causes")["cause"], again.table("causes")["effect"], strict=True))["缺货频繁"] == "环境"
    assert again.table("tests").set_index("cause").loc["海报更换不及时", "stratum"] is None or pd.isna(again.table("tests").set_index("cause").loc["海报更换不及时", "stratum"])
    assert case.changes() == {}
    case._press(case.write)
    assert "没有改动" in case.said.value


def test_looking_at_a_cause_changes_nothing(case: Any) -> None:
    for cause in case.cause.options:
        case.cause.value = cause
        assert case.changes() == {}
    # a stratum that is the cluster too is offered all the same
    own = case._declared("缺货频繁").copy()
    own["cluster"] = "规模"
    case._declared = lambda _: own
    case.cause.value = "店员未通过补贴政策考核"
    case.cause.value = "缺货频繁"
    assert case.stratum.value == "规模"
    assert case.changes() == {}


def test_what_the_tests_warn_of_is_on_the_page(case: Any) -> None:
    case.begin(restore=False)
    tested, _ = case.tested()
    warned = claims.verdicts.cautions(case.voice, tested)
    assert warned and all(check.text in case.answer.then["parts"]["checks"]["html"] for check in warned)
    name = tested["cause"].iloc[0]
    unlike = tested.assign(stratum="渠道", warnings=[("heterogeneous",)] * len(tested))
    said = claims.verdicts.both_ways(case.voice, name, unlike, tested["verdict"])[0]
    assert "各层的作用不一致" in said.text


def test_a_series_read_by_some_rules_is_not_called_stable(case: Any) -> None:
    case.begin(restore=False)
    for box in case.rules.values():
        box.value = False
    assert "没有选用判异规则" in case.answer.then["parts"]["series"]["html"]
    case.rules["nelson_2"].value = True
    said = case.answer.then["parts"]["series"]["html"]
    assert "选用的1条规则下没有异常点" in said and "不能据此说过程稳定" in said
    for box in case.rules.values():
        box.value = True
    assert "点超出控制限" in case.answer.then["parts"]["series"]["html"]


def test_a_state_is_set_whatever_was_set_before(case: Any) -> None:
    case.begin(restore=False)
    before = case.state()
    case.move("缺货频繁", "环境")
    case.stratum.value = case.stratum.options[-1][1]
    assert case.changes()
    case.set_state(before)
    assert (case.changes(), case.state()) == ({}, before)


def test_a_case_that_is_left_is_found_as_it_was_left(case: Any, tmp_path: Path) -> None:
    case.begin(restore=False)
    case.move("缺货频繁", "环境")
    case.rules["nelson_1"].value = False
    case.case.value = "nanqu-2010"
    assert case.rules["nelson_1"].value
    case.case.value = "demo-province"
    assert case.changes() == {"causes": {"缺货频繁": {"effect": "环境"}}}
    assert not case.rules["nelson_1"].value
    (tmp_path / "cases" / "nanqu-2010" / "case.yaml").write_text("[", encoding="utf-8")
    case.case.value = "nanqu-2010"
    assert "fault" in case.said.value
    assert case.case.value == "demo-province" == case.story.case.name
    case.undo()
    assert case.changes() == {}


def test_a_write_that_fails_half_way_leaves_both_files_as_they_were(case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cases" / "demo-province"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    case.move("缺货频繁", "环境")
    case.cause.value = "海报更换不及时"
    case.stratum.value = ""

    def second_fails(path: Path, content: bytes, real: Any = writing.replace_bytes) -> None:
        if path.name == "tests.csv" and content != before["tests.csv"]:
            raise OSError(13, "Permission denied", str(path))
        real(path, content)

    monkeypatch.setattr(writing, "replace_bytes", second_fails)
    case._press(case.write)
    assert "nothing was" in case.said.value
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_move_that_cannot_be_is_refused_and_nothing_is_written(case: Any, tmp_path: Path) -> None:
    folder = tmp_path / "cases" / "demo-province"
    case._dropped(None, {"moved": "人员", "onto": "不会讲补贴政策"}, [])
    assert "cycle" in case.said.value
    case._dropped(None, {"moved": "没有的原因", "onto": "人员"}, [])
    assert "不在原因表中" in case.said.value
    assert case.changes() == {}
    case.move("缺货频繁", "环境")
    (folder / "causes.csv").write_text((folder / "causes.csv").read_text(encoding="utf-8") + "新原因,环境\n", encoding="utf-8")
    case._press(case.write)
    assert "has changed since" in case.said.value
    assert "缺货频繁,环境" not in (folder / "causes.csv").read_text(encoding="utf-8")
    case.undo()
    assert "新原因" in {row["name"] for row in case.table.rows}
    with pytest.raises(DataError):  # what is written is read as a whole first
        write_back(case.story.case, {"tests": {"缺货频繁": {"measure": "没有的列"}}})
    assert read_case(folder)


def test_a_case_without_tests_has_nothing_to_compare(case: Any) -> None:
    case.move("缺货频繁", "环境")
    kept = case.state()
    case.open("nanqu-2010")
    assert "没有声明" in case.plain()
    case.open("demo-province")
    case.set_state(kept)
    assert case.changes() == kept["changes"]


# ---- the data explorer ----------------------------------------------------------------------------


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Any:
    monkeypatch.setenv("G3_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("G3_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("G3_HEADINGS", str(tmp_path / "headings.csv"))
    monkeypatch.chdir(root)
    return explore.data()


def upload(explorer: Any, name: str, text: str) -> None:
    content = text.encode()
    middle = len(content) // 2
    for number, piece in enumerate((content[:middle], content[middle:])):
        explorer._dropped(None, {"name": name, "number": number, "pieces": 2}, [memoryview(piece)])


BAD = "日期,分公司,渠道,台数,客户号码,出货点编码\n2013-01-05,甲区,自营,3,13800138000,A1\n2013-13-05,甲区,自营,3,13900139000,A1\n2013-01-06,甲区,天猫,x,13700137000,A2\n"


def test_faults_stand_beside_the_rows_and_no_number_is_shown(looked: Any) -> None:
    upload(looked, "../坏.csv", BAD)
    assert looked.plain() == "坏.csv是“销售”：3条记录，1条可装载，2条退回。"
    parts = looked.answer.then["parts"]
    for word in ("2013-13-05", "a day that exists", "天猫", "该行退回"):
        assert word in parts["faults"]["html"]
    assert "2013-01-06 | 甲区 | 天猫 | x" in parts["rejected"]["html"]
    every = "".join(part["html"] for part in parts.values())
    assert not re.search(r"1[3-9]\d{9}", every)
    assert not (looked.workspace.store_root / "manifest.json").exists()  # nothing is loaded by looking


def test_an_unknown_heading_is_named_kept_and_loaded(looked: Any) -> None:
    upload(looked, "坏.csv", BAD)
    assert looked.unknown.value == "出货点编码"
    looked._press(looked.learn)
    assert "先选" in looked.said.value
    looked.column.value = "outlet"
    looked._press(looked.learn)
    assert "已记住" in looked.said.value and looked.unknown.options == ()
    looked._press(looked.load)
    assert "装载1行为“销售”，退回2行" in looked.said.value
    assert not list(Path(looked._scratch.name).iterdir())  # an upload stays no longer than it is looked at
    assert Store(looked.workspace.store_root).read("sales", ["甲区"])["outlet"].tolist() == ["A1"]
    with pytest.raises(UsageError, match="already means outlet"):
        headings.learn("出货点编码", "branch")
    with pytest.raises(UsageError, match="no column"):
        headings.learn("新", "planet")


def test_a_file_that_nobody_understands_can_be_named_word_by_word(looked: Any) -> None:
    upload(looked, "异.csv", "哪天,谁,卖了几台,从哪\n2013-01-05,甲区,3,自营\n")
    assert "没有被读懂" in looked.plain()
    assert looked.unknown.options == ("哪天", "谁", "卖了几台", "从哪")
    for word, column in (("哪天", "date"), ("谁", "branch"), ("卖了几台", "units"), ("从哪", "channel")):
        looked.unknown.value, looked.column.value = word, column
        looked._press(looked.learn)
    assert looked.plain() == "异.csv是“销售”：1条记录，1条可装载，0条退回。"
    upload(looked, "图.png", "x")
    assert "不是可读的文件" in looked.said.value
    looked._press(looked.load)
    assert "还没有文件" in looked.said.value  # what cannot be looked at leaves nothing to be loaded
    upload(looked, "..", "x")
    assert "没有名字" in looked.said.value
    looked.typed.value = "data/sources/nowhere.csv"
    assert "不是可读的文件" in looked.said.value


def test_own_headings_that_do_not_stand_are_all_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.csv"
    path.write_text("column,heading\nplanet,星球\nmoon,月亮\nunits,几台\n", encoding="utf-8")
    monkeypatch.setenv("G3_HEADINGS", str(path))
    with pytest.raises(UsageError, match=r"(?s)星球.*月亮"):
        headings.own()
    path.write_text("column,heading\nunits,几台\n", encoding="utf-8")
    assert headings.own() == {"几台": "units"}
    headings.learn("@渠道点", "outlet")
    assert headings.own()["@渠道点"] == "outlet"


# ---- the kernel that waits for its page -------------------------------------------------------------


def test_a_page_whose_kernel_cannot_be_started_ends(tmp_path: Path) -> None:
    from g3lib.explore.kernels import ReadyKernels

    class Full(ReadyKernels):
        async def _start(self, **_asked: Any) -> Any:
            raise OSError(12, "Cannot allocate memory")

    async def sent(kernels: Any, heard: list[str]) -> None:
        kernels.log.addHandler(handler := Listener(heard))
        kernels.promise()
        kernels.get_kernel(await kernels.start_kernel(kernel_name=kernels.default_kernel_name, path="", env={}))
        try:
            await asyncio.sleep(10)  # as Voilà waits for what the page will be
        finally:
            kernels.log.removeHandler(handler)

    class Listener(logging.Handler):
        def __init__(self, heard: list[str]) -> None:
            super().__init__()
            self.heard = heard

        def emit(self, record: logging.LogRecord) -> None:
            self.heard.append(record.getMessage())

    async def course() -> None:
        heard: list[str] = []
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(sent(Full(connection_dir=str(tmp_path)), heard))
        assert any("could not be started: [Errno 12] Cannot allocate memory" in line for line in heard)

    asyncio.run(course())


@pytest.fixture
def rehearsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The channel explorer, opened for whoever asks for it next; nobody has left it anywhere."""
    monkeypatch.setenv("G3_SCENARIOS", str(tmp_path))
    from g3lib.explore import rehearsing

    rehearsing.rehearse(explore.opener("channels"))
    yield rehearsing._waiting[0].explorer
    rehearsing._waiting.clear()


def test_what_was_rehearsed_is_the_next_page_that_asks_for_it(rehearsed: Any) -> None:
    assert explore.channels() is rehearsed
    assert rehearsed.answer.now["number"] == 1  # nothing was drawn twice
    assert explore.channels() is not rehearsed  # a page is one visitor's


def test_what_was_rehearsed_goes_where_its_explorer_was_left_since(rehearsed: Any) -> None:
    left = explore.opener("channels")(restore=False)  # in another kernel
    channel = left.inside.options[-1][1]
    left.inside.value = channel
    assert rehearsed.inside.value == ""
    assert (explore.channels(), rehearsed.inside.value) == (rehearsed, channel)
    assert rehearsed.answer.now["number"] == 2
    left.inside.value = ""


@pytest.mark.parametrize("call", [lambda: explore.channels(lang="en"), lambda: explore.data(), lambda: explore.channels("样例三区")])
def test_what_was_rehearsed_for_another_question_is_closed(rehearsed: Any, call: Any) -> None:
    own = ipywidgets.IntSlider()
    assert call() is not rehearsed
    assert rehearsed.answer.comm is None  # no browser is told of it
    assert own.comm is not None


@pytest.mark.parametrize("changed", ["store/manifest.json", "headings.csv", "scenarios/x.yaml", "cases/a/causes.csv", "notes/b.csv"])
def test_what_was_rehearsed_is_of_files_that_have_not_changed_since(
    changed: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from g3lib.explore import rehearsing

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "data" / "notes").mkdir(parents=True)
    shutil.copytree(Workspace.find(root).store_root, tmp_path / "data" / "store", copy_function=os.link)
    places = {"G3_STORE": "store", "G3_SCENARIOS": "scenarios", "G3_CASES": "cases", "G3_HEADINGS": "headings.csv"}
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / "data" / place))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "data" / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else b"heading,column\n"
    for content in (before, before + b" \n"):
        path.unlink(missing_ok=True)  # the store's is another's too
        path.write_bytes(content)
        if content == before:
            rehearsing.rehearse(explore.opener("channels"))
            (rehearsed,) = rehearsing._waiting
    assert explore.channels() is not rehearsed.explorer


def test_nothing_is_loaded_for_a_rehearsal_and_no_fault_of_it_ends_a_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from g3lib.explore import rehearsing

    def broken() -> Any:
        made.append(ipywidgets.IntSlider())
        raise KeyError("x")

    made: list[ipywidgets.IntSlider] = []
    rehearsing.rehearse(broken)
    assert "KeyError: 'x'" in caplog.text
    assert made[0].comm is None
    monkeypatch.setenv("G3_STORE", str(tmp_path / "none"))
    rehearsing.rehearse(explore.opener("channels"))
    assert not (tmp_path / "none").exists()
    assert rehearsing._waiting == []


@pytest.mark.parametrize("name", ["subsidy", "channels", "campaigns", "cases", "data"])
def test_every_fault_of_an_address_is_said_in_its_language(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://x")
    monkeypatch.setenv("QUERY_STRING", "token=1&lang=fr&foo=1&budget=x")
    refused = getattr(explore, name)()
    assert isinstance(refused, explore.Refused)
    said = str(refused.error)
    assert all(word in said for word in ("参数有误", "foo", "budget", "lang=fr: zh, en")) and "token" not in said
    monkeypatch.setenv("QUERY_STRING", "lang=en&foo=1")
    assert "foo: no parameter of this page" in str(getattr(explore, name)().error)


def test_only_scripts_are_named_in_a_pages_head() -> None:
    seen: set[str] = set()
    note = serving._noting(seen)
    named = "/voila/labextensions/@jupyter-widgets/jupyterlab-manager/static/7.2a0.js?v=2a0"
    for uri in (named, '/voila/static/143.voila.js?"><script>x</script>', "/voila/static/1.voila.js?v=x", "/voila/static/../x.js"):
        note(SimpleNamespace(get_status=lambda: 200, request=SimpleNamespace(uri=uri)))
    assert seen == {named}
    for number in range(1000):
        note(SimpleNamespace(get_status=lambda: 200, request=SimpleNamespace(uri=f"/voila/static/{number}.voila.js")))
    assert len(seen) == serving._PARTS


def test_a_page_about_a_branch_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from g3lib.explore import rehearsing

    explore.channels(restore=False).branch.value = "样例三区"  # where it was left
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://x/voila/render/channels.ipynb?branch=样例二区")
    monkeypatch.setenv("QUERY_STRING", "branch=样例二区")
    rehearsing.rehearse(explore.opener("channels"))
    (rehearsed,) = rehearsing._waiting
    assert explore.channels() is rehearsed.explorer
    assert rehearsed.explorer.branch.value == "样例二区"
    monkeypatch.setenv("QUERY_STRING", "")
    assert explore.channels().branch.value == "样例三区"


def test_a_page_gets_the_kernel_that_is_ready_with_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from g3lib.explore.kernels import ReadyKernels

    class Asked(StrEnum):  # as Voilà names the variables
        QUERY = "QUERY_STRING"

    async def said(kernels: Any, kernel_id: str, code: str) -> str:
        client, heard = kernels.get_kernel(kernel_id).client(), io.StringIO()
        client.start_channels()
        await client.wait_for_ready(timeout=30)
        await client.execute_interactive(code, timeout=30, output_hook=lambda m: heard.write(m["content"].get("text", "")))
        client.stop_channels()
        return heard.getvalue().strip()

    async def ready(kernels: Any) -> str:
        while kernels._waiting is None:
            await asyncio.sleep(0.05)
        await kernels._waiting.client
        return kernels._waiting.kernel_id

    async def page(kernels: Any, **more: str) -> str:
        asked = {"kernel_name": kernels.default_kernel_name, "path": "", "env": os.environ | {Asked.QUERY: "lang=en"}} | more
        promised = kernels.promise()
        given = await kernels.start_kernel(**asked)
        assert given == promised
        kernel = kernels.get_kernel(given)  # on its way
        assert await kernel is kernels.get_kernel(given)
        return given

    async def course() -> None:
        kernels = ReadyKernels(connection_dir=str(tmp_path))
        kernels._name = "data"  # nothing is calculated for it
        kernels.cull_idle_timeout = 1
        first = await ready(kernels)
        await asyncio.sleep(1.1)
        await kernels.cull_kernel_if_idle(first)
        assert await page(kernels) == first
        # it knows of its page, and what it had rehearsed was asked for otherwise
        asks = (
            "import os, ipywidgets; from g3lib.explore import rehearsing, data; print(len(rehearsing._waiting));"
            "print(os.environ['QUERY_STRING'], data('en').voice.lang, len(rehearsing._waiting))"
        )
        assert await said(kernels, first, asks) == "1\nlang=en en 0"
        kernels.prepare()
        dead = await ready(kernels)
        await kernels.get_kernel(dead).shutdown_kernel(now=True)
        assert await page(kernels) == dead  # its number was in the page already: it is another kernel's now
        assert await said(kernels, dead, "import os; print(os.environ['QUERY_STRING'])") == "lang=en"
        kernels.prepare()
        unheard = await ready(kernels)
        kernels.promise()  # to a page that never takes it up: it goes as any that nobody is connected to
        assert await page(kernels) not in (first, dead, unheard)  # none waited
        kernels.prepare()
        other = await page(kernels, kernel_name="python3", path="explore")  # another folder's: not the one that waited
        assert await said(kernels, other, "from g3lib.explore import rehearsing; print(len(rehearsing._waiting))") == "0"
        await asyncio.sleep(1.1)
        await kernels.cull_kernel_if_idle(first)  # its page never came
        assert first not in kernels
        await kernels.shutdown_all(now=True)
        kernels.prepare()
        assert (kernels.list_kernels(), list(tmp_path.iterdir())) == ([], [])

    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "g3-warm")
    asyncio.run(course())

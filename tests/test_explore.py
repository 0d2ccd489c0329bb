"""Explorers without a browser: their numbers are the library's, what they keep is found again, a chart drawn again is the chart."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from g3lib import charts, claims, explore, subsidy
from g3lib.errors import NoData, UsageError
from g3lib.explore import keeping, serving
from g3lib.report.charts.drawing import Drawing, Frame
from g3lib.runs.notebooks import Notebook
from g3lib.tables import scenarios
from g3lib.tables.coverage import open_dataset
from g3lib.tables.workspace import Workspace

PROVINCE = "样例省（虚构）"


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


def count(data: Any, made: list[int], name: str = "counted", **settings: Any) -> int:
    def make() -> int:
        made.append(len(data.sales))
        return len(data.sales)

    return keeping.kept(data, name, settings, make)


def test_what_was_made_is_found_until_something_changes(data: Any, made: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    first = count(data, made)
    fresh = open_dataset(PROVINCE, "", ["sales.subsidy"])
    assert count(fresh, made) == first
    assert len(made) == 1
    assert fresh.sources == data.sources  # what it rests on is named though nothing was read
    count(open_dataset(PROVINCE, "2013-11", ["sales.subsidy"]), made)
    count(data, made, months=2)
    assert len(made) == 3
    monkeypatch.setattr(keeping, "library_digest", lambda: "another")
    count(data, made)
    monkeypatch.setattr(type(data), "digest", lambda *_: "other exports")
    count(data, made)
    assert len(made) == 5


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
    table = claims.scenario.compared_table(explorer.voice, {"best": (best.spend, subsidy.Scenario(explorer.ahead, best.plan))})
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
    explorer.keep()
    assert explore.subsidy(PROVINCE, restore=True).state() == found
    explorer.reset()
    explorer.keep()
    assert explore.subsidy(PROVINCE, restore=True).chosen_moves() == {}


def test_what_cannot_be_done_is_said_and_the_answer_stays(explorer: Any) -> None:
    explorer.reset()
    explorer.name.value = " "
    explorer._press(explorer.save)
    assert "A scenario needs a name" in explorer.said.value
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

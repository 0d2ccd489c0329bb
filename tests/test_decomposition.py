"""Decompositions add up exactly, whatever the order of rows and whichever cells are absent; and agree with print."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError
from g3lib.measures import channels

PUBLISHED = Path(__file__).parent / "published"
CHANNELS, CLASSES = ("own", "social", "end", "direct"), ("handset", "netbook")

# any cells may be absent on either side, and a cell may have several rows; each branch is a case of its own, so that a few
# hundred provinces of six are more cases than a thousand of two, in a third of the time
cells = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(CHANNELS), st.sampled_from(CLASSES), st.integers(0, 10**6), st.floats(0, 1)),
    max_size=48,
)


def side(drawn: list) -> pd.DataFrame:
    frame = pd.DataFrame(drawn, columns=["branch", "channel", "device_class", "units", "part"])
    frame["units"] = frame["units"].astype(float)
    return frame.assign(valid=(frame["units"] * frame["part"]).round(), subsidy_yuan=(frame["units"] * frame["part"] * 700).round(2))


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    return frame.sample(frac=1, random_state=seed)


def close(parts: float, whole: float, scale: float) -> bool:
    return abs(parts - whole) <= 1e-9 * max(1.0, scale)


@settings(max_examples=350)
@given(cells, cells, st.integers(0, 99))
def test_mix_and_rate_add_up_to_the_change_of_the_rate(old: list, new: list, seed: int) -> None:
    before, after = side(old), side(new)
    found = channels.mix_and_rate(before, after, by=["channel", "device_class"], within=["branch"])
    rates = [{b: v / u if u else None for b, u, v in frame.groupby("branch", as_index=False)[["units", "valid"]].sum().to_numpy()}
             for frame in (before, after)]  # fmt: skip
    for branch, mix, rate in found[["branch", "mix_points", "rate_points"]].groupby("branch").agg(list).itertuples():
        old_rate, new_rate = (side_rates.get(branch) for side_rates in rates)
        if old_rate is None or new_rate is None:
            assert np.isnan(mix).all()  # a side without any unit has no rate
        else:
            assert close(sum(mix) + sum(rate), new_rate - old_rate, 1)
    again = channels.mix_and_rate(shuffled(before, seed), shuffled(after, seed + 1), by=["channel", "device_class"], within=["branch"])
    pd.testing.assert_frame_equal(found, again, check_exact=True)


@settings(max_examples=350)
@given(cells, cells, st.integers(0, 99))
def test_price_volume_and_mix_add_up_in_each_cell(old: list, new: list, seed: int) -> None:
    before, after = side(old), side(new)
    found = channels.price_volume_mix(before, after, within=["branch"])
    parts = found[["volume_yuan", "mix_yuan", "price_yuan"]].sum(axis=1)
    scale = float(found[["yuan_before", "yuan_after"]].to_numpy().max(initial=0))
    assert np.allclose(parts, found["yuan_after"] - found["yuan_before"], rtol=0, atol=1e-9 * max(1.0, scale))
    assert close(found["yuan_after"].sum(), after["subsidy_yuan"].sum(), scale)
    again = channels.price_volume_mix(shuffled(before, seed), shuffled(after, seed), within=["branch"])
    pd.testing.assert_frame_equal(found, again, check_exact=True)


@settings(max_examples=350)
@given(cells, cells, st.integers(0, 99))
def test_shift_and_share_add_up_to_the_change_of_each_branch(old: list, new: list, seed: int) -> None:
    units = pd.concat([side(old).assign(month="a"), side(new).assign(month="b")], ignore_index=True)
    area = units.drop(columns="branch")
    found = channels.shift_share(units, area, "a", "b", within=["branch"])
    if not {"a", "b"} <= set(units["month"]):
        assert found.empty
        return
    sums = found.groupby("branch")[["change", "province", "structure", "own_growth"]].sum()
    own = units.assign(units=units["units"].where(units["month"] == "b", -units["units"])).groupby("branch")["units"].sum()
    assert sums["change"].to_dict() == own.loc[sums.index].to_dict()
    parts = sums["province"] + sums["structure"] + sums["own_growth"]
    assert all(close(part, whole, 1e6) for part, whole in zip(parts, sums["change"], strict=True))
    # over all branches of the province nobody grew better than the province
    if (units.loc[units["month"] == "a"].groupby("channel")["units"].sum() > 0).all():
        total = found[["province", "structure", "own_growth"]].sum()
        known = units["channel"].isin(units.loc[units["month"] == "a", "channel"])
        assert close(total["own_growth"], units.loc[(units["month"] == "b") & ~known, "units"].sum(), 1e7)
    again = channels.shift_share(shuffled(units, seed), shuffled(area, seed + 1), "a", "b", within=["branch"])
    pd.testing.assert_frame_equal(found, again, check_exact=True)


factors = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.floats(0, 100), min_size=2 * k, max_size=2 * k), min_size=1, max_size=5)
)


@settings(max_examples=1000)
@given(factors)
def test_effects_of_any_number_of_factors_add_up(drawn: list[list[float]]) -> None:
    table = np.array(drawn).T
    k = len(table) // 2
    effects = channels.shapley(list(table[:k]), list(table[k:]))
    change = np.prod(table[k:], axis=0) - np.prod(table[:k], axis=0)
    assert np.allclose(sum(effects), change, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(table).max() ** k))


def test_an_effect_is_the_mean_over_all_orders_of_change() -> None:
    before, after = [np.array([2.0]), np.array([3.0]), np.array([5.0])], [np.array([7.0]), np.array([4.0]), np.array([1.0])]
    told = [float(e[0]) for e in channels.shapley(before, after)]
    by_order = np.zeros(3)
    for order in permutations(range(3)):
        now = [b.copy() for b in before]
        for i in order:
            start = np.prod([n[0] for n in now])
            now[i] = after[i]
            by_order[i] += (np.prod([n[0] for n in now]) - start) / 6
    assert told == pytest.approx(by_order.tolist())


BERKELEY = {  # Bickel, Hammel and O'Connell (1975): applicants and admitted of the six largest departments, men and women
    "A": (825, 512, 108, 89), "B": (560, 353, 25, 17), "C": (325, 120, 593, 202), "D": (417, 138, 375, 131), "E": (191, 53, 393, 94),
    "F": (373, 22, 341, 24),
}  # fmt: skip


def test_berkeley_1973_women_applied_elsewhere() -> None:
    men, women = (pd.DataFrame({"department": list(BERKELEY), "units": [v[i] for v in BERKELEY.values()],
                                "valid": [v[i + 1] for v in BERKELEY.values()]}) for i in (0, 2))  # fmt: skip
    found = channels.mix_and_rate(men, women, by=["department"])
    assert (found["size_before"].sum(), found["size_after"].sum()) == (2691, 1835)
    # 44.5 % of men and 30.4 % of women were admitted: all of the gap and more is where they applied
    mix, rate = found["mix_points"].sum(), found["rate_points"].sum()
    assert mix + rate == pytest.approx(557 / 1835 - 1198 / 2691, abs=1e-12)
    shares = [np.array([v[i] for v in BERKELEY.values()]) / n for i, n in ((0, 2691), (2, 1835))]
    rates = [np.array([v[i + 1] / v[i] for v in BERKELEY.values()]) for i in (0, 2)]
    assert rate == pytest.approx(((shares[0] + shares[1]) / 2 * (rates[1] - rates[0])).sum())
    assert rate > 0 > mix
    assert round(100 * rate, 1) == 3.6
    assert round(100 * mix, 1) == -17.8


DAS_GUPTA = json.loads((PUBLISHED / "das-gupta-1993.json").read_text(encoding="utf-8"))["examples"]


@pytest.mark.parametrize("case", DAS_GUPTA, ids=[c["example"] for c in DAS_GUPTA])
def test_das_guptas_printed_examples(case: dict) -> None:
    names = list(case["factors"])
    scale = {"sum(size/100*rate)": 100.0}.get(case["rate"])
    sides = []
    for i in (0, 1):
        columns = {name: np.atleast_1d(np.array(case["factors"][name][i], dtype=float)) for name in names}
        if "size" in columns:
            columns["size"] = columns["size"] / (scale or columns["size"].sum())
        sides.append(pd.DataFrame(columns).assign(cell=lambda f: range(len(f))))
    found = channels.factor_effects(sides[0], sides[1], ["cell"], names)
    for name in names:
        effect, printed = found[f"effect_{name}"].sum(), case["effects"][name]
        assert effect == pytest.approx(printed, abs=max(6e-5, 2e-6 * abs(printed)), rel=1e-5), name
    assert found["after"].sum() - found["before"].sum() == pytest.approx(case["effects"]["crude"], rel=1e-5, abs=6e-5)


def test_totals_among_the_cells_are_refused_and_all_named() -> None:
    parts = pd.DataFrame({"channel": ["own", "合计", "小计"], "units": [1.0, 2, 3], "valid": [1.0, 1, 1], "subsidy_yuan": 0.0})
    for call in (
        lambda: channels.mix_and_rate(parts, parts), lambda: channels.contribution_share(parts),
        lambda: channels.price_volume_mix(parts, parts, by=["channel"]),
        lambda: channels.factor_effects(parts, parts, ["channel"], ["units"]),
    ):  # fmt: skip
        with pytest.raises(DataError, match=r"(?s)channel: 合计.*channel: 小计"):
            call()


def test_a_cell_given_twice_is_named() -> None:
    twice = pd.DataFrame({"channel": ["own", "own"], "units": [1.0, 2], "rate": [0.1, 0.2]})
    with pytest.raises(DataError, match="own"):
        channels.factor_effects(twice, twice, ["channel"], ["units", "rate"])


def test_one_month_has_no_change_to_decompose() -> None:
    one = pd.DataFrame({"month": ["a"], "channel": ["own"], "units": [5.0]})
    assert channels.shift_share(one, one, "a", "b").empty
    assert channels.change_of_share(one, "z", "a").empty


def test_one_branch_alone_has_no_province_to_be_held_against() -> None:
    units = pd.DataFrame({"month": ["a", "b"], "channel": ["own", "own"], "units": [5.0, 9]})
    assert channels.shift_share(units, units.assign(branch="x"), "a", "b").empty
    assert len(channels.shift_share(units, pd.concat([units.assign(branch="x"), units.assign(branch="y")]), "a", "b")) == 1


def test_an_absent_channel_counts_as_mix() -> None:
    old = pd.DataFrame({"channel": ["own", "end"], "units": [60.0, 40], "valid": [54.0, 20]})
    new = pd.DataFrame({"channel": ["own"], "units": [60.0], "valid": [54.0]})
    found = channels.mix_and_rate(old, new).set_index("channel")
    assert found["rate_points"].abs().max() == 0
    assert found["mix_points"].sum() == pytest.approx(0.9 - 0.74)


def test_a_cost_is_of_the_units_whose_subsidy_is_known() -> None:
    sales = pd.DataFrame({"units": [3, 1, 0], "subsidy": [100.0, None, 50.0]})
    assert channels.known_share(sales) == 0.75
    assert channels.with_yuan(sales)["subsidy_yuan"].tolist() == [300.0, 0.0]
    assert np.isnan(channels.known_share(sales[2:])), "nothing was sold: no part of it is known or unknown"
    assert channels.known_share(sales[1:2]) == 0


def test_the_inputs_are_not_changed() -> None:
    frame = side([("a", "own", "handset", 5, 0.5), ("b", "end", "netbook", 7, 0.1)])
    copy = frame.copy()
    channels.mix_and_rate(frame, frame)
    channels.price_volume_mix(frame, frame)
    pd.testing.assert_frame_equal(frame, copy)

"""Targets laid out over branches and channels, and the province's lines of red, amber and green."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError
from g3lib.findings import Status
from g3lib.measures import targets

NAN = float("nan")
cells = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["own", "end"]), st.sampled_from(["handset", "netbook", "wireless_phone"]),
                           st.integers(0, 1000)), min_size=1, max_size=20)  # fmt: skip


def basis(drawn: list) -> pd.DataFrame:
    return pd.DataFrame(drawn, columns=["branch", "channel", "device_class", "units"])


@settings(max_examples=300)
@given(cells, st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_parts_sum_exactly_at_every_level_in_every_order(drawn: list, total: int, random) -> None:
    found = targets.cascade(total, basis(drawn))
    assert found["target"].sum() == total
    assert (found["target"] == found["target"].round()).all()
    assert (found["target"] >= 0).all()
    mixed = list(drawn)
    random.shuffle(mixed)
    pd.testing.assert_frame_equal(found, targets.cascade(total, basis(mixed)))
    # no part is a whole unit away from its exact share
    if sum(units for *_, units in drawn):
        exact = found["units"] / found["units"].sum() * total
        assert (found["target"] - exact).abs().max() < 1


@settings(max_examples=300)
@given(cells, st.integers(0, 10**5), st.floats(0, 1))
def test_the_mix_floor_is_kept_never_nearly_kept(drawn: list, total: int, floor: float) -> None:
    rows = basis(drawn)
    inside = rows["device_class"].isin(["handset", "wireless_phone"])
    classes = ["handset", "wireless_phone"]
    if not inside.any():
        with pytest.raises(DataError, match="which no cell has"):
            targets.cascade(total, rows, floor=(classes, floor))
        return
    found = targets.cascade(total, rows, floor=(classes, floor))
    assert found["target"].sum() == total
    if inside.all() or rows.loc[~inside, "units"].sum() or rows["units"].sum() == 0:
        kept = found.loc[found["device_class"].isin(classes), "target"].sum()
        assert kept >= floor * total - 1e-9


def test_a_masked_target_is_unknown_and_a_masked_floor_is_said() -> None:
    rows = basis([("a", "own", "handset", 5), ("b", "own", "netbook", 5)])
    masked = targets.cascade(NAN, rows)
    assert masked["target"].isna().all()
    assert set(masked["split"]) == {"masked"}
    unknown = targets.cascade(10, rows, floor=(["handset"], NAN))
    assert unknown["target"].tolist() == [5, 5]
    assert set(unknown["split"]) == {"floor_unknown"}
    raised = targets.cascade(10, rows, floor=(["handset"], 0.75))
    assert raised["target"].tolist() == [8, 2]
    assert set(raised["split"]) == {"floor_raised"}


def test_a_target_of_zero_gives_zeros_and_growth_weighs() -> None:
    rows = basis([("a", "own", "handset", 5), ("b", "own", "handset", 5)])
    assert targets.cascade(0, rows)["target"].tolist() == [0, 0]
    assert targets.cascade(30, rows.assign(ask=[2.0, 1.0]), growth="ask")["target"].tolist() == [20, 10]


def test_every_fault_of_a_split_is_listed() -> None:
    rows = basis([("a", "own", "handset", -5)])
    with pytest.raises(DataError, match=r"(?s)-5 units.*a target of 10.5.*a floor of 1.5"):
        targets.cascade(10.5, rows, floor=(["handset"], 1.5))
    with pytest.raises(DataError, match="合计"):
        targets.cascade(10, basis([("合计", "own", "handset", 5)]))


# ---- red, amber, green ------------------------------------------------------------------------------------------


def lines(*rows: tuple[str, str, float | None, float | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["scope", "direction", "green", "red", "valid_from"]).assign(indicator="progress_index")
    return frame.assign(valid_from=pd.to_datetime(frame["valid_from"]), green=frame["green"].astype(float), red=frame["red"].astype(float))


def test_the_branchs_own_line_goes_before_the_provinces_and_the_later_before_the_earlier() -> None:
    table = lines(("全省", "up", 1.0, 0.9, "2011-01-01"), ("全省", "up", 0.95, 0.8, "2013-01-01"), ("甲", "up", 0.5, 0.4, "2013-01-01"))
    light = [targets.light(0.85, table, "progress_index", day, scopes) for day, scopes in (("2012-12-31", ()), ("2013-01-01", ()), ("2013-01-01", ("甲",)))]
    assert light == [Status.BREACH, Status.WATCH, Status.GOOD]


def test_a_masked_line_gives_no_colour_and_a_crossed_one_is_refused() -> None:
    assert targets.light(0.5, lines(("全省", "up", None, 0.9, None)), "progress_index", "2013-01-01") == Status.UNKNOWN
    with pytest.raises(DataError, match=r"green \(0.8\) is worse than red \(0.9\)"):
        targets.light(0.5, lines(("全省", "up", 0.8, 0.9, None)), "progress_index", "2013-01-01")
    with pytest.raises(DataError, match="at once"):
        targets.light(0.5, lines(("全省", "up", 0.9, 0.8, None), ("全省", "up", 0.95, 0.8, None)), "progress_index", "2013-01-01")

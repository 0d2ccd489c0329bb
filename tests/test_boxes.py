"""Suspected boxes: signs must agree on the same sales, an unreadable sign is no sign, and the sample's batches are found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.errors import UsageError
from g3lib.measures.subsidy import boxes

DAY = pd.Timestamp("2013-01-05")
NOON = DAY + pd.Timedelta(hours=12)


def batch(size: int = 5, minutes: float = 10, devices: int = 2, outlet: str = "o") -> pd.DataFrame:
    """Sales of one outlet and day, activated evenly over `minutes`, on so many different devices."""
    at = [NOON + pd.Timedelta(minutes=minutes * i / (size - 1)) for i in range(size)]
    return pd.DataFrame(
        {"date": DAY, "grain": "day", "branch": "b", "units": 1.0, "outlet": outlet, "subsidy": 100.0,
         "customer": [f"{outlet}{i}" for i in range(size)], "device": [f"{outlet}-{i % devices}" for i in range(size)], "activated_at": at}
    )  # fmt: skip


def used(sales: pd.DataFrame, by: list[str], months: int = 5) -> pd.DataFrame:
    """Every customer is reported each month; only those named use the number."""
    month = pd.date_range(DAY.replace(day=1), periods=months, freq="MS")
    frame = pd.MultiIndex.from_product([sales["customer"], month], names=["customer", "month"]).to_frame(index=False)
    use = frame["customer"].isin(by)
    return frame.assign(branch="b", state="active", device_matched=True, revenue=np.where(use, 50.0, 0.0), days_on_3g=np.where(use, 9.0, 0.0))


def verdict(sales: pd.DataFrame, activity: pd.DataFrame | None = None, **settings: float) -> str:
    return boxes.suspected_boxes(sales, activity, **settings)["verdict"].item()


def test_two_signs_that_agree_on_enough_sales_are_a_warning() -> None:
    sales = batch()
    found = boxes.suspected_boxes(sales).iloc[0]
    assert found[["outlet", "day", "sales", "repeated_device", "burst", "agreeing", "subsidy_yuan"]].tolist() == ["o", DAY, 5, 5, 5, 5, 500]
    assert np.isnan(found["zero_use"]) and found["verdict"] == "warning" and found["rows"] == (0, 1, 2, 3, 4)
    assert boxes.suspected(sales, boxes.suspected_boxes(sales)).all()


@pytest.mark.parametrize(
    ("sales", "settings", "expected"),
    [
        (batch(minutes=10), {}, "warning"),
        (batch(minutes=10.1), {}, "pass"),
        (batch(minutes=10.1), {"minutes": 11}, "warning"),
        (batch(6, minutes=12), {}, "warning"),
        (batch(devices=5), {}, "pass"),
        (batch(6), {"at_least": 7}, None),
        (batch().assign(activated_at=DAY), {}, "no verdict"),
        (batch().assign(activated_at=pd.NaT), {}, "no verdict"),
        (batch().assign(device=None), {}, "no verdict"),
    ],
    ids=["at the limit", "too slow", "asked for", "a window inside", "own devices", "a small day", "same day only", "never", "no devices"],
)
def test_the_edges_of_a_batch(sales: pd.DataFrame, settings: dict, expected: str | None) -> None:
    found = boxes.suspected_boxes(sales, **settings)
    assert found["verdict"].tolist() == ([expected] if expected else [])


def test_a_window_holds_only_its_own_activations() -> None:
    slow = batch(6, minutes=12)  # 0, 2.4 … 12: two windows of five
    signs = boxes.sale_signs(pd.concat([slow, slow.tail(1).assign(customer="z", activated_at=NOON + pd.Timedelta(hours=1))], ignore_index=True))
    assert signs["burst"].tolist() == [True] * 6 + [False]
    two_outlets = pd.concat([batch(3), batch(3, outlet="p")], ignore_index=True)
    assert not boxes.sale_signs(two_outlets)["burst"].any()


def test_signs_that_fall_on_different_sales_do_not_agree() -> None:
    rush = batch(5, devices=5)  # five honest devices in a rush, and five that share a device over the day
    shared = batch(5, minutes=300, devices=1).assign(customer=list("vwxyz"), device="s", activated_at=lambda f: f["activated_at"] + pd.Timedelta(hours=2))
    found = boxes.suspected_boxes(pd.concat([rush, shared], ignore_index=True)).iloc[0]
    assert found[["repeated_device", "burst", "agreeing", "verdict"]].tolist() == [5, 5, 0, "pass"]


def test_zero_use_is_read_when_the_three_months_are_over() -> None:
    sales = batch(devices=5)
    assert verdict(sales, used(sales, [])) == "warning"
    assert verdict(sales, used(sales, [], months=3)) == "pass"  # only the burst can be read for a sign
    assert boxes.sale_signs(sales, used(sales, [], months=3))["zero_use"].isna().all()
    assert verdict(sales, used(sales, ["o3"])) == "pass"  # four are fewer than five
    never = sales.assign(activated_at=pd.NaT)
    silent = used(sales, ["o0"]).query("customer == 'o0'")
    assert boxes.sale_signs(never, silent)["zero_use"].tolist() == [False, *[pd.NA] * 4]  # not activated is another state
    assert boxes.sale_signs(sales, used(sales, []).assign(revenue=np.nan))["zero_use"].isna().all()


def test_what_has_no_day_no_place_or_several_units_is_no_batch() -> None:
    for other in ({"grain": "month"}, {"outlet": None}, {"units": 2.0}, {"customer": None}):
        assert boxes.suspected_boxes(batch().assign(**other)).empty
    assert boxes.suspected_boxes(batch().iloc[:0], used(batch(), [])).empty


def test_an_unknown_subsidy_leaves_the_cost_unknown() -> None:
    assert np.isnan(boxes.suspected_boxes(batch().assign(subsidy=[100.0, 100, np.nan, 100, 100]))["subsidy_yuan"].item())


def test_all_faults_of_a_call_are_listed() -> None:
    twice = pd.concat([batch(2), batch(2)])
    with pytest.raises(UsageError, match=r"label 0[\s\S]*label 1[\s\S]*at_least is 1[\s\S]*minutes is 0"):
        boxes.suspected_boxes(twice, at_least=1, minutes=0)


@given(st.randoms(), st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), st.booleans()), min_size=1, max_size=14))
def test_row_order_changes_nothing_and_a_burst_is_what_counting_says(random: object, drawn: list) -> None:
    sales = pd.DataFrame([{"minute": t, "device": f"d{d}", "outlet": "op"[o]} for t, d, o in drawn])
    sales = sales.assign(
        date=DAY, grain="day", branch="b", units=1.0, subsidy=1.0, customer=[f"c{i}" for i in range(len(sales))],
        activated_at=NOON + pd.to_timedelta(sales["minute"], unit="min"),
    )  # fmt: skip
    order = list(range(len(sales)))
    random.shuffle(order)  # type: ignore[attr-defined]
    signs = boxes.sale_signs(sales, at_least=3)
    pd.testing.assert_frame_equal(signs, boxes.sale_signs(sales.iloc[order], at_least=3).sort_index())
    for i, one in sales.iterrows():
        same = sales.loc[sales["outlet"] == one["outlet"], "minute"]
        windows = [same.between(start, start + 10) for start in same if start <= one["minute"] <= start + 10]
        assert signs.loc[i, "burst"] == any(inside.sum() >= 3 for inside in windows)


def test_every_planted_batch_of_the_sample_is_found_and_nothing_else(store, sample_folder: Path) -> None:
    sales, activity = store.read("sales"), store.read("activity")
    planted = pd.DataFrame(json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))["box_breaking"]["batches"])
    found = boxes.suspected_boxes(sales, activity)
    warned = found[found["verdict"] == "warning"]
    expected = {(b.outlet, pd.Timestamp(b.date)): b.sales for b in planted.itertuples()}
    assert dict(zip(zip(warned["outlet"], warned["day"], strict=True), warned["agreeing"], strict=True)) == expected
    assert (found["verdict"] != "warning").sum() >= 5  # other large days were looked at too
    flagged = boxes.suspected(sales, found)
    assert flagged.sum() == planted["sales"].sum()
    assert sales.loc[flagged, "subsidy"].sum() == pytest.approx(warned["subsidy_yuan"].sum())

"""Channel contribution: invariants first, then the document's own table."""

from __future__ import annotations

import math

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from g3lib.labels import rounded
from g3lib.measures import channels

NANQU = pd.DataFrame(
    {
        "date": pd.to_datetime(["2009-11-01", "2009-12-01", "2010-01-01"] * 3),
        "channel": ["own"] * 3 + ["social"] * 3 + ["end"] * 3,
        "units": [90.0, 68, 103, 387, 286, 428, 113, 98, 105],
    }
)

rows = st.lists(
    st.tuples(st.sampled_from(["2010-01", "2010-02"]), st.sampled_from(["own", "social", "end"]), st.integers(0, 10**6)),
    min_size=1,
)


def frame(drawn: list[tuple[str, str, int]]) -> pd.DataFrame:
    return pd.DataFrame(drawn, columns=["month", "channel", "units"])


@given(rows)
def test_shares_sum_to_one_in_every_group_that_sold(drawn: list) -> None:
    shares = channels.contribution_share(frame(drawn), within=["month"])
    for _, group in shares.groupby("month"):
        total = group["units"].sum()
        assert math.isclose(group["share"].sum(), 1.0) if total else group["share"].isna().all()


@given(rows, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(drawn: list, random) -> None:
    mixed = list(drawn)
    random.shuffle(mixed)
    one, two = (channels.contribution_share(frame(d), within=["month"]).set_index(["month", "channel"]) for d in (drawn, mixed))
    pd.testing.assert_frame_equal(one.sort_index(), two.sort_index())


@given(rows)
def test_a_change_adds_up_exactly(drawn: list) -> None:
    changed = channels.change_of_share(frame(drawn), "2010-01", "2010-02")
    totals = frame(drawn).groupby("month")["units"].sum()
    if not {"2010-01", "2010-02"} <= set(totals.index):
        assert changed.empty  # no data is not no sales
        return
    assert changed["change"].sum() == totals["2010-02"] - totals["2010-01"]
    if totals["2010-01"] and totals["2010-02"]:
        assert math.isclose(changed["share_change"].sum(), 0, abs_tol=1e-12)


def test_the_documents_table() -> None:
    units = channels.monthly_units(NANQU)
    total = channels.contribution_share(units).set_index("channel")
    assert total["units"].to_dict() == {"own": 261, "social": 1101, "end": 316}
    assert [str(rounded(100 * s, 2)) for s in total["share"]] == ["15.55", "65.61", "18.83"]
    assert channels.printed_sum(list(total["share"])) == "99.99"
    assert units.groupby("month")["units"].sum().to_dict() == {"2009-11": 590, "2009-12": 452, "2010-01": 636}


def test_a_channel_that_stopped_keeps_its_row_with_zero() -> None:
    sales = pd.DataFrame({"date": pd.to_datetime(["2010-01-05", "2010-02-05"]), "channel": ["direct", "own"], "units": [3.0, 5.0]})
    february = channels.monthly_units(sales).query("month == '2010-02'").set_index("channel")["units"]
    assert february.to_dict() == {"own": 5, "direct": 0}


def test_the_input_is_not_changed() -> None:
    before = NANQU.copy()
    channels.monthly_units(NANQU)
    channels.contribution_share(NANQU)
    pd.testing.assert_frame_equal(NANQU, before)

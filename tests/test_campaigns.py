"""Sign-up campaign: the document's nine branches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr

from g3lib.errors import NoData
from g3lib.measures import campaigns

RATES = {
    "睢县": (9.65, 41.36), "宁陵": (9.05, 36.82), "虞城": (29.21, 49.07), "市区": (11.56, 29.23), "永城": (7.52, 24.75),
    "郊区": (30.92, 46.85), "夏邑": (27.14, 37.37), "（未具名）": (17.40, 27.06), "柘城": (71.15, 73.54),
}  # fmt: skip


def participation(rates: dict[str, tuple[float, float]] = RATES) -> pd.DataFrame:
    rows = [(b, pd.Timestamp(d), r / 100) for b, pair in rates.items() for d, r in zip(("2010-02-01", "2010-03-01"), pair, strict=True)]
    return pd.DataFrame(rows, columns=["branch", "date", "rate"])


@pytest.fixture(scope="module")
def lifts() -> pd.DataFrame:
    return campaigns.uplift(participation(), "2010-02", "2010-03").set_index("branch")


def test_the_printed_lifts(lifts: pd.DataFrame) -> None:
    printed = {"睢县": 31.71, "宁陵": 27.77, "虞城": 19.86, "市区": 17.67, "永城": 17.23, "郊区": 15.93, "夏邑": 10.23, "柘城": 2.39}
    for branch, lift in printed.items():
        assert 100 * lifts.loc[branch, "lift"] == pytest.approx(lift, abs=1e-9)


def test_suixian_first_by_lift_third_from_the_bottom_fourth_of_nine(lifts: pd.DataFrame) -> None:
    own = lifts.loc["睢县"]
    assert (own.rank_lift, own.from_bottom_before, own.rank_after, len(lifts)) == (1, 3, 4, 9)


def test_room_to_grow(lifts: pd.DataFrame) -> None:
    assert [round(100 * lifts.loc[b, "room"], 1) for b in ("睢县", "宁陵", "柘城")] == [35.1, 30.5, 8.3]


def test_correlations_agree_with_scipy(lifts: pd.DataFrame) -> None:
    found = campaigns.start_lift_correlation(lifts.reset_index()).set_index("name")
    assert found.loc["start", "r"] == pytest.approx(pearsonr(lifts["before"], lifts["lift"])[0])
    assert found.loc["start", "r"] == pytest.approx(-0.716, abs=5e-4)
    assert found.loc["start_without", "without"] == "柘城"
    assert found.loc["start_without", "r"] == pytest.approx(-0.494, abs=5e-4)
    assert found.loc["oldham", "r"] == pytest.approx(-0.575, abs=5e-4)


def test_daily_pace_over_both_spans() -> None:
    assert campaigns.daily_pace(2063, 8982, 29) == pytest.approx(238.6, abs=0.05)
    assert campaigns.daily_pace(2063, 8982, 28) == pytest.approx(247.1, abs=0.05)


def test_a_branch_known_at_one_date_only_is_left_out() -> None:
    rates = participation({"a": (10, 20), "b": (10, float("nan"))})
    assert list(campaigns.uplift(rates, "2010-02", "2010-03")["branch"]) == ["a"]


def test_no_branch_at_both_dates_is_said() -> None:
    with pytest.raises(NoData, match="2010-04"):
        campaigns.uplift(participation(), "2010-02", "2010-04")


def test_equal_lifts_share_the_better_rank() -> None:
    tied = campaigns.uplift(participation({"a": (10, 20), "b": (20, 30), "c": (30, 31)}), "2010-02", "2010-03")
    assert tied.set_index("branch")["rank_lift"].to_dict() == {"a": 1, "b": 1, "c": 3}


def test_flat_starts_have_no_correlation() -> None:
    flat = campaigns.uplift(participation({"a": (10, 20), "b": (10, 25), "c": (10, 30)}), "2010-02", "2010-03")
    assert np.isnan(campaigns.start_lift_correlation(flat).set_index("name").loc["start", "r"])


def test_the_area_is_what_the_export_states() -> None:
    totals = pd.DataFrame({"date": pd.to_datetime(["2010-02-01", "2010-03-01"]), "rate": [0.2454, 0.4098]})
    assert campaigns.area_uplift(totals, "2010-02", "2010-03") == (0.2454, 0.4098)
    assert np.isnan(campaigns.area_uplift(totals[:0], "2010-02", "2010-03")).all()

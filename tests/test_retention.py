"""Retention: published and independently computed curves, delayed entry, ties, and the steps planted in the sample."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from g3lib.measures.subsidy import retention

# Freireich et al. (1963), weeks in remission on 6-MP, + is censored; Klein and Moeschberger (2003), table 1.1
SIX_MP = "10 7 32+ 23 22 6 16 34+ 32+ 25+ 11+ 20+ 19+ 6 17+ 35+ 6 13 9+ 6+ 10+"
# the same book's table 4.1B: product-limit estimate and Greenwood's standard error after each event
PUBLISHED = {6: (0.857, 0.0764), 7: (0.807, 0.0869), 10: (0.753, 0.0963), 13: (0.690, 0.1068), 16: (0.627, 0.1141),
             22: (0.538, 0.1282), 23: (0.448, 0.1346)}  # fmt: skip


def spells(*rows: tuple[int, int, str]) -> pd.DataFrame:
    """entry, exit and the reason of leaving; an empty one is censored."""
    frame = pd.DataFrame(rows, columns=["entry", "exit", "reason"])
    return frame.assign(event=frame["reason"] != "")


def six_mp() -> pd.DataFrame:
    return spells(*((0, int(week.strip("+")), "" if week.endswith("+") else "relapse") for week in SIX_MP.split()))


def cut(frame: pd.DataFrame, at: int) -> pd.DataFrame:
    """Each customer in two records, the second with delayed entry: together they say the same."""
    early = frame.assign(exit=frame["exit"].clip(upper=at), event=frame["event"] & (frame["exit"] <= at))
    late = frame[frame["exit"] > at].assign(entry=lambda f: np.maximum(f["entry"], at + 1))
    return pd.concat([early[early["entry"] <= at], late])


@pytest.mark.parametrize("at", [0, 6, 12, 20, 40])
def test_the_published_curve_also_from_records_cut_by_delayed_entry(at: int) -> None:
    curve = retention.kaplan_meier(cut(six_mp(), at)).set_index("month")
    for week, (survival, error) in PUBLISHED.items():
        assert curve.loc[week, "survival"] == pytest.approx(survival, abs=5e-4)
        p = curve.loc[week, "survival"]
        theta = np.exp(1.959964 * error / (p * np.log(p)))
        # the error is published to four places
        assert curve.loc[week, ["low", "high"]].tolist() == pytest.approx([p ** (1 / theta), p**theta], abs=2e-4)
    assert curve.loc[[5, 6, 7, 35], "at_risk"].tolist() == [21, 21, 17, 1]


# Satagopan et al. (2004), British Journal of Cancer 91, 1229-1235, table 2: months and fates of the first nine of 305 patients
NINE_OF_305 = [(7, ""), (10, "cancer"), (14, ""), (16, "cancer"), (18, "other"), (23, "cancer"), (24, ""), (26, "other"), (27, "cancer")]


@pytest.mark.parametrize("at", [0, 12, 18, 23, 40])
def test_the_published_competing_risks_also_from_records_cut_by_delayed_entry(at: int) -> None:
    everyone = spells(*((0, month, fate) for month, fate in NINE_OF_305), *[(0, 28, "")] * 296)
    records = cut(everyone, at)
    curve = retention.kaplan_meier(records).set_index("month")
    assert curve.loc[[0, 10, 16, 18, 23, 26, 27], "at_risk"].tolist() == [305, 304, 302, 301, 300, 298, 297]
    assert (100 * curve.loc[[10, 16, 18, 23, 26, 27], "survival"]).round(1).tolist() == [99.7, 99.3, 99.0, 98.7, 98.3, 98.0]
    found = retention.cumulative_incidence(records).query("reason == 'cancer'").set_index("month")["incidence"]
    steps = (100 * found.diff().loc[[10, 16, 23, 27]]).round(1)
    assert steps.tolist() == [0.3, 0.3, 0.3, 0.3]
    # the table adds its printed steps; unrounded they come to 1.32 %
    assert steps.cumsum().round(1).tolist() == [0.3, 0.6, 0.9, 1.2]
    assert found.loc[27] == pytest.approx(1 / 304 + 303 / 304 / 302 + 0.990110 / 300 + 0.983498 / 297, abs=1e-6)


def test_delayed_entry_by_hand() -> None:
    # age 2: 1 of 2 at risk; age 3: the third has come, 1 of 2; age 5: 1 of 1
    curve = retention.kaplan_meier(spells((0, 2, "x"), (0, 3, ""), (3, 5, "x")))
    assert curve["at_risk"].tolist() == [2, 2, 2, 2, 1, 1]
    assert curve["survival"].tolist() == [1, 1, 0.5, 0.5, 0.5, 0]
    assert curve["reason"].tolist() == ["no_event", "no_event", "", "", "", "all_lost"]


SPELL = st.tuples(st.integers(0, 8), st.integers(0, 8), st.sampled_from(["", "fraud", "upgrade", "voluntary"])).map(lambda t: (t[0], t[0] + t[1], t[2]))


@given(st.lists(SPELL, min_size=1, max_size=30))
def test_survival_is_statsmodels_wherever_it_has_not_reached_zero(rows: list) -> None:
    frame = spells(*rows)
    curve = retention.kaplan_meier(frame).set_index("month")
    if not frame["event"].any():
        assert (curve["survival"] == 1).all() and set(curve["reason"]) <= {"no_event", "nobody_at_risk"}
        return
    other = SurvfuncRight(frame["exit"], frame["event"].astype(int), entry=frame["entry"] - 1)
    there = curve.loc[other.surv_times.astype(int)]
    assert there["at_risk"].tolist() == other.n_risk.tolist() and there["events"].tolist() == other.n_events.tolist()
    np.testing.assert_allclose(there["survival"], other.surv_prob, atol=1e-12)
    inside = there["survival"].between(1e-9, 1 - 1e-9)
    width = there["survival"] * np.log(there["survival"].where(inside)) * np.log(np.log(there["low"]) / np.log(there["survival"].where(inside)))
    np.testing.assert_allclose(-width[inside] / 1.959964, other.surv_prob_se[inside], rtol=1e-6)


@given(st.lists(SPELL, min_size=1, max_size=30), st.randoms())
def test_reasons_and_survival_sum_to_one_and_order_changes_nothing(rows: list, random: object) -> None:
    frame = spells(*rows)
    survival = retention.kaplan_meier(frame)["survival"].to_numpy()
    parts = retention.cumulative_incidence(frame)
    total = parts.groupby("month")["incidence"].sum().reindex(range(len(survival)), fill_value=0.0)
    np.testing.assert_allclose(total + survival, 1, atol=1e-12)
    assert (parts["low"].isna() | (parts["low"] <= parts["incidence"])).all() and (parts["high"].isna() | (parts["incidence"] <= parts["high"])).all()
    random.shuffle(rows)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(retention.cumulative_incidence(spells(*rows)), parts)


def test_incidence_with_delayed_entry_against_an_independent_implementation() -> None:
    # expected: lifelines 0.30.3, AalenJohansenFitter with entry half a month earlier (its risk set leaves out who enters at t);
    # no ties, which it would jitter. Limits on log(−log F) from its variances.
    frame = spells((0, 4, "a"), (0, 7, "b"), (0, 1, "b"), (0, 12, "a"), (2, 9, "a"), (3, 10, ""), (5, 6, ""), (5, 15, ""), (6, 14, "b"), (8, 13, "a"))
    found = retention.cumulative_incidence(frame).set_index(["reason", "month"])
    expected = {
        "a": {4: (0.15, 0.006674, 0.487506), 9: (0.233333, 0.028661, 0.550898), 12: (0.3375, 0.062914, 0.652762), 15: (0.441667, 0.100817, 0.747473)},
        "b": {1: (0.25, 0.008948, 0.665325), 7: (0.35, 0.040127, 0.709829), 14: (0.454167, 0.092895, 0.769383)},
    }
    for reason, months in expected.items():
        for month, values in months.items():
            assert found.loc[(reason, month)].tolist() == pytest.approx(values, abs=1.1e-6)


def test_one_reason_alone_is_the_complement_of_survival() -> None:
    curve, alone = retention.kaplan_meier(six_mp()), retention.cumulative_incidence(six_mp())
    np.testing.assert_allclose(alone["incidence"], 1 - curve["survival"])
    # and has Greenwood's variance: the limits' scales differ, the standard error behind them does not
    p, q = curve.loc[23, "survival"], alone.loc[23, "incidence"]
    error = np.log(np.log(alone.loc[23, "low"]) / np.log(q)) * -q * np.log(q) / 1.959964
    assert error == pytest.approx(0.1346, abs=5e-5) and p == pytest.approx(0.448, abs=5e-4)


@pytest.mark.parametrize(
    ("rows", "survival", "reason"),
    [
        ([(0, 1, "x"), (0, 1, "x")], 0.0, "all_lost"),
        ([(0, 1, "x")], 0.0, "all_lost"),
        ([(0, 0, "x"), (1, 9, "")], 0.0, "risk_set_emptied"),
        ([(0, 7, ""), (0, 3, "")], 1.0, "no_event"),
        ([(0, 1, ""), (4, 6, "")], 1.0, "no_event"),
    ],
    ids=["all churned", "one customer", "a lone early entry", "none churned", "nobody at risk in between"],
)
def test_awkward_cohorts_have_a_stated_result(rows: list, survival: float, reason: str) -> None:
    curve = retention.kaplan_meier(spells(*rows))
    last = curve.iloc[-1]
    assert (last["survival"], last["reason"]) == (survival, reason)
    assert curve[["low", "high"]].isna().all(axis=None)
    assert retention.cumulative_incidence(spells(*rows))["incidence"].max() == (1.0 if survival == 0 else pytest.approx(np.nan, nan_ok=True))


def test_a_gap_in_the_risk_set_carries_survival_on() -> None:
    curve = retention.kaplan_meier(spells((0, 1, "x"), (0, 1, ""), (4, 6, "")))
    assert curve["reason"].tolist() == ["no_event", "", "nobody_at_risk", "nobody_at_risk", "", "", ""]
    assert curve["survival"].tolist() == [1.0, *[0.5] * 6]


def rows_of(customer: str, first: str, states: list[str | None], reason: str | None = None) -> list[dict[str, object]]:
    """One row a month from `first`; None is a month without a row."""
    start = pd.Timestamp(first)
    return [
        {"customer": customer, "month": start + pd.DateOffset(months=i), "state": state, "reason": reason if state == "cancelled" else None}
        for i, state in enumerate(states) if state
    ]  # fmt: skip


def sold(*sales: tuple[str | None, str]) -> pd.DataFrame:
    return pd.DataFrame([{"customer": c, "date": pd.Timestamp(d), "units": 1.0, "device": f"{c}{d}"} for c, d in sales])


def test_the_clock_of_each_customer() -> None:
    on, off = "active", "cancelled"
    histories = [
        *rows_of("left", "2013-01-01", [on, on, off, on, off], "upgrade"),
        *rows_of("stays", "2013-01-01", [on] * 6),
        *rows_of("stops", "2013-01-01", [on, on]),
        *rows_of("gap", "2013-01-01", [on, None, None, on, on, on]),
        *rows_of("late", "2013-03-01", [on, off]),
        *rows_of("again", "2013-01-01", [on, on, on, off]),
        *rows_of("before", "2012-06-01", [off]),
    ]
    names = ["left", "stays", "stops", "gap", "late", "again", "before", "never"]
    sales = sold(*((name, "2013-01-20") for name in names), ("again", "2013-03-02"), (None, "2013-01-01"))
    found = retention.durations(sales, pd.DataFrame(histories), date(2013, 6, 30))
    by_name = found.set_axis([sales.loc[i, "customer"] for i in found.index])
    assert by_name.loc[["left", "stays", "stops", "gap", "late"]].to_numpy().tolist() == [
        [0, 2, True, "upgrade"], [0, 5, False, ""], [0, 1, False, "stopped"], [0, 5, False, ""], [2, 3, True, "unstated"],
    ]  # fmt: skip
    assert found.loc[[5, 8]].to_numpy().tolist() == [[0, 1, False, "stopped"], [0, 1, True, "unstated"]]
    assert not {"before", "never", None} & set(by_name.index)
    # nothing after the last full month is read; from a first month on, the clock runs but is seen later
    assert retention.durations(sales, pd.DataFrame(histories), date(2013, 3, 30)).loc[0].tolist() == [0, 1, False, ""]
    later = retention.durations(sales, pd.DataFrame(histories)[lambda d: d["month"] >= "2013-03"], date(2013, 6, 30))
    assert later.loc[[0, 1]].to_numpy().tolist() == [[2, 2, True, "upgrade"], [2, 5, False, ""]]
    assert 2 not in later.index


def test_no_customer_no_row() -> None:
    none = retention.durations(sold(("c", "2013-01-01")).iloc[:0], pd.DataFrame(rows_of("c", "2013-01-01", ["active"])), date(2013, 6, 30))
    assert none.empty and retention.kaplan_meier(none).empty and retention.cumulative_incidence(none).empty
    assert retention.contract_steps(none, pd.Series(dtype=float)).empty


def test_a_step_by_hand() -> None:
    frame = spells(*[(0, 18, "contract_end")] * 3, *[(0, 15, "x")], *[(0, 30, "")] * 6)
    first, second = retention.contract_steps(frame, pd.Series(18.0, index=frame.index)).to_dict("records")
    # months 12 to 17: one event in 4 × 10 + 2 × 9 customer-months
    assert (first["at_risk"], first["events"], first["hazard"]) == (9, 3, pytest.approx(1 / 3))
    assert first["hazard_before"] == pytest.approx(1 / 58) and first["hazard_step"] == pytest.approx(1 / 3 - 1 / 58)
    assert 0 < first["low"] < first["hazard_step"] < first["high"] and second["hazard"] == 0
    assert retention.contract_steps(frame, pd.Series(0.0, index=frame.index)).empty


def test_the_sample_shows_what_was_planted(store, sample_folder: Path) -> None:
    planted = json.loads((sample_folder / "truth.json").read_text(encoding="utf-8"))["hazards"]
    sales, activity = store.read("sales"), store.read("activity")
    frame = retention.durations(sales, activity, date(2013, 12, 31))
    steps = retention.contract_steps(frame, sales["term_months"]).set_index(["term", "month"])
    for term in (18, 24):
        for month, extra in zip((term, term + 1), planted["contract_end_steps"], strict=True):
            row = steps.loc[(term, month)]
            error = (row["high"] - row["low"]) / 2 / 1.96
            # the early-termination hazard ends where the step begins
            assert abs(row["hazard_step"] - (extra - planted["early_termination_voluntary"])) < 3.5 * error
    # left truncation: half of the months unseen, the same curve within its error
    late = retention.kaplan_meier(retention.durations(sales, activity[activity["month"] >= "2012-06"], date(2013, 12, 31))).set_index("month")
    whole = retention.kaplan_meier(frame).set_index("month")
    for month in (6, 12, 17):
        assert late.loc[month, "low"] < whole.loc[month, "survival"] < late.loc[month, "high"]
    copies = frame.copy()
    retention.cumulative_incidence(frame)
    pd.testing.assert_frame_equal(frame, copies)

"""What the subsidy caused and what it cost: one example by hand, the identity of the parts, Fieller's set, the unknown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from g3lib.errors import UsageError
from g3lib.measures.subsidy.incremental import caused, cost_per, fieller, migration_worth
from g3lib.measures.subsidy.rates import BARE

SETTINGS = {"numerator": "device", "base": "list"}
BETAS = pd.DataFrame({"device_class": ["handset", "netbook"], "beta": [2.0, 1.0], "df": [9.0, 16.0],
                      "influence": [{"a": 0.3, "b": -0.4}, {"a": 0.1, "b": 0.1}]})  # fmt: skip
GAMMAS = pd.DataFrame({"device_class": ["handset"], "gamma": [0.5], "df": [4.0], "influence": [{"a": 0.1, "b": 0.1}]})


def sold(units: float, rate: float, kind: object = "new", **known: object) -> dict[str, object]:
    return {"date": pd.Timestamp("2012-01-05"), "branch": "a", "channel": "own", "device_class": "handset", "contract": "plan",
            "units": units, "list_price": 1000.0, "subsidy": 1000 * rate, "customer_type": kind} | known  # fmt: skip


HAND = pd.DataFrame([sold(100, 0.5), sold(60, 0.5, "existing"), sold(40, 0.25), sold(50, 0.0, contract=BARE),
                     sold(30, 0.0, "existing", contract=BARE), sold(10, 0.4, device_class="netbook", branch="b")])  # fmt: skip


def test_the_parts_by_hand() -> None:
    found = caused(HAND, BETAS, GAMMAS, **SETTINGS).iloc[0]
    half, quarter, book = 1 - np.exp(-1), 1 - np.exp(-0.5), 1 - np.exp(-0.4)
    level = (160 * 0.5 + 40 * 0.25) / 200  # the mean subsidised rate beside the bare sales
    lost = np.exp(0.5 * level) - 1
    assert found["units"] == 290
    assert found["caused"] == pytest.approx(160 * half + 40 * quarter + 10 * book)
    assert found["displaced"] == pytest.approx(80 * lost)
    assert found["incremental"] == pytest.approx(100 * half + 40 * quarter + 10 * book - 50 * lost)
    assert found["migrated"] == pytest.approx(60 * half - 30 * lost)
    # slopes of incremental, the estimates' covariance through the branches that they share, and Poisson's own noise
    slopes = np.array([50 * np.exp(-1) + 10 * np.exp(-0.5), 4 * np.exp(-0.4), -50 * level * np.exp(0.5 * level)])
    influence = np.array([[0.3, -0.4], [0.1, 0.1], [0.1, 0.1]])
    noise = 100 * half**2 + 40 * quarter**2 + 10 * book**2 + 50 * lost**2
    assert found["se"] == pytest.approx(np.sqrt(((slopes @ influence) ** 2).sum() + noise))
    own = slopes**2 * (influence**2).sum(axis=1)
    df = ((own.sum() + noise) / (own / np.sqrt([9, 16, 4])).sum()) ** 2
    assert found["df"] == pytest.approx(df)
    assert found["high"] - found["incremental"] == pytest.approx(stats.t.ppf(0.975, df) * found["se"])
    assert found["reason"] == ""


rows = st.lists(
    st.builds(
        lambda n, r, kind, contract, branch, name: sold(n, 0.0 if contract == BARE else r, kind, contract=contract, branch=branch,
                                                        device_class=name),
        st.integers(0, 50), st.floats(0, 1), st.sampled_from(["new", "existing"]), st.sampled_from(["plan", BARE]),
        st.sampled_from("ab"), st.sampled_from(["handset", "netbook"]),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=25)
@given(rows)
def test_every_caused_sale_is_new_or_migrated_and_groups_add_up(sales: list[dict]) -> None:
    frame = pd.DataFrame([sold(20, 0.5), sold(20, 0.5, device_class="netbook"), *sales])
    before = frame.copy()
    gammas = pd.concat([GAMMAS, GAMMAS.assign(device_class="netbook")])
    whole, parts = caused(frame, BETAS, gammas, **SETTINGS).iloc[0], caused(frame, BETAS, gammas, ["branch"], **SETTINGS)
    assert whole["caused"] - whole["displaced"] == pytest.approx(whole["incremental"] + whole["migrated"])
    for name in ("units", "caused", "displaced", "migrated", "incremental"):
        assert parts[name].sum() == pytest.approx(whole[name])
    assert 0 <= whole["caused"] <= whole["units"]
    # currency and row order
    other = frame.assign(list_price=frame["list_price"] * 7, subsidy=frame["subsidy"] * 7).iloc[::-1]
    again = caused(other, BETAS, gammas, **SETTINGS).iloc[0]
    assert again[["incremental", "se", "df"]].tolist() == pytest.approx(whole[["incremental", "se", "df"]].tolist())
    pd.testing.assert_frame_equal(frame, before)


def test_bare_sales_are_displaced_by_the_rates_beside_them() -> None:
    frame = pd.DataFrame([sold(10, 0.6), sold(10, 0.2, channel="end"), sold(40, 0.0, contract=BARE),
                          sold(40, 0.0, contract=BARE, channel="end"), sold(40, 0.0, contract=BARE, channel="social")])  # fmt: skip
    found = caused(frame, BETAS, GAMMAS, ["channel"], **SETTINGS).set_index("channel")["displaced"]
    # where no contract is sold beside, the class's mean rate stands in
    levels = {"end": 0.2, "own": 0.6, "social": 0.4}
    assert found.to_dict() == pytest.approx({name: 40 * (np.exp(0.5 * r) - 1) for name, r in levels.items()})


def test_without_displacement_nothing_is_deducted_and_that_is_said() -> None:
    found = caused(HAND, BETAS, **SETTINGS).iloc[0]
    assert np.isnan(found["displaced"])
    assert found["reason"] == "not_deducted"
    assert found["incremental"] + found["migrated"] == pytest.approx(found["caused"])
    plain = caused(HAND[HAND["contract"] != BARE], BETAS, **SETTINGS).iloc[0]
    assert (plain["displaced"], plain["reason"]) == (0, "")


def test_a_gamma_that_was_refused_leaves_the_customers_unknown() -> None:
    refused = GAMMAS.assign(gamma=np.nan, df=np.nan, influence=[{}])
    found = caused(HAND, BETAS, refused, ["device_class"], **SETTINGS).set_index("device_class")
    assert found["reason"].to_dict() == {"handset": "no_displacement", "netbook": ""}
    assert found.loc["handset", ["displaced", "incremental", "low", "high"]].isna().all()
    assert found.loc["handset", "caused"] > 0


def test_a_beta_that_was_refused_and_a_masked_subsidy_are_counted() -> None:
    refused = BETAS.assign(beta=[2.0, np.nan], df=[9.0, np.nan], influence=[BETAS["influence"][0], {}])
    frame = pd.concat([HAND[HAND["contract"] != BARE], pd.DataFrame([sold(7, np.nan), sold(3, 1.2), sold(2, 0.5, list_price=0.0)])])
    found = caused(frame, refused, GAMMAS, ["device_class"], **SETTINGS).set_index("device_class")
    assert found["unknown_units"].to_dict() == {"handset": 12, "netbook": 10}
    assert found["reason"].to_dict() == {"handset": "partial", "netbook": "unknown"}
    assert np.isnan(found.loc["netbook", "caused"])
    assert found.loc["handset", "caused"] == caused(HAND[HAND["device_class"] == "handset"], BETAS, GAMMAS, **SETTINGS)["caused"][0]


def test_customer_types_that_are_missing_take_their_classes_share() -> None:
    known = [sold(30, 0.5), sold(10, 0.5, "existing")]
    partly = caused(pd.DataFrame([*known, sold(40, 0.5, None)]), BETAS, GAMMAS, **SETTINGS).iloc[0]
    assert partly["incremental"] == pytest.approx(0.75 * partly["caused"])
    never = caused(pd.DataFrame([sold(40, 0.5, None)]), BETAS, GAMMAS, **SETTINGS).iloc[0]
    assert (never["reason"], np.isnan(never["incremental"])) == ("unknown_customer_type", True)


def test_no_subsidy_caused_nothing_and_no_sales_are_unknown() -> None:
    none = caused(pd.DataFrame([sold(40, 0.0)]), BETAS, GAMMAS, **SETTINGS).iloc[0]
    assert none[["caused", "incremental"]].tolist() == [0, 0]
    assert caused(HAND.iloc[:0], BETAS, GAMMAS, ["branch"], **SETTINGS).empty


def test_a_response_by_channel_is_refused() -> None:
    with pytest.raises(UsageError, match="several rows of one class"):
        caused(HAND, pd.concat([BETAS, BETAS]), **SETTINGS)


# --- Fieller

size = st.floats(0.1, 100)


@given(st.floats(-100, 100), size, st.floats(-100, 100), size, st.floats(-0.9, 0.9), st.sampled_from([3.0, 10.0, np.inf]))
def test_fiellers_set_is_what_the_t_test_does_not_reject(num: float, s1: float, den: float, s2: float, r: float, df: float) -> None:
    # Fieller 1954: q is in the set if and only if |num − q·den| <= t·se(num − q·den)
    cov = r * s1 * s2
    low, high, reason = fieller(num, s1, den, s2, cov, df)
    t = stats.t.ppf(0.975, df)

    def distance(q: float) -> float:
        return abs(num - q * den) - t * np.sqrt(s1**2 - 2 * q * cov + q**2 * s2**2)

    scale = (abs(num) + t * s1) * 1e-6
    if not reason:
        assert low <= num / den <= high
        assert distance(low) == pytest.approx(0, abs=scale + abs(low) * 1e-4)
        assert distance(high) == pytest.approx(0, abs=scale + abs(high) * 1e-4)
        assert distance((low + high) / 2) <= scale
        width = high - low
        assert distance(low - width) > -scale
        assert distance(high + width) > -scale
    else:
        assert (reason, high) == ("unbounded", np.inf)
        assert abs(den) <= t * s2
        if np.isfinite(low):
            assert distance(low) == pytest.approx(0, abs=scale + abs(low) * 1e-4)
            assert distance(abs(low) * 1e6 + 1e9) <= 0


def test_fieller_of_an_exact_numerator_is_the_inverse_of_the_denominators_interval() -> None:
    assert fieller(100.0, 0.0, 50.0, 10.0)[:2] == pytest.approx((100 / (50 + 19.59964), 100 / (50 - 19.59964)), rel=1e-6)
    # at a ratio of exactly t the upper bound leaves; the lower one stays where it was
    t = stats.norm.ppf(0.975)
    just, beyond = fieller(100.0, 0.0, t * 10 * (1 + 1e-9), 10.0), fieller(100.0, 0.0, t * 10 * (1 - 1e-9), 10.0)
    assert just[1] > 1e8
    assert beyond[1:] == (np.inf, "unbounded")
    assert just[0] == pytest.approx(beyond[0], rel=1e-6)


def test_costs_side_by_side() -> None:
    table = pd.DataFrame({
        "name": ["sale", "net_add", "valid", "incremental", "fewer", "none", "unknown"],
        "value": [400.0, 200.0, 100.0, 20.0, -50.0, 0.0, np.nan], "se": [np.nan, np.nan, 5.0, 15.0, 10.0, 0.0, 1.0],
        "df": [np.nan, np.nan, np.nan, 8.0, 8.0, np.nan, np.nan],
    })  # fmt: skip
    found = cost_per(10_000.0, table).set_index("name")
    assert found["reason"].to_dict() == {"sale": "", "net_add": "", "valid": "", "incremental": "unbounded", "fewer": "fewer_customers",
                                         "none": "zero_base", "unknown": "unknown"}  # fmt: skip
    assert found["value"].iloc[:4].tolist() == [25, 50, 100, 500]
    assert found.loc["sale", ["low", "high"]].tolist() == [25, 25]
    assert found.loc["valid", ["low", "high"]].tolist() == pytest.approx([10_000 / 109.79982, 10_000 / 90.20018])
    assert found.loc["incremental", "low"] == pytest.approx(10_000 / (20 + stats.t.ppf(0.975, 8) * 15))
    assert found["value"].iloc[4:].isna().all()
    assert found["low"].iloc[4:].isna().all()


def test_a_denominator_below_zero_whose_interval_covers_it_has_a_lower_bound_and_no_value() -> None:
    found = cost_per(100.0, pd.DataFrame({"name": ["incremental"], "value": [-1.0], "se": [1.0]})).iloc[0]
    assert (np.isnan(found["value"]), found["high"], found["reason"]) == (True, np.inf, "unbounded")
    assert found["low"] == pytest.approx(100 / 0.959964)


# --- the worth of migration


def paid(customer: str, first: str, revenue: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"customer": customer, "month": pd.date_range(first, periods=len(revenue), freq="MS"), "revenue": revenue})


def test_migration_by_hand() -> None:
    sales = pd.DataFrame({"customer": ["a", "b", "gone", "young", "new"], "device_class": "handset",
                          "customer_type": ["existing"] * 4 + ["new"],
                          "date": pd.to_datetime(["2012-04-20", "2012-04-01", "2012-04-30", "2012-06-01", "2012-04-01"])})  # fmt: skip
    activity = pd.concat([
        paid("a", "2012-01-01", [30, 40, 50, 999, 60, 70, 80]),  # 40 before, 70 after; the month of the sale in neither
        paid("b", "2012-03-01", [50, 999, 60, 60, 60]),  # one month before is what there is
        paid("gone", "2012-02-01", [30, 30, 999, 45, 0]),  # 30 before, 15 a month after: who left pays nothing
        paid("young", "2012-05-01", [10, 10, 10]),
    ])  # fmt: skip
    found = migration_worth(sales, activity).iloc[0]
    change = np.array([30.0, 10.0, -15.0])
    assert found[["migrated", "customers", "reason"]].tolist() == [4, 3, ""]
    assert found[["revenue_before", "revenue_after", "revenue_change"]].tolist() == pytest.approx([40, 145 / 3, change.mean()])
    assert found["high"] - found["revenue_change"] == pytest.approx(stats.t.ppf(0.975, 2) * change.std(ddof=1) / np.sqrt(3))


@pytest.mark.parametrize(
    ("first", "revenue", "reason"),
    [("2012-04-01", [5.0] * 5, "no_revenue_before"), ("2012-03-01", [5.0] * 3, "too_young"), ("2012-03-01", [5.0] * 6, "one_customer")],
)
def test_migration_that_cannot_be_compared(first: str, revenue: list[float], reason: str) -> None:
    sales = pd.DataFrame({"customer": ["a"], "device_class": "handset", "customer_type": "existing", "date": pd.Timestamp("2012-04-20")})
    found = migration_worth(sales, paid("a", first, revenue)).iloc[0]
    assert (found["reason"], found["migrated"]) == (reason, 1)
    assert np.isnan(found["low"])


def test_nobody_migrated(store) -> None:
    sales = pd.DataFrame({"customer": ["a"], "device_class": "handset", "customer_type": "new", "date": pd.Timestamp("2012-04-20")})
    assert migration_worth(sales, paid("a", "2012-01-01", [5.0])).empty
    # the made-up province's customers have no months before their sale
    found = migration_worth(store.read("sales"), store.read("activity"))
    assert set(found["reason"]) == {"no_revenue_before"}
    assert found["migrated"].min() > 0

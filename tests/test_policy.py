"""The policy as a grid: matching against a plain reading, planted holes, checks, glide path, what is unified, YAML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from g3lib.errors import DataError, UsageError
from g3lib.measures.subsidy import glide, policy, unified, verdicts
from g3lib.tables import loading
from g3lib.tables import policy as tables_policy
from g3lib.tables.policy import NO_RULE, SEVERAL, lint, yaml_grid

SETTINGS = {"numerator": "device", "base": "list"}
DAY = pd.Timestamp("2013-02-01")


def shipped(root: Path, name: str) -> pd.DataFrame:
    checked = loading.check(root / "data/sources" / name)
    assert not checked.all_faults
    return checked.exports[0].rows


@pytest.fixture(scope="module")
def policy_2013(root: Path) -> pd.DataFrame:
    return shipped(root, "subsidy-policy-2013.csv")


@pytest.fixture(scope="module")
def guidance_2010(root: Path) -> pd.DataFrame:
    return shipped(root, "guidance-2010-policy.csv")


def sales_of(*rows: dict) -> pd.DataFrame:
    plain = {
        "date": DAY, "branch": "a", "outlet": "o", "model": "m", "units": 1.0, "device_class": "handset", "kind": "smart",
        "screen_inches": 4.3, "tier": None, "contract": "plan", "channel": "own", "segment": None, "list_price": 1500.0,
        "supply_price": 1200.0, "subsidy": 975.0,
    }  # fmt: skip
    return pd.DataFrame([plain | row for row in rows], columns=list(plain))


def rules_of(*rows: dict) -> pd.DataFrame:
    plain = dict.fromkeys(tables_policy.TABLES["policy"].names)
    table = pd.DataFrame([plain | {"rule": f"r{i}", "rate": 0.5} | row for i, row in enumerate(rows)], columns=list(plain))
    numbers = ["price_min", "price_max", "screen_min", "screen_max", "rate", "cap_per_unit", "free_share", "data_share"]
    dates = ["valid_from", "valid_to"]
    return table.astype(dict.fromkeys(numbers, "float64")).astype(dict.fromkeys(dates, "datetime64[us]"))


# ---- matching -------------------------------------------------------------------------------------


def plainly(sale: dict, rules: pd.DataFrame) -> int:
    """The definition, one sale and one rule at a time."""
    found: dict[bool, list[int]] = {True: [], False: []}
    for position, rule in enumerate(rules.to_dict("records")):
        words = all(pd.isna(rule[c]) or sale[c] == rule[c] for c in tables_policy.TEXTS)
        low = all(pd.isna(rule[r]) or sale[c] >= rule[r] for c, r in (("list_price", "price_min"), ("screen_inches", "screen_min"), ("date", "valid_from")))
        high = all(pd.isna(rule[r]) or sale[c] < rule[r] for c, r in (("list_price", "price_max"), ("screen_inches", "screen_max")))
        last = pd.isna(rule["valid_to"]) or sale["date"] < rule["valid_to"] + pd.Timedelta(days=1)
        if words and low and high and last and rule["rule_type"] != "credit":
            found[not pd.isna(rule["segment"])].append(position)
    own = found[True] or found[False]
    return own[0] if len(own) == 1 else SEVERAL if own else NO_RULE


some = st.sampled_from
days = some([pd.NaT, *pd.to_datetime(["2012-12-31", "2013-01-01", "2013-06-30", "2013-07-01"])])
prices, screens = some([np.nan, 0.0, 999.99, 1000.0, 2000.0]), some([np.nan, 3.9, 4.0, 5.0])
drawn_rules = st.lists(
    st.fixed_dictionaries(
        {"price_min": prices, "price_max": prices, "screen_min": screens, "screen_max": screens, "valid_from": days, "valid_to": days,
         "rule_type": some(["base", "base", "credit"]), "device_class": some([None, "handset", "netbook"]), "contract": some([None, "plan"]),
         "channel": some([None, "own", "end"]), "segment": some([None, None, "校园"])}), max_size=6)  # fmt: skip
drawn_sales = st.lists(
    st.fixed_dictionaries(
        {"list_price": some([np.nan, -1.0, 0.0, 999.99, 1000.0, 1999.99, 2000.0, 9e9]), "screen_inches": screens,
         "date": some([pd.NaT, *map(pd.Timestamp, ["2012-12-31 23:59", "2013-01-01", "2013-06-30 10:00", "2013-07-02"])]),
         "device_class": some([None, "handset", "netbook", "reader"]), "contract": some([None, "plan", "bare"]),
         "channel": some(["own", "end", "direct"]), "segment": some([None, "校园", "农村"])}), max_size=12)  # fmt: skip


@given(drawn_sales, drawn_rules)
def test_matching_by_cells_is_matching_one_by_one(sales: list[dict], rules: list[dict]) -> None:
    frame, table = sales_of(*sales).astype({"date": "datetime64[us]"}), rules_of(*rules)
    assert policy.match_policy(frame, table).tolist() == [plainly(sale, table) for sale in frame.to_dict("records")]


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_words_match_whatever_holds_them(policy_2013: pd.DataFrame, dtype: str) -> None:
    sales = sales_of({}, {"contract": None}, {"contract": "bare"}).set_axis(["x", "x", "y"])
    words = dict.fromkeys(["device_class", "kind", "contract", "channel"], dtype)
    found = policy.match_policy(sales.astype(words), policy_2013)
    assert found.tolist() == [0, NO_RULE, NO_RULE] and found.index.tolist() == ["x", "x", "y"]


def test_no_sales_no_rules_and_a_column_short(policy_2013: pd.DataFrame) -> None:
    assert policy.match_policy(sales_of(), policy_2013).tolist() == []
    assert policy.match_policy(sales_of({}), policy_2013.head(0)).tolist() == [NO_RULE]
    with pytest.raises(UsageError, match="screen_inches"):
        policy.match_policy(sales_of({}).drop(columns="screen_inches"), policy_2013)


def test_more_cells_than_one_integer_holds() -> None:
    prices = [{"price_min": float(p), "price_max": p + 1.0, "screen_min": float(p), "valid_from": DAY + pd.Timedelta(days=p)} for p in range(2000)]
    words = [dict.fromkeys(tables_policy.TEXTS, f"w{i}") for i in range(2000)]
    table = rules_of(*({**a, **b, "segment": None} for a, b in zip(prices, words, strict=True)))
    sale = sales_of({"list_price": 77.5, "screen_inches": 77.0, "date": DAY + pd.Timedelta(days=77)}).assign(**dict.fromkeys(tables_policy.TEXTS, "w77"))
    assert policy.match_policy(sale, table).tolist() == [77]


def test_the_sales_are_not_changed(policy_2013: pd.DataFrame) -> None:
    sales, table = sales_of({}, {"channel": "end"}), policy_2013.copy()
    before = sales.copy()
    checked = verdicts.check_policy(sales, policy_2013, **SETTINGS)
    policy.unmatched(sales, policy_2013), policy.booked(sales, checked, policy_2013), policy.credits(sales, policy_2013), lint(policy_2013)
    pd.testing.assert_frame_equal(sales, before)
    pd.testing.assert_frame_equal(policy_2013, table)


# ---- sales without a rule -------------------------------------------------------------------------


def test_ten_thousand_sales_of_one_hole_are_one_line(policy_2013: pd.DataFrame) -> None:
    sales = sales_of({}, {"channel": "end", "units": 2.0})
    many = sales.loc[[0] + [1] * 10_000].reset_index(drop=True)
    found = policy.unmatched(many, policy_2013)
    assert found[["fault", "excluded_by", "channel", "sales", "units"]].values.tolist() == [["no rule", "channel", "end", 10_000, 20_000.0]]
    assert found["rules"].iloc[0] == "2013-C1-合约套餐-自营; 2013-C1-合约套餐-社会"
    assert found["index"].iloc[0].tolist() == list(range(1, 10_001))
    assert (found["price_to"].iloc[0], found["screen_from"].iloc[0], found["valid_from"].iloc[0]) == (2000.0, 4.0, pd.Timestamp("2013-01-01"))


@pytest.mark.parametrize(
    ("known", "excluded_by"),
    [({"date": pd.Timestamp("2012-12-31")}, "validity"), ({"list_price": np.nan}, "price_unknown"), ({"contract": "bare"}, "contract"),
     ({"channel": "end", "contract": "bare"}, "contract+channel")],
)  # fmt: skip
def test_what_excludes_the_nearest_rule_is_named(policy_2013: pd.DataFrame, known: dict, excluded_by: str) -> None:
    assert policy.unmatched(sales_of(known), policy_2013)["excluded_by"].tolist() == [excluded_by]


def test_several_rules_are_named_and_other_words_stay_apart(policy_2013: pd.DataFrame) -> None:
    table = rules_of({"rule": "b"}, {"rule": "a", "price_max": 2000.0}, {"rule": "c", "contract": "plan"})
    found = policy.unmatched(sales_of({}, {"contract": "bare", "units": 5.0}), table)
    assert found[["fault", "rules", "contract", "units"]].values.tolist() == [["several rules", "b; a", "bare", 5.0], ["several rules", "b; a; c", "plan", 1.0]]
    holes = policy.unmatched(sales_of({"contract": "bare"}, {"contract": "tariff"}), policy_2013)
    assert holes["contract"].tolist() == ["bare", "tariff"]


@pytest.mark.parametrize("rows", [(), ({},)])
def test_nothing_unmatched_is_an_empty_frame(policy_2013: pd.DataFrame, rows: tuple) -> None:
    assert policy.unmatched(sales_of(*rows), policy_2013).shape == (0, 18)


def test_an_empty_policy_leaves_every_sale_without_a_rule() -> None:
    table = rules_of()
    assert policy.unmatched(sales_of({}, {}), table)[["fault", "rules", "units"]].values.tolist() == [["no rule", "", 2.0]]
    checked = verdicts.check_policy(sales_of({}), table, **SETTINGS)
    assert checked[["rule", "verdict", "reason"]].values.tolist() == [["no rule", "no verdict", "no_rule"]]
    assert lint(table).empty and policy.credits(sales_of({}), table).empty
    assert policy.booked(sales_of({}), checked, table)["subsidy_yuan"].tolist() == [0.0, 0.0, 975.0]


# ---- the check ------------------------------------------------------------------------------------


def verdict(sale: dict, rule: dict, **settings: str) -> tuple:
    row = verdicts.check_policy(sales_of(sale), rules_of(rule), **(SETTINGS | settings)).iloc[0]
    return row.verdict, row.reason, row.over_yuan if row.over_yuan == row.over_yuan else None


@pytest.mark.parametrize(
    ("sale", "rule", "expected"),
    [
        ({"list_price": 0.0}, {}, ("no verdict", "zero_base", None)),
        ({"list_price": -100.0}, {}, ("no verdict", "negative_base", None)),
        ({"list_price": 1000.0, "subsidy": 1200.0, "units": 2.0}, {"bound": "ge", "rate": 0.9}, ("fail", "above_price", 400.0)),
        ({"list_price": 1000.0, "subsidy": 1200.0}, {"rate": None, "rate_status": "masked"}, ("no verdict", "masked", None)),
        ({"subsidy": -1.0}, {"bound": "le"}, ("pass", "", 0.0)),
        ({"subsidy": np.nan}, {}, ("no verdict", "unknown", None)),
        ({}, {"rate": 0.65, "rate_status": "masked"}, ("no verdict", "masked", None)),  # a figure beside a mask is no figure
        ({}, {"rate": None, "rate_status": "open"}, ("no verdict", "open", None)),
        ({}, {"rate": None}, ("no verdict", "no_rate", None)),
        ({"units": 2.0}, {"rate": 0.65, "cap_per_unit": 900.0}, ("fail", "above_cap", 150.0)),
        ({}, {"rate": 0.65, "cap_per_unit": 975.0}, ("pass", "", 0.0)),
        ({}, {"rate": None, "rate_status": "masked", "cap_per_unit": 900.0}, ("fail", "above_cap", 75.0)),
        ({}, {"rate": None, "rate_status": "masked", "cap_per_unit": 1000.0}, ("no verdict", "masked", None)),
        ({"list_price": 0.0}, {"cap_per_unit": 900.0}, ("fail", "above_cap", 75.0)),
        ({"list_price": 1950.0, "subsidy": 1000.0}, {"bound": "le", "cap_per_unit": 990.0}, ("fail", "above_cap", 25.0)),  # the larger of both
        ({"subsidy": 600.0}, {"bound": "ge"}, ("fail", "below_rate", -150.0)),
    ],
)  # fmt: skip
def test_what_the_check_says(sale: dict, rule: dict, expected: tuple) -> None:
    said, reason, over = verdict(sale, rule)
    assert (said, reason) == expected[:2] and (over if over is None else pytest.approx(over)) == expected[2]


def test_refunds_may_exceed_the_price() -> None:
    sales = sales_of({"list_price": 1000.0, "subsidy": 950.0}).assign(refund_total=500.0)
    rules = rules_of({"bound": "ge", "rate": 0.9})
    assert verdicts.check_policy(sales, rules, numerator="device_and_refunds", base="list")["verdict"].tolist() == ["pass"]


def test_breaches_add_up_by_whatever_they_are_cut(store) -> None:
    sales = policy.with_models(store.read("sales"), store.read("models"))
    checked = verdicts.check_policy(sales, store.read("policy"), **SETTINGS)
    whole = verdicts.breaches(sales, checked, ())
    assert whole["over_yuan"].iloc[0] == pytest.approx(checked["over_yuan"].clip(lower=0).sum())
    for by in (["branch"], ["outlet"], ["model"], ["rule"], ["branch", "rule"]):
        cut = verdicts.breaches(sales, checked, by)
        assert cut["over_units"].sum() == whole["over_units"].iloc[0] and cut["over_yuan"].is_monotonic_decreasing, by
        assert cut["over_yuan"].sum() == pytest.approx(whole["over_yuan"].iloc[0])


def test_breaches_keep_over_and_below_apart() -> None:
    sales = sales_of({"subsidy": 1005.0, "units": 2.0}, {"subsidy": 945.0}, {"branch": "b"})
    checked = verdicts.check_policy(sales, rules_of({"rate": 0.65}), **SETTINGS)
    assert verdicts.breaches(sales, checked).round(6).values.tolist() == [["a", 3.0, 2.0, 60.0, 1.0, 30.0, 0.0]]
    assert verdicts.breaches(sales.iloc[2:], checked.iloc[2:]).empty
    with pytest.raises(UsageError, match="kiosk"):
        verdicts.breaches(sales, checked, ("kiosk",))


def test_bookings_are_summed_apart() -> None:
    rules = rules_of({"rule": "a", "channel": "own", "booking": "cost"}, {"rule": "b", "channel": "end", "booking": "revenue"}, {"rule": "c", "channel": "social"})
    sales = sales_of({}, {"channel": "end", "units": 3.0}, {"channel": "social"}, {"channel": "direct", "subsidy": np.nan})
    found = policy.booked(sales, verdicts.check_policy(sales, rules, **SETTINGS), rules)
    assert found.values.tolist() == [["cost", 1.0, 975.0, 0.0], ["revenue", 3.0, 2925.0, 0.0], ["unknown", 1.0, 975.0, 1.0]]


# 城市市场G3终端营销方案, 感恩G3老客户: own channel, smart, 4.0 inch on, 50-500 yuan without a schedule
@pytest.mark.parametrize(
    ("known", "qualifies"),
    [({}, ["yes"]), ({"screen_inches": 3.99}, []), ({"screen_inches": 4.0}, ["yes"]), ({"channel": "social"}, []), ({"kind": "feature"}, []),
     ({"segment": "校园"}, []), ({"segment": None}, ["unknown"]), ({"date": pd.Timestamp("2012-12-31")}, [])],
)  # fmt: skip
def test_the_loyal_customer_credit(policy_2013: pd.DataFrame, known: dict, qualifies: list) -> None:
    found = policy.credits(sales_of({"segment": "G3老客户（合约到期）"} | known), policy_2013)
    assert found["qualifies"].tolist() == qualifies and found["amount_yuan"].isna().all()
    assert set(found["reason"]) <= {"schedule_not_given", "segment_unknown"}


# ---- lint -----------------------------------------------------------------------------------------


def test_the_2013_table_is_clean_where_it_claims_to_cover(policy_2013: pd.DataFrame) -> None:
    assert lint(policy_2013).empty


def test_the_2010_table_has_no_hole_and_says_what_is_masked(guidance_2010: pd.DataFrame) -> None:
    faults = lint(guidance_2010)
    assert faults["fault"].value_counts().to_dict() == {"masked": 6, "open": 4}


def test_all_loaded_policies_together_leave_no_hole(store) -> None:
    assert set(lint(store.read("policy"))["fault"]) == {"masked", "open"}


@pytest.mark.parametrize(
    ("changed", "limits", "expected"),
    [
        ("2013-C1-合约套餐-自营", {"price_max": 1800.0}, ["gap", "", "smart", "plan", "own", 1800.0, 2000.0, 4.0, None]),
        ("2013-C1-合约套餐-自营", {"price_max": 2200.0},
         ["overlap", "2013-C1-合约套餐-自营; 2013-C2-合约套餐-自营", "smart", "plan", "own", 2000.0, 2200.0, 4.0, None]),
        ("2013-C3s-合约消费-社会", {"screen_max": 3.5}, ["gap", "", "smart", "spend", "social", None, None, 3.5, 4.0]),
        ("2013-C3f-合约消费-社会", {"price_min": 100.0}, ["gap", "", "feature", "spend", "social", None, 100.0, None, None]),
    ],
)  # fmt: skip
def test_a_planted_fault_is_found_exactly(policy_2013: pd.DataFrame, changed: str, limits: dict, expected: list) -> None:
    table = policy_2013.copy()
    for column, limit in limits.items():
        table.loc[table["rule"] == changed, column] = limit
    found = lint(table)[["fault", "rules", "kind", "contract", "channel", "price_from", "price_to", "screen_from", "screen_to"]]
    assert found.astype("object").where(found.notna(), None).values.tolist() == [expected]


def test_a_dropped_rule_is_one_hole_and_a_day_between_years_is_one() -> None:
    whole = [{"contract": c, "channel": h} for c in ("plan", "spend") for h in ("own", "social")]
    assert lint(rules_of(*whole)).empty
    hole = lint(rules_of(*whole[:-1]))
    assert hole[["fault", "contract", "channel"]].values.tolist() == [["gap", "spend", "social"]]
    years = lint(rules_of({"valid_to": pd.Timestamp("2012-12-30")}, {"valid_from": pd.Timestamp("2013-01-01")}))
    assert years[["fault", "valid_from", "valid_to"]].values.tolist() == [["gap", pd.Timestamp("2012-12-31"), pd.Timestamp("2012-12-31")]]


def test_a_segment_goes_before_and_two_rules_for_it_overlap() -> None:
    assert lint(rules_of({}, {"segment": "校园"})).empty
    found = lint(rules_of({}, {"segment": "校园"}, {"segment": "校园", "price_max": 100.0}))
    assert found[["fault", "rules", "segment", "price_to"]].values.tolist() == [["overlap", "r1; r2", "校园", 100.0]]
    general = lint(rules_of({"price_max": 100.0}, {"price_min": 200.0}, {"segment": "校园"}))
    assert general[["fault", "segment", "price_from", "price_to"]].values.tolist() == [["gap", "general", 100.0, 200.0]]


@settings(max_examples=40)
@given(drawn_rules, st.randoms())
def test_lint_says_of_each_cell_what_matching_finds(rules: list[dict], draw) -> None:
    table = rules_of(*(rule | {"device_class": "handset"} for rule in rules))
    faults = lint(table)
    boxes = faults[faults["fault"].isin(["gap", "overlap"])]
    base = table[table["rule_type"] != "credit"]
    words = {c: list(base[c].dropna().unique()) or [None] for c in ("contract", "channel", "segment")}
    words["segment"] += ["农村"] * bool(base["segment"].isna().any() and base["segment"].notna().any())
    for _ in range(8):
        known = {c: draw.choice(v) for c, v in words.items()} | {
            "list_price": draw.choice([500.0, 999.99, 1500.0, 2000.0]), "screen_inches": draw.choice([3.95, 4.0, 6.0]),
            "date": pd.Timestamp(draw.choice(["2012-12-31", "2013-03-01", "2013-06-30", "2013-08-01"])),
        }  # fmt: skip
        found = plainly(sales_of(known).to_dict("records")[0], table)
        own = "general" if known["segment"] == "农村" else known["segment"]
        hit = boxes[
            ((boxes[["contract", "channel"]].isna()) | (boxes[["contract", "channel"]] == [known["contract"], known["channel"]])).all(axis=1)
            & (boxes["segment"].isna() | (boxes["segment"] == own))
            & ~(known["list_price"] < boxes["price_from"]) & ~(known["list_price"] >= boxes["price_to"])
            & ~(known["screen_inches"] < boxes["screen_from"]) & ~(known["screen_inches"] >= boxes["screen_to"])
            & ~(known["date"] < boxes["valid_from"]) & ~(known["date"] > boxes["valid_to"])
        ]  # fmt: skip
        assert len(hit) <= 1
        if len(hit):
            assert found == {"gap": NO_RULE, "overlap": SEVERAL}[hit["fault"].iloc[0]]
        else:
            assert found != SEVERAL


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ({"rate": 1.2}, "rate_range"), ({"rate": -0.1}, "rate_range"), ({"price_min": 5.0, "price_max": 5.0}, "price_band"),
        ({"screen_min": 5.0, "screen_max": 4.0}, "screen_band"), ({"valid_from": DAY, "valid_to": DAY - pd.Timedelta(days=1)}, "validity"),
        ({"free_share": 0.7, "data_share": 0.2}, "shares"), ({"free_share": 1.0}, "shares"), ({"device_class": "teapot"}, "device_class"),
        ({"rate_status": "masked"}, "rate_though_masked"), ({"rate_status": "known", "rate": None}, "no_rate"),
        ({"rate_status": "open", "rate": None}, "open"), ({"rule": "r1"}, "duplicate_rule"),
    ],
)  # fmt: skip
def test_faults_of_a_rule_by_itself(rule: dict, fault: str) -> None:
    found = lint(rules_of({"channel": "own"} | rule, {"channel": "end", "device_class": rule.get("device_class")}))
    assert fault in set(found["fault"])
    assert "r0" in set(found["rules"]) or rule.get("rule") == "r1"
    assert fault not in set(lint(rules_of({"channel": "own"}, {"channel": "end", "free_share": 0.7, "data_share": 0.3}))["fault"])


def test_the_order_of_the_rules_changes_nothing(policy_2013: pd.DataFrame, guidance_2010: pd.DataFrame) -> None:
    table = pd.concat([policy_2013.iloc[2:], guidance_2010, policy_2013.tail(3)], ignore_index=True)
    pd.testing.assert_frame_equal(lint(table), lint(table.iloc[::-1]))


def test_too_fine_a_table_is_refused_with_its_size() -> None:
    fine = [{"price_min": float(i), "screen_min": float(i), "valid_from": DAY + pd.Timedelta(days=i)} for i in range(200)]
    with pytest.raises(DataError, match="8,000,000 cells"):
        lint(rules_of(*fine))


# ---- the shipped tables against their sources -----------------------------------------------------

# 城市市场G3终端营销方案, 分机型政策: rate by group, contract, channel; months by group
CELLS = {
    ("C1", "plan", "own"): 0.65, ("C1", "plan", "social"): 0.60, ("C1", "spend", "own"): 0.55, ("C1", "spend", "social"): 0.50,
    ("C2", "plan", "own"): 0.55, ("C2", "plan", "social"): 0.50, ("C2", "spend", "own"): 0.45, ("C2", "spend", "social"): 0.40,
    ("C3", "plan", "own"): 0.55, ("C3", "plan", "social"): 0.50, ("C3", "spend", "own"): 0.45, ("C3", "spend", "social"): 0.40,
}  # fmt: skip
GROUPS = {"C1": [("smart", 1999.99, 4.0)], "C2": [("smart", 2000.0, 4.0)], "C3": [("smart", 2000.0, 3.99), ("feature", 1.0, 5.0)]}


@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_the_twelve_cells_of_2013(policy_2013: pd.DataFrame, cell: tuple[str, str, str]) -> None:
    group, contract, channel = cell
    for kind, price, screen in GROUPS[group]:
        sale = sales_of({"kind": kind, "list_price": price, "screen_inches": screen, "contract": contract, "channel": channel})
        rule = policy_2013.iloc[policy.match_policy(sale, policy_2013).iloc[0]]
        assert (rule["rate"], rule["qualifier"], rule["bound"], rule["rate_status"]) == (CELLS[cell], "约", "eq", "known")
        assert rule["term_months"] == {"C1": 24, "C2": 24, "C3": 18}[group]
        assert (rule["free_share"], rule["data_share"]) == ((1.0, 0.0) if contract == "plan" else (0.7, 0.3))
        assert rule["valid_from"] == pd.Timestamp("2013-01-01") and pd.isna(rule["valid_to"])


def test_own_is_5_pp_above_social_and_plan_10_above_spend(policy_2013: pd.DataFrame) -> None:
    base = policy_2013[policy_2013["rule_type"] == "base"]
    cells = base.assign(group=base["rule"].astype("str").str.split("-").str[1]).pivot_table(index="group", columns=["contract", "channel"], values="rate", observed=True)
    assert list(cells.index) == ["C1", "C2", "C3f", "C3s"]
    assert np.allclose(cells.xs("own", axis=1, level=1) - cells.xs("social", axis=1, level=1), 0.05)
    assert np.allclose(cells["plan"] - cells["spend"], 0.10)


def test_the_loyal_credit_names_its_range_and_no_schedule(policy_2013: pd.DataFrame) -> None:
    credit = policy_2013[policy_2013["rule_type"] == "credit"].iloc[0]
    assert "50-500元" in credit["exception"] and "未给出" in credit["exception"]
    assert pd.isna(credit["rate"]) and pd.isna(credit["cap_per_unit"]) and credit["rate_status"] == "open"


# 2010年G3客户发展指导意见, 补贴标准
def test_masked_figures_of_2010_are_null(guidance_2010: pd.DataFrame) -> None:
    known = guidance_2010[guidance_2010["rate"].notna()]
    assert known[["rule", "rate", "bound"]].values.tolist() == [["2010-无线座机", 0.9, "ge"]]
    assert guidance_2010["lifecycle_cap"].isna().all() and guidance_2010["cap_per_unit"].isna().all()


def test_netbook_and_2g_of_2010(guidance_2010: pd.DataFrame) -> None:
    rules = guidance_2010.set_index("device_class")
    netbook, low_end = rules.loc["netbook"], rules.loc["low_end_2g"]
    assert (netbook["bound"], netbook["booking"], netbook["rate_status"]) == ("le", "revenue", "masked") and pd.isna(netbook["cap_per_unit"])
    assert "集团客户" in netbook["exception"] and "校园" in netbook["exception"]
    assert "严格控制" in low_end["exception"] and low_end["booking"] == "revenue" and pd.isna(low_end["rate"])


@pytest.mark.parametrize("device_class", ["netbook", "low_end_2g", "reader", "pnd", "data_card"])
def test_what_2010_masks_gets_no_verdict(guidance_2010: pd.DataFrame, device_class: str) -> None:
    sale = sales_of({"device_class": device_class, "date": pd.Timestamp("2010-06-01"), "subsidy": 3000.0})
    assert verdicts.check_policy(sale, guidance_2010, **SETTINGS)["verdict"].tolist() == ["no verdict"]


# ---- glide path -----------------------------------------------------------------------------------


def stages(*rows: tuple, table: pd.DataFrame | None = None, **known: str) -> pd.DataFrame:
    sales = sales_of(*({"date": pd.Timestamp(day), "subsidy": s, "list_price": p, "segment": seg} for day, s, p, *rest in rows for seg in [rest[0] if rest else None]))
    return glide.glide_path(sales, rules_of() if table is None else table, **(SETTINGS | known))


def test_each_rise_is_named_in_yuan_and_in_rate() -> None:
    found = stages(("2013-01-05", 500.0, 1000.0), ("2013-02-05", 600.0, 1500.0), ("2013-03-05", 500.0, 1000.0), ("2013-04-05", 501.0, 1000.0), stages="month")
    assert found["stage"].tolist() == ["2013-01", "2013-02", "2013-03", "2013-04"]
    assert found["reason"].tolist() == ["first_stage", "yuan", "rate", "yuan+rate"]
    assert found["verdict"].tolist() == ["no verdict", "fail", "fail", "fail"]
    assert found["yuan_rise"].tolist()[1:] == [100.0, -100.0, 1.0]


def test_a_flat_line_and_a_fen_are_no_rise() -> None:
    found = stages(("2013-01-05", 500.0, 1000.0), ("2013-04-05", 500.0, 1000.0), ("2013-07-05", 500.01, 1000.1))
    assert found["verdict"].tolist() == ["no verdict", "pass", "pass"]


def test_a_stage_is_held_against_the_last_one_known() -> None:
    found = stages(("2013-01-05", 500.0, 1000.0), ("2013-04-05", np.nan, 1000.0), ("2013-10-05", 600.0, 1000.0))
    assert found[["stage", "reason"]].values.tolist() == [["2013Q1", "first_stage"], ["2013Q2", "unknown"], ["2013Q4", "yuan+rate"]]
    assert found["unknown_units"].tolist() == [0, 1, 0]


def test_one_stage_zero_price_unset_and_nothing() -> None:
    assert stages(("2013-01-05", 500.0, 1000.0), ("2013-02-05", 900.0, 1000.0))["reason"].tolist() == ["one_stage"]
    assert stages(("2013-01-05", 500.0, 1000.0), ("2013-04-05", 400.0, 0.0))["reason"].tolist() == ["first_stage", "zero_base"]
    unset = stages(("2013-01-05", 500.0, 1000.0), ("2013-04-05", 900.0, 1000.0), numerator="")
    assert unset[["verdict", "reason"]].drop_duplicates().values.tolist() == [["no verdict", "unset"]]
    assert stages().empty and "verdict" in stages()
    with pytest.raises(UsageError, match="quarter"):
        stages(stages="week")


def test_a_dearer_mix_is_told_from_a_rise() -> None:
    # the own channel at 60 %, the social at 40 %, both in both quarters; then four own sales where there was one
    rows = [{"date": pd.Timestamp(day), "subsidy": 1000 * rate, "list_price": 1000.0, "channel": channel, "units": units}
            for day, own in (("2013-01-05", 1.0), ("2013-04-05", 4.0)) for channel, rate, units in (("own", 0.6, own), ("social", 0.4, 1.0))]  # fmt: skip
    found = glide.glide_path(sales_of(*rows), rules_of(), **SETTINGS).iloc[1]
    assert (found["verdict"], found["rate_rise"], found["rate_rise_same_mix"]) == ("fail", pytest.approx(0.06), pytest.approx(0.0))
    rows[2]["subsidy"] = 650.0  # and now own itself is dearer: 5 points on 5,000 of 7,000 yuan of both stages
    found = glide.glide_path(sales_of(*rows), rules_of(), **SETTINGS).iloc[1]
    assert found["rate_rise_same_mix"] == pytest.approx(0.05 * 5 / 7)
    # nothing that was sold in both stages: no figure
    apart = glide.glide_path(sales_of(rows[0], rows[3]), rules_of(), **SETTINGS).iloc[1]
    assert np.isnan(apart["rate_rise_same_mix"]) and apart["rate_rise"] == pytest.approx(-0.2)


def test_what_the_policy_excepts_is_left_out_and_counted(guidance_2010: pd.DataFrame) -> None:
    rows = [{"date": pd.Timestamp(day), "subsidy": s, "device_class": c, "segment": seg, "model": c}
            for c in ("netbook", "handset") for day, s, seg in (("2010-02-01", 500.0, None), ("2010-08-01", 800.0, "校园客户"), ("2010-08-02", 500.0, "农村客户"))]  # fmt: skip
    sales = sales_of(*rows).assign(tier="deep")
    found = glide.glide_path(sales, guidance_2010, **SETTINGS).set_index(["model", "stage"])
    assert found.loc[("netbook", "2010Q3"), ["verdict", "excepted_units", "units"]].tolist() == ["pass", 1, 1]
    assert found.loc[("handset", "2010Q3"), ["verdict", "excepted_units", "units"]].tolist() == ["fail", 0, 2]
    all_excepted = glide.glide_path(sales.iloc[:2], guidance_2010, **SETTINGS)
    assert all_excepted["reason"].tolist() == ["one_stage", "excepted"]


# ---- unified --------------------------------------------------------------------------------------


def test_deviations_from_the_usual_value() -> None:
    sales = sales_of({"branch": "a", "units": 5.0}, {"branch": "b", "units": 3.0, "list_price": 1600.0}, {"branch": "c", "subsidy": 1000.0})
    found = unified.unified_deviations(sales)
    assert found[["branch", "what", "value", "usual", "units", "yuan"]].values.tolist() == [
        ["b", "list_price", 1600.0, 1500.0, 3.0, 300.0], ["b", "margin", 400.0, 300.0, 3.0, 300.0], ["c", "subsidy", 1000.0, 975.0, 1.0, 25.0],
    ]  # fmt: skip


def test_of_equal_values_the_lower_is_usual_and_one_value_deviates_from_nothing() -> None:
    tie = unified.unified_deviations(sales_of({"branch": "b", "subsidy": 800.0}, {"branch": "a"}))
    assert tie[["branch", "usual", "yuan"]].values.tolist() == [["a", 800.0, 175.0]]
    assert unified.unified_deviations(sales_of({})).empty
    assert unified.unified_deviations(sales_of()).empty
    assert unified.unified_deviations(sales_of({}, {"model": None, "subsidy": 1.0}, {"units": 0.0, "subsidy": 2.0}, {"subsidy": np.nan})).empty


@given(st.lists(st.tuples(some(["a", "b", "c"]), st.integers(1, 9), some([100.0, 200.0, 300.0])), min_size=1, max_size=12))
def test_units_at_and_off_the_usual_value_are_all_units(rows: list) -> None:
    sales = sales_of(*({"branch": b, "units": float(u), "subsidy": s} for b, u, s in rows))
    off = unified.unified_deviations(sales)
    per_value = sales.groupby("subsidy")["units"].sum()
    assert off["units"].sum() == sales["units"].sum() - per_value.max()


@pytest.mark.parametrize(
    ("selected", "unknown", "verdict", "reason"),
    [(9, 0, "fail", ""), (10, 0, "pass", ""), (15, 0, "pass", ""), (16, 0, "fail", ""), (9, 1, "no verdict", "tier_unknown"),
     (14, 1, "pass", ""), (15, 1, "no verdict", "tier_unknown"), (16, 1, "fail", ""), (0, 0, "fail", "")],
)  # fmt: skip
def test_ten_to_fifteen_selected_models(selected: int, unknown: int, verdict: str, reason: str) -> None:
    tiers = ["selected"] * selected + [None] * unknown + ["deep", "selected"]
    models = pd.DataFrame({"model": [f"m{i}" for i in range(len(tiers))], "device_class": "handset", "tier": tiers})
    models.loc[len(models) - 1, "device_class"] = "netbook"
    row = unified.selected_models(pd.DataFrame({"model": [*models["model"], "m0"], "units": 1}), models).iloc[0]
    assert row.tolist() == [selected, unknown, 10, 15, verdict, reason]


def test_without_sales_the_selection_has_no_verdict() -> None:
    models = pd.DataFrame({"model": ["m"], "device_class": "handset", "tier": "selected"})
    assert unified.selected_models(pd.DataFrame({"model": ["m"], "units": [0]}), models).iloc[0].tolist() == [0, 0, 10, 15, "no verdict", "no_sales"]


def test_a_bare_device_is_no_contract() -> None:
    mix = unified.contract_mix(pd.DataFrame({"contract": ["plan", "spend", "tariff", "bare", None], "units": [6, 3, 1, 90, 7]}))
    assert mix["units"].tolist() == [6, 3, 1, 90, 7] and set(mix["denominator"]) == {10}
    assert mix["share"].tolist()[:3] == [0.6, 0.3, 0.1] and mix["share"].isna().tolist()[3:] == [True, True]
    assert mix["reason"].tolist() == ["", "", "", "no_contract", "unknown"]
    assert mix["contract"].tolist()[:4] == ["plan", "spend", "tariff", "bare"] and pd.isna(mix["contract"].iloc[4])


def test_price_bands_are_half_open() -> None:
    mix = unified.price_band_mix(pd.DataFrame({"list_price": [0.0, 999.99, 1000.0, 2000.0, 2999.0, 3000.0, -1.0, np.nan], "units": 1}))
    assert mix["units"].tolist() == [2, 1, 2, 1, 2] and mix["share"].sum() == pytest.approx(1.0)
    assert mix["reason"].tolist() == ["", "", "", "", "unknown"]
    nothing = unified.price_band_mix(pd.DataFrame({"list_price": [], "units": []}))
    assert nothing["reason"].tolist() == ["zero_base"] * 4 + ["unknown"] and nothing["share"].isna().all()
    with pytest.raises(UsageError, match="rising"):
        unified.price_band_mix(pd.DataFrame({"list_price": [1.0], "units": [1]}), (2000, 1000))


# ---- YAML -----------------------------------------------------------------------------------------


def as_yaml(path: Path) -> str:
    import csv

    with path.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    return "\n".join("-" + "\n".join(f" {' ' * bool(i)}{k}: {f'{v!r}' if v in ('*', '>=') else v}" for i, (k, v) in enumerate(r.items())) for r in rows)


@pytest.mark.parametrize("name", ["subsidy-policy-2013.csv", "guidance-2010-policy.csv"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_policy_in_yaml_reads_as_its_csv(root: Path, tmp_path: Path, name: str, encoding: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(as_yaml(root / "data/sources" / name), encoding=encoding)
    checked = loading.check(path)
    assert not checked.all_faults
    pd.testing.assert_frame_equal(checked.exports[0].rows, shipped(root, name))


def test_canonical_headings_and_a_bad_value_go_through_the_same_gate(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    path.write_text("- {rule: '007', rate: 65%, channel: own, bound: =}\n- rule: b\n  rate: 65\n  channel: 火星\n", encoding="utf-8")
    checked = loading.check(path)
    assert checked.exports[0].rows[["rule", "rate", "bound"]].values.tolist() == [["007", 0.65, "eq"]]
    assert sorted((fault.row, fault.column, fault.found) for fault in checked.all_faults) == [(3, "channel", "火星"), (3, "rate", "65")]


BOMB = "a: &a [x]\n" + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n" for p, c in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- 规则: a\n  规则: b\n", "line 2: '规则' twice in one rule"),
        ("- 规则: a\n  补贴率: *\n", "alias"),  # a mask without quotes
        ("- 规则: a\n  补贴率: [1, 2]\n", "line 2"),
        ("规则: a\n", "line 1"),
        ("just text\n", "line 1"),
        ("- 规则: &x a\n- 规则: *x\n", "line 1"),
        ("- &x {规则: a}\n- *x\n", "line 1"),
        ("- 规则: a\n---\n- 规则: b\n", "line 3"),
        ("- 规则: 'a\n", "quoted scalar"),
        ("- !!python/object/apply:os.system ['true']\n", "line 1"),
        ("# nothing\n", "0 rules"),
        ("- {}\n", "0 headings"),
        (BOMB, "line 1"),
        ("- " * 100_000, "line 1"),
        ("[" * 400_000, "line 1"),
        ("- {a: " * 100_000, "line 1"),
        ("- <<: [*a, *a]\n", "line 1"),
        ("".join(f"- a{i}: 1\n" for i in range(60_000)), "60,000 headings"),
        ("- 规则: " + "x" * 1_000_001, "1,000,000"),
        ("- 规则: a\x07\n", "characters are not allowed"),
    ],
    ids=lambda text: text[:20],
)
def test_bad_yaml_is_one_clear_fault(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    (fault,) = loading.check(path).all_faults
    assert said in fault.found and fault.expected.startswith("a list of rules")


def test_a_text_too_large_is_refused_before_any_of_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def parse(text: str, **_: object) -> list:
        asked.append(len(text))
        return []

    monkeypatch.setattr(tables_policy.yaml, "parse", parse)
    for text, read in (("#" * (tables_policy.MAX_YAML + 1), []), ("#" * tables_policy.MAX_YAML, [tables_policy.MAX_YAML])):
        asked.clear()
        with pytest.raises(DataError, match=f"{len(text):,} characters" if not read else "0 headings"):
            yaml_grid(text)
        assert asked == read


@pytest.mark.parametrize("text", [BOMB, "- " * 100_000, "[" * 400_000, "- {a: " * 100_000, "- <<: [*a, *a]\n"], ids=lambda text: text[:10])
def test_nesting_and_aliases_are_given_up_after_a_few_events(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    seen: list[object] = []
    honest = tables_policy.yaml.parse

    def counted(text: str, **how: object):
        for event in honest(text, **how):
            seen.append(event)
            yield event

    monkeypatch.setattr(tables_policy.yaml, "parse", counted)
    with pytest.raises(DataError):
        yaml_grid(text)
    assert 0 < len(seen) <= 8


def test_every_value_stays_the_text_that_was_written() -> None:
    rows = yaml_grid("- {a: 0010, b: yes, c: 2013-01-01, d: 1_000, e: ~, f: '~', g: =, h: 4.0, i: }")
    assert rows[1] == ["0010", "yes", "2013-01-01", "1_000", "", "~", "=", "4.0", ""]


# ---- the chart ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_chart_shows_each_rate_and_hatches_the_hole(policy_2013: pd.DataFrame, lang: str) -> None:
    from g3lib.report.charts.look import WARN, figure, look
    from g3lib.report.charts.policy import policy_bands

    table = policy_2013.copy()
    table.loc[table["rule"] == "2013-C1-合约套餐-自营", "price_max"] = 1800.0
    own = table[(table["contract"] == "plan") & (table["channel"] == "own")]
    with look():
        fig, ax = figure(3.4)
        assert policy_bands(own, lint(table), ax, lang) is ax
        fig.canvas.draw()
        texts = [t.get_text() for t in ax.texts]
        spans = [t.get_window_extent() for t in ax.texts]
    about = "约" if lang == "zh" else "about "
    assert sorted(texts) == sorted([f"{about}65%", f"{about}55%", f"{about}55%"])
    assert not any(a.overlaps(b) for i, a in enumerate(spans) for b in spans[:i])
    hatched = [p for p in ax.patches if p.get_hatch()]
    assert [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in hatched] == [(1, 1, 1, 1)]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "1,800", "2,000"]
    from matplotlib.colors import to_rgba

    assert hatched[0].get_edgecolor() == to_rgba(WARN)


def test_crossing_rules_keep_their_rates_apart() -> None:
    from g3lib.report.charts.look import figure, look
    from g3lib.report.charts.policy import policy_bands

    table = rules_of({"price_max": 2000.0, "rate": 0.6}, {"price_max": 1500.0, "rate": 0.4}, {"price_min": 2000.0, "rate": None, "rate_status": "masked"})
    with look():
        fig, ax = figure(3.0)
        policy_bands(table, lint(table), ax, "en")
        fig.canvas.draw()
        spans = {t.get_text(): t.get_window_extent() for t in ax.texts}
    assert set(spans) == {"60%", "40%", "masked"}
    boxes = list(spans.values())
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


@pytest.mark.parametrize("base", ["contract", "supply"])
def test_only_what_exceeds_the_list_price_is_above_the_price(base: str) -> None:
    # 600 off 1,000 leaves 400 to pay: a rate of 150 % of the contract price, and of a supply price of 400
    sales = pd.DataFrame({"channel": "own", "units": 1, "list_price": [1000.0, 1000], "subsidy": [600.0, 1100],
                          "paid": [400.0, 0], "prepaid": 0.0, "supply_price": 400.0})  # fmt: skip
    rules = pd.DataFrame({"rule": ["r"], "channel": ["own"], "bound": ["le"], "rate": [1.5]})
    found = verdicts.check_policy(sales, rules, numerator="device", base=base)
    assert found["verdict"].tolist() == ["pass", "fail"]
    assert found["reason"].iloc[1] == "above_price"
    # of the two it breaks the one by more that is by more: 1,100 on a list price of 1,000, and 150 % of 400
    assert found["over_yuan"].iloc[1] == {"contract": 100.0, "supply": 500.0}[base]

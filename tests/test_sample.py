"""The made-up province: same bytes again, plainly made up, and what was planted can be found in the files."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from g3lib.errors import UsageError
from g3lib.labels import VOCABULARIES, code
from g3lib.tables.sample import make
from g3lib.tables.sample import sales as generator
from g3lib.tables.sample.truth import scenario
from g3lib.tables.sample.world import outlets


def text(path: Path) -> str:
    data = path.read_bytes()
    return data.decode("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "gb18030")


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text(path)), skiprows=1, dtype={"客户号码": str, "终端串号": str})


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("province")
    return out, make(out)


@pytest.fixture(scope="module")
def sales(province: tuple[Path, dict[str, Any]]) -> pd.DataFrame:
    """All sales, the masked month in its corrected form."""
    out, _ = province
    files = [*sorted(out.glob("sales-????-H?.csv")), *out.glob("corrected/*.csv")]
    table = pd.concat([read(path) for path in files], ignore_index=True)
    models = read(out / "models.csv").set_index("机型")
    table["屏幕"] = table["机型"].map(models["屏幕尺寸(寸)"])
    table["种类"] = table["机型"].map(models["终端种类"])
    table["月"] = table["日期"].str[:7]
    return table


@pytest.fixture(scope="module")
def activity(province: tuple[Path, dict[str, Any]]) -> pd.DataFrame:
    return pd.read_parquet(province[0] / "activity.parquet")


def test_same_arguments_same_bytes_and_another_seed_other_data(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"branches": 2, "months": 4, "seed": 7}
    truth = make(tmp_path / "a", **arguments)
    assert make(tmp_path / "b", **arguments) == truth
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert truth == json.loads((tmp_path / "a" / "truth.json").read_text(encoding="utf-8"))

    make(tmp_path / "c", **arguments | {"seed": 8})
    first, other = digests(tmp_path / "a"), digests(tmp_path / "c")
    assert first.keys() == other.keys()
    assert not {name for name in first if first[name] == other[name]}


def test_a_smaller_sample_in_the_same_folder_leaves_no_earlier_sales_behind(tmp_path: Path) -> None:
    make(tmp_path, branches=3, months=14, seed=7)
    own = tmp_path / "sales-mine.csv"
    own.write_text("日期\n", encoding="utf-8")
    make(tmp_path, branches=2, months=3, seed=7)
    make(tmp_path / "fresh", branches=2, months=3, seed=7)
    sales_files = {path.name for path in tmp_path.rglob("sales-*") if "fresh" not in path.parts}
    assert sales_files == {path.name for path in (tmp_path / "fresh").rglob("sales-*")} | {own.name}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"branches": 1}, r"branches is 1; expected a whole number of at least 2"),
        ({"months": 2}, r"months is 2; expected a whole number of at least 3"),
        ({"seed": -1}, r"seed is -1"),
        ({"last_month": "2013-13"}, r"last_month is '2013-13'; expected a month such as 2013-12"),
    ],
)
def test_impossible_sizes_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        make(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_every_file_says_that_it_is_made_up(province: tuple[Path, dict[str, Any]]) -> None:
    out, truth = province
    for path in out.rglob("*.csv"):
        assert text(path).split("\n")[0] == "虚构样例数据（made-up data），种子 2012", path.name
        assert "\r" not in text(path)
    metadata = pq.read_schema(out / "activity.parquet").metadata
    assert metadata[b"g3lib.title"].decode() == truth["title"]
    readme = (out / "README.txt").read_text(encoding="utf-8")
    assert "虚构" in readme and "made up" in readme


def test_names_and_numbers_are_plainly_made_up(
    province: tuple[Path, dict[str, Any]], sales: pd.DataFrame, activity: pd.DataFrame
) -> None:
    out, truth = province
    assert truth["branches"][0] == "样例一区" and truth["branches"][11] == "样例十二区"
    for column in ("分公司", "网点", "机型"):
        assert sales[column].str.startswith("样例").all()
    assert read(out / "models.csv")["厂商"].str.fullmatch("样例厂商[甲乙丙丁戊]").all()
    assert sales["客户号码"].str.fullmatch(r"10\d{9}").all()
    assert sales["终端串号"].str.fullmatch(r"00\d{13}").all()
    assert sales["客户号码"].is_unique
    assert set(activity["customer"]) <= set(sales["客户号码"])


def test_the_gate_knows_every_word_that_is_written(province: tuple[Path, dict[str, Any]]) -> None:
    out, _ = province
    columns = {
        "sales-2011-H1": {"渠道": "channel", "终端类型": "device_class", "合约": "contract"},
        "sales-2011-H2": {"客户类型": "customer_type"},
        "branches": {"级别": "level"},
        "models": {"终端种类": "kind", "定制层级": "tier", "等级": "grade"},
        "targets": {"指标": "metric", "类型": "target_kind", "方向": "direction"},
        "policy-sample": {
            "规则类型": "rule_type",
            "约束": "bound",
            "补贴率状态": "rate_status",
            "列账": "booking",
        },
    }
    for name, vocabularies in columns.items():
        table = read(out / f"{name}.csv")
        for column, vocabulary in vocabularies.items():
            assert None not in [code(vocabulary, word) for word in table[column].dropna().unique()], column


def test_activity_is_one_row_a_customer_month_and_ends_once(
    sales: pd.DataFrame, activity: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    assert not activity.duplicated(["customer", "month"]).any()
    assert set(activity["state"]) <= set(VOCABULARIES["state"])
    assert set(activity["reason"].dropna()) == set(VOCABULARIES["reason"])
    left = activity["state"] == "cancelled"
    assert activity["reason"].notna().equals(left)
    last = activity.groupby("customer")["month"].transform("max") == activity["month"]
    assert last[left].all()
    never = set(sales["客户号码"]) - set(activity["customer"])
    assert never == set(sales.loc[sales["激活时间"].isna(), "客户号码"])
    assert len(never) == province[1]["fates"]["not_activated"]["sales"]
    assert activity.groupby("customer").size().max() == province[1]["hazards"]["followed_months"]


def test_split_share_is_near_the_planted_one_and_seen_within_three_months(
    sales: pd.DataFrame, activity: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    told = province[1]["fates"]["split"]
    assert told["share_realised"] == pytest.approx(0.06, abs=0.004)
    assert told["share_realised"] == pytest.approx(told["sales"] / len(sales), abs=1e-6)
    split = activity[activity["state"] == "split"]
    assert split["customer"].nunique() == told["seen_in_activity"] <= told["sales"]
    assert not split["device_matched"].any()
    sold = split["customer"].map(sales.set_index("客户号码")["月"])
    since = months_between(sold, split["month"]).groupby(split["customer"]).min()
    assert set(since) == {1, 2, 3}


def months_between(first: pd.Series, second: pd.Series) -> pd.Series:
    index = [month.str[:4].astype(int) * 12 + month.str[5:7].astype(int) for month in (first, second)]
    return index[1] - index[0]


def test_leaving_follows_the_planted_hazards(sales: pd.DataFrame, activity: pd.DataFrame) -> None:
    of_24 = set(sales.loc[sales["合约期(月)"] == 24, "客户号码"])
    mine = activity[activity["customer"].isin(of_24)]
    since = months_between(mine["customer"].map(sales.set_index("客户号码")["月"]), mine["month"])
    leaving = (mine["state"] == "cancelled").groupby(since).mean()
    assert leaving[0] == 0
    assert leaving[2:11].mean() == pytest.approx(0.006 + 0.003 + 0.005 + 0.0008 + 0.002, abs=0.0015)
    assert leaving[24] == pytest.approx(0.006 + 0.005 + 0.0008 + 0.005 + 0.10, abs=0.015)


def test_box_batches_have_numbers_in_a_row_and_no_use(
    sales: pd.DataFrame, activity: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    boxes = province[1]["box_breaking"]
    assert len(boxes["outlets"]) == 2 and len(boxes["batches"]) == 12
    number = sales["客户号码"].astype("int64")
    # sales on one day at one outlet whose numbers follow each other: the batches and nothing else
    together = sales.assign(号=number).sort_values("号")
    joined = together["号"].diff().eq(1) & (together["网点"] == together["网点"].shift())
    found = together[joined | joined.shift(-1, fill_value=False)]
    sizes = found.groupby(["网点", "日期", "机型"]).size()
    assert sizes.to_dict() == {(b["outlet"], b["date"], b["model"]): b["sales"] for b in boxes["batches"]}
    assert sizes.between(8, 15).all()
    assert (found["激活时间"].str[:10] == found["日期"]).all()
    for _, batch in pd.to_datetime(found["激活时间"]).groupby([found["网点"], found["日期"]]):
        assert batch.sort_values().diff().dropna().dt.total_seconds().between(20, 50).all()
    assert found.groupby(["网点", "日期"])["终端串号"].nunique().lt(sizes.droplevel(2)).all()
    use = activity[activity["customer"].isin(found["客户号码"])]
    assert len(use) and (use[["revenue", "days_on_3g"]] == 0).all(axis=None)
    rest = sales.loc[~sales.index.isin(found.index), "终端串号"]
    assert rest.is_unique


PLANNED = ("合约套餐", "合约消费")  # what the twelve cells of 2013 cover
CELL = ["终端类型", "种类", "零售价(元)", "屏幕", "合约", "渠道", "合约期(月)"]


def fits(rule: dict[Any, Any], sale: dict[str, Any]) -> bool:
    """An empty dimension means any; bands hold their lower and not their upper end."""
    for column, value in zip(("终端类型", "终端种类", "合约", "渠道"), sale["words"], strict=True):
        if rule[column] not in ("", value):
            return False
    for name, value in (("价格", sale["price"]), ("屏幕", sale["screen"])):
        unit = "元" if name == "价格" else "寸"
        low, high = rule[f"{name}下限({unit})"], rule[f"{name}上限({unit})"]
        if (low and value < float(low)) or (high and value >= float(high)):
            return False
    return bool(rule["生效日期"] <= sale["day"] <= (rule["失效日期"] or "9999"))


def test_each_sale_has_one_rule_and_keeps_to_it(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    """Own and social handset contracts of 2013 are left to the real policy: no rule of the sample."""
    out, truth = province
    sheet = pd.read_csv(
        io.StringIO(text(out / "policy-sample.csv")), skiprows=1, dtype=str, keep_default_na=False
    )
    rules = sheet.to_dict("records")
    assert truth["breaches"][0]["from"] == "2013-01"  # so the sample's own rules judge no breach
    rate = sales["补贴(元)"] / sales["零售价(元)"]
    cells = rate.groupby([sales["日期"].str[:4], *(sales[c] for c in CELL)], dropna=False)
    ranges: Any = cells.agg(["min", "max"])
    for key, same in ranges.iterrows():
        year, device_class, kind, price, screen, contract, channel, term = key
        sale = {"words": (device_class, kind, contract, channel), "price": price, "screen": screen}
        found = [rule for rule in rules if fits(rule, sale | {"day": f"{year}-07-01"})]
        if (
            year == "2013"
            and device_class == "G3手机"
            and channel in ("自营", "社会")
            and contract in PLANNED
        ):
            assert not found, key
            continue
        assert len(found) == 1, key
        rule = found[0]
        limit = float(rule["补贴率"].rstrip("%")) / 100
        assert same["min"] >= limit - 1e-9 if rule["约束"] == "≥" else same["max"] <= limit + 1e-9, key
        assert rule["合约期(月)"] in ("", f"{term:g}"), key


def rate_of_2013(table: pd.DataFrame) -> pd.Series:
    """The twelve cells: 55 % for an own plan contract, 10 points more for C1, and the two reductions."""
    first = (table["零售价(元)"] < 2000) & (table["屏幕"] >= 4.0) & (table["种类"] == "智能机")
    return 0.55 + 0.10 * first - 0.10 * (table["合约"] == "合约消费") - 0.05 * (table["渠道"] == "社会")


def test_planted_breaches_are_the_only_sales_of_2013_away_from_the_real_policy(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    covered = sales[
        (sales["月"] >= "2013-01")
        & sales["终端类型"].eq("G3手机")
        & sales["渠道"].isin(["自营", "社会"])
        & sales["合约"].isin(["合约套餐", "合约消费"])
    ]
    assert {1499, 1999, 2000} <= set(covered["零售价(元)"])
    off = covered["补贴(元)"] / covered["零售价(元)"] - rate_of_2013(covered)
    breach = covered[off > 0.10]
    assert off[off <= 0.10].abs().max() <= 0.015
    assert off[breach.index].between(0.105, 0.135).all()
    found = breach.groupby("分公司").size().to_dict()
    assert found == {b["branch"]: b["sales"] for b in province[1]["breaches"]} and len(found) == 2
    assert set(breach["渠道"]) == {"自营"} and set(breach["机型"]) == {province[1]["breaches"][0]["model"]}
    yuan = (off * covered["零售价(元)"])[breach.index].sum()
    assert yuan == pytest.approx(sum(b["yuan_over"] for b in province[1]["breaches"]), abs=0.1)


def response(sales: pd.DataFrame, device_class: str) -> float:
    """Log units of a branch-quarter on its subsidy rate, less branch and quarter means, before 2013."""
    mine = sales[(sales["月"] < "2013-01") & (sales["终端类型"] == device_class)]
    # where the city sets no rate there is nothing to respond to
    mine = mine[mine["合约"].isin(["合约套餐", "合约消费"]) | (device_class != "G3手机")]
    quarter = mine["月"].str[:4] + "Q" + ((mine["月"].str[5:].astype(int) + 2) // 3).astype(str)
    sums = mine.groupby([mine["分公司"], quarter])[["补贴(元)", "零售价(元)", "台数"]].sum()
    panel = pd.DataFrame({"x": sums["补贴(元)"] / sums["零售价(元)"], "y": np.log(sums["台数"])})
    for level in (0, 1):  # the panel is complete, so twice taking out means is the two-way regression
        panel -= panel.groupby(level=level).transform("mean")
    return float((panel["x"] * panel["y"]).sum() / (panel["x"] ** 2).sum())


@pytest.mark.parametrize(
    ("device_class", "name", "band"),
    [
        ("G3手机", "handset", 0.45),
        ("上网卡", "data_card", 0.8),
        ("上网本", "netbook", 1.0),
        ("无线座机", "wireless_phone", 1.8),
    ],
)
def test_response_to_the_subsidy_can_be_recovered(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]], device_class: str, name: str, band: float
) -> None:
    beta = province[1]["demand"]["betas"][name]
    assert response(sales, device_class) == pytest.approx(beta, abs=band)


def test_season_can_be_recovered(sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]) -> None:
    demand = province[1]["demand"]
    # twelve cities choose their rates apart, so over branches and years the choices even out
    units = sales.groupby("月").size()
    trend = np.exp(demand["growth_monthly"] * np.arange(36))
    seen = (units / trend).groupby(units.index.str[5:]).sum()
    planted = pd.Series(demand["season"])
    seen, planted = seen / seen.mean(), planted / planted.mean()
    assert (seen - planted).abs().max() < 0.08
    assert seen.corr(planted) > 0.97


def test_activations_spread_over_opening_hours_and_never_before_the_sale(sales: pd.DataFrame) -> None:
    moments = pd.to_datetime(sales["激活时间"].dropna())
    second = (moments - moments.dt.normalize()).dt.total_seconds()
    assert second.between(9 * 3600, 18.5 * 3600).all()
    assert np.quantile((second - 9 * 3600) / (9.5 * 3600), [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.01)
    wait = (moments.dt.normalize() - pd.to_datetime(sales.loc[moments.index, "日期"])).dt.days
    assert set(wait) == {0, 1, 2, 3} and (wait == 0).mean() == pytest.approx(0.82, abs=0.02)


def test_own_customers_who_migrate_are_as_planted(sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]) -> None:
    for name, share in province[1]["customer_type"]["existing"].items():
        mine = sales[sales["终端类型"].map(lambda word: code("device_class", word)) == name]
        noise = math.sqrt(share * (1 - share) / len(mine))
        assert (mine["客户类型"] == "存量").mean() == pytest.approx(share, abs=3 * noise), name


def test_one_branch_has_its_own_price_for_a_quarter_and_one_gives_gifts(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    truth = province[1]
    usual = sales["机型"].map(truth["prices"])
    price, gift = truth["deviations"]["list_price"], truth["deviations"]["gift"]
    odd = sales[sales["零售价(元)"] != usual]
    assert len(odd) and set(odd["分公司"]) == {price["branch"]} and set(odd["机型"]) == {price["model"]}
    assert set(odd["月"]) == set(price["months"]) == {"2013-04", "2013-05", "2013-06"}
    assert (odd["零售价(元)"] - usual[odd.index]).eq(price["over"]).all()
    given = sales[sales["赠品价值(元)"] != 0]
    assert len(given) and set(given["分公司"]) == {gift["branch"]} and set(given["机型"]) == {gift["model"]}
    assert given["赠品价值(元)"].eq(gift["gift"]).all() and "裸机" not in set(given["合约"])
    assert {price["branch"], gift["branch"]}.isdisjoint(b["branch"] for b in truth["breaches"])
    assert (sales["供货价(元)"] == (usual * 0.88).round()).all()  # so that the branch's margin differs too


def test_the_incremental_truth_adds_up_and_is_what_the_formula_says(province: tuple[Path, dict[str, Any]]) -> None:
    truth = province[1]
    by_class, by_branch = truth["incremental"]["by_device_class"], truth["incremental"]["by_branch"]
    for part in (*by_class.values(), *by_branch.values()):
        assert part["expected"] - part["at_zero"] == pytest.approx(part["incremental"], abs=0.01)
        assert part["caused"] - part["displaced"] == pytest.approx(part["incremental"], abs=0.01)
    for figure in ("expected", "caused", "displaced", "new_customers"):
        assert sum(p[figure] for p in by_class.values()) == pytest.approx(sum(p[figure] for p in by_branch.values()), abs=0.1)
    # a class without bare devices sells exp(-beta × rate) of it at no subsidy; wireless phones are at about 0.95
    wireless = by_class["wireless_phone"]
    assert wireless["at_zero"] / wireless["expected"] == pytest.approx(math.exp(-3 * 0.95), rel=0.03)
    assert by_class["handset"]["displaced"] > 0 == by_class["netbook"]["displaced"]
    for name, part in by_class.items():
        new = 1 - truth["customer_type"]["existing"][name]
        assert part["new_customers"] == pytest.approx(part["incremental"] * new, abs=0.01)
        # the files hold one draw from the expectation, and handset batches
        noise = 4 * math.sqrt(part["expected"]) + sum(b["sales"] for b in truth["box_breaking"]["batches"]) * (name == "handset")
        assert truth["totals"]["sales_by_class"][name] == pytest.approx(part["expected"], abs=noise)


def test_bare_sales_fall_with_the_mean_rate_of_the_subsidised_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = scenario(2, 24, 7, "2012-12")
    places = outlets(plan)
    rate = generator._rates(plan, 0, generator._terms_arrays())
    mean = generator._mean_rate(plan, rate)[0]
    mix = generator._mix(plan, rate)[0, :, :18, :3]
    assert mean == pytest.approx([(m * r).sum() / m.sum() for m, r in zip(mix, rate[0, :, :18, :3], strict=True)])
    assert 0.35 < mean.min() < mean.max() < 0.65 and np.ptp(mean) > 0.05
    sold = generator.sell(plan, places)
    by_branch = sold.caused.groupby("branch")["expected"].sum()
    assert by_branch.to_numpy() == pytest.approx(sold.expected.sum(axis=1))

    monkeypatch.setattr(generator, "DISPLACEMENT", {})
    without = generator.sell(plan, places)
    assert without.caused["displaced"].eq(0).all()
    # the subsidised sales are the same; only the bare handsets' expectation moves, by exp(-gamma (mean - 0.5)) in each cell
    cell = ["branch", "outlet", "month", "model", "contract"]
    counts = [one.lines[(one.lines["contract"] < 3) & (one.lines["batch"] < 0)].groupby(cell).size() for one in (sold, without)]
    pd.testing.assert_series_equal(*counts)
    moved = sold.caused["expected"] - without.caused["expected"]
    assert (moved != 0).eq(sold.caused["device_class"] == "handset").all()
    assert sold.caused["at_zero"].sum() > without.caused["at_zero"].sum()


def test_stock_is_what_was_there_and_came_in_less_what_was_sold(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    out, truth = province
    stock = read(out / "stock.csv")
    assert not stock.duplicated(["日期", "分公司", "机型"]).any()
    assert (stock[["进货量(台)", "库存(台)", "出样(台)"]] >= 0).all(axis=None)
    assert (stock["出样(台)"] <= stock["库存(台)"]).all()
    keys = ["分公司", "机型", "月"]
    stock["月"] = stock["日期"].str[:7]
    sold = sales.groupby(keys).size()
    table = stock.set_index(keys).sort_index()
    assert set(sold.index) <= set(table.index)
    before = table.groupby(level=[0, 1])["库存(台)"].shift(fill_value=0)
    left = before + table["进货量(台)"] - sold.reindex(table.index, fill_value=0)
    assert (left == table["库存(台)"]).all()
    over = truth["commitments"]["overstocked"]
    last = table.xs("2013-12", level=2)["库存(台)"].xs(over["model"], level=1)
    assert last.idxmax() == over["branch"] and last.max() >= over["units"] > 2 * last.drop(over["branch"]).max()


def test_promises_cover_all_models_but_one_and_prices_fall_by_steps(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    out, truth = province
    promised = read(out / "commitments.csv")
    by_vendor = promised[promised["承诺方向"] == "厂商承诺"]
    told = truth["commitments"]["without_promise"]
    assert set(sales["机型"]) - set(by_vendor["机型"]) == {told["model"]}
    mine = sales[(sales["机型"] == told["model"]) & (sales["补贴(元)"] > 0)]
    assert (len(mine), mine["补贴(元)"].sum()) == (told["units"], told["subsidy_yuan"])
    assert by_vendor["开始日期"].str.endswith("-01-01").all() and by_vendor["结束日期"].str.endswith("-12-31").all()
    vendors = read(out / "models.csv").set_index("机型")["厂商"]
    assert (promised["机型"].map(vendors) == promised["厂商"]).all()
    steps = read(out / "vendor_prices.csv").groupby("机型")
    assert steps.size().between(2, 3).all() and len(steps) == 4
    for model, own in steps:
        assert own["起订量(台)"].iloc[0] == 0 and own["起订量(台)"].is_monotonic_increasing
        assert own["供货价(元)"].iloc[0] == round(0.88 * truth["prices"][model])
        assert own["供货价(元)"].is_monotonic_decreasing and own["供货价(元)"].is_unique


def test_month_ends_sell_more(sales: pd.DataFrame) -> None:
    days = pd.to_datetime(sales["日期"])
    end = days.dt.days_in_month - days.dt.day < 3
    per_day = end.sum() / (36 * 3) / ((~end).sum() / (days.dt.normalize().nunique() - 36 * 3))
    assert per_day == pytest.approx(1.6, abs=0.08)


def test_only_the_true_causes_lower_sales_within_a_channel(
    sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]
) -> None:
    out, truth = province
    facts = read(out / "outlet_facts.csv").pivot(index="网点", columns="项目", values="数值")
    outlets = read(out / "outlets.csv").set_index("网点").loc[facts.index]  # nothing was measured where nothing is sold
    y: pd.Series = sales.groupby("网点").size().reindex(outlets.index).clip(lower=1).map(math.log)
    groups = pd.get_dummies(outlets["渠道"]).astype(float)
    groups = groups.join(pd.get_dummies(outlets["分公司"], drop_first=True).astype(float))
    design = facts.reindex(outlets.index).astype(float).join(groups)
    effects = dict(zip(design.columns, np.linalg.lstsq(design.to_numpy(), y.to_numpy())[0], strict=True))
    for fact, told in truth["causes"].items():
        assert effects[fact] == pytest.approx(math.log(told["multiplier"]), abs=0.10), fact
        assert told["share"] == pytest.approx(0.30, abs=0.06)
    # without regard to the channel the confounded fact looks like a cause
    there = facts[truth["confounded_fact"]].reindex(outlets.index) == 1
    assert y[there].mean() - y[~there].mean() < -0.25


def test_segments_displays_and_idle_outlets_are_as_planted(sales: pd.DataFrame, province: tuple[Path, dict[str, Any]]) -> None:
    out, truth = province
    for channel, shares in truth["segments"].items():
        own = sales.loc[sales["渠道"].map(lambda word: code("channel", word)) == channel, "客户群"]
        found = own.value_counts(normalize=True)
        assert {s: found.get(s, 0.0) for s in shares} == pytest.approx(shares, abs=4 * (0.25 / len(own)) ** 0.5)
    outlets, shown = read(out / "outlets.csv").set_index("网点"), read(out / "outlet-displays.csv")
    models = read(out / "models.csv")
    last = shown[shown["日期"] == shown["日期"].max()]
    day = last["日期"].iloc[0]
    listed = ((models["上市日期"] <= day) & (models["退市日期"].isna() | (models["退市日期"] >= day))).sum()
    for channel, chance in truth["displayed"].items():
        own = last[last["网点"].map(outlets["渠道"]).map(lambda word: code("channel", word)) == channel]
        assert own["数值"].sum() / (len(own) * listed) == pytest.approx(chance, abs=4 * (0.25 / (len(own) * listed)) ** 0.5)
    assert set(truth["idle_outlets"]) == set(outlets.index) - set(sales["网点"])


def test_counties_lie_in_cities_in_the_province(province: tuple[Path, dict[str, Any]]) -> None:
    places = read(province[0] / "branches.csv").set_index("分公司")
    assert places["级别"].value_counts().to_dict() == {"县": 12, "市": 4, "省": 1}
    counties = places[places["级别"] == "县"]
    assert set(counties["上级"]) == set(places.index[places["级别"] == "市"])


def test_masked_and_corrected_files_agree_but_for_the_subsidy(
    province: tuple[Path, dict[str, Any]], sales: pd.DataFrame
) -> None:
    out, truth = province
    masked = read(out / "sales-2013-11-sample3-masked.csv")
    corrected = read(out / "corrected" / "sales-2013-11-sample3-corrected.csv")
    assert (masked["补贴(元)"] == "*").all()
    assert corrected["补贴(元)"].ge(0).all() and len(corrected) > 50
    pd.testing.assert_frame_equal(masked.drop(columns="补贴(元)"), corrected.drop(columns="补贴(元)"))
    assert truth["masked"] == {"branch": "样例三区", "month": "2013-11"}
    half = read(out / "sales-2013-H2.csv")
    assert not ((half["分公司"] == "样例三区") & half["日期"].str.startswith("2013-11")).any()
    assert len(sales) == truth["totals"]["sales"] == sum(truth["totals"]["sales_by_branch"].values())


def test_participation_totals_are_sums_and_the_campaign_lifts_its_branches(
    province: tuple[Path, dict[str, Any]],
) -> None:
    out, truth = province
    table = read(out / "participation.csv")
    assert table["日期"].iloc[0] == "2011年1月"
    total, parts = table[table["分公司"] == "合计"], table[table["分公司"] != "合计"]
    counts = ["参与量", "在网量"]
    sums = parts.groupby("日期", sort=False)[counts].sum()
    pd.testing.assert_frame_equal(total.set_index("日期")[counts], sums)
    assert parts["在网量"].between(8_000, 25_000).all()
    campaign = truth["campaign"]
    assert campaign["start"] == "2013-07" and len(campaign["branches"]) == 4
    assert campaign["difference_in_differences"] == pytest.approx(0.06, abs=0.004)
    assert set(read(out / "campaigns.csv")["分公司"]) == set(campaign["branches"])


def test_attainment_spreads_and_rates_have_rate_targets(province: tuple[Path, dict[str, Any]]) -> None:
    out, truth = province
    for year, by_branch in truth["attainment"].items():
        assert 0.70 < min(by_branch.values()) < 0.85, year
        assert 0.98 < max(by_branch.values()) < 1.12, year
    targets = read(out / "targets.csv")
    assert set(targets.loc[targets["类型"] == "比率", "目标"]) == {"45%"}
    assert not targets.duplicated(["分公司", "指标", "开始", "结束"]).any()


@pytest.mark.parametrize(("branches", "months", "last"), [(2, 3, "2013-12"), (13, 5, "2015-03")])
def test_other_sizes_and_times(tmp_path: Path, branches: int, months: int, last: str) -> None:
    truth = make(tmp_path, branches=branches, months=months, last_month=last)
    assert truth["months"][-1] == last and len(truth["months"]) == months
    assert re.fullmatch("样例(二|13)区", truth["branches"][-1])
    rules = read(tmp_path / "policy-sample.csv")
    ends = rules["失效日期"].astype(object).where(rules["失效日期"].notna(), "9999")
    assert (rules["生效日期"] <= ends).all()
    assert truth["totals"]["sales"] > 0 and truth["box_breaking"]["batches"]

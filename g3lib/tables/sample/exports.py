"""The files, as branches would send them: Chinese headings, two encodings, a title row on top.

One branch's month before last is left out of the half-year file: it came with its subsidies masked, and
later again, corrected.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from g3lib.labels import label
from g3lib.tables.sample.rules import CHANNELS, CONTRACTS
from g3lib.tables.sample.sales import FATES
from g3lib.tables.sample.supply import supply_price
from g3lib.tables.sample.truth import (
    BATCH_STEP_SECONDS,
    EXISTING,
    GIFT,
    OPEN_SECONDS,
    SEGMENT_SHARE,
    SEGMENTS,
    Scenario,
    stream,
)  # fmt: skip
from g3lib.tables.sample.world import GIFT_MODEL, MODELS, Outlet

MASK = "*"
_MADE_UP = "虚构样例数据（made-up data）"
_README = """{title}

本目录全部数据均为虚构，由 g3lib.tables.sample 按种子生成，不对应任何真实的省、分公司、网点、客户或终端。
植入的真值见 truth.json。客户号码以 10 开头、终端串号以 00 开头，均不是有效号码。

Everything in this folder is made up (seed {seed}): g3lib.tables.sample wrote it, and it stands for no real
province, branch, outlet, customer or device. What was planted is in truth.json. Customer numbers start
with 10 and device numbers with 00: neither is a valid number.

sales-<year>-H1/H2.csv        {months}，{branches} 个分公司 / branches
sales-<month>-sample<n>-masked.csv   补贴以 * 隐去 / subsidies masked
corrected/                    同一批销售，补贴已知 / the same sales, subsidies known
stock.csv                     月末库存 / stock at each month's end
commitments.csv               厂商与省公司的包销承诺 / the vendors' and the province's volume promises
vendor_prices.csv             阶梯供货价，起订量为全省一个月的台数 / supply prices from so many units a month
"""


def write_csv(world: Scenario, path: Path, table: pd.DataFrame, encoding: str) -> None:
    """Write a table under the title row, line endings fixed."""
    text = world.title + "\n" + table.to_csv(index=False, lineterminator="\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))


def write_tables(world: Scenario, out: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write each table to `name`.csv, every other one in the encoding of Chinese spreadsheets."""
    for i, (name, table) in enumerate(tables.items()):
        write_csv(world, out / f"{name}.csv", table, ("utf-8-sig", "gb18030")[i % 2])


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table; nothing in the file depends on when it was written."""
    pq.write_table(table, path, compression="zstd", row_group_size=250_000)


def write_sales(world: Scenario, out: Path, table: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Write the half-year files, and the masked and the corrected month beside them."""
    masked = ((lines["branch"] == world.masked_branch) & (lines["month"] == world.masked_month)).to_numpy()
    month = world.months[world.masked_month]
    name = f"sales-{month}-sample{world.masked_branch + 1}"
    withheld = table[masked]
    half = np.array([f"sales-{m[:4]}-H{1 if m[5:] < '07' else 2}" for m in world.months])[lines["month"]]
    names = dict.fromkeys(half.tolist())
    write_tables(world, out, {file: table[(half == file) & ~masked] for file in names})
    write_csv(world, out / f"{name}-masked.csv", withheld.assign(**{"补贴(元)": MASK}), "utf-8-sig")
    write_csv(world, out / "corrected" / f"{name}-corrected.csv", withheld, "gb18030")


def remove_earlier(out: Path) -> None:
    """Remove the sales files of an earlier sample, which may have had other months and branches.

    A file that does not open with the sample's title is somebody's own and stays.
    """
    marks = tuple(_MADE_UP.encode(encoding) for encoding in ("utf-8-sig", "gb18030"))
    for path in [*out.glob("sales-*.csv"), *out.glob("corrected/sales-*-corrected.csv")]:
        with path.open("rb") as file:
            if file.read(80).startswith(marks):
                path.unlink()


def write_texts(world: Scenario, out: Path, truth: dict[str, Any]) -> None:
    """Write truth.json and README.txt."""
    text = json.dumps(truth, ensure_ascii=False, sort_keys=True, indent=1)
    (out / "truth.json").write_bytes((text + "\n").encode())
    span = f"{world.months[0]}..{world.months[-1]}"
    readme = _README.format(title=world.title, seed=world.seed, months=span, branches=len(world.branches))
    (out / "README.txt").write_bytes(readme.encode())


def sales_table(world: Scenario, places: list[Outlet], lines: pd.DataFrame) -> pd.DataFrame:
    """The sales under the headings of an export, one row a sale; nothing known is left blank."""
    models = lines["model"].to_numpy()
    money = _credit(lines)
    contracts = _words("contract", CONTRACTS)[lines["contract"]]
    classes = np.array([label("device_class", m.device_class, "zh") for m in MODELS])
    rng = stream(world.seed, "customer_type")
    new = 1 - np.array([EXISTING[m.device_class] for m in MODELS])[models]
    gift = (lines["branch"] == world.odd_branches[1]) & (models == GIFT_MODEL) & (lines["term"] > 0)
    supply = np.array([supply_price(i) for i in range(len(MODELS))])
    return pd.DataFrame(
        {
            "日期": np.datetime_as_string(_days(world, lines["month"], lines["day"])).astype(object),
            "分公司": np.array(world.branches)[lines["branch"]],
            "渠道": _words("channel", CHANNELS)[lines["channel"]],
            "网点": np.array([o.name for o in places])[lines["outlet"]],
            "终端类型": classes[models],
            "机型": np.array([m.name for m in MODELS])[models],
            "客户类型": np.where(rng.random(len(lines)) < new, "新增", "存量"),
            "客户群": _segments(world, lines),
            "合约": contracts,
            "合约期(月)": np.where(lines["term"] > 0, lines["term"].astype(str), ""),
            "激活时间": _activated(world, lines),
            "零售价(元)": lines["price"].to_numpy(),
            "实付(元)": (lines["price"] - lines["subsidy"]).to_numpy() + money["prepaid"],
            "供货价(元)": supply[models],
            "补贴(元)": lines["subsidy"].to_numpy(),
            "预存(元)": money["prepaid"],
            "返还总额(元)": money["refund"],
            "最低消费(元)": money["min_spend"],
            "赠品价值(元)": GIFT * gift.to_numpy(),
            "客户号码": lines["customer"].to_numpy(),
            "终端串号": lines["device"].to_numpy(),
            "台数": 1,
        }
    )


def _segments(world: Scenario, lines: pd.DataFrame) -> Any:
    """Whom a channel sells to, drawn for each sale."""
    chances = np.cumsum([SEGMENT_SHARE[channel] for channel in CHANNELS], axis=1)[lines["channel"]]
    drawn = stream(world.seed, "segment").random(len(lines))[:, None]
    return np.array(SEGMENTS)[np.minimum((drawn >= chances).sum(axis=1), len(SEGMENTS) - 1)]


def _words(vocabulary: str, codes: tuple[str, ...]) -> Any:
    return np.array([label(vocabulary, code, "zh") for code in codes])


def _credit(lines: pd.DataFrame) -> dict[str, Any]:
    """Prepaid, refunded and least spent: totals are seldom a multiple of the term, as in real offers."""
    price, contract = lines["price"].to_numpy(), lines["contract"].to_numpy()
    prepaid = np.choose(contract, [price // 500 * 100 + 100, price // 500 * 150 + 100, 100 + 0 * price, 0])
    refund = np.choose(contract, [prepaid, prepaid + 50, prepaid, 0])
    least = np.choose(contract, [np.where(price < 1000, 58, np.where(price < 2000, 88, 128)), 48, 38, 0])
    wireless = np.array([m.device_class == "wireless_phone" for m in MODELS])[lines["model"]]
    return {
        "prepaid": np.where(wireless, 100, prepaid),
        "refund": np.where(wireless, 100, refund),
        "min_spend": np.where(wireless, 15, least),
    }


def _days(world: Scenario, month: Any, day: Any) -> Any:
    first = np.array([f"{m}-01" for m in world.months], dtype="datetime64[D]")
    return first[np.asarray(month)] + (np.asarray(day) - 1).astype("timedelta64[D]")


def _activated(world: Scenario, lines: pd.DataFrame) -> Any:
    """Most are activated when sold, some up to three days later; a month's sales within the month.

    The times of a day are spread over opening hours; a batch is activated one by one, within minutes.
    """
    wait = stream(world.seed, "activated").choice(4, size=len(lines), p=[0.82, 0.1, 0.05, 0.03])
    wait = np.where(lines["fate"] == FATES.index("box"), 0, wait)
    last = pd.PeriodIndex(list(world.months), freq="M").days_in_month.to_numpy()[lines["month"]]
    days = _days(world, lines["month"], np.minimum(lines["day"] + wait, last))
    rng = stream(world.seed, "activation times")
    second, step = rng.integers(*OPEN_SECONDS, len(lines)), rng.integers(*BATCH_STEP_SECONDS, len(lines))
    for batch in range(lines["batch"].max() + 1):
        these = np.flatnonzero(lines["batch"] == batch)
        second[these] = min(second[these[0]], OPEN_SECONDS[1] - 1800) + np.cumsum(step[these])
    moments = np.datetime_as_string(days.astype("datetime64[s]") + second.astype("timedelta64[s]"))
    written = np.strings.replace(moments, "T", " ").astype(object)
    written[(lines["fate"] == FATES.index("not_activated")).to_numpy()] = ""
    return written

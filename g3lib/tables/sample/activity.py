"""What customers do after the sale: one row a customer-month in service, and one in which they leave.

Leaving is drawn from monthly probabilities by reason that add up within a month. A sale that was never
activated has no row; one used in another branch is reported by that branch.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from g3lib.periods import days_in
from g3lib.tables.sample import truth as numbers
from g3lib.tables.sample.sales import FATES
from g3lib.tables.sample.truth import Scenario, stream
from g3lib.tables.sample.world import MODELS

REASONS = ("voluntary", "non_payment", "fraud", "upgrade", "contract_end")
STATES = ("active", "suspended", "cancelled", "cross_branch", "split")
_ARPU = {
    "handset": (88.0, 72.0, 60.0, 55.0),  # plan, spend, tariff, bare
    "wireless_phone": (28.0, 28.0, 28.0, 28.0),
    "netbook": (45.0, 45.0, 45.0, 45.0),
    "data_card": (40.0, 40.0, 40.0, 40.0),
}
_NEVER = 999
Ints = npt.NDArray[np.int64]


@cache
def hazards(term: int) -> npt.NDArray[np.float64]:
    """Monthly probability of leaving, month since the sale × reason, for a contract of `term` months.

    >>> float(hazards(24)[24].sum() - hazards(24)[23].sum()) > 0.09
    True
    """
    table = np.zeros((numbers.FOLLOWED_MONTHS, len(REASONS)))
    table[1:, 0] = numbers.HAZARDS["baseline_voluntary"]
    table[1:term, 0] += numbers.HAZARDS["early_termination_voluntary"]
    table[1:, 1] = numbers.HAZARDS["non_payment"]
    table[1:, 2] = numbers.HAZARDS["fraud"]
    table[1:12, 3] = numbers.HAZARDS["upgrade"]
    table[12:, 3] = numbers.HAZARDS["upgrade_from_month_12"]
    if term:
        table[term : term + 2, 4] = numbers.CONTRACT_END_STEPS
    return table


def follow(world: Scenario, lines: pd.DataFrame) -> pd.DataFrame:
    """The customer-months as codes, customers in the order of the sales and months in order."""
    known = lines[lines["fate"] != FATES.index("not_activated")].reset_index(drop=True)
    leaves, reason = _leaving(world, known)
    sold = known["month"].to_numpy()
    last = np.minimum(np.minimum(leaves, numbers.FOLLOWED_MONTHS - 1), len(world.months) - 1 - sold)
    row = np.repeat(np.arange(len(known)), last + 1)
    since = np.arange(len(row)) - np.repeat(np.cumsum(last + 1) - last - 1, last + 1)
    split_from = _split_from(world, known)[row]
    fate = known["fate"].to_numpy()[row]
    state = np.zeros(len(row), dtype=np.int64)
    state[fate == FATES.index("cross_branch")] = STATES.index("cross_branch")
    state[since >= split_from] = STATES.index("split")
    before_leaving = (since == leaves[row] - 1) & (since > 0)
    state[before_leaving & (reason[row] == REASONS.index("non_payment"))] = STATES.index("suspended")
    left = since == leaves[row]
    state[left] = STATES.index("cancelled")
    rows = pd.DataFrame({"sale": row, "since": since, "month": sold[row] + since, "state": state})
    rows["matched"] = since < split_from
    rows["reason"] = np.where(left, reason[row], -1)
    rows["branch"] = _reporting_branch(world, known)[row]
    rows["customer"] = known["customer"].to_numpy()[row]
    return _used(world, known, rows)


def activity_table(world: Scenario, rows: pd.DataFrame) -> pa.Table:
    """The customer-months under their canonical names, months as text."""

    def words(codes: pd.Series, names: tuple[str, ...]) -> pa.Array:
        values = codes.to_numpy()
        indices = pa.array(np.where(values < 0, 0, values), mask=values < 0, type=pa.int32())
        return pa.DictionaryArray.from_arrays(indices, pa.array(names)).cast(pa.string())

    columns = {
        "customer": pa.array(rows["customer"], type=pa.string()),
        "month": words(rows["month"], world.months),
        "branch": words(rows["branch"], world.branches),
        "revenue": pa.array(rows["revenue"].to_numpy(), type=pa.float64()),
        "days_on_3g": pa.array(rows["days"].to_numpy(), type=pa.int64()),
        "device_matched": pa.array(rows["matched"].to_numpy()),
        "state": words(rows["state"], STATES),
        "reason": words(rows["reason"], REASONS),
    }
    return pa.table(columns).replace_schema_metadata({b"g3lib.title": world.title.encode()})


def _leaving(world: Scenario, known: pd.DataFrame) -> tuple[Ints, Ints]:
    """Month since the sale in which a customer leaves (_NEVER: not while followed), and why."""
    rng = stream(world.seed, "leaving")
    when, why = rng.random(len(known)), rng.random(len(known))
    leaves = np.full(len(known), _NEVER)
    reason = np.zeros(len(known), dtype=np.int64)
    for term in sorted(set(known["term"])):
        these = np.flatnonzero(known["term"] == term)
        table = hazards(int(term))
        gone = 1 - np.cumprod(1 - table.sum(axis=1))
        month = np.searchsorted(gone, when[these], side="right")
        inside = month < numbers.FOLLOWED_MONTHS
        leaves[these[inside]] = month[inside]
        shares = np.cumsum(table[month[inside]], axis=1)
        reason[these[inside]] = (why[these[inside], None] * shares[:, -1:] >= shares).sum(axis=1)
    boxes = np.flatnonzero(known["fate"] == FATES.index("box"))
    leaves[boxes] = rng.integers(4, 10, len(boxes))
    reason[boxes] = REASONS.index("fraud")
    return leaves, reason


def _split_from(world: Scenario, known: pd.DataFrame) -> Ints:
    start = stream(world.seed, "split").integers(1, 4, len(known))
    return np.where(known["fate"] == FATES.index("split"), start, _NEVER)


def _reporting_branch(world: Scenario, known: pd.DataFrame) -> Ints:
    count = len(world.branches)
    other = stream(world.seed, "cross_branch").integers(1, count, len(known))
    home = known["branch"].to_numpy()
    return np.asarray(np.where(known["fate"] == FATES.index("cross_branch"), (home + other) % count, home))


def _used(world: Scenario, known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Revenue and days on 3G: nothing from a batch, from the suspended and from those who left."""
    rng = stream(world.seed, "use")
    arpu = np.array([_ARPU[m.device_class] for m in MODELS])[known["model"], known["contract"]]
    level = arpu * np.exp(rng.normal(0, 0.22, len(known)))
    likely = rng.uniform(0.45, 0.95, len(known))
    likely[rng.random(len(known)) < numbers.WEAK_COVERAGE_SHARE] = 0.05
    sale = rows["sale"].to_numpy()
    length = np.array([days_in(month) for month in world.months])[rows["month"]]
    in_use = np.where(rows["since"] == 0, length - known["day"].to_numpy()[sale] + 1, length)
    split = (rows["state"] == STATES.index("split")).to_numpy()
    idle = rows["state"].isin([STATES.index("suspended"), STATES.index("cancelled")]).to_numpy()
    idle = idle | (known["fate"].to_numpy()[sale] == FATES.index("box"))
    monthly = level[sale] * np.exp(rng.normal(0, 0.15, len(rows)))
    revenue = np.round(monthly * in_use / length * np.where(split, 0.6, 1.0))
    days = rng.binomial(in_use, likely[sale] * np.where(split, 0.15, 1.0))
    return rows.assign(revenue=np.where(idle, 0.0, revenue), days=np.where(idle, 0, days))

"""Sales: expected units of outlet × month × model × contract, drawn one by one, then given their numbers.

log expected units = what the outlet is + season and growth + the model's share + beta × (rate − 0.5).
The rate is the city's quarterly choice within the policy until 2012 and the province's afterwards.
A bare handset has rate 0 and instead − gamma × (mean − 0.5): subsidised ones take its buyers. `mean` is the
subsidised handset contracts' mean rate at expected units, of the branch, channel and month. So at zero
subsidy every contract's response is exp(−beta / 2), that of bare handsets × exp(gamma / 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.periods import days_in
from g3lib.tables.sample import truth as numbers
from g3lib.tables.sample.rules import CHANNELS, CONTRACTS, Terms, term_months, terms
from g3lib.tables.sample.truth import DISPLACEMENT, Scenario, stream
from g3lib.tables.sample.world import BREACH_MODEL, MODELS, PRICE_MODEL, Outlet, availability

Floats = npt.NDArray[np.float64]
FATES = ("good", *numbers.SHARES, "box")  # what becomes of a sale
BARE = CONTRACTS.index("bare")  # the last one: before it stand the subsidised
ODD_QUARTER = slice(-9, -6)  # of the months: when one branch has a list price of its own
SCALE = 6.9  # brings the default province to about 60,000 sales
# Shares of the groups and, within a class, of the contracts, at a subsidy rate of 0.5
_GROUP_SHARE = {
    "C1": 0.28,
    "C2": 0.105,
    "C3 smart": 0.175,
    "C3 feature": 0.14,
    "wireless_phone": 0.042,
    "netbook": 0.075,
    "data_card": 0.095,
}
_CONTRACT_SHARE = {
    "handset": (0.45, 0.25, 0.18, 0.30),
    "wireless_phone": (1.0, 0.0, 0.0, 0.0),
    "netbook": (0.6, 0.4, 0.0, 0.0),
    "data_card": (0.6, 0.0, 0.4, 0.0),
}
_CLASSES = tuple(numbers.BETAS)
_OF_CLASS = np.array([_CLASSES.index(m.device_class) for m in MODELS])
_BETA = np.array([numbers.BETAS[m.device_class] for m in MODELS])


@dataclass(frozen=True)
class Sold:
    """The sales as codes (row order is the order of the exports) and what was expected.

    `expected` is units by branch and month: what the branch would sell, batches left out. `caused` splits
    the same by branch, month, device_class: expected, at_zero (no subsidy anywhere), caused (subsidised
    sales beyond those at no subsidy), displaced (bare sales that the subsidy took): expected − at_zero =
    caused − displaced.
    """

    lines: pd.DataFrame
    expected: Floats
    batches: list[dict[str, object]]
    caused: pd.DataFrame


def sell(world: Scenario, places: list[Outlet]) -> Sold:
    """Draw every sale of the province."""
    limits = _terms_arrays()
    gamma = np.array([DISPLACEMENT.get(m.device_class, 0.0) for m in MODELS])
    parts, caused, expected = [], [], np.zeros((len(world.branches), len(world.months)))
    for b, name in enumerate(world.branches):
        mine = [i for i, outlet in enumerate(places) if outlet.branch == b]
        rate = _rates(world, b, limits)
        units = _expected(world, [places[i] for i in mine], rate)
        rng = stream(world.seed, "units", name)
        drawn = rng.poisson(units)
        # bare sales are drawn apart, so that the others are those of a province without displacement
        channel = [CHANNELS.index(places[i].channel) for i in mine]
        taken = _mean_rate(world, rate)[channel][..., None] * gamma
        units[..., BARE] *= np.exp(0.5 * gamma - taken)
        drawn[..., BARE] = stream(world.seed, "bare", name).poisson(units[..., BARE])
        expected[b] = units.sum(axis=(0, 2, 3))
        caused.append(_caused(b, units, rate[channel], taken))
        outlet, month, model, contract = _one_by_one(drawn)
        part = pd.DataFrame({"month": month, "model": model, "contract": contract})
        part["branch"] = b
        part["outlet"] = np.array(mine)[outlet]
        part["channel"] = [CHANNELS.index(places[i].channel) for i in part["outlet"]]
        part["rate"] = rate[part["channel"], month, model, contract]
        part["day"] = _days(rng, world, month)
        parts.append(part)
    lines = pd.concat(parts, ignore_index=True)
    lines["fate"] = _fates(world, len(lines))
    lines["batch"] = -1
    boxes, batches = _box_batches(world, places, limits)
    lines = pd.concat([lines, boxes], ignore_index=True)
    order = ["month", "day", "branch", "outlet", "model", "contract", "batch"]
    lines = lines.sort_values(order, kind="stable", ignore_index=True)
    lines = _priced(world, _numbered(world, lines), limits)
    return Sold(lines, expected, batches, pd.concat(caused, ignore_index=True))


def _mean_rate(world: Scenario, rate: Floats) -> Floats:
    """The subsidised handset contracts' mean rate at expected units: channel × month."""
    handsets = np.s_[:, :, [m.device_class == "handset" for m in MODELS], :BARE]
    units = _mix(world, rate)[handsets]
    mean: Floats = (units * rate[handsets]).sum(axis=(2, 3)) / units.sum(axis=(2, 3))
    return mean


def _caused(branch: int, units: Floats, rate: Floats, taken: Floats) -> pd.DataFrame:
    """What the subsidy did to a branch's expected units (outlet × month × model × contract), by month and class.

    `taken` is gamma × the mean subsidised rate by outlet × month × model.
    """
    more = (units * (1 - np.exp(-_BETA[:, None] * rate))).sum(axis=(0, 3))
    less = (units[..., BARE] * (np.exp(taken) - 1)).sum(axis=0)
    all_ = units.sum(axis=(0, 3))
    figures = {"expected": all_, "at_zero": all_ - more + less, "caused": more, "displaced": less}
    rows = pd.MultiIndex.from_product([[branch], range(len(more)), _CLASSES], names=["branch", "month", "device_class"])
    by_class = {name: (of @ np.eye(len(_CLASSES))[_OF_CLASS]).ravel() for name, of in figures.items()}
    return pd.DataFrame(by_class, rows).reset_index()


def _terms_arrays() -> dict[str, Floats]:
    """Every field of the terms as an array regime × channel × model × contract."""
    cells = [[[[terms(m.group, c, h, late) for c in CONTRACTS] for m in MODELS] for h in CHANNELS] for late in (False, True)]
    arrays = {}
    for i, field in enumerate(Terms._fields):
        values = [[[[cell[i] for cell in row] for row in block] for block in regime] for regime in cells]
        arrays[field] = np.array(values)
    return arrays


def _regime(world: Scenario) -> npt.NDArray[np.int64]:
    return np.array([int(month >= numbers.REGIME_START) for month in world.months])


def _rates(world: Scenario, branch: int, limits: dict[str, Floats]) -> Floats:
    """A branch's rates by channel × month × model × contract, before the noise of a single sale."""
    drawn = {}
    choice = np.zeros((len(world.months), len(_CLASSES)))
    for t, month in enumerate(world.months):
        quarter = f"{month[:4]}Q{(int(month[5:]) + 2) // 3}"
        if quarter not in drawn:
            rng = stream(world.seed, "city", world.branches[branch], quarter)
            drawn[quarter] = rng.uniform(-1, 1, len(_CLASSES))
        choice[t] = drawn[quarter]
    regime = _regime(world)
    moved = choice[:, None, _OF_CLASS, None]  # month × any channel × model × any contract
    rate: Floats = (limits["centre"][regime] + limits["swing"][regime] * moved).transpose(1, 0, 2, 3)
    if branch in world.breach_branches:
        own, late = CHANNELS.index("own"), slice(world.breach_from, None)
        limit = limits["limit"][regime, own, BREACH_MODEL, :2][late]
        rate[own, late, BREACH_MODEL, :2] = limit + numbers.BREACH_OVER  # plan and spend contracts
    return rate


def _expected(world: Scenario, places: list[Outlet], rate: Floats) -> Floats:
    """Expected units by outlet × month × model × contract, as if no bare sale were displaced."""
    months = np.arange(len(world.months))
    season = np.array([numbers.SEASON[int(month[5:]) - 1] for month in world.months])
    cell = SCALE * (season * np.exp(numbers.GROWTH_MONTHLY * months))[:, None, None] * _mix(world, rate)
    demand = np.array([outlet.demand for outlet in places])
    channel = [CHANNELS.index(outlet.channel) for outlet in places]
    expected: Floats = demand[:, None, None, None] * cell[channel]
    return expected


def _mix(world: Scenario, rate: Floats) -> Floats:
    """Each model's and contract's part of an outlet's demand: channel × month × model × contract."""
    share = availability(len(world.months)) * np.array([_GROUP_SHARE[m.group] for m in MODELS])[:, None]
    contract = np.array([_CONTRACT_SHARE[m.device_class] for m in MODELS])
    response = np.exp(_BETA[:, None] * (rate - 0.5))
    mix: Floats = share.T[:, :, None] * contract * response
    return mix


def _one_by_one(units: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], ...]:
    where = np.nonzero(units)
    return tuple(np.repeat(index, units[where]) for index in where)


def _days(rng: np.random.Generator, world: Scenario, month: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    day = np.zeros(len(month), dtype=np.int64)
    for t, name in enumerate(world.months):
        these = month == t
        day[these] = rng.choice(days_in(name), size=int(these.sum()), p=_day_weights(name)) + 1
    return day


def _day_weights(month: str) -> Floats:
    year, number = map(int, month.split("-"))
    days = days_in(month)
    weight = np.ones(days)
    weight[[date(year, number, d + 1).weekday() >= 5 for d in range(days)]] = numbers.WEEKEND_LIFT
    weight[-numbers.MONTH_END_DAYS:] *= numbers.MONTH_END_LIFT
    weights: Floats = weight / weight.sum()
    return weights


def _fates(world: Scenario, count: int) -> npt.NDArray[np.int64]:
    shares = list(numbers.SHARES.values())
    chances = [1 - sum(shares), *shares]
    return stream(world.seed, "fates").choice(len(FATES) - 1, size=count, p=chances)


def _box_batches(
    world: Scenario, places: list[Outlet], limits: dict[str, Floats]
) -> tuple[pd.DataFrame, list[dict[str, object]]]:
    """Whole boxes sold on one day at one social outlet of each chosen branch, on paper only."""
    parts: list[pd.DataFrame] = []
    batches: list[dict[str, object]] = []
    social = CHANNELS.index("social")
    for b in world.box_branches:
        rng = stream(world.seed, "boxes", world.branches[b])
        outlets = [i for i, o in enumerate(places) if o.branch == b and o.channel == "social"]
        outlet = int(rng.choice(outlets))
        rate = _rates(world, b, limits)
        often = max(1, len(world.months) // 6)
        for month in sorted(rng.choice(len(world.months), size=often, replace=False).tolist()):
            model = int(rng.choice(np.flatnonzero(availability(len(world.months))[:18, month])))
            size, day = int(rng.integers(8, 16)), int(rng.integers(1, days_in(world.months[month]) + 1))
            part = {"month": month, "day": day, "model": model, "contract": 0, "branch": b, "outlet": outlet}
            part |= {"channel": social, "fate": FATES.index("box"), "batch": len(batches)}
            parts.append(pd.DataFrame(part | {"rate": rate[social, month, model, 0]}, index=range(size)))
            batches.append(
                {
                    "outlet": places[outlet].name,
                    "date": f"{world.months[month]}-{day:02d}",
                    "model": MODELS[model].name,
                    "sales": size,
                    "devices": max(2, size // 4),
                }
            )
    return pd.concat(parts), batches


def _numbered(world: Scenario, lines: pd.DataFrame) -> pd.DataFrame:
    """Customer and device numbers: scattered for honest sales, in a row for a batch."""
    start = int(stream(world.seed, "numbers").integers(10**8))
    count = np.arange(len(lines)) + start
    # a counter times a number that shares no factor with the modulus: scattered, and never twice the same
    customer = 10**10 + count * 314_159_269 % 799_999_999
    device = count * 2_718_281_829 % 7_999_999_999
    for batch in sorted(set(lines["batch"]) - {-1}):
        these = np.flatnonzero(lines["batch"] == batch)
        customer[these] = 10_900_000_000 + start // 1000 * 100 + batch * 50 + np.arange(len(these))
        few = max(2, len(these) // 4)
        device[these] = 8_000_000_000 + start + batch * 10 + np.arange(len(these)) % few
    return lines.assign(customer=customer.astype(str), device=[f"{d:015d}" for d in device])


def _priced(world: Scenario, lines: pd.DataFrame, limits: dict[str, Floats]) -> pd.DataFrame:
    """List price and subsidy a unit; rounding to yuan never crosses the policy's limit."""
    price = np.array([m.price for m in MODELS])[lines["model"]]
    own_price = (lines["branch"] == world.odd_branches[0]) & (lines["model"] == PRICE_MODEL)
    odd = own_price & lines["month"].isin(range(len(world.months))[ODD_QUARTER])
    price = price + numbers.PRICE_OVER * odd.to_numpy()
    cell = (_regime(world)[lines["month"]], lines["channel"], lines["model"], lines["contract"])
    limit, bound, noise = (limits[field][cell] for field in ("limit", "bound", "noise"))
    spread = stream(world.seed, "prices").uniform(-1, 1, len(lines))
    subsidy = np.round((lines["rate"].to_numpy() + noise * spread) * price)
    breached = _breached(world, lines)
    # 1e-6: 0.7 × 1000 must not fall to 699 in binary
    highest, lowest = np.floor(limit * price + 1e-6), np.ceil(limit * price - 1e-6)
    subsidy = np.where((bound == "le") & ~breached, np.minimum(subsidy, highest), subsidy)
    subsidy = np.where(bound == "ge", np.minimum(np.maximum(subsidy, lowest), price), subsidy)
    groups = [m.group for m in MODELS]
    names = zip(lines["model"], lines["contract"], lines["channel"], strict=True)
    term = [term_months(groups[m], CONTRACTS[c], CHANNELS[h]) for m, c, h in names]
    return lines.assign(price=price, subsidy=subsidy.astype(np.int64), limit=limit, breached=breached, term=term)


def _breached(world: Scenario, lines: pd.DataFrame) -> npt.NDArray[np.bool_]:
    found = (
        lines["branch"].isin(world.breach_branches)
        & (lines["channel"] == CHANNELS.index("own"))
        & (lines["model"] == BREACH_MODEL)
        & (lines["contract"] < 2)
        & (lines["month"] >= world.breach_from)
    )
    return np.asarray(found, dtype=bool)

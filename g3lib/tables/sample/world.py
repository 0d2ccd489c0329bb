"""The made-up province before anything is sold: branches, device models, outlets and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.labels import label, read_csv
from g3lib.periods import days_in, shift
from g3lib.tables.sample import truth as numbers
from g3lib.tables.sample.rules import CHANNELS
from g3lib.tables.sample.truth import Scenario, stream


class Model(NamedTuple):
    """A device model; its life is told in fractions of the months that are made, None is open."""

    name: str
    group: str  # handset groups C1, C2, C3 smart, C3 feature; otherwise the device class
    price: int
    screen: float | None
    popularity: float
    launch: float | None = None
    retire: float | None = None

    @property
    def device_class(self) -> str:
        """The canonical device class."""
        return "handset" if self.group.startswith("C") else self.group

    @property
    def kind(self) -> str | None:
        """Smart or feature for handsets."""
        if self.device_class != "handset":
            return None
        return "feature" if self.group == "C3 feature" else "smart"


def _some(cell: str) -> float | None:
    return float(cell) if cell else None


# Prices and screens stand on both sides of, and on, the bands of the policy (2000 yuan, 4.0 inch)
MODELS = tuple(
    Model(m["name"], m["group"], int(m["price"]), *(_some(m[c]) for c in ("screen", "popularity", "launch", "retire")))  # type: ignore[arg-type]
    for m in read_csv("g3lib.tables.sample", "models.csv")
)
BREACH_MODEL = 1  # on sale all the time, so every month of the last year has it
PRICE_MODEL, GIFT_MODEL, UNPROMISED_MODEL = 14, 6, 12  # on sale all the time too
# Demand of an outlet: own halls sell most, end outlets least
_CHANNEL_DEMAND = {"own": 1.8, "social": 1.0, "end": 0.55, "direct": 0.9}
_COMMISSION = {"own": 0.0, "social": 0.08, "end": 0.06, "direct": 0.05}
_TIERS, _GRADES = ("deep", "selected", "city"), ("excellent", "good", "qualified")


@dataclass(frozen=True)
class Outlet:
    """A point of sale; `demand` holds everything about it that lasts, its causes included."""

    name: str
    branch: int
    channel: str
    zone: str
    opened: str
    commission: float
    demand: float
    facts: tuple[bool, ...]  # in the order of CAUSES


def outlets(world: Scenario) -> list[Outlet]:
    """All outlets, branch by branch."""
    return [outlet for b in range(len(world.branches)) for outlet in _branch_outlets(world, b)]


def _branch_outlets(world: Scenario, branch: int) -> list[Outlet]:
    name = world.branches[branch]
    rng = stream(world.seed, "outlets", name)
    size = float(np.exp(rng.normal(0, 0.22)))
    counts = {"own": 6, "social": int(rng.integers(7, 10)), "end": int(rng.integers(6, 9)), "direct": 3}
    tilt = {channel: float(np.exp(rng.normal(0, 0.12))) for channel in CHANNELS}  # branches differ in mix
    made = []
    for channel in CHANNELS:
        for number in range(1, counts[channel] + 1):
            facts = _facts(world, name, channel, number)
            causes = np.prod([m for m, there in zip(numbers.CAUSES.values(), facts, strict=True) if there])
            own = float(np.exp(rng.normal(0, 0.18)))
            opened = shift(world.months[0], -int(rng.integers(6, 72)))
            made.append(
                Outlet(
                    name=f"{name}-{label('channel', channel, 'zh')}{number:02d}",
                    branch=branch,
                    channel=channel,
                    zone=f"样例片区{rng.integers(1, 5)}",
                    opened=f"{opened}-{rng.integers(1, 29):02d}",
                    commission=_commission(channel, rng),
                    demand=size * tilt[channel] * _CHANNEL_DEMAND[channel] * own * float(causes),
                    facts=facts,
                )
            )
    return made


def _commission(channel: str, rng: np.random.Generator) -> float:
    step = int(rng.integers(-2, 3)) * 0.005
    return round(_COMMISSION[channel] + step, 3) if _COMMISSION[channel] else 0.0


def _facts(world: Scenario, branch: str, channel: str, number: int) -> tuple[bool, ...]:
    draws = stream(world.seed, "facts", branch, channel, number).random(len(numbers.CAUSES))
    chances = dict.fromkeys(numbers.CAUSES, numbers.PREVALENCE) | {numbers.CONFOUNDED: numbers.CONFOUNDED_PREVALENCE[channel]}
    return tuple(bool(d < chance) for d, chance in zip(draws, chances.values(), strict=True))


def life(model: Model, months: int) -> tuple[int, int]:
    """The first and last month in which a model is sold, counted from the first month that is made."""
    first = 0 if model.launch is None else round(model.launch * months)
    last = months - 1 if model.retire is None else max(0, round(model.retire * months) - 1)
    return first, last


def availability(months: int) -> npt.NDArray[np.float64]:
    """Share of each model (rows) in its group's demand by month: sums to 1 a group and month."""
    share = np.zeros((len(MODELS), months))
    for i, model in enumerate(MODELS):
        first, last = life(model, months)
        share[i, first : last + 1] = model.popularity
    groups = np.array([m.group for m in MODELS])
    for group in dict.fromkeys(groups):
        share[groups == group] /= share[groups == group].sum(axis=0)
    return share


def branches_table(world: Scenario) -> pd.DataFrame:
    """The hierarchy: counties in cities in the province."""
    count = len(world.branches)
    rows = [(branch, numbers.city_of(i, count), "县") for i, branch in enumerate(world.branches)]
    rows += [(city, numbers.PROVINCE, "市") for city in dict.fromkeys(city for _, city, _ in rows)]
    return pd.DataFrame([*rows, (numbers.PROVINCE, "", "省")], columns=["分公司", "上级", "级别"])


def models_table(world: Scenario) -> pd.DataFrame:
    """The catalogue, with launch and end-of-life dates that agree with what is sold."""
    rng = stream(world.seed, "models")
    rows = []
    for i, model in enumerate(MODELS):
        first, last = life(model, len(world.months))
        # a model still on sale has a planned end, so that its lifecycle has a rest; every sixth has none yet
        retires = world.months[last] if model.retire is not None else shift(world.months[-1], 3 + 5 * i % 14)
        end = "" if model.retire is None and i % 6 == 5 else f"{retires}-{days_in(retires):02d}"
        rows.append(
            {
                "机型": model.name,
                "厂商": f"样例厂商{'甲乙丙丁戊'[int(rng.integers(5))]}",
                "终端类型": label("device_class", model.device_class, "zh"),
                "终端种类": label("kind", model.kind, "zh") if model.kind else "",
                "屏幕尺寸(寸)": "" if model.screen is None else f"{model.screen:.1f}",
                "定制层级": label("tier", _TIERS[i % 3], "zh"),
                "等级": label("grade", _GRADES[int(rng.integers(3))], "zh"),
                "上市日期": f"{world.months[first]}-01",  # a life that began before the data could not be judged
                "退市日期": end,
            }
        )
    return pd.DataFrame(rows)


def idle_outlets(world: Scenario) -> list[str]:
    """Outlets that are listed and never sold anything."""
    return [f"{world.branches[b]}-{label('channel', 'social', 'zh')}99" for b in world.idle_branches]


def outlets_table(world: Scenario, places: list[Outlet]) -> pd.DataFrame:
    """The outlets as a branch lists them, those that never sold last."""
    listed = pd.DataFrame(
        {
            "网点": [o.name for o in places],
            "分公司": [world.branches[o.branch] for o in places],
            "渠道": [label("channel", o.channel, "zh") for o in places],
            "片区": [o.zone for o in places],
            "开业日期": [o.opened for o in places],
            "佣金率": [f"{o.commission:.1%}" for o in places],
        }
    )
    idle = pd.DataFrame({"网点": idle_outlets(world), "分公司": [world.branches[b] for b in world.idle_branches]})
    opened = f"{shift(world.months[0], -12)}-01"
    idle = idle.assign(渠道=label("channel", "social", "zh"), 片区="样例片区1", 开业日期=opened, 佣金率="8.0%")
    return pd.concat([listed, idle], ignore_index=True)


def facts_table(world: Scenario, places: list[Outlet]) -> pd.DataFrame:
    """What was found at each outlet in the first month: 1 is yes."""
    rows = [
        (outlet.name, f"{world.months[0]}-01", fact, int(there))
        for outlet in places
        for fact, there in zip(numbers.CAUSES, outlet.facts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["网点", "日期", "项目", "数值"])


def displays_table(world: Scenario, places: list[Outlet]) -> pd.DataFrame:
    """How many of the listed models each outlet shows, counted at the end of the last months."""
    count = len(world.months)
    listed = (availability(count) > 0).sum(axis=0)
    chance = [numbers.DISPLAYED[outlet.channel] for outlet in places]
    rows = []
    for t in range(max(0, count - numbers.DISPLAY_MONTHS), count):
        shown = stream(world.seed, "displays", world.months[t]).binomial(listed[t], chance)
        day = f"{world.months[t]}-{days_in(world.months[t]):02d}"
        rows += [(outlet.name, day, "上柜机型数", int(n)) for outlet, n in zip(places, shown, strict=True)]
    return pd.DataFrame(rows, columns=["网点", "日期", "项目", "数值"])

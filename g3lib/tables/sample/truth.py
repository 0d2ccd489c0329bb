"""What is planted: every number here is put into the made-up province on purpose and told in truth.json.

A measure is right when it finds these again. Rates are fractions, months count from 0, multipliers act
on expected units.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from g3lib.errors import UsageError
from g3lib.periods import shift

PROVINCE = "样例省（虚构）"
CAMPAIGN = "样例固话竞赛"
REGIME_START = "2013-01"  # from here on the province decides the rates; before, each city did

# Response: log expected units += beta × (subsidy rate − 0.5)
BETAS = {"handset": 1.8, "wireless_phone": 3.0, "netbook": 1.2, "data_card": 2.2}
# log expected units of bare handsets −= gamma × (the branch's mean subsidised handset rate − 0.5)
DISPLACEMENT = {"handset": 0.8}
EXISTING = {"handset": 0.55, "wireless_phone": 0.35, "netbook": 0.45, "data_card": 0.40}  # own customers who migrate
# January to December: before Spring Festival, and the start of term with National Day
SEASON = (1.32, 1.18, 0.88, 0.86, 0.92, 0.90, 0.88, 0.94, 1.14, 1.16, 0.88, 0.94)
GROWTH_MONTHLY = 0.004
MONTH_END_DAYS, MONTH_END_LIFT, WEEKEND_LIFT = 3, 1.6, 1.25

CAUSES = {"店员未通过培训考核": 0.60, "缺货频繁": 0.70, "无演示机": 1.0, "未设G3专区": 1.0}
CONFOUNDED = "未设G3专区"
PREVALENCE = 0.30
CONFOUNDED_PREVALENCE = {"own": 0.08, "social": 0.38, "end": 0.50, "direct": 0.08}

SHARES = {"split": 0.06, "cross_branch": 0.015, "not_activated": 0.02}
WEAK_COVERAGE_SHARE = 0.05  # customers in good order who are hardly ever on 3G
BREACH_OVER = 0.12
OPEN_SECONDS = (9 * 3600, 18 * 3600 + 1800)  # activations happen from 9:00 to 18:30
BATCH_STEP_SECONDS = (20, 51)  # from one activation of a batch to the next
PRICE_OVER, GIFT = 50, 100  # yuan: a list price above the province's, and what a gift is worth
EFFECT = 0.06
# Share of each customer segment among a channel's buyers; the guideline gives own outlets the high end and groups,
# social ones the ordinary, direct ones families and the low end; of end outlets it says nothing
SEGMENTS = ("中高端客户", "集团客户", "普通客户", "家庭客户", "低端客户")
SEGMENT_SHARE = {"own": (0.42, 0.20, 0.25, 0.08, 0.05), "social": (0.16, 0.0, 0.66, 0.10, 0.08),
                 "end": (0.0, 0.0, 0.35, 0.20, 0.45), "direct": (0.0, 0.0, 0.22, 0.50, 0.28)}  # fmt: skip
DISPLAYED = {"own": 0.85, "social": 0.60, "end": 0.35, "direct": 0.50}  # chance that an outlet shows a listed model
DISPLAY_MONTHS = 3  # the last months in which displays were counted
THRESHOLDS = (  # indicator, direction, green from, red beyond
    ("progress_index", "up", 1.00, 0.90), ("valid_share", "up", 0.85, 0.75), ("counter_rate", "up", 0.60, 0.40),
    ("dead_outlet_share", "down", 0.02, 0.10), ("rate_gap", "up", 0.0, -0.03),
)  # fmt: skip
FOLLOWED_MONTHS = 30

# Monthly probabilities of leaving by reason; they add up within a month
HAZARDS: dict[str, float] = {
    "baseline_voluntary": 0.006,
    "early_termination_voluntary": 0.003,  # while the contract runs
    "non_payment": 0.005,
    "fraud": 0.0008,
    "upgrade": 0.002,
    "upgrade_from_month_12": 0.005,
}
CONTRACT_END_STEPS = (0.10, 0.05)  # extra in the month the contract ends and the month after


@dataclass(frozen=True)
class Scenario:
    """What the seed decides about the whole province: names, months and who does what when."""

    seed: int
    branches: tuple[str, ...]
    months: tuple[str, ...]
    breach_branches: tuple[int, ...]
    breach_from: int
    box_branches: tuple[int, ...]
    campaign_branches: tuple[int, ...]
    campaign_start: int
    masked_branch: int
    odd_branches: tuple[int, ...]  # with a list price of its own, with a gift, with too much in stock
    idle_branches: tuple[int, ...]  # with a listed outlet that never sold anything

    @property
    def masked_month(self) -> int:
        """The month before the last one."""
        return len(self.months) - 2

    @property
    def title(self) -> str:
        """The row that opens every file."""
        return f"虚构样例数据（made-up data），种子 {self.seed}"


def stream(seed: int, *what: object) -> np.random.Generator:
    """A random stream of its own for each thing that is drawn, so a new table moves no other.

    >>> bool(stream(1, "a").random() == stream(1, "a").random())
    True
    >>> bool(stream(1, "a").random() == stream(1, "b").random())
    False
    """
    digest = hashlib.sha256("\x1f".join(map(str, (seed, *what))).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def branch_name(index: int) -> str:
    """The plainly made-up name of a branch.

    >>> branch_name(0), branch_name(11), branch_name(12)
    ('样例一区', '样例十二区', '样例13区')
    """
    words = [*"一二三四五六七八九十", "十一", "十二"]
    return f"样例{words[index] if index < len(words) else index + 1}区"


def city_of(index: int, branches: int) -> str:
    """The plainly made-up city that a branch lies in: three branches a city, eight where there are many.

    >>> city_of(0, 12), city_of(11, 12), city_of(95, 3000)
    ('样例甲市', '样例丁市', '样例12市')
    """
    city = index // (3 if branches <= 12 else 8)
    return f"样例{'甲乙丙丁戊己庚辛壬癸'[city] if city < 10 else city + 1}市"


def scenario(branches: int, months: int, seed: int, last_month: str) -> Scenario:
    """Check the arguments and draw who does what.

    Raises UsageError, saying what was given and expected.
    """
    _check(branches, months, seed, last_month)
    masked = min(2, branches - 1)
    # the masked branch stays out, so that what is planted elsewhere can be computed without it
    others = [b for b in range(branches) if b != masked or branches < 5]
    rng = stream(seed, "scenario")
    chosen = rng.permutation(others).tolist()
    campaign = rng.permutation(branches).tolist()[: max(1, min(4, branches // 3))]
    return Scenario(
        seed=seed,
        branches=tuple(map(branch_name, range(branches))),
        months=tuple(shift(last_month, i - months + 1) for i in range(months)),
        breach_branches=tuple(sorted(chosen[:2])),
        breach_from=max(0, months - 12),
        box_branches=tuple(sorted(chosen[-2:])),
        campaign_branches=tuple(sorted(campaign)),
        campaign_start=months * 5 // 6,
        masked_branch=masked,
        odd_branches=tuple(chosen[i % len(chosen)] for i in (2, 3, 4)),
        idle_branches=tuple(sorted({chosen[i % len(chosen)] for i in (5, 6)})),
    )


def _check(branches: int, months: int, seed: int, last_month: str) -> None:
    for name, given, least in (("branches", branches, 2), ("months", months, 3), ("seed", seed, 0)):
        if not isinstance(given, int) or isinstance(given, bool) or given < least:
            raise UsageError(f"{name} is {given!r}; expected a whole number of at least {least}.")
    if not re.fullmatch(r"(19|20)\d\d-(0[1-9]|1[0-2])", str(last_month)):
        raise UsageError(f"last_month is {last_month!r}; expected a month such as 2013-12.")

"""Coverage of the campaign's effect on made-up provinces: 1,000 fixed seeds, through the sample's own generator."""

from __future__ import annotations

import numpy as np
import pandas as pd

from g3lib.measures import campaigns
from g3lib.tables.sample import programme
from g3lib.tables.sample.truth import EFFECT, scenario

SEEDS = 1000


def planted(seed: int) -> tuple[float, float, float]:
    """Whether the interval holds the planted effect, its width, and the error of the estimate."""
    world = scenario(12, 36, seed, "2013-12")
    counts = programme.participation(world)
    frame = pd.DataFrame({"branch": np.array(world.branches)[counts["branch"]], "month": np.array(world.months)[counts["month"]],
                          "rate": counts["participants"] / counts["base"]})  # fmt: skip
    starts = dict.fromkeys((world.branches[b] for b in world.campaign_branches), world.months[world.campaign_start])
    row = campaigns.did(campaigns.around(frame, starts, 12), starts).iloc[0]
    return float(row["low"] <= EFFECT <= row["high"]), row["high"] - row["low"], row["att"] - EFFECT


def test_the_planted_campaign_effect_is_covered() -> None:
    runs = np.array([planted(seed) for seed in range(SEEDS)])
    held, width, bias = runs.mean(axis=0)
    print(f"\nplanted campaign effect {EFFECT}: covers {held:.1%}, mean width {width:.5f}, bias {bias:+.6f}, {SEEDS:,} provinces")
    assert 0.93 <= held <= 0.97
    assert abs(bias) < 3 * runs[:, 2].std() / SEEDS**0.5

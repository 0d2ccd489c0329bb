"""How often the intervals of channels, targets and campaigns hold the truth. Prints its table; run by `make study`.

Each method is drawn many times from a process that it claims to cover, with seeds of its own. Where it promises 95 % the
bar is 95 ± 2 %; where it is built to be at least that (simultaneous, Holm) only the lower end is a bar; where it promises
95 % on average over branches, the average is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from g3lib.measures import campaigns, channels
from g3lib.measures.targets.outlook import predictive, predictive_interval, weeks_together

Drawn = tuple[float, float, float]  # held (0 to 1), width, estimate − truth


def goodman(rng: np.random.Generator) -> Drawn:
    truth = np.array([0.5, 0.3, 0.15, 0.05])
    counts = rng.multinomial(200, truth)
    found = channels.share_intervals(channels.contribution_share(pd.DataFrame({"channel": list("abcd"), "units": counts})))
    held = ((found["low"] <= truth) & (truth <= found["high"])).all()
    return float(held), float((found["high"] - found["low"]).mean()), float(found["share"].iloc[0] - truth[0])


def newcombe(rng: np.random.Generator) -> Drawn:
    branches = [f"b{i:02}" for i in range(40)]
    truth = np.array([rng.uniform(0.05, 0.5, 40), rng.uniform(0.1, 0.6, 40)])
    base = rng.integers(60, 400, (2, 40))
    counts = pd.DataFrame({"branch": branches * 2, "date": np.repeat(pd.to_datetime(["2010-02-01", "2010-03-01"]), 40), "rate": np.nan,
                           "participants": rng.binomial(base, truth).ravel().astype(float), "base": base.ravel().astype(float)})  # fmt: skip
    rows = campaigns.uplift_intervals(counts, "2010-02", "2010-03").set_index("branch").loc[branches]
    lift = truth[1] - truth[0]
    held = (rows["low"] <= lift) & (lift <= rows["high"])
    return float(held.mean()), float((rows["high"] - rows["low"]).mean()), float((rows["lift"] - lift).mean())


def paired(rng: np.random.Generator) -> Drawn:
    cells = rng.dirichlet([4, 3, 2, 6])
    both, gained, lost, neither = rng.multinomial(int(rng.integers(60, 400)), cells)
    lift, low, high = campaigns.paired_interval(both, gained, lost, neither)
    truth = cells[1] - cells[2]
    return float(low <= truth <= high), high - low, lift - truth


def rank(rng: np.random.Generator) -> Drawn:
    truth = np.sort(rng.normal(0, 1, 12))[::-1]
    error = rng.uniform(0.2, 0.6, 12)
    found = campaigns.rank_intervals(truth + rng.normal(0, error), error)
    places = np.arange(1, 13)
    held = (found["low"].to_numpy() <= places) & (places <= found["high"].to_numpy())
    return float(held.mean()), float((found["high"] - found["low"]).mean()), 0.0


def shrunk(branches: int, phones: tuple[int, int], beta: tuple[float, float]) -> Callable[[np.random.Generator], Drawn]:
    def draw(rng: np.random.Generator) -> Drawn:
        base = rng.integers(*phones, branches).astype(float)
        truth = rng.beta(*beta, branches)
        found = campaigns.shrunken(pd.Series(rng.binomial(base.astype(int), truth)).astype(float), pd.Series(base))
        held = (found["low"].to_numpy() <= truth) & (truth <= found["high"].to_numpy())
        return float(held.mean()), float((found["high"] - found["low"]).mean()), float((found["rate"] - truth).mean())

    return draw


def efficiency(rng: np.random.Generator) -> Drawn:
    names = [f"c{i:02}" for i in range(20)]
    truth, n = rng.uniform(0.6, 0.95, 20), rng.integers(60, 400, 20)
    valid = rng.random(n.sum()) < np.repeat(truth, n)
    sales = pd.DataFrame({"channel": np.repeat(names, n), "units": 1, "subsidy": 100.0, "list_price": 500.0, "outlet": "o"})
    places = pd.DataFrame({"outlet": ["o"], "commission_rate": [0.0]})
    rows = channels.efficiency(sales, pd.DataFrame({"state": np.where(valid, "valid", "idle")}), places).set_index("channel").loc[names]
    held = (rows["low"] <= truth) & (truth <= rows["high"])
    return float(held.mean()), float((rows["high"] - rows["low"]).mean()), float((rows["valid_share"] - truth).mean())


MONTHS = [str(m) for m in pd.period_range("2012-01", "2013-12", freq="M")]


def drawn_panel(rng: np.random.Generator, starts: dict[str, str], effect: float, unequal: bool) -> pd.DataFrame:
    common, rows = np.cumsum(rng.normal(0, 0.01, 24)), []
    for b in range(12):
        spread = 0.02 if unequal and f"b{b}" in starts else 0.01
        # months hang together within a branch: what a regression over months would take for independent
        noise = np.zeros(24)
        shocks = rng.normal(0, spread, 24)
        for t in range(24):
            noise[t] = (0.6 * noise[t - 1] if t else 0.0) + shocks[t]
        since = np.array([m >= starts.get(f"b{b}", "9") for m in MONTHS])
        rows += [(f"b{b}", m, r) for m, r in zip(MONTHS, rng.uniform(0.2, 0.4) + common + noise + effect * since, strict=True)]
    return pd.DataFrame(rows, columns=["branch", "month", "rate"])


def compared(starts: dict[str, str], unequal: bool) -> Callable[[np.random.Generator], Drawn]:
    def draw(rng: np.random.Generator) -> Drawn:
        row = campaigns.did(drawn_panel(rng, starts, 0.05, unequal), starts).iloc[0]
        return float(row["low"] <= 0.05 <= row["high"]), row["high"] - row["low"], row["att"] - 0.05

    return draw


def segmented(rng: np.random.Generator) -> Drawn:
    months = [str(m) for m in pd.period_range("2009-01", periods=60, freq="M")]
    t = np.arange(60)
    mean = 400 * np.exp(0.004 * t + 0.1 * np.sin(2 * np.pi * t / 12) + np.log(0.85) * (t >= 40))
    counts = rng.negative_binomial(mean / 2, 1 / 3)  # variance three times the mean
    row = campaigns.segmented(pd.DataFrame({"month": months, "count": counts}), months[40]).terms.iloc[0]
    return float(row["low"] <= 0.85 <= row["high"]), row["high"] - row["low"], row["ratio"] - 0.85


def predicted(follows: float) -> Callable[[np.random.Generator], Drawn]:
    def draw(rng: np.random.Generator) -> Drawn:
        weeks = [rng.normal(0, 0.2)]
        for shock in rng.normal(0, 0.2 * (1 - follows**2) ** 0.5, 25):
            weeks.append(follows * weeks[-1] + shock)
        daily = rng.poisson(rng.uniform(2, 9) * np.repeat(np.exp(np.array(weeks) - 0.02), 7))
        mean, size, p = predictive(daily[:91], 91, together=weeks_together(daily[:91]))
        low, high = predictive_interval(size, p, 0.95)
        came = daily[91:].sum()
        return float(low <= came <= high), (high - low) / mean, (mean - came) / mean

    return draw


SAME = {f"b{b}": "2013-03" for b in range(4)}
TWO = {"b0": "2013-03", "b1": "2013-03"}
STAGGERED = {"b0": "2012-09", "b1": "2012-09", "b2": "2013-03", "b3": "2013-06", "b4": "2013-06"}
METHODS: dict[str, tuple[Callable[[np.random.Generator], Drawn], int, float, float]] = {
    "Goodman, all four shares at once": (goodman, 2000, 0.93, 1.0),
    "Newcombe, independent": (newcombe, 100, 0.93, 0.97),  # of 40 branches each
    "Newcombe, paired": (paired, 4000, 0.93, 0.97),
    "ranks of 12 branches": (rank, 1000, 0.95, 1.0),
    "shrunken rates of 24 branches": (shrunk(24, (100, 3000), (30, 70)), 400, 0.93, 0.97),
    # none or one of twenty: wider than it need be, as every interval of such counts is
    "shrunken rates near 2 % of some 20 phones": (shrunk(20, (15, 26), (20, 980)), 400, 0.95, 1.0),
    "valid share (Wilson)": (efficiency, 100, 0.93, 0.97),  # of 20 channels each
    "comparison, one start": (compared(SAME, False), 2000, 0.93, 0.97),
    "comparison, joined scatter twice as much": (compared(SAME, True), 2000, 0.93, 0.97),
    # two say little of their own spread: the interval is wider than it need be rather than too narrow
    "comparison, two joined": (compared(TWO, False), 2000, 0.95, 1.0),
    "comparison, two joined that scatter twice as much": (compared(TWO, True), 2000, 0.95, 1.0),
    "comparison, staggered starts": (compared(STAGGERED, False), 2000, 0.93, 0.97),
    "segmented regression, dispersion 3": (segmented, 2000, 0.93, 0.97),
    "predictive interval of a target": (predicted(0.0), 4000, 0.93, 0.97),
    "predictive interval, weeks that follow each other at 0.4": (predicted(0.4), 4000, 0.90, 0.97),
    # thirteen weeks show too little of what binds them: the report says that such an interval is still too narrow
    "predictive interval, weeks that follow each other at 0.8": (predicted(0.8), 4000, 0.75, 0.93),
}


@pytest.mark.parametrize("name", METHODS)
def test_coverage(name: str) -> None:
    draw, times, least, most = METHODS[name]
    runs = np.array([draw(np.random.default_rng([7, seed])) for seed in range(times)])
    held, width, bias = runs.mean(axis=0)
    print(f"\n{name}: covers {held:.1%}, mean width {width:.4g}, bias {bias:+.4g}, {times:,} draws")
    assert least <= held <= most


def test_newey_west_is_no_cure_for_a_short_series() -> None:
    """Why residuals that hang together are said and not corrected: over three years Newey–West covers less than the plain interval."""
    import statsmodels.api as sm
    from scipy.stats import t as student

    months = np.arange(36)
    since = (months >= 24).astype(float)
    angle = 2 * np.pi * months / 12
    design = np.column_stack([np.ones(36), months, since, np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)])
    reach = student.ppf(0.975, len(months) - design.shape[1])
    for together in (0.0, 0.3):
        held = np.zeros(2)
        for seed in range(400):
            rng = np.random.default_rng([8, seed])
            noise = [rng.normal(0, 0.05)]
            for _ in months[1:]:
                noise.append(together * noise[-1] + rng.normal(0, 0.05 * (1 - together**2) ** 0.5))
            counts = rng.poisson(1000 * np.exp(0.005 * months + 0.1 * np.sin(angle) + 0.2 * since + noise))
            model = sm.GLM(counts, design, family=sm.families.Poisson())
            plain = model.fit(scale="X2")
            robust = model.fit(scale="X2", cov_type="HAC", cov_kwds={"maxlags": 3, "use_correction": True})
            held += [abs(fit.params[2] - 0.2) <= reach * fit.bse[2] for fit in (plain, robust)]
        print(f"\nsegmented over 36 months, autocorrelation {together}: plain covers {held[0] / 400:.1%}, Newey–West {held[1] / 400:.1%}")
        assert held[0] > held[1]

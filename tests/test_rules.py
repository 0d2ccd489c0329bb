"""Nelson's and Western Electric's rules against a brute-force reading of their sentences, and at each boundary."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from g3lib.qc import control
from g3lib.qc.control import rules


def series(values: list[float], centre: float = 0.0, error: float = 1.0, begins: list[int] | None = None) -> rules.Series:
    x = np.array(values, dtype=float)
    one = np.ones(len(x))
    return rules.Series(x, centre * one, error * one, (centre - 3 * error) * one, (centre + 3 * error) * one, ~np.isnan(x),
                        np.array(begins if begins is not None else _begins(x)))  # fmt: skip


def _begins(x: np.ndarray) -> list[int]:
    out, start = [], 0
    for i in range(len(x)):
        if np.isnan(x[i]) or (i and np.isnan(x[i - 1])):
            start = i
        out.append(start)
    return out


def stretch(x: list[float], i: int, length: int) -> list[float] | None:
    """The last so many points up to i, None where there are fewer before a gap."""
    part = x[max(0, i - length + 1) : i + 1]
    return None if len(part) < length or any(v != v for v in part) else part


def since_gap(x: list[float], i: int, length: int) -> list[float]:
    part: list[float] = []
    for v in reversed(x[: i + 1]):
        if v != v or len(part) == length:
            break
        part.insert(0, v)
    return part


def all_in(x: list[float], i: int, length: int, good) -> bool:
    part = stretch(x, i, length)
    return part is not None and all(map(good, part))


def brute(rule: str, x: list[float], i: int) -> bool:
    """The rule's sentence, word by word, at one point."""
    if x[i] != x[i]:
        return False
    above, below = (lambda v, z=0.0: v > z), (lambda v, z=0.0: v < -z)
    if rule in ("nelson_1", "western_1"):
        return abs(x[i]) > 3
    if rule in ("nelson_2", "western_4"):
        n = 9 if rule == "nelson_2" else 8
        return all_in(x, i, n, above) or all_in(x, i, n, below)
    if rule == "nelson_3":
        part = stretch(x, i, 6)
        pairs = list(itertools.pairwise(part)) if part else []
        return bool(pairs) and (all(a < b for a, b in pairs) or all(a > b for a, b in pairs))
    if rule == "nelson_4":
        part = stretch(x, i, 14)
        if not part:
            return False
        steps = [np.sign(b - a) for a, b in itertools.pairwise(part)]
        return all(s * t == -1 for s, t in itertools.pairwise(steps))
    if rule in ("nelson_5", "western_2"):
        return any(side(x[i]) and sum(map(side, since_gap(x, i, 3))) >= 2 for side in (lambda v: v > 2, lambda v: v < -2))
    if rule in ("nelson_6", "western_3"):
        return any(side(x[i]) and sum(map(side, since_gap(x, i, 5))) >= 4 for side in (lambda v: v > 1, lambda v: v < -1))
    if rule == "nelson_7":
        return all_in(x, i, 15, lambda v: abs(v) <= 1)
    assert rule == "nelson_8"
    return all_in(x, i, 8, lambda v: abs(v) > 1)


# values that sit on borders, beside them and far off, so that every rule is met often
GRID = st.sampled_from([-3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, float("nan")])
SMALL = st.sampled_from([-0.5, 0.0, 0.5, 1.0, -1.0, 0.25])
SIDED = st.sampled_from([0.5, 1.5, 2.5, 1.0, 2.0])


@given(st.lists(st.one_of(GRID, SMALL, SIDED), min_size=1, max_size=60))
def test_every_rule_reads_as_its_sentence(x: list[float]) -> None:
    read = series(x)
    for rule, function in rules.RULES.items():
        assert function(read).tolist() == [brute(rule, x, i) for i in range(len(x))], rule


# for each rule: a series that just does not break it, and one that just does, at its last point
EDGES = {
    "nelson_1": ([0.0, 3.0], [0.0, 3.0000001]),
    "nelson_2": ([0.0] + [0.1] * 8, [0.0] + [0.1] * 9),
    "nelson_3": ([0.0, 0.0, 0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
    "nelson_4": ([0.0, 0.0, *[0.5, -0.5] * 6], [*[0.5, -0.5] * 7]),
    "nelson_5": ([2.1, 0.0, 2.0], [2.1, 0.0, 2.1]),
    "nelson_6": ([1.1, 1.1, 0.0, 1.1, 1.0], [1.1, 1.1, 0.0, 1.1, 1.1]),
    "nelson_7": ([1.1] + [0.5, -1.0] * 7, [0.5, -1.0] * 7 + [1.0]),
    "nelson_8": ([1.0] + [1.1, -1.1] * 3 + [1.1], [1.1, -1.1] * 4),
    "western_1": ([3.0], [3.1]),
    "western_2": ([2.1, -2.1], [2.1, 2.1]),
    "western_3": ([1.1, 1.1, 1.1, 0.0, 0.5], [1.1, 1.1, 1.1, 1.1]),
    "western_4": ([0.1] * 7, [0.1] * 8),
}


@pytest.mark.parametrize("rule", EDGES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_at_its_boundary_on_either_side(rule: str, sign: float) -> None:
    quiet, loud = ([sign * v for v in values] for values in EDGES[rule])
    assert rule not in rules.broken(series(quiet), [rule])
    assert rules.broken(series(loud), [rule])[rule][-1] == len(loud) - 1


def test_a_point_on_the_centre_breaks_a_run() -> None:
    assert rules.broken(series([0.1] * 5 + [0.0] + [0.1] * 8), ["nelson_2"]) == {}


def test_no_rule_reaches_over_a_gap_a_phase_or_a_point_set_aside() -> None:
    gap = [0.1] * 5 + [float("nan")] + [0.1] * 5
    assert rules.broken(series(gap), rules.RULES) == {}
    rising = control.i_mr([1, 2, 3, 4, 5, 6, 7, 8], phases=["a"] * 4 + ["b"] * 4)
    assert rising.location.signals == {}
    aside = control.i_mr([1.0, 2, 3, 4, 5, 6, 7], excluded={4: "x"})
    assert "nelson_3" not in aside.location.signals
    assert "nelson_3" in control.i_mr([1.0, 2, 3, 4, 5, 6, 7]).location.signals


def test_zones_are_each_points_own() -> None:
    # the second is 2.5 of its own standard errors away, and would be 0.8 of the first's
    chart = control.p([14, 140, 0, 160], [100, 1000, 10, 1000], rules=["nelson_1"])
    z = (chart.values - chart.centre) / chart.error
    read = rules.Series(chart.values, chart.centre, chart.error, chart.lower, chart.upper, ~np.isnan(z), np.zeros(4, dtype=int))
    assert read.above(1.0).tolist() == (z > 1.0).tolist()


def test_ranges_and_counts_are_asked_less() -> None:
    assert rules.chosen("r", None) == rules.NELSON[:4]
    assert rules.chosen("u_prime", None) == rules.NELSON[:4]
    assert rules.chosen("mr", None) == ("nelson_1",)
    assert rules.chosen("xbar", None) == rules.NELSON

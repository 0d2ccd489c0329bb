"""What a campaign did, by comparison: branches that joined against branches that did not, before against after.

The unit is the branch, and each gives one number: how much it moved from before its start to after it. So months that
hang together within a branch cannot pretend to be many observations (Bertrand, Duflo and Mullainathan 2004), and the
interval is Welch's t over branches: CR2's standard error for two groups. Its degrees of freedom are the lesser of Welch's,
from the data, and Bell and McCaffrey's, from the number of branches: by the first alone two of twelve cover 89 %, by both
at least what they say. With fewer than thirty on a side a permutation p stands beside, how often chance alone would pick
such a group, and both have to agree. Where starts differ, a branch is only ever held against branches that never joined
(Callaway and Sant'Anna 2021).

What it assumes: without the campaign the joined would have moved as the others did. The placebo and the trend before
the start can refute that; nothing can prove it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.measures.draws import generator
from g3lib.measures.guards import parts_only
from g3lib.periods import shift

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FEW = 30  # clusters: below, a permutation p stands beside the t interval
_MOST_ASSIGNMENTS = 20_000
_DRAWN = 9_999
_AT_ONCE = 4_000_000  # branches × starts × choices held in memory


def starts_of(campaigns: pd.DataFrame, campaign: str = "") -> dict[str, str]:
    """The month in which each branch joined: its first start, of one campaign or of any.

    >>> starts_of(pd.DataFrame({"campaign": "c", "branch": ["a"], "start": pd.to_datetime(["2013-07-15"])}))
    {'a': '2013-07'}
    """
    own = campaigns[campaigns["campaign"] == campaign] if campaign else campaigns
    first = own.groupby("branch")["start"].min()
    return {str(branch): f"{start:%Y-%m}" for branch, start in first.items()}


def balanced(panel: pd.DataFrame) -> pd.DataFrame:
    """Branches × months without a gap: a branch with an unknown month is left out, for its mean would be of other months.

    Args:
        panel: branch, month (`2013-01`), rate (or another value, see `did`).

    Raises:
        DataError: totals among the branches, a month given twice, or more than one value.
    """
    parts_only(panel, ["branch"])
    if len(twice := panel.loc[panel.duplicated(["branch", "month"]), ["branch", "month"]]):
        names = [f"{b} {m}" for b, m in twice.itertuples(index=False)]
        raise DataError(listed(names, "Each branch has one value a month; these have several:"))
    if len(panel.columns) != 3:
        raise DataError(f"A panel is branch, month and one value; given: {', '.join(panel.columns)}.")
    wide = panel.pivot(index="branch", columns="month", values=panel.columns[-1]).sort_index()
    return wide[sorted(wide.columns)].dropna()


def around(panel: pd.DataFrame, starts: Mapping[str, str], before: int = 12) -> pd.DataFrame:
    """The months of a comparison: at most so many before the first start, for groups drift apart over years.

    >>> months = pd.DataFrame({"branch": "a", "month": ["2012-01", "2012-12", "2013-01"], "rate": 0.1})
    >>> around(months, {"a": "2013-01"}, 1)["month"].tolist()
    ['2012-12', '2013-01']
    """
    first = _first(panel, starts)
    return panel[panel["month"] >= shift(first, -before)].reset_index(drop=True) if first else panel


def did(panel: pd.DataFrame, starts: Mapping[str, str], level: float = 0.95) -> pd.DataFrame:
    """Difference in differences: mean move of the joined − mean move of those that never joined.

    A joined branch's move is its mean from its start on − its mean before; the others' over the same two spans. Moves of
    branches that started in different months are averaged over the joined.

    Args:
        panel: branch, month, value (the last column): one row a branch and month.
        starts: branch → month in which it joined; all others never did.
        level: of the interval.

    Returns:
        One row: att (the effect on the joined), low, high, se, df, p_value, p_permutation (NaN with 30 branches or
        more on both sides), permutations, joined, others (branches), left_out (with unknown months, or joining later),
        months_before, months_after (of the earliest starter), method (`welch`;
        `one_joined`: a single branch, whose spread is taken to be the others'), reason where there is no estimate:
        `no_starts` (nobody's start is known), `no_joined`, `no_others`, `no_before`, `no_after`, `one_each`.

    >>> panel = pd.DataFrame({"branch": list("aabbccdd"), "month": ["2013-01", "2013-02"] * 4,
    ...                       "rate": [0.2, 0.5, 0.3, 0.5, 0.1, 0.2, 0.4, 0.5]})
    >>> found = did(panel, {"a": "2013-02", "b": "2013-02"})
    >>> found[["att", "p_permutation", "permutations"]].round(3).values.tolist()
    [[0.15, 0.333, 6.0]]
    """
    wide = balanced(panel)
    months = list(wide.columns)
    last = months[-1] if months else ""
    joined = {b: starts[b] for b in sorted(starts) if b in wide.index and starts[b] <= last}
    names = [b for b in wide.index if b not in starts]  # who joins later is neither: left out and counted
    first = min(joined.values(), default="")
    after = sum(m >= first for m in months) if first else 0
    counts = {"joined": len(joined), "others": len(names), "left_out": panel["branch"].nunique() - len(joined) - len(names),
              "months_before": sum(m < first for m in months), "months_after": after}  # fmt: skip
    known_too_late = not joined and any(b in wide.index for b in starts)
    reasons = {
        "no_starts": not starts,
        "no_after": known_too_late,
        "no_joined": not joined,
        "no_others": not names,
        "no_before": any(s <= months[0] for s in joined.values()) if joined else False,
        "one_each": len(joined) == 1 and len(names) == 1,
    }
    reason = next((why for why, holds in reasons.items() if holds), "")
    if reason:
        nothing = dict.fromkeys(["att", "low", "high", "se", "df", "p_value", "p_permutation"], float("nan"))
        return pd.DataFrame([nothing | {"permutations": 0, **counts, "method": "", "reason": reason}])
    moves, at = _moves(wide, joined, names)
    effect, se, df = (float(figure[0]) for figure in _welch(moves, at, np.arange(len(joined))[None]))
    low, high, p = _t_interval(effect, se, df, level)
    few = min(len(joined), len(names)) < FEW  # few on one side is few, however many stand on the other
    p_permutation, tried = _permuted(moves, at, "\n".join([*joined, *names, *joined.values()])) if few else (float("nan"), 0)
    method = "one_joined" if len(joined) == 1 else "welch"
    return pd.DataFrame([{"att": effect, "low": low, "high": high, "se": se, "df": df, "p_value": p,
                          "p_permutation": p_permutation, "permutations": tried, **counts, "method": method,
                          "reason": ""}])  # fmt: skip


def _moves(wide: pd.DataFrame, joined: Mapping[str, str], names: list[str]) -> tuple[Floats, Ints]:
    """Branches (the joined first, then the others) × distinct starts: each one's mean from the start on − before it; and which
    of the starts is each joined branch's."""
    months, table = np.array(wide.columns), wide.loc[[*joined, *names]].to_numpy(float)
    starts, at = np.unique(list(joined.values()), return_inverse=True)
    after = [months >= start for start in starts]
    moves = np.column_stack([table[:, a].mean(axis=1) - table[:, ~a].mean(axis=1) for a in after])
    return moves.round(12), at  # a last bit is no move: branches that stand still would part at 1e-17


def _welch(moves: Floats, at: Ints, picks: Ints) -> tuple[Floats, Floats, Floats]:
    """Effect, standard error and degrees of freedom, for each choice of who joined; a single one borrows the others' spread.

    Args:
        moves, at: `_moves`: n branches × distinct starts, and the start of each of the k joined.
        picks: choices × k: the branch that joins at each of these starts.
    """
    n, k = len(moves), len(at)
    rest = n - k
    beside = (moves.sum(axis=0) - moves[picks].sum(axis=1)) / rest  # choices × starts: the others' mean move over the spans
    own = moves[picks, at] - beside[:, at]
    # what is left of a branch that never joined: its mean move over the same spans
    over = moves @ (np.bincount(at) / k)
    each = over - over.mean()
    left = each.sum() - each[picks].sum(axis=1)
    squares = (each**2).sum() - (each[picks] ** 2).sum(axis=1) - left**2 / rest
    v0 = np.maximum(squares, 0.0) / (rest - 1) if rest > 1 else np.full(len(picks), np.nan)
    effect = own.mean(axis=1)
    if k == 1 or rest == 1:
        pooled = v0 if k == 1 else own.var(axis=1, ddof=1)
        return effect, (pooled * (1 / k + 1 / rest)) ** 0.5, np.full(len(picks), float(max(k, rest) - 1))
    a, b = own.var(axis=1, ddof=1) / k, v0 / rest
    spread = a**2 / (k - 1) + b**2 / (rest - 1)
    df = np.divide((a + b) ** 2, spread, out=np.full(len(picks), float(n - 2)), where=spread > 0)
    return effect, (a + b) ** 0.5, np.minimum(df, _alike_df(k, rest))


def _alike_df(k: int, m: int) -> float:
    """Degrees of freedom where both groups scatter alike (Bell and McCaffrey 2002); one alone borrows the others' spread."""
    return float(k + m - 2) if min(k, m) == 1 else (1 / k + 1 / m) ** 2 / (1 / (k**2 * (k - 1)) + 1 / (m**2 * (m - 1)))


def _t_interval(effect: float, se: float, df: float, level: float) -> tuple[float, float, float]:
    from scipy.stats import t

    reach = float(t.ppf((1 + level) / 2, df)) * se
    p = float(2 * t.sf(abs(effect) / se, df)) if se > 0 else float(effect == 0)
    return effect - reach, effect + reach, p


def least_p(joined: int, others: int) -> float:
    """The least p that a permutation can reach: of all groups one is the most extreme, and of two halves the other half as well.

    >>> least_p(2, 10), least_p(3, 3)
    (0.015..., 0.1)
    """
    return (1 + (joined == others)) / comb(joined + others, joined)


def _permuted(moves: Floats, at: Ints, named: str) -> tuple[float, int]:
    """How often a group picked by chance, with the same starts, has a studentised effect as large; and how many were tried.

    Args:
        moves, at: `_moves`; named: branches and starts, which seed what is drawn.
    """
    n, k = len(moves), len(at)
    batches: Iterable[Ints]
    if exact := moves.shape[1] == 1 and comb(n, k) <= _MOST_ASSIGNMENTS:
        batches = [np.array(list(combinations(range(n), k)))]
    else:
        rng = generator(named.encode())
        rows = max(1, _AT_ONCE // (n * moves.shape[1]))  # a province of thousands is drawn a few groups at a time
        batches = (rng.permuted(np.tile(np.arange(n), (min(rows, _DRAWN - i), 1)), axis=1)[:, :k] for i in range(0, _DRAWN, rows))
    own = abs(float(_studentised(moves, at, np.arange(k)[None])[0])) * (1 - 1e-9)
    as_large = tried = 0
    for picks in batches:
        as_large, tried = as_large + int((np.abs(_studentised(moves, at, picks)) >= own).sum()), tried + len(picks)
    return (as_large / tried if exact else (as_large + 1) / (tried + 1)), tried


def _studentised(moves: Floats, at: Ints, picks: Ints) -> Floats:
    effect, se, _ = _welch(moves, at, picks)
    # one joined branch has no spread of its own: then the effect itself is compared; without any spread it is all but infinite
    return effect if len(at) == 1 else np.divide(effect, se, out=effect * 1e300, where=se > 0)


def group_time(panel: pd.DataFrame, starts: Mapping[str, str], level: float = 0.95) -> pd.DataFrame:
    """The effect by month of start and month of outcome, against those that never joined (Callaway and Sant'Anna 2021).

    ATT(g, t) = mean of the joined's move from the month before g to t − the same of the others. Months before g are
    placebos, each against the month before it.

    Args:
        panel, starts, level: see `did`.

    Returns:
        start, month, att, low, high (t over branches), joined (branches), since (whether the month is from the start
        on). A start in the first month has no month before it and is left out; where all joined there is nobody to compare with.

    >>> panel = pd.DataFrame({"branch": list("aabbcc"), "month": ["2013-01", "2013-02"] * 3, "rate": [0, 4, 0, 1, 0, 3.0]})
    >>> group_time(panel, {"a": "2013-02"})[["start", "month", "att"]].values.tolist()
    [['2013-02', '2013-02', 2.0]]
    """
    wide = balanced(panel)
    months, names, rows = list(wide.columns), [b for b in wide.index if b not in starts], []
    for start in sorted({s for b, s in starts.items() if b in wide.index and months[0] < s <= months[-1]}) if names else ():
        group = [b for b in wide.index if starts.get(b) == start]
        for i, month in enumerate(months[1:], 1):
            base = max(m for m in months if m < start) if month >= start else months[i - 1]
            move = (wide[month] - wide[base])[[*group, *names]].to_numpy(float).round(12)
            one_start = np.zeros(len(group), dtype=np.int64)
            effect, se, df = (float(figure[0]) for figure in _welch(move[:, None], one_start, np.arange(len(group))[None]))
            rows.append((start, month, effect, *_t_interval(effect, se, df, level)[:2], len(group), month >= start))
    return pd.DataFrame(rows, columns=["start", "month", "att", "low", "high", "joined", "since"])


def trends(panel: pd.DataFrame, starts: Mapping[str, str]) -> pd.DataFrame:
    """The picture behind a comparison: both groups' mean by month, and the gap between them less its mean before.

    Args:
        panel, starts: see `did`; with several starts the earliest divides before from after.

    Returns:
        month, rate_joined, rate_others (means), gap_points (joined − others − its mean before the first start), since.

    >>> panel = pd.DataFrame({"branch": list("aabb"), "month": ["2013-01", "2013-02"] * 2, "rate": [0.2, 0.5, 0.1, 0.2]})
    >>> trends(panel, {"a": "2013-02"}).round(3).values.tolist()
    [['2013-01', 0.2, 0.1, 0.0, False], ['2013-02', 0.5, 0.2, 0.2, True]]
    """
    wide = balanced(panel)
    last = wide.columns[-1] if len(wide.columns) else ""
    wide = wide[[b not in starts or starts[b] <= last for b in wide.index]]  # as `did`: who joins later is in neither group
    inside = [b in starts for b in wide.index]
    if len(set(inside)) < 2:  # one group is no comparison
        return pd.DataFrame(columns=["month", "rate_joined", "rate_others", "gap_points", "since"])
    joined, others = wide[inside].mean(), wide[[not i for i in inside]].mean()
    first = min((s for b, s in starts.items() if b in wide.index), default="9999-99")
    after = np.array([m >= first for m in wide.columns], dtype=bool)
    gap = (joined - others).to_numpy()
    before = gap[~after].mean() if (~after).any() else np.nan
    return pd.DataFrame(
        {"month": wide.columns, "rate_joined": joined.to_numpy(), "rate_others": others.to_numpy(), "gap_points": gap - before,
         "since": after}
    )


def placebo(panel: pd.DataFrame, starts: Mapping[str, str], level: float = 0.95) -> pd.DataFrame:
    """The same comparison where nothing happened: only months before the first start, as if half of them were after it.

    The groups are those of `did`: who joins after the panel's end is in neither.

    Returns:
        As `did`; an interval without nought says that the groups moved apart before anybody joined.

    >>> panel = pd.DataFrame({"branch": list("aaabbbccc"), "month": ["2013-01", "2013-02", "2013-03"] * 3,
    ...                       "rate": [0.1, 0.4, 0.9, 0.1, 0.1, 0.1, 0.2, 0.2, 0.1]})
    >>> placebo(panel, {"a": "2013-03"})["att"].round(3).tolist()  # it rose before it joined
    [0.3]
    """
    early = before_start(panel, starts)
    months = sorted(early["month"].unique())
    if len(months) < 2:
        return did(panel, {}).assign(reason="no_before")
    return did(early, dict.fromkeys(starts, months[len(months) // 2]), level)


def minimum_effect(panel: pd.DataFrame, joining: int, after: int, power: float = 0.8, level: float = 0.95) -> pd.DataFrame:
    """What a campaign would have to do to be seen, before it starts: the minimum detectable effect.

    MDE = the effect, in standard errors, at which the t test of `did` has that power (noncentral t), × the standard
    error, with the spread of branches' moves as the months so far show it:
    every window of `after` months held against all months before it, pooled; windows with fewer months before than in
    them only where there are no others. The campaign itself will have more months before it: it errs on the large side.

    Args:
        panel: branch, month, value of the months before the campaign.
        joining: branches that are to join.
        after: months that it will be followed.

    Returns:
        One row: mde (in the value's unit), joining, others, months_before, months_after, windows, reason (`too_short`,
        `no_others`, `too_few`: were the joined the most extreme group, chance would still pick one as extreme too often).

    >>> panel = pd.DataFrame({"branch": list("aabbccddeeffgg"), "month": ["2013-01", "2013-02"] * 7,
    ...                       "rate": [0.2, 0.3, 0.3, 0.5, 0.1, 0.1, 0.4, 0.5, 0.2, 0.2, 0.3, 0.4, 0.1, 0.2]})
    >>> [minimum_effect(panel, k, after=1)[["mde", "reason"]].round(3).values.tolist()[0] for k in (3, 1)]
    [[0.191, ''], [nan, 'too_few']]
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    wide = balanced(panel)
    n, months = len(wide), len(wide.columns)
    windows = list(range(1, months - after + 1))
    windows = [w for w in windows if w >= after] or windows
    row = {"mde": float("nan"), "joining": joining, "others": n - joining, "months_before": months, "months_after": after,
           "windows": len(windows)}  # fmt: skip
    reason = "too_short" if not windows else "no_others" if not 0 < joining < n or n < 3 else ""
    if reason := reason or "too_few" * (least_p(joining, n - joining) > 1 - level):
        return pd.DataFrame([row | {"reason": reason}])
    table = wide.to_numpy(float)
    moves = [table[:, w : w + after].mean(axis=1) - table[:, :w].mean(axis=1) for w in windows]
    variance = float(np.mean([m.var(ddof=1) for m in moves]))
    se, df = (variance * (1 / joining + 1 / (n - joining))) ** 0.5, _alike_df(joining, n - joining)
    reach = t.ppf((1 + level) / 2, df)
    needed = brentq(lambda shift_of: nct.sf(reach, df, shift_of) - power, 0.01, 200.0)
    return pd.DataFrame([row | {"mde": float(needed * se), "reason": ""}])


def not_in_others(panel: pd.DataFrame, campaigns: pd.DataFrame, campaign: str = "") -> pd.DataFrame:
    """The panel without branches that joined another campaign and not this one: they are no comparison.

    >>> panel = pd.DataFrame({"branch": ["a", "b", "c"], "month": "2013-01", "rate": 0.1})
    >>> joined = pd.DataFrame({"campaign": ["x", "y"], "branch": ["a", "b"]})
    >>> not_in_others(panel, joined, "x")["branch"].tolist()
    ['a', 'c']
    """
    own = set(campaigns.loc[campaigns["campaign"] == campaign, "branch"]) if campaign else set(campaigns["branch"])
    return panel[~panel["branch"].isin(set(campaigns["branch"]) - own)]


def before_start(panel: pd.DataFrame, starts: Mapping[str, str]) -> pd.DataFrame:
    """The months before the first start: what `minimum_effect` reads; empty where nobody joined.

    Who joins after the panel's end is left out, as in `did`.

    >>> panel = pd.DataFrame({"branch": ["a", "a", "b"], "month": ["2013-01", "2013-02", "2013-01"], "rate": 0.1})
    >>> before_start(panel, {"a": "2013-02", "b": "2014-01"})[["branch", "month"]].values.tolist()
    [['a', '2013-01']]
    """
    later = {branch for branch, start in starts.items() if len(panel) and start > panel["month"].max()}
    return panel[(panel["month"] < _first(panel, starts)) & ~panel["branch"].isin(later)].reset_index(drop=True)


def _first(panel: pd.DataFrame, starts: Mapping[str, str]) -> str:
    """The first month in which a branch of the panel joined; empty where none did."""
    present = set(panel["branch"])
    return min((start for branch, start in starts.items() if branch in present), default="")

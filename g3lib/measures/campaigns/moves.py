"""Each branch's own change at its start, beside the comparison that `comparison` makes of them all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from g3lib.measures.campaigns.comparison import balanced


def moves_by_branch(panel: pd.DataFrame, starts: Mapping[str, str]) -> pd.DataFrame:
    """Each branch's own change: its mean from the start on − its mean before; of those that did not join at the first start.

    Args:
        panel, starts: see `did`; without a start nothing is known.

    Returns:
        branch, side (`joined`, `others`), start, mean_before, mean_after, moved (fractions; NaN without months on a side); those
        that joined first, then who moved furthest, up or down.

    >>> panel = pd.DataFrame({"branch": list("aabb"), "month": ["2013-01", "2013-02"] * 2, "rate": [0.2, 0.5, 0.1, 0.2]})
    >>> moves_by_branch(panel, {"a": "2013-02"})[["branch", "side", "moved"]].round(2).values.tolist()
    [['a', 'joined', 0.3], ['b', 'others', 0.1]]
    """
    wide = balanced(panel)
    if not starts or wide.empty:
        return pd.DataFrame(columns=_MOVES)
    months, first = np.array(wide.columns), min(starts.values())
    rows = []
    for branch, rates in zip(wide.index, wide.to_numpy(float), strict=True):
        start = starts.get(branch, first)
        before, after = rates[months < start], rates[months >= start]
        means = [part.mean() if len(part) else np.nan for part in (before, after)]
        rows.append((branch, "joined" if branch in starts else "others", start, *means, means[1] - means[0]))
    return pd.DataFrame(rows, columns=_MOVES).sort_values(
        ["side", "moved", "branch"], key=lambda column: -column.abs() if column.name == "moved" else column, ignore_index=True
    )


_MOVES = ["branch", "side", "start", "mean_before", "mean_after", "moved"]

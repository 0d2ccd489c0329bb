"""What a picture of each test shows: the outcome with the cause and without it, by stratum; or by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from g3lib.qc.causes.declared import known_rows

_ALL = "_all"
_FIFTHS = 5
_MOST_STRATA = 12


def picture(row: Mapping[str, Any], frame: pd.DataFrame) -> pd.DataFrame:
    """The figures behind one cause's chart.

    Args:
        row: what was declared of the cause (`computed.declared`); frame: its data.

    Returns:
        First column the categories, then one a series. risk and mean: group (`_all`, then the strata, of more than a
        dozen none), with, without (rates or means); groups and ranks: group (the kinds), mean; table: group (the kinds), a
        share of each outcome; correlation: group (fifths of the measure, as spans), mean.

    >>> units = pd.DataFrame({"x": [1, 1, 0, 0], "y": [1, 0, 0, 0], "s": list("abab")})
    >>> picture({"type": "risk", "measure": "x", "outcome": "y", "stratum": "s"}, units)["with"].tolist()
    [0.5, 1.0, 0.0]
    """
    known = frame[known_rows(row, frame)]
    measure, outcome = known[row["measure"]], known[row["outcome"]]
    kind = row["type"]
    if kind in ("risk", "mean"):
        has, y = measure.astype(bool), outcome.astype(float)
        strata = [(_ALL, pd.Series(True, index=known.index))]
        if row["stratum"] and known[row["stratum"]].nunique() <= _MOST_STRATA:
            strata += [(str(name), known[row["stratum"]] == name) for name in sorted(known[row["stratum"]].unique())]
        return pd.DataFrame([(name, y[inside & has].mean(), y[inside & ~has].mean()) for name, inside in strata],
                            columns=["group", "with", "without"])  # fmt: skip
    if kind == "table":
        return pd.crosstab(measure, outcome, normalize="index").rename_axis(index="group", columns=None).reset_index()
    if kind == "correlation":
        # a measure of one value only is one span, not none
        cut = pd.qcut(measure.astype(float), _FIFTHS, duplicates="drop") if measure.nunique() > 1 else measure
        parts = pd.DataFrame({"x": measure.astype(float), "y": outcome.astype(float)}).groupby(cut, observed=True)
        ends = zip(parts["x"].min(), parts["x"].max(), strict=True)
        spans = [f"{low:g}–{high:g}" if low < high else f"{low:g}" for low, high in ends]
        return pd.DataFrame({"group": spans, "mean": parts["y"].mean().to_numpy()})
    return outcome.astype(float).groupby(measure.astype(str)).mean().rename_axis("group").reset_index(name="mean")

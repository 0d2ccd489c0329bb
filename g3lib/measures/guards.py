"""What a measure refuses (totals among parts, impossible rates and counts, words for numbers), and what it does not divide by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from g3lib.errors import DataError, listed
from g3lib.labels import fold
from g3lib.tables.shaping import TOTAL


def parts_only(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse rows that say 合计, 小计 or total among the parts: they would be counted twice.

    Raises:
        DataError: lists every such label with its column.

    >>> parts_only(pd.DataFrame({"channel": ["own", "合计"]}), ["channel"])
    Traceback (most recent call last):
    g3lib.errors.DataError: Totals stand among the parts; take them out before you share or rank:
      - channel: 合计
    """
    faults = [
        f"{column}: {value}"
        for column in columns
        for value in pd.unique(frame[column])
        if isinstance(value, str) and TOTAL.fullmatch(fold(value))
    ]
    if faults:
        raise DataError(listed(faults, "Totals stand among the parts; take them out before you share or rank:"))


def possible_rates(frame: pd.DataFrame) -> None:
    """Refuse rates outside 0–1, negative counts, and more participants than their base.

    Args:
        frame: branch, date and any of rate (fraction), participants, base; missing values are unknown, not faults.

    Raises:
        DataError: lists every such row.

    >>> possible_rates(pd.DataFrame({"branch": ["a"], "date": ["2010-02"], "rate": [41.36]}))
    Traceback (most recent call last):
    g3lib.errors.DataError: Impossible rates or counts (a rate is a fraction, 0.4136 for 41.36 %):
      - a 2010-02: rate 41.36 is not within 0 and 1
    """
    none = pd.Series(float("nan"), index=frame.index)
    rate, above, below = (frame[name].astype("float64") if name in frame else none for name in ("rate", "participants", "base"))
    wrong = {
        "rate {rate:g} is not within 0 and 1": (rate < 0) | (rate > 1),
        "participants {above:g} below zero": above < 0,
        "base {below:g} below zero": below < 0,
        "{above:g} participants of a base of {below:g}": (above > below) & (below > 0),
    }
    faults = [
        f"{frame['branch'][i]} {str(frame['date'][i])[:10]}: " + text.format(rate=rate[i], above=above[i], below=below[i])
        for text, holds in wrong.items()
        for i in frame.index[holds]
    ]
    if faults:
        raise DataError(listed(faults, "Impossible rates or counts (a rate is a fraction, 0.4136 for 41.36 %):"))


def ratio(part: float, whole: float) -> float:
    """part ÷ whole; NaN over nought: nothing can be said.

    >>> ratio(1, 2), ratio(1, 0)
    (0.5, nan)
    """
    return float(part / whole) if whole else float("nan")


def numbers(values: Sequence[float] | np.ndarray | pd.Series, what: str = "value") -> np.ndarray:
    """A column as numbers, NaN where one is missing.

    Raises:
        DataError: lists every one that is no number, by its place from 1.

    >>> numbers([1, "没有", None])
    Traceback (most recent call last):
    g3lib.errors.DataError: These are no numbers:
      - value 2 is '没有'
    """
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        column = pd.Series(list(values), dtype=object)
        found = pd.to_numeric(column, errors="coerce")
        faults = [f"{what} {i + 1} is {column[i]!r}" for i in column.index[found.isna() & column.notna()]]
        if faults:
            raise DataError(listed(faults, "These are no numbers:")) from None
        return np.asarray(found, dtype=float)

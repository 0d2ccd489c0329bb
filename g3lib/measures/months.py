"""Calendar months as numbers, so that they can be counted and subtracted."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]


def month_number(days: pd.Series) -> Ints:
    """Calendar months since January 1970, so that months can be subtracted."""
    return np.asarray(pd.to_datetime(days).to_numpy().astype("datetime64[M]").astype(np.int64))


def last_full_month(asof: date) -> int:
    """The last calendar month, counted as by `month_number`, that is over at `asof`.

    >>> last_full_month(date(1970, 2, 28)), last_full_month(date(1970, 2, 27))
    (1, 0)
    """
    day = pd.Timestamp(asof)
    return int(day.year * 12 + day.month - 1970 * 12 - 1 - (not day.is_month_end))

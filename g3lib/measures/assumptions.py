"""Figures that somebody decided: which one holds on a day, for a branch. Nobody decided means unknown, never a default."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from g3lib.errors import DataError
from g3lib.labels import code


def assumption(assumptions: pd.DataFrame, name: str, on: object, scope: str | Sequence[str] | None = None) -> float:
    """The figure that was decided, as it holds on a date; NaN where nobody decided.

    Args:
        assumptions: rows of the assumptions table.
        name: `margin`, `marginal_cost_of_credit`, …
        on: the day; of one scope's figures the one with the latest valid_from on or before it holds (one
            without a date is the oldest).
        scope: a branch or another scope, or several, narrowest first; after them comes the province (a scope
            that is empty or says so). A narrower figure that is itself unknown is not replaced by a wider one.

    Raises:
        DataError: two values for one name, scope and date.

    >>> rows = pd.DataFrame({"name": "margin", "scope": ["全省", "全省", "睢县"], "value": [0.4, 0.5, None],
    ...                      "valid_from": pd.to_datetime(["2011-01-01", "2013-01-01", "2013-01-01"])})
    >>> [assumption(rows, "margin", day, "睢县") for day in ("2012-12-31", "2013-01-01")]
    [0.4, nan]
    """
    values = holding(assumptions, name, on, scope)["value"].unique()
    if values.size > 1:
        raise DataError(f"{name} has the values {values.tolist()} at once on {on}; keep one for each scope and date.")
    return float(values[0]) if values.size else float("nan")


def holding(rows: pd.DataFrame, name: str, on: object, scope: str | Sequence[str] | None = None) -> pd.DataFrame:
    """The rows of a name that hold on a day: of the narrowest scope that has any, those that are valid from the latest day.

    Args:
        rows: name, scope, valid_from and whatever was decided; name, on, scope: see `assumption`.
    """
    rows = rows[(rows["name"] == name) & ~(rows["valid_from"] > pd.Timestamp(on))]
    if rows.empty:
        return rows
    province = rows["scope"].fillna("").map(lambda one: one == "" or code("level", one) == "province").astype(bool)
    scopes = [scope] if isinstance(scope, str) else scope or ()
    for found in (*(rows[rows["scope"] == one] for one in scopes), rows[province]):
        if len(found):
            dated = found[found["valid_from"] == found["valid_from"].max()]
            return found if dated.empty else dated
    return rows[:0]


# the figures that the calculations ask for; whoever decides them writes them into the assumptions table
DECIDED = ("m", "k", "margin", "marginal_cost_of_credit", "discount_rate", "collection_rate", "capital_rate")


def decided(assumptions: pd.DataFrame, on: object, scope: str | Sequence[str] | None = None) -> dict[str, float]:
    """All of `DECIDED` as they hold on a date; NaN where nobody decided (see `assumption`).

    >>> rows = pd.DataFrame({"name": ["m"], "scope": ["全省"], "value": [10.0], "valid_from": pd.to_datetime(["2011-01-01"])})
    >>> found = decided(rows, "2012-01-01")
    >>> found["m"], found["k"]
    (10.0, nan)
    """
    return {name: assumption(assumptions, name, on, scope) for name in DECIDED}

"""Red, amber, green: where a province says that good ends and bad begins.

The lines are rows of the thresholds table, decided by somebody and valid from a day, for the province or for one
branch. An indicator without a row has no colour: nobody said what would be enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from g3lib.errors import DataError
from g3lib.findings import Status
from g3lib.measures.assumptions import assumption, holding


def lines(thresholds: pd.DataFrame, indicator: str, on: object, scopes: Sequence[str] = ()) -> tuple[float, float, str]:
    """The green and the red line of an indicator as they hold on a day, and its direction; NaN where there is none.

    Raises:
        DataError: green is worse than red, both directions are given, or two values hold at once.

    >>> rows = pd.DataFrame({"indicator": ["counter_rate"], "scope": ["全省"], "direction": ["up"], "green": [0.6],
    ...                      "red": [0.4], "valid_from": [pd.NaT]})
    >>> lines(rows, "counter_rate", "2013-01-31")
    (0.6, 0.4, 'up')
    """
    own = thresholds[thresholds["indicator"] == indicator].rename(columns={"indicator": "name"})
    green, red = (assumption(own.rename(columns={line: "value"}), indicator, on, scopes) for line in ("green", "red"))
    if own["direction"].nunique() > 1:
        raise DataError(f"{indicator}: rows say up and down; an indicator has one direction.")
    direction = str(own["direction"].iloc[0]) if len(own) else "up"
    if (green < red) if direction == "up" else (green > red):
        raise DataError(f"{indicator}: green ({green:g}) is worse than red ({red:g}) where {direction} is better.")
    return green, red, direction


def light(value: float, thresholds: pd.DataFrame, indicator: str, on: object, scopes: Sequence[str] = ()) -> Status:
    """The colour of a value: at or better than green is good, worse than red is a breach, between is to be watched.

    An unknown value, or one whose line is masked, is unknown; an indicator of which no row holds on that day and here is plain.

    >>> rows = pd.DataFrame({"indicator": ["x"], "scope": [""], "direction": ["down"], "green": [0.02], "red": [0.1],
    ...                      "valid_from": [pd.NaT]})
    >>> [str(light(v, rows, "x", "2013-01-31")) for v in (0.02, 0.1, 0.11, float("nan"))]
    ['good', 'watch', 'breach', 'unknown']
    """
    if not decided_on(thresholds, indicator, on, scopes):
        return Status.PLAIN
    return colour(value, lines(thresholds, indicator, on, scopes))


def colour(value: float, line: tuple[float, float, str]) -> Status:
    """The colour of a value by one line (`lines`): for many values, which is looked up once."""
    green, red, direction = line
    if value != value or green != green or red != red:
        return Status.UNKNOWN
    sign = 1 if direction == "up" else -1
    return Status.GOOD if sign * value >= sign * green else Status.BREACH if sign * value < sign * red else Status.WATCH


def decided_on(thresholds: pd.DataFrame, indicator: str, on: object, scopes: Sequence[str] = ()) -> bool:
    """Whether a row of the indicator holds on that day for one of the scopes, or for the province; it may be masked."""
    if indicator not in set(thresholds["indicator"]):
        return False
    return len(holding(thresholds.rename(columns={"indicator": "name"}), indicator, on, scopes)) > 0


def lights(
    values: Mapping[str, pd.Series], thresholds: pd.DataFrame, on: object, scopes: Sequence[str] = ()
) -> dict[str, Status]:
    """The colour of several indicators, each the first value of its series; an empty one is unknown.

    >>> none = pd.DataFrame({"indicator": [], "direction": []})
    >>> {name: str(status) for name, status in lights({"counter_rate": pd.Series([0.5])}, none, "2013-01-31").items()}
    {'counter_rate': 'plain'}
    """
    firsts = {name: float(series.iloc[0]) if len(series) else float("nan") for name, series in values.items()}
    return {name: light(value, thresholds, name, on, scopes) for name, value in firsts.items()}

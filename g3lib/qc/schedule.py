"""Activities that wait for each other: earliest and latest days, floats, and the path that decides (arrow diagram)."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

import pandas as pd

from g3lib.errors import refused
from g3lib.names import names_in


def critical_path(activities: pd.DataFrame) -> pd.DataFrame:
    """Earliest and latest start and finish of each activity (critical path method).

    ES is the largest EF of what must be done before, EF = ES + days; backwards from the end LF is the least LS
    of what follows, LS = LF − days. Total float = LS − ES; free float = least ES of what follows − EF.

    Args:
        activities: activity, days (0 for a milestone), after (the activities that must be done before, with
            、 ; or , between them; empty for none).

    Returns:
        activity, days, after, es, ef, ls, lf, total_float, free_float (days from the start, 0), critical; in the table's order.

    Raises:
        DataError: lists activities that stand twice, waits for unknown ones, negative or missing days, a cycle.

    >>> plan = critical_path(pd.DataFrame({"activity": ["a", "b", "c"], "days": [2, 5, 1], "after": ["", "", "a、b"]}))
    >>> plan[["es", "ls", "total_float", "free_float"]].values.tolist()
    [[0.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0]]
    """
    names = [str(name).strip() for name in activities["activity"]]
    days = dict(zip(names, pd.to_numeric(activities["days"], errors="coerce").astype(float), strict=True))
    before = {name: names_in(after) for name, after in zip(names, activities["after"], strict=True)}
    faults = [(name, f"{name!r} stands {times} times") for name, times in Counter(names).items() if times > 1]
    faults += [(name, f"{name!r} has no days of 0 or more") for name, n in days.items() if not n >= 0]
    unknown = [(name, other) for name, waits in before.items() for other in waits if other not in days]
    faults += [(name, f"{name!r} waits for {other!r}, which is no activity") for name, other in unknown]
    order: list[str] = []
    try:
        order = [name for name in TopologicalSorter(before).static_order() if name in days]
    except CycleError as cycle:
        faults.append((cycle.args[1][0], "activities that wait for each other: " + " → ".join(map(repr, cycle.args[1]))))
    if faults:
        raise refused(faults, "The activities:")
    follows: dict[str, list[str]] = {name: [n for n in names if name in before[n]] for name in names}
    es: dict[str, float] = {}
    for name in order:
        es[name] = max((es[b] + days[b] for b in before[name]), default=0.0)
    end = max((es[name] + days[name] for name in names), default=0.0)
    lf: dict[str, float] = {}
    for name in reversed(order):
        lf[name] = min((lf[f] - days[f] for f in follows[name]), default=end)
    rows = []
    for name in names:
        ef, ls = es[name] + days[name], lf[name] - days[name]
        free = min((es[f] for f in follows[name]), default=end) - ef
        rows.append((name, days[name], "、".join(before[name]), es[name], ef, ls, lf[name], ls - es[name], free))
    table = pd.DataFrame(rows, columns=["activity", "days", "after", "es", "ef", "ls", "lf", "total_float", "free_float"])
    # what decimals leave over must not hide the path
    return table.assign(critical=table["total_float"].abs() < 1e-9)

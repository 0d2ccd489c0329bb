"""The matrix diagram: options against criteria, each pair with a mark, weighed and added up."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from g3lib.errors import refused

# strong, medium and weak, as QC groups in China mark them
MARKS = {"◎": 5.0, "○": 3.0, "△": 1.0, "×": 0.0}


def weighed(marks: pd.DataFrame, option: str, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Each option's score: Σ weight × mark over the criteria.

    Args:
        marks: one row an option; the column `option` and one column a criterion with ◎ ○ △ × or a number.
        option: the column of the options' names.
        weights: criterion → weight; 1 each unless given.

    Returns:
        option, the criteria as numbers, score, rank (1 the best; ties share the better rank).

    Raises:
        DataError: lists every mark that is none, every weight for no criterion or below 0.

    >>> weighed(pd.DataFrame({"o": ["a", "b"], "effect": ["◎", "△"], "cost": ["△", "◎"]}), "o")["rank"].tolist()
    [1, 1]
    """
    criteria = [c for c in marks.columns if c != option]
    given = dict(weights or {})
    table = marks[[option]].copy()
    faults = [("", f"a weight for {name!r}, which is no criterion") for name in given if name not in criteria]
    faults += [("", f"the weight of {name!r} is {w:g}, expected 0 or more") for name, w in given.items() if not w >= 0]
    for name in criteria:
        known = marks[name].map(lambda mark: MARKS.get(str(mark).strip(), mark))
        table[name] = pd.to_numeric(known, errors="coerce")
        faults += [(o, f"{o}: {name} is {m!r}, expected one of {' '.join(MARKS)} or a number")
                   for o, m, bad in zip(marks[option], marks[name], table[name].isna(), strict=True) if bad]  # fmt: skip
    if not criteria:
        faults.append(("", "there is no criterion"))
    if faults:
        raise refused(faults, "The matrix:")
    table["score"] = sum(table[name] * given.get(name, 1.0) for name in criteria)
    return table.assign(rank=table["score"].rank(ascending=False, method="min").astype(int))

"""Every declared cause tested on its own data, and judged together: Holm's procedure over all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from g3lib.measures.multiplicity import holm
from g3lib.qc.causes.declared import complete, filled, known_rows, refuse, translated
from g3lib.qc.causes.effects import Asked, Effect
from g3lib.qc.causes.kinds import correlated, variation
from g3lib.qc.causes.tables import table
from g3lib.qc.causes.twogroups import means, risk

# from what p on strata's effects count as different
_APART = 0.05
_TESTS: dict[str, Callable[[Asked], Effect]] = {
    "risk": risk,
    "mean": means,
    "groups": lambda asked: variation(asked, ranks=False),
    "ranks": lambda asked: variation(asked, ranks=True),
    "table": table,
    "correlation": correlated,
}


def confirm(declared: pd.DataFrame, data: Mapping[str, pd.DataFrame] | pd.DataFrame, level: float = 0.05) -> pd.DataFrame:
    """Test every declared end cause and say which are causes.

    Args:
        declared: one row an end cause, all declared before looking: cause; data (which frame of `data`); measure
            (its column there, the cause's name unless said); outcome (the problem's column); type (`risk`: yes or no
            against yes or no, the risk difference; `mean`: yes or no against a number, the difference of means;
            `groups` and `ranks`: kinds against a number, η² by Welch or ε² by Kruskal–Wallis; `table`: kinds against
            kinds, Cramér's V; `correlation`: r); minimum_effect (δ, in the effect's own unit); and where there are any,
            stratum (no consequence of the cause), cluster (units that hang together), unit (the column that names
            the unit), downstream (columns that lie downstream of the cause, 、 between them), declared_on and
            examined_on (dates), design (`observed` or `experiment`).
        data: name → frame, one row a unit of analysis; or one frame for all. A unit with a missing measure,
            outcome, stratum or cluster is left out of that cause's test alone.
        level: the family-wise level over all declared causes.

    Returns:
        One row a cause, in the declared order: cause, type, design, minimum_effect, stratum, the fields of `Effect` (p_cause
        and p_no_cause Holm-adjusted), left_out (rows that lack a value), verdict (`confirmed`, `rejected`, `insufficient`;
        never rejected where the strata's effects differ, p_heterogeneity ≤ 0.05, or could not be compared). `warnings` holds
        `observed` where no experiment stands behind the link, `same_as_outcome`, `heterogeneous`, `strata_untested` (they could
        not be compared), `long_tails` (a few far units carry a `mean`, `groups` or `correlation`, or a side is too small to
        show whether they could: ranks, the logarithm or more units are surer) and, for a confirmed risk, `opposite`: units
        with it have the problem less often.

    Raises:
        DataError: lists every fault of every cause (`declared.refuse`).

    >>> units = pd.DataFrame({"out of stock": [1] * 60 + [0] * 60, "low": [1] * 50 + [0] * 10 + [1] * 10 + [0] * 50})
    >>> declared = pd.DataFrame({"cause": ["out of stock"], "outcome": "low", "minimum_effect": 0.1})
    >>> found = confirm(declared, units)                        # 83 % low sellers against 17 %
    >>> found["effect"].round(4).item(), found["verdict"].item(), found["warnings"].item()
    (0.6667, 'confirmed', ('observed',))
    """
    frames = {"": data} if isinstance(data, pd.DataFrame) else dict(data)
    complete(declared)
    wanted = filled(declared)
    frames = translated(wanted, frames)
    refuse(wanted, frames)
    strictest = level / len(wanted)
    return _judged(pd.DataFrame([_row(row, frames[row["data"]], strictest) for row in wanted.to_dict("records")]), level)


def crude_verdicts(declared: pd.DataFrame, data: Mapping[str, pd.DataFrame], level: float = 0.05) -> pd.Series:
    """Each cause's verdict were its own stratum left out: on the same rows, all other causes as they are declared.

    What the stratum does is thus told apart from what the rows without one do, and from what other causes' strata do by Holm's
    procedure over all of them.

    Args:
        declared, data, level: see `confirm`.

    Returns:
        Verdicts, index as declared; of a cause without a stratum its own verdict.

    >>> units = pd.DataFrame({"out of stock": [1] * 60 + [0] * 60, "low": [1] * 50 + [0] * 10 + [1] * 10 + [0] * 50})
    >>> crude_verdicts(pd.DataFrame({"cause": ["out of stock"], "outcome": "low", "minimum_effect": 0.1}), {"": units}).tolist()
    ['confirmed']
    """
    complete(declared)
    wanted = filled(declared)
    frames = translated(wanted, dict(data))
    refuse(wanted, frames)
    strictest = level / len(wanted)
    records = wanted.to_dict("records")
    rows = [_row(row, frames[row["data"]], strictest) for row in records]
    verdicts = []
    for place, row in enumerate(records):
        crude = list(rows)
        if row["stratum"]:
            frame = frames[row["data"]]
            crude[place] = _row(row | {"stratum": ""}, frame[frame[row["stratum"]].notna()], strictest)
        verdicts.append(_judged(pd.DataFrame(crude), level)["verdict"].iloc[place])
    return pd.Series(verdicts, index=declared.index, dtype="object")


def _judged(out: pd.DataFrame, level: float) -> pd.DataFrame:
    """The rows with their family-wise verdicts."""
    for name in ("p_cause", "p_no_cause"):
        # a cause that could not be tested stays in the family: with p = 1 it can never be confirmed
        out[name] = holm(out[name].fillna(1.0))
    testable = out["reason"] == ""
    # strata that pull apart may cancel: a small average is then no proof that there is no effect
    apart = out["warnings"].map(lambda warnings: bool({"heterogeneous", "strata_untested"} & set(warnings)))
    judged = [testable & (out["p_cause"] <= level), testable & (out["p_no_cause"] <= level) & ~apart]
    out["verdict"] = np.select(judged, ["confirmed", "rejected"], "insufficient")
    # that lacking it is the cause can be said of a cause alone
    out["warnings"] = [
        tuple(w for w in row.warnings if w != "opposite" or row.verdict == "confirmed") for row in out.itertuples()
    ]
    return out


def _compared(measure: pd.Series, stratum: pd.Series) -> int:
    """How many strata have more than one value of the measure."""
    return int((measure.groupby(stratum.to_numpy()).nunique() > 1).sum())


def _row(row: dict[str, Any], frame: pd.DataFrame, level: float) -> dict[str, Any]:
    measure, outcome = frame[row["measure"]], frame[row["outcome"]]
    known = known_rows(row, frame).to_numpy()
    measure, outcome = measure[known], outcome[known]
    stratum, cluster = (frame.loc[known, row[name]] if row[name] else None for name in ("stratum", "cluster"))
    found = _TESTS[row["type"]](Asked(measure, outcome, stratum, cluster, float(row["minimum_effect"]), level))
    warnings = [*([] if row["design"] == "experiment" else ["observed"]), *found.warnings]
    if row["type"] == "risk" and len(measure) and np.array_equal(measure.to_numpy(bool), outcome.to_numpy(bool)):
        warnings.append("same_as_outcome")
    if found.p_heterogeneity <= _APART:
        warnings.append("heterogeneous")
    if stratum is not None and not found.reason and math.isnan(found.p_heterogeneity) and _compared(measure, stratum) > 1:
        warnings.append("strata_untested")
    if row["type"] == "risk" and found.high < 0:
        warnings.append("opposite")
    plain = asdict(found) | {"warnings": tuple(warnings), "left_out": int((~known).sum())}
    return {name: row[name] for name in ("cause", "type", "design", "minimum_effect", "stratum")} | plain

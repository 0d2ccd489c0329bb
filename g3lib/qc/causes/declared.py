"""What is declared before looking: each end cause with its own data, measure, type, smallest effect and stratum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from g3lib.errors import DataError, refused
from g3lib.names import names_in

TYPES = ("risk", "mean", "groups", "ranks", "table", "correlation")
# columns of the declaration that may be missing, and what they then say
_DEFAULTS: dict[str, object] = {
    "data": "", "type": "risk", "stratum": "", "cluster": "", "unit": "", "downstream": "", "declared_on": "", "examined_on": "",
    "design": "observed",
}  # fmt: skip
_NEEDED = ("cause", "outcome", "minimum_effect")
_LEAST = 1e-9
_WORDS = ("是", "否")
_YES_OR_NO = ("是", "否", "0", "1", 0, 1)
_SHOWN = 3
_DESIGNS = ("observed", "experiment")
# types whose effect cannot be larger than one
_PARTS = ("risk", "groups", "ranks", "table", "correlation")


def filled(declared: pd.DataFrame) -> pd.DataFrame:
    """The declaration with every column; a cause's measure is the column of its own name unless said."""
    out = declared.copy()
    out["measure"] = out["measure"].where(out["measure"].notna(), out["cause"]) if "measure" in out else out["cause"]
    for name, value in _DEFAULTS.items():
        out[name] = out[name].where(out[name].notna(), value) if name in out else value
    return out.reset_index(drop=True)


def complete(declared: pd.DataFrame) -> None:
    """Raise where a column is missing that nothing can stand in for.

    Raises:
        DataError: names the columns.
    """
    if missing := [name for name in _NEEDED if name not in declared]:
        has = ", ".join(map(str, declared.columns)) or "none"
        raise DataError(f"The declaration lacks {', '.join(missing)}; it has {has}.")


def refuse(declared: pd.DataFrame, data: Mapping[str, pd.DataFrame]) -> None:
    """Raise what makes a declaration impossible.

    Raises:
        DataError: lists, for each cause, every fault: no data, an outcome that is its own cause, a smallest
            effect that is none, too large or declared after looking, a stratum that is the outcome, the cause
            or lies downstream, a unit that comes back without a cluster, values that its type does not take.
    """
    faults = []
    for row in declared.to_dict("records"):
        said = (*_of_words(row), *_of_data(row, data.get(row["data"])))
        faults += [(row["cause"], f"{row['cause']!r} {fault}") for fault in said]
    doubled = declared["cause"][declared["cause"].duplicated()].unique()
    faults += [(cause, f"{cause!r} is declared twice") for cause in doubled]
    if declared.empty:
        faults.append(("", "no cause is declared"))
    if faults:
        raise refused(faults, "Causes cannot be tested:")


def known_rows(row: Mapping[Any, Any], frame: pd.DataFrame) -> pd.Series:
    """Which rows have all that a cause's test reads: measure, outcome and, where they are declared, stratum and cluster.

    A blank stratum is none: pooled into one of its own, units of any stratum would stand for each other.
    """
    read = [row[name] for name in ("measure", "outcome", "stratum", "cluster") if row.get(name)]
    return frame[read].notna().all(axis=1)


def translated(declared: pd.DataFrame, data: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The frames with 是 and 否 read as yes and no, in the columns that a declaration compares."""
    out = dict(data)
    for row in declared.to_dict("records"):
        if row["data"] not in out:
            continue
        frame = out[row["data"]]
        for name in (row["measure"], row["outcome"]):
            known = frame[name].dropna() if name in frame else pd.Series(dtype=object)
            if len(known) and known.iloc[0] in _WORDS and known.isin(_WORDS).all():
                frame = frame.assign(**{name: frame[name].map({"是": True, "否": False}).astype("boolean")})
        out[row["data"]] = frame
    return out


def _of_words(row: dict[str, Any]) -> list[str]:
    faults = []
    if row["type"] not in TYPES:
        faults.append(f"has type {row['type']!r}, expected one of {', '.join(TYPES)}")
    if row["measure"] == row["outcome"]:
        faults.append("is the problem itself: an outcome is no cause of its own")
    delta = row["minimum_effect"]
    if not isinstance(delta, int | float | np.number) or not float(delta) > _LEAST:
        faults.append("has no minimum effect above 0")
    elif not math.isfinite(delta):
        faults.append("has a minimum effect that nothing reaches")
    elif row["type"] in _PARTS and float(delta) >= 1:
        faults.append(f"has a minimum effect of {float(delta):g}; a {row['type']} is below 1")
    if row["design"] not in _DESIGNS:
        faults.append(f"has design {row['design']!r}, expected {' or '.join(_DESIGNS)}")
    said, looked = (pd.to_datetime(row[name] or None, errors="coerce") for name in ("declared_on", "examined_on"))
    for name, day in (("declared_on", said), ("examined_on", looked)):
        if pd.isna(day) and row[name] and row[name] == row[name]:
            faults.append(f"has {name} {row[name]!r}, which is no date")
    if pd.notna(said) and pd.notna(looked) and said > looked:
        faults.append(f"had its minimum effect declared on {said:%Y-%m-%d}, after its data were looked at on {looked:%Y-%m-%d}")
    stratum = row["stratum"]
    if stratum and stratum in (row["measure"], row["outcome"], *names_in(row["downstream"])):
        what = {row["measure"]: "the cause itself", row["outcome"]: "the problem itself"}.get(stratum, "downstream of it")
        faults.append(f"is stratified by {stratum!r}, which is {what}")
    if row["cluster"] and row["type"] not in ("risk", "mean"):
        faults.append(f"is clustered by {row['cluster']!r}, but a {row['type']} takes one row a cluster: sum up first")
    return faults


def _of_data(row: dict[str, Any], frame: pd.DataFrame | None) -> list[str]:
    if frame is None:
        return [f"names data {row['data']!r}, which are not there" if row["data"] else "has no data"]
    named = [str(row[c]) for c in ("measure", "outcome", "stratum", "cluster", "unit") if row[c]]
    if missing := [c for c in dict.fromkeys(named) if c not in frame]:
        return [f"has no data: {row['data'] or 'the units'} lack {', '.join(map(repr, missing))}"]
    faults = []
    measure, outcome = frame[row["measure"]], frame[row["outcome"]]
    if not (measure.notna() & outcome.notna()).any():
        return ["has no data: no unit has both its measure and the outcome"]
    yes_or_no = {"risk": ("measure", "outcome"), "mean": ("measure",)}.get(str(row["type"]), ())
    numbers = {"mean": ("outcome",), "groups": ("outcome",), "ranks": ("outcome",), "correlation": ("measure", "outcome")}
    for name in yes_or_no:
        if not _is_binary(frame[row[name]]):
            strange = _strange(row, name, frame, _YES_OR_NO)
            faults.append(f"is of type {row['type']}, but {strange}; expected yes or no (是, 否, 1, 0)")
    for name in numbers.get(str(row["type"]), ()):
        if not pd.api.types.is_numeric_dtype(frame[row[name]]):
            faults.append(f"is of type {row['type']}, but {_strange(row, name, frame, None)}; expected numbers")
        elif np.isinf(frame[row[name]].to_numpy(dtype=float, na_value=np.nan)).any():
            faults.append(f"is of type {row['type']}, but {row[name]!r} holds infinite values")
    if row["unit"] and not row["cluster"] and (again := int(frame[row["unit"]].duplicated().sum())):
        faults.append(f"has {again} rows of a {row['unit']!r} that is there already: declare the cluster, or one row a unit")
    return faults


def _strange(row: dict[str, Any], name: str, frame: pd.DataFrame, fit: tuple[Any, ...] | None) -> str:
    """The first values of a column that do not fit (those that are no numbers where `fit` is None), with their rows."""
    known = frame[row[name]].dropna()
    fits = known.isin(fit) if fit else pd.to_numeric(known, errors="coerce").notna()
    words = known.isin(["是", "否"])
    # where every value would fit two spellings are mixed, or words were not read as such: the rarer is the odd one
    bad = known[~fits] if not fits.all() else known[words] if words.sum() <= len(known) / 2 and words.any() else known[~words]
    bad = bad if len(bad) else known
    shown = ", ".join(f"{value!r} in row {place}" for place, value in bad.head(_SHOWN).items())
    more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    return f"{row[name]!r}{' of ' + row['data'] if row['data'] else ''} has {shown}{more}"


def _is_binary(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return True
    known = column.dropna().infer_objects()
    return pd.api.types.is_bool_dtype(known) or (pd.api.types.is_numeric_dtype(known) and bool(known.isin([0, 1]).all()))

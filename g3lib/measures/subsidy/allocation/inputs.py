"""What an allocation is given, held against what it needs: every fault is listed at once, none is guessed away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from g3lib.errors import DataError, UsageError, listed
from g3lib.labels import VOCABULARIES
from g3lib.measures.subsidy.allocation.cells import KEY, Cells

NUMBERS = ["list_price", "units", "rate", "beta", "value"]
# no month sells more: beyond it beta or units are in the wrong unit (and exact sums stay exact in a float)
MOST_UNITS = 1e9
_OPTIONAL = {"branch": "", "value": 1.0, "rate_min": 0.0, "rate_max": 1.0}


@dataclass(frozen=True)
class Inputs:
    """The inputs without faults; a limit that is not set is an empty frame."""

    of: Cells
    budget: float
    caps: pd.DataFrame
    mix_floor: tuple[tuple[str, ...], float] | None
    commitments: pd.DataFrame
    prices: pd.DataFrame
    rates: np.ndarray
    objective: str

    @property
    def cells(self) -> pd.DataFrame:
        """The cells' table, in its own order."""
        return self.of.table


def checked_cells(cells: pd.DataFrame, rate_max: float) -> Cells:
    """Cells that many limits will be asked of, looked through once.

    Raises:
        DataError: lists every fault.
    """
    faults: list[str] = []
    found = _known_cells(cells, rate_max, ["device_class"], faults)
    if found is None or faults:
        raise DataError(listed(faults, f"{len(faults)} fault(s), no allocation:"))
    return found


def _known_cells(cells: pd.DataFrame, rate_max: float, more: list[str], faults: list[str]) -> Cells | None:
    """The cells in their order; None where columns are missing. What is wrong with them is added to the faults."""
    before = len(faults)
    frame = _frame("cells", cells, [*KEY[:3], *NUMBERS[:4], *more], _OPTIONAL, faults)
    if len(faults) > before:
        return None
    table = frame.assign(row=np.arange(len(frame))).sort_values(KEY, kind="stable", ignore_index=True)
    faults += _of_cells(table, rate_max)
    return Cells(table)


def checked(
    cells: pd.DataFrame | Cells, budget: float, caps: pd.DataFrame | None, mix_floor: tuple[Sequence[str], float] | None,
    commitments: pd.DataFrame | None, vendor_prices: pd.DataFrame | None, levels: int | Sequence[float], rate_max: float,
    objective: str,
) -> Inputs:  # fmt: skip
    """The arguments of `allocate` as `Inputs`; cells that were looked through (`checked_cells`) are not again.

    Raises:
        UsageError: only the call's own settings are wrong.
        DataError: a frame is; the message lists the settings' faults too.
    """
    faults, rates = _of_settings(budget, mix_floor, levels, rate_max, objective)
    usage = len(faults)
    of_cells: list[str] = []
    own = cells if isinstance(cells, Cells) else _known_cells(cells, rate_max, ["device_class"] * bool(mix_floor), of_cells)
    caps = _frame("caps", caps, ["model"], dict.fromkeys(["cap_per_unit", "lifecycle_cap", "past_subsidy", "past_base"]), faults)
    promised = {"branch": None, "penalty_per_unit": None, "direction": "province_to_vendor"}
    commitments = _frame("commitments", commitments, ["model", "committed_units"], promised, faults)
    prices = _frame("vendor_prices", vendor_prices, ["model", "from_units", "supply_price"], {}, faults)
    complete = len(faults) == usage  # else there are columns missing, against which nothing can be held
    faults += of_cells
    if own is not None and complete:
        faults += _of_limits(own, caps, commitments, prices)
        known = {*own.table["device_class"].unique(), *VOCABULARIES["device_class"]} if mix_floor else set()
        faults += [f"mix floor: {c} is no device class" for c in (mix_floor or [()])[0] if c not in known]
    if own is None or faults:
        error = UsageError if len(faults) == usage else DataError
        raise error(listed(faults, f"{len(faults)} fault(s), no allocation:"))
    return Inputs(
        own,
        float(budget),
        caps.set_index("model").reindex(own.names),
        (tuple(mix_floor[0]), float(mix_floor[1])) if mix_floor and mix_floor[1] > 0 else None,
        commitments[commitments["direction"] == "province_to_vendor"].reset_index(drop=True),
        prices[prices["model"].isin(own.names)].sort_values(["model", "from_units"], ignore_index=True),
        rates,
        objective,
    )


def _of_settings(
    budget: float, mix_floor: tuple[Sequence[str], float] | None, levels: int | Sequence[float], rate_max: float, objective: str
) -> tuple[list[str], np.ndarray]:
    """The faults of the call's own settings, and the grid of rates that they ask for."""
    faults: list[str] = []
    if not 0 <= budget < np.inf:
        faults.append(f"budget is {budget}; expected yuan, zero or more")
    if objective not in ("net_adds", "npv"):
        faults.append(f"objective is {objective!r}; expected net_adds or npv")
    if not 0 <= rate_max <= 1:
        faults.append(f"rate_max is {rate_max}; expected a fraction from 0 to 1")
    rates = np.linspace(0, rate_max, max(levels, 2)) if isinstance(levels, int) else np.array([0.0, *levels], dtype=float)
    rates = rates[~(rates > rate_max)]
    if not (rates >= 0).all():
        faults.append(f"levels are {levels}; expected fractions from 0 on, or how many there are")
    if mix_floor is not None and not 0 <= mix_floor[1] <= 1:
        faults.append(f"mix floor's share is {mix_floor[1]}; expected a fraction from 0 to 1")
    return faults, rates


def _frame(
    name: str, given: pd.DataFrame | None, needed: list[str], optional: Mapping[str, object], faults: list[str]
) -> pd.DataFrame:
    """A copy with all columns, numbers as floats; a column that cannot be done without is a fault."""
    if given is None:
        given = pd.DataFrame(columns=needed)
    faults += [f"{name} have no column {column}" for column in needed if column not in given]
    frame = given.assign(**{column: value for column, value in optional.items() if column not in given})
    for column in frame.columns.difference([*KEY, "device_class", "direction"]):
        if column in needed or column in optional:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    return frame


def _named(what: str, rows: pd.DataFrame, wrong: pd.Series, fault: str) -> list[str]:
    return [f"{what} {' × '.join(map(str, row))}: {fault}" for row in rows[wrong.to_numpy(dtype=bool)].to_numpy().tolist()]


def _of_cells(cells: pd.DataFrame, rate_max: float) -> list[str]:
    with np.errstate(over="ignore", invalid="ignore"):
        highest = np.maximum(cells["units"], cells["units"] * np.exp(cells["beta"] * (rate_max - cells["rate"])))
        lowest = cells["units"] * np.exp(-cells["beta"] * cells["rate"])
    tests = {
        "a part of its name is unknown": cells[KEY].isna().any(axis=1),
        "is there twice; expected one row a model × channel × contract × branch": cells.duplicated(KEY),
        "list_price is not above zero; expected yuan a unit": ~(cells["list_price"].between(0, 1e7, inclusive="right")),
        "units are unknown, below zero or beyond 1e9": ~cells["units"].between(0, MOST_UNITS),
        "rate is no fraction from 0 to 1": ~cells["rate"].between(0, 1),
        "value is no number": ~np.isfinite(cells["value"]),
        "rate_min to rate_max does not hold today's rate": ~cells["rate"].between(cells["rate_min"], cells["rate_max"]),
        "beta sells more than 1e9 units; expected log units per unit of rate": (highest > MOST_UNITS) | (lowest > MOST_UNITS),
    }
    return [line for fault, wrong in tests.items() for line in _named("cell", cells[KEY], wrong, fault)]


def _of_limits(cells: Cells, caps: pd.DataFrame, commitments: pd.DataFrame, prices: pd.DataFrame) -> list[str]:
    known, unset = set(cells.names), caps["lifecycle_cap"].isna()
    here = commitments["branch"].isna() | commitments["branch"].isin(cells.table["branch"].unique())
    dearer = prices.sort_values(["model", "from_units"]).groupby("model")["supply_price"].diff() > 0
    due, penalty = commitments["committed_units"], commitments["penalty_per_unit"]
    tests: list[tuple[str, pd.DataFrame, str, pd.Series]] = [
        ("caps of", caps, "is there twice; expected one row a model", caps.duplicated("model")),
        ("caps of", caps, "cap_per_unit is below zero", caps["cap_per_unit"] < 0),
        ("caps of", caps, "lifecycle_cap is below zero", caps["lifecycle_cap"] < 0),
        ("caps of", caps, "past_subsidy or past_base is unknown or past_base below zero (a new model has 0 and 0)",
         ~unset & ~(caps["past_subsidy"].notna() & (caps["past_base"] >= 0))),
        ("commitment of", commitments, "model is in no cell", ~commitments["model"].isin(known)),
        ("commitment of", commitments, "branch is in no cell", ~here),
        ("commitment of", commitments, "is there twice", commitments.duplicated(["model", "branch", "direction"])),
        ("commitment of", commitments, "committed_units are unknown or below zero", ~due.between(0, MOST_UNITS)),
        ("commitment of", commitments, "penalty_per_unit is below zero", penalty < 0),
        ("commitment of", commitments, "direction is neither province_to_vendor nor vendor_to_province",
         ~commitments["direction"].isin(["province_to_vendor", "vendor_to_province"])),
        ("vendor price of", prices, "supply_price is not above zero", ~prices["supply_price"].between(0, 1e7, inclusive="right")),
        ("vendor price of", prices, "from_units are unknown or below zero", ~prices["from_units"].between(0, MOST_UNITS)),
        ("vendor price of", prices, "a step is there twice", prices.duplicated(["model", "from_units"])),
        ("vendor price of", prices, "rises with the units; expected steps that get cheaper", dearer.reindex(prices.index)),
    ]  # fmt: skip
    return [line for what, rows, fault, wrong in tests for line in _named(what, rows[["model"]], wrong, fault)]

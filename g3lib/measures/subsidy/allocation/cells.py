"""The cells of a plan: what each sells today, and at another subsidy.

What follows from the cells alone is worked out once of them, whatever limits they are held against and however often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

KEY = ["model", "channel", "contract", "branch"]
FEN, MILLIONTHS = 100, 10**6


@dataclass(frozen=True, eq=False)  # known by itself
class Cells:
    """Cells without faults, in an order of their own.

    table: the columns that `allocate` asks for, sorted by KEY, and `row`, the position in the order that they were given in.
    """

    table: pd.DataFrame

    @cached_property
    def subsidy(self) -> np.ndarray:
        """`today`."""
        return today(self.table)

    @cached_property
    def units(self) -> np.ndarray:
        """What each sells today, to the millionth."""
        return self.sold(self.subsidy)

    @cached_property
    def order(self) -> np.ndarray | None:
        """The position here of each cell as it was given; None where that is the same order."""
        row = self.table["row"].to_numpy()
        return None if (np.diff(row) == 1).all() else np.argsort(row)

    @cached_property
    def names(self) -> pd.Index:
        """The models, in the order of their first cell."""
        return pd.Index(self._models[1].astype("str"))

    @cached_property
    def model(self) -> np.ndarray:
        """The position of each cell's model in `names`."""
        return self._models[0]

    @cached_property
    def _models(self) -> tuple[np.ndarray, Any]:
        codes, names = pd.factorize(self.table["model"])
        return codes, names

    @cached_property
    def of_model(self) -> Mapping[str, np.ndarray]:
        """The positions of each model's cells."""
        ends = np.cumsum(np.bincount(self.model, minlength=len(self.names)))
        return dict(zip(self.names, np.split(np.argsort(self.model, kind="stable"), ends)[:-1], strict=True))

    @cached_property
    def plan_today(self) -> pd.DataFrame:
        """Today's side of a plan, in the order that the cells were given in: KEY, rate, units and spend today, and the reason
        why a cell's rate is not to be moved."""
        cells, price = self.table, self.table["list_price"].to_numpy()
        reason = np.select([cells["beta"].isna(), cells["beta"] <= 0], ["response_unknown", "response_not_positive"], "")
        plan = cells[KEY].assign(
            rate_today=self.subsidy / price, units_today=self.units, spend_today=self.subsidy * self.units, reason=reason
        )
        return self.as_given(plan)

    def as_given(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of a row a cell, in the order that the cells were given in."""
        return (frame if self.order is None else frame.iloc[self.order]).reset_index(drop=True)

    def sold(self, subsidy: np.ndarray) -> np.ndarray:
        """`demand` of each at a subsidy."""
        return _demand(self.table, self.subsidy, subsidy)


def today(cells: pd.DataFrame) -> np.ndarray:
    """Today's subsidy a unit, yuan, to the fen."""
    return np.asarray(np.rint((cells["rate"] * cells["list_price"] * FEN).to_numpy()) / FEN)


def demand(cells: pd.DataFrame, subsidy: np.ndarray) -> np.ndarray:
    """Units at a subsidy (yuan a unit), to the millionth; today's subsidy is a whole number of fen and sells today's units."""
    return _demand(cells, today(cells), subsidy)


def _demand(cells: pd.DataFrame, now: np.ndarray, subsidy: np.ndarray) -> np.ndarray:
    units, beta, price = (cells[name].to_numpy() for name in ("units", "beta", "list_price"))
    beta = np.nan_to_num(beta)
    return np.asarray(np.rint(units * np.exp(beta * ((subsidy - now) / price)) * MILLIONTHS) / MILLIONTHS)

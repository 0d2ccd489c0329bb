"""`Finding` and `Check`: the two small objects that everything shows.

A finding is one number with its sentence, and all that an auditor asks of it: unit, period, denominator,
definition, the table it came from. It renders in Jupyter and travels in the executed notebook as data, so
that the index, the overview and the deck read it from there: one number, one source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

# The version is part of the name: a reader of an old report knows what it has before it.
FINDINGS_MIME = "application/vnd.g3lib.findings.v1+json"


class Status(StrEnum):
    """What a finding means for its reader; sorted from the most urgent."""

    BREACH = "breach"
    WATCH = "watch"
    UNKNOWN = "unknown"
    GOOD = "good"
    PLAIN = "plain"


class Verdict(StrEnum):
    """What a check says. A masked or missing figure gives `NONE`, never a pass."""

    PASS = "pass"
    WARNING = "warning"
    FAIL = "fail"
    NONE = "no verdict"


@dataclass(frozen=True)
class Finding:
    """One figure and its sentence.

    `name` is the same in both languages (`attainment.month_even`), `text` is the sentence in the report's.
    `value` is in the unit named: fractions for rates (unit `1`), yuan, 台. An unknown value is None and
    the sentence says why. `headline` marks what a report opens with.
    """

    name: str
    value: float | None
    unit: str
    period: str
    denominator: str
    definition: str
    text: str
    table: str = ""
    status: Status = Status.PLAIN
    previous: float | None = None
    last_year: float | None = None
    headline: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain values; floats to twelve significant digits, so that a platform's last bit is no change."""
        plain = asdict(self) | {"status": str(self.status)}
        return {key: _tidy(value) for key, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Finding:
        """The finding that `as_dict` wrote; unknown keys of a newer version are left aside.

        >>> lift = Finding("lift", 0.3171, "1", "2010-03", "phones in service", "uplift", "+31.71 pp")
        >>> Finding.from_dict(lift.as_dict() | {"colour": "red"}) == lift
        True
        """
        known = {f.name for f in fields(cls)}
        values = {key: value for key, value in plain.items() if key in known}
        return cls(**values | {"status": Status(values.get("status", "plain"))})


@dataclass(frozen=True)
class Check:
    """A verdict, its sentence and the rows behind it."""

    name: str
    verdict: Verdict
    text: str
    table: tuple[Mapping[str, Any], ...] = ()


def as_bundle(findings: Iterable[Finding]) -> dict[str, Any]:
    """The findings as the JSON that an executed notebook carries."""
    return {"findings": [finding.as_dict() for finding in findings]}


def in_notebook(notebook: Mapping[str, Any]) -> list[Finding]:
    """Every finding that an executed notebook carries, in order; a name said twice counts once.

    >>> in_notebook({"cells": [{"cell_type": "markdown"}]})
    []
    """
    found: dict[str, Finding] = {}
    for cell in notebook.get("cells", []):
        for output in cell.get("outputs", []):
            carried = output.get("data", {}).get(FINDINGS_MIME, {})
            for plain in carried.get("findings", []):
                found.setdefault(plain["name"], Finding.from_dict(plain))
    return list(found.values())


def _tidy(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.12g}") if math.isfinite(value) else None
    return value

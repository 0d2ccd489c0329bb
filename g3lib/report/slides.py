"""What slides show, one record a kind: findings, and what stands under the first one's sentence. The deck draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from g3lib.findings import Check, Finding


@dataclass(frozen=True)
class Opening:
    """The first slide: the report's headline and its KPI row."""

    findings: Sequence[Finding]
    kpi: pd.DataFrame


@dataclass(frozen=True)
class Table:
    """A claim over its table; `above` is a word over the title."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    above: str = ""


@dataclass(frozen=True)
class Bars:
    """A claim over bars, one a category: of an index, breaches (`group`, a status) marked, or of changes, falls marked."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    category: str
    value: str
    word: str
    group: str = ""


@dataclass(frozen=True)
class Points:
    """A claim over a scatter of named points, its axes crossing at `rule` (x, y).

    `group` is a column, and a vocabulary, of colours; `words` name both axes.
    """

    findings: Sequence[Finding]
    frame: pd.DataFrame
    name: str
    x: str
    y: str
    words: tuple[str, str]
    group: str
    rule: tuple[float, float]


@dataclass(frozen=True)
class Actions:
    """The last slide: what needs doing, a line each; the checks are what some of the lines are read from."""

    title: str
    lines: Sequence[str]
    checks: Sequence[Check]
    findings: Sequence[Finding] = ()


Slide = Opening | Table | Bars | Points | Actions

"""What slides show, one record a kind: findings, and what stands under the first one's sentence. The deck draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from g3lib.findings import Check, Finding
from g3lib.qc.control import Chart
from g3lib.report.diagrams import Diagram


@dataclass(frozen=True)
class Opening:
    """The first slide: the report's headline and its KPI row."""

    findings: Sequence[Finding]
    kpi: pd.DataFrame
    title: str = ""


@dataclass(frozen=True)
class Cover:
    """The title slide: what the deck is about, and lines under it."""

    title: str
    lines: Sequence[str]
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class Table:
    """A claim over its table; `above` is a word over the title. A `whole` one goes on over as many slides as it needs."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    above: str = ""
    title: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Bars:
    """A claim over bars, one a category: of an index, breaches (`group`, a status) marked, or of changes, falls marked."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    category: str
    value: str
    word: str
    group: str = ""
    title: str = ""


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
    title: str = ""


@dataclass(frozen=True)
class Actions:
    """The last slide: what needs doing, a line each; the checks are what some of the lines are read from."""

    title: str
    lines: Sequence[str]
    checks: Sequence[Check]
    findings: Sequence[Finding] = ()


@dataclass(frozen=True)
class Paragraphs:
    """A claim over sentences; `notes` are for the speaker alone."""

    findings: Sequence[Finding]
    lines: Sequence[str]
    title: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Clusters:
    """A claim over columns side by side: the frame's first column names the categories, `columns` the series.

    `form` is the numbers' format (`0.0%`), `word` the axis's, `below` a sentence under the chart; `about` the category that the
    claim is about, in the accent before the others (all are alike where it is empty).
    """

    findings: Sequence[Finding]
    frame: pd.DataFrame
    columns: Mapping[str, str]
    form: str
    word: str = ""
    below: str = ""
    title: str = ""
    about: str = ""


@dataclass(frozen=True)
class Pareto:
    """A claim over a Pareto: bars and the cumulative line; `words` name both axes, `below` is a sentence under it."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    category: str
    value: str
    words: tuple[str, str]
    title: str = ""
    below: str = ""


@dataclass(frozen=True)
class Panels:
    """Two charts beside each other, each under its own claim."""

    findings: Sequence[Finding]
    panels: Sequence[Clusters | Pareto]
    title: str = ""


@dataclass(frozen=True)
class Staged:
    """A claim over a control chart with its phases' names; `below` says why it is this chart, `spread` is that of its ranges."""

    findings: Sequence[Finding]
    chart: Chart
    percent: bool
    unit: str
    phases: Mapping[Any, str]
    below: str = ""
    title: str = ""
    spread: Chart | None = None


@dataclass(frozen=True)
class Radar:
    """A claim over a radar: the frame's first column names the spokes, `columns` the polygons."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    columns: Mapping[str, str]
    title: str = ""


@dataclass(frozen=True)
class Drawing:
    """A claim over a diagram: `make` lays it out for a width of text (`report.diagrams`).

    `instead` is the table that stands there where its letters would be too small to read.
    """

    findings: Sequence[Finding]
    make: Callable[[float], Diagram]
    title: str = ""
    instead: pd.DataFrame | None = None


@dataclass(frozen=True)
class Gantt:
    """Planned against actual: activity, planned_start, planned_end, actual_start, actual_end."""

    findings: Sequence[Finding]
    frame: pd.DataFrame
    title: str = ""


Slide = (
    Opening | Cover | Table | Bars | Points | Actions | Paragraphs | Clusters | Panels | Pareto | Staged | Radar | Drawing | Gantt
)

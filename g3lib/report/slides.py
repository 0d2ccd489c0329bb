"""What a slide shows: findings, and the frame under the first one's sentence. How it is drawn is the deck's affair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from g3lib.findings import Check, Finding


@dataclass(frozen=True)
class Slide:
    """One slide: the findings that it shows, and what stands under the first one's sentence."""

    findings: Sequence[Finding]
    kind: str
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    columns: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    checks: Sequence[Check] = ()
    more: tuple[pd.DataFrame, ...] = ()
    group: str = ""

    @classmethod
    def opening(cls, findings: Sequence[Finding], kpi: pd.DataFrame) -> Slide:
        """The first slide: the report's headline and its KPI row."""
        return cls(findings, "opening", kpi)

    @classmethod
    def table(cls, findings: Sequence[Finding], frame: pd.DataFrame, above: str = "") -> Slide:
        """A claim over its table; `above` is a word over the title."""
        return cls(findings, "table", frame, words=(above,))

    @classmethod
    def bars(
        cls, findings: Sequence[Finding], frame: pd.DataFrame, category: str, value: str, word: str, group: str = ""
    ) -> Slide:
        """A claim over bars, one a category: of an index, breaches (`group`, a status) marked, or of changes, falls marked."""
        return cls(findings, "bars", frame, (category, value), (word,), group=group)

    @classmethod
    def points(
        cls, findings: Sequence[Finding], frame: pd.DataFrame, columns: tuple[str, str, str], words: tuple[str, str], group: str
    ) -> Slide:
        """A claim over a scatter of named points: columns are name, x, y; `group` is a column, and a vocabulary, of colours."""
        return cls(findings, "points", frame, columns, words, group=group)

    @classmethod
    def actions(cls, checks: Sequence[Check], comments: pd.DataFrame, reached: pd.DataFrame, behind: pd.DataFrame) -> Slide:
        """The last slide: what was found wrong, who is behind, who does what until when, what each day left must bring."""
        return cls((), "actions", comments, checks=checks, more=(reached, behind))
